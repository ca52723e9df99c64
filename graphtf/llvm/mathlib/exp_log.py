"""Exponentials and logarithms, and what is made of them: sigmoid, tanh, softplus.

Exponentials split x = n·ln 2 + r with |r| ≤ ln 2 / 2 and scale eʳ by 2ⁿ; logarithms split x = 2ᵉ·(1 + f) with 1 + f in
[√½, √2). Entry points: the functions named above; `scaled_exp`, `log_of_positive` and `log1p_of` serve other families.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.lanes import Int, Lanes, Real, pick

_INF, _NAN = math.inf, math.nan
_LOG2_E = 1.4426950408889634
# ln 2 as a sum whose first part times any exponent is exact.
_LN2_F32 = (0.693145751953125, 1.428606765330187e-06)
LN2_F64 = (0.6931471805598903, 5.497923018708371e-14)
# log₂ e and log₁₀ e as a sum of two; log₁₀ 2 again with an exact product.
_LOG2_E_F32 = (1.4426950216293335, 1.925963033500011e-08)
_LOG2_E_F64 = (1.4426950408889634, 2.0355273740931033e-17)
_LOG10_E_F32 = (0.4342944920063019, -1.0103049952192578e-08)
_LOG10_E_F64 = (0.4342944819032518, 1.098319650216765e-17)
_LOG10_2_F32 = (0.301025390625, 4.605039066518657e-06)
_LOG10_2_F64 = (0.30102999566395283, 2.8363394551044964e-14)

# (eʳ - 1) / r for |r| ≤ ln 2 / 2, relative error 2^-26.1 and 2^-61.6
_EXPM1_F32 = (1.0, 0.49999997, 0.16666546, 0.041667443, 0.0083662495, 0.0013869938)
_EXPM1_F64 = (
    1.0, 0.5, 0.16666666666666677, 0.041666666666666685, 0.008333333333321714, 0.0013888888888888276,
    0.0001984126988559801, 2.4801587296921468e-05, 2.755724489559602e-06, 2.755731028195292e-07,
    2.5108769976756158e-08, 2.0900639045935764e-09,
)  # fmt: skip
# (tanh x - x) / x³ in x² for |x| ≤ 0.9, error relative to tanh x 2^-29.8 and 2^-60.1
_TANH_F32 = (-0.33333322, 0.13332981, -0.053929474, 0.021664092, -0.008265454, 0.0025834232, -0.0004557081)
_TANH_F64 = (
    -0.33333333333333304, 0.1333333333332956, -0.053968253966563476, 0.02186948849765021, -0.008863235006048941,
    0.0035921233789258486, -0.0014558057760787526, 0.0005899015886279161, -0.00023872351444832534,
    9.594456842378623e-05, -3.7541738311106586e-05, 1.3596280946414118e-05, -4.136686334464229e-06,
    8.984457798507098e-07, -1.0011740360866822e-07,
)  # fmt: skip
# 2ʳ for |r| ≤ 1/2, relative error 2^-28.3 and 2^-57.8
_EXP2_F32 = (1.0, 0.6931472, 0.24022648, 0.055503596, 0.009618499, 0.001339097, 0.00015329279)
_EXP2_F64 = (
    1.0, 0.6931471805599453, 0.24022650695910108, 0.055504108664821715, 0.009618129107601603, 0.0013333558146548477,
    0.00015403530449039068, 1.5252733631778566e-05, 1.3215438834702145e-06, 1.0178160962682519e-07,
    7.073233203829588e-09, 4.438726794789588e-10,
)  # fmt: skip
# (log(1 + f) - f) / f² for √½ ≤ 1 + f ≤ √2, error relative to log(1 + f) 2^-27.3
_LOG_F32 = (
    -0.5, 0.3333333, -0.2500082, 0.20001242, -0.16623409, 0.14201601, -0.13159648, 0.12761973, -0.07635922
)  # fmt: skip
# (log((1 + s)/(1 - s)) - 2s) / s³ in s², same range, s = f / (2 + f); relative error 2^-59.5
_LOG_F64 = (
    0.6666666666666734, 0.39999999999416724, 0.2857142874200249, 0.2222219860804387, 0.1818356268580227,
    0.15314089235167402, 0.14795588299761903,
)  # fmt: skip
_SQRT_HALF = 0.7071067811865476
_SUBNORMAL_SCALE = 54  # binary places by which subnormals are scaled up


# ---- exponentials ----------------------------------------------------------------------------------------------------


def _split(k: Lanes, x: Real, offset: int) -> tuple[Real, Real, Real]:
    """(t, r, low): x = n·ln 2 + r + low with |r| ≤ ln 2 / 2; the lowest bits of t hold n + offset."""
    first, second = pick(k, _LN2_F32, LN2_F64)
    magic = k.format.magic + offset
    t = k.mad(x, _LOG2_E, magic)
    n = t - magic
    exact = k.mad(n, -first, x)
    r = k.mad(n, -second, exact)
    return t, r, k.mad(n, -second, exact - r)


def _times_power(k: Lanes, p: Real, t: Real) -> Real:
    """p·2ⁿ for the n + 2·bias in the lowest bits of t, rounded once even where the result is subnormal."""
    fmt = k.format
    both = t.bits()
    # 2^(n/2), rounded down: the lowest bit falls out of the exponent field.
    half = (both << (fmt.fraction - 1)) & k.int(-(1 << fmt.fraction))
    return p * half.real() * ((both << fmt.fraction) - half).real()


def exp(k: Lanes, x: Real) -> Real:
    low, high = pick(k, (-104.0, 89.0), (-746.0, 710.0))
    return scaled_exp(k, k.at_least(k.at_most(x, high), low))


def scaled_exp(k: Lanes, x: Real, exponent: int = 0, low: Real | None = None) -> Real:
    """e^(x + low)·2^exponent, rounded once at the end, for x that exp does not clamp."""
    t, r, _ = _split(k, x, 2 * k.format.bias + exponent)
    if low is not None:
        r = r + low
    p = k.mad(k.polynomial(r, pick(k, _EXPM1_F32, _EXPM1_F64)), r, 1.0)
    return _times_power(k, p, t)


def exp2(k: Lanes, x: Real) -> Real:
    low, high = pick(k, (-151.0, 129.0), (-1076.0, 1025.0))
    magic = k.format.magic + 2 * k.format.bias
    x = k.at_least(k.at_most(x, high), low)
    t = x + magic
    p = k.polynomial(x - (t - magic), pick(k, _EXP2_F32, _EXP2_F64))
    return _times_power(k, p, t)


def expm1(k: Lanes, x: Real) -> Real:
    low, high, tiny = pick(k, (-18.0, 89.0, 2.0**-25), (-40.0, 710.0, 2.0**-54))
    clamped = k.at_least(k.at_most(x, high), low)
    t, r, rest = _split(k, clamped, k.format.bias - 1)  # halved, because 2ⁿ may overflow where the result does not
    half = k.power_of_two(t.bits())
    q = r + k.mad(k.polynomial(r, pick(k, _EXPM1_F32, _EXPM1_F64)[1:]), r * r, rest)
    result = k.mad(half, q, half - 0.5) * 2.0
    return k.select(abs(x) < tiny, x, result)


def sigmoid(k: Lanes, x: Real) -> Real:
    """1 / (1 + e^-x), where s = 1 + e^-x is a sum of two."""
    fmt = k.format
    low, high, enough = pick(k, (-104.0, 30.0, 64), (-746.0, 60.0, 512))
    t, r, rest = _split(k, -k.at_least(k.at_most(x, high), low), fmt.bias)
    q = r + k.mad(k.polynomial(r, pick(k, _EXPM1_F32, _EXPM1_F64)[1:]), r * r, rest)
    # Of a power so large that 1 is nothing to it, only a part goes into s, so that nothing overflows.
    kept = k.at_most(t, fmt.magic + fmt.bias + enough)
    power = k.power_of_two(kept.bits())
    start = power + 1.0
    s = k.mad(power, q, start)
    s_low = k.mad(power, q, start - s) + (1.0 - (start - power))
    inverse = 1.0 / s
    error = k.mad(-inverse, s_low, k.mad(-inverse, s, 1.0) if k.fused else 0.0)
    return k.mad(inverse, error, inverse) * k.power_of_two(((fmt.magic + fmt.bias) - (t - kept)).bits())


def _exp_of_negative(k: Lanes, x: Real) -> Real:
    """exp(x) for x ≤ 0 or NaN."""
    return scaled_exp(k, k.at_least(x, pick(k, -104.0, -746.0)))


def tanh(k: Lanes, x: Real) -> Real:
    """x + x³·P(x²) for small |x|, 1 - 2 / (e^2|x| + 1) for large."""
    y = k.at_most(abs(x), pick(k, 10.0, 20.0))
    square = y * y
    near = k.mad(y * square, k.polynomial(square, pick(k, _TANH_F32, _TANH_F64)), y)
    t, r, _ = _split(k, y + y, k.format.bias)
    power = k.power_of_two(t.bits())
    grown = k.mad(k.polynomial(r, pick(k, _EXPM1_F32, _EXPM1_F64)) * r, power, power + 1.0)
    return k.copysign(k.select(y < 0.9, near, 1.0 - 2.0 / grown), x)


def softplus(k: Lanes, x: Real) -> Real:
    """max(x, 0) + log(1 + e^-|x|)"""
    decay = _exp_of_negative(k, -abs(x))
    return k.at_least(x, 0.0) + log1p_of(k, decay)


# ---- logarithms ------------------------------------------------------------------------------------------------------


def _reduce(k: Lanes, x: Real, offset: Real | float) -> tuple[Real, Real, Int]:
    """(e, m, biased): x = m·2^(e + offset - bias) with √½ ≤ m < √2, for normal x > 0; biased is e + offset."""
    fmt = k.format
    shifted = x.bits() + (fmt.encode(1.0) - fmt.encode(_SQRT_HALF))
    biased = shifted >> fmt.fraction
    m = (shifted & ((1 << fmt.fraction) - 1)) + fmt.encode(_SQRT_HALF)
    return biased.convert(offset), m.real(), biased


def _log_tail(k: Lanes, f: Real) -> Real:
    """log(1 + f) - f for √½ ≤ 1 + f < √2"""
    square = f * f
    if k.is_f32:
        return square * k.polynomial(f, _LOG_F32)
    s = f / (f + 2.0)
    z = s * s
    half = square * 0.5
    return k.mad(s, k.mad(z, k.polynomial(z, _LOG_F64), half), -half)


def _join(k: Lanes, e: Real, f: Real) -> Real:
    """e·ln 2 + log(1 + f)"""
    first, second = pick(k, _LN2_F32, LN2_F64)
    return k.mad(e, first, f + k.mad(e, second, _log_tail(k, f)))


def split_any(k: Lanes, x: Real) -> tuple[Real, Real]:
    """(e, f): x = 2ᵉ·(1 + f), for x > 0, subnormals too."""
    bias, places = float(k.format.bias), float(k.format.fraction)
    small = x < k.format.least_normal
    e, m, _ = _reduce(k, k.select(small, x * 2.0**places, x), k.select(small, bias + places, bias))
    return e, m - 1.0


def _with_edges(k: Lanes, x: Real, result: Real) -> Real:
    """The result for 0 < x < ∞; -∞ for 0, NaN for less, ∞ and NaN as they are."""
    result = k.select(x < _INF, result, x)
    return k.select(x <= 0.0, k.select(x.equals(0.0), -_INF, _NAN), result)


def log(k: Lanes, x: Real) -> Real:
    return _with_edges(k, x, log_of_positive(k, x))


def log_of_positive(k: Lanes, x: Real) -> Real:
    """log(x) for 0 < x < ∞, subnormals too."""
    return _join(k, *split_any(k, x))


def _scaled_log(k: Lanes, x: Real, one: tuple[float, float], two: tuple[float, float]) -> Real:
    """log_b(x), where `one` is log_b(e) and `two` is log_b(2), each as a sum of two."""
    e, f = split_any(k, x)
    high, low = k.product(f, one[0])
    low = k.mad(e, two[1], k.mad(f, one[1], k.mad(_log_tail(k, f), one[0], low)))
    high, error = k.sum(e * two[0], high)
    return _with_edges(k, x, high + (low + error))


def log2(k: Lanes, x: Real) -> Real:
    return _scaled_log(k, x, pick(k, _LOG2_E_F32, _LOG2_E_F64), (1.0, 0.0))


def log10(k: Lanes, x: Real) -> Real:
    return _scaled_log(k, x, pick(k, _LOG10_E_F32, _LOG10_E_F64), pick(k, _LOG10_2_F32, _LOG10_2_F64))


def log1p(k: Lanes, x: Real) -> Real:
    result = k.select(x < _INF, log1p_of(k, x), x)
    return k.select(x <= -1.0, k.select(x.equals(-1.0), -_INF, _NAN), result)


def log1p_of(k: Lanes, x: Real) -> Real:
    """log(1 + x) for -1 < x < ∞ or NaN."""
    u = x + 1.0
    half_error = (x - (u - 1.0)) * 0.5
    e, m, biased = _reduce(k, u, k.format.bias)
    half_scale = k.power_of_two(k.int(2 * k.format.bias + 1) - biased)  # 2⁻ᵉ itself may be subnormal
    result = _join(k, e, k.mad(half_error, half_scale, m - 1.0))
    return k.select(abs(x) < pick(k, 2.0**-25, 2.0**-54), x, result)
