"""Type specifications: `TensorSpec` and its kin, which describe arguments of traced functions and elements of datasets.

Invariant: immutable and hashable; two specs are equal if they describe the same values. Entry points: `TensorSpec`,
`spec_of(value)`.
"""

from __future__ import annotations

from typing import Any

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape


class TypeSpec:
    """What is known of a value before it exists."""

    __slots__ = ()

    @property
    def value_type(self) -> type:
        """The class of the values described."""
        raise NotImplementedError

    def _key(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._key() == self._key()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def _serialize(self) -> tuple[Any, ...]:
        """The arguments that make such a spec again."""
        return self.__reduce__()[1]  # type: ignore[index,return-value]

    @classmethod
    def _deserialize(cls, serialization: Any) -> Any:
        """The spec of what `_serialize` gave."""
        return cls(*serialization)

    def is_subtype_of(self, other: Any) -> bool:
        """Does every value that this describes fit `other` too?"""
        return type(other) is type(self) and self.most_specific_common_supertype([other]) == other

    def most_specific_common_supertype(self, others: Any) -> Any:
        """The most specific spec that describes what any of these do, or None."""
        return self if all(o == self for o in others) else None

    def most_specific_compatible_type(self, other: Any) -> Any:
        """As `most_specific_common_supertype` of two. Raises ValueError if there is none."""
        found = self.most_specific_common_supertype([other])
        if found is None:
            raise ValueError(f"No TypeSpec is compatible with both {self} and {other}")
        return found


class TensorSpec(TypeSpec):
    """A tensor of a dtype and a shape, in which None stands for any size.

    Follows https://www.tensorflow.org/api_docs/python/tf/TensorSpec.

    >>> TensorSpec([None, 2], "int32")
    TensorSpec(shape=(None, 2), dtype=tf.int32, name=None)
    """

    __slots__ = ("_dtype", "_name", "_shape")

    def __init__(self, shape: Any, dtype: Any = dt.float32, name: str | None = None) -> None:
        self._shape = as_shape(shape)
        self._dtype = as_dtype(dtype)
        self._name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The spec of a tensor."""
        if not isinstance(tensor, Tensor) and not hasattr(type(tensor), "__tf_tensor__"):
            raise ValueError(f"`tensor` should be a tf.Tensor, but got type {type(tensor)}.")
        return cls(tensor.shape, tensor.dtype, name)

    @classmethod
    def from_spec(cls, spec: TensorSpec, name: str | None = None) -> TensorSpec:
        """The same under another name."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    @property
    def shape(self) -> TensorShape:
        return self._shape

    @property
    def dtype(self) -> dt.DType:
        return self._dtype

    @property
    def name(self) -> str | None:
        return self._name

    @property
    def value_type(self) -> type:
        return Tensor

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Could a tensor fit both? Takes a spec, or a tensor or array."""
        other = spec_or_value
        if not hasattr(other, "dtype") or not hasattr(other, "shape"):
            return False
        return as_dtype(other.dtype) is self._dtype and self._shape.is_compatible_with(other.shape)

    def is_subtype_of(self, other: Any) -> bool:
        return (
            isinstance(other, TensorSpec) and (other.name in (None, self.name)) and self._dtype is other.dtype
            and self._shape.is_subtype_of(other.shape)
        )  # fmt: skip

    def most_specific_common_supertype(self, others: Any) -> TensorSpec | None:
        shape = self._shape
        for other in others:
            if not isinstance(other, TensorSpec) or other.dtype is not self._dtype:
                return None
            shape = shape.most_specific_compatible_shape(other.shape)
        return TensorSpec(shape, self._dtype, self._name if all(o.name == self._name for o in others) else None)

    def placeholder_value(self, placeholder_context: Any = None) -> Any:
        raise NotImplementedError("placeholders are made by tracing")

    def _key(self) -> tuple[Any, ...]:
        return self._shape.as_tuple(), self._dtype, self._name

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorSpec, (self._shape, self._dtype, self._name)

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self._shape}, dtype={self._dtype!r}, name={self._name!r})"


def spec_of(value: Any) -> TypeSpec | None:
    """The spec of a value: of a tensor or variable, or what the value says of itself (`_type_spec`); else None."""
    if isinstance(value, TypeSpec):
        return value
    own = getattr(value, "_type_spec", None)
    if isinstance(own, TypeSpec):
        return own
    return TensorSpec(value.shape, value.dtype) if isinstance(value, Tensor) else None


def type_spec_from_value(value: Any) -> TypeSpec:
    """The spec of whatever can be a tensor. Raises TypeError for what cannot.

    Follows https://www.tensorflow.org/api_docs/python/tf/type_spec_from_value.

    >>> type_spec_from_value([1, 2])
    TensorSpec(shape=(2,), dtype=tf.int32, name=None)
    """
    found = spec_of(value)
    if found is not None:
        return found
    from graphtf.convert import convert_to_tensor

    try:
        return TensorSpec.from_tensor(convert_to_tensor(value))
    except (ValueError, TypeError):
        raise TypeError(f"Could not build a TypeSpec for {value!r} of unsupported type {type(value)}.") from None
