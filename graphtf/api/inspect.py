"""Asking about values: is it a tensor, is its value known, what mode are we in.

Invariant: nothing here computes. Entry points: the `tf` functions below.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from graphtf.convert import is_tensor_like, known_array
from graphtf.deferred import on_host
from graphtf.functions.trace import active_trace
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir import dtypes as dt
from graphtf.scopes import scopes
from graphtf.tensor import AbstractTensor, EagerTensor, SymbolicTensor, Tensor
from graphtf.variable import Variable
from graphtf.with_values import Composite


def is_tensor(x: Any) -> bool:
    """Is it a tensor, a variable, a sparse or a ragged tensor?

    Follows https://www.tensorflow.org/api_docs/python/tf/is_tensor.

    >>> is_tensor([1]), is_tensor(tf.constant([1]))
    (False, True)
    """
    return isinstance(x, (AbstractTensor, Composite, IndexedSlices))


def is_symbolic_tensor(tensor: Any) -> bool:
    """Is it a tensor of a function being traced? Follows https://www.tensorflow.org/api_docs/python/tf/is_symbolic_tensor.

    >>> is_symbolic_tensor(tf.constant(1))
    False
    """
    return isinstance(tensor, SymbolicTensor)


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value of what is known now, as NumPy has it; else None.

    Follows https://www.tensorflow.org/api_docs/python/tf/get_static_value.

    >>> get_static_value(tf.constant([1, 2]))
    array([1, 2], dtype=int32)
    """
    if isinstance(tensor, EagerTensor):
        return tensor.numpy()
    if not is_tensor_like(tensor):
        return tensor
    if isinstance(tensor, Variable):
        return None
    found = known_array(tensor)
    if found is None and partial and isinstance(tensor, SymbolicTensor) and tensor.known is not None:
        return np.array([d if isinstance(d, int) else None for d in tensor.known.reshape(-1)], object)
    return None if found is None else found[()]


def is_numeric_tensor(tensor: Any) -> bool:
    """Is it a tensor of numbers? Follows https://www.tensorflow.org/api_docs/python/tf/debugging/is_numeric_tensor.

    >>> is_numeric_tensor(tf.constant([1]))
    True
    """
    return isinstance(tensor, Tensor) and tensor.dtype.is_numeric


def executing_eagerly() -> bool:
    """Do ops run now, and not in a function being traced?

    Follows https://www.tensorflow.org/api_docs/python/tf/executing_eagerly.

    >>> executing_eagerly()
    True
    """
    return active_trace() is None


def inside_function() -> bool:
    """Is a function being traced? Follows https://www.tensorflow.org/api_docs/python/tf/inside_function.

    >>> inside_function()
    False
    """
    return active_trace() is not None


def get_current_name_scope() -> str:
    """The name scope one is in. Follows https://www.tensorflow.org/api_docs/python/tf/get_current_name_scope.

    >>> get_current_name_scope()
    ''
    """
    return scopes.names.removesuffix("/")


def timestamp(name: str | None = None) -> Tensor:
    """Seconds since 1970, when it runs. Follows https://www.tensorflow.org/api_docs/python/tf/timestamp.

    >>> timestamp().dtype
    tf.float64
    """
    (now,) = on_host(lambda: [np.float64(time.time())], [], [dt.float64], [()])
    return now
