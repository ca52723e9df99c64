"""Functions of arrays that run on the host and are known by name, so that files can hold programs that call them.

Invariant: only functions marked with `host_function`, in the modules of `HOMES`, have a name; their options are plain
data. Entry points: `host_function`, `HostFunction`, `by_name`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
HOMES = (
    "graphtf.api.ragged_dense", "graphtf.api.ragged_index", "graphtf.api.string_hash", "graphtf.api.string_parts",
    "graphtf.api.string_regex", "graphtf.api.string_unicode", "graphtf.api.strings", "graphtf.files.images",
    "graphtf.files.sound", "graphtf.files.whole", "graphtf.ragged_tensor",
    "graphtf.tables.table",
)  # fmt: skip
_MARK = "_is_host_function"


def host_function(function: _F) -> _F:
    """Mark a function of arrays and options as one that files may name."""
    setattr(function, _MARK, True)
    return function


class HostFunction:
    """A marked function with its options."""

    __slots__ = ("function", "options")

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.function, self.options = function, options

    @property
    def name(self) -> str:
        return f"{self.function.__module__}:{self.function.__name__}"

    def __call__(self, *arrays: Any) -> Any:
        return self.function(*arrays, **self.options)


def by_name(name: str) -> Callable[..., Any]:
    """The marked function of a name. Raises ValueError if there is none."""
    home, _, own = name.partition(":")
    if home not in HOMES:
        raise ValueError(f"no host functions are in {home}")
    found = getattr(importlib.import_module(home), own, None)
    if not getattr(found, _MARK, False):
        raise ValueError(f"{name} is no host function")
    return found  # type: ignore[no-any-return]
