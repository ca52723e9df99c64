"""`tf.train.Coordinator`: asks threads to stop, and passes on what went wrong in one of them.

Invariant: the first request to stop decides; an exception reported with it is raised once, by whoever joins. Follows
https://www.tensorflow.org/api_docs/python/tf/train/Coordinator. Entry point: `Coordinator`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from graphtf.ir.errors import OutOfRangeError


class Coordinator:
    """Stops a set of threads together. Exceptions of `clean_stop_exception_types` (OutOfRangeError) end them quietly.

    >>> coordinator = Coordinator()
    >>> coordinator.request_stop()
    >>> coordinator.should_stop()
    True
    """

    def __init__(self, clean_stop_exception_types: tuple[type[BaseException], ...] | None = None) -> None:
        self._clean = (OutOfRangeError,) if clean_stop_exception_types is None else tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._raised: BaseException | None = None
        self._joined = False
        self._threads: set[threading.Thread] = set()

    @property
    def joined(self) -> bool:
        return self._joined

    def register_thread(self, thread: threading.Thread) -> None:
        """Have `join` wait for a thread."""
        with self._lock:
            self._threads.add(thread)

    def should_stop(self) -> bool:
        """Was a stop requested?"""
        return self._stop.is_set()

    def request_stop(self, ex: Any = None) -> None:
        """Ask the threads to stop. `ex`, an exception or what `sys.exc_info` gives, is what `join` raises.

        Raises the exception itself after `join`, when nobody would hear of it.
        """
        error = ex[1] if isinstance(ex, tuple) else ex
        if error is not None and not isinstance(error, BaseException):
            raise TypeError(f"ex must be an exception or what sys.exc_info() gives, got {ex!r}")
        with self._lock:
            if self._joined and error is not None:
                raise error
            if self._stop.is_set():
                return
            if error is not None and not isinstance(error, self._clean):
                self._raised = error
            self._stop.set()

    def clear_stop(self) -> None:
        """Forget the request, and what was reported: threads may run again."""
        with self._lock:
            self._joined, self._raised = False, None
            self._stop.clear()

    @contextmanager
    def stop_on_exception(self) -> Iterator[None]:
        """Within, an exception becomes a request to stop."""
        try:
            yield
        except BaseException:  # noqa: BLE001 - whatever it is, whoever joins raises it
            self.request_stop(sys.exc_info())

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Wait until a stop is requested; False if it was not within `timeout` seconds."""
        return self._stop.wait(timeout)

    def join(
        self, threads: Iterable[threading.Thread] | None = None, stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:  # fmt: skip
        """Wait for the threads, those registered among them, at most the grace period after a stop is requested.

        Raises what one of them reported, RuntimeError if some are still alive and not to be ignored.
        """
        with self._lock:
            waited = list(self._threads.union(threads or ()))
        while any(t.is_alive() for t in waited) and not self._stop.wait(0.01):
            continue
        self.request_stop()
        end = time.monotonic() + stop_grace_period_secs
        for thread in waited:
            thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            self._joined, alive = True, [t.name for t in waited if t.is_alive()]
            self._threads.clear()
            error, self._raised = self._raised, None
        if error is not None:
            raise error
        if alive and not ignore_live_threads:
            raise RuntimeError(f"Coordinator stopped with threads still running: {' '.join(alive)}")

    def raise_requested_exception(self) -> None:
        """Raise what was reported with the request to stop, if anything was."""
        with self._lock:
            error, self._raised = self._raised, None
        if error is not None:
            raise error
