"""`tf.data.experimental.SqlDataset`: the rows of a query to a SQLite database, read by Python's own module.

Invariant: the database is opened for reading, at the start of each pass. Follows
https://www.tensorflow.org/api_docs/python/tf/data/experimental/SqlDataset. Entry point: `SqlDataset`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.data.dataset import Dataset
from graphtf.data.node import Node
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves, Structure, map_leaves
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError, UnimplementedError
from graphtf.spec import TensorSpec

_DTYPES = (dt.string, dt.int8, dt.int16, dt.int32, dt.int64, dt.uint8, dt.uint16, dt.bool_, dt.float64)


def _scalar(value: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """A field: nothing is 0 or the empty string."""
    if dtype is dt.string:
        out = np.empty((), object)
        out[()] = b"" if value is None else value if isinstance(value, bytes) else str(value).encode()
        return out
    if dtype is dt.float64:
        return np.array(_number(value, float), np.float64)
    whole = _number(value, int)
    return np.array(whole != 0) if dtype is dt.bool_ else np.array(whole, np.int64).astype(dtype.np)


def _number(value: Any, kind: type) -> Any:
    try:
        return kind(value or 0)
    except ValueError:
        return 0


class Sql(Node):
    """The rows of a query; `held` are the driver, the database and the query."""

    def __init__(self, driver: Any, source: Any, query: Any, output_types: Any) -> None:
        self.held = tuple(as_strings(x, "SqlDataset") for x in (driver, source, query))
        self.structure = Structure(map_leaves(lambda d: TensorSpec([], as_dtype(d)), output_types))
        self.dtypes = [spec.dtype for spec in self.structure.specs]  # type: ignore[attr-defined]
        if any(d not in _DTYPES for d in self.dtypes):
            shown = ", ".join(d.name for d in _DTYPES)
            raise InvalidArgumentError(None, None, f"Each element of `output_types_` must be one of: {shown} ")

    def open(self) -> Reader:
        driver, source, query = (self.array(k)[()].decode() for k in range(3))
        if driver != "sqlite":
            message = f"The database type, {driver}, is not supported by SqlDataset. The set of supported databases is"
            raise InvalidArgumentError(None, None, f"{message}: {{'sqlite'}}.")
        return Generated(self._elements(source, query))

    def _elements(self, source: str, query: str) -> Iterator[Leaves]:
        import sqlite3  # which few programs need

        try:
            database = sqlite3.connect(f"file:{quote(source)}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise UnimplementedError(None, None, f"Failed to open database {source}: {error}") from None
        try:
            rows = database.execute(query)
            columns = len(rows.description or ())
            if columns != len(self.dtypes):
                raise InvalidArgumentError(
                    None, None, f"The number of columns in query ({columns}) must match the number of elements in "
                    f"output_types ({len(self.dtypes)}).",
                )  # fmt: skip
            for row in rows:
                yield [_scalar(x, d) for x, d in zip(row, self.dtypes)]
        except sqlite3.Error as error:
            raise InvalidArgumentError(None, None, f"SqlDataset: {query!r} failed: {error}") from None
        finally:
            database.close()


class SqlDataset(Dataset):
    """The rows that a SQL query of a database gives, as scalars in the structure of `output_types`.

    `driver_name` is "sqlite", `data_source_name` its file. Raises InvalidArgumentError for another driver, other types
    than strings, integers, booleans and float64, another number of columns, and for a query that fails.
    """

    def __init__(self, driver_name: Any, data_source_name: Any, query: Any, output_types: Any) -> None:
        super().__init__(Sql(driver_name, data_source_name, query, output_types))
