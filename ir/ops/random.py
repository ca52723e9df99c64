"""Random bits from a counter: Philox 4×32 with ten rounds, in TensorFlow's order.

Invariant: element i depends on key, counter and i alone, so any element can be computed by itself. A block is the
cipher of (counter + block number); it gives four uint32 or two uint64.
Follows https://www.tensorflow.org/api_docs/python/tf/random/Generator and Salmon et al., "Parallel random numbers: as
easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Shape
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as s
from graphtf.ir.loops.index_map import linear
from graphtf.ir.op import Element, Host, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.generate import check_sizes
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # the golden ratio and √3 - 1, as fractions of 2³²
_MASK = 0xFFFFFFFF


def check_state(op: Op, key: TensorType, counter: TensorType) -> None:
    """Raise the violation of constraint 1 unless key and counter are of their types."""
    for k, (t, n) in enumerate(((key, 1), (counter, 2))):
        if t.dtype is not dt.uint64 or t.shape not in ((n,), None):
            kind = "shape" if t.dtype is dt.uint64 else "dtype"
            raise op.violated(1, f"operand {k} is {t}, expected u64[{n}]", kind)


def _infer(key: TensorType, counter: TensorType, shape: Shape, dtype: DType) -> TensorType:
    check_state(philox, key, counter)
    check_dtype(philox, dtype, (dt.uint32, dt.uint64), 2)
    check_sizes(philox, shape, "shape", 3)
    return TensorType(dtype, shape)


# ---- reference -------------------------------------------------------------------------------------------------------

_AT_A_TIME = 1 << 14  # blocks: what they go through stays in the cache
_FEW = 6  # blocks: so many are made sooner number by number
_SHIFT, _LOW_HALF = np.uint64(32), np.uint64(_MASK)
_COLUMN = np.array(_MULTIPLIERS, np.uint64).reshape(2, 1)


def blocks(key: Array, low: Array, high: Array) -> Array:
    """The four words for each 128-bit counter, given by halves: uint32[counters, 4]."""
    if len(low) <= _FEW:
        made = [_block_of(int(key[0]), int(a), int(b)) for a, b in zip(low, high)]
        return np.array(made, np.uint32).reshape(-1, 4)
    out = np.empty((len(low), 4), np.uint32)
    keys = [np.array(k, np.uint64).reshape(2, 1) for k in _round_keys(int(key[0]))]
    for start in range(0, len(low), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        _cipher(keys, low[part], high[part], out[part])
    return out


def _round_keys(key: int) -> list[list[int]]:
    first = (key & _MASK, key >> 32)
    return [[(k + n * step) & _MASK for k, step in zip(first, _KEY_STEPS)] for n in range(_ROUNDS)]


def _cipher(keys: Sequence[Array], low: Array, high: Array, out: Array) -> None:
    """Words 0 and 2 of all counters are the rows of one array, words 1 and 3 those of another."""
    even = np.stack([low & _LOW_HALF, high & _LOW_HALF])
    odd = np.stack([low >> _SHIFT, high >> _SHIFT])
    products = np.empty_like(even)
    crossed = products[::-1]  # each product goes to the other row
    for key in keys:
        np.multiply(even, _COLUMN, out=products)
        np.right_shift(crossed, _SHIFT, out=even)
        np.bitwise_xor(even, odd, out=even)
        np.bitwise_xor(even, key, out=even)
        np.bitwise_and(crossed, _LOW_HALF, out=odd)
    for k, words in enumerate((even[0], odd[0], even[1], odd[1])):
        out[:, k] = words


def _block_of(key: int, low: int, high: int) -> list[int]:
    """One block, of plain integers."""
    a, b, c, d = low & _MASK, low >> 32, high & _MASK, high >> 32
    for first, second in _round_keys(key):
        x, y = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (y >> 32) ^ b ^ first, y & _MASK, (x >> 32) ^ d ^ second, x & _MASK
    return [a, b, c, d]


def counters(counter: Array, steps: Array) -> tuple[Array, Array]:
    """The halves of the counter that many blocks later, for each number of blocks."""
    low = counter[0] + steps
    return low, counter[1] + (low < counter[0])


def _ref(key: Array, counter: Array, shape: tuple[int, ...], dtype: DType) -> Array:
    size = int(np.prod(shape, dtype=np.int64))
    per_block = 4 if dtype is dt.uint32 else 2
    with np.errstate(over="ignore"):
        words = blocks(key, *counters(counter, np.arange(-(-size // per_block), dtype=np.uint64)))
    if dtype is dt.uint64:
        wide = words.astype(np.uint64)
        words = wide[:, 0::2] | (wide[:, 1::2] << _SHIFT)
    return words.reshape(-1)[:size].reshape(shape)


# ---- lowering --------------------------------------------------------------------------------------------------------


def _u32(value: int) -> s.Expr:
    return s.lit(value, dt.uint32)


def _halves(x: s.Expr) -> tuple[s.Expr, s.Expr]:
    return s.cast(x, dt.uint32), s.cast(s.prim("shr", x, s.lit(32, dt.uint64)), dt.uint32)


def _round(words: Sequence[s.Expr], keys: Sequence[s.Expr]) -> list[s.Expr]:
    """One round: both products whole, the high halves mixed with the other words and the key."""
    low = [s.prim("mul", words[2 * k], _u32(_MULTIPLIERS[k])) for k in (0, 1)]
    high = [s.prim("mulhi", words[2 * k], _u32(_MULTIPLIERS[k])) for k in (0, 1)]
    mixed = [s.prim("xor", s.prim("xor", high[1 - k], words[2 * k + 1]), keys[k]) for k in (0, 1)]
    return [mixed[0], low[1], mixed[1], low[0]]


def _block(key: s.Expr, counter: Sequence[s.Expr], number: s.Expr) -> list[s.Expr]:
    low = s.prim("add", counter[0], number)
    carry = s.cast(s.prim("lt", low, number), dt.uint64)
    words: list[s.Expr] = [*_halves(low), *_halves(s.prim("add", counter[1], carry))]
    keys = list(_halves(key))
    for k in range(_ROUNDS):
        words = _round(words, keys)
        if k < _ROUNDS - 1:
            keys = [s.prim("add", x, _u32(step)) for x, step in zip(keys, _KEY_STEPS)]
    return words


def _pick(values: Sequence[s.Expr], lane: s.Expr) -> s.Expr:
    chosen = values[-1]
    for k in range(len(values) - 2, -1, -1):
        chosen = s.select(s.prim("eq", lane, s.lit(k)), values[k], chosen)
    return chosen


def _element(
    index: Sequence[s.Expr], read: Callable[..., s.Expr], out: TensorType, types: Any, shape: Shape, dtype: DType
) -> s.Expr:
    at = linear(index, shape)
    per_block = 4 if dtype is dt.uint32 else 2
    number = s.cast(s.idiv(at, per_block), dt.uint64)
    words = _block(read(0, (s.lit(0),)), [read(1, (s.lit(k),)) for k in (0, 1)], number)
    if dtype is dt.uint64:
        wide = [s.cast(w, dt.uint64) for w in words]
        words = [s.prim("or", wide[k], s.prim("shl", wide[k + 1], s.lit(32, dt.uint64))) for k in (0, 2)]
    return _pick(words, s.imod(at, per_block))


philox = Op(
    "philox", "random bits for a key and a counter", _infer, _ref, None, Element(_element), arity=2,
    attrs=("shape", "dtype"),
    constraints=("the key is u64[1], the counter u64[2]", "the dtype is uint32 or uint64", "sizes are not negative"),
    traits=Trait.ZERO_GRADIENT,
    samples=(
        Sample("u64[1] u64[2]", {"shape": (2, 5), "dtype": dt.uint32}, 0, 2**62),
        Sample("u64[1] u64[2]", {"shape": (7,), "dtype": dt.uint64}, 0, 2**62),
        Sample("u64[1] u64[2]", {"shape": (9,), "dtype": dt.uint32}, values=([2**64 - 1], [2**64 - 2, 5])),
        Sample("u64[1] u64[2]", {"shape": (0, 3), "dtype": dt.uint32}, 0, 2**62),
    ),
)  # fmt: skip

# ---- rows ------------------------------------------------------------------------------------------------------------


def _rows_infer(key: TensorType, counter: TensorType, shape: Shape, skip: int) -> TensorType:
    check_state(philox_rows, key, counter)
    if len(shape) != 2:
        raise philox_rows.violated(2, f"attribute shape is {list(shape)}, expected rows and columns")
    check_sizes(philox_rows, shape, "shape", 3)
    return TensorType(dt.uint32, shape)


def _rows_ref(key: Array, counter: Array, shape: tuple[int, ...], skip: int) -> Array:
    rows, columns = shape
    per_row = -(-columns // 4)
    starts = np.arange(rows, dtype=np.uint64) * np.uint64(skip)
    with np.errstate(over="ignore"):
        steps = starts[:, np.newaxis] + np.arange(per_row, dtype=np.uint64)
        words = blocks(key, *counters(counter, steps.reshape(-1)))
    return words.reshape(rows, -1)[:, :columns] if rows else np.empty(shape, np.uint32)


def _rows_element(
    index: Sequence[s.Expr], read: Callable[..., s.Expr], out: TensorType, types: Any, shape: Shape, skip: int
) -> s.Expr:
    row, column = index
    number = s.cast(s.iadd(s.imul(row, skip), s.idiv(column, 4)), dt.uint64)
    words = _block(read(0, (s.lit(0),)), [read(1, (s.lit(k),)) for k in (0, 1)], number)
    return _pick(words, s.imod(column, 4))


philox_rows = Op(
    "philox_rows", "random uint32 in rows, row i starting `skip`·i blocks after the counter", _rows_infer, _rows_ref,
    None, Element(_rows_element), arity=2, attrs=("shape", "skip"),
    constraints=("the key is u64[1], the counter u64[2]", "there are rows and columns", "sizes are not negative"),
    traits=Trait.ZERO_GRADIENT,
    samples=(
        Sample("u64[1] u64[2]", {"shape": (3, 5), "skip": 256}, 0, 2**62),
        Sample("u64[1] u64[2]", {"shape": (2, 4), "skip": 7}, values=([2**64 - 1], [2**64 - 2, 5])),
        Sample("u64[1] u64[2]", {"shape": (0, 4), "skip": 1}, 0, 2**62),
    ),
)  # fmt: skip


# ---- permutations ----------------------------------------------------------------------------------------------------


def _yates_infer(words: TensorType) -> TensorType:
    check_dtype(fisher_yates, words.dtype, (dt.uint32,), 1)
    if words.shape is not None and len(words.shape) != 1:
        raise fisher_yates.violated(2, f"operand 0 is {words}, expected a vector")
    return words.with_dtype(dt.int32)


def _yates_ref(words: Array) -> Array:
    count = len(words)
    order = list(range(count))
    for i, word in enumerate(words[: max(0, count - 1)].tolist()):
        j = i + word % (count - i)
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int32)


fisher_yates = Op(
    "fisher_yates", "the permutation that random words make: place i is exchanged with one of those from i on",
    _yates_infer, _yates_ref, None, Host("each exchange depends on the ones before"),
    constraints=("the words are uint32", "the operand is a vector"), traits=Trait.ZERO_GRADIENT,
    samples=(Sample("u32[7]", {}, 0, 2**31), Sample("u32[0]"), Sample("u32[1]")),
)  # fmt: skip
