"""Functions that few programs call; the numbers are TensorFlow's."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.api import random_state

X = [1.1, 2.2, 3.3, 4.4, 5.5]


def test_general_dropout() -> None:
    def dropped(**options: Any) -> Any:
        sampler = tf.random.Generator.from_seed(7).uniform
        return tf.nn.experimental.general_dropout(tf.constant(X), uniform_sampler=sampler, **options)

    np.testing.assert_allclose(dropped(rate=0.5), [0.0, 4.4, 6.6, 8.8, 11.0], rtol=1e-6)
    np.testing.assert_allclose(dropped(rate=0.2), [1.375, 2.75, 4.125, 5.5, 6.875], rtol=1e-6)
    np.testing.assert_array_equal(dropped(rate=0.5, noise_shape=[1]), np.zeros(5))
    np.testing.assert_array_equal(dropped(rate=0.0), np.float32(X))
    with pytest.raises(ValueError, match="in the range"):
        dropped(rate=1.0)


LEFT, RIGHT = np.arange(1.0, 7, dtype=np.float32).reshape(2, 3), np.arange(7.0, 13, dtype=np.float32).reshape(3, 2)


@pytest.mark.parametrize("traced", [False, True])
def test_sampled_addmm(traced: bool) -> None:
    f = tf.function(tf.sparse.sampled_addmm) if traced else tf.sparse.sampled_addmm
    at = tf.constant([[0, 0], [1, 1]])
    indices, values, shape = f(at, tf.constant([0.5, 0.3]), tf.constant([2, 2]), LEFT, RIGHT)
    np.testing.assert_allclose(values, [58.5, 154.3], rtol=1e-6)
    assert indices.numpy().tolist() == [[0, 0], [1, 1]] and shape.numpy().tolist() == [2, 2]
    _, values, _ = f(at, tf.constant([0.5, 0.3]), tf.constant([2, 2]), LEFT, RIGHT, beta=2.0, alpha=0.5)
    np.testing.assert_allclose(values, [30.0, 77.6], rtol=1e-6)
    many = tf.constant([[[0, 1], [1, 0]]]), tf.constant([[0.5, 0.3]]), tf.constant([2, 2]), LEFT[None], RIGHT[None]
    np.testing.assert_allclose(f(*many)[1], [[64.5, 139.3]], rtol=1e-6)


def test_sampled_addmm_refuses() -> None:
    with pytest.raises(ValueError, match="does not match output shape"):
        tf.sparse.sampled_addmm([[0, 0]], [1.0], [2, 3], LEFT, RIGHT)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.sparse.sampled_addmm([[0, 5]], [1.0], [2, 2], LEFT, RIGHT)


def quantized(top: float) -> Any:
    return tf.quantization.quantize([0.0, 1.0, top], 0.0, top, tf.quint8)


def test_quantized_concat() -> None:
    a, b = quantized(2.0), quantized(4.0)
    found = tf.quantization.quantized_concat(0, *zip(a, b))
    assert found.output.numpy().tolist() == [0, 64, 128, 0, 64, 255]
    assert found.output.numpy().dtype == np.uint8 and found.output.dtype == tf.quint8
    assert (float(found.output_min), float(found.output_max)) == (0.0, 4.0)
    same = tf.quantization.quantized_concat(0, *zip(a, a))
    assert same.output.numpy().tolist() == [0, 128, 255] * 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="range"):
        tf.quantization.quantized_concat(-1, *zip(a, b))


def test_quantized_tensors_are_moved_like_others() -> None:
    q = quantized(2.0).output
    assert repr(q) == "<tf.Tensor: shape=(3,), dtype=quint8, numpy=array([  0, 128, 255], dtype=uint8)>"
    assert q[None].numpy().tolist() == [[0, 128, 255]] and q[1].numpy() == 128
    assert tf.concat([q, q[1:]], 0).numpy().tolist() == [0, 128, 255, 128, 255]
    assert tf.gather(tf.reshape(q, [3, 1]), [2]).numpy().tolist() == [[255]]
    assert tf.function(lambda x: tf.stack([x, x])[:, 1:])(q).numpy().tolist() == [[128, 255]] * 2


def test_learned_unigrams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_state._streams, "seed", None)
    truth = tf.constant([[1], [2], [3]], tf.int64)

    random_state._streams.kernels.clear()

    def drawn(unique: bool) -> Any:
        return tf.random.learned_unigram_candidate_sampler(truth, 1, 4, unique, 10, seed=3)

    first, second = drawn(False), drawn(False)
    assert first.sampled_candidates.numpy().tolist() == [7, 3, 0, 0]
    assert second.sampled_candidates.numpy().tolist() == [7, 2, 8, 2]
    np.testing.assert_allclose(first.true_expected_count, [[0.4]] * 3, rtol=1e-6)
    np.testing.assert_allclose(second.true_expected_count, [[8 / 13]] * 3, rtol=1e-6)
    np.testing.assert_allclose(second.sampled_expected_count, [4 / 13, 8 / 13, 4 / 13, 8 / 13], rtol=1e-6)
    other = drawn(True)
    assert other.sampled_candidates.numpy().tolist() == [7, 3, 0, 6]
    np.testing.assert_allclose(other.true_expected_count, [[0.468559]] * 3, rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.random.learned_unigram_candidate_sampler([[10]], 1, 4, False, 10)


def test_a_traced_function_learns_for_itself() -> None:
    f = tf.function(lambda c: tf.random.learned_unigram_candidate_sampler(c, 1, 2, False, 4, seed=3)[1])
    assert [f(tf.constant([[0]], tf.int64)).numpy().tolist() for _ in range(2)] == [[[0.5]], [[np.float32(0.8)]]]


def test_random_index_shuffle() -> None:
    places = [int(tf.random_index_shuffle(tf.constant(k), tf.constant([1, 2, 3]), tf.constant(9))) for k in range(10)]
    assert places == [2, 0, 6, 4, 8, 1, 7, 9, 5, 3]


def test_ragged_fill_empty_rows() -> None:
    found = tf.ragged_fill_empty_rows(tf.constant([0, 0, 2], tf.int64), tf.constant([1.0, 2.0, 3.0]), 4, -1.0)
    assert [x.numpy().tolist() for x in found] == [
        [0, 0, 1, 2, 3], [1.0, 2.0, -1.0, 3.0, -1.0], [False, True, False, True], [0, 1, 3],
    ]  # fmt: skip
    back = tf.ragged_fill_empty_rows_grad(found.reverse_index_map, tf.constant([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert back.d_values.numpy().tolist() == [1.0, 2.0, 4.0] and float(back.d_default_value) == 8.0


@pytest.mark.parametrize("rate", [1, 2])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_with_space_to_batch(rate: int, padding: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype(np.float32)
    w = np.random.default_rng(1).normal(size=(3, 3, 3, 2)).astype(np.float32)

    def slid(x: Any, rank: int, padding: str) -> Any:
        return tf.nn.conv2d(x, w, 1, padding)

    found = tf.nn.with_space_to_batch(x, [rate, rate], padding, slid, filter_shape=[3, 3])
    np.testing.assert_allclose(found, tf.nn.conv2d(x, w, 1, padding, dilations=rate), rtol=1e-4, atol=1e-5)


def webp(pixels: Any, **options: Any) -> bytes:
    image = pytest.importorskip("PIL.Image")
    frames = [image.fromarray(p) for p in pixels]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", lossless=True, exact=True, **options)
    return out.getvalue()


def test_webp() -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (6, 7, 4), np.uint8)
    still, clear = webp([pixels[..., :3]]), webp([pixels])
    np.testing.assert_array_equal(tf.io.decode_webp(still), pixels[None, ..., :3])
    np.testing.assert_array_equal(tf.io.decode_webp(clear, channels=4), pixels[None])
    np.testing.assert_array_equal(tf.io.decode_image(still), pixels[None, ..., :3])
    np.testing.assert_array_equal(tf.io.decode_image(clear, expand_animations=False), pixels)
    for bad, channels in ((still, 4), (clear, 3), (still, 1), (b"none", 0)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.io.decode_webp(bad, channels=channels)
    traced = tf.function(tf.io.decode_webp).get_concrete_function(tf.TensorSpec([], tf.string))
    assert traced.output_shapes.as_list() == [None] * 4


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", range(5))
def test_png_of_16_bits(channels: int, kind: int) -> None:
    from graphtf.files.png16 import _HEAD, _chunk, deep_pixels  # rows that say how they differ from neighbours

    pixels = np.random.default_rng(channels).integers(0, 65536, (5, 4, channels), np.uint16)
    data = tf.io.encode_png(pixels).numpy()
    np.testing.assert_array_equal(tf.io.decode_png(data, dtype=tf.uint16), pixels)
    np.testing.assert_array_equal(tf.io.decode_png(data), pixels >> 8)
    if channels == 1:
        return
    import zlib

    step, plain = 2 * channels, np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(5, -1).astype(int)
    left, up = np.zeros_like(plain), np.zeros_like(plain)
    left[:, step:], up[1:] = plain[:, :-step], plain[:-1]
    corner = np.zeros_like(plain)
    corner[1:, step:] = plain[:-1, :-step]
    near = np.stack([abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]).argmin(0)
    guess = [0 * plain, left, up, (left + up) // 2, np.choose(near, [left, up, corner])][kind]
    rows = np.insert((plain - guess) % 256, 0, kind, axis=1).astype(np.uint8)
    head = _HEAD.pack(4, 5, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    body = _chunk(b"IDAT", zlib.compress(rows.tobytes()))
    found = deep_pixels(data[:8] + _chunk(b"IHDR", head) + body)
    np.testing.assert_array_equal(found, pixels)
    assert deep_pixels(data[:8] + _chunk(b"IHDR", head) + body[:-30]) is None and deep_pixels(data[:20]) is None


def test_channels_of_png_of_16_bits() -> None:
    pixels = np.array([[[100, 40000, 65535]]], np.uint16)
    data = tf.io.encode_png(pixels)
    assert tf.io.decode_png(data, channels=4, dtype=tf.uint16).numpy().tolist() == [[[100, 40000, 65535, 65535]]]
    grey = tf.io.decode_png(data, channels=1, dtype=tf.uint16).numpy().item()
    assert grey == (100 * 9797 + 40000 * 19234 + 65535 * 3737 + 16384) >> 15
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_png(data, channels=2)
