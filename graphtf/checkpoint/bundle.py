"""Tensor bundles: the files PREFIX.index and PREFIX.data-00000-of-00001 of a checkpoint.

Invariant: the format is TensorFlow's, to the byte where it matters: what either writes the other reads. Sizes are
verified before anything is allocated, checksums before anything is given out. Entry points: `write_bundle`, `Bundle`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.checkpoint.protos import BundleEntry, BundleHeader, ShapeDim, TensorShapeProto, VersionDef
from graphtf.checkpoint.sstable import entries_of, table_of
from graphtf.crc32c import crc32c, mask
from graphtf.files.message import read_varint, varint
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import DataLossError, NotFoundError, UnimplementedError

Array = np.ndarray[Any, Any]


# ---- writing ---------------------------------------------------------------------------------------------------------


def write_bundle(prefix: str, tensors: Mapping[str, Array]) -> None:
    """Write a checkpoint of named arrays. Raises OSError where files cannot be written."""
    folder = os.path.dirname(prefix)
    if folder:
        os.makedirs(folder, exist_ok=True)
    data_file = f"{prefix}.data-00000-of-00001"
    entries: list[tuple[bytes, bytes]] = []
    offset = 0
    with open(f"{data_file}.part", "wb") as file:
        for name, array in tensors.items():
            data, checksum = _as_bytes(array)
            entry = BundleEntry(
                dtype=as_dtype(array.dtype).enum, shape=shape_proto(array.shape), offset=offset, size=len(data),
                crc32c=mask(checksum),
            )  # fmt: skip
            entry.shape._explicit = True
            entries.append((name.encode(), entry.SerializeToString()))
            file.write(data)
            offset += len(data)
    header = BundleHeader(num_shards=1, version=VersionDef(producer=1))
    with open(f"{prefix}.index.part", "wb") as file:
        file.write(table_of([(b"", header.SerializeToString()), *sorted(entries)]))
    os.replace(f"{data_file}.part", data_file)
    os.replace(f"{prefix}.index.part", f"{prefix}.index")


def shape_proto(shape: tuple[int, ...]) -> TensorShapeProto:
    """A shape as a message."""
    dims = [ShapeDim(size=d) for d in shape]
    for dim in dims:
        dim._explicit = True
    return TensorShapeProto(dim=dims)


def _as_bytes(array: Array) -> tuple[bytes, int]:
    """An array as it lies in the file, and its checksum."""
    if array.dtype != object:
        fixed = np.ascontiguousarray(array)
        data = (fixed if fixed.dtype.isnative else fixed.astype(fixed.dtype.newbyteorder("="))).tobytes()
        return data, crc32c(data)
    texts = array.reshape(-1).tolist()
    lengths = b"".join(_fixed(len(text)) for text in texts)
    checksum = crc32c(lengths)
    mark = struct.pack("<I", mask(checksum))
    body = b"".join(texts)
    return b"".join(varint(len(text)) for text in texts) + mark + body, crc32c(body, crc32c(mark, checksum))


def _fixed(length: int) -> bytes:
    """A length as checksums see it."""
    return struct.pack("<I" if length < 1 << 32 else "<Q", length)


# ---- reading ---------------------------------------------------------------------------------------------------------


class Bundle:
    """A checkpoint that is read: names, dtypes, shapes and values.

    Raises NotFoundError if there is none, DataLossError for broken files.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        try:
            with open(f"{prefix}.index", "rb") as file:
                found = dict(entries_of(file.read()))
        except (FileNotFoundError, NotADirectoryError):
            message = f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {prefix}"
            raise NotFoundError(None, None, message) from None
        header = BundleHeader.FromString(found.pop(b"", b""))
        if header.endianness != 0:
            raise UnimplementedError(None, None, "checkpoints of big-endian machines cannot be read")
        self._shards = header.num_shards
        self._entries = {key.decode(): BundleEntry.FromString(value) for key, value in found.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        """The names of all tensors."""
        return list(self._entries)

    def dtype(self, name: str) -> DType:
        return as_dtype(self._entry(name).dtype)

    def shape(self, name: str) -> list[int]:
        return [dim.size for dim in self._entry(name).shape.dim]

    def _entry(self, name: str) -> BundleEntry:
        found = self._entries.get(name)
        if found is None:
            raise NotFoundError(None, None, f"Key {name} not found in checkpoint")
        return found

    def get(self, name: str) -> Array:
        """A tensor. Raises NotFoundError if it is not there, DataLossError where its bytes are not what was written."""
        entry, dtype, shape = self._entry(name), self.dtype(name), self.shape(name)
        if entry.slices:
            raise UnimplementedError(None, None, f"{name} was saved in slices, which cannot be read")
        if dtype.kind not in "fiucbs":
            raise UnimplementedError(None, None, f"{name} has dtype {dtype.name}, which cannot be read")
        count = 1
        for d in shape:
            count *= d
        if any(d < 0 for d in shape) or entry.size < 0 or entry.offset < 0:
            raise DataLossError(None, None, f"{name}: sizes are negative")
        if dtype is not dt.string and entry.size != count * dtype.size:
            message = f"{name}: {entry.size} bytes for {count} elements of {dtype.name}"
            raise DataLossError(None, None, message)
        data = self._read(entry)
        if len(data) != entry.size:
            raise DataLossError(None, None, f"{name}: the data file is cut off")
        return (
            self._strings(name, entry, data, shape)
            if dtype is dt.string
            else self._numbers(name, entry, data, dtype, shape)
        )

    def _read(self, entry: BundleEntry) -> bytes:
        path = f"{self.prefix}.data-{entry.shard_id:05d}-of-{self._shards:05d}"
        try:
            with open(path, "rb") as file:
                if entry.offset + entry.size > os.fstat(file.fileno()).st_size:
                    return b""
                file.seek(entry.offset)
                return file.read(entry.size)
        except FileNotFoundError:
            raise NotFoundError(None, None, f"{path}; No such file or directory") from None

    def _numbers(self, name: str, entry: BundleEntry, data: bytes, dtype: DType, shape: list[int]) -> Array:
        self._verify(name, entry, crc32c(data))
        return np.frombuffer(data, dtype.np).reshape(shape).copy()

    def _verify(self, name: str, entry: BundleEntry, checksum: int) -> None:
        if mask(checksum) != entry.crc32c:
            raise DataLossError(None, None, f"Checksum does not match for {name} in {self.prefix}")

    def _strings(self, name: str, entry: BundleEntry, data: bytes, shape: list[int]) -> Array:
        count, at, lengths = int(np.prod(shape)), 0, []
        for _ in range(count):
            length, at = read_varint(data, at)
            lengths.append(length)
        checksum = crc32c(b"".join(map(_fixed, lengths)))
        if data[at : at + 4] != struct.pack("<I", mask(checksum)) or at + 4 + sum(lengths) != len(data):
            raise DataLossError(None, None, f"Checksum does not match for the lengths of {name}")
        self._verify(name, entry, crc32c(data[at:], checksum))
        at += 4
        out = np.empty(count, object)
        for k, length in enumerate(lengths):
            out[k] = data[at : at + length]
            at += length
        return out.reshape(shape)
