"""Event files, which TensorBoard reads.

Invariant: an event is a record of a TFRecord file, whole when `flush` returns. Entry point: `EventFile`.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time

from graphtf.files.event_protos import Event, SourceMetadata
from graphtf.files.records import TFRecordWriter

_serial = itertools.count()


class EventFile:
    """A file of events in a folder, flushed when `max_queue` events wait or `flush_millis` have passed."""

    def __init__(self, logdir: str, max_queue: int, flush_millis: int, suffix: str) -> None:
        os.makedirs(logdir, exist_ok=True)
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_serial)}{suffix}"
        )
        self.path = os.path.join(logdir, name)
        self._writer = TFRecordWriter(self.path)
        self._lock = threading.Lock()
        self._waiting, self._most, self._interval = 0, max_queue, flush_millis / 1000
        self._flushed = time.monotonic()
        source = SourceMetadata(writer="graphtf.files.event_file")
        self.add(Event(file_version="brain.Event:2", source_metadata=source))
        self.flush()

    def add(self, event: Event) -> None:
        """Write an event."""
        event.wall_time = time.time()
        with self._lock:
            self._writer.write(event.SerializeToString())
            self._waiting += 1
            due = self._waiting > self._most or time.monotonic() - self._flushed > self._interval
        if due:
            self.flush()

    def flush(self) -> None:
        """Hand what was written to the system."""
        with self._lock:
            self._writer.flush()
            self._waiting, self._flushed = 0, time.monotonic()

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            self._writer.close()
