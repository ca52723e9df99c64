"""Functions that TensorFlow publishes as its kernels have them: convolutions of any rank, patches of volumes, others.

Invariant: each is made of the functions that programs use in its place. Entry points: the functions below.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api import conv as convolutions
from graphtf.api import lookup, raw_gradients, shaping
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.scopes import name_scope
from graphtf.tensor import Tensor


def approx_top_k(
    input: Any, k: int, reduction_dimension: int = -1, recall_target: float = 0.95, is_max_k: bool = True,
    reduction_input_size_override: int = -1, aggregate_to_topk: bool = True, name: str | None = None,
) -> Any:  # fmt: skip
    """The k largest (or smallest) elements along an axis, and where they are; here they are exact.

    Follows https://www.tensorflow.org/api_docs/python/tf/approx_top_k.

    >>> approx_top_k([1., 3., 2.], 2)[0].numpy().tolist()
    [3.0, 2.0]
    """
    find = lookup.approx_max_k if is_max_k else lookup.approx_min_k
    return find(input, k, reduction_dimension)


def conv(
    input: Any, filter: Any, strides: Sequence[int], padding: str, explicit_paddings: Sequence[int] = (),
    data_format: str = "CHANNELS_LAST", dilations: Sequence[int] = (), batch_dims: int = 1, groups: int = 1,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """A convolution of images or volumes, whose rank says which. Raises ValueError for another rank.

    Follows https://www.tensorflow.org/api_docs/python/tf/conv.

    >>> from graphtf import ones
    >>> conv(ones([1, 3, 3, 1]), ones([2, 2, 1, 1]), [1, 1, 1, 1], "VALID").shape
    TensorShape([1, 2, 2, 1])
    """
    x, w = convert_to_tensor(input), convert_to_tensor(filter)
    rank = len(w.ir_type.dims)
    if rank not in (4, 5):
        raise invalid("conv", f"filters must have 4 or 5 axes, got {rank}")
    last = data_format == "CHANNELS_LAST"
    layout = {4: ("NHWC", "NCHW"), 5: ("NDHWC", "NCDHW")}[rank][0 if last else 1]
    pads: Any = padding
    if padding == "EXPLICIT":
        pads = [list(explicit_paddings[k : k + 2]) for k in range(0, len(explicit_paddings), 2)]
    run = convolutions.conv2d if rank == 4 else convolutions.conv3d
    return run(x, w, list(strides), pads, layout, list(dilations) or [1] * rank)


def conv2d_backprop_filter_v2(
    input: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    explicit_paddings: Any = (), data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of filters like `filter`.

    Follows https://www.tensorflow.org/api_docs/python/tf/conv2d_backprop_filter_v2.
    """
    return raw_gradients.Conv2DBackpropFilter(
        input=input, filter_sizes=shaping.shape(filter), out_backprop=out_backprop, strides=strides, padding=padding,
        explicit_paddings=explicit_paddings, data_format=data_format, dilations=dilations,
    )  # fmt: skip


