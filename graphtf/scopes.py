"""The ambient scopes of a thread: names, devices, and who is told of new variables.

Invariant: scopes nest and are undone in reverse order. Entry points: `name_scope`, `device`, `variable_creator_scope`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphtf.device_spec import DeviceSpec


class _Scopes(threading.local):
    names: str = ""
    creators: tuple[Callable[..., Any], ...] = ()


scopes = _Scopes()


class name_scope:
    """Within, names of variables and traced tensors start with `name/`.

    Follows https://www.tensorflow.org/api_docs/python/tf/name_scope.

    >>> with name_scope("layer") as scope:
    ...     scope
    'layer/'
    """

    def __init__(self, name: str | None = None, default_name: str | None = None, values: Any = None) -> None:
        name = default_name if name is None else name
        if not isinstance(name, str):
            raise ValueError(f"name for name_scope must be a string, got {name!r}")
        self._name = name
        self._before: list[str] = []

    @property
    def name(self) -> str:
        return self._name

    def __enter__(self) -> str:
        self._before.append(scopes.names)
        if not self._name:
            scopes.names = ""
        elif self._name.endswith("/"):  # an absolute scope, as `with` gave it
            scopes.names = self._name
        else:
            scopes.names = f"{scopes.names}{self._name}/"
        return scopes.names

    def __exit__(self, *exc: Any) -> None:
        scopes.names = self._before.pop()


@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Within, ops would run on the device. There is one, the CPU, which stands for any other that is asked for, as
    TensorFlow's soft placement has it. Raises ValueError for what is no device's name.

    Follows https://www.tensorflow.org/api_docs/python/tf/device.

    >>> with device("/CPU:0"):
    ...     pass
    """
    if isinstance(device_name, str):
        DeviceSpec.from_string(device_name)
    yield


@contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """Within, ops come after those given: program order already says so.

    Follows https://www.tensorflow.org/api_docs/python/tf/control_dependencies.

    >>> with control_dependencies([]):
    ...     pass
    """
    for x in control_inputs or ():
        if callable(x):
            x()
    yield


@contextmanager
def variable_creator_scope(variable_creator: Callable[..., Any]) -> Iterator[None]:
    """Within, new variables are made by `variable_creator(next_creator, **kwargs)`.

    Follows https://www.tensorflow.org/api_docs/python/tf/variable_creator_scope.

    >>> with variable_creator_scope(lambda next_creator, **kwargs: next_creator(**kwargs)):
    ...     pass
    """
    before, scopes.creators = scopes.creators, (*scopes.creators, variable_creator)
    try:
        yield
    finally:
        scopes.creators = before
