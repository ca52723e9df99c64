"""Ops that run on the host because only run time knows their result's shape (ir/ops/data_dependent.py), applied.

Invariant: eagerly nothing is stated about the result; while tracing each None in a shape becomes a size with a name of its
own. Entry point: `stated(shape)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir.binding import active_binder
from graphtf.ir.dims import Dim


def stated(shape: Sequence[Dim | None] | None) -> Any:
    """Attribute `shape` for a data-dependent op: None eagerly, else the sizes with new names for unknown ones."""
    binder = active_binder()
    if binder is None or shape is None:
        return None
    return tuple(binder.new_size() if d is None else d for d in shape)  # type: ignore[attr-defined]


def stated_size() -> Any:
    """A new size while tracing, None eagerly."""
    binder = active_binder()
    return None if binder is None else binder.new_size()  # type: ignore[attr-defined]
