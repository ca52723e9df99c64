"""`tf.raw_ops`: the kernels under TensorFlow's functions that programs call by name, with keyword arguments only.

Invariant: a positional argument is a TypeError; what each computes is the public function's, or written here with ops.
Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops. Entry points: the functions below.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api.reduce import argmax, argmin
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.op import Op
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.sizes import as_integers, as_sizes
from graphtf.tensor import Tensor

UniqueV2Result = namedtuple("UniqueV2", ["y", "idx"])
UniqueWithCountsV2Result = namedtuple("UniqueWithCountsV2", ["y", "idx", "count"])


# ---- elementwise -----------------------------------------------------------------------------------------------------


def _binary(name: str, op: Op) -> Callable[..., Tensor]:
    def raw(*, x: Any, y: Any, name: str | None = None) -> Tensor:
        a = convert_to_tensor(x)
        return op(a, convert_to_tensor(y, None if isinstance(y, Tensor) else a.dtype))  # type: ignore[no-any-return]

    return _named(raw, name, f"{op.doc}, of operands of one dtype, broadcast.")


def _unary(name: str, op: Op) -> Callable[..., Tensor]:
    def raw(*, x: Any, name: str | None = None) -> Tensor:
        return op(convert_to_tensor(x))  # type: ignore[no-any-return]

    return _named(raw, name, f"{op.doc}.")


def _named(function: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/{name}."
    return function


AddV2 = _binary("AddV2", p.add)
Add = _binary("Add", p.add)
Sub = _binary("Sub", p.sub)
Mul = _binary("Mul", p.mul)
RealDiv = _binary("RealDiv", p.div)
FloorDiv = _binary("FloorDiv", p.floordiv)
FloorMod = _binary("FloorMod", p.floormod)
Maximum = _binary("Maximum", p.maximum)
Minimum = _binary("Minimum", p.minimum)
Pow = _binary("Pow", p.pow)
Less = _binary("Less", p.lt)
LessEqual = _binary("LessEqual", p.le)
Greater = _binary("Greater", p.gt)
GreaterEqual = _binary("GreaterEqual", p.ge)
LogicalAnd = _binary("LogicalAnd", p.logical_and)
LogicalOr = _binary("LogicalOr", p.logical_or)

Abs = _unary("Abs", p.abs)
Ceil = _unary("Ceil", p.ceil)
Cos = _unary("Cos", p.cos)
Erf = _unary("Erf", p.erf)
Exp = _unary("Exp", p.exp)
Floor = _unary("Floor", p.floor)
IsFinite = _unary("IsFinite", p.isfinite)
IsInf = _unary("IsInf", p.isinf)
IsNan = _unary("IsNan", p.isnan)
Log = _unary("Log", p.log)
Log1p = _unary("Log1p", p.log1p)
LogicalNot = _unary("LogicalNot", p.logical_not)
Neg = _unary("Neg", p.neg)
Rsqrt = _unary("Rsqrt", p.rsqrt)
Sigmoid = _unary("Sigmoid", p.sigmoid)
Sign = _unary("Sign", p.sign)
Sin = _unary("Sin", p.sin)
Sqrt = _unary("Sqrt", p.sqrt)
Tanh = _unary("Tanh", p.tanh)


# ---- products, positions ---------------------------------------------------------------------------------------------


def MatMul(
    *, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, grad_a: bool = False, grad_b: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The product of two matrices. Raises InvalidArgumentError (tracing: ValueError) for shapes that do not fit.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/MatMul.

    >>> MatMul(a=[[1., 2.]], b=[[3.], [4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[11.]], dtype=float32)>
    """
    x = convert_to_tensor(a)
    y = convert_to_tensor(b, None if isinstance(b, Tensor) else x.dtype)
    for k, t in enumerate((x, y)):
        if t.shape.rank not in (2, None):
            raise invalid("MatMul", f"In[{k}] is not a matrix: its shape is {t.shape}")
    return p.matmul(x, y, transpose_a=bool(transpose_a), transpose_b=bool(transpose_b))  # type: ignore[no-any-return]


