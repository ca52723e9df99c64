"""Gradients through a TensorArray that grows in a loop: its rows are never kept, only how many there were.

The numbers are TensorFlow's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.functions.function import Function

Loss = Callable[..., Any]


def grown(**options: Any) -> Any:
    return tf.TensorArray(tf.float32, size=0, dynamic_size=True, **options)


def loss_and_gradient(loss: Loss) -> Function:
    """The loss of x, and its gradient, compiled."""

    @tf.function
    def f(x: Any, *rest: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = loss(x, *rest)
        return y, tape.gradient(y, x)

    return f  # type: ignore[no-any-return]


def check(loss: Loss, args: tuple[Any, ...], value: float, gradient: Any, native: bool = True) -> None:
    f = loss_and_gradient(loss)
    y, dx = f(*args)
    np.testing.assert_allclose(y, value, rtol=1e-6)
    np.testing.assert_allclose(dx, gradient, rtol=1e-6)
    assert (not f._eager) is native


def square_sum(x: Any) -> Any:
    return tf.reduce_sum(x**2)


def written_at_the_end(x: Any) -> Any:
    array = grown()
    v = x
    while tf.reduce_sum(v) < 100.0:
        v = v * 2.0
        array = array.write(array.size(), v)
    return square_sum(array.stack())


def written_where_positive(x: Any) -> Any:
    array = grown()
    for i in tf.range(6):
        if x[i] > 0.0:
            array = array.write(array.size(), x[i] ** 2)
    return square_sum(array.stack())


def read_back(x: Any, n: Any) -> Any:
    array = grown(clear_after_read=False).write(0, x)
    i = tf.constant(1)
    while i < n:
        array = array.write(i, array.read(i - 1) * x + 1.0)
        i += 1
    return tf.reduce_sum(array.read(n - 1))


def with_gaps(x: Any, n: Any) -> Any:
    array = grown(element_shape=[2])
    i = tf.constant(0)
    while i < n:
        array = array.write(2 * i + 1, x * x)
        i += 1
    return square_sum(array.stack())


def one_in_another(x: Any, n: Any) -> Any:
    out = grown()
    for i in tf.range(n):
        inner = grown()
        for j in tf.range(i + 1):
            inner = inner.write(j, x * tf.cast(j + 1, tf.float32))
        out = out.write(i, tf.reduce_sum(inner.stack() ** 2, 0))
    return square_sum(out.stack())


def begun_anew(x: Any, n: Any) -> Any:
    array = grown()
    for i in tf.range(n):
        if i == 2:
            array = grown().unstack(tf.stack([x, x + 1.0]))
        else:
            array = array.write(i, x * x)
    return square_sum(array.stack())


def test_elements_written_at_the_end() -> None:
    check(written_at_the_end, (tf.constant([1.0, 1.0, 2.0]),), 8184.0, [2728.0, 2728.0, 5456.0])


def test_elements_written_in_a_branch() -> None:
    x = tf.constant([1.0, -2.0, 3.0, 4.0, -5.0, 6.0])
    check(written_where_positive, (x,), 1634.0, [4.0, 0.0, 108.0, 256.0, 0.0, 864.0])


def test_elements_read_back() -> None:
    check(read_back, (tf.constant([1.0, 2.0]), tf.constant(4)), 27.0, [7.0, 37.0])


def test_elements_never_written_have_none() -> None:
    x = tf.constant([1.0, 2.0])
    check(with_gaps, (x, tf.constant(3)), 51.0, [12.0, 96.0])
    check(with_gaps, (x, tf.constant(0)), 0.0, [0.0, 0.0])


def test_an_array_in_each_iteration() -> None:
    check(one_in_another, (tf.constant([1.0, 2.0]), tf.constant(3)), 3774.0, [888.0, 7104.0])


def test_an_array_begun_anew() -> None:
    check(begun_anew, (tf.constant([1.5, 2.0, 3.0]), tf.constant(5)), 250.625, [35.0, 74.0, 230.0])


def test_second_order() -> None:
    def cubes(x: Any, n: Any) -> Any:
        array = grown()
        for i in tf.range(n):
            array = array.write(i, x * x * x * tf.cast(i + 1, tf.float32))
        return square_sum(array.stack())

    inner = loss_and_gradient(cubes)

    @tf.function
    def f(x: Any, n: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            (_, dx) = inner.python_function(x, n)
        return dx, tape.gradient(dx, x)

    first, second = f(tf.constant([1.0, 2.0]), tf.constant(3))
    np.testing.assert_allclose(first, [84.0, 2688.0])
    np.testing.assert_allclose(second, [420.0, 6720.0])
    assert not f._eager


def test_a_tape_around_the_function() -> None:
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def f(x: Any, n: Any) -> Any:
        array = grown()
        for i in tf.range(n):
            array = array.write(i, x * w)
            w.assign_add([0.1, 0.1, 0.1])
        return array.stack()

    with tf.GradientTape() as tape:
        y = square_sum(f(tf.constant([1.0, 2.0, 3.0]), tf.constant(3)))
    np.testing.assert_allclose(y, 316.3, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, w), [6.6, 50.4, 167.4], rtol=1e-6)
    (concrete,) = f._list_all_concrete_functions()
    assert not concrete.lacks


def test_gradients_in_a_graph() -> None:
    @tf.function
    def f(x: Any, n: Any) -> Any:
        array = grown()
        for i in tf.range(n):
            array = array.write(i, x * tf.cast(i, tf.float32))
        return tf.gradients(array.stack(), x)[0]

    np.testing.assert_allclose(f(tf.constant([1.0, 2.0]), tf.constant(3)), [3.0, 3.0])


def test_rows_whose_values_count_run_op_by_op() -> None:
    def from_all_before(x: Any, n: Any) -> Any:
        array = grown(clear_after_read=False).write(0, x)
        for i in tf.range(1, n):
            array = array.write(i, tf.reduce_sum(array.stack() ** 2, 0) * 0.1)
        return tf.reduce_sum(array.stack())

    args = tf.constant([1.0, 2.0]), tf.constant(4)
    check(from_all_before, args, 4.552325, [1.6121209, 2.2999425], native=False)


def test_elements_of_other_sizes_run_op_by_op() -> None:
    def stairs(x: Any, n: Any) -> Any:
        array = grown(infer_shape=False)
        for i in tf.range(n):
            array = array.write(i, x[: i + 1] * tf.cast(i + 1, tf.float32))
        return square_sum(array.concat())

    check(stairs, (tf.constant([1.0, 2.0, 3.0]), tf.constant(3)), 147.0, [28.0, 52.0, 54.0], native=False)


@pytest.mark.parametrize("positive", [True, False])
def test_the_size_counts_what_loops_around_wrote(positive: bool) -> None:
    @tf.function
    def f(x: Any) -> Any:
        array, sizes = grown(), tf.TensorArray(tf.int32, size=4)
        for i in tf.range(2):
            for j in tf.range(2):
                if positive:
                    array = array.write(array.size(), x)
                sizes = sizes.write(2 * i + j, array.size())
        return sizes.stack(), array.size()

    sizes, last = f(tf.constant(1.0))
    np.testing.assert_array_equal(sizes, [1, 2, 3, 4] if positive else [0] * 4)
    assert int(last) == (4 if positive else 0)


def test_an_array_written_before_a_branch_that_leaves_it() -> None:
    @tf.function
    def f(x: Any) -> Any:
        array = grown().write(0, x)
        if x > 0.0:
            array = array.write(1, 2.0 * x)
        return array.stack()

    np.testing.assert_array_equal(f(tf.constant(1.0)), [1.0, 2.0])
    np.testing.assert_array_equal(f(tf.constant(-1.0)), [-1.0])


def test_rows_given_eagerly_leave_the_shape_of_elements_open() -> None:
    assert tf.TensorArray(tf.float32, 2).unstack([1.0, 2.0]).element_shape.rank is None
    assert tf.TensorArray(tf.float32, 2).scatter([0], [[1.0, 2.0]]).element_shape == [2]
    shown = tf.function(lambda: tf.TensorArray(tf.float32, 2).unstack([[1.0], [2.0]]).element_shape.as_list())
    assert [int(d) for d in shown()] == [1]
