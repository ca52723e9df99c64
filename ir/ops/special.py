"""Special functions that run on the host: incomplete gamma and beta, zeta, polygamma, Bessel functions and integrals.

Invariant: computed by SciPy in float64 and rounded once. Gradients follow TensorFlow's, which has none with respect to
the parameters of betainc, zeta and polygamma.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.op import Host, Op, Sample, Unsupported
from graphtf.ir.ops.elementwise import elementwise
from graphtf.ir.ops.prims import p, scalar_like

Array = Any

_HOST = Host("SciPy computes this rare function")


def _special(
    name: str, doc: str, ref: Callable[..., Array] | str, vjp: Callable[..., Any] | Unsupported,
    samples: tuple[Sample, ...],
) -> Op:  # fmt: skip
    """Declare a special function by its reference or its name in SciPy."""

    def run(*arrays: Array) -> Array:
        import scipy.special  # a third of a second to import, for rare functions

        fn = getattr(scipy.special, ref) if isinstance(ref, str) else ref
        return np.asarray(fn(*(a.astype(np.float64) for a in arrays))).astype(arrays[0].dtype)

    arity = len(samples[0].operands.split("] "))
    return elementwise(name, doc, run, vjp, arity=arity, dtypes=dt.FLOATS, lowering=_HOST, samples=samples)


def _one(x: Any) -> Any:
    return scalar_like(x, 1)


def _half(x: Any) -> Any:
    return scalar_like(x, 0.5)


def _of_positive(name: str) -> Callable[..., Array]:
    """SciPy's function where its parameters, all arguments but the last, are positive; NaN elsewhere."""

    def ref(*arrays: Array) -> Array:
        import scipy.special

        inside = np.logical_and.reduce([a > 0 for a in np.broadcast_arrays(*arrays)[:-1]])
        return np.where(inside, getattr(scipy.special, name)(*arrays), np.nan)

    return ref


def _below_zero(name: str, value: float) -> Callable[[Array], Array]:
    """SciPy's function, with the value that TensorFlow gives it for negative arguments."""

    def ref(x: Array) -> Array:
        import scipy.special

        return np.where(x < 0, value, getattr(scipy.special, name)(x))

    return ref


# ---- incomplete gamma ------------------------------------------------------------------------------------------------

_STEP, _REACH = 1 / 32, 5.0  # of the double-exponential rule: its error is below 1e-12 for these integrands


def _igamma_grad_a(a: Array, x: Array) -> Array:
    """dP(a, x)/da: the integral of (log t - ψ(a)) tᵃ⁻¹ e⁻ᵗ / Γ(a) over t < x, or minus that over t > x, whichever has
    no change of sign and so nothing to cancel. By the trapezoidal rule with t = x e^∓w, w = e^(v - e^-v)."""
    from scipy.special import gammaln, psi

    a, x = np.broadcast_arrays(a, x)
    log_x, mean_log = np.log(x)[..., None], psi(a)[..., None]
    side = np.where(log_x <= mean_log, -1.0, 1.0)
    v = np.arange(-_REACH, _REACH, _STEP)
    w = np.exp(v - np.exp(-v))
    weight = w * (1 + np.exp(-v)) * _STEP
    scale = np.where(side < 0, 1 / np.minimum(a, 1.0)[..., None], 1.0)  # the lower tail decays as e^(-aw)
    log_t = log_x + side * w * scale
    density = np.exp(a[..., None] * log_t - np.exp(log_t) - gammaln(a)[..., None])
    tail = np.sum((log_t - mean_log) * density * weight * scale, axis=-1)
    inside = (a > 0) & (x > 0)
    return np.where(inside, np.where(side[..., 0] < 0, tail, -tail), np.where((a > 0) & (x == 0), 0.0, np.nan))


def _gamma_density(a: Any, x: Any) -> Any:
    """xᵃ⁻¹ e⁻ˣ / Γ(a), in log space because Γ(a) grows large."""
    return p.exp(p.sub(p.sub(p.mul(p.sub(a, _one(a)), p.log(x)), x), p.lgamma(a)))


def _igamma_vjp(ct: Any, out: Any, a: Any, x: Any) -> tuple[Any, Any]:
    return p.mul(ct, p.igamma_grad_a(a, x)), p.mul(ct, _gamma_density(a, x))


def _igammac_vjp(ct: Any, out: Any, a: Any, x: Any) -> tuple[Any, Any]:
    return _igamma_vjp(p.neg(ct), out, a, x)


