"""Cosine transforms, and the mel scale. Follows https://www.tensorflow.org/api_docs/python/tf/signal.

Invariant: a cosine transform is a Fourier transform of a longer, mirrored signal. Entry points: the `tf.signal`
functions below.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphtf.api.signal import rfft
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor


def dct(
    input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: str | None = None, name: str | None = None
) -> Tensor:
    """The cosine transform of a type from 1 to 4 along the last axis; 3 is the inverse of 2, 1 and 4 of themselves.

    `n` cuts or fills up the axis with zeros; norm "ortho" makes it orthonormal, which type 1 cannot be. Raises
    ValueError for other arguments, and for type 1 of fewer than two elements, NotImplementedError for another axis.
    Follows https://www.tensorflow.org/api_docs/python/tf/signal/dct.

    >>> dct([1.0, 1.0]).numpy().round(4).tolist()
    [4.0, 0.0]
    """
    x = convert_to_tensor(input)
    if type not in (1, 2, 3, 4):
        raise ValueError(f"dct: types 1, 2, 3 and 4 are supported, got {type}")
    if axis != -1:
        raise NotImplementedError(f"axis must be -1. Got: {axis}")
    if norm not in (None, "ortho"):
        raise ValueError(f"Unknown normalization. Got: {norm}")
    if x.dtype not in (dt.float32, dt.float64):
        raise ValueError(f"input must be float32 or float64, got {x.dtype.name}")
    length = x.shape[-1]
    if length is None:
        raise UnknownShapeError("dct: the size of the last axis must be known")
    x = x if n is None else _fitted(x, length, int(n))
    size = length if n is None else int(n)
    if type == 1 and norm is not None:
        raise ValueError("Normalization is not supported for the Type-I DCT.")
    if type == 1 and size < 2:
        raise ValueError("Type-I DCT requires the dimension to be greater than one.")
    if type in (1, 4):
        return _type1(x, size) if type == 1 else _type4(x, size, norm)
    return _type2(x, size, norm) if type == 2 else _type3(x, size, norm)


def idct(
    input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: str | None = None, name: str | None = None
) -> Tensor:
    """The inverse of `dct` of the type, without norm times twice the length.

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/idct.

    >>> idct([4.0, 0.0]).numpy().round(4).tolist()
    [4.0, 4.0]
    """
    return dct(input, {2: 3, 3: 2}.get(type, type), n, axis, norm)


def _fitted(x: Tensor, have: int, want: int) -> Tensor:
    rank = len(x.ir_type.dims)
    zeros = (0,) * rank
    if want > have:
        return p.pad(x, p.cast(convert_to_tensor(0), dtype=x.dtype), low=zeros, high=(*zeros[1:], want - have))
    return p.slice(x, starts=zeros, limits=(*x.ir_type.dims[:-1], want), strides=(1,) * rank)


def _row(values: np.ndarray[Any, Any], x: Tensor) -> Tensor:
    return convert_to_tensor(values.astype(x.dtype.np))


def _type2(x: Tensor, size: int, norm: str | None) -> Tensor:
    """2 Σ x[n] cos(π k (2n + 1) / 2N)."""
    k = np.arange(size)
    spectrum = rfft(x, [2 * size])
    rank = len(spectrum.ir_type.dims)
    kept = p.slice(spectrum, starts=(0,) * rank, limits=(*spectrum.ir_type.dims[:-1], size), strides=(1,) * rank)
    turn = -math.pi * k / (2 * size)
    found = p.sub(p.mul(p.real(kept), _row(2 * np.cos(turn), x)), p.mul(p.imag(kept), _row(2 * np.sin(turn), x)))
    return found if norm is None else p.mul(found, _row(_scales(size), x))


def _scales(size: int) -> np.ndarray[Any, Any]:
    out = np.full(size, 0.5 * math.sqrt(2.0 / size))
    out[:1] = 0.5 * math.sqrt(1.0 / size)
    return out


def _type3(x: Tensor, size: int, norm: str | None) -> Tensor:
    """x[0] + 2 Σ x[n] cos(π n (2k + 1) / 2N): the real part of a transform of 2N turned elements."""
    if norm == "ortho":
        scale = np.full(size, math.sqrt(0.5 / size) * 1.0)
        scale[:1] = math.sqrt(1.0 / size)
        x = p.mul(x, _row(scale, x))
    weight = np.full(size, 2.0)
    weight[:1] = 1.0
    n, k = np.arange(size), np.arange(size)
    basis = weight[:, None] * np.cos(math.pi * n[:, None] * (2 * k + 1) / (2 * size))
    return _times(x, basis)


def _type1(x: Tensor, size: int) -> Tensor:
    """x[0] + (-1)ᵏ x[N-1] + 2 Σ x[n] cos(π k n / (N - 1)) over those between: of the mirrored signal."""
    rank = len(x.ir_type.dims)
    inner = p.slice(x, starts=(*(0,) * (rank - 1), 1), limits=(*x.ir_type.dims[:-1], size - 1), strides=(1,) * rank)
    mirrored = p.concat(x, p.reverse(inner, axes=(rank - 1,)), axis=rank - 1)
    return p.real(rfft(mirrored))


def _type4(x: Tensor, size: int, norm: str | None) -> Tensor:
    """2 Σ x[n] cos(π (2k + 1) (2n + 1) / 4N)."""
    odd = 2 * np.arange(size) + 1
    basis = 2 * np.cos(math.pi * odd[:, None] * odd / (4 * size))
    return _times(x, basis if norm is None else basis * math.sqrt(0.5 / size))


def _times(x: Tensor, basis: np.ndarray[Any, Any]) -> Tensor:
    flat = p.reshape(x, shape=(_rows(x), len(basis)))
    out = p.matmul(flat, _row(basis, x), transpose_a=False, transpose_b=False)
    return p.reshape(out, shape=x.ir_type.dims)


def _rows(x: Tensor) -> Any:
    from graphtf.ir.dims import product

    return product(x.ir_type.dims[:-1])


# ---- mel -------------------------------------------------------------------------------------------------------------


def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sample_rate: Any = 8000,
    lower_edge_hertz: float = 125.0, upper_edge_hertz: float = 3800.0, dtype: Any = dt.float32, name: str | None = None,
) -> Tensor:  # fmt: skip
    """A matrix [spectrogram bins, mel bins] that sums a spectrum into triangles evenly spaced on the mel scale.

    Raises ValueError for edges out of order or range. Follows
    https://www.tensorflow.org/api_docs/python/tf/signal/linear_to_mel_weight_matrix.

    >>> linear_to_mel_weight_matrix(4, 9).shape
    TensorShape([9, 4])
    """
    kind, rate = as_dtype(dtype), float(sample_rate)
    if num_mel_bins <= 0:
        raise ValueError(f"num_mel_bins must be positive. Got: {num_mel_bins}")
    if lower_edge_hertz < 0.0 or lower_edge_hertz >= upper_edge_hertz:
        raise ValueError(f"lower_edge_hertz {lower_edge_hertz} must be in [0, upper_edge_hertz {upper_edge_hertz})")
    if rate <= 0.0 or upper_edge_hertz > rate / 2:
        raise ValueError(
            f"upper_edge_hertz must not be larger than the Nyquist frequency {rate / 2}, got {upper_edge_hertz}"
        )
    if not kind.is_floating:
        raise ValueError(f"dtype must be a floating type, got {kind.name}")
    bins = _mel(np.linspace(0.0, rate / 2, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(_mel(np.float64(lower_edge_hertz)), _mel(np.float64(upper_edge_hertz)), num_mel_bins + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return convert_to_tensor(np.pad(weights, [[1, 0], [0, 0]]).astype(kind.np))


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(hertz / 700.0)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Tensor:
    """Mel-frequency cepstral coefficients: the orthonormal cosine transform of log-mel spectrograms but for a factor.

    Raises ValueError for an empty last axis. Follows
    https://www.tensorflow.org/api_docs/python/tf/signal/mfccs_from_log_mel_spectrograms.

    >>> mfccs_from_log_mel_spectrograms([[1.0, 1.0]]).shape
    TensorShape([1, 2])
    """
    x = convert_to_tensor(log_mel_spectrograms)
    count = x.shape[-1]
    if not count:
        raise ValueError(f"num_mel_bins must be positive. Got: {x.shape}")
    found = dct(x)
    return p.mul(found, _row(np.full(1, 1.0 / math.sqrt(2.0 * count)), found))
