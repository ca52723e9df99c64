"""Slots: where the values of a program live while it runs.

Invariant: a program's slots are numbered, and native code finds all of them through one table of addresses. Arena slots
have a lifetime in program positions; the others belong to the caller, to variables or to the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir.dims import Dim, maximum, product, symbols
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer
from graphtf.ir.types import TensorType


@dataclass(eq=False)
class Slot:
    """One entry of the table. kind: input, variable, constant, output, arena, host (an array a host step made)."""

    number: int
    kind: str
    dtype: DType
    size: Dim  # elements
    buffer: Buffer
    position: int = -1  # of the input or output it stands for
    array: np.ndarray[Any, Any] | None = None  # a constant's data
    first: int = 0
    last: int = 0
    phase: int = 0  # how many host steps that make sizes known come before it
    lane: tuple[int, int] = (0, 0)  # of a body among several that run at once: which bodies, which of them
    reach: Dim = 1  # elements that indices moved inside may ask for: `size`, with axes of size 0 taken as 1


class SlotTable:
    """All slots of a program, and the clock that lifetimes are measured by."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.clock = 0
        self.phase = 0
        self.lane = (0, 0)  # of the slots that are made now
        self.phase_of: dict[str, int] = {}  # of each size that a host step makes known: when

    def learn(self, names: Iterable[str]) -> None:
        """A host step makes these sizes known: a phase begins."""
        self.phase += 1
        self.phase_of.update(dict.fromkeys(names, self.phase))

    def new(self, kind: str, dtype: DType, size: Dim, **details: Any) -> Slot:
        """A slot; arena slots are born now."""
        number = len(self.slots)
        buffer = Buffer(f"b{number}", dtype, size)
        slot = Slot(number, kind, dtype, size, buffer, first=self.clock, last=self.clock, **details)
        if kind == "arena":
            slot.lane = self.lane
        names = {*symbols(slot.size), *symbols(slot.reach)}  # an empty slot's reach may name what its size does not
        slot.phase = max((self.phase_of.get(s, 0) for s in names), default=0)
        self.slots.append(slot)
        return slot

    def for_type(self, kind: str, t: TensorType, **details: Any) -> Slot:
        if t.shape is None:
            return self.new(kind, t.dtype, 0, **details)
        return self.new(kind, t.dtype, t.size, reach=product(maximum(d, 1) for d in t.shape), **details)

    def touch(self, slot: Slot) -> None:
        """The slot is in use now."""
        slot.last = max(slot.last, self.clock)

    def hold(self, since: int) -> None:
        """At the end of a loop that began at `since`: whatever it used from before must outlive every iteration."""
        for s in self.slots:
            if s.first <= since and s.last >= since:
                s.last = self.clock