def conv2d_backprop_input_v2(
    input: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    explicit_paddings: Any = (), data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of images like `input`.

    Follows https://www.tensorflow.org/api_docs/python/tf/conv2d_backprop_input_v2.
    """
    return raw_gradients.Conv2DBackpropInput(
        input_sizes=shaping.shape(input), filter=filter, out_backprop=out_backprop, strides=strides, padding=padding,
        explicit_paddings=explicit_paddings, data_format=data_format, dilations=dilations,
    )  # fmt: skip


def extract_volume_patches(
    input: Any, ksizes: Sequence[int], strides: Sequence[int], padding: str, name: str | None = None
) -> Tensor:
    """Patches of volumes [batch, depth, height, width, channels], flat in the last axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/extract_volume_patches.

    >>> from graphtf import ones
    >>> extract_volume_patches(ones([1, 2, 2, 2, 3]), [1, 2, 2, 2, 1], [1, 1, 1, 1, 1], "VALID").shape
    TensorShape([1, 1, 1, 1, 24])
    """
    x = convert_to_tensor(input)
    _, depth, height, width, _ = ksizes
    channels = x.ir_type.dims[-1]
    count = depth * height * width * int(channels)  # type: ignore[arg-type]
    each = np.eye(count).reshape(depth, height, width, int(channels), count)  # type: ignore[arg-type]
    wide = x if x.dtype.is_floating else p.cast(x, dtype=dt.float64)
    out = convolutions.conv3d(wide, convert_to_tensor(each, wide.dtype), list(strides), padding)
    return out if out.dtype is x.dtype else p.cast(out, dtype=x.dtype)


def parallel_stack(values: Sequence[Any], name: str = "parallel_stack") -> Tensor:
    """Tensors of one shape as the rows of one. Follows https://www.tensorflow.org/api_docs/python/tf/parallel_stack.

    >>> parallel_stack([[1, 4], [2, 5]]).numpy().tolist()
    [[1, 4], [2, 5]]
    """
    return shaping.stack(values, 0)


def check_pinned(tensor: Any, name: str | None = None) -> Tensor:
    """The same tensor: memory of the CPU is as it is.

    Follows https://www.tensorflow.org/api_docs/python/tf/check_pinned.
    """
    return convert_to_tensor(tensor)


def collapse_repeated(labels: Any, seq_length: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Rows [batch, length] without the repeats of labels in a row, and how long they are then; zeros follow.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/collapse_repeated.

    >>> [x.numpy().tolist() for x in collapse_repeated([[1, 1, 2, 2, 1]], [5])]
    [[[1, 2, 1]], [3]]
    """
    rows, lengths = convert_to_tensor(labels), convert_to_tensor(seq_length)

    def collapsed(rows: Any, lengths: Any) -> list[Any]:
        kept = []
        for row, n in zip(rows, lengths):
            row = row[:n]
            kept.append(row[np.r_[True, row[1:] != row[:-1]][: len(row)]])
        new = np.array([len(r) for r in kept], lengths.dtype)
        out = np.zeros((len(rows), max(new, default=0)), rows.dtype)
        for k, r in enumerate(kept):
            out[k, : len(r)] = r
        return [out, new]

    batch = rows.ir_type.dims[0]
    found = on_host(collapsed, [rows, lengths], [rows.dtype, lengths.dtype], [(batch, None), (batch,)])
    return found[0], found[1]


def stateless_parameterized_truncated_normal(
    shape: Any, seed: Any, means: Any = 0.0, stddevs: Any = 1.0, minvals: Any = -2.0, maxvals: Any = 2.0,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers between bounds, all of which broadcast to the shape; the same for the same seed.

    Numbers are drawn by the inverse of the distribution, so they are other ones than TensorFlow draws. Raises
    InvalidArgumentError (tracing: ValueError) for bounds out of order.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_parameterized_truncated_normal.

    >>> x = stateless_parameterized_truncated_normal([1000], [1, 2], minvals=0.0, maxvals=1.0)
    >>> bool((x.numpy() >= 0).all() and (x.numpy() <= 1).all())
    True
    """
    from graphtf.api.random import stateless_uniform
    from graphtf.api.unary import ndtri

    mean = convert_to_tensor(means)
    scale, low, high = (convert_to_tensor(x, mean.dtype) for x in (stddevs, minvals, maxvals))
    if any(hasattr(t, "_array") for t in (low, high)) and not _ordered(low, high):
        raise invalid("stateless_parameterized_truncated_normal", "maxvals must be greater than minvals")
    root = scalar_like(mean, 2.0**0.5)
    half, one = scalar_like(mean, 0.5), scalar_like(mean, 1)
    below, above = (half * (one + p.erf((x - mean) / scale / root)) for x in (low, high))
    share = below + (above - below) * stateless_uniform(shape, seed, dtype=mean.dtype)
    return p.minimum(p.maximum(mean + scale * ndtri(share), low), high)


def _ordered(low: Tensor, high: Tensor) -> bool:
    known = [getattr(t, "_array", None) for t in (low, high)]
    return any(a is None for a in known) or bool(np.all(known[0] < known[1]))  # type: ignore[operator]


class CriticalSection:
    """Functions that do not run at the same time as others of the same section.

    Follows https://www.tensorflow.org/api_docs/python/tf/CriticalSection.

    >>> CriticalSection().execute(lambda: convert_to_tensor(1)).numpy().item()
    1
    """

    def __init__(
        self, name: str | None = None, shared_name: str | None = None, critical_section_def: Any = None
    ) -> None:
        self.name = name or shared_name or "critical_section"
        self._lock = threading.RLock()

    def execute(self, fn: Callable[[], Any], exclusive_resource_access: bool = True, name: str | None = None) -> Any:
        """What the function gives; steps of one traced program are in order anyway."""
        with self._lock, name_scope(self.name):
            return fn()
