"""Shapes: asking for them, changing them, moving axes, joining and splitting.

Invariant: elements are moved, never changed; sizes known while tracing give a static result. Entry points: the `tf`
functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.composite import Composite
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred, deferred_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, floordiv, product
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import UnknownShapeError, UnknownSizeError
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.run_time import stated
from graphtf.sizes import (
    MOST_ELEMENTS,
    as_axis,
    as_integers,
    as_size,
    as_sizes,
    index_vector,
    is_known,
    known,
    shape_vector,
)
from graphtf.tensor import Tensor
from graphtf.tensor_shape import as_shape


def shape(input: Any, out_type: Any = None, name: str | None = None) -> Tensor:
    """The shape as a vector of integers (int32).

    Follows https://www.tensorflow.org/api_docs/python/tf/shape.

    >>> shape([[1, 2, 3]])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 3], dtype=int32)>
    """
    x = convert_to_tensor(input)
    dtype = dt.int32 if out_type is None else as_dtype(out_type)
    dims = x.ir_type.shape
    return p.shape_of(x, shape=stated((None,)), dtype=dtype) if dims is None else shape_vector(dims, dtype)


def shape_n(input: Sequence[Any], out_type: Any = dt.int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors. Follows https://www.tensorflow.org/api_docs/python/tf/shape_n.

    >>> [s.numpy().tolist() for s in shape_n([[1, 2], [[3]]])]
    [[2], [1, 1]]
    """
    tensors = [convert_to_tensor(x) for x in input]
    if any(x.dtype is not tensors[0].dtype for x in tensors):
        raise wrong_dtype("shape_n", f"tensors must have one dtype, got {[x.dtype.name for x in tensors]}")
    return [shape(x, out_type) for x in tensors]


def size(input: Any, out_type: Any = None, name: str | None = None) -> Tensor:
    """The number of elements (int32). Follows https://www.tensorflow.org/api_docs/python/tf/size.

    >>> size([[1, 2, 3]])
    <tf.Tensor: shape=(), dtype=int32, numpy=3>
    """
    x = convert_to_tensor(input)
    dtype = dt.int32 if out_type is None else as_dtype(out_type)
    if x.ir_type.shape is None:
        return p.reduce_prod(shape(x, dtype), axes=(0,))
    return p.reshape(shape_vector((x.ir_type.size,), dtype), shape=())


def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of axes (int32). Follows https://www.tensorflow.org/api_docs/python/tf/rank.

    >>> rank([[1, 2, 3]])
    <tf.Tensor: shape=(), dtype=int32, numpy=2>
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.shape
    return size(shape(x)) if dims is None else convert_to_tensor(len(dims))


