"""`tf.ragged`: ragged tensors from Python lists and ranges, functions of their values, crosses.

Invariant: what these make is a `RaggedTensor`, or a tensor where nothing is ragged. Entry points: the `tf.ragged`
functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_size
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def constant(
    pylist: Any, dtype: Any = None, ragged_rank: int | None = None, inner_shape: Any = None, name: str | None = None,
    row_splits_dtype: Any = dt.int64,
) -> Any:  # fmt: skip
    """A ragged tensor of nested lists.

    Raises ValueError for lists of uneven depth, or that do not fit `ragged_rank` and `inner_shape`. Follows
    https://www.tensorflow.org/api_docs/python/tf/ragged/constant.

    >>> constant([[1, 2], [3]])
    <tf.RaggedTensor [[1, 2], [3]]>
    """
    if not isinstance(pylist, (list, tuple, np.ndarray)):
        if ragged_rank:
            raise ValueError(f"Invalid pylist={pylist}: incompatible with ragged_rank={ragged_rank}")
        return convert_to_tensor(pylist, dtype)
    depths = _scalar_depths(pylist)
    if len(depths) > 1:
        raise ValueError(f"Invalid pylist={pylist}: empty list nesting is greater than scalar value nesting")
    deepest = _depth(pylist)
    scalar = next(iter(depths), None)
    if scalar is not None and scalar < deepest:
        raise ValueError(f"Invalid pylist={pylist}: empty list nesting is greater than scalar value nesting")
    inner = None if inner_shape is None else tuple(int(d) for d in np.asarray(inner_shape).reshape(-1))
    if inner is None:
        inner = _uniform_tail(pylist, ragged_rank, deepest if scalar is None else scalar)
    if ragged_rank is None:
        depth = deepest if scalar is None else scalar
        ragged_rank = max(0, depth - 1 - len(inner))
    if ragged_rank == 0:
        return convert_to_tensor(pylist, dtype) if len(pylist) or inner == () else _flat_values([], inner[1:], dtype)
    flat, partitions = rows.from_nested(pylist, ragged_rank, None)
    values = _flat_values(flat, inner, dtype)
    kind = as_dtype(row_splits_dtype)
    splits = [convert_to_tensor(np.array(s, kind.np)) for s in partitions]
    return RaggedTensor.from_nested_row_splits(values, splits, validate=False)


def _scalar_depths(x: Any, depth: int = 0) -> set[int]:
    """How deep the scalars lie."""
    if isinstance(x, np.ndarray) and x.size and x.dtype != object:
        return {depth + x.ndim}
    if not isinstance(x, (list, tuple, np.ndarray)):
        return {depth}
    return set().union(*(_scalar_depths(y, depth + 1) for y in x))


def _depth(x: Any) -> int:
    if isinstance(x, np.ndarray) and x.dtype != object:
        return x.ndim
    if not isinstance(x, (list, tuple, np.ndarray)):
        return 0
    return 1 + max(map(_depth, x), default=0)


def _uniform_tail(x: Any, ragged_rank: int | None, depth: int) -> tuple[int, ...]:
    """The inner shape that `ragged_rank` leaves. Raises ValueError if it leaves what is ragged."""
    if ragged_rank is None or depth - 1 <= ragged_rank:
        if ragged_rank is not None and ragged_rank >= max(depth, 1) and ragged_rank > 0 and _scalar_depths(x):
            raise ValueError(f"Invalid pylist={x}: incompatible with ragged_rank={ragged_rank}")
        return ()
    flat, _ = rows.from_nested(x, ragged_rank, None) if ragged_rank else (list(x), [])
    try:
        return np.array(flat, object if depth == ragged_rank + 1 else None).shape[1:]
    except ValueError:
        raise ValueError(f"Invalid pylist={x}: inconsistent inner_shape") from None


def _flat_values(flat: list[Any], inner: tuple[int, ...], dtype: Any) -> Tensor:
    if flat:
        return convert_to_tensor(flat, dtype)
    kind = dt.float32 if dtype is None else as_dtype(dtype)
    return convert_to_tensor(np.zeros((0, *inner), kind.np))


def range(
    starts: Any, limits: Any = None, deltas: Any = 1, dtype: Any = None, name: str | None = None,
    row_splits_dtype: Any = dt.int64,
) -> RaggedTensor:  # fmt: skip
    """A row start, start + delta, … before limit for each of the starts, limits and deltas, which broadcast.

    Raises InvalidArgumentError for a delta of 0. Follows https://www.tensorflow.org/api_docs/python/tf/ragged/range.

    >>> range([0, 5], [3, 8])
    <tf.RaggedTensor [[0, 1, 2], [5, 6, 7]]>
    """
    if limits is None:
        starts, limits = 0, starts
    given = [x if isinstance(x, Tensor) else convert_to_tensor(x, dtype) for x in (starts, limits, deltas)]
    target = as_dtype(dtype) if dtype is not None else max((x.dtype for x in given), key=_width)
    given = [x if x.dtype is target else p.cast(x, dtype=target) for x in given]
    kind = as_dtype(row_splits_dtype)
    sizes = {x.ir_type.dims[0] for x in given if x.shape.rank == 1}
    if any(x.shape.rank not in (0, 1) for x in given) or len({d for d in sizes if isinstance(d, int)}) > 1:
        raise invalid("ragged.range", f"starts, limits, and deltas must have the same shape, got {given}")

    def run(*bounds: Array) -> list[Array]:
        start, limit, delta = np.broadcast_arrays(*(np.atleast_1d(b) for b in bounds))
        if (delta == 0).any():
            raise invalid("ragged.range", "Requires delta != 0")
        counts = np.maximum(np.ceil((limit - start) / delta), 0).astype(np.int64)
        splits = rows.splits_of(counts)
        flat = np.repeat(start, counts) + np.repeat(delta, counts) * rows.within_rows(splits).astype(target.np)
        return [splits.astype(kind.np), flat.astype(target.np)]

    splits, flat = on_host(run, given, [kind, target], [(None,), (None,)])
    return RaggedTensor(flat, splits)


def _width(d: dt.DType) -> tuple[bool, int]:
    return d.is_floating, d.size


def map_flat_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`op` of the flat values of ragged arguments, in their rows.

    Raises ValueError where the rows of arguments differ in length, or the result has another number of them. Follows
    https://www.tensorflow.org/api_docs/python/tf/ragged/map_flat_values.

    >>> map_flat_values(lambda x: x * 2, constant([[1, 2], [3]]))
    <tf.RaggedTensor [[2, 4], [6]]>
    """
    found: list[RaggedTensor] = []

    def flat(x: Any) -> Any:
        if isinstance(x, RaggedTensor):
            found.append(x)
            return x.flat_values
        if isinstance(x, (list, tuple)) and any(isinstance(y, RaggedTensor) for y in x):
            return type(x)(flat(y) for y in x)
        return x

    values, named = [flat(x) for x in args], {k: flat(v) for k, v in kwargs.items()}
    out = op(*values, **named)
    if not found:
        return out
    first = found[0]
    for other in found[1:]:
        _check_alike(first, other)
    out = convert_to_tensor(out)
    if not out.shape[:1].is_compatible_with(first.flat_values.shape[:1]):
        raise ValueError(
            f"tf.ragged.map_flat_values requires that the output of `op` have the same outer-dimension size as "
            f"flat_values of any ragged inputs. (output shape: {out.shape}; expected outer dimension size: "
            f"{first.flat_values.shape.as_list()[0]})"
        )
    return first.with_flat_values(out)


