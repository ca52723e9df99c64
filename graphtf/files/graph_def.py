"""Graphs as TensorBoard's graph view reads them.

Invariant: a node has the name of its operation and a number; inputs of the graph are `Placeholder` nodes. Entry
points: `graph_def_of`, `described`.
"""

from __future__ import annotations

from typing import Any

from graphtf.files.event_protos import AttrValue, GraphDef, NodeDef
from graphtf.ir.graph import Graph, Value
from graphtf.ir.types import TensorType


def graph_def_of(x: Any) -> bytes:
    """The serialized GraphDef of a graph, a concrete function, what `.graph` of one is, or of bytes that are one.

    Raises TypeError for other things.
    """
    if isinstance(x, bytes):
        return x
    if hasattr(x, "SerializeToString"):
        return x.SerializeToString()  # type: ignore[no-any-return]
    found = getattr(x, "ir", x)
    if not isinstance(found, Graph):
        raise TypeError(f"expected a graph of a tf.function, got {type(x).__name__}")
    return described(found).SerializeToString()  # type: ignore[no-any-return]


def described(graph: Graph) -> GraphDef:
    """A graph as a message."""
    names: dict[Value, str] = {}
    taken: dict[str, int] = {}
    out = GraphDef()
    for v in graph.inputs:
        names[v] = name = _fresh(getattr(v, "hint", None) or "input", taken)
        out.node.append(NodeDef(name=name, op="Placeholder", attr=_attributes(v)))
    for node in graph.nodes:
        name = _fresh(node.op.name, taken)
        for k, v in enumerate(node.outputs):
            names[v] = f"{name}:{k}" if k else name
        attributes = _attributes(node.outputs[0]) if node.outputs else {}
        attributes.update({k: AttrValue(s=str(a)[:200].encode()) for k, a in node.attrs.items()})
        out.node.append(NodeDef(name=name, op=node.op.name, input=[names[v] for v in node.inputs], attr=attributes))
    for k, v in enumerate(graph.outputs):
        out.node.append(
            NodeDef(name=_fresh(f"output_{k}", taken), op="Identity", input=[names[v]], attr=_attributes(v))
        )
    return out


def _fresh(name: str, taken: dict[str, int]) -> str:
    count = taken.get(name, 0)
    taken[name] = count + 1
    return f"{name}_{count}" if count else name


def _attributes(v: Value) -> dict[str, AttrValue]:
    t = v.type
    if not isinstance(t, TensorType):
        return {"ref": AttrValue(s=str(t).encode())}
    return {"dtype": AttrValue(type=t.dtype.enum), "type": AttrValue(s=str(t).encode())}
