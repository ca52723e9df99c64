"""The loop IR run in Python and NumPy, one scalar at a time: what native code must agree with bit for bit.

Invariant: nothing of the emitter is used. An expression is evaluated anew at every use, in the order of the
statements; a load or store outside its buffer fails the test. Entry points: `evaluate`, `apply`.

The one thing taken from how loops are run: in which order a vector loop joins partial results (`joined`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from graphtf.ir import dims
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as e
from graphtf.ir.loops import stmt as s
from graphtf.ir.ops import OPS

Array = np.ndarray[Any, Any]
MOST_LANES = 32

# ---- primitives ------------------------------------------------------------------------------------------------------


def _quotient(a: int, b: int) -> int:
    """Towards zero; 0 for a division by 0."""
    return 0 if b == 0 else (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


def _shifted(a: int, b: int, bits: int, left: bool) -> int:
    if 0 <= b < bits:
        return a << b if left else a >> b
    return -1 if a < 0 and not left else 0


INTEGER: dict[str, Callable[..., int]] = {
    "add": lambda bits, a, b: a + b, "sub": lambda bits, a, b: a - b, "mul": lambda bits, a, b: a * b,
    "neg": lambda bits, a: -a, "abs": lambda bits, a: abs(a), "sign": lambda bits, a: (a > 0) - (a < 0),
    "min": lambda bits, a, b: min(a, b), "max": lambda bits, a, b: max(a, b), "fma": lambda bits, a, b, c: a * b + c,
    "div": lambda bits, a, b: _quotient(a, b), "truncdiv": lambda bits, a, b: _quotient(a, b),
    "truncmod": lambda bits, a, b: a - b * _quotient(a, b) if b else 0,
    "floordiv": lambda bits, a, b: a // b if b else 0, "floormod": lambda bits, a, b: a % b if b else 0,
    "and": lambda bits, a, b: a & b, "or": lambda bits, a, b: a | b, "xor": lambda bits, a, b: a ^ b,
    "not": lambda bits, a: ~a, "shl": lambda bits, a, b: _shifted(a, b, bits, True),
    "shr": lambda bits, a, b: _shifted(a, b, bits, False), "mulhi": lambda bits, a, b: a * b >> bits,
    "popcount": lambda bits, a: (a % (1 << bits)).bit_count(), "floor": lambda bits, a: a, "ceil": lambda bits, a: a,
    "trunc": lambda bits, a: a, "round": lambda bits, a: a,
}  # fmt: skip
BOOLEAN: dict[str, Callable[..., Any]] = {
    "add": np.logical_or, "mul": np.logical_and, "min": np.logical_and, "max": np.logical_or, "and": np.logical_and,
    "or": np.logical_or, "xor": np.logical_xor, "not": np.logical_not, "abs": lambda a: a,
}  # fmt: skip
FLOATING: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "truncmod": np.fmod, "neg": np.negative,
    "abs": np.abs, "sign": np.sign, "sqrt": np.sqrt, "rsqrt": lambda a: a.dtype.type(1) / np.sqrt(a),
    "min": lambda a, b: np.where((a < b) | np.isnan(a), a, b), "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
    "max": lambda a, b: np.where((a > b) | np.isnan(a), a, b), "round": np.rint,
    "fma": lambda a, b, c: np.asarray(np.frompyfunc(_fma(a.dtype), 3, 1)(a, b, c)).astype(a.dtype),
}  # fmt: skip
COMPARISON: dict[str, Callable[..., Any]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
TESTS: dict[str, Callable[..., Any]] = {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}


def _fma(dtype: np.dtype[Any]) -> Callable[..., Any]:
    """a·b + c rounded once."""

    def one(a: Any, b: Any, c: Any) -> Any:
        plain = float(a) * float(b) + float(c)
        if not (math.isfinite(a) and math.isfinite(b)):
            return plain
        if not math.isfinite(c):
            return c
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        if exact == 0:
            return plain
        try:
            near = dtype.type(float(exact))
        except OverflowError:
            return math.inf if exact > 0 else -math.inf
        if not np.isfinite(near):
            return near
        around = [near, np.nextafter(near, dtype.type(-np.inf)), np.nextafter(near, dtype.type(np.inf))]
        best = min(abs(Fraction(float(x)) - exact) for x in around if np.isfinite(x))
        closest = [x for x in around if np.isfinite(x) and abs(Fraction(float(x)) - exact) == best]
        even = [x for x in closest if not x.view(f"u{dtype.itemsize}") & 1]
        return closest[0] if len(closest) == 1 else even[0]

    return one


def apply(name: str, args: Sequence[Any], dtype: DType) -> Any:
    """A primitive on arrays; `dtype` is the result's."""
    with np.errstate(all="ignore"):
        if name == "select":
            return np.where(*args)
        if name in ("cast", "bitcast"):
            return OPS[name].ref(np.asarray(args[0]), dtype=dtype)
        kind = dt.as_dtype(args[0].dtype).kind
        if name in COMPARISON:
            return COMPARISON[name](*args)
        if name in TESTS:
            if kind == "f":
                return TESTS[name](args[0].astype(np.float64))
            return np.full(args[0].shape, name == "isfinite")
        if kind == "b":
            return BOOLEAN[name](*args)
        return _floating(name, args) if kind == "f" else _integer(name, args, dtype)


