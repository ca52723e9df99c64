"""Loops that do not need each other, side by side, so that they can run at once.

Invariant: only what computes moves, and only to an earlier place, with what it is computed from, where the sizes it
names are known. Linear but for sorting. Entry point: `gather`.
"""

from __future__ import annotations

from bisect import bisect_right

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect
from graphtf.ir.types import RefType
from graphtf.passes.dce import has_effect
from graphtf.passes.sizes import names_in, names_in_node
from graphtf.passes.structure import is_loop

START = -1


def gather(graph: Graph) -> Graph:
    """The graph with each loop directly after the first that it could run beside."""
    if sum(map(is_loop, graph.nodes)) < 2:
        return graph
    beside = companions(graph)
    if not beside:
        return graph
    maker = graph.producers()
    placed: dict[Node, None] = {}
    for n in graph.nodes:
        for m in beside.get(n, ()):
            placed.update(dict.fromkeys(x for v in m.inputs for x in _needed(v, maker, placed)))
        placed[n] = None
        placed.update(dict.fromkeys(beside.get(n, ())))
    return graph.with_nodes(placed)


def companions(graph: Graph) -> dict[Node, list[Node]]:
    """The loops that come beside another, by that one: everything which they wait for and which stays in its place is
    before it."""
    waits: dict[Value, int] = {}  # the position of the last node that stays and that a value is computed from
    known = {s: START for v in graph.inputs for s in names_in(v)}  # where sizes become known
    leaders: list[int] = []
    found: dict[Node, list[Node]] = {}
    for at, n in enumerate(graph.nodes):
        last = max([START, *(waits.get(v, START) for v in n.inputs), *(known.get(s, at) for s in names_in_node(n))])
        moves = n.op.effect is Effect.NONE
        if is_loop(n) and computes(n):
            first = bisect_right(leaders, last)
            if first < len(leaders) and last < at:
                found.setdefault(graph.nodes[leaders[first]], []).append(n)
            else:
                leaders.append(at)
        waits.update(dict.fromkeys(n.outputs, last if moves else at))
        for s in (s for v in n.outputs for s in names_in(v)):
            known.setdefault(s, at)
    return found


def computes(n: Node) -> bool:
    """Does the node only compute, from tensors?"""
    return not has_effect(n) and not any(isinstance(v.type, RefType) for v in n.inputs)


def _needed(v: Value, maker: dict[Value, Node], placed: dict[Node, None]) -> list[Node]:
    """The nodes that a value is computed from and that are not placed yet, in order."""
    found: dict[Node, None] = {}
    pending = [maker[v]] if v in maker else []
    while pending:
        x = pending[-1]
        missing = [y for w in x.inputs if (y := maker.get(w)) is not None and y not in placed and y not in found]
        if missing and x not in placed:
            pending += missing
            continue
        pending.pop()
        if x not in placed:
            found[x] = None
    return list(found)
