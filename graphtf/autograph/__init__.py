"""AutoGraph: Python control flow on tensors, rewritten into graph control flow before a function is traced.

Invariant: what it publishes is `tf.autograph`. Entry points: `to_code`, `to_graph`, `experimental.do_not_convert`,
`experimental.set_loop_options`. Follows https://www.tensorflow.org/api_docs/python/tf/autograph.
"""

from __future__ import annotations

import logging
from typing import Any

from graphtf.autograph import experimental
from graphtf.autograph.convert import do_not_convert, to_code, to_graph

__all__ = ["do_not_convert", "experimental", "set_verbosity", "to_code", "to_graph", "trace"]


def set_verbosity(level: int, alsologtostdout: bool = False) -> None:
    """Say more of what is converted: 0 is silent. Messages go to the logger "graphtf".

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/set_verbosity.

    >>> set_verbosity(0)
    """
    logging.getLogger("graphtf").setLevel(logging.INFO if level > 0 else logging.WARNING)


def trace(*args: Any) -> None:
    """Print arguments while a function is traced, not when it runs.

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/trace.

    >>> trace("a", 1)
    a 1
    """
    print(*args)
