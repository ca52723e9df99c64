"""Means, variances and normalization of activations.

Invariant: half precision is reduced in float32. Entry points: the `tf.nn` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import reduce
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_axes, shape_vector
from graphtf.tensor import Tensor


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """value + bias, the bias along the channels. Raises ValueError for another `data_format`.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/bias_add.

    >>> bias_add([[1., 2.]], [10., 20.])
    <tf.Tensor: shape=(1, 2), dtype=float32, numpy=array([[11., 22.]], dtype=float32)>
    """
    first = data_format is not None and data_format.startswith("NC")
    if data_format is not None and not (first or data_format.startswith("N")):
        raise ValueError(f"`data_format` must be of the form `N...C` or `NC...`. Received: {data_format}")
    x = convert_to_tensor(value)
    b = convert_to_tensor(bias, x.dtype)
    rank = len(x.ir_type.dims)
    if rank < 2 or len(b.ir_type.dims) != 1:
        raise invalid(
            "bias_add", f"Must provide as many biases as channels of a tensor of rank 2 or more: {x.shape}, {b.shape}"
        )
    channels = x.ir_type.dims[1 if first else -1]
    if isinstance(channels, int) and b.ir_type.dims[0] != channels:
        raise invalid(
            "bias_add", f"Must provide as many biases as the last dimension of the input tensor: {x.shape}, {b.shape}"
        )
    return p.add(x, p.reshape(b, shape=(b.ir_type.dims[0], *(1,) * (rank - 2)))) if first else p.add(x, b)


def moments(
    x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """The mean and the variance over axes. Follows https://www.tensorflow.org/api_docs/python/tf/nn/moments.

    >>> [t.numpy().item() for t in moments([1., 3.], [0])]
    [2.0, 1.0]
    """
    given = convert_to_tensor(x)
    half = given.dtype in (dt.float16, dt.bfloat16)
    y = p.cast(given, dtype=dt.float32) if half else given
    mean = reduce.reduce_mean(y, axes, keepdims=True)
    gap = p.sub(y, p.stop_gradient(mean))
    variance = reduce.reduce_mean(
        p.mul(p.conj(gap), gap) if y.dtype.is_complex else p.mul(gap, gap), axes, keepdims=True
    )
    if not keepdims:
        gone = as_axes(axes, len(y.ir_type.dims), "moments")
        shape = tuple(d for k, d in enumerate(y.ir_type.dims) if k not in gone)
        mean, variance = p.reshape(mean, shape=shape), p.reshape(variance, shape=shape)
    return (p.cast(mean, dtype=given.dtype), p.cast(variance, dtype=given.dtype)) if half else (mean, variance)


def sufficient_statistics(
    x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Count, sum and sum of squares over axes (of x - shift), and the shift.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/sufficient_statistics.

    >>> [t.numpy().item() for t in sufficient_statistics([1., 3.], [0])[:3]]
    [2.0, 4.0, 10.0]
    """
    x = convert_to_tensor(x)
    gone = as_axes(list(set(axes)), len(x.ir_type.dims), "sufficient_statistics")
    total = product(x.ir_type.dims[k] for k in gone)
    count = (
        scalar_like(x, total)
        if isinstance(total, int)
        else p.cast(p.reshape(shape_vector((total,)), shape=()), dtype=x.dtype)
    )
    s = None if shift is None else convert_to_tensor(shift, x.dtype)
    moved = x if s is None else p.sub(x, s)
    sums = reduce.reduce_sum(moved, axes, keepdims), reduce.reduce_sum(p.mul(moved, moved), axes, keepdims)
    return count, *sums, s


