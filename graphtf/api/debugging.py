"""Assertions about values: comparisons, signs, finiteness.

Invariant: what holds costs nothing but the comparison; what does not raises InvalidArgumentError: at once where the
values are known, else when the program runs. Entry points: the `tf.debugging` functions below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_pair, convert_to_tensor, is_tensor_like, known_array
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.op import Op
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor

_SHOWN = 3  # elements


def Assert(condition: Any, data: Sequence[Any], summarize: Any = None, name: str | None = None) -> None:
    """Raises InvalidArgumentError, showing the data, unless the condition holds.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/Assert.

    >>> Assert(True, ["never shown"])
    """
    count = _SHOWN if summarize is None else int(summarize)
    if isinstance(condition, (bool, np.bool_, EagerTensor)):
        if not condition:
            shown = "\n".join(_datum(x, count) for x in data)
            raise InvalidArgumentError(None, None, f"Expected '{condition}' to be true. Summarized data: {shown}")
        return
    assert_(convert_to_tensor(condition), *map(convert_to_tensor, data), summarize=count)


def _datum(x: Any, count: int) -> str:
    flat = np.asarray(convert_to_tensor(x)).reshape(-1)
    shown = flat.tolist() if count < 0 or len(flat) <= count else [*flat[:count].tolist(), "..."]
    return ", ".join(map(str, shown))


# ---- comparisons -----------------------------------------------------------------------------------------------------


def _compare(op: Op, sign: str, x: Any, y: Any, message: str | None, summarize: int | None) -> None:
    """Raise unless `x sign y` everywhere."""
    a, b = convert_pair(x, y, hint_only=True)
    held = op(a, b)
    known = known_array(held) if isinstance(held, EagerTensor) else _folded(op, a, b)
    if known is None:
        text = f"{message}\n" if message else ""
        assert_(held, a, b, message=f"assertion failed: [{text}Condition x {sign} y did not hold:]")
    elif not known.all():
        left, right = (known_array(t) for t in (a, b))
        raise InvalidArgumentError(None, None, _report(sign, known, left, right, message, summarize))


def _folded(op: Op, a: Tensor, b: Tensor) -> np.ndarray[Any, Any] | None:
    """The comparison of traced tensors, if both are known."""
    left, right = (known_array(t) for t in (a, b))
    return None if left is None or right is None else np.asarray(op.ref(left, right))


def _report(sign: str, held: Any, x: Any, y: Any, message: str | None, summarize: int | None) -> str:
    count = _SHOWN if summarize is None else summarize
    lines = [message] if message else []
    lines.append(f"Condition x {sign} y did not hold.")
    if x.shape == y.shape and x.ndim:
        at = np.argwhere(~held)[: count if count >= 0 else None]
        lines += [f"Indices of first {len(at)} different values:", str(at)]
        lines += ["Corresponding x values:", str(x[tuple(at.T)]), "Corresponding y values:", str(y[tuple(at.T)])]
    for label, value in (("x", x), ("y", y)):
        first = value.reshape(-1)[: count if count >= 0 else None]
        lines += [f"First {len(first)} elements of {label}:", str(first)]
    return "\n".join(lines)


def assert_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x = y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_equal.

    >>> assert_equal([1, 2], [1, 2])
    """
    if x is not y:
        _compare(p.eq, "==", x, y, message, summarize)


