"""Reductions: sums, means, extremes and their positions, cumulative and segment sums.

Invariant: `axis` counts from either end, None means all; `keepdims` leaves reduced axes at size 1. Entry points: the
`tf.math` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred, deferred_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.op import Op
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.reduce import kept
from graphtf.refusal import failed, wrong_dtype
from graphtf.sizes import as_axes, as_axis, is_known, shape_vector
from graphtf.tensor import Tensor


def _reduced(op: Op, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """Apply a reduction op; `axis` as TensorFlow takes it."""
    if axis is None and not keepdims and (shape := x.ir_shape) is not None:  # the most common, in less time
        every: Tensor = op(x, axes=tuple(range(len(shape))))
        return every
    if not _is_static(x, axis):
        return _put_off(lambda t, *k: _reduced(op, t, *k or (None,), keepdims), x, axis, keepdims)
    if isinstance(axis, (list, tuple)) and not axis and not is_tensor_like(axis):
        axes: tuple[int, ...] = ()
    else:
        axes = as_axes(axis, len(x.ir_type.dims), op.name)
    out: Tensor = op(x, axes=axes)
    return p.reshape(out, shape=kept(x.ir_type.dims, axes)) if keepdims else out


def _is_static(x: Tensor, axis: Any) -> bool:
    """Are the rank, and the axes, known now?"""
    return x.ir_type.shape is not None and (axis is None or is_known(axis))


def _put_off(function: Any, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """A reduction of whose axes, or rank, only run time knows: function(x) or function(x, axis)."""
    rank = x.shape.rank
    if axis is None:
        (out,) = deferred(function, [x], [x.dtype], [None if keepdims else ()])
        return out
    at = convert_to_tensor(axis)
    fewer = at.shape.num_elements()
    left = None if rank is None or fewer is None else rank - (0 if keepdims else fewer)
    return deferred_like(function, [x, at], x, None if left is None or left < 0 else (None,) * left)


def reduce_sum(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The sum over axes. Raises InvalidArgumentError (tracing: ValueError) for a bad axis or dtype.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_sum.

    >>> reduce_sum([[1, 2], [3, 4]], axis=0)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([4, 6], dtype=int32)>
    """
    return _reduced(p.reduce_sum, convert_to_tensor(input_tensor), axis, keepdims)


