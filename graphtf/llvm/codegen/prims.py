"""Scalar primitives as LLVM instructions, at any number of lanes.

Invariant: results are NumPy's, bit for bit, for everything but the transcendental functions (mathlib states their ULP):
integer division by zero gives 0 and never traps, shifts by the width or more give 0 (or the sign), NaN comes through min
and max, casts of floats out of range give what x86 gives. Entry point: `emit_prim`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import TRANSCENDENTAL
from graphtf.llvm.codegen.names import literal, register_type, splat, vector


class Writer(Protocol):
    """Where instructions go."""

    def ins(self, text: str) -> str: ...

    def intrinsic(self, name: str, result: str, arguments: list[str], types: list[str]) -> str: ...

    def math(self, name: str, dtype: DType, lanes: int, args: list[str]) -> str: ...


class At:
    """A primitive's setting: the writer, the operands' dtype, the lanes."""

    def __init__(self, w: Writer, dtype: DType, lanes: int) -> None:
        self.w, self.dtype, self.lanes = w, dtype, lanes
        self.t = vector(register_type(dtype), lanes)
        self.bits = dtype.size * 8
        self.flag = vector("i1", lanes)

    def ins(self, text: str) -> str:
        return self.w.ins(text)

    def const(self, value: float) -> str:
        text = literal(value, self.dtype)
        return text if self.lanes == 1 else splat(text, register_type(self.dtype), self.lanes)

    def true(self) -> str:
        return "true" if self.lanes == 1 else splat("true", "i1", self.lanes)

    def select(self, c: str, a: str, b: str, t: str = "") -> str:
        return self.ins(f"select {self.flag} {c}, {t or self.t} {a}, {t or self.t} {b}")

    def call(self, name: str, *args: str) -> str:
        suffix = ("f" if self.dtype.kind == "f" else "i") + str(self.bits)
        full = f"llvm.{name}.{suffix}" if self.lanes == 1 else f"llvm.{name}.v{self.lanes}{suffix}"
        return self.w.intrinsic(full, self.t, list(args), [self.t] * len(args))

    @property
    def unsigned(self) -> bool:
        return self.dtype.kind in "ub"


Emit = Callable[[At, list[str]], str]


def _binary(text: str) -> Emit:
    return lambda at, a: at.ins(f"{text} {at.t} {a[0]}, {a[1]}")


def _icmp(name: str) -> Emit:
    def emit(at: At, a: list[str]) -> str:
        test = name if name in ("eq", "ne") else ("u" if at.unsigned else "s") + name
        return at.ins(f"icmp {test} {at.t} {a[0]}, {a[1]}")

    return emit


def _float_extreme(test: str) -> Emit:
    """x where it wins or is NaN, else y: a NaN in y loses no comparison that x wins, so it is asked for by `u`."""

    def emit(at: At, a: list[str]) -> str:
        wins = at.ins(f"fcmp {test} {at.t} {a[0]}, {a[1]}")
        first = at.select(wins, a[0], a[1])
        nan = at.ins(f"fcmp uno {at.t} {a[1]}, {a[1]}")
        return at.select(nan, a[1], first)

    return emit


def _int_extreme(which: str) -> Emit:
    def emit(at: At, a: list[str]) -> str:
        test = ("u" if at.unsigned else "s") + which
        return at.select(at.ins(f"icmp {test} {at.t} {a[0]}, {a[1]}"), a[0], a[1])

    return emit


def _float_sign(at: At, a: list[str]) -> str:
    one = at.call("copysign", at.const(1), a[0])
    keep = at.ins(f"fcmp une {at.t} {a[0]}, {at.const(0)}")
    nan = at.ins(f"fcmp uno {at.t} {a[0]}, {a[0]}")
    return at.select(nan, a[0], at.select(keep, one, at.const(0)))


def _int_sign(at: At, a: list[str]) -> str:
    positive = at.ins(f"icmp {'ne' if at.unsigned else 'sgt'} {at.t} {a[0]}, {at.const(0)}")
    up = at.select(positive, at.const(1), at.const(0))
    if at.unsigned:
        return up
    negative = at.ins(f"icmp slt {at.t} {a[0]}, {at.const(0)}")
    return at.select(negative, at.const(-1), up)


def _int_abs(at: At, a: list[str]) -> str:
    if at.unsigned:
        return a[0]
    negative = at.ins(f"icmp slt {at.t} {a[0]}, {at.const(0)}")
    return at.select(negative, at.ins(f"sub {at.t} {at.const(0)}, {a[0]}"), a[0])


def _safe_divisor(at: At, a: list[str]) -> tuple[str, str]:
    """A divisor that cannot trap, and whether the true one was 0. INT_MIN / -1 divides by 1 and is INT_MIN, as it wraps."""
    zero = at.ins(f"icmp eq {at.t} {a[1]}, {at.const(0)}")
    bad = zero
    if not at.unsigned:
        least = at.const(-(2 ** (at.bits - 1)))
        minus = at.ins(f"icmp eq {at.t} {a[1]}, {at.const(-1)}")
        low = at.ins(f"icmp eq {at.t} {a[0]}, {least}")
        bad = at.ins(f"or {at.flag} {zero}, {at.ins(f'and {at.flag} {minus}, {low}')}")
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
            fixed = at.ins(f"sub {at.t} {out}, {at.const(1)}") if kind == "floordiv" else at.ins(f"add {at.t} {out}, {b}")
            out = at.select(fix, fixed, out)
        return at.select(zero, at.const(0), out)

    return emit


def _float_modulo(at: At, a: list[str]) -> str:
    """NumPy's floored remainder: the sign of the divisor, exactly zero with its sign."""
    rest = at.w.math("fmod", at.dtype, at.lanes, a)
    zero = at.ins(f"fcmp oeq {at.t} {rest}, {at.const(0)}")
    low = at.ins(f"fcmp olt {at.t} {rest}, {at.const(0)}")
    below = at.ins(f"fcmp olt {at.t} {a[1]}, {at.const(0)}")
    crossed = at.ins(f"xor {at.flag} {low}, {below}")
    moved = at.select(crossed, at.ins(f"fadd {at.t} {rest}, {a[1]}"), rest)
    return at.select(zero, at.call("copysign", at.const(0), a[1]), moved)


