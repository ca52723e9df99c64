"""Activation functions of neural networks.

Invariant: elementwise, or along one axis; gradients follow TensorFlow's at the kinks. Entry points: the `tf.nn`
functions below.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred_like
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import UnimplementedError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid, tracing, wrong_dtype
from graphtf.sizes import as_axis
from graphtf.tensor import Tensor

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _real(features: Any, name: str) -> Tensor:
    x = convert_to_tensor(features)
    if not (x.dtype.is_floating or x.dtype.is_integer):
        raise wrong_dtype(name, f"expected real numbers, got {x.dtype.name}")
    return x


def _floating(features: Any, name: str) -> Tensor:
    x = convert_to_tensor(features)
    if not x.dtype.is_floating:
        raise wrong_dtype(name, f"expected floats, got {x.dtype.name}")
    return x


def relu(features: Any, name: str | None = None) -> Tensor:
    """max(x, 0). Follows https://www.tensorflow.org/api_docs/python/tf/nn/relu.

    >>> relu([-2., 3.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 3.], dtype=float32)>
    """
    return p.relu(_real(features, "relu"))


def relu6(features: Any, name: str | None = None) -> Tensor:
    """min(max(x, 0), 6). Follows https://www.tensorflow.org/api_docs/python/tf/nn/relu6.

    >>> relu6([-2., 3., 7.])
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([0., 3., 6.], dtype=float32)>
    """
    x = _real(features, "relu6")
    six = scalar_like(x, 6)
    return relu(p.select(p.ge(x, six), six, x))


def _single(value: Any, x: Tensor) -> Tensor:
    """A number in x's dtype, rounded to single precision first, as an attribute of a kernel is."""
    return convert_to_tensor(value if is_tensor_like(value) else float(np.float32(value)), x.dtype)


def leaky_relu(features: Any, alpha: Any = 0.2, name: str | None = None) -> Tensor:
    """x where positive, else alpha·x. Follows https://www.tensorflow.org/api_docs/python/tf/nn/leaky_relu.

    >>> leaky_relu([-1., 3.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([-0.2,  3. ], dtype=float32)>
    """
    x = convert_to_tensor(features)
    if x.dtype.is_integer:
        x = p.cast(x, dtype=convert_to_tensor(0.0).dtype)
    return p.select(p.gt(x, scalar_like(x, 0)), x, p.mul(x, _single(alpha, x)))


def elu(features: Any, name: str | None = None) -> Tensor:
    """x where positive, else eˣ - 1. Follows https://www.tensorflow.org/api_docs/python/tf/nn/elu.

    >>> elu([0., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 2.], dtype=float32)>
    """
    x = _floating(features, "elu")
    below = p.lt(x, scalar_like(x, 0))
    return p.select(below, p.expm1(p.select(below, x, scalar_like(x, 0))), x)


def selu(features: Any, name: str | None = None) -> Tensor:
    """The scaled `elu` that keeps mean 0 and variance 1. Follows https://www.tensorflow.org/api_docs/python/tf/nn/selu.

    >>> selu([0., 1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.       , 1.0507009], dtype=float32)>
    """
    x = _floating(features, "selu")
    below = p.lt(x, scalar_like(x, 0))
    low = p.mul(p.expm1(p.select(below, x, scalar_like(x, 0))), scalar_like(x, _SELU_SCALE * _SELU_ALPHA))
    return p.select(below, low, p.mul(x, scalar_like(x, _SELU_SCALE)))


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Tensor:
    """x·Φ(x), with Φ the normal distribution function. Raises ValueError for integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/gelu.

    >>> gelu([0., 1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.        , 0.84134465], dtype=float32)>
    """
    x = convert_to_tensor(features)
    if not x.dtype.is_floating:
        raise ValueError(f"`features.dtype` must be a floating point tensor. Received: features.dtype={x.dtype}")
    half, one = scalar_like(x, 0.5), scalar_like(x, 1)
    if approximate:
        cube = p.mul(_single(0.044715, x), p.mul(x, p.mul(x, x)))
        inner = p.tanh(p.mul(scalar_like(x, math.sqrt(2 / math.pi)), p.add(x, cube)))
    else:
        inner = p.erf(p.mul(x, _single(math.sqrt(0.5), x)))
    return p.mul(p.mul(half, x), p.add(one, inner))


