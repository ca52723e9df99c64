"""Sums and extremes of segments: rows that bear one number; counts of numbers, and confusion matrices.

Invariant: everything is one scatter into rows that begin with the identity of the combination; rows with negative
numbers are dropped where TensorFlow drops them. Entry points: the `tf.math` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.arithmetic import truediv
from graphtf.composite import SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ragged_tensor import RaggedTensor, count_dim
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.run_time import named_size
from graphtf.sizes import as_size
from graphtf.tensor import EagerTensor, Tensor

_IDENTITIES = {"add": lambda d: 0, "mul": lambda d: 1, "max": lambda d: d.min, "min": lambda d: d.max}


def _scattered(data: Tensor, ids: Tensor, count: Dim, combine: str) -> Tensor:
    """`count` rows, each the combination of the rows of data with its number. Negative numbers count nowhere."""
    lead, rest = ids.ir_type.dims, data.ir_type.dims[len(ids.ir_type.dims) :]
    rows = p.reshape(data, shape=(product(lead), *rest))
    flat = p.reshape(p.cast(ids, dtype=dt.int64), shape=(product(lead),))
    nowhere = _scalar(count, flat)
    beyond = p.add(nowhere, scalar_like(flat, 1))  # too large a number is to be refused, by scatter
    inside = p.select(p.ge(flat, nowhere), beyond, flat)
    at = p.select(p.lt(flat, scalar_like(flat, 0)), nowhere, inside)
    start = p.broadcast(scalar_like(data, _IDENTITIES[combine](data.dtype)), shape=(count + 1, *rest))
    full = p.scatter(start, p.reshape(at, shape=(product(lead), 1)), rows, combine=combine)
    return _first_rows(full, count)


def _scalar(size: Dim, like: Tensor) -> Tensor:
    if isinstance(size, int):
        return scalar_like(like, size)
    return p.cast(p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=()), dtype=like.dtype)


def _first_rows(x: Tensor, count: Dim) -> Tensor:
    dims = x.ir_type.dims
    return p.slice(x, starts=(0,) * len(dims), limits=(count, *dims[1:]), strides=(1,) * len(dims))


def _counted(ids: Tensor, count: Dim, dtype: dt.DType) -> Tensor:
    ones = p.broadcast(convert_to_tensor(1, dtype), shape=ids.ir_type.dims)
    return _scattered(ones, ids, count, "add")


def _across(per_row: Tensor, like: Tensor) -> Tensor:
    """A value for each row, of a rank that it broadcasts along the rows of `like`."""
    dims = per_row.ir_type.dims
    return p.reshape(per_row, shape=(*dims, *(1,) * (len(like.ir_type.dims) - 1)))


def _at_least_one(counts: Tensor) -> Tensor:
    return p.maximum(counts, scalar_like(counts, 1))


# ---- unsorted --------------------------------------------------------------------------------------------------------


def _ids(segment_ids: Any, name: str) -> Tensor:
    """The numbers of rows. Raises the mode's error for what are no integers."""
    ids = convert_to_tensor(segment_ids)
    if ids.dtype not in (dt.int32, dt.int64):
        raise wrong_dtype(name, f"segment_ids must be int32 or int64, got {ids.dtype.name}")
    return ids


