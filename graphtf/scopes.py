"""The ambient scopes of a thread: names, devices, who is told of new variables, and the part of a strategy it does.

Invariant: scopes nest and are undone in reverse order; a thread that does a piece of another's work takes over the
`inherited` ones. Entry points: `name_scope`, `device`, `variable_creator_scope`, `at`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphtf.device_spec import DeviceSpec
from graphtf.placement import CPU, begin_marking, devices, located


class Place:
    """The part of a strategy's work that a thread does: that for all replicas together, that of one of them, or that on
    one's copy of a variable. A place is equal only to itself, so that what is traced in it can be known by it."""

    __slots__ = ("__weakref__", "replica", "strategy", "updating")

    def __init__(self, strategy: Any, replica: int | None = None, updating: int | None = None) -> None:
        self.strategy, self.replica, self.updating = strategy, replica, updating


class _Scopes(threading.local):
    names: str = ""
    creators: tuple[Callable[..., Any], ...] = ()
    device: str = ""  # the full name of the device, where it is not the first
    device_spec: DeviceSpec = DeviceSpec()
    place: Place | None = None


scopes = _Scopes()
inherited: list[threading.local] = [scopes]


def replicas_together(caller: str) -> int:
    """How many replicas compute what this thread does one share of. Raises RuntimeError where it works for all."""
    place = scopes.place
    if place is None:
        return 1
    if place.replica is None:
        raise RuntimeError(
            f"You are calling `{caller}` in cross replica context, while it was expected to be called in replica "
            "context."
        )
    return place.strategy.num_replicas_in_sync  # type: ignore[no-any-return]


@contextmanager
def at(place: Place | None) -> Iterator[None]:
    """Within, this thread does that part of a strategy's work."""
    before, scopes.place = scopes.place, place
    try:
        yield
    finally:
        scopes.place = before


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
    """Within, tensors and variables are made on the device: a name, or parts of one, added to those said around.

    The first CPU stands for a device that there is not, as TensorFlow's soft placement has it; None asks for nothing.

    Raises ValueError for what is no device's name, InvalidArgumentError for a device of another job or, without soft
    placement, for one that there is not; RuntimeError for a function.
    Follows https://www.tensorflow.org/api_docs/python/tf/device.

    >>> from graphtf import constant
    >>> with device("/CPU:0"):
    ...     constant(1.0).device
    '/job:localhost/replica:0/task:0/device:CPU:0'
    """
    spec = _device_spec(device_name)
    spec = DeviceSpec() if spec is None else scopes.device_spec.make_merged_spec(spec)
    devices.used = True
    full = located(spec)
    if full != CPU:
        begin_marking()
    before = scopes.device, scopes.device_spec
    scopes.device, scopes.device_spec = "" if full == CPU else full, spec
    try:
        yield
    finally:
        scopes.device, scopes.device_spec = before


def _device_spec(x: Any) -> DeviceSpec | None:
    if x is None or isinstance(x, DeviceSpec):
        return x
    if callable(x):
        raise RuntimeError("tf.device does not support functions.")
    name = getattr(x, "name", x)  # of a `tf.config.LogicalDevice`
    if not isinstance(name, str):
        raise ValueError(f"Expecting a string device name. Got {type(x)}({x})")
    return DeviceSpec.from_string(name)


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
