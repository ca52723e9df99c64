"""Stages that keep elements: in memory, or in files.

Invariant: elements count as kept only once a whole pass has gone by; a pass that is left early keeps nothing. Entry
points: `Cache`, `Kept`, `Loaded`, `save`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.node import UNKNOWN, Node
from graphtf.data.order import Same
from graphtf.data.reader import Block, Following, Generated, Reader, RowReader, Rows, stacked
from graphtf.data.storage import Writer, read_elements, read_spec, write_spec
from graphtf.data.structure import Leaves, Structure

_SPEC = "element_spec.json"
_SUFFIX = ".elements"


class ListRows(Rows):
    """Elements in a list."""

    def __init__(self, elements: Sequence[Leaves]) -> None:
        self.elements, self.count = elements, len(elements)

    def at(self, k: int) -> Leaves:
        return self.elements[k]

    def span(self, start: int, stop: int) -> Block:
        return stacked(self.elements[start:stop])

    def take(self, positions: np.ndarray[Any, Any]) -> Block:
        return stacked([self.elements[k] for k in positions.tolist()])


class Cache(Same):
    """The elements of the first whole pass, kept in memory for those after it."""

    shown = "CacheDataset"

    def __init__(self, before: Node) -> None:
        super().__init__(before)
        self.renew()

    def renew(self) -> None:
        self._kept: list[list[Leaves] | None] = [None]
        self._lock = threading.Lock()

    def open(self) -> Reader:
        rows = self.rows()
        return RowReader(rows) if rows is not None else Following(self.input.open(), self._keeping())

    def rows(self) -> Rows | None:
        kept = self._kept[0]
        return self.input.rows() if kept is None else ListRows(kept)

    def _keeping(self) -> Callable[[Reader], Leaves | None]:
        seen: list[Leaves] = []

        def step(inner: Reader) -> Leaves | None:
            element = inner.next()
            if element is not None:
                seen.append(element)
                return element
            with self._lock:
                if self._kept[0] is None:
                    self._kept[0] = seen
            return None

        return step

    def cardinality(self) -> int:
        return self.input.cardinality()


class Kept(Same):
    """The elements of the first whole pass, kept in a file for those after it, and for other processes."""

    shown = "CacheDataset"

    def __init__(self, before: Node, path: Any, compression: str | None = None) -> None:
        super().__init__(before, path)
        self.compression = compression

    def open(self) -> Reader:
        path = os.fsdecode(self.array(0)[()]) + _SUFFIX
        if os.path.exists(path):
            return Generated(read_elements(path, self.structure, self.compression))
        return Generated(self._elements(inner := self.input.open(), path), inner)

    def _elements(self, inner: Reader, path: str) -> Iterator[Leaves]:
        with Writer(path, self.structure, self.compression) as writer:
            while (element := inner.next()) is not None:
                writer.write(element)
                yield element
            writer.finish()

    def cardinality(self) -> int:
        return self.input.cardinality()


# ---- saved datasets --------------------------------------------------------------------------------------------------


def save(node: Node, path: str, compression: str | None, shard_of: Callable[[Leaves], int]) -> None:
    """Write all elements into a directory, each into the file of its shard."""
    os.makedirs(path, exist_ok=True)
    for name in os.listdir(path):
        if name.endswith(_SUFFIX):
            os.remove(os.path.join(path, name))
    writers: dict[int, Writer] = {}
    reader = node.open()
    try:
        while (element := reader.next()) is not None:
            k = shard_of(element)
            if k not in writers:
                writers[k] = Writer(_shard(path, k), node.structure, compression)
            writers[k].write(element)
        for k in writers or {0: None}:
            writer = writers.get(k) or Writer(_shard(path, k), node.structure, compression)
            writers[k] = writer
            writer.finish()
        write_spec(os.path.join(path, _SPEC), node.structure)
    finally:
        reader.close()
        for writer in writers.values():
            writer.close()


def _shard(path: str, k: int) -> str:
    return os.path.join(path, f"{k:08d}{_SUFFIX}")


def saved_structure(path: str) -> Structure:
    """The structure that a saved dataset says it has. Raises NotFoundError if there is none."""
    return read_spec(os.path.join(path, _SPEC))


def shards(path: str) -> list[str]:
    """The files of a saved dataset."""
    return [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(_SUFFIX)]


def is_saved(path: str) -> bool:
    """Is there a whole saved dataset?"""
    return os.path.exists(os.path.join(path, _SPEC))


class Loaded(Node):
    """The elements in a file."""

    def __init__(self, path: str, structure: Structure, compression: str | None) -> None:
        self.path, self.structure, self.compression = path, structure, compression

    def open(self) -> Reader:
        return Generated(read_elements(self.path, self.structure, self.compression))

    def cardinality(self) -> int:
        return UNKNOWN


class Snapshot(Same):
    """The elements saved in a directory, or those that come, which are then saved there."""

    shown = "_MapDataset"

    def __init__(
        self, before: Node, path: str, compression: str | None, shard_of: Callable[[Leaves], int] | None,
        reading: Callable[[], Node],
    ) -> None:  # fmt: skip
        super().__init__(before)
        self.path, self.compression, self.shard_of, self.reading = path, compression, shard_of, reading

    def open(self) -> Reader:
        if is_saved(self.path):
            return self.reading().open()
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        os.makedirs(self.path, exist_ok=True)
        writers: dict[int, Writer] = {}
        try:
            while (element := inner.next()) is not None:
                k = 0 if self.shard_of is None else self.shard_of(element)
                if k not in writers:
                    writers[k] = Writer(_shard(self.path, k), self.structure, self.compression)
                writers[k].write(element)
                yield element
            for writer in writers.values():
                writer.finish()
            write_spec(os.path.join(self.path, _SPEC), self.structure)
        finally:
            for writer in writers.values():
                writer.close()

    def cardinality(self) -> int:
        return self.input.cardinality()
