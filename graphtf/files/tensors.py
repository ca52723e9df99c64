"""Tensors as bytes and back: protocol buffers, raw memory, base64.

Entry points: `serialize_tensor`, `parse_tensor`, `make_tensor_proto`, `make_ndarray`, `decode_raw`, `encode_base64`,
`decode_base64`, `write_graph`.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any

import numpy as np

from graphtf.api.strings import as_strings, each
from graphtf.checkpoint.bundle import shape_proto
from graphtf.convert import convert_to_tensor, to_array
from graphtf.deferred import on_host
from graphtf.files.example_protos import TensorProto
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.sizes import as_size
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_LISTS = {
    "float32": "float_val", "float64": "double_val", "string": "string_val", "complex64": "scomplex_val",
    "int64": "int64_val", "bool": "bool_val", "complex128": "dcomplex_val", "float16": "half_val",
    "bfloat16": "half_val", "uint32": "uint32_val", "uint64": "uint64_val",
}  # fmt: skip


# ---- protocol buffers ------------------------------------------------------------------------------------------------


def _proto(array: Array) -> TensorProto:
    out = TensorProto(dtype=as_dtype(array.dtype).enum, tensor_shape=shape_proto(array.shape))
    out.tensor_shape._explicit = True
    if array.dtype == object:
        out.string_val = array.reshape(-1).tolist()
    else:
        out.tensor_content = np.ascontiguousarray(array).tobytes()
    return out


def _array(proto: TensorProto) -> Array:
    """The array of a message. Raises InvalidArgumentError for one that is broken."""
    try:
        dtype = as_dtype(proto.dtype)
    except TypeError:
        raise failed("parse_tensor", f"the dtype {proto.dtype} is none") from None
    shape = [dim.size for dim in proto.tensor_shape.dim]
    count = 1
    for d in shape:
        count *= d
    if any(d < 0 for d in shape) or dtype.kind not in "fiucbs":
        raise failed("parse_tensor", f"a tensor of {dtype.name} and shape {shape} cannot be read")
    if proto.tensor_content:
        if dtype is dt.string or len(proto.tensor_content) != count * dtype.size:
            raise failed("parse_tensor", f"{len(proto.tensor_content)} bytes for shape {shape} of {dtype.name}")
        return np.frombuffer(proto.tensor_content, dtype.np).reshape(shape)
    return _from_list(list(getattr(proto, _LISTS.get(dtype.name, "int_val"))), dtype, shape, count)


def _from_list(values: list[Any], dtype: DType, shape: list[int], count: int) -> Array:
    """Elements in a list, of which the last stands for those that are left out."""
    if dtype.is_complex:
        values = [complex(a, b) for a, b in zip(values[::2], values[1::2])]
    if len(values) > count:
        raise failed("parse_tensor", f"{len(values)} elements for shape {shape}")
    if count > 1 << 28 and len(values) < count:
        raise failed("parse_tensor", f"a shape of {count} elements of which {len(values)} are given")
    filler = values[-1] if values else b"" if dtype is dt.string else 0
    values += [filler] * (count - len(values))
    if dtype.name in ("float16", "bfloat16"):
        return np.array(values, np.uint16).view(dtype.np).reshape(shape)
    out = np.empty(count, dtype.np)
    out[:] = values
    return out.reshape(shape)


def message_of(array: Array) -> bytes:
    """An array as the bytes that `parse_tensor` reads."""
    return _proto(array).SerializeToString()  # type: ignore[no-any-return]


def array_of(text: bytes, name: str) -> Array:
    """The array of such bytes. Raises InvalidArgumentError if they are none."""
    from graphtf.ir.errors import DataLossError

    try:
        return _array(TensorProto.FromString(text))
    except DataLossError:
        raise failed(name, "Could not parse `serialized` as TensorProto") from None


def make_tensor_proto(
    values: Any, dtype: Any = None, shape: Any = None, verify_shape: bool = False, allow_broadcast: bool = False
) -> TensorProto:
    """A tensor's protocol buffer. Follows https://www.tensorflow.org/api_docs/python/tf/make_tensor_proto.

    >>> make_ndarray(make_tensor_proto([1, 2])).tolist()
    [1, 2]
    """
    if isinstance(values, TensorProto):
        return values
    array = to_array(values, None if dtype is None else as_dtype(dtype))
    if shape is not None:
        sizes = tuple(int(d) for d in shape)
        if verify_shape and array.shape != sizes:
            raise TypeError(f"Expected Tensor's shape: {sizes}, got {array.shape}.")
        if array.size != int(np.prod(sizes)) and array.size != 1:
            raise ValueError(f"Too many elements: {array.size} for shape {sizes}")
        array = array.reshape(sizes) if array.size == int(np.prod(sizes)) else np.full(sizes, array.reshape(()))
    return _proto(array)


def make_ndarray(tensor: Any) -> Array:
    """The array of a protocol buffer. Follows https://www.tensorflow.org/api_docs/python/tf/make_ndarray."""
    found = tensor if isinstance(tensor, TensorProto) else TensorProto.FromString(tensor.SerializeToString())
    return _array(found).copy()


