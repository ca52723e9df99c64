"""Shapes and axes given as arguments: Python integers, tensors, sizes known only while tracing, or a mix.

Invariant: what is known while tracing stays known, so `tf.reshape(x, [tf.shape(x)[0], -1])` infers a symbolic shape.
Entry points: `as_sizes(x)`, `as_integers(x)`, `as_axes(axis, rank)`, `shape_vector(dims)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like, stack_rows
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, SymDim
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import InvalidArgumentError, UnknownShapeError
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor
from graphtf.tensor_shape import Dimension, TensorShape

MOST_ELEMENTS = 2**63 - 1


def known(x: Any) -> np.ndarray[Any, Any] | None:
    """The contents of an integer tensor, as Python integers and symbolic sizes in an object array; None if unknown."""
    if isinstance(x, EagerTensor):
        return x._array.astype(object)
    if isinstance(x, SymbolicTensor):
        return x.known
    if is_tensor_like(x):
        return known(convert_to_tensor(x))
    return None


def as_size(x: Any, name: str = "shape") -> Dim | None:
    """One size or index, if it is known. Raises TypeError for what is no integer."""
    if type(x) is int or isinstance(x, SymDim):
        return x
    if is_tensor_like(x):
        contents = known(x)
        if contents is None:
            return None
        if contents.size != 1:
            raise invalid(name, f"expected a scalar, got {x!r}")
        size = contents.item()
        return int(size) if isinstance(size, float) and size.is_integer() else _whole(size, name)
    if isinstance(x, Dimension):
        return x.value
    return _whole(x, name)


def _whole(x: Any, name: str) -> Dim:
    if isinstance(x, SymDim):
        return x
    if isinstance(x, (float, np.floating)):
        raise wrong_dtype(name, f"expected integers, got {x!r}")
    if x is None:
        raise ValueError(f"{name}: expected an integer, got None: None values are not supported")
    if isinstance(x, (list, tuple)):
        raise invalid(name, f"expected a vector of integers, got {x!r} in one")
    try:
        return int(x.__index__())
    except AttributeError:
        raise TypeError(f"{name}: expected an integer, got {x!r} of type {type(x).__name__}") from None


def as_sizes(x: Any, name: str = "shape") -> tuple[Dim, ...] | None:
    """A vector of sizes, if all are known. A single integer counts as a vector of one."""
    if isinstance(x, TensorShape):
        if not x.is_fully_defined():
            raise ValueError(f"Cannot convert a partially known TensorShape {x} to a Tensor.")
        return x.as_tuple()  # type: ignore[return-value]
    if isinstance(x, (list, tuple)):
        out = [as_size(d, name) for d in x]
        if any(d is None for d in out):
            if any(d is None for d in x):
                raise ValueError(f"{name}: expected integers, got {x!r}")
            return None
        return tuple(out)  # type: ignore[arg-type]
    if is_tensor_like(x):
        return _contents(convert_to_tensor(x), name)
    if isinstance(x, (np.ndarray, range)):
        return tuple(_whole(d, name) for d in np.asarray(x).reshape(-1).tolist())
    size = as_size(x, name)
    return None if size is None else (size,)


def _contents(x: Tensor, name: str) -> tuple[Dim, ...] | None:
    if not x.dtype.is_integer:
        raise wrong_dtype(name, f"expected int32 or int64, got a tensor of {x.dtype.name}")
    rank = x.shape.rank
    if rank is not None and rank > 1:
        raise invalid(name, f"expected a vector, got a tensor of shape {x.shape}")
    contents = known(x)
    return None if contents is None else tuple(contents.reshape(-1).tolist())


def as_integers(x: Any, name: str) -> tuple[int, ...]:
    """A vector of integers that must be known now. Raises ValueError otherwise."""
    out = as_sizes(x, name)
    if out is None or not all(isinstance(d, int) for d in out):
        raise UnknownShapeError(f"{name} must be known while the function is traced, got {x!r}")
    return out  # type: ignore[return-value]


def is_known(x: Any) -> bool:
    """Are these integers known now, and not sizes of run time?"""
    try:
        found = as_sizes(x)
    except (TypeError, ValueError, InvalidArgumentError):
        return True  # for the caller to refuse
    return found is not None and all(isinstance(d, int) for d in found)


def _axes_given(axis: Any, name: str) -> tuple[int, ...]:
    """Axes as integers. Raises TypeError for a Python float, the mode's error for text and for floats in a list."""
    listed = isinstance(axis, (list, tuple))
    for k in axis if listed else (axis,):
        if isinstance(k, (float, np.floating)):
            text = f"Cannot convert {k} to EagerTensor of dtype int32"
            raise wrong_dtype(name, text) if listed else TypeError(f"{name}: {text}")
        if isinstance(k, (str, bytes)):
            raise wrong_dtype(name, f"an axis must be an integer, got {k!r}")
    return as_integers(axis, name)


def as_axis(axis: Any, rank: int, name: str, late: bool = False) -> int:
    """One axis, counted from 0. Raises the mode's error if it is out of range; with `late` that of running the op."""
    given = _axes_given(axis, name)
    if len(given) != 1:
        raise (failed if late else invalid)(name, f"expected a single axis, got {list(given)}")
    (k,) = given
    if not -rank <= k < rank:
        error = failed if late else invalid
        raise error(name, f"axis {k} is out of range for a tensor of {rank} axes, expected [{-rank}, {rank})")
    return k % rank


def as_axes(axis: Any, rank: int, name: str) -> tuple[int, ...]:
    """Axes to reduce, counted from 0 and in order; None means all.

    Raises the mode's error for a bad or repeated one.
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, float):
        raise TypeError(f"{name}: expected an integer axis, got {axis!r}")
    found = _axes_given(axis, name)
    for k in found:
        if not -rank <= k < rank:
            raise invalid(name, f"Invalid reduction dimension ({k} for input with {rank} dimension(s))")
    axes = tuple(sorted(k % rank for k in found))
    if len(set(axes)) < len(axes):
        raise failed(name, f"Invalid reduction arguments: Axes contains duplicate dimension: {list(found)}")
    return axes


def shape_vector(dims: Sequence[Dim], dtype: DType = dt.int32) -> Tensor:
    """A tensor of sizes: a constant where all are known, else computed when the function runs."""
    if all(isinstance(d, int) for d in dims):
        return convert_to_tensor(np.array(dims, dtype.np))
    out: Tensor = p.dims(dims=tuple(dims), dtype=dtype)
    return out


def index_vector(items: Sequence[Any], dtype: DType = dt.int32) -> Tensor:
    """Sizes and scalar tensors as one vector of integers."""
    parts = [x if isinstance(x, Tensor) else p.reshape(shape_vector((x,), dtype), shape=()) for x in items]
    if not parts:
        return convert_to_tensor(np.zeros(0, dtype.np))
    return stack_rows([x if x.dtype is dtype else p.cast(x, dtype=dtype) for x in parts])
