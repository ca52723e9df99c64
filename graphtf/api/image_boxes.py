"""Boxes on images: the best that do not overlap, and what they hold, resized.

Invariant: boxes are [y1, x1, y2, x2]. Entry points: the `tf.image` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def kept(boxes: Array, scores: Array, most: int, overlap: float, least: float) -> Array:
    """The numbers of boxes from the best on, without those that overlap a better one by more."""
    y1, x1 = np.minimum(boxes[:, 0], boxes[:, 2]), np.minimum(boxes[:, 1], boxes[:, 3])
    y2, x2 = np.maximum(boxes[:, 0], boxes[:, 2]), np.maximum(boxes[:, 1], boxes[:, 3])
    area = (y2 - y1) * (x2 - x1)
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    order = order[scores[order] > least]
    chosen: list[int] = []
    while len(order) and len(chosen) < most:
        best, order = order[0], order[1:]
        chosen.append(int(best))
        height = np.maximum(np.minimum(y2[best], y2[order]) - np.maximum(y1[best], y1[order]), 0)
        width = np.maximum(np.minimum(x2[best], x2[order]) - np.maximum(x1[best], x1[order]), 0)
        common = height * width
        union = area[best] + area[order] - common
        shared = np.where((area[best] > 0) & (area[order] > 0), common / np.where(union > 0, union, 1), 0)
        order = order[shared <= overlap]
    return np.array(chosen, np.int32)


def non_max_suppression(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5, score_threshold: Any = float("-inf"),
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The numbers of the best boxes, at most so many, none of which overlaps a better one by more than the threshold.

    Raises InvalidArgumentError (tracing: ValueError) for shapes that do not fit or a threshold outside [0, 1]. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/non_max_suppression.

    >>> non_max_suppression([[0., 0., 1., 1.], [0., 0., 1., .9], [2., 2., 3., 3.]], [.9, .8, .7], 3).numpy().tolist()
    [0, 2]
    """
    b = convert_to_tensor(boxes, None if isinstance(boxes, Tensor) else dt.float32)
    s = convert_to_tensor(scores, None if isinstance(scores, Tensor) else b.dtype)
    if b.shape.rank not in (2, None) or s.shape.rank not in (1, None):
        raise invalid("non_max_suppression", f"boxes must be 2-D and scores 1-D, got {b.shape} and {s.shape}")
    if not b.shape[:1].is_compatible_with(s.shape):
        raise invalid("non_max_suppression", f"scores has incompatible shape {s.shape} for boxes {b.shape}")
    limits = [
        convert_to_tensor(v, None if isinstance(v, Tensor) else dt.float32) for v in (iou_threshold, score_threshold)
    ]

    def run(box: Array, score: Array, most: Array, overlap: Array, least: Array) -> list[Array]:
        if not 0 <= overlap <= 1:
            raise failed("non_max_suppression", "iou_threshold must be in [0, 1]")
        return [kept(box, score, int(most), float(overlap), float(least))]

    operands = [b, s, convert_to_tensor(max_output_size), *limits]
    (out,) = on_host(run, operands, [dt.int32], [(None,)])
    return out


