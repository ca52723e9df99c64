"""`tf.sparse`: functions of sparse tensors. Follows https://www.tensorflow.org/api_docs/python/tf/sparse.

Invariant: where results have their elements is found on the host (it depends on data); values are gathered or summed by
ops, so gradients flow through them. Results are in row-major order. Entry points: the `tf` functions below.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api.creation import fill, zeros_like
from graphtf.api.debugging import assert_equal, assert_less_equal
from graphtf.api.segments import unsorted_segment_max, unsorted_segment_sum
from graphtf.api.selection import boolean_mask, gather, gather_nd, tensor_scatter_nd_update, where
from graphtf.api.shaping import identity
from graphtf.composite import SparseTensor
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.prims import full_like, p
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.run_time import named_size
from graphtf.sizes import as_axis, as_integers, as_sizes
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def as_sparse(x: Any, name: str) -> SparseTensor:
    """x, which must be sparse. Raises TypeError if it is not."""
    if isinstance(x, SparseTensor):
        return x
    if all(hasattr(x, part) for part in ("indices", "values", "dense_shape")) and not isinstance(x, Tensor):
        return SparseTensor.from_value(x)
    raise TypeError(f"{name}: Input must be a SparseTensor, got {type(x).__name__}: {x!r}")


def rank_of(x: SparseTensor) -> int:
    """How many axes it has."""
    return x.dense_shape.shape[0]  # type: ignore[no-any-return]


def rows_of(x: Tensor) -> Tensor:
    """How many rows a tensor has, as an int64 scalar."""
    return p.reshape(p.dims(dims=x.ir_type.dims[:1], dtype=dt.int64), shape=())


def indices_on_host(
    find: Callable[..., list[Array]], operands: Sequence[Tensor], rank: int, *more: Any
) -> list[Tensor]:
    """What a function of arrays finds: int64 indices [n, rank], then int64 vectors, or what `more` says of them."""
    dtypes, shapes = [dt.int64], [(None, rank)]
    for d, s in more:
        dtypes.append(d)
        shapes.append(s)
    return on_host(find, operands, dtypes, shapes)


def order_of(indices: Array) -> Array:
    """The row-major order of indices."""
    return np.lexsort(indices.T[::-1]) if indices.shape[1] else np.arange(len(indices))


_DISORDER = (
    "out of order. Many sparse ops require sorted indices.\n"
    "    Use `tf.sparse.reorder` to create a correctly ordered copy"
)
VECTOR = (dt.int64, (None,))


# ---- to and from dense -----------------------------------------------------------------------------------------------


def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The elements that are not zero. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/from_dense.

    >>> from_dense([0, 3]).indices.numpy().tolist()
    [[1]]
    """
    x = convert_to_tensor(tensor)
    at = where(p.ne(x, zeros_like(x)))
    return SparseTensor(at, gather_nd(x, at), p.dims(dims=x.ir_type.dims, dtype=dt.int64))


def to_dense(
    sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None
) -> Tensor:
    """The dense tensor, with `default_value` (zero) elsewhere.

    Raises InvalidArgumentError for indices out of order, repeated or outside, unless `validate_indices` is False.
    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/to_dense.

    >>> to_dense(SparseTensor([[1]], [5], [3]))
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 5, 0], dtype=int32)>
    """
    x = as_sparse(sp_input, "to_dense")
    default = ("" if x.dtype is dt.string else 0) if default_value is None else default_value
    indices = x.indices
    if validate_indices:
        (indices,) = indices_on_host(_in_order, [indices, x.dense_shape], rank_of(x))
        indices.set_shape(x.indices.shape)
    out = tensor_scatter_nd_update(fill(x.dense_shape, convert_to_tensor(default, x.dtype)), indices, x.values)
    out.set_shape(x.shape)
    return out


