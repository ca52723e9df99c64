"""A graph for sizes that are known: numbers in place of names.

Invariant: where a graph was traced under assumptions (two sizes that meet are equal) which those numbers break, it is
specialised only if every node still has the type the trace gave it; else what was decided on the assumption would be
wrong, and the program must be traced again. Entry points: `specialise`, `with_own_guards`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphtf.ir.dims import Dim, collecting_guards
from graphtf.ir.errors import VerifyError
from graphtf.ir.graph import Graph, map_regions
from graphtf.ir.op import infer_types
from graphtf.ir.verify import verify
from graphtf.passes.sizes import rename


def specialise(graph: Graph, sizes: Mapping[str, int]) -> Graph | None:
    """The graph with these sizes under its names; None if it does not hold for them.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.dims import sym
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> g = build([tensor("float32", sym("n")), tensor("float32", sym("m"))], lambda x, y: add(x, y))
    >>> print(specialise(g, {"n": 3, "m": 1}))
    graph @graph(%0: f32[3], %1: f32[1]) {
      %2 = add(%0, %1) : f32[3]
      return %2
    }
    >>> specialise(g, {"n": 1, "m": 3}) is None  # the trace took the result to have n elements
    True
    """
    env: dict[str, Dim] = dict(sizes)
    made = without_settled_guards(rename(graph, env))
    try:
        verify(made)
    except VerifyError:
        return None
    return made


def with_own_guards(graph: Graph) -> Graph:
    """The graph without what it assumes of sizes only because a branch does: branches find out when they run."""
    nodes = [map_regions(n, with_own_guards) for n in graph.nodes]
    needed: list[tuple[Dim, Dim]] = []
    with collecting_guards(needed):
        for n in nodes:
            infer_types(n.op, tuple(v.type for v in n.inputs), n.all_attrs())
    guards = tuple((a, b) for a, b in graph.guards if (a, b) in needed or (b, a) in needed)
    return replace(graph, nodes=tuple(nodes), guards=guards)


def without_settled_guards(graph: Graph) -> Graph:
    """The graph without what it assumes of numbers: they are equal, or the verifier finds out whether it matters."""
    guards = tuple((a, b) for a, b in graph.guards if not (isinstance(a, int) and isinstance(b, int)))
    nodes = []
    for n in graph.nodes:
        regions = {k: without_settled_guards(r) for k, r in n.regions.items()}
        nodes.append(replace(n, regions=regions) if regions else n)
    return replace(graph, nodes=tuple(nodes), guards=guards)
