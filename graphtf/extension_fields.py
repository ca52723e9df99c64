"""Fields of extension types: their values checked against annotations, taken apart into tensors, and put back.

Invariant: `rebuilt(x, parts)` of what `open_fields(x)` lists is x. Entry points: the functions below.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.nest import CompositeTensor
from graphtf.spec import TensorSpec, TypeSpec, spec_of
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape, as_shape
from graphtf.variable import Variable

_UNIONS = (typing.Union, types.UnionType)
_MAPPINGS = (collections.abc.Mapping, dict)
_PLAIN = (bool, int, float, str, bytes, type(None))


class FrozenMapping(dict[str, Any]):
    """A dict that is not changed once it is made."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a mapping in a field of an ExtensionType is immutable")

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))

    def __repr__(self) -> str:
        return f"ImmutableDict({super().__repr__()})"


# ---- checking --------------------------------------------------------------------------------------------------------


def converted(value: Any, annotation: Any, where: str, specs: bool = False) -> Any:
    """A field's value as its annotation says; with `specs`, specs stand for tensors.

    Raises TypeError if it does not fit.
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        raise TypeError(f"field '{where}': typing.Any is not a type that a field can have")
    if origin in _UNIONS:
        return _one_of(value, inner, where, specs)
    if origin is typing.Literal:
        return _held(value, value in inner, annotation, where)
    if annotation is tuple or origin is tuple:
        return _tuple(value, inner, where, specs)
    if origin in _MAPPINGS or annotation in _MAPPINGS:
        return _mapping(value, inner, where, specs)
    if isinstance(annotation, TensorSpec):
        return _spec_fit(value, annotation, where, specs)
    if specs and _is_tensor_class(annotation):
        return _held(value, isinstance(value, TypeSpec), annotation, where)
    return _single(value, annotation, where)


def _is_tensor_class(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, (Tensor, Variable, CompositeTensor))


def _single(value: Any, annotation: Any, where: str) -> Any:
    if annotation is Tensor:
        return _tensor(value, None, where)
    if annotation is TensorShape:
        try:
            return as_shape(value)
        except (TypeError, ValueError) as e:
            raise TypeError(f"field '{where}': expected a tf.TensorShape, got {value!r}: {e}") from None
    if annotation is DType:
        return as_dtype(value)
    if annotation is None:
        annotation = type(None)
    if not isinstance(annotation, type):
        raise TypeError(f"field '{where}': unsupported type annotation {annotation!r}")
    exact = annotation in _PLAIN
    return _held(value, type(value) is annotation if exact else isinstance(value, annotation), annotation, where)


def _held(value: Any, fits: bool, annotation: Any, where: str) -> Any:
    if not fits:
        name = getattr(annotation, "__name__", str(annotation))
        raise TypeError(f"field '{where}': expected {name}, got {type(value).__name__}: {value!r}")
    return value


def _tensor(value: Any, dtype: DType | None, where: str) -> Tensor:
    if value is None:
        raise TypeError(f"field '{where}': expected a Tensor, got None")
    try:
        return convert_to_tensor(value, dtype)
    except (ValueError, TypeError) as e:
        raise TypeError(f"field '{where}': expected a Tensor, got {value!r}: {e}") from None


def _spec_fit(value: Any, spec: TensorSpec, where: str, specs: bool) -> Any:
    made = value if specs else _tensor(value, spec.dtype, where)
    return _held(made, spec.is_compatible_with(made), spec, where)


def _one_of(value: Any, choices: tuple[Any, ...], where: str, specs: bool) -> Any:
    """The value as the first annotation that it fits: as it is if it can be, else converted to a tensor."""
    tensors = [c for c in choices if c is Tensor or isinstance(c, TensorSpec)]
    others = [c for c in choices if c not in tensors]
    ordered = [*tensors, *others] if isinstance(value, (Tensor, TypeSpec)) else [*others, *tensors]
    for choice in ordered:
        try:
            return converted(value, choice, where, specs)
        except TypeError:
            continue
    raise TypeError(f"field '{where}': expected one of {list(choices)}, got {value!r}")


def _tuple(value: Any, inner: tuple[Any, ...], where: str, specs: bool) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"field '{where}': expected a tuple, got {type(value).__name__}: {value!r}")
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise TypeError(f"field '{where}': expected {len(inner)} entries, got {len(value)}")
    return tuple(converted(x, a, f"{where}[{k}]", specs) for k, (x, a) in enumerate(zip(value, inner)))


def _mapping(value: Any, inner: tuple[Any, ...], where: str, specs: bool) -> FrozenMapping:
    if not isinstance(value, Mapping) or not inner:
        raise TypeError(f"field '{where}': expected a mapping, got {type(value).__name__}: {value!r}")
    keys, values = inner
    return FrozenMapping(
        {converted(k, keys, f"{where} key", specs): converted(v, values, f"{where}[{k!r}]", specs)
         for k, v in value.items()}
    )  # fmt: skip


# ---- tensors in and out ----------------------------------------------------------------------------------------------


def _is_leaf(x: Any) -> bool:
    return isinstance(x, (Tensor, TypeSpec, CompositeTensor, Variable))


def open_fields(x: Any, into: list[Any]) -> None:
    """List the tensors (of a spec: the specs) in a field."""
    if isinstance(x, tuple):
        for child in x:
            open_fields(child, into)
    elif isinstance(x, Mapping):
        for k in sorted(x):
            open_fields(x[k], into)
    elif _is_leaf(x):
        into.append(x)


def rebuilt(x: Any, parts: Iterator[Any]) -> Any:
    """The field with others in place of its tensors."""
    if isinstance(x, tuple):
        return tuple(rebuilt(child, parts) for child in x)
    if isinstance(x, Mapping):
        return FrozenMapping({k: rebuilt(x[k], parts) for k in sorted(x)})
    return next(parts) if _is_leaf(x) else x


def spec_field(x: Any) -> Any:
    """The field with specs in place of its tensors."""
    found: list[Any] = []
    open_fields(x, found)
    return rebuilt(x, map(spec_of, found))


def without_tensors(x: Any) -> Any:
    """The field with the classes of its tensors in their place."""
    found: list[Any] = []
    open_fields(x, found)
    return rebuilt(x, map(type, found))
