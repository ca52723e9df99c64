"""Calls are replaced by the nodes of their bodies, and so are custom gradients, once gradients have been taken.

Invariant: afterwards no node's results are those of a region that runs exactly once; a body may be called from several
places, so its nodes are copied. Regions are closed, hence cannot recur. Entry point: `inline`.
"""

from __future__ import annotations

from graphtf.ir.dims import Dim, sym
from graphtf.ir.graph import Graph, Node, copy_graph, map_regions
from graphtf.passes.rebuild import Rebuild, fresh_names, size_names
from graphtf.passes.sizes import names_in
from graphtf.passes.structure import is_call


def inline(graph: Graph, entry: frozenset[str] = frozenset(), custom: bool = True) -> Graph:
    """Replace calls by their bodies; in regions too. `entry`: names of sizes that are known wherever the graph runs.

    Unless `custom`, functions that bring their own gradient stay: a gradient is still to be taken.
    """
    return Inliner(graph, entry, custom).run()


class Inliner:
    """The state of the walk over a graph."""

    def __init__(self, graph: Graph, entry: frozenset[str], custom: bool = True) -> None:
        self.graph = graph
        self.custom = custom
        self.entry = entry | {s for v in graph.inputs for s in names_in(v)}
        self.out = Rebuild(graph.guards)
        self.names: set[str] | None = None  # of sizes in the graph so far, once they are needed

    def run(self) -> Graph:
        for n in self.graph.nodes:
            self.place(n)
        return self.out.finish(self.graph)

    def place(self, n: Node) -> None:
        if not is_call(n) or ("vjp" in n.regions and not self.custom):
            self.out.place(map_regions(n, lambda r: inline(r, self.entry, self.custom)))
            return
        body = n.regions["body"]
        operands = self.out.all(n.inputs)
        env = size_names((v.type for v in body.inputs), (v.type for v in operands))
        env |= self.renamings(body, n)
        copied, _ = copy_graph(body, env)
        self.out.new.update(zip(copied.inputs, operands))
        self.out.guards += [(a, b) for a, b in copied.guards if a != b]
        for m in copied.nodes:
            self.place(m)
        self.out.new.update(zip(n.outputs, self.out.all(copied.outputs)))

    def renamings(self, body: Graph, n: Node) -> dict[str, Dim]:
        """New names for sizes that are made known inside the body and already have a meaning outside."""
        shown = self.entry.union(s for v in (*body.inputs, *n.outputs) for s in names_in(v))
        born = dict.fromkeys(s for m in body.nodes for v in m.outputs for s in names_in(v) if s not in shown)
        if not born:
            return {}
        if self.names is None:
            self.names = {s for v in self.graph.inputs for s in names_in(v)}
            self.names |= {s for m in self.graph.nodes for v in m.outputs for s in names_in(v)}
        fresh = fresh_names("u", self.names)
        env: dict[str, Dim] = {s: sym(next(fresh)) for s in born if s in self.names}
        self.names |= born.keys()
        return env

