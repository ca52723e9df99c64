"""Variables leave the regions: what a branch or loop reads of one becomes an operand, what it assigns a result.

Invariant: each variable takes the same values in the same order; where a Python function may look (Effect.IO), all of
them hold what the program says. A loop that a failed check ends leaves variables as they were before it. Afterwards a
variable is read at most once between two assignments, and assigned once between two looks at it.
Entry point: `functionalise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphtf.ir.graph import Graph, Node, Source, Value, map_regions
from graphtf.ir.op import Effect
from graphtf.ir.ops.state import assign, read
from graphtf.ir.types import RefType
from graphtf.passes.rebuild import Rebuild
from graphtf.passes.structure import is_branch, is_loop


def functionalise(graph: Graph) -> Graph:
    """Move reads and assignments out of regions, innermost first; then merge reads and drop writes nobody sees."""
    out = Rebuild(graph.guards)
    for n in graph.nodes:
        for m in lift(map_regions(n, functionalise)):
            out.place(m)
    return settle(out.finish(graph))


# ---- out of regions --------------------------------------------------------------------------------------------------


def lift(n: Node) -> list[Node]:
    """The node with values in place of variables, between their reads and assignments; alone where that cannot be."""
    if not (is_branch(n) or is_loop(n)) or not any(isinstance(v.type, RefType) for v in n.inputs) or not _liftable(n):
        return [n]
    refs = list(dict.fromkeys(v for v in n.inputs if isinstance(v.type, RefType)))
    reads = [Node(read, (r,), {}, (Value(r.type.content, r.hint),), {}, n.source) for r in refs]  # type: ignore[union-attr]
    values = dict(zip(refs, (m.out for m in reads)))
    made, changed = (_lift_loop if is_loop(n) else _lift_branch)(n, refs, values)
    return [*reads, made, *(_assignment(r, v, n.source) for r, v in changed)]


def _assignment(ref: Value, value: Value, source: Source | None) -> Node:
    return Node(assign, (ref, value), {}, (), {}, source)


def _liftable(n: Node) -> bool:
    """Do the regions nothing but read variables, and assign values of their very types, outside the loop's test?"""
    for name, region in n.regions.items():
        for m in region.nodes:
            if m.op.effect is Effect.WRITE:
                ref, value = m.inputs
                if name == "cond" or ref.type.content != value.type:  # type: ignore[union-attr]
                    return False
            elif m.op.effect is not Effect.READ and any(isinstance(v.type, RefType) for v in m.inputs):
                return False
        if any(m.op.effect is Effect.IO for m in region.walk()):
            return False
    return True


@dataclass
class Threaded:
    """A region with variables' values in place of variables."""

    inputs: list[Value]  # in place of the region's own
    nodes: list[Node]
    outputs: list[Value]
    before: dict[Value, Value]  # by the variable, as the node that holds the region names it: its value at first
    after: dict[Value, Value]  # and at last
    written: set[Value]


def thread(region: Graph, operands: Sequence[Value]) -> Threaded:
    """Walk the region with the current value of each variable in hand."""
    outer = {v: x for v, x in zip(region.inputs, operands, strict=True) if isinstance(v.type, RefType)}
    before: dict[Value, Value] = {}
    for v, x in outer.items():
        before.setdefault(x, Value(v.type.content, v.hint))  # type: ignore[union-attr]
    now, written = dict(before), set()
    out = Rebuild()
    for n in region.nodes:
        if n.op.effect is Effect.READ:
            out.new[n.out] = now[outer[n.inputs[0]]]
        elif n.op.effect is Effect.WRITE:
            ref = outer[n.inputs[0]]
            now[ref] = out.of(n.inputs[1])
            written.add(ref)
        else:
            out.place(n)
    inputs = [before[outer[v]] if v in outer else v for v in region.inputs]
    return Threaded(inputs, out.nodes, list(out.all(region.outputs)), before, now, written)


