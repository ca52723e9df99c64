"""`tf.summary`: writers, steps and conditions, and the writing of tagged tensors.

Invariant: in a traced function a summary is written whenever the program runs, by the writer that was the default when
it was traced. Entry points: `create_file_writer`, `write`, and the functions below; kinds of summaries are in
summary_kinds.py.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files.event_file import EventFile
from graphtf.files.event_protos import (
    Event,
    FunctionGraphs,
    PluginData,
    RunMetadata,
    Summary,
    SummaryMetadata,
    SummaryValue,
)  # fmt: skip
from graphtf.files.graph_def import described, graph_def_of
from graphtf.files.tensors import _proto
from graphtf.functions.function import observers
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid
from graphtf.scopes import name_scope, scopes
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


class _State(threading.local):
    """Of a thread: the default writer, the step, and whether to record."""

    writer: SummaryWriter | None = None
    step: Any = None
    recording: Any = True  # a bool, a tensor, or a function that gives one


_state = _State()


# ---- writers ---------------------------------------------------------------------------------------------------------


class SummaryWriter:
    """Where summaries go. Follows https://www.tensorflow.org/api_docs/python/tf/summary/SummaryWriter."""

    def set_as_default(self, step: Any = None) -> None:
        """Be the default writer from now on."""
        raise NotImplementedError

    def as_default(self, step: Any = None) -> Any:
        """A context in which it is the default writer, and the step is `step` if that is given."""
        raise NotImplementedError

    def init(self) -> None:
        """Ready already."""

    def flush(self) -> None:
        """Hand what was written to the system."""

    def close(self) -> None:
        """Finish the file."""

    def _add(self, event: Event) -> None:
        """Write an event."""


class _Writer(SummaryWriter):
    def set_as_default(self, step: Any = None) -> None:
        self._check_open()
        _state.writer = self
        if step is not None:
            _state.step = step

    @contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        self._check_open()
        before = _state.writer, _state.step
        _state.writer = self
        if step is not None:
            _state.step = step
        try:
            yield self
        finally:
            self.flush()
            _state.writer = before[0]
            if step is not None:
                _state.step = before[1]

    def _check_open(self) -> None:
        """Raises RuntimeError after `close`."""


class FileWriter(_Writer):
    """Writes an event file."""

    def __init__(self, logdir: str, max_queue: int, flush_millis: int, suffix: str) -> None:
        self._file: EventFile | None = EventFile(logdir, max_queue, flush_millis, suffix)

    def _check_open(self) -> None:
        if self._file is None:
            raise RuntimeError("SummaryWriter is already closed")

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add(self, event: Event) -> None:
        self._check_open()
        assert self._file is not None
        self._file.add(event)


class _NoopWriter(_Writer):
    """Writes nothing."""


def create_file_writer(
    logdir: Any, max_queue: Any = None, flush_millis: Any = None, filename_suffix: Any = None, name: str | None = None,
    experimental_trackable: bool = False, experimental_mesh: Any = None,
) -> SummaryWriter:  # fmt: skip
    """A writer of an event file in a folder, which is made if need be; None gives one that writes nothing.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/create_file_writer.
    """
    if logdir is None:
        return _NoopWriter()
    folder = os.fsdecode(logdir.numpy() if isinstance(logdir, Tensor) else logdir)  # type: ignore[attr-defined]
    suffix = ".v2" if filename_suffix is None else os.fsdecode(filename_suffix)
    queue, wait = (
        10 if max_queue is None else int(max_queue),
        2 * 60 * 1000 if flush_millis is None else int(flush_millis),
    )
    return FileWriter(folder, queue, wait, suffix)


def create_noop_writer() -> SummaryWriter:
    """A writer that writes nothing.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/create_noop_writer.

    >>> with create_noop_writer().as_default():
    ...     pass
    """
    return _NoopWriter()


def flush(writer: Any = None, name: str | None = None) -> None:
    """Flush a writer, the default one if none is given.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/flush.

    >>> flush()
    """
    chosen = _state.writer if writer is None else writer
    if chosen is not None:
        chosen.flush()


def get_writer() -> SummaryWriter | None:
    """The default writer of this thread."""
    return _state.writer


# ---- steps and conditions --------------------------------------------------------------------------------------------


def get_step() -> Any:
    """The default step of this thread, or None.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/experimental/get_step.

    >>> get_step() is None
    True
    """
    return _state.step


def set_step(step: Any) -> None:
    """Set the default step of this thread: an integer, or a variable, which is read when a summary is written.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/experimental/set_step.

    >>> set_step(None)
    """
    _state.step = step


@contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """Within, summaries are written only if the condition holds: a bool, a tensor, or a function that gives one.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/record_if.

    >>> with record_if(False):
    ...     should_record_summaries().numpy().item()
    False
    """
    before, _state.recording = _state.recording, condition
    try:
        yield
    finally:
        _state.recording = before


def should_record_summaries() -> Tensor:
    """Would a summary be written now, as far as `record_if` says?

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/should_record_summaries.

    >>> should_record_summaries().numpy().item()
    True
    """
    condition = _state.recording() if callable(_state.recording) else _state.recording
    return convert_to_tensor(condition, None if isinstance(condition, Tensor) else dt.bool_)


