"""LLVM's names for element types and literals.

Invariant: bool is i1 in registers and i8 in memory; bfloat16 is i16 in both, and computed in float. Entry points:
`register_type`, `memory_type`, `literal`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType

_REGISTER = {"bool": "i1", "f16": "half", "bf16": "i16", "f32": "float", "f64": "double"}


def register_type(d: DType) -> str:
    """The type of one element in a register."""
    return _REGISTER.get(d.short) or f"i{d.size * 8}"


def memory_type(d: DType) -> str:
    """The type of one element in memory."""
    return "i8" if d is dt.bool_ else register_type(d)


def vector(t: str, lanes: int) -> str:
    return t if lanes == 1 else f"<{lanes} x {t}>"


def literal(value: Any, d: DType) -> str:
    """A scalar literal."""
    if d is dt.bool_:
        return "true" if value else "false"
    if d is dt.bfloat16:
        return str(int(np.array(value, d.np).view(np.uint16)))
    if d is dt.float16:
        return f"0xH{int(np.array(value, np.float16).view(np.uint16)):04X}"
    if d.kind == "f":
        exact = float(np.array(value, d.np))
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    return str(int(value))


def splat(value: str, t: str, lanes: int) -> str:
    """A constant vector of one literal."""
    return f"splat ({t} {value})"
