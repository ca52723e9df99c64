"""Elementwise functions of `tf.experimental.numpy`: arithmetic, transcendental functions, comparison, logic, bits.

Invariant: operands are promoted as NumPy promotes them; functions whose results are fractions turn integers into
float64. Functions follow https://www.tensorflow.org/api_docs/python/tf/experimental/numpy. Entry points: the functions
below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api import arithmetic, compare, unary
from graphtf.api.numpy.arrays import alike, asarray, floats, promoted
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor, static_sizes
from graphtf.tensor_shape import broadcast_static_shape

Array = Tensor
Unary = Callable[[Any], Tensor]
Binary = Callable[[Any, Any], Tensor]


def _unary(name: str, doc: str, function: Callable[[Tensor], Tensor], fraction: bool = True) -> Unary:
    """A function of one array; with `fraction`, of floats."""

    def applied(x: Any) -> Tensor:
        return function(floats(x)[0] if fraction else asarray(x))

    applied.__name__ = applied.__qualname__ = name
    applied.__doc__ = f"{doc}, elementwise."
    return applied


def _binary(name: str, doc: str, function: Callable[[Tensor, Tensor], Tensor], of_bools: Any = None) -> Binary:
    """A function of two arrays of the dtype they promote to; another one for bools."""

    def applied(x1: Any, x2: Any) -> Tensor:
        a, b = promoted(x1, x2)
        return of_bools(a, b) if of_bools is not None and a.dtype.is_bool else function(a, b)

    applied.__name__ = applied.__qualname__ = name
    applied.__doc__ = f"{doc}, elementwise."
    return applied


sin = _unary("sin", "The sine", p.sin)
cos = _unary("cos", "The cosine", p.cos)
tan = _unary("tan", "The tangent", p.tan)
arcsin = _unary("arcsin", "The inverse sine", p.asin)
arccos = _unary("arccos", "The inverse cosine", p.acos)
arctan = _unary("arctan", "The inverse tangent", p.atan)
sinh = _unary("sinh", "The hyperbolic sine", p.sinh)
cosh = _unary("cosh", "The hyperbolic cosine", p.cosh)
tanh = _unary("tanh", "The hyperbolic tangent", p.tanh)
arcsinh = _unary("arcsinh", "The inverse hyperbolic sine", p.asinh)
arccosh = _unary("arccosh", "The inverse hyperbolic cosine", p.acosh)
arctanh = _unary("arctanh", "The inverse hyperbolic tangent", p.atanh)
exp = _unary("exp", "eˣ", p.exp)
expm1 = _unary("expm1", "eˣ - 1", p.expm1)
exp2 = _unary("exp2", "2ˣ", lambda x: p.pow(scalar_like(x, 2), x))
log = _unary("log", "The natural logarithm", p.log)
log1p = _unary("log1p", "log(1 + x)", p.log1p)
log2 = _unary("log2", "The logarithm to base 2", lambda x: p.div(p.log(x), scalar_like(x, math.log(2))))
log10 = _unary("log10", "The logarithm to base 10", lambda x: p.div(p.log(x), scalar_like(x, math.log(10))))
sqrt = _unary("sqrt", "The square root", p.sqrt)
cbrt = _unary("cbrt", "The cube root", lambda x: p.mul(p.sign(x), p.pow(p.abs(x), scalar_like(x, 1 / 3))))
floor = _unary("floor", "The largest integer not above x", p.floor)
ceil = _unary("ceil", "The smallest integer not below x", p.ceil)
fix = _unary("fix", "x rounded towards zero", p.trunc)
reciprocal = _unary("reciprocal", "1/x", unary.reciprocal, False)
square = _unary("square", "x²", unary.square, False)
abs = _unary("abs", "|x|", unary.abs, False)
absolute = abs
fabs = _unary("fabs", "|x|", unary.abs)
negative = _unary("negative", "-x", unary.negative, False)
positive = _unary("positive", "x", lambda x: x, False)
conjugate = _unary("conjugate", "The complex conjugate", unary.conj, False)
conj = conjugate
real = _unary("real", "The real part", unary.real, False)
imag = _unary("imag", "The imaginary part", unary.imag, False)
isnan = _unary("isnan", "Is x NaN?", p.isnan)
isfinite = _unary("isfinite", "Is x neither infinite nor NaN?", p.isfinite)
isneginf = _unary("isneginf", "Is x -∞?", lambda x: p.eq(x, scalar_like(x, -np.inf)))
isposinf = _unary("isposinf", "Is x ∞?", lambda x: p.eq(x, scalar_like(x, np.inf)))
bitwise_not = _unary(
    "bitwise_not", "~x", lambda x: compare.logical_not(x) if x.dtype.is_bool else p.bitwise_not(x), False
)
logical_not = _unary("logical_not", "not x", lambda x: p.logical_not(_truth(x)), False)
signbit = _unary("signbit", "Is the sign of x set?", lambda x: _negative(x), False)


def _negative(x: Tensor) -> Tensor:
    if x.dtype.is_bool:
        return p.broadcast(scalar_like(x, False), shape=x.ir_type.dims)
    return p.lt(x, scalar_like(x, 0))


def sign(x: Any, out: Any = None, where: Any = None, **kwargs: Any) -> Array:
    """-1, 0 or 1; of complex numbers, the sign of the real part."""
    if out is not None or where is not None or kwargs:
        raise ValueError("tf.numpy doesn't support setting out, where or other keywords in sign")
    t = asarray(x)
    if not t.dtype.is_complex:
        return p.sign(t)
    return p.cast(p.sign(p.real(t)), dtype=t.dtype)


def isinf(x: Any) -> Any:
    """Is x infinite? Integers never are."""
    t = asarray(x)
    return p.isinf(t) if t.dtype.is_inexact and not t.dtype.is_complex else False


def sinc(x: Any) -> Array:
    """sin(πx) / (πx), 1 at 0."""
    (t,) = floats(x)
    angle = p.mul(t, scalar_like(t, np.pi))
    zero = p.eq(angle, scalar_like(t, 0))
    safe = p.select(zero, scalar_like(t, 1), angle)
    return p.select(zero, scalar_like(t, 1), p.div(p.sin(safe), safe))


def deg2rad(x: Any) -> Array:
    """Degrees as radians. Raises TypeError for integers."""
    return arithmetic.multiply(asarray(x), np.pi / 180.0)


def rad2deg(x: Any) -> Array:
    """Radians as degrees. Raises TypeError for integers."""
    return arithmetic.multiply(asarray(x), 180.0 / np.pi)


def angle(z: Any, deg: bool = False) -> Array:
    """The argument of complex numbers, in radians or degrees."""
    found = unary.angle(asarray(z))
    return rad2deg(found) if deg else found


def around(a: Any, decimals: int = 0) -> Array:
    """Rounded to a number of decimals, ties to even."""
    x = asarray(a)
    if x.dtype.is_integer and decimals >= 0:
        return x
    (wide,) = floats(x)
    factor = scalar_like(wide, 10.0**decimals)
    out = p.div(p.round(p.mul(wide, factor)), factor)
    return out if out.dtype is x.dtype else p.cast(out, dtype=x.dtype)


round = around


# ---- two operands ----------------------------------------------------------------------------------------------------


def _wide_bools(function: Binary) -> Binary:
    """The function of bools as int8."""
    return lambda a, b: function(p.cast(a, dtype=dt.int8), p.cast(b, dtype=dt.int8))


add = _binary("add", "x1 + x2", p.add, p.logical_or)
subtract = _binary("subtract", "x1 - x2", p.sub)
multiply = _binary("multiply", "x1 · x2", p.mul, p.logical_and)
true_divide = _binary("true_divide", "x1 / x2", arithmetic.truediv, lambda a, b: p.div(*floats(a, b)))
divide = true_divide
floor_divide = _binary("floor_divide", "⌊x1 / x2⌋", p.floordiv, _wide_bools(p.floordiv))
mod = _binary("mod", "The remainder of ⌊x1 / x2⌋", p.floormod, _wide_bools(p.floormod))
remainder = mod
power = _binary("power", "x1 to the power x2", p.pow)
float_power = power
maximum = _binary("maximum", "The larger", p.maximum, p.logical_or)
minimum = _binary("minimum", "The smaller", p.minimum, p.logical_and)
equal = _binary("equal", "x1 = x2", p.eq)
not_equal = _binary("not_equal", "x1 ≠ x2", p.ne)
less = _binary("less", "x1 < x2", p.lt, lambda a, b: _wide_bools(p.lt)(a, b))
less_equal = _binary("less_equal", "x1 ≤ x2", p.le, lambda a, b: _wide_bools(p.le)(a, b))
greater = _binary("greater", "x1 > x2", p.gt, lambda a, b: _wide_bools(p.gt)(a, b))
greater_equal = _binary("greater_equal", "x1 ≥ x2", p.ge, lambda a, b: _wide_bools(p.ge)(a, b))
bitwise_and = _binary("bitwise_and", "x1 & x2", p.bitwise_and, p.logical_and)
bitwise_or = _binary("bitwise_or", "x1 | x2", p.bitwise_or, p.logical_or)
bitwise_xor = _binary("bitwise_xor", "x1 ^ x2", p.bitwise_xor, p.logical_xor)
nextafter = _binary("nextafter", "The float next to x1 in the direction of x2", p.nextafter)


def divmod(x1: Any, x2: Any) -> tuple[Array, Array]:
    return floor_divide(x1, x2), mod(x1, x2)


def arctan2(x1: Any, x2: Any) -> Array:
    """The angle of the point (x2, x1)."""
    return p.atan2(*floats(x1, x2))


def heaviside(x1: Any, x2: Any) -> Array:
    """0 where x1 is negative, x2 where it is 0, 1 where it is positive."""
    a, b = floats(x1, x2)
    zero = scalar_like(a, 0)
    return p.select(p.lt(a, zero), zero, p.select(p.gt(a, zero), scalar_like(a, 1), b))


def hypot(x1: Any, x2: Any) -> Array:
    """√(x1² + x2²), of arrays of one dtype."""
    return sqrt(arithmetic.add(square(x1), square(x2)))


def logaddexp(x1: Any, x2: Any) -> Array:
    """log(exp x1 + exp x2), of arrays of one dtype."""
    top = maximum(x1, x2)
    gap = arithmetic.subtract(asarray(x1), x2 if isinstance(x2, (int, float)) else asarray(x2))
    plain = p.add(top, p.log1p(p.exp(p.neg(p.abs(gap)))))
    return p.select(p.isnan(gap), arithmetic.add(asarray(x1), asarray(x2)), plain)


def logaddexp2(x1: Any, x2: Any) -> Array:
    """log₂(2^x1 + 2^x2), of arrays of one dtype."""
    two = math.log(2)
    a, b = floats(x1, x2)
    found = logaddexp(p.mul(a, scalar_like(a, two)), p.mul(b, scalar_like(b, two)))
    return p.div(found, scalar_like(found, two))


def _truth(x: Any) -> Tensor:
    t = asarray(x)
    return t if t.dtype.is_bool else p.ne(t, scalar_like(t, 0))


def logical_and(x1: Any, x2: Any) -> Array:
    return p.logical_and(_truth(x1), _truth(x2))


def logical_or(x1: Any, x2: Any) -> Array:
    return p.logical_or(_truth(x1), _truth(x2))


def logical_xor(x1: Any, x2: Any) -> Array:
    return p.logical_xor(_truth(x1), _truth(x2))


def _of_integers(x1: Any, x2: Any, function: Any) -> Array:
    a, b = promoted(x1, x2)
    if not a.dtype.is_integer:
        raise ValueError(f"expected integers, got {a.dtype.name}")
    shape = static_sizes(broadcast_static_shape(a.shape, b.shape).as_tuple())
    (out,) = on_host(lambda u, v: [np.asarray(function(u, v), u.dtype)], [a, b], [a.dtype], [shape])
    return out


def gcd(x1: Any, x2: Any) -> Array:
    """The greatest common divisor, elementwise."""
    return _of_integers(x1, x2, np.gcd)


def lcm(x1: Any, x2: Any) -> Array:
    """The least common multiple, elementwise."""
    return _of_integers(x1, x2, np.lcm)


def clip(a: Any, a_min: Any, a_max: Any) -> Array:
    """Moved into an interval, either end of which may be None."""
    if a_min is None and a_max is None:
        raise ValueError("Not more than one of `a_min` and `a_max` may be `None`.")
    x = asarray(a)
    if a_min is not None:
        x = p.maximum(*promoted(x, a_min))
    return x if a_max is None else p.minimum(*promoted(x, a_max))


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """x where the condition holds, else y; without them, the indices where it holds, axis by axis."""
    from graphtf.api.numpy.shaping import nonzero  # it asks for comparisons

    held = _truth(condition)
    if x is None and y is None:
        return nonzero(held)
    if x is None or y is None:
        raise ValueError("Both x and y must be ndarrays, or both must be None.")
    return p.select(held, *alike(x, y))


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    """The first choice whose condition holds, else the default."""
    if len(condlist) != len(choicelist):
        raise ValueError(f"condlist must have the same length as choicelist, got {len(condlist)} and {len(choicelist)}")
    if not condlist:
        raise ValueError("condlist must be nonempty")
    *choices, out = promoted(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices)):
        out = p.select(_truth(condition), choice, out)
    return out


def isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    """Is |a - b| ≤ atol + rtol·|b|?"""
    x, y = promoted(a, b)
    if not x.dtype.is_inexact:
        return p.eq(x, y) if x.dtype.is_bool else _near(*floats(x, y), rtol, atol)
    held = p.logical_or(_near(x, y, rtol, atol), p.eq(x, y))
    return p.logical_or(held, p.logical_and(p.isnan(x), p.isnan(y))) if equal_nan else held


def _near(x: Tensor, y: Tensor, rtol: float, atol: float) -> Tensor:
    gap, size = p.abs(p.sub(x, y)), p.abs(y)
    return p.logical_and(p.le(gap, p.add(scalar_like(gap, atol), p.mul(scalar_like(gap, rtol), size))), p.isfinite(gap))


def iscomplexobj(x: Any) -> bool:
    return asarray(x).dtype.is_complex


def isrealobj(x: Any) -> bool:
    return not iscomplexobj(x)


def iscomplex(x: Any) -> Array:
    """Is the imaginary part not 0?"""
    part = unary.imag(asarray(x))
    return p.ne(part, scalar_like(part, 0))


def isreal(x: Any) -> Array:
    """Is the imaginary part 0?"""
    return p.logical_not(iscomplex(x))