def silu(features: Any, beta: Any = 1.0) -> Tensor:
    """x·σ(beta·x), also called swish. Follows https://www.tensorflow.org/api_docs/python/tf/nn/silu.

    >>> silu([0., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.       , 1.7615942], dtype=float32)>
    """
    x = convert_to_tensor(features)
    if not x.dtype.is_inexact:
        if x.dtype is dt.string and not tracing():
            raise UnimplementedError(None, None, "silu: strings have no product")
        raise wrong_dtype("silu", f"expected floats, got {x.dtype.name}")
    return p.mul(x, p.sigmoid(p.mul(x, convert_to_tensor(beta, x.dtype))))


def crelu(features: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """relu(x) and relu(-x), joined. Follows https://www.tensorflow.org/api_docs/python/tf/nn/crelu.

    >>> crelu([-1., 2.])
    <tf.Tensor: shape=(4,), dtype=float32, numpy=array([0., 2., 1., 0.], dtype=float32)>
    """
    x = convert_to_tensor(features)
    k = as_axis(axis, len(x.ir_type.dims), "crelu")
    return relu(p.concat(x, p.neg(x), axis=k))


def _shifted(logits: Any, axis: Any, name: str) -> tuple[Tensor, int]:
    """x - max x along an axis, which softmax does not notice."""
    x = _floating(logits, name)
    if not x.ir_type.dims:
        raise invalid(name, "logits must have at least one axis")
    rank = len(x.ir_type.dims)
    if isinstance(axis, int) and not -rank <= axis < rank:
        raise failed(name, f"`dim` must be in the range [{-rank}, {rank}) of the input's axes, got {axis}")
    k = as_axis(-1 if axis is None else axis, rank, name)
    return p.sub(x, p.stop_gradient(_kept(p.reduce_max(x, axes=(k,)), x, k))), k


def _of_any_rank(function: Any, logits: Any, axis: Any) -> Tensor:
    """Along an axis of a tensor whose rank only run time knows."""
    x = convert_to_tensor(logits)
    return deferred_like(lambda t: function(t, axis), [x], x, None)


def _kept(reduced: Tensor, x: Tensor, axis: int) -> Tensor:
    dims = x.ir_type.dims
    return p.reshape(reduced, shape=(*dims[:axis], 1, *dims[axis + 1 :]))


def softmax(logits: Any, axis: Any = None, name: str | None = None) -> Tensor:
    """eˣ / Σ eˣ along an axis, by default the last. Follows https://www.tensorflow.org/api_docs/python/tf/nn/softmax.

    >>> softmax([0., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5, 0.5], dtype=float32)>
    """
    if convert_to_tensor(logits).shape.rank is None:
        return _of_any_rank(softmax, logits, axis)
    z, k = _shifted(logits, axis, "softmax")
    e = p.exp(z)
    total = p.reduce_sum(e, axes=(k,))
    return p.mul(e, _kept(p.div(scalar_like(total, 1), total), e, k))  # one division a row, as in TensorFlow


def log_softmax(logits: Any, axis: Any = None, name: str | None = None) -> Tensor:
    """log softmax(x). Follows https://www.tensorflow.org/api_docs/python/tf/nn/log_softmax.

    >>> log_softmax([0., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([-0.6931472, -0.6931472], dtype=float32)>
    """
    if convert_to_tensor(logits).shape.rank is None:
        return _of_any_rank(log_softmax, logits, axis)
    z, k = _shifted(logits, axis, "log_softmax")
    return p.sub(z, _kept(p.log(p.reduce_sum(p.exp(z), axes=(k,))), z, k))
