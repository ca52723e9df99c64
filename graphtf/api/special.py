"""Special functions: Bessel functions, integrals, gamma, beta and zeta functions, Sobol points.

Invariant: they run on the host, by SciPy (ir/ops/special.py), with TensorFlow's gradients. Entry points: the
`tf.math` and `tf.math.special` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_pair, convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor


def bessel_i0(x: Any, name: str | None = None) -> Tensor:
    """The modified Bessel function of the first kind, order 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/bessel_i0.

    >>> bessel_i0([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.0634834], dtype=float32)>
    """
    return p.bessel_i0(convert_to_tensor(x))


def bessel_i0e(x: Any, name: str | None = None) -> Tensor:
    """e^-|x| · `bessel_i0`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/bessel_i0e.

    >>> bessel_i0e([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.64503527], dtype=float32)>
    """
    return p.bessel_i0e(convert_to_tensor(x))


def bessel_i1(x: Any, name: str | None = None) -> Tensor:
    """The modified Bessel function of the first kind, order 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/bessel_i1.

    >>> bessel_i1([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.2578943], dtype=float32)>
    """
    return p.bessel_i1(convert_to_tensor(x))


def bessel_i1e(x: Any, name: str | None = None) -> Tensor:
    """e^-|x| · `bessel_i1`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/bessel_i1e.

    >>> bessel_i1e([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.1564208], dtype=float32)>
    """
    return p.bessel_i1e(convert_to_tensor(x))


def bessel_j0(x: Any, name: str | None = None) -> Tensor:
    """The Bessel function of the first kind, order 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_j0.

    >>> bessel_j0([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.9384698], dtype=float32)>
    """
    return p.bessel_j0(convert_to_tensor(x))


def bessel_j1(x: Any, name: str | None = None) -> Tensor:
    """The Bessel function of the first kind, order 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_j1.

    >>> bessel_j1([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.24226846], dtype=float32)>
    """
    return p.bessel_j1(convert_to_tensor(x))


def bessel_k0(x: Any, name: str | None = None) -> Tensor:
    """The modified Bessel function of the second kind, order 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_k0.

    >>> bessel_k0([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.92441905], dtype=float32)>
    """
    return p.bessel_k0(convert_to_tensor(x))


def bessel_k0e(x: Any, name: str | None = None) -> Tensor:
    """eˣ · `bessel_k0`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_k0e.

    >>> bessel_k0e([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.5241094], dtype=float32)>
    """
    return p.bessel_k0e(convert_to_tensor(x))


def bessel_k1(x: Any, name: str | None = None) -> Tensor:
    """The modified Bessel function of the second kind, order 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_k1.

    >>> bessel_k1([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.6564411], dtype=float32)>
    """
    return p.bessel_k1(convert_to_tensor(x))


def bessel_k1e(x: Any, name: str | None = None) -> Tensor:
    """eˣ · `bessel_k1`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_k1e.

    >>> bessel_k1e([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([2.7310097], dtype=float32)>
    """
    return p.bessel_k1e(convert_to_tensor(x))


def bessel_y0(x: Any, name: str | None = None) -> Tensor:
    """The Bessel function of the second kind, order 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_y0.

    >>> bessel_y0([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([-0.44451874], dtype=float32)>
    """
    return p.bessel_y0(convert_to_tensor(x))


def bessel_y1(x: Any, name: str | None = None) -> Tensor:
    """The Bessel function of the second kind, order 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/bessel_y1.

    >>> bessel_y1([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([-1.4714724], dtype=float32)>
    """
    return p.bessel_y1(convert_to_tensor(x))


def dawsn(x: Any, name: str | None = None) -> Tensor:
    """Dawson's integral.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/dawsn.

    >>> dawsn([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.4244364], dtype=float32)>
    """
    return p.dawsn(convert_to_tensor(x))


def expint(x: Any, name: str | None = None) -> Tensor:
    """The exponential integral Ei.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/expint.

    >>> expint([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.4542199], dtype=float32)>
    """
    return p.expint(convert_to_tensor(x))


def fresnel_cos(x: Any, name: str | None = None) -> Tensor:
    """The Fresnel integral of cosines.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/fresnel_cos.

    >>> fresnel_cos([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.49234423], dtype=float32)>
    """
    return p.fresnel_cos(convert_to_tensor(x))


def fresnel_sin(x: Any, name: str | None = None) -> Tensor:
    """The Fresnel integral of sines.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/fresnel_sin.

    >>> fresnel_sin([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.06473243], dtype=float32)>
    """
    return p.fresnel_sin(convert_to_tensor(x))


def spence(x: Any, name: str | None = None) -> Tensor:
    """The dilogarithm, Spence's integral.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/special/spence.

    >>> spence([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.5822405], dtype=float32)>
    """
    return p.spence(convert_to_tensor(x))


def igamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularised lower incomplete gamma function P(a, x), of a > 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/igamma.

    >>> igamma([1.0], [1.0])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.63212055], dtype=float32)>
    """
    return p.igamma(*convert_pair(a, x))


def igammac(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularised upper incomplete gamma function 1 - P(a, x), of a > 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/igammac.

    >>> igammac([1.0], [1.0])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.36787945], dtype=float32)>
    """
    return p.igammac(*convert_pair(a, x))


def zeta(x: Any, q: Any, name: str | None = None) -> Tensor:
    """The Hurwitz zeta function Σ (k + q)⁻ˣ over k ≥ 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/zeta.

    >>> zeta([2.0], [1.0])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.644934], dtype=float32)>
    """
    return p.zeta(*convert_pair(x, q))


def polygamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The a-th derivative of `digamma`, for a whole number a.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/polygamma.

    >>> polygamma([1.0], [1.0])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.644934], dtype=float32)>
    """
    return p.polygamma(*convert_pair(a, x))


def betainc(a: Any, b: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularised incomplete beta function Iₓ(a, b), with no gradient for a and b.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/betainc.

    >>> betainc([1.0], [1.0], [0.25])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.25], dtype=float32)>
    """
    dtype = next((t.dtype for t in (a, b, x) if is_tensor_like(t)), None)
    first, second, third = (convert_to_tensor(t, None if is_tensor_like(t) else dtype) for t in (a, b, x))
    return p.betainc(first, second, third)


def lbeta(x: Any, name: str | None = None) -> Tensor:
    """log |B(x)| over the last axis: the sum of `lgamma` minus `lgamma` of the sum.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/lbeta.

    >>> lbeta([1.0, 1.0])
    <tf.Tensor: shape=(), dtype=float32, numpy=0.0>
    """
    t = convert_to_tensor(x)
    last = (len(t.ir_type.dims) - 1,)
    return p.sub(p.reduce_sum(p.lgamma(t), axes=last), p.lgamma(p.reduce_sum(t, axes=last)))


def sobol_sample(dim: Any, num_results: Any, skip: Any = 0, dtype: Any = dt.float32, name: str | None = None) -> Tensor:
    """`num_results` points of the Sobol sequence in `dim` dimensions, after the origin and `skip` more.

    Raises InvalidArgumentError for a number below 1. Follows
    https://www.tensorflow.org/api_docs/python/tf/math/sobol_sample.

    >>> sobol_sample(2, 2)
    <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
    array([[0.5 , 0.5 ],
           [0.75, 0.25]], dtype=float32)>
    """
    (width,), (count,), (first,) = (as_integers(v, "sobol_sample") for v in (dim, num_results, skip))
    if width < 1 or count < 1 or first < 0:
        raise failed("sobol_sample", f"dim and num_results must be at least 1, got {width} and {count}")
    from scipy.stats import qmc  # slow to import

    engine = qmc.Sobol(width, scramble=False)
    engine.fast_forward(first + 1)
    points = np.array([engine.random(1)[0] for _ in range(count)])  # one by one: no demand for powers of two
    return convert_to_tensor(points.astype(as_dtype(dtype).np))
