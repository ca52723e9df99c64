"""Cases of `tf.image`: flips, crops, colours, and what chance decides by a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.recorded.cases import Family

FAMILY = Family("images")
_RANDOM = np.random.default_rng(0)
IMAGE = _RANDOM.random((3, 5, 3)).astype(np.float32).round(3).tolist()
BATCH = _RANDOM.random((4, 2, 4, 3)).astype(np.float32).round(3).tolist()


def _add(name: str, run: Any, **options: Any) -> None:
    FAMILY.add(name, run, IMAGE, BATCH, **options)


_add("flips", lambda tf, x, b: [f(v) for f in (tf.image.flip_left_right, tf.image.flip_up_down) for v in (x, b)])
_add("turns", lambda tf, x, b: [tf.image.rot90(v, k) for k in (0, 1, 2, 3, -1) for v in (x, b)])
_add("transpose", lambda tf, x, b: [tf.image.transpose(x), tf.image.transpose(b)])
_add("central_crop", lambda tf, x, b: [tf.image.central_crop(x, f) for f in (0.3, 0.5, 0.77, 1.0)])
_add("central_crop of nothing", lambda tf, x, b: tf.image.central_crop(x, 0.0))
_add(
    "crop or pad",
    lambda tf, x, b: [tf.image.resize_with_crop_or_pad(x, h, w) for h, w in ((2, 8), (6, 2), (3, 5), (1, 1))],
)
_add("crop or pad a batch", lambda tf, x, b: tf.image.resize_with_crop_or_pad(b, 3, 3))
_add("a vector", lambda tf, x, b: tf.image.flip_left_right(x[0, 0]))
_add("brightness", lambda tf, x, b: tf.image.adjust_brightness(b, 0.3), grad=True)
_add("contrast", lambda tf, x, b: tf.image.adjust_contrast(b, 1.7))
_add("gamma", lambda tf, x, b: tf.image.adjust_gamma(x, 2.2, 0.9), grad=True)
_add("negative gamma", lambda tf, x, b: tf.image.adjust_gamma(x, -1.0))
_add("hue", lambda tf, x, b: [tf.image.adjust_hue(b, d) for d in (0.2, -0.45, 0.9)], scale=10)
_add("saturation", lambda tf, x, b: [tf.image.adjust_saturation(b, f) for f in (0.4, 2.5)], scale=10)
_add(
    "standardization",
    lambda tf, x, b: [tf.image.per_image_standardization(x), tf.image.per_image_standardization(b)],
    scale=5,
)
_add("standardization of one colour", lambda tf, x, b: tf.image.per_image_standardization(tf.ones([2, 2, 1])))
_add("yiq", lambda tf, x, b: [tf.image.rgb_to_yiq(x), tf.image.yiq_to_rgb(x)], grad=True)
_add("yuv", lambda tf, x, b: [tf.image.rgb_to_yuv(x), tf.image.yuv_to_rgb(x)], grad=True)
_add("psnr", lambda tf, x, b: [tf.image.psnr(x, x * 0.9, 1.0), tf.image.psnr(b, b[::-1], max_val=1.0)], scale=5)


def _bytes(tf: Any, x: Any) -> Any:
    return tf.cast(tf.round(x * 255), tf.uint8)


_add("bytes", lambda tf, x, b: [
    tf.image.adjust_brightness(_bytes(tf, x), 0.2), tf.image.adjust_gamma(_bytes(tf, x), 1.0, 2.0),
    tf.image.psnr(_bytes(tf, x), _bytes(tf, x * 0.8), 255),
], scale=5)  # fmt: skip
_SEED = (3, 7)
_add("stateless flips", lambda tf, x, b: [
    tf.image.stateless_random_flip_left_right(x, _SEED), tf.image.stateless_random_flip_left_right(b, _SEED),
    tf.image.stateless_random_flip_up_down(x, (5, 1)), tf.image.stateless_random_flip_up_down(b, (5, 1)),
])  # fmt: skip
_add("stateless crop", lambda tf, x, b: [tf.image.stateless_random_crop(x, [2, 3, 3], s) for s in (_SEED, (1, 2))])
_add("a crop too large", lambda tf, x, b: tf.image.stateless_random_crop(x, [4, 3, 3], _SEED))
_add("stateless colours", lambda tf, x, b: [
    tf.image.stateless_random_brightness(x, 0.3, _SEED), tf.image.stateless_random_contrast(x, 0.2, 1.9, _SEED),
    tf.image.stateless_random_hue(x, 0.4, _SEED), tf.image.stateless_random_saturation(x, 0.3, 1.2, _SEED),
], scale=10)  # fmt: skip
_add("bad ranges", lambda tf, x, b: tf.image.stateless_random_contrast(x, 1.9, 0.2, _SEED))
_BOXES = _RANDOM.random((12, 4)).astype(np.float32).round(2).tolist()
_SCORES = _RANDOM.random(12).astype(np.float32).round(2).tolist()
FAMILY.add("suppression", lambda tf, b, s: [
    tf.image.non_max_suppression(b, s, 5), tf.image.non_max_suppression(b, s, 12, 0.2),
    tf.image.non_max_suppression(b, s, 12, 0.9, 0.5), tf.image.non_max_suppression(b, s, 0),
], _BOXES, _SCORES)  # fmt: skip
FAMILY.add("suppression of others", lambda tf, b, s: tf.image.non_max_suppression(b, s[:3], 5), _BOXES, _SCORES)
_PARTS = [[0.1, 0.2, 0.9, 0.8], [0.0, 0.0, 1.0, 1.0], [0.8, 0.9, 0.1, 0.0], [-0.5, 0.0, 1.5, 1.0]]
_add("crop_and_resize", lambda tf, x, b: [
    tf.image.crop_and_resize(b, _PARTS, [0, 1, 3, 2], size, method, 0.7)
    for size in ([3, 2], [1, 1]) for method in ("bilinear", "nearest")
], scale=10)  # fmt: skip
_add(
    "crop_and_resize differentiated",
    lambda tf, x, b: tf.image.crop_and_resize(b, _PARTS, [0, 1, 3, 2], [3, 2]),
    grad=True,
    scale=10,
)
_add("dct", lambda tf, x, b: [
    tf.signal.dct(x), tf.signal.dct(x, norm="ortho"), tf.signal.dct(x, n=5), tf.signal.dct(x, n=2, norm="ortho"),
    tf.signal.idct(x), tf.signal.idct(x, norm="ortho"), tf.signal.dct(x, type=3),
], grad=True, scale=20)  # fmt: skip
_add("mel", lambda tf, x, b: [
    tf.signal.linear_to_mel_weight_matrix(5, 17), tf.signal.mfccs_from_log_mel_spectrograms(x),
], scale=20)  # fmt: skip
