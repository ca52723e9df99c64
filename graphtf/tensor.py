"""`Tensor`: an immutable array; `EagerTensor` holds its NumPy array, `SymbolicTensor` a value of the graph being
traced.

Invariant: nothing writes to the array of an EagerTensor after it is made, and nothing outside holds it writable.
Operators are attached by graphtf/operators.py. Entry points: `Tensor`, `EagerTensor(array)`, `SymbolicTensor`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from graphtf.functions.source import unconverted, user_frame
from graphtf.ir.dims import Dim, Shape
from graphtf.ir.dtypes import ALL, QUANTIZED, DType
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.graph import Value
from graphtf.ir.types import TensorType
from graphtf.placement import CPU
from graphtf.tensor_shape import TensorShape, as_shape

if TYPE_CHECKING:
    from graphtf.functions.trace import Trace

Array = np.ndarray[Any, Any]

DTYPE_OF: dict[np.dtype[Any], DType] = {d.np: d for d in (*ALL, *QUANTIZED)}
_NUMPY_ONLY = frozenset({"T", "astype", "ravel", "transpose", "reshape", "clip", "size", "tolist", "data"})


class OperatorNotAllowedInGraphError(TypeError):
    """A traced tensor was used where Python needs its value."""


class Reference:
    """A hashable stand-in for a tensor or variable: equal only to references of the same object."""

    __slots__ = ("_wrapped",)

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def deref(self) -> Any:
        """The object referred to."""
        return self._wrapped

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._wrapped is other._wrapped

    def __hash__(self) -> int:
        return id(self._wrapped)

    def __repr__(self) -> str:
        return f"<Reference wrapping {self._wrapped!r}>"


class AbstractTensor:
    """What tensors and variables have in common, and what may be used as one."""

    __slots__ = ()


class Tensor(AbstractTensor):
    """An immutable array of one dtype. Follows https://www.tensorflow.org/api_docs/python/tf/Tensor.

    >>> from graphtf import constant
    >>> constant([[1., 2.], [3., 4.]])[:, 1] + 10
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([12., 14.], dtype=float32)>
    """

    __slots__ = ("__dict__", "__weakref__")
    __array_priority__ = 100

    dtype: DType
    ir_type: TensorType

    def __init__(self) -> None:
        raise TypeError("tensors are made by functions such as tf.constant, not by calling Tensor()")

    @property
    def shape(self) -> TensorShape:
        """The static shape."""
        raise NotImplementedError

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    @property
    def ndim(self) -> int:
        """Number of axes. Raises ValueError if unknown."""
        rank = self.shape.rank
        if rank is None:
            raise UnknownShapeError("the rank of this tensor is not known while tracing")
        return rank

    def _shape_tuple(self) -> tuple[int | None, ...] | None:
        return self.shape.as_tuple()

    def _shape_as_list(self) -> list[int | None] | None:
        dims = self.shape.as_tuple()
        return None if dims is None else list(dims)

    def _rank(self) -> int | None:
        return self.shape.rank

    def ref(self) -> Reference:
        """A hashable reference, to key dictionaries with."""
        return Reference(self)

    experimental_ref = ref

    def __hash__(self) -> int:
        raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")

    def __getattr__(self, name: str) -> Any:
        if name in _NUMPY_ONLY:
            raise AttributeError(
                f"{type(self).__name__} object has no attribute '{name}'. If you are looking for numpy-related "
                "methods, "
                "see tf.experimental.numpy, or convert with .numpy()."
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self


class EagerTensor(Tensor):
    """A tensor with a value."""

    __slots__ = ("_array",)

    def __init__(self, array: Array) -> None:
        self._array = array

    def __reduce__(self) -> tuple[Any, ...]:
        return EagerTensor, (self._array,)

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """The element type."""
        return DTYPE_OF[self._array.dtype]

    @property
    def ir_type(self) -> TensorType:  # type: ignore[override]
        """The type as graphs name it."""
        array = self._array
        return TensorType(DTYPE_OF[array.dtype], array.shape)

    @property
    def ir_shape(self) -> Shape:
        """The shape as graphs name it."""
        return self._array.shape

    @property
    def shape(self) -> TensorShape:
        """The shape."""
        return TensorShape.of(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def device(self) -> str:
        """Where it lies."""
        return self.__dict__.get("_device", CPU)  # type: ignore[no-any-return]

    backing_device = device

    @property
    def is_tensor_like(self) -> bool:
        return True

    def set_shape(self, shape: Any) -> None:
        """Raises ValueError unless the shape is compatible with `shape`."""
        if not self.shape.is_compatible_with(shape):
            raise ValueError(f"Tensor's shape {self.shape} is not compatible with supplied shape {as_shape(shape)}.")

    @property
    def name(self) -> str:
        raise AttributeError("Tensor.name is undefined when eager execution is enabled.")

    @property
    def op(self) -> Any:
        raise AttributeError("Tensor.op is undefined when eager execution is enabled.")

    @property
    def graph(self) -> Any:
        raise AttributeError("Tensor.graph is undefined when eager execution is enabled.")

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        raise NotImplementedError("eval is not supported when eager execution is enabled: call .numpy()")

    def consumers(self) -> Any:
        raise NotImplementedError("Tensor.consumers is undefined when eager execution is enabled.")

    # ---- its value ---------------------------------------------------------------------------------------------------

    def numpy(self) -> Any:
        """The value: a NumPy scalar (bytes for a string), or an array that is the caller's to change.

        `np.asarray(tensor)` gives a read-only view instead, without a copy.
        """
        array = shown(self._array)
        return array.copy() if array.ndim else array[()]

    def _numpy(self) -> Any:
        array = shown(self._array)
        return array if array.ndim else array[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = shown(self._array)
        if (dtype is not None and np.dtype(dtype) != array.dtype) or copy:
            return np.array(array, dtype)
        view = array.view()
        view.flags.writeable = False
        return view

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __bool__(self) -> bool:
        array = self._array
        if array.dtype.kind == "O" and array.size == 1:
            return bool(array.item())
        if not array.size:
            return False
        return bool(array)

    def __int__(self) -> int:
        return int(self._numpy())

    def __float__(self) -> float:
        return float(self._numpy())

    def __complex__(self) -> complex:
        return complex(self._numpy())

    def __index__(self) -> int:
        value = self._numpy()
        if isinstance(value, np.ndarray):
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return value.__index__()  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("Scalar tensor has no `len()`")
        return len(self._array)

    def __format__(self, spec: str) -> str:
        return format(self._numpy(), spec)

    def __iter__(self) -> Iterator[Any]:
        if not self._array.ndim:
            raise TypeError("Cannot iterate over a scalar tensor.")
        return map(self.__getitem__, range(len(self._array)))  # type: ignore[attr-defined]

    def __str__(self) -> str:
        text = str(self._numpy())
        lead = "\n" if "\n" in text else ""
        return f"tf.Tensor({lead}{text}, shape={self._array.shape}, dtype={self.dtype.name})"

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={self._array.shape}, dtype={self.dtype.name}, numpy={value_text(self._array)}>"


def shown(array: Array) -> Array:
    """An array as users see it: quantised numbers as the integers that they are."""
    return array if array.dtype.names is None else array.view(array.dtype[0])


def value_text(array: Array) -> str:
    """An array as reprs show it: Python's repr for scalars, on a line of its own if it has several."""
    array = shown(array)
    if array.ndim:
        text = repr(array)
    else:
        text = repr(array.item())
    return "\n" + text if "\n" in text else text


