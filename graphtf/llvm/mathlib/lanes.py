"""Numbers in LLVM registers with operators, so that the functions of this package read as formulas.

Invariant: nothing but target-neutral instructions without fast-math flags, the same for a scalar as for each lane of a
vector; so both give the same bits. Entry point: `Lanes(body, bits, width, fused)`, whose `real` wraps a value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_FLOATS = {32: "float", 64: "double"}


@dataclass(frozen=True, slots=True)
class Format:
    """An IEEE binary format: its widths in bits and what follows from them."""

    bits: int
    fraction: int
    bias: int

    @property
    def least_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    @property
    def least(self) -> float:
        """The least positive number."""
        return 2.0 ** (1 - self.bias - self.fraction)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0**-self.fraction) * 2.0**self.bias

    @property
    def magic(self) -> float:
        """1.5·2^fraction: adding it to a small number leaves its nearest integer in the lowest bits."""
        return 1.5 * 2.0**self.fraction

    def encode(self, x: float) -> int:
        """The bits of x."""
        return int(np.array(x, f"f{self.bits // 8}").view(f"i{self.bits // 8}"))


FORMATS = {32: Format(32, 23, 127), 64: Format(64, 52, 1023)}


class Body:
    """The text of one function while it is written, and what it needs beside it: declarations and definitions."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declares: dict[str, str] = {}
        self.definitions: dict[str, str] = {}
        self.block = "entry"

    def value(self, instruction: str) -> str:
        """Add an instruction; the name of its result."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def put(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def label(self, prefix: str) -> str:
        return f"{prefix}{len(self.lines)}"

    def start(self, label: str) -> None:
        """Begin a basic block."""
        self.lines.append(f"{label}:")
        self.block = label

    def call(self, symbol: str, result: str, types: Sequence[str], args: Sequence[str]) -> str:
        """A call of an intrinsic, which is declared, or of a function among the definitions."""
        if symbol not in self.definitions:
            self.declares.setdefault(symbol, f"declare {result} @{symbol}({', '.join(types)})")
        return self.value(f"call {result} @{symbol}({', '.join(f'{t} {a}' for t, a in zip(types, args))})")


class Real:
    """A floating-point scalar or vector."""

    __slots__ = ("k", "name")

    def __init__(self, k: Lanes, name: str) -> None:
        self.k, self.name = k, name

    def __add__(self, other: Number) -> Real:
        return self.k.binary("fadd", self, other)

    def __radd__(self, other: Number) -> Real:
        return self.k.binary("fadd", other, self)

    def __sub__(self, other: Number) -> Real:
        return self.k.binary("fsub", self, other)

    def __rsub__(self, other: Number) -> Real:
        return self.k.binary("fsub", other, self)

    def __mul__(self, other: Number) -> Real:
        return self.k.binary("fmul", self, other)

    def __rmul__(self, other: Number) -> Real:
        return self.k.binary("fmul", other, self)

    def __truediv__(self, other: Number) -> Real:
        return self.k.binary("fdiv", self, other)

    def __rtruediv__(self, other: Number) -> Real:
        return self.k.binary("fdiv", other, self)

    def __neg__(self) -> Real:
        return Real(self.k, self.k.body.value(f"fneg {self.k.type} {self.name}"))

    def __abs__(self) -> Real:
        return self.k.intrinsic("fabs", self)

    # Comparisons with NaN are false, but `differs`.
    def __lt__(self, other: Number) -> Mask:
        return self.k.compare("olt", self, other)

    def __le__(self, other: Number) -> Mask:
        return self.k.compare("ole", self, other)

    def __gt__(self, other: Number) -> Mask:
        return self.k.compare("ogt", self, other)

    def __ge__(self, other: Number) -> Mask:
        return self.k.compare("oge", self, other)

    def equals(self, other: Number) -> Mask:
        return self.k.compare("oeq", self, other)

    def differs(self, other: Number) -> Mask:
        return self.k.compare("une", self, other)

    def is_nan(self) -> Mask:
        return self.k.compare("uno", self, self)

    def bits(self) -> Int:
        """The encoding as an integer of the same width."""
        return Int(self.k, self.k.body.value(f"bitcast {self.k.type} {self.name} to {self.k.int_type}"))


class Int:
    """An integer scalar or vector as wide as the floating-point format."""

    __slots__ = ("k", "name")

    def __init__(self, k: Lanes, name: str) -> None:
        self.k, self.name = k, name

    def _with(self, op: str, other: Int | int) -> Int:
        k = self.k
        return Int(k, k.body.value(f"{op} {k.int_type} {self.name}, {k.coerce_int(other).name}"))

    def __add__(self, other: Int | int) -> Int:
        return self._with("add", other)

    def __sub__(self, other: Int | int) -> Int:
        return self._with("sub", other)

    def __mul__(self, other: Int | int) -> Int:
        return self._with("mul", other)

    def __and__(self, other: Int | int) -> Int:
        return self._with("and", other)

    def __or__(self, other: Int | int) -> Int:
        return self._with("or", other)

    def __xor__(self, other: Int | int) -> Int:
        return self._with("xor", other)

    def __lshift__(self, count: Int | int) -> Int:
        return self._with("shl", count)

    def __rshift__(self, count: Int | int) -> Int:
        """Logical: zeros come in."""
        return self._with("lshr", count)

    def shift_signed(self, count: int) -> Int:
        """Arithmetic shift to the right: copies of the sign come in."""
        return self._with("ashr", count)

    def _compare(self, test: str, other: Int | int) -> Mask:
        k = self.k
        return Mask(k, k.body.value(f"icmp {test} {k.int_type} {self.name}, {k.coerce_int(other).name}"))

    # Signed comparisons.
    def __lt__(self, other: Int | int) -> Mask:
        return self._compare("slt", other)

    def __gt__(self, other: Int | int) -> Mask:
        return self._compare("sgt", other)

    def equals(self, other: Int | int) -> Mask:
        return self._compare("eq", other)

    def differs(self, other: Int | int) -> Mask:
        return self._compare("ne", other)

    def real(self) -> Real:
        """The floating-point number with these bits."""
        return Real(self.k, self.k.body.value(f"bitcast {self.k.int_type} {self.name} to {self.k.type}"))

    def to_real(self) -> Real:
        """The nearest floating-point number to a signed value: one instruction for a scalar, slow for a vector."""
        return Real(self.k, self.k.body.value(f"sitofp {self.k.int_type} {self.name} to {self.k.type}"))

    def convert(self, offset: Real | float = 0.0) -> Real:
        """The floating-point number of this value minus `offset`, for |value| < 2^(fraction - 1).

        By adding 1.5·2^fraction, because few targets convert vectors of 64-bit integers.
        """
        magic = self.k.format.magic
        encoded = (self + self.k.format.encode(magic)).real()
        return encoded - (offset + magic)


class Mask:
    """A truth value per lane."""

    __slots__ = ("k", "name")

    def __init__(self, k: Lanes, name: str) -> None:
        self.k, self.name = k, name

    def _with(self, op: str, other: Mask) -> Mask:
        return Mask(self.k, self.k.body.value(f"{op} {self.k.mask_type} {self.name}, {other.name}"))

    def __and__(self, other: Mask) -> Mask:
        return self._with("and", other)

    def __or__(self, other: Mask) -> Mask:
        return self._with("or", other)

    def __xor__(self, other: Mask) -> Mask:
        return self._with("xor", other)

    def __invert__(self) -> Mask:
        return self._with("xor", Mask(self.k, self.k.constant("i1", "true")))


Number = Real | float


class Lanes:
    """Emits arithmetic of one type: float, double or a vector of `width` of them; width 1 is a scalar.

    `fused` says that the target has a fused multiply-add. Without it the instruction would become a slow library call,
    so `mad` rounds twice then, and what must be exact takes more operations.
    """

    def __init__(self, body: Body, bits: int, width: int, fused: bool) -> None:
        self.body, self.width, self.fused = body, width, fused
        self.format = FORMATS[bits]
        self.is_f32 = bits == 32
        self.type = self._shaped(_FLOATS[bits])
        self.int_type = self._shaped(f"i{bits}")
        self.mask_type = self._shaped("i1")
        self.suffix = f"f{bits}" if width == 1 else f"v{width}f{bits}"

    def _shaped(self, element: str) -> str:
        return element if self.width == 1 else f"<{self.width} x {element}>"

    @cached_property
    def wide(self) -> Lanes:
        """The same lanes in double."""
        return Lanes(self.body, 64, self.width, self.fused) if self.is_f32 else self

    @cached_property
    def one(self) -> Lanes:
        """A single lane."""
        return self if self.width == 1 else Lanes(self.body, self.format.bits, 1, self.fused)

    # ---- constants ---------------------------------------------------------------------------------------------------

    def constant(self, element: str, text: str) -> str:
        return text if self.width == 1 else f"splat ({element} {text})"

    def real(self, x: float) -> Real:
        """A constant, rounded to the format."""
        rounded = float(np.float32(x)) if self.is_f32 else float(x)
        return Real(self, self.constant(_FLOATS[self.format.bits], _hexadecimal(rounded)))

    def int(self, n: int) -> Int:
        return Int(self, self.constant(f"i{self.format.bits}", str(n)))

    def coerce(self, x: Number) -> Real:
        return x if isinstance(x, Real) else self.real(x)

    def coerce_int(self, x: Int | int) -> Int:
        return x if isinstance(x, Int) else self.int(x)

    # ---- instructions ------------------------------------------------------------------------------------------------

    def binary(self, op: str, a: Number, b: Number) -> Real:
        return Real(self, self.body.value(f"{op} {self.type} {self.coerce(a).name}, {self.coerce(b).name}"))

    def compare(self, test: str, a: Number, b: Number) -> Mask:
        return Mask(self, self.body.value(f"fcmp {test} {self.type} {self.coerce(a).name}, {self.coerce(b).name}"))

    def intrinsic(self, name: str, *args: Number) -> Real:
        """A call of LLVM's intrinsic `name` on operands of this type."""
        names = [self.coerce(a).name for a in args]
        return Real(self, self.body.call(f"llvm.{name}.{self.suffix}", self.type, [self.type] * len(args), names))

    def select(self, mask: Mask, a: Number, b: Number) -> Real:
        return Real(self, self._select(mask, self.type, self.coerce(a).name, self.coerce(b).name))

    def select_int(self, mask: Mask, a: Int | int, b: Int | int) -> Int:
        return Int(self, self._select(mask, self.int_type, self.coerce_int(a).name, self.coerce_int(b).name))

    def _select(self, mask: Mask, type: str, a: str, b: str) -> str:
        return self.body.value(f"select {self.mask_type} {mask.name}, {type} {a}, {type} {b}")

    def floor(self, x: Real) -> Real:
        return self.intrinsic("floor", x)

    def sqrt(self, x: Real) -> Real:
        return self.intrinsic("sqrt", x)

    def copysign(self, size: Number, sign: Real) -> Real:
        return self.intrinsic("copysign", size, sign)

    def at_most(self, x: Real, limit: Number) -> Real:
        """min(x, limit); NaN stays."""
        bound = self.coerce(limit)
        return self.select(bound < x, bound, x)

    def at_least(self, x: Real, limit: Number) -> Real:
        """max(x, limit); NaN stays."""
        bound = self.coerce(limit)
        return self.select(bound > x, bound, x)

    def widen(self, x: Real) -> Real:
        """x in double."""
        return Real(self.wide, self.body.value(f"fpext {self.type} {x.name} to {self.wide.type}")) if self.is_f32 else x

    def narrow(self, x: Real) -> Real:
        """A double of these lanes rounded to this format."""
        return Real(self, self.body.value(f"fptrunc {x.k.type} {x.name} to {self.type}")) if self.is_f32 else x

    # ---- compound ----------------------------------------------------------------------------------------------------

    def mad(self, a: Number, b: Number, c: Number) -> Real:
        """a·b + c, rounded once where the target can."""
        return self.intrinsic("fma", a, b, c) if self.fused else self.coerce(a) * b + c

    def polynomial(self, x: Real, coefficients: Sequence[Number]) -> Real:
        """Σ coefficients[i]·xⁱ by Horner's rule: the fewest operations; loops overlap several of them."""
        total = self.coerce(coefficients[-1])
        for c in coefficients[-2::-1]:
            total = self.mad(total, x, c)
        return total

    def product(self, a: Real, b: Number) -> tuple[Real, Real]:
        """a·b and its rounding error, to the last bit but one. Without fused multiply-add |a| and |b| must be below
        2^(emax - fraction)."""
        b = self.coerce(b)
        high = a * b
        if self.fused:
            return high, self.intrinsic("fma", a, b, -high)
        (a1, a0), (b1, b0) = self.halves(a), self.halves(b)
        return high, a1 * b1 - high + a1 * b0 + a0 * b1 + a0 * b0

    def halves(self, a: Real) -> tuple[Real, Real]:
        """a as a sum of two numbers of half its precision each, so that products of such parts are exact."""
        kept = ~((1 << (self.format.fraction // 2 + 1)) - 1)
        high = (a.bits() & kept).real()
        return high, a - high

    def sum(self, a: Number, b: Number) -> tuple[Real, Real]:
        """a + b and its rounding error, exactly, where |a| ≥ |b| or a is 0."""
        a, b = self.coerce(a), self.coerce(b)
        total = a + b
        return total, b - (total - a)

    def power_of_two(self, biased: Int) -> Real:
        """2^(biased - bias), for the exponent in the lowest bits of `biased`; higher bits than the field drop out."""
        return (biased << self.format.fraction).real()

    # ---- control -----------------------------------------------------------------------------------------------------

    def any(self, mask: Mask) -> str:
        """Whether any lane is true, an i1."""
        if self.width == 1:
            return mask.name
        return self.body.call(f"llvm.vector.reduce.or.v{self.width}i1", "i1", [self.mask_type], [mask.name])

    def rarely(self, mask: Mask, default: Sequence[Real], compute: Callable[[], Sequence[Real]]) -> list[Real]:
        """`compute()` in the lanes of the mask, `default` in the others; no work where the mask is empty."""
        body = self.body
        before, rare, after = body.block, body.label("rare"), body.label("after")
        body.put(f"br i1 {self.any(mask)}, label %{rare}, label %{after}")
        body.start(rare)
        chosen = [self.select(mask, new, old) for new, old in zip(compute(), default)]
        last = body.block
        body.put(f"br label %{after}")
        body.start(after)
        return [
            Real(self, body.value(f"phi {self.type} [ {new.name}, %{last} ], [ {old.name}, %{before} ]"))
            for new, old in zip(chosen, default)
        ]

    def repeat(self, state: Sequence[Real], go_on: Callable[..., Mask], step: Callable[..., Sequence[Real]]) -> Any:
        """state = step(*state) while go_on(*state) in any lane. A lane that is done must stay as it is by itself."""
        body = self.body
        before, loop, work, after = body.block, *(body.label(p) for p in ("loop", "work", "done"))
        body.put(f"br label %{loop}")
        body.start(loop)
        start = len(body.lines)
        names = [body.value("") for _ in state]
        current = [Real(self, name) for name in names]
        body.put(f"br i1 {self.any(go_on(*current))}, label %{work}, label %{after}")
        body.start(work)
        following = step(*current)
        for i, (old, new) in enumerate(zip(state, following)):
            phi = f"phi {self.type} [ {old.name}, %{before} ], [ {new.name}, %{body.block} ]"
            body.lines[start + i] = f"  {names[i]} = {phi}"
        body.put(f"br label %{loop}")
        body.start(after)
        return current

    def call(self, symbol: str, x: Real, results: int) -> list[Real]:
        """A function among the definitions, of one number, which returns several."""
        record = _record(self.type, results)
        found = self.body.call(symbol, record, [self.type], [x.name])
        return [Real(self, self.body.value(f"extractvalue {record} {found}, {i}")) for i in range(results)]

    def by_lane(self, symbol: str, x: Real, results: int) -> list[Real]:
        """A scalar function among the definitions applied to one lane after the other, where that is rare."""
        if self.width == 1:
            return self.call(symbol, x, results)
        every = f"{symbol}_{self.suffix}"
        if every not in self.body.definitions:
            self.body.definitions[every] = _lane_loop(every, symbol, self, results)
        return self.call(every, x, results)


def _record(type: str, count: int) -> str:
    return "{ " + ", ".join([type] * count) + " }"


def _lane_loop(symbol: str, scalar: str, k: Lanes, results: int) -> str:
    """The text of a function that calls `scalar` for each lane."""
    element, record, count = k.one.type, _record(k.one.type, results), range(results)
    lines = [
        f"define internal {_record(k.type, results)} @{symbol}({k.type} %x) "
        "noinline nounwind willreturn memory(none) {",
        "entry:", "  br label %loop", "loop:", "  %i = phi i32 [ 0, %entry ], [ %next, %loop ]",
        *(f"  %t{r} = phi {k.type} [ poison, %entry ], [ %u{r}, %loop ]" for r in count),
        f"  %one = extractelement {k.type} %x, i32 %i", f"  %y = call {record} @{scalar}({element} %one)",
        *(f"  %y{r} = extractvalue {record} %y, {r}" for r in count),
        *(f"  %u{r} = insertelement {k.type} %t{r}, {element} %y{r}, i32 %i" for r in count),
        "  %next = add i32 %i, 1", f"  %more = icmp ult i32 %next, {k.width}",
        "  br i1 %more, label %loop, label %done",
        "done:",
        *(f"  %r{r} = insertvalue {_record(k.type, results)} {f'%r{r - 1}' if r else 'poison'}, {k.type} %u{r}, {r}"
          for r in count),
        f"  ret {_record(k.type, results)} %r{results - 1}", "}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _hexadecimal(x: float) -> str:
    """LLVM's exact notation, also for infinities and NaN."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def pick(k: Lanes, f32: Any, f64: Any) -> Any:
    """The constant for the format of k."""
    return f32 if k.is_f32 else f64
