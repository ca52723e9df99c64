"""The errors of argument checks, in the class that TensorFlow raises for the mode one is in.

Invariant: eagerly a bad value is an InvalidArgumentError; while tracing it is the ValueError or TypeError of graph
building, unless TensorFlow looks at the value only when the op runs. Entry points: `invalid(name, message)`,
`wrong_dtype(name, message)`, `failed(name, message)`, to be raised.
"""

from __future__ import annotations

from graphtf.ir.binding import active_binder
from graphtf.ir.errors import InvalidArgumentError, TraceOpenError, TraceShapeError, TraceTypeError, Violation


def tracing() -> bool:
    """Is a function being traced on this thread?"""
    return active_binder() is not None


def invalid(name: str, message: str) -> Exception:
    """The error for a bad shape or value given to `name`."""
    text = f"{name}: {message}"
    return TraceShapeError(text) if tracing() else InvalidArgumentError(None, None, text)


def failed(name: str, message: str) -> Exception:
    """The error for a bad value that TensorFlow finds when it runs `name`, in either mode."""
    return InvalidArgumentError(None, None, f"{name}: {message}")


def wrong_dtype(name: str, message: str) -> Exception:
    """The error for a dtype that `name` does not take."""
    text = f"{name}: {message}"
    return TraceTypeError(text) if tracing() else InvalidArgumentError(None, None, text)


def traced_error(violation: Violation) -> Exception:
    """What a broken constraint of an op is while a graph is built."""
    return _TRACED.get(violation.kind, TraceShapeError)(violation.message)


_TRACED: dict[str, type[Exception]] = {"dtype": TraceTypeError, "open": TraceOpenError}
