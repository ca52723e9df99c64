"""A region that only reads a variable takes its value instead.

Invariant: the region computes the same from the value that the variable has before it runs; a variable that the region,
or a Python function called in it, may assign stays a reference. Entry points: `only_read`, `valued`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect
from graphtf.ir.types import RefType


def only_read(regions: Iterable[Graph]) -> list[int]:
    """Which inputs, of graphs that take the same, are references that none of them may assign."""
    regions = list(regions)
    if any(n.op.effect is Effect.IO for r in regions for n in r.walk()):
        return []
    changed = set().union(*map(assigned, regions))
    first = regions[0].inputs
    return [k for k, v in enumerate(first) if isinstance(v.type, RefType) and k not in changed]


def assigned(region: Graph) -> set[int]:
    """Which inputs it assigns, itself or in regions of its own."""
    at = {v: k for k, v in enumerate(region.inputs)}
    found: set[int] = set()
    for n in region.nodes:
        if n.op.effect is Effect.WRITE:
            found.add(at[n.inputs[0]])
        for r in n.regions.values():
            found |= {at[v] for v in _operands_at(n, assigned(r)) if v in at}
    return found


def _operands_at(n: Node, places: Iterable[int]) -> list[Value]:
    """The operands that are inputs number `places` of the node's regions."""
    skipped = "then" in n.regions
    return [n.inputs[k + skipped] for k in places if k + skipped < len(n.inputs)]


def valued(region: Graph, places: Collection[int]) -> Graph:
    """The region with the values of the variables that are inputs number `places`, which it only reads."""
    if not places:
        return region
    new: dict[Value, Value] = {}
    for k in places:
        v = region.inputs[k]
        assert isinstance(v.type, RefType)
        new[v] = Value(v.type.content, v.hint)
    inputs = tuple(new.get(v, v) for v in region.inputs)
    nodes = []
    for n in region.nodes:
        if n.op.effect is Effect.READ and n.inputs[0] in new:
            new[n.out] = new[n.inputs[0]]
        else:
            nodes.append(_valued_node(n, new))
    return replace(region, inputs=inputs, nodes=tuple(nodes), outputs=tuple(new.get(v, v) for v in region.outputs))


def _valued_node(n: Node, new: dict[Value, Value]) -> Node:
    skipped = "then" in n.regions
    here = [k - skipped for k, v in enumerate(n.inputs) if isinstance(v.type, RefType) and v in new]
    regions = {name: valued(r, here) for name, r in n.regions.items()}
    n = n.with_inputs(tuple(new.get(v, v) for v in n.inputs))
    return replace(n, regions=regions) if here else n
