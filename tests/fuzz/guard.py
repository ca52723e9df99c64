"""Whether native code writes outside the memory it was given: every temporary and every output lies between gaps whose
bytes are looked at afterwards.

Invariant: no two buffers overlap, whatever their lifetimes. Entry point: `overruns`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from typing import Any
from unittest.mock import patch

import numpy as np

from graphtf.ir.dims import evaluate
from graphtf.ir.errors import OpError
from graphtf.runtime.arrays import ALIGNMENT, address, blank, reachable
from graphtf.runtime.frame import Array, Env, Frame, Layout, Output

GAP = 1 << 12  # bytes, a multiple of ALIGNMENT
_FILL = 0xA5


class Guard:
    """The buffers handed out during a call, each with the memory around it."""

    def __init__(self) -> None:
        self.buffers: list[tuple[str, Array, int]] = []

    def make(self, what: str, size: int) -> Array:
        """`size` bytes, aligned, between two gaps."""
        raw = np.full(size + 2 * GAP + ALIGNMENT, _FILL, np.uint8)
        raw = raw[-address(raw) % ALIGNMENT :]
        self.buffers.append((what, raw, size))
        return raw[GAP : GAP + size]

    def overruns(self) -> list[str]:
        found = []
        for what, raw, size in self.buffers:
            before = np.flatnonzero(raw[:GAP] != _FILL)
            after = np.flatnonzero(raw[GAP + size : GAP + size + GAP] != _FILL)
            if before.size:
                found.append(f"{what} of {size} bytes: written from {GAP - before[0]} bytes before it")
            if after.size:
                found.append(f"{what} of {size} bytes: written to {after[-1] + 1} bytes past its end")
        return found


def overruns(native: Any, arguments: Sequence[Any]) -> list[str]:
    """What a call writes outside its buffers. An error that the program itself raises is no concern of this."""
    guard = Guard()

    def take(layout: Layout, env: Env) -> Frame:
        return layout.new(tuple(env.values()), env)

    def lay_out(layout: Layout, frame: Frame, phase: int, env: Env) -> None:
        for s in layout.slots:
            if s.kind == "arena" and s.phase == phase:
                size = layout.bytes_of(s, env)
                part = guard.make(f"slot {s.number} ({s.size})", size)
                frame.arenas[s.number] = part
                frame.table[s.number] = address(part) if size else blank(evaluate(s.reach, env) * s.dtype.size)

    def allocate(layout: Layout, frame: Frame, outputs: Sequence[Output], arrays: dict[int, Array]) -> None:
        for o in outputs:
            part = guard.make(f"output in slot {o.number}, shape {o.shape},", o.size)
            arrays[o.number] = made = part.view(o.dtype).reshape(o.shape)
            frame.table[o.number] = reachable(made)

    with (
        patch.object(Layout, "take", take),
        patch.object(Layout, "give_back", lambda layout, frame: None),
        patch.object(Layout, "lay_out", lay_out),
        patch.object(Layout, "allocate", allocate),
        redirect_stdout(io.StringIO()),
        suppress(OpError),
    ):
        native.run(arguments)
    return guard.overruns()
