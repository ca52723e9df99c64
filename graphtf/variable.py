"""`Variable`: a tensor that can be assigned to. Follows https://www.tensorflow.org/api_docs/python/tf/Variable.

Invariant: its storage is a `Cell`; eagerly a read gives the cell's array and an assignment replaces it, while tracing
both become ops on the cell. What `assign` returns is the same variable under the name 'UnreadVariable'.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, hooks, is_tensor_like, to_array
from graphtf.indexed_slices import IndexedSlices, scatter_rows
from graphtf.indexing import getitem
from graphtf.ir.binding import active_binder
from graphtf.ir.dims import Shape, sym
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import TensorType
from graphtf.placement import CPU
from graphtf.recording import active, record, touch
from graphtf.refusal import invalid
from graphtf.scopes import scopes
from graphtf.spec import TensorSpec
from graphtf.tensor import AbstractTensor, EagerTensor, Reference, Tensor, value_text
from graphtf.tensor_shape import TensorShape, as_shape
from graphtf.tracking import Trackable

_serial = itertools.count()


class VariableSynchronization(enum.Enum):
    """When replicas of a variable agree.

    Follows https://www.tensorflow.org/api_docs/python/tf/VariableSynchronization.
    """

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


class VariableAggregation(enum.Enum):
    """How replicas' updates combine. Follows https://www.tensorflow.org/api_docs/python/tf/VariableAggregation."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3

    def __hash__(self) -> int:
        return hash(self.value)


