"""Kernels of kind `contract`: a product of matrices over batches, and what is computed from it on the way out.

Invariant: element [i, j] is the sum over k, in order, of left[i, k] * right[k, j] (long sums are cut into pieces fixed
by the shape), and blocks are fixed by the shape, so the result does not depend on the number of threads.
Entry point: `lower_product(node, main, caps, name)`.

The result is cut into blocks, a block into column panels, a panel into tiles of registers. Where a size known only at
run time is smaller than a tile, `few` computes rows one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.graph import Node
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
from graphtf.ir.loops.stmt import Alloc, Carry, For, If, Let, LoopFunc, Prefetch, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.dots import dots, dots_pay
from graphtf.passes.lower.kernel import finish
from graphtf.passes.lower.loop import Nest, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import Panels, known, left_access, left_panels, right_panels
from graphtf.passes.lower.product import Product, access, named, shift
from graphtf.passes.lower.tile import Tile, choose

TASK_TERMS = 1 << 20  # products worth a task: 5 to 10 µs
BLOCK_ROWS = 96  # rows of a block: each panel is used for all of them
BLOCKS = 16  # so many blocks are wanted, for threads to share
PANEL = 112 << 10  # bytes of a panel that is walked in one go
PANEL_PIECE = 64 << 10  # bytes of its pieces, where it is longer
LIGHT = 4  # weight of an epilogue that is written out for every row of a tile
LINE = 64  # bytes that are fetched together
PIECE = 1 << 10  # least terms of a partial sum, where a long sum is cut for threads to share

Out = Callable[[Expr, Expr, Expr], list[Stmt]]  # what becomes of element (i, j) and its value


def lower_product(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `contract` around the matrix product `main`."""
    return Contraction(Product(node, main, name), caps).lower()


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


