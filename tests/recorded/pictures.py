"""Cases of what is seen and heard: images of other sizes and colours, signals, sounds."""

from __future__ import annotations

from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("pictures")


def _image(height: int, width: int, channels: int = 3) -> list[Any]:
    """Numbers from 0 to 1 that follow no simple rule."""
    count = height * width * channels
    flat = [((k * 37 + 11) % 101) / 100 for k in range(count)]
    rows = [flat[k : k + channels] for k in range(0, count, channels)]
    return [rows[k : k + width] for k in range(0, len(rows), width)]


IMAGE, BYTES = _image(5, 4), [[[int(255 * v) for v in px] for px in row] for row in _image(3, 3)]
METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def _sizes(method: str, antialias: bool) -> Any:
    def run(tf: Any, x: Any) -> Any:
        return [tf.image.resize(x, size, method, antialias=antialias) for size in ((3, 2), (7, 9), (5, 4), (1, 1))]

    return run


for _method in METHODS:
    for _antialias in (False, True):
        FAMILY.add(f"resize {_method} antialias={_antialias}", _sizes(_method, _antialias), IMAGE)
FAMILY.add("resize, gradient", lambda tf, x: tf.image.resize(x, (3, 7), "bicubic"), IMAGE, grad=True)
FAMILY.add("resize bytes", lambda tf, x: [tf.image.resize(x, (2, 2), m) for m in ("nearest", "area")], BYTES)
FAMILY.add("resize, aspect", lambda tf, x: tf.image.resize(x, (4, 4), preserve_aspect_ratio=True), IMAGE)
FAMILY.add("resize to one size", lambda tf, x: tf.image.resize(x, 3), IMAGE)
FAMILY.add("resize by an unknown method", lambda tf, x: tf.image.resize(x, (3, 3), "foo"), IMAGE)
FAMILY.add(
    "resize_with_pad", lambda tf, x: [tf.image.resize_with_pad(x, 4, 9), tf.image.resize_with_pad(x, 9, 4)], IMAGE
)
FAMILY.add("rgb_to_grayscale", lambda tf, x: tf.image.rgb_to_grayscale(x), IMAGE, grad=True)
FAMILY.add("hsv", lambda tf, x: [tf.image.rgb_to_hsv(x), tf.image.hsv_to_rgb(x)], IMAGE)
FAMILY.add(
    "convert_image_dtype", lambda tf, x: [tf.image.convert_image_dtype(x, d) for d in ("uint8", "float16")], IMAGE
)
FAMILY.add("crop and pad", lambda tf, x: [
    tf.image.crop_to_bounding_box(x, 1, 0, 2, 3), tf.image.pad_to_bounding_box(x, 1, 2, 8, 7),
], IMAGE)  # fmt: skip
FAMILY.add("crop too much", lambda tf, x: tf.image.crop_to_bounding_box(x, 4, 0, 2, 3), IMAGE)
FAMILY.add("pad too little", lambda tf, x: tf.image.pad_to_bounding_box(x, 1, 0, 5, 4), IMAGE)
for _padding in ("VALID", "SAME"):
    _how = ([1, 2, 3, 1], [1, 2, 1, 1], [1, 1, 1, 1], _padding)
    FAMILY.add(f"extract_patches {_padding}", lambda tf, x, how=_how: tf.image.extract_patches(x[None], *how), IMAGE)
FAMILY.add("sobel_edges", lambda tf, x: tf.image.sobel_edges(x[None]), IMAGE)
FAMILY.add("slopes", lambda tf, x: [tf.image.image_gradients(x[None]), tf.image.total_variation(x)], IMAGE)

LARGE = _image(12, 13)
FAMILY.add(
    "ssim", lambda tf, x: [tf.image.ssim(x, tf.sqrt(x), 1.0), tf.image.ssim(x[None], x[None] ** 2, 1.0, 7, 1.0)], LARGE
)
FAMILY.add("ssim of each place", lambda tf, x: tf.image.ssim(x, 1.0 - x, 1.0, return_index_map=True), LARGE)
FAMILY.add("ssim of small images", lambda tf, x: tf.image.ssim(x, x, 1.0), IMAGE)

# ---- signals ---------------------------------------------------------------------------------------------------------

SIGNAL = [[((k * 29 + 7 * r) % 53) / 53 for k in range(30)] for r in range(2)]
for _window in ("hann_window", "hamming_window"):
    FAMILY.add(
        _window,
        lambda tf, name=None, window=_window: [
            getattr(tf.signal, window)(n, periodic=p) for n in (1, 4, 7) for p in (True, False)
        ],
    )
FAMILY.add("kaiser_window", lambda tf: [tf.signal.kaiser_window(9, 3.0), tf.signal.kaiser_window(1)], scale=4)
FAMILY.add("vorbis_window", lambda tf: tf.signal.vorbis_window(6))
FAMILY.add("frame", lambda tf, x: [
    tf.signal.frame(x, 7, 3), tf.signal.frame(x, 7, 3, pad_end=True, pad_value=9.0), tf.signal.frame(x, 1, 1, axis=0),
], SIGNAL)  # fmt: skip
FAMILY.add("overlap_and_add", lambda tf, x: tf.signal.overlap_and_add(tf.reshape(x, [2, 5, 6]), 4), SIGNAL, grad=True)
FAMILY.add("stft", lambda tf, x: [tf.signal.stft(x, 8, 4), tf.signal.stft(x, 6, 4, 10, None, True)], SIGNAL, scale=10)
FAMILY.add(
    "inverse_stft",
    lambda tf, x: tf.signal.inverse_stft(
        tf.signal.stft(x, 8, 4), 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4)
    ),
    SIGNAL, scale=10,
)  # fmt: skip
FAMILY.add("rfft", lambda tf, x: [tf.signal.rfft(x), tf.signal.rfft(x, [40]), tf.signal.rfft(x, [9])], SIGNAL, scale=10)
FAMILY.add("rfft2d", lambda tf, x: tf.signal.irfft2d(tf.signal.rfft2d(x), [2, 30]), SIGNAL, scale=10)
FAMILY.add("fft of reals", lambda tf, x: tf.signal.fft(x), SIGNAL)
FAMILY.add("shifts", lambda tf, x: [tf.signal.fftshift(x), tf.signal.ifftshift(x, [1])], SIGNAL)

# ---- sounds ----------------------------------------------------------------------------------------------------------

SOUND = [[0.5, -1.0], [0.25, 1.5], [-2.0, 0.125]]
FAMILY.add("encode_wav", lambda tf, x: tf.audio.encode_wav(x, 8000), SOUND)
FAMILY.add(
    "decode_wav",
    lambda tf, x: [
        list(tf.audio.decode_wav(tf.audio.encode_wav(x, 44100), channels, samples))
        for channels, samples in ((-1, -1), (1, 5), (3, 2))
    ],
    SOUND,
)
FAMILY.add("decode_wav of something else", lambda tf: tf.audio.decode_wav("RIFF"), staged=False)
