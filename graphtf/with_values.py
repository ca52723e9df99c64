"""What sparse and ragged tensors share.

Invariant: a composite is its component tensors (`nest.CompositeTensor`): functions of tensors apply to `values`, and
gradients flow through them. Entry point: `Composite`.
"""

from __future__ import annotations

from typing import Any

from graphtf.ir.dtypes import DType
from graphtf.nest import CompositeTensor
from graphtf.tensor_shape import TensorShape


class Composite(CompositeTensor):
    """A tensor made of values, to which elementwise functions apply, and of where they are."""

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
