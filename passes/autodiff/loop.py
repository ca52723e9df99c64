"""The gradient of a loop is a loop that runs backwards over what each iteration saved.

Invariant: the forward loop carries a counter and, for each value that the gradient of an iteration needs, a stack with
one entry an iteration; the backward loop carries the cotangents of the state, and sums those of what stays the same.
Stacks are allocated at once: for the number of iterations where it is known (passes/autodiff/trips.py), else for the
number that a loop over the condition alone counts; where that would repeat an effect, they grow. Entry: `pull_loop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder, bind, binding
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, Shape, maximum
from graphtf.ir.errors import OpenSize, UnkeptGradient
from graphtf.ir.graph import Graph, Value, copy_graph
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType
from graphtf.passes.autodiff.count import count_loop
from graphtf.passes.autodiff.cut import cost_of_saving, economical
from graphtf.passes.autodiff.joint import Joint, Split, joint
from graphtf.passes.autodiff.record import Applied, Backward
from graphtf.passes.autodiff.sums import added
from graphtf.passes.autodiff.trips import known_trips
from graphtf.passes.autodiff.widen import NewSize, fitted, operand_types, widened, zeros
from graphtf.passes.reads import only_read, valued
from graphtf.passes.rebuild import content, refit
from graphtf.passes.structure import influence

COUNTER = TensorType(dt.int32, ())


def pull_loop(r: Applied, cts: Sequence[Any], wanted: Sequence[bool], backward: Backward) -> list[Any]:
    """The cotangents of a loop's operands."""
    loop = Loop(r, cts, wanted)
    if not loop.live:
        return [None] * len(r.operands)
    loop.differentiate(backward)
    extra = widened(r, loop.make)
    return loop.pull(extra)


