"""Arithmetic of ragged tensors: elementwise functions with broadcasting, and reductions.

Invariant: an elementwise function is applied to flat values that lie alike; where they do not, both are gathered into
the rows of the result first. Reductions along a ragged axis are segment reductions. Entry points: `over_values`,
`elementwise`, `reduced`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api.ragged_shape import raised, rank_of
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor, count_dim
from graphtf.refusal import invalid
from graphtf.run_time import named_size
from graphtf.sizes import as_axis
from graphtf.tensor import EagerTensor, Tensor
from graphtf.with_values import Composite

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]


def over_values(function: Function) -> Function:
    """A function of one tensor, applied to the values of a sparse or ragged one."""

    def run(x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, RaggedTensor):
            return x.with_flat_values(function(x.flat_values, *args, **kwargs))
        return x.with_values(function(x.values, *args, **kwargs))

    return run


# ---- elementwise -----------------------------------------------------------------------------------------------------


def elementwise(function: Function, count: int = 2) -> Function:
    """A function of `count` broadcasting tensors, some of them ragged."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return apply(lambda *flat: function(*flat, *args[count:], **kwargs), args[:count])

    return run


def apply(function: Function, operands: Sequence[Any]) -> Any:
    """function(*operands) over ragged operands broadcast with the others."""
    dtype = next(x.dtype for x in operands if isinstance(x, Composite))
    given = [x if isinstance(x, Composite) else _operand(x, dtype) for x in operands]
    if any(not isinstance(x, RaggedTensor) for x in given if isinstance(x, Composite)):
        raise TypeError(f"a sparse tensor does not broadcast with {[type(x).__name__ for x in given]}")
    first = next(x for x in given if isinstance(x, RaggedTensor))
    ragged = [x for x in given if isinstance(x, RaggedTensor)]
    if all(isinstance(x, RaggedTensor) or x.shape.rank == 0 for x in given) and _lie_alike(ragged):
        flat = [x.flat_values if isinstance(x, RaggedTensor) else x for x in given]
        return first.with_flat_values(function(*flat))
    return _broadcast(function, given)


def _operand(x: Any, dtype: Any) -> Tensor:
    if is_tensor_like(x):
        return convert_to_tensor(x)
    try:
        return convert_to_tensor(x, dtype)
    except (TypeError, ValueError):
        return convert_to_tensor(x)


def _lie_alike(ragged: Sequence[RaggedTensor]) -> bool:
    """Are the splits the same, as far as that is known now?"""
    first = ragged[0].nested_row_splits
    for x in ragged[1:]:
        other = x.nested_row_splits
        if len(other) != len(first):
            return False
        for a, b in zip(first, other):
            if a is b:
                continue
            if not isinstance(a, EagerTensor) or not isinstance(b, EagerTensor):
                return False
            if not np.array_equal(a._array, b._array):
                return False
    return True


def _levels(x: Any, rank: int, depth: int) -> tuple[list[Tensor], Tensor]:
    """The splits of an operand from a single root through `depth` axes of a result of `rank` axes, and its values."""
    own = rank_of(x)
    lead = rank - own
    ones = [_constant_splits([0, 1])] * lead
    if depth <= lead:
        return ones[:depth], _under(x, depth - lead)
    inner = depth - lead
    if inner == 1 and not isinstance(x, RaggedTensor):
        count = x.ir_type.dims[0]
        return [*ones, _root(p.reshape(p.dims(dims=(count,), dtype=dt.int64), shape=(1,)))], x
    ragged = raised(x, inner - 1)
    if isinstance(ragged, RaggedTensor) and ragged.ragged_rank > inner - 1:
        raise ValueError("elementwise: operands of different ragged ranks do not broadcast here")
    count = p.reshape(p.cast(ragged.nrows(), dtype=dt.int64), shape=(1,))
    splits = [p.cast(s, dtype=dt.int64) for s in ragged.nested_row_splits]
    return [*ones, _root(count), *splits], ragged.flat_values


