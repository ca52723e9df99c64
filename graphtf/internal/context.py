"""The state that TensorFlow calls its eager context, as far as its users ask: modes and determinism.

Entry points: the functions below. Invariant: programs are deterministic whatever is set (DESIGN §8); whether that was
asked for is remembered for those who ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from graphtf.devices import forget_devices
from graphtf.functions.trace import init_scope


@dataclass
class _State:
    deterministic: bool = False


_state = _State()


class Context:
    """What `context()` gives: asks and tells of the process as a whole."""

    def executing_eagerly(self) -> bool:
        """Do ops run now, and not in a function being traced?"""
        from graphtf.functions.trace import active_trace

        return active_trace() is None

    def clear_kernel_cache(self) -> None:
        """Nothing: what is cached by signature does not depend on any session."""

    def async_wait(self) -> None:
        """Nothing: what has run has finished."""


_context = Context()


def context() -> Context:
    """The context of the process."""
    return _context


def reset_context() -> None:
    """Forget what was set."""
    _state.deterministic = False
    forget_devices()


def async_wait() -> None:
    """Wait for what runs in the background: nothing does."""


@contextmanager
def eager_mode() -> Iterator[None]:
    """Within, ops run eagerly even while a function is traced."""
    with init_scope():
        yield


def enabled() -> bool:
    """Are these the names of TensorFlow 2?"""
    return True


def enable_op_determinism() -> None:
    """Ask that the same input gives the same result, run after run: it always does.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism.

    >>> enable_op_determinism()
    """
    _state.deterministic = True


def disable_op_determinism() -> None:
    """Take the request back."""
    _state.deterministic = False


def is_op_determinism_enabled() -> bool:
    """Was determinism asked for?"""
    return _state.deterministic
