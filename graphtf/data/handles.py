"""Python objects as tensors: what lets a traced function take datasets, iterators and optionals as arguments.

Invariant: such a tensor is a scalar of dtype resource or variant whose only element is a `Box`. Entry points: `boxed`,
`unboxed`, `on_host`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.functions.trace import active_trace
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.io import host_call, register
from graphtf.ir.types import TensorType
from graphtf.run_time import stated
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor, Tensor

Array = np.ndarray[Any, Any]


class Box:
    """Holds an object, so that NumPy looks no further."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Handle(EagerTensor):
    """An eager tensor of an object."""

    __slots__ = ("_kind",)

    def __init__(self, array: Array, kind: DType) -> None:
        super().__init__(array)
        self._kind = kind

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        return self._kind

    @property
    def ir_type(self) -> TensorType:  # type: ignore[override]
        return TensorType(self._kind, ())

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape=(), dtype={self._kind.name}, value=<{type(unboxed(self._array)).__name__}>>"

    __str__ = __repr__


def boxed(value: Any) -> Array:
    """The array of a tensor that stands for an object."""
    out = np.empty((), object)
    out[()] = Box(value)
    return out


def unboxed(array: Array) -> Any:
    """The object that an array stands for."""
    return array[()].value


def on_host(key: int, operands: Sequence[Any], specs: Sequence[TensorSpec]) -> list[Tensor]:
    """What the registered function of arrays gives when the program being traced runs."""
    shapes = tuple(stated(s.shape.as_tuple()) for s in specs)
    return list(host_call(*operands, function=key, dtypes=tuple(s.dtype for s in specs), shapes=shapes, gradient=None))


def registered(function: Callable[..., Any]) -> int:
    """The key of a function of arrays that lives as long as the function being traced."""
    trace = active_trace()
    return register(function, None if trace is None else trace.root)
