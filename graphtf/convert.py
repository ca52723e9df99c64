"""Values to tensors: `constant`, `convert_to_tensor`, and the dtype rules that TensorFlow applies on the way.

Invariant: a tensor never shares memory with an array that somebody else may write to. Python floats become float32,
ints int32 (int64 where they do not fit). Entry points: `convert_to_tensor`, `constant`, `to_array`, `convert_pair`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder, bind
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.ops.prims import p
from graphtf.placement import mark, marking
from graphtf.scopes import scopes
from graphtf.tensor import DTYPE_OF, EagerTensor, SymbolicTensor, Tensor
from graphtf.tensor_shape import TensorShape, as_shape

Array = np.ndarray[Any, Any]
_SEQUENCES = (list, tuple, range)
_INT32 = np.iinfo(np.int32)
_INT64 = np.iinfo(np.int64)

# Classes that convert themselves: (class, function(value, dtype, name, as_ref)), last registered first.
_conversions: list[tuple[Any, Callable[..., Any]]] = []


def register_tensor_conversion_function(
    base_type: Any, conversion_func: Callable[..., Any], priority: int = 100
) -> None:
    """Convert objects of `base_type` with `conversion_func(value, dtype=None, name=None, as_ref=False)`.

    Follows https://www.tensorflow.org/api_docs/python/tf/register_tensor_conversion_function.
    """
    if not callable(conversion_func):
        raise TypeError(f"Argument `conversion_func` must be callable, got {conversion_func!r}")
    _conversions.insert(0, (base_type, conversion_func))


def is_tensor_like(x: Any) -> bool:
    """Is x a tensor, a variable, or an object that becomes one by itself?"""
    return isinstance(x, Tensor) or hasattr(type(x), "__tf_tensor__")


# ---- Python and NumPy values to arrays -------------------------------------------------------------------------------


def to_array(value: Any, dtype: DType | None = None) -> Array:
    """A fresh array of the value. Raises TypeError where the dtype cannot hold it, ValueError if it is no array."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return _from_number(value, dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_numpy(np.asarray(value), dtype)
    if isinstance(value, (str, bytes)):
        return _from_text(value, dtype)
    if isinstance(value, complex):
        return _from_number(value, dtype)
    if isinstance(value, (int, float)):  # subclasses, enum members among them
        return _from_number(int(value) if isinstance(value, int) else float(value), dtype)
    if isinstance(value, Sequence):
        return _from_sequence(value if isinstance(value, (list, tuple)) else list(value), dtype)
    if hasattr(value, "__array__"):
        return _from_numpy(np.asarray(value), dtype)
    error = ValueError if value is None else _unconvertible
    raise error(f"Attempt to convert a value ({value!r}) with an unsupported type ({type(value)!r}) to a Tensor.")


def _unconvertible(message: str) -> Exception:
    """The error for what is no tensor: TensorFlow raises another class while it builds a graph."""
    return ValueError(message) if active_binder() is None else TypeError(f"Failed to convert to a Tensor: {message}")


def _refused(value: Any, dtype: DType) -> TypeError:
    return TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {dtype.name}")


def _from_number(value: Any, dtype: DType | None) -> Array:
    if dtype is None:
        if isinstance(value, bool):
            return np.asarray(value)
        if isinstance(value, int):
            return np.asarray(value, _fitting(value, value).np)
        if isinstance(value, complex):
            return np.asarray(value, np.complex128)
        if -_LARGEST <= value <= _LARGEST:
            return np.asarray(value, np.float32)
        with np.errstate(all="ignore"):
            return _within_range(np.asarray(value, np.float32), value)
    if not _holds(dtype, type(value)):
        raise _refused(value, dtype)
    with np.errstate(all="ignore"):
        if isinstance(value, int) and dtype.is_integer:
            return _wrapped(value, dtype)
        return np.asarray(value).astype(dtype.np)


def _wrapped(value: int, dtype: DType) -> Array:
    bits = 8 * dtype.size
    unsigned = np.asarray(value & ((1 << bits) - 1), f"u{dtype.size}")
    return unsigned.view(dtype.np)


def _fitting(low: int, high: int) -> DType:
    if _INT32.min <= low and high <= _INT32.max:
        return dt.int32
    if _INT64.min <= low and high <= _INT64.max:
        return dt.int64
    raise _unconvertible("Can't convert Python sequence with out-of-range integer to Tensor.")


