"""The workloads as NumPy users write them, without gradients. `WORKS[name](arrays)` gives a function that does one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from peers.inputs import Arrays

Step = Callable[[], Any]


def huber(arrays: Arrays) -> Step:
    a, b = arrays["a"], arrays["b"]

    def run() -> Any:
        e = np.abs(a - b)
        return np.where(e < 1, np.float32(0.5) * e * e, e - np.float32(0.5)).mean()

    return run


def gelu(arrays: Arrays) -> Step:
    x, f = arrays["x"], np.float32
    return lambda: f(0.5) * x * (f(1) + np.tanh(f(0.7978845608) * (x + f(0.044715) * x * x * x)))


def softmax(arrays: Arrays) -> Step:
    x = arrays["x"]

    def run() -> Any:
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    return run


def layernorm(arrays: Arrays) -> Step:
    x, scale, shift = arrays["x"], arrays["scale"], arrays["shift"]

    def run() -> Any:
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + np.float32(1e-5)) * scale + shift

    return run


def matmul(arrays: Arrays) -> Step:
    a, b = arrays["a"], arrays["b"]
    return lambda: a @ b


def add(arrays: Arrays) -> Step:
    a, b = arrays["a"], arrays["b"]
    return lambda: a + b


def mlpfwd(arrays: Arrays) -> Step:
    def run() -> Any:
        h = arrays["x"]
        for k in range(3):
            h = h @ arrays[f"w{k}"] + arrays[f"b{k}"]
            h = h if k == 2 else np.maximum(h, 0)
        return h

    return run


WORKS = {f.__name__: f for f in (huber, gelu, softmax, layernorm, matmul, add, mlpfwd)}
