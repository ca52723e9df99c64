"""Gradients that programs register for kinds of operations: `tf.RegisterGradient`, `tf.no_gradient`.

Invariant: a kind is registered once. Operations here are differentiated by their own rules: what is registered is kept
for who asks for it. Entry points: `RegisterGradient`, `no_gradient`, `registered`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_registry: dict[str, Callable[..., Any] | None] = {}


class RegisterGradient:
    """A decorator that registers the gradient function of a kind of operation.

    Raises TypeError for what is no string, KeyError for a kind that is registered. Follows
    https://www.tensorflow.org/api_docs/python/tf/RegisterGradient.

    >>> @RegisterGradient("MyThreefold")
    ... def threefold(op, grad):
    ...     return 3 * grad
    >>> registered("MyThreefold") is threefold
    True
    """

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, f: F) -> F:
        _register(self._op_type, f)
        return f


def no_gradient(op_type: str) -> None:
    """Register that a kind of operation has no gradient. Raises TypeError for what is no string.

    Follows https://www.tensorflow.org/api_docs/python/tf/no_gradient.
    """
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    _register(op_type, None)


def _register(op_type: str, f: Callable[..., Any] | None) -> None:
    if op_type in _registry:
        raise KeyError(f"Registering two gradient with name {op_type!r}!")
    _registry[op_type] = f


def registered(op_type: str) -> Callable[..., Any] | None:
    """What is registered for a kind, None if it has no gradient. Raises LookupError if nothing is."""
    if op_type not in _registry:
        raise LookupError(f"No gradient is registered for {op_type!r}.")
    return _registry[op_type]
