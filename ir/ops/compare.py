"""Elementwise comparison, logic, tests of floats, select, and the positive part.

Invariant: results are bool (those of select and the positive part: of the operands' dtype); comparison with NaN is
false, but for `ne`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Op, Partials, Sample, Scalar, Trait
from graphtf.ir.ops.elementwise import broadcast_shapes, elementwise, unify
from graphtf.ir.ops.prims import full_like, p, scalar_like, sum_to
from graphtf.ir.types import TensorType

Array = Any

COMPARABLE = (*dt.NUMERIC, dt.bool_, dt.string)
_EDGES = ([1.0, 2.0, float("nan"), -0.0, float("inf")], [2.0, 2.0, float("nan"), 0.0, 1.0])


def _comparison(name: str, doc: str, ref: Callable[..., Array], dtypes: Sequence[DType], symmetric: bool) -> Op:
    samples = ("f32[2, 1, 4] f32[3, 1]", Sample("f32[5] f32[5]", values=_EDGES), "i32[0, 3] i32[3]", "u8[] u8[]")
    return elementwise(name, doc, ref, arity=2, dtypes=dtypes, result=dt.bool_, samples=samples,
                       traits=Trait.COMMUTATIVE if symmetric else Trait.NONE)  # fmt: skip


eq = _comparison("eq", "x = y", np.equal, COMPARABLE, True)
ne = _comparison("ne", "x ≠ y; true of NaN", np.not_equal, COMPARABLE, True)
lt = _comparison("lt", "x < y", np.less, dt.REAL, False)
le = _comparison("le", "x ≤ y", np.less_equal, dt.REAL, False)
gt = _comparison("gt", "x > y", np.greater, dt.REAL, False)
ge = _comparison("ge", "x ≥ y", np.greater_equal, dt.REAL, False)


def _logic(name: str, doc: str, ref: Callable[..., Array], prim: str, arity: int = 2) -> Op:
    traits = Trait.INVOLUTION if arity == 1 else Trait.COMMUTATIVE | Trait.ASSOCIATIVE
    return elementwise(name, doc, ref, arity=arity, dtypes=(dt.bool_,), lowering=Scalar(prim), traits=traits)


logical_and = _logic("logical_and", "x and y", np.logical_and, "and")
logical_or = _logic("logical_or", "x or y", np.logical_or, "or")
logical_xor = _logic("logical_xor", "x or y but not both", np.logical_xor, "xor")
logical_not = _logic("logical_not", "not x", np.logical_not, "not", 1)


def _float_test(name: str, doc: str, ref: Callable[..., Array]) -> Op:
    edges = Sample("f32[5]", values=([0.0, float("nan"), float("inf"), -float("inf"), 1e-40],))
    samples = ("f32[3, 4]", edges, "f64[0]", "f32[]")
    return elementwise(name, doc, ref, dtypes=dt.FLOATS, result=dt.bool_, samples=samples)


isnan = _float_test("isnan", "is x NaN?", np.isnan)
isinf = _float_test("isinf", "is x infinite?", np.isinf)
isfinite = _float_test("isfinite", "is x neither infinite nor NaN?", np.isfinite)


# ---- select ----------------------------------------------------------------------------------------------------------


def _select_infer(condition: TensorType, a: TensorType, b: TensorType) -> TensorType:
    if condition.dtype is not dt.bool_:
        raise select.violated(1, f"operand 0 has dtype {condition.dtype.name}, expected bool", "dtype")
    unify(select, (a, b), dt.ALL, first=1)
    return TensorType(a.dtype, broadcast_shapes(select, [condition.shape, a.shape, b.shape]))


def _select_ref(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


def _select_vjp(ct: Any, out: Any, condition: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    zero = scalar_like(ct, 0)
    in_a, in_b = p.select(condition, ct, zero), p.select(condition, zero, ct)
    return None, sum_to(in_a, ir_type(a).shape), sum_to(in_b, ir_type(b).shape)


select = Op(
    "select", "a where the condition holds, else b", _select_infer, _select_ref, _select_vjp, Scalar("select"), arity=3,
    constraints=(
        "the condition is bool", "the operands chosen from have the same dtype", "operand shapes broadcast",
    ),
    traits=Trait.ELEMENTWISE,
    samples=(
        Sample("bool[3, 4] f32[3, 4] f32[3, 4]"), Sample("bool[3, 1] f32[4] f32[2, 1, 1]"),
        Sample("bool[] i32[2] i32[2]"), Sample("bool[0] f32[] f32[]"),
    ),
)  # fmt: skip


# ---- the positive part -----------------------------------------------------------------------------------------------


def _positive(x: s.Expr, chosen: s.Expr) -> s.Expr:
    return s.select(s.prim("gt", x, s.lit(0, x.dtype)), chosen, s.lit(0, x.dtype))


relu = elementwise(
    "relu", "x where it is positive, else 0; NaN stays", lambda x: np.where(x <= 0, np.zeros((), x.dtype), x),
    lambda ct, out, x: p.relu_grad(ct, x), dtypes=dt.REAL, traits=Trait.IDEMPOTENT,
    lowering=Body(lambda x: s.select(s.prim("le", x, s.lit(0, x.dtype)), s.lit(0, x.dtype), x)),
    samples=("f32[3, 4]", "i32[5]", "f32[0]", "f64[]"),
)  # fmt: skip
relu_grad = elementwise(
    "relu_grad", "ct where x is positive, else 0. Its derivative by x is 0, and not none, as that of the positive part "
    "is in TensorFlow", lambda ct, x: np.where(x > 0, ct, np.zeros((), x.dtype)),
    Partials(lambda g, out, ct, x: p.relu_grad(g, x), lambda g, out, ct, x: full_like(x, 0)), arity=2, dtypes=dt.REAL,
    lowering=Body(lambda ct, x: _positive(x, ct)),
)  # fmt: skip
