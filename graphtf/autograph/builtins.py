"""Python's builtins for rewritten code: those that mean something for tensors of a function being traced.

Invariant: on Python values each is the builtin itself. Entry points: `overload`, `TensorRange`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Sequence
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.sizes import shape_vector
from graphtf.tensor import SymbolicTensor, Tensor
from graphtf.tensor_array import TensorArray


class TensorRange:
    """`range` of tensors: start, start + step, … up to, not including, stop."""

    def __init__(self, start: Any, stop: Any, step: Any) -> None:
        self.start, self.stop, self.step = (self._integer(x) for x in (start, stop, step))

    @staticmethod
    def _integer(x: Any) -> Tensor:
        t = convert_to_tensor(x)
        if not t.dtype.is_integer:
            raise TypeError(f"'{t.dtype.name}' tensor cannot be interpreted as an integer")
        return t if t.dtype is dt.int32 else p.cast(t, dtype=dt.int32)

    def count(self) -> Tensor:
        """How many there are."""
        gap = p.sub(self.stop, self.start)
        whole = p.neg(p.floordiv(p.neg(gap), self.step))
        return p.maximum(whole, scalar_like(whole, 0))

    def item(self, k: Tensor) -> Tensor:
        return p.add(self.start, p.mul(k, self.step))


def _staged(*xs: Any) -> bool:
    return active_trace() is not None and any(isinstance(x, SymbolicTensor) for x in xs)


def _range(*args: Any) -> Any:
    if not _staged(*args):
        return range(*args)
    start, stop, step = (0, *args, 1) if len(args) == 1 else (*args, 1) if len(args) == 2 else args
    return TensorRange(start, stop, step)


def _len(x: Any) -> Any:
    if isinstance(x, TensorArray):
        return x.size()
    if not isinstance(x, SymbolicTensor):
        return len(x)
    dims = x.ir_type.dims
    if not dims:
        raise ValueError("len requires a non-scalar tensor, got one of shape ()")
    return dims[0] if isinstance(dims[0], int) else p.reshape(shape_vector(dims[:1]), shape=())


def _print(*args: Any, **kwargs: Any) -> None:
    """Python's print, which runs while tracing, unless Feature.BUILTIN_FUNCTIONS asks for one that runs each time."""
    trace = active_trace()
    if trace is None or "BUILTIN_FUNCTIONS" not in trace.root.features or not _staged(*args):
        print(*args, **kwargs)
        return
    from graphtf.api.printing import print_  # only where it prints

    stream = kwargs.pop("file", sys.stdout)
    kwargs.pop("flush", None)
    print_(*args, output_stream=stream or sys.stdout, **kwargs)


def _number(kind: Any, dtype: dt.DType) -> Callable[..., Any]:
    def convert(x: Any = 0, *rest: Any) -> Any:
        if not _staged(x):
            return kind(x, *rest) if rest else kind(x)
        return x if x.dtype is dtype else p.cast(x, dtype=dtype)

    return convert


def _abs(x: Any) -> Any:
    return p.abs(x) if _staged(x) else abs(x)


def _extreme(python: Any, op: str) -> Callable[..., Any]:
    def choose(*args: Any, **kwargs: Any) -> Any:
        if kwargs or not _staged(*args):
            return python(*args, **kwargs)
        if len(args) == 1:
            (x,) = args
            if x.shape.rank != 1:
                raise ValueError("max and min of a tensor need a vector")
            return getattr(p, f"reduce_{'max' if op == 'maximum' else 'min'}")(x, axes=(0,))
        tensor = next(x for x in args if isinstance(x, SymbolicTensor))
        out = convert_to_tensor(args[0], dtype_hint=tensor.dtype)
        for x in args[1:]:
            out = getattr(p, op)(out, convert_to_tensor(x, dtype_hint=tensor.dtype))
        return out

    return choose


def _any_or_all(python: Any, op: str) -> Callable[..., Any]:
    def reduce(x: Any) -> Any:
        if not _staged(x):
            return python(x)
        return getattr(p, op)(x, axes=tuple(builtins.range(len(x.ir_type.dims))))

    return reduce


def _sum(x: Any, start: Any = 0) -> Any:
    if not _staged(x):
        return sum(x, start)
    total = p.reduce_sum(x, axes=(0,))
    return total if start == 0 else p.add(total, convert_to_tensor(start, x.dtype))


def _datasets(xs: Sequence[Any]) -> bool:
    """Are they datasets, to be walked in a graph?"""
    return active_trace() is not None and bool(xs) and all(hasattr(x, "__tf_for__") and hasattr(x, "map") for x in xs)


def _zip(*xs: Any, **kwargs: Any) -> Any:
    return xs[0].zip(tuple(xs)) if _datasets(xs) and not kwargs else zip(*xs, **kwargs)


def _map(function: Any, *xs: Any) -> Any:
    if not _datasets(xs):
        return map(function, *xs)
    return xs[0].map(function) if len(xs) == 1 else xs[0].zip(tuple(xs)).map(function)


def _filter(function: Any, x: Any) -> Any:
    return x.filter(function) if _datasets((x,)) else filter(function, x)


def _enumerate(x: Any, start: Any = 0) -> Any:
    if _datasets((x,)):
        return x.enumerate(start)
    return (
        enumerate(x, start) if not isinstance(x, SymbolicTensor) or x.shape[0] is not None else _refused("enumerate", x)
    )


def _refused(name: str, x: Any) -> Any:
    raise TypeError(f"{name} of {x!r}, whose first dimension is not known: use tf.range and indexing")


_OVERLOADS: dict[Any, Callable[..., Any]] = {
    range: _range, len: _len, print: _print, int: _number(int, dt.int32), float: _number(float, dt.float32),
    bool: _number(bool, dt.bool_), abs: _abs, max: _extreme(max, "maximum"), min: _extreme(min, "minimum"),
    any: _any_or_all(any, "reduce_any"), all: _any_or_all(all, "reduce_all"), sum: _sum, enumerate: _enumerate,
    zip: _zip, map: _map, filter: _filter,
}  # fmt: skip


def overload(f: Any) -> Callable[..., Any] | None:
    """What stands for a builtin in rewritten code; None for anything else."""
    try:
        return _OVERLOADS.get(f)
    except TypeError:  # not hashable
        return None
