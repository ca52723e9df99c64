"""Which operands a kernel may overwrite with a result of the same shape and type.

Invariant: of such an operand the kernel reads element i only to compute element i of its results, before it stores any
of them, and it stores each element once. Entry point: `overwritable(node)`.
"""

from __future__ import annotations

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Kernel, Trait


def overwritable(node: Node) -> list[int]:
    """The numbers of the operands of a fusion that a result may take the place of."""
    kind = node.attrs.get("kind")
    if kind != "loop" and not (kind == "contract" and is_product(node)):
        return []
    region = node.regions["body"]
    return [k for k, v in enumerate(region.inputs) if read_at_own_index(region, v)]


def is_product(node: Node) -> bool:
    """Is the contraction in it one of matrices?"""
    kernels = [n.op.lowering.kind for n in node.regions["body"].nodes if isinstance(n.op.lowering, Kernel)]
    return kernels == ["contract"]


def read_at_own_index(region: Graph, v: Value) -> bool:
    """Is every element of `v` read only for the element at its own index?"""
    shape, reached = v.ir_type.dims, {v}
    for n in region.nodes:
        if any(x in reached for x in n.inputs):
            if Trait.ELEMENTWISE not in n.op.traits or n.out.ir_type.dims != shape:
                return False
            reached.add(n.out)
    return all(x.ir_type.dims == shape for x in region.outputs)


def stores_once(node: Node) -> bool:
    """Must each element be stored once, since the result may lie where an operand is read?"""
    region = node.regions["body"]
    made = {(v.ir_type.dtype, v.ir_type.dims) for v in region.outputs}
    return any((v.ir_type.dtype, v.ir_type.dims) in made for v in (region.inputs[k] for k in overwritable(node)))
