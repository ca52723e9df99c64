"""What `experimental_enable_numpy_behavior` turns on, in a process of its own: it cannot be turned off again."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import numpy as np
import graphtf as tf

tf.experimental.numpy.experimental_enable_numpy_behavior()
a = np.arange(24).reshape(2, 3, 4)
x = tf.constant(a)
keys = [
    [0, 1], (0, [1, 0]), (slice(None), [0, 2], slice(1, 3)), ([0, 1], slice(None), [1, 2]), np.array([[0, 1], [1, 0]]),
    (..., [3, -1]), ([0, 1], [1, 2]), (None, [0]), ([[0, 1]], 0), (0, [True, False, True]), [True, False],
    (slice(None), [1], None, [0]), (1, [0, 2], [1, 3]),
    (slice(None), (True, False, True)), ((0, 1), slice(None), (0, 2)), ([1, 0], None, slice(None, None, -1)), a > 5,
]
for key in keys:
    for found in (x[key], tf.function(lambda t: t[key])(x)):
        np.testing.assert_array_equal(found, a[key], str(key))
try:
    x[[5]]
except tf.errors.InvalidArgumentError:
    pass
else:
    raise AssertionError("out of range")
b, c = tf.constant([1, 2]), tf.constant([1.5, 2.5])
for found, wanted in (
    (b + c, [2.5, 4.5]), (b * 2.5, [2.5, 5.0]), (b < c, [True, True]), (b == c, [False, False]), (1.5 - b, [0.5, -0.5]),
    (x.T[0, 0], [0, 12]), (x.reshape([4, -1]).max(1)[:1], [5]),
    (np.mean(x, axis=1)[0], [4.0, 5.0, 6.0, 7.0]), (np.max(x, keepdims=True)[0, 0], [23]),
    (np.transpose(x)[0, 0], [0, 12]), (c.astype("int32"), [1, 2]),
):
    assert found.numpy().tolist() == wanted, (found, wanted)
assert not hasattr(x, "sum") and np.sum(x) == 276  # NumPy computes what is no method of TensorFlow's
assert (b + c).dtype == tf.float64 and tf.experimental.numpy.promote_types(int, "float32") == np.dtype("float64")
print("fine")
"""


def test_indexing_and_promotion_in_a_process_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "fine\n", done.stderr
