"""TFRecord files: writing them. `tf.data.TFRecordDataset` reads them.

Invariant: a record is its length, the checksum of that, its bytes and their checksum. Entry points: `TFRecordWriter`,
`TFRecordOptions`, `tf_record_iterator`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any

from graphtf.crc32c import masked
from graphtf.files.gfile import as_error, local
from graphtf.ir.errors import FailedPreconditionError

_TYPES = ("", "ZLIB", "GZIP")


class TFRecordOptions:
    """How records are compressed: `compression_type` is "", "ZLIB" or "GZIP".

    Raises ValueError for another one. Follows https://www.tensorflow.org/api_docs/python/tf/io/TFRecordOptions.

    >>> TFRecordOptions("GZIP").compression_type
    'GZIP'
    """

    def __init__(
        self, compression_type: Any = None, flush_mode: Any = None, input_buffer_size: Any = None,
        output_buffer_size: Any = None, window_bits: Any = None, compression_level: Any = None,
        compression_method: Any = None, mem_level: Any = None, compression_strategy: Any = None,
    ) -> None:  # fmt: skip
        if compression_type not in (None, *_TYPES):
            raise ValueError(f"{compression_type} is not a valid compression type: it is one of {list(_TYPES)}")
        self.compression_type = compression_type or ""
        self.compression_level = -1 if compression_level is None else compression_level
        self.window_bits, self.mem_level = window_bits, mem_level
        self.flush_mode, self.input_buffer_size, self.output_buffer_size = (
            flush_mode,
            input_buffer_size,
            output_buffer_size,
        )
        self.compression_method, self.compression_strategy = compression_method, compression_strategy


def tf_record_iterator(path: Any, options: Any = None) -> Iterator[bytes]:
    """The records of a file.

    Raises NotFoundError if there is none, DataLossError where it is damaged. Follows
    https://www.tensorflow.org/api_docs/python/tf/compat/v1/io/tf_record_iterator.
    """
    from graphtf.data.files import TFRecordDataset  # which programs that only write need not load

    kind = options.compression_type if isinstance(options, TFRecordOptions) else options or ""
    return (record.numpy() for record in TFRecordDataset(os.fspath(path), kind))  # type: ignore[union-attr]


class TFRecordWriter:
    """Writes byte strings as records of a file.

    Raises an error of `tf.errors` where the file cannot be written. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/TFRecordWriter.
    """

    def __init__(self, path: Any, options: Any = None) -> None:
        chosen = options if isinstance(options, TFRecordOptions) else TFRecordOptions(options)
        try:
            self._file: Any = open(local(os.fspath(path)), "wb")  # noqa: SIM115 - it is open as long as this is
        except OSError as error:
            raise as_error(error) from None
        self._pack: Any = _packer(chosen)

    def write(self, record: Any) -> None:
        """Write a record. Raises TypeError for what are no bytes, FailedPreconditionError after `close`."""
        if self._file is None:
            raise FailedPreconditionError(None, None, "Writer is closed")
        if not isinstance(record, bytes):
            record = record.numpy() if hasattr(record, "numpy") else bytes(record)
        length = struct.pack("<Q", len(record))
        whole = length + struct.pack("<I", masked(length)) + record + struct.pack("<I", masked(record))
        self._file.write(whole if self._pack is None else self._pack.compress(whole))

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            if self._pack is not None:
                import zlib

                self._file.write(self._pack.flush(zlib.Z_SYNC_FLUSH))
            self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        if self._file is None:
            return
        if self._pack is not None:
            self._file.write(self._pack.flush())
        self._file.close()
        self._file = None

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()


def _packer(options: TFRecordOptions) -> Any:
    if not options.compression_type:
        return None
    import zlib

    bits = options.window_bits or zlib.MAX_WBITS
    if options.compression_type == "GZIP":
        bits |= 16
    return zlib.compressobj(options.compression_level, zlib.DEFLATED, bits, options.mem_level or 8)
