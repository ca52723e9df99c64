"""Random crops that keep part of an object: `tf.image.sample_distorted_bounding_box`.

Invariant: crops are drawn as TensorFlow draws them, from the same stream of numbers. Entry points: the `tf.image`
functions below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphtf.api import random_bits as bits
from graphtf.api.random_state import stream
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_DRAWS = 8  # numbers that an attempt may take, rejected ones among them


class SampleDistortedBoundingBoxV2(NamedTuple):
    """Where the crop begins, how large it is, and the box it is."""

    begin: Tensor
    size: Tensor
    bboxes: Tensor


class StatelessSampleDistortedBoundingBox(NamedTuple):
    """Where the crop begins, how large it is, and the box it is."""

    begin: Tensor
    size: Tensor
    bboxes: Tensor


class _Numbers:
    """Random 32-bit numbers, one after another."""

    def __init__(self, drawn: Array) -> None:
        self.rest: Iterator[int] = iter(drawn.tolist())

    def unit(self) -> np.float32:
        """In [0, 1)."""
        word = np.uint32((127 << 23) | (next(self.rest) & 0x7FFFFF))
        return word.view(np.float32) - np.float32(1)  # type: ignore[no-any-return]

    def below(self, n: int) -> int:
        """In [0, n)."""
        if n & (n - 1) == 0:
            return next(self.rest) & (n - 1)
        least = (0xFFFFFFFF % n) + 1
        return next(x for x in self.rest if x >= least) % n


def _near(x: Any) -> int:
    return int(np.rint(np.float32(x)))


def _crop(width: int, height: int, areas: Sequence[float], ratio: np.float32, draw: _Numbers) -> Any:
    """A crop [y, x, height, width] of an area within bounds, or None."""
    least, most = (np.float32(a) * np.float32(width) * np.float32(height) for a in areas)
    tall, tallest = _near(np.sqrt(least / ratio)), _near(np.sqrt(most / ratio))
    if _near(tallest * ratio) > width:
        tallest = int((width + 0.5 - (0.5 - 1e-7)) / ratio)
    tallest = min(tallest, height)
    tall = min(tall, tallest)
    if tall < tallest:
        tall += draw.below(tallest - tall + 1)
    wide = _near(tall * ratio)
    if wide * tall < least:
        tall += 1
        wide = _near(tall * ratio)
    if wide * tall > most:
        tall -= 1
        wide = _near(tall * ratio)
    if not (least <= wide * tall <= most and 0 < wide <= width and 0 < tall <= height):
        return None
    y = draw.below(height - tall) if tall < height else 0
    x = draw.below(width - wide) if wide < width else 0
    return y, x, tall, wide


def _covers(crop: Any, boxes: Array, share: float) -> bool:
    """Does the crop hold so much of one of the boxes [y1, x1, y2, x2], in pixels?"""
    y, x, tall, wide = crop
    if tall * wide < 1:
        return False
    for y1, x1, y2, x2 in boxes.tolist():
        area = (y2 - y1) * (x2 - x1)
        held = max(min(y + tall, y2) - max(y, y1), 0) * max(min(x + wide, x2) - max(x, x1), 0)
        if area >= 1 and held / area >= share:
            return True
    return False


def _sampled(
    image_size: Any, bounding_boxes: Any, key: Tensor, counter: Tensor, share: Any, ratios: Any, areas: Any,
    attempts: Any, whole: Any,
) -> list[Tensor]:  # fmt: skip
    size = convert_to_tensor(image_size)
    boxes = convert_to_tensor(bounding_boxes, dt.float32)
    covered = convert_to_tensor(share, dt.float32)
    lowest, highest = (0.75, 1.33) if ratios is None else ratios
    within = (0.05, 1.0) if areas is None else tuple(areas)
    count = 100 if attempts is None else int(attempts)
    if not 0 < lowest <= highest or not 0 < within[0] <= within[1] <= 1 or count < 1:
        raise invalid(
            "sample_distorted_bounding_box",
            f"aspect_ratio_range {lowest, highest}, area_range {within} or max_attempts {count} is out of range",
        )
    numbers = bits.full_integers(key, counter, (count * _DRAWS,), dt.uint32)

    def run(sizes: Array, given: Array, least: Array, drawn: Array) -> list[Array]:
        height, width = int(sizes[0]), int(sizes[1])
        flat = given.reshape(-1, 4)
        if not len(flat) and not whole:
            raise failed(
                "sample_distorted_bounding_box",
                "No bounding boxes provided as input. One must enable use_image_if_no_bounding_boxes",
            )
        if (flat < 0).any() or (flat > 1).any():
            raise failed("sample_distorted_bounding_box", "All bounding box coordinates must be in [0.0, 1.0]")
        scale = np.float32([height, width, height, width])
        pixels = (flat * scale).astype(np.int64) if len(flat) else np.array([[0, 0, height, width]])
        draw, found = _Numbers(drawn), None
        for _ in range(count):
            ratio = np.float32(draw.unit() * (np.float32(highest) - np.float32(lowest)) + np.float32(lowest))
            crop = _crop(width, height, within, ratio, draw)
            if crop is not None and _covers(crop, pixels, float(least)):
                found = crop
                break
        y, x, tall, wide = found or (0, 0, height, width)
        box = np.float32([y, x, y + tall, x + wide]) / scale
        kind = sizes.dtype
        return [np.array([y, x, 0], kind), np.array([tall, wide, -1], kind), box.reshape(1, 1, 4).astype(np.float32)]

    shapes = [(3,), (3,), (1, 1, 4)]
    return on_host(run, [size, boxes, covered, numbers], [size.dtype, size.dtype, dt.float32], shapes)


def stateless_sample_distorted_bounding_box(
    image_size: Any, bounding_boxes: Any, seed: Any, min_object_covered: Any = 0.1, aspect_ratio_range: Any = None,
    area_range: Any = None, max_attempts: Any = None, use_image_if_no_bounding_boxes: Any = None,
    name: str | None = None,
) -> StatelessSampleDistortedBoundingBox:  # fmt: skip
    """A random crop of an image of a size that holds `min_object_covered` of one of the boxes [1, n, 4] at least: where
    it begins, its size (both for `tf.slice`), and the crop as a box. The seed alone decides.

    Raises InvalidArgumentError (tracing: ValueError) for ranges that do not hold, InvalidArgumentError for boxes
    outside of [0, 1], or without any unless `use_image_if_no_bounding_boxes`. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/stateless_sample_distorted_bounding_box.

    >>> box = [[[0.1, 0.2, 0.8, 0.9]]]
    >>> stateless_sample_distorted_bounding_box([20, 30, 3], box, seed=[1, 2], min_object_covered=0.3).begin.numpy()
    array([ 3, 12,  0], dtype=int32)
    """
    key, counter = bits.key_and_counter(seed)
    return StatelessSampleDistortedBoundingBox(
        *_sampled(
            image_size, bounding_boxes, key, counter, min_object_covered, aspect_ratio_range, area_range, max_attempts,
            use_image_if_no_bounding_boxes,
        )
    )  # fmt: skip


def sample_distorted_bounding_box(
    image_size: Any, bounding_boxes: Any, seed: Any = 0, min_object_covered: Any = 0.1, aspect_ratio_range: Any = None,
    area_range: Any = None, max_attempts: Any = None, use_image_if_no_bounding_boxes: Any = None,
    name: str | None = None,
) -> SampleDistortedBoundingBoxV2:  # fmt: skip
    """`stateless_sample_distorted_bounding_box` with a state; `seed` is that of an op, 0 none.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/sample_distorted_bounding_box.
    """
    count = 100 if max_attempts is None else int(max_attempts)
    key, counter = stream("distorted box", seed or None, count * _DRAWS)
    return SampleDistortedBoundingBoxV2(
        *_sampled(
            image_size, bounding_boxes, key, counter, min_object_covered, aspect_ratio_range, area_range, max_attempts,
            use_image_if_no_bounding_boxes,
        )
    )  # fmt: skip
