"""A graph together with its gradient, and how the two are parted again into a forward and a backward graph.

Invariant: what the forward graph does is what the graph did; the backward graph takes inputs, saved values and
cotangents, computes again what was not saved, and repeats no effect. Entry points: `joint`, `Joint.split`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from graphtf.ir.binding import active_binder, binding
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, sym
from graphtf.ir.dtypes import int64
from graphtf.ir.graph import Graph, Node, Value, copy_graph
from graphtf.ir.ops.prims import p
from graphtf.passes.autodiff.record import Backward, Entry
from graphtf.passes.autodiff.widen import fitted
from graphtf.passes.dce import has_effect
from graphtf.passes.sizes import births, names_in, names_in_node


@dataclass
class Joint:
    """A graph's inputs, nodes and outputs, those of its gradient among them."""

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]  # of the graph itself
    cts: dict[int, Value]  # the cotangent given of output k, a further input
    found: dict[int, Value]  # the cotangent found of input k, where there is one
    guards: tuple[tuple[Dim, Dim], ...] = ()
    anew: Mapping[str, Value] = field(default_factory=dict)  # what makes a size known again, from its number

    @cached_property
    def maker(self) -> dict[Value, Node]:
        return {v: n for n in self.nodes for v in n.outputs}

    @cached_property
    def later(self) -> set[Value]:
        """What depends on a cotangent."""
        found = set(self.cts.values())
        for n in self.nodes:
            if not found.isdisjoint(n.inputs):
                found.update(n.outputs)
        return found

    @cached_property
    def needed(self) -> list[Value]:
        """What the gradient needs of what does not depend on cotangents, each once, in program order."""
        live = set(self.found.values())
        wanted: dict[Value, None] = {}
        for n in reversed(self.nodes):
            if not self.later.isdisjoint(n.outputs) and not live.isdisjoint(n.outputs):
                live.update(n.inputs)
                wanted.update(dict.fromkeys(n.inputs))
                wanted.update(dict.fromkeys(self.sizes_of(n)))
        wanted.update(dict.fromkeys(self.found.values()))
        return [v for v in self._in_order if v in wanted and v not in self.later]

    @property
    def _in_order(self) -> Iterator[Value]:
        yield from self.inputs
        for n in self.nodes:
            yield from n.outputs

    @cached_property
    def births(self) -> dict[str, Value]:
        """The value that makes a size known, for those that only running the graph makes known."""
        return births(self.inputs, self.nodes)

    @cached_property
    def counting(self) -> set[Node]:
        """The nodes that read off the numbers from which sizes are made known again."""
        return {self.maker[self.maker[v].inputs[1]] for v in self.anew.values()}

    def sizes_of(self, n: Node) -> Iterator[Value]:
        """What makes known the sizes that a node of the gradient names, but for those that it makes known itself."""
        anew = {} if n in self.counting else self.anew
        births = (anew.get(s, self.births.get(s)) for s in names_in_node(n))
        return (v for v in births if v is not None and v not in n.outputs)

    def is_born_inside(self, v: Value) -> bool:
        """Does the value's type name a size that only running the graph makes known?"""
        return any(s in self.births for s in names_in(v))

    def split(self, saved: Iterable[Value], shown: Iterable[int] = ()) -> Split:
        """The forward and the backward graph, which pass on the values `saved`. The backward graph takes the inputs
        that it needs, and those `shown`."""
        kept = list(dict.fromkeys(saved))
        forward = self._forward([*self.outputs, *kept])
        inputs, nodes = self._backward(set(kept))
        inputs.update(self.inputs[k] for k in shown)
        taken = [k for k, v in enumerate(self.inputs) if v in inputs]
        takes = [*(self.inputs[k] for k in taken), *kept, *self.cts.values()]
        gives = list(self.found.values())
        backward = copied(takes, nodes, gives, f"{self.name}_gradient", self.guards)
        return Split(forward, backward, kept, taken, list(self.cts), list(self.found))

    def _forward(self, outputs: Sequence[Value]) -> Graph:
        live = set(outputs)
        nodes: list[Node] = []
        for n in reversed(self.nodes):
            wanted = not live.isdisjoint(n.outputs)
            if wanted or (has_effect(n) and self.later.isdisjoint((*n.inputs, *n.outputs))):
                live.update(n.inputs)
                live |= {self.births[s] for s in names_in_node(n) if s in self.births} - set(n.outputs)
                nodes.append(n)
        return Graph(self.inputs, tuple(reversed(nodes)), tuple(outputs), self.name, self.guards)

    def _backward(self, saved: set[Value]) -> tuple[set[Value], list[Node]]:
        """The inputs of the graph that the gradient takes, and its nodes."""
        live = set(self.found.values())
        nodes: list[Node] = []
        for n in reversed(self.nodes):
            outs = live.intersection(n.outputs)
            wanted = bool(outs - saved) or (has_effect(n) and not self.later.isdisjoint((*n.inputs, *n.outputs)))
            if wanted:
                live.update(n.inputs)
                live.update(self.sizes_of(n))
                nodes.append(n)
        return live, nodes[::-1]


