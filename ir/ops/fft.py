"""Discrete Fourier transforms over the last axes.

Invariant: forward transforms are sums, inverse ones divide by the number of elements; a real transform keeps the half
of its last axis that tells the other. Entry points: `fft`, `ifft`, `rfft`, `irfft`, each over the last `rank` axes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, floordiv, product, same
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Host, Op, Sample
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

_HOST = Host("Fourier transforms are NumPy's")
_REAL = (dt.float32, dt.float64)
_COMPLEX_OF = {dt.float32: dt.complex64, dt.float64: dt.complex128}
_RANK = "the rank is at least 1, and the operand has as many axes"


def _check(op: Op, x: TensorType, rank: int, dtypes: tuple[DType, ...]) -> None:
    check_dtype(op, x.dtype, dtypes, 1)
    if rank < 1 or (x.shape is not None and len(x.shape) < rank):
        raise op.violated(2, f"attribute rank is {rank}, for {x}")


def _axes(rank: int) -> tuple[int, ...]:
    return tuple(range(-rank, 0))


def _count(sizes: Shape, dtype: DType) -> Any:
    """The number of elements as a scalar."""
    total = product(sizes)
    if isinstance(total, int):
        return p.constant(value=np.array(total, dtype.np))
    return p.cast(p.reshape(p.dims(dims=(total,), dtype=dt.int64), shape=()), dtype=dtype)


def _empty(shape: tuple[int, ...], rank: int) -> bool:
    return 0 in shape[len(shape) - rank :]


# ---- complex ---------------------------------------------------------------------------------------------------------


def _complex(name: str, doc: str, transform: Callable[..., Array], vjp: Callable[..., Any]) -> Op:
    def infer(x: TensorType, rank: int) -> TensorType:
        _check(op, x, rank, dt.COMPLEXES)
        return x

    def run(x: Array, rank: int) -> Array:
        return x.copy() if _empty(x.shape, rank) else transform(x, axes=_axes(rank)).astype(x.dtype, copy=False)

    op = Op(
        name, doc, infer, run, vjp, _HOST, attrs=("rank",), constraints=("the dtype is a complex one", _RANK),
        samples=(
            Sample("c64[5]", {"rank": 1}), Sample("c64[2, 4]", {"rank": 1}), Sample("c64[2, 3, 4]", {"rank": 2}),
            Sample("c64[2, 3, 2]", {"rank": 3}), Sample("c128[0]", {"rank": 1}),
        ),
    )  # fmt: skip
    return op


def _fft_vjp(ct: Any, out: Any, x: Any, rank: int) -> tuple[Any]:
    return (p.mul(p.ifft(ct, rank=rank), _count(ir_type(x).dims[-rank:], ir_type(x).dtype)),)


def _ifft_vjp(ct: Any, out: Any, x: Any, rank: int) -> tuple[Any]:
    return (p.div(p.fft(ct, rank=rank), _count(ir_type(x).dims[-rank:], ir_type(x).dtype)),)


fft = _complex("fft", "the discrete Fourier transform over the last axes", np.fft.fftn, _fft_vjp)
ifft = _complex("ifft", "the inverse Fourier transform over the last axes", np.fft.ifftn, _ifft_vjp)

# ---- real ------------------------------------------------------------------------------------------------------------


def _rfft_infer(x: TensorType, rank: int) -> TensorType:
    _check(rfft, x, rank, _REAL)
    out = x.with_dtype(_COMPLEX_OF[x.dtype])
    return out if x.shape is None else out.with_shape((*x.shape[:-1], floordiv(x.shape[-1], 2) + 1))


def _rfft_ref(x: Array, rank: int) -> Array:
    dtype = np.result_type(x, np.complex64)
    if _empty(x.shape, rank):
        return np.zeros((*x.shape[:-1], x.shape[-1] // 2 + 1), dtype)
    return np.fft.rfftn(x, axes=_axes(rank)).astype(dtype, copy=False)


def _rfft_vjp(ct: Any, out: Any, x: Any, rank: int) -> tuple[Any]:
    """The half that was dropped has no cotangent."""
    shape = ir_type(x).dims
    kept = ir_type(ct).dims[-1]
    zeros = (0,) * len(shape)
    whole = p.pad(ct, scalar_like(ct, 0), low=zeros, high=(*zeros[1:], shape[-1] - kept))
    return (p.mul(p.real(p.ifft(whole, rank=rank)), _count(shape[-rank:], ir_type(x).dtype)),)


rfft = Op(
    "rfft", "the Fourier transform of real numbers over the last axes, without the redundant half of the last",
    _rfft_infer, _rfft_ref, _rfft_vjp, _HOST, attrs=("rank",),
    constraints=("the dtype is float32 or float64", _RANK),
    samples=(
        Sample("f32[5]", {"rank": 1}), Sample("f32[2, 4]", {"rank": 1}), Sample("f32[2, 3, 4]", {"rank": 2}),
        Sample("f32[2, 3, 5]", {"rank": 3}),
    ),
)  # fmt: skip


def _irfft_infer(x: TensorType, rank: int, length: Dim) -> TensorType:
    _check(irfft, x, rank, dt.COMPLEXES)
    if x.shape is not None and not same(x.shape[-1], floordiv(length, 2) + 1):
        message = f"attribute length is {length}, expected a last axis of {floordiv(length, 2) + 1} elements, not {x}"
        raise irfft.violated(3, message)
    out = x.with_dtype(x.dtype.real_dtype)
    return out if x.shape is None else out.with_shape((*x.shape[:-1], length))


def _irfft_ref(x: Array, rank: int, length: int) -> Array:
    dtype = np.empty(0, x.dtype).real.dtype
    sizes = (*x.shape[len(x.shape) - rank : -1], length)
    if 0 in sizes:
        return np.zeros((*x.shape[:-1], length), dtype)
    return np.fft.irfftn(x, sizes, _axes(rank)).astype(dtype, copy=False)


def _irfft_vjp(ct: Any, out: Any, x: Any, rank: int, length: Dim) -> tuple[Any]:
    """Elements that stand for two count twice: all but the first, and the last of an even length."""
    half, real = p.rfft(ct, rank=rank), ir_type(ct).dtype
    kept = ir_type(half).dims[-1]
    k = p.iota(shape=(kept,), axis=0, dtype=dt.int64)
    first = p.eq(k, scalar_like(k, 0))
    middle = p.eq(p.add(k, k), _count((length,), dt.int64))
    one = p.constant(value=np.array(1, real.np))
    weight = p.select(p.logical_or(first, middle), one, p.add(one, one))
    scale = p.div(weight, _count(ir_type(ct).dims[-rank:], real))
    return (p.mul(half, p.cast(scale, dtype=ir_type(half).dtype)),)


irfft = Op(
    "irfft", "the inverse of rfft: `length` real numbers along the last axis", _irfft_infer, _irfft_ref, _irfft_vjp,
    _HOST, attrs=("rank", "length"),
    constraints=("the dtype is a complex one", _RANK, "the last axis is that of a real transform of the length"),
    samples=(
        Sample("c64[3]", {"rank": 1, "length": 5}), Sample("c64[2, 3]", {"rank": 1, "length": 4}),
        Sample("c64[2, 3, 3]", {"rank": 2, "length": 4}), Sample("c64[2, 2, 3]", {"rank": 3, "length": 5}),
    ),
)  # fmt: skip
