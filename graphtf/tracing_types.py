"""`tf.types.experimental`: the protocols that objects follow to say how functions are traced for them.

Invariant: an argument whose class has `__tf_tracing_type__(context)` is traced once for each value that method gives
(functions/signature.py); all else here is for `isinstance` and annotations. Follows
https://www.tensorflow.org/api_docs/python/tf/types/experimental.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Protocol, Union, runtime_checkable

import numpy as np

from graphtf.functions import function_type as functions
from graphtf.functions.concrete import ConcreteFunction
from graphtf.functions.function import Function
from graphtf.functions.signature import Parameters
from graphtf.tensor import Tensor

TensorLike = Union[Tensor, int, float, bool, str, bytes, complex, tuple, list, np.ndarray, np.generic]  # noqa: UP007


class TraceType(abc.ABC):
    """What decides whether a trace serves an argument: equal types share one, and a subtype may use its supertype's."""

    @abc.abstractmethod
    def is_subtype_of(self, other: TraceType) -> bool:
        """May a trace for `other` serve this?"""

    @abc.abstractmethod
    def most_specific_common_supertype(self, others: Sequence[TraceType]) -> TraceType | None:
        """The most specific type that all are subtypes of, or None."""

    @abc.abstractmethod
    def placeholder_value(self, placeholder_context: Any) -> Any:
        """What stands for the argument while tracing."""

    @abc.abstractmethod
    def __hash__(self) -> int: ...

    @abc.abstractmethod
    def __eq__(self, other: object) -> bool: ...


@runtime_checkable
class SupportsTracingProtocol(Protocol):
    """An object that says itself how functions are traced for it."""

    def __tf_tracing_type__(self, context: Any) -> TraceType:
        """Its type."""


class Callable(abc.ABC):  # noqa: B024 - what is one is said below
    """What is called with tensors and has a type."""

    @classmethod
    def __subclasshook__(cls, other: type) -> Any:
        return issubclass(other, (Function, ConcreteFunction)) if cls is Callable else NotImplemented


class AtomicFunction(Callable):
    """A traced graph, called with flat tensors."""

    @classmethod
    def __subclasshook__(cls, other: type) -> Any:
        return issubclass(other, ConcreteFunction) if cls is AtomicFunction else NotImplemented


class FunctionType(abc.ABC):  # noqa: B024 - as above
    """The parameters of a function."""

    @classmethod
    def __subclasshook__(cls, other: type) -> Any:
        return issubclass(other, (Parameters, functions.FunctionType)) if cls is FunctionType else NotImplemented
