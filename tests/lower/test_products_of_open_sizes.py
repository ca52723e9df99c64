"""Products whose sizes only run time knows: each way they may be computed gives what the sizes known give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf

Array = np.ndarray[Any, Any]


def numbers(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).integers(-8, 9, shape).astype(np.float32)  # sums of products are exact


@pytest.fixture(scope="module")
def forward() -> Callable[..., Any]:
    spec = [tf.TensorSpec([None, 70]), tf.TensorSpec([70, 45]), tf.TensorSpec([45])]
    return tf.function(lambda x, w, b: tf.nn.relu(x @ w + b), input_signature=spec)  # type: ignore[no-any-return]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 7, 8, 13, 14, 15, 27, 28, 29, 97, 200])
def test_as_many_rows_as_come(forward: Callable[..., Any], rows: int) -> None:
    """Row by row, four at a time, or in whole tiles."""
    x, w, b = numbers(rows, 70), numbers(70, 45), numbers(45)
    np.testing.assert_array_equal(forward(x, w, b), np.maximum(x @ w + b, 0))


@pytest.fixture(scope="module", params=[45, 47, 61, 300])
def update(request: pytest.FixtureRequest) -> tuple[Callable[..., None], tf.Variable]:
    """An update in place of a variable whose last tile holds columns of the one before."""
    w = tf.Variable(tf.zeros([150, request.param]))

    @tf.function(input_signature=[tf.TensorSpec([None, 150]), tf.TensorSpec([None, request.param])])
    def step(x: Any, y: Any) -> None:
        w.assign_sub(0.5 * w + 2.0 * tf.matmul(x, y, transpose_a=True))

    return step, w


@pytest.mark.parametrize("terms", [0, 1, 7, 32, 255, 256, 257, 600])
def test_as_many_terms_as_come(update: tuple[Callable[..., None], tf.Variable], terms: int) -> None:
    """The left operand, whose terms are rows apart, where it lies; from 256 terms on copied."""
    step, w = update
    start = numbers(*w.shape) * 2
    w.assign(start)
    x, y = numbers(terms, 150), numbers(terms, w.shape[1])
    step(x, y)
    np.testing.assert_array_equal(w, start - (0.5 * start + 2 * (x.T @ y)))


@pytest.mark.parametrize("width", range(1, 48))
def test_ranges_of_known_length_end_in_narrower_vectors(width: int) -> None:
    """Of one row, which is a range of its own; of several, whose rows are."""
    for shape in ((width,), (3, width)):
        x, y = numbers(*shape), numbers(*shape[::-1]).T
        found = tf.function(lambda a, b: tf.transpose(a * 2 + 1) - tf.transpose(b))(x, y)
        np.testing.assert_array_equal(found, (x * 2 + 1).T - y.T)
