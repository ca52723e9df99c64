"""`TensorArray`: a list of tensors of one dtype. Follows https://www.tensorflow.org/api_docs/python/tf/TensorArray.

Invariant: eagerly it is a Python list that writes change; while tracing it is one tensor with the elements as rows, and
each write gives a new `TensorArray`, so a loop carries it as plain memory. Entry point: `TensorArray`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like, stack_rows
from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError, OnlyEager, OutOfRangeError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.nest import CompositeTensor
from graphtf.run_time import named_size, stated
from graphtf.sizes import as_integers, as_size, as_sizes, shape_vector
from graphtf.spec import TypeSpec
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape

Make = Callable[[Shape], Tensor]


class TensorArraySpec(TypeSpec):
    """The spec of a `TensorArray`."""

    __slots__ = ("_dtype", "_dynamic_size", "_element_shape", "_infer_shape")

    def __init__(
        self, element_shape: Any = None, dtype: Any = dt.float32, dynamic_size: bool = False, infer_shape: bool = True
    ) -> None:
        self._element_shape, self._dtype = as_shape(element_shape), as_dtype(dtype)
        self._dynamic_size, self._infer_shape = dynamic_size, infer_shape

    @property
    def value_type(self) -> type:
        return TensorArray

    @property
    def dtype(self) -> DType:
        return self._dtype

    def _key(self) -> tuple[Any, ...]:
        return self._element_shape.as_tuple(), self._dtype, self._dynamic_size, self._infer_shape

    def __repr__(self) -> str:
        return f"TensorArraySpec{self._key()}"


class TensorArray(CompositeTensor):
    """A list of `size` tensors; with `dynamic_size`, writes beyond the end make it longer.

    Raises OutOfRangeError (in a trace InvalidArgumentError) for an index out of range, ValueError for an element of
    another shape, InvalidArgumentError for one of another dtype, or that was read before unless `clear_after_read` is
    False.

    >>> ta = TensorArray(dt.int32, size=2)
    >>> ta = ta.write(0, 7).write(1, 8)
    >>> ta.stack()
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([7, 8], dtype=int32)>
    """

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: bool | None = None, clear_after_read: bool | None = None,
        tensor_array_name: str | None = None, handle: Any = None, flow: Any = None, infer_shape: bool = True,
        element_shape: Any = None, colocate_with_first_write_call: bool = True, name: str | None = None,
    ) -> None:  # fmt: skip
        self._dtype = as_dtype(dtype)
        self._dynamic = bool(dynamic_size)
        self._clear = clear_after_read is None or bool(clear_after_read)
        self._infer_shape = infer_shape
        self._element = as_shape(element_shape)
        self._traced = active_binder() is not None
        self._items: list[Any] = []  # eagerly: the elements; None where there is none
        self._cleared: set[int] = set()
        self._rows: Tensor | None = None  # while tracing: the elements as rows, once their shape is known
        self._size: Dim = 0
        self._make: Make = self._zeros
        self._told: Callable[[], None] | None = None  # by a loop: wants to know when the size is asked for
        count = 0 if size is None else size
        if not self._traced:
            self._items = [None] * int(count)
            return
        known = as_size(count, "TensorArray")
        self._size = known if known is not None else named_size(convert_to_tensor(count))
        if self._element.is_fully_defined():
            self._rows = self._zeros(tuple(self._element.as_list()))

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> DType:
        return self._dtype

    @property
    def dynamic_size(self) -> bool:
        return self._dynamic

    @property
    def element_shape(self) -> TensorShape:
        """What is known of the shape of the elements."""
        if self._rows is not None:
            return self._rows.shape[1:]  # type: ignore[no-any-return]
        return self._element

    @property
    def flow(self) -> Tensor:
        """The elements as rows; what loops carry."""
        return self.stack()

    @property
    def handle(self) -> None:
        return None

    @property
    def _type_spec(self) -> TensorArraySpec:
        return TensorArraySpec(self._element, self._dtype, self._dynamic, self._infer_shape)

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements (int32)."""
        if not self._in_graph():
            return convert_to_tensor(len(self._items))
        if self._rows is None and self._told is not None:
            self._told()
        length = self._size if self._rows is None else self._rows.ir_type.dims[0]
        return p.reshape(shape_vector((length,)), shape=())

    def identity(self) -> TensorArray:
        return self

    def close(self, name: str | None = None) -> None:
        """Nothing: memory is released when nobody refers to it."""

    def mark_used(self) -> None:
        """Nothing: unused writes do no harm."""

    def grad(self, source: Any, flow: Any = None, name: str | None = None) -> Any:
        raise NotImplementedError("gradients of a TensorArray are those of its elements: use a GradientTape")

    def __repr__(self) -> str:
        return f"<TensorArray dtype={self._dtype.name} element_shape={self.element_shape}>"

    # ---- the two forms -----------------------------------------------------------------------------------------------

    def _in_graph(self) -> bool:
        """Is it one tensor? An eager list that a trace comes to use becomes one there."""
        if not self._traced and active_binder() is not None:
            twin = self._like(_stacked_items(self))
            self.__dict__.update(twin.__dict__)
        return self._traced

    def _like(self, rows: Tensor | None) -> TensorArray:
        """A traced array of the same kind with other rows."""
        twin = TensorArray.__new__(TensorArray)
        twin.__dict__.update(self.__dict__)
        twin._traced, twin._rows = True, rows
        if rows is not None:
            twin._size = rows.ir_type.dims[0]
        elif not self._traced:
            twin._size = len(self._items)
        twin._make = twin._zeros if rows is not None or not self._traced else self._make
        return twin

    def _zeros(self, dims: Shape) -> Tensor:
        empty = convert_to_tensor(b"" if self._dtype is dt.string else False if self._dtype.is_bool else 0, self._dtype)
        return p.broadcast(empty, shape=(self._size, *dims))

    @property
    def _pending(self) -> bool:
        """In a trace: is the shape of the elements unknown, as nothing was written?"""
        return self._in_graph() and self._rows is None

    def _settled(self, dims: Shape) -> Tensor:
        """The rows; made now if nothing was written before."""
        return self._make(dims) if self._rows is None else self._rows

    def _all_rows(self) -> Tensor:
        if self._rows is not None:
            return self._rows
        if not self._element.is_fully_defined():
            raise ValueError("TensorArray: the shape of the elements is not known, as nothing was written")
        return self._settled(tuple(self._element.as_list()))

    def _components(self) -> tuple[Any, ...]:
        rows = self._rows if self._in_graph() else _stacked_items(self)
        return () if rows is None else (rows,)

    def _from_components(self, components: Sequence[Any]) -> TensorArray:
        rows = components[0] if components else None
        if active_binder() is not None:
            return self._like(rows)
        twin = TensorArray(
            self._dtype, 0, self._dynamic, self._clear, infer_shape=self._infer_shape, element_shape=self._element
        )
        twin._items = [] if rows is None else [rows[i] for i in range(rows.shape[0])]
        return twin

    # ---- elements ----------------------------------------------------------------------------------------------------

    def _checked(self, value: Any) -> Tensor:
        """An element, of the dtype and a shape that fits."""
        x = convert_to_tensor(value, None if is_tensor_like(value) else self._dtype)
        if x.dtype is not self._dtype:
            message = f"TensorArray dtype is {self._dtype.name} but Op is trying to write dtype {x.dtype.name} "
            raise InvalidArgumentError(None, None, message)
        if not self._element.is_compatible_with(x.shape):
            raise ValueError(f"Incompatible shape for value ({x.shape}), expected ({self._element})")
        if self._infer_shape:
            self._element = self._element.merge_with(x.shape)
        return x

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """The element at an index."""
        if self._in_graph():
            rows = self._all_rows()
            at = p.reshape(_index(index), shape=())
            return p.gather(rows, at, axis=0, batch_dims=0)
        k = int(index)
        if not 0 <= k < len(self._items):
            raise OutOfRangeError(None, None, f"Tried to read from index {k} but array size is: {len(self._items)} ")
        if self._items[k] is None:
            if k in self._cleared:
                message = f"Could not read index {k} twice because it was cleared after a previous read (perhaps try "
                raise InvalidArgumentError(None, None, message + "setting clear_after_read = false?)")
            self._items[k] = self._missing(k)
        found: Tensor = self._items[k]
        if self._clear:
            self._items[k] = None
            self._cleared.add(k)
        return found

    def _missing(self, k: int) -> Tensor:
        """An element that was never written: zeros."""
        if not self._element.is_fully_defined():
            message = f"Could not read index {k}: it was not written, and its shape is unknown"
            raise InvalidArgumentError(None, None, message)
        return p.broadcast(convert_to_tensor(0, self._dtype), shape=tuple(self._element.as_list()))

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with an element set."""
        if not self._in_graph():
            self._put(int(index), self._checked(value))
            return self
        x = self._checked(value)
        dims = x.ir_type.dims
        rows, at = self._settled(dims), _index(index)
        if dims != rows.ir_type.dims[1:] and (types_only() or not self._infer_shape):
            return self._like(_vague(rows, dims))
        if self._dynamic:
            rows = _grown(rows, at)
        column, row = p.reshape(at, shape=(1, 1)), p.reshape(x, shape=(1, *dims))
        return self._like(p.scatter(rows, column, row, combine="update"))

    def _put(self, k: int, x: Tensor) -> None:
        count = len(self._items)
        if k < 0 or (k >= count and not self._dynamic):
            what = "" if k < 0 else "not resizeable and "
            raise OutOfRangeError(None, None, f"Tried to write to index {k} but array is {what}size is: {count} ")
        self._items += [None] * (k + 1 - count)
        self._items[k] = x

    # ---- all of them -------------------------------------------------------------------------------------------------

    def stack(self, name: str | None = None) -> Tensor:
        """The elements as rows of one tensor."""
        if self._in_graph():
            return self._all_rows()
        rows = _stacked_items(self)
        if rows is None:
            dims = self._element.as_tuple() or ()
            return convert_to_tensor(np.zeros((0, *(d or 0 for d in dims)), self._dtype.np))
        return rows

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of `value` as its elements."""
        x = convert_to_tensor(value, None if is_tensor_like(value) else self._dtype)
        self._checked_rows(x, settles=self._in_graph())
        if self._in_graph():
            self._check_count(x.ir_type.dims[0], self._size)
            return self._like(x)
        self._check_count(x.shape[0], len(self._items))
        self._items = [x[i] for i in range(x.shape[0])]  # type: ignore[index]
        return self

    def _checked_rows(self, x: Tensor, settles: bool = True) -> None:
        """Raise unless the rows fit as elements, which `settles` then what is known of the shape of elements."""
        rest = x.shape[1:]
        if x.dtype is not self._dtype:
            raise ValueError(f"TensorArray dtype is {self._dtype.name}, but the value has dtype {x.dtype.name}")
        if not self._element.is_compatible_with(rest):
            raise ValueError(f"Incompatible shape for value ({rest}), expected ({self._element})")
        if self._infer_shape and settles:
            self._element = self._element.merge_with(rest)

    def _check_count(self, given: Any, have: Any) -> None:
        if isinstance(given, int) and isinstance(have, int) and given > have and not self._dynamic:
            raise ValueError(f"Cannot unstack {given} tensors into a TensorArray of static size {have} ")

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """The elements at indices, as rows."""
        if self._in_graph():
            return p.gather(self._all_rows(), convert_to_tensor(indices), axis=0, batch_dims=0)
        return stack_rows([self._kept(int(k)) for k in np.asarray(indices).tolist()])

    def _kept(self, k: int) -> Tensor:
        clear, self._clear = self._clear, False
        try:
            return self.read(k)
        finally:
            self._clear = clear

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with row i of `value` as the element at indices[i]."""
        x = convert_to_tensor(value, None if is_tensor_like(value) else self._dtype)
        self._checked_rows(x)
        if not self._in_graph():
            for row, k in enumerate(np.asarray(indices).tolist()):
                self._put(int(k), x[row])  # type: ignore[index]
            return self
        at = convert_to_tensor(indices)
        rows = self._settled(x.ir_type.dims[1:])
        if self._dynamic:
            rows = _grown(rows, p.reduce_max(p.cast(at, dtype=dt.int64), axes=(0,)))
        return self._like(p.scatter(rows, p.reshape(at, shape=(*at.ir_type.dims, 1)), x, combine="update"))

    def concat(self, name: str | None = None) -> Tensor:
        """The elements joined along their first axis."""
        if self._in_graph():
            rows = self._all_rows()
            count, first, *rest = rows.ir_type.dims
            return p.reshape(rows, shape=(product((count, first)), *rest))
        parts = [self._kept(k) for k in range(len(self._items))]
        if not parts:
            return self.stack()
        return p.concat(*parts, axis=0)

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """The array whose elements are the pieces of `value` of the given lengths."""
        x = convert_to_tensor(value, None if is_tensor_like(value) else self._dtype)
        if self._in_graph():
            return self._split_in_graph(x, lengths)
        widths = as_integers(lengths, "TensorArray.split")
        if sum(widths) != x.shape[0]:
            message = "Expected sum of lengths to be equal to values.shape[0], but sum of lengths is "
            raise InvalidArgumentError(None, None, f"{message}{sum(widths)} and value's shape is: {x.shape} ")
        if len(widths) > len(self._items) and not self._dynamic:
            message = f"TensorArray's size is not equal to the size of lengths ({len(self._items)} vs. {len(widths)})"
            raise InvalidArgumentError(None, None, message)
        ends = np.cumsum((0, *widths)).tolist()
        if x.dtype is not self._dtype or not self._element.is_compatible_with([None, *x.shape[1:]]):
            message = f"pieces of shape [?, *{x.shape[1:]}] and dtype {x.dtype.name} do not fit elements"
            raise ValueError(f"{message} of shape {self._element} and dtype {self._dtype.name}")
        self._items = [x[a:b] for a, b in pairwise(ends)]  # type: ignore[index]
        return self

    def _split_in_graph(self, x: Tensor, lengths: Any) -> TensorArray:
        widths = as_sizes(lengths, "TensorArray.split")
        rest = x.ir_type.dims[1:]
        if widths is None or len(set(widths)) != 1:
            refuse_sizes()
            return self._like(p.reshape_to(x, shape_vector(x.ir_type.dims), shape=stated((None, None, *rest))))
        return self._like(p.reshape(x, shape=(len(widths), widths[0], *rest)))

    def set_shape(self, shape: Any) -> None:
        self._element = self._element.merge_with(shape)


def types_only() -> bool:
    """Is what is traced never run: made to learn the types of results?"""
    binder = active_binder()
    return isinstance(binder, Builder) and binder.types_only


def refuse_sizes() -> None:
    """For an element that has not, or may not have, the sizes of the others: rows cannot hold both. Raises OnlyEager,
    but where types alone are wanted."""
    if not types_only():
        raise OnlyEager("it writes elements to a TensorArray whose sizes may differ from one to the next")


def _vague(rows: Tensor, dims: Sequence[Any]) -> Tensor:
    """Rows that leave those sizes of an element open that differ from `dims`."""
    refuse_sizes()
    count, *have = rows.ir_type.dims
    if len(have) != len(dims):
        return p.reshape_to(rows, shape_vector((count,)), shape=None)
    open_sizes = (count, *(d if d == e and isinstance(d, int) else None for d, e in zip(have, dims)))
    return p.reshape_to(rows, shape_vector(rows.ir_type.dims), shape=stated(open_sizes))


def _index(index: Any) -> Tensor:
    t = convert_to_tensor(index)
    return t if t.dtype in (dt.int32, dt.int64) else p.cast(t, dtype=dt.int64)


def _grown(rows: Tensor, last: Tensor) -> Tensor:
    """Rows with zeros behind them, so that there is one at index `last`."""
    count, *rest = rows.ir_type.dims
    have = p.reshape(shape_vector((count,), dt.int64), shape=())
    more = p.maximum(p.sub(p.add(p.cast(last, dtype=dt.int64), scalar_like(have, 1)), have), scalar_like(have, 0))
    sizes = p.concat(p.reshape(more, shape=(1,)), shape_vector(tuple(rest), dt.int64), axis=0)
    zero = convert_to_tensor(False if rows.dtype.is_bool else 0, rows.dtype)
    extra = p.broadcast_to(zero, sizes, shape=stated((None, *rest)))
    return p.concat(rows, extra, axis=0)


def _stacked_items(array: TensorArray) -> Tensor | None:
    """The elements of an eager array as rows; None if there are none, or their shape is unknown."""
    items = array._items
    if not items or (not array._element.is_fully_defined() and any(x is None for x in items)):
        return None
    rows = [array._missing(k) if x is None else x for k, x in enumerate(items)]
    return stack_rows(rows)
