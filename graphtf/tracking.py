"""`Trackable`: objects that know what they are made of, so that checkpoints and exports can follow.

Invariant: an object's dependencies are those it was told of by name, and those among its attributes if it is an
`AutoTrackable`. Entry points: `Trackable`, `AutoTrackable`, `ListWrapper`, `DictWrapper`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
HELD = "_self_unconditional_dependency_names"  # the attribute that holds what an object was told of; savers skip it
EXPECTED = "_self_expected_restorations"
UNTRACKED = "_self_untracked_containers"  # names of lists and dicts that were set while nothing was to be tracked
_CONTAINERS = (list, tuple, dict)


class Trackable:
    """An object with named dependencies."""

    def _track_trackable(self, trackable: Any, name: str, overwrite: bool = False) -> Any:
        """Depend on `trackable` under a name. Raises TypeError if it is no Trackable, ValueError for a name in use."""
        if not isinstance(trackable, Trackable):
            raise TypeError(f"only Trackable objects can be tracked, got {type(trackable).__name__} for {name!r}")
        held = self.__dict__.setdefault(HELD, {})
        if not overwrite and held.get(name, trackable) is not trackable:
            raise ValueError(f"{type(self).__name__} has a dependency named {name!r} already")
        held[name] = trackable
        for restoration, node in self.__dict__.get(EXPECTED, ()):
            restoration.set(node, name, trackable)
        return trackable

    def _maybe_initialize_trackable(self) -> None:
        self.__dict__.setdefault(HELD, {})

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        """Name → dependency."""
        return dict(self.__dict__.get(HELD, {}))

    def _lookup_dependency(self, name: str, cached_dependencies: Any = None) -> Any:
        """The dependency of a name, or None."""
        return self._trackable_children().get(name)

    def _serialize_to_tensors(self) -> dict[str, Any]:
        """The tensors that a checkpoint stores for the object itself. Raises NotImplementedError if it has none."""
        raise NotImplementedError

    def _restore_from_tensors(self, restored_tensors: dict[str, Any]) -> Any:
        """Take the values that `_serialize_to_tensors` gave."""
        raise NotImplementedError


def expecting(x: Trackable) -> list[tuple[Any, int]]:
    """The restorations that an object waits for, which are told of each attribute that is set, with its node there."""
    return x.__dict__.setdefault(EXPECTED, [])  # type: ignore[no-any-return]


def containers_of(x: AutoTrackable) -> dict[str, Any]:
    """The lists, tuples and dicts among an object's attributes that are to be tracked."""
    attributes = vars(x)
    untracked = attributes.get(UNTRACKED, ())
    ignored = getattr(type(x), "_TF_MODULE_IGNORED_PROPERTIES", ())
    return {
        k: v
        for k, v in attributes.items()
        if type(v) in _CONTAINERS and not k.startswith("_self_") and k not in untracked and k not in ignored
    }


class AutoTrackable(Trackable):
    """A Trackable whose attributes are its dependencies.

    >>> a, a.b = AutoTrackable(), AutoTrackable()
    >>> list(a._trackable_children())
    ['b']
    """

    def __setattr__(self, name: str, value: Any) -> None:
        tracked = getattr(self, "_self_setattr_tracking", True)
        if tracked and isinstance(value, Trackable) and name != HELD:
            self._track_trackable(value, name, overwrite=True)
        super().__setattr__(name, value)
        if type(value) in _CONTAINERS and name not in (HELD, EXPECTED):
            self._container_set(name, value, tracked)

    def _container_set(self, name: str, value: Any, tracked: bool) -> None:
        """An attribute became a list, tuple or dict, which is a dependency only if it was set while tracking."""
        if not tracked:
            self.__dict__[UNTRACKED] = self.__dict__.get(UNTRACKED, frozenset()) | {name}
            return
        if UNTRACKED in self.__dict__:
            self.__dict__[UNTRACKED] -= {name}
        for restoration, node in self.__dict__.get(EXPECTED, ()):
            restoration.set(node, name, value)

    def __delattr__(self, name: str) -> None:
        self.__dict__.get(HELD, {}).pop(name, None)
        super().__delattr__(name)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        found = super()._trackable_children(save_type, **kwargs)
        if save_type == "savedmodel":
            from graphtf.functions.function import Function  # which is made of trackable things

            found.update((k, v) for k, v in vars(self).items() if isinstance(v, Function))
        return found


def no_automatic_dependency_tracking(method: _F) -> _F:
    """A method in which attributes that are set do not become dependencies."""

    @functools.wraps(method)
    def untracked(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = getattr(self, "_self_setattr_tracking", True)
        self._self_setattr_tracking = False
        try:
            return method(self, *args, **kwargs)
        finally:
            self._self_setattr_tracking = before

    return untracked  # type: ignore[return-value]


class ListWrapper(Trackable, list):  # type: ignore[type-arg]
    """A list that tracks its elements by position, and has those that are added later restored."""

    def __init__(self, wrapped_list: Any = ()) -> None:
        list.__init__(self, wrapped_list)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        return {str(k): x for k, x in enumerate(self) if isinstance(x, Trackable)}

    def _added(self, start: int) -> None:
        """Elements from a position on are new."""
        waiting = list(self.__dict__.get(EXPECTED, ()))
        for k in range(start, len(self) if waiting else 0):
            for restoration, node in waiting:
                restoration.set(node, str(k), self[k])

    def append(self, value: Any) -> None:
        list.append(self, value)
        self._added(len(self) - 1)

    def extend(self, values: Any) -> None:
        start = len(self)
        list.extend(self, values)
        self._added(start)

    def __iadd__(self, values: Any) -> ListWrapper:  # type: ignore[override,misc]
        self.extend(values)
        return self

    def insert(self, index: Any, value: Any) -> None:
        list.insert(self, index, value)
        self._added(range(len(self))[index])

    def __setitem__(self, key: Any, value: Any) -> None:
        list.__setitem__(self, key, value)
        self._added(0)

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return list.__eq__(self, other)

    def __repr__(self) -> str:
        return f"ListWrapper({list.__repr__(self)})"


class DictWrapper(Trackable, dict):  # type: ignore[type-arg]
    """A dict that tracks its values by key, and has those that are added later restored."""

    def __init__(self, wrapped_dict: Any = ()) -> None:
        dict.__init__(self, wrapped_dict)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        return dict(self._tracked())

    def _tracked(self) -> Iterator[tuple[str, Any]]:
        return ((str(k), x) for k, x in self.items() if isinstance(x, Trackable))

    def __setitem__(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, key, value)
        for restoration, node in list(self.__dict__.get(EXPECTED, ())):
            restoration.set(node, str(key), value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __repr__(self) -> str:
        return f"DictWrapper({dict.__repr__(self)})"


DictWrapper.__name__ = DictWrapper.__qualname__ = "_DictWrapper"  # as its users know it
