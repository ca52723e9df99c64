"""Cases of `tf.io`: what needs no file."""

from __future__ import annotations

import base64
from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("files")
_add = FAMILY.add


def _bytes(tf: Any, *values: bytes) -> Any:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _floats(tf: Any, *values: float) -> Any:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _ints(tf: Any, *values: int) -> Any:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _examples(tf: Any) -> list[bytes]:
    """Two examples; the second lacks some features."""
    first = {
        "x": _floats(tf, 1.0, 2.0), "n": _ints(tf, 7), "words": _bytes(tf, b"a", b"bc"), "many": _ints(tf, 1, -2, 3),
        "at": _ints(tf, 3, 1), "v": _floats(tf, 0.5, 1.5), "lengths": _ints(tf, 2, 1),
    }  # fmt: skip
    second = {"x": _floats(tf, 3.0, -4.0), "words": _bytes(tf), "many": _ints(tf, 4), "lengths": _ints(tf, 0, 1)}
    made = [tf.train.Example(features=tf.train.Features(feature=f)) for f in (first, second)]
    return [x.SerializeToString() for x in made]


def _parsed(tf: Any, data: Any, **features: Any) -> Any:
    return tf.io.parse_example(data, features)


_add("the bytes of an example", lambda tf: [
    tf.train.Feature(int64_list=tf.train.Int64List(value=[1, -2, 300])).SerializeToString(),
    tf.train.Feature(float_list=tf.train.FloatList(value=[1.5, 0.0])).SerializeToString(),
    tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"", b"x" * 200])).SerializeToString(),
    tf.train.Example().SerializeToString(),
    tf.train.Feature(int64_list=tf.train.Int64List()).SerializeToString(),
], staged=False)  # fmt: skip
_add(
    "the bytes read again",
    lambda tf: tf.train.Example.FromString(_examples(tf)[0]).features.feature["many"].int64_list.value[:],
    staged=False,
)
_add("fixed features", lambda tf: _parsed(
    tf, _examples(tf), x=tf.io.FixedLenFeature([2], tf.float32), n=tf.io.FixedLenFeature([], tf.int64, -1),
    s=tf.io.FixedLenFeature([1, 2], tf.string, default_value=[["?", "!"]]),
))  # fmt: skip
_add("a default of another size", lambda tf: _parsed(tf, _examples(tf), q=tf.io.FixedLenFeature([2], tf.string, "?")))
_add("a fixed feature that is missing", lambda tf: _parsed(tf, _examples(tf), n=tf.io.FixedLenFeature([], tf.int64)))
_add("a fixed feature of another size", lambda tf: _parsed(tf, _examples(tf), x=tf.io.FixedLenFeature([3], tf.float32)))
_add("a feature of another dtype", lambda tf: _parsed(tf, _examples(tf), x=tf.io.FixedLenFeature([2], tf.int64)))
_add("variable features", lambda tf: _parsed(
    tf, _examples(tf), words=tf.io.VarLenFeature(tf.string), many=tf.io.VarLenFeature(tf.int64),
    none=tf.io.VarLenFeature(tf.float32),
))  # fmt: skip
_add("sequences of fixed features", lambda tf: _parsed(
    tf, _examples(tf), many=tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True, default_value=9),
    x=tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
))  # fmt: skip
_add("sparse features", lambda tf: _parsed(
    tf, _examples(tf), s=tf.io.SparseFeature("at", "v", tf.float32, 5),
))  # fmt: skip
_add("ragged features", lambda tf: _parsed(
    tf, _examples(tf), many=tf.io.RaggedFeature(tf.int64), w=tf.io.RaggedFeature(tf.string, "words", (), tf.int64),
))  # fmt: skip
_add("ragged features in rows", lambda tf: _parsed(
    tf, _examples(tf), many=tf.io.RaggedFeature(tf.int64, partitions=[tf.io.RaggedFeature.RowLengths("lengths")]),
))  # fmt: skip
_add("broken examples", lambda tf: _parsed(tf, [b"\n~~"], x=tf.io.VarLenFeature(tf.float32)))
_add("one example", lambda tf: tf.io.parse_single_example(_examples(tf)[0], {
    "x": tf.io.FixedLenFeature([2], tf.float32), "many": tf.io.VarLenFeature(tf.int64),
    "r": tf.io.RaggedFeature(tf.string, "words"), "s": tf.io.SparseFeature("at", "v", tf.float32, 5),
}))  # fmt: skip


