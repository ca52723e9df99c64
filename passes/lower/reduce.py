"""Kernels of kind `reduce`: reductions over the same axes of one space, what feeds them, and what follows per result.

Invariant: the order of every sum is fixed by the shape: long reductions are cut into blocks whose partial results are
joined in order, however many threads ran them. Entry point: `lower_reduce(node, caps, name)`.

Layouts: the last axis is reduced (`along`: a vector of partial sums walks each row) or kept (`across`: each vector lane
is another result, and rows are added one below the other; results at the end may be computed twice, to the same bits).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape, ceildiv, product
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, cast, iadd, imin, imul, lit, prim, size
from graphtf.ir.loops.stmt import Carry, For, LoopFunc, Stmt, Store
from graphtf.ir.op import Reduce
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.cost import weight
from graphtf.passes.lower.elements import Elements
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import flat_offset, reindex, split_index
from graphtf.passes.lower.space import Axes, extents, index_of, merged_axes
from graphtf.passes.lower.tile import moved_back

ACCUMULATORS = 4  # vectors of partial results: enough to hide the latency of an addition
NARROW = 512  # results below which an `across` reduction is also cut along the reduced axis


def accumulator(dtype: DType) -> DType:
    """The type partial results are kept in."""
    return dt.float32 if dtype in (dt.float16, dt.bfloat16) else dtype


def identity(combine: str, dtype: DType) -> Lit:
    """What leaves a value unchanged under `combine`."""
    if combine in ("add", "or", "xor"):
        return Lit(False if dtype.is_bool else 0, dtype)
    if combine in ("mul", "and"):
        return Lit(True if dtype.is_bool else 1, dtype)
    if dtype.is_bool:
        return Lit(combine == "min", dtype)
    if dtype.is_floating:
        return Lit(float("-inf") if combine == "max" else float("inf"), dtype)
    return Lit(int(dtype.min if combine == "max" else dtype.max), dtype)


@dataclass(frozen=True)
class Sum:
    """One reduction of the kernel."""

    operand: Value
    result: Value
    combine: str
    dtype: DType  # of the accumulator

    @staticmethod
    def all_of(region: Graph) -> list[Sum]:
        found = []
        for n in region.nodes:
            if isinstance(n.op.lowering, Reduce):
                found.append(Sum(n.inputs[0], n.out, n.op.lowering.combine, accumulator(n.out.ir_type.dtype)))
        return found


def dependants(region: Graph, values: set[Value]) -> set[Value]:
    """These values and all that are computed from them."""
    found = set(values)
    for n in region.nodes:
        if not found.isdisjoint(n.inputs):
            found.update(n.outputs)
    return found


class Reduction:
    """The parts of one kernel."""

    def __init__(self, node: Node, caps: Caps, name: str) -> None:
        self.region: Graph = node.regions["body"]
        self.frame = Frame.of(node, name)
        self.caps = caps
        first = next(n for n in self.region.nodes if isinstance(n.op.lowering, Reduce))
        self.space: Shape = first.inputs[0].ir_type.dims
        self.axes: Axes = tuple(first.attrs["axes"])
        self.inner: Shape = tuple(d for i, d in enumerate(self.space) if i not in self.axes)
        self.sums = Sum.all_of(self.region)
        self.after = dependants(self.region, {s.result for s in self.sums})
        self.runs = merged_axes(self.region, self.space, self.axes)
        self.counts = extents(self.runs, self.space)
        self.reduced = [i for i, run in enumerate(self.runs) if run[0] in self.axes]
        self.kept = [i for i in range(len(self.runs)) if i not in self.reduced]
        self.cost = weight(self.region)

    def count(self, which: list[int]) -> Dim:
        return product(self.counts[i] for i in which)

    def lower(self) -> LoopFunc:
        along = bool(self.reduced) and (not self.kept or self.reduced[-1] > self.kept[-1])
        return finish(self.frame, self.along() if along else self.across())

    # ---- the last axis is reduced -----------------------------------------------------------------------------------

    def along(self) -> list[Stmt]:
        rows, row = self.count(self.kept), self.count(self.reduced)
        if rows == 1:
            return self.whole(row)
        per_row = self.cost * (row if isinstance(row, int) else 256)
        block = max(1, TASK // max(1, per_row))

        def body(r: Expr) -> list[Stmt]:
            kept = split_index(r, tuple(self.counts[i] for i in self.kept))
            stmts, totals = self.nest(kept, None)
            return stmts + self.conclude(kept, totals)

        return blocked(rows, block, "row", body)

    def whole(self, count: Dim) -> list[Stmt]:
        """Everything is reduced: blocks of the flat range, then the partial results."""
        zeros: tuple[Expr, ...] = (lit(0),) * len(self.kept)
        block = max(1024, TASK // self.cost)
        inner = self.counts[self.reduced[-1]]
        if isinstance(count, int) and count <= block:
            stmts, totals = self.nest(zeros, None)
            return stmts + self.conclude(zeros, totals)
        single = len(self.reduced) == 1
        rows = 1 if single else max(1, block // inner) if isinstance(inner, int) else 1
        outer = self.count(self.reduced[:-1])
        blocks = ceildiv(count, block) if single else ceildiv(outer, rows)
        parts = [Buffer(f"part{k}", s.dtype, blocks) for k, s in enumerate(self.sums)]
        self.frame.temps += parts
        t = Var("task")
        if single:
            start = imul(t, block)
            stmts, totals = self.nest(zeros, (start, imin(iadd(start, block), size(count))))
        else:
            start = imul(t, rows)
            stmts, totals = self.rows_of(zeros, start, imin(iadd(start, rows), size(outer)))
        stores: list[Stmt] = [Store(p, t, v) for p, v in zip(parts, totals)]
        first = For(t, lit(0), size(blocks), (*stmts, *stores), "parallel")
        join, results = self.join(parts, lit(0), lit(1), blocks)
        return [first, *join, *self.conclude(zeros, results)]

    def rows_of(self, kept: tuple[Expr, ...], start: Expr, stop: Expr) -> tuple[list[Stmt], list[Expr]]:
        """Reduce a range of the outer reduced indices, each over the innermost axis."""
        r, inner = Var("r"), Var("k")
        outer = split_index(r, tuple(self.counts[i] for i in self.reduced[:-1]))
        before = [Var(f"row{k}", s.dtype) for k, s in enumerate(self.sums)]
        stmts, values = self.point(kept, (*outer, inner))
        acc = [Var(f"acc{k}", s.dtype) for k, s in enumerate(self.sums)]
        carries = tuple(Carry(a, b, v, s.combine) for a, b, v, s in zip(acc, before, values, self.sums))
        width = size(self.counts[self.reduced[-1]])
        loop = For(inner, lit(0), width, tuple(stmts), "vector", carries=carries, unroll=ACCUMULATORS)
        turns = tuple(Carry(b, identity(s.combine, s.dtype), a) for b, a, s in zip(before, acc, self.sums))
        return [For(r, start, stop, (loop,), carries=turns)], list(before)

    def nest(self, kept: tuple[Expr, ...], limits: tuple[Expr, Expr] | None) -> tuple[list[Stmt], list[Expr]]:
        """Loops over all reduced axes for one result, the last in vectors."""
        if len(self.reduced) > 1:
            return self.rows_of(kept, lit(0), size(self.count(self.reduced[:-1])))
        k = Var("k")
        start, stop = limits or (lit(0), size(self.counts[self.reduced[0]]))
        stmts, values = self.point(kept, (k,))
        acc = [Var(f"acc{i}", s.dtype) for i, s in enumerate(self.sums)]
        carries = tuple(
            Carry(a, identity(s.combine, s.dtype), v, s.combine) for a, v, s in zip(acc, values, self.sums)
        )
        return [For(k, start, stop, tuple(stmts), "vector", carries=carries, unroll=ACCUMULATORS)], list(acc)

    # ---- the last axis is kept --------------------------------------------------------------------------------------

    def across(self) -> list[Stmt]:
        *outer, last = self.kept
        columns, rows, depth = self.counts[last], self.count(outer), self.count(self.reduced)
        small = isinstance(depth, int) and isinstance(columns, int) and depth * columns * self.cost <= TASK
        if isinstance(columns, int) and columns <= NARROW and rows == 1 and not small:
            return self.across_blocks(columns, depth)
        block = self.column_block(columns)
        tasks = ceildiv(columns, block)
        total = rows * tasks

        def body(r: Expr) -> list[Stmt]:
            lead, strip = split_index(r, (rows, tasks))
            at = split_index(lead, tuple(self.counts[i] for i in outer))
            start = imul(strip, block)
            if isinstance(columns, int) and columns > block:
                start = moved_back(start, columns, block)
                stop = iadd(start, block)
            else:
                stop = imin(iadd(start, block), size(columns))
            return [self.strip(at, start, stop, (lit(0), size(depth)), self.conclude)]

        per = block * self.cost * (depth if isinstance(depth, int) else 64)
        return blocked(total, max(1, TASK // max(1, per)), "strip", body)

    def column_block(self, columns: Dim) -> int:
        return 64 if not isinstance(columns, int) else min(columns, 64) or 1

    def lanes(self, columns: Dim) -> int:
        """Several vectors side by side when the results are many: their additions overlap."""
        one = self.caps.lanes(max(s.dtype.size for s in self.sums))
        return 4 * one if isinstance(columns, int) and columns >= 8 * one else one

    def strip(
        self, at: tuple[Expr, ...], start: Expr, stop: Expr, depth: tuple[Expr, Expr],
        end: Callable[[tuple[Expr, ...], list[Expr]], list[Stmt]], lanes: int | None = None,
    ) -> Stmt:  # fmt: skip
        """Columns [start, stop) at the kept indices `at`: a vector of results, reduced indices in sequence."""
        j, k = Var("j"), Var("k")
        index = split_index(k, tuple(self.counts[i] for i in self.reduced))
        kept = (*at, j)
        stmts, values = self.point(kept, index)
        acc = [Var(f"acc{i}", s.dtype) for i, s in enumerate(self.sums)]
        carries = tuple(
            Carry(a, identity(s.combine, s.dtype), v, s.combine) for a, v, s in zip(acc, values, self.sums)
        )
        loop = For(k, *depth, tuple(stmts), carries=carries)
        lanes = lanes or self.lanes(self.counts[self.kept[-1]])
        return For(j, start, stop, (loop, *end(kept, list(acc))), "vector", lanes=lanes)

    def across_blocks(self, columns: int, depth: Dim) -> list[Stmt]:
        """Few columns, many rows: blocks of rows give partial results, then those are joined."""
        zeros: tuple[Expr, ...] = (lit(0),) * (len(self.kept) - 1)
        rows = max(1, TASK // max(1, columns * self.cost))
        blocks = ceildiv(depth, rows)
        parts = [Buffer(f"part{k}", s.dtype, blocks * columns) for k, s in enumerate(self.sums)]
        self.frame.temps += parts
        t = Var("task")
        start = imul(t, rows)

        def keep(kept: tuple[Expr, ...], totals: list[Expr]) -> list[Stmt]:
            return [Store(p, iadd(imul(t, columns), kept[-1]), v) for p, v in zip(parts, totals)]

        some = (start, imin(iadd(start, rows), size(depth)))
        strips = [self.strip(zeros, lit(a), lit(b), some, keep, lanes) for a, b, lanes in self.widths(columns)]
        j = Var("j")
        join, results = self.join(parts, j, lit(columns), blocks)
        last = For(j, lit(0), lit(columns), (*join, *self.conclude((*zeros, j), results)), "vector")
        return [For(t, lit(0), size(blocks), tuple(strips), "parallel"), last]

    def widths(self, columns: int) -> list[tuple[int, int, int]]:
        """Ranges of columns, with lanes that fill them: the last one overlaps the one before where it would not."""
        many, one = self.lanes(columns), self.caps.lanes(max(s.dtype.size for s in self.sums))
        whole = columns - columns % many
        found = [(0, whole, many)] if whole else []
        if columns % many:
            rest = -(-(columns % many) // one) * one
            found.append((columns - rest if rest <= columns else 0, columns, one))
        return found

    # ---- shared -----------------------------------------------------------------------------------------------------

    def point(self, kept: tuple[Expr, ...], reduced: tuple[Expr, ...]) -> tuple[list[Stmt], list[Expr]]:
        """At one point of the space: the stores of results that have its shape, and the values to be reduced."""
        loops: list[Expr] = [lit(0)] * len(self.runs)
        for i, e in zip(self.kept, kept):
            loops[i] = e
        for i, e in zip(self.reduced, reduced):
            loops[i] = e
        index = index_of(self.runs, loops, self.space)
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        values = [cast(elements.element(s.operand, index), s.dtype) for s in self.sums]
        stores: list[Stmt] = []
        for v, buffer in self.frame.results.items():
            if v not in self.after:
                assert product(v.ir_type.dims) == product(self.space), f"{v.ir_type} among results of {self.space}"
                at = index if v.ir_type.dims == self.space else reindex(index, self.space, v.ir_type.dims)
                stores.append(Store(buffer, flat_offset(index, self.space), elements.element(v, at)))
        return elements.checks() + stores, values

    def conclude(self, kept: tuple[Expr, ...], totals: list[Expr]) -> list[Stmt]:
        """Once reduced: whatever follows from the results at the kept indices, stored."""
        inner: list[Expr] = []
        for i, e in zip(self.kept, kept):
            inner += split_index(e, tuple(self.space[k] for k in self.runs[i]))
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        for s, total in zip(self.sums, totals):
            elements.override(s.result, cast(total, s.result.ir_type.dtype))
        stores: list[Stmt] = []
        for v, buffer in self.frame.results.items():
            if v in self.after:
                index = reindex(inner, self.inner, v.ir_type.dims)
                stores.append(Store(buffer, flat_offset(index, v.ir_type.dims), elements.element(v, index)))
        return elements.checks() + stores

    def join(self, parts: list[Buffer], at: Expr, stride: Expr, blocks: Dim) -> tuple[list[Stmt], list[Expr]]:
        """Combine partial results block by block."""
        b = Var("block")
        acc = [Var(f"total{i}", s.dtype) for i, s in enumerate(self.sums)]
        carries = []
        for a, p, s in zip(acc, parts, self.sums):
            part = Load(p, iadd(imul(b, stride), at))
            carries.append(Carry(a, identity(s.combine, s.dtype), prim(s.combine, a, part)))
        return [For(b, lit(0), size(blocks), (), carries=tuple(carries))], list(acc)


def lower_reduce(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `reduce`."""
    return Reduction(node, caps, name).lower()
