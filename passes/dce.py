"""Dead code: nodes whose results nothing needs and that do nothing else; of loops and branches, results and operands.

Invariant: effects stay, and so does whatever makes a size known that something needed names; no op is named.
Entry point: `dce`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from graphtf.ir.dims import symbols
from graphtf.ir.graph import Graph, Node, Value, map_regions
from graphtf.ir.op import Effect, Host
from graphtf.passes.sizes import names_in, names_in_node
from graphtf.passes.structure import is_branch, is_loop


def has_effect(n: Node) -> bool:
    """Does running the node do anything besides giving its outputs? Reading a variable does not, nor taking long."""
    if n.op.effect is Effect.REGIONS:
        return any(has_effect(m) for r in n.regions.values() for m in r.nodes)
    return n.op.effect not in (Effect.NONE, Effect.READ)


def dce(graph: Graph) -> Graph:
    """Drop what is not needed."""
    live: set[Value] = set(graph.outputs)
    makers = _size_makers(graph)
    named = {s for v in graph.outputs for s in names_in(v)}
    named.update(s for guard in graph.guards for d in guard for s in symbols(d))
    kept: list[Node] = []
    for n in reversed(graph.nodes):
        sizes = makers.get(n, ())
        if any(v in live for v in n.outputs) or has_effect(n) or not named.isdisjoint(sizes):
            if n.regions:
                n = narrowed(n, live, named.intersection(sizes))
            live.update(n.inputs)
            kept.append(n)
            if makers:
                named.update(names_in_node(n))
    return graph.with_nodes(reversed(kept))


def _size_makers(graph: Graph) -> dict[Node, list[str]]:
    """The nodes whose results make sizes known that no input does, with the names of those sizes. A name that another
    node uses first is known outside."""
    known = {s for v in graph.inputs for s in names_in(v)}
    found: dict[Node, list[str]] = {}
    for n in graph.nodes:
        fresh = [s for v in n.outputs for s in names_in(v) if s not in known]
        known.update(fresh)
        if fresh and (isinstance(n.op.lowering, Host) or n.regions):
            found[n] = fresh
    return found


# ---- nodes with regions ----------------------------------------------------------------------------------------------


def narrowed(n: Node, live: Collection[Value], named: Collection[str]) -> Node:
    """The node without results that nothing needs, and without operands that its regions no longer take."""
    if n.op.effect is not Effect.REGIONS or "vjp" in n.regions:
        return map_regions(n, dce)
    wanted = [v in live or any(s in named for s in names_in(v)) for v in n.outputs]
    return _narrowed_loop(n, wanted) if is_loop(n) else _narrowed_results(n, wanted)


def _narrowed_results(n: Node, wanted: Sequence[bool]) -> Node:
    """Of a branch or call: the regions give the results wanted, and take what is left."""
    keep = [k for k, want in enumerate(wanted) if want]
    regions = {name: dce(_giving(r, keep)) for name, r in n.regions.items()}
    first = int(is_branch(n))
    used = sorted(_taken(*regions.values()))
    if len(keep) < len(wanted) or len(used) < len(n.inputs) - first:
        regions = {name: replace(r, inputs=tuple(r.inputs[k] for k in used)) for name, r in regions.items()}
    elif all(regions[name] is r for name, r in n.regions.items()):
        return n
    inputs = (*n.inputs[:first], *(n.inputs[k + first] for k in used))
    return replace(n, inputs=inputs, outputs=tuple(n.outputs[k] for k in keep), regions=regions)


def _narrowed_loop(n: Node, wanted: Sequence[bool]) -> Node:
    """Carried values stay that are wanted, tested, or that those which stay are computed from."""
    carried = len(n.outputs)
    cond, body = dce(n.regions["cond"]), n.regions["body"]
    keep = _carried(cond, body, wanted)
    body = dce(_giving(body, keep))
    taken = _taken(cond, body)
    used = [*keep, *(k for k in range(carried, len(n.inputs)) if k in taken)]
    if len(used) < len(n.inputs):
        cond, body = (replace(r, inputs=tuple(r.inputs[k] for k in used)) for r in (cond, body))
    elif cond is n.regions["cond"] and body is n.regions["body"]:
        return n
    return replace(
        n, inputs=tuple(n.inputs[k] for k in used), outputs=tuple(n.outputs[k] for k in keep),
        attrs={**n.attrs, "carried": len(keep)}, regions={"cond": cond, "body": body},
    )  # fmt: skip


def _carried(cond: Graph, body: Graph, wanted: Sequence[bool]) -> list[int]:
    """The numbers of the carried values that stay."""
    place = {v: k for k, v in enumerate(body.inputs)}
    bits: dict[Value, int] = {v: 1 << k for v, k in place.items()}
    needed = sum(1 << k for k in _taken(cond))
    needed |= sum(1 << k for k, want in enumerate(wanted) if want)
    for n in body.nodes:
        total = 0
        for v in n.inputs:
            total |= bits[v]
        bits.update(dict.fromkeys(n.outputs, total))
        if has_effect(n):
            needed |= total
    pending = [k for k in range(len(wanted)) if needed >> k & 1]
    for k in pending:
        more = bits[body.outputs[k]] & ~needed
        needed |= more
        pending += [i for i in range(len(wanted)) if more >> i & 1]
    return sorted(pending)


def _giving(region: Graph, keep: Sequence[int]) -> Graph:
    """The region with some of its results."""
    if len(keep) == len(region.outputs):
        return region
    return replace(region, outputs=tuple(region.outputs[k] for k in keep))


def _taken(*regions: Graph) -> set[int]:
    """The numbers of the inputs that some of the regions use."""
    found: set[int] = set()
    for r in regions:
        used = set(r.outputs).union(*(n.inputs for n in r.nodes))
        found.update(k for k, v in enumerate(r.inputs) if v in used)
    return found
