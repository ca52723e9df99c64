"""Discrete Fourier transforms over chosen axes: `tf.signal.fftnd` and its kin.

Invariant: the axes are moved to the end, transformed there in the order given, and moved back; lengths cut off, or fill
up with zeros. Entry points: the `tf.signal` functions below, and the kernels `tf.fftnd` ….
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.signal import _fitted
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import UnknownSizeError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.sizes import as_integers, as_sizes
from graphtf.tensor import Tensor

_NORMS = (None, "backward", "ortho", "forward")
_OVER = {dt.float32: dt.complex64, dt.float64: dt.complex128}


class _Plan:
    """The axes of a transform and its lengths along them."""

    def __init__(self, name: str, x: Tensor, fft_length: Any, axes: Any, halved: bool = False) -> None:
        rank = len(x.ir_type.dims)
        lengths = None if fft_length is None else as_sizes(fft_length, name)
        if fft_length is not None and lengths is None:
            raise UnknownSizeError(f"{name}: fft_length is known only at run time")
        if axes is not None:
            given = as_integers(axes, name)
        else:
            given = tuple(range(rank if lengths is None else len(lengths)))
            given = given if lengths is None else tuple(k - len(lengths) for k in given)
        if any(not -rank <= k < rank for k in given):
            raise invalid(name, f"axes must lie in [{-rank}, {rank}), got {list(given)}")
        self.axes = tuple(k % rank for k in given)
        if len(set(self.axes)) != len(self.axes):
            raise invalid(name, f"axes must differ, got {list(given)}")
        self.order = (*(k for k in range(rank) if k not in self.axes), *self.axes)
        own = tuple(x.ir_type.dims[k] for k in self.axes)
        if halved and own:
            own = (*own[:-1], 2 * (own[-1] - 1))
        self.lengths: tuple[Dim, ...] = own if lengths is None else lengths
        if len(self.lengths) != len(self.axes):
            raise invalid(name, f"fft_length has {len(self.lengths)} entries for {len(self.axes)} axes")
        if any(isinstance(n, int) and n <= 0 for n in self.lengths if lengths is not None):
            raise invalid(name, f"fft_length must be positive, got {list(self.lengths)}")

    def to_last(self, x: Tensor) -> Tensor:
        return p.transpose(x, perm=self.order)  # type: ignore[no-any-return]

    def from_last(self, x: Tensor) -> Tensor:
        return p.transpose(x, perm=tuple(int(k) for k in np.argsort(self.order)))  # type: ignore[no-any-return]

    def scaled(self, x: Tensor, norm: str | None, inverse: bool) -> Tensor:
        """What a transform without a norm (its inverse divides) is with one."""
        if norm in (None, "backward"):
            return x
        power = (0.5 if norm == "ortho" else 1.0) * (1 if inverse else -1)
        count = p.cast(p.reshape(p.dims(dims=(product(self.lengths),), dtype=dt.int64), shape=()), dtype=dt.float64)
        factor = p.pow(count, scalar_like(count, power))
        return p.mul(x, p.cast(factor, dtype=x.dtype))  # type: ignore[no-any-return]


def _checked(norm: str | None, name: str) -> str | None:
    if norm not in _NORMS:
        raise ValueError(f"{name}: norm must be one of None, 'backward', 'ortho', 'forward', got {norm!r}")
    return norm


def _complex(name: str, inverse: bool) -> Callable[..., Tensor]:
    op = p.ifft if inverse else p.fft

    def transform(
        input_tensor: Any, fft_length: Any = None, axes: Any = None, norm: str | None = None, name: str | None = None
    ) -> Tensor:
        x = convert_to_tensor(input_tensor)
        if not x.dtype.is_complex:
            raise wrong_dtype(transform.__name__, f"expected complex64 or complex128, got {x.dtype.name}")
        plan = _Plan(transform.__name__, x, fft_length, axes)
        kind = _checked(norm, transform.__name__)
        if not plan.axes:
            return x
        made = op(_fitted(plan.to_last(x), plan.lengths), rank=len(plan.axes))
        return plan.scaled(plan.from_last(made), kind, inverse)

    return _described(transform, name, "inverse of the discrete" if inverse else "discrete")


def _described(transform: Callable[..., Tensor], name: str, what: str) -> Callable[..., Tensor]:
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = (
        f"The {what} Fourier transform over `axes` (all), of the lengths `fft_length` (their sizes).\n\n"
        "    `norm` is 'backward', 'ortho' or 'forward'. Raises InvalidArgumentError (tracing: ValueError) for axes\n"
        f"    or lengths that do not fit. Follows https://www.tensorflow.org/api_docs/python/tf/signal/{name}."
    )
    return transform


fftnd, ifftnd = _complex("fftnd", False), _complex("ifftnd", True)


def _rfftnd(
    input_tensor: Any, fft_length: Any = None, axes: Any = None, norm: str | None = None, name: str | None = None
) -> Tensor:
    x = convert_to_tensor(input_tensor, None if is_tensor_like(input_tensor) else dt.float32)
    if x.dtype not in _OVER:
        raise ValueError(f"RFFT requires tf.float32 or tf.float64 inputs, got: {x}")
    plan = _Plan("rfftnd", x, fft_length, axes)
    kind = _checked(norm, "rfftnd")
    made = p.rfft(_fitted(plan.to_last(x), plan.lengths), rank=len(plan.axes))
    return plan.scaled(plan.from_last(made), kind, False)


def _irfftnd(
    input_tensor: Any, fft_length: Any = None, axes: Any = None, norm: str | None = None, name: str | None = None
) -> Tensor:
    x = convert_to_tensor(input_tensor, None if is_tensor_like(input_tensor) else dt.complex64)
    if not x.dtype.is_complex:
        raise ValueError(f"IRFFT requires tf.complex64 or tf.complex128 inputs, got: {x}")
    plan = _Plan("irfftnd", x, fft_length, axes, halved=True)
    kind = _checked(norm, "irfftnd")
    *rest, last = plan.lengths
    half = _fitted(plan.to_last(x), (*rest, last // 2 + 1))
    made = p.irfft(half, rank=len(plan.axes), length=last)
    return plan.scaled(plan.from_last(made), kind, True)


rfftnd = _described(_rfftnd, "rfftnd", "half that tells the other of the")
irfftnd = _described(_irfftnd, "irfftnd", "real inverse of half a")


# ---- the kernels -----------------------------------------------------------------------------------------------------


def fftnd_kernel(input: Any, fft_length: Any, axes: Any, name: str | None = None) -> Tensor:
    """`tf.signal.fftnd` of lengths and axes that must be given.

    Follows https://www.tensorflow.org/api_docs/python/tf/fftnd.

    >>> fftnd_kernel(np.complex64([1, 0]), [2], [0]).numpy().real.tolist()
    [1.0, 1.0]
    """
    return fftnd(input, fft_length, axes)


def ifftnd_kernel(input: Any, fft_length: Any, axes: Any, name: str | None = None) -> Tensor:
    """`tf.signal.ifftnd` of lengths and axes that must be given.

    Follows https://www.tensorflow.org/api_docs/python/tf/ifftnd.
    """
    return ifftnd(input, fft_length, axes)


def rfftnd_kernel(
    input: Any, fft_length: Any, axes: Any, Tcomplex: Any = dt.complex64, name: str | None = None
) -> Tensor:
    """`tf.signal.rfftnd` of lengths and axes that must be given. Raises InvalidArgumentError (tracing: ValueError) for
    another `Tcomplex` than that of the operand.

    Follows https://www.tensorflow.org/api_docs/python/tf/rfftnd.
    """
    return _typed(rfftnd(convert_to_tensor(input), fft_length, axes), Tcomplex, "rfftnd: Tcomplex")


def irfftnd_kernel(input: Any, fft_length: Any, axes: Any, Treal: Any = dt.float32, name: str | None = None) -> Tensor:
    """`tf.signal.irfftnd` of lengths and axes that must be given. Raises InvalidArgumentError (tracing: ValueError) for
    another `Treal` than that of the operand.

    Follows https://www.tensorflow.org/api_docs/python/tf/irfftnd.
    """
    return _typed(irfftnd(convert_to_tensor(input), fft_length, axes), Treal, "irfftnd: Treal")


def _typed(x: Tensor, dtype: Any, what: str) -> Tensor:
    if as_dtype(dtype) is not x.dtype:
        raise invalid(what, f"is {as_dtype(dtype).name}, but the operand gives {x.dtype.name}")
    return x