def _holds(dtype: DType, kind: type) -> bool:
    """May a Python or NumPy scalar of this class become the dtype?"""
    if issubclass(kind, (bool, np.bool_)):
        return dtype.kind != "s"
    if issubclass(kind, (int, np.integer)):
        return dtype.kind in "iufc"
    if issubclass(kind, (float, np.floating)) or kind is dt.bfloat16.np.type:
        return dtype.kind in "fc"
    if issubclass(kind, (complex, np.complexfloating)):
        return dtype.kind == "c"
    return dtype.kind == "s" and issubclass(kind, (str, bytes))


def _from_text(value: str | bytes, dtype: DType | None) -> Array:
    if dtype is not None and dtype is not dt.string:
        raise _refused(value, dtype)
    out = np.empty((), object)
    out[()] = _encoded(value)
    return out


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return bytes(value)
    raise ValueError(f"Failed to convert a NumPy array to a Tensor (Unsupported object type {type(value).__name__}).")


def _from_numpy(array: Array, dtype: DType | None) -> Array:
    if array.dtype.kind in "OSU":
        if dtype is not None and dtype is not dt.string:
            raise _refused(array, dtype)
        out = np.empty(array.shape, object)
        out.reshape(-1)[:] = [_encoded(x) for x in array.ravel().tolist()] if array.size else []
        return out
    have = DTYPE_OF.get(array.dtype.newbyteorder("="))
    if have is None:
        raise ValueError(f"Failed to convert a NumPy array to a Tensor (Unsupported numpy type: {array.dtype}).")
    if dtype is dt.string:
        raise _refused(array, dtype)
    target = dtype or have
    if have.is_complex and not target.is_complex:
        array = array.real
    with np.errstate(all="ignore"):
        return np.array(array, target.np, order="C")


def _leaf_types(value: Any, found: dict[type, None]) -> None:
    """Collect the classes of the scalars in nested sequences, in order of appearance."""
    kinds = dict.fromkeys(map(type, value))
    if not any(issubclass(k, (list, tuple, range, np.ndarray)) for k in kinds):
        found.update(kinds)
        return
    for x in value:
        if isinstance(x, np.ndarray):
            found[x.dtype.type] = None
        elif isinstance(x, _SEQUENCES):
            _leaf_types(x, found)
        else:
            found[type(x)] = None


def _from_sequence(value: Sequence[Any], dtype: DType | None) -> Array:
    kinds: dict[type, None] = {}
    _leaf_types(value, kinds)
    if not kinds:
        return _rectangular(value, (dtype or dt.float32).np)
    if dtype is not None and not all(_holds(dtype, k) for k in kinds):
        raise _refused(value, dtype)
    target = dtype or _common_dtype(list(kinds))
    if target is dt.string:
        return _from_texts(value)
    if target is None or (target.is_integer and not any(issubclass(k, np.integer) for k in kinds)):
        return _from_ints(value, dtype)
    with np.errstate(all="ignore"):
        found = _rectangular(value, target.np)
    return _within_range(found, value) if dtype is None and target is dt.float32 else found


_LARGEST = float(np.finfo(np.float32).max)


def _within_range(found: Array, value: Any) -> Array:
    """The array of Python numbers. Raises ValueError, eagerly, if one that was finite is not in float32."""
    lost = np.isinf(found)
    if lost.any() and active_binder() is None and np.isfinite(np.asarray(value, np.float64)[lost]).any():
        raise ValueError("Can't convert Python sequence with a value out of range for a double-precision float.")
    return found


def _common_dtype(kinds: list[type]) -> DType | None:
    """The dtype of a sequence with scalars of these classes; None for integers, whose range decides."""
    first = kinds[0]
    text = [issubclass(k, (str, bytes)) for k in kinds]
    booleans = [issubclass(k, (bool, np.bool_)) for k in kinds]
    if any(text) or booleans[0]:
        if all(text):
            return dt.string
        if not all(booleans):
            raise _unconvertible("Can't convert Python sequence with mixed types to Tensor.")
        return dt.bool_
    if not all(_holds(dt.complex128, k) for k in kinds):
        odd = next(k for k in kinds if not _holds(dt.complex128, k))
        if odd is first:
            raise _unconvertible(f"Attempt to convert a value with an unsupported type ({odd!r}) to a Tensor.")
        raise _unconvertible("Can't convert Python sequence with mixed types to Tensor.")
    if any(issubclass(k, (complex, np.complexfloating)) for k in kinds):
        return dt.complex128
    if first in (np.float64, np.float16, dt.bfloat16.np.type):
        return as_dtype(first)
    return None if all(_holds(dt.int32, k) for k in kinds) else dt.float32


