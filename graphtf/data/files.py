"""Datasets of files: records of TFRecord files, lines of text, records of a fixed length.

Invariant: files are read piece by piece, in their order or in turns; nothing is read before it is asked for. Entry
points: `TFRecordDataset`, `TextLineDataset`, `FixedLengthRecordDataset`.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.crc32c import masked
from graphtf.data.dataset import Dataset
from graphtf.data.node import Node
from graphtf.data.reader import Generated, Reader
from graphtf.data.sources import Slices
from graphtf.data.structure import Leaves, Structure
from graphtf.data.turns import turns
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import DataLossError, InvalidArgumentError, NotFoundError
from graphtf.ir.ops.prims import p
from graphtf.spec import TensorSpec

_LENGTH = struct.Struct("<QI")  # the length of a record, and the checksum of that
_SUM = struct.Struct("<I")

Records = Callable[[str, BinaryIO], Iterator[bytes]]


class _ZlibFile(io.RawIOBase):
    """The contents of a file in the zlib format."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed with this one
        self._left, self._inflate = b"", zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = self._inflate.unconsumed_tail or self._file.read(1 << 16)
            if not chunk:
                return 0
            self._left = self._inflate.decompress(chunk, 1 << 20)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: str, compression: str) -> BinaryIO:
    """A file to read from. Raises NotFoundError, InvalidArgumentError for an unknown compression."""
    if compression not in ("", "GZIP", "ZLIB"):
        raise InvalidArgumentError(None, None, f"Unsupported compression_type: {compression}.")
    try:
        if compression == "ZLIB":
            return io.BufferedReader(_ZlibFile(path))  # type: ignore[return-value]
        return open(path, "rb") if not compression else gzip.open(path, "rb")  # type: ignore[return-value]
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path}; No such file or directory") from None
    except IsADirectoryError:
        raise InvalidArgumentError(None, None, f"{path} is a directory") from None


class FromFiles(Node):
    """What a function finds in the files whose names come, `parallel` of them in turns."""

    def __init__(self, names: Node, records: Records, compression: str | None, parallel: int | None) -> None:
        self.inputs, self.records = (names,), records
        self.compression, self.parallel = compression or "", parallel
        self.structure = Structure(TensorSpec([], dt.string))

    def open(self) -> Reader:
        names = self.input.open()
        found = self._files(names)
        if not self.parallel or self.parallel < 2:
            return Generated((leaves for file in found for leaves in file), names)
        return Generated(turns(found, self.parallel, 1), names)

    def _files(self, names: Reader) -> Iterator[Iterator[Leaves]]:
        while (name := names.next()) is not None:
            yield self._elements(os.fsdecode(name[0][()]))

    def _elements(self, path: str) -> Iterator[Leaves]:
        with opened(path, self.compression) as file:
            try:
                for record in self.records(path, file):
                    out = np.empty((), object)
                    out[()] = record
                    yield [out]
            except (zlib.error, EOFError, gzip.BadGzipFile) as error:
                raise DataLossError(None, None, f"{path}: {error}") from None


def _names(filenames: Any) -> Node:
    """The names of files as a stage. Raises TypeError for what are no strings."""
    if isinstance(filenames, Dataset):
        spec = filenames.element_spec
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.string:
            raise TypeError(f"The `filenames` argument must contain `tf.string` elements. Got {spec}.")
        if spec.shape.rank not in (0, None):
            raise ValueError(f"The `filenames` argument must contain `tf.string` scalars, got elements of {spec}.")
        return filenames._node
    if isinstance(filenames, os.PathLike):
        filenames = os.fspath(filenames)
    elif isinstance(filenames, (list, tuple)):
        filenames = [os.fspath(x) if isinstance(x, os.PathLike) else x for x in filenames]
    names = convert_to_tensor(filenames)
    if names.dtype is not dt.string:
        kind = names.dtype.name
        raise TypeError(f"The `filenames` argument must contain `tf.string` elements. Got `tf.{kind}` elements.")
    return Slices(p.reshape(names, shape=(names.shape.num_elements(),)))


