"""The grouping: one walk in program order puts each node into a group, and each group becomes one `fusion` node.

Invariant: groups are totally ordered and a group reads only from earlier ones, so no merge can close a cycle; the
legality of every merge is decided from the groups at hand, so the pass is linear. Entry point: `fuse(graph)`.

A node joins a group that computes one of its operands when it reads that operand at its own index (elementwise), as a
reduction over it, or, per row, as a statistic of its row (softmax, layer norm). Views and generators are free: they
float, and each reader takes a copy. A group that is read once, through a view, is drawn into its reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from graphtf.ir.dims import Shape, SymDim, product, symbols
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Trait
from graphtf.passes.fusion.classify import (
    Kind,
    is_cheap,
    is_elementwise,
    is_free,
    is_joint,
    is_literal,
    is_trailing,
    kept_shape,
    kind_of,
    reduced_shape,
    shape_of,
    squeeze,
)
from graphtf.passes.fusion.outline import outline
from graphtf.passes.sizes import births

MAX_NODES = 96  # a kernel's size is bounded, so that compile time is
MAX_ROW = 1 << 15  # elements of a row that is worth keeping in cache between the phases of a `rows` kernel


@dataclass(eq=False)
class Group:
    """Nodes that become one kernel over the iteration space `space`. Once merged away, `into` leads to the survivor."""

    kind: str
    space: Shape
    order: int
    axes: tuple[int, ...] = ()
    nodes: list[Node] = field(default_factory=list)
    readers: list[Group] = field(default_factory=list)
    crossed: list[Group] = field(default_factory=list)  # groups it reads otherwise than at its own index
    main: Value | None = None  # the contraction's result
    into: Group | None = None

    def find(self) -> Group:
        """The group this one has become part of."""
        g = self
        while g.into is not None:
            g = g.into
        return g

    def read_by_others(self, besides: Group | None = None) -> bool:
        """Has any group but itself (and `besides`) read from it so far?"""
        found = {id(r.find()) for r in self.readers}
        return bool(found - {id(self), id(besides)})


@dataclass(frozen=True)
class Reading:
    """How a node reads a value that another group computes: identity (own index), row (its row's statistic), mapped, or
    size: no element of it, but a size that is known only once it is computed."""

    value: Value
    group: Group
    how: str
    views: tuple[Node, ...] = ()  # that it reads through


class Fuser:
    """The state of the walk."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producer = graph.producers()
        self.use_count = Counter(v for n in graph.nodes for v in n.inputs) + Counter(graph.outputs)
        self.group_of: dict[Node, Group] = {}
        self.floating: set[Node] = set()
        self.groups: list[Group] = []
        self.clock = 0
        self.binders = births(graph.inputs, graph.nodes)  # of sizes that only running makes known

    def run(self) -> list[Group]:
        """Put every node into a group; the groups in execution order."""
        place = {Kind.ELEMENT: self.place_element, Kind.REDUCE: self.place_reduce, Kind.CONTRACT: self.place_contract,
                 Kind.OPAQUE: self.place_opaque}  # fmt: skip
        for n in self.graph.nodes:
            kind = kind_of(n)
            if kind is Kind.ELEMENT and is_free(n):
                self.floating.add(n)
            else:
                place[kind](n)
        for v in self.graph.outputs:
            self.materialise(v)
        return sorted((g for g in self.groups if g.into is None), key=lambda g: g.order)

    # ---- how a node reads -------------------------------------------------------------------------------------------

    def source(self, v: Value) -> tuple[Value, list[Node]]:
        """The value that a chain of floating views reads, and the chain, from the reader inward."""
        path: list[Node] = []
        n = self.producer.get(v)
        while n is not None and n in self.floating and n.inputs:
            path.append(n)
            v = n.inputs[0]
            n = self.producer.get(v)
        return v, path

    def owner(self, v: Value) -> Group | None:
        n = self.producer.get(v)
        g = None if n is None else self.group_of.get(n)
        return None if g is None else g.find()

    def floats_for(self, n: Node, reader: Group) -> bool:
        """Does the group compute the free node `n` itself?"""
        if n in self.floating:
            return True
        made = self.owner(n.outputs[0]) if n.outputs else None
        free = kind_of(n) is Kind.ELEMENT and is_free(n)
        return free and made is not None and made is not reader and made.order > reader.order

    def readings(self, n: Node) -> list[Reading]:
        """What `n` reads from groups, through floating views."""
        found = []
        for operand in n.inputs:
            v, path = self.source(operand)
            g = self.owner(v)
            if g is not None:
                found.append(Reading(v, g, self.how(n, operand, v, path, g), tuple(path)))
            if self.binders:
                maker = self.producer.get(v)
                floating = [*path, maker] if maker is not None and maker in self.floating else path
                found += self.size_readings(floating)
        return found + self.size_readings([n]) if self.binders else found

    def size_readings(self, nodes: list[Node]) -> list[Reading]:
        """The groups that must have run before the sizes these nodes use are known."""
        used = dict.fromkeys(self.binders[s] for n in nodes for s in sizes_of(n) if s in self.binders)
        owners = ((v, self.owner(v)) for v in used)
        return [Reading(v, g, "size") for v, g in owners if g is not None]

    def how(self, n: Node, operand: Value, v: Value, path: list[Node], g: Group) -> str:
        if not is_elementwise(n) or any(x.ir_type.shape is None for x in (*n.inputs, n.out)):
            return "mapped"
        shape = shape_of(n.out)
        relabels = all(Trait.SAME_ORDER in step.op.traits for step in path)
        if relabels and squeeze(shape_of(operand)) == squeeze(shape) == squeeze(shape_of(v)):
            return "identity"
        return "row" if reads_row(shape, operand, v, path, g) else "mapped"

    # ---- placing ----------------------------------------------------------------------------------------------------

    def place_element(self, n: Node) -> None:
        shape = shape_of(n.out)
        readings = self.readings(n)
        target: Group | None = None
        for r in sorted(readings, key=lambda r: -r.group.order):
            g = r.group.find()
            if g is target or not accepts(g, r, shape, readings):
                continue
            if target is None:
                target = g if self.can_host(g, readings) else None
            else:
                target = self.merge(g, target) or target
        if target is None:
            target = self.new_group("loop", shape)
            for r in readings:
                self.draw_in(r, target)
        if any(r.how == "row" and r.group.find() is target for r in readings):
            target.kind = "rows"
        self.add(n, target, readings)

    def place_reduce(self, n: Node) -> None:
        space, axes = shape_of(n.inputs[0]), tuple(n.attrs["axes"])
        readings = self.readings(n)
        target: Group | None = None
        for r in readings:
            v, path = self.source(n.inputs[0])
            g = r.group.find()
            fits = not path and g.space == space and g.kind in ("loop", "reduce", "rows") and shape_of(v) == space
            fits = fits and not any(map(is_joint, g.nodes))  # a loop can be cut where the pieces meet, a reduction not
            if fits and g.axes in ((), axes) and len(g.nodes) < MAX_NODES and self.can_host(g, readings):
                target = g
        if target is None:
            target = self.new_group("reduce", space)
            for r in readings:
                if not any(map(is_joint, r.group.find().nodes)):
                    self.draw_in(r, target)
        if target.kind == "loop":
            target.kind = "reduce"
        target.axes = axes
        self.add(n, target, readings)

    def place_contract(self, n: Node) -> None:
        g = self.new_group("contract", shape_of(n.out))
        g.main = n.out
        self.add(n, g, self.readings(n))

    def place_opaque(self, n: Node) -> None:
        for v in n.inputs:
            self.materialise(v)
        g = self.new_group("opaque", ())
        self.add(n, g, self.readings(n))

    def materialise(self, v: Value) -> None:
        """Make sure some group computes `v` into memory: a floating view gets a group of its own."""
        n = self.producer.get(v)
        if n is None or n not in self.floating:
            return
        self.floating.discard(n)
        if Trait.SAME_ORDER in n.op.traits or is_literal(n):
            for operand in n.inputs:
                self.materialise(operand)
            g = self.new_group("opaque", ())  # no kernel: the same memory under another type, or a constant
            self.add(n, g, self.readings(n))
            return
        g = self.new_group("loop", shape_of(v))
        readings = self.readings(n)
        for r in readings:
            self.draw_in(r, g)
        self.add(n, g, readings)

    def add(self, n: Node, g: Group, readings: list[Reading]) -> None:
        g.nodes.append(n)
        self.group_of[n] = g
        for r in readings:
            source = r.group.find()
            if source is not g:
                source.readers.append(g)
                if r.how != "identity":
                    g.crossed.append(source)

    def new_group(self, kind: str, space: Shape) -> Group:
        g = Group(kind, space, self.tick())
        self.groups.append(g)
        return g

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def can_host(self, g: Group, readings: list[Reading]) -> bool:
        """Can g stand, in the order of execution, after everything else that its new node reads?"""
        others = [r.group.find() for r in readings]
        if all(o is g or o.order < g.order for o in others):
            return True
        if g.read_by_others():
            return False
        g.order = self.tick()
        return True

    def merge(self, a: Group, b: Group) -> Group | None:
        """One group of two that iterate over the same space, or None where that is not legal."""
        lo, hi = (a, b) if a.order < b.order else (b, a)
        kinds = {lo.kind, hi.kind}
        if squeeze(lo.space) != squeeze(hi.space) or len(lo.nodes) + len(hi.nodes) > MAX_NODES or lo.read_by_others(hi):
            return None
        if "opaque" in kinds or (lo.kind == hi.kind == "contract"):
            return None
        if "contract" in kinds and kinds != {"contract", "loop"}:
            return None
        if lo.space != hi.space and (kinds != {"loop"}):
            return None
        if lo.axes and hi.axes and lo.axes != hi.axes:
            return None
        if any(c.find() is lo for c in hi.crossed) or any(c.find() is hi for c in lo.crossed):
            return None
        keep, drop = (lo, hi) if lo.kind != "loop" else (hi, lo)
        if "rows" in kinds:
            keep.kind = "rows"
        keep.order = hi.order
        return self.unite(keep, drop)

    def unite(self, keep: Group, drop: Group) -> Group:
        keep.nodes += drop.nodes
        keep.readers += drop.readers
        keep.crossed += drop.crossed
        keep.axes = keep.axes or drop.axes
        keep.main = keep.main or drop.main
        drop.into = keep
        return keep

    def draw_in(self, r: Reading, target: Group) -> None:
        """Compute a value that only `target` reads, at another index, inside it: a transposed or sliced producer."""
        g = r.group.find()
        if r.how == "size" or g is target or g.kind != "loop" or g.read_by_others():
            return
        if len(g.nodes) + len(target.nodes) > MAX_NODES:
            return
        if not self.read_once(g, r.value) or any(self.use_count[view.out] != 1 for view in r.views):
            return
        grows = product(target.space) != product(shape_of(r.value))
        if grows and not all(is_cheap(n) for n in g.nodes):
            return
        self.unite(target, g)

    def read_once(self, g: Group, v: Value) -> bool:
        """Is `v` the only value of g used outside it, and used once (through views that are used once)?"""
        inside = Counter(x for n in g.nodes for operand in n.inputs for x in self.chain(operand))
        for n in g.nodes:
            if self.use_count[n.out] - inside[n.out] != (1 if n.out is v else 0):
                return False
        return self.use_count[v] == 1

    def chain(self, operand: Value) -> list[Value]:
        v, path = self.source(operand)
        return [operand] if not path else [*(p.out for p in path), v]


def sizes_of(n: Node) -> Iterator[str]:
    """Names of the run-time sizes in a node's attributes and result types."""
    yield from (s for x in n.attrs.values() for s in _names_in(x))
    yield from (s for v in n.outputs for d in v.ir_type.dims_or_none for s in symbols(d))


def _names_in(x: object) -> Iterator[str]:
    if isinstance(x, tuple):
        yield from (s for y in x for s in _names_in(y))
    elif isinstance(x, SymDim):
        yield from symbols(x)


def reads_row(shape: Shape, operand: Value, v: Value, path: list[Node], g: Group) -> bool:
    """Is `v`, a statistic of g's rows, read by an element of the same row?"""
    if g.kind not in ("reduce", "rows") or g.space != shape or not is_trailing(g.space, g.axes):
        return False
    inner, kept = squeeze(reduced_shape(g.space, g.axes)), kept_shape(g.space, g.axes)
    if squeeze(shape_of(v)) != inner:
        return False
    for step in path:
        before, after = shape_of(step.inputs[0]), shape_of(step.out)
        relabels = Trait.SAME_ORDER in step.op.traits and squeeze(after) == inner
        stretches = Trait.STRETCH in step.op.traits and before == kept and after == g.space
        if not relabels and not stretches:
            return False
    return shape_of(operand) in (kept, g.space)


def accepts(g: Group, r: Reading, shape: Shape, readings: list[Reading]) -> bool:
    """May a node of that shape, which reads `r` from g, be computed in g's loops?"""
    if g.kind == "opaque" or len(g.nodes) >= MAX_NODES:
        return False
    if any(o.how in ("mapped", "size") and o.group.find() is g for o in readings):
        return False
    if r.how == "row":
        row = product(d for i, d in enumerate(g.space) if i in g.axes)
        return isinstance(row, int) and row <= MAX_ROW
    if r.how != "identity":
        return False
    if g.kind == "contract":
        return g.main is not None and shape == shape_of(g.main)
    if g.kind == "loop":
        return squeeze(shape) == squeeze(g.space)
    inner = squeeze(reduced_shape(g.space, g.axes))
    if inner == squeeze(g.space):
        return False
    if g.kind == "rows":
        return shape == g.space or squeeze(shape) == inner
    return squeeze(shape) == inner if squeeze(shape_of(r.value)) == inner else shape == g.space


def fuse(graph: Graph) -> Graph:
    """Gather nodes into `fusion` nodes, each of which becomes one kernel; in regions too."""
    graph = graph.with_nodes(map_regions(n, fuse) for n in graph.nodes)
    return outline(graph, Fuser(graph))
