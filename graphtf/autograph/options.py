"""Options of the loop that is about to start, as `set_loop_options` gives them.

Invariant: options hold for the loop in whose body they are set: the first statement of the body says them before it is
staged anew. Entry points: `set_loop_options`, `take_options`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class LoopOptions:
    """What is known of a loop beforehand."""

    shape_invariants: list[tuple[Any, Any]] = field(default_factory=list)
    maximum_iterations: Any = None


class _Pending(threading.local):
    options: LoopOptions | None = None


_pending = _Pending()


def set_loop_options(
    parallel_iterations: Any = None,
    swap_memory: Any = None,
    maximum_iterations: Any = None,
    shape_invariants: Any = None,
) -> None:
    """Say of the loop around: shapes that vary, as pairs of variable and shape, and the most iterations.

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/experimental/set_loop_options.

    >>> set_loop_options(maximum_iterations=10)
    """
    _pending.options = LoopOptions(list(shape_invariants or ()), maximum_iterations)


def take_options() -> LoopOptions:
    """The options set, once."""
    found, _pending.options = _pending.options, None
    return found or LoopOptions()