class SymbolicTensor(Tensor):
    """A tensor that a traced function will compute.

    `known` holds the contents, as an object array of sizes, of the small integer tensors that are known while tracing.
    """

    __slots__ = ("_name", "_trace", "known", "value")

    def __init__(self, value: Value, trace: Trace, name: str, known: Array | None = None) -> None:
        self.value = value
        self._trace = weakref.ref(trace)
        self._name = name
        self.known = known

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """The element type."""
        return self.value.type.dtype

    @property
    def ir_type(self) -> TensorType:  # type: ignore[override]
        """The type, with symbolic sizes."""
        return self.value.ir_type

    @property
    def ir_shape(self) -> Shape | None:
        """The shape, with symbolic sizes."""
        return self.value.ir_type.shape

    @property
    def shape(self) -> TensorShape:
        """The static shape: sizes known only at run time are None."""
        return TensorShape.of(static_sizes(self.value.ir_type.shape))

    @property
    def trace(self) -> Trace:
        """The trace it belongs to. Raises RuntimeError if that is over and gone."""
        trace = self._trace()
        if trace is None:
            raise RuntimeError(f"{self!r} belongs to a traced function that no longer exists")
        return trace

    @property
    def graph(self) -> Any:
        """The graph it belongs to."""
        return self.trace.as_graph()

    @property
    def name(self) -> str:
        """A name for messages."""
        return self._name

    @property
    def op(self) -> Any:
        """The node that computes it, under TensorFlow's names (`name`, `type`, `inputs`, `graph`)."""
        return self.trace.operation(self)

    @property
    def device(self) -> str:
        """The device it is to be made on, if that was said."""
        return self.__dict__.get("_device", "")  # type: ignore[no-any-return]

    def set_shape(self, shape: Any) -> None:
        """Note what is known about the shape. Raises ValueError if it is incompatible."""
        shape = as_shape(shape)
        if not self.shape.is_compatible_with(shape):
            raise ValueError(f"Tensor's shape {self.shape} is not compatible with supplied shape {shape}.")
        self.trace.refine(self, shape.as_tuple())

    def _refuse(self, what: str, hint: str) -> OperatorNotAllowedInGraphError:
        return OperatorNotAllowedInGraphError(
            f"Using a symbolic `tf.Tensor` as a Python `{what}` is not allowed. {hint}"
        )

    def __bool__(self) -> bool:
        frame = user_frame()
        why = "" if frame is None else unconverted.get(frame.f_code, "")
        reason = f"AutoGraph did not convert this function: {why}. " if why else ""
        raise self._refuse("bool", f"{reason}Use tf.cond or tf.where, or let AutoGraph convert the `if`. {self!r}")

    def __int__(self) -> int:
        raise self._no_value("int")

    def __float__(self) -> float:
        raise self._no_value("float")

    def __complex__(self) -> complex:
        raise self._no_value("complex")

    def __index__(self) -> int:
        raise self._no_value("index")

    def _no_value(self, what: str) -> TypeError:
        return TypeError(f"__{what}__ needs the value of {self!r}, which is known only when the function runs")

    def __len__(self) -> int:
        raise TypeError(f"len is not well defined for a symbolic Tensor ({self.name}). Please call `x.shape` instead.")

    def __iter__(self) -> Iterator[Any]:
        raise self._refuse("iterable", "Use tf.unstack or tf.map_fn, or let AutoGraph convert the loop.")

    def __getattr__(self, name: str) -> Any:
        if name == "numpy":  # not even as an attribute: programs ask whether there is one
            raise AttributeError(f"{self!r} has no value while the function is traced, so no `numpy()`")
        return super().__getattr__(name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. This error may indicate that you're "
            "trying to pass a Tensor to a NumPy call, which is not supported while tracing."
        )

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        raise NotImplementedError("there are no sessions: call the function")

    def __str__(self) -> str:
        shape = "" if self.shape.rank is None else f"shape={self.shape}, "
        return f'Tensor("{self.name}", {shape}dtype={self.dtype.name})'

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


def static_sizes(shape: tuple[Dim, ...] | None) -> tuple[int | None, ...] | None:
    """A shape as users see it: sizes that are symbols become None."""
    return None if shape is None else tuple(d if isinstance(d, int) else None for d in shape)
