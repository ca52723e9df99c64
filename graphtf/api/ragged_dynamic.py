"""`DynamicRaggedShape`: the shape of a tensor of which some axes are ragged.

Invariant: the row partitions, outermost first, and the sizes of the flat values. Entry points: `DynamicRaggedShape`,
and the functions that fill one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.row_partitions import RowPartition
from graphtf.convert import convert_to_tensor, known_array
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.prims import p
from graphtf.nest import CompositeTensor
from graphtf.ragged_tensor import RaggedTensor
from graphtf.sizes import shape_vector
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor


class DynamicRaggedShape(CompositeTensor):
    """The shape of a ragged tensor: row partitions, and the sizes `inner_shape` of the values in them.

    `shape[k]` is the size of a uniform axis; ValueError for a ragged one. Follows
    https://www.tensorflow.org/api_docs/python/tf/experimental/DynamicRaggedShape.

    >>> DynamicRaggedShape.from_lengths([2, (3, 2), 5])
    <DynamicRaggedShape lengths=[2, (3, 2), 5] num_row_partitions=1>
    """

    def __init__(
        self, row_partitions: Sequence[RowPartition], inner_shape: Any, dtype: Any = None, validate: bool = False,
        static_inner_shape: Any = None,
    ) -> None:  # fmt: skip
        if not all(isinstance(x, RowPartition) for x in row_partitions):
            raise TypeError(f"row_partitions should be a list of RowPartitions, got {row_partitions!r}")
        kind = dtype if dtype is not None else row_partitions[0].dtype if row_partitions else None
        sizes = convert_to_tensor(inner_shape, None if hasattr(inner_shape, "dtype") else kind or dt.int64)
        if sizes.shape.rank != 1:
            raise ValueError(f"inner_shape must be a vector, got shape {sizes.shape}")
        self._dtype = dt.as_dtype(kind or sizes.dtype)
        if self._dtype not in (dt.int32, dt.int64):
            raise ValueError(f"dtype must be int32 or int64, got {self._dtype.name}")
        self._partitions = tuple(_of_dtype(x, self._dtype) for x in row_partitions)
        self._inner = p.cast(sizes, dtype=self._dtype)

    @classmethod
    def from_lengths(
        cls, lengths: Sequence[Any], num_row_partitions: int | None = None, dtype: Any = dt.int64
    ) -> DynamicRaggedShape:
        """Of the length of each axis: a number, or the lengths of the rows of a ragged one.

        Raises ValueError where rows are not as many as the values around them.
        """
        ragged = [k for k, x in enumerate(lengths) if not isinstance(x, int)]
        depth = max(ragged, default=0) if num_row_partitions is None else num_row_partitions
        if (ragged and (ragged[0] == 0 or depth < max(ragged))) or depth >= max(len(lengths), 1):
            raise ValueError(f"num_row_partitions={depth} does not fit lengths={list(lengths)}")
        count, partitions = lengths[0] if len(lengths) else 0, []
        for x in lengths[1 : depth + 1]:
            if isinstance(x, int):
                partitions.append(RowPartition.from_uniform_row_length(x, nrows=count, nvals=x * count, dtype=dtype))
            elif len(x) != count:
                raise ValueError(f"{len(x)} row lengths for {count} rows in lengths={list(lengths)}")
            else:
                partitions.append(RowPartition.from_row_lengths(list(x), dtype=dtype))
            count = x * count if isinstance(x, int) else sum(x)
        return cls(partitions, [count, *lengths[depth + 1 :]] if len(lengths) else np.zeros(0, np.int64), dtype)

    @classmethod
    def from_row_partitions(cls, row_partitions: Sequence[RowPartition], dtype: Any = None) -> DynamicRaggedShape:
        """Of partitions of scalars. Raises ValueError if there is none."""
        if not row_partitions:
            raise ValueError("row_partitions cannot be empty")
        return cls(row_partitions, p.reshape(row_partitions[-1].nvals(), shape=(1,)), dtype)

    @classmethod
    def from_tensor(cls, t: Any, dtype: Any = None) -> DynamicRaggedShape:
        """The shape of a tensor, ragged or not."""
        if isinstance(t, DynamicRaggedShape):
            return t if dtype is None else t.with_dtype(dtype)
        if isinstance(t, RaggedTensor):
            kind = dt.as_dtype(dtype or t.row_splits.dtype)
            return cls(_partitions_of(t), p.cast(shape_vector(t.flat_values.ir_type.dims), dtype=kind), kind)
        x = convert_to_tensor(t)
        kind = dt.as_dtype(dtype or dt.int32)
        return cls([], p.cast(shape_vector(x.ir_type.dims), dtype=kind), kind)

    @property
    def dtype(self) -> DType:
        """Of sizes and splits: int32 or int64."""
        return self._dtype

    @property
    def row_partitions(self) -> tuple[RowPartition, ...]:
        """How values fall into rows, outermost first."""
        return self._partitions

    @property
    def num_row_partitions(self) -> int:
        return len(self._partitions)

    @property
    def inner_shape(self) -> Tensor:
        """The sizes of the flat values."""
        return self._inner

    @property
    def inner_rank(self) -> int | None:
        return self._inner.shape[0]  # type: ignore[no-any-return]

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return None if self.inner_rank is None else self.inner_rank + len(self._partitions)

    def with_dtype(self, dtype: Any) -> DynamicRaggedShape:
        """The same with sizes of int32 or int64."""
        return DynamicRaggedShape(self._partitions, p.cast(self._inner, dtype=dt.as_dtype(dtype)), dtype)

    def is_uniform(self, axis: int) -> bool:
        """Was the axis made with one length for all rows? Raises IndexError for an axis out of range."""
        if self.rank is not None and not 0 <= axis < self.rank:
            raise IndexError(f"axis {axis} is not in [0, {self.rank})")
        return axis == 0 or axis > len(self._partitions) or self._partitions[axis - 1].is_uniform()

    def static_lengths(self, ragged_lengths: bool = True) -> list[Any]:
        """The length of each axis: a number, None if it is unknown, or (with `ragged_lengths`) those of its rows."""
        found: list[Any] = [self._partitions[0].static_nrows] if self._partitions else []
        for x in self._partitions:
            if x.is_uniform():
                found.append(int(x.uniform_row_length()))  # type: ignore[call-overload]
            else:
                each = known_array(x.row_lengths()) if ragged_lengths else None
                found.append(None if each is None else tuple(each.tolist()))
        sizes = known_array(self._inner)
        inner = [None] * (self.inner_rank or 0) if sizes is None else sizes.tolist()
        return found + inner[1 if self._partitions else 0 :]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._sliced(index)
        rank = self.rank
        if rank is None:
            raise ValueError("Rank must be known to index a shape")
        if not -rank <= index < rank:
            raise IndexError(f"Index {index} too big for rank {rank}")
        axis = index % rank
        if not self.is_uniform(axis):
            raise ValueError(f"Index {axis} is not uniform")
        if not self._partitions or axis > len(self._partitions):
            return self._inner[axis - len(self._partitions)]  # type: ignore[index]
        return self._partitions[0].nrows() if axis == 0 else self._partitions[axis - 1].uniform_row_length()

    def _sliced(self, key: slice) -> DynamicRaggedShape:
        rank, depth = self.rank or 0, len(self._partitions)
        start, stop, step = key.indices(rank)
        if step != 1:
            raise IndexError("Cannot stride through a shape")
        if start and depth:
            raise ValueError("a slice of a ragged shape must begin at its first axis")
        if stop > depth + 1 or not depth:
            return DynamicRaggedShape(self._partitions, self._inner[max(start, 0) : stop - depth], self._dtype)  # type: ignore[index]
        kept = self._partitions[: max(stop - 1, 0)]
        if not stop:
            return DynamicRaggedShape([], np.zeros(0, self._dtype.np))
        count = kept[-1].nvals() if kept else self._partitions[0].nrows()
        return DynamicRaggedShape(kept, p.reshape(count, shape=(1,)), self._dtype)

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, DynamicRaggedShape):
            return NotImplemented
        if self.rank != other.rank or self.num_row_partitions != other.num_row_partitions:
            return convert_to_tensor(False)
        same = p.reduce_all(p.eq(self._inner, other.with_dtype(self._dtype)._inner), axes=(0,))
        for a, b in zip(self._partitions, other.with_dtype(self._dtype)._partitions):
            x, y = a.row_splits(), b.row_splits()
            if not x.shape.is_compatible_with(y.shape):
                return convert_to_tensor(False)
            same = p.logical_and(same, p.reduce_all(p.eq(x, y), axes=(0,)))
        return same

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lengths = ", ".join(str(x) for x in self.static_lengths())
        return f"<DynamicRaggedShape lengths=[{lengths}] num_row_partitions={len(self._partitions)}>"

    @property
    def _static_key(self) -> Any:
        """What no component holds: which of the partitions are uniform, and by what length."""
        return tuple(x._rows._uniform for x in self._partitions), self._dtype

    def _components(self) -> tuple[Any, ...]:
        return (*(x.row_splits() for x in self._partitions), self._inner)

    def _from_components(self, components: Sequence[Any]) -> DynamicRaggedShape:
        *splits, inner = components
        rows = [_partition(s, x._rows._uniform) for s, x in zip(splits, self._partitions)]
        return DynamicRaggedShape(rows, inner, self._dtype)


def _partitions_of(x: Any) -> list[RowPartition]:
    found = []
    while isinstance(x, RaggedTensor):
        found.append(_partition(x.row_splits, x._uniform))
        x = x.values
    return found


def _partition(splits: Tensor, uniform: int | None) -> RowPartition:
    made = RowPartition.from_row_splits(splits, validate=False)
    return made if uniform is None else RowPartition(RaggedTensor(made._rows.values, splits, uniform))


def _of_dtype(x: RowPartition, dtype: DType) -> RowPartition:
    return x if x.dtype is dtype else _partition(p.cast(x.row_splits(), dtype=dtype), x._rows._uniform)


# ---- functions of a shape --------------------------------------------------------------------------------------------


def ragged_shape(input: Any, out_type: Any = dt.int32, name: str | None = None) -> Any:
    """The shape of a ragged tensor, a `DynamicRaggedShape`; of a sparse one, that of the dense tensor."""
    if isinstance(input, SparseTensor):
        return p.cast(input.dense_shape, dtype=dt.as_dtype(out_type or dt.int32))
    return DynamicRaggedShape.from_tensor(input, out_type or dt.int32)


def _rows_of(flat: Any, shape: DynamicRaggedShape) -> Any:
    made = flat
    for x in reversed(shape.row_partitions):
        made = RaggedTensor(made, x.row_splits(), x._rows._uniform)
    return made


def ragged_zeros(shape: DynamicRaggedShape, dtype: Any = dt.float32, *unused: Any) -> Any:
    """Zeros of a ragged shape."""
    from graphtf.api.creation import zeros

    return _rows_of(zeros(shape.inner_shape, dtype), shape)


def ragged_ones(shape: DynamicRaggedShape, dtype: Any = dt.float32, *unused: Any) -> Any:
    """Ones of a ragged shape."""
    from graphtf.api.creation import ones

    return _rows_of(ones(shape.inner_shape, dtype), shape)


def ragged_fill(dims: DynamicRaggedShape, value: Any, *unused: Any) -> Any:
    """One value in a ragged shape."""
    from graphtf.api.creation import fill

    return _rows_of(fill(dims.inner_shape, value), dims)


def ragged_broadcast_to(input: Any, shape: DynamicRaggedShape, name: str | None = None) -> Any:
    """The elements repeated to fill a ragged shape. Raises ValueError where they do not fit."""
    from graphtf.api.ragged_math import apply

    x = input if isinstance(input, RaggedTensor) else convert_to_tensor(input)
    if not isinstance(shape, DynamicRaggedShape):
        raise ValueError(f"a ragged tensor of shape {x.shape} does not broadcast to {shape!r}")
    room = ragged_zeros(shape, dt.int32)
    if not isinstance(room, RaggedTensor):
        from graphtf.api.shaping import broadcast_to

        return broadcast_to(x, shape.inner_shape)
    return apply(lambda given, filled: p.broadcast(given, shape=filled.ir_type.dims), [x, room])
