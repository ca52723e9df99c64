"""Boxes on images: drawn, suppressed by others, and glimpses."""

from __future__ import annotations

import numpy as np
import pytest

import graphtf as tf

BOXES = np.float32([[0, 0, 1, 1], [0, 0, 1, 0.9], [2, 2, 3, 3], [0, 0, 0.5, 1]])
SCORES = np.float32([0.9, 0.8, 0.7, 0.75])


def test_an_outline():
    found = tf.image.draw_bounding_boxes(tf.zeros([1, 4, 5, 1]), [[[0.0, 0.0, 0.7, 2.0]]], [[3.0]])[0, :, :, 0]
    np.testing.assert_array_equal(found, [[3, 3, 3, 3, 3], [3, 0, 0, 0, 0], [3, 3, 3, 3, 3], [0, 0, 0, 0, 0]])


def test_boxes_take_the_colours_in_turn():
    boxes = [[[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]]]
    found = tf.image.draw_bounding_boxes(tf.zeros([1, 2, 2, 3]), boxes, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[0]
    np.testing.assert_array_equal(found, [[[1, 2, 3], [0, 0, 0]], [[1, 2, 3], [4, 5, 6]]])


def test_images_that_are_not_drawn_on():
    for images in (
        tf.zeros([4, 4, 3]),
        tf.zeros([1, 4, 4, 2]),
        tf.zeros([2, 4, 4, 3]),
        tf.zeros([1, 4, 4, 3], tf.uint8),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.image.draw_bounding_boxes(images, tf.zeros([1, 1, 4]), None)


@pytest.mark.parametrize(("offset", "centered", "normalized", "start"), [
    ([1.0, 2.0], False, False, (1, 2)), ([0.5, 0.25], False, True, (2, 1)), ([0.0, 0.0], True, True, (1, 1)),
    ([-1.0, -1.0], True, False, (1, 1)), ([-1.0, -1.0], True, True, (-1, -1)),
])  # fmt: skip
def test_a_glimpse(offset, centered, normalized, start):
    image = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4, 1)
    found = tf.image.extract_glimpse(image, [2, 2], [offset], centered, normalized, "zero")[0, :, :, 0]
    padded = np.pad(image[0, :, :, 0], 2)
    np.testing.assert_array_equal(found, padded[start[0] + 2 :, start[1] + 2 :][:2, :2])


def test_scores_that_overlap_lowers():
    numbers, scores = tf.image.non_max_suppression_with_scores(BOXES, SCORES, 4, soft_nms_sigma=0.5)
    shared = np.float32([0.5, 0.45 / 0.95])
    assert numbers.numpy().tolist() == [0, 2, 3, 1]
    expected = [0.9, 0.7, 0.75 * np.exp(-(0.5**2)), 0.8 * np.exp(-(0.9**2) - shared[1] ** 2)]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_without_softening_the_scores_stay():
    numbers, scores = tf.image.non_max_suppression_with_scores(BOXES, SCORES, 3)
    np.testing.assert_array_equal(numbers, tf.image.non_max_suppression(BOXES, SCORES, 3))
    np.testing.assert_array_equal(scores, SCORES[numbers.numpy()])


def test_batches_are_filled_up():
    boxes, scores = np.stack([BOXES, BOXES[::-1]]), np.stack([SCORES, SCORES[::-1]])
    numbers, counts = tf.function(tf.image.non_max_suppression_padded)(boxes, scores, 5, pad_to_max_output_size=True)
    np.testing.assert_array_equal(numbers, [[0, 2, 0, 0, 0], [3, 1, 0, 0, 0]])
    np.testing.assert_array_equal(counts, [2, 2])
    with pytest.raises(ValueError, match="pad_to_max_output_size"):
        tf.image.non_max_suppression_padded(boxes, scores, 5)


def test_overlaps_that_are_given():
    found = tf.image.non_max_suppression_overlaps(
        [[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]], [3.0, 2.0, 1.0], 3
    )
    assert found.numpy().tolist() == [0, 2]


def test_classes_suppress_within_themselves():
    scores = np.stack([SCORES, 1 - SCORES], -1)[None]
    found = tf.image.combined_non_max_suppression(BOXES[None, :, None], scores, 2, 6, pad_per_class=True)
    np.testing.assert_allclose(found.nmsed_scores, [[0.9, 0.75, 0.3, 0.25]], rtol=1e-6)
    assert found.nmsed_classes.numpy().tolist() == [[0, 0, 1, 1]]
    assert found.valid_detections.numpy().tolist() == [4]
    assert found.nmsed_boxes.numpy().max() == 1


def test_similarity_at_several_scales():
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(2, 25, 24, 3)).astype(np.float32)
    near = np.clip(image + rng.normal(size=image.shape) * 0.05, 0, 1).astype(np.float32)
    found = tf.image.ssim_multiscale(image, near, 1.0, [0.5, 0.5])
    assert np.all((found > 0.7) & (found < 1))
    np.testing.assert_allclose(tf.image.ssim_multiscale(image, image, 1.0, [0.5, 0.5]), [1, 1], rtol=1e-6)
    np.testing.assert_allclose(
        tf.image.ssim_multiscale(image, near, 1.0, [1.0]), tf.image.ssim(image, near, 1.0), rtol=1e-5
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.image.ssim_multiscale(image, near, 1.0)