class Loop:
    """One loop being differentiated."""

    def __init__(self, r: Applied, cts: Sequence[Any], wanted: Sequence[bool]) -> None:
        self.r, self.cts = r, cts
        self.carried = int(r.attrs["carried"])
        self.types = operand_types(r)
        cond, body = refit(r.attrs["cond"], self.types), refit(r.attrs["body"], self.types)
        self.reads = only_read([cond, body])
        self.cond, self.body = valued(cond, self.reads), valued(body, self.reads)
        self.live, self.summed = self.connected(wanted)

    def connected(self, wanted: Sequence[bool]) -> tuple[list[int], list[int]]:
        """The carried values that lie between what is wanted and the cotangents given; the constant operands wanted."""
        from_inputs = influence(self.body, differentiable=True)
        reached = sum(1 << k for k, want in enumerate(wanted) if want)
        seen = -1
        while seen != reached:
            seen = reached
            reached |= sum(1 << k for k, m in enumerate(from_inputs) if m & reached)
        reaching = sum(1 << k for k, ct in enumerate(self.cts) if ct is not None)
        seen = -1
        while seen != reaching:
            seen = reaching
            for k, m in enumerate(from_inputs):
                if reaching >> k & 1:
                    reaching |= m
        both = reached & reaching
        live = [k for k in range(self.carried) if both >> k & 1 and content(self.body.inputs[k].type).dtype.is_inexact]
        return live, [k for k in range(self.carried, len(wanted)) if both >> k & 1 and wanted[k]]

    # ---- one iteration -----------------------------------------------------------------------------------------------

    def differentiate(self, backward: Backward) -> None:
        """Part the body into what an iteration does and saves, and its gradient."""
        changing = [k for k in self.live if self.body.inputs[k].ir_type.shape is None]
        try:
            j = joint(self.body, [*self.live, *self.summed], self.live, backward, changing)
        except OpenSize as e:
            raise UnkeptGradient(f"while has no gradient for a value whose rank may change as it runs: {e}") from None
        state = set(j.inputs[: self.carried])
        chosen = economical(j, lambda v: cost_of_saving(v) if v in state else 0.0, inside=True)
        self.joint: Joint = j
        self.parts: Split = j.split(v for v in sorted(chosen, key=lambda v: v.serial) if v in j.maker)
        self.stacked: list[Value] = [*(j.inputs[k] for k in self.old), *self.parts.saved]
        self.constant = [k for k in self.parts.taken if k >= self.carried]

    @cached_property
    def old(self) -> list[int]:
        """The carried values whose value before each iteration the gradient needs."""
        return [k for k in self.parts.taken if k < self.carried]

    # ---- forward -----------------------------------------------------------------------------------------------------

    def make(self, xs: Sequence[Any], new_size: NewSize) -> tuple[Sequence[Any], Sequence[Any]]:
        """The loop with a counter and stacks, and what the gradient takes of it besides its results."""
        operands = [p.read(x) if k in self.reads else x for k, x in enumerate(xs)]
        state, constant = operands[: self.carried], operands[self.carried :]
        capacity = self.capacity(operands, new_size)
        stacks = [self.empty(v.ir_type, capacity) for v in self.stacked]
        out = repeat(
            [*state, scalar(0), *stacks], constant, self.forward_cond(capacity), self.forward_body(capacity), capacity
        )
        count, filled = out[self.carried], out[self.carried + 1 :]
        if capacity is None and stacks:
            filled = self.measured(count, filled, run_time_size(count, new_size))
        return out, [count, *filled, *operands]

    def capacity(self, operands: Sequence[Any], new_size: NewSize) -> Dim | None:
        """How many entries stacks have, at least one, where that can be told before the loop runs."""
        if not self.stacked:
            return self.r.attrs.get("max_trips")
        known = known_trips(self.cond, self.body, self.carried, operands, self.r.attrs.get("max_trips"))
        if known is not None:
            return maximum(1, known)
        count = count_loop(self.cond, self.body, self.carried, operands)
        if count is None:
            return None
        size = run_time_size(count, new_size)
        if not isinstance(size, int):  # an op gives it its value
            p.broadcast_to(p.constant(value=np.zeros((), bool)), sizes(count, ()), shape=(size,))
        return maximum(1, size)

    def empty(self, t: TensorType, capacity: Dim | None) -> Any:
        return zeros(t.with_shape((0 if capacity is None else capacity, *t.dims)))

    def stack_type(self, v: Value, capacity: Dim | None) -> TensorType:
        t = v.ir_type
        return t.with_shape(None if capacity is None else (capacity, *t.dims))

    def measured(self, count: Any, stacks: Sequence[Any], size: Dim) -> list[Any]:
        """Stacks that have grown, now that their size is known, and an entry more, so that there is one."""
        found = []
        for x, v in zip(stacks, self.stacked):
            dims = v.ir_type.dims
            known = p.reshape_to(x, sizes(count, dims), shape=(size, *dims))
            none = p.constant(value=np.zeros((), v.ir_type.dtype.np))
            found.append(p.pad(known, none, low=(0,) * (len(dims) + 1), high=(1, *([0] * len(dims)))))
        return found

    def forward_cond(self, capacity: Dim | None) -> Graph:
        b = builder(self.cond.name)
        state, _, _, constant = self.forward_inputs(b, self.cond, capacity)
        b.guards += self.cond.guards
        return b.finish(b.inline(copy_of(self.cond), [*state, *constant]))

    def forward_body(self, capacity: Dim | None) -> Graph:
        b = builder(self.body.name)
        state, count, stacks, constant = self.forward_inputs(b, self.body, capacity)
        b.guards += self.parts.forward.guards
        with binding(b):
            outs = b.inline(self.parts.forward, [*state, *constant])
            pieces = [*(state[k] for k in self.old), *outs[self.carried :]]
            push = grown if capacity is None else pushed
            filled = [push(x, piece, count) for x, piece in zip(stacks, pieces)]
            after = p.add(count, scalar(1))
        return b.finish([*outs[: self.carried], after, *filled])

    def forward_inputs(self, b: Builder, region: Graph, capacity: Dim | None) -> tuple[Any, Any, Any, Any]:
        state = [b.input(v.type, v.hint) for v in region.inputs[: self.carried]]
        count = b.input(COUNTER)
        stacks = [b.input(self.stack_type(v, capacity)) for v in self.stacked]
        return state, count, stacks, [b.input(v.type, v.hint) for v in region.inputs[self.carried :]]

    # ---- backward ----------------------------------------------------------------------------------------------------

    def pull(self, extra: Sequence[Any]) -> list[Any]:
        """Run the iterations' gradients from the last to the first."""
        depth = len(self.stacked)
        count, stacks, operands = extra[0], extra[1 : depth + 1], extra[depth + 1 :]
        cts = [self.zeros_after(k) if self.cts[k] is None else self.cts[k] for k in self.live]
        sums = [zeros(self.body.inputs[k].type, operands[k]) for k in self.summed]
        constant = [operands[k] for k in self.constant]
        capacity = stacks[0].ir_type.dims[0] if stacks else self.r.attrs.get("max_trips")
        more, step = self.backward_region(stacks, self.more), self.backward_region(stacks, self.step)
        out = repeat([count, *cts, *sums], [*stacks, *constant], more, step, capacity)
        found = dict(zip([*self.live, *self.summed], out[1:]))
        return [fitted(found[k], content(t)) if k in found else None for k, t in enumerate(self.types)]

    def zeros_after(self, k: int) -> Any:
        """A cotangent of nothing, for a carried value after the loop."""
        return zeros(self.body.inputs[k].type, self.r.outputs[k])

    def backward_region(self, stacks: Sequence[Any], give: Any) -> Graph:
        b = builder(self.parts.backward.name)
        count = b.input(COUNTER)
        cts = [b.input(self.body.inputs[k].type) for k in self.live]
        sums = [b.input(content(self.body.inputs[k].type)) for k in self.summed]
        tops = [b.input(x.ir_type) for x in stacks]
        constant = [b.input(self.body.inputs[k].type) for k in self.constant]
        b.guards += self.parts.backward.guards
        with binding(b):
            return b.finish(give(b, count, cts, sums, tops, constant))

    def more(self, b: Builder, count: Any, *_: Any) -> list[Any]:
        return [p.gt(count, scalar(0))]

    def step(
        self, b: Builder, count: Any, cts: list[Any], sums: list[Any], stacks: list[Any], constant: list[Any]
    ) -> list[Any]:
        before = p.sub(count, scalar(1))
        pieces = [popped(x, before, v.ir_type.dims) for x, v in zip(stacks, self.stacked)]
        operand = dict(zip([*self.old, *self.constant], [*pieces[: len(self.old)], *constant]))
        takes = [*(operand[k] for k in self.parts.taken), *pieces[len(self.old) :], *cts]
        found = dict(zip(self.parts.found, b.inline(self.parts.backward, takes)))
        new = [found[k] if k in found else zeros(self.body.inputs[k].type) for k in self.live]
        return [before, *new, *(added(x, found[k]) if k in found else x for k, x in zip(self.summed, sums))]


