"""Arithmetic of tensors: sums, products, quotients, powers, extrema.

Invariant: operands broadcast and have one dtype; a Python or NumPy operand takes the other's dtype. Entry points: the
`tf.math` functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.tensor import EagerTensor, Tensor

# What integers become when they are divided.
_QUOTIENT = {
    dt.uint8: dt.float32, dt.int8: dt.float32, dt.uint16: dt.float32, dt.int16: dt.float32, dt.uint32: dt.float64,
    dt.int32: dt.float64, dt.uint64: dt.float64, dt.int64: dt.float64,
}  # fmt: skip


def _refuse_unsigned(name: str, x: Tensor) -> None:
    if x.dtype.is_unsigned:
        raise wrong_dtype(name, f"dtype {x.dtype.name} is not allowed, expected a signed one")


def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x + y, elementwise with broadcasting; strings are joined.

    Raises InvalidArgumentError (while tracing TypeError, ValueError) where dtypes differ or shapes do not broadcast.
    Follows https://www.tensorflow.org/api_docs/python/tf/math/add.

    >>> add([1, 2], 10)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([11, 12], dtype=int32)>
    """
    if type(x) is not EagerTensor or type(y) is not EagerTensor:
        x, y = convert_pair(x, y, hint_only=True)
    if x.dtype is dt.string and y.dtype is dt.string:
        from graphtf.api.strings import join  # only string programs load it

        return join([x, y])
    return p.add(x, y)


def subtract(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x - y, elementwise with broadcasting. Errors as `add`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/subtract.

    >>> subtract([1., 2.], 0.5)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5, 1.5], dtype=float32)>
    """
    if type(x) is not EagerTensor or type(y) is not EagerTensor:
        x, y = convert_pair(x, y)
    return p.sub(x, y)


def multiply(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x · y, elementwise with broadcasting. Errors as `add`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/multiply.

    >>> multiply([1, 2], [3, 4])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([3, 8], dtype=int32)>
    """
    if type(x) is not EagerTensor or type(y) is not EagerTensor:
        x, y = convert_pair(x, y)
    return p.mul(x, y)


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as Python 3 divides: integers become floats first. Raises TypeError where dtypes differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/truediv.

    >>> truediv([1, 2], 2)
    <tf.Tensor: shape=(2,), dtype=float64, numpy=array([0.5, 1. ])>
    """
    x, y = convert_pair(x, y, hint_only=True)
    if x.dtype is not y.dtype:
        raise TypeError(f"`x` and `y` must have the same dtype, got {x.dtype!r} != {y.dtype!r}.")
    if x.dtype in _QUOTIENT:
        target = _QUOTIENT[x.dtype]
        x, y = p.cast(x, dtype=target), p.cast(y, dtype=target)
    elif not x.dtype.is_inexact:
        raise TypeError(f"Invalid dtype {x.dtype!r} in __truediv__. Expected a number.")
    return p.div(x, y)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, as `truediv`.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/divide.

    >>> divide(3., 2.)
    <tf.Tensor: shape=(), dtype=float32, numpy=1.5>
    """
    if not is_tensor_like(x):
        x = convert_to_tensor(x, y.dtype if is_tensor_like(y) else None)
    return truediv(x, y)


def realdiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y for floating and complex numbers.

    Follows https://www.tensorflow.org/api_docs/python/tf/realdiv.

    >>> realdiv([1., 3.], 2.)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5, 1.5], dtype=float32)>
    """
    return p.div(*convert_pair(x, y))


def div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, 0 where y is 0; of integers as `truediv`. Raises TypeError for what is no number.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/divide_no_nan.

    >>> div_no_nan([3., 1.], [2., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1.5, 0. ], dtype=float32)>
    """
    x, y = convert_pair(x, y)
    if x.dtype is not y.dtype:
        raise TypeError(f"`x` and `y` must have the same dtype, got {x.dtype!r} != {y.dtype!r}.")
    if not x.dtype.is_numeric:
        raise TypeError(f"Invalid dtype {x.dtype!r} in tf.math.divide_no_nan. Expected a number.")
    if x.dtype in _QUOTIENT:
        x, y = p.cast(x, dtype=_QUOTIENT[x.dtype]), p.cast(y, dtype=_QUOTIENT[x.dtype])
    zero = p.eq(y, scalar_like(y, 0))
    quotient = p.div(x, p.select(zero, scalar_like(y, 1), y))
    return p.select(zero, scalar_like(x, 0), quotient)


