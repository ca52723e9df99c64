"""A row times a matrix too large for the caches: the matrix is read once, in the order it lies.

Invariant: terms are added in order, within pieces of them that the shape decides, and pieces in order.
Entry points: `sweeps`, `sweeps_pay`.
"""

from __future__ import annotations

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.loops.expr import Buffer, Expr, Load, Var, iadd, idiv, imin, imul, isub, lit, prim, size
from graphtf.ir.loops.stmt import Alloc, Copy, For, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.loop import blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import Access, Product, named, shift

ROWS = 8  # of the matrix that are added to the result in one go
WIDTH = 4096  # columns of the result that are in the works
TASKS = 16
LEAST = 128  # terms of a piece


def sweeps_pay(p: Product, right: Access | None, caps: Caps) -> bool:
    """One row, and a matrix that lies along it and is larger than the cache?"""
    if right is None or right.stride != 1 or p.m != 1 or p.batch != 1:
        return False
    return known(p.k) * known(p.n) * p.dtype.size > caps.l2 and known(p.n) >= 8 * caps.lanes(p.dtype.size)


def pieces_of(p: Product) -> Dim:
    """Pieces of the terms, so many that threads have enough to share."""
    blocks = max(1, known(p.n) // WIDTH)
    return max(1, min(TASKS // blocks, p.k // LEAST)) if isinstance(p.k, int) else ceildiv(p.k, 8 * LEAST)


def sweeps(p: Product, left: Access, right: Access, parts: Buffer, pieces: Dim) -> list[Stmt]:
    """Fill `parts`, one row for each piece of the terms."""
    length = ceildiv(p.k, pieces) if isinstance(pieces, int) else 8 * LEAST
    counts = (pieces, ceildiv(p.n, WIDTH))
    sums = Buffer("sums", p.dtype, WIDTH, "stack")

    def task(t: Expr) -> list[Stmt]:
        piece, block = split_index(t, counts)
        low, let_low = named("low", imul(piece, length))
        high, let_high = named("high", imin(iadd(low, length), p.k))
        j0, let_j0 = named("j0", imul(block, WIDTH))
        width, let_width = named("width", imin(isub(size(p.n), j0), WIDTH))
        x, let_x = named("left", left.base(lit(0), lit(0)))
        y, let_y = named("right", right.base(lit(0), j0))
        even, let_even = named("even", iadd(low, imul(idiv(isub(high, low), ROWS), ROWS)))

        def add(k: Var, start: Expr, stop: Expr, rows: int) -> Stmt:
            j = Var("j")
            total: Expr = Load(sums, j)
            for u in range(rows):
                factor = Load(left.buffer, shift(x, iadd(k, u), left.step))
                total = prim("fma", factor, Load(right.buffer, iadd(shift(y, iadd(k, u), right.step), j)), total)
            row = For(j, lit(0), width, (Store(sums, j, total),), "vector", unroll=2)
            return For(k, start, stop, (row,), step=lit(rows))

        j = Var("j")
        at = iadd(imul(piece, p.n), j0)
        done = For(j, lit(0), width, (Store(parts, iadd(at, j), Load(sums, j)),), "vector")
        clear = Copy(sums, lit(0), None, None, width)
        lets = [let_low, let_high, let_j0, let_width, let_x, let_y, let_even]
        return [Alloc(sums), *lets, clear, add(Var("k"), low, even, ROWS), add(Var("k"), even, high, 1), done]

    return blocked(counts[0] * counts[1], 1, "task", task)
