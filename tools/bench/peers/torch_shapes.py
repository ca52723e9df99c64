"""`shapes.SHAPES` in PyTorch, images with channels first, as its users have them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from peers.shapes import SEGMENTS
from peers.work import Arrays, Step


def _segments(x: Any, at: Any) -> Any:
    return torch.zeros(SEGMENTS, x.shape[1]).index_add_(0, at, x)


OPS: dict[str, Any] = {
    **dict.fromkeys(("tall", "flat", "odd", "batched", "double", "integer", "matvec"), lambda x, w: x @ w),
    "adjoint": lambda x, w: x.T @ w,
    "half": lambda x, w: (x.bfloat16() @ w.bfloat16()).float(),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
    "middle": lambda x: x.amax(1),
    "transpose": lambda x: (x.T + 1).contiguous(),
    "heads": lambda x: (x.transpose(1, 2) + 1).contiguous(),
    "concat": lambda x, w: torch.cat([x, w], 1),
    "lookup": lambda x, at: x[at],
    "segments": _segments,
    "cumsum": lambda x: x.cumsum(1),
    "argmax": lambda x: x.argmax(1),
    "sort": lambda x: x.sort(1)[0],
    "topk": lambda x: x.topk(10, 1)[0],
    "conv3x3": lambda x, w: F.conv2d(x, w, padding=1),
    "conv1x1": lambda x, w: F.conv2d(x, w),
    "strided": lambda x, w: F.conv2d(F.pad(x, (0, 1, 0, 1)), w, stride=2),
    "dilated": lambda x, w: F.conv2d(x, w, padding=2, dilation=2),
    "depthwise": lambda x, w: F.conv2d(x, w.transpose(0, 1), padding=1, groups=x.shape[1]),
    "conv1d": lambda x, w: F.conv1d(x, w, padding=2),
    "conv3d": lambda x, w: F.conv3d(x, w, padding=1),
    "maxpool": lambda x: F.max_pool2d(x, 2),
}
_IMAGES = ("conv3x3", "conv1x1", "strided", "dilated", "depthwise", "conv1d", "conv3d", "maxpool")


def _channels_first(name: str, key: str, a: Any) -> Any:
    """An array as PyTorch wants it: batch, channels, places; filters: out, in, places."""
    if name not in _IMAGES:
        return a
    t = torch.movedim(a, -1, 1) if key == "x" else torch.movedim(a, (-1, -2), (0, 1))
    return t.contiguous()


def step(name: str, compiled: Any, arrays: Arrays) -> Step:
    """The op on these arrays."""
    f = compiled(OPS[name])
    given = [_channels_first(name, k, torch.tensor(a)) for k, a in arrays.items()]

    def run() -> Any:
        with torch.no_grad():
            return f(*given)

    return run