def _lift_branch(
    n: Node, refs: list[Value], values: dict[Value, Value]
) -> tuple[Node, list[tuple[Value, Value]]]:
    operands = n.inputs[1:]
    threads = {k: thread(r, operands) for k, r in n.regions.items()}
    written = [r for r in refs if any(r in t.written for t in threads.values())]
    keep = [k for k, v in enumerate(operands) if v not in values]
    regions = {}
    for k, t in threads.items():
        inputs = (*(t.inputs[i] for i in keep), *(t.before[r] for r in refs))
        outputs = (*t.outputs, *(t.after[r] for r in written))
        regions[k] = replace(n.regions[k], inputs=inputs, nodes=tuple(t.nodes), outputs=outputs)
    results = [Value(values[r].type, r.hint) for r in written]
    inputs = (n.inputs[0], *(operands[i] for i in keep), *(values[r] for r in refs))
    made = replace(n, inputs=inputs, outputs=(*n.outputs, *results), regions=regions)
    return made, list(zip(written, results))


def _lift_loop(n: Node, refs: list[Value], values: dict[Value, Value]) -> tuple[Node, list[tuple[Value, Value]]]:
    """Variables that the body assigns are carried, after the values that were; the others stay operands."""
    carried = int(n.attrs["carried"])
    threads = {k: thread(r, n.inputs) for k, r in n.regions.items()}
    written = [r for r in refs if r in threads["body"].written]
    constant = [r for r in refs if r not in threads["body"].written]
    keep = [k for k in range(carried, len(n.inputs)) if n.inputs[k] not in values]
    regions = {}
    for k, t in threads.items():
        inputs = (
            *t.inputs[:carried], *(t.before[r] for r in written), *(t.inputs[i] for i in keep),
            *(t.before[r] for r in constant),
        )  # fmt: skip
        outputs = (*t.outputs, *(t.after[r] for r in written)) if k == "body" else tuple(t.outputs)
        regions[k] = replace(n.regions[k], inputs=inputs, nodes=tuple(t.nodes), outputs=outputs)
    results = [Value(values[r].type, r.hint) for r in written]
    inputs = (
        *n.inputs[:carried], *(values[r] for r in written), *(n.inputs[i] for i in keep), *(values[r] for r in constant)
    )
    attrs = {**n.attrs, "carried": carried + len(written)}
    made = replace(n, inputs=inputs, attrs=attrs, outputs=(*n.outputs, *results), regions=regions)
    return made, list(zip(written, results))


# ---- in one list of nodes --------------------------------------------------------------------------------------------


def settle(graph: Graph) -> Graph:
    """Merge reads of a variable with no assignment between them, pass on assigned values, drop writes nobody sees."""
    out = Rebuild(graph.guards)
    known: dict[Value, Value] = {}  # what a variable holds
    unseen: dict[Value, Node] = {}  # its last assignment, if nothing may have looked since
    dropped: set[Node] = set()
    for n in graph.nodes:
        effect = n.op.effect
        if effect is Effect.READ:
            ref = n.inputs[0]
            if ref in known:
                out.new[n.out] = known[ref]
            else:
                known[ref] = out.place(n).out
        elif effect is Effect.WRITE:
            ref, value = n.inputs[0], out.of(n.inputs[1])
            if known.get(ref) is value:
                continue
            if ref in unseen:
                dropped.add(unseen[ref])
            known[ref] = value
            unseen[ref] = out.place(n)
        else:
            out.place(n)
            _look(n, known, unseen)
    if dropped:
        out.nodes = [n for n in out.nodes if n not in dropped]
    return out.finish(graph)


def _look(n: Node, known: dict[Value, Value], unseen: dict[Value, Node]) -> None:
    """What a node that is neither read nor assignment may see of variables, or change."""
    effects = {n.op.effect} | {m.op.effect for r in n.regions.values() for m in r.walk()}
    if Effect.IO in effects:
        known.clear()
        unseen.clear()
    elif Effect.CHECK in effects:
        unseen.clear()
    for v in n.inputs:
        if isinstance(v.type, RefType):
            known.pop(v, None)
            unseen.pop(v, None)
