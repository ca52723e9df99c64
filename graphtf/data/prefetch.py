"""A stage that makes elements ahead, in a thread of its own, where that pays.

Invariant: elements and errors come in the order in which the stage before gives them. The thread begins only once
making an element takes longer than handing it over does; it is a daemon, holds nothing of its reader, and ends when
that is closed or dropped. Entry point: `Prefetch`.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from typing import Any

from graphtf.data.node import Node
from graphtf.data.order import Through
from graphtf.data.reader import Block, Reader, RowReader
from graphtf.data.structure import Leaves

_LOOKED_AT = 4  # elements whose making is timed before it is decided
_PAYS_FROM = 2e-3  # seconds an element takes
_AHEAD = 2  # elements, where the size is AUTOTUNE
_PATIENCE = 0.1  # seconds between looks at whether anybody still wants elements


class Prefetch(Through):
    """The same elements; `held`: how many to make ahead, a negative number for as many as is good."""

    def __init__(self, before: Node, size: Any) -> None:
        super().__init__(before, size)

    def open(self) -> Reader:
        rows, size = self.rows(), self.number(0)
        if rows is not None:
            return RowReader(rows)
        inner = self.input.open()
        return inner if size == 0 else _Ahead(inner, size if size > 0 else _AHEAD)


class _Ahead(Reader):
    def __init__(self, inner: Reader, size: int) -> None:
        self._inner, self._size = inner, size
        self._seen, self._least = 0, float("inf")  # seconds the quickest took: the first opens what others read from
        self._made: queue.Queue[Any] | None = None
        self._stop = threading.Event()
        self._ended = False

    def next(self) -> Leaves | None:
        if self._made is not None:
            return self._taken(self._made)
        if self._seen >= _LOOKED_AT:
            return self._inner.next()
        start = time.perf_counter()
        element = self._inner.next()
        self._seen, self._least = self._seen + 1, min(self._least, time.perf_counter() - start)
        if self._seen == _LOOKED_AT and self._least > _PAYS_FROM and element is not None:
            self._begin()
        return element

    def read(self, count: int) -> Block | None:
        return super().read(count) if self._made is not None else self._inner.read(count)

    def _begin(self) -> None:
        """Make elements ahead from now on."""
        self._made = queue.Queue(self._size)
        work = threading.Thread(
            target=_make, args=(self._inner, self._made, self._stop), daemon=True, name="graphtf-prefetch"
        )
        weakref.finalize(self, self._stop.set)
        work.start()

    def _taken(self, made: queue.Queue[Any]) -> Leaves | None:
        if self._ended:
            return None
        element, error = made.get()
        if error is not None:
            raise error
        self._ended = element is None
        return element  # type: ignore[no-any-return]

    def close(self) -> None:
        self._stop.set()
        if self._made is None:
            self._inner.close()


def _make(inner: Reader, made: queue.Queue[Any], stop: threading.Event) -> None:
    """Put (element, error) pairs until the end, or until nobody wants them."""
    try:
        element: Any = ()
        while element is not None and not stop.is_set():
            error = None
            try:
                element = inner.next()
            except Exception as found:  # noqa: BLE001 - it is raised where the element is asked for
                error = found
            _put(made, (element, error), stop)
    finally:
        inner.close()


def _put(made: queue.Queue[Any], item: Any, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            made.put(item, timeout=_PATIENCE)
            return
        except queue.Full:
            continue
