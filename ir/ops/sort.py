"""Elements in order along an axis, and where they come from.

Invariant: equal elements keep their order, in either direction, and NaN comes last (TensorFlow leaves its place open).
Entry points: `sort`, `argsort`, `top_k`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, minimum, nonnegative, product, same
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.op import Kernel, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.index import row_numbers
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.reduce import ORDERED
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

_DTYPE = "the dtype is one of real numbers or bool"
_AXIS = "the axis is one of the operand's"


def _order(x: Array, axis: int, descending: bool) -> Array:
    """Positions along an axis, in order."""
    if x.dtype.itemsize == 2 and x.dtype.kind not in "iu":
        x = x.astype(np.float32)
    if not descending:
        return np.argsort(x, axis, kind="stable")
    unknown = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    ranks = np.unique(x, return_inverse=True)[1].reshape(x.shape).astype(np.int64)  # so that they can be negated
    return np.argsort(np.where(unknown, 1, -ranks), axis, kind="stable")


def _check(op: Op, x: TensorType, axis: int) -> None:
    check_dtype(op, x.dtype, ORDERED, 1)
    if x.shape is not None and not 0 <= axis < len(x.shape):
        raise op.violated(2, f"attribute axis is {axis}, expected an axis of {x}")


def _scattered(ct: Any, positions: Any, size: Dim) -> Any:
    """Zeros [*batch, size] with the elements of ct [*batch, k] at positions along the last axis."""
    *batch, k = ir_type(ct).dims
    count, rows = product((*batch, k)), product(batch)
    at = p.reshape(row_numbers(positions, tuple(batch), size), shape=(count, 1))
    zeros = p.broadcast(scalar_like(ct, 0), shape=(rows * size,))
    return p.reshape(p.scatter(zeros, at, p.reshape(ct, shape=(count,)), combine="add"), shape=(*batch, size))


# ---- sort ------------------------------------------------------------------------------------------------------------


def _sort_infer(x: TensorType, axis: int, descending: bool) -> TensorType:
    _check(sort, x, axis)
    return x


def _sort_vjp(ct: Any, out: Any, x: Any, axis: int, descending: bool) -> tuple[Any]:
    """Each cotangent goes back to where its element came from."""
    dims = ir_type(x).dims
    swap = list(range(len(dims)))
    swap[axis], swap[-1] = swap[-1], swap[axis]
    order = p.argsort(x, axis=axis, descending=descending, stable=True)
    back = _scattered(p.transpose(ct, perm=tuple(swap)), p.transpose(order, perm=tuple(swap)), dims[axis])
    return (p.transpose(back, perm=tuple(swap)),)


_NAN = float("nan")
_MIXED = [2, _NAN, -1, 2, 0, _NAN, -1]
sort = Op(
    "sort", "the elements along an axis in ascending or descending order", _sort_infer,
    lambda x, axis, descending: np.take_along_axis(x, _order(x, axis, descending), axis), _sort_vjp, Kernel("sort"),
    attrs=("axis", "descending"), constraints=(_DTYPE, _AXIS),
    samples=(
        Sample("f32[3, 5]", {"axis": 1, "descending": False}), Sample("f32[4, 3]", {"axis": 0, "descending": True}),
        Sample("f32[2, 5, 3]", {"axis": 1, "descending": True}), Sample("i32[7]", {"axis": 0, "descending": True}),
        Sample("f32[7]", {"axis": 0, "descending": False}, values=(_MIXED,), grad=False),
        Sample("f32[7]", {"axis": 0, "descending": True}, values=(_MIXED,), grad=False),
        Sample("f32[0, 2]", {"axis": 0, "descending": False}), Sample("u8[5]", {"axis": 0, "descending": True}, 0, 255),
    ),
)  # fmt: skip


def _argsort_infer(x: TensorType, axis: int, descending: bool, stable: bool) -> TensorType:
    _check(argsort, x, axis)
    return x.with_dtype(dt.int32)


argsort = Op(
    "argsort", "the positions of the elements along an axis, in their order; stable whether asked for or not",
    _argsort_infer, lambda x, axis, descending, stable: _order(x, axis, descending).astype(np.int32), None,
    Kernel("argsort"), attrs=("axis", "descending", "stable"), constraints=(_DTYPE, _AXIS), traits=Trait.ZERO_GRADIENT,
    samples=(
        Sample("f32[3, 5]", {"axis": 1, "descending": False, "stable": True}),
        Sample("i32[4, 3]", {"axis": 0, "descending": True, "stable": True}, 0, 2),
        Sample("f32[7]", {"axis": 0, "descending": True, "stable": False}, values=(_MIXED,)),
        Sample("bool[6]", {"axis": 0, "descending": True, "stable": True}),
        Sample("f32[2, 0]", {"axis": 1, "descending": False, "stable": True}),
    ),
)  # fmt: skip


# ---- top_k -----------------------------------------------------------------------------------------------------------


def _top_k_infer(x: TensorType, k: Dim, sorted: bool) -> tuple[TensorType, TensorType]:
    check_dtype(top_k, x.dtype, ORDERED, 1)
    if x.shape is None:
        return x, x.with_dtype(dt.int32)
    if not x.shape:
        raise top_k.violated(2, f"the operand is {x}, expected at least one axis")
    if not nonnegative(k) or not same(minimum(k, x.shape[-1]), k):
        raise top_k.violated(3, f"input must have at least k columns. Had {x.shape[-1]}, needed {k}")
    found = (*x.shape[:-1], k)
    return TensorType(x.dtype, found), TensorType(dt.int32, found)


def _top_k_ref(x: Array, k: int, sorted: bool) -> tuple[Array, Array]:
    if k > x.shape[-1]:
        message = f"input must have at least k columns. Had {x.shape[-1]}, needed {k}"
        raise InvalidArgumentError(None, None, message)
    order = np.ascontiguousarray(_order(x, -1, True)[..., :k])
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


def _top_k_vjp(ct: tuple[Any, Any], out: tuple[Any, Any], x: Any, k: Dim, sorted: bool) -> tuple[Any]:
    return (None if ct[0] is None else _scattered(ct[0], out[1], ir_type(x).dims[-1]),)


top_k = Op(
    "top_k", "the k largest elements of the last axis in descending order, asked for or not, and where they are",
    _top_k_infer, _top_k_ref, _top_k_vjp, Kernel("top_k"), attrs=("k", "sorted"), results=2,
    constraints=(_DTYPE, "the operand has an axis", "the last axis holds at least k elements"),
    samples=(
        Sample("f32[3, 5]", {"k": 2, "sorted": True}), Sample("f32[2, 2, 4]", {"k": 4, "sorted": False}),
        Sample("i32[9]", {"k": 5, "sorted": True}, 0, 3), Sample("f32[3]", {"k": 0, "sorted": True}),
        Sample("f32[7]", {"k": 6, "sorted": True}, values=(_MIXED,), grad=False),
        Sample("f32[2, 0]", {"k": 0, "sorted": True}),
    ),
)  # fmt: skip
