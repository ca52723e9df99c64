"""Rows of a table, combined: each row of a `SparseTensor` of ids becomes a weighted sum or mean of the rows it names.

Invariant: all is made of gathers and segment sums, whose gradients are theirs. Entry points: `embedding_lookup_sparse`,
`safe_embedding_lookup_sparse`.
"""

from __future__ import annotations

from typing import Any

from graphtf.api.arithmetic import div_no_nan
from graphtf.api.lookup import embedding_lookup
from graphtf.api.segments import segment_sum, unsorted_segment_sum
from graphtf.api.shaping import reshape
from graphtf.composite import RaggedTensor, SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.run_time import named_size
from graphtf.tensor import Tensor

_COMBINERS = ("mean", "sqrtn", "sum")


def _checked(sp_ids: Any, sp_weights: Any, combiner: Any) -> str:
    if combiner is None:
        combiner = "mean"
    if combiner not in _COMBINERS:
        raise ValueError(f"combiner must be one of 'mean', 'sqrtn' or 'sum', got {combiner}")
    if not isinstance(sp_ids, (SparseTensor, RaggedTensor)):
        raise TypeError(f"sp_ids must be SparseTensor, got {type(sp_ids)}")
    if sp_weights is not None and not isinstance(sp_weights, (SparseTensor, RaggedTensor)):
        raise TypeError(f"sp_weights must be either None or SparseTensor, got {type(sp_weights)}")
    return combiner  # type: ignore[no-any-return]


def _as_sparse(x: Any) -> Any:
    return x.to_sparse() if isinstance(x, RaggedTensor) else x


def _column(x: Tensor, like: Tensor) -> Tensor:
    return p.reshape(x, shape=(*x.ir_type.dims, *(1,) * (len(like.ir_type.dims) - 1)))


def _rows_of(ids: SparseTensor) -> Tensor:
    (count, _) = ids.indices.ir_type.dims
    return p.reshape(p.slice(ids.indices, starts=(0, 0), limits=(count, 1), strides=(1, 1)), shape=(count,))


def _share(total: Any, weights: Tensor, combiner: str, sums: Any) -> Tensor:
    """The sums of rows, over those of their weights (mean) or the root of their squares (sqrtn)."""
    if combiner == "sum":
        return total  # type: ignore[no-any-return]
    whole = sums(weights) if combiner == "mean" else p.sqrt(sums(p.mul(weights, weights)))
    return div_no_nan(total, p.broadcast(_column(whole, total), shape=total.ir_type.dims))


def embedding_lookup_sparse(
    params: Any, sp_ids: Any, sp_weights: Any, combiner: Any = None, max_norm: Any = None, name: str | None = None,
    allow_fast_lookup: bool = False,
) -> Tensor:  # fmt: skip
    """For each row of ids, the rows of a table that they name, combined: "sum", "mean" (the default), or "sqrtn".

    Raises TypeError for ids or weights neither sparse nor ragged, ValueError for another combiner.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/embedding_lookup_sparse.

    >>> ids = SparseTensor([[0, 0], [0, 1]], [1, 2], [1, 2])
    >>> embedding_lookup_sparse([[1.], [2.], [4.]], ids, None).numpy().tolist()
    [[3.0]]
    """
    combiner = _checked(sp_ids, sp_weights, combiner)
    sp_ids, sp_weights = _as_sparse(sp_ids), _as_sparse(sp_weights)
    rows, at = embedding_lookup(params, sp_ids.values, max_norm=max_norm), _rows_of(sp_ids)
    one = p.broadcast(scalar_like(rows, 1), shape=rows.ir_type.dims[:1])
    weights = one if sp_weights is None else p.cast(sp_weights.values, dtype=rows.dtype)
    total = segment_sum(p.mul(rows, _column(weights, rows)), at)
    return _share(total, weights, combiner, lambda w: segment_sum(w, at))


