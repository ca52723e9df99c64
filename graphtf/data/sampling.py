"""Random choices among datasets, with weights: numbers of datasets, for `choose_from_datasets`.

Invariant: for given seeds the choices are TensorFlow's. Entry point: `choices`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.categorical import stateless_categorical
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor

_FLOATS = (dt.float32, dt.float64)


def choices(weights: Any, count: int, pairs: Any) -> Any:
    """A dataset of numbers below `count` (int64) from one of pairs of random seeds.

    Raises TypeError for weights that are no floats, ValueError for another number of them.
    """
    if hasattr(weights, "element_spec"):
        _check(weights.element_spec, count)
        return weights.zip(weights, pairs).map(lambda chances, seed: _chosen(_logits(chances), seed))
    if weights is not None and not hasattr(weights, "shape") and len(weights) != count:
        raise _wrong_count(len(weights), count)
    given = np.full(count, 1.0) if weights is None else weights
    chances = convert_to_tensor(given, None if hasattr(given, "dtype") else dt.float64)
    _check(TensorSpec(chances.shape, chances.dtype), count)
    logits = _logits(chances)
    return pairs.map(lambda seed: _chosen(logits, seed))


def _wrong_count(have: int, count: int) -> ValueError:
    return ValueError(
        "Invalid `weights`. `weights` should have the same length as `datasets` but got "
        f"`len(weights)={have}` vs. `len(datasets)={count}`."
    )


def _check(spec: Any, count: int) -> None:
    if not isinstance(spec, TensorSpec) or spec.dtype not in _FLOATS:
        raise TypeError(f"Invalid `weights`. `weights` type must be either `tf.float32` or `tf.float64`, got {spec}.")
    if spec.shape.rank == 1 and spec.shape[0] not in (None, count):
        raise _wrong_count(spec.shape[0], count)
    if not spec.shape.is_compatible_with([count]):
        raise ValueError(f"Invalid `weights`. `weights` must be a vector of {count}, got shape {spec.shape}.")


def _logits(chances: Tensor) -> Tensor:
    made: Tensor = p.reshape(p.log(chances), shape=(1, *chances.ir_type.dims))
    return made


def _chosen(logits: Tensor, seed: Tensor) -> Tensor:
    made: Tensor = p.reshape(stateless_categorical(logits, 1, seed), shape=())
    return made
