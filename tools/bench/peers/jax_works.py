"""The workloads in JAX. `WORKS[name](arrays)` gives a function of no arguments that does one step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from peers.inputs import HEADS, SEQUENCE, STEPS, UNITS, WIDTH, Arrays

Step = Callable[[], Any]


def applied(f: Callable[..., Any], *operands: Any) -> Step:
    """A compiled function on fixed operands."""
    made, given = jax.jit(f), [jnp.asarray(x) for x in operands]
    return lambda: made(*given)


def huber(arrays: Arrays) -> Step:
    def loss(y: Any, p: Any) -> Any:
        e = jnp.abs(y - p)
        return jnp.mean(jnp.where(e < 1, 0.5 * e * e, e - 0.5))

    return applied(loss, arrays["a"], arrays["b"])


def gelu(arrays: Arrays) -> Step:
    return applied(lambda x: 0.5 * x * (1 + jnp.tanh(0.7978845608 * (x + 0.044715 * x * x * x))), arrays["x"])


def softmax(arrays: Arrays) -> Step:
    return applied(jax.nn.softmax, arrays["x"])


def normalised(x: Any, scale: Any, shift: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + shift


def layernorm(arrays: Arrays) -> Step:
    return applied(normalised, arrays["x"], arrays["scale"], arrays["shift"])


def matmul(arrays: Arrays) -> Step:
    return applied(lambda a, b: a @ b, arrays["a"], arrays["b"])


def add(arrays: Arrays) -> Step:
    a, b = jnp.asarray(arrays["a"]), jnp.asarray(arrays["b"])
    return lambda: a + b


def tape(arrays: Arrays) -> Step:
    gradient = jax.grad(lambda w, x: jnp.sum(w * x))
    w, x = jnp.asarray(arrays["a"]), jnp.asarray(arrays["b"])
    return lambda: gradient(w, x)


def call(arrays: Arrays) -> Step:
    return applied(lambda a, b: a + b, arrays["a"], arrays["b"])


def dense(weights: Any, biases: Any, x: Any) -> Any:
    last = len(weights) - 1
    for k, (w, b) in enumerate(zip(weights, biases)):
        x = x @ w + b
        x = x if k == last else jax.nn.relu(x)
    return x


def cross_entropy(labels: Any, logits: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1))


def mlpfwd(arrays: Arrays) -> Step:
    weights, biases = ([jnp.asarray(arrays[f"{kind}{k}"]) for k in range(3)] for kind in "wb")
    made, x = jax.jit(dense), jnp.asarray(arrays["x"])
    return lambda: made(weights, biases, x)


def stepping(state: Any, step: Callable[..., Any], *operands: Any) -> Step:
    """A compiled step that replaces its state and gives the loss."""
    made, given = jax.jit(step, donate_argnums=0), [jnp.asarray(x) for x in operands]
    kept = [state]

    def run() -> Any:
        kept[0], loss = made(kept[0], *given)
        return loss

    return run


def mlp(arrays: Arrays) -> Step:
    parameters = [[jnp.asarray(arrays[f"{kind}{k}"]) for k in range(3)] for kind in "wb"]
    zeros = partial(jax.tree.map, jnp.zeros_like)

    def step(state: Any, x: Any, y: Any) -> Any:
        parameters, means, squares, count = state
        loss, gradients = jax.value_and_grad(lambda p: cross_entropy(y, dense(*p, x)))(parameters)
        count = count + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, gradients)
        parameters = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-7), parameters, means, squares)
        return (parameters, means, squares, count), loss

    return stepping((parameters, zeros(parameters), zeros(parameters), jnp.array(0.0)), step, arrays["x"], arrays["y"])


def descend(parameters: Any, loss_of: Callable[..., Any], rate: float, *operands: Any) -> Step:
    """Plain gradient descent."""

    def step(state: Any, *given: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(state, *given)
        return jax.tree.map(lambda p, g: p - rate * g, state, gradients), loss

    return stepping([jnp.asarray(p) for p in parameters], step, *operands)


def cnn(arrays: Arrays) -> Step:
    def convolved(x: Any, k: Any) -> Any:
        h = jax.lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jax.lax.reduce_window(jax.nn.relu(h), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        k1, k2, w1, w2 = parameters
        h = convolved(convolved(x, k1), k2).reshape(len(y), -1)
        return cross_entropy(y, jax.nn.relu(h @ w1) @ w2)

    return descend([arrays[k] for k in ("k1", "k2", "w1", "w2")], loss_of, 1e-3, arrays["x"], arrays["y"])


def attn(arrays: Arrays) -> Step:
    n, size = len(arrays["x"]), WIDTH // HEADS
    names = ("qkv", "out", "up", "down", "scale1", "shift1", "scale2", "shift2")

    def loss_of(parameters: Any, x: Any) -> Any:
        qkv, out, up, down, scale1, shift1, scale2, shift2 = parameters
        parts = (normalised(x, scale1, shift1) @ qkv).reshape(n, SEQUENCE, 3, HEADS, size)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) * size**-0.5)
        h = x + (weights @ v).transpose(0, 2, 1, 3).reshape(n, SEQUENCE, WIDTH) @ out
        u = jax.nn.gelu(normalised(h, scale2, shift2) @ up, approximate=True)
        return jnp.mean((h + u @ down) ** 2)

    return descend([arrays[k] for k in names], loss_of, 1e-4, arrays["x"])


def lstm(arrays: Arrays) -> Step:
    n = len(arrays["x"])

    def loss_of(parameters: Any, x: Any) -> Any:
        wx, wh, bias = parameters

        def cell(state: Any, xk: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(xk @ wx + h @ wh + bias, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((n, UNITS))
        (h, _), _ = jax.lax.scan(cell, (zero, zero), x.transpose(1, 0, 2), length=STEPS)
        return jnp.mean(h**2)

    return descend([arrays[k] for k in ("wx", "wh", "bias")], loss_of, 1e-2, arrays["x"])


_ALL = (huber, gelu, softmax, layernorm, matmul, add, tape, call, mlpfwd, mlp, cnn, attn, lstm)
WORKS = {f.__name__: f for f in _ALL}
