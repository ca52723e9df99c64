"""The steps of a program, as assembling makes them, and what running them needs to know.

Invariant: a plan holds nothing of the compiler: it can be kept on disk, beside the machine code. Entry points:
`Assembly`, `plan_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from graphtf.ir.dims import Dim, nonnegative, symbols
from graphtf.ir.graph import Graph, Node
from graphtf.ir.interpret import Array, node_runner
from graphtf.ir.loops.stmt import Module, Site
from graphtf.ir.match import match_arguments
from graphtf.runtime.slots import Slot, SlotTable

Shape = tuple[Dim, ...]


@dataclass
class NativeStep:
    """One call of native code."""

    module: Module
    nodes: tuple[Node, ...]


@dataclass
class HostStep:
    """One node run by its reference, in Python, and why."""

    node: Node
    why: str
    operands: tuple[Slot | int, ...]  # an int: the graph input that is a variable
    results: tuple[Slot, ...]
    opens_phase: bool  # its results' sizes are known only once it has run
    touches_variables: bool  # it may assign some

    @cached_property
    def run(self) -> Callable[..., list[Array]]:
        """Runs the node on operands, for sizes that are known."""
        return node_runner(self.node)


@dataclass
class Assembly:
    """What a program runs."""

    graph: Graph
    table: SlotTable
    steps: list[NativeStep | HostStep]
    results: list[Slot]  # for each output of the graph
    written: tuple[int, ...]  # inputs that are variables and are assigned
    sites: tuple[Site, ...]  # what the numbers of failed checks mean
    shown: dict[int, tuple[Node, tuple[Slot, ...]]]  # checks whose error shows operands: the node, where they lie


@dataclass
class Plan:
    """What running the steps of an assembly needs to know."""

    name: str
    slots: list[Slot]
    outputs: list[tuple[Slot, Shape]]  # slots that are allocated for a call, and the shapes of their arrays
    results: list[tuple[Slot, Shape | None]]  # where each result is found, and its shape if the array's is another
    written: tuple[int, ...]
    sites: tuple[Site, ...]
    doubtful: list[Dim]  # sizes on the way that may turn out negative, of those known at entry
    shown: frozenset[int]  # checks whose error shows operands: the assembly knows which


def plan_of(assembly: Assembly) -> Plan:
    """What running an assembly needs to know."""
    graph, slots = assembly.graph, assembly.table.slots
    outputs = [(s, graph.outputs[s.position].ir_type.dims) for s in slots if s.kind == "output"]
    results = [(slot, _relabelled(assembly, k, slot)) for k, slot in enumerate(assembly.results)]
    doubtful = doubtful_sizes(graph, match_arguments(graph).names)
    shown = frozenset(assembly.shown)
    return Plan(graph.name, slots, outputs, results, assembly.written, assembly.sites, doubtful, shown)


def _relabelled(assembly: Assembly, k: int, slot: Slot) -> Shape | None:
    """The shape of output k where it is the same memory as an array of another shape."""
    v = assembly.graph.outputs[k]
    if slot.kind == "output" or v in assembly.graph.inputs:
        return None
    made = any(v is x for s in assembly.steps if isinstance(s, HostStep) for x in s.node.outputs)
    return None if made else v.ir_type.dims


def doubtful_sizes(graph: Graph, known: Iterable[str]) -> list[Dim]:
    """Sizes on the way that may turn out negative (a window that does not fit), of those known at entry."""
    names = set(known)
    sizes = {d for n in graph.walk() for v in n.outputs for d in v.ir_type.dims_or_none if not isinstance(d, int)}
    return [d for d in sizes if names.issuperset(symbols(d)) and not nonnegative(d)]