# ---- TFRecord --------------------------------------------------------------------------------------------------------


def tf_records(path: str, file: BinaryIO) -> Iterator[bytes]:
    """The records of a TFRecord file. Raises DataLossError where it is damaged."""
    at = 0
    while head := file.read(_LENGTH.size):
        if len(head) < _LENGTH.size:
            raise DataLossError(None, None, f"{path}: truncated record at {at}")
        length, check = _LENGTH.unpack(head)
        if masked(head[:8]) != check:
            raise DataLossError(None, None, f"{path}: corrupted record at {at}")
        record, tail = _read(file, length), file.read(_SUM.size)
        if len(record) < length or len(tail) < _SUM.size:
            raise DataLossError(None, None, f"{path}: truncated record at {at}")
        at += _LENGTH.size
        if masked(record) != _SUM.unpack(tail)[0]:
            raise DataLossError(None, None, f"{path}: corrupted record at {at}")
        yield record
        at += length + _SUM.size


def _read(file: BinaryIO, count: int) -> bytes:
    """So many bytes, fewer at the end; never more memory than the file has bytes."""
    parts, left = [], count
    while left and (part := file.read(min(left, 1 << 24))):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class TFRecordDataset(Dataset):
    """The records of TFRecord files, as byte strings.

    `filenames` is a name, a list, or a dataset of names; `num_parallel_reads` files are read in turns. Raises TypeError
    for what are no names; while iterating NotFoundError, DataLossError.
    Follows https://www.tensorflow.org/api_docs/python/tf/data/TFRecordDataset.
    """

    _shown = "TFRecordDatasetV2"

    def __init__(
        self, filenames: Any, compression_type: str | None = None, buffer_size: int | None = None,
        num_parallel_reads: int | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(FromFiles(_names(filenames), tf_records, compression_type, num_parallel_reads))


# ---- text ------------------------------------------------------------------------------------------------------------


def lines(path: str, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a text file without their ends."""
    for line in file:
        yield line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line


class TextLineDataset(Dataset):
    """The lines of text files, as byte strings without their ends.

    Follows https://www.tensorflow.org/api_docs/python/tf/data/TextLineDataset.
    """

    _shown = "TextLineDatasetV2"

    def __init__(
        self, filenames: Any, compression_type: str | None = None, buffer_size: int | None = None,
        num_parallel_reads: int | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(FromFiles(_names(filenames), lines, compression_type, num_parallel_reads))


# ---- fixed length ----------------------------------------------------------------------------------------------------


class FixedLengthRecordDataset(Dataset):
    """Records of `record_bytes` bytes each, between a header and a footer, as byte strings.

    While iterating: InvalidArgumentError for a file that does not hold a whole number of records.
    Follows https://www.tensorflow.org/api_docs/python/tf/data/FixedLengthRecordDataset.
    """

    _shown = "FixedLengthRecordDatasetV2"

    def __init__(
        self, filenames: Any, record_bytes: Any, header_bytes: Any = None, footer_bytes: Any = None,
        buffer_size: int | None = None, compression_type: str | None = None, num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        size, header, footer = int(record_bytes), int(header_bytes or 0), int(footer_bytes or 0)
        if size < 1 or header < 0 or footer < 0:
            raise InvalidArgumentError(
                None, None, f"record_bytes must be > 0, header_bytes and footer_bytes >= 0: {size}, {header}, {footer}"
            )

        def records(path: str, file: BinaryIO) -> Iterator[bytes]:
            body = file.read()
            length = len(body) - header - footer
            if length < 0 or length % size:
                raise InvalidArgumentError(
                    None, None,
                    f'Excluding the header ({header} bytes) and footer ({footer} bytes), input file "{path}" has body '
                    f"length {length} bytes, which is not an exact multiple of the record length ({size} bytes).",
                )  # fmt: skip
            for at in range(header, header + length, size):
                yield body[at : at + size]

        super().__init__(FromFiles(_names(filenames), records, compression_type, num_parallel_reads))
