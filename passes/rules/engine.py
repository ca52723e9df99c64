"""Applying rules: one walk, rules indexed by the op at their root.

Invariant: a graph to which no rule applies comes back as the same object, with no new node; each node tries only the
rules of its op, and a chain of rewrites of one node is bounded, so the pass is linear. Entry point: `simplify`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.builder import Builder
from graphtf.ir.errors import OpError
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops.generate import constant
from graphtf.ir.ops.view import broadcast
from graphtf.ir.types import TensorType
from graphtf.passes.rules.algebra import ALGEBRA
from graphtf.passes.rules.functions import FUNCTIONS
from graphtf.passes.rules.pattern import Apply, Hole, Match, Number, Pattern, Splat, matches_node
from graphtf.passes.rules.rule import Rule

MAX_REWRITES = 8  # of one node, one after the other


@dataclass(frozen=True)
class Compiled:
    """A rule with its sides parsed. `wants`: for each operand of the left side that applies an op, that op."""

    rule: Rule
    left: Apply
    right: Pattern
    wants: frozenset[Op]


@functools.cache
def index(rules: tuple[Rule, ...], flags: frozenset[str]) -> dict[Op, list[Compiled]]:
    """The rules that hold under `flags`, by root op."""
    found: dict[Op, list[Compiled]] = {}
    for r in rules:
        if r.needs <= flags:
            left, right = r.sides
            wants = frozenset(q.op for q in left.operands if isinstance(q, Apply))
            found.setdefault(left.op, []).append(Compiled(r, left, right, wants))
    return found


@dataclass
class Rewriter:
    """The state of one walk."""

    rules: dict[Op, list[Compiled]]
    applied: dict[str, int] = field(default_factory=dict)  # rule name -> times
    new: dict[Value, Value] = field(default_factory=dict)
    maker: dict[Value, Node] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def run(self, g: Graph) -> Graph:
        for n in g.nodes:
            self.place(map_regions(n.with_inputs(tuple([self.new.get(v, v) for v in n.inputs])), self.region))
        return g.with_nodes(self.nodes, tuple(self.new.get(v, v) for v in g.outputs))

    def region(self, g: Graph) -> Graph:
        return Rewriter(self.rules, self.applied).run(g)

    def place(self, n: Node) -> None:
        """Append the node, or what the rules make of it."""
        result = self.rewrite(n)
        if result is None:
            self.add(n)
        else:
            self.new[n.out] = result

    def add(self, n: Node) -> None:
        self.nodes.append(n)
        for v in n.outputs:
            self.maker[v] = n

    def rewrite(self, n: Node) -> Value | None:
        """The value that replaces the node's, or None if no rule applies."""
        result: Value | None = None
        for _ in range(MAX_REWRITES):
            step = self.step(n)
            if step is None:
                return result
            if not self.nodes or self.nodes[-1] is not self.maker.get(step):
                return step
            n, result = self.maker[step], step
        return result

    def step(self, n: Node) -> Value | None:
        rules = self.rules.get(n.op)
        if rules:
            near = {m.op for v in n.inputs if (m := self.maker.get(v)) is not None}
            for c in rules:
                if c.wants <= near:
                    made = self.apply(c, n)
                    if made is not None:
                        return made
        return self.by_trait(n)

    def apply(self, c: Compiled, n: Node) -> Value | None:
        """What one rule makes of the node, if it matches."""
        m = Match()
        if not matches_node(c.left, n, self.maker.get, m):
            return None
        m.attrs["out"] = n.out.ir_type.shape
        if not all(guard(m) for guard in c.rule.where):
            return None
        made = self.build(c.right, n, m)
        if made is not None:
            self.note(c.rule.name)
        return made

    def note(self, name: str) -> None:
        self.applied[name] = self.applied.get(name, 0) + 1

    # ---- the right side ----------------------------------------------------------------------------------------------

    def build(self, p: Pattern, n: Node, m: Match) -> Value | None:
        """The right side; None, and nothing added, if its type is not the left side's."""
        mark = len(self.nodes)
        try:
            v = self.filled(p, n) if isinstance(p, Number) else self.construct(p, n, m, root=True)
        except OpError:
            v = None
        if v is None or v.type != n.out.type:
            del self.nodes[mark:]
            return None
        return v

    def construct(self, p: Pattern, n: Node, m: Match, root: bool = False) -> Value:
        """The nodes of one side; below the root they are simplified in turn."""
        if isinstance(p, Hole):
            return m.values[p.name]
        b = Builder(source=n.source)
        if isinstance(p, Number):
            node = b.append(constant, (), {"value": np.array(p.value, n.out.ir_type.dtype.np)})
        elif isinstance(p, Splat):
            node = b.append(constant, (), {"value": number(p, m)})
        else:
            operands = [self.construct(q, n, m) for q in p.operands]
            node = b.append(p.op, operands, {k: attribute(a, m) for k, a in p.attrs.items()})
        found = None if root else self.rewrite(node)
        if found is None:
            self.add(node)
            return node.out
        return found

    def filled(self, p: Number, n: Node) -> Value:
        """A tensor of the root's type, every element the number."""
        t = n.out.ir_type
        b = Builder(source=n.source)
        node = b.append(constant, (), {"value": np.array(p.value, t.dtype.np)})
        self.add(node)
        if t.shape:
            node = b.append(broadcast, (node.out,), {"shape": t.shape})
            self.add(node)
        return node.out

    # ---- what holds for every op of a trait --------------------------------------------------------------------------

    def by_trait(self, n: Node) -> Value | None:
        if len(n.outputs) != 1 or not n.inputs:
            return None
        traits = n.op.traits
        if traits & (Trait.INVOLUTION | Trait.IDEMPOTENT):
            return self.twice(n)
        if Trait.REDUCTION in traits and n.attrs.get("axes") == () and n.inputs[0].type == n.out.type:
            self.note("reduction over no axes")
            return n.inputs[0]
        return self.sink_broadcast(n) if Trait.ELEMENTWISE in traits and len(n.inputs) > 1 else None

    def twice(self, n: Node) -> Value | None:
        """op(op(x)) => x of an involution, => op(x) where a second time changes nothing."""
        m = self.maker.get(n.inputs[0])
        if m is None or m.op is not n.op or m.attrs != n.attrs or m.out.type != n.out.type:
            return None
        involution = Trait.INVOLUTION in n.op.traits
        found = m.inputs[0] if involution else m.out
        if found.type != n.out.type:
            return None
        self.note("involution" if involution else "idempotence")
        return found

    def sink_broadcast(self, n: Node) -> Value | None:
        """Elementwise ops broadcast by themselves: op(broadcast(x), y) => op(x, y) while y has the full shape."""
        shape = n.out.ir_type.shape
        operands = list(n.inputs)
        for k, v in enumerate(operands):
            maker = self.maker.get(v)
            if maker is None or Trait.STRETCH not in maker.op.traits:
                continue
            if any(_shape(x) == shape for i, x in enumerate(operands) if i != k):
                operands[k] = maker.inputs[0]
        if all(a is b for a, b in zip(operands, n.inputs)):
            return None
        made = Builder(source=n.source).append(n.op, operands, n.attrs)
        if made.out.type != n.out.type:
            return None
        self.add(made)
        self.note("sink-broadcast")
        return made.out


def _shape(v: Value) -> Any:
    return v.type.shape if isinstance(v.type, TensorType) else None


def attribute(a: Any, m: Match) -> Any:
    """An attribute of the right side: a variable's, or a function of some."""
    if isinstance(a, tuple):
        name, names = a
        return FUNCTIONS[name](*(m.attrs[k] for k in names))
    return m.attrs[a]


def number(p: Splat, m: Match) -> np.ndarray[Any, Any]:
    """A scalar of the dtype of the first number it is made from."""
    found = [m.numbers[name] for name in p.names]
    with np.errstate(all="ignore"):
        made = FUNCTIONS[p.fn](*found) if p.fn else found[0]
    return np.asarray(made, found[0].dtype)


def simplify(
    graph: Graph,
    rules: Sequence[Rule] = ALGEBRA,
    flags: Iterable[str] = (),
    on_done: Callable[[dict[str, int]], None] | None = None,
) -> Graph:
    """Apply `rules` (those that hold under `flags`) wherever they match; `on_done` gets the count of each."""
    state = Rewriter(index(tuple(rules), frozenset(flags)))
    out = state.run(graph)
    if on_done is not None:
        on_done(state.applied)
    return out
