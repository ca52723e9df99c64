"""Random numbers of `tf.experimental.numpy`, from the global stream of `tf.random`.

Invariant: `seed` is `tf.random.set_seed`. Functions follow
https://www.tensorflow.org/api_docs/python/tf/experimental/numpy/random. Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api import random as streams
from graphtf.api import random_state
from graphtf.api.numpy.arrays import asarray
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor

Array = Tensor


def _shape(size: Any) -> Any:
    return () if size is None else (size,) if isinstance(size, int) else size


def seed(s: int) -> None:
    """Start the stream anew. Raises ValueError for what is no integer."""
    try:
        random_state.set_seed(int(s))
    except TypeError:
        raise ValueError(f"Argument `s` got an invalid value {s}. Only integers are supported.") from None


def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Array:
    """Uniform float64 in [low, high)."""
    a, b = asarray(low, dt.float64), asarray(high, dt.float64)
    unit = streams.uniform(_shape(size), dtype=dt.float64)
    return p.add(a, p.mul(unit, p.sub(b, a)))


def random(size: Any = None) -> Array:
    return uniform(size=size)


def rand(*size: int) -> Array:
    return uniform(size=size)


def standard_normal(size: Any = None) -> Array:
    return streams.normal(_shape(size), dtype=dt.float64)


def randn(*args: int) -> Array:
    return standard_normal(args)


def randint(low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64) -> Array:
    """Uniform integers in [low, high), or [0, low)."""
    if high is None:
        low, high = 0, low
    kind = as_dtype(dtype)
    wide = kind if kind in (dt.int32, dt.int64) else dt.int64
    found = streams.uniform(_shape(size), low, high, dtype=wide)
    return found if kind is wide else p.cast(found, dtype=kind)


def poisson(lam: float = 1.0, size: Any = None) -> Array:
    from graphtf.api.random_more import poisson as draw

    return p.cast(draw(_shape(size), asarray(lam, dt.float64), dtype=dt.float64), dtype=dt.int64)
