"""Ragged tensors from dense and sparse ones, and back.

Invariant: positions are worked out on the host, and values move by `gather`: gradients flow. Entry points: the
functions behind `RaggedTensor.from_tensor`, `.from_sparse`, `.to_tensor`, `.to_sparse`, `.bounding_shape`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor, count_dim
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_sizes
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape

Array = np.ndarray[Any, Any]


# ---- from dense ------------------------------------------------------------------------------------------------------


def ragged_from_tensor(
    tensor: Any, lengths: Any, padding: Any, ragged_rank: int, row_splits_dtype: Any
) -> RaggedTensor:
    """The rows of a dense tensor, whole, up to `lengths`, or without the padding at their ends.

    Raises ValueError for both `lengths` and `padding`, a ragged rank below 1, or too few axes.
    """
    kind = dt.as_dtype(row_splits_dtype)
    if lengths is not None and padding is not None:
        raise ValueError("Specify argument `lengths` or `padding`, but not both.")
    if ragged_rank <= 0:
        raise ValueError(f"Argument `ragged_rank` must be greater than 0. Received {ragged_rank}.")
    x = convert_to_tensor(tensor)
    rank = x.shape.rank
    if rank is not None and rank <= ragged_rank:
        raise ValueError(f"ragged_rank {ragged_rank} needs a tensor of more than {ragged_rank} axes, got {x.shape}")
    if isinstance(lengths, (list, tuple)) and lengths and not isinstance(lengths[0], (int, float, np.integer)):
        return _from_nested_lengths(x, lengths, kind)
    if ragged_rank > 1:
        if lengths is not None or padding is not None:
            return _inner_rows(x, lengths, padding, ragged_rank, kind)
        return _uniform(x, ragged_rank, kind)
    if padding is not None:
        lengths = _lengths_without(x, convert_to_tensor(padding, x.dtype))
    return _uniform(x, 1, kind) if lengths is None else _cut(x, convert_to_tensor(lengths), kind)


def _uniform(x: Tensor, ragged_rank: int, kind: DType) -> RaggedTensor:
    """Every row whole."""
    dims = x.ir_type.dims
    made: Any = p.reshape(x, shape=(product(dims[: ragged_rank + 1]), *dims[ragged_rank + 1 :]))
    for axis in range(ragged_rank, 0, -1):
        count, length = product(dims[:axis]), dims[axis]
        places = p.iota(shape=(count + 1,), axis=0, dtype=dt.int64)
        splits = p.cast(p.mul(places, p.reshape(p.dims(dims=(length,), dtype=dt.int64), shape=())), dtype=kind)
        made = RaggedTensor(made, splits, length if isinstance(length, int) else None)
    return made


def _cut(x: Tensor, lengths: Tensor, kind: DType) -> RaggedTensor:
    """The first elements of each row."""
    if lengths.shape.rank not in (1, None):
        raise ValueError(f"lengths must be a vector, got shape {lengths.shape}")
    dims = x.ir_type.dims
    sizes = p.dims(dims=dims[:2], dtype=dt.int64)

    def run(want: Array, size: Array) -> list[Array]:
        count, width = (int(d) for d in size)
        keep = np.clip(want, 0, width)
        if len(keep) != count:
            raise failed("RaggedTensor.from_tensor", f"{len(keep)} lengths for {count} rows")
        return [rows.splits_of(keep).astype(kind.np), rows.spans(np.arange(count) * width, keep)]

    splits, at = on_host(run, [lengths, sizes], [kind, dt.int64], [(dims[0] + 1,), (None,)])
    flat = p.reshape(x, shape=(dims[0] * dims[1], *dims[2:]))
    return RaggedTensor(p.gather(flat, at, axis=0, batch_dims=0), splits)


def _lengths_without(x: Tensor, padding: Tensor) -> Tensor:
    """How long each row is without what equals the padding at its end."""
    dims = x.ir_type.dims
    if not x.shape[2:].is_compatible_with(padding.shape):
        raise ValueError(f"padding has shape {padding.shape}, expected {x.shape[2:]}")

    def run(a: Array, value: Array) -> list[Array]:
        same = a == value
        kept = ~same.reshape(*a.shape[:2], -1).all(-1)
        return [np.where(kept.any(1), a.shape[1] - np.argmax(kept[:, ::-1], 1), 0).astype(np.int64)]

    (found,) = on_host(run, [x, padding], [dt.int64], [dims[:1]])
    return found


def _inner_rows(x: Tensor, lengths: Any, padding: Any, ragged_rank: int, kind: DType) -> RaggedTensor:
    """Rows of the innermost ragged axis cut, the outer ones whole."""
    dims = x.ir_type.dims
    flat = p.reshape(x, shape=(product(dims[:ragged_rank]), *dims[ragged_rank:]))
    inner: Any = ragged_from_tensor(flat, lengths, padding, 1, kind)
    for axis in range(ragged_rank - 1, 0, -1):
        length = dims[axis]
        inner = RaggedTensor.from_uniform_row_length(inner, length, product(dims[:axis]))
    return inner.with_row_splits_dtype(kind)


def _from_nested_lengths(x: Tensor, lengths: Any, kind: DType) -> RaggedTensor:
    """Lengths of the rows of each ragged axis."""
    levels = [convert_to_tensor(level, dt.int64) if not isinstance(level, Tensor) else level for level in lengths]
    depth = len(levels)
    dims = x.ir_type.dims
    sizes = p.dims(dims=dims[: depth + 1], dtype=dt.int64)

    def run(size: Array, *given: Array) -> list[Array]:
        at, splits = np.arange(int(size[0])), []
        for width, want in zip(size[1:].tolist(), given):
            splits.append(rows.splits_of(want).astype(kind.np))
            at = rows.spans(at * width, want.astype(np.int64))
        return [*splits, at]

    *splits, at = on_host(
        run,
        [sizes, *levels],
        [*[kind] * depth, dt.int64],
        [*[(level.ir_type.dims[0] + 1,) for level in levels], (None,)],
    )
    flat = p.reshape(x, shape=(product(dims[: depth + 1]), *dims[depth + 1 :]))
    made: Any = p.gather(flat, at, axis=0, batch_dims=0)
    return RaggedTensor.from_nested_row_splits(made, splits, validate=False)  # type: ignore[no-any-return]


def ragged_from_sparse(st_input: Any, row_splits_dtype: Any) -> RaggedTensor:
    """The rows of a sparse matrix. Raises TypeError for another class, ValueError for another rank,
    InvalidArgumentError for rows with gaps."""
    kind = dt.as_dtype(row_splits_dtype)
    if not isinstance(st_input, SparseTensor):
        raise TypeError(f"Argument `st_input` must be of type SparseTensor, but is of type {type(st_input).__name__}.")
    if st_input.shape.rank not in (2, None):
        raise ValueError(f"Argument `st_input` must have rank 2, got shape {st_input.shape}.")

    def run(indices: Array, shape: Array) -> list[Array]:
        order = np.lexsort((indices[:, 1], indices[:, 0]))
        splits = rows.splits_of(np.bincount(indices[:, 0], minlength=int(shape[0])))
        if not np.array_equal(indices[order, 1], rows.within_rows(splits)) or (np.diff(order) < 0).any():
            raise invalid("RaggedTensor.from_sparse", "SparseTensor is not right-ragged, or its indices are unordered")
        return [splits.astype(kind.np)]

    count = st_input.shape.as_list()[0]
    (splits,) = on_host(
        run, [st_input.indices, st_input.dense_shape], [kind], [(None if count is None else count + 1,)]
    )
    return RaggedTensor(st_input.values, splits)


# ---- to dense --------------------------------------------------------------------------------------------------------


def _wanted(x: RaggedTensor, shape: Any) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """The sizes asked for along the outer axes (rows and ragged ones), and along those of the flat values."""
    depth = x.ragged_rank + 1
    if shape is None:
        return (None,) * depth, ()
    if isinstance(shape, Tensor):
        found = as_sizes(shape, "to_tensor")
        if found is None:
            raise ValueError(f"to_tensor: the shape must be known, got {shape!r}")
        shape = [None if isinstance(d, int) and d < 0 else d for d in found]
    dims = as_shape(shape).as_tuple()
    if dims is None:
        return (None,) * depth, ()
    if x.shape.rank not in (len(dims), None):
        raise invalid("to_tensor", f"shape {TensorShape(dims)} does not have the rank of {x.shape}")
    return dims[:depth], dims[depth:]


def ragged_to_tensor(x: RaggedTensor, default_value: Any, shape: Any) -> Tensor:
    """A dense tensor, filled up with the default value (zero, or an empty string)."""
    sizes, inner = _wanted(x, shape)
    if all(d is not None and x.shape.as_list()[k] == d for k, d in enumerate(sizes)) and default_value is None:
        flat = x.flat_values  # every row whole
        return p.reshape(flat, shape=(*sizes, *flat.ir_type.dims[1:]))
    splits = x.nested_row_splits
    outer = [*sizes]
    if outer[0] is None:
        outer[0] = count_dim(x)
    for k, d in enumerate(x.shape.as_list()[: len(outer)]):
        outer[k] = d if outer[k] is None else outer[k]

    (at,) = on_host(HostFunction(boxed, sizes=list(sizes)), list(splits), [dt.int64], [tuple(outer)])
    filled = p.concat(_filler(x.flat_values, default_value), x.flat_values, axis=0)
    out = p.gather(filled, at, axis=0, batch_dims=0)
    return _resized(out, len(sizes), inner, default_value) if any(d is not None for d in inner) else out


@host_function
def boxed(*partitions: Array, sizes: list[int | None]) -> list[Array]:
    return [rows.boxes(partitions, sizes) + 1]


def _filler(flat: Tensor, default_value: Any) -> Tensor:
    """One row of the default value."""
    if default_value is None:
        value = convert_to_tensor("" if flat.dtype is dt.string else 0, None if flat.dtype is dt.string else dt.int32)
        value = value if flat.dtype is dt.string else p.cast(value, dtype=flat.dtype)
    else:
        value = convert_to_tensor(default_value, flat.dtype)
    if value.shape.rank is not None and value.shape.rank > len(flat.ir_type.dims) - 1:
        raise invalid("to_tensor", f"default_value of shape {value.shape} does not fit values of shape {flat.shape}")
    return p.broadcast(value, shape=(1, *flat.ir_type.dims[1:]))


def _resized(x: Tensor, outer: int, inner: tuple[int | None, ...], default_value: Any) -> Tensor:
    """Inner axes cut or filled up to the sizes asked for."""
    dims = x.ir_type.dims
    want = [*dims[:outer], *(d if w is None else w for d, w in zip(dims[outer:], inner))]
    grow = tuple(max(w - d, 0) if isinstance(w, int) and isinstance(d, int) else 0 for w, d in zip(want, dims))
    if any(grow):
        fill = _filler(p.reshape(x, shape=(product(dims),)), default_value)
        x = p.pad(x, p.reshape(fill, shape=()), low=(0,) * len(dims), high=grow)
    return p.slice(x, starts=(0,) * len(dims), limits=tuple(want), strides=(1,) * len(dims))


def ragged_to_sparse(x: RaggedTensor) -> SparseTensor:
    """The values at their index vectors."""
    flat, splits = x.flat_values, x.nested_row_splits
    dims = flat.ir_type.dims
    inner = p.dims(dims=dims, dtype=dt.int64)

    def run(sizes: Array, *partitions: Array) -> list[Array]:
        at = rows.coordinates(partitions)
        rest = tuple(int(d) for d in sizes[1:])
        if rest:
            cells = np.indices(rest).reshape(len(rest), -1).T
            at = np.concatenate([np.repeat(at, len(cells), 0), np.tile(cells, (len(at), 1))], 1)
        return [at.astype(np.int64), np.array([*rows.box_sizes(partitions), *rest], np.int64)]

    rank = len(splits) + len(dims)
    at, shape = on_host(run, [inner, *splits], [dt.int64] * 2, [(product(dims), rank), (rank,)])
    out = SparseTensor(at, p.reshape(flat, shape=(product(dims),)), shape)
    out.set_shape(x.shape)
    return out


def bounding_sizes(x: RaggedTensor, axis: Any, kind: DType) -> Tensor:
    """The sizes of the least box that holds every row, or that along `axis` (an integer or several)."""
    dims = x.flat_values.ir_type.dims
    inner = p.dims(dims=dims, dtype=dt.int64)
    splits = x.nested_row_splits

    def run(sizes: Array, *partitions: Array) -> list[Array]:
        return [np.array([*rows.box_sizes(partitions), *sizes[1:]], kind.np)]

    (found,) = on_host(run, [inner, *splits], [kind], [(len(splits) + len(dims),)])
    if axis is None:
        return found
    return p.gather(found, convert_to_tensor(axis, dt.int64), axis=0, batch_dims=0)
