"""`tf.signal`: Fourier transforms, frames, windows and short-time transforms.

Invariant: real transforms of float32 give complex64, of float64 complex128; a transform runs over the last axes.
Entry points: the `tf.signal` functions below. Follows https://www.tensorflow.org/api_docs/python/tf/signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api.creation import cast
from graphtf.api.padding import pad
from graphtf.api.reduce import cumsum
from graphtf.api.segments import unsorted_segment_sum
from graphtf.api.shaping import roll
from graphtf.api.special import bessel_i0
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import deferred, deferred_like
from graphtf.indexing import getitem
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.prims import full_like, p
from graphtf.refusal import failed, wrong_dtype
from graphtf.sizes import as_integers, as_size, as_sizes, is_known
from graphtf.tensor import Tensor

Window = Callable[..., Any]


# ---- Fourier transforms ----------------------------------------------------------------------------------------------


def _transform(rank: int, inverse: bool, name: str) -> Callable[..., Tensor]:
    op = p.ifft if inverse else p.fft
    way = "inverse of the discrete Fourier transform" if inverse else "discrete Fourier transform"
    axes = "last axis" if rank == 1 else f"last {rank} axes"

    def transform(input: Any, name: str | None = None) -> Tensor:
        x = convert_to_tensor(input)
        if not x.dtype.is_complex:
            raise wrong_dtype(transform.__name__, f"expected complex64 or complex128, got {x.dtype.name}")
        return op(x, rank=rank)  # type: ignore[no-any-return]

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = (
        f"The {way} of complex tensors over the {axes}.\n\n    Raises InvalidArgumentError (tracing: TypeError) "
        f"for other dtypes.\n    Follows https://www.tensorflow.org/api_docs/python/tf/signal/{name}."
    )
    return transform


fft, fft2d, fft3d = (_transform(k, False, name) for k, name in enumerate(("fft", "fft2d", "fft3d"), 1))
ifft, ifft2d, ifft3d = (_transform(k, True, name) for k, name in enumerate(("ifft", "ifft2d", "ifft3d"), 1))


def _is_known(fft_length: Any) -> bool:
    return fft_length is None or as_sizes(fft_length, "fft_length") is not None


def _put_off(transform: Callable[..., Tensor], x: Tensor, fft_length: Any, rank: int, dtype: DType) -> Tensor:
    """A transform whose sizes only run time knows."""
    shape = (*x.ir_type.dims[: len(x.ir_type.dims) - rank], *(None,) * rank)
    (out,) = deferred(transform, [x, convert_to_tensor(fft_length)], [dtype], [shape])
    return out


def _lengths(x: Tensor, given: Any, rank: int, real: bool) -> tuple[Dim, ...]:
    """The sizes to transform: those given, or those of the operand (for the inverse, of what it is the half of)."""
    if given is not None:
        sizes = as_sizes(given, "fft_length")
        assert sizes is not None, "a transform of sizes that are not known yet is put off"
        return sizes
    dims = x.ir_type.dims[len(x.ir_type.dims) - rank :]
    return dims if real else (*dims[:-1], 2 * (dims[-1] - 1))


def _fitted(x: Tensor, sizes: tuple[Dim, ...]) -> Tensor:
    """The operand cut off, or filled up with zeros, to sizes along its last axes."""
    lead = len(x.ir_type.dims) - len(sizes)
    for k, size in enumerate(sizes, lead):
        have = x.ir_type.dims[k]
        if have == size:
            continue
        if isinstance(have, int) and isinstance(size, int) and have > size:
            x = getitem(x, (*[slice(None)] * k, slice(size)))
        else:
            x = pad(x, [(0, size - have if j == k else 0) for j in range(len(x.ir_type.dims))])
    return x


def _at_least(x: Tensor, rank: int) -> None:
    if len(x.ir_type.dims) < rank:
        raise ValueError(f"Shape {x.shape} must have rank at least {rank}")


def _real(rank: int, name: str) -> Callable[..., Tensor]:
    def transform(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
        x = convert_to_tensor(input_tensor, None if is_tensor_like(input_tensor) else dt.float32)
        if x.dtype not in (dt.float32, dt.float64):
            raise ValueError(f"RFFT requires tf.float32 or tf.float64 inputs, got: {x}")
        _at_least(x, rank)
        if not _is_known(fft_length):
            wide = dt.complex64 if x.dtype is dt.float32 else dt.complex128
            return _put_off(transform, x, fft_length, rank, wide)
        return p.rfft(_fitted(x, _lengths(x, fft_length, rank, True)), rank=rank)  # type: ignore[no-any-return]

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = (
        f"The Fourier transform of reals over the last {rank} axes: the half that tells the other.\n\n"
        f"    Follows https://www.tensorflow.org/api_docs/python/tf/signal/{name}."
    )
    return transform


def _inverse_real(rank: int, name: str) -> Callable[..., Tensor]:
    def transform(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
        x = convert_to_tensor(input_tensor, None if is_tensor_like(input_tensor) else dt.complex64)
        if not x.dtype.is_complex:
            raise ValueError(f"IRFFT requires tf.complex64 or tf.complex128 inputs, got: {x}")
        _at_least(x, rank)
        if not _is_known(fft_length):
            return _put_off(transform, x, fft_length, rank, x.dtype.real_dtype)
        sizes = _lengths(x, fft_length, rank, False)
        x = _fitted(x, (*sizes[:-1], sizes[-1] // 2 + 1))
        return p.irfft(x, rank=rank, length=sizes[-1])  # type: ignore[no-any-return]

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = (
        f"The reals whose Fourier transform over the last {rank} axes is given by half.\n\n"
        f"    Follows https://www.tensorflow.org/api_docs/python/tf/signal/{name}."
    )
    return transform


rfft, rfft2d, rfft3d = (_real(k, name) for k, name in enumerate(("rfft", "rfft2d", "rfft3d"), 1))
irfft, irfft2d, irfft3d = (_inverse_real(k, name) for k, name in enumerate(("irfft", "irfft2d", "irfft3d"), 1))


def _shift(x: Any, axes: Any, way: int) -> Tensor:
    t = convert_to_tensor(x)
    rank = len(t.ir_type.dims)
    over = tuple(range(rank)) if axes is None else tuple(a % rank for a in as_integers(axes, "fftshift"))
    by = [t.ir_type.dims[a] // 2 if way > 0 else -(t.ir_type.dims[a] // 2) for a in over]
    return roll(t, by, list(over))


def fftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """The frequency zero in the middle. Follows https://www.tensorflow.org/api_docs/python/tf/signal/fftshift.

    >>> fftshift([0, 1, 2, -2, -1]).numpy()
    array([-2, -1,  0,  1,  2], dtype=int32)
    """
    return _shift(x, axes, 1)


def ifftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """`fftshift` undone. Follows https://www.tensorflow.org/api_docs/python/tf/signal/ifftshift.

    >>> ifftshift([-2, -1, 0, 1, 2]).numpy()
    array([ 0,  1,  2, -2, -1], dtype=int32)
    """
    return _shift(x, axes, -1)


# ---- windows ---------------------------------------------------------------------------------------------------------


def _raised_cosine(length: Any, periodic: bool, dtype: Any, a: float, b: float, name: str) -> Tensor:
    kind = as_dtype(dtype)
    if not kind.is_floating:
        raise ValueError(f"`dtype` must be a floating point type. Found {kind}")
    if np.ndim(length) and not is_tensor_like(length):
        raise ValueError(f"{name}: Shape {np.shape(length)} must have rank 0")
    size = as_size(length, name)
    if size is None:
        raise UnknownShapeError(f"{name}: window_length must be known while the function is traced")
    if size == 1:
        return convert_to_tensor(np.ones(1, kind.np))
    count = p.iota(shape=(size,), axis=0, dtype=dt.int64)
    even = 1 - size % 2
    n = size + (even if periodic else 0) - 1 if isinstance(size, int) else size - 1
    whole = cast(p.reshape(p.dims(dims=(n,), dtype=dt.int64), shape=()), kind)
    angle = p.div(p.mul(cast(count, kind), full_like(cast(count, kind), 2 * np.pi)), p.broadcast(whole, shape=(size,)))
    return p.sub(full_like(angle, a), p.mul(full_like(angle, b), p.cos(angle)))  # type: ignore[no-any-return]


def hann_window(window_length: Any, periodic: bool = True, dtype: Any = dt.float32, name: str | None = None) -> Tensor:
    """A cosine from 0 to 1 and back. Follows https://www.tensorflow.org/api_docs/python/tf/signal/hann_window.

    >>> hann_window(4).numpy().round(3).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return _raised_cosine(window_length, periodic, dtype, 0.5, 0.5, "hann_window")


