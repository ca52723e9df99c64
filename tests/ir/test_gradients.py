"""Every vjp rule against differences in double precision, and the derivative of the rule itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.op import Op, Sample, Trait

from .op_samples import WIDE, Array, attributes, cases, draw, rng_for
from .tape import Box, Tape

STEP = 1e-6
TOLERANCE = {"rtol": 2e-5, "atol": 2e-7}


def differentiable(op: Op, sample: Sample) -> bool:
    return sample.grad and callable(op.vjp) and not op.traits & Trait.ZERO_GRADIENT


CASES = [pytest.param(op, s, id=name) for name, op, s in cases() if differentiable(op, s)]


def is_inexact(a: Array) -> bool:
    return a.dtype.kind in "fc"


def pairing(a: Any, b: Any) -> float:
    """Re Σ conj(a) b: what a cotangent a and a tangent b give."""
    return float(np.sum(np.conj(a) * b).real)


def like(a: Array, rng: np.random.Generator) -> Array:
    out = rng.uniform(-1, 1, a.shape)
    return np.asarray(out + 1j * rng.uniform(-1, 1, a.shape) if a.dtype.kind == "c" else out).astype(a.dtype)


class Function:
    """An op with its attributes, and random cotangents of its inexact results."""

    def __init__(self, op: Op, sample: Sample, rng: np.random.Generator) -> None:
        self.op, self.attrs, self.rng = op, attributes(sample, WIDE), rng
        self.arrays = draw(sample, rng, WIDE)
        self.wrt = [k for k, a in enumerate(self.arrays) if is_inexact(a)]
        self.cts = [like(o, rng) if is_inexact(o) else None for o in self.outputs(self.arrays)]

    def outputs(self, arrays: list[Array]) -> tuple[Array, ...]:
        out = self.op.ref(*arrays, **self.attrs)
        return out if isinstance(out, tuple) else (out,)

    def value(self, arrays: list[Array]) -> float:
        return sum(pairing(c, o) for c, o in zip(self.cts, self.outputs(arrays)) if c is not None)

    def gradient(self, tape: Tape, boxes: list[Box]) -> list[Box | None]:
        outs = tape.apply(self.op, boxes, self.attrs)
        cts = [None if c is None else Box(c) for c in self.cts]
        return tape.gradient(outs, cts, [boxes[k] for k in self.wrt])

    def gradient_arrays(self, arrays: list[Array]) -> list[Array]:
        found = self.gradient(Tape(), [Box(a) for a in arrays])
        return [np.zeros_like(arrays[k]) if g is None else g.array for k, g in zip(self.wrt, found)]

    def moved(self, k: int, direction: Array, by: float) -> list[Array]:
        return [np.asarray(a + by * direction) if i == k else a for i, a in enumerate(self.arrays)]


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_vjp_is_the_difference(op: Op, sample: Sample, request: pytest.FixtureRequest) -> None:
    f = Function(op, sample, rng_for(request.node.callspec.id))
    for k, g in zip(f.wrt, f.gradient_arrays(f.arrays)):
        assert g.shape == f.arrays[k].shape and g.dtype == f.arrays[k].dtype
        for _ in range(3):
            v = like(f.arrays[k], f.rng)
            expected = (f.value(f.moved(k, v, STEP)) - f.value(f.moved(k, v, -STEP))) / (2 * STEP)
            np.testing.assert_allclose(pairing(g, v), expected, **TOLERANCE)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_vjp_of_the_vjp_is_the_difference(op: Op, sample: Sample, request: pytest.FixtureRequest) -> None:
    f = Function(op, sample, rng_for(request.node.callspec.id))
    tape, boxes = Tape(), [Box(a) for a in f.arrays]
    first = f.gradient(tape, boxes)
    weights = [None if g is None else like(g.array, f.rng) for g in first]
    pairs = [(g, Box(w)) for g, w in zip(first, weights) if g is not None and w is not None]
    if not pairs:
        return

    def value(arrays: list[Array]) -> float:
        return sum(pairing(w, g) for w, g in zip(weights, f.gradient_arrays(arrays)) if w is not None)

    try:
        second = tape.gradient([g for g, _ in pairs], [w for _, w in pairs], [boxes[k] for k in f.wrt])
    except NotImplementedError as missing:
        pytest.skip(str(missing))
    for k, g in zip(f.wrt, second):
        v = like(f.arrays[k], f.rng)
        expected = (value(f.moved(k, v, STEP)) - value(f.moved(k, v, -STEP))) / (2 * STEP)
        got = 0.0 if g is None else pairing(g.array, v)
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-6)
