"""Checkpoints as they are written: `tf.train.checkpoints_iterator`.

Invariant: a checkpoint is given once; nothing is read of it. Entry point: `checkpoints_iterator`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from graphtf.checkpoint.state import latest_checkpoint

_PAUSE = 0.05  # seconds between two looks


def checkpoints_iterator(
    checkpoint_dir: Any, min_interval_secs: float = 0, timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Iterator[str]:  # fmt: skip
    """The latest checkpoint of a directory, and each later one as it appears.

    After `timeout` seconds without one it ends, or asks `timeout_fn` whether to. Follows
    https://www.tensorflow.org/api_docs/python/tf/train/checkpoints_iterator.

    >>> list(checkpoints_iterator("there is none", timeout=0))
    []
    """
    last: str | None = None
    while True:
        found = _next(checkpoint_dir, last, timeout)
        if found is not None:
            start, last = time.monotonic(), found
            yield found
            time.sleep(max(0.0, start + min_interval_secs - time.monotonic()))
        elif timeout_fn is None or timeout_fn():
            return


def _next(directory: Any, last: str | None, timeout: float | None) -> str | None:
    """The latest checkpoint once it is another one; None after `timeout` seconds."""
    end = None if timeout is None else time.monotonic() + timeout
    while (found := latest_checkpoint(directory)) is None or found == last:
        if end is not None and time.monotonic() + _PAUSE > end:
            return None
        time.sleep(_PAUSE)
    return found
