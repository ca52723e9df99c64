"""Convolution, and its gradient with respect to the array, as correlations.

Invariant: the terms of an element come in the order of the window's places, or in its reverse for the gradient.
Entry points: `lower_convolve`, `lower_grad_input`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphtf.ir.dims import Dim, floordiv, maximum, product
from graphtf.ir.dtypes import DType, bool_
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Expr, Lit, Var, iadd, idiv, imax, imin, imul, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import Carry, For, If, LoopFunc, Stmt
from graphtf.passes.lower.affine import as_size
from graphtf.passes.lower.arrays import Window, laid_out
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.correlate import Axis, Correlation, Edge, merged
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import Nest
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import Panels, direct, panels_in_memory
from graphtf.passes.lower.product import Read, access, named, shift
from graphtf.passes.lower.result import Result
from graphtf.passes.lower.strips import are_apart, strips
from graphtf.passes.lower.tile import Tile


def lower_convolve(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `contract` around a convolution."""
    r = Result(node, main, name)
    w = Window.of(main, r.operand_shape(1))
    apart = are_apart(w.groups, w.channels, w.filters)
    before, x = laid_out(r, 0, [(0, 0)] * w.rank if apart else w.pads)
    batch, *counts, _ = r.shape
    axes = [Axis(size(batch), batch, x.steps[0], lambda q: (q,))]
    origin = x.origin
    for k, (unit, stride, dilation, pads) in enumerate(zip(x.steps[1:], w.strides, w.dilations, w.pads)):
        edge = None
        if apart and pads != (0, 0):
            edge = Edge(size(-pads[0]), stride, dilation, x.shape[k + 1], unit)
            origin = shift(origin, edge.first, unit)
        taps, rows = lit(w.taps[k]), rows_of(w, k, w.channels)
        step, gap = unit * stride, unit * dilation
        axes.append(Axis(size(counts[k]), counts[k], step, lambda q: (q,), taps, gap, rows, edge=edge))

    def read(g: Expr, f: Expr, row: Expr) -> Expr:
        return r.read(1, (*split_index(row, (*w.taps, w.channels)), shift(f, g, w.filters)))

    columns = Matrix(w.groups, w.places * w.channels, r.dtype, r.frame)
    c = Correlation(r, x.buffer, origin, merged(axes), w.channels, x.steps[-1], w.groups, w.filters,
                    lambda tile: filter_panels(columns, read, w.filters, tile), read)  # fmt: skip
    return finish(r.frame, [*before, *(strips(c, caps) if apart else c.emit(caps))])


def rows_of(w: Window, axis: int, channels: int) -> int:
    """Rows of the filters as a matrix between taps along the axis."""
    return math.prod(w.taps[axis + 1 :]) * channels


@dataclass(frozen=True)
class Matrix:
    """Filters as matrices of `k` rows, one for each group (`batch`)."""

    batch: Dim
    k: Dim
    dtype: DType
    frame: Frame


def filter_panels(matrix: Matrix, read: Read, filters: int, tile: Tile) -> Panels:
    """Filters as panels: as they lie, if one panel takes all of them."""
    found = access(read)
    if found is not None and found.stride == 1 and found.step == tile.columns:
        return direct(found)
    return panels_in_memory(matrix, read, filters, tile.columns, "filters")


# ---- the gradient with respect to the array --------------------------------------------------------------------------


