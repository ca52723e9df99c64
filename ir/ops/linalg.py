"""Linear algebra of batches of matrices: equations, inverses, determinants. Factorisations are in `factor.py`.

Invariant: the last two axes are a matrix, all before them batches. Everything runs on the host, in LAPACK; what that
refuses is an InvalidArgumentError. Entry points: `solve`, `triangular_solve`, `inv`, `slogdet`, `det`, `expm`, `logm`,
`sqrtm`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Shape, same
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.op import Host, Op, Sample, Unsupported
from graphtf.ir.ops.elementwise import broadcast_shapes, check_dtype, conj
from graphtf.ir.ops.prims import p, scalar_like, sum_to
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

HOST = Host("linear algebra is LAPACK's, by way of NumPy and SciPy")
DTYPES = (*dt.FLOATS, *dt.COMPLEXES)
ONE_DTYPE, MATRIX, SQUARE = "the dtype is a floating or complex one", "the last two axes are a matrix", "it is square"


# ---- matrices in terms of ops ----------------------------------------------------------------------------------------


def rank_of(x: Any) -> int:
    return len(ir_type(x).dims)


def transposed(x: Any) -> Any:
    n = rank_of(x)
    return p.transpose(x, perm=(*range(n - 2), n - 1, n - 2))


def adjoint(x: Any) -> Any:
    return conj(transposed(x))


def product(a: Any, b: Any) -> Any:
    return p.matmul(a, b, transpose_a=False, transpose_b=False)


def scaled(a: Any, factor: float) -> Any:
    return p.mul(a, scalar_like(a, factor))


def _axis_of(x: Any, axis: int) -> Any:
    return p.iota(shape=ir_type(x).dims, axis=rank_of(x) + axis, dtype=dt.int64)


def band(x: Any, keep: str) -> Any:
    """x where row `keep` column, a comparison ("ge": the lower triangle), and 0 elsewhere."""
    return p.select(getattr(p, keep)(_axis_of(x, -2), _axis_of(x, -1)), x, scalar_like(x, 0))


def diagonal(x: Any) -> Any:
    """The diagonals of square matrices, as vectors."""
    return p.reduce_sum(band(x, "eq"), axes=(rank_of(x) - 1,))


def columns(v: Any) -> Any:
    """Vectors as rows, to scale columns with."""
    *batch, n = ir_type(v).dims
    return p.reshape(v, shape=(*batch, 1, n))


def rows(v: Any) -> Any:
    """Vectors as columns, to scale rows with."""
    return p.reshape(v, shape=(*ir_type(v).dims, 1))


def embedded(v: Any) -> Any:
    """Diagonal matrices with the vectors on their diagonals."""
    *batch, n = ir_type(v).dims
    return band(p.broadcast(columns(v), shape=(*batch, n, n)), "eq")


def like(x: Any, other: Any) -> Any:
    """Real x as the dtype of `other`."""
    return x if ir_type(x).dtype is ir_type(other).dtype else p.cast(x, dtype=ir_type(other).dtype)


# ---- types and references --------------------------------------------------------------------------------------------


def check_matrix(op: Op, x: TensorType, square: bool) -> None:
    """Raise Violation of C1 to C3 unless x holds (square) matrices."""
    check_dtype(op, x.dtype, DTYPES, 1)
    if x.shape is None:
        return
    if len(x.shape) < 2:
        raise op.violated(2, f"operand 0 is {x}, expected at least two axes")
    if square and not same(x.shape[-1], x.shape[-2]):
        raise op.violated(3, f"operand 0 is {x}, expected square matrices")


def refused(op: str, message: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, f"{op}: {message}")


def in_lapack(name: str, message: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """fn of arrays, in a type that LAPACK has, with results of the operands' precision; what it refuses is an
    InvalidArgumentError with `message`."""

    def run(*arrays: Array, **attrs: Any) -> Any:
        narrow = arrays[0].dtype
        half = narrow.itemsize == 2
        try:
            with np.errstate(all="ignore"):
                out = fn(*(a.astype(np.float32) if half else a for a in arrays), **attrs)
        except np.linalg.LinAlgError:
            raise refused(name, message) from None
        return tuple(_as(x, narrow, half) for x in out) if isinstance(out, tuple) else _as(out, narrow, half)

    return run


def _as(x: Any, narrow: np.dtype[Any], half: bool) -> Array:
    x = np.asarray(x)
    return x.astype(narrow) if half and x.dtype.kind == "f" else np.ascontiguousarray(x).reshape(x.shape)


def by_matrix(fn: Callable[..., Any]) -> Callable[..., Any]:
    """fn of matrices as a function of batches of them, which broadcast."""

    def run(*arrays: Array, **attrs: Any) -> Array:
        batch = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
        wide = [np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in arrays]
        out = np.empty(wide[-1].shape, wide[-1].dtype)
        for at in np.ndindex(batch):
            out[at] = fn(*(a[at] for a in wide), **attrs)
        return out

    return run


# ---- equations -------------------------------------------------------------------------------------------------------


def _equations(op: Op, a: TensorType, b: TensorType) -> TensorType:
    check_matrix(op, a, True)
    if b.dtype is not a.dtype:
        raise op.violated(4, dt.mismatch(1, b.dtype, 0, a.dtype), "dtype")
    if a.shape is None or b.shape is None:
        return b.with_shape(None)
    if len(b.shape) < 2 or not same(b.shape[-2], a.shape[-1]):
        raise op.violated(5, f"operand 1 is {b}, expected matrices with as many rows as {a}")
    batch: Shape | None = broadcast_shapes(op, [a.shape[:-2], b.shape[:-2]], 6)
    assert batch is not None
    return b.with_shape((*batch, *b.shape[-2:]))


_EQUATIONS = (
    ONE_DTYPE, MATRIX, SQUARE, "both operands have the same dtype", "the right side has as many rows as the matrix",
    "batches broadcast",
)  # fmt: skip
_SINGULAR = "Input matrix is not invertible."


def scattered(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Numbers between -1 and 1 without a pattern, for samples."""
    k = np.arange(math.prod(shape)) + 100.0 * seed
    return np.asarray(np.sin(3 * k * k + k).reshape(shape))


