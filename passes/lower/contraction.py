"""Kernels of kind `contract`: a product or convolution and what follows it, handed to the lowering of its class.

Invariant: the region holds exactly one contraction. Entry points: `lower_contraction`, `why_not`.
"""

from __future__ import annotations

from collections.abc import Callable

from graphtf.ir.dims import Shape
from graphtf.ir.graph import Node
from graphtf.ir.loops.stmt import LoopFunc
from graphtf.ir.op import Kernel
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.contract import lower_product
from graphtf.passes.lower.later import later

_CLASSES: dict[str, Callable[[Node, Node, Caps, str], LoopFunc]] = {
    "contract": lower_product,
    "convolve": later("convolve", "lower_convolve"),
    "convolve_grad_input": later("convolve", "lower_grad_input"),
    "convolve_grad_filter": later("convolve_filter", "lower_grad_filter"),
}


def contraction_of(node: Node) -> tuple[Node, str]:
    """The product or convolution in a fusion of kind `contract`, and its class."""
    return next((n, n.op.lowering.kind) for n in node.regions["body"].nodes if isinstance(n.op.lowering, Kernel))


def why_not(node: Node) -> str | None:
    """Why there is no kernel for that fusion; None if there is one."""
    main, kind = contraction_of(node)
    if kind not in _CLASSES:
        return f"no native kernel for {main.op.name}"
    if kind != "contract" and not all(isinstance(d, int) for d in filters_of(main, kind)):
        return "the shape of the filters is known only at run time"
    return None


def filters_of(main: Node, kind: str) -> Shape:
    """The shape of a convolution's filters."""
    if kind == "convolve_grad_filter":
        return tuple(main.attrs["filter_shape"])
    return main.inputs[1].ir_type.dims


def lower_contraction(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a fusion of kind `contract`."""
    main, kind = contraction_of(node)
    return _CLASSES[kind](node, main, caps, name)
