"""Transforms of signals: cosine transforms, the modified one and its inverse, windows, sizes that run time knows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

import graphtf as tf

SIGNALS = np.random.default_rng(0).standard_normal((3, 16))


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [2, 5, 16, 20])
@pytest.mark.parametrize("norm", [None, "ortho"])
def test_cosine_transforms(kind, size, norm):
    if kind == 1 and norm:
        return
    expected = scipy.fft.dct(SIGNALS, kind, size, norm=norm)
    np.testing.assert_allclose(tf.signal.dct(SIGNALS, kind, size, norm=norm), expected, atol=1e-12)
    back = tf.signal.idct(expected, kind, norm=norm) / (1 if norm else 2 * (size - 1 if kind == 1 else size))
    np.testing.assert_allclose(back, scipy.fft.idct(expected, kind, norm=norm), atol=1e-12)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_gradients_of_cosine_transforms(kind):
    found, numeric = tf.test.compute_gradient(lambda x: tf.signal.dct(x, kind), [SIGNALS[:1, :5]])
    np.testing.assert_allclose(found[0], numeric[0], atol=1e-6)


def test_refused_cosine_transforms():
    for arguments in ({"type": 5}, {"type": 1, "norm": "ortho"}, {"type": 1, "n": 1}, {"norm": "other"}):
        with pytest.raises(ValueError):
            tf.signal.dct(SIGNALS, **arguments)
    with pytest.raises(NotImplementedError):
        tf.signal.dct(SIGNALS, axis=0)


@pytest.mark.parametrize("window", [tf.signal.vorbis_window, tf.signal.kaiser_bessel_derived_window, None])
@pytest.mark.parametrize("norm", [None, "ortho"])
def test_the_modified_transform_is_undone_but_for_the_ends(window, norm):
    found = tf.signal.inverse_mdct(tf.signal.mdct(SIGNALS, 8, window, norm=norm), window, norm)
    np.testing.assert_allclose(found[:, 4:-4], SIGNALS[:, 4:-4], atol=1e-6)


def test_halves_of_a_window_are_power_complementary():
    window = tf.signal.kaiser_bessel_derived_window(10, dtype=tf.float64).numpy()
    np.testing.assert_allclose(window[:5] ** 2 + window[5:] ** 2, np.ones(5))


def test_sizes_that_only_run_time_knows():
    @tf.function
    def pieces(x, n):
        return tf.signal.rfft(x, [n]), tf.signal.frame(x, n, 2)

    for n in (4, 6):
        spectrum, frames = pieces(tf.constant(SIGNALS), n=tf.constant(n))
        np.testing.assert_allclose(spectrum, np.fft.rfft(SIGNALS, n), atol=1e-12)
        np.testing.assert_array_equal(frames, tf.signal.frame(SIGNALS, n, 2))


def test_dtypes_that_transforms_refuse():
    with pytest.raises(ValueError):
        tf.signal.rfft(tf.constant([1j]))
    with pytest.raises(ValueError):
        tf.signal.irfft(tf.constant([1.0]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.signal.fft(tf.constant([1.0]))
