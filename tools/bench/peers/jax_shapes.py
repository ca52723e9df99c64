"""`shapes.SHAPES` in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from peers.shapes import SEGMENTS
from peers.work import Arrays, Step

_LAYOUTS = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC"), 5: ("NDHWC", "DHWIO", "NDHWC")}


def _conv(x: Any, w: Any, step: int = 1, dilation: int = 1, groups: int = 1) -> Any:
    axes = x.ndim - 2
    return jax.lax.conv_general_dilated(
        x, w, (step,) * axes, "SAME", rhs_dilation=(dilation,) * axes, dimension_numbers=_LAYOUTS[x.ndim],
        feature_group_count=groups,
    )  # fmt: skip


OPS: dict[str, Any] = {
    **dict.fromkeys(("tall", "flat", "odd", "batched", "double", "integer", "matvec"), lambda x, w: x @ w),
    "adjoint": lambda x, w: x.T @ w,
    "half": lambda x, w: (x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)).astype(jnp.float32),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(1),
    "middle": lambda x: x.max(1),
    "transpose": lambda x: x.T + 1,
    "heads": lambda x: x.transpose(0, 2, 1, 3) + 1,
    "concat": lambda x, w: jnp.concatenate([x, w], 1),
    "lookup": lambda x, at: x[at],
    "segments": lambda x, at: jax.ops.segment_sum(x, at, SEGMENTS),
    "cumsum": lambda x: x.cumsum(1),
    "argmax": lambda x: x.argmax(1),
    "sort": lambda x: jnp.sort(x, 1),
    "topk": lambda x: jax.lax.top_k(x, 10)[0],
    **dict.fromkeys(("conv3x3", "conv1x1", "conv1d", "conv3d"), _conv),
    "strided": lambda x, w: _conv(x, w, step=2),
    "dilated": lambda x, w: _conv(x, w, dilation=2),
    "depthwise": lambda x, w: _conv(x, w.reshape(3, 3, 1, -1), groups=x.shape[-1]),
    "maxpool": lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
}


def step(name: str, arrays: Arrays) -> Step:
    """The op on these arrays."""
    if name == "double":
        jax.config.update("jax_enable_x64", True)
    f, given = jax.jit(OPS[name]), [jnp.asarray(a) for a in arrays.values()]
    return lambda: f(*given)
