"""Kinds of summaries that TensorBoard shows: scalars, histograms, images, audio, text.

Invariant: each is a tensor with the metadata of its plugin, as TensorBoard's own functions write it. Entry points: the
`tf.summary` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files.event_protos import PluginData, SummaryMetadata
from graphtf.files.images import encode_png
from graphtf.files.sound import as_wav
from graphtf.files.summary import summary_scope, write
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # classes of data


def _about(plugin: str, data_class: int, description: str | None, content: bytes = b"") -> SummaryMetadata:
    data = PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data, summary_description=description or "", data_class=data_class)


def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> Tensor:
    """Write a number, as float32; whether it was.

    Raises ValueError if it is no scalar or no step is set. Follows
    https://www.tensorflow.org/api_docs/python/tf/summary/scalar.

    >>> scalar("loss", 0.5, step=1).numpy().item()
    False
    """
    with summary_scope(name, "scalar_summary") as (tag, _):
        x = convert_to_tensor(data)
        if x.shape.rank not in (0, None):
            raise invalid("summary.scalar", f"data must be a scalar, got shape {x.shape}")
        return write(tag, p.cast(x, dtype=dt.float32), step, _about("scalars", _SCALAR, description))


def histogram(
    name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None
) -> Tensor:
    """Write how many elements lie in each of `buckets` (30) intervals of their range; whether it was.

    Follows https://www.tensorflow.org/api_docs/python/tf/summary/histogram.

    >>> histogram("weights", [1.0, 2.0], step=1).numpy().item()
    False
    """
    with summary_scope(name, "histogram_summary") as (tag, _):
        x, count = convert_to_tensor(data), 30 if buckets is None else int(buckets)
        (found,) = on_host(lambda a: [_counted(a, count)], [x], [dt.float64], [(None, 3)])
        return write(tag, found, step, _about("histograms", _TENSOR, description))


def _counted(array: Array, count: int) -> Array:
    """Rows (left end, right end, how many)."""
    values = np.asarray(array, np.float64).reshape(-1)
    if not count or not len(values):
        return np.zeros((count, 3))
    low, high = values.min(), values.max()
    if low == high:
        counts = np.zeros(count)
        counts[-1] = len(values)
        return np.stack([np.full(count, low), np.full(count, high), counts], 1)
    width = (high - low) / count
    at = np.minimum(np.floor((values - low) / width).astype(np.int64), count - 1)
    edges = np.linspace(low, high, count + 1)
    return np.stack([edges[:-1], edges[1:], np.bincount(at, minlength=count).astype(np.float64)], 1)


def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None) -> Tensor:
    """Write the first `max_outputs` of images [k, height, width, channels]: uint8, or floats from 0 to 1.

    Raises ValueError for another rank or no step. Follows https://www.tensorflow.org/api_docs/python/tf/summary/image.
    """
    with summary_scope(name, "image_summary") as (tag, _):
        x = convert_to_tensor(data)
        if x.shape.rank not in (4, None):
            raise invalid("summary.image", f"data must have shape [k, h, w, c], got {x.shape}")

        def chosen(a: Array) -> list[Array]:
            first = a[: max(int(max_outputs), 0)]
            if first.dtype.kind == "f" or first.dtype == dt.bfloat16.np:
                first = np.clip(np.nan_to_num(first.astype(np.float32)) * 255.5, 0, 255)
            return [first.astype(np.uint8), np.array([str(a.shape[2]), str(a.shape[1])], object)]

        shape = None if x.shape.rank is None else (None, *x.ir_type.dims[1:])
        pixels, sizes = on_host(_as_bytes(chosen), [x], [dt.uint8, dt.string], [shape, (2,)])
        return write(tag, p.concat(sizes, encode_png(pixels), axis=0), step, _about("images", _BLOBS, description))


def _as_bytes(function: Any) -> Any:
    """A function whose last result is text, which becomes bytes."""

    def run(*arrays: Array) -> list[Array]:
        *rest, texts = function(*arrays)
        out = np.empty(texts.shape, object)
        out.reshape(-1)[:] = [str(t).encode() for t in texts.reshape(-1).tolist()]
        return [*rest, out]

    return run


def audio(
    name: str, data: Any, sample_rate: Any, step: Any = None, max_outputs: int = 3, encoding: str | None = None,
    description: str | None = None,
) -> Tensor:  # fmt: skip
    """Write the first `max_outputs` of sounds [k, frames, channels], floats from -1 to 1, as WAV.

    Raises ValueError for another rank, encoding, or no step. Follows
    https://www.tensorflow.org/api_docs/python/tf/summary/audio.
    """
    if encoding not in (None, "wav"):
        raise ValueError(f"Unknown encoding: {encoding!r}")
    with summary_scope(name, "audio_summary") as (tag, _):
        x = convert_to_tensor(data)
        if x.shape.rank not in (3, None):
            raise invalid("summary.audio", f"data must have shape [k, t, c], got {x.shape}")
        rate = int(sample_rate)

        def run(a: Array) -> list[Array]:
            first = a[: max(int(max_outputs), 0)]
            out = np.empty((len(first), 2), object)
            for k, sound in enumerate(first):
                out[k] = [as_wav(sound, rate), b""]
            return [out]

        (sounds,) = on_host(run, [x], [dt.string], [(None, 2)])
        return write(tag, sounds, step, _about("audio", _BLOBS, description, b"\x10\x0b"))


def text(name: str, data: Any, step: Any = None, description: str | None = None) -> Tensor:
    """Write strings, which TensorBoard shows as Markdown; whether they were.

    Raises ValueError for another dtype or no step. Follows https://www.tensorflow.org/api_docs/python/tf/summary/text.

    >>> text("note", "*hello*", step=1).numpy().item()
    False
    """
    with summary_scope(name, "text_summary") as (tag, _):
        x = convert_to_tensor(data)
        if x.dtype is not dt.string:
            raise ValueError(f"Expected text data to be a string tensor, got {x.dtype.name}")
        return write(tag, x, step, _about("text", _TENSOR, description))
