"""The modified discrete cosine transform, and its inverse.

Invariant: frames of 4 n samples, half of them shared with the next, have 2 n coefficients; with a window whose halves
are power complementary, such as Vorbis', the inverse gives the signal back but for its ends. Entry points: `mdct`,
`inverse_mdct`.
"""

from __future__ import annotations

import math
from typing import Any

from graphtf.api.cosine import dct, idct
from graphtf.api.signal import Window, frame, overlap_and_add, vorbis_window
from graphtf.convert import convert_to_tensor
from graphtf.indexing import getitem
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor


def mdct(
    signals: Any, frame_length: Any, window_fn: Window | None = vorbis_window, pad_end: bool = False,
    norm: str | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The coefficients [..., frames, frame_length // 2] of the frames of signals [..., samples].

    Without a window, frames are divided by √2. Raises ValueError for a length that is no multiple of 4, or a signal
    that is not floating. Follows https://www.tensorflow.org/api_docs/python/tf/signal/mdct.

    >>> mdct([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 4).shape
    TensorShape([3, 2])
    """
    x = convert_to_tensor(signals)
    (length,) = as_integers(frame_length, "mdct")
    if length % 4:
        raise ValueError(f"The frame length must be a multiple of 4, got {length}.")
    if not x.dtype.is_floating:
        raise ValueError(f"mdct: signals must be of a floating point type, got {x.dtype.name}")
    framed = _windowed(frame(x, length, length // 2, pad_end=pad_end), window_fn, length)
    a, b, c, d = (getitem(framed, (..., slice(k * length // 4, (k + 1) * length // 4))) for k in range(4))
    folded = [p.sub(p.neg(_backwards(c)), d), p.sub(a, _backwards(b))]
    return dct(p.concat(*folded, axis=len(framed.ir_type.dims) - 1), type=4, norm=norm)


def inverse_mdct(
    mdcts: Any, window_fn: Window | None = vorbis_window, norm: str | None = None, name: str | None = None
) -> Tensor:
    """The signals [..., samples] of coefficients [..., frames, half a frame].

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/inverse_mdct.

    >>> signal = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    >>> inverse_mdct(mdct(signal, 4)).numpy().round(3).tolist()[2:6]
    [2.0, 3.0, 4.0, 5.0]
    """
    x = convert_to_tensor(mdcts)
    (half,) = as_integers(x.ir_type.dims[-1:], "inverse_mdct")
    found = idct(x, type=4, norm=norm)
    if norm is None:
        found = p.mul(found, scalar_like(found, 0.5 / half))
    first, second = (getitem(found, (..., s)) for s in (slice(half // 2), slice(half // 2, None)))
    parts = [second, p.neg(_backwards(second)), p.neg(_backwards(first)), p.neg(first)]
    unfolded = p.concat(*parts, axis=len(found.ir_type.dims) - 1)
    return overlap_and_add(_windowed(unfolded, window_fn, 2 * half), half)


def _backwards(x: Tensor) -> Tensor:
    return p.reverse(x, axes=(len(x.ir_type.dims) - 1,))


def _windowed(frames: Tensor, window_fn: Window | None, length: int) -> Tensor:
    if window_fn is None:
        return p.mul(frames, scalar_like(frames, math.sqrt(0.5)))
    window = convert_to_tensor(window_fn(length, dtype=frames.dtype))
    return p.mul(frames, p.broadcast(window, shape=frames.ir_type.dims))
