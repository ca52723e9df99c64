"""Distributions from Philox bits, in the arithmetic of TensorFlow's CPU kernels, so that the numbers are the same.

Invariant: uniform and integer results are exact; normal ones follow the same formulas in the dtype's precision. Entry
points: functions of (key u64[1], counter u64[2], shape).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.random_large import compiled_by_parts, compiled_if_large
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv, product
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.normal import box_muller, first_of, interleaved, plane, unit_double, unit_float
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid, wrong_dtype
from graphtf.tensor import EagerTensor, Tensor

Dims = tuple[Dim, ...]

_SCRAMBLE = (0x3EC8F720, 0x02461E29)  # the key under which stateless seeds are mixed
BLOCKS_FOR_EACH = 256  # Philox blocks a stateful generator sets aside for every number


def _bits(value: int, dtype: DType) -> Tensor:
    return convert_to_tensor(np.array(value, dtype.np))


# ---- seeds -----------------------------------------------------------------------------------------------------------


def key_and_counter(seed: Any) -> tuple[Tensor, Tensor]:
    """The generator for a stateless seed of two integers.

    Raises InvalidArgumentError (tracing: ValueError) for another.
    """
    s = convert_to_tensor(seed)
    if s.dtype not in (dt.int32, dt.int64, dt.uint32, dt.uint64):
        raise wrong_dtype("random", f"seed must be int32 or int64, got {s.dtype.name}")
    if s.ir_type.dims != (2,):
        raise invalid("random", f"seed must have shape [2], not {s.shape}")
    wide = p.cast(s, dtype=dt.uint64)
    words = p.philox(_bits_vector([_SCRAMBLE[0] | _SCRAMBLE[1] << 32]), wide, shape=(2,), dtype=dt.uint64)
    zero = _bits_vector([0])
    return _part(words, 0), p.concat(zero, _part(words, 1), axis=0)


def _bits_vector(values: list[int]) -> Tensor:
    return convert_to_tensor(np.array(values, np.uint64))


def _part(x: Tensor, k: int) -> Tensor:
    return p.slice(x, starts=(k,), limits=(k + 1,), strides=(1,))


# ---- uniform ---------------------------------------------------------------------------------------------------------


@compiled_if_large
def unit(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Uniform in [0, 1)."""
    if dtype is dt.float64:
        return unit_double(p.philox(key, counter, shape=shape, dtype=dt.uint64))
    return unit_float(p.philox(key, counter, shape=shape, dtype=dt.uint32), dtype)


def integers(key: Tensor, counter: Tensor, shape: Dims, low: Tensor, high: Tensor) -> Tensor:
    """Uniform integers in [low, high). Raises InvalidArgumentError unless low < high."""
    known = isinstance(low, EagerTensor) and isinstance(high, EagerTensor) and product(shape) != 0
    if known and not (low._array < high._array).all():
        raise InvalidArgumentError(None, None, f"Need minval < maxval, got {low._array} >= {high._array}")
    kind = {4: dt.uint32, 8: dt.uint64}[low.dtype.size]
    words = p.philox(key, counter, shape=shape, dtype=kind)
    a, b = p.bitcast(low, dtype=kind), p.bitcast(high, dtype=kind)
    return p.bitcast(p.add(a, p.floormod(words, p.sub(b, a))), dtype=low.dtype)


def full_integers(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Uniform over all integers of the dtype."""
    kind = {4: dt.uint32, 8: dt.uint64}[dtype.size]
    words = p.philox(key, counter, shape=shape, dtype=kind)
    return words if dtype is kind else p.bitcast(words, dtype=dtype)


# ---- normal ----------------------------------------------------------------------------------------------------------


def _pairs(words: Tensor, unit_of: Any) -> Tensor:
    """Normals from rows of two uniforms."""
    return interleaved(*box_muller(unit_of(plane(words, 0)), unit_of(plane(words, 1))))


@compiled_if_large
def normal(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Standard normal; half precision is computed in float32."""
    rows = ceildiv(product(shape), 2)
    if dtype is dt.float64:
        words = p.philox(key, counter, shape=(rows, 2), dtype=dt.uint64)
        return first_of(_pairs(words, unit_double), shape)
    words = p.philox(key, counter, shape=(rows, 2), dtype=dt.uint32)
    out = first_of(_pairs(words, lambda w: unit_float(w, dt.float32)), shape)
    return out if dtype is dt.float32 else p.cast(out, dtype=dtype)


_FOR_EACH_CUT = BLOCKS_FOR_EACH // 4  # blocks for a truncated number, of which one Philox block makes 4, or 2 doubles


@compiled_by_parts(_FOR_EACH_CUT)
def truncated_normal(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Standard normal within two standard deviations; half precision is computed in float32."""
    wide, group = (dtype, 2) if dtype is dt.float64 else (dt.float32, 4)
    out: Tensor = p.truncated_normal(key, counter, shape=shape, dtype=wide, skip=group * _FOR_EACH_CUT)
    return out if dtype is wide else p.cast(out, dtype=dtype)