def lower_grad_input(node: Node, main: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion around conv_grad_input: element i gathers what the windows over it hand back."""
    r = Result(node, main, name)
    w = Window.of(main, r.operand_shape(1))
    counts, sizes = r.operand_shape(0)[1:-1], r.shape[1:-1]
    apart = are_apart(w.groups, w.filters, w.channels)
    phased = [Phases(w, k, counts[k], sizes[k], not apart) for k in range(w.rank)]
    before, ct = laid_out(r, 0, [(p.low, p.high) for p in phased])
    axes = [Axis(size(r.shape[0]), r.shape[0], ct.steps[0], lambda q: (q,))]
    origin = ct.origin
    for k, p in enumerate(phased):
        axis = p.axis(ct.steps[k + 1], rows_of(w, k, w.filters))
        axes.append(replace(axis, edge=Edge(p.start, 1, p.gap, counts[k], ct.steps[k + 1])) if apart else axis)
        origin = shift(origin, p.start, ct.steps[k + 1])

    def read(g: Expr, c: Expr, row: Expr) -> Expr:
        *taps, f = split_index(row, (*w.taps, w.filters))
        mirrored = [isub(lit(n - 1), t) for n, t in zip(w.taps, taps)]
        return r.read(1, (*mirrored, c, shift(f, g, w.filters)))

    matrix = Matrix(w.groups, w.places * w.filters, r.dtype, r.frame)
    c = Correlation(
        r, ct.buffer, origin, merged(axes), w.filters, ct.steps[-1], w.groups, w.channels,
        lambda tile: filter_panels(matrix, read, w.channels, tile), read,
        [(p.phase, p.stride) for p in phased if p.stride > 1], [let for p in phased for let in p.lets], zeros=False,
    )  # fmt: skip
    if apart:
        return finish(r.frame, [*before, *strips(c, caps)])
    fast = [*before, *c.emit(caps)]
    if not r.dtype.is_floating or all(p.low == 0 and p.high == 0 for p in phased):
        return finish(r.frame, fast)
    scan, finite = all_finite(r, 1)
    return finish(r.frame, [*scan, If(finite, tuple(fast), tuple(one_by_one(r, w)))])


def all_finite(r: Result, number: int) -> tuple[list[Stmt], Expr]:
    """Is every element of an operand finite? If so, zeros around another one add nothing to a sum of products."""
    shape = r.operand_shape(number)
    i, finite = Var("i"), Var("finite", bool_)
    test = prim("isfinite", r.read(number, split_index(i, shape)))
    return [For(i, lit(0), size(product(shape)), (), "vector", carries=(Carry(finite, Lit(True, bool_), test, "and"),),
                unroll=4)], finite  # fmt: skip


def one_by_one(r: Result, w: Window) -> list[Stmt]:
    """Elements of the array's gradient, each from the windows there are over it."""
    counts = r.operand_shape(0)[1:-1]

    def element(index: tuple[Expr, ...]) -> list[Stmt]:
        batch, *at, channel = index
        g, c = split_index(channel, (w.groups, w.channels))
        place, f = Var("place"), Var("filter")
        taps = split_index(place, w.taps)
        windows: list[Expr] = []
        there: Expr = Lit(True, bool_)
        for i, tap, stride, dilation, (low, _), count in zip(at, taps, w.strides, w.dilations, w.pads, counts):
            reach = isub(iadd(i, low), imul(tap, dilation))
            window = idiv(reach, stride)
            whole = prim("eq", imul(window, stride), reach)
            inside = prim("and", prim("ge", window, lit(0)), prim("lt", window, size(count)))
            there = prim("and", there, prim("and", whole, inside))
            windows.append(imax(imin(window, count - 1), 0))
        filter = shift(f, g, w.filters)
        before, total = Var("before", r.dtype), Var("total", r.dtype)
        term = prim("fma", r.read(0, (batch, *windows, filter)), r.read(1, (*taps, c, filter)), total)
        inner = For(f, lit(0), lit(w.filters), (), carries=(Carry(total, before, select(there, term, total)),))
        outer = For(place, lit(0), lit(w.places), (inner,), carries=(Carry(before, Lit(0, r.dtype), total),))
        return [outer, *r.finish(index, before)]

    return Nest(r.shape, 4 * w.places * w.filters).emit(element)


class Phases:
    """One axis of the array, whose elements i fall into `stride` phases by (i + padding) mod stride.

    Element q of a phase r is i = stride · q + r - padding. Windows o reach it with the taps k for which
    o · stride + k · dilation = i + padding: every p-th from a first one on, o falling by a fixed gap from tap to tap.
    Taps are taken from the last to the first, so that o rises.
    """

    def __init__(self, w: Window, axis: int, count: Dim, length: Dim, padded: bool) -> None:
        taps, self.stride, dilation, pad = w.taps[axis], w.strides[axis], w.dilations[axis], w.pads[axis][0]
        shared = math.gcd(self.stride, dilation)
        self.period, self.gap = self.stride // shared, dilation // shared
        firsts = [next((k for k in range(self.period) if (k * dilation - r) % self.stride == 0), taps)
                  for r in range(self.stride)]  # fmt: skip
        counts = [max(0, -(-(taps - k) // self.period)) for k in firsts]
        lasts = [(k * dilation - r) // self.stride + (n - 1) * self.gap if n else 0
                 for r, (k, n) in enumerate(zip(firsts, counts))]  # fmt: skip
        rows = [taps - 1 - k - (n - 1) * self.period if n else 0 for k, n in zip(firsts, counts)]
        self.low: Dim = maximum(0, max(lasts) - (pad if self.stride == 1 else 0)) if padded else 0
        self.high: Dim = maximum(0, floordiv(length - 1 + pad, self.stride) - (count - 1)) if padded else 0
        self.phase = Var("phase")
        self.pad, self.length = pad, length
        self.lets: list[Stmt] = []
        r: Expr = self.phase if self.stride > 1 else lit(0)
        self.r = r
        self.taps = self.name("taps", table(r, counts))
        self.row = self.name("row", table(r, rows))
        self.q0 = self.name("q0", idiv(isub(pad + self.stride - 1, r), self.stride) if self.stride > 1 else size(pad))
        end = idiv(isub(length - 1 + pad, r), self.stride)
        self.stop = self.name("stop", iadd(isub(end, self.q0), 1))
        self.start = iadd(isub(self.q0, table(r, lasts)), self.low)

    def name(self, name: str, value: Expr) -> Expr:
        """The value, named if it depends on the phase."""
        if as_size(value) is not None:
            return value
        var, let = named(name, value)
        self.lets.append(let)
        return var

    def axis(self, step: Dim, rows: int) -> Axis:
        least = self.length // self.stride

        def place(q: Expr) -> tuple[Expr, ...]:
            return (isub(iadd(imul(iadd(self.q0, q), self.stride), self.r), self.pad),)

        return Axis(self.stop, least, step, place, self.taps, self.gap * step, self.period * rows, imul(self.row, rows))


def table(r: Expr, values: Sequence[int]) -> Expr:
    """values[r]"""
    found: Expr = lit(values[-1])
    for k in reversed(range(len(values) - 1)):
        if values[k] != values[-1] or as_size(found) is None:
            found = select(prim("eq", r, lit(k)), lit(values[k]), found)
    return found
