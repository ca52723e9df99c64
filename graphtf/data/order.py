"""Stages that keep elements as they are and change which come when: shuffle, repeat, take, skip, shard, zip, …

Invariant: the order of a shuffle for given seeds is TensorFlow's. Entry points: the nodes below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.node import INFINITE, UNKNOWN, Node, integer
from graphtf.data.random import Words, known_pair
from graphtf.data.reader import Beside, Block, Generated, Numbers, Part, Reader, Rows, joined
from graphtf.data.structure import Leaves, Structure
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError, OpError
from graphtf.spec import TensorSpec


class Same(Node):
    """A stage whose elements have the structure of those before it."""

    def __init__(self, before: Node, *held: Any) -> None:
        self.inputs, self.held, self.structure = (before,), held, before.structure


class Through(Same):
    """A stage that hands on what comes: prefetch, options."""

    def open(self) -> Reader:
        return self.input.open()

    def rows(self) -> Rows | None:
        return self.input.rows()

    def cardinality(self) -> int:
        return self.input.cardinality()


class Asserted(Same):
    """A stage that promises a number of elements, and raises FailedPreconditionError for another."""

    def __init__(self, before: Node, count: int) -> None:
        super().__init__(before)
        self.count = count

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        from graphtf.ir.errors import FailedPreconditionError

        seen = 0
        while (element := inner.next()) is not None:
            seen += 1
            if seen > self.count >= 0:
                message = f"Input dataset was expected to contain {self.count} elements but contained more"
                raise FailedPreconditionError(None, None, f"{message} than that.")
            yield element
        if self.count == INFINITE or 0 <= seen < self.count:
            expected = "an infinite number of elements" if self.count == INFINITE else f"{self.count} elements"
            message = f"Input dataset was expected to contain {expected} but contained only {seen} elements."
            raise FailedPreconditionError(None, None, message)

    def cardinality(self) -> int:
        return self.count


# ---- fewer -----------------------------------------------------------------------------------------------------------


class _First(Reader):
    def __init__(self, inner: Reader, count: int) -> None:
        self._inner, self._left = inner, count

    def next(self) -> Leaves | None:
        element = self._inner.next() if self._left > 0 else None
        self._left -= 1  # not where it raised: an error is no element
        return element

    def read(self, count: int) -> Block | None:
        wanted = min(count, self._left)
        if wanted <= 0:
            return None
        self._left -= wanted
        return self._inner.read(wanted)

    def close(self) -> None:
        self._inner.close()


class Take(Same):
    """The first `count` elements; all for a negative count."""

    def open(self) -> Reader:
        count = self.number(0)
        return self.input.open() if count < 0 else _First(self.input.open(), count)

    def rows(self) -> Rows | None:
        rows, count = self.input.rows(), self.number(0)
        return rows if rows is None or not 0 <= count < rows.count else Part(rows, 0, count)

    def cardinality(self) -> int:
        have, count = self.input.cardinality(), self.known(0)
        if count is None or have == UNKNOWN:
            return UNKNOWN
        if have == INFINITE:
            return INFINITE if count < 0 else count
        return have if count < 0 else min(have, count)


class Skip(Same):
    """What comes after the first `count` elements; nothing for a negative count."""

    def open(self) -> Reader:
        count = self.number(0)
        if count < 0:
            return Generated(iter(()))
        inner = self.input.open()
        return _Late(inner, count) if count else inner

    def rows(self) -> Rows | None:
        rows, count = self.input.rows(), self.number(0)
        if rows is None:
            return None
        start = rows.count if count < 0 else min(count, rows.count)
        return Part(rows, start, rows.count - start)

    def cardinality(self) -> int:
        have, count = self.input.cardinality(), self.known(0)
        if count is not None and count < 0:
            return 0
        return have if have < 0 else UNKNOWN if count is None else max(0, have - count)


class _Late(Reader):
    def __init__(self, inner: Reader, count: int) -> None:
        self._inner, self._pending = inner, count

    def _begin(self) -> None:
        pending, self._pending = self._pending, 0
        self._inner.skip(pending)

    def next(self) -> Leaves | None:
        if self._pending:
            self._begin()
        return self._inner.next()

    def read(self, count: int) -> Block | None:
        if self._pending:
            self._begin()
        return self._inner.read(count)

    def close(self) -> None:
        self._inner.close()


class Shard(Same):
    """Every `shards`-th element from number `index` on."""

    def __init__(self, before: Node, shards: Any, index: Any) -> None:
        super().__init__(before, shards, index)

    def _numbers(self) -> tuple[int, int]:
        shards, index = self.number(0), self.number(1)
        if shards < 1:
            raise InvalidArgumentError(None, None, f"Number of shards must be greater than zero, got {shards}.")
        if not 0 <= index < shards:
            message = f"Index must be between 0 and {shards - 1} (currently index = {index}, num_shards = {shards})."
            raise InvalidArgumentError(None, None, message)
        return shards, index

    def open(self) -> Reader:
        rows = self.rows()
        if rows is not None:
            return super().open()
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        shards, index = self._numbers()
        inner.skip(index)
        while (element := inner.next()) is not None:
            yield element
            inner.skip(shards - 1)

    def rows(self) -> Rows | None:
        shards, index = self._numbers()
        rows = self.input.rows()
        return None if rows is None else Part(rows, index, len(range(index, rows.count, shards)), shards)

    def cardinality(self) -> int:
        have, shards, index = self.input.cardinality(), self.known(0), self.known(1)
        if have < 0 or shards is None or index is None:
            return have if have < 0 else UNKNOWN
        return len(range(index, have, shards))


# ---- more ------------------------------------------------------------------------------------------------------------


class _Again(Reader):
    def __init__(self, before: Node, count: int) -> None:
        self._before, self._left = before, count
        self._inner: Reader | None = None
        self._any = False

    def _current(self) -> Reader | None:
        """The pass going on; None after the last one."""
        if self._inner is None and self._left != 0:
            self._left -= 1 if self._left > 0 else 0
            self._inner, self._any = self._before.open(), False
        return self._inner

    def _ended(self) -> None:
        """A pass is over; an empty one ends a repetition without end."""
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()
        if not self._any and self._left < 0:
            self._left = 0

    def next(self) -> Leaves | None:
        while (inner := self._current()) is not None:
            element = inner.next()
            if element is not None:
                self._any = True
                return element
            self._ended()
        return None

    def read(self, count: int) -> Block | None:
        parts: list[Block] = []
        missing = count
        while missing and (inner := self._current()) is not None:
            block = inner.read(missing)
            if block is None:
                self._ended()
                continue
            self._any = True
            parts.append(block)
            missing -= len(block[0])
        return joined(parts) if parts else None

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()


class _Single(Reader):
    """Only element by element: for parts that are no arrays."""

    def __init__(self, inner: Reader) -> None:
        self._inner = inner
        self.next = inner.next  # type: ignore[method-assign]

    def close(self) -> None:
        self._inner.close()


def by_element(node: Node, reader: Reader) -> Reader:
    """A pass whose blocks are made of single elements, unless all leaves are arrays."""
    return reader if node.structure.dense else _Single(reader)


class Repeat(Same):
    """All elements `count` times over; without end for a negative count."""

    def open(self) -> Reader:
        return by_element(self, _Again(self.input, self.number(0)))

    def cardinality(self) -> int:
        have, count = self.input.cardinality(), self.known(0)
        if count is None:
            return UNKNOWN
        if count < 0:
            return 0 if have == 0 else INFINITE
        if count == 0:
            return 0
        return have if have < 0 else have * count


class _Chain(Reader):
    def __init__(self, nodes: Sequence[Node]) -> None:
        self._rest = list(nodes)
        self._inner: Reader | None = None

    def _current(self) -> Reader | None:
        if self._inner is None and self._rest:
            self._inner = self._rest.pop(0).open()
        return self._inner

    def _ended(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()

    next = _Again.next
    read = _Again.read
    close = _Again.close
    _any = True


class Concatenate(Node):
    """The elements of one stage after those of another."""

    def __init__(self, first: Node, second: Node) -> None:
        self.inputs = (first, second)
        self.structure = first.structure.merged(second.structure, "concatenate")

    def open(self) -> Reader:
        return by_element(self, _Chain(self.inputs))

    def cardinality(self) -> int:
        counts = [node.cardinality() for node in self.inputs]
        return INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else sum(counts)


# ---- side by side ----------------------------------------------------------------------------------------------------


class _Beside(Reader):
    def __init__(self, inner: Sequence[Reader]) -> None:
        self._inner = list(inner)

    def next(self) -> Leaves | None:
        out: list[Any] = []
        failed: OpError | None = None  # after the others have moved on too, so that they stay side by side
        for reader in self._inner:
            try:
                element = reader.next()
            except OpError as error:
                failed = failed or error
                continue
            if element is None:
                return None
            out += element
        if failed is not None:
            raise failed
        return out

    def read(self, count: int) -> Block | None:
        blocks = [reader.read(count) for reader in self._inner]
        if any(b is None for b in blocks):
            return None
        least = min(len(b[0]) for b in blocks)  # type: ignore[index]
        return [a[:least] for b in blocks for a in b]  # type: ignore[union-attr]

    def close(self) -> None:
        for reader in self._inner:
            reader.close()


class Zip(Node):
    """Elements of several stages, as one element each."""

    def __init__(self, nodes: Sequence[Node], template: Any) -> None:
        self.inputs = tuple(nodes)
        self.structure = Structure(template)

    def open(self) -> Reader:
        return by_element(self, _Beside([node.open() for node in self.inputs]))

    def rows(self) -> Rows | None:
        found = [node.rows() for node in self.inputs]
        return None if any(r is None for r in found) else Beside(found)  # type: ignore[arg-type]

    def cardinality(self) -> int:
        counts = [node.cardinality() for node in self.inputs]
        finite = [c for c in counts if c >= 0]
        if UNKNOWN in counts:
            return UNKNOWN
        return min(finite) if finite else INFINITE


class Enumerate(Node):
    """Each element after its number."""

    shown = "_ZipDataset"

    def __init__(self, before: Node, start: Any) -> None:
        self.inputs, self.held = (before,), (integer(start, "start"),)
        self.structure = Structure((TensorSpec([], dt.int64), before.structure.template))

    def open(self) -> Reader:
        return by_element(self, _Beside([_Count(self.number(0)), self.input.open()]))

    def rows(self) -> Rows | None:
        rows = self.input.rows()
        return None if rows is None else Beside([Numbers(self.number(0), 1, rows.count, np.int64), rows])

    def cardinality(self) -> int:
        return self.input.cardinality()


class _Count(Reader):
    def __init__(self, start: int) -> None:
        self._at = start

    def next(self) -> Leaves:
        self._at += 1
        return [np.array(self._at - 1, np.int64)]

    def read(self, count: int) -> Block:
        self._at += count
        return [np.arange(self._at - count, self._at, dtype=np.int64)]


_WHOLE = 1 << 62  # elements: a buffer for all of them


def _no_buffer(size: int) -> InvalidArgumentError:
    message = f"buffer_size must be greater than zero or UNKNOWN_CARDINALITY, got {size}"
    return InvalidArgumentError(None, None, message)


# ---- shuffle ---------------------------------------------------------------------------------------------------------


class Shuffle(Same):
    """Each element is drawn from a buffer of those that are next."""

    def __init__(self, before: Node, size: Any, seeds: tuple[int, int], again: bool) -> None:
        super().__init__(before, size)
        self.seeds, self.again = seeds, again
        known = self.known(0)
        if known is not None and known < 1 and known != UNKNOWN:
            raise _no_buffer(known)
        self.renew()

    def renew(self) -> None:
        self._passes = Words(*self.seeds)  # what the seeds of passes are drawn from
        self._fixed = None if self.again else known_pair(self.seeds)

    def open(self) -> Reader:
        size = self.number(0)
        if size < 1 and size != UNKNOWN:
            raise _no_buffer(size)
        size = size if size > 0 else _WHOLE
        words = Words(*(self._fixed or (self._passes.next(), self._passes.next())))
        rows = self.input.rows()
        if rows is not None:
            return _Drawn(rows, size, words)
        return _Ring(self.input.open(), size, words)

    def cardinality(self) -> int:
        return self.input.cardinality()


class _Ring(Reader):
    """A ring: the element that leaves changes places with the oldest, whose place the next to come takes."""

    def __init__(self, inner: Reader, size: int, words: Words) -> None:
        self._inner, self._size, self._words = inner, size, words
        self._ring: list[Any] = []
        self._count = self._start = 0
        self._hole = -1
        self._filled = self._ended = False

    def next(self) -> Leaves | None:
        if not self._filled:
            self._fill()
        elif self._hole >= 0:
            self._refill()
        if not self._count:
            return None
        at, hole = (self._start + self._words.next() % self._count) % self._size, self._start % self._size
        chosen: Leaves = self._ring[at]
        self._ring[at], self._ring[hole] = self._ring[hole], None
        self._start, self._hole = self._start + 1, hole
        return chosen

    def _fill(self) -> None:
        while len(self._ring) < self._size and (element := self._inner.next()) is not None:
            self._ring.append(element)
        self._filled, self._count, self._size = True, len(self._ring), max(len(self._ring), 1)

    def _refill(self) -> None:
        element = None if self._ended else self._inner.next()
        self._ended = element is None
        if element is None:
            self._count -= 1
        else:
            self._ring[self._hole] = element
        self._hole = -1

    def close(self) -> None:
        self._inner.close()


class _Positions(Reader):
    """0, 1, … as elements that are numbers themselves."""

    def __init__(self, count: int) -> None:
        self._numbers = iter(range(count))

    def next(self) -> Any:
        return next(self._numbers, None)


class _Drawn(Reader):
    """Rows in shuffled order: only their positions go through the buffer."""

    def __init__(self, rows: Rows, size: int, words: Words) -> None:
        self._rows = rows
        self._order: Iterator[Any] = iter(_Ring(_Positions(rows.count), size, words).next, None)  # type: ignore[arg-type]

    def next(self) -> Leaves | None:
        k = next(self._order, None)
        return None if k is None else self._rows.at(k)

    def read(self, count: int) -> Block | None:
        chosen = [k for _, k in zip(range(count), self._order)]
        return self._rows.take(np.array(chosen, np.int64)) if chosen else None
