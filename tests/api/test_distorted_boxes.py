"""Random crops as TensorFlow draws them, moving averages, DLPack."""

from __future__ import annotations

import numpy as np
import pytest

import graphtf as tf

BOX = [[[0.1, 0.2, 0.8, 0.9]]]


@pytest.mark.parametrize(
    ("seed", "begin", "size"),
    [([1, 2], [3, 12, 0], [16, 15, -1]), ([3, 4], [5, 15, 0], [13, 12, -1]), ([5, 6], [0, 4, 0], [16, 17, -1])],
)
def test_crops_are_those_of_tensorflow(seed: list[int], begin: list[int], size: list[int]) -> None:
    found = tf.image.stateless_sample_distorted_bounding_box([20, 30, 3], BOX, seed=seed, min_object_covered=0.3)
    assert found.begin.numpy().tolist() == begin
    assert found.size.numpy().tolist() == size


def test_a_crop_in_a_function_fits_the_image() -> None:
    @tf.function
    def cropped(image: tf.Tensor) -> tf.Tensor:
        begin, size, _ = tf.image.sample_distorted_bounding_box(tf.shape(image), BOX, min_object_covered=0.1)
        return tf.slice(image, begin, size)

    assert cropped(tf.ones([20, 30, 3])).shape[2] == 3


def test_crops_without_boxes() -> None:
    none = tf.zeros([1, 0, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="bounding boxes"):
        tf.image.stateless_sample_distorted_bounding_box([20, 30, 3], none, seed=[1, 2])
    found = tf.image.stateless_sample_distorted_bounding_box(
        [20, 30, 3], none, seed=[5, 6], use_image_if_no_bounding_boxes=True
    )
    assert found.size.numpy().tolist() == [16, 17, -1]


def test_moving_averages() -> None:
    v = tf.Variable([1.0, 2.0])
    ema = tf.train.ExponentialMovingAverage(0.9)
    step = tf.function(lambda: ema.apply([v]), autograph=False)
    step()
    v.assign([3.0, 4.0])
    step()
    np.testing.assert_allclose(ema.average(v).numpy(), [1.2, 2.2], rtol=1e-6)
    assert ema.average(tf.Variable(1.0)) is None
    with pytest.raises(TypeError):
        ema.apply([tf.Variable(1)])


def test_dlpack() -> None:
    x = tf.constant([[1.0, 2.0]])
    assert tf.experimental.dlpack.from_dlpack(tf.experimental.dlpack.to_dlpack(x)).numpy().tolist() == [[1.0, 2.0]]
    with pytest.raises(TypeError):
        tf.experimental.dlpack.to_dlpack([1])
