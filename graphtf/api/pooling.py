"""Pools: the largest or the mean element of each window; and blocks of space moved into channels.

Invariant: channels-last inside; means do not count padding. Entry points: the `tf.nn` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api.windows import Layout, fits, layout, paddings, spread
from graphtf.convert import convert_to_tensor
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor


def _windowed(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None, spatial: int, kind: str, name: str
) -> Tensor:
    place = layout(data_format, spatial, name)
    if place.channels_first:
        raise failed(name, "pools need channels last on the CPU: 'NHWC' and the like")
    x = convert_to_tensor(input)
    if len(x.ir_type.dims) != spatial + 2:
        raise invalid(name, f"tensor_in must be {spatial + 2}-dimensional: {x.shape}")
    window, steps = spread(ksize, place, name, "ksize"), spread(strides, place, name, "strides")
    x = place.to_last(x)
    pads = paddings(padding, x.ir_type.dims[1:-1], window, steps, (1,) * spatial, place, name)
    fits(x.ir_type.dims[1:-1], window, steps, (1,) * spatial, pads, name)
    attrs = {"window": (1, *window, 1), "strides": (1, *steps, 1), "padding": ((0, 0), *pads, (0, 0))}
    if kind == "MAX":
        return place.from_last(p.window_max(x, **attrs))
    return place.from_last(_mean(x, attrs))


def _mean(x: Tensor, attrs: dict[str, Any]) -> Tensor:
    """Sums over windows by how many elements they cover."""
    sums = p.window_sum(x, **attrs)
    if all(a == 0 and b == 0 for a, b in attrs["padding"]):
        return p.div(sums, scalar_like(x, product(attrs["window"])))
    inner = x.ir_type.dims[1:-1]
    ones = p.broadcast(scalar_like(x, 1), shape=(1, *inner, 1))
    return p.div(sums, p.window_sum(ones, **attrs))


def max_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NWC", name: str | None = None
) -> Tensor:
    """The largest element of each window of [batch, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/max_pool1d.

    >>> max_pool1d([[[1.], [3.], [2.], [0.]]], 2, 2, "VALID").numpy().ravel().tolist()
    [3.0, 2.0]
    """
    return _windowed(input, ksize, strides, padding, data_format, 1, "MAX", "max_pool1d")


def max_pool2d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NHWC", name: str | None = None
) -> Tensor:
    """The largest element of each window of [batch, height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/max_pool2d.

    >>> max_pool2d([[[[1.], [3.]], [[2.], [0.]]]], 2, 2, "VALID").numpy().item()
    3.0
    """
    return _windowed(input, ksize, strides, padding, data_format, 2, "MAX", "max_pool2d")


def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NDHWC", name: str | None = None
) -> Tensor:
    """The largest element of each window of [batch, depth, height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/max_pool3d.

    >>> max_pool3d([[[[[1.], [3.]]]]], [1, 1, 2], 2, "VALID").numpy().item()
    3.0
    """
    return _windowed(input, ksize, strides, padding, data_format, 3, "MAX", "max_pool3d")


def avg_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NWC", name: str | None = None
) -> Tensor:
    """The mean of each window of [batch, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/avg_pool1d.

    >>> avg_pool1d([[[1.], [3.], [2.], [0.]]], 2, 2, "VALID").numpy().ravel().tolist()
    [2.0, 1.0]
    """
    return _windowed(input, ksize, strides, padding, data_format, 1, "AVG", "avg_pool1d")


def avg_pool2d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NHWC", name: str | None = None
) -> Tensor:
    """The mean of each window of [batch, height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/avg_pool2d.

    >>> avg_pool2d([[[[1.], [3.]], [[2.], [0.]]]], 2, 2, "VALID").numpy().item()
    1.5
    """
    return _windowed(input, ksize, strides, padding, data_format, 2, "AVG", "avg_pool2d")


def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NDHWC", name: str | None = None
) -> Tensor:
    """The mean of each window of [batch, depth, height, width, channels].

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/avg_pool3d.

    >>> avg_pool3d([[[[[1.], [3.]]]]], [1, 1, 2], 2, "VALID").numpy().item()
    2.0
    """
    return _windowed(input, ksize, strides, padding, data_format, 3, "AVG", "avg_pool3d")


def _spatial(input: Any, name: str) -> int:
    rank = len(convert_to_tensor(input).ir_type.dims)
    if not 3 <= rank <= 5:
        raise ValueError(f"{name}: input must have 3 to 5 axes, got {rank}")
    return rank - 2


def max_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """The largest element of each window over one to three spatial axes.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/max_pool.

    >>> max_pool([[[1.], [3.]]], 2, 2, "VALID").numpy().item()
    3.0
    """
    return _windowed(input, ksize, strides, padding, data_format, _spatial(input, "max_pool"), "MAX", "max_pool")


def avg_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """The mean of each window over one to three spatial axes.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/avg_pool.

    >>> avg_pool([[[1.], [3.]]], 2, 2, "VALID").numpy().item()
    2.0
    """
    return _windowed(input, ksize, strides, padding, data_format, _spatial(input, "avg_pool"), "AVG", "avg_pool")


def pool(
    input: Any, window_shape: Any, pooling_type: str, strides: Any = None, padding: Any = "VALID",
    data_format: str | None = None, dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """A "MAX" or "AVG" pool over one to three spatial axes, perhaps dilated. Raises ValueError for another type.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/pool.

    >>> pool([[[1.], [3.]]], [2], "MAX").numpy().item()
    3.0
    """
    if pooling_type not in ("MAX", "AVG"):
        raise ValueError(f"`pooling_type` must be 'MAX' or 'AVG', got {pooling_type!r}")
    spatial = _spatial(input, "pool")
    place = layout(data_format, spatial, "pool")
    gaps = spread(dilations, place, "pool", "dilations")
    if any(g != 1 for g in gaps):
        return _dilated(input, window_shape, pooling_type, strides, padding, place, gaps)
    return _windowed(input, window_shape, strides or 1, padding, data_format, spatial, pooling_type, "pool")


def _dilated(
    input: Any, window_shape: Any, kind: str, strides: Any, padding: Any, place: Layout, gaps: tuple[int, ...]
) -> Tensor:
    """A dilated pool: the extreme, or the sum, of shifted copies."""
    if strides is not None and any(s != 1 for s in spread(strides, place, "pool", "strides")):
        raise ValueError("strides > 1 not supported in conjunction with dilations > 1")
    x = place.to_last(convert_to_tensor(input))
    window = spread(window_shape, place, "pool", "window_shape")
    pads = paddings(padding, x.ir_type.dims[1:-1], window, (1,) * len(window), gaps, place, "pool")
    fill = x.dtype.min if kind == "MAX" else 0
    low, high = (0, *(a for a, _ in pads), 0), (0, *(b for _, b in pads), 0)
    wide = p.pad(x, scalar_like(x, fill), low=low, high=high)
    ones = p.pad(p.broadcast(scalar_like(x, 1), shape=x.ir_type.dims), scalar_like(x, 0), low=low, high=high)
    total = _combined(wide, window, gaps, p.maximum if kind == "MAX" else p.add)
    return place.from_last(total if kind == "MAX" else p.div(total, _combined(ones, window, gaps, p.add)))


def _combined(x: Tensor, window: tuple[int, ...], gaps: tuple[int, ...], op: Any) -> Tensor:
    out: Any = x
    for axis, (k, g) in enumerate(zip(window, gaps), 1):
        size = out.ir_type.dims[axis] - (k - 1) * g
        rank = len(out.ir_type.dims)
        parts = []
        for i in range(k):
            starts = tuple(i * g if j == axis else 0 for j in range(rank))
            limits = tuple(i * g + size if j == axis else d for j, d in enumerate(out.ir_type.dims))
            parts.append(p.slice(out, starts=starts, limits=limits, strides=(1,) * rank))
        out = parts[0]
        for part in parts[1:]:
            out = op(out, part)
    return out  # type: ignore[no-any-return]


def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """Blocks of space moved into channels. Raises InvalidArgumentError (tracing: ValueError) if they do not fit.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/space_to_depth.

    >>> space_to_depth([[[[1], [2]], [[3], [4]]]], 2).numpy().ravel().tolist()
    [1, 2, 3, 4]
    """
    place, x = _blocked(input, block_size, data_format, "space_to_depth")
    b, (n, h, w, c) = int(block_size), x.ir_type.dims
    if any(isinstance(d, int) and d % b for d in (h, w)):
        raise invalid("space_to_depth", f"height and width of {x.shape} must be divisible by block_size {b}")
    parts = p.reshape(x, shape=(n, h // b, b, w // b, b, c))
    moved = p.transpose(parts, perm=(0, 1, 3, 2, 4, 5))
    return place.from_last(p.reshape(moved, shape=(n, h // b, w // b, b * b * c)))


def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """The inverse of `space_to_depth`. Follows https://www.tensorflow.org/api_docs/python/tf/nn/depth_to_space.

    >>> depth_to_space([[[[1, 2, 3, 4]]]], 2).numpy().ravel().tolist()
    [1, 2, 3, 4]
    """
    place, x = _blocked(input, block_size, data_format, "depth_to_space")
    b, (n, h, w, c) = int(block_size), x.ir_type.dims
    if isinstance(c, int) and c % (b * b):
        raise invalid("depth_to_space", f"the channels of {x.shape} must be divisible by block_size² {b * b}")
    parts = p.reshape(x, shape=(n, h, w, b, b, c // (b * b)))
    moved = p.transpose(parts, perm=(0, 1, 3, 2, 4, 5))
    return place.from_last(p.reshape(moved, shape=(n, h * b, w * b, c // (b * b))))


def _blocked(input: Any, block_size: int, data_format: str, name: str) -> tuple[Layout, Tensor]:
    place, x = layout(data_format, 2, name), convert_to_tensor(input)
    if len(x.ir_type.dims) != 4:
        raise invalid(name, f"Input rank should be 4 instead of {x.shape.rank}")
    if int(block_size) < 2:
        raise invalid(name, f"Block size should be > 1, but was: {block_size}")
    return place, place.to_last(x)
