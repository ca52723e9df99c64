"""Constant folding: nodes whose operands are constants are computed now, by their reference.

Invariant: the folded value is the reference's, bit for bit; nothing large is made (a broadcast of a number stays one).
Small constants that branches, loops and calls take move into their regions, where they fold on. Entry point: `fold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from graphtf.ir.builder import Builder
from graphtf.ir.errors import OpError
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Effect, Host, Trait
from graphtf.ir.ops.generate import constant
from graphtf.ir.types import TensorType
from graphtf.passes.structure import is_branch

MAX_ELEMENTS = 1 << 12  # of a folded value
MAX_COPIED = 16  # elements of a constant that moves into regions

Array = np.ndarray[Any, Any]
Known = Mapping[Value, Array]


def fold(graph: Graph) -> Graph:
    """Replace what can be computed now by constants."""
    known: dict[Value, Array] = {}
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for n in graph.nodes:
        n = n.with_inputs(tuple([new.get(v, v) for v in n.inputs]))
        if n.regions:
            n = map_regions(with_constants(n, known), fold)
        if _is_constant(n):
            known[n.out] = n.attrs["value"]
            nodes.append(n)
            continue
        value = _value(n, known)
        if value is None:
            nodes.append(n)
            continue
        made = Builder(source=n.source).append(constant, (), {"value": value})
        new[n.out] = made.out
        known[made.out] = value
        nodes.append(made)
    return graph.with_nodes(nodes, tuple(new.get(v, v) for v in graph.outputs))


def _is_constant(n: Node) -> bool:
    return Trait.GENERATOR in n.op.traits and "value" in n.attrs


def _value(n: Node, known: Known) -> Array | None:
    """The node's value, if it is known and small enough to keep."""
    if not n.op.pure or n.regions or len(n.outputs) != 1 or not all(v in known for v in n.inputs):
        return None
    if isinstance(n.op.lowering, Host) or not _small(n) or _has_symbols(n.attrs):
        return None
    try:
        with np.errstate(all="ignore"):
            out = np.asarray(n.op.ref(*(known[v] for v in n.inputs), **n.attrs))
    except (OpError, ValueError, ArithmeticError, IndexError):
        return None  # it fails where it runs, with the user's line
    t = n.out.ir_type
    return out if out.dtype == t.dtype.np and out.shape == t.shape else None


def _small(n: Node) -> bool:
    t = n.out.type
    if not isinstance(t, TensorType) or t.shape is None or not t.is_static or not isinstance(t.size, int):
        return False
    grows = n.op.traits & (Trait.STRETCH | Trait.GENERATOR)
    return t.size <= (1 if grows else MAX_ELEMENTS)


def _has_symbols(attrs: Any) -> bool:
    if isinstance(attrs, (tuple, list)):
        return any(map(_has_symbols, attrs))
    if hasattr(attrs, "values") and not isinstance(attrs, np.ndarray):
        return any(map(_has_symbols, attrs.values()))
    return hasattr(attrs, "terms")


# ---- regions ---------------------------------------------------------------------------------------------------------


def with_constants(n: Node, known: Known) -> Node:
    """The node, whose regions have small constants of their own in place of those it takes."""
    if n.op.effect is not Effect.REGIONS or "vjp" in n.regions:
        return n
    first = int(is_branch(n))
    start = int(n.attrs.get("carried", 0))  # carried values change
    found = {}
    for k, v in enumerate(n.inputs[first:]):
        if k >= start and v in known and known[v].size <= MAX_COPIED:
            found[k] = known[v]
    regions = {name: _holding(r, found) for name, r in n.regions.items()}
    return n if all(regions[k] is r for k, r in n.regions.items()) else replace(n, regions=regions)


def _holding(region: Graph, found: Mapping[int, Array]) -> Graph:
    """The region with constants in place of some inputs, as far as it uses them."""
    used = set(region.outputs).union(*(m.inputs for m in region.nodes)) if found else set()
    b = Builder()
    new: dict[Value, Value] = {}
    for k, array in found.items():
        v = region.inputs[k]
        if v in used and isinstance(v.type, TensorType) and v.type.shape == array.shape:
            new[v] = b.append(constant, (), {"value": array}).out
    if not new:
        return region
    nodes = [m.with_inputs(tuple(new.get(v, v) for v in m.inputs)) for m in region.nodes]
    return replace(region, nodes=(*b.nodes, *nodes), outputs=tuple(new.get(v, v) for v in region.outputs))
