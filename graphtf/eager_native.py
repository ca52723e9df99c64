"""Native code for single ops: convolutions whose arithmetic costs more than compiling them once.

Invariant: what runs a signature depends on its types alone, so the same program gives the same bits every time; with
GRAPHTF_INTERPRET it is the reference. Entry point: `native_for`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphtf.flags import flags
from graphtf.ir.builder import build
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType

_WINDOWED = frozenset(op for op in OPS.values() if Trait.CONTRACTION in op.traits and "strides" in op.attrs)
_ENOUGH = 1 << 24  # products: some 25 ms of the reference, and the price of a few calls to compile


def native_for(
    op: Op, operands: list[TensorType], result: TensorType, attrs: dict[str, Any]
) -> Callable[..., Any] | None:
    """What runs the op on arrays of these types as native code; None if the reference serves as well."""
    if op not in _WINDOWED or _products(operands, result, attrs["groups"]) < _ENOUGH:
        return None
    found: list[Callable[..., Any]] = []

    def run(*arrays: Any, **given: Any) -> Any:
        if flags.interpret:
            return op.ref(*arrays, **given)
        if not found:
            from graphtf.runtime import compile  # loads the compiler, which not every program needs

            found.append(compile(build(operands, lambda *xs: op(*xs, **attrs), op.name)).run)
        return found[0](arrays)[0]

    return run


def _products(operands: list[TensorType], result: TensorType, groups: int) -> float:
    """About how many products it sums. Array, filters and result lie on three sides of their loops, whichever of them
    the op computes, so that the sizes of all three together name each loop twice."""
    sizes = math.prod(math.prod(t.dims) for t in (*operands, result))
    return math.sqrt(sizes) / groups
