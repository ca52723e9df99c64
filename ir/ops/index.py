"""Elements chosen by indices that are data: gathering them, and scattering updates to them.

Invariant: an index outside its axis, negative ones included, is refused with InvalidArgumentError; where native code
meets one, it reads a place inside instead, or skips the write, and reports. Updates of one place are applied in order.
Entry points: `gather`, `gather_nd`, `scatter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, product, same
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.loops import expr as s
from graphtf.ir.loops.index_map import clamp, inside, is_inside, linear
from graphtf.ir.op import Element, IndexCheck, Kernel, Op, RowRule, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype, conj
from graphtf.ir.ops.generate import INDEX_TYPES
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Index = Sequence[s.Expr]
Types = Sequence[TensorType]
Refusal = tuple[s.Expr, s.Expr, str] | None

_INDICES = "the indices are int32 or int64"
_DEPTH = "the last axis of the indices holds one for each of the first axes of the operand, as many as it has"
_BATCH = "batch axes come first, and are the same in both operands"


def _shown(shape: Sequence[Any]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def _size(d: Dim) -> Any:
    """A size as an int64 scalar."""
    if isinstance(d, int):
        return p.constant(value=np.array(d, np.int64))
    return p.reshape(p.dims(dims=(d,), dtype=dt.int64), shape=())


def _check_batch(op: Op, x: Shape, indices: Shape, batch_dims: int, most: int, constraint: int) -> None:
    fits = 0 <= batch_dims <= min(most, len(indices))
    if not fits or not all(map(same, x[:batch_dims], indices[:batch_dims])):
        shapes = f"an operand of shape {_shown(x)} and indices of shape {_shown(indices)}"
        raise op.violated(constraint, f"attribute batch_dims is {batch_dims}, for {shapes}")


# ---- gather ----------------------------------------------------------------------------------------------------------


def _gather_infer(x: TensorType, indices: TensorType, axis: int, batch_dims: int) -> TensorType:
    check_dtype(gather, indices.dtype, INDEX_TYPES, 1)
    if x.shape is None or indices.shape is None:
        return x.with_shape(None)
    if not 0 <= axis < len(x.shape):
        raise gather.violated(2, f"attribute axis is {axis}, expected an axis of {x}")
    _check_batch(gather, x.shape, indices.shape, batch_dims, axis, 3)
    return x.with_shape((*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1 :]))


def _gather_ref(x: Array, indices: Array, axis: int, batch_dims: int) -> Array:
    n = x.shape[axis]
    if indices.size and not (indices.min() >= 0 and indices.max() < n):
        at = tuple(np.argwhere((indices < 0) | (indices >= n))[0])
        message = f"indices{_shown(at) if at else ''} = {indices[at]} is not in [0, {n})"
        raise InvalidArgumentError(None, None, message)
    if not batch_dims:
        return np.asarray(np.take(x, indices, axis))
    shape = (*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1 :])
    batch, rest = x.shape[:batch_dims], indices.shape[batch_dims:]
    lines = x.reshape(product(batch), product(x.shape[batch_dims:axis]), n, product(x.shape[axis + 1 :]))
    places = indices.reshape(product(batch), 1, product(rest), 1)
    return np.take_along_axis(lines, places, 2).reshape(shape)


def _gather_place(index: Index, read: Any, types: Types, axis: int, batch_dims: int) -> s.Expr:
    """The index that is data."""
    chosen = index[axis : axis + types[1].rank - batch_dims]
    return s.cast(read(1, (*index[:batch_dims], *chosen)), dt.int64)


def _gather_element(
    index: Index, read: Any, out: TensorType, types: Types, axis: int, batch_dims: int
) -> s.Expr:
    n = types[0].dims[axis]
    if n == 0:
        return s.lit(0, out.dtype)
    at = _gather_place(index, read, types, axis, batch_dims)
    after = index[axis + types[1].rank - batch_dims :]
    element: s.Expr = read(0, (*index[:axis], at if is_inside(at, n) else clamp(at, n), *after))
    return element


def _gather_refused(index: Index, read: Any, out: TensorType, types: Types, axis: int, batch_dims: int) -> Refusal:
    n = types[0].dims[axis]
    at = _gather_place(index, read, types, axis, batch_dims)
    within = inside([(at, n)])
    if within is None or is_inside(at, n):
        return None
    return within, at, f"indices hold {{value}}, which is not in [0, {n})"


def _chosen(operands: str, high: float = 0, **attrs: Any) -> Sample:
    """A sample with indices from 0 to `high`; the operand is drawn from the same range."""
    return Sample(operands, attrs, 0, high)


def _gather_vjp(ct: Any, out: Any, x: Any, indices: Any, axis: int, batch_dims: int) -> tuple[Any, None]:
    """Scattered into rows [batch and gathered axis, all else], which then take their place again."""
    shape, at, b = ir_type(x).dims, ir_type(indices).dims, batch_dims
    last, rank = axis + len(at) - b, len(ir_type(ct).dims)
    rest = (*shape[b:axis], *shape[axis + 1 :])
    rows = p.transpose(ct, perm=(*range(b), *range(axis, last), *range(b, axis), *range(last, rank)))
    updates = p.reshape(rows, shape=(product(at), *rest))
    where = p.reshape(row_numbers(indices, shape[:b], shape[axis]), shape=(product(at), 1))
    zeros = p.broadcast(scalar_like(ct, 0), shape=(product(shape[:b]) * shape[axis], *rest))
    lines = p.reshape(p.scatter(zeros, where, updates, combine="add"), shape=(*shape[:b], shape[axis], *rest))
    return p.transpose(lines, perm=(*range(b), *range(b + 1, axis + 1), b, *range(axis + 1, len(shape)))), None


def _gathered_rows(ct: Any, x: Any, indices: Any, axis: int, batch_dims: int) -> tuple[Any, Any] | None:
    """The cotangent as rows of x, where these are what is gathered."""
    if axis or batch_dims or ir_type(x).shape is None:
        return None
    rest, count = ir_type(x).dims[1:], product(ir_type(indices).dims)
    return p.reshape(ct, shape=(count, *rest)), p.reshape(indices, shape=(count,))


def row_numbers(indices: Any, batch: Shape, n: Dim) -> Any:
    """Indices into [batch · n] from indices into n, for each batch."""
    if not batch:
        return indices
    count = product(batch)
    first = p.mul(p.iota(shape=(count,), axis=0, dtype=dt.int64), p.broadcast(_size(n), shape=(count,)))
    lined_up = p.reshape(first, shape=(*batch, *((1,) * (ir_type(indices).rank - len(batch)))))
    return p.add(p.cast(indices, dtype=dt.int64), lined_up)


gather = Op(
    "gather", "the elements along an axis that indices name; leading `batch_dims` axes of both go together",
    _gather_infer, _gather_ref, RowRule(_gather_vjp, _gathered_rows), Element(_gather_element), arity=2,
    attrs=("axis", "batch_dims"),
    constraints=(_INDICES, "the axis is one of the operand's", f"{_BATCH}, before the axis"), traits=Trait.CHECKED,
    check=IndexCheck(_gather_refused),
    samples=(
        _chosen("f32[4, 3] i32[5]", 3, axis=0, batch_dims=0), _chosen("f32[2, 4] i64[2, 2]", 3, axis=1, batch_dims=0),
        _chosen("f32[3, 4, 2] i32[3, 2]", 3, axis=1, batch_dims=1), _chosen("f32[5] i32[]", 4, axis=0, batch_dims=0),
        _chosen("f32[2, 3, 4, 2] i32[2, 5]", 3, axis=2, batch_dims=1), _chosen("i8[2] i32[3]", 1, axis=0, batch_dims=0),
        _chosen("f32[2, 3] i64[2, 3]", 2, axis=1, batch_dims=1), _chosen("f32[3] i32[0]", axis=0, batch_dims=0),
        _chosen("f32[2, 3, 4] i32[2, 3, 2]", 3, axis=2, batch_dims=2),
        _chosen("f32[0, 2] i32[0]", axis=0, batch_dims=0),
    ),
)  # fmt: skip


# ---- gather_nd -------------------------------------------------------------------------------------------------------


def _check_depth(op: Op, x: Shape, indices: Shape, constraint: int) -> int:
    depth = indices[-1] if indices else None
    if not isinstance(depth, int) or depth > len(x):
        raise op.violated(constraint, f"indices of shape {_shown(indices)}, for an operand of shape {_shown(x)}")
    return depth


def _gather_nd_infer(x: TensorType, indices: TensorType, batch_dims: int) -> TensorType:
    check_dtype(gather_nd, indices.dtype, INDEX_TYPES, 1)
    if x.shape is None or indices.shape is None:
        return x.with_shape(None)
    if indices.shape:
        _check_batch(gather_nd, x.shape, indices.shape[:-1], batch_dims, len(x.shape), 2)
    depth = _check_depth(gather_nd, x.shape[batch_dims:], indices.shape, 3)
    return x.with_shape((*indices.shape[:-1], *x.shape[batch_dims + depth :]))


def _places(indices: Array, sizes: Sequence[int], shown: Sequence[int], what: str) -> tuple[Array, ...]:
    """An array of indices for each of the axes. Raises InvalidArgumentError for one that lies outside."""
    wrong = np.argwhere(((indices < 0) | (indices >= np.array(sizes, np.int64))).any(-1))
    if len(wrong):
        at = tuple(wrong[0])
        found = f"indices{_shown(at) if at else ''} = [{', '.join(map(str, indices[at]))}]"
        raise InvalidArgumentError(None, None, f"{found} does not index into {what} {_shown(shown)}")
    return tuple(np.moveaxis(indices, -1, 0))


def _gather_nd_ref(x: Array, indices: Array, batch_dims: int) -> Array:
    lead, depth = indices.shape[:-1], indices.shape[-1]
    places = _places(indices, x.shape[batch_dims : batch_dims + depth], x.shape, "param shape")
    key = (*np.indices(lead)[:batch_dims], *places)
    return np.asarray(x[key] if key else np.broadcast_to(x, (*lead, *x.shape)).copy())


def _coordinates(index: Index, read: Any, indices: Shape) -> tuple[s.Expr, ...]:
    lead = index[: len(indices) - 1]
    depth = indices[-1]
    assert isinstance(depth, int)
    return tuple(s.cast(read(1, (*lead, s.lit(k))), dt.int64) for k in range(depth))


def _gather_nd_element(index: Index, read: Any, out: TensorType, types: Types, batch_dims: int) -> s.Expr:
    shape, indices = types[0].dims, types[1].dims
    places = _coordinates(index, read, indices)
    sizes = shape[batch_dims : batch_dims + len(places)]
    if 0 in sizes:
        return s.lit(0, out.dtype)
    moved = tuple(i if is_inside(i, d) else clamp(i, d) for i, d in zip(places, sizes))
    element: s.Expr = read(0, (*index[:batch_dims], *moved, *index[len(indices) - 1 :]))
    return element


def _gather_nd_refused(index: Index, read: Any, out: TensorType, types: Types, batch_dims: int) -> Refusal:
    shape, indices = types[0].dims, types[1].dims
    places = _coordinates(index, read, indices)
    open_to_doubt = [(i, d) for i, d in zip(places, shape[batch_dims:]) if not is_inside(i, d)]
    within = inside(open_to_doubt)
    if within is None:
        return None
    row = linear(index[: len(indices) - 1], indices[:-1])
    return within, row, f"indices[{{value}}] does not index into param shape {_shown(shape)}"


def _gather_nd_vjp(ct: Any, out: Any, x: Any, indices: Any, batch_dims: int) -> tuple[Any, None]:
    zeros = full_like(x, 0)
    return p.scatter(zeros, _with_batch(indices, batch_dims), ct, combine="add"), None


def _with_batch(indices: Any, batch_dims: int) -> Any:
    """Indices with the numbers of their batch in front of them."""
    if not batch_dims:
        return indices
    lead, dtype = ir_type(indices).dims[:-1], ir_type(indices).dtype
    numbers = [p.iota(shape=(*lead, 1), axis=k, dtype=dtype) for k in range(batch_dims)]
    return p.concat(*numbers, indices, axis=len(lead))


gather_nd = Op(
    "gather_nd", "slices of the operand, each named by the last axis of the indices", _gather_nd_infer, _gather_nd_ref,
    _gather_nd_vjp, Element(_gather_nd_element), arity=2, attrs=("batch_dims",),
    constraints=(_INDICES, _BATCH, _DEPTH), traits=Trait.CHECKED, check=IndexCheck(_gather_nd_refused),
    samples=(
        _chosen("f32[4, 3] i32[5, 1]", 3, batch_dims=0), _chosen("f32[3, 4] i64[2, 2, 2]", 2, batch_dims=0),
        _chosen("f32[2, 4, 3] i32[2, 3, 1]", 3, batch_dims=1), _chosen("f32[2, 2, 3] i32[2, 2, 0]", batch_dims=1),
        _chosen("f32[2, 3, 4] i32[2, 3, 1]", 3, batch_dims=2), _chosen("f32[3] i32[1]", 2, batch_dims=0),
        _chosen("f32[2] i32[3, 0]", batch_dims=0), _chosen("f32[0, 2] i32[0, 1]", batch_dims=0),
    ),
)  # fmt: skip


# ---- scatter ---------------------------------------------------------------------------------------------------------

COMBINES: dict[str, tuple[Sequence[dt.DType], Any]] = {
    "update": (dt.ALL, None), "add": (dt.NUMERIC, np.add), "sub": (dt.NUMERIC, np.subtract),
    "mul": (dt.NUMERIC, np.multiply), "max": (dt.REAL, np.maximum), "min": (dt.REAL, np.minimum),
}  # fmt: skip


def _scatter_infer(x: TensorType, indices: TensorType, updates: TensorType, combine: str) -> TensorType:
    check_dtype(scatter, indices.dtype, INDEX_TYPES, 1)
    if updates.dtype is not x.dtype:
        message = dt.mismatch(2, updates.dtype, 0, x.dtype)
        raise scatter.violated(2, message, "dtype")
    if combine not in COMBINES or x.dtype not in COMBINES[combine][0]:
        raise scatter.violated(3, f"attribute combine is {combine!r}, for dtype {x.dtype.name}", "dtype")
    if x.shape is None or indices.shape is None:
        return x
    depth = _check_depth(scatter, x.shape, indices.shape, 4)
    want = (*indices.shape[:-1], *x.shape[depth:])
    if updates.shape is not None and not (len(updates.shape) == len(want) and all(map(same, updates.shape, want))):
        raise scatter.violated(5, f"updates are {updates}, expected the shape {_shown(want)}")
    return x


def _scatter_ref(x: Array, indices: Array, updates: Array, combine: str) -> Array:
    out, depth = x.copy(), indices.shape[-1]
    places = _places(indices, x.shape[:depth], x.shape, "shape")
    if not depth:  # every update is one of the whole
        places, out = (np.zeros(indices.shape[:-1], np.int64),), out.reshape(1, *x.shape)
    with np.errstate(all="ignore"):
        if combine == "update":
            out[places] = updates
        else:
            COMBINES[combine][1].at(out, places, updates)
    return out.reshape(x.shape)


def _scatter_vjp(ct: Any, out: Any, x: Any, indices: Any, updates: Any, combine: str) -> tuple[Any, None, Any]:
    """Of several updates of one place, each has the gradient as if it were the last, as in TensorFlow."""
    at_indices = p.gather_nd(ct, indices, batch_dims=0)
    if combine == "add":
        return ct, None, at_indices
    if combine == "sub":
        return ct, None, p.neg(at_indices)
    if combine == "update":
        return p.scatter(ct, indices, full_like(updates, 0), combine="update"), None, at_indices
    if combine == "mul":
        return _product_vjp(ct, x, indices, updates)
    return _extreme_vjp(ct, out, x, indices, updates)


def _extreme_vjp(ct: Any, out: Any, x: Any, indices: Any, updates: Any) -> tuple[Any, None, Any]:
    """Shared evenly among all that are the extreme."""
    dtype = ir_type(x).dtype
    own = p.cast(p.eq(out, x), dtype=dtype)
    chosen = p.cast(p.eq(p.gather_nd(out, indices, batch_dims=0), updates), dtype=dtype)
    share = p.div(ct, p.maximum(p.scatter(own, indices, chosen, combine="add"), scalar_like(x, 1)))
    return p.mul(own, share), None, p.mul(chosen, p.gather_nd(share, indices, batch_dims=0))


def _product_vjp(ct: Any, x: Any, indices: Any, updates: Any) -> tuple[Any, None, Any]:
    """Each update's factor is the product of all others of its place, right for zeros too."""
    one, zero = scalar_like(x, 1), scalar_like(x, 0)
    is_zero = p.eq(updates, zero)
    nonzero = p.select(is_zero, one, updates)
    products = p.scatter(full_like(x, 1), indices, nonzero, combine="mul")
    zeros = p.scatter(full_like(x, 0), indices, p.cast(is_zero, dtype=ir_type(x).dtype), combine="add")
    total = p.scatter(full_like(x, 1), indices, updates, combine="mul")
    left = p.gather_nd(zeros, indices, batch_dims=0)
    alone = p.eq(left, p.select(is_zero, one, zero))  # no other update of the place is zero
    others = p.select(alone, p.div(p.gather_nd(products, indices, batch_dims=0), nonzero), zero)
    rest = p.gather_nd(p.mul(ct, conj(x)), indices, batch_dims=0)
    return p.mul(ct, conj(total)), None, p.mul(rest, conj(others))