@dataclass
class Split:
    """A graph parted from its gradient."""

    forward: Graph  # gives the graph's outputs and then what is saved
    backward: Graph  # takes the inputs `taken`, what is saved, and the cotangents of outputs `given`
    saved: list[Value]
    taken: list[int]
    given: list[int]
    found: list[int]  # the inputs whose cotangents it gives


def joint(
    region: Graph, wanted: Sequence[int], given: Sequence[int], backward: Backward, changing: Collection[int] = ()
) -> Joint:
    """The graph and the cotangents of the inputs `wanted`, from those of the outputs `given`. Cotangents of the outputs
    `changing`, which have another shape each time, come with an unknown one."""
    here = active_binder()
    b = Builder(region.name, within=here if isinstance(here, Builder) else None)
    b.size_names |= {s for n in region.walk() for s in names_in_node(n)} if b.within is None else set()
    copy, _ = copy_graph(region)
    b.guards += copy.guards
    anew = _added_with_sizes(b, copy) if changing else _added(b, copy)
    types = {k: copy.outputs[k].ir_type for k in given}
    cts = {k: Value(t.with_shape(None) if k in changing else t, "ct") for k, t in types.items()}
    entries = [Entry.of(n) for n in copy.nodes]
    with binding(b):
        sources = [copy.inputs[k] for k in wanted]
        seeds = [fitted(ct, types[k]) for k, ct in cts.items()]
        found = backward(entries, [copy.outputs[k] for k in given], sources, seeds)
    have = {k: v for k, v in zip(wanted, found) if v is not None}
    return Joint(region.name, copy.inputs, tuple(b.nodes), copy.outputs, cts, have, tuple(b.guards), anew)


def _added(b: Builder, region: Graph) -> dict[str, Value]:
    b.nodes += region.nodes
    return {}


def _added_with_sizes(b: Builder, region: Graph) -> dict[str, Value]:
    """Append the nodes, and to each size that they make known its number, and what makes it known from that: the
    gradient can keep a number where it could not keep a tensor of that size."""
    born: dict[Value, list[str]] = {}
    for name, v in births(region.inputs, region.nodes).items():
        born.setdefault(v, []).append(name)
    anew: dict[str, Value] = {}
    with binding(b):
        for n in region.nodes:
            b.nodes.append(n)
            for name in (name for v in n.outputs for name in born.get(v, ())):
                number = p.dims(dims=(sym(name),), dtype=int64)
                none = p.constant(value=np.zeros((), bool))
                anew[name] = p.broadcast_to(none, number, shape=(sym(name),))
    return anew


def copied(
    inputs: Sequence[Value], nodes: Sequence[Node], outputs: Sequence[Value], name: str,
    guards: tuple[tuple[Dim, Dim], ...] = (),
) -> Graph:  # fmt: skip
    """A graph of these nodes that shares no value with them."""
    return copy_graph(Graph(tuple(inputs), tuple(nodes), tuple(outputs), name, guards))[0]
