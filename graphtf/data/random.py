"""TensorFlow's random numbers as tf.data draws them: words of a Philox stream, one after the other.

Invariant: for one pair of seeds the words are those of TensorFlow. Entry points: `seed_pair`, `Words`.
"""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from graphtf.api.random_state import op_seeds
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.random import philox
from graphtf.tensor import EagerTensor

_FEW, _MANY = 64, 4096  # words made at a time: at first, and later
_MASK = 2**64 - 1
_fresh = python_random.SystemRandom()


def seed_pair(seed: Any) -> tuple[int, int]:
    """The two seeds of a stage: from its own and the global one; (0, 0) if there are none, which is a new pair in every
    run. Raises TypeError for a seed that is no integer."""
    if isinstance(seed, EagerTensor):
        seed = int(seed)
    if seed is not None and not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an integer, got {seed!r}")
    found = op_seeds(None if seed is None else int(seed))
    return (0, 0) if found is None else found


def known_pair(seeds: tuple[int, int]) -> tuple[int, int]:
    """The seeds themselves, or a new pair for (0, 0)."""
    return (_fresh.getrandbits(64), _fresh.getrandbits(64)) if seeds == (0, 0) else seeds


class Words:
    """The uint32 words of the stream of a pair of seeds; (0, 0) stands for seeds nobody knows."""

    def __init__(self, first: int, second: int) -> None:
        first, second = known_pair((first, second))
        self._key = np.array([first & _MASK], np.uint64)
        self._high = second & _MASK
        self._block = 0
        self._words: list[int] = []
        self._at = 0

    def next(self) -> int:
        """The next word."""
        if self._at == len(self._words):
            self._more()
        self._at += 1
        return self._words[self._at - 1]

    def _more(self) -> None:
        count = _FEW if self._block == 0 else _MANY
        counter = np.array([self._block, self._high], np.uint64)
        self._words = philox.ref(self._key, counter, shape=(count,), dtype=dt.uint32).tolist()
        self._block += count // 4
        self._at = 0
