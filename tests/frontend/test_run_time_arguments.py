"""What only run time knows in a traced function: axes given as tensors, and tensors of unknown rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf

X = np.arange(12.0, dtype=np.float32).reshape(2, 6)

BY_AXIS: dict[str, Callable[[Any, Any], Any]] = {
    "concat": lambda x, k: tf.concat([x, 2 * x], k),
    "gather": lambda x, k: tf.gather(x, [1, 0], axis=k),
    "split": lambda x, k: tf.split(x, 2, axis=k)[1],
    "pieces": lambda x, k: tf.split(x, [1, -1], axis=k)[1],
    "sum": tf.reduce_sum,
    "cumsum": tf.cumsum,
    "expand_dims": tf.expand_dims,
}
OF_ANY_RANK: dict[str, Callable[[Any], Any]] = {
    "softmax": tf.nn.softmax,
    "log_softmax": tf.nn.log_softmax,
    "concat": lambda x: tf.concat([x, x], 0),
    "stack": lambda x: tf.stack([x, x], -1),
    "split": lambda x: tf.split(x, 2)[0],
    "matmul": lambda x: tf.matmul(x, x, transpose_b=True),
    "gather": lambda x: tf.gather(x, [0]),
    "index": lambda x: x[0, ::-1],
    "mean": tf.reduce_mean,
    "where": lambda x: tf.where(x > 3, x, 0.0),
    "transpose": tf.transpose,
    "reshape": lambda x: tf.reshape(x, [-1]),
}


def with_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    def both(x: Any, *rest: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x, *rest)
            loss = tf.reduce_sum(y * y)
        return y, tf.convert_to_tensor(tape.gradient(loss, x))

    return both


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", BY_AXIS)
def test_axes_given_as_tensors(name: str, axis: int) -> None:
    run = with_gradient(BY_AXIS[name])
    for found, wanted in zip(tf.function(run)(tf.constant(X), tf.constant(axis)), run(tf.constant(X), axis)):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("name", OF_ANY_RANK)
def test_tensors_of_unknown_rank(name: str) -> None:
    run = with_gradient(OF_ANY_RANK[name])
    traced = tf.function(run, input_signature=[tf.TensorSpec(None)])
    for found, wanted in zip(traced(tf.constant(X)), run(tf.constant(X))):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
