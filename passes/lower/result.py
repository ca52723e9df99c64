"""A contraction inside its kernel: how elements of its operands are read, and what becomes of those of its result.

Invariant: views and types between a buffer and an operand are in `read`, all that follows is in `finish`, so a lowering
sees two operands and one result. Entry point: `Result`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Shape
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Expr, Var, cast
from graphtf.ir.loops.stmt import Let, Stmt, Store
from graphtf.passes.lower.cost import node_weight
from graphtf.passes.lower.elements import Elements
from graphtf.passes.lower.in_place import stores_once
from graphtf.passes.lower.kernel import Frame
from graphtf.passes.lower.offsets import flat_offset


def accumulator(dtype: DType) -> DType:
    """The type sums are kept in. Small integers are widened: the bits that are kept in the end do not change."""
    if dtype in (dt.float16, dt.bfloat16):
        return dt.float32
    if dtype.kind in "iu" and dtype.size < 4:
        return dt.int32 if dtype.kind == "i" else dt.uint32
    return dtype


class Result:
    """The contraction `main` of a fusion of kind `contract`."""

    def __init__(self, node: Node, main: Node, name: str) -> None:
        self.region: Graph = node.regions["body"]
        self.frame = Frame.of(node, name)
        self.main = main
        self.value = main.out
        self.shape: Shape = main.out.ir_type.dims
        self.dtype = accumulator(main.out.ir_type.dtype)
        self.once = stores_once(node)

    def operand_shape(self, number: int) -> Shape:
        return self.main.inputs[number].ir_type.dims

    def read(self, number: int, index: Sequence[Expr]) -> Expr:
        """An element of operand 0 or 1, as what it is summed as."""
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        return cast(elements.element(self.main.inputs[number], index), self.dtype)

    def finish(self, index: Sequence[Expr], value: Expr) -> list[Stmt]:
        """What is stored once the element at `index` is known."""
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        elements.override(self.value, cast(value, self.value.ir_type.dtype))
        lets: list[Stmt] = []
        stores: list[Stmt] = []
        for v, buffer in self.frame.results.items():
            made = elements.element(v, index)
            if len(self.frame.results) > 1 and self.once:  # a result may take its operand's place, which others read
                named = Var(f"r{len(lets)}", made.dtype)
                lets.append(Let(named, made))
                made = named
            stores.append(Store(buffer, flat_offset(index, v.ir_type.dims), made))
        return [*elements.checks(), *lets, *stores]

    @property
    def weight_after(self) -> int:
        """Cost of what follows the contraction, for one element."""
        after: set[Value] = {self.value}
        total = 0
        for n in self.region.nodes:
            if any(v in after for v in n.inputs):
                after.update(n.outputs)
                total += node_weight(n)
        return total
