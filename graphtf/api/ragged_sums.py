"""Sums in ragged tensors: softmax, running sums, log-sum-exp, moments, sums of segments, matrix products.

Invariant: all is made of operations on flat values, whose gradients are theirs. Entry points: the handlers that
graphtf/names/composites.py names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api import arithmetic, linalg, reduce
from graphtf.api.ragged_index import take_rows
from graphtf.api.ragged_math import apply, reduced, reduced_mean
from graphtf.api.ragged_parts import check_rows_alike, check_same_splits, ragged_axis
from graphtf.api.ragged_shape import merge_dims, rank_of
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.sizes import as_size
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]

_sum: Function = reduced(reduce.reduce_sum, "sum")
_max: Function = reduced(reduce.reduce_max, "max")


def ragged_softmax(logits: RaggedTensor, axis: Any = None, name: str | None = None) -> Any:
    """exp(logits) over its sums along an axis, by default the last."""
    if not logits.dtype.is_floating:
        raise wrong_dtype("softmax", f"logits must be floating, got {logits.dtype.name}")
    rank = rank_of(logits)
    if not -rank <= (-1 if axis is None else axis) < rank:
        raise ValueError(f"softmax: axis {axis} is out of range for a tensor of {rank} axes")
    k = ragged_axis(-1 if axis is None else axis, logits, "softmax")
    _check_axes([k], logits, "softmax")
    top = _max(logits, axis=k, keepdims=True)
    powers = apply(lambda x, m: p.exp(p.sub(x, m)), [logits, top])
    return apply(arithmetic.truediv, [powers, _sum(powers, axis=k, keepdims=True)])


def ragged_logsumexp(input_tensor: RaggedTensor, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """log(sum(exp(x))) along axes, by default all."""
    if axis is None and not keepdims:
        return reduce.reduce_logsumexp(input_tensor.flat_values)
    _check_axes(axis, input_tensor, "reduce_logsumexp")
    top = _max(input_tensor, axis=axis, keepdims=True)
    powers = apply(lambda x, m: p.exp(p.sub(x, m)), [input_tensor, top])
    logs, tops = (_log(_sum(powers, axis=axis, keepdims=keepdims)), _max(input_tensor, axis=axis, keepdims=keepdims))
    return apply(p.add, [logs, tops]) if isinstance(logs, RaggedTensor) else p.add(logs, tops)


def _check_axes(axes: Any, x: RaggedTensor, name: str) -> None:
    """Raise InvalidArgumentError for an axis in front of a ragged one that stays: rows do not broadcast along it."""
    listed = range(rank_of(x)) if axes is None else axes if isinstance(axes, (list, tuple)) else [axes]
    kept = set(range(1, x.ragged_rank + 1)) - {k % rank_of(x) for k in listed}
    if any(k % rank_of(x) < inner for k in listed for inner in kept):
        raise failed(name, f"Unable to broadcast: the rows of {x.shape} differ in length along axes {sorted(kept)}")


def _log(x: Any) -> Any:
    return x.with_flat_values(p.log(x.flat_values)) if isinstance(x, RaggedTensor) else p.log(x)


def ragged_moments(
    x: RaggedTensor, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Any, Any]:
    """Mean and variance along axes."""
    from graphtf.api.normalization import moments

    listed = list(axes) if isinstance(axes, (list, tuple)) else [axes]
    if sorted(k % rank_of(x) for k in listed) == list(range(x.ragged_rank + 1)) and not keepdims:
        return moments(x.flat_values, [0])  # type: ignore[no-any-return]
    _check_axes(listed, x, "moments")
    centre = reduced_mean(x, axes, keepdims=True)
    squares = apply(lambda a, m: p.mul(p.sub(a, m), p.sub(a, m)), [x, centre])
    return reduced_mean(x, axes, keepdims), reduced_mean(squares, axes, keepdims)


def ragged_add_n(inputs: Sequence[Any], name: str | None = None) -> Any:
    """The sum of tensors whose rows have the same lengths."""
    first = next(x for x in inputs if isinstance(x, RaggedTensor))
    for x in inputs:
        if not isinstance(x, RaggedTensor):
            raise invalid("add_n", "ragged and dense operands do not mix")
        if x.dtype is not first.dtype:
            raise wrong_dtype("add_n", f"operands of {first.dtype.name} and {x.dtype.name}")
        if x is not first:
            check_rows_alike(first, x, "add_n")
    return first.with_flat_values(arithmetic.add_n([x.flat_values for x in inputs]))


# ---- running sums ----------------------------------------------------------------------------------------------------


def ragged_cumsum(
    x: RaggedTensor, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Any:
    """Running sums along an axis: within rows, or from row to row. Raises ValueError for an axis out of range."""
    rank = rank_of(x)
    if not -rank <= axis < rank:
        raise ValueError(f"cumsum: axis {axis} is out of range for a tensor of {rank} axes")
    k = axis % rank
    if k > x.ragged_rank:
        return x.with_flat_values(reduce.cumsum(x.flat_values, k - x.ragged_rank, exclusive, reverse))
    if k == x.ragged_rank:
        return x.with_flat_values(_within(x, exclusive, reverse))
    dense = reduce.cumsum(x.to_tensor(), k, exclusive, reverse)
    return RaggedTensor.from_tensor(dense, lengths=x.nested_row_lengths(), row_splits_dtype=x.row_splits.dtype)


def _within(x: RaggedTensor, exclusive: bool, reverse: bool) -> Tensor:
    """Running sums within the innermost rows: those of all values, less what ran up in front of the row."""
    inner = x
    while isinstance(inner.values, RaggedTensor):
        inner = inner.values
    flat = inner.values

    def edge(splits: Array) -> list[Array]:
        row = rows.row_ids(splits)
        return [(splits[1:][row] - 1 if reverse else splits[:-1][row]).astype(np.int64)]

    (at,) = on_host(edge, [inner.row_splits], [dt.int64], [flat.ir_type.dims[:1]])
    running = reduce.cumsum(flat, 0, True, reverse)
    found = p.sub(running, p.gather(running, at, axis=0, batch_dims=0))
    return found if exclusive else p.add(found, flat)  # type: ignore[no-any-return]


# ---- segments --------------------------------------------------------------------------------------------------------


def segments_of(dense: Function, name: str) -> Function:
    """A segment reduction of ragged data: rows with one number are laid over each other."""

    def run(data: Any, segment_ids: Any, num_segments: Any, *unused: Any) -> Any:
        if isinstance(segment_ids, RaggedTensor):
            if not isinstance(data, RaggedTensor):
                raise ValueError(f"{name}: ragged segment_ids need ragged data")
            check_same_splits([data.row_splits], [segment_ids.row_splits], name)
            return run(data.values, segment_ids.values, num_segments)
        if not isinstance(data, RaggedTensor):
            return dense(data, segment_ids, num_segments)
        return _laid_over(dense, data, convert_to_tensor(segment_ids), num_segments)

    return run


def _laid_over(dense: Function, x: RaggedTensor, ids: Tensor, num_segments: Any) -> RaggedTensor:
    kind, levels = x.row_splits.dtype, x.nested_row_splits
    size = as_size(num_segments, "num_segments")

    def run(numbers: Array, count: Array, *partitions: Array) -> list[Array]:
        if numbers.shape != (len(partitions[0]) - 1,):
            raise failed("unsorted_segment", f"segment_ids of shape {numbers.shape} for {len(partitions[0]) - 1} rows")
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= count):
            raise failed("unsorted_segment", f"segment_ids must be in [0, {int(count)}), got {numbers.tolist()}")
        made, at = rows.merged_rows(partitions, numbers, int(count))
        return [*(s.astype(kind.np) for s in made), at.astype(np.int64), np.array(made[-1][-1], np.int64)]

    shapes: list[Any] = [(None if size is None else size + 1,), *[(None,)] * (len(levels) - 1), (None,), ()]
    given = [ids, convert_to_tensor(num_segments), *levels]
    *splits, at, total = on_host(run, given, [*[kind] * len(levels), dt.int64, dt.int64], shapes)
    flat = x.flat_values
    made = dense(flat, p.reshape(at, shape=flat.ir_type.dims[:1]), total)
    for s in reversed(splits):
        made = RaggedTensor(made, s)
    return made  # type: ignore[no-any-return]


# ---- matrices --------------------------------------------------------------------------------------------------------


def ragged_matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
    adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False, output_type: Any = None,
    *unused: Any,
) -> Any:  # fmt: skip
    """The products of matrices of any sizes, which must themselves not be ragged.

    Raises ValueError for operands of different ranks, InvalidArgumentError for matrices whose rows differ in length or
    that do not fit.
    """
    left, right = (x if isinstance(x, RaggedTensor) else convert_to_tensor(x) for x in (a, b))
    rank = rank_of(left)
    if rank != rank_of(right) or rank < 2:
        raise ValueError(f"matmul: operands must be of one rank of at least 2, got {left.shape} and {right.shape}")
    options = (transpose_a, transpose_b, adjoint_a, adjoint_b)
    if rank > 3:
        outer = left if isinstance(left, RaggedTensor) else right
        inner = ragged_matmul(_inside(left), _inside(right), *options)
        return outer.with_values(inner)
    if rank == 2:
        return linalg.matmul(_filled(left), _filled(right), *options)
    product = linalg.matmul(_filled(left), _filled(right), *options)
    flips = (transpose_a or adjoint_a, transpose_b or adjoint_b)
    return _cut(product, _sizes(left, 2 if flips[0] else 1), _sizes(right, 1 if flips[1] else 2))


def _inside(x: Any) -> Any:
    return x.values if isinstance(x, RaggedTensor) else merge_dims(x, 0, 1)


def _filled(x: Any) -> Tensor:
    """Matrices filled up with zeros. Raises InvalidArgumentError for one whose rows differ in length."""
    if not isinstance(x, RaggedTensor):
        return x  # type: ignore[no-any-return]
    if x.ragged_rank == rank_of(x) - 1:
        _check_matrices(x)
    return x.to_tensor()


def _check_matrices(x: RaggedTensor) -> None:
    """Raise unless the rows of each matrix have one length."""

    def run(*levels: Array) -> list[Array]:
        lengths, outer = np.diff(levels[-1]), levels[0] if len(levels) > 1 else np.array([0, len(levels[-1]) - 1])
        for start, end in pairwise(outer.tolist()):
            if len(set(lengths[start:end].tolist())) > 1:
                raise failed("matmul", "the matrices may not be ragged in their innermost dimension")
        return []

    on_host(run, list(x.nested_row_splits), [], [])


def _sizes(x: Any, axis: int) -> Any:
    """How long each matrix is along an axis, if that is ragged."""
    if not isinstance(x, RaggedTensor) or x.shape[axis] is not None:
        return None
    if axis == 1:
        return x.row_lengths()
    lengths = x.values.row_lengths()
    first = x.row_splits[:-1]  # type: ignore[index]
    padded = p.concat(lengths, p.reshape(scalar_like(lengths, 0), shape=(1,)), axis=0)
    return p.mul(take_rows(padded, first), p.cast(p.gt(x.row_lengths(), scalar_like(lengths, 0)), dtype=lengths.dtype))


def _cut(product: Tensor, heights: Any, widths: Any) -> Any:
    """Products without what was filled up."""
    if heights is None and widths is None:
        return product
    if widths is None:
        return RaggedTensor.from_tensor(product, lengths=heights)
    count, tall, _ = product.ir_type.dims
    full = p.broadcast(convert_to_tensor(0, dt.int64), shape=(count,))
    height = p.add(full, p.dims(dims=(tall,), dtype=dt.int64)) if heights is None else heights
    each = RaggedTensor.from_row_lengths(_repeated(widths, height), height, validate=False).flat_values
    made = RaggedTensor.from_tensor(product, lengths=(height, each))
    if heights is None and isinstance(tall, int):
        return RaggedTensor(made.values, made.row_splits, tall)
    return made


def _repeated(x: Tensor, times: Tensor) -> Tensor:
    (out,) = on_host(lambda v, n: [np.repeat(v, n)], [x, times], [x.dtype], [(None,)])
    return out
