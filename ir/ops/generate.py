"""Generators: ops without operands, whose value follows from their attributes.

Invariant: sizes among the attributes may be symbolic; `ref` is given numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Shape
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Element, Op, Sample, Structural, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Index = Sequence[s.Expr]

INDEX_TYPES = (dt.int32, dt.int64)
_SIZES = "sizes are not negative"


def check_sizes(op: Op, shape: Shape, attribute: str, constraint: int) -> None:
    """Raise Violation if a size is negative."""
    for d in shape:
        if isinstance(d, int) and d < 0:
            raise op.violated(constraint, f"attribute {attribute} is {list(shape)}, expected sizes of at least 0")


# ---- constant --------------------------------------------------------------------------------------------------------


def _constant_infer(value: Array) -> TensorType:
    if not isinstance(value, np.ndarray):
        raise constant.violated(1, f"attribute value is a {type(value).__name__}, expected a NumPy array", "value")
    return TensorType(as_dtype(value.dtype), value.shape)


def uniform(value: Array) -> s.Lit | None:
    """The literal that every element of a constant is; None where they differ or there is no scalar of the type."""
    dtype = as_dtype(value.dtype)
    if not value.size or dtype.kind in "cs":
        return None
    bits = np.ascontiguousarray(value).reshape(-1).view(f"u{dtype.size}")
    if (bits != bits[0]).any():
        return None
    first = value.reshape(-1)[0]
    return s.lit(float(first) if dtype.is_floating else first.item(), dtype)


constant = Op(
    "constant", "a tensor known beforehand: data of the program, or a literal where `uniform` finds one",
    _constant_infer, lambda value: value, None, Structural(), arity=0, attrs=("value",),
    constraints=("the value is a NumPy array",), traits=Trait.GENERATOR | Trait.ZERO_GRADIENT,
    samples=(
        Sample(attrs={"value": np.array(1.5, np.float32)}), Sample(attrs={"value": np.arange(6).reshape(2, 3)}),
        Sample(attrs={"value": np.zeros((0, 2), np.complex64)}), Sample(attrs={"value": np.array([b"a", b""], object)}),
    ),
)  # fmt: skip


# ---- dims ------------------------------------------------------------------------------------------------------------


def _dims_infer(dims: Shape, dtype: DType) -> TensorType:
    check_dtype(dims_op, dtype, INDEX_TYPES, 1)
    return TensorType(dtype, (len(dims),))


def _dims_element(index: Index, read: Any, out: TensorType, types: Any, dims: Shape, dtype: DType) -> s.Expr:
    (i,) = index
    value: s.Expr = s.size(dims[-1]) if dims else s.lit(0)
    for k in range(len(dims) - 2, -1, -1):
        value = s.select(s.prim("eq", i, s.lit(k)), s.size(dims[k]), value)
    return s.cast(value, dtype)


dims_op = Op(
    "dims", "sizes as a vector of integers", _dims_infer, lambda dims, dtype: np.array(dims, dtype.np), None,
    Element(_dims_element), arity=0, attrs=("dims", "dtype"), constraints=("the dtype is int32 or int64",),
    traits=Trait.GENERATOR | Trait.ZERO_GRADIENT,
    samples=(
        Sample(attrs={"dims": (3, 0, 5), "dtype": dt.int32}), Sample(attrs={"dims": (), "dtype": dt.int64}),
        Sample(attrs={"dims": (7,), "dtype": dt.int64}),
    ),
)  # fmt: skip


# ---- iota ------------------------------------------------------------------------------------------------------------


def _iota_infer(shape: Shape, axis: int, dtype: DType) -> TensorType:
    check_dtype(iota, dtype, dt.REAL, 1)
    if not 0 <= axis < len(shape):
        raise iota.violated(2, f"attribute axis is {axis}, expected 0 to {len(shape) - 1} for shape {list(shape)}")
    check_sizes(iota, shape, "shape", 3)
    return TensorType(dtype, shape)


def _iota_ref(shape: tuple[int, ...], axis: int, dtype: DType) -> Array:
    along = np.arange(shape[axis], dtype=np.int64).astype(dtype.np)
    return np.broadcast_to(along.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape).copy()


iota = Op(
    "iota", "each element's own index along an axis", _iota_infer, _iota_ref, None,
    Element(lambda index, read, out, types, shape, axis, dtype: s.cast(index[axis], dtype)), arity=0,
    attrs=("shape", "axis", "dtype"),
    constraints=("the dtype is one of real numbers", "the axis is one of the shape's", _SIZES),
    traits=Trait.GENERATOR | Trait.ZERO_GRADIENT,
    samples=(
        Sample(attrs={"shape": (5,), "axis": 0, "dtype": dt.int32}),
        Sample(attrs={"shape": (2, 3), "axis": 1, "dtype": dt.float32}),
        Sample(attrs={"shape": (2, 0), "axis": 0, "dtype": dt.int64}),
        Sample(attrs={"shape": (300,), "axis": 0, "dtype": dt.uint8}),
    ),
)  # fmt: skip