def _check_alike(a: RaggedTensor, b: RaggedTensor) -> None:
    if a.ragged_rank != b.ragged_rank:
        raise ValueError("All ragged inputs must have the same ragged_rank.")

    def run(*splits: Array) -> list[Array]:
        half = len(splits) // 2
        if any(not np.array_equal(x, y) for x, y in zip(splits[:half], splits[half:])):
            raise failed("map_flat_values", "Inputs must have identical ragged splits")
        return []

    on_host(run, [*a.nested_row_splits, *b.nested_row_splits], [], [])


def row_splits_to_segment_ids(splits: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The row of each value. Follows https://www.tensorflow.org/api_docs/python/tf/ragged/row_splits_to_segment_ids.

    >>> row_splits_to_segment_ids([0, 3, 4]).numpy().tolist()
    [0, 0, 0, 1]
    """
    s = convert_to_tensor(splits, None if isinstance(splits, Tensor) else dt.int64)
    if s.dtype not in (dt.int32, dt.int64):
        raise ValueError("splits must have dtype int32 or int64")
    if s.shape.as_list() == [0]:
        raise ValueError("Invalid row_splits: []")
    kind = s.dtype if out_type is None else as_dtype(out_type)
    (ids,) = on_host(lambda a: [rows.row_ids(a).astype(kind.np)], [s], [kind], [(None,)])
    return ids


def segment_ids_to_row_splits(
    segment_ids: Any, num_segments: Any = None, out_type: Any = None, name: str | None = None
) -> Tensor:
    """The splits of rows given by the row of each value.

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/segment_ids_to_row_splits.

    >>> segment_ids_to_row_splits([0, 0, 2]).numpy().tolist()
    [0, 2, 2, 3]
    """
    ids = convert_to_tensor(segment_ids, None if isinstance(segment_ids, Tensor) else dt.int64)
    kind = ids.dtype if out_type is None else as_dtype(out_type)
    size = None if num_segments is None else as_size(num_segments, "num_segments")
    operands = [ids] if num_segments is None else [ids, convert_to_tensor(num_segments)]

    def run(at: Array, *given: Array) -> list[Array]:
        count = int(given[0]) if given else int(at.max(initial=-1)) + 1
        return [rows.splits_of(np.bincount(at, minlength=count)).astype(kind.np)]

    (splits,) = on_host(run, operands, [kind], [(None if size is None else size + 1,)])
    return splits


def stack_dynamic_partitions(data: Any, partitions: Any, num_partitions: Any, name: str | None = None) -> RaggedTensor:
    """Row i: the elements of data whose partition is i.

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/stack_dynamic_partitions.

    >>> stack_dynamic_partitions(["a", "b", "c"], [1, 0, 1], 2)
    <tf.RaggedTensor [[b'b'], [b'a', b'c']]>
    """
    from graphtf.api.ragged_index import take_rows
    from graphtf.api.ragged_shape import merge_dims

    x = data if isinstance(data, RaggedTensor) else convert_to_tensor(data)
    at = partitions if isinstance(partitions, RaggedTensor) else convert_to_tensor(partitions)
    while (at.shape.rank or 1) > 1:
        x, at = merge_dims(x, 0, 1), merge_dims(at, 0, 1)
    size = as_size(num_partitions, "num_partitions")
    kind = at.dtype  # that of the partitions, as TensorFlow has it

    def run(ids: Array, count: Array) -> list[Array]:
        if len(ids) and (ids.min() < 0 or ids.max() >= int(count)):
            raise invalid("stack_dynamic_partitions", f"partitions must be in [0, {int(count)}), got {ids}")
        sizes = np.bincount(ids, minlength=int(count))
        return [rows.splits_of(sizes).astype(kind.np), np.argsort(ids, kind="stable").astype(np.int64)]

    shapes: list[Any] = [(None if size is None else size + 1,), at.ir_type.dims]
    splits, order = on_host(run, [at, convert_to_tensor(num_partitions)], [kind, dt.int64], shapes)
    return RaggedTensor(take_rows(x, order), splits)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """`tf.where` of ragged arguments: chosen values, or the index vectors where the condition holds."""
    if x is None and y is None:
        splits = condition.nested_row_splits

        def run(flat: Array, *partitions: Array) -> list[Array]:
            at = rows.coordinates(partitions)
            inner = np.argwhere(flat)
            return [np.concatenate([at[inner[:, 0]], inner[:, 1:]], 1).astype(np.int64)]

        rank = condition.shape.rank
        (found,) = on_host(run, [condition.flat_values, *splits], [dt.int64], [(None, rank)])
        return found
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    from graphtf.api.ragged_math import apply
    from graphtf.api.selection import where as choose

    if not isinstance(condition, RaggedTensor) and convert_to_tensor(condition).shape.rank == 1:
        return _rows_where(convert_to_tensor(condition), x, y)
    return apply(choose, [condition, x, y])


def _rows_where(condition: Tensor, x: Any, y: Any) -> Any:
    """Whole rows of one or the other."""
    from graphtf.api.ragged_index import take_rows
    from graphtf.api.ragged_shape import ragged_concat

    both = ragged_concat([x, y], 0)
    (count,) = condition.ir_type.dims
    at = p.iota(shape=(count,), axis=0, dtype=dt.int64)
    size = p.reshape(p.dims(dims=(count,), dtype=dt.int64), shape=())
    return take_rows(both, p.select(condition, at, p.add(at, size)))
