"""Parts of strings: case, length, pieces, n-grams; strings joined along axes, and read as numbers.

Invariant: strings are bytes; what counts characters takes them as UTF-8. Entry points: the `tf.strings` functions
below.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api.strings import as_strings
from graphtf.convert import convert_to_tensor, known_array
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import OutOfRangeError, UnknownShapeError
from graphtf.ir.ops.prims import p
from graphtf.ir.summary import fill
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid, tracing, wrong_dtype
from graphtf.sizes import as_axes
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_UNITS = ("BYTE", "UTF8_CHAR")


# ---- each string by itself -------------------------------------------------------------------------------------------


def _as_text(function: Callable[[str], str]) -> Callable[[bytes], bytes]:
    return lambda s: function(s.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _cased(input: Any, encoding: str, name: str, to: str) -> Tensor:
    if encoding not in ("", "utf-8"):
        raise invalid(name, f"only utf8 or '' (no encoding) is supported, got {encoding!r}")
    return _mapped(as_strings(input, name), f"{to} {encoding}".strip())


_MAPS: dict[str, Callable[[bytes], bytes]] = {
    "lower": bytes.lower, "upper": bytes.upper, "lower utf-8": _as_text(str.lower), "upper utf-8": _as_text(str.upper),
    "strip": lambda s: s.strip(b" \t\n\v\f\r"),
}  # fmt: skip


def _mapped(x: Tensor, how: str) -> Tensor:
    (out,) = on_host(HostFunction(mapped, how=how), [x], [dt.string], [x.ir_type.shape])
    return out


@host_function
def mapped(values: Array, how: str) -> list[Array]:
    out = np.empty(values.shape, object)
    out.reshape(-1)[:] = list(map(_MAPS[how], values.reshape(-1).tolist()))
    return [out]


def lower(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """In lower case: ASCII letters, or with encoding "utf-8" all.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/lower.

    >>> lower("CamelCase").numpy()
    b'camelcase'
    """
    return _cased(input, encoding, "strings.lower", "lower")


def upper(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """In upper case: ASCII letters, or with encoding "utf-8" all.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/upper.

    >>> upper("CamelCase").numpy()
    b'CAMELCASE'
    """
    return _cased(input, encoding, "strings.upper", "upper")


def strip(input: Any, name: str | None = None) -> Tensor:
    """Without white space at both ends. Follows https://www.tensorflow.org/api_docs/python/tf/strings/strip.

    >>> strip(" a b ").numpy()
    b'a b'
    """
    return _mapped(as_strings(input, "strings.strip"), "strip")


def _unit(unit: str, name: str) -> bool:
    """Does it count characters?"""
    if unit not in _UNITS:
        raise invalid(name, f"unit must be BYTE or UTF8_CHAR, got {unit!r}")
    return unit == "UTF8_CHAR"


def _count_characters(s: bytes) -> int:
    """Bytes that begin a character."""
    return sum(byte & 0xC0 != 0x80 for byte in s)


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """The number of bytes, or of UTF-8 characters: int32.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/length.

    >>> length(["Hello", "\\U0001F642"], unit="UTF8_CHAR").numpy().tolist()
    [5, 1]
    """
    count = HostFunction(lengths, characters=_unit(unit, "strings.length"))
    x = as_strings(input, "strings.length")
    (out,) = on_host(count, [x], [dt.int32], [x.ir_type.shape])
    return out


@host_function
def lengths(values: Array, characters: bool) -> list[Array]:
    """The number of bytes or characters of each string."""
    measure = _count_characters if characters else len
    found = [measure(s) for s in values.reshape(-1).tolist()]
    return [np.array(found, np.int32).reshape(values.shape)]


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """`len` bytes (or UTF-8 characters) from `pos` on, which counts from the end where it is negative.

    The arguments broadcast. Raises InvalidArgumentError for a position outside. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/substr.

    >>> substr(["Hello", "World"], 1, 3).numpy().tolist()
    [b'ell', b'orl']
    """
    wide = _unit(unit, "strings.substr")
    x = as_strings(input, "strings.substr")
    start = convert_to_tensor(pos)
    count = convert_to_tensor(len, None if isinstance(len, Tensor) else start.dtype)
    if start.dtype is not count.dtype or start.dtype not in (dt.int32, dt.int64):
        raise wrong_dtype(
            "strings.substr", f"pos and len must be int32 or int64, got {start.dtype.name}, {count.dtype.name}"
        )
    if (
        start.shape.rank is not None
        and count.shape.rank is not None
        and not start.shape.is_compatible_with(count.shape)
    ):
        raise invalid("strings.substr", f"pos and len should have the same shape, got {start.shape} and {count.shape}")

    def run(values: Array, at: Array, wanted: Array) -> list[Array]:
        try:
            many = np.broadcast_arrays(values, at, wanted)
        except ValueError as error:
            raise failed("strings.substr", str(error)) from None
        out = np.empty(many[0].shape, object)
        items = zip(*(a.reshape(-1).tolist() for a in many))
        out.reshape(-1)[:] = [_cut(s, a, n, wide, k) for k, (s, a, n) in enumerate(items)]
        return [out]

    scalar = start.shape.rank == 0 and count.shape.rank == 0
    shape: Any = x.ir_type.shape if scalar else None if x.shape.rank is None else _together(x, start)
    (out,) = on_host(run, [x, start, count], [dt.string], [shape])
    return out


def _together(x: Tensor, y: Tensor) -> Any:
    from graphtf.tensor_shape import broadcast_static_shape

    return broadcast_static_shape(x.shape, y.shape).as_tuple()


def _cut(s: bytes, pos: int, count: int, wide: bool, k: int) -> bytes:
    text: Any = s.decode("utf-8", "surrogateescape") if wide else s
    size = len(text)
    if not -size <= pos <= size:
        raise failed("strings.substr", f"pos {pos} out of range for string {s!r} at index {k}")
    start = pos + size if pos < 0 else pos
    part = text[start : start + max(count, 0)]
    return part.encode("utf-8", "surrogateescape") if wide else part  # type: ignore[no-any-return]


def to_number(input: Any, out_type: Any = dt.float32, name: str | None = None) -> Tensor:
    """Strings as numbers: float32, float64, int32, int64, uint32 or uint64.

    Raises InvalidArgumentError for text that is no number. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/to_number.

    >>> to_number(["1.55", "-3"])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([ 1.55, -3.  ], dtype=float32)>
    """
    kind = as_dtype(out_type)
    if kind not in (dt.float32, dt.float64, dt.int32, dt.int64, dt.uint32, dt.uint64):
        raise wrong_dtype("strings.to_number", f"out_type {kind.name} is not among the types of numbers it gives")
    x = as_strings(input, "strings.to_number")

    def run(values: Array) -> list[Array]:
        found = [number_in(s, kind) for s in values.reshape(-1).tolist()]
        return [np.array(found, kind.np).reshape(values.shape)]

    (out,) = on_host(run, [x], [kind], [x.ir_type.shape])
    return out


def number_in(s: bytes, kind: dt.DType) -> Any:
    """The number that a string stands for. Raises InvalidArgumentError if it is none, or out of range."""
    text = s.decode("ascii", "replace").strip()
    try:
        if "_" in text:
            raise ValueError
        if kind.is_floating:
            return float.fromhex(text) if "0x" in text.lower() else float(text)
        value = int(text)
        if not kind.min <= value <= kind.max:
            raise ValueError
        return value
    except ValueError:
        shown = s.decode(errors="replace")
        raise failed("strings.to_number", f"StringToNumberOp could not correctly convert string: {shown}") from None


# ---- pieces ----------------------------------------------------------------------------------------------------------


def pieces(x: Any, cut: HostFunction, dtypes: list[dt.DType]) -> list[Any]:
    """For each string a row of what `cut` gives: (piece, …) tuples, of the dtypes. A scalar gives vectors."""
    if isinstance(x, RaggedTensor):
        return [x.with_values(inner) for inner in pieces(x.values, cut, dtypes)]
    rank = x.shape.rank
    if rank is None:
        raise UnknownShapeError("the rank of strings to be split must be known")
    if rank > 1:
        return pieces(RaggedTensor.from_tensor(x, ragged_rank=rank - 1), cut, dtypes)
    count = () if rank == 0 else x.ir_type.dims
    size = 2 if rank == 0 else count[0] + 1
    kinds = [dt.int64, *dtypes]
    splits, *columns = on_host(cut, [x], kinds, [(size,), *[(None,)] * len(dtypes)])
    if rank == 0:
        return columns
    return [RaggedTensor(column, splits) for column in columns]


def in_rows(values: Array, cut: Callable[[bytes], list[Any]], dtypes: list[dt.DType]) -> list[Array]:
    """The splits of rows of pieces, and the pieces, a column for each dtype."""
    found = [cut(s) for s in values.reshape(-1).tolist()]
    splits = rows.splits_of(np.array([len(row) for row in found], np.int64))
    flat = [item for row in found for item in row]
    return [splits, *(_column([item[k] for item in flat], d) for k, d in enumerate(dtypes))]


def _column(items: list[Any], dtype: dt.DType) -> Array:
    if dtype is not dt.string:
        return np.array(items, dtype.np)
    out = np.empty(len(items), object)
    out[:] = items
    return out


def _ragged_or_strings(x: Any, name: str) -> Any:
    return x if isinstance(x, RaggedTensor) else as_strings(x, name)


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """Each string cut at a separator, or at white space; at most `maxsplit` times.

    A ragged tensor with one axis more; of a scalar, a vector. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/split.

    >>> split(["hello world", "a b c"])
    <tf.RaggedTensor [[b'hello', b'world'], [b'a', b'b', b'c']]>
    """
    x = _ragged_or_strings(input, "strings.split")
    by = None if sep is None else known_array(sep)
    if sep is not None and by is None:
        raise ValueError(f"strings.split: sep must be known while the function is traced, got {sep!r}")
    separator = b"" if by is None else by[()]
    return pieces(x, HostFunction(cut_at, separator=separator, most=int(maxsplit)), [dt.string])[0]


@host_function
def cut_at(values: Array, separator: bytes, most: int) -> list[Array]:
    if separator:
        return in_rows(values, lambda s: [(w,) for w in s.split(separator, most)], [dt.string])
    return in_rows(values, lambda s: [(w,) for w in _words(s, most)], [dt.string])


def _words(s: bytes, maxsplit: int) -> list[bytes]:
    """Between white space; after `maxsplit` words the rest is one more, be it empty."""
    found = s.split(None, maxsplit)
    return [*found, b""] if len(found) == maxsplit > 0 else found


def bytes_split(input: Any, name: str | None = None) -> Any:
    """Each string as its bytes: a ragged tensor with one axis more.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/bytes_split.

    >>> bytes_split("abc").numpy().tolist()
    [b'a', b'b', b'c']
    """
    if isinstance(input, (Tensor, RaggedTensor)) and input.dtype is not dt.string:
        error = TypeError if tracing() else ValueError
        raise error(f"bytes_split: Tensor conversion requested dtype string for {input!r}")
    x = _ragged_or_strings(input, "strings.bytes_split")
    return pieces(x, HostFunction(cut_bytes), [dt.string])[0]


@host_function
def cut_bytes(values: Array) -> list[Array]:
    return in_rows(values, lambda s: [(s[k : k + 1],) for k in range(len(s))], [dt.string])


# ---- along axes ------------------------------------------------------------------------------------------------------


def reduce_join(
    inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None
) -> Any:
    """Strings joined along axes, first along the first one given; along all, row by row, by default.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/reduce_join.

    >>> reduce_join([["abc", "123"], ["def", "456"]], axis=-1, separator=" ").numpy().tolist()
    [b'abc 123', b'def 456']
    """
    between = separator.encode() if isinstance(separator, str) else bytes(separator)
    if isinstance(inputs, RaggedTensor):
        return _joined_rows(inputs, axis, keepdims, between)
    x = as_strings(inputs, "strings.reduce_join")
    rank = len(x.ir_type.dims)
    if axis is not None and not tracing():
        _check_axes(axis, rank)
    axes = list(range(rank)) if axis is None else [k % rank for k in _ordered_axes(axis, rank)][::-1]
    kept = [k for k in range(rank) if k not in axes]

    def run(values: Array) -> list[Array]:
        moved = values.transpose([*kept, *axes]).reshape(*(values.shape[k] for k in kept), -1)
        out = np.empty(moved.shape[:-1], object)
        out.reshape(-1)[:] = [between.join(row) for row in moved.reshape(out.size, moved.shape[-1]).tolist()]
        return [np.expand_dims(out, sorted(axes)) if keepdims else out]

    dims = x.ir_type.dims
    shape = [1 if k in axes else d for k, d in enumerate(dims)] if keepdims else [dims[k] for k in kept]
    (out,) = on_host(run, [x], [dt.string], [tuple(shape)])
    return out


def _check_axes(axis: Any, rank: int) -> None:
    for k in axis if isinstance(axis, (list, tuple)) else [axis]:
        if not -rank <= int(k) < rank:
            message = f"reduce_join: Invalid reduction dimension {k} for input with {rank} dimension(s)"
            raise OutOfRangeError(None, None, message)


def _ordered_axes(axis: Any, rank: int) -> list[int]:
    as_axes(axis, rank, "strings.reduce_join")
    return list(axis) if isinstance(axis, (list, tuple)) else [int(axis)]


def _joined_rows(x: RaggedTensor, axis: Any, keepdims: bool, between: bytes) -> Any:
    rank = x.shape.rank or 0
    k = rank - 1 if axis is None else int(axis[0] if isinstance(axis, (list, tuple)) else axis)
    k = k + rank if k < 0 else k
    if axis is None:
        return reduce_join(x.flat_values, None, keepdims, between.decode())
    if isinstance(x.values, RaggedTensor) and k > 1:
        return x.with_values(_joined_rows(x.values, k - 1, keepdims, between))
    if k == 0 and not isinstance(x.values, RaggedTensor):
        joined = _joined_columns(x, between)
        return p.reshape(joined, shape=(1, *joined.ir_type.dims)) if keepdims else joined
    if k != 1 or isinstance(x.values, RaggedTensor) or x.values.shape.rank != 1:
        raise ValueError("reduce_join of a ragged tensor joins along its innermost ragged axis, the last one")

    def run(splits: Array, values: Array) -> list[Array]:
        flat, ends = values.tolist(), splits.tolist()
        out = np.empty(len(ends) - 1, object)
        out[:] = [between.join(flat[a:b]) for a, b in pairwise(ends)]
        return [out[:, None] if keepdims else out]

    count = x.shape.as_list()[0]
    (out,) = on_host(run, [x.row_splits, x.values], [dt.string], [(count, 1) if keepdims else (count,)])
    return out


def _joined_columns(x: RaggedTensor, between: bytes) -> Any:
    """What stands at each place of the rows, joined from row to row."""

    def run(splits: Array, values: Array) -> list[Array]:
        parts = [values[a:b].tolist() for a, b in pairwise(splits.tolist())]
        width = max(map(len, parts), default=0)
        out = np.empty(width, object)
        out[:] = [between.join(row[k] for row in parts if k < len(row)) for k in range(width)]
        return [out]

    (out,) = on_host(run, [x.row_splits, x.values], [dt.string], [(None,)])
    return out


def ngrams(
    data: Any, ngram_width: Any, separator: str = " ", pad_values: Any = None, padding_width: int | None = None,
    preserve_short_sequences: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """Each run of `ngram_width` strings (an integer or several) along the last axis, joined by a separator.

    `pad_values` (a string, or one for each end) stands beyond the ends, `padding_width` times at most; a row too short
    counts as one n-gram if `preserve_short_sequences`. Raises TypeError, ValueError for bad arguments. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/ngrams.

    >>> ngrams(["A", "B", "C"], 2).numpy().tolist()
    [b'A B', b'B C']
    """
    widths, left, right = _ngram_options(ngram_width, pad_values, padding_width)
    x = _ragged_or_strings(data, "strings.ngrams")
    rank = x.shape.rank
    if rank is None or rank == 0:
        raise ValueError(f"data must have at least one axis of known rank, got {x.shape}")
    dense = not isinstance(x, RaggedTensor)
    if dense:
        x = RaggedTensor.from_tensor(x, ragged_rank=rank - 1) if rank > 1 else _one_row(x)
    run = HostFunction(
        grams_of, widths=widths, left=left, right=right, pad=padding_width, keep_short=bool(preserve_short_sequences),
        between=separator.encode(),
    )  # fmt: skip
    made = _innermost(x, run)
    if not dense:
        return made
    return made.flat_values if rank == 1 else made if preserve_short_sequences else made.to_tensor()


@host_function
def grams_of(splits: Array, values: Array, **options: Any) -> list[Array]:
    flat, ends = values.tolist(), splits.tolist()
    found = [_grams(flat[a:b], **options) for a, b in pairwise(ends)]
    out = [gram for row in found for gram in row]
    return [rows.splits_of(np.array([len(row) for row in found], np.int64)), _column(out, dt.string)]


def _one_row(x: Tensor) -> RaggedTensor:
    from graphtf.api.ragged_shape import ragged_expand_dims

    row = ragged_expand_dims(x, 0)
    return RaggedTensor.from_tensor(row)


def _innermost(x: RaggedTensor, run: HostFunction) -> RaggedTensor:
    if isinstance(x.values, RaggedTensor):
        return x.with_values(_innermost(x.values, run))
    shapes: list[Any] = [x.row_splits.ir_type.dims, (None,)]
    splits, flat = on_host(run, [x.row_splits, x.values], [dt.int64, dt.string], shapes)
    return RaggedTensor(flat, splits)


def _ngram_options(ngram_width: Any, pad_values: Any, padding_width: int | None) -> tuple[list[int], bytes, bytes]:
    if pad_values is None:
        pads = ("", "")
    elif isinstance(pad_values, (list, tuple)):
        if not all(isinstance(v, (str, bytes)) for v in pad_values):
            raise TypeError(f"pad_values must be a string, tuple of strings, or None. Received: {pad_values}")
        if len(pad_values) != 2:
            raise ValueError(f"pad_values must be a tuple of two strings. Received: {pad_values}")
        pads = tuple(pad_values)  # type: ignore[assignment]
    elif isinstance(pad_values, (str, bytes)):
        pads = (pad_values, pad_values)  # type: ignore[assignment]
    else:
        raise TypeError(f"pad_values must be a string, tuple of strings, or None. Received: {pad_values}")
    widths = [ngram_width] if isinstance(ngram_width, int) else list(ngram_width)
    if any(w < 1 for w in widths):
        raise ValueError(f"All ngram_widths must be greater than 0. Received {ngram_width}")
    if padding_width is not None and padding_width < 1:
        raise ValueError(f"padding_width must be greater than 0. Received {padding_width}")
    if padding_width is not None and pad_values is None:
        raise ValueError("pad_values must be provided if padding_width is set.")
    left, right = (v if isinstance(v, bytes) else v.encode() for v in pads)
    return widths, left, right


def _grams(
    row: list[bytes], widths: list[int], left: bytes, right: bytes, pad: int | None, keep_short: bool, between: bytes
) -> list[bytes]:
    found: list[bytes] = []
    for width in widths:
        beyond = 0 if not left and not right and pad is None else width - 1 if pad is None else min(pad, width - 1)
        padded = [left] * beyond + row + [right] * beyond
        grams = [between.join(padded[k : k + width]) for k in range(len(padded) - width + 1)]
        if not grams and keep_short and row and not found:
            grams = [between.join(padded)]
        found += grams
    return found


def format(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: str | None = None) -> Tensor:
    """A template with each placeholder replaced by the text of a tensor, as `tf.print` shows it.

    Raises ValueError for another number of placeholders than tensors. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/format.

    >>> format("x: {}", convert_to_tensor([1, 2])).numpy()
    b'x: [1 2]'
    """
    given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    tensors = [convert_to_tensor(x) for x in given]
    if template.count(placeholder) != len(tensors):
        raise ValueError(
            f"The template expects {template.count(placeholder)} tensors, but the inputs only has {len(tensors)}. "
            "Please ensure the number of placeholders in template matches inputs length."
        )
    marked = "{}".join(part.replace("{}", "\\{}") for part in template.split(placeholder))

    def run(*arrays: Array) -> list[Array]:
        out = np.empty((), object)
        out[()] = fill(marked, arrays, summarize).encode()
        return [out]

    (out,) = on_host(run, tensors, [dt.string], [()])
    return out