def _in_order(indices: Array, shape: Array) -> list[Array]:
    outside = ((indices < 0) | (indices >= shape)).any(1)
    if outside.any():
        k = int(np.argmax(outside))
        raise InvalidArgumentError(
            None, None, f"indices[{k}] = {indices[k].tolist()} is out of bounds: need 0 <= index < {shape.tolist()}"
        )
    if len(indices) > 1:
        step = indices[1:] - indices[:-1]
        first = np.take_along_axis(step, (step != 0).argmax(1)[:, None], 1)[:, 0]
        if (first <= 0).any():
            k = int(np.argmax(first <= 0)) + 1
            why = "repeated" if first[k - 1] == 0 else _DISORDER
            raise InvalidArgumentError(None, None, f"indices[{k}] = {indices[k].tolist()} is {why}.")
    return [indices]


def to_indicator(sp_input: Any, vocab_size: int, name: str | None = None) -> Tensor:
    """True at the values of each row. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/to_indicator.

    >>> to_indicator(SparseTensor([[0, 0], [1, 0]], [2, 0], [2, 1]), 3).numpy().astype(int)
    array([[0, 0, 1],
           [1, 0, 0]])
    """
    x = as_sparse(sp_input, "to_indicator")
    last = p.reshape(p.cast(x.values, dtype=dt.int64), shape=(*x.values.ir_type.dims, 1))
    lead = x.indices[:, :-1]  # type: ignore[index]
    at = p.concat(lead, last, axis=1)
    shape = p.concat(x.dense_shape[:-1], convert_to_tensor([vocab_size], dt.int64), axis=0)  # type: ignore[index]
    out = tensor_scatter_nd_update(
        fill(shape, False), at, fill(p.dims(dims=x.values.ir_type.dims, dtype=dt.int64), True)
    )
    out.set_shape([*x.shape[:-1], vocab_size])
    return out


def eye(num_rows: Any, num_columns: Any = None, dtype: Any = dt.float32, name: str | None = None) -> SparseTensor:
    """The identity. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/eye."""
    rows, columns = int(num_rows), int(num_rows if num_columns is None else num_columns)
    k = np.arange(min(rows, columns), dtype=np.int64)
    return SparseTensor(np.stack([k, k], 1), np.ones(len(k), dt.as_dtype(dtype).np), [rows, columns])


# ---- places ----------------------------------------------------------------------------------------------------------


