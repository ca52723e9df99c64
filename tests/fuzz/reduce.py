"""Making a failing program small: what can be left out is left out, as long as it still fails.

Invariant: every candidate is a valid graph, and the result fails as the original did. Entry points: `reduce`, `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphtf.ir.dims import symbols
from graphtf.ir.errors import VerifyError
from graphtf.ir.graph import Graph, Node, Value, copy_graph, map_regions
from graphtf.ir.interpret import interpret
from graphtf.ir.state import Cell
from graphtf.ir.text import print_graph
from graphtf.ir.types import RefType, TensorType
from graphtf.ir.verify import verify

Array = np.ndarray[Any, Any]

BUDGET = 600  # candidates tried
_SHOWN_ELEMENTS = 20


@dataclass(frozen=True)
class Case:
    """A graph and the arguments that it fails with. Arguments of variables are arrays, too."""

    graph: Graph
    args: tuple[Array, ...]

    def arguments(self) -> list[Any]:
        """Fresh arguments."""
        return [
            Cell(a.copy(), v.type.content) if isinstance(v.type, RefType) else a.copy()
            for v, a in zip(self.graph.inputs, self.args, strict=True)
        ]

    @property
    def weight(self) -> tuple[int, int, int]:
        nodes = sum(1 for _ in self.graph.walk())
        places = len(self.graph.outputs) + len(self.graph.inputs)
        return nodes, places, sum(a.size + int(np.count_nonzero(a)) for a in self.args)


Fails = Callable[[Case], bool]


def case(graph: Graph, args: Sequence[Any]) -> Case:
    """A case from arguments as a program takes them."""
    return Case(graph, tuple(a.array.copy() if isinstance(a, Cell) else a for a in args))


def reduce(start: Case, fails: Fails, budget: int = BUDGET) -> Case:
    """The smallest case found that still fails, of at most `budget` tried. `fails` may raise nothing."""
    best, tried = start, 0
    smaller: Case | None = start
    while smaller is not None:
        best, smaller = smaller, None
        for c in (c for c in _candidates(best) if c.weight < best.weight):
            if tried == budget:
                return best
            tried += 1
            if _still(c, fails):
                smaller = c
                break
    return best


def _still(c: Case, fails: Fails) -> bool:
    try:
        verify(c.graph)
    except VerifyError:
        return False
    return fails(c)


def report(c: Case, seed: int | None = None) -> str:
    """The reduced program as text, with its arguments."""
    lines = [] if seed is None else [f"seed {seed}"]
    lines.append(print_graph(c.graph))
    for k, a in enumerate(c.args):
        shown = np.array2string(a, threshold=_SHOWN_ELEMENTS, separator=", ")
        lines.append(f"argument {k}: {a.dtype}{list(a.shape)} {shown}")
    return "\n".join(lines)


# ---- candidates, the boldest first -----------------------------------------------------------------------------------


def _candidates(c: Case) -> Iterator[Case]:
    yield from _fewer_outputs(c)
    yield from _cuts(c)
    yield from _inlined(c)
    yield from _bypasses(c)
    yield from _regions(c)
    yield from _plain_arguments(c)


def _pruned(c: Case) -> Case:
    """Without nodes and inputs that nothing needs."""
    live, kept = set(c.graph.outputs), []
    for n in reversed(c.graph.nodes):
        if not n.op.pure or any(v in live for v in n.outputs):
            live.update(n.inputs)
            kept.append(n)
    wanted = _symbols(kept, c.graph.outputs)
    for v in c.graph.inputs:
        if v in live:
            wanted -= _names(v)
    pairs = []
    for v, a in zip(c.graph.inputs, c.args):
        if v in live or wanted & _names(v):
            pairs.append((v, a))
            wanted -= _names(v)
    inputs = tuple(v for v, _ in pairs)
    graph = replace(c.graph, nodes=tuple(reversed(kept)), inputs=inputs)
    return Case(graph, tuple(a for _, a in pairs))


def _names(v: Value) -> set[str]:
    t = v.type.content if isinstance(v.type, RefType) else v.type
    return {s for d in t.dims_or_none for s in symbols(d)}


def _symbols(nodes: Sequence[Node], outputs: Sequence[Value]) -> set[str]:
    values = [v for n in nodes for v in (*n.inputs, *n.outputs)]
    return {s for v in (*values, *outputs) for s in _names(v)}


def _fewer_outputs(c: Case) -> Iterator[Case]:
    outputs = c.graph.outputs
    if len(outputs) > 1:
        for v in outputs:
            yield _pruned(Case(replace(c.graph, outputs=(v,)), c.args))
        for k in range(len(outputs)):
            yield _pruned(Case(replace(c.graph, outputs=outputs[:k] + outputs[k + 1 :]), c.args))
    elif outputs:
        yield _pruned(Case(replace(c.graph, outputs=()), c.args))
    used = {v for n in c.graph.nodes for v in n.inputs} | set(outputs)
    for k, n in enumerate(c.graph.nodes):
        if not any(v in used for v in n.outputs):
            yield _pruned(Case(replace(c.graph, nodes=c.graph.nodes[:k] + c.graph.nodes[k + 1 :]), c.args))


def _values(c: Case) -> dict[Value, Array]:
    """What the nodes of the graph give, as far as it runs."""
    found: dict[Value, Array] = {}

    def on_node(n: Node, operands: Sequence[Any], outs: Sequence[Array]) -> None:
        found.update((v, np.array(a)) for v, a in zip(n.outputs, outs))

    with suppress(Exception):  # what it gave before it failed is known all the same
        interpret(c.graph, c.arguments(), on_node=on_node)
    return found


def _cuts(c: Case) -> Iterator[Case]:
    """A node's results given as arguments instead."""
    known = _values(c)
    for k in reversed(range(len(c.graph.nodes))):
        n = c.graph.nodes[k]
        if n.outputs and all(v in known and v.ir_type.shape is not None for v in n.outputs) and n.inputs:
            graph = replace(
                c.graph, nodes=c.graph.nodes[:k] + c.graph.nodes[k + 1 :], inputs=(*c.graph.inputs, *n.outputs)
            )
            yield _pruned(Case(graph, (*c.args, *(known[v] for v in n.outputs))))


