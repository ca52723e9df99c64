"""Convolutions, their transposes, depthwise and separable forms.

Invariant: channels-last inside; filters are [*window, input channels, output channels]. Entry points: the `tf.nn`
functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from graphtf.api.windows import Layout, Pads, fits, layout, paddings, spread
from graphtf.convert import convert_pair, convert_to_tensor
from graphtf.deferred import deferred_like
from graphtf.functions.trace import active_trace
from graphtf.ir.dims import Dim
from graphtf.ir.errors import InvalidArgumentError, UnimplementedError, UnknownShapeError, UnknownSizeError
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_sizes
from graphtf.tensor import Tensor


def _channels(x: Tensor, w: Tensor, name: str) -> int:
    """How many groups the input channels fall into. Raises the mode's error if they do not."""
    have, want = x.ir_type.dims[-1], w.ir_type.dims[-2]
    if not (isinstance(have, int) and isinstance(want, int)):
        return 1
    if want == 0 or have % want:
        raise invalid(name, f"input depth must be evenly divisible by filter depth: {have} vs {want}")
    groups = have // want
    outputs = w.ir_type.dims[-1]
    if groups and isinstance(outputs, int) and outputs % groups:
        raise invalid(name, f"the number of filters ({outputs}) must be a multiple of the {groups} groups")
    return groups


def _ranked(x: Tensor, w: Tensor, spatial: int, name: str) -> None:
    if len(w.ir_type.dims) != spatial + 2:
        raise invalid(name, f"filter must be {spatial + 2}-dimensional: {w.shape}")
    if len(x.ir_type.dims) != spatial + 2:
        raise invalid(name, f"input must be {spatial + 2}-dimensional: {x.shape}")


def _refuse_channels_first(spatial: int, name: str) -> NoReturn:
    """TensorFlow's CPU kernels convolve with channels last only; with jit_compile=True either is taken, as by XLA."""
    message = f"{name} needs channels last on the CPU: 'NHWC' and the like"
    if spatial == 3:
        raise InvalidArgumentError(None, None, message)
    raise UnimplementedError(None, None, message)


def _convolve(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
    dilations: Any,
    spatial: int,
    name: str,
) -> Tensor:
    """Convolution over `spatial` axes; more axes in front are batch too."""
    place = layout(data_format, spatial, name)
    trace = active_trace()
    if place.channels_first and not (trace is not None and trace.jit):
        _refuse_channels_first(spatial, name)
    x, w = convert_pair(input, filters)
    lead = x.ir_type.dims[: len(x.ir_type.dims) - spatial - 1]
    if len(lead) > 1:
        x = _folded(x, lead)
    _ranked(x, w, spatial, name)
    steps, gaps = spread(strides, place, name, "strides"), spread(dilations, place, name, "dilations")
    x = place.to_last(x)
    sizes, window = x.ir_type.dims[1:-1], w.ir_type.dims[:-2]
    pads = paddings(padding, sizes, window, steps, gaps, place, name)
    fits(sizes, window, steps, gaps, pads, name)
    out = p.conv(x, w, strides=steps, padding=pads, dilations=gaps, groups=_channels(x, w, name))
    out = place.from_last(out)
    return p.reshape(out, shape=(*lead, *out.ir_type.dims[1:])) if len(lead) > 1 else out


def _folded(x: Tensor, lead: Sequence[Dim]) -> Tensor:
    from graphtf.ir.dims import product

    return p.reshape(x, shape=(product(lead), *x.ir_type.dims[len(lead) :]))


