"""Elementwise conversion: cast, bitcast, parts of complex numbers, and stop_gradient.

Invariant: `cast` between any two types but string is as TensorFlow's on x86: floats truncate towards zero, integers
wrap around, complex numbers lose their imaginary part, and what then is not 0 is true.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Host, Op, Sample, Trait
from graphtf.ir.ops.elementwise import CONSTRAINTS, elementwise, unify
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.types import TensorType

Array = Any

CASTABLE = tuple(d for d in dt.ALL if d is not dt.string)
_NARROW_INTEGERS = tuple(d.np for d in (dt.int8, dt.uint8, dt.int16, dt.uint16))


# ---- cast ------------------------------------------------------------------------------------------------------------


def _cast_infer(x: TensorType, dtype: DType) -> TensorType:
    if dtype not in CASTABLE:
        raise cast.violated(2, f"attribute dtype is {dtype.name}, expected a type of numbers or bool", "dtype")
    return TensorType(dtype, unify(cast, (x,), CASTABLE))


def _cast_ref(x: Array, dtype: DType) -> Array:
    target = dtype.np
    if x.dtype == target:
        return x
    with np.errstate(all="ignore"):
        if x.dtype.kind == "c" and not dtype.is_complex:
            x = x.real
        if dtype.kind == "b":
            return np.asarray(x != 0)
        if x.dtype.kind not in "iub":
            if target in _NARROW_INTEGERS:
                x = x.astype(np.int32)  # as the machine converts: out of range is the least int32
            elif dtype is dt.uint32:
                x = x.astype(np.int64)  # NumPy gives this for some elements of an array, other numbers for the rest
        return np.asarray(x.astype(target))


def _cast_vjp(ct: Any, out: Any, x: Any, dtype: DType) -> tuple[Any]:
    source = ir_type(x).dtype
    return (p.cast(ct, dtype=source) if source.is_inexact and dtype.is_inexact else None,)


cast = Op(
    "cast", "x as another type of numbers", _cast_infer, _cast_ref, _cast_vjp, Body(lambda x, dtype: s.cast(x, dtype)),
    attrs=("dtype",), constraints=(CONSTRAINTS[0], "the dtype asked for is not string"), traits=Trait.ELEMENTWISE,
    samples=(
        Sample("f32[3, 4]", {"dtype": dt.float64}), Sample("f32[5]", {"dtype": dt.int32}, -5, 5),
        Sample("f64[3]", {"dtype": dt.bfloat16}, grad=False), Sample("i32[0]", {"dtype": dt.uint8}),
        Sample("bool[4]", {"dtype": dt.float32}), Sample("f32[]", {"dtype": dt.bool_}),
        Sample("c64[3]", {"dtype": dt.float32}), Sample("f32[3]", {"dtype": dt.complex128}),
    ),
)  # fmt: skip


# ---- bitcast ---------------------------------------------------------------------------------------------------------


def _bitcast_infer(x: TensorType, dtype: DType) -> TensorType:
    shape = unify(bitcast, (x,), dt.NUMERIC)
    if dtype not in dt.NUMERIC or dtype.size != x.dtype.size:
        expected = f"a type of numbers of {x.dtype.size} bytes as {x.dtype.name}"
        message = f"attribute dtype is {dtype.name}, expected {expected}"
        raise bitcast.violated(2, message, "dtype")
    return TensorType(dtype, shape)


bitcast = Op(
    "bitcast", "the bits of x as another type of the same width", _bitcast_infer,
    lambda x, dtype: np.ascontiguousarray(x).view(dtype.np).reshape(x.shape), None,
    Body(lambda x, dtype: s.bitcast(x, dtype)), attrs=("dtype",),
    constraints=(CONSTRAINTS[0], "the dtype asked for has the same width"),
    traits=Trait.ELEMENTWISE | Trait.ZERO_GRADIENT,
    samples=(
        Sample("f32[3, 4]", {"dtype": dt.int32}), Sample("i64[0]", {"dtype": dt.float64}),
        Sample("bf16[]", {"dtype": dt.uint16}), Sample("u8[5]", {"dtype": dt.int8}),
    ),
)  # fmt: skip

# ---- complex numbers -------------------------------------------------------------------------------------------------

_PARTS = {dt.float32: dt.complex64, dt.float64: dt.complex128}
_HOST = Host("the loop IR has no complex numbers")


def _complex_ref(re: Array, im: Array) -> Array:
    shape = np.broadcast_shapes(re.shape, im.shape)
    out = np.empty(shape, np.complex64 if re.dtype == np.float32 else np.complex128)
    out.real, out.imag = re, im  # re + i·im would turn infinities into NaN
    return out


def _as_imaginary(ct: Any) -> Any:
    return p.complex(full_like(ct, 0), ct)


complex = elementwise(
    "complex", "x + iy", _complex_ref, lambda ct, out, x, y: (p.real(ct), p.imag(ct)), arity=2, dtypes=tuple(_PARTS),
    result=lambda d, **_: _PARTS[d], lowering=_HOST,
)  # fmt: skip
real = elementwise(
    "real", "the real part", np.real, lambda ct, out, x: p.complex(ct, full_like(ct, 0)), dtypes=dt.COMPLEXES,
    result=lambda d, **_: d.real_dtype, lowering=_HOST,
)  # fmt: skip
imag = elementwise(
    "imag", "the imaginary part", np.imag, lambda ct, out, x: _as_imaginary(ct), dtypes=dt.COMPLEXES,
    result=lambda d, **_: d.real_dtype, lowering=_HOST,
)  # fmt: skip
conj = elementwise(
    "conj", "the complex conjugate", np.conj, lambda ct, out, x: p.conj(ct), dtypes=dt.COMPLEXES, lowering=_HOST,
    traits=Trait.INVOLUTION,
)  # fmt: skip

# ---- identity --------------------------------------------------------------------------------------------------------

stop_gradient = elementwise(
    "stop_gradient", "x, through which no gradient flows", lambda x: x, dtypes=dt.ALL, lowering=Body(lambda x: x),
    traits=Trait.VIEW | Trait.SAME_ORDER | Trait.IDEMPOTENT,
)  # fmt: skip
