"""Sparse tensors as byte strings: three serialized tensors, of indices, values and dense shape.

Entry points: `serialize_sparse`, `serialize_many_sparse`, `deserialize_many_sparse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.deferred import on_host
from graphtf.files.tensors import array_of, message_of
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.refusal import failed
from graphtf.sparse_tensor import SparseTensor
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def _sparse(x: Any) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        raise TypeError("Input must be a SparseTensor.")
    return x


def _texts(rows: list[list[bytes]] | list[bytes]) -> Array:
    return np.array(rows, object)


def serialize_sparse(sp_input: Any, out_type: Any = dt.string, name: str | None = None) -> Tensor:
    """A sparse tensor as a vector of three strings.

    Raises TypeError for anything else. Follows https://www.tensorflow.org/api_docs/python/tf/io/serialize_sparse.

    >>> serialize_sparse(SparseTensor([[0]], [1.0], [2])).shape
    TensorShape([3])
    """
    x = _sparse(sp_input)
    run = lambda *parts: [_texts([message_of(a) for a in parts])]  # noqa: E731 - of indices, values and shape
    (out,) = on_host(run, [x.indices, x.values, x.dense_shape], [dt.string], [(3,)])
    return out


def serialize_many_sparse(sp_input: Any, out_type: Any = dt.string, name: str | None = None) -> Tensor:
    """Each row of a sparse tensor as three strings: [rows, 3].

    Raises TypeError for anything else, InvalidArgumentError for fewer than two axes. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/serialize_many_sparse.
    """
    x = _sparse(sp_input)

    def run(indices: Array, values: Array, shape: Array) -> list[Array]:
        if len(shape) < 2:
            raise failed("serialize_many_sparse", f"the rank of the input should be at least 2, but it is {len(shape)}")
        out = np.empty((int(shape[0]), 3), object)
        for k in range(len(out)):
            own = indices[:, 0] == k
            out[k] = [message_of(a) for a in (indices[own, 1:], values[own], shape[1:])]
        return [out]

    (out,) = on_host(run, [x.indices, x.values, x.dense_shape], [dt.string], [(x.shape.rank and x.shape[0], 3)])
    return out


def deserialize_many_sparse(
    serialized_sparse: Any, dtype: Any, rank: int | None = None, name: str | None = None
) -> SparseTensor:
    """The rows that `serialize_many_sparse` gave, as one sparse tensor, as large as the largest.

    Raises InvalidArgumentError for another dtype, shape or rank among them. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/deserialize_many_sparse.

    >>> rows = serialize_many_sparse(SparseTensor([[0, 1], [1, 0]], [5, 6], [2, 2]))
    >>> deserialize_many_sparse(rows, dt.int32).values.numpy().tolist()
    [5, 6]
    """
    kind, data = as_dtype(dtype), as_strings(serialized_sparse, "deserialize_many_sparse")

    def run(texts: Array) -> list[Array]:
        if texts.ndim != 2 or texts.shape[1] != 3 or not len(texts):
            raise failed("deserialize_many_sparse", f"expected strings of shape [rows, 3], got {list(texts.shape)}")
        parts = [[array_of(t, "deserialize_many_sparse") for t in row] for row in texts.tolist()]
        for indices, values, shape in parts:
            if values.dtype != kind.np:
                raise failed("deserialize_many_sparse", f"expected values of {kind.name}, got {values.dtype}")
            if len(shape) != len(parts[0][2]) or indices.shape != (len(values), len(shape)):
                raise failed("deserialize_many_sparse", "the ranks of the rows differ, or their parts do not fit")
        places = [np.insert(indices, 0, k, axis=1) for k, (indices, _, _) in enumerate(parts)]
        sizes = np.max([shape for _, _, shape in parts], axis=0) if len(parts[0][2]) else np.zeros(0, np.int64)
        found = np.concatenate([values for _, values, _ in parts])
        return [np.concatenate(places).astype(np.int64), found, np.insert(sizes, 0, len(parts)).astype(np.int64)]

    width = None if rank is None else rank + 1
    indices, values, shape = on_host(run, [data], [dt.int64, kind, dt.int64], [(None, width), (None,), (width,)])
    made = SparseTensor(indices, values, shape)
    if width is not None:
        made.set_shape([None] * width)
    return made
