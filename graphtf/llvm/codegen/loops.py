"""Loops of the loop IR as LLVM text: serial, unrolled, in vectors, in parallel.

Invariant: a vector loop's results do not depend on where its remainder begins: partial results of a reduction are joined
in a fixed order, and the remainder follows. Entry point: `emit_for`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphtf.ir.dtypes import int64
from graphtf.ir.loops.expr import Lit, Prim, Var
from graphtf.ir.loops.stmt import Carry, For, Let
from graphtf.llvm.codegen.function import FunctionWriter, Lanes
from graphtf.llvm.codegen.names import literal, register_type, splat, vector
from graphtf.llvm.codegen.prims import emit_prim
from graphtf.llvm.codegen.shapes import Varying, all_expressions, is_nonnegative, scalarises, walk, widest

_STRAIGHT = 4  # vectors of a constant trip count that are written one after the other instead of as a loop


def emit_for(w: FunctionWriter, s: For) -> None:
    """Write a loop."""
    if s.kind == "parallel":
        emit_parallel(w, s)
    elif s.kind == "unroll":
        emit_unrolled(w, s)
    elif s.kind == "vector" and w.lanes is None:
        emit_vector(w, s)
    else:
        emit_serial(w, s, w.scalar(s.start), w.scalar(s.stop), None)


# ---- one by one ------------------------------------------------------------------------------------------------------


@dataclass
class Phi:
    """A value that a loop's header joins; its line is filled in when the loop's end is known."""

    name: str
    type: str
    line: int
    first: str
    origin: str  # the block before the loop


def open_phi(w: FunctionWriter, t: str, first: str, origin: str) -> Phi:
    w.lines.append("")
    return Phi(w.fresh("phi"), t, len(w.lines) - 1, first, origin)


def close_phi(w: FunctionWriter, phi: Phi, last: str) -> None:
    w.lines[phi.line] = f"  {phi.name} = phi {phi.type} [ {phi.first}, {phi.origin} ], [ {last}, {w.block} ]"


def carry_type(w: FunctionWriter, c: Carry) -> str:
    return vector(register_type(c.var.dtype), w.lanes.count if w.lanes is not None else 1)


def next_value(w: FunctionWriter, c: Carry) -> str:
    return w.value(Prim(c.combine, (c.var, c.next), c.var.dtype) if c.combine else c.next)


def emit_serial(w: FunctionWriter, s: For, start: str, stop: str, inits: Sequence[str] | None) -> None:
    """for var in range(start, stop, step), in order; carried values may start from other `inits`."""
    first = list(inits) if inits is not None else [w.value(c.init) for c in s.carries]
    step = w.scalar(s.step)
    origin = w.block
    head, body, after = w.labels("loop", "body", "after")
    w.branch(head)
    w.start(head)
    index = open_phi(w, "i64", start, origin)
    phis = [open_phi(w, carry_type(w, c), x, origin) for c, x in zip(s.carries, first)]
    more = w.ins(f"icmp slt i64 {index.name}, {stop}")
    w.put(f"br i1 {more}, label {body}, label {after}")
    w.start(body)
    w.scopes.append({})
    w.note(s.var, index.name)
    if is_nonnegative(s.start, w.nonnegative):
        w.nonnegative.add(id(s.var))
    for c, phi in zip(s.carries, phis):
        w.note(c.var, phi.name)
    w.run(s.body)
    lasts = [next_value(w, c) for c in s.carries]
    w.scopes.pop()
    following = w.ins(f"add nsw i64 {index.name}, {step}")
    for phi, last in zip([index, *phis], [following, *lasts]):
        close_phi(w, phi, last)
    w.branch(head)
    w.start(after)
    for c, phi in zip(s.carries, phis):
        w.note(c.var, phi.name)


def emit_unrolled(w: FunctionWriter, s: For) -> None:
    """The body, repeated for every value of a constant range."""
    if not (isinstance(s.start, Lit) and isinstance(s.stop, Lit) and isinstance(s.step, Lit)):
        raise ValueError(f"the unrolled loop over {s.var.name} has no constant range")
    for c in s.carries:
        w.note(c.var, w.value(c.init))
    for i in range(s.start.value, s.stop.value, s.step.value):
        w.scopes.append({})
        w.note(s.var, str(i))
        w.run(s.body)
        lasts = [next_value(w, c) for c in s.carries]
        w.scopes.pop()
        for c, last in zip(s.carries, lasts):
            w.note(c.var, last)


# ---- in vectors ------------------------------------------------------------------------------------------------------


def emit_vector(w: FunctionWriter, s: For) -> None:
    """Whole vectors, then the remainder one by one."""
    varying = Varying(s)
    lanes = s.lanes or max(1, w.module.vector_bytes // widest(s))
    carried_apart = any(c.combine is None for c in s.carries)
    if lanes == 1 or carried_apart or scalarises(s, varying):
        emit_serial(w, s, w.scalar(s.start), w.scalar(s.stop), None)
        return
    start, stop = w.scalar(s.start), w.scalar(s.stop)
    if is_nonnegative(s.start, w.nonnegative):
        w.nonnegative.add(id(s.var))
    if start.lstrip("-").isdigit() and stop.lstrip("-").isdigit():
        emit_vector_constant(w, s, varying, lanes, int(start), int(stop))
    else:
        emit_vector_range(w, s, varying, lanes, start, stop)


def emit_vector_constant(w: FunctionWriter, s: For, varying: Varying, lanes: int, start: int, stop: int) -> None:
    """A range known now: no test is made that is decided already."""
    while lanes > max(1, stop - start) and lanes > 2:
        lanes //= 2
    whole = (stop - start) // lanes if stop > start else 0
    partial = Partial(w, s, lanes, whole)
    if whole <= _STRAIGHT:
        for k in range(whole):
            partial.step(str(start + k * lanes), varying, k)
    else:
        rounds = whole // partial.width
        at = start + rounds * partial.width * lanes
        vector_loop(w, s, partial, varying, str(start), str(at))
        for k in range(whole - rounds * partial.width):
            partial.step(str(at + k * lanes), varying, k)
    inits = partial.join()
    left = start + whole * lanes
    if left < stop:
        emit_rest(w, s, str(left), str(stop), inits, stop - left)
    else:
        for c, x in zip(s.carries, inits):
            w.note(c.var, x)


def emit_rest(w: FunctionWriter, s: For, start: str, stop: str, inits: list[str], count: int) -> None:
    """The few iterations that fill no vector."""
    if count > 1:
        emit_serial(w, s, start, stop, inits)
        return
    w.scopes.append({})
    w.note(s.var, start)
    for c, x in zip(s.carries, inits):
        w.note(c.var, x)
    w.run(s.body)
    lasts = [next_value(w, c) for c in s.carries]
    w.scopes.pop()
    for c, x in zip(s.carries, lasts):
        w.note(c.var, x)


def emit_vector_range(w: FunctionWriter, s: For, varying: Varying, lanes: int, start: str, stop: str) -> None:
    """A range known at run time: rounds of several vectors, single vectors, the rest."""
    partial = Partial(w, s, lanes, None)
    count = w.ins(f"sub i64 {stop}, {start}")
    positive = emit_prim(w, "max", [count, "0"], int64, 1)
    at = start
    for width in dict.fromkeys((partial.width, 1)):
        per = width * lanes
        left = w.ins(f"sub i64 {stop}, {at}") if at != start else positive
        spare = w.ins(f"urem i64 {left}, {per}") if per & (per - 1) else w.ins(f"and i64 {left}, {per - 1}")
        until = w.ins(f"add i64 {at}, {w.ins(f'sub i64 {left}, {spare}')}")
        vector_loop(w, s, partial, varying, at, until, width)
        at = until
    emit_serial(w, s, at, stop, partial.join())


class Partial:
    """The partial results of a vector loop: `width` vectors for each carried value."""

    def __init__(self, w: FunctionWriter, s: For, lanes: int, vectors: int | None) -> None:
        self.w, self.s, self.lanes = w, s, lanes
        self.width = max(1, s.unroll) if vectors is None or vectors >= s.unroll else 1
        self.slots = self.width if vectors is None else max(1, min(self.width, vectors))
        self.inits = [w.scalar(c.init) for c in s.carries]
        self.values = [[self.neutral(c)] * self.slots for c in s.carries]

    def neutral(self, c: Carry) -> str:
        t = register_type(c.var.dtype)
        return splat(literal(neutral_value(c), c.var.dtype), t, self.lanes)

    def step(self, first: str, varying: Varying, k: int) -> None:
        """One vector of iterations from `first`, its carried values in slot k."""
        w, s, k = self.w, self.s, k % self.slots
        w.scopes.append({})
        w.lanes = Lanes(s.var, self.lanes, first, varying)
        for c, values in zip(s.carries, self.values):
            w.note(c.var, values[k])
        w.run(s.body)
        lasts = [next_value(w, c) for c in s.carries]
        w.lanes = None
        w.scopes.pop()
        for values, last in zip(self.values, lasts):
            values[k] = last

    def join(self) -> list[str]:
        """The carried values as scalars: vectors pairwise, then halves, then with what came in."""
        out = []
        for c, values, init in zip(self.s.carries, self.values, self.inits):
            combine = Combine(self.w, c)
            vectors = values
            while len(vectors) > 1:
                pairs = [combine(a, b, self.lanes) for a, b in zip(vectors[::2], vectors[1::2])]
                vectors = pairs + vectors[len(vectors) - len(vectors) % 2 :]
            out.append(combine(init, combine.across(vectors[0], self.lanes), 1))
        return out


@dataclass
class Combine:
    """A carry's combining primitive on values already computed."""

    w: FunctionWriter
    carry: Carry

    def __call__(self, a: str, b: str, lanes: int) -> str:
        assert self.carry.combine is not None
        x, y = Var("a", self.carry.var.dtype), Var("b", self.carry.var.dtype)
        return self.w.apply(Prim(self.carry.combine, (x, y), self.carry.var.dtype), [a, b], lanes)

    def across(self, x: str, lanes: int) -> str:
        """All lanes of a vector combined, halves first."""
        t = register_type(self.carry.var.dtype)
        whole = vector(t, lanes)
        while lanes > 1 and lanes % 2 == 0:
            half = lanes // 2
            low, high = (
                self.w.ins(
                    f"shufflevector {vector(t, lanes)} {x}, {vector(t, lanes)} poison, <{half} x i32> "
                    + "<" + ", ".join(f"i32 {k + base}" for k in range(half)) + ">"
                )
                for base in (0, half)
            )  # fmt: skip
            if half == 1:
                low, high = (self.w.ins(f"extractelement <1 x {t}> {v}, i64 0") for v in (low, high))
            x, lanes = self(low, high, half), half
        if lanes == 1:
            return x
        parts = [self.w.ins(f"extractelement {whole} {x}, i64 {k}") for k in range(lanes)]
        total = parts[0]
        for p in parts[1:]:
            total = self(total, p, 1)
        return total


