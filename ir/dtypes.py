"""Element types: one interned `DType` per TensorFlow type, tied to the NumPy type that stores it.

Invariant: there is one object per type, so `is` compares; `==` also accepts whatever `as_dtype` accepts.
Entry point: `as_dtype(x)`. Follows https://www.tensorflow.org/api_docs/python/tf/dtypes/DType.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np


class DType:
    """An element type.

    >>> as_dtype("float32")
    tf.float32
    >>> as_dtype(np.int64).size
    8
    """

    __slots__ = (
        "_hash", "enum", "is_bool", "is_complex", "is_floating", "is_inexact", "is_integer", "is_unsigned", "kind",
        "name", "np", "short", "size",
    )  # fmt: skip

    def __init__(self, name: str, short: str, storage: Any, kind: str, enum: int) -> None:
        self.name = name
        self.short = short
        self.np: np.dtype[Any] = np.dtype(storage)
        self.kind = kind  # one of b(ool) i(nt) u(nsigned) f(loat) c(omplex) s(tring) q(uantized) r(esource)
        self.size = 0 if kind in "sr" else self.np.itemsize
        self.enum = enum
        self._hash = hash(("dtype", enum))
        self.is_bool = kind == "b"
        self.is_floating = kind == "f"
        self.is_complex = kind == "c"
        self.is_integer = kind in "iu"
        self.is_unsigned = kind == "u"
        self.is_inexact = kind in "fc"  # floating or complex: the types that gradients flow through

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)

    @property
    def as_numpy_dtype(self) -> type:
        if self.kind == "r":
            raise KeyError(self.enum)
        return np.object_ if self.kind == "s" else self.np.type if self.kind != "q" else self.np  # type: ignore[return-value]

    @property
    def as_datatype_enum(self) -> int:
        return self.enum

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def is_numeric(self) -> bool:
        return self.kind in "iufcq"

    @property
    def is_numpy_compatible(self) -> bool:
        return self.kind != "r"

    @property
    def is_quantized(self) -> bool:
        return self.kind == "q"

    @property
    def real_dtype(self) -> DType:
        """The type of the real part: itself unless complex."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def min(self) -> Any:
        return self._limit("min")

    @property
    def max(self) -> Any:
        return self._limit("max")

    @property
    def limits(self) -> tuple[Any, Any]:
        """0 and the largest intensity of a picture, as TensorFlow has it. Raises ValueError for types without."""
        if self.kind == "b":
            return 0, True
        if self.name in ("float32", "float64"):
            return 0, 1
        if self.kind not in "iu":
            raise ValueError(f"{self} does not have defined limits.")
        return 0, self.max

    @property
    def spoken(self) -> str:
        """The name TensorFlow's messages give the type: float for float32, double for float64, half for float16."""
        return {"float32": "float", "float64": "double", "float16": "half"}.get(self.name, self.name)

    def is_compatible_with(self, other: Any) -> bool:
        return as_dtype(other) is self

    def _limit(self, which: str) -> Any:
        if self.kind in "iu":
            return int(getattr(ml_dtypes.iinfo(self.np), which))  # type: ignore[no-untyped-call]
        if self.kind == "f":
            return getattr(ml_dtypes.finfo(self.np), which)  # type: ignore[no-untyped-call]
        raise TypeError(f"Cannot find {which}imum value of {self}.")


float16 = DType("float16", "f16", np.float16, "f", 19)
float32 = DType("float32", "f32", np.float32, "f", 1)
float64 = DType("float64", "f64", np.float64, "f", 2)
bfloat16 = DType("bfloat16", "bf16", ml_dtypes.bfloat16, "f", 14)
float8_e5m2 = DType("float8_e5m2", "f8e5m2", ml_dtypes.float8_e5m2, "f", 24)
float8_e4m3fn = DType("float8_e4m3fn", "f8e4m3fn", ml_dtypes.float8_e4m3fn, "f", 25)
complex64 = DType("complex64", "c64", np.complex64, "c", 8)
complex128 = DType("complex128", "c128", np.complex128, "c", 18)
int8 = DType("int8", "i8", np.int8, "i", 6)
int16 = DType("int16", "i16", np.int16, "i", 5)
int32 = DType("int32", "i32", np.int32, "i", 3)
int64 = DType("int64", "i64", np.int64, "i", 9)
uint8 = DType("uint8", "u8", np.uint8, "u", 4)
uint16 = DType("uint16", "u16", np.uint16, "u", 17)
uint32 = DType("uint32", "u32", np.uint32, "u", 22)
uint64 = DType("uint64", "u64", np.uint64, "u", 23)
bool_ = DType("bool", "bool", np.bool_, "b", 10)
string = DType("string", "str", np.object_, "s", 7)

