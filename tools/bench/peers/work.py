"""What a workload is. Entry point: `Work`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Step = Callable[[], Any]


@dataclass(frozen=True)
class Work:
    """A workload: what it computes, its arrays for a size, and its amount (bytes or floating-point operations)."""

    what: str
    make: Callable[[np.random.Generator, int], Arrays]
    amount: Callable[[int], float]
    unit: str  # "B" or "FLOP"


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    return (scale * rng.standard_normal(shape)).astype(np.float32)