def _unsorted(data: Any, segment_ids: Any, num_segments: Any, combine: str, name: str) -> tuple[Tensor, Tensor, Dim]:
    x, ids = convert_to_tensor(data), _ids(segment_ids, name)
    lead = ids.shape.rank
    if not x.shape[:lead].is_compatible_with(ids.shape):
        raise invalid(name, f"data.shape = {x.shape} does not start with segment_ids.shape = {ids.shape}")
    size = as_size(num_segments, name)
    count = named_size(convert_to_tensor(num_segments)) if size is None else size
    if isinstance(count, int) and count < 0:
        raise invalid(name, f"Input num_segments == {count} must not be negative.")
    return _scattered(x, ids, count, combine), ids, count


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sums of the rows with each number from 0 to `num_segments`; those with negative numbers are dropped.

    Raises InvalidArgumentError for a number too large or shapes that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_sum.

    >>> unsorted_segment_sum([1, 2, 3], [1, 0, 1], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 4], dtype=int32)>
    """
    return _unsorted(data, segment_ids, num_segments, "add", "unsorted_segment_sum")[0]


def unsorted_segment_prod(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """As `unsorted_segment_sum`, of products; 1 where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_prod.

    >>> unsorted_segment_prod([1, 2, 3], [1, 0, 1], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>
    """
    return _unsorted(data, segment_ids, num_segments, "mul", "unsorted_segment_prod")[0]


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """As `unsorted_segment_sum`, of the largest; the least number of the dtype where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_max.

    >>> unsorted_segment_max([1, 2, 3], [1, 0, 1], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>
    """
    return _unsorted(data, segment_ids, num_segments, "max", "unsorted_segment_max")[0]


def unsorted_segment_min(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """As `unsorted_segment_sum`, of the smallest; the largest number of the dtype where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_min.

    >>> unsorted_segment_min([1, 2, 3], [1, 0, 1], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 1], dtype=int32)>
    """
    return _unsorted(data, segment_ids, num_segments, "min", "unsorted_segment_min")[0]


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """As `unsorted_segment_sum`, of means; 0 where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_mean.

    >>> unsorted_segment_mean([1., 2., 3.], [1, 0, 1], 2)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([2., 2.], dtype=float32)>
    """
    total, ids, count = _unsorted(data, segment_ids, num_segments, "add", "unsorted_segment_mean")
    return truediv(total, _across(_at_least_one(_counted(ids, count, total.dtype)), total))


def _divided(x: Tensor, y: Tensor) -> Tensor:
    return p.div(x, y) if x.dtype.is_inexact else p.truncdiv(x, y)


def unsorted_segment_sqrt_n(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """As `unsorted_segment_sum`, divided by the square root of the number of rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/unsorted_segment_sqrt_n.

    >>> unsorted_segment_sqrt_n([1., 1., 1., 1.], [0, 0, 0, 0], 1)
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([2.], dtype=float32)>
    """
    total, ids, count = _unsorted(data, segment_ids, num_segments, "add", "unsorted_segment_sqrt_n")
    return p.div(total, _across(p.sqrt(_at_least_one(_counted(ids, count, total.dtype))), total))


# ---- sorted ----------------------------------------------------------------------------------------------------------


def sorted_rows(data: Any, segment_ids: Any, name: str) -> tuple[Tensor, Tensor, Dim]:
    """The operands, and the number of segments: one more than the last number."""
    x, ids = convert_to_tensor(data), _ids(segment_ids, name)
    if ids.shape.rank != 1:
        raise invalid(name, f"segment_ids must be a vector, got shape {ids.shape}")
    if not ids.shape.is_compatible_with(x.shape[:1]):
        raise failed(name, f"segment_ids should be the same size as dimension 0 of input: {ids.shape} and {x.shape}")
    if isinstance(ids, EagerTensor):
        numbers = ids._array
        if numbers.size and ((np.diff(numbers) < 0).any() or numbers[0] < 0):
            raise failed(name, f"segment ids are not increasing, or negative: {numbers.tolist()}")
        return x, ids, int(numbers[-1]) + 1 if numbers.size else 0
    (n,) = ids.ir_type.dims
    before = p.slice(p.pad(ids, scalar_like(ids, 0), low=(1,), high=(0,)), starts=(0,), limits=(n,), strides=(1,))
    assert_(p.reduce_all(p.ge(ids, before), axes=(0,)), message=f"{name}: segment ids are not increasing, or negative")
    wide = p.concat(scalar_row(ids, -1), ids, axis=0)
    return x, ids, named_size(p.add(p.reduce_max(wide, axes=(0,)), scalar_like(ids, 1)))


def scalar_row(like: Tensor, value: int) -> Tensor:
    """A vector of one number, of the dtype of a tensor."""
    return p.reshape(scalar_like(like, value), shape=(1,))


def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The sums of rows with one number; numbers increase from row to row.

    Raises InvalidArgumentError if they do not. Follows https://www.tensorflow.org/api_docs/python/tf/math/segment_sum.

    >>> segment_sum([1, 2, 3], [0, 0, 1])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([3, 3], dtype=int32)>
    """
    x, ids, count = sorted_rows(data, segment_ids, "segment_sum")
    return _scattered(x, ids, count, "add")


def segment_prod(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """As `segment_sum`, of products. Follows https://www.tensorflow.org/api_docs/python/tf/math/segment_prod.

    >>> segment_prod([1, 2, 3], [0, 0, 1])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>
    """
    x, ids, count = sorted_rows(data, segment_ids, "segment_prod")
    return _scattered(x, ids, count, "mul")


def segment_mean(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """As `segment_sum`, of means. Follows https://www.tensorflow.org/api_docs/python/tf/math/segment_mean.

    >>> segment_mean([1., 2., 3.], [0, 0, 1])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1.5, 3. ], dtype=float32)>
    """
    x, ids, count = sorted_rows(data, segment_ids, "segment_mean")
    total = _scattered(x, ids, count, "add")
    return _divided(total, _across(_at_least_one(_counted(ids, count, total.dtype)), total))


def _extreme(data: Any, segment_ids: Any, combine: str) -> Tensor:
    x, ids, count = sorted_rows(data, segment_ids, f"segment_{combine}")
    found = _scattered(x, ids, count, combine)
    empty = _across(p.eq(_counted(ids, count, dt.int32), convert_to_tensor(0)), found)
    return p.select(empty, scalar_like(found, 0), found)


def segment_max(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """As `segment_sum`, of the largest; 0 where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/segment_max.

    >>> segment_max([1, 2, 3], [0, 0, 1])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>
    """
    return _extreme(data, segment_ids, "max")


def segment_min(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """As `segment_sum`, of the smallest; 0 where there are no rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/segment_min.

    >>> segment_min([1, 2, 3], [0, 0, 1])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 3], dtype=int32)>
    """
    return _extreme(data, segment_ids, "min")


# ---- counts ----------------------------------------------------------------------------------------------------------


def bincount(
    arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = dt.int32,
    name: str | None = None, axis: int | None = None, binary_output: bool = False,
) -> Tensor:  # fmt: skip
    """How often each number from 0 occurs (or its weights added); with axis -1, in each row, be it ragged or sparse.

    Numbers from `maxlength` on are left out. Raises InvalidArgumentError for negative numbers or no integers. Follows
    https://www.tensorflow.org/api_docs/python/tf/math/bincount.

    >>> bincount([1, 1, 3])
    <tf.Tensor: shape=(4,), dtype=int32, numpy=array([0, 2, 0, 1], dtype=int32)>
    """
    if axis not in (None, 0, -1):
        raise ValueError(f"Unsupported value for argument axis={axis}. Only 0 and -1 are currently supported.")
    if weights is not None and binary_output:
        raise ValueError("Arguments `binary_output` and `weights` are mutually exclusive. Please specify only one.")
    x, row, height = _numbers_and_rows(arr, axis)
    if x.dtype not in (dt.int32, dt.int64):
        x = p.cast(x, dtype=dt.int32)
    count = _length(x, minlength, maxlength)
    numbers = _below(x, count)
    if row is None:
        numbers = p.reshape(numbers, shape=(product(x.ir_type.dims),))
    else:  # row i counts in its own stretch of places
        wide = p.cast(numbers, dtype=dt.int64)
        step = p.mul(row, _scalar(count, wide))
        numbers = p.select(p.lt(wide, scalar_like(wide, 0)), wide, p.add(wide, step))
    found = _weighed(numbers, _values_of(weights), height * count, as_dtype(dtype), binary_output)
    return found if row is None else p.reshape(found, shape=(height, count))


def _numbers_and_rows(arr: Any, axis: int | None) -> tuple[Tensor, Tensor | None, Dim]:
    """The numbers to count, and if each row counts its own, the row of each in int64 and how many rows there are."""
    if isinstance(arr, RaggedTensor):
        if axis != -1:
            return arr.flat_values, None, 1
        if arr.ragged_rank > 1:
            raise ValueError(f"bincount: expected rows of numbers, got a ragged tensor of shape {arr.shape}")
        return arr.values, p.cast(arr.value_rowids(), dtype=dt.int64), count_dim(arr)
    if isinstance(arr, SparseTensor):
        if axis != -1:
            return arr.values, None, 1
        height = arr.shape.as_list()[0]
        return arr.values, arr.indices[:, 0], named_size(arr.dense_shape[0]) if height is None else height
    x = convert_to_tensor(arr)
    if axis == -1 and x.shape.rank == 2:
        return x, p.iota(shape=x.ir_type.dims, axis=0, dtype=dt.int64), x.ir_type.dims[0]
    return x, None, 1


def _values_of(x: Any) -> Any:
    if isinstance(x, RaggedTensor):
        return x.flat_values
    return x.values if isinstance(x, SparseTensor) else x


def _weighed(numbers: Tensor, weights: Any, places: Dim, dtype: dt.DType, binary: bool) -> Tensor:
    if weights is None:
        counts = _counted(numbers, places, dtype)
        return p.minimum(counts, scalar_like(counts, 1)) if binary else counts
    w = convert_to_tensor(weights)
    return _scattered(p.reshape(w, shape=numbers.ir_type.dims), numbers, places, "add")


def _length(x: Tensor, minlength: Any, maxlength: Any) -> Dim:
    """How many numbers are counted."""
    if isinstance(x, EagerTensor):
        numbers = x._array
        if (numbers < 0).any():
            raise failed("bincount", "Input arr must be non-negative!")
        size: Any = int(numbers.max()) + 1 if numbers.size else 0
        size = size if minlength is None else max(size, int(minlength))
        return size if maxlength is None else min(size, int(maxlength))
    flat = p.reshape(x, shape=(product(x.ir_type.dims),))
    assert_(p.ge(flat, scalar_like(flat, 0)), message="bincount: Input arr must be non-negative!")
    top = p.add(p.reduce_max(p.concat(scalar_row(x, -1), flat, axis=0), axes=(0,)), scalar_like(x, 1))
    for limit, op in ((minlength, p.maximum), (maxlength, p.minimum)):
        if limit is not None:
            top = op(top, p.cast(convert_to_tensor(limit), dtype=x.dtype))
    return named_size(top)


def _below(x: Tensor, count: Dim) -> Tensor:
    """Numbers too large to be counted become -1."""
    return p.select(p.ge(x, _scalar(count, x)), scalar_like(x, -1), x)


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = dt.int32,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """How often (or with what weight) label i was predicted as j, as row i and column j.

    Raises InvalidArgumentError for classes out of range. Follows
    https://www.tensorflow.org/api_docs/python/tf/math/confusion_matrix.

    >>> confusion_matrix([1, 0], [1, 1])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[0, 1],
           [0, 1]], dtype=int32)>
    """
    found, truth = _squeezed(convert_to_tensor(predictions), convert_to_tensor(labels))
    pair = [p.cast(x, dtype=dt.int64) for x in (truth, found)]
    if not truth.shape.is_compatible_with(found.shape):
        raise invalid("confusion_matrix", f"Shapes of all inputs must match: {truth.shape} and {found.shape}")
    count = _classes(pair, num_classes)
    for x, label in zip(pair, ("labels", "predictions")):
        inside = p.logical_and(p.ge(x, scalar_like(x, 0)), p.lt(x, _scalar(count, x)))
        assert_(inside, x, message=f"`{label}` out of bound")
    at = p.add(p.mul(pair[0], _scalar(count, pair[0])), pair[1])
    kind = as_dtype(dtype)
    if weights is None:
        flat = _counted(at, count * count, kind)
    else:
        w = p.cast(convert_to_tensor(weights), dtype=kind)
        flat = _scattered(p.broadcast(w, shape=at.ir_type.dims), at, count * count, "add")
    return p.reshape(flat, shape=(count, count))


def _squeezed(found: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Without the last axis of that one which has an axis of size 1 more."""
    a, b = found.ir_type.dims, truth.ir_type.dims
    if len(a) == len(b) + 1 and a[-1] == 1:
        return p.reshape(found, shape=a[:-1]), truth
    if len(b) == len(a) + 1 and b[-1] == 1:
        return found, p.reshape(truth, shape=b[:-1])
    return found, truth


def _classes(pair: list[Tensor], num_classes: Any) -> Dim:
    if num_classes is not None:
        size = as_size(num_classes, "confusion_matrix")
        return named_size(convert_to_tensor(num_classes)) if size is None else size
    flat = [p.reshape(x, shape=(product(x.ir_type.dims),)) for x in pair]
    both = p.concat(scalar_row(flat[0], -1), *flat, axis=0)
    return named_size(p.add(p.reduce_max(both, axes=(0,)), scalar_like(both, 1)))
