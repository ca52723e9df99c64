"""Borders around tensors: `pad`.

Invariant: mirrored borders never reach beyond the elements there are; sizes that only run time knows are
checked then.
"""

from __future__ import annotations

from typing import Any

from graphtf.api.shaping import between
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, nonnegative
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.prims import full_like, p
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_sizes, index_vector, known
from graphtf.tensor import Tensor


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None
) -> Tensor:
    """Bordered: by a value, or (REFLECT, SYMMETRIC) by mirrored elements. `paddings` is [[before, after], …].

    Raises ValueError for another mode, InvalidArgumentError (tracing: ValueError) for paddings that do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/pad.

    >>> pad([1, 2], [[1, 2]])
    <tf.Tensor: shape=(5,), dtype=int32, numpy=array([0, 1, 2, 0, 0], dtype=int32)>
    """
    x, mode = convert_to_tensor(tensor), mode.upper()
    if mode not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise ValueError(
            f"Value of argument `mode` expected to be one of 'CONSTANT', 'REFLECT' or 'SYMMETRIC'. Received: {mode}"
        )
    nothing = not is_tensor_like(constant_values) and isinstance(constant_values, int) and constant_values == 0
    value = {"b": False, "s": ""}.get(x.dtype.kind, 0) if nothing else constant_values
    filler = p.stop_gradient(p.reshape(convert_to_tensor(value, x.dtype), shape=()))
    if is_tensor_like(paddings) and known(paddings) is None:
        shape = (None,) * len(x.ir_type.dims)
        operands = [x, convert_to_tensor(paddings), filler]
        return deferred_like(lambda t, w, value: pad(t, w, mode, value), operands, x, shape)
    widths = _paddings(paddings, len(x.ir_type.dims))
    if not all(isinstance(d, int) or nonnegative(d) for row in widths for d in row):
        return _padded_at_run_time(x, widths, mode, filler)
    if mode == "CONSTANT":
        low, high = tuple(a for a, _ in widths), tuple(b for _, b in widths)
        return p.pad(x, filler, low=low, high=high)
    for k, (before, after) in enumerate(widths):
        x = _mirrored(x, k, before, after, 1 if mode == "REFLECT" else 0)
    return x


def _padded_at_run_time(x: Tensor, widths: list[tuple[Dim, Dim]], mode: str, filler: Tensor) -> Tensor:
    """With widths that may turn out negative, which only run time can refuse."""
    sizes = [d + a + b for d, (a, b) in zip(x.ir_type.dims, widths)]
    rows = p.reshape(index_vector([d for row in widths for d in row]), shape=(len(widths), 2))
    shape = tuple(d if isinstance(d, int) else None for d in sizes)
    return deferred_like(lambda t, w, value: pad(t, w, mode, value), [x, rows, filler], x, shape)


def _paddings(paddings: Any, rank: int) -> list[tuple[Dim, Dim]]:
    rows = paddings
    if is_tensor_like(paddings):
        contents = convert_to_tensor(paddings)
        if contents.shape.rank != 2 or contents.shape[1] != 2:
            raise invalid("pad", f"paddings must be a matrix with 2 columns: {contents.shape}")
        rows = [[contents[i, 0], contents[i, 1]] for i in range(contents.shape[0])]
    found = [as_sizes(row, "pad") for row in rows]
    if any(row is None for row in found):
        raise UnknownShapeError("paddings must be known while the function is traced")
    if len(found) != rank or any(len(row) != 2 for row in found if row is not None):
        raise invalid(
            "pad", f"The first dimension of paddings must be the rank of inputs, got {paddings!r} for rank {rank}"
        )
    if any(isinstance(d, int) and d < 0 for row in found if row is not None for d in row):
        raise invalid("pad", f"Paddings must be non-negative: {paddings!r}")
    return found  # type: ignore[return-value]


def _mirrored(x: Tensor, axis: int, before: Dim, after: Dim, offset: int) -> Tensor:
    """x with its ends mirrored outwards, without the edge itself if `offset` is 1."""
    size = x.ir_type.dims[axis]
    for width in (before, after):
        if isinstance(width, int) and isinstance(size, int) and width > size - offset:
            raise failed("pad", f"paddings must be no greater than the dimension size: {width}, {size - offset}")
    if not isinstance(size, int):
        return _mirrored_late(x, axis, before, after, offset)
    parts = [x]
    if before != 0:
        parts.insert(0, p.reverse(between(x, axis, offset, before + offset), axes=(axis,)))
    if after != 0:
        parts.append(p.reverse(between(x, axis, size - offset - after, size - offset), axes=(axis,)))
    return p.concat(*parts, axis=axis) if len(parts) > 1 else x


def _mirrored_late(x: Tensor, axis: int, before: Dim, after: Dim, offset: int) -> Tensor:
    """`_mirrored` where run time knows the size: its gather refuses paddings that are too wide."""
    size = x.ir_type.dims[axis]
    length = before + size + after
    at = p.iota(shape=(length,), axis=0, dtype=dt.int64)
    start, last = (
        p.broadcast(p.reshape(p.dims(dims=(d,), dtype=dt.int64), shape=()), shape=(length,))
        for d in (before, 2 * size - 1 - offset)
    )
    moved = p.sub(at, start)
    front = p.sub(p.neg(moved), full_like(moved, 1 - offset))
    moved = p.select(p.lt(moved, full_like(moved, 0)), front, moved)
    back = p.sub(last, moved)
    return p.gather(x, p.minimum(moved, back), axis=axis, batch_dims=0)  # type: ignore[no-any-return]
