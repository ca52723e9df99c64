"""Scalar primitives as LLVM instructions, at any number of lanes.

Invariant: results are NumPy's, bit for bit, for everything but the transcendental functions (mathlib states their ULP):
integer division by zero gives 0 and never traps, shifts by the width or more give 0 (or the sign), NaN comes through
min and max. Entry point: `emit_prim`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import TRANSCENDENTAL
from graphtf.llvm.codegen.names import literal, register_type, splat, vector

# Computed on float16 and bfloat16 as they are; everything else on them in float, rounded after each primitive.
KEEPS_HALVES = ("select", "neg", "abs")


class Writer(Protocol):
    """Where instructions go."""

    def ins(self, text: str) -> str: ...

    def intrinsic(self, name: str, result: str, arguments: list[str], types: list[str]) -> str: ...

    def math(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str: ...

    def supports(self, capability: str) -> bool: ...


class At:
    """A primitive's setting: the writer, the operands' dtype, the lanes."""

    def __init__(self, w: Writer, dtype: DType, lanes: int) -> None:
        self.w, self.dtype, self.lanes = w, dtype, lanes
        self.element = register_type(dtype)
        self.t = vector(self.element, lanes)
        self.bits = dtype.size * 8
        self.flag = vector("i1", lanes)

    def ins(self, text: str) -> str:
        return self.w.ins(text)

    def const(self, value: float) -> str:
        return self.spread(literal(value, self.dtype), self.element)

    def true(self) -> str:
        return self.spread("true", "i1")

    def spread(self, text: str, element: str) -> str:
        return text if self.lanes == 1 else splat(text, element, self.lanes)

    def select(self, c: str, a: str, b: str) -> str:
        return self.ins(f"select {self.flag} {c}, {self.t} {a}, {self.t} {b}")

    def call(self, name: str, *args: str) -> str:
        suffix = ("f" if self.dtype.kind == "f" else "i") + str(self.bits)
        full = f"llvm.{name}.{suffix}" if self.lanes == 1 else f"llvm.{name}.v{self.lanes}{suffix}"
        return self.w.intrinsic(full, self.t, list(args), [self.t] * len(args))

    @property
    def unsigned(self) -> bool:
        return self.dtype.kind in "ub"


Emit = Callable[[At, list[str]], str]


def _ins(text: str) -> Emit:
    return lambda at, a: at.ins(f"{text} {at.t} {a[0]}, {a[1]}")


def _call(name: str) -> Emit:
    return lambda at, a: at.call(name, *a)


def _same(at: At, a: list[str]) -> str:
    return a[0]


def _never(at: At, a: list[str]) -> str:
    return at.spread("false", "i1")


def _always(at: At, a: list[str]) -> str:
    return at.true()


def _select(at: At, a: list[str]) -> str:
    return at.select(a[0], a[1], a[2])


# ---- floats ----------------------------------------------------------------------------------------------------------


def _float_extreme(test: str) -> Emit:
    """x where it wins or is NaN, else y."""

    def emit(at: At, a: list[str]) -> str:
        better = at.select(at.ins(f"fcmp {test} {at.t} {a[0]}, {a[1]}"), a[0], a[1])
        return at.select(at.ins(f"fcmp uno {at.t} {a[0]}, {a[0]}"), a[0], better)

    return emit


def _float_sign(at: At, a: list[str]) -> str:
    one = at.call("copysign", at.const(1), a[0])
    keep = at.ins(f"fcmp une {at.t} {a[0]}, {at.const(0)}")
    nan = at.ins(f"fcmp uno {at.t} {a[0]}, {a[0]}")
    return at.select(nan, a[0], at.select(keep, one, at.const(0)))


def _is_infinite(at: At, a: list[str]) -> str:
    return at.ins(f"fcmp oeq {at.t} {at.call('fabs', a[0])}, {at.const(float('inf'))}")


def _is_finite(at: At, a: list[str]) -> str:
    return at.ins(f"fcmp olt {at.t} {at.call('fabs', a[0])}, {at.const(float('inf'))}")


def _fma(at: At, a: list[str]) -> str:
    """Rounded once where the target can; a call of the C library would take longer than all else."""
    if at.w.supports("fma"):
        return at.call("fma", *a)
    return at.ins(f"fadd {at.t} {at.ins(f'fmul {at.t} {a[0]}, {a[1]}')}, {a[2]}")


# ---- integers --------------------------------------------------------------------------------------------------------


def _icmp(name: str) -> Emit:
    def emit(at: At, a: list[str]) -> str:
        test = name if name in ("eq", "ne") else ("u" if at.unsigned else "s") + name
        return at.ins(f"icmp {test} {at.t} {a[0]}, {a[1]}")

    return emit


def _int_extreme(which: str) -> Emit:
    def emit(at: At, a: list[str]) -> str:
        test = ("u" if at.unsigned else "s") + which
        return at.select(at.ins(f"icmp {test} {at.t} {a[0]}, {a[1]}"), a[0], a[1])

    return emit


def _int_sign(at: At, a: list[str]) -> str:
    positive = at.ins(f"icmp {'ne' if at.unsigned else 'sgt'} {at.t} {a[0]}, {at.const(0)}")
    up = at.select(positive, at.const(1), at.const(0))
    if at.unsigned:
        return up
    return at.select(at.ins(f"icmp slt {at.t} {a[0]}, {at.const(0)}"), at.const(-1), up)


def _int_abs(at: At, a: list[str]) -> str:
    if at.unsigned:
        return a[0]
    negative = at.ins(f"icmp slt {at.t} {a[0]}, {at.const(0)}")
    return at.select(negative, at.ins(f"sub {at.t} {at.const(0)}, {a[0]}"), a[0])


def _safe_divisor(at: At, a: list[str]) -> tuple[str, str]:
    """A divisor that cannot trap, and whether the true one was 0. For INT_MIN / -1 it is 1: the result wraps around."""
    zero = at.ins(f"icmp eq {at.t} {a[1]}, {at.const(0)}")
    bad = zero
    if not at.unsigned:
        minus = at.ins(f"icmp eq {at.t} {a[1]}, {at.const(-1)}")
        least = at.ins(f"icmp eq {at.t} {a[0]}, {at.const(-(2 ** (at.bits - 1)))}")
        bad = at.ins(f"or {at.flag} {zero}, {at.ins(f'and {at.flag} {minus}, {least}')}")
    return at.select(bad, at.const(1), a[1]), zero


def _int_division(kind: str) -> Emit:
    """truncdiv, truncmod, floordiv, floormod; anything by 0 is 0."""

    def emit(at: At, a: list[str]) -> str:
        b, zero = _safe_divisor(at, a)
        sign = "u" if at.unsigned else "s"
        out = at.ins(f"{sign}{'div' if kind.endswith('div') else 'rem'} {at.t} {a[0]}, {b}")
        if kind.startswith("floor") and not at.unsigned:
            rest = out if kind == "floormod" else at.ins(f"srem {at.t} {a[0]}, {b}")
            uneven = at.ins(f"icmp ne {at.t} {rest}, {at.const(0)}")
            crossed = at.ins(f"icmp slt {at.t} {at.ins(f'xor {at.t} {rest}, {b}')}, {at.const(0)}")
            fix = at.ins(f"and {at.flag} {uneven}, {crossed}")
            moved = f"sub {at.t} {out}, {at.const(1)}" if kind == "floordiv" else f"add {at.t} {out}, {b}"
            out = at.select(fix, at.ins(moved), out)
        return at.select(zero, at.const(0), out)

    return emit


def _shift(kind: str) -> Emit:
    """Shifts by the width or more (or by less than nothing) give 0, or the sign for a signed right shift."""

    def emit(at: At, a: list[str]) -> str:
        inside = at.ins(f"icmp ult {at.t} {a[1]}, {at.const(at.bits)}")
        if kind == "shr" and not at.unsigned:
            return at.ins(f"ashr {at.t} {a[0]}, {at.select(inside, a[1], at.const(at.bits - 1))}")
        moved = at.ins(f"{'shl' if kind == 'shl' else 'lshr'} {at.t} {a[0]}, {at.select(inside, a[1], at.const(0))}")
        return at.select(inside, moved, at.const(0))

    return emit


def _mulhi(at: At, a: list[str]) -> str:
    element = f"i{2 * at.bits}"
    wide = vector(element, at.lanes)
    extend = "zext" if at.unsigned else "sext"
    x, y = (at.ins(f"{extend} {at.t} {v} to {wide}") for v in a)
    product = at.ins(f"mul {wide} {x}, {y}")
    return at.ins(f"trunc {wide} {at.ins(f'lshr {wide} {product}, {at.spread(str(at.bits), element)}')} to {at.t}")


def _not(at: At, a: list[str]) -> str:
    return at.ins(f"xor {at.t} {a[0]}, {at.const(-1)}")


_FLOAT: dict[str, Emit] = {
    "add": _ins("fadd"), "sub": _ins("fsub"), "mul": _ins("fmul"), "div": _ins("fdiv"),
    "truncmod": lambda at, a: at.w.math("fmod", at.dtype, at.lanes, a),
    "neg": lambda at, a: at.ins(f"fneg {at.t} {a[0]}"), "abs": _call("fabs"),
    "sign": _float_sign, "min": _float_extreme("olt"), "max": _float_extreme("ogt"), "fma": _fma, "sqrt": _call("sqrt"),
    "rsqrt": lambda at, a: at.ins(f"fdiv {at.t} {at.const(1)}, {at.call('sqrt', a[0])}"),
    "floor": _call("floor"), "ceil": _call("ceil"), "trunc": _call("trunc"), "round": _call("rint"),
    "eq": _ins("fcmp oeq"), "ne": _ins("fcmp une"), "lt": _ins("fcmp olt"), "le": _ins("fcmp ole"),
    "gt": _ins("fcmp ogt"), "ge": _ins("fcmp oge"), "isnan": lambda at, a: at.ins(f"fcmp uno {at.t} {a[0]}, {a[0]}"),
    "isinf": _is_infinite, "isfinite": _is_finite, "select": _select,
}  # fmt: skip
_COMPARE: dict[str, Emit] = {name: _icmp(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_EXACT: dict[str, Emit] = {
    "floor": _same, "ceil": _same, "trunc": _same, "round": _same, "isnan": _never, "isinf": _never,
    "isfinite": _always, "select": _select, "and": _ins("and"), "or": _ins("or"), "xor": _ins("xor"), **_COMPARE,
}  # fmt: skip
_INT: dict[str, Emit] = {
    "add": _ins("add"), "sub": _ins("sub"), "mul": _ins("mul"),
    "neg": lambda at, a: at.ins(f"sub {at.t} {at.const(0)}, {a[0]}"), "abs": _int_abs, "sign": _int_sign,
    "min": _int_extreme("lt"), "max": _int_extreme("gt"),
    "fma": lambda at, a: at.ins(f"add {at.t} {at.ins(f'mul {at.t} {a[0]}, {a[1]}')}, {a[2]}"),
    "truncdiv": _int_division("truncdiv"), "truncmod": _int_division("truncmod"),
    "floordiv": _int_division("floordiv"), "floormod": _int_division("floormod"), "div": _int_division("truncdiv"),
    "not": _not, "shl": _shift("shl"), "shr": _shift("shr"), "popcount": _call("ctpop"), "mulhi": _mulhi, **_EXACT,
}  # fmt: skip
_BOOL: dict[str, Emit] = {
    "add": _ins("or"), "mul": _ins("and"), "min": _ins("and"), "max": _ins("or"), "abs": _same,
    "not": lambda at, a: at.ins(f"xor {at.t} {a[0]}, {at.true()}"), **_EXACT,
}  # fmt: skip
_HALF: dict[str, Emit] = {
    "select": _select, "neg": lambda at, a: _on_bits(at, "xor", 0x8000, a[0]),
    "abs": lambda at, a: _on_bits(at, "and", 0x7FFF, a[0]),
}  # fmt: skip


def _on_bits(at: At, name: str, mask: int, x: str) -> str:
    """A bitwise instruction on the encoding of a float16 or bfloat16."""
    i16 = vector("i16", at.lanes)
    bits = x if at.element == "i16" else at.ins(f"bitcast {at.t} {x} to {i16}")
    out = at.ins(f"{name} {i16} {bits}, {at.spread(str(mask), 'i16')}")
    return out if at.element == "i16" else at.ins(f"bitcast {i16} {out} to {at.t}")


def _table(dtype: DType) -> dict[str, Emit]:
    if dtype.kind == "f":
        return _HALF if dtype.size == 2 else _FLOAT
    return _BOOL if dtype is dt.bool_ else _INT


def emit_prim(w: Writer, name: str, args: list[str], dtype: DType, lanes: int) -> str:
    """The primitive applied to operands of `dtype` (for select: the values' dtype); of halves, only KEEPS_HALVES."""
    emit = _table(dtype).get(name)
    if emit is not None:
        return emit(At(w, dtype, lanes), args)
    if dtype.kind == "f" and (name in TRANSCENDENTAL or name == "pow"):
        return w.math(name, dtype, lanes, args)
    raise LookupError(f"scalar primitive {name} has no form for {dtype.name}")
