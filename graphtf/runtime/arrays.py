"""NumPy arrays as native code wants them: where they lie, whether their layout fits, and reuse of large ones.

Invariant: what is handed to native code is C-contiguous, aligned to its element, and in the machine's byte order.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from graphtf.ir.dtypes import DType

Array = np.ndarray[Any, Any]

_DATA_OFFSET = object.__basicsize__  # PyArrayObject holds its data pointer right after the object header
_read_pointer = ctypes.c_void_p.from_address


def address(a: Array) -> int:
    """Where the array's data lies."""
    return _read_pointer(id(a) + _DATA_OFFSET).value or 0


def native_layout(a: Any, dtype: DType) -> Array:
    """The array itself if native code can read it, else a copy that it can read."""
    flags = a.flags
    if flags.c_contiguous and flags.aligned and a.dtype.isnative:
        return a  # type: ignore[no-any-return]
    return np.ascontiguousarray(a, dtype.np) if a.ndim else np.array(a, dtype.np)


RECYCLED_FROM = 1 << 16  # bytes: below, the allocator is quicker than we are
_KEPT = 4


class Recycler:
    """Memory for one output, used again once nobody refers to the array that was in it.

    Fresh pages cost more than the arithmetic that fills them.
    """

    def __init__(self) -> None:
        self.raw: list[Array] = []

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any], size: int) -> Array:
        """An array of undefined contents; `size` is its bytes."""
        for raw in self.raw:
            if raw.size == size and sys.getrefcount(raw) == _UNUSED:
                return raw.view(dtype).reshape(shape)
        raw = np.empty(size, np.uint8)
        if len(self.raw) >= _KEPT:
            self.raw = [r for r in self.raw if sys.getrefcount(r) > _UNUSED][-_KEPT:]
        self.raw.append(raw)
        return raw.view(dtype).reshape(shape)


def _count_when_unused() -> int:
    kept = [np.empty(1, np.uint8)]
    for raw in kept:
        return sys.getrefcount(raw)
    return 0


_UNUSED = _count_when_unused()