def _well_conditioned(shape: tuple[int, ...], short: str) -> Array:
    """Matrices far from singular."""
    real, imaginary = scattered(shape, 1) + 3 * np.eye(shape[-2], shape[-1]), scattered(shape, 2)
    return np.asarray(real + 1j * imaginary if short.startswith("c") else real)


def _matrix_or_adjoint(a: Array, adjoint: bool) -> Array:
    return np.swapaxes(a, -1, -2).conj() if adjoint else a


def _system(short: str, a: tuple[int, ...], b: tuple[int, ...], **attrs: Any) -> Sample:
    operands = f"{short}{list(a)} {short}{list(b)}"
    return Sample(operands, attrs, values=(_well_conditioned(a, short), scattered(b, 3)))


def _solve_vjp(ct: Any, out: Any, a: Any, b: Any, adjoint: bool) -> tuple[Any, Any]:
    back = p.solve(a, ct, adjoint=not adjoint)
    outer = _outer(out, back) if adjoint else _outer(back, out)
    return sum_to(p.neg(outer), ir_type(a).shape), sum_to(back, ir_type(b).shape)


def _outer(a: Any, b: Any) -> Any:
    """a bᴴ"""
    return p.matmul(a, conj(b), transpose_a=False, transpose_b=True)


solve: Op = Op(
    "solve", "x with a x = b, or aᴴ x = b", lambda a, b, adjoint: _equations(solve, a, b),
    in_lapack("solve", _SINGULAR, lambda a, b, adjoint: np.linalg.solve(_matrix_or_adjoint(a, adjoint), b)),
    _solve_vjp, HOST, arity=2, attrs=("adjoint",), constraints=_EQUATIONS,
    samples=(
        _system("f32", (3, 3), (3, 2), adjoint=False), _system("f32", (2, 3, 3), (1, 3, 1), adjoint=True),
        _system("c64", (3, 3), (3, 2), adjoint=True), _system("f32", (0, 0), (0, 2), adjoint=False),
        _system("bf16", (2, 2), (2, 1), adjoint=False),
    ),
)  # fmt: skip


