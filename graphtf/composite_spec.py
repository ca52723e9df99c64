"""Specs of sparse and ragged tensors: `SparseTensorSpec`, `RaggedTensorSpec`.

Invariant: `spec._component_specs` are the specs of the tensors that `nest.flatten` finds in a value, in that order.
Entry points: the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.nest import Composed, flatten
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor_shape import TensorShape, as_shape


class CompositeSpec(TypeSpec, Composed):
    """The spec of a value made of several tensors: where structures are expanded, their specs stand for it."""

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
    def _component_specs(self) -> list[TensorSpec]:
        """The specs of its tensors, flat."""
        raise NotImplementedError

    def _components(self) -> tuple[TensorSpec, ...]:
        return tuple(self._component_specs)

    def _to_components(self, value: Any) -> list[Any]:
        """The tensors of a value."""
        return flatten(value, expand_composites=True)

    def _from_components(self, components: Sequence[Any]) -> Any:
        """The value of such tensors."""
        raise NotImplementedError

    @classmethod
    def from_value(cls, value: Any) -> Any:
        """The spec of a value."""
        return value._type_spec

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Could a value fit both? Takes a spec or a value."""
        other = spec_or_value if isinstance(spec_or_value, TypeSpec) else getattr(spec_or_value, "_type_spec", None)
        return self._alike(other) and self.shape.is_compatible_with(other.shape)

    def is_subtype_of(self, other: Any) -> bool:
        return self._alike(other) and self.shape.is_subtype_of(other.shape)

    def _alike(self, other: Any) -> bool:
        """Is it a spec that differs in its shape only?"""
        return type(other) is type(self) and other._key()[1:] == self._key()[1:]


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
    def rank(self) -> int | None:
        return self._shape.rank

    @property
    def _component_specs(self) -> list[TensorSpec]:
        rank = self._shape.rank
        return [TensorSpec([None, rank], dt.int64), TensorSpec([None], self._dtype), TensorSpec([rank], dt.int64)]

    def _from_components(self, components: Sequence[Any]) -> Any:
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
        if not isinstance(ragged_rank, int):
            raise TypeError(f"Argument `ragged_rank` must be an int, got {ragged_rank!r}")
        self._ragged_rank = ragged_rank

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
    def _component_specs(self) -> list[TensorSpec]:
        """The flat values, then the splits from the inside outwards."""
        dims, level = self._shape.as_tuple(), self._ragged_rank
        if not level:  # rows of a ragged tensor, which are tensors
            return [TensorSpec(self._shape, self._dtype)]
        flat = None if dims is None else _flat_sizes(dims, level)
        counts = [None if dims is None or dims[0] is None else dims[0] + 1, *(None,) * (level - 1)]
        return [TensorSpec(flat, self._dtype), *(TensorSpec([c], self._row_splits_dtype) for c in reversed(counts))]

    def _from_components(self, components: Sequence[Any]) -> Any:
        made, *splits = components
        dims = self._shape.as_tuple() or (None,) * (self._ragged_rank + 1)
        for axis, split in zip(range(self._ragged_rank, 0, -1), splits):
            made = self.value_type(made, split, dims[axis])
        return made

    def most_specific_common_supertype(self, others: Any) -> RaggedTensorSpec | None:
        shape = self._shape
        for other in others:
            if not isinstance(other, RaggedTensorSpec) or other._key()[1:] != self._key()[1:]:
                return None
            shape = shape.most_specific_compatible_shape(other.shape)
        return RaggedTensorSpec(shape, self._dtype, self._ragged_rank, self._row_splits_dtype)

    def _key(self) -> tuple[Any, ...]:
        return self._shape.as_tuple(), self._dtype, self._ragged_rank, self._row_splits_dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return RaggedTensorSpec, (self._shape, self._dtype, self._ragged_rank, self._row_splits_dtype)

    def __repr__(self) -> str:
        return f"RaggedTensorSpec({self._shape!r}, {self._dtype!r}, {self._ragged_rank}, {self._row_splits_dtype!r})"


def _flat_sizes(dims: tuple[int | None, ...], level: int) -> list[int | None]:
    """The sizes of the flat values: how many there are is known only if all rows are of one length."""
    count = 1
    for d in dims[: level + 1]:
        if d is None:
            return [None, *dims[level + 1 :]]
        count *= d
    return [count, *dims[level + 1 :]]
