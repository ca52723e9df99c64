"""Operands of a product brought into order: converted, gathered, or cut into panels as wide as a tile.

Invariant: what has strides is read where it lies, unless the caches would suffer. Entry points: `left_access`,
`right_panels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.loops.expr import Buffer, Expr, Var, iadd, imin, imul, lit, size
from graphtf.ir.loops.stmt import Alloc, For, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.loop import TASK, Nest, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.product import Access, Product, access, follows_batch, named, shift
from graphtf.passes.lower.tile import Tile

UNKNOWN = 256  # assumed for sizes known only at run time
LOCAL = 128 << 10  # bytes of a panel that a block may keep on its stack


def known(d: Dim) -> int:
    """The size, or what is assumed for it."""
    return d if isinstance(d, int) else UNKNOWN


def left_access(p: Product) -> tuple[Access, list[Stmt]]:
    """How the left operand lies; and the statements that copy it, if it has no strides or another type."""
    found = access(p.left)
    if found is not None:
        return found, []
    own = follows_batch(p.left)
    batch: Dim = p.batch if own else 1
    copy = Buffer("left", p.dtype, batch * p.m * p.k)
    p.frame.temps.append(copy)

    def base(b: Expr, i: Expr) -> Expr:
        return imul(shift(i, b, p.m) if own else i, p.k)

    def body(index: tuple[Expr, ...]) -> list[Stmt]:
        b, i, k = index
        return [Store(copy, iadd(base(b, i), k), p.left(b, i, k))]

    return Access(copy, base, p.k, 1), Nest((batch, p.m, p.k), 2).emit(body)


@dataclass(frozen=True)
class Panel:
    """Columns of the right operand: element (k, j) is buffer[base + k * step + j], once `setup` has run."""

    setup: tuple[Stmt, ...]
    buffer: Buffer
    base: Expr
    step: Dim


@dataclass(frozen=True)
class Panels:
    """All panels. `before` runs before any block; `at(batch, panel, first column)` is one of them."""

    before: tuple[Stmt, ...]
    at: Callable[[Expr, Expr, Expr], Panel]
    contiguous: bool = False  # each panel begins where the one before ends


def right_panels(p: Product, right: Access | None, tile: Tile, uses: Dim, caps: Caps) -> Panels:
    """The right operand, cut for the tile. Each panel is walked by `uses` blocks; 0: not all of it by one."""
    if right is not None and (right.stride == 1 or tile.columns == 1) and not packing_pays(p, right, tile, caps):
        return Panels((), lambda b, n, j0: Panel((), right.buffer, right.base(b, j0), right.step))
    few = (1, 2) if p.batch != 1 else (1,)
    if isinstance(p.k, int) and uses in few and p.k * tile.columns * p.dtype.size <= LOCAL:
        return panels_on_stack(p, tile)
    return panels_in_memory(p, tile)


def packing_pays(p: Product, right: Access, tile: Tile, caps: Caps) -> bool:
    """Do many rows use a right operand that the caches would not hold as it lies?"""
    if known(p.m) < 8 * tile.rows:
        return False
    clashing = (known(right.step) * p.dtype.size) % 2048 == 0 and known(p.k) >= 128
    return clashing or known(p.k) * known(p.n) * p.dtype.size > caps.l2 // 2


def panels_on_stack(p: Product, tile: Tile) -> Panels:
    """Each block writes a panel right before it walks it."""

    def at(b: Expr, n: Expr, j0: Expr) -> Panel:
        own = Buffer("columns", p.dtype, known(p.k) * tile.columns, "stack")
        return Panel((Alloc(own), *fill(p, own, lit(0), b, j0, tile.columns)), own, lit(0), tile.columns)

    return Panels((), at)


def panels_in_memory(p: Product, tile: Tile) -> Panels:
    """All panels are written first, in parallel."""
    columns = tile.columns
    batch: Dim = p.batch if follows_batch(p.right) else 1
    count = ceildiv(p.n, columns)
    packed = Buffer("panels", p.dtype, batch * count * p.k * columns)
    p.frame.temps.append(packed)

    def base(b: Expr, n: Expr) -> Expr:
        return imul(n if batch == 1 else shift(n, b, count), p.k * columns)

    def one(t: Expr) -> list[Stmt]:
        b, n = split_index(t, (batch, count))
        j0, let = named("j0", imin(imul(n, columns), p.n - columns))
        return [let, *fill(p, packed, base(b, n), b, j0, columns)]

    tasks = max(1, TASK // (columns * known(p.k)))
    before = blocked(batch * count, tasks, "panel", one)
    return Panels(tuple(before), lambda b, n, j0: Panel((), packed, base(b, n), columns), contiguous=True)


def fill(p: Product, target: Buffer, base: Expr, b: Expr, j0: Expr, columns: int) -> list[Stmt]:
    """Write one panel."""
    k, j = Var("k"), Var("j")
    store = Store(target, iadd(shift(base, k, columns), j), p.right(b, iadd(j0, j), k))
    return [For(k, lit(0), size(p.k), (For(j, lit(0), lit(columns), (store,), "vector"),))]
