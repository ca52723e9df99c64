"""The workloads by name: their arrays, and how many bytes they must move or operations they must do.

A name has a size: `huber:65536` elements, `softmax:4096` rows of 1024, `matmul:512` square, `mlp:32` batch.
Entry point: `arrays(work)`.
"""

from __future__ import annotations

import itertools

import numpy as np
from peers.shapes import SHAPES
from peers.work import Arrays, Work, normal

ROW = 1024  # elements of a row in softmax and layernorm
MLP = (784, 300, 100, 10)
SEQUENCE, WIDTH, HEADS = 128, 256, 8  # of the transformer block
EAGER = ("add", "tape")  # workloads that are not compiled
STEPS, FEATURES, UNITS = 50, 8, 64  # of the recurrent layer


def _pair(rng: np.random.Generator, n: int) -> Arrays:
    return {"a": normal(rng, n), "b": normal(rng, n)}


def _vector(rng: np.random.Generator, n: int) -> Arrays:
    return {"x": normal(rng, n)}


def _rows(rng: np.random.Generator, n: int) -> Arrays:
    return {"x": normal(rng, n, ROW), "scale": normal(rng, ROW), "shift": normal(rng, ROW)}


def _square(rng: np.random.Generator, n: int) -> Arrays:
    return {"a": normal(rng, n, n), "b": normal(rng, n, n)}


def _mlp(rng: np.random.Generator, n: int) -> Arrays:
    found = {"x": normal(rng, n, MLP[0]), "y": rng.integers(0, MLP[-1], n).astype(np.int32)}
    for k, (i, o) in enumerate(itertools.pairwise(MLP)):
        found[f"w{k}"] = normal(rng, i, o, scale=(2 / i) ** 0.5)
        found[f"b{k}"] = np.zeros(o, np.float32)
    return found


def _cnn(rng: np.random.Generator, n: int) -> Arrays:
    return {
        "x": normal(rng, n, 28, 28, 1), "y": rng.integers(0, 10, n).astype(np.int32),
        "k1": normal(rng, 3, 3, 1, 32, scale=0.3), "k2": normal(rng, 3, 3, 32, 64, scale=0.08),
        "w1": normal(rng, 7 * 7 * 64, 128, scale=0.02), "w2": normal(rng, 128, 10, scale=0.1),
    }  # fmt: skip


def _attention(rng: np.random.Generator, n: int) -> Arrays:
    d = WIDTH
    return {
        "x": normal(rng, n, SEQUENCE, d),
        "qkv": normal(rng, d, 3 * d, scale=0.06), "out": normal(rng, d, d, scale=0.06),
        "up": normal(rng, d, 4 * d, scale=0.06), "down": normal(rng, 4 * d, d, scale=0.03),
        "scale1": np.ones(d, np.float32), "shift1": np.zeros(d, np.float32),
        "scale2": np.ones(d, np.float32), "shift2": np.zeros(d, np.float32),
    }  # fmt: skip


def _lstm(rng: np.random.Generator, n: int) -> Arrays:
    return {
        "x": normal(rng, n, STEPS, FEATURES), "wx": normal(rng, FEATURES, 4 * UNITS, scale=0.2),
        "wh": normal(rng, UNITS, 4 * UNITS, scale=0.1), "bias": np.zeros(4 * UNITS, np.float32),
    }  # fmt: skip


def _mlp_flops(n: int) -> float:
    return sum(2.0 * n * i * o for i, o in itertools.pairwise(MLP))


def _attention_flops(n: int) -> float:
    dense = 2.0 * SEQUENCE * WIDTH * WIDTH * (3 + 1 + 4 + 4)
    return 3 * n * (dense + 2 * 2.0 * SEQUENCE * SEQUENCE * WIDTH)


def _cnn_flops(n: int) -> float:
    return 3 * 2.0 * n * (28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 3136 * 128 + 1280)


WORKS = {
    "huber": Work("Huber loss of two vectors, one number", _pair, lambda n: 8.0 * n, "B"),
    "gelu": Work("GELU by tanh, elementwise", _vector, lambda n: 8.0 * n, "B"),
    "softmax": Work(f"softmax of rows of {ROW}", _rows, lambda n: 8.0 * n * ROW, "B"),
    "layernorm": Work(f"layer normalisation of rows of {ROW}", _rows, lambda n: 8.0 * n * ROW, "B"),
    "matmul": Work("product of two square matrices", _square, lambda n: 2.0 * n**3, "FLOP"),
    "mlpfwd": Work("784-300-100-10, prediction", _mlp, _mlp_flops, "FLOP"),
    "mlp": Work("784-300-100-10, training step with Adam", _mlp, lambda n: 3 * _mlp_flops(n), "FLOP"),
    "cnn": Work("two convolutions, two dense layers, training step", _cnn, _cnn_flops, "FLOP"),
    "attn": Work("transformer block, forward and backward, SGD", _attention, _attention_flops, "FLOP"),
    "lstm": Work(f"LSTM over {STEPS} steps, {UNITS} units, forward and backward", _lstm,
                 lambda n: 3 * 2.0 * n * STEPS * (FEATURES + UNITS) * 4 * UNITS, "FLOP"),
    "add": Work("x + y on n×n matrices, eagerly", _square, lambda n: 12.0 * n * n, "B"),
    "tape": Work("the gradient of sum(x * y) on n×n matrices, eagerly", _square, lambda n: 2.0 * n * n, "FLOP"),
    "call": Work("x + y on n×n matrices: the overhead of a call", _square, lambda n: 12.0 * n * n, "B"),
    **SHAPES,
}  # fmt: skip


def split(work: str) -> tuple[Work, int]:
    """The workload and size of a name. Raises ValueError for another."""
    name, _, size = work.partition(":")
    if name not in WORKS or not size.isdecimal() or int(size) < 1:
        raise ValueError(f"no workload {work!r}; expected NAME:SIZE with NAME among {', '.join(WORKS)}")
    return WORKS[name], int(size)


def arrays(work: str) -> Arrays:
    """The arrays of a workload, the same every time."""
    chosen, n = split(work)
    return chosen.make(np.random.default_rng(7), n)
