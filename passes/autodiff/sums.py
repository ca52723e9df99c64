"""Adding cotangents up: a piece that lies among zeros is added in its place, and neighbours are put side by side.

Invariant: the sum is that of the two, up to the sign of zeros; where one is a small piece of a large tensor (a slice, a
look-up, an entry of a stack) only the piece is touched, so that a loop over pieces stays linear. Entry point: `added`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir.binding import active_binder
from graphtf.ir.builder import Builder
from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Trait
from graphtf.ir.ops.prims import p
from graphtf.passes.fusion.classify import is_joint
from graphtf.passes.rules.pattern import Match, matches_node, parse_pattern

ENTRY = parse_pattern("dynamic_update_slice(0, u, s)")
ROWS = parse_pattern("scatter{combine=c}(0, i, u)")
PART = parse_pattern("pad{low=l, high=h}(x, 0)")


def added(a: Any, b: Any) -> Any:
    """a + b."""
    binder = active_binder()
    if isinstance(binder, Builder) and isinstance(a, Value) and isinstance(b, Value):
        for whole, part in ((a, b), (b, a)):
            found = _added_in_place(binder, whole, part)
            if found is None:
                found = _side_by_side(binder, whole, part)
            if found is not None:
                return found
    return p.add(a, b)


def _added_in_place(graph: Builder, whole: Value, part: Value) -> Any:
    node = graph.maker(part)
    while node is not None and _is_identity(node):
        node = graph.maker(node.inputs[0])
    if node is None:
        return None
    m = Match()
    if matches_node(ENTRY, node, graph.maker, m):
        piece, start = m.values["u"], m.values["s"]
        before = p.dynamic_slice(whole, start, sizes=piece.ir_type.dims)
        return p.dynamic_update_slice(whole, p.add(before, piece), start)
    m = Match()
    if matches_node(ROWS, node, graph.maker, m) and m.attrs["c"] == "add":
        return p.scatter(whole, m.values["i"], m.values["u"], combine="add")
    return None


def _side_by_side(graph: Builder, first: Value, second: Value) -> Any:
    """The sum of two parts of a tensor of which the second begins where the first ends: gradients of a split."""
    parts = []
    for v in (first, second):
        node, m = graph.maker(v), Match()
        if node is None or not matches_node(PART, node, graph.maker, m):
            return None
        parts.append((m.values["x"], m.attrs["l"], m.attrs["h"]))
    (x, low, high), (y, start, end) = parts
    dims = x.ir_type.dims
    axis = [k for k in range(len(dims)) if (low[k], high[k]) != (0, 0) or (start[k], end[k]) != (0, 0)]
    if len(axis) != 1 or start[axis[0]] != low[axis[0]] + dims[axis[0]]:
        return None
    (k,) = axis
    both = p.concat(*_pieces(graph, x, k), *_pieces(graph, y, k), axis=k)
    if low[k] == 0 and end[k] == 0:
        return both
    return p.pad(both, scalar_zero(both), low=low, high=end)


def _pieces(graph: Builder, v: Value, axis: int) -> tuple[Value, ...]:
    """What a value was joined from, or the value alone."""
    node = graph.maker(v)
    return node.inputs if node is not None and is_joint(node) and node.attrs.get("axis") == axis else (v,)


def scalar_zero(like: Value) -> Any:
    return p.constant(value=np.zeros((), like.ir_type.dtype.np))


def _is_identity(n: Node) -> bool:
    """Is it a view that changes nothing?"""
    if Trait.VIEW not in n.op.traits or n.out.type != n.inputs[0].type:
        return False
    perm = n.attrs.get("perm")
    return Trait.SAME_ORDER in n.op.traits or (perm is not None and tuple(perm) == tuple(range(len(perm))))
