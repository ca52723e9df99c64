"""What fusion asks of a node: can its elements be computed one by one, is it free to compute again, how does it read.

Invariant: answers come from lowering classes, traits and dtypes, never from an op's name.
"""

from __future__ import annotations

import enum

from graphtf.ir.dims import Shape
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Body, Effect, Element, Kernel, Reduce, Scalar, Trait
from graphtf.ir.ops.generate import uniform
from graphtf.ir.types import TensorType


class Kind(enum.Enum):
    """How a node takes part in fusion."""

    ELEMENT = "element"
    REDUCE = "reduce"
    CONTRACT = "contract"
    OPAQUE = "opaque"


_CONTRACTIONS = ("contract", "convolve", "convolve_grad_input", "convolve_grad_filter")
_CHEAP = {
    "add", "sub", "mul", "neg", "abs", "min", "max", "select", "cast", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
    "not",
}  # fmt: skip


def is_native(dtype: DType) -> bool:
    """Does native code compute with it? The rest is the host's."""
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.size > 1)


def kind_of(node: Node) -> Kind:
    """The node's part in fusion."""
    types = [v.type for v in (*node.inputs, *node.outputs)]
    plain = all(isinstance(t, TensorType) and t.shape is not None and is_native(t.dtype) for t in types)
    if not plain or node.op.effect is not Effect.NONE or len(node.outputs) != 1:
        return Kind.OPAQUE
    lowering = node.op.lowering
    if is_literal(node):
        return Kind.ELEMENT if uniform(node.attrs["value"]) is not None else Kind.OPAQUE
    if isinstance(lowering, (Scalar, Body, Element)):
        return Kind.ELEMENT
    if isinstance(lowering, Reduce):
        return Kind.REDUCE if node.attrs["axes"] else Kind.OPAQUE
    if isinstance(lowering, Kernel) and lowering.kind in _CONTRACTIONS:
        return Kind.CONTRACT
    return Kind.OPAQUE


def is_literal(node: Node) -> bool:
    """Is it a constant?"""
    return Trait.GENERATOR in node.op.traits and "value" in node.attrs


def is_elementwise(node: Node) -> bool:
    return Trait.ELEMENTWISE in node.op.traits


def is_free(node: Node) -> bool:
    """Costs nothing to compute again wherever it is read: a generator or a view."""
    return bool(node.op.traits & (Trait.GENERATOR | Trait.VIEW)) and len(node.inputs) <= 1


def is_joint(node: Node) -> bool:
    """Do its elements come from one operand or another, as their index decides? A loop over it is cut in parts."""
    if not isinstance(node.op.lowering, Element) or len(node.inputs) < 2:
        return False
    return all(isinstance(v.type, TensorType) and v.type.dtype is node.out.ir_type.dtype for v in node.inputs)


def is_cheap(node: Node) -> bool:
    """A handful of machine instructions an element."""
    lowering = node.op.lowering
    return is_free(node) or (isinstance(lowering, Scalar) and lowering.prim in _CHEAP)


def shape_of(v: Value) -> Shape:
    """The shape of a tensor of known rank."""
    return v.ir_type.dims


def squeeze(shape: Shape) -> Shape:
    """The shape without axes of size 1: equal for shapes whose elements lie in the same order along the same axes."""
    return tuple(d for d in shape if d != 1)


def kept_shape(space: Shape, axes: tuple[int, ...]) -> Shape:
    """`space` with the reduced axes kept as 1."""
    return tuple(1 if i in axes else d for i, d in enumerate(space))


def reduced_shape(space: Shape, axes: tuple[int, ...]) -> Shape:
    """`space` without the reduced axes."""
    return tuple(d for i, d in enumerate(space) if i not in axes)


def is_trailing(space: Shape, axes: tuple[int, ...]) -> bool:
    """Are the reduced axes the last ones, and not all?"""
    return 0 < len(axes) < len(space) and sorted(axes) == list(range(len(space) - len(axes), len(space)))