def _under(x: Any, depth: int) -> Tensor:
    """Values of an operand that has fewer axes than are ragged: one row of it."""
    if isinstance(x, RaggedTensor):
        raise ValueError("elementwise: a ragged operand of too low a rank")
    return p.reshape(x, shape=(1, *x.ir_type.dims))


def _root(count: Tensor) -> Tensor:
    return p.concat(_constant_splits([0]), count, axis=0)


def _constant_splits(values: list[int]) -> Tensor:
    return convert_to_tensor(np.array(values, np.int64))


def _broadcast(function: Function, given: Sequence[Any]) -> Any:
    """All operands gathered into the rows of the result, two at a time."""
    rank = max(rank_of(x) for x in given)
    depth = max(rank - rank_of(x) + x.ragged_rank + 1 for x in given if isinstance(x, RaggedTensor))
    kind = next(x.row_splits.dtype for x in given if isinstance(x, RaggedTensor))
    levels, flats = zip(*(_levels(x, rank, depth) for x in given))
    sizes = len(given)

    def run(*splits: Array) -> list[Array]:
        sides = [splits[k * depth : (k + 1) * depth] for k in range(sizes)]
        made, at = list(sides[0]), [np.arange(int(sides[0][-1][-1]))]
        try:
            for side in sides[1:]:
                made, left, right = rows.broadcast(made, side)
                at = [*(a[left] for a in at), right]
        except rows.ShapesDiffer as error:
            raise invalid("elementwise", f"Unable to broadcast: {error}") from None
        return [*(s.astype(kind.np) for s in made[1:]), *(a.astype(np.int64) for a in at)]

    shapes: list[Any] = [(None,)] * (depth - 1 + sizes)
    found = on_host(run, [s for side in levels for s in side], [*[kind] * (depth - 1), *[dt.int64] * sizes], shapes)
    total = found[depth - 1].ir_type.dims[0]
    moved = [
        p.gather(flat, p.reshape(a, shape=(total,)) if a is found[depth - 1] else a, axis=0, batch_dims=0)
        for flat, a in zip(flats, found[depth - 1 :])
    ]
    made = function(*moved)
    for s in reversed(found[: depth - 1]):
        made = RaggedTensor(made, s)
    return made


# ---- reductions ------------------------------------------------------------------------------------------------------


