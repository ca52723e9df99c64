"""Elements in files: their arrays one after the other, framed and checked.

Invariant: reading runs nothing and takes no more memory than the file has bytes: every length is checked against what
is there, and dtypes and shapes against the structure. A file has its name only once it is whole. Entry points:
`Writer`, `read_elements`, `write_spec`, `read_spec`.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from graphtf.data.composites import is_array_spec, spec_fields, spec_from_fields
from graphtf.data.mapped import component_specs, from_components
from graphtf.data.optional import part_arrays
from graphtf.data.structure import Leaves, NoneTensorSpec, Structure
from graphtf.ir.dtypes import ALL, DType, as_dtype
from graphtf.ir.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError
from graphtf.spec import TensorSpec
from graphtf.tensor import DTYPE_OF, EagerTensor

_MAGIC = b"GTFELEM1"
_FRAME = struct.Struct("<QI")  # length of a record, and its CRC-32
_HEAD = struct.Struct("<BBQ")  # dtype, number of axes, bytes
_SIZE = struct.Struct("<q")
_TEXT = struct.Struct("<Q")
_BY_CODE = {d.enum: d for d in ALL}


def _opened(path: str, mode: str, compression: str | None) -> BinaryIO:
    if compression in (None, "", "NONE"):
        return open(path, mode)  # type: ignore[return-value]
    if compression == "GZIP":
        return gzip.open(path, mode)  # type: ignore[return-value]
    raise InvalidArgumentError(None, None, f"compression must be None or 'GZIP', got {compression!r}")


class Writer:
    """Writes elements into a temporary file, which `finish` gives its name."""

    def __init__(self, path: str, structure: Structure, compression: str | None) -> None:
        for spec in structure.specs:
            if not isinstance(spec, (TensorSpec, NoneTensorSpec)) and spec_fields(spec) is None:
                raise UnimplementedError(None, None, f"elements with {spec} cannot be written to files")
        self._path = path
        folder = os.path.dirname(os.path.abspath(path))
        os.makedirs(folder, exist_ok=True)
        handle, self._temporary = tempfile.mkstemp(prefix=".elements-", dir=folder)
        os.close(handle)
        self._file: BinaryIO | None = _opened(self._temporary, "wb", compression)
        self._file.write(_MAGIC)

    def write(self, leaves: Leaves) -> None:
        """Add an element."""
        assert self._file is not None
        record = b"".join(_encoded(a) for x in leaves if x is not None for a in part_arrays_of(x))
        self._file.write(_FRAME.pack(len(record), zlib.crc32(record)))
        self._file.write(record)

    def finish(self) -> None:
        """The file is whole: it takes its name."""
        assert self._file is not None
        self._file.close()
        self._file = None
        os.replace(self._temporary, self._path)

    def close(self) -> None:
        """Remove what was not finished."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.remove(self._temporary)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def part_arrays_of(x: Any) -> list[Any]:
    """The arrays of a leaf."""
    return [x] if isinstance(x, np.ndarray) else part_arrays(x)


def _encoded(a: np.ndarray[Any, Any]) -> bytes:
    kind = DTYPE_OF[a.dtype]
    if kind.kind == "s":
        payload = b"".join(_TEXT.pack(len(x)) + x for x in a.ravel().tolist())
    else:
        payload = np.ascontiguousarray(a).tobytes()
    sizes = b"".join(map(_SIZE.pack, a.shape))
    return _HEAD.pack(kind.enum, a.ndim, len(payload)) + sizes + payload


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_elements(path: str, structure: Structure, compression: str | None) -> Iterator[Leaves]:
    """The elements of a file. Raises DataLossError where it is damaged, NotFoundError if there is none."""
    try:
        file = _opened(path, "rb", compression)
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path}: no such file") from None
    most = os.path.getsize(path) if compression in (None, "", "NONE") else None
    with file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise _damaged(path, "it does not begin as a file of elements does")
        while frame := file.read(_FRAME.size):
            if len(frame) < _FRAME.size:
                raise _damaged(path, "it ends within a record")
            length, check = _FRAME.unpack(frame)
            if most is not None and length > most:
                raise _damaged(path, f"a record of {length} bytes in a file of {most}")
            record = file.read(length)
            if len(record) < length or zlib.crc32(record) != check:
                raise _damaged(path, "a record is cut off or changed")
            yield _leaves(path, record, structure)