def neutral_value(c: Carry) -> float | int | bool:
    """What leaves a value unchanged under the carry's combine."""
    d = c.var.dtype
    if c.combine in ("add", "or", "xor"):
        return False if d.is_bool else 0
    if c.combine == "mul":
        return True if d.is_bool else 1
    if c.combine == "and":
        return True if d.is_bool else -1
    if d.is_bool:
        return c.combine == "min"
    if d.is_floating:
        return float("-inf") if c.combine == "max" else float("inf")
    return int(d.min if c.combine == "max" else d.max)


def vector_loop(
    w: FunctionWriter, s: For, partial: Partial, varying: Varying, start: str, stop: str, width: int | None = None
) -> None:
    """Rounds of `width` vectors from start to stop, a multiple of the round apart."""
    width = partial.width if width is None else width
    origin = w.block
    head, body, after = w.labels("vloop", "vbody", "vafter")
    w.branch(head)
    w.start(head)
    index = open_phi(w, "i64", start, origin)
    t = [vector(register_type(c.var.dtype), partial.lanes) for c in s.carries]
    phis = [[open_phi(w, ct, v, origin) for v in values] for ct, values in zip(t, partial.values)]
    more = w.ins(f"icmp slt i64 {index.name}, {stop}")
    w.put(f"br i1 {more}, label {body}, label {after}")
    w.start(body)
    partial.values = [[p.name for p in row] for row in phis]
    for k in range(width):
        first = index.name if k == 0 else w.ins(f"add nsw i64 {index.name}, {k * partial.lanes}")
        partial.step(first, varying, k)
    following = w.ins(f"add nsw i64 {index.name}, {width * partial.lanes}")
    close_phi(w, index, following)
    for row, values in zip(phis, partial.values):
        for phi, last in zip(row, values):
            close_phi(w, phi, last)
    w.branch(head)
    w.start(after)
    partial.values = [[p.name for p in row] for row in phis]


