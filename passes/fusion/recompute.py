"""Values that pass through memory from one kernel to the next, although their reader could as well compute them.

A kernel's results that others read element by element are looked at together: each either stays in memory, or its
readers compute it from what does. A few instructions an element cost less than writing and reading it; a contraction
or a reduction is never repeated.
Invariant: a kernel only reads results of earlier ones, and what a kernel gives up nobody reads.
Entry point: `recompute`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Body, Effect, Element, Reduce, Scalar, Trait
from graphtf.ir.ops.composite import fusion
from graphtf.ir.types import RefType
from graphtf.passes.fusion.classify import is_elementwise, is_free, shape_of, squeeze
from graphtf.passes.fusion.cost import cost_of_repeating, elements
from graphtf.passes.fusion.fuse import MAX_NODES

SWEEPS = 2  # times a kernel that goes over its rows more than once computes an element


def recompute(graph: Graph) -> Graph:
    """The graph with fewer values between its kernels; in regions too."""
    nodes = [n if n.op is fusion else map_regions(n, recompute) for n in graph.nodes]
    kernels = Kernels(graph.outputs, nodes)
    for at in reversed(range(len(nodes))):
        if nodes[at].op is fusion:
            kernels.reconsider(at)
    return graph.with_nodes(n for n in kernels.nodes if n.outputs or n.op is not fusion)


@dataclass(frozen=True)
class Choice:
    """Which values of a kernel's body stay in memory, and what that costs in bytes moved."""

    kept: frozenset[Value]
    cost: float


class Kernels:
    """The nodes of a graph as they change, and who reads what."""

    def __init__(self, outputs: Iterable[Value], nodes: list[Node]) -> None:
        self.nodes = nodes
        self.outputs = set(outputs)
        self.elements: dict[int, set[Value]] = {}
        self.lasts = lasting(nodes)
        self.readers: dict[Value, list[int]] = {}
        for at, n in enumerate(nodes):
            for v in dict.fromkeys(n.inputs):
                self.readers.setdefault(v, []).append(at)

    def reconsider(self, at: int) -> None:
        """Keep what pays of the kernel's results."""
        kernel = self.nodes[at]
        open_: list[tuple[Value, Value]] = []
        fixed: list[tuple[Value, Value]] = []
        for inner, v in zip(kernel.regions["body"].outputs, kernel.outputs):
            (fixed if self.must_stay(v) else open_).append((inner, v))
        if not open_:
            return
        readers = {v: self.readers.get(v, []) for _, v in open_}
        decision = Decision(kernel, dict(fixed), dict(open_), readers, self)
        kept = decision.run()
        if kept is not None:
            self.apply(at, decision, kept)

    def must_stay(self, v: Value) -> bool:
        """Is it wanted as an array?"""
        return v in self.outputs or not all(v in self.by_element(r) for r in self.readers.get(v, ()))

    def by_element(self, at: int) -> set[Value]:
        """What a node reads at its own index only."""
        found = self.elements.get(at)
        if found is None:
            found = self.elements[at] = read_by_element(self.nodes[at])
        return found

    def apply(self, at: int, d: Decision, kept: frozenset[Value]) -> None:
        """Give the kernel its new results, and its readers what they now compute."""
        given = {inner: v for inner, v in zip(d.body.outputs, d.kernel.outputs) if inner in kept or inner in d.fixed}
        made = (v for n in d.body.nodes for v in n.outputs)
        given.update((v, Value(v.type, v.hint)) for v in made if v in kept and v not in given)
        for reader in sorted({r for v in d.readers for r in d.readers[v]}):
            gone = [(inner, v) for inner, v in d.open.items() if inner not in kept and v in self.nodes[reader].inputs]
            if gone:
                self.replace(reader, with_computed(self.nodes[reader], dict(gone), d, given))
        self.replace(at, narrowed(d.kernel, given))

    def replace(self, at: int, n: Node) -> None:
        for v in self.nodes[at].inputs:
            if at in self.readers[v]:
                self.readers[v].remove(at)
        self.nodes[at] = n
        self.elements.pop(at, None)
        for v in dict.fromkeys(n.inputs):
            self.readers.setdefault(v, []).append(at)


def lasting(nodes: Sequence[Node]) -> dict[Value | None, int]:
    """For what was read from a variable: the node up to which it can be read without a copy, since the next one
    may assign to the variable."""
    found: dict[Value | None, int] = {}
    ends: dict[Value, int] = {}
    for at, n in reversed(list(enumerate(nodes))):
        if n.op.effect is Effect.READ:
            found[n.outputs[0]] = ends.get(n.inputs[0], len(nodes))
        else:
            ends.update((v, at) for v in n.inputs if isinstance(v.type, RefType))
    return found


