"""What computing an element costs, in simple instructions: enough to size tasks and to choose recomputation."""

from __future__ import annotations

from graphtf.ir.graph import Graph, Node
from graphtf.ir.loops.expr import TRANSCENDENTAL
from graphtf.ir.op import Body, Element, Scalar, Trait

_FUNCTION = 8  # a transcendental function costs about as much as eight simple operations
_COMPOSED = 4


def node_weight(n: Node) -> int:
    """Cost of one element of the node, its operands given."""
    lowering = n.op.lowering
    if n.op.traits & (Trait.GENERATOR | Trait.VIEW):
        return 0
    if isinstance(lowering, Scalar):
        return _FUNCTION if lowering.prim in TRANSCENDENTAL else 1
    return _COMPOSED if isinstance(lowering, (Body, Element)) else 1


def weight(region: Graph) -> int:
    """Cost of one iteration that computes every node of the region once."""
    return max(1, sum(node_weight(n) for n in region.nodes) // 2)
