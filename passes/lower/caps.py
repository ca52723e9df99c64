"""What a lowering may ask of a target: numbers, never a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """Capabilities. Sizes in bytes; `registers` counts vector registers; `threads` usable cores."""

    vector_bytes: int = 32
    registers: int = 16
    l1: int = 32 << 10
    l2: int = 512 << 10
    l3: int = 16 << 20
    threads: int = 2

    def lanes(self, itemsize: int) -> int:
        """Elements of that size in one vector."""
        return max(1, self.vector_bytes // itemsize)
