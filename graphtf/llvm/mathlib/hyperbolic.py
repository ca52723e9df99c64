"""sinh, cosh and their inverses, asinh, acosh and atanh.

Invariant: nothing cancels: what is small comes from expm1 and log1p. Entry points: the functions named above.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.exp_log import expm1, log1p, log1p_of, log_of_positive, scaled_exp
from graphtf.llvm.mathlib.lanes import Lanes, Real, pick

_LN2 = 0.6931471805599453
_INF, _NAN = math.inf, math.nan


def sinh(k: Lanes, x: Real) -> Real:
    """(E + E / (E + 1)) / 2 with E = e^|x| - 1; e^|x| / 2 where that would overflow."""
    top, far = pick(k, (90.0, 20.0), (711.0, 40.0))
    a = k.at_most(abs(x), top)
    e = expm1(k, k.at_most(a, far))
    near = (e + e / (e + 1.0)) * 0.5
    return k.copysign(k.select(a > far, scaled_exp(k, a, -1), near), x)


def cosh(k: Lanes, x: Real) -> Real:
    """h + 1 / (4 h) with h = e^|x| / 2"""
    h = scaled_exp(k, k.at_most(abs(x), pick(k, 90.0, 711.0)), -1)
    return h + 0.25 / h


def asinh(k: Lanes, x: Real) -> Real:
    """log1p(a + a² / (1 + √(a² + 1))) with a = |x|; log a + log 2 where a² would overflow."""
    a, far = abs(x), pick(k, 2.0**14, 2.0**30)
    b = k.at_most(a, far)
    square = b * b
    near = log1p_of(k, b + square / (k.sqrt(square + 1.0) + 1.0))
    result = k.select(a > far, _log_of_large(k, a) + _LN2, near)
    return k.copysign(k.select(a < _INF, result, a), x)


def _log_of_large(k: Lanes, a: Real) -> Real:
    return log_of_positive(k, k.at_least(k.at_most(a, k.format.largest), 1.0))


def acosh(k: Lanes, x: Real) -> Real:
    """log1p(t + √(t (t + 2))) with t = x - 1; log x + log 2 where x² would overflow."""
    far = pick(k, 2.0**14, 2.0**30)
    t = k.at_least(k.at_most(x, far) - 1.0, 0.0)
    near = log1p_of(k, t + k.sqrt(t * (t + 2.0)))
    result = k.select(x > far, _log_of_large(k, x) + _LN2, near)
    return k.select(x < 1.0, _NAN, k.select(x < _INF, result, x))


def atanh(k: Lanes, x: Real) -> Real:
    """log1p(2 a / (1 - a)) / 2 with a = |x|"""
    a = abs(x)
    return k.copysign(log1p(k, (a + a) / (1.0 - a)) * 0.5, x)
