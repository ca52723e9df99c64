"""Promotion of dtypes in the modes "all" and "safe": the tables are what TensorFlow gives for `a + b`.

Columns are the rows' dtypes, then the weak integer, float and complex number; "-" is what is not allowed.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import graphtf as tf
from graphtf.ir.dtypes import BY_SHORT
from graphtf.promotion import promoted_dtype

ALL = """
   b |    b   u8  u16  u32  u64   i8  i16  i32  i64 bf16  f16  f32  f64  c64 c128  i32  f32 c128
  u8 |   u8   u8  u16  u32  u64  i16  i16  i32  i64 bf16  f16  f32  f64  c64 c128   u8  f64 c128
 u16 |  u16  u16  u16  u32  u64  i32  i32  i32  i64 bf16  f16  f32  f64  c64 c128  u16  f64 c128
 u32 |  u32  u32  u32  u32  u64  i64  i64  i64  i64 bf16  f16  f32  f64  c64 c128  u32  f64 c128
 u64 |  u64  u64  u64  u64  u64  f64  f64  f64  f64 bf16  f16  f32  f64  c64 c128  u64  f64 c128
  i8 |   i8  i16  i32  i64  f64   i8  i16  i32  i64 bf16  f16  f32  f64  c64 c128   i8  f64 c128
 i16 |  i16  i16  i32  i64  f64  i16  i16  i32  i64 bf16  f16  f32  f64  c64 c128  i16  f64 c128
 i32 |  i32  i32  i32  i64  f64  i32  i32  i32  i64 bf16  f16  f32  f64  c64 c128  i32  f64 c128
 i64 |  i64  i64  i64  i64  f64  i64  i64  i64  i64 bf16  f16  f32  f64  c64 c128  i64  f64 c128
bf16 | bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16  f32  f32  f64  c64 c128 bf16 bf16  c64
 f16 |  f16  f16  f16  f16  f16  f16  f16  f16  f16  f32  f16  f32  f64  c64 c128  f16  f16  c64
 f32 |  f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f64  c64 c128  f32  f32  c64
 f64 |  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64 c128 c128  f64  f64 c128
 c64 |  c64  c64  c64  c64  c64  c64  c64  c64  c64  c64  c64  c64 c128  c64 c128  c64  c64  c64
c128 | c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128
"""
SAFE = """
   b |    b   u8  u16  u32  u64   i8  i16  i32  i64 bf16  f16  f32  f64  c64 c128  i32  f32 c128
  u8 |   u8   u8  u16  u32  u64    -  i16  i32  i64 bf16  f16  f32  f64  c64 c128   u8    - c128
 u16 |  u16  u16  u16  u32  u64    -    -  i32  i64    -    -  f32  f64  c64 c128  u16    - c128
 u32 |  u32  u32  u32  u32  u64    -    -    -  i64    -    -    -  f64    - c128  u32    - c128
 u64 |  u64  u64  u64  u64  u64    -    -    -    -    -    -    -    -    -    -  u64    -    -
  i8 |   i8    -    -    -    -   i8  i16  i32  i64 bf16  f16  f32  f64  c64 c128   i8    - c128
 i16 |  i16  i16    -    -    -  i16  i16  i32  i64    -    -  f32  f64  c64 c128  i16    - c128
 i32 |  i32  i32  i32    -    -  i32  i32  i32  i64    -    -    -  f64    - c128  i32    - c128
 i64 |  i64  i64  i64  i64    -  i64  i64  i64  i64    -    -    -    -    -    -  i64    -    -
bf16 | bf16 bf16    -    -    - bf16    -    -    - bf16    -  f32  f64  c64 c128 bf16 bf16    -
 f16 |  f16  f16    -    -    -  f16    -    -    -    -  f16  f32  f64  c64 c128  f16  f16    -
 f32 |  f32  f32  f32    -    -  f32  f32    -    -  f32  f32  f32  f64  c64 c128  f32  f32    -
 f64 |  f64  f64  f64  f64    -  f64  f64  f64    -  f64  f64  f64  f64    - c128  f64  f64 c128
 c64 |  c64  c64  c64    -    -  c64  c64    -    -  c64  c64  c64    -  c64 c128  c64  c64  c64
