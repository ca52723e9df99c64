"""`tf.train.CheckpointManager`: checkpoints of one directory, of which the last few are kept.

Invariant: the file `checkpoint` lists what is kept, oldest first; a new manager goes on from it. Entry point:
`CheckpointManager`.
"""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Callable
from typing import Any

from graphtf.checkpoint.checkpoint import Checkpoint
from graphtf.checkpoint.state import get_checkpoint_state, write_state
from graphtf.functions.trace import init_scope


class CheckpointManager:
    """Numbered checkpoints under one name, the oldest of which is deleted when there are more than `max_to_keep`.

    Raises ValueError for arguments that contradict each other. Follows
    https://www.tensorflow.org/api_docs/python/tf/train/CheckpointManager.
    """

    def __init__(
        self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None,
        keep_checkpoint_every_n_hours: float | None = None, checkpoint_name: str = "ckpt", step_counter: Any = None,
        checkpoint_interval: int | None = None, init_fn: Callable[[], Any] | None = None,
        last_checkpoint_step: int | None = None,
    ) -> None:  # fmt: skip
        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}.")
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError("`step_counter` should be passed if `checkpoint_interval` is not None.")
        self._checkpoint, self._directory = checkpoint, os.fspath(directory)
        self._max_to_keep, self._keep_every = max_to_keep, keep_checkpoint_every_n_hours
        self._prefix = os.path.join(self._directory, checkpoint_name)
        self._step_counter, self._interval, self._init_fn = step_counter, checkpoint_interval, init_fn
        self._last_step = last_checkpoint_step
        self._kept: dict[str, float] = {}  # path → when it was written; what may be deleted
        self._latest: str | None = None
        self._preserved = time.time()
        self._go_on()

    def _go_on(self) -> None:
        """Take over what is in the directory."""
        state = get_checkpoint_state(self._directory)
        if state is None:
            return
        self._latest = state.model_checkpoint_path
        self._preserved = state.last_preserved_timestamp or self._preserved
        times = state.all_model_checkpoint_timestamps
        if len(times) != len(state.all_model_checkpoint_paths):
            times = [self._preserved] * len(state.all_model_checkpoint_paths)
        self._kept = dict(zip(state.all_model_checkpoint_paths, times))

    @property
    def directory(self) -> str:
        return self._directory

    @property
    def checkpoint(self) -> Checkpoint:
        return self._checkpoint

    @property
    def checkpoint_interval(self) -> int | None:
        return self._interval

    @property
    def latest_checkpoint(self) -> str | None:
        """The prefix of the newest checkpoint, or None."""
        return self._latest

    @property
    def checkpoints(self) -> list[str]:
        """The prefixes of those kept, oldest first."""
        return list(self._kept)

    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None) -> str | None:
        """Write a checkpoint, and delete the oldest; its prefix, or None if the last one is not long enough ago."""
        if self._interval is not None and check_interval and not self._due():
            return None
        with init_scope():
            self._checkpoint.save_counter.assign_add(1)
            number = int(self._checkpoint.save_counter if checkpoint_number is None else checkpoint_number)
            path = self._checkpoint.write(f"{self._prefix}-{number}", options)
        self._kept.pop(path, None)
        self._kept[path] = time.time()
        self._latest = path
        self._record()
        self._sweep()
        self._record()
        return path

    def _due(self) -> bool:
        step = int(self._step_counter)
        if self._last_step is not None and step < self._last_step + (self._interval or 0):
            return False
        self._last_step = step
        return True

    def _sweep(self) -> None:
        """Delete what is too much, but for one in every so many hours."""
        while self._max_to_keep is not None and len(self._kept) > self._max_to_keep:
            path, written = next(iter(self._kept.items()))
            del self._kept[path]
            if self._keep_every is not None and written - self._keep_every * 3600 >= self._preserved:
                self._preserved = written
                continue
            for file in (f"{path}.index", *glob.glob(f"{glob.escape(path)}.data-?????-of-?????")):
                if os.path.exists(file):
                    os.remove(file)

    def _record(self) -> None:
        assert self._latest is not None
        write_state(self._directory, self._latest, list(self._kept), list(self._kept.values()), self._preserved)

    def restore_or_initialize(self) -> str | None:
        """Restore the newest checkpoint and give its prefix; without one, call `init_fn`."""
        if self._latest is not None:
            self._checkpoint.restore(self._latest)
            if self._last_step is None:
                found = re.search(r"-(\d+)$", self._latest)
                self._last_step = int(found[1]) if found and self._step_counter is not None else None
            return self._latest
        if self._init_fn is not None:
            self._init_fn()
        return None

    def sync(self) -> None:
        """Wait until everything is written: it is."""
