"""`SparseTensor`: values and where they are, of a tensor that is mostly zero.

Invariant: row k of `indices` is the place of value k; what is known of the dense shape while tracing stays known.
Entry point: `SparseTensor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphtf.composite_spec import SparseTensorSpec
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.sizes import as_size, index_vector, known
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape
from graphtf.with_values import Composite


class SparseTensorValue(NamedTuple):
    """The parts of a sparse tensor as arrays."""

    indices: Any
    values: Any
    dense_shape: Any


class SparseTensor(Composite):
    """`values` at the rows of `indices` (int64 [n, rank]) of a tensor of `dense_shape` that is zero elsewhere.

    Raises ValueError where the parts do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/SparseTensor.

    >>> SparseTensor([[0, 1]], [5], [2, 2]).shape
    TensorShape([2, 2])
    """

    __slots__ = ("__dict__", "_dense_shape", "_indices", "_static", "_values")
    __array_priority__ = 100

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self._indices, self._dense_shape = (_wide(x) for x in (indices, dense_shape))
        self._values = convert_to_tensor(values)
        ranks = tuple(t.shape.rank for t in (self._indices, self._values, self._dense_shape))
        if any(r not in (want, None) for r, want in zip(ranks, (2, 1, 1))):
            raise ValueError(f"SparseTensor: indices, values and dense_shape must have 2, 1 and 1 axes, got {ranks}")
        if not self._indices.shape[0:1].is_compatible_with(self._values.shape[0:1]):
            raise ValueError(f"SparseTensor: {self._indices.shape[0]} indices, but {self._values.shape[0]} values")
        if not self._indices.shape[1:2].is_compatible_with(self._dense_shape.shape[0:1]):
            message = f"indices {self._indices.shape} do not fit dense_shape {self._dense_shape.shape}"
            raise ValueError(f"SparseTensor: {message}")
        self._static = _static_shape(dense_shape, self._dense_shape, self._indices)

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> SparseTensor:
        """Of anything with `indices`, `values` and `dense_shape`. Raises TypeError for other things."""
        value = sparse_tensor_value
        if not all(hasattr(value, part) for part in ("indices", "values", "dense_shape")):
            raise TypeError(f"Argument sparse_tensor_value={value} is neither SparseTensor nor SparseTensorValue.")
        return cls(value.indices, value.values, value.dense_shape)

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
        return self._static

    @property
    def rank(self) -> int | None:
        return self._static.rank

    def set_shape(self, shape: Any) -> None:
        """Note what is known about the shape. Raises ValueError if it is incompatible."""
        self._static = self._static.merge_with(as_shape(shape))

    @property
    def _type_spec(self) -> SparseTensorSpec:
        return SparseTensorSpec(self._static, self.dtype)

    def with_values(self, new_values: Any) -> SparseTensor:
        """Other values at the same places."""
        out = SparseTensor(self._indices, new_values, self._dense_shape)
        out.set_shape(self._static)
        return out

    def _as_arrays(self) -> SparseTensorValue:
        """The parts as arrays, under their names."""
        parts = (self._indices, self._values, self._dense_shape)
        return SparseTensorValue(*(x.numpy() for x in parts))  # type: ignore[attr-defined]

    def __len__(self) -> int:
        raise TypeError("Sparse tensors have no `len()`")

    def __str__(self) -> str:
        return f"SparseTensor(indices={self._indices!s}, values={self._values!s}, dense_shape={self._dense_shape!s})"

    __repr__ = __str__

    def __mul__(self, other: Any) -> SparseTensor:
        return _with_dense(self, other, p.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SparseTensor:
        from graphtf.api.arithmetic import truediv

        return _with_dense(self, other, truediv)

    def __neg__(self) -> SparseTensor:
        return self.with_values(p.neg(self._values))

    def _components(self) -> tuple[Any, ...]:
        return (self._indices, self._values, self._dense_shape)

    def _from_components(self, components: Sequence[Any]) -> SparseTensor:
        if any(not isinstance(x, Tensor) for x in components):
            return _opaque(components)
        out = SparseTensor(*components)
        out.set_shape(self._static)
        return out


def _opaque(components: Sequence[Any]) -> Any:
    """A composite of things that are no tensors, as `nest.map_structure` may make."""
    out = object.__new__(SparseTensor)
    out._indices, out._values, out._dense_shape = components
    out._static = TensorShape(None)
    return out


def _with_dense(x: SparseTensor, other: Any, op: Any) -> SparseTensor:
    """op(x, other) at the places of x; what is dense broadcasts to its shape."""
    from graphtf.api.sparse_broadcast import dense_at

    return x.with_values(op(x.values, dense_at(convert_to_tensor(other, x.dtype), x)))


def _wide(x: Any) -> Tensor:
    if isinstance(x, (list, tuple)) and any(isinstance(d, Tensor) for d in x):
        return index_vector(x, dt.int64)
    return convert_to_tensor(x, dt.int64)


def _static_shape(given: Any, dense_shape: Tensor, indices: Tensor) -> TensorShape:
    contents = known(dense_shape)
    sizes = None if contents is None else contents.tolist()
    if sizes is None and isinstance(given, (list, tuple)):
        sizes = [as_size(d) for d in given]  # of which some are known
    if sizes is not None:
        return TensorShape([d if isinstance(d, int) else None for d in sizes])
    for rank in (dense_shape.shape[:1].as_list()[0], indices.shape[1:2].as_list()[0]):
        if rank is not None:
            return TensorShape([None] * rank)
    return TensorShape(None)
