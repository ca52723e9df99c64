"""Sizes that a graph assumes equal get one name.

Invariant: an input keeps its place; two inputs that shared a guard now share a name, so that matching the arguments
checks it. Entry point: `unify_sizes`.
"""

from __future__ import annotations

from dataclasses import replace

from graphtf.ir.dims import Dim, SymDim, substitute, symbols
from graphtf.ir.graph import Graph, Node, Value, map_regions, substitute_attr


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
