"""Initial values: `tf.zeros_initializer` and its kin, functions of a shape and a dtype.

Invariant: with a seed, the same values at every call. Entry points: the classes below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import random
from graphtf.api.creation import ones, zeros
from graphtf.convert import constant
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.tensor import Tensor


class Initializer:
    """What is called with a shape and a dtype; `get_config` has the arguments it was made with."""

    def __init__(self, **config: Any) -> None:
        self._config = config

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return dict(self._config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """One made with such arguments."""
        return cls(**{k: v for k, v in config.items() if k != "dtype"})


def _plain(dtype: Any) -> DType:
    d = as_dtype(dtype)
    if d is dt.string or d in dt.QUANTIZED:
        raise ValueError(f"Argument `dtype` expected to be numeric or boolean. Received {d!r}.")
    return d


def _floating(dtype: Any) -> DType:
    d = as_dtype(dtype)
    if not d.is_floating:
        raise ValueError(f"Argument `dtype` expected to be numeric or boolean. Received {d!r}.")
    return d


class Zeros(Initializer):
    """Zeros. Follows https://www.tensorflow.org/api_docs/python/tf/zeros_initializer.

    >>> Zeros()([2])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 0.], dtype=float32)>
    """

    def __call__(self, shape: Any, dtype: Any = dt.float32, **kwargs: Any) -> Tensor:
        return zeros(shape, _plain(dtype))


class Ones(Initializer):
    """Ones. Follows https://www.tensorflow.org/api_docs/python/tf/ones_initializer.

    >>> Ones()([2])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 1.], dtype=float32)>
    """

    def __call__(self, shape: Any, dtype: Any = dt.float32, **kwargs: Any) -> Tensor:
        return ones(shape, _plain(dtype))


class Constant(Initializer):
    """A value, or values. Follows https://www.tensorflow.org/api_docs/python/tf/constant_initializer.

    >>> Constant(2)([2])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([2., 2.], dtype=float32)>
    """

    def __init__(self, value: Any = 0, support_partition: bool = False) -> None:
        super().__init__(value=value)
        self._value = value

    def __call__(self, shape: Any, dtype: Any = dt.float32, **kwargs: Any) -> Tensor:
        return constant(self._value, None if dtype is None else as_dtype(dtype), shape)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval). Follows https://www.tensorflow.org/api_docs/python/tf/random_uniform_initializer.

    >>> RandomUniform(seed=1)([2]).shape
    TensorShape([2])
    """

    def __init__(self, minval: Any = -0.05, maxval: Any = 0.05, seed: int | None = None) -> None:
        super().__init__(minval=minval, maxval=maxval, seed=seed)
        self._low, self._high, self._seed = minval, maxval, seed

    def __call__(self, shape: Any, dtype: Any = dt.float32, **kwargs: Any) -> Tensor:
        d = as_dtype(dtype)
        d = d if d.is_integer else _floating(d)
        if self._seed is None:
            return random.uniform(shape, self._low, self._high, d)
        return random.stateless_uniform(shape, [self._seed, 0], self._low, self._high, d)


class RandomNormal(Initializer):
    """Normal. Follows https://www.tensorflow.org/api_docs/python/tf/random_normal_initializer.

    >>> RandomNormal(seed=1)([2]).shape
    TensorShape([2])
    """

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None) -> None:
        super().__init__(mean=mean, stddev=stddev, seed=seed)
        self._mean, self._stddev, self._seed = mean, stddev, seed

    def __call__(self, shape: Any, dtype: Any = dt.float32, **kwargs: Any) -> Tensor:
        d = _floating(dtype)
        if self._seed is None:
            return random.normal(shape, self._mean, self._stddev, d)
        return random.stateless_normal(shape, [self._seed, 0], self._mean, self._stddev, d)
