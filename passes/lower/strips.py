"""Correlations whose channels are apart, each with a filter of its own (depthwise convolution): vectors of channels.

Invariant: nothing is copied; positions whose windows reach outside are computed term by term, the others without tests.
Entry points: `strips`, `are_apart`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphtf.ir.loops.expr import Expr, Lit, Load, Var, iadd, idiv, imax, imin, imul, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import For, If, Stmt
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.correlate import TASK_TERMS, ZERO, Correlation, Edge, total_of, unflatten
from graphtf.passes.lower.loop import spread
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import named, shift
from graphtf.passes.lower.tile import Terms, accumulate, moved_back

ROWS = 4  # positions that share what is read of the filters

Left = Callable[[int, Terms], tuple[Expr, "Expr | None"]]  # a factor for a row, and whether it is there at all


def strips(c: Correlation, caps: Caps) -> list[Stmt]:
    """The correlation's loops."""
    return c.in_phases([], Strips(c, caps).emit())


class Strips:
    """Lines of positions along the last axis, for some channels at a time."""

    def __init__(self, c: Correlation, caps: Caps) -> None:
        self.c = c
        lanes = caps.lanes(c.result.dtype.size)
        self.columns = min(c.groups, 2 * lanes if c.groups >= 2 * lanes else lanes)
        self.axis = c.axes[-1]
        least = self.axis.least
        self.rows = max(1, min(ROWS, least)) if isinstance(least, int) else 1
        self.outer = [a.stop for a in c.axes[:-1]]
        self.walk = c.walk()

    def emit(self) -> list[Stmt]:
        """For each line: strips of channels, and along each the positions."""
        c = self.c
        work = known(self.axis.least) * c.groups * c.terms()

        def line(t: Expr) -> list[Stmt]:
            names = [named("q", q) for q in unflatten(t, self.outer)]
            s = Var("strip")
            c0, let_c0 = named("c0", moved_back(imul(s, self.columns), c.groups, self.columns))
            strip = self.strip([var for var, _ in names], c0)
            all_strips = For(s, ZERO, lit(-(-c.groups // self.columns)), (let_c0, strip))
            return [*(let for _, let in names), all_strips]

        return spread(total_of(self.outer), max(1, TASK_TERMS // max(1, 4 * work)), "line", line)

    def strip(self, where: Sequence[Expr], c0: Expr) -> Stmt:
        """One line of some channels."""
        j, t = Var("j"), Var("tile")
        channel = iadd(c0, j)
        q0 = moved_back(imul(t, self.rows), self.axis.stop, self.rows)
        body = self.tile(where, q0, channel, self.inside(where, q0, channel))
        tests = [x for a, q in zip(self.c.axes, [*where, q0]) for x in self.within(a.edge, q, a.taps, a is self.axis)]
        if tests:
            all_in = tests[0]
            for x in tests[1:]:
                all_in = prim("and", all_in, x)
            body = [If(all_in, tuple(body), tuple(self.tile(where, q0, channel, self.at_edge(where, q0, channel))))]
        tiles = For(t, ZERO, idiv(iadd(self.axis.stop, self.rows - 1), self.rows), tuple(body))
        return For(j, ZERO, lit(self.columns), (tiles,), "vector", lanes=self.columns)

    def within(self, edge: Edge | None, q: Expr, taps: Expr, several: bool) -> list[Expr]:
        """Do all windows of a tile lie inside along an axis?"""
        if edge is None:
            return []
        first = iadd(edge.first, imul(q, edge.step))
        last = iadd(first, imul(isub(taps, 1), edge.gap))
        last = iadd(last, (self.rows - 1) * edge.step) if several else last
        return [prim("ge", first, ZERO), prim("lt", last, size(edge.extent))]

    def inside(self, where: Sequence[Expr], q0: Expr, channel: Expr) -> Left:
        """Factors of windows that lie inside."""
        c, walk = self.c, self.walk
        first = c.origin_at(ZERO, [*where, q0])

        def left(i: int, terms: Terms) -> tuple[Expr, Expr | None]:
            at = iadd(walk.left(first, terms), imul(channel, c.channel_step))
            return Load(c.left, iadd(at, imul(i, self.axis.step))), None

        return left

    def at_edge(self, where: Sequence[Expr], q0: Expr, channel: Expr) -> Left:
        """Factors of windows that may reach outside: read from the nearest place inside, and whether that is theirs."""
        c = self.c

        def left(i: int, terms: Terms) -> tuple[Expr, Expr | None]:
            at = iadd(c.origin, imul(channel, c.channel_step))
            there: Expr | None = None
            taps = iter(terms)
            for a, q in zip(c.axes, [*where, iadd(q0, i)]):
                tap: Expr = ZERO if a.is_point else next(taps)
                if a.edge is None:
                    at = shift(shift(at, q, a.step), tap, a.gap)
                    continue
                e = a.edge
                place = iadd(e.first, iadd(imul(q, e.step), imul(tap, e.gap)))
                test = prim("and", prim("ge", place, ZERO), prim("lt", place, size(e.extent)))
                there = test if there is None else prim("and", there, test)
                at = shift(at, isub(imax(imin(place, e.extent - 1), 0), e.first), e.unit)
            return Load(c.left, at), there

        return left

    def tile(self, where: Sequence[Expr], q0: Expr, channel: Expr, left: Left) -> list[Stmt]:
        """Some positions of some channels."""
        c, zero = self.c, Lit(0, self.c.result.dtype)

        def step(sums: Sequence[Expr], terms: Terms, ahead: int) -> list[Expr]:
            factor = c.read(channel, ZERO, self.walk.right(self.walk.first, terms, 1))
            found: list[Expr] = []
            for i, total in enumerate(sums):
                x, there = left(i, terms)
                if there is None:
                    found.append(prim("fma", x, factor, total))
                elif c.zeros:
                    found.append(prim("fma", select(there, x, zero), factor, total))
                else:
                    found.append(select(there, prim("fma", x, factor, total), total))
            return found

        zeros: list[Expr] = [zero] * self.rows
        nest, sums = accumulate(self.walk.spans, (), zeros, step, 1, None)
        ends = [s for i, x in enumerate(sums) for s in c.result.finish(c.place([*where, iadd(q0, i)], channel), x)]
        return [*nest, *ends]


def are_apart(groups: int, channels: int, filters: int) -> bool:
    """Has every channel a filter of its own, and only one?"""
    return groups > 1 and channels == filters == 1
