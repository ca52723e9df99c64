"""Compiled functions under tapes, and functions called with sizes their trace did not expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.flags import flags

X = [[0.1, -0.4, 0.7], [0.2, 0.3, -0.9]]


@pytest.fixture(params=["native", "interpreted"], autouse=True)
def runs(request: pytest.FixtureRequest) -> Iterator[None]:
    before, flags.interpret = flags.interpret, request.param == "interpreted"
    yield
    flags.interpret = before


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-5, atol=1e-6)


def orders(f: Callable[..., Any], x: Any, v: Any, count: int) -> list[Any]:
    """The value, and gradients with respect to x and v up to an order, each of the sum of those before."""
    found: list[Any] = []

    def nested(k: int) -> Any:
        if k == 0:
            y = f(x)
            found.append(y)
            return tf.reduce_sum(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nested(k - 1)
        gx, gv = tape.gradient(y, [x, v])
        found.extend([gx, gv])
        return tf.reduce_sum(gx * gx) + tf.reduce_sum(gv)

    nested(count)
    return found


def test_gradients_of_any_order_are_those_of_the_python_function() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        return tf.tanh(x * v) * tf.exp(x) * v

    x = tf.constant(X)
    for a, b in zip(orders(f, x, v, 3), orders(tf.function(f), x, v, 3)):
        close(a, b)


def test_effects_happen_once_and_second_gradients_see_the_values_read_then() -> None:
    calls, v = tf.Variable(0.0), tf.Variable([1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        calls.assign_add(1.0)
        y = tf.sin(x * v) * calls
        v.assign(v * 2.0)
        return y * v

    x = tf.constant(X)
    first = orders(f, x, v, 2)
    assert float(calls) == 1.0
    calls.assign(0.0)
    v.assign([1.0, 2.0, 3.0])
    second = orders(tf.function(f), x, v, 2)
    assert float(calls) == 1.0
    close(v, [2.0, 4.0, 6.0])
    for a, b in zip(first, second):
        close(a, b)


def test_a_second_gradient_of_effects_that_no_tape_waited_for_is_refused() -> None:
    calls = tf.Variable(0.0)

    @tf.function
    def f(x: Any) -> Any:
        calls.assign_add(1.0)
        return tf.sin(tf.exp(x))

    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = f(x)
        g = tape.gradient(y, x)
    close(g, np.cos(np.exp(X)) * np.exp(X))
    with pytest.raises(LookupError, match="has effects"):
        tape.gradient(g, x)


def test_a_persistent_tape_differentiates_what_it_found() -> None:
    f = tf.function(lambda x: tf.sin(x) * x)
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        g = tape.gradient(f(x), x)
    close(tape.gradient(g, x), 2 * np.cos(X) - np.sin(X) * X)


def test_captured_tensors_and_several_results() -> None:
    w = tf.constant(np.linspace(-1, 1, 24).reshape(3, 8).astype(np.float32))

    @tf.function
    def f(x: Any) -> Any:
        h = tf.linalg.matmul(x, w)
        return {"sum": tf.reduce_sum(h * h), "largest": tf.argmax(h, 1), "h": h}

    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        out = f(x)
        loss = out["sum"] + tf.reduce_sum(out["h"])
    gx, gw = tape.gradient(loss, [x, w])
    h = np.float32(X) @ w.numpy()
    close(gx, (2 * h + 1) @ w.numpy().T)
    close(gw, np.float32(X).T @ (2 * h + 1))
    assert out["largest"].dtype == tf.int64


def test_nothing_is_recorded_where_nothing_is_watched() -> None:
    f = tf.function(lambda x: x * x)
    with tf.GradientTape() as tape:
        y = f(tf.constant(X))
    assert tape.gradient(y, tf.constant(X)) is None
    assert f.get_concrete_function(tf.constant(X))._differentiable._parted == {}


def test_one_trace_serves_any_batch_under_a_tape() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])
    f = tf.function(lambda x: tf.reduce_mean(tf.square(x * v)), input_signature=[tf.TensorSpec([None, 3])])
    for rows in (1, 2, 5):
        x = tf.constant(np.ones((rows, 3), np.float32))
        with tf.GradientTape() as tape:
            y = f(x)
        close(tape.gradient(y, v), 2 * v.numpy() / 3)
    assert f.experimental_get_tracing_count() == 1


def test_loops_and_branches_in_a_function_under_a_tape() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])

    def f(x: Any, n: Any) -> Any:
        _, y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.sin(y) * v + y), [tf.constant(0), x])
        return tf.cond(n > 2, lambda: y * y, lambda: y)

    x, compiled = tf.constant(X), tf.function(f)
    for n in (0, 2, 4):
        found = []
        for g in (f, compiled):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = g(x, tf.constant(n))
            found.append([y, *tape.gradient(y, [x, v], unconnected_gradients="zero")])
        for a, b in zip(*found):
            close(a, b)


def test_a_function_called_while_tracing_under_a_tape() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])
    inner = tf.function(lambda x: tf.exp(x) * v)

    @tf.function
    def outer(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(inner(x) * inner(x))
        return tape.gradient(y, [x, v])

    gx, gv = outer(tf.constant(X))
    e = np.exp(np.float32(X))
    close(gx, 2 * (e * v.numpy()) ** 2)
    close(gv, (2 * e * e * v.numpy()).sum(0))


# ---- sizes that a trace did not expect -------------------------------------------------------------------------------


def open_function(f: Callable[..., Any]) -> Any:
    return tf.function(f, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])


A, B = tf.constant([1.0, 2.0]), tf.constant([3.0])


def test_sizes_assumed_equal_may_be_one() -> None:
    f = open_function(lambda x, y: (x + y, tf.reduce_mean(x * y)))
    close(f(A, A)[0], [2.0, 4.0])
    for x, y in ((A, B), (B, A)):  # the first is specialised, the second traced again: its results have other sizes
        total, mean = f(x, y)
        close(total, [4.0, 5.0])
        close(mean, 4.5)
    close(f(B, B)[0], [6.0])


def test_gradients_inside_and_outside_follow() -> None:
    def inside(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            z = tf.reduce_mean((x + y) * y)
        return tape.gradient(z, [x, y])

    gx, gy = open_function(inside)(B, A)
    close(gx, [1.5])
    close(gy, [2.5, 3.5])
    outside = open_function(lambda x, y: tf.reduce_mean((x + y) * y))
    with tf.GradientTape() as tape:
        tape.watch([A, B])
        z = outside(B, A)
    gx, gy = tape.gradient(z, [B, A])
    close(gx, [1.5])
    close(gy, [2.5, 3.5])


def test_calls_from_a_trace_follow() -> None:
    f = open_function(lambda x, y: tf.reduce_mean(x * y))
    assert float(tf.function(lambda x, y: f(x, y))(B, A)) == 4.5


def test_sizes_that_do_not_go_together_are_refused() -> None:
    f = open_function(lambda x, y: x + y)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shapes \[2\] and \[3\] do not broadcast"):
        f(A, tf.constant([1.0, 2.0, 3.0]))


def test_errors_of_the_program_are_not_taken_for_sizes() -> None:
    def f(x: Any, y: Any) -> Any:
        tf.debugging.assert_positive(x)
        return x + y

    g = open_function(f)
    with pytest.raises(tf.errors.InvalidArgumentError):
        g(-A, A)
    assert g.get_concrete_function()._exact == {}
