"""Records of text: comma-separated values, and examples as JSON.

Entry points: `decode_csv`, `decode_json_example`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.string_parts import number_in
from graphtf.api.strings import as_strings, each
from graphtf.convert import known_array
from graphtf.deferred import on_host
from graphtf.files.example_protos import BytesList, Example, Feature, Features, FloatList, Int64List
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import InvalidArgumentError
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_DTYPES = (dt.float32, dt.float64, dt.int32, dt.int64, dt.string)


def decode_csv(
    records: Any, record_defaults: Sequence[Any], field_delim: str = ",", use_quote_delim: bool = True,
    na_value: str = "", select_cols: Any = None, name: str | None = None,
) -> list[Tensor]:  # fmt: skip
    """The fields of comma-separated records, a tensor for each column.

    `record_defaults` gives each column's dtype, and its default unless it is empty. Raises ValueError for bad
    arguments, InvalidArgumentError for records that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_csv.

    >>> [x.numpy().tolist() for x in decode_csv(["1,a", "2,"], [[0], ["none"]])]
    [[1, 2], [b'a', b'none']]
    """
    columns = [_column(k, d) for k, d in enumerate(record_defaults)]
    delimiter = field_delim.encode()
    if len(delimiter) != 1 or delimiter in b'"\n\r':
        raise invalid(
            "decode_csv", f"field_delim should be only 1 char, no quote and no end of line, got {field_delim!r}"
        )
    chosen = None if select_cols is None else [int(k) for k in select_cols]
    if chosen is not None and (chosen != sorted(set(chosen)) or min(chosen, default=0) < 0):
        raise ValueError("select_cols is not strictly increasing, or has negative columns")
    if chosen is not None and len(chosen) != len(columns):
        raise ValueError("Length of select_cols and record_defaults do not match.")
    x, missing = as_strings(records, "decode_csv"), na_value.encode()

    late = [k for k, (_, default) in enumerate(columns) if isinstance(default, Tensor)]

    def run(texts: Array, *given: Array) -> list[Array]:
        defaults = [default for _, default in columns]
        for j, array in zip(late, given):
            defaults[j] = array.reshape(-1)[0] if array.size else None
        lines = texts.reshape(-1).tolist()
        found: list[list[Any]] = [[] for _ in columns]
        for k, line in enumerate(lines):
            fields = _fields(line, delimiter, use_quote_delim)
            if chosen is not None:
                fields = [fields[c] for c in chosen if c < len(fields)]
            if len(fields) != len(columns):
                raise failed("decode_csv", f"Expect {len(columns)} fields but have {len(fields)} in record {k}")
            for j, (field, (dtype, _)) in enumerate(zip(fields, columns)):
                found[j].append(_value(field, dtype, defaults[j], missing, j, k))
        return [_array(values, d, texts.shape) for values, (d, _) in zip(found, columns)]

    operands = [x, *(columns[k][1] for k in late)]
    return on_host(run, operands, [d for d, _ in columns], [x.ir_type.shape] * len(columns))


def _column(k: int, given: Any) -> tuple[DType, Any]:
    """The dtype of a column, and its default if it has one: a tensor if only run time knows it."""
    array = known_array(given)
    if array is None:
        return given.dtype, given
    if array.ndim > 1 or array.size > 1:
        raise ValueError(f"Each record default should be at most 1-dim with at most one element, got {given!r}")
    dtype = dt.as_dtype(array.dtype)
    default = array.reshape(-1)[0] if array.size else None
    if dtype not in _DTYPES:
        raise ValueError(f"record_defaults[{k}] has dtype {dtype.name}, expected one of {[d.name for d in _DTYPES]}")
    return dtype, default


def _array(values: list[Any], dtype: DType, shape: tuple[int, ...]) -> Array:
    out = np.empty(len(values), dtype.np)
    out[:] = values
    return out.reshape(shape)


def _value(field: bytes, dtype: DType, default: Any, missing: bytes, j: int, k: int) -> Any:
    if field in (b"", missing):
        if default is None:
            raise failed("decode_csv", f"Field {j} is required but missing in record {k}!")
        return default
    if dtype is dt.string:
        return field
    try:
        return number_in(field, dtype)
    except InvalidArgumentError:  # which speaks of another function
        raise failed(
            "decode_csv", f"Field {j} in record {k} is not a valid {dtype.name}: {field.decode(errors='replace')}"
        ) from None


def _fields(line: bytes, delimiter: bytes, quotes: bool) -> list[bytes]:
    """A record in its fields, as RFC 4180 has it."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not quotes or b'"' not in line:
        return line.split(delimiter)
    out: list[bytes] = []
    at = 0
    while True:
        field, at = _quoted(line, at, delimiter) if line[at : at + 1] == b'"' else _plain(line, at, delimiter)
        out.append(field)
        if at >= len(line):
            return out
        at += 1
        if at == len(line):
            return [*out, b""]


def _plain(line: bytes, at: int, delimiter: bytes) -> tuple[bytes, int]:
    end = line.find(delimiter, at)
    end = len(line) if end < 0 else end
    field = line[at:end]
    if b'"' in field:
        raise failed("decode_csv", "Unquoted fields cannot have quotes inside")
    return field, end


def _quoted(line: bytes, at: int, delimiter: bytes) -> tuple[bytes, int]:
    out = bytearray()
    at += 1
    while True:
        end = line.find(b'"', at)
        if end < 0:
            raise failed("decode_csv", "Quoted field has to end with quote followed by delim or end")
        out += line[at:end]
        if line[end + 1 : end + 2] == b'"':
            out += b'"'
            at = end + 2
            continue
        if end + 1 < len(line) and line[end + 1 : end + 2] != delimiter:
            raise failed("decode_csv", "Quote inside a string has to be escaped by another quote")
        return bytes(out), end + 1


# ---- examples as JSON ------------------------------------------------------------------------------------------------


def decode_json_example(json_examples: Any, name: str | None = None) -> Tensor:
    """`tf.train.Example`s in JSON as serialized ones, which `parse_example` reads.

    Raises InvalidArgumentError for other JSON. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_json_example.

    >>> decode_json_example('{"features": {"feature": {"a": {"int64_list": {"value": [1]}}}}}').numpy()
    b'\\n\\x0c\\n\\n\\n\\x01a\\x12\\x05\\x1a\\x03\\n\\x01\\x01'
    """
    return each(as_strings(json_examples, "decode_json_example"), _from_json)


def _from_json(text: bytes) -> bytes:
    try:
        features = _member(json.loads(text), "features", "features") or {}
        held = {k: _feature(v) for k, v in (_member(features, "feature", "feature") or {}).items()}
        return Example(features=Features(feature=held)).SerializeToString()
    except (ValueError, TypeError, AttributeError) as error:
        raise failed("decode_json_example", f"Error while parsing JSON: {error}") from None


def _member(found: Any, snake: str, camel: str) -> Any:
    return found.get(snake, found.get(camel))


def _feature(found: Any) -> Feature:
    texts, floats, ints = (
        _member(found, *names)
        for names in (("bytes_list", "bytesList"), ("float_list", "floatList"), ("int64_list", "int64List"))
    )
    if texts is not None:
        return Feature(bytes_list=BytesList(value=[base64.b64decode(v) for v in texts.get("value", ())]))
    if floats is not None:
        return Feature(float_list=FloatList(value=[float(v) for v in floats.get("value", ())]))
    if ints is not None:
        return Feature(int64_list=Int64List(value=[int(v) for v in ints.get("value", ())]))
    return Feature()
