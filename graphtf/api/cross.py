"""Crosses of features: every combination of one value from each input, row by row, joined or hashed.

Invariant: the last input varies fastest; hashes are TensorFlow's. Entry points: `sparse_cross`, `sparse_cross_hashed`,
`ragged_cross`, `ragged_cross_hashed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api.farmhash import fingerprint64, fingerprint_cat64
from graphtf.composite import RaggedTensor, SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_HASH_KEY = 0xDECAFCAFFE
_MOST = 2**63 - 1
Combine = Callable[[Sequence[Any]], Any]


def _hashed(num_buckets: int, hash_key: int | None) -> Combine:
    key = _HASH_KEY if hash_key is None else int(hash_key) % 2**64

    def combine(features: Sequence[Any]) -> int:
        out = key
        for feature in features:
            own = fingerprint64(feature) if isinstance(feature, bytes) else int(feature) % 2**64
            out = fingerprint_cat64(out, own)
        return out % (num_buckets if num_buckets > 0 else _MOST)

    return combine


def _joined(separator: str) -> Combine:
    between = separator.encode()
    return lambda features: between.join(f if isinstance(f, bytes) else str(f).encode() for f in features)


# ---- rows of inputs --------------------------------------------------------------------------------------------------


def _parts(x: Any) -> tuple[str, list[Tensor]]:
    """What kind of input it is, and its tensors: integers are int64."""
    if isinstance(x, SparseTensor):
        return "sparse", [x.indices, _values(x.values), x.dense_shape]
    if isinstance(x, RaggedTensor):
        if x.ragged_rank > 1:
            raise ValueError("crosses of ragged tensors take a ragged rank of 1")
        return "ragged", [_values(x.values), x.row_splits]
    return "dense", [_values(convert_to_tensor(x))]


def _values(x: Tensor) -> Tensor:
    return p.cast(x, dtype=dt.int64) if x.dtype.is_integer and x.dtype is not dt.int64 else x


def _rows(kind: str, arrays: Sequence[Array]) -> list[list[Any]]:
    """The values of each row."""
    if kind == "sparse":
        at, values, shape = arrays
        out: list[list[Any]] = [[] for _ in range(int(shape[0]))]
        for row, value in zip(at[:, 0].tolist(), values.tolist()):
            out[row].append(value)
        return out
    if kind == "ragged":
        values, splits = arrays
        flat, ends = values.tolist(), splits.tolist()
        return [flat[a:b] for a, b in pairwise(ends)]
    return arrays[0].reshape(len(arrays[0]), -1).tolist()


def _crossed(inputs: Any, combine: Combine, dtype: dt.DType, name: str) -> list[Tensor]:
    """The splits of the rows of combinations, and those, flat."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"{name}: inputs must be a list, got {type(inputs).__name__}")
    found = [_parts(x) for x in inputs]

    def run(*arrays: Array) -> list[Array]:
        rest, columns = list(arrays), []
        for kind, tensors in found:
            columns.append(_rows(kind, rest[: len(tensors)]))
            del rest[: len(tensors)]
        if len({len(column) for column in columns}) > 1:
            raise failed(name, f"inputs have different numbers of rows: {[len(c) for c in columns]}")
        made = [[combine(features) for features in product(*row)] for row in zip(*columns)]
        flat = np.empty(sum(map(len, made)), dtype.np)
        flat[:] = [x for row in made for x in row]
        return [rows.splits_of(np.array([len(row) for row in made], np.int64)), flat]

    operands = [t for _, tensors in found for t in tensors]
    return on_host(run, operands, [dt.int64, dtype], [(None,), (None,)])


def _as_sparse(splits: Tensor, flat: Tensor) -> SparseTensor:
    def run(s: Array) -> list[Array]:
        width = int(np.diff(s).max(initial=0))
        return [rows.coordinates([s]), np.array([len(s) - 1, width], np.int64)]

    at, shape = on_host(run, [splits], [dt.int64] * 2, [(*flat.ir_type.dims, 2), (2,)])
    return SparseTensor(at, flat, shape)


# ---- public ----------------------------------------------------------------------------------------------------------


def sparse_cross(inputs: Any, name: str | None = None, separator: str | None = None) -> SparseTensor:
    """Every combination of one value from each input, as text joined by a separator ("_X_").

    Raises TypeError if inputs are no list, InvalidArgumentError for different numbers of rows. Follows
    https://www.tensorflow.org/api_docs/python/tf/sparse/cross.

    >>> sparse_cross([[["a"]], [["b", "c"]]]).values.numpy().tolist()
    [b'a_X_b', b'a_X_c']
    """
    between = "_X_" if separator is None else str(separator)
    return _as_sparse(*_crossed(inputs, _joined(between), dt.string, "sparse.cross"))


def sparse_cross_hashed(
    inputs: Any, num_buckets: int = 0, hash_key: int | None = None, name: str | None = None
) -> SparseTensor:
    """Every combination of one value from each input, as a hash, in `num_buckets` if that is positive.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/cross_hashed.

    >>> sparse_cross_hashed([[["a"]], [["b", "c"]]], num_buckets=10).dense_shape.numpy().tolist()
    [1, 2]
    """
    return _as_sparse(*_crossed(inputs, _hashed(int(num_buckets), hash_key), dt.int64, "sparse.cross_hashed"))


def ragged_cross(inputs: Any, name: str | None = None) -> RaggedTensor:
    """Every combination of one value from each input, as text joined by "_X_".

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/cross.

    >>> ragged_cross([[["a"]], [["b", "c"]]]).to_list()
    [[b'a_X_b', b'a_X_c']]
    """
    splits, flat = _crossed(inputs, _joined("_X_"), dt.string, "ragged.cross")
    return RaggedTensor(flat, splits)


def ragged_cross_hashed(
    inputs: Any, num_buckets: int = 0, hash_key: int | None = None, name: str | None = None
) -> RaggedTensor:
    """Every combination of one value from each input, as a hash, in `num_buckets` if that is positive.

    Follows https://www.tensorflow.org/api_docs/python/tf/ragged/cross_hashed.

    >>> ragged_cross_hashed([[["a"]], [["b", "c"]]], num_buckets=10).row_lengths().numpy().tolist()
    [2]
    """
    splits, flat = _crossed(inputs, _hashed(int(num_buckets), hash_key), dt.int64, "ragged.cross_hashed")
    return RaggedTensor(flat, splits)
