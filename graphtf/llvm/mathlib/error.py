"""The error function, its complement, and their inverses: erf, erfc, erfinv, ndtri.

For large x the complement is e^(-x²)·g(u) / (1 + 2x) with u = (x - K) / (x + K), after Shepherd and Laframboise, the
exponent as a sum of two. Inverses take Halley's steps from a closed form. Floats are computed in double.
Entry points: the functions named above.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.exp_log import log_of_positive, scaled_exp
from graphtf.llvm.mathlib.lanes import Lanes, Real

# erf(x) / x in x² for |x| ≤ 1, relative error 2^-74
_ERF = (
    1.1283791670955126, -0.37612638903183754, 0.11283791670955126, -0.026866170645131218, 0.005223977625441674,
    -0.0008548327023403001, 0.00012055332978879483, -1.4925650236967501e-05, 1.6462110782018636e-06,
    -1.636576864883207e-07, 1.4806027146128752e-08, -1.2277734486795524e-09, 9.323723518153027e-11,
    -6.1967364287877e-12, 2.8067128195611264e-13,
)  # fmt: skip
# (1 + 2x)·e^(x²)·erfc(x) in u, for x ≥ 0, relative error 2^-57
_CENTRE = 3.75
_ERFCX = (
    1.2375126308378275, -0.14024059858554697, 0.003585415485463775, 0.08227673849014516, -0.10880393014171785,
    0.09230432116037876, -0.05869339859021237, 0.028362277418940728, -0.00974657955250418, 0.0017556258530012526,
    0.0002937136342845264, -0.0002901540809773568, 5.1649211392912316e-05, 2.238424030787745e-05,
    -1.144441244563316e-05, -9.735618894299791e-07, 1.7520579824725832e-06, -5.721598748208792e-08,
    -2.5910698397092275e-07, 2.3261924780274945e-08, 3.896546425999858e-08, -3.743573063243251e-09,
    -5.284292099934737e-09, 3.110320236399832e-10, 4.434968758174329e-10,
)  # fmt: skip
_LAST = 27.5  # erfc is 0 from here on
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ROOT_TWO = 1.4142135623730951
_INF, _NAN = math.inf, math.nan
_STEPS = 4  # enough for the smallest doubles, three for floats


def _near(k: Lanes, x: Real) -> Real:
    """erf(x) for |x| ≤ 1"""
    return x * k.polynomial(x * x, _ERF)


def _gauss(k: Lanes, x: Real) -> Real:
    """e^(-x²)"""
    square, low = k.product(x, x)
    return scaled_exp(k, -square, 0, -low)


def _beyond(k: Lanes, a: Real) -> Real:
    """erfc(a) for 0 ≤ a ≤ _LAST"""
    u = (a - _CENTRE) / (a + _CENTRE)
    return _gauss(k, a) * (k.polynomial(u, _ERFCX) / k.mad(a, 2.0, 1.0))


def erf(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(erf(k.wide, k.widen(x)))
    a = k.at_most(abs(x), _LAST)
    far = 1.0 - _beyond(k, a)
    return k.copysign(k.select(a > 1.0, far, _near(k, k.at_most(a, 1.0))), x)


def erfc(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(erfc(k.wide, k.widen(x)))
    a = k.at_most(abs(x), _LAST)
    tail = _beyond(k, a)
    far = k.select(x < 0.0, 2.0 - tail, tail)
    near = 1.0 - _near(k, k.at_least(k.at_most(x, 1.0), -1.0))
    return k.select((x < 0.5) & (x > -1.0), near, far)


def _inverse(k: Lanes, small: Real, rest: Real) -> Real:
    """x ≥ 0 with erf(x) = small and erfc(x) = rest, where small + rest is 1 and one of them is exact."""
    central = small < 0.5
    spread = log_of_positive(k, k.at_least(rest * (2.0 - rest), 2.0**-1070))
    t = spread * 0.5 + 4.330746750799873  # 2 / (0.147 π)
    outer = k.sqrt(k.at_least(k.sqrt(k.at_least(t * t - spread * (1.0 / 0.147), 0.0)) - t, 0.0))
    inner = small * k.mad(small * small, 0.2320136665346544, 0.8862269254527580)
    x = k.select(central, inner, k.at_most(outer, 27.0))
    for _ in range(_STEPS):
        error = k.select(central, _near(k, k.at_most(x, 1.0)) - small, rest - _beyond(k, x))
        d = error / (_gauss(k, x) * _TWO_OVER_ROOT_PI)
        x = x - d / k.mad(x, d, 1.0)
    return x


def erfinv(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return k.narrow(erfinv(k.wide, k.widen(x)))
    a = abs(x)
    found = _inverse(k, a, 1.0 - a)
    found = k.select(a < 2.0**-30, a * 0.8862269254527580, found)
    found = k.select(a < 1.0, found, k.select(a.equals(1.0), _INF, _NAN))
    return k.copysign(found, x)


def ndtri(k: Lanes, x: Real) -> Real:
    """√2·erfinv(2x - 1)"""
    if k.is_f32:
        return k.narrow(ndtri(k.wide, k.widen(x)))
    lower = x < 0.5
    tail = k.select(lower, x, 1.0 - x)
    found = _inverse(k, 1.0 - tail * 2.0, tail * 2.0) * _ROOT_TWO
    found = k.select(tail > 0.0, found, k.select(tail.equals(0.0), _INF, _NAN))
    return k.select(lower, -found, found)
