"""Options of the loop that is about to start, as `set_loop_options` gives them; conversions asked for by name.

Invariant: options hold for the loop in whose body they are set: the first statement of the body says them before it is
staged anew. Entry points: `set_loop_options`, `take_options`, `Feature`.
"""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class LoopOptions:
    """What is known of a loop beforehand."""

    shape_invariants: list[tuple[Any, Any]] = field(default_factory=list)
    maximum_iterations: Any = None


class Feature(enum.Enum):
    """Conversions that can be asked for. Follows https://www.tensorflow.org/api_docs/python/tf/autograph/experimental/Feature."""

    ALL = "ALL"
    AUTO_CONTROL_DEPS = "AUTO_CONTROL_DEPS"
    ASSERT_STATEMENTS = "ASSERT_STATEMENTS"
    BUILTIN_FUNCTIONS = "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS = "EQUALITY_OPERATORS"
    LISTS = "LISTS"
    NAME_SCOPES = "NAME_SCOPES"


def named(options: Any) -> frozenset[str]:
    """The names of one feature or several, all of them for ALL. Raises TypeError for what is no `Feature`."""
    given = () if options is None else (options,) if isinstance(options, Feature) else tuple(options)
    wrong = [x for x in given if not isinstance(x, Feature)]
    if wrong:
        raise TypeError(f"experimental_autograph_options: expected tf.autograph.experimental.Feature, got {wrong[0]!r}")
    return frozenset(f.name for f in (Feature if Feature.ALL in given else given))


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