def _by_rows(
    embedding_weights: Any, sparse_ids: Any, sparse_weights: Any, combiner: str, default_id: Any, max_norm: Any
) -> Tensor:
    """The lookup of ids of more axes: of the matrix of their rows, its result with these axes in front."""
    from graphtf.api import sparse  # which is many functions, of which this needs one

    sizes, axes = sparse_ids.dense_shape, sparse_ids.indices.shape[1]
    lead = p.slice(sizes, starts=(0,), limits=(axes - 1,), strides=(1,))
    last = p.slice(sizes, starts=(axes - 1,), limits=(axes,), strides=(1,))
    matrix = p.concat(p.reshape(p.reduce_prod(lead, axes=(0,)), shape=(1,)), last, axis=0)
    ids = sparse.reshape(sparse_ids, matrix)
    weights = None if sparse_weights is None else sparse.reshape(sparse_weights, matrix)
    found = safe_embedding_lookup_sparse(embedding_weights, ids, weights, combiner, default_id, max_norm)
    out = reshape(found, p.concat(lead, p.dims(dims=found.ir_type.dims[1:], dtype=dt.int64), axis=0))
    out.set_shape([*sparse_ids.shape[:-1], *found.shape[1:]])
    return out


def safe_embedding_lookup_sparse(
    embedding_weights: Any, sparse_ids: Any, sparse_weights: Any = None, combiner: str = "mean", default_id: Any = None,
    max_norm: Any = None, name: str | None = None, allow_fast_lookup: bool = False,
) -> Tensor:  # fmt: skip
    """`embedding_lookup_sparse` that passes over negative ids and, unless summing, weights that are not positive.

    A row without ids is zero, or the row of `default_id`. Raises ValueError for ids that are no matrix.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/safe_embedding_lookup_sparse.

    >>> ids = SparseTensor([[0, 0], [1, 0]], [1, -1], [2, 1])
    >>> safe_embedding_lookup_sparse([[1.], [2.]], ids).numpy().tolist()
    [[2.0], [0.0]]
    """
    combiner = _checked(sparse_ids, sparse_weights, combiner)
    sparse_ids, sparse_weights = _as_sparse(sparse_ids), _as_sparse(sparse_weights)
    rank = sparse_ids.indices.shape[1]
    if rank < 2:
        raise ValueError(f"safe_embedding_lookup_sparse: ids must be a matrix, got the shape {sparse_ids.shape}")
    if rank > 2:
        return _by_rows(embedding_weights, sparse_ids, sparse_weights, combiner, default_id, max_norm)
    ids, at = sparse_ids.values, _rows_of(sparse_ids)
    first = p.slice(sparse_ids.dense_shape, starts=(0,), limits=(1,), strides=(1,))
    count = named_size(p.reshape(first, shape=()))
    valid = p.ge(ids, scalar_like(ids, 0))
    rows = embedding_lookup(embedding_weights, p.select(valid, ids, scalar_like(ids, 0)), max_norm=max_norm)
    one = p.broadcast(scalar_like(rows, 1), shape=rows.ir_type.dims[:1])
    weights = one if sparse_weights is None else p.cast(sparse_weights.values, dtype=rows.dtype)
    if combiner != "sum":
        valid = p.logical_and(valid, p.gt(weights, scalar_like(weights, 0)))
    weights = p.select(valid, weights, scalar_like(weights, 0))

    def sums(w: Tensor) -> Tensor:
        return unsorted_segment_sum(w, at, count)

    found = _share(sums(p.mul(rows, _column(weights, rows))), weights, combiner, sums)
    if default_id is None:
        return found
    empty = p.eq(sums(p.cast(valid, dtype=rows.dtype)), scalar_like(rows, 0))
    filler = embedding_lookup(embedding_weights, convert_to_tensor([default_id], dt.int64), max_norm=max_norm)
    return p.select(p.broadcast(_column(empty, found), shape=found.ir_type.dims), filler, found)
