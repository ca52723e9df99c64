"""Gamma, Poisson and binomial numbers, of a stream or of a seed.

Invariant: parameters have one shape, which ends that of the numbers. Entry points: the `tf.random` functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api import random_bits as bits
from graphtf.api import rejection
from graphtf.api.random import sizes
from graphtf.api.random_state import stream
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product, same
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_FLOATS = (dt.float16, dt.float32, dt.float64)
_AT_A_TIME = 1 << 14  # numbers whose stretches stay in the cache


def _sampled(
    draw: Callable[..., Array], key: Tensor, counter: Tensor, shape: Any, parameters: list[Tensor], dtype: DType
) -> Tensor:
    """Numbers for parameters of one shape, which are the last axes of `shape`: all of the first parameters first."""

    def run(key: Array, counter: Array, sizes: Array, *arrays: Array) -> list[Array]:
        rows = [a.astype(np.float64).reshape(-1) for a in arrays]
        count, each = int(np.prod(sizes)), int(np.prod(sizes)) // max(1, len(rows[0]))
        found = np.empty(count)
        for start in range(0, count, _AT_A_TIME):
            elements = np.arange(start, min(count, start + _AT_A_TIME))
            stream = rejection.Stream(key, counter, elements)
            found[elements] = draw(stream, *(row[elements // each] for row in rows))
        if not dtype.is_floating:
            found = np.clip(found, *_range(dtype))
        return [found.reshape(len(rows[0]), each).T.astype(dtype.np).reshape(sizes)]

    wanted = shape_vector(shape, dt.int64)
    (out,) = on_host(run, [key, counter, wanted, *parameters], [dtype], [shape])
    return out


def _range(dtype: DType) -> tuple[float, float]:
    info = np.iinfo(dtype.np)
    return float(info.min), float(np.nextafter(float(info.max), 0)) if info.bits == 64 else float(info.max)


def _together(a: Tensor, b: Tensor) -> list[Tensor]:
    from graphtf.api.shaping import broadcast_to

    if a.ir_type.dims == b.ir_type.dims:
        return [a, b]
    shape = p.add(a, b).ir_type.dims
    return [broadcast_to(t, shape) for t in (a, b)]


def fits(shape: Any, parameter: Tensor, name: str) -> None:
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
    fits(dims, a, "stateless_gamma")
    return _at_least_tiny(p.div(_sampled(rejection.gamma, *bits.key_and_counter(seed), dims, [a], d), b))


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
    return _at_least_tiny(p.div(_sampled(rejection.gamma, key, counter, dims, [a], d), b))


def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = dt.int32, name: str | None = None) -> Tensor:
    """Poisson with rate lam, the same for the same seed. `shape` ends with the shape of lam.

    Raises InvalidArgumentError if it does not.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_poisson.

    >>> stateless_poisson([5], [1, 2], 3.).numpy().tolist()
    [5, 5, 4, 6, 3]
    """
    dims, rate = sizes(shape, "stateless_poisson"), convert_to_tensor(lam)
    fits(dims, rate, "stateless_poisson")
    return _sampled(rejection.poisson, *bits.key_and_counter(seed), dims, [rate], as_dtype(dtype))


def poisson(shape: Any, lam: Any, dtype: Any = dt.float32, seed: Any = None, name: str | None = None) -> Tensor:
    """Poisson: for each rate lam, numbers of shape `shape`; these axes come first.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/poisson.

    >>> poisson([2], [1., 2., 3.]).shape
    TensorShape([2, 3])
    """
    rate, d = convert_to_tensor(lam), as_dtype(dtype)
    dims = (*sizes(shape, "poisson"), *rate.ir_type.dims)
    key, counter = stream(f"poisson {rate.dtype.name} {d.name}", seed, product(dims) * bits.BLOCKS_FOR_EACH)
    return _sampled(rejection.poisson, key, counter, dims, [rate], d)


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
    n, q = trials(counts, probs)
    fits(dims, n, "stateless_binomial")
    return drawn_binomial(*bits.key_and_counter(seed), dims, n, q, as_dtype(output_dtype))


def trials(counts: Any, probs: Any) -> list[Tensor]:
    """Numbers of trials and chances, of one shape and dtype."""
    chance = convert_to_tensor(probs)
    return _together(p.cast(convert_to_tensor(counts), dtype=chance.dtype), chance)


def drawn_binomial(key: Tensor, counter: Tensor, dims: Any, n: Tensor, q: Tensor, dtype: DType) -> Tensor:
    """How many of `n` trials succeed with chance `q`, from a stream; `dims` ends with their shape."""
    return _sampled(rejection.binomial, key, counter, dims, [n, q], dtype)
