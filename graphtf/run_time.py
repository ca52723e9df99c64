"""Ops that run on the host because only run time knows their result's shape (ir/ops/data_dependent.py), applied.

Invariant: eagerly nothing is stated about the result; while tracing each None in a shape becomes a size with a name of
its own. Entry points: `stated(shape)`, `named_size(count)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir.binding import active_binder
from graphtf.ir.dims import Dim
from graphtf.ir.ops.prims import p, scalar_like


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


def named_size(count: Any) -> Dim:
    """The size that a scalar integer tensor holds:

    its value eagerly, a name that running the program binds in a trace.
    """
    if active_binder() is None:
        return int(count)
    (size,) = p.arange(scalar_like(count, 0), count, scalar_like(count, 1), shape=stated((None,))).ir_type.dims
    return size  # type: ignore[no-any-return]
