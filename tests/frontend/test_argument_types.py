"""What operands may be: numbers beside tensors, dtypes an operation is not for, and shapes that are no shapes."""

from __future__ import annotations

import numpy as np
import pytest

import graphtf as tf

BOOLS = tf.constant([True, False])
FLOATS = tf.constant([1.0, -2.0])
InvalidArgumentError = tf.errors.InvalidArgumentError


def test_a_product_of_booleans_is_their_conjunction():
    np.testing.assert_array_equal(BOOLS * [True, True], [True, False])
    with pytest.raises(InvalidArgumentError):
        tf.multiply(BOOLS, BOOLS)


@pytest.mark.parametrize("call", [
    lambda: tf.logical_and(BOOLS, 2), lambda: tf.logical_not([1.5]), lambda: tf.reduce_any([1, 2]),
    lambda: tf.math.divide_no_nan(BOOLS, BOOLS), lambda: tf.math.angle([1]), lambda: tf.math.real(BOOLS),
])  # fmt: skip
def test_type_errors(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize("call", [
    lambda: tf.logical_and(FLOATS, True), lambda: -tf.constant([1], tf.uint8),
    lambda: tf.sign(tf.constant(1, tf.uint16)),
    lambda: tf.pow(tf.constant([2], tf.uint8), 2), lambda: tf.math.squared_difference(tf.constant(1, tf.int8), 2),
    lambda: tf.math.multiply_no_nan(1, 2), lambda: tf.reduce_sum(FLOATS, axis=[0.0]),
    lambda: tf.reshape(FLOATS, [[2, 1]]), lambda: tf.bitcast(FLOATS, tf.string),
])  # fmt: skip
def test_invalid_arguments(call):
    with pytest.raises(InvalidArgumentError):
        call()


@pytest.mark.parametrize("call", [
    lambda: tf.reshape(FLOATS, [2, None]), lambda: tf.concat([FLOATS, FLOATS], None), lambda: tf.zeros(None),
    lambda: tf.math.multiply_no_nan(2, FLOATS), lambda: tf.expand_dims(FLOATS, None),
])  # fmt: skip
def test_value_errors(call):
    with pytest.raises(ValueError):
        call()


def test_quotients_of_integers():
    assert tf.math.divide_no_nan([3, 1], [2, 0]).numpy().tolist() == [1.5, 0.0]
    assert tf.math.unsorted_segment_mean([1, 2], [0, 0], 1).numpy().tolist() == [1.5]
    assert tf.divide(2, FLOATS).dtype == tf.float32


def test_a_constant_of_a_tensor_is_that_tensor():
    with tf.GradientTape() as tape:
        tape.watch(FLOATS)
        y = 3 * tf.constant(FLOATS)
    assert tape.gradient(y, FLOATS).numpy().tolist() == [3.0, 3.0]


def test_a_mask_may_be_of_numbers():
    assert tf.boolean_mask([1, 2, 3], [5, 0, 1]).numpy().tolist() == [1, 3]


def test_a_negative_norm_clips_all():
    assert not np.any(tf.clip_by_norm(FLOATS, -1.0))


@pytest.mark.parametrize("body", [list, lambda x: [y for y in x], lambda x: tf.add(*x)])
def test_a_traced_tensor_is_not_iterable(body):
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        tf.function(body)(FLOATS)


def test_loops_over_traced_tensors_are_converted():
    def total(x):
        out = 0.0
        for y in x:
            out += y
        return out

    assert tf.function(total)(FLOATS).numpy() == -1
