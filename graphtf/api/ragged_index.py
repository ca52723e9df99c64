"""Parts of ragged tensors: slices, rows by number, rows and values by a mask.

Invariant: which rows and values stay is worked out on the host; values move by `gather`. Entry points:
`ragged_getitem`, `take_rows`, `ragged_gather`, `ragged_boolean_mask`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api.ragged_shape import ragged_expand_dims
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.indexing import getitem
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor, count_dim
from graphtf.refusal import invalid, tracing
from graphtf.sizes import as_axis, as_size
from graphtf.tensor import Tensor
from graphtf.tensor_shape import as_shape

Array = np.ndarray[Any, Any]


# ---- rows by number --------------------------------------------------------------------------------------------------


def take_rows(x: Any, at: Tensor) -> Any:
    """The rows of a tensor, ragged or not, at a vector of numbers, which are in range."""
    if not isinstance(x, RaggedTensor):
        return p.gather(x, at, axis=0, batch_dims=0)
    kind = x.row_splits.dtype
    splits = x.nested_row_splits

    run = HostFunction(taken_rows, kind=kind)
    (count,) = at.ir_type.dims
    shapes: list[Any] = [(count + 1,), *((None,) for _ in splits)]
    *made, flat = on_host(run, [at, *splits], [*[kind] * len(splits), dt.int64], shapes)
    return _relaid(x, made, p.gather(x.flat_values, flat, axis=0, batch_dims=0))


@host_function
def taken_rows(rows_at: Array, *partitions: Array, kind: dt.DType) -> list[Array]:
    made, flat = rows.taken_deep(partitions, rows_at)
    return [*(s.astype(kind.np) for s in made), flat.astype(np.int64)]


def _relaid(x: RaggedTensor, splits: list[Tensor], flat: Any) -> Any:
    """Rows like those of x, with other splits; lengths that are uniform stay so."""
    uniform, level = [], x
    while isinstance(level, RaggedTensor):
        uniform.append(level._uniform)
        level = level.values
    made = flat
    for s, u in zip(reversed(splits), reversed(uniform)):
        made = RaggedTensor(made, s, u)
    return made


def ragged_gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: Any = None
) -> Any:
    """`tf.gather` where params or indices are ragged. Raises InvalidArgumentError for an index out of range."""
    if isinstance(indices, RaggedTensor) and batch_dims == 0 and axis in (None, 0):
        return indices.with_values(ragged_gather(params, indices.values))
    x = params if isinstance(params, RaggedTensor) else convert_to_tensor(params)
    at = indices if isinstance(indices, RaggedTensor) else convert_to_tensor(indices)
    if batch_dims:
        return _gather_each(x, at, batch_dims, axis)
    k = 0 if axis is None else as_axis(axis, x.shape.rank or 1, "gather")
    if not isinstance(x, RaggedTensor):
        from graphtf.api.selection import gather

        return _gather_along(x, at, k) if isinstance(at, RaggedTensor) else gather(x, at, axis=k)
    if k > 0:
        return _inner_gather(x, at, k)
    flat = p.reshape(at, shape=(-1,)) if at.shape.rank is None else _flattened(at)
    checked = _in_range(flat, x)
    out = take_rows(_of_any_lengths(x), checked)
    if at.shape.rank == 1:
        return out
    if at.shape.rank == 0:
        return out[0]
    made = RaggedTensor.from_tensor(at, ragged_rank=(at.shape.rank or 2) - 1)
    return RaggedTensor.from_nested_row_splits(out, made.nested_row_splits, validate=False)


def _gather_along(x: Tensor, indices: RaggedTensor, k: int) -> Any:
    """The elements of a dense tensor along axis k > 0 that ragged indices name: the axes in front stay as they are."""
    from graphtf.api.selection import gather
    from graphtf.api.shaping import tile

    lead, count = x.ir_type.dims[:k], indices.shape[0]
    times = product(lead)
    found = gather(x, indices.flat_values, axis=k)
    inner: Any = p.reshape(found, shape=(times * found.ir_type.dims[k], *found.ir_type.dims[k + 1 :]))
    for splits in reversed(indices.nested_row_splits):
        (ends,) = splits.ir_type.dims
        after, before = (p.slice(splits, starts=(j,), limits=(ends - 1 + j,), strides=(1,)) for j in (1, 0))
        inner = RaggedTensor.from_row_lengths(inner, tile(p.sub(after, before), [times]), validate=False)
    for size in (count, *reversed(lead[1:])):
        inner = RaggedTensor.from_uniform_row_length(inner, size)
    return inner


def _of_any_lengths(x: RaggedTensor) -> RaggedTensor:
    """The same rows, nothing being known of their lengths: TensorFlow forgets it here."""
    return RaggedTensor.from_nested_row_splits(x.flat_values, x.nested_row_splits, validate=False)  # type: ignore[no-any-return]


def _flattened(at: Tensor) -> Tensor:
    from graphtf.ir.dims import product

    return p.reshape(at, shape=(product(at.ir_type.dims),))


def _in_range(at: Tensor, x: RaggedTensor) -> Tensor:
    def run(a: Array, splits: Array) -> list[Array]:
        count = len(splits) - 1
        bad = (a < 0) | (a >= count)
        if bad.any():
            raise invalid("gather", f"indices[{int(np.argmax(bad))}] = {a[bad][0]} is not in [0, {count})")
        return [a.astype(np.int64)]

    (checked,) = on_host(run, [at, x.row_splits], [dt.int64], [at.ir_type.dims])
    return checked


def _inner_gather(x: RaggedTensor, at: Any, axis: int) -> Any:
    """The same numbers along an inner axis: of every row."""
    if axis > x.ragged_rank:
        from graphtf.api.selection import gather

        return x.with_flat_values(gather(x.flat_values, at, axis=axis - x.ragged_rank))
    if axis > 1:
        return x.with_values(_inner_gather(x.values, at, axis - 1))
    if isinstance(at, RaggedTensor) or at.shape.rank not in (0, 1):
        raise ValueError("gather along a ragged axis takes a scalar or a vector of indices")
    each = at if at.shape.rank == 1 else p.reshape(at, shape=(1,))

    def run(wanted: Array, splits: Array) -> list[Array]:
        lengths = np.diff(splits)
        if len(lengths) and ((wanted[:, None] < 0) | (wanted[:, None] >= lengths)).any():
            raise invalid("gather", f"indices {wanted.tolist()} are not in every row, of lengths {lengths.tolist()}")
        return [(splits[:-1, None] + wanted).reshape(-1).astype(np.int64)]

    (flat,) = on_host(run, [each, x.row_splits], [dt.int64], [(None,)])
    found = take_rows(x.values, flat)
    if at.shape.rank == 0:
        return found
    return RaggedTensor.from_uniform_row_length(found, each.shape.as_list()[0])


def _gather_each(x: Any, at: Any, batch_dims: int, axis: Any) -> Any:
    """Row k of the indices in row k of params."""
    if axis not in (None, batch_dims):
        raise ValueError("gather of ragged tensors supports batch_dims with axis = batch_dims only")
    left = x if isinstance(x, RaggedTensor) else RaggedTensor.from_tensor(x)
    right = at if isinstance(at, RaggedTensor) else RaggedTensor.from_tensor(at)
    if batch_dims > 1:
        inner = _gather_each(left.values, right.values, batch_dims - 1, None)
        return right.with_values(inner)
    if isinstance(right.values, RaggedTensor):
        raise ValueError("gather with batch_dims takes indices with one ragged axis more")

    def run(wanted: Array, own: Array, theirs: Array) -> list[Array]:
        row = rows.row_ids(own)
        lengths = np.diff(theirs)[row]
        bad = (wanted < 0) | (wanted >= lengths)
        if bad.any():
            raise invalid("gather", f"index {wanted[bad][0]} is not in [0, {lengths[bad][0]})")
        return [(theirs[:-1][row] + wanted).astype(np.int64)]

    operands = [right.values, right.row_splits, left.row_splits]
    (flat,) = on_host(run, operands, [dt.int64], [right.values.ir_type.dims[:1]])
    out = right.with_values(take_rows(left.values, flat))
    return out if isinstance(at, RaggedTensor) else out.to_tensor()


# ---- x[key] ----------------------------------------------------------------------------------------------------------


def ragged_getitem(x: RaggedTensor, key: Any) -> Any:
    """x[key], where a ragged axis takes a slice. Raises ValueError for an integer there, IndexError out of range."""
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    if Ellipsis in [k for k in keys if not isinstance(k, Tensor)]:
        keys = _without_ellipsis(keys, x.shape.rank or x.ragged_rank + 1)
    return _indexed(x, keys)


def _without_ellipsis(keys: list[Any], rank: int) -> list[Any]:
    at = next(i for i, k in enumerate(keys) if k is Ellipsis)
    used = sum(k is not None and k is not Ellipsis for k in keys)
    return [*keys[:at], *[slice(None)] * max(rank - used, 0), *keys[at + 1 :]]


def _indexed(x: Any, keys: list[Any]) -> Any:
    if not keys:
        return x
    if not isinstance(x, RaggedTensor):
        return getitem(x, tuple(keys))
    first, rest = keys[0], keys[1:]
    if first is None:
        return ragged_expand_dims(_indexed(x, rest), 0) if rest else ragged_expand_dims(x, 0)
    if isinstance(first, slice):
        return _within_rows(_sliced_rows(x, first), rest)
    return _indexed(_row(x, first), rest)


def _row(x: RaggedTensor, k: Any) -> Any:
    """One row."""
    count = x.shape.as_list()[0]
    number = as_size(k, "index") if not isinstance(k, Tensor) or k.shape.rank == 0 else None
    if isinstance(number, int) and isinstance(count, int) and not -count <= number < count:
        error = ValueError if tracing() else IndexError
        raise error(f"Row key {number} out of bounds: there are {count} rows")
    starts, limits = x.row_starts(), x.row_limits()
    return _cut_rows(x.values, getitem(starts, k), getitem(limits, k))


def _cut_rows(values: Any, start: Tensor, limit: Tensor) -> Any:
    if not isinstance(values, RaggedTensor):
        return getitem(values, slice(start, limit))
    size = p.sub(limit, start)
    (steps,) = on_host(lambda a, n: [a.astype(np.int64) + np.arange(int(n))], [start, size], [dt.int64], [(None,)])
    return take_rows(values, steps)


def _sliced_rows(x: RaggedTensor, key: slice) -> RaggedTensor:
    if key == slice(None):
        return x
    count = count_dim(x)
    size = count if isinstance(count, int) else None
    (every,) = on_host(lambda s: [np.arange(len(s) - 1)], [x.row_splits], [dt.int64], [(size,)])
    return take_rows(x, getitem(every, key))  # type: ignore[no-any-return]


def _within_rows(x: RaggedTensor, keys: list[Any]) -> Any:
    """The keys after that of the rows, applied inside each row."""
    if not keys:
        return x
    first, rest = keys[0], keys[1:]
    if first is None:
        return ragged_expand_dims(_within_rows(x, rest), 1)
    if x._uniform is not None and not isinstance(first, slice):
        return _indexed(_inner_gather(x, convert_to_tensor(_positive(first, x._uniform)), 1), [slice(None), *rest])
    if not isinstance(first, slice):
        raise ValueError("Cannot index into an inner ragged dimension.")
    if first != slice(None):
        x = _cut_each(x, first)
    if not rest:
        return x
    return x.with_values(_indexed(x.values, [slice(None), *rest]))


def _positive(k: Any, length: int) -> Any:
    number = as_size(k, "index")
    return number + length if isinstance(number, int) and number < 0 else k


def _cut_each(x: RaggedTensor, key: slice) -> RaggedTensor:
    """A slice of every row."""
    bounds = [as_size(b, "slice") if b is not None else None for b in (key.start, key.stop, key.step)]
    parts = zip((key.start, key.stop, key.step), bounds)
    operands = [convert_to_tensor(b) for b, known in parts if b is not None and known is None]
    if bounds[2] == 0:
        raise invalid("strided_slice", "slice step must not be zero")
    kind = x.row_splits.dtype

    def run(splits: Array, *given: Array) -> list[Array]:
        late = iter(given)
        values = (key.start, key.stop, key.step)
        a, b, c = (int(next(late)) if v is not None and k is None else k for v, k in zip(values, bounds))
        lengths = np.diff(splits)
        found = {n: np.arange(n)[a:b:c] for n in np.unique(lengths).tolist()}
        parts = [s + found[n] for s, n in zip(splits[:-1].tolist(), lengths.tolist())]
        sizes = np.array([len(part) for part in parts], np.int64)
        flat = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return [rows.splits_of(sizes).astype(kind.np), flat.astype(np.int64)]

    shapes: list[Any] = [x.row_splits.ir_type.dims, (None,)]
    splits, flat = on_host(run, [x.row_splits, *operands], [kind, dt.int64], shapes)
    uniform = None if x._uniform is None or operands else len(range(x._uniform)[slice(*bounds)])  # type: ignore[misc]
    return RaggedTensor(take_rows(x.values, flat), splits, uniform)


# ---- by a mask -------------------------------------------------------------------------------------------------------


def ragged_boolean_mask(data: Any, mask: Any, name: str | None = None) -> Any:
    """The values where a mask holds, their rows kept.

    Raises TypeError for a mask that is not bool, ValueError for a scalar one or one that does not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/boolean_mask.

    >>> ragged_boolean_mask([[1, 2, 3], [4, 5, 6]], [[True, False, True], [False, False, False]])
    <tf.RaggedTensor [[1, 3], []]>
    """
    keep = mask if isinstance(mask, RaggedTensor) else convert_to_tensor(mask, dt.bool_)
    if keep.dtype is not dt.bool_:
        raise TypeError(f"Argument `mask` must be bool, got {keep.dtype.name}")
    x = data if isinstance(data, RaggedTensor) else convert_to_tensor(data)
    if keep.shape.rank == 0:
        raise ValueError("mask cannot be scalar.")
    return _masked(x, keep)


def _masked(x: Any, keep: Any) -> Any:
    if not isinstance(keep, RaggedTensor) and keep.shape.rank == 1:
        as_shape(x.shape)[:1].assert_is_compatible_with(keep.shape)
        (at,) = on_host(lambda m: [np.flatnonzero(m).astype(np.int64)], [keep], [dt.int64], [(None,)])
        return take_rows(x, at)
    if not isinstance(keep, RaggedTensor):
        keep = RaggedTensor.from_tensor(keep, ragged_rank=(keep.shape.rank or 2) - 1)
    if not isinstance(x, RaggedTensor):
        x = RaggedTensor.from_tensor(x, ragged_rank=keep.ragged_rank)
    if isinstance(keep.values, RaggedTensor):
        return x.with_values(_masked(x.values, keep.values))
    kind = x.row_splits.dtype

    def run(splits: Array, own: Array, m: Array) -> list[Array]:
        if not np.array_equal(splits, own):
            raise invalid("boolean_mask", "the rows of the mask do not have the lengths of those of the data")
        counts = np.bincount(rows.row_ids(splits)[m], minlength=len(splits) - 1)
        return [rows.splits_of(counts).astype(kind.np), np.flatnonzero(m).astype(np.int64)]

    shapes: list[Any] = [x.row_splits.ir_type.dims, (None,)]
    splits, at = on_host(run, [x.row_splits, keep.row_splits, keep.values], [kind, dt.int64], shapes)
    return RaggedTensor(take_rows(x.values, at), splits)
