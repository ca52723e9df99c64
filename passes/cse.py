"""Common subexpressions: two pure nodes with the same op, operands and attributes are one.

Invariant: operands are compared after their own duplicates were merged, so one walk finds everything. Entry: `cse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Trait
from graphtf.ir.types import Type

_MOST_BYTES = 1 << 20  # of constants that are compared with each other


def cse(graph: Graph) -> Graph:
    """Merge nodes that compute the same."""
    new: dict[Value, Value] = {}
    seen: dict[Any, Node] = {}
    nodes = []
    for n in graph.nodes:
        n = map_regions(n.with_inputs(tuple(new.get(v, v) for v in n.inputs)), cse)
        key = _key(n)
        first = seen.setdefault(key, n) if key is not None else n
        if first is n:
            nodes.append(n)
        else:
            new.update(zip(n.outputs, first.outputs))
    return graph.with_nodes(nodes, tuple(new.get(v, v) for v in graph.outputs))


def _key(n: Node) -> Any:
    """What makes two nodes the same; None for a node that must stay itself."""
    if not n.op.pure or n.regions:
        return None
    operands: tuple[int, ...] = tuple(v.serial for v in n.inputs)
    if Trait.COMMUTATIVE in n.op.traits:
        operands = tuple(sorted(operands))
    types: tuple[Type, ...] = tuple(v.type for v in n.outputs)
    return n.op, operands, attrs_key(n.attrs), types


def attrs_key(attrs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Attributes as something hashable that is equal only for equal ones, bit by bit."""
    return tuple((k, _attr_key(a)) for k, a in sorted(attrs.items()))


def _attr_key(a: Any) -> Any:
    if isinstance(a, np.ndarray):
        if a.nbytes > _MOST_BYTES:
            return "array", id(a)  # alive as long as the graph is
        content = tuple(a.flat) if a.dtype.kind == "O" else a.tobytes()
        return a.dtype.str, a.dtype.name, a.shape, content
    if isinstance(a, float):
        return "float", repr(a)
    if isinstance(a, (tuple, list)):
        return tuple(map(_attr_key, a))
    if isinstance(a, Mapping):
        return attrs_key(a)
    return type(a).__name__, a