def hamming_window(
    window_length: Any, periodic: bool = True, dtype: Any = dt.float32, name: str | None = None
) -> Tensor:
    """A cosine from 0.08 to 1 and back.

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/hamming_window.

    >>> hamming_window(4).numpy().round(3).tolist()
    [0.08, 0.54, 1.0, 0.54]
    """
    return _raised_cosine(window_length, periodic, dtype, 0.54, 0.46, "hamming_window")


def kaiser_window(window_length: Any, beta: Any = 12.0, dtype: Any = dt.float32, name: str | None = None) -> Tensor:
    """Kaiser's window. Follows https://www.tensorflow.org/api_docs/python/tf/signal/kaiser_window.

    >>> kaiser_window(3, 2.0).numpy().round(3).tolist()
    [0.439, 1.0, 0.439]
    """
    kind = as_dtype(dtype)
    size = as_size(window_length, "kaiser_window")
    if not isinstance(size, int):
        raise UnknownShapeError("kaiser_window: window_length must be known while the function is traced")
    if size <= 1:
        return convert_to_tensor(np.ones(size, kind.np))
    half = (size - 1) / 2.0
    at = convert_to_tensor(((np.arange(size) - half) / half).astype(kind.np))
    scale = convert_to_tensor(beta, kind)
    inside = p.sqrt(p.maximum(p.sub(full_like(at, 1), p.mul(at, at)), full_like(at, 0)))
    top = bessel_i0(p.mul(p.broadcast(scale, shape=at.ir_type.dims), inside))
    return p.div(top, p.broadcast(bessel_i0(scale), shape=at.ir_type.dims))  # type: ignore[no-any-return]


