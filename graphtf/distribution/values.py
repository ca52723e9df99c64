"""Values that replicas hold, each its own: with one replica there are none, but programs ask.

Invariant: a value of one replica is the value itself, never wrapped. Entry points: the classes below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class DistributedValues:
    """Values of which each replica has one. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedValues."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = tuple(values)

    @property
    def values(self) -> tuple[Any, ...]:
        """The value of each replica, in order."""
        return self._values


class PerReplica(DistributedValues):
    """Values that may differ. Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/distributed/PerReplica."""


class Mirrored(DistributedValues):
    """Values that are equal. Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/distributed/Mirrored."""


class DistributedDataset:
    """A dataset of per-replica elements. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedDataset."""


class DistributedIterator:
    """Its iterator. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedIterator."""
