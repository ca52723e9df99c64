"""Makers of nodes whose attributes follow from their operands' shapes: views, slices, generators, reductions.

Invariant: sizes known only at run time stay in the shapes; what an op cannot prove of them it refuses, and the maker
gives None. Entry point: `MAKERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape, minimum, product
from graphtf.ir.op import Op
from graphtf.ir.types import TensorType

from .domain import WILD, Domain, draw
from .generator import Generator, Item, Made, Maker
from .operands import adapted

_MOST_RANK = 5


# ---- views -----------------------------------------------------------------------------------------------------------


def _reshape(g: Generator, op: Op) -> Made:
    x = g.some()
    return x and g.emit(op, [x], shape=regrouped(g, x.shape))


def regrouped(g: Generator, shape: Shape) -> Shape:
    """The factors of the sizes, in other groups."""
    factors: list[Dim] = [f for d in shape for f in (prime_factors(d) if isinstance(d, int) else [d])]
    g.rng.shuffle(factors)  # type: ignore[arg-type]
    least = 1 if factors else 0
    groups: list[list[Dim]] = [[] for _ in range(int(g.rng.integers(least, _MOST_RANK)))]
    for f in factors:
        g.pick(groups).append(f)
    return tuple(map(product, groups))


def prime_factors(d: int) -> list[int]:
    found = []
    for f in (2, 3, 5, 7):
        while d and d % f == 0:
            found.append(f)
            d //= f
    return found if d == 1 else [*found, d]


def _transpose(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: x.rank > 1) or g.some()
    return x and g.emit(op, [x], perm=tuple(int(k) for k in g.rng.permutation(x.rank)))


def _broadcast(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: 1 in x.shape or x.rank < 3)
    if x is None:
        return None
    front = g.shape(int(g.rng.integers(0, 3)))
    return g.emit(op, [x], shape=(*front, *(g.shape(1)[0] if d == 1 and g.chance(0.7) else d for d in x.shape)))


def _bounds(g: Generator, d: Dim) -> tuple[Dim, Dim, int]:
    """Start, limit and stride along an axis."""
    stride = int(g.pick((1, 1, 1, 2, 3)))
    if isinstance(d, int):
        start = int(g.rng.integers(d + 1)) if g.chance(0.5) else 0
        return start, int(g.rng.integers(start, d + 1)) if g.chance(0.5) else d, stride
    some = minimum(d, int(g.rng.integers(0, 6)))
    return (*g.pick(((0, d), (0, some), (some, d), (d - some, d), (0, d - some))), stride)


def _slice(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: x.rank > 0) or g.some()
    if x is None:
        return None
    bounds = [_bounds(g, d) for d in x.shape]
    starts, limits, strides = (tuple(b[k] for b in bounds) for k in range(3))
    return g.emit(op, [x], starts=starts, limits=limits, strides=strides)


def _pad(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: x.dtype is not dt.string)
    if x is None:
        return None
    value = adapted(g, TensorType(x.dtype, ()))
    low, high = (tuple(int(g.rng.integers(4)) if g.chance(0.5) else 0 for _ in x.shape) for _ in range(2))
    return g.emit(op, [x, value], low=low, high=high)


def _concat(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: x.rank > 0)
    if x is None:
        return None
    axis = int(g.rng.integers(x.rank))
    parts = [x]
    for _ in range(int(g.rng.integers(0, 3))):
        width = x.shape[axis] if g.chance(0.3) else g.size()
        parts.append(adapted(g, TensorType(x.dtype, (*x.shape[:axis], width, *x.shape[axis + 1 :]))))
    g.rng.shuffle(parts)  # type: ignore[arg-type]
    return g.emit(op, parts, axis=axis)


def _reverse(g: Generator, op: Op) -> Made:
    x = g.some()
    return x and g.emit(op, [x], axes=tuple(k for k in range(x.rank) if g.chance(0.6)))


# ---- slices at run-time positions ------------------------------------------------------------------------------------


def _start(g: Generator, rank: int) -> Item:
    domain = Domain("plain", -3, 9) if g.chance(0.8) else WILD
    return adapted(g, TensorType(g.pick((dt.int32, dt.int64)), (rank,)), domain)


def _inner(g: Generator, d: Dim) -> Dim:
    most = int(g.rng.integers(d + 1)) if isinstance(d, int) else int(g.rng.integers(5))
    return d if g.chance(0.3) else minimum(d, most)


def _dynamic_slice(g: Generator, op: Op) -> Made:
    x = g.some()
    return x and g.emit(op, [x, _start(g, x.rank)], sizes=tuple(_inner(g, d) for d in x.shape))


def _dynamic_update_slice(g: Generator, op: Op) -> Made:
    x = g.some(lambda x: x.dtype is not dt.string)
    if x is None:
        return None
    update = adapted(g, TensorType(x.dtype, tuple(_inner(g, d) for d in x.shape)))
    return g.emit(op, [x, update, _start(g, x.rank)])


# ---- generators ------------------------------------------------------------------------------------------------------


def _constant(g: Generator, op: Op) -> Made:
    d = g.dtype()
    shape = tuple(k for k in g.shape() if isinstance(k, int))
    array = draw(d, shape, g.domain_for(d), g.rng)
    if g.chance(0.3) and array.size:
        array = np.full_like(array, array.flat[0])
    return g.emit(op, [], value=array)


def _dims(g: Generator, op: Op) -> Made:
    x = g.some()
    return x and g.emit(op, [], dims=x.shape, dtype=g.pick((dt.int32, dt.int64)))


def _iota(g: Generator, op: Op) -> Made:
    shape = g.shape(int(g.rng.integers(1, 4)))
    return g.emit(op, [], shape=shape, axis=int(g.rng.integers(len(shape))), dtype=g.dtype())


def _arange(g: Generator, op: Op) -> Made:
    """Short ones: a step that is as good as none would make a range without end."""
    d = g.pick((dt.int32, dt.int64, dt.float32, dt.float64))
    bounds = [adapted(g, TensorType(d, ()), Domain("plain", -8, 8), always=True) for _ in range(2)]
    step = g.constant(np.array(g.pick((1, 1, 2, 3, -1, 0)) if d.is_integer else g.pick((1, 0.5, 0.3, -0.7)), d.np))
    return g.emit(op, [*bounds, step], shape=None if g.chance(0.2) else (g.fresh_size(),))


# ---- reductions ------------------------------------------------------------------------------------------------------


def reduction(g: Generator, op: Op) -> Made:
    """Over any axes, none and all included, in any order."""
    x = g.some(lambda x: x.rank > 0 and g.types(op, [x], {"axes": ()}) is not None)
    if x is None:
        return None
    axes = [k for k in range(x.rank) if g.chance(0.5)]
    if g.chance(0.2):
        g.rng.shuffle(axes)
    return g.emit(op, [x], axes=tuple(axes))


def along_axis(g: Generator, op: Op, **more: Any) -> Made:
    """An op of one operand and an axis, its other attributes as given."""
    x = g.some(lambda x: x.rank > 0 and g.types(op, [x], {"axis": 0, **more}) is not None)
    return x and g.emit(op, [x], axis=int(g.rng.integers(x.rank)), **more)


def _position(g: Generator, op: Op) -> Made:
    return along_axis(g, op, dtype=g.pick((dt.int32, dt.int64)))


MAKERS: Mapping[str, Maker] = {
    "reshape": _reshape, "transpose": _transpose, "broadcast": _broadcast, "slice": _slice, "pad": _pad,
    "concat": _concat, "reverse": _reverse, "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice, "constant": _constant, "dims": _dims,
    "iota": _iota, "arange": _arange, "argmax": _position, "argmin": _position,
}  # fmt: skip
