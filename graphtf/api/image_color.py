"""Colours of images. Follows https://www.tensorflow.org/api_docs/python/tf/image.

Invariant: channels are the last axis. Entry points: the `tf.image` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.creation import cast, saturate_cast
from graphtf.api.shaping import concat, stack, unstack
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import FailedPreconditionError, InvalidArgumentError, TraceShapeError
from graphtf.ir.ops.prims import full_like, p
from graphtf.refusal import tracing, wrong_dtype
from graphtf.tensor import Tensor

_GREY = np.array([0.2989, 0.5870, 0.1140], np.float32)


def _channels(images: Any, name: str) -> Tensor:
    """The images, which must be floats of three channels."""
    x = convert_to_tensor(images, None if is_tensor_like(images) else dt.float32)
    if not x.dtype.is_floating:
        raise wrong_dtype(name, f"images must be of a floating type, got {x.dtype.name}")
    if x.shape.rank is not None and (not x.shape.rank or x.shape[-1] not in (3, None)):
        text = f"{name}: input must have 3 channels, got shape {x.shape}"
        late = InvalidArgumentError if name == "rgb_to_grayscale" else FailedPreconditionError
        raise TraceShapeError(text) if tracing() else late(None, None, text)
    return x


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Tensor:
    """Images of another dtype, scaled: floats go from 0 to 1, integers to their largest value.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/convert_image_dtype.

    >>> float(convert_image_dtype(np.uint8(255), "float32"))
    1.0
    """
    x, target = convert_to_tensor(image), as_dtype(dtype)
    if x.dtype is target:
        return x
    convert = saturate_cast if saturate else cast
    if x.dtype.is_integer and target.is_integer:
        have, want = x.dtype.max, target.max
        if have > want:
            return convert(p.floordiv(x, full_like(x, (have + 1) // (want + 1))), target)
        wide = convert(x, target)
        return p.mul(wide, full_like(wide, (want + 1) // (have + 1)))  # type: ignore[no-any-return]
    if x.dtype.is_integer:
        scaled = cast(x, target)
        return p.mul(scaled, full_like(scaled, 1.0 / x.dtype.max))  # type: ignore[no-any-return]
    if target.is_integer:
        return convert(p.mul(x, full_like(x, target.max + 0.5)), target)
    return cast(x, target)


def rgb_to_grayscale(images: Any, name: str | None = None) -> Tensor:
    """The weighted mean of red, green and blue, as one channel.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/rgb_to_grayscale.

    >>> rgb_to_grayscale([[[1.0, 1.0, 1.0]]]).shape
    TensorShape([1, 1, 1])
    """
    x = convert_to_tensor(images)
    floats = convert_image_dtype(x, dt.float32)
    _channels(floats, "rgb_to_grayscale")
    dims = floats.ir_type.dims
    weights = p.broadcast(convert_to_tensor(_GREY), shape=dims)
    grey = p.reshape(p.reduce_sum(p.mul(floats, weights), axes=(len(dims) - 1,)), shape=(*dims[:-1], 1))
    return convert_image_dtype(grey, x.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """One channel, three times. Follows https://www.tensorflow.org/api_docs/python/tf/image/grayscale_to_rgb."""
    x = convert_to_tensor(images)
    if x.shape.rank is None or x.shape[-1] not in (1, None):
        raise ValueError(f"Last dimension of a grayscale image should be size 1, got shape {x.shape}")
    return concat([x] * 3, -1)


def rgb_to_hsv(images: Any, name: str | None = None) -> Tensor:
    """Hue, saturation and value, each from 0 to 1, of red, green and blue.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/rgb_to_hsv.

    >>> rgb_to_hsv([0.0, 1.0, 0.0]).numpy().round(3).tolist()
    [0.333, 1.0, 1.0]
    """
    r, g, b = unstack(_channels(images, "rgb_to_hsv"), 3, axis=-1)
    top = p.maximum(r, p.maximum(g, b))
    span = p.sub(top, p.minimum(r, p.minimum(g, b)))
    zero, one = full_like(r, 0.0), full_like(r, 1.0)
    saturation = p.select(p.gt(top, zero), p.div(span, p.select(p.gt(top, zero), top, one)), zero)
    sixth = p.div(full_like(r, 1.0 / 6.0), p.select(p.gt(span, zero), span, one))
    by_red = p.mul(sixth, p.sub(g, b))
    by_green = p.add(p.mul(sixth, p.sub(b, r)), full_like(r, 2.0 / 6.0))
    by_blue = p.add(p.mul(sixth, p.sub(r, g)), full_like(r, 4.0 / 6.0))
    hue = p.select(p.eq(r, top), by_red, p.select(p.eq(g, top), by_green, by_blue))
    hue = p.select(p.gt(span, zero), hue, zero)
    hue = p.select(p.lt(hue, zero), p.add(hue, one), hue)
    return stack([hue, saturation, top], axis=-1)


def hsv_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Red, green and blue of hue, saturation and value.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/hsv_to_rgb.

    >>> hsv_to_rgb([0.0, 1.0, 1.0]).numpy().tolist()
    [1.0, 0.0, 0.0]
    """
    h, s, v = unstack(_channels(images, "hsv_to_rgb"), 3, axis=-1)
    wheel = p.mul(h, full_like(h, 6.0))
    zero, one, two = (full_like(h, x) for x in (0.0, 1.0, 2.0))

    def clipped(x: Tensor) -> Tensor:
        return p.minimum(p.maximum(x, zero), one)  # type: ignore[no-any-return]

    parts = (
        p.sub(p.abs(p.sub(wheel, full_like(h, 3.0))), one), p.sub(two, p.abs(p.sub(wheel, two))),
        p.sub(two, p.abs(p.sub(wheel, full_like(h, 4.0)))),
    )  # fmt: skip
    rest = p.sub(one, s)
    return stack([p.mul(p.add(rest, p.mul(s, clipped(x))), v) for x in parts], axis=-1)
