"""Blocks of a product: column panel by column panel, and for each panel the tiles of the block's rows.

Invariant: a tile that would reach outside is moved back, so its elements are computed twice, to the same bits, and
stored twice; where a result may take an operand's place, the elements that another tile has stored are left out.
Entry point: `Block.emit`.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.loops.expr import (
    Buffer,
    Expr,
    Lit,
    Load,
    Var,
    iadd,
    idiv,
    imax,
    imin,
    imul,
    isub,
    lit,
    prim,
    select,
    size,
)
from graphtf.ir.loops.stmt import Alloc, For, If, Let, Prefetch, Stmt, Store
from graphtf.passes.lower.fetch import LEAST, LINE, fetches
from graphtf.passes.lower.operands import Panels, known
from graphtf.passes.lower.product import Product, named, shift
from graphtf.passes.lower.tile import LIGHT, Beside, Done, Left, Right, Span, Terms, Tile, moved_back

DISTANCE = 16  # terms that a row of a panel is fetched ahead


@dataclass(frozen=True)
class Plan:
    """How the result is cut: tiles, blocks of so many rows and so many panels, pieces of k."""

    tile: Tile
    rows: int
    panels: int
    piece: Dim  # terms of a partial sum that is a block of its own
    depth: Dim  # terms that are summed between visits to memory

    @property
    def whole(self) -> bool:
        """Does a tile keep its sums in registers to the end?"""
        return self.depth == self.piece


class Block:
    """One block: batch `b`, piece `piece` of the terms, rows from number r · plan.rows, columns from panel
    n · plan.panels. Its sums are results, or partial sums for `parts`."""

    def __init__(
        self, p: Product, plan: Plan, lefts: Panels, rights: Panels, parts: Buffer | None, b: Expr, piece: Expr,
        r: Expr, n: Expr,
    ) -> None:  # fmt: skip
        self.p, self.plan, self.lefts, self.rights, self.parts = p, plan, lefts, rights, parts
        self.b, self.piece, self.r = b, piece, r
        self.tile = tile = plan.tile
        self.weight = 0 if parts is not None else p.result.weight_after
        self.panel, self.t = Var("panel"), Var("tile")
        self.first, self.let_first = named("first", imul(r, plan.rows))
        self.tiles = count_tiles(p.m, plan, self.first)
        top, left = iadd(self.first, imul(self.t, tile.rows)), imul(self.panel, tile.columns)
        self.i0, self.let_i0 = named("i0", moved_back(top, p.m, tile.rows))
        self.j0, self.let_j0 = named("j0", moved_back(left, p.n, tile.columns))
        once = parts is None and p.result.once and not (divides(tile.rows, p.m) and divides(tile.columns, p.n))
        most = -p.n % tile.columns if isinstance(p.n, int) else None
        self.done = Done(isub(top, self.i0), isub(left, self.j0), most) if once else None
        self.start = imul(n, plan.panels)
        self.stop = imin(iadd(self.start, plan.panels), ceildiv(p.n, tile.columns))
        self.low = imul(piece, plan.piece)
        self.high = size(p.k) if plan.piece == p.k else imin(iadd(self.low, plan.piece), p.k)
        self.right = rights.at(b, self.panel, self.j0)
        self.column, self.let_column = named("column", self.right.base)

    def emit(self) -> list[Stmt]:
        """The block's loops."""
        inner = self.at_once() if self.plan.whole else self.in_pieces()
        body = (self.let_j0, *self.right.setup, self.let_column, *inner)
        return [self.let_first, For(self.panel, self.start, self.stop, body)]

    def out(self, i: Expr, j: Expr, value: Expr) -> list[Stmt]:
        """What becomes of element (i, j) of the tile."""
        i, j = iadd(self.i0, i), iadd(self.j0, j)
        if self.parts is None:
            return self.p.finish(self.b, i, j, value)
        return [Store(self.parts, shift(j, shift(i, self.piece, self.p.m), self.p.n), value)]

    def factors(self) -> tuple[list[Let], Left, Right]:
        """A term's factors for the tile's rows, and for its columns; and what is named for them before."""
        number = iadd(imul(self.r, self.plan.rows // self.tile.rows), self.t)
        left, right = self.lefts.at(self.b, number, self.i0), self.right
        origin, let = named("row", left.base)
        lets: list[Let] = [let]
        if isinstance(left.stride, int):
            steps = [size(i * left.stride) for i in range(self.tile.rows)]
        else:
            names = [named("below", imul(lit(i), left.stride)) for i in range(self.tile.rows)]
            steps = [var for var, _ in names]
            lets += [let for _, let in names]

        def at_left(i: int, terms: Terms, ahead: int) -> Expr:  # fixed distances last: they go into the instruction
            return Load(left.buffer, iadd(shift(origin, terms[0], left.step), iadd(steps[i], imul(ahead, left.step))))

        def at_right(j: Var, terms: Terms, ahead: int) -> Expr:
            return Load(right.buffer, iadd(iadd(shift(self.column, terms[0], right.step), j), imul(ahead, right.step)))

        return lets, at_left, at_right

    def ahead(self, low: Expr, high: Expr) -> Beside | None:
        """What is fetched while the tiles walk a panel: rows of it to come, where they are far apart; else the next
        panel, which lies behind it, each tile fetching its share."""
        columns, right = self.tile.columns, self.right
        line = LINE // self.p.dtype.size
        share = -(-columns * self.tile.rows // self.plan.rows)  # elements of the next panel for each term

        def rows(terms: Terms, count: int) -> list[Stmt]:
            at = shift(self.column, terms[0], right.step)
            return [Prefetch(right.buffer, iadd(at, iadd(imul(DISTANCE + u, right.step), extra)), near=True)
                    for u in range(count) for extra in range(0, columns, line)]  # fmt: skip

        def panel(terms: Terms, count: int) -> list[Stmt]:
            passed = iadd(imul(self.t, self.plan.depth), isub(terms[0], low))
            at = iadd(shift(self.column, high, columns), imul(passed, share))
            return [Prefetch(right.buffer, iadd(at, extra)) for extra in range(0, count * share, line)]

        if isinstance(right.step, int) and right.step > columns:
            return rows
        return panel if self.rights.contiguous and self.plan.rows >= 2 * self.tile.rows else None

    def at_once(self) -> list[Stmt]:
        """Tiles that are finished one after the other."""
        lets, left, right = self.factors()
        spans, ahead = [Span(Var("k"), self.low, self.high)], self.ahead(self.low, self.high)
        body = self.tile.finished(spans, left, right, self.out, self.weight, ahead, self.done)
        return [For(self.t, lit(0), self.tiles, (self.let_i0, *lets, *self.fetches(), *body))]

    def fetches(self) -> list[Stmt]:
        """What the tile's epilogue will read, where summing takes as long as fetching it."""
        return fetches(self.tile, self.out) if self.weight and known(self.p.k) >= LEAST else []

    def in_pieces(self) -> list[Stmt]:
        """All tiles, a part of k at a time, so that this part of the panel stays in cache; sums wait in a buffer."""
        plan, tile = self.plan, self.tile
        kept = Buffer("sums", tile.dtype, plan.rows * tile.columns, "stack")
        d = Var("part")
        own = imul(self.t, tile.rows * tile.columns)
        parts, let_parts = named("parts", idiv(iadd(isub(self.high, self.low), plan.depth - 1), plan.depth))
        last, let_last = named("last", isub(imax(parts, 1), 1))  # the sum of no terms is zero, and written too
        low, let_low = named("low", iadd(self.low, imul(d, plan.depth)))
        high = imin(iadd(low, plan.depth), self.high)
        light = self.weight <= LIGHT and self.done is None

        def at(i: int, j: Var) -> Expr:
            return iadd(iadd(own, i * tile.columns), j)

        def start(i: int, j: Var) -> Expr:
            return select(prim("eq", d, lit(0)), Lit(0, tile.dtype), Load(kept, at(i, j)))

        def end(sums: list[Expr], j: Var) -> list[Stmt]:
            keep = tuple(Store(kept, at(i, j), x) for i, x in enumerate(sums))
            out = tuple(s for i, x in enumerate(sums) for s in self.out(lit(i), j, x)) if light else ()
            return [If(prim("eq", d, last), out, keep)] if light else list(keep)

        lets, left, right = self.factors()
        sums = tile.sum([Span(Var("k"), low, high)], left, right, start, end, self.ahead(low, high))
        fetched = self.fetches()
        soon = [If(prim("eq", d, last), tuple(fetched))] if fetched else []
        body: list[Stmt] = [self.let_i0, *lets, *soon, sums]
        if not light:
            body.append(If(prim("eq", d, last), (tile.hand_out(kept, own, self.out, self.done),)))
        walk = For(d, lit(0), iadd(last, 1), (let_low, For(self.t, lit(0), self.tiles, tuple(body))))
        return [Alloc(kept), let_parts, let_last, walk]


def divides(length: int, total: Dim) -> bool:
    """Do pieces of that length make up the axis exactly?"""
    return isinstance(total, int) and total % length == 0


def count_tiles(m: Dim, plan: Plan, first: Expr) -> Expr:
    """Tiles below each other in a block that begins at row `first`."""
    rows = plan.tile.rows
    if isinstance(m, int) and m % plan.rows == 0:
        return lit(plan.rows // rows)
    return idiv(iadd(isub(imin(iadd(first, plan.rows), m), first), rows - 1), rows)