# ---- in parallel -----------------------------------------------------------------------------------------------------


def emit_parallel(w: FunctionWriter, s: For) -> None:
    """The body becomes a task function; what it uses from here travels in a block of 8-byte words."""
    if s.carries:
        raise ValueError(f"the parallel loop over {s.var.name} carries values")
    start, stop, step = w.scalar(s.start), w.scalar(s.stop), w.scalar(s.step)
    captured = captures(w, s)
    words = [("ptr", w.buffers[b]) for b in w.buffers] + [("i64", x) for x in w.sizes.values()]
    words += [(register_type(v.dtype), w.scalar(v)) for v in captured] + [("ptr", "%status"), ("i64", start), ("i64", step)]
    block = w.fresh("task")
    w.entry.append(f"  {block} = alloca i64, i64 {len(words)}, align 8")
    for k, (t, x) in enumerate(words):
        at = w.ins(f"getelementptr inbounds i64, ptr {block}, i64 {k}")
        w.put(f"store {t} {x}, ptr {at}, align 8")
    name = write_task(w, s, captured)
    span = w.ins(f"sub i64 {stop}, {start}")
    if step != "1":
        less = w.ins(f"sub i64 {step}, 1")
        span = w.ins(f"sdiv i64 {w.ins(f'add i64 {span}, {less}')}, {step}")
    one, many, several, after = w.labels("one", "many", "several", "joined")
    w.put(f"br i1 {w.ins(f'icmp sle i64 {span}, 1')}, label {one}, label {several}")
    w.start(one)
    some = w.ins(f"icmp eq i64 {span}, 1")
    w.put(f"br i1 {some}, label {many}, label {after}")
    w.start(many)
    w.put(f"call void @{name}(ptr {block}, i64 0)")
    w.branch(after)
    w.start(several)
    w.module.declare("gtf_parallel_for", "void", ["ptr", "ptr", "i64"])
    w.put(f"call void @gtf_parallel_for(ptr @{name}, ptr {block}, i64 {span})")
    w.branch(after)
    w.start(after)