def _from_ints(value: Sequence[Any], dtype: DType | None) -> Array:
    try:
        wide = _rectangular(value, np.int64)
    except OverflowError:
        if dtype is not None and dtype.is_integer:
            return _rectangular(value, np.object_).astype(np.uint64).astype(dtype.np)
        raise _unconvertible("Can't convert Python sequence with out-of-range integer to Tensor.") from None
    if dtype is None:
        dtype = _fitting(int(wide.min()), int(wide.max())) if wide.size else dt.int32
    return wide.astype(dtype.np)


def _rectangular(value: Sequence[Any], storage: Any) -> Array:
    try:
        return np.array(value, storage)
    except ValueError:
        raise ValueError("Can't convert non-rectangular Python sequence to Tensor.") from None
    except TypeError:
        raise _unconvertible("Can't convert Python sequence with mixed types to Tensor.") from None


def _from_texts(value: Sequence[Any]) -> Array:
    array = _rectangular(value, object)
    flat = array.reshape(-1).tolist()
    if any(isinstance(x, _SEQUENCES) for x in flat):
        raise ValueError("Can't convert non-rectangular Python sequence to Tensor.")
    out = np.empty(array.shape, object)
    out.reshape(-1)[:] = [_encoded(x) for x in flat]
    return out


# ---- to tensors ------------------------------------------------------------------------------------------------------


def array_tensor(array: Array) -> Tensor:
    """A tensor of an array that nobody else will write to: staged as a constant while tracing."""
    if active_binder() is None:
        return mark(EagerTensor(array), scopes.device) if marking.on else EagerTensor(array)  # type: ignore[no-any-return]
    out: Tensor = bind(p.constant, value=array)
    return out


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor.

    `dtype` is required of the result (a tensor of another dtype raises ValueError), `dtype_hint` is taken if possible.
    Raises TypeError where a Python value does not fit the dtype, ValueError for what cannot be a tensor.
    Follows https://www.tensorflow.org/api_docs/python/tf/convert_to_tensor.

    >>> convert_to_tensor([1, 2], dtype=dt.float32)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    if isinstance(value, Tensor):
        if dtype is not None and value.dtype is not as_dtype(dtype):
            raise ValueError(
                f"Tensor conversion requested dtype {as_dtype(dtype).name} for Tensor with dtype "
                f"{value.dtype.name}: {value!r}"
            )
        return value
    wanted = None if dtype is None else as_dtype(dtype)
    own = getattr(type(value), "__tf_tensor__", None)
    if own is not None:
        return own(value, wanted, name)  # type: ignore[no-any-return]
    if isinstance(value, TensorShape):
        return _from_shape(value, wanted)
    for kind, function in _conversions:
        if isinstance(value, kind):
            out = function(value, dtype=wanted, name=name, as_ref=False)
            if out is not NotImplemented:
                return out  # type: ignore[no-any-return]
    if wanted is None and dtype_hint is not None:
        try:
            return _from_value(value, as_dtype(dtype_hint))
        except (TypeError, ValueError):
            pass  # a hint only: the value decides below, and raises what there is to raise
    return _from_value(value, wanted)


def _from_value(value: Any, dtype: DType | None) -> Tensor:
    if isinstance(value, (list, tuple)) and _has_tensors(value):
        return _packed(value, dtype)
    return array_tensor(to_array(value, dtype))


def _from_shape(shape: TensorShape, dtype: DType | None) -> Tensor:
    if not shape.is_fully_defined():
        raise ValueError(f"Cannot convert a partially known TensorShape {shape} to a Tensor.")
    if dtype not in (None, dt.int32, dt.int64):
        raise TypeError(
            f"Cannot convert TensorShape {shape} to dtype {dtype}. Allowed dtypes are tf.int32 and tf.int64."
        )
    return array_tensor(np.array(shape.as_list(), (dtype or dt.int32).np))


def _has_tensors(value: Any) -> bool:
    kinds = set(map(type, value))
    if any(issubclass(k, Tensor) or hasattr(k, "__tf_tensor__") for k in kinds):
        return True
    if not any(issubclass(k, (list, tuple)) for k in kinds):
        return False
    return any(isinstance(x, (list, tuple)) and _has_tensors(x) for x in value)


def _first_dtype(value: Any) -> DType | None:
    for x in value:
        found = _first_dtype(x) if isinstance(x, (list, tuple)) else x.dtype if is_tensor_like(x) else None
        if found is not None:
            return as_dtype(found)
    return None


