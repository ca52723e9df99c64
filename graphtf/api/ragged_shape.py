"""Shapes of ragged tensors: axes added, merged and taken away; joining, repeating, reversing.

Invariant: positions are worked out on the host, and values move by `gather`. Entry points: the `ragged_…` functions
below, which stand for `tf.concat` and its kin where an argument is ragged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor, _count, count_dim
from graphtf.refusal import invalid
from graphtf.sizes import as_axis
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def as_ragged_or_tensor(x: Any) -> Any:
    """A ragged tensor as it is, other things as tensors."""
    return x if isinstance(x, RaggedTensor) else convert_to_tensor(x)


def rank_of(x: Any) -> int:
    """The rank. Raises ValueError if unknown."""
    rank = x.shape.rank
    if rank is None:
        raise ValueError("the rank of a ragged argument is not known")
    return rank  # type: ignore[no-any-return]


def raised(x: Any, ragged_rank: int, kind: Any = None) -> Any:
    """x with at least so many ragged axes."""
    have = x.ragged_rank if isinstance(x, RaggedTensor) else 0
    if have >= ragged_rank:
        return x
    if not isinstance(x, RaggedTensor):
        made = RaggedTensor.from_tensor(x, ragged_rank=ragged_rank)
        return made if kind is None else made.with_row_splits_dtype(kind)
    return x.with_values(raised(x.values, ragged_rank - 1, x.row_splits.dtype))


# ---- axes ------------------------------------------------------------------------------------------------------------


def ragged_expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """An axis of size 1 before `axis`."""
    x = as_ragged_or_tensor(input)
    if not isinstance(x, RaggedTensor):
        from graphtf.api.shaping import expand_dims

        return expand_dims(x, axis)
    k = as_axis(axis, rank_of(x) + 1, "expand_dims")
    if k == 0:
        count = count_dim(x)
        ends = p.reshape(p.cast(_count(x), dtype=x.row_splits.dtype), shape=(1,))
        zero = p.reshape(convert_to_tensor(0, x.row_splits.dtype), shape=(1,))
        return RaggedTensor(x, p.concat(zero, ends, axis=0), count if isinstance(count, int) else None)
    if k == 1:
        made = RaggedTensor.from_uniform_row_length(x, 1)
        return made.with_row_splits_dtype(x.row_splits.dtype)
    return x.with_values(ragged_expand_dims(x.values, k - 1))


def ragged_squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Without axes of size 1. Raises ValueError where `axis` is not given, InvalidArgumentError for another size."""
    if axis is None:
        raise ValueError("Ragged.squeeze must have an axis argument.")
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = rank_of(input)
    x = input
    for k in sorted({as_axis(a, rank, "squeeze") for a in axes}, reverse=True):
        x = _squeezed(x, k)
    return x


def _squeezed(x: Any, k: int) -> Any:
    if not isinstance(x, RaggedTensor):
        from graphtf.api.shaping import squeeze

        return squeeze(x, [k])
    if k > 1:
        return x.with_values(_squeezed(x.values, k - 1))
    if k == 1:
        _check_lengths(x.row_splits)
        return x.values
    count = x.shape.as_list()[0]
    if count not in (1, None):
        raise invalid("squeeze", f"Can not squeeze dim[0], expected a dimension of 1, got {count}")
    return x[0]


def _check_lengths(splits: Tensor) -> None:
    def run(s: Array) -> list[Array]:
        if (np.diff(s) != 1).any():
            raise invalid("squeeze", f"Can not squeeze dim[1], expected rows of length 1, got {np.diff(s).tolist()}")
        return []

    on_host(run, [splits], [], [])


def merge_dims(x: Any, outer_axis: int, inner_axis: int) -> Any:
    """The axes from `outer_axis` to `inner_axis` as one. Raises ValueError for axes out of order or range."""
    rank = rank_of(x)
    outer, inner = (as_axis(a, rank, "merge_dims") for a in (outer_axis, inner_axis))
    if outer > inner:
        raise ValueError(f"Expected outer_axis ({outer_axis}) to be less than or equal to inner_axis ({inner_axis})")
    return _merged(x, outer, inner)


