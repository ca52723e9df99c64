"""WebP images as tensors, by Pillow, which is loaded when it is needed.

Invariant: the result is [frames, height, width, channels], one frame for a still image, with the channels that the file
has. Entry point: `decode_webp`.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.deferred import on_host
from graphtf.files.pillow import pillow
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def is_webp(data: bytes) -> bool:
    """Does the file begin as a WebP image does?"""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def decode_webp(contents: Any, channels: int = 0, dtype: Any = dt.uint8, name: str | None = None) -> Tensor:
    """The frames of a WebP image: uint8 [frames, height, width, 3 or 4]; `channels` must be what the file has, or 0.

    Raises InvalidArgumentError for other bytes or another number of channels. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_webp.
    """
    if as_dtype(dtype) is not dt.uint8:
        raise wrong_dtype("decode_webp", f"dtype must be uint8, got {as_dtype(dtype).name}")
    data = as_strings(contents, "decode_webp")
    if data.shape.rank not in (0, None):
        raise invalid("decode_webp", f"contents must be scalar, got shape {data.shape}")
    run = HostFunction(webp_frames, channels=int(channels))
    (out,) = on_host(run, [data], [dt.uint8], [(None, None, None, channels or None)])
    return out


@host_function
def webp_frames(text: Array, channels: int) -> list[Array]:
    """The frames in the bytes of a file."""
    return [frames(text[()], channels, "decode_webp")]


def frames(data: bytes, channels: int, name: str) -> Array:
    """[frames, height, width, channels]. Raises InvalidArgumentError for bytes that are none."""
    if channels not in (0, 3, 4):
        raise failed(name, f"WebP only supports 3 or 4 channels, got {channels}")
    if not is_webp(data):
        raise failed(name, "Unknown image file format. A WebP image is required.")
    image = pillow()
    try:
        found = image.open(io.BytesIO(data), formats=("WEBP",))
        count = getattr(found, "n_frames", 1)
        own = 4 if count > 1 or found.mode in ("RGBA", "LA", "PA") else 3
        if channels not in (0, own):
            raise failed(name, f"Number of channels inherent in the image must be {channels}, was {own}")
        pixels = [_frame(found, k, "RGBA" if own == 4 else "RGB") for k in range(count)]
    except (OSError, SyntaxError, EOFError, image.DecompressionBombError) as error:
        raise failed(name, f"Invalid WebP data: {error}") from None
    return np.stack(pixels)


def _frame(image: Any, k: int, mode: str) -> Array:
    image.seek(k)
    return np.asarray(image.convert(mode), np.uint8)