def map_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`op` of the values of the sparse tensors among the arguments, at their places.

    Raises ValueError if there is none. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/map_values.

    >>> map_values(lambda x: x * 2, SparseTensor([[1]], [5], [3])).values.numpy()
    array([10], dtype=int32)
    """
    given = [x for x in (*args, *kwargs.values()) if isinstance(x, SparseTensor)]
    if not given:
        raise ValueError("No SparseTensor in argument list of map_values")
    inner = [x.values if isinstance(x, SparseTensor) else x for x in args]
    named = {k: x.values if isinstance(x, SparseTensor) else x for k, x in kwargs.items()}
    for other in given[1:]:
        assert_equal(given[0].dense_shape, other.dense_shape, message="Mismatched shapes!")
        assert_equal(given[0].indices, other.indices, message="Mismatched indices!")
    return given[0].with_values(op(*inner, **named))


def retain(sp_input: Any, to_retain: Any) -> SparseTensor:
    """The elements for which a vector of booleans holds.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/retain.
    """
    x = as_sparse(sp_input, "retain")
    kept = p.cast(convert_to_tensor(to_retain), dtype=dt.bool_)
    kept.shape.assert_is_compatible_with(x.values.shape)
    made = SparseTensor(boolean_mask(x.indices, kept), boolean_mask(x.values, kept), x.dense_shape)
    made.set_shape(x.shape)
    return made


def reorder(sp_input: Any, name: str | None = None) -> SparseTensor:
    """The elements in row-major order. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/reorder.

    >>> reorder(SparseTensor([[1], [0]], [5, 6], [3])).values.numpy()
    array([6, 5], dtype=int32)
    """
    x = as_sparse(sp_input, "reorder")
    (order,) = on_host(lambda i: [order_of(i).astype(np.int64)], [x.indices], [dt.int64], [x.values.ir_type.dims])
    made = SparseTensor(gather(x.indices, order), gather(x.values, order), x.dense_shape)
    made.set_shape(x.shape)
    return made


def transpose(sp_input: Any, perm: Any = None, name: str | None = None) -> SparseTensor:
    """Axis k of the result is axis perm[k]; all reversed by default.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/transpose.
    """
    x = as_sparse(sp_input, "transpose")
    order = tuple(reversed(range(rank_of(x)))) if perm is None else as_integers(perm, "transpose")
    if len(order) != rank_of(x):
        raise ValueError(f"transpose: perm must name the {rank_of(x)} axes, got {list(order)}")
    made = SparseTensor(gather(x.indices, list(order), axis=1), x.values, gather(x.dense_shape, list(order)))
    made.set_shape([x.shape[k] for k in order])
    return reorder(made)


def expand_dims(sp_input: Any, axis: Any = None, name: str | None = None) -> SparseTensor:
    """A new axis of size 1; by default the last.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/expand_dims.

    >>> expand_dims(SparseTensor([[1]], [5], [3]), 0).shape
    TensorShape([1, 3])
    """
    x = as_sparse(sp_input, "expand_dims")
    at = as_axis(-1 if axis is None else axis, rank_of(x) + 1, "expand_dims")
    column = full_like(
        x.indices[:, :1]
        if rank_of(x)
        else p.reshape(p.cast(zeros_like(x.values), dtype=dt.int64), shape=(*x.values.ir_type.dims, 1)),
        0,
    )  # type: ignore[index]
    indices = p.concat(x.indices[:, :at], column, x.indices[:, at:], axis=1)  # type: ignore[index]
    one = convert_to_tensor([1], dt.int64)
    shape = p.concat(x.dense_shape[:at], one, x.dense_shape[at:], axis=0)  # type: ignore[index]
    made = SparseTensor(indices, x.values, shape)
    sizes = x.shape.as_list()
    made.set_shape([*sizes[:at], 1, *sizes[at:]])
    return made


def reshape(sp_input: Any, shape: Any, name: str | None = None) -> SparseTensor:
    """The elements in another shape of as many places; one size may be -1.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/reshape.
    """
    x = as_sparse(sp_input, "reshape")
    target = p.cast(convert_to_tensor(shape), dtype=dt.int64)
    rank = target.shape[0]
    known, count = as_sizes(target), x.shape.num_elements()
    if known is not None and count is not None and all(isinstance(d, int) for d in known):
        _check_target(known, count)
    indices, sizes = indices_on_host(_reshaped, [x.indices, x.dense_shape, target], rank, (dt.int64, (rank,)))
    indices.set_shape([x.indices.shape[0], rank])
    made = SparseTensor(indices, p.reshape(x.values, shape=indices.ir_type.dims[:1]) if rank else x.values, sizes)
    if known is not None:
        made.set_shape(_static_sizes(x, known))
    return made


def _check_target(target: Sequence[Any], count: int) -> None:
    """Raise the mode's error unless `count` places fit into sizes, one of which may be -1."""
    rest = int(np.prod([d for d in target if d >= 0]))
    open_sizes = sum(d < 0 for d in target)
    if open_sizes > 1 or (count % max(rest, 1) if open_sizes else rest != count):
        raise invalid("reshape", f"a tensor with {count} dense values does not fit the shape {list(target)}")


def _static_sizes(x: SparseTensor, target: Sequence[Any]) -> list[int | None]:
    sizes = [d if isinstance(d, int) and d >= 0 else None for d in target]
    count = x.shape.num_elements()
    if count is not None and sizes.count(None) == 1:
        rest = int(np.prod([d for d in sizes if d is not None]))
        sizes[sizes.index(None)] = count // rest if rest else 0
    return sizes


def _reshaped(indices: Array, have: Array, target: Array) -> list[Array]:
    count, sizes = int(np.prod(have)), target.copy()
    if (sizes == -1).sum() > 1:
        raise InvalidArgumentError(None, None, f"only one output dimension may be -1, not {target.tolist()}")
    rest = int(np.prod(sizes[sizes != -1]))
    if (sizes == -1).any():
        sizes[sizes == -1] = count // rest if rest else 0
    if int(np.prod(sizes)) != count:
        raise InvalidArgumentError(
            None, None, f"Input to reshape is a tensor with {count} dense values, but the requested shape has {rest}"
        )
    flat = np.ravel_multi_index(tuple(indices.T), tuple(have)) if len(have) else np.zeros(len(indices), np.int64)
    at = np.unravel_index(flat, tuple(sizes)) if len(sizes) else ()
    return [np.stack(at, 1).astype(np.int64) if len(sizes) else np.zeros((len(indices), 0), np.int64), sizes]


