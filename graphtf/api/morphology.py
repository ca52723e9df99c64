"""Largest elements of windows with where they are, and windows weighed by a structuring filter: dilation and erosion.

Invariant: of equal elements the first counts, for results and gradients alike. Entry points: `max_pool_with_argmax`,
`dilation2d`, `erosion2d`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from graphtf.api.windows import fits, layout, paddings, spread
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, floordiv
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.tensor import Tensor


class MaxPoolWithArgmax(NamedTuple):
    """What `max_pool_with_argmax` gives."""

    output: Tensor
    argmax: Tensor


class _Windows:
    """Windows over the two inner axes of [batch, height, width, channels]."""

    def __init__(
        self, x: Tensor, window: Any, strides: Any, padding: Any, dilations: Any, data_format: str, name: str
    ) -> None:
        place = layout(data_format, 2, name)
        if place.channels_first:
            raise invalid(name, "only the NHWC layout is supported")
        if len(x.ir_type.dims) != 4:
            raise invalid(name, f"the input must be 4-dimensional: {x.shape}")
        self.x = x
        self.window = spread(window, place, name, "ksize")
        self.steps = spread(strides, place, name, "strides")
        self.gaps = spread(dilations, place, name, "dilations")
        inner = x.ir_type.dims[1:3]
        self.pads = paddings(padding, inner, self.window, self.steps, self.gaps, place, name)
        fits(inner, self.window, self.steps, self.gaps, self.pads, name)

    def shifted(self, x: Tensor, fill: Any) -> Iterator[tuple[tuple[int, int], Tensor]]:
        """For each place in the window, the elements of x that are there in every window."""
        low, high = ((0, *(side[k] for side in self.pads), 0) for k in range(2))
        wide = p.pad(x, scalar_like(x, fill), low=low, high=high)
        batch, rows, columns, channels = wide.ir_type.dims
        counts = [self._count(d, k) for k, d in enumerate((rows, columns))]
        for i in range(self.window[0]):
            for j in range(self.window[1]):
                at = i * self.gaps[0], j * self.gaps[1]
                ends = [a + (n - 1) * s + 1 for a, n, s in zip(at, counts, self.steps)]
                part = p.slice(
                    wide, starts=(0, *at, 0), limits=(batch, *ends, channels), strides=(1, *self.steps, 1)
                )
                yield (i, j), part

    def _count(self, size: Dim, k: int) -> Dim:
        return floordiv(size - (self.window[k] - 1) * self.gaps[k] - 1, self.steps[k]) + 1


def max_pool_with_argmax(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", output_dtype: Any = dt.int64,
    include_batch_in_index: bool = False, name: str | None = None,
) -> MaxPoolWithArgmax:  # fmt: skip
    """The largest element of each window, and its place: (row·width + column)·channels + channel, of its image.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/max_pool_with_argmax.

    >>> max_pool_with_argmax([[[[1.], [4.]], [[3.], [2.]]]], 2, 2, "VALID").argmax.numpy().ravel().tolist()
    [1]
    """
    x = convert_to_tensor(input)
    w = _Windows(x, ksize, strides, padding, 1, data_format, "max_pool_with_argmax")
    batch, rows, columns, channels = x.ir_type.dims
    count = rows * columns * channels * (batch if include_batch_in_index else 1)
    lead = batch if include_batch_in_index else 1
    places = p.reshape(p.iota(shape=(count,), axis=0, dtype=dt.int64), shape=(lead, rows, columns, channels))
    if not include_batch_in_index:
        places = p.broadcast(places, shape=x.ir_type.dims)
    best: Any = None
    at: Any = None
    for (_, part), (_, where) in zip(w.shifted(x, x.dtype.min), w.shifted(places, -1)):
        if best is None:
            best, at = part, where
            continue
        better = p.logical_or(p.gt(part, best), p.lt(at, scalar_like(at, 0)))
        best, at = p.select(better, part, best), p.select(better, where, at)
    return MaxPoolWithArgmax(best, p.cast(at, dtype=as_dtype(output_dtype)))


def dilation2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str, dilations: Any, name: str | None = None
) -> Tensor:
    """The largest of input + filter over each window, for each channel; `filters` has shape [height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/dilation2d.

    >>> x = convert_to_tensor([[[[1.], [4.]], [[3.], [2.]]]])
    >>> dilation2d(x, [[[0.], [1.]]], [1, 1, 1, 1], "VALID", "NHWC", [1, 1, 1, 1]).numpy().ravel().tolist()
    [5.0, 3.0]
    """
    if data_format != "NHWC":
        raise ValueError("`data_format` values other  than 'NHWC' are not supported.")
    x = convert_to_tensor(input)
    f = convert_to_tensor(filters, x.dtype)
    w = _Windows(x, f.ir_type.dims[:2], strides, padding, dilations, data_format, "dilation2d")
    channels = f.ir_type.dims[2]
    if channels != x.ir_type.dims[3]:
        raise invalid("dilation2d", f"input and filter must have the same depth: {x.ir_type.dims[3]} vs {channels}")
    best: Any = None
    for (i, j), part in w.shifted(x, x.dtype.min):
        weight = p.slice(f, starts=(i, j, 0), limits=(i + 1, j + 1, channels), strides=(1, 1, 1))
        found = p.add(part, p.reshape(weight, shape=(channels,)))
        best = found if best is None else p.select(p.gt(found, best), found, best)
    return best  # type: ignore[no-any-return]


def erosion2d(
    value: Any, filters: Any, strides: Any, padding: Any, data_format: str, dilations: Any, name: str | None = None
) -> Tensor:
    """The least of value - filter over each window: the dilation of what is turned over.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/erosion2d.

    >>> x = convert_to_tensor([[[[1.], [4.]], [[3.], [2.]]]])
    >>> erosion2d(x, [[[0.], [1.]]], [1, 1, 1, 1], "VALID", "NHWC", [1, 1, 1, 1]).numpy().ravel().tolist()
    [0.0, 2.0]
    """
    x = convert_to_tensor(value)
    turned = p.reverse(convert_to_tensor(filters, x.dtype), axes=(0, 1))
    return p.neg(dilation2d(p.neg(x), turned, strides, padding, data_format, dilations))  # type: ignore[no-any-return]
