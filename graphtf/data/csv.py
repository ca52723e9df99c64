"""Datasets of comma-separated files: `CsvDataset`, `make_csv_dataset`.

Invariant: a field that is empty, or is the word for a missing value, takes its column's default; where there is none,
or a field is no number, the error names the field. Follows
https://www.tensorflow.org/api_docs/python/tf/data/experimental/CsvDataset. Entry points: the two names.
"""

from __future__ import annotations

import csv
import glob
import io
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.data.dataset import Dataset
from graphtf.data.files import _names, opened
from graphtf.data.node import Node
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves, Structure
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.spec import TensorSpec

_KINDS = (dt.float32, dt.float64, dt.int32, dt.int64, dt.string)
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


class _Column:
    """A column's dtype and default (None: a field must be there)."""

    def __init__(self, declared: Any) -> None:
        self.default: Any = None
        if isinstance(declared, (dt.DType, type)):
            self.dtype = dt.as_dtype(declared)
        else:
            given = convert_to_tensor(declared)
            self.dtype = given.dtype
            values = np.asarray(given).ravel()
            self.default = values[0] if values.size else None
        if self.dtype not in _KINDS:
            raise TypeError(f"record_defaults: columns are float32, float64, int32, int64 or string, not {self.dtype}")

    def value(self, k: int, field: str, missing: str) -> np.ndarray[Any, Any]:
        """The scalar that a field stands for. Raises InvalidArgumentError."""
        if field in ("", missing):
            if self.default is None:
                raise InvalidArgumentError(None, None, f"Field {k} is required but missing in record!")
            return self.scalar(self.default)
        if self.dtype is dt.string:
            return self.scalar(field.encode("utf-8", "surrogateescape"))
        try:
            number = int(field) if self.dtype.is_integer else float(field)
            return self.scalar(number)
        except (ValueError, OverflowError):
            message = f"Field {k} in record is not a valid {self.dtype.spoken}: {field}"
            raise InvalidArgumentError(None, None, message) from None

    def scalar(self, x: Any) -> np.ndarray[Any, Any]:
        if self.dtype is dt.string:
            out = np.empty((), object)
            out[()] = x
            return out
        return np.array(x, self.dtype.np)


class Csv(Node):
    """The records of files whose names come, `columns` of them."""

    def __init__(
        self, names: Node, columns: Sequence[_Column], select: Sequence[int] | None, exclude: Sequence[int],
        split: Callable[[Any], Any], missing: str, header: bool, compression: str,
    ) -> None:  # fmt: skip
        self.inputs, self.columns, self.select, self.exclude = (names,), list(columns), select, set(exclude)
        self.split, self.missing, self.header, self.compression = split, missing, header, compression
        self.structure = Structure(tuple(TensorSpec([], c.dtype) for c in columns))

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, names: Reader) -> Iterator[Leaves]:
        while (name := names.next()) is not None:
            with opened(name[0][()].decode(), self.compression) as file:
                rows = self.split(io.TextIOWrapper(file, **_TEXT))  # type: ignore[arg-type]
                if self.header:
                    next(rows, None)
                for row in rows:
                    if row:
                        yield self._leaves(row)

    def _leaves(self, row: list[str]) -> Leaves:
        if self.select is not None:
            if len(row) <= max(self.select, default=-1):
                raise InvalidArgumentError(
                    None, None, f"Expect {max(self.select) + 1} fields but have {len(row)} in record"
                )
            row = [row[k] for k in self.select]
        elif self.exclude:
            row = [x for k, x in enumerate(row) if k not in self.exclude]
        if len(row) != len(self.columns):
            have = "more" if len(row) > len(self.columns) else str(len(row))
            raise InvalidArgumentError(None, None, f"Expect {len(self.columns)} fields but have {have} in record")
        return [c.value(k, field, self.missing) for k, (c, field) in enumerate(zip(self.columns, row))]


class _Split:
    """Splits lines into fields."""

    def __init__(self, delimiter: str, quotes: bool) -> None:
        self.delimiter, self.quoting = delimiter, csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE

    def __call__(self, file: Any) -> Any:
        return csv.reader(file, delimiter=self.delimiter, quoting=self.quoting)