def ArgMax(*, input: Any, dimension: Any, output_type: Any = dt.int64, name: str | None = None) -> Tensor:
    """Where along an axis the largest element is. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ArgMax."""
    return argmax(input, dimension, output_type)


def ArgMin(*, input: Any, dimension: Any, output_type: Any = dt.int64, name: str | None = None) -> Tensor:
    """Where along an axis the least element is. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ArgMin."""
    return argmin(input, dimension, output_type)


def Bucketize(*, input: Any, boundaries: Sequence[float], name: str | None = None) -> Tensor:
    """How many of the sorted boundaries are at most each element: int32.

    Raises InvalidArgumentError (tracing: ValueError) for boundaries out of order. Follows
    https://www.tensorflow.org/api_docs/python/tf/raw_ops/Bucketize.

    >>> Bucketize(input=[-5., 10., 150.], boundaries=[0., 10., 100.])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 2, 3], dtype=int32)>
    """
    x = convert_to_tensor(input)
    if x.dtype not in (dt.int32, dt.int64, dt.float32, dt.float64):
        raise wrong_dtype("Bucketize", f"input must be int32, int64, float32 or float64, got {x.dtype.name}")
    limits = np.asarray(list(boundaries), np.float32)
    if (np.diff(limits) < 0).any():
        raise invalid("Bucketize", "Expected sorted boundaries")
    edges = convert_to_tensor(limits.astype(np.float64))
    at = p.cast(p.reshape(x, shape=(*x.ir_type.dims, 1)), dtype=dt.float64)
    passed = p.cast(p.ge(at, edges), dtype=dt.int32)
    return p.reduce_sum(passed, axes=(len(x.ir_type.dims),))  # type: ignore[no-any-return]


# ---- distinct elements -----------------------------------------------------------------------------------------------


def UniqueV2(*, x: Any, axis: Any, out_idx: Any = dt.int32, name: str | None = None) -> Any:
    """The distinct slices of x along `axis` (a vector of at most one element; none for a vector x) in order of
    appearance, and which of them each slice is. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/UniqueV2.

    >>> UniqueV2(x=[5, 5, 7], axis=[]).idx
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 0, 1], dtype=int32)>
    """
    return UniqueV2Result(*_distinct(x, axis, out_idx, "UniqueV2")[:2])


def UniqueWithCountsV2(*, x: Any, axis: Any, out_idx: Any = dt.int32, name: str | None = None) -> Any:
    """As `UniqueV2`, and how often each slice occurs.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/UniqueWithCountsV2.
    """
    return UniqueWithCountsV2Result(*_distinct(x, axis, out_idx, "UniqueWithCountsV2"))


def _distinct(x: Any, axis: Any, out_idx: Any, name: str) -> list[Tensor]:
    t, dtype = convert_to_tensor(x), dt.as_dtype(out_idx)
    axes, rank = as_integers(axis, name), len(t.ir_type.dims)
    if len(axes) > 1:
        raise invalid(name, f"axis does not have 0 or 1 elements: {list(axes)}")
    if not axes and rank != 1:
        raise invalid(name, f"expects a 1D vector where axis is empty, got shape {t.shape}")
    k = axes[0] if axes else 0
    if not -rank <= k < rank:
        raise invalid(name, f"axis {k} is not in [{-rank}, {rank})")
    k %= rank
    if rank == 1:
        from graphtf.api.selection import unique_with_counts

        return list(unique_with_counts(t, dtype))
    sizes: list[Any] = [None if not isinstance(d, int) or i == k else d for i, d in enumerate(t.ir_type.dims)]
    return on_host(lambda a: _distinct_slices(a, k, dtype.np), [t], [t.dtype, dtype, dtype], [sizes, [None], [None]])


