"""Groups to `fusion` nodes: each group's nodes move into a closed region, with copies of the free nodes they read.

Invariant: the values that leave a group keep their identity, so the rest of the graph is untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.ops.composite import fusion

if TYPE_CHECKING:
    from graphtf.passes.fusion.fuse import Fuser, Group


def outline(graph: Graph, fuser: Fuser) -> Graph:
    """The graph with every group of kernels as one node."""
    groups = fuser.run()
    position = {n: i for i, n in enumerate(graph.nodes)}
    bodies = [_body(g, fuser, position) for g in groups]
    wanted = {v for _, externals in bodies for v in externals} | set(graph.outputs)
    nodes = []
    for g, (inside, externals) in zip(groups, bodies):
        if g.kind == "opaque":
            nodes += g.nodes
        else:
            leaving = tuple(v for n in inside for v in n.outputs if v in wanted and fuser.owner(v) is g)
            if leaving:
                nodes.append(_region_node(g, inside, externals, leaving))
    return graph.with_nodes(nodes)


def _body(g: Group, fuser: Fuser, position: dict[Node, int]) -> tuple[list[Node], list[Value]]:
    """The group's nodes and the free ones they read, in program order; and what they read from outside. A free node
    that became a group of its own only after this one is still copied."""
    own = set(g.nodes)
    inside = set(own)
    pending = list(own)
    while pending:
        for v in pending.pop().inputs:
            n = fuser.producer.get(v)
            if n is not None and n not in inside and fuser.floats_for(n, g):
                inside.add(n)
                pending.append(n)
    ordered = sorted(inside, key=position.__getitem__)
    externals: dict[Value, None] = {}
    for n in ordered:
        for v in n.inputs:
            if fuser.producer.get(v) not in inside:
                externals.setdefault(v)
    return ordered, list(externals)


def _region_node(g: Group, inside: list[Node], externals: list[Value], leaving: tuple[Value, ...]) -> Node:
    inner = {v: Value(v.type, v.hint) for v in externals}
    copies = []
    for n in inside:
        inputs = tuple(inner[v] for v in n.inputs)
        inner.update((v, Value(v.type, v.hint)) for v in n.outputs)
        copies.append(Node(n.op, inputs, n.attrs, tuple(inner[v] for v in n.outputs), n.regions, n.source))
    body = Graph(tuple(inner[v] for v in externals), tuple(copies), tuple(inner[v] for v in leaving), g.kind)
    source = next((n.source for n in reversed(g.nodes) if n.source), None)
    return Node(fusion, tuple(externals), {"kind": g.kind}, leaving, {"body": body}, source)
