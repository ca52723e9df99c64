"""Elementwise ops on the bits of integers, and on those of floats: `nextafter`.

Invariant: shifts clamp their amount to [0, width), as TensorFlow does; `shift_right` keeps the sign of signed integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Op, Sample, Scalar, Trait
from graphtf.ir.ops.elementwise import elementwise
from graphtf.ir.ops.prims import full_like

Array = Any


def _bitwise(name: str, doc: str, ref: Callable[..., Array], prim: str) -> Op:
    return elementwise(name, doc, ref, arity=2, dtypes=dt.INTEGERS, lowering=Scalar(prim), low=-100, high=100,
                       traits=Trait.COMMUTATIVE | Trait.ASSOCIATIVE)  # fmt: skip


bitwise_and = _bitwise("bitwise_and", "x & y", np.bitwise_and, "and")
bitwise_or = _bitwise("bitwise_or", "x | y", np.bitwise_or, "or")
bitwise_xor = _bitwise("bitwise_xor", "x ^ y", np.bitwise_xor, "xor")
bitwise_not = elementwise(
    "bitwise_not", "~x", np.invert, dtypes=dt.INTEGERS, lowering=Scalar("not"), traits=Trait.INVOLUTION
)


def _shift(name: str, doc: str, ref: Callable[..., Array], prim: str) -> Op:
    def run(x: Array, y: Array) -> Array:
        return ref(x, np.clip(y, 0, 8 * x.dtype.itemsize - 1).astype(x.dtype))

    def body(x: s.Expr, y: s.Expr) -> s.Expr:
        inside = s.prim("max", s.prim("min", y, s.lit(8 * x.dtype.size - 1, y.dtype)), s.lit(0, y.dtype))
        return s.prim(prim, x, inside)

    edges = Sample("i32[5] i32[5]", values=([1, 1, -8, 8, 5], [31, 32, 31, 33, -1]))
    return elementwise(name, doc, run, arity=2, dtypes=dt.INTEGERS, lowering=Body(body),
                       samples=("i32[2, 1, 4] i32[3, 1]", edges, "u8[0] u8[]", "u64[] u64[]"))  # fmt: skip


shift_left = _shift("shift_left", "x · 2ʸ, wrapping around", np.left_shift, "shl")
shift_right = _shift("shift_right", "⌊x / 2ʸ⌋", np.right_shift, "shr")


def _popcount(x: Array) -> Array:
    return np.bitwise_count(x.view(f"u{x.dtype.itemsize}"))


popcount = elementwise(
    "popcount", "how many bits of x are set", _popcount, dtypes=dt.INTEGERS, result=dt.uint8,
    lowering=Body(lambda x: s.cast(s.prim("popcount", x), dt.uint8)), low=-100, high=100,
    samples=("i32[3, 4]", "u8[5]", "i64[0]", "u16[]"),
)  # fmt: skip


# ---- neighbours of floats --------------------------------------------------------------------------------------------


def _nextafter_body(x: s.Expr, y: s.Expr) -> s.Expr:
    """Floats of one sign are ordered as their bits are, so the neighbour away from 0 is the bits plus one."""
    bits_type = {4: dt.int32, 8: dt.int64}[x.dtype.size]
    zero, one = s.lit(0, x.dtype), s.lit(1, bits_type)
    bits = s.bitcast(x, bits_type)
    outward = s.prim("eq", s.prim("lt", x, y), s.prim("gt", x, zero))
    moved = s.bitcast(s.select(outward, s.prim("add", bits, one), s.prim("sub", bits, one)), x.dtype)
    least = s.bitcast(one, x.dtype)
    from_zero = s.select(s.prim("lt", y, zero), s.prim("neg", least), least)
    stepped = s.select(s.prim("eq", x, zero), from_zero, moved)
    unordered = s.prim("or", s.prim("isnan", x), s.prim("isnan", y))
    return s.select(unordered, s.prim("add", x, y), s.select(s.prim("eq", x, y), y, stepped))


nextafter = elementwise(
    "nextafter", "the next float after x towards y", np.nextafter,
    lambda ct, out, x, y: (ct, full_like(ct, 0)), arity=2, dtypes=(dt.float32, dt.float64),
    lowering=Body(_nextafter_body), grad=False,  # a difference quotient sees the steps
    samples=(
        "f32[2, 1, 4] f32[3, 1]", "f64[0] f64[]", "f64[] f64[]",
        Sample("f32[8] f32[8]", grad=False, values=(
            [0.0, -0.0, 1.0, -1.0, 1e-45, float("inf"), float("nan"), 0.0],
            [1.0, -1.0, 2.0, -2.0, 0.0, 0.0, 1.0, -0.0],
        )),
    ),
)  # fmt: skip
