"""Where the values of random programs are drawn from.

Invariant: what is drawn depends on the generator given alone. Entry points: `Domain`, `draw(type, domain, rng)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType

Array = np.ndarray[Any, Any]

WORDS = np.array([b"", b"a", b"bc", b"graph", b"\xff\x00"], object)
_WILD_SHARE = 0.3  # of the elements of a wild array


@dataclass(frozen=True)
class Domain:
    """plain: real numbers in [low, high]; whole: small integers, whose sums are exact in any order; wild: plain, with
    NaN, infinities, zeros of both signs, subnormal, huge and tiny numbers among them; given: `values`, literally."""

    kind: str = "plain"
    low: float = -2.0
    high: float = 2.0
    values: Any = None


PLAIN = Domain()
WHOLE = Domain("whole", -4, 4)
WILD = Domain("wild")


def draw(d: DType, shape: tuple[int, ...], domain: Domain, rng: np.random.Generator) -> Array:
    """An array of a dtype and shape."""
    if domain.kind == "given":
        with np.errstate(all="ignore"):
            return np.asarray(np.array(domain.values).reshape(shape), d.np)
    if d is dt.string:
        out = np.empty(shape, object)
        out[...] = rng.choice(WORDS, shape)
        return out
    if d is dt.bool_:
        return np.asarray(rng.integers(0, 2, shape), bool)
    if d.is_integer:
        return _integers(d, shape, domain, rng)
    if d.is_complex:
        parts = [_reals(d.real_dtype, shape, domain, rng) for _ in range(2)]
        out = np.empty(shape, d.np)
        out.real, out.imag = parts
        return out
    return _reals(d, shape, domain, rng)


def _integers(d: DType, shape: tuple[int, ...], domain: Domain, rng: np.random.Generator) -> Array:
    least, most = int(d.min), int(d.max)
    if domain.kind == "wild":
        edges = np.array([0, 1, least, most, most - 1, most // 2 + 1], d.np)
        some = rng.integers(least, most, shape, d.np, endpoint=True)
        return np.where(rng.random(shape) < _WILD_SHARE, rng.choice(edges, shape), some).astype(d.np)
    low = min(max(least, int(np.ceil(domain.low))), most)
    high = max(low, min(most, int(np.floor(domain.high))))
    return np.asarray(rng.integers(low, high, shape, d.np, endpoint=True), d.np)


def _reals(d: DType, shape: tuple[int, ...], domain: Domain, rng: np.random.Generator) -> Array:
    if domain.kind == "whole":
        return np.asarray(rng.integers(int(domain.low), int(domain.high), shape, endpoint=True)).astype(d.np)
    out = np.asarray(rng.uniform(domain.low, domain.high, shape)).astype(d.np)
    if domain.kind == "wild":
        with np.errstate(all="ignore"):
            edges = np.array(edge_values(d)).astype(d.np)
        out = np.where(rng.random(shape) < _WILD_SHARE, rng.choice(edges, shape), out)
    return np.asarray(out, d.np)


def edge_values(d: DType) -> list[float]:
    """What arithmetic in a floating type trips over."""
    if d.size < 2:
        return [0.0, -0.0, 1.0, -1.0, float("nan")]
    tiny = float(np.nextafter(np.zeros((), d.np), np.ones((), d.np))) if d.np.kind == "f" else 1e-40
    most = float(d.max)
    return [
        0.0, -0.0, 1.0, -1.0, 0.5, float("inf"), float("-inf"), float("nan"), tiny, -tiny, 3 * tiny, most, -most,
        most / 3, 1e-20, 1e20, -1e20, 88.8, -104.0, 710.0,
    ]  # fmt: skip
