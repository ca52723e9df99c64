"""Kernels of kind `contract`: a product or convolution and what follows it, handed to the lowering of its class.

Invariant: the region holds exactly one contraction. Entry points: `lower_contraction`, `has_lowering`.
"""

from __future__ import annotations

from graphtf.ir.graph import Node
from graphtf.ir.loops.stmt import LoopFunc
from graphtf.ir.op import Kernel
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.contract import lower_product

_CLASSES = {"contract": lower_product}


def contraction_of(node: Node) -> Node:
    """The product or convolution in a fusion of kind `contract`."""
    return next(n for n in node.regions["body"].nodes if isinstance(n.op.lowering, Kernel))


def has_lowering(node: Node) -> bool:
    """Is there a kernel for the contraction of that fusion?"""
    lowering = contraction_of(node).op.lowering
    return isinstance(lowering, Kernel) and lowering.kind in _CLASSES


def lower_contraction(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `contract`."""
    main = contraction_of(node)
    assert isinstance(main.op.lowering, Kernel)
    return _CLASSES[main.op.lowering.kind](node, main, caps, name)
