"""Norms of vectors and matrices.

Invariant: with one axis (or none) a vector norm, with two a matrix norm. Entry points: `norm`, `normalize`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.reduce import reduce_max, reduce_sum
from graphtf.convert import convert_to_tensor
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.sizes import as_axes
from graphtf.tensor import Tensor

_MATRIX = ("euclidean", "fro", 1, 2, np.inf)


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool | None = None, name: str | None = None
) -> Tensor:
    """The norm of all elements, of vectors along an axis, or of matrices along two.

    `ord` is "euclidean", 1, 2, np.inf, or for vectors any positive number, for matrices also "fro". Raises ValueError
    for another. Follows https://www.tensorflow.org/api_docs/python/tf/norm.

    >>> norm([3., 4.])
    <tf.Tensor: shape=(), dtype=float32, numpy=5.0>
    """
    matrix = isinstance(axis, (tuple, list, np.ndarray)) and len(axis) == 2
    if matrix:
        axis = tuple(int(k) for k in axis)
        if axis[0] == axis[1]:
            raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
        if ord not in _MATRIX:
            raise ValueError(f"'ord' must be a supported matrix norm in ['euclidean', 'fro', 1, 2, inf], got {ord}")
    elif isinstance(axis, (tuple, list)):
        raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
    elif ord == "fro" or (isinstance(ord, str) and ord != "euclidean") or (not isinstance(ord, str) and ord <= 0):
        raise ValueError(f"'ord' must be a supported vector norm, got {ord}")
    x = convert_to_tensor(tensor)
    if ord in ("euclidean", "fro") or (ord == 2 and not matrix):
        out = _euclidean(x, axis)
    elif matrix and ord == 2:
        return _spectral(x, axis, bool(keepdims))
    else:
        out = _other(x, ord, axis, matrix)
    if keepdims:
        return out
    axes = as_axes(axis, len(x.ir_type.dims), "norm")
    return p.reshape(out, shape=tuple(d for k, d in enumerate(out.ir_type.dims) if k not in axes))


def _euclidean(x: Tensor, axis: Any) -> Tensor:
    squares = p.mul(x, p.conj(x)) if x.dtype.is_complex else p.mul(x, x)
    return p.sqrt(reduce_sum(squares, axis, keepdims=True))


def _other(x: Tensor, order: Any, axis: Any, matrix: bool) -> Tensor:
    size = p.abs(x)
    if order == 1:
        total = reduce_sum(size, axis[0] if matrix else axis, keepdims=True)
        return reduce_max(total, axis[-1], keepdims=True) if matrix else total
    if order == np.inf:
        total = reduce_sum(size, axis[1], keepdims=True) if matrix else size
        return reduce_max(total, axis[0] if matrix else axis, keepdims=True)
    power = p.pow(size, scalar_like(size, order))
    total = reduce_sum(power, axis, keepdims=True)
    return p.pow(total, scalar_like(total, 1.0 / order))


def _spectral(x: Tensor, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    """The largest singular value."""
    rank = len(x.ir_type.dims)
    rows, columns = (k % rank for k in axis)
    moved = p.transpose(x, perm=(*(k for k in range(rank) if k not in (rows, columns)), rows, columns))
    (s,) = p.svd(moved, full_matrices=False, compute_uv=False)
    top = p.reduce_max(s, axes=(len(s.ir_type.dims) - 1,))
    top = top if top.dtype is x.dtype else p.cast(top, dtype=x.dtype)
    if not keepdims:
        return top
    return p.reshape(top, shape=tuple(1 if k in (rows, columns) else d for k, d in enumerate(x.ir_type.dims)))


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The tensor divided by its norm, and that norm. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/normalize.

    >>> normalize([3., 4.])[0]
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.6, 0.8], dtype=float32)>
    """
    x = convert_to_tensor(tensor)
    size = norm(x, ord, axis, keepdims=True)
    size = size if size.dtype is x.dtype else p.cast(size, dtype=x.dtype)
    return p.div(x, size), size
