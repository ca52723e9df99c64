"""What has no form in a graph: the function runs op by op, gives what TensorFlow gives, and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf


def stairs() -> Callable[..., Any]:
    """A function whose loop writes elements of ever more entries."""

    @tf.function
    def f(n: Any) -> Any:
        array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, infer_shape=False, element_shape=[None])
        for i in tf.range(n):
            array = array.write(i, tf.fill([i + 1], tf.cast(i, tf.float32)))
        return array.concat()

    return f  # type: ignore[no-any-return]


def test_elements_of_sizes_that_a_loop_finds() -> None:
    f = stairs()
    np.testing.assert_array_equal(f(tf.constant(4)), [0, 1, 1, 2, 2, 2, 3, 3, 3, 3])
    np.testing.assert_array_equal(f(tf.constant(2)), [0, 1, 1])


def test_elements_that_a_mask_chooses() -> None:
    @tf.function
    def f(x: Any) -> Any:
        array = tf.TensorArray(tf.int32, size=2, infer_shape=False)
        for i in tf.range(2):
            array = array.write(i, tf.boolean_mask(x[i], x[i] > 2))
        return array.concat()

    np.testing.assert_array_equal(f(tf.constant([[1, 2, 3], [3, 4, 5]])), [3, 3, 4, 5])


def test_a_function_that_calls_one_runs_op_by_op_too() -> None:
    f = stairs()
    g = tf.function(lambda n: 2 * f(n))
    np.testing.assert_array_equal(g(tf.constant(3)), [0, 2, 2, 4, 4, 4])


def test_explain_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    f = stairs()
    f(tf.constant(1))
    f.explain()  # type: ignore[attr-defined]
    assert "op by op, because it writes elements to a TensorArray" in capsys.readouterr().out


def test_elements_of_sizes_known_before_the_loop_are_compiled() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def f(x: Any) -> Any:
        array = tf.TensorArray(tf.int32, size=tf.shape(x)[0])
        for i in tf.range(tf.shape(x)[0]):
            array = array.write(i, 2 * x[i])
        return array.stack()

    np.testing.assert_array_equal(f(tf.constant([[1, 2, 3], [3, 4, 5]])), [[2, 4, 6], [6, 8, 10]])
    assert len(f._traces) == 1


def test_elements_of_other_sizes_than_the_first() -> None:
    @tf.function
    def f(n: Any) -> Any:
        array = tf.TensorArray(tf.float32, 3, infer_shape=False).write(0, [7.0])
        for i in tf.range(1, n):
            array = array.write(i, tf.fill([i + 1], 1.0))
        return array.concat()

    np.testing.assert_array_equal(f(tf.constant(3)), [7, 1, 1, 1, 1, 1])

    @tf.function
    def g() -> Any:
        return tf.TensorArray(tf.float32, 2, infer_shape=False).write(0, [1.0]).write(1, [2.0, 3.0]).concat()

    np.testing.assert_array_equal(g(), [1, 2, 3])


def test_arguments_and_results_are_tensors_as_in_a_trace() -> None:
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.float32)])
    def f(n: Any, x: Any) -> Any:
        array = tf.TensorArray(tf.float32, 0, dynamic_size=True, infer_shape=False, element_shape=[None])
        for i in tf.range(n):
            array = array.write(i, tf.fill([i + 1], x[0] * x.shape.rank))
        return {"all": array.concat(), "count": 3, "nothing": None}

    found = f(2, np.float32([5, 6]))
    np.testing.assert_array_equal(found["all"], [5, 5, 5])
    assert isinstance(found["count"], tf.Tensor) and found["nothing"] is None
