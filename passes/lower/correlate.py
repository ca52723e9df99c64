"""Correlation: sums over the places of a window, the form that convolutions and their input gradients share.

Invariant: the left operand is read where it lies, each term at fixed distances from a position; positions along one
axis are the rows of a tile, filters its columns, and the terms come in the order of the right operand's rows.
Entry point: `Correlation.emit`.

    result[position, filter] = Σ left[origin + Σₐ (positionₐ · stepₐ + tapₐ · gapₐ) + channel] · right[term, filter]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphtf.ir.dims import Dim
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, iadd, idiv, imod, imul, lit, prim, size
from graphtf.ir.loops.stmt import For, If, Stmt
from graphtf.passes.lower.affine import as_size
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.loop import spread
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import Panels, known
from graphtf.passes.lower.product import named, shift
from graphtf.passes.lower.result import Result
from graphtf.passes.lower.tile import Span, Terms, Tile, choose, cycles_of, moved_back, pieces

TASK_TERMS = 1 << 19  # products worth a task
WRITTEN_OUT = 32  # terms of a sum that is written out instead of looped over
ZERO, ONE = lit(0), lit(1)
DETOUR = 1.2  # another axis than the last gives the rows if it saves a sixth


@dataclass(frozen=True)
class Axis:
    """Positions 0 … stop - 1 along one axis, and the taps of the window there.

    Distances are in elements of the left operand (`step`: between positions, `gap`: between taps) and in rows of the
    right one (`rows`: between taps). `least`: the number of positions, or what it does not fall short of.
    `place`: the result's index, or indices, at a position.
    """

    stop: Expr
    least: Dim
    step: Dim
    place: Callable[[Expr], tuple[Expr, ...]]
    taps: Expr = ONE
    gap: Dim = 0
    rows: int = 0
    first: Expr = ZERO  # the right operand's row for tap 0

    @property
    def is_point(self) -> bool:
        """Has the window one tap along the axis?"""
        return as_size(self.taps) == 1


def merged(axes: Sequence[Axis]) -> list[Axis]:
    """Adjacent axes along which the window is one tap and the left operand is walked without a jump, as one axis."""
    out: list[Axis] = []
    for a in axes:
        inner, outer = as_size(a.stop), as_size(out[-1].stop) if out else None
        if inner is None or outer is None or not (a.is_point and out[-1].is_point and out[-1].step == inner * a.step):
            out.append(a)
        else:
            place = joint(out[-1], a, (outer, inner))
            out[-1] = Axis(size(outer * inner), outer * inner, a.step, place)
    return out


def joint(outer: Axis, inner: Axis, counts: tuple[Dim, Dim]) -> Callable[[Expr], tuple[Expr, ...]]:
    def place(q: Expr) -> tuple[Expr, ...]:
        i, j = split_index(q, counts)
        return (*outer.place(i), *inner.place(j))

    return place


@dataclass(frozen=True)
class Correlation:
    """One correlation, in `groups` of `channels` that meet `filters` each. It is done once for every combination of
    `phases`, variables and how many values they take; `lets` names what depends on them."""

    result: Result
    left: Buffer
    origin: Expr
    axes: Sequence[Axis]
    channels: int
    channel_step: Dim
    groups: int
    filters: int
    right: Callable[[Tile], Panels]
    phases: Sequence[tuple[Var, int]] = ()
    lets: Sequence[Stmt] = ()

    def emit(self, caps: Caps) -> list[Stmt]:
        """The loops. Where the rows' axis may turn out shorter than a tile, rows are computed one by one."""
        row, tile = self.best(caps)
        least, panels = self.axes[row].least, self.right(tile)
        body = Lines(self, row, tile, panels).emit()
        if not isinstance(least, int) and tile.rows > 1:
            singly = Lines(self, row, replace(tile, rows=1), panels).emit()
            body = [If(prim("lt", size(least), lit(tile.rows)), tuple(singly), tuple(body))]
        body = [*self.lets, *body]
        for var, count in reversed(self.phases):
            body = [For(var, ZERO, lit(count), tuple(body))]
        return [*panels.before, *body]

    def best(self, caps: Caps) -> tuple[int, Tile]:
        """The axis that gives the rows, and the tile: the last axis, unless another is walked in fewer cycles."""
        dtype = self.result.dtype
        found: list[tuple[float, int, Tile]] = []
        for k, a in enumerate(self.axes):
            tile = choose(a.least, self.filters, dtype, caps)
            cycles = cycles_of(tile.rows, -(-tile.columns // caps.lanes(dtype.size))) / (tile.rows * tile.columns)
            waste = pieces(a.least, tile.rows) * tile.rows / max(1, a.least) if isinstance(a.least, int) else DETOUR
            found.append((cycles * waste * (1 if k == len(self.axes) - 1 else DETOUR), -k, tile))
        _, k, tile = min(found, key=lambda x: x[:2])
        return -k, tile

    def terms(self) -> int:
        """Products of one element, as far as they are known."""
        total = self.channels
        for a in self.axes:
            total *= known(as_size(a.taps) or 2)
        return total

    def walk(self) -> tuple[list[Span], list[tuple[Dim, int]], Expr]:
        """The loops over terms; for each, what a term adds in the left operand, and how many rows in the right one; and
        the right one's first row."""
        first: Expr = ZERO
        spans: list[Span] = []
        moves: list[tuple[Dim, int]] = []
        channels = self.channels
        for k, a in enumerate(self.axes):
            first = iadd(first, a.first)
            if a.is_point:
                continue
            taps = as_size(a.taps)
            runs_on = a.gap == channels * self.channel_step and a.rows == channels and k == len(self.axes) - 1
            if runs_on and isinstance(taps, int):
                channels *= taps
                continue
            spans.append(Span(Var("tap"), lit(0), a.taps))
            moves.append((a.gap, a.rows))
        if channels != 1 or not spans:
            spans.append(Span(Var("channel"), lit(0), lit(channels)))
            moves.append((self.channel_step, 1))
        total = 1
        for s in spans:
            total *= int(s.stop.value) if isinstance(s.stop, Lit) else WRITTEN_OUT + 1
        kind = "unroll" if total <= WRITTEN_OUT else "serial"
        return [replace(s, kind=kind) for s in spans], moves, first


class Lines:
    """The result of a correlation as lines: positions along one axis, cut into tiles."""

    def __init__(self, c: Correlation, row: int, tile: Tile, panels: Panels) -> None:
        self.c, self.row, self.tile, self.panels = c, row, tile, panels
        self.axis = c.axes[row]
        self.outer = [k for k in range(len(c.axes)) if k != row]

    def emit(self) -> list[Stmt]:
        """For each group, and each position along the other axes: a line."""
        c = self.c
        stops = [lit(c.groups), *(c.axes[k].stop for k in self.outer)]
        total: Expr = ONE
        for stop in stops:
            total = imul(total, stop)
        work = known(self.axis.least) * c.filters * c.terms()

        def line(t: Expr) -> list[Stmt]:
            names = [named("q", q) for q in unflatten(t, stops)]
            g, *positions = (var for var, _ in names)
            return [*(let for _, let in names), *self.line(g, dict(zip(self.outer, positions)))]

        return spread(total, max(1, TASK_TERMS // max(1, work)), "line", line)

    def line(self, g: Expr, where: dict[int, Expr]) -> list[Stmt]:
        """Every panel of filters, and for each the tiles along the line."""
        c, tile, axis = self.c, self.tile, self.axis
        n, t = Var("panel"), Var("tile")
        j0, let_j0 = named("j0", moved_back(imul(n, tile.columns), c.filters, tile.columns))
        q0, let_q0 = named("q0", moved_back(imul(t, tile.rows), axis.stop, tile.rows))
        right = self.panels.at(g, n, j0)
        column, let_column = named("column", shift(right.base, c.walk()[2], right.step))
        start = iadd(c.origin, imul(g, c.channels * c.channel_step))
        for k, q in where.items():
            start = shift(start, q, c.axes[k].step)
        first, let_first = named("first", shift(start, q0, axis.step))
        spans, moves, _ = c.walk()
        steps = [right.step * rows for _, rows in moves]

        def at_left(i: int, terms: Terms, ahead: int) -> Expr:
            at: Expr = first
            for term, (step, _) in zip(terms, moves):
                at = shift(at, term, step)
            return Load(c.left, iadd(at, iadd(imul(i, axis.step), imul(ahead, moves[-1][0]))))

        def at_right(j: Var, terms: Terms, ahead: int) -> Expr:
            at: Expr = column
            for term, step in zip(terms, steps):
                at = shift(at, term, step)
            return Load(right.buffer, iadd(iadd(at, j), imul(ahead, steps[-1])))

        def out(i: Expr, j: Expr, value: Expr) -> list[Stmt]:
            place: list[Expr] = []
            for k, a in enumerate(c.axes):
                place += a.place(iadd(q0, i) if k == self.row else where[k])
            return c.result.finish((*place, iadd(iadd(imul(g, c.filters), j0), j)), value)

        body = tile.finished(spans, at_left, at_right, out, c.result.weight_after)
        tiles = idiv(iadd(axis.stop, tile.rows - 1), tile.rows)
        walk = For(t, lit(0), tiles, (let_q0, let_first, *body))
        panels = lit(-(-c.filters // tile.columns))
        return [For(n, lit(0), panels, (let_j0, *right.setup, let_column, walk))]


def unflatten(flat: Expr, counts: Sequence[Expr]) -> list[Expr]:
    """The index at position `flat`, in row-major order."""
    index: list[Expr] = []
    for count in reversed(counts[1:]):
        index.insert(0, imod(flat, count))
        flat = idiv(flat, count)
    return [flat, *index]
