"""What computing a value again costs, in bytes that could be moved in that time.

Invariant: answers follow from shapes and lowering classes. Entry points: `elements`, `cost_of_repeating`.
"""

from __future__ import annotations

import math

from graphtf.ir.dims import SymDim, evaluate, symbols
from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Element
from graphtf.passes.fusion.classify import is_cheap, is_free
from graphtf.passes.rebuild import content

TYPICAL = 64  # what a size known only at run time is taken to be
SIMPLE, INVOLVED = 0.5, 12.0  # bytes that move while one element of an add, or of an exponential, is computed


def elements(v: Value) -> float:
    """How many there are, unknown sizes taken to be TYPICAL."""
    shape = content(v.type).shape
    if shape is None:
        return float("inf")
    sizes = (max(1, evaluate(d, dict.fromkeys(symbols(d), TYPICAL))) if isinstance(d, SymDim) else d for d in shape)
    return float(math.prod(sizes))


def cost_of_repeating(n: Node) -> float:
    """Arithmetic, in bytes."""
    if is_free(n):
        return 0.0
    return sum(elements(v) for v in n.outputs) * (SIMPLE if is_simple(n) else INVOLVED)


def is_simple(n: Node) -> bool:
    """Is each element a few instructions, next to nothing beside memory?"""
    return is_cheap(n) or isinstance(n.op.lowering, Element)
