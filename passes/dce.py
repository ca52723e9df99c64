"""Dead code: nodes whose results nothing needs and that do nothing else.

Invariant: effects stay; no op is named. Entry point: `dce`.
"""

from __future__ import annotations

from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Effect


def has_effect(n: Node) -> bool:
    """Does running the node do anything besides giving its outputs? Reading a variable does not."""
    if n.op.effect is Effect.REGIONS:
        return any(has_effect(m) for r in n.regions.values() for m in r.nodes) or "cond" in n.regions
    return n.op.effect not in (Effect.NONE, Effect.READ)


def dce(graph: Graph) -> Graph:
    """Drop what is not needed."""
    live: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    for n in reversed(graph.nodes):
        if any(v in live for v in n.outputs) or has_effect(n):
            live.update(n.inputs)
            kept.append(map_regions(n, dce))
    return graph.with_nodes(reversed(kept))