def slice(sp_input: Any, start: Any, size: Any, name: str | None = None) -> SparseTensor:
    """The part of the given size from `start` on, as far as it lies inside.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/slice.
    """
    x = as_sparse(sp_input, "slice")
    begin, length = (p.cast(convert_to_tensor(v), dtype=dt.int64) for v in (start, size))
    if not begin.shape.is_compatible_with(x.dense_shape.shape) or not length.shape.is_compatible_with(begin.shape):
        raise failed("slice", f"start {begin.shape} and size {length.shape} do not fit the rank of {x.shape}")
    room = p.maximum(p.sub(x.dense_shape, begin), full_like(begin, 0))
    sizes = p.minimum(length, room)
    moved = p.sub(x.indices, p.broadcast(begin, shape=x.indices.ir_type.dims))
    inside = p.logical_and(p.ge(moved, full_like(moved, 0)), p.lt(moved, p.broadcast(sizes, shape=moved.ir_type.dims)))
    kept = p.reduce_all(inside, axes=(1,))
    return SparseTensor(boolean_mask(moved, kept), boolean_mask(x.values, kept), sizes)


def concat(axis: int, sp_inputs: Any, expand_nonconcat_dims: bool = False, name: str | None = None) -> SparseTensor:
    """Sparse tensors, one after another along an axis. Raises InvalidArgumentError where other sizes differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/concat.
    """
    parts = [as_sparse(x, "concat") for x in (sp_inputs if isinstance(sp_inputs, (list, tuple)) else [sp_inputs])]
    rank = rank_of(parts[0])
    for part in parts[1:]:
        _check_alike(parts[0], part, "concat")
    along = as_axis(axis, rank, "concat", late=True)
    shapes = p.concat(*(p.reshape(x.dense_shape, shape=(1, rank)) for x in parts), axis=0)

    def joined(shapes: Array, *indices: Array) -> list[Array]:
        others = np.delete(shapes, along, 1)
        if not expand_nonconcat_dims and (others != others[0]).any():
            raise InvalidArgumentError(
                None, None, f"concat: all sizes but that of axis {along} must agree, got {shapes.tolist()}"
            )
        starts = np.cumsum(shapes[:, along]) - shapes[:, along]
        moved = [i + np.eye(rank, dtype=np.int64)[along] * s for i, s in zip(indices, starts)]
        found = np.concatenate(moved)
        order = order_of(found)
        sizes = shapes.max(0)
        sizes[along] = shapes[:, along].sum()
        return [found[order], order.astype(np.int64), sizes]

    given = [shapes, *(x.indices for x in parts)]
    indices, order, sizes = indices_on_host(joined, given, rank, VECTOR, (dt.int64, (rank,)))
    values = gather(p.concat(*(x.values for x in parts), axis=0), order)
    made = SparseTensor(indices, values, sizes)
    made.set_shape(_joined_shape(parts, along, expand_nonconcat_dims))
    return made


def _joined_shape(parts: Sequence[SparseTensor], along: int, expand: bool) -> list[int | None]:
    columns = list(zip(*(x.shape.as_list() for x in parts)))
    sizes = [None if None in c else (max(c) if expand else c[0]) for c in columns]
    sizes[along] = None if None in columns[along] else builtins.sum(columns[along])
    return sizes


