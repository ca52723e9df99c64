"""Losses of neural networks, in forms that neither overflow nor cancel.

Invariant: gradients are TensorFlow's: softmax cross-entropy's is softmax(x) - labels, whatever the labels sum to. Entry
points: the `tf.nn` functions below.
"""

from __future__ import annotations

import math
from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import tracing, wrong_dtype
from graphtf.scopes import replicas_together
from graphtf.sizes import as_axis
from graphtf.tensor import EagerTensor, Tensor

_HALVES = (dt.float16, dt.bfloat16)


def _precise(x: Tensor) -> Tensor:
    """Half precision is computed in float32."""
    return p.cast(x, dtype=dt.float32) if x.dtype in _HALVES else x


def _log_sum(logits: Tensor) -> tuple[Tensor, Tensor]:
    """x - max x and log Σ e^(x - max x), along the last axis."""
    last = len(logits.ir_type.dims) - 1
    top = p.stop_gradient(p.reduce_max(logits, axes=(last,)))
    z = p.sub(logits, p.reshape(top, shape=(*top.ir_type.dims, 1)))
    return z, p.log(p.reduce_sum(p.exp(z), axes=(last,)))


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """-Σ labels · log softmax(logits) along an axis.

    Raises InvalidArgumentError (tracing: ValueError) where shapes differ.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits.

    >>> softmax_cross_entropy_with_logits([[1., 0.]], [[0., 0.]])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.6931472], dtype=float32)>
    """
    x = convert_to_tensor(logits)
    y = convert_to_tensor(labels, dtype_hint=x.dtype)
    given, x = x.dtype, _precise(x)
    y = p.cast(y, dtype=x.dtype) if y.dtype is not x.dtype else y
    rank = len(x.ir_type.dims)
    k = as_axis(axis, rank, "softmax_cross_entropy_with_logits")
    if k != rank - 1:
        order = (*(j for j in range(rank) if j != k), k)
        x, y = p.transpose(x, perm=order), p.transpose(y, perm=order)
    z, log_sum = _log_sum(x)
    last = (len(p.mul(y, z).ir_type.dims) - 1,)
    total = p.reduce_sum(p.broadcast(y, shape=z.ir_type.dims) if y.ir_type.dims != z.ir_type.dims else y, axes=last)
    excess = p.mul(p.sub(total, scalar_like(total, 1)), p.stop_gradient(log_sum))
    loss = p.add(p.sub(log_sum, p.reduce_sum(p.mul(y, z), axes=last)), excess)
    return p.cast(loss, dtype=given) if given is not x.dtype else loss


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Tensor:
    """-log softmax(logits) at the labels, which count classes along the last axis.

    Raises InvalidArgumentError for a label out of range, ValueError where shapes do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/sparse_softmax_cross_entropy_with_logits.

    >>> sparse_softmax_cross_entropy_with_logits([1], [[0., 0.]])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.6931472], dtype=float32)>
    """
    at, x = convert_to_tensor(labels), convert_to_tensor(logits)
    if not x.ir_type.dims:
        raise ValueError(f"`logits` cannot be a scalar. Received logits={x}")
    if len(at.ir_type.dims) != len(x.ir_type.dims) - 1:
        raise ValueError(
            f"`labels.shape.rank` must equal `logits.shape.rank - 1`. Received: labels.shape={at.shape} of rank "
            f"{at.shape.rank} and logits.shape={x.shape} of rank {x.shape.rank}"
        )
    if not at.shape.is_compatible_with(x.shape[:-1]):
        raise ValueError(
            "`labels.shape` must equal `logits.shape` except for the last dimension. Received: "
            f"labels.shape={at.shape} and "
            f"logits.shape={x.shape}"
        )
    if not at.dtype.is_integer:
        raise wrong_dtype("sparse_softmax_cross_entropy_with_logits", f"labels must be integers, got {at.dtype.name}")
    given, x = x.dtype, _precise(x)
    z, log_sum = _log_sum(x)
    dims = z.ir_type.dims
    at = _checked_labels(at, dims[-1])
    column = p.reshape(at, shape=(*at.ir_type.dims, 1))
    chosen = p.eq(p.iota(shape=dims, axis=len(dims) - 1, dtype=at.dtype), column)
    picked = p.reduce_sum(p.select(chosen, z, scalar_like(z, 0)), axes=(len(dims) - 1,))
    loss = p.sub(log_sum, picked)
    return p.cast(loss, dtype=given) if given is not x.dtype else loss


