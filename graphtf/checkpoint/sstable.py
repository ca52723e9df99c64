"""Sorted string tables, the format of a checkpoint's index: LevelDB's, without compression.

Invariant: keys rise; every block is followed by its kind and the checksum of both, which reading verifies, and no read
goes beyond the bytes. Entry points: `table_of(entries)`, `entries_of(data)`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from graphtf.crc32c import crc32c, mask
from graphtf.files.message import read_varint, varint
from graphtf.ir.errors import DataLossError, UnimplementedError

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes
_RESTART_EVERY = 16
_BLOCK = 256 * 1024  # bytes from which a block is closed
Entry = tuple[bytes, bytes]


def _lost(why: str) -> DataLossError:
    return DataLossError(None, None, f"not an sstable (bad {why})")


# ---- writing ---------------------------------------------------------------------------------------------------------


class _Block:
    """Entries with the beginnings that keys share left out."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.restarts = [0]
        self.count = 0
        self.last = b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.count % _RESTART_EVERY == 0:
            if self.count:
                self.restarts.append(len(self.data))
        else:
            longest = min(len(key), len(self.last))
            while shared < longest and key[shared] == self.last[shared]:
                shared += 1
        self.data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        self.last, self.count = key, self.count + 1

    def finished(self) -> bytes:
        return bytes(self.data) + struct.pack(f"<{len(self.restarts) + 1}I", *self.restarts, len(self.restarts))


def table_of(entries: Iterable[Entry]) -> bytes:
    """The table of entries, whose keys rise."""
    out, index, block = bytearray(), _Block(), _Block()
    for key, value in entries:
        block.add(key, value)
        if len(block.data) >= _BLOCK:
            index.add(block.last, _appended(out, block.finished()))
            block = _Block()
    if block.count or not index.count:
        index.add(block.last, _appended(out, block.finished()))
    meta = _appended(out, _Block().finished())
    ends = _appended(out, index.finished())
    return bytes(out) + (meta + ends).ljust(_FOOTER - 8, b"\0") + struct.pack("<Q", _MAGIC)


def _appended(out: bytearray, block: bytes) -> bytes:
    """Write a block; its place and size."""
    handle = varint(len(out)) + varint(len(block))
    kind = b"\0"  # not compressed
    out += block + kind + struct.pack("<I", mask(crc32c(block + kind)))
    return handle


# ---- reading ---------------------------------------------------------------------------------------------------------


def entries_of(data: bytes) -> Iterator[Entry]:
    """The entries of a table, in order. Raises DataLossError if it is none or broken."""
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise _lost("magic number")
    footer = data[-_FOOTER:-8]
    meta, at = _handle(footer, 0)
    _block(data, *meta)  # which holds nothing, but is to be whole
    (start, size), _ = _handle(footer, at)
    for _, value in _block_entries(_block(data, start, size)):
        (place, length), _ = _handle(value, 0)
        yield from _block_entries(_block(data, place, length))


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (start, size), at


def _block(data: bytes, start: int, size: int) -> bytes:
    end = start + size
    if end + 5 > len(data):
        raise _lost("block handle")
    (stored,) = struct.unpack("<I", data[end + 1 : end + 5])
    if mask(crc32c(data[start : end + 1])) != stored:
        raise DataLossError(None, None, "block checksum mismatch")
    if data[end] != 0:
        raise UnimplementedError(None, None, "checkpoints whose index is compressed cannot be read")
    return data[start:end]


def _block_entries(block: bytes) -> Iterator[Entry]:
    if len(block) < 4:
        raise _lost("block")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise _lost("block")
    key, at = b"", 0
    while at < end:
        shared, at = read_varint(block, at)
        rest, at = read_varint(block, at)
        size, at = read_varint(block, at)
        if shared > len(key) or at + rest + size > end:
            raise _lost("entry")
        key = key[:shared] + block[at : at + rest]
        yield key, block[at + rest : at + rest + size]
        at += rest + size