def _triangular(a: Array, b: Array, lower: bool, adjoint: bool) -> Any:
    if not a.size:
        return b
    import scipy.linalg

    if not np.diagonal(a).all():
        raise np.linalg.LinAlgError
    return scipy.linalg.solve_triangular(a, b, trans=2 if adjoint else 0, lower=lower, check_finite=False)


def _triangular_vjp(ct: Any, out: Any, a: Any, b: Any, lower: bool, adjoint: bool) -> tuple[Any, Any]:
    back = p.triangular_solve(a, ct, lower=lower, adjoint=not adjoint)
    outer = _outer(out, back) if adjoint else _outer(back, out)
    kept = band(p.neg(outer), "ge" if lower else "le")
    return sum_to(kept, ir_type(a).shape), sum_to(back, ir_type(b).shape)


triangular_solve: Op = Op(
    "triangular_solve", "x with a x = b, or aᴴ x = b, of the lower or upper triangle of a",
    lambda a, b, lower, adjoint: _equations(triangular_solve, a, b),
    in_lapack("triangular_solve", _SINGULAR, by_matrix(_triangular)), _triangular_vjp, HOST, arity=2,
    attrs=("lower", "adjoint"), constraints=_EQUATIONS,
    samples=(
        _system("f32", (3, 3), (3, 2), lower=True, adjoint=False),
        _system("f32", (3, 3), (3, 2), lower=False, adjoint=True),
        _system("c64", (2, 3, 3), (1, 3, 1), lower=True, adjoint=True),
        _system("f32", (1, 3, 3), (2, 3, 1), lower=False, adjoint=False),
        _system("f32", (0, 0), (0, 2), lower=True, adjoint=False),
    ),
)  # fmt: skip


# ---- inverse, determinant --------------------------------------------------------------------------------------------


def of_square(
    name: str, doc: str, fn: Callable[[Array], Any], vjp: Callable[..., Any] | Unsupported, message: str,
    infer: Callable[[TensorType], Any] | None = None, results: int = 1, samples: Sequence[Sample] = (),
) -> Op:  # fmt: skip
    """Declare an op of square matrices alone."""

    def run_infer(x: TensorType) -> Any:
        check_matrix(op, x, True)
        return infer(x) if infer is not None else x

    floats: tuple[tuple[int, ...], ...] = ((3, 3), (2, 2, 2), (0, 0), (0, 2, 2), (1, 1))
    shapes = (*(("f32", shape) for shape in floats), ("c64", (3, 3)))
    own = tuple(Sample(f"{d}{list(shape)}", values=(_well_conditioned(shape, d),)) for d, shape in shapes)
    op = Op(
        name, doc, run_infer, in_lapack(name, message, fn), vjp, HOST, constraints=(ONE_DTYPE, MATRIX, SQUARE),
        results=results, samples=tuple(samples) or own,
    )  # fmt: skip
    return op


def _inv_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    back = adjoint(out)
    return (p.neg(product(product(back, ct), back)),)


def _det_infer(x: TensorType) -> TensorType:
    return x if x.shape is None else x.with_shape(x.shape[:-2])


def _spread(v: Any) -> Any:
    """A scalar of each matrix as a 1 × 1 matrix."""
    return p.reshape(v, shape=(*ir_type(v).dims, 1, 1))


def _det_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    return (p.mul(_spread(p.mul(ct, conj(out))), adjoint(p.inv(x))),)


