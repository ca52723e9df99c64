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
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, iadd, idiv, imin, imod, imul, lit, prim, size
from graphtf.ir.loops.stmt import For, If, Stmt
from graphtf.passes.lower.affine import as_size
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.loop import spread
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import Panel, Panels, known
from graphtf.passes.lower.product import Read, named, shift
from graphtf.passes.lower.result import Result
from graphtf.passes.lower.tile import Span, Terms, Tile, choose, cycles_of, moved_back, pieces

TASK_TERMS = 1 << 19  # products worth a task
CHUNK = 256 << 10  # bytes of the left operand that each panel of filters is used for
CHUNKS = 16  # so many tasks are wanted
WRITTEN_OUT = 32  # terms of a sum that is written out instead of looped over
ZERO, ONE = lit(0), lit(1)
DETOUR = 1.2  # another axis than the last gives the rows if it saves a sixth


@dataclass(frozen=True)
class Edge:
    """An axis of the left operand that windows reach out of: tap t of position q is at first + q · step + t · gap of
    `extent` places, `unit` elements apart."""

    first: Expr
    step: int
    gap: int
    extent: Dim
    unit: Dim


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
    edge: Edge | None = None

    @property
    def is_point(self) -> bool:
        """Has the window one tap along the axis?"""
        return as_size(self.taps) == 1


def merged(axes: Sequence[Axis]) -> list[Axis]:
    """Adjacent axes along which the window is one tap and the left operand is walked without a jump, as one axis."""
    out: list[Axis] = []
    for a in axes:
        inner, outer = as_size(a.stop), as_size(out[-1].stop) if out else None
        points = bool(out) and a.is_point and out[-1].is_point and a.edge is None and out[-1].edge is None
        if inner is None or outer is None or not points or out[-1].step != inner * a.step:
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
class Walk:
    """Loops over terms; for each, how far apart its terms are in the left operand, and how many rows in the right one;
    and the right one's first row."""

    spans: list[Span]
    moves: list[tuple[Dim, int]]
    first: Expr

    def left(self, at: Expr, terms: Terms) -> Expr:
        """Where a term is in the left operand, if the first one is at `at`."""
        for term, (step, _) in zip(terms, self.moves):
            at = shift(at, term, step)
        return at

    def right(self, at: Expr, terms: Terms, row: Dim) -> Expr:
        """And in the right one, whose rows are `row` long."""
        for term, (_, rows) in zip(terms, self.moves):
            at = shift(at, term, row * rows)
        return at


@dataclass(frozen=True)
class Correlation:
    """One correlation, in `groups` of `channels` that meet `filters` each. It is done once for every combination of
    `phases`, variables and how many values they take; `lets` names what depends on them.

    Windows stay inside the left operand, but along axes with an edge: outside it are zeros, if `zeros`, or nothing.
    """

    result: Result
    left: Buffer
    origin: Expr
    axes: Sequence[Axis]
    channels: int
    channel_step: Dim
    groups: int
    filters: int
    right: Callable[[Tile], Panels]
    read: Read  # an element of the right operand: (group, filter, row)
    phases: Sequence[tuple[Var, int]] = ()
    lets: Sequence[Stmt] = ()
    zeros: bool = True

    def emit(self, caps: Caps) -> list[Stmt]:
        """The loops. Where the rows' axis may turn out shorter than a tile, rows are computed one by one."""
        row, tile = self.best(caps)
        least, panels = self.axes[row].least, self.right(tile)
        body = Lines(self, row, tile, panels).emit()
        if not isinstance(least, int) and tile.rows > 1:
            singly = Lines(self, row, replace(tile, rows=1), panels).emit()
            body = [If(prim("lt", size(least), lit(tile.rows)), tuple(singly), tuple(body))]
        return self.in_phases(panels.before, body)

    def in_phases(self, before: Sequence[Stmt], body: list[Stmt]) -> list[Stmt]:
        body = [*self.lets, *body]
        for var, count in reversed(self.phases):
            body = [For(var, ZERO, lit(count), tuple(body))]
        return [*before, *body]

    def place(self, positions: Sequence[Expr], filter: Expr) -> tuple[Expr, ...]:
        """The result's index."""
        return (*(i for a, q in zip(self.axes, positions) for i in a.place(q)), filter)

    def origin_at(self, g: Expr, positions: Sequence[Expr]) -> Expr:
        """Where the first term of the element at those positions is in the left operand."""
        at = iadd(self.origin, imul(g, self.channels * self.channel_step))
        for a, q in zip(self.axes, positions):
            at = shift(at, q, a.step)
        return at

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

    def walk(self) -> Walk:
        """The loops over the terms of a sum."""
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
        return Walk([replace(s, kind=kind) for s in spans], moves, first)