def multiply_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x · y, 0 where y is 0 even if x is infinite or NaN.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/multiply_no_nan.

    >>> multiply_no_nan([3., float("inf")], [2., 0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([6., 0.], dtype=float32)>
    """
    x = convert_to_tensor(x)
    y = convert_to_tensor(y, x.dtype)
    if not x.dtype.is_inexact:
        raise wrong_dtype("multiply_no_nan", f"dtype {x.dtype.name} is not allowed, expected a floating or complex one")
    zero = p.eq(y, scalar_like(y, 0))
    return p.select(zero, scalar_like(x, 0), p.mul(x, y))


def floordiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """⌊x / y⌋. Raises InvalidArgumentError for an integer division by zero.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/floordiv.

    >>> floordiv([7, -7], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 3, -4], dtype=int32)>
    """
    return p.floordiv(*convert_pair(x, y))


def floormod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The remainder of ⌊x / y⌋, with the sign of y. Raises InvalidArgumentError for an integer division by zero.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/floormod.

    >>> floormod([7, -7], 4)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([3, 1], dtype=int32)>
    """
    return p.floormod(*convert_pair(x, y))


def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y rounded towards zero. Follows https://www.tensorflow.org/api_docs/python/tf/truncatediv.

    >>> truncatediv([7, -7], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 3, -3], dtype=int32)>
    """
    return p.truncdiv(*convert_pair(x, y))


def truncatemod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The remainder of `truncatediv`. Follows https://www.tensorflow.org/api_docs/python/tf/truncatemod.

    >>> truncatemod([7, -7], 4)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 3, -3], dtype=int32)>
    """
    return p.truncmod(*convert_pair(x, y))


def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y. Raises InvalidArgumentError for integers to negative powers.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/pow.

    >>> pow([2, 3], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([4, 9], dtype=int32)>
    """
    x, y = convert_pair(x, y)
    _refuse_unsigned("pow", x)
    return p.pow(x, y)


def maximum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The larger of x and y; NaN if either is. Follows https://www.tensorflow.org/api_docs/python/tf/math/maximum.

    >>> maximum([1, 5], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([3, 5], dtype=int32)>
    """
    return p.maximum(*convert_pair(x, y))


def minimum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The smaller of x and y; NaN if either is. Follows https://www.tensorflow.org/api_docs/python/tf/math/minimum.

    >>> minimum([1, 5], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 3], dtype=int32)>
    """
    return p.minimum(*convert_pair(x, y))


def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """(x - y)(x - y)*. Follows https://www.tensorflow.org/api_docs/python/tf/math/squared_difference.

    >>> squared_difference([1., 5.], 3.)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([4., 4.], dtype=float32)>
    """
    x, y = convert_pair(x, y)
    if not (x.dtype.is_inexact or x.dtype in (dt.int32, dt.int64)):
        raise wrong_dtype("squared_difference", f"dtype {x.dtype.name} is not allowed")
    d = p.sub(x, y)
    return p.mul(p.conj(d), d) if d.dtype.is_complex else p.mul(d, d)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape and dtype. Raises ValueError if there is none, InvalidArgumentError if they
    differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/add_n.

    >>> add_n([[1, 2], [3, 4], [5, 6]])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 9, 12], dtype=int32)>
    """
    if isinstance(inputs, EagerTensor):
        inputs = list(inputs)
    if not isinstance(inputs, Sequence) or not inputs:
        raise ValueError(
            "Inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape."
        )
    first, *rest = [convert_to_tensor(x) for x in inputs]
    total = first
    for x in rest:
        if not x.shape.is_compatible_with(first.shape):
            raise invalid("add_n", f"shapes {first.shape} and {x.shape} differ")
        total = p.add(total, x)
    return total


def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Tensor:
    """`add_n`, whose inputs must have the shape and dtype given.

    Follows https://www.tensorflow.org/api_docs/python/tf/math/accumulate_n.

    >>> accumulate_n([[1, 2], [3, 4]])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([4, 6], dtype=int32)>
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape.")
    tensors = [convert_to_tensor(x) for x in inputs]
    if any(x.dtype is not tensors[0].dtype for x in tensors):
        raise ValueError(f"inputs must be of one dtype, got {[x.dtype.name for x in tensors]}")
    if any(not x.shape.is_compatible_with(shape if shape is not None else tensors[0].shape) for x in tensors):
        raise ValueError(f"inputs must be of one shape, got {[str(x.shape) for x in tensors]}")
    if tensor_dtype is not None and tensors[0].dtype != tensor_dtype:
        raise TypeError(f"tensor_dtype is {tensor_dtype}, but the inputs are {tensors[0].dtype.name}")
    return add_n(tensors)
