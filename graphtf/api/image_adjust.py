"""Brightness, contrast and colour of images, changed. Follows https://www.tensorflow.org/api_docs/python/tf/image.

Invariant: integers become floats from 0 to 1 for it, and integers again at the end. Entry points: the `tf.image`
functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.creation import cast
from graphtf.api.einsum import tensordot
from graphtf.api.image_color import convert_image_dtype, hsv_to_rgb, rgb_to_hsv
from graphtf.api.random import stateless_uniform, uniform
from graphtf.api.shaping import stack, unstack
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

_MATRICES = {
    "rgb_to_yiq": [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617], [0.114, -0.32134392, 0.31119955]],
    "yiq_to_rgb": [[1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]],
    "rgb_to_yuv": [
        [0.299, -0.14714119, 0.61497538],
        [0.587, -0.28886916, -0.51496512],
        [0.114, 0.43601035, -0.10001026],
    ],
    "yuv_to_rgb": [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]],
}
Change = Callable[[Tensor], Tensor]


def _changed(image: Any, change: Change) -> Tensor:
    """A function of images as floats, in the dtype that they came in."""
    x = convert_to_tensor(image)
    if x.dtype in (dt.float16, dt.float32):
        return change(x)
    return convert_image_dtype(change(convert_image_dtype(x, dt.float32)), x.dtype, saturate=True)


def _like(value: Any, x: Tensor) -> Tensor:
    t = convert_to_tensor(value, None if isinstance(value, Tensor) else dt.float32)
    return cast(t, x.dtype)


def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """Brighter by delta, for images from 0 to 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/adjust_brightness.

    >>> adjust_brightness([0.25], 0.5).numpy().tolist()
    [0.75]
    """
    return _changed(image, lambda x: p.add(x, _like(delta, x)))


def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """Each channel's distance from its mean, times a factor.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/adjust_contrast.

    >>> adjust_contrast([[[0.0], [1.0]]], 0.5).numpy().ravel().tolist()
    [0.25, 0.75]
    """

    def change(x: Tensor) -> Tensor:
        rank = len(x.ir_type.dims)
        if rank < 3:
            raise ValueError(f"images must be at least 3-D, got shape {x.shape}")
        mean = _mean(x, (rank - 3, rank - 2))
        return p.add(p.mul(p.sub(x, mean), _like(contrast_factor, x)), mean)

    return _changed(images, change)


def _mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean along axes, which stay."""
    dims = x.ir_type.dims
    count = cast(p.reshape(p.dims(dims=(product(dims[k] for k in axes),), dtype=dt.int64), shape=()), x.dtype)
    kept = tuple(1 if k in axes else d for k, d in enumerate(dims))
    return p.div(p.reshape(p.reduce_sum(x, axes=axes), shape=kept), count)


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """gain · imageᵞ. Raises ValueError for a negative gamma.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/adjust_gamma.

    >>> adjust_gamma([0.5], 2.0).numpy().tolist()
    [0.25]
    """
    if isinstance(gamma, (int, float)) and gamma < 0:
        raise ValueError("Gamma should be a non-negative real number.")
    return _changed(
        image, lambda x: p.mul(_like(gain, x), p.pow(x, p.broadcast(_like(gamma, x), shape=x.ir_type.dims)))
    )


