"""Factorisations and functions of matrices: LU, QR, Cholesky, eigenvalues, singular values, determinants, inverses.

Invariant: leading axes are batches. Entry points: the `tf.linalg` functions below.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphtf.api.linalg import matmul, matrix_transpose
from graphtf.api.linalg_parts import band_part, diag, diag_part
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.tensor import Tensor


class Lu(NamedTuple):
    """What `lu` gives."""

    lu: Tensor
    p: Tensor


class Qr(NamedTuple):
    """What `qr` gives."""

    q: Tensor
    r: Tensor


class LogMatrixDeterminant(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    log_abs_determinant: Tensor


def inv(input: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """The inverse of square matrices (of their adjoints). Raises InvalidArgumentError for a singular one.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/inv.

    >>> inv([[2., 0.], [0., 4.]])
    <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)>
    """
    x = convert_to_tensor(input)
    out = p.inv(x)
    return matrix_transpose(out, conjugate=True) if adjoint else out


def det(input: Any, name: str | None = None) -> Tensor:
    """The determinant of square matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/det.

    >>> det([[2., 0.], [0., 4.]])
    <tf.Tensor: shape=(), dtype=float32, numpy=8.0>
    """
    return p.det(convert_to_tensor(input))


def slogdet(input: Any, name: str | None = None) -> Any:
    """The sign of the determinant and the logarithm of its size.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/slogdet.

    >>> slogdet([[1., 0.], [0., -1.]]).sign
    <tf.Tensor: shape=(), dtype=float32, numpy=-1.0>
    """
    return LogMatrixDeterminant(*p.slogdet(convert_to_tensor(input)))


def logdet(matrix: Any, name: str | None = None) -> Tensor:
    """The logarithm of the determinant of positive definite matrices.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/logdet.

    >>> logdet([[1., 0.], [0., 1.]])
    <tf.Tensor: shape=(), dtype=float32, numpy=0.0>
    """
    chol = p.cholesky(convert_to_tensor(matrix))
    d = diag_part(chol)
    real = p.real(d) if d.dtype.is_complex else d
    total = p.reduce_sum(p.log(real), axes=(len(real.ir_type.dims) - 1,))
    return p.mul(scalar_like(total, 2), total)


def cholesky(input: Any, name: str | None = None) -> Tensor:
    """The lower triangular factor l of positive definite matrices l lᴴ, of which the lower triangle is read.

    Raises InvalidArgumentError for another matrix. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/cholesky.

    >>> cholesky([[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    return p.cholesky(convert_to_tensor(input))


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Any:
    """q with orthonormal columns and upper triangular r, whose product is the matrix.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/qr.

    >>> qr([[1., 0.], [0., 1.]]).q.shape
    TensorShape([2, 2])
    """
    return Qr(*p.qr(convert_to_tensor(input), full_matrices=bool(full_matrices)))


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """Singular values s in descending order, and with `compute_uv` also u and v: tensor = u diag(s) vᴴ.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/svd.

    >>> svd([[3., 0.], [0., 4.]], compute_uv=False)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([4., 3.], dtype=float32)>
    """
    found = p.svd(convert_to_tensor(tensor), full_matrices=bool(full_matrices), compute_uv=bool(compute_uv))
    return tuple(found) if compute_uv else found[0]


def eigh(tensor: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors, as columns, of hermitian matrices.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/eigh.

    >>> eigh([[2., 0.], [0., 1.]])[0]
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    values, vectors = p.eigh(convert_to_tensor(tensor), vectors=True)
    return _as_given(values, vectors), vectors


def _as_given(values: Tensor, vectors: Tensor) -> Tensor:
    """TensorFlow gives the eigenvalues of complex matrices as complex numbers."""
    return values if values.dtype is vectors.dtype else p.cast(values, dtype=vectors.dtype)


def eigvalsh(tensor: Any, name: str | None = None) -> Tensor:
    """Eigenvalues, ascending, of hermitian matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/eigvalsh.

    >>> eigvalsh([[2., 0.], [0., 1.]])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    x = convert_to_tensor(tensor)
    (values,) = p.eigh(x, vectors=False)
    return values if values.dtype is x.dtype else p.cast(values, dtype=x.dtype)


def eig(tensor: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Complex eigenvalues and eigenvectors, as columns, of square matrices.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/eig.

    >>> eig([[2.]])[0]
    <tf.Tensor: shape=(1,), dtype=complex64, numpy=array([2.+0.j], dtype=complex64)>
    """
    values, vectors = p.eig(convert_to_tensor(tensor), vectors=True)
    return values, vectors


def eigvals(tensor: Any, name: str | None = None) -> Tensor:
    """Complex eigenvalues of square matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/eigvals.

    >>> eigvals([[2.]])
    <tf.Tensor: shape=(1,), dtype=complex64, numpy=array([2.+0.j], dtype=complex64)>
    """
    (values,) = p.eig(convert_to_tensor(tensor), vectors=False)
    return values


def expm(input: Any, name: str | None = None) -> Tensor:
    """The exponential of square matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/expm.

    >>> expm([[0.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[1.]], dtype=float32)>
    """
    return p.expm(convert_to_tensor(input))


def logm(input: Any, name: str | None = None) -> Tensor:
    """The principal logarithm of complex square matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/logm.

    >>> logm(convert_to_tensor([[1. + 0j]]))
    <tf.Tensor: shape=(1, 1), dtype=complex128, numpy=array([[0.+0.j]])>
    """
    return p.logm(convert_to_tensor(input))


def sqrtm(input: Any, name: str | None = None) -> Tensor:
    """The principal square root of square matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/sqrtm.

    >>> sqrtm([[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    return p.sqrtm(convert_to_tensor(input))


# ---- LU --------------------------------------------------------------------------------------------------------------


def lu(input: Any, output_idx_type: Any = dt.int32, name: str | None = None) -> Any:
    """Both triangles of l u = x[p], in one matrix, and the order p of the rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/lu.

    >>> lu([[0., 1.], [2., 3.]]).p
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 0], dtype=int32)>
    """
    return Lu(*p.lu(convert_to_tensor(input), dtype=as_dtype(output_idx_type)))


def _triangles(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Unit lower and upper triangular matrices from what `lu` packs into one."""
    lower = p.sub(band_part(packed, -1, 0), diag(diag_part(packed)))
    ones = p.broadcast(scalar_like(packed, 1), shape=packed.ir_type.dims[:-1])
    return p.add(lower, diag(ones)), band_part(packed, 0, -1)


def _inverse_order(perm: Tensor) -> Tensor:
    return p.argsort(perm, axis=len(perm.ir_type.dims) - 1, descending=False, stable=True)


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """The rows of matrices in another order, one for each matrix of the batch."""
    lead = len(order.ir_type.dims) - 1
    return p.gather(x, order, axis=lead, batch_dims=lead)


def _perm(perm: Any, lower_upper: Tensor) -> Tensor:
    order = convert_to_tensor(perm)
    if not order.dtype.is_integer:
        raise wrong_dtype("lu", f"perm must be integers, got {order.dtype.name}")
    if len(order.ir_type.dims) + 1 != len(lower_upper.ir_type.dims):
        raise invalid("lu", f"perm of shape {order.shape} does not fit matrices of shape {lower_upper.shape}")
    return order


def lu_reconstruct(lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The matrices whose factors `lu` gave. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/lu_reconstruct.

    >>> lu_reconstruct([[2., 3.], [0., 1.]], [1, 0])
    <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
    array([[0., 1.],
           [2., 3.]], dtype=float32)>
    """
    packed = convert_to_tensor(lower_upper)
    lower, upper = _triangles(packed)
    return _rows(matmul(lower, upper), _inverse_order(_perm(perm, packed)))


def lu_solve(lower_upper: Any, perm: Any, rhs: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """x with a x = rhs, where `lu` factored a. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/lu_solve.

    >>> lu_solve([[2.]], [0], [[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    packed = convert_to_tensor(lower_upper)
    b = convert_to_tensor(rhs, packed.dtype)
    lower, upper = _triangles(packed)
    moved = _rows(b, _perm(perm, packed))
    half = p.triangular_solve(lower, moved, lower=True, adjoint=False)
    return p.triangular_solve(upper, half, lower=False, adjoint=False)


def lu_matrix_inverse(lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The inverses of matrices that `lu` factored.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/lu_matrix_inverse.

    >>> lu_matrix_inverse([[2.]], [0])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[0.5]], dtype=float32)>
    """
    packed = convert_to_tensor(lower_upper)
    ones = p.broadcast(scalar_like(packed, 1), shape=packed.ir_type.dims[:-1])
    return lu_solve(packed, perm, diag(ones))


# ---- tridiagonal -----------------------------------------------------------------------------------------------------


def eigh_tridiagonal(
    alpha: Any, beta: Any, eigvals_only: bool = True, select: str = "a", select_range: Any = None, tol: Any = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Eigenvalues (and vectors) of the hermitian matrix with diagonal alpha and beta above it.

    `select` "a" means all, "i" those numbered select_range, "v" those in that interval. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/eigh_tridiagonal.

    >>> eigh_tridiagonal([1., 2.], [0.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    a, b = convert_to_tensor(alpha), convert_to_tensor(beta)
    if select not in ("a", "i", "v"):
        raise ValueError("'select must have a value in {'a', 'i', 'v'}.")
    bounds = None if select_range is None else [np.asarray(x).item() for x in select_range]
    low, high = (0, a.shape[0] - 1) if bounds is None or select == "v" else bounds

    def run(d: Any, e: Any) -> list[Any]:
        import scipy.linalg

        size = np.abs(e)
        turn = np.cumprod(np.concatenate([[1], np.where(size == 0, 1, np.conj(e) / np.where(size == 0, 1, size))]))
        options = {"select": select} | ({} if select == "a" else {"select_range": tuple(bounds or ())})
        values, vectors = scipy.linalg.eigh_tridiagonal(np.real(d), size, **options)
        return [values.astype(real.np), (turn[:, None] * vectors).astype(d.dtype)]

    real = a.dtype.real_dtype
    count = None if select == "v" else high - low + 1
    values, vectors = on_host(run, [a, b], [real, a.dtype], [(count,), (a.shape[0], count)])
    return values if eigvals_only else (values, vectors)
