"""Readers: one pass over the elements of a pipeline, one element or a block of stacked elements at a time.

Invariant: `next` gives leaves (graphtf/data/structure.py) or None at the end, and `read(n)` the next n elements
stacked, fewer only at the end; nobody writes to an array that was given. What `Rows` can fetch by position is shuffled,
batched and skipped without touching single elements. Entry points: `Reader`, `Rows`, `stacked`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.composites import stacked_values
from graphtf.data.structure import Leaves, stack_error

Array = np.ndarray[Any, Any]
Block = list[Any]


class Reader:
    """One pass over elements."""

    def next(self) -> Leaves | None:
        """The next element's leaves; None at the end."""
        raise NotImplementedError

    def read(self, count: int) -> Block | None:
        """The next `count` elements stacked leaf by leaf, fewer at the end; None if there are none.

        Raises InvalidArgumentError for leaves of different shapes.
        """
        rows: list[Leaves] = []
        while len(rows) < count:
            element = self.next()
            if element is None:
                break
            rows.append(element)
        return stacked(rows) if rows else None

    def skip(self, count: int) -> int:
        """Pass over so many elements; how many there were."""
        for k in range(count):
            if self.next() is None:
                return k
        return count

    def close(self) -> None:
        """Release what the pass holds; it is not used afterwards."""


class Generated(Reader):
    """The elements that a Python generator of leaves gives."""

    def __init__(self, elements: Iterator[Leaves], *inner: Reader) -> None:
        self._elements = elements
        self._inner = inner

    def next(self) -> Leaves | None:
        return next(self._elements, None)

    def close(self) -> None:
        stop = getattr(self._elements, "close", None)
        if stop is not None:
            stop()
        for reader in self._inner:
            reader.close()


class Following(Reader):
    """The elements that a stage makes of those of another reader. An error leaves both where they are, so that the pass
    goes on with the element after."""

    def __init__(self, inner: Reader, step: Callable[[Reader], Leaves | None]) -> None:
        self._inner, self._step = inner, step

    def next(self) -> Leaves | None:
        return self._step(self._inner)

    def close(self) -> None:
        self._inner.close()


# ---- stacking --------------------------------------------------------------------------------------------------------


def stacked(elements: Sequence[Leaves]) -> Block:
    """Elements leaf by leaf, each leaf with a new first axis."""
    return [stacked_leaf(column, k) for k, column in enumerate(zip(*elements))]


def stacked_leaf(values: Sequence[Any], component: int = 0) -> Any:
    """One leaf of several elements, stacked."""
    first = values[0]
    if not isinstance(first, np.ndarray):
        return None if first is None else stacked_values(values)
    shape = first.shape
    for k, x in enumerate(values):
        if x.shape != shape:
            raise stack_error(k, component, shape, x.shape)
    out = np.empty((len(values), *shape), first.dtype)
    for k, x in enumerate(values):
        out[k, ...] = x
    return out


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks of stacked elements, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    out: Block = []
    for component, parts in enumerate(zip(*blocks)):
        first = parts[0]
        for other in parts[1:]:
            if other.shape[1:] != first.shape[1:]:
                raise stack_error(len(first), component, first.shape[1:], other.shape[1:])
        out.append(np.concatenate(parts))
    return out


# ---- rows that can be fetched by position ----------------------------------------------------------------------------


class Rows:
    """Elements by position: `count` of them."""

    count: int

    def at(self, k: int) -> Leaves:
        """Element k."""
        raise NotImplementedError

    def span(self, start: int, stop: int) -> Block:
        """Elements start … stop - 1, stacked."""
        raise NotImplementedError

    def take(self, positions: Array) -> Block:
        """The elements at these positions, stacked."""
        raise NotImplementedError


class ArrayRows(Rows):
    """The rows of arrays."""

    def __init__(self, arrays: Sequence[Array], count: int) -> None:
        self.arrays, self.count = list(arrays), count

    def at(self, k: int) -> Leaves:
        return [a[k, ...] for a in self.arrays]

    def span(self, start: int, stop: int) -> Block:
        return [a[start:stop] for a in self.arrays]

    def take(self, positions: Array) -> Block:
        return [a.take(positions, axis=0) for a in self.arrays]


class Numbers(Rows):
    """start, start + step, …"""

    def __init__(self, start: int, step: int, count: int, dtype: Any) -> None:
        self.start, self.step, self.count, self.dtype = start, step, count, dtype

    def at(self, k: int) -> Leaves:
        return [np.array(self.start + k * self.step, self.dtype)]

    def span(self, start: int, stop: int) -> Block:
        return self.take(np.arange(start, stop, dtype=np.int64))

    def take(self, positions: Array) -> Block:
        return [(self.start + positions * self.step).astype(self.dtype, copy=False)]


class Part(Rows):
    """Rows start, start + step, … of others."""

    def __init__(self, rows: Rows, start: int, count: int, step: int = 1) -> None:
        self.rows, self.start, self.count, self.step = rows, start, count, step

    def at(self, k: int) -> Leaves:
        return self.rows.at(self.start + k * self.step)

    def span(self, start: int, stop: int) -> Block:
        if self.step == 1:
            return self.rows.span(self.start + start, self.start + stop)
        return self.take(np.arange(start, stop, dtype=np.int64))

    def take(self, positions: Array) -> Block:
        return self.rows.take(self.start + positions * self.step)


class Beside(Rows):
    """Rows of several, side by side."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self.parts, self.count = list(parts), min(x.count for x in parts)

    def at(self, k: int) -> Leaves:
        return [leaf for x in self.parts for leaf in x.at(k)]

    def span(self, start: int, stop: int) -> Block:
        return [leaf for x in self.parts for leaf in x.span(start, stop)]

    def take(self, positions: Array) -> Block:
        return [leaf for x in self.parts for leaf in x.take(positions)]


class RowReader(Reader):
    """Rows in their order."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._at = rows, 0

    def next(self) -> Leaves | None:
        k = self._at
        if k >= self._rows.count:
            return None
        self._at = k + 1
        return self._rows.at(k)

    def read(self, count: int) -> Block | None:
        start = self._at
        stop = min(start + count, self._rows.count)
        if stop <= start:
            return None
        self._at = stop
        return self._rows.span(start, stop)

    def skip(self, count: int) -> int:
        passed = min(count, self._rows.count - self._at)
        self._at += passed
        return passed


Open = Callable[[], Reader]
