"""Elementwise ops: arithmetic, comparison, logic, bits, transcendental functions, select and cast.

Invariant: operands broadcast as in NumPy, must have one dtype, and element i of the result depends on elements i only.
Gradients are written for equal shapes; `_unbroadcast` sums them back to each operand's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, same
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Op, Sample, Scalar, Trait, Unsupported
from graphtf.ir.ops.prims import p, scalar_like, sum_to
from graphtf.ir.types import TensorType

Array = Any

_ONE_DTYPE = "all operands have the same dtype"
_DTYPES = "the dtype is one the op is defined for"
_BROADCAST = "operand shapes broadcast"


def broadcast_shapes(op: Op, shapes: Sequence[Shape | None], constraint: int = 3) -> Shape | None:
    """The NumPy broadcast of shapes (None: unknown rank). A run-time size meeting another is assumed equal to it."""
    if any(x is None for x in shapes):
        return None
    known: list[Shape] = [x for x in shapes if x is not None]
    rank = max(map(len, known))
    out: list[Dim] = [1] * rank
    for shape in known:
        for i, d in enumerate(shape, rank - len(shape)):
            if out[i] == 1:
                out[i] = d
            elif d != 1 and not same(out[i], d):
                shown = " and ".join(str(list(x)) for x in known)
                raise op.violated(constraint, f"shapes {shown} do not broadcast together (axis {i}: {out[i]} and {d})")
            elif isinstance(d, int) and d != 1:
                out[i] = d
    return tuple(out)


def unify(op: Op, types: Sequence[TensorType], allowed: Sequence[DType]) -> Shape | None:
    """Check C1–C3 of an elementwise op; the broadcast shape."""
    dtype = types[0].dtype
    for i, t in enumerate(types[1:], 1):
        if t.dtype is not dtype:
            raise op.violated(1, f"operand {i} has dtype {t.dtype.name}, expected {dtype.name} as operand 0", "dtype")
    if dtype not in allowed:
        names = ", ".join(d.name for d in allowed)
        raise op.violated(2, f"dtype {dtype.name} is not allowed, expected one of {names}", "dtype")
    return broadcast_shapes(op, [t.shape for t in types])


def _unbroadcast(vjp: Callable[..., Any]) -> Callable[..., Any]:
    def full(ct: Any, out: Any, *operands: Any, **attrs: Any) -> tuple[Any, ...]:
        cts = vjp(ct, out, *operands, **attrs)
        cts = cts if isinstance(cts, tuple) else (cts,)
        return tuple(None if c is None else sum_to(c, ir_type(x).shape) for c, x in zip(cts, operands, strict=True))

    return full


def elementwise(
    name: str,
    doc: str,
    ref: Callable[..., Array],
    vjp: Callable[..., Any] | Unsupported | None = None,
    *,
    arity: int = 1,
    dtypes: Sequence[DType] = dt.NUMERIC,
    lowering: Any = None,
    result: DType | None = None,
    traits: Trait = Trait.NONE,
    samples: Sequence[Sample | str] = (),
    low: float = -2.0,
    high: float = 2.0,
) -> Op:
    """Declare an elementwise op. `result` is its dtype where that is not the operands'; `vjp(ct, out, *operands)`
    returns cotangents at the broadcast shape."""

    def infer(*types: TensorType) -> TensorType:
        return TensorType(result or types[0].dtype, unify(op, types, dtypes))

    def run(*arrays: Array) -> Array:
        with np.errstate(all="ignore"):
            out = ref(*arrays)
        want = result.np if result else arrays[0].dtype
        return out if type(out) is np.ndarray and out.dtype == want else np.asarray(out, want)

    if not samples:
        first = "f32" if dt.float32 in dtypes else ("bool" if dt.bool_ in dtypes else "i32")
        samples = (" ".join([f"{first}[3, 4]"] * arity), *([f"{first}[2, 1, 4] {first}[3, 1]"] if arity == 2 else []))
    made = tuple(x if isinstance(x, Sample) else Sample(x, {}, low, high) for x in samples)
    if vjp is None:
        traits |= Trait.ZERO_GRADIENT
    op = Op(
        name, doc, infer, run, _unbroadcast(vjp) if callable(vjp) else vjp, lowering or Scalar(name), arity=arity,
        constraints=(_ONE_DTYPE, _DTYPES, _BROADCAST), traits=Trait.ELEMENTWISE | traits, samples=made,
    )  # fmt: skip
    return op



# ---- arithmetic ------------------------------------------------------------------------------------------------------


add = elementwise(
    "add", "x + y", np.add,
    lambda ct, out, x, y: (ct, ct), arity=2, traits=Trait.COMMUTATIVE,
    samples=("f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "i32[5] i32[]", "f64[0, 3] f64[3]", "bf16[7] bf16[7]"),
)  # fmt: skip
sub = elementwise("sub", "x - y", np.subtract, lambda ct, out, x, y: (ct, p.neg(ct)), arity=2)
mul = elementwise(
    "mul", "x * y", np.multiply,
    lambda ct, out, x, y: (p.mul(ct, _conj(y)), p.mul(ct, _conj(x))), arity=2, traits=Trait.COMMUTATIVE,
    samples=("f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "i64[5] i64[]", "c64[3] c64[3]"),
)  # fmt: skip


def _conj(x: Any) -> Any:
    """x, conjugated where it is complex: gradients follow TensorFlow's convention."""
    return p.conj(x) if ir_type(x).dtype.is_complex else x
