"""Rows by their ids, the few largest elements, and sequences made monotonic.

Invariant: all are made of other ops, whose gradients are theirs. Entry points: `embedding_lookup`, `approx_max_k`,
`approx_min_k`, `isotonic_regression`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from graphtf.api.norm import norm
from graphtf.api.segments import unsorted_segment_mean
from graphtf.api.selection import gather, top_k
from graphtf.composite import RaggedTensor
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p
from graphtf.sizes import as_axis
from graphtf.tensor import Tensor
from graphtf.variable import Variable


class ApproxTopK(NamedTuple):
    """What `approx_max_k` gives."""

    values: Tensor
    indices: Tensor


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Tensor:
    """The rows of a table that `ids` names, made shorter where they are longer than `max_norm`.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/embedding_lookup.

    >>> embedding_lookup([[1, 2], [3, 4]], [1])
    <tf.Tensor: shape=(1, 2), dtype=int32, numpy=array([[3, 4]], dtype=int32)>
    """
    if isinstance(ids, RaggedTensor):
        return ids.with_flat_values(embedding_lookup(params, ids.flat_values, max_norm))  # type: ignore[return-value]
    table = params[0] if isinstance(params, (list, tuple)) and isinstance(params[0], (Tensor, Variable)) else params
    rows = gather(table, ids)
    if max_norm is None:
        return rows
    rank = convert_to_tensor(ids).shape.rank or 0
    length = norm(rows, axis=list(range(rank, len(rows.ir_type.dims))), keepdims=True)
    most = convert_to_tensor(max_norm, rows.dtype)
    out: Tensor = rows * most / p.maximum(length, p.broadcast(most, shape=length.ir_type.dims))
    return out


def approx_max_k(
    operand: Any, k: int, reduction_dimension: int = -1, recall_target: float = 0.95,
    reduction_input_size_override: int = -1, aggregate_to_topk: bool = True, name: str | None = None,
) -> ApproxTopK:  # fmt: skip
    """The k largest elements along an axis, and where they are; here they are exact.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/approx_max_k.

    >>> approx_max_k([1., 5., 3.], 2).indices
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    x = convert_to_tensor(operand)
    rank = len(x.ir_type.dims)
    axis = as_axis(reduction_dimension, rank, "approx_max_k")
    order = tuple(a for a in range(rank) if a != axis) + (axis,)
    found = top_k(p.transpose(x, perm=order), k)
    back = tuple(order.index(a) for a in range(rank))
    return ApproxTopK(*(p.transpose(t, perm=back) for t in (found.values, found.indices)))


def approx_min_k(
    operand: Any, k: int, reduction_dimension: int = -1, recall_target: float = 0.95,
    reduction_input_size_override: int = -1, aggregate_to_topk: bool = True, name: str | None = None,
) -> ApproxTopK:  # fmt: skip
    """The k smallest elements along an axis, and where they are; here they are exact.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/approx_min_k.

    >>> approx_min_k([1., 5., 3.], 2).indices
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([0, 2], dtype=int32)>
    """
    found = approx_max_k(p.neg(convert_to_tensor(operand)), k, reduction_dimension)
    return ApproxTopK(p.neg(found.values), found.indices)


# ---- isotonic regression ---------------------------------------------------------------------------------------------


class IsotonicRegression(NamedTuple):
    """What `isotonic_regression` gives."""

    output: Tensor
    segments: Tensor


def isotonic_regression(inputs: Any, decreasing: bool = True, axis: int = -1) -> Any:
    """The nearest sequences, in least squares, that only fall (or only rise), and the segments on which they are even.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/isotonic_regression.

    >>> isotonic_regression([3., 1., 2.]).output
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([3. , 1.5, 1.5], dtype=float32)>
    """
    x = convert_to_tensor(inputs)
    rank = len(x.ir_type.dims)
    at = as_axis(axis, rank, "isotonic_regression")
    order = tuple(a for a in range(rank) if a != at) + (at,)
    back = tuple(order.index(a) for a in range(rank))
    rows = p.transpose(x, perm=order)
    dims = rows.ir_type.dims
    length, count = dims[-1], product(dims)
    flat = p.reshape(rows if decreasing else p.neg(rows), shape=(product(dims[:-1]), length))
    (segments,) = on_host(_segments, [flat], [dt.int32], [flat.ir_type.dims])
    lead = p.iota(shape=flat.ir_type.dims, axis=0, dtype=dt.int32)
    own = p.add(segments, p.mul(lead, convert_to_tensor(length, dt.int32)))
    at_each = p.reshape(own, shape=(count,))
    means = unsorted_segment_mean(p.reshape(flat, shape=(count,)), at_each, count)
    level = p.reshape(p.gather(means, at_each, axis=0, batch_dims=0), shape=dims)
    level = level if decreasing else p.neg(level)
    found = p.transpose(level, perm=back), p.transpose(p.reshape(segments, shape=dims), perm=back)
    return IsotonicRegression(*found) if decreasing else found


def _segments(rows: np.ndarray[Any, Any]) -> Sequence[np.ndarray[Any, Any]]:
    """For each row, the number of the segment of each element: neighbours that rise are pooled."""
    out = np.zeros(rows.shape, np.int32)
    for row, into in zip(rows.astype(np.float64), out):
        pools: list[tuple[float, int]] = []  # (sum, length)
        for value in row.tolist():
            total, length = value, 1
            while pools and pools[-1][0] / pools[-1][1] <= total / length:
                before, more = pools.pop()
                total, length = total + before, length + more
            pools.append((total, length))
        into[:] = np.repeat(np.arange(len(pools), dtype=np.int32), [n for _, n in pools])
    return [out]
