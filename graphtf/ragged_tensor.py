"""`RaggedTensor`: rows of any length.

Invariant: row i is values[row_splits[i] : row_splits[i + 1]], and the values may be ragged themselves; where rows lie
is worked out on integers (graphtf/row_partition.py), and tensors move by `gather`, so gradients flow. Entry point:
`RaggedTensor`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.composite_spec import RaggedTensorSpec
from graphtf.convert import convert_to_tensor, known_array
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.indexing import getitem
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import maximum
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p
from graphtf.operators import install_elementwise
from graphtf.refusal import failed, invalid, tracing
from graphtf.sizes import as_size
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tensor_shape import TensorShape, as_shape
from graphtf.with_values import Composite

Array = np.ndarray[Any, Any]
_SPLITS = (dt.int32, dt.int64)


class RaggedTensor(Composite):
    """A tensor with axes along which rows differ in length.

    Follows https://www.tensorflow.org/api_docs/python/tf/RaggedTensor.

    >>> RaggedTensor.from_row_splits([1, 2, 3], [0, 1, 3])
    <tf.RaggedTensor [[1], [2, 3]]>
    """

    __slots__ = ("__dict__", "_row_splits", "_uniform", "_values")
    __array_priority__ = 100

    def __init__(self, values: Any, row_splits: Tensor, uniform_row_length: int | None = None) -> None:
        self._values, self._row_splits, self._uniform = values, row_splits, uniform_row_length

    # ---- from values and rows ----------------------------------------------------------------------------------------

    @classmethod
    def from_row_splits(
        cls, values: Any, row_splits: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows between each two of `row_splits`. Raises InvalidArgumentError where these are not in order."""
        inner = _as_values(values)
        own = isinstance(inner, RaggedTensor) and not isinstance(row_splits, Tensor)
        splits = _integers(row_splits, "row_splits", inner.row_splits.dtype if own else None)
        if splits.shape.as_list() == [0]:
            raise ValueError("row_splits tensor may not be empty.")
        if validate:
            _check_splits(splits, inner)
        return cls(_with_splits_like(inner, splits), splits)

    @classmethod
    def from_row_lengths(
        cls, values: Any, row_lengths: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows of the given lengths, one after another."""
        lengths = _integers(row_lengths, "row_lengths")
        if validate and isinstance(lengths, EagerTensor) and (lengths._array < 0).any():
            raise invalid("RaggedTensor", f"row_lengths must not be negative, got {lengths._array}")
        ends = p.cumulate(lengths, axis=0, combine="add", exclusive=False, reverse=False)
        return cls.from_row_splits(values, _after_zero(ends), validate=validate)

    @classmethod
    def from_value_rowids(
        cls, values: Any, value_rowids: Any, nrows: Any = None, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """The row of each value, in order; there are `nrows` rows, or as many as the last value says.

        Raises InvalidArgumentError for rows out of order or beyond `nrows`.
        """
        ids = _integers(value_rowids, "value_rowids")
        operands = [ids] if nrows is None else [ids, convert_to_tensor(nrows)]
        size = None if nrows is None else as_size(nrows, "nrows")
        if isinstance(size, int) and size < 0:
            raise ValueError(f"Expected nrows >= 0; got {size}")
        inner = _as_values(values)
        if not ids.shape.is_compatible_with(inner.shape[:1]):
            raise ValueError(f"value_rowids has shape {ids.shape}, but values has shape {inner.shape}")
        last = known_array(ids) if isinstance(size, int) else None
        if last is not None and last.size and last[-1] >= size:
            raise ValueError(f"Expected nrows >= value_rowids[-1] + 1; got nrows={size}, value_rowids[-1]={last[-1]}")

        def run(at: Array, *given: Array) -> list[Array]:
            count = int(given[0]) if given else int(at[-1]) + 1 if len(at) else 0
            if validate and len(at) and ((np.diff(at) < 0).any() or at[0] < 0 or at[-1] >= count):
                raise failed("RaggedTensor", f"value_rowids must rise from 0 and be below {count}, got {at}")
            return [rows.splits_of(np.bincount(at, minlength=count)).astype(at.dtype)]

        (splits,) = on_host(run, operands, [ids.dtype], [(None if size is None else size + 1,)])
        return cls.from_row_splits(inner, splits, validate=validate)

    @classmethod
    def from_row_starts(
        cls, values: Any, row_starts: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows that begin at the given places; the last one ends where the values do."""
        inner, starts = _as_values(values), _integers(row_starts, "row_starts")
        end = p.reshape(p.cast(_count(inner), dtype=starts.dtype), shape=(1,))
        return cls.from_row_splits(inner, p.concat(starts, end, axis=0), validate=validate)

    @classmethod
    def from_row_limits(
        cls, values: Any, row_limits: Any, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows that end at the given places."""
        return cls.from_row_splits(values, _after_zero(_integers(row_limits, "row_limits")), validate=validate)

    @classmethod
    def from_uniform_row_length(
        cls, values: Any, uniform_row_length: Any, nrows: Any = None, name: str | None = None, validate: bool = True
    ) -> RaggedTensor:
        """Rows that are all of one length. Raises ValueError for a length that is not known or does not divide."""
        if isinstance(uniform_row_length, (list, tuple)):
            raise ValueError(f"uniform_row_length must be a scalar, got {uniform_row_length!r}")
        inner, length = _as_values(values), as_size(uniform_row_length, "uniform_row_length")
        if not isinstance(length, int):
            raise ValueError(f"uniform_row_length must be a Python integer, got {uniform_row_length!r}")
        if length < 0:
            raise ValueError(f"Expected uniform_row_length >= 0; got {length}")
        if length == 0:
            count: Any = 0 if nrows is None else as_size(nrows, "nrows")
            if count_dim(inner) != 0:
                raise ValueError(f"uniform_row_length=0 times nrows={count} must equal nvals={count_dim(inner)}")
        else:
            total = count_dim(inner)
            count = total // length
            if isinstance(total, int) and count * length != total:
                message = f"uniform_row_length={length} times nrows={count} must equal nvals={total}"
                raise failed("RaggedTensor", message) if tracing() else ValueError(message)
            if nrows is not None and isinstance(total, int) and as_size(nrows, "nrows") not in (None, count):
                raise ValueError(f"uniform_row_length={length} times nrows={nrows} must equal nvals={total}")
        places = p.iota(shape=(count + 1,), axis=0, dtype=dt.int64)
        splits = p.mul(places, convert_to_tensor(length, dt.int64))
        return cls(_with_splits_like(inner, splits), splits, length)

    @classmethod
    def from_nested_row_splits(
        cls, flat_values: Any, nested_row_splits: Any, name: str | None = None, validate: bool = True
    ) -> Any:
        """Rows of rows, outermost first."""
        return _nested(cls.from_row_splits, flat_values, nested_row_splits, validate)

    @classmethod
    def from_nested_row_lengths(
        cls, flat_values: Any, nested_row_lengths: Any, name: str | None = None, validate: bool = True
    ) -> Any:
        """Rows of rows by their lengths, outermost first."""
        return _nested(cls.from_row_lengths, flat_values, nested_row_lengths, validate)

    @classmethod
    def from_nested_value_rowids(
        cls, flat_values: Any, nested_value_rowids: Any, nested_nrows: Any = None, name: str | None = None,
        validate: bool = True,
    ) -> Any:  # fmt: skip
        """Rows of rows by the row of each value, outermost first."""
        ids = list(nested_value_rowids)
        counts = [None] * len(ids) if nested_nrows is None else list(nested_nrows)
        if len(counts) != len(ids):
            raise ValueError(f"nested_nrows has {len(counts)} entries for {len(ids)} levels")
        made = flat_values
        for at, count in zip(reversed(ids), reversed(counts)):
            made = cls.from_value_rowids(made, at, count, validate=validate)
        return made

    @classmethod
    def from_tensor(
        cls, tensor: Any, lengths: Any = None, padding: Any = None, ragged_rank: int = 1, name: str | None = None,
        row_splits_dtype: Any = dt.int64,
    ) -> RaggedTensor:  # fmt: skip
        """The rows of a dense tensor: whole, up to `lengths`, or without the `padding` at their ends."""
        from graphtf.api.ragged_dense import ragged_from_tensor

        return ragged_from_tensor(tensor, lengths, padding, ragged_rank, row_splits_dtype)

    @classmethod
    def from_sparse(cls, st_input: Any, name: str | None = None, row_splits_dtype: Any = dt.int64) -> RaggedTensor:
        """The rows of a sparse matrix, which must be filled from the left without gaps."""
        from graphtf.api.ragged_dense import ragged_from_sparse

        return ragged_from_sparse(st_input, row_splits_dtype)

    # ---- what it is --------------------------------------------------------------------------------------------------

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
    def uniform_row_length(self) -> Tensor | None:
        """The length of all rows, if they were made of one length."""
        return None if self._uniform is None else convert_to_tensor(self._uniform, self._row_splits.dtype)

    @property
    def shape(self) -> TensorShape:
        """The static shape: None for the ragged axes."""
        count = self._row_splits.shape.as_list()[0]
        inner = self._values.shape
        if inner.rank is None:
            return TensorShape(None)
        return TensorShape([None if count is None else count - 1, self._uniform, *inner.as_list()[1:]])

    def set_shape(self, shape: Any) -> None:
        """Raises ValueError unless the shape is compatible with `shape`."""
        if not self.shape.is_compatible_with(as_shape(shape)):
            raise ValueError(f"the shape {self.shape} of the ragged tensor is not compatible with {shape}")

    @property
    def _type_spec(self) -> RaggedTensorSpec:
        return RaggedTensorSpec(self.shape, self.dtype, self.ragged_rank, self._row_splits.dtype)

    @property
    def _static_key(self) -> Any:
        """What of it no tensor holds: the lengths of uniform rows."""
        return self._uniform

    # ---- its rows ----------------------------------------------------------------------------------------------------

    def nrows(self, out_type: Any = None, name: str | None = None) -> Tensor:
        """How many rows there are."""
        kind = dt.as_dtype(out_type or self._row_splits.dtype)
        return p.cast(_count(self), dtype=kind)

    def row_starts(self, name: str | None = None) -> Tensor:
        """Where each row begins among the values."""
        return getitem(self._row_splits, slice(None, -1))

    def row_limits(self, name: str | None = None) -> Tensor:
        """Where each row ends among the values."""
        return getitem(self._row_splits, slice(1, None))

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Any:
        """The lengths of the rows along an axis: ragged themselves for an inner one."""
        if axis < 0:
            axis += self.shape.rank or 0
        if axis == 0:
            return self.nrows()
        if axis == 1:
            return p.sub(self.row_limits(), self.row_starts())
        inner = self._values
        if isinstance(inner, RaggedTensor):
            return self.with_values(inner.row_lengths(axis - 1))
        sizes = inner.shape.as_list()
        if not 1 <= axis - 1 < len(sizes):
            raise ValueError(f"row_lengths: axis {axis} is out of range for shape {self.shape}")
        length = convert_to_tensor(sizes[axis - 1], self._row_splits.dtype)
        return self.with_values(p.broadcast(length, shape=inner.ir_type.dims[: axis - 1]))

    def nested_row_lengths(self, name: str | None = None) -> tuple[Tensor, ...]:
        """The lengths of the rows of each ragged axis, outermost first."""
        inner = self._values.nested_row_lengths() if isinstance(self._values, RaggedTensor) else ()
        return (self.row_lengths(), *inner)

    def value_rowids(self, name: str | None = None) -> Tensor:
        """The row of each value."""
        size = count_dim(self._values)
        kind = self._row_splits.dtype
        (ids,) = on_host(HostFunction(row_ids), [self._row_splits], [kind], [(size,)])
        return ids

    def nested_value_rowids(self, name: str | None = None) -> tuple[Tensor, ...]:
        """The row of each value for each ragged axis, outermost first."""
        inner = self._values.nested_value_rowids() if isinstance(self._values, RaggedTensor) else ()
        return (self.value_rowids(), *inner)

    def bounding_shape(self, axis: Any = None, name: str | None = None, out_type: Any = None) -> Any:
        """The sizes of the least dense tensor that holds every row, or that along `axis`."""
        from graphtf.api.ragged_dense import bounding_sizes

        return bounding_sizes(self, axis, dt.as_dtype(out_type or self._row_splits.dtype))

    # ---- other forms -------------------------------------------------------------------------------------------------

    def with_values(self, new_values: Any) -> RaggedTensor:
        """The same rows of other values. Raises InvalidArgumentError for another number of them."""
        inner = new_values if isinstance(new_values, (RaggedTensor, Tensor)) else convert_to_tensor(new_values)
        if not as_shape(inner.shape)[:1].is_compatible_with(self._values.shape[:1]):
            raise invalid("with_values", f"{inner.shape} values do not fit rows of {self._values.shape} values")
        return RaggedTensor(_with_splits_like(inner, self._row_splits), self._row_splits, self._uniform)

    def with_flat_values(self, new_values: Any) -> RaggedTensor:
        """The same rows of other innermost values."""
        inner = self._values
        return self.with_values(inner.with_flat_values(new_values) if isinstance(inner, RaggedTensor) else new_values)

    def with_row_splits_dtype(self, dtype: Any) -> RaggedTensor:
        """The same with splits of int32 or int64. Raises ValueError for another dtype."""
        kind = as_dtype(dtype)
        if kind not in _SPLITS:
            raise ValueError(f"Argument `row_splits` dtype must be int32 or int64, got {kind.name}")
        inner = self._values
        inner = inner.with_row_splits_dtype(kind) if isinstance(inner, RaggedTensor) else inner
        return RaggedTensor(inner, p.cast(self._row_splits, dtype=kind), self._uniform)

    def merge_dims(self, outer_axis: int, inner_axis: int) -> Any:
        """The axes from `outer_axis` to `inner_axis` as one."""
        from graphtf.api.ragged_shape import merge_dims

        return merge_dims(self, outer_axis, inner_axis)

    def to_tensor(self, default_value: Any = None, name: str | None = None, shape: Any = None) -> Tensor:
        """A dense tensor, filled up with `default_value` (zero); of `shape` where that is given, cut if need be."""
        from graphtf.api.ragged_dense import ragged_to_tensor

        return ragged_to_tensor(self, default_value, shape)

    def to_sparse(self, name: str | None = None) -> Any:
        """A `SparseTensor` of the values."""
        from graphtf.api.ragged_dense import ragged_to_sparse

        return ragged_to_sparse(self)

    def to_list(self) -> list[Any]:
        """Nested Python lists. Raises ValueError while a function is traced."""
        if not isinstance(self._row_splits, EagerTensor):
            raise ValueError("to_list needs eager values")
        inner = self._values.to_list() if isinstance(self._values, RaggedTensor) else self._values.numpy().tolist()
        return [inner[a:b] for a, b in pairwise(self._row_splits._array.tolist())]

    def numpy(self) -> Any:
        """A NumPy array: of arrays where the rows differ in length. Raises ValueError while a function is traced."""
        if not isinstance(self._row_splits, EagerTensor):
            raise ValueError("RaggedTensor.numpy() is only supported in eager mode.")
        inner = self._values.numpy()
        cut = [inner[a:b] for a, b in pairwise(self._row_splits._array.tolist())]
        if not cut:
            return np.array([], inner.dtype)
        if len({x.shape for x in cut}) == 1:
            return np.stack(cut)
        out = np.empty(len(cut), object)
        out[:] = cut
        return out

    def __len__(self) -> int:
        if not isinstance(self._row_splits, EagerTensor):
            raise TypeError("a ragged tensor has no `len()` while a function is traced")
        return len(self._row_splits._array) - 1

    def __bool__(self) -> bool:
        raise TypeError("RaggedTensor may not be used as a boolean.")

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self._row_splits, EagerTensor):
            raise TypeError("a ragged tensor cannot be iterated over while a function is traced; use tf.map_fn")
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        from graphtf.api.ragged_index import ragged_getitem

        return ragged_getitem(self, key)

    def __repr__(self) -> str:
        if isinstance(self.flat_values, EagerTensor):
            return f"<tf.RaggedTensor {_text(self.numpy())}>"
        return f"tf.RaggedTensor(values={self._values}, row_splits={self._row_splits})"

    __str__ = __repr__
    __hash__ = None  # type: ignore[assignment]

    def _components(self) -> tuple[Any, ...]:
        return (self._values, self._row_splits)

    def _from_components(self, components: Sequence[Any]) -> RaggedTensor:
        return RaggedTensor(*components, self._uniform)


install_elementwise(RaggedTensor)


def _text(x: Any) -> str:
    """Arrays of arrays, as NumPy prints arrays, with commas."""
    if not isinstance(x, np.ndarray):
        return str(x)
    if not x.size:
        return repr(x.tolist())
    with np.printoptions(formatter={"all": _text}):
        return np.array2string(x, separator=", ")


# ---- what constructors share -----------------------------------------------------------------------------------------


def _as_values(values: Any) -> Any:
    return values if isinstance(values, RaggedTensor) else convert_to_tensor(values)


def _integers(x: Any, name: str, dtype: dt.DType | None = None) -> Tensor:
    """A vector of int32 or int64: lists as `dtype`, int64 by default. Raises ValueError for other things."""
    kind = None if isinstance(x, Tensor) or hasattr(x, "dtype") else dtype or dt.int64
    try:
        t = convert_to_tensor(x, kind)
    except TypeError as error:
        raise ValueError(f"{name} must be int32 or int64, got {x!r}: {error}") from None
    if t.dtype not in _SPLITS:
        raise ValueError(f"{name} must be int32 or int64, got {t.dtype.name}")
    if t.shape.rank not in (1, None):
        raise ValueError(f"Shape {t.shape} must have rank 1")
    return t


def _after_zero(ends: Tensor) -> Tensor:
    return p.concat(p.reshape(convert_to_tensor(0, ends.dtype), shape=(1,)), ends, axis=0)


def _with_splits_like(inner: Any, splits: Tensor) -> Any:
    """Inner rows with splits of the dtype of the outer ones."""
    if isinstance(inner, RaggedTensor) and inner.row_splits.dtype is not splits.dtype:
        return inner.with_row_splits_dtype(splits.dtype)
    return inner


def _nested(make: Any, flat_values: Any, levels: Any, validate: bool) -> Any:
    if isinstance(levels, Tensor):
        raise TypeError(f"expected a list of tensors, one for each level, got {levels!r}")
    made = flat_values
    for level in reversed(list(levels)):
        made = make(made, level, validate=validate)
    return made


def _row_count(values: Any) -> int | None:
    return values.shape.as_list()[0] if values.shape.rank else None  # type: ignore[no-any-return]


@host_function
def row_ids(splits: Any) -> list[Any]:
    """The row of each value, in the splits' dtype."""
    return [rows.row_ids(splits).astype(splits.dtype)]


def count_dim(values: Any) -> Any:
    """How many rows values have, as a size."""
    if isinstance(values, RaggedTensor):
        return maximum(values.row_splits.ir_type.dims[0] - 1, 0)
    return values.ir_type.dims[0]


def _count(values: Any) -> Tensor:
    """How many rows values have, as an int64 scalar."""
    size = count_dim(values)
    if isinstance(size, int):
        return convert_to_tensor(size, dt.int64)
    return p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=())


def _check_splits(splits: Tensor, values: Any) -> None:
    """Raises InvalidArgumentError, perhaps when the program runs, unless splits rise from 0 to the number of values."""
    found = known_array(splits)
    size = _row_count(values)
    if found is None or size is None:
        _assert_splits(splits, _count(values))
    elif not len(found) or found[0] != 0 or (np.diff(found) < 0).any() or found[-1] != size:
        raise failed("RaggedTensor", f"row_splits must rise from 0 to the number of values {size}, got {found}")


def _assert_splits(splits: Tensor, count: Tensor) -> None:
    zero = convert_to_tensor(0, splits.dtype)
    before, after = (getitem(splits, part) for part in (slice(None, -1), slice(1, None)))
    rising = p.reduce_all(p.ge(after, before), axes=(0,))
    starts, ends = p.eq(getitem(splits, 0), zero), p.eq(getitem(splits, -1), p.cast(count, dtype=splits.dtype))
    held = p.logical_and(p.logical_and(starts, ends), rising)
    assert_(held, splits, count, message="RaggedTensor: row_splits must rise from 0 to the number of values:")
