"""`tf.signal.fftnd` and its kin, beside NumPy's transforms: TensorFlow has no kernels of them for processors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
COMPLEX = (REAL + 1j * REAL[::-1]).astype(np.complex64)
PAIRS = {"fftnd": np.fft.fftn, "ifftnd": np.fft.ifftn, "rfftnd": np.fft.rfftn, "irfftnd": np.fft.irfftn}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("axes", [[0], [-1], [1, 0], [3, 2], [0, 1, 2, 3], [1, 3], None])
@pytest.mark.parametrize("norm", [None, "ortho", "forward", "backward"])
@pytest.mark.parametrize("sized", [False, True])
def test_as_numpy(name: str, axes: Any, norm: Any, sized: bool) -> None:
    x = REAL if name == "rfftnd" else COMPLEX
    lengths = [4 + k for k in range(len(axes))] if sized and axes is not None else None
    want = PAIRS[name](x, lengths, axes, norm=norm)
    transform = getattr(tf.signal, name)
    for f in (transform, tf.function(lambda *args: transform(*args))):
        got = f(x, lengths, axes, norm)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_gradients(name: str) -> None:
    x = tf.constant(REAL if name == "rfftnd" else COMPLEX)
    last = getattr(tf.signal, {"fftnd": "fft2d", "ifftnd": "ifft2d", "rfftnd": "rfft2d", "irfftnd": "irfft2d"}[name])

    def slope(f: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.abs(f(x)) ** 3)
        return tape.gradient(y, x)

    np.testing.assert_allclose(
        slope(lambda x: getattr(tf.signal, name)(x, axes=[-2, -1])), slope(last), rtol=1e-3, atol=1e-3
    )


def test_kernels_want_lengths_axes_and_types() -> None:
    assert tf.rfftnd(REAL, [4], [0]).dtype == tf.complex64
    np.testing.assert_allclose(
        tf.fftnd(COMPLEX, [6, 3], [2, 3]), np.fft.fftn(COMPLEX, [6, 3], [2, 3]), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="Tcomplex"):
        tf.rfftnd(REAL.astype(np.float64), [4], [0])
    for bad in (([4], [7]), ([4], [0, 1]), ([0], [0]), ([4, 4], [0, 0])):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.fftnd(COMPLEX, *bad)
    with pytest.raises(ValueError, match="norm"):
        tf.signal.fftnd(COMPLEX, norm="other")
