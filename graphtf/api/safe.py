"""Products, quotients and powers that are 0 where a factor is 0, polynomials, and neighbours of floats.

Invariant: values left out of a result are left out of its gradient too. Entry points: the `tf.math` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor


def _zero_where_zero(x: Tensor, y: Tensor, spared: int, function: Any) -> Tensor:
    """function(x, y), but 0 where x is 0, whatever y is there."""
    zero = p.eq(x, scalar_like(x, 0))
    safe = p.select(zero, scalar_like(y, spared), y)
    return p.select(zero, scalar_like(x, 0), function(x, safe))


def xdivy(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, 0 where x is 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/xdivy.

    >>> xdivy([1., 0.], [2., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5, 0. ], dtype=float32)>
    """
    return _zero_where_zero(*convert_pair(x, y), 1, p.div)


def xlogy(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x · log y, 0 where x is 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/xlogy.

    >>> xlogy([1., 0.], [1., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 0.], dtype=float32)>
    """
    return _zero_where_zero(*convert_pair(x, y), 1, lambda a, b: p.mul(a, p.log(b)))


def xlog1py(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x · log(1 + y), 0 where x is 0. Follows https://www.tensorflow.org/api_docs/python/tf/math/xlog1py.

    >>> xlog1py([1., 0.], [0., -1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 0.], dtype=float32)>
    """
    return _zero_where_zero(*convert_pair(x, y), 0, lambda a, b: p.mul(a, p.log1p(b)))


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Tensor:
    """x times a scalar. Raises ValueError for a scalar that is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/scalar_mul.

    >>> scalar_mul(2., [1., 2.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([2., 4.], dtype=float32)>
    """
    tensor = convert_to_tensor(x)
    factor = convert_to_tensor(scalar, tensor.dtype)
    if factor.shape.rank not in (0, None):
        raise ValueError(f"The input scalar must be a 0-D value. Received shape {factor.shape}.")
    return p.mul(factor, tensor)


def nextafter(x1: Any, x2: Any, name: str | None = None) -> Tensor:
    """The float next to x1 in the direction of x2.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/nextafter.

    >>> nextafter([0.], [1.])
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.e-45], dtype=float32)>
    """
    return p.nextafter(*convert_pair(x1, x2))


def polyval(coeffs: Any, x: Any, name: str | None = None) -> Tensor:
    """The polynomial with coefficients `coeffs`, the highest power first, at x. Raises ValueError unless they are a
    list.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/polyval.

    >>> polyval([1., 0., 3.], 2.)
    <tf.Tensor: shape=(), dtype=float32, numpy=7.0>
    """
    if not isinstance(coeffs, list):
        raise ValueError(f"Argument coeffs must be list type. Received type {type(coeffs)}.")
    at = convert_to_tensor(x)
    terms = [convert_to_tensor(c) for c in coeffs]
    if not terms:
        return p.broadcast(scalar_like(at, 0), shape=at.ir_type.dims)
    total = terms[0]
    for term in terms[1:]:
        total = p.add(term, p.mul(total, at))
    return total
