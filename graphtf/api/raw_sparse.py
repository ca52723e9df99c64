"""`tf.raw_ops` of sparse and ragged tensors in parts: by keyword, under the kernels' names.

Invariant: each puts the parts together, calls the public function, and gives the result's parts. Follows
https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api import ragged, segments, sets, sparse, sparse_segments
from graphtf.api.raw_naming import raw
from graphtf.composite import RaggedTensor, SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files import sparse_messages
from graphtf.ir import dtypes as dt
from graphtf.tensor import Tensor

RaggedRangeResult = namedtuple("RaggedRange", ["rt_nested_splits", "rt_dense_values"])
RaggedToSparseResult = namedtuple("RaggedTensorToSparse", ["sparse_indices", "sparse_values", "sparse_dense_shape"])
ReorderResult = namedtuple("SparseReorder", ["output_indices", "output_values"])
ReshapeResult = namedtuple("SparseReshape", ["output_indices", "output_shape"])
SliceResult = namedtuple("SparseSlice", ["output_indices", "output_values", "output_shape"])
SplitResult = namedtuple("SparseSplit", ["output_indices", "output_values", "output_shape"])
ConcatResult = namedtuple("SparseConcat", ["output_indices", "output_values", "output_shape"])
AddResult = namedtuple("SparseAdd", ["sum_indices", "sum_values", "sum_shape"])
MaximumResult = namedtuple("SparseSparseMaximum", ["output_indices", "output_values"])
MinimumResult = namedtuple("SparseSparseMinimum", ["output_indices", "output_values"])
ListDiffResult = namedtuple("ListDiff", ["out", "idx"])
SetResult = namedtuple("DenseToDenseSetOperation", ["result_indices", "result_values", "result_shape"])
_SETS: dict[str, Callable[..., SparseTensor]] = {
    "a-b": sets.difference, "b-a": lambda a, b, validate_indices: sets.difference(a, b, False, validate_indices),
    "intersection": sets.intersection, "union": sets.union,
}  # fmt: skip


def SparseToDense(
    *, sparse_indices: Any, output_shape: Any, sparse_values: Any, default_value: Any, validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Values at places of a dense tensor.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseToDense.
    """
    values, at = convert_to_tensor(sparse_values), convert_to_tensor(sparse_indices)
    if at.shape.rank != 2 or values.shape.rank != 1:
        from graphtf.api.shaping import broadcast_to, reshape

        at = reshape(at, [1, -1] if at.shape.rank == 0 else [-1, 1]) if at.shape.rank != 2 else at
        values = broadcast_to(values, at.shape[:1])
    x = SparseTensor(sparse.cast_wide(at), values, sparse.cast_wide(output_shape))
    return sparse.to_dense(x, default_value, validate_indices)


def SparseReorder(*, input_indices: Any, input_values: Any, input_shape: Any, name: str | None = None) -> Any:
    """In row-major order. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseReorder."""
    x = sparse.reorder(SparseTensor(input_indices, input_values, input_shape))
    return ReorderResult(x.indices, x.values)


def SparseReshape(*, input_indices: Any, input_shape: Any, new_shape: Any, name: str | None = None) -> Any:
    """The places in another shape. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseReshape."""
    at = convert_to_tensor(input_indices, dt.int64)
    x = sparse.reshape(SparseTensor(at, at[:, 0], input_shape), new_shape)  # type: ignore[index]
    return ReshapeResult(x.indices, x.dense_shape)


def SparseSlice(*, indices: Any, values: Any, shape: Any, start: Any, size: Any, name: str | None = None) -> Any:
    """A part. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSlice."""
    return SliceResult(*sparse.slice(SparseTensor(indices, values, shape), start, size)._components())


def SparseSplit(
    *, split_dim: Any, indices: Any, values: Any, shape: Any, num_split: int, name: str | None = None
) -> Any:
    """Parts along an axis. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSplit."""
    parts = sparse.split(SparseTensor(indices, values, shape), num_split, split_dim)
    return SplitResult(*(list(column) for column in zip(*(x._components() for x in parts))))


def SparseConcat(*, indices: Any, values: Any, shapes: Any, concat_dim: int, name: str | None = None) -> Any:
    """One after another along an axis. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseConcat."""
    parts = [SparseTensor(*x) for x in zip(indices, values, shapes)]
    return ConcatResult(*sparse.concat(concat_dim, parts)._components())


def SparseAdd(
    *, a_indices: Any, a_values: Any, a_shape: Any, b_indices: Any, b_values: Any, b_shape: Any, thresh: Any,
    name: str | None = None,
) -> Any:  # fmt: skip
    """a + b. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseAdd."""
    a, b = SparseTensor(a_indices, a_values, a_shape), SparseTensor(b_indices, b_values, b_shape)
    return AddResult(*sparse.add(a, b, thresh)._components())


def SparseSparseMaximum(
    *, a_indices: Any, a_values: Any, a_shape: Any, b_indices: Any, b_values: Any, b_shape: Any, name: str | None = None
) -> Any:
    """The larger of both. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSparseMaximum."""
    a, b = SparseTensor(a_indices, a_values, a_shape), SparseTensor(b_indices, b_values, b_shape)
    return MaximumResult(*sparse.maximum(a, b)._components()[:2])


def SparseSparseMinimum(
    *, a_indices: Any, a_values: Any, a_shape: Any, b_indices: Any, b_values: Any, b_shape: Any, name: str | None = None
) -> Any:
    """The smaller of both. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSparseMinimum."""
    a, b = SparseTensor(a_indices, a_values, a_shape), SparseTensor(b_indices, b_values, b_shape)
    return MinimumResult(*sparse.minimum(a, b)._components()[:2])


