"""Elementwise functions of real and complex numbers: roots, exponentials, trigonometric, hyperbolic, error and gamma
functions, and rounding.

Invariant: float16 and bfloat16 are computed through float32 and rounded once. Gradients follow TensorFlow's, in their
values at the edges of the domain too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.op import Op, Sample, Trait
from graphtf.ir.ops.elementwise import conj, elementwise, through_f32, times
from graphtf.ir.ops.prims import p, scalar_like

Array = Any


def _function(
    name: str, doc: str, ref: Callable[..., Array], vjp: Callable[..., Any] | None,
    low: float = -2.0, high: float = 2.0, *, complex: bool = True, traits: Trait = Trait.NONE,
) -> Op:  # fmt: skip
    samples = ("f32[3, 4]", *(("c64[3]",) if complex else ()), "f64[0, 3]", "f32[]", "bf16[5]")
    dtypes = dt.INEXACT if complex else dt.FLOATS
    return elementwise(name, doc, through_f32(ref), vjp, dtypes=dtypes, low=low, high=high, traits=traits,
                       samples=samples)  # fmt: skip


def _from_scipy(name: str) -> Callable[[Array], Array]:
    def ref(x: Array) -> Array:
        import scipy.special  # a third of a second to import, for rare functions

        return getattr(scipy.special, name)(x)

    return ref


def _one(x: Any) -> Any:
    return scalar_like(x, 1)


def _over(ct: Any, x: Any) -> Any:
    return p.div(ct, conj(x))


def _square(x: Any) -> Any:
    return p.mul(x, x)


def _scaled(x: Any, factor: float) -> Any:
    return p.mul(x, scalar_like(x, factor))


# ---- roots, exponentials, logarithms ---------------------------------------------------------------------------------

sqrt = _function("sqrt", "√x", np.sqrt, lambda ct, out, x: _over(_scaled(ct, 0.5), out), 0.2, 3.0)
rsqrt = _function(
    "rsqrt", "1 / √x", lambda x: np.divide(x.dtype.type(1), np.sqrt(x)),
    lambda ct, out, x: times(_scaled(ct, -0.5), p.mul(_square(out), out)), 0.2, 3.0,
)  # fmt: skip
exp = _function("exp", "eˣ", np.exp, lambda ct, out, x: times(ct, out))
expm1 = _function("expm1", "eˣ - 1, accurate near 0", np.expm1, lambda ct, out, x: times(ct, p.exp(x)))
log = _function("log", "the natural logarithm", np.log, lambda ct, out, x: _over(ct, x), 0.2, 3.0)
log1p = _function(
    "log1p", "log(1 + x), accurate near 0", np.log1p, lambda ct, out, x: _over(ct, p.add(_one(x), x)), -0.7, 3.0
)

# ---- trigonometric ---------------------------------------------------------------------------------------------------


def _sin_slope(x: Any, sign: float) -> Any:
    """±1/√(1 - x²)"""
    return _scaled(p.rsqrt(p.sub(_one(x), _square(x))), sign)


def _tan_vjp(ct: Any, out: Any, x: Any) -> Any:
    return times(ct, _square(p.div(_one(x), p.cos(x))))


def _atan2_vjp(ct: Any, out: Any, y: Any, x: Any) -> tuple[Any, Any]:
    over = p.div(ct, p.add(_square(x), _square(y)))
    return p.mul(x, over), p.mul(p.neg(y), over)


sin = _function("sin", "sine of x radians", np.sin, lambda ct, out, x: times(ct, p.cos(x)), -4.0, 4.0)
cos = _function("cos", "cosine of x radians", np.cos, lambda ct, out, x: times(p.neg(ct), p.sin(x)), -4.0, 4.0)
tan = _function("tan", "tangent of x radians", np.tan, _tan_vjp, -1.2, 1.2)
asin = _function("asin", "inverse sine", np.arcsin, lambda ct, out, x: times(ct, _sin_slope(x, 1.0)), -0.9, 0.9)
acos = _function("acos", "inverse cosine", np.arccos, lambda ct, out, x: times(ct, _sin_slope(x, -1.0)), -0.9, 0.9)
atan = _function(
    "atan", "inverse tangent", np.arctan, lambda ct, out, x: _over(ct, p.add(_one(x), _square(x))), -0.9, 0.9
)
atan2 = elementwise(
    "atan2", "the angle of the point (x, y), given y and x", through_f32(np.arctan2), _atan2_vjp, arity=2,
    dtypes=dt.FLOATS, low=0.3,
    samples=(
        "f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "f32[0] f32[]",
        Sample("f32[5] f32[5]", values=([0.0, -0.0, 1.0, -1.0, 0.0], [-1.0, -1.0, 0.0, 0.0, 0.0]), grad=False),
    ),
)  # fmt: skip

# ---- hyperbolic ------------------------------------------------------------------------------------------------------


def _one_minus_square(x: Any) -> Any:
    return p.sub(_one(x), _square(x))


sinh = _function("sinh", "hyperbolic sine", np.sinh, lambda ct, out, x: times(ct, p.cosh(x)))
cosh = _function("cosh", "hyperbolic cosine", np.cosh, lambda ct, out, x: times(ct, p.sinh(x)))
tanh = _function("tanh", "hyperbolic tangent", np.tanh, lambda ct, out, x: times(ct, _one_minus_square(out)))
asinh = _function("asinh", "inverse hyperbolic sine", np.arcsinh, lambda ct, out, x: _over(ct, p.cosh(out)))
acosh = _function("acosh", "inverse hyperbolic cosine", np.arccosh, lambda ct, out, x: _over(ct, p.sinh(out)), 1.2, 4.0)
atanh = _function(
    "atanh", "inverse hyperbolic tangent", np.arctanh, lambda ct, out, x: _over(ct, _one_minus_square(x)), -0.9, 0.9
)

# ---- sigmoid and softplus --------------------------------------------------------------------------------------------


def _sigmoid_ref(x: Array) -> Array:
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    decay = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1, decay) / (1 + decay)


def _softplus_ref(x: Array) -> Array:
    return np.logaddexp(x, x.dtype.type(0))


sigmoid = _function(
    "sigmoid", "1 / (1 + e⁻ˣ)", _sigmoid_ref, lambda ct, out, x: times(ct, p.mul(out, p.sub(_one(out), out))), -6.0, 6.0
)
softplus = _function(
    "softplus", "log(1 + eˣ)", _softplus_ref, lambda ct, out, x: p.mul(ct, p.sigmoid(x)), -6.0, 6.0, complex=False
)

# ---- error and gamma functions ---------------------------------------------------------------------------------------


def _gauss(x: Any, factor: float, exponent: float) -> Any:
    """factor · exp(exponent · x²)"""
    return _scaled(p.exp(_scaled(_square(x), exponent)), factor)


def _lgamma_ref(x: Array) -> Array:
    return np.where(np.isinf(x), np.inf, _from_scipy("gammaln")(x))


def _digamma_ref(x: Array) -> Array:
    poles = (x <= 0) & (x == np.floor(x))
    return np.where(poles, np.nan, _from_scipy("psi")(x))


_SLOPE_OF_ERF = 2 / math.sqrt(math.pi)
erf = _function(
    "erf", "the error function", _from_scipy("erf"), lambda ct, out, x: p.mul(ct, _gauss(x, _SLOPE_OF_ERF, -1.0)),
    complex=False,
)  # fmt: skip
erfc = _function(
    "erfc", "1 - erf(x), accurate for large x", _from_scipy("erfc"),
    lambda ct, out, x: p.mul(ct, _gauss(x, -_SLOPE_OF_ERF, -1.0)), complex=False,
)  # fmt: skip
erfinv = _function(
    "erfinv", "inverse of erf", _from_scipy("erfinv"),
    lambda ct, out, x: p.mul(ct, _gauss(out, 1 / _SLOPE_OF_ERF, 1.0)),
    -0.9, 0.9, complex=False,
)  # fmt: skip
ndtri = _function(
    "ndtri", "quantile of the standard normal distribution", _from_scipy("ndtri"),
    lambda ct, out, x: p.mul(ct, _gauss(out, math.sqrt(2 * math.pi), 0.5)), 0.1, 0.9, complex=False,
)  # fmt: skip
lgamma = _function(
    "lgamma", "log |Γ(x)|", _lgamma_ref, lambda ct, out, x: p.mul(ct, p.digamma(x)), 0.3, 5.0, complex=False
)
digamma = _function(
    "digamma", "the derivative of lgamma", _digamma_ref,
    lambda ct, out, x: p.mul(ct, p.polygamma(scalar_like(x, 1), x)), 0.3, 5.0, complex=False,
)  # fmt: skip

# ---- rounding --------------------------------------------------------------------------------------------------------


def _rounding(name: str, doc: str, ref: Callable[..., Array]) -> Op:
    edges = Sample("f32[8]", values=([0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -0.0, float("nan")],))
    return elementwise(name, doc, through_f32(ref), dtypes=dt.FLOATS, traits=Trait.IDEMPOTENT,
                       samples=("f32[3, 4]", edges, "f64[0]", "f32[]"))  # fmt: skip


floor = _rounding("floor", "⌊x⌋", np.floor)
ceil = _rounding("ceil", "⌈x⌉", np.ceil)
trunc = _rounding("trunc", "x rounded towards zero", np.trunc)
round = _rounding("round", "x rounded to the nearest integer, ties to even", np.rint)
