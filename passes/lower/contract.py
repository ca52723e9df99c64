"""Kernels of kind `contract`: a product of matrices over batches, and what is computed from it on the way out.

Invariant: element [i, j] is the sum over k, in order, of left[i, k] * right[k, j] (long sums are cut into pieces fixed
by the shape), and blocks are fixed by the shape, so the result does not depend on the number of threads.
Entry point: `lower_product(node, main, caps, name)`.

The result is cut into blocks, a block into column panels, a panel into tiles of registers. Where a size known only at
run time is smaller than a tile, `few` takes smaller tiles.
"""

from __future__ import annotations

from dataclasses import replace

from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import (
    Buffer,
    Expr,
    Lit,
    Load,
    Var,
    lit,
    prim,
    size,
)
from graphtf.ir.loops.stmt import Carry, For, If, LoopFunc, Stmt
from graphtf.passes.lower.blocks import Block, Plan
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.dots import dots, dots_pay
from graphtf.passes.lower.kernel import finish
from graphtf.passes.lower.loop import Nest, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import FAR, Panels, known, left_access, left_panels, right_panels
from graphtf.passes.lower.product import Access, Product, access, shift
from graphtf.passes.lower.sweeps import pieces_of, sweeps, sweeps_pay
from graphtf.passes.lower.tile import Tile, choose

TASK_TERMS = 1 << 20  # products worth a task: 5 to 10 µs
BOUND = 10  # rows below which reading the right operand takes the time, not the products: they count as so many
SOME = 4  # rows of a smaller tile, for fewer of them than the tile has
WRITING = 16  # products that writing an element takes as long as: it counts for no fewer
BLOCK_ROWS = 96  # rows of a block: each panel is used for all of them
BLOCKS = 16  # so many blocks are wanted, for threads to share
PANEL = 112 << 10  # bytes of a panel that is walked in one go
PANEL_PIECE = 64 << 10  # bytes of its pieces, where it is longer
PIECE = 1 << 10  # least terms of a partial sum, where a long sum is cut for threads to share


def lower_product(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `contract` around the matrix product `main`."""
    return Contraction(Product(node, main, name), caps).lower()


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
            body: list[Stmt] = [If(either, tuple(self.few(tile.rows)), tuple(self.tiles(tile)))]
        elif self.right is not None and dots_pay(p, self.left, self.right, self.caps):
            body = dots(p, self.left, self.right)
        elif self.right is not None and sweeps_pay(p, self.right, self.caps):
            body = self.swept(self.right)
        else:
            body = self.tiles(tile)
        return finish(p.frame, [*self.before, *body])

    def few(self, rows: int) -> list[Stmt]:
        """The result where a size is smaller than the tile, of so many rows: some rows at a time, or row by row."""
        p, right = self.p, self.right
        if isinstance(p.n, int) and right is not None and right.stride == 1:
            one = self.tiles(choose(1, p.n, p.dtype, self.caps), 1)
            some = choose(SOME, p.n, p.dtype, self.caps)
            if rows <= SOME or some.rows != SOME:
                return one
            return [If(prim("lt", size(p.m), lit(SOME)), tuple(one), tuple(self.tiles(some, SOME)))]
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
        terms = known(p.batch) * max(known(p.m), BOUND) * known(p.n) * max(known(p.k), WRITING)
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

    def tiles(self, tile: Tile, most: int | None = None) -> list[Stmt]:
        """All blocks, in parallel, for not more than `most` rows. Where only run time knows how many terms there are,
        two ways to read a left operand that lies across."""
        p, plan = self.p, self.plan(tile)
        rows = ceildiv(p.m, plan.rows)
        near, copied = left_panels(p, self.left, tile)
        uses = rows if plan.piece == p.k and plan.whole else 0
        right = right_panels(p, self.right, tile, known(p.m) if most is None else most, uses)
        if copied is None:
            return [*right.before, *self.blocks(plan, near, right)]
        far = [*copied.before, *self.blocks(plan, copied, right)]
        if isinstance(p.k, int):
            return [*right.before, *far]
        short = self.blocks(replace(plan, depth=plan.piece), near, right)
        return [*right.before, If(prim("lt", size(p.k), lit(FAR)), tuple(short), tuple(far))]

    def blocks(self, plan: Plan, left: Panels, right: Panels) -> list[Stmt]:
        """The blocks of operands that are cut."""
        p, tile = self.p, plan.tile
        pieces = 1 if plan.piece == p.k else ceildiv(p.k, known(plan.piece))
        counts = (p.batch, pieces, ceildiv(p.m, plan.rows), ceildiv(ceildiv(p.n, tile.columns), plan.panels))
        parts = None
        if pieces != 1:
            parts = Buffer("parts", p.dtype, pieces * p.m * p.n)
            p.frame.temps.append(parts)

        def block(t: Expr) -> list[Stmt]:
            return Block(p, plan, left, right, parts, *split_index(t, counts)).emit()

        total = counts[0] * counts[1] * counts[2] * counts[3]
        work = max(BOUND, plan.rows) * plan.panels * tile.columns * max(known(plan.piece), WRITING)
        body = blocked(total, max(1, TASK_TERMS // max(1, work)), "block", block)
        return body if parts is None else [*body, *self.join(parts, pieces)]

    def swept(self, right: Access) -> list[Stmt]:
        """One row, the right operand read in the order it lies."""
        p, pieces = self.p, pieces_of(self.p)
        parts = Buffer("parts", p.dtype, pieces * p.n)
        p.frame.temps.append(parts)
        return [*sweeps(p, self.left, right, parts, pieces), *self.join(parts, pieces)]

    def join(self, parts: Buffer, pieces: Dim) -> list[Stmt]:
        """Add partial sums, piece by piece."""
        p = self.p

        def body(index: tuple[Expr, ...]) -> list[Stmt]:
            i, j = index
            s, total = Var("piece"), Var("total", p.dtype)
            part = Load(parts, shift(j, shift(i, s, p.m), p.n))
            loop = For(s, lit(0), size(pieces), (), carries=(Carry(total, Lit(0, p.dtype), prim("add", total, part)),))
            return [loop, *p.finish(lit(0), i, j, total)]

        return Nest((p.m, p.n), known(pieces) + p.result.weight_after).emit(body)


def depth(tile: Tile, piece: Dim) -> Dim:
    """Terms that are summed before the next part of the panel is walked."""
    row = tile.columns * tile.dtype.size
    if not isinstance(piece, int):
        return int(PANEL_PIECE // row)
    return piece if piece * row <= PANEL else ceildiv(piece, int(-(-piece * row // PANEL_PIECE)))
