"""One function as LLVM text: its blocks, its values, its memory. What statements do with them is written elsewhere.

Invariant: scalar code and the lanes of vector code run the same instructions, so a loop's remainder equals its vectors.
An expression stands for its value at the place of its use. Entry point: `FunctionWriter`.

Values have two forms. `scalar`: one number; inside a vector loop, of an index, its value in lane 0. `vec`: one number
for each lane. Outside a vector loop they are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Size, Var
from graphtf.ir.loops.stmt import Stmt
from graphtf.llvm.codegen.canon import Canon
from graphtf.llvm.codegen.convert import emit_bitcast, emit_cast, narrow, widen
from graphtf.llvm.codegen.fold import fold, is_number
from graphtf.llvm.codegen.names import memory_type, register_type, splat, vector
from graphtf.llvm.codegen.prims import KEEPS_HALVES, emit_prim
from graphtf.llvm.codegen.scopes import Scopes, Stream
from graphtf.llvm.codegen.shapes import Varying, is_nonnegative, stride_along

if TYPE_CHECKING:
    from graphtf.llvm.codegen.module import ModuleWriter

_HALVES = (dt.float16, dt.bfloat16)
_INDEX_DIVISION = {"floordiv": "udiv", "floormod": "urem"}
FIRST, LAST = "%start", "%leave"  # blocks
Part = tuple[Expr, bool]  # an expression, and whether it is wanted in every lane


@dataclass
class Lanes:
    """The vector loop being written: its variable, its lanes, what varies in it."""

    var: Var
    count: int
    varying: Varying


class FunctionWriter:
    """The state of one function's text."""

    def __init__(self, module: ModuleWriter, sizes: Sequence[str], mutable: frozenset[Buffer], name: str) -> None:
        self.module = module
        self.symbol = name
        self.canon = Canon(mutable)
        self.scopes = Scopes()
        self.lines: Stream = []
        self.entry: Stream = []  # what comes before the first block: allocas, and what they need
        self.exit: Stream = []  # what is undone at the end
        self.on_stack = 0  # bytes
        self.leaves_early = False
        self.returns = "ret void"
        self.counter = 0
        self.block = FIRST
        self.depth: int | None = None  # the scope that the value being written is known in
        self.buffers: dict[Buffer, str] = {}
        self.sizes = {s: f"%n{k}" for k, s in enumerate(sizes)}
        self.lanes: Lanes | None = None
        self.nonnegative: set[int] = set()

    def leave_if_interrupted(self) -> None:
        """Go on unless the status says that the user, or the system, wants no more."""
        (on,) = self.labels("on")
        status = self.ins("load atomic i64, ptr %status monotonic, align 8")
        self.leaves_early = True
        self.branch(self.ins(f"icmp slt i64 {status}, 0"), LAST, on)
        self.start(on)

    def task(self, sizes: Sequence[str], name: str) -> FunctionWriter:
        """A writer for a task of a parallel loop: a function of its own."""
        raise NotImplementedError

    def run(self, body: Sequence[Stmt]) -> None:
        """Write statements."""
        raise NotImplementedError

    def text(self, signature: str) -> str:
        """The whole function."""
        lines = [f"define {signature} {{", f"{FIRST[1:]}:"]
        if any(isinstance(x, str) and x.endswith(":") for x in self.entry):
            lines = [f"define {signature} {{", "entry:", *flat(self.entry), f"  br label {FIRST}", f"{FIRST[1:]}:"]
        else:
            lines += flat(self.entry)
        lines += flat(self.lines)
        if self.leaves_early:
            lines += [f"  br label {LAST}", f"{LAST[1:]}:"]
        lines += [*flat(self.exit), f"  {self.returns}", "}"]
        return "\n".join(lines)

    # ---- text -------------------------------------------------------------------------------------------------------

    def fresh(self, prefix: str = "v") -> str:
        self.counter += 1
        return f"%{prefix}{self.counter}"

    def put(self, text: str) -> None:
        self.lines.append("  " + text)

    def ins(self, text: str) -> str:
        """An instruction's result. Part of an expression's value, it is written once in the scope it is known in."""
        depth = self.depth
        found = self.scopes.known.get(text) if depth is not None else None
        if found is not None and depth is not None and found[1] <= depth:  # what is known further in may stand below
            return found[0]
        self.counter += 1
        name = f"%v{self.counter}"
        self.lines.append(f"  {name} = {text}")
        if found is None and depth is not None:
            self.scopes.note(text, name, depth)
        return name

    def intrinsic(self, name: str, result: str, arguments: list[str], types: list[str]) -> str:
        self.module.declare(name, result, types)
        return self.ins(f"call {result} @{name}(" + ", ".join(f"{t} {a}" for t, a in zip(types, arguments)) + ")")

    def math(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str:
        return self.ins(self.module.math_call(name, dtype, lanes, args))

    def supports(self, capability: str) -> bool:
        return self.module.target.supports(capability)

    def start(self, label: str) -> None:
        self.lines.append(f"{label[1:]}:")
        self.block = label

    def labels(self, *names: str) -> list[str]:
        self.counter += 1
        return [f"%{n}{self.counter}" for n in names]

    def jump(self, label: str) -> None:
        self.put(f"br label {label}")

    def branch(self, condition: str, then: str, orelse: str) -> None:
        self.put(f"br i1 {condition}, label {then}, label {orelse}")

    @contextmanager
    def at(self, lines: Stream | None) -> Iterator[None]:
        """Write straight-line text elsewhere."""
        if lines is None:
            yield
            return
        kept, self.lines = self.lines, lines
        yield
        self.lines = kept

    # ---- values -----------------------------------------------------------------------------------------------------

    def scalar(self, e: Expr) -> str:
        e = self.canon(e)
        if isinstance(e, Lit):
            return self.canon.texts[id(e)]
        return self.get(e, False)

    def vec(self, e: Expr) -> str:
        """The value in every lane."""
        e = self.canon(e)
        if self.lanes is None:
            return self.scalar(e)
        if isinstance(e, Lit):
            return splat(self.canon.texts[id(e)], register_type(e.dtype), self.lanes.count)
        return self.get(e, True)

    def name(self, v: Var, value: str, wide: bool = False) -> None:
        """A variable has this value from here on, in this scope."""
        self.scopes.note(self.key(v, wide), value, self.scopes.top)

    def key(self, e: Expr, wide: bool) -> int:
        """Under what a value is known: ids are positive and below 2^56."""
        return -(id(e) << 7 | self.lanes.count) if wide and self.lanes is not None else id(e)

    def varies(self, e: Expr) -> bool:
        return self.lanes is not None and self.lanes.varying(self.canon(e))

    def get(self, e: Expr, wide: bool) -> str:
        """The value of a canonical expression; its parts are computed first, without recursion."""
        known = self.scopes.known
        goal = self.key(e, wide)
        found = known.get(goal)
        if found is not None:
            return found[0]
        pending = [(e, wide)]
        while pending:
            x, w = pending[-1]
            if self.key(x, w) in known:
                pending.pop()
                continue
            parts = self.parts(x, w)
            missing = [p for p in reversed(parts) if self.key(*p) not in known]
            if missing:
                pending += missing
                continue
            pending.pop()
            self.compute(x, w, parts)
        return known[goal][0]

    def parts(self, x: Expr, wide: bool) -> list[Part]:
        """What the value is computed from, but for literals."""
        if isinstance(x, Var):
            if wide and (self.lanes is None or not self.lanes.varying(x) or x is self.lanes.var):
                return [(x, False)]
            raise LookupError(f"the variable {x.name} is used where it is not defined")
        if isinstance(x, Size):
            return [(x, False)] if wide else []
        if not wide or self.lanes is None:
            operands = x.args if isinstance(x, Prim) else (x.index,) if isinstance(x, Load) else ()
            return [(a, False) for a in operands if not isinstance(a, Lit)]
        return self.wide_parts(x, self.lanes)

    def wide_parts(self, x: Expr, lanes: Lanes) -> list[Part]:
        if not lanes.varying(x) or (isinstance(x, Prim) and self.even_stride(x) is not None):
            return [(x, False)]
        if isinstance(x, Load):
            stride = stride_along(x.index, lanes.var, lanes.varying)
            if stride is None:
                return [(x.index, True)]
            found = [] if isinstance(x.index, Lit) else [(x.index, False)]
            return found if isinstance(stride, (int, Lit)) else [*found, (stride, False)]
        assert isinstance(x, Prim)
        return [(a, True) for a in x.args if not isinstance(a, Lit)]

    def even_stride(self, x: Prim) -> int | None:
        """By what number an index grows from lane to lane, if it does."""
        if x.dtype is not dt.int64 or self.lanes is None:
            return None
        stride = stride_along(x, self.lanes.var, self.lanes.varying)
        return stride if isinstance(stride, int) else None

    def compute(self, x: Expr, wide: bool, parts: list[Part]) -> None:
        """Write the value where it belongs, and note it. Its parts are known."""
        scopes = self.scopes
        depth = max((scopes.known[self.key(*p)][1] for p in parts), default=0)
        if isinstance(x, Load):
            depth = max(depth, scopes.load_floor(x.buffer))
        depth, lines = scopes.place(depth)
        kept = self.lines
        self.depth, self.lines = depth, kept if lines is None else lines
        value = self.written(x, wide)
        self.depth, self.lines = None, kept
        key = self.key(x, wide)
        scopes.note(key, value, depth)
        for b in self.canon.reads.get(id(x), ()):
            scopes.readers.setdefault(b, []).append(key)

    def written(self, x: Expr, wide: bool) -> str:
        lanes = self.lanes
        if not wide or lanes is None:
            if isinstance(x, Size):
                return self.dim(x.dim)
            if isinstance(x, Load):
                return self.load(x.buffer, self.scalar(x.index))
            assert isinstance(x, Prim)
            return self.apply(x, [self.scalar(a) for a in x.args], 1)
        if not lanes.varying(x):
            return self.splat_of(self.scalar(x), register_type(x.dtype), lanes.count)
        if x is lanes.var:
            return self.ramp(self.scalar(x), 1)
        if isinstance(x, Load):
            return self.load_lanes(x, lanes)
        assert isinstance(x, Prim)
        stride = self.even_stride(x)
        if stride is not None:
            return self.ramp(self.scalar(x), stride)
        return self.apply(x, [self.vec(a) for a in x.args], lanes.count)

    def splat_of(self, x: str, t: str, n: int) -> str:
        """A uniform value in every lane."""
        if is_number(x):
            return splat(x, t, n)
        v = vector(t, n)
        one = self.ins(f"insertelement {v} poison, {t} {x}, i64 0")
        return self.ins(f"shufflevector {v} {one}, {v} poison, <{n} x i32> zeroinitializer")

    def ramp(self, first: str, stride: int) -> str:
        """first, first + stride, first + 2 stride, …"""
        assert self.lanes is not None
        n = self.lanes.count
        if stride == 0:
            return self.splat_of(first, "i64", n)
        base = int(first) if is_number(first) else 0
        steps = "<" + ", ".join(f"i64 {base + k * stride}" for k in range(n)) + ">"
        return steps if is_number(first) else self.ins(f"add <{n} x i64> {self.splat_of(first, 'i64', n)}, {steps}")

    def apply(self, e: Prim, args: list[str], lanes: int) -> str:
        """A primitive on operands already computed."""
        operand = e.args[-1].dtype
        if lanes == 1 and operand is dt.int64:
            known = fold(e.name, args)
            if known is not None:
                return known
            if e.name in _INDEX_DIVISION and self.divides_safely(e):
                return self.ins(f"{_INDEX_DIVISION[e.name]} i64 {args[0]}, {args[1]}")
        if e.name == "cast":
            return emit_cast(self, args[0], operand, e.dtype, lanes)
        if e.name == "bitcast":
            return emit_bitcast(self, args[0], operand, e.dtype, lanes)
        if operand in _HALVES and e.name not in KEEPS_HALVES:
            wide = [widen(self, a, operand, lanes) for a in args]
            out = emit_prim(self, e.name, wide, dt.float32, lanes)
            return out if e.dtype is dt.bool_ else narrow(self, out, operand, lanes)
        return emit_prim(self, e.name, args, operand, lanes)

    def divides_safely(self, e: Prim) -> bool:
        """Is the dividend surely ≥ 0 and the divisor > 0? So it is for most indices."""
        divisor = e.args[1]
        return isinstance(divisor, Lit) and divisor.value > 0 and is_nonnegative(e.args[0], self.nonnegative)

    # ---- sizes ------------------------------------------------------------------------------------------------------

    def dim(self, d: Dim) -> str:
        """A run-time size."""
        if isinstance(d, int):
            return str(d)
        total = "0"
        for monomial, c in d.terms:
            factor = str(c)
            for a in monomial:
                x = self.sizes[a.name] if a.kind == "sym" else self.index(a.kind, [self.dim(y) for y in a.args])
                factor = self.index("mul", [x, factor])
            total = self.index("add", [factor, total])
        return total

    def index(self, name: str, args: list[str]) -> str:
        """Index arithmetic on values already computed."""
        known = fold(name, args)
        return known if known is not None else emit_prim(self, name, args, dt.int64, 1)

    # ---- memory -----------------------------------------------------------------------------------------------------

    def base(self, b: Buffer) -> str:
        """Where the buffer lies."""
        return self.buffers[b]

    def pointer(self, b: Buffer, index: str, lanes: int = 1) -> str:
        tile = b.space == "register" and is_number(index) and isinstance(b.size, int)
        if tile and not 0 <= int(index) <= b.size - lanes:  # type: ignore[operator]
            raise IndexError(f"{self.symbol}: element {index} of register tile {b.name}, which has {b.size}")
        base = self.base(b)
        return base if index == "0" else self.ins(
            f"getelementptr inbounds {memory_type(b.dtype)}, ptr {base}, i64 {index}"
        )  # fmt: skip

    def load(self, b: Buffer, index: str, lanes: int = 1) -> str:
        m = vector(memory_type(b.dtype), lanes)
        text = f"load {m}, ptr {self.pointer(b, index, lanes)}, align {b.dtype.size}"
        x = self.ins(text)
        if b in self.canon.mutable:
            self.scopes.readers.setdefault(b, []).append(text)
        return self.to_bool(x, lanes) if b.dtype is dt.bool_ else x

    def to_bool(self, x: str, lanes: int) -> str:
        zero = "0" if lanes == 1 else "zeroinitializer"
        return self.ins(f"icmp ne {vector('i8', lanes)} {x}, {zero}")

    def store(self, b: Buffer, index: str, x: str, lanes: int = 1) -> None:
        if b.dtype is dt.bool_:
            x = self.ins(f"zext {vector('i1', lanes)} {x} to {vector('i8', lanes)}")
        at = self.pointer(b, index, lanes)
        self.put(f"store {vector(memory_type(b.dtype), lanes)} {x}, ptr {at}, align {b.dtype.size}")

    def load_lanes(self, e: Load, lanes: Lanes) -> str:
        stride = stride_along(e.index, lanes.var, lanes.varying)
        n, t = lanes.count, register_type(e.dtype)
        if stride == 1:
            return self.load(e.buffer, self.scalar(e.index), n)
        if stride == -1:
            last = self.index("sub", [self.scalar(e.index), str(n - 1)])
            return self.reversed(self.load(e.buffer, last, n), t, n)
        if stride == 0:
            return self.splat_of(self.load(e.buffer, self.scalar(e.index)), t, n)
        out = "poison"
        for k, at in enumerate(self.lane_indices(e.index, stride, lanes)):
            x = self.load(e.buffer, at)
            out = self.ins(f"insertelement {vector(t, n)} {out}, {t} {x}, i64 {k}")
        return out

    def lane_indices(self, index: Expr, stride: int | Expr | None, lanes: Lanes) -> list[str]:
        """Each lane's index."""
        if isinstance(stride, int):
            first = self.scalar(index)
            return [self.index("add", [first, str(k * stride)]) for k in range(lanes.count)]
        if stride is not None:
            step, at = self.scalar(stride), [self.scalar(index)]
            for _ in range(1, lanes.count):
                at.append(self.index("add", [at[-1], step]))
            return at
        v = self.vec(index)
        return [self.ins(f"extractelement <{lanes.count} x i64> {v}, i64 {k}") for k in range(lanes.count)]

    def reversed(self, x: str, t: str, n: int) -> str:
        v = vector(t, n)
        order = "<" + ", ".join(f"i32 {n - 1 - k}" for k in range(n)) + ">"
        return self.ins(f"shufflevector {v} {x}, {v} poison, <{n} x i32> {order}")

    def store_lanes(self, b: Buffer, index: Expr, x: str, lanes: Lanes) -> None:
        """Each lane's value at its own index."""
        stride, n, t = stride_along(index, lanes.var, lanes.varying), lanes.count, register_type(b.dtype)
        if stride == 1:
            self.store(b, self.scalar(index), x, n)
        elif stride == -1:
            last = self.index("sub", [self.scalar(index), str(n - 1)])
            self.store(b, last, self.reversed(x, t, n), n)
        else:
            for k, at in enumerate(self.lane_indices(index, stride, lanes)):
                self.store(b, at, self.ins(f"extractelement {vector(t, n)} {x}, i64 {k}"))


def flat(lines: Stream) -> Iterator[str]:
    """The lines of a text with all that was written into its parts later."""
    for line in lines:
        if isinstance(line, str):
            yield line
        else:
            yield from flat(line)