# ---- what kernels read -----------------------------------------------------------------------------------------------


def read_by_element(n: Node) -> set[Value]:
    """The operands that a kernel reads at its own index only, so that it could compute their elements there."""
    if n.op is not fusion or n.attrs["kind"] == "single":
        return set()
    body = n.regions["body"]
    no = {*body.outputs, *before_contraction(body)}
    shapes = {p: squeeze(shape_of(p)) for p in body.inputs if p not in no}
    for user in body.nodes:
        for p in user.inputs:
            if p in shapes and not _at_own_index(user, shapes[p]):
                del shapes[p]
    return {v for p, v in zip(body.inputs, n.inputs) if p in shapes}


def _at_own_index(user: Node, shape: object) -> bool:
    if isinstance(user.op.lowering, Reduce):
        return True
    return is_elementwise(user) and squeeze(shape_of(user.out)) == shape


def before_contraction(body: Graph) -> set[Value]:
    """What a contraction's operands are computed from."""
    needed: set[Value] = set()
    for n in reversed(body.nodes):
        if Trait.CONTRACTION in n.op.traits or not needed.isdisjoint(n.outputs):
            needed.update(n.inputs)
    return needed


def is_repeatable(n: Node) -> bool:
    """May each reader compute it anew? Views that change the order of elements are left where they are."""
    if is_free(n):
        return not n.inputs or bool(n.op.traits & (Trait.SAME_ORDER | Trait.STRETCH))
    return isinstance(n.op.lowering, (Scalar, Body, Element)) and is_elementwise(n)


# ---- the decision ----------------------------------------------------------------------------------------------------


class Decision:
    """What of one kernel's results to keep. Inner values are those of its body, the others those of the graph."""

    def __init__(self, kernel: Node, fixed: dict[Value, Value], open_: dict[Value, Value],
                 readers: dict[Value, list[int]], kernels: Kernels) -> None:  # fmt: skip
        self.kernel = kernel
        self.body = kernel.regions["body"]
        self.fixed = fixed
        self.open = open_
        self.readers = readers
        self.nodes = kernels.nodes
        self.lasts = kernels.lasts
        self.maker = {v: n for n in self.body.nodes for v in n.outputs}
        self.outer = dict(zip(self.body.inputs, kernel.inputs))
        self.shapes = {v.ir_type.dims for v in self.body.outputs}
        self.wants: dict[int, list[Value]] = {}  # for each reader: the open values it reads
        for inner, v in open_.items():
            for r in readers[v]:
                self.wants.setdefault(r, []).append(inner)

    def run(self) -> frozenset[Value] | None:
        """The cheapest of a few choices; None if that is to keep all."""
        all_ = frozenset(self.open)
        choices = [c for kept in self.candidates() if (c := self.choice(kept)) is not None]
        now = self.choice(all_)
        best = min(choices, key=lambda c: c.cost, default=now)
        return None if now is None or best is None or best.cost >= now.cost else best.kept

    def candidates(self) -> Iterator[frozenset[Value]]:
        """What may be kept: what cannot be repeated; with it, what takes a function call; or what is wanted and does
        not follow from the rest in a few instructions."""
        reached = [v for v in self.reached() if self.may_be_kept(v)]
        roots = frozenset(v for v in reached if self.is_root(v))
        involved = [v for v in reached if v not in roots and self.effort(v) > elements(v)]
        yield roots
        yield roots | frozenset(involved)
        for v in involved if len(involved) > 1 else ():
            yield roots | {v}
        kept = set(self.open)
        for v in reversed(list(self.open)):
            rest = frozenset(kept - {v})
            chosen, shorter = self.choice(frozenset(kept)), self.choice(rest)
            if chosen is not None and shorter is not None and shorter.cost < chosen.cost:
                kept.discard(v)
        yield frozenset(kept)

    def reached(self) -> list[Value]:
        """What the open values are computed from, back to what is in memory anyway or cannot be repeated."""
        found: dict[Value, None] = {}
        pending = list(self.open)
        while pending:
            v = pending.pop()
            if v in found or v in self.fixed or v not in self.maker:
                continue
            found[v] = None
            if not self.is_root(v):
                pending += self.maker[v].inputs
        return list(found)

    def may_be_kept(self, v: Value) -> bool:
        """Could the kernel store it? What has another shape than its results is a step on the way to an element."""
        n = self.maker[v]
        return not is_free(n) and (not is_elementwise(n) or v.ir_type.dims in self.shapes)

    def is_root(self, v: Value) -> bool:
        return v in self.maker and v not in self.fixed and not is_repeatable(self.maker[v])

    def effort(self, v: Value) -> float:
        return cost_of_repeating(self.maker[v])

    def choice(self, kept: frozenset[Value]) -> Choice | None:
        """What it costs to keep these; None if a reader could not compute the rest."""
        cost = sum(map(size, kept))
        for r, wanted in self.wants.items():
            chain = self.chain([v for v in wanted if v not in kept], kept)
            if chain is None or len(chain[0]) + len(self.nodes[r].regions["body"].nodes) > MAX_NODES:
                return None
            computed, leaves = chain
            already = set(self.nodes[r].inputs)
            if any(self.lasts.get(self.in_memory(v), r) < r for v in leaves if self.in_memory(v) not in already):
                return None
            read = {v for v in wanted if v in kept} | {v for v in leaves if self.in_memory(v) not in already}
            sweeps = SWEEPS if self.nodes[r].attrs["kind"] == "rows" else 1
            cost += sum(map(size, read)) + sweeps * sum(cost_of_repeating(n) for n in computed)
        return Choice(kept, cost)

    def in_memory(self, v: Value) -> Value | None:
        """The value of the graph that a value of the body is, if it is one."""
        return self.outer.get(v) or self.fixed.get(v) or self.open.get(v)

    def chain(self, missing: Sequence[Value], kept: frozenset[Value]) -> tuple[list[Node], list[Value]] | None:
        """The nodes that compute `missing`, and the values in memory they begin with; None if there is no such way."""
        nodes: dict[Node, None] = {}
        leaves: dict[Value, None] = {}
        pending = list(missing)
        space = squeeze(shape_of(pending[0])) if pending else ()
        while pending:
            v = pending.pop()
            if v in kept or v in self.fixed or v not in self.maker:
                leaves[v] = None
                continue
            n = self.maker[v]
            if not is_repeatable(n) or not (is_free(n) or squeeze(shape_of(v)) == space):
                return None
            if n not in nodes:
                nodes[n] = None
                pending += n.inputs
        return [n for n in self.body.nodes if n in nodes], list(leaves)


