"""fmod: the exact remainder of a division, with the sign of the dividend.

Both operands are taken apart into powers of two and factors in [1, 2). The dividend's factor is doubled and brought
below the divisor's again, so many binary places at a time as keep the product of quotient and divisor exact; operands
of like sizes need one round. Entry point: `fmod`.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.lanes import Lanes, Real

_SUBNORMAL_PLACES = 54  # that make every subnormal number normal
# Binary places per round: products fit 53 bits, of floats, of doubles with both halves, or they are fused.
_ROUND_F32, _ROUND_HALVES, _ROUND_FUSED = 28, 24, 50


def fmod(k: Lanes, x: Real, y: Real) -> Real:
    w = k.wide
    exponent, dividend, _, _ = _apart(w, abs(k.widen(x)))
    lowest, divisor, power, scale = _apart(w, abs(k.widen(y)))
    rest = w.select(dividend < divisor, dividend, dividend - divisor)
    rest = _reduce(w, rest, divisor, w.at_least(exponent - lowest, 0.0), k.is_f32)
    rest = w.select(rest < 0.0, rest + divisor, rest) * power * scale
    result = k.select(abs(x) < abs(y), x, k.copysign(k.narrow(rest), x))
    defined = (abs(x) < math.inf) & (abs(y) > 0.0)
    return k.select(defined, result, math.nan)


def _apart(k: Lanes, a: Real) -> tuple[Real, Real, Real, Real]:
    """(exponent, factor, power, scale): a = factor·power·scale for a finite a > 0, with factor in [1, 2), power normal,
    and the exponent of power·scale but for a constant."""
    fmt = k.format
    small = a < fmt.least_normal
    bits = k.select(small, a * 2.0**_SUBNORMAL_PLACES, a).bits()
    exponent = (bits >> fmt.fraction).convert(k.select(small, float(_SUBNORMAL_PLACES), 0.0))
    factor = ((bits & ((1 << fmt.fraction) - 1)) | k.int(fmt.encode(1.0))).real()
    power = (bits & k.int(-(1 << fmt.fraction))).real()
    return exponent, factor, power, k.select(small, 2.0**-_SUBNORMAL_PLACES, 1.0)


def _reduce(k: Lanes, rest: Real, divisor: Real, places: Real, single: bool) -> Real:
    """rest·2^places modulo the divisor, of any sign but smaller than it, for 0 ≤ rest < divisor in [1, 2)."""
    fmt = k.format
    most = _ROUND_F32 if single else _ROUND_FUSED if k.fused else _ROUND_HALVES
    high, low = k.halves(divisor)

    def step(rest: Real, places: Real) -> tuple[Real, Real]:
        now = k.at_most(places, float(most))
        grown = rest * k.power_of_two((now + (fmt.magic + fmt.bias)).bits())
        quotient = grown / divisor + fmt.magic - fmt.magic  # rounded, which can be one off
        if single or k.fused:
            return k.mad(-quotient, divisor, grown), places - now
        return grown - quotient * high - quotient * low, places - now

    return k.repeat([rest, places], lambda rest, places: places > 0.0, step)[0]