def _damaged(path: str, why: str) -> DataLossError:
    return DataLossError(None, None, f"{path} is damaged: {why}")


def _leaves(path: str, record: bytes, structure: Structure) -> Leaves:
    at, leaves = 0, []
    for spec in structure.specs:
        if isinstance(spec, NoneTensorSpec):
            leaves.append(None)
            continue
        arrays = []
        for part in component_specs(spec):
            array, at = _decoded(path, record, at)
            if not part.is_compatible_with(EagerTensor(array)):
                found = TensorSpec(array.shape, DTYPE_OF[array.dtype])
                raise InvalidArgumentError(None, None, f"{path} holds {found}, expected {part}")
            arrays.append(array)
        whole = is_array_spec(spec)
        leaves.append(arrays[0] if whole else from_components(spec, iter([EagerTensor(a) for a in arrays])))
    if at != len(record):
        raise _damaged(path, "a record is longer than its parts")
    return leaves


def _decoded(path: str, record: bytes, at: int) -> tuple[np.ndarray[Any, Any], int]:
    """The array that starts at an offset, and where it ends."""
    if len(record) < at + _HEAD.size:
        raise _damaged(path, "a record ends within an array")
    code, rank, length = _HEAD.unpack_from(record, at)
    kind: DType | None = _BY_CODE.get(code)
    start = at + _HEAD.size + rank * _SIZE.size
    if kind is None or len(record) < start + length:
        raise _damaged(path, "a record holds an array that it cannot")
    shape = tuple(_SIZE.unpack_from(record, at + _HEAD.size + k * _SIZE.size)[0] for k in range(rank))
    count = math.prod(shape)
    if min(shape, default=0) < 0 or (kind.kind != "s" and count * kind.size != length):
        raise _damaged(path, f"an array of shape {shape} in {length} bytes")
    if kind.kind == "s":
        return _texts(path, record[start : start + length], shape, count), start + length
    found = np.frombuffer(record, kind.np, count, start) if count else np.empty(0, kind.np)
    return found.reshape(shape).copy(), start + length


def _texts(path: str, payload: bytes, shape: tuple[int, ...], count: int) -> np.ndarray[Any, Any]:
    if count * _TEXT.size > len(payload):
        raise _damaged(path, f"{count} strings in {len(payload)} bytes")
    out, at = np.empty(count, object), 0
    for k in range(count):
        if at + _TEXT.size > len(payload):
            raise _damaged(path, "a string is cut off")
        (length,) = _TEXT.unpack_from(payload, at)
        at += _TEXT.size
        if at + length > len(payload):
            raise _damaged(path, "a string is cut off")
        out[k] = payload[at : at + length]
        at += length
    return out.reshape(shape)


# ---- structures ------------------------------------------------------------------------------------------------------


def write_spec(path: str, structure: Structure) -> None:
    """Write a structure of specs as JSON."""
    text = json.dumps(_described(structure.template))
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def read_spec(path: str) -> Structure:
    """The structure in a file. Raises NotFoundError, DataLossError."""
    try:
        with open(path, encoding="utf-8") as file:
            return Structure(_restored(json.load(file)))
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path}: no such file: is a dataset saved there?") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from None


def _described(x: Any) -> Any:
    if isinstance(x, tuple):
        return {"tuple": [_described(y) for y in x]}
    if isinstance(x, dict):
        return {"dict": [[k, _described(v)] for k, v in x.items()]}
    if isinstance(x, NoneTensorSpec):
        return {"none": True}
    if isinstance(x, TensorSpec):
        dims = x.shape.as_tuple()
        return {"tensor": [None if dims is None else list(dims), x.dtype.name]}
    fields = spec_fields(x)
    if fields is None:
        raise UnimplementedError(None, None, f"elements with {x!r} cannot be written to files")
    return {"composite": fields}


def _restored(x: Any) -> Any:
    ((kind, inner),) = x.items()
    if kind == "tuple":
        return tuple(map(_restored, inner))
    if kind == "dict":
        return {k: _restored(v) for k, v in inner}
    if kind == "none":
        return NoneTensorSpec()
    if kind == "tensor":
        return TensorSpec(inner[0], as_dtype(inner[1]))
    if kind == "composite":
        return spec_from_fields(inner)
    raise ValueError(f"unknown kind of structure {kind!r}")
