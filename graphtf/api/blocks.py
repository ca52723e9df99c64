"""Blocks of space moved into the batch, and back.

Invariant: elements are moved, never changed; paddings are zeros. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.shaping import stack
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, floordiv, product
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_integers, as_sizes, is_known, shape_vector
from graphtf.tensor import Tensor

Widths = list[tuple[Dim, Dim]]


def _widths(given: Any, count: int, name: str) -> Widths:
    rows = [as_sizes(row, name) for row in (given if isinstance(given, (list, tuple)) else convert_to_tensor(given))]
    if len(rows) != count or any(row is None or len(row) != 2 for row in rows):
        raise invalid(name, f"expected [{count}, 2] paddings or crops that are known, got {given!r}")
    found: Widths = [row for row in rows]  # type: ignore[misc]
    if any(isinstance(d, int) and d < 0 for row in found for d in row):
        raise invalid(name, f"paddings must be non-negative: {given!r}")
    return found


def space_to_batch_nd(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Tensor:
    """Blocks of the axes after the first, padded, moved into the first axis.

    Raises InvalidArgumentError (tracing: ValueError) where blocks do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/space_to_batch_nd.

    >>> space_to_batch_nd([[[1], [2], [3], [4]]], [2], [[0, 0]]).numpy().tolist()
    [[[1], [3]], [[2], [4]]]
    """
    x, block = convert_to_tensor(input), as_integers(block_shape, "space_to_batch_nd")
    count = len(block)
    if len(x.ir_type.dims) < count + 1:
        raise invalid("space_to_batch_nd", f"input rank should be >= {count + 1} instead of {x.shape.rank}")
    widths = _widths(paddings, count, "space_to_batch_nd")
    rest = len(x.ir_type.dims) - 1 - count
    low, high = (tuple(w[k] for w in widths) for k in (0, 1))
    wide = p.pad(x, scalar_like(x, 0), low=(0, *low, *(0,) * rest), high=(0, *high, *(0,) * rest))
    batch, *dims = wide.ir_type.dims
    space, tail = dims[:count], dims[count:]
    for d, b in zip(space, block):
        if b < 1 or (isinstance(d, int) and d % b):
            raise invalid("space_to_batch_nd", f"padded_shape {d} is not divisible by block_shape {b}")
    split = [e for d, b in zip(space, block) for e in (floordiv(d, b), b)]
    parts = p.reshape(wide, shape=(batch, *split, *tail))
    inner = [2 * k + 2 for k in range(count)]
    outer = [2 * k + 1 for k in range(count)]
    moved = p.transpose(parts, perm=(*inner, 0, *outer, *range(2 * count + 1, 2 * count + 1 + rest)))
    return p.reshape(moved, shape=(batch * product(block), *split[::2], *tail))


def space_to_batch(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Tensor:
    """`space_to_batch_nd`. Follows https://www.tensorflow.org/api_docs/python/tf/space_to_batch.

    >>> space_to_batch([[[1], [2], [3], [4]]], [2], [[0, 0]]).numpy().tolist()
    [[[1], [3]], [[2], [4]]]
    """
    return space_to_batch_nd(input, block_shape, paddings)


def batch_to_space(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Tensor:
    """The inverse of `space_to_batch_nd`, cropped.

    Raises InvalidArgumentError (tracing: ValueError) where blocks do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/batch_to_space.

    >>> batch_to_space([[[1], [3]], [[2], [4]]], [2], [[0, 0]]).numpy().tolist()
    [[[1], [2], [3], [4]]]
    """
    x, block = convert_to_tensor(input), as_integers(block_shape, "batch_to_space")
    count, (batch, *dims) = len(block), x.ir_type.dims
    widths = _widths(crops, count, "batch_to_space")
    blocks = int(np.prod(block))
    if isinstance(batch, int) and batch % blocks:
        raise invalid(
            "batch_to_space", f"Input batch dimension ({batch}) is not divisible by product of block sizes ({blocks})"
        )
    space, tail = dims[:count], dims[count:]
    parts = p.reshape(x, shape=(*block, floordiv(batch, blocks), *space, *tail))
    order = [
        count,
        *(e for k in range(count) for e in (count + 1 + k, k)),
        *range(2 * count + 1, 2 * count + 1 + len(tail)),
    ]
    moved = p.transpose(parts, perm=tuple(order))
    full = tuple(d * b for d, b in zip(space, block))
    whole = p.reshape(moved, shape=(floordiv(batch, blocks), *full, *tail))
    for (a, b), d in zip(widths, full):
        if all(isinstance(e, int) for e in (a, b, d)) and a + b > d:  # type: ignore[operator]
            raise failed("batch_to_space", f"crops {a} and {b} are more than the size {d}")
    starts = (0, *(a for a, _ in widths), *(0,) * len(tail))
    limits = (whole.ir_type.dims[0], *(d - b for (_, b), d in zip(widths, full)), *tail)
    return p.slice(whole, starts=starts, limits=limits, strides=(1,) * len(starts))


def required_space_to_batch_paddings(
    input_shape: Any, block_shape: Any, base_paddings: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Paddings that make sizes divisible by a block shape, and the crops that undo what they add.

    Follows https://www.tensorflow.org/api_docs/python/tf/required_space_to_batch_paddings.

    >>> [x.numpy().tolist() for x in required_space_to_batch_paddings([4], [3])]
    [[[0, 2]], [[0, 2]]]
    """
    what = "required_space_to_batch_paddings"
    if not all(map(is_known, (input_shape, block_shape, *(() if base_paddings is None else (base_paddings,))))):
        return _paddings_at_run_time(input_shape, block_shape, base_paddings)
    sizes, block = as_integers(input_shape, what), as_integers(block_shape, what)
    base = [[0, 0]] * len(sizes) if base_paddings is None else np.asarray(base_paddings).tolist()
    return tuple(map(convert_to_tensor, _paddings(sizes, block, base)))  # type: ignore[return-value]


