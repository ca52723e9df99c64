"""Placing nodes one after the other on other operands: where a type changes, what follows is inferred anew.

Invariant: what is placed is valid, and a node whose operands stay is the same object. Entry points: `Rebuild`, `refit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from graphtf.ir.dims import Dim, SymDim, collecting_guards
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import infer_types
from graphtf.ir.types import RefType, TensorType, Type
from graphtf.passes.sizes import rename


class Rebuild:
    """The nodes placed so far, and what stands for values they no longer define."""

    def __init__(self, guards: Iterable[tuple[Dim, Dim]] = ()) -> None:
        self.new: dict[Value, Value] = {}
        self.nodes: list[Node] = []
        self.guards = list(guards)

    def of(self, v: Value) -> Value:
        """What stands for a value now."""
        return self.new.get(v, v)

    def all(self, values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(self.new.get(v, v) for v in values)

    def place(self, n: Node) -> Node:
        """Append the node, on what now stands for its operands. Raises Violation if it does not fit them."""
        m = n.with_inputs(self.all(n.inputs))
        if m is not n and any(a.type != b.type for a, b in zip(m.inputs, n.inputs)):
            m = self.inferred(m)
        self.nodes.append(m)
        return m

    def inferred(self, n: Node) -> Node:
        """The node with the types that follow from its operands."""
        if n.regions:
            own = operand_types(n)
            n = replace(n, regions={k: refit(r, own) if len(r.inputs) == len(own) else r for k, r in n.regions.items()})
        with collecting_guards(self.guards):
            types = infer_types(n.op, tuple(v.type for v in n.inputs), n.all_attrs())
        outputs = tuple(v if v.type == t else Value(t, v.hint) for v, t in zip(n.outputs, types, strict=True))
        self.new.update((a, b) for a, b in zip(n.outputs, outputs) if a is not b)
        return replace(n, outputs=outputs)

    def finish(self, g: Graph) -> Graph:
        """The graph with the nodes placed; itself if nothing changed."""
        done = g.with_nodes(self.nodes, self.all(g.outputs))
        guards = tuple(dict.fromkeys(self.guards))
        return done if guards == g.guards else replace(done, guards=guards)


def operand_types(n: Node) -> list[Type]:
    """The types of the operands that a node's regions take: all but the condition of a branch."""
    return [v.type for v in n.inputs["then" in n.regions :]]


def refit(region: Graph, types: Sequence[Type]) -> Graph:
    """The region with its sizes under the names, or numbers, they have in operands of these types."""
    env = size_names((v.type for v in region.inputs), types)
    return rename(region, env) if env else region


def size_names(own: Iterable[Type], given: Iterable[Type]) -> dict[str, Dim]:
    """For each bare name among the sizes of types, the size in its place in the types given, where it is another."""
    env: dict[str, Dim] = {}
    for a, b in zip(own, given):
        for d, e in zip(content(a).dims_or_none, content(b).dims_or_none):
            if isinstance(d, SymDim) and d.is_symbol:
                env.setdefault(str(d), e)
    return {name: d for name, d in env.items() if str(d) != name}


def content(t: Type) -> TensorType:
    """A tensor type, or what a reference refers to."""
    return t.content if isinstance(t, RefType) else t


def fresh_names(stem: str, taken: set[str]) -> Iterator[str]:
    """stem0, stem1, … but for the names taken, to which they are added."""
    k = 0
    while True:
        name = f"{stem}{k}"
        k += 1
        if name not in taken:
            taken.add(name)
            yield name