c128 | c128 c128 c128 c128    - c128 c128 c128    - c128 c128 c128 c128 c128 c128 c128 c128 c128
"""
WEAK = [tf.int32, tf.float32, tf.complex128]


def entries(table: str) -> list[tuple[Any, Any, bool, str]]:
    """(row, column, is the column weak?, what they become)."""
    rows = [line.replace("|", " ").split() for line in table.strip().splitlines()]
    columns = [(named(row[0]), False) for row in rows] + [(d, True) for d in WEAK]
    return [(named(a), b, weak, x) for a, *found in rows for (b, weak), x in zip(columns, found, strict=True)]


def named(short: str) -> Any:
    return tf.bool if short == "b" else BY_SHORT[short]


@pytest.mark.parametrize("mode", ["all", "safe"])
def test_the_table(mode: str) -> None:
    for a, b, weak, wanted in entries(ALL if mode == "all" else SAFE):
        for swapped in (False, True):
            pair = (b, a, weak, False) if swapped else (a, b, False, weak)
            if wanted == "-":
                with pytest.raises(TypeError, match="SAFE"):
                    promoted_dtype(*pair, safe=True)
            else:
                assert promoted_dtype(*pair, safe=mode == "safe") is named(wanted), (a, b, weak)


PROGRAM = """
import sys
import numpy as np
import graphtf as tf

mode, tnp = sys.argv[1], tf.experimental.numpy
tnp.experimental_enable_numpy_behavior(dtype_conversion_mode=mode)
narrow, half = tf.constant([1, 2], tf.int8), tf.constant([1.5, 2.5], tf.float16)
one, weak = tf.constant(1), "tf.Tensor(1, shape=(), dtype=int32, weak=True)"
assert str(one) == weak and "weak" not in repr(tf.constant(np.int32(1)))
assert (one + narrow).dtype == (narrow + 1).dtype == (1 - narrow).dtype == tf.int8
assert ((one + 2) * narrow).dtype == tf.int8 and repr(one + 1.5).endswith("numpy=2.5, weak=True>")
assert (narrow + tf.convert_to_tensor(1)).dtype == tf.int32 and (tf.cast(one, tf.int32) + narrow).dtype == tf.int32
assert (half * 1.5).dtype == (1.5 / half).dtype == tf.add(half, 1).dtype == tf.maximum(1.0, half).dtype == tf.float16
assert tf.function(lambda x: x + 1)(narrow).dtype == tf.int8
assert (tf.Variable([1, 2]) + tf.constant([1, 2], tf.int16)).dtype == tf.int32
assert tnp.where([True, False], narrow, one).dtype == tf.int8
assert tnp.asarray(1).dtype == tf.int32 and tnp.asarray(1.5).dtype == tf.float32
assert narrow.reshape([2, 1]).T.shape == [1, 2] and narrow.astype("float32").dtype == tf.float32
v = tf.Variable([1, 2])
v.assign(narrow)
v.assign_add(narrow)
assert v.numpy().tolist() == [2, 4]
try:
    v.assign([1.5, 2.5])
except TypeError:
    pass
else:
    raise AssertionError("a float for an integer")
found = {}
pairs = {
    "u8+i8": (tf.constant([1], tf.uint8), narrow), "i8+1.5": (narrow, 1.5), "i64+f16": (tf.constant(1, tf.int64), half)
}
for name, pair in pairs.items():
    try:
        found[name] = (pair[0] + pair[1]).dtype.name
    except TypeError as error:
        assert "implicit dtype promotion between" in str(error)
wanted = {"u8+i8": "int16", "i8+1.5": "float64", "i64+f16": "float16"} if mode == "all" else {}
assert found == wanted, found
try:
    tf.constant(1, tf.int64) < half
except tf.errors.InvalidArgumentError:
    print("fine")
"""


@pytest.mark.parametrize("mode", ["all", "safe"])
def test_in_a_process_of_its_own(mode: str) -> None:
    program = [sys.executable, "-c", PROGRAM, mode]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "fine\n", done.stderr


def test_other_modes() -> None:
    with pytest.raises(ValueError, match="'off', 'legacy', 'safe' or 'all'"):
        tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode="other")
