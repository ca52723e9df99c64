"""Views: ops that move elements without changing them.

Invariant: each output element is one element of an operand, so the lowering is an index map that composes into whatever
reads the result. A read whose index may lie outside (pad, concat) is clamped, because `select` computes both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, at_most, ceildiv, nonnegative, product, same
from graphtf.ir.dtypes import mismatch
from graphtf.ir.loops import expr as s
from graphtf.ir.loops.index_map import clamp, inside, regroup
from graphtf.ir.op import Element, Op, Sample, Trait
from graphtf.ir.ops.generate import check_sizes
from graphtf.ir.ops.prims import p, scalar_like, sum_to
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Index = Sequence[s.Expr]
Read = Callable[[int, Index], s.Expr]

_RANK = "one entry for each axis"
_SIZES = "sizes are not negative"


def _dims(x: Any) -> Shape:
    return ir_type(x).dims


def _check_rank(op: Op, x: TensorType, constraint: int = 1, **given: Sequence[Any]) -> None:
    for name, entries in given.items():
        if x.shape is not None and len(entries) != len(x.shape):
            message = f"attribute {name} has {len(entries)} entries, expected {len(x.shape)} as the operand is {x}"
            raise op.violated(constraint, message)


# ---- reshape ---------------------------------------------------------------------------------------------------------


def _reshape_infer(x: TensorType, shape: Shape) -> TensorType:
    check_sizes(reshape, shape, "shape", 2)
    if x.shape is not None and not same(product(shape), x.size):
        message = f"cannot give {x} ({x.size} elements) the shape {list(shape)} ({product(shape)} elements)"
        raise reshape.violated(1, message)
    return x.with_shape(shape)


def _reshape_element(index: Index, read: Read, out: TensorType, types: Sequence[TensorType], shape: Shape) -> s.Expr:
    return read(0, regroup(index, out.dims, types[0].dims))


reshape = Op(
    "reshape", "the same elements, in row-major order, in another shape", _reshape_infer,
    lambda x, shape: x.reshape(shape), lambda ct, out, x, shape: (p.reshape(ct, shape=_dims(x)),),
    Element(_reshape_element), attrs=("shape",), constraints=("the number of elements stays", _SIZES),
    traits=Trait.VIEW | Trait.SAME_ORDER,
    samples=(
        Sample("f32[2, 6]", {"shape": (3, 4)}), Sample("f32[2, 3, 4]", {"shape": (6, 1, 4)}),
        Sample("f32[4, 6]", {"shape": (2, 2, 3, 2)}), Sample("f32[]", {"shape": (1, 1)}),
        Sample("i32[0, 3]", {"shape": (3, 0, 2)}), Sample("f32[1]", {"shape": ()}),
    ),
)  # fmt: skip


# ---- transpose -------------------------------------------------------------------------------------------------------


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `perm`."""
    out = [0] * len(perm)
    for i, k in enumerate(perm):
        out[k] = i
    return tuple(out)


def _transpose_infer(x: TensorType, perm: tuple[int, ...]) -> TensorType:
    _check_rank(transpose, x, perm=perm)
    if sorted(perm) != list(range(len(perm))):
        raise transpose.violated(2, f"attribute perm is {list(perm)}, expected each axis of {x} once")
    return x if x.shape is None else x.with_shape(tuple(x.shape[k] for k in perm))


def _transpose_element(
    index: Index, read: Read, out: TensorType, types: Sequence[TensorType], perm: tuple[int, ...]
) -> s.Expr:
    return read(0, tuple(index[k] for k in inverse(perm)))


transpose = Op(
    "transpose", "the axes in another order: output axis i is operand axis perm[i]", _transpose_infer,
    lambda x, perm: x.transpose(perm), lambda ct, out, x, perm: (p.transpose(ct, perm=inverse(perm)),),
    Element(_transpose_element), attrs=("perm",), constraints=(f"perm has {_RANK}", "perm names each axis once"),
    traits=Trait.VIEW,
    samples=(
        Sample("f32[2, 3]", {"perm": (1, 0)}), Sample("f32[2, 3, 4]", {"perm": (2, 0, 1)}),
        Sample("i32[0, 3]", {"perm": (1, 0)}), Sample("f32[]", {"perm": ()}),
    ),
)  # fmt: skip


# ---- broadcast -------------------------------------------------------------------------------------------------------


def _broadcast_infer(x: TensorType, shape: Shape) -> TensorType:
    check_sizes(broadcast, shape, "shape", 2)
    if x.shape is not None:
        extra = len(shape) - len(x.shape)
        if extra < 0 or not all(d == 1 or same(d, e) for d, e in zip(x.shape, shape[extra:])):
            raise broadcast.violated(1, f"cannot broadcast {x} to shape {list(shape)}")
    return x.with_shape(shape)


