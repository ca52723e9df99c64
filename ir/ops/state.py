"""Variables: reading and assigning what a reference operand stands for.

Invariant: operand 0 is a reference; at run time it is a `Cell` (ir/state.py), whose array assignment replaces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir.dims import same
from graphtf.ir.op import Effect, Op, Sample, Structural, Trait
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType, Type

Array = np.ndarray[Any, Any]

_REFERENCE = "operand 0 is a variable"


def _content(op: Op, ref: Type) -> TensorType:
    if not isinstance(ref, RefType):
        raise op.violated(1, f"operand 0 is {ref}, expected a reference to a variable", "dtype")
    return ref.content


# ---- read ------------------------------------------------------------------------------------------------------------


def _read_infer(ref: Type) -> TensorType:
    return _content(read, ref)


read = Op(
    "read", "the value of a variable", _read_infer, lambda cell: cell.array, lambda ct, out, ref: (ct,), Structural(),
    constraints=(_REFERENCE,), effect=Effect.READ, samples=(Sample("ref f32[3, 4]"),),
)  # fmt: skip


# ---- assign ----------------------------------------------------------------------------------------------------------


def _assign_infer(ref: Type, value: TensorType) -> tuple[()]:
    content = _content(assign, ref)
    if value.dtype is not content.dtype:
        message = f"operand 1 has dtype {value.dtype.name}, expected {content.dtype.name} as the variable"
        raise assign.violated(2, message, "dtype")
    if content.shape is None or value.shape is None:
        return ()
    if len(content.shape) != len(value.shape) or not all(map(_fits, value.shape, content.shape)):
        raise assign.violated(3, f"operand 1 is {value}, expected the shape of the variable, {content}")
    return ()


def _fits(given: Any, wanted: Any) -> bool:
    """A size that the variable's declaration leaves open may change."""
    return not isinstance(wanted, int) or same(given, wanted)


def _assign_ref(cell: Cell, value: Array) -> None:
    """Views are copied: a cell's memory is its own, so that it may be updated in place."""
    owned = value.base is None and value.flags.c_contiguous and value.flags.writeable
    cell.array = value if owned else np.array(value, order="C")


assign = Op(
    "assign", "set the value of a variable", _assign_infer, _assign_ref, None, Structural(), arity=2,
    constraints=(
        _REFERENCE, "the value has the dtype of the variable",
        "the value has the shape of the variable, open sizes aside",
    ),
    effect=Effect.WRITE, results=0, traits=Trait.ZERO_GRADIENT, samples=(Sample("ref f32[3, 4] f32[3, 4]"),),
)  # fmt: skip