_POSITIVE = (
    Sample("f32[3, 4] f32[3, 4]", {}, 0.5, 4.0), Sample("f32[2, 1, 4] f32[3, 1]", {}, 0.5, 4.0),
    Sample("f64[0] f64[]", {}, 0.5, 4.0), Sample("bf16[5] bf16[5]", {}, 0.5, 4.0),
)  # fmt: skip
igamma = _special(
    "igamma", "the regularised incomplete gamma function P(a, x), of a > 0", _of_positive("gammainc"), _igamma_vjp,
    _POSITIVE,
)  # fmt: skip
igammac = _special(
    "igammac", "1 - P(a, x), the upper one, of a > 0", _of_positive("gammaincc"), _igammac_vjp, _POSITIVE
)
igamma_grad_a = _special(
    "igamma_grad_a", "the derivative of P(a, x) with respect to a", _igamma_grad_a,
    Unsupported("the second derivative of the incomplete gamma function by its parameter; TensorFlow has none either"),
    _POSITIVE,
)  # fmt: skip

# ---- incomplete beta, zeta, polygamma --------------------------------------------------------------------------------


def _times_log(k: Any, log: Any) -> Any:
    """k · log, and 0 for k = 0 even where the logarithm is infinite."""
    zero = scalar_like(k, 0)
    return p.select(p.eq(k, zero), zero, p.mul(k, log))


def _betainc_vjp(ct: Any, out: Any, a: Any, b: Any, x: Any) -> tuple[None, None, Any]:
    log_beta = p.sub(p.add(p.lgamma(a), p.lgamma(b)), p.lgamma(p.add(a, b)))
    log_tails = p.add(
        _times_log(p.sub(b, _one(b)), p.log1p(p.neg(x))), _times_log(p.sub(a, _one(a)), p.log(x))
    )
    return None, None, p.mul(ct, p.exp(p.sub(log_tails, log_beta)))


def _zeta_vjp(ct: Any, out: Any, x: Any, q: Any) -> tuple[None, Any]:
    return None, p.mul(ct, p.mul(p.neg(x), p.zeta(p.add(x, _one(x)), q)))


def _zeta_ref(x: Array, q: Array) -> Array:
    from scipy.special import zeta as scipy_zeta

    return np.where(x < 1, np.nan, scipy_zeta(x, q))


def _polygamma_ref(n: Array, x: Array) -> Array:
    from scipy.special import polygamma as scipy_polygamma

    whole = (n >= 0) & (n == np.floor(n))
    return np.where(whole, scipy_polygamma(np.where(whole, n, 0), x), np.nan)


betainc = _special(
    "betainc", "the regularised incomplete beta function I(a, b; x), of a, b > 0", _of_positive("betainc"),
    _betainc_vjp,
    (
        Sample("f32[3, 4] f32[3, 4] f32[3, 4]", {}, 0.2, 0.9, grad=False), Sample("f64[0] f64[0] f64[]", {}, 0.2, 0.9),
        Sample("f32[4] f32[3, 1] f32[]", {}, 0.2, 0.9, grad=False),
    ),
)  # fmt: skip
zeta = _special(
    "zeta", "the Hurwitz zeta function ζ(x, q), NaN for x below 1", _zeta_ref, _zeta_vjp,
    (Sample("f32[3, 4] f32[3, 4]", {}, 1.5, 4.0, grad=False), Sample("f64[0] f64[]", {}, 1.5, 4.0)),
)
polygamma = _special(
    "polygamma", "the n-th derivative of digamma at x; n are whole numbers", _polygamma_ref,
    lambda ct, out, n, x: (None, p.mul(ct, p.polygamma(p.add(n, _one(n)), x))),
    (
        Sample("f32[4] f32[4]", values=([0, 1, 2, 5], [0.5, 1.5, 2.5, 3.5]), grad=False),
        Sample("f64[0] f64[]", {}, 1, 4), Sample("f32[2] f32[2]", values=([-1, 0.5], [1.5, 1.5]), grad=False),
    ),
)  # fmt: skip

# ---- Bessel functions ------------------------------------------------------------------------------------------------


def _of_one(
    name: str, doc: str, ref: Callable[..., Array] | str, slope: Callable[[Any, Any], Any],
    low: float = -3.0, high: float = 3.0,
) -> Op:  # fmt: skip
    """A function of one argument by its slope in terms of x and the result."""
    samples = tuple(Sample(t, {}, low, high) for t in ("f32[3, 4]", "f64[0]", "f32[]", "bf16[5]"))
    return _special(name, doc, ref, lambda ct, out, x: p.mul(ct, slope(x, out)), samples)


def _bessel(name: str, doc: str, slope: Callable[[Any, Any], Any]) -> Op:
    """One that is defined everywhere."""
    return _of_one(f"bessel_{name}", doc, name, slope)


