"""The gradient of a convolution with respect to its filters: sums over all positions of an array times a cotangent.

Invariant: positions are summed in row-major order; many are cut into pieces, fixed by the shape, whose sums are added
in order. Entry point: `lower_grad_filter`.

Elements of the array at neighbouring channels and taps are the rows of a tile, filters its columns, and both operands
are read where they lie. A task walks its positions block by block, so that what its tiles share stays in cache; between
blocks sums wait in memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphtf.ir.dims import Dim, Shape, ceildiv, minimum, product
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, iadd, imin, imul, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import Alloc, Carry, For, LoopFunc, Stmt, Store
from graphtf.passes.lower.arrays import Array, Window, laid_out
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import finish
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import flat_offset, split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import named, shift
from graphtf.passes.lower.result import Result
from graphtf.passes.lower.tile import Span, Terms, accumulate, choose, moved_back

TASK_TERMS = 1 << 20  # products worth a task
TASKS = 16  # so many are wanted
PARTS = 8 << 20  # bytes of partial sums
WORTH_COPYING = 6  # tiles that walk a block
BLOCK = 32 << 10  # bytes of the cotangent that a block of positions has for a tile


def lower_grad_filter(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion around conv_grad_filter."""
    r = Result(node, main, name)
    w = Window.of(main, r.shape)
    before, x = laid_out(r, 0, w.pads, dense=True)
    also, ct = laid_out(r, 1, [(0, 0)] * w.rank, dense=True)
    return finish(r.frame, [*before, *also, *Sums(r, w, x, ct, caps).emit()])


@dataclass(frozen=True)
class Positions:
    """Positions along an axis, or several that are walked without a jump; distances in array and cotangent."""

    count: Dim
    step: Dim
    ct_step: Dim


def positions(w: Window, x: Array, ct: Array) -> list[Positions]:
    """All positions, batch first; axes join where both operands run on."""
    out: list[Positions] = []
    for count, step, stride, ct_step in zip(ct.shape[:-1], x.steps, (1, *w.strides), ct.steps):
        a = Positions(count, step * stride, ct_step)
        if out and out[-1].step == count * a.step and out[-1].ct_step == count * ct_step:
            a = Positions(out[-1].count * count, a.step, ct_step)
            out.pop()
        out.append(a)
    return out