def _broadcast_element(index: Index, read: Read, out: TensorType, types: Sequence[TensorType], shape: Shape) -> s.Expr:
    have = types[0].dims
    trailing = index[len(index) - len(have) :]
    return read(0, tuple(s.lit(0) if d == 1 else i for i, d in zip(trailing, have)))


def _broadcast_ref(x: Array, shape: tuple[int, ...]) -> Array:
    dtype = x.dtype
    strides = _stretched(x, shape) if x.ndim else (0,) * len(shape)
    if strides is None or dtype.isbuiltin != 1 or dtype.hasobject or not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)
    out: Array = np.ndarray(shape, dtype, x, 0, strides)  # the same, in less time
    out.setflags(write=False)
    return out


def _stretched(x: Array, shape: tuple[int, ...]) -> list[int] | None:
    """How far the elements of x, stretched to the shape, are from each other; None if it does not fit."""
    extra = len(shape) - x.ndim
    strides = [0] * extra
    for d, wanted, step in zip(x.shape, shape[max(0, extra):], x.strides):
        if d != wanted and d != 1:
            return None
        strides.append(step if d == wanted else 0)
    return None if extra < 0 else strides


broadcast = Op(
    "broadcast", "stretch axes of size 1, and add axes in front", _broadcast_infer,
    _broadcast_ref, lambda ct, out, x, shape: (sum_to(ct, _dims(x)),),
    Element(_broadcast_element), attrs=("shape",),
    constraints=("each axis, counted from the last, is 1 or as the shape asked for", _SIZES),
    traits=Trait.VIEW | Trait.STRETCH,
    samples=(
        Sample("f32[]", {"shape": (2, 3)}), Sample("f32[3, 1]", {"shape": (2, 3, 4)}),
        Sample("f32[1]", {"shape": (0,)}), Sample("i32[2]", {"shape": (2,)}),
    ),
)  # fmt: skip


# ---- slice -----------------------------------------------------------------------------------------------------------


def _slice_infer(x: TensorType, starts: Shape, limits: Shape, strides: tuple[int, ...]) -> TensorType:
    _check_rank(slice, x, starts=starts, limits=limits, strides=strides)
    for k, stride in enumerate(strides):
        if stride < 1:
            raise slice.violated(2, f"attribute strides is {list(strides)}, expected at least 1 (axis {k})")
    if x.shape is None:
        return x
    for k, (a, b, d) in enumerate(zip(starts, limits, x.shape)):
        if not (nonnegative(a, given=d) and at_most(a, b, given=d) and at_most(b, d, given=d)):
            kind = "shape" if all(isinstance(e, int) for e in (a, b, d)) else "open"
            raise slice.violated(3, f"elements {a} to {b} of axis {k} of {x}, expected 0 ≤ start ≤ limit ≤ {d}", kind)
    return x.with_shape(tuple(ceildiv(b - a, k) for a, b, k in zip(starts, limits, strides)))