def reduce_prod(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The product over axes. Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_prod.

    >>> reduce_prod([[1, 2], [3, 4]])
    <tf.Tensor: shape=(), dtype=int32, numpy=24>
    """
    return _reduced(p.reduce_prod, convert_to_tensor(input_tensor), axis, keepdims)


def reduce_max(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The largest element along axes. Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_max.

    >>> reduce_max([[1, 2], [3, 4]], axis=1, keepdims=True)
    <tf.Tensor: shape=(2, 1), dtype=int32, numpy=
    array([[2],
           [4]], dtype=int32)>
    """
    return _reduced(p.reduce_max, convert_to_tensor(input_tensor), axis, keepdims)


def reduce_min(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The smallest element along axes. Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_min.

    >>> reduce_min([[1, 2], [3, 4]])
    <tf.Tensor: shape=(), dtype=int32, numpy=1>
    """
    return _reduced(p.reduce_min, convert_to_tensor(input_tensor), axis, keepdims)


def _logical(op: Op, input_tensor: Any, axis: Any, keepdims: bool) -> Tensor:
    x = convert_to_tensor(input_tensor, None if is_tensor_like(input_tensor) else dt.bool_)
    if not x.dtype.is_bool:
        raise wrong_dtype(op.name, f"expected a bool tensor, got {x.dtype.name}")
    return _reduced(op, x, axis, keepdims)


def reduce_any(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Is some element along axes true? Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_any.

    >>> reduce_any([[True, False], [False, False]], axis=1)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return _logical(p.reduce_any, input_tensor, axis, keepdims)


def reduce_all(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Are all elements along axes true? Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_all.

    >>> reduce_all([[True, True], [False, True]], axis=1)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return _logical(p.reduce_all, input_tensor, axis, keepdims)


def _count(x: Tensor, axis: Any) -> Tensor:
    """How many elements are reduced, in the dtype of x."""
    dims = x.ir_type.dims
    count = product(dims[k] for k in as_axes(axis, len(dims), "reduce_mean"))
    if isinstance(count, int):
        return scalar_like(x, count)
    return p.cast(p.reshape(shape_vector((count,), dt.int64), shape=()), dtype=x.dtype)


def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The mean over axes; integers are divided as integers, no elements give NaN.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_mean.

    >>> reduce_mean([[1., 2.], [3., 4.]])
    <tf.Tensor: shape=(), dtype=float32, numpy=2.5>
    """
    x = convert_to_tensor(input_tensor)
    if not x.dtype.is_numeric:
        raise wrong_dtype("reduce_mean", f"expected numbers, got {x.dtype.name}")
    if not _is_static(x, axis):
        return _put_off(lambda t, *k: reduce_mean(t, *k or (None,), keepdims), x, axis, keepdims)
    if axis is not None and isinstance(axis, (list, tuple)) and not axis:
        return p.reduce_sum(x, axes=())
    if x.dtype.is_inexact:
        return p.div(_reduced(p.reduce_sum, x, axis, keepdims), _count(x, axis))
    wide = p.cast(x, dtype=dt.int64)  # where the sum does not wrap around
    return p.cast(p.truncdiv(_reduced(p.reduce_sum, wide, axis, keepdims), _count(wide, axis)), dtype=x.dtype)


def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The mean of |x - mean|². Raises TypeError for integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_variance.

    >>> reduce_variance([1., 2., 3., 4.])
    <tf.Tensor: shape=(), dtype=float32, numpy=1.25>
    """
    x = convert_to_tensor(input_tensor)
    if x.dtype.is_integer:
        raise TypeError(f"Input must be either real or complex. Received integer type {x.dtype}.")
    if not _is_static(x, axis):
        return _put_off(lambda t, *k: reduce_variance(t, *k or (None,), keepdims), x, axis, keepdims)
    gap = p.sub(x, reduce_mean(x, axis, keepdims=True))
    squares = p.real(p.mul(p.conj(gap), gap)) if x.dtype.is_complex else p.mul(gap, gap)
    return reduce_mean(squares, axis, keepdims)


def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The square root of `reduce_variance`. Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_std.

    >>> reduce_std([1., 3.])
    <tf.Tensor: shape=(), dtype=float32, numpy=1.0>
    """
    return p.sqrt(reduce_variance(input_tensor, axis, keepdims))


def reduce_euclidean_norm(
    input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """√Σ|x|². Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_euclidean_norm.

    >>> reduce_euclidean_norm([3., 4.])
    <tf.Tensor: shape=(), dtype=float32, numpy=5.0>
    """
    x = convert_to_tensor(input_tensor)
    wide = x if x.dtype.is_inexact else p.cast(x, dtype=dt.float64)
    squares = p.mul(wide, p.conj(wide)) if x.dtype.is_complex else p.mul(wide, wide)
    norm = p.sqrt(_reduced(p.reduce_sum, squares, axis, keepdims))
    return p.cast(norm, dtype=x.dtype)


def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """log Σ eˣ, without overflow. Follows https://www.tensorflow.org/api_docs/python/tf/math/reduce_logsumexp.

    >>> reduce_logsumexp([0., 0.])
    <tf.Tensor: shape=(), dtype=float32, numpy=0.6931472>
    """
    x = convert_to_tensor(input_tensor)
    if not _is_static(x, axis):
        return _put_off(lambda t, *k: reduce_logsumexp(t, *k or (None,), keepdims), x, axis, keepdims)
    top = _reduced(p.reduce_max, x, axis, True)
    peak = p.stop_gradient(p.select(p.isfinite(top), top, scalar_like(top, 0)))
    logs = p.add(p.log(_reduced(p.reduce_sum, p.exp(p.sub(x, peak)), axis, True)), peak)
    if keepdims:
        return logs
    axes = as_axes(axis, len(x.ir_type.dims), "reduce_logsumexp")
    return p.reshape(logs, shape=tuple(d for k, d in enumerate(x.ir_type.dims) if k not in axes))


def count_nonzero(
    input: Any, axis: Any = None, keepdims: bool | None = None, dtype: Any = dt.int64, name: str | None = None
) -> Tensor:
    """How many elements along axes are not zero (for strings: not empty).

    Follows https://www.tensorflow.org/api_docs/python/tf/math/count_nonzero.

    >>> count_nonzero([[0, 1], [2, 3]], axis=1)
    <tf.Tensor: shape=(2,), dtype=int64, numpy=array([1, 2])>
    """
    x = convert_to_tensor(input)
    nonzero = x if x.dtype.is_bool else p.ne(x, convert_to_tensor(b"" if x.dtype is dt.string else 0, x.dtype))
    counts = _reduced(p.reduce_sum, p.cast(nonzero, dtype=dt.int64), axis, bool(keepdims))
    return p.cast(counts, dtype=as_dtype(dtype))


_POSITION_TYPES = {"argmax": (dt.int16, dt.uint16, dt.int32, dt.int64), "argmin": (dt.int32, dt.int64)}


def _position(op: Op, input: Any, axis: Any, output_type: Any) -> Tensor:
    x, wanted = convert_to_tensor(input), as_dtype(output_type)
    if x.dtype.is_complex:
        raise wrong_dtype(op.name, f"expected real numbers, got {x.dtype.name}")
    if wanted not in _POSITION_TYPES[op.name]:
        raise wrong_dtype(op.name, f"output_type must be an integer type, got {wanted.name}")
    if axis is not None and not _is_static(x, axis):
        left = None if x.shape.rank is None else (None,) * (x.shape.rank - 1)
        at = convert_to_tensor(axis)
        (found,) = deferred(lambda t, k: _position(op, t, k, wanted), [x, at], [wanted], [left])
        return found
    k = as_axis(0 if axis is None else axis, len(x.ir_type.dims), op.name, late=True)
    if x.ir_type.dims[k] == 0 and x.shape.num_elements() == 0 and product(_without(x.ir_type.dims, k)) != 0:
        raise failed(op.name, f"Reduction axis {k} is empty in shape {x.shape}")
    out = op(x, axis=k, dtype=dt.int32 if wanted is dt.int32 else dt.int64)
    return p.cast(out, dtype=wanted) if out.dtype is not wanted else out


def _without(dims: Any, k: int) -> Any:
    return (*dims[:k], *dims[k + 1 :])


def argmax(input: Any, axis: Any = None, output_type: Any = dt.int64, name: str | None = None) -> Tensor:
    """The position of the (first) largest element along an axis, by default axis 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/argmax.

    >>> argmax([2, 20, 30, 3])
    <tf.Tensor: shape=(), dtype=int64, numpy=2>
    """
    return _position(p.argmax, input, axis, output_type)


def argmin(input: Any, axis: Any = None, output_type: Any = dt.int64, name: str | None = None) -> Tensor:
    """The position of the (first) smallest element along an axis, by default axis 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/argmin.

    >>> argmin([2, 20, 1, 3])
    <tf.Tensor: shape=(), dtype=int64, numpy=2>
    """
    return _position(p.argmin, input, axis, output_type)


def _cumulated(x: Any, axis: Any, combine: str, exclusive: bool, reverse: bool) -> Tensor:
    x = convert_to_tensor(x)
    if not _is_static(x, axis):
        at, shape = convert_to_tensor(axis), x.ir_type.shape
        return deferred_like(lambda t, k: _cumulated(t, k, combine, exclusive, reverse), [x, at], x, shape)
    k = as_axis(axis, len(x.ir_type.dims), f"cumulative {combine}", late=True)
    return p.cumulate(x, axis=k, combine=combine, exclusive=bool(exclusive), reverse=bool(reverse))


def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running sums along an axis. Follows https://www.tensorflow.org/api_docs/python/tf/math/cumsum.

    >>> cumsum([1, 2, 3])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 3, 6], dtype=int32)>
    """
    return _cumulated(x, axis, "add", exclusive, reverse)


def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running products along an axis. Follows https://www.tensorflow.org/api_docs/python/tf/math/cumprod.

    >>> cumprod([1, 2, 3])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 6], dtype=int32)>
    """
    return _cumulated(x, axis, "mul", exclusive, reverse)


def cumulative_logsumexp(
    x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """Running log Σ eˣ along an axis. Follows https://www.tensorflow.org/api_docs/python/tf/math/cumulative_logsumexp.

    >>> cumulative_logsumexp([0., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.       , 0.6931472], dtype=float32)>
    """
    return _cumulated(x, axis, "logaddexp", exclusive, reverse)


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are zero, as float32. Follows
    https://www.tensorflow.org/api_docs/python/tf/math/zero_fraction.

    >>> zero_fraction([0, 1, 0, 3])
    <tf.Tensor: shape=(), dtype=float32, numpy=0.5>
    """
    x = convert_to_tensor(value)
    zeros = p.cast(p.eq(x, scalar_like(x, 0)), dtype=dt.float32)
    return reduce_mean(zeros)
