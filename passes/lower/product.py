"""A product of matrices as its kernel sees it: sizes, how elements of the operands are read, what becomes of a result.

Invariant: indices are (batch, row, column), one flat index each. Entry points: `Product`, `access`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Buffer, Expr, Load, Var, iadd, imul, lit
from graphtf.ir.loops.stmt import Let, Stmt
from graphtf.passes.lower.affine import depends, stride_of
from graphtf.passes.lower.elements import broadcast_index
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.result import Result

Read = Callable[[Expr, Expr, Expr], Expr]  # the element for (batch, row or column, k)


@dataclass(frozen=True)
class Access:
    """An operand that lies in memory with strides: element (b, i, k) is buffer[base(b, i) + k * step], where base grows
    by `stride` with i."""

    buffer: Buffer
    base: Callable[[Expr, Expr], Expr]
    stride: Dim
    step: Dim


class Product:
    """result[b, i, j] = Σₖ left[b, i, k] · right[b, k, j]

    Batches become rows where all of them share the right operand; a single column is computed as a single row.
    """

    def __init__(self, node: Node, main: Node, name: str) -> None:
        self.result = Result(node, main, name)
        self.frame, self.dtype = self.result.frame, self.result.dtype
        self.transposed = bool(main.attrs.get("transpose_a")), bool(main.attrs.get("transpose_b"))
        out = self.result.shape
        a, b = self.result.operand_shape(0), self.result.operand_shape(1)
        self.k: Dim = a[-2] if self.transposed[0] else a[-1]
        joined = product(b[:-2]) == 1 and a[:-2] == out[:-2] and not self.transposed[0]
        self.lead: Shape = () if joined else out[:-2]
        self.joined: Shape = (*out[:-2], out[-2]) if joined else (out[-2],)
        self.batch: Dim = product(self.lead)
        self.flipped = out[-1] == 1 and out[-2] != 1
        height, width = product(self.joined), out[-1]
        self.m, self.n = (width, height) if self.flipped else (height, width)

    # ---- operands ---------------------------------------------------------------------------------------------------

    def place(self, b: Expr, i: Expr, j: Expr) -> tuple[Expr, ...]:
        """The result's index."""
        if self.flipped:
            i, j = j, i
        return (*split_index(b, self.lead), *split_index(i, self.joined), j)

    def operand(self, number: int, outer: tuple[Expr, ...], row: Expr, column: Expr) -> Expr:
        """An element of operand 0 or 1, transposed as asked for, for the batch index `outer`."""
        lead = self.result.operand_shape(number)[:-2]
        batch = broadcast_index(outer, self.result.shape[:-2], lead)
        inner = (column, row) if self.transposed[number] else (row, column)
        return self.result.read(number, (*batch, *inner))

    def left(self, b: Expr, i: Expr, k: Expr) -> Expr:
        """Element (i, k) of the left operand."""
        *outer, row, column = self.place(b, i, lit(0))
        return self.operand(1, tuple(outer), k, column) if self.flipped else self.operand(0, tuple(outer), row, k)

    def right(self, b: Expr, j: Expr, k: Expr) -> Expr:
        """Element (k, j) of the right operand."""
        *outer, row, column = self.place(b, lit(0), j)
        return self.operand(0, tuple(outer), row, k) if self.flipped else self.operand(1, tuple(outer), k, column)

    def finish(self, b: Expr, i: Expr, j: Expr, value: Expr) -> list[Stmt]:
        """What is stored once element (b, i, j) is known."""
        return self.result.finish(self.place(b, i, j), value)


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
