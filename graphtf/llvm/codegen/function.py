"""One function of the loop IR as LLVM text: control flow, memory, values.

Invariant: scalar code and the lanes of vector code run the same instructions, so a loop's remainder equals its vectors.
Values are computed where they are first needed and known in that scope and those inside it. Entry point: `FunctionWriter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Size, Var
from graphtf.ir.loops.stmt import Alloc, Check, Copy, For, If, Invoke, Let, Stmt, Store, While
from graphtf.llvm.codegen.names import literal, memory_type, register_type, splat, vector
from graphtf.llvm.codegen.prims import emit_cast, emit_prim, narrow, widen
from graphtf.llvm.codegen.shapes import Varying, is_nonnegative, stride_along

if TYPE_CHECKING:
    from graphtf.llvm.codegen.module import ModuleWriter

_HALVES = (dt.float16, dt.bfloat16)
_ROUNDED_ONCE = ("select", "cast", "bitcast")  # exact on halves as they are
_INDEX_DIVISION = {"floordiv": "udiv", "floormod": "urem"}


@dataclass
class Lanes:
    """The vector loop being written: its variable, its lanes, the scalar of lane 0."""

    var: Var
    count: int
    first: str
    varying: Varying


class FunctionWriter:
    """The state of one function's text."""

    def __init__(self, module: ModuleWriter, sizes: Sequence[str]) -> None:
        self.module = module
        self.lines: list[str] = []
        self.entry: list[str] = []  # allocas
        self.counter = 0
        self.block = "%entry"
        self.scopes: list[dict[int, str]] = [{}]
        self.alive: list[Expr] = []
        self.buffers: dict[Buffer, str] = {}
        self.sizes = {s: f"%sz.{s}" for s in sizes}
        self.lanes: Lanes | None = None
        self.nonnegative: set[int] = set()

    # ---- text -------------------------------------------------------------------------------------------------------

    def fresh(self, prefix: str = "v") -> str:
        self.counter += 1
        return f"%{prefix}{self.counter}"

    def put(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def ins(self, text: str) -> str:
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return name

    def intrinsic(self, name: str, result: str, arguments: list[str], types: list[str]) -> str:
        self.module.declare(name, result, types)
        return self.ins(f"call {result} @{name}(" + ", ".join(f"{t} {a}" for t, a in zip(types, arguments)) + ")")

    def math(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str:
        return self.ins(self.module.math_call(name, dtype, lanes, args))

    def start(self, label: str) -> None:
        self.lines.append(f"{label[1:]}:")
        self.block = label

    def labels(self, *names: str) -> list[str]:
        self.counter += 1
        return [f"%{n}{self.counter}" for n in names]

    def branch(self, label: str) -> None:
        self.put(f"br label {label}")

    # ---- values -----------------------------------------------------------------------------------------------------

    def known(self, e: Expr) -> str | None:
        for scope in reversed(self.scopes):
            found = scope.get(id(e))
            if found is not None:
                return found
        return None

    def note(self, e: Expr, name: str) -> str:
        self.scopes[-1][id(e)] = name
        self.alive.append(e)
        return name

    def is_vector(self, e: Expr) -> bool:
        return self.lanes is not None and self.lanes.varying(e)

    def scalar(self, e: Expr) -> str:
        """The value of a uniform expression."""
        if isinstance(e, Lit):
            return literal(e.value, e.dtype)
        found = self.known(e)
        if found is not None:
            return found
        if isinstance(e, Size):
            return self.note(e, self.dim(e.dim))
        if isinstance(e, Load):
            return self.note(e, self.load(e.buffer, self.scalar(e.index)))
        if isinstance(e, Var):
            raise LookupError(f"the variable {e.name} is used where it is not defined")
        return self.note(e, self.apply(e, [self.scalar(x) for x in e.args], 1))

    def vec(self, e: Expr) -> str:
        """The value in every lane."""
        lanes = self.lanes
        if lanes is None:
            return self.scalar(e)
        if not lanes.varying(e):
            return self.spread(e)
        found = self.known(e)
        if found is not None:
            return found
        if e is lanes.var:
            return self.note(e, self.ramp(lanes.first, 1))
        if isinstance(e, Load):
            return self.note(e, self.load_lanes(e))
        if isinstance(e, Prim) and e.dtype is dt.int64:
            stride = stride_along(e, lanes.var, lanes.varying)
            if isinstance(stride, int):
                return self.note(e, self.ramp(self.first_lane(e), stride))
        if not isinstance(e, Prim):
            raise LookupError(f"the variable {getattr(e, 'name', e)} is used where it is not defined")
        return self.note(e, self.apply(e, [self.vec(x) for x in e.args], lanes.count))

    def value(self, e: Expr) -> str:
        return self.vec(e) if self.lanes is not None else self.scalar(e)

    def spread(self, e: Expr) -> str:
        """A uniform value in every lane."""
        assert self.lanes is not None
        t, n = register_type(e.dtype), self.lanes.count
        if isinstance(e, Lit):
            return splat(literal(e.value, e.dtype), t, n)
        x = self.scalar(e)
        key = f"spread {x}"
        for scope in reversed(self.scopes):
            found = scope.get(hash((key, n)))
            if found is not None:
                return found
        name = self.splat_of(x, t, n)
        self.scopes[-1][hash((key, n))] = name
        return name

    def splat_of(self, x: str, t: str, n: int) -> str:
        v = vector(t, n)
        one = self.ins(f"insertelement {v} poison, {t} {x}, i64 0")
        return self.ins(f"shufflevector {v} {one}, {v} poison, <{n} x i32> zeroinitializer")

    def ramp(self, first: str, stride: int) -> str:
        """first, first + stride, first + 2 stride, …"""
        assert self.lanes is not None
        n = self.lanes.count
        steps = "<" + ", ".join(f"i64 {k * stride}" for k in range(n)) + ">"
        return self.ins(f"add <{n} x i64> {self.splat_of(first, 'i64', n)}, {steps}")

    def first_lane(self, e: Expr) -> str:
        """An affine index's value in lane 0."""
        lanes = self.lanes
        assert lanes is not None
        if not lanes.varying(e):
            return self.scalar(e)
        if e is lanes.var:
            return lanes.first
        assert isinstance(e, Prim)
        a, b = (self.first_lane(x) for x in e.args)
        return self.ins(f"{e.name} i64 {a}, {b}")

    def apply(self, e: Prim, args: list[str], lanes: int) -> str:
        """A primitive on operands already computed."""
        operand = e.args[-1].dtype
        if e.name == "cast":
            return emit_cast(self, args[0], operand, e.dtype, lanes)
        if e.name == "bitcast":
            a, b = (vector(register_type(d), lanes) for d in (operand, e.dtype))
            return args[0] if a == b else self.ins(f"bitcast {a} {args[0]} to {b}")
        if e.name in _INDEX_DIVISION and operand is dt.int64 and lanes == 1 and self.divides_safely(e):
            return self.ins(f"{_INDEX_DIVISION[e.name]} i64 {args[0]}, {args[1]}")
        if operand in _HALVES and e.name not in _ROUNDED_ONCE:
            return self.apply_half(e, args, operand, lanes)
        return emit_prim(self, e.name, args, operand, lanes)

    def divides_safely(self, e: Prim) -> bool:
        """Is the dividend surely ≥ 0 and the divisor > 0? So it is for most indices."""
        divisor = e.args[1]
        positive = isinstance(divisor, Lit) and divisor.value > 0
        return positive and is_nonnegative(e.args[0], self.nonnegative)

    def apply_half(self, e: Prim, args: list[str], operand: DType, lanes: int) -> str:
        """float16 and bfloat16: computed in float, rounded after every primitive as NumPy does."""
        wide = [widen(self, a, operand, lanes) for a in args]
        out = emit_prim(self, e.name, wide, dt.float32, lanes)
        return out if e.dtype is dt.bool_ else narrow(self, out, operand, lanes)

    # ---- sizes ------------------------------------------------------------------------------------------------------

    def dim(self, d: Dim) -> str:
        """A run-time size."""
        if isinstance(d, int):
            return str(d)
        total = ""
        for monomial, c in d.terms:
            factor = str(c)
            for k, a in enumerate(monomial):
                x = self.sizes[a.name] if a.kind == "sym" else self.atom(a.kind, [self.dim(y) for y in a.args])
                factor = x if k == 0 and c == 1 else self.ins(f"mul i64 {factor}, {x}")
            total = factor if not total else self.ins(f"add i64 {total}, {factor}")
        return total

    def atom(self, kind: str, args: list[str]) -> str:
        name = {"floordiv": "floordiv", "max": "max", "min": "min"}[kind]
        return emit_prim(self, name, args, dt.int64, 1)

    # ---- memory -----------------------------------------------------------------------------------------------------

    def pointer(self, b: Buffer, index: str) -> str:
        return self.ins(f"getelementptr inbounds {memory_type(b.dtype)}, ptr {self.buffers[b]}, i64 {index}")

    def load(self, b: Buffer, index: str, lanes: int = 1) -> str:
        m = vector(memory_type(b.dtype), lanes)
        x = self.ins(f"load {m}, ptr {self.pointer(b, index)}, align {b.dtype.size}")
        return self.to_bool(x, lanes) if b.dtype is dt.bool_ else x

    def to_bool(self, x: str, lanes: int) -> str:
        zero = "0" if lanes == 1 else "zeroinitializer"
        return self.ins(f"icmp ne {vector('i8', lanes)} {x}, {zero}")

    def store(self, b: Buffer, index: str, x: str, lanes: int = 1) -> None:
        if b.dtype is dt.bool_:
            x = self.ins(f"zext {vector('i1', lanes)} {x} to {vector('i8', lanes)}")
        at = self.pointer(b, index)
        self.put(f"store {vector(memory_type(b.dtype), lanes)} {x}, ptr {at}, align {b.dtype.size}")

    def load_lanes(self, e: Load) -> str:
        lanes = self.lanes
        assert lanes is not None
        stride = stride_along(e.index, lanes.var, lanes.varying)
        if stride == 1:
            return self.load(e.buffer, self.first_lane(e.index), lanes.count)
        if stride == -1:
            last = self.ins(f"sub i64 {self.first_lane(e.index)}, {lanes.count - 1}")
            return self.reversed(self.load(e.buffer, last, lanes.count), e.dtype)
        if stride == 0:
            return self.splat_of(self.load(e.buffer, self.first_lane(e.index)), register_type(e.dtype), lanes.count)
        v = vector(register_type(e.dtype), lanes.count)
        out = "poison"
        for k, at in enumerate(self.lane_indices(e.index, stride)):
            x = self.load(e.buffer, at)
            out = self.ins(f"insertelement {v} {out}, {register_type(e.dtype)} {x}, i64 {k}")
        return out

    def lane_indices(self, index: Expr, stride: object) -> list[str]:
        """Each lane's index."""
        lanes = self.lanes
        assert lanes is not None
        if isinstance(stride, int):
            first = self.first_lane(index)
            return [first, *(self.ins(f"add i64 {first}, {k * stride}") for k in range(1, lanes.count))]
        if stride is not None:
            step, at = self.scalar(stride), [self.first_lane(index)]  # type: ignore[arg-type]
            for _ in range(1, lanes.count):
                at.append(self.ins(f"add i64 {at[-1]}, {step}"))
            return at
        v = self.vec(index)
        return [self.ins(f"extractelement <{lanes.count} x i64> {v}, i64 {k}") for k in range(lanes.count)]

    def reversed(self, x: str, dtype: DType) -> str:
        assert self.lanes is not None
        n = self.lanes.count
        v = vector(register_type(dtype), n)
        order = "<" + ", ".join(f"i32 {n - 1 - k}" for k in range(n)) + ">"
        return self.ins(f"shufflevector {v} {x}, {v} poison, <{n} x i32> {order}")

    def store_lanes(self, s: Store) -> None:
        lanes = self.lanes
        assert lanes is not None
        stride = stride_along(s.index, lanes.var, lanes.varying)
        x, n = self.vec(s.value), lanes.count
        if stride == 1:
            self.store(s.buffer, self.first_lane(s.index), x, n)
            return
        if stride == -1:
            last = self.ins(f"sub i64 {self.first_lane(s.index)}, {n - 1}")
            self.store(s.buffer, last, self.reversed(x, s.value.dtype), n)
            return
        v = vector(register_type(s.value.dtype), n)
        for k, at in enumerate(self.lane_indices(s.index, stride)):
            self.store(s.buffer, at, self.ins(f"extractelement {v} {x}, i64 {k}"))

    # ---- statements -------------------------------------------------------------------------------------------------

    def run(self, body: Sequence[Stmt]) -> None:
        for s in body:
            _STATEMENTS[type(s)](self, s)

    def let(self, s: Let) -> None:
        self.note(s.var, self.value(s.value))

    def store_stmt(self, s: Store) -> None:
        if self.lanes is not None and self.lanes.varying(s.index):
            self.store_lanes(s)
        elif self.lanes is not None and self.is_vector(s.value):  # one place: the last lane's value stays
            v = vector(register_type(s.value.dtype), self.lanes.count)
            last = self.ins(f"extractelement {v} {self.vec(s.value)}, i64 {self.lanes.count - 1}")
            self.store(s.buffer, self.scalar(s.index), last)
        else:
            self.store(s.buffer, self.scalar(s.index), self.scalar(s.value))
        self.forget_loads(s.buffer)

    def forget_loads(self, b: Buffer) -> None:
        """After a write, what was loaded may be old: loads (and what was computed from them) are computed again."""
        if b in self.buffers:
            for scope in self.scopes:
                stale = [k for e in self.alive if (k := id(e)) in scope and _reads(e, b)]
                for k in stale:
                    del scope[k]

    def alloc(self, s: Alloc) -> None:
        name = self.fresh("buf")
        count = s.buffer.size if isinstance(s.buffer.size, int) else self.dim(s.buffer.size)
        self.entry.append(f"  {name} = alloca {memory_type(s.buffer.dtype)}, i64 {count}, align 64")
        self.buffers[s.buffer] = name

    def copy(self, s: Copy) -> None:
        size = s.target.dtype.size
        count = self.scalar(s.count)
        nbytes = str(int(count) * size) if count.isdigit() else self.ins(f"mul i64 {count}, {size}")
        to = self.pointer(s.target, self.scalar(s.target_index))
        if s.source is None or s.source_index is None:
            self.module.declare("llvm.memset.p0.i64", "void", ["ptr", "i8", "i64", "i1"])
            self.put(f"call void @llvm.memset.p0.i64(ptr {to}, i8 0, i64 {nbytes}, i1 false)")
            return
        origin = self.pointer(s.source, self.scalar(s.source_index))
        self.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
        self.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {origin}, i64 {nbytes}, i1 false)")

    def check(self, s: Check) -> None:
        """The first check to fail stands: its number goes into an empty status only."""
        lanes = self.lanes
        if lanes is not None and lanes.varying(s.condition):
            self.check_lanes(s, lanes)
            return
        failed, after = self.labels("failed", "passed")
        self.put(f"br i1 {self.scalar(s.condition)}, label {after}, label {failed}")
        self.start(failed)
        self.scopes.append({})
        self.report(s.site, self.scalar(s.value))
        self.scopes.pop()
        self.branch(after)
        self.start(after)

    def check_lanes(self, s: Check, lanes: Lanes) -> None:
        flags = self.vec(s.condition)
        n = lanes.count
        mask = self.ins(f"bitcast <{n} x i1> {flags} to i{n}")
        good = self.ins(f"icmp eq i{n} {mask}, -1")
        failed, after = self.labels("failed", "passed")
        self.put(f"br i1 {good}, label {after}, label {failed}")
        self.start(failed)
        self.scopes.append({})
        inverted = self.ins(f"xor i{n} {mask}, -1")
        lane = self.intrinsic(f"llvm.cttz.i{n}", f"i{n}", [inverted, "true"], [f"i{n}", "i1"])
        where = self.ins(f"zext i{n} {lane} to i64") if n < 64 else lane
        values = self.vec(s.value)
        self.report(s.site, self.ins(f"extractelement <{n} x i64> {values}, i64 {where}"))
        self.scopes.pop()
        self.branch(after)
        self.start(after)

    def report(self, site: int, value: str) -> None:
        first, rest = self.labels("first", "noted")
        pair = self.ins(f"cmpxchg ptr %status, i64 0, i64 {site + 1} seq_cst seq_cst")
        won = self.ins(f"extractvalue {{ i64, i1 }} {pair}, 1")
        self.put(f"br i1 {won}, label {first}, label {rest}")
        self.start(first)
        at = self.ins("getelementptr i64, ptr %status, i64 1")
        self.put(f"store i64 {value}, ptr {at}")
        self.branch(rest)
        self.start(rest)

    def if_stmt(self, s: If) -> None:
        then, orelse, after = self.labels("then", "else", "endif")
        self.put(f"br i1 {self.scalar(s.condition)}, label {then}, label {orelse}")
        for label, body in ((then, s.then), (orelse, s.orelse)):
            self.start(label)
            self.scopes.append({})
            self.run(body)
            self.scopes.pop()
            self.branch(after)
        self.start(after)

    def while_stmt(self, s: While) -> None:
        """Leaves early, with a status of its own, when the user interrupts."""
        head, body, after = self.labels("while", "do", "done")
        self.branch(head)
        self.start(head)
        self.scopes.append({})
        self.run(s.before)
        go = self.scalar(s.condition)
        stop = self.module.poll(self)
        both = self.ins(f"and i1 {go}, {stop}")
        self.put(f"br i1 {both}, label {body}, label {after}")
        self.start(body)
        self.run(s.body)
        self.scopes.pop()
        self.branch(head)
        self.start(after)

    def invoke(self, s: Invoke) -> None:
        self.put(self.module.invocation(s, [self.buffers[b] for b in s.buffers], self.sizes))

    def for_stmt(self, s: For) -> None:
        from graphtf.llvm.codegen.loops import emit_for

        emit_for(self, s)


def _reads(e: Expr, b: Buffer) -> bool:
    """Does the expression load from the buffer? Bounded: what is deeper was forgotten with its own parts."""
    stack, seen = [e], set()
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Load):
            if x.buffer is b:
                return True
            stack.append(x.index)
        elif isinstance(x, Prim):
            stack.extend(x.args)
    return False


_STATEMENTS = {
    Let: FunctionWriter.let, Store: FunctionWriter.store_stmt, For: FunctionWriter.for_stmt,
    While: FunctionWriter.while_stmt, If: FunctionWriter.if_stmt, Alloc: FunctionWriter.alloc,
    Copy: FunctionWriter.copy, Check: FunctionWriter.check, Invoke: FunctionWriter.invoke,
}  # fmt: skip
