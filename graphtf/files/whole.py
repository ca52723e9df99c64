"""Whole files in programs: reading, writing, and which there are.

Invariant: a file is touched when the program runs. Entry points: `read_file`, `write_file`, `matching_files`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files.gfile import as_error, glob, local
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def _path(filename: Any, name: str) -> Tensor:
    given = os.fspath(filename) if isinstance(filename, os.PathLike) else filename
    path = as_strings(given, name)
    if path.shape.rank not in (0, None):
        raise invalid(name, f"filename must be a scalar, got shape {path.shape}")
    return path


def _scalar(text: bytes) -> Array:
    out = np.empty((), object)
    out[()] = text
    return out


def read_file(filename: Any, name: str | None = None) -> Tensor:
    """The bytes of a file. Raises NotFoundError if there is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/read_file.
    """
    (out,) = on_host(HostFunction(contents_of), [_path(filename, "read_file")], [dt.string], [()])
    return out


@host_function
def contents_of(path: Array) -> list[Array]:
    """The bytes of the file at a path."""
    try:
        with open(local(path[()]), "rb") as file:
            return [_scalar(file.read())]
    except OSError as error:
        raise as_error(error) from None


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write bytes to a file, whose folder is made if need be.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/write_file.
    """

    def run(path: Array, data: Array) -> list[Array]:
        place = local(path[()])
        try:
            if os.path.dirname(place):
                os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(data[()])
        except OSError as error:
            raise as_error(error) from None
        return []

    on_host(run, [_path(filename, "write_file"), as_strings(contents, "write_file")], [], [])


def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The paths that match a pattern, or one of a vector of them, sorted.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/matching_files.

    >>> matching_files("/no/such/*").shape
    TensorShape([0])
    """

    def run(patterns: Array) -> list[Array]:
        found = sorted({path for one in patterns.reshape(-1).tolist() for path in glob(one)})
        out = np.empty(len(found), object)
        out[:] = [os.fsencode(path) for path in found]
        return [out]

    (out,) = on_host(run, [as_strings(pattern, "matching_files")], [dt.string], [(None,)])
    return out


def decode_compressed(bytes: Any, compression_type: str = "", name: str | None = None) -> Tensor:
    """Byte strings unpacked: compression_type is "" (as they are), "ZLIB" or "GZIP".

    Raises InvalidArgumentError for another type, DataLossError for broken data. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_compressed.
    """
    import zlib

    from graphtf.api.strings import each
    from graphtf.ir.errors import DataLossError

    bits = {"": None, "ZLIB": zlib.MAX_WBITS, "GZIP": zlib.MAX_WBITS | 16}
    if compression_type not in bits:
        raise failed("decode_compressed", f"Only ZLIB, GZIP or NONE are supported, got {compression_type!r}")
    chosen = bits[compression_type]

    def unpack(data: Any) -> Any:
        try:
            return data if chosen is None else zlib.decompress(data, chosen)
        except zlib.error as error:
            raise DataLossError(None, None, f"decode_compressed: {error}") from None

    return each(convert_to_tensor(bytes), unpack)