# Types that no program computes with: they exist to be named.
qint8 = DType("qint8", "qi8", [("qint8", "i1")], "q", 11)
quint8 = DType("quint8", "qu8", [("quint8", "u1")], "q", 12)
qint16 = DType("qint16", "qi16", [("qint16", "i2")], "q", 15)
quint16 = DType("quint16", "qu16", [("quint16", "u2")], "q", 16)
qint32 = DType("qint32", "qi32", [("qint32", "i4")], "q", 13)
resource = DType("resource", "resource", np.object_, "r", 20)
variant = DType("variant", "variant", np.object_, "r", 21)
int2 = DType("int2", "i2", ml_dtypes.int2, "i", 31)
int4 = DType("int4", "i4", ml_dtypes.int4, "i", 29)
uint2 = DType("uint2", "u2", ml_dtypes.uint2, "u", 32)
uint4 = DType("uint4", "u4", ml_dtypes.uint4, "u", 30)
float4_e2m1fn = DType("float4_e2m1fn", "f4e2m1fn", ml_dtypes.float4_e2m1fn, "f", 33)
float8_e4m3b11fnuz = DType("float8_e4m3b11fnuz", "f8e4m3b11fnuz", ml_dtypes.float8_e4m3b11fnuz, "f", 27)
float8_e4m3fnuz = DType("float8_e4m3fnuz", "f8e4m3fnuz", ml_dtypes.float8_e4m3fnuz, "f", 26)
float8_e5m2fnuz = DType("float8_e5m2fnuz", "f8e5m2fnuz", ml_dtypes.float8_e5m2fnuz, "f", 28)
NARROW = (int2, int4, uint2, uint4, float4_e2m1fn, float8_e4m3b11fnuz, float8_e4m3fnuz, float8_e5m2fnuz)
QUANTIZED = (qint8, quint8, qint16, quint16, qint32)

ALL: tuple[DType, ...] = (
    float16, float32, float64, bfloat16, float8_e5m2, float8_e4m3fn, complex64, complex128,
    int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool_, string,
)  # fmt: skip
FLOATS = (float16, bfloat16, float32, float64)
COMPLEXES = (complex64, complex128)
SIGNED = (int8, int16, int32, int64)
UNSIGNED = (uint8, uint16, uint32, uint64)
INTEGERS = SIGNED + UNSIGNED
INEXACT = FLOATS + COMPLEXES
NUMERIC = INEXACT + INTEGERS
REAL = FLOATS + INTEGERS
NATIVE = (*NUMERIC, bool_)  # everything with a fixed-size machine representation that programs compute with

BY_SHORT: dict[str, DType] = {d.short: d for d in ALL}
_LOOKUP: dict[Any, DType] = {d.name: d for d in ALL}
_LOOKUP |= {d.np: d for d in ALL}
_LOOKUP |= {d.np.type: d for d in ALL}
_LOOKUP |= {d.enum: d for d in ALL}
_LOOKUP |= {key: d for d in (*QUANTIZED, resource, variant) for key in (d.name, d.enum)}
_LOOKUP |= {d.np: d for d in QUANTIZED}
_LOOKUP |= {key: d for d in NARROW for key in (d.name, d.enum, d.np, d.np.type)}
_LOOKUP |= {float: float32, int: int32, bool: bool_, str: string, bytes: string, complex: complex128}
_LOOKUP |= {"half": float16, "float": float32, "double": float64, "object": string}


def as_dtype(x: Any) -> DType:
    """The `DType` that a DType, name, NumPy type, Python type or enum number stands for.

    Raises TypeError if there is none.
    """
    if type(x) is DType:
        return x
    try:
        found = _LOOKUP.get(x)
    except TypeError:
        found = None
    if found is not None:
        return found
    if isinstance(getattr(x, "dtype", None), DType):
        return x.dtype  # type: ignore[no-any-return]
    try:
        if x is None:  # NumPy's word for float64
            raise TypeError
        storage = np.dtype(x)
    except TypeError:
        raise TypeError(f"Cannot convert the argument `type_value`: {x!r} to a TensorFlow DType.") from None
    if storage.kind in "SU":
        return string
    found = _LOOKUP.get(storage.newbyteorder("="))
    if found is None:
        raise TypeError(f"Cannot convert the argument `type_value`: {x!r} to a TensorFlow DType.")
    return found


def mismatch(k: int, given: DType, first: int, wanted: DType) -> str:
    """What is wrong with operands of two dtypes, where one is asked for.

    >>> mismatch(1, int32, 0, float32)
    'operand 1 was expected to be a float tensor as operand 0, or operand 0 expected to be a int32 tensor as operand 1'
    """
    return (
        f"operand {k} was expected to be a {wanted.spoken} tensor as operand {first}, or operand {first} expected "
        f"to be a {given.spoken} tensor as operand {k}"
    )
