"""How features of examples are read: `tf.io.FixedLenFeature` and its kin.

Entry points: the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype


class FixedLenFeature(NamedTuple):
    """A dense tensor of a shape, with a default where it is missing.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/FixedLenFeature.

    >>> FixedLenFeature([2], "float32").shape
    [2]
    """

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """A sparse tensor of as many values as there are.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/VarLenFeature.
    """

    dtype: Any


class FixedLenSequenceFeature(NamedTuple):
    """A dense tensor of as many entries of a shape as there are, the batch filled up with the default.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/FixedLenSequenceFeature.
    """

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class SparseFeature(NamedTuple):
    """A sparse tensor whose indices and values are features.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/SparseFeature.
    """

    index_key: Any
    value_key: str
    dtype: Any
    size: Any
    already_sorted: bool = False


class _Part(NamedTuple):
    key: str


class RowSplits(_Part):
    """A feature that holds row splits."""


class RowLengths(_Part):
    """A feature that holds row lengths."""


class RowStarts(_Part):
    """A feature that holds where rows start."""


class RowLimits(_Part):
    """A feature that holds where rows end."""


class ValueRowIds(_Part):
    """A feature that holds the row of each value."""


class UniformRowLength(NamedTuple):
    """Rows of one length."""

    length: int


class RaggedFeature:
    """A ragged tensor: the values of a feature, in rows that other features say.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/RaggedFeature.

    >>> RaggedFeature("int64").value_key is None
    True
    """

    RowSplits, RowLengths, RowStarts, RowLimits = RowSplits, RowLengths, RowStarts, RowLimits
    ValueRowIds, UniformRowLength = ValueRowIds, UniformRowLength

    def __init__(
        self, dtype: Any, value_key: str | None = None, partitions: Sequence[Any] = (),
        row_splits_dtype: Any = dt.int32, validate: bool = False,
    ) -> None:  # fmt: skip
        self.dtype, self.row_splits_dtype = as_dtype(dtype), as_dtype(row_splits_dtype)
        self.value_key, self.partitions, self.validate = value_key, tuple(partitions), validate