def split(sp_input: Any = None, num_split: Any = None, axis: Any = None, name: str | None = None) -> list[SparseTensor]:
    """`num_split` parts along an axis; the first are larger by one where it does not divide.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/split.
    """
    x = as_sparse(sp_input, "split")
    if num_split < 1:
        raise invalid("split", f"num_split must be at least 1, got {num_split}")
    rank = rank_of(x)
    along = as_axis(axis, rank, "split", late=True)

    def bounds(sizes: Array) -> list[Array]:
        if num_split > sizes[along]:
            raise failed("split", f"num_split must be at most the size {sizes[along]} of axis {along}, got {num_split}")
        number = np.arange(num_split)
        starts, lengths = np.zeros((num_split, rank), np.int64), np.tile(sizes, (num_split, 1))
        lengths[:, along] = sizes[along] // num_split + (number < sizes[along] % num_split)
        starts[:, along] = np.cumsum(lengths[:, along]) - lengths[:, along]
        return [*starts, *lengths]

    found = on_host(bounds, [x.dense_shape], [dt.int64] * (2 * num_split), [(rank,)] * (2 * num_split))
    return [slice(x, start, length) for start, length in zip(found[:num_split], found[num_split:])]


def fill_empty_rows(sp_input: Any, default_value: Any, name: str | None = None) -> tuple[SparseTensor, Tensor]:
    """An element at the start of each row that has none, and which rows those are.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/fill_empty_rows.
    """
    x = as_sparse(sp_input, "fill_empty_rows")
    rank = rank_of(x)

    def filled(indices: Array, shape: Array) -> list[Array]:
        empty = np.setdiff1d(np.arange(shape[0]), indices[:, 0])
        extra = np.zeros((len(empty), rank), np.int64)
        extra[:, 0] = empty
        found = np.concatenate([indices, extra])
        order = order_of(found)
        source = np.where(order < len(indices), order, len(indices))
        lacks = np.zeros(shape[0], np.bool_)
        lacks[empty] = True
        return [found[order], source.astype(np.int64), lacks]

    rows = x.shape[0]
    indices, source, lacks = indices_on_host(filled, [x.indices, x.dense_shape], rank, VECTOR, (dt.bool_, (rows,)))
    default = p.reshape(convert_to_tensor(default_value, x.dtype), shape=(1,))
    made = SparseTensor(indices, gather(p.concat(x.values, default, axis=0), source), x.dense_shape)
    made.set_shape(x.shape)
    return made, lacks


def reset_shape(sp_input: Any, new_shape: Any = None) -> SparseTensor:
    """The same elements in a larger shape; by default in the smallest that holds them.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/reset_shape.
    """
    x = as_sparse(sp_input, "reset_shape")
    if new_shape is None:
        sizes = p.add(p.reduce_max(x.indices, axes=(0,)), full_like(x.dense_shape, 1))
        return SparseTensor(x.indices, x.values, sizes)
    made = SparseTensor(x.indices, x.values, p.cast(convert_to_tensor(new_shape), dtype=dt.int64))
    if not x.shape.is_fully_defined() or not made.shape.is_fully_defined():
        assert_less_equal(x.dense_shape, made.dense_shape)
    elif any(new < old for new, old in zip(made.shape, x.shape)):
        raise ValueError(f"Requested new_shape should have dimension sizes >= {x.shape}, got {made.shape}")
    return made


def cast_wide(x: Any) -> Tensor:
    """Integers as int64."""
    return p.cast(convert_to_tensor(x), dtype=dt.int64)  # type: ignore[no-any-return]


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def coalesced(
    indices: Tensor, values: Tensor, dense_shape: Tensor, combine: Any = unsorted_segment_sum
) -> SparseTensor:
    """One element for each place, repeated ones combined."""
    rank = dense_shape.shape[0]

    def unique(found: Array) -> list[Array]:
        if not rank:
            return [found[:1], np.zeros(len(found), np.int64)]
        places, inverse = np.unique(found, axis=0, return_inverse=True)
        return [places, inverse.reshape(-1).astype(np.int64)]

    at, inverse = indices_on_host(unique, [indices], rank, VECTOR)
    inverse.set_shape(values.shape[:1])
    count = named_size(rows_of(at))
    if values.dtype is dt.bool_:
        summed = combine(p.cast(values, dtype=dt.int32), inverse, count)
        return SparseTensor(at, p.cast(summed, dtype=dt.bool_), dense_shape)
    return SparseTensor(at, combine(values, inverse, count), dense_shape)


def as_dense(x: Any, sparse: SparseTensor, name: str) -> Tensor:
    """A dense operand beside a sparse one. Raises the mode's error for a tensor of another dtype."""
    if is_tensor_like(x) and x.dtype is not sparse.dtype:
        raise wrong_dtype(name, f"operands must have one dtype, got {sparse.dtype.name} and {x.dtype.name}")
    return convert_to_tensor(x, sparse.dtype)


