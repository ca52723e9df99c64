"""Conversions between element types as LLVM instructions, at any number of lanes.

Invariant: what the op `cast` gives, bit for bit, on every target: floats out of an integer's range give the least 32-
or 64-bit integer (of which smaller and unsigned types keep the low bits), halves round to nearest even.
Entry points: `emit_cast`, `emit_bitcast`, `widen`, `narrow`.
"""

from __future__ import annotations

from typing import Protocol

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.llvm.codegen.names import literal, register_type, splat, vector


class Writer(Protocol):
    """Where instructions go."""

    def ins(self, text: str) -> str: ...

    def supports(self, capability: str) -> bool: ...


class Bits:
    """32-bit (or other) integer instructions on `lanes` lanes, with numbers as operands."""

    def __init__(self, w: Writer, lanes: int, width: int = 32) -> None:
        self.w, self.lanes, self.type = w, lanes, f"i{width}"
        self.t = vector(self.type, lanes)

    def const(self, value: int) -> str:
        return str(value) if self.lanes == 1 else splat(str(value), self.type, self.lanes)

    def op(self, name: str, a: str, b: str | int) -> str:
        return self.w.ins(f"{name} {self.t} {a}, {self.const(b) if isinstance(b, int) else b}")

    def select(self, flag: str, a: str | int, b: str | int) -> str:
        x, y = (self.const(v) if isinstance(v, int) else v for v in (a, b))
        return self.w.ins(f"select {vector('i1', self.lanes)} {flag}, {self.t} {x}, {self.t} {y}")

    def to(self, x: str, how: str, t: str) -> str:
        return self.w.ins(f"{how} {self.t} {x} to {vector(t, self.lanes)}")


# ---- halves ----------------------------------------------------------------------------------------------------------


def widen(w: Writer, x: str, dtype: DType, lanes: int) -> str:
    """A float16 or bfloat16 value as float, exactly."""
    if dtype is dt.float16:
        return _widen_float16(w, x, lanes)
    i = Bits(w, lanes)
    bits = Bits(w, lanes, 16).to(x, "zext", "i32")
    return i.to(i.op("shl", bits, 16), "bitcast", "float")


def _widen_float16(w: Writer, x: str, lanes: int) -> str:
    if w.supports("half"):
        return w.ins(f"fpext {vector('half', lanes)} {x} to {vector('float', lanes)}")
    short, i = Bits(w, lanes, 16), Bits(w, lanes)
    bits = short.to(w.ins(f"bitcast {vector('half', lanes)} {x} to {short.t}"), "zext", "i32")
    size = i.op("and", bits, 0x7FFF)
    moved = i.to(i.op("shl", size, 13), "bitcast", "float")
    f = vector("float", lanes)
    power = literal(2.0**112, dt.float32)
    scaled = w.ins(f"fmul {f} {moved}, {power if lanes == 1 else splat(power, 'float', lanes)}")
    finite = w.ins(f"bitcast {f} {scaled} to {i.t}")
    special = i.op("or", finite, 0x7F800000)
    kept = i.select(i.op("icmp uge", size, 0x7C00), special, finite)
    sign = i.op("shl", i.op("and", bits, 0x8000), 16)
    return i.to(i.op("or", kept, sign), "bitcast", "float")


def narrow(w: Writer, x: str, dtype: DType, lanes: int) -> str:
    """A float rounded to float16 or bfloat16, to nearest, ties to even; NaN stays NaN."""
    if dtype is dt.float16:
        return _narrow_float16(w, x, lanes)
    i, f = Bits(w, lanes), vector("float", lanes)
    bits = w.ins(f"bitcast {f} {x} to {i.t}")
    odd = i.op("and", i.op("lshr", bits, 16), 1)
    rounded = i.op("add", i.op("add", bits, 0x7FFF), odd)
    nan = w.ins(f"fcmp uno {f} {x}, {x}")
    kept = i.select(nan, i.op("or", bits, 0x400000), rounded)
    return i.to(i.op("lshr", kept, 16), "trunc", "i16")


def _narrow_float16(w: Writer, x: str, lanes: int) -> str:
    f = vector("float", lanes)
    if w.supports("half"):
        return w.ins(f"fptrunc {f} {x} to {vector('half', lanes)}")
    i = Bits(w, lanes)
    bits = w.ins(f"bitcast {f} {x} to {i.t}")
    size = i.op("and", bits, 0x7FFFFFFF)
    # Subnormal results: adding 0.5 leaves the rounded fraction in the lowest bits.
    half = literal(0.5, dt.float32)
    shifted = w.ins(f"fadd {f} {i.to(size, 'bitcast', 'float')}, {half if lanes == 1 else splat(half, 'float', lanes)}")
    small = i.op("sub", w.ins(f"bitcast {f} {shifted} to {i.t}"), 0x3F000000)
    odd = i.op("and", i.op("lshr", size, 13), 1)
    normal = i.op("lshr", i.op("add", i.op("add", size, 0xFFF - (112 << 23)), odd), 13)
    finite = i.select(i.op("icmp ult", size, 0x38800000), small, normal)
    large = i.select(i.op("icmp ugt", size, 0x7F800000), 0x7E00, 0x7C00)
    kept = i.select(i.op("icmp uge", size, 0x47800000), large, finite)
    sign = i.op("and", i.op("lshr", bits, 16), 0x8000)
    out = i.to(i.op("or", kept, sign), "trunc", "i16")
    return Bits(w, lanes, 16).to(out, "bitcast", "half")


