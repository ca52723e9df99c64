"""Ops whose result's shape depends on values, not only on shapes: they run on the host between native segments.

Invariant: attribute `shape` states the result's shape as far as it is known when the node is made, with names of their
own for sizes that only run time tells; None where even the rank is unknown, as eagerly, where nothing is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder, ir_type
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, Shape, floordiv, same
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import InvalidArgumentError, ResourceExhaustedError
from graphtf.ir.op import Host, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.generate import INDEX_TYPES
from graphtf.ir.ops.prims import p, sum_to
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
_HOST = Host("the shape of the result depends on values")
_SHAPE_VECTOR = "sizes and bounds are vectors of int32 or int64"


def _check_vector(op: Op, t: TensorType) -> None:
    check_dtype(op, t.dtype, INDEX_TYPES, 1)
    if t.shape is not None and len(t.shape) != 1:
        raise op.violated(1, f"an operand is {t}, expected a vector")


def _refused(op: str, message: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, f"{op}: {message}")


# ---- positions -------------------------------------------------------------------------------------------------------


def _nonzero_ref(x: Array, shape: Shape | None) -> Array:
    return np.argwhere(x != b"" if x.dtype == object else x).astype(np.int64).reshape(-1, x.ndim)


nonzero = Op(
    "nonzero", "index vectors of the elements that are not zero, one a row, in row-major order",
    lambda x, shape: TensorType(dt.int64, shape), _nonzero_ref, None, _HOST, attrs=("shape",),
    traits=Trait.ZERO_GRADIENT,
    samples=tuple(Sample(t, {"shape": None}) for t in ("bool[3, 4]", "f32[5]", "i32[0, 2]")),
)  # fmt: skip


def _repeated_infer(counts: TensorType, shape: Shape | None) -> TensorType:
    _check_vector(repeated, counts)
    return TensorType(dt.int64, shape)


repeated = Op(
    "repeated", "each i from 0, counts[i] times", _repeated_infer,
    lambda counts, shape: np.repeat(np.arange(len(counts), dtype=np.int64), np.maximum(counts, 0)), None, _HOST,
    attrs=("shape",), constraints=(_SHAPE_VECTOR,), traits=Trait.ZERO_GRADIENT,
    samples=(Sample("i32[3]", {"shape": None}, 0, 4), Sample("i64[0]", {"shape": None})),
)  # fmt: skip


# ---- unique ----------------------------------------------------------------------------------------------------------


def _unique_infer(x: TensorType, size: Dim | None, dtype: DType) -> tuple[TensorType, TensorType, TensorType]:
    check_dtype(unique, dtype, INDEX_TYPES, 1)
    if x.shape is not None and len(x.shape) != 1:
        raise unique.violated(2, f"operand 0 is {x}, expected a vector")
    found = None if size is None else (size,)
    return x.with_shape(found), TensorType(dtype, x.shape), TensorType(dtype, found)


def _unique_ref(x: Array, size: Dim | None, dtype: DType) -> tuple[Array, Array, Array]:
    if x.dtype == object:
        place: dict[Any, int] = {}
        index = np.array([place.setdefault(v, len(place)) for v in x.tolist()], np.int64)
        values = np.empty(len(place), object)
        values[:] = list(place)
    else:
        _, first, index = np.unique(x, return_index=True, return_inverse=True, equal_nan=False)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        values, index = x[first[order]], rank[index.reshape(-1)]
    return values, index.astype(dtype.np), np.bincount(index, minlength=len(values)).astype(dtype.np)


unique = Op(
    "unique", "the distinct elements in order of appearance, which of them each element is, and how often each occurs",
    _unique_infer, _unique_ref, None, _HOST, attrs=("size", "dtype"), results=3,
    constraints=("the dtype is int32 or int64", "the operand is a vector"), traits=Trait.ZERO_GRADIENT,
    samples=(
        Sample("i32[8]", {"size": None, "dtype": dt.int32}, 0, 4), Sample("f32[0]", {"size": None, "dtype": dt.int64}),
    ),
)  # fmt: skip


# ---- shapes as data --------------------------------------------------------------------------------------------------


def _sized(
    name: str, doc: str, ref: Callable[[Array, Array], Array], vjp: Callable[..., Any],
    sample: tuple[str, tuple[Any, ...]],
) -> Op:  # fmt: skip
    """Declare an op of a tensor and a vector of sizes."""

    def infer(x: TensorType, sizes: TensorType, shape: Shape | None) -> TensorType:
        _check_vector(op, sizes)
        return x.with_shape(shape)

    def run(x: Array, sizes: Array, shape: Shape | None) -> Array:
        try:
            return ref(x, sizes)
        except ValueError as e:
            raise _refused(name, f"shape {list(x.shape)} and sizes {sizes.tolist()} do not fit: {e}") from None

    operands, values = sample
    op = Op(
        name, doc, infer, run, lambda ct, out, x, sizes, shape: (vjp(ct, out, x, sizes), None), _HOST, arity=2,
        attrs=("shape",), constraints=(_SHAPE_VECTOR,),
        samples=(Sample(operands, {"shape": None}, values=values, grad=False),),
    )  # fmt: skip
    return op


def _like(ct: Any, x: Any) -> Any:
    """ct in the shape of x, whatever that is."""
    shape = ir_type(x).shape
    if shape is not None:
        return p.reshape(ct, shape=shape)
    return p.reshape_to(ct, p.shape_of(x, shape=None, dtype=dt.int64), shape=None)


def _reshape_vjp(ct: Any, out: Any, x: Any, sizes: Any) -> Any:
    return ct if _are_sizes_of(sizes, x) else _like(ct, x)


def _are_sizes_of(sizes: Any, x: Any) -> bool:
    """Was the vector read off the tensor, in the graph being built?"""
    binder = active_binder()
    if not isinstance(binder, Builder):
        return False
    home, of = binder.home(sizes), binder.home(x)
    if home is None or of is None:
        return False
    node = home[0].maker(home[1])
    return node is not None and node.op is shape_of and node.inputs[0] is of[1]


reshape_to = _sized(
    "reshape_to", "the same elements in a shape known at run time; one size may be -1",
    lambda x, sizes: x.reshape(sizes),
    _reshape_vjp, ("f32[2, 3] i32[2]", ([[1, 2, 3], [4, 5, 6]], [3, -1])),
)  # fmt: skip
broadcast_to = _sized(
    "broadcast_to", "stretched to a shape known at run time",
    lambda x, sizes: np.broadcast_to(x, tuple(sizes.tolist())),
    lambda ct, out, x, sizes: sum_to(ct, ir_type(x).dims), ("f32[3] i32[2]", ([1, 2, 3], [2, 3])),
)  # fmt: skip


def _tile_vjp(ct: Any, out: Any, x: Any, sizes: Any) -> Any:
    dims, wide = ir_type(x).dims, ir_type(ct).dims
    split = tuple(e for d, w in zip(dims, wide) for e in (floordiv(w, d), d))
    return p.reduce_sum(p.reshape(ct, shape=split), axes=tuple(range(0, 2 * len(dims), 2)))


tile = _sized(
    "tile", "repeated as a whole along each axis", lambda x, counts: np.tile(x, tuple(counts.tolist())), _tile_vjp,
    ("f32[2, 3] i32[2]", ([[1, 2, 3], [4, 5, 6]], [2, 1])),
)  # fmt: skip

shape_of = Op(
    "shape_of", "the sizes of a tensor of unknown rank", lambda x, shape, dtype: TensorType(dtype, shape),
    lambda x, shape, dtype: np.array(x.shape, dtype.np), None, _HOST, attrs=("shape", "dtype"),
    traits=Trait.ZERO_GRADIENT, samples=(Sample("f32[2, 3]", {"shape": None, "dtype": dt.int32}),),
)  # fmt: skip


_MOST_ELEMENTS = 2**63 - 1


def _arange_ref(start: Array, limit: Array, delta: Array, shape: Shape | None) -> Array:
    a, b, d = (x.item() for x in (start, limit, delta))
    if d == 0:
        raise _refused("range", "Requires delta != 0")
    if (d > 0 and a > b) or (d < 0 and a < b):
        signs = ("<=", ">") if d > 0 else (">=", "<")
        raise _refused("range", f"Requires start {signs[0]} limit when delta {signs[1]} 0: {a}/{b}")
    count = -((a - b) // d) if start.dtype.kind in "iu" else np.ceil(abs((b - a) / d))
    if not count <= _MOST_ELEMENTS:
        raise _refused("range", f"Requires ((limit - start) / delta) <= {_MOST_ELEMENTS}: ({b} - {a}) / {d}")
    try:
        return np.asarray((a + np.arange(int(count)) * d).astype(start.dtype))
    except (MemoryError, ValueError):
        raise ResourceExhaustedError(None, None, f"range: no memory for {int(count)} elements") from None


def _arange_infer(*bounds: TensorType, shape: Shape | None) -> TensorType:
    for t in bounds:
        check_dtype(arange, t.dtype, dt.REAL, 1)
        if t.dtype is not bounds[0].dtype or t.shape not in ((), None):
            raise arange.violated(2, f"operands are {', '.join(map(str, bounds))}")
    return bounds[0].with_shape(shape)


arange = Op(
    "arange", "start, start + delta, … before limit", _arange_infer, _arange_ref, None, _HOST, arity=3,
    attrs=("shape",), traits=Trait.ZERO_GRADIENT,
    constraints=("the dtype is one of real numbers", "operands are scalars of one dtype"),
    samples=(Sample("i32[] i32[] i32[]", {"shape": None}, values=(3, 18, 5)),),
)  # fmt: skip


# ---- bits of another width -------------------------------------------------------------------------------------------


def _rebits_infer(x: TensorType, shape: Shape | None, dtype: DType) -> TensorType:
    for d in (x.dtype, dtype):
        check_dtype(rebits, d, dt.NUMERIC, 1)
    if dtype.size == x.dtype.size:
        raise rebits.violated(2, f"{x.dtype.name} and {dtype.name} both have {dtype.size} bytes", "dtype")
    per = dtype.size // x.dtype.size
    if per and x.shape is not None and not (x.shape and same(x.shape[-1], per)):
        raise rebits.violated(3, f"operand 0 is {x}, expected its last axis to hold one {dtype.name}")
    return TensorType(dtype, shape)


def _rebits_ref(x: Array, shape: Shape | None, dtype: DType) -> Array:
    wide = np.ascontiguousarray(x)
    if x.dtype.itemsize > dtype.size:
        return wide.reshape(*x.shape, 1).view(dtype.np)
    return wide.view(dtype.np).reshape(x.shape[:-1])


rebits = Op(
    "rebits", "the bits of x as a type of another width: the last axis appears or goes", _rebits_infer, _rebits_ref,
    None, Host("a rare change of layout"), attrs=("shape", "dtype"), traits=Trait.ZERO_GRADIENT,
    constraints=(
        "both are types of numbers", "their widths differ", "the last axis holds the bits of one wider element",
    ),
    samples=(
        Sample("i32[3]", {"shape": None, "dtype": dt.uint8}), Sample("u8[2, 4]", {"shape": None, "dtype": dt.float32}),
    ),
)  # fmt: skip


# ---- slices with bounds known at run time ----------------------------------------------------------------------------


def _key(
    begin: Array, end: Array, strides: tuple[int, ...], open_begin: int, open_end: int, single: int
) -> Any:
    """NumPy's index for the bounds. Bit k of a mask says that axis k has no such bound, or is a single index."""
    key: list[Any] = []
    for k in range(len(begin)):
        a, b = int(begin[k]), int(end[k])
        if single >> k & 1:
            key.append(a)
        else:
            key.append(slice(None if open_begin >> k & 1 else a, None if open_end >> k & 1 else b, strides[k]))
    return tuple(key)


