"""The graph of objects that a checkpoint describes.

Invariant: nodes are numbered breadth first from the root; an object reached twice is one node. A list, tuple or dict
with trackable objects in it is a node of its own. Entry points: `children_of`, `walk`, `described`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphtf.checkpoint.protos import (
    BoolValue,
    ObjectReference,
    SerializedTensor,
    TrackableObject,
    TrackableObjectGraph,
)  # fmt: skip
from graphtf.tracking import AutoTrackable, Trackable, containers_of

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_OWN = "/.ATTRIBUTES/"
_CONTAINERS = (list, tuple, dict)


def _is_node(x: Any, depth: int = 8) -> bool:
    """Is it trackable, or a container of what is?"""
    if isinstance(x, Trackable):
        return True
    if type(x) not in _CONTAINERS or not depth:
        return False
    return any(_is_node(v, depth - 1) for v in (x.values() if isinstance(x, dict) else x))


def children_of(x: Any) -> dict[str, Any]:
    """What an object holds, by name."""
    if isinstance(x, Trackable) and not isinstance(x, _CONTAINERS):
        found = dict(x._trackable_children())
        if isinstance(x, AutoTrackable):
            found.update((k, v) for k, v in containers_of(x).items() if k not in found and _is_node(v))
            order = {name: k for k, name in enumerate(vars(x))}
            found = dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))
        return {k: v for k, v in found.items() if _is_node(v)}
    items = x.items() if isinstance(x, Mapping) else enumerate(x)
    return {str(k): v for k, v in items if _is_node(v)}


def escaped(name: str) -> str:
    """A name as a part of a path."""
    return name.replace(".", "..").replace("/", ".S")


def tensors_of(x: Any) -> dict[str, Any]:
    """The tensors that an object stores for itself."""
    if not isinstance(x, Trackable):
        return {}
    try:
        return dict(x._serialize_to_tensors())
    except NotImplementedError:
        return {}


class Node:
    """An object of the graph, its number and its path."""

    def __init__(self, number: int, target: Any, path: str) -> None:
        self.number, self.target, self.path = number, target, path
        self.children: dict[str, Node] = {}


def walk(root: Any, attached: Mapping[str, Any] | None = None) -> list[Node]:
    """All objects from a root, to which others may be attached by name."""
    first = Node(0, root, "")
    nodes, by_id = [first], {id(root): first}
    for node in nodes:
        found = children_of(node.target)
        if node is first:
            found.update({k: v for k, v in (attached or {}).items() if _is_node(v)})
        for name, child in found.items():
            known = by_id.get(id(child))
            if known is None:
                path = f"{node.path}/{escaped(name)}" if node.path else escaped(name)
                known = by_id[id(child)] = Node(len(nodes), child, path)
                nodes.append(known)
            node.children[name] = known
    return nodes


def described(nodes: list[Node]) -> tuple[TrackableObjectGraph, dict[str, Any]]:
    """The graph as a message, and the tensors to store by name."""
    graph, tensors = TrackableObjectGraph(), {}
    for node in nodes:
        children = [ObjectReference(node_id=c.number, local_name=name) for name, c in node.children.items()]
        own = tensors_of(node.target)
        attributes = [_attribute(node, name) for name in _attribute_names(node.target, own)]
        tensors.update({f"{node.path}{_OWN}{name}": value for name, value in own.items()})
        message = TrackableObject(children=children, attributes=attributes, has_checkpoint_values=BoolValue(value=True))
        message._explicit = True
        graph.nodes.append(message)
    return graph, tensors


def _attribute_names(target: Any, own: dict[str, Any]) -> list[str]:
    under = getattr(target, "_saved_under", None)
    return [under] if under and own else list(own)


def _attribute(node: Node, name: str) -> SerializedTensor:
    full = getattr(node.target, "_shared_name", "") if name == "VARIABLE_VALUE" else ""
    return SerializedTensor(name=name, full_name=str(full), checkpoint_key=f"{node.path}{_OWN}{name}")
