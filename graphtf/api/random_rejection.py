"""Random numbers by rejection: gamma, Poisson and binomial, as many uniform numbers as it takes for each.

Invariant: element i reads its own stretch of the Philox stream, as TensorFlow's CPU kernels do, so that the numbers are
the same. Arithmetic is in float64. Entry points: the `tf.random` functions below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api import random_bits as bits
from graphtf.api.random import sizes
from graphtf.api.random_state import stream
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product, same
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.random import philox
from graphtf.refusal import failed, invalid
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_FLOATS = (dt.float16, dt.float32, dt.float64)
_AHEAD = 8  # blocks that a stretch computes at a time
_MASK = 2**64 - 1
_EPSILON = 1.0e-7  # the least uniform number whose logarithm a normal one takes
_INVERSION_STRIDE = 42  # blocks set aside for a binomial number by inversion


class _Stretch:
    """The part of a stream that one element reads: blocks, of which uniform and normal doubles are made in pairs."""

    def __init__(self, key: Array, counter: Array, skip: int) -> None:
        self.key, self.at = key, (int(counter[0]) | int(counter[1]) << 64) + skip
        self.words: list[int] = []
        self.uniforms: list[float] = []
        self.normals: list[float] = []

    def pair(self) -> tuple[float, float]:
        """Two uniform numbers in [0, 1): the next block."""
        if not self.words:
            halves = np.array([self.at & _MASK, self.at >> 64 & _MASK], np.uint64)
            self.words = philox.ref(self.key, halves, shape=(4 * _AHEAD,), dtype=dt.uint32).tolist()[::-1]
            self.at += _AHEAD
        a, b, c, d = (self.words.pop() for _ in range(4))
        return ((a & 0xFFFFF) << 32 | b) / 2**52, ((c & 0xFFFFF) << 32 | d) / 2**52

    def uniform(self) -> float:
        """The next uniform number; of a pair, the second comes first."""
        if not self.uniforms:
            self.uniforms = list(self.pair())
        return self.uniforms.pop()

    def normal(self) -> float:
        """The next normal number; of a pair, the second comes first."""
        if not self.normals:
            first, second = self.pair()
            radius, angle = math.sqrt(-2 * math.log(max(first, _EPSILON))), 2 * math.pi * second
            self.normals = [math.sin(angle) * radius, math.cos(angle) * radius]
        return self.normals.pop()


# ---- one number ------------------------------------------------------------------------------------------------------


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _gamma(alpha: float, draw: _Stretch) -> float:
    """Marsaglia and Tsang's method; an exponential number for alpha = 1, and one with alpha + 1 scaled for less."""
    if alpha == 1:
        return -math.log1p(-draw.uniform())
    if not alpha > 0:
        return math.nan
    d = alpha + (2 / 3 if alpha < 1 else -1 / 3)
    c = 1 / 3 / math.sqrt(d)
    while True:
        x = draw.normal()
        v = (1 + c * x) ** 3
        if v <= 0:
            continue
        u = draw.uniform()
        if u < 1 - 0.0331 * x**4 or _log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return d * v * (draw.uniform() ** (1 / alpha) if alpha < 1 else 1)


def _poisson(rate: float, draw: _Stretch) -> float:
    """Knuth's method for small rates, Hörmann's transformed rejection for others."""
    if not (0 <= rate < math.inf):
        return math.nan
    if rate >= 10:
        return _poisson_transformed(rate, draw)
    least, product_, count = math.exp(-rate), 1.0, 0
    while True:
        product_ *= draw.uniform()
        if product_ <= least:
            return count
        count += 1


def _poisson_transformed(rate: float, draw: _Stretch) -> float:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u, v = draw.uniform() - 0.5, draw.uniform()
        inner = 0.5 - abs(u)
        k = math.floor((2 * a / inner + b) * u + rate + 0.43)
        if inner >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (inner < 0.013 and v > inner):
            continue
        if _log(v * inverse / (a / (inner * inner) + b)) <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return k


def _binomial(count: float, chance: float, key: Array, counter: Array, index: int) -> float:
    """The failures are counted where they are the rarer."""
    if math.isnan(chance) or math.isnan(count):
        return math.nan
    if count <= 0 or chance <= 0:
        return 0
    if chance >= 1:
        return count
    rare = min(chance, 1 - chance)
    if count * rare >= 10:
        found = _binomial_transformed(count, rare, _Stretch(key, counter, bits.BLOCKS_FOR_EACH * index))
    else:
        found = _binomial_inverted(count, rare, _Stretch(key, counter, _INVERSION_STRIDE * index))
    return found if chance <= 0.5 else count - found


