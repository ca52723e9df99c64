"""Factorisations of matrices: Cholesky, LU, QR, singular values, eigenvalues.

Invariant: as in `linalg.py`, whose ops their gradients are made of. Of a hermitian matrix the lower triangle alone is
read.
Entry points: `cholesky`, `lu`, `qr`, `svd`, `eigh`, `eig`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, minimum
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import MissingGradient
from graphtf.ir.op import Op, Sample
from graphtf.ir.ops.elementwise import conj
from graphtf.ir.ops.linalg import (
    HOST,
    MATRIX,
    ONE_DTYPE,
    SQUARE,
    adjoint,
    band,
    check_matrix,
    columns,
    diagonal,
    embedded,
    in_lapack,
    like,
    of_square,
    product,
    rank_of,
    rows,
    scaled,
    scattered,
)
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]


def _any(*shape: int) -> Array:
    return np.asarray(scattered(shape, 4) + 1j * scattered(shape, 5))


def _hermitian(*shape: int) -> Array:
    """Positive definite matrices with distinct eigenvalues."""
    x = _any(*shape)
    return np.asarray(x @ np.swapaxes(x, -1, -2).conj() + np.diag(np.arange(1.0, shape[-1] + 1)))


def _sample(short: str, values: Array, grad: bool = True, **attrs: Any) -> Sample:
    shown = values if short.startswith("c") else values.real
    return Sample(f"{short}{list(values.shape)}", attrs, values=(shown,), grad=grad)


def _triangle_read(g: Any) -> Any:
    """What a gradient of hermitian matrices is to their lower triangles, which are all that is read."""
    both = p.add(g, adjoint(g))
    return p.sub(band(both, "ge"), scaled(band(both, "eq"), 0.5))


def _over(x: Any, gaps: Any) -> Any:
    """x / gaps, and 0 where a gap is: on the diagonal, and of values that coincide."""
    none = p.eq(gaps, scalar_like(gaps, 0))
    return p.select(none, scalar_like(x, 0), p.div(x, like(p.select(none, scalar_like(gaps, 1), gaps), x)))


# ---- Cholesky --------------------------------------------------------------------------------------------------------


def _cholesky(x: Array) -> Array:
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        out = np.empty_like(x)
        for at in np.ndindex(x.shape[:-2]):
            out[at] = _cholesky_or_nan(x[at])
        return out


def _cholesky_or_nan(x: Array) -> Array:
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return np.tril(np.full_like(x, np.nan))


def _cholesky_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """The hermitian gradient, as TensorFlow has it."""
    inner = band(product(adjoint(out), ct), "ge")
    inner = p.sub(inner, scaled(band(inner, "eq"), 0.5))
    left = p.triangular_solve(out, inner, lower=True, adjoint=True)
    full = adjoint(p.triangular_solve(out, adjoint(left), lower=True, adjoint=True))
    return (scaled(p.add(full, adjoint(full)), 0.5),)


cholesky = of_square(
    "cholesky", "the lower triangular l with l lᴴ the hermitian operand; NaN where that is not positive definite",
    _cholesky, _cholesky_vjp, "Input is not valid.",
    samples=(
        _sample("f32", _hermitian(3, 3), grad=False), _sample("f64", _hermitian(2, 3, 3), grad=False),
        _sample("c64", _hermitian(3, 3), grad=False), _sample("f32", _hermitian(0, 0)),
    ),
)  # fmt: skip


# ---- LU --------------------------------------------------------------------------------------------------------------


def _lu_infer(x: TensorType, dtype: DType) -> tuple[TensorType, TensorType]:
    check_matrix(lu, x, True)
    return x, TensorType(dtype, x.shape if x.shape is None else x.shape[:-1])


def _lu(x: Array, dtype: DType) -> tuple[Array, Array]:
    from scipy.linalg.lapack import get_lapack_funcs

    out, perm = np.empty(x.shape, x.dtype), np.empty(x.shape[:-1], dtype.np)
    (factorise,) = get_lapack_funcs(("getrf",), (x,))
    for at in np.ndindex(x.shape[:-2]):
        if not x[at].size:
            continue
        packed, swaps, zero_pivot = factorise(x[at])
        if zero_pivot:
            raise np.linalg.LinAlgError
        order = np.arange(x.shape[-1])
        for k, other in enumerate(swaps):
            order[[k, other]] = order[[other, k]]
        out[at], perm[at] = packed, order
    return out, perm


def _lu_vjp(ct: tuple[Any, Any], out: tuple[Any, Any], x: Any, dtype: DType) -> tuple[Any]:
    packed, perm = out
    if ct[0] is None:
        return (None,)
    n = rank_of(x)
    upper = band(packed, "le")
    lower = p.add(band(packed, "gt"), like(band(p.broadcast(scalar_like(x, 1), shape=ir_type(x).dims), "eq"), x))
    of_lower, of_upper = (band(ct[0], side) for side in ("gt", "le"))
    inner = p.add(band(product(adjoint(lower), of_lower), "gt"), band(product(of_upper, adjoint(upper)), "le"))
    left = p.triangular_solve(lower, inner, lower=True, adjoint=True)
    moved = adjoint(p.triangular_solve(upper, adjoint(left), lower=False, adjoint=False))
    back = p.argsort(perm, axis=n - 2, descending=False, stable=True)
    return (p.gather(moved, back, axis=n - 2, batch_dims=n - 2),)


lu = Op(
    "lu", "both triangles of l u = x[order], packed into one matrix, and the order of the rows", _lu_infer,
    in_lapack("lu", "Input is not invertible.", _lu), _lu_vjp, HOST, attrs=("dtype",),
    constraints=(ONE_DTYPE, MATRIX, SQUARE), results=2,
    samples=(
        _sample("f32", _any(3, 3), dtype=dt.int32), _sample("f32", _any(2, 4, 4), dtype=dt.int64),
        _sample("c64", _any(3, 3), dtype=dt.int32), _sample("f32", _any(0, 0), dtype=dt.int32),
    ),
)  # fmt: skip


# ---- QR --------------------------------------------------------------------------------------------------------------


def _thin(x: TensorType) -> Dim:
    return minimum(x.dims[-2], x.dims[-1])


def _qr_infer(x: TensorType, full_matrices: bool) -> tuple[TensorType, TensorType]:
    check_matrix(qr, x, False)
    if x.shape is None:
        return x, x
    *batch, m, n = x.shape
    k = m if full_matrices else _thin(x)
    return x.with_shape((*batch, m, k)), x.with_shape((*batch, k, n))


def _qr(x: Array, full_matrices: bool) -> tuple[Array, Array]:
    q, r = np.linalg.qr(x, "complete" if full_matrices else "reduced")
    return q, r


def _qr_vjp(ct: tuple[Any, Any], out: tuple[Any, Any], x: Any, full_matrices: bool) -> tuple[Any]:
    (q, r), (m, n) = out, ir_type(x).dims[-2:]
    if not isinstance(m, int) or not isinstance(n, int) or (full_matrices and m > n):
        raise MissingGradient(f"qr: of {ir_type(x)} with full_matrices = {full_matrices} has no gradient")
    of_q, of_r = (p.broadcast(scalar_like(o, 0), shape=ir_type(o).dims) if c is None else c for c, o in zip(ct, out))
    if m >= n:
        return (_tall_qr(of_q, of_r, q, r),)
    rest = _columns(x, m, n)
    of_rest, head = _columns(of_r, m, n), _columns(of_r, 0, m)
    left = _tall_qr(p.add(of_q, product(rest, adjoint(of_rest))), head, q, _columns(r, 0, m))
    return (p.concat(left, product(q, of_rest), axis=rank_of(x) - 1),)


def _tall_qr(of_q: Any, of_r: Any, q: Any, r: Any) -> Any:
    inner = p.sub(product(r, adjoint(of_r)), product(adjoint(of_q), q))
    low = band(inner, "gt")
    mirrored = p.add(p.add(low, adjoint(low)), embedded(like(_real(diagonal(inner)), inner)))
    total = p.add(of_q, product(q, mirrored))
    return adjoint(p.triangular_solve(r, adjoint(total), lower=False, adjoint=False))


def _real(x: Any) -> Any:
    return p.real(x) if ir_type(x).dtype.is_complex else x


def _columns(x: Any, start: Dim, limit: Dim) -> Any:
    """Columns [start, limit)."""
    *lead, _ = ir_type(x).dims
    zeros = (0,) * len(lead)
    return p.slice(x, starts=(*zeros, start), limits=(*lead, limit), strides=(1,) * (len(lead) + 1))


qr = Op(
    "qr", "q with orthonormal columns and upper triangular r, with q r = x", _qr_infer,
    in_lapack("qr", "Input is not valid.", _qr), _qr_vjp, HOST, attrs=("full_matrices",),
    constraints=(ONE_DTYPE, MATRIX), results=2,
    samples=(
        _sample("f32", _any(3, 3), full_matrices=False), _sample("f32", _any(2, 4, 2), full_matrices=False),
        _sample("f32", _any(2, 4), full_matrices=True), _sample("c64", _any(3, 2), full_matrices=False),
        _sample("f32", _any(4, 2), grad=False, full_matrices=True),
        _sample("f32", _any(2, 0), full_matrices=False),
    ),
)  # fmt: skip


# ---- singular values -------------------------------------------------------------------------------------------------


def _svd_infer(x: TensorType, full_matrices: bool, compute_uv: bool) -> tuple[TensorType, ...]:
    check_matrix(svd, x, False)
    real = x.with_dtype(x.dtype.real_dtype)
    if x.shape is None:
        return (real, x, x) if compute_uv else (real,)
    *batch, m, n = x.shape
    s = real.with_shape((*batch, _thin(x)))
    if not compute_uv:
        return (s,)
    k, j = (m, n) if full_matrices else (_thin(x), _thin(x))
    return s, x.with_shape((*batch, m, k)), x.with_shape((*batch, n, j))


def _svd(x: Array, full_matrices: bool, compute_uv: bool) -> tuple[Array, ...]:
    if not x.size:
        return _svd_of_nothing(x, full_matrices, compute_uv)
    if not compute_uv:
        return (np.linalg.svd(x, compute_uv=False),)
    u, s, vh = np.linalg.svd(x, full_matrices)
    return s, u, np.swapaxes(vh, -1, -2).conj()


def _svd_of_nothing(x: Array, full_matrices: bool, compute_uv: bool) -> tuple[Array, ...]:
    *batch, m, n = x.shape
    s = np.zeros((*batch, min(m, n)), np.empty(0, x.dtype).real.dtype)
    sides = ((k, k if full_matrices else min(m, n)) for k in (m, n))
    bases = (np.broadcast_to(np.eye(*shape, dtype=x.dtype), (*batch, *shape)).copy() for shape in sides)
    return (s, *bases) if compute_uv else (s,)


def _svd_vjp(
    ct: tuple[Any, ...], out: tuple[Any, ...], x: Any, full_matrices: bool, compute_uv: bool
) -> tuple[Any]:
    of_s = ct[0]
    of_u, of_v = ct[1:] if compute_uv else (None, None)
    m, n = ir_type(x).dims[-2:]
    if not compute_uv:
        out = p.svd(x, full_matrices=False, compute_uv=True)
    elif full_matrices and m != n:
        if of_u is not None or of_v is not None:
            raise MissingGradient("svd: the full bases of a matrix that is not square have no gradient")
        out = p.svd(x, full_matrices=False, compute_uv=True)
    s, u, v = out
    inner = None if of_s is None else embedded(like(of_s, x))
    squares = p.mul(s, s)
    gaps = p.sub(columns(squares), rows(squares))
    turn_u = None if of_u is None else _skew(product(adjoint(u), of_u))
    if turn_u is not None:
        inner = _plus(inner, p.mul(_over(turn_u, gaps), like(columns(s), x)))
        if ir_type(x).dtype.is_complex:  # the phases that u and v share
            inner = _plus(inner, embedded(p.div(scaled(diagonal(turn_u), 0.5), like(s, x))))
    if of_v is not None:
        inner = _plus(inner, p.mul(like(rows(s), x), _over(_skew(product(adjoint(v), of_v)), gaps)))
    total = None if inner is None else product(product(u, inner), adjoint(v))
    if of_u is not None and m != n:
        outside = p.sub(of_u, product(u, product(adjoint(u), of_u)))
        total = _plus(total, product(p.div(outside, like(columns(s), x)), adjoint(v)))
    if of_v is not None and m != n:
        outside = p.sub(of_v, product(v, product(adjoint(v), of_v)))
        total = _plus(total, product(u, adjoint(p.div(outside, like(columns(s), x)))))
    return (total,)


def _skew(x: Any) -> Any:
    return p.sub(x, adjoint(x))


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else p.add(a, b)


svd = Op(
    "svd", "singular values s in descending order and, if asked for, u and v with x = u diag(s) vᴴ", _svd_infer,
    in_lapack("svd", "SVD did not converge", _svd), _svd_vjp, HOST, attrs=("full_matrices", "compute_uv"),
    constraints=(ONE_DTYPE, MATRIX), results=None,
    samples=(
        _sample("f32", _any(3, 3), full_matrices=True, compute_uv=True),
        _sample("f32", _any(2, 4, 2), full_matrices=False, compute_uv=True),
        _sample("f32", _any(2, 4), full_matrices=False, compute_uv=True),
        _sample("f32", _any(4, 3), full_matrices=False, compute_uv=False),
        _sample("f32", _any(4, 2), grad=False, full_matrices=True, compute_uv=True),
        _sample("c64", _any(3, 2), full_matrices=False, compute_uv=False),
        _sample("f32", _any(0, 3), grad=False, full_matrices=True, compute_uv=True),
    ),
)  # fmt: skip


# ---- eigenvalues -----------------------------------------------------------------------------------------------------


def _eigh_infer(x: TensorType, vectors: bool) -> tuple[TensorType, ...]:
    check_matrix(eigh, x, True)
    values = TensorType(x.dtype.real_dtype, x.shape if x.shape is None else x.shape[:-1])
    return (values, x) if vectors else (values,)


def _eigh(x: Array, vectors: bool) -> tuple[Array, ...]:
    if not vectors:
        return (np.linalg.eigvalsh(x),)
    values, found = np.linalg.eigh(x)
    return values, found


def _eigh_vjp(ct: tuple[Any, ...], out: tuple[Any, ...], x: Any, vectors: bool) -> tuple[Any]:
    values, found = out if vectors else p.eigh(x, vectors=True)
    inner = None if ct[0] is None else embedded(like(ct[0], x))
    if vectors and ct[1] is not None:
        gaps = p.sub(columns(values), rows(values))
        inner = _plus(inner, _over(product(adjoint(found), ct[1]), gaps))
    return (_triangle_read(product(product(found, inner), adjoint(found))),)


eigh = Op(
    "eigh", "eigenvalues of hermitian matrices in ascending order and, if asked for, their vectors as columns",
    _eigh_infer, in_lapack("eigh", "Self-adjoint eigen decomposition was not successful.", _eigh), _eigh_vjp, HOST,
    attrs=("vectors",), constraints=(ONE_DTYPE, MATRIX, SQUARE), results=None,
    samples=(
        _sample("f32", _hermitian(3, 3), vectors=True), _sample("f32", _hermitian(2, 3, 3), vectors=False),
        _sample("c64", _hermitian(3, 3), vectors=False), _sample("f32", _hermitian(0, 0), vectors=True),
    ),
)  # fmt: skip

_COMPLEX_OF = {dt.float64: dt.complex128, dt.complex128: dt.complex128}


def _complex_of(d: DType) -> DType:
    return _COMPLEX_OF.get(d, dt.complex64)


def _eig_infer(x: TensorType, vectors: bool) -> tuple[TensorType, ...]:
    check_matrix(eig, x, True)
    whole = x.with_dtype(_complex_of(x.dtype))
    values = whole.with_shape(x.shape if x.shape is None else x.shape[:-1])
    return (values, whole) if vectors else (values,)


def _eig(x: Array, vectors: bool) -> tuple[Array, ...]:
    dtype = np.result_type(x, np.complex64)
    if not vectors:
        return (np.linalg.eigvals(x).astype(dtype),)
    values, found = np.linalg.eig(x)
    return values.astype(dtype), found.astype(dtype)


def _eig_vjp(ct: tuple[Any, ...], out: tuple[Any, ...], x: Any, vectors: bool) -> tuple[Any]:
    """Vectors have length 1, which takes from their cotangents what would make them longer."""
    values, found = out if vectors else p.eig(x, vectors=True)
    inner = None if ct[0] is None else embedded(ct[0])
    if vectors and ct[1] is not None:
        overlap = product(adjoint(found), ct[1])
        longer = p.mul(product(adjoint(found), found), like(columns(_real(diagonal(overlap))), found))
        gaps = conj(p.sub(columns(values), rows(values)))
        inner = _plus(inner, _over(p.sub(overlap, longer), gaps))
    g = p.solve(found, product(inner, adjoint(found)), adjoint=True)
    return (g if ir_type(x).dtype.is_complex else p.cast(p.real(g), dtype=ir_type(x).dtype),)


eig = Op(
    "eig", "complex eigenvalues and, if asked for, their vectors as columns of length 1", _eig_infer,
    in_lapack("eig", "Eigen decomposition was not successful.", _eig), _eig_vjp, HOST, attrs=("vectors",),
    constraints=(ONE_DTYPE, MATRIX, SQUARE), results=None,
    samples=(
        _sample("f32", _any(3, 3), vectors=False), _sample("f32", _any(2, 3, 3), grad=False, vectors=True),
        _sample("c64", _any(3, 3), vectors=False), _sample("f32", _any(0, 0), vectors=True),
    ),
)  # fmt: skip
