"""Functions of tensors, given sparse or ragged ones.

Invariant: what takes plain tensors runs as it is: only where it refuses its arguments, and a composite is among them,
is the call sent on to what the tables of graphtf/names/composites.py say. Entry point: `dispatched`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable
from typing import Any

from graphtf.nest import CompositeTensor

Function = Callable[..., Any]
_made: dict[Function, Function] = {}


def dispatched(function: Function, kind: str) -> Function:
    """The function, sending calls with composites on. `kind` says where to: see `_handler`."""
    if function not in _made:
        _made[function] = _sending(function, kind)
    return _made[function]


def _sending(function: Function, kind: str) -> Function:
    handler: Function | None = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal handler
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError, AttributeError) as error:
            if not _has_composite((*args, *kwargs.values())):
                raise
            refused = error
        if handler is None:
            handler = _handler(function, kind)
        if kind.startswith("ragged") and not _takes_sparse(kind) and _has_sparse((*args, *kwargs.values())):
            raise refused
        try:
            return handler(*_positional(function, args, kwargs))
        except (NotImplementedError, AttributeError):  # a composite of another kind
            raise refused from None

    return call


def _positional(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments in the order of the function's parameters."""
    import inspect

    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _has_composite(values: Iterable[Any]) -> bool:
    return any(isinstance(x, CompositeTensor) or (isinstance(x, (list, tuple)) and _has_composite(x)) for x in values)


def _has_sparse(values: Iterable[Any]) -> bool:
    from graphtf.sparse_tensor import SparseTensor

    return any(isinstance(x, SparseTensor) or (isinstance(x, (list, tuple)) and _has_sparse(x)) for x in values)


def _takes_sparse(kind: str) -> bool:
    return kind.endswith((":ragged_shape", ":ragged_size", ":ragged_rank_of"))


def _handler(function: Function, kind: str) -> Function:
    """What takes composites in place of `function`:

    `values` or `ragged` (its first argument's values), a number (so many arguments that broadcast), or
    `module:function`, after which `(dense, name)` may say what it is made with.
    """
    from graphtf.api import ragged_math

    if kind in ("values", "ragged"):
        return ragged_math.over_values(function)
    if kind.isdigit():
        return ragged_math.elementwise(function, int(kind))
    home, _, name = kind.partition(":")
    name, _, argument = name.partition(" ")
    found = getattr(importlib.import_module(f"graphtf.api.{home}"), name)
    return found(function, argument) if argument else found
