"""A value in every row of a ragged tensor that has none: `tf.ragged_fill_empty_rows`.

Invariant: values keep their order. Entry points: `ragged_fill_empty_rows` and its gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


class RaggedFillEmptyRows(NamedTuple):
    """What `ragged_fill_empty_rows` gives."""

    output_value_rowids: Tensor
    output_values: Tensor
    empty_row_indicator: Tensor
    reverse_index_map: Tensor


class RaggedFillEmptyRowsGrad(NamedTuple):
    """What `ragged_fill_empty_rows_grad` gives."""

    d_values: Tensor
    d_default_value: Tensor


def ragged_fill_empty_rows(
    value_rowids: Any, values: Any, nrows: Any, default_value: Any, name: str | None = None
) -> RaggedFillEmptyRows:
    """The row of each value and the values, with `default_value` in rows that had none; which rows those are; and where
    each value went.

    Raises InvalidArgumentError for a row outside of `nrows`. Follows
    https://www.tensorflow.org/api_docs/python/tf/ragged_fill_empty_rows.

    >>> found = ragged_fill_empty_rows([0, 2], [7, 8], 3, -1)
    >>> found.output_values.numpy().tolist(), found.reverse_index_map.numpy().tolist()
    ([7, -1, 8], [0, 2])
    """
    rows, x = convert_to_tensor(value_rowids, dt.int64), convert_to_tensor(values)
    count = convert_to_tensor(nrows, dt.int64)

    def run(ids: Array, many: Array) -> list[Array]:
        if ids.size and not (ids.min() >= 0 and ids.max() < many):
            raise failed("ragged_fill_empty_rows", f"value_rowids must lie in [0, {many})")
        empty = np.setdiff1d(np.arange(many), ids)
        every = np.concatenate([ids, empty])
        order = np.argsort(every, kind="stable")
        lacks = np.zeros(many, np.bool_)
        lacks[empty] = True
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return [every[order], np.minimum(order, len(ids)), lacks, back[: len(ids)]]

    shapes = [(None,), (None,), (None,), rows.ir_type.shape]
    ids, source, lacks, back = on_host(run, [rows, count], [dt.int64, dt.int64, dt.bool_, dt.int64], shapes)
    default = p.reshape(convert_to_tensor(default_value, x.dtype), shape=(1,))
    filled = p.gather(p.concat(x, default, axis=0), source, axis=0, batch_dims=0)
    return RaggedFillEmptyRows(ids, filled, lacks, back)


def ragged_fill_empty_rows_grad(
    reverse_index_map: Any, grad_values: Any, name: str | None = None
) -> RaggedFillEmptyRowsGrad:
    """The gradients of the values and of the default value from those of the filled values.

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged_fill_empty_rows_grad.

    >>> [x.numpy().tolist() for x in ragged_fill_empty_rows_grad([0, 2], [1.0, 2.0, 3.0])]
    [[1.0, 3.0], 2.0]
    """
    at, ct = convert_to_tensor(reverse_index_map, dt.int64), convert_to_tensor(grad_values)
    zeros = p.broadcast(scalar_like(ct, 0), shape=at.ir_type.dims)
    others = p.scatter(ct, p.reshape(at, shape=(*at.ir_type.dims, 1)), zeros, combine="update")
    return RaggedFillEmptyRowsGrad(p.gather(ct, at, axis=0, batch_dims=0), p.reduce_sum(others, axes=(0,)))
