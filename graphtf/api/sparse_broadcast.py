"""Dense tensors at the places of sparse ones, and rows taken out of `IndexedSlices`.

Invariant: places are worked out on the host, values move by `gather`. Entry points: `dense_at`, `mask`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def dense_at(dense: Tensor, x: SparseTensor) -> Tensor:
    """The elements of a dense tensor, broadcast to the shape of x, at the places of x."""
    rank = dense.shape.rank
    if rank == 0:
        return dense
    sizes = p.dims(dims=dense.ir_type.dims, dtype=dt.int64)

    def run(at: Array, shape: Array, size: Array) -> list[Array]:
        tail = shape[len(shape) - len(size) :]
        if len(size) > len(shape) or ((size != tail) & (size != 1)).any():
            message = "SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: "
            raise failed("sparse", f"{message}{shape.tolist()} vs. {size.tolist()}")
        return [at[:, len(shape) - len(size) :] * (size != 1)]

    (found,) = on_host(run, [x.indices, x.dense_shape, sizes], [dt.int64], [(x.values.ir_type.dims[0], rank)])
    return p.gather_nd(dense, found, batch_dims=0)


def mask(a: Any, mask_indices: Any, name: str | None = None) -> IndexedSlices:
    """`IndexedSlices` without the rows whose index is among `mask_indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/mask.

    >>> mask(IndexedSlices([[1.], [2.]], [5, 7]), [5]).indices.numpy().tolist()
    [7]
    """
    gone = convert_to_tensor(mask_indices, a.indices.dtype)
    (kept,) = on_host(lambda at, out: [np.flatnonzero(~np.isin(at, out))], [a.indices, gone], [dt.int64], [(None,)])
    parts = (p.gather(x, kept, axis=0, batch_dims=0) for x in (a.values, a.indices))
    return IndexedSlices(*parts, a.dense_shape)
