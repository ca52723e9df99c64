"""Where the entries of a static table come from: tensors, or the lines of a file.

Invariant: `initialize(table)` fills a table; nothing is read before. Entry points: `KeyValueTensorInitializer`,
`TextFileInitializer`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from graphtf.api.string_parts import number_in
from graphtf.convert import convert_to_tensor, known_array
from graphtf.functions.trace import init_scope
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import InvalidArgumentError, NotFoundError
from graphtf.tracking import Trackable

Array = np.ndarray[Any, Any]


class TableInitializerBase(Trackable):
    """What fills a table with entries of two dtypes."""

    def __init__(self, key_dtype: Any, value_dtype: Any) -> None:
        self._key_dtype, self._value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)

    @property
    def key_dtype(self) -> dt.DType:
        return self._key_dtype

    @property
    def value_dtype(self) -> dt.DType:
        return self._value_dtype

    def initialize(self, table: Any) -> Any:
        """Fill the table."""
        raise NotImplementedError


class KeyValueTensorInitializer(TableInitializerBase):
    """Keys and values as tensors.

    Raises ValueError for different numbers of them. Follows
    https://www.tensorflow.org/api_docs/python/tf/lookup/KeyValueTensorInitializer.

    >>> KeyValueTensorInitializer(["a", "b"], [1, 2]).key_dtype
    tf.string
    """

    def __init__(
        self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None, name: str | None = None
    ) -> None:
        self._keys, self._values = (
            _now(x, d, what) for x, d, what in ((keys, key_dtype, "keys"), (values, value_dtype, "values"))
        )
        if self._keys.shape != self._values.shape:
            raise ValueError(f"keys have shape {self._keys.shape}, values {self._values.shape}: expected the same")
        super().__init__(as_dtype(self._keys.dtype), as_dtype(self._values.dtype))

    def initialize(self, table: Any) -> None:
        """Fill the table. Raises TypeError if it has other dtypes."""
        table._check_dtypes(self.key_dtype, self.value_dtype)
        table._load(self._keys, self._values)


def _now(x: Any, dtype: Any, what: str) -> Array:
    """The contents of a tensor that is known now."""
    with init_scope():
        found = known_array(x) if dtype is None else known_array(convert_to_tensor(x, as_dtype(dtype)))
    if found is None:
        raise ValueError(f"the {what} of a static table must be known when it is made, got {x!r}")
    return found


class TextFileIndex:
    """What of a line a `TextFileInitializer` takes beside the number of a column.

    Follows https://www.tensorflow.org/api_docs/python/tf/lookup/TextFileIndex.
    """

    WHOLE_LINE = -2
    LINE_NUMBER = -1


class TextFileInitializer(TableInitializerBase):
    """The lines of a text file: each gives a key and a value, columns, the line itself, or its number.

    Raises ValueError for indices that do not fit the dtypes; reading, NotFoundError and InvalidArgumentError. Follows
    https://www.tensorflow.org/api_docs/python/tf/lookup/TextFileInitializer.
    """

    def __init__(
        self, filename: Any, key_dtype: Any, key_index: int, value_dtype: Any, value_index: int,
        vocab_size: int | None = None, delimiter: str = "\t", name: str | None = None, value_index_offset: int = 0,
    ) -> None:  # fmt: skip
        path = known_array(filename) if not isinstance(filename, (str, bytes, os.PathLike)) else filename
        if isinstance(path, np.ndarray):
            path = path[()]
        self._filename = os.fsdecode(path)
        if not self._filename:
            raise ValueError("Filename required")
        super().__init__(key_dtype, value_dtype)
        _check_index("Key", key_index, self.key_dtype)
        _check_index("Value", value_index, self.value_dtype)
        if vocab_size is not None and vocab_size <= 0:
            raise ValueError(f"`vocab_size` must be greater than 0, got {vocab_size}.")
        if key_index == value_index and key_index >= 0:
            raise ValueError(f"`key_index` and `value_index` must be different, got {key_index}.")
        self._key_index, self._value_index = key_index, value_index
        self._vocab_size, self._delimiter = vocab_size, delimiter.encode()
        self._value_index_offset = value_index_offset

    def initialize(self, table: Any) -> None:
        """Read the file into the table. Raises NotFoundError if it is not there, InvalidArgumentError for bad lines."""
        table._check_dtypes(self.key_dtype, self.value_dtype)
        lines = self._lines()
        keys = [self._part(line, k, self._key_index, self.key_dtype) for k, line in enumerate(lines)]
        values = [self._part(line, k, self._value_index, self.value_dtype) for k, line in enumerate(lines)]
        if self._value_index == TextFileIndex.LINE_NUMBER:
            values = [v + self._value_index_offset for v in values]
        if len(set(keys)) < len(keys):
            seen: set[Any] = set()
            again = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise InvalidArgumentError(None, None, f"{self._filename}: the key {again!r} occurs more than once")
        table._load(_column(keys, self.key_dtype), _column(values, self.value_dtype))

    def _lines(self) -> list[bytes]:
        try:
            with open(self._filename, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            raise NotFoundError(None, None, f"{self._filename}; No such file or directory") from None
        if lines and not lines[-1]:
            lines.pop()
        if self._vocab_size is not None and len(lines) < self._vocab_size:
            message = f"Invalid vocab_size in {self._filename}: expected {self._vocab_size} but got {len(lines)}"
            raise InvalidArgumentError(None, None, message)
        return [line.removesuffix(b"\r") for line in lines[: self._vocab_size]]

    def _part(self, line: bytes, number: int, index: int, dtype: dt.DType) -> Any:
        if index == TextFileIndex.LINE_NUMBER:
            return number
        if index == TextFileIndex.WHOLE_LINE:
            return line
        columns = line.split(self._delimiter)
        if index >= len(columns):
            message = f"Invalid number of columns in {self._filename} line {number} ({line!r}): expected {index + 1}"
            raise InvalidArgumentError(None, None, f"{message} got {len(columns)}")
        return columns[index] if dtype is dt.string else number_in(columns[index], dtype)


def _check_index(what: str, index: int, dtype: dt.DType) -> None:
    if index < -2:
        raise ValueError(f"Invalid {what.lower()} index {index}.")
    if index == TextFileIndex.LINE_NUMBER and dtype is not dt.int64:
        raise ValueError(f"{what} dtype must be int64 for index {index}, but received: {dtype.name}")
    if index == TextFileIndex.WHOLE_LINE and dtype not in (dt.string, dt.int32, dt.int64):
        raise ValueError(f"{what} dtype must be string or integer for index {index}, but received: {dtype.name}")


def _column(items: list[Any], dtype: dt.DType) -> Array:
    out = np.empty(len(items), dtype.np)
    out[:] = items if dtype is dt.string else [number_in(x, dtype) if isinstance(x, bytes) else x for x in items]
    return out
