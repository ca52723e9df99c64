"""`Builder` makes graphs: a binder that appends a node for each op applied.

Invariant: what it holds is valid at every step (types are inferred as nodes are added). Entry points: `Builder`,
`build(types, fn)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir import binding
from graphtf.ir.dims import Dim, collecting_guards, sym
from graphtf.ir.graph import Graph, Node, Source, Value
from graphtf.ir.op import Op, infer_types
from graphtf.ir.types import TensorType, Type


class Builder:
    """Appends nodes. Used as a binder: `with binding(builder): mul(x, y)`."""

    types_only = False  # is the graph never run: made to learn the types of its results?

    def __init__(self, name: str = "graph", source: Source | None = None, within: Builder | None = None) -> None:
        self.name = name
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.guards: list[tuple[Dim, Dim]] = []
        self.source = source  # given to the nodes appended; passes set it to the node they replace
        self.within = within  # the builder of the graph that this one's will be part of
        self.size_names: set[str] = set()  # names of sizes that `new_size` must not give
        self.widened: dict[Value, Any] = {}  # by its first result: what stands for a node that was given more results
        self._made: dict[Value, Node] = {}  # by the first `_indexed` nodes
        self._indexed = 0

    def input(self, type: Type, hint: str = "") -> Value:
        """A new input of the graph."""
        v = Value(type, hint)
        self.inputs.append(v)
        return v

    def append(self, op: Op, operands: Sequence[Value], attrs: Mapping[str, Any], source: Source | None = None) -> Node:
        """A node for `op`, its types inferred. Regions come among `attrs`. Raises Violation."""
        with collecting_guards(self.guards):
            types = infer_types(op, tuple(v.type for v in operands), attrs)
        plain, regions = attrs, {}
        if op.regions:
            plain = {k: a for k, a in attrs.items() if not isinstance(a, Graph)}
            regions = {k: a for k, a in attrs.items() if isinstance(a, Graph)}
        outputs = tuple(Value(t) for t in types)
        node = Node(op, tuple(operands), dict(plain), outputs, regions, source or self.source)
        self.nodes.append(node)
        return node

    def __call__(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        node = self.append(op, self.lift(operands), attrs)
        return node.out if op.results == 1 else node.outputs

    def lift(self, operands: Sequence[Any]) -> list[Value]:
        """Operands as values: Python scalars take the dtype of the first value, arrays become constants."""
        dtype = next((x.type.dtype for x in operands if isinstance(x, Value)), None)
        return [x if isinstance(x, Value) else self.constant(x, dtype) for x in operands]

    def constant(self, x: Any, dtype: Any = None) -> Value:
        """A constant node's value."""
        from graphtf.ir.ops.generate import constant  # ops are declared above this module

        if not isinstance(x, (np.ndarray, np.generic)):
            x = np.asarray(x, dtype.np if dtype is not None else None)
        return self.append(constant, (), {"value": np.asarray(x)}).out

    def inline(self, g: Graph, operands: Sequence[Value]) -> list[Value]:
        """Append the nodes of `g` (as new nodes) with its inputs replaced; gives its outputs' values."""
        new = dict(zip(g.inputs, operands, strict=True))
        for n in g.nodes:
            fresh = tuple(Value(v.type, v.hint) for v in n.outputs)
            self.nodes.append(Node(n.op, tuple(new[v] for v in n.inputs), n.attrs, fresh, n.regions, n.source))
            new.update(zip(n.outputs, fresh))
        return [new[v] for v in g.outputs]

    def new_size(self) -> Dim:
        """A size that only run time knows, under a name of its own in the whole program."""
        if self.within is not None:
            return self.within.new_size()
        name = next(n for n in (f"r{k}" for k in itertools.count(len(self.size_names))) if n not in self.size_names)
        self.size_names.add(name)
        return sym(name)

    # ---- nodes made before -------------------------------------------------------------------------------------------

    def home(self, x: Any) -> tuple[Builder, Value] | None:
        """Where the node that made an operand is, and the operand's value there; None for what no graph holds."""
        return (self, x) if isinstance(x, Value) else None

    def shown(self, v: Value) -> Any:
        """A value of this graph as `bind` gives it."""
        return v

    def note(self, op: Op, operands: Sequence[Any], attrs: Mapping[str, Any], outputs: Sequence[Any]) -> None:
        """Tell whoever records what is applied of an op that stands in the graph already."""

    def maker(self, v: Value) -> Node | None:
        """The node that defines a value; None for an input."""
        for n in self.nodes[self._indexed :]:
            self._made.update((out, n) for out in n.outputs)
        self._indexed = len(self.nodes)
        return self._made.get(v)

    def replace(self, old: Node, nodes: Sequence[Node]) -> None:
        """Put nodes in the place of one. They define its values, and perhaps more."""
        at = self.nodes.index(old)
        self.nodes[at : at + 1] = nodes
        if at < self._indexed:
            self._indexed += len(nodes) - 1
            self._made.update((out, n) for n in nodes for out in n.outputs)

    def finish(self, outputs: Sequence[Value]) -> Graph:
        """The graph built so far."""
        return Graph(tuple(self.inputs), tuple(self.nodes), tuple(outputs), self.name, tuple(self.guards))


def build(types: Sequence[Type], fn: Callable[..., Any], name: str = "graph") -> Graph:
    """The graph of `fn`, a function of values written with ops.

    >>> from graphtf.ir.types import tensor
    >>> from graphtf.ir.ops import add
    >>> len(build([tensor("float32", 2)], lambda x: add(x, x)))
    1
    """
    b = Builder(name)
    inputs = [b.input(t) for t in types]
    with binding.binding(b):
        out = fn(*inputs)
        outputs: list[TensorType] = list(out) if isinstance(out, (tuple, list)) else [out]
        return b.finish(b.lift(outputs))
