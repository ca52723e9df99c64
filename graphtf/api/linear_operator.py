"""`LinearOperator` and its kinds that one tensor describes: diagonal, triangular, full, identity, permutation,
Toeplitz.

Invariant: a kind gives `_dense` (the matrix), and what it can do better than with that: `_apply`, `_solved`,
`_diagonal`. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/LinearOperator. Entry points: the classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.factorize import cholesky, eigvals, eigvalsh, slogdet
from graphtf.api.linalg import matmul, matrix_transpose
from graphtf.api.linalg_parts import band_part, diag, diag_part
from graphtf.api.reduce import reduce_sum
from graphtf.api.solve import solve, triangular_solve, tridiagonal_matmul
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_size, as_sizes, shape_vector
from graphtf.tensor import Tensor, static_sizes
from graphtf.tensor_shape import TensorShape


class LinearOperator:
    """A (batch of) matrix that need not be stored. Subclasses of users' own give `_shape` and `_matmul`."""

    def __init__(
        self, dtype: Any, graph_parents: Any = None, is_non_singular: bool | None = None,
        is_self_adjoint: bool | None = None, is_positive_definite: bool | None = None, is_square: bool | None = None,
        name: str | None = None, parameters: Any = None,
    ) -> None:  # fmt: skip
        self._dtype = None if dtype is None else as_dtype(dtype)
        self._parameters = parameters
        if (is_positive_definite and is_self_adjoint is False) or (is_positive_definite and is_non_singular is False):
            raise ValueError("A positive definite matrix is always non-singular.")
        self.is_non_singular = True if is_positive_definite else is_non_singular
        self.is_self_adjoint, self.is_positive_definite = is_self_adjoint, is_positive_definite
        self._is_square = True if is_non_singular or is_self_adjoint or is_positive_definite else is_square
        self._name = name or type(self).__name__

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> DType:
        return self._dtype  # type: ignore[return-value]

    @property
    def name(self) -> str:
        return self._name

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self._parameters or {})

    def _dims(self) -> tuple[Dim, ...]:
        return self._dense().ir_type.dims

    def _shape(self) -> TensorShape:
        return TensorShape.of(static_sizes(self._dims()))

    @property
    def shape(self) -> TensorShape:
        """Batch sizes, rows and columns."""
        return self._shape()

    @property
    def batch_shape(self) -> TensorShape:
        return self.shape[:-2]  # type: ignore[no-any-return]

    @property
    def tensor_rank(self) -> int | None:
        return self.shape.rank

    @property
    def domain_dimension(self) -> Any:
        """The number of columns."""
        return self.shape.dims[-1]  # type: ignore[index]

    @property
    def range_dimension(self) -> Any:
        """The number of rows."""
        return self.shape.dims[-2]  # type: ignore[index]

    @property
    def is_square(self) -> bool | None:
        rows, columns = self.shape[-2:]
        known = None if rows is None or columns is None else rows == columns
        return known if self._is_square is None else self._is_square

    def shape_tensor(self, name: str = "shape_tensor") -> Tensor:
        return shape_vector(self._dims())

    def batch_shape_tensor(self, name: str = "batch_shape_tensor") -> Tensor:
        return shape_vector(self._dims()[:-2])

    def tensor_rank_tensor(self, name: str = "tensor_rank_tensor") -> Tensor:
        return convert_to_tensor(len(self._dims()))

    def domain_dimension_tensor(self, name: str = "domain_dimension_tensor") -> Tensor:
        return p.reshape(shape_vector(self._dims()[-1:]), shape=())

    def range_dimension_tensor(self, name: str = "range_dimension_tensor") -> Tensor:
        return p.reshape(shape_vector(self._dims()[-2:-1]), shape=())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: shape={self.shape}, dtype={None if self._dtype is None else self._dtype.name}>"

    # ---- what kinds give ---------------------------------------------------------------------------------------------

    def _dense(self) -> Tensor:
        """The matrix: by default the product with the identity."""
        rows = self._shape()[-1]
        ones = p.broadcast(convert_to_tensor(1, self.dtype), shape=(rows,))
        return self._matmul(diag(ones))

    def _matmul(self, x: Tensor, adjoint: bool = False, adjoint_arg: bool = False) -> Tensor:
        return self._apply(matrix_transpose(x, conjugate=True) if adjoint_arg else x, adjoint)

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return matmul(self._dense(), x, adjoint_a=adjoint)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return solve(self._dense(), rhs, adjoint=adjoint)

    def _diagonal(self) -> Tensor:
        return diag_part(self._dense())

    def _signed(self) -> tuple[Tensor, Tensor]:
        """Sign and logarithm of the determinant."""
        return tuple(slogdet(self._dense()))  # type: ignore[return-value]

    # ---- what users ask ----------------------------------------------------------------------------------------------

    def to_dense(self, name: str = "to_dense") -> Tensor:
        """The matrix."""
        return self._dense()

    def _given(self, x: Any) -> Tensor:
        t = convert_to_tensor(x, None if is_tensor_like(x) else self.dtype)
        if t.dtype is not self.dtype:
            raise TypeError(f"Expected dtype {self.dtype.name}, got {t.dtype.name}")
        return t

    def matmul(self, x: Any, adjoint: bool = False, adjoint_arg: bool = False, name: str = "matmul") -> Any:
        """The product with a matrix, or with another operator."""
        if isinstance(x, LinearOperator):
            from graphtf.api.linear_operator_composed import LinearOperatorAdjoint, LinearOperatorComposition

            left = LinearOperatorAdjoint(self) if adjoint else self
            right = LinearOperatorAdjoint(x) if adjoint_arg else x
            return LinearOperatorComposition([left, right])
        t = self._given(x)
        rows = self.shape[-2 if adjoint else -1]
        have = t.shape[-1 if adjoint_arg else -2]
        if rows is not None and have is not None and rows != have:
            raise ValueError(f"Dimensions {rows} and {have} are not compatible")
        return self._matmul(t, adjoint, adjoint_arg)

    __matmul__ = matmul

    def matvec(self, x: Any, adjoint: bool = False, name: str = "matvec") -> Tensor:
        """The product with a vector."""
        t = self._given(x)
        out = self._matmul(p.reshape(t, shape=(*t.ir_type.dims, 1)), adjoint)
        return p.reshape(out, shape=out.ir_type.dims[:-1])

    def solve(self, rhs: Any, adjoint: bool = False, adjoint_arg: bool = False, name: str = "solve") -> Any:
        """x with A x = rhs. Raises NotImplementedError if the operator is known to be singular, or not square."""
        if self.is_non_singular is False:
            raise NotImplementedError("Exact solve not implemented for an operator that is expected to be singular.")
        if self.is_square is False:
            raise NotImplementedError("Exact solve not implemented for an operator that is expected to not be square.")
        if isinstance(rhs, LinearOperator):
            from graphtf.api.linear_operator_composed import LinearOperatorComposition

            return LinearOperatorComposition([self.inverse(), rhs])
        t = self._given(rhs)
        return self._solved(matrix_transpose(t, conjugate=True) if adjoint_arg else t, adjoint)

    def solvevec(self, rhs: Any, adjoint: bool = False, name: str = "solve") -> Tensor:
        """x with A x = rhs, for a vector."""
        t = self._given(rhs)
        out = self.solve(p.reshape(t, shape=(*t.ir_type.dims, 1)), adjoint)
        return p.reshape(out, shape=out.ir_type.dims[:-1])

    def diag_part(self, name: str = "diag_part") -> Tensor:
        """The main diagonal."""
        return self._diagonal()

    def trace(self, name: str = "trace") -> Tensor:
        """The sum of the main diagonal."""
        return reduce_sum(self._diagonal(), axis=-1)

    def determinant(self, name: str = "det") -> Tensor:
        """The determinant. Raises NotImplementedError if the operator is not square."""
        self._need_square("Determinant")
        sign, log = self._signed()
        size = p.exp(log)
        return p.mul(sign, size if size.dtype is sign.dtype else p.cast(size, dtype=sign.dtype))

    def log_abs_determinant(self, name: str = "log_abs_det") -> Tensor:
        """The logarithm of the size of the determinant."""
        self._need_square("Determinant")
        return self._signed()[1]

    def _need_square(self, what: str) -> None:
        if self.is_square is False:
            raise NotImplementedError(f"{what} not implemented for an operator that is expected to not be square.")

    def add_to_tensor(self, x: Any, name: str = "add_to_tensor") -> Tensor:
        """The matrix plus a tensor."""
        return p.add(self._dense(), self._given(x))

    def adjoint(self, name: str = "adjoint") -> LinearOperator:
        """The conjugate transpose, as an operator."""
        from graphtf.api.linear_operator_composed import LinearOperatorAdjoint

        return self if self.is_self_adjoint else LinearOperatorAdjoint(self)

    H = property(adjoint)

    def inverse(self, name: str = "inverse") -> LinearOperator:
        """The inverse, as an operator. Raises ValueError if it is known to be singular or not square."""
        from graphtf.api.linear_operator_composed import LinearOperatorInversion

        if self.is_square is False or self.is_non_singular is False:
            raise ValueError("Cannot take the Inverse: the operator is hinted to be singular, or not square.")
        return LinearOperatorInversion(self)

    def cholesky(self, name: str = "cholesky") -> LinearOperator:
        """The Cholesky factor, as an operator. Raises ValueError unless it is self-adjoint and positive definite."""
        if not (self.is_positive_definite and self.is_self_adjoint):
            raise ValueError("Cannot take the Cholesky decomposition: Not a positive definite self adjoint matrix.")
        return LinearOperatorLowerTriangular(cholesky(self._dense()), is_non_singular=True, is_square=True)

    def eigvals(self, name: str = "eigvals") -> Tensor:
        """The eigenvalues of a self-adjoint operator."""
        return eigvalsh(self._dense()) if self.is_self_adjoint else eigvals(self._dense())

    def cond(self, name: str = "cond") -> Tensor:
        """The largest singular value over the smallest."""
        (s,) = p.svd(self._dense(), full_matrices=False, compute_uv=False)
        axes = (len(s.ir_type.dims) - 1,)
        return p.div(p.reduce_max(s, axes=axes), p.reduce_min(s, axes=axes))

    def assert_non_singular(self, name: str = "assert_non_singular") -> None:
        """Raises InvalidArgumentError if the matrix is singular in working precision."""
        limit = 1 / (np.finfo(self.dtype.real_dtype.np).eps)
        c = self.cond()
        assert_(p.lt(c, scalar_like(c, limit)), message="Singular matrix up to precision epsilon.")

    def assert_positive_definite(self, name: str = "assert_positive_definite") -> None:
        """Raises InvalidArgumentError unless the matrix is positive definite."""
        cholesky(self._dense())

    def assert_self_adjoint(self, name: str = "assert_self_adjoint") -> None:
        """Raises InvalidArgumentError unless the matrix is its own conjugate transpose."""
        matrix = self._dense()
        assert_(p.eq(matrix, matrix_transpose(matrix, conjugate=True)), message="Matrix was not equal to its adjoint.")