def _round_to_odd(w: Writer, x: str, lanes: int) -> str:
    """A double as float, inexact ones with an odd last bit, so that rounding once more rounds as if once."""
    d, f, i = vector("double", lanes), vector("float", lanes), Bits(w, lanes)
    near = w.ins(f"fptrunc {d} {x} to {f}")
    back = w.ins(f"fpext {f} {near} to {d}")
    sizes = [w.ins(f"and {vector('i64', lanes)} {b}, {Bits(w, lanes, 64).const(2**63 - 1)}")
             for b in (w.ins(f"bitcast {d} {v} to {vector('i64', lanes)}") for v in (back, x))]  # fmt: skip
    bits = w.ins(f"bitcast {f} {near} to {i.t}")
    above = w.ins(f"icmp ugt {vector('i64', lanes)} {sizes[0]}, {sizes[1]}")
    below = i.op("sub", bits, w.ins(f"zext {vector('i1', lanes)} {above} to {i.t}"))
    inexact = w.ins(f"fcmp one {d} {back}, {x}")
    odd = i.select(inexact, i.op("or", below, 1), bits)
    return i.to(odd, "bitcast", "float")


# ---- casts -----------------------------------------------------------------------------------------------------------


def emit_cast(w: Writer, x: str, source: DType, target: DType, lanes: int) -> str:
    """NumPy's astype between machine types."""
    if source is target:
        return x
    if source in (dt.float16, dt.bfloat16):
        return emit_cast(w, widen(w, x, source, lanes), dt.float32, target, lanes)
    if target in (dt.float16, dt.bfloat16):
        if source is dt.float64 and target is dt.float16:
            return narrow(w, _round_to_odd(w, x, lanes), target, lanes)
        return narrow(w, emit_cast(w, x, source, dt.float32, lanes), target, lanes)
    t, to = vector(register_type(source), lanes), vector(register_type(target), lanes)
    if target is dt.bool_:
        zero = literal(0, source)
        nothing = zero if lanes == 1 else splat(zero, register_type(source), lanes)
        return w.ins(f"{'fcmp une' if source.kind == 'f' else 'icmp ne'} {t} {x}, {nothing}")
    if source.kind == "f":
        return _from_float(w, x, source, target, lanes)
    unsigned = source.kind in "ub"
    if target.kind == "f":
        return w.ins(f"{'uitofp' if unsigned else 'sitofp'} {t} {x} to {to}")
    bits = 1 if source is dt.bool_ else source.size * 8
    if bits == target.size * 8:
        return x
    how = "trunc" if bits > target.size * 8 else "zext" if unsigned else "sext"
    return w.ins(f"{how} {t} {x} to {to}")


def _from_float(w: Writer, x: str, source: DType, target: DType, lanes: int) -> str:
    t, to = vector(register_type(source), lanes), vector(register_type(target), lanes)
    if target.kind == "f":
        return w.ins(f"{'fpext' if target.size > source.size else 'fptrunc'} {t} {x} to {to}")
    if target is dt.uint64:
        return _to_unsigned(w, x, source, 64, lanes)
    bits = 32 if target.size < 4 or target is dt.int32 else 64
    out = _truncated(w, x, source, bits, lanes)
    return out if target.size * 8 == bits else w.ins(f"trunc {vector(f'i{bits}', lanes)} {out} to {to}")


def _constant(value: float, d: DType, lanes: int) -> str:
    text = literal(value, d)
    return text if lanes == 1 else splat(text, register_type(d), lanes)


def _truncated(w: Writer, x: str, source: DType, bits: int, lanes: int) -> str:
    """Rounded towards zero to a signed integer of `bits` bits; the least one for what has none."""
    t, flag, i = vector(register_type(source), lanes), vector("i1", lanes), Bits(w, lanes, bits)
    limit = float(2 ** (bits - 1))
    low = w.ins(f"fcmp oge {t} {x}, {_constant(-limit, source, lanes)}")
    high = w.ins(f"fcmp olt {t} {x}, {_constant(limit, source, lanes)}")
    inside = w.ins(f"and {flag} {low}, {high}")
    safe = w.ins(f"select {flag} {inside}, {t} {x}, {t} {_constant(0, source, lanes)}")
    whole = w.ins(f"fptosi {t} {safe} to {i.t}")
    return i.select(inside, whole, -(2 ** (bits - 1)))


def _to_unsigned(w: Writer, x: str, source: DType, bits: int, lanes: int) -> str:
    """From half the range on, what is beyond it is converted and the half added."""
    t, i = vector(register_type(source), lanes), Bits(w, lanes, bits)
    limit = _constant(float(2 ** (bits - 1)), source, lanes)
    big = w.ins(f"fcmp oge {t} {x}, {limit}")
    small = _truncated(w, x, source, bits, lanes)
    rest = _truncated(w, w.ins(f"fsub {t} {x}, {limit}"), source, bits, lanes)
    return i.select(big, i.op("xor", rest, -(2 ** (bits - 1))), small)


def emit_bitcast(w: Writer, x: str, source: DType, target: DType, lanes: int) -> str:
    """The same bits as another type of equal width."""
    a, b = (vector(register_type(d), lanes) for d in (source, target))
    if a == b:
        return x
    if dt.bool_ in (source, target):
        return emit_cast(w, x, source, target, lanes)
    return w.ins(f"bitcast {a} {x} to {b}")
