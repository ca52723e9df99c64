"""Kernels of kind `rows`: several reductions of the same rows that depend on each other (softmax, layer norm).

Invariant: a row is walked once per phase while it is in cache; a phase ends where a reduction's result is needed. What
a later phase needs is read from where it was stored, computed again if cheap, or kept in a row buffer.
Entry point: `lower_rows(node, caps, name)`.
"""

from __future__ import annotations

from graphtf.ir.dims import product
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Expr, Load, Var, cast, iadd, imul, lit, size
from graphtf.ir.loops.stmt import Alloc, Carry, For, Let, LoopFunc, Prefetch, Stmt, Store
from graphtf.ir.op import Reduce
from graphtf.passes.fusion.classify import squeeze
from graphtf.passes.lower.affine import depends, stride_of
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.cost import node_weight, weight
from graphtf.passes.lower.elements import Elements
from graphtf.passes.lower.fetch import loads_of
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import flat_offset, reindex, split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.reduce import ACCUMULATORS, accumulator, identity
from graphtf.passes.lower.space import Axes

NEAR = 16 << 10  # bytes of a row up to which it is fetched into the first cache
WORTH_KEEPING = 6  # cost of a value from which on it is kept between phases instead of computed again


class Rows:
    """The parts of one kernel. Rows are the trailing `axes` of the space, taken as one flat axis."""

    def __init__(self, node: Node, name: str) -> None:
        self.region: Graph = node.regions["body"]
        self.frame = Frame.of(node, name)
        first = next(n for n in self.region.nodes if isinstance(n.op.lowering, Reduce))
        self.space = first.inputs[0].ir_type.dims
        self.axes: Axes = tuple(first.attrs["axes"])
        self.outer = self.space[: -len(self.axes)]
        self.row_shape = self.space[-len(self.axes) :]
        self.row = product(self.row_shape)
        self.phase: dict[Value, int] = {}
        self.cost: dict[Value, int] = {}
        self.survey()
        self.kept: dict[Value, Buffer] = {}  # full-shape values stored by an earlier phase, in a row buffer
        self.written: set[Value] = set()  # results of full shape stored by an earlier phase
        self.scalars: dict[Value, Expr] = {}  # results per row, known so far

    def survey(self) -> None:
        """The phase each value can be computed in (0: before any reduction), and the cost of computing it."""
        for v in self.region.inputs:
            self.phase[v] = self.cost[v] = 0
        for n in self.region.nodes:
            at = max((self.phase[v] for v in n.inputs), default=0)
            reduces = isinstance(n.op.lowering, Reduce)
            self.phase[n.out] = at + 1 if reduces else at
            self.cost[n.out] = 0 if reduces else node_weight(n) + sum(self.cost[v] for v in n.inputs)

    @property
    def last_phase(self) -> int:
        return max(self.phase[n.out] for n in self.region.nodes)

    def lower(self) -> LoopFunc:
        rows = product(self.outer)
        per_row = weight(self.region) * (self.row if isinstance(self.row, int) else 256)
        return finish(self.frame, blocked(rows, max(1, TASK // max(1, per_row)), "row", self.one_row))

    def one_row(self, r: Expr) -> list[Stmt]:
        outer = split_index(r, self.outer)
        self.kept, self.scalars, self.written = {}, {}, set()
        body: list[Stmt] = []
        for p in range(self.last_phase + 1):
            body += self.walk(p, r, outer)
            body += self.name_scalars(p, outer)
        return [*(Alloc(b) for b in self.kept.values()), *body]

    def walk(self, p: int, r: Expr, outer: tuple[Expr, ...]) -> list[Stmt]:
        """Phase p's pass over the row: stores, values to keep, and the reductions that end it."""
        sums = [n for n in self.region.nodes if isinstance(n.op.lowering, Reduce) and self.phase[n.out] == p + 1]
        results = [v for v in self.frame.results if self.is_full(v) and self.phase[v] == p]
        keep = self.to_keep(p)
        if not (sums or results or keep):
            return []
        k = Var("k")
        index = (*outer, *split_index(k, self.row_shape))
        elements = self.elements(index, r, k)
        values = [elements.element(n.inputs[0], index) for n in sums]
        stores: list[Stmt] = self.next_row(r, k) if p == 1 else []
        for v in results:
            at = self.own_index(v, index)
            stores.append(Store(self.frame.results[v], flat_offset(index, self.space), elements.element(v, at)))
        for v in keep:
            self.kept[v] = Buffer(f"row{len(self.kept)}", v.ir_type.dtype, self.row, "stack")
            stores.append(Store(self.kept[v], k, elements.element(v, self.own_index(v, index))))
        self.written.update(results)
        carries: list[Carry] = []
        for n, value in zip(sums, values):
            assert isinstance(n.op.lowering, Reduce)
            dtype, combine = accumulator(n.out.ir_type.dtype), n.op.lowering.combine
            acc = Var(f"acc{len(carries)}", dtype)
            carries.append(Carry(acc, identity(combine, dtype), cast(value, dtype), combine))
            self.scalars[n.out] = cast(acc, n.out.ir_type.dtype)
        loop = For(k, lit(0), size(self.row), (*elements.checks(), *stores), "vector", carries=tuple(carries),
                   unroll=ACCUMULATORS if carries else 2)  # fmt: skip
        return [loop]

    def next_row(self, r: Expr, k: Var) -> list[Stmt]:
        """Fetch what phase 0 reads of the next row: it arrives while this one is computed."""
        if not isinstance(r, Var):  # the only row
            return []
        following = (*split_index(iadd(r, 1), self.outer), *split_index(k, self.row_shape))
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        found = {}
        for n in self.region.nodes:
            if isinstance(n.op.lowering, Reduce) and self.phase[n.out] == 1:
                for x in loads_of(elements.element(n.inputs[0], following)):
                    if depends(x.index, r) and stride_of(x.index, k) == 1:
                        near = known(self.row) * x.dtype.size <= NEAR
                        found[x.buffer] = Prefetch(x.buffer, x.index, near)
        return list(found.values())

    def name_scalars(self, p: int, outer: tuple[Expr, ...]) -> list[Stmt]:
        """Results per row that follow from the reductions of phase p, computed once and stored where they leave."""
        elements = Elements(self.region, self.frame.operands, self.frame.sites)
        for v, e in self.scalars.items():
            elements.override(v, e)
        stmts: list[Stmt] = []
        for n in self.region.nodes:
            v = n.out
            if self.phase[v] != p + 1 or self.is_full(v) or squeeze(v.ir_type.dims) != squeeze(self.outer):
                continue
            at = reindex(outer, self.outer, v.ir_type.dims)
            named = Var(f"s{len(self.scalars)}", v.ir_type.dtype)
            stmts.append(Let(named, elements.element(v, at)))
            self.scalars[v] = named
            elements.override(v, named)
            if v in self.frame.results:
                stmts.append(Store(self.frame.results[v], flat_offset(outer, self.outer), named))
        return [*elements.checks(), *stmts]

    def elements(self, index: tuple[Expr, ...], r: Expr, k: Expr) -> Elements:
        """Elements of the row: known results per row and kept values in place of their computation."""
        found = Elements(self.region, self.frame.operands, self.frame.sites)
        for v, e in self.scalars.items():
            found.override(v, e)
        for v, buffer in self.kept.items():
            found.override(v, Load(buffer, k))
        for v, buffer in self.frame.results.items():
            if v in self.written:
                found.override(v, Load(buffer, iadd(imul(r, self.row), k)))
        return found

    def to_keep(self, p: int) -> list[Value]:
        """Values of phase p that a later phase reads and that cost too much to compute again."""
        found = []
        for n in self.region.nodes:
            v = n.out
            if self.phase[v] == p and self.is_full(v) and self.cost[v] >= WORTH_KEEPING and v not in self.frame.results:
                readers = [m for m in self.region.nodes if v in m.inputs]
                if any(self.phase[m.out] > p + isinstance(m.op.lowering, Reduce) for m in readers):
                    found.append(v)
        return found

    def is_full(self, v: Value) -> bool:
        """Has it an element for each of the space?"""
        return squeeze(v.ir_type.dims) == squeeze(self.space)

    def own_index(self, v: Value, index: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The index of the same element in `v`, whose shape may differ from the space in axes of size 1."""
        return index if v.ir_type.dims == self.space else reindex(index, self.space, v.ir_type.dims)


def lower_rows(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `rows`."""
    return Rows(node, name).lower()