def captures(w: FunctionWriter, s: For) -> list[Var]:
    """Variables of the surrounding scopes that the body uses."""
    inside = {id(x.var) for x in walk((s,)) if isinstance(x, (For, Let))}
    inside |= {id(c.var) for x in walk((s,)) if isinstance(x, For) for c in x.carries}
    found: dict[int, Var] = {}
    for e in all_expressions(s.body):
        if isinstance(e, Var) and id(e) not in inside:
            found.setdefault(id(e), e)
    return list(found.values())


def write_task(w: FunctionWriter, s: For, captured: list[Var]) -> str:
    """The task function; its name."""
    name = w.module.unique("task")
    t = FunctionWriter(w.module, list(w.sizes))
    t.nonnegative = set(w.nonnegative)
    k = 0

    def word(kind: str) -> str:
        nonlocal k
        at = t.ins(f"getelementptr inbounds i64, ptr %ctx, i64 {k}")
        k += 1
        return t.ins(f"load {kind}, ptr {at}, align 8")

    for b in w.buffers:
        t.buffers[b] = word("ptr")
    t.sizes = {x: word("i64") for x in w.sizes}
    for v in captured:
        t.note(v, word(register_type(v.dtype)))
    status, start, step = word("ptr"), word("i64"), word("i64")
    t.put(f"br label %go{w.counter}")
    t.start(f"%go{w.counter}")
    index = t.ins(f"add nsw i64 {start}, {t.ins(f'mul nsw i64 %index, {step}')}")
    t.note(s.var, index)
    if is_nonnegative(s.start, w.nonnegative):
        t.nonnegative.add(id(s.var))
    t.run(s.body)
    t.put("ret void")
    text = "\n".join([f"define internal void @{name}(ptr %ctx, i64 %index) #0 {{", "entry:", *t.entry, *t.lines, "}"])
    w.module.add(text.replace("%status", status))
    return name