def _check_alike(a: SparseTensor, b: SparseTensor, name: str) -> None:
    """Raise the mode's error unless both have the same dtype and rank."""
    if a.dtype is not b.dtype:
        raise wrong_dtype(name, f"operands must have one dtype, got {a.dtype.name} and {b.dtype.name}")
    if rank_of(a) != rank_of(b):
        raise invalid(name, f"operands must have one rank, got shapes {a.shape} and {b.shape}")


def _check_pair(a: SparseTensor, b: SparseTensor, name: str) -> None:
    """Raise unless both have the same dtype and shape, perhaps when the program runs."""
    if a.dtype is not b.dtype:
        _check_alike(a, b, name)
    if not a.shape.is_compatible_with(b.shape):
        raise failed(name, f"Operands' shapes do not match: {a.shape} and {b.shape}")
    if not (a.shape.is_fully_defined() and b.shape.is_fully_defined()):
        assert_equal(a.dense_shape, b.dense_shape, message=f"{name}: Operands' shapes do not match")


def add(a: Any, b: Any, threshold: Any = 0) -> Any:
    """a + b: sparse if both are, else dense. Sums of two that are smaller than `threshold` are left out of a sparse
    one.

    Raises TypeError if neither is sparse. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/add.

    >>> add(SparseTensor([[1]], [5], [3]), [1, 1, 1])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 6, 1], dtype=int32)>
    """
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        _check_alike(a, b, "add")
        _check_pair(a, b, "add")
        places, values = p.concat(a.indices, b.indices, axis=0), p.concat(a.values, b.values, axis=0)
        out = coalesced(places, values, a.dense_shape)
        out.set_shape(a.shape.merge_with(b.shape))
        if isinstance(threshold, (int, float)) and threshold == 0:
            return out
        size = p.abs(out.values)
        ones = p.broadcast(convert_to_tensor(1), shape=values.ir_type.dims)
        alone = p.lt(coalesced(places, ones, a.dense_shape).values, convert_to_tensor(2))
        return retain(out, p.logical_or(alone, p.ge(size, full_like(size, threshold))))
    if not isinstance(a, SparseTensor) and not isinstance(b, SparseTensor):
        raise TypeError("At least one input should be SparseTensor; do you mean to use tf.add()?")
    sparse, dense = (a, b) if isinstance(a, SparseTensor) else (b, a)
    x = as_dense(dense, sparse, "add")
    if not x.shape.is_compatible_with(sparse.shape):
        raise failed("add", f"the dense operand of shape {x.shape} does not fit the sparse one of {sparse.shape}")
    return p.scatter(x, sparse.indices, sparse.values, combine="add")


def _extreme(a: Any, b: Any, combine: Any, name: str) -> SparseTensor:
    a, b = as_sparse(a, name), as_sparse(b, name)
    _check_pair(a, b, name)
    zeros = [zeros_like(x.values) for x in (a, b)]
    both = p.concat(a.indices, b.indices, axis=0)
    left = coalesced(both, p.concat(a.values, zeros[1], axis=0), a.dense_shape)
    right = coalesced(both, p.concat(zeros[0], b.values, axis=0), a.dense_shape)
    made = SparseTensor(
        left.indices, combine(left.values, p.reshape(right.values, shape=left.values.ir_type.dims)), a.dense_shape
    )
    made.set_shape(a.shape.merge_with(b.shape))
    return made


def maximum(sp_a: Any, sp_b: Any, name: str | None = None) -> SparseTensor:
    """The larger of both at each place. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/maximum."""
    return _extreme(sp_a, sp_b, p.maximum, "maximum")


def minimum(sp_a: Any, sp_b: Any, name: str | None = None) -> SparseTensor:
    """The smaller of both at each place. Follows https://www.tensorflow.org/api_docs/python/tf/sparse/minimum."""
    return _extreme(sp_a, sp_b, p.minimum, "minimum")


