"""Operands of a product brought into order: converted, gathered, or cut into panels as wide as a tile.

Invariant: what has strides is read where it lies, unless the caches would suffer. Entry points: `left_access`,
`left_panels`, `right_panels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer, Expr, Var, iadd, imin, imul, lit, size
from graphtf.ir.loops.stmt import Alloc, For, Stmt, Store
from graphtf.passes.lower.kernel import Frame
from graphtf.passes.lower.loop import TASK, Nest, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.product import Access, Product, Read, access, follows_batch, named, shift
from graphtf.passes.lower.tile import Tile

UNKNOWN = 64  # assumed for sizes known only at run time
LOCAL = 128 << 10  # bytes of a panel that a block may keep on its stack
CHUNK = 32  # terms of a panel that are copied at a time
GROUP = 32  # panels
WORTH_COPYING = 4 << 20  # products: fewer are done before the copies are
FAR = 256  # terms from which on it matters that each lies on another page


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


class Factors(Protocol):
    """What copying an operand asks of the product it belongs to."""

    @property
    def batch(self) -> Dim: ...

    @property
    def k(self) -> Dim: ...

    @property
    def dtype(self) -> DType: ...

    @property
    def frame(self) -> Frame: ...


@dataclass(frozen=True)
class Panel:
    """As many rows of the left operand, or columns of the right one, as a tile has: element (k, i) is
    buffer[base + k * step + i * stride], once `setup` has run."""

    setup: tuple[Stmt, ...]
    buffer: Buffer
    base: Expr
    step: Dim
    stride: Dim = 1


@dataclass(frozen=True)
class Panels:
    """All panels. `before` runs before any block; `at(batch, panel, first row or column)` is one of them."""

    before: tuple[Stmt, ...]
    at: Callable[[Expr, Expr, Expr], Panel]
    contiguous: bool = False  # each panel begins where the one before ends


def direct(a: Access) -> Panels:
    """Panels of an operand that is read where it lies."""
    return Panels((), lambda b, n, i0: Panel((), a.buffer, a.base(b, i0), a.step, a.stride))


def left_panels(p: Product, left: Access, tile: Tile) -> tuple[Panels, Panels | None]:
    """The left operand, cut for the tile: where it lies; and copied, if each term is on another page and from FAR
    terms on the copies are to be used."""
    many = known(p.n) >= 4 * tile.columns
    if left.step == 1 or left.stride != 1 or left.step == tile.rows or not many:
        return direct(left), None
    if isinstance(p.k, int) and (p.k < FAR or terms(p) < WORTH_COPYING):
        return direct(left), None
    return direct(left), panels_in_memory(p, p.left, p.m, tile.rows, "rows")


def right_panels(p: Product, right: Access | None, tile: Tile, rows: int, uses: Dim) -> Panels:
    """The right operand, cut for the tile, for about so many rows of the left one. Each panel is walked by `uses`
    blocks; 0: not all of it by one."""
    if right is not None and (right.stride == 1 or tile.columns == 1) and not copying_pays(p, right, tile, rows):
        return direct(right)
    few = (1, 2) if p.batch != 1 else (1,)
    if isinstance(p.k, int) and uses in few and p.k * tile.columns * p.dtype.size <= LOCAL:
        return panels_on_stack(p, tile)
    return panels_in_memory(p, p.right, p.n, tile.columns, "columns")


def terms(p: Product) -> int:
    return known(p.batch) * known(p.m) * known(p.n) * known(p.k)


def copying_pays(p: Product, right: Access, tile: Tile, rows: int) -> bool:
    """Do many rows use a right operand whose columns are cut from long rows?"""
    return rows >= 8 * tile.rows and right.step != tile.columns and terms(p) >= WORTH_COPYING


def panels_on_stack(p: Product, tile: Tile) -> Panels:
    """Each block writes a panel right before it walks it."""

    def at(b: Expr, n: Expr, j0: Expr) -> Panel:
        own = Buffer("columns", p.dtype, known(p.k) * tile.columns, "stack")
        copy = fill(p, p.right, own, lit(0), b, j0, tile.columns, lit(0), size(p.k))
        return Panel((Alloc(own), *copy), own, lit(0), tile.columns)

    return Panels((), at)


def panels_in_memory(p: Factors, read: Read, total: Dim, width: int, name: str) -> Panels:
    """All panels are written first, in parallel."""
    batch: Dim = p.batch if follows_batch(read) else 1
    count = ceildiv(total, width)
    copy = Buffer(name, p.dtype, batch * count * p.k * width)
    p.frame.temps.append(copy)

    def base(b: Expr, n: Expr) -> Expr:
        return imul(n if batch == 1 else shift(n, b, count), p.k * width)

    def some(t: Expr) -> list[Stmt]:
        b, chunk, group = split_index(t, (batch, ceildiv(p.k, CHUNK), ceildiv(count, GROUP)))
        n = Var("panel")
        low, let_low = named("low", imul(chunk, CHUNK))
        high, let_high = named("high", imin(iadd(low, CHUNK), p.k))
        i0, let_i0 = named("i0", imin(imul(n, width), total - width))
        start = imul(group, GROUP)
        body = (let_i0, *fill(p, read, copy, base(b, n), b, i0, width, low, high))
        return [let_low, let_high, For(n, start, imin(iadd(start, GROUP), count), body)]

    tasks = batch * ceildiv(p.k, CHUNK) * ceildiv(count, GROUP)
    before = blocked(tasks, max(1, TASK // (GROUP * width * CHUNK)), "some", some)
    return Panels(tuple(before), lambda b, n, i0: Panel((), copy, base(b, n), width), contiguous=True)


def fill(
    p: Factors, read: Read, target: Buffer, base: Expr, b: Expr, i0: Expr, width: int, low: Expr, high: Expr
) -> list[Stmt]:
    """Write terms low … high - 1 of one panel."""
    k, i = Var("k"), Var("i")
    store = Store(target, iadd(shift(base, k, width), i), read(b, iadd(i0, i), k))
    return [For(k, low, high, (For(i, lit(0), lit(width), (store,), "vector", lanes=width),))]
