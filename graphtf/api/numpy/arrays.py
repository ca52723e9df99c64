"""Arrays as `tf.experimental.numpy` makes them, and the dtypes they promote to.

Invariant: Python ints become int64 and floats float64; two dtypes meet in NumPy's `result_type`, Python scalars giving
way to tensors. Functions follow https://www.tensorflow.org/api_docs/python/tf/experimental/numpy. Entry points:
`asarray`, `promoted`, and the functions that make arrays.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api import creation, linalg_parts, selection, shaping
from graphtf.convert import convert_to_tensor, hooks, is_tensor_like
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape

Array = Tensor
newaxis = None
pi, e, inf = np.pi, np.e, np.inf
ndarray = Tensor


def _kind_of(x: Any) -> Any:
    """What NumPy's promotion is asked about: a scalar's value, or a dtype."""
    if isinstance(x, (numbers.Number, np.generic)):
        return x
    if isinstance(x, DType):
        return x.np
    if is_tensor_like(x) or isinstance(x, IndexedSlices):
        return as_dtype(x.dtype).np
    return x


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that arrays, scalars and dtypes promote to."""
    kinds = [_kind_of(x) for x in nest.flatten(list(arrays_and_dtypes))] or [np.float64]
    if not any(isinstance(k, (str, bytes)) for k in kinds):
        return as_dtype(np.result_type(*kinds))
    return as_dtype(np.result_type(*(np.dtype(k) if isinstance(k, str) else k for k in kinds)))


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """NumPy's dtype that two dtypes promote to."""
    return np.promote_types(as_dtype(type1).np, as_dtype(type2).np)


def array(val: Any, dtype: Any = None, copy: bool = True, ndmin: int = 0) -> Array:
    """A tensor of a value, of at least `ndmin` axes."""
    wanted = None if dtype is None else as_dtype(dtype)
    if is_tensor_like(val):
        out = convert_to_tensor(val)
    else:
        own = as_dtype(val.dtype) if isinstance(val, (np.ndarray, np.generic)) else _own_type(val)
        out = convert_to_tensor(val, own)
    if wanted is not None and out.dtype is not wanted:
        out = p.cast(out, dtype=wanted)
    dims = out.ir_type.dims
    return out if len(dims) >= ndmin else p.reshape(out, shape=(*(1,) * (ndmin - len(dims)), *dims))


_NARROW = {as_dtype("int64"): as_dtype("int32"), as_dtype("float64"): as_dtype("float32")}


def _own_type(val: Any) -> DType | None:
    """The dtype of nested Python values; None where strings are among them."""
    if isinstance(val, TensorShape):
        return as_dtype("int64")
    leaves = nest.flatten(val)
    if any(isinstance(x, (str, bytes)) for x in leaves):
        return None
    found = as_dtype(np.result_type(*(map(_strong, leaves))) if leaves else np.float64)
    return found if hooks.pair is None else _NARROW.get(found, found)


def _strong(x: Any) -> Any:
    """As `_kind_of`, Python scalars counting as NumPy's."""
    return np.asarray(x).dtype if isinstance(x, (bool, int, float, complex)) else _kind_of(x)


def asarray(a: Any, dtype: Any = None) -> Array:
    """A tensor of a value; itself if it is one of that dtype."""
    return array(a, dtype)


def asanyarray(a: Any, dtype: Any = None) -> Array:
    return array(a, dtype)


def ascontiguousarray(a: Any, dtype: Any = None) -> Array:
    return array(a, dtype, ndmin=1)


def copy(a: Any) -> Array:
    return array(a)


def promoted(*args: Any) -> list[Tensor]:
    """Values as tensors of the dtype that they promote to."""
    dtype = result_type(*(x if is_tensor_like(x) or isinstance(x, numbers.Number) else asarray(x) for x in args))
    return [asarray(x, dtype) for x in args]


def alike(*args: Any) -> list[Tensor]:
    """As `promoted`, by the table of the mode of `experimental_enable_numpy_behavior` where that has one."""
    if hooks.pair is None:
        return promoted(*args)
    like = args[0]
    for x in args[1:]:
        like, _ = hooks.pair(like, x)
    return [hooks.pair(x, like)[0] for x in args]


def floats(*args: Any) -> list[Tensor]:
    """As `promoted`, integers and bools becoming float64."""
    found = promoted(*args)
    return found if found[0].dtype.is_inexact else [p.cast(x, dtype=as_dtype("float64")) for x in found]


# ---- making ----------------------------------------------------------------------------------------------------------


def zeros(shape: Any, dtype: Any = float) -> Array:
    """All zeros, of float64 by default."""
    return creation.zeros(_sizes(shape), _dtype(dtype))


def ones(shape: Any, dtype: Any = float) -> Array:
    """All ones, of float64 by default."""
    return creation.ones(_sizes(shape), _dtype(dtype))