def _packed(value: Sequence[Any], dtype: DType | None) -> Tensor:
    """Tensors and numbers as one tensor; those of another dtype are cast to a dtype that the first does not have."""
    first = _first_dtype(value)
    wanted = dtype or first
    parts = [
        x if isinstance(x, Tensor) else convert_to_tensor(x, None if is_tensor_like(x) else wanted) for x in value
    ]
    if wanted is not first and dt.string not in (wanted, *(x.dtype for x in parts)):
        parts = [x if x.dtype is wanted else p.cast(x, dtype=wanted) for x in parts]
    return stack_rows(parts)


def stack_rows(parts: Sequence[Tensor]) -> Tensor:
    """Tensors of one shape as the rows of one."""
    rows = [p.reshape(t, shape=(1, *t.ir_type.dims)) for t in parts]
    out: Tensor = p.concat(*rows, axis=0) if len(rows) > 1 else rows[0]
    return out


class _Hooks:
    """What promotes dtypes, once NumPy's behaviour is turned on (graphtf/promotion.py)."""

    pair: Callable[[Any, Any], tuple[Tensor, Tensor]] | None = None
    weaken: Callable[[Tensor, Any], Tensor] | None = None
    strengthen: Callable[[Tensor], Tensor] | None = None


hooks = _Hooks()


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A tensor of a Python or NumPy value, spread over `shape` if it is a single element.

    Raises TypeError where the dtype cannot hold the value or the shape the elements, ValueError if it is no tensor.
    Follows https://www.tensorflow.org/api_docs/python/tf/constant.

    >>> constant(7, shape=[2, 2])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[7, 7],
           [7, 7]], dtype=int32)>
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, EagerTensor):
        if wanted not in (None, value.dtype):
            raise TypeError(f"Expected tensor {value} with dtype {wanted!r}, but got dtype {value.dtype!r}.")
        if shape is None:
            return value
        array = value._array
    elif isinstance(value, Tensor):
        raise TypeError(f"Expected any non-tensor type, but got a tensor instead: {value!r}")
    elif isinstance(value, TensorShape) or hasattr(type(value), "__tf_tensor__"):
        return convert_to_tensor(value, wanted)
    elif isinstance(value, (list, tuple)) and _has_tensors(value):
        return _packed(value, wanted)
    else:
        array = to_array(value, wanted)
    made = array_tensor(array if shape is None else _shaped(array, as_shape(shape), value))
    return made if hooks.weaken is None or dtype is not None else hooks.weaken(made, value)


def _shaped(array: Array, shape: TensorShape, value: Any) -> Array:
    if not shape.is_fully_defined():
        raise ValueError(f"`shape` of a constant must be fully known, got {shape}")
    dims = shape.as_tuple()
    if array.shape == dims:
        return array
    if array.size == shape.num_elements():
        return array.reshape(dims)
    if array.size == 1:
        return np.full(dims, array.reshape(()), array.dtype)
    raise TypeError(
        f"Eager execution of tf.constant with unsupported shape. Tensor {array} (converted from {value!r}) has "
        f"{array.size} elements, but got `shape` {shape} with {shape.num_elements()} elements)."
    )


def convert_pair(x: Any, y: Any, hint_only: bool = False, promotes: bool = True) -> tuple[Tensor, Tensor]:
    """Two operands of one dtype: a tensor's dtype is the other's too, else that of `x`.

    With `hint_only`, a `y` that does not fit keeps its own dtype, and the op complains. What `promotes` does so once
    NumPy's behaviour is turned on.
    """
    if promotes and hooks.pair is not None:
        return hooks.pair(x, y)
    if isinstance(y, Tensor) and is_tensor_like(x):
        return convert_to_tensor(x), y
    if not is_tensor_like(x) and is_tensor_like(y) and not hint_only:
        second = convert_to_tensor(y)
        return convert_to_tensor(x, second.dtype), second
    first = convert_to_tensor(x)
    if is_tensor_like(y):
        return first, convert_to_tensor(y)
    if hint_only:
        return first, convert_to_tensor(y, dtype_hint=first.dtype)
    return first, convert_to_tensor(y, first.dtype)


def known_array(x: Any) -> Array | None:
    """The value of what is known now, traced constants included, else None. Symbolic sizes count as unknown."""
    if isinstance(x, EagerTensor):
        return x._array
    if isinstance(x, SymbolicTensor):
        return x.trace.constant_of(x)
    if is_tensor_like(x):
        return None
    return to_array(x)
