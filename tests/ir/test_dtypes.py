"""Element types: what stands for which, limits, kinds."""

from __future__ import annotations

import copy
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype

EVERY = pytest.mark.parametrize("d", dt.ALL, ids=lambda d: d.name)


@EVERY
def test_everything_that_stands_for_a_type_gives_the_one_object(d: DType) -> None:
    for x in (d, d.name, d.np, d.np.type, d.enum, copy.copy(d), copy.deepcopy(d)):
        assert as_dtype(x) is d and d == x
    assert dt.BY_SHORT[d.short] is d
    assert hash(d) == hash(as_dtype(d.name))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (float, dt.float32), (int, dt.int32), (bool, dt.bool_), (str, dt.string), (bytes, dt.string),
        (complex, dt.complex128), ("half", dt.float16), ("float", dt.float32), ("double", dt.float64),
        (object, dt.string),
        (np.dtype(">f4"), dt.float32), (np.dtype("U3"), dt.string), (np.dtype("S3"), dt.string), ("<i8", dt.int64),
        (ml_dtypes.bfloat16, dt.bfloat16), (np.float32(1).dtype, dt.float32), (np.longlong, dt.int64),
    ],
)  # fmt: skip
def test_names_of_others_are_understood(x: Any, expected: DType) -> None:
    assert as_dtype(x) is expected


@pytest.mark.parametrize("x", ["float31", np.dtype("M8[s]"), np.longdouble, 99, [], 1.5, np.dtype([("a", "f4")])])
def test_what_is_no_type_is_refused(x: Any) -> None:
    with pytest.raises(TypeError, match="Cannot convert the argument `type_value`"):
        as_dtype(x)
    assert dt.float32 != x


def test_types_are_compared_by_what_they_are() -> None:
    assert dt.float32 == "float32" and dt.float32 == np.float32 and dt.float32 != dt.float64 and dt.float32 != None  # noqa: E711
    assert len({*dt.ALL}) == len(dt.ALL) == len({d.short for d in dt.ALL}) == len({d.enum for d in dt.ALL})
    assert repr(dt.bool_) == "tf.bool" and str(dt.int8) == "<dtype: 'int8'>"


def test_types_are_copied_by_name() -> None:
    make, arguments = dt.bfloat16.__reduce__()
    assert arguments == ("bfloat16",) and make(*arguments) is dt.bfloat16


@EVERY
def test_kinds_are_exclusive(d: DType) -> None:
    kinds = [d.is_bool, d.is_integer, d.is_floating, d.is_complex, d is dt.string]
    assert sum(kinds) == 1
    assert d.is_numeric == (d.is_integer or d.is_inexact) and d.is_inexact == (d.is_floating or d.is_complex)
    assert d.is_unsigned == (d in dt.UNSIGNED) and d.size == (0 if d is dt.string else d.np.itemsize)
    assert d.real_dtype is d or (d.is_complex and d.real_dtype.size * 2 == d.size)


@pytest.mark.parametrize("d", dt.REAL, ids=lambda d: d.name)
def test_limits_are_the_extreme_finite_numbers(d: DType) -> None:
    if d.is_integer:
        assert (d.min, d.max) == (np.iinfo(d.np).min, np.iinfo(d.np).max)
        assert d.limits == (0, d.max)
    else:
        assert np.isfinite(np.float64(d.max)) and float(d.min) == -float(d.max)
        with np.errstate(over="ignore"):
            up = np.nextafter(np.array(d.max, d.np), np.array(np.inf, d.np))
        assert np.isinf(up.astype(np.float64))


def test_limits_of_others() -> None:
    assert dt.bool_.limits == (False, True)
    for d in (dt.complex64, dt.string, dt.qint8, dt.resource):
        with pytest.raises(TypeError, match="Cannot find minimum value of"):
            d.min  # noqa: B018
        with pytest.raises(ValueError, match="does not have defined limits"):
            d.limits  # noqa: B018


def test_types_that_only_have_names() -> None:
    for d in (*dt.QUANTIZED, dt.resource, dt.variant):
        assert as_dtype(d.name) is d is as_dtype(d.enum)
        assert d not in dt.ALL and d not in dt.NATIVE and d.is_quantized == (d in dt.QUANTIZED)
        assert d.is_numpy_compatible == d.is_quantized


def test_families_partition_the_native_types() -> None:
    assert set(dt.NATIVE) == {*dt.FLOATS, *dt.COMPLEXES, *dt.SIGNED, *dt.UNSIGNED, dt.bool_}
    assert set(dt.ALL) - set(dt.NATIVE) == {dt.float8_e5m2, dt.float8_e4m3fn, dt.string}