class Lines:
    """The result of a correlation as lines: positions along one axis, cut into tiles."""

    def __init__(self, c: Correlation, row: int, tile: Tile, panels: Panels) -> None:
        self.c, self.row, self.tile, self.panels = c, row, tile, panels
        self.axis = c.axes[row]
        self.outer = [a.stop for k, a in enumerate(c.axes) if k != row]
        self.lines = total_of(self.outer)
        self.count = -(-c.filters // tile.columns)

    def emit(self) -> list[Stmt]:
        """For each group, each chunk of lines and each panel of filters: the lines."""
        c = self.c
        length = known(self.axis.least)
        chunk = max(1, CHUNK // max(1, length * c.channels * c.result.dtype.size))
        lines = as_size(self.lines)
        if isinstance(lines, int):
            chunk = max(1, min(chunk, -(-lines * self.count * c.groups // CHUNKS)))
        chunks = idiv(iadd(self.lines, chunk - 1), chunk)
        stops = [lit(c.groups), chunks, lit(self.count)]
        work = chunk * length * min(c.filters, self.tile.columns) * c.terms()

        def task(t: Expr) -> list[Stmt]:
            names = [named("q", q) for q in unflatten(t, stops)]
            (g, _), (number, _), (n, _) = names
            return [*(let for _, let in names), *self.chunk(g, imul(number, chunk), chunk, n)]

        return spread(total_of(stops), max(1, TASK_TERMS // max(1, work)), "task", task)

    def chunk(self, g: Expr, first: Expr, chunk: int, n: Expr) -> list[Stmt]:
        """Some lines, for one panel."""
        c, tile = self.c, self.tile
        j0, let_j0 = named("j0", moved_back(imul(n, tile.columns), c.filters, tile.columns))
        panel = self.panels.at(g, n, j0)
        column, let_column = named("column", shift(panel.base, c.walk().first, panel.step))
        number = Var("line")
        names = [named("q", q) for q in unflatten(number, self.outer)]
        where = [var for var, _ in names]
        body = [*(let for _, let in names), *self.line(g, where, j0, panel, column)]
        lines = For(number, first, imin(iadd(first, chunk), self.lines), tuple(body))
        return [let_j0, *panel.setup, let_column, lines]

    def line(self, g: Expr, where: Sequence[Expr], j0: Expr, panel: Panel, column: Expr) -> list[Stmt]:
        """The tiles along a line."""
        c, tile, axis, t = self.c, self.tile, self.axis, Var("tile")
        q0, let_q0 = named("q0", moved_back(imul(t, tile.rows), axis.stop, tile.rows))
        first, let_first = named("first", c.origin_at(g, self.positions(where, q0)))
        walk = c.walk()

        def at_left(i: int, terms: Terms, ahead: int) -> Expr:
            return Load(c.left, iadd(walk.left(first, terms), iadd(imul(i, axis.step), imul(ahead, walk.moves[-1][0]))))

        def at_right(j: Var, terms: Terms, ahead: int) -> Expr:
            at = walk.right(column, terms, panel.step)
            return Load(panel.buffer, iadd(iadd(at, j), imul(ahead, panel.step * walk.moves[-1][1])))

        def out(i: Expr, j: Expr, value: Expr) -> list[Stmt]:
            filter = iadd(iadd(imul(g, c.filters), j0), j)
            return c.result.finish(c.place(self.positions(where, iadd(q0, i)), filter), value)

        body = tile.finished(walk.spans, at_left, at_right, out, c.result.weight_after)
        tiles = idiv(iadd(axis.stop, tile.rows - 1), tile.rows)
        return [For(t, ZERO, tiles, (let_q0, let_first, *body))]

    def positions(self, where: Sequence[Expr], q: Expr) -> list[Expr]:
        """Positions along all axes, q along the rows' one."""
        return [*where[: self.row], q, *where[self.row :]]


def total_of(counts: Sequence[Expr]) -> Expr:
    total: Expr = ONE
    for count in counts:
        total = imul(total, count)
    return total


def unflatten(flat: Expr, counts: Sequence[Expr]) -> list[Expr]:
    """The index at position `flat`, in row-major order."""
    index: list[Expr] = []
    if not counts:
        return index
    for count in reversed(counts[1:]):
        index.insert(0, imod(flat, count))
        flat = idiv(flat, count)
    return [flat, *index]
