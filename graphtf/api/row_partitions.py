"""`RowPartition`: how values fall into rows, apart from the values.

Invariant: row i is values[row_splits[i] : row_splits[i + 1]]. Entry point: `RowPartition`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor
from graphtf.tensor import Tensor


class RowPartition:
    """A partition of values into rows, made by its `from_` functions.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/RowPartition.

    >>> RowPartition.from_value_rowids([0, 0, 2], nrows=4).row_splits().numpy()
    array([0, 2, 2, 3, 3])
    """

    def __init__(self, rows: RaggedTensor) -> None:
        self._rows = rows  # of values that nobody looks at

    @classmethod
    def _of(cls, make: Callable[..., RaggedTensor], count: Any, *parts: Any, **more: Any) -> RowPartition:
        size = p.reshape(convert_to_tensor(count), shape=())
        zero, one = (convert_to_tensor(k, size.dtype) for k in (0, 1))
        from graphtf.api.creation import range as numbers  # which counts as `tf.range` does

        return cls(make(numbers(zero, size, one), *parts, **more))

    @classmethod
    def from_row_splits(
        cls, row_splits: Any, validate: bool = True, dtype: Any = None, dtype_hint: Any = None
    ) -> RowPartition:
        """Rows between each two splits. Raises InvalidArgumentError where these are not in order."""
        splits = _indices(row_splits, dtype)
        return cls._of(RaggedTensor.from_row_splits, splits[-1], splits, validate=validate)  # type: ignore[index]

    @classmethod
    def from_row_lengths(
        cls, row_lengths: Any, validate: bool = True, dtype: Any = None, dtype_hint: Any = None
    ) -> RowPartition:
        """Rows of the given lengths."""
        lengths = _indices(row_lengths, dtype)
        return cls._of(RaggedTensor.from_row_lengths, p.reduce_sum(lengths, axes=(0,)), lengths, validate=validate)

    @classmethod
    def from_value_rowids(
        cls, value_rowids: Any, nrows: Any = None, validate: bool = True, dtype: Any = None, dtype_hint: Any = None
    ) -> RowPartition:
        """The row of each value, in order; `nrows` rows, or as many as have values."""
        ids = _indices(value_rowids, dtype)
        count = p.reshape(p.dims(dims=ids.ir_type.dims, dtype=ids.dtype), shape=())
        return cls._of(RaggedTensor.from_value_rowids, count, ids, nrows, validate=validate)

    @classmethod
    def from_row_starts(
        cls, row_starts: Any, nvals: Any, validate: bool = True, dtype: Any = None, dtype_hint: Any = None
    ) -> RowPartition:
        """Where rows start."""
        return cls._of(RaggedTensor.from_row_starts, nvals, _indices(row_starts, dtype), validate=validate)

    @classmethod
    def from_row_limits(
        cls, row_limits: Any, validate: bool = True, dtype: Any = None, dtype_hint: Any = None
    ) -> RowPartition:
        """Where rows end."""
        limits = _indices(row_limits, dtype)
        return cls._of(RaggedTensor.from_row_limits, limits[-1], limits, validate=validate)  # type: ignore[index]

    @classmethod
    def from_uniform_row_length(
        cls, uniform_row_length: Any, nvals: Any = None, nrows: Any = None, validate: bool = True, dtype: Any = None,
        dtype_hint: Any = None,
    ) -> RowPartition:  # fmt: skip
        """Rows of one length."""
        if nvals is None:
            if nrows is None:
                raise ValueError("from_uniform_row_length: give nvals or nrows")
            nvals = convert_to_tensor(uniform_row_length) * convert_to_tensor(nrows)
        return cls._of(RaggedTensor.from_uniform_row_length, nvals, uniform_row_length, nrows, validate=validate)

    @property
    def dtype(self) -> DType:
        """int32 or int64."""
        return self._rows.row_splits.dtype

    @property
    def static_nrows(self) -> int | None:
        """The number of rows, if it is known."""
        return self._rows.shape[0]  # type: ignore[no-any-return]

    def row_splits(self) -> Tensor:
        """Where rows start, and where the last ends."""
        return self._rows.row_splits

    def row_starts(self) -> Tensor:
        """Where rows start."""
        return self._rows.row_starts()

    def row_limits(self) -> Tensor:
        """Where rows end."""
        return self._rows.row_limits()

    def row_lengths(self) -> Tensor:
        """The lengths of rows."""
        return self._rows.row_lengths()  # type: ignore[no-any-return]

    def value_rowids(self) -> Tensor:
        """The row of each value."""
        return self._rows.value_rowids()

    def nrows(self) -> Tensor:
        """How many rows there are."""
        return self._rows.nrows()

    def nvals(self) -> Tensor:
        """How many values there are."""
        return self.row_splits()[-1]  # type: ignore[index,no-any-return]

    def uniform_row_length(self) -> Tensor | None:
        """The length of every row, if the partition was made with one."""
        return self._rows.uniform_row_length

    def is_uniform(self) -> bool:
        """Was it made with one length for every row?"""
        return self._rows.uniform_row_length is not None

    def __repr__(self) -> str:
        return f"tf.RowPartition(row_splits={self.row_splits()})"


def _indices(x: Any, dtype: Any) -> Tensor:
    if dtype is None and not isinstance(x, Tensor):
        dtype = dt.int64
    return convert_to_tensor(x, dtype)
