"""Images in files: PNG, JPEG, GIF and BMP as tensors and back, by Pillow, which is loaded when it is needed.

Invariant: pixels are uint8 [height, width, channels] unless said otherwise. JPEG pixels may differ from TensorFlow's by
little: its decoder is another build of the same library. Entry points: the `tf.io` functions below.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.files.pillow import pillow
from graphtf.files.png16 import deep_pixels, deep_png
from graphtf.files.webp import frames as webp_frames
from graphtf.files.webp import is_webp
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_GREY = np.array([9797, 19234, 3737])  # of red, green and blue, in 2 ** -15: as libpng weighs them
_HALF = 1 << 14
_FORMATS = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}


def _format(data: bytes) -> str | None:
    return next((kind for start, kind in _FORMATS.items() if data.startswith(start)), None)


def _opened(data: bytes, name: str, formats: tuple[str, ...], grey: bool = False) -> Any:
    """The image of bytes. Raises InvalidArgumentError if they are none of these formats, or broken."""
    image = pillow()
    if _format(data) not in formats:
        raise failed(name, f"Unknown image file format. One of {', '.join(formats)} required.")
    try:
        found = image.open(io.BytesIO(data), formats=formats)
        if grey and found.format == "JPEG":
            found.draft("L", None)  # its own luminance
        found.load()
        return found
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise failed(name, f"Invalid image data: {error}") from None


def _pixels(found: Any, channels: int, dtype: DType = dt.uint8) -> Array:
    """[height, width, channels] of an image; 0 channels: those it has."""
    if found.mode.startswith("I;16") or found.mode == "I":
        return _of_depth(_with_channels(np.asarray(found).astype(np.uint16)[..., None], channels), dtype)
    mode = _MODES[channels] if channels else _own_mode(found)
    if mode in ("L", "LA") and found.mode not in ("1", "L", "LA"):
        array = _greyed(np.array(found.convert("RGBA"), np.uint8), channels)
    else:
        array = np.array(found.convert(mode) if found.mode != mode else found, np.uint8)
    array = array[..., None] if array.ndim == 2 else array
    return array.astype(np.uint16) * np.uint16(257) if dtype is dt.uint16 else array


def _greyed(array: Array, channels: int) -> Array:
    """Grey of [height, width, 4], and alpha if there are to be two channels."""
    grey = (array[..., :3].astype(np.int64) @ _GREY >> 15).astype(np.uint8)
    return np.stack([grey, array[..., 3]][:channels], -1)


def _own_mode(found: Any) -> str:
    if found.mode in ("L", "LA", "RGB", "RGBA"):
        return str(found.mode)
    if found.mode == "1":
        return "L"
    return "RGBA" if "transparency" in found.info or found.mode in ("PA", "RGBa") else "RGB"


def _decode(
    contents: Any, name: str, channels: int, allowed: tuple[int, ...], dtype: DType,
    run: Callable[[Array], list[Array]], rank: int = 3,
) -> Tensor:  # fmt: skip
    if channels not in allowed:
        raise invalid(name, f"channels must be one of {allowed}, got {channels}")
    data = as_strings(contents, name)
    if data.shape.rank not in (0, None):
        raise invalid(name, f"contents must be scalar, got shape {data.shape}")
    shape = (*(None,) * (rank - 1), channels or None)
    (out,) = on_host(run, [data], [dtype], [shape])
    return out


def decode_png(contents: Any, channels: int = 0, dtype: Any = dt.uint8, name: str | None = None) -> Tensor:
    """A PNG image, as uint8 or uint16 [height, width, channels].

    Raises InvalidArgumentError for other bytes. Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_png.
    """
    kind = as_dtype(dtype)
    if kind not in (dt.uint8, dt.uint16):
        raise wrong_dtype("decode_png", f"dtype must be uint8 or uint16, got {kind.name}")
    channels = channels or 0
    run = HostFunction(png_pixels, channels=channels, dtype=kind)
    return _decode(contents, "decode_png", channels, (0, 1, 3, 4), kind, run)


@host_function
def png_pixels(text: Array, channels: int, dtype: DType) -> list[Array]:
    """The pixels of a file."""
    deep = deep_pixels(text[()])
    if deep is not None:
        return [_of_depth(_with_channels(deep, channels), dtype)]
    return [_pixels(_opened(text[()], "decode_png", tuple(_FORMATS.values()), channels == 1), channels, dtype)]


def _of_depth(pixels: Array, dtype: DType) -> Array:
    """Pixels of 16 bits, or their upper 8."""
    return pixels if dtype is dt.uint16 else (pixels >> 8).astype(np.uint8)


def _with_channels(pixels: Array, channels: int) -> Array:
    """Pixels of 16 bits with so many channels; 0: those they have."""
    have = pixels.shape[-1]
    if channels in (0, have):
        return pixels
    colours, alpha = pixels[..., : have - 1 + have % 2], np.full((*pixels.shape[:2], 1), 65535, np.uint16)
    alpha = alpha if have % 2 else pixels[..., -1:]
    if channels < 3 and colours.shape[-1] == 3:
        colours = ((colours.astype(np.int64) @ _GREY + _HALF) >> 15).astype(np.uint16)[..., None]
    elif channels > 2 and colours.shape[-1] == 1:
        colours = np.repeat(colours, 3, -1)
    return colours if channels % 2 else np.concatenate([colours, alpha], -1)


def decode_jpeg(
    contents: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True,
    try_recover_truncated: bool = False, acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """A JPEG image, as uint8 [height, width, channels], smaller by `ratio` (1, 2, 4, 8).

    Raises InvalidArgumentError for other bytes. Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_jpeg.
    """
    if ratio not in (1, 2, 4, 8):
        raise invalid("decode_jpeg", f"ratio must be 1, 2, 4, or 8, got {ratio}")
    channels = channels or 0
    run = HostFunction(jpeg_pixels, channels=channels, ratio=ratio)
    return _decode(contents, "decode_jpeg", channels, (0, 1, 3), dt.uint8, run)


@host_function
def jpeg_pixels(text: Array, channels: int, ratio: int) -> list[Array]:
    """The pixels of a file, smaller by a ratio if it is a JPEG."""
    data = text[()]
    if ratio == 1 or _format(data) != "JPEG":
        return [_pixels(_opened(data, "decode_jpeg", tuple(_FORMATS.values()), channels == 1), channels)]
    found = pillow().open(io.BytesIO(data), formats=("JPEG",))
    found.draft("L" if channels == 1 else None, tuple(-(-side // ratio) for side in found.size))
    return [_pixels(found, channels)]


def decode_and_crop_jpeg(
    contents: Any, crop_window: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True,
    try_recover_truncated: bool = False, acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """The part of a JPEG image in a window [y, x, height, width].

    Raises InvalidArgumentError for a window outside. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/decode_and_crop_jpeg.
    """
    whole = decode_jpeg(contents, channels, ratio)
    window = convert_to_tensor(crop_window, None if isinstance(crop_window, Tensor) else dt.int32)

    def run(pixels: Array, box: Array) -> list[Array]:
        y, x, height, width = box.tolist()
        if y < 0 or x < 0 or height <= 0 or width <= 0 or y + height > pixels.shape[0] or x + width > pixels.shape[1]:
            raise failed("decode_and_crop_jpeg", f"Invalid JPEG data or crop window {box.tolist()}")
        return [pixels[y : y + height, x : x + width]]

    (out,) = on_host(run, [whole, window], [dt.uint8], [(None, None, channels or None)])
    return out


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """A BMP image. Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_bmp."""
    channels = channels or 0
    run: Callable[[bytes], Array] = lambda data: _pixels(_opened(data, "decode_bmp", ("BMP",)), channels)  # noqa: E731
    return _decode(contents, "decode_bmp", channels, (0, 1, 3, 4), dt.uint8, lambda text: [run(text[()])])


def _frames(data: bytes) -> Array:
    found = _opened(data, "decode_gif", ("GIF",))
    out = []
    for k in range(getattr(found, "n_frames", 1)):
        found.seek(k)
        out.append(np.array(found.convert("RGB")))
    return np.stack(out)


def decode_gif(contents: Any, name: str | None = None) -> Tensor:
    """The frames of a GIF: uint8 [frames, height, width, 3].

    Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_gif.
    """
    return _decode(contents, "decode_gif", 3, (3,), dt.uint8, lambda text: [_frames(text[()])], rank=4)


def decode_image(
    contents: Any, channels: Any = None, dtype: Any = dt.uint8, name: str | None = None, expand_animations: bool = True
) -> Tensor:
    """An image of any of these formats; the frames of a GIF unless `expand_animations` is False.

    Raises InvalidArgumentError for other bytes. Follows https://www.tensorflow.org/api_docs/python/tf/io/decode_image.
    """
    kind, wanted = as_dtype(dtype), int(channels or 0)
    if kind not in (dt.uint8, dt.uint16, dt.float32):
        raise ValueError(f"dtype must be one of uint8, uint16, float32, got {kind.name}")
    if wanted not in (0, 1, 3, 4):
        raise ValueError(f"channels must be in (None, 0, 1, 3, 4), got {channels}")
    run = HostFunction(image_pixels, channels=wanted, dtype=kind, animated=bool(expand_animations))
    shape = None if expand_animations else (None, None, wanted or None)
    (out,) = on_host(run, [as_strings(contents, "decode_image")], [kind], [shape])
    return out


@host_function
def image_pixels(text: Array, channels: int, dtype: DType, animated: bool) -> list[Array]:
    """The pixels of a file of any format, or if `animated` the frames of a GIF."""
    data = text[()]
    if _format(data) == "GIF" or is_webp(data):
        frames = webp_frames(data, channels, "decode_image") if is_webp(data) else _frames(data)
        found = frames if animated else frames[0]
    else:
        deep = dt.uint16 if dtype is dt.uint16 else dt.uint8
        found = _pixels(_opened(data, "decode_image", tuple(_FORMATS.values()), channels == 1), channels, deep)
    if dtype is dt.float32:
        return [found.astype(np.float32) * np.float32(1 / 255)]
    return [found.astype(np.uint16) * np.uint16(257) if dtype is dt.uint16 and found.dtype == np.uint8 else found]


# ---- about images ----------------------------------------------------------------------------------------------------


def is_jpeg(contents: Any, name: str | None = None) -> Tensor:
    """Are these the bytes of a JPEG image? Follows https://www.tensorflow.org/api_docs/python/tf/io/is_jpeg.

    >>> is_jpeg(b"no").numpy().item()
    False
    """
    data = as_strings(contents, "is_jpeg")
    (out,) = on_host(lambda text: [np.array(_format(text[()]) == "JPEG")], [data], [dt.bool_], [()])
    return out


def extract_jpeg_shape(contents: Any, output_type: Any = dt.int32, name: str | None = None) -> Tensor:
    """Height, width and channels of a JPEG image.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/extract_jpeg_shape.
    """
    kind = as_dtype(output_type)

    def run(text: Array) -> list[Array]:
        found = _opened(text[()], "extract_jpeg_shape", ("JPEG",))
        return [np.array([found.height, found.width, len(found.getbands())], kind.np)]

    (out,) = on_host(run, [as_strings(contents, "extract_jpeg_shape")], [kind], [(3,)])
    return out


# ---- encoding --------------------------------------------------------------------------------------------------------


def _encoded(
    image: Any, name: str, channels: tuple[int, ...], dtypes: tuple[DType, ...], save: Callable[[Any], bytes]
) -> Tensor:
    x = convert_to_tensor(image, None if hasattr(image, "dtype") else dt.uint8)
    if x.dtype not in dtypes:
        raise wrong_dtype(name, f"image must be one of {[d.name for d in dtypes]}, got {x.dtype.name}")
    rank = x.shape.rank
    if rank is not None and rank < 3:
        raise invalid(name, f"image must be at least rank 3, got shape {x.shape}")

    def run(pixels: Array) -> list[Array]:
        if pixels.ndim < 3 or pixels.shape[-1] not in channels:
            raise failed(name, f"image must have {channels} channels in its last axis, got shape {list(pixels.shape)}")
        out = np.empty(pixels.shape[:-3], object)
        flat = pixels.reshape(-1, *pixels.shape[-3:])
        if not flat.shape[1] or not flat.shape[2]:
            raise failed(name, f"image is empty: shape {list(pixels.shape)}")
        out.reshape(-1)[:] = [save(one) for one in flat]
        return [out]

    (out,) = on_host(run, [x], [dt.string], [None if rank is None else x.ir_type.dims[:-3]])
    return out


def _saved(pixels: Array, kind: str, **options: Any) -> bytes:
    squeezed = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    out = io.BytesIO()
    pillow().fromarray(np.ascontiguousarray(squeezed)).save(out, kind, **options)
    return out.getvalue()


def jpeg_bytes(pixels: Array, **options: Any) -> bytes:
    """One image as JPEG."""
    return _saved(pixels, "JPEG", **options)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """Images uint8 or uint16 [..., height, width, channels] as PNG.

    Raises InvalidArgumentError for other shapes. Follows https://www.tensorflow.org/api_docs/python/tf/io/encode_png.
    """
    if not -1 <= compression <= 9:
        raise invalid("encode_png", f"compression should be in [-1,9], got {compression}")
    options = {} if compression < 0 else {"compress_level": compression}

    def save(pixels: Array) -> bytes:
        if pixels.dtype == np.uint16 and pixels.shape[-1] > 1:
            return deep_png(pixels, compression)
        return _saved(pixels, "PNG", **options)

    return _encoded(image, "encode_png", (1, 2, 3, 4), (dt.uint8, dt.uint16), save)


def encode_jpeg(
    image: Any, format: str = "", quality: int = 95, progressive: bool = False, optimize_size: bool = False,
    chroma_downsampling: bool = True, density_unit: str = "in", x_density: int = 300, y_density: int = 300,
    xmp_metadata: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """An image uint8 [height, width, channels] as JPEG.

    Raises InvalidArgumentError for other shapes. Follows https://www.tensorflow.org/api_docs/python/tf/io/encode_jpeg.
    """
    if not 0 <= quality <= 100:
        raise invalid("encode_jpeg", f"quality must be in [0,100], got {quality}")
    channels = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}.get(format)
    if channels is None:
        raise invalid("encode_jpeg", f"format must be '', grayscale or rgb, got {format!r}")
    options: dict[str, Any] = {
        "quality": quality, "progressive": progressive, "optimize": optimize_size,
        "subsampling": 2 if chroma_downsampling else 0, "dpi": (x_density, y_density),
    }  # fmt: skip
    return _encoded(image, "encode_jpeg", channels, (dt.uint8,), lambda pixels: _saved(pixels, "JPEG", **options))
