"""A product of matrices as its kernel sees it: sizes, how elements of the operands are read, what becomes of a result.

Invariant: indices are (batch, row, column), one flat index each; whatever views or types lie between a buffer and an
operand is in `left` and `right`, and whatever follows the product is in `finish`. Entry point: `Product`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Expr, Load, Var, cast, iadd, imul, lit
from graphtf.ir.loops.stmt import Let, Stmt, Store
from graphtf.passes.lower.affine import depends, stride_of
from graphtf.passes.lower.cost import node_weight
from graphtf.passes.lower.elements import Elements, broadcast_index
from graphtf.passes.lower.kernel import Frame
from graphtf.passes.lower.offsets import flat_offset, split_index

Read = Callable[[Expr, Expr, Expr], Expr]  # the element for (batch, row or column, k)


@dataclass(frozen=True)
class Access:
    """An operand that lies in memory with strides: element (b, i, k) is buffer[base(b, i) + k * step], where base grows
    by `stride` with i."""

    buffer: Buffer
    base: Callable[[Expr, Expr], Expr]
    stride: Dim
    step: Dim


def accumulator(dtype: DType) -> DType:
    """The type sums are kept in. Small integers are widened: the bits that are kept in the end do not change."""
    if dtype in (dt.float16, dt.bfloat16):
        return dt.float32
    if dtype.kind in "iu" and dtype.size < 4:
        return dt.int32 if dtype.kind == "i" else dt.uint32
    return dtype


class Product:
    """result[b, i, j] = Σₖ left[b, i, k] · right[b, k, j]

    Batches become rows where all of them share the right operand; a single column is computed as a single row.
    """

    def __init__(self, node: Node, main: Node, name: str) -> None:
        self.region: Graph = node.regions["body"]
        self.frame = Frame.of(node, name)
        self.main = main.out
        self.operands = main.inputs
        self.transposed = bool(main.attrs.get("transpose_a")), bool(main.attrs.get("transpose_b"))
        self.out: Shape = main.out.ir_type.dims
        self.dtype = accumulator(main.out.ir_type.dtype)
        a, b = (v.ir_type.dims for v in self.operands)
        self.k: Dim = a[-2] if self.transposed[0] else a[-1]
        joined = product(b[:-2]) == 1 and a[:-2] == self.out[:-2] and not self.transposed[0]
        self.lead: Shape = () if joined else self.out[:-2]
        self.joined: Shape = self.out[:-2] if joined else ()
        self.batch: Dim = product(self.lead)
        self.flipped = self.out[-1] == 1 and self.out[-2] != 1
        height, width = product(self.joined) * self.out[-2], self.out[-1]
        self.m, self.n = (width, height) if self.flipped else (height, width)

    # ---- operands ---------------------------------------------------------------------------------------------------

    def place(self, b: Expr, i: Expr, j: Expr) -> tuple[Expr, ...]:
        """The result's index."""
        if self.flipped:
            i, j = j, i
        return (*split_index(b, self.lead), *split_index(i, (*self.joined, self.out[-2])), j)

    def operand(self, number: int, outer: tuple[Expr, ...], row: Expr, column: Expr) -> Expr:
        """An element of operand 0 or 1, transposed as asked for, for the batch index `outer`."""
        v = self.operands[number]
        batch = broadcast_index(outer, self.out[:-2], v.ir_type.dims[:-2])
        inner = (column, row) if self.transposed[number] else (row, column)
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        return cast(elements.element(v, (*batch, *inner)), self.dtype)

    def left(self, b: Expr, i: Expr, k: Expr) -> Expr:
        """Element (i, k) of the left operand."""
        *outer, row, column = self.place(b, i, lit(0))
        return self.operand(1, tuple(outer), k, column) if self.flipped else self.operand(0, tuple(outer), row, k)

    def right(self, b: Expr, j: Expr, k: Expr) -> Expr:
        """Element (k, j) of the right operand."""
        *outer, row, column = self.place(b, lit(0), j)
        return self.operand(0, tuple(outer), row, k) if self.flipped else self.operand(1, tuple(outer), k, column)

    # ---- results ----------------------------------------------------------------------------------------------------

    def finish(self, b: Expr, i: Expr, j: Expr, value: Expr) -> list[Stmt]:
        """What is stored once element (b, i, j) is known."""
        index = self.place(b, i, j)
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        elements.override(self.main, cast(value, self.main.ir_type.dtype))
        stores: list[Stmt] = []
        for v, buffer in self.frame.results.items():
            stores.append(Store(buffer, flat_offset(index, v.ir_type.dims), elements.element(v, index)))
        return [*elements.checks(), *stores]

    @property
    def epilogue_weight(self) -> int:
        """Cost of what follows the product, for one element."""
        after: set[Value] = {self.main}
        total = 0
        for n in self.region.nodes:
            if any(v in after for v in n.inputs):
                after.update(n.outputs)
                total += node_weight(n)
        return total


def access(read: Read) -> Access | None:
    """How an operand lies in memory, if it does so with strides and as what it is summed as."""
    i, k = Var("i"), Var("k")
    e = read(Var("b"), i, k)
    if not isinstance(e, Load):
        return None
    stride, step = stride_of(e.index, i), stride_of(e.index, k)
    if stride is None or step is None:
        return None

    def base(b: Expr, i: Expr) -> Expr:
        first = read(b, i, lit(0))
        assert isinstance(first, Load)
        return first.index

    return Access(e.buffer, base, stride, step)


def follows_batch(read: Read) -> bool:
    """Is the operand another one for every batch?"""
    b = Var("b")
    return depends(read(b, Var("i"), Var("k")), b)


def shift(base: Expr, i: Expr | int, stride: Dim) -> Expr:
    """base + i * stride"""
    return iadd(base, imul(i, stride))


def named(name: str, value: Expr) -> tuple[Var, Let]:
    """A variable for a value that loops inside use."""
    var = Var(name, value.dtype)
    return var, Let(var, value)
