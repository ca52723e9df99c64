"""The logarithm of |Γ| and its derivative: lgamma and digamma.

Arguments are moved to where an asymptotic series holds, negative ones by reflection; near its zeros 1 and 2 lgamma is a
polynomial times (x - 1)(x - 2), so that it keeps its relative accuracy there. Floats are computed in double.
Entry points: the functions named above.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.exp_log import log_of_positive
from graphtf.llvm.mathlib.lanes import Lanes, Real
from graphtf.llvm.mathlib.trig import cos, sin

# lgamma(x) / ((x - 1)(x - 2)) in x - 2 for 1 ≤ x ≤ 3, relative error 2^-60
_CENTRAL = (
    0.42278433509846713, -0.10031730167435392, 0.03296500062115574, -0.012384192193371238, 0.004998641164703528,
    -0.002108130833958805, 0.0009153769220696921, -0.00040570739742046497, 0.00018255264185594036,
    -8.30951276372239e-05, 3.8168863787885225e-05, -1.766166422556033e-05, 8.222342452139818e-06,
    -3.847396648270243e-06, 1.8074775340912791e-06, -8.526588188526563e-07, 4.0551922127948146e-07,
    -1.9252286332850674e-07, 8.75360413423732e-08, -4.17254430301382e-08, 2.615457216445561e-08,
    -1.2569945435720683e-08, -6.830399052794191e-10, 3.613371593815743e-10, 4.885761922683655e-09,
    -2.372580625023415e-09, -1.3764318718154119e-09, 6.705737026247826e-10, 4.226016675377439e-10,
    -2.0542420991550905e-10,
)  # fmt: skip
_STIRLING = tuple(
    b / (2 * n * (2 * n - 1))
    for n, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1)
)
_DIGAMMA = tuple(
    -b / (2 * n) for n, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1)
)
_HALF_LOG_TWO_PI = 0.9189385332046727
_LOG_PI = 1.1447298858494002
_PI = math.pi
_INF, _NAN = math.inf, math.nan
_LARGE = 8.0  # from where Stirling's series holds
_SHIFTED = 10.0  # and that of digamma


def _positive(k: Lanes, x: Real) -> Real:
    """lgamma(x) for 0 < x < ∞"""
    low = x < 1.0
    y = k.at_most(k.select(low, x + 1.0, x), _LARGE)
    product = k.real(1.0)  # Γ(x) = (x - 1) (x - 2) … Γ(y), all factors above 1
    for _ in range(int(_LARGE) - 3):
        above = y > 3.0
        y = k.select(above, y - 1.0, y)
        product = k.select(above, product * y, product)
    polynomial = k.polynomial(y - 2.0, _CENTRAL) * ((y - 1.0) * (y - 2.0))
    log = log_of_positive(k, k.select(low, x, product))
    near = k.select(low, polynomial - log, polynomial + log)
    return k.select(x < _LARGE, near, _asymptotic(k, k.at_least(x, _LARGE)))


def _asymptotic(k: Lanes, x: Real) -> Real:
    """Stirling's series, for x ≥ 8."""
    inverse = 1.0 / x
    series = inverse * k.polynomial(inverse * inverse, _STIRLING)
    log = log_of_positive(k, x)
    return k.mad(x - 0.5, log - 1.0, series + (_HALF_LOG_TWO_PI - 0.5))


def _from_whole(k: Lanes, x: Real) -> Real:
    """π times the distance from the nearest whole number."""
    return (x - k.intrinsic("rint", x)) * _PI


def lgamma(k: Lanes, x: Real) -> Real:
    """lgamma(x) = log(π / |sin πx|) - lgamma(1 - x) for x < 0"""
    if k.is_f32:
        return k.narrow(lgamma(k.wide, k.widen(x)))
    negative = x < 0.0
    bounded = k.at_least(k.at_most(abs(x), k.format.largest), k.format.least)
    direct = _positive(k, k.select(negative, bounded + 1.0, bounded))
    wave = abs(sin(k, _from_whole(k, x)))
    reflected = _LOG_PI - log_of_positive(k, k.at_least(wave, k.format.least_normal)) - direct
    result = k.select(negative, reflected, direct)
    pole = k.floor(x).equals(x) & (x <= 0.0)
    result = k.select(pole, _INF, result)
    tiny = abs(x) < 2.0**-60
    result = k.select(tiny & ~pole, -log_of_positive(k, bounded), result)
    result = k.select(abs(x).equals(_INF), _INF, result)
    return k.select(x.is_nan(), x, result)


def digamma(k: Lanes, x: Real) -> Real:
    """ψ(x) = ψ(1 - x) - π / tan(πx) for x < 0"""
    if k.is_f32:
        return k.narrow(digamma(k.wide, k.widen(x)))
    negative = x < 0.0
    y = k.select(negative, 1.0 - x, x)
    total = k.real(0.0)
    for _ in range(10):
        below = y < _SHIFTED
        total = k.select(below, total + 1.0 / y, total)
        y = k.select(below, y + 1.0, y)
    inverse = 1.0 / y
    square = inverse * inverse
    log = log_of_positive(k, k.at_least(k.at_most(y, k.format.largest), 1.0))
    series = k.mad(square, k.polynomial(square, _DIGAMMA), inverse * -0.5)
    direct = log + series - total
    angle = _from_whole(k, x)
    result = k.select(negative, direct - cos(k, angle) / sin(k, angle) * _PI, direct)
    whole = k.floor(x).equals(x)
    result = k.select(whole & (x <= 0.0), _NAN, result)  # TensorFlow's answer at the poles, zero among them
    result = k.select(x.equals(_INF), x, result)
    return k.select(x.is_nan(), x, result)
