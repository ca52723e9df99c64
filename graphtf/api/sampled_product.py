"""The entries of a matrix product at the places of a sparse tensor: `tf.sparse.sampled_addmm`.

Invariant: only those entries are computed. Entry point: `sampled_addmm`.
"""

from __future__ import annotations

from typing import Any

from graphtf.api.selection import gather_nd
from graphtf.api.shaping import transpose
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.sizes import known
from graphtf.tensor import Tensor


def sampled_addmm(
    indices: Any, values: Any, dense_shape: Any, mat1: Any, mat2: Any, beta: Any = 1.0, alpha: Any = 1.0,
    output_type: Any = dt.float32,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """`alpha * (mat1 @ mat2) + beta * values` at `indices` [..., entries, 2] of its last two axes: the indices, these
    values [..., entries], and the shape.

    The matrices have the batch axes of the indices. Raises ValueError for a shape that is not that of the product,
    InvalidArgumentError for an index outside of it. Follows
    https://www.tensorflow.org/api_docs/python/tf/sparse/sampled_addmm.

    >>> _, values, _ = sampled_addmm([[0, 1]], [0.5], [2, 2], [[1.0], [2.0]], [[3.0, 4.0]])
    >>> values.numpy().tolist()
    [4.5]
    """
    target = as_dtype(output_type)
    at, shape = convert_to_tensor(indices), convert_to_tensor(dense_shape)
    old, left, right = (p.cast(convert_to_tensor(x), dtype=target) for x in (values, mat1, mat2))
    batch = len(left.ir_type.dims) - 2
    given, product = known(shape), [left.shape[-2], right.shape[-1]]
    if given is not None and any(d is not None and d != int(n) for d, n in zip(product, given[-2:])):
        raise ValueError(f"Dense shape: {given} does not match output shape: {product}")
    rows = gather_nd(left, at[..., :1], batch_dims=batch)
    order = [*range(batch), batch + 1, batch]
    columns = gather_nd(transpose(right, order), at[..., 1:], batch_dims=batch)
    dots = p.reduce_sum(p.mul(rows, columns), axes=(len(rows.ir_type.dims) - 1,))
    new = p.add(p.mul(dots, scalar_like(dots, alpha)), p.mul(old, scalar_like(old, beta)))
    return at, new, shape
