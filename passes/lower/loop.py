"""Kernels of kind `loop`: every output element is computed on its own, over one iteration space.

Invariant: tasks are blocks of the index range fixed by the shape, so the split among threads never shows in the result.
Entry point: `lower_loop(node, caps, name)`. Shared by reductions: `Nest`, which opens the loops over kept axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphtf.ir.dims import Dim, Shape, ceildiv, minimum, product
from graphtf.ir.graph import Graph, Node
from graphtf.ir.loops.expr import Expr, Load, Var, iadd, idiv, imax, imin, imul, isub, lit, size
from graphtf.ir.loops.stmt import For, Let, LoopFunc, Stmt, Store
from graphtf.passes.lower.affine import as_size, stride_of
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.cost import weight
from graphtf.passes.lower.elements import Elements
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.offsets import flat_offset, reindex, split_index
from graphtf.passes.lower.ranges import cut, expressions
from graphtf.passes.lower.space import extents, index_of, merged_axes

UNROLL = 2  # vectors per round of an innermost loop
LINE = 64  # bytes of memory that come together
DEEP = 32  # lines of memory a block of a crosswise walk holds
CROSSED = 1 << 12  # elements from which on such blocks are worth it
TASK = 1 << 15  # weighted elements that are worth a task of their own: about 15 µs

Body = Callable[[tuple[Expr, ...]], list[Stmt]]


@dataclass(frozen=True)
class Nest:
    """Loops over `counts`, the last one a vector loop, cut into parallel tasks of about TASK weighted elements."""

    counts: Shape
    weight: int  # cost of one innermost iteration

    def emit(self, body: Body) -> list[Stmt]:
        """The loops around `body(indices)`."""
        if not self.counts:
            return body(())
        outer, inner = product(self.counts[:-1]), self.counts[-1]
        if outer == 1:
            return self.one_axis(inner, body)
        if not isinstance(inner, int):
            outer = minimum(outer, outer * inner)  # rows without elements are not walked
        per_row = max(1, TASK // max(1, self.weight * (inner if isinstance(inner, int) else 256)))
        return blocked(outer, per_row, "row", lambda r: self.row(r, inner, body))

    def one_axis(self, count: Dim, body: Body) -> list[Stmt]:
        zeros: tuple[Expr, ...] = (lit(0),) * (len(self.counts) - 1)
        block = max(256, TASK // max(1, self.weight))
        i = Var("i")
        pieces = cut(i, count, body((*zeros, i)))
        if isinstance(count, int) and count <= block:
            return [vectors(i, size(low), size(high), stmts) for low, high, stmts in pieces]
        t = Var("task")
        start = imul(t, block)
        stop = imin(iadd(start, block), size(count))
        inner = [vectors(i, imax(start, low), imin(stop, high), stmts) for low, high, stmts in pieces]
        return [For(t, lit(0), size(ceildiv(count, block)), tuple(inner), "parallel")]

    def row(self, r: Expr, inner: Dim, body: Body) -> list[Stmt]:
        index = split_index(r, self.counts[:-1])
        j = Var("j")
        pieces = cut(j, inner, body((*index, j)))
        return [vectors(j, size(low), size(high), stmts) for low, high, stmts in pieces]

    def crosswise(self, axis: int, bytes_: int, body: Body) -> list[Stmt]:
        """The loops where something is read along `axis` and written along the last one: in blocks, so that the lines
        of memory that one side walks across stay in cache until they are used up."""
        *others, inner = self.counts
        count = others.pop(axis)
        width = max(8, LINE // bytes_)
        counts = (*others, ceildiv(count, DEEP), ceildiv(inner, width))

        def block(t: Expr) -> list[Stmt]:
            *where, across, along = split_index(t, counts)
            i, j = Var("i"), Var("j")
            low, first = imul(across, DEEP), imul(along, width)
            index = (*where[:axis], i, *where[axis:], iadd(first, j))
            even = isinstance(inner, int) and inner % width == 0
            length = lit(width) if even else imin(lit(width), isub(inner, first))
            row = For(j, lit(0), length, tuple(body(index)), "vector")
            return [For(i, low, imin(iadd(low, DEEP), count), (row,))]

        return blocked(product(counts), max(1, TASK // (DEEP * width * max(1, self.weight))), "block", block)


def vectors(var: Var, start: Expr, stop: Expr, body: Sequence[Stmt]) -> Stmt:
    return For(var, start, stop, tuple(body), "vector", unroll=UNROLL)


def blocked(count: Dim, block: int, name: str, body: Callable[[Expr], list[Stmt]]) -> list[Stmt]:
    """for name in range(count), `block` iterations to a parallel task."""
    r = Var(name)
    if isinstance(count, int) and count <= block:
        return [For(r, lit(0), lit(count), tuple(body(r)))]
    t = Var("task")
    start = imul(t, block)
    stop = imin(iadd(start, block), size(count))
    loop = For(r, start, stop, tuple(body(r)))
    return [For(t, lit(0), size(ceildiv(count, block)), (loop,), "parallel")]


def spread(count: Expr, block: int, name: str, body: Callable[[Expr], list[Stmt]]) -> list[Stmt]:
    """As `blocked`, for a count that other loops' variables may decide."""
    known = as_size(count)
    if known is not None:
        return blocked(known, block, name, body)
    r, t = Var(name), Var("task")
    start = imul(t, block)
    loop = For(r, start, imin(iadd(start, block), count), tuple(body(r)))
    return [For(t, lit(0), idiv(iadd(count, block - 1), block), (loop,), "parallel")]


def lower_loop(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `loop`."""
    region: Graph = node.regions["body"]
    space = max((v.ir_type.dims for v in region.outputs), key=len)
    frame = Frame.of(node, name)
    runs = merged_axes(region, space)

    def body(loops: Sequence[Expr]) -> list[Stmt]:
        index = index_of(runs, list(loops), space)
        elements = Elements(region, frame.operands, frame.sites)
        lets: list[Stmt] = []
        stores: list[Stmt] = []
        for v, buffer in frame.results.items():
            shape = v.ir_type.dims
            at = index if shape == space else reindex(index, space, shape)
            value = elements.element(v, at)
            if len(frame.results) > 1:  # a result may take its operand's place, which others still read
                named = Var(f"r{len(lets)}", value.dtype)
                lets.append(Let(named, value))
                value = named
            stores.append(Store(buffer, flat_offset(at, shape), value))
        return [*elements.checks(), *lets, *stores]

    nest = Nest(extents(runs, space), weight(region))
    found = crossing(nest.counts, body)
    if found is not None:
        return finish(frame, nest.crosswise(*found, body))
    return finish(frame, nest.emit(body))


def crossing(counts: Shape, body: Body) -> tuple[int, int] | None:
    """An axis along which something is read that the last axis jumps through, and the bytes of an element; None if all
    lies along the last axis, or little is read."""
    if len(counts) < 2 or not all(isinstance(d, int) for d in counts) or product(counts) < CROSSED:  # type: ignore[operator]
        return None
    index = tuple(Var(f"x{k}") for k in range(len(counts)))
    for e in expressions(body(index)):
        if isinstance(e, Load) and stride_of(e.index, index[-1]) not in (0, 1, -1, None):
            for axis, x in enumerate(index[:-1]):
                if stride_of(e.index, x) == 1 and counts[axis] != 1:
                    return axis, e.dtype.size
    return None
