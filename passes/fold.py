"""Constant folding: nodes whose operands are constants are computed now, by their reference.

Invariant: the folded value is the reference's, bit for bit; nothing large is made (a broadcast of a number stays one).
Entry point: `fold`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir.builder import Builder
from graphtf.ir.errors import OpError
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Host, Trait
from graphtf.ir.ops.generate import constant
from graphtf.ir.types import TensorType

MAX_ELEMENTS = 1 << 12  # of a folded value


def fold(graph: Graph) -> Graph:
    """Replace what can be computed now by constants."""
    known: dict[Value, np.ndarray[Any, Any]] = {}
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for n in graph.nodes:
        n = map_regions(n.with_inputs(tuple(new.get(v, v) for v in n.inputs)), fold)
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


def _value(n: Node, known: dict[Value, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any] | None:
    """The node's value, if it is known and small enough to keep."""
    if not n.op.pure or n.regions or len(n.outputs) != 1 or not all(v in known for v in n.inputs):
        return None
    if isinstance(n.op.lowering, Host) or not _small(n) or _has_symbols(n.attrs):
        return None
    try:
        out = np.asarray(n.op.ref(*(known[v] for v in n.inputs), **n.attrs))
    except OpError:
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
