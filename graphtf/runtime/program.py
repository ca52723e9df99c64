"""Programs: what runs when a compiled function is called.

Invariant: arguments are checked against the graph's types before any native code sees them, and every buffer native
code touches is at least as large as its slot says. Entry point: `Program.run(args)`.

A call takes a frame (address table, run-time sizes, arena) for its run-time sizes; frames are reused, and as many exist
as calls were ever in flight at once, so calls from several threads do not meet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.dims import evaluate, symbols
from graphtf.ir.errors import ResourceExhaustedError
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import run_node
from graphtf.ir.match import bind_result, match_arguments
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType
from graphtf.passes.memory import ALIGNMENT, Request, plan
from graphtf.runtime.assemble import Assembly, HostStep, NativeStep
from graphtf.runtime.arrays import Recycler, address, native_layout
from graphtf.runtime.failure import raise_for
from graphtf.runtime.slots import Slot

Array = np.ndarray[Any, Any]
Env = dict[str, int]

_MAX_FRAMES_SIZES = 32  # sets of run-time sizes whose frames are kept
_STATUS_WORDS = 2


@dataclass
class Native:
    """A native step, ready to be called with the address of its argument block."""

    call: Callable[[int], int]
    sizes: tuple[str, ...]
    step: NativeStep


@dataclass(eq=False)
class Frame:
    """Memory for one call in flight."""

    table: Array
    blocks: list[Array]  # per native step: addresses of the table, of its sizes and of the status
    sizes: list[Array]
    status: Array
    shapes: list[tuple[int, ...]]  # per result
    arenas: dict[int, Array] = field(default_factory=dict)
    recyclers: list[Recycler | None] = field(default_factory=list)


class Program:
    """A compiled graph."""

    def __init__(self, assembly: Assembly, natives: Sequence[Native]) -> None:
        self.graph: Graph = assembly.graph
        self.assembly = assembly
        self.slots = assembly.table.slots
        self.results = assembly.results
        self.written = assembly.written
        self.steps: list[Native | HostStep] = []
        ready = iter(natives)
        for s in assembly.steps:
            self.steps.append(next(ready) if isinstance(s, NativeStep) else s)
        self.match = match_arguments(self.graph)
        self.inputs = [s for s in self.slots if s.kind in ("input", "variable")]
        self.outputs = [s for s in self.slots if s.kind == "output"]
        self.frames: dict[tuple[int, ...], list[Frame]] = {}
        self.has_host = any(isinstance(s, HostStep) for s in self.steps)

    # ---- frames -----------------------------------------------------------------------------------------------------

    def frame(self, env: Env) -> Frame:
        """A frame for these sizes that no other call uses."""
        key = tuple(env.values())
        kept = self.frames.get(key)
        if kept is None:
            if len(self.frames) >= _MAX_FRAMES_SIZES:
                self.frames.pop(next(iter(self.frames)), None)
            kept = self.frames.setdefault(key, [])
        try:
            return kept.pop()
        except IndexError:
            return self.new_frame(env)

    def new_frame(self, env: Env) -> Frame:
        table = np.zeros(max(1, len(self.slots)), np.uint64)
        status = np.zeros(_STATUS_WORDS, np.int64)
        blocks, sizes = [], []
        for s in self.steps:
            if isinstance(s, Native):
                values = np.zeros(max(1, len(s.sizes)), np.int64)
                sizes.append(values)
                blocks.append(np.array([address(table), address(values), address(status)], np.uint64))
        frame = Frame(table, blocks, sizes, status, [])
        for slot in self.slots:
            if slot.kind == "constant":
                assert slot.array is not None
                table[slot.number] = address(slot.array)
        self.lay_out(frame, 0, env)
        return frame

    def lay_out(self, frame: Frame, phase: int, env: Env) -> None:
        """Plan the arena of the slots whose sizes are known from this phase on."""
        slots = [s for s in self.slots if s.kind == "arena" and s.phase == phase]
        requests = [Request(max(1, evaluate(s.size, env)) * s.dtype.size, s.first, s.last) for s in slots]
        if any(r.size < 0 for r in requests):
            raise ResourceExhaustedError(None, None, f"{self.graph.name}: a buffer has a negative size for sizes {env}")
        offsets, total = plan(requests)
        try:
            arena = np.empty(total + ALIGNMENT, np.uint8)
        except (MemoryError, ValueError):
            raise ResourceExhaustedError(
                None, None, f"{self.graph.name}: {total} bytes of temporary memory for sizes {env} cannot be had"
            ) from None
        frame.arenas[phase] = arena
        start = -(-address(arena) // ALIGNMENT) * ALIGNMENT
        for s, at in zip(slots, offsets):
            frame.table[s.number] = start + at

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(self, args: Sequence[Any]) -> list[Array]:
        """The graph's outputs for arrays, and Cells for variables, in the order of its inputs.

        Raises InvalidArgumentError for arguments that do not fit, and whatever the program itself raises.
        """
        env = self.match(args)
        frame = self.frame(env)
        table = frame.table
        alive: list[Array] = []
        for slot in self.inputs:
            arg = args[slot.position]
            array = self.cell_array(arg, slot) if slot.kind == "variable" else native_layout(arg, slot.dtype)
            alive.append(array)
            table[slot.number] = address(array)
        key = tuple(env.values())
        run_env = dict(env) if self.has_host else env
        outs = self.allocate(frame, run_env)
        made: dict[int, Array] = {}
        native = 0
        for step in self.steps:
            if isinstance(step, Native):
                self.call(frame, native, step, run_env)
                native += 1
            else:
                self.host(frame, step, args, run_env, made)
        results = [made[s.number] if s.kind == "host" else outs[s.number] for s in self.results]
        if key in self.frames:
            self.frames[key].append(frame)
        return results

    def cell_array(self, cell: Cell, slot: Slot) -> Array:
        """A variable's memory; its own copy first if it will be written while somebody else holds it."""
        array = cell.array
        if slot.position in self.written and (sys.getrefcount(array) > 3 or not array.flags.writeable):
            array = array.copy()
            cell.array = array
        fit = native_layout(array, slot.dtype)
        if fit is not array:
            cell.array = fit
        return fit

    def allocate(self, frame: Frame, env: Env) -> dict[int, Array]:
        """Fresh or recycled memory for the outputs."""
        if not frame.recyclers:
            frame.recyclers = [None] * len(self.slots)
        outs: dict[int, Array] = {}
        for s, v in self.output_values():
            shape = tuple(evaluate(d, env) for d in v)
            outs[s.number] = out = np.empty(shape, s.dtype.np)
            frame.table[s.number] = address(out)
        return outs

    def output_values(self) -> list[tuple[Slot, tuple[Any, ...]]]:
        return [(s, self.graph.outputs[s.position].ir_type.dims) for s in self.outputs]

    def call(self, frame: Frame, index: int, native: Native, env: Env) -> None:
        for k, name in enumerate(native.sizes):
            frame.sizes[index][k] = env[name]
        failed = native.call(address(frame.blocks[index]))
        if failed:
            site, value = int(frame.status[0]), int(frame.status[1])
            frame.status[:] = 0
            raise_for(self.assembly.sites, site, value)

    def host(self, frame: Frame, step: HostStep, args: Sequence[Any], env: Env, made: dict[int, Array]) -> None:
        """Run a node's reference on views of the slots, and note its results, and the sizes they make known."""
        operands: list[Any] = []
        for v, where in zip(step.node.inputs, step.operands):
            if isinstance(where, int):
                operands.append(args[where])
            elif where.number in made:
                operands.append(made[where.number])
            else:
                assert not isinstance(v.type, RefType)
                operands.append(view(frame.table, where, tuple(evaluate(d, env) for d in v.type.dims)).copy())
        for v, slot, array in zip(step.node.outputs, step.results, run_node(step.node, operands, env)):
            bind_result(v.ir_type, array, env)
            array = native_layout(np.asarray(array), slot.dtype)
            made[slot.number] = array
            if slot.dtype.kind != "s":
                frame.table[slot.number] = address(array)
        if step.opens_phase:
            self.lay_out(frame, max(frame.arenas) + 1, env)


def view(table: Array, slot: Slot, shape: tuple[int, ...]) -> Array:
    """The array that lies in a slot."""
    count = 1
    for d in shape:
        count *= d
    if count == 0:
        return np.empty(shape, slot.dtype.np)
    import ctypes

    raw = (ctypes.c_uint8 * (count * slot.dtype.size)).from_address(int(table[slot.number]))
    return np.frombuffer(raw, slot.dtype.np, count).reshape(shape)


def symbols_of(graph: Graph) -> set[str]:
    """Names of the sizes that a graph's inputs make known."""
    found: set[str] = set()
    for v in graph.inputs:
        t = v.type.content if isinstance(v.type, RefType) else v.type
        for d in t.dims_or_none:
            found.update(symbols(d))
    return found
