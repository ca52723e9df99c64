"""Slices whose position is known only at run time.

Invariant: a start that would reach beyond the operand is moved inside, so nothing outside is ever read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, at_most, nonnegative
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Element, Kernel, Op, Sample
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.generate import INDEX_TYPES
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Index = Sequence[s.Expr]
Read = Callable[[int, Index], s.Expr]

_START = "the start is a vector with one int32 or int64 for each axis"
_SIZES = "sizes are at most those of the operand, whatever the sizes"


def _check_start(op: Op, x: TensorType, start: TensorType) -> None:
    check_dtype(op, start.dtype, INDEX_TYPES, 1)
    if start.shape is not None and (len(start.shape) != 1 or (x.shape is not None and start.shape != (x.rank,))):
        raise op.violated(1, f"the start is {start}, expected one entry for each axis of {x}")


def _check_fits(op: Op, x: TensorType, sizes: Shape) -> None:
    if x.shape is None:
        return
    fits = len(sizes) == len(x.shape) and all(nonnegative(k) and at_most(k, d) for k, d in zip(sizes, x.shape))
    if not fits:
        kind = "shape" if len(sizes) != len(x.shape) or all(isinstance(d, int) for d in (*sizes, *x.shape)) else "open"
        raise op.violated(2, f"a piece of shape {list(sizes)} does not fit into {x}", kind)


def _clamped(start: Array, shape: Sequence[int], sizes: Sequence[int]) -> tuple[slice, ...]:
    inner = (min(max(int(a), 0), d - k) for a, d, k in zip(start, shape, sizes))
    return tuple(slice(a, a + k) for a, k in zip(inner, sizes))


def _starts(read: Read, operand: int, shape: Shape, sizes: Shape) -> list[s.Expr]:
    """The start along each axis, moved inside."""
    found: list[s.Expr] = []
    for k, (d, size) in enumerate(zip(shape, sizes)):
        free: Dim = d - size
        at = s.lit(0) if free == 0 else s.cast(read(operand, (s.lit(k),)), dt.int64)
        found.append(at if free == 0 else s.imax(s.imin(at, free), 0))
    return found


# ---- dynamic_slice ---------------------------------------------------------------------------------------------------


def _slice_infer(x: TensorType, start: TensorType, sizes: Shape) -> TensorType:
    _check_start(dynamic_slice, x, start)
    _check_fits(dynamic_slice, x, sizes)
    return x.with_shape(sizes)


def _slice_element(index: Index, read: Read, out: TensorType, types: Sequence[TensorType], sizes: Shape) -> s.Expr:
    starts = _starts(read, 1, types[0].dims, sizes)
    return read(0, tuple(s.iadd(a, i) for a, i in zip(starts, index)))


dynamic_slice = Op(
    "dynamic_slice", "the piece of the given sizes at a start that is moved inside where it must", _slice_infer,
    lambda x, start, sizes: x[(*_clamped(start, x.shape, sizes), ...)],
    lambda ct, out, x, start, sizes: (p.dynamic_update_slice(full_like(x, 0), ct, start), None),
    Element(_slice_element), arity=2, attrs=("sizes",), constraints=(_START, _SIZES),
    samples=(
        Sample("f32[5, 4] i32[2]", {"sizes": (2, 3)}, -3, 6), Sample("f32[5] i64[1]", {"sizes": (5,)}, -3, 6),
        Sample("f32[] i32[0]", {"sizes": ()}), Sample("i32[3, 2] i32[2]", {"sizes": (0, 2)}),
    ),
)  # fmt: skip


# ---- dynamic_update_slice --------------------------------------------------------------------------------------------


def _update_infer(x: TensorType, update: TensorType, start: TensorType) -> TensorType:
    _check_start(dynamic_update_slice, x, start)
    if update.dtype is not x.dtype:
        message = dt.mismatch(1, update.dtype, 0, x.dtype)
        raise dynamic_update_slice.violated(3, message, "dtype")
    if update.shape is not None:
        _check_fits(dynamic_update_slice, x, update.shape)
    return x


def _update_ref(x: Array, update: Array, start: Array) -> Array:
    out = x.copy()
    out[_clamped(start, x.shape, update.shape)] = update
    return out


def _update_vjp(ct: Any, out: Any, x: Any, update: Any, start: Any) -> tuple[Any, Any, None]:
    kept = p.dynamic_update_slice(ct, full_like(update, 0), start)
    return kept, p.dynamic_slice(ct, start, sizes=ir_type(update).dims), None


dynamic_update_slice = Op(
    "dynamic_update_slice", "x with the piece at a start, moved inside where it must, replaced by an update",
    _update_infer, _update_ref, _update_vjp, Kernel("update"), arity=3,
    constraints=(_START, _SIZES, "the update has the dtype of the operand"),
    samples=(
        Sample("f32[5, 4] f32[2, 3] i32[2]", {}, -3, 6), Sample("f32[5] f32[5] i64[1]", {}, -3, 6),
        Sample("f32[] f32[] i32[0]"), Sample("i32[3, 2] i32[0, 2] i32[2]"),
    ),
)  # fmt: skip
