"""Parts of ragged tensors: split, dynamic_partition, gather_nd, reshape.

Invariant: places are found on the host, and values move by `gather`, so gradients flow. Entry points: the handlers that
graphtf/names/composites.py names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.ragged import stack_dynamic_partitions
from graphtf.api.ragged_dynamic import DynamicRaggedShape
from graphtf.api.ragged_index import ragged_gather, take_rows
from graphtf.api.ragged_shape import rank_of
from graphtf.api.selection import gather_nd
from graphtf.api.shaping import reshape, split, unstack
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.sizes import as_axis, as_integers, as_size
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def ragged_split(
    value: RaggedTensor, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: str | None = None
) -> list[RaggedTensor]:
    """The rows in a number of equal parts or in parts of given sizes, or the values along a uniform inner axis.

    Raises ValueError for a ragged axis and a negative size, InvalidArgumentError where the sizes are not those of the
    rows.
    """
    rank = rank_of(value)
    k = int(axis) + rank if int(axis) < 0 else int(axis)
    if not 0 <= k < rank:
        raise ValueError(f"split: axis {axis} is out of range for a tensor of {rank} axes")
    if 0 < k <= value.ragged_rank:
        raise ValueError(f"split: axis {k} of a tensor of shape {value.shape} is ragged, and cannot be cut")
    if k > value.ragged_rank:
        parts = split(value.flat_values, num_or_size_splits, k - value.ragged_rank, num)
        return [value.with_flat_values(part) for part in parts]
    ends = _ends(value, num_or_size_splits)
    return [value[start:end] for start, end in zip([0, *ends], ends)]


def _ends(x: RaggedTensor, parts: Any) -> list[Any]:
    """Where each part of the rows ends."""
    count = as_size(parts, "split") if not isinstance(parts, (list, tuple)) and np.ndim(parts) == 0 else None
    have = x.shape.as_list()[0]
    if count is None:
        sizes = as_integers(parts, "split")
        if min(sizes, default=0) < 0:
            raise failed("split", f"sizes must not be negative, got {list(sizes)}")
        _same_count(x, have, sum(sizes))
        return np.cumsum(sizes, dtype=np.int64).tolist()  # type: ignore[no-any-return]
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"split: the number of parts must be a positive integer, got {parts!r}")
    if isinstance(have, int):
        if have % count:
            raise failed("split", f"{have} rows do not make {count} equal parts")
        return [have // count * (k + 1) for k in range(count)]
    rows = x.nrows()
    each = p.floordiv(rows, scalar_like(rows, count))
    assert_(p.eq(p.mul(each, scalar_like(rows, count)), rows), rows, message=f"split: rows do not make {count} parts")
    return [p.mul(each, scalar_like(rows, k + 1)) for k in range(count)]


def _same_count(x: RaggedTensor, have: int | None, want: int) -> None:
    if have is None:
        rows = x.nrows()
        assert_(p.eq(rows, scalar_like(rows, want)), rows, message=f"split: sizes of {want} rows for a tensor of")
    elif have != want:
        raise failed("split", f"sizes of {want} rows for a tensor of {have} rows")


def ragged_dynamic_partition(data: Any, partitions: Any, num_partitions: Any, name: str | None = None) -> list[Any]:
    """The rows (or, with ragged `partitions`, the elements) of each partition.

    Raises InvalidArgumentError for a number out of range.
    """
    if isinstance(partitions, RaggedTensor) and not isinstance(data, RaggedTensor):
        raise wrong_dtype("dynamic_partition", "ragged partitions need ragged data")
    count = as_size(num_partitions, "num_partitions")
    if not isinstance(count, int):
        raise ValueError(f"num_partitions must be a Python integer, got {num_partitions!r}")
    rows = stack_dynamic_partitions(data, partitions, count)
    return [rows[k] for k in range(count)]


def ragged_gather_nd(
    params: Any, indices: Any, batch_dims: Any = 0, name: str | None = None, bad_indices_policy: str = ""
) -> Any:
    """The rows, or the elements in them, at index vectors: the last axis of `indices`.

    Raises ValueError for `batch_dims`, InvalidArgumentError for an index out of range.
    """
    if not isinstance(batch_dims, int) or batch_dims:
        raise ValueError("gather_nd: batch_dims != 0 is not supported for ragged tensors")
    if isinstance(indices, RaggedTensor):
        return indices.with_values(ragged_gather_nd(params, indices.values))
    at = convert_to_tensor(indices)
    if at.shape.as_list() == [0] and isinstance(params, RaggedTensor):
        return params
    if not at.dtype.is_integer:
        raise failed("gather_nd", f"indices must be integers, got {at.dtype.name}")
    if not isinstance(params, RaggedTensor):
        return gather_nd(params, at)
    rank = at.shape.rank or 0
    if rank > 2:
        made = RaggedTensor.from_tensor(at, ragged_rank=rank - 2)
        return made.with_flat_values(ragged_gather_nd(params, made.flat_values))
    if not rank or at.shape[-1] is None:
        raise ValueError(f"gather_nd: the size of the last axis of indices must be known, got shape {at.shape}")
    if at.shape[-1] == 1:
        return ragged_gather(params, at if rank == 1 else p.reshape(at, shape=at.ir_type.dims[:1]))
    found = _at_vectors(params, at if rank == 2 else p.reshape(at, shape=(1, *at.ir_type.dims)))
    return found if rank == 2 else found[0]


def _at_vectors(x: RaggedTensor, at: Tensor) -> Any:
    """What lies at each row of a matrix of index vectors, of two columns at least."""
    columns = unstack(at, axis=1)
    inside = min(len(columns), x.ragged_rank + 1)
    levels = x.nested_row_splits[: inside - 1]

    def run(*given: Array) -> list[Array]:
        splits, vectors = given[: inside - 1], given[inside - 1 :]
        place = _bounded(vectors[0], np.full(len(vectors[0]), len(splits[0]) - 1))
        for s, column in zip(splits, vectors[1:]):
            place = s[:-1][place] + _bounded(column, np.diff(s)[place])
        return [place.astype(np.int64)]

    (place,) = on_host(run, [*levels, *columns[:inside]], [dt.int64], [at.ir_type.dims[:1]])
    values: Any = x
    for _ in levels:
        values = values.values
    if inside == len(columns):
        return take_rows(values, place)
    rest = [p.reshape(p.cast(c, dtype=dt.int64), shape=(*c.ir_type.dims, 1)) for c in (place, *columns[inside:])]
    return gather_nd(values, p.concat(*rest, axis=1))


def _bounded(at: Array, sizes: Array) -> Array:
    bad = (at < 0) | (at >= sizes)
    if bad.any():
        k = int(np.argmax(bad))
        raise failed("gather_nd", f"index {at[k]} is not in [0, {sizes[k]})")
    return at


def ragged_reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """All the values in a dense shape, or in the rows of a `DynamicRaggedShape`.

    Raises the error of `tf.reshape` for another number of values.
    """
    flat = tensor.flat_values if isinstance(tensor, RaggedTensor) else convert_to_tensor(tensor)
    if not isinstance(shape, DynamicRaggedShape):
        return reshape(flat, shape)
    made = reshape(flat, shape.inner_shape)
    for rows in reversed(shape.row_partitions):
        made = RaggedTensor.from_row_splits(made, rows.row_splits())
    return made


def ragged_axis(axis: Any, x: RaggedTensor, name: str) -> int:
    """An axis counted from 0. Raises the mode's error if it is out of range."""
    return as_axis(axis, rank_of(x), name)


def check_rows_alike(a: RaggedTensor, b: RaggedTensor, name: str) -> None:
    """Raise unless both have the same number of ragged axes, and (perhaps when the program runs) the same rows."""
    if a.ragged_rank != b.ragged_rank:
        raise invalid(name, f"operands of {a.ragged_rank} and {b.ragged_rank} ragged axes")
    check_same_splits(a.nested_row_splits, b.nested_row_splits, name)


def check_same_splits(a: Sequence[Tensor], b: Sequence[Tensor], name: str) -> None:
    """Raise, perhaps when the program runs, unless the splits are the same."""

    def run(*splits: Array) -> list[Array]:
        half = len(splits) // 2
        if any(not np.array_equal(x, y) for x, y in zip(splits[:half], splits[half:])):
            raise failed(name, "operands have rows of different lengths")
        return []

    on_host(run, [*a, *b], [], [])
