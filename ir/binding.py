"""`bind`: the one way to apply a primitive. The thread's ambient binder decides what that means.

Eagerly it runs the NumPy reference; inside a trace or a `Builder` it appends a node. So a gradient rule or a
decomposition, written once with ops, works in every setting. Entry points: `bind`, `binding(binder)`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from graphtf.ir.dims import Shape
from graphtf.ir.dtypes import DType
from graphtf.ir.types import TensorType, type_of

if TYPE_CHECKING:
    from graphtf.ir.op import Op

Binder = Callable[..., Any]  # (op, operands, attrs) -> a value, or a tuple for an op of several results


def evaluate(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """The binder of plain arrays: check the types, run the reference."""
    arrays = tuple(np.asarray(x) for x in operands)
    op.infer(*(type_of(a) for a in arrays), **attrs)
    return op.ref(*arrays, **attrs)


class _Ambient(threading.local):
    binder: Binder | None = None


_ambient = _Ambient()
_default: list[Binder] = [evaluate]


def set_default_binder(binder: Binder) -> None:
    """What `bind` does where no other binder is active: the frontend's eager mode."""
    _default[0] = binder


def default_binder() -> Binder:
    """What `set_default_binder` has set."""
    return _default[0]


def current_binder() -> Binder:
    return _ambient.binder or _default[0]


def active_binder() -> Binder | None:
    """The innermost binder of `binding`, or None in eager mode."""
    return _ambient.binder


@contextmanager
def binding(binder: Binder | None) -> Iterator[None]:
    """Within, this thread's `bind` goes to `binder` (None: the default)."""
    before, _ambient.binder = _ambient.binder, binder
    try:
        yield
    finally:
        _ambient.binder = before


def bind(op: Op, *operands: Any, **attrs: Any) -> Any:
    """Apply `op` to operands (tensors or Python scalars, which take the dtype of the first tensor)."""
    return (_ambient.binder or _default[0])(op, operands, attrs)


def ir_type(x: Any) -> TensorType:
    """The type of whatever `bind` accepts: a graph value, a tensor of the frontend, an array."""
    found = getattr(x, "ir_type", None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    return type_of(np.asarray(x))


def ir_shape(x: Any) -> Shape | None:
    """`ir_type(x).shape`, in less time."""
    try:
        return x.ir_shape  # type: ignore[no-any-return]
    except AttributeError:
        return ir_type(x).shape


def ir_dtype(x: Any) -> DType:
    """`ir_type(x).dtype`, in less time."""
    found = getattr(x, "dtype", None)
    return found if type(found) is DType else ir_type(x).dtype
