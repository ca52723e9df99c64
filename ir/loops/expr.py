"""Scalar expressions of the loop IR, and the smart constructors that op declarations and lowerings write them with.

Invariant: every expression has a dtype, operands of a primitive have the dtypes it asks for (nothing converts by
itself), and indices are int64 element offsets. Sharing is by identity: an object used twice is computed once.
Entry points: `prim(name, *args)` and the wrappers `add`, `mul`, `select`, `cast`, ….
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphtf.ir import dims
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, bool_, int64


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Memory of `size` elements. space: arg (given by the caller), stack (per call, small), register (a tile whose
    indices are all constants once unrolled)."""

    name: str
    dtype: DType
    size: Dim
    space: str = "arg"

    def __str__(self) -> str:
        return f"%{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A literal."""

    value: Any
    dtype: DType


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A loop index, a carried value or a let-bound name."""

    name: str
    dtype: DType = int64


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """A run-time size."""

    dim: Dim
    dtype: DType = int64


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Element `index` of a buffer."""

    buffer: Buffer
    index: Expr

    @property
    def dtype(self) -> DType:
        return self.buffer.dtype


@dataclass(frozen=True, slots=True, eq=False)
class Prim:
    """A scalar primitive applied."""

    name: str
    args: tuple[Expr, ...]
    dtype: DType


Expr = Lit | Var | Size | Load | Prim

# name -> number of operands. Result dtype: that of the operands, but bool for comparisons and tests.
# fma is a·b + c rounded once, where the target can. Integers: by 0 is 0, beyond the width shifts everything out.
ARITHMETIC = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "floordiv": 2, "floormod": 2, "truncdiv": 2, "truncmod": 2, "neg": 1,
    "abs": 1, "sign": 1, "min": 2, "max": 2, "fma": 3, "pow": 2,
}  # fmt: skip
ROUNDING = {"floor": 1, "ceil": 1, "trunc": 1, "round": 1}
TRANSCENDENTAL = {
    "sqrt": 1, "rsqrt": 1, "cbrt": 1, "exp": 1, "exp2": 1, "expm1": 1, "log": 1, "log1p": 1, "log2": 1, "log10": 1,
    "sin": 1, "cos": 1, "tan": 1, "asin": 1, "acos": 1, "atan": 1, "atan2": 2, "sinh": 1, "cosh": 1, "tanh": 1,
    "asinh": 1, "acosh": 1, "atanh": 1, "sigmoid": 1, "softplus": 1, "erf": 1, "erfc": 1, "erfinv": 1, "ndtri": 1,
    "lgamma": 1, "digamma": 1,
}  # fmt: skip
COMPARISON = {"eq": 2, "ne": 2, "lt": 2, "le": 2, "gt": 2, "ge": 2, "isnan": 1, "isinf": 1, "isfinite": 1}
BITWISE = {"and": 2, "or": 2, "xor": 2, "not": 1, "shl": 2, "shr": 2, "popcount": 1, "mulhi": 2}
SPECIAL = {"select": 3, "cast": 1, "bitcast": 1}
PRIMS: dict[str, int] = ARITHMETIC | ROUNDING | TRANSCENDENTAL | COMPARISON | BITWISE | SPECIAL


def lit(value: Any, dtype: DType = int64) -> Lit:
    return Lit(value, dtype)


def size(d: Dim) -> Expr:
    """A dimension as an index expression."""
    return Lit(d, int64) if isinstance(d, int) else Size(d)


def as_index(x: Expr | Dim) -> Expr:
    return size(x) if isinstance(x, (int, dims.SymDim)) else x


def prim(name: str, *args: Expr, dtype: DType | None = None) -> Expr:
    """Apply a primitive. `dtype` is the result's for cast and bitcast. Raises ValueError for a wrong use."""
    if PRIMS.get(name) != len(args):
        raise ValueError(f"scalar primitive {name}: {len(args)} operands, expected {PRIMS.get(name)}")
    if dtype is None:
        dtype = bool_ if name in COMPARISON else args[1 if name == "select" else 0].dtype
    compared = args[1:] if name == "select" else args
    if any(a.dtype is not compared[0].dtype for a in compared):
        raise ValueError(f"scalar primitive {name}: operands of types {[a.dtype.short for a in args]}")
    return Prim(name, args, dtype)


def _fold(name: str, apply: Callable[[Dim, Dim], Dim]) -> Callable[[Expr | Dim, Expr | Dim], Expr]:
    """Index arithmetic: sizes and integers are folded as `Dim`, the rest becomes a primitive."""

    def op(a: Expr | Dim, b: Expr | Dim) -> Expr:
        x, y = as_index(a), as_index(b)
        u, v = _dim_of(x), _dim_of(y)
        if u is not None and v is not None and (name not in ("floordiv", "floormod") or v != 0):
            return size(apply(u, v))
        return _simplified(name, x, y, u, v)

    return op


def _dim_of(x: Expr) -> Dim | None:
    if isinstance(x, Size):
        return x.dim
    return x.value if isinstance(x, Lit) and x.dtype is int64 else None


def _simplified(name: str, x: Expr, y: Expr, u: Dim | None, v: Dim | None) -> Expr:
    if (name in ("add", "sub") and v == 0) or (name in ("mul", "floordiv") and v == 1):
        return x
    if (name == "add" and u == 0) or (name == "mul" and u == 1):
        return y
    if name == "mul" and (u == 0 or v == 0):
        return Lit(0, int64)
    if name == "floormod" and v == 1:
        return Lit(0, int64)
    return Prim(name, (x, y), int64)


# Index (int64) arithmetic. floordiv and floormod round down.
iadd = _fold("add", lambda a, b: a + b)
isub = _fold("sub", lambda a, b: a - b)
imul = _fold("mul", lambda a, b: a * b)
idiv = _fold("floordiv", dims.floordiv)
imod = _fold("floormod", lambda a, b: a - dims.floordiv(a, b) * b)
imax = _fold("max", dims.maximum)
imin = _fold("min", dims.minimum)


def select(condition: Expr, a: Expr, b: Expr) -> Expr:
    """a where condition else b; both are computed."""
    return prim("select", condition, a, b)


def cast(x: Expr, dtype: DType) -> Expr:
    """NumPy's `astype`: truncation toward zero for floats to integers, wrap-around between integers, != 0 to bool."""
    return x if x.dtype is dtype else prim("cast", x, dtype=dtype)


def bitcast(x: Expr, dtype: DType) -> Expr:
    """The same bits as another type of equal width."""
    return prim("bitcast", x, dtype=dtype)


def children(x: Expr) -> tuple[Expr, ...]:
    """Direct operands."""
    if isinstance(x, Prim):
        return x.args
    return (x.index,) if isinstance(x, Load) else ()
