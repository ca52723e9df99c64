"""Choosing elements: where, gather, slices with bounds known at run time, masks, scatters, sorting, segments.

Invariant: an index out of range raises InvalidArgumentError. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphtf.convert import convert_pair, convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred_like
from graphtf.indexed_slices import IndexedSlices
from graphtf.indexing import getitem
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.run_time import named_size, stated, stated_size
from graphtf.sizes import as_axis, as_size, as_sizes, index_vector, known, shape_vector
from graphtf.tensor import Tensor

_PythonSlice = slice  # the function below takes the name


class TopKV2(NamedTuple):
    """What `top_k` gives."""

    values: Tensor
    indices: Tensor


class Unique(NamedTuple):
    """What `unique` gives."""

    y: Tensor
    idx: Tensor


class UniqueWithCounts(NamedTuple):
    """What `unique_with_counts` gives."""

    y: Tensor
    idx: Tensor
    count: Tensor  # type: ignore[assignment]


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """x where the condition holds, else y, all broadcasting; without x and y, where it holds: one index vector a row.

    Raises ValueError if only one of x and y is given. Follows https://www.tensorflow.org/api_docs/python/tf/where.

    >>> where([True, False], [1, 2], -1)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 1, -1], dtype=int32)>
    >>> where([False, True])
    <tf.Tensor: shape=(1, 1), dtype=int64, numpy=array([[1]])>
    """
    if x is None and y is None:
        c = convert_to_tensor(condition)
        dims = c.ir_type.shape
        return p.nonzero(c, shape=stated(None if dims is None else (None, len(dims))))
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    a, b = convert_pair(x, y)
    c = convert_to_tensor(condition, dtype_hint=dt.bool_)
    return p.select(c, a, b)


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str = "boolean_mask") -> Tensor:
    """The elements (or slices) where the mask holds. Raises ValueError if the mask is a scalar or does not fit.

    Follows https://www.tensorflow.org/api_docs/python/tf/boolean_mask.

    >>> boolean_mask([1, 2, 3], [True, False, True])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 3], dtype=int32)>
    """
    x, m = convert_to_tensor(tensor), convert_to_tensor(mask)
    if not m.dtype.is_bool:
        m = p.ne(m, scalar_like(m, 0))
    size = m.shape.rank
    if size == 0:
        raise ValueError("mask cannot be scalar.")
    if size is None:
        raise ValueError("Number of mask dimensions must be specified, even if some dimensions are None.")
    k = 0 if axis is None else as_axis(axis, len(x.ir_type.dims), "boolean_mask")
    dims = x.ir_type.dims
    if not x.shape[k : k + size].is_compatible_with(m.shape):
        raise ValueError(f"Shapes {x.shape[k : k + size]} and {m.shape} are incompatible")
    count = product(dims[k : k + size])
    flat = p.reshape(x, shape=(*dims[:k], count, *dims[k + size :]))
    places = p.nonzero(p.reshape(m, shape=(count,)), shape=stated((None, 1)))
    return p.gather(flat, p.reshape(places, shape=places.ir_type.dims[:1]), axis=k, batch_dims=0)


# ---- gather ----------------------------------------------------------------------------------------------------------


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: Any = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Tensor:
    """The slices of `params` at `indices` along an axis. Raises InvalidArgumentError for an index out of range.

    Follows https://www.tensorflow.org/api_docs/python/tf/gather.

    >>> gather([10, 20, 30], [2, 0])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([30, 10], dtype=int32)>
    """
    x, at = convert_to_tensor(params), convert_to_tensor(indices)
    if not at.dtype.is_integer:
        raise wrong_dtype("gather", f"indices must be integers, got {at.dtype.name}")
    ranks = (x.shape.rank, at.shape.rank)
    if None in ranks or (is_tensor_like(axis) and known(axis) is None):
        known_rank = None not in ranks and batch_dims >= 0
        shape = (None,) * (sum(ranks) - 1 - batch_dims) if known_rank else None  # type: ignore[arg-type]
        if axis is None:
            return deferred_like(lambda t, i: gather(t, i, batch_dims=batch_dims), [x, at], x, shape)
        operands = [x, at, convert_to_tensor(axis)]
        return deferred_like(lambda t, i, k: gather(t, i, axis=k, batch_dims=batch_dims), operands, x, shape)
    dims, rank = x.ir_type.dims, len(at.ir_type.dims)
    batch = batch_dims + rank if batch_dims < 0 else batch_dims
    if not 0 <= batch <= rank or batch > len(dims):
        raise invalid("gather", f"batch_dims = {batch_dims} must be at most the rank of indices ({rank})")
    k = batch if axis is None else as_axis(axis, len(dims), "gather")
    if not len(dims):
        raise invalid("gather", "params must be at least 1 dimensional")
    if k < batch:
        raise invalid("gather", f"batch_dims ({batch}) must be less than or equal to axis ({k})")
    for j, (d, e) in enumerate(zip(dims[:batch], at.ir_type.dims)):
        if isinstance(d, int) and isinstance(e, int) and d != e:
            raise failed("gather", f"params.shape[{j}]: {d} should be equal to indices.shape[{j}]: {e}")
    return p.gather(x, at, axis=k, batch_dims=batch)


def gather_nd(
    params: Any, indices: Any, batch_dims: int = 0, name: str | None = None, bad_indices_policy: str = ""
) -> Tensor:
    """The elements (or slices) of `params` at index vectors: the last axis of `indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/gather_nd.

    >>> gather_nd([[1, 2], [3, 4]], [[1, 0]])
    <tf.Tensor: shape=(1,), dtype=int32, numpy=array([3], dtype=int32)>
    """
    return p.gather_nd(convert_to_tensor(params), convert_to_tensor(indices), batch_dims=batch_dims)


# ---- scatter ---------------------------------------------------------------------------------------------------------


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Tensor:
    """Zeros of a shape with `updates` added at index vectors. Follows
    https://www.tensorflow.org/api_docs/python/tf/scatter_nd.

    >>> scatter_nd([[1], [1]], [2, 3], [3])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 5, 0], dtype=int32)>
    """
    from graphtf.api.creation import zeros

    values = convert_to_tensor(updates)
    combine = "update" if values.dtype is dt.bool_ else "add"
    return _scattered(zeros(shape, values.dtype), indices, values, combine)


def _scattered(tensor: Any, indices: Any, updates: Any, combine: str) -> Tensor:
    x, at = convert_to_tensor(tensor), convert_to_tensor(indices)
    depth, rank = at.shape[-1] if at.shape.rank else None, x.shape.rank
    if depth is not None and rank is not None and depth > rank:
        raise failed(
            "tensor_scatter_nd", f"the last axis of indices, {depth}, must be at most the rank {rank} of tensor"
        )
    return p.scatter(x, at, _like(updates, x), combine=combine)


def _like(updates: Any, x: Tensor) -> Tensor:
    """Updates as a tensor: those that are none yet take the dtype of x."""
    return convert_to_tensor(updates, None if is_tensor_like(updates) else x.dtype)


def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """x with elements (or slices) at index vectors replaced.

    Follows https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_update.

    >>> tensor_scatter_nd_update([1, 2, 3], [[1]], [9])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 9, 3], dtype=int32)>
    """
    return _scattered(tensor, indices, updates, "update")


def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """x with `updates` added at index vectors.

    Follows https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_add.

    >>> tensor_scatter_nd_add([1, 2, 3], [[1]], [9])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([ 1, 11,  3], dtype=int32)>
    """
    return _scattered(tensor, indices, updates, "add")


def tensor_scatter_nd_sub(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """x with `updates` subtracted at index vectors.

    Follows https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_sub.

    >>> tensor_scatter_nd_sub([1, 2, 3], [[1]], [9])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([ 1, -7,  3], dtype=int32)>
    """
    x = convert_to_tensor(tensor)
    return _scattered(x, indices, p.neg(_like(updates, x)), "add")


def tensor_scatter_nd_max(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """The larger of x and `updates` at index vectors.

    Follows https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_max.

    >>> tensor_scatter_nd_max([1, 2, 3], [[1]], [9])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 9, 3], dtype=int32)>
    """
    return _scattered(tensor, indices, updates, "max")


def tensor_scatter_nd_min(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """The smaller of x and `updates` at index vectors.

    Follows https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_min.

    >>> tensor_scatter_nd_min([1, 2, 3], [[1]], [0])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 0, 3], dtype=int32)>
    """
    return _scattered(tensor, indices, updates, "min")


def divided_rows(x: Tensor, slices: IndexedSlices) -> Tensor:
    """x with the rows that `slices` names divided by its values."""
    at = p.reshape(slices.indices, shape=(*slices.indices.ir_type.dims, 1))
    ones = p.broadcast(convert_to_tensor(1, x.dtype), shape=x.ir_type.dims)
    by = p.scatter(ones, at, convert_to_tensor(slices.values, x.dtype), combine="mul")
    return p.div(x, by) if x.dtype.is_inexact else p.truncdiv(x, by)


# ---- slices ----------------------------------------------------------------------------------------------------------


def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """`size` elements from `begin` along each axis; -1 means what is left.

    Raises InvalidArgumentError (tracing: ValueError) for a slice that lies outside.
    Follows https://www.tensorflow.org/api_docs/python/tf/slice.

    >>> slice([1, 2, 3, 4], [1], [2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>
    """
    x = convert_to_tensor(input_)
    dims = x.ir_type.dims
    starts, sizes = as_sizes(begin, "slice"), as_sizes(size, "slice")
    for given in (starts, sizes):
        if given is not None and len(given) != len(dims):
            raise invalid(
                "slice", f"Expected begin and size arguments to be 1-D tensors of size {len(dims)}, got {list(given)}"
            )
    if starts is None or sizes is None:
        return _slice_at_run_time(x, begin, size, sizes)
    if any(isinstance(k, int) and k < -1 for k in sizes):
        raise invalid("slice", f"Expected size >= -1, got {list(sizes)}")
    limits = tuple(d if k == -1 else a + k for a, k, d in zip(starts, sizes, dims))
    for k, (a, b, d) in enumerate(zip(starts, limits, dims)):
        if all(isinstance(e, int) for e in (a, b, d)) and not 0 <= a <= b <= d:  # type: ignore[operator]
            raise failed("slice", f"Expected begin[{k}] in [0, {d}] and size[{k}] in [0, {d - a}], got {a} and {b - a}")
    return p.slice(x, starts=starts, limits=limits, strides=(1,) * len(dims))


def _slice_at_run_time(x: Tensor, begin: Any, size: Any, sizes: tuple[Dim, ...] | None) -> Tensor:
    start, length = _vector(begin), _vector(size)
    _check_inside(x, start, length)
    if sizes is not None and -1 not in sizes:
        return p.dynamic_slice(x, start, sizes=sizes)
    if x.ir_type.dims:
        left = p.sub(shape_vector(x.ir_type.dims, length.dtype), start)
        length = p.select(p.lt(length, scalar_like(length, 0)), left, length)
    known = [d if isinstance(d, int) and d >= 0 else None for d in sizes or [None] * len(x.ir_type.dims)]
    return p.strided_slice(
        x, start, p.add(start, length), shape=stated(known), strides=(1,) * len(known), open_begin=0, open_end=0,
        single=0,
    )  # fmt: skip


def _check_inside(x: Tensor, start: Tensor, length: Tensor) -> None:
    """Stop the program unless the slice lies within x; a length of -1 means what is left."""
    if not x.ir_type.dims:
        return
    left = p.sub(shape_vector(x.ir_type.dims, dt.int64), start)
    fits = p.logical_and(p.ge(left, p.maximum(length, scalar_like(length, 0))), p.ge(start, scalar_like(start, 0)))
    held = p.reduce_all(p.logical_and(fits, p.ge(length, scalar_like(length, -1))), axes=(0,))
    assert_(held, start, length, message=f"slice: begin and size must lie within the shape {x.shape}, but are")


def _vector(items: Any) -> Tensor:
    made = index_vector(items, dt.int64) if isinstance(items, (list, tuple)) else convert_to_tensor(items)
    return made if made.dtype is dt.int64 else p.cast(made, dtype=dt.int64)


def dynamic_slice(x: Tensor, entries: list[Any]) -> Tensor:
    """`x[entries]` where bounds are known only at run time: new axes and `...` are taken out first."""
    rank = x.shape.rank
    if rank is None:
        raise UnknownShapeError("a tensor of unknown rank cannot be sliced: give it a shape with tf.ensure_shape")
    used = sum(e is not None and e is not Ellipsis for e in entries)
    fill: list[Any] = [_PythonSlice(None)] * (rank - used)
    at = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    full = entries[:at] + fill + entries[at + 1 :]
    begin, end, strides, masks = _bounds([e for e in full if e is not None])
    indexed = zip([e for e in full if e is not None], x.ir_type.dims)
    dims = [1 if not isinstance(e, _PythonSlice) else d if _is_whole(e) else None for e, d in indexed]
    sizes = [d for d, single in zip(dims, masks["singles"]) if not single]
    open_masks = {k: masks[k] for k in ("open_begin", "open_end", "single")}
    out = p.strided_slice(x, begin, end, shape=stated(sizes), strides=strides, **open_masks)
    if None not in entries:
        return out
    kept = iter(out.ir_type.dims)
    shape = [1 if e is None else next(kept) for e in full if e is None or isinstance(e, _PythonSlice)]
    return p.reshape(out, shape=tuple(shape))


def _is_whole(e: _PythonSlice) -> bool:
    return e.start is None and e.stop is None and e.step is None


def _bounds(entries: list[Any]) -> tuple[Tensor, Tensor, tuple[int, ...], dict[str, Any]]:
    begin, end, strides = [], [], []
    masks: dict[str, Any] = {"open_begin": 0, "open_end": 0, "single": 0, "singles": []}
    for k, e in enumerate(entries):
        is_slice = isinstance(e, _PythonSlice)
        masks["singles"].append(not is_slice)
        if not is_slice:
            masks["single"] |= 1 << k
            begin.append(e)
            end.append(0)
            strides.append(1)
            continue
        masks["open_begin"] |= (e.start is None) << k
        masks["open_end"] |= (e.stop is None) << k
        begin.append(0 if e.start is None else e.start)
        end.append(0 if e.stop is None else e.stop)
        step = 1 if e.step is None else as_size(e.step, "strided_slice")
        if not isinstance(step, int):
            raise TypeError(f"a slice's step must be known while tracing, got {e.step!r}")
        strides.append(step)
    return index_vector(begin, dt.int64), index_vector(end, dt.int64), tuple(strides), masks


def strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """input_[begin[0]:end[0]:strides[0], …]; bit i of a mask changes what entry i means.

    Follows https://www.tensorflow.org/api_docs/python/tf/strided_slice.

    >>> strided_slice([1, 2, 3, 4], [0], [4], [2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 3], dtype=int32)>
    """
    starts, stops = (_entries(v) for v in (begin, end))
    steps = [1] * len(starts) if strides is None else _entries(strides)
    key: list[Any] = []
    for k, (a, b, s) in enumerate(zip(starts, stops, steps)):
        if ellipsis_mask >> k & 1:
            key.append(...)
        elif new_axis_mask >> k & 1:
            key.append(None)
        elif shrink_axis_mask >> k & 1:
            key.append(a)
        else:
            key.append(_PythonSlice(None if begin_mask >> k & 1 else a, None if end_mask >> k & 1 else b, s))
    return getitem(input_, tuple(key))


def _entries(vector: Any) -> list[Any]:
    sizes = as_sizes(vector, "strided_slice")
    if sizes is not None:
        return list(sizes)
    t = convert_to_tensor(vector)
    return [t[k] for k in range(t.shape[0])]  # type: ignore[index]


def assigned_slice(x: Tensor, key: Any, value: Tensor) -> Tensor:
    """x with the part that `key` selects replaced by `value` (which broadcasts)."""
    dims = x.ir_type.dims
    places = p.reshape(p.iota(shape=(product(dims),), axis=0, dtype=dt.int64), shape=dims)
    chosen = getitem(places, key)
    shape = chosen.ir_type.dims
    flat = p.reshape(p.broadcast(value, shape=shape), shape=(product(shape),))
    at = p.reshape(chosen, shape=(product(shape), 1))
    out = p.scatter(p.reshape(x, shape=(product(dims),)), at, flat, combine="update")
    return p.reshape(out, shape=dims)


# ---- order -----------------------------------------------------------------------------------------------------------


def _descending(direction: str, name: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(
            f"Argument `direction` should be one of 'ASCENDING' or 'DESCENDING'. Received: direction={direction}"
        )
    return direction == "DESCENDING"


def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING", name: str | None = None) -> Tensor:
    """The elements along an axis in order. Follows https://www.tensorflow.org/api_docs/python/tf/sort.

    >>> sort([3, 1, 2])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 3], dtype=int32)>
    """
    x = convert_to_tensor(values)
    return p.sort(x, axis=as_axis(axis, len(x.ir_type.dims), "sort"), descending=_descending(direction, "sort"))


def argsort(
    values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None
) -> Tensor:
    """The positions (int32) that put the elements along an axis in order.

    Follows https://www.tensorflow.org/api_docs/python/tf/argsort.

    >>> argsort([3, 1, 2])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 0], dtype=int32)>
    """
    x = convert_to_tensor(values)
    k = as_axis(axis, len(x.ir_type.dims), "argsort")
    return p.argsort(x, axis=k, descending=_descending(direction, "argsort"), stable=True)


def top_k(input: Any, k: Any = 1, sorted: bool = True, index_type: Any = dt.int32, name: str | None = None) -> Any:
    """The k largest elements of the last axis, and where they are.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/top_k.

    >>> top_k([1, 5, 3], k=2).indices
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.dims
    count = as_size(k, "top_k")
    if not dims:
        raise invalid("top_k", "input must have at least 1 dimension")
    if isinstance(count, int) and (count < 0 or (isinstance(dims[-1], int) and count > dims[-1])):
        raise invalid("top_k", f"input must have at least k columns. Had {dims[-1]}, needed {count}")
    if count is None:
        count = named_size(convert_to_tensor(k))
    values, indices = p.top_k(x, k=count, sorted=bool(sorted))
    kind = dt.as_dtype(index_type)
    return TopKV2(values, indices if kind is dt.int32 else p.cast(indices, dtype=kind))


def unique(x: Any, out_idx: Any = dt.int32, name: str | None = None) -> Any:
    """The distinct elements of a vector in order of appearance, and which of them each element is.

    Follows https://www.tensorflow.org/api_docs/python/tf/unique.

    >>> unique([5, 5, 7]).y
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([5, 7], dtype=int32)>
    """
    y, index, _ = _unique(x, out_idx)
    return Unique(y, index)


def unique_with_counts(x: Any, out_idx: Any = dt.int32, name: str | None = None) -> Any:
    """`unique`, and how often each occurs. Follows https://www.tensorflow.org/api_docs/python/tf/unique_with_counts.

    >>> unique_with_counts([5, 5, 7]).count
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 1], dtype=int32)>
    """
    return UniqueWithCounts(*_unique(x, out_idx))


def _unique(x: Any, dtype: Any) -> tuple[Tensor, Tensor, Tensor]:
    vector = convert_to_tensor(x)
    if vector.shape.rank not in (1, None):
        raise failed("unique", f"expects a 1D vector, got shape {vector.shape}")
    return p.unique(vector, size=stated_size(), dtype=dt.as_dtype(dtype))

