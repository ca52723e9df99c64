"""The variables that control flow sets: which of them a graph carries, and what they are afterwards.

Invariant: a variable that both branches leave the same object stays that object; one that only one branch defines is
`Undefined` afterwards and says so when it is read. Entry points: `Undefined`, `ld`, `joined`.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api.control import finished, fit_outputs, settle_arrays
from graphtf.autograph.jumps import RESULT
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import Region, as_local
from graphtf.functions.trace import Trace, tracing
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor
from graphtf.tensor_array import TensorArray
from graphtf.variable import Variable

Get = Callable[[], tuple[Any, ...]]
Set = Callable[[tuple[Any, ...]], None]


class Undefined:
    """A variable without a value; `why` says what a reader is told."""

    __slots__ = ("error", "name", "why")

    def __init__(self, name: str, why: str = "", error: type[Exception] = UnboundLocalError) -> None:
        self.name, self.why, self.error = name, why, error

    def __repr__(self) -> str:
        return f"<undefined {self.name}>"


def ld(x: Any) -> Any:
    """The value of a variable. Raises UnboundLocalError if it has none."""
    if isinstance(x, Undefined):
        raise x.error(x.why or f"local variable '{x.name}' is referenced before assignment")
    return x


def is_staged(x: Any) -> bool:
    """Can a graph carry it: a tensor, a number, an array, or a structure of such?"""
    if isinstance(x, (Tensor, TensorArray, nest.CompositeTensor, numbers.Number, np.ndarray, np.generic)):
        return True
    if isinstance(x, (list, tuple, dict)):
        leaves = nest.flatten(x)
        return bool(leaves) and all(is_staged(leaf) for leaf in leaves)
    return False


def _shown(name: str) -> str:
    return "the return value" if name == RESULT else f"'{name}'"


def joined(
    trace: Trace, condition: Tensor, regions: Sequence[Region], after: Sequence[tuple[Any, ...]], names: Sequence[str]
) -> tuple[Any, ...]:
    """The variables after an `if`, whose node is appended."""
    then, orelse = regions
    plans = [_joined_one(name, a, b) for name, a, b in zip(names, *after)]
    picked = [k for k, plan in enumerate(plans) if plan is _STAGED]
    pairs = [_alike(names[k], after[0][k], after[1][k], regions) for k in picked]
    for region, side in zip(regions, (0, 1)):
        region.structure = [pair[side] for pair in pairs]
    settle_arrays(then, orelse)
    settle_arrays(orelse, then)
    for region in regions:
        region.outputs = [x for x in nest.flatten(region.structure, expand_composites=True) if x is not None]
    sizes = fit_outputs(then, orelse)
    found = iter(finished(trace, condition, then, orelse, sizes))
    return tuple(next(found) if plan is _STAGED else plan for plan in plans)


_STAGED = object()


def _joined_one(name: str, a: Any, b: Any) -> Any:
    """What a variable is after two branches: itself, undefined, or (`_STAGED`) a result of the node."""
    if a is b:
        return a
    if name == RESULT and (_is_nothing(a) != _is_nothing(b)):
        return _STAGED
    for x, branch in ((a, "main"), (b, "else")):
        if isinstance(x, Undefined):
            why = f"{_shown(name)} must also be initialized in the {branch} branch of the `if`"
            return x if x.why else Undefined(name, why, ValueError)
    if (a is None) != (b is None):
        branch = "main" if a is None else "else"
        raise TypeError(
            f"{_shown(name)} is None at the end of the {branch} branch of the `if`, and a value in the other"
        )
    if isinstance(a, Variable) or isinstance(b, Variable) or not all(map(_can_differ, (a, b))):
        if _equal(a, b):
            return a
        why = (
            f"{_shown(name)} is {type(a).__name__} in one branch of an `if` on a tensor and another object in the other"
        )
        return Undefined(name, why, TypeError)
    if not isinstance(a, Tensor) and not isinstance(b, Tensor) and _equal(a, b):
        return a
    return _STAGED


def _can_differ(x: Any) -> bool:
    """Can branches give it other values: is it staged, or text, which becomes a tensor?"""
    return isinstance(x, (str, bytes)) or is_staged(x)


def _is_nothing(x: Any) -> bool:
    return x is None or isinstance(x, Undefined)


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b) or isinstance(a, (Tensor, np.ndarray, nest.CompositeTensor)):
        return False
    if isinstance(a, (list, tuple, dict)) and any(isinstance(x, (Tensor, np.ndarray)) for x in nest.flatten([a, b])):
        return False
    return bool(a == b)


def _alike(name: str, a: Any, b: Any, regions: Sequence[Region]) -> tuple[Any, Any]:
    """The values of a variable in both branches, as tensors of the regions, in one structure."""
    if name == RESULT and _is_nothing(a):
        return _zeros_like(b, regions[0], regions[1]), _tensors(name, b, regions[1], b)
    if name == RESULT and _is_nothing(b):
        return _tensors(name, a, regions[0], a), _zeros_like(a, regions[1], regions[0])
    try:
        nest.assert_same_structure(a, b)
    except (ValueError, TypeError) as e:
        raise TypeError(
            f"{_shown(name)} does not have the same nested structure in the branches of the `if`.\n{e}"
        ) from None
    first, second = _tensors(name, a, regions[0], b), _tensors(name, b, regions[1], a)
    for x, y in zip(nest.flatten(first), nest.flatten(second)):
        if isinstance(x, Tensor) and isinstance(y, Tensor) and x.dtype is not y.dtype:
            raise TypeError(
                f"{_shown(name)} has dtype {x.dtype.name} in the main branch of the `if`, but dtype "
                f"{y.dtype.name} in the "
                "else branch"
            )
    return first, second


def _tensors(name: str, x: Any, region: Region, other: Any) -> Any:
    """A value with tensors of a region for leaves; Python numbers take the dtype of their counterparts."""
    kinds = [getattr(y, "dtype", None) for y in nest.flatten(other)]
    with tracing(region.trace):
        leaves = []
        for leaf, kind in zip(nest.flatten(x), kinds):
            if isinstance(leaf, TensorArray) and leaf._pending:
                leaves.append(leaf)
                continue
            if isinstance(leaf, nest.CompositeTensor):
                parts = [as_local(region.trace, t) for t in nest.flatten(leaf, expand_composites=True)]
                leaves.append(nest.pack_sequence_as(leaf, parts, expand_composites=True))
                continue
            number = isinstance(leaf, (bool, int, float)) and kind is not None
            made = convert_to_tensor(leaf, dtype_hint=kind) if number else convert_to_tensor(leaf)
            leaves.append(as_local(region.trace, made))
    return nest.pack_sequence_as(x, leaves) if nest.is_nested(x) else leaves[0]


def _zeros_like(x: Any, region: Region, other: Region) -> Any:
    """Zeros of the shape that the result of the other branch has: what is returned later is another value."""
    with tracing(other.trace):
        leaves = [as_local(other.trace, convert_to_tensor(leaf)) for leaf in nest.flatten(x)]
    with tracing(region.trace):
        made = []
        for leaf in leaves:
            zero = convert_to_tensor(b"" if leaf.dtype.kind == "s" else False if leaf.dtype.is_bool else 0, leaf.dtype)
            dims = leaf.ir_type.shape
            known = dims is not None and all(isinstance(d, int) for d in dims)
            shape = dims if known else tuple(d if isinstance(d, int) else 0 for d in dims or ())
            made.append(as_local(region.trace, p.broadcast(zero, shape=shape)))
    return nest.pack_sequence_as(x, made) if nest.is_nested(x) else made[0]

