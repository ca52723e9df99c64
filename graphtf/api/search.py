"""Searching and counting: searchsorted, histograms, in_top_k, permutations, stitching and partitioning.

Invariant: indices out of range raise InvalidArgumentError. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.run_time import named_size, stated
from graphtf.sizes import as_integers
from graphtf.tensor import EagerTensor, Tensor


def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = dt.int32, name: str | None = None
) -> Tensor:
    """Where along the last axis, which is in order, each value belongs: before its equals, or (`right`) after them.

    Raises ValueError for another side, InvalidArgumentError (tracing: ValueError) where leading sizes differ. Follows
    https://www.tensorflow.org/api_docs/python/tf/searchsorted.

    >>> searchsorted([1, 3, 5], [3, 4])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    if side not in ("left", "right"):
        raise ValueError(f"Argument `side` must be either 'right' or 'left'. Received: `side` = '{side}'.")
    rows = convert_to_tensor(sorted_sequence)
    wanted = convert_to_tensor(values, None if is_tensor_like(values) else rows.dtype)
    (*lead, n), (*batch, m) = rows.ir_type.dims, wanted.ir_type.dims
    if not rows.shape[:-1].is_compatible_with(wanted.shape[:-1]):
        raise failed("searchsorted", f"Leading dim_size of both tensors must match, got {rows.shape}, {wanted.shape}")
    wide = p.reshape(rows, shape=(*lead, 1, n))
    before = (p.lt if side == "left" else p.le)(wide, p.reshape(wanted, shape=(*batch, m, 1)))
    return p.reduce_sum(p.cast(before, dtype=as_dtype(out_type)), axes=(len(batch) + 1,))


# ---- histograms ------------------------------------------------------------------------------------------------------


def histogram_fixed_width_bins(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = dt.int32, name: str | None = None
) -> Tensor:
    """The number of the bin of each value, of `nbins` equal ones over a range; those outside count to the ends.

    Follows https://www.tensorflow.org/api_docs/python/tf/histogram_fixed_width_bins.

    >>> histogram_fixed_width_bins([-1., 0., 1.5, 9.], [0., 5.], nbins=5)
    <tf.Tensor: shape=(4,), dtype=int32, numpy=array([0, 0, 1, 4], dtype=int32)>
    """
    x, (count,) = convert_to_tensor(values), as_integers(nbins, "histogram_fixed_width_bins")
    if count <= 0:
        raise failed("histogram_fixed_width_bins", f"nbins must be positive, got {count}")
    return _binned(x, convert_to_tensor(value_range, x.dtype), count)


def _binned(x: Tensor, bounds: Tensor, count: int) -> Tensor:
    low, high = (p.reshape(p.slice(bounds, starts=(k,), limits=(k + 1,), strides=(1,)), shape=()) for k in (0, 1))
    wide = x if x.dtype.is_floating else p.cast(x, dtype=dt.float64)
    a, b = (t if t.dtype is wide.dtype else p.cast(t, dtype=wide.dtype) for t in (low, high))
    share = p.div(p.sub(wide, a), p.sub(b, a))
    place = p.cast(p.floor(p.mul(scalar_like(share, count), share)), dtype=dt.int32)
    return p.minimum(p.maximum(place, scalar_like(place, 0)), scalar_like(place, count - 1))


def histogram_fixed_width(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = dt.int32, name: str | None = None
) -> Tensor:
    """How many values fall into each of `nbins` equal bins over a range; those outside count to the ends.

    Raises InvalidArgumentError unless the range increases. Follows
    https://www.tensorflow.org/api_docs/python/tf/histogram_fixed_width.

    >>> histogram_fixed_width([-1., 0., 1.5, 9.], [0., 5.], nbins=5)
    <tf.Tensor: shape=(5,), dtype=int32, numpy=array([2, 1, 0, 0, 1], dtype=int32)>
    """
    x, (count,) = convert_to_tensor(values), as_integers(nbins, "histogram_fixed_width")
    bounds = convert_to_tensor(value_range, x.dtype)
    low, high = (p.slice(bounds, starts=(k,), limits=(k + 1,), strides=(1,)) for k in (0, 1))
    assert_(p.lt(low, high), bounds, message="histogram_fixed_width: value_range should satisfy low < high")
    flat = p.reshape(x, shape=(product(x.ir_type.dims),))
    places = p.reshape(_binned(flat, bounds, count), shape=(product(x.ir_type.dims), 1))
    kind = as_dtype(dtype)
    ones = p.broadcast(convert_to_tensor(1, kind), shape=flat.ir_type.dims)
    return p.scatter(p.broadcast(convert_to_tensor(0, kind), shape=(count,)), places, ones, combine="add")