def reduced(dense: Function, segments: str) -> Function:
    """A reduction of a ragged tensor: `dense` reduces dense ones, `segments` names the segment reduction."""

    def run(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
        if not isinstance(x, RaggedTensor):
            raise NotImplementedError
        rank = rank_of(x)
        if axis is None:
            return _restored(dense(x.flat_values), x, range(rank), keepdims)
        axes = sorted({as_axis(a, rank, "reduce") for a in _as_list(axis)})
        out = x
        for k in reversed(axes):
            out = _reduced_along(out, k, dense, segments)
        return _restored(out, x, axes, keepdims)

    return run


def _as_list(axis: Any) -> list[Any]:
    if isinstance(axis, Tensor):
        from graphtf.sizes import as_integers

        return list(as_integers(axis, "axis"))
    return list(axis) if isinstance(axis, (list, tuple)) else [axis]


def _restored(out: Any, x: Any, axes: Any, keepdims: bool) -> Any:
    from graphtf.api.ragged_shape import ragged_expand_dims

    if keepdims:
        for k in axes:
            out = ragged_expand_dims(out, k)
    return out


def _reduced_along(x: Any, axis: int, dense: Function, segments: str) -> Any:
    if not isinstance(x, RaggedTensor):
        return dense(x, axis=axis)
    if axis > x.ragged_rank:
        return x.with_flat_values(dense(x.flat_values, axis=axis - x.ragged_rank))
    if axis > 1:
        return x.with_values(_reduced_along(x.values, axis - 1, dense, segments))
    return _segments(x, axis, segments)


def _segments(x: RaggedTensor, axis: int, name: str) -> Any:
    """Rows laid over each other: all of them, or those within each row."""
    from graphtf.api import segments

    reduce: Function = getattr(segments, f"unsorted_segment_{name}")
    inner = x.values.nested_row_splits if isinstance(x.values, RaggedTensor) else ()
    kind = x.row_splits.dtype

    def run(own: Array, *partitions: Array) -> list[Array]:
        if axis == 0:
            made, at = rows.merged_rows([own, *partitions], np.zeros(len(own) - 1, np.int64), 1)
            made = made[1:]
            count = int(np.diff(own).max(initial=0)) if not partitions else None
        else:
            made, at = rows.merged_rows(partitions, rows.row_ids(own), len(own) - 1)
            count = len(own) - 1 if not partitions else None
        total = int(made[-1][-1]) if count is None else count
        return [*(s.astype(kind.np) for s in made), at.astype(np.int64), np.array(total, np.int64)]

    shapes: list[Any] = [*[(None,)] * len(inner), (None,), ()]
    *splits, at, count = on_host(run, [x.row_splits, *inner], [*[kind] * len(inner), dt.int64, dt.int64], shapes)
    flat = x.flat_values
    at = p.reshape(at, shape=flat.ir_type.dims[:1])
    known = count_dim(x) if axis == 1 and not inner else None
    size = known if isinstance(known, int) else named_size(count)
    made = reduce(flat, at, _scalar(size))
    for s in reversed(splits):
        made = RaggedTensor(made, s)
    return made


def _scalar(size: Any) -> Any:
    if isinstance(size, int):
        return size
    return p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=())


def reduced_mean(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Sums over counts: in float64 where they are integers, as the true division is."""
    from graphtf.api.arithmetic import truediv
    from graphtf.api.creation import ones_like
    from graphtf.api.reduce import reduce_sum

    total = reduced(reduce_sum, "sum")
    sums = total(x, axis, keepdims)
    counts = total(x.with_flat_values(ones_like(x.flat_values)), axis, keepdims)
    function: Function = truediv if x.dtype.is_integer else p.div
    return apply(function, [sums, counts]) if isinstance(sums, RaggedTensor) else function(sums, counts)


def reduced_variance(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The mean square less the squared mean."""
    square: Function = lambda a: p.mul(a, a)  # noqa: E731
    mean = reduced_mean(x, axis, keepdims)
    squares = reduced_mean(x.with_flat_values(square(x.flat_values)), axis, keepdims)
    function: Function = lambda s, m: p.sub(s, square(m))  # noqa: E731
    return apply(function, [squares, mean]) if isinstance(mean, RaggedTensor) else function(squares, mean)


def reduced_std(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The root of the variance."""
    found = reduced_variance(x, axis, keepdims)
    return found.with_flat_values(p.sqrt(found.flat_values)) if isinstance(found, RaggedTensor) else p.sqrt(found)


def _as_logic(x: RaggedTensor, axis: Any, keepdims: bool, name: str) -> Any:
    """all / any as the least / largest of 0 and 1."""
    from graphtf.api import reduce

    dense: Function = getattr(reduce, f"reduce_{name}")
    numbers = x.with_flat_values(p.cast(x.flat_values, dtype=dt.int32))
    found = reduced(dense, name)(numbers, axis, keepdims)
    zero = convert_to_tensor(0)
    if isinstance(found, RaggedTensor):
        return found.with_flat_values(p.gt(found.flat_values, zero))
    return p.gt(found, zero)


def reduced_all(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Whether all along the axes are true."""
    return _as_logic(x, axis, keepdims, "min")


def reduced_any(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Whether any along the axes is true."""
    return _as_logic(x, axis, keepdims, "max")


def joined_strings(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Any:
    """`tf.strings.join` of ragged and other tensors."""
    from graphtf.api.strings import join

    return apply(lambda *parts: join(parts, separator), list(inputs))