def identity(input: Any, name: str | None = None) -> Tensor:
    """A tensor of the same value. Follows https://www.tensorflow.org/api_docs/python/tf/identity.

    >>> identity([1, 2])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    if isinstance(input, Composite):
        return input.with_values(identity(input.values))
    x = convert_to_tensor(input)
    if x.ir_type.shape is None:
        return p.stop_gradient(x) if x.dtype is dt.string else p.cast(x, dtype=x.dtype)
    return p.reshape(x, shape=x.ir_type.dims)


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Tensor]:
    """`identity` of several tensors. Follows https://www.tensorflow.org/api_docs/python/tf/identity_n.

    >>> [t.numpy().item() for t in identity_n([1, 2])]
    [1, 2]
    """
    return [identity(x) for x in input]


def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """The same value, through which no gradient flows. Follows
    https://www.tensorflow.org/api_docs/python/tf/stop_gradient.

    >>> stop_gradient([1., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    if isinstance(input, Composite):
        return input.with_values(stop_gradient(input.values))
    return p.stop_gradient(convert_to_tensor(input))


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Tensor:
    """x, which must have a shape compatible with `shape`. Raises InvalidArgumentError (tracing: ValueError) if not.

    Follows https://www.tensorflow.org/api_docs/python/tf/ensure_shape.

    >>> ensure_shape([1, 2], [None])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    x, wanted = convert_to_tensor(x), as_shape(shape)
    if not x.shape.is_compatible_with(wanted):
        raise invalid("ensure_shape", f"Shape of tensor {x.shape} is not compatible with expected shape {wanted}.")
    out = identity(x)
    out.set_shape(wanted)
    return out


# ---- reshape ---------------------------------------------------------------------------------------------------------


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same elements in another shape; one size may be -1: what is left.

    Raises InvalidArgumentError (tracing: ValueError) if the number of elements differs.
    Follows https://www.tensorflow.org/api_docs/python/tf/reshape.

    >>> reshape([1, 2, 3, 4], [2, -1])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 2],
           [3, 4]], dtype=int32)>
    """
    x = convert_to_tensor(tensor)
    if isinstance(shape, (str, bytes)) or (is_tensor_like(shape) and not convert_to_tensor(shape).dtype.is_integer):
        raise wrong_dtype("reshape", f"shape must be int32 or int64, got {shape!r}")
    if is_tensor_like(shape) and convert_to_tensor(shape).shape.rank == 0:
        raise invalid("reshape", "sizes input must be 1-D, not []")
    target = as_sizes(shape, "reshape")
    if target is None or (x.ir_type.shape is None and -1 in target):
        return _reshape_at_run_time(x, shape, target)
    return p.reshape(x, shape=_resolved(x, target))


def _resolved(x: Tensor, target: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The target shape with its -1 worked out."""
    holes = [k for k, d in enumerate(target) if isinstance(d, int) and d < 0]
    if any(target[k] != -1 for k in holes) or len(holes) > 1:
        raise invalid("reshape", f"shape {list(target)} may hold one -1 and no other negative size")
    if not holes:
        return target
    rest = product(d for d in target if not (isinstance(d, int) and d < 0))
    count = x.ir_type.size
    if rest == 0:
        return _resolved_empty(x, target)
    missing = floordiv(count, rest)
    if isinstance(count, int) and isinstance(rest, int) and count % rest:
        raise invalid(
            "reshape",
            f"Input to reshape is a tensor with {count} values, but the requested shape requires a multiple of {rest}",
        )
    return tuple(missing if k in holes else d for k, d in enumerate(target))


def _resolved_empty(x: Tensor, target: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The target shape of a tensor without elements: what stays after sizes of 0 on both sides are taken away."""
    have, left = list(x.ir_type.dims), [d for d in target if d != -1]
    while 0 in have and 0 in left:
        have.remove(0)
        left.remove(0)
    missing = product(have)
    for d in left:
        missing = floordiv(missing, d) if d != 0 else 0
    return tuple(missing if d == -1 else d for d in target)


def _reshape_at_run_time(x: Tensor, shape: Any, target: tuple[Dim, ...] | None) -> Tensor:
    sizes = index_vector(shape) if isinstance(shape, (list, tuple)) else convert_to_tensor(shape)
    rank = sizes.ir_type.dims[0] if target is None else len(target)
    known = [d if isinstance(d, int) and d >= 0 else None for d in target or ()]
    if isinstance(shape, (list, tuple)):
        found = [as_size(d, "reshape") for d in shape]
        known = [d if isinstance(d, int) and d >= 0 else None for d in found]
    shape_known = None if not isinstance(rank, int) else tuple(known or [None] * rank)
    return p.reshape_to(x, sizes, shape=stated(shape_known))


def expand_dims(input: Any, axis: Any, name: str | None = None) -> Tensor:
    """A new axis of size 1 at `axis`. Follows https://www.tensorflow.org/api_docs/python/tf/expand_dims.

    >>> expand_dims([1, 2], 0).shape
    TensorShape([1, 2])
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.shape
    if dims is None or not is_known(axis):
        shape = None if dims is None else (None,) * (len(dims) + 1)
        return deferred_like(expand_dims, [x, convert_to_tensor(axis)], x, shape)
    k = as_axis(axis, len(dims) + 1, "expand_dims")
    return p.reshape(x, shape=(*dims[:k], 1, *dims[k:]))


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Tensor:
    """Without axes of size 1: all of them, or those given. Raises InvalidArgumentError if one is not of size 1.

    Follows https://www.tensorflow.org/api_docs/python/tf/squeeze.

    >>> squeeze([[[1], [2]]]).shape
    TensorShape([2])
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.dims
    if axis is None or (isinstance(axis, (list, tuple)) and not axis):
        return p.reshape(x, shape=tuple(d for d in dims if d != 1))
    gone = {as_axis(k, len(dims), "squeeze") for k in as_integers(axis, "squeeze")}
    for k in gone:
        if isinstance(dims[k], int) and dims[k] != 1:
            raise invalid("squeeze", f"Can not squeeze dim[{k}], expected a dimension of 1, got {dims[k]}")
    return p.reshape(x, shape=tuple(d for k, d in enumerate(dims) if k not in gone))


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str = "transpose") -> Tensor:
    """The axes in another order, by default reversed. Raises InvalidArgumentError (tracing: ValueError) for a bad
    `perm`.

    Follows https://www.tensorflow.org/api_docs/python/tf/transpose.

    >>> transpose([[1, 2, 3]])
    <tf.Tensor: shape=(3, 1), dtype=int32, numpy=
    array([[1],
           [2],
           [3]], dtype=int32)>
    """
    x = convert_to_tensor(a)
    if x.ir_type.shape is None or not (perm is None or is_known(perm)):
        return _transposed_at_run_time(x, perm, conjugate)
    count = len(x.ir_type.dims)
    if perm is None:
        order = tuple(reversed(range(count)))
    else:
        order = as_integers(perm, "transpose")
        if len(order) != count or any(not -count <= k < count for k in order):
            raise invalid("transpose", f"perm {list(order)} must name each axis of a tensor of shape {x.shape} once")
        order = tuple(k % count for k in order)
        if len(set(order)) != count:
            raise failed("transpose", f"perm {list(order)} must name each axis of a tensor of shape {x.shape} once")
    out = p.transpose(x, perm=order)
    return p.conj(out) if conjugate and x.dtype.is_complex else out


def _transposed_at_run_time(x: Tensor, perm: Any, conjugate: bool) -> Tensor:
    rank = x.shape.rank
    order = [] if perm is None else [convert_to_tensor(perm)]
    shape = None if rank is None else (None,) * rank
    return deferred_like(lambda t, *k: transpose(t, *k, conjugate=conjugate), [x, *order], x, shape)


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """Stretched to a shape. Raises InvalidArgumentError (tracing: ValueError) if it does not fit.

    Follows https://www.tensorflow.org/api_docs/python/tf/broadcast_to.

    >>> broadcast_to([1, 2], [2, 2])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 2],
           [1, 2]], dtype=int32)>
    """
    x = convert_to_tensor(input)
    target = as_sizes(shape, "broadcast_to")
    if target is None:
        return p.broadcast_to(x, convert_to_tensor(shape), shape=stated(_ranked(shape)))
    extra = len(target) - len(x.ir_type.dims)
    if extra < 0:
        raise invalid("broadcast_to", f"cannot broadcast a tensor of shape {x.shape} to {list(target)}")
    if product(d for d in target if isinstance(d, int)) > MOST_ELEMENTS:
        raise failed("broadcast_to", f"Shape {list(target)} would have more than 2**63 - 1 elements")
    dims = (*target[:extra], *(e if d == -1 else d for d, e in zip(target[extra:], x.ir_type.dims)))
    return p.broadcast(x, shape=dims)


def _ranked(shape: Any) -> tuple[None, ...] | None:
    """A shape of which only the number of sizes is known."""
    count = convert_to_tensor(shape).ir_type.dims
    return (None,) * count[0] if len(count) == 1 and isinstance(count[0], int) else None


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The shape that two shapes broadcast to. Raises InvalidArgumentError if they do not.

    Follows https://www.tensorflow.org/api_docs/python/tf/broadcast_dynamic_shape.

    >>> broadcast_dynamic_shape([1, 2, 3], [5, 1, 3])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([5, 2, 3], dtype=int32)>
    """
    x, y = convert_to_tensor(shape_x), convert_to_tensor(shape_y)
    a, b = as_sizes(x, "broadcast_dynamic_shape"), as_sizes(y, "broadcast_dynamic_shape")
    if a is None or b is None:
        return _broadcast_at_run_time(x, y)
    count = max(len(a), len(b))
    pairs = list(zip((1,) * (count - len(a)) + a, (1,) * (count - len(b)) + b))
    for d, e in pairs:
        if d != e and d != 1 and e != 1 and isinstance(d, int) and isinstance(e, int):
            raise invalid("broadcast_dynamic_shape", f"Incompatible shapes: {list(a)} vs. {list(b)}")
    return shape_vector([e if d == 1 else d for d, e in pairs], x.dtype)


def _broadcast_at_run_time(x: Tensor, y: Tensor) -> Tensor:
    count = max(int(t.ir_type.dims[0]) for t in (x, y))
    one = convert_to_tensor(1, x.dtype)
    a, b = (p.pad(t, one, low=(count - int(t.ir_type.dims[0]),), high=(0,)) for t in (x, y))
    fits = p.logical_or(p.eq(a, b), p.logical_or(p.eq(a, one), p.eq(b, one)))
    assert_(fits, x, y, message="broadcast_dynamic_shape: Incompatible shapes:")
    return p.select(p.eq(a, one), b, a)


# ---- joining and splitting -------------------------------------------------------------------------------------------


def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Tensors joined along an axis. Raises InvalidArgumentError (tracing: ValueError) if other sizes differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/concat.

    >>> concat([[1, 2], [3]], 0)
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 3], dtype=int32)>
    """
    parts = same_dtype(values if isinstance(values, (list, tuple)) else [values])
    if not parts:
        raise invalid("concat", "needs at least one tensor")
    ranks = [x.shape.rank for x in parts]
    if None in ranks or (is_tensor_like(axis) and known(axis) is None):
        rank = next((r for r in ranks if r is not None), None)
        shape = None if rank is None else (None,) * rank
        return deferred_like(lambda k, *xs: concat(xs, k), [convert_to_tensor(axis), *parts], parts[0], shape)
    count = len(parts[0].ir_type.dims)
    if not count:
        raise invalid("concat", "Expected tensors of at least one axis, got scalars")
    if len(parts) == 1:  # whose axis may be any
        as_integers(axis, "concat")
        return identity(parts[0])
    return p.concat(*parts, axis=as_axis(axis, count, "concat"))


def same_dtype(values: Sequence[Any]) -> list[Tensor]:
    """Values as tensors; those that are none yet take the dtype of the first tensor."""
    dtype = next((as_dtype(x.dtype) for x in values if is_tensor_like(x)), None)
    out: list[Tensor] = []
    for x in values:
        out.append(convert_to_tensor(x) if is_tensor_like(x) else convert_to_tensor(x, dtype))
        dtype = dtype or out[0].dtype
    return out


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Tensors of one shape joined along a new axis. Raises ValueError for a bad axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/stack.

    >>> stack([[1, 2], [3, 4]], axis=1)
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 3],
           [2, 4]], dtype=int32)>
    """
    parts = same_dtype(unstack(values) if is_tensor_like(values) else list(values))
    if not parts:
        return convert_to_tensor([])
    if any(x.shape.rank is None for x in parts):
        return deferred_like(lambda *xs: stack(xs, axis), parts, parts[0], None)
    dims = parts[0].ir_type.dims
    if not -len(dims) - 1 <= axis < len(dims) + 1:
        raise ValueError(f"Argument `axis` = {axis} not in range [{-len(dims) - 1}, {len(dims) + 1})")
    for x in parts:
        if not x.shape.is_compatible_with(parts[0].shape):
            raise invalid("stack", f"Shapes of all inputs must match: {parts[0].shape} and {x.shape}")
    k = axis % (len(dims) + 1)
    rows = [p.reshape(x, shape=(*x.ir_type.dims[:k], 1, *x.ir_type.dims[k:])) for x in parts]
    return p.concat(*rows, axis=k)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """The pieces along an axis, without it. Raises ValueError if their number is unknown or not `num`.

    Follows https://www.tensorflow.org/api_docs/python/tf/unstack.

    >>> [x.numpy().tolist() for x in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    x = convert_to_tensor(value)
    dims = x.ir_type.dims
    if not -len(dims) <= axis < len(dims):
        raise ValueError(f"Argument `axis` = {axis} not in range [{-len(dims)}, {len(dims)})")
    k = axis % len(dims)
    count = dims[k] if num is None else num
    if not isinstance(count, int):
        raise ValueError(f"Cannot infer argument `num` from shape {x.shape}")
    if isinstance(dims[k], int) and dims[k] != count:
        raise invalid("unstack", f"Input shape axis {k} must equal {count}, got shape {x.shape}")
    shape = dims[:k] + dims[k + 1 :]
    return [p.reshape(between(x, k, i, i + 1), shape=shape) for i in range(count)]


def between(x: Tensor, axis: int, start: Dim, limit: Dim) -> Tensor:
    dims = x.ir_type.dims
    starts = tuple(start if k == axis else 0 for k in range(len(dims)))
    limits = tuple(limit if k == axis else d for k, d in enumerate(dims))
    return p.slice(x, starts=starts, limits=limits, strides=(1,) * len(dims))


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str = "split"
) -> list[Tensor]:
    """Cut along an axis into a number of equal pieces, or pieces of given sizes (one may be -1: what is left).

    Raises InvalidArgumentError (tracing: ValueError) if it does not come out even.
    Follows https://www.tensorflow.org/api_docs/python/tf/split.

    >>> [x.numpy().tolist() for x in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    x = convert_to_tensor(value)
    open_sizes = is_tensor_like(num_or_size_splits) and as_sizes(num_or_size_splits, "split") is None
    if x.shape.rank is None or open_sizes or not is_known(axis):
        return _split_at_run_time(x, num_or_size_splits, axis, num)
    dims = x.ir_type.dims
    k = as_axis(axis, len(dims), "split")
    if isinstance(num_or_size_splits, int) or (
        is_tensor_like(num_or_size_splits) and num_or_size_splits.shape.rank == 0
    ):
        widths = _equal_widths(dims[k], as_integers(num_or_size_splits, "split")[0])
    else:
        widths = _given_widths(dims[k], as_sizes(num_or_size_splits, "split"))
    pieces, start = [], 0
    for width in widths:
        pieces.append(between(x, k, start, start + width))
        start = start + width
    return pieces


def _split_at_run_time(x: Tensor, sizes: Any, axis: Any, num: int | None) -> list[Tensor]:
    """Pieces of which only their number is known."""
    widths, given = convert_to_tensor(sizes), known(convert_to_tensor(sizes))
    count = num if num is not None else widths.shape[0] if widths.shape.rank == 1 else None
    if count is None and given is not None:
        count = given.item()
    if not isinstance(count, int):
        raise ValueError(f"Cannot infer argument `num` from shape {sizes}")
    shape = None if x.shape.rank is None else (None,) * x.shape.rank
    operands = [x, widths, convert_to_tensor(axis)]
    return deferred(lambda t, w, k: split(t, w, k), operands, [x.dtype] * count, [shape] * count)


def _equal_widths(size: Dim, count: int) -> list[Dim]:
    if count <= 0:
        raise invalid("split", f"Number of ways to split should be > 0, but got {count}")
    if isinstance(size, int) and size % count:
        raise invalid("split", f"Dimension size, {size}, must be evenly divisible by {count}")
    return [floordiv(size, count)] * count


def _given_widths(size: Dim, given: tuple[Dim, ...] | None) -> list[Dim]:
    if given is None:
        raise UnknownShapeError("the sizes of split's pieces must be known while the function is traced")
    rest = size - sum((d for d in given if d != -1), 0)
    widths = [rest if isinstance(d, int) and d == -1 else d for d in given]
    if list(given).count(-1) > 1 or any(isinstance(d, int) and d < 0 for d in widths):
        raise invalid("split", f"sizes {list(given)} do not fit an axis of size {size}")
    total = sum(widths, 0)
    if isinstance(total, int) and isinstance(size, int) and total != size:
        raise invalid("split", f"sizes {list(given)} do not add up to the axis's size {size}")
    return widths


# ---- repetition, padding, order --------------------------------------------------------------------------------------


def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """Repeated as a whole along each axis. Raises InvalidArgumentError unless there is one number for each axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/tile.

    >>> tile([1, 2], [2])
    <tf.Tensor: shape=(4,), dtype=int32, numpy=array([1, 2, 1, 2], dtype=int32)>
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.dims
    if convert_to_tensor(multiples).shape.rank not in (1, None):
        raise invalid("tile", f"Expected multiples to be 1-D, got {multiples!r}")
    counts = as_sizes(multiples, "tile")
    if counts is None:
        return p.tile(x, convert_to_tensor(multiples), shape=stated((None,) * len(dims)))
    if len(counts) != len(dims) or any(isinstance(m, int) and m < 0 for m in counts):
        raise invalid(
            "tile", f"Expected multiples argument to be a vector of length {len(dims)} but got {list(counts)}"
        )
    split_shape = tuple(e for d in dims for e in (1, d))
    stretched = tuple(e for d, m in zip(dims, counts) for e in (m, d))
    wide = p.broadcast(p.reshape(x, shape=split_shape), shape=stretched)
    return p.reshape(wide, shape=tuple(d * m for d, m in zip(dims, counts)))


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """The elements along axes in reverse order. Follows https://www.tensorflow.org/api_docs/python/tf/reverse.

    >>> reverse([1, 2, 3], [0])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([3, 2, 1], dtype=int32)>
    """
    x = convert_to_tensor(tensor)
    if not is_tensor_like(axis) and not isinstance(axis, (list, tuple)):
        raise invalid("reverse", f"'dims' must be 1-dimension, got {axis!r}")
    if x.ir_type.shape is None or not is_known(axis):
        return deferred_like(reverse, [x, convert_to_tensor(axis)], x, x.shape.as_tuple())
    axes = [as_axis(k, len(x.ir_type.dims), "reverse") for k in as_integers(axis, "reverse")]
    if len(set(axes)) < len(axes):
        raise invalid("reverse", f"axis {axes} specified more than once")
    return p.reverse(x, axes=tuple(axes))


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Tensor:
    """The elements moved along axes, those pushed out coming in at the other end.

    Follows https://www.tensorflow.org/api_docs/python/tf/roll.

    >>> roll([1, 2, 3], 1, 0)
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([3, 1, 2], dtype=int32)>
    """
    x = convert_to_tensor(input)
    if not is_known(shift) or not is_known(axis):
        return deferred_like(roll, [x, convert_to_tensor(shift), convert_to_tensor(axis)], x, x.shape.as_tuple())
    shifts, axes = as_integers(shift, "roll"), as_integers(axis, "roll")
    if not len(x.ir_type.dims):
        raise invalid("roll", "input must be 1-D or higher")
    if len(shifts) != len(axes):
        raise invalid("roll", f"shift and axis must have the same size, got {list(shifts)} and {list(axes)}")
    for by, k in zip(shifts, axes):
        k = as_axis(k, len(x.ir_type.dims), "roll", late=True)
        x = _rolled(x, by, k)
    return x


