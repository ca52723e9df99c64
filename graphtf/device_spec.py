"""`DeviceSpec`: the parts of a device's name. Follows https://www.tensorflow.org/api_docs/python/tf/DeviceSpec.

Invariant: immutable; `from_string(spec.to_string()) == spec`. Entry point: `DeviceSpec`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, repr=False)
class DeviceSpec:
    """Job, replica, task, type and index of a device; parts that are None are left open.

    >>> DeviceSpec(job="worker", device_type="cpu", device_index=0).to_string()
    '/job:worker/device:CPU:0'
    """

    job: str | None = None
    replica: int | None = None
    task: int | None = None
    device_type: str | None = None
    device_index: int | None = None

    def __post_init__(self) -> None:
        for name in ("replica", "task", "device_index"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, int(getattr(self, name)))
        if self.device_type is not None:
            object.__setattr__(self, "device_type", self.device_type.upper())

    @classmethod
    def from_string(cls, spec: str) -> DeviceSpec:
        """The spec that a name stands for. Raises ValueError for what is no device's name.

        >>> DeviceSpec.from_string("/job:ps/CPU:0")
        <DeviceSpec(job=ps, replica=None, task=None, device_type=CPU, device_index=0)>
        """
        found: dict[str, Any] = {}
        for part in filter(None, spec.split("/")):
            kind, *rest = part.split(":")
            if kind in ("job", "replica", "task") and len(rest) == 1:
                found[kind] = rest[0]
            elif kind.lower() in ("cpu", "gpu", "tpu", "custom") and len(rest) < 2:
                found |= {"device_type": kind, "device_index": rest[0] if rest else None}
            elif kind == "device" and len(rest) == 2:
                found |= {"device_type": rest[0], "device_index": rest[1]}
            else:
                raise ValueError(f"Unknown attribute '{part}' is encountered while parsing the device spec '{spec}'")
        return cls(**{k: None if v == "*" else v for k, v in found.items()})

    parse_from_string = from_string

    def to_string(self) -> str:
        """The device's name."""
        parts = [f"/{k}:{getattr(self, k)}" for k in ("job", "replica", "task") if getattr(self, k) is not None]
        if self.device_type is not None:
            parts.append(f"/device:{self.device_type}:{'*' if self.device_index is None else self.device_index}")
        return "".join(parts)

    def replace(self, **changes: Any) -> DeviceSpec:
        """The same with other parts."""
        return replace(self, **changes)

    def make_merged_spec(self, dev: DeviceSpec) -> DeviceSpec:
        """This spec with the parts that `dev` says in place of its own."""
        said = {f.name: getattr(dev, f.name) for f in fields(dev) if getattr(dev, f.name) is not None}
        return replace(self, **said)

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
        return f"<DeviceSpec({shown})>"
