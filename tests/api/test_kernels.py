"""Functions that are published as kernels have them, against what TensorFlow gave."""

from __future__ import annotations

import numpy as np
import pytest

import graphtf as tf


def test_patches_of_volumes() -> None:
    x = tf.reshape(tf.range(2 * 3 * 3 * 3 * 2, dtype=tf.float32), [2, 3, 3, 3, 2])
    patch = tf.extract_volume_patches(x, [1, 2, 2, 2, 1], [1, 1, 1, 1, 1], "VALID")[0, 0, 1, 0]
    assert patch.numpy().tolist() == [6, 7, 8, 9, 12, 13, 14, 15, 24, 25, 26, 27, 30, 31, 32, 33]
    assert tf.extract_volume_patches(x, [1, 2, 2, 2, 1], [1, 2, 2, 2, 1], "SAME").shape == (2, 2, 2, 2, 16)


def test_repeats_collapse() -> None:
    rows, lengths = tf.nn.collapse_repeated([[1, 1, 2, 2, 1], [3, 3, 3, 0, 0], [0, 0, 0, 0, 0]], [5, 3, 0])
    assert rows.numpy().tolist() == [[1, 2, 1], [3, 0, 0], [0, 0, 0]] and lengths.numpy().tolist() == [3, 1, 0]


@pytest.mark.parametrize("rank", [4, 5])
def test_convolutions_of_any_rank(rank: int) -> None:
    x, w = tf.ones([1, *[4] * (rank - 2), 2]), tf.ones([*[2] * (rank - 2), 2, 3])
    out = tf.conv(x, w, [1] * rank, "VALID")
    assert out.shape == (1, *[3] * (rank - 2), 3) and (out.numpy() == 2 ** (rank - 1)).all()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.conv(x[0], w[0, 0], [1, 1], "VALID")


def test_sections_are_critical() -> None:
    section, v = tf.CriticalSection(), tf.Variable(0)
    step = tf.function(lambda: section.execute(lambda: v.assign_add(1)))
    step()
    assert section.execute(lambda: v.assign_add(1)).numpy() == 2


def test_numbers_between_bounds() -> None:
    draw = tf.random.stateless_parameterized_truncated_normal
    x = draw([20000], [1, 2], means=1.0, stddevs=2.0, minvals=0.0, maxvals=4.0).numpy()
    assert x.min() >= 0 and x.max() <= 4
    np.testing.assert_allclose(x.mean(), 1.713, atol=0.02)  # of a normal cut at -1/2 and 3/2 deviations
    assert draw([2, 3], [1, 2], minvals=[0.0, 1.0, 2.0], maxvals=[1.0, 2.0, 3.0]).shape == (2, 3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        draw([2], [1, 2], minvals=1.0, maxvals=0.0)
