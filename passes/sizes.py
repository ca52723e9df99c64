"""Sizes that a graph assumes equal get one name.

Invariant: an input keeps its place; two inputs that shared a guard now share a name, so that matching the arguments
checks it. Entry points: `unify_sizes`, `rename`, `names_in`, `births`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from graphtf.ir.dims import Dim, SymDim, substitute, symbols
from graphtf.ir.graph import Graph, Node, Value, map_regions, substitute_attr
from graphtf.ir.op import Host
from graphtf.ir.types import RefType


def unify_sizes(graph: Graph) -> Graph:
    """Where a guard says that a bare name equals a size, write that size for the name, and drop the guard."""
    env: dict[str, Dim] = {}
    for a, b in graph.guards:
        a, b = substitute(a, env), substitute(b, env)
        name, size = (a, b) if isinstance(a, SymDim) and a.is_symbol else (b, a)
        if not isinstance(name, SymDim) or not name.is_symbol or str(name) in symbols(size):
            continue
        env = {k: substitute(v, {str(name): size}) for k, v in env.items()} | {str(name): size}
    return rename(graph, env) if env else graph


def rename(graph: Graph, env: dict[str, Dim]) -> Graph:
    """The graph with sizes replaced in every type, attribute and guard."""
    new: dict[Value, Value] = {}

    def renamed(v: Value) -> Value:
        t = v.type.substitute(env)
        new[v] = v if t == v.type else Value(t, v.hint)
        return new[v]

    inputs = tuple(renamed(v) for v in graph.inputs)
    nodes = []
    for n in graph.nodes:
        attrs = {k: substitute_attr(a, env) for k, a in n.attrs.items()}
        ins = tuple(new.get(v, v) for v in n.inputs)
        n = map_regions(n, lambda r: rename(r, env))
        nodes.append(Node(n.op, ins, attrs, tuple(renamed(v) for v in n.outputs), n.regions, n.source))
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    left = ((substitute(a, env), substitute(b, env)) for a, b in graph.guards)
    guards = tuple((a, b) for a, b in left if a != b)
    return replace(graph, inputs=inputs, nodes=tuple(nodes), outputs=outputs, guards=guards)


# ---- names -----------------------------------------------------------------------------------------------------------


def names_in(v: Value) -> Iterator[str]:
    """Names of sizes in a value's type."""
    t = v.type.content if isinstance(v.type, RefType) else v.type
    for d in t.shape or ():
        if isinstance(d, SymDim):
            yield from symbols(d)


def names_in_node(n: Node) -> Iterator[str]:
    """Names of sizes that a node, or what is inside it, has in its results' types and its attributes."""
    for v in n.outputs:
        yield from names_in(v)
    for a in n.attrs.values():
        yield from _names_in_attr(a)
    for region in n.regions.values():
        for v in region.inputs:
            yield from names_in(v)
        for m in region.nodes:
            yield from names_in_node(m)


def _names_in_attr(attr: Any) -> Iterator[str]:
    if isinstance(attr, tuple):
        for x in attr:
            yield from _names_in_attr(x)
    elif isinstance(attr, SymDim):
        yield from symbols(attr)


def births(inputs: Iterable[Value], nodes: Iterable[Node]) -> dict[str, Value]:
    """The value that makes a size known, for those that only running the nodes makes known."""
    known = {s for v in inputs for s in names_in(v)}
    found: dict[str, Value] = {}
    for n in nodes:
        if isinstance(n.op.lowering, Host) or n.regions:
            found.update((s, v) for v in n.outputs for s in names_in(v) if s not in known)
        known.update(names_in_node(n))
    return found
