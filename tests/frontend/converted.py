"""What tests of AutoGraph compare: a function as it is, and traced."""

from __future__ import annotations

import numpy as np

import graphtf as tf


def same(f, *cases):
    """Run f as it is, and traced, on each case of arguments; the traced one must not be unrolled for a value."""
    traced = tf.function(f)
    for args in cases:
        tensors = [tf.constant(a) if not isinstance(a, (tuple, dict)) else a for a in args]
        want, got = f(*tensors), traced(*tensors)
        for a, b in zip(tf.nest.flatten(want), tf.nest.flatten(got), strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    return traced
