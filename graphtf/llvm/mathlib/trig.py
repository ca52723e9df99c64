"""sin, cos and tan, of any angle.

The rest r of an angle after quarter turns gives sine and cosine as r + tail and 1 - r²/2 + tail. Floats are computed in
double, without the corrections that double itself needs. Entry points: the functions named above.
"""

from __future__ import annotations

from graphtf.llvm.mathlib.lanes import Int, Lanes, Real
from graphtf.llvm.mathlib.reduction import reduce_angle

# (sin r - r) / r³ in r² for |r| ≤ π/4, relative to sin r 2^-37.5 and 2^-63.2
_SIN_F32 = (-0.1666666664026268, 0.008333329242700705, -0.00019839292226601525, 2.7179301052352796e-06)
_SIN_F64 = (
    -0.16666666666666666, 0.008333333333333042, -0.00019841269840962722, 2.755731907427497e-06, -2.5052071041429438e-08,
    1.605433184206474e-10, -7.390708191294467e-13,
)  # fmt: skip
# (cos r - 1 + r²/2) / r⁴ in r², relative to cos r 2^-42.1 and 2^-63.8
_COS_F32 = (0.04166666664777504, -0.0013888885442899432, 2.4799884980025207e-05, -2.72356410810639e-07)
_COS_F64 = (
    0.04166666666666659, -0.0013888888888872186, 2.480158728829537e-05, -2.755731401510891e-07, 2.087567808188923e-09,
    -1.1357336516659924e-11,
)  # fmt: skip


def _sine_tail(k: Lanes, precise: bool, r: Real, low: Real | None, square: Real) -> Real:
    """sin(r + low) - r"""
    p = k.polynomial(square, _SIN_F64 if precise else _SIN_F32)
    if low is None:
        return square * r * p
    return k.mad(square * r, p, low * (1.0 - square * 0.5))


def _cosine(k: Lanes, precise: bool, r: Real, low: Real | None, square: Real) -> tuple[Real, Real]:
    """cos(r + low) as a sum of two."""
    p = k.polynomial(square, _COS_F64 if precise else _COS_F32)
    half = square * 0.5
    start = 1.0 - half
    tail = k.mad(square * square, p, 1.0 - start - half)
    return start, tail if low is None else k.mad(-r, low, tail)


def _flip(k: Lanes, x: Real, n: Int) -> Real:
    """-x where bit 1 of n is set."""
    return (x.bits() ^ ((n << 62) & k.int(-(1 << 63)))).real()


def _wave(k: Lanes, x: Real, quarter: int) -> Real:
    """sin(x + quarter·π/2)"""
    wide, precise = k.wide, not k.is_f32
    n, r, low = reduce_angle(wide, k.widen(x), precise)
    square = r * r
    start, tail = _cosine(wide, precise, r, low, square)
    n = n + quarter if quarter else n
    odd = (n & 1).differs(0)
    cosine, sine = start + tail, r + _sine_tail(wide, precise, r, low, square)
    return k.narrow(_flip(wide, wide.select(odd, cosine, sine), n))


def sin(k: Lanes, x: Real) -> Real:
    return k.select(x.equals(0.0), x, _wave(k, x, 0))


def cos(k: Lanes, x: Real) -> Real:
    return _wave(k, x, 1)


def tan(k: Lanes, x: Real) -> Real:
    """sine / cosine, or the negative inverse of it after an odd number of quarter turns."""
    wide, precise = k.wide, not k.is_f32
    n, r, low = reduce_angle(wide, k.widen(x), precise)
    square = r * r
    sine, sine_low = wide.sum(r, _sine_tail(wide, precise, r, low, square))
    cosine, cosine_low = wide.sum(*_cosine(wide, precise, r, low, square))
    odd = (n & 1).differs(0)
    above, below = wide.select(odd, -cosine, sine), wide.select(odd, sine, cosine)
    if precise:
        inverse = 1.0 / below
        quotient = above * inverse
        product, error = wide.product(quotient, below)
        above_low, below_low = wide.select(odd, -cosine_low, sine_low), wide.select(odd, sine_low, cosine_low)
        rest = above - product - error + (above_low - quotient * below_low)
        result = wide.mad(rest, inverse, quotient)
    else:
        result = above / below
    return k.select(x.equals(0.0), x, k.narrow(result))
