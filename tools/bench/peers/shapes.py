"""More workloads: other shapes, layouts, types and ops than those of `inputs.py`, each one op and its arrays.

As in `inputs.py`, `NAME:SIZE` names one. Entry point: `SHAPES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from peers.work import Arrays, Work, normal

ROWS, COLUMNS = 50_000, 128  # of the table that is looked up in
SEGMENTS = 5_000


def _floats(*shapes: Any) -> Callable[[np.random.Generator, int], Arrays]:
    """Arrays x and w; "n" in a shape is the size."""

    def make(rng: np.random.Generator, n: int) -> Arrays:
        return {k: normal(rng, *(n if d == "n" else d for d in s)) for k, s in zip("xw", shapes)}

    return make


def _doubles(rng: np.random.Generator, n: int) -> Arrays:
    return {"x": rng.standard_normal((n, n)), "w": rng.standard_normal((n, n))}


def _integers(rng: np.random.Generator, n: int) -> Arrays:
    return {k: rng.integers(-9, 10, (n, n)).astype(np.int32) for k in "xw"}


def _rows(rng: np.random.Generator, n: int) -> Arrays:
    return {"x": normal(rng, ROWS, COLUMNS), "at": rng.integers(0, ROWS, n).astype(np.int32)}


def _segments(rng: np.random.Generator, n: int) -> Arrays:
    return {"x": normal(rng, n, COLUMNS), "at": rng.integers(0, SEGMENTS, n).astype(np.int32)}


def _image(*filters: int) -> Callable[[np.random.Generator, int], Arrays]:
    return _floats(("n", 56, 56, 64), filters)


_PLANE = 56.0 * 56
SHAPES = {
    "tall": Work("n×64 by 64×64", _floats(("n", 64), (64, 64)), lambda n: 2.0 * n * 64 * 64, "FLOP"),
    "flat": Work("17×n by n×1000", _floats((17, "n"), ("n", 1000)), lambda n: 2.0 * 17 * n * 1000, "FLOP"),
    "odd": Work("square matrices of an odd size", _floats(("n", "n"), ("n", "n")), lambda n: 2.0 * n**3, "FLOP"),
    "adjoint": Work("xᵀ w, square", _floats(("n", "n"), ("n", "n")), lambda n: 2.0 * n**3, "FLOP"),
    "batched": Work("n products of 50×50", _floats(("n", 50, 50), ("n", 50, 50)), lambda n: 2.0 * n * 50**3, "FLOP"),
    "double": Work("square matrices of float64", _doubles, lambda n: 2.0 * n**3, "FLOP"),
    "half": Work("square matrices as bfloat16", _floats(("n", "n"), ("n", "n")), lambda n: 2.0 * n**3, "FLOP"),
    "integer": Work("square matrices of int32", _integers, lambda n: 2.0 * n**3, "FLOP"),
    "matvec": Work("n×n by a vector", _floats(("n", "n"), ("n", 1)), lambda n: 4.0 * n * n, "B"),
    "sum0": Work("sum over axis 0 of n×1500", _floats(("n", 1500)), lambda n: 6000.0 * n, "B"),
    "sum1": Work("sum over axis 1 of n×1500", _floats(("n", 1500)), lambda n: 6000.0 * n, "B"),
    "middle": Work("maximum over axis 1 of n×200×250", _floats(("n", 200, 250)), lambda n: 2e5 * n, "B"),
    "transpose": Work("transpose of n×1500, plus 1", _floats(("n", 1500)), lambda n: 12_000.0 * n, "B"),
    "heads": Work("n×128×8×64, middle axes swapped, plus 1", _floats(("n", 128, 8, 64)), lambda n: 524_288.0 * n, "B"),
    "concat": Work("n×300 beside n×501", _floats(("n", 300), ("n", 501)), lambda n: 6408.0 * n, "B"),
    "lookup": Work(f"n rows of {ROWS}×{COLUMNS}", _rows, lambda n: 8.0 * n * COLUMNS, "B"),
    "segments": Work(f"n rows added up in {SEGMENTS}", _segments, lambda n: 8.0 * n * COLUMNS, "B"),
    "cumsum": Work("running sums along axis 1 of n×1500", _floats(("n", 1500)), lambda n: 12_000.0 * n, "B"),
    "argmax": Work("argmax along axis 1 of n×1500", _floats(("n", 1500)), lambda n: 6000.0 * n, "B"),
    "sort": Work("n rows of 1000 sorted", _floats(("n", 1000)), lambda n: 8000.0 * n, "B"),
    "topk": Work("the largest 10 of n rows of 1000", _floats(("n", 1000)), lambda n: 4000.0 * n, "B"),
    "conv3x3": Work("n images 56×56×64, 64 filters 3×3", _image(3, 3, 64, 64), lambda n: 2 * n * _PLANE * 9 * 4096,
                    "FLOP"),
    "conv1x1": Work("n images 56×56×64, 128 filters 1×1", _image(1, 1, 64, 128), lambda n: 2 * n * _PLANE * 8192,
                    "FLOP"),
    "strided": Work("conv3x3 by steps of 2", _image(3, 3, 64, 64), lambda n: n * _PLANE / 2 * 9 * 4096, "FLOP"),
    "dilated": Work("conv3x3 of every other pixel", _image(3, 3, 64, 64), lambda n: 2 * n * _PLANE * 9 * 4096, "FLOP"),
    "depthwise": Work("n images 56×56×64, each channel 3×3", _image(3, 3, 64, 1), lambda n: 2 * n * _PLANE * 576,
                      "FLOP"),
    "conv1d": Work("n rows 500×32, 64 filters 5", _floats(("n", 500, 32), (5, 32, 64)),
                   lambda n: 2.0 * n * 500 * 5 * 2048, "FLOP"),
    "conv3d": Work("n blocks 16×28×28×16, 32 filters 3×3×3", _floats(("n", 16, 28, 28, 16), (3, 3, 3, 16, 32)),
                   lambda n: 2.0 * n * 12_544 * 27 * 512, "FLOP"),
    "maxpool": Work("n images 56×56×64, maxima of 2×2", _floats(("n", 56, 56, 64)), lambda n: 5 * n * _PLANE * 64, "B"),
}  # fmt: skip
