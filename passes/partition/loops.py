"""A loop whose rows do not see each other becomes several loops over some of the rows, which can run at once.

Such are recurrent layers: each example of a batch goes its own way, and the gradient of the weights is a sum over them.
Invariant: how many loops there are follows from shapes, never from the machine, so results do not depend on it.
Entry point: `partition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect, Host, Op, Trait, infer_types
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType
from graphtf.passes.dce import dce
from graphtf.passes.fusion.classify import is_native
from graphtf.passes.fusion.cost import elements
from graphtf.passes.lower.contract import TASK_TERMS
from graphtf.passes.lower.cost import node_weight
from graphtf.passes.lower.loop import TASK
from graphtf.passes.lower.select import recipe
from graphtf.passes.partition.axes import with_axis
from graphtf.passes.partition.roles import Roles, loop_axes, roles
from graphtf.passes.rebuild import Rebuild
from graphtf.passes.structure import is_loop

LEAST = 1 << 15  # weighted elements, or products, of an iteration from which on it is worth it
ROWS = 16  # for so many rows a loop of their own
FEW = 8  # no fewer rows a loop
MOST = 8  # loops
TASKS = 4  # tasks of a kernel, at most, that is left to one thread: one with more is shared by itself
SHARED = 1 << 20  # bytes that all loops read: no more of it stays in each core's cache
OVERHEAD = 8  # what all loops do alike is no more than this part of what they share

_SIZED = ("shape", "sizes", "limits")  # attributes with an entry for each axis of the result


def partition(graph: Graph) -> Graph:
    """The graph with such loops in several."""
    work = _Rewrite(graph)
    for n in graph.nodes:
        found = _plan(n) if is_loop(n) else None
        if found is None:
            work.out.place(n)
        else:
            work.part(n, found)
    return dce(work.out.finish(graph)) if work.parts else graph


# ---- whether, and into how many --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """A way to run a loop: `count` loops, each on as many of the rows."""

    roles: Roles
    count: int

    @property
    def rows(self) -> int:
        return self.roles.rows // self.count


def _plan(n: Node) -> _Plan | None:
    """How to part the loop; None if that cannot be done, or does not pay."""
    if "max_trips" not in n.attrs or not _is_plain(n):
        return None
    axes = loop_axes(n)
    plans = []
    for members in axes.classes():
        found = roles(n, axes, members)
        count = 1 if found is None else _count(found.rows)
        if found is not None and count > 1:
            plans.append(_Plan(found, count))
    paying = [(gain, plan) for plan in plans if (gain := _gain(n, plan)) is not None]
    return max(paying, key=lambda x: x[0])[1] if paying else None


def _is_plain(n: Node) -> bool:
    """Does the loop only compute, in native code, on tensors whose sizes are known?"""
    regions = list(n.regions.values())
    nodes = [m for r in regions for m in r.nodes]
    if any(m.op.effect is not Effect.NONE or m.regions or isinstance(m.op.lowering, Host) for m in nodes):
        return False
    values = [*n.inputs, *n.outputs, *(v for r in regions for v in r.inputs), *(v for m in nodes for v in m.outputs)]
    return all(isinstance(v.type, TensorType) and v.type.shape is not None and _known(v) for v in values)


def _known(v: Value) -> bool:
    return is_native(v.ir_type.dtype) and all(isinstance(d, int) for d in v.ir_type.dims)


def _count(rows: int) -> int:
    """Into how many loops of as many rows, many enough for a tile of a product."""
    wanted = [c for c in range(2, MOST + 1) if rows % c == 0 and rows // c >= FEW]
    large = [c for c in wanted if rows // c >= ROWS]
    return max(large) if large else min(wanted, default=1)


def _gain(n: Node, plan: _Plan) -> float | None:
    """The work of an iteration that is shared; None where parting the loop does not pay."""
    body, sliced = n.regions["body"], plan.roles.sliced
    own = common = simple = 0.0
    read: dict[Value, int] = {}
    for m in body.nodes:
        work = work_of(m)
        shared = any(v in sliced for v in (*m.inputs, *m.outputs))
        own, common = (own + work, common) if shared else (own, common + work)
        if Trait.CONTRACTION in m.op.traits:
            if work > TASKS * TASK_TERMS * plan.count:
                return None
            read.update((v, v.ir_type.dtype.size) for v in m.inputs if v not in sliced)
        else:
            simple += work
    if own < LEAST or common * OVERHEAD > own or simple / 2 > TASKS * TASK * plan.count:
        return None
    return own if sum(elements(v) * size for v, size in read.items()) <= SHARED else None


def work_of(m: Node) -> float:
    """Products of a contraction, weighted elements of anything else."""
    made = recipe(m)
    updated = made is not None and made.updates
    size = sum(map(elements, m.inputs[1:] if updated else m.outputs))
    if Trait.CONTRACTION not in m.op.traits:
        return size * node_weight(m)
    left, right = (elements(v) for v in m.inputs[:2])
    return float(np.sqrt(left * right * size))  # each of its three sizes is in two of the three


# ---- doing it --------------------------------------------------------------------------------------------------------


class _Rewrite:
    """The graph being written, and the parts of values that came in parts."""

    def __init__(self, graph: Graph) -> None:
        self.out = Rebuild(graph.guards)
        self.parts: dict[tuple[Value, int, int], list[Value]] = {}  # by value, axis and number

    def part(self, n: Node, plan: _Plan) -> None:
        """Place the loop as several."""
        carried, body = len(n.outputs), n.regions["body"]
        operands = [self.operands(x, v, plan) for x, v in zip(n.inputs, body.inputs)]
        for k in plan.roles.partial:
            zero = self.zero(n.inputs[k].ir_type)
            operands[k] = [operands[k][0], *[zero] * (plan.count - 1)]
        loops = [self.loop(n, [parts[c] for parts in operands], plan) for c in range(plan.count)]
        for k in range(carried):
            self.join(n.outputs[k], [m.outputs[k] for m in loops], body.inputs[k], k in plan.roles.partial, plan)

    def operands(self, x: Value, inner: Value, plan: _Plan) -> list[Value]:
        """What each loop is given for an operand."""
        x, axis = self.out.of(x), plan.roles.sliced.get(inner)
        if axis is None:
            return [x] * plan.count
        key = (x, axis, plan.count)
        if key not in self.parts:
            self.parts[key] = [self.slice(x, axis, c * plan.rows, plan.rows) for c in range(plan.count)]
        return self.parts[key]

    def loop(self, n: Node, operands: Sequence[Value], plan: _Plan) -> Node:
        """The loop on some of the rows."""
        made = {name: _fewer_rows(r, plan) for name, r in n.regions.items()}
        outputs = tuple(Value(v.type, v.hint) for v in made["body"].inputs[: len(n.outputs)])
        loop = Node(n.op, tuple(operands), n.attrs, outputs, made, n.source)
        return self.out.place(loop)

    def join(self, result: Value, found: list[Value], inner: Value, partial: bool, plan: _Plan) -> None:
        """What stands for a result of the loop."""
        axis = plan.roles.sliced.get(inner)
        if axis is not None:
            whole = self.put("concat", found, axis=axis)
            self.parts[whole, axis, plan.count] = found
        elif partial:
            whole = found[0]
            for x in found[1:]:
                whole = self.put("add", [whole, x])
        else:
            whole = found[0]
        self.out.new[result] = whole

    def slice(self, x: Value, axis: int, start: int, rows: int) -> Value:
        dims = x.ir_type.dims
        starts = tuple(start if k == axis else 0 for k in range(len(dims)))
        limits = tuple(start + rows if k == axis else d for k, d in enumerate(dims))
        return self.put("slice", [x], starts=starts, limits=limits, strides=(1,) * len(dims))

    def zero(self, t: TensorType) -> Value:
        scalar = self.put("constant", [], value=np.zeros((), t.dtype.np))
        return self.put("broadcast", [scalar], shape=t.dims)

    def put(self, name: str, operands: Sequence[Value], **attrs: Any) -> Value:
        n = _made(OPS[name], operands, attrs)
        self.out.nodes.append(n)
        return n.out


def _made(op: Op, operands: Sequence[Value], attrs: dict[str, Any]) -> Node:
    types = infer_types(op, tuple(v.type for v in operands), attrs)
    return Node(op, tuple(operands), attrs, tuple(map(Value, types)))


def _fewer_rows(region: Graph, plan: _Plan) -> Graph:
    """A copy of a region that takes as many rows as one of the loops."""
    sliced, new = plan.roles.sliced, {}
    for v in region.inputs:
        new[v] = Value(_narrow(v, sliced, plan.rows), v.hint)
    nodes = []
    for n in region.nodes:
        attrs = _narrow_attrs(n, sliced, plan.rows)
        inputs = tuple(new[v] for v in n.inputs)
        types = infer_types(n.op, tuple(v.type for v in inputs), attrs)
        new.update((v, Value(t, v.hint)) for v, t in zip(n.outputs, types, strict=True))
        nodes.append(replace(n, inputs=inputs, attrs=attrs, outputs=tuple(new[v] for v in n.outputs)))
    inputs = tuple(new[v] for v in region.inputs)
    return replace(region, inputs=inputs, nodes=tuple(nodes), outputs=tuple(new[v] for v in region.outputs))


def _narrow(v: Value, sliced: dict[Value, int], rows: int) -> TensorType:
    return with_axis(v.ir_type, sliced[v], rows) if v in sliced else v.ir_type


def _narrow_attrs(n: Node, sliced: dict[Value, int], rows: int) -> dict[str, Any]:
    """The attributes with the sizes of fewer rows."""
    axis = sliced.get(n.outputs[0]) if n.outputs else None
    if axis is None:
        return dict(n.attrs)
    attrs = dict(n.attrs)
    for name in _SIZED:
        if name in attrs:
            given = attrs[name]
            attrs[name] = (*given[:axis], rows, *given[axis + 1 :])
    return attrs