def _binomial_inverted(count: float, chance: float, draw: _Stretch) -> float:
    """How many geometric gaps fit into so many trials."""
    passed, found = 0.0, 0
    while True:
        gap = _log(draw.uniform()) / math.log1p(-chance)
        passed += math.ceil(gap) if gap < math.inf else gap
        if passed > count:
            return found
        found += 1


def _tail(k: float) -> float:
    """log k! less Stirling's approximation."""
    n = k + 1
    return math.lgamma(n) - ((k + 0.5) * math.log(n) - n + 0.5 * math.log(2 * math.pi)) if k <= 9 else _series(n)


def _series(n: float) -> float:
    return (1 / 12 - (1 / 360 - 1 / 1260 / (n * n)) / (n * n)) / n


def _binomial_transformed(count: float, chance: float, draw: _Stretch) -> float:
    """Hörmann's transformed rejection."""
    spread = math.sqrt(count * chance * (1 - chance))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * chance
    centre, bound, odds = count * chance + 0.5, 0.92 - 4.2 / b, chance / (1 - chance)
    alpha, mode = (2.83 + 5.1 / b) * spread, math.floor((count + 1) * chance)
    while True:
        u, v = draw.uniform(), draw.uniform()
        u -= 0.5
        inner = 0.5 - abs(u)
        k = math.floor((2 * a / inner + b) * u + centre) if inner else -1
        if inner >= 0.07 and v <= bound:
            return k
        if k < 0 or k > count:
            continue
        limit = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(mode) + _tail(count - mode) - _tail(k) - _tail(count - k)
        )  # fmt: skip
        if _log(v * alpha / (a / (inner * inner) + b)) <= limit:
            return k


# ---- whole tensors ---------------------------------------------------------------------------------------------------


def _sampled(
    one: Callable[..., float], key: Tensor, counter: Tensor, shape: Any, parameters: list[Tensor], dtype: DType
) -> Tensor:
    """Numbers for parameters of one shape, which are the last axes of `shape`: all of the first parameters first."""

    def run(key: Array, counter: Array, sizes: Array, *arrays: Array) -> list[Array]:
        rows = np.stack([a.astype(np.float64).reshape(-1) for a in arrays], axis=-1).tolist()
        whole = int(np.prod(sizes))
        each = whole // len(rows) if rows else 0
        found = np.empty((each, len(rows)))
        for k, row in enumerate(rows):
            for j in range(each):
                found[j, k] = one(row, key, counter, k * each + j)
        if not dtype.is_floating:
            found = np.clip(found, *_range(dtype))
        return [found.astype(dtype.np).reshape(sizes)]

    wanted = shape_vector(shape, dt.int64)
    (out,) = on_host(run, [key, counter, wanted, *parameters], [dtype], [shape])
    return out


def _range(dtype: DType) -> tuple[float, float]:
    info = np.iinfo(dtype.np)
    return float(info.min), float(np.nextafter(float(info.max), 0)) if info.bits == 64 else float(info.max)


def _one_gamma(row: list[float], key: Array, counter: Array, index: int) -> float:
    return _gamma(row[0], _Stretch(key, counter, bits.BLOCKS_FOR_EACH * index))


def _one_poisson(row: list[float], key: Array, counter: Array, index: int) -> float:
    return _poisson(row[0], _Stretch(key, counter, bits.BLOCKS_FOR_EACH * index))


def _one_binomial(row: list[float], key: Array, counter: Array, index: int) -> float:
    return _binomial(row[0], row[1], key, counter, index)


def _together(a: Tensor, b: Tensor) -> list[Tensor]:
    from graphtf.api.shaping import broadcast_to

    if a.ir_type.dims == b.ir_type.dims:
        return [a, b]
    shape = p.add(a, b).ir_type.dims
    return [broadcast_to(t, shape) for t in (a, b)]


def _fits(shape: Any, parameter: Tensor, name: str) -> None:
    last = parameter.ir_type.dims
    if len(shape) < len(last) or not all(map(same, shape[len(shape) - len(last) :], last)):
        raise failed(name, f"Shape passed in must end with broadcasted shape: {list(shape)} and {list(last)}")


