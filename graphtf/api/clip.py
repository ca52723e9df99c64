"""Clipping: of each value, of the norm of a tensor, of the norm of several.

Invariant: what lies inside the bounds stays as it is, to the bit. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred_like
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.ops.reduce import kept
from graphtf.sizes import as_axes
from graphtf.tensor import Tensor


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """Values below the least or above the most become that; bounds broadcast to the shape of t, and NaN stays.

    Raises TypeError for bounds that do not fit the dtype, InvalidArgumentError (tracing: ValueError) for shapes that do
    not broadcast. Follows https://www.tensorflow.org/api_docs/python/tf/clip_by_value.

    >>> clip_by_value([-2., 0.5, 7.], 0., 1.)
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([0. , 0.5, 1. ], dtype=float32)>
    """
    if isinstance(t, IndexedSlices):
        clipped = clip_by_value(t.values, clip_value_min, clip_value_max)
        return IndexedSlices(clipped, t.indices, t.dense_shape)
    x = convert_to_tensor(t)
    low, high = (
        convert_to_tensor(v, None if is_tensor_like(v) else x.dtype) for v in (clip_value_min, clip_value_max)
    )
    below = p.minimum(x, high)
    if not below.shape.is_compatible_with(x.shape):
        raise ValueError(f"Shapes {x.shape} and {below.shape} are incompatible")
    out = p.maximum(below, low)
    if not out.shape.is_compatible_with(x.shape):
        raise ValueError(f"Shapes {x.shape} and {out.shape} are incompatible")
    return out


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """t scaled down so that its norm (or that along `axes`) is at most `clip_norm`, below 0 taken as 0.

    Follows https://www.tensorflow.org/api_docs/python/tf/clip_by_norm.

    >>> clip_by_norm([3., 4.], 1.)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.6, 0.8], dtype=float32)>
    """
    if isinstance(t, IndexedSlices):
        return IndexedSlices(clip_by_norm(t.values, clip_norm, axes), t.indices, t.dense_shape)
    x = convert_to_tensor(t)
    limit = convert_to_tensor(clip_norm, None if is_tensor_like(clip_norm) else x.dtype)
    if x.ir_type.shape is None:
        return deferred_like(lambda a, b: clip_by_norm(a, b, axes), [x, limit], x, None)
    limit = p.maximum(limit, scalar_like(limit, 0))
    over = as_axes(axes, len(x.ir_type.dims), "clip_by_norm")
    squares = p.reshape(p.reduce_sum(p.mul(x, x), axes=over), shape=kept(x.ir_type.dims, over))
    some = p.gt(squares, scalar_like(squares, 0))
    norm = p.select(some, p.sqrt(p.select(some, squares, scalar_like(squares, 1))), squares)
    return p.div(p.mul(x, limit), p.maximum(norm, limit))


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The norm of all elements of several tensors; None counts as nothing. Raises TypeError unless they are a sequence.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/global_norm.

    >>> global_norm([[3.], None, [4.]])
    <tf.Tensor: shape=(), dtype=float32, numpy=5.0>
    """
    if not isinstance(t_list, Sequence) or isinstance(t_list, str):
        raise TypeError(f"`t_list` should be a sequence of tensors. Received {type(t_list)}.")
    squares = [_squares(x) for x in t_list if x is not None]
    total = squares[0]
    for s in squares[1:]:
        total = p.add(total, s)
    return p.sqrt(total)


def _squares(t: Any) -> Tensor:
    x = convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t)
    return p.reduce_sum(p.mul(x, x), axes=tuple(range(len(x.ir_type.dims))))


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None) -> Any:
    """Tensors scaled down together so that their norm is at most `clip_norm`; and the norm before.

    NaN if that norm is not finite. Raises TypeError unless they are a sequence. Follows
    https://www.tensorflow.org/api_docs/python/tf/clip_by_global_norm.

    >>> clip_by_global_norm([[3.], [4.]], 1.)[1]
    <tf.Tensor: shape=(), dtype=float32, numpy=5.0>
    """
    norm = global_norm(t_list) if use_norm is None else convert_to_tensor(use_norm)
    limit = convert_to_tensor(clip_norm, None if is_tensor_like(clip_norm) else norm.dtype)
    one = scalar_like(norm, 1)
    scale = p.mul(limit, p.minimum(p.div(one, norm), p.div(one, limit)))
    scale = p.add(scale, p.sub(norm, norm))  # no finite norm, no result
    return [_scaled(x, scale) for x in t_list], norm


def _scaled(t: Any, scale: Tensor) -> Any:
    if t is None:
        return None
    if isinstance(t, IndexedSlices):
        return IndexedSlices(_scaled(t.values, scale), t.indices, t.dense_shape)
    x = convert_to_tensor(t)
    return p.mul(x, scale if x.dtype is scale.dtype else p.cast(scale, dtype=x.dtype))
