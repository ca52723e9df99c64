"""Assembling: an optimised, fused graph to a list of steps, native segments and host steps, over one slot table.

Invariant: a native segment is one call, whatever control flow it holds; values never move between segments, since all
read the same table. Entry point: `assemble(graph, caps)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from graphtf.ir.dims import symbols
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Lit, Load, Var, lit, prim, size
from graphtf.ir.loops.rewrite import map_checks
from graphtf.ir.loops.stmt import Copy, For, If, Invoke, LoopFunc, Module, Site, Stmt, While
from graphtf.ir.op import Effect, Trait
from graphtf.ir.types import RefType
from graphtf.llvm.codegen.shapes import walk
from graphtf.passes.fusion.classify import is_literal, is_native
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.select import Recipe, host_reason, lower_node, recipe
from graphtf.passes.partition.gather import computes
from graphtf.passes.partition.loops import TASKS
from graphtf.passes.structure import is_loop
from graphtf.runtime.aliasing import Flow
from graphtf.runtime.arrays import native_layout
from graphtf.runtime.slots import Slot, SlotTable
from graphtf.runtime.steps import Assembly, HostStep, NativeStep

_FOREVER = 1 << 60  # a position after the program's end


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

    def __init__(self, graph: Graph, caps: Caps, known: Iterable[str] = ()) -> None:
        self.graph = graph
        self.caps = caps
        self.table = SlotTable()
        self.where: dict[Value, Slot] = {}
        self.refs: dict[Value, int] = {}
        self.variable: dict[Value, Slot] = {}
        self.writes: dict[Value, list[int]] = {}  # positions of the nodes that assign each variable
        self.known = set(known)  # sizes known so far
        self.why: dict[Node, str] = {}  # why a node is a host step, for those that are
        self.opens: set[Node] = set()  # host steps that make sizes known
        self.steps: list[NativeStep | HostStep] = []
        self.segment: Segment | None = None
        self.flow = Flow(graph.nodes, graph.outputs)
        self.dest: dict[Value, Slot] = {}  # where a value is to be computed to
        self.written: dict[int, None] = {}
        self.sites: list[Site] = []
        self.shown: dict[int, tuple[Node, tuple[Slot, ...]]] = {}
        self.done: set[Node] = set()  # loops that ran with an earlier one
        self.state: dict[Node, list[Slot]] = {}  # where the results of loops that run together lie

    def run(self) -> Assembly:
        """Walk the graph."""
        self.enter()
        self.choose_destinations()
        for i, n in enumerate(self.graph.nodes):
            why = self.why.get(n)
            if why is not None:
                self.host(n, why)
            elif n.op.effect is Effect.READ:
                self.read(n, i)
            elif n.op.effect is Effect.WRITE:
                self.assign(n)
            elif n not in self.done:
                self.open(n)
                self.together(n, i) if is_loop(n) else self.native(n, self.dest)
        results = [self.result(v, i) for i, v in enumerate(self.graph.outputs)]
        self.close()
        return Assembly(self.graph, self.table, self.steps, results, tuple(self.written), tuple(self.sites), self.shown)

    def enter(self) -> None:
        for i, v in enumerate(self.graph.inputs):
            if isinstance(v.type, RefType):
                self.refs[v] = i
                self.variable[v] = self.table.for_type("variable", v.type.content, position=i)
                self.known.update(s for d in v.type.content.dims_or_none for s in symbols(d))
            else:
                self.where[v] = self.table.for_type("input", v.type, position=i)
                self.known.update(s for d in v.type.dims_or_none for s in symbols(d))
        for i, n in enumerate(self.graph.nodes):
            if n.op.effect is Effect.WRITE:
                self.writes.setdefault(n.inputs[0], []).append(i)
            why = host_reason(n) or self.resizes(n) or self.assumes(n)
            if why is None or is_literal(n):
                continue
            self.why[n] = why
            fresh = {s for v in n.outputs for d in v.ir_type.dims_or_none for s in symbols(d)} - self.known
            if fresh:
                self.known |= fresh
                self.table.learn(fresh)
                self.opens.add(n)

    def choose_destinations(self) -> None:
        """Outputs are computed straight into the caller's memory, new values of variables over the old where legal."""
        for i, v in enumerate(self.graph.outputs):
            origin = self.flow.origin(v)
            if origin in self.flow.maker and origin not in self.dest and self.writes_memory(origin):
                self.dest[origin] = self.table.for_type("output", v.ir_type, position=i)
        reads: dict[Value, list[Value]] = {}
        for n in self.graph.nodes:
            if n.op.effect is Effect.READ:
                reads.setdefault(n.inputs[0], []).append(n.out)
        for ref, positions in self.writes.items():
            if len(positions) == 1:
                self.choose_variable(ref, self.graph.nodes[positions[0]], reads.get(ref, []))

    def choose_variable(self, ref: Value, write: Node, reads: Sequence[Value]) -> None:
        """Compute what a variable is assigned, once, over its old value, if no host step looks at variables."""
        new = self.flow.origin(write.inputs[1])
        if new not in self.flow.maker or new in self.dest or not self.writes_memory(new) or self.resizes(write):
            return
        if not self.host_sees_variables and all(self.flow.may_overwrite(old, new) for old in reads):
            self.dest[new] = self.variable[ref]

    @cached_property
    def host_sees_variables(self) -> bool:
        """Does any node but reads and assignments take a variable itself?"""
        plain = (Effect.READ, Effect.WRITE)
        return any(isinstance(v.type, RefType) for n in self.graph.nodes if n.op.effect not in plain for v in n.inputs)

    def resizes(self, n: Node) -> str | None:
        """Why an assignment gives its variable other memory; None if it fits the old."""
        if n.op.effect is not Effect.WRITE:
            return None
        slot, t = self.variable[n.inputs[0]], n.inputs[1].ir_type
        return None if t.shape is not None and slot.size == t.size else "the size of the variable may change"

    def assumes(self, n: Node) -> str | None:
        """Why a node's branches run as programs of their own, which find out whether sizes are as they assume."""
        inside = (m for r in n.regions.values() for m in r.walk())
        branches = (r for m in (n, *inside) if "then" in m.regions for r in m.regions.values())
        settled = all(g in self.graph.guards for r in branches for g in r.guards)
        return None if settled else "a branch takes for granted that sizes are equal"

    def writes_memory(self, v: Value) -> bool:
        """Is `v` computed by native code that can be told where to put it?"""
        _, maker = self.flow.maker[v]
        if maker in self.why or maker.op.effect in (Effect.READ, Effect.WRITE):
            return False
        return Trait.GENERATOR not in maker.op.traits or recipe(maker) is not None

    # ---- steps ------------------------------------------------------------------------------------------------------

    def open(self, n: Node | None = None) -> Segment:
        """The native segment being built; a new one if there is none."""
        if self.segment is None:
            self.segment = Segment(f"{self.graph.name}_{len(self.steps)}")
        if n is not None:
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
        self.steps.append(NativeStep(Module(s.name, tuple(s.kernels), main, tuple(s.known)), tuple(s.nodes)))

    def host(self, n: Node, why: str) -> None:
        self.close()
        self.table.clock += 1
        operands: list[Slot | int] = []
        for v in n.inputs:
            if isinstance(v.type, RefType):
                operands.append(self.refs[v])
                if writes_variables(n):
                    self.written[self.refs[v]] = None
            else:
                self.table.touch(self.where[v])
                operands.append(self.where[v])
        results = tuple(self.table.for_type("host", v.ir_type) for v in n.outputs)
        self.where.update(zip(n.outputs, results))
        self.steps.append(HostStep(n, why, tuple(operands), results, n in self.opens, writes_variables(n)))

    def read(self, n: Node, position: int) -> None:
        """A variable's value is its memory, unless it is still wanted after the variable has changed."""
        ref = n.inputs[0]
        changed = self.writes.get(ref, ())
        if self.host_sees_variables or any(i > position and self.flow.read_after(n.out, i) for i in changed):
            copy = self.table.for_type("arena", n.out.ir_type)
            self.open(n)
            self.copy(copy, self.variable[ref])
            self.where[n.out] = copy
        else:
            self.where[n.out] = self.variable[ref]

    def assign(self, n: Node) -> None:
        ref, value = n.inputs
        self.written[self.refs[ref]] = None
        if self.where[value] is not self.variable[ref]:
            self.open(n)
            self.copy(self.variable[ref], self.where[value])

    def result(self, v: Value, i: int) -> Slot:
        """Where output i is found: what an argument or a host step holds already is handed on as it is."""
        slot = self.where[v]
        same_shape = v in self.graph.inputs or slot.kind != "input"
        if slot.kind == "host" or (slot.kind == "input" and same_shape) or not is_native(slot.dtype):
            return slot
        if slot.kind == "output" and slot.position == i:
            return slot
        out = self.table.for_type("output", v.ir_type, position=i)
        self.open()
        self.copy(out, slot)
        return out

    # ---- native code ------------------------------------------------------------------------------------------------

    @property
    def body(self) -> list[Stmt]:
        """The statements that are being written."""
        assert self.segment is not None
        return self.segment.body

    @contextmanager
    def writing_into(self, body: list[Stmt]) -> Iterator[None]:
        """Within, statements go to another list: the body of a loop or a branch."""
        assert self.segment is not None
        before, self.segment.body = self.segment.body, body
        yield
        self.segment.body = before

    def native(self, n: Node, dest: dict[Value, Slot], flow: Flow | None = None) -> None:
        """The statements of one node."""
        self.table.clock += 1
        for v in n.inputs:
            self.table.touch(self.where[v])
        if Trait.SAME_ORDER in n.op.traits:
            self.where[n.out] = self.where[n.inputs[0]]
        elif Trait.GENERATOR in n.op.traits and "value" in n.attrs:
            t = n.out.ir_type
            self.where[n.out] = self.table.for_type("constant", t, array=native_layout(n.attrs["value"], t.dtype))
        elif n.op.effect is Effect.REGIONS:
            self.control(n, dest)
        else:
            self.kernel(n, dest, flow or self.flow)

    def kernel(self, n: Node, dest: dict[Value, Slot], flow: Flow) -> None:
        made = recipe(n)
        assert made is not None
        func = lower_node(n, self.caps, "k")
        outs = [dest.get(v) or self.own_slot(n, v, made, flow) for v in n.outputs]
        temps = [self.table.new("arena", b.dtype, b.size) for b in func.temps]
        for slot in outs:
            self.table.touch(slot)
        if made.updates and outs[0] is not self.where[n.inputs[0]]:
            self.copy(outs[0], self.where[n.inputs[0]])
            self.table.clock += 1
            for slot in (*outs, *temps, *(self.where[v] for v in n.inputs)):
                self.table.touch(slot)
        operands = [self.where[v] for v in n.inputs[: made.takes]]
        self.where.update(zip(n.outputs, outs))
        if made.shows:
            self.show(n, len(func.sites))
        slots = [*operands, *outs, *temps]
        self.body.append(Invoke(self.share(func, n), tuple(s.buffer for s in slots)))

    def show(self, n: Node, count: int) -> None:
        """The next checks are those of a node whose error shows its operands: these stay to the end."""
        slots = tuple(self.where[v] for v in n.inputs)
        for slot in slots:
            slot.last = _FOREVER
        self.shown.update((len(self.sites) + k, (n, slots)) for k in range(count))

    def own_slot(self, n: Node, v: Value, made: Recipe, flow: Flow) -> Slot:
        """A place in the arena; that of the operand which is updated, if nobody wants it any more."""
        old = self.where[n.inputs[0]] if made.updates else None
        if old is not None and v is n.outputs[0] and old.kind == "arena" and flow.may_overwrite(n.inputs[0], v):
            return old
        return self.table.for_type("arena", v.ir_type)

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

    def copy(self, to: Slot, source: Slot) -> None:
        if to is not source:
            self.table.clock += 1
            self.table.touch(to)
            self.table.touch(source)
            self.body.append(Copy(to.buffer, lit(0), source.buffer, lit(0), size(to.size)))

    # ---- loops at once ----------------------------------------------------------------------------------------------

    def together(self, n: Node, position: int) -> None:
        """A loop, and those right after it that do not need it: at once, if their kernels are too small to share."""
        loops = [n]
        for m in self.graph.nodes[position + 1 :]:
            if not (is_loop(m) and m not in self.why and computes(m) and all(v in self.where for v in m.inputs)):
                break
            loops.append(m)
        if len(loops) == 1 or not computes(n):
            self.native(n, self.dest)
            return
        table = self.table
        since = table.clock = table.clock + 1
        for m in loops:
            self.state[m] = self.outs(m, self.dest)
        bodies: list[list[Stmt]] = []
        for k, m in enumerate(loops):
            table.lane, body = (since, k), []
            with self.writing_into(body):
                self.native(m, self.dest)
            bodies.append(body)
        table.lane = (0, 0)
        table.clock += 1
        for m in loops:
            for slot in self.state[m]:
                table.touch(slot)
        table.hold(since)
        self.done.update(loops)
        self.body.extend(self.at_once(bodies))

    def at_once(self, bodies: Sequence[Sequence[Stmt]]) -> list[Stmt]:
        """Statements that run several bodies, a task each; in order where they have many tasks themselves."""
        assert self.segment is not None
        kernels = {k.name: k for k in self.segment.kernels}
        invoked = {s.function for body in bodies for s in walk(body) if isinstance(s, Invoke)}
        if any(_is_shared(s) for name in invoked for s in walk(kernels[name].body)):
            return [s for body in bodies for s in body]
        which, chosen = Var("body"), tuple(bodies[-1])
        for k in reversed(range(len(bodies) - 1)):
            chosen = (If(prim("eq", which, lit(k)), tuple(bodies[k]), chosen),)
        return [For(which, lit(0), lit(len(bodies)), chosen, "parallel")]

    # ---- control flow -----------------------------------------------------------------------------------------------

    def control(self, n: Node, dest: dict[Value, Slot]) -> None:
        if "cond" in n.regions:
            self.loop(n, dest)
        elif "then" in n.regions:
            self.branch(n, dest)
        else:
            operands = [self.where[v] for v in n.inputs]
            self.region(n.regions["body"], operands, self.outs(n, dest))

    def outs(self, n: Node, dest: dict[Value, Slot]) -> list[Slot]:
        slots = [dest.get(v) or self.table.for_type("arena", v.ir_type) for v in n.outputs]
        self.where.update(zip(n.outputs, slots))
        for s in slots:
            self.table.touch(s)
        return slots

    def branch(self, n: Node, dest: dict[Value, Slot]) -> None:
        since = self.table.clock
        flag, operands = self.where[n.inputs[0]], [self.where[v] for v in n.inputs[1:]]
        outs = self.outs(n, dest)
        then: list[Stmt] = []
        orelse: list[Stmt] = []
        for key, body in (("then", then), ("orelse", orelse)):
            with self.writing_into(body):
                self.region(n.regions[key], operands, outs)
        self.body.append(If(Load(flag.buffer, lit(0)), tuple(then), tuple(orelse)))
        self.table.clock += 1
        self.table.hold(since)

    def region(self, g: Graph, operands: Sequence[Slot], outs: Sequence[Slot]) -> None:
        """A region's statements, its results in `outs`."""
        self.where.update(zip(g.inputs, operands))
        flow = Flow(g.nodes, g.outputs)
        dest: dict[Value, Slot] = {}
        for v, slot in zip(g.outputs, outs):
            origin = flow.origin(v)
            if origin in flow.maker and origin not in dest and self.computes(flow.maker[origin][1]):
                dest[origin] = slot
        for n in g.nodes:
            self.native(n, dest, flow)
        self.move([(slot, self.where[v]) for v, slot in zip(g.outputs, outs) if self.where[v] is not slot])

    def computes(self, n: Node) -> bool:
        """Does the node compute into memory of its own?"""
        return Trait.GENERATOR not in n.op.traits or recipe(n) is not None

    def move(self, moves: Sequence[tuple[Slot, Slot]]) -> None:
        """Copies that happen as if at once: sources that are also targets are saved first."""
        targets = {to for to, _ in moves}
        saved: dict[Slot, Slot] = {}
        for _, source in moves:
            if source in targets and source not in saved:
                saved[source] = self.table.new("arena", source.dtype, source.size)
                self.copy(saved[source], source)
        for to, source in moves:
            self.copy(to, saved.get(source, source))

    def loop(self, n: Node, dest: dict[Value, Slot]) -> None:
        """while: the carried values live in the slots of the results, updated in place where that is legal."""
        cond, step = n.regions["cond"], n.regions["body"]
        carried = len(n.outputs)
        initial = [self.where[v] for v in n.inputs]
        state = self.state[n] if n in self.state else self.outs(n, dest)
        self.move([(s, i) for s, i in zip(state, initial) if s is not i])
        self.table.clock += 1
        since = self.table.clock
        for slot in (*state, *initial[carried:]):
            self.table.touch(slot)
        operands = [*state, *initial[carried:]]
        flag = self.table.new("arena", cond.outputs[0].ir_type.dtype, 1)
        test: list[Stmt] = []
        inner: list[Stmt] = []
        with self.writing_into(test):
            self.region(cond, operands, [flag])
        with self.writing_into(inner):
            self.iterate(step, operands, state)
        self.table.clock += 1
        for slot in (flag, *operands):
            self.table.touch(slot)
        self.body.append(While(Load(flag.buffer, lit(0)), tuple(inner), tuple(test)))
        self.table.hold(since)

    def iterate(self, g: Graph, operands: Sequence[Slot], state: Sequence[Slot]) -> None:
        self.where.update(zip(g.inputs, operands))
        flow = Flow(g.nodes, g.outputs)
        dest: dict[Value, Slot] = {}
        for old, v, slot in zip(g.inputs, g.outputs, state):
            origin = flow.origin(v)
            if origin in dest or origin not in flow.maker or not self.computes(flow.maker[origin][1]):
                continue
            if flow.may_overwrite(old, v):
                dest[origin] = slot
        for n in g.nodes:
            self.native(n, dest, flow)
        self.move([(s, self.where[v]) for s, v in zip(state, g.outputs) if self.where[v] is not s])


