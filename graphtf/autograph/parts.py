"""Parts of objects that control flow sets: `x.y` and `x["y"]` as variables of their own.

Invariant: what is read is the part itself, and setting it sets the object that others see too; a part that is not there
is `Undefined`. Entry points: `part`, `put_attribute`, `put_item`, `settled_parts`.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from graphtf.autograph.state import Undefined

_ABSENT = (AttributeError, IndexError, KeyError, NameError, TypeError, ValueError)


def part(read: Callable[[], Any], name: str) -> Any:
    """The part, or `Undefined`."""
    try:
        return read()
    except _ABSENT:
        return Undefined(name)


def _owner(of: Callable[[], Any]) -> Any:
    """The object, None if there is none."""
    try:
        found = of()
    except _ABSENT:
        return None
    return None if isinstance(found, Undefined) else found


def put_attribute(of: Callable[[], Any], name: str, value: Any) -> None:
    """Set an attribute, if it has a value and that is another one."""
    owner = _owner(of)
    if owner is not None and not isinstance(value, Undefined) and getattr(owner, name, None) is not value:
        setattr(owner, name, value)


def put_item(of: Callable[[], Any], key: Callable[[], Any], value: Any) -> None:
    """Set an item, or take it out of a mapping if it has no value."""
    owner = _owner(of)
    if owner is None:
        return
    at = key()
    if not isinstance(value, Undefined):
        owner[at] = value
    elif isinstance(owner, MutableMapping):
        owner.pop(at, None)


def settled_parts(
    names: Sequence[str], found: Sequence[Any], before: Sequence[Any], after: Sequence[Sequence[Any]]
) -> tuple[Any, ...]:
    """The variables after an `if`: an attribute that a graph cannot carry is what the last branch that set it made it.

    Raises the error of an item that only one branch sets.
    """
    out = list(found)
    for k, (name, x) in enumerate(zip(names, found)):
        if not isinstance(x, Undefined) or not x.why or not ("." in name or "[" in name):
            continue
        if name.endswith("]"):
            raise x.error(x.why)
        made = [side[k] for side in after if not isinstance(side[k], Undefined) and side[k] is not before[k]]
        out[k] = made[-1] if made else before[k]
    return tuple(out)