def conv1d(
    input: Any, filters: Any, stride: Any, padding: Any, data_format: str | None = "NWC", dilations: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Convolution of [batch, width, channels] with filters [width, in, out].

    Raises InvalidArgumentError (tracing: ValueError) where shapes do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv1d.

    >>> conv1d([[[1.], [2.], [3.]]], [[[1.]], [[1.]]], 1, "VALID").numpy().ravel().tolist()
    [3.0, 5.0]
    """
    return _convolve(input, filters, stride, padding, data_format, dilations, 1, "conv1d")


def conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str | None = "NHWC", dilations: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Convolution of [batch, height, width, channels] with filters [height, width, in, out].

    Raises InvalidArgumentError (tracing: ValueError) where shapes do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv2d.

    >>> conv2d([[[[1.], [2.]]]], [[[[3.]]]], 1, "VALID").numpy().ravel().tolist()
    [3.0, 6.0]
    """
    return _convolve(input, filters, strides, padding, data_format, dilations, 2, "conv2d")


def conv3d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str | None = "NDHWC", dilations: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Convolution of [batch, depth, height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv3d.

    >>> conv3d([[[[[1.]]]]], [[[[[3.]]]]], [1] * 5, "VALID").numpy().ravel().tolist()
    [3.0]
    """
    return _convolve(input, filters, strides, padding, data_format, dilations, 3, "conv3d")


def convolution(
    input: Any, filters: Any, strides: Any = None, padding: Any = "VALID", data_format: str | None = None,
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Convolution over one to three spatial axes, as many as the filters have.

    Raises ValueError for another number of axes. Follows https://www.tensorflow.org/api_docs/python/tf/nn/convolution.

    >>> convolution([[[1.], [2.]]], [[[3.]]]).numpy().ravel().tolist()
    [3.0, 6.0]
    """
    w = convert_to_tensor(filters)
    spatial = len(w.ir_type.dims) - 2
    if not 1 <= spatial <= 3:
        raise ValueError(f"`num_spatial_dims` must be 1, 2, or 3. Received: num_spatial_dims={spatial}.")
    place = layout(data_format, spatial, "convolution")
    given = ((strides, "strides"), (dilations, "dilations"))
    steps, gaps = (spread(v, place, "convolution", what) for v, what in given)
    if max(steps) > 1 and max(gaps) > 1:
        raise ValueError(
            "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
            f"Received: strides={list(steps)} and dilation_rate={list(gaps)}"
        )
    return _convolve(input, filters, strides, padding, data_format, dilations, spatial, "convolution")


# ---- transposes ------------------------------------------------------------------------------------------------------


def _transposed(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any, data_format: str | None, dilations: Any,
    spatial: int, name: str,
) -> Tensor:  # fmt: skip
    """The gradient of a convolution by its input, of which `input` is the output."""
    place = layout(data_format, spatial, name)
    y, w = convert_pair(input, filters)
    _ranked(y, w, spatial, name)
    steps, gaps = spread(strides, place, name, "strides"), spread(dilations, place, name, "dilations")
    y = place.to_last(y)
    shape = _output_shape(output_shape, place, y, w, steps, gaps, padding, name)
    window = w.ir_type.dims[:-2]
    pads = paddings(padding, shape[1:-1], window, steps, gaps, place, name)
    for n, k, s, d, (a, b), have in zip(shape[1:-1], window, steps, gaps, pads, y.ir_type.dims[1:-1]):
        made = (n + a + b - ((k - 1) * d + 1)) // s + 1
        if isinstance(made, int) and isinstance(have, int) and made != have:
            raise failed(name, f"output_shape {list(shape)} does not fit an input of shape {y.shape}: {made} != {have}"
            )
    return place.from_last(
        p.conv_grad_input(y, w, input_shape=shape, strides=steps, padding=pads, dilations=gaps, groups=1)
    )


def _output_shape(
    given: Any, place: Layout, y: Tensor, w: Tensor, steps: Sequence[int], gaps: Sequence[int], padding: Any, name: str
) -> tuple[Dim, ...]:
    sizes = as_sizes(given, name)
    if sizes is None:
        raise UnknownShapeError(f"{name}: output_shape must be known while the function is traced")
    if len(sizes) == place.spatial:
        return (y.ir_type.dims[0], *sizes, w.ir_type.dims[-2])
    if len(sizes) != place.spatial + 2:
        raise invalid(name, f"output_shape must have {place.spatial + 2} entries, got {list(sizes)}")
    if place.channels_first:
        sizes = (sizes[0], *sizes[2:], sizes[1])
    if sizes[-1] != w.ir_type.dims[-2] or y.ir_type.dims[-1] != w.ir_type.dims[-1]:
        raise invalid(name, f"output_shape {list(sizes)} and input {y.shape} do not fit filters of shape {w.shape}")
    return sizes


def conv1d_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str | None = "NWC",
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose (gradient) of `conv1d`, with filters [width, out, in].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv1d_transpose.

    >>> conv1d_transpose([[[1.], [2.]]], [[[1.]]], [1, 4, 1], 2).numpy().ravel().tolist()
    [1.0, 0.0, 2.0, 0.0]
    """
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 1, "conv1d_transpose")


def conv2d_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str | None = "NHWC",
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose (gradient) of `conv2d`, with filters [height, width, out, in].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv2d_transpose.

    >>> conv2d_transpose([[[[1.]]]], [[[[2.]]]], [1, 1, 1, 1], 1).numpy().ravel().tolist()
    [2.0]
    """
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 2, "conv2d_transpose")


def conv3d_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str | None = "NDHWC",
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose (gradient) of `conv3d`, with filters [depth, height, width, out, in].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv3d_transpose.

    >>> conv3d_transpose([[[[[1.]]]]], [[[[[2.]]]]], [1, 1, 1, 1, 1], 1).numpy().ravel().tolist()
    [2.0]
    """
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 3, "conv3d_transpose")


def conv_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str | None = None,
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose of a convolution over as many spatial axes as `filters` has.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/conv_transpose.

    >>> conv_transpose([[[1.], [2.]]], [[[1.]]], [1, 4, 1], 2).numpy().ravel().tolist()
    [1.0, 0.0, 2.0, 0.0]
    """
    spatial = len(convert_to_tensor(filters).ir_type.dims) - 2
    if not 1 <= spatial <= 3:
        raise ValueError(f"conv_transpose: filters must have 3 to 5 axes, got {spatial + 2}")
    return _transposed(
        input, filters, output_shape, strides, padding, data_format, dilations, spatial, "conv_transpose"
    )


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: Any, name: str | None = None) -> Tensor:
    """`conv2d` with holes. Follows https://www.tensorflow.org/api_docs/python/tf/nn/atrous_conv2d.

    >>> atrous_conv2d([[[[1.]]]], [[[[3.]]]], 1, "VALID").numpy().ravel().tolist()
    [3.0]
    """
    return _convolve(value, filters, 1, padding, "NHWC", rate, 2, "atrous_conv2d")