SparseTensorDenseAdd = raw(
    "SparseTensorDenseAdd",
    lambda *, a_indices, a_values, a_shape, b, name=None: sparse.add(SparseTensor(a_indices, a_values, a_shape), b),
)
SparseTensorDenseMatMul = raw(
    "SparseTensorDenseMatMul",
    lambda *, a_indices, a_values, a_shape, b, adjoint_a=False, adjoint_b=False, name=None: sparse.sparse_dense_matmul(
        SparseTensor(a_indices, a_values, a_shape), b, adjoint_a, adjoint_b
    ),
)
SparseSoftmax = raw(
    "SparseSoftmax",
    lambda *, sp_indices, sp_values, sp_shape, name=None: (
        sparse.softmax(SparseTensor(sp_indices, sp_values, sp_shape)).values
    ),
)
SparseDenseCwiseMul = raw(
    "SparseDenseCwiseMul",
    lambda *, sp_indices, sp_values, sp_shape, dense, name=None: (
        (SparseTensor(sp_indices, sp_values, sp_shape) * dense).values
    ),
)
SparseDenseCwiseDiv = raw(
    "SparseDenseCwiseDiv",
    lambda *, sp_indices, sp_values, sp_shape, dense, name=None: (
        (SparseTensor(sp_indices, sp_values, sp_shape) / dense).values
    ),
)
SparseReduceSum = raw(
    "SparseReduceSum",
    lambda *, input_indices, input_values, input_shape, reduction_axes, keep_dims=False, name=None: sparse.reduce_sum(
        SparseTensor(input_indices, input_values, input_shape), reduction_axes, keep_dims
    ),
)
SparseReduceMax = raw(
    "SparseReduceMax",
    lambda *, input_indices, input_values, input_shape, reduction_axes, keep_dims=False, name=None: sparse.reduce_max(
        SparseTensor(input_indices, input_values, input_shape), reduction_axes, keep_dims
    ),
)
SparseSegmentSum = raw(
    "SparseSegmentSum",
    lambda *, data, indices, segment_ids, sparse_gradient=False, name=None: sparse_segments.segment_sum(
        data, indices, segment_ids
    ),
)
SparseSegmentMean = raw(
    "SparseSegmentMean",
    lambda *, data, indices, segment_ids, sparse_gradient=False, name=None: sparse_segments.segment_mean(
        data, indices, segment_ids
    ),
)
SparseSegmentSqrtN = raw(
    "SparseSegmentSqrtN",
    lambda *, data, indices, segment_ids, sparse_gradient=False, name=None: sparse_segments.segment_sqrt_n(
        data, indices, segment_ids
    ),
)
SerializeSparse = raw(
    "SerializeSparse",
    lambda *, sparse_indices, sparse_values, sparse_shape, out_type=dt.string, name=None: (
        sparse_messages.serialize_sparse(SparseTensor(sparse_indices, sparse_values, sparse_shape), out_type)
    ),
)
SerializeManySparse = raw(
    "SerializeManySparse",
    lambda *, sparse_indices, sparse_values, sparse_shape, out_type=dt.string, name=None: (
        sparse_messages.serialize_many_sparse(SparseTensor(sparse_indices, sparse_values, sparse_shape), out_type)
    ),
)
SetSize = raw(
    "SetSize",
    lambda *, set_indices, set_values, set_shape, validate_indices=True, name=None: sets.size(
        SparseTensor(set_indices, set_values, set_shape), validate_indices
    ),
)
DenseToDenseSetOperation = raw(
    "DenseToDenseSetOperation",
    lambda *, set1, set2, set_operation, validate_indices=True, name=None: SetResult(
        *_SETS[set_operation](set1, set2, validate_indices=validate_indices)._components()
    ),
)
Bincount = raw(
    "Bincount",
    lambda *, arr, size, weights, name=None: segments.bincount(
        arr, _weights(weights), minlength=size, maxlength=size, dtype=convert_to_tensor(weights).dtype
    ),
)


def _weights(weights: Any) -> Any:
    """Weights, or None where there are none."""
    w = convert_to_tensor(weights)
    return None if w.shape.num_elements() == 0 else w


def ListDiff(*, x: Any, y: Any, out_idx: Any = dt.int32, name: str | None = None) -> Any:
    """The elements of x that are not in y. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ListDiff."""
    first, kind = convert_to_tensor(x), dt.as_dtype(out_idx)

    def run(a: Any, b: Any) -> list[Any]:
        kept = np.flatnonzero(~np.isin(a, b))
        return [a[kept], kept.astype(kind.np)]

    found = on_host(run, [first, convert_to_tensor(y, first.dtype)], [first.dtype, kind], [(None,), (None,)])
    return ListDiffResult(*found)


def RaggedRange(*, starts: Any, limits: Any, deltas: Any, Tsplits: Any = dt.int64, name: str | None = None) -> Any:
    """Rows of numbers. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/RaggedRange."""
    x = ragged.range(starts, limits, deltas, row_splits_dtype=Tsplits)
    return RaggedRangeResult(x.row_splits, x.flat_values)


def RaggedTensorToSparse(*, rt_nested_splits: Any, rt_dense_values: Any, name: str | None = None) -> Any:
    """The parts of a sparse tensor.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/RaggedTensorToSparse.
    """
    x = RaggedTensor.from_nested_row_splits(rt_dense_values, rt_nested_splits)
    return RaggedToSparseResult(*x.to_sparse()._components())
