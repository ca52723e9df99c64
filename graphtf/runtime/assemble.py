"""Assembling: an optimised, fused graph to a list of steps, native segments and host steps, over one slot table.

Invariant: a native segment is one call, whatever control flow it holds; values never move between segments, since all
read the same table. Entry point: `assemble(graph, caps)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from graphtf.ir.dims import symbols
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Load, lit, size
from graphtf.ir.loops.rewrite import map_checks
from graphtf.ir.loops.stmt import Copy, If, Invoke, LoopFunc, Module, Site, Stmt, While
from graphtf.ir.op import Effect, Trait
from graphtf.ir.types import RefType
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.select import host_reason, lower_node, recipe
from graphtf.runtime.aliasing import Flow
from graphtf.runtime.slots import Slot, SlotTable


@dataclass
class NativeStep:
    """One call of native code."""

    module: Module
    nodes: tuple[Node, ...]


@dataclass
class HostStep:
    """One node run by its reference, in Python, and why."""

    node: Node
    why: str
    operands: tuple[Slot | int, ...]  # an int: the graph input that is a variable
    results: tuple[Slot, ...]
    opens_phase: bool  # its results' sizes are known only once it has run


@dataclass
class Assembly:
    """What a program runs."""

    graph: Graph
    table: SlotTable
    steps: list[NativeStep | HostStep]
    results: list[Slot]  # for each output of the graph
    written: tuple[int, ...]  # inputs that are variables and are assigned
    sites: tuple[Site, ...]  # what the numbers of failed checks mean


@dataclass
class Segment:
    """A native step being built: its kernels, shared where their code is the same, and main's statements."""

    name: str
    kernels: list[LoopFunc] = field(default_factory=list)
    known: dict[str, LoopFunc] = field(default_factory=dict)
    body: list[Stmt] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


