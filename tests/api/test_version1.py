"""`tf.compat.v1` and `tf.compat.v2`: TensorFlow 2's functions, but for those whose arguments differ."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import graphtf as tf

v1 = tf.compat.v1
X = tf.constant([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(("found", "wanted"), [
    (lambda: v1.reduce_sum(X, reduction_indices=1, keep_dims=True), [[3.0], [7.0]]),
    (lambda: v1.math.reduce_max(X, 0), [3.0, 4.0]),
    (lambda: v1.argmax(X, dimension=1), [1, 1]),
    (lambda: v1.transpose(X, [1, 0], "name"), [[1.0, 3.0], [2.0, 4.0]]),
    (lambda: v1.squeeze([[1.0]], squeeze_dims=[0]), [1.0]),
    (lambda: v1.expand_dims([1.0], dim=0), [[1.0]]),
    (lambda: v1.where([True, False], X, -X), [[1.0, 2.0], [-3.0, -4.0]]),
    (lambda: v1.gather(X, [1], None, "name", 1), [[2.0], [4.0]]),
    (lambda: v1.to_int32([1.9]), [1]),
    (lambda: v1.div([7, -7], [2, 2]), [3, -4]),
    (lambda: v1.cond(tf.constant(True), fn1=lambda: 1, fn2=lambda: 2), 1),
    (lambda: v1.count_nonzero(input=[0, 1, 2]), 2),
    (lambda: v1.pad([1], [[0, 1]], "CONSTANT", "name", 5), [1, 5]),
    (lambda: v1.matrix_diag([1.0, 2.0]), [[1.0, 0.0], [0.0, 2.0]]),
    (lambda: v1.nn.relu([-1.0, 1.0]), [0.0, 1.0]),
    (lambda: tf.compat.v2.math.add(1, 2), 3),
])  # fmt: skip
def test_functions(found: Any, wanted: Any) -> None:
    out = found()
    assert (out if isinstance(out, int) else out.numpy().tolist()) == wanted


def test_arguments_of_two_names() -> None:
    with pytest.raises(ValueError, match="Cannot specify both"):
        v1.reduce_sum(X, axis=0, reduction_indices=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="same shape"):
        v1.where([True, False], X, [1.0, 2.0])


def test_variables_and_classes() -> None:
    v = v1.Variable(1.0)
    v1.assign_add(v, 2.0)
    assert v.numpy() == 3.0 and v1.Variable is tf.Variable and v1.float32 is tf.float32
    assert v1.executing_eagerly() and v1.Dimension(3) == 3


def test_what_there_is_no_more() -> None:
    with pytest.raises(NotImplementedError, match=r"tf\.function"):
        v1.disable_eager_execution()
    with pytest.raises(AttributeError, match="Session"):
        v1.Session  # noqa: B018 - the look-up is what fails


def test_logging(caplog: pytest.LogCaptureFixture) -> None:
    before = v1.logging.get_verbosity()
    v1.logging.set_verbosity(v1.logging.ERROR)
    with caplog.at_level(logging.ERROR, "graphtf"):
        v1.logging.warning("unseen")
        v1.logging.error("seen %d", 1)
    v1.logging.set_verbosity(before)
    assert [r.getMessage() for r in caplog.records] == ["seen 1"]
