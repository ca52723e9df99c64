"""The gradient of a convolution with respect to its filters: sums over all positions of an array times a cotangent.

Invariant: positions are summed in row-major order; many are cut into pieces, fixed by the shape, whose sums are added
in order. Entry point: `lower_grad_filter`.

Elements of the array at neighbouring channels (and taps of the last axis, where those follow on) are the rows of a
tile, filters its columns: both operands are read where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphtf.ir.dims import Dim, ceildiv, product
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, iadd, imin, imul, lit, prim, size
from graphtf.ir.loops.stmt import Carry, For, LoopFunc, Stmt, Store
from graphtf.passes.lower.arrays import Array, Window, laid_out
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import finish
from graphtf.passes.lower.loop import Nest, blocked
from graphtf.passes.lower.offsets import flat_offset, split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import named, shift
from graphtf.passes.lower.result import Result
from graphtf.passes.lower.tile import Span, Terms, choose, moved_back

TASK_TERMS = 1 << 20  # products worth a task
TASKS = 16  # so many are wanted
PARTS = 8 << 20  # bytes of partial sums


def lower_grad_filter(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion around conv_grad_filter."""
    r = Result(node, main, name)
    w = Window.of(main, r.shape)
    before, x = laid_out(r, 0, w.pads)
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
    strides = (1, *w.strides)
    out: list[Positions] = []
    for count, step, stride, ct_step in zip(ct.shape[:-1], x.steps, strides, ct.steps):
        a = Positions(count, step * stride, ct_step)
        if out and out[-1].step == count * a.step and out[-1].ct_step == count * ct_step:
            a = Positions(out[-1].count * count, a.step, ct_step)
            out.pop()
        out.append(a)
    return out


class Sums:
    """The parts of one kernel."""

    def __init__(self, r: Result, w: Window, x: Array, ct: Array, caps: Caps) -> None:
        self.r, self.w, self.x, self.ct = r, w, x, ct
        self.axes = positions(w, x, ct)
        runs_on = w.groups == 1 and x.steps[-2] * w.dilations[-1] == w.channels * x.steps[-1]
        self.outer = w.taps[:-1] if runs_on else w.taps
        self.rows = w.channels * (w.taps[-1] if runs_on else 1)
        self.tile = choose(self.rows, w.filters, r.dtype, caps)
        self.split = next((k for k, a in enumerate(self.axes) if a.count != 1), 0)
        self.piece = self.choose_piece()

    def choose_piece(self) -> Dim:
        """How many positions along the axis `split` are summed by one task."""
        count = self.axes[self.split].count
        each = product(self.r.shape) * known(product(a.count for a in self.axes[self.split + 1 :]))
        assert isinstance(each, int)
        tasks = self.w.groups * int(product(self.outer))
        most = max(1, PARTS // max(1, int(product(self.r.shape)) * self.r.dtype.size))
        if not isinstance(count, int):
            return max(1, 4 * TASK_TERMS // max(1, each))
        wanted = min(most, -(-TASKS // max(1, tasks)), max(1, each * count // TASK_TERMS))
        return max(1, -(-count // wanted))

    def emit(self) -> list[Stmt]:
        count = self.axes[self.split].count
        pieces = ceildiv(count, self.piece) if isinstance(self.piece, int) else 1
        parts = None
        if pieces != 1:
            parts = Buffer("parts", self.r.dtype, pieces * product(self.r.shape))
            self.r.frame.temps.append(parts)
        counts = (pieces, self.w.groups, *self.outer)

        def task(t: Expr) -> list[Stmt]:
            piece, g, *taps = split_index(t, counts)
            return self.tiles(piece, g, taps, parts)

        body = blocked(product(counts), 1, "task", task)
        return body if parts is None else [*body, *self.join(parts, pieces)]

    def tiles(self, piece: Expr, g: Expr, taps: Sequence[Expr], parts: Buffer | None) -> list[Stmt]:
        """All tiles of one place in the window, over one piece of the positions."""
        r, w, x, ct, tile = self.r, self.w, self.x, self.ct, self.tile
        t, n = Var("tile"), Var("panel")
        i0, let_i0 = named("i0", moved_back(imul(t, tile.rows), self.rows, tile.rows))
        j0, let_j0 = named("j0", moved_back(imul(n, tile.columns), w.filters, tile.columns))
        left, right = iadd(x.origin, imul(g, w.channels * x.steps[-1])), iadd(ct.origin, imul(g, w.filters))
        for tap, step, gap in zip(taps, x.steps[1:], w.dilations):
            left = shift(left, tap, step * gap)
        left, let_left = named("left", shift(left, i0, x.steps[-1]))
        right, let_right = named("right", iadd(right, j0))
        walked = self.walk(piece)
        spans, axes = [s for s, _ in walked], [a for _, a in walked]

        def at_left(i: int, terms: Terms, ahead: int) -> Expr:
            at: Expr = left
            for q, a in zip(terms, axes):
                at = shift(at, q, a.step)
            return Load(x.buffer, iadd(at, iadd(imul(i, x.steps[-1]), imul(ahead, axes[-1].step))))

        def at_right(j: Var, terms: Terms, ahead: int) -> Expr:
            at: Expr = right
            for q, a in zip(terms, axes):
                at = shift(at, q, a.ct_step)
            return Load(ct.buffer, iadd(iadd(at, j), imul(ahead, axes[-1].ct_step)))

        def out(i: Expr, j: Expr, value: Expr) -> list[Stmt]:
            inner = split_index(iadd(i0, i), (*w.taps[len(taps) :], w.channels))
            index = (*taps, *inner, iadd(iadd(imul(g, w.filters), j0), j))
            if parts is None:
                return r.finish(index, value)
            return [Store(parts, shift(flat_offset(index, r.shape), piece, product(r.shape)), value)]

        body = tile.finished(spans, at_left, at_right, out, 0 if parts is not None else r.weight_after)
        row = For(n, lit(0), lit(-(-w.filters // tile.columns)), (let_j0, let_right, *body))
        return [For(t, lit(0), lit(-(-self.rows // tile.rows)), (let_i0, let_left, row))]

    def walk(self, piece: Expr) -> list[tuple[Span, Positions]]:
        """Loops over the positions of a piece."""
        found: list[tuple[Span, Positions]] = []
        for k, a in enumerate(self.axes):
            low, high = size(0), size(a.count)
            if k == self.split and a.count != self.piece:
                low = imul(piece, self.piece)
                high = imin(iadd(low, self.piece), high)
            if a.count != 1 or k == self.split:
                found.append((Span(Var("q"), low, high), a))
        return found

    def join(self, parts: Buffer, pieces: Dim) -> list[Stmt]:
        """Add the sums of the pieces."""
        r = self.r

        def body(index: tuple[Expr, ...]) -> list[Stmt]:
            (i,) = index
            s, total = Var("piece"), Var("total", r.dtype)
            part = Load(parts, shift(i, s, product(r.shape)))
            carry = Carry(total, Lit(0, r.dtype), prim("add", total, part))
            return [For(s, lit(0), size(pieces), (), carries=(carry,)), *r.finish(split_index(i, r.shape), total)]

        return Nest((product(r.shape),), known(pieces) + r.weight_after).emit(body)
