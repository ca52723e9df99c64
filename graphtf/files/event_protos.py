"""The protocol buffers of event files and of graphs in them.

Invariant: field numbers are those of TensorFlow's `event.proto`, `summary.proto` and `graph.proto`.
"""

from __future__ import annotations

from graphtf.checkpoint.protos import TensorShapeProto, VersionDef
from graphtf.files.example_protos import TensorProto
from graphtf.files.message import Field, Message


class PluginData(Message):
    """Which plugin of TensorBoard shows a summary, and what it is told."""

    FIELDS = {"plugin_name": Field(1, "string"), "content": Field(2, "bytes")}


class SummaryMetadata(Message):
    """What a summary says of itself.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/SummaryMetadata.
    """

    FIELDS = {
        "plugin_data": Field(1, PluginData), "display_name": Field(2, "string"),
        "summary_description": Field(3, "string"), "data_class": Field(4, "enum"),
    }  # fmt: skip


class SummaryValue(Message):
    """A tagged value."""

    FIELDS = {
        "tag": Field(1, "string"), "simple_value": Field(2, "float", oneof="value"),
        "tensor": Field(8, TensorProto, oneof="value"), "metadata": Field(9, SummaryMetadata),
    }  # fmt: skip


class Summary(Message):
    """Values. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/Summary."""

    FIELDS = {"value": Field(1, SummaryValue, "repeated")}
    Value = SummaryValue


class SourceMetadata(Message):
    FIELDS = {"writer": Field(1, "string")}


class Event(Message):
    """An entry of an event file. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/Event."""

    FIELDS = {
        "wall_time": Field(1, "double"), "step": Field(2, "int64"), "file_version": Field(3, "string", oneof="what"),
        "graph_def": Field(4, "bytes", oneof="what"), "summary": Field(5, Summary, oneof="what"),
        "source_metadata": Field(10, SourceMetadata),
    }  # fmt: skip


class AttrValue(Message):
    """An attribute of a node."""

    FIELDS = {
        "s": Field(2, "bytes", oneof="value"), "type": Field(6, "enum", oneof="value"),
        "shape": Field(7, TensorShapeProto, oneof="value"),
    }  # fmt: skip


class NodeDef(Message):
    """A node of a graph."""

    FIELDS = {
        "name": Field(1, "string"), "op": Field(2, "string"), "input": Field(3, "string", "repeated"),
        "device": Field(4, "string"), "attr": Field(5, AttrValue, "map"),
    }  # fmt: skip


class GraphDef(Message):
    """A graph."""

    FIELDS = {"node": Field(1, NodeDef, "repeated"), "versions": Field(4, VersionDef)}


class FunctionGraphs(Message):
    """The graph of a function."""

    FIELDS = {"pre_optimization_graph": Field(2, GraphDef)}


class RunMetadata(Message):
    """What a trace collected."""

    FIELDS = {"function_graphs": Field(4, FunctionGraphs, "repeated")}


# ---- profiles --------------------------------------------------------------------------------------------------------


class XEvent(Message):
    """A span of time, in picoseconds from the start of its line."""

    FIELDS = {"metadata_id": Field(1, "int64"), "offset_ps": Field(2, "int64"), "duration_ps": Field(3, "int64")}


class XLine(Message):
    FIELDS = {
        "id": Field(1, "int64"), "name": Field(2, "string"), "timestamp_ns": Field(3, "int64"),
        "events": Field(4, XEvent, "repeated"),
    }  # fmt: skip


class XEventMetadata(Message):
    FIELDS = {"id": Field(1, "int64"), "name": Field(2, "string")}


class XEventEntry(Message):
    """An entry of a map by numbers."""

    FIELDS = {"key": Field(1, "int64"), "value": Field(2, XEventMetadata)}


class XPlane(Message):
    """What one device did."""

    FIELDS = {
        "id": Field(1, "int64"), "name": Field(2, "string"), "lines": Field(3, XLine, "repeated"),
        "event_metadata": Field(4, XEventEntry, "repeated"),
    }  # fmt: skip


class XSpace(Message):
    """A profile."""

    FIELDS = {"planes": Field(1, XPlane, "repeated"), "hostnames": Field(4, "string", "repeated")}