def _inlined(c: Case) -> Iterator[Case]:
    """The nodes of a region instead of the node that holds it."""
    for k, n in enumerate(c.graph.nodes):
        for region in n.regions.values():
            operands = n.inputs[len(n.inputs) - len(region.inputs) :] if len(region.inputs) <= len(n.inputs) else ()
            if len(operands) == len(region.inputs) and len(region.outputs) >= len(n.outputs):
                fresh, _ = copy_graph(region)
                swap = dict(zip(fresh.inputs, operands))
                inner = [_renamed(m, swap) for m in fresh.nodes]
                swap.update(zip(n.outputs, (swap.get(v, v) for v in fresh.outputs)))
                rest = [_renamed(m, swap) for m in c.graph.nodes[k + 1 :]]
                outputs = tuple(swap.get(v, v) for v in c.graph.outputs)
                nodes = (*c.graph.nodes[:k], *inner, *rest)
                yield _pruned(Case(replace(c.graph, nodes=nodes, outputs=outputs), c.args))


def _renamed(n: Node, swap: dict[Value, Value]) -> Node:
    return n.with_inputs(tuple(swap.get(v, v) for v in n.inputs))


def _bypasses(c: Case) -> Iterator[Case]:
    """A node left out, one of its operands in its place."""
    for k, n in enumerate(c.graph.nodes):
        if len(n.outputs) == 1:
            for v in dict.fromkeys(n.inputs):
                if v.type == n.out.type and isinstance(v.type, TensorType):
                    swap = {n.out: v}
                    rest = [_renamed(m, swap) for m in c.graph.nodes[k + 1 :]]
                    outputs = tuple(swap.get(x, x) for x in c.graph.outputs)
                    yield _pruned(Case(replace(c.graph, nodes=(*c.graph.nodes[:k], *rest), outputs=outputs), c.args))


def _regions(c: Case) -> Iterator[Case]:
    """A node fewer inside some region."""
    for k, n in enumerate(c.graph.nodes):
        for name, region in n.regions.items():
            for j, m in enumerate(region.nodes):
                swaps = [{m.out: v} for v in m.inputs if v.type == m.out.type] if len(m.outputs) == 1 else []
                unused = not any(v in region.outputs or any(v in x.inputs for x in region.nodes) for v in m.outputs)
                for swap in [{}] if unused else swaps:
                    nodes = (*region.nodes[:j], *(_renamed(x, swap) for x in region.nodes[j + 1 :]))
                    outputs = tuple(swap.get(x, x) for x in region.outputs)
                    smaller = replace(region, nodes=nodes, outputs=outputs)
                    yield _with_region(c, k, n, name, smaller)
            for deeper in _regions(Case(region, ())):
                yield _with_region(c, k, n, name, deeper.graph)


def _with_region(c: Case, k: int, n: Node, name: str, region: Graph) -> Case:
    changed = map_regions(n, lambda r: region if r is n.regions[name] else r)
    return Case(replace(c.graph, nodes=(*c.graph.nodes[:k], changed, *c.graph.nodes[k + 1 :])), c.args)


def _plain_arguments(c: Case) -> Iterator[Case]:
    """The first row only, where sizes are open; more zeros."""
    yield from _first_row(c)
    for k, a in enumerate(c.args):
        if a.dtype == object or not a.size:
            continue
        flat, half = a.reshape(-1), a.size // 2
        for part in (slice(None), slice(0, half), slice(half, None)):
            plain = flat.copy()
            plain[part] = 0
            yield Case(c.graph, (*c.args[:k], plain.reshape(a.shape), *c.args[k + 1 :]))


def _first_row(c: Case) -> Iterator[Case]:
    names = {s for v in c.graph.inputs for s in _names(v)}
    if not names:
        return
    args = []
    for v, a in zip(c.graph.inputs, c.args):
        t = v.type.content if isinstance(v.type, RefType) else v.type
        args.append(np.array(a[tuple(slice(0, None if isinstance(d, int) else 1) for d in t.dims)]))
    yield Case(c.graph, tuple(args))