@contextmanager
def summary_scope(name: str, default_name: str = "summary", values: Any = None) -> Iterator[tuple[str, str]]:
    """A context for one summary: its tag, which is the name in the scopes it is in, and a scope of that name.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/experimental/summary_scope.

    >>> with summary_scope("loss") as (tag, scope):
    ...     tag
    'loss'
    """
    given = name or default_name
    tag = f"{scopes.names}{given}"
    with name_scope(given) as scope:
        yield tag, scope


# ---- writing ---------------------------------------------------------------------------------------------------------


def write(tag: Any, tensor: Any, step: Any = None, metadata: Any = None, name: str | None = None) -> Tensor:
    """Write a tensor (or what a function gives, called only if it is needed) under a tag; whether it was.

    Raises ValueError if no step is given or set. Follows
    https://www.tensorflow.org/api_docs/python/tf/summary/write.

    >>> write("tag", 1.0, step=0).numpy().item()
    False
    """
    writer = _state.writer
    if writer is None:
        return convert_to_tensor(False)
    at = _step(step)
    condition = should_record_summaries()
    if callable(tensor):
        tensor = tensor() if _may_hold(condition) else np.float32(0)
    about = None if metadata is None else _own_metadata(metadata)
    label = tag if isinstance(tag, str) else str(tag)

    def run(holds: Array, number: Array, value: Array) -> list[Array]:
        if holds:
            entry = SummaryValue(tag=label, tensor=_proto(value), metadata=about)
            writer._add(Event(step=int(number), summary=Summary(value=[entry])))
        return [np.array(bool(holds))]

    (out,) = on_host(run, [condition, at, convert_to_tensor(tensor)], [dt.bool_], [()])
    return out


def _may_hold(condition: Tensor) -> bool:
    from graphtf.convert import known_array

    found = known_array(condition)
    return found is None or bool(found)


def _own_metadata(metadata: Any) -> SummaryMetadata:
    data = metadata if isinstance(metadata, bytes) else metadata.SerializeToString()
    return SummaryMetadata.FromString(data)  # type: ignore[no-any-return]


def _step(step: Any) -> Tensor:
    chosen = _state.step if step is None else step
    if chosen is None:
        raise ValueError(
            "No step set. Please specify one either through the `step` argument or through "
            "tf.summary.experimental.set_step()"
        )
    at = convert_to_tensor(chosen() if callable(chosen) and not hasattr(chosen, "dtype") else chosen)
    if not at.dtype.is_integer:
        raise invalid("summary", f"the step must be an integer, got {at.dtype.name}")
    return p.cast(at, dtype=dt.int64) if at.dtype is not dt.int64 else at


def graph(graph_data: Any) -> Tensor:
    """Write a graph (of a concrete function), for TensorBoard's graph view; whether it was.

    Raises TypeError for what is no graph. Follows https://www.tensorflow.org/api_docs/python/tf/summary/graph.
    """
    writer = _state.writer
    if writer is None:
        return convert_to_tensor(False)
    data, at = graph_def_of(graph_data), convert_to_tensor(0, dt.int64)

    def run(holds: Array, number: Array) -> list[Array]:
        if holds:
            writer._add(Event(step=int(number), graph_def=data))
        return [np.array(bool(holds))]

    (out,) = on_host(run, [should_record_summaries(), at], [dt.bool_], [()])
    return out


def write_raw_pb(tensor: Any, step: Any = None, name: str | None = None) -> Tensor:
    """Write serialized `Summary` protocol buffers; whether they were.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/experimental/write_raw_pb.
    """
    writer = _state.writer
    if writer is None:
        return convert_to_tensor(False)

    def run(holds: Array, number: Array, data: Array) -> list[Array]:
        if holds:
            writer._add(Event(step=int(number), summary=Summary.FromString(data[()])))
        return [np.array(bool(holds))]

    (out,) = on_host(run, [should_record_summaries(), _step(step), convert_to_tensor(tensor)], [dt.bool_], [()])
    return out


def import_event(tensor: Any, name: str | None = None) -> None:
    """Write a serialized `Event` as it is."""
    writer = _state.writer
    if writer is not None:
        writer._add(Event.FromString(bytes(np.asarray(convert_to_tensor(tensor)).item())))


# ---- tracing ---------------------------------------------------------------------------------------------------------


_traced: list[Any] = []  # the concrete functions made since `trace_on`


def trace_on(graph: bool = True, profiler: bool = False, profiler_outdir: Any = None) -> None:
    """Collect the graphs of functions that are traced from now on. There is no profile: `graphtf view` shows times.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/trace_on.

    >>> trace_on()
    >>> trace_off()
    """
    trace_off()
    observers.append(_traced.append)


def trace_off() -> None:
    """Collect no longer. Follows https://www.tensorflow.org/api_docs/python/tf/summary/trace_off."""
    observers[:] = [observe for observe in observers if observe != _traced.append]
    _traced.clear()


def trace_export(name: str, step: Any = None, profiler_outdir: Any = None) -> None:
    """Write the graphs collected under a tag, and collect no longer.

    Raises ValueError if `trace_on` was not called, or no step is set. Follows
    https://www.tensorflow.org/api_docs/python/tf/summary/trace_export.
    """
    if _traced.append not in observers:
        raise ValueError("Must enable trace before export through tf.summary.trace_on.")
    graphs = [FunctionGraphs(pre_optimization_graph=described(concrete.ir)) for concrete in _traced]
    data = PluginData(plugin_name="graph_run_metadata_graph", content=b"1")
    write(name, RunMetadata(function_graphs=graphs).SerializeToString(), step, SummaryMetadata(plugin_data=data))
    trace_off()
