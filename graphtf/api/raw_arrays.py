"""`tf.raw_ops` reducing, moving and choosing elements: by keyword, under the kernels' names.

Invariant: each is the public function of the same meaning (graphtf/api/raw.py holds those that have none).
Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from graphtf.api import (
    arithmetic,
    blocks,
    creation,
    debugging,
    padding,
    reduce,
    search,
    segments,
    selection,
    shaping,
)
from graphtf.api.raw_naming import raw
from graphtf.ir import dtypes as dt
from graphtf.tensor import Tensor

AddN = raw("AddN", lambda *, inputs, name=None: arithmetic.add_n(inputs))
All = raw("All", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_all(input, axis, keep_dims))
Any = raw("Any", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_any(input, axis, keep_dims))
BatchToSpace = raw(
    "BatchToSpace",
    lambda *, input, crops, block_size, name=None: blocks.batch_to_space(input, [block_size, block_size], crops),
)
BatchToSpaceND = raw(
    "BatchToSpaceND", lambda *, input, block_shape, crops, name=None: blocks.batch_to_space(input, block_shape, crops)
)
Bitcast = raw("Bitcast", lambda *, input, type, name=None: creation.bitcast(input, type))
BroadcastArgs = raw("BroadcastArgs", lambda *, s0, s1, name=None: shaping.broadcast_dynamic_shape(s0, s1))
BroadcastTo = raw("BroadcastTo", lambda *, input, shape, name=None: shaping.broadcast_to(input, shape))
CheckNumerics = raw("CheckNumerics", lambda *, tensor, message, name=None: debugging.check_numerics(tensor, message))
CheckNumericsV2 = raw(
    "CheckNumericsV2", lambda *, tensor, message, name=None: debugging.check_numerics(tensor, message)
)
Concat = raw("Concat", lambda *, concat_dim, values, name=None: shaping.concat(values, concat_dim))
ConcatV2 = raw("ConcatV2", lambda *, values, axis, name=None: shaping.concat(values, axis))
Copy = raw("Copy", lambda *, input, tensor_name="", debug_ops_spec=(), name=None: shaping.identity(input))
Cumprod = raw(
    "Cumprod", lambda *, x, axis, exclusive=False, reverse=False, name=None: reduce.cumprod(x, axis, exclusive, reverse)
)
Cumsum = raw(
    "Cumsum", lambda *, x, axis, exclusive=False, reverse=False, name=None: reduce.cumsum(x, axis, exclusive, reverse)
)
CumulativeLogsumexp = raw(
    "CumulativeLogsumexp",
    lambda *, x, axis, exclusive=False, reverse=False, name=None: reduce.cumulative_logsumexp(
        x, axis, exclusive, reverse
    ),
)
DynamicPartition = raw(
    "DynamicPartition",
    lambda *, data, partitions, num_partitions, name=None: search.dynamic_partition(data, partitions, num_partitions),
)
DynamicStitch = raw("DynamicStitch", lambda *, indices, data, name=None: search.dynamic_stitch(indices, data))
Empty = raw("Empty", lambda *, shape, dtype, init=False, name=None: creation.zeros(shape, dtype))
EnsureShape = raw("EnsureShape", lambda *, input, shape, name=None: shaping.ensure_shape(input, shape))
EuclideanNorm = raw(
    "EuclideanNorm",
    lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_euclidean_norm(input, axis, keep_dims),
)
ExpandDims = raw("ExpandDims", lambda *, input, axis, name=None: shaping.expand_dims(input, axis))
Fill = raw("Fill", lambda *, dims, value, name=None: creation.fill(dims, value))
Gather = raw("Gather", lambda *, params, indices, validate_indices=True, name=None: selection.gather(params, indices))
GatherNd = raw(
    "GatherNd", lambda *, params, indices, bad_indices_policy="", name=None: selection.gather_nd(params, indices)
)
GatherV2 = raw(
    "GatherV2",
    lambda *, params, indices, axis, batch_dims=0, name=None: selection.gather(
        params, indices, axis=axis, batch_dims=batch_dims
    ),
)
HistogramFixedWidth = raw(
    "HistogramFixedWidth",
    lambda *, values, value_range, nbins, dtype=dt.int32, name=None: search.histogram_fixed_width(
        values, value_range, nbins, dtype
    ),
)
Identity = raw("Identity", lambda *, input, name=None: shaping.identity(input))
IdentityN = raw("IdentityN", lambda *, input, name=None: shaping.identity_n(input))
InTopK = raw("InTopK", lambda *, predictions, targets, k, name=None: search.in_top_k(targets, predictions, k))
InTopKV2 = raw("InTopKV2", lambda *, predictions, targets, k, name=None: search.in_top_k(targets, predictions, k))
InvertPermutation = raw("InvertPermutation", lambda *, x, name=None: search.invert_permutation(x))
LinSpace = raw(
    "LinSpace", lambda *, start, stop, num, name=None: shaping.stop_gradient(creation.linspace_nd(start, stop, num))
)
LowerBound = raw(
    "LowerBound",
    lambda *, sorted_inputs, values, out_type=dt.int32, name=None: search.searchsorted(
        sorted_inputs, values, "left", out_type
    ),
)
Max = raw("Max", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_max(input, axis, keep_dims))
Mean = raw("Mean", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_mean(input, axis, keep_dims))
Min = raw("Min", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_min(input, axis, keep_dims))
MirrorPad = raw("MirrorPad", lambda *, input, paddings, mode, name=None: padding.pad(input, paddings, mode))
OneHot = raw(
    "OneHot",
    lambda *, indices, depth, on_value, off_value, axis=-1, name=None: creation.one_hot(
        indices, depth, on_value, off_value, axis
    ),
)
Pack = raw("Pack", lambda *, values, axis=0, name=None: shaping.stack(values, axis))
Pad = raw("Pad", lambda *, input, paddings, name=None: padding.pad(input, paddings))
PadV2 = raw(
    "PadV2",
    lambda *, input, paddings, constant_values, name=None: padding.pad(input, paddings, "CONSTANT", constant_values),
)
ParallelDynamicStitch = raw(
    "ParallelDynamicStitch", lambda *, indices, data, name=None: search.dynamic_stitch(indices, data)
)
PlaceholderWithDefault = raw(
    "PlaceholderWithDefault", lambda *, input, shape, name=None: shaping.ensure_shape(input, shape)
)
Prod = raw("Prod", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_prod(input, axis, keep_dims))
Range = raw("Range", lambda *, start, limit, delta, name=None: creation.range(start, limit, delta))
Rank = raw("Rank", lambda *, input, name=None: shaping.rank(input))
Reshape = raw("Reshape", lambda *, tensor, shape, name=None: shaping.reshape(tensor, shape))
ReverseSequence = raw(
    "ReverseSequence",
    lambda *, input, seq_lengths, seq_dim, batch_dim=0, name=None: shaping.reverse_sequence(
        input, seq_lengths, seq_dim, batch_dim
    ),
)
ReverseV2 = raw("ReverseV2", lambda *, tensor, axis, name=None: shaping.reverse(tensor, axis))
Roll = raw("Roll", lambda *, input, shift, axis, name=None: shaping.roll(input, shift, axis))
ScatterNd = raw(
    "ScatterNd",
    lambda *, indices, updates, shape, bad_indices_policy="", name=None: selection.scatter_nd(indices, updates, shape),
)
SegmentMax = raw("SegmentMax", lambda *, data, segment_ids, name=None: segments.segment_max(data, segment_ids))
SegmentMean = raw("SegmentMean", lambda *, data, segment_ids, name=None: segments.segment_mean(data, segment_ids))
SegmentMin = raw("SegmentMin", lambda *, data, segment_ids, name=None: segments.segment_min(data, segment_ids))
SegmentProd = raw("SegmentProd", lambda *, data, segment_ids, name=None: segments.segment_prod(data, segment_ids))
SegmentSum = raw("SegmentSum", lambda *, data, segment_ids, name=None: segments.segment_sum(data, segment_ids))
SegmentSumV2 = raw(
    "SegmentSumV2",
    lambda *, data, segment_ids, num_segments, name=None: segments.unsorted_segment_sum(
        data, segment_ids, num_segments
    ),
)
Shape = raw("Shape", lambda *, input, out_type=dt.int32, name=None: shaping.shape(input, out_type))
ShapeN = raw("ShapeN", lambda *, input, out_type=dt.int32, name=None: shaping.shape_n(input, out_type))
Size = raw("Size", lambda *, input, out_type=dt.int32, name=None: shaping.size(input, out_type))
Slice = raw("Slice", lambda *, input, begin, size, name=None: selection.slice(input, begin, size))
Snapshot = raw("Snapshot", lambda *, input, name=None: shaping.identity(input))
SpaceToBatch = raw(
    "SpaceToBatch",
    lambda *, input, paddings, block_size, name=None: blocks.space_to_batch_nd(
        input, [block_size, block_size], paddings
    ),
)
SpaceToBatchND = raw(
    "SpaceToBatchND",
    lambda *, input, block_shape, paddings, name=None: blocks.space_to_batch_nd(input, block_shape, paddings),
)
Split = raw("Split", lambda *, axis, value, num_split, name=None: shaping.split(value, num_split, axis))
SplitV = raw(
    "SplitV",
    lambda *, value, size_splits, axis, num_split, name=None: shaping.split(value, size_splits, axis, num_split),
)
Squeeze = raw("Squeeze", lambda *, input, axis=(), name=None: shaping.squeeze(input, list(axis) or None))
StopGradient = raw("StopGradient", lambda *, input, name=None: shaping.stop_gradient(input))
Sum = raw("Sum", lambda *, input, axis, keep_dims=False, name=None: reduce.reduce_sum(input, axis, keep_dims))
TensorScatterAdd = raw(
    "TensorScatterAdd",
    lambda *, tensor, indices, updates, bad_indices_policy="", name=None: selection.tensor_scatter_nd_add(
        tensor, indices, updates
    ),
)
TensorScatterMax = raw(
    "TensorScatterMax",
    lambda *, tensor, indices, updates, bad_indices_policy="", name=None: selection.tensor_scatter_nd_max(
        tensor, indices, updates
    ),
)
TensorScatterMin = raw(
    "TensorScatterMin",
    lambda *, tensor, indices, updates, bad_indices_policy="", name=None: selection.tensor_scatter_nd_min(
        tensor, indices, updates
    ),
)
TensorScatterSub = raw(
    "TensorScatterSub",
    lambda *, tensor, indices, updates, bad_indices_policy="", name=None: selection.tensor_scatter_nd_sub(
        tensor, indices, updates
    ),
)
TensorScatterUpdate = raw(
    "TensorScatterUpdate",
    lambda *, tensor, indices, updates, bad_indices_policy="", name=None: selection.tensor_scatter_nd_update(
        tensor, indices, updates
    ),
)
Tile = raw("Tile", lambda *, input, multiples, name=None: shaping.tile(input, multiples))
TopK = raw("TopK", lambda *, input, k, sorted=True, name=None: selection.top_k(input, k, sorted))
TopKV2 = raw(
    "TopKV2",
    lambda *, input, k, sorted=True, index_type=dt.int32, name=None: selection.top_k(input, k, sorted, index_type),
)
Transpose = raw("Transpose", lambda *, x, perm, name=None: shaping.transpose(x, perm))
Unique = raw("Unique", lambda *, x, out_idx=dt.int32, name=None: selection.unique(x, out_idx))
UniqueWithCounts = raw(
    "UniqueWithCounts", lambda *, x, out_idx=dt.int32, name=None: selection.unique_with_counts(x, out_idx)
)
Unpack = raw("Unpack", lambda *, value, num, axis=0, name=None: shaping.unstack(value, num, axis))
UnravelIndex = raw("UnravelIndex", lambda *, indices, dims, name=None: search.unravel_index(indices, dims))
UnsortedSegmentMax = raw(
    "UnsortedSegmentMax",
    lambda *, data, segment_ids, num_segments, name=None: segments.unsorted_segment_max(
        data, segment_ids, num_segments
    ),
)
UnsortedSegmentMin = raw(
    "UnsortedSegmentMin",
    lambda *, data, segment_ids, num_segments, name=None: segments.unsorted_segment_min(
        data, segment_ids, num_segments
    ),
)
UnsortedSegmentProd = raw(
    "UnsortedSegmentProd",
    lambda *, data, segment_ids, num_segments, name=None: segments.unsorted_segment_prod(
        data, segment_ids, num_segments
    ),
)
UnsortedSegmentSum = raw(
    "UnsortedSegmentSum",
    lambda *, data, segment_ids, num_segments, name=None: segments.unsorted_segment_sum(
        data, segment_ids, num_segments
    ),
)
UpperBound = raw(
    "UpperBound",
    lambda *, sorted_inputs, values, out_type=dt.int32, name=None: search.searchsorted(
        sorted_inputs, values, "right", out_type
    ),
)
Where = raw("Where", lambda *, condition, name=None: selection.where(condition))


def StridedSlice(
    *, input: object, begin: object, end: object, strides: object, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, name: str | None = None,
) -> Tensor:  # fmt: skip
    """A slice. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/StridedSlice."""
    masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
    return selection.strided_slice(input, begin, end, strides, *masks)
