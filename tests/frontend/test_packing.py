"""Lists that hold tensors, as tensors: TensorFlow casts those of them that are not of the dtype that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

import graphtf as tf

CASES = [  # values, the dtype asked for, what TensorFlow gives (None: an error)
    (lambda: [tf.constant(1), 2], tf.int64, [1, 2]),
    (lambda: [tf.constant(1), tf.constant(2, tf.int64)], tf.int64, [1, 2]),
    (lambda: [tf.constant(1, tf.int64), tf.constant(2)], tf.int64, None),
    (lambda: [tf.constant(1), tf.constant(2, tf.int64)], None, None),
    (lambda: [[tf.constant(1), 3], [4, 5]], tf.float32, [[1.0, 3.0], [4.0, 5.0]]),
    (lambda: [tf.constant(1.5), 2], tf.int32, [1, 2]),
]


@pytest.mark.parametrize(("values", "dtype", "want"), CASES)
@pytest.mark.parametrize("traced", [False, True])
def test_packing(values: Any, dtype: Any, want: Any, traced: bool) -> None:
    make = lambda: tf.convert_to_tensor(values(), dtype)  # noqa: E731 - called here or traced
    run = tf.function(make) if traced else make
    if want is None:
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
            run()
        return
    found = run()
    assert found.dtype is dtype and found.numpy().tolist() == want


def test_a_condition_on_a_known_size_is_decided_while_tracing() -> None:
    from graphtf.internal.functions import smart_cond

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def f(x: Any) -> Any:
        return smart_cond(tf.shape(x)[-1] > 1, lambda: tf.argmax(x, -1), lambda: tf.cast(tf.squeeze(x, -1), tf.int64))

    assert f(tf.constant([[0.0, 1.0, 0.0, 0.0]])).numpy().tolist() == [1]
