"""Random numbers by rejection: gamma, Poisson and binomial, as many uniform numbers as it takes for each.

Invariant: element i reads its own stretch of the Philox stream, as TensorFlow's CPU kernels do, so that the numbers are
the same; all elements that lack a number take a step at once. Arithmetic is in float64. Entry points: `gamma`,
`poisson`, `binomial`, of arrays of parameters and the stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir.ops.random import blocks, counters

Array = np.ndarray[Any, Any]

BLOCKS_FOR_EACH = 256  # Philox blocks set aside for every number
_INVERSION_STRIDE = 42  # blocks set aside for a binomial number by inversion
_EPSILON = 1.0e-7  # the least uniform number whose logarithm a normal one takes
_UPPER = np.uint64(0xFFFFF)  # of a double's fraction, the bits in its upper half


@dataclass
class Stream:
    """A key, the counter where element 0 starts, and which elements there are."""

    key: Array
    counter: Array
    elements: Array  # int64


class _Stretches:
    """The parts of a stream that elements read: blocks, of which uniform and normal doubles are made in pairs.

    Of a pair the second comes first; the other is kept, NaN where there is none.
    """

    def __init__(self, stream: Stream, stride: int = BLOCKS_FOR_EACH) -> None:
        self.stream = stream
        self.at = stream.elements.astype(np.uint64) * np.uint64(stride)
        self.uniforms, self.normals = np.full((2, len(self.at)), np.nan)

    def _pairs(self, which: Array) -> tuple[Array, Array]:
        """Two uniform numbers in [0, 1) for each: its next block."""
        words = blocks(self.stream.key, *counters(self.stream.counter, self.at[which])).astype(np.uint64)
        self.at[which] += np.uint64(1)
        fractions = (words[:, 0::2] & _UPPER) << np.uint64(32) | words[:, 1::2]
        return fractions[:, 0] / 2**52, fractions[:, 1] / 2**52

    def uniform(self, which: Array) -> Array:
        """The next uniform number of each of these elements."""
        return _next(self.uniforms, which, self._pairs)

    def normal(self, which: Array) -> Array:
        """The next normal number of each."""
        return _next(self.normals, which, self._normal_pairs)

    def _normal_pairs(self, which: Array) -> tuple[Array, Array]:
        first, second = self._pairs(which)
        radius, angle = np.sqrt(-2 * np.log(np.maximum(first, _EPSILON))), 2 * math.pi * second
        return np.sin(angle) * radius, np.cos(angle) * radius


def _next(kept: Array, which: Array, pairs: Callable[[Array], tuple[Array, Array]]) -> Array:
    found = kept[which]
    kept[which] = np.nan
    lacking = np.isnan(found)
    if lacking.any():
        kept[which[lacking]], found[lacking] = pairs(which[lacking])
    return found


# ---- gamma -----------------------------------------------------------------------------------------------------------


def gamma(stream: Stream, alpha: Array) -> Array:
    """Marsaglia and Tsang's method; an exponential number for alpha = 1, and one with alpha + 1 scaled for less."""
    draw, out = _Stretches(stream), np.full(len(alpha), np.nan)
    one = np.flatnonzero(alpha == 1)
    out[one] = -np.log1p(-draw.uniform(one))
    _gamma_by_rejection(draw, alpha, out)
    small = np.flatnonzero((alpha > 0) & (alpha < 1))
    out[small] *= draw.uniform(small) ** (1 / alpha[small])
    return out


def _gamma_by_rejection(draw: _Stretches, alpha: Array, out: Array) -> None:
    d = alpha + np.where(alpha < 1, 2 / 3, -1 / 3)
    c = 1 / 3 / np.sqrt(d)
    left = np.flatnonzero((alpha > 0) & (alpha != 1))
    while left.size:
        x = draw.normal(left)
        v = (1 + c[left] * x) ** 3
        at = np.flatnonzero(v > 0)  # where not, no uniform number is drawn
        which, x, v = left[at], x[at], v[at]
        u = draw.uniform(which)
        taken = (u < 1 - 0.0331 * x**4) | (np.log(u) < 0.5 * x * x + d[which] * (1 - v + np.log(v)))
        out[which[taken]] = d[which[taken]] * v[taken]
        left = np.delete(left, at[taken])


# ---- Poisson ---------------------------------------------------------------------------------------------------------


def poisson(stream: Stream, rate: Array) -> Array:
    """Knuth's method for small rates, Hörmann's transformed rejection for others."""
    draw, out = _Stretches(stream), np.full(len(rate), np.nan)
    known = (rate >= 0) & (rate < math.inf)
    _poisson_by_products(draw, rate, np.flatnonzero(known & (rate < 10)), out)
    _poisson_transformed(draw, rate, np.flatnonzero(known & (rate >= 10)), out)
    return out


