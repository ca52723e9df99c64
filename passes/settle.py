"""Reads of variables as early, and assignments as late, as their order allows: what lies between can become one kernel.

Invariant: a variable's reads and assignments keep their order among each other, and assignments stay on their side of
whatever may stop the program, or do something outside of it; one that nobody sees is left out. Entry point: `settle`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Effect
from graphtf.ir.types import RefType
from graphtf.passes.dce import has_effect

START = -1


def settle(graph: Graph) -> Graph:
    """The graph with reads and assignments where they leave most room; in regions too."""
    nodes = [map_regions(n, settle) for n in graph.nodes]
    return graph.with_nodes(late_assignments(early_reads(nodes)))


def early_reads(nodes: Sequence[Node]) -> list[Node]:
    """Each read directly after what last may have changed its variable."""
    after: dict[int, list[Node]] = {}
    changed: dict[Value, int] = {}
    any_changed = START
    for at, n in enumerate(nodes):
        if n.op.effect is Effect.READ:
            after.setdefault(max(any_changed, changed.get(n.inputs[0], START)), []).append(n)
            continue
        changed.update((v, at) for v in n.inputs if isinstance(v.type, RefType))
        if may_stop(n):
            any_changed = at
    placed = list(after.get(START, ()))
    for at, n in enumerate(nodes):
        if n.op.effect is not Effect.READ:
            placed += [n, *after.get(at, ())]
    return placed


def late_assignments(nodes: Sequence[Node]) -> list[Node]:
    """Each assignment directly before what next looks at its variable, or has another effect; else at the end."""
    placed: list[Node] = []
    waiting: dict[Value, Node] = {}
    for n in nodes:
        if may_stop(n):
            placed += waiting.values()
            waiting.clear()
        if n.op.effect is Effect.WRITE:
            waiting.pop(n.inputs[0], None)  # nobody saw what the one before assigned
            waiting[n.inputs[0]] = n
            continue
        placed += [waiting.pop(v) for v in dict.fromkeys(n.inputs) if v in waiting]
        placed.append(n)
    return [*placed, *waiting.values()]


def may_stop(n: Node) -> bool:
    """Does it do anything besides computing, reading and assigning?"""
    if n.op.effect is Effect.REGIONS:
        return has_effect(n)
    return n.op.effect in (Effect.CHECK, Effect.IO)