def _sizes(shape: Any) -> Any:
    return [shape] if isinstance(shape, (int, np.integer)) else shape


def _dtype(dtype: Any) -> DType:
    """A dtype as NumPy means it: `float` is float64, `int` int64."""
    return as_dtype(np.dtype(dtype) if any(dtype is t for t in (float, int, complex, bool)) else dtype)


def zeros_like(a: Any, dtype: Any = None) -> Array:
    x = asarray(a)
    return creation.zeros_like(x, x.dtype if dtype is None else _dtype(dtype))


def ones_like(a: Any, dtype: Any = None) -> Array:
    x = asarray(a)
    return creation.ones_like(x, x.dtype if dtype is None else _dtype(dtype))


def empty(shape: Any, dtype: Any = float) -> Array:
    return zeros(shape, dtype)


def empty_like(a: Any, dtype: Any = None) -> Array:
    return zeros_like(a, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Array:
    """`fill_value`, broadcast to a shape."""
    value = asarray(fill_value, None if dtype is None else _dtype(dtype))
    return shaping.broadcast_to(value, _sizes(shape))


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Array:
    """`fill_value` in the shape and dtype of an array."""
    if order != "K" or not subok or shape is not None:
        raise ValueError("full_like: `order`, `subok` and `shape` are not supported")
    x = asarray(a)
    return shaping.broadcast_to(asarray(fill_value, x.dtype if dtype is None else _dtype(dtype)), shaping.shape(x))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float) -> Array:
    """Ones on a diagonal, zeros elsewhere."""
    columns = N if M is None else M
    at = [p.iota(shape=(int(N), int(columns)), axis=axis, dtype=as_dtype("int64")) for axis in (0, 1)]
    return p.cast(p.eq(p.add(at[0], convert_to_tensor(int(k), "int64")), at[1]), dtype=_dtype(dtype))


def identity(n: int, dtype: Any = float) -> Array:
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones at and below a diagonal, zeros elsewhere."""
    columns = N if M is None else M
    at = [p.iota(shape=(int(N), int(columns)), axis=axis, dtype=as_dtype("int64")) for axis in (0, 1)]
    return p.cast(p.ge(p.add(at[0], convert_to_tensor(int(k), "int64")), at[1]), dtype=_dtype(dtype or np.float64))


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """start, start + step, … below stop. Raises ValueError for a step of 0."""
    if not is_tensor_like(step) and not step:
        raise ValueError("step must be non-zero")
    if stop is None:
        start, stop = 0, start
    wanted = _dtype(dtype) if dtype is not None else result_type(*(asarray(x) for x in (start, stop, step)))
    if all(isinstance(x, (int, float, np.number)) for x in (start, stop, step)):
        return convert_to_tensor(np.arange(start, stop, step, wanted.np))
    return creation.range(*(asarray(x, wanted) for x in (start, stop, step)))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = float,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from start to stop; with `retstep` also their distance."""
    wanted = None if dtype is None else _dtype(dtype)
    a, b = (
        floats(start, stop) if wanted is None or not wanted.is_inexact else (asarray(x, wanted) for x in (start, stop))
    )
    if num < 0:
        raise ValueError(f"Argument `num` must be non-negative. Received: {num}")
    gap, parts = p.sub(b, a), (num - 1) if endpoint else num
    step = (
        p.div(gap, convert_to_tensor(float(parts), a.dtype))
        if parts > 0
        else p.mul(gap, convert_to_tensor(np.nan, a.dtype))
    )
    if endpoint:
        out = creation.linspace_nd(a, b, num, axis=axis) if num else zeros((0,), a.dtype)
    else:
        longer = creation.linspace_nd(a, b, num + 1, axis=axis)
        out = shaping.split(longer, [num, 1], axis)[0]
    out = out if wanted is None or out.dtype is wanted else p.cast(out, dtype=wanted)
    return (out, step) if retstep else out


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Array:
    """Powers of `base`, the exponents evenly spaced."""
    wanted = None if dtype is None else _dtype(dtype)
    exponents = linspace(*floats(start, stop), num=num, endpoint=endpoint, dtype=None, axis=axis)
    out = p.pow(asarray(base, exponents.dtype), exponents)
    return out if wanted is None or wanted is out.dtype else p.cast(out, dtype=wanted)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Array:
    """`num` numbers from start to stop whose quotients are equal."""
    wanted = None if dtype is None else _dtype(dtype)
    a, b = floats(start, stop)
    sign = p.sign(a)
    logs = linspace(p.log(p.abs(a)), p.log(p.abs(b)), num=num, endpoint=endpoint, dtype=None, axis=axis)
    out = p.mul(sign, p.exp(logs))
    return out if wanted is None or wanted is out.dtype else p.cast(out, dtype=wanted)