def kaiser_bessel_derived_window(
    window_length: Any, beta: Any = 12.0, dtype: Any = dt.float32, name: str | None = None
) -> Tensor:
    """The square root of running sums of Kaiser's window, up and down: its halves are power complementary.

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/kaiser_bessel_derived_window.

    >>> [f"{x:.3f}" for x in kaiser_bessel_derived_window(4, 2.0).numpy()]
    ['0.483', '0.875', '0.875', '0.483']
    """
    (size,) = as_integers(window_length, "kaiser_bessel_derived_window")
    half = size // 2
    sums = cumsum(kaiser_window(half + 1, beta, dtype))
    rising = p.sqrt(p.div(getitem(sums, slice(half)), p.broadcast(getitem(sums, -1), shape=(half,))))
    return p.concat(rising, p.reverse(rising, axes=(0,)), axis=0)  # type: ignore[no-any-return]


def vorbis_window(window_length: Any, dtype: Any = dt.float32, name: str | None = None) -> Tensor:
    """Vorbis' power complementary window. Follows https://www.tensorflow.org/api_docs/python/tf/signal/vorbis_window.

    >>> vorbis_window(2).numpy().round(3).tolist()
    [0.707, 0.707]
    """
    kind = as_dtype(dtype)
    (size,) = as_integers(window_length, "vorbis_window")
    slope = np.sin(np.pi / size * (np.arange(size) + 0.5)) ** 2
    return convert_to_tensor(np.sin(np.pi / 2 * slope).astype(kind.np))


# ---- frames ----------------------------------------------------------------------------------------------------------