def _merged(x: Any, outer: int, inner: int) -> Any:
    if outer == inner:
        return x
    if not isinstance(x, RaggedTensor):
        dims = x.ir_type.dims
        return p.reshape(x, shape=(*dims[:outer], product(dims[outer : inner + 1]), *dims[inner + 1 :]))
    if outer > 0:
        if outer == 1 and isinstance(x.values, RaggedTensor):
            return _merged_below(x, inner)
        if outer == 1:
            return _absorbed(x, inner)
        return x.with_values(_merged(x.values, outer - 1, inner - 1))
    return _merged(x.values, 0, inner - 1)


def _merged_below(x: RaggedTensor, inner: int) -> Any:
    """Axes 1 and 2 as one, then on."""
    inside = x.values
    splits = p.gather(inside.row_splits, x.row_splits, axis=0, batch_dims=0)
    return _merged(RaggedTensor(inside.values, splits), 1, inner - 1)


def _absorbed(x: RaggedTensor, inner: int) -> Any:
    """The ragged axis and uniform ones of the values as one."""
    dims = x.values.ir_type.dims
    factor = product(dims[1:inner])
    flat = p.reshape(x.values, shape=(product(dims[:inner]), *dims[inner:]))
    size = p.reshape(p.dims(dims=(factor,), dtype=dt.int64), shape=())
    return RaggedTensor(flat, p.mul(x.row_splits, p.cast(size, dtype=x.row_splits.dtype)))


# ---- joining ---------------------------------------------------------------------------------------------------------


def ragged_concat(values: Any, axis: Any, name: str | None = None) -> Any:
    """Tensors, some ragged, joined along an axis. Raises ValueError for different ranks."""
    parts = [as_ragged_or_tensor(x) for x in (values if isinstance(values, (list, tuple)) else [values])]
    ranks = {rank_of(x) for x in parts}
    if len(ranks) > 1:
        raise ValueError(f"concat: the ranks {sorted(ranks)} differ")
    (rank,) = ranks
    return _joined(parts, as_axis(axis, rank, "concat"))


def _joined(parts: Sequence[Any], axis: int) -> Any:
    if len(parts) == 1:
        return parts[0]
    if not any(isinstance(x, RaggedTensor) for x in parts):
        if axis == 1 or (len({str(x.shape.as_list()[1:]) for x in parts}) > 1 and axis == 0):
            return _joined([raised(x, 1) for x in parts], axis)
        return p.concat(*parts, axis=axis)
    depth = max(max(x.ragged_rank for x in parts if isinstance(x, RaggedTensor)), min(axis, 1))
    kind = next(x.row_splits.dtype for x in parts if isinstance(x, RaggedTensor))
    same = [raised(x, depth, kind).with_row_splits_dtype(kind) for x in parts]
    if axis == 0:
        return _stacked_rows(same)
    if axis == 1:
        return _side_by_side(same)
    first = same[0]
    _check_rows(same)
    return first.with_values(_joined([x.values for x in same], axis - 1))


def _flat_joined(parts: Sequence[Any]) -> Any:
    return _stacked_rows(parts) if isinstance(parts[0], RaggedTensor) else p.concat(*parts, axis=0)


def _stacked_rows(parts: Sequence[RaggedTensor]) -> RaggedTensor:
    """Rows of one after those of another."""
    kind = parts[0].row_splits.dtype
    lengths = p.concat(*(x.row_lengths() for x in parts), axis=0)
    made = RaggedTensor.from_row_lengths(_flat_joined([x.values for x in parts]), lengths, validate=False)
    return made.with_row_splits_dtype(kind)


