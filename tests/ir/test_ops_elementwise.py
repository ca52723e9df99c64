"""Values and gradients at the edges, as TensorFlow 2.21 gives them on x86."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops import OPS

from .tape import Box, Tape

INF, NAN = np.inf, np.nan
LEAST = -(2**31)


def f32(*values: float) -> Any:
    return np.array(values, np.float32)


def i32(*values: int) -> Any:
    return np.array(values, np.int32)


def equal(got: Any, expected: Any) -> None:
    """Bit for bit, NaN of any payload alike."""
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        numbers = got == got
        np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


VALUES = [
    ("floordiv", (f32(1, 1, -1, 0, -5), f32(0.1, 0, 0, 0, 3)), f32(10, INF, -INF, NAN, -2)),
    ("floordiv", (i32(7, -7, 7, LEAST), i32(2, 2, -2, -1)), i32(3, -4, -4, LEAST)),
    (
        "floormod",
        (f32(-1, -1, 5, -0.0, 0, INF, 1, -1), f32(3, 1, -5, 3, -3, 2, INF, INF)),
        f32(2, -0.0, 0, -0.0, 0, NAN, 1, INF),
    ),
    ("floormod", (i32(7, -7, 7, LEAST), i32(2, 2, -2, -1)), i32(1, 1, -1, 0)),
    ("truncdiv", (i32(7, -7, 7, LEAST), i32(2, 2, -2, -1)), i32(3, -3, -3, LEAST)),
    ("truncmod", (i32(7, -7, 7, LEAST), i32(2, 2, -2, -1)), i32(1, -1, 1, 0)),
    ("truncmod", (f32(5, -5, 5), f32(-3, 3, 0)), f32(2, -2, NAN)),
    ("pow", (f32(-8, 0, -0.0, 2, -1, 1, 0), f32(1 / 3, -1, -1, -INF, INF, NAN, 0)), f32(NAN, INF, -INF, 0, 1, 1, 1)),
    ("pow", (i32(2, 3, -2, 0, 7), i32(31, 3, 3, 0, 30)), i32(LEAST, 27, -8, 1, pow(7, 30, 2**32))),
    ("sign", (f32(-0.0, NAN, INF, -2),), f32(0, NAN, 1, -1)),
    ("maximum", (f32(NAN, 1, 2), f32(1, NAN, 1)), f32(NAN, NAN, 2)),
    ("minimum", (f32(NAN, 1, 2), f32(1, NAN, 1)), f32(NAN, NAN, 1)),
    ("round", (f32(0.5, 1.5, 2.5, -0.5, -1.5),), f32(0, 2, 2, -0.0, -2)),
    ("sigmoid", (f32(-INF, INF, NAN, -1000),), f32(0, 1, NAN, 0)),
    ("softplus", (f32(-INF, INF, NAN, 1000, -1000),), f32(0, INF, NAN, 1000, 0)),
    ("lgamma", (f32(0, -1, INF, -INF, NAN),), f32(INF, INF, INF, INF, NAN)),
    ("digamma", (f32(0, -1, INF, -INF, NAN),), f32(NAN, NAN, INF, NAN, NAN)),
    ("erfinv", (f32(-1, 1, 2),), f32(-INF, INF, NAN)),
    ("ndtri", (f32(0, 1, -0.1, 1.1, 0.5),), f32(-INF, INF, NAN, NAN, 0)),
    ("shift_left", (i32(1, 1, 1), i32(31, 32, -1)), i32(LEAST, LEAST, 1)),
    ("shift_right", (i32(-8, 8, 8), i32(31, 32, -1)), i32(-1, 0, 8)),
    ("popcount", (i32(-1, 0, 7),), np.array([32, 0, 3], np.uint8)),
    ("nextafter", (f32(0, -0.0, 1, NAN, INF), f32(1, -1, INF, 1, 0)), f32(1e-45, -1e-45, 1.0000001, NAN, 3.4028235e38)),
    ("eq", (f32(NAN, 0), f32(NAN, -0.0)), np.array([False, True])),
    ("ne", (f32(NAN, 0), f32(NAN, -0.0)), np.array([True, False])),
    ("eq", (np.array([b"a", b"b"], object), np.array([b"a", b"c"], object)), np.array([True, False])),
    ("igamma", (f32(0, -1, 1), f32(1, 1, 0)), f32(NAN, NAN, 0)),
    ("igammac", (f32(0, -1, 1), f32(1, 1, 0)), f32(NAN, NAN, 1)),
    ("zeta", (f32(1, 2), f32(1, 0)), f32(INF, INF)),
    ("polygamma", (f32(-1, 0.5, 1), f32(1, 1, 0)), f32(NAN, NAN, INF)),
    ("betainc", (f32(1, 0, 1), f32(1, 1, 1), f32(0.5, 0.5, 2)), f32(0.5, NAN, NAN)),
    ("bessel_k0", (f32(0, -1, INF),), f32(INF, INF, 0)),
    ("bessel_y0", (f32(0, -1),), f32(-INF, -INF)),
    ("expint", (f32(0, -1),), f32(-INF, NAN)),
]


@pytest.mark.parametrize(("name", "operands", "expected"), VALUES, ids=[f"{n}-{k}" for k, (n, *_) in enumerate(VALUES)])
def test_value(name: str, operands: Any, expected: Any) -> None:
    equal(OPS[name].ref(*operands), expected)


@pytest.mark.parametrize("name", ["floordiv", "floormod", "truncdiv", "truncmod"])
def test_integer_division_by_zero_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Integer division by zero"):
        OPS[name].ref(i32(1, 2), i32(1, 0))


def test_negative_integer_power_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="Integers to negative integer powers are not allowed"):
        OPS["pow"].ref(i32(1), i32(-1))


def test_complex_sign_is_the_direction() -> None:
    x = np.array([3 + 4j, 0, 1e-30j])
    np.testing.assert_allclose(OPS["sign"].ref(x), [0.6 + 0.8j, 0, 1j], rtol=1e-15)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "erf", "lgamma", "atan2", "pow"])
@pytest.mark.parametrize("narrow", [dt.float16, dt.bfloat16], ids=lambda d: d.short)
def test_narrow_floats_are_rounded_once(name: str, narrow: dt.DType) -> None:
    op = OPS[name]
    operands = [np.linspace(0.1, 3, 50).astype(narrow.np) for _ in range(op.arity or 1)]
    wide = op.ref(*(x.astype(np.float32) for x in operands))
    assert op.ref(*operands).tobytes() == wide.astype(narrow.np).tobytes()


# ---- cast ------------------------------------------------------------------------------------------------------------

ODD = f32(NAN, INF, -INF, 3e9, -3e9, 1e20, 300, -1, -1.7)
LEAST64 = -(2**63)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (dt.int32, [LEAST] * 6 + [300, -1, -1]),
        (dt.uint8, [0, 0, 0, 0, 0, 0, 44, 255, 255]),
        (dt.int8, [0, 0, 0, 0, 0, 0, 44, -1, -1]),
        (dt.int64, [LEAST64, LEAST64, LEAST64, 3000000000, -3000000000, LEAST64, 300, -1, -1]),
        (dt.bool_, [True] * 9),
    ],
)
def test_cast_of_floats_out_of_range(dtype: dt.DType, expected: Any) -> None:
    equal(OPS["cast"].ref(ODD, dtype=dtype), np.array(expected, dtype.np))


def test_cast_between_integers_wraps() -> None:
    equal(OPS["cast"].ref(i32(300, -1), dtype=dt.uint8), np.array([44, 255], np.uint8))


def test_cast_of_complex_takes_the_real_part() -> None:
    x = np.array([1 + 2j, 1j], np.complex64)
    equal(OPS["cast"].ref(x, dtype=dt.float32), f32(1, 0))
    equal(OPS["cast"].ref(x, dtype=dt.bool_), np.array([True, False]))


def test_cast_to_half_overflows_to_infinity() -> None:
    got = OPS["cast"].ref(f32(1.5, 65520, 1e-8), dtype=dt.float16)
    equal(got, np.array([1.5, INF, 0], np.float16))


@pytest.mark.parametrize("target", dt.ALL[:-1], ids=lambda d: d.short)
@pytest.mark.parametrize("source", dt.ALL[:-1], ids=lambda d: d.short)
def test_cast_of_small_numbers_between_all_types(source: dt.DType, target: dt.DType) -> None:
    x = np.array([0, 1, 2, 3]).astype(source.np)
    expected = np.array([0, 1, 2, 3]).astype(source.np).astype(complex).real.astype(target.np)
    equal(OPS["cast"].ref(x, dtype=target).astype(np.complex128).real, expected.astype(np.complex128).real)


# ---- gradients at the edges ------------------------------------------------------------------------------------------


def gradients(name: str, *operands: Any, **attrs: Any) -> list[Any]:
    """Gradients of the sum."""
    tape, boxes = Tape(), [Box(x) for x in operands]
    (out,) = tape.apply(OPS[name], boxes, attrs)
    found = tape.gradient([out], [Box(np.ones_like(out.array))], boxes)
    return [None if g is None else g.array for g in found]


GRADIENTS = [
    (
        "pow", (f32(0, 0, 0, 2, -2, 0), f32(0, 1, 2, 3, 3, -1)),
        [f32(NAN, 1, 0, 12, 12, -INF), f32(0, 0, 0, 5.5451775, -0.0, NAN)],
    ),
    ("abs", (f32(0, NAN, -2),), [f32(0, NAN, -1)]),
    ("sqrt", (f32(0, -1, INF),), [f32(INF, NAN, 0)]),
    ("rsqrt", (f32(0, -1),), [f32(-INF, NAN)]),
    ("maximum", (f32(1, NAN, 1), f32(1, 1, NAN)), [f32(1, 0, 0), f32(0, 1, 1)]),
    ("minimum", (f32(1, NAN, 1), f32(1, 1, NAN)), [f32(1, 0, 0), f32(0, 1, 1)]),
    ("select", (np.array([True, False]), f32(NAN, 1), f32(1, NAN)), [None, f32(1, 0), f32(0, 1)]),
    ("floormod", (f32(5, -5), f32(3, 3)), [f32(1, 1), f32(-1, 2)]),
    ("log", (f32(0),), [f32(INF)]),
    ("log1p", (f32(-1),), [f32(INF)]),
    ("asin", (f32(1, -1),), [f32(INF, INF)]),
    ("acosh", (f32(1),), [f32(INF)]),
    ("erfinv", (f32(1),), [f32(INF)]),
    ("lgamma", (f32(0),), [f32(NAN)]),
    ("atan2", (f32(0, 1), f32(0, 0)), [f32(NAN, 0), f32(NAN, -1)]),
    ("tanh", (f32(100),), [f32(0)]),
    ("sigmoid", (f32(-1000),), [f32(0)]),
    ("softplus", (f32(-1000, 1000),), [f32(0, 1)]),
    ("floor", (f32(1),), [None]),
    ("sign", (f32(1),), [f32(0)]),
    ("nextafter", (f32(1), f32(2)), [f32(1), f32(0)]),
    ("spence", (f32(1),), [f32(-1)]),
    ("bessel_j1", (f32(0),), [f32(0.5)]),
    ("betainc", (f32(1), f32(1), f32(0)), [None, None, f32(1)]),
]


@pytest.mark.parametrize(
    ("name", "operands", "expected"), GRADIENTS, ids=[f"{n}-{k}" for k, (n, *_) in enumerate(GRADIENTS)]
)
def test_gradient(name: str, operands: Any, expected: Any) -> None:
    for got, want in zip(gradients(name, *operands), expected, strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            np.testing.assert_allclose(got, want, rtol=1e-6)


COMPLEX_GRADIENTS = [
    ("pow", (1 + 1j, 2 + 0j), (2 - 2j, -1.57079633 - 0.69314718j)),
    ("pow", (0j, 2 + 0j), (0j, 0j)),
    ("exp", (1 + 2j,), (-1.13120438 - 2.47172667j,)),
    ("log", (1 + 2j,), (0.2 + 0.4j,)),
    ("tanh", (1 + 2j,), (-0.3020016 - 0.56810302j,)),
    ("sqrt", (1 + 2j,), (0.28443224 + 0.17578879j,)),
    ("real", (1 + 2j,), (1 + 0j,)),
    ("imag", (1 + 2j,), (1j,)),
    ("abs", (3 + 4j,), (0.6 + 0.8j,)),
    ("abs", (0j,), (0j,)),
    ("sign", (3 + 4j,), (0.128 - 0.096j,)),
]


@pytest.mark.parametrize(("name", "operands", "expected"), COMPLEX_GRADIENTS)
def test_complex_gradient_is_conjugated(name: str, operands: Any, expected: Any) -> None:
    got = gradients(name, *(np.array([z], np.complex128) for z in operands))
    np.testing.assert_allclose([g[0] for g in got], expected, rtol=1e-7)


def test_cast_passes_gradients_between_floats_only() -> None:
    (g,) = gradients("cast", f32(1), dtype=dt.float64)
    equal(g, f32(1))
    assert gradients("cast", f32(1), dtype=dt.int32) == [None]


def test_gradients_are_summed_to_the_shape_of_a_stretched_operand() -> None:
    gx, gy = gradients("mul", np.ones((2, 1, 4), np.float32), np.full((3, 1), 2, np.float32))
    equal(gx, np.full((2, 1, 4), 6, np.float32))
    equal(gy, np.full((3, 1), 8, np.float32))


def test_derivative_of_igamma_by_its_parameter() -> None:
    a, x = np.array([0.1, 1, 50, 2, 1000]), np.array([0.001, 1, 60, 0.5, 1010])
    from scipy.special import gammainc

    step = 1e-5 * a
    differences = (gammainc(a + step, x) - gammainc(a - step, x)) / (2 * step)
    np.testing.assert_allclose(OPS["igamma_grad_a"].ref(a, x), differences, rtol=1e-6)
