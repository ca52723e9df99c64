"""The product of matrices, over batches.

Invariant: leading axes are batches and broadcast; float16 and bfloat16 accumulate in float32 and round once; integers
wrap around. Entry point: `matmul`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, product, same
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Kernel, Op, Sample, Trait
from graphtf.ir.ops.elementwise import broadcast_shapes, check_dtype, conj
from graphtf.ir.ops.prims import p, sum_to
from graphtf.ir.types import TensorType

Array = Any


def is_wider(result: DType, operands: DType) -> bool:
    """May products of `operands` be accumulated and given as `result`?"""
    kinds = {result.kind, operands.kind}
    integers = kinds <= {"i", "u"} and result.size > operands.size
    return result is operands or integers or (kinds == {"f"} and result.size > operands.size)


def _matrix(t: TensorType, transposed: bool) -> tuple[Dim, Dim]:
    rows, columns = t.dims[-2:]
    return (columns, rows) if transposed else (rows, columns)


def _infer(
    a: TensorType, b: TensorType, transpose_a: bool = False, transpose_b: bool = False, dtype: DType | None = None
) -> TensorType:
    check_dtype(matmul, a.dtype, dt.NUMERIC, 1)
    if b.dtype is not a.dtype:
        raise matmul.violated(2, dt.mismatch(1, b.dtype, 0, a.dtype), "dtype")
    result = dtype or a.dtype
    if not is_wider(result, a.dtype):
        raise matmul.violated(3, f"a product of {a.dtype.name} cannot be accumulated in {result.name}", "dtype")
    for k, t in enumerate((a, b)):
        if t.shape is not None and len(t.shape) < 2:
            raise matmul.violated(4, f"operand {k} is {t}, expected at least two axes")
    if a.shape is None or b.shape is None:
        return TensorType(result, None)
    (rows, inner), (other, columns) = _matrix(a, transpose_a), _matrix(b, transpose_b)
    if not same(inner, other):
        shown = f"{a}{' transposed' if transpose_a else ''} and {b}{' transposed' if transpose_b else ''}"
        raise matmul.violated(5, f"Matrix size-incompatible: {shown}: {inner} columns meet {other} rows")
    batch = broadcast_shapes(matmul, [a.shape[:-2], b.shape[:-2]], 6)
    assert batch is not None
    return TensorType(result, (*batch, rows, columns))


def _ref(
    a: Array, b: Array, transpose_a: bool = False, transpose_b: bool = False, dtype: DType | None = None
) -> Array:
    result = a.dtype if dtype is None else dtype.np
    wide = np.dtype(np.float32) if result.itemsize == 2 and result.kind not in "iu" else result
    a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
    a, b = (np.swapaxes(x, -1, -2) if t else x for x, t in ((a, transpose_a), (b, transpose_b)))
    with np.errstate(all="ignore"):
        return np.asarray(np.matmul(a, b)).astype(result, copy=False)


def _vjp(
    ct: Any, out: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, dtype: DType | None = None
) -> tuple[Any, Any]:
    """Of the four products ab, aᵀb, abᵀ, aᵀbᵀ, each operand's cotangent is again one of ct and the other operand."""
    own, wide = ir_type(a).dtype, ir_type(ct).dtype
    wa, wb = (x if own is wide else p.cast(x, dtype=wide) for x in (conj(a), conj(b)))
    if transpose_a:
        for_a = p.matmul(wb, ct, transpose_a=transpose_b, transpose_b=True)
    else:
        for_a = p.matmul(ct, wb, transpose_a=False, transpose_b=not transpose_b)
    if not transpose_a and _shares_right(ir_type(a), ir_type(b)):
        wa, ct = _rows(wa), _rows(ct)  # one product with all batches' rows, instead of a sum of products
    if transpose_b:
        for_b = p.matmul(ct, wa, transpose_a=True, transpose_b=transpose_a)
    else:
        for_b = p.matmul(wa, ct, transpose_a=not transpose_a, transpose_b=False)
    cts = (sum_to(for_a, ir_type(a).shape), sum_to(for_b, ir_type(b).shape))
    return cts if own is wide else tuple(p.cast(c, dtype=own) for c in cts)  # type: ignore[return-value]


def _shares_right(a: TensorType, b: TensorType) -> bool:
    """Do several batches of a meet one matrix b?"""
    return a.shape is not None and b.shape is not None and len(a.shape) > 2 and len(b.shape) == 2


def _rows(x: Any) -> Any:
    """All axes but the last as one."""
    *outer, columns = ir_type(x).dims
    return p.reshape(x, shape=(product(outer), columns))


_PLAIN = {"transpose_a": False, "transpose_b": False}
_LEFT, _RIGHT = {**_PLAIN, "transpose_a": True}, {**_PLAIN, "transpose_b": True}
_BOTH = {"transpose_a": True, "transpose_b": True}
matmul = Op(
    "matmul", "the matrix product of a and b, either transposed first, accumulated in `dtype` where that is given",
    _infer, _ref, _vjp, Kernel("contract"), arity=2, attrs=("transpose_a", "transpose_b", "dtype"),
    constraints=(
        "the dtype is one of numbers", "both operands have the same dtype",
        "the dtype asked for, if any, is the operands' or a wider one of its kind",
        "both operands have at least two axes", "a has as many columns as b has rows",
        "the leading axes broadcast",
    ),
    traits=Trait.CONTRACTION,
    samples=(
        Sample("f32[3, 4] f32[4, 5]", _PLAIN), Sample("f32[4, 3] f32[4, 5]", _LEFT),
        Sample("f32[3, 4] f32[5, 4]", _RIGHT), Sample("f32[4, 3] f32[5, 4]", _BOTH),
        Sample("f32[2, 3, 4] f32[4, 2]", _PLAIN), Sample("f32[2, 1, 3, 4] f32[5, 4, 2]", _PLAIN),
        Sample("f32[2, 3, 4] f32[5, 4]", _RIGHT), Sample("c64[2, 3] c64[3, 2]", _PLAIN),
        Sample("c64[3, 2] c64[2, 3]", _BOTH),
        Sample("f32[2, 0] f32[0, 3]", _PLAIN), Sample("f32[0, 2] f32[2, 3]", _PLAIN),
        Sample("i8[2, 3] i8[3, 2]", {**_PLAIN, "dtype": dt.int32}), Sample("i32[2, 3] i32[3, 2]", _PLAIN),
        Sample("bf16[2, 3] bf16[3, 2]", {**_PLAIN, "dtype": dt.float32}),
    ),
)  # fmt: skip
