"""Reductions over axes, which the result no longer has, and the position of the extreme.

Invariant: reducing no elements gives the identity; integers wrap around; float16 and bfloat16 accumulate in float32 and
round once; NaN comes through maximum and minimum, but is passed over by argmax and argmin, as in TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_shape, ir_type
from graphtf.ir.dims import Shape, product
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.op import Kernel, Op, Reduce, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype, conj
from graphtf.ir.ops.generate import INDEX_TYPES
from graphtf.ir.ops.prims import p
from graphtf.ir.ops.view import check_axes, inverse
from graphtf.ir.types import TensorType

Array = Any
Axes = tuple[int, ...]

_SAMPLES = (("f32[3, 4]", (1,)), ("f32[2, 3, 4]", (0, 2)), ("f32[5]", (0,)), ("f32[2, 3]", ()), ("f32[0, 3]", (0,)),
            ("f32[3, 0]", (0,)), ("f32[]", ()))  # fmt: skip


# ---- declaring -------------------------------------------------------------------------------------------------------


def reduction(
    name: str, doc: str, ufunc: np.ufunc, combine: str, dtypes: Sequence[DType], vjp: Callable[..., Any] | None,
    initial: Callable[[DType], Any],
) -> Op:  # fmt: skip
    """Declare a reduction by the scalar primitive `combine` and its NumPy ufunc. `initial` is its identity."""

    def infer(x: TensorType, axes: Axes) -> TensorType:
        check_axes(op, x, axes)
        check_dtype(op, x.dtype, dtypes, 2)
        return x if x.shape is None else x.with_shape(tuple(d for k, d in enumerate(x.shape) if k not in axes))

    starts = {d.np: initial(d) for d in dtypes}

    def bare(x: Array, axes: Axes) -> Array:
        if not axes:
            return x  # -0 stays what it is
        narrow = x.dtype
        if narrow.itemsize == 2 and narrow.kind not in "iu":
            x = x.astype(np.float32)
        return np.asarray(ufunc.reduce(x, axes, x.dtype, initial=starts[narrow]), narrow)

    def run(x: Array, axes: Axes) -> Array:
        with np.errstate(all="ignore"):
            return bare(x, axes)

    run.__wrapped__ = bare  # type: ignore[attr-defined]  # for the eager binder, where NumPy is quiet already

    shapes = tuple((t.replace("f32", "bool") if dtypes == (dt.bool_,) else t, a) for t, a in _SAMPLES)
    finite = combine not in ("max", "min")
    samples = tuple(Sample(t, {"axes": a}, grad=finite or "0" not in t) for t, a in shapes)
    traits = Trait.REDUCTION | (Trait.ZERO_GRADIENT if vjp is None else Trait.NONE)
    op = Op(
        name, doc, infer, run, vjp, Reduce(combine), attrs=("axes",),
        constraints=("axes are distinct axes of the operand", "the dtype is one the op is defined for"),
        traits=traits, samples=samples,
    )  # fmt: skip
    return op


def kept(shape: Shape, axes: Axes) -> Shape:
    """The shape with size 1 along the axes."""
    return tuple(1 if k in axes else d for k, d in enumerate(shape))


def _back(reduced: Any, x: Any, axes: Axes) -> Any:
    """A reduced tensor with the axes it lost back, at size 1: it broadcasts against x."""
    return p.reshape(reduced, shape=kept(ir_type(x).dims, axes))


def spread(reduced: Any, x: Any, axes: Axes) -> Any:
    """A reduced tensor, repeated along the axes it lost."""
    shape = ir_shape(x) or ir_type(x).dims
    return p.broadcast(reduced if len(axes) == len(shape) else _back(reduced, x, axes), shape=shape)


# ---- sum and product -------------------------------------------------------------------------------------------------


def _prod_vjp(ct: Any, out: Any, x: Any, axes: Axes) -> tuple[Any]:
    """The product of all other elements, by products from both sides: right for zeros too."""
    shape = ir_type(x).dims
    if not axes:
        return (ct,)
    others = tuple(k for k in range(len(shape)) if k not in axes)
    perm = (*axes, *others)
    permuted = p.transpose(x, perm=perm)
    flat = p.reshape(permuted, shape=(product(shape[k] for k in axes), product(shape[k] for k in others)))
    left = p.cumulate(flat, axis=0, combine="mul", exclusive=True, reverse=False)
    right = p.cumulate(flat, axis=0, combine="mul", exclusive=True, reverse=True)
    rest = p.reshape(p.mul(conj(left), conj(right)), shape=ir_type(permuted).dims)
    return (p.mul(_back(ct, x, axes), p.transpose(rest, perm=inverse(perm))),)


reduce_sum = reduction(
    "reduce_sum", "the sum of the elements along axes", np.add, "add", dt.NUMERIC,
    lambda ct, out, x, axes: (spread(ct, x, axes),), lambda d: 0,
)  # fmt: skip
reduce_prod = reduction(
    "reduce_prod", "the product of the elements along axes", np.multiply, "mul", dt.NUMERIC, _prod_vjp, lambda d: 1
)


# ---- extremes --------------------------------------------------------------------------------------------------------


def _extreme_vjp(ct: Any, out: Any, x: Any, axes: Axes) -> tuple[Any]:
    """Shared evenly among the elements that are the extreme."""
    chosen = p.cast(p.eq(_back(out, x, axes), x), dtype=ir_type(x).dtype)
    count = _back(p.reduce_sum(chosen, axes=axes), x, axes)
    return (p.mul(p.div(chosen, count), _back(ct, x, axes)),)


def lowest(d: DType) -> Any:
    """The identity of maximum."""
    return -np.inf if d.is_floating else d.min


def highest(d: DType) -> Any:
    """The identity of minimum."""
    return np.inf if d.is_floating else d.max


reduce_max = reduction(
    "reduce_max", "the largest element along axes; NaN if there is one", np.maximum, "max", dt.REAL,
    _extreme_vjp, lowest,
)  # fmt: skip
reduce_min = reduction(
    "reduce_min", "the smallest element along axes; NaN if there is one", np.minimum, "min", dt.REAL,
    _extreme_vjp, highest,
)  # fmt: skip

# ---- logic -----------------------------------------------------------------------------------------------------------

reduce_any = reduction(
    "reduce_any", "is some element along axes true?", np.logical_or, "or", (dt.bool_,), None, lambda d: False
)
reduce_all = reduction(
    "reduce_all", "are all elements along axes true?", np.logical_and, "and", (dt.bool_,), None, lambda d: True
)


# ---- positions -------------------------------------------------------------------------------------------------------

ORDERED = (*dt.REAL, dt.bool_)


def _position(name: str, doc: str, find: Callable[..., Array], least: float) -> Op:
    def infer(x: TensorType, axis: int, dtype: DType) -> TensorType:
        check_dtype(op, x.dtype, ORDERED, 1)
        check_dtype(op, dtype, INDEX_TYPES, 2)
        if x.shape is None:
            return x.with_dtype(dtype)
        if not 0 <= axis < len(x.shape):
            raise op.violated(3, f"attribute axis is {axis}, expected an axis of {x}")
        if x.shape[axis] == 0:
            raise op.violated(4, f"Reduction axis {axis} is empty in shape {list(x.shape)}")
        return TensorType(dtype, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def run(x: Array, axis: int, dtype: DType) -> Array:
        if x.shape[axis] == 0:
            raise InvalidArgumentError(None, None, f"Reduction axis {axis} is empty in shape {list(x.shape)}")
        if as_dtype(x.dtype).is_floating:
            x = np.where(np.isnan(x), x.dtype.type(least), x)
        return np.asarray(find(x, axis)).astype(dtype.np)

    nan = float("nan")
    samples = (
        Sample("f32[3, 4]", {"axis": 1, "dtype": dt.int64}), Sample("f32[3, 4]", {"axis": 0, "dtype": dt.int32}),
        Sample("f32[6]", {"axis": 0, "dtype": dt.int64}, values=([nan, 2.0, 1.0, 2.0, 1.0, nan],)),
        Sample("f32[2]", {"axis": 0, "dtype": dt.int64}, values=([nan, nan],)),
        Sample("i32[5]", {"axis": 0, "dtype": dt.int64}), Sample("bool[5]", {"axis": 0, "dtype": dt.int64}),
        Sample("f32[0, 4]", {"axis": 1, "dtype": dt.int64}),
    )  # fmt: skip
    op = Op(
        name, doc, infer, run, None, Kernel(name), attrs=("axis", "dtype"),
        constraints=(
            "the dtype is one of real numbers or bool", "the dtype asked for is int32 or int64",
            "the axis is one of the operand's", "the axis is not empty",
        ),
        traits=Trait.ZERO_GRADIENT, samples=samples,
    )  # fmt: skip
    return op


argmax = _position("argmax", "where along an axis the largest element first is; NaN is passed over", np.argmax, -np.inf)
argmin = _position("argmin", "where along an axis the smallest element first is; NaN is passed over", np.argmin, np.inf)