def atrous_conv2d_transpose(
    value: Any, filters: Any, output_shape: Any, rate: int, padding: Any, name: str | None = None
) -> Tensor:
    """The transpose of `atrous_conv2d`.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/atrous_conv2d_transpose.

    >>> atrous_conv2d_transpose([[[[1.]]]], [[[[3.]]]], [1, 1, 1, 1], 1, "VALID").numpy().ravel().tolist()
    [3.0]
    """
    return _transposed(value, filters, output_shape, 1, padding, "NHWC", rate, 2, "atrous_conv2d_transpose")


# ---- depthwise -------------------------------------------------------------------------------------------------------


def _depthwise_parts(
    x: Tensor, shape: Sequence[Dim], strides: Any, padding: Any, dilations: Any, place: Layout, name: str
) -> tuple[tuple[int, ...], tuple[int, ...], Pads]:
    steps, gaps = spread(strides, place, name, "strides"), spread(dilations, place, name, "dilations")
    if any(g > 1 for g in gaps) and any(s > 1 for s in steps):
        raise ValueError(f"{name}: strides > 1 not supported in conjunction with dilations > 1, got {steps} and {gaps}")
    if steps[0] != steps[1]:
        raise failed(name, f"only equal strides along rows and columns are supported, got {list(steps)}")
    pads = paddings(padding, x.ir_type.dims[1:-1], shape[:2], steps, gaps, place, name)
    return steps, gaps, pads