class Contraction:
    """The parts of one kernel."""

    def __init__(self, product: Product, caps: Caps) -> None:
        self.p = product
        self.caps = caps
        self.left, self.before = left_access(product)
        self.right = access(product.right)

    def lower(self) -> LoopFunc:
        p = self.p
        tile = choose(p.m, p.n, p.dtype, self.caps)
        small = []  # where the tile may turn out too large
        if not isinstance(p.m, int) and tile.rows > 1:
            small.append(prim("lt", size(p.m), lit(tile.rows)))
        if not isinstance(p.n, int):
            small.append(prim("lt", size(p.n), lit(tile.columns)))
        if small:
            either = small[0] if len(small) == 1 else prim("or", *small)
            body: list[Stmt] = [If(either, tuple(self.few()), tuple(self.tiles(tile)))]
        else:
            body = dots(p, self.left, self.right) if dots_pay(p, self.left, self.right, self.caps) else self.tiles(tile)
        return finish(p.frame, [*self.before, *body])

    def few(self) -> list[Stmt]:
        """The result where a size is smaller than the tile: row by row."""
        p, right = self.p, self.right
        if isinstance(p.n, int) and right is not None and right.stride == 1:
            return self.tiles(choose(1, p.n, p.dtype, self.caps))
        if right is not None and right.step == 1 and self.left.step == 1:
            return dots(p, self.left, right)
        return Nest((p.batch, p.m, p.n), known(p.k)).emit(self.one)

    def one(self, index: tuple[Expr, ...]) -> list[Stmt]:
        """One element by itself."""
        p = self.p
        b, i, j = index
        k, total = Var("k"), Var("total", p.dtype)
        left = Load(self.left.buffer, shift(self.left.base(b, i), k, self.left.step))
        carry = Carry(total, Lit(0, p.dtype), prim("fma", left, p.right(b, j, k), total))
        return [For(k, lit(0), size(p.k), (), carries=(carry,)), *p.finish(b, i, j, total)]

    # ---- cutting ----------------------------------------------------------------------------------------------------

    def plan(self, tile: Tile) -> Plan:
        """Cut the result into blocks."""
        p = self.p
        if isinstance(p.m, int):
            blocks = max(1, round(p.m / BLOCK_ROWS))
            rows = max(1, -(-p.m // (blocks * tile.rows))) * tile.rows
        else:
            blocks, rows = 1, tile.rows * max(1, BLOCK_ROWS // tile.rows)
        blocks *= known(p.batch)
        terms = known(p.batch) * known(p.m) * known(p.n) * known(p.k)
        wanted = min(BLOCKS, max(1, terms // TASK_TERMS))
        panels = max(1, -(-known(p.n) // tile.columns))
        cuts = max(1, min(panels, -(-wanted // max(1, blocks))))
        piece = self.piece(blocks * cuts, terms)
        return Plan(tile, rows, -(-panels // cuts), piece, depth(tile, piece))

    def piece(self, blocks: int, terms: int) -> Dim:
        """Terms of a partial sum: all, unless few blocks have much to sum."""
        p = self.p
        if blocks >= 4 or p.batch != 1 or not isinstance(p.m, int) or not isinstance(p.n, int):
            return p.k
        if not isinstance(p.k, int):
            return PIECE if p.m * p.n <= 1 << 14 else p.k
        cuts = min(BLOCKS, terms // (2 * TASK_TERMS), p.k // PIECE)
        return ceildiv(p.k, cuts) if cuts > 1 else p.k

    # ---- blocks -----------------------------------------------------------------------------------------------------

    def tiles(self, tile: Tile) -> list[Stmt]:
        """All blocks, in parallel."""
        p, plan = self.p, self.plan(tile)
        pieces = 1 if plan.piece == p.k else ceildiv(p.k, known(plan.piece))
        rows = ceildiv(p.m, plan.rows)
        left = left_panels(p, self.left, tile)
        right = right_panels(p, self.right, tile, rows if pieces == 1 and plan.whole else 0)
        counts = (p.batch, pieces, rows, ceildiv(ceildiv(p.n, tile.columns), plan.panels))
        parts = None
        if pieces != 1:
            parts = Buffer("parts", p.dtype, pieces * p.m * p.n)
            p.frame.temps.append(parts)

        def block(t: Expr) -> list[Stmt]:
            return Block(p, plan, left, right, parts, *split_index(t, counts)).emit()

        total = counts[0] * counts[1] * counts[2] * counts[3]
        work = plan.rows * plan.panels * tile.columns * known(plan.piece)
        body = [*left.before, *right.before, *blocked(total, max(1, TASK_TERMS // max(1, work)), "block", block)]
        return body if parts is None else [*body, *self.join(parts, pieces)]

    def join(self, parts: Buffer, pieces: Dim) -> list[Stmt]:
        """Add partial sums, piece by piece."""
        p = self.p

        def body(index: tuple[Expr, ...]) -> list[Stmt]:
            i, j = index
            s, total = Var("piece"), Var("total", p.dtype)
            part = Load(parts, shift(j, shift(i, s, p.m), p.n))
            loop = For(s, lit(0), size(pieces), (), carries=(Carry(total, Lit(0, p.dtype), prim("add", total, part)),))
            return [loop, *p.finish(lit(0), i, j, total)]

        return Nest((p.m, p.n), known(pieces) + p.epilogue_weight).emit(body)


def depth(tile: Tile, piece: Dim) -> Dim:
    """Terms that are summed before the next part of the panel is walked."""
    row = tile.columns * tile.dtype.size
    if not isinstance(piece, int):
        return int(PANEL_PIECE // row)
    return piece if piece * row <= PANEL else ceildiv(piece, int(-(-piece * row // PANEL_PIECE)))


class Block:
    """One block: panel by panel, and for each panel the tiles of its rows."""

    def __init__(
        self, p: Product, plan: Plan, lefts: Panels, rights: Panels, parts: Buffer | None, b: Expr, piece: Expr,
        r: Expr, n: Expr,
    ) -> None:  # fmt: skip
        self.p, self.plan, self.lefts, self.rights, self.parts = p, plan, lefts, rights, parts
        self.b, self.piece, self.r = b, piece, r
        self.panel, self.t = Var("panel"), Var("tile")
        tile = plan.tile
        self.first, self.let_first = named("first", imul(r, plan.rows))
        self.tiles = count_tiles(p.m, plan, self.first)
        self.i0, self.let_i0 = named("i0", moved_back(iadd(self.first, imul(self.t, tile.rows)), p.m, tile.rows))
        self.j0, self.let_j0 = named("j0", moved_back(imul(self.panel, tile.columns), p.n, tile.columns))
        self.start = imul(n, plan.panels)
        self.stop = imin(iadd(self.start, plan.panels), ceildiv(p.n, tile.columns))
        self.low = imul(piece, plan.piece)
        self.high = size(p.k) if plan.piece == p.k else imin(iadd(self.low, plan.piece), p.k)

    def emit(self) -> list[Stmt]:
        self.right = self.rights.at(self.b, self.panel, self.j0)
        self.column, let_column = named("column", self.right.base)
        if not self.plan.whole:
            inner = self.in_pieces()
        elif self.parts is not None or self.p.epilogue_weight <= LIGHT:
            inner = self.in_registers()
        else:
            inner = self.through_memory()
        body = (self.let_j0, *self.right.setup, let_column, *inner)
        return [self.let_first, For(self.panel, self.start, self.stop, body)]

    def out(self, i: Expr, j: Expr, value: Expr) -> list[Stmt]:
        """What becomes of element (i, j) of the tile."""
        i, j = iadd(self.i0, i), iadd(self.j0, j)
        if self.parts is None:
            return self.p.finish(self.b, i, j, value)
        return [Store(self.parts, shift(j, shift(i, self.piece, self.p.m), self.p.n), value)]

    def sums(
        self, low: Expr, high: Expr, start: Callable[[int, Var], Expr] | None,
        end: Callable[[list[Expr], Var], list[Stmt]],
    ) -> list[Stmt]:  # fmt: skip
        """The sums of one tile, over terms low … high - 1."""
        tile, right, k = self.plan.tile, self.right, Var("k")
        number = iadd(imul(self.r, self.plan.rows // tile.rows), self.t)
        left = self.lefts.at(self.b, number, self.i0)
        origin, let = named("row", left.base)
        lets: list[Let] = [let]
        rows: list[Expr] = [origin]
        for i in range(1, tile.rows):
            row = shift(origin, i, left.stride)
            if not isinstance(left.stride, int):
                row, let = named("row", row)
                lets.append(let)
            rows.append(row)

        def at_left(i: int) -> Expr:
            return Load(left.buffer, shift(rows[i], k, left.step))

        def at_right(j: Var) -> Expr:
            return Load(right.buffer, iadd(shift(self.column, k, right.step), j))

        return [*lets, tile.sum([(k, low, high)], at_left, at_right, start, end, self.ahead(k, low, high))]

    def ahead(self, k: Var, low: Expr, high: Expr) -> list[Stmt]:
        """While these tiles walk a panel, the next one is fetched, each tile fetching its share: it lies behind."""
        if not self.rights.contiguous or self.plan.rows < 2 * self.plan.tile.rows:
            return []
        share = -(-self.plan.tile.columns * self.plan.tile.rows // self.plan.rows)  # elements for each term
        terms = iadd(imul(self.t, self.plan.depth), isub(k, low))
        at = iadd(shift(self.column, high, self.plan.tile.columns), imul(terms, share))
        line = LINE // self.p.dtype.size
        return [Prefetch(self.right.buffer, iadd(at, extra)) for extra in range(0, share, line)]

    def in_registers(self) -> list[Stmt]:
        """Tiles that are finished while their sums are in registers."""

        def end(sums: list[Expr], j: Var) -> list[Stmt]:
            return [s for i, x in enumerate(sums) for s in self.out(lit(i), j, x)]

        return [For(self.t, lit(0), self.tiles, (self.let_i0, *self.sums(self.low, self.high, None, end)))]

    def through_memory(self) -> list[Stmt]:
        """Tiles whose sums are put down, so that a long epilogue is written only once."""
        tile = self.plan.tile
        kept = Buffer("sums", tile.dtype, tile.rows * tile.columns, "stack")

        def end(sums: list[Expr], j: Var) -> list[Stmt]:
            return [Store(kept, iadd(lit(i * tile.columns), j), x) for i, x in enumerate(sums)]

        body = (self.let_i0, *self.sums(self.low, self.high, None, end), self.finish_from(kept, lit(0)))
        return [Alloc(kept), For(self.t, lit(0), self.tiles, body)]

    def in_pieces(self) -> list[Stmt]:
        """All tiles, a part of k at a time, so that this part of the panel stays in cache; sums wait in a buffer."""
        plan, tile = self.plan, self.plan.tile
        kept = Buffer("sums", tile.dtype, plan.rows * tile.columns, "stack")
        d = Var("part")
        own = imul(self.t, tile.rows * tile.columns)
        parts, let_parts = named("parts", idiv(iadd(isub(self.high, self.low), plan.depth - 1), plan.depth))
        last, let_last = named("last", isub(imax(parts, 1), 1))  # the sum of no terms is zero, and written too
        k0, let_k0 = named("k0", iadd(self.low, imul(d, plan.depth)))
        light = self.parts is not None or self.p.epilogue_weight <= LIGHT

        def at(i: int, j: Var) -> Expr:
            return iadd(iadd(own, i * tile.columns), j)

        def start(i: int, j: Var) -> Expr:
            return select(prim("eq", d, lit(0)), Lit(0, tile.dtype), Load(kept, at(i, j)))

        def end(sums: list[Expr], j: Var) -> list[Stmt]:
            keep = tuple(Store(kept, at(i, j), x) for i, x in enumerate(sums))
            if not light:
                return list(keep)
            out = tuple(s for i, x in enumerate(sums) for s in self.out(lit(i), j, x))
            return [If(prim("eq", d, last), out, keep)]

        body = [self.let_i0, *self.sums(k0, imin(iadd(k0, plan.depth), self.high), start, end)]
        if not light:
            body.append(If(prim("eq", d, last), (self.finish_from(kept, own),)))
        walk = For(d, lit(0), iadd(last, 1), (let_k0, For(self.t, lit(0), self.tiles, tuple(body))))
        return [Alloc(kept), let_parts, let_last, walk]

    def finish_from(self, kept: Buffer, own: Expr) -> Stmt:
        """The epilogue of a tile whose sums begin at kept[own]."""
        tile = self.plan.tile
        i, j = Var("i"), Var("j")
        value = Load(kept, iadd(iadd(own, imul(i, tile.columns)), j))
        row = For(j, lit(0), lit(tile.columns), tuple(self.out(i, j, value)), "vector")
        return For(i, lit(0), lit(tile.rows), (row,))


def count_tiles(m: Dim, plan: Plan, first: Expr) -> Expr:
    """Tiles below each other in a block that begins at row `first`."""
    rows = plan.tile.rows
    if isinstance(m, int) and m % plan.rows == 0:
        return lit(plan.rows // rows)
    return idiv(iadd(isub(imin(iadd(first, plan.rows), m), first), rows - 1), rows)


def moved_back(at: Expr, total: Dim, length: int) -> Expr:
    """Where a piece of `length` begins: at `at`, or earlier, if it would end after `total`."""
    if isinstance(total, int) and total % length == 0:
        return at
    return imin(at, total - length)
