"""Elementwise ops: how they are declared, and arithmetic. Comparison, bits, conversion and functions lie beside it.

Invariant: operands broadcast as in NumPy, must have one dtype, and element i of the result depends on elements i only.
Gradients are written for equal shapes; `elementwise` sums them back to each operand's shape.
Entry point: `elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_dtype, ir_shape, ir_type
from graphtf.ir.dims import Dim, Shape, same
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, ElementCheck, Lowering, Op, Partials, Sample, Scalar, Trait, Unsupported
from graphtf.ir.ops.prims import full_like, p, scalar_like, sum_to
from graphtf.ir.types import TensorType

Array = Any
ResultRule = Callable[..., DType]  # (dtype of operand 0, **attrs) -> dtype of the result

_ONE_DTYPE = "all operands have the same dtype"
_DTYPES = "the dtype is one the op is defined for"
_BROADCAST = "operand shapes broadcast"
CONSTRAINTS = (_DTYPES, _ONE_DTYPE, _BROADCAST)


# ---- types -----------------------------------------------------------------------------------------------------------


def broadcast_shapes(op: Op, shapes: Sequence[Shape | None], constraint: int = 3) -> Shape | None:
    """The NumPy broadcast of shapes (None: unknown rank). A run-time size meeting another is assumed equal to it."""
    known = [x for x in shapes if x is not None]
    if len(known) < len(shapes):
        return None
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


def check_dtype(op: Op, dtype: DType, allowed: Sequence[DType], constraint: int = 1) -> None:
    """Raise Violation unless the dtype is among those allowed."""
    if not isinstance(dtype, DType):
        raise op.violated(constraint, f"{dtype!r} is not a dtype", "dtype")
    if dtype not in allowed:
        names = ", ".join(d.name for d in allowed)
        raise op.violated(constraint, f"dtype {dtype.name} is not allowed, expected one of {names}", "dtype")


def unify(op: Op, types: Sequence[TensorType], allowed: Sequence[DType], first: int = 0) -> Shape | None:
    """Check C1–C3 of an elementwise op (its operands are numbered from `first` in messages); the broadcast shape."""
    dtype = types[0].dtype
    check_dtype(op, dtype, allowed)
    for i, t in enumerate(types[1:], first + 1):
        if t.dtype is not dtype:
            message = dt.mismatch(i, t.dtype, first, dtype)
            raise op.violated(2, message, "dtype")
    return broadcast_shapes(op, [t.shape for t in types])


# ---- declaring -------------------------------------------------------------------------------------------------------


def _unbroadcast(vjp: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(vjp, Partials):
        return Partials(*(_unbroadcast_part(k, part) for k, part in enumerate(vjp.parts)))

    def full(ct: Any, out: Any, *operands: Any, **attrs: Any) -> tuple[Any, ...]:
        cts = vjp(ct, out, *operands, **attrs)
        cts = cts if isinstance(cts, tuple) else (cts,)
        return tuple(None if c is None else sum_to(c, ir_shape(x)) for c, x in zip(cts, operands, strict=True))

    return full


def _unbroadcast_part(k: int, part: Callable[..., Any]) -> Callable[..., Any]:
    """Of an op of two operands and no attributes."""

    def full(ct: Any, out: Any, x: Any, y: Any) -> Any:
        return sum_to(part(ct, out, x, y), ir_shape(y if k else x))

    return full


def _result_rule(result: DType | ResultRule | None) -> ResultRule:
    if result is None:
        return lambda dtype, **attrs: dtype
    if isinstance(result, DType):
        return lambda dtype, **attrs: result
    return result


def _constraints(arity: int, dtypes: Sequence[DType]) -> tuple[str, ...]:
    """Those that can be violated: a single operand agrees with itself."""
    if arity > 1:
        return CONSTRAINTS
    return CONSTRAINTS[:1] if len(dtypes) < len(dt.ALL) else ()


def _default_samples(dtypes: Sequence[DType], arity: int) -> tuple[str, ...]:
    d = next((d for d in (dt.float32, dt.bool_, dt.int32) if d in dtypes), dtypes[0]).short
    mixed = (f"{d}[2, 1, 4] {d}[3, 1]",) if arity == 2 else ()
    return (" ".join([f"{d}[3, 4]"] * arity), " ".join([f"{d}[0, 3]"] * arity), " ".join([f"{d}[]"] * arity), *mixed)


def elementwise(
    name: str,
    doc: str,
    ref: Callable[..., Array],
    vjp: Callable[..., Any] | Unsupported | None = None,
    *,
    arity: int = 1,
    dtypes: Sequence[DType] = dt.NUMERIC,
    lowering: Lowering | None = None,
    result: DType | ResultRule | None = None,
    attrs: tuple[str, ...] = (),
    traits: Trait = Trait.NONE,
    check: ElementCheck | None = None,
    samples: Sequence[Sample | str] = (),
    low: float = -2.0,
    high: float = 2.0,
    grad: bool = True,
) -> Op:
    """Declare an elementwise op over `dtypes`. `result` is its dtype, or a rule for it, where that is not the
    operands'; `vjp(ct, out, *operands, **attrs)` returns cotangents at the broadcast shape; without one the op is a
    ZERO_GRADIENT. `low`, `high`, `grad` are for samples given as text."""
    result_dtype = _result_rule(result)

    def infer(*types: TensorType, **attrs: Any) -> TensorType:
        shape = unify(op, types, dtypes)
        return TensorType(result_dtype(types[0].dtype, **attrs), shape)

    def run(*arrays: Array, **attrs: Any) -> Array:
        with np.errstate(all="ignore"):
            out = ref(*arrays, **attrs)
        want = arrays[0].dtype if result is None else result_dtype(as_dtype(arrays[0].dtype), **attrs).np
        return out if type(out) is np.ndarray and out.dtype == want else np.asarray(out, want)

    run.__wrapped__ = ref  # type: ignore[attr-defined]  # the eager binder calls a bare ufunc with less overhead
    made = tuple(
        x if isinstance(x, Sample) else Sample(x, {}, low, high, grad=grad)
        for x in (samples or _default_samples(dtypes, arity))
    )
    traits |= Trait.ELEMENTWISE | (Trait.ZERO_GRADIENT if vjp is None else Trait.NONE)
    traits |= Trait.CHECKED if check else Trait.NONE
    op = Op(
        name, doc, infer, run, _unbroadcast(vjp) if callable(vjp) else vjp, lowering or Scalar(name), arity=arity,
        attrs=attrs, constraints=_constraints(arity, dtypes), traits=traits, samples=made, check=check,
    )  # fmt: skip
    return op


def conj(x: Any) -> Any:
    """x, conjugated where it is complex: gradients follow TensorFlow's convention."""
    return p.conj(x) if ir_dtype(x).is_complex else x