def _is_shared(s: Stmt) -> bool:
    """Is it a loop with more tasks than one thread should do?"""
    return isinstance(s, For) and s.kind == "parallel" and not (isinstance(s.stop, Lit) and s.stop.value <= TASKS)


def writes_variables(n: Node) -> bool:
    """Does the node, or one inside it, assign variables?"""
    nodes = (n, *(x for r in n.regions.values() for x in r.walk()))
    return any(x.op.effect in (Effect.WRITE, Effect.IO) for x in nodes)


def _sizes_in(body: Sequence[Stmt]) -> set[str]:
    found: set[str] = set()
    for s in body:
        if isinstance(s, Copy):
            found.update(_buffer_sizes(s.target))
        elif isinstance(s, If):
            found |= _sizes_in((*s.then, *s.orelse))
        elif isinstance(s, While):
            found |= _sizes_in((*s.before, *s.body))
        elif isinstance(s, For):
            found |= _sizes_in(s.body)
    return found


def _buffer_sizes(b: Buffer) -> set[str]:
    return set(symbols(b.size))


def assemble(graph: Graph, caps: Caps, known: Iterable[str] = ()) -> Assembly:
    """The steps that run a fused graph. `known` names sizes that a call is given beside the arguments."""
    return Assembler(graph, caps, known).run()
