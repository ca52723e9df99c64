"""Draws from classes: `tf.random.categorical` and its stateless form.

Invariant: the same seeds give TensorFlow's draws. Entry points: `categorical`, `stateless_categorical`.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import random_bits as bits
from graphtf.api.random import algorithm
from graphtf.api.random_state import stream
from graphtf.api.reduce import cumsum
from graphtf.api.search import searchsorted
from graphtf.api.unary import exp
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.run_time import named_size
from graphtf.tensor import Tensor


def categorical(
    logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None, name: str | None = None
) -> Tensor:
    """`num_samples` classes for each row of unnormalised log-probabilities.

    Raises InvalidArgumentError (tracing: ValueError) unless `logits` is a matrix.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/categorical.

    >>> categorical([[0., 100.]], 3)
    <tf.Tensor: shape=(1, 3), dtype=int64, numpy=array([[1, 1, 1]])>
    """
    x, count = _logits(logits), _count(num_samples)
    blocks = x.ir_type.dims[0] * ceildiv(count, 4) * 4 * 2 * bits.BLOCKS_FOR_EACH
    return _drawn(x, count, *stream(f"categorical {x.dtype.name}", seed, blocks), dtype)


def stateless_categorical(
    logits: Any, num_samples: Any, seed: Any, dtype: Any = dt.int64, name: str | None = None
) -> Tensor:
    """`categorical`, the same for the same seed (two integers).

    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_categorical.

    >>> stateless_categorical([[0., 100.]], 3, [1, 2])
    <tf.Tensor: shape=(1, 3), dtype=int64, numpy=array([[1, 1, 1]])>
    """
    algorithm("auto_select")
    return _drawn(_logits(logits), _count(num_samples), *bits.key_and_counter(seed), dtype)


def _logits(logits: Any) -> Tensor:
    x = convert_to_tensor(logits)
    if len(x.ir_type.dims) != 2:
        raise invalid("categorical", f"logits should be a matrix, got shape {x.shape}")
    return x


def _count(num_samples: Any) -> Dim:
    if isinstance(num_samples, int):
        return num_samples
    return named_size(convert_to_tensor(num_samples))


def _drawn(x: Tensor, count: Dim, key: Tensor, counter: Tensor, dtype: Any) -> Tensor:
    """Where uniform numbers fall among the running sums of the probabilities."""
    rows, classes = x.ir_type.dims
    wide = p.cast(x, dtype=dt.float64)
    finite = p.isfinite(wide)
    most = p.reduce_max(p.select(finite, wide, scalar_like(wide, -1e308)), axes=(1,))
    shifted = p.sub(wide, p.broadcast(p.reshape(most, shape=(rows, 1)), shape=(rows, classes)))
    sums = cumsum(p.select(finite, exp(shifted), scalar_like(wide, 0)), axis=1)
    last = p.slice(sums, starts=(0, classes - 1), limits=(rows, classes), strides=(1, 1))
    u = bits.unit(key, counter, (rows, count), dt.float64)
    at = searchsorted(sums, p.mul(u, p.broadcast(last, shape=(rows, count))), side="right")
    out: Tensor = p.cast(at, dtype=dt.int64 if dtype is None else as_dtype(dtype))
    return out
