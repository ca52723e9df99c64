"""The protocol buffers of checkpoints. Field numbers are those of TensorFlow's `tensor_bundle.proto` and
`trackable_object_graph.proto`."""

from __future__ import annotations

from graphtf.files.message import Field, Message


class ShapeDim(Message):
    FIELDS = {"size": Field(1, "int64"), "name": Field(2, "string")}


class TensorShapeProto(Message):
    """The shape of a tensor."""

    FIELDS = {"dim": Field(2, ShapeDim, "repeated"), "unknown_rank": Field(3, "bool")}


class VersionDef(Message):
    FIELDS = {"producer": Field(1, "int32"), "min_consumer": Field(2, "int32")}


class BundleHeader(Message):
    """What the index of a checkpoint begins with."""

    FIELDS = {"num_shards": Field(1, "int32"), "endianness": Field(2, "enum"), "version": Field(3, VersionDef)}


class TensorSlice(Message):
    FIELDS = {"extent": Field(1, "bytes", "repeated")}


class BundleEntry(Message):
    """Where a tensor lies in the data files."""

    FIELDS = {
        "dtype": Field(1, "enum"), "shape": Field(2, TensorShapeProto), "shard_id": Field(3, "int32"),
        "offset": Field(4, "int64"), "size": Field(5, "int64"), "crc32c": Field(6, "fixed32"),
        "slices": Field(7, TensorSlice, "repeated"),
    }  # fmt: skip


class ObjectReference(Message):
    FIELDS = {"node_id": Field(1, "int32"), "local_name": Field(2, "string")}


class SerializedTensor(Message):
    FIELDS = {"name": Field(1, "string"), "full_name": Field(2, "string"), "checkpoint_key": Field(3, "string")}


class SlotVariable(Message):
    FIELDS = {
        "original_variable_node_id": Field(1, "int32"), "slot_name": Field(2, "string"),
        "slot_variable_node_id": Field(3, "int32"),
    }  # fmt: skip


class BoolValue(Message):
    FIELDS = {"value": Field(1, "bool")}


class TrackableObject(Message):
    """An object: what it holds, and the tensors that are its own."""

    FIELDS = {
        "children": Field(1, ObjectReference, "repeated"), "attributes": Field(2, SerializedTensor, "repeated"),
        "slot_variables": Field(3, SlotVariable, "repeated"), "has_checkpoint_values": Field(5, BoolValue),
    }  # fmt: skip


class TrackableObjectGraph(Message):
    """All objects, the root first."""

    FIELDS = {"nodes": Field(1, TrackableObject, "repeated")}