def _floating(name: str, args: Sequence[Any]) -> Any:
    own = args[0].dtype
    if own.itemsize == 2 and name not in ("neg", "abs"):
        args = [a.astype(np.float32) for a in args]
    return np.asarray(FLOATING[name](*args)).astype(own)


def _integer(name: str, args: Sequence[Any], dtype: DType) -> Any:
    bits = 8 * dtype.size
    wide = np.frompyfunc(lambda *xs: INTEGER[name](bits, *map(int, xs)) % (1 << bits), len(args), 1)(*args)
    return np.asarray(wide, object).astype(np.uint64).astype(f"u{dtype.size}").view(dtype.np)


# ---- statements ------------------------------------------------------------------------------------------------------


class Machine:
    """Memory, run-time sizes, the status."""

    def __init__(self, memory: dict[e.Buffer, Array], sizes: Mapping[str, int], vector_bytes: int) -> None:
        self.memory, self.sizes, self.vector_bytes = memory, sizes, vector_bytes
        self.kernels: dict[str, s.LoopFunc] = {}
        self.vars: dict[e.Var, Any] = {}
        self.status = (0, 0)
        self.in_lanes = False

    def run(self, body: Sequence[s.Stmt]) -> None:
        for x in body:
            getattr(self, f"do_{type(x).__name__.lower()}")(x)

    # ---- values -----------------------------------------------------------------------------------------------------

    def value(self, x: e.Expr) -> Any:
        if isinstance(x, e.Lit):
            return np.array(x.value).astype(x.dtype.np)[()] if x.dtype.kind != "b" else np.bool_(x.value)
        if isinstance(x, e.Size):
            return np.int64(dims.evaluate(x.dim, self.sizes))
        if isinstance(x, e.Var):
            return self.vars[x]
        if isinstance(x, e.Load):
            return self.memory[x.buffer][self.at(x.buffer, x.index)]
        return np.asarray(apply(x.name, [np.asarray(self.value(a)) for a in x.args], x.dtype)).astype(x.dtype.np)[()]

    def at(self, b: e.Buffer, index: e.Expr) -> int:
        i = int(self.value(index))
        assert 0 <= i < self.memory[b].size, f"{b}[{i}] is outside of {self.memory[b].size}"
        return i

    # ---- one by one -------------------------------------------------------------------------------------------------

    def do_let(self, x: s.Let) -> None:
        self.vars[x.var] = self.value(x.value)

    def do_store(self, x: s.Store) -> None:
        value = self.value(x.value)
        self.memory[x.buffer][self.at(x.buffer, x.index)] = value

    def do_alloc(self, x: s.Alloc) -> None:
        if x.buffer not in self.memory:
            self.memory[x.buffer] = np.zeros(dims.evaluate(x.buffer.size, self.sizes), x.buffer.dtype.np)

    def do_copy(self, x: s.Copy) -> None:
        start, count = int(self.value(x.target_index)), int(self.value(x.count))
        assert start >= 0 and start + count <= self.memory[x.target].size
        if x.source is None or x.source_index is None:
            self.memory[x.target][start : start + count] = 0
        else:
            at = int(self.value(x.source_index))
            assert at >= 0 and at + count <= self.memory[x.source].size
            self.memory[x.target][start : start + count] = self.memory[x.source][at : at + count]

    def do_prefetch(self, x: s.Prefetch) -> None:
        """Only a hint."""

    def do_check(self, x: s.Check) -> None:
        if not self.value(x.condition) and self.status[0] == 0:
            self.status = (x.site + 1, int(self.value(x.value)))

    def do_if(self, x: s.If) -> None:
        self.run(x.then if self.value(x.condition) else x.orelse)

    def do_while(self, x: s.While) -> None:
        for c in x.carries:
            self.vars[c.var] = self.value(c.init)
        while True:
            self.run(x.before)
            if not self.value(x.condition) or self.status[0]:
                return
            self.run(x.body)
            self.carry([(c.var, self.value(c.next)) for c in x.carries])

    def do_invoke(self, x: s.Invoke) -> None:
        k = self.kernels[x.function]
        inner = Machine(
            dict(zip((*k.params, *k.temps), map(self.memory.get, x.buffers))), self.sizes, self.vector_bytes
        )
        inner.status = self.status
        inner.run(k.body)
        self.status = inner.status

    def carry(self, values: Sequence[tuple[e.Var, Any]]) -> None:
        self.vars.update(values)

    # ---- loops ------------------------------------------------------------------------------------------------------

    def do_for(self, x: s.For) -> None:
        start, stop, step = (int(self.value(v)) for v in (x.start, x.stop, x.step))
        inits = [self.value(c.init) for c in x.carries]
        lanes = 1 if x.kind != "vector" or self.in_lanes else self.lanes_of(x, stop - start)
        found: list[list[Any]] = []
        self.carry([(c.var, i) for c, i in zip(x.carries, inits)])
        outer, self.in_lanes = self.in_lanes, self.in_lanes or lanes > 1
        for i in range(start, stop, step):
            self.vars[x.var] = np.int64(i)
            self.run(x.body)
            nexts = [self.value(c.next) for c in x.carries]
            found.append(nexts)
            if lanes == 1:
                self.carry([(c.var, self.combine(c, self.vars[c.var], n)) for c, n in zip(x.carries, nexts)])
        self.in_lanes = outer
        if lanes > 1:
            for k, c in enumerate(x.carries):
                join = lambda a, b, c=c: self.combine(c, a, b)  # noqa: E731
                self.vars[c.var] = joined(join, inits[k], [n[k] for n in found], lanes, x.unroll)

    def combine(self, c: s.Carry, a: Any, b: Any) -> Any:
        if c.combine is None:
            return b
        return np.asarray(apply(c.combine, [np.asarray(a), np.asarray(b)], c.var.dtype)).astype(c.var.dtype.np)[()]

    def lanes_of(self, x: s.For, count: int) -> int:
        """How many iterations run at once; 1 where the loop cannot run so."""
        if any(c.combine is None for c in x.carries) or any(_one_by_one(y) for y in x.body):
            return 1
        lanes = x.lanes or min(MOST_LANES, max(1, self.vector_bytes // _widest(x)))
        if isinstance(x.start, e.Lit) and isinstance(x.stop, e.Lit):
            while lanes > max(1, count):
                lanes //= 2
        return lanes


def _one_by_one(x: s.Stmt) -> bool:
    """Statements that tests put into vector loops only to see them run one by one."""
    return isinstance(x, (s.While, s.Copy, s.Alloc)) or (isinstance(x, s.For) and any(map(_one_by_one, x.body)))


def _widest(x: s.For) -> int:
    sizes = [c.var.dtype.size for c in x.carries]
    pending: list[Any] = [*x.body, *(c.next for c in x.carries)]
    while pending:
        y = pending.pop()
        if isinstance(y, s.Store):
            sizes.append(y.buffer.dtype.size)
            pending += [y.value, y.index]
        elif isinstance(y, s.For):
            sizes += [c.var.dtype.size for c in y.carries]
            pending += [*y.body, *(c.next for c in y.carries), *(c.init for c in y.carries)]
        elif isinstance(y, s.If):
            pending += [y.condition, *y.then, *y.orelse]
        elif isinstance(y, (s.Let, s.Check)):
            pending += [y.value] + ([y.condition] if isinstance(y, s.Check) else [])
        elif isinstance(y, e.Load):
            sizes += [y.dtype.size] if y.dtype.kind == "f" else []
            pending.append(y.index)
        elif isinstance(y, e.Prim):
            pending += y.args
    return max(sizes, default=4)


def joined(combine: Callable[[Any, Any], Any], init: Any, values: Sequence[Any], lanes: int, unroll: int) -> Any:
    """The result of a vector loop: vectors in rounds of `unroll` add up side by side, single vectors to the first of
    those; they are joined in pairs, their lanes by halves; then comes what there was, then the remainder in order."""
    whole = len(values) // lanes
    if whole == 0:
        return _in_order(combine, [init, *values])
    rounded = whole - whole % unroll
    slots: list[Any] = [None] * max(1, unroll)
    for k in range(whole):
        vector = values[k * lanes : (k + 1) * lanes]
        slot = k % unroll if k < rounded else 0
        slots[slot] = vector if slots[slot] is None else [combine(a, b) for a, b in zip(slots[slot], vector)]
    while len(slots) > 1:
        pairs = [_lanewise(combine, a, b) for a, b in zip(slots[::2], slots[1::2])]
        slots = pairs + slots[2 * len(pairs) :]
    total = slots[0]
    while len(total) > 2 and len(total) % 2 == 0:
        half = len(total) // 2
        total = [combine(a, b) for a, b in zip(total[:half], total[half:])]
    return _in_order(combine, [init, _in_order(combine, total), *values[whole * lanes :]])


def _lanewise(combine: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    return a if b is None else [combine(x, y) for x, y in zip(a, b)]


def _in_order(combine: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    total = values[0]
    for x in values[1:]:
        total = combine(total, x)
    return total


def evaluate(module: s.Module, arrays: Sequence[Array], sizes: Mapping[str, int], vector_bytes: int) -> tuple[int, int]:
    """Run a program on the arrays, which are changed as native code would; the status it leaves."""
    machine = Machine(dict(zip(module.main.params, arrays)), sizes, vector_bytes)
    machine.kernels = {k.name: k for k in module.kernels}
    machine.run(module.main.body)
    return machine.status