def size(v: Value) -> float:
    """Bytes."""
    return elements(v) * v.ir_type.dtype.size


# ---- rewriting -------------------------------------------------------------------------------------------------------


def with_computed(reader: Node, gone: dict[Value, Value], d: Decision, given: dict[Value, Value]) -> Node:
    """The kernel `reader`, which computes the values `gone` itself: inner ones of the maker's body, with those that it
    took as operands."""
    found = d.chain(list(gone), frozenset(given))
    assert found is not None
    computed, leaves = found
    body = reader.regions["body"]
    params = dict(zip(reader.inputs, body.inputs))
    operands = {v: p for v, p in params.items() if v not in gone.values()}
    inner: dict[Value, Value] = {}
    for leaf in leaves:
        v = given.get(leaf) or d.outer[leaf]
        inner[leaf] = operands.setdefault(v, Value(v.type, v.hint))
    copies = []
    for n in computed:
        inner.update((v, Value(v.type, v.hint)) for v in n.outputs)
        copies.append(replace(n, inputs=tuple(inner[v] for v in n.inputs), outputs=tuple(inner[v] for v in n.outputs)))
    now = {params[v]: inner[own] for own, v in gone.items()}
    rest = [n.with_inputs(tuple(now.get(v, v) for v in n.inputs)) for n in body.nodes]
    made = replace(body, inputs=tuple(operands.values()), nodes=(*copies, *rest))
    return replace(reader, inputs=tuple(operands), regions={"body": made})


def narrowed(kernel: Node, given: dict[Value, Value]) -> Node:
    """The kernel that gives just these: values of its body, and those of the graph that they are."""
    body = kernel.regions["body"]
    live, nodes = set(given), []
    for n in reversed(body.nodes):
        if not live.isdisjoint(n.outputs):
            live.update(n.inputs)
            nodes.append(n)
    operands = {p: v for p, v in zip(body.inputs, kernel.inputs) if p in live}
    made = replace(body, inputs=tuple(operands), nodes=tuple(reversed(nodes)), outputs=tuple(given))
    return replace(kernel, inputs=tuple(operands.values()), outputs=tuple(given.values()), regions={"body": made})
