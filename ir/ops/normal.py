"""Normal numbers from Philox bits: the formulas, and those cut at two standard deviations.

Invariant: formulas are TensorFlow's, in the dtype's precision; a cut number depends on key, counter and its
group alone. Entry points: `box_muller`, `unit_float`, `unit_double`, `truncated_normal`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Shape, ceildiv, product
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Decompose, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.generate import check_sizes
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.random import blocks, check_state, counters
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

# How a float in [1, 2) is put together: (bits, mask of the fraction, exponent of 1).
_FRACTIONS = {
    dt.float32: (dt.uint32, 0x7FFFFF, 127 << 23),
    dt.float16: (dt.uint16, 0x3FF, 15 << 10),
    dt.bfloat16: (dt.uint16, 0x7F, 127 << 7),
}
_EPSILON = 1.0e-7  # the least uniform number whose logarithm is taken
_CUT = 2.0  # truncated normals lie within this many standard deviations
_ROW = 16  # candidates for four truncated normals: fewer than four fit once in 10¹⁵
_UPPER = 0xFFFFF  # of a double's fraction, the bits in its upper half
_AT_A_TIME = 1 << 13  # groups whose numbers stay in the cache
_ONE = 1023 << 52  # the bits of 1.0


# ---- uniform ---------------------------------------------------------------------------------------------------------


def unit_float(words: Any, dtype: DType) -> Any:
    """Uniform in [0, 1) of a dtype that is not float64, from uint32."""
    kind, mask, one = _FRACTIONS[dtype]
    words = words if kind is dt.uint32 else p.cast(words, dtype=kind)
    made = p.bitwise_or(p.bitwise_and(words, scalar_like(words, mask)), scalar_like(words, one))
    made = p.bitcast(made, dtype=dtype)
    return p.sub(made, scalar_like(made, 1))


def unit_double(words: Any) -> Any:
    """Uniform in [0, 1) from uint64: the fraction's upper 20 bits are of the first word, which is the low half."""
    half = scalar_like(words, 32)
    upper = p.shift_left(p.bitwise_and(words, scalar_like(words, _UPPER)), half)
    fraction = p.bitwise_or(upper, p.shift_right(words, half))
    made = p.bitcast(p.bitwise_or(fraction, scalar_like(words, _ONE)), dtype=dt.float64)
    return p.sub(made, scalar_like(made, 1))


# ---- normal ----------------------------------------------------------------------------------------------------------


def box_muller(first: Any, second: Any) -> tuple[Any, Any]:
    """Two independent normals from two independent uniforms."""
    radius = p.sqrt(p.mul(scalar_like(first, -2), p.log(p.maximum(first, scalar_like(first, _EPSILON)))))
    angle = p.mul(scalar_like(second, 2 * math.pi), second)
    return p.mul(p.sin(angle), radius), p.mul(p.cos(angle), radius)


def interleaved(a: Any, b: Any) -> Any:
    """a₀ b₀ a₁ b₁ … along the last axis."""
    dims = a.ir_type.dims
    column = (*dims, 1)
    pairs = p.concat(p.reshape(a, shape=column), p.reshape(b, shape=column), axis=len(dims))
    return p.reshape(pairs, shape=(*dims[:-1], dims[-1] * 2))


def plane(x: Any, k: int) -> Any:
    """x[..., k]."""
    *dims, _ = x.ir_type.dims
    starts = (0,) * len(dims)
    part = p.slice(x, starts=(*starts, k), limits=(*dims, k + 1), strides=(1,) * (len(dims) + 1))
    return p.reshape(part, shape=tuple(dims))


def first_of(flat: Any, shape: Shape) -> Any:
    """As many elements of a vector as the shape has, in that shape."""
    count = product(shape)
    cut = flat if flat.ir_type.dims == (count,) else p.slice(flat, starts=(0,), limits=(count,), strides=(1,))
    return p.reshape(cut, shape=shape)


# ---- cut -------------------------------------------------------------------------------------------------------------


def _group(dtype: DType) -> int:
    """How many numbers are made of one stretch of the stream: as many as a block has uniform ones."""
    return 2 if dtype is dt.float64 else 4


def _infer(key: TensorType, counter: TensorType, shape: Shape, dtype: DType, skip: int) -> TensorType:
    check_state(truncated_normal, key, counter)
    check_dtype(truncated_normal, dtype, (dt.float32, dt.float64), 2)
    check_sizes(truncated_normal, shape, "shape", 3)
    return TensorType(dtype, shape)


