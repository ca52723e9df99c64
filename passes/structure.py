"""What passes ask of control flow: a node's form follows from the regions it has, never from its op's name.

Entry points: `is_call`, `is_loop`, `is_branch`; `influence` says which inputs of a region its results depend on.
"""

from __future__ import annotations

from graphtf.ir.graph import Graph, Node
from graphtf.ir.op import Effect, Trait


def is_loop(n: Node) -> bool:
    """Region `body` runs on carried values as long as region `cond` says so."""
    return "cond" in n.regions


def is_branch(n: Node) -> bool:
    """One of the regions `then` and `orelse` runs."""
    return "then" in n.regions


def is_call(n: Node) -> bool:
    """The results are those of region `body`, which runs once."""
    return n.op.effect is Effect.REGIONS and "body" in n.regions and not is_loop(n)


def influence(region: Graph, differentiable: bool = False) -> list[int]:
    """For each output, the inputs it depends on, as bits; or only those it depends on by way of derivatives."""
    bits = {v: 1 << k for k, v in enumerate(region.inputs)}
    for n in region.nodes:
        flat = n.op.effect is not Effect.REGIONS and (n.op.vjp is None or Trait.ZERO_GRADIENT in n.op.traits)
        if not (differentiable and flat):
            total = 0
            for v in n.inputs:
                total |= bits.get(v, 0)
            bits.update(dict.fromkeys(n.outputs, total))
    return [bits.get(v, 0) for v in region.outputs]