def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance from sufficient statistics.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/normalize_moments.

    >>> [t.numpy().item() for t in normalize_moments(2., 4., 10., None)]
    [2.0, 1.0]
    """
    total, squares = convert_to_tensor(mean_ss), convert_to_tensor(variance_ss)
    share = p.div(scalar_like(total, 1), convert_to_tensor(counts, total.dtype))
    shifted = p.mul(total, share)
    mean = shifted if shift is None else p.add(shifted, convert_to_tensor(shift, total.dtype))
    return mean, p.sub(p.mul(squares, share), p.mul(shifted, shifted))


def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, keepdims: bool = False, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """The weighted mean and variance over axes. Follows
    https://www.tensorflow.org/api_docs/python/tf/nn/weighted_moments.

    >>> [t.numpy().item() for t in weighted_moments([1., 3.], [0], [1., 1.])]
    [2.0, 1.0]
    """
    given = convert_to_tensor(x)
    half = given.dtype in (dt.float16, dt.bfloat16)
    y = p.cast(given, dtype=dt.float32) if half else given
    w = convert_to_tensor(frequency_weights)
    w = p.cast(w, dtype=y.dtype) if w.dtype is not y.dtype else w
    weights = p.mul(w, p.broadcast(scalar_like(y, 1), shape=y.ir_type.dims))
    total = reduce.reduce_sum(weights, axes, keepdims=True)
    mean = p.div(reduce.reduce_sum(p.mul(weights, y), axes, keepdims=True), total)
    gap = p.sub(y, mean)
    variance = p.div(reduce.reduce_sum(p.mul(weights, p.mul(gap, gap)), axes, keepdims=True), total)
    if not keepdims:
        gone = as_axes(axes, len(y.ir_type.dims), "weighted_moments")
        shape = tuple(d for k, d in enumerate(mean.ir_type.dims) if k not in gone)
        mean, variance = p.reshape(mean, shape=shape), p.reshape(variance, shape=shape)
    return (p.cast(mean, dtype=given.dtype), p.cast(variance, dtype=given.dtype)) if half else (mean, variance)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None
) -> Tensor:
    """scale (x - mean) / √(variance + epsilon) + offset.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/batch_normalization.

    >>> batch_normalization([3.], [1.], [4.], None, None, 0.)
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    x = convert_to_tensor(x)
    m, v = convert_to_tensor(mean), convert_to_tensor(variance)
    factor = p.rsqrt(p.add(v, convert_to_tensor(variance_epsilon, v.dtype)))
    if scale is not None:
        factor = p.mul(factor, convert_to_tensor(scale, factor.dtype))
    shift = p.neg(p.mul(m, factor)) if offset is None else p.sub(convert_to_tensor(offset, m.dtype), p.mul(m, factor))
    factor, shift = (t if t.dtype is x.dtype else p.cast(t, dtype=x.dtype) for t in (factor, shift))
    return p.add(p.mul(x, factor), shift)


def batch_norm_with_global_normalization(
    input: Any, mean: Any, variance: Any, beta: Any, gamma: Any, variance_epsilon: Any, scale_after_normalization: bool,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """`batch_normalization` under its old name.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/batch_norm_with_global_normalization.

    >>> batch_norm_with_global_normalization([3.], [1.], [4.], [0.], [1.], 0., False)
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>
    """
    return batch_normalization(
        input, mean, variance, beta, gamma if scale_after_normalization else None, variance_epsilon
    )


def l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12, name: str | None = None, dim: Any = None) -> Tensor:
    """x / √max(Σ|x|², epsilon). Follows https://www.tensorflow.org/api_docs/python/tf/math/l2_normalize.

    >>> l2_normalize([3., 4.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.6, 0.8], dtype=float32)>
    """
    x = convert_to_tensor(x)
    axis = dim if axis is None else axis
    if x.dtype.is_complex:
        squares = p.real(p.mul(x, p.conj(x)))
        total = reduce.reduce_sum(squares, axis, keepdims=True)
        factor = p.rsqrt(p.maximum(total, convert_to_tensor(epsilon, total.dtype)))
        return p.complex(p.mul(p.real(x), factor), p.mul(p.imag(x), factor))
    total = reduce.reduce_sum(p.mul(x, x), axis, keepdims=True)
    return p.mul(x, p.rsqrt(p.maximum(total, convert_to_tensor(epsilon, total.dtype))))