def _ref(key: Array, counter: Array, shape: tuple[int, ...], dtype: DType, skip: int) -> Array:
    group, size = _group(dtype), int(np.prod(shape, dtype=np.int64))
    out = np.empty((-(-size // group), group), dtype.np)
    steps = np.arange(len(out), dtype=np.uint64) * np.uint64(skip)
    with np.errstate(over="ignore"):
        for start in range(0, len(out), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            _fill(key, counter, steps[part], out[part])
    return out.reshape(-1)[:size].reshape(shape)


def _fill(key: Array, counter: Array, steps: Array, out: Array) -> None:
    """Groups that start so many blocks after the counter: most of them are a block as it is."""
    out[:] = _candidates(blocks(key, *counters(counter, steps)), out.dtype)
    left = np.flatnonzero(~_inside(out).all(axis=1))
    group, filled, number = out.shape[1], np.zeros(len(out), np.intp), 0
    while left.size:
        found = _candidates(blocks(key, *counters(counter, steps[left] + np.uint64(number))), out.dtype)
        inside = _inside(found)
        places = filled[left, np.newaxis] + np.cumsum(inside, axis=1) - 1
        row, column = np.nonzero(inside & (places < group))
        out[left[row], places[row, column]] = found[row, column]
        filled[left] += np.count_nonzero(inside, axis=1)
        left, number = left[filled[left] < group], number + 1


def _inside(x: Array) -> Array:
    return np.abs(x) < _CUT


def _candidates(words: Array, dtype: np.dtype[Any]) -> Array:
    """The normal numbers that blocks give."""
    uniform = _doubles(words) if dtype == np.float64 else _floats(words)
    radius = np.sqrt(-2 * np.log(np.maximum(uniform[:, 0::2], dtype.type(_EPSILON))))
    angle = dtype.type(2 * math.pi) * uniform[:, 1::2]
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=-1).reshape(len(words), -1)


def _floats(words: Array) -> Array:
    return (words & np.uint32(0x7FFFFF) | np.uint32(127 << 23)).view(np.float32) - np.float32(1)


def _doubles(words: Array) -> Array:
    wide = words.astype(np.uint64)
    fraction = (wide[:, 0::2] & np.uint64(_UPPER)) << np.uint64(32) | wide[:, 1::2]
    return (fraction | np.uint64(_ONE)).view(np.float64) - 1


def _decomposed(key: Any, counter: Any, shape: Shape, dtype: DType, skip: int) -> Any:
    """All candidates that could be wanted, and of each group's those that are."""
    group, double = _group(dtype), dtype is dt.float64
    groups = ceildiv(product(shape), group)
    words = p.philox_rows(key, counter, shape=(groups, 2 * _ROW if double else _ROW), skip=skip)
    if double:
        halves = p.cast(p.reshape(words, shape=(groups, _ROW, 2)), dtype=dt.uint64)
        low, high = plane(halves, 0), plane(halves, 1)
        uniform = unit_double(p.bitwise_or(low, p.shift_left(high, scalar_like(high, 32))))
    else:
        uniform = unit_float(words, dt.float32)
    pairs = p.reshape(uniform, shape=(groups, _ROW // 2, 2))
    found = interleaved(*box_muller(plane(pairs, 0), plane(pairs, 1)))
    return first_of(p.reshape(_chosen(found, group), shape=(groups * group,)), shape)


def _chosen(candidates: Any, count: int) -> Any:
    """The first `count` of each row that lie inside the cut."""
    rows, width = candidates.ir_type.dims
    inside = p.lt(p.abs(candidates), scalar_like(candidates, _CUT))
    rank = p.cumulate(p.cast(inside, dtype=dt.int32), axis=1, combine="add", exclusive=False, reverse=False)
    wanted = p.constant(value=np.arange(1, count + 1, dtype=np.int32).reshape(1, count, 1))
    hits = p.logical_and(
        p.eq(p.reshape(rank, shape=(rows, 1, width)), wanted), p.reshape(inside, shape=(rows, 1, width))
    )
    wide = p.reshape(candidates, shape=(rows, 1, width))
    return p.reduce_sum(p.select(hits, wide, scalar_like(wide, 0)), axes=(2,))


truncated_normal = Op(
    "truncated_normal",
    "normal numbers within two standard deviations: those of a group, of which number i starts `skip`·i blocks after "
    "the counter, are the first candidates of its stretch that lie inside",
    _infer, _ref, None, Decompose(_decomposed), arity=2, attrs=("shape", "dtype", "skip"),
    constraints=("the key is u64[1], the counter u64[2]", "the dtype is float32 or float64", "sizes are not negative"),
    traits=Trait.ZERO_GRADIENT,
    samples=(
        Sample("u64[1] u64[2]", {"shape": (3, 7), "dtype": dt.float32, "skip": 256}, 0, 2**62),
        Sample("u64[1] u64[2]", {"shape": (9,), "dtype": dt.float64, "skip": 128}, 0, 2**62),
        Sample(
            "u64[1] u64[2]", {"shape": (25,), "dtype": dt.float32, "skip": 7}, values=([2**64 - 1], [2**64 - 2, 5])
        ),
        Sample("u64[1] u64[2]", {"shape": (0, 3), "dtype": dt.float32, "skip": 256}, 0, 2**62),
    ),
)  # fmt: skip
