"""What tapes and forward accumulators see: each op as it is applied, eagerly or while tracing.

Invariant: `Active.tapes` holds the tapes of this thread, outermost first; a binder tells them of every op it applied.
Entry points: `Record`, `active`, `record`, `paused`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from graphtf.ir.op import Op


class Record(NamedTuple):
    """An op that was applied: its operands and outputs are tensors (or the variable that is read)."""

    op: Op
    operands: tuple[Any, ...]
    attrs: Mapping[str, Any]
    outputs: tuple[Any, ...]


class Recorder(Protocol):
    """What stands in `Active.tapes`."""

    def record(self, entry: Record) -> None:
        """Note the op if it matters."""

    def touch(self, variable: Any) -> None:
        """A variable is about to be used."""

    def follows(self, x: Any) -> bool:
        """Is a tensor or variable among what is watched or comes from it?"""


class ResultHook(Protocol):
    """What results of a traced op, or of a compiled function's gradient, go through: the checks of `tf.debugging`."""

    def __call__(self, op: Op, outs: tuple[Any, ...], gradient: bool = False) -> tuple[Any, ...]:
        """What stands for the results."""


class Active(threading.local):
    """The tapes of a thread, and what looks at results."""

    tapes: tuple[Recorder, ...] = ()
    hook: ResultHook | None = None  # for traced ops and compiled gradients; the eager binder is replaced instead


active = Active()


_made: Callable[..., Record] = tuple.__new__  # as Record(…), in less time


def record(op: Op, operands: tuple[Any, ...], attrs: Mapping[str, Any], outputs: tuple[Any, ...]) -> None:
    """Tell every active tape of an op."""
    entry = _made(Record, (op, operands, attrs, outputs))
    for tape in active.tapes:
        tape.record(entry)


def touch(variable: Any) -> None:
    """Tell every active tape that a variable is used."""
    for tape in active.tapes:
        tape.touch(variable)


@contextmanager
def recording_to(tapes: tuple[Recorder, ...]) -> Iterator[None]:
    """Within, these tapes are the active ones: none while a function is traced or a gradient rule must not be seen."""
    before, active.tapes = active.tapes, tapes
    try:
        yield
    finally:
        active.tapes = before
