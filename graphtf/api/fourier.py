"""Discrete Fourier transforms along the last axes.

Invariant: transforms are complex to complex here; sizes stay. Entry point: `along`.
"""

from __future__ import annotations

from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor


def along(x: Tensor, axes: tuple[int, ...], inverse: bool) -> Tensor:
    """The transform along axes, which are the last ones; or its inverse."""
    return p.ifft(x, rank=len(axes)) if inverse else p.fft(x, rank=len(axes))
