"""The registry of spec classes by name, through which packages write specs to text and read them back.

Invariant: a class has one name. Entry points: `get_name`, `lookup`, `register`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from graphtf.composite_spec import RaggedTensorSpec, SparseTensorSpec
from graphtf.indexed_slices import IndexedSlicesSpec
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.variable import VariableSpec

_C = TypeVar("_C", bound=type[TypeSpec])
_BY_NAME: dict[str, type[TypeSpec]] = {
    "tf.TensorSpec": TensorSpec, "tf.SparseTensorSpec": SparseTensorSpec, "tf.RaggedTensorSpec": RaggedTensorSpec,
    "tf.IndexedSlicesSpec": IndexedSlicesSpec, "tf.VariableSpec": VariableSpec,
}  # fmt: skip


def register(name: str) -> Callable[[_C], _C]:
    """A decorator that gives a class a name. Raises ValueError for one in use."""

    def named(cls: _C) -> _C:
        if _BY_NAME.get(name, cls) is not cls:
            raise ValueError(f"Name {name} has already been registered for class {_BY_NAME[name]}.")
        _BY_NAME[name] = cls
        return cls

    return named


def get_name(cls: type[TypeSpec]) -> str:
    """The name of a class. Raises ValueError if it has none."""
    found = next((name for name, c in _BY_NAME.items() if c is cls), None)
    if found is None:
        raise ValueError(f"TypeSpec {cls.__module__}.{cls.__name__} has not been registered.")
    return found


def lookup(name: str) -> type[TypeSpec]:
    """The class of a name. Raises ValueError if there is none."""
    if name not in _BY_NAME:
        raise ValueError(f"No TypeSpec has been registered with name {name!r}")
    return _BY_NAME[name]
