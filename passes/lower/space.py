"""The iteration space of a fused kernel: which axes can run as one loop.

Invariant: two adjacent axes merge only if every node of the region treats them alike (both full, both broadcast, both
reduced), so a merged index reaches every buffer with one stride. Entry point: `merged_axes(region, space, axes)`.
"""

from __future__ import annotations

from graphtf.ir.dims import Shape, product
from graphtf.ir.graph import Graph, Node
from graphtf.ir.loops.expr import Expr
from graphtf.ir.op import Reduce, Trait
from graphtf.passes.lower.offsets import split_index

Axes = tuple[int, ...]


def merged_axes(region: Graph, space: Shape, axes: Axes = ()) -> list[Axes]:
    """A partition of the axes of `space` into runs that one loop each can cover; `axes` are those reduced over.

    Axes of size 1 join their neighbours.
    """
    rank = len(space)
    joinable = [i + 1 < rank and (i in axes) == (i + 1 in axes) for i in range(rank)]
    for n in region.nodes:
        for i in range(rank - 1):
            joinable[i] = joinable[i] and (space[i] == 1 or space[i + 1] == 1 or alike(n, space, axes, i))
    runs: list[Axes] = []
    for i in range(rank):
        if i and joinable[i - 1]:
            runs[-1] = (*runs[-1], i)
        else:
            runs.append((i,))
    return runs


def alike(n: Node, space: Shape, axes: Axes, i: int) -> bool:
    """Does `n` treat axes i and i + 1 of the space the same way?"""
    if isinstance(n.op.lowering, Reduce):
        return True  # the axes reduced over are `axes`, and joinable already separates those
    shapes = [v.ir_type.dims for v in (*n.inputs, *n.outputs)]
    if all(product(s) == 1 for s in shapes):
        return True
    inner = tuple(d for k, d in enumerate(space) if k not in axes)
    kept = tuple(1 if k in axes else d for k, d in enumerate(space))
    if Trait.SAME_ORDER in n.op.traits:
        return all(s in (inner, kept) for s in shapes)
    if not n.op.traits & (Trait.ELEMENTWISE | Trait.STRETCH):
        return False
    if n.out.ir_type.dims == inner != space:
        if i in axes:
            return True
        at = sum(k not in axes for k in range(i))
        return all(both(s, inner, at) for s in shapes)
    return n.out.ir_type.dims == space and all(both(s, space, i) for s in shapes)


def both(shape: Shape, full: Shape, i: int) -> bool:
    """Aligned at the end with `full`: has the shape axes i and i + 1 in full, or neither?"""
    shift = len(full) - len(shape)
    a = shape[i - shift] if i >= shift else 1
    b = shape[i + 1 - shift] if i + 1 >= shift else 1
    return (a == full[i] and b == full[i + 1]) or (a == 1 and b == 1)


def index_of(runs: list[Axes], loops: list[Expr], space: Shape) -> tuple[Expr, ...]:
    """The index tuple in `space` from one loop index for each run."""
    index: list[Expr] = []
    for run, f in zip(runs, loops):
        index += split_index(f, tuple(space[k] for k in run))
    return tuple(index)


def extents(runs: list[Axes], space: Shape) -> Shape:
    """The trip count of each run's loop."""
    return tuple(product(space[k] for k in run) for run in runs)
