"""New tensors: zeros, ones, ranges, and the dtype of existing ones.

Invariant: sizes known while tracing give a static shape. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.composite import Composite
from graphtf.convert import convert_to_tensor, hooks, is_tensor_like, known_array
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv, maximum, product
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnimplementedError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid, tracing, wrong_dtype
from graphtf.run_time import named_size, stated
from graphtf.sizes import MOST_ELEMENTS, as_axis, as_size, as_sizes
from graphtf.tensor import EagerTensor, Tensor


def full(dims: Any, value: Tensor, name: str) -> Tensor:
    """A tensor with every element `value`, a scalar tensor."""
    if isinstance(dims, (list, tuple)) and any(d is None for d in dims):
        kind = TypeError if tracing() else ValueError
        raise kind(f"{name}: Attempt to convert a value (None) with an unsupported type ({type(None)}) to a Tensor.")
    sizes = as_sizes(dims, name)
    if sizes is None:
        count = convert_to_tensor(dims).ir_type.dims[0]
        if isinstance(dims, (list, tuple)):
            known: Any = tuple(as_size(d, name) for d in dims)
        else:
            known = (None,) * count if isinstance(count, int) else None
        return p.broadcast_to(value, convert_to_tensor(dims), shape=stated(known))
    if any(isinstance(d, int) and d < 0 for d in sizes):
        raise invalid(name, f"Dimensions must be >= 0, got {list(sizes)}")
    if product(d for d in sizes if isinstance(d, int)) > MOST_ELEMENTS:
        raise failed(name, f"Shape {list(sizes)} would have more than 2**63 - 1 elements")
    return p.broadcast(value, shape=sizes)


def zeros(shape: Any, dtype: Any = dt.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """All zeros (empty strings for string, False for bool).

    Follows https://www.tensorflow.org/api_docs/python/tf/zeros.

    >>> zeros([2])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 0.], dtype=float32)>
    """
    d = as_dtype(dtype)
    return full(shape, convert_to_tensor("" if d is dt.string else False if d.is_bool else 0, d), "zeros")


def ones(shape: Any, dtype: Any = dt.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """All ones (True for bool). Raises TypeError for string.

    Follows https://www.tensorflow.org/api_docs/python/tf/ones.

    >>> ones([2], "int32")
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 1], dtype=int32)>
    """
    d = as_dtype(dtype)
    return full(shape, convert_to_tensor(True if d.is_bool else 1, d), "ones")


def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """Every element `value`. Raises InvalidArgumentError (tracing: ValueError) if that is no scalar.

    Follows https://www.tensorflow.org/api_docs/python/tf/fill.

    >>> fill([2], 7)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([7, 7], dtype=int32)>
    """
    v = convert_to_tensor(value)
    if v.shape.rank not in (0, None):
        raise invalid("fill", f"value must be a scalar, got shape {v.shape}")
    return full(dims, v, "fill")


def _like(input: Any, dtype: Any, value: int) -> Tensor:
    x = convert_to_tensor(input)
    d = x.dtype if dtype is None else as_dtype(dtype)
    scalar = convert_to_tensor("" if d is dt.string else bool(value) if d.is_bool else value, d)
    if x.ir_type.shape is None:
        from graphtf.api.shaping import shape

        return full(shape(x), scalar, "zeros_like")
    return p.broadcast(scalar, shape=x.ir_type.dims)


def zeros_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Tensor:
    """Zeros of the shape and dtype of a tensor. Follows https://www.tensorflow.org/api_docs/python/tf/zeros_like.

    >>> zeros_like([1, 2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([0, 0], dtype=int32)>
    """
    return _like(input, dtype, 0)


def ones_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Tensor:
    """Ones of the shape and dtype of a tensor. Follows https://www.tensorflow.org/api_docs/python/tf/ones_like.

    >>> ones_like([1, 2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 1], dtype=int32)>
    """
    return _like(input, dtype, 1)


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = dt.float32, name: str | None = None
) -> Tensor:
    """The identity matrix, perhaps rectangular, perhaps repeated.

    Follows https://www.tensorflow.org/api_docs/python/tf/eye.

    >>> eye(2)
    <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
    array([[1., 0.],
           [0., 1.]], dtype=float32)>
    """
    rows = _size(num_rows, "eye")
    columns = rows if num_columns is None else _size(num_columns, "eye")
    at = [p.iota(shape=(rows, columns), axis=k, dtype=dt.int32) for k in (0, 1)]
    out = p.cast(p.eq(*at), dtype=as_dtype(dtype))
    lead = () if batch_shape is None else as_sizes(batch_shape, "eye")
    return p.broadcast(out, shape=(*lead, rows, columns)) if lead else out


def _size(x: Any, name: str) -> Dim:
    size = as_size(x, name)
    if size is None:
        size = named_size(convert_to_tensor(x))
    if isinstance(size, int) and size < 0:
        raise invalid(name, f"Arguments must be non-negative integers, got {size}")
    return size


# ---- ranges ----------------------------------------------------------------------------------------------------------

_RANGE_ORDER = (dt.int32, dt.int64, dt.float16, dt.bfloat16, dt.float32, dt.float64)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """start, start + delta, … up to, not including, limit.

    Raises InvalidArgumentError (tracing: ValueError) for a delta of 0 or of the wrong sign.
    Follows https://www.tensorflow.org/api_docs/python/tf/range.

    >>> range(3, 18, 5)
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([ 3,  8, 13], dtype=int32)>
    """
    if limit is None:
        start, limit = 0, start
    wanted = None if dtype is None else as_dtype(dtype)
    bounds = [_bound(b, wanted) for b in (start, limit, delta)]
    if wanted is None:
        kinds = [b.dtype for b in bounds]
        odd = next((d for d in kinds if d not in _RANGE_ORDER), None)
        if odd is not None:
            raise ValueError(f"range: dtype {odd.name} is not allowed")
        wanted = max(kinds, key=_RANGE_ORDER.index)
    bounds = [b if b.dtype is wanted else p.cast(b, dtype=wanted) for b in bounds]
    for b, label in zip(bounds, ("start", "limit", "delta")):
        if b.shape.rank not in (0, None):
            raise invalid("range", f"{label} must be a scalar, not shape {b.shape}")
    return _range(bounds, wanted)


def _bound(x: Any, dtype: DType | None) -> Tensor:
    t = convert_to_tensor(x, None if is_tensor_like(x) else dtype)
    return t if dtype is None or t.dtype is dtype else p.cast(t, dtype=dtype)


def _range(bounds: list[Tensor], dtype: DType) -> Tensor:
    values = [known_array(b) for b in bounds]
    if all(v is not None for v in values):
        return _known_range([v.item() for v in values], dtype)  # type: ignore[union-attr]
    sizes = [as_size(b, "range") for b in bounds] if dtype.is_integer else [None]
    if any(d is None for d in sizes) or not isinstance(sizes[2], int) or sizes[2] <= 0:
        return p.arange(*bounds, shape=stated((None,)))
    first, last, step = sizes
    count = maximum(ceildiv(last - first, step), 0)  # type: ignore[operator, arg-type]
    at = p.iota(shape=(count,), axis=0, dtype=dtype)
    scaled = at if step == 1 else p.mul(at, bounds[2])
    return scaled if first == 0 else p.add(scaled, bounds[0])


def _known_range(bounds: list[Any], dtype: DType) -> Tensor:
    start, limit, delta = bounds
    if delta == 0:
        raise invalid("range", "Requires delta != 0")
    if (delta > 0 and start > limit) or (delta < 0 and start < limit):
        sign = "<=" if delta > 0 else ">="
        raise invalid("range", f"Requires start {sign} limit when delta {'>' if delta > 0 else '<'} 0: {start}/{limit}")
    if dtype.is_integer:
        count = -((start - limit) // delta)
    else:  # in the dtype itself, as the kernel counts
        a, b, step = (dtype.np.type(v) for v in bounds)
        count = int(np.ceil(abs((b - a) / step)))
    return convert_to_tensor((start + np.arange(count) * delta).astype(dtype.np))


def linspace_nd(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """`num` values from start to stop, both included, evenly spaced along a new axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/linspace.

    >>> linspace_nd(0., 1., 3)
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([0. , 0.5, 1. ], dtype=float32)>
    """
    a, b = convert_to_tensor(start), convert_to_tensor(stop)
    b = convert_to_tensor(stop, a.dtype) if not is_tensor_like(stop) else b
    if not a.dtype.is_inexact:
        a, b = p.cast(a, dtype=dt.float64), p.cast(b, dtype=dt.float64)
    if a.dtype is not b.dtype:
        raise invalid("linspace", f"start is {a.dtype.name}, stop {b.dtype.name}")
    if isinstance(num, float):
        raise TypeError(f"Argument `tensor` (name: num) must be of type integer. Received `tensor` = {num}")
    count = as_size(num, "linspace")
    if count is None:
        count = named_size(convert_to_tensor(num))
    if isinstance(count, int) and count < 0:
        raise invalid("linspace", f"num must not be negative, got {num!r}")
    shape = a.ir_type.dims if len(a.ir_type.dims) >= len(b.ir_type.dims) else b.ir_type.dims
    k = as_axis(axis, len(shape) + 1, "linspace")
    a, b = (p.reshape(p.broadcast(t, shape=shape), shape=(*shape[:k], 1, *shape[k:])) for t in (a, b))
    if count == 1:
        return a
    spread = (*((1,) * k), count, *((1,) * (len(shape) - k)))
    at = p.reshape(p.iota(shape=(count,), axis=0, dtype=a.dtype), shape=spread)
    last = count - 1
    ends = scalar_like(a, last) if isinstance(last, int) else _as_scalar(last, a)
    step = p.div(p.sub(b, a), ends)
    return p.select(p.eq(at, ends), b, p.add(a, p.mul(at, step)))  # the last is b to the bit


def _as_scalar(size: Dim, like: Tensor) -> Tensor:
    return p.cast(p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=()), dtype=like.dtype)


def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: int | None = None, dtype: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """`on_value` (1) at each index along a new axis of size `depth`, `off_value` (0) elsewhere.

    Raises TypeError where dtypes do not fit. Follows https://www.tensorflow.org/api_docs/python/tf/one_hot.

    >>> one_hot([0, 2], 3)
    <tf.Tensor: shape=(2, 3), dtype=float32, numpy=
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)>
    """
    if isinstance(indices, np.ndarray) and indices.dtype.kind in "fb":
        indices = indices.astype(np.int64)  # as TensorFlow has it of arrays, which are no tensors yet
    at, size = convert_to_tensor(indices), _size(depth, "one_hot")
    on, off = map(p.stop_gradient, _hot_values(on_value, off_value, None if dtype is None else as_dtype(dtype)))
    dims = at.ir_type.dims
    k = as_axis(-1 if axis is None else axis, len(dims) + 1, "one_hot", late=True)
    shape = (*dims[:k], size, *dims[k:])
    if not at.dtype.is_integer:
        raise wrong_dtype("one_hot", f"indices must be integers, got {at.dtype.name}")
    places = p.iota(shape=shape, axis=k, dtype=at.dtype)
    return p.select(p.eq(p.reshape(at, shape=(*dims[:k], 1, *dims[k:])), places), on, off)


def _hot_values(on_value: Any, off_value: Any, dtype: DType | None) -> tuple[Tensor, Tensor]:
    given = [convert_to_tensor(v, dtype_hint=dtype) for v in (on_value, off_value) if v is not None]
    if dtype is not None and any(v.dtype is not dtype for v in given):
        raise TypeError(f"dtype {given[0].dtype} of on_value or off_value does not match dtype parameter {dtype}")
    if len(given) == 2 and given[0].dtype is not given[1].dtype:
        raise TypeError(f"dtype {given[0].dtype} of on_value does not match dtype {given[1].dtype} of off_value")
    d = dtype or (given[0].dtype if given else dt.float32)
    on = convert_to_tensor(True if d.is_bool else 1, d) if on_value is None else given[0]
    off = convert_to_tensor(False if d.is_bool else 0, d) if off_value is None else given[-1]
    return on, off


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = dt.bool_, name: str | None = None) -> Tensor:
    """True in the first lengths[i] places of row i. Follows
    https://www.tensorflow.org/api_docs/python/tf/sequence_mask.

    >>> sequence_mask([1, 2], 3)
    <tf.Tensor: shape=(2, 3), dtype=bool, numpy=
    array([[ True, False, False],
           [ True,  True, False]])>
    """
    n = convert_to_tensor(lengths)
    if maxlen is None:
        maxlen = _longest(n)
    if convert_to_tensor(maxlen).shape.rank not in (0, None):
        raise ValueError(f"Argument `maxlen` must be scalar for sequence_mask, received `maxlen` = {maxlen}")
    size = as_size(maxlen, "sequence_mask")
    if size is None:
        at: Tensor = range(0, maxlen, 1, dtype=n.dtype)
    else:
        at = p.iota(shape=(size,), axis=0, dtype=n.dtype)
    mask = p.lt(at, p.reshape(n, shape=(*n.ir_type.dims, 1)))
    return mask if as_dtype(dtype).is_bool else p.cast(mask, dtype=as_dtype(dtype))


def _longest(lengths: Tensor) -> Any:
    if isinstance(lengths, EagerTensor):
        return max(0, int(lengths._array.max(initial=0)))
    top = p.reduce_max(lengths, axes=tuple(np.arange(len(lengths.ir_type.dims)).tolist()))
    return p.maximum(top, scalar_like(top, 0))


# ---- dtypes ----------------------------------------------------------------------------------------------------------


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """x as another dtype: floats truncate to integers, integers wrap around, what is not 0 is True.

    Raises UnimplementedError for strings. Follows https://www.tensorflow.org/api_docs/python/tf/cast.

    >>> cast([1.8, -2.2], "int32")
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 1, -2], dtype=int32)>
    """
    target = as_dtype(dtype)
    if isinstance(x, Composite):
        return x.with_values(cast(x.values, target))
    if isinstance(x, IndexedSlices):
        return IndexedSlices(cast(x.values, target), x.indices, x.dense_shape)
    t = convert_to_tensor(x)
    if t.dtype is target:
        return t if hooks.strengthen is None else hooks.strengthen(t)
    if dt.string in (t.dtype, target):
        raise UnimplementedError(None, None, f"Cast {t.dtype.name} to {target.name} is not supported")
    return p.cast(t, dtype=target)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """x as another dtype, moved into its range first. Follows
    https://www.tensorflow.org/api_docs/python/tf/saturate_cast.

    >>> saturate_cast([300., -5.], "uint8")
    <tf.Tensor: shape=(2,), dtype=uint8, numpy=array([255,   0], dtype=uint8)>
    """
    x, target = convert_to_tensor(value), as_dtype(dtype)
    if x.dtype.is_complex and not target.is_complex:
        x = p.real(x)
    if target.is_complex or x.dtype.is_complex or target.is_bool or x.dtype.is_bool:
        return cast(x, target)
    low, high = max(float(x.dtype.min), float(target.min)), min(float(x.dtype.max), float(target.max))
    if x.dtype.is_integer and target.is_integer:
        low, high = max(x.dtype.min, target.min), min(x.dtype.max, target.max)
    elif x.dtype.is_floating and target.is_integer:
        low, high = _float_inside(target.min, x.dtype), _float_inside(target.max, x.dtype)
    return cast(p.minimum(p.maximum(x, scalar_like(x, low)), scalar_like(x, high)), target)


def _float_inside(limit: int, dtype: DType) -> float:
    """The limit of an integer type as a float that does not lie beyond it."""
    near = np.array(limit, np.float64).astype(dtype.np)
    if abs(float(near)) > abs(limit) if np.isfinite(near) else True:
        near = np.nextafter(near, np.zeros((), dtype.np))
    return float(near)


def bitcast(input: Any, type: Any, name: str | None = None) -> Tensor:
    """The bits of x as another dtype; the last axis grows or goes where widths differ.

    Raises InvalidArgumentError (tracing: ValueError) where sizes do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/bitcast.

    >>> bitcast(1., "uint32")
    <tf.Tensor: shape=(), dtype=uint32, numpy=1065353216>
    """
    x, target = convert_to_tensor(input), as_dtype(type)
    if target.size == x.dtype.size:
        return p.bitcast(x, dtype=target)
    dims = tuple(x.shape)
    if target.size == 0:
        raise wrong_dtype("bitcast", f"a tensor of {x.dtype.name} has no bits of type {target.name}")
    if target.size < x.dtype.size:
        return p.rebits(x, shape=stated((*x.ir_type.dims, x.dtype.size // target.size)), dtype=target)
    ratio = target.size // x.dtype.size
    if not dims or dims[-1] not in (None, ratio):
        raise invalid(
            "bitcast", f"Cannot bitcast from {x.dtype.name} to {target.name}: the last dimension must be {ratio}"
        )
    return p.rebits(x, shape=stated(x.ir_type.dims[:-1]), dtype=target)

