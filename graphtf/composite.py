"""`SparseTensor` and `RaggedTensor`: values and where they are, for tensors that are mostly zero or have rows of any
length.

Invariant: a composite is its component tensors (`nest.CompositeTensor`): functions of tensors apply to `values`, and
gradients flow through them. Entry points: `SparseTensor`, `RaggedTensor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf.composite_spec import RaggedTensorSpec, SparseTensorSpec
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.prims import p
from graphtf.nest import CompositeTensor
from graphtf.refusal import invalid
from graphtf.sizes import known
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tensor_shape import TensorShape


class Composite(CompositeTensor):
    """What sparse and ragged tensors share: values, to which elementwise functions apply."""

    __slots__ = ()

    @property
    def values(self) -> Any:
        raise NotImplementedError

    def with_values(self, values: Any) -> Any:
        """The same places with other values."""
        raise NotImplementedError

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self.values.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> TensorShape:
        raise NotImplementedError

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    @property
    def graph(self) -> Any:
        return self._components()[-1].graph

    def consumers(self) -> list[Any]:
        return []


class SparseTensor(Composite):
    """`values` at the rows of `indices` (int64 [n, rank]) of a tensor of `dense_shape` that is zero elsewhere.

    Raises InvalidArgumentError (tracing: ValueError) where the parts do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/SparseTensor.

    >>> SparseTensor([[0, 1]], [5], [2, 2]).shape
    TensorShape([2, 2])
    """

    __slots__ = ("__dict__", "_dense_shape", "_indices", "_static", "_values")

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self._static: TensorShape | None = None
        self._indices, self._dense_shape = (_wide(x) for x in (indices, dense_shape))
        self._values = convert_to_tensor(values)
        ranks = tuple(t.shape.rank for t in (self._indices, self._values, self._dense_shape))
        if any(r not in (want, None) for r, want in zip(ranks, (2, 1, 1))):
            raise invalid("SparseTensor", f"indices, values and dense_shape must have 2, 1 and 1 axes, got {ranks}")
        if not self._indices.shape[0:1].is_compatible_with(self._values.shape[0:1]):
            raise invalid("SparseTensor", f"{self._indices.shape[0]} indices, but {self._values.shape[0]} values")
        if not self._indices.shape[1:2].is_compatible_with(self._dense_shape.shape[0:1]):
            message = f"indices {self._indices.shape} do not fit dense_shape {self._dense_shape.shape}"
            raise invalid("SparseTensor", message)

    @property
    def indices(self) -> Tensor:
        return self._indices

    @property
    def values(self) -> Tensor:
        return self._values

    @property
    def dense_shape(self) -> Tensor:
        return self._dense_shape

    @property
    def shape(self) -> TensorShape:
        """The shape of the dense tensor, as far as it is known."""
        if self._static is None:
            sizes = known(self._dense_shape)
            if sizes is None:
                self._static = TensorShape([None] * self._dense_shape.shape[0])  # type: ignore[operator]
            else:
                self._static = TensorShape([d if isinstance(d, int) else None for d in sizes.tolist()])
        return self._static

    def set_shape(self, shape: Any) -> None:
        """Note what is known about the shape. Raises ValueError if it is incompatible."""
        self._static = self.shape.merge_with(shape)

    @property
    def _type_spec(self) -> SparseTensorSpec:
        return SparseTensorSpec(self.shape, self.dtype)

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> SparseTensor:
        """A sparse tensor of anything with `indices`, `values` and `dense_shape`."""
        value = sparse_tensor_value
        return cls(value.indices, value.values, value.dense_shape)

    def with_values(self, new_values: Any) -> SparseTensor:
        """Other values at the same places."""
        return self._like(self._indices, new_values, self._dense_shape)

    def _like(self, *parts: Any) -> SparseTensor:
        made = SparseTensor(*parts)
        made._static = self._static
        return made

    def __str__(self) -> str:
        return f"SparseTensor(indices={self._indices}, values={self._values}, dense_shape={self._dense_shape})"

    __repr__ = __str__

    def _components(self) -> tuple[Any, ...]:
        return (self._indices, self._values, self._dense_shape)

    def _from_components(self, components: Sequence[Any]) -> SparseTensor:
        return self._like(*components)


def _wide(x: Any) -> Tensor:
    t = convert_to_tensor(x, None if isinstance(x, Tensor) else dt.int64)
    return t if t.dtype is dt.int64 else p.cast(t, dtype=dt.int64)


class RaggedTensor(Composite):
    """Rows of any length: row i is values[row_splits[i] : row_splits[i + 1]]. The values may be ragged themselves.

    Follows https://www.tensorflow.org/api_docs/python/tf/RaggedTensor.

    >>> RaggedTensor.from_row_splits([1, 2, 3], [0, 1, 3])
    <tf.RaggedTensor [[1], [2, 3]]>
    """

    __slots__ = ("__dict__", "_row_splits", "_values")

    def __init__(self, values: Any, row_splits: Tensor) -> None:
        self._values, self._row_splits = values, row_splits

    @classmethod
    def from_row_splits(
        cls, values: Any, row_splits: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows between each two of `row_splits`. Raises InvalidArgumentError where these are not in order."""
        inner = values if isinstance(values, RaggedTensor) else convert_to_tensor(values)
        splits = convert_to_tensor(row_splits, None if isinstance(row_splits, Tensor) else dt.int64)
        if splits.dtype not in (dt.int32, dt.int64):
            raise ValueError(f"row_splits must be int32 or int64, got {splits.dtype.name}")
        if splits.shape.rank != 1:
            raise ValueError(f"Shape {splits.shape} must have rank 1")
        if validate and isinstance(splits, EagerTensor):
            _check_splits(splits._array, _rows(inner))
        return cls(inner, splits)

    @classmethod
    def from_nested_row_splits(
        cls, flat_values: Any, nested_row_splits: Any, name: str | None = None, validate: bool = True
    ) -> Any:
        """Rows of rows, outermost first."""
        made = flat_values
        for splits in reversed(list(nested_row_splits)):
            made = cls.from_row_splits(made, splits, validate=validate)
        return made

    @classmethod
    def from_row_lengths(
        cls, values: Any, row_lengths: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows of the given lengths, one after another."""
        lengths = convert_to_tensor(row_lengths, None if isinstance(row_lengths, Tensor) else dt.int64)
        ends = p.cumulate(lengths, axis=0, combine="add", exclusive=False, reverse=False)
        zero = p.reshape(convert_to_tensor(0, lengths.dtype), shape=(1,))
        return cls.from_row_splits(values, p.concat(zero, ends, axis=0), validate=validate)

    @property
    def values(self) -> Any:
        return self._values

    @property
    def row_splits(self) -> Tensor:
        return self._row_splits

    @property
    def flat_values(self) -> Tensor:
        """The innermost values."""
        return self._values.flat_values if isinstance(self._values, RaggedTensor) else self._values

    @property
    def nested_row_splits(self) -> tuple[Tensor, ...]:
        """The splits of each ragged axis, outermost first."""
        inner = self._values.nested_row_splits if isinstance(self._values, RaggedTensor) else ()
        return (self._row_splits, *inner)

    @property
    def ragged_rank(self) -> int:
        return len(self.nested_row_splits)

    @property
    def shape(self) -> TensorShape:
        """The static shape: None for the ragged axes."""
        rows = self._row_splits.shape[0]
        return TensorShape([None if rows is None else rows - 1, None, *self._values.shape.as_list()[1:]])

    @property
    def _type_spec(self) -> RaggedTensorSpec:
        return RaggedTensorSpec(self.shape, self.dtype, self.ragged_rank, self._row_splits.dtype)

    def nrows(self, out_type: Any = None, name: str | None = None) -> Tensor:
        """How many rows there are."""
        count = p.reshape(p.dims(dims=self._row_splits.ir_type.dims, dtype=dt.int64), shape=())
        kind = dt.as_dtype(out_type or self._row_splits.dtype)
        return p.cast(p.sub(count, convert_to_tensor(1, dt.int64)), dtype=kind)

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Tensor:
        """The lengths of the rows. Raises ValueError for another axis than 1."""
        if axis != 1:
            raise ValueError(f"row_lengths: only axis 1 is supported, got {axis}")
        (count,) = self._row_splits.ir_type.dims
        ends, starts = (
            p.slice(self._row_splits, starts=(k,), limits=(count - 1 + k,), strides=(1,)) for k in (1, 0)
        )
        return p.sub(ends, starts)

    def with_values(self, new_values: Any) -> RaggedTensor:
        """The same rows of other values."""
        return RaggedTensor(new_values, self._row_splits)

    def with_flat_values(self, new_values: Any) -> RaggedTensor:
        """The same rows of other innermost values."""
        inner = self._values
        return self.with_values(inner.with_flat_values(new_values) if isinstance(inner, RaggedTensor) else new_values)

    def to_list(self) -> list[Any]:
        """Nested Python lists. Raises ValueError while a function is traced."""
        splits = self._row_splits
        if not isinstance(splits, EagerTensor):
            raise ValueError("to_list needs eager values")
        inner = self._values.to_list() if isinstance(self._values, RaggedTensor) else self._values.numpy().tolist()
        ends = splits._array.tolist()
        return [inner[a:b] for a, b in pairwise(ends)]

    def __repr__(self) -> str:
        if isinstance(self.flat_values, EagerTensor):
            return f"<tf.RaggedTensor {self.to_list()}>"
        return f"tf.RaggedTensor(values={self._values}, row_splits={self._row_splits})"

    __str__ = __repr__

    def _components(self) -> tuple[Any, ...]:
        return (self._values, self._row_splits)

    def _from_components(self, components: Sequence[Any]) -> RaggedTensor:
        return RaggedTensor(*components)


def _rows(values: Any) -> int | None:
    return values.shape[0] if values.shape.rank else None  # type: ignore[no-any-return]


def _check_splits(splits: np.ndarray[Any, Any], count: int | None) -> None:
    if not len(splits) or splits[0] != 0 or (np.diff(splits) < 0).any() or count not in (None, splits[-1]):
        raise invalid("RaggedTensor", f"row_splits must rise from 0 to the number of values {count}, got {splits}")
