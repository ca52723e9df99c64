"""Powers and cube roots.

|x|^y is e^(y·log|x|) with the logarithm and the product as sums of two doubles, so that the exponential's argument is
exact to far below its last bit; floats are computed in double. Edge cases are those of C's `pow`.
Entry points: `pow`, `cbrt`.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.exp_log import LN2_F64, log_of_positive, scaled_exp, split_any
from graphtf.llvm.mathlib.lanes import Lanes, Mask, Real

_INF, _NAN = math.inf, math.nan
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
_SERIES = tuple(2.0 / (2 * k + 5) for k in range(12))  # (log((1 + s)/(1 - s)) - 2s - 2s³/3) / s⁵ in s²
_LARGEST = 2.0**64  # a larger exponent overflows or underflows for every base but 1
_PAST = 800.0  # beyond what the exponential tells from 0 or infinity


def pow(k: Lanes, x: Real, y: Real) -> Real:
    size = _magnitude(k, abs(x), y)
    whole = k.floor(y).equals(y)
    odd = whole & k.floor(y * 0.5).differs(y * 0.5) & (abs(y) < 2.0 ** (k.format.fraction + 1))
    negative = x.bits() < 0
    result = k.select(negative & odd, -size, size)
    finite_below = (x < 0.0) & (x > -_INF)
    result = k.select(finite_below & ~whole, _NAN, result)
    result = k.select(x.differs(x) | y.differs(y), _NAN, result)
    return k.select(y.equals(0.0) | x.equals(1.0), 1.0, result)


def _magnitude(k: Lanes, a: Real, y: Real) -> Real:
    """a^y for a ≥ 0"""
    vanishes = (a.equals(0.0) & (y > 0.0)) | (a.equals(_INF) & (y < 0.0))
    explodes = (a.equals(0.0) & (y < 0.0)) | (a.equals(_INF) & (y > 0.0))
    inside = k.at_least(k.at_most(a, k.format.largest), k.format.least)
    bounded = k.at_least(k.at_most(y, _LARGEST), -_LARGEST)
    found = _in_double(k, inside, bounded) if k.is_f32 else _precise(k, inside, bounded)
    return k.select(vanishes, 0.0, k.select(explodes, _INF, found))


def _in_double(k: Lanes, a: Real, y: Real) -> Real:
    w = k.wide
    exponent = k.widen(y) * log_of_positive(w, k.widen(a))
    return k.narrow(scaled_exp(w, w.at_least(w.at_most(exponent, 200.0), -200.0)))


def _precise(k: Lanes, a: Real, y: Real) -> Real:
    high, low = _log(k, a)
    product, error = k.product(y, high)
    rest = k.mad(y, low, error)
    far = abs(product) > _PAST
    exponent = k.at_least(k.at_most(product, 710.0), -746.0)
    return scaled_exp(k, exponent, 0, k.select(far, 0.0, rest))


def _log(k: Lanes, a: Real) -> tuple[Real, Real]:
    """log a as a sum of two, its error below 2^-64 of it, by log m = 2 atanh((m - 1) / (m + 1))."""
    e, f = split_any(k, a)
    bottom, bottom_low = k.sum(2.0, f)
    s = f / bottom
    part, part_low = k.product(s, bottom)
    s_low = (f - part - part_low - s * bottom_low) / bottom
    square, square_low = k.product(s, s)
    square_low = k.mad(s * 2.0, s_low, square_low)
    cube, cube_low = k.product(square, s)
    cube_low = cube_low + k.mad(square, s_low, square_low * s)
    third, third_low = k.product(cube, _TWO_THIRDS[0])
    third_low = third_low + k.mad(cube, _TWO_THIRDS[1], cube_low * _TWO_THIRDS[0])
    tail = cube * square * k.polynomial(square, _SERIES)
    first, first_low = k.sum(e * LN2_F64[0], s * 2.0)
    high, high_low = k.sum(first, third)
    low = high_low + (first_low + k.mad(e, LN2_F64[1], s_low * 2.0 + third_low + tail))
    return k.sum(high, low)


def cbrt(k: Lanes, x: Real) -> Real:
    """By e^(log|x| / 3), and one step of Newton's method on r³ = |x|."""
    if k.is_f32:
        w = k.wide
        return k.narrow(cbrt(w, k.widen(x)))
    a = abs(x)
    small: Mask = a < 2.0**-900
    scaled = k.select(small, a * 2.0**162, a)
    inside = k.at_least(k.at_most(scaled, k.format.largest), k.format.least_normal)
    r = scaled_exp(k, log_of_positive(k, inside) * (1.0 / 3.0))
    square = r * r
    error = k.mad(square, r, -inside) + k.mad(r, r, -square) * r
    r = r - error / (square * 3.0)
    r = k.select(small, r * 2.0**-54, r)
    edge = a.equals(0.0) | a.equals(_INF) | a.differs(a)
    return k.select(edge, x, k.copysign(r, x))
