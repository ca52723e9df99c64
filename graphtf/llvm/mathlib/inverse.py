"""atan, atan2, asin and acos.

An angle is that of a right triangle whose legs are given: the smaller leg over the larger is at most 1, and at most
tan(π/8) after the difference with π/4 is split off. Entry points: the functions named above.
"""

from __future__ import annotations

from graphtf.llvm.mathlib.lanes import Lanes, Real

# atan(t) / t in t² for |t| ≤ tan(π/8), relative error 2^-64.2
_ATAN = (
    1.0, -0.33333333333333326, 0.19999999999997012, -0.14285714285329562, 0.11111111085313444, -0.09090908058726949,
    0.0769228109318707, -0.06666205161654902, 0.05876833051768914, -0.052173064890151256, 0.044994761370224005,
    -0.033387254662610874, 0.015113188421315578,
)  # fmt: skip
_TAN_EIGHTH = 0.41421356237309503
_PI = (3.141592653589793, 1.2246467991473532e-16)
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17)
_QUARTER_PI = (0.7853981633974483, 3.061616997868383e-17)


def atan(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(atan(k.wide, k.widen(x)))
    a = abs(x)
    return k.copysign(_angle(k, a, k.real(1.0)), x)


def _angle(k: Lanes, opposite: Real, adjacent: Real) -> Real:
    """The angle in 0 … π/2 of a right triangle with these legs ≥ 0."""
    steep = opposite > adjacent
    small = k.select(steep, adjacent, opposite)
    large = k.select(steep, opposite, adjacent)
    split = small > large * _TAN_EIGHTH
    # tan(φ - π/4) = (tan φ - 1) / (tan φ + 1)
    t = k.select(split, small - large, small) / k.select(split, small + large, large)
    square = t * t
    tail = t * square * k.polynomial(square, _ATAN[1:])
    base, base_low = (k.select(split, c, 0.0) for c in _QUARTER_PI)
    flat = base + (t + (tail + base_low))
    turned = _HALF_PI[0] - (base + (t + (tail + (base_low - _HALF_PI[1]))))
    return k.select(steep, turned, flat)


def atan2(k: Lanes, y: Real, x: Real) -> Real:
    if k.is_f32:
        w = k.wide
        return k.narrow(atan2(w, k.widen(y), k.widen(x)))
    a, b = abs(y), abs(x)
    endless = (a > k.format.largest) & (b > k.format.largest)
    nothing = a.equals(0.0) & b.equals(0.0)
    huge = (a > 2.0**1020) | (b > 2.0**1020)
    scale = k.select(huge, 2.0**-8, 1.0)
    opposite = k.select(endless, 1.0, k.select(nothing, 0.0, a * scale))
    adjacent = k.select(endless | nothing, 1.0, b * scale)
    angle = _angle(k, opposite, adjacent)
    behind = x.bits() < 0
    angle = k.select(behind, _PI[0] - (angle - _PI[1]), angle)
    return k.select(x.is_nan() | y.is_nan(), x + y, k.copysign(angle, y))


def _other_leg(k: Lanes, x: Real) -> Real:
    """√(1 - x²)"""
    return k.sqrt((1.0 - x) * (x + 1.0))


def asin(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(asin(k.wide, k.widen(x)))
    other = _other_leg(k, x)
    return k.select(other.is_nan(), other, k.copysign(_angle(k, abs(x), other), x))


def acos(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(acos(k.wide, k.widen(x)))
    other = _other_leg(k, x)
    angle = _angle(k, other, abs(x))
    result = k.select(x < 0.0, _PI[0] - (angle - _PI[1]), angle)
    return k.select(other.is_nan(), other, result)