class Sums:
    """The parts of one kernel. `inner`: the taps and channels that are rows of tiles; `outer`: the other taps, for each
    of which a block is walked."""

    def __init__(self, r: Result, w: Window, x: Array, ct: Array, caps: Caps) -> None:
        self.r, self.w, self.x, self.ct = r, w, x, ct
        self.axes = positions(w, x, ct)
        self.elements = math.prod(d for d in r.shape if isinstance(d, int))
        self.gaps = [step * gap for step, gap in zip(x.steps[1:-1], w.dilations)]
        self.apart = w.groups > 1 and w.channels == w.filters == 1
        self.filters = w.groups if self.apart else w.filters
        self.groups = 1 if self.apart else w.groups
        inner = self.rows_from(caps)
        self.outer, self.inner = w.taps[:inner], (*w.taps[inner:], w.channels)
        self.rows = math.prod(self.inner)
        self.tile = choose(self.rows, self.filters, r.dtype, caps)
        self.panels = -(-self.filters // self.tile.columns)
        self.tiles = -(-self.rows // self.tile.rows)
        self.piece = self.choose_piece()
        self.pieces = ceildiv(self.axes[0].count, self.piece) * minimum(1, product(a.count for a in self.axes[1:]))
        self.cut, self.block = self.choose_block()

    def rows_from(self, caps: Caps) -> int:
        """The first axis of the window whose taps are rows: all that fit one tile, or that run on in memory."""
        w = self.w
        for k in range(w.rank):
            rows = math.prod(w.taps[k:]) * w.channels
            if rows <= choose(rows, self.filters, self.r.dtype, caps).rows:
                return k
        runs_on = self.groups == 1 and self.gaps[-1] == w.channels and not self.apart
        return w.rank - 1 if runs_on else w.rank

    def choose_piece(self) -> int:
        """How many positions along the first axis are summed by one task."""
        count = self.axes[0].count
        each = self.elements * known(product(a.count for a in self.axes[1:]))
        if not isinstance(count, int):
            return max(1, 4 * TASK_TERMS // max(1, each))
        tasks = self.groups * self.panels
        most = max(1, PARTS // max(1, self.elements * self.r.dtype.size))
        wanted = min(most, -(-TASKS // max(1, tasks)), max(1, each * count // TASK_TERMS))
        return max(1, -(-count // wanted))

    def choose_block(self) -> tuple[int, int]:
        """The axis that is cut into blocks, and how much of it a block has; of the axes after it a block has all."""
        most = max(1, BLOCK // (self.tile.columns * self.r.dtype.size))
        inner = 1
        for k in reversed(range(1, len(self.axes))):
            count = known(self.axes[k].count)
            if inner * count > most:
                return k, max(1, most // inner)
            inner *= max(1, count)
        return 0, max(1, most // inner)

    # ---- loops ------------------------------------------------------------------------------------------------------

    def emit(self) -> list[Stmt]:
        """Partial sums, task by task; then their sums."""
        area = self.tile.rows * self.tile.columns
        shape = (self.pieces, self.groups, self.panels, math.prod(self.outer), self.tiles, area)
        self.parts = Parts(Buffer("parts", self.r.dtype, product(shape)), shape)
        self.r.frame.temps.append(self.parts.buffer)

        def task(t: Expr) -> list[Stmt]:
            return Task(self, *split_index(t, shape[:3])).emit()

        return [*blocked(product(shape[:3]), 1, "task", task), *self.join()]

    def distances(self) -> tuple[list[Expr], list[Stmt]]:
        """How far the rows of a tile are from its first in the array; and what is named for that."""
        if self.rows > self.tile.rows:
            return [lit(i) for i in range(self.tile.rows)], []
        gaps = [*self.gaps[len(self.outer) :], 1]
        found: list[Expr] = []
        lets: list[Stmt] = []
        for place in itertools.product(*map(range, self.inner)):
            distance = size(sum((k * gap for k, gap in zip(place, gaps)), start=0))
            if not isinstance(distance, Lit):
                var, let = named("distance", distance)
                distance = var
                lets.append(let)
            found.append(distance)
        return found, lets

    def join(self) -> list[Stmt]:
        """Add the sums of the pieces, tile by tile."""
        r, tile, parts = self.r, self.tile, self.parts

        def one(t: Expr) -> list[Stmt]:
            g, n, tap, number = split_index(t, parts.shape[1:5])
            i0, let_i0 = named("i0", self.row(number))
            j0, let_j0 = named("j0", self.column(n))
            i, j, piece = Var("i"), Var("j"), Var("piece")
            part = Load(parts.buffer, parts.at(piece, g, n, tap, number, iadd(imul(i, tile.columns), j)))
            total = Var("total", r.dtype)
            carry = Carry(total, Lit(0, r.dtype), prim("add", total, part))
            inner = split_index(iadd(i0, i), self.inner)
            index = (*split_index(tap, self.outer), *inner, iadd(iadd(imul(g, self.filters), j0), j))
            body = (For(piece, lit(0), size(self.pieces), (), carries=(carry,)), *r.finish(index, total))
            row = For(j, lit(0), lit(tile.columns), body, "vector")
            return [let_i0, let_j0, For(i, lit(0), lit(tile.rows), (row,))]

        each = tile.rows * tile.columns * (known(self.pieces) + r.weight_after)
        return blocked(product(parts.shape[1:5]), max(1, TASK // max(1, each)), "tile", one)

    def row(self, tile: Expr) -> Expr:
        """The first row of a tile."""
        return moved_back(imul(tile, self.tile.rows), self.rows, self.tile.rows)

    def column(self, panel: Expr) -> Expr:
        """The first column of a panel."""
        return moved_back(imul(panel, self.tile.columns), self.filters, self.tile.columns)


@dataclass(frozen=True)
class Parts:
    """Partial sums: for each piece, group, panel, outer tap and tile an area. Tiles that overlap have areas apart."""

    buffer: Buffer
    shape: Shape

    def at(self, *index: Expr) -> Expr:
        return flat_offset(index, self.shape)


class Task:
    """One task: a piece of the positions, for the filters of a panel, block by block."""

    def __init__(self, sums: Sums, piece: Expr, g: Expr, n: Expr) -> None:
        self.s, self.index, self.tile = sums, (piece, g, n), sums.tile
        self.low, let_low = named("low", imul(piece, sums.piece))
        self.high, let_high = named("high", imin(iadd(self.low, sums.piece), sums.axes[0].count))
        self.j0, let_j0 = named("j0", sums.column(n))
        self.lets: list[Stmt] = [let_low, let_high, let_j0]
        self.at = [Var("at") for _ in range(sums.cut + 1)]
        self.left = iadd(sums.x.origin, imul(g, sums.w.channels))
        self.right = iadd(iadd(sums.ct.origin, imul(g, sums.filters)), self.j0)
        for q, a in zip(self.at, sums.axes):
            self.left, self.right = shift(self.left, q, a.step), shift(self.right, q, a.ct_step)
        stop = self.high if sums.cut == 0 else size(sums.axes[sums.cut].count)
        self.axes = sums.axes[sums.cut :]
        self.buffer = sums.ct.buffer
        self.stops = [imin(lit(sums.block), isub(stop, self.at[-1])), *(size(a.count) for a in self.axes[1:])]

    def emit(self) -> list[Stmt]:
        """The loops over blocks, and in each over the outer taps."""
        sums = self.s
        first = prim("eq", self.at[0], self.low)
        for q in self.at[1:]:
            first = prim("and", first, prim("eq", q, lit(0)))
        is_first, let_first = named("is_first", first)
        right, steps, copy = self.cotangent()
        begin, let_begin = named("right", right)
        t = Var("tap")
        left = self.left
        for tap, gap in zip(split_index(t, sums.outer), sums.gaps):
            left = shift(left, tap, gap)
        places = For(t, lit(0), lit(math.prod(sums.outer)), tuple(self.tiles(left, begin, steps, is_first, t)))
        body: list[Stmt] = [let_first, *copy, let_begin, places]
        for k in reversed(range(sums.cut + 1)):
            start, end = (self.low, self.high) if k == 0 else (lit(0), size(sums.axes[k].count))
            body = [For(self.at[k], start, end, tuple(body), step=lit(sums.block if k == sums.cut else 1))]
        return [*self.lets, *body]

    def cotangent(self) -> tuple[Expr, list[Dim], list[Stmt]]:
        """Where a block of the cotangent begins, what a position adds along each axis, and what runs before: where many
        tiles walk a block whose rows are far apart, it is copied."""
        sums, columns = self.s, self.tile.columns
        steps = [a.ct_step for a in self.axes]
        if sums.tiles * math.prod(sums.outer) < WORTH_COPYING or steps[-1] == columns:
            return self.right, steps, []
        inner = [math.prod(known(a.count) for a in self.axes[k + 1 :]) for k in range(len(self.axes))]
        self.buffer = Buffer("cotangent", sums.r.dtype, sums.block * inner[0] * columns, "stack")
        j = Var("j")
        spans = [Var("q") for _ in self.axes]
        source, target = self.right, size(0)
        for q, a, n in zip(spans, self.axes, inner):
            source, target = shift(source, q, a.ct_step), shift(target, q, n * columns)
        store = Store(self.buffer, iadd(target, j), Load(sums.ct.buffer, iadd(source, j)))
        body: Stmt = For(j, lit(0), lit(columns), (store,), "vector")
        for q, stop in zip(reversed(spans), reversed(self.stops)):
            body = For(q, lit(0), stop, (body,))
        return lit(0), [n * columns for n in inner], [Alloc(self.buffer), body]

    def tiles(self, left: Expr, right: Expr, steps: list[Dim], is_first: Expr, tap: Expr) -> list[Stmt]:
        """The tiles of a block, which begins at `left` and `right`."""
        sums, tile, x = self.s, self.tile, self.s.x.buffer
        t, j = Var("tile"), Var("j")
        start, let_start = named("left", iadd(left, sums.row(t) if sums.tiles > 1 else lit(0)))
        distances, lets = sums.distances()
        channel = iadd(self.j0, j) if sums.apart else lit(0)

        def step(values: Sequence[Expr], terms: Terms, ahead: int) -> list[Expr]:
            here, there = iadd(start, channel), right
            for q, a, further in zip(terms, self.axes, steps):
                here, there = shift(here, q, a.step), shift(there, q, further)
            factor = Load(self.buffer, iadd(iadd(there, j), imul(ahead, steps[-1])))
            passed = imul(ahead, self.axes[-1].step)
            return [prim("fma", Load(x, iadd(here, iadd(d, passed))), factor, v) for d, v in zip(distances, values)]

        def part(i: int) -> Expr:
            return sums.parts.at(*self.index, tap, t, iadd(lit(i * tile.columns), j))

        zero, parts = Lit(0, sums.r.dtype), sums.parts.buffer
        first: list[Expr] = [select(is_first, zero, Load(parts, part(i))) for i in range(tile.rows)]
        spans = [Span(Var("q"), lit(0), stop) for stop in self.stops]
        nest, values = accumulate(spans, (), first, step, tile.turn, None)
        ends = [Store(parts, part(i), v) for i, v in enumerate(values)]
        columns = For(j, lit(0), lit(tile.columns), (*nest, *ends), "vector", lanes=tile.columns)
        return [*lets, For(t, lit(0), lit(sums.tiles), (let_start, columns))]