class _Creating(type):
    """Sends `Variable(…)` through the variable creators that are active."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not Variable or not scopes.creators:
            return super().__call__(*args, **kwargs)
        if args:
            kwargs["initial_value"] = args[0]
            kwargs.update(zip(("trainable", "validate_shape", "caching_device", "name"), args[1:]))
        create: Callable[..., Any] = super().__call__
        for creator in scopes.creators:
            create = partial(creator, create)
        return create(**kwargs)


class Variable(AbstractTensor, Trackable, metaclass=_Creating):
    """A tensor that can be assigned to.

    `initial_value` may be a function of no arguments. `shape` may leave sizes open (None), which assignments then
    choose. Raises ValueError for a missing initial value, a shape that does not fit, or a constraint that cannot be
    called.

    >>> v = Variable([1., 2.])
    >>> v.assign_add([10., 10.])
    <tf.Variable 'UnreadVariable' shape=(2,) dtype=float32, numpy=array([11., 12.], dtype=float32)>
    """

    __array_priority__ = 100

    def __init__(
        self, initial_value: Any = None, trainable: bool | None = None, validate_shape: bool = True,
        caching_device: Any = None, name: str | None = None, variable_def: Any = None, dtype: Any = None,
        import_scope: Any = None, constraint: Any = None, synchronization: Any = VariableSynchronization.AUTO,
        aggregation: Any = VariableAggregation.NONE, shape: Any = None,
        experimental_enable_variable_lifting: bool = True,
    ) -> None:  # fmt: skip
        if initial_value is None:
            raise ValueError("The `initial_value` arg to `tf.Variable` must be specified.")
        if constraint is not None and not callable(constraint):
            raise ValueError(
                f"Argument `constraint` must be None or a callable. Got a {type(constraint)}: {constraint}"
            )
        binder = active_binder()
        if binder is not None:
            binder.creating_variable()  # type: ignore[attr-defined]  # refused after a function's first call
        array = _initial_array(initial_value, None if dtype is None else as_dtype(dtype), binder)
        static = as_shape(array.shape if shape is None else shape)
        if not static.is_compatible_with(array.shape):
            raise ValueError(
                f"In this `tf.Variable` creation, the initial value's shape ({array.shape}) is not compatible with the "
                f"explicitly supplied `shape` argument ({shape})."
            )
        number = next(_serial)
        self._name = scopes.names + (name or "Variable")
        self._unique_id = f"{self._name}_{number}"
        self._static = static
        self._trainable = (
            synchronization is not VariableSynchronization.ON_READ if trainable is None else bool(trainable)
        )
        self._constraint, self._device = constraint, scopes.device or CPU
        self._synchronization, self._aggregation = synchronization, aggregation
        self.cell = Cell(array, _cell_type(array, static, number), self._name)
        if binder is not None:
            binder.created_variable(self)  # type: ignore[attr-defined]

    @property
    def _root(self) -> Variable:
        """The variable itself, also of what `assign` returned."""
        return self

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return f"{self._name}:0"

    @property
    def _shared_name(self) -> str:
        return self._name

    @property
    def handle(self) -> Cell:
        """Its storage."""
        return self.cell

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.cell.type.dtype

    @property
    def shape(self) -> TensorShape:
        """The declared shape; None for sizes that assignments choose."""
        return self._static

    def get_shape(self) -> TensorShape:
        return self._static

    def _shape_tuple(self) -> tuple[int | None, ...] | None:
        return self._static.as_tuple()

    @property
    def ir_type(self) -> TensorType:
        """The type as graphs name it."""
        return self.cell.type

    @property
    def ir_shape(self) -> Shape | None:
        """The shape as graphs name it."""
        return self.cell.type.shape

    @property
    def trainable(self) -> bool:
        """Do tapes watch it?"""
        return self._trainable

    @property
    def constraint(self) -> Any:
        return self._constraint

    @property
    def synchronization(self) -> Any:
        return self._synchronization

    @property
    def aggregation(self) -> Any:
        return self._aggregation

    @property
    def device(self) -> str:
        """The device it was made on."""
        return self._device

    @property
    def initializer(self) -> None:
        return None

    @property
    def initial_value(self) -> Any:
        raise RuntimeError("This property is not supported when eager execution is enabled.")

    @property
    def _type_spec(self) -> VariableSpec:
        return VariableSpec(self._static, self.dtype, self._trainable)

    def is_initialized(self, name: str | None = None) -> Tensor:
        """True: a variable is initialized when it is made."""
        return convert_to_tensor(True)

    def ref(self) -> Reference:
        """A hashable reference, to key dictionaries with."""
        return Reference(self._root)

    experimental_ref = ref

    def __hash__(self) -> int:
        raise TypeError(f"Variable is unhashable. Instead, use variable.ref() as the key. (Variable: {self!r})")

    def _serialize_to_tensors(self) -> dict[str, Any]:
        return {"VARIABLE_VALUE": EagerTensor(self.cell.array)}

    def _restore_from_tensors(self, restored_tensors: dict[str, Any]) -> None:
        value = restored_tensors["VARIABLE_VALUE"]
        if not self._static.is_compatible_with(value.shape) or value.dtype is not self.dtype:
            raise ValueError(
                f"Received incompatible tensor with shape {value.shape} and dtype {value.dtype.name} when "
                f"attempting to "
                f"restore variable with shape {self._static}, dtype {self.dtype.name} and name {self.name}."
            )
        self.assign(value)

    # ---- its value ---------------------------------------------------------------------------------------------------

    def value(self) -> Tensor:
        """The current value."""
        root, tapes = self._root, active.tapes
        if tapes:
            touch(root)
        if active_binder() is not None:
            out: Tensor = p.read(root)
            return out
        tensor = EagerTensor(self.cell.array)
        if tapes:
            record(p.read, (root,), {}, (tensor,))
        return tensor

    def read_value(self) -> Tensor:
        """The current value."""
        return self.value()

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Tensor:
        if dtype is not None and as_dtype(dtype) is not self.dtype:
            raise ValueError(
                f"Incompatible type conversion requested to type {as_dtype(dtype).name} for `tf.Variable of type "
                f"{self.dtype.name}. (Variable: {self!r})"
            )
        return self.value()

    def numpy(self) -> Any:
        """The value: a NumPy scalar, or an array that is the caller's to change.

        Raises NotImplementedError in a trace.
        """
        if active_binder() is not None:
            raise NotImplementedError("numpy() is only available when eager execution is enabled.")
        return EagerTensor(self.cell.array).numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self.value().__array__(dtype, copy)

    def __int__(self) -> int:
        return int(self.value())  # type: ignore[call-overload,no-any-return]

    def __float__(self) -> float:
        return float(self.value())  # type: ignore[arg-type]

    def __complex__(self) -> complex:
        return complex(self.value())  # type: ignore[call-overload,no-any-return]

    def __bool__(self) -> bool:
        return bool(self.value())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value())  # type: ignore[call-overload,no-any-return]

    def __format__(self, spec: str) -> str:
        return format(self.value(), spec) if spec else str(self)

    def __getitem__(self, key: Any) -> Tensor:
        """A slice; its `assign` sets that part of the variable."""
        out = getitem(self.value(), key)
        out.assign = partial(self._assign_slice, key)  # type: ignore[attr-defined]
        return out

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """The rows at `indices`."""
        return p.gather(self.value(), convert_to_tensor(indices), axis=0, batch_dims=0)

    def gather_nd(self, indices: Any, name: str | None = None) -> Tensor:
        """The elements or slices at index vectors."""
        return p.gather_nd(self.value(), convert_to_tensor(indices), batch_dims=0)

    # ---- assignment --------------------------------------------------------------------------------------------------

    def _set(self, value: Tensor, read_value: bool) -> Variable | None:
        if not self._static.is_compatible_with(value.shape):
            raise ValueError(
                f"Cannot assign value to variable ' {self.name}': Shape mismatch.The variable shape "
                f"{self._static}, and "
                f"the assigned value shape {value.shape} are incompatible."
            )
        if active_binder() is not None:
            p.assign(self._root, value)
        else:
            array = value._array  # type: ignore[attr-defined]
            if array.base is not None or not array.flags.c_contiguous:
                array = np.array(array, order="C")  # a view: memory that somebody else may hold
            self.cell.array = array
        return _Unread(self._root) if read_value else None

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Set the value. Raises ValueError for another shape or a tensor of another dtype, TypeError for a Python value
        that does not fit."""
        return self._set(self._own(value), read_value)

    def _own(self, value: Any) -> Tensor:
        """A value of the variable's dtype, which others may become once NumPy's behaviour is turned on."""
        if hooks.pair is None or not isinstance(value, Tensor):
            return convert_to_tensor(value, self.dtype)
        _, found = hooks.pair(self, value)
        return found if found.dtype is self.dtype else convert_to_tensor(value, self.dtype)

    def _delta(self, delta: Any) -> Tensor:
        """What is added, which does not broadcast. Raises the mode's error for another shape."""
        by = self._own(delta)
        if not self._static.is_compatible_with(by.shape):
            message = f"Cannot update variable with shape {self._static} using a Tensor with shape {by.shape}"
            raise invalid("assign_add", message)
        return by

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Add to the value."""
        return self._set(_untaped(p.add, self, self._delta(delta)), read_value)

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Subtract from the value."""
        return self._set(_untaped(p.sub, self, self._delta(delta)), read_value)

    def _assign_slice(self, key: Any, value: Any, name: str | None = None, read_value: bool = True) -> Any:
        from graphtf.api.selection import assigned_slice  # it indexes variables too

        return self._set(assigned_slice(self.value(), key, convert_to_tensor(value, self.dtype)), read_value)

    def _scatter(self, sparse_delta: Any, combine: str, negate: bool = False) -> Variable | None:
        if not isinstance(sparse_delta, IndexedSlices):
            raise TypeError(f"Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: {sparse_delta}")
        values = convert_to_tensor(sparse_delta.values, self.dtype)
        slices = IndexedSlices(p.neg(values) if negate else values, sparse_delta.indices)
        shape = (*slices.indices.ir_type.dims, *self.cell.type.dims[1:])
        if slices.values.ir_type.dims != shape:
            slices = IndexedSlices(p.broadcast(slices.values, shape=shape), slices.indices)
        return self._set(scatter_rows(self.value(), slices, combine), True)

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Add rows (`tf.IndexedSlices`)."""
        return self._scatter(sparse_delta, "add")

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Subtract rows."""
        return self._scatter(sparse_delta, "add", negate=True)

    def scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Set rows."""
        return self._scatter(sparse_delta, "update")

    batch_scatter_update = scatter_update

    def scatter_max(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Rows become the larger of themselves and those given."""
        return self._scatter(sparse_delta, "max")

    def scatter_min(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Rows become the smaller of themselves and those given."""
        return self._scatter(sparse_delta, "min")

    def scatter_mul(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Multiply rows."""
        return self._scatter(sparse_delta, "mul")

    def scatter_div(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Divide rows."""
        from graphtf.api.selection import divided_rows

        if not isinstance(sparse_delta, IndexedSlices):
            raise TypeError(f"Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: {sparse_delta}")
        return self._set(divided_rows(self.value(), sparse_delta), True)

    def _scatter_nd(self, indices: Any, updates: Any, combine: str, negate: bool = False) -> Any:
        values = convert_to_tensor(updates, self.dtype)
        values = p.neg(values) if negate else values
        return self._set(p.scatter(self.value(), convert_to_tensor(indices), values, combine=combine), True)

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Add at index vectors."""
        return self._scatter_nd(indices, updates, "add")

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtract at index vectors."""
        return self._scatter_nd(indices, updates, "add", negate=True)

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Set at index vectors."""
        return self._scatter_nd(indices, updates, "update")

    def scatter_nd_max(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """The larger, at index vectors."""
        return self._scatter_nd(indices, updates, "max")

    def scatter_nd_min(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """The smaller, at index vectors."""
        return self._scatter_nd(indices, updates, "min")

    def count_up_to(self, limit: int) -> Tensor:
        """Add 1 and give the value before. Raises OutOfRangeError at `limit`."""
        from graphtf.ir.errors import OutOfRangeError

        before = self.value()
        if int(before) >= limit:  # type: ignore[call-overload]
            raise OutOfRangeError(None, None, f"Reached limit of {limit}")
        self.assign_add(1)
        return before

    # ---- copies and text ---------------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        twin = Variable(
            EagerTensor(self.cell.array.copy()), trainable=self._trainable, name=self._name, shape=self._static,
            constraint=self._constraint, synchronization=self._synchronization, aggregation=self._aggregation,
        )  # fmt: skip
        memo[id(self)] = twin
        return twin

    def _shown(self, name: str) -> str:
        head = f"<tf.Variable '{name}' shape={self._static} dtype={self.dtype.name}"
        return f"{head}>" if active_binder() is not None else f"{head}, numpy={value_text(self.cell.array)}>"

    def __repr__(self) -> str:
        return self._shown(self.name)


class _Unread(Variable):
    """What assigning gives: the variable itself, to be read when it is needed."""

    def __init__(self, root: Variable) -> None:
        self.__dict__.update(root.__dict__)
        self.__dict__["_original"] = root

    @property
    def _root(self) -> Variable:
        return self.__dict__["_original"]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return self._shown("UnreadVariable")


_Unread.__name__ = "_UnreadVariable"


class VariableSpec(TensorSpec):
    """The spec of a variable."""

    __slots__ = ("_trainable",)

    def __init__(self, shape: Any, dtype: Any = "float32", trainable: bool = True) -> None:
        super().__init__(shape, dtype)
        self._trainable = trainable

    @property
    def trainable(self) -> bool:
        return self._trainable

    @property
    def value_type(self) -> type:
        return Variable

    def _key(self) -> tuple[Any, ...]:
        return (*super()._key(), self._trainable)

    def __repr__(self) -> str:
        return f"VariableSpec(shape={self.shape}, dtype={self.dtype!r}, trainable={self._trainable!r})"


def _untaped(op: Any, variable: Variable, delta: Tensor) -> Tensor:
    """op(value, delta), which no tape needs to see."""
    before, active.tapes = active.tapes, ()
    try:
        out: Tensor = op(variable.value(), delta)
        return out
    finally:
        active.tapes = before


def _initial_array(value: Any, dtype: DType | None, binder: Any) -> np.ndarray[Any, Any]:
    """A fresh array of the initial value; a traced one is computed now, from what does not depend on arguments."""
    if binder is not None:
        return binder.initial_array(value, dtype)  # type: ignore[no-any-return]
    if callable(value):
        value = value()
    if not is_tensor_like(value) and not isinstance(value, (list, tuple)):
        return to_array(value, dtype)
    try:
        tensor = convert_to_tensor(value, dtype)
    except ValueError as e:
        raise ValueError(f"initial_value: {e}") from None
    return np.array(tensor._array, order="C")  # type: ignore[attr-defined]


def _cell_type(array: np.ndarray[Any, Any], static: TensorShape, number: int) -> TensorType:
    dims = static.as_tuple()
    shape = None if dims is None else tuple(sym(f"v{number}_{k}") if d is None else d for k, d in enumerate(dims))
    return TensorType(as_dtype(array.dtype), shape)
