"""Systems of linear equations: square, triangular, banded, tridiagonal, over-determined; pseudo-inverse and rank.

Invariant: leading axes are batches. Entry points: the `tf.linalg` functions below.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphtf.api.linalg import matmul
from graphtf.api.linalg_parts import diag, diag_part
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor


def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """x with matrix x = rhs (or its adjoint). Raises InvalidArgumentError for a singular matrix.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/solve.

    >>> solve([[2.]], [[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    a = convert_to_tensor(matrix)
    return p.solve(a, _like(rhs, a), adjoint=bool(adjoint))


def _like(rhs: Any, a: Tensor) -> Tensor:
    return convert_to_tensor(rhs, None if is_tensor_like(rhs) else a.dtype)


def triangular_solve(
    matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """x with matrix x = rhs (or its adjoint), of which one triangle is read.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/triangular_solve.

    >>> triangular_solve([[2.]], [[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    a = convert_to_tensor(matrix)
    return p.triangular_solve(a, _like(rhs, a), lower=bool(lower), adjoint=bool(adjoint))


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """x with a x = rhs, for the Cholesky factor of a.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/cholesky_solve.

    >>> cholesky_solve([[2.]], [[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[1.]], dtype=float32)>
    """
    factor = convert_to_tensor(chol)
    half = p.triangular_solve(factor, _like(rhs, factor), lower=True, adjoint=False)
    return p.triangular_solve(factor, half, lower=True, adjoint=True)


def banded_triangular_solve(
    bands: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """x with a x = rhs, for a triangular matrix given by its diagonals, the main one first if lower, else last.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/banded_triangular_solve.

    >>> banded_triangular_solve([[2.]], [[4.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    rows = convert_to_tensor(bands)
    b = _like(rhs, rows)
    if rows.shape.rank is None or rows.shape.rank < 2:
        raise invalid("banded_triangular_solve", f"bands must be at least 2-dim, got shape {rows.shape}")
    count = as_integers((rows.ir_type.dims[-2],), "banded_triangular_solve")[0] - 1
    k = (-count, 0) if lower else (0, count)
    dense = diag(rows if count else p.reshape(rows, shape=(*rows.ir_type.dims[:-2], rows.ir_type.dims[-1])),
                 k=k if count else 0, align="LEFT_RIGHT" if count else "RIGHT_LEFT")  # fmt: skip
    return p.triangular_solve(dense, b, lower=bool(lower), adjoint=bool(adjoint))


# ---- tridiagonal -----------------------------------------------------------------------------------------------------


class _Diagonals(NamedTuple):
    above: Tensor
    main: Tensor
    below: Tensor


def _compact(diagonals: Any, form: str, name: str) -> _Diagonals:
    """Three diagonals of one length: the first without meaning at its end, the last at its start."""
    if form == "matrix":
        matrix = convert_to_tensor(diagonals)
        packed = diag_part(matrix, k=(-1, 1), align="LEFT_RIGHT")
        return _Diagonals(*(_row(packed, k) for k in range(3)))
    if form == "sequence":
        if not isinstance(diagonals, (list, tuple)) or len(diagonals) != 3:
            raise ValueError("Expected diagonals to be a sequence of length 3.")
        above, main, below = (convert_to_tensor(d) for d in diagonals)
        n = main.ir_type.dims[-1]
        above = above if above.ir_type.dims[-1] == n else _padded(above, 0, 1)
        below = below if below.ir_type.dims[-1] == n else _padded(below, 1, 0)
        return _Diagonals(above, main, below)
    if form != "compact":
        raise ValueError(f"Unrecognized diagonals_format: {form}")
    packed = convert_to_tensor(diagonals)
    if as_integers((packed.ir_type.dims[-2],), name) != (3,):
        raise ValueError(f"Expected 3 diagonals got {packed.shape[-2]}")
    return _Diagonals(*(_row(packed, k) for k in range(3)))


def _lengths(diagonals: Any) -> list[tuple[Tensor, Any]]:
    """Each diagonal with the length of the main one."""
    found = [convert_to_tensor(d) for d in diagonals]
    return [(d, found[1].shape[-1]) for d in found]


def _row(x: Tensor, k: int) -> Tensor:
    dims = x.ir_type.dims
    zeros, ones = (0,) * (len(dims) - 2), (1,) * len(dims)
    cut = p.slice(x, starts=(*zeros, k, 0), limits=(*dims[:-2], k + 1, dims[-1]), strides=ones)
    return p.reshape(cut, shape=(*dims[:-2], dims[-1]))


def _padded(x: Tensor, before: int, after: int) -> Tensor:
    zeros = (0,) * (len(x.ir_type.dims) - 1)
    return p.pad(x, scalar_like(x, 0), low=(*zeros, before), high=(*zeros, after))


def _shifted(x: Tensor, by: int) -> Tensor:
    """Rows moved down (or up) by one, zeros coming in."""
    dims = x.ir_type.dims
    zeros, ones = (0,) * (len(dims) - 2), (1,) * len(dims)
    if by > 0:
        wide = p.pad(x, scalar_like(x, 0), low=(*zeros, 1, 0), high=(*zeros, 0, 0))
        return p.slice(wide, starts=(0,) * len(dims), limits=dims, strides=ones)
    wide = p.pad(x, scalar_like(x, 0), low=(*zeros, 0, 0), high=(*zeros, 1, 0))
    return p.slice(wide, starts=(*zeros, 1, 0), limits=(*dims[:-2], dims[-2] + 1, dims[-1]), strides=ones)


def _column(x: Tensor) -> Tensor:
    return p.reshape(x, shape=(*x.ir_type.dims, 1))


def tridiagonal_matmul(diagonals: Any, rhs: Any, diagonals_format: str = "compact", name: str | None = None) -> Tensor:
    """The product of a tridiagonal matrix and another. `diagonals_format`: "compact", "sequence" or "matrix".

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/tridiagonal_matmul.

    >>> tridiagonal_matmul([[0., 0.], [1., 2.], [0., 0.]], [[3.], [4.]])
    <tf.Tensor: shape=(2, 1), dtype=float32, numpy=
    array([[3.],
           [8.]], dtype=float32)>
    """
    above, main, below = _compact(diagonals, diagonals_format, "tridiagonal_matmul")
    if diagonals_format == "sequence" and any(len(d.ir_type.dims) and d.shape[-1] != n for d, n in _lengths(diagonals)):
        raise invalid("tridiagonal_matmul", "Invalid superdiagonal shape: all three diagonals have one length")
    b = _like(rhs, main)
    first = p.mul(_column(above), _shifted(b, -1))
    last = p.mul(_column(below), _shifted(b, 1))
    return p.add(p.add(first, p.mul(_column(main), b)), last)


def tridiagonal_solve(
    diagonals: Any, rhs: Any, diagonals_format: str = "compact", transpose_rhs: bool = False,
    conjugate_rhs: bool = False, name: str | None = None, partial_pivoting: bool = True, perturb_singular: bool = False,
) -> Tensor:  # fmt: skip
    """x with a x = rhs, for a tridiagonal matrix. `diagonals_format`: "compact", "sequence" or "matrix".

    Raises ValueError for another number of diagonals, InvalidArgumentError for a singular matrix. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/tridiagonal_solve.

    >>> tridiagonal_solve([[0., 0.], [1., 2.], [0., 0.]], [3., 4.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([3., 2.], dtype=float32)>
    """
    above, main, below = _compact(diagonals, diagonals_format, "tridiagonal_solve")
    b = _like(rhs, main)
    flat = len(b.ir_type.dims) == len(main.ir_type.dims)
    if flat:
        b = _column(b)
    elif transpose_rhs:
        rank = len(b.ir_type.dims)
        b = p.transpose(b, perm=(*range(rank - 2), rank - 1, rank - 2))
    if conjugate_rhs and b.dtype.is_complex:
        b = p.conj(b)
    dense = p.add(diag(main), p.add(_off(above, 1), _off(below, -1)))
    x = p.solve(dense, b, adjoint=False)
    return p.reshape(x, shape=x.ir_type.dims[:-1]) if flat else x


def _off(d: Tensor, k: int) -> Tensor:
    """The matrix with a diagonal next to the main one, which does not count its own free place."""
    dims = d.ir_type.dims
    zeros, ones = (0,) * (len(dims) - 1), (1,) * len(dims)
    start, limit = (0, dims[-1] - 1) if k > 0 else (1, dims[-1])
    return diag(p.slice(d, starts=(*zeros, start), limits=(*dims[:-1], limit), strides=ones), k=k)


# ---- least squares ---------------------------------------------------------------------------------------------------


def lstsq(
    matrix: Any, rhs: Any, l2_regularizer: Any = 0.0, fast: bool = True, name: str | None = None
) -> Tensor:
    """x with the least |matrix x - rhs|² + l2_regularizer |x|²; with no regularizer and fewer rows, of least norm.

    `fast` solves the normal equations by Cholesky, else by an orthogonal factorisation. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/lstsq.

    >>> lstsq([[1.], [1.]], [[1.], [3.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[2.]], dtype=float32)>
    """
    a = convert_to_tensor(matrix)
    b = _like(rhs, a)
    if not fast:
        return matmul(pinv(a, rcond=_epsilon(a) * max(a.shape[-2:])), b)
    rows, columns = a.ir_type.dims[-2:]
    penalty = p.cast(convert_to_tensor(l2_regularizer, a.dtype.real_dtype), dtype=a.dtype)
    wide = isinstance(rows, int) and isinstance(columns, int) and rows < columns
    gram = matmul(a, a, adjoint_b=True) if wide else matmul(a, a, adjoint_a=True)
    side = rows if wide else columns
    ridge = diag(p.broadcast(penalty, shape=(*gram.ir_type.dims[:-2], side)))
    factor = p.cholesky(p.add(gram, ridge))
    if wide:
        return matmul(a, cholesky_solve(factor, b), adjoint_a=True)
    return cholesky_solve(factor, matmul(a, b, adjoint_a=True))


def _epsilon(a: Tensor) -> float:
    return float(np.finfo(a.dtype.real_dtype.np).eps)


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The pseudo-inverse; singular values up to rcond times the largest count as 0.

    Raises ValueError for a vector. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/pinv.

    >>> pinv([[2.]])
    <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[0.5]], dtype=float32)>
    """
    x = convert_to_tensor(a)
    if not x.dtype.is_inexact:
        raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {x.dtype.name}).")
    if x.shape.rank is not None and x.shape.rank < 2:
        raise ValueError(f"Input `a` must have at least 2 dimensions (saw: {x.shape.rank}).")
    limit = 10.0 * max(as_integers(x.ir_type.dims[-2:], "pinv")) * _epsilon(x) if rcond is None else rcond
    s, u, v = p.svd(x, full_matrices=False, compute_uv=True)
    share = convert_to_tensor(limit, s.dtype)
    top = p.reduce_max(s, axes=(len(s.ir_type.dims) - 1,))
    cutoff = _column(p.mul(share, top))
    inverse = p.select(p.gt(s, cutoff), p.div(scalar_like(s, 1), s), scalar_like(s, 0))
    inverse = inverse if inverse.dtype is x.dtype else p.cast(inverse, dtype=x.dtype)
    dims = inverse.ir_type.dims
    scaled = p.mul(v, p.reshape(inverse, shape=(*dims[:-1], 1, dims[-1])))
    return matmul(scaled, u, adjoint_b=True)


def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """How many singular values are above a tolerance.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/matrix_rank.

    >>> matrix_rank([[1., 2.], [2., 4.]])
    <tf.Tensor: shape=(), dtype=int32, numpy=1>
    """
    x = convert_to_tensor(a)
    if not x.dtype.is_inexact:
        raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {x.dtype.name}).")
    if x.shape.rank is not None and x.shape.rank < 2:
        raise ValueError(f"Input `a` must have at least 2 dimensions (saw: {x.shape.rank}).")
    (s,) = p.svd(x, full_matrices=False, compute_uv=False)
    last = len(s.ir_type.dims) - 1
    if tol is None:
        least = scalar_like(s, _epsilon(x) * max(as_integers(x.ir_type.dims[-2:], "matrix_rank")))
        limit = _column(p.mul(p.reduce_max(s, axes=(last,)), least))
    else:
        limit = convert_to_tensor(tol, s.dtype)
    return p.reduce_sum(p.cast(p.gt(s, limit), dtype=dt.int32), axes=(last,))


class ConjugateGradientState(NamedTuple):
    """What `conjugate_gradient` gives: iterations, x, residual, direction, and the size of the residual."""

    i: Tensor
    x: Tensor
    r: Tensor
    p: Tensor
    gamma: Tensor


def conjugate_gradient(
    operator: Any, rhs: Any, preconditioner: Any = None, x: Any = None, tol: float = 1e-5, max_iter: int = 20,
    name: str = "conjugate_gradient",
) -> Any:  # fmt: skip
    """x with operator x = rhs for a positive definite LinearOperator, by conjugate gradients.

    Raises ValueError unless the operator says that it is self-adjoint and positive definite. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/experimental/conjugate_gradient.
    """
    from graphtf.api.loops import while_loop  # a loop, which few programs need here

    if not (operator.is_self_adjoint and operator.is_positive_definite):
        raise ValueError("Expected a self-adjoint, positive definite operator.")
    b = _column(convert_to_tensor(rhs))
    start = p.broadcast(scalar_like(b, 0), shape=b.ir_type.dims) if x is None else _column(convert_to_tensor(x))
    residual = p.sub(b, operator.matmul(start))
    direction = residual if preconditioner is None else preconditioner.matmul(residual)
    limit = p.mul(scalar_like(b, tol), _norm(b))

    def goes_on(i: Tensor, _: Any, r: Tensor, *rest: Any) -> Tensor:
        far = p.gt(_norm(r), limit)
        return p.logical_and(p.lt(i, convert_to_tensor(max_iter)), p.reduce_any(far, axes=_all(far)))

    def step(i: Tensor, at: Tensor, r: Tensor, d: Tensor, gamma: Tensor) -> Any:
        z = operator.matmul(d)
        alpha = p.div(gamma, _dot(d, z))
        following = p.add(at, p.mul(alpha, d))
        left = p.sub(r, p.mul(alpha, z))
        q = left if preconditioner is None else preconditioner.matmul(left)
        size = _dot(left, q)
        return p.add(i, convert_to_tensor(1)), following, left, p.add(q, p.mul(p.div(size, gamma), d)), size

    first = (convert_to_tensor(0), start, residual, direction, _dot(residual, direction))
    i, at, r, d, gamma = while_loop(goes_on, step, first)
    flat = [p.reshape(t, shape=t.ir_type.dims[:-1]) for t in (at, r, d)]
    return ConjugateGradientState(i, *flat, p.reshape(gamma, shape=gamma.ir_type.dims[:-2]))


def _all(x: Tensor) -> tuple[int, ...]:
    return tuple(range(len(x.ir_type.dims)))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return matmul(a, b, adjoint_a=True)


def _norm(x: Tensor) -> Tensor:
    return p.sqrt(_dot(x, x))

