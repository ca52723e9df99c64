"""Arrays that windows slide over: their geometry, and copies of them with zeros around.

Invariant: windows never reach outside an array as it is laid out. Entry points: `Window.of`, `laid_out`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Buffer, Expr, Load, Var, iadd, imul, isub, lit, prim, size
from graphtf.ir.loops.stmt import Copy, For, If, Stmt, Store
from graphtf.passes.lower.affine import stride_of
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import named
from graphtf.passes.lower.result import Result

Pads = Sequence[tuple[Dim, Dim]]


@dataclass(frozen=True)
class Window:
    """The geometry: per axis of the window its taps, strides, dilations and padding; channels and filters by group."""

    taps: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: Pads
    groups: int
    channels: int
    filters: int

    @staticmethod
    def of(main: Node, filters: Shape) -> Window:
        *taps, channels, all_filters = (int(d) for d in filters)
        a = main.attrs
        groups = int(a["groups"])
        strides, dilations = tuple(a["strides"]), tuple(a["dilations"])
        return Window(tuple(taps), strides, dilations, a["padding"], groups, channels, all_filters // groups)

    @property
    def rank(self) -> int:
        return len(self.taps)

    @property
    def places(self) -> int:
        return math.prod(self.taps)


@dataclass(frozen=True)
class Array:
    """An array [batch, *sizes, channels] with strides, and where it begins."""

    buffer: Buffer
    origin: Expr
    steps: tuple[Dim, ...]
    shape: Shape


def laid_out(r: Result, number: int, pads: Pads, dense: bool = False) -> tuple[list[Stmt], Array]:
    """Operand `number` with `pads` zeros around its sizes: where it lies, or, once the statements have run, a copy.
    `dense`: its channels lie side by side."""
    shape = r.operand_shape(number)
    if all(lo == 0 and hi == 0 for lo, hi in pads):
        index = tuple(Var("i") for _ in shape)
        e = r.read(number, index)
        if isinstance(e, Load):
            found = [step for i in index if (step := stride_of(e.index, i)) is not None]
            first = r.read(number, (lit(0),) * len(shape))
            strided = len(found) == len(index) and not (dense and found[-1] != 1)
            if strided and isinstance(first, Load):
                return [], Array(e.buffer, first.index, tuple(found), shape)
    padded = (shape[0], *(d + lo + hi for d, (lo, hi) in zip(shape[1:-1], pads)), shape[-1])
    copy = Buffer("array", r.dtype, product(padded))
    r.frame.temps.append(copy)
    steps = tuple(product(padded[k + 1 :]) for k in range(len(padded)))
    return copied(r, number, copy, padded, pads), Array(copy, lit(0), steps, padded)


def copied(r: Result, number: int, copy: Buffer, padded: Shape, pads: Pads) -> list[Stmt]:
    """Fill `copy`, an array of shape `padded`, line by line along the last axis but the channels."""
    shape = r.operand_shape(number)
    (low, high), length = pads[-1], shape[-2] * shape[-1]
    whole = padded[-2] * padded[-1]

    def line(t: Expr) -> list[Stmt]:
        batch, *outer = split_index(t, padded[:-2])
        at, let = named("at", imul(t, whole))
        inside: Expr | None = None
        source: list[Expr] = [batch]
        for q, d, (lo, hi) in zip(outer, shape[1:-2], pads):
            source.append(isub(q, lo))
            if not (lo == 0 and hi == 0):
                test = prim("and", prim("ge", q, size(lo)), prim("lt", q, size(lo + d)))
                inside = test if inside is None else prim("and", inside, test)
        j = Var("j")
        begin = iadd(at, low * shape[-1])
        value = r.read(number, (*source, *split_index(j, shape[-2:])))
        fill: list[Stmt] = [For(j, lit(0), size(length), (Store(copy, iadd(begin, j), value),), "vector")]
        if low != 0:
            fill.append(Copy(copy, at, None, None, size(low * shape[-1])))
        if high != 0:
            fill.append(Copy(copy, iadd(begin, length), None, None, size(high * shape[-1])))
        if inside is None:
            return [let, *fill]
        return [let, If(inside, tuple(fill), (Copy(copy, at, None, None, size(whole)),))]

    return blocked(product(padded[:-2]), max(1, TASK // max(1, known(whole))), "line", line)
