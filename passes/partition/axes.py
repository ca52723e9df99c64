"""Which axes of the values in a region run over the same things: the rows of a batch, say, from operand to result.

Invariant: axes are of one class only if index i along one of them is computed from index i along the others and from no
other index; an axis whose elements meet each other is blocked, but for one that a node sums over, which is noted.
Answers follow from traits and lowering classes. Entry point: `Axes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from graphtf.ir.dims import Dim, same
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Expr, Var, children
from graphtf.ir.op import Element, IndexCheck, Kernel, Reduce, Trait
from graphtf.ir.types import TensorType

Axis = tuple[Value, int]


class Axes:
    """Classes of axes, found by joining what nodes tie together."""

    def __init__(self) -> None:
        self.above: dict[Axis, Axis] = {}
        self.blocked: set[Axis] = set()
        self.sums: list[tuple[Axis, Node]] = []  # axes that a node sums over

    def root(self, a: Axis) -> Axis:
        """What stands for the class of an axis."""
        while (up := self.above.setdefault(a, a)) != a:
            self.above[a] = self.above[up]
            a = up
        return a

    def join(self, a: Axis, b: Axis) -> None:
        """Two axes run over the same things."""
        a, b = self.root(a), self.root(b)
        if a != b:
            self.above[a] = b

    def join_values(self, x: Value, y: Value) -> None:
        """So do all axes of two values of the same rank; none of values whose ranks differ do."""
        if x.ir_type.rank == y.ir_type.rank:
            for k in range(x.ir_type.rank):
                self.join((x, k), (y, k))
        else:
            self.block(x)
            self.block(y)

    def block(self, v: Value, axes: Iterable[int] | None = None) -> None:
        """Elements along axes of a value (all, if none are named) meet each other."""
        for k in range(v.ir_type.rank) if axes is None else axes:
            self.root((v, k))
            self.blocked.add((v, k))

    def classes(self) -> list[list[Axis]]:
        """The classes without a blocked axis."""
        found: dict[Axis, list[Axis]] = {}
        for a in list(self.above):
            found.setdefault(self.root(a), []).append(a)
        for root in {self.root(a) for a in self.blocked}:
            found.pop(root, None)
        return list(found.values())

    def region(self, g: Graph) -> None:
        """Note what the nodes of a region tie."""
        for n in g.nodes:
            self.node(n)

    def node(self, n: Node) -> None:
        lowering = n.op.lowering
        if Trait.ELEMENTWISE in n.op.traits:
            _elementwise(self, n)
        elif isinstance(lowering, Element):
            _element(self, n, lowering)
        elif isinstance(lowering, Reduce):
            _reduction(self, n, lowering)
        elif isinstance(lowering, Kernel) and lowering.kind in _KERNELS:
            _KERNELS[lowering.kind](self, n)
        else:
            for v in (*n.inputs, *n.outputs):
                self.block(v)

    def aligned(self, x: Value, out: Value, axes: Sequence[int], onto: Sequence[int]) -> None:
        """Axes of an operand that broadcasts to axes of the result, counted from the last."""
        for k, d in zip(reversed(axes), reversed(onto)):
            if same(x.ir_type.dims[k], out.ir_type.dims[d]):
                self.join((x, k), (out, d))


def _elementwise(axes: Axes, n: Node) -> None:
    for x in n.inputs:
        axes.aligned(x, n.out, range(x.ir_type.rank), range(n.out.ir_type.rank))


def _element(axes: Axes, n: Node, lowering: Element) -> None:
    """Ask for an element at an index of bare variables, and see where they turn up."""
    out, types = n.out, [v.ir_type for v in n.inputs]
    if any(0 in t.dims for t in (out.ir_type, *types)):
        for v in (*n.inputs, out):
            axes.block(v)
        return
    index = tuple(Var(f"i{k}") for k in range(out.ir_type.rank))
    reads: list[tuple[int, Sequence[Expr]]] = []

    def read(k: int, where: Sequence[Expr]) -> Expr:
        reads.append((k, where))
        return Var("element", types[k].dtype)

    seen = [lowering.fn(index, read, out.ir_type, types, **n.attrs)]
    if isinstance(n.op.check, IndexCheck):
        seen += n.op.check.fn(index, read, out.ir_type, types, **n.attrs) or ()
    met = {id(v) for e in seen if not isinstance(e, str) for v in _variables(e)}
    places = {id(v): d for d, v in enumerate(index)}
    for k, where in reads:
        for a, e in enumerate(where):
            d = places.get(id(e))
            if d is not None and same(types[k].dims[a], out.ir_type.dims[d]):
                axes.join((n.inputs[k], a), (out, d))
                continue
            axes.block(n.inputs[k], [a])
            met.update(id(v) for v in _variables(e))
    axes.block(out, [d for i, d in places.items() if i in met])


def _variables(e: Expr) -> list[Var]:
    found, pending = [], [e]
    while pending:
        x = pending.pop()
        if isinstance(x, Var):
            found.append(x)
        pending += children(x)
    return found


def _reduction(axes: Axes, n: Node, lowering: Reduce) -> None:
    (x,) = n.inputs
    away = n.attrs["axes"]
    kept = [k for k in range(x.ir_type.rank) if k not in away]
    for d, k in enumerate(kept):
        axes.join((x, k), (n.out, d))
    if lowering.combine != "add":
        axes.block(x, away)
        return
    for k in away:
        axes.root((x, k))
        axes.sums.append(((x, k), n))


# ---- kernels of their own --------------------------------------------------------------------------------------------


def _contract(axes: Axes, n: Node) -> None:
    """Rows of the left factor, columns of the right one and batches stay; what both share is summed."""
    a, b = n.inputs
    i, k = (-1, -2) if n.attrs.get("transpose_a") else (-2, -1)
    l, j = (-1, -2) if n.attrs.get("transpose_b") else (-2, -1)
    rank = n.out.ir_type.rank
    for x in (a, b):
        axes.aligned(x, n.out, range(x.ir_type.rank - 2), range(rank - 2))
    left, right = a.ir_type.rank, b.ir_type.rank
    axes.join((a, left + i), (n.out, rank - 2))
    axes.join((b, right + j), (n.out, rank - 1))
    axes.join((a, left + k), (b, right + l))
    axes.sums.append(((a, left + k), n))


def _update(axes: Axes, n: Node) -> None:
    """Where the piece is as long as what it is written to, it begins where that does."""
    x, piece, start = n.inputs
    axes.join_values(x, n.out)
    axes.block(start)
    for k, (d, e) in enumerate(zip(x.ir_type.dims, piece.ir_type.dims)):
        if same(d, e):
            axes.join((x, k), (piece, k))
        else:
            axes.block(x, [k])
            axes.block(piece, [k])


def _scatter(axes: Axes, n: Node) -> None:
    """Axes beyond those that indices name are written as wholes."""
    x, indices, updates = n.inputs
    axes.join_values(x, n.out)
    axes.block(indices)
    depth, lead = indices.ir_type.dims[-1], indices.ir_type.rank - 1
    if not isinstance(depth, int):
        depth = x.ir_type.rank
    axes.block(x, range(depth))
    axes.block(updates, range(lead))
    for k in range(depth, x.ir_type.rank):
        axes.join((x, k), (updates, lead + k - depth))


_KERNELS: dict[str, Callable[[Axes, Node], None]] = {"contract": _contract, "update": _update, "scatter": _scatter}


def with_axis(t: TensorType, axis: int, size: Dim) -> TensorType:
    """The type with another size along an axis."""
    return t.with_shape((*t.dims[:axis], size, *t.dims[axis + 1 :]))