def diag(v: Any, k: int = 0) -> Array:
    """A vector as a diagonal, or the diagonal of a matrix. Raises ValueError for other ranks."""
    x = asarray(v)
    rank = len(x.ir_type.dims)
    if rank == 1:
        return linalg_parts.diag(x, k=k)
    if rank == 2:
        return diagonal(x, k)
    raise ValueError(f"Argument `v` must be 1-d or 2-d, got rank {rank}")


def diagflat(v: Any, k: int = 0) -> Array:
    return diag(shaping.reshape(asarray(v), [-1]), k)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonals of the matrices that two axes span."""
    x = asarray(a)
    rank = len(x.ir_type.dims)
    one, two = axis1 % rank, axis2 % rank
    rest = [k for k in range(rank) if k not in (one, two)]
    matrix = p.transpose(x, perm=(*rest, one, two))
    rows, columns = matrix.shape[-2:]
    if rows is not None and columns is not None and not -rows < offset < columns:
        return zeros((*matrix.shape[:-2], 0), x.dtype)
    return linalg_parts.diag_part(matrix, k=offset)


def tril(m: Any, k: int = 0) -> Array:
    """A matrix without what lies above a diagonal."""
    return _part(m, lambda i, j: p.ge(p.add(i, convert_to_tensor(k)), j))


def triu(m: Any, k: int = 0) -> Array:
    """A matrix without what lies below a diagonal."""
    return _part(m, lambda i, j: p.le(p.add(i, convert_to_tensor(k)), j))


def _part(m: Any, inside: Any) -> Array:
    x = asarray(m)
    dims = x.ir_type.dims
    if len(dims) < 2:
        raise ValueError("Argument to tril and triu must have rank at least 2")
    at = [p.iota(shape=dims[-2:], axis=axis, dtype=as_dtype("int32")) for axis in (0, 1)]
    zero = convert_to_tensor(False if x.dtype.is_bool else 0, x.dtype)
    return p.select(inside(*at), x, zero)


def diag_indices(n: int, ndim: int = 2) -> tuple[Array, ...]:
    return (arange(n),) * ndim


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Array:
    """Powers of a vector's elements as columns. Raises ValueError for a negative N."""
    v = asarray(x)
    count = v.shape[0] if N is None else int(N)
    if count < 0:
        raise ValueError(f"N must be nonnegative, got {count}")
    exponents = np.arange(count) if increasing else np.arange(count)[::-1]
    powers = convert_to_tensor(exponents.astype(v.dtype.np))
    return p.pow(p.reshape(v, shape=(*v.ir_type.dims, 1)), powers)


def meshgrid(*xi: Any, **kwargs: Any) -> list[Array]:
    """Coordinate arrays of a grid. Keywords: `indexing`; `sparse` and `copy` must keep their defaults."""
    if kwargs.pop("sparse", False) or not kwargs.pop("copy", True):
        raise ValueError("meshgrid doesn't support returning sparse arrays, or no copies")
    return shaping.meshgrid(*map(asarray, xi), **kwargs)


def ix_(*args: Any) -> list[Array]:
    """Vectors as an open mesh: each along an axis of its own."""
    out = []
    for k, a in enumerate(args):
        x = asarray(a)
        if x.dtype.is_bool:
            x = shaping.reshape(selection.where(x), [-1])
        out.append(shaping.reshape(x, [1] * k + [-1] + [1] * (len(args) - k - 1)))
    return out


def ndim(a: Any) -> Any:
    return asarray(a).ndim


def shape(a: Any) -> TensorShape:
    return asarray(a).shape


def size(x: Any, axis: int | None = None) -> Any:
    """The number of elements (along an axis): a Python int where it is known."""
    if axis is not None:
        raise NotImplementedError("axis argument is not supported in the current `np.size` implementation")
    found = asarray(x).shape.num_elements()
    return shaping.size(x) if found is None else found


def isscalar(num: Any) -> bool:
    """Is it a number, or a tensor without axes?"""
    if is_tensor_like(num):
        return convert_to_tensor(num).shape.rank == 0
    return bool(np.isscalar(num))


def iinfo(int_type: Any) -> Any:
    return np.iinfo(as_dtype(int_type).np)


def finfo(dtype: Any) -> Any:
    return np.finfo(as_dtype(dtype).np)


def issubdtype(arg1: Any, arg2: Any) -> bool:
    return bool(np.issubdtype(_plain(arg1), _plain(arg2)))


def _plain(x: Any) -> Any:
    return x.np if isinstance(x, DType) else x


def stacked_type(arys: Sequence[Any]) -> list[Tensor]:
    """Several arrays as tensors of one dtype."""
    return promoted(*(asarray(x) for x in arys))