class CsvDataset(Dataset):
    """The records of comma-separated files, as tuples of scalars.

    `record_defaults` has a dtype for each column that must be there, or a default value. Raises TypeError for other
    dtypes, ValueError if columns are both selected and excluded; while iterating InvalidArgumentError.
    """

    def __init__(
        self, filenames: Any, record_defaults: Sequence[Any], compression_type: str | None = None,
        buffer_size: Any = None, header: bool = False, field_delim: str = ",", use_quote_delim: bool = True,
        na_value: str = "", select_cols: Sequence[int] | None = None, exclude_cols: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        if select_cols is not None and exclude_cols is not None:
            raise ValueError("Either select_cols or exclude_cols should be empty, or both.")
        columns = [_Column(x) for x in record_defaults]
        if select_cols is not None and len(select_cols) != len(columns):
            raise InvalidArgumentError(None, None, "select_cols should match output size")
        super().__init__(
            Csv(
                _names(filenames), columns, select_cols, exclude_cols or (), _Split(field_delim, use_quote_delim),
                na_value, header, compression_type or "",
            )
        )  # fmt: skip


# ---- whole tables ----------------------------------------------------------------------------------------------------


def make_csv_dataset(
    file_pattern: Any, batch_size: int, column_names: Sequence[str] | None = None,
    column_defaults: Sequence[Any] | None = None, label_name: str | None = None,
    select_columns: Sequence[Any] | None = None, field_delim: str = ",", use_quote_delim: bool = True,
    na_value: str = "", header: bool = True, num_epochs: int | None = None, shuffle: bool = True,
    shuffle_buffer_size: int = 10000, shuffle_seed: Any = None, prefetch_buffer_size: Any = None,
    num_parallel_reads: int | None = None, sloppy: bool = False, num_rows_for_inference: int | None = 100,
    compression_type: str | None = None, ignore_errors: bool = False, encoding: str = "utf-8",
) -> Any:  # fmt: skip
    """Batches of the columns of files by name; with `label_name`, pairs of the others and that column.

    Columns have the dtypes of `column_defaults`, or those that the first rows allow. Raises ValueError for no files,
    names that there are not or that differ between files. Follows
    https://www.tensorflow.org/api_docs/python/tf/data/experimental/make_csv_dataset.
    """
    files = _found(file_pattern)
    split, compression = _Split(field_delim, use_quote_delim), compression_type or ""
    names = list(column_names) if column_names is not None else _column_names(files, split, header, compression)
    select = None if select_columns is None else _positions(select_columns, names)
    chosen = names if select is None else [names[k] for k in select]
    if column_defaults is None:
        rows = _first_rows(files, split, header, compression, num_rows_for_inference)
        column_defaults = [_inferred([r[names.index(n)] for r in rows], na_value) for n in chosen]
    elif len(column_defaults) != len(chosen):
        column_defaults = [column_defaults[names.index(n)] for n in chosen]
    if label_name is not None and label_name not in chosen:
        raise ValueError("`label_name` provided must be one of the columns.")
    order = list(range(len(files)))
    dataset: Any = CsvDataset(
        [files[k] for k in order], column_defaults, compression_type, None, header, field_delim, use_quote_delim,
        na_value, select,
    )  # fmt: skip
    if ignore_errors:
        dataset = dataset.ignore_errors()
    if shuffle:
        dataset = dataset.shuffle(shuffle_buffer_size, shuffle_seed)
    dataset = dataset.repeat(num_epochs).batch(batch_size, drop_remainder=num_epochs is None)

    def named(*columns: Any) -> Any:
        features = OrderedDict(zip(chosen, columns))
        return features if label_name is None else (features, features.pop(label_name))

    return dataset.map(named)


def _found(pattern: Any) -> list[str]:
    patterns = [pattern] if isinstance(pattern, (str, bytes)) else list(pattern)
    names = sorted({n for x in patterns for n in glob.glob(x.decode() if isinstance(x, bytes) else x)})
    if not names:
        raise ValueError(f"No files match {pattern!r}.")
    return names


def _rows(path: str, split: _Split, compression: str) -> Iterator[list[str]]:
    file: BinaryIO
    with opened(path, compression) as file:
        yield from split(io.TextIOWrapper(file, **_TEXT))  # type: ignore[arg-type]


def _column_names(files: Sequence[str], split: _Split, header: bool, compression: str) -> list[str]:
    if not header:
        raise ValueError("`column_names` must be provided if `header` is False.")
    first = next(_rows(files[0], split, compression), [])
    for other in files[1:]:
        if next(_rows(other, split, compression), []) != first:
            raise ValueError("All CSV files should have the same column headers.")
    return first


def _first_rows(
    files: Sequence[str], split: _Split, header: bool, compression: str, most: int | None
) -> list[list[str]]:
    found: list[list[str]] = []
    for path in files:
        for k, row in enumerate(_rows(path, split, compression)):
            if header and k == 0:
                continue
            if most is not None and len(found) >= most:
                return found
            if row:
                found.append(row)
    return found


def _inferred(fields: Sequence[str], missing: str) -> Any:
    """The default of a column: of the narrowest dtype that takes all fields."""
    given = [x for x in fields if x not in ("", missing)]
    for kind in (dt.int32, dt.int64, dt.float32):
        if given and all(_fits(x, kind) for x in given):
            return np.zeros(1, kind.np)
    return [""] if given else np.zeros(1, np.int32)


def _fits(field: str, kind: dt.DType) -> bool:
    try:
        if not kind.is_integer:
            return float(field) is not None
        return kind.min <= int(field) <= kind.max  # type: ignore[no-any-return]
    except ValueError:
        return False


def _positions(columns: Sequence[Any], names: Sequence[str]) -> list[int]:
    """The numbers of columns given by name or number, in their order."""
    found = [x if isinstance(x, int) else names.index(x) if x in names else -1 for x in columns]
    if any(not 0 <= k < len(names) for k in found) or len(set(found)) != len(found):
        raise ValueError(f"select_columns must be distinct columns of {list(names)}, got {list(columns)}")
    return sorted(found)
