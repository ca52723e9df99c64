"""Windows sliding over an array: pooling and its gradients.

Invariant: the last axis is never windowed in what Keras asks for, so it is the vector axis; what lies in the padding is
skipped by clamping the index and choosing the neutral value. Entry points: `lower_window`, `lower_max_grad`,
`lower_max_pick`, `lower_sum_grad`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.graph import Node, Value
from graphtf.ir.loops.expr import (
    Buffer,
    Expr,
    Lit,
    Load,
    Var,
    cast,
    iadd,
    imax,
    imin,
    imul,
    isub,
    lit,
    prim,
    select,
    size,
)
from graphtf.ir.loops.stmt import Carry, Copy, For, If, LoopFunc, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import TASK, Nest, blocked
from graphtf.passes.lower.offsets import flat_offset, split_index
from graphtf.passes.lower.reduce import accumulator, identity

Index = tuple[Expr, ...]
UNROLLED = 32  # window positions up to which the window is written out instead of looped over


@dataclass(frozen=True)
class Windows:
    """The geometry: window, strides, dilations and low padding for each axis of the array `shape`."""

    shape: Shape
    count: Shape  # windows along each axis
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    low: tuple[int, ...]

    @staticmethod
    def of(node: Node, array: Value, windows: Value) -> Windows:
        rank = array.ir_type.rank
        ones = (1,) * rank
        a = node.attrs
        low = tuple(p[0] for p in a.get("padding") or ((0, 0),) * rank)
        dilations = tuple(a.get("dilations") or ones)
        return Windows(array.ir_type.dims, windows.ir_type.dims, tuple(a["window"]), tuple(a.get("strides") or ones),
                       dilations, low)  # fmt: skip

    @property
    def positions(self) -> int:
        total = 1
        for w in self.window:
            total *= w
        return total

    def each(self) -> list[tuple[int, ...]]:
        """Offsets in the window, in row-major order."""
        return list(itertools.product(*(range(w) for w in self.window)))

    def reaches_outside(self, axis: int) -> bool:
        """May a window reach into padding along the axis?"""
        span = (self.window[axis] - 1) * self.dilations[axis] + 1
        last = (self.count[axis] - 1) * self.strides[axis] + span - self.low[axis]
        beyond = last - self.shape[axis]
        fits = isinstance(beyond, int) and beyond <= 0
        trivial = self.window[axis] == 1 and self.strides[axis] == 1 and self.low[axis] == 0
        return self.low[axis] != 0 or not (fits or trivial)

    def position(self, index: Sequence[Expr], offset: Sequence[Expr | int]) -> tuple[tuple[Expr, ...], Expr | None]:
        """The array index of window `index` at `offset`, clamped inside, and whether it is inside (None: surely)."""
        at: list[Expr] = []
        inside: Expr | None = None
        for axis, (i, k) in enumerate(zip(index, offset)):
            step = k * self.dilations[axis] if isinstance(k, int) else imul(k, self.dilations[axis])
            x = isub(iadd(imul(i, self.strides[axis]), step), self.low[axis])
            if self.reaches_outside(axis):
                d = self.shape[axis]
                ok = prim("and", prim("ge", x, lit(0)), prim("lt", x, size(d)))
                inside = ok if inside is None else prim("and", inside, ok)
                x = imax(imin(x, d - 1), 0)
            at.append(x)
        return tuple(at), inside


def lower_window(node: Node, caps: Caps, name: str, combine: str) -> LoopFunc:
    """max or sum over each window."""
    frame = Frame.of(node, name)
    source, target = frame.params
    w = Windows.of(node, node.inputs[0], node.outputs[0])
    dtype = accumulator(source.dtype)
    neutral = identity(combine, dtype)

    def value(index: Sequence[Expr], offset: Sequence[Expr | int]) -> Expr:
        at, inside = w.position(index, offset)
        x = cast(Load(source, flat_offset(at, w.shape)), dtype)
        return x if inside is None else select(inside, x, neutral)

    def body(index: tuple[Expr, ...]) -> list[Stmt]:
        out = flat_offset(index, w.count)
        if w.positions <= UNROLLED:
            total: Expr = neutral
            for number, offset in enumerate(w.each()):
                x = value(index, offset)
                total = x if number == 0 else prim(combine, total, x)
            return [Store(target, out, cast(total, target.dtype))]
        k, acc = Var("k"), Var("acc", dtype)
        x = value(index, split_index(k, w.window))
        loop = For(k, lit(0), lit(w.positions), (), carries=(Carry(acc, neutral, prim(combine, acc, x)),))
        return [loop, Store(target, out, cast(acc, target.dtype))]

    return finish(frame, Nest(w.count, 2 * w.positions).emit(body))


def lower_max_grad(node: Node, caps: Caps, name: str) -> LoopFunc:
    """Each window hands its cotangent to its first maximum."""
    frame = Frame.of(node, name)
    x, y, ct, target = frame.params
    w = Windows.of(node, node.inputs[0], node.inputs[1])

    def contribution(index: Index, at: Index, inside: Expr | None, found: Expr) -> tuple[Expr, Expr]:
        here = flat_offset(index, w.count)
        hit = prim("eq", Load(x, flat_offset(at, w.shape)), Load(y, here))
        hit = hit if inside is None else prim("and", hit, inside)
        first = prim("and", hit, prim("not", found))
        return select(first, Load(ct, here), Lit(0, ct.dtype)), prim("or", found, hit)

    return scatter_windows(frame, w, target, contribution)


def lower_max_pick(node: Node, caps: Caps, name: str) -> LoopFunc:
    """For each window, what a third array holds where the window has its first maximum."""
    frame = Frame.of(node, name)
    x, y, values, target = frame.params
    w = Windows.of(node, node.inputs[0], node.outputs[0])

    def body(index: tuple[Expr, ...]) -> list[Stmt]:
        here = flat_offset(index, w.count)
        k, found, picked = Var("k"), Var("found", dt.bool_), Var("picked", values.dtype)
        at, inside = w.position(index, split_index(k, w.window))
        place = flat_offset(at, w.shape)
        hit = prim("eq", Load(x, place), Load(y, here))
        hit = hit if inside is None else prim("and", hit, inside)
        first = prim("and", hit, prim("not", found))
        carries = (
            Carry(found, Lit(False, dt.bool_), prim("or", found, hit)),
            Carry(picked, Lit(0, values.dtype), select(first, Load(values, place), picked)),
        )
        return [For(k, lit(0), lit(w.positions), (), carries=carries), Store(target, here, picked)]

    return finish(frame, Nest(w.count, 4 * w.positions).emit(body))


def lower_sum_grad(node: Node, caps: Caps, name: str) -> LoopFunc:
    """Each window hands its cotangent to every position in it."""
    frame = Frame.of(node, name)
    ct, target = frame.params
    w = Windows.of(node, node.outputs[0], node.inputs[0])

    def contribution(index: Index, at: Index, inside: Expr | None, found: Expr) -> tuple[Expr, Expr]:
        value: Expr = Load(ct, flat_offset(index, w.count))
        return (value if inside is None else select(inside, value, Lit(0, ct.dtype))), found

    return scatter_windows(frame, w, target, contribution)


Give = Callable[[Index, Index, "Expr | None", Expr], tuple[Expr, Expr]]


def scatter_windows(frame: Frame, w: Windows, target: Buffer, give: Give) -> LoopFunc:
    """target = 0; for each window in order, for each position in it: target[position] += the value given.

    Windows of one example may overlap, so they run in order; examples (axis 0, if it is not windowed) run in parallel.
    """
    free = bool(w.window) and w.window[0] == 1 and w.strides[0] == 1 and not w.reaches_outside(0)
    examples: Dim = w.count[0] if free else 1
    each_size = product(w.shape[1:]) if free else product(w.shape)
    rest = w.count[1:-1] if free else w.count[:-1]
    rows = product(rest)

    def example(e: Expr) -> list[Stmt]:
        clear = Copy(target, imul(e, each_size), None, None, size(each_size))
        r = Var("r")
        lead = (e, *split_index(r, rest)) if free else split_index(r, rest)
        return [clear, For(r, lit(0), size(rows), (window_loop(lead),))]

    def window_loop(lead: tuple[Expr, ...]) -> Stmt:
        c = Var("c")
        index = (*lead, c)
        vector = w.window[-1] == 1 and w.strides[-1] == 1
        found: Expr = Lit(False, dt.bool_)
        stores: list[Stmt] = []
        for offset in w.each():
            at, inside = w.position(index, offset)
            value, found = give(index, at, inside, found)
            stores.append(accumulate(target, flat_offset(at, w.shape), value, inside))
        return For(c, lit(0), size(w.count[-1]), tuple(stores), "vector" if vector else "serial")

    windows = product(w.count[1:])
    per = 4 * w.positions * (windows if isinstance(windows, int) else 1024)
    return finish(frame, blocked(examples, max(1, TASK // max(1, per)), "e", example))


def accumulate(target: Buffer, at: Expr, value: Expr, inside: Expr | None) -> Stmt:
    """target[at] += value, where the position is inside."""
    add = Store(target, at, prim("add", Load(target, at), value))
    return add if inside is None else If(inside, (add,))
