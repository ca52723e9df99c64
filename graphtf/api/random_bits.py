"""Distributions from Philox bits, in the arithmetic of TensorFlow's CPU kernels, so that the numbers are the same.

Invariant: uniform and integer results are exact; normal ones follow the same formulas in the dtype's precision. Entry
points: functions of (key u64[1], counter u64[2], shape).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphtf.api.random_large import compiled_if_large
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv, product
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.tensor import EagerTensor, Tensor

Dims = tuple[Dim, ...]

# How a float in [1, 2) is put together: (bits, mask of the fraction, exponent of 1).
_FRACTIONS = {
    dt.float32: (dt.uint32, 0x7FFFFF, 127 << 23),
    dt.float16: (dt.uint16, 0x3FF, 15 << 10),
    dt.bfloat16: (dt.uint16, 0x7F, 127 << 7),
}
_EPSILON = 1.0e-7  # the least uniform number whose logarithm is taken
_SCRAMBLE = (0x3EC8F720, 0x02461E29)  # the key under which stateless seeds are mixed
BLOCKS_FOR_EACH = 256  # Philox blocks a stateful generator sets aside for every number
_CUT = 2.0  # truncated normals lie within this many standard deviations
_ROW = 16  # candidates for four truncated normals: fewer than four fit once in 10¹⁵


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
        return _unit_double(p.philox(key, counter, shape=shape, dtype=dt.uint64))
    return _unit_of(p.philox(key, counter, shape=shape, dtype=dt.uint32), dtype)


def _unit_of(words: Tensor, dtype: DType) -> Tensor:
    kind, mask, one = _FRACTIONS[dtype]
    words = words if kind is dt.uint32 else p.cast(words, dtype=kind)
    made = p.bitcast(p.bitwise_or(p.bitwise_and(words, _bits(mask, kind)), _bits(one, kind)), dtype=dtype)
    return p.sub(made, scalar_like(made, 1))


def _unit_double(words: Tensor) -> Tensor:
    """The fraction's upper 20 bits are of the first word, which is the low half."""
    upper = p.shift_left(p.bitwise_and(words, _bits(0xFFFFF, dt.uint64)), _bits(32, dt.uint64))
    fraction = p.bitwise_or(upper, p.shift_right(words, _bits(32, dt.uint64)))
    made = p.bitcast(p.bitwise_or(fraction, _bits(1023 << 52, dt.uint64)), dtype=dt.float64)
    return p.sub(made, scalar_like(made, 1))


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


def _box_muller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two independent normals from two independent uniforms."""
    radius = p.sqrt(p.mul(scalar_like(first, -2), p.log(p.maximum(first, scalar_like(first, _EPSILON)))))
    angle = p.mul(scalar_like(second, 2 * math.pi), second)
    return p.mul(p.sin(angle), radius), p.mul(p.cos(angle), radius)


def _interleaved(a: Tensor, b: Tensor) -> Tensor:
    """a₀ b₀ a₁ b₁ … along the last axis."""
    dims = a.ir_type.dims
    column = (*dims, 1)
    pairs = p.concat(p.reshape(a, shape=column), p.reshape(b, shape=column), axis=len(dims))
    return p.reshape(pairs, shape=(*dims[:-1], dims[-1] * 2))


def _column(x: Tensor, k: int) -> Tensor:
    rows = x.ir_type.dims[0]
    return p.reshape(p.slice(x, starts=(0, k), limits=(rows, k + 1), strides=(1, 1)), shape=(rows,))


def _pairs(words: Tensor, unit_of: Any) -> Tensor:
    """Normals from rows of two uniforms."""
    return _interleaved(*_box_muller(unit_of(_column(words, 0)), unit_of(_column(words, 1))))


def _first(flat: Tensor, shape: Dims) -> Tensor:
    count = product(shape)
    cut = flat if flat.ir_type.dims == (count,) else p.slice(flat, starts=(0,), limits=(count,), strides=(1,))
    return p.reshape(cut, shape=shape)


@compiled_if_large
def normal(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Standard normal; half precision is computed in float32."""
    rows = ceildiv(product(shape), 2)
    if dtype is dt.float64:
        words = p.philox(key, counter, shape=(rows, 2), dtype=dt.uint64)
        return _first(_pairs(words, _unit_double), shape)
    words = p.philox(key, counter, shape=(rows, 2), dtype=dt.uint32)
    out = _first(_pairs(words, lambda w: _unit_of(w, dt.float32)), shape)
    return out if dtype is dt.float32 else p.cast(out, dtype=dtype)


@compiled_if_large
def truncated_normal(key: Tensor, counter: Tensor, shape: Dims, dtype: DType) -> Tensor:
    """Standard normal within two standard deviations: of a group's candidates, the first that lie inside."""
    double = dtype is dt.float64
    group = 2 if double else 4
    groups = ceildiv(product(shape), group)
    width = 2 * _ROW if double else _ROW
    skip = group * BLOCKS_FOR_EACH // 4
    words = p.philox_rows(key, counter, shape=(groups, width), skip=skip)
    if double:
        halves = p.cast(p.reshape(words, shape=(groups, _ROW, 2)), dtype=dt.uint64)
        low, high = (_plane(halves, k) for k in (0, 1))
        uniform = _unit_double(p.bitwise_or(low, p.shift_left(high, _bits(32, dt.uint64))))
    else:
        uniform = _unit_of(words, dt.float32)
    pairs = p.reshape(uniform, shape=(groups, _ROW // 2, 2))
    found = _interleaved(*_box_muller(_plane(pairs, 0), _plane(pairs, 1)))
    out = _first(p.reshape(_chosen(found, group), shape=(groups * group,)), shape)
    return out if out.dtype is dtype else p.cast(out, dtype=dtype)


def _plane(x: Tensor, k: int) -> Tensor:
    a, b, _ = x.ir_type.dims
    return p.reshape(p.slice(x, starts=(0, 0, k), limits=(a, b, k + 1), strides=(1, 1, 1)), shape=(a, b))


def _chosen(candidates: Tensor, count: int) -> Tensor:
    """The first `count` of each row that lie inside the cut."""
    rows, width = candidates.ir_type.dims
    inside = p.lt(p.abs(candidates), scalar_like(candidates, _CUT))
    rank = p.cumulate(p.cast(inside, dtype=dt.int32), axis=1, combine="add", exclusive=False, reverse=False)
    wanted = p.reshape(convert_to_tensor(np.arange(1, count + 1, dtype=np.int32)), shape=(1, count, 1))
    hits = p.logical_and(
        p.eq(p.reshape(rank, shape=(rows, 1, width)), wanted), p.reshape(inside, shape=(rows, 1, width))
    )
    wide = p.reshape(candidates, shape=(rows, 1, width))
    return p.reduce_sum(p.select(hits, wide, scalar_like(wide, 0)), axes=(2,))
