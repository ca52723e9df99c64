"""Scatter: updates written into, or combined with, rows of a copy of the operand; and a piece put into it.

Invariant: updates of one row are applied in their order, so results do not depend on the number of threads: columns run
in parallel, updates do not. An index that is out of range is skipped and reported. Entry points: `lower_scatter`,
`lower_update`.
"""

from __future__ import annotations

from collections.abc import Callable

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Expr, Lit, Load, Var, cast, iadd, imax, imin, imul, lit, prim, size
from graphtf.ir.loops.stmt import Check, For, If, LoopFunc, Site, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import Nest
from graphtf.passes.lower.offsets import flat_offset, split_index

COLUMNS = 2048  # of a row to a task


def lower_scatter(node: Node, caps: Caps, name: str) -> LoopFunc:
    """x[indices[i]] = combine(x[indices[i]], updates[i]) for i in order; `out` holds a copy of x already."""
    frame = Frame.of(node, name)
    _, indices, updates, out = frame.params
    shape, at = node.inputs[0].ir_type.dims, node.inputs[1].ir_type.dims
    depth = at[-1]
    assert isinstance(depth, int)
    count, row = product(at[:-1]), product(shape[depth:])
    combine = str(node.attrs["combine"])

    def one(i: Expr, start: Expr, stop: Expr) -> list[Stmt]:
        parts = [cast(Load(indices, iadd(imul(i, depth), k)), dt.int64) for k in range(depth)]
        inside: Expr = Lit(True, dt.bool_)
        for p, d in zip(parts, shape):
            inside = prim("and", inside, prim("and", prim("ge", p, lit(0)), prim("lt", p, size(d))))
        base = flat_offset((*parts, *([lit(0)] * (len(shape) - depth))), shape)
        j = Var("j")
        here = iadd(base, j)
        value: Expr = Load(updates, iadd(imul(i, row), j))
        if combine != "update":
            value = prim(combine, Load(out, here), value)
        write = For(j, start, stop, (Store(out, here, value),), "vector")
        return [Check(inside, 0, i), If(inside, (write,))]

    source = str(node.source) if node.source else ""
    frame.sites.append(Site(node.op.name, f"indices[{{value}}] is not in the shape {list(shape)}", source))
    return finish(frame, columns(count, row, one))


def columns(count: Dim, row: Dim, one: Callable[[Expr, Expr, Expr], list[Stmt]]) -> list[Stmt]:
    """for each block of columns, in parallel: for i in range(count), in order: one(i, start, stop)."""
    i = Var("i")
    if isinstance(row, int) and row <= COLUMNS:
        return [For(i, lit(0), size(count), tuple(one(i, lit(0), lit(row))))]
    t = Var("task")
    start = imul(t, COLUMNS)
    stop = imin(iadd(start, COLUMNS), size(row))
    loop = For(i, lit(0), size(count), tuple(one(i, start, stop)))
    return [For(t, lit(0), size((row + COLUMNS - 1) // COLUMNS), (loop,), "parallel")]


def lower_update(node: Node, caps: Caps, name: str) -> LoopFunc:
    """Put a piece at a start that is moved inside; `out` holds a copy of the operand already."""
    frame = Frame.of(node, name)
    _, piece, start, out = frame.params
    shape, sizes = node.inputs[0].ir_type.dims, node.inputs[1].ir_type.dims
    starts = []
    for k, (d, s) in enumerate(zip(shape, sizes)):
        wanted = cast(Load(start, lit(k)), dt.int64)
        starts.append(lit(0) if d - s == 0 else imax(imin(wanted, d - s), 0))

    def body(index: tuple[Expr, ...]) -> list[Stmt]:
        (flat,) = index
        inner = split_index(flat, sizes[first:])
        whole = (*([lit(0)] * first), *inner)
        at = flat_offset(tuple(iadd(a, i) for a, i in zip(starts, whole)), shape)
        return [Store(out, at, Load(piece, flat))]

    first = next((k for k, s in enumerate(sizes) if s != 1), len(sizes))
    if tail_is_whole(shape, sizes, first):
        base = flat_offset(tuple(starts), shape)

        def contiguous(index: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(out, iadd(base, index[0]), Load(piece, index[0]))]

        return finish(frame, Nest((product(sizes),), 1).emit(contiguous))
    return finish(frame, Nest((product(sizes),), 2).emit(body))


def tail_is_whole(shape: tuple[Dim, ...], sizes: tuple[Dim, ...], first: int) -> bool:
    """After the leading axes of size 1, is the piece as large as the operand in all axes but perhaps the first?"""
    return all(s == d for s, d in zip(sizes[first + 1 :], shape[first + 1 :]))
