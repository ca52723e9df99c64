"""Several sources in turns, as `interleave` takes them. Entry point: `turns`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def turns(sources: Iterator[Iterator[T]], cycle: int, block: int) -> Iterator[T]:
    """`block` items at a time of each of `cycle` sources; one that ends makes place for the next source on its turn.

    >>> "".join(turns(map(iter, ["aaa", "b", "cc"]), 2, 1))
    'abaacc'
    """
    slots: list[Iterator[T] | None] = [None] * cycle
    ended, at = False, 0
    while not ended or any(slots):
        if slots[at] is None and not ended:
            slots[at] = next(sources, None)
            ended = slots[at] is None
        source = slots[at]
        for _ in range(block if source is not None else 0):
            try:
                item = next(source)  # type: ignore[arg-type]
            except StopIteration:
                slots[at] = None
                break
            yield item
        at = (at + 1) % cycle
