"""`Cell`: where a variable's value lives at run time.

Invariant: the array has the cell's type (sizes that are symbols may be any), and is never written while anyone else
refers to it; assignment replaces the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir.types import TensorType


class Cell:
    """A variable's storage: the current array, its declared type (None sizes as symbols) and a name for messages."""

    __slots__ = ("__weakref__", "array", "name", "type")

    def __init__(self, array: np.ndarray[Any, Any], type: TensorType, name: str = "") -> None:
        self.array = array
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"<cell {self.name}: {self.type}>"
