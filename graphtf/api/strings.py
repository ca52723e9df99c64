"""Strings: joining them, and numbers as text.

Invariant: strings are bytes; ops on them run on the host. Entry points: the `tf.strings` functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.sizes import as_size
from graphtf.tensor import Tensor, static_sizes
from graphtf.tensor_shape import TensorShape, broadcast_static_shape

Array = np.ndarray[Any, Any]


def as_strings(x: Any, name: str) -> Tensor:
    """x as a tensor of strings. Raises TypeError for Python values of another type, InvalidArgumentError (tracing:
    TypeError) for a tensor of another dtype."""
    t = convert_to_tensor(x, None if is_tensor_like(x) else dt.string)
    if t.dtype is not dt.string:
        raise wrong_dtype(name, f"expected strings, got {t.dtype.name}")
    return t


def join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """Strings joined elementwise with broadcasting, a separator between them.

    Raises InvalidArgumentError (tracing: ValueError) for shapes that do not broadcast. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/join.

    >>> join([["a", "b"], "c"], separator="-")
    <tf.Tensor: shape=(2,), dtype=string, numpy=array([b'a-c', b'b-c'], dtype=object)>
    """
    if not len(inputs):
        return convert_to_tensor("")
    parts = [as_strings(x, "strings.join") for x in inputs]
    between = separator.encode()

    (out,) = on_host(HostFunction(joined, between=between), parts, [dt.string], [_together(parts)])
    return out


def unsorted_segment_join(
    inputs: Any, segment_ids: Any, num_segments: Any, separator: str = "", name: str | None = None
) -> Tensor:
    """The strings (or rows) of one segment joined, for each of `num_segments`; "" where there are none.

    `segment_ids` have the leading axes of `inputs`. Raises InvalidArgumentError (tracing: ValueError) where they do
    not, and for an id out of range. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/unsorted_segment_join.

    >>> unsorted_segment_join(["a", "b", "c"], [0, 1, 0], 2, separator=":").numpy()
    array([b'a:c', b'b'], dtype=object)
    """
    texts, ids = as_strings(inputs, "unsorted_segment_join"), convert_to_tensor(segment_ids)
    lead = ids.shape.rank
    if lead is None or not texts.shape[:lead].is_compatible_with(ids.shape):
        raise invalid("unsorted_segment_join", f"segment_ids {ids.shape} are not the leading axes of {texts.shape}")
    between = separator.encode()

    def run(text: Array, segment: Array, count: Array) -> list[Array]:
        if np.any((segment < 0) | (segment >= count)):
            raise failed("unsorted_segment_join", f"segment_ids must be in [0, {count}), got {segment.tolist()}")
        rows, rest = segment.reshape(-1), text.shape[segment.ndim :]
        flat = text.reshape(len(rows), -1)
        out = np.empty((int(count), flat.shape[1]), object)
        for k in range(len(out)):
            out[k] = [between.join(column) for column in flat[rows == k].T.tolist()]
        return [out.reshape(int(count), *rest)]

    rest = None if texts.shape.rank is None else (as_size(num_segments), *texts.ir_type.dims[lead:])
    (out,) = on_host(run, [texts, ids, convert_to_tensor(num_segments)], [dt.string], [rest])
    return out


@host_function
def joined(*arrays: Array, between: bytes) -> list[Array]:
    rows = np.broadcast_arrays(*arrays)
    out = np.empty(rows[0].shape, object)
    out.reshape(-1)[:] = [between.join(items) for items in zip(*(r.reshape(-1).tolist() for r in rows))]
    return [out]


def _together(parts: Sequence[Tensor]) -> tuple[int | None, ...] | None:
    """The static shape that tensors broadcast to."""
    shape: Any = TensorShape([])
    for x in parts:
        shape = broadcast_static_shape(shape, x.shape)
    return static_sizes(shape.as_tuple())


def each(x: Tensor, function: Callable[[Any], bytes]) -> Tensor:
    """The text of each element."""

    def run(array: Array) -> list[Array]:
        out = np.empty(array.shape, object)
        out.reshape(-1)[:] = [function(v) for v in array.reshape(-1).tolist()]
        return [out]

    (out,) = on_host(run, [x], [dt.string], [x.ir_type.shape])
    return out


def as_string(
    input: Any, precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1, fill: str = "",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Numbers as text, of a least width filled with spaces or `fill`, floats with six decimals or as asked.

    Raises InvalidArgumentError for options that contradict each other. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/as_string.

    >>> as_string([3, 42], width=4)
    <tf.Tensor: shape=(2,), dtype=string, numpy=array([b'   3', b'  42'], dtype=object)>
    """
    x = convert_to_tensor(input)
    if scientific and shortest:
        raise wrong_dtype("as_string", "Cannot select both scientific and shortest notation")
    if len(fill) > 1:
        raise wrong_dtype("as_string", f"Fill string must be one or fewer characters, got {fill!r}")
    if x.dtype is dt.string:
        return each(x, lambda v: _padded(v.decode(errors="surrogateescape"), width, fill).encode())
    kind = "e" if scientific else "g" if shortest else "f"
    return each(x, _formatter(x.dtype, f".{precision}{kind}" if precision >= 0 else kind, width, fill))


def _padded(text: str, width: int, fill: str) -> str:
    if fill == "-":
        return text.ljust(max(width, 0))
    if fill == "0" and text.startswith(("-", "+")):
        return text[0] + text[1:].rjust(max(width - 1, 0), "0")
    return text.rjust(max(width, 0), "0" if fill == "0" else " ")


def _formatter(dtype: DType, spec: str, width: int, fill: str) -> Callable[[Any], bytes]:
    if dtype.is_bool:
        return lambda v: _padded("true" if v else "false", width, fill).encode()
    if dtype.is_integer:
        return lambda v: _padded(str(v), width, fill).encode()
    if dtype.is_complex:
        return lambda v: f"({format(v.real, spec)},{format(v.imag, spec)})".encode()
    return lambda v: _padded(format(float(v), spec), width, fill).encode()