_X, _UPDATES = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1]], [[3, -1, 2], [2, 2.25, 2.5], [9, 0.5, 4]]


def _rows(combine: str, at: Sequence[int]) -> Sample:
    return Sample("f32[4, 3] i32[3, 1] f32[3, 3]", {"combine": combine}, values=(_X, at, _UPDATES))


scatter = Op(
    "scatter", "the operand with updates combined into the slices that the last axis of the indices names",
    _scatter_infer, _scatter_ref, _scatter_vjp, Kernel("scatter"), arity=3, attrs=("combine",),
    constraints=(
        _INDICES, "the updates have the dtype of the operand", "the combine is one there is for the dtype", _DEPTH,
        "updates are as many slices of the operand as there are indices",
    ),
    traits=Trait.CHECKED,
    samples=(
        *(_rows(c, [2, 0, 2]) for c in list(COMBINES)[1:]), _rows("update", [2, 0, 1]),
        _chosen("f32[4, 3] i64[2, 2, 2] f32[2, 2]", 2, combine="add"),
        _chosen("f32[2, 3] i32[2, 0] f32[2, 2, 3]", combine="add"), _chosen("f32[3] i32[1] f32[]", 2, combine="sub"),
        _chosen("f32[3] i32[0, 1] f32[0]", combine="max"), _chosen("f32[0, 2] i32[0, 1] f32[0, 2]", combine="update"),
        Sample("c64[3] i32[2, 1] c64[2]", {"combine": "mul"}, 1, 2),
        Sample("f32[2] i32[3, 1] f32[3]", {"combine": "mul"}, values=([2, 3], [0, 1, 0], [0, 0, 5]), grad=False),
    ),
)  # fmt: skip
