"""Frames: the memory of one call in flight, laid out for one set of run-time sizes.

Invariant: every arena slot whose sizes are known lies in the frame's arena, aligned, and no two that are alive together
overlap; native code is handed the frame's argument blocks. Entry points: `Layout.take`, `Layout.give_back`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.dims import Dim, evaluate
from graphtf.ir.errors import InvalidArgumentError, ResourceExhaustedError
from graphtf.passes.memory import Request, plan
from graphtf.runtime.arrays import RECYCLED_FROM, Recycler, address, aligned_empty, blank, reachable
from graphtf.runtime.slots import Slot

Array = np.ndarray[Any, Any]
Env = dict[str, int]

_MOST_SIZES = 32  # sets of run-time sizes whose frames are kept
_LARGEST = 1 << 47  # bytes: more than any address space has
SMALL_WORK = 1 << 18  # bytes touched below which a call is over before giving the interpreter lock away pays


@dataclass(eq=False)
class Output:
    """How one output is allocated, for sizes that are known."""

    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int  # bytes
    recycler: Recycler | None


@dataclass(eq=False)
class Frame:
    """Memory for one call in flight."""

    key: tuple[int, ...]
    table: Any  # a ctypes array: the address of each slot
    status: Any  # number and value of the first failed check
    sizes: list[Any]  # per native step: its run-time sizes
    blocks: list[Any]  # per native step: where table, sizes and status are
    outputs: list[Output] = field(default_factory=list)
    arenas: dict[int, Array] = field(default_factory=dict)
    phases: dict[int, tuple[tuple[int, ...], list[Output]]] = field(default_factory=dict)  # sizes of the last, outputs
    seen: dict[int, Callable[[], Array | None]] = field(default_factory=dict)  # per variable: the array in the table
    work: int = 0  # bytes of all slots whose sizes are known at entry


def _planned(slots: Sequence[Slot], sizes: Sequence[int]) -> tuple[list[int], int]:
    """An offset for each slot, and the bytes needed in all: bodies that run at once have each a place of their own, in
    which their slots lie."""
    lanes: dict[tuple[int, int], list[int]] = {}
    for i, s in enumerate(slots):
        if s.lane[0]:
            lanes.setdefault(s.lane, []).append(i)
    spans: dict[int, tuple[int, int]] = {}
    for (number, _), members in lanes.items():
        first, last = spans.get(number, (slots[members[0]].first, 0))
        spans[number] = min(first, *(slots[i].first for i in members)), max(last, *(slots[i].last for i in members))
    inner = {lane: plan([Request(sizes[i], slots[i].first, slots[i].last) for i in m]) for lane, m in lanes.items()}
    outside = [i for i, s in enumerate(slots) if not s.lane[0]]
    requests = [Request(sizes[i], slots[i].first, slots[i].last) for i in outside]
    requests += [Request(max(1, total), *spans[lane[0]]) for lane, (_, total) in inner.items()]
    placed, total = plan(requests)
    offsets = [0] * len(slots)
    for i, at in zip(outside, placed):
        offsets[i] = at
    for (lane, (own, _)), start in zip(inner.items(), placed[len(outside) :]):
        for i, at in zip(lanes[lane], own):
            offsets[i] = start + at
    return offsets, total


class Layout:
    """What all frames of a program have in common."""

    def __init__(self, name: str, slots: Sequence[Slot], step_sizes: Sequence[tuple[str, ...]]) -> None:
        self.name = name
        self.slots = slots
        self.step_sizes = step_sizes
        self.outputs: list[tuple[Slot, tuple[Dim, ...]]] = []  # those of the first phase, with their shapes
        self.frames: dict[tuple[int, ...], list[Frame]] = {}

    def take(self, env: Env) -> Frame:
        """A frame for these sizes that no other call uses. Raises ResourceExhaustedError if there is no memory."""
        key = tuple(env.values())
        kept = self.frames.get(key)
        if kept:
            try:
                return kept.pop()
            except IndexError:  # another thread took the last one
                pass
        return self.new(key, env)

    def give_back(self, frame: Frame) -> None:
        """The call is over: the next one with these sizes may have the frame."""
        kept = self.frames.get(frame.key)
        if kept is None:
            if len(self.frames) >= _MOST_SIZES:
                self.frames.pop(next(iter(self.frames)), None)
            kept = self.frames.setdefault(frame.key, [])
        kept.append(frame)

    def new(self, key: tuple[int, ...], env: Env) -> Frame:
        words = ctypes.c_uint64
        table = (words * max(1, len(self.slots)))()
        status = (ctypes.c_int64 * 2)()
        frame = Frame(key, table, status, [], [])
        for names in self.step_sizes:
            sizes = (ctypes.c_int64 * max(1, len(names)))(*(env.get(n, 0) for n in names))
            block = (words * 3)(*map(ctypes.addressof, (table, sizes, status)))
            frame.sizes.append(sizes)
            frame.blocks.append(block)
        for slot in self.slots:
            if slot.kind == "constant":
                assert slot.array is not None
                table[slot.number] = address(slot.array)
            if slot.phase == 0:
                frame.work += self.bytes_of(slot, env)
        self.lay_out(frame, 0, env)
        frame.outputs = [self.output(s, dims, env) for s, dims in self.outputs if s.phase == 0]
        return frame

    def bytes_of(self, slot: Slot, env: Env) -> int:
        """Bytes of a slot. Raises ResourceExhaustedError for what no memory can hold, and for less than nothing
        InvalidArgumentError."""
        size = evaluate(slot.size, env) * slot.dtype.size
        if size < 0:
            raise InvalidArgumentError(None, None, f"{self.name}: the size {slot.size} is negative for sizes {env}")
        if size > _LARGEST:
            raise self.exhausted(f"a buffer of {size} bytes", env)
        return size

    def output(self, slot: Slot, dims: tuple[Dim, ...], env: Env) -> Output:
        shape = tuple(evaluate(d, env) for d in dims)
        size = self.bytes_of(slot, env)
        return Output(slot.number, shape, slot.dtype.np, size, Recycler() if size >= RECYCLED_FROM else None)

    def allocate(self, frame: Frame, outputs: Sequence[Output], arrays: dict[int, Array]) -> None:
        """Fresh or recycled memory for outputs, into `arrays` by slot."""
        try:
            for o in outputs:
                made = np.empty(o.shape, o.dtype) if o.recycler is None else o.recycler.take(o.shape, o.dtype, o.size)
                arrays[o.number] = made
                frame.table[o.number] = reachable(made)
        except (MemoryError, ValueError):
            raise self.exhausted("memory for the outputs", {}) from None

    def lay_out(self, frame: Frame, phase: int, env: Env) -> None:
        """Plan the arena of the slots whose sizes are known from this phase on."""
        slots = [s for s in self.slots if s.kind == "arena" and s.phase == phase]
        sizes = [self.bytes_of(s, env) for s in slots]
        offsets, total = _planned(slots, [max(1, size) for size in sizes])
        try:
            arena = aligned_empty(total)
        except (MemoryError, ValueError):
            raise self.exhausted(f"{total} bytes of temporary memory", env) from None
        frame.arenas[phase] = arena
        start = address(arena)
        for s, at, size in zip(slots, offsets, sizes):
            frame.table[s.number] = start + at if size else blank(evaluate(s.reach, env) * s.dtype.size)

    def open_phase(self, frame: Frame, phase: int, env: Env, arrays: dict[int, Array]) -> None:
        """Sizes have become known while running: lay out what depends on them."""
        for sizes, names in zip(frame.sizes, self.step_sizes):
            for k, name in enumerate(names):
                sizes[k] = env.get(name, 0)
        key = tuple(env.values())
        last = frame.phases.get(phase)
        if last is None or last[0] != key:
            self.lay_out(frame, phase, env)
            last = key, [self.output(s, dims, env) for s, dims in self.outputs if s.phase == phase]
            frame.phases[phase] = last
        self.allocate(frame, last[1], arrays)

    def exhausted(self, what: str, env: Env) -> ResourceExhaustedError:
        sizes = " for sizes " + ", ".join(f"{k} = {v}" for k, v in env.items()) if env else ""
        return ResourceExhaustedError(None, None, f"{self.name}: {what} cannot be had{sizes}")
