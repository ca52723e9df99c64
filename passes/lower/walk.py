"""Kernels that walk along one axis in order: running totals (scan), recurrences, and the position of the extreme.

Invariant: elements along the axis are visited in order, one result chain per position of the other axes; the chains are
independent, and run side by side in vectors where they lie side by side in memory.
Entry points: `lower_scan`, `lower_recurrence`, `lower_position`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, nonnegative, product
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Expr, Lit, Load, Var, cast, iadd, imul, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import Carry, Check, For, LoopFunc, Site, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.reduce import ACCUMULATORS, accumulator, identity


@dataclass(frozen=True)
class Lines:
    """An array seen as [outer, length, inner]: lines of `length` elements, `inner` apart."""

    outer: Dim
    length: Dim
    inner: Dim

    @staticmethod
    def along(node: Node, axis: int) -> Lines:
        shape = node.inputs[0].ir_type.dims
        axis %= len(shape)
        return Lines(product(shape[:axis]), shape[axis], product(shape[axis + 1 :]))

    def emit(self, line: Callable[[Expr, Expr], list[Stmt]]) -> list[Stmt]:
        """Loops over all lines; `line(o, i)` walks one."""
        length, inner = (d if isinstance(d, int) else guess for d, guess in ((self.length, 256), (self.inner, 16)))
        block = max(1, TASK // max(1, length * inner))
        if self.inner == 1:
            return blocked(self.outer, block, "o", lambda o: line(o, lit(0)))
        i = Var("i")
        whole = size(self.inner)
        return blocked(self.outer, block, "o", lambda o: [For(i, lit(0), whole, tuple(line(o, i)), "vector")])

    def at(self, o: Expr, k: Expr, i: Expr) -> Expr:
        """The offset of element k of line (o, i)."""
        return iadd(imul(iadd(imul(o, self.length), k), self.inner), i)


def log_add_exp(a: Expr, b: Expr) -> Expr:
    """log(exp(a) + exp(b)), without overflow; equal operands (infinities among them) need no difference."""
    top, gap = prim("max", a, b), prim("neg", prim("abs", prim("sub", a, b)))
    apart = prim("add", top, prim("log1p", prim("exp", gap)))
    return select(prim("eq", a, b), prim("add", a, Lit(0.6931471805599453, a.dtype)), apart)


def combined(combine: str, a: Expr, b: Expr) -> Expr:
    return log_add_exp(a, b) if combine == "logaddexp" else prim(combine, a, b)


def start_of(combine: str, dtype: DType) -> Lit:
    return Lit(float("-inf"), dtype) if combine == "logaddexp" else identity(combine, dtype)


def lower_scan(node: Node, caps: Caps, name: str) -> LoopFunc:
    """Running totals along `axis`: inclusive or exclusive, forward or in reverse."""
    frame = Frame.of(node, name)
    source, target = frame.params
    lines = Lines.along(node, node.attrs["axis"])
    combine, exclusive = str(node.attrs["combine"]), bool(node.attrs.get("exclusive"))
    backwards = bool(node.attrs.get("reverse"))
    dtype = accumulator(source.dtype)

    def line(o: Expr, i: Expr) -> list[Stmt]:
        k, total = Var("k"), Var("total", dtype)
        where = isub(lines.length - 1, k) if backwards else k
        at = lines.at(o, where, i)
        after = combined(combine, total, cast(Load(source, at), dtype))
        store = Store(target, at, cast(total if exclusive else after, source.dtype))
        return [For(k, lit(0), size(lines.length), (store,), carries=(Carry(total, start_of(combine, dtype), after),))]

    return finish(frame, lines.emit(line))


def lower_recurrence(node: Node, caps: Caps, name: str) -> LoopFunc:
    """y[k] = a[k] · y[k-1] + b[k] along `axis`, forward or in reverse."""
    frame = Frame.of(node, name)
    factors, terms, target = frame.params
    lines = Lines.along(node, node.attrs["axis"])
    backwards, dtype = bool(node.attrs["reverse"]), accumulator(target.dtype)

    def line(o: Expr, i: Expr) -> list[Stmt]:
        k, y = Var("k"), Var("y", dtype)
        at = lines.at(o, isub(lines.length - 1, k) if backwards else k, i)
        a, b = (cast(Load(source, at), dtype) for source in (factors, terms))
        after = prim("add", prim("mul", a, y), b)
        store = Store(target, at, cast(after, target.dtype))
        return [For(k, lit(0), size(lines.length), (store,), carries=(Carry(y, Lit(0, dtype), after),))]

    return finish(frame, lines.emit(line))


def lower_position(node: Node, caps: Caps, name: str, better: str) -> LoopFunc:
    """Where along `axis` the extreme first is; a comparison with NaN is false, so NaN is passed over.

    A line that lies in one piece is walked twice, in vectors: for the extreme, and for the first place that has it.
    """
    frame = Frame.of(node, name)
    source, target = frame.params
    lines = Lines.along(node, node.attrs["axis"])
    dtype = dt.uint8 if source.dtype.is_bool else source.dtype

    combine = "max" if better == "gt" else "min"
    worst = identity(combine, dtype)

    def in_one_piece(o: Expr, i: Expr) -> list[Stmt]:
        best, at = Var("best", dtype), Var("at", dt.int64)

        def value(k: Expr) -> Expr:
            x = cast(Load(source, lines.at(o, k, i)), dtype)
            return select(prim("isnan", x), worst, x) if dtype.is_floating else x

        k, n = Var("k"), Var("k")
        extreme = For(k, lit(0), size(lines.length), (), "vector", carries=(Carry(best, worst, value(k), combine),),
                      unroll=ACCUMULATORS)  # fmt: skip
        none = size(lines.length)
        place = select(prim("eq", value(n), best), n, none)
        first = For(n, lit(0), size(lines.length), (), "vector", carries=(Carry(at, none, place, "min"),), unroll=2)
        return [extreme, first, Store(target, o, cast(at, target.dtype))]

    def line(o: Expr, i: Expr) -> list[Stmt]:
        if lines.inner == 1:
            return in_one_piece(o, i)
        k, best, at = Var("k"), Var("best", dtype), Var("at", dt.int64)
        x = cast(Load(source, lines.at(o, k, i)), dtype)
        wins = prim(better, x, best)
        carries = (Carry(best, worst, select(wins, x, best)), Carry(at, lit(0), select(wins, k, at)))
        loop = For(k, lit(0), size(lines.length), (), carries=carries)
        return [loop, Store(target, imul_add(o, lines.inner, i), cast(at, target.dtype))]

    return finish(frame, [*_not_empty(frame, node, lines.length), *lines.emit(line)])


def _not_empty(frame: Frame, node: Node, length: Dim) -> list[Stmt]:
    """There is no extreme of nothing: refused while the axis is known, else when it runs."""
    if nonnegative(length - 1):
        return []
    frame.sites.append(Site(node.op.name, "the axis is empty", str(node.source or "")))
    return [Check(prim("lt", lit(0), size(length)), len(frame.sites) - 1, lit(0))]


def imul_add(o: Expr, inner: Dim, i: Expr) -> Expr:
    return iadd(imul(o, inner), i)