def repeat(state: Sequence[Any], constant: Sequence[Any], cond: Graph, body: Graph, most: Dim | None) -> Sequence[Any]:
    """A loop; it takes at most so many iterations, where that is known."""
    attrs = {} if most is None else {"max_trips": most}
    found: Sequence[Any] = bind(while_, *state, *constant, cond=cond, body=body, carried=len(state), **attrs)
    return found


# ---- stacks ----------------------------------------------------------------------------------------------------------


def run_time_size(count: Any, new_size: NewSize) -> Dim:
    """A number as a size: under a name while a graph is built, eagerly as it is."""
    return new_size() if isinstance(active_binder(), Builder) else int(np.asarray(count))


def builder(name: str) -> Builder:
    here = active_binder()
    return Builder(name, within=here if isinstance(here, Builder) else None)


def copy_of(region: Graph) -> Graph:
    return copy_graph(region)[0]


def scalar(value: int) -> Any:
    return p.constant(value=np.array(value, np.int32))


def sizes(count: Any, dims: Shape) -> Any:
    """The vector [count, *dims]."""
    first = p.reshape(p.cast(count, dtype=dt.int64), shape=(1,))
    return p.concat(first, p.dims(dims=dims, dtype=dt.int64), axis=0) if dims else first


def at(count: Any, rank: int) -> Any:
    """The start of entry number `count`."""
    first = p.reshape(count, shape=(1,))
    return p.concat(first, p.constant(value=np.zeros(rank, np.int32)), axis=0) if rank else first


def pushed(stack: Any, piece: Any, count: Any) -> Any:
    dims = piece.ir_type.dims
    return p.dynamic_update_slice(stack, p.reshape(piece, shape=(1, *dims)), at(count, len(dims)))


def grown(stack: Any, piece: Any, count: Any) -> Any:
    return p.concat(stack, p.reshape(piece, shape=(1, *piece.ir_type.dims)), axis=0)


def popped(stack: Any, count: Any, dims: Shape) -> Any:
    return p.reshape(p.dynamic_slice(stack, at(count, len(dims)), sizes=(1, *dims)), shape=dims)
