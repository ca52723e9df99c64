"""Ops that are defined by others are replaced by their definition.

Invariant: afterwards every node is a primitive with a lowering of its own, or the host's. Entry point: `decompose`.
"""

from __future__ import annotations

from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Decompose


def decompose(graph: Graph) -> Graph:
    """Replace nodes whose lowering is a decomposition, until none is left."""
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for n in graph.nodes:
        n = map_regions(n.with_inputs(tuple(new.get(v, v) for v in n.inputs)), decompose)
        if not isinstance(n.op.lowering, Decompose):
            nodes.append(n)
            continue
        body, outputs = expand(n)
        nodes += body
        new.update(zip(n.outputs, outputs))
    return graph.with_nodes(nodes, tuple(new.get(v, v) for v in graph.outputs))


def expand(n: Node) -> tuple[list[Node], list[Value]]:
    """The nodes of the definition (themselves decomposed) and the values that replace the node's outputs."""
    assert isinstance(n.op.lowering, Decompose)
    b = Builder(source=n.source)
    with binding(b):
        out = n.op.lowering.fn(*n.inputs, **n.all_attrs())
    outputs = list(out) if isinstance(out, (tuple, list)) else [out]
    inner = decompose(Graph(tuple(n.inputs), tuple(b.nodes), tuple(outputs)))
    return list(inner.nodes), list(inner.outputs)
