"""Boxes drawn on images, and glimpses of them.

Invariant: images are [batch, height, width, channels]. Entry points: `draw_bounding_boxes`, `extract_glimpse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]

# The colours that boxes take in turn, where none are given: red, green, blue, opacity.
_COLOURS = np.float32([
    [1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0.5, 0, 0.5, 1], [0.5, 0.5, 0, 1], [0.5, 0, 0, 1],
    [0, 0, 0.5, 1], [0, 1, 1, 1], [1, 0, 1, 1],
])  # fmt: skip


def draw_bounding_boxes(images: Any, boxes: Any, colors: Any, name: str | None = None) -> Tensor:
    """float32 or float16 images with the outlines of boxes [batch, boxes, 4], [y1, x1, y2, x2] from 0 to 1.

    Boxes take the colours [colours, channels] in turn; what lies outside is not drawn. Raises InvalidArgumentError
    (tracing: ValueError, TypeError) for other shapes, channels and dtypes. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/draw_bounding_boxes.

    >>> draw_bounding_boxes(np.zeros((1, 3, 3, 1), "f4"), [[[0., 0., 1., 1.]]], [[1.]])[0, 1, :, 0].numpy().tolist()
    [1.0, 0.0, 1.0]
    """
    x, b = convert_to_tensor(images), convert_to_tensor(boxes, dt.float32)
    if x.dtype not in (dt.float16, dt.float32):
        raise wrong_dtype("draw_bounding_boxes", f"images must be float16 or float32, got {x.dtype.name}")
    if x.shape.rank not in (4, None) or b.shape.rank not in (3, None):
        raise failed("draw_bounding_boxes", f"expected images of 4 axes and boxes of 3, got {x.shape} and {b.shape}")
    channels = x.shape[-1] if x.shape.rank else None
    if channels not in (None, 1, 3, 4):
        raise invalid("draw_bounding_boxes", f"Channel depth should be either 1, 3 or 4, got {channels}")
    if not x.shape[:1].is_compatible_with(b.shape[:1]):
        raise invalid("draw_bounding_boxes", f"The batch sizes should be the same, got {x.shape} and {b.shape}")
    palette = convert_to_tensor(_COLOURS if colors is None else colors, dt.float32)
    if colors is not None and channels is not None and palette.shape[-1] is not None and palette.shape[-1] < channels:
        raise invalid("draw_bounding_boxes", f"colors {palette.shape} have fewer channels than images {x.shape}")

    def run(pictures: Array, outlines: Array, found: Array) -> list[Array]:
        own = colors is not None and len(found)
        table = found if own else np.where(pictures.shape[-1] == 1, np.ones_like(_COLOURS), _COLOURS)
        out = pictures.copy()
        for picture, several in zip(out, outlines):
            for k, box in enumerate(several):
                _outline(picture, box, table[k % len(table)][: picture.shape[-1]])
        return [out]

    (out,) = on_host(run, [x, b, palette], [x.dtype], [x.shape.as_tuple()])
    return out


def _outline(picture: Array, box: Array, colour: Array) -> None:
    """Draw the sides of a box that lie inside."""
    height, width = picture.shape[:2]
    top, left, bottom, right = (int(v) for v in box * np.float32([height - 1, width - 1] * 2))
    if top > bottom or left > right or top >= height or left >= width or bottom < 0 or right < 0:
        return
    rows, columns = slice(max(top, 0), min(bottom, height - 1) + 1), slice(max(left, 0), min(right, width - 1) + 1)
    for at in (top, bottom):
        if 0 <= at < height:
            picture[at, columns] = colour
    for at in (left, right):
        if 0 <= at < width:
            picture[rows, at] = colour


def extract_glimpse(
    input: Any, size: Any, offsets: Any, centered: bool = True, normalized: bool = True, noise: str = "uniform",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Windows of a size at offsets [batch, 2] into images, with noise outside: "uniform", "gaussian" or "zero".

    Offsets are of pixels, or of the image's size if `normalized`; from the middle if `centered`, else from the top
    left. Raises InvalidArgumentError (tracing: ValueError) for shapes that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/extract_glimpse.

    >>> x = np.arange(9, dtype="f4").reshape(1, 3, 3, 1)
    >>> extract_glimpse(x, [1, 2], [[1., 1.]], centered=False, normalized=False)[0, :, :, 0].numpy().tolist()
    [[4.0, 5.0]]
    """
    x, o = convert_to_tensor(input, dt.float32), convert_to_tensor(offsets, dt.float32)
    wanted = as_integers(size, "extract_glimpse")
    if x.shape.rank not in (4, None) or len(wanted) != 2:
        raise invalid("extract_glimpse", f"expected images of 4 axes and a size of 2, got {x.shape} and {list(wanted)}")
    batch = x.shape[0] if x.shape.rank else None
    if not o.shape.is_compatible_with([batch, 2]):
        raise invalid("extract_glimpse", f"offsets must be [{batch}, 2], got {o.shape}")
    if noise not in ("uniform", "gaussian", "zero"):
        raise invalid("extract_glimpse", f"noise must be uniform, gaussian or zero, got {noise!r}")
    whole, half = np.asarray(wanted), np.float32(wanted) / 2

    def run(pictures: Array, at: Array) -> list[Array]:
        full = np.float32(pictures.shape[1:3])
        at = at * full if normalized else at
        if centered:
            at = (at / 2 + full / 2 - half) if normalized else at + full / 2
        out = _around(noise, (len(pictures), *wanted, pictures.shape[3]))
        for picture, window, start in zip(pictures, out, np.trunc(at).astype(np.int64)):
            low = np.clip(start, 0, picture.shape[:2])
            high = np.clip(start + whole, low, np.maximum(picture.shape[:2], low))
            to = low - start
            until = to + (high - low)
            window[to[0] : until[0], to[1] : until[1]] = picture[low[0] : high[0], low[1] : high[1]]
        return [out]

    (out,) = on_host(run, [x, o], [dt.float32], [(batch, *wanted, x.shape[3] if x.shape.rank else None)])
    return out


def _around(noise: str, shape: tuple[int, ...]) -> Array:
    if noise == "zero":
        return np.zeros(shape, np.float32)
    generator = np.random.default_rng()
    drawn = generator.uniform(size=shape) if noise == "uniform" else generator.normal(size=shape)
    return drawn.astype(np.float32)
