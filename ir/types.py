"""Types of values: a tensor of a dtype and shape, or a reference to a variable that holds one.

Invariant: shapes are tuples of `Dim`, or None where even the rank is unknown (a value of a host operation).
Entry points: `TensorType`, `RefType`, `type_of(array)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir.dims import Dim, Shape, product, substitute
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnknownShapeError


@dataclass(frozen=True, slots=True)
class TensorType:
    """`f32[n, 784]`: elements of a dtype in a shape; shape None: of unknown rank."""

    dtype: DType
    shape: Shape | None

    @property
    def rank(self) -> int:
        """Number of axes. Raises ValueError if unknown."""
        return len(self.dims)

    @property
    def dims(self) -> Shape:
        """The shape. Raises ValueError if the rank is unknown."""
        if self.shape is None:
            raise UnknownShapeError(f"the rank of a value of type {self} is known only at run time")
        return self.shape

    @property
    def dims_or_none(self) -> Shape:
        """The shape, or () where the rank is unknown: for looking for symbols."""
        return self.shape or ()

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.dims)

    @property
    def is_static(self) -> bool:
        return self.shape is not None and all(isinstance(d, int) for d in self.shape)

    def with_shape(self, shape: Shape | None) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def substitute(self, env: Mapping[str, Dim]) -> TensorType:
        return self if self.shape is None else TensorType(self.dtype, tuple(substitute(d, env) for d in self.shape))

    def __str__(self) -> str:
        inside = "*" if self.shape is None else ", ".join(map(str, self.shape))
        return f"{self.dtype.short}[{inside}]"


@dataclass(frozen=True, slots=True)
class RefType:
    """`ref f32[784, 10]`: a variable; it can be read and assigned."""

    content: TensorType

    @property
    def dtype(self) -> DType:
        return self.content.dtype

    def substitute(self, env: Mapping[str, Dim]) -> RefType:
        return RefType(self.content.substitute(env))

    def __str__(self) -> str:
        return f"ref {self.content}"


Type = TensorType | RefType


def tensor(dtype: Any, *dims: Dim) -> TensorType:
    """Shorthand: `tensor("float32", n, 784)`."""
    return TensorType(as_dtype(dtype), dims)


def type_of(array: np.ndarray[Any, Any]) -> TensorType:
    """The type of an array."""
    return TensorType(as_dtype(array.dtype), array.shape)
