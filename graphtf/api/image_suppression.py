"""Boxes that others suppress: with softened scores, padded, by given overlaps, and of many classes at once.

Invariant: boxes are [y1, x1, y2, x2], from the best score down; of equal scores the first box comes first. Entry
points: the `tf.image` functions below.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np

from graphtf.api.image_boxes import kept, non_max_suppression
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_size
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


class CombinedNonMaxSuppression(NamedTuple):
    """The best boxes of each image, with their scores and classes, and how many there are."""

    nmsed_boxes: Tensor
    nmsed_scores: Tensor
    nmsed_classes: Tensor
    valid_detections: Tensor


def _floats(x: Any) -> Tensor:
    return convert_to_tensor(x, None if isinstance(x, Tensor) else dt.float32)


def _overlaps(boxes: Array) -> Array:
    """Intersection over union of each two boxes; 0 with an empty one."""
    low = np.minimum(boxes[:, :2], boxes[:, 2:])
    high = np.maximum(boxes[:, :2], boxes[:, 2:])
    common = np.maximum(np.minimum(high[:, None], high) - np.maximum(low[:, None], low), 0).prod(-1)
    area = (high - low).prod(-1)
    union = area[:, None] + area - common
    some = (area[:, None] > 0) & (area > 0)
    return np.where(some, common / np.where(union > 0, union, 1), 0)


def _selected(overlaps: Array, scores: Array, most: int, threshold: float, least: float, sigma: float) -> list[Any]:
    """(number, score) of boxes from the best down. With a sigma, overlap lowers scores and excludes none."""
    heap = [(-float(s), k, 0) for k, s in enumerate(scores) if s > least]
    heapq.heapify(heap)
    chosen: list[tuple[int, float]] = []
    while heap and len(chosen) < most:
        negative, k, seen = heapq.heappop(heap)
        score = -negative
        shared = [float(overlaps[k, other]) for other, _ in reversed(chosen[seen:])]
        if sigma > 0:
            lowered = score * float(np.exp(-0.5 / sigma * np.sum(np.square(shared))))
        else:
            lowered = -np.inf if any(s > threshold for s in shared) else score
        if lowered == score:
            chosen.append((k, score))
        elif lowered > least:
            heapq.heappush(heap, (-lowered, k, len(chosen)))
    return chosen


def non_max_suppression_with_scores(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5, score_threshold: Any = float("-inf"),
    soft_nms_sigma: Any = 0.0, name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`non_max_suppression` and the scores of what is kept, which overlap lowers if `soft_nms_sigma` is above 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/non_max_suppression_with_scores.

    >>> boxes = [[0., 0., 1., 1.], [0., 0., 1., .9], [2., 2., 3., 3.]]
    >>> non_max_suppression_with_scores(boxes, [.9, .8, .7], 3)[1].numpy().tolist() == np.float32([.9, .7]).tolist()
    True
    """
    b = _floats(boxes)
    s = _floats(scores)
    if b.shape.rank not in (2, None) or s.shape.rank not in (1, None) or not b.shape[:1].is_compatible_with(s.shape):
        raise invalid("non_max_suppression_with_scores", f"boxes {b.shape} and scores {s.shape} do not fit")

    def run(box: Array, score: Array, most: Array, threshold: Array, least: Array, sigma: Array) -> list[Array]:
        if not 0 <= threshold <= 1:
            raise failed("non_max_suppression_with_scores", "iou_threshold must be in [0, 1]")
        found = _selected(_overlaps(box), score, int(most), float(threshold), float(least), float(sigma))
        return [np.array([k for k, _ in found], np.int32), np.array([v for _, v in found], score.dtype)]

    limits = [_floats(v) for v in (iou_threshold, score_threshold, soft_nms_sigma)]
    found = on_host(run, [b, s, convert_to_tensor(max_output_size), *limits], [dt.int32, s.dtype], [(None,)] * 2)
    return found[0], found[1]


def non_max_suppression_overlaps(
    overlaps: Any, scores: Any, max_output_size: Any, overlap_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"), name: str | None = None,
) -> Tensor:  # fmt: skip
    """`non_max_suppression` of boxes whose overlaps [boxes, boxes] are given.

    Raises InvalidArgumentError (tracing: ValueError) for shapes that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/non_max_suppression_overlaps.

    >>> non_max_suppression_overlaps([[1., .9], [.9, 1.]], [.5, .8], 2).numpy().tolist()
    [1]
    """
    shared, s = _floats(overlaps), _floats(scores)
    n = s.shape[0] if s.shape.rank == 1 else None
    if not shared.shape.is_compatible_with([n, n]) or s.shape.rank not in (1, None):
        raise invalid("non_max_suppression_overlaps", f"overlaps {shared.shape} and scores {s.shape} do not fit")

    def run(both: Array, score: Array, most: Array, threshold: Array, least: Array) -> list[Array]:
        found = _selected(both, score, int(most), float(threshold), float(least), 0.0)
        return [np.array([k for k, _ in found], np.int32)]

    limits = [_floats(v) for v in (overlap_threshold, score_threshold)]
    (out,) = on_host(run, [shared, s, convert_to_tensor(max_output_size), *limits], [dt.int32], [(None,)])
    return out