def _at_least_tiny(x: Tensor) -> Tensor:
    return p.maximum(x, scalar_like(x, float(np.finfo(x.dtype.np).tiny)))


def _floating(dtype: Any, name: str) -> DType:
    d = as_dtype(dtype)
    if d not in _FLOATS:
        raise invalid(name, f"dtype must be one of {[a.name for a in _FLOATS]}, got {d.name}")
    return d


def stateless_gamma(
    shape: Any, seed: Any, alpha: Any, beta: Any = None, dtype: Any = dt.float32, name: str | None = None
) -> Tensor:
    """Gamma with concentration alpha and rate beta, the same for the same seed. `shape` ends with their shape.

    Raises InvalidArgumentError if it does not. No gradient flows to alpha.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_gamma.

    >>> stateless_gamma([4], [1, 2], 2.).numpy().round(3).tolist()
    [2.816999912261963, 1.9240000247955322, 3.3359999656677246, 2.2179999351501465]
    """
    d, dims = _floating(dtype, "stateless_gamma"), sizes(shape, "stateless_gamma")
    a, b = _together(convert_to_tensor(alpha, d), convert_to_tensor(1 if beta is None else beta, d))
    _fits(dims, a, "stateless_gamma")
    return _at_least_tiny(p.div(_sampled(_one_gamma, *bits.key_and_counter(seed), dims, [a], d), b))


def gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = dt.float32, seed: Any = None, name: str | None = None
) -> Tensor:
    """Gamma: for each pair of concentration alpha and rate beta, numbers of shape `shape`; these axes come first.

    No gradient flows to alpha. Follows https://www.tensorflow.org/api_docs/python/tf/random/gamma.

    >>> gamma([2], [1., 2., 3.]).shape
    TensorShape([2, 3])
    """
    d = _floating(dtype, "gamma")
    a, b = _together(convert_to_tensor(alpha, d), convert_to_tensor(1 if beta is None else beta, d))
    dims = (*sizes(shape, "gamma"), *a.ir_type.dims)
    key, counter = stream(f"gamma {d.name}", seed, product(dims) * bits.BLOCKS_FOR_EACH)
    return _at_least_tiny(p.div(_sampled(_one_gamma, key, counter, dims, [a], d), b))


def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = dt.int32, name: str | None = None) -> Tensor:
    """Poisson with rate lam, the same for the same seed. `shape` ends with the shape of lam.

    Raises InvalidArgumentError if it does not.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_poisson.

    >>> stateless_poisson([5], [1, 2], 3.).numpy().tolist()
    [5, 5, 4, 6, 3]
    """
    dims, rate = sizes(shape, "stateless_poisson"), convert_to_tensor(lam)
    _fits(dims, rate, "stateless_poisson")
    return _sampled(_one_poisson, *bits.key_and_counter(seed), dims, [rate], as_dtype(dtype))


def poisson(shape: Any, lam: Any, dtype: Any = dt.float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Poisson: for each rate lam, numbers of shape `shape`; these axes come first.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/poisson.

    >>> poisson([2], [1., 2., 3.]).shape
    TensorShape([2, 3])
    """
    rate, d = convert_to_tensor(lam), as_dtype(dtype)
    dims = (*sizes(shape, "poisson"), *rate.ir_type.dims)
    key, counter = stream(f"poisson {rate.dtype.name} {d.name}", seed, product(dims) * bits.BLOCKS_FOR_EACH)
    return _sampled(_one_poisson, key, counter, dims, [rate], d)


def stateless_binomial(
    shape: Any, seed: Any, counts: Any, probs: Any, output_dtype: Any = dt.int32, name: str | None = None
) -> Tensor:
    """How many of `counts` trials succeed with chance `probs`, the same for the same seed. `shape` ends with theirs.

    Raises InvalidArgumentError if it does not.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_binomial.

    >>> stateless_binomial([3], [3, 4], [4., 5., 6.], [0.2, 0.5, 0.8]).numpy().tolist()
    [3, 4, 6]
    """
    dims = sizes(shape, "stateless_binomial")
    chance = convert_to_tensor(probs)
    many = p.cast(convert_to_tensor(counts), dtype=chance.dtype)
    n, q = _together(many, chance)
    _fits(dims, n, "stateless_binomial")
    return _sampled(_one_binomial, *bits.key_and_counter(seed), dims, [n, q], as_dtype(output_dtype))