def _distinct_slices(a: np.ndarray[Any, Any], axis: int, index: Any) -> list[np.ndarray[Any, Any]]:
    """In order of first appearance."""
    rows = np.moveaxis(a, axis, 0)
    place: dict[bytes, int] = {}
    first: list[int] = []
    where = np.empty(len(rows), index)
    for i, row in enumerate(rows):
        key = (row + row.dtype.type(0)).tobytes() if row.dtype.kind == "f" else row.tobytes()  # -0 is 0
        if key not in place:
            place[key] = len(first)
            first.append(i)
        where[i] = place[key]
    return [np.take(a, first, axis), where, np.bincount(where, minlength=len(first)).astype(index)]


# ---- images ----------------------------------------------------------------------------------------------------------


def ImageProjectiveTransformV3(
    *, images: Any, transforms: Any, output_shape: Any, fill_value: Any, interpolation: str,
    fill_mode: str = "CONSTANT", name: str | None = None,
) -> Tensor:  # fmt: skip
    """Images [batch, height, width, channels], each output pixel (x, y) read at the projective image of its place:
    ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1, for rows [a0, …, c1] of `transforms`.

    `interpolation` is NEAREST or BILINEAR; `fill_mode`, for places outside, CONSTANT, REFLECT, WRAP or NEAREST. Follows
    https://www.tensorflow.org/api_docs/python/tf/raw_ops/ImageProjectiveTransformV3.
    """
    x, rows = convert_to_tensor(images), convert_to_tensor(transforms, dt.float32)
    sizes = as_sizes(output_shape, "output_shape")
    if sizes is None or len(sizes) != 2:
        raise invalid("ImageProjectiveTransformV3", f"output shape must have two elements, got {output_shape!r}")
    if len(x.ir_type.dims) != 4 or rows.ir_type.dims[-1] != 8:
        message = f"expected images of rank 4 and transforms of 8 numbers, got {x.shape} and {rows.shape}"
        raise invalid("ImageProjectiveTransformV3", message)
    return Warp(x, rows, sizes, convert_to_tensor(fill_value, dt.float32), fill_mode).image(interpolation)


