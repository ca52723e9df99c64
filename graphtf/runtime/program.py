"""Programs: what runs when a compiled function is called.

Invariant: arguments are checked against the graph's types before any native code sees them, and every buffer native
code touches is at least as large as its slot says. Entry point: `Program.run(args)`.

A call takes a frame (address table, run-time sizes, arena) for its run-time sizes; frames are reused, and as many exist
as calls were ever in flight at once, so calls from several threads do not meet.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from graphtf.ir.dims import Dim, evaluate
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret, locate, run_node
from graphtf.ir.match import bind_result, check_known, guard_names, match_arguments
from graphtf.ir.state import Cell
from graphtf.llvm.call import Gil, make_caller
from graphtf.llvm.link import Loaded
from graphtf.runtime.arrays import address, native_layout, reachable
from graphtf.runtime.failure import raise_for
from graphtf.runtime.frame import SMALL_WORK, Env, Frame, Layout
from graphtf.runtime.slots import Slot
from graphtf.runtime.steps import Assembly, HostStep, NativeStep, Plan, plan_of

if TYPE_CHECKING:  # the passes are not needed to run
    from graphtf.passes.pipeline import Report

Array = np.ndarray[Any, Any]
Caller = Callable[[int], int]
RunRegion = Callable[[Graph, Sequence[Any]], list[Array]]


def _nothing() -> None:
    """The array of a slot that none was entered for."""


_UNSHARED = 3  # references to a variable's array while `run` looks at it, if nobody else has it
_ENTERED = 4  # as many once it is entered


@dataclass
class Native:
    """A native step, ready to be called with the address of its argument block."""

    quick: Caller  # holds the interpreter lock: for calls of microseconds
    patient: Caller  # gives it away, and can be interrupted
    sizes: tuple[str, ...]
    step: NativeStep | None  # what the code was made of, if it was made in this process
    loops: bool  # may it run for ever?


def native(code: Loaded, sizes: tuple[str, ...], loops: bool, step: NativeStep | None = None) -> Native:
    """A native step of loaded code."""
    quick, patient = (make_caller(code, gil=gil) for gil in (Gil.HELD, Gil.INTERRUPTIBLE))
    return Native(quick, patient, sizes, step, loops)


class Program:
    """A compiled graph. `compile_region` makes programs of the regions that host steps run."""

    def __init__(
        self, plan: Plan, graph: Graph, steps: Sequence[Native | HostStep], assemble: Callable[[], Assembly],
        compile_region: Callable[..., Program], reports: Sequence[Report] = (),
    ) -> None:  # fmt: skip
        """`graph` says what arguments fit, and what the results are by the reference; `assemble` gives what the plan
        was made of."""
        self.plan = plan
        self.reports = tuple(reports)  # what each pass did
        self.compile_region = compile_region
        self.regions: dict[int, tuple[Graph, Program]] = {}
        self.steps = list(steps)
        self.host_steps = [s for s in self.steps if isinstance(s, HostStep)]
        self.match = match_arguments(graph)
        self.late = [g for g in graph.guards if not guard_names(g) <= self.match.names]
        self.reference = graph
        self.assemble = assemble
        self.inputs = [(s.number, s.position, s.dtype) for s in plan.slots if s.kind == "input"]
        variables = [s for s in plan.slots if s.kind == "variable"]
        self.variables = [(s, s.number, s.position, s.dtype.np, s.position in plan.written) for s in variables]
        self.layout = Layout(plan.name, plan.slots, [s.sizes for s in self.steps if isinstance(s, Native)])
        self.layout.outputs = plan.outputs
        self.results = [(slot.number, dims) for slot, dims in plan.results]
        self.constants = {s.number: s.array for s, _ in plan.results if s.kind == "constant" and s.array is not None}
        self.doubtful = plan.doubtful
        self.plain = not self.host_steps and not self.constants and all(dims is None for _, dims in self.results)

    @classmethod
    def of(
        cls, assembly: Assembly, natives: Sequence[Native], compile_region: Callable[..., Program],
        reports: Sequence[Report] = (),
    ) -> Program:  # fmt: skip
        """The program of an assembly, whose native steps are `natives`, in order."""
        ready = iter(natives)
        steps = [next(ready) if isinstance(s, NativeStep) else s for s in assembly.steps]
        return cls(plan_of(assembly), assembly.graph, steps, lambda: assembly, compile_region, reports)

    @cached_property
    def assembly(self) -> Assembly:
        """What the program was made of."""
        return self.assemble()

    @property
    def graph(self) -> Graph:
        """The optimised graph."""
        return self.assembly.graph

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(self, args: Sequence[Any], sizes: Env | None = None) -> list[Array]:
        """The graph's outputs for arrays, and Cells for variables, in the order of its inputs.

        `sizes` names run-time sizes that are known already. Raises InvalidArgumentError for arguments that do not fit,
        and whatever the program itself raises.
        """
        env = self.match(args)
        if sizes:
            env = {**env, **sizes}
        check_known(self.late, env, self.plan.name)
        if self.doubtful and any(evaluate(d, env) < 0 for d in self.doubtful):
            return interpret(self.reference, args, env)  # which refuses it, unless what is too small is never reached
        frame = self.layout.take(env)
        table = frame.table
        arrays: dict[int, Array] = {}
        for number, position, dtype in self.inputs:
            array = args[position]
            if not (type(array) is np.ndarray and array.flags.carray and array.dtype is dtype.np):
                array = native_layout(array, dtype)
            arrays[number] = array
            table[number] = address(array) if array.size else reachable(array)
        if self.variables:
            self.enter_variables(frame, args, arrays)
        if frame.outputs:
            self.layout.allocate(frame, frame.outputs, arrays)
        if self.plain:
            for k, step in enumerate(self.steps):
                self.call(frame, k, step, env, arrays)  # type: ignore[arg-type]
            self.layout.give_back(frame)
            return [arrays[number] for number, _ in self.results]
        env = dict(env)  # host steps add to it
        arrays.update(self.constants)
        self.run_steps(frame, args, env, arrays)
        self.layout.give_back(frame)
        return [self.result(arrays[number], dims, env) for number, dims in self.results]

    def result(self, array: Array, dims: tuple[Dim, ...] | None, env: Env) -> Array:
        return array if dims is None else array.reshape(tuple(evaluate(d, env) for d in dims))

    def run_steps(self, frame: Frame, args: Sequence[Any], env: Env, arrays: dict[int, Array]) -> None:
        """Native and host steps in their order."""
        native = phase = 0
        for step in self.steps:
            if isinstance(step, Native):
                self.call(frame, native, step, env, arrays)
                native += 1
                continue
            self.host(frame, step, args, env, arrays)
            if step.opens_phase:
                check_known(self.late, env, self.plan.name)
                phase += 1
                self.layout.open_phase(frame, phase, env, arrays)
            if step.touches_variables:
                self.enter_variables(frame, args, arrays)

    def enter_variables(self, frame: Frame, args: Sequence[Any], arrays: dict[int, Array]) -> None:
        """Note where the variables' values lie; `arrays` keeps them in memory even if another thread assigns."""
        table, seen = frame.table, frame.seen
        for slot, number, position, dtype, written in self.variables:
            array = args[position].array
            if array is arrays.get(number):
                if not written or sys.getrefcount(array) <= _ENTERED:
                    continue  # nobody has looked at it, or kept it, since it was entered
                del arrays[number]
            shared = written and sys.getrefcount(array) > _UNSHARED
            if not shared and seen.get(number, _nothing)() is array:
                arrays[number] = array  # the array of the last call with this frame: its address is in the table
                continue
            if shared or array.dtype is not dtype or not array.flags.carray:
                del array
                array = variable_array(args[position], slot, written)
            arrays[number] = array
            table[number] = address(array) if array.size else reachable(array)
            seen[number] = ref(array)  # NumPy does not move the memory of an array that has one

    def call(self, frame: Frame, index: int, step: Native, env: Env, arrays: dict[int, Array]) -> None:
        caller = step.quick if frame.work < SMALL_WORK and not step.loops else step.patient
        if caller(ctypes.addressof(frame.blocks[index])):
            site, value = frame.status
            self.show(site, frame, env, arrays)
            raise_for(self.plan.sites, site, value)

    def show(self, site: int, frame: Frame, env: Env, arrays: dict[int, Array]) -> None:
        """Raise the error of a failed check that shows values, if check number `site` (from 1) is one."""
        if site - 1 in self.plan.shown:
            node, slots = self.assembly.shown[site - 1]
            shapes = (tuple(evaluate(d, env) for d in v.ir_type.dims) for v in node.inputs)
            run_node(node, [value_in(frame, slot, shape, arrays) for slot, shape in zip(slots, shapes)], env)

    # ---- host steps -------------------------------------------------------------------------------------------------

    def host(self, frame: Frame, step: HostStep, args: Sequence[Any], env: Env, arrays: dict[int, Array]) -> None:
        """Run a node's reference on what lies in the slots, and note its results, and the sizes they make known."""
        operands: list[Any] = []
        for v, where in zip(step.node.inputs, step.operands):
            if isinstance(where, int):
                operands.append(args[where])
                continue
            dims = tuple(evaluate(d, env) for d in v.ir_type.dims) if v.ir_type.shape is not None else None
            operands.append(value_in(frame, where, dims, arrays))
        for v, slot, found in zip(step.node.outputs, step.results, self.apply(step, operands, env)):
            bind_result(v.ir_type, found, env, f"{step.node.op.name}: its result")
            arrays[slot.number] = array = native_layout(found, slot.dtype)
            if slot.dtype.kind != "s":
                frame.table[slot.number] = reachable(array)

    def apply(self, step: HostStep, operands: Sequence[Any], env: Env) -> list[Array]:
        """A node's results; its regions, if it has any, run as programs of their own."""
        node = step.node
        if not node.regions:
            return step.run(operands, env)
        run: RunRegion = lambda region, xs: self.region(region, env).run(xs, env)  # noqa: E731
        attrs = {k: evaluated(a, env) for k, a in node.attrs.items()}
        try:
            return [np.asarray(x) for x in node.op.ref(*operands, run=run, **node.regions, **attrs)]
        except Exception as error:
            locate(error, node.source)
            raise

    def region(self, graph: Graph, env: Env) -> Program:
        """The program of a region, compiled when it is first run; it knows the sizes that are known outside."""
        found = self.regions.get(id(graph))
        if found is None:
            found = self.regions[id(graph)] = graph, self.compile_region(graph, known=tuple(env))
        return found[1]


