"""`tf.raw_ops` of matrices: by keyword, under the kernels' names.

Invariant: each is the public function of the same meaning (graphtf/api/raw.py holds those that have none).
Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import einsum, factorize, linalg, linalg_parts, shaping, solve
from graphtf.api.raw_naming import raw
from graphtf.ir import dtypes as dt
from graphtf.tensor import Tensor


def _rows_joined(superdiag: Any, maindiag: Any, subdiag: Any) -> Tensor:
    """The three diagonals, each [..., 1, n], as [..., 3, n]."""
    return shaping.concat([superdiag, maindiag, subdiag], -2)


BatchMatMul = raw(
    "BatchMatMul",
    lambda *, x, y, adj_x=False, adj_y=False, grad_x=False, grad_y=False, name=None: linalg.matmul(
        x, y, adjoint_a=adj_x, adjoint_b=adj_y
    ),
)
BatchMatMulV2 = raw(
    "BatchMatMulV2",
    lambda *, x, y, adj_x=False, adj_y=False, grad_x=False, grad_y=False, name=None: linalg.matmul(
        x, y, adjoint_a=adj_x, adjoint_b=adj_y
    ),
)
BatchMatMulV3 = raw(
    "BatchMatMulV3",
    lambda *, x, y, Tout, adj_x=False, adj_y=False, grad_x=False, grad_y=False, name=None: linalg.matmul(
        x, y, adjoint_a=adj_x, adjoint_b=adj_y, output_type=Tout
    ),
)
Cholesky = raw("Cholesky", lambda *, input, name=None: factorize.cholesky(input))
Cross = raw("Cross", lambda *, a, b, name=None: linalg_parts.cross(a, b))
Diag = raw("Diag", lambda *, diagonal, name=None: linalg_parts.tensor_diag(diagonal))
DiagPart = raw("DiagPart", lambda *, input, name=None: linalg_parts.tensor_diag_part(input))
Einsum = raw("Einsum", lambda *, inputs, equation, name=None: einsum.einsum(equation, *inputs))
LogMatrixDeterminant = raw("LogMatrixDeterminant", lambda *, input, name=None: factorize.slogdet(input))
Lu = raw("Lu", lambda *, input, output_idx_type=dt.int32, name=None: factorize.lu(input, output_idx_type))
MatrixBandPart = raw(
    "MatrixBandPart",
    lambda *, input, num_lower, num_upper, name=None: linalg_parts.band_part(input, num_lower, num_upper),
)
MatrixDeterminant = raw("MatrixDeterminant", lambda *, input, name=None: factorize.det(input))
MatrixDiag = raw("MatrixDiag", lambda *, diagonal, name=None: linalg_parts.diag(diagonal))
MatrixDiagPart = raw("MatrixDiagPart", lambda *, input, name=None: linalg_parts.diag_part(input))
MatrixDiagPartV2 = raw(
    "MatrixDiagPartV2",
    lambda *, input, k, padding_value, name=None: linalg_parts.diag_part(
        input, k=k, padding_value=padding_value, align="LEFT_LEFT"
    ),
)
MatrixDiagPartV3 = raw(
    "MatrixDiagPartV3",
    lambda *, input, k, padding_value, align="RIGHT_LEFT", name=None: linalg_parts.diag_part(
        input, k=k, padding_value=padding_value, align=align
    ),
)
MatrixDiagV2 = raw(
    "MatrixDiagV2",
    lambda *, diagonal, k, num_rows, num_cols, padding_value, name=None: linalg_parts.diag(
        diagonal, k=k, num_rows=num_rows, num_cols=num_cols, padding_value=padding_value, align="LEFT_LEFT"
    ),
)
MatrixDiagV3 = raw(
    "MatrixDiagV3",
    lambda *, diagonal, k, num_rows, num_cols, padding_value, align="RIGHT_LEFT", name=None: linalg_parts.diag(
        diagonal, k=k, num_rows=num_rows, num_cols=num_cols, padding_value=padding_value, align=align
    ),
)
MatrixExponential = raw("MatrixExponential", lambda *, input, name=None: factorize.expm(input))
MatrixInverse = raw("MatrixInverse", lambda *, input, adjoint=False, name=None: factorize.inv(input, adjoint))
MatrixLogarithm = raw("MatrixLogarithm", lambda *, input, name=None: factorize.logm(input))
MatrixSetDiag = raw("MatrixSetDiag", lambda *, input, diagonal, name=None: linalg_parts.set_diag(input, diagonal))
MatrixSetDiagV3 = raw(
    "MatrixSetDiagV3",
    lambda *, input, diagonal, k, align="RIGHT_LEFT", name=None: linalg_parts.set_diag(
        input, diagonal, k=k, align=align
    ),
)
MatrixSolve = raw("MatrixSolve", lambda *, matrix, rhs, adjoint=False, name=None: solve.solve(matrix, rhs, adjoint))
MatrixSolveLs = raw(
    "MatrixSolveLs",
    lambda *, matrix, rhs, l2_regularizer, fast=True, name=None: solve.lstsq(matrix, rhs, float(l2_regularizer), fast),
)
MatrixSquareRoot = raw("MatrixSquareRoot", lambda *, input, name=None: factorize.sqrtm(input))
MatrixTriangularSolve = raw(
    "MatrixTriangularSolve",
    lambda *, matrix, rhs, lower=True, adjoint=False, name=None: solve.triangular_solve(matrix, rhs, lower, adjoint),
)
Qr = raw("Qr", lambda *, input, full_matrices=False, name=None: factorize.qr(input, full_matrices))
TridiagonalMatMul = raw(
    "TridiagonalMatMul",
    lambda *, superdiag, maindiag, subdiag, rhs, name=None: solve.tridiagonal_matmul(
        _rows_joined(superdiag, maindiag, subdiag), rhs, "compact"
    ),
)
TridiagonalSolve = raw(
    "TridiagonalSolve",
    lambda *, diagonals, rhs, partial_pivoting=True, perturb_singular=False, name=None: solve.tridiagonal_solve(
        diagonals, rhs, "compact", partial_pivoting=partial_pivoting
    ),
)