def _sequences(tf: Any) -> list[bytes]:
    lists = {"f": [_floats(tf, 1.0, 2.0), _floats(tf, 3.0, 4.0)], "v": [_ints(tf, 1), _ints(tf), _ints(tf, 2, 3)]}
    held = {k: tf.train.FeatureList(feature=v) for k, v in lists.items()}
    context = tf.train.Features(feature={"id": _ints(tf, 5)})
    one = tf.train.SequenceExample(context=context, feature_lists=tf.train.FeatureLists(feature_list=held))
    two = tf.train.SequenceExample(context=context, feature_lists=tf.train.FeatureLists(feature_list={
        "f": tf.train.FeatureList(feature=[_floats(tf, 5.0, 6.0)]), "v": tf.train.FeatureList(),
    }))  # fmt: skip
    return [one.SerializeToString(), two.SerializeToString()]


def _sequence_features(tf: Any) -> tuple[Any, Any]:
    sequence = {"f": tf.io.FixedLenSequenceFeature([2], tf.float32), "v": tf.io.VarLenFeature(tf.int64)}
    return {"id": tf.io.FixedLenFeature([], tf.int64)}, sequence


_add("sequence examples", lambda tf: tf.io.parse_sequence_example(_sequences(tf), *_sequence_features(tf)))
_add("one sequence example", lambda tf: tf.io.parse_single_sequence_example(_sequences(tf)[0], *_sequence_features(tf)))
_add("ragged sequences", lambda tf: tf.io.parse_sequence_example(
    _sequences(tf), sequence_features={"v": tf.io.RaggedFeature(tf.int64)},
))  # fmt: skip
_JSON = '{"features": {"feature": {"a": {"int64_list": {"value": [1, "2"]}}, "b": {"bytesList": {"value": ["eA=="]}}}}}'
_add("examples as JSON", lambda tf: tf.io.parse_single_example(
    tf.io.decode_json_example(_JSON), {"a": tf.io.VarLenFeature(tf.int64), "b": tf.io.FixedLenFeature([], tf.string)},
))  # fmt: skip
_add("broken JSON", lambda tf: tf.io.decode_json_example("{"))

_add("csv", lambda tf, r: tf.io.decode_csv(r, [[0], ["none"], [1.5]]), ["1,a,2.5", '2,"b,""c""",', "3,,-1e2"])
_add(
    "csv of chosen columns",
    lambda tf, r: tf.io.decode_csv(r, [tf.constant([], tf.int32), [0.0]], select_cols=[0, 2]),
    ["1,a,2.5", "2,b,"],
)
_add("csv with tabs", lambda tf, r: tf.io.decode_csv(r, [[0], [""]], "\t", na_value="NA"), ["NA\tx", "4\tNA"])
_add("csv without quotes", lambda tf, r: tf.io.decode_csv(r, [[""], [""]], use_quote_delim=False), ['"a,b"'])
for _name, _record, _defaults in (
    ("too few", "1", [[0], [0]]), ("too many", "1,2,3", [[0], [0]]), ("no number", "x,2", [[0], [0]]),
    ("an open quote", '"a,b', [[""], [""]]), ("quotes inside", 'a"b,c', [[""], [""]]),
):  # fmt: skip
    _add(f"csv with {_name}", lambda tf, r, d=_defaults: tf.io.decode_csv(r, d), [_record])
_add("csv without a required field", lambda tf, r: tf.io.decode_csv(r, [tf.constant([], tf.int32)] * 2), ["1,"])

_add(
    "decode_raw",
    lambda tf, s: [tf.io.decode_raw(s, t) for t in (tf.uint8, tf.int16, tf.int32)],
    [b"\x01\x02\x03\x04", b"abcd"],
)
_add("decode_raw of big-endian bytes", lambda tf, s: tf.io.decode_raw(s, tf.int16, little_endian=False), [b"\x01\x02"])
_add(
    "decode_raw of a fixed length",
    lambda tf, s: tf.io.decode_raw(s, tf.int16, fixed_length=4),
    [b"\x01\x02", b"abcdef"],
)
_add("decode_raw of uneven strings", lambda tf, s: tf.io.decode_raw(s, tf.uint8), [b"a", b"bc"])
_add("decode_raw of a rest", lambda tf, s: tf.io.decode_raw(s, tf.int16), [b"abc"])
_add(
    "base64",
    lambda tf, s: [tf.io.encode_base64(s), tf.io.encode_base64(s, pad=True)],
    ["", "a", "ab", "abc", "\xff\xfe?>"],
)
_add("base64 back", lambda tf, s: tf.io.decode_base64(s), ["", "YQ", "YQ==", "YWI", "w7_Dvj8-"])
_add("broken base64", lambda tf, s: tf.io.decode_base64(s), ["Y+=="])
for _name, _value in {
    "floats": [[1.5, -2.0]], "integers": [1, 2], "strings": ["a", "bcd", ""], "a scalar": 3.0, "truths": [True, False],
}.items():  # fmt: skip
    _add(f"tensors of {_name} as bytes", lambda tf, x: [
        tf.io.serialize_tensor(x), tf.io.parse_tensor(tf.io.serialize_tensor(x), x.dtype),
    ], _value)  # fmt: skip
