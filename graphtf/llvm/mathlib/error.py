"""The error function, its complement, and their inverses: erf, erfc, erfinv, ndtri.

For large x the complement is e^(-x²)·g(u) / (1 + 2x) with u = (x - K) / (x + K), after Shepherd and Laframboise, the
exponent as a sum of two. Inverses are rational: of x near 0, of √-log of the tail beyond. Floats are computed in
double, but for erf itself, which activations use: 1 - e^(-q(x)) with q a polynomial.
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
# The same for floats: erf(x) / x - 1 in x² for |x| ≤ 0.9, relative error 2^-26.1, and -log erfc(x) in x from there on,
# error relative to erf(x) 2^-29.1
_ERF_F32 = (0.12837915, -0.37612504, 0.11281922, -0.026770493, 0.0049989596, -0.0006020807)
_LOG_ERFC_F32 = (0.00016644715, 1.1277972, 0.63697606, 0.10411373, -0.022315267, 0.0030655179, -0.00019822484)
_LAST = 27.5  # erfc is 0 from here on
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ROOT_TWO = 1.4142135623730951
_INF, _NAN = math.inf, math.nan
# erfinv(x) / x - 1 as P / Q of 0.71875 - x², where that is not negative, error relative to erfinv(x) / x 2^-27.8 (with
# the 1 in P) and 2^-56.1
_CENTRAL_END = 0.71875
_CENTRAL_F32 = (
    (1.1941813577329676, 5.127168196019751, 5.331045933861574, 0.9365008558432967, -0.035198131337526056),
    (1.0, 5.036646903129281, 6.860949216675886, 2.2370387129482863),
)
_CENTRAL_F64 = (
    (0.19418136267851177, 1.2751458640184041, 1.1286992658128687, -8.56733557337305, -23.964220231966575,
     -22.848848572379218, -8.306118496151685, -0.8747742023443285, -0.002892235478687678),
    (1.0, 11.137264443159635, 48.43462065938532, 104.31842682870827, 116.66404688481535, 64.98110013247353,
     15.692327315147596, 1.1460999975654658),
)  # fmt: skip
# erfinv(1 - 2p) as P / Q of r = √-log p: for floats with 1.6 ≤ r ≤ 10.2, relative error 2^-36.3
_TAIL_F32 = (
    (-2.239213735933805, -7.706034929737019, 3.5172823920854577, 8.648474881314213, 2.4305246027716922,
     0.14585690239461668),
    (1.0, 7.50846562406052, 9.014724385599882, 2.4326368781342205, 0.1458286250744747, 2.7462913170760475e-07),
)  # fmt: skip
# and what it has above r - start, for doubles with 1.6 ≤ r ≤ 5 and 5 ≤ r ≤ 27.4, error relative to erfinv 2^-56.3
_TAIL_F64 = (
    (-2.051751712957498, -17.853370562187983, -27.74604568996189, -10.071592687621619, 2.216354617201036,
     1.7875207148854824, 0.20464384177784137, 0.00435401152197782),
    (1.0, 15.924231591877565, 51.42306963144181, 59.16604047301217, 30.34202045264009, 6.8157405423892445,
     0.5395601680669537, 0.010029387863394175),
)  # fmt: skip
_FAR_TAIL_F64 = (
    (-2.0925074363918443, -8.13436798333836, -3.3933888137055925, -0.17010178531590056, 0.03584348839738438,
     0.002776588804194302, 4.908487165508041e-05, 1.8208806524155067e-07),
    (1.0, 8.096274511168984, 10.674289454151678, 3.726318349253376, 0.445957757522567, 0.019418167090732876,
     0.0002824090283617163, 9.74474008353271e-07),
)  # fmt: skip
_TAIL_START, _FAR_TAIL_START = 0.4375, 0.1875


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


def _erf_f32(k: Lanes, x: Real) -> Real:
    a = k.at_most(abs(x), 3.95)  # erf is 1 from here on
    near = k.mad(a, k.polynomial(a * a, _ERF_F32), a)
    far = 1.0 - scaled_exp(k, -k.polynomial(a, _LOG_ERFC_F32))
    return k.copysign(k.select(a > 0.9, far, near), x)


def erf(k: Lanes, x: Real) -> Real:
    if k.is_f32:
        return _erf_f32(k, x)
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


def _inverse(k: Lanes, small: Real, tail: Real, precise: bool) -> Real:
    """y ≥ 0 with erf(y) = small and erfc(y) = 2·tail, where small + 2·tail is 1 and the lesser of them is exact."""
    left = _CENTRAL_END - small * small
    central = left >= 0.0
    r = k.sqrt(-log_of_positive(k, tail))
    near = [k.polynomial(left, p) for p in (_CENTRAL_F64 if precise else _CENTRAL_F32)]
    beyond = [k.polynomial(r, p) for p in (_TAIL_F64 if precise else _TAIL_F32)]
    start: Real | float = 0.0
    if precise:
        far = r > 5.0
        beyond = [k.select(far, k.polynomial(r, p), other) for p, other in zip(_FAR_TAIL_F64, beyond)]
        start = k.select(central, small, r - k.select(far, _FAR_TAIL_START, _TAIL_START))
    return k.select(central, small * near[0], beyond[0]) / k.select(central, near[1], beyond[1]) + start


def erfinv(k: Lanes, x: Real) -> Real:
    w = k.wide
    y = k.widen(x)
    a = abs(y)
    found = _inverse(w, a, w.at_least((1.0 - a) * 0.5, 2.0**-60), not k.is_f32)
    found = w.select(a < 1.0, found, w.select(a.equals(1.0), _INF, _NAN))
    return k.narrow(w.copysign(found, y))


def ndtri(k: Lanes, x: Real) -> Real:
    """√2·erfinv(2x - 1)"""
    w = k.wide
    y = k.widen(x)
    lower = y < 0.5
    tail = w.select(lower, y, 1.0 - y)
    found = _inverse(w, 1.0 - tail * 2.0, w.at_least(tail, w.format.least), not k.is_f32) * _ROOT_TWO
    found = w.select(tail > 0.0, found, w.select(tail.equals(0.0), _INF, _NAN))
    return k.narrow(w.select(lower, -found, found))
