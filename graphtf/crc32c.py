"""CRC-32C (Castagnoli), the checksum of TensorFlow's record files.

Invariant: long messages are summed in lanes, side by side in NumPy, and the sums of lanes joined by the linear maps
that stand for zero bytes behind a message. Entry points: `crc32c(data)`, `masked(data)`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Table = np.ndarray[Any, np.dtype[np.uint32]]

_POLYNOMIAL = 0x82F63B78
_LANE = 64  # bytes
_SHORT = 1024  # bytes: up to here lanes do not pay
_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8


@functools.cache
def _bytes_table() -> Table:
    """What one byte does to a sum of 0."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@functools.cache
def _plain_table() -> list[int]:
    return _bytes_table().tolist()  # type: ignore[no-any-return]


@functools.cache
def _behind(count: int) -> Table:
    """What `count` (a power of 2) zero bytes behind a message do to its sum: a table for each of its four bytes."""
    values = np.arange(256, dtype=np.uint32)
    sums = np.stack([values << np.uint32(8 * k) for k in range(4)])
    if count == 1:
        return _bytes_table()[sums & 0xFF] ^ (sums >> 8)
    half = _behind(count // 2)
    return _moved(half, _moved(half, sums))


def _moved(tables: Table, sums: Table) -> Table:
    return (  # type: ignore[no-any-return]
        tables[0][sums & 0xFF] ^ tables[1][(sums >> 8) & 0xFF] ^ tables[2][(sums >> 16) & 0xFF] ^ tables[3][sums >> 24]
    )


def crc32c(data: bytes, before: int = 0) -> int:
    """The checksum of bytes, which come after bytes of the checksum `before`.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    if len(data) <= _SHORT:
        return _one_by_one(data, before ^ _ONES) ^ _ONES
    head = len(data) % _LANE
    start = _one_by_one(data[:head], before ^ _ONES)
    message = np.frombuffer(data, np.uint8, offset=head).reshape(-1, _LANE).copy()
    message[0, :4] ^= np.frombuffer(np.uint32(start).tobytes(), np.uint8)  # as beginning with that sum does
    table, sums = _bytes_table(), np.zeros(len(message), np.uint32)
    for column in message.T:
        sums = table[(sums ^ column) & 0xFF] ^ (sums >> 8)
    return int(_joined(sums)) ^ _ONES


def _one_by_one(data: bytes, start: int) -> int:
    table = _plain_table()
    for byte in data:
        start = table[(start ^ byte) & 0xFF] ^ (start >> 8)
    return start


def _joined(sums: Table) -> Any:
    """The sum of lanes that lie one behind the other."""
    length = _LANE
    while len(sums) > 1:
        if len(sums) % 2:
            sums = np.concatenate([np.zeros(1, np.uint32), sums])  # zeros before a message change nothing
        sums = _moved(_behind(length), sums[0::2]) ^ sums[1::2]
        length *= 2
    return sums[0]


def masked(data: bytes) -> int:
    """The checksum as record files store it: turned and shifted, so that sums of data with sums in it are sound.

    >>> hex(masked(b""))
    '0xa282ead8'
    """
    return mask(crc32c(data))


def mask(crc: int) -> int:
    """A checksum as files store it."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ONES
