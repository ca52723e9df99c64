"""Sparse and ragged parts of elements, and objects made of such: stacked, and taken apart into rows.

Invariant: what is here runs on the arrays of eager values; a row of a ragged tensor with one ragged axis is a tensor,
whose spec is that of a ragged tensor without ragged axes, so that a batch of such rows is ragged again. Entry points:
`stacked_values`, `rows_of`, `count_of`, `batched_spec`, `row_spec`, `batch_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.errors import DataLossError, InvalidArgumentError
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor
from graphtf.tensor_shape import TensorShape

Array = np.ndarray[Any, Any]


def _kinds() -> Any:
    """The classes: loaded only for elements that have such parts."""
    import graphtf.composite

    return graphtf.composite


def is_ragged_spec(spec: Any) -> bool:
    """Is it the spec of a ragged tensor?"""
    return hasattr(spec, "ragged_rank")


def is_array_spec(spec: Any) -> bool:
    """Is it the spec of tensors, be it of those that a batch makes rows of a ragged tensor?"""
    return isinstance(spec, TensorSpec) or getattr(spec, "ragged_rank", None) == 0


def is_sparse_spec(spec: Any) -> bool:
    return type(spec).__name__ == "SparseTensorSpec"


def is_object_spec(spec: Any) -> bool:
    """Is it the spec of a `BatchableExtensionType`?"""
    return getattr(getattr(spec, "value_type", None), "_batchable", False) is True


def parts_of(x: Any) -> list[Any]:
    """The tensors of such an object, as leaves."""
    return [c._array if isinstance(c, EagerTensor) else c for c in x._components()]


def _made_of(x: Any, parts: Sequence[Any]) -> Any:
    """An object like another one, of such leaves."""
    return x._from_components([EagerTensor(c) if isinstance(c, np.ndarray) else c for c in parts])


# ---- specs -----------------------------------------------------------------------------------------------------------


def batched_spec(spec: Any, size: int | None) -> Any:
    """The spec of `size` values, stacked. Raises TypeError for what cannot be."""
    shape = TensorShape([size]).concatenate(getattr(spec, "shape", None))
    if is_ragged_spec(spec):
        return _kinds().RaggedTensorSpec(shape, spec.dtype, spec.ragged_rank + 1, spec.row_splits_dtype)
    if is_sparse_spec(spec):
        return _kinds().SparseTensorSpec(shape, spec.dtype)
    if is_object_spec(spec):
        return spec._batch(size)
    raise TypeError(f"elements with a part {spec!r} cannot be batched")


def row_spec(spec: Any) -> Any:
    """The spec of one row. Raises TypeError for what has none."""
    if is_ragged_spec(spec):
        inner = spec.shape[1:] if spec.shape.rank is not None else None
        if not spec.ragged_rank:
            return TensorSpec(inner, spec.dtype)
        return _kinds().RaggedTensorSpec(inner, spec.dtype, spec.ragged_rank - 1, spec.row_splits_dtype)
    if is_sparse_spec(spec):
        return _kinds().SparseTensorSpec(spec.shape[1:] if spec.shape.rank is not None else None, spec.dtype)
    if is_object_spec(spec):
        return spec._unbatch()
    raise TypeError(f"elements with a part {spec!r} cannot be unbatched")


def ragged_batch_spec(spec: Any, size: int | None, splits_dtype: Any = dt.int64) -> Any:
    """The spec of a ragged batch of tensors: ragged along every axis whose size is not known."""
    if not isinstance(spec, TensorSpec):
        return batched_spec(spec, size)
    if spec.shape.rank is None:
        raise ValueError("ragged_batch needs elements of known rank")
    dims = [size, *spec.shape.as_list()]
    open_axes = [k for k, d in enumerate(dims) if d is None and k]
    if not open_axes:
        return TensorSpec(dims, spec.dtype)
    return _kinds().RaggedTensorSpec(dims, spec.dtype, open_axes[-1], splits_dtype)


def sparse_batch_spec(spec: Any, shape: TensorShape) -> Any:
    """The spec of a sparse batch of tensors. Raises TypeError for composites, ValueError for another rank."""
    if not isinstance(spec, TensorSpec):
        raise TypeError(f"sparse_batch needs elements that are tensors, got {spec}")
    if not spec.shape.is_compatible_with([None] * len(shape)):
        raise ValueError(f"row_shape {shape} does not have the rank of the elements, {spec.shape}")
    return _kinds().SparseTensorSpec([None, *shape.as_list()], spec.dtype)


def spec_fields(spec: Any) -> list[Any] | None:
    """What a file says of a spec; None for one that no file can."""
    dims = None if getattr(spec, "shape", None) is None else spec.shape.as_tuple()
    sizes = None if dims is None else list(dims)
    if is_ragged_spec(spec):
        return ["ragged", sizes, spec.dtype.name, spec.ragged_rank, spec.row_splits_dtype.name]
    return ["sparse", sizes, spec.dtype.name] if is_sparse_spec(spec) else None


def spec_from_fields(fields: Sequence[Any]) -> Any:
    """The spec that a file describes."""
    kind, sizes, dtype, *rest = fields
    if kind == "ragged":
        return _kinds().RaggedTensorSpec(sizes, dtype, *rest)
    return _kinds().SparseTensorSpec(sizes, dtype)


# ---- values ----------------------------------------------------------------------------------------------------------


def is_ragged(x: Any) -> bool:
    """Is it a ragged tensor?"""
    return isinstance(x, _kinds().RaggedTensor)


def count_of(x: Any) -> int:
    """The number of rows of a value."""
    if isinstance(x, np.ndarray):
        return len(x)
    if is_ragged(x):
        return len(x.row_splits._array) - 1
    if hasattr(x, "_batchable"):
        return count_of(parts_of(x)[0])
    return int(x.dense_shape._array[0])


def stacked_values(values: Sequence[Any]) -> Any:
    """Several values as one with a new first axis. Raises InvalidArgumentError where they do not fit."""
    first = values[0]
    if is_ragged(first):
        splits = np.concatenate([[0], np.cumsum([count_of(x) for x in values])])
        kind = first.row_splits._array.dtype
        return _kinds().RaggedTensor.from_row_splits(_joined(values), EagerTensor(splits.astype(kind)), validate=False)
    if isinstance(first, _kinds().SparseTensor):
        return _stacked_sparse(values)
    raise InvalidArgumentError(None, None, f"values of {type(first).__name__} cannot be batched")


def _joined(values: Sequence[Any]) -> Any:
    """Ragged tensors, or arrays of rows, one after the other."""
    if not is_ragged(values[0]):
        return EagerTensor(np.concatenate([x._array if isinstance(x, EagerTensor) else x for x in values]))
    lengths = np.concatenate([np.diff(x.row_splits._array) for x in values])
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(values[0].row_splits._array.dtype)
    inner = _joined([x.values for x in values])
    return _kinds().RaggedTensor.from_row_splits(inner, EagerTensor(splits), validate=False)


def _stacked_sparse(values: Sequence[Any]) -> Any:
    shapes = np.stack([x.dense_shape._array for x in values])
    most = shapes.max(0)
    if (shapes != most).any():
        message = f"Cannot batch sparse tensors of different shapes: {shapes.tolist()}"
        raise InvalidArgumentError(None, None, message)
    indices = [np.insert(x.indices._array, 0, k, axis=1) for k, x in enumerate(values)]
    return _kinds().SparseTensor(
        EagerTensor(np.concatenate(indices)), EagerTensor(np.concatenate([x.values._array for x in values])),
        EagerTensor(np.concatenate([[len(values)], most]).astype(np.int64)),
    )  # fmt: skip


def rows_of(x: Any) -> Iterator[Any]:
    """The rows of a value, as leaves: arrays where they are tensors."""
    if isinstance(x, np.ndarray):
        yield from (x[k, ...] for k in range(len(x)))
    elif is_ragged(x):
        for start, stop in pairwise(x.row_splits._array.tolist()):
            yield _ragged_part(x.values, start, stop)
    elif hasattr(x, "_batchable"):
        yield from (_made_of(x, row) for row in zip(*map(rows_of, parts_of(x))))
    else:
        yield from _sparse_rows(x)


def _ragged_part(values: Any, start: int, stop: int) -> Any:
    """Rows start … stop - 1 of the values of a ragged tensor."""
    if not is_ragged(values):
        return values._array[start:stop]
    splits = values.row_splits._array
    inner = _ragged_part(values.values, int(splits[start]), int(splits[stop]))
    inner = EagerTensor(inner) if isinstance(inner, np.ndarray) else inner
    own = splits[start : stop + 1] - splits[start]
    return _kinds().RaggedTensor.from_row_splits(inner, EagerTensor(own), validate=False)


def _sparse_rows(x: Any) -> Iterator[Any]:
    indices, values, shape = (t._array for t in (x.indices, x.values, x.dense_shape))
    order = np.argsort(indices[:, 0], kind="stable") if len(indices) else np.empty(0, np.int64)
    bounds = np.searchsorted(indices[order, 0], np.arange(int(shape[0]) + 1)) if len(indices) else None
    for k in range(int(shape[0])):
        own = order[:0] if bounds is None else order[bounds[k] : bounds[k + 1]]
        yield _kinds().SparseTensor(EagerTensor(indices[own, 1:]), EagerTensor(values[own]), EagerTensor(shape[1:]))


def sparse_batch(values: Sequence[Array], wanted: Sequence[int | None]) -> Any:
    """Arrays as one sparse tensor of all their elements. Raises DataLossError for one that is larger than wanted."""
    most = [max(sizes) for sizes in zip(*(x.shape for x in values))]
    if any(d is not None and found > d for d, found in zip(wanted, most)):
        message = f"Dimension of an element exceeds row_shape: {most}, expected at most {list(wanted)}"
        raise DataLossError(None, None, message)
    places = [np.argwhere(np.ones(x.shape, bool)).reshape(x.size, x.ndim) for x in values]
    indices = [np.insert(at, 0, k, axis=1) for k, at in enumerate(places)]
    shape = [len(values), *(found if d is None else d for d, found in zip(wanted, most))]
    return _kinds().SparseTensor(
        EagerTensor(np.concatenate(indices)), EagerTensor(np.concatenate([x.ravel() for x in values])),
        EagerTensor(np.array(shape, np.int64)),
    )  # fmt: skip


def batch_of(values: Sequence[Any], spec: Any) -> Any:
    """One leaf of several elements, which are tensors of one rank or composites, as the spec of a batch says; None for
    arrays that are to be an array."""
    if is_object_spec(spec):
        columns = zip(*map(parts_of, values))
        return _made_of(values[0], [_column(column, s) for column, s in zip(columns, spec.component_specs)])
    if not isinstance(values[0], np.ndarray):
        return stacked_values(values)
    if isinstance(spec, TensorSpec):
        return None
    return _as_ragged(list(values), spec.ragged_rank, spec.row_splits_dtype.np)


def _column(values: Sequence[Any], spec: Any) -> Any:
    """A part of several objects, as the spec of that of their batch says."""
    found = batch_of(values, spec)
    if found is not None:
        return found
    if any(x.shape != values[0].shape for x in values):
        shapes = [list(x.shape) for x in values]
        raise InvalidArgumentError(None, None, f"Cannot batch tensors with different shapes: {shapes}")
    return np.stack(values)


def _as_ragged(rows: list[Array], rank: int, kind: Any) -> Any:
    splits = np.concatenate([[0], np.cumsum([len(x) for x in rows])]).astype(kind)
    inner: Any
    if rank > 1:
        inner = _as_ragged([part for x in rows for part in x], rank - 1, kind)
    else:
        inner = EagerTensor(np.concatenate(rows) if rows else np.empty(0))
    return _kinds().RaggedTensor.from_row_splits(inner, EagerTensor(splits), validate=False)
