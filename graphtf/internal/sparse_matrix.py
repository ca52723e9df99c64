"""Products of sparse matrices in the compressed form that TensorFlow's internals have.

Invariant: a compressed matrix is a `SparseTensor` in row-major order. Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.composite import SparseTensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt

Array = np.ndarray[Any, Any]


def sparse_tensor_to_csr_sparse_matrix(indices: Any, values: Any, dense_shape: Any) -> SparseTensor:
    """The matrix of the parts of a sparse tensor."""
    return SparseTensor(indices, values, dense_shape)


def csr_sparse_matrix_to_sparse_tensor(sparse_matrix: SparseTensor, type: Any) -> SparseTensor:
    """The parts of a matrix."""
    return sparse_matrix


def sparse_matrix_sparse_mat_mul(a: SparseTensor, b: SparseTensor, type: Any) -> SparseTensor:
    """a @ b, of matrices or of batches of them."""
    rank = a.dense_shape.shape[0]
    parts = [a.indices, a.values, a.dense_shape, b.indices, b.values, b.dense_shape]
    indices, values, shape = on_host(_product, parts, [dt.int64, a.dtype, dt.int64], [(None, rank), (None,), (rank,)])
    return SparseTensor(indices, values, shape)


def _product(ai: Array, av: Array, ashape: Array, bi: Array, bv: Array, bshape: Array) -> list[Array]:
    batch = ashape[:-2]
    if not len(batch):
        at, values = _matrix_product(ai, av, ashape, bi, bv, bshape)
        return [at, values, np.array([ashape[0], bshape[1]], np.int64)]
    indices, values = [], []
    for k in np.ndindex(*batch.tolist()):
        mine, theirs = _of_batch(ai, k), _of_batch(bi, k)
        at, found = _matrix_product(
            ai[mine][:, len(k) :], av[mine], ashape[-2:], bi[theirs][:, len(k) :], bv[theirs], bshape[-2:]
        )
        indices.append(np.concatenate([np.tile(np.array(k, np.int64), (len(at), 1)), at], 1))
        values.append(found)
    return [np.concatenate(indices), np.concatenate(values), np.array([*batch, ashape[-2], bshape[-1]], np.int64)]


def _of_batch(indices: Array, k: tuple[int, ...]) -> Array:
    within: Array = (indices[:, : len(k)] == np.array(k)).all(1)
    return within


def _matrix_product(ai: Array, av: Array, ashape: Array, bi: Array, bv: Array, bshape: Array) -> tuple[Array, Array]:
    from scipy.sparse import coo_array  # large, and rarely needed

    a, b = (coo_array((v, (i[:, 0], i[:, 1])), tuple(s.tolist())) for i, v, s in ((ai, av, ashape), (bi, bv, bshape)))
    out = (a.tocsr() @ b.tocsr()).tocoo()
    order = np.lexsort((out.col, out.row))
    return np.stack([out.row[order], out.col[order]], 1).astype(np.int64), out.data[order].astype(av.dtype)
