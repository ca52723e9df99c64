"""How alike two images are: structural similarity. Follows https://www.tensorflow.org/api_docs/python/tf/image/ssim.

Invariant: statistics are those of the places where the whole Gaussian window fits. Entry points: `ssim`,
`ssim_multiscale`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.conv import depthwise_conv2d
from graphtf.api.image_color import convert_image_dtype
from graphtf.api.padding import pad
from graphtf.api.pooling import avg_pool2d
from graphtf.api.reduce import reduce_mean
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import product
from graphtf.ir.ops.prims import full_like, p
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

_POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of five scales, as people judge images


def _window(size: int, sigma: float, channels: int) -> Tensor:
    """A Gaussian that sums to 1, once for each channel."""
    at = np.arange(size) - (size - 1) / 2
    line = np.exp(-0.5 * (at / sigma) ** 2)
    square = np.outer(line, line) / line.sum() ** 2
    return convert_to_tensor(np.tile(square[:, :, None, None], (1, 1, channels, 1)).astype(np.float32))


def _similarity(x: Tensor, y: Tensor, kernel: Tensor, steady: list[Tensor]) -> tuple[Tensor, Tensor]:
    """At each place, of each channel: the similarity, and that of contrast and structure, without that of lightness."""

    def around(t: Tensor) -> Tensor:
        return depthwise_conv2d(t, kernel, [1, 1, 1, 1], "VALID")

    a, b = around(x), around(y)
    c1, c2 = (p.broadcast(c, shape=a.ir_type.dims) for c in steady)
    two = full_like(a, 2.0)
    both, squares = p.mul(p.mul(a, b), two), p.add(p.mul(a, a), p.mul(b, b))
    light = p.div(p.add(both, c1), p.add(squares, c1))
    joint = p.sub(p.mul(around(p.mul(x, y)), two), both)
    spread = p.sub(around(p.add(p.mul(x, x), p.mul(y, y))), squares)
    contrast = p.div(p.add(joint, c2), p.add(spread, c2))
    return p.mul(light, contrast), contrast


def _pair(img1: Any, img2: Any, max_val: Any, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Two images of one shape and the span of their values, as float32."""
    first, second = convert_to_tensor(img1), convert_to_tensor(img2)
    top = convert_image_dtype(convert_to_tensor(max_val, first.dtype), dt.float32)
    x, y = (convert_image_dtype(t, dt.float32) for t in (first, second))
    if x.shape.rank is not None and x.shape.rank < 3:
        raise ValueError(f"Shape {x.shape} must have rank at least 3")
    if x.shape.rank is None or not x.shape.is_compatible_with(y.shape):
        raise invalid(name, f"images must have at least 3 axes and one shape, got {x.shape} and {y.shape}")
    return x, y, top


def ssim(
    img1: Any, img2: Any, max_val: Any, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
    k2: float = 0.03, return_index_map: bool = False,
) -> Tensor:  # fmt: skip
    """The structural similarity of images [..., height, width, channels] whose values span `max_val`: 1 for equal ones.

    With `return_index_map`, that of each place. Raises InvalidArgumentError (tracing: ValueError) for images of
    different shapes, or smaller than the window. Follows https://www.tensorflow.org/api_docs/python/tf/image/ssim.

    >>> float(ssim(np.ones((12, 12, 1), "f4"), np.ones((12, 12, 1), "f4"), 1.0))
    1.0
    """
    x, y, top = _pair(img1, img2, max_val, "ssim")
    if any(d is not None and d < filter_size for d in x.shape[-3:-1]):
        raise invalid("ssim", f"images of shape {x.shape} are smaller than the window of {filter_size}")
    lead, rest = x.ir_type.dims[:-3], x.ir_type.dims[-3:]
    x, y = (p.reshape(t, shape=(product(lead), *rest)) for t in (x, y))
    kernel = _window(filter_size, filter_sigma, int(rest[-1]))
    steady = [p.mul(full_like(top, k * k), p.mul(top, top)) for k in (k1, k2)]
    values, _ = _similarity(x, y, kernel, steady)
    if return_index_map:
        found = reduce_mean(values, axis=3)
        return p.reshape(found, shape=(*lead, *found.ir_type.dims[1:]))  # type: ignore[no-any-return]
    return p.reshape(reduce_mean(values, axis=[1, 2, 3]), shape=lead)  # type: ignore[no-any-return]


def ssim_multiscale(
    img1: Any, img2: Any, max_val: Any, power_factors: Sequence[float] = _POWERS, filter_size: int = 11,
    filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03,
) -> Tensor:  # fmt: skip
    """The similarity of contrast and structure at several scales, each half of the one before, and at the last `ssim`.

    They are multiplied, each to its power. Raises InvalidArgumentError (tracing: ValueError) for images of different
    shapes, or smaller than the window at some scale. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/ssim_multiscale.

    >>> float(ssim_multiscale(np.ones((24, 24, 1), "f4"), np.ones((24, 24, 1), "f4"), 1.0, [0.5, 0.5]))
    1.0
    """
    x, y, top = _pair(img1, img2, max_val, "ssim_multiscale")
    lead, rest = x.ir_type.dims[:-3], x.ir_type.dims[-3:]
    x, y = (p.reshape(t, shape=(product(lead), *rest)) for t in (x, y))
    kernel = _window(filter_size, filter_sigma, int(rest[-1]))
    steady = [p.mul(full_like(top, k * k), p.mul(top, top)) for k in (k1, k2)]
    found: Tensor | None = None
    for scale, power in enumerate(power_factors):
        if scale:
            x, y = _halved(x), _halved(y)
        if any(d is not None and d < filter_size for d in x.shape[1:3]):
            raise invalid("ssim_multiscale", f"images of shape {x.shape} are smaller than the window of {filter_size}")
        whole, contrast = _similarity(x, y, kernel, steady)
        mean = reduce_mean(whole if scale == len(power_factors) - 1 else contrast, axis=[1, 2])
        part = p.pow(p.maximum(mean, full_like(mean, 0.0)), full_like(mean, float(power)))
        found = part if found is None else p.mul(found, part)
    if found is None:
        raise ValueError("ssim_multiscale: power_factors must not be empty")
    return p.reshape(reduce_mean(found, axis=-1), shape=lead)  # type: ignore[no-any-return]


def _halved(x: Tensor) -> Tensor:
    """Means of each two by two pixels; an odd edge is repeated first."""
    odd = [(0, d % 2 if isinstance(d, int) else 0) for d in x.ir_type.dims[1:3]]
    return avg_pool2d(pad(x, [(0, 0), *odd, (0, 0)], mode="SYMMETRIC"), 2, 2, "VALID")
