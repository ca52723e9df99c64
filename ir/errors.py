"""The errors programs raise: TensorFlow's classes, and `Violation` for an op's broken constraint.

Follows https://www.tensorflow.org/api_docs/python/tf/errors. Invariant: every message names the op, the argument,
what came and what was expected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E", bound=Exception)


class OpError(Exception):
    """An operation failed. `TensorFlow`'s constructor: (node_def, op, message)."""

    error_code = 2

    def __init__(self, node_def: Any = None, op: Any = None, message: str = "", *args: Any) -> None:
        super().__init__(message)
        self.node_def = node_def
        self.op = op
        self.message = message
        self.experimental_payloads: dict[str, bytes] = {}

    def __str__(self) -> str:
        return self.message


class CancelledError(OpError):
    error_code = 1


class UnknownError(OpError):
    error_code = 2


class InvalidArgumentError(OpError):
    error_code = 3


class DeadlineExceededError(OpError):
    error_code = 4


class NotFoundError(OpError):
    error_code = 5


class AlreadyExistsError(OpError):
    error_code = 6


class PermissionDeniedError(OpError):
    error_code = 7


class ResourceExhaustedError(OpError):
    error_code = 8


class FailedPreconditionError(OpError):
    error_code = 9


class AbortedError(OpError):
    error_code = 10


class OutOfRangeError(OpError):
    error_code = 11


class UnimplementedError(OpError):
    error_code = 12


class InternalError(OpError):
    error_code = 13


class UnavailableError(OpError):
    error_code = 14


class DataLossError(OpError):
    error_code = 15


class UnauthenticatedError(OpError):
    error_code = 16


def _seen_as(kind: type[Exception]) -> Callable[[type[E]], type[E]]:
    """A class of our own that programs know by the name of the class of TensorFlow or Python that it refines."""

    def named(own: type[E]) -> type[E]:
        own.__name__ = own.__qualname__ = kind.__name__
        own.__module__ = kind.__module__
        return own

    return named


@_seen_as(InvalidArgumentError)
class Violation(InvalidArgumentError):
    """An op's numbered constraint does not hold. `kind` is shape, dtype, value, or open: not whatever the sizes.

    Run eagerly it is an InvalidArgumentError; while tracing, the binder raises the ValueError or TypeError that
    TensorFlow raises when it builds a graph.
    """

    def __init__(self, op: str, constraint: str, message: str, kind: str = "shape") -> None:
        super().__init__(None, None, f"{op}: {message} [{constraint}]")
        self.op_name = op
        self.constraint = constraint
        self.kind = kind


@_seen_as(ValueError)
class TraceShapeError(ValueError):
    """A shape or value constraint broken while a graph is built."""


class OpenSize(Exception):
    """A rank or a size was asked for that only run time knows: what is traced may be traced again for known sizes."""


@_seen_as(ValueError)
class UnknownShapeError(OpenSize, ValueError):
    """The rank decides, and it is known only at run time."""


@_seen_as(TypeError)
class UnknownSizeError(OpenSize, TypeError):
    """A size decides, and it is known only at run time."""


@_seen_as(ValueError)
class TraceOpenError(OpenSize, TraceShapeError):
    """A constraint that does not hold whatever the sizes, and may for those that come."""


@_seen_as(NotImplementedError)
class OnlyEager(NotImplementedError):
    """What is done has no form in a graph: the function that is traced runs op by op."""


@_seen_as(TypeError)
class TraceTypeError(TypeError):
    """A dtype constraint broken while a graph is built."""


class VerifyError(Exception):
    """A graph is not well formed; the message shows the lines around the offender."""


class ParseError(ValueError):
    """Text that is not a graph: `line` and `column` say where."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column


class MissingGradient(LookupError):
    """An op without a gradient rule was asked for one."""


@_seen_as(MissingGradient)
class UnkeptGradient(MissingGradient, OnlyEager):
    """The gradient of a loop or branch needs what a graph can neither keep nor compute again."""


class Unsupported(NotImplementedError):
    """Declared not to be supported, with the reason."""
