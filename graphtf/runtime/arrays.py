"""NumPy arrays as native code wants them: where they lie, whether their layout fits, and reuse of large ones.

Invariant: what is handed to native code is C-contiguous, aligned to its element, and in the machine's byte order.
Entry points: `address`, `reachable`, `native_layout`, `Recycler`.
"""

from __future__ import annotations

import ctypes
import functools
import math
import mmap
import sys
from typing import Any

import numpy as np

from graphtf.ir.dtypes import DType
from graphtf.ir.errors import ResourceExhaustedError

Array = np.ndarray[Any, Any]

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
RECYCLED_FROM = 1 << 16  # bytes: below, the allocator is quicker than we are
_KEPT = 4

_DATA_OFFSET = object.__basicsize__  # PyArrayObject holds its data pointer right after the object header
_read_pointer = ctypes.c_void_p.from_address


def address(a: Array) -> int:
    """Where the array's data lies."""
    return _read_pointer(id(a) + _DATA_OFFSET).value or 0


def reachable(a: Array) -> int:
    """Where the array's data lies; for an empty array, where as many elements lie as it had if its axes of size 0 had
    size 1. That is what native code reads, and does not use, where it moves an index inside an axis of size 0."""
    return address(a) if a.size else blank(math.prod(max(1, d) for d in a.shape) * a.itemsize)


def blank(size: int) -> int:
    """The address of at least `size` bytes of zeros, to be read only. Raises ResourceExhaustedError."""
    try:
        return address(_zeros(max(size, mmap.PAGESIZE).bit_length()))
    except (OSError, OverflowError, ValueError):
        raise ResourceExhaustedError(None, None, f"{size} bytes in place of an empty array cannot be had") from None


@functools.cache
def _zeros(bits: int) -> Array:
    """Zeros that take addresses, but no memory until they are read."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return np.frombuffer(mmap.mmap(-1, 1 << bits, flags=flags, prot=mmap.PROT_READ), np.uint8)


def native_layout(a: Array, dtype: DType) -> Array:
    """The array itself if native code can read it, else a copy that it can read."""
    flags = a.flags
    if isinstance(a, np.ndarray) and flags.c_contiguous and flags.aligned and a.dtype.isnative:
        return a
    return np.array(a, dtype.np, order="C")


def aligned_empty(size: int) -> Array:
    """`size` bytes of undefined contents that start at a multiple of ALIGNMENT. Raises MemoryError."""
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -address(raw) % ALIGNMENT
    return raw[start : start + size]


class Recycler:
    """Memory for one output, used again once nobody refers to the array that was in it.

    Fresh pages cost more than the arithmetic that fills them.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[Array, Array]] = []  # the owner of the memory, and the aligned part of it

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any], size: int) -> Array:
        """An array of undefined contents; `size` is its bytes."""
        for owner, part in self.kept:
            if part.size == size and sys.getrefcount(owner) == _UNUSED:
                return part.view(dtype).reshape(shape)
        part = aligned_empty(size)
        owner = part.base
        assert owner is not None
        if len(self.kept) >= _KEPT:
            self.kept = [pair for pair in self.kept if sys.getrefcount(pair[0]) > _UNUSED][-_KEPT + 1 :]
        self.kept.append((owner, part))
        return part.view(dtype).reshape(shape)


def _count_when_unused() -> int:
    part = aligned_empty(1)
    kept = [(part.base, part)]
    del part
    for owner, _ in kept:
        return sys.getrefcount(owner)
    return 0


_UNUSED = _count_when_unused()