def _bessel_of_positive(name: str, doc: str, below_zero: float, slope: Callable[[Any, Any], Any]) -> Op:
    return _of_one(f"bessel_{name}", doc, _below_zero(name, below_zero), slope, 0.3, 4.0)


def _where_zero(x: Any, at_zero: float, slope: Callable[[Any], Any]) -> Any:
    """slope(x), and at 0, where its formula divides by 0, the value given; the gradient sees no division by 0."""
    zero = p.eq(x, scalar_like(x, 0))
    return p.select(zero, scalar_like(x, at_zero), slope(p.select(zero, _one(x), x)))


def _i1_slope(x: Any, y: Any) -> Any:
    return _where_zero(x, 0.5, lambda x: p.sub(p.bessel_i0(x), p.div(y, x)))


def _i1e_slope(x: Any, y: Any) -> Any:
    return _where_zero(x, 0.5, lambda x: p.sub(p.bessel_i0e(x), p.mul(y, p.add(p.sign(x), p.div(_one(x), x)))))


def _j1_slope(x: Any, y: Any) -> Any:
    return _where_zero(x, 0.5, lambda x: p.sub(p.bessel_j0(x), p.div(y, x)))


def _k1_slope(x: Any, y: Any) -> Any:
    return p.sub(p.neg(p.bessel_k0(x)), p.div(y, x))


def _k1e_slope(x: Any, y: Any) -> Any:
    return p.sub(p.mul(y, p.sub(_one(x), p.div(_one(x), x))), p.bessel_k0e(x))


_INF = float("inf")
bessel_i0 = _bessel("i0", "modified Bessel function I₀", lambda x, y: p.bessel_i1(x))
bessel_i0e = _bessel("i0e", "e^-|x| I₀(x)", lambda x, y: p.sub(p.bessel_i1e(x), p.mul(p.sign(x), y)))
bessel_i1 = _bessel("i1", "modified Bessel function I₁", _i1_slope)
bessel_i1e = _bessel("i1e", "e^-|x| I₁(x)", _i1e_slope)
bessel_j0 = _bessel("j0", "Bessel function J₀", lambda x, y: p.neg(p.bessel_j1(x)))
bessel_j1 = _bessel("j1", "Bessel function J₁", _j1_slope)
bessel_k0 = _bessel_of_positive("k0", "modified Bessel function K₀", _INF, lambda x, y: p.neg(p.bessel_k1(x)))
bessel_k0e = _bessel_of_positive("k0e", "eˣ K₀(x)", _INF, lambda x, y: p.sub(y, p.bessel_k1e(x)))
bessel_k1 = _bessel_of_positive("k1", "modified Bessel function K₁", _INF, _k1_slope)
bessel_k1e = _bessel_of_positive("k1e", "eˣ K₁(x)", _INF, _k1e_slope)
bessel_y0 = _bessel_of_positive("y0", "Bessel function Y₀", -_INF, lambda x, y: p.neg(p.bessel_y1(x)))
bessel_y1 = _bessel_of_positive("y1", "Bessel function Y₁", -_INF, lambda x, y: p.sub(p.bessel_y0(x), p.div(y, x)))

# ---- integrals -------------------------------------------------------------------------------------------------------


def _doubled(x: Any) -> Any:
    return p.add(x, x)


def _fresnel_angle(x: Any) -> Any:
    return p.mul(p.mul(x, x), scalar_like(x, math.pi / 2))


def _fresnel(index: int) -> Callable[[Array], Array]:
    def ref(x: Array) -> Array:
        from scipy.special import fresnel

        return fresnel(x)[index]

    return ref


def _spence_slope(x: Any, y: Any) -> Any:
    """log(x) / (1 - x), which is -1 at 1."""
    one = p.eq(x, _one(x))
    safe = p.select(one, _half(x), x)
    return p.select(one, scalar_like(x, -1), p.div(p.log(safe), p.sub(_one(x), safe)))


dawsn = _of_one(
    "dawsn", "Dawson's integral", "dawsn", lambda x, y: p.sub(_one(x), p.mul(_doubled(x), y))
)
expint = _of_one(
    "expint", "the exponential integral Ei of x > 0", _below_zero("expi", np.nan), lambda x, y: p.div(p.exp(x), x),
    0.3, 3.0,
)  # fmt: skip
fresnel_cos = _of_one(
    "fresnel_cos", "the Fresnel integral of cos(πt²/2)", _fresnel(1), lambda x, y: p.cos(_fresnel_angle(x))
)
fresnel_sin = _of_one(
    "fresnel_sin", "the Fresnel integral of sin(πt²/2)", _fresnel(0), lambda x, y: p.sin(_fresnel_angle(x))
)
spence = _of_one("spence", "the dilogarithm of 1 - x", "spence", _spence_slope, 0.3, 3.0)
