"""`tf.debugging.enable_check_numerics`: eager and traced, forward and backward; and what it must not take for wrong."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import graphtf as tf
from graphtf.flags import flags


@pytest.fixture(autouse=True)
def checked() -> Iterator[None]:
    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


@pytest.fixture(params=["native", "reference"])
def staged(request: pytest.FixtureRequest) -> Iterator[Any]:
    """`tf.function`, run as native code and on the interpreter."""
    before, flags.interpret = flags.interpret, request.param == "reference"
    yield tf.function
    flags.interpret = before


def caught(f: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(tf.errors.InvalidArgumentError) as found:
        f(*args)
    return str(found.value)


def line(f: Callable[..., Any], text: str) -> str:
    """Where in this file the line of `f` that has `text` is."""
    lines, first = inspect.getsourcelines(f)
    at = next(first + k for k, x in enumerate(lines) if text in x and "# here" in x)
    return f"{__file__}:{at}"


def logarithm(x: Any) -> Any:
    y = tf.math.log(x)  # here
    return y * 2.0


def slope(x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x)
    return tape.gradient(y, x)  # here


BAD = [-1.0, 2.0, 0.0]


def test_an_eager_op_is_named_with_its_line_and_operands() -> None:
    text = caught(logarithm, tf.constant(BAD))
    assert text == (
        "Detected Infinity or NaN in output 0 of eagerly-executing op 'log' (# of outputs: 1), at "
        f"{line(logarithm, 'log')}\n  dtype: float32\n  shape: (3,)\n  # of -Inf elements: 1\n  # of NaN elements: 1\n"
        "  Input 0: [-1.  2.  0.] shape=(3,) dtype=float32"
    )


def test_a_traced_op_is_named_with_its_line(staged: Any) -> None:
    f = staged(logarithm)
    text = caught(f, tf.constant(BAD))
    assert "output 0 of graph op 'log'" in text and line(logarithm, "log") in text
    assert "Tensor had Inf and NaN values" in text
    assert f(tf.constant([1.0, 1.0, 1.0])).numpy().tolist() == [0.0, 0.0, 0.0]


def test_a_gradient_is_checked_eagerly() -> None:
    text = caught(slope, tf.constant([0.0, 1.0]))
    assert "eagerly-executing op 'div'" in text and line(slope, "gradient") in text and "# of +Inf elements: 1" in text


def test_a_gradient_is_checked_in_a_function(staged: Any) -> None:
    f = staged(slope)
    text = caught(f, tf.constant([0.0, 1.0]))
    assert "graph op 'div'" in text and line(slope, "gradient") in text
    assert f(tf.constant([4.0, 1.0])).numpy().tolist() == [0.25, 0.5]


def test_a_gradient_of_a_function_is_checked(staged: Any) -> None:
    root = staged(tf.sqrt)

    def outside(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = root(x)
        return tape.gradient(y, x)  # here

    text = caught(outside, tf.constant([0.0, 1.0]))
    assert "in gradient 0 of function" in text and line(outside, "gradient") in text
    assert outside(tf.constant([4.0, 1.0])).numpy().tolist() == [0.25, 0.5]


def test_the_body_of_a_loop_is_checked(staged: Any) -> None:
    @staged
    def f(x: Any) -> Any:
        while tf.reduce_sum(x) < 10.0:
            x = x * 2.0 - tf.math.log(x)
        return x

    assert "graph op 'log'" in caught(f, tf.constant([1.0, -2.0]))
    assert f(tf.constant([4.0, 8.0])).numpy().tolist() == [4.0, 8.0]


def test_what_was_traced_before_has_no_checks() -> None:
    tf.debugging.disable_check_numerics()
    f = tf.function(logarithm)
    assert f(tf.constant([0.0])).numpy().tolist() == [float("-inf")]
    tf.debugging.enable_check_numerics()
    assert f(tf.constant([0.0])).numpy().tolist() == [float("-inf")]


def test_it_holds_for_one_thread_until_disabled() -> None:
    found: list[Any] = []
    worker = threading.Thread(target=lambda: found.append(tf.math.log(tf.constant(0.0)).numpy().item()))
    worker.start()
    worker.join()
    assert found == [float("-inf")]
    tf.debugging.disable_check_numerics()
    tf.debugging.disable_check_numerics()
    assert tf.math.log(tf.constant(0.0)).numpy().item() == float("-inf")


def test_constants_and_what_only_moves_are_let_pass() -> None:
    nan = float("nan")
    assert tf.constant(nan).shape == ()
    assert tf.reshape(tf.constant([nan]), [1, 1]).shape == (1, 1)


FINITE = {
    "softmax": lambda x: tf.nn.softmax(x * 1000.0),
    "log softmax": lambda x: tf.nn.log_softmax(x * 1000.0),
    "logsumexp": lambda x: tf.reduce_logsumexp(x * 1000.0),
    "softplus": lambda x: tf.nn.softplus(x * 1000.0),
    "xlogy": lambda x: tf.math.xlogy(x, tf.abs(x)),
    "divide": lambda x: tf.math.divide_no_nan(x, tf.abs(x)),
    "cross entropy": lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(x), logits=x * 1000.0),
    "segment mean": lambda x: tf.math.unsorted_segment_mean(x, [0, 2], 4),
    "max pool": lambda x: tf.nn.max_pool2d(tf.reshape(x, [1, 2, 3, 1]), 2, 2, "SAME"),
    "clip": lambda x: tf.clip_by_norm(x * 0.0, 1.0),
}


@pytest.mark.parametrize("name", FINITE)
def test_what_is_finite_in_the_end_is_not_stopped_on_its_way(name: str) -> None:
    x = tf.constant([[0.0, 1.0, -2.0], [3.0, -0.5, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = FINITE[name](x)
    tape.gradient(y, x)