def assert_none_equal(
    x: Any, y: Any, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x ≠ y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_none_equal.

    >>> assert_none_equal([1, 2], 3)
    """
    _compare(p.ne, "!=", x, y, message, summarize)


def assert_less(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x < y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_less.

    >>> assert_less([1, 2], 3)
    """
    _compare(p.lt, "<", x, y, message, summarize)


def assert_less_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x ≤ y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_less_equal.

    >>> assert_less_equal([1, 3], 3)
    """
    _compare(p.le, "<=", x, y, message, summarize)


def assert_greater(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x > y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_greater.

    >>> assert_greater([4, 5], 3)
    """
    _compare(p.gt, ">", x, y, message, summarize)


def assert_greater_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x ≥ y everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_greater_equal.

    >>> assert_greater_equal([3, 5], 3)
    """
    _compare(p.ge, ">=", x, y, message, summarize)


def assert_near(
    x: Any, y: Any, rtol: Any = None, atol: Any = None, message: str | None = None, summarize: int | None = None,
    name: str | None = None,
) -> None:  # fmt: skip
    """Raises InvalidArgumentError unless |x - y| ≤ atol + rtol·|y| everywhere; both are 10 ulp by default.

    Raises ValueError for integers. Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_near.

    >>> assert_near([1.], [1.0000001])
    """
    a, b = convert_pair(x, y)
    if not a.dtype.is_inexact:
        raise ValueError(f"data type {a.dtype.as_numpy_dtype} not inexact")
    kind = a.dtype.real_dtype
    step = 10 * float(np.finfo(kind.np).eps) if kind.np.kind == "f" else 10 * 2.0**-7
    relative, absolute = (convert_to_tensor(step if t is None else t, kind) for t in (rtol, atol))
    gap, size = p.abs(p.sub(a, b)), p.abs(b)
    held = p.le(gap, p.add(absolute, p.mul(relative, size)))
    text = f"{message}.  " if message else ""
    data = [f"{text}x and y not equal to tolerance rtol = {relative}, atol = {absolute}", "x", a, "y", b]
    Assert(p.reduce_all(held, axes=tuple(range(len(held.ir_type.dims)))), data, summarize)


# ---- signs -----------------------------------------------------------------------------------------------------------


def _sign(op: Op, sign: str, x: Any, message: str | None, summarize: int | None) -> None:
    t = convert_to_tensor(x)
    if not t.dtype.is_numeric:
        raise TypeError(f"Cannot convert 0 to EagerTensor of dtype {t.dtype.name}")
    zero = scalar_like(t, 0)
    held = op(t, zero)
    if isinstance(held, SymbolicTensor):
        text = f"{message}\n" if message else ""
        assert_(held, t, message=f"assertion failed: [{text}Condition x {sign} 0 did not hold element-wise:]")
    elif not np.asarray(held).all():
        shown = [str(v) for v in np.asarray(t).reshape(-1)[: _SHOWN if summarize is None else summarize].tolist()]
        raise InvalidArgumentError(
            None, None,
            f"{message or ''}\nCondition x {sign} 0 did not hold element-wise:\nx (shape={t.shape} "
            f"dtype={t.dtype.name}) = "
            f"\n{shown}",
        )  # fmt: skip


def assert_positive(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
    """Raises InvalidArgumentError unless x > 0 everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_positive.

    >>> assert_positive([1, 2])
    """
    _sign(p.gt, ">", x, message, summarize)


def assert_negative(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
    """Raises InvalidArgumentError unless x < 0 everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_negative.

    >>> assert_negative([-1, -2])
    """
    _sign(p.lt, "<", x, message, summarize)


def assert_non_negative(
    x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x ≥ 0 everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_non_negative.

    >>> assert_non_negative([0, 1])
    """
    _sign(p.ge, ">=", x, message, summarize)


def assert_non_positive(
    x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> None:
    """Raises InvalidArgumentError unless x ≤ 0 everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_non_positive.

    >>> assert_non_positive([0, -1])
    """
    _sign(p.le, "<=", x, message, summarize)


# ---- finiteness ------------------------------------------------------------------------------------------------------


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """x itself. Raises InvalidArgumentError where it has a NaN or an infinity, forward or in the gradient.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/check_numerics.

    >>> check_numerics([1., 2.], "weights")
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    return p.check_numerics(convert_to_tensor(tensor), message=message)


def assert_all_finite(x: Any, message: str, name: str | None = None) -> Tensor:
    """x itself. Raises InvalidArgumentError where it has a NaN or an infinity.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_all_finite.

    >>> assert_all_finite([1., 2.], "weights")
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    return check_numerics(x, message)


# ---- kinds -----------------------------------------------------------------------------------------------------------


def _named(message: str | None) -> str:
    return f"{message}  " if message else ""


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises TypeError unless x has an integer dtype.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_integer.

    >>> assert_integer([1])
    """
    t = convert_to_tensor(x)
    if not t.dtype.is_integer:
        raise TypeError(f'{_named(message)}Expected "x" to be integer type.  Found: tensor of dtype {t.dtype}')


def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises TypeError unless a tensor has a dtype.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_type.

    >>> assert_type(convert_to_tensor(1), dt.int32)
    """
    wanted = dt.as_dtype(tf_type)
    t = tensor if is_tensor_like(tensor) else getattr(tensor, "values", None)
    t = convert_to_tensor(tensor) if t is None else t
    if t.dtype is not wanted:
        raise TypeError(f"{_named(message)}tensor must be of type {wanted!r}; got {t.dtype!r}")


def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> dt.DType:
    """The one floating dtype of tensors, that given, or float32. Raises ValueError if there are others.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_same_float_dtype.

    >>> assert_same_float_dtype([convert_to_tensor(1.)])
    tf.float32
    """
    found = None if dtype is None else dt.as_dtype(dtype)
    first = None
    for t in tensors or ():
        if found is None:
            found, first = t.dtype, t
        elif t.dtype is not found:
            like = f" as {first}" if first is not None else ""
            raise ValueError(f"{t}, type={t.dtype}, must be of the same type ({found}){like}.")
    found = found or dt.float32
    if not found.is_floating:
        raise ValueError(f"Expected floating point type, got {found}.")
    return found


def assert_proper_iterable(values: Any) -> None:
    """Raises TypeError unless it is an iterable that is no tensor, array or text.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_proper_iterable.

    >>> assert_proper_iterable([1])
    """
    if isinstance(values, (Tensor, np.ndarray, bytes, str)) or is_tensor_like(values):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not isinstance(values, Iterable):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')
