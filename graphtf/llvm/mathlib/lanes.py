"""Numbers in LLVM registers with operators, so that the functions of this package read as formulas.

Invariant: nothing but target-neutral, branch-free instructions without fast-math flags, the same for a scalar as for each
lane of a vector; so both give the same bits. Entry point: `Lanes(builder, type)`, whose `real` wraps a value.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Union

import numpy as np
from llvmlite import ir
from llvmlite.ir.values import FormattedConstant

_FLOATS = {32: ir.FloatType(), 64: ir.DoubleType()}
_COMPACT = {32: "float", 64: "double"}


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
    def magic(self) -> float:
        """1.5·2^fraction: adding it to a small number leaves its nearest integer in the lowest bits."""
        return 1.5 * 2.0**self.fraction

    def encode(self, x: float) -> int:
        """The bits of x."""
        return int(np.array(x, f"f{self.bits // 8}").view(f"i{self.bits // 8}"))


FORMATS = {32: Format(32, 23, 127), 64: Format(64, 52, 1023)}


class Real:
    """A floating-point scalar or vector."""

    __slots__ = ("k", "value")

    def __init__(self, k: Lanes, value: ir.Value) -> None:
        self.k, self.value = k, value

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
        return Real(self.k, self.k.builder.fneg(self.value))

    def __abs__(self) -> Real:
        return self.k.intrinsic("fabs", self)

    # Comparisons with NaN are false, but `differs`.
    def __lt__(self, other: Number) -> Mask:
        return self.k.compare("<", self, other)

    def __le__(self, other: Number) -> Mask:
        return self.k.compare("<=", self, other)

    def __gt__(self, other: Number) -> Mask:
        return self.k.compare(">", self, other)

    def __ge__(self, other: Number) -> Mask:
        return self.k.compare(">=", self, other)

    def equals(self, other: Number) -> Mask:
        return self.k.compare("==", self, other)

    def differs(self, other: Number) -> Mask:
        return Mask(self.k, self.k.builder.fcmp_unordered("!=", self.value, self.k.coerce(other).value))

    def bits(self) -> Int:
        """The encoding as an integer of the same width."""
        return Int(self.k, self.k.builder.bitcast(self.value, self.k.int_type))


class Int:
    """An integer scalar or vector as wide as the floating-point format."""

    __slots__ = ("k", "value")

    def __init__(self, k: Lanes, value: ir.Value) -> None:
        self.k, self.value = k, value

    def _with(self, op: str, other: Int | int) -> Int:
        return Int(self.k, getattr(self.k.builder, op)(self.value, self.k.coerce_int(other).value))

    def __add__(self, other: Int | int) -> Int:
        return self._with("add", other)

    def __sub__(self, other: Int | int) -> Int:
        return self._with("sub", other)

    def __and__(self, other: Int | int) -> Int:
        return self._with("and_", other)

    def __or__(self, other: Int | int) -> Int:
        return self._with("or_", other)

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

    def _compare(self, sign: str, other: Int | int) -> Mask:
        return Mask(self.k, self.k.builder.icmp_signed(sign, self.value, self.k.coerce_int(other).value))

    def __lt__(self, other: Int | int) -> Mask:
        return self._compare("<", other)

    def __gt__(self, other: Int | int) -> Mask:
        return self._compare(">", other)

    def equals(self, other: Int | int) -> Mask:
        return self._compare("==", other)

    def real(self) -> Real:
        """The floating-point number with these bits."""
        return Real(self.k, self.k.builder.bitcast(self.value, self.k.type))

    def convert(self, offset: Real | float = 0.0) -> Real:
        """The floating-point number of this value minus `offset`, for |value| < 2^(fraction - 1).

        By adding 1.5·2^fraction, because few targets convert vectors of 64-bit integers.
        """
        magic = self.k.format.magic
        encoded = (self + self.k.format.encode(magic)).real()
        return encoded - (offset + magic)


class Mask:
    """A truth value per lane."""

    __slots__ = ("k", "value")

    def __init__(self, k: Lanes, value: ir.Value) -> None:
        self.k, self.value = k, value

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.k, self.k.builder.and_(self.value, other.value))

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.k, self.k.builder.or_(self.value, other.value))

    def __xor__(self, other: Mask) -> Mask:
        return Mask(self.k, self.k.builder.xor(self.value, other.value))

    def __invert__(self) -> Mask:
        return Mask(self.k, self.k.builder.not_(self.value))


Number = Union[Real, float]


class Lanes:
    """Emits arithmetic of one type: float, double or a vector of them.

    `fused` says that the target has a fused multiply-add. Without it the instruction would become a slow library call,
    so `mad` rounds twice then, and what must be exact takes more operations.
    """

    def __init__(self, builder: ir.IRBuilder, type: ir.Type, fused: bool = True) -> None:
        self.builder = builder
        self.type = type
        self.fused = fused
        self.width = type.count if isinstance(type, ir.VectorType) else 0
        element = type.element if self.width else type
        self.format = FORMATS[32 if isinstance(element, ir.FloatType) else 64]
        self.is_f32 = self.format.bits == 32
        self.int_type = self._shaped(ir.IntType(self.format.bits))
        self.suffix = f"v{self.width}f{self.format.bits}" if self.width else f"f{self.format.bits}"

    def _shaped(self, element: ir.Type) -> ir.Type:
        return ir.VectorType(element, self.width) if self.width else element

    @cached_property
    def wide(self) -> Lanes:
        """The same lanes in double."""
        return Lanes(self.builder, self._shaped(_FLOATS[64]), self.fused)

    # ---- constants ---------------------------------------------------------------------------------------------------

    def real(self, x: ir.Value | float) -> Real:
        """Wrap a value, or make a constant, rounded to the format."""
        if isinstance(x, ir.Value):
            return Real(self, x)
        rounded = float(np.float32(x)) if self.is_f32 else float(x)
        return Real(self, self._splat(self.type, _COMPACT[self.format.bits], _hexadecimal(rounded)))

    def int(self, n: int) -> Int:
        return Int(self, self._splat(self.int_type, f"i{self.format.bits}", str(n)))

    def _splat(self, type: ir.Type, element: str, text: str) -> ir.Value:
        return FormattedConstant(type, f"splat ({element} {text})" if self.width else text)

    def coerce(self, x: Number) -> Real:
        return x if isinstance(x, Real) else self.real(x)

    def coerce_int(self, x: Int | int) -> Int:
        return x if isinstance(x, Int) else self.int(x)

    # ---- instructions ------------------------------------------------------------------------------------------------

    def binary(self, op: str, a: Number, b: Number) -> Real:
        return Real(self, getattr(self.builder, op)(self.coerce(a).value, self.coerce(b).value))

    def compare(self, sign: str, a: Number, b: Number) -> Mask:
        return Mask(self, self.builder.fcmp_ordered(sign, self.coerce(a).value, self.coerce(b).value))

    def intrinsic(self, name: str, *args: Number) -> Real:
        """A call of LLVM's intrinsic `name` on operands of this type."""
        full = f"llvm.{name}.{self.suffix}"
        callee = self.builder.module.globals.get(full)
        if callee is None:
            callee = ir.Function(self.builder.module, ir.FunctionType(self.type, [self.type] * len(args)), full)
        return Real(self, self.builder.call(callee, [self.coerce(a).value for a in args]))

    def select(self, mask: Mask, a: Number, b: Number) -> Real:
        return Real(self, self.builder.select(mask.value, self.coerce(a).value, self.coerce(b).value))

    def select_int(self, mask: Mask, a: Int | int, b: Int | int) -> Int:
        return Int(self, self.builder.select(mask.value, self.coerce_int(a).value, self.coerce_int(b).value))

    def sqrt(self, x: Real) -> Real:
        return self.intrinsic("sqrt", x)

    def copysign(self, size: Number, sign: Real) -> Real:
        return self.intrinsic("copysign", size, sign)

    def at_most(self, x: Real, limit: float) -> Real:
        """min(x, limit); NaN stays."""
        bound = self.real(limit)
        return self.select(bound < x, bound, x)

    def at_least(self, x: Real, limit: float) -> Real:
        """max(x, limit); NaN stays."""
        bound = self.real(limit)
        return self.select(bound > x, bound, x)

    def widen(self, x: Real) -> Real:
        """x in double."""
        return x if not self.is_f32 else Real(self.wide, self.builder.fpext(x.value, self.wide.type))

    def narrow(self, x: Real) -> Real:
        """A double of these lanes rounded to this format."""
        return x if not self.is_f32 else Real(self, self.builder.fptrunc(x.value, self.type))

    # ---- compound ----------------------------------------------------------------------------------------------------

    def mad(self, a: Number, b: Number, c: Number) -> Real:
        """a·b + c, rounded once where the target can."""
        return self.intrinsic("fma", a, b, c) if self.fused else self.coerce(a) * b + c

    def polynomial(self, x: Real, coefficients: Sequence[float | Real]) -> Real:
        """Σ coefficients[i]·xⁱ by Horner's rule: the fewest operations; loops overlap several of them."""
        total = self.coerce(coefficients[-1])
        for c in coefficients[-2::-1]:
            total = self.mad(total, x, c)
        return total

    def product(self, a: Real, b: Number) -> tuple[Real, Real]:
        """a·b and its rounding error, exactly. Without fused multiply-add |a| and |b| must be below 2^(emax - fraction)."""
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
        """2^(biased - bias), for the exponent in the lowest bits of `biased`; higher bits than the field are dropped."""
        return (biased << self.format.fraction).real()


def _hexadecimal(x: float) -> str:
    """LLVM's exact notation, also for infinities and NaN."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def pick(k: Lanes, f32: Any, f64: Any) -> Any:
    """The constant for the format of k."""
    return f32 if k.is_f32 else f64
