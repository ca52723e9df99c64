"""Images of sizes that only run time knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf


def test_a_box_is_cropped_from_an_image_of_any_size() -> None:
    image = np.arange(5 * 6 * 3, dtype=np.float32).reshape(5, 6, 3)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.float32)])
    def crop(x: Any) -> Any:
        found = tf.image.stateless_random_crop(x, [2, 3, 3], [1, 2])
        assert found.shape == [2, 3, 3]
        return found

    np.testing.assert_array_equal(crop(image), tf.image.stateless_random_crop(image, [2, 3, 3], [1, 2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"value\.shape >= size"):
        crop(np.zeros((1, 6, 3), np.float32))
    with pytest.raises(ValueError, match="one for each axis"):
        tf.image.random_crop(image, [2, 3])


def test_arrays_of_floats_are_indices_of_one_hot_and_tensors_are_not() -> None:
    want = [[0, 1, 0], [0, 0, 1]]
    assert tf.one_hot(np.array([1.0, 2.7], np.float32), 3).numpy().tolist() == want
    assert tf.one_hot(np.array([True]), 2).numpy().tolist() == [[0, 1]]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.one_hot(tf.constant([1.0]), 3)
