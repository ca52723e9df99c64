"""`tensor[key]`: integers, slices, `...`, `tf.newaxis`, scalar tensors and boolean masks, as TensorFlow's strided
slice.

Invariant: one pass over the key gives a plan, one entry for each axis of the operand; the plan runs as slice, reverse,
gather and reshape ops, so symbolic sizes and gradients need nothing of their own. Entry point: `getitem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, maximum, minimum
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_size, shape_vector
from graphtf.tensor import Tensor

_INVALID = (
    "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid "
    "indices, got "
)


@dataclass(slots=True)
class _Plan:
    """For each axis of the operand: what it is cut to. For the result: where its axes come from (None: a new one)."""

    starts: list[Dim] = field(default_factory=list)
    limits: list[Dim] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    reversed: list[int] = field(default_factory=list)
    gathered: list[tuple[int, Tensor]] = field(default_factory=list)  # axes whose index only run time knows
    result: list[int | None] = field(default_factory=list)

    def keep(self, start: Dim, limit: Dim, stride: int) -> int:
        """Cut the next axis; its number."""
        self.starts.append(start)
        self.limits.append(limit)
        self.strides.append(stride)
        return len(self.starts) - 1


def getitem(x: Any, key: Any) -> Tensor:
    """`x[key]`. Raises TypeError for a key of another kind, InvalidArgumentError (tracing: ValueError) out of range.

    Follows https://www.tensorflow.org/api_docs/python/tf/Tensor#__getitem__.
    """
    tensor = convert_to_tensor(x)
    mask = _as_mask(key)
    if mask is not None:
        from graphtf.api.selection import boolean_mask  # it indexes too

        return boolean_mask(tensor, mask)
    entries = list(key) if isinstance(key, (list, tuple)) else [key]
    dims = tensor.ir_type.shape
    if dims is None:
        return _of_unknown_rank(tensor, entries)
    if any(_needs_run_time(e) for e in entries):
        from graphtf.api.selection import dynamic_slice

        return dynamic_slice(tensor, entries)
    plan = _planned(dims, _expanded(entries, len(dims)))
    return _run(tensor, plan, dims)


def _as_mask(key: Any) -> Any:
    if isinstance(key, (bool, np.bool_)):
        raise ValueError("mask cannot be scalar.")
    if isinstance(key, np.ndarray) and key.dtype == bool:
        return key
    if is_tensor_like(key) and key.dtype is dt.bool_:
        return key
    return None


def _needs_run_time(entry: Any) -> bool:
    """Is it a slice with a bound that only run time knows?"""
    return isinstance(entry, slice) and any(
        b is not None and _bound(b) is None for b in (entry.start, entry.stop, entry.step)
    )


def _expanded(entries: list[Any], rank: int) -> list[Any]:
    """The key with `...` written out as full slices."""
    ellipses = sum(e is Ellipsis for e in entries)
    if ellipses > 1:
        raise invalid("strided_slice", "Multiple ellipses in slice spec not allowed")
    used = sum(e is not None and e is not Ellipsis for e in entries)
    if used > rank:
        raise invalid("strided_slice", f"Index out of range using input dim {rank}; input has only {rank} dims")
    full = [slice(None)] * (rank - used)
    at = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    return entries[:at] + full + entries[at + 1 :]


def _of_unknown_rank(tensor: Tensor, entries: list[Any]) -> Tensor:
    if not any(map(is_tensor_like, entries)):
        from graphtf.deferred import deferred_like  # it traces functions, which index

        return deferred_like(lambda t: getitem(t, tuple(entries)), [tensor], tensor, None)
    from graphtf.api.selection import dynamic_slice

    return dynamic_slice(tensor, entries)


def _bound(x: Any) -> Dim | None:
    if isinstance(x, (bool, np.bool_, float, np.floating, str, bytes)):
        raise TypeError(f"{_INVALID}{x!r}")
    if is_tensor_like(x):
        t = convert_to_tensor(x)
        if t.dtype not in (dt.int32, dt.int64, dt.int16) or t.shape.rank == 1:
            raise TypeError(f"{_INVALID}{x!r}")
        if t.shape.rank:
            raise invalid("strided_slice", f"Expected begin, end and strides to be 1D, got an index of shape {t.shape}")
    elif isinstance(x, np.ndarray) and x.ndim:
        raise TypeError(f"{_INVALID}{x!r}")
    try:
        return as_size(x, "strided_slice")
    except TypeError:
        raise TypeError(f"{_INVALID}{x!r}") from None


def _planned(dims: tuple[Dim, ...], entries: list[Any]) -> _Plan:
    plan = _Plan()
    for entry in entries:
        if entry is None:
            plan.result.append(None)
            continue
        axis = len(plan.starts)
        if isinstance(entry, slice):
            _plan_slice(plan, entry, dims[axis])
            plan.result.append(axis)
        else:
            _plan_index(plan, entry, dims[axis])
    return plan


def _plan_index(plan: _Plan, entry: Any, size: Dim) -> None:
    index, axis = _bound(entry), len(plan.starts)
    if isinstance(index, int) and isinstance(size, int):
        if not -size <= index < size:
            raise invalid("strided_slice", f"slice index {index} of dimension {axis} out of bounds.")
        index %= size
        plan.keep(index, index + 1, 1)
        return
    plan.keep(0, size, 1)
    plan.gathered.append((axis, _checked_index(entry, index, size)))


def _checked_index(entry: Any, index: Dim | None, size: Dim) -> Tensor:
    """A scalar tensor for an index into an axis: a negative one counts from the end."""
    if isinstance(index, int):
        at = size + index if index < 0 else index
        return p.reshape(shape_vector((at,), dt.int64), shape=())
    given = p.cast(convert_to_tensor(entry), dtype=dt.int64)
    length = p.reshape(shape_vector((size,), dt.int64), shape=())
    return p.select(p.lt(given, scalar_like(given, 0)), p.add(given, length), given)


def _plan_slice(plan: _Plan, entry: slice, size: Dim) -> None:
    step = 1 if entry.step is None else _bound(entry.step)
    if not isinstance(step, int):
        raise TypeError(f"a slice's step must be known while tracing, got {entry.step!r}")
    if step == 0:
        raise invalid("strided_slice", f"strides[{len(plan.starts)}] must be non-zero")
    start, stop = (None if b is None else _bound(b) for b in (entry.start, entry.stop))
    if step < 0:  # of the axis reversed, element i is element size - 1 - i
        start, stop = (None if b is None else _mirrored(b, size) for b in (start, stop))
    first = 0 if start is None else _clipped(start, size, step < 0)
    last = size if stop is None else _clipped(stop, size, step < 0)
    axis = plan.keep(first, maximum(first, last), abs(step))
    if step < 0:
        plan.reversed.append(axis)


def _mirrored(bound: Dim, size: Dim) -> Dim:
    if isinstance(bound, int) and bound < 0:
        return -1 - bound
    return size - 1 - bound


def _clipped(bound: Dim, size: Dim, mirrored: bool) -> Dim:
    """A bound inside the axis; unless `mirrored`, a negative one counts from the end."""
    if isinstance(bound, int) and bound < 0 and not mirrored:
        bound = size + bound
    return minimum(maximum(bound, 0), size)


def _run(x: Tensor, plan: _Plan, dims: tuple[Dim, ...]) -> Tensor:
    out: Any = x
    if plan.reversed:
        out = p.reverse(out, axes=tuple(plan.reversed))
    if any(a != 0 or b != d or k != 1 for a, b, d, k in zip(plan.starts, plan.limits, dims, plan.strides)):
        out = p.slice(out, starts=tuple(plan.starts), limits=tuple(plan.limits), strides=tuple(plan.strides))
    for axis, index in plan.gathered:  # a gathered axis keeps size 1 until the reshape
        out = p.gather(out, p.reshape(index, shape=(1,)), axis=axis, batch_dims=0)
    cut = out.ir_type.dims
    shape = tuple(1 if axis is None else cut[axis] for axis in plan.result)
    return out if out is not x and shape == cut else p.reshape(out, shape=shape)