def _paddings(sizes: Sequence[int], block: Sequence[int], base: Any) -> list[np.ndarray[Any, Any]]:
    extra = [-(d + a + b) % k for d, (a, b), k in zip(sizes, base, block)]
    pads = [[a, b + e] for (a, b), e in zip(base, extra)]
    return [np.array(rows, np.int32).reshape(-1, 2) for rows in (pads, [[0, e] for e in extra])]


def _paddings_at_run_time(input_shape: Any, block_shape: Any, base_paddings: Any) -> tuple[Tensor, Tensor]:
    """Where sizes are known only when the program runs."""
    given = [convert_to_tensor(x) for x in (input_shape, block_shape) if x is not None]
    given += [] if base_paddings is None else [convert_to_tensor(base_paddings)]

    def run(sizes: Any, block: Any, *base: Any) -> list[np.ndarray[Any, Any]]:
        return _paddings(sizes.tolist(), block.tolist(), base[0].tolist() if base else [[0, 0]] * len(sizes))

    rank = given[0].shape.as_list()[0]
    pads, crops = on_host(run, given, [dt.int32] * 2, [(rank, 2)] * 2)
    return pads, crops


def with_space_to_batch(
    input: Any, dilation_rate: Any, padding: str, op: Any, filter_shape: Any = None, spatial_dims: Any = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """`op(input, number of axes, padding)` of every `dilation_rate`-th element along `spatial_dims` (those after the
    first axis), so that a window slides over a dilated input.

    Raises ValueError for another padding than "VALID" or "SAME", which needs `filter_shape`, or rates that do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/with_space_to_batch.

    >>> with_space_to_batch([[[1.], [2.], [3.]]], [2], "VALID", lambda x, rank, pad: x * 2.).numpy().ravel().tolist()
    [2.0, 4.0, 6.0]
    """
    x, rates = convert_to_tensor(input), as_integers(dilation_rate, "with_space_to_batch")
    count = len(rates)
    if any(r < 1 for r in rates):
        raise ValueError(f"dilation_rate must be positive; got {list(rates)}")
    first = 2 if data_format is not None and data_format.startswith("NC") else 1
    axes = list(range(first, first + count)) if spatial_dims is None else sorted(spatial_dims)
    if len(axes) != count or axes[0] < 1:
        raise ValueError(f"spatial_dims must name {count} axes after the first, got {spatial_dims}")
    if all(r == 1 for r in rates):
        return op(x, count, padding)  # type: ignore[no-any-return]
    base = _dilated_padding(padding, rates, filter_shape)
    sizes = shape_vector(tuple(x.ir_type.dims[k] for k in axes))
    paddings, crops = required_space_to_batch_paddings(sizes, list(rates), base)
    every = [axes.index(k) if k in axes else None for k in range(1, axes[-1] + 1)]
    block = [1 if j is None else rates[j] for j in every]
    none = convert_to_tensor([0, 0], paddings.dtype)
    around, cut = (stack([none if j is None else rows[j] for j in every]) for rows in (paddings, crops))
    made = op(space_to_batch_nd(x, block, around), count, "VALID")
    return batch_to_space(made, block, cut)


def _dilated_padding(padding: str, rates: Sequence[int], filter_shape: Any) -> Any:
    """What "SAME" adds around for windows of a shape whose elements are so far apart."""
    if padding not in ("VALID", "SAME"):
        raise ValueError(f"Invalid padding method {padding!r}")
    if padding == "VALID":
        return None
    if filter_shape is None:
        raise ValueError("filter_shape must be specified for padding='SAME'")
    reach = [(k - 1) * r for k, r in zip(as_integers(filter_shape, "with_space_to_batch"), rates)]
    return [[k // 2, k - k // 2] for k in reach]
