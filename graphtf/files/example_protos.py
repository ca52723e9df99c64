"""`tf.train.Example` and its parts, and the protocol buffer of tensors.

Invariant: field numbers are those of TensorFlow's `feature.proto`, `example.proto` and `tensor.proto`. Entry points:
the classes.
"""

from __future__ import annotations

from graphtf.checkpoint.protos import TensorShapeProto
from graphtf.files.message import Field, Message


class BytesList(Message):
    """Byte strings. Follows https://www.tensorflow.org/api_docs/python/tf/train/BytesList.

    >>> BytesList(value=[b"a"]).SerializeToString()
    b'\\n\\x01a'
    """

    FIELDS = {"value": Field(1, "bytes", "repeated")}


class FloatList(Message):
    """Floats. Follows https://www.tensorflow.org/api_docs/python/tf/train/FloatList."""

    FIELDS = {"value": Field(1, "float", "repeated")}


class Int64List(Message):
    """Integers. Follows https://www.tensorflow.org/api_docs/python/tf/train/Int64List."""

    FIELDS = {"value": Field(1, "int64", "repeated")}


class Feature(Message):
    """One of three lists. Follows https://www.tensorflow.org/api_docs/python/tf/train/Feature.

    >>> Feature(int64_list=Int64List(value=[1, 2])).int64_list.value
    [1, 2]
    """

    FIELDS = {
        "bytes_list": Field(1, BytesList, oneof="kind"), "float_list": Field(2, FloatList, oneof="kind"),
        "int64_list": Field(3, Int64List, oneof="kind"),
    }  # fmt: skip


class Features(Message):
    """Features by name. Follows https://www.tensorflow.org/api_docs/python/tf/train/Features."""

    FIELDS = {"feature": Field(1, Feature, "map")}


class FeatureList(Message):
    """A sequence of features. Follows https://www.tensorflow.org/api_docs/python/tf/train/FeatureList."""

    FIELDS = {"feature": Field(1, Feature, "repeated")}


class FeatureLists(Message):
    """Sequences of features by name. Follows https://www.tensorflow.org/api_docs/python/tf/train/FeatureLists."""

    FIELDS = {"feature_list": Field(1, FeatureList, "map")}


class Example(Message):
    """Features of one example. Follows https://www.tensorflow.org/api_docs/python/tf/train/Example."""

    FIELDS = {"features": Field(1, Features)}


class SequenceExample(Message):
    """Features of one example, and sequences of them.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/SequenceExample.
    """

    FIELDS = {"context": Field(1, Features), "feature_lists": Field(2, FeatureLists)}


class TensorProto(Message):
    """A tensor: its elements as bytes, or in a list of their kind."""

    FIELDS = {
        "dtype": Field(1, "enum"), "tensor_shape": Field(2, TensorShapeProto), "version_number": Field(3, "int32"),
        "tensor_content": Field(4, "bytes"), "float_val": Field(5, "float", "repeated"),
        "double_val": Field(6, "double", "repeated"), "int_val": Field(7, "int32", "repeated"),
        "string_val": Field(8, "bytes", "repeated"), "scomplex_val": Field(9, "float", "repeated"),
        "int64_val": Field(10, "int64", "repeated"), "bool_val": Field(11, "bool", "repeated"),
        "dcomplex_val": Field(12, "double", "repeated"), "half_val": Field(13, "int32", "repeated"),
        "uint32_val": Field(16, "uint64", "repeated"), "uint64_val": Field(17, "uint64", "repeated"),
    }  # fmt: skip
