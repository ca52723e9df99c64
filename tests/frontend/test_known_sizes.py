"""What is known of small integer tensors while a function is traced."""

from __future__ import annotations

from typing import Any

import pytest

import graphtf as tf


@pytest.mark.parametrize(
    ("compare", "want"),
    [
        (lambda n: n > 3, True), (lambda n: n > 4, False), (lambda n: n <= 4, True), (lambda n: n < 4, False),
        (lambda n: tf.equal(n, 4), True), (lambda n: tf.not_equal(n, 4), False), (lambda n: n >= 5, False),
    ],
)  # fmt: skip
def test_comparisons_of_sizes(compare: Any, want: bool) -> None:
    found: list[Any] = []

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def f(x: Any) -> Any:
        sizes = tf.shape(x)
        found.extend([tf.get_static_value(compare(sizes[-1])), tf.get_static_value(compare(sizes[0]))])
        return compare(sizes[-1])

    assert bool(f(tf.zeros([9, 4]))) is want
    assert found == [want, None]  # the other size only run time knows