# ---- order -----------------------------------------------------------------------------------------------------------


def in_top_k(targets: Any, predictions: Any, k: Any, name: str | None = None) -> Tensor:
    """Is the prediction for each target among the k best of its row? Ties count as in; what is not finite never is.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/in_top_k.

    >>> in_top_k([0, 1], [[.1, .9], [.1, .9]], 1)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    at, x = (
        convert_to_tensor(targets),
        convert_to_tensor(predictions, None if is_tensor_like(predictions) else dt.float32),
    )
    if at.dtype not in (dt.int32, dt.int64):
        raise wrong_dtype("in_top_k", f"targets must be int32 or int64, got {at.dtype.name}")
    rows, classes = x.ir_type.dims
    if not at.shape.is_compatible_with(x.shape[:1]):
        raise invalid("in_top_k", f"First dimension of predictions {x.shape} must match length of targets {at.shape}")
    wide = p.reshape(p.cast(at, dtype=dt.int64), shape=(rows, 1))
    hit = p.eq(p.iota(shape=(rows, classes), axis=1, dtype=dt.int64), wide)
    own = p.reshape(p.reduce_sum(p.select(hit, x, scalar_like(x, 0)), axes=(1,)), shape=(rows, 1))
    better = p.reduce_sum(p.cast(p.gt(x, own), dtype=dt.int64), axes=(1,))
    count = p.cast(convert_to_tensor(k), dtype=dt.int64)
    valid = p.logical_and(p.reduce_any(hit, axes=(1,)), p.reshape(p.isfinite(own), shape=(rows,)))
    return p.logical_and(valid, p.lt(better, count))


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Is no element larger than the one after it? Raises TypeError for what is no number.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/is_non_decreasing.

    >>> is_non_decreasing([1, 1, 2])
    <tf.Tensor: shape=(), dtype=bool, numpy=True>
    """
    return _ordered(x, p.le)


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Is every element smaller than the one after it? Raises TypeError for what is no number.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/is_strictly_increasing.

    >>> is_strictly_increasing([1, 1, 2])
    <tf.Tensor: shape=(), dtype=bool, numpy=False>
    """
    return _ordered(x, p.lt)


def _ordered(x: Any, op: Any) -> Tensor:
    t = convert_to_tensor(x)
    if not t.dtype.is_numeric:
        raise TypeError(f"Expected x to be numeric, instead found: {t}")
    count = product(t.ir_type.dims)
    if isinstance(count, int) and count < 2:
        return convert_to_tensor(True)
    flat = p.reshape(t, shape=(count,))
    left = p.slice(flat, starts=(0,), limits=(count - 1,), strides=(1,))
    right = p.slice(flat, starts=(1,), limits=(count,), strides=(1,))
    return p.reduce_all(op(left, right), axes=(0,))


def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """The permutation that undoes one. Raises InvalidArgumentError if x is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/invert_permutation.

    >>> invert_permutation([2, 0, 1])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 0], dtype=int32)>
    """
    t = convert_to_tensor(x)
    if t.shape.rank != 1:
        raise invalid("invert_permutation", f"Expected input to be 1-D, got shape {t.shape}")
    (n,) = t.ir_type.dims
    column = p.reshape(t, shape=(n, 1))
    places = p.iota(shape=(n,), axis=0, dtype=t.dtype)
    unset = p.broadcast(scalar_like(t, -1), shape=(n,))
    out = p.scatter(unset, column, places, combine="update")
    assert_(p.ge(out, scalar_like(out, 0)), t, message="invert_permutation: an index is missing, another is repeated")
    return out


def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Tensor:
    """The index along each axis of dims for flat indices: one column for each.

    Raises InvalidArgumentError for an index out of range. Follows
    https://www.tensorflow.org/api_docs/python/tf/unravel_index.

    >>> unravel_index([2, 5], [3, 2])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 2],
           [0, 1]], dtype=int32)>
    """
    at, sizes = convert_to_tensor(indices), convert_to_tensor(dims)
    count = sizes.shape[0]
    shape = at.shape.as_tuple()
    def run(a: Any, d: Any) -> list[Any]:
        if (a < 0).any() or (a >= int(np.prod(d))).any():
            raise failed("unravel_index", f"index is out of bound as with dims {d.tolist()}")
        return [np.stack([np.asarray(k, a.dtype) for k in np.unravel_index(a, tuple(d.tolist()))])]

    (out,) = on_host(run, [at, sizes], [at.dtype], [None if shape is None else (count, *shape)])
    return out


# ---- stitching -------------------------------------------------------------------------------------------------------


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any], name: str | None = None) -> Tensor:
    """Slices of several tensors in one: slice j of data[i] goes to indices[i][j], later ones over earlier ones.

    Raises InvalidArgumentError for a negative index. Follows
    https://www.tensorflow.org/api_docs/python/tf/dynamic_stitch.

    >>> dynamic_stitch([[0, 2], [1]], [[1., 3.], [2.]])
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([1., 2., 3.], dtype=float32)>
    """
    places, parts = [convert_to_tensor(x) for x in indices], [convert_to_tensor(x) for x in data]
    rest = parts[0].ir_type.dims[len(places[0].ir_type.dims) :]
    at = p.concat(*(p.reshape(x, shape=(product(x.ir_type.dims),)) for x in places), axis=0)
    rows = p.concat(
        *(p.reshape(y, shape=(product(x.ir_type.dims), *rest)) for x, y in zip(places, parts)), axis=0
    )
    if isinstance(at, EagerTensor) and (at._array < 0).any():
        raise failed("dynamic_stitch", f"indices must not be negative, got {at._array.tolist()}")
    size = named_size(p.add(p.reduce_max(p.concat(_minus_one(at), at, axis=0), axes=(0,)), scalar_like(at, 1)))
    empty = p.broadcast(convert_to_tensor(False if rows.dtype.is_bool else 0, rows.dtype), shape=(size, *rest))
    return p.scatter(empty, p.reshape(at, shape=(*at.ir_type.dims, 1)), rows, combine="update")


def _minus_one(like: Tensor) -> Tensor:
    return p.reshape(scalar_like(like, -1), shape=(1,))


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Tensor]:
    """The slices of data with each number from 0 to `num_partitions`, in order.

    Raises InvalidArgumentError for a number out of range. Follows
    https://www.tensorflow.org/api_docs/python/tf/dynamic_partition.

    >>> [x.numpy().tolist() for x in dynamic_partition([1, 2, 3], [0, 1, 0], 2)]
    [[1, 3], [2]]
    """
    x, numbers = convert_to_tensor(data), convert_to_tensor(partitions)
    lead = len(numbers.ir_type.dims)
    if not x.shape[:lead].is_compatible_with(numbers.shape):
        raise invalid("dynamic_partition", f"data.shape = {x.shape} must start with partitions.shape = {numbers.shape}")
    count: Dim = product(numbers.ir_type.dims)
    flat = p.reshape(numbers, shape=(count,))
    rows = p.reshape(x, shape=(count, *x.ir_type.dims[lead:]))
    inside = p.logical_and(p.ge(flat, scalar_like(flat, 0)), p.lt(flat, scalar_like(flat, num_partitions)))
    assert_(inside, flat, message=f"dynamic_partition: partitions are not in [0, {num_partitions})")
    out = []
    for k in range(num_partitions):
        found = p.nonzero(p.eq(flat, scalar_like(flat, k)), shape=stated((None, 1)))
        out.append(p.gather(rows, p.reshape(found, shape=found.ir_type.dims[:1]), axis=0, batch_dims=0))
    return out