def _below(threshold: Any) -> Tensor:
    """The next smaller number: what overlaps by a threshold itself is to be suppressed too."""
    (out,) = on_host(lambda x: [np.nextafter(x, x.dtype.type(-1))], [_floats(threshold)], [dt.float32], [()])
    return out


def non_max_suppression_padded(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5, score_threshold: Any = float("-inf"),
    pad_to_max_output_size: bool = False, name: str | None = None, sorted_input: bool = False,
    canonicalized_coordinates: bool = False, tile_size: int = 512,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`non_max_suppression`, of batches too, and how many are kept; filled up with zeros if asked.

    A box that overlaps a better one by the threshold itself is suppressed too. Raises ValueError for batches that are
    not to be filled up. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/non_max_suppression_padded.

    >>> non_max_suppression_padded([[0., 0., 1., 1.]], [.9], 3, pad_to_max_output_size=True)[0].numpy().tolist()
    [0, 0, 0]
    """
    b = _floats(boxes)
    s = _floats(scores)
    if not pad_to_max_output_size:
        if b.shape.rank is not None and b.shape.rank > 2:
            raise ValueError("'pad_to_max_output_size' (value False) must be True for batched input")
        found = non_max_suppression(b, s, max_output_size, _below(iou_threshold), score_threshold)
        (count,) = on_host(lambda x: [np.array(len(x), np.int32)], [found], [dt.int32], [()])
        return found, count

    def run(box: Array, score: Array, most: Array, threshold: Array, least: Array) -> list[Array]:
        rows = np.zeros((*score.shape[:-1], int(most)), np.int32)
        counts = np.zeros(score.shape[:-1], np.int32)
        for at in np.ndindex(score.shape[:-1]):
            numbers = kept(box[at], score[at], int(most), float(threshold), float(least))
            rows[at][: len(numbers)] = numbers
            counts[at] = len(numbers)
        return [rows, counts]

    limits = [_below(iou_threshold), _floats(score_threshold)]
    lead = s.shape.as_tuple()
    shapes = (None, None) if lead is None else ((*lead[:-1], as_size(max_output_size)), lead[:-1])
    found, count = on_host(run, [b, s, convert_to_tensor(max_output_size), *limits], [dt.int32, dt.int32], shapes)
    return found, count


def combined_non_max_suppression(
    boxes: Any, scores: Any, max_output_size_per_class: Any, max_total_size: Any, iou_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"), pad_per_class: bool = False, clip_boxes: bool = True,
    name: str | None = None,
) -> CombinedNonMaxSuppression:  # fmt: skip
    """The best boxes [batch, boxes, classes or 1, 4] over all classes, suppressed within each, filled up with zeros.

    Raises InvalidArgumentError (tracing: ValueError) for shapes that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/combined_non_max_suppression.

    >>> combined_non_max_suppression(np.ones((1, 2, 1, 4), "f4"), np.ones((1, 2, 3), "f4"), 1, 5).nmsed_scores.shape
    TensorShape([1, 5])
    """
    b, s = _floats(boxes), _floats(scores)
    if b.shape.rank not in (4, None) or s.shape.rank not in (3, None):
        raise invalid("combined_non_max_suppression", f"boxes must be 4-D and scores 3-D, got {b.shape} and {s.shape}")

    def run(box: Array, score: Array, each: Array, total: Array, threshold: Array, least: Array) -> list[Array]:
        size = min(int(total), int(each) * score.shape[2]) if pad_per_class else int(total)
        out = [np.zeros((len(box), size, 4), box.dtype), *np.zeros((2, len(box), size), score.dtype)]
        counts = np.zeros(len(box), np.int32)
        for k in range(len(box)):
            best = _of_classes(box[k], score[k], int(each), float(threshold), float(least))[:size]
            for j, (value, kind, place) in enumerate(best):
                out[0][k, j], out[1][k, j], out[2][k, j] = box[k, place, kind % box.shape[2]], value, kind
            counts[k] = len(best)
        out[0] = np.clip(out[0], 0, 1) if clip_boxes else out[0]
        return [*out, counts]

    operands = [convert_to_tensor(v) for v in (max_output_size_per_class, max_total_size)]
    limits = [_floats(v) for v in (iou_threshold, score_threshold)]
    batch = b.shape[0] if b.shape.rank else None
    shapes = [(batch, None, 4), (batch, None), (batch, None), (batch,)]
    dtypes = [b.dtype, s.dtype, s.dtype, dt.int32]
    return CombinedNonMaxSuppression(*on_host(run, [b, s, *operands, *limits], dtypes, shapes))


def _of_classes(boxes: Array, scores: Array, most: int, threshold: float, least: float) -> list[tuple[Any, int, int]]:
    """(score, class, number) of what is kept of each class, the best first."""
    found = [
        (scores[k, kind], kind, int(k))
        for kind in range(scores.shape[1])
        for k in kept(boxes[:, kind % boxes.shape[1]], scores[:, kind], most, threshold, least)
    ]
    return sorted(found, key=lambda item: -item[0])
