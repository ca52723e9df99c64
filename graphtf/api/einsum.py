"""Sums of products over named axes: einsum and tensordot.

Invariant: operands meet two by two, each pair as one batched matrix product. Entry points: `einsum`, `tensordot`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from graphtf.convert import convert_pair, convert_to_tensor, known_array
from graphtf.deferred import deferred_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid, wrong_dtype
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor

Labels = tuple[str, ...]


def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Tensor:
    """The sum over products of elements that an equation such as "ij,jk->ik" names.

    Raises ValueError for a bad equation, InvalidArgumentError (tracing: ValueError, TypeError) for operands that do not
    fit it. Keywords: `optimize` (ignored: pairs are chosen by size), `name`. Follows
    https://www.tensorflow.org/api_docs/python/tf/einsum.

    >>> einsum("ij,jk->ik", [[1, 2]], [[3], [4]])
    <tf.Tensor: shape=(1, 1), dtype=int32, numpy=array([[11]], dtype=int32)>
    """
    for key in kwargs:
        if key not in ("name", "optimize"):
            raise TypeError(f"Invalid keyword arguments for einsum: {key}. Valid arguments: name, optimize, greedy.")
    tensors = [convert_to_tensor(x) for x in inputs]
    if any(x.dtype is not tensors[0].dtype for x in tensors):
        raise wrong_dtype("einsum", f"operands must have one dtype, got {[x.dtype.name for x in tensors]}")
    terms, out = _parsed(equation, tensors)
    sizes = _sizes(terms, tensors)
    operands = [_reduced(_without_repeats(x, labels), out, _others(terms, k)) for k, (x, labels) in
                enumerate(zip(tensors, terms))]  # fmt: skip
    while len(operands) > 1:
        i, j = _next_pair(operands, out, sizes)
        a, b = operands[i], operands[j]
        rest = [x for k, x in enumerate(operands) if k not in (i, j)]
        needed = set(out).union(*(labels for _, labels in rest))
        operands = [*rest, _product(a, b, needed, sizes)]
    return _arranged(operands[0], out, sizes)


# ---- the equation ----------------------------------------------------------------------------------------------------


def _parsed(equation: str, tensors: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the result; those of `...` are numbers as text."""
    text = equation.replace(" ", "")
    if not isinstance(equation, str) or not re.fullmatch(r"[a-zA-Z,.]*(->[a-zA-Z.]*)?", text):
        raise ValueError(f"Indices have incorrect format: {equation}")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(tensors):
        raise ValueError(f"Got {len(tensors)} inputs for equation {equation!r} expecting {len(parts)}")
    if not arrow:
        letters = re.sub(r"[,.]", "", left)
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in letters if letters.count(c) == 1))
    plain = right.replace("...", "")
    for c in plain:
        if c not in left:
            raise ValueError(f"Output subscripts contain the label {c} not present in the input subscripts.")
    if len(set(plain)) < len(plain):
        raise ValueError(f"Output subscripts contain a label appearing more than once: {equation}")
    extras = [_ellipsis(part, x) for part, x in zip(parts, tensors)]
    most = max((n for n in extras if n is not None), default=0)
    terms = [_labels(part, n, most) for part, n in zip(parts, extras)]
    return terms, _labels(right, most, most)


def _ellipsis(part: str, x: Tensor) -> int | None:
    """How many axes `...` stands for in an operand."""
    have, named = len(x.ir_type.dims), len(part.replace("...", ""))
    if "..." in part:
        if have < named:
            raise invalid("einsum", f"Expected at least {named} dimensions for subscripts {part}, got shape {x.shape}")
        return have - named
    if have != named:
        raise invalid("einsum", f"Expected input of rank {named} for subscripts {part}, got shape {x.shape}")
    return None


def _labels(part: str, extra: int | None, most: int) -> Labels:
    if "..." not in part:
        return tuple(part)
    before, _, after = part.partition("...")
    return (*before, *(str(k) for k in range(most - (extra or 0), most)), *after)


