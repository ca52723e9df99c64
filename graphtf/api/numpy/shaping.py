"""Shapes in `tf.experimental.numpy`: reshaping, joining, splitting, choosing and repeating.

Invariant: elements are moved, never changed. Functions follow
https://www.tensorflow.org/api_docs/python/tf/experimental/numpy. Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api import selection, shaping
from graphtf.api.numpy.arrays import alike, asarray, promoted
from graphtf.api.numpy.elementwise import _truth
from graphtf.api.padding import pad as padded
from graphtf.convert import is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

Array = Tensor


def reshape(a: Any, newshape: Any, order: str = "C") -> Array:
    """The same elements in another shape, in row-major order or, with "F", column-major."""
    x = asarray(a)
    sizes = [newshape] if isinstance(newshape, (int, np.integer)) else newshape
    if order == "C":
        return shaping.reshape(x, sizes)
    if order != "F":
        raise ValueError(
            f"Unsupported value for argument `order`. Supported values are 'C' and 'F', received {order!r}"
        )
    return transpose(shaping.reshape(transpose(x), list(sizes)[::-1]))


def ravel(a: Any) -> Array:
    return shaping.reshape(asarray(a), [-1])


def flatten(a: Any, order: str = "C") -> Array:
    return reshape(a, -1, order)


def squeeze(a: Any, axis: Any = None) -> Array:
    return shaping.squeeze(asarray(a), axis)


def transpose(a: Any, axes: Any = None) -> Array:
    return shaping.transpose(asarray(a), None if axes is None else asarray(axes, dt.int32))


def swapaxes(a: Any, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""
    x = asarray(a)
    order = list(range(len(x.ir_type.dims)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return p.transpose(x, perm=tuple(order))


def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    """Axes moved to other places. Raises ValueError if there are not as many."""
    x = asarray(a)
    rank = len(x.ir_type.dims)
    sources, places = ([k] if isinstance(k, int) else list(k) for k in (source, destination))
    if len(sources) != len(places):
        raise ValueError("The lengths of source and destination must equal")
    moving = [k % rank for k in sources]
    order = [k for k in range(rank) if k not in moving]
    for place, k in sorted(zip((d % rank for d in places), moving)):
        order.insert(place, k)
    return p.transpose(x, perm=tuple(order))


def expand_dims(a: Any, axis: Any) -> Array:
    return shaping.expand_dims(asarray(a), axis)


def broadcast_to(array: Any, shape: Any) -> Array:
    return shaping.broadcast_to(asarray(array), [shape] if isinstance(shape, int) else shape)


def broadcast_arrays(*args: Any, **kwargs: Any) -> list[Array]:
    """Arrays stretched to one shape."""
    if kwargs.pop("subok", False) or kwargs:
        raise ValueError("subok=True, and other keywords, are not supported in broadcast_arrays.")
    found = [asarray(x) for x in args]
    sizes = [shaping.shape(x) for x in found]
    total = sizes[0]
    for s in sizes[1:]:
        total = shaping.broadcast_dynamic_shape(total, s)
    return [shaping.broadcast_to(x, total) for x in found]


def _at_least(count: int, arys: Any, grown: Any) -> Any:
    out = [grown(x) if len(x.ir_type.dims) < count else x for x in map(asarray, arys)]
    return out[0] if len(out) == 1 else out


def atleast_1d(*arys: Any) -> Any:
    return _at_least(1, arys, lambda x: p.reshape(x, shape=(1,)))


def atleast_2d(*arys: Any) -> Any:
    return _at_least(2, arys, lambda x: p.reshape(x, shape=(*(1,) * (2 - len(x.ir_type.dims)), *x.ir_type.dims)))


def _grown_to_3(x: Tensor) -> Tensor:
    dims = x.ir_type.dims
    shape = (1, 1, 1) if not dims else (1, *dims, 1) if len(dims) == 1 else (*dims, 1)
    return p.reshape(x, shape=shape)


def atleast_3d(*arys: Any) -> Any:
    return _at_least(3, arys, _grown_to_3)


# ---- joining and splitting -------------------------------------------------------------------------------------------


def _listed(arys: Any) -> list[Any]:
    return list(arys) if isinstance(arys, (list, tuple)) else shaping.unstack(asarray(arys))


def concatenate(arys: Any, axis: Any = 0) -> Array:
    found = alike(*map(asarray, _listed(arys)))
    if axis is None:
        found, axis = [shaping.reshape(x, [-1]) for x in found], 0
    return shaping.concat(found, axis)


def append(arr: Any, values: Any, axis: Any = None) -> Array:
    return concatenate([arr, values], axis)


def stack(arrays: Any, axis: int = 0) -> Array:
    return shaping.stack(promoted(*map(asarray, _listed(arrays))), axis)


def vstack(tup: Any) -> Array:
    return shaping.concat(promoted(*(atleast_2d(a) for a in _listed(tup))), 0)


def hstack(tup: Any) -> Array:
    found = promoted(*(atleast_1d(a) for a in _listed(tup)))
    return shaping.concat(found, 0 if len(found[0].ir_type.dims) == 1 else 1)


def dstack(tup: Any) -> Array:
    return shaping.concat(promoted(*(atleast_3d(a) for a in _listed(tup))), 2)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Equal pieces along an axis, or those between given indices."""
    x = asarray(ary)
    if isinstance(indices_or_sections, int):
        return shaping.split(x, indices_or_sections, axis)
    ends = [*np.asarray(indices_or_sections).tolist(), x.shape[axis]]
    return shaping.split(x, np.diff([0, *ends]).tolist(), axis)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    return split(ary, indices_or_sections, 0)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    x = asarray(ary)
    return split(x, indices_or_sections, 0 if len(x.ir_type.dims) == 1 else 1)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    return split(ary, indices_or_sections, 2)