def times(ct: Any, derivative: Any) -> Any:
    """The cotangent of an operand of a function with this derivative."""
    return p.mul(ct, p.conj(derivative) if ir_dtype(derivative).is_complex else derivative)


def keep_where(condition: Any, ct: Any) -> Any:
    """ct where the condition holds, else zero: no NaN comes through where it does not."""
    return p.select(condition, ct, scalar_like(ct, 0))


def through_f32(fn: Callable[..., Array]) -> Callable[..., Array]:
    """fn of float16 or bfloat16 arrays by way of float32, rounded once; of other dtypes as it is."""

    def run(*arrays: Array) -> Array:
        narrow = arrays[0].dtype
        if narrow.itemsize != 2:
            return fn(*arrays)
        return np.asarray(fn(*(a.astype(np.float32) for a in arrays))).astype(narrow)

    return run


# ---- arithmetic ------------------------------------------------------------------------------------------------------

add = elementwise(
    "add", "x + y", np.add,
    Partials(lambda ct, out, x, y: ct, lambda ct, out, x, y: ct), arity=2, traits=Trait.COMMUTATIVE,
    samples=("f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "i32[5] i32[]", "f64[0, 3] f64[3]", "bf16[7] bf16[7]"),
)  # fmt: skip
sub = elementwise(
    "sub", "x - y", np.subtract, Partials(lambda ct, out, x, y: ct, lambda ct, out, x, y: p.neg(ct)), arity=2
)
mul = elementwise(
    "mul", "x * y", np.multiply,
    Partials(lambda ct, out, x, y: times(ct, y), lambda ct, out, x, y: times(ct, x)), arity=2,
    traits=Trait.COMMUTATIVE,
    samples=("f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "i64[5] i64[]", "c64[3] c64[3]"),
)  # fmt: skip


def _divisor_vjp(ct: Any, out: Any, x: Any, y: Any) -> Any:
    cx, cy = conj(x), conj(y)
    return p.mul(ct, p.div(p.div(p.neg(cx), cy), cy))


div = elementwise(
    "div", "x / y, of floats and complex numbers", np.divide,
    Partials(lambda ct, out, x, y: p.div(ct, conj(y)), _divisor_vjp), arity=2, dtypes=dt.INEXACT, low=0.5,
    samples=("f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "c64[3] c64[3]", "f32[0] f32[]"),
)  # fmt: skip
neg = elementwise("neg", "-x; wraps around for integers", np.negative, lambda ct, out, x: p.neg(ct),
                  traits=Trait.INVOLUTION)  # fmt: skip


def _abs_vjp(ct: Any, out: Any, x: Any) -> Any:
    if not ir_type(x).dtype.is_complex:
        return p.mul(ct, p.sign(x))
    return p.mul(p.complex(ct, full_like(ct, 0)), p.sign(x))


abs = elementwise(
    "abs", "|x|; of a complex number, its modulus", np.abs, _abs_vjp, result=lambda d, **_: d.real_dtype,
    traits=Trait.IDEMPOTENT, samples=("f32[3, 4]", "c64[3]", "i32[5]", "f32[0]", "f64[]"),
)  # fmt: skip


def _sign_ref(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.asarray(np.sign(x) + x.dtype.type(0))  # of -0 it is 0 for all types, bfloat16 among them
    modulus = np.abs(x)
    return np.where(modulus == 0, 0, x / np.where(modulus == 0, 1, modulus))


def _sign_vjp(ct: Any, out: Any, x: Any) -> Any:
    """Zero for reals; for x/|x| what turns x, 0 at the origin."""
    if not ir_type(x).dtype.is_complex:
        return full_like(x, 0)
    modulus = p.abs(x)
    at_zero = p.eq(modulus, scalar_like(modulus, 0))
    safe = p.select(at_zero, scalar_like(modulus, 1), modulus)
    along = p.real(p.mul(ct, p.conj(out)))
    across = p.sub(ct, p.mul(out, p.complex(along, full_like(along, 0))))
    return keep_where(p.logical_not(at_zero), p.div(across, p.complex(safe, full_like(safe, 0))))


sign = elementwise(
    "sign", "-1, 0 or 1; NaN of NaN; x/|x| of a complex number", _sign_ref, _sign_vjp,
    samples=("f32[3, 4]", "c64[3]", "i32[5]", "f32[0]", "f64[]"),
)  # fmt: skip


def _extremum(name: str, doc: str, ref: Callable[..., Array], prim: str, wins: str) -> Op:
    def vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
        first = getattr(p, wins)(x, y)
        return keep_where(first, ct), p.select(first, scalar_like(ct, 0), ct)

    # The trait holds up to the sign of a zero and the payload of a NaN, which no result depends on.
    traits = Trait.COMMUTATIVE | Trait.ASSOCIATIVE
    return elementwise(name, doc, ref, vjp, arity=2, dtypes=dt.REAL, lowering=Scalar(prim), traits=traits)


maximum = _extremum("maximum", "the larger of x and y; NaN if either is", np.maximum, "max", "ge")
minimum = _extremum("minimum", "the smaller of x and y; NaN if either is", np.minimum, "min", "le")

# ---- division with a remainder ---------------------------------------------------------------------------------------


def _refuse_zero(x: Array, y: Array) -> None:
    if y.dtype.kind in "iu" and x.size and not y.all():
        raise InvalidArgumentError(None, None, "Integer division by zero")


_NONZERO = ElementCheck(
    lambda x, y: s.prim("ne", y, s.lit(0, y.dtype)) if y.dtype.is_integer else None, "Integer division by zero"
)


def _guarded(divide: str, by_minus_one: Callable[[s.Expr], s.Expr]) -> Callable[[s.Expr, s.Expr], s.Expr]:
    """Integer division by what may be 0 (refused elsewhere) or -1 (which overflows for the least integer)."""

    def body(x: s.Expr, y: s.Expr) -> s.Expr:
        one = s.lit(1, y.dtype)
        safe = s.select(s.prim("eq", y, s.lit(0, y.dtype)), one, y)
        if y.dtype.is_unsigned:
            return s.prim(divide, x, safe)
        minus_one = s.prim("eq", y, s.lit(-1, y.dtype))
        return s.select(minus_one, by_minus_one(x), s.prim(divide, x, s.select(minus_one, one, safe)))

    return body


def _negated(x: s.Expr) -> s.Expr:
    return s.prim("neg", x)


def _zero(x: s.Expr) -> s.Expr:
    return s.lit(0, x.dtype)


def _division(
    name: str, doc: str, ref: Callable[..., Array], vjp: Callable[..., Any] | None,
    of_ints: Callable[..., s.Expr], of_floats: Callable[..., s.Expr],
) -> Op:  # fmt: skip
    def run(x: Array, y: Array) -> Array:
        _refuse_zero(x, y)
        return ref(x, y)

    def body(x: s.Expr, y: s.Expr) -> s.Expr:
        return (of_ints if x.dtype.is_integer else of_floats)(x, y)

    samples = (
        Sample("f32[3, 4] f32[3, 4]", {}, 0.6, 3.0, grad=vjp is not None), "f32[0, 4] f32[4]", "f32[] f32[]",
        Sample("f32[6] f32[6]", values=([5, -5, 5, -5, 0, 1], [3, 3, -3, -3, 2, 0]), grad=False),
        Sample("i32[6] i32[6]", values=([5, -5, 5, -5, -(2**31), 7], [3, 3, -3, -3, -1, 1])),
    )  # fmt: skip
    return elementwise(name, doc, run, vjp, arity=2, dtypes=dt.REAL, lowering=Body(body), check=_NONZERO,
                       samples=samples, low=0.6, high=3.0, grad=vjp is not None)  # fmt: skip


def _floordiv(x: Array, y: Array) -> Array:
    return np.floor_divide(x, y) if x.dtype.kind in "iu" else np.floor(np.divide(x, y))


@through_f32
def _fmod(x: Array, y: Array) -> Array:
    return np.fmod(x, y)


def _floormod(x: Array, y: Array) -> Array:
    if x.dtype.kind in "iu":
        return np.remainder(x, y)
    left = _fmod(x, y)
    return np.where((left != 0) & ((y < 0) != (left < 0)), left + y, left)


def _floormod_floats(x: s.Expr, y: s.Expr) -> s.Expr:
    left, zero = s.prim("truncmod", x, y), s.lit(0, x.dtype)
    signs_differ = s.prim("xor", s.prim("lt", y, zero), s.prim("lt", left, zero))
    return s.select(s.prim("and", s.prim("ne", left, zero), signs_differ), s.prim("add", left, y), left)


def _truncdiv(x: Array, y: Array) -> Array:
    if x.dtype.kind not in "iu":
        return np.trunc(np.divide(x, y))
    down = np.floor_divide(x, y)
    return down + ((np.remainder(x, y) != 0) & ((x < 0) != (y < 0))).astype(x.dtype)


def _truncmod(x: Array, y: Array) -> Array:
    return np.fmod(x, y) if x.dtype.kind in "iu" else _fmod(x, y)


floordiv = _division(
    "floordiv", "⌊x / y⌋; integers refuse y = 0", _floordiv, None,
    _guarded("floordiv", _negated), lambda x, y: s.prim("floor", s.prim("div", x, y)),
)  # fmt: skip
floormod = _division(
    "floormod", "x - y ⌊x / y⌋, with the sign of y; integers refuse y = 0", _floormod,
    lambda ct, out, x, y: (ct, p.mul(ct, p.neg(p.floordiv(x, y)))), _guarded("floormod", _zero), _floormod_floats,
)  # fmt: skip
truncdiv = _division(
    "truncdiv", "x / y rounded towards zero; integers refuse y = 0", _truncdiv, None,
    _guarded("truncdiv", _negated), lambda x, y: s.prim("trunc", s.prim("div", x, y)),
)  # fmt: skip
truncmod = _division(
    "truncmod", "the remainder of x / y, with the sign of x; integers refuse y = 0", _truncmod,
    lambda ct, out, x, y: (ct, p.mul(ct, p.neg(p.truncdiv(x, y)))),
    _guarded("truncmod", _zero), lambda x, y: s.prim("truncmod", x, y),
)  # fmt: skip

# ---- powers ----------------------------------------------------------------------------------------------------------

_NEGATIVE_POWER = "Integers to negative integer powers are not allowed"


def _pow_ref(x: Array, y: Array) -> Array:
    if x.dtype.kind in "iu" and x.size and (y < 0).any():
        raise InvalidArgumentError(None, None, _NEGATIVE_POWER)
    return through_f32(np.power)(x, y) if x.dtype.kind not in "iu" else np.power(x, y)


def _pow_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(y x^(y-1), x^y log x); the latter is 0 where x has no logarithm."""
    cx, cy = conj(x), conj(y)
    zero, one = scalar_like(x, 0), scalar_like(x, 1)
    has_log = p.ne(x, zero) if ir_type(x).dtype.is_complex else p.gt(x, zero)
    log = p.log(p.select(has_log, cx, one))
    return p.mul(p.mul(ct, cy), p.pow(cx, p.sub(cy, one))), p.mul(p.mul(ct, conj(out)), keep_where(has_log, log))


def _pow_body(x: s.Expr, y: s.Expr) -> s.Expr:
    """Integers: square and multiply over the bits of y, modulo the width as NumPy does."""
    if not x.dtype.is_integer:
        return s.prim("pow", x, y)
    out: s.Expr = s.lit(1, x.dtype)
    for bit in range(8 * x.dtype.size - (not x.dtype.is_unsigned)):
        chosen = s.prim("ne", s.prim("and", y, s.lit(1 << bit, y.dtype)), s.lit(0, y.dtype))
        out = s.select(chosen, s.prim("mul", out, x), out)
        x = s.prim("mul", x, x)
    return out


pow = elementwise(
    "pow", "x to the power y; integers refuse y < 0", _pow_ref, _pow_vjp, arity=2, lowering=Body(_pow_body), low=0.3,
    check=ElementCheck(
        lambda x, y: s.prim("ge", y, s.lit(0, y.dtype)) if y.dtype.kind == "i" else None, _NEGATIVE_POWER
    ),
    samples=(
        "f32[3, 4] f32[3, 4]", "f32[2, 1, 4] f32[3, 1]", "c64[3] c64[3]", "f32[0] f32[]",
        Sample("f32[6] f32[6]", values=([0, 0, 0, -2, -2, 2], [0, 1, 2, 3, 0.5, -1]), grad=False),
        Sample("i32[5] i32[5]", values=([2, 3, -2, 0, 7], [10, 3, 3, 0, 30])),
    ),
)  # fmt: skip
