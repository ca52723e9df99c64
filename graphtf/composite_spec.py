"""Specs of sparse and ragged tensors: `SparseTensorSpec`, `RaggedTensorSpec`.

Invariant: `spec.component_specs` are the specs of what `_components()` of a value lists, in that order. Entry points:
the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor_shape import TensorShape, as_shape


class CompositeSpec(TypeSpec):
    """The spec of a value made of several tensors."""

    __slots__ = ()

    @property
    def shape(self) -> TensorShape:
        """The shape of the values described."""
        raise NotImplementedError

    @property
    def dtype(self) -> DType:
        """Their dtype."""
        raise NotImplementedError

    @property
    def component_specs(self) -> tuple[TypeSpec, ...]:
        """The specs of its tensors."""
        raise NotImplementedError

    def from_components(self, components: Sequence[Any]) -> Any:
        """The value of such tensors."""
        raise NotImplementedError

    _component_specs = component_specs

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Could a value fit both? Takes a spec or a value."""
        other = spec_or_value if isinstance(spec_or_value, TypeSpec) else getattr(spec_or_value, "_type_spec", None)
        return isinstance(other, type(self)) and self._fits(other)

    def _fits(self, other: Any) -> bool:
        return self.dtype is other.dtype and self.shape.is_compatible_with(other.shape)


class SparseTensorSpec(CompositeSpec):
    """A sparse tensor of a dtype and a dense shape.

    Follows https://www.tensorflow.org/api_docs/python/tf/SparseTensorSpec.

    >>> SparseTensorSpec([None, 3], "int32")
    SparseTensorSpec(TensorShape([None, 3]), tf.int32)
    """

    __slots__ = ("_dtype", "_shape")

    def __init__(self, shape: Any = None, dtype: Any = dt.float32) -> None:
        self._shape, self._dtype = as_shape(shape), as_dtype(dtype)

    @property
    def shape(self) -> TensorShape:
        return self._shape

    @property
    def dtype(self) -> DType:
        return self._dtype

    @property
    def value_type(self) -> type:
        from graphtf.composite import SparseTensor

        return SparseTensor

    @property
    def component_specs(self) -> tuple[TypeSpec, ...]:
        rank = self._shape.rank
        return (
            TensorSpec([None, rank], dt.int64), TensorSpec([None], self._dtype), TensorSpec([rank], dt.int64),
        )  # fmt: skip

    def from_components(self, components: Sequence[Any]) -> Any:
        made = self.value_type(*components)
        made.set_shape(self._shape)
        return made

    def most_specific_common_supertype(self, others: Any) -> SparseTensorSpec | None:
        shape = self._shape
        for other in others:
            if not isinstance(other, SparseTensorSpec) or other.dtype is not self._dtype:
                return None
            shape = shape.most_specific_compatible_shape(other.shape)
        return SparseTensorSpec(shape, self._dtype)

    def _key(self) -> tuple[Any, ...]:
        return self._shape.as_tuple(), self._dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseTensorSpec, (self._shape, self._dtype)

    def __repr__(self) -> str:
        return f"SparseTensorSpec({self._shape!r}, {self._dtype!r})"


class RaggedTensorSpec(CompositeSpec):
    """A ragged tensor of a dtype, a shape with None for ragged axes, and so many ragged axes.

    Raises ValueError if the shape has fewer axes than `ragged_rank` needs.
    Follows https://www.tensorflow.org/api_docs/python/tf/RaggedTensorSpec.

    >>> RaggedTensorSpec([None, None], "int32").ragged_rank
    1
    """

    __slots__ = ("_dtype", "_flat_values_spec", "_ragged_rank", "_row_splits_dtype", "_shape")

    def __init__(
        self, shape: Any = None, dtype: Any = dt.float32, ragged_rank: int | None = None,
        row_splits_dtype: Any = dt.int64, flat_values_spec: Any = None,
    ) -> None:  # fmt: skip
        self._shape = as_shape(shape)
        self._dtype = as_dtype(flat_values_spec.dtype if flat_values_spec is not None else dtype)
        self._row_splits_dtype, self._flat_values_spec = as_dtype(row_splits_dtype), flat_values_spec
        rank = self._shape.rank
        if ragged_rank is None:
            if rank is None:
                raise ValueError("Must specify ragged_rank or shape with a known rank.")
            ragged_rank = rank - 1
        if rank is not None and ragged_rank >= rank:
            raise ValueError(f"Argument `ragged_rank` ({ragged_rank}) must be less than rank ({rank}).")
        self._ragged_rank = int(ragged_rank)

    @property
    def shape(self) -> TensorShape:
        return self._shape

    @property
    def dtype(self) -> DType:
        return self._dtype

    @property
    def ragged_rank(self) -> int:
        return self._ragged_rank

    @property
    def row_splits_dtype(self) -> DType:
        return self._row_splits_dtype

    @property
    def flat_values_spec(self) -> Any:
        return self._flat_values_spec

    @property
    def value_type(self) -> type:
        from graphtf.composite import RaggedTensor
        from graphtf.tensor import Tensor

        return RaggedTensor if self._ragged_rank else Tensor

    @property
    def component_specs(self) -> tuple[TypeSpec, ...]:
        rows, rank = self._shape[0], self._ragged_rank
        splits = TensorSpec([None if rows is None else rows + 1], self._row_splits_dtype)
        inner = self._shape[1:] if self._shape.rank is not None else as_shape(None)
        if rank > 1:
            values: TypeSpec = RaggedTensorSpec([None, *inner[1:]], self._dtype, rank - 1, self._row_splits_dtype)
        else:
            values = TensorSpec([None, *inner[1:]] if inner.rank is not None else None, self._dtype)
        return values, splits

    def from_components(self, components: Sequence[Any]) -> Any:
        values, splits = components
        return self.value_type(values, splits)

    def most_specific_common_supertype(self, others: Any) -> RaggedTensorSpec | None:
        shape = self._shape
        for other in others:
            if not isinstance(other, RaggedTensorSpec) or other._key()[1:] != self._key()[1:]:
                return None
            shape = shape.most_specific_compatible_shape(other.shape)
        return RaggedTensorSpec(shape, self._dtype, self._ragged_rank, self._row_splits_dtype)

    def _fits(self, other: Any) -> bool:
        return super()._fits(other) and self._ragged_rank == other.ragged_rank

    def _key(self) -> tuple[Any, ...]:
        return self._shape.as_tuple(), self._dtype, self._ragged_rank, self._row_splits_dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return RaggedTensorSpec, (self._shape, self._dtype, self._ragged_rank, self._row_splits_dtype)

    def __repr__(self) -> str:
        return f"RaggedTensorSpec({self._shape!r}, {self._dtype!r}, {self._ragged_rank}, {self._row_splits_dtype!r})"