def _rolled(x: Tensor, by: int, axis: int) -> Tensor:
    size = x.ir_type.dims[axis]
    if not isinstance(size, int):
        length = p.reshape(shape_vector((size,), dt.int64), shape=())
        places = p.sub(p.iota(shape=(size,), axis=0, dtype=dt.int64), convert_to_tensor(by, dt.int64))
        return p.gather(x, p.floormod(places, length), axis=axis, batch_dims=0)
    cut = size - by % size if size else 0
    if cut == size or not size:
        return identity(x)
    return p.concat(between(x, axis, cut, size), between(x, axis, 0, cut), axis=axis)


def reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = None, name: str | None = None
) -> Tensor:
    """In row i of `batch_axis`, the first seq_lengths[i] elements along `seq_axis` in reverse order.

    Follows https://www.tensorflow.org/api_docs/python/tf/reverse_sequence.

    >>> reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1)
    <tf.Tensor: shape=(2, 3), dtype=int32, numpy=
    array([[2, 1, 3],
           [6, 5, 4]], dtype=int32)>
    """
    x, lengths = convert_to_tensor(input), convert_to_tensor(seq_lengths)
    rank_of = len(x.ir_type.dims)
    seq, batch = as_axis(seq_axis, rank_of, "reverse_sequence"), as_axis(batch_axis or 0, rank_of, "reverse_sequence")
    dims = x.ir_type.dims
    flat = p.transpose(x, perm=(batch, seq, *(k for k in range(rank_of) if k not in (batch, seq))))
    at = p.iota(shape=(dims[batch], dims[seq]), axis=1, dtype=dt.int64)
    ends = p.reshape(p.cast(lengths, dtype=dt.int64), shape=(dims[batch], 1))
    mirrored = p.sub(p.sub(ends, at), convert_to_tensor(1, dt.int64))
    out = p.gather(flat, p.select(p.lt(at, ends), mirrored, at), axis=1, batch_dims=1)
    order = (batch, seq, *(k for k in range(rank_of) if k not in (batch, seq)))
    return p.transpose(out, perm=tuple(order.index(k) for k in range(rank_of)))