def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: str | None = None, dilations: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Each channel convolved by itself with filters [height, width, channels, multiplier].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d.

    >>> depthwise_conv2d([[[[1., 2.]]]], [[[[3.], [4.]]]], [1] * 4, "VALID").numpy().ravel().tolist()
    [3.0, 8.0]
    """
    place = layout(data_format, 2, "depthwise_conv2d")
    x, w = convert_pair(input, filter)
    _ranked(x, w, 2, "depthwise_conv2d")
    x = place.to_last(x)
    height, width, channels, multiplier = w.ir_type.dims
    if isinstance(channels, int) and isinstance(x.ir_type.dims[-1], int) and channels != x.ir_type.dims[-1]:
        raise invalid("depthwise_conv2d", f"input and filter must have the same depth: {x.shape[-1]} vs {channels}")
    if not isinstance(channels, int):
        raise UnknownSizeError("depthwise_conv2d: the number of channels is known only at run time")
    steps, gaps, pads = _depthwise_parts(x, w.ir_type.dims, strides, padding, dilations, place, "depthwise_conv2d")
    fits(x.ir_type.dims[1:-1], (height, width), steps, gaps, pads, "depthwise_conv2d")
    flat = p.reshape(w, shape=(height, width, 1, channels * multiplier))
    return place.from_last(p.conv(x, flat, strides=steps, padding=pads, dilations=gaps, groups=channels))


def _at_run_time(function: Callable[..., Tensor], operands: list[Tensor]) -> Tensor:
    """A result of four axes whose sizes only run time knows."""
    return deferred_like(function, operands, operands[-1], (None,) * 4)


def depthwise_conv2d_backprop_input(
    input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: Any, data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The gradient of `depthwise_conv2d` by its input.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d_backprop_input.

    >>> depthwise_conv2d_backprop_input([1, 1, 1, 1], [[[[3.]]]], [[[[2.]]]], [1] * 4, "VALID").numpy().item()
    6.0
    """
    name = "depthwise_conv2d_backprop_input"
    place = layout(data_format, 2, name)
    ct, w = convert_pair(out_backprop, filter)
    sizes = as_sizes(input_sizes, name)
    if sizes is None:
        return _at_run_time(
            lambda n, f, g: depthwise_conv2d_backprop_input(n, f, g, strides, padding, data_format, dilations),
            [convert_to_tensor(input_sizes), w, ct],
        )
    if len(sizes) != 4:
        raise ValueError(f"{name}: input_sizes must be four sizes, got {input_sizes!r}")
    shape = (sizes[0], sizes[2], sizes[3], sizes[1]) if place.channels_first else sizes
    height, width, channels, multiplier = w.ir_type.dims
    steps, gaps = spread(strides, place, name, "strides"), spread(dilations, place, name, "dilations")
    pads = paddings(padding, shape[1:-1], (height, width), steps, gaps, place, name)
    flat = p.reshape(w, shape=(height, width, 1, channels * multiplier))
    out = p.conv_grad_input(
        place.to_last(ct), flat, input_shape=shape, strides=steps, padding=pads, dilations=gaps, groups=channels
    )
    return place.from_last(out)


def depthwise_conv2d_backprop_filter(
    input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: Any, data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The gradient of `depthwise_conv2d` by its filter.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d_backprop_filter.

    >>> depthwise_conv2d_backprop_filter([[[[3.]]]], [1, 1, 1, 1], [[[[2.]]]], [1] * 4, "VALID").numpy().item()
    6.0
    """
    name = "depthwise_conv2d_backprop_filter"
    place = layout(data_format, 2, name)
    x, ct = convert_pair(input, out_backprop)
    sizes = as_sizes(filter_sizes, name)
    if sizes is None:
        return _at_run_time(
            lambda n, v, g: depthwise_conv2d_backprop_filter(v, n, g, strides, padding, data_format, dilations),
            [convert_to_tensor(filter_sizes), x, ct],
        )
    if len(sizes) != 4:
        raise ValueError(f"{name}: filter_sizes must be four sizes, got {filter_sizes!r}")
    x, ct = place.to_last(x), place.to_last(ct)
    steps, gaps, pads = _depthwise_parts(x, sizes, strides, padding, dilations, place, name)
    height, width, channels, multiplier = sizes
    out = p.conv_grad_filter(
        x, ct, filter_shape=(height, width, 1, channels * multiplier), strides=steps, padding=pads, dilations=gaps,
        groups=channels,
    )  # fmt: skip
    return p.reshape(out, shape=sizes)


def separable_conv2d(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any,
    data_format: str | None = None,
    dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """A depthwise convolution, then one of width 1. Raises ValueError for a pointwise filter of another window.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/separable_conv2d.

    >>> separable_conv2d([[[[1.]]]], [[[[3.]]]], [[[[2.]]]], [1] * 4, "VALID").numpy().item()
    6.0
    """
    point = convert_to_tensor(pointwise_filter)
    if point.ir_type.dims[:2] != (1, 1):
        raise ValueError(f"separable_conv2d: pointwise_filter must be [1, 1, in, out], got {point.shape}")
    middle = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return _convolve(middle, point, 1, "VALID", data_format or "NHWC", None, 2, "separable_conv2d")
