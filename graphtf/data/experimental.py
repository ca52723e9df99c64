"""tf.data.experimental: functions to `Dataset.apply`, and names kept from earlier versions.

Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental. Entry points: the functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.data.node import INFINITE as INFINITE_CARDINALITY
from graphtf.data.node import UNKNOWN as UNKNOWN_CARDINALITY
from graphtf.data.optional import Optional
from graphtf.data.options import (
    AutoShardPolicy,
    AutotuneAlgorithm,
    AutotuneOptions,
    DistributeOptions,
    ExternalStatePolicy,
    OptimizationOptions,
    ThreadingOptions,
)
from graphtf.data.transformations import AUTOTUNE

Apply = Callable[[Any], Any]

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "AutoShardPolicy", "AutotuneAlgorithm",
    "AutotuneOptions", "DistributeOptions", "ExternalStatePolicy", "OptimizationOptions", "Optional",
    "ThreadingOptions", "assert_cardinality", "cardinality",
]  # fmt: skip


def cardinality(dataset: Any) -> Any:
    """The number of elements (int64), or INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

    >>> from graphtf.data.dataset import Dataset
    >>> int(cardinality(Dataset.range(3).repeat()))
    -1
    """
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: Any) -> Apply:
    """Promise a number of elements.

    >>> from graphtf.data.dataset import Dataset
    >>> evens = Dataset.range(8).filter(lambda x: x % 2 == 0)
    >>> len(evens.apply(assert_cardinality(4)))
    4
    """
    return lambda dataset: dataset.assert_cardinality(expected_cardinality)
