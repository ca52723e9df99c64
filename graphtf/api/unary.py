"""Elementwise functions of one tensor.

Invariant: the result has the operand's shape. Entry points: the `tf.math` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_pair, convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import wrong_dtype
from graphtf.tensor import Tensor


def _signed(name: str, x: Any) -> Tensor:
    t = convert_to_tensor(x)
    if t.dtype.is_unsigned:
        raise wrong_dtype(name, f"expected a signed type, got {t.dtype.name}")
    return t


def abs(x: Any, name: str | None = None) -> Tensor:
    """|x|; of complex numbers, the modulus. Follows https://www.tensorflow.org/api_docs/python/tf/math/abs.

    >>> abs([-1, 2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    return p.abs(_signed("abs", x))


def negative(x: Any, name: str | None = None) -> Tensor:
    """-x. Follows https://www.tensorflow.org/api_docs/python/tf/math/negative.

    >>> negative([1., -2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([-1.,  2.], dtype=float32)>
    """
    return p.neg(_signed("negative", x))


def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1; x/|x| of complex numbers. Follows https://www.tensorflow.org/api_docs/python/tf/math/sign.

    >>> sign([-3, 0, 2])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([-1,  0,  1], dtype=int32)>
    """
    return p.sign(_signed("sign", x))


def square(x: Any, name: str | None = None) -> Tensor:
    """x². Follows https://www.tensorflow.org/api_docs/python/tf/math/square.

    >>> square([2., 4.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([ 4., 16.], dtype=float32)>
    """
    x = convert_to_tensor(x)
    return p.mul(x, x)


def sqrt(x: Any, name: str | None = None) -> Tensor:
    """√x, of floating and complex numbers. Follows https://www.tensorflow.org/api_docs/python/tf/math/sqrt.

    >>> sqrt([4., 9.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([2., 3.], dtype=float32)>
    """
    return p.sqrt(convert_to_tensor(x))


def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """1/√x. Follows https://www.tensorflow.org/api_docs/python/tf/math/rsqrt.

    >>> rsqrt([4., 16.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5 , 0.25], dtype=float32)>
    """
    return p.rsqrt(convert_to_tensor(x))


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """1/x. Follows https://www.tensorflow.org/api_docs/python/tf/math/reciprocal.

    >>> reciprocal([4., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.25, 0.5 ], dtype=float32)>
    """
    x = convert_to_tensor(x)
    return (p.div if x.dtype.is_inexact else p.truncdiv)(scalar_like(x, 1), x)


def reciprocal_no_nan(x: Any, name: str | None = None) -> Tensor:
    """1/x, 0 where x is 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/reciprocal_no_nan.

    >>> reciprocal_no_nan([4., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.25, 0.  ], dtype=float32)>
    """
    x = convert_to_tensor(x)
    if not x.dtype.is_inexact:
        if not x.dtype.is_numeric:
            raise TypeError(f"Cannot convert 1 to EagerTensor of dtype {x.dtype.name}")
        raise wrong_dtype("reciprocal_no_nan", f"dtype {x.dtype.name} is not allowed")
    zero = p.eq(x, scalar_like(x, 0))
    return p.select(zero, scalar_like(x, 0), p.div(scalar_like(x, 1), p.select(zero, scalar_like(x, 1), x)))


def exp(x: Any, name: str | None = None) -> Tensor:
    """eˣ. Follows https://www.tensorflow.org/api_docs/python/tf/math/exp.

    >>> exp([0., 1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1.       , 2.7182817], dtype=float32)>
    """
    return p.exp(convert_to_tensor(x))


def expm1(x: Any, name: str | None = None) -> Tensor:
    """eˣ - 1, accurate near 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/expm1.

    >>> expm1([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.expm1(convert_to_tensor(x))


def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm. Follows https://www.tensorflow.org/api_docs/python/tf/math/log.

    >>> log([1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.log(convert_to_tensor(x))


def log1p(x: Any, name: str | None = None) -> Tensor:
    """log(1 + x), accurate near 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/log1p.

    >>> log1p([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.log1p(convert_to_tensor(x))


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """log(1 / (1 + e⁻ˣ)). Follows https://www.tensorflow.org/api_docs/python/tf/math/log_sigmoid.

    >>> log_sigmoid([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([-0.6931472], dtype=float32)>
    """
    return p.neg(p.softplus(p.neg(convert_to_tensor(x))))


def sin(x: Any, name: str | None = None) -> Tensor:
    """The sine of x radians. Follows https://www.tensorflow.org/api_docs/python/tf/math/sin.

    >>> sin([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.sin(convert_to_tensor(x))


def cos(x: Any, name: str | None = None) -> Tensor:
    """The cosine of x radians. Follows https://www.tensorflow.org/api_docs/python/tf/math/cos.

    >>> cos([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    return p.cos(convert_to_tensor(x))


def tan(x: Any, name: str | None = None) -> Tensor:
    """The tangent of x radians. Follows https://www.tensorflow.org/api_docs/python/tf/math/tan.

    >>> tan([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.tan(convert_to_tensor(x))


def asin(x: Any, name: str | None = None) -> Tensor:
    """The inverse sine. Follows https://www.tensorflow.org/api_docs/python/tf/math/asin.

    >>> asin([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.asin(convert_to_tensor(x))


def acos(x: Any, name: str | None = None) -> Tensor:
    """The inverse cosine. Follows https://www.tensorflow.org/api_docs/python/tf/math/acos.

    >>> acos([1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.acos(convert_to_tensor(x))


def atan(x: Any, name: str | None = None) -> Tensor:
    """The inverse tangent. Follows https://www.tensorflow.org/api_docs/python/tf/math/atan.

    >>> atan([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.atan(convert_to_tensor(x))


def sinh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic sine. Follows https://www.tensorflow.org/api_docs/python/tf/math/sinh.

    >>> sinh([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.sinh(convert_to_tensor(x))


def cosh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic cosine. Follows https://www.tensorflow.org/api_docs/python/tf/math/cosh.

    >>> cosh([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    return p.cosh(convert_to_tensor(x))


def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent. Follows https://www.tensorflow.org/api_docs/python/tf/math/tanh.

    >>> tanh([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.tanh(convert_to_tensor(x))


def asinh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic sine. Follows https://www.tensorflow.org/api_docs/python/tf/math/asinh.

    >>> asinh([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.asinh(convert_to_tensor(x))


def acosh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic cosine. Follows https://www.tensorflow.org/api_docs/python/tf/math/acosh.

    >>> acosh([1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.acosh(convert_to_tensor(x))


def atanh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic tangent. Follows https://www.tensorflow.org/api_docs/python/tf/math/atanh.

    >>> atanh([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.atanh(convert_to_tensor(x))


def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """1 / (1 + e⁻ˣ). Follows https://www.tensorflow.org/api_docs/python/tf/math/sigmoid.

    >>> sigmoid([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.5], dtype=float32)>
    """
    return p.sigmoid(convert_to_tensor(x))


def softplus(features: Any, name: str | None = None) -> Tensor:
    """log(1 + eˣ). Follows https://www.tensorflow.org/api_docs/python/tf/math/softplus.

    >>> softplus([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.6931472], dtype=float32)>
    """
    return p.softplus(convert_to_tensor(features))


def softsign(features: Any, name: str | None = None) -> Tensor:
    """x / (1 + |x|). Follows https://www.tensorflow.org/api_docs/python/tf/math/softsign.

    >>> softsign([1., -3.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([ 0.5 , -0.75], dtype=float32)>
    """
    x = convert_to_tensor(features)
    return p.div(x, p.add(p.abs(x), scalar_like(x, 1)))


def floor(x: Any, name: str | None = None) -> Tensor:
    """⌊x⌋. Follows https://www.tensorflow.org/api_docs/python/tf/math/floor.

    >>> floor([1.5, -1.5])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([ 1., -2.], dtype=float32)>
    """
    return p.floor(convert_to_tensor(x))


def ceil(x: Any, name: str | None = None) -> Tensor:
    """⌈x⌉. Follows https://www.tensorflow.org/api_docs/python/tf/math/ceil.

    >>> ceil([1.5, -1.5])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([ 2., -1.], dtype=float32)>
    """
    return p.ceil(convert_to_tensor(x))


def round(x: Any, name: str | None = None) -> Tensor:
    """The nearest integer, ties to even; integers stay. Follows https://www.tensorflow.org/api_docs/python/tf/math/round.

    >>> round([0.5, 1.5, -0.7])
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([ 0.,  2., -1.], dtype=float32)>
    """
    x = convert_to_tensor(x)
    return x if x.dtype.is_integer else p.round(x)


def rint(x: Any, name: str | None = None) -> Tensor:
    """The nearest integer, ties to even, of floats. Follows https://www.tensorflow.org/api_docs/python/tf/math/rint.

    >>> rint([0.5, 1.7])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 2.], dtype=float32)>
    """
    return p.round(convert_to_tensor(x))


def real(input: Any, name: str | None = None) -> Tensor:
    """The real part; a real tensor is its own. Follows https://www.tensorflow.org/api_docs/python/tf/math/real.

    >>> real([1 + 2j])
    <tf.Tensor: shape=(1,), dtype=float64, numpy=array([1.])>
    """
    x = convert_to_tensor(input)
    if not x.dtype.is_numeric:
        raise TypeError(f"input must be a numeric tensor, but got tensor with dtype {x.dtype}")
    return p.real(x) if x.dtype.is_complex else x


def imag(input: Any, name: str | None = None) -> Tensor:
    """The imaginary part; 0 of a real tensor. Follows https://www.tensorflow.org/api_docs/python/tf/math/imag.

    >>> imag([1 + 2j])
    <tf.Tensor: shape=(1,), dtype=float64, numpy=array([2.])>
    """
    x = convert_to_tensor(input)
    if x.dtype.is_complex:
        return p.imag(x)
    zero = convert_to_tensor("" if x.dtype is dt.string else False if x.dtype.is_bool else 0, x.dtype)
    return p.broadcast(zero, shape=x.ir_type.dims)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate; a real tensor is its own. Raises TypeError for what is no number.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/conj.

    >>> conj([1 + 2j])
    <tf.Tensor: shape=(1,), dtype=complex128, numpy=array([1.-2.j])>
    """
    x = convert_to_tensor(x)
    if x.dtype.is_complex:
        return p.conj(x)
    if x.dtype.is_floating or x.dtype.is_integer:
        return x
    raise TypeError(f"Expected numeric or variant tensor, got dtype {x.dtype!r}")


def angle(input: Any, name: str | None = None) -> Tensor:
    """The argument of complex numbers; 0 or π of real ones. Follows https://www.tensorflow.org/api_docs/python/tf/math/angle.

    >>> angle([-1., 1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([3.1415927, 0.       ], dtype=float32)>
    """
    x = convert_to_tensor(input)
    if x.dtype.is_complex:
        return p.atan2(p.imag(x), p.real(x))
    if not x.dtype.is_floating:
        raise TypeError(f"Cannot convert π to EagerTensor of dtype {x.dtype.name}")
    return p.select(p.lt(x, scalar_like(x, 0)), scalar_like(x, np.pi), scalar_like(x, 0))


def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """re + i·im of two float32 or two float64 tensors. Raises TypeError for other dtypes.

    Follows https://www.tensorflow.org/api_docs/python/tf/dtypes/complex.

    >>> complex([1.], [2.])
    <tf.Tensor: shape=(1,), dtype=complex64, numpy=array([1.+2.j], dtype=complex64)>
    """
    re, im = convert_to_tensor(real), convert_to_tensor(imag)
    if re.dtype is not im.dtype or re.dtype not in (dt.float32, dt.float64):
        raise TypeError(f"real and imag have incorrect types: {re.dtype.name} {im.dtype.name}")
    return p.complex(re, im)


def erf(x: Any, name: str | None = None) -> Tensor:
    """The error function. Follows https://www.tensorflow.org/api_docs/python/tf/math/erf.

    >>> erf([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.erf(convert_to_tensor(x))


def erfc(x: Any, name: str | None = None) -> Tensor:
    """1 - erf(x). Follows https://www.tensorflow.org/api_docs/python/tf/math/erfc.

    >>> erfc([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    return p.erfc(convert_to_tensor(x))


def erfinv(x: Any, name: str | None = None) -> Tensor:
    """The inverse of the error function. Follows https://www.tensorflow.org/api_docs/python/tf/math/erfinv.

    >>> erfinv([0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.erfinv(convert_to_tensor(x))


def erfcinv(x: Any, name: str | None = None) -> Tensor:
    """The inverse of erfc. Follows https://www.tensorflow.org/api_docs/python/tf/math/erfcinv.

    >>> erfcinv([1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    x = convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise TypeError(f"Cannot convert 0.5 to EagerTensor of dtype {x.dtype.name}")
    return p.mul(p.ndtri(p.mul(x, scalar_like(x, 0.5))), scalar_like(x, -np.sqrt(0.5)))


def ndtri(x: Any, name: str | None = None) -> Tensor:
    """The quantile function of the normal distribution. Follows https://www.tensorflow.org/api_docs/python/tf/math/ndtri.

    >>> ndtri([0.5])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.ndtri(convert_to_tensor(x))


def lgamma(x: Any, name: str | None = None) -> Tensor:
    """log |Γ(x)|. Follows https://www.tensorflow.org/api_docs/python/tf/math/lgamma.

    >>> lgamma([1., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 0.], dtype=float32)>
    """
    return p.lgamma(convert_to_tensor(x))


def digamma(x: Any, name: str | None = None) -> Tensor:
    """The derivative of `lgamma`. Follows https://www.tensorflow.org/api_docs/python/tf/math/digamma.

    >>> digamma([1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([-0.5772157], dtype=float32)>
    """
    return p.digamma(convert_to_tensor(x))


def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """The angle of the point (x, y). Follows https://www.tensorflow.org/api_docs/python/tf/math/atan2.

    >>> atan2([0.], [1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.], dtype=float32)>
    """
    return p.atan2(*convert_pair(y, x))