# ---- order and repetition --------------------------------------------------------------------------------------------


def flip(m: Any, axis: Any = None) -> Array:
    """The elements along an axis (or all) in reverse order."""
    x = asarray(m)
    rank = len(x.ir_type.dims)
    if axis is None:
        return p.reverse(x, axes=tuple(range(rank)))
    if axis < 0:
        axis = rank + axis
    return shaping.reverse(x, [axis])


def flipud(m: Any) -> Array:
    return flip(m, 0)


def fliplr(m: Any) -> Array:
    return flip(m, 1)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Turned by k right angles in the plane of two axes."""
    x = asarray(m)
    one, two = (a % len(x.ir_type.dims) for a in axes)
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return p.reverse(x, axes=tuple(sorted((one, two))))
    return flip(swapaxes(x, one, two), one) if k == 1 else swapaxes(flip(x, one), one, two)


def roll(a: Any, shift: Any, axis: Any = None) -> Array:
    x = asarray(a)
    if axis is not None:
        return shaping.roll(x, shift, axis)
    flat = shaping.roll(shaping.reshape(x, [-1]), shift, 0)
    return p.reshape(flat, shape=x.ir_type.dims)


def repeat(a: Any, repeats: Any, axis: Any = None) -> Array:
    return shaping.repeat(asarray(a), repeats, axis)


def tile(a: Any, reps: Any) -> Array:
    """Repeated along axes, of which there may be more than before."""
    x = asarray(a)
    counts = list(np.asarray(reps).reshape(-1).tolist()) if not is_tensor_like(reps) else reps
    if is_tensor_like(counts):
        return shaping.tile(x, counts)
    rank = max(len(counts), len(x.ir_type.dims))
    wide = p.reshape(x, shape=(*(1,) * (rank - len(x.ir_type.dims)), *x.ir_type.dims))
    return shaping.tile(wide, [1] * (rank - len(counts)) + counts)


def pad(array: Any, pad_width: Any, mode: str, **kwargs: Any) -> Array:
    """Bordered. Keywords: `constant_values`. Raises ValueError for another mode."""
    filler = kwargs.pop("constant_values", 0)
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f"Unsupported padding mode: {mode}")
    x = asarray(array)
    return padded(x, asarray(pad_width, dt.int32), mode, filler)


# ---- choosing --------------------------------------------------------------------------------------------------------


def nonzero(a: Any) -> list[Array]:
    """The indices of the elements that are not 0, axis by axis."""
    x = shaping.reshape(asarray(a), [-1]) if not asarray(a).ir_type.dims else asarray(a)
    places = selection.where(_truth(x))
    return [places[:, k] for k in range(len(x.ir_type.dims))]  # type: ignore[index]


def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "clip") -> Array:
    """The elements at indices along an axis; indices out of range are clipped, or with "wrap" wrap around."""
    if out is not None:
        raise ValueError("out argument is not supported in take.")
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f"Invalid mode '{mode}' for take")
    x, at = asarray(a), asarray(indices)
    if axis is None:
        x, axis = shaping.reshape(x, [-1]), 0
    k = axis % len(x.ir_type.dims)
    size = shaping.shape(x, at.dtype)[k]  # type: ignore[index]
    if mode == "clip":
        at = p.minimum(p.maximum(at, scalar_like(at, 0)), p.sub(size, scalar_like(at, 1)))
    elif mode == "wrap":
        at = p.floormod(at, size)
    else:
        raise ValueError("Invalid mode 'raise' for take")
    return selection.gather(x, at, axis=k)


def take_along_axis(arr: Any, indices: Any, axis: Any) -> Array:
    """The elements at indices along an axis, the other axes going together."""
    x, at = asarray(arr), asarray(indices)
    if axis is None:
        return take_along_axis(shaping.reshape(x, [-1]), at, 0)
    rank = len(x.ir_type.dims)
    k = axis % rank
    if len(at.ir_type.dims) != rank:
        raise invalid("take_along_axis", f"indices of shape {at.shape} do not fit an array of shape {x.shape}")
    size = shaping.shape(x, at.dtype)[k]  # type: ignore[index]
    at = p.select(p.lt(at, scalar_like(at, 0)), p.add(at, size), at)
    lead = [d if j != k else 1 for j, d in enumerate(x.ir_type.dims)]
    wide = [d if d != 1 else e for d, e in zip(at.ir_type.dims, lead)]
    at = p.broadcast(at, shape=tuple(at.ir_type.dims[j] if j == k else wide[j] for j in range(rank)))
    order = (*(j for j in range(rank) if j != k), k)
    moved, places = p.transpose(x, perm=order), p.transpose(at, perm=order)
    count = product(moved.ir_type.dims[:-1])
    rows = p.reshape(moved, shape=(count, moved.ir_type.dims[-1]))
    found = p.gather(rows, p.reshape(places, shape=(count, places.ir_type.dims[-1])), axis=1, batch_dims=1)
    back = tuple(order.index(j) for j in range(rank))
    return p.transpose(p.reshape(found, shape=places.ir_type.dims), perm=back)


def compress(condition: Any, a: Any, axis: Any = None) -> Array:
    """The slices along an axis where a condition holds."""
    x, held = asarray(a), _truth(condition)
    if axis is None:
        x, axis = shaping.reshape(x, [-1]), 0
    k = axis % len(x.ir_type.dims)
    count = held.shape[0]
    if count != x.shape[k]:
        x = shaping.split(x, [count, -1], k)[0]
    return selection.boolean_mask(x, held, k)


def diff(a: Any, n: int = 1, axis: int = -1) -> Array:
    """Differences of neighbours along an axis, n times."""
    x = asarray(a)
    if n < 0:
        raise ValueError(f"Argument `order` must be a non-negative integer. Received: axis={n}")
    k = axis % len(x.ir_type.dims)
    for _ in range(n):
        dims = x.ir_type.dims
        zeros, ones = tuple(0 for _ in dims), (1,) * len(dims)
        less = tuple(d - 1 if j == k else d for j, d in enumerate(dims))
        left = p.slice(x, starts=zeros, limits=less, strides=ones)
        right = p.slice(x, starts=tuple(int(j == k) for j in range(len(dims))), limits=dims, strides=ones)
        x = p.ne(right, left) if x.dtype.is_bool else p.sub(right, left)
    return x