def _poisson_by_products(draw: _Stretches, rate: Array, left: Array, out: Array) -> None:
    product, count = np.ones(len(left)), 0
    while left.size:
        product *= draw.uniform(left)
        ended = product <= np.exp(-rate[left])
        out[left[ended]] = count
        left, product, count = left[~ended], product[~ended], count + 1


def _poisson_transformed(draw: _Stretches, rate: Array, left: Array, out: Array) -> None:
    while left.size:
        mean = rate[left]
        b = 0.931 + 2.53 * np.sqrt(mean)
        a = -0.059 + 0.02483 * b
        u = draw.uniform(left) - 0.5
        v = draw.uniform(left)
        inner = 0.5 - np.abs(u)
        k = np.floor((2 * a / inner + b) * u + mean + 0.43)
        taken = (inner >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
        open_ = np.flatnonzero(~taken & (k >= 0) & ((inner >= 0.013) | (v <= inner)))
        mean, b, a, v, inner, n = (x[open_] for x in (mean, b, a, v, inner, k))
        drawn = np.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (inner * inner) + b))
        taken[open_] = drawn <= -mean + n * np.log(mean) - _log_factorial(n)
        out[left[taken]] = k[taken]
        left = left[~taken]


def _log_factorial(n: Array) -> Array:
    return np.fromiter((math.lgamma(x + 1) for x in n.tolist()), np.float64, len(n))


# ---- binomial --------------------------------------------------------------------------------------------------------


def binomial(stream: Stream, count: Array, chance: Array) -> Array:
    """The failures are counted where they are the rarer."""
    out = np.where((count <= 0) | (chance <= 0), 0.0, np.where(chance >= 1, count, np.nan))
    out[np.isnan(count) | np.isnan(chance)] = np.nan
    drawn = (count > 0) & (chance > 0) & (chance < 1)
    rare = np.minimum(chance, 1 - chance)
    many = count * rare >= 10
    _binomial_transformed(_Stretches(stream), count, rare, np.flatnonzero(drawn & many), out)
    _binomial_inverted(_Stretches(stream, _INVERSION_STRIDE), count, rare, np.flatnonzero(drawn & ~many), out)
    turned = drawn & (chance > 0.5)
    out[turned] = count[turned] - out[turned]
    return out


def _binomial_inverted(draw: _Stretches, count: Array, chance: Array, left: Array, out: Array) -> None:
    """How many geometric gaps fit into so many trials."""
    passed, found = np.zeros(len(left)), 0
    while left.size:
        passed += np.ceil(np.log(draw.uniform(left)) / np.log1p(-chance[left]))
        ended = passed > count[left]
        out[left[ended]] = found
        left, passed, found = left[~ended], passed[~ended], found + 1


def _binomial_transformed(draw: _Stretches, count: Array, chance: Array, left: Array, out: Array) -> None:
    """Hörmann's transformed rejection."""
    while left.size:
        n, q = count[left], chance[left]
        spread = np.sqrt(n * q * (1 - q))
        b = 1.15 + 2.53 * spread
        a = -0.0873 + 0.0248 * b + 0.01 * q
        u, v = draw.uniform(left), draw.uniform(left)
        u -= 0.5
        inner = 0.5 - np.abs(u)
        k = np.floor((2 * a / inner + b) * u + n * q + 0.5)
        taken = (inner >= 0.07) & (v <= 0.92 - 4.2 / b)
        open_ = np.flatnonzero(~taken & (inner > 0) & (k >= 0) & (k <= n))
        n, q, spread, b, a, v, inner, found = (x[open_] for x in (n, q, spread, b, a, v, inner, k))
        alpha = (2.83 + 5.1 / b) * spread
        taken[open_] = np.log(v * alpha / (a / (inner * inner) + b)) <= _binomial_limit(n, q, found)
        out[left[taken]] = k[taken]
        left = left[~taken]


def _binomial_limit(n: Array, q: Array, k: Array) -> Array:
    """The logarithm of k's chance, relative to that of the mode."""
    odds, mode = q / (1 - q), np.floor((n + 1) * q)
    return (  # type: ignore[no-any-return]
        (mode + 0.5) * np.log((mode + 1) / (odds * (n - mode + 1)))
        + (n + 1) * np.log((n - mode + 1) / (n - k + 1))
        + (k + 0.5) * np.log(odds * (n - k + 1) / (k + 1))
        + _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k)
    )  # fmt: skip


def _tail(k: Array) -> Array:
    """log k! less Stirling's approximation: a series but for the first few."""
    n = k + 1
    found = (1 / 12 - (1 / 360 - 1 / 1260 / (n * n)) / (n * n)) / n
    few = np.flatnonzero(k <= 9)
    n = n[few]
    found[few] = _log_factorial(n - 1) - ((n - 0.5) * np.log(n) - n + 0.5 * math.log(2 * math.pi))
    return found  # type: ignore[no-any-return]
