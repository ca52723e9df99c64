"""`tf.raw_ops` that are gradients of others, or give several results: by keyword, under the kernels' names.

Invariant: y stands for the forward result and dy for its cotangent, as in TensorFlow's kernels. Follows
https://www.tensorflow.org/api_docs/python/tf/raw_ops. Entry points: the functions below.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api import conv, factorize, losses, normalization, pooling, reduce
from graphtf.api.raw_naming import raw
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_integers
from graphtf.tape import GradientTape
from graphtf.tensor import Tensor

SvdResult = namedtuple("Svd", ["s", "u", "v"])
SelfAdjointEigV2Result = namedtuple("SelfAdjointEigV2", ["e", "v"])
CrossEntropyResult = namedtuple("SoftmaxCrossEntropyWithLogits", ["loss", "backprop"])
BatchNormResult = namedtuple(
    "FusedBatchNormV3",
    ["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"],
)
BroadcastGradientArgsResult = namedtuple("BroadcastGradientArgs", ["r0", "r1"])


# ---- of elementwise functions ----------------------------------------------------------------------------------------


def _by_result(name: str, rule: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def gradient(*, y: Any, dy: Any, name: str | None = None) -> Tensor:
        t = convert_to_tensor(y)
        return rule(t, convert_to_tensor(dy, None if isinstance(dy, Tensor) else t.dtype))

    return raw(name, gradient, "The cotangent of the operand, from the result y and its cotangent dy.")


def _by_operand(name: str, second: str, rule: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def gradient(*, gradients: Any, name: str | None = None, **given: Any) -> Tensor:
        if set(given) != {second}:
            raise TypeError(f"expected the keywords gradients and {second}, got {sorted(given)}")
        t = convert_to_tensor(given[second])
        return rule(t, convert_to_tensor(gradients, None if isinstance(gradients, Tensor) else t.dtype))

    return raw(name, gradient, f"The cotangent of the operand, from that of the result and `{second}`.")


def _one(x: Tensor) -> Tensor:
    return scalar_like(x, 1)


SigmoidGrad = _by_result("SigmoidGrad", lambda y, dy: dy * y * (_one(y) - y))
TanhGrad = _by_result("TanhGrad", lambda y, dy: dy * (_one(y) - y * y))
SqrtGrad = _by_result("SqrtGrad", lambda y, dy: dy * scalar_like(y, 0.5) / y)
RsqrtGrad = _by_result("RsqrtGrad", lambda y, dy: dy * scalar_like(y, -0.5) * y * y * y)
ReciprocalGrad = _by_result("ReciprocalGrad", lambda y, dy: -dy * y * y)
InvGrad = _by_result("InvGrad", lambda y, dy: -dy * y * y)

ReluGrad = _by_operand("ReluGrad", "features", lambda x, dy: p.relu_grad(dy, x))
Relu6Grad = _by_operand(
    "Relu6Grad", "features", lambda x, dy: p.select(p.lt(x, scalar_like(x, 6)), p.relu_grad(dy, x), scalar_like(x, 0))
)
EluGrad = _by_operand(
    "EluGrad", "outputs", lambda y, dy: p.select(p.lt(y, scalar_like(y, 0)), dy * (y + _one(y)), dy)
)
_SCALE, _SCALE_ALPHA = 1.0507009873554804934193349852946, 1.7580993408473768599402175208123
SeluGrad = _by_operand(
    "SeluGrad", "outputs",
    lambda y, dy: p.select(
        p.lt(y, scalar_like(y, 0)), dy * (y + scalar_like(y, _SCALE_ALPHA)), dy * scalar_like(y, _SCALE)
    ),
)  # fmt: skip
SoftplusGrad = _by_operand("SoftplusGrad", "features", lambda x, dy: dy * p.sigmoid(x))
SoftsignGrad = _by_operand(
    "SoftsignGrad", "features", lambda x, dy: dy / ((_one(x) + p.abs(x)) * (_one(x) + p.abs(x)))
)


def LeakyReluGrad(*, gradients: Any, features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """The cotangent of the operand. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/LeakyReluGrad."""
    x, dy = convert_to_tensor(features), convert_to_tensor(gradients)
    return p.select(p.gt(x, scalar_like(x, 0)), dy, dy * scalar_like(x, alpha))


# ---- of neural networks ----------------------------------------------------------------------------------------------


def BiasAddGrad(*, out_backprop: Any, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """The sum over all axes but that of the channels.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/BiasAddGrad.
    """
    x = convert_to_tensor(out_backprop)
    channels = len(x.ir_type.dims) - 1 if data_format == "NHWC" else 1
    return p.reduce_sum(x, axes=tuple(k for k in range(len(x.ir_type.dims)) if k != channels))


def _pulled(function: Callable[[Tensor], Tensor], shape: Any, ct: Any, like: Any) -> Tensor:
    """The cotangent of an operand of this shape, of a function that is linear in it."""
    dims = shape if isinstance(shape, tuple) else as_integers(shape, "sizes")
    x = p.broadcast(scalar_like(convert_to_tensor(like), 0), shape=tuple(dims))
    with GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, convert_to_tensor(ct))  # type: ignore[no-any-return]


def _padding(padding: str, explicit: Any) -> Any:
    return [list(explicit[k : k + 2]) for k in range(0, len(explicit), 2)] if padding == "EXPLICIT" else padding


def Conv2DBackpropInput(
    *, input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    explicit_paddings: Any = (), data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the images.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv2DBackpropInput.
    """
    pads = _padding(padding, explicit_paddings)
    run = lambda x: conv.conv2d(x, filter, strides, pads, data_format, dilations)  # noqa: E731
    return _pulled(run, input_sizes, out_backprop, out_backprop)