def crop_and_resize(
    image: Any, boxes: Any, box_indices: Any, crop_size: Any, method: str = "bilinear",
    extrapolation_value: float = 0.0, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The parts of images [batch, height, width, channels] in boxes from 0 to 1, resized: float32 [boxes, *crop_size,
    channels].

    Box k is of image `box_indices[k]`; places outside are `extrapolation_value`. Raises ValueError for another method,
    InvalidArgumentError for an index out of range. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/crop_and_resize.

    >>> crop_and_resize(np.ones([1, 4, 4, 1]), [[0., 0., 1., 1.]], [0], [2, 2]).shape
    TensorShape([1, 2, 2, 1])
    """
    if method not in ("bilinear", "nearest"):
        raise ValueError(f"method must be bilinear or nearest, got {method!r}")
    x = convert_to_tensor(image)
    b = convert_to_tensor(boxes, dt.float32)
    index = convert_to_tensor(box_indices, None if isinstance(box_indices, Tensor) else dt.int32)
    rows, columns = as_integers(crop_size, "crop_size")
    if x.shape.rank != 4 or b.shape.rank != 2:
        raise invalid("crop_and_resize", f"expected images of 4 axes and boxes of 2, got {x.shape} and {b.shape}")
    floats = p.cast(x, dtype=dt.float32)
    y, inside_y = _places(b, 0, rows, x.ir_type.dims[1])
    at_x, inside_x = _places(b, 1, columns, x.ir_type.dims[2])
    found = _sampled(floats, index, y, at_x, method)
    count = b.ir_type.dims[0]
    inside = p.logical_and(
        p.reshape(inside_y, shape=(count, rows, 1, 1)), p.reshape(inside_x, shape=(count, 1, columns, 1))
    )
    inside = p.broadcast(inside, shape=found.ir_type.dims)
    return p.select(inside, found, p.broadcast(convert_to_tensor(float(extrapolation_value)), shape=found.ir_type.dims))


def _size(size: Any, like: Tensor) -> Tensor:
    if isinstance(size, int):
        return scalar_like(like, size)
    return p.cast(p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=()), dtype=like.dtype)


def _places(boxes: Tensor, axis: int, count: int, size: Any) -> tuple[Tensor, Tensor]:
    """[boxes, count]: where samples lie along an axis, and whether that is inside."""
    number = boxes.ir_type.dims[0]
    low, high = (p.slice(boxes, starts=(0, k), limits=(number, k + 1), strides=(1, 1)) for k in (axis, axis + 2))
    last = p.sub(_size(size, boxes), scalar_like(boxes, 1))
    if count > 1:
        step = p.div(p.mul(p.sub(high, low), last), scalar_like(boxes, count - 1))
        steps = p.iota(shape=(1, count), axis=1, dtype=dt.float32)
        at = p.add(p.mul(low, last), p.mul(steps, step))
    else:
        at = p.mul(p.mul(p.add(low, high), scalar_like(boxes, 0.5)), last)
    at = p.broadcast(at, shape=(number, count))
    return at, p.logical_and(p.ge(at, full_like(at, 0)), p.le(at, p.broadcast(last, shape=at.ir_type.dims)))


def _nearest(at: Tensor) -> Tensor:
    """The nearest whole number, the higher of two."""
    whole = p.floor(at)
    up = p.ge(p.sub(at, whole), scalar_like(at, 0.5))  # adding a half and rounding down would round twice
    return p.add(whole, p.cast(up, dtype=at.dtype))


def _sampled(x: Tensor, index: Tensor, y: Tensor, at_x: Tensor, method: str) -> Tensor:
    """[boxes, rows, columns, channels]: the images at places, which are moved inside."""
    batch, height, width, channels = x.ir_type.dims
    count, rows = y.ir_type.dims
    columns = at_x.ir_type.dims[1]
    flat = p.reshape(x, shape=(batch * height * width, channels))
    image = p.reshape(p.cast(index, dtype=dt.int32), shape=(count, 1, 1))

    def clamped(v: Tensor, size: Any) -> Tensor:
        whole = p.cast(v, dtype=dt.int32)
        return p.minimum(p.maximum(whole, scalar_like(whole, 0)), p.sub(_size(size, whole), scalar_like(whole, 1)))

    def read(down: Tensor, right: Tensor) -> Tensor:
        r = p.reshape(clamped(down, height), shape=(count, rows, 1))
        c = p.reshape(clamped(right, width), shape=(count, 1, columns))
        at = p.add(p.mul(p.add(p.mul(image, _size(height, image)), r), _size(width, image)), c)
        return p.gather(flat, at, axis=0, batch_dims=0)

    if method == "nearest":
        return read(_nearest(y), _nearest(at_x))
    top, left = p.floor(y), p.floor(at_x)
    bottom, right = p.ceil(y), p.ceil(at_x)
    down = p.reshape(p.sub(y, top), shape=(count, rows, 1, 1))
    across = p.reshape(p.sub(at_x, left), shape=(count, 1, columns, 1))

    def mixed(a: Tensor, b: Tensor, by: Tensor) -> Tensor:
        return p.add(a, p.mul(p.sub(b, a), p.broadcast(by, shape=a.ir_type.dims)))

    upper = mixed(read(top, left), read(top, right), across)
    return mixed(upper, mixed(read(bottom, left), read(bottom, right), across), down)