def _cut(x: Array, begin: Array, end: Array, *masks: Any) -> Any:
    try:
        return x[_key(begin, end, *masks)]
    except IndexError as e:
        raise _refused("strided_slice", f"slice index out of bounds: {e}") from None


def _strided_ref(
    x: Array, begin: Array, end: Array, shape: Shape | None, strides: tuple[int, ...], open_begin: int, open_end: int,
    single: int,
) -> Array:  # fmt: skip
    return np.asarray(_cut(x, begin, end, strides, open_begin, open_end, single))


def _spread_ref(
    ct: Array, sizes: Array, begin: Array, end: Array, shape: Shape | None, strides: tuple[int, ...], open_begin: int,
    open_end: int, single: int,
) -> Array:  # fmt: skip
    try:
        out = np.zeros(tuple(sizes.tolist()), ct.dtype)
        out[_key(begin, end, strides, open_begin, open_end, single)] = ct
    except (ValueError, IndexError) as e:
        raise _refused("strided_spread", str(e)) from None
    return out


_MASKS = ("shape", "strides", "open_begin", "open_end", "single")


def _strided_vjp(ct: Any, out: Any, x: Any, begin: Any, end: Any, shape: Any, **masks: Any) -> tuple[Any, None, None]:
    dims = ir_type(x).dims
    sizes = p.dims(dims=dims, dtype=dt.int64)
    return p.strided_spread(ct, sizes, begin, end, shape=dims, **masks), None, None