def _sizes(terms: Sequence[Labels], tensors: Sequence[Tensor]) -> dict[str, Dim]:
    """The size of each label. Axes of `...` broadcast."""
    sizes: dict[str, Dim] = {}
    for labels, x in zip(terms, tensors):
        for c, d in zip(labels, x.ir_type.dims):
            have = sizes.get(c, d)
            if have != d and c.isdigit() and 1 in (have, d):
                have = d if have == 1 else have
            elif isinstance(have, int) and isinstance(d, int) and have != d:
                raise invalid("einsum", f"Expected dimension {have} at axis labelled {c}, got shape {x.shape}")
            sizes[c] = have if isinstance(have, int) else d
    return sizes


# ---- operands --------------------------------------------------------------------------------------------------------

Operand = tuple[Tensor, Labels]


def _others(terms: Sequence[Labels], k: int) -> set[str]:
    return {c for j, labels in enumerate(terms) if j != k for c in labels}


def _without_repeats(x: Tensor, labels: Labels) -> Operand:
    """The diagonal where a label occurs twice."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            first = labels.index(c)
            second = labels.index(c, first + 1)
            n = x.ir_type.dims[first]
            shape = tuple(n if k in (first, second) else 1 for k in range(len(labels)))
            at = [p.iota(shape=shape, axis=axis, dtype=dt.int64) for axis in (first, second)]
            x = p.reduce_sum(p.select(p.eq(*at), x, scalar_like(x, 0)), axes=(second,))
            labels = labels[:second] + labels[second + 1 :]
    return x, labels


def _reduced(operand: Operand, out: Labels, others: set[str]) -> Operand:
    """Summed over labels that occur nowhere else."""
    x, labels = operand
    alone = tuple(k for k, c in enumerate(labels) if c not in out and c not in others)
    if not alone:
        return operand
    return p.reduce_sum(x, axes=alone), tuple(c for k, c in enumerate(labels) if k not in alone)


def _next_pair(operands: Sequence[Operand], out: Labels, sizes: dict[str, Dim]) -> tuple[int, int]:
    """The pair whose product is the smallest, as far as sizes are known."""
    def cost(pair: tuple[int, int]) -> float:
        i, j = pair
        kept = set(out).union(*(labels for k, (_, labels) in enumerate(operands) if k not in pair))
        left = (set(operands[i][1]) | set(operands[j][1])) & kept
        total = 1.0
        for c in left:
            d = sizes[c]
            total *= d if isinstance(d, int) else 1024
        return total
    return min(itertools.combinations(range(len(operands)), 2), key=cost)


def _product(a: Operand, b: Operand, needed: set[str], sizes: dict[str, Dim]) -> Operand:
    """Two operands multiplied and summed over what nothing else needs."""
    (x, left), (y, right) = a, b
    x, left = _unstretched(x, left, right, sizes)
    y, right = _unstretched(y, right, left, sizes)
    shared = [c for c in left if c in right]
    batch = [c for c in shared if c in needed]
    summed = [c for c in shared if c not in needed]
    free_left = [c for c in left if c not in right]
    free_right = [c for c in right if c not in left]
    dims_of = dict(zip(left, x.ir_type.dims))
    for c, d in zip(right, y.ir_type.dims):
        dims_of[c] = d if dims_of.get(c, 1) == 1 else dims_of[c]
    wide = x.dtype
    if not summed:
        labels = (*batch, *free_left, *free_right)
        out = p.mul(_spread(x, left, labels), _spread(y, right, labels))
        return out, labels
    first = _grouped(x, left, [batch, free_left, summed])
    second = _grouped(y, right, [batch, summed, free_right])
    made = p.matmul(first, second, transpose_a=False, transpose_b=False)
    made = made if made.dtype is wide else p.cast(made, dtype=wide)
    labels = (*batch, *free_left, *free_right)
    return p.reshape(made, shape=tuple(dims_of[c] for c in labels)), labels


def _unstretched(x: Tensor, labels: Labels, others: Labels, sizes: dict[str, Dim]) -> Operand:
    """Axes of `...` that are 1 where they broadcast, without them."""
    gone = tuple(k for k, c in enumerate(labels) if c.isdigit() and x.ir_type.dims[k] == 1 and sizes[c] != 1)
    if not gone:
        return x, labels
    kept = tuple(d for k, d in enumerate(x.ir_type.dims) if k not in gone)
    return p.reshape(x, shape=kept), tuple(c for k, c in enumerate(labels) if k not in gone)


def _spread(x: Tensor, labels: Labels, wanted: Labels) -> Tensor:
    """x with its axes in the order of the wanted labels, and axes of size 1 for those it has not."""
    order = tuple(labels.index(c) for c in wanted if c in labels)
    moved = x if order == tuple(range(len(order))) else p.transpose(x, perm=order)
    dims = iter(moved.ir_type.dims)
    return p.reshape(moved, shape=tuple(next(dims) if c in labels else 1 for c in wanted))


def _grouped(x: Tensor, labels: Labels, groups: Sequence[list[str]]) -> Tensor:
    """x as [batch…, rows, columns]: the axes of the batch, and each other group as one axis."""
    order = tuple(labels.index(c) for group in groups for c in group)
    moved = x if order == tuple(range(len(order))) else p.transpose(x, perm=order)
    dims = list(moved.ir_type.dims)
    lead = dims[: len(groups[0])]
    middle = len(groups[0]) + len(groups[1])
    return p.reshape(moved, shape=(*lead, product(dims[len(lead) : middle]), product(dims[middle:])))


def _arranged(operand: Operand, out: Labels, sizes: dict[str, Dim]) -> Tensor:
    """The result: summed over what is left, axes in order."""
    x, labels = _reduced(operand, out, set())
    spread = _spread(x, labels, out)
    shape = tuple(sizes[c] for c in out)
    return spread if spread.ir_type.dims == shape else p.broadcast(spread, shape=shape)


# ---- tensordot -------------------------------------------------------------------------------------------------------


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The sum over products along axes: the last `axes` of a with the first of b, or two lists of axes.

    Raises ValueError for axes that do not fit. Follows https://www.tensorflow.org/api_docs/python/tf/tensordot.

    >>> tensordot([[1, 2]], [[3], [4]], 1)
    <tf.Tensor: shape=(1, 1), dtype=int32, numpy=array([[11]], dtype=int32)>
    """
    x, y = convert_pair(a, b)
    if isinstance(axes, SymbolicTensor):
        known = known_array(axes)
        if known is None:
            return deferred_like(tensordot, [x, y, axes], x, None)
        axes = known.tolist()
    left, right = _axes(x, y, axes)
    first = _flattened(x, [k for k in range(x.ndim) if k not in left], left)
    second = _flattened(y, right, [k for k in range(y.ndim) if k not in right])
    dims = [d for k, d in enumerate(x.ir_type.dims) if k not in left]
    dims += [d for k, d in enumerate(y.ir_type.dims) if k not in right]
    return p.reshape(p.matmul(first, second, transpose_a=False, transpose_b=False), shape=tuple(dims))


def _axes(x: Tensor, y: Tensor, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, EagerTensor):
        axes = axes.numpy().tolist()
    if isinstance(axes, int):
        if axes < 0:
            raise ValueError(f"`axes` must be at least 0. Received: {axes}.")
        if axes > x.ndim:
            raise ValueError(f"`axes` must not be larger than the number of dimensions of tensor {x}.  Received {axes}")
        return list(range(x.ndim - axes, x.ndim)), list(range(axes))
    if len(axes) != 2:
        raise ValueError(f"`axes` must be an integer or have length 2. Received {axes}.")
    pair = [[k] if isinstance(k, int) else list(k) for k in axes]
    if len(pair[0]) != len(pair[1]):
        raise ValueError(f"Different number of contraction axes `a` and `b`, {len(pair[0])} != {len(pair[1])}.")
    return [k % x.ndim for k in pair[0]], [k % y.ndim for k in pair[1]]


def _flattened(x: Tensor, rows: list[int], columns: list[int]) -> Tensor:
    dims = x.ir_type.dims
    moved = p.transpose(x, perm=(*rows, *columns))
    return p.reshape(moved, shape=(product(dims[k] for k in rows), product(dims[k] for k in columns)))