def _checked_labels(labels: Tensor, classes: Any) -> Tensor:
    """The labels, known to be in range when the program goes on."""
    message = f"Received a label value which is outside the valid range of [0, {classes})."
    if isinstance(labels, EagerTensor):
        array = labels._array
        if array.size and (array.min() < 0 or array.max() >= classes):
            raise InvalidArgumentError(None, None, message)
        return labels
    if tracing() and isinstance(classes, int):
        inside = p.logical_and(p.ge(labels, scalar_like(labels, 0)), p.lt(labels, scalar_like(labels, classes)))
        assert_(p.reduce_all(inside, axes=tuple(range(len(labels.ir_type.dims)))), message=message)
    return labels


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Tensor:
    """-(y log σ(x) + (1 - y) log(1 - σ(x))), elementwise. Raises ValueError where shapes differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits.

    >>> sigmoid_cross_entropy_with_logits(labels=[1.], logits=[0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.6931472], dtype=float32)>
    """
    if labels is None or logits is None:
        raise ValueError("Both `labels` and `logits` must be provided.")
    x, y = convert_pair(logits, labels)
    if not x.shape.is_compatible_with(y.shape):
        raise ValueError(f"`logits` and `labels` must have the same shape, received ({x.shape} vs {y.shape}).")
    return p.sub(p.softplus(x), p.mul(x, y))


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Tensor:
    """Sigmoid cross-entropy with the terms of positive labels weighted. Raises ValueError where shapes differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/weighted_cross_entropy_with_logits.

    >>> weighted_cross_entropy_with_logits([1.], [0.], 2.)
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.3862944], dtype=float32)>
    """
    x, y = convert_pair(logits, labels)
    if not x.shape.is_compatible_with(y.shape):
        raise ValueError(f"`logits` and `labels` must have the same shape, received ({x.shape} vs {y.shape}).")
    weight, one = convert_to_tensor(pos_weight, x.dtype), scalar_like(x, 1)
    slope = p.add(one, p.mul(p.sub(weight, one), y))
    return p.add(p.mul(p.sub(one, y), x), p.mul(slope, p.softplus(p.neg(x))))


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Σ t² / 2. Follows https://www.tensorflow.org/api_docs/python/tf/nn/l2_loss.

    >>> l2_loss([3., 4.])
    <tf.Tensor: shape=(), dtype=float32, numpy=12.5>
    """
    x = convert_to_tensor(t)
    total = p.reduce_sum(p.mul(x, x), axes=tuple(range(len(x.ir_type.dims))))
    return p.div(total, scalar_like(total, 2))


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """e^c - z c, for c = log_input and z = targets; with `compute_full_loss`, plus Stirling's log z!.

    Raises ValueError where shapes differ. Follows https://www.tensorflow.org/api_docs/python/tf/nn/log_poisson_loss.

    >>> log_poisson_loss([1.], [0.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    c, z = convert_pair(log_input, targets)
    if not c.shape.is_compatible_with(z.shape):
        raise ValueError(f"`log_input` and `targets` must have the same shape, received ({c.shape} vs {z.shape}).")
    loss = p.sub(p.exp(c), p.mul(c, z))
    if not compute_full_loss:
        return loss
    one = scalar_like(z, 1)
    stirling = p.add(
        p.sub(p.mul(z, p.log(z)), z), p.mul(scalar_like(z, 0.5), p.log(p.mul(scalar_like(z, 2 * math.pi), z)))
    )
    small = p.logical_and(p.ge(z, scalar_like(z, 0)), p.le(z, one))
    return p.add(loss, p.select(small, p.mul(z, scalar_like(z, 0)), stirling))


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Tensor:
    """The sum of per-example losses (weighted) over the size of the batch, which replicas have equal shares of.

    Raises RuntimeError outside of replicas in a strategy's scope, if the size is not given.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/compute_average_loss.

    >>> compute_average_loss([1., 3.])
    <tf.Tensor: shape=(), dtype=float32, numpy=2.0>
    """
    from graphtf.api.reduce import reduce_sum
    from graphtf.api.shaping import size

    losses = convert_to_tensor(per_example_loss)
    given = losses.dtype
    if not losses.ir_type.dims:
        raise ValueError(
            f"Invalid value passed for `per_example_loss`. Expected a tensor with at least rank 1. Received: {losses}"
        )
    if sample_weight is not None:
        weights = convert_to_tensor(sample_weight)
        weights = p.cast(weights, dtype=given)
        extra = len(losses.ir_type.dims) - len(weights.ir_type.dims)
        losses = p.mul(losses, p.reshape(weights, shape=(*weights.ir_type.dims, *(1,) * max(0, extra))))
    count = size(losses) if global_batch_size is None else convert_to_tensor(global_batch_size)
    if len(losses.ir_type.dims) and global_batch_size is None:
        count = p.reshape(p.dims(dims=losses.ir_type.dims[:1], dtype=dt.int32), shape=())
        replicas = replicas_together("compute_average_loss")
        count = count if replicas == 1 else p.mul(count, replicas)
    if not count.dtype.is_integer:
        raise TypeError(f"`global_batch_size` must be an int, got {count.dtype}")
    return p.div(reduce_sum(losses), p.cast(count, dtype=given))


def scale_regularization_loss(regularization_loss: Any) -> Tensor:
    """The sum of a regularization loss, of which each replica in sync takes its share.

    Raises RuntimeError outside of replicas in a strategy's scope.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/scale_regularization_loss.

    >>> scale_regularization_loss([1., 2.])
    <tf.Tensor: shape=(), dtype=float32, numpy=3.0>
    """
    from graphtf.api.reduce import reduce_sum

    total, replicas = reduce_sum(convert_to_tensor(regularization_loss)), replicas_together("scale_regularization_loss")
    return total if replicas == 1 else p.div(total, replicas)
