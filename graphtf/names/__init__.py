"""The public names: for each file of graphtf/api (and a few of graphtf), the `tf.*` names it gives, by namespace.

Invariant: nothing listed here is imported before it is first asked for. "new=old" publishes `old` as `new`. The tables
are in the files beside this one. Entry points: `INDEX` (dotted name → module and attribute), `Namespace`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from graphtf.dispatch import dispatched
from graphtf.names import (
    arrays,
    composite,
    composites,
    control,
    core,
    distribute,
    files,
    internal,
    keras,
    module,
    nn,
    numeric,
    raw,
    signal,
    text,
    version1,
)

_TABLES = (
    core.TABLE, numeric.TABLE, control.TABLE, nn.TABLE, arrays.TABLE, raw.TABLE, module.TABLE, composite.TABLE,
    distribute.TABLE, keras.TABLE, internal.TABLE, signal.TABLE, text.TABLE, files.TABLE,
    version1.TABLE,
)  # fmt: skip


def _index() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for home, spaces in (entry for table in _TABLES for entry in table.items()):
        for space, names in spaces.items():
            for entry in names.split():
                public, _, own = entry.partition("=")
                path = f"{space}.{public}" if space else public
                if path in found:
                    raise ValueError(f"tf.{path} is given by {found[path][0]} and by {home}")
                found[path] = (home, own or public)
    return found


INDEX = _index()
_MODULES = frozenset(home for home, _ in INDEX.values())  # a namespace of the name of one is that module
NAMESPACES = frozenset(
    ".".join(parts[:k]) for name in INDEX for parts in [name.split(".")] for k in range(1, len(parts))
) | {"keras", "compat.v2"}
_OF_KERAS = frozenset(("initializers", "losses", "metrics", "optimizers"))  # tf.losses is tf.keras.losses
_VERSIONS = ("compat.v1.", "compat.v2.")
_HIDDEN = ("python", "compiler", "core", "__internal__")  # internals of TensorFlow that packages use


def resolve(path: str) -> Any:
    """The object published under a dotted name ("math.add"), or the namespace. Raises AttributeError for neither."""
    if path in INDEX:
        return _published(*INDEX[path])
    if path in NAMESPACES:
        module = f"graphtf.{path}"
        return importlib.import_module(module) if module in _MODULES or path == "keras" else namespace(path)
    if path.removeprefix("compat.v2.") in _OF_KERAS:
        return getattr(resolve("keras"), path.removeprefix("compat.v2."))
    for lead in _VERSIONS:
        if path.startswith(lead) and path[len(lead) :] not in _OF_KERAS:  # one but for the tables
            return namespace(path) if path[len(lead) :] in NAMESPACES else resolve(path[len(lead) :])
    raise AttributeError(f"graphtf has no tf.{path}: it is not a name of TensorFlow 2, or not implemented")


def _published(home: str, own: str) -> Any:
    """The object, and for functions that take sparse or ragged tensors too, what sends those on."""
    found = getattr(importlib.import_module(home), own)
    kind = composites.KINDS.get((home, own))
    return found if kind is None else dispatched(found, kind)


def names_in(space: str) -> list[str]:
    """The public names of a namespace ("" is tf itself)."""
    lead = f"{space}." if space else ""
    inside = (n[len(lead) :] for n in (*INDEX, *NAMESPACES, *_OF_KERAS) if n.startswith(lead))
    return sorted({n for n in inside if "." not in n and (space or n not in _HIDDEN)})


class Namespace(ModuleType):
    """`tf.math` and the like: a module whose names are imported when they are first asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(f"graphtf.{path}", f"The names of tf.{path}.")
        self.__dict__["_path"] = path
        self.__dict__["__path__"] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = resolve(f"{self._path}.{name}")
        self.__dict__[name] = found
        return found

    def __dir__(self) -> list[str]:
        return names_in(self._path)


_namespaces: dict[str, Namespace] = {}


def namespace(path: str) -> Namespace:
    """The one `Namespace` of a dotted path, importable as a module too."""
    if path not in _namespaces:
        _namespaces[path] = Namespace(path)
        sys.modules.setdefault(f"graphtf.{path}", _namespaces[path])
    return _namespaces[path]