def _slogdet_infer(x: TensorType) -> tuple[TensorType, TensorType]:
    out = _det_infer(x)
    return out, out.with_dtype(x.dtype.real_dtype)


def _slogdet(x: Array) -> tuple[Array, Array]:
    sign, size = np.linalg.slogdet(x)
    return np.asarray(sign, x.dtype), np.asarray(size, np.empty(0, x.dtype).real.dtype)


def _slogdet_vjp(ct: tuple[Any, Any], out: tuple[Any, Any], x: Any) -> tuple[Any]:
    """The sign of a complex determinant turns; a real one stays."""
    turned, grown = ct
    total = None if grown is None else like(grown, x)
    if turned is not None and ir_type(x).dtype.is_complex:
        turn = p.imag(p.mul(out[0], p.conj(turned)))
        along = p.complex(scaled(turn, 0.0), p.neg(turn))
        total = along if total is None else p.add(total, along)
    return (None if total is None else p.mul(_spread(total), adjoint(p.inv(x))),)


inv = of_square("inv", "the inverse", np.linalg.inv, _inv_vjp, "Input is not invertible.")
det = of_square("det", "the determinant", np.linalg.det, _det_vjp, "Input is not valid.", _det_infer)
slogdet = of_square(
    "slogdet", "the sign of the determinant, and the logarithm of its modulus", _slogdet, _slogdet_vjp,
    "Input is not valid.", _slogdet_infer, 2,
)  # fmt: skip


# ---- functions of matrices -------------------------------------------------------------------------------------------


def _of_matrix(name: str, doc: str, dtypes: Sequence[dt.DType], low: float, of_singular: bool = True) -> Op:
    """A function f of matrices that scipy.linalg has. f([[x, e], [0, x]]) = [[f(x), d], [0, f(x)]], where d is the
    derivative in direction e; the vjp is the derivative at xᴴ in the direction of the cotangent."""

    def vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
        *batch, n, _ = ir_type(x).dims
        at, start = adjoint(x), (0,) * len(batch)
        blank = p.broadcast(scalar_like(x, 0), shape=ir_type(x).dims)
        top, bottom = p.concat(at, ct, axis=len(batch) + 1), p.concat(blank, at, axis=len(batch) + 1)
        whole = getattr(p, name)(p.concat(top, bottom, axis=len(batch)))
        corner = {"starts": (*start, 0, n), "limits": (*batch, n, n + n), "strides": (1,) * (len(batch) + 2)}
        return (p.slice(whole, **corner),)

    def each(x: Array) -> Array:
        if not x.size:
            return x
        import scipy.linalg

        wide = x.astype(np.result_type(x, np.float64))
        if not np.isfinite(x).all() or not (of_singular or np.linalg.det(wide)):
            raise np.linalg.LinAlgError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of results that may be inaccurate
            out = np.asarray(getattr(scipy.linalg, name)(wide))
        return (out if x.dtype.kind == "c" else out.real).astype(x.dtype)

    def infer(x: TensorType) -> TensorType:
        check_dtype(op, x.dtype, dtypes, 1)
        return x

    short = "f32" if dt.float32 in dtypes else "c64"
    samples = []
    for shape in ((3, 3), (2, 2, 2), (0, 0)):
        values = _well_conditioned(shape, short) / 3 + low * np.eye(shape[-1])
        samples.append(Sample(f"{short}{list(shape)}", values=(values,)))
    op = of_square(name, doc, by_matrix(each), vjp, "Input is not valid.", infer, samples=samples)
    return op


expm = _of_matrix("expm", "the exponential of a matrix", DTYPES, 0.0)
logm = _of_matrix("logm", "the principal logarithm of a complex matrix", dt.COMPLEXES, 1.0, of_singular=False)
sqrtm = _of_matrix("sqrtm", "the principal square root of a matrix, where it is one of the same dtype", DTYPES, 1.0)