def _float_floordiv(at: At, a: list[str]) -> str:
    """NumPy's floor_divide: the quotient that goes with its remainder, rounded to the nearest whole number."""
    rest = at.w.math("fmod", at.dtype, at.lanes, a)
    quotient = at.ins(f"fdiv {at.t} {at.ins(f'fsub {at.t} {a[0]}, {rest}')}, {a[1]}")
    low = at.ins(f"fcmp olt {at.t} {rest}, {at.const(0)}")
    below = at.ins(f"fcmp olt {at.t} {a[1]}, {at.const(0)}")
    uneven = at.ins(f"fcmp une {at.t} {rest}, {at.const(0)}")
    crossed = at.ins(f"and {at.flag} {uneven}, {at.ins(f'xor {at.flag} {low}, {below}')}")
    quotient = at.select(crossed, at.ins(f"fsub {at.t} {quotient}, {at.const(1)}"), quotient)
    down = at.call("floor", quotient)
    gap = at.ins(f"fcmp ogt {at.t} {at.ins(f'fsub {at.t} {quotient}, {down}')}, {at.const(0.5)}")
    whole = at.select(gap, at.ins(f"fadd {at.t} {down}, {at.const(1)}"), down)
    plain = at.ins(f"fdiv {at.t} {a[0]}, {a[1]}")
    none = at.ins(f"fcmp oeq {at.t} {quotient}, {at.const(0)}")
    whole = at.select(none, at.call("copysign", at.const(0), plain), whole)
    by_zero = at.ins(f"fcmp oeq {at.t} {a[1]}, {at.const(0)}")
    return at.select(by_zero, plain, whole)


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
    wide = vector(f"i{2 * at.bits}", at.lanes)
    extend = "zext" if at.unsigned else "sext"
    x, y = (at.ins(f"{extend} {at.t} {v} to {wide}") for v in a)
    half = str(at.bits) if at.lanes == 1 else splat(str(at.bits), f"i{2 * at.bits}", at.lanes)
    product = at.ins(f"mul {wide} {x}, {y}")
    return at.ins(f"trunc {wide} {at.ins(f'lshr {wide} {product}, {half}')} to {at.t}")


def _select(at: At, a: list[str]) -> str:
    return at.select(a[0], a[1], a[2])


def _not(at: At, a: list[str]) -> str:
    return at.ins(f"xor {at.t} {a[0]}, {at.true() if at.dtype is dt.bool_ else at.const(-1)}")


def _is_infinite(at: At, a: list[str]) -> str:
    return at.ins(f"fcmp oeq {at.t} {at.call('fabs', a[0])}, {at.const(float('inf'))}")


def _is_finite(at: At, a: list[str]) -> str:
    return at.ins(f"fcmp olt {at.t} {at.call('fabs', a[0])}, {at.const(float('inf'))}")


