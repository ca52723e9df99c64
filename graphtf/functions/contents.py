"""What small integer tensors hold while tracing: integers and symbolic sizes.

Invariant: contents are an object array of the tensor's shape, or unknown (None); they never change what is computed,
only what is known about shapes. Entry point: `contents(op, knowns, attrs, type)`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dims
from graphtf.ir import dtypes as dt
from graphtf.ir.op import Op, Trait
from graphtf.ir.types import TensorType

Known = np.ndarray[Any, Any] | None
_MOST = 64  # elements: shapes and axes are short
_INTEGERS = (dt.int32, dt.int64)


def _each(function: Callable[..., Any], arity: int) -> Callable[..., Any]:
    apply = np.frompyfunc(function, arity, 1)
    return lambda *xs: np.asarray(apply(*xs), object)


def _floordiv(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b else None
    return dims.floordiv(a, b) if not isinstance(b, int) or b > 0 else None


def _remainder(a: Any, b: Any) -> Any:
    whole = _floordiv(a, b)
    return None if whole is None else a - whole * b


def _fold(function: Callable[[Any, Any], Any], start: Any) -> Callable[..., Any]:
    def reduced(x: np.ndarray[Any, Any], axes: tuple[int, ...]) -> Any:
        if tuple(axes) != tuple(range(x.ndim)):
            return None
        total = start
        for item in x.reshape(-1).tolist():
            total = item if total is None else function(total, item)
        return None if total is None else np.array(total, object)

    return reduced


_RULES: dict[str, Callable[..., Any]] = {
    "add": _each(lambda a, b: a + b, 2),
    "sub": _each(lambda a, b: a - b, 2),
    "mul": _each(lambda a, b: a * b, 2),
    "neg": _each(lambda a: -a, 1),
    "maximum": _each(dims.maximum, 2),
    "minimum": _each(dims.minimum, 2),
    "floordiv": _each(_floordiv, 2),
    "truncdiv": _each(_floordiv, 2),  # the same for sizes, which are not negative; see _negative
    "floormod": _each(_remainder, 2),
    "cast": lambda x, dtype: x,
    "stop_gradient": lambda x: x,
    "reduce_prod": _fold(lambda a, b: a * b, 1),
    "reduce_sum": _fold(lambda a, b: a + b, 0),
    "reduce_max": _fold(dims.maximum, None),
    "reduce_min": _fold(dims.minimum, None),
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
}


def _compared(function: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    """A comparison of numbers; sizes that only run time knows are in no known order."""
    whole = np.frompyfunc(lambda a, b: function(a, b) if isinstance(a, int) and isinstance(b, int) else None, 2, 1)
    return lambda a, b: np.asarray(whole(a, b), object)


_COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": _compared(operator.eq), "ne": _compared(operator.ne), "lt": _compared(operator.lt),
    "le": _compared(operator.le), "gt": _compared(operator.gt), "ge": _compared(operator.ge),
}  # fmt: skip


def _negative(x: Any) -> bool:
    return any(dims.lower_bound(d) < 0 for d in x.reshape(-1).tolist())


def contents(op: Op, knowns: Sequence[Known], attrs: Mapping[str, Any], out: TensorType) -> Known:
    """The contents of an op's output, from those of its operands."""
    if not out.is_static or out.size > _MOST:  # type: ignore[operator]
        return None
    if out.dtype not in _INTEGERS:
        return _truths(op, knowns)
    if op.name == "constant":
        return attrs["value"].astype(object)  # type: ignore[no-any-return]
    if op.name == "dims":
        return np.array(attrs["dims"], object)
    if op.name == "iota":
        return op.ref(**attrs).astype(object)  # type: ignore[no-any-return]
    if any(k is None for k in knowns):
        return None
    if op.name == "gather":
        return _gathered(*knowns, **attrs)
    if op.name == "truncdiv" and any(map(_negative, knowns)):
        return None
    if op.name in _RULES:
        found = _RULES[op.name](*knowns, **attrs)
    elif Trait.VIEW in op.traits and op.name != "cast":
        found = op.ref(*knowns, **attrs)
    else:
        return None
    if found is None or any(d is None for d in found.reshape(-1).tolist()):
        return None
    return found if found.shape == out.shape else np.broadcast_to(found, out.shape)  # type: ignore[arg-type, no-any-return]


def _truths(op: Op, knowns: Sequence[Known]) -> Known:
    """What a comparison of known numbers gives."""
    compare = _COMPARISONS.get(op.name)
    if compare is None or any(k is None for k in knowns):
        return None
    found: Known = compare(*knowns)
    return None if found is None or None in found.reshape(-1).tolist() else found


def _gathered(x: Any, at: Any, axis: int, batch_dims: int) -> Known:
    if batch_dims or not all(isinstance(i, int) and 0 <= i < x.shape[axis] for i in at.reshape(-1).tolist()):
        return None
    return np.asarray(np.take(x, at.astype(np.int64), axis), object)
