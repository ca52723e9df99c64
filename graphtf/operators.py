"""Python's operators for tensors and variables, as TensorFlow defines them.

Invariant: each is the `tf.math` function of the same meaning; the reflected form takes the tensor's dtype. Entry point:
`install(classes)`, called once when the package loads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.api import arithmetic, compare, unary
from graphtf.api.linalg import matmul
from graphtf.convert import convert_to_tensor, hooks
from graphtf.indexing import getitem

_Function = Callable[..., Any]


def _forward(function: _Function, reflected: str) -> _Function:
    def method(self: Any, other: Any) -> Any:
        try:
            return function(self, other)
        except (TypeError, ValueError):
            taken = _ask(other, reflected, self)
            if taken is NotImplemented:
                raise
            return taken

    return method


def _ask(other: Any, reflected: str, self: Any) -> Any:
    """What a foreign class makes of the operation, if it defines it."""
    if type(other).__module__ in ("builtins", "numpy") or isinstance(other, _installed):
        return NotImplemented
    method = getattr(type(other), reflected, None)
    return NotImplemented if method is None else method(other, self)


def _backward(function: _Function) -> _Function:
    def method(self: Any, other: Any) -> Any:
        if hooks.pair is not None:
            return function(*hooks.pair(other, self))
        return function(convert_to_tensor(other, dtype=self.dtype), self)

    return method


def _multiply(x: Any, y: Any) -> Any:
    return compare.logical_and(x, y) if x.dtype.is_bool else arithmetic.multiply(x, y)


def _and(x: Any, y: Any) -> Any:
    return compare.logical_and(x, y) if x.dtype.is_bool else compare.bitwise_and(x, y)


def _or(x: Any, y: Any) -> Any:
    return compare.logical_or(x, y) if x.dtype.is_bool else compare.bitwise_or(x, y)


def _xor(x: Any, y: Any) -> Any:
    return compare.logical_xor(x, y) if x.dtype.is_bool else compare.bitwise_xor(x, y)


def _invert(x: Any, name: str | None = None) -> Any:
    return compare.logical_not(x) if x.dtype.is_bool else compare.invert(x)


_BINARY: dict[str, _Function] = {
    "add": arithmetic.add, "sub": arithmetic.subtract, "mul": _multiply, "truediv": arithmetic.truediv,
    "floordiv": arithmetic.floordiv,
    "mod": arithmetic.floormod, "pow": arithmetic.pow, "matmul": matmul, "and": _and, "or": _or, "xor": _xor,
}  # fmt: skip
_COMPARE = {"lt": compare.less, "le": compare.less_equal, "gt": compare.greater, "ge": compare.greater_equal}
_UNARY = {"neg": unary.negative, "abs": unary.abs, "invert": _invert}
_installed: tuple[type, ...] = ()


def _equal(self: Any, other: Any) -> Any:
    return compare.tensor_equals(self, other)


def _not_equal(self: Any, other: Any) -> Any:
    return compare.tensor_not_equals(self, other)


def _unary(function: _Function) -> _Function:
    return lambda self: function(self)


def install(*classes: type) -> None:
    """Give the classes the operators."""
    global _installed
    _installed += classes
    mirror = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
    for cls in classes:
        for name, function in _BINARY.items():
            setattr(cls, f"__{name}__", _forward(function, f"__r{name}__"))
            setattr(cls, f"__r{name}__", _backward(function))
        for name, function in _COMPARE.items():
            setattr(cls, f"__{name}__", _forward(function, f"__{mirror[name]}__"))
        for name, function in _UNARY.items():
            setattr(cls, f"__{name}__", _unary(function))
        cls.__eq__ = _equal  # type: ignore[assignment, method-assign]
        cls.__ne__ = _not_equal  # type: ignore[assignment, method-assign]
        if not hasattr(cls, "__getitem__"):
            cls.__getitem__ = getitem  # type: ignore[attr-defined]


def install_elementwise(cls: type) -> None:
    """Give a class of ragged tensors the operators, applied to values that lie alike."""
    for name, function in _BINARY.items():
        setattr(cls, f"__{name}__", _over_rows(function, reflected=False))
        setattr(cls, f"__r{name}__", _over_rows(function, reflected=True))
    comparisons = {**_COMPARE, "eq": compare.equal, "ne": compare.not_equal}
    for name, function in comparisons.items():
        setattr(cls, f"__{name}__", _over_rows(function, reflected=False))
    for name, function in _UNARY.items():
        setattr(cls, f"__{name}__", lambda self, function=function: self.with_flat_values(function(self.flat_values)))


def _over_rows(function: _Function, reflected: bool) -> _Function:
    def method(self: Any, other: Any) -> Any:
        from graphtf.api.ragged_math import apply  # which programs without ragged tensors need not load

        if other is None:
            return NotImplemented
        return apply(function, [other, self] if reflected else [self, other])

    return method
