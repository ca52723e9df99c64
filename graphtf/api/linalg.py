"""Products of matrices and vectors.

Invariant: leading axes are batches and broadcast. Entry points: the `tf.linalg` functions below.
"""

from __future__ import annotations

import functools
from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor
from graphtf.deferred import deferred_like
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid
from graphtf.tensor import Tensor


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False, b_is_sparse: bool = False, output_type: Any = None, grad_a: bool = False,
    grad_b: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The matrix product of a[..., m, k] and b[..., k, n], either transposed first.

    Raises ValueError if a matrix is to be both transposed and adjoint, InvalidArgumentError (tracing: ValueError) where
    shapes do not fit. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/matmul.

    >>> matmul([[1, 2], [3, 4]], [[1], [1]])
    <tf.Tensor: shape=(2, 1), dtype=int32, numpy=
    array([[3],
           [7]], dtype=int32)>
    """
    if transpose_a and adjoint_a:
        raise ValueError(
            f"Only one of `transpose_a` and `adjoint_a` can be True. Received {transpose_a=}, {adjoint_a=}."
        )
    if transpose_b and adjoint_b:
        raise ValueError(
            f"Only one of `transpose_b` and `adjoint_b` can be True. Received {transpose_b=}, {adjoint_b=}."
        )
    a, b = convert_pair(a, b)
    if None in (a.shape.rank, b.shape.rank):
        run = functools.partial(
            matmul, transpose_a=transpose_a, transpose_b=transpose_b, adjoint_a=adjoint_a, adjoint_b=adjoint_b
        )
        return deferred_like(run, [a, b], a, None)
    for t, name_of in ((a, "a"), (b, "b")):
        if len(t.ir_type.dims) < 2:
            raise invalid("matmul", f"In[0] and In[1] ndims must be >= 2: {name_of} has shape {t.shape}")
    if adjoint_a and a.dtype.is_complex:
        a = p.conj(a)
    if adjoint_b and b.dtype.is_complex:
        b = p.conj(b)
    accumulate = None if output_type is None else as_dtype(output_type)
    return p.matmul(
        a, b, transpose_a=bool(transpose_a or adjoint_a), transpose_b=bool(transpose_b or adjoint_b), dtype=accumulate
    )


def matvec(
    a: Any, b: Any, transpose_a: bool = False, adjoint_a: bool = False, a_is_sparse: bool = False,
    b_is_sparse: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The product of a[..., m, k] and the vector b[..., k]. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/matvec.

    >>> matvec([[1., 2.], [3., 4.]], [1., 1.])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([3., 7.], dtype=float32)>
    """
    a, b = convert_pair(a, b)
    if not len(b.ir_type.dims):
        raise invalid("matvec", "b is a scalar, expected a vector")
    column = p.reshape(b, shape=(*b.ir_type.dims, 1))
    out = matmul(a, column, transpose_a=transpose_a, adjoint_a=adjoint_a)
    return p.reshape(out, shape=out.ir_type.dims[:-1])


def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """The last two axes exchanged. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/matrix_transpose.

    >>> matrix_transpose([[1, 2]])
    <tf.Tensor: shape=(2, 1), dtype=int32, numpy=
    array([[1],
           [2]], dtype=int32)>
    """
    a = convert_to_tensor(a)
    rank = len(a.ir_type.dims)
    if rank < 2:
        raise ValueError(
            f"Argument `a` should be a (batch) matrix with rank >= 2. Received `a` = {a} with shape: {a.shape}"
        )
    out = p.transpose(a, perm=(*range(rank - 2), rank - 1, rank - 2))
    return p.conj(out) if conjugate and a.dtype.is_complex else out


def adjoint(matrix: Any, name: str | None = None) -> Tensor:
    """The conjugate transpose. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/adjoint.

    >>> adjoint([[1 + 2j, 3]])
    <tf.Tensor: shape=(2, 1), dtype=complex128, numpy=
    array([[1.-2.j],
           [3.-0.j]])>
    """
    return matrix_transpose(matrix, conjugate=True)
