"""A function as a pair: a forward graph that also gives what its gradient needs, and the gradient's own graph.

Invariant: the two are separate programs, so what passes between them is decided by a minimum cut, in which inputs and
results cost nothing. A variable that the graph only reads is taken by its value. Entry points: `prepared`, `pair`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphtf.ir.graph import Graph, Value
from graphtf.ir.match import match_arguments
from graphtf.passes.autodiff.cut import economical
from graphtf.passes.autodiff.engine import backward
from graphtf.passes.autodiff.joint import Joint, joint
from graphtf.passes.cse import cse
from graphtf.passes.dce import dce
from graphtf.passes.decompose import decompose
from graphtf.passes.fold import fold
from graphtf.passes.inline import inline
from graphtf.passes.reads import only_read, valued
from graphtf.passes.rules import simplify
from graphtf.passes.sizes import names_in, names_in_node, unify_sizes


@dataclass(frozen=True)
class Prepared:
    """A graph whose gradient is to be taken, and which of its inputs are values in place of variables."""

    graph: Graph
    valued: frozenset[int]


@dataclass(frozen=True)
class Pair:
    """The forward graph gives the graph's outputs, then more; the backward graph takes the inputs `taken`, the forward
    graph's outputs `saved`, and cotangents of the outputs `given`; it gives those of the inputs `found`."""

    forward: Graph
    backward: Graph
    taken: tuple[int, ...]
    saved: tuple[int, ...]
    given: tuple[int, ...]
    found: tuple[int, ...]


def prepared(graph: Graph) -> Prepared:
    """The graph without calls, and with values in place of the variables it only reads."""
    graph = unify_sizes(inline(graph, custom=False))
    reads = only_read([graph])
    return Prepared(dce(valued(graph, reads)), frozenset(reads))


def pair(graph: Graph, wanted: Sequence[int]) -> Pair:
    """The pair that gives the cotangents of the inputs `wanted` from those of all outputs that have some."""
    given = [k for k, v in enumerate(graph.outputs) if v.ir_type.dtype.is_inexact]
    j = tidied(joint(graph, wanted, given, backward))
    saved = sorted(economical(j, output_cost=lambda v: 0.0), key=lambda v: v.serial)
    shown = _size_inputs(j, saved)
    parts = j.split([v for v in saved if v in j.maker], shown)
    own = len(j.outputs)
    place: dict[Value, int] = {}
    for k, v in enumerate(parts.forward.outputs):
        place.setdefault(v, k)
    kept = [v for v in parts.saved if place[v] >= own]
    forward = replace(parts.forward, outputs=(*parts.forward.outputs[:own], *kept))
    at = place | {v: own + k for k, v in enumerate(kept)}
    return Pair(
        forward, parts.backward, tuple(parts.taken), tuple(at[v] for v in parts.saved), tuple(parts.given),
        tuple(parts.found),
    )  # fmt: skip


def tidied(j: Joint) -> Joint:
    """The same with what gradients compute twice, or for nothing, left out, so that the cut sees what there is.

    Reads of variables stay where they are: a further gradient flows to the variable, not to what was assigned to it.
    """
    found = list(j.found.values())
    g = Graph((*j.inputs, *j.cts.values()), j.nodes, (*j.outputs, *found), j.name, j.guards)
    for step in (decompose, fold, simplify, cse, dce):
        g = step(g)
    count = len(j.inputs)
    cts = dict(zip(j.cts, g.inputs[count:]))
    return Joint(
        j.name, g.inputs[:count], g.nodes, g.outputs[: len(j.outputs)], cts,
        dict(zip(j.found, g.outputs[len(j.outputs) :])), g.guards,
    )  # fmt: skip


def _size_inputs(j: Joint, saved: Sequence[Value]) -> list[int]:
    """Inputs that the backward graph must take because their types make sizes known which nothing else does."""
    named = {s for n in j.nodes if not j.later.isdisjoint(n.outputs) for s in names_in_node(n)}
    takes = [*saved, *j.cts.values()]
    named.update(s for v in takes for s in names_in(v))
    missing = named - _made_known(takes)
    found = []
    for k, v in enumerate(j.inputs):
        if missing.intersection(names_in(v)):
            found.append(k)
            missing -= _made_known([*takes, *(j.inputs[i] for i in found)])
    return found


def _made_known(values: Sequence[Value]) -> frozenset[str]:
    """The sizes that arguments of these types make known."""
    return match_arguments(Graph(tuple(values), (), ())).names
