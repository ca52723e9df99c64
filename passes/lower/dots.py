"""Products of few rows with columns that lie along k: dot products in vectors, nothing is rearranged.

Invariant: lane l of a partial sum takes terms l, l + lanes, … in order, and partial sums are joined in a fixed order.
Entry points: `dots`, `dots_pay`.
"""

from __future__ import annotations

from graphtf.ir.dims import ceildiv
from graphtf.ir.loops.expr import Expr, Lit, Load, Var, iadd, imin, imul, lit, prim, size
from graphtf.ir.loops.stmt import Carry, For, Stmt
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import Access, Product, named

ROWS = 4  # so few rows are worth it
SUMS = 8  # kept in registers


def dots_pay(p: Product, left: Access, right: Access | None, caps: Caps) -> bool:
    """Few rows, and both operands lie along k?"""
    if right is None or right.step != 1 or left.step != 1 or right.stride == 1:
        return False
    return known(p.m) <= ROWS and known(p.k) >= 2 * caps.lanes(p.dtype.size)


def dots(p: Product, left: Access, right: Access | None) -> list[Stmt]:
    """The result, a few rows and columns at a time."""
    assert right is not None
    rows = max(1, p.m) if isinstance(p.m, int) and p.m <= ROWS else 1
    columns = columns_of(p, rows)
    counts = (p.batch, ceildiv(p.m, rows), ceildiv(p.n, columns))

    def group(t: Expr) -> list[Stmt]:
        b, r, c = split_index(t, counts)
        i0, let_i0 = named("i0", imul(r, rows))
        j0, let_j0 = named("j0", imin(imul(c, columns), p.n - columns))
        lefts = [named("left", left.base(b, iadd(i0, i))) for i in range(rows)]
        rights = [named("right", right.base(b, iadd(j0, j))) for j in range(columns)]
        k = Var("k")
        carries: list[Carry] = []
        for x, _ in lefts:
            for y, _ in rights:
                term = prim("mul", Load(left.buffer, iadd(x, k)), Load(right.buffer, iadd(y, k)))
                carries.append(Carry(Var(f"dot{len(carries)}", p.dtype), Lit(0, p.dtype), term, "add"))
        walk = For(k, lit(0), size(p.k), (), "vector", carries=tuple(carries), unroll=max(1, 4 // len(carries)))
        ends: list[Stmt] = []
        for number, carry in enumerate(carries):
            ends += p.finish(b, iadd(i0, number // columns), iadd(j0, number % columns), carry.var)
        return [let_i0, let_j0, *(let for _, let in (*lefts, *rights)), walk, *ends]

    return blocked(counts[0] * counts[1] * counts[2], max(1, TASK // (rows * columns * known(p.k))), "group", group)


def columns_of(p: Product, rows: int) -> int:
    """Columns of a group: a divisor of all, where none may be stored twice."""
    if not isinstance(p.n, int):
        return 1
    most = max(1, min(SUMS // rows, p.n))
    return next(c for c in range(most, 0, -1) if p.n % c == 0) if p.result.once else most
