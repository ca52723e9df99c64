"""The workloads on TensorFlow's API: for TensorFlow itself, with and without XLA, and for GraphTF.

`WORKS[name](tf, compiled, arrays)` gives a function of no arguments that does one step; `compiled` is `tf.function`
with whatever options are measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peers.inputs import HEADS, SEQUENCE, STEPS, UNITS, WIDTH, Arrays

Step = Callable[[], Any]


def huber(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    a, b = tf.constant(arrays["a"]), tf.constant(arrays["b"])

    def loss(y: Any, p: Any) -> Any:
        e = tf.abs(y - p)
        return tf.reduce_mean(tf.where(e < 1.0, 0.5 * e * e, e - 0.5))

    f = compiled(loss)
    return lambda: f(a, b)


def gelu(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    x = tf.constant(arrays["x"])
    f = compiled(lambda x: 0.5 * x * (1.0 + tf.tanh(0.7978845608 * (x + 0.044715 * x * x * x))))
    return lambda: f(x)


def softmax(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    x = tf.constant(arrays["x"])
    f = compiled(tf.nn.softmax)
    return lambda: f(x)


def normalised(tf: Any, x: Any, scale: Any, shift: Any) -> Any:
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5) * scale + shift


def layernorm(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    x, scale, shift = (tf.constant(arrays[k]) for k in ("x", "scale", "shift"))
    f = compiled(lambda x: normalised(tf, x, scale, shift))
    return lambda: f(x)


def matmul(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    a, b = tf.constant(arrays["a"]), tf.constant(arrays["b"])
    f = compiled(lambda a, b: a @ b)
    return lambda: f(a, b)


def add(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    a, b = tf.constant(arrays["a"]), tf.constant(arrays["b"])
    return lambda: a + b


def tape(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    w, x = tf.Variable(arrays["a"]), tf.constant(arrays["b"])

    def run() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * x)
        return tape.gradient(loss, w)

    return run


def call(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    a, b = tf.constant(arrays["a"]), tf.constant(arrays["b"])
    f = compiled(lambda a, b: a + b)
    return lambda: f(a, b)


def cross_entropy(tf: Any, labels: Any, logits: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def dense(tf: Any, weights: list[Any], biases: list[Any], x: Any) -> Any:
    last = len(weights) - 1
    for k, (w, b) in enumerate(zip(weights, biases)):
        x = x @ w + b
        x = x if k == last else tf.nn.relu(x)
    return x


def mlpfwd(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    weights, biases = ([tf.Variable(arrays[f"{kind}{k}"]) for k in range(3)] for kind in "wb")
    x = tf.constant(arrays["x"])
    f = compiled(lambda x: dense(tf, weights, biases, x))
    return lambda: f(x)


def mlp(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    weights, biases = ([tf.Variable(arrays[f"{kind}{k}"]) for k in range(3)] for kind in "wb")
    variables = weights + biases
    means = [tf.Variable(tf.zeros_like(v)) for v in variables]
    squares = [tf.Variable(tf.zeros_like(v)) for v in variables]
    count = tf.Variable(0.0)
    x, y = tf.constant(arrays["x"]), tf.constant(arrays["y"])

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = cross_entropy(tf, y, dense(tf, weights, biases, x))
        count.assign_add(1.0)
        rate = 1e-3 * tf.sqrt(1.0 - tf.pow(0.999, count)) / (1.0 - tf.pow(0.9, count))
        for v, g, m, s in zip(variables, tape.gradient(loss, variables), means, squares):
            m.assign(0.9 * m + 0.1 * g)
            s.assign(0.999 * s + 0.001 * g * g)
            v.assign_sub(rate * m / (tf.sqrt(s) + 1e-7))
        return loss

    f = compiled(step)
    return lambda: f(x, y)


def cnn(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    variables = [tf.Variable(arrays[k]) for k in ("k1", "k2", "w1", "w2")]
    x, y = tf.constant(arrays["x"]), tf.constant(arrays["y"])
    n = len(arrays["y"])

    def step(x: Any, y: Any) -> Any:
        k1, k2, w1, w2 = variables
        with tf.GradientTape() as tape:
            h = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, k1, 1, "SAME")), 2, 2, "VALID")
            h = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(h, k2, 1, "SAME")), 2, 2, "VALID")
            loss = cross_entropy(tf, y, tf.nn.relu(tf.reshape(h, [n, -1]) @ w1) @ w2)
        for v, g in zip(variables, tape.gradient(loss, variables)):
            v.assign_sub(1e-3 * g)
        return loss

    f = compiled(step)
    return lambda: f(x, y)


_ATTENTION = ("qkv", "out", "up", "down", "scale1", "shift1", "scale2", "shift2")


def attn(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    variables = [tf.Variable(arrays[k]) for k in _ATTENTION]
    x = tf.constant(arrays["x"])
    n, size = len(arrays["x"]), WIDTH // HEADS

    def block(x: Any) -> Any:
        qkv, out, up, down, scale1, shift1, scale2, shift2 = variables
        parts = tf.reshape(normalised(tf, x, scale1, shift1) @ qkv, [n, SEQUENCE, 3, HEADS, size])
        q, k, v = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * size**-0.5)
        mixed = tf.reshape(tf.transpose(weights @ v, [0, 2, 1, 3]), [n, SEQUENCE, WIDTH])
        h = x + mixed @ out
        u = normalised(tf, h, scale2, shift2) @ up
        u = 0.5 * u * (1.0 + tf.tanh(0.7978845608 * (u + 0.044715 * u * u * u)))
        return h + u @ down

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(block(x)))
        for v, g in zip(variables, tape.gradient(loss, variables)):
            v.assign_sub(1e-4 * g)
        return loss

    f = compiled(step)
    return lambda: f(x)


def lstm(tf: Any, compiled: Any, arrays: Arrays) -> Step:
    variables = [tf.Variable(arrays[k]) for k in ("wx", "wh", "bias")]
    x = tf.constant(arrays["x"])
    n = len(arrays["x"])

    def cell(k: Any, h: Any, c: Any, xs: Any) -> Any:
        wx, wh, bias = variables
        i, f, g, o = tf.split(xs[k] @ wx + h @ wh + bias, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return k + 1, tf.sigmoid(o) * tf.tanh(c), c

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            xs = tf.transpose(x, [1, 0, 2])
            zero = tf.zeros([n, UNITS])
            first = (tf.constant(0), zero, zero)
            _, h, _ = tf.while_loop(
                lambda k, h, c: k < STEPS, lambda k, h, c: cell(k, h, c, xs), first, maximum_iterations=STEPS
            )
            loss = tf.reduce_mean(tf.square(h))
        for v, g in zip(variables, tape.gradient(loss, variables)):
            v.assign_sub(1e-2 * g)
        return loss

    f = compiled(step)
    return lambda: f(x)


_ALL = (huber, gelu, softmax, layernorm, matmul, add, tape, call, mlpfwd, mlp, cnn, attn, lstm)
WORKS = {f.__name__: f for f in _ALL}
