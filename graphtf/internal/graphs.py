"""Graphs that are made without a function: `FuncGraph`, and placeholders in it.

Invariant: within `FuncGraph.as_default()` ops are staged as in a traced function; what the graph holds can be looked
at, and is never run. Entry points: `FuncGraph`, `placeholder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphtf.composite import SparseTensor
from graphtf.functions.trace import Trace, active_trace, tracing
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.types import TensorType
from graphtf.scopes import scopes
from graphtf.tensor import Tensor
from graphtf.tensor_shape import as_shape


class FuncGraph:
    """A graph under construction, inside the one under construction now if there is one."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name = name
        self._trace = Trace(name, active_trace())

    @contextmanager
    def as_default(self) -> Iterator[FuncGraph]:
        """Within, ops become nodes of this graph."""
        before, scopes.names = scopes.names, ""
        try:
            with tracing(self._trace):
                yield self
        finally:
            scopes.names = before

    def get_operations(self) -> list[Any]:
        """The nodes, in program order."""
        return list(self._trace.nodes)


def _trace(what: str) -> Trace:
    trace = active_trace()
    if trace is None:
        raise RuntimeError(f"tf.compat.v1.{what}() is not compatible with eager execution.")
    return trace


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor of the graph being made that stands for any value of a dtype and shape. Raises RuntimeError eagerly.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/placeholder.
    """
    trace = _trace("placeholder")
    sizes = as_shape(shape).as_tuple()
    dims = None if sizes is None else tuple(trace.new_size() if d is None else d for d in sizes)
    name = name or "Placeholder"
    return trace.wrapped(trace.input(TensorType(as_dtype(dtype), dims), name), name)


def sparse_placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SparseTensor:
    """A sparse tensor that stands for any of a dtype and shape. Raises RuntimeError eagerly.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/sparse_placeholder.
    """
    trace = _trace("sparse_placeholder")
    static = as_shape(shape)
    count = trace.new_size()
    indices = trace.wrapped(trace.input(TensorType(dt.int64, (count, static.rank)), "indices"), "indices")
    values = trace.wrapped(trace.input(TensorType(as_dtype(dtype), (count,)), "values"), "values")
    sizes = trace.wrapped(trace.input(TensorType(dt.int64, (static.rank,)), "shape"), "shape")
    made = SparseTensor(indices, values, sizes)
    made.set_shape(static)
    return made


def reset_default_graph() -> None:
    """Nothing: there is no graph that outlives its function.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/reset_default_graph.
    """