def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Tensor:
    """Each element along an axis repeated; without an axis, of the flattened tensor.

    Follows https://www.tensorflow.org/api_docs/python/tf/repeat.

    >>> repeat([1, 2], 2)
    <tf.Tensor: shape=(4,), dtype=int32, numpy=array([1, 1, 2, 2], dtype=int32)>
    """
    x = convert_to_tensor(input)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    if isinstance(axis, int) and not -len(x.ir_type.dims) <= axis < len(x.ir_type.dims):
        raise ValueError(f"axis={axis} out of bounds: expected -{x.shape.rank}<=axis<{x.shape.rank}")
    k = as_axis(axis, len(x.ir_type.dims), "repeat")
    counts = convert_to_tensor(repeats)
    scalar = as_size(counts, "repeat") if counts.shape.rank == 0 or counts.shape.num_elements() == 1 else None
    if scalar is None:
        found = as_sizes(counts, "repeat")
        if found is None or not all(isinstance(d, int) for d in found):
            positions = p.repeated(counts, shape=stated((None,)))
        else:
            positions = convert_to_tensor([i for i, n in enumerate(found) for _ in range(n)], dt.int64)
            if len(found) != x.ir_type.dims[k]:
                kind = ValueError if isinstance(x.ir_type.dims[k], int) else UnknownSizeError
                raise kind(f"Dimensions {x.ir_type.dims[k]} and {len(found)} are not compatible")
        return p.gather(x, positions, axis=k, batch_dims=0)
    dims = x.ir_type.dims
    wide = p.broadcast(
        p.reshape(x, shape=(*dims[: k + 1], 1, *dims[k + 1 :])), shape=(*dims[: k + 1], scalar, *dims[k + 1 :])
    )
    return p.reshape(wide, shape=(*dims[:k], dims[k] * scalar, *dims[k + 1 :]))


def meshgrid(*args: Any, **kwargs: Any) -> list[Tensor]:
    """Coordinate tensors of a grid. Keywords: `indexing` ("xy" or "ij").

    Follows https://www.tensorflow.org/api_docs/python/tf/meshgrid.

    >>> [x.numpy().tolist() for x in meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    indexing = kwargs.pop("indexing", "xy")
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Argument `indexing` parameter must be either 'xy' or 'ij', got '{indexing}'")
    xs = [reshape(x, [-1]) for x in args]
    place = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        place[:2] = 1, 0
    sizes: list[Dim] = [1] * len(xs)
    for x, k in zip(xs, place):
        sizes[k] = x.ir_type.dims[0]
    along = [tuple(sizes[k] if j == k else 1 for j in range(len(xs))) for k in place]
    return [p.broadcast(p.reshape(x, shape=s), shape=tuple(sizes)) for x, s in zip(xs, along)]

