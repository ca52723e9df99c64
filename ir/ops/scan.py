"""Running totals along an axis, and the linear recurrence that all their gradients are.

Invariant: elements are visited in order, from the last if `reverse`; an exclusive total leaves out its own element and
begins with the identity. float16 and bfloat16 accumulate in float32; each total is rounded. Entry points: `cumulate`,
`recurrence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import same
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.op import Kernel, Op, Sample
from graphtf.ir.ops.elementwise import check_dtype, conj
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.reduce import highest, lowest
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

# combine -> (dtypes, ufunc, identity)
COMBINES: dict[str, tuple[Sequence[DType], np.ufunc, Callable[[DType], Any]]] = {
    "add": (dt.NUMERIC, np.add, lambda d: 0), "mul": (dt.NUMERIC, np.multiply, lambda d: 1),
    "max": (dt.REAL, np.maximum, lowest), "min": (dt.REAL, np.minimum, highest),
    "logaddexp": (dt.FLOATS, np.logaddexp, lambda d: -np.inf),
}  # fmt: skip


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype


def _check_axis(op: Op, x: TensorType, axis: int, constraint: int) -> None:
    if x.shape is not None and not 0 <= axis < len(x.shape):
        raise op.violated(constraint, f"attribute axis is {axis}, expected an axis of {x}")


def _before(x: Any, axis: int, reverse: bool, start: Any) -> Any:
    """At each place, the element visited before it; `start` at the first."""
    dims = ir_type(x).dims
    here, zeros = tuple(int(k == axis) for k in range(len(dims))), (0,) * len(dims)
    wide = p.pad(x, scalar_like(x, start), low=zeros if reverse else here, high=here if reverse else zeros)
    starts = here if reverse else zeros
    return p.slice(wide, starts=starts, limits=tuple(a + d for a, d in zip(starts, dims)), strides=(1,) * len(dims))


# ---- running totals --------------------------------------------------------------------------------------------------


def _infer(x: TensorType, axis: int, combine: str, exclusive: bool, reverse: bool) -> TensorType:
    if combine not in COMBINES:
        message = f"attribute combine is {combine!r}, expected one of {', '.join(COMBINES)}"
        raise cumulate.violated(1, message, "value")
    check_dtype(cumulate, x.dtype, COMBINES[combine][0], 2)
    _check_axis(cumulate, x, axis, 3)
    return x


def _ref(x: Array, axis: int, combine: str, exclusive: bool, reverse: bool) -> Array:
    _, ufunc, identity = COMBINES[combine]
    wide = _wide(x.dtype)
    line = np.flip(x, axis) if reverse else x
    with np.errstate(all="ignore"):
        out = ufunc.accumulate(line.astype(wide, copy=False), axis, dtype=wide)
    if exclusive:
        first = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), identity(as_dtype(x.dtype)), wide)
        out = np.concatenate([first, out], axis)[(slice(None),) * axis + (slice(x.shape[axis]),)]
    return np.ascontiguousarray(np.flip(out, axis) if reverse else out).astype(x.dtype, copy=False)


def _vjp(ct: Any, out: Any, x: Any, axis: int, combine: str, exclusive: bool, reverse: bool) -> tuple[Any]:
    """A total reaches its element by `own`, and the total before it by `past`; so what reaches a total in all is its
    cotangent plus `past` times what reaches the next."""
    if combine == "add":
        return (p.cumulate(ct, axis=axis, combine="add", exclusive=exclusive, reverse=not reverse),)
    if exclusive:
        before, after = out, p.cumulate(x, axis=axis, combine=combine, exclusive=False, reverse=reverse)
        ct = _before(ct, axis, not reverse, 0)
    else:
        before, after = _before(out, axis, reverse, COMBINES[combine][2](ir_type(x).dtype)), out
    own, past = _SLOPES[combine](before, x, after)
    reaching = p.recurrence(_before(past, axis, not reverse, 0), ct, axis=axis, reverse=not reverse)
    return (p.mul(reaching, own),)


def _product_slopes(before: Any, x: Any, after: Any) -> tuple[Any, Any]:
    return conj(before), conj(x)


def _softmax_slopes(before: Any, x: Any, after: Any) -> tuple[Any, Any]:
    nothing = p.eq(after, scalar_like(after, -np.inf))
    top = p.select(nothing, scalar_like(after, 0), after)
    return p.exp(p.sub(x, top)), p.exp(p.sub(before, top))


def _extreme_slopes(stays: str) -> Callable[..., tuple[Any, Any]]:
    def slopes(before: Any, x: Any, after: Any) -> tuple[Any, Any]:
        kept, zero, one = getattr(p, stays)(x, before), scalar_like(x, 0), scalar_like(x, 1)
        return p.select(kept, zero, one), p.select(kept, one, zero)

    return slopes


_SLOPES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "mul": _product_slopes, "logaddexp": _softmax_slopes, "max": _extreme_slopes("le"), "min": _extreme_slopes("ge"),
}  # fmt: skip


def _along(operands: str, axis: int, combine: str, exclusive: bool = False, reverse: bool = False) -> Sample:
    attrs = {"axis": axis, "combine": combine, "exclusive": exclusive, "reverse": reverse}
    begins_finite = not exclusive or combine in ("add", "mul")
    return Sample(operands, attrs, grad=begins_finite)


cumulate = Op(
    "cumulate", "running totals along an axis", _infer, _ref, _vjp, Kernel("scan"),
    attrs=("axis", "combine", "exclusive", "reverse"),
    constraints=(
        "the combine is one there is", "the dtype is one it is defined for", "the axis is one of the operand's",
    ),
    samples=(
        *(_along("f32[3, 4]", 1, c, e, r) for c in COMBINES for e in (False, True) for r in (False, True)),
        *(_along("f32[2, 3, 2]", 1, c) for c in COMBINES), _along("c64[4]", 0, "mul"),
        _along("c64[4]", 0, "mul", True, True), _along("i32[3, 4]", 0, "mul"), _along("i8[5]", 0, "max", True),
        _along("f32[0, 2]", 0, "add", True),
        _along("f32[2, 0]", 1, "mul", True, True), _along("f32[1]", 0, "logaddexp", True),
        Sample("f32[4]", {"axis": 0, "combine": "mul", "exclusive": False, "reverse": False}, values=([0, 2, 0, 3],)),
    ),
)  # fmt: skip


# ---- the recurrence --------------------------------------------------------------------------------------------------


def _recurrence_infer(a: TensorType, b: TensorType, axis: int, reverse: bool) -> TensorType:
    check_dtype(recurrence, a.dtype, dt.NUMERIC, 1)
    if b.dtype is not a.dtype:
        message = dt.mismatch(1, b.dtype, 0, a.dtype)
        raise recurrence.violated(2, message, "dtype")
    _check_axis(recurrence, a, axis, 3)
    if a.shape is None or b.shape is None:
        return a if b.shape is None else b
    if len(a.shape) != len(b.shape) or not all(map(same, a.shape, b.shape)):
        raise recurrence.violated(4, f"operand 1 is {b}, expected the shape of {a}")
    return a


def _recurrence_ref(a: Array, b: Array, axis: int, reverse: bool) -> Array:
    wide = _wide(a.dtype)
    factors, terms = (np.moveaxis(x.astype(wide, copy=False), axis, 0) for x in (a, b))
    out = np.empty(factors.shape, wide)
    y = np.zeros(factors.shape[1:], wide)
    with np.errstate(all="ignore"):
        for k in range(len(out))[:: -1 if reverse else 1]:
            y = factors[k] * y + terms[k]
            out[k] = y
    return np.ascontiguousarray(np.moveaxis(out, 0, axis)).astype(a.dtype, copy=False)


def _recurrence_vjp(ct: Any, out: Any, a: Any, b: Any, axis: int, reverse: bool) -> tuple[Any, Any]:
    factors = _before(conj(a), axis, not reverse, 0)
    reaching = p.recurrence(factors, ct, axis=axis, reverse=not reverse)
    return p.mul(reaching, conj(_before(out, axis, reverse, 0))), reaching


recurrence = Op(
    "recurrence", "y with y[k] = a[k] · y[k-1] + b[k] along an axis, from 0", _recurrence_infer, _recurrence_ref,
    _recurrence_vjp, Kernel("recurrence"), arity=2, attrs=("axis", "reverse"),
    constraints=(
        "the dtype is one of numbers", "both operands have the same dtype", "the axis is one of the operands'",
        "both operands have the same shape",
    ),
    samples=(
        Sample("f32[3, 4] f32[3, 4]", {"axis": 1, "reverse": False}),
        Sample("f32[3, 4] f32[3, 4]", {"axis": 0, "reverse": True}),
        Sample("c64[2, 3, 2] c64[2, 3, 2]", {"axis": 1, "reverse": False}),
        Sample("f32[0] f32[0]", {"axis": 0, "reverse": False}), Sample("i32[4] i32[4]", {"axis": 0, "reverse": True}),
    ),
)  # fmt: skip