def Conv2DBackpropFilter(
    *, input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    explicit_paddings: Any = (), data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the filters.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv2DBackpropFilter.
    """
    pads = _padding(padding, explicit_paddings)
    run = lambda w: conv.conv2d(input, w, strides, pads, data_format, dilations)  # noqa: E731
    return _pulled(run, filter_sizes, out_backprop, out_backprop)


def Conv3DBackpropInputV2(
    *, input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, data_format: str = "NDHWC",
    dilations: Any = (1, 1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the volumes.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv3DBackpropInputV2.
    """
    run = lambda x: conv.conv3d(x, filter, strides, padding, data_format, dilations)  # noqa: E731
    return _pulled(run, input_sizes, out_backprop, out_backprop)


def Conv3DBackpropFilterV2(
    *, input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: str, data_format: str = "NDHWC",
    dilations: Any = (1, 1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the filters.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv3DBackpropFilterV2.
    """
    run = lambda w: conv.conv3d(input, w, strides, padding, data_format, dilations)  # noqa: E731
    return _pulled(run, filter_sizes, out_backprop, out_backprop)


def AvgPoolGrad(
    *, orig_input_shape: Any, grad: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of what was averaged. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/AvgPoolGrad."""
    run = lambda x: pooling.avg_pool2d(x, ksize, strides, padding, data_format)  # noqa: E731
    return _pulled(run, orig_input_shape, grad, grad)


def MaxPoolGrad(
    *, orig_input: Any, orig_output: Any, grad: Any, ksize: Any, strides: Any, padding: str,
    explicit_paddings: Any = (), data_format: str = "NHWC", name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of what the maxima were taken of.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/MaxPoolGrad.
    """
    x = convert_to_tensor(orig_input)
    with GradientTape() as tape:
        tape.watch(x)
        y = pooling.max_pool2d(x, ksize, strides, _padding(padding, explicit_paddings), data_format)
    return tape.gradient(y, x, convert_to_tensor(grad))  # type: ignore[no-any-return]


def FusedBatchNormV3(
    *, x: Any, scale: Any, offset: Any, mean: Any, variance: Any, epsilon: float = 1e-4,
    exponential_avg_factor: float = 1, data_format: str = "NHWC", is_training: bool = True, name: str | None = None,
) -> Any:  # fmt: skip
    """Normalised channels, and the moments: of the batch while training, else those given.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/FusedBatchNormV3.
    """
    given = (mean, variance) if not is_training or exponential_avg_factor != 1 else (None, None)
    y, m, v = normalization.fused_batch_norm(
        x, scale, offset, *given, epsilon, data_format, is_training, None, exponential_avg_factor
    )
    t = convert_to_tensor(x)
    channels = 1 if data_format == "NCHW" else len(t.ir_type.dims) - 1
    axes = tuple(k for k in range(len(t.ir_type.dims)) if k != channels)
    wide = p.cast(t, dtype=m.dtype)
    of_batch = (reduce.reduce_mean(wide, axes), reduce.reduce_variance(wide, axes)) if is_training else (m, v)
    return BatchNormResult(y, m, v, *of_batch, convert_to_tensor(np.zeros(0, m.dtype.np)))


def SoftmaxCrossEntropyWithLogits(*, features: Any, labels: Any, name: str | None = None) -> Any:
    """The loss of each row, and its derivative by the logits.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SoftmaxCrossEntropyWithLogits.
    """
    x = convert_to_tensor(features)
    with GradientTape() as tape:
        tape.watch(x)
        loss = losses.softmax_cross_entropy_with_logits(labels=labels, logits=x)
    return CrossEntropyResult(loss, tape.gradient(loss, x))


def SparseSoftmaxCrossEntropyWithLogits(*, features: Any, labels: Any, name: str | None = None) -> Any:
    """The loss of each row for the class that is right, and its derivative by the logits.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SparseSoftmaxCrossEntropyWithLogits.
    """
    x = convert_to_tensor(features)
    with GradientTape() as tape:
        tape.watch(x)
        loss = losses.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x)
    return CrossEntropyResult(loss, tape.gradient(loss, x))


# ---- of several results, and others ----------------------------------------------------------------------------------


def Svd(*, input: Any, compute_uv: bool = True, full_matrices: bool = False, name: str | None = None) -> Any:
    """Singular values, and vectors if asked for. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Svd."""
    found = factorize.svd(input, full_matrices, compute_uv)
    empty = convert_to_tensor(np.zeros((), convert_to_tensor(input).dtype.np))
    return SvdResult(*found) if compute_uv else SvdResult(found, empty, empty)


def SelfAdjointEigV2(*, input: Any, compute_v: bool = True, name: str | None = None) -> Any:
    """Eigenvalues of a self-adjoint matrix, and vectors if asked for.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/SelfAdjointEigV2.
    """
    if compute_v:
        return SelfAdjointEigV2Result(*factorize.eigh(input))
    empty = convert_to_tensor(np.zeros((), convert_to_tensor(input).dtype.np))
    return SelfAdjointEigV2Result(factorize.eigvalsh(input), empty)


def PopulationCount(*, x: Any, name: str | None = None) -> Tensor:
    """How many bits are set: uint8. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/PopulationCount.

    >>> PopulationCount(x=[0, 7, -1]).numpy().tolist()
    [0, 3, 32]
    """
    return p.cast(p.popcount(convert_to_tensor(x)), dtype=dt.uint8)


def PreventGradient(*, input: Any, message: str = "", name: str | None = None) -> Tensor:
    """The same value; a gradient that is asked of it is refused.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/PreventGradient.
    """
    from graphtf.api.custom import custom_gradient  # traces its function

    def refuse(*cts: Any) -> Any:
        raise LookupError(f"Gradient explicitly disabled. Reason: {message}")

    return custom_gradient(lambda x: (p.reshape(x, shape=x.ir_type.dims), refuse))(convert_to_tensor(input))  # type: ignore[no-any-return]


def NoOp(*, name: str | None = None) -> None:
    """Nothing. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/NoOp."""


def BroadcastGradientArgs(*, s0: Any, s1: Any, name: str | None = None) -> Any:
    """The axes to sum over, to undo the broadcast of two shapes against each other.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/BroadcastGradientArgs.

    >>> [r.numpy().tolist() for r in BroadcastGradientArgs(s0=[2, 1], s1=[3])]
    [[1], [0]]
    """
    first, second = as_integers(s0, "s0"), as_integers(s1, "s1")
    rank = max(len(first), len(second))
    a, b = ((1,) * (rank - len(s)) + tuple(s) for s in (first, second))
    if any(d != e and 1 not in (d, e) for d, e in zip(a, b)):
        raise invalid("BroadcastGradientArgs", f"Incompatible shapes: {list(first)} and {list(second)}")
    kind = convert_to_tensor(s0).dtype.np
    axes = ([k for k, d in enumerate(x) if d == 1] for x in (a, b))
    return BroadcastGradientArgsResult(*(convert_to_tensor(np.array(x, kind)) for x in axes))


def DataFormatVecPermute(
    *, x: Any, src_format: str = "NHWC", dst_format: str = "NCHW", name: str | None = None
) -> Tensor:
    """A vector (or rows) of one entry for each axis, in the order of another format.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/DataFormatVecPermute.

    >>> DataFormatVecPermute(x=[1, 2, 3, 4]).numpy().tolist()
    [1, 4, 2, 3]
    """
    t = convert_to_tensor(x)
    return p.gather(t, convert_to_tensor([src_format.index(c) for c in dst_format]), axis=0, batch_dims=0)


def DataFormatDimMap(
    *, x: Any, src_format: str = "NHWC", dst_format: str = "NCHW", name: str | None = None
) -> Tensor:
    """Axes of one format as those of another.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/DataFormatDimMap.

    >>> DataFormatDimMap(x=[1, -1]).numpy().tolist()
    [2, 1]
    """
    t = convert_to_tensor(x)
    places = convert_to_tensor([dst_format.index(c) for c in src_format], t.dtype)
    at = p.select(p.lt(t, full_like(t, 0)), t + scalar_like(t, len(src_format)), t)
    return p.gather(places, at, axis=0, batch_dims=0)