def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5, name: str | None = None
) -> Tensor:
    """x / (bias + alpha Σ x²)^beta, the sum over neighbouring channels.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/local_response_normalization.

    >>> local_response_normalization([[[[0., 1.]]]], depth_radius=0)
    <tf.Tensor: shape=(1, 1, 1, 2), dtype=float32, numpy=array([[[[0.       , 0.7071068]]]], dtype=float32)>
    """
    x = convert_to_tensor(input)
    if len(x.ir_type.dims) != 4:
        raise invalid("local_response_normalization", f"in must be 4-dimensional, got shape {x.shape}")
    r = int(depth_radius)
    sums = p.window_sum(p.mul(x, x), window=(1, 1, 1, 2 * r + 1), strides=(1,) * 4, padding=((0, 0),) * 3 + ((r, r),))
    base = p.add(scalar_like(x, bias), p.mul(scalar_like(x, alpha), sums))
    return p.mul(x, p.pow(base, scalar_like(x, -beta)))


def fused_batch_norm(
    x: Any, scale: Any, offset: Any, mean: Any = None, variance: Any = None, epsilon: float = 0.001,
    data_format: str = "NHWC", is_training: bool = True, name: str | None = None, exponential_avg_factor: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Batch normalization of images by their own moments (training), or by given ones; and the running moments.

    Raises ValueError for missing moments, InvalidArgumentError (tracing: ValueError) for x without 4 or 5 axes.
    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/fused_batch_norm.

    >>> fused_batch_norm([[[[1.]], [[3.]]]], [1.], [0.])[1]
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([2.], dtype=float32)>
    """
    given = convert_to_tensor(x)
    if len(given.ir_type.dims) not in (4, 5):
        raise invalid("fused_batch_norm", f"input must be 4 or 5-dimensional, got {given.shape}")
    if (not is_training or exponential_avg_factor != 1) and (mean is None or variance is None):
        raise ValueError("Both `mean` and `variance` must be given unless training with exponential_avg_factor=1.")
    rank = len(given.ir_type.dims)
    first = data_format.startswith("NC")
    y = p.transpose(given, perm=(0, *range(2, rank), 1)) if first else given
    y = p.cast(y, dtype=dt.float32) if y.dtype in (dt.float16, dt.bfloat16) else y
    axes = tuple(range(rank - 1))
    eps = max(float(epsilon), _LEAST_EPSILON)
    if is_training:
        m = p.div(p.reduce_sum(y, axes=axes), scalar_like(y, product(y.ir_type.dims[:-1])))
        gap = p.sub(y, m)
        v = p.div(p.reduce_sum(p.mul(gap, gap), axes=axes), scalar_like(y, product(y.ir_type.dims[:-1])))
        moments = _running(m, v, y, mean, variance, exponential_avg_factor)
    else:
        m, v = moments = tuple(convert_to_tensor(t, y.dtype) for t in (mean, variance))
    out = p.cast(batch_normalization(y, m, v, offset, scale, eps), dtype=given.dtype)
    out = p.transpose(out, perm=(0, rank - 1, *range(1, rank - 1))) if first else out
    return out, *(p.stop_gradient(t) for t in moments)  # type: ignore[return-value]


_LEAST_EPSILON = 1.001e-5


def _running(m: Tensor, v: Tensor, y: Tensor, mean: Any, variance: Any, share: float) -> tuple[Tensor, Tensor]:
    """The moments of the batch, its variance without bias, mixed into those before."""
    count = product(y.ir_type.dims[:-1])
    one = scalar_like(y, 1)
    v = p.mul(v, p.div(scalar_like(y, count), p.maximum(p.sub(scalar_like(y, count), one), one)))
    if share == 1:
        return m, v
    keep, add = scalar_like(y, 1 - share), scalar_like(y, share)
    before = (convert_to_tensor(t, y.dtype) for t in (mean, variance))
    return tuple(p.add(p.mul(old, keep), p.mul(new, add)) for old, new in zip(before, (m, v)))  # type: ignore[return-value]
