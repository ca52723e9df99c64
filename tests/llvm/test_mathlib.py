"""The mathematical functions against mpmath: over all exponents, at the edges, and lane by lane."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import scipy.special as special

from graphtf.llvm import mathlib
from graphtf.llvm.mathlib.accuracy import NEAR_ZEROS, ULP
from tests.llvm.mathrun import compiled

Array = np.ndarray[Any, Any]
FORMATS = {32: np.dtype(np.float32), 64: np.dtype(np.float64)}
LANES = 8
COUNT = 1200
DIGITS = 60


def log_gamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x))) if abs(x) < 150 else mp.loggamma(x).real


EXACT: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.log, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "tanh": mp.tanh,
    "softplus": lambda x: mp.log1p(mp.exp(x)), "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin,
    "acos": mp.acos, "atan": mp.atan, "atan2": mp.atan2, "sinh": mp.sinh, "cosh": mp.cosh, "asinh": mp.asinh,
    "acosh": mp.acosh, "atanh": mp.atanh, "erf": mp.erf, "erfc": mp.erfc, "erfinv": mp.erfinv,
    "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1), "lgamma": log_gamma, "digamma": mp.digamma, "pow": mp.power,
    "fmod": lambda x, y: mp.sign(x) * mp.fmod(abs(x), abs(y)),
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
}  # fmt: skip
EDGES: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "erf": special.erf, "erfc": special.erfc,
    "erfinv": lambda x: np.copysign(special.erfinv(x), x), "ndtri": special.ndtri,
    "digamma": lambda x: np.where(x == 0, np.nan, special.digamma(x)),
    "pow": np.power, "fmod": np.fmod, "cbrt": np.cbrt, "sigmoid": lambda x: 1 / (1 + np.exp(-x.astype(np.longdouble))),
}  # fmt: skip


@cache
def functions(bits: int, lanes: int, fused: bool) -> dict[str, Callable[..., Array]]:
    """All functions, compiled at once."""
    return compiled(sorted(mathlib.NAMES), bits, lanes, fused)


def test_each_function_has_a_bound_and_a_reference() -> None:
    assert set(ULP) == set(EXACT) == mathlib.NAMES


# ---- operands


def signed(rng: np.random.Generator, x: Array) -> Array:
    return x * rng.choice([-1.0, 1.0], x.shape)


def scales(rng: np.random.Generator, low: float, high: float) -> Array:
    """Numbers of every exponent between two powers of e."""
    return np.exp(rng.uniform(low, high, COUNT))


def operands(name: str, bits: int) -> list[Array]:
    """Finite operands of all sizes for which the result is finite and normal."""
    rng = np.random.default_rng([bits, len(name), ord(name[0])])
    top = 88.0 if bits == 32 else 708.0
    tiny = -85.0 if bits == 32 else -700.0
    half = rng.random(COUNT) < 0.5
    all_sizes = signed(rng, scales(rng, tiny, top))
    near_one = 1.0 - scales(rng, -14.0 if bits == 32 else -34.0, 0.0)
    made: dict[str, Callable[[], list[Array]]] = {
        "exp": lambda: [rng.uniform(-top + 1, top, COUNT)], "exp2": lambda: [rng.uniform(-top, top, COUNT) * 1.4],
        "expm1": lambda: [np.where(half, signed(rng, scales(rng, -30, 1)), rng.uniform(-5, top, COUNT))],
        "log1p": lambda: [np.where(half, scales(rng, -30, top), signed(rng, scales(rng, -30, -0.1)))],
        "sigmoid": lambda: [rng.uniform(-top + 1, 40, COUNT)], "softplus": lambda: [rng.uniform(-top + 1, top, COUNT)],
        "tanh": lambda: [signed(rng, scales(rng, -30, 3))], "asin": lambda: [signed(rng, near_one)],
        "acos": lambda: [signed(rng, near_one)], "atanh": lambda: [signed(rng, near_one)],
        "sinh": lambda: [signed(rng, scales(rng, -30, np.log(top)))],
        "cosh": lambda: [signed(rng, scales(rng, -30, np.log(top)))],
        "acosh": lambda: [1.0 + scales(rng, -10.0 if bits == 32 else -25.0, 60)],
        "erf": lambda: [signed(rng, scales(rng, -30, 2))],
        "erfc": lambda: [rng.uniform(-6.0, 9.1 if bits == 32 else 26.0, COUNT)],
        "erfinv": lambda: [signed(rng, near_one)],
        "ndtri": lambda: [np.where(half, scales(rng, -40.0, -1.0), near_one)],
        "lgamma": lambda: [np.where(rng.random(COUNT) < 0.7, scales(rng, -30, 60), rng.uniform(-20, 30, COUNT))],
        "digamma": lambda: [np.where(rng.random(COUNT) < 0.7, scales(rng, -30, 60), rng.uniform(-20, 30, COUNT))],
        "atan2": lambda: [signed(rng, scales(rng, -25, 25)), signed(rng, scales(rng, -25, 25))],
        "pow": lambda: bounded_powers(rng, top - 2),
        "fmod": lambda: [signed(rng, scales(rng, -25, 25)), signed(rng, scales(rng, -25, 25))],
    }
    for positive in ("log", "log2", "log10"):
        made[positive] = lambda: [np.abs(all_sizes)]
    chosen = made[name]() if name in made else [all_sizes]
    return [x.astype(FORMATS[bits]) for x in chosen]


def bounded_powers(rng: np.random.Generator, top: float) -> list[Array]:
    """Bases of all sizes, many near 1, with exponents that keep the power in range."""
    x = np.where(rng.random(COUNT) < 0.5, scales(rng, -80, 80), rng.uniform(0.5, 2.0, COUNT))
    return [x, rng.uniform(-1.0, 1.0, COUNT) * top / np.log(x)]


# ---- accuracy


@pytest.mark.parametrize("bits", FORMATS)
@pytest.mark.parametrize("name", sorted(ULP))
def test_error_is_within_the_bound(name: str, bits: int) -> None:
    xs = operands(name, bits)
    bound = ULP[name][bits == 64]
    slack = NEAR_ZEROS.get(name, (0.0, 0.0))[bits == 64]
    for fused in (True, False):
        got = functions(bits, LANES, fused)[name](*xs)
        with mp.workdps(DIGITS):
            for k, (found, *point) in enumerate(zip(got, *xs)):
                exact = mp.re(EXACT[name](*(mp.mpf(float(x)) for x in point)))
                error = abs(mp.mpf(float(found)) - exact)
                unit = float(np.spacing(np.maximum(abs(FORMATS[bits].type(float(exact))), np.finfo(got.dtype).tiny)))
                assert error <= max(bound * unit, slack), (point, k, float(found), float(exact), float(error / unit))


# ---- edges


def edge_values(dtype: np.dtype[Any]) -> Array:
    info = np.finfo(dtype)
    sizes = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 20.0, 89.0, 710.0, 1e5, float(info.max), float(info.tiny), np.inf, np.nan]
    found = np.array([*sizes, *(-x for x in sizes)], np.float64)
    return np.concatenate([found, np.zeros(-len(found) % LANES)]).astype(dtype)


@pytest.mark.parametrize("bits", FORMATS)
@pytest.mark.parametrize("name", sorted(EDGES))
def test_edges(name: str, bits: int) -> None:
    """Infinities, NaN, zeros with their signs, and the ends of the range, as NumPy and SciPy have them."""
    x = edge_values(FORMATS[bits])
    xs = [x] if mathlib.arity(name) == 1 else [a.ravel() for a in np.meshgrid(x, x)]
    got = functions(bits, LANES, True)[name](*xs)
    with np.errstate(all="ignore"):
        want = EDGES[name](*(a.astype(np.float64) for a in xs)) if name in ("sin", "cos", "tan") else EDGES[name](*xs)
        want = np.asarray(want).astype(x.dtype)
        near = np.abs(got - want) <= 8 * np.spacing(np.abs(want)) + NEAR_ZEROS.get(name, (0.0, 0.0))[bits == 64]
    same = (got == want) & (np.signbit(got) == np.signbit(want))
    good = same | (np.isnan(got) & np.isnan(want)) | (np.isfinite(want) & (want != 0) & near)
    assert good.all(), [(*(a[i] for a in xs), got[i], want[i]) for i in np.flatnonzero(~good)[:8]]


@pytest.mark.parametrize("fused", (True, False))
@pytest.mark.parametrize("bits", FORMATS)
def test_fmod_is_exact(bits: int, fused: bool) -> None:
    """Of any two numbers, subnormal ones too."""
    rng = np.random.default_rng(bits)
    integers = np.dtype(f"u{bits // 8}")
    x, y = rng.integers(0, np.iinfo(integers).max, (2, 1 << 14), integers)
    tiny = rng.integers(0, 1 << 20, 1 << 14, integers)
    for a, b in ((x, y), (x, tiny), (tiny, np.flip(tiny))):
        a, b = a.view(FORMATS[bits]), b.view(FORMATS[bits])
        with np.errstate(all="ignore"):
            want = np.fmod(a, b)
        got = functions(bits, LANES, fused)["fmod"](a, b)
        assert ((got.view(integers) == want.view(integers)) | (np.isnan(got) & np.isnan(want))).all()


@pytest.mark.parametrize("bits", FORMATS)
def test_a_scalar_is_a_lane(bits: int) -> None:
    """The remainder of a loop gives the bits its vectors would give."""
    one, many = functions(bits, 1, True), functions(bits, LANES, True)
    for name in sorted(mathlib.NAMES):
        xs = [np.concatenate([x, edge_values(x.dtype)]) for x in operands(name, bits)]
        a, b = one[name](*xs), many[name](*xs)
        assert (a.view(f"u{bits // 8}") == b.view(f"u{bits // 8}"))[~np.isnan(a)].all(), name
        assert (np.isnan(a) == np.isnan(b)).all(), name