def _reduced(sp_input: Any, axis: Any, keepdims: Any, as_sparse_result: bool, combine: Any, name: str) -> Any:
    x = as_sparse(sp_input, name)
    rank = rank_of(x)
    axes = set(range(rank)) if axis is None else {as_axis(k, rank, name, late=True) for k in as_integers(axis, name)}
    kept = [k for k in range(rank) if k not in axes]
    columns = np.array(kept, np.int64)
    found = coalesced(gather(x.indices, columns, axis=1), x.values, gather(x.dense_shape, columns), combine)
    found.set_shape([x.shape[k] for k in kept])
    if keepdims:
        for k in sorted(axes):
            found = expand_dims(found, k)
    return found if as_sparse_result else to_dense(found, validate_indices=False)


def reduce_sum(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, output_is_sparse: bool = False,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Sums along axes (all by default). Follows https://www.tensorflow.org/api_docs/python/tf/sparse/reduce_sum.

    >>> int(reduce_sum(SparseTensor([[1], [2]], [5, 6], [3])))
    11
    """
    return _reduced(sp_input, axis, keepdims, output_is_sparse, unsorted_segment_sum, "reduce_sum")


def reduce_max(
    sp_input: Any, axis: Any = None, keepdims: bool | None = None, output_is_sparse: bool = False,
    name: str | None = None,
) -> Any:  # fmt: skip
    """The largest elements along axes (all by default); 0 where there are none.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/reduce_max.
    """
    return _reduced(sp_input, axis, keepdims, output_is_sparse, unsorted_segment_max, "reduce_max")


def sparse_dense_matmul(
    sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Tensor:
    """The product of a sparse and a dense matrix, either of which may come first.

    Raises InvalidArgumentError where sizes do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/sparse_dense_matmul.

    >>> sparse_dense_matmul(SparseTensor([[0, 1]], [2.0], [1, 2]), [[1.0], [3.0]]).numpy()
    array([[6.]], dtype=float32)
    """
    if isinstance(b, SparseTensor):
        if isinstance(sp_a, SparseTensor):
            raise TypeError("sparse_dense_matmul: one of the matrices must be dense")
        flipped = sparse_dense_matmul(b, sp_a, not adjoint_b, not adjoint_a)
        return p.transpose(flipped, perm=(1, 0))
    a = as_sparse(sp_a, "sparse_dense_matmul")
    dense = as_dense(b, a, "sparse_dense_matmul")
    values = a.values
    if adjoint_b:
        dense = p.transpose(_conj(dense), perm=(1, 0))
    if adjoint_a:
        values = _conj(values)
    row, column = (1, 0) if adjoint_a else (0, 1)
    size = a.shape[row]
    count = size if size is not None else named_size(a.dense_shape[row])  # type: ignore[index]
    lines = gather(identity(dense), a.indices[:, column])  # type: ignore[index]
    shape = lines.ir_type.dims
    weights = p.broadcast(p.reshape(values, shape=(*values.ir_type.dims, 1)), shape=shape)
    return unsorted_segment_sum(p.mul(lines, weights), a.indices[:, row], count)  # type: ignore[index]


def _conj(x: Tensor) -> Tensor:
    return p.conj(x) if x.dtype.is_complex else x


def softmax(sp_input: Any, name: str | None = None) -> SparseTensor:
    """Softmax along the last axis, of the elements there are.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/softmax.
    """
    x = as_sparse(sp_input, "softmax")
    if not x.dtype.is_floating:
        raise wrong_dtype("softmax", f"the values must be floating, got {x.dtype.name}")
    if rank_of(x) < 2:
        raise failed("softmax", f"Input should have rank >= 2, but received shape: {x.shape}")

    def rows(indices: Array) -> list[Array]:
        _, inverse = np.unique(indices[:, :-1], axis=0, return_inverse=True)
        return [inverse.reshape(-1).astype(np.int64)]

    (row,) = on_host(rows, [x.indices], [dt.int64], [x.values.ir_type.dims])
    count = named_size(rows_of(x.values))
    top = unsorted_segment_max(x.values, row, count)
    powers = p.exp(p.sub(x.values, gather(top, row)))
    return x.with_values(p.div(powers, gather(unsorted_segment_sum(powers, row, count), row)))
