"""Which lowering a node takes: one table from kernel classes to functions.

Invariant: the table is the whole truth about what runs natively; a node it does not cover runs on the host, and
`host_reason` says why. Entry points: `lower_node`, `host_reason`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir.graph import Node
from graphtf.ir.loops.stmt import LoopFunc
from graphtf.ir.op import Effect, Host, Kernel, Structural, Trait, Unsupported
from graphtf.ir.types import RefType
from graphtf.passes.fusion.classify import is_native
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.contraction import lower_contraction, why_not
from graphtf.passes.lower.later import later
from graphtf.passes.lower.loop import lower_loop
from graphtf.passes.lower.reduce import lower_reduce
from graphtf.passes.lower.rows import lower_rows

Lower = Callable[[Node, Caps, str], LoopFunc]


@dataclass(frozen=True)
class Recipe:
    """How a class of kernels is lowered. `updates`: output 0 starts as a copy of operand 0, in place where it may.
    `takes`: how many of the operands the kernel reads (None: all). `shows`: its error shows the operands, so they are
    kept, and the reference makes it."""

    lower: Lower
    updates: bool = False
    takes: int | None = None
    shows: bool = False


FUSIONS: dict[str, Recipe] = {
    "loop": Recipe(lower_loop),
    "reduce": Recipe(lower_reduce),
    "rows": Recipe(lower_rows),
    "contract": Recipe(lower_contraction),
}
KERNELS: dict[str, Recipe] = {
    "scan": Recipe(later("walk", "lower_scan")),
    "recurrence": Recipe(later("walk", "lower_recurrence")),
    "argmax": Recipe(later("walk", "lower_position", better="gt")),
    "argmin": Recipe(later("walk", "lower_position", better="lt")),
    "window_max": Recipe(later("window", "lower_window", combine="max")),
    "window_sum": Recipe(later("window", "lower_window", combine="add")),
    "max_pool_grad": Recipe(later("window", "lower_max_grad")),
    "max_pool_pick": Recipe(later("window", "lower_max_pick")),
    "window_sum_grad": Recipe(later("window", "lower_sum_grad")),
    "sort": Recipe(later("order", "lower_order", positions=False)),
    "argsort": Recipe(later("order", "lower_order", positions=True)),
    "top_k": Recipe(later("order", "lower_top_k")),
    "assert": Recipe(later("check", "lower_assert"), takes=1, shows=True),
    "check_numerics": Recipe(later("check", "lower_finite"), shows=True),
    "scatter": Recipe(later("scatter", "lower_scatter"), updates=True),
    "update": Recipe(later("scatter", "lower_update"), updates=True),
}


def recipe(node: Node) -> Recipe | None:
    """The recipe for a node that is a kernel, or None."""
    if "body" in node.regions and "kind" in node.attrs:
        if node.attrs["kind"] == "contract" and why_not(node) is not None:
            return None
        return FUSIONS.get(str(node.attrs["kind"]))
    lowering = node.op.lowering
    return KERNELS.get(lowering.kind) if isinstance(lowering, Kernel) else None


def host_reason(node: Node) -> str | None:
    """Why a node runs in Python between native segments; None if it runs natively."""
    if isinstance(node.op.lowering, Host):
        return node.op.lowering.why
    if isinstance(node.op.lowering, Unsupported):
        return node.op.lowering.why
    found = recipe(node)
    read = node.inputs if found is None or found.takes is None else node.inputs[: found.takes]
    for v in (*read, *node.outputs):
        if isinstance(v.type, RefType):
            continue
        if v.type.shape is None:
            return "the rank is known only at run time"
        if not is_native(v.type.dtype):
            return f"dtype {v.type.dtype.name} has no machine representation here"
    if Trait.SAME_ORDER in node.op.traits or Trait.GENERATOR in node.op.traits or found is not None:
        return None
    if isinstance(node.op.lowering, Structural):
        return _structural_reason(node)
    if node.attrs.get("kind") == "contract":
        return why_not(node)
    return f"no native kernel for {node.op.name}"


def _structural_reason(node: Node) -> str | None:
    if node.op.effect in (Effect.READ, Effect.WRITE):
        return None
    if node.op.effect is not Effect.REGIONS:
        return f"{node.op.name} acts outside the program"
    for region in node.regions.values():
        for n in region.nodes:
            if n.op.effect in (Effect.READ, Effect.WRITE):
                return "a variable changes inside it"
            why = host_reason(n)
            if why is not None:
                return f"{n.op.name} inside it: {why}"
    return None


def lower_node(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The kernel of a node for which `recipe` has one."""
    found = recipe(node)
    if found is None:
        raise LookupError(f"no lowering for {node!r}")
    return found.lower(node, caps, name)
