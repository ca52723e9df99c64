"""`shapes.SHAPES` on TensorFlow's API: `OPS[name](tf, …)` of the arrays in their order."""

from __future__ import annotations

from typing import Any

from peers.shapes import SEGMENTS
from peers.work import Arrays, Step


def _half(tf: Any, x: Any, w: Any) -> Any:
    return tf.cast(tf.cast(x, tf.bfloat16) @ tf.cast(w, tf.bfloat16), tf.float32)


OPS: dict[str, Any] = {
    **dict.fromkeys(("tall", "flat", "odd", "batched", "double", "integer", "matvec"), lambda tf, x, w: x @ w),
    "adjoint": lambda tf, x, w: tf.matmul(x, w, transpose_a=True),
    "half": _half,
    "sum0": lambda tf, x: tf.reduce_sum(x, 0),
    "sum1": lambda tf, x: tf.reduce_sum(x, 1),
    "middle": lambda tf, x: tf.reduce_max(x, 1),
    "transpose": lambda tf, x: tf.transpose(x) + 1.0,
    "heads": lambda tf, x: tf.transpose(x, (0, 2, 1, 3)) + 1.0,
    "concat": lambda tf, x, w: tf.concat([x, w], 1),
    "lookup": lambda tf, x, at: tf.gather(x, at),
    "segments": lambda tf, x, at: tf.math.unsorted_segment_sum(x, at, SEGMENTS),
    "cumsum": lambda tf, x: tf.cumsum(x, 1),
    "argmax": lambda tf, x: tf.argmax(x, 1),
    "sort": lambda tf, x: tf.sort(x, 1),
    "topk": lambda tf, x: tf.math.top_k(x, 10)[0],
    **dict.fromkeys(("conv3x3", "conv1x1"), lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME")),
    "strided": lambda tf, x, w: tf.nn.conv2d(x, w, 2, "SAME"),
    "dilated": lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME", dilations=2),
    "depthwise": lambda tf, x, w: tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME"),
    "conv1d": lambda tf, x, w: tf.nn.conv1d(x, w, 1, "SAME"),
    "conv3d": lambda tf, x, w: tf.nn.conv3d(x, w, [1] * 5, "SAME"),
    "maxpool": lambda tf, x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
}


def step(name: str, tf: Any, compiled: Any, arrays: Arrays) -> Step:
    """The op on these arrays."""
    given, op = [tf.constant(a) for a in arrays.values()], OPS[name]
    f = compiled(lambda *operands: op(tf, *operands))
    return lambda: f(*given)