def _frames(length: Dim, width: int, step: int, pad_end: bool) -> Dim:
    if pad_end:
        return -(-length // step)
    count = 1 + (length - width) // step
    return max(0, count) if isinstance(count, int) else count


def _places(count: Dim, width: Dim, step: int) -> Tensor:
    """Where the elements of frames are along the axis."""
    frame_number = p.iota(shape=(count, width), axis=0, dtype=dt.int64)
    return p.add(
        p.mul(frame_number, full_like(frame_number, step)), p.iota(shape=(count, width), axis=1, dtype=dt.int64)
    )  # type: ignore[no-any-return]


def _frames_put_off(x: Tensor, given: Sequence[Any], pad_end: bool, pad_value: Any, axis: int) -> Tensor:
    """`frame` for a length or step that only run time knows."""
    dims = list(x.ir_type.dims)
    at = axis % len(dims)

    def run(*found: Any) -> Tensor:
        return frame(*found[:3], pad_end, found[3], axis)

    operands = [x, *map(convert_to_tensor, (*given, pad_value))]
    return deferred_like(run, operands, x, (*dims[:at], None, None, *dims[at + 1 :]))


def frame(
    signal: Any, frame_length: Any, frame_step: Any, pad_end: bool = False, pad_value: Any = 0, axis: int = -1,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Stretches of an axis, each `frame_step` after the one before: [..., frames, frame_length, ...].

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/frame.

    >>> frame([1, 2, 3, 4], 2, 1).numpy().tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = convert_to_tensor(signal)
    if not is_known(frame_length) or not is_known(frame_step):
        return _frames_put_off(x, [frame_length, frame_step], pad_end, pad_value, axis)
    (width,), (step,) = as_integers(frame_length, "frame"), as_integers(frame_step, "frame")
    _at_least(x, 1)
    if not step:
        raise failed("frame", "frame_step is 0: Integer division by zero")
    at = axis % len(x.ir_type.dims)
    have = x.ir_type.dims[at]
    count = _frames(have, width, step, pad_end)
    if pad_end:
        most = (count - 1) * step + width - have
        more = max(0, most) if isinstance(most, int) else width
        x = pad(x, [(0, more if k == at else 0) for k in range(len(x.ir_type.dims))], constant_values=pad_value)
    places = _places(count, width, step)
    return p.gather(x, places, axis=at, batch_dims=0)  # type: ignore[no-any-return]


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Tensor:
    """Frames [..., frames, frame_length] laid over each other `frame_step` apart, and added.

    Raises ValueError if there are fewer than two axes.
    Follows https://www.tensorflow.org/api_docs/python/tf/signal/overlap_and_add.

    >>> overlap_and_add([[1.0, 2.0], [3.0, 4.0]], 1).numpy().tolist()
    [1.0, 5.0, 4.0]
    """
    x = convert_to_tensor(signal)
    dims = x.ir_type.dims
    if len(dims) < 2:
        raise ValueError("overlap_and_add: signal must have at least 2 axes")
    (step,) = as_integers(frame_step, "overlap_and_add")
    count, width = dims[-2:]
    size = (count - 1) * step + width
    places = _places(count, width, step)
    rank = len(dims)
    moved = p.transpose(x, perm=(rank - 2, rank - 1, *range(rank - 2))) if rank > 2 else x
    summed = unsorted_segment_sum(moved, places, size)
    return p.transpose(summed, perm=(*range(1, rank - 1), 0)) if rank > 2 else summed  # type: ignore[no-any-return]


# ---- short-time transforms -------------------------------------------------------------------------------------------


def _enclosing_power(n: int) -> int:
    return 1 << max(0, (n - 1).bit_length())


def _times_window(x: Tensor, window_fn: Window | None, width: int) -> Tensor:
    if window_fn is None:
        return x
    window = convert_to_tensor(window_fn(width, dtype=x.dtype))
    return p.mul(x, p.broadcast(window, shape=x.ir_type.dims))  # type: ignore[no-any-return]


def stft(
    signals: Any, frame_length: Any, frame_step: Any, fft_length: Any = None, window_fn: Window | None = hann_window,
    pad_end: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The Fourier transforms of frames under a window: [..., frames, fft_length // 2 + 1].

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/stft.

    >>> stft(np.ones(8, "f4"), 4, 2).shape
    TensorShape([3, 3])
    """
    x = convert_to_tensor(signals)
    (width,) = as_integers(frame_length, "stft")
    size = _enclosing_power(width) if fft_length is None else as_integers(fft_length, "stft")[0]
    return rfft(_times_window(frame(x, width, frame_step, pad_end), window_fn, width), [size])


def inverse_stft(
    stfts: Any, frame_length: Any, frame_step: Any, fft_length: Any = None, window_fn: Window | None = hann_window,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The signal of short-time transforms, its frames under a window.

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/inverse_stft.
    """
    x = convert_to_tensor(stfts)
    (width,) = as_integers(frame_length, "inverse_stft")
    size = _enclosing_power(width) if fft_length is None else as_integers(fft_length, "inverse_stft")[0]
    frames = irfft(x, [size])
    if size > width:
        frames = getitem(frames, (..., slice(width)))
    elif size < width:
        frames = pad(frames, [(0, 0)] * (len(frames.ir_type.dims) - 1) + [(0, width - size)])
    return overlap_and_add(_times_window(frames, window_fn, width), frame_step)


def inverse_stft_window_fn(frame_step: Any, forward_window_fn: Window = hann_window, name: str | None = None) -> Window:
    """The window under which `inverse_stft` undoes an `stft` with `forward_window_fn`.

    Follows https://www.tensorflow.org/api_docs/python/tf/signal/inverse_stft_window_fn.
    """
    (step,) = as_integers(frame_step, "inverse_stft_window_fn")

    def window(frame_length: Any, dtype: Any) -> Tensor:
        (width,) = as_integers(frame_length, "inverse_stft_window_fn")
        forward = convert_to_tensor(forward_window_fn(width, dtype=dtype))
        overlaps = -(-width // step)
        square = pad(p.mul(forward, forward), [(0, overlaps * step - width)])
        total = p.reduce_sum(p.reshape(square, shape=(overlaps, step)), axes=(0,))
        repeated = p.reshape(
            p.broadcast(p.reshape(total, shape=(1, step)), shape=(overlaps, step)), shape=(overlaps * step,)
        )
        return p.div(forward, getitem(repeated, slice(width)))  # type: ignore[no-any-return]

    return window
