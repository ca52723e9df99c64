"""Indexing as NumPy does it: lists and arrays of indices, and masks, along any axes together with slices.

Invariant: arrays of indices broadcast against each other; what they give stands where they stood if they stood side by
side, else in front. Entry point: `getitem`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf import indexing
from graphtf.api import selection, shaping
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor


def getitem(x: Any, key: Any) -> Tensor:
    """`x[key]` as NumPy understands it, for keys that are known to be integers or masks.

    Raises InvalidArgumentError for an index out of range, as `tf.gather_nd`.

    >>> getitem(convert_to_tensor([[1, 2], [3, 4]]), (0, [1, 0])).numpy().tolist()
    [2, 1]
    """
    entries = [list(e) if isinstance(e, tuple) else e for e in key] if isinstance(key, tuple) else [key]
    if not any(map(_is_array, entries)):
        return indexing.getitem(x, key)
    tensor = convert_to_tensor(x)
    parts = [q for e in entries for q in (_columns(e) if _is_array(e) else [e])]
    used = sum(e is not None and e is not Ellipsis for e in parts)
    full = [slice(None)] * (len(tensor.ir_type.dims) - used)
    at = next((k for k, e in enumerate(parts) if e is Ellipsis), len(parts))
    parts = [*parts[:at], *full, *[e for e in parts[at:] if e is not Ellipsis]]
    basic = tuple(e if e is None or isinstance(e, slice) else slice(None) for e in parts)
    where = [k for k, e in enumerate(parts) if not (e is None or isinstance(e, slice))]
    return _chosen(indexing.getitem(tensor, basic), where, [parts[k] for k in where])


def _is_array(entry: Any) -> bool:
    if isinstance(entry, (list, np.ndarray)):
        return isinstance(entry, list) or entry.ndim > 0
    return is_tensor_like(entry) and convert_to_tensor(entry).shape.rank != 0


def _columns(entry: Any) -> list[Any]:
    """The indices that an array stands for: itself, or where a mask holds, one array for each of its axes."""
    t = convert_to_tensor(np.asarray(entry) if isinstance(entry, list) and entry else entry)
    if not t.dtype.is_bool:
        return [t if t.dtype.is_integer else p.cast(t, dtype=dt.int64)]
    places = selection.where(t)
    return shaping.unstack(places, t.shape.rank, axis=1)


def _chosen(x: Tensor, axes: list[int], indices: list[Any]) -> Tensor:
    """The elements of x at indices along some axes, the others whole."""
    found = [_counted(i, shaping.shape(x, dt.int64)[k]) for k, i in zip(axes, indices)]  # type: ignore[index]
    shape = shaping.shape(found[0])
    for i in found[1:]:
        shape = shaping.broadcast_dynamic_shape(shape, shaping.shape(i))
    rank = max(len(i.ir_type.dims) for i in found)
    together = shaping.stack([shaping.broadcast_to(i, shape) for i in found], -1)
    rest = [k for k in range(len(x.ir_type.dims)) if k not in axes]
    out = selection.gather_nd(shaping.transpose(x, [*axes, *rest]), together)
    if axes != list(range(axes[0], axes[0] + len(axes))):
        return out
    lead, tail = axes[0], len(rest)
    return shaping.transpose(out, [*range(rank, rank + lead), *range(rank), *range(rank + lead, rank + tail)])


def _counted(index: Any, size: Any) -> Tensor:
    """Indices counted from the front, as int64."""
    i = convert_to_tensor(index)
    i = i if i.dtype is dt.int64 else p.cast(i, dtype=dt.int64)
    return p.select(p.lt(i, scalar_like(i, 0)), p.add(i, size), i)
