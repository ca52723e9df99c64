"""`IndexedSlices`: a few rows of a large tensor, as gradients of embedding look-ups are.

Invariant: row i of `values` belongs to row indices[i]; repeated rows add up. It converts to a dense tensor where one is
needed. Follows https://www.tensorflow.org/api_docs/python/tf/IndexedSlices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.composite_spec import CompositeSpec
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.nest import CompositeTensor
from graphtf.run_time import stated
from graphtf.sizes import as_sizes
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape


class IndexedSlices(CompositeTensor):
    """Rows `values` at `indices` of a tensor of shape `dense_shape` whose other rows are zero."""

    __slots__ = ("__dict__", "_dense_shape", "_indices", "_values")

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self._values = convert_to_tensor(values)
        self._indices = convert_to_tensor(indices)
        self._dense_shape = None if dense_shape is None else convert_to_tensor(dense_shape)

    @property
    def values(self) -> Tensor:
        return self._values

    @property
    def indices(self) -> Tensor:
        return self._indices

    @property
    def dense_shape(self) -> Tensor | None:
        return self._dense_shape

    @property
    def dtype(self) -> dt.DType:
        return self._values.dtype

    @property
    def shape(self) -> TensorShape:
        """The static shape of the dense tensor."""
        if self._dense_shape is None:
            return TensorShape(None)
        sizes = as_sizes(self._dense_shape)
        return TensorShape(None) if sizes is None else TensorShape([d if isinstance(d, int) else None for d in sizes])

    def get_shape(self) -> TensorShape:
        return self.shape

    @property
    def name(self) -> str:
        return self._values.name

    @property
    def device(self) -> str:
        return self._values.device

    @property
    def _type_spec(self) -> IndexedSlicesSpec:
        return IndexedSlicesSpec(self.shape, self.dtype, self._indices.dtype)

    def consumers(self) -> list[Any]:
        return []

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Tensor:
        dense = to_dense(self)
        return convert_to_tensor(dense, dtype)

    def __neg__(self) -> IndexedSlices:
        return IndexedSlices(p.neg(self._values), self._indices, self._dense_shape)

    def __str__(self) -> str:
        tail = "" if self._dense_shape is None else f", dense_shape={self._dense_shape!s}"
        return f"IndexedSlices(indices={self._indices!s}, values={self._values!s}{tail})"

    __repr__ = __str__

    def _components(self) -> tuple[Any, ...]:
        dense = () if self._dense_shape is None else (self._dense_shape,)
        return (self._values, self._indices, *dense)

    def _from_components(self, components: Sequence[Any]) -> IndexedSlices:
        return IndexedSlices(*components)


class IndexedSlicesSpec(CompositeSpec):
    """The spec of `IndexedSlices`."""

    __slots__ = ("_dtype", "_indices_dtype", "_shape")

    def __init__(self, shape: Any = None, dtype: Any = dt.float32, indices_dtype: Any = dt.int64) -> None:
        self._shape, self._dtype, self._indices_dtype = as_shape(shape), dt.as_dtype(dtype), dt.as_dtype(indices_dtype)

    @property
    def value_type(self) -> type:
        return IndexedSlices

    @property
    def shape(self) -> TensorShape:
        return self._shape

    @property
    def dtype(self) -> dt.DType:
        return self._dtype

    def _key(self) -> tuple[Any, ...]:
        return self._shape.as_tuple(), self._dtype, self._indices_dtype

    @property
    def _component_specs(self) -> list[TensorSpec]:
        rest = None if self._shape.rank is None else [None, *self._shape.as_list()[1:]]
        return [TensorSpec(rest, self._dtype), TensorSpec([None], self._indices_dtype)]

    def _from_components(self, components: Sequence[Any]) -> IndexedSlices:
        return IndexedSlices(*components)

    def __repr__(self) -> str:
        return f"IndexedSlicesSpec(shape={self._shape}, dtype={self._dtype!r})"


def to_dense(slices: IndexedSlices) -> Tensor:
    """The dense tensor. Raises ValueError if its shape is not known."""
    if slices.dense_shape is None:
        raise ValueError(f"Tensor conversion requested for IndexedSlices for which dense_shape is not known: {slices}")
    zero = convert_to_tensor(0, slices.dtype)
    sizes = as_sizes(slices.dense_shape, "IndexedSlices")
    if sizes is not None:
        return scatter_rows(p.broadcast(zero, shape=sizes), slices, "add")
    open_sizes = (None, *slices.values.ir_type.dims[1:])
    return scatter_rows(p.broadcast_to(zero, slices.dense_shape, shape=stated(open_sizes)), slices, "add")


def scatter_rows(x: Tensor, slices: IndexedSlices, combine: str) -> Tensor:
    """x with the rows of `slices` combined in: add, update, mul, min, max."""
    at = slices.indices
    column = p.reshape(at, shape=(*at.ir_type.dims, 1))
    out: Tensor = p.scatter(x, column, slices.values, combine=combine)
    return out