class LinearOperatorFullMatrix(LinearOperator):
    """Any matrix."""

    def __init__(
        self, matrix: Any, is_non_singular: Any = None, is_self_adjoint: Any = None, is_positive_definite: Any = None,
        is_square: Any = None, name: str = "LinearOperatorFullMatrix",
    ) -> None:  # fmt: skip
        self._matrix = convert_to_tensor(matrix)
        if self._matrix.shape.rank is not None and self._matrix.shape.rank < 2:
            raise ValueError(f"Argument matrix must have at least 2 dimensions.  Found: {self._matrix}")
        super().__init__(
            self._matrix.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name
        )

    @property
    def matrix(self) -> Tensor:
        return self._matrix

    def _dense(self) -> Tensor:
        return self._matrix


class LinearOperatorLowerTriangular(LinearOperator):
    """The lower triangle of a matrix."""

    def __init__(
        self, tril: Any, is_non_singular: Any = None, is_self_adjoint: Any = None, is_positive_definite: Any = None,
        is_square: Any = None, name: str = "LinearOperatorLowerTriangular",
    ) -> None:  # fmt: skip
        self._tril = convert_to_tensor(tril)
        super().__init__(self._tril.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    @property
    def tril(self) -> Tensor:
        return self._tril

    def _dense(self) -> Tensor:
        return band_part(self._tril, -1, 0)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return triangular_solve(self._tril, rhs, lower=True, adjoint=adjoint)

    def _diagonal(self) -> Tensor:
        return diag_part(self._tril)

    def _signed(self) -> tuple[Tensor, Tensor]:
        return _of_diagonal(self._diagonal())


def _of_diagonal(d: Tensor) -> tuple[Tensor, Tensor]:
    """Sign and logarithm of the product of a diagonal."""
    last = len(d.ir_type.dims) - 1
    return p.reduce_prod(p.sign(d), axes=(last,)), p.reduce_sum(p.log(p.abs(d)), axes=(last,))


class LinearOperatorDiag(LinearOperator):
    """A diagonal matrix."""

    def __init__(
        self, diag: Any, is_non_singular: Any = None, is_self_adjoint: Any = None, is_positive_definite: Any = None,
        is_square: Any = None, name: str = "LinearOperatorDiag",
    ) -> None:  # fmt: skip
        self._diag = convert_to_tensor(diag)
        symmetric = True if not self._diag.dtype.is_complex else is_self_adjoint
        super().__init__(self._diag.dtype, None, is_non_singular, symmetric, is_positive_definite, True, name)

    @property
    def diag(self) -> Tensor:
        return self._diag

    def _dims(self) -> tuple[Dim, ...]:
        dims = self._diag.ir_type.dims
        return (*dims, dims[-1])

    def _dense(self) -> Tensor:
        return diag(self._diag)

    def _column(self, adjoint: bool) -> Tensor:
        d = p.conj(self._diag) if adjoint and self.dtype.is_complex else self._diag
        return p.reshape(d, shape=(*d.ir_type.dims, 1))

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return p.mul(self._column(adjoint), x)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return p.div(rhs, self._column(adjoint))

    def _diagonal(self) -> Tensor:
        return self._diag

    def _signed(self) -> tuple[Tensor, Tensor]:
        return _of_diagonal(self._diag)


class LinearOperatorScaledIdentity(LinearOperatorDiag):
    """The identity times a number (one for each matrix of the batch)."""

    def __init__(
        self, num_rows: Any, multiplier: Any, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = True, assert_proper_shapes: bool = False,
        name: str = "LinearOperatorScaledIdentity",
    ) -> None:  # fmt: skip
        self._multiplier = convert_to_tensor(multiplier)
        self._rows = _row_count(num_rows)
        lead = self._multiplier.ir_type.dims
        wide = p.broadcast(p.reshape(self._multiplier, shape=(*lead, 1)), shape=(*lead, self._rows))
        super().__init__(wide, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    @property
    def multiplier(self) -> Tensor:
        return self._multiplier


def _row_count(num_rows: Any) -> Dim:
    size = as_size(num_rows, "LinearOperator")
    if size is None:
        raise UnknownShapeError(f"the number of rows must be known while the function is traced, got {num_rows!r}")
    if isinstance(size, int) and size < 0:
        raise ValueError(f"Argument num_rows must be non-negative.  Found: {size}")
    return size


class LinearOperatorIdentity(LinearOperatorScaledIdentity):
    """The identity."""

    def __init__(
        self, num_rows: Any, batch_shape: Any = None, dtype: Any = None, is_non_singular: Any = True,
        is_self_adjoint: Any = True, is_positive_definite: Any = True, is_square: Any = True,
        assert_proper_shapes: bool = False, name: str = "LinearOperatorIdentity",
    ) -> None:  # fmt: skip
        if not (is_self_adjoint and is_square and is_non_singular and is_positive_definite):
            raise ValueError("An identity operator is always self-adjoint, square, non-singular and positive definite.")
        kind = dt.float32 if dtype is None else as_dtype(dtype)
        lead = () if batch_shape is None else as_sizes(batch_shape, "LinearOperatorIdentity")
        one = convert_to_tensor(1, kind)
        super().__init__(num_rows, p.broadcast(one, shape=lead) if lead else one, True, True, True, True, name=name)

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return x if len(self._dims()) == 2 else super()._apply(x, adjoint)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return self._apply(rhs, adjoint)


class LinearOperatorZeros(LinearOperator):
    """All zeros."""

    def __init__(
        self, num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = None,
        is_non_singular: Any = False, is_self_adjoint: Any = True, is_positive_definite: Any = False,
        is_square: Any = True, assert_proper_shapes: bool = False, name: str = "LinearOperatorZeros",
    ) -> None:  # fmt: skip
        if is_non_singular or is_positive_definite:
            raise ValueError("A zero operator is always singular, and not positive definite.")
        rows = _row_count(num_rows)
        columns = rows if num_columns is None else _row_count(num_columns)
        lead = () if batch_shape is None else as_sizes(batch_shape, "LinearOperatorZeros")
        self._sizes = (*(lead or ()), rows, columns)
        kind = dt.float32 if dtype is None else as_dtype(dtype)
        super().__init__(kind, None, False, is_self_adjoint if rows == columns else None, False, rows == columns, name)

    def _dims(self) -> tuple[Dim, ...]:
        return self._sizes

    def _dense(self) -> Tensor:
        return p.broadcast(convert_to_tensor(0, self.dtype), shape=self._sizes)

    def _signed(self) -> tuple[Tensor, Tensor]:
        zero = p.broadcast(convert_to_tensor(0, self.dtype), shape=self._sizes[:-2])
        return zero, p.log(p.abs(zero))


class LinearOperatorPermutation(LinearOperator):
    """The matrix that puts rows in another order."""

    def __init__(
        self, perm: Any, dtype: Any = dt.float32, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorPermutation",
    ) -> None:  # fmt: skip
        self._perm = convert_to_tensor(perm)
        if not self._perm.dtype.is_integer:
            raise TypeError(f"perm must be integer dtype, but Found: {self._perm.dtype}")
        super().__init__(dtype, None, True, is_self_adjoint, is_positive_definite, True, name)

    @property
    def perm(self) -> Tensor:
        return self._perm

    def _dense(self) -> Tensor:
        *lead, n = self._perm.ir_type.dims
        at = p.iota(shape=(n, n), axis=1, dtype=self._perm.dtype)
        return p.cast(p.eq(p.reshape(self._perm, shape=(*lead, n, 1)), at), dtype=self.dtype)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return self._apply(rhs, not adjoint)


class LinearOperatorTridiag(LinearOperator):
    """A matrix of three diagonals. `diagonals_format`: "compact", "sequence" or "matrix"."""

    def __init__(
        self, diagonals: Any, diagonals_format: str = "compact", is_non_singular: Any = None,
        is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorTridiag",
    ) -> None:  # fmt: skip
        several = diagonals_format == "sequence"
        self._diagonals = [convert_to_tensor(d) for d in diagonals] if several else convert_to_tensor(diagonals)
        self._format = diagonals_format
        first = self._diagonals[1] if several else self._diagonals
        super().__init__(first.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    @property
    def diagonals(self) -> Any:
        return self._diagonals

    @property
    def diagonals_format(self) -> str:
        return self._format

    def _dense(self) -> Tensor:
        if self._format == "matrix":
            return self._diagonals  # type: ignore[return-value]
        main = self._diagonals[1] if self._format == "sequence" else None
        n = (main if main is not None else self._diagonals).ir_type.dims[-1]
        eye = diag(p.broadcast(convert_to_tensor(1, self.dtype), shape=(n,)))
        return tridiagonal_matmul(self._diagonals, eye, self._format)


class LinearOperatorHouseholder(LinearOperator):
    """The reflection 1 - 2 v vᴴ / |v|²."""

    def __init__(
        self, reflection_axis: Any, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorHouseholder",
    ) -> None:  # fmt: skip
        if is_positive_definite or is_self_adjoint is False or is_non_singular is False:
            raise ValueError("A Householder operator is always self adjoint, non-singular and not positive definite.")
        self._axis = convert_to_tensor(reflection_axis)
        super().__init__(self._axis.dtype, None, True, True, False, True, name)

    @property
    def reflection_axis(self) -> Tensor:
        return self._axis

    def _dense(self) -> Tensor:
        dims = self._axis.ir_type.dims
        column = p.reshape(self._axis, shape=(*dims, 1))
        outer = matmul(column, column, adjoint_b=True)
        size = matmul(column, column, adjoint_a=True)
        ones = diag(p.broadcast(convert_to_tensor(1, self.dtype), shape=dims))
        return p.sub(ones, p.div(p.mul(scalar_like(outer, 2), outer), size))

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return self._apply(rhs, adjoint)


class LinearOperatorToeplitz(LinearOperator):
    """A matrix with equal elements along each diagonal, given by its first column and row."""

    def __init__(
        self, col: Any, row: Any, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorToeplitz",
    ) -> None:  # fmt: skip
        self._col, self._row = convert_to_tensor(col), convert_to_tensor(row)
        super().__init__(self._row.dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, True, name)

    @property
    def col(self) -> Tensor:
        return self._col

    @property
    def row(self) -> Tensor:
        return self._row

    def _dense(self) -> Tensor:
        *lead, n = self._row.ir_type.dims
        if not isinstance(n, int):
            raise invalid("LinearOperatorToeplitz", "the number of rows must be known while the function is traced")
        axis = len(lead)
        below = p.reverse(self._col, axes=(axis,))
        zeros, ones = (0,) * axis, (1,) * (axis + 1)
        after = p.slice(self._row, starts=(*zeros, 1), limits=(*lead, n), strides=ones)
        line = p.concat(below, after, axis=axis)
        places = np.arange(n)[None, :] - np.arange(n)[:, None] + n - 1
        return p.gather(line, convert_to_tensor(places), axis=axis, batch_dims=0)
