"""The ops by name, for rules of one family that are written with ops of another: `p.reduce_sum(x, axes=(0,))`.

Invariant: names are looked up when a rule runs, never at import, so families do not depend on each other's order. This
is the one place where that look-up happens.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from graphtf.ir.binding import bind, ir_dtype, ir_shape
from graphtf.ir.dims import Shape
from graphtf.ir.op import Op


class Prims:
    """`p.name` is the op called `name`."""

    def __getattr__(self, name: str) -> Op:
        from graphtf.ir.ops import OPS

        try:
            op = OPS[name]
        except KeyError:
            raise AttributeError(f"there is no op called {name!r}") from None
        setattr(self, name, op)
        return op


p = Prims()


def scalar_like(x: Any, value: Any) -> Any:
    """A scalar constant of the dtype of x."""
    storage = ir_dtype(x).np
    return bind(p.constant, value=whole(value, storage) if type(value) is int else np.asarray(value, storage))


@functools.lru_cache(maxsize=256)
def whole(value: int, storage: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A whole number as an array (0 or 1, mostly), made once and never written to."""
    array = np.asarray(value, storage)
    array.flags.writeable = False
    return array


def full_like(x: Any, value: Any) -> Any:
    """A tensor of the shape and dtype of x, every element `value`."""
    shape = ir_shape(x)
    scalar = scalar_like(x, value)
    if shape is None:  # as many as x has, whatever its rank turns out to be
        return p.select(p.eq(x, x), scalar, scalar)
    return p.broadcast(scalar, shape=shape) if shape != () else scalar


def sum_to(x: Any, shape: Shape | None) -> Any:
    """Undo broadcasting: sum x over the axes along which `shape` was stretched to get x's shape."""
    have = ir_shape(x)
    if have == shape or have is None or shape is None:
        return x
    extra = len(have) - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, d in enumerate(shape) if d == 1 and have[i + extra] != 1)
    summed = p.reduce_sum(x, axes=axes) if axes else x
    return summed if ir_shape(summed) == shape else p.reshape(summed, shape=shape)
