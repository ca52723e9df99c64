"""Functions that the tests of commands trace."""

import numpy as np

import graphtf as tf

weights = tf.Variable([[1.0, -1.0], [0.5, 2.0]], name="weights")


@tf.function
def layer(x):
    return tf.nn.relu(x @ weights + 1.0 * 2.0)


@tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
def logs(x):
    y = x - 1.0
    return tf.reduce_sum(tf.math.log(y) * 2.0)


def plain(x, y):
    return x + y, x - y


@tf.function
def traced(x):
    return x * 2.0


traced(tf.constant([1.0]))
number = 3
CALLED = np.float32(0)

if __name__ == "__main__":
    import sys

    print("arguments", sys.argv[1:], "result", float(tf.function(lambda a: a * 3.0)(tf.constant(2.0))))
    if "exit" in sys.argv:
        sys.exit(3)
    if "message" in sys.argv:
        sys.exit("no more")
