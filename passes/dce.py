"""Dead code: nodes whose results nothing needs and that do nothing else.

Invariant: effects stay, and so does whatever makes a size known that something needed names; no op is named.
Entry point: `dce`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphtf.ir.dims import SymDim, symbols
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Effect
from graphtf.ir.types import RefType


def has_effect(n: Node) -> bool:
    """Does running the node do anything besides giving its outputs? Reading a variable does not, nor taking long."""
    if n.op.effect is Effect.REGIONS:
        return any(has_effect(m) for r in n.regions.values() for m in r.nodes)
    return n.op.effect not in (Effect.NONE, Effect.READ)


def dce(graph: Graph) -> Graph:
    """Drop what is not needed."""
    live: set[Value] = set(graph.outputs)
    makers = _size_makers(graph)
    named = {s for v in graph.outputs for s in _names_of_value(v)}
    named.update(s for guard in graph.guards for d in guard for s in symbols(d))
    kept: list[Node] = []
    for n in reversed(graph.nodes):
        if any(v in live for v in n.outputs) or has_effect(n) or not named.isdisjoint(makers.get(n, ())):
            live.update(n.inputs)
            kept.append(map_regions(n, dce))
            if makers:
                named.update(_names_of_node(n))
    return graph.with_nodes(reversed(kept))


def _size_makers(graph: Graph) -> dict[Node, list[str]]:
    """The nodes whose results make sizes known that no input does, with the names of those sizes."""
    known = {s for v in graph.inputs for s in _names_of_value(v)}
    found: dict[Node, list[str]] = {}
    for n in graph.nodes:
        fresh = [s for v in n.outputs for s in _names_of_value(v) if s not in known]
        if fresh:
            found[n] = fresh
            known.update(fresh)
    return found


def _names_of_value(v: Value) -> Iterator[str]:
    t = v.type.content if isinstance(v.type, RefType) else v.type
    for d in t.shape or ():
        if isinstance(d, SymDim):
            yield from symbols(d)


def _names_of_node(n: Node) -> Iterator[str]:
    """Sizes that a node, or what is inside it, names."""
    for v in n.outputs:
        yield from _names_of_value(v)
    for a in n.attrs.values():
        yield from _names_in(a)
    for region in n.regions.values():
        for v in region.inputs:
            yield from _names_of_value(v)
        for m in region.nodes:
            yield from _names_of_node(m)


def _names_in(attr: Any) -> Iterator[str]:
    if isinstance(attr, tuple):
        for x in attr:
            yield from _names_in(x)
    elif isinstance(attr, SymDim):
        yield from symbols(attr)