class Warp:
    """Where the pixels of one output come from. Coordinates are float32 of shape [batch, height × width]."""

    def __init__(self, images: Tensor, rows: Tensor, sizes: Any, fill: Tensor, mode: str) -> None:
        self.images, self.sizes, self.mode = images, sizes, mode
        self.batch, self.height, self.width, self.channels = images.ir_type.dims
        self.fill = p.cast(fill, dtype=images.dtype)
        area = sizes[0] * sizes[1]
        grid = {axis: p.iota(shape=sizes, axis=axis, dtype=dt.float32) for axis in (0, 1)}
        y, x = (p.reshape(g, shape=(1, area)) for g in (grid[0], grid[1]))
        rows = p.stop_gradient(rows)
        a = [rows[:, k : k + 1] for k in range(8)]
        one = scalar_like(x, 1)
        scale = p.add(p.add(p.mul(a[6], x), p.mul(a[7], y)), one)
        self.nowhere = p.eq(scale, scalar_like(x, 0))
        self.x = self.inside(p.div(p.add(p.add(p.mul(a[0], x), p.mul(a[1], y)), a[2]), scale), self.width)
        self.y = self.inside(p.div(p.add(p.add(p.mul(a[3], x), p.mul(a[4], y)), a[5]), scale), self.height)

    def inside(self, x: Tensor, size: Any) -> Tensor:
        """A coordinate moved into 0 … size - 1 as the fill mode says; as it is for CONSTANT."""
        if self.mode == "CONSTANT":
            return x
        zero, last = scalar_like(x, 0), scalar_like(x, size - 1)
        if self.mode == "REFLECT":
            period = scalar_like(x, 2 * size)
            moved = p.floormod(x, period)
            x = p.select(p.ge(moved, scalar_like(x, size)), p.sub(p.sub(period, moved), scalar_like(x, 1)), moved)
        elif self.mode == "WRAP":
            x = self.wrapped(x, size)
        elif self.mode != "NEAREST":
            raise invalid("ImageProjectiveTransformV3", f"unknown fill_mode {self.mode!r}")
        return p.minimum(p.maximum(x, zero), last)  # type: ignore[no-any-return]

    def wrapped(self, x: Tensor, size: Any) -> Tensor:
        """TensorFlow repeats the image with a gap of one pixel, by the distance between its outermost pixels."""
        if size == 1:
            return full_like(x, 0)
        zero, length, span = scalar_like(x, 0), scalar_like(x, size), scalar_like(x, size - 1)
        below = p.add(x, p.mul(length, p.add(p.floor(p.div(p.neg(x), span)), scalar_like(x, 1))))
        above = p.sub(x, p.mul(length, p.floor(p.div(x, span))))
        return p.select(p.lt(x, zero), below, p.select(p.gt(x, span), above, x))  # type: ignore[no-any-return]

    def image(self, interpolation: str) -> Tensor:
        if interpolation == "NEAREST":
            half = scalar_like(self.x, 0.5)
            y, x = (p.mul(p.sign(c), p.floor(p.add(p.abs(c), half))) for c in (self.y, self.x))
            found = self.read(y, x)
        elif interpolation == "BILINEAR":
            found = self.blended()
        else:
            raise invalid("ImageProjectiveTransformV3", f"unknown interpolation {interpolation!r}")
        area = self.sizes[0] * self.sizes[1]
        nowhere = p.reshape(self.nowhere, shape=(*self.nowhere.ir_type.dims, 1))
        nowhere = p.broadcast(nowhere, shape=(self.batch, area, self.channels))
        out = p.select(nowhere, self.fill, found)
        return p.reshape(out, shape=(self.batch, *self.sizes, self.channels))  # type: ignore[no-any-return]

    def read(self, y: Tensor, x: Tensor) -> Tensor:
        """The pixels at whole coordinates, [batch, area, channels]; the fill value outside the image."""
        inside = p.logical_and(_within(y, self.height), _within(x, self.width))
        rows, columns = (_index(c, size) for c, size in ((y, self.height), (x, self.width)))
        at = p.add(p.mul(rows, scalar_like(rows, self.width)), columns)
        shape = (self.batch, self.sizes[0] * self.sizes[1])
        flat = p.reshape(self.images, shape=(self.batch, self.height * self.width, self.channels))
        found = p.gather(flat, p.broadcast(at, shape=shape), axis=1, batch_dims=1)
        mask = p.reshape(p.broadcast(inside, shape=shape), shape=(*shape, 1))
        return p.select(p.broadcast(mask, shape=(*shape, self.channels)), found, self.fill)  # type: ignore[no-any-return]

    def blended(self) -> Tensor:
        """Weighted by how near the four pixels around are."""
        one = scalar_like(self.x, 1)
        y0, x0 = p.floor(self.y), p.floor(self.x)
        y1, x1 = p.add(y0, one), p.add(x0, one)

        def weight(w: Tensor) -> Tensor:
            return p.cast(p.reshape(w, shape=(*w.ir_type.dims, 1)), dtype=self.images.dtype)  # type: ignore[no-any-return]

        left, right = weight(p.sub(x1, self.x)), weight(p.sub(self.x, x0))
        upper = p.add(p.mul(left, self.read(y0, x0)), p.mul(right, self.read(y0, x1)))
        lower = p.add(p.mul(left, self.read(y1, x0)), p.mul(right, self.read(y1, x1)))
        return p.add(p.mul(weight(p.sub(y1, self.y)), upper), p.mul(weight(p.sub(self.y, y0)), lower))  # type: ignore[no-any-return]


def _within(c: Tensor, size: Any) -> Tensor:
    return p.logical_and(p.ge(c, scalar_like(c, 0)), p.lt(c, scalar_like(c, size)))  # type: ignore[no-any-return]


def _index(c: Tensor, size: Any) -> Tensor:
    """A whole coordinate, moved into the image, as an index."""
    clamped = p.minimum(p.maximum(c, scalar_like(c, 0)), scalar_like(c, size - 1))
    return p.cast(clamped, dtype=dt.int32)  # type: ignore[no-any-return]