def _rsqrt(at: At, a: list[str]) -> str:
    return at.ins(f"fdiv {at.t} {at.const(1)}, {at.call('sqrt', a[0])}")


_FLOAT: dict[str, Emit] = {
    "add": _binary("fadd"), "sub": _binary("fsub"), "mul": _binary("fmul"), "div": _binary("fdiv"),
    "neg": lambda at, a: at.ins(f"fneg {at.t} {a[0]}"), "abs": lambda at, a: at.call("fabs", a[0]),
    "sign": _float_sign, "min": _float_extreme("olt"), "max": _float_extreme("ogt"),
    "fma": lambda at, a: at.call("fma", *a), "sqrt": lambda at, a: at.call("sqrt", a[0]), "rsqrt": _rsqrt,
    "floor": lambda at, a: at.call("floor", a[0]), "ceil": lambda at, a: at.call("ceil", a[0]),
    "trunc": lambda at, a: at.call("trunc", a[0]), "round": lambda at, a: at.call("rint", a[0]),
    "eq": _binary("fcmp oeq"), "ne": _binary("fcmp une"), "lt": _binary("fcmp olt"), "le": _binary("fcmp ole"),
    "gt": _binary("fcmp ogt"), "ge": _binary("fcmp oge"),
    "isnan": lambda at, a: at.ins(f"fcmp uno {at.t} {a[0]}, {a[0]}"), "isinf": _is_infinite, "isfinite": _is_finite,
    "truncmod": lambda at, a: at.w.math("fmod", at.dtype, at.lanes, a),
    "truncdiv": lambda at, a: at.call("trunc", at.ins(f"fdiv {at.t} {a[0]}, {a[1]}")),
    "floormod": _float_modulo, "floordiv": _float_floordiv, "select": _select,
}  # fmt: skip
_INT: dict[str, Emit] = {
    "add": _binary("add"), "sub": _binary("sub"), "mul": _binary("mul"),
    "neg": lambda at, a: at.ins(f"sub {at.t} {at.const(0)}, {a[0]}"), "abs": _int_abs, "sign": _int_sign,
    "min": _int_extreme("lt"), "max": _int_extreme("gt"),
    "fma": lambda at, a: at.ins(f"add {at.t} {at.ins(f'mul {at.t} {a[0]}, {a[1]}')}, {a[2]}"),
    "truncdiv": _int_division("truncdiv"), "truncmod": _int_division("truncmod"),
    "floordiv": _int_division("floordiv"), "floormod": _int_division("floormod"), "div": _int_division("truncdiv"),
    "and": _binary("and"), "or": _binary("or"), "xor": _binary("xor"), "not": _not, "shl": _shift("shl"),
    "shr": _shift("shr"), "popcount": lambda at, a: at.call("ctpop", a[0]), "mulhi": _mulhi, "select": _select,
    "floor": lambda at, a: a[0], "ceil": lambda at, a: a[0], "trunc": lambda at, a: a[0], "round": lambda at, a: a[0],
    "isnan": lambda at, a: "false" if at.lanes == 1 else "zeroinitializer",
    "isinf": lambda at, a: "false" if at.lanes == 1 else "zeroinitializer", "isfinite": lambda at, a: at.true(),
    **{name: _icmp(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}  # fmt: skip


def emit_prim(w: Writer, name: str, args: list[str], dtype: DType, lanes: int) -> str:
    """The primitive applied to operands of `dtype` (for select: the values' dtype)."""
    table = _FLOAT if dtype.kind == "f" else _INT
    if name in table:
        return table[name](At(w, dtype, lanes), args)
    if dtype.kind == "f" and (name in TRANSCENDENTAL or name == "pow"):
        return w.math(name, dtype, lanes, args)
    raise LookupError(f"scalar primitive {name} has no form for {dtype.name}")


# ---- conversions -----------------------------------------------------------------------------------------------------


def widen(w: Writer, x: str, dtype: DType, lanes: int) -> str:
    """A float16 or bfloat16 value as float."""
    f = vector("float", lanes)
    if dtype is dt.float16:
        return w.ins(f"fpext {vector('half', lanes)} {x} to {f}")
    i = vector("i32", lanes)
    bits = w.ins(f"zext {vector('i16', lanes)} {x} to {i}")
    sixteen = "16" if lanes == 1 else splat("16", "i32", lanes)
    return w.ins(f"bitcast {i} {w.ins(f'shl {i} {bits}, {sixteen}')} to {f}")


def narrow(w: Writer, x: str, dtype: DType, lanes: int) -> str:
    """A float rounded to float16 or bfloat16, to nearest, ties to even; NaN stays NaN."""
    f = vector("float", lanes)
    if dtype is dt.float16:
        return w.ins(f"fptrunc {f} {x} to {vector('half', lanes)}")
    i = vector("i32", lanes)

    def const(v: int) -> str:
        return str(v) if lanes == 1 else splat(str(v), "i32", lanes)

    bits = w.ins(f"bitcast {f} {x} to {i}")
    odd = w.ins(f"and {i} {w.ins(f'lshr {i} {bits}, {const(16)}')}, {const(1)}")
    rounded = w.ins(f"add {i} {w.ins(f'add {i} {bits}, {const(0x7FFF)}')}, {odd}")
    nan = w.ins(f"fcmp uno {f} {x}, {x}")
    quiet = w.ins(f"or {i} {bits}, {const(0x400000)}")
    kept = w.ins(f"select {vector('i1', lanes)} {nan}, {i} {quiet}, {i} {rounded}")
    return w.ins(f"trunc {i} {w.ins(f'lshr {i} {kept}, {const(16)}')} to {vector('i16', lanes)}")


def emit_cast(w: Writer, x: str, source: DType, target: DType, lanes: int) -> str:
    """NumPy's astype between machine types."""
    if source is target:
        return x
    if source in (dt.float16, dt.bfloat16):
        return emit_cast(w, widen(w, x, source, lanes), dt.float32, target, lanes)
    if target in (dt.float16, dt.bfloat16):
        if source is dt.float64 and target is dt.float16:
            return w.ins(f"fptrunc {vector('double', lanes)} {x} to {vector('half', lanes)}")
        return narrow(w, emit_cast(w, x, source, dt.float32, lanes), target, lanes)
    at = At(w, source, lanes)
    to = vector(register_type(target), lanes)
    if target is dt.bool_:
        return at.ins(f"{'fcmp une' if source.kind == 'f' else 'icmp ne'} {at.t} {x}, {at.const(0)}")
    if source.kind == "f":
        return _from_float(at, x, target, to)
    if target.kind == "f":
        return at.ins(f"{'uitofp' if at.unsigned else 'sitofp'} {at.t} {x} to {to}")
    bits = 1 if source is dt.bool_ else at.bits
    if bits == target.size * 8:
        return x
    if bits > target.size * 8:
        return at.ins(f"trunc {at.t} {x} to {to}")
    return at.ins(f"{'zext' if at.unsigned else 'sext'} {at.t} {x} to {to}")


def _from_float(at: At, x: str, target: DType, to: str) -> str:
    """x86: out of range and NaN give the least integer of 32 or 64 bits; smaller types keep its low bits."""
    if target.kind == "f":
        return at.ins(f"{'fpext' if target.size > at.dtype.size else 'fptrunc'} {at.t} {x} to {to}")
    if target is dt.uint64:
        return _to_uint64(at, x)
    bits = 32 if target.size < 4 or target is dt.int32 else 64
    wide = vector(f"i{bits}", at.lanes)
    out = _truncated(at, x, bits, wide)
    return out if target.size * 8 == bits else at.ins(f"trunc {wide} {out} to {to}")


def _truncated(at: At, x: str, bits: int, wide: str) -> str:
    limit = float(2 ** (bits - 1))
    low = at.ins(f"fcmp oge {at.t} {x}, {at.const(-limit)}")
    high = at.ins(f"fcmp olt {at.t} {x}, {at.const(limit)}")
    inside = at.ins(f"and {at.flag} {low}, {high}")
    safe = at.select(inside, x, at.const(0))
    whole = at.ins(f"fptosi {at.t} {safe} to {wide}")
    least = str(-(2 ** (bits - 1)))
    fallback = least if at.lanes == 1 else splat(least, f"i{bits}", at.lanes)
    return at.select(inside, whole, fallback, wide)


def _to_uint64(at: At, x: str) -> str:
    wide = vector("i64", at.lanes)
    limit = float(2**63)
    big = at.ins(f"fcmp oge {at.t} {x}, {at.const(limit)}")
    small = _truncated(at, x, 64, wide)
    rest = _truncated(at, at.ins(f"fsub {at.t} {x}, {at.const(limit)}"), 64, wide)
    top = str(-(2**63)) if at.lanes == 1 else splat(str(-(2**63)), "i64", at.lanes)
    return at.select(big, at.ins(f"xor {wide} {rest}, {top}"), small, wide)
