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
from graphtf.passes.rules.algebra import ALGEBRA, FUNCTIONS, Rule
from graphtf.passes.rules.pattern import Apply, Hole, Match, Number, Pattern, matches_node

MAX_REWRITES = 8  # of one node, one after the other


@dataclass(frozen=True)
class Compiled:
    """A rule with its sides parsed."""

    rule: Rule
    left: Apply
    right: Pattern


@functools.cache
def index(rules: tuple[Rule, ...], flags: frozenset[str]) -> dict[Op, list[Compiled]]:
    """The rules that hold under `flags`, by root op."""
    found: dict[Op, list[Compiled]] = {}
    for r in rules:
        if r.needs <= flags:
            left, right = r.sides
            found.setdefault(left.op, []).append(Compiled(r, left, right))
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
            self.place(map_regions(n.with_inputs(tuple(self.new.get(v, v) for v in n.inputs)), self.region))
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
            result = step
            maker = self.maker.get(step)
            if maker is None or maker is not (self.nodes[-1] if self.nodes else None):
                return result
            n = maker
        return result

    def step(self, n: Node) -> Value | None:
        for c in self.rules.get(n.op, ()):
            m = Match()
            if matches_node(c.left, n, self.maker.get, m) and all(g(m) for g in c.rule.where):
                made = self.build(c.right, n, m)
                if made is not None:
                    self.applied[c.rule.name] = self.applied.get(c.rule.name, 0) + 1
                    return made
        return sink_broadcast(n, self)

    def build(self, p: Pattern, n: Node, m: Match) -> Value | None:
        """The right side; None, and nothing added, if its type is not the left side's."""
        mark = len(self.nodes)
        try:
            v = self.construct(p, n, m)
        except OpError:
            v = None
        if v is None or v.type != n.out.type:
            del self.nodes[mark:]
            return None
        return v

    def construct(self, p: Pattern, n: Node, m: Match) -> Value:
        if isinstance(p, Hole):
            return m.values[p.name]
        b = Builder(source=n.source)
        if isinstance(p, Number):
            node = b.append(constant, (), {"value": np.array(p.value, n.out.ir_type.dtype.np)})
        else:
            operands = [self.construct(q, n, m) for q in p.operands]
            node = b.append(p.op, operands, {k: attribute(a, m) for k, a in p.attrs.items()})
        self.add(node)
        return node.out


def attribute(a: Any, m: Match) -> Any:
    """An attribute of the right side: a variable's, or a function of some."""
    if isinstance(a, tuple):
        name, names = a
        return FUNCTIONS[name](*(m.attrs[k] for k in names))
    return m.attrs[a]


def sink_broadcast(n: Node, state: Rewriter) -> Value | None:
    """Elementwise ops broadcast by themselves: op(broadcast(x), y) => op(x, y) while y has the full shape."""
    if Trait.ELEMENTWISE not in n.op.traits or len(n.inputs) < 2 or len(n.outputs) != 1:
        return None
    shape = n.out.ir_type.shape
    operands = list(n.inputs)
    for k, v in enumerate(operands):
        maker = state.maker.get(v)
        others = [x for i, x in enumerate(operands) if i != k]
        if maker is None or Trait.STRETCH not in maker.op.traits:
            continue
        if any(x.ir_type.shape == shape for x in others):
            operands[k] = maker.inputs[0]
    if all(a is b for a, b in zip(operands, n.inputs)):
        return None
    made = Builder(source=n.source).append(n.op, operands, n.attrs)
    if made.out.type != n.out.type:
        return None
    state.add(made)
    state.applied["sink-broadcast"] = state.applied.get("sink-broadcast", 0) + 1
    return made.out


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
