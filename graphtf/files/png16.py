"""PNG images of 16 bits and several channels, which Pillow cuts down to 8: read and written here.

Invariant: pixels are uint16 [height, width, channels]; what is read never goes beyond the bytes. Follows
https://www.w3.org/TR/png-3. Entry points: `deep_pixels`, `deep_png`.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 4: 2, 6: 4}  # by the type of colour
_HEAD = struct.Struct(">IIBBBBB")  # width, height, depth, type of colour, compression, filter, interlacing
_MOST = 1 << 31  # bytes of pixels


def deep_pixels(data: bytes) -> Array | None:
    """The pixels of a file; None if it is no whole PNG of 16 bits, several channels and rows in order."""
    head = _head(data)
    if head is None:
        return None
    width, height, channels = head
    stride = 2 * channels * width
    size = height * (stride + 1)
    if size > _MOST:
        return None
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(b"".join(_parts(data)), size)
    except zlib.error:
        return None
    if len(raw) < size:
        return None
    rows = np.frombuffer(raw, np.uint8, size).reshape(height, stride + 1)
    if (rows[:, 0] > 4).any():
        return None
    found = _unfiltered(rows[:, 0], rows[:, 1:], 2 * channels)
    return found.view(">u2").astype(np.uint16).reshape(height, width, channels)


def _head(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and channels."""
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 16 + _HEAD.size:
        return None
    width, height, depth, colour, _, _, interlaced = _HEAD.unpack_from(data, 16)
    if depth != 16 or colour not in _CHANNELS or interlaced or not width or not height:
        return None
    return width, height, _CHANNELS[colour]


def _parts(data: bytes) -> list[bytes]:
    """The compressed pixels, chunk by chunk."""
    found, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IDAT":
            found.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return found


def _unfiltered(kinds: Array, rows: Array, step: int) -> Array:
    """The bytes of pixels, each of `step` bytes, from what rows say of their difference from neighbours."""
    out = np.empty(rows.shape, np.uint8)
    above = np.zeros(rows.shape[1], np.uint8)
    for k, kind in enumerate(kinds.tolist()):
        row = rows[k]
        if kind == 0:
            out[k] = row
        elif kind == 1:
            out[k] = np.cumsum(row.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
        elif kind == 2:
            out[k] = row + above
        else:
            out[k] = _one_by_one(kind, row, above, step)
        above = out[k]
    return out


def _one_by_one(kind: int, row: Array, above: Array, step: int) -> list[int]:
    """A row whose bytes follow from those before, by their average or by Paeth's choice."""
    up, done = above.tolist(), []
    for j, x in enumerate(row.tolist()):
        a, c = (done[j - step], up[j - step]) if j >= step else (0, 0)
        guess = (a + up[j]) // 2 if kind == 3 else _paeth(a, up[j], c)
        done.append((x + guess) & 255)
    return done


def _paeth(a: int, b: int, c: int) -> int:
    near = sorted(((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c)))
    return near[0][2]


def deep_png(pixels: Array, level: int) -> bytes:
    """A file of pixels, compressed at a level from -1 to 9."""
    height, width, channels = pixels.shape
    colour = next(k for k, n in _CHANNELS.items() if n == channels)
    rows = np.zeros((height, 1 + 2 * channels * width), np.uint8)
    rows[:, 1:] = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    head = _HEAD.pack(width, height, 16, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), level)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