class Assembler:
    """The state of the walk over the graph."""

    def __init__(self, graph: Graph, caps: Caps) -> None:
        self.graph = graph
        self.caps = caps
        self.table = SlotTable()
        self.where: dict[Value, Slot] = {}
        self.refs: dict[Value, int] = {}
        self.variable: dict[Value, Slot] = {}
        self.steps: list[NativeStep | HostStep] = []
        self.segment: Segment | None = None
        self.flow = Flow(graph.nodes, graph.outputs)
        self.dest: dict[Value, Slot] = {}  # where a value is to be computed to
        self.written: dict[int, None] = {}
        self.sites: list[Site] = []

    def run(self) -> Assembly:
        """Walk the graph."""
        self.enter()
        self.choose_destinations()
        for i, n in enumerate(self.graph.nodes):
            why = host_reason(n)
            if why is not None:
                self.host(n, why)
            elif n.op.effect is Effect.READ:
                self.read(n, i)
            elif n.op.effect is Effect.WRITE:
                self.assign(n)
            else:
                self.native(n, self.open(n).body, self.dest)
        results = [self.result(v, i) for i, v in enumerate(self.graph.outputs)]
        self.close()
        return Assembly(self.graph, self.table, self.steps, results, tuple(self.written), tuple(self.sites))

    def enter(self) -> None:
        for i, v in enumerate(self.graph.inputs):
            if isinstance(v.type, RefType):
                self.refs[v] = i
                self.variable[v] = self.table.for_type("variable", v.type.content, position=i)
            else:
                self.where[v] = self.table.for_type("input", v.type, position=i)

    def choose_destinations(self) -> None:
        """Outputs are computed straight into the caller's memory, new values of variables over the old where legal."""
        assigned: dict[Value, int] = {}
        for n in self.graph.nodes:
            if n.op.effect is Effect.WRITE:
                assigned[n.inputs[0]] = assigned.get(n.inputs[0], 0) + 1
        reads = {n.inputs[0]: n.out for n in self.graph.nodes if n.op.effect is Effect.READ}
        for i, v in enumerate(self.graph.outputs):
            origin = self.flow.origin(v)
            if origin in self.flow.maker and origin not in self.dest and self.writes_memory(origin):
                self.dest[origin] = self.table.for_type("output", v.ir_type, position=i)
        for n in self.graph.nodes:
            if n.op.effect is not Effect.WRITE or assigned[n.inputs[0]] != 1:
                continue
            ref, new = n.inputs[0], self.flow.origin(n.inputs[1])
            free = new in self.flow.maker and new not in self.dest and self.writes_memory(new)
            if free and (ref not in reads or self.flow.may_overwrite(reads[ref], new)) and self.same_type(ref, new):
                self.dest[new] = self.variable[ref]

    def same_type(self, ref: Value, new: Value) -> bool:
        content = self.variable[ref]
        return content.dtype is new.ir_type.dtype and content.size == new.ir_type.size

    def writes_memory(self, v: Value) -> bool:
        """Is `v` computed by native code that can be told where to put it?"""
        _, maker = self.flow.maker[v]
        if host_reason(maker) is not None or maker.op.effect in (Effect.READ, Effect.WRITE):
            return False
        return Trait.GENERATOR not in maker.op.traits

    # ---- steps ------------------------------------------------------------------------------------------------------

    def open(self, n: Node) -> Segment:
        if self.segment is None:
            self.segment = Segment(f"{self.graph.name}_{len(self.steps)}")
        self.segment.nodes.append(n)
        return self.segment

    def close(self) -> None:
        """End the native segment that is open."""
        s, self.segment = self.segment, None
        if s is None or not s.body:
            return
        buffers = tuple(slot.buffer for slot in self.table.slots)
        names = sorted({x for k in s.kernels for x in k.sizes} | set(_sizes_in(s.body)))
        main = LoopFunc("main", buffers, tuple(names), tuple(s.body), doc=s.name)
        self.steps.append(NativeStep(Module(s.name, tuple(s.kernels), main), tuple(s.nodes)))

    def host(self, n: Node, why: str) -> None:
        self.close()
        self.table.clock += 1
        operands: list[Slot | int] = []
        for v in n.inputs:
            if isinstance(v.type, RefType):
                operands.append(self.refs[v])
                if any(x.op.effect is Effect.WRITE for r in n.regions.values() for x in r.walk()):
                    self.written[self.refs[v]] = None
            else:
                self.table.touch(self.where[v])
                operands.append(self.where[v])
        known = {s for v in n.inputs if not isinstance(v.type, RefType) for d in v.type.dims_or_none for s in symbols(d)}
        fresh = {s for v in n.outputs for d in v.ir_type.dims_or_none for s in symbols(d)} - known - self.entry_symbols()
        if fresh:
            self.table.phase += 1
        results = tuple(self.table.for_host(v.ir_type) for v in n.outputs)
        self.where.update(zip(n.outputs, results))
        self.steps.append(HostStep(n, why, tuple(operands), results, bool(fresh)))

    def entry_symbols(self) -> set[str]:
        return {s for v in self.graph.inputs for t in [v.type.content if isinstance(v.type, RefType) else v.type]
                for d in t.dims_or_none for s in symbols(d)}  # fmt: skip

    def read(self, n: Node, position: int) -> None:
        """A variable's value is its memory, unless it is still wanted after the variable has changed."""
        ref = n.inputs[0]
        changed = [i for i, m in enumerate(self.graph.nodes) if m.op.effect is Effect.WRITE and m.inputs[0] is ref]
        if any(i > position and self.flow.read_after(n.out, i) for i in changed):
            copy = self.table.for_type("arena", n.out.ir_type)
            self.copy(self.open(n).body, copy, self.variable[ref])
            self.where[n.out] = copy
        else:
            self.where[n.out] = self.variable[ref]

    def assign(self, n: Node) -> None:
        ref, value = n.inputs
        self.written[self.refs[ref]] = None
        if self.where[value] is not self.variable[ref]:
            self.copy(self.open(n).body, self.variable[ref], self.where[value])

    def result(self, v: Value, i: int) -> Slot:
        slot = self.where[v]
        if slot.kind in ("output", "host"):
            return slot
        out = self.table.for_type("output", v.ir_type, position=i)
        last = self.segment or self.open_for_results()
        self.copy(last.body, out, slot)
        return out

    def open_for_results(self) -> Segment:
        self.segment = Segment(f"{self.graph.name}_{len(self.steps)}")
        return self.segment

    # ---- native code ------------------------------------------------------------------------------------------------

    def native(self, n: Node, body: list[Stmt], dest: dict[Value, Slot]) -> None:
        """The statements of one node."""
        self.table.clock += 1
        for v in n.inputs:
            self.table.touch(self.where[v])
        if Trait.SAME_ORDER in n.op.traits:
            self.where[n.out] = self.where[n.inputs[0]]
        elif "value" in n.attrs:
            t = n.out.ir_type
            self.where[n.out] = self.table.for_type("constant", t, array=n.attrs["value"])
        elif n.op.effect is Effect.REGIONS:
            self.control(n, body, dest)
        else:
            self.kernel(n, body, dest)

    def kernel(self, n: Node, body: list[Stmt], dest: dict[Value, Slot]) -> None:
        assert self.segment is not None
        made = recipe(n)
        assert made is not None
        func = lower_node(n, self.caps, "k")
        outs = [dest.get(v) or self.table.for_type("arena", v.ir_type) for v in n.outputs]
        temps = [self.table.new("arena", b.dtype, b.size) for b in func.temps]
        for slot in outs:
            self.table.touch(slot)
        if made.updates and outs[0] is not self.where[n.inputs[0]]:
            self.copy(body, outs[0], self.where[n.inputs[0]])
        self.where.update(zip(n.outputs, outs))
        slots = [*(self.where[v] for v in n.inputs), *outs, *temps]
        body.append(Invoke(self.share(func, n), tuple(s.buffer for s in slots)))

    def share(self, func: LoopFunc, n: Node) -> str:
        """The name of the kernel in the segment; kernels with the same code are one."""
        assert self.segment is not None
        func = self.number_checks(func)
        text = str(func)
        known = self.segment.known.get(text)
        if known is None:
            name = f"k{len(self.segment.kernels)}_{n.attrs.get('kind', n.op.name)}"
            known = replace(func, name=name)
            self.segment.known[text] = known
            self.segment.kernels.append(known)
        return known.name

    def number_checks(self, func: LoopFunc) -> LoopFunc:
        """The kernel with its checks numbered among the program's."""
        if not func.sites:
            return func
        base = len(self.sites)
        self.sites += func.sites
        return map_checks(func, lambda c: replace(c, site=c.site + base))

    def copy(self, body: list[Stmt], to: Slot, source: Slot) -> None:
        if to is not source:
            self.table.clock += 1
            self.table.touch(to)
            self.table.touch(source)
            body.append(Copy(to.buffer, lit(0), source.buffer, lit(0), size(to.size)))

    # ---- control flow -----------------------------------------------------------------------------------------------

    def control(self, n: Node, body: list[Stmt], dest: dict[Value, Slot]) -> None:
        if "cond" in n.regions:
            self.loop(n, body, dest)
        elif "then" in n.regions:
            self.branch(n, body, dest)
        else:
            self.region(next(iter(n.regions.values())), [self.where[v] for v in n.inputs], body, self.outs(n, dest))

    def outs(self, n: Node, dest: dict[Value, Slot]) -> list[Slot]:
        slots = [dest.get(v) or self.table.for_type("arena", v.ir_type) for v in n.outputs]
        self.where.update(zip(n.outputs, slots))
        for s in slots:
            self.table.touch(s)
        return slots

    def branch(self, n: Node, body: list[Stmt], dest: dict[Value, Slot]) -> None:
        since = self.table.clock
        outs = self.outs(n, dest)
        operands = [self.where[v] for v in n.inputs[1:]]
        then: list[Stmt] = []
        orelse: list[Stmt] = []
        self.region(n.regions["then"], operands, then, outs)
        self.region(n.regions["orelse"], operands, orelse, outs)
        body.append(If(Load(self.where[n.inputs[0]].buffer, lit(0)), tuple(then), tuple(orelse)))
        self.table.hold(since)

    def region(self, g: Graph, operands: Sequence[Slot], body: list[Stmt], outs: Sequence[Slot]) -> None:
        """A region's statements, its results in `outs`."""
        self.where.update(zip(g.inputs, operands))
        flow = Flow(g.nodes, g.outputs)
        dest: dict[Value, Slot] = {}
        for v, slot in zip(g.outputs, outs):
            origin = flow.origin(v)
            if origin in flow.maker and origin not in dest and Trait.GENERATOR not in flow.maker[origin][1].op.traits:
                dest[origin] = slot
        for n in g.nodes:
            self.native(n, body, dest)
        moves = [(slot, self.where[v]) for v, slot in zip(g.outputs, outs) if self.where[v] is not slot]
        self.move(body, moves)

    def move(self, body: list[Stmt], moves: Sequence[tuple[Slot, Slot]]) -> None:
        """Copies that happen as if at once: sources that are also targets are saved first."""
        targets = {to for to, _ in moves}
        saved: dict[Slot, Slot] = {}
        for _, source in moves:
            if source in targets and source not in saved:
                saved[source] = self.table.new("arena", source.dtype, source.size)
                self.copy(body, saved[source], source)
        for to, source in moves:
            self.copy(body, to, saved.get(source, source))

    def loop(self, n: Node, body: list[Stmt], dest: dict[Value, Slot]) -> None:
        """while: the carried values live in the slots of the results, updated in place where that is legal."""
        cond, step = n.regions["cond"], n.regions["body"]
        carried = len(n.outputs)
        initial = [self.where[v] for v in n.inputs]
        state = self.outs(n, dest)
        self.move(body, [(s, i) for s, i in zip(state, initial) if s is not i])
        since = self.table.clock
        operands = [*state, *initial[carried:]]
        flag = self.table.new("arena", cond.outputs[0].ir_type.dtype, 1)
        test: list[Stmt] = []
        self.region(cond, operands, test, [flag])
        inner: list[Stmt] = []
        self.iterate(step, operands, state, inner)
        self.table.touch(flag)
        body.append(While(Load(flag.buffer, lit(0)), tuple(inner), tuple(test)))
        self.table.clock += 1
        self.table.hold(since)

    def iterate(self, g: Graph, operands: Sequence[Slot], state: Sequence[Slot], body: list[Stmt]) -> None:
        self.where.update(zip(g.inputs, operands))
        flow = Flow(g.nodes, g.outputs)
        dest: dict[Value, Slot] = {}
        for old, v, slot in zip(g.inputs, g.outputs, state):
            origin = flow.origin(v)
            if origin not in dest and origin in flow.maker and flow.may_overwrite(old, v):
                dest[origin] = slot
        for n in g.nodes:
            self.native(n, body, dest)
        self.move(body, [(s, self.where[v]) for s, v in zip(state, g.outputs) if self.where[v] is not s])


def _sizes_in(body: Sequence[Stmt]) -> set[str]:
    found: set[str] = set()
    for s in body:
        if isinstance(s, Copy):
            found.update(_buffer_sizes(s.target))
        elif isinstance(s, If):
            found |= _sizes_in((*s.then, *s.orelse))
        elif isinstance(s, While):
            found |= _sizes_in((*s.before, *s.body))
    return found


def _buffer_sizes(b: Buffer) -> set[str]:
    return set(symbols(b.size))


def assemble(graph: Graph, caps: Caps) -> Assembly:
    """The steps that run a fused graph."""
    return Assembler(graph, caps).run()
