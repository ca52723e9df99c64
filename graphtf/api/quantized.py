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
