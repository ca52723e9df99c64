"""What a loop does not change is computed before it, and carried values that stay what they were become operands. The
right factor of a product that stays the same is laid out before it, as the product reads it.

Invariant: only what is pure and refuses nothing moves, since the loop may not run at all; what costs nothing to compute
again, or is larger than what it is computed from, stays inside, where it is fused. Entry point: `hoist`.
"""

from __future__ import annotations

from dataclasses import replace

from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Host, Trait
from graphtf.ir.ops.view import transpose
from graphtf.ir.types import TensorType
from graphtf.passes.fusion.classify import is_free
from graphtf.passes.fusion.cost import elements
from graphtf.passes.rebuild import Rebuild
from graphtf.passes.sizes import births, names_in_node
from graphtf.passes.structure import is_loop


def hoist(graph: Graph) -> Graph:
    """Move what stays the same out of loops, innermost first."""
    out = Rebuild(graph.guards)
    for n in graph.nodes:
        n = map_regions(n, hoist)
        if not is_loop(n):
            out.place(n)
            continue
        n, same = settled(n)
        out.new.update((v, out.of(x)) for v, x in same.items())
        before, n = lifted(n)
        for m in (*before, n):
            out.place(m)
    return out.finish(graph)


# ---- carried values --------------------------------------------------------------------------------------------------


def settled(n: Node) -> tuple[Node, dict[Value, Value]]:
    """The loop without the carried values that its body gives back as they are; and what stands for its results."""
    body, carried = n.regions["body"], len(n.outputs)
    stay = [k for k in range(carried) if body.outputs[k] is body.inputs[k] and n.inputs[k].type == n.outputs[k].type]
    if not stay:
        return n, {}
    move = [k for k in range(carried) if k not in stay]
    order = [*move, *stay, *range(carried, len(n.inputs))]
    regions = {name: replace(r, inputs=tuple(r.inputs[k] for k in order)) for name, r in n.regions.items()}
    regions["body"] = replace(regions["body"], outputs=tuple(body.outputs[k] for k in move))
    made = replace(
        n, inputs=tuple(n.inputs[k] for k in order), outputs=tuple(n.outputs[k] for k in move), regions=regions,
        attrs={**n.attrs, "carried": len(move)},
    )  # fmt: skip
    return made, {n.outputs[k]: n.inputs[k] for k in stay}


# ---- nodes -----------------------------------------------------------------------------------------------------------


def lifted(n: Node) -> tuple[list[Node], Node]:
    """The nodes that move before the loop, and the loop."""
    movers = {name: Mover(region, n) for name, region in n.regions.items()}
    if not any(m.taken for m in movers.values()):
        return [], n
    regions, operands = {}, [*n.inputs, *(x for m in movers.values() for x in m.taken.values())]
    for name, m in movers.items():
        more = [v if m is own else Value(v.type, v.hint) for own in movers.values() for v in own.taken]
        regions[name] = replace(m.region, inputs=(*m.region.inputs, *more), nodes=tuple(m.stays))
    before = [x for m in movers.values() for x in m.before]
    return before, replace(n, inputs=tuple(operands), regions=regions)


class Mover:
    """The walk over one region: which nodes stay, and copies of those that move."""

    def __init__(self, region: Graph, n: Node) -> None:
        self.region = region
        self.stays: list[Node] = []
        self.before: list[Node] = []
        self.outer: dict[Value, Value] = {}  # what stands outside for what does not change
        self.floating: dict[Value, Node] = {}  # nodes that stay, and are copied out where one that moves reads them
        self.late = births(region.inputs, region.nodes).keys()  # sizes that an iteration makes known
        carried = len(n.outputs)
        for v, x in zip(region.inputs[carried:], n.inputs[carried:]):
            if isinstance(v.type, TensorType) and v.type == x.type:
                self.outer[v] = x
        given = set(self.outer)
        for m in region.nodes:
            self.visit(m)
        used = set(region.outputs).union(*(m.inputs for m in self.stays))
        self.taken = {v: x for v, x in self.outer.items() if v in used and v not in given and v not in self.floating}

    def visit(self, m: Node) -> None:
        same = all(v in self.outer or v in self.floating for v in m.inputs)
        constant = same and self.late.isdisjoint(names_in_node(m))
        if constant and is_movable(m):
            self.copy(m)
            return
        if constant and is_free(m) and len(m.outputs) == 1:
            self.floating[m.out] = m
        turned = Trait.CONTRACTION in m.op.traits and m.attrs.get("transpose_b") and m.inputs[1] in self.outer
        self.stays.append(self.by_rows(m) if turned else m)

    def by_rows(self, m: Node) -> Node:
        """The product, whose right factor the loop does not change, with that transposed before the loop."""
        factor = m.inputs[1]
        *lead, rows, columns = factor.ir_type.dims
        perm = (*range(len(lead)), len(lead) + 1, len(lead))
        made = Value(TensorType(factor.ir_type.dtype, (*lead, columns, rows)), factor.hint)
        self.copy(Node(transpose, (factor,), {"perm": perm}, (made,), {}, m.source))
        return replace(m, inputs=(m.inputs[0], made), attrs={**m.attrs, "transpose_b": False})

    def copy(self, m: Node) -> None:
        for v in m.inputs:
            if v not in self.outer:
                self.copy(self.floating[v])
        outputs = tuple(Value(v.type, v.hint) for v in m.outputs)
        self.before.append(replace(m, inputs=tuple(self.outer[v] for v in m.inputs), outputs=outputs))
        self.outer.update(zip(m.outputs, outputs))


def is_movable(m: Node) -> bool:
    """Is it worth computing once, and harmless even if the loop does not run?"""
    if not m.op.pure or m.regions or Trait.CHECKED in m.op.traits or isinstance(m.op.lowering, Host) or is_free(m):
        return False
    if any(not isinstance(v.type, TensorType) or v.type.shape is None for v in (*m.inputs, *m.outputs)):
        return False
    return max(map(elements, m.outputs)) <= max(map(elements, m.inputs), default=0)