def _text(data: bytes) -> Array:
    out = np.empty((), object)
    out[()] = data
    return out


def serialize_tensor(tensor: Any, name: str | None = None) -> Tensor:
    """A tensor as bytes, which `parse_tensor` reads.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/serialize_tensor.

    >>> parse_tensor(serialize_tensor([1, 2]), dt.int32).numpy().tolist()
    [1, 2]
    """
    x = convert_to_tensor(tensor)
    (out,) = on_host(lambda a: [_text(_proto(a).SerializeToString())], [x], [dt.string], [()])
    return out


def parse_tensor(serialized: Any, out_type: Any, name: str | None = None) -> Tensor:
    """The tensor of bytes that `serialize_tensor` gave.

    Raises InvalidArgumentError for broken bytes or another dtype. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/parse_tensor.
    """
    kind, data = as_dtype(out_type), as_strings(serialized, "parse_tensor")

    def run(text: Array) -> list[Array]:
        if text.ndim:
            raise failed("parse_tensor", f"Expected `serialized` to be a scalar, got shape: {list(text.shape)}")
        found = array_of(text[()], "parse_tensor")
        if as_dtype(found.dtype) is not kind:
            have = as_dtype(found.dtype).name
            raise failed("parse_tensor", f"Type mismatch between parsed tensor ({have}) and dtype ({kind.name})")
        return [found]

    (out,) = on_host(run, [data], [kind], [None])
    return out


# ---- raw memory and base64 -------------------------------------------------------------------------------------------


def decode_raw(
    input_bytes: Any, out_type: Any, little_endian: bool = True, fixed_length: Any = None, name: str | None = None
) -> Tensor:
    """The bytes of strings as numbers, along a new last axis; cut or filled up with zeros to `fixed_length` bytes.

    Raises InvalidArgumentError where strings differ in length or hold no whole number of elements. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_raw.

    >>> decode_raw(b"\\x01\\x00\\x02\\x00", dt.int16).numpy().tolist()
    [1, 2]
    """
    kind, x = as_dtype(out_type), as_strings(input_bytes, "decode_raw")
    if kind.kind not in "fiucb":
        raise wrong_dtype("decode_raw", f"out_type {kind.name} is no type of numbers")
    fixed = None if fixed_length is None else as_size(fixed_length, "fixed_length")
    if fixed is not None and (not isinstance(fixed, int) or fixed <= 0 or fixed % kind.size):
        raise invalid("decode_raw", f"fixed_length must be a positive multiple of {kind.size}, got {fixed_length}")

    def run(texts: Array) -> list[Array]:
        flat = texts.reshape(-1).tolist()
        if fixed is not None:
            flat = [s[:fixed].ljust(fixed, b"\0") for s in flat]
        width = len(flat[0]) if flat else fixed or 0
        if any(len(s) != width for s in flat):
            raise failed(
                "decode_raw",
                f"DecodeRaw requires input strings to all be the same size, got {sorted({*map(len, flat)})}",
            )
        if width % kind.size:
            raise failed("decode_raw", f"Input to DecodeRaw has length {width} that is not a multiple of {kind.size}")
        found = np.frombuffer(b"".join(flat), kind.np).reshape(*texts.shape, width // kind.size)
        return [found.copy() if little_endian else found.byteswap()]

    dims = x.ir_type.shape
    last = None if fixed is None else fixed // kind.size
    (out,) = on_host(run, [x], [kind], [None if dims is None else (*dims, last)])
    return out


def encode_base64(input: Any, pad: bool = False, name: str | None = None) -> Tensor:
    """Strings in web-safe base64. Follows https://www.tensorflow.org/api_docs/python/tf/io/encode_base64.

    >>> encode_base64("a").numpy()
    b'YQ'
    """

    def encoded(s: bytes) -> bytes:
        out = base64.urlsafe_b64encode(s)
        return out if pad else out.rstrip(b"=")

    return each(as_strings(input, "encode_base64"), encoded)


def decode_base64(input: Any, name: str | None = None) -> Tensor:
    """Strings out of web-safe base64, padded or not. Raises InvalidArgumentError for others.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_base64.

    >>> decode_base64("YQ").numpy()
    b'a'
    """

    def decoded(s: bytes) -> bytes:
        bare = s.rstrip(b"=")
        try:
            if any(c in b"+/" for c in s) or len(s) - len(bare) not in (0, -len(bare) % 4):
                raise ValueError
            return base64.b64decode(bare + b"=" * (-len(bare) % 4), b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise failed("decode_base64", "Invalid character found in base64.") from None

    return each(as_strings(input, "decode_base64"), decoded)


def write_graph(graph_or_graph_def: Any, logdir: Any, name: str, as_text: bool = True) -> str:
    """Write a traced graph as text, in GraphTF's own form, which `graphtf.ir.parse` reads; its path.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/write_graph.
    """
    path = os.path.join(os.fspath(logdir), name)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(graph_or_graph_def))
    return path