def _slice_ref(x: Array, starts: tuple[int, ...], limits: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    key: Any = (*map(_python_slice, starts, limits, strides), ...)  # so that a scalar stays an array
    return np.asarray(x[key])


_python_slice = slice  # the op below takes the name


def _slice_vjp(ct: Any, out: Any, x: Any, starts: Shape, limits: Shape, strides: tuple[int, ...]) -> tuple[Any]:
    shape = _dims(x)
    spread = _spread(ct, strides)  # from starts, the elements at their distance; the last with what its stride skips
    high = tuple(d - b for d, b in zip(shape, limits))
    padded = p.pad(spread, scalar_like(ct, 0), low=starts, high=high)
    if _dims(padded) == shape:
        return (padded,)
    return (p.slice(padded, starts=(0,) * len(shape), limits=shape, strides=(1,) * len(shape)),)


def _spread(x: Any, strides: tuple[int, ...]) -> Any:
    """x with strides - 1 zeros after each element, along each axis."""
    if all(k == 1 for k in strides):
        return x
    shape = _dims(x)
    split = tuple(e for d in shape for e in (d, 1))
    none, zeros = (0,) * len(split), tuple(e for k in strides for e in (0, k - 1))
    padded = p.pad(p.reshape(x, shape=split), scalar_like(x, 0), low=none, high=zeros)
    return p.reshape(padded, shape=tuple(d * k for d, k in zip(shape, strides)))


def _slice_element(
    index: Index, read: Read, out: TensorType, types: Sequence[TensorType], starts: Shape, limits: Shape,
    strides: tuple[int, ...],
) -> s.Expr:  # fmt: skip
    return read(0, tuple(s.iadd(s.imul(i, k), a) for i, a, k in zip(index, starts, strides)))


slice = Op(
    "slice", "every strides[k]-th element of axis k from starts[k] up to, not including, limits[k]", _slice_infer,
    _slice_ref, _slice_vjp, Element(_slice_element), attrs=("starts", "limits", "strides"),
    constraints=(
        f"starts, limits and strides have {_RANK}", "strides are at least 1",
        "0 ≤ start ≤ limit ≤ size, whatever the sizes",
    ),
    traits=Trait.VIEW,
    samples=(
        Sample("f32[5]", {"starts": (1,), "limits": (4,), "strides": (1,)}),
        Sample("f32[5, 6]", {"starts": (0, 1), "limits": (5, 6), "strides": (2, 3)}),
        Sample("f32[4]", {"starts": (2,), "limits": (2,), "strides": (1,)}),
        Sample("f32[]", {"starts": (), "limits": (), "strides": ()}),
        Sample("i32[7]", {"starts": (0,), "limits": (6,), "strides": (4,)}),
    ),
)  # fmt: skip


# ---- pad -------------------------------------------------------------------------------------------------------------


def _pad_infer(x: TensorType, value: TensorType, low: Shape, high: Shape) -> TensorType:
    if value.dtype is not x.dtype or value.shape not in ((), None):
        raise pad.violated(1, f"operand 1 is {value}, expected {x.dtype.short}[] as operand 0 is {x}", "dtype")
    _check_rank(pad, x, 2, low=low, high=high)
    for name, widths in (("low", low), ("high", high)):
        if not all(map(nonnegative, widths)):
            raise pad.violated(3, f"attribute {name} is {list(widths)}, expected widths of at least 0")
    return x if x.shape is None else x.with_shape(tuple(a + d + b for a, d, b in zip(low, x.shape, high)))


def _pad_ref(x: Array, value: Array, low: tuple[int, ...], high: tuple[int, ...]) -> Array:
    out = np.full([a + d + b for a, d, b in zip(low, x.shape, high)], value, x.dtype)
    out[tuple(_python_slice(a, a + d) for a, d in zip(low, x.shape))] = x
    return out


def _pad_vjp(ct: Any, out: Any, x: Any, value: Any, low: Shape, high: Shape) -> tuple[Any, Any]:
    shape = _dims(x)
    limits = tuple(a + d for a, d in zip(low, shape))
    kept = p.slice(ct, starts=low, limits=limits, strides=(1,) * len(low))
    border = p.pad(p.broadcast(_bool(False), shape=shape), _bool(True), low=low, high=high)
    around = p.select(border, ct, scalar_like(ct, 0))
    return kept, p.reduce_sum(around, axes=tuple(range(len(shape))))


def _bool(value: bool) -> Any:
    return p.constant(value=np.array(value))


def _pad_element(
    index: Index, read: Read, out: TensorType, types: Sequence[TensorType], low: Shape, high: Shape
) -> s.Expr:
    shape = types[0].dims
    if 0 in shape:
        return read(1, ())
    moved = tuple(s.isub(i, a) for i, a in zip(index, low))
    padded = [k for k in range(len(shape)) if low[k] != 0 or high[k] != 0]
    clamped = tuple(clamp(i, shape[k]) if k in padded else i for k, i in enumerate(moved))
    within = inside([(moved[k], shape[k]) for k in padded])
    return read(0, clamped) if within is None else s.select(within, read(0, clamped), read(1, ()))


pad = Op(
    "pad", "x between low[k] and high[k] copies of a value along each axis k", _pad_infer, _pad_ref, _pad_vjp,
    Element(_pad_element), arity=2, attrs=("low", "high"),
    constraints=("the value is a scalar of the dtype of x", f"low and high have {_RANK}", "widths are not negative"),
    samples=(
        Sample("f32[3] f32[]", {"low": (1,), "high": (2,)}), Sample("f32[2, 3] f32[]", {"low": (0, 2), "high": (1, 0)}),
        Sample("i32[0] i32[]", {"low": (2,), "high": (0,)}), Sample("f32[] f32[]", {"low": (), "high": ()}),
        Sample("f32[2, 2] f32[]", {"low": (0, 0), "high": (0, 0)}),
    ),
)  # fmt: skip


# ---- concat ----------------------------------------------------------------------------------------------------------


def _concat_infer(*xs: TensorType, axis: int) -> TensorType:
    if not xs:
        raise concat.violated(1, "no operands, expected at least one")
    for i, x in enumerate(xs):
        if x.dtype is not xs[0].dtype:
            message = mismatch(i, x.dtype, 0, xs[0].dtype)
            raise concat.violated(2, message, "dtype")
    shapes = [x.shape for x in xs if x.shape is not None]
    if len(shapes) < len(xs):
        return xs[0].with_shape(None)
    first = shapes[0]
    if not 0 <= axis < len(first):
        raise concat.violated(3, f"attribute axis is {axis}, expected an axis of {xs[0]}")
    for i, shape in enumerate(shapes):
        if len(shape) != len(first) or not all(k == axis or same(d, e) for k, (d, e) in enumerate(zip(shape, first))):
            raise concat.violated(4, f"operand {i} is {xs[i]}, expected the shape of {xs[0]} but for axis {axis}")
    total: Dim = sum((shape[axis] for shape in shapes), 0)
    return xs[0].with_shape((*first[:axis], total, *first[axis + 1 :]))


def _concat_vjp(ct: Any, out: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    cts, start = [], [0] * ir_type(ct).rank
    limit: list[Dim] = list(_dims(ct))
    offset: Dim = 0
    for x in xs:
        starts = (*start[:axis], offset, *start[axis + 1 :])
        offset = offset + _dims(x)[axis]
        limits = (*limit[:axis], offset, *limit[axis + 1 :])
        cts.append(p.slice(ct, starts=starts, limits=limits, strides=(1,) * len(limit)))
    return tuple(cts)


def _concat_element(index: Index, read: Read, out: TensorType, types: Sequence[TensorType], axis: int) -> s.Expr:
    offset: Dim = 0
    parts: list[tuple[Dim, s.Expr]] = []  # where each part ends, and the element if the index lies in it
    for k, t in enumerate(types):
        width = t.dims[axis]
        if width == 0:
            continue
        own = clamp(s.isub(index[axis], offset), width) if len(types) > 1 else index[axis]
        offset = offset + width
        parts.append((offset, read(k, (*index[:axis], own, *index[axis + 1 :]))))
    if not parts:
        return s.lit(0, out.dtype)  # no element is ever asked for
    value = parts[-1][1]
    for end, element in reversed(parts[:-1]):
        value = s.select(s.prim("lt", index[axis], s.size(end)), element, value)
    return value


concat = Op(
    "concat", "operands joined along an axis", _concat_infer, lambda *xs, axis: np.concatenate(xs, axis), _concat_vjp,
    Element(_concat_element), arity=None, attrs=("axis",),
    constraints=(
        "there is at least one operand", "all operands have the same dtype", "the axis is one of the operands'",
        "shapes are the same but for the axis",
    ),
    samples=(
        Sample("f32[2, 3] f32[2, 1]", {"axis": 1}), Sample("f32[2] f32[0] f32[3]", {"axis": 0}),
        Sample("i32[2, 3]", {"axis": 0}), Sample("f32[1, 2] f32[3, 2] f32[2, 2]", {"axis": 0}),
        Sample("f32[0] f32[0]", {"axis": 0}),
    ),
)  # fmt: skip


# ---- reverse ---------------------------------------------------------------------------------------------------------


def check_axes(op: Op, x: TensorType, axes: tuple[int, ...], constraint: int = 1) -> None:
    """Raise Violation unless axes are axes of x, each once."""
    rank = len(x.shape) if x.shape is not None else max(axes, default=-1) + 1
    if len(set(axes)) != len(axes) or not all(0 <= k < rank for k in axes):
        raise op.violated(constraint, f"attribute axes is {list(axes)}, expected distinct axes of {x}")


def _reverse_infer(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    check_axes(reverse, x, axes)
    return x


def _reverse_element(
    index: Index, read: Read, out: TensorType, types: Sequence[TensorType], axes: tuple[int, ...]
) -> s.Expr:
    return read(0, tuple(s.isub(out.dims[k] - 1, i) if k in axes else i for k, i in enumerate(index)))


reverse = Op(
    "reverse", "the elements along some axes in reverse order", _reverse_infer,
    lambda x, axes: np.asarray(np.flip(x, axes)), lambda ct, out, x, axes: (p.reverse(ct, axes=axes),),
    Element(_reverse_element), attrs=("axes",),
    constraints=("axes are distinct axes of the operand",), traits=Trait.VIEW,
    samples=(
        Sample("f32[3, 4]", {"axes": (1,)}), Sample("f32[2, 3]", {"axes": (0, 1)}), Sample("f32[0]", {"axes": (0,)}),
        Sample("f32[]", {"axes": ()}),
    ),
)  # fmt: skip