def evaluated(x: Any, env: Env) -> Any:
    """An attribute with its sizes known."""
    return evaluate(x, env) if hasattr(x, "terms") else x


def variable_array(cell: Cell, slot: Slot, written: bool) -> Array:
    """A variable's memory; a copy of its own first if it will be written while somebody else holds it."""
    array = cell.array
    if written and (sys.getrefcount(array) > _UNSHARED or not array.flags.writeable):
        cell.array = array = array.copy()
    if not array.flags.carray or not array.dtype.isnative:
        fit = native_layout(array, slot.dtype)
        if fit is not array:
            cell.array = array = fit
    return array


def value_in(frame: Frame, slot: Slot, shape: tuple[int, ...] | None, arrays: dict[int, Array]) -> Array:
    """The array that lies in a slot; a copy of it where the memory may be written again."""
    found = slot.array if slot.kind == "constant" else arrays.get(slot.number)
    if found is not None:
        found = found.copy() if slot.kind == "variable" else found
        return found if shape is None or found.shape == shape else found.reshape(shape)
    assert shape is not None
    count = int(np.prod(shape, dtype=np.int64))
    if count == 0:
        return np.empty(shape, slot.dtype.np)
    raw = (ctypes.c_uint8 * (count * slot.dtype.size)).from_address(frame.table[slot.number])
    return np.frombuffer(raw, slot.dtype.np, count).reshape(shape).copy()
