"""The graph: SSA values, nodes in program order, closed regions for control flow.

Invariant: program order is a topological order, and a region sees nothing but its own inputs (and the sizes named
outside it). Nodes and values are never changed after they are made: passes build new ones and share the rest.
Entry points: `Graph`, `Builder` (ir/builder.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphtf.ir.dims import Dim, Shape, substitute
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Op
from graphtf.ir.types import RefType, TensorType, Type


@dataclass(frozen=True, slots=True)
class Source:
    """A line of the user's program."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_serial = itertools.count()


class Value:
    """What a node computes or a graph takes: a type and, for messages only, a name hint."""

    __slots__ = ("hint", "serial", "type")

    def __init__(self, type: Type, hint: str = "") -> None:
        self.type = type
        self.hint = hint
        self.serial = next(_serial)  # makes orders over values reproducible

    @property
    def ir_type(self) -> TensorType:
        """The type of a tensor value. Raises TypeError for a variable."""
        if isinstance(self.type, RefType):
            raise TypeError(f"{self!r} is a variable, not a tensor: read it first")
        return self.type

    @property
    def dtype(self) -> DType:
        """The element type, of a variable that of its content."""
        return self.type.dtype

    @property
    def ir_shape(self) -> Shape | None:
        """The shape of a tensor value. Raises TypeError for a variable."""
        return self.ir_type.shape

    def __repr__(self) -> str:
        return f"<value {self.hint or self.serial}: {self.type}>"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One application of an op. `outputs` are the values it defines."""

    op: Op
    inputs: tuple[Value, ...]
    attrs: Mapping[str, Any]
    outputs: tuple[Value, ...]
    regions: Mapping[str, Graph] = field(default_factory=dict)
    source: Source | None = None

    @property
    def out(self) -> Value:
        """The single output."""
        (only,) = self.outputs
        return only

    def with_inputs(self, inputs: tuple[Value, ...]) -> Node:
        """Itself if `inputs` are its own; else a node that defines the same values from others."""
        if all(a is b for a, b in zip(inputs, self.inputs, strict=True)):
            return self
        return replace(self, inputs=inputs)

    def all_attrs(self) -> dict[str, Any]:
        """Attributes and regions, as the op's functions take them."""
        return {**self.attrs, **self.regions}

    def __repr__(self) -> str:
        return f"<node {self.op.name} ({self.source})>"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Graph:
    """A function: inputs, nodes in program order, outputs, and the size equalities it assumes at entry."""

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    name: str = "graph"
    guards: tuple[tuple[Dim, Dim], ...] = ()

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        from graphtf.ir.text import print_graph  # the printer imports this module

        return print_graph(self)

    def producers(self) -> dict[Value, Node]:
        """The node that defines each value (graph inputs have none)."""
        return {v: n for n in self.nodes for v in n.outputs}

    def uses(self) -> dict[Value, list[Node]]:
        """Nodes that take each value, in order, once per operand; graph outputs are not among them."""
        found: dict[Value, list[Node]] = {}
        for n in self.nodes:
            for v in n.inputs:
                found.setdefault(v, []).append(n)
        return found

    def with_nodes(self, nodes: Iterable[Node], outputs: tuple[Value, ...] | None = None) -> Graph:
        """The same function with other nodes; itself if they are the same."""
        nodes = tuple(nodes)
        outputs = self.outputs if outputs is None else outputs
        if _same(nodes, self.nodes) and _same(outputs, self.outputs):
            return self
        return replace(self, nodes=nodes, outputs=outputs)

    def walk(self) -> Iterator[Node]:
        """Every node, those inside regions after the node that holds them."""
        for n in self.nodes:
            yield n
            for r in n.regions.values():
                yield from r.walk()


def _same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b))


def map_regions(n: Node, transform: Callable[[Graph], Graph]) -> Node:
    """The node with each region transformed; itself if none changes."""
    if not n.regions:
        return n
    regions = {k: transform(r) for k, r in n.regions.items()}
    return n if all(regions[k] is r for k, r in n.regions.items()) else replace(n, regions=regions)


def substitute_attr(x: Any, env: Mapping[str, Dim]) -> Any:
    """An attribute with the sizes in it replaced."""
    if isinstance(x, tuple):
        return tuple(substitute_attr(y, env) for y in x)
    return substitute(x, env) if hasattr(x, "terms") else x


def copy_graph(g: Graph, env: Mapping[str, Dim] | None = None) -> tuple[Graph, dict[Value, Value]]:
    """A copy that shares no value with `g`, sizes replaced by `env`; and the map from old values to new."""
    env = env or {}
    new: dict[Value, Value] = {}

    def fresh(v: Value) -> Value:
        new[v] = Value(v.type.substitute(env) if env else v.type, v.hint)
        return new[v]

    inputs = tuple(fresh(v) for v in g.inputs)
    nodes = []
    for n in g.nodes:
        attrs = {k: substitute_attr(a, env) for k, a in n.attrs.items()} if env else n.attrs
        regions = {k: copy_graph(r, env)[0] for k, r in n.regions.items()}
        ins = tuple(new[v] for v in n.inputs)
        nodes.append(Node(n.op, ins, attrs, tuple(fresh(v) for v in n.outputs), regions, n.source))
    guards = tuple((substitute(a, env), substitute(b, env)) for a, b in g.guards)
    return Graph(inputs, tuple(nodes), tuple(new[v] for v in g.outputs), g.name, guards), new