def _in_hsv(image: Any, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """Hue and saturation changed."""

    def run(x: Tensor) -> Tensor:
        if x.shape.rank is not None and x.shape.rank < 3:
            raise invalid("adjust_hue", f"input must be at least 3-D, got shape {x.shape}")
        floats = cast(x, dt.float32)
        h, s, v = unstack(rgb_to_hsv(floats), 3, axis=-1)
        return cast(hsv_to_rgb(stack([*change(h, s), v], axis=-1)), x.dtype)

    return _changed(image, run)


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Tensor:
    """The hue turned by delta, a part of the circle. Raises ValueError for a delta outside [-1, 1].

    Follows https://www.tensorflow.org/api_docs/python/tf/image/adjust_hue.

    >>> adjust_hue([[[1.0, 0.0, 0.0]]], 0.5).numpy().ravel().tolist()
    [0.0, 1.0, 1.0]
    """
    if isinstance(delta, (int, float)) and not -1 <= delta <= 1:
        raise ValueError("delta must be in the interval [-1, 1]")
    return _in_hsv(image, lambda h, s: (p.floormod(p.add(h, _like(delta, h)), full_like(h, 1)), s))


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Tensor:
    """The saturation times a factor. Follows https://www.tensorflow.org/api_docs/python/tf/image/adjust_saturation.

    >>> adjust_saturation([[[1.0, 0.5, 0.5]]], 0.0).numpy().ravel().tolist()
    [1.0, 1.0, 1.0]
    """

    def change(h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        scaled = p.mul(s, _like(saturation_factor, s))
        return h, p.minimum(p.maximum(scaled, full_like(s, 0)), full_like(s, 1))

    return _in_hsv(image, change)


def per_image_standardization(image: Any) -> Tensor:
    """Each image with mean 0 and standard deviation 1, as floats.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/per_image_standardization.

    >>> per_image_standardization([[[0.0], [2.0]]]).numpy().ravel().tolist()
    [-1.0, 1.0]
    """
    x = convert_to_tensor(image)
    x = x if x.dtype in (dt.float16, dt.float32) else cast(x, dt.float32)
    rank = len(x.ir_type.dims)
    if rank < 3:
        raise ValueError(f"image must be at least 3-D, got shape {x.shape}")
    axes = (rank - 3, rank - 2, rank - 1)
    centred = p.sub(x, _mean(x, axes))
    deviation = p.sqrt(_mean(p.mul(centred, centred), axes))
    count = cast(p.reshape(p.dims(dims=(product(x.ir_type.dims[-3:]),), dtype=dt.int64), shape=()), x.dtype)
    return p.div(centred, p.maximum(deviation, p.rsqrt(count)))


# ---- other spaces of colour ------------------------------------------------------------------------------------------


def _linear(images: Any, name: str) -> Tensor:
    x = convert_to_tensor(images)
    return tensordot(x, convert_to_tensor(np.array(_MATRICES[name], x.dtype.np)), 1)


def rgb_to_yiq(images: Any) -> Tensor:
    """Red, green and blue as YIQ. Follows https://www.tensorflow.org/api_docs/python/tf/image/rgb_to_yiq."""
    return _linear(images, "rgb_to_yiq")


def yiq_to_rgb(images: Any) -> Tensor:
    """YIQ as red, green and blue. Follows https://www.tensorflow.org/api_docs/python/tf/image/yiq_to_rgb."""
    return _linear(images, "yiq_to_rgb")


def rgb_to_yuv(images: Any) -> Tensor:
    """Red, green and blue as YUV. Follows https://www.tensorflow.org/api_docs/python/tf/image/rgb_to_yuv."""
    return _linear(images, "rgb_to_yuv")


def yuv_to_rgb(images: Any) -> Tensor:
    """YUV as red, green and blue. Follows https://www.tensorflow.org/api_docs/python/tf/image/yuv_to_rgb."""
    return _linear(images, "yuv_to_rgb")


# ---- by chance -------------------------------------------------------------------------------------------------------


def _between(low: float, high: float, seed: Any, stateless: bool) -> Tensor:
    if stateless:
        return stateless_uniform([], seed, minval=low, maxval=high)
    return uniform([], low, high, seed=seed)


def _check_delta(max_delta: float, most: float | None = None) -> float:
    if max_delta < 0 or (most is not None and max_delta > most):
        raise ValueError(f"max_delta must be non-negative{'' if most is None else f' and <= {most}'}, got {max_delta}")
    return float(max_delta)


def _check_range(lower: float, upper: float) -> tuple[float, float]:
    if upper <= lower or lower < 0:
        raise ValueError(f"upper must be > lower, and lower non-negative, got {lower} and {upper}")
    return float(lower), float(upper)


def random_brightness(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_brightness` by chance, at most by `max_delta`.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_brightness.
    """
    d = _check_delta(max_delta)
    return adjust_brightness(image, _between(-d, d, seed, False))


def stateless_random_brightness(image: Any, max_delta: float, seed: Any) -> Tensor:
    """`random_brightness`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_brightness.
    """
    d = _check_delta(max_delta)
    return adjust_brightness(image, _between(-d, d, seed, True))


def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_contrast` by a factor between two, by chance.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_contrast.
    """
    return adjust_contrast(image, _between(*_check_range(lower, upper), seed, False))


def stateless_random_contrast(image: Any, lower: float, upper: float, seed: Any) -> Tensor:
    """`random_contrast`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_contrast.
    """
    return adjust_contrast(image, _between(*_check_range(lower, upper), seed, True))


def random_hue(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_hue` by chance, at most by `max_delta` (0.5).

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_hue.
    """
    d = _check_delta(max_delta, 0.5)
    return adjust_hue(image, _between(-d, d, seed, False))


def stateless_random_hue(image: Any, max_delta: float, seed: Any) -> Tensor:
    """`random_hue`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_hue.
    """
    d = _check_delta(max_delta, 0.5)
    return adjust_hue(image, _between(-d, d, seed, True))


def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_saturation` by a factor between two, by chance.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_saturation.
    """
    return adjust_saturation(image, _between(*_check_range(lower, upper), seed, False))


def stateless_random_saturation(image: Any, lower: float, upper: float, seed: Any = None) -> Tensor:
    """`random_saturation`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_saturation.
    """
    return adjust_saturation(image, _between(*_check_range(lower, upper), seed, True))


# ---- quality ---------------------------------------------------------------------------------------------------------


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Tensor:
    """The peak signal-to-noise ratio of pairs of images, in decibels.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/psnr.

    >>> float(psnr(np.zeros([2, 2, 1]), np.ones([2, 2, 1]), max_val=10.0))
    20.0
    """
    top = _like(
        convert_image_dtype(convert_to_tensor(max_val, convert_to_tensor(a).dtype), dt.float32), convert_to_tensor(0.0)
    )
    x, y = (convert_image_dtype(v, dt.float32) for v in (a, b))
    difference = p.sub(x, y)
    rank = len(difference.ir_type.dims)
    error = p.reshape(
        _mean(p.mul(difference, difference), tuple(range(rank - 3, rank))), shape=difference.ir_type.dims[:-3]
    )
    ten = scalar_like(error, np.log(10.0))
    left = p.div(p.mul(scalar_like(error, 20), p.log(top)), ten)
    return p.sub(left, p.mul(p.div(scalar_like(error, 10), ten), p.log(error)))
