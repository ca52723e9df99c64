"""`tf.raw_ops` of strings and files: by keyword, under the kernels' names.

Invariant: each is the public function of the same meaning. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from graphtf.api import debugging, printing, sets, string_hash, string_parts, string_regex, string_unicode, strings
from graphtf.api.raw_naming import raw
from graphtf.convert import convert_to_tensor
from graphtf.files import tensors, whole
from graphtf.ir import dtypes as dt
from graphtf.ragged_tensor import RaggedTensor
from graphtf.sparse_tensor import SparseTensor

StringSplitResult = namedtuple("StringSplitV2", ["indices", "values", "shape"])
OldStringSplitResult = namedtuple("StringSplit", ["indices", "values", "shape"])
UnicodeDecodeResult = namedtuple("UnicodeDecode", ["row_splits", "char_values"])

StringUpper = raw("StringUpper", lambda *, input, encoding="", name=None: string_parts.upper(input, encoding))
StringLower = raw("StringLower", lambda *, input, encoding="", name=None: string_parts.lower(input, encoding))
StringStrip = raw("StringStrip", lambda *, input, name=None: string_parts.strip(input))
StringLength = raw("StringLength", lambda *, input, unit="BYTE", name=None: string_parts.length(input, unit))
StringJoin = raw("StringJoin", lambda *, inputs, separator="", name=None: strings.join(inputs, separator))
StringFormat = raw(
    "StringFormat",
    lambda *, inputs, template="%s", placeholder="%s", summarize=3, name=None: string_parts.format(
        template, list(inputs), placeholder, summarize
    ),
)
StringToNumber = raw(
    "StringToNumber",
    lambda *, string_tensor, out_type=dt.float32, name=None: string_parts.to_number(string_tensor, out_type),
)
StringToHashBucket = raw(
    "StringToHashBucket",
    lambda *, string_tensor, num_buckets, name=None: string_hash.to_hash_bucket(string_tensor, num_buckets),
)
StringToHashBucketFast = raw(
    "StringToHashBucketFast",
    lambda *, input, num_buckets, name=None: string_hash.to_hash_bucket_fast(input, num_buckets),
)
StringToHashBucketStrong = raw(
    "StringToHashBucketStrong",
    lambda *, input, num_buckets, key, name=None: string_hash.to_hash_bucket_strong(input, num_buckets, key),
)
Fingerprint = raw("Fingerprint", lambda *, data, method, name=None: string_hash.fingerprint(data, method))
Substr = raw("Substr", lambda *, input, pos, len, unit="BYTE", name=None: string_parts.substr(input, pos, len, unit))
AsString = raw(
    "AsString",
    lambda *, input, precision=-1, scientific=False, shortest=False, width=-1, fill="", name=None: strings.as_string(
        input, precision, scientific, shortest, width, fill
    ),
)
RegexReplace = raw(
    "RegexReplace",
    lambda *, input, pattern, rewrite, replace_global=True, name=None: string_regex.regex_replace(
        input, pattern, rewrite, replace_global
    ),
)
StaticRegexReplace = raw(
    "StaticRegexReplace",
    lambda *, input, pattern, rewrite, replace_global=True, name=None: string_regex.regex_replace(
        input, pattern, rewrite, replace_global
    ),
)
RegexFullMatch = raw(
    "RegexFullMatch", lambda *, input, pattern, name=None: string_regex.regex_full_match(input, pattern)
)
StaticRegexFullMatch = raw(
    "StaticRegexFullMatch", lambda *, input, pattern, name=None: string_regex.regex_full_match(input, pattern)
)
UnsortedSegmentJoin = raw(
    "UnsortedSegmentJoin",
    lambda *, inputs, segment_ids, num_segments, separator="", name=None: strings.unsorted_segment_join(
        inputs, segment_ids, num_segments, separator
    ),
)
UnicodeScript = raw("UnicodeScript", lambda *, input, name=None: string_unicode.unicode_script(input))
UnicodeTranscode = raw(
    "UnicodeTranscode",
    lambda *, input, input_encoding, output_encoding, errors="replace", replacement_char=0xFFFD,
    replace_control_characters=False, name=None: string_unicode.unicode_transcode(
        input, input_encoding, output_encoding, errors, replacement_char, replace_control_characters
    ),
)  # fmt: skip


def ReduceJoin(
    *, inputs: Any, reduction_indices: Any, keep_dims: bool = False, separator: str = "", name: str | None = None
) -> Any:
    """Strings joined along axes. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ReduceJoin."""
    return string_parts.reduce_join(inputs, reduction_indices, keep_dims, separator)


def _sparse_pieces(x: Any) -> SparseTensor:
    rows = x if isinstance(x, RaggedTensor) else RaggedTensor.from_row_lengths(x, [x.shape[0]], validate=False)
    return rows.to_sparse()  # type: ignore[no-any-return]


def StringSplitV2(*, input: Any, sep: Any, maxsplit: int = -1, name: str | None = None) -> Any:
    """A vector of strings cut at a separator, as the parts of a sparse matrix.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/StringSplitV2.
    """
    return StringSplitResult(*_sparse_pieces(string_parts.split(input, sep, maxsplit))._components())


def UnicodeDecode(
    *, input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD,
    replace_control_characters: bool = False, Tsplits: Any = dt.int64, name: str | None = None,
) -> Any:  # fmt: skip
    """Code points of a vector of strings, as the parts of a ragged matrix.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/UnicodeDecode.
    """
    found = string_unicode.unicode_decode(input, input_encoding, errors, replacement_char, replace_control_characters)
    if not isinstance(found, RaggedTensor):
        found = RaggedTensor.from_row_lengths(found, [found.shape[0]], validate=False)
    return UnicodeDecodeResult(found.with_row_splits_dtype(Tsplits).row_splits, found.flat_values)


def UnicodeEncode(
    *, input_values: Any, input_splits: Any, output_encoding: str, errors: str = "replace",
    replacement_char: int = 0xFFFD, name: str | None = None,
) -> Any:  # fmt: skip
    """Rows of code points as strings. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/UnicodeEncode."""
    rows = RaggedTensor.from_row_splits(input_values, input_splits)
    return string_unicode.unicode_encode(rows, output_encoding, errors, replacement_char)


def EditDistance(
    *, hypothesis_indices: Any, hypothesis_values: Any, hypothesis_shape: Any, truth_indices: Any, truth_values: Any,
    truth_shape: Any, normalize: bool = True, name: str | None = None,
) -> Any:  # fmt: skip
    """The Levenshtein distances of sequences.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/EditDistance.
    """
    hypothesis = SparseTensor(hypothesis_indices, hypothesis_values, hypothesis_shape)
    return sets.edit_distance(hypothesis, SparseTensor(truth_indices, truth_values, truth_shape), normalize)


EncodeBase64 = raw("EncodeBase64", lambda *, input, pad=False, name=None: tensors.encode_base64(input, pad))
DecodeBase64 = raw("DecodeBase64", lambda *, input, name=None: tensors.decode_base64(input))
DecodeRaw = raw(
    "DecodeRaw",
    lambda *, bytes, out_type, little_endian=True, name=None: tensors.decode_raw(bytes, out_type, little_endian),
)
DecodePaddedRaw = raw(
    "DecodePaddedRaw",
    lambda *, input_bytes, fixed_length, out_type, little_endian=True, name=None: tensors.decode_raw(
        input_bytes, out_type, little_endian, fixed_length
    ),
)
DecodeCompressed = raw(
    "DecodeCompressed",
    lambda *, bytes, compression_type="", name=None: whole.decode_compressed(bytes, compression_type),
)
SerializeTensor = raw("SerializeTensor", lambda *, tensor, name=None: tensors.serialize_tensor(tensor))
ParseTensor = raw("ParseTensor", lambda *, serialized, out_type, name=None: tensors.parse_tensor(serialized, out_type))
ReadFile = raw("ReadFile", lambda *, filename, name=None: whole.read_file(filename))
WriteFile = raw("WriteFile", lambda *, filename, contents, name=None: whole.write_file(filename, contents))
MatchingFiles = raw("MatchingFiles", lambda *, pattern, name=None: whole.matching_files(pattern))
Assert = raw("Assert", lambda *, condition, data, summarize=3, name=None: debugging.Assert(condition, data, summarize))


def Print(
    *, input: Any, data: Any, message: str = "", first_n: int = -1, summarize: int = 3, name: str | None = None
) -> Any:
    """The input, after `data` is printed. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Print."""
    printing.print_(message, *data, summarize=summarize, sep="")
    return convert_to_tensor(input)
