"""`tf.sparse.bincount`: how often numbers occur, where most do not.

Invariant: counting is done on the host; it has no gradient. Entry point: `bincount`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.shaping import reshape
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid
from graphtf.sizes import as_size
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def bincount(
    values: Any, weights: Any = None, axis: Any = 0, minlength: Any = None, maxlength: Any = None,
    binary_output: bool = False, name: str | None = None,
) -> SparseTensor:  # fmt: skip
    """How often each number occurs: in all (axis 0 or None), or in each row (axis -1); or the sums of their weights.

    Raises ValueError for another axis, InvalidArgumentError for negative numbers. Follows
    https://www.tensorflow.org/api_docs/python/tf/sparse/bincount.

    >>> bincount([[1, 1], [2, 0]], axis=-1).indices.numpy().tolist()
    [[0, 1], [1, 0], [1, 2]]
    """
    if axis not in (0, -1, None):
        raise ValueError(f"Unsupported value for argument axis={axis}. Only 0 and -1 are currently supported.")
    if axis is None or (axis == -1 and _rank(values) == 1):
        axis = 0
    if not isinstance(values, (SparseTensor, RaggedTensor)) and convert_to_tensor(values).shape.rank == 1:
        axis = 0  # a single row counts as a whole
    rows, flat, count = _numbered(values, axis)
    given = [] if weights is None else [_flat(weights)]
    kind = flat.dtype if weights is None else given[0].dtype
    low, high = (None if x is None else as_size(x, "length") for x in (minlength, maxlength))

    def run(row: Array, number: Array, total: Array, *weight: Array) -> list[Array]:
        if (number < 0).any():
            raise failed("sparse.bincount", f"numbers must not be negative, got {number.tolist()}")
        width = max(int(number.max(initial=-1)) + 1, low or 0)
        width = width if high is None else min(width, high)
        inside = number < width if high is not None else np.ones(len(number), bool)
        places = np.stack([row[inside] * abs(axis), number[inside].astype(np.int64)], 1)
        every, at = np.unique(places, axis=0, return_inverse=True) if len(places) else (places, np.zeros(0, np.int64))
        amount = np.ones(len(places), kind.np) if not weight else weight[0][inside]
        sums = np.zeros(len(every), kind.np)
        np.add.at(sums, at.reshape(-1), amount)
        if binary_output:
            sums = np.ones(len(every), kind.np)
        first = 0 if axis else 1
        return [every[:, first:].astype(np.int64), sums, np.array([int(total), width][first:], np.int64)]

    rank = 2 if axis else 1
    shapes: list[Any] = [(None, rank), (None,), (rank,)]
    at, sums, shape = on_host(run, [rows, flat, count, *given], [dt.int64, kind, dt.int64], shapes)
    return SparseTensor(at, p.reshape(sums, shape=at.ir_type.dims[:1]), shape)


def _rank(values: Any) -> int | None:
    return values.shape.rank if hasattr(values, "shape") else convert_to_tensor(values).shape.rank  # type: ignore[no-any-return]


def _flat(x: Any) -> Tensor:
    if isinstance(x, SparseTensor):
        return x.values
    if isinstance(x, RaggedTensor):
        return x.flat_values
    t = convert_to_tensor(x)
    return reshape(t, [-1])


def _numbered(values: Any, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """The row of each number, the numbers, and how many rows there are."""
    if isinstance(values, SparseTensor):
        flat = values.values
        row = _first_column(values.indices)
        return row, flat, p.reshape(p.slice(values.dense_shape, starts=(0,), limits=(1,), strides=(1,)), shape=())
    if isinstance(values, RaggedTensor):
        return p.cast(values.value_rowids(), dtype=dt.int64), values.flat_values, values.nrows(dt.int64)
    x = convert_to_tensor(values)
    dims = x.ir_type.dims
    if len(dims) not in (1, 2):
        raise invalid("sparse.bincount", f"expected a vector or a matrix, got shape {x.shape}")
    row = p.iota(shape=dims, axis=0, dtype=dt.int64)
    return reshape(row, [-1]), reshape(x, [-1]), p.reshape(p.dims(dims=dims[:1], dtype=dt.int64), shape=())


def _first_column(at: Tensor) -> Tensor:
    (count, _) = at.ir_type.dims
    return p.reshape(p.slice(at, starts=(0, 0), limits=(count, 1), strides=(1, 1)), shape=(count,))