def _spread_vjp(
    ct: Any, out: Any, x: Any, sizes: Any, begin: Any, end: Any, shape: Any, **masks: Any
) -> tuple[Any, None, None, None]:
    return p.strided_slice(ct, begin, end, shape=ir_type(x).dims, **masks), None, None, None


def _strided_infer(x: TensorType, begin: TensorType, end: TensorType, shape: Shape | None, **masks: Any) -> TensorType:
    for t in (begin, end):
        _check_vector(strided_slice, t)
    return x.with_shape(shape)


def _spread_infer(
    ct: TensorType, sizes: TensorType, begin: TensorType, end: TensorType, shape: Shape | None, **masks: Any
) -> TensorType:
    for t in (sizes, begin, end):
        _check_vector(strided_spread, t)
    return ct.with_shape(shape)


_EXAMPLE = {"shape": None, "strides": (1,), "open_begin": 0, "open_end": 0, "single": 0}
strided_slice = Op(
    "strided_slice", "x[begin:end:strides], with bounds known at run time", _strided_infer,
    _strided_ref, _strided_vjp, _HOST, arity=3, attrs=_MASKS, constraints=(_SHAPE_VECTOR,),
    samples=(Sample("f32[5] i64[1] i64[1]", _EXAMPLE, values=([1, 2, 3, 4, 5], [1], [4]), grad=False),),
)  # fmt: skip
strided_spread = Op(
    "strided_spread", "zeros with x at [begin:end:strides]: the gradient of strided_slice",
    _spread_infer, _spread_ref, _spread_vjp, _HOST, arity=4, attrs=_MASKS, constraints=(_SHAPE_VECTOR,),
    samples=(Sample("f32[3] i64[1] i64[1] i64[1]", _EXAMPLE, values=([1, 2, 3], [5], [1], [4]), grad=False),),
)  # fmt: skip
