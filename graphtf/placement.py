"""Which logical devices there are, and on which of them a piece of work is said to be.

Invariant: all devices are the one CPU: a device is a name that tensors and variables carry, and what strategies make
replicas for. A device that there is not is the first CPU, as TensorFlow's soft placement has it. Entry points:
`located`, `canonical`, `mark`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphtf.device_spec import DeviceSpec
from graphtf.ir.errors import InvalidArgumentError

_HOST = DeviceSpec(job="localhost", replica=0, task=0, device_type="CPU", device_index=0)
CPU = _HOST.to_string()


@dataclass
class _Devices:
    count: int = 1
    soft: bool = True  # does the first CPU stand for devices that there are not?
    used: bool = False  # has anyone asked how many there are, or placed anything?


devices = _Devices()


def names() -> list[str]:
    """The full names of the logical devices."""
    return [_HOST.replace(device_index=k).to_string() for k in range(devices.count)]


def canonical(name: str) -> str:
    """The full name of a device, which need not exist. Raises ValueError for what is no device's name.

    >>> canonical("CPU:1")
    '/job:localhost/replica:0/task:0/device:CPU:1'
    """
    return _HOST.make_merged_spec(DeviceSpec.from_string(str(name))).to_string()


def located(spec: DeviceSpec) -> str:
    """The full name of the device that what is described stands for.

    Raises InvalidArgumentError for one of another job, and where soft placement is off for one that there is not.
    """
    wanted = _HOST.make_merged_spec(spec)
    name, known = wanted.to_string(), names()
    if name in known:
        return name
    if (wanted.job, wanted.replica, wanted.task) != (_HOST.job, _HOST.replica, _HOST.task):
        raise InvalidArgumentError(None, None, f"{name} unknown device.")
    if not devices.soft:
        raise InvalidArgumentError(
            None, None, f"Could not satisfy device specification '{name}'. enable_soft_placement=0. Supported device "
            f"types [CPU]. All available devices [{', '.join(known)}].",
        )  # fmt: skip
    return known[0]


# ---- what tensors carry ----------------------------------------------------------------------------------------------

_first_use: list[Callable[[], None]] = []  # called when a device other than the first is used for the first time


@dataclass
class Marking:
    """Is any work of this process placed on another device than the first?"""

    on: bool = False


marking = Marking()


def on_first_use(begin: Callable[[], None]) -> None:
    """Have `begin()` called before anything is placed on another device than the first."""
    _first_use.append(begin)


def begin_marking() -> None:
    """From now on, what is made on another device than the first says so."""
    if not marking.on:
        marking.on = True
        for begin in _first_use:
            begin()


def mark(x: Any, device: str) -> Any:
    """A tensor that says it is on a device."""
    if device and device != CPU:
        x.__dict__["_device"] = device
    return x
