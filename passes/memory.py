"""Memory planning: temporary buffers that are never alive together share memory.

Lifetimes are intervals of program positions, so the interference graph is an interval graph, and walking it in order of
birth colours it: each buffer takes the best-fitting gap left by those that died. Invariant: two buffers whose
lifetimes overlap never overlap in memory. Linear in practice, since it runs again for every new set of run-time sizes.
Entry point: `plan(requests)`.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


@dataclass(frozen=True, slots=True)
class Request:
    """`size` bytes, alive at positions `first` to `last`, both included."""

    size: int
    first: int
    last: int


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class Gaps:
    """Free memory as disjoint [start, stop) ranges, sorted; the last is open-ended."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.stops: list[int] = []
        self.top = 0  # everything from here on is free

    def take(self, size: int) -> int:
        """The offset of `size` bytes: from the smallest gap that holds them, else from the top."""
        best, best_size = -1, 0
        for i, (a, b) in enumerate(zip(self.starts, self.stops)):
            if size <= b - a and (best < 0 or b - a < best_size):
                best, best_size = i, b - a
        if best < 0:
            at = self.top
            if self.stops and self.stops[-1] == self.top:  # grow the gap at the end instead of wasting it
                at = self.starts.pop()
                self.stops.pop()
            self.top = at + size
            return at
        at = self.starts[best]
        if best_size == size:
            del self.starts[best], self.stops[best]
        else:
            self.starts[best] += size
        return at

    def give(self, start: int, size: int) -> None:
        """Return a range, joined with the gaps it touches."""
        stop = start + size
        i = bisect.bisect_left(self.starts, start)
        if i < len(self.starts) and self.starts[i] == stop:
            stop = self.stops[i]
            del self.starts[i], self.stops[i]
        if i and self.stops[i - 1] == start:
            self.stops[i - 1] = stop
        else:
            self.starts.insert(i, start)
            self.stops.insert(i, stop)


def plan(requests: Sequence[Request]) -> tuple[list[int], int]:
    """An offset for each request, and the bytes needed in all.

    >>> plan([Request(64, 0, 1), Request(64, 1, 2), Request(64, 2, 3)])
    ([0, 64, 0], 128)
    """
    births = sorted(range(len(requests)), key=lambda i: (requests[i].first, -requests[i].size))
    deaths = sorted(range(len(requests)), key=lambda i: requests[i].last)
    offsets = [0] * len(requests)
    gaps, dead = Gaps(), 0
    for i in births:
        while requests[deaths[dead]].last < requests[i].first:
            gone = deaths[dead]
            if requests[gone].size:
                gaps.give(offsets[gone], aligned(requests[gone].size))
            dead += 1
        if requests[i].size:
            offsets[i] = gaps.take(aligned(requests[i].size))
    return offsets, gaps.top
