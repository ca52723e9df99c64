"""Loops that do not need each other, side by side, so that they can run at once.

Invariant: only what computes moves, and only to an earlier place, with what it is computed from, where the sizes it
names are known. Entry point: `gather`.
"""

from __future__ import annotations

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect
from graphtf.ir.types import RefType
from graphtf.passes.dce import has_effect
from graphtf.passes.sizes import names_in, names_in_node
from graphtf.passes.structure import is_loop


def gather(graph: Graph) -> Graph:
    """The graph with each loop directly after the first that it could run beside."""
    loops = [n for n in graph.nodes if is_loop(n) and computes(n)]
    if len(loops) < 2:
        return graph
    maker = graph.producers()
    placed: dict[Node, None] = {}
    sizes = {s for v in graph.inputs for s in names_in(v)}  # those that are known so far
    for n in graph.nodes:
        if n in placed:
            continue
        beside = [m for m in loops if m is not n and m not in placed] if n in loops else []
        together = [n]
        for m in beside:
            needed = _needed(m, maker, placed)
            if needed is not None and n not in needed and all(sizes.issuperset(names_in_node(x)) for x in needed):
                placed.update(dict.fromkeys(x for x in needed if x is not m))
                together.append(m)
        placed.update(dict.fromkeys(together))
        sizes.update(s for m in together for v in m.outputs for s in names_in(v))
    return graph.with_nodes(placed)


def computes(n: Node) -> bool:
    """Does the node only compute, from tensors?"""
    return not has_effect(n) and not any(isinstance(v.type, RefType) for v in n.inputs)


def _needed(m: Node, maker: dict[Value, Node], placed: dict[Node, None]) -> list[Node] | None:
    """What must come before the loop and is not placed, in order; None if another loop, or an effect, is among it."""
    found: dict[Node, None] = {}
    pending = [m]
    while pending:
        x = pending[-1]
        if x in found:
            pending.pop()
            continue
        if x is not m and x.op.effect is not Effect.NONE:
            return None
        missing = [y for v in x.inputs if (y := maker.get(v)) is not None and y not in placed and y not in found]
        if not missing:
            found[x] = None
            pending.pop()
        pending += missing
    return list(found)
