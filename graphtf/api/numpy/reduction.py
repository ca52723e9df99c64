"""Reductions of `tf.experimental.numpy`: sums, products, means, extremes, cumulative ones.

Invariant: sums and products of narrow integers are int64, means of integers float64. Functions follow
https://www.tensorflow.org/api_docs/python/tf/experimental/numpy. Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import reduce, selection, shaping
from graphtf.api.numpy.arrays import asarray, diagonal, floats, ones_like, promoted
from graphtf.api.numpy.elementwise import _truth, isclose, isnan
from graphtf.api.numpy.elementwise import where as where_
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor

Array = Tensor
_TO_INT64 = (dt.bool_, dt.int8, dt.int16, dt.int32, dt.uint8, dt.uint16, dt.uint32)


def _widened(a: Any, dtype: Any) -> Tensor:
    """The operand of a sum or product."""
    x = asarray(a)
    if dtype is not None:
        return x if x.dtype is as_dtype(dtype) else p.cast(x, dtype=as_dtype(dtype))
    return p.cast(x, dtype=dt.int64) if x.dtype in _TO_INT64 else x


def _axis(axis: Any) -> Any:
    return list(axis) if isinstance(axis, tuple) else axis


def sum(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = None) -> Array:
    return reduce.reduce_sum(_widened(a, dtype), _axis(axis), bool(keepdims))


def prod(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = None) -> Array:
    return reduce.reduce_prod(_widened(a, dtype), _axis(axis), bool(keepdims))


def max(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    x = asarray(a)
    return (reduce.reduce_any if x.dtype.is_bool else reduce.reduce_max)(x, _axis(axis), bool(keepdims))


def min(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    x = asarray(a)
    return (reduce.reduce_all if x.dtype.is_bool else reduce.reduce_min)(x, _axis(axis), bool(keepdims))


def amax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = None) -> Array:
    return max(a, axis, keepdims)


def amin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = None) -> Array:
    return min(a, axis, keepdims)


def ptp(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    """The largest minus the smallest."""
    return p.sub(max(a, axis, keepdims), min(a, axis, keepdims))


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = None) -> Array:
    x = floats(a)[0] if dtype is None else asarray(a, as_dtype(dtype))
    return reduce.reduce_mean(x, _axis(axis), bool(keepdims))


def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: Any = None
) -> Array:
    """The mean squared distance from the mean, over n - ddof."""
    x = floats(a)[0] if dtype is None else asarray(a, as_dtype(dtype))
    found = reduce.reduce_variance(x, _axis(axis), bool(keepdims))
    if not ddof:
        return found
    count = p.cast(_number(x, axis), dtype=found.dtype)
    return p.div(p.mul(found, count), p.sub(count, scalar_like(count, ddof)))


def _number(x: Tensor, axis: Any) -> Tensor:
    """How many elements a reduction joins."""
    ones = ones_like(x, "int64")
    total = reduce.reduce_sum(ones, _axis(axis), True)
    return p.reduce_max(total, axes=tuple(range(len(total.ir_type.dims))))


def std(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    return reduce.reduce_std(floats(a)[0], _axis(axis), bool(keepdims))


def any(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    return reduce.reduce_any(_truth(a), _axis(axis), bool(keepdims))


def all(a: Any, axis: Any = None, keepdims: Any = None) -> Array:
    return reduce.reduce_all(_truth(a), _axis(axis), bool(keepdims))


def allclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    return all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: Any, a2: Any) -> Array:
    """Are shapes and all elements equal?"""
    x, y = promoted(a1, a2)
    if not x.shape.is_compatible_with(y.shape):
        return asarray(False)
    held = p.eq(x, y)
    return p.reduce_all(held, axes=tuple(range(len(held.ir_type.dims))))


def count_nonzero(a: Any, axis: Any = None) -> Array:
    return reduce.count_nonzero(asarray(a), _axis(axis))


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False) -> Any:
    """The weighted mean; with `returned`, also the sum of weights."""
    if axis is not None and not isinstance(axis, int):
        raise ValueError(f"Argument `axis` must be an integer. Received axis={axis}")
    (x,) = floats(a)
    if weights is None:
        found = reduce.reduce_mean(x, axis)
        total = p.cast(_number(x, axis), dtype=x.dtype)
        return (found, shaping.broadcast_to(total, shaping.shape(found))) if returned else found
    x, w = floats(x, weights)
    if w.ir_type.dims != x.ir_type.dims:
        if axis is None or len(w.ir_type.dims) != 1:
            raise ValueError("1D weights expected, and an axis, when the shapes of a and weights differ")
        rank = len(x.ir_type.dims)
        w = p.reshape(w, shape=tuple(w.ir_type.dims[0] if k == axis % rank else 1 for k in range(rank)))
        w = p.broadcast(w, shape=x.ir_type.dims)
    total = reduce.reduce_sum(w, axis)
    found = p.div(reduce.reduce_sum(p.mul(x, w), axis), total)
    return (found, total) if returned else found


def _without_nans(a: Any, value: int) -> Tensor:
    x = asarray(a)
    return where_(isnan(x), scalar_like(x, value), x) if x.dtype.is_floating else x


def nansum(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    return sum(_without_nans(a, 0), axis, dtype, keepdims)


def nanprod(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    return prod(_without_nans(a, 1), axis, dtype, keepdims)


def nanmean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = None) -> Array:
    x = asarray(a)
    if not x.dtype.is_floating:
        return mean(x, axis, dtype, None, keepdims)
    number = reduce.reduce_sum(p.cast(p.logical_not(isnan(x)), dtype=x.dtype), _axis(axis), bool(keepdims))
    return p.div(nansum(x, axis, dtype, bool(keepdims)), number)


def argmax(a: Any, axis: Any = None) -> Array:
    return _place(a, axis, reduce.argmax)


def argmin(a: Any, axis: Any = None) -> Array:
    return _place(a, axis, reduce.argmin)


def _place(a: Any, axis: Any, function: Any) -> Array:
    x = asarray(a)
    x = p.cast(x, dtype=dt.int32) if x.dtype.is_bool else x
    if axis is None or not x.ir_type.dims:
        return function(shaping.reshape(x, [-1]), 0)  # type: ignore[no-any-return]
    return function(x, axis)  # type: ignore[no-any-return]


def cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Array:
    x = _widened(a, dtype)
    return reduce.cumsum(shaping.reshape(x, [-1]) if axis is None else x, 0 if axis is None else axis)


def cumprod(a: Any, axis: Any = None, dtype: Any = None) -> Array:
    x = _widened(a, dtype)
    return reduce.cumprod(shaping.reshape(x, [-1]) if axis is None else x, 0 if axis is None else axis)


def sort(a: Any, axis: Any = -1, kind: str = "quicksort", order: Any = None) -> Array:
    """The elements along an axis (of the flattened array if None) in order."""
    if kind not in ("quicksort", "stable") or order is not None:
        raise ValueError(f"Invalid value for argument `kind` or `order`: {kind}, {order}")
    x = asarray(a)
    return selection.sort(shaping.reshape(x, [-1]), 0) if axis is None else selection.sort(x, axis)


def argsort(a: Any, axis: Any = -1, kind: str = "quicksort", order: Any = None) -> Array:
    """The positions that put the elements along an axis in order."""
    if kind not in ("quicksort", "stable") or order is not None:
        raise ValueError(f"Invalid value for argument `kind` or `order`: {kind}, {order}")
    x = asarray(a)
    found = selection.argsort(shaping.reshape(x, [-1]), 0) if axis is None else selection.argsort(x, axis)
    return p.cast(found, dtype=dt.int64)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype)
