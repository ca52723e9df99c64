"""`tf.raw_ops` of neural networks and random numbers: by keyword, under the kernels' names.

Invariant: each is the public function of the same meaning (graphtf/api/raw.py holds those that have none).
Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import activation, categorical, conv, lookup, losses, morphology, normalization, pooling, random
from graphtf.api.raw_naming import raw
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor


def _integers(x: Any) -> list[int]:
    return list(as_integers(x, "sizes"))


def _padding(padding: str, explicit: Any) -> Any:
    """A padding as public functions take it: pairs where it is EXPLICIT."""
    return [list(explicit[k : k + 2]) for k in range(0, len(explicit), 2)] if padding == "EXPLICIT" else padding


def _spatial(four: Any, data_format: str) -> list[int]:
    """The two of four attributes that are for height and width."""
    return list(four[1:3] if data_format == "NHWC" else four[2:4])


def Conv2D(
    *, input: Any, filter: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True, explicit_paddings: Any = (),
    data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """A convolution of images. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Conv2D."""
    return conv.conv2d(input, filter, strides, _padding(padding, explicit_paddings), data_format, dilations)


def DepthwiseConv2dNative(
    *, input: Any, filter: Any, strides: Any, padding: str, explicit_paddings: Any = (), data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """A convolution of each channel by itself.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/DepthwiseConv2dNative.
    """
    pads, gaps = _padding(padding, explicit_paddings), _spatial(dilations, data_format)
    return conv.depthwise_conv2d(input, filter, strides, pads, data_format, gaps)


def DepthwiseConv2dNativeBackpropFilter(
    *, input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: str, explicit_paddings: Any = (),
    data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the filters.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/DepthwiseConv2dNativeBackpropFilter.
    """
    pads, gaps = _padding(padding, explicit_paddings), _spatial(dilations, data_format)
    return conv.depthwise_conv2d_backprop_filter(input, filter_sizes, out_backprop, strides, pads, data_format, gaps)


def DepthwiseConv2dNativeBackpropInput(
    *, input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, explicit_paddings: Any = (),
    data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the images.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/DepthwiseConv2dNativeBackpropInput.
    """
    pads, gaps = _padding(padding, explicit_paddings), _spatial(dilations, data_format)
    return conv.depthwise_conv2d_backprop_input(input_sizes, filter, out_backprop, strides, pads, data_format, gaps)


AvgPool = raw(
    "AvgPool",
    lambda *, value, ksize, strides, padding, data_format="NHWC", name=None: pooling.avg_pool2d(
        value, ksize, strides, padding, data_format
    ),
)
AvgPool3D = raw(
    "AvgPool3D",
    lambda *, input, ksize, strides, padding, data_format="NDHWC", name=None: pooling.avg_pool3d(
        input, ksize, strides, padding, data_format
    ),
)
BiasAdd = raw(
    "BiasAdd", lambda *, value, bias, data_format="NHWC", name=None: normalization.bias_add(value, bias, data_format)
)
Conv3D = raw(
    "Conv3D",
    lambda *, input, filter, strides, padding, data_format="NDHWC", dilations=(1, 1, 1, 1, 1), name=None: conv.conv3d(
        input, filter, strides, padding, data_format, dilations
    ),
)
DepthToSpace = raw(
    "DepthToSpace",
    lambda *, input, block_size, data_format="NHWC", name=None: pooling.depth_to_space(input, block_size, data_format),
)
Dilation2D = raw(
    "Dilation2D",
    lambda *, input, filter, strides, rates, padding, name=None: morphology.dilation2d(
        input, filter, strides, padding, "NHWC", rates
    ),
)
IsotonicRegression = raw(
    "IsotonicRegression",
    lambda *, input, output_dtype=None, name=None: lookup.isotonic_regression(input, decreasing=True),
)
L2Loss = raw("L2Loss", lambda *, t, name=None: losses.l2_loss(t))
LogSoftmax = raw("LogSoftmax", lambda *, logits, name=None: activation.log_softmax(logits))
MaxPool = raw(
    "MaxPool",
    lambda *, input, ksize, strides, padding, explicit_paddings=(), data_format="NHWC", name=None: pooling.max_pool2d(
        input, ksize, strides, _padding(padding, explicit_paddings), data_format
    ),
)
MaxPool3D = raw(
    "MaxPool3D",
    lambda *, input, ksize, strides, padding, data_format="NDHWC", name=None: pooling.max_pool3d(
        input, ksize, strides, padding, data_format
    ),
)
MaxPoolV2 = raw(
    "MaxPoolV2",
    lambda *, input, ksize, strides, padding, data_format="NHWC", name=None: pooling.max_pool2d(
        input, _integers(ksize), _integers(strides), padding, data_format
    ),
)
MaxPoolWithArgmax = raw(
    "MaxPoolWithArgmax",
    lambda *, input, ksize, strides, padding, Targmax=dt.int64, include_batch_in_index=False, name=None: (
        morphology.max_pool_with_argmax(input, ksize, strides, padding, "NHWC", Targmax, include_batch_in_index)
    ),
)
Softmax = raw("Softmax", lambda *, logits, name=None: activation.softmax(logits))
SpaceToDepth = raw(
    "SpaceToDepth",
    lambda *, input, block_size, data_format="NHWC", name=None: pooling.space_to_depth(input, block_size, data_format),
)
StatelessMultinomial = raw(
    "StatelessMultinomial",
    lambda *, logits, num_samples, seed, output_dtype=dt.int64, name=None: categorical.stateless_categorical(
        logits, num_samples, seed, output_dtype
    ),
)
StatelessRandomNormal = raw(
    "StatelessRandomNormal",
    lambda *, shape, seed, dtype=dt.float32, name=None: random.stateless_normal(shape, seed, dtype=dtype),
)
StatelessRandomUniform = raw(
    "StatelessRandomUniform",
    lambda *, shape, seed, dtype=dt.float32, name=None: random.stateless_uniform(shape, seed, dtype=dtype),
)
StatelessRandomUniformInt = raw(
    "StatelessRandomUniformInt",
    lambda *, shape, seed, minval, maxval, name=None: random.stateless_uniform(
        shape, seed, minval, maxval, convert_to_tensor(minval).dtype
    ),
)
StatelessTruncatedNormal = raw(
    "StatelessTruncatedNormal",
    lambda *, shape, seed, dtype=dt.float32, name=None: random.stateless_truncated_normal(shape, seed, dtype=dtype),
)
