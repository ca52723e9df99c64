"""Images as JPEG makes them worse: `tf.image.adjust_jpeg_quality` and its random forms.

Invariant: an image keeps its dtype; it is encoded from uint8 pixels and decoded. Entry points: the `tf.image`
functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.image_color import convert_image_dtype
from graphtf.api.random import stateless_uniform, uniform
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files.images import jpeg_bytes, jpeg_pixels
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def adjust_jpeg_quality(image: Any, jpeg_quality: Any, dct_method: str = "", name: str | None = None) -> Tensor:
    """An image [height, width, 3] (or 1 channel) as JPEG of a quality from 0 to 100 shows it.

    Raises InvalidArgumentError for another quality. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/adjust_jpeg_quality.

    >>> adjust_jpeg_quality(np.zeros([4, 4, 3], np.uint8), 75).shape
    TensorShape([4, 4, 3])
    """
    x = convert_to_tensor(image)
    pixels = convert_image_dtype(x, dt.uint8, saturate=True)
    quality = convert_to_tensor(jpeg_quality, dt.int32)

    def run(values: Array, chosen: Array) -> list[Array]:
        if not 0 <= int(chosen) <= 100:
            raise failed("adjust_jpeg_quality", f"quality must be in [0,100], got {int(chosen)}")
        text = np.empty((), object)
        text[()] = jpeg_bytes(values, quality=int(chosen))
        return jpeg_pixels(text, values.shape[-1], 1)

    (out,) = on_host(run, [pixels, quality], [dt.uint8], [x.ir_type.shape])
    return convert_image_dtype(out, x.dtype, saturate=True)


def _check_range(low: Any, high: Any) -> None:
    if low < 0 or high < 0 or low > 100 or high > 100:
        raise ValueError("jpeg encoding range must be between 0 and 100.")
    if low >= high:
        raise ValueError("`min_jpeg_quality` must be less than `max_jpeg_quality`.")


def random_jpeg_quality(image: Any, min_jpeg_quality: int, max_jpeg_quality: int, seed: int | None = None) -> Tensor:
    """`adjust_jpeg_quality` with a random quality of [min, max).

    Raises ValueError for bounds out of [0, 100] or out of order. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/random_jpeg_quality.
    """
    _check_range(min_jpeg_quality, max_jpeg_quality)
    return adjust_jpeg_quality(image, uniform([], min_jpeg_quality, max_jpeg_quality, dt.int32, seed))


def stateless_random_jpeg_quality(image: Any, min_jpeg_quality: int, max_jpeg_quality: int, seed: Any) -> Tensor:
    """`random_jpeg_quality` that a seed of two integers decides alone.

    Raises ValueError for bounds out of [0, 100] or out of order. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_jpeg_quality.
    """
    _check_range(min_jpeg_quality, max_jpeg_quality)
    quality = stateless_uniform([], seed, min_jpeg_quality, max_jpeg_quality, dt.int32)
    return adjust_jpeg_quality(image, quality)
