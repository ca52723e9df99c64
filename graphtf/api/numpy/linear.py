"""Products in `tf.experimental.numpy`: dot, matmul, kron, einsum; and polynomials.

Invariant: operands are promoted as NumPy promotes them. Functions follow
https://www.tensorflow.org/api_docs/python/tf/experimental/numpy. Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import einsum as sums
from graphtf.api import linalg, safe, shaping
from graphtf.api.linalg_parts import cross as cross_of_3
from graphtf.api.numpy.arrays import asarray, promoted
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor

Array = Tensor


def matmul(x1: Any, x2: Any) -> Array:
    """The matrix product; vectors count as rows or columns."""
    a, b = promoted(x1, x2)
    ranks = len(a.ir_type.dims), len(b.ir_type.dims)
    if 0 in ranks:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    if ranks == (1, 1):
        return p.reduce_sum(p.mul(a, b), axes=(0,))
    if ranks[1] == 1:
        return linalg.matvec(a, b)
    if ranks[0] == 1:
        row = linalg.matmul(p.reshape(a, shape=(1, *a.ir_type.dims)), b)
        return p.reshape(row, shape=(*row.ir_type.dims[:-2], row.ir_type.dims[-1]))
    return linalg.matmul(a, b)


def dot(a: Any, b: Any) -> Array:
    """The sum of products over the last axis of a and the last but one of b."""
    x, y = promoted(a, b)
    ranks = len(x.ir_type.dims), len(y.ir_type.dims)
    if 0 in ranks:
        return p.mul(x, y)
    return sums.tensordot(x, y, [[ranks[0] - 1], [max(ranks[1] - 2, 0)]])


def inner(a: Any, b: Any) -> Array:
    """The sum of products over the last axes."""
    x, y = promoted(a, b)
    if not x.ir_type.dims or not y.ir_type.dims:
        return p.mul(x, y)
    return sums.tensordot(x, y, [[-1], [-1]])


def outer(a: Any, b: Any) -> Array:
    """All products of two flattened arrays."""
    x, y = (shaping.reshape(t, [-1]) for t in promoted(a, b))
    return p.mul(p.reshape(x, shape=(*x.ir_type.dims, 1)), p.reshape(y, shape=(1, *y.ir_type.dims)))


def vdot(a: Any, b: Any) -> Array:
    """The sum of products of two flattened arrays, the first conjugated."""
    x, y = (shaping.reshape(t, [-1]) for t in promoted(a, b))
    return p.reduce_sum(p.mul(p.conj(x) if x.dtype.is_complex else x, y), axes=(0,))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Array:
    return sums.tensordot(*promoted(a, b), axes)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Array:
    kwargs.pop("optimize", None)
    for key in ("casting", "order"):
        kwargs.pop(key, None)
    return sums.einsum(subscripts, *promoted(*operands), **kwargs)


def kron(a: Any, b: Any) -> Array:
    """The Kronecker product."""
    x, y = promoted(a, b)
    rank = max(len(x.ir_type.dims), len(y.ir_type.dims))
    left, right = ((*(1,) * (rank - len(t.ir_type.dims)), *t.ir_type.dims) for t in (x, y))
    wide = p.mul(
        p.reshape(x, shape=tuple(e for d in left for e in (d, 1))),
        p.reshape(y, shape=tuple(e for d in right for e in (1, d))),
    )
    return p.reshape(wide, shape=tuple(d * e for d, e in zip(left, right)))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross product of vectors of two or three."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = promoted(a, b)
    x, y = (_last(t, k) for t, k in ((x, axisa), (y, axisb)))
    flat = x.shape[-1] == 2 and y.shape[-1] == 2
    x, y = (_three(t) for t in (x, y))
    shape = shaping.broadcast_dynamic_shape(shaping.shape(x), shaping.shape(y))
    found = cross_of_3(shaping.broadcast_to(x, shape), shaping.broadcast_to(y, shape))
    if flat:
        return shaping.split(found, [2, 1], -1)[1][..., 0]  # type: ignore[index]
    return _moved(found, axisc)


def _last(x: Tensor, axis: int) -> Tensor:
    rank = len(x.ir_type.dims)
    k = axis % rank
    return p.transpose(x, perm=(*(j for j in range(rank) if j != k), k))


def _moved(x: Tensor, axis: int) -> Tensor:
    rank = len(x.ir_type.dims)
    order = list(range(rank - 1))
    order.insert(axis % rank, rank - 1)
    return p.transpose(x, perm=tuple(order))


def _three(x: Tensor) -> Tensor:
    if x.shape[-1] not in (2, 3):
        raise ValueError(f"cross: incompatible dimensions (dimension must be 2 or 3, got {x.shape[-1]})")
    if x.shape[-1] == 3:
        return x
    zeros = (0,) * (len(x.ir_type.dims) - 1)
    return p.pad(x, asarray(0, x.dtype), low=(*zeros, 0), high=(*zeros, 1))


def polyval(coefficients: Any, x: Any) -> Array:
    """The polynomial with coefficients, the highest power first, at x."""
    first, at = promoted(coefficients, x)
    return safe.polyval(shaping.unstack(first), at)
