"""Comparison, logic and bits of tensors.

Invariant: operands broadcast and have one dtype. Entry points: the `tf.math`, `tf.bitwise` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import Violation
from graphtf.ir.ops.prims import p
from graphtf.refusal import wrong_dtype
from graphtf.tensor import Tensor
from graphtf.tensor_shape import broadcast_static_shape


def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x = y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/equal.

    >>> equal([1, 2], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.eq(*convert_pair(x, y))


def not_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x ≠ y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/not_equal.

    >>> not_equal([1, 2], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.ne(*convert_pair(x, y))


def _booleans(*values: Any) -> list[Tensor]:
    """Operands of logic: what is no tensor must be true or false. Raises TypeError for Python numbers."""
    return [convert_to_tensor(x, None if is_tensor_like(x) else dt.bool_) for x in values]


def _differ_in_shape(x: Tensor, y: Tensor) -> bool:
    try:
        broadcast_static_shape(x.shape, y.shape)
    except ValueError:
        return True
    return False


def tensor_equals(x: Any, y: Any) -> Any:
    """What `x == y` means for tensors: elementwise; False where the shapes do not broadcast or y is None."""
    if y is None:
        return False
    x, y = convert_pair(x, y)
    return convert_to_tensor(False) if _differ_in_shape(x, y) else p.eq(x, y)


def tensor_not_equals(x: Any, y: Any) -> Any:
    """What `x != y` means for tensors: elementwise; True where the shapes do not broadcast or y is None."""
    if y is None:
        return True
    x, y = convert_pair(x, y)
    return convert_to_tensor(True) if _differ_in_shape(x, y) else p.ne(x, y)


def less(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x < y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/less.

    >>> less([1, 2], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.lt(*convert_pair(x, y, promotes=False))


def less_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x ≤ y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/less_equal.

    >>> less_equal([1, 3], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.le(*convert_pair(x, y, promotes=False))


def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x > y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/greater.

    >>> greater([1, 3], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.gt(*convert_pair(x, y, promotes=False))


def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x ≥ y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/greater_equal.

    >>> greater_equal([1, 2], 2)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.ge(*convert_pair(x, y, promotes=False))


def _logical(op: Any, x: Any, y: Any) -> Tensor:
    return op(convert_to_tensor(x, dt.bool_), convert_to_tensor(y, dt.bool_))


def logical_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x and y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/logical_and.

    >>> logical_and([True, False], True)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.logical_and(*_booleans(x, y))


def logical_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x or y, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/logical_or.

    >>> logical_or([True, False], False)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.logical_or(*_booleans(x, y))


def logical_xor(x: Any, y: Any, name: str | None = "LogicalXor") -> Tensor:
    """x or y but not both, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/logical_xor.

    >>> logical_xor([True, False], True)
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.logical_xor(*_booleans(x, y))


def logical_not(x: Any, name: str | None = None) -> Tensor:
    """not x, elementwise. Follows https://www.tensorflow.org/api_docs/python/tf/math/logical_not.

    >>> logical_not([True, False])
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.logical_not(*_booleans(x))


def _of_integers(op: Any, *operands: Tensor) -> Tensor:
    if operands[0].dtype.is_bool:
        raise Violation(op.name, "C2", "dtype bool is not allowed, expected an integer dtype", "dtype")
    out: Tensor = op(*operands)
    return out


def bitwise_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x & y, bit by bit. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/bitwise_and.

    >>> bitwise_and([6, 5], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 1], dtype=int32)>
    """
    return _of_integers(p.bitwise_and, *convert_pair(x, y, promotes=False))


def bitwise_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x | y, bit by bit. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/bitwise_or.

    >>> bitwise_or([6, 5], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([7, 7], dtype=int32)>
    """
    return _of_integers(p.bitwise_or, *convert_pair(x, y, promotes=False))


def bitwise_xor(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x ^ y, bit by bit. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/bitwise_xor.

    >>> bitwise_xor([6, 5], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([5, 6], dtype=int32)>
    """
    return _of_integers(p.bitwise_xor, *convert_pair(x, y, promotes=False))


def invert(x: Any, name: str | None = None) -> Tensor:
    """~x, bit by bit. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/invert.

    >>> invert([0, 5])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([-1, -6], dtype=int32)>
    """
    t = convert_to_tensor(x)
    if t.dtype.is_bool:
        raise wrong_dtype("invert", "expected integers, got bool")
    return _of_integers(p.bitwise_not, t)


def left_shift(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x · 2ʸ, wrapping around. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/left_shift.

    >>> left_shift([1, 5], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 4, 20], dtype=int32)>
    """
    return p.shift_left(*convert_pair(x, y))


def right_shift(x: Any, y: Any, name: str | None = None) -> Tensor:
    """⌊x / 2ʸ⌋. Follows https://www.tensorflow.org/api_docs/python/tf/bitwise/right_shift.

    >>> right_shift([8, -8], 2)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([ 2, -2], dtype=int32)>
    """
    return p.shift_right(*convert_pair(x, y))


def approximate_equal(x: Any, y: Any, tolerance: float = 1e-05, name: str | None = None) -> Tensor:
    """|x - y| < tolerance. Follows https://www.tensorflow.org/api_docs/python/tf/math/approximate_equal.

    >>> approximate_equal([1., 2.], [1., 2.1])
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    x, y = convert_pair(x, y)
    if not x.shape.is_compatible_with(y.shape):
        raise ValueError(f"Shapes must be compatible: x is {x.shape}, y is {y.shape}")
    gap = p.abs(p.sub(x, y))
    return p.lt(gap, convert_to_tensor(tolerance, gap.dtype))


def is_nan(x: Any, name: str | None = None) -> Tensor:
    """Is x NaN? Follows https://www.tensorflow.org/api_docs/python/tf/math/is_nan.

    >>> is_nan([1., float("nan")])
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.isnan(convert_to_tensor(x))


def is_inf(x: Any, name: str | None = None) -> Tensor:
    """Is x infinite? Follows https://www.tensorflow.org/api_docs/python/tf/math/is_inf.

    >>> is_inf([1., float("inf")])
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """
    return p.isinf(convert_to_tensor(x))


def is_finite(x: Any, name: str | None = None) -> Tensor:
    """Is x neither infinite nor NaN? Follows https://www.tensorflow.org/api_docs/python/tf/math/is_finite.

    >>> is_finite([1., float("inf")])
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([ True, False])>
    """
    return p.isfinite(convert_to_tensor(x))