def _side_by_side(parts: Sequence[RaggedTensor]) -> RaggedTensor:
    """Each row of one followed by that of another."""
    from graphtf.api.ragged_index import take_rows  # which adds axes too

    kind = parts[0].row_splits.dtype

    def run(*splits: Array) -> list[Array]:
        if len({len(s) for s in splits}) > 1:
            raise invalid("concat", f"the numbers of rows differ: {[len(s) - 1 for s in splits]}")
        made, at = rows.side_by_side(splits)
        return [made.astype(kind.np), at.astype(np.int64)]

    shapes: list[Any] = [parts[0].row_splits.ir_type.dims, (None,)]
    splits, at = on_host(run, [x.row_splits for x in parts], [kind, dt.int64], shapes)
    return RaggedTensor(take_rows(_flat_joined([x.values for x in parts]), at), splits)


def _check_rows(parts: Sequence[RaggedTensor]) -> None:
    def run(*splits: Array) -> list[Array]:
        if any(not np.array_equal(s, splits[0]) for s in splits):
            raise invalid("concat", "the rows of ragged arguments must have the same lengths")
        return []

    on_host(run, [x.row_splits for x in parts], [], [])


def ragged_stack(values: Any, axis: int = 0, name: str | None = None) -> Any:
    """Tensors of one rank, some ragged, along a new axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/stack.

    >>> ragged_stack([[1, 2], [3]])
    <tf.RaggedTensor [[1, 2], [3]]>
    """
    parts = [as_ragged_or_tensor(x) for x in (values if isinstance(values, (list, tuple)) else [values])]
    rank = rank_of(parts[0])
    k = as_axis(axis, rank + 1, "stack")
    if rank == 0:
        from graphtf.api.shaping import stack

        return stack(parts)
    if k == 0 and not any(isinstance(x, RaggedTensor) for x in parts) and rank == 1:
        lengths = p.concat(*(p.reshape(_count(x), shape=(1,)) for x in parts), axis=0)
        return RaggedTensor.from_row_lengths(p.concat(*parts, axis=0), p.cast(lengths, dtype=dt.int32), validate=False)
    grown = [ragged_expand_dims(x, k) for x in parts]
    return _joined(grown, k) if len(grown) > 1 else raised(grown[0], 1)


# ---- repeating, reversing --------------------------------------------------------------------------------------------


def ragged_tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """Repeated along each axis. Raises ValueError for counts that are not known."""
    from graphtf.sizes import as_integers

    counts = as_integers(multiples, "multiples")
    if len(counts) != rank_of(input):
        raise ValueError(f"multiples {list(counts)} does not fit shape {input.shape}")
    out = input
    for axis, count in enumerate(counts):
        if count == 0:
            out = _emptied(out, axis)
        elif count > 1:
            out = _joined([out] * count, axis)
    return out


def _emptied(x: Any, axis: int) -> Any:
    if not isinstance(x, RaggedTensor):
        from graphtf.indexing import getitem

        return getitem(x, (*[slice(None)] * axis, slice(0, 0)))
    return x[(*[slice(None)] * axis, slice(0, 0))]


def ragged_reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """In reverse order along axes."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    out = tensor
    for a in axes:
        k = as_axis(a, rank_of(tensor), "reverse")
        out = out[(*[slice(None)] * k, slice(None, None, -1))]
    return out


def ragged_size(input: Any, out_type: Any = dt.int32, name: str | None = None) -> Tensor:
    """The number of values; of a sparse tensor, of all its places."""
    if isinstance(input, SparseTensor):
        return p.cast(p.reduce_prod(input.dense_shape, axes=(0,)), dtype=dt.as_dtype(out_type or dt.int32))  # type: ignore[no-any-return]
    dims = input.flat_values.ir_type.dims
    return p.reshape(p.dims(dims=(product(dims),), dtype=dt.as_dtype(out_type or dt.int32)), shape=())


def ragged_rank_of(input: Any, name: str | None = None) -> Tensor:
    """The number of axes."""
    return convert_to_tensor(input.dense_shape.shape[0] if isinstance(input, SparseTensor) else rank_of(input))