_add(
    "tensors of half floats as bytes",
    lambda tf, x: tf.io.parse_tensor(tf.io.serialize_tensor(tf.cast(x, tf.float16)), tf.float16),
    [1.5],
)
_add("tensors of another dtype", lambda tf, x: tf.io.parse_tensor(tf.io.serialize_tensor(x), tf.int32), [1.5])
_add("broken tensors", lambda tf: tf.io.parse_tensor(b"\xff", tf.int32))
_add("lists in tensors", lambda tf: tf.io.parse_tensor(b"\x08\x03\x12\x04\x12\x02\x08\x03\x3a\x02\x05\x06", tf.int32))
_add("decode_compressed", lambda tf, s: tf.io.decode_compressed(s, "GZIP"), [
    base64.b64decode("H4sIAAAAAAAC/8tIzcnJBwCGphA2BQAAAA=="),
])  # fmt: skip
_add("text and bytes", lambda tf: [
    tf.compat.as_bytes("ä"), tf.compat.as_text(b"a"), tf.compat.as_str("b"), tf.compat.as_str_any(3),
], staged=False)  # fmt: skip
_add("broken images", lambda tf: [tf.io.decode_png(b"\x89PNG no image")])
_add("other bytes", lambda tf: [tf.io.decode_image(b"no image")])
_IMAGE = [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[127, 0, 0], [0, 127, 0], [9, 8, 7]]]
_add("png there and back", lambda tf, x: [
    tf.io.decode_png(tf.io.encode_png(tf.cast(x, tf.uint8)), channels=c) for c in (0, 3, 4)
], _IMAGE)  # fmt: skip
_add("png of one channel", lambda tf, x: tf.io.decode_png(tf.io.encode_png(tf.cast(x[..., :1], tf.uint8))), _IMAGE)
_add("png of 16 bits", lambda tf, x: [
    tf.io.decode_png(tf.io.encode_png(tf.cast(x[..., :1] * 257, tf.uint16)), dtype=tf.uint16),
    tf.io.decode_png(tf.io.encode_png(tf.cast(x[..., :1], tf.uint8)), dtype=tf.uint16),
], _IMAGE)  # fmt: skip
_add("any image", lambda tf, x: [
    tf.io.decode_image(tf.io.encode_png(tf.cast(x, tf.uint8))),
    tf.io.decode_image(tf.io.encode_png(tf.cast(x, tf.uint8)), dtype=tf.float32),
], _IMAGE)  # fmt: skip
_add("about jpegs", lambda tf, x: [
    tf.io.is_jpeg(tf.io.encode_jpeg(tf.cast(x, tf.uint8))), tf.io.is_jpeg(b"no"),
    tf.io.extract_jpeg_shape(tf.io.encode_jpeg(tf.cast(x, tf.uint8))),
], _IMAGE)  # fmt: skip
_add("png of five channels", lambda tf: tf.io.encode_png(tf.zeros([2, 2, 5], tf.uint8)))
_add("sounds there and back", lambda tf, x: [
    *tf.audio.decode_wav(tf.audio.encode_wav(x, 8000)), tf.audio.encode_wav(x, 44100),
    *tf.audio.decode_wav(tf.audio.encode_wav(x, 8000), desired_channels=1, desired_samples=2),
    *tf.audio.decode_wav(tf.audio.encode_wav(x[:, :1], 8000), desired_channels=2, desired_samples=5),
], [[0.5, -0.25], [1.5, -2.0], [1.6e-5, -0.1]])  # fmt: skip
_add("broken sounds", lambda tf: [tf.audio.decode_wav(b"RIFF no")])
