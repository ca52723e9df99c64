"""Small programs that together use every part of the road to native code, each compared with the reference.

Entry point: `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphtf as tf
from graphtf.export.portable import bound_inputs
from graphtf.tools.compare import compare


@dataclass(frozen=True)
class Result:
    """How one program fared: the largest difference, or what went wrong."""

    name: str
    largest: float
    trouble: str


def _chain(x: tf.Tensor) -> tf.Tensor:
    return tf.tanh(x) * tf.exp(-x * x) + tf.sigmoid(x) * tf.math.log1p(tf.abs(x))


def _rows(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax(x - tf.reduce_mean(x, axis=0))


def _dense(x: tf.Tensor) -> tf.Tensor:
    w = tf.reshape(tf.range(60, dtype=tf.float32) / 60.0, [12, 5])
    return tf.nn.relu(x @ w - 1.0)


def _convolution(x: tf.Tensor) -> tf.Tensor:
    images = tf.reshape(x, [-1, 4, 3, 1])
    filters = tf.reshape(tf.range(18, dtype=tf.float32) / 9.0 - 1.0, [3, 3, 1, 2])
    with tf.GradientTape() as tape:
        tape.watch(filters)
        loss = tf.reduce_sum(tf.square(tf.nn.conv2d(images, filters, 1, "SAME")))
    return tape.gradient(loss, filters)


def _loop(x: tf.Tensor) -> tf.Tensor:
    def step(k: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return k + 1, total * 0.5 + tf.cast(k, tf.float32) * x

    return tf.while_loop(lambda k, total: k < 10, step, (0, tf.zeros_like(x)))[1]


def _whole_numbers(x: tf.Tensor) -> tf.Tensor:
    k = tf.cast(x * 100.0, tf.int32)
    return tf.cumsum(tf.gather(k, [2, 0, 1], axis=1), axis=0) // 7


_PROGRAMS: dict[str, Callable[..., Any]] = {
    "elementwise chain": _chain,
    "softmax of rows": _rows,
    "dense layer": _dense,
    "convolution and its gradient": _convolution,
    "loop": _loop,
    "whole numbers, gather, running sum": _whole_numbers,
}
_SIZES = (1, 7, 32)


def run() -> Iterator[Result]:
    """Each program, for several sizes of one compilation."""
    for name, program in _PROGRAMS.items():
        largest, trouble = 0.0, ""
        try:
            concrete = tf.function(program).get_concrete_function(tf.TensorSpec([None, 12], tf.float32))
            for n in _SIZES:
                x = np.random.default_rng(n).standard_normal((n, 12)).astype(np.float32)
                found = compare(concrete.ir, [x, *bound_inputs(concrete)[1:]])
                largest = max(largest, *(d.largest for d in found))
                trouble = trouble or next((str(d) for d in found if d.matters), "")
        except Exception as error:  # noqa: BLE001 - whatever it is, the doctor reports it
            trouble = f"{type(error).__name__}: {error}"
        yield Result(name, largest, trouble)
