"""`tf.profiler.experimental`: the spans that programs name, in the files that TensorBoard's profiler reads.

Invariant: only what `Trace` names is recorded; GraphTF's own tools show where time goes inside. Entry points: `start`,
`stop`, `Profile`, `Trace`, `ProfilerOptions`.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any, NamedTuple

from graphtf.files.event_protos import XEvent, XEventEntry, XEventMetadata, XLine, XPlane, XSpace
from graphtf.ir.errors import AlreadyExistsError, UnavailableError


class ProfilerOptions(NamedTuple):
    """How much a profile would hold.

    Follows https://www.tensorflow.org/api_docs/python/tf/profiler/experimental/ProfilerOptions.
    """

    host_tracer_level: int = 2
    python_tracer_level: int = 0
    device_tracer_level: int = 1
    delay_ms: int | None = None


class _Session:
    """The session that runs, if one does: where it is saved, when it began, and the spans that `Trace` named."""

    def __init__(self, logdir: str) -> None:
        self.logdir, self.began = logdir, time.time_ns()
        self.spans: list[tuple[str, int, int]] = []  # name, start, end


_running: list[_Session] = []


def start(logdir: Any, options: Any = None) -> None:
    """Begin. Raises AlreadyExistsError if it was begun before.

    Follows https://www.tensorflow.org/api_docs/python/tf/profiler/experimental/start.
    """
    if _running:
        raise AlreadyExistsError(None, None, "Another profiler is running.")
    _running.append(_Session(os.fsdecode(logdir)))


def stop(save: bool = True) -> None:
    """End, and save the spans unless told not to. Raises UnavailableError if it was not begun.

    Follows https://www.tensorflow.org/api_docs/python/tf/profiler/experimental/stop.
    """
    if not _running:
        raise UnavailableError(None, None, "Cannot export profiling results. No profiler is running.")
    session = _running.pop()
    if save:
        _save(session)


def _save(session: _Session) -> None:
    folder = os.path.join(session.logdir, "plugins", "profile", time.strftime("%Y_%m_%d_%H_%M_%S"))
    os.makedirs(folder, exist_ok=True)
    names = {name: k for k, name in enumerate(dict.fromkeys(name for name, _, _ in session.spans), 1)}
    events = [
        XEvent(metadata_id=names[name], offset_ps=(begin - session.began) * 1000, duration_ps=(end - begin) * 1000)
        for name, begin, end in session.spans
    ]
    entries = [XEventEntry(key=k, value=XEventMetadata(id=k, name=name)) for name, k in names.items()]
    line = XLine(id=1, name="spans", timestamp_ns=session.began, events=events)
    plane = XPlane(id=1, name="/host:CPU", lines=[line], event_metadata=entries)
    host = socket.gethostname()
    with open(os.path.join(folder, f"{host}.xplane.pb"), "wb") as file:
        file.write(XSpace(planes=[plane], hostnames=[host]).SerializeToString())


class Profile:
    """A context between `start` and `stop`.

    Follows https://www.tensorflow.org/api_docs/python/tf/profiler/experimental/Profile.
    """

    def __init__(self, logdir: Any, options: Any = None) -> None:
        self._logdir, self._options = logdir, options

    def __enter__(self) -> None:
        start(self._logdir, self._options)

    def __exit__(self, *exc: Any) -> None:
        stop()


class Trace:
    """A context that a profile names.

    Follows https://www.tensorflow.org/api_docs/python/tf/profiler/experimental/Trace.

    >>> with Trace("step", step_num=1):
    ...     pass
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        self._name, self._metadata = name, dict(kwargs)

    def set_metadata(self, **kwargs: Any) -> None:
        """More to say of it."""
        self._metadata.update(kwargs)

    def __enter__(self) -> Trace:
        self._began = time.time_ns()
        return self

    def __exit__(self, *exc: Any) -> None:
        for session in _running:
            session.spans.append((self._name, self._began, time.time_ns()))
