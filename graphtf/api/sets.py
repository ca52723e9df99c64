"""`tf.sets`: sets along the last axis, and the edit distance of sequences.

Invariant: all but the last axis of two arguments agree; sets come out sorted, as sparse tensors. Entry points: the
`tf.sets` functions below, `edit_distance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.composite import SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
Groups = dict[tuple[int, ...], list[Any]]
_DTYPES = (dt.int8, dt.int16, dt.int32, dt.int64, dt.uint8, dt.uint16, dt.string)


def _parts(x: Any) -> list[Tensor]:
    if isinstance(x, SparseTensor):
        return [x.indices, x.values, x.dense_shape]
    return [convert_to_tensor(x)]


def _groups(arrays: Sequence[Array]) -> tuple[Groups, list[int]]:
    """The values along the last axis by where they are, and the sizes of the other axes."""
    found: Groups = {}
    if len(arrays) == 1:
        lead = arrays[0].shape[:-1]
        for at in np.ndindex(*lead):
            found[at] = arrays[0][at].tolist()
        return found, list(lead)
    at, values, shape = arrays
    for place, value in zip(at[:, :-1].tolist(), values.tolist()):
        found.setdefault(tuple(place), []).append(value)
    return found, shape[:-1].tolist()


def _combined(a: Any, b: Any, combine: Callable[[set[Any], set[Any]], set[Any]], name: str) -> SparseTensor:
    if isinstance(a, SparseTensor) and not isinstance(b, SparseTensor):
        raise TypeError(f"{name}: `b` must be sparse where `a` is")
    a, b = (x if isinstance(x, SparseTensor) else convert_to_tensor(x) for x in (a, b))
    left, right = _parts(a), _parts(b)
    dtype, kind = a.dtype, b.dtype
    if dtype is not kind or dtype not in _DTYPES:
        raise TypeError(f"{name}: expected sets of one dtype of integers or strings, got {dtype.name} and {kind.name}")
    ranks = [x.shape.rank for x in (a, b)]
    if None not in ranks and (min(ranks) < 2 or ranks[0] != ranks[1]):
        raise invalid(name, f"expected tensors of one number of axes, 2 or more, got shapes {a.shape} and {b.shape}")
    if not a.shape[:-1].is_compatible_with(b.shape[:-1]):
        raise invalid(name, f"the axes before the last differ: {a.shape[:-1]} and {b.shape[:-1]}")

    def run(*arrays: Array) -> list[Array]:
        (one, lead), (other, rest) = _groups(arrays[: len(left)]), _groups(arrays[len(left) :])
        if lead != rest:
            raise failed(name, f"the first axes differ: {lead} and {rest}")
        at: list[tuple[int, ...]] = []
        values: list[Any] = []
        widest = 0
        for place in sorted({*one, *other}):
            row = sorted(combine(set(one.get(place, ())), set(other.get(place, ()))))
            at += [(*place, k) for k in range(len(row))]
            values += row
            widest = max(widest, len(row))
        out = np.empty(len(values), dtype.np)
        out[:] = values
        return [np.array(at, np.int64).reshape(-1, len(lead) + 1), out, np.array([*lead, widest], np.int64)]

    rank = a.shape.rank
    at, values, shape = on_host(run, [*left, *right], [dt.int64, dtype, dt.int64], [(None, rank), (None,), (rank,)])
    return SparseTensor(at, p.reshape(values, shape=at.ir_type.dims[:1]), shape)


def intersection(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """What both sets hold. Raises TypeError for other dtypes, InvalidArgumentError for axes that differ.

    Follows https://www.tensorflow.org/api_docs/python/tf/sets/intersection.

    >>> intersection([[1, 2]], [[2, 3]]).values.numpy().tolist()
    [2]
    """
    return _combined(a, b, set.intersection, "sets.intersection")


def union(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """What either set holds. Follows https://www.tensorflow.org/api_docs/python/tf/sets/union.

    >>> union([[1, 2]], [[2, 3]]).values.numpy().tolist()
    [1, 2, 3]
    """
    return _combined(a, b, set.union, "sets.union")


def difference(a: Any, b: Any, aminusb: bool = True, validate_indices: bool = True) -> SparseTensor:
    """What the first set holds and the second does not; with `aminusb` False the other way.

    Follows https://www.tensorflow.org/api_docs/python/tf/sets/difference.

    >>> difference([[1, 2]], [[2, 3]]).values.numpy().tolist()
    [1]
    """
    combine = set.difference if aminusb else lambda x, y: y - x
    return _combined(a, b, combine, "sets.difference")


def size(a: Any, validate_indices: bool = True) -> Tensor:
    """How many distinct values each set of a sparse tensor holds: int32.

    Raises TypeError for another class. Follows https://www.tensorflow.org/api_docs/python/tf/sets/size.

    >>> size(SparseTensor([[0, 0], [0, 1]], [5, 5], [2, 2])).numpy().tolist()
    [1, 0]
    """
    if not isinstance(a, SparseTensor):
        raise TypeError(f"Expected `SparseTensor`, got {a}.")

    def run(*arrays: Array) -> list[Array]:
        found, lead = _groups(arrays)
        out = np.zeros(lead, np.int32)
        for place, values in found.items():
            out[place] = len(set(values))
        return [out]

    (out,) = on_host(run, _parts(a), [dt.int32], [a.shape.as_list()[:-1]])
    return out


# ---- edit distance ---------------------------------------------------------------------------------------------------


def edit_distance(hypothesis: Any, truth: Any, normalize: bool = True, name: str = "edit_distance") -> Tensor:
    """The least number of insertions, deletions and substitutions that make `truth` of `hypothesis`, for each pair of
    sequences; over the length of `truth` if `normalize` (infinity if that is empty): float32.

    Raises TypeError for arguments that are not sparse, InvalidArgumentError for shapes or dtypes that do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/edit_distance.

    >>> edit_distance(SparseTensor([[0, 0]], ["a"], [1, 1]), SparseTensor([[0, 0]], ["b"], [1, 1])).numpy().tolist()
    [1.0]
    """
    for what, x in (("Hypothesis", hypothesis), ("Truth", truth)):
        if not isinstance(x, SparseTensor):
            raise TypeError(f"{what} must be a SparseTensor.")
    if hypothesis.dtype is not truth.dtype:
        raise failed("edit_distance", f"dtypes differ: {hypothesis.dtype.name} and {truth.dtype.name}")

    def run(*arrays: Array) -> list[Array]:
        (one, lead), (other, rest) = _groups(arrays[:3]), _groups(arrays[3:])
        if len(lead) != len(rest):
            raise failed("edit_distance", f"the ranks of the arguments differ: {len(lead) + 1} and {len(rest) + 1}")
        out = np.zeros([max(a, b) for a, b in zip(lead, rest)], np.float32)
        for place in {*one, *other}:
            out[place] = _distance(one.get(place, []), other.get(place, []), normalize)
        return [out]

    sizes = zip(hypothesis.shape.as_list()[:-1], truth.shape.as_list()[:-1])
    shape = [None if a is None or b is None else max(a, b) for a, b in sizes]
    (out,) = on_host(run, [*_parts(hypothesis), *_parts(truth)], [dt.float32], [shape])
    return out


def _distance(source: list[Any], target: list[Any], normalize: bool) -> float:
    before = list(range(len(target) + 1))
    for i, x in enumerate(source, 1):
        row = [i]
        for j, y in enumerate(target, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    if not normalize:
        return float(before[-1])
    if not target:
        return float("inf") if source else 0.0
    return before[-1] / len(target)
