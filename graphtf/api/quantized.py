"""Quantised tensors: `tf.quantization.quantize` and `dequantize`.

Invariant: numbers are worked out on the host; no gradient flows through them. Entry points: `quantize`, `dequantize`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_MODES = ("MIN_COMBINED", "MIN_FIRST", "SCALED")
_ROUNDINGS = ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN")


class QuantizeV2(NamedTuple):
    """What `quantize` gives."""

    output: Tensor
    output_min: Tensor
    output_max: Tensor


class _Storage:
    """The integers of a quantised dtype."""

    def __init__(self, dtype: Any, narrow: bool, name: str) -> None:
        self.dtype: DType = as_dtype(dtype)
        if self.dtype not in (dt.qint8, dt.quint8, dt.qint16, dt.quint16, dt.qint32):
            allowed = "qint8, quint8, qint32, qint16, quint16"
            message = f"Value for attr 'T' of {self.dtype.name} is not in the list of allowed values: {allowed}"
            raise invalid(name, message)
        self.plain = np.dtype(self.dtype.np[0])
        info = np.iinfo(self.plain)
        self.lowest, self.highest, self.steps = int(info.min), int(info.max), 1 << info.bits
        self.half = self.steps // 2 if info.min < 0 else 0
        self.narrowest = self.lowest + (1 if narrow else 0)


def _mode(mode: str, name: str) -> str:
    if mode not in _MODES:
        raise invalid(name, f"Value for attr 'mode' of {mode!r} is not in the list of allowed values: {_MODES}")
    return mode


def _along(bound: Array, x: Array, axis: Any) -> Array:
    """A range in the place of the axis it belongs to."""
    if axis is None or axis == -1:
        return np.asarray(bound, np.float64).reshape(()) if bound.size == 1 else np.asarray(bound, np.float64)
    return np.asarray(bound, np.float64).reshape([-1 if k == axis else 1 for k in range(x.ndim)])


def _away(x: Array) -> Array:
    return np.trunc(x + np.copysign(0.5, x))


def quantize(
    input: Any, min_range: Any, max_range: Any, T: Any, mode: str = "MIN_COMBINED",
    round_mode: str = "HALF_AWAY_FROM_ZERO", name: str | None = None, narrow_range: bool = False, axis: Any = None,
    ensure_minimum_range: float = 0.01,
) -> QuantizeV2:  # fmt: skip
    """Floats as integers of the quantised dtype `T`, which stand for [min_range, max_range]; the range they do stand
    for.

    With `axis` a range for each slice along it. Raises InvalidArgumentError (tracing: ValueError) for another dtype or
    mode, InvalidArgumentError for a range upside down. Follows
    https://www.tensorflow.org/api_docs/python/tf/quantization/quantize.

    >>> found = quantize([0.0, 1.0, 2.0], 0.0, 2.0, dt.quint8)
    >>> dequantize(found.output, found.output_min, found.output_max).numpy().round(2).tolist()
    [0.0, 1.0, 2.0]
    """
    storage, kind = _Storage(T, narrow_range, "quantize"), _mode(mode, "quantize")
    if round_mode not in _ROUNDINGS:
        raise invalid("quantize", f"round_mode must be one of {_ROUNDINGS}, got {round_mode!r}")
    rounded = np.rint if round_mode == "HALF_TO_EVEN" else _away
    x, low, high = (convert_to_tensor(v, dt.float32) for v in (input, min_range, max_range))

    def run(values: Array, first: Array, last: Array) -> list[Array]:
        if (first > last).any():
            raise failed("quantize", f"requires min_range <= max_range, got {first} and {last}")
        bottom = np.minimum(0, first.astype(np.float64))
        least = np.maximum(1, np.maximum(abs(first), abs(last))) * ensure_minimum_range
        top = np.maximum(np.maximum(0, last.astype(np.float64)), bottom + least)
        if kind == "SCALED":
            bottom, top, scale = _scaled(bottom, top, storage)
        a, b = _along(bottom, values, axis), _along(top, values, axis)
        wide = np.clip(values.astype(np.float64), a, b)
        if kind == "MIN_COMBINED":
            found = _away((wide - a) * ((storage.steps - 1) / (b - a)) - storage.half)
        elif kind == "MIN_FIRST":
            scale = (storage.steps - 1) / (b - a)
            found = _away(values * scale) - _away(a * scale) + storage.lowest
        else:
            found = rounded(wide * _along(scale, values, axis))
        lowest = storage.narrowest if kind == "SCALED" else storage.lowest
        whole = np.clip(found, lowest, storage.highest).astype(storage.plain)
        ends = (bottom.astype(np.float32), top.astype(np.float32))
        return [np.ascontiguousarray(whole).view(storage.dtype.np), *ends]

    shapes = [x.ir_type.shape, low.ir_type.shape, high.ir_type.shape]
    return QuantizeV2(*on_host(run, [x, low, high], [storage.dtype, dt.float32, dt.float32], shapes))


def _scaled(bottom: Array, top: Array, storage: _Storage) -> tuple[Array, Array, Array]:
    """The range that is symmetric about zero in integers, and the integers to a unit."""
    huge = np.full(np.shape(bottom), np.finfo(np.float32).max)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.where(storage.narrowest * bottom > 0, storage.narrowest / bottom, huge)
        above = np.where(storage.highest * top > 0, storage.highest / top, huge)
    scale = np.minimum(below, above)
    return storage.narrowest / scale, storage.highest / scale, scale


class QuantizedConcat(NamedTuple):
    """What `quantized_concat` gives."""

    output: Tensor
    output_min: Tensor
    output_max: Tensor


def quantized_concat(
    concat_dim: Any, values: Any, input_mins: Any, input_maxes: Any, name: str | None = None
) -> QuantizedConcat:
    """Quantised tensors, each of a range of its own, joined along an axis; the range that holds all of theirs.

    Raises InvalidArgumentError (tracing: ValueError) for less than two tensors, and for an axis that they do not have.
    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/quantized_concat.

    >>> parts = [quantize([0.0, 1.0], 0.0, top, dt.quint8) for top in (2.0, 4.0)]
    >>> quantized_concat(0, *zip(*parts)).output_max.numpy()
    np.float32(4.0)
    """
    parts = [convert_to_tensor(x) for x in values]
    if len(parts) < 2 or len(input_mins) != len(parts) or len(input_maxes) != len(parts):
        raise invalid("quantized_concat", f"{len(parts)} values with {len(input_mins)} ranges, expected at least two")
    storage = _Storage(parts[0].dtype, False, "quantized_concat")
    bounds = [convert_to_tensor(x, dt.float32) for x in (*input_mins, *input_maxes)]
    (axis,) = as_integers(concat_dim, "quantized_concat")
    count, rank = len(parts), parts[0].shape.rank
    if any(x.dtype is not storage.dtype for x in parts) or not 0 <= axis < (1 if rank is None else rank):
        shown = ", ".join(f"{x.dtype.name}{x.shape}" for x in parts)
        raise failed("quantized_concat", f"Expected concatenating dimensions in the range [0, {rank}) of {shown}")

    def run(*given: Array) -> list[Array]:
        lows, highs = (np.array([float(x) for x in given[k * count : (k + 1) * count]]) for k in (1, 2))
        bottom, top = min(0.0, lows.min()), highs.max()
        if storage.half:
            top = max(abs(bottom), abs(top))
            bottom = -top
        pieces = [
            _moved(x.view(storage.plain), (low, high), (bottom, top), storage)
            for x, low, high in zip(given, lows, highs)
        ]
        joined = np.ascontiguousarray(np.concatenate(pieces, axis)).view(storage.dtype.np)
        return [joined, np.float32(bottom), np.float32(top)]

    sizes = [None if x.shape.rank is None else x.shape[axis] for x in parts]
    shape = None if rank is None else [None if k == axis else d for k, d in enumerate(parts[0].shape)]
    if shape is not None and None not in sizes:
        shape[axis] = sum(sizes)  # type: ignore[call-overload]
    dtypes = [storage.dtype, dt.float32, dt.float32]
    return QuantizedConcat(*on_host(run, [*parts, *bounds], dtypes, [shape, (), ()]))


def _moved(x: Array, own: tuple[float, float], whole: tuple[float, float], storage: _Storage) -> Array:
    """Integers that stand for a range as those that stand for it in a larger one."""
    if own == whole:
        return x
    (low, high), (bottom, top) = own, whole
    numbers = (x.astype(np.float64) - storage.lowest) * ((high - low) / (storage.steps - 1)) + low
    found = _away((numbers - bottom) * ((storage.steps - 1) / (top - bottom))) + storage.lowest
    return np.clip(found, storage.lowest, storage.highest).astype(storage.plain)


def dequantize(
    input: Any, min_range: Any, max_range: Any, mode: str = "MIN_COMBINED", name: str | None = None, axis: Any = None,
    narrow_range: bool = False, dtype: Any = dt.float32,
) -> Tensor:  # fmt: skip
    """The floats that quantised integers stand for.

    Raises InvalidArgumentError (tracing: ValueError) for another dtype or mode. Follows
    https://www.tensorflow.org/api_docs/python/tf/quantization/dequantize.
    """
    q = convert_to_tensor(input)
    storage, kind = _Storage(q.dtype, narrow_range, "dequantize"), _mode(mode, "dequantize")
    target = as_dtype(dtype)
    low, high = (convert_to_tensor(v, dt.float32) for v in (min_range, max_range))

    def run(whole: Array, first: Array, last: Array) -> list[Array]:
        numbers = whole.view(storage.plain).astype(np.float64)
        a, b = _along(first, numbers, axis), _along(last, numbers, axis)
        if kind == "MIN_COMBINED":
            found = (numbers + storage.half) * ((b - a) / (storage.steps - 1)) + a
        elif kind == "MIN_FIRST":
            scale = (b - a) / (storage.steps - 1)
            found = _away(a / scale) * scale + (numbers - storage.lowest) * scale
        else:
            below = a / storage.narrowest if storage.narrowest else np.zeros_like(a)
            found = numbers * np.maximum(below, b / storage.highest)
        return [found.astype(target.np)]

    (out,) = on_host(run, [q, low, high], [target], [q.ir_type.shape])
    return out
