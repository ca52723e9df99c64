"""What a forward graph saves for its gradient, and what the gradient computes again: a minimum cut.

The network holds what the gradient needs and what that is computed from. What is dear (a contraction, a reduction, a
loop) or has an effect is not computed twice, so it is a source, as inputs are. Saving a value costs its bytes, written
and read; computing it again costs arithmetic, in bytes that could be moved in that time.
Invariant: from the values chosen and the inputs, everything needed can be computed again without an effect.
Entry points: `save_all`, `economical`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from graphtf.ir.errors import UnkeptGradient
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Body, Effect, Element, Scalar, Trait
from graphtf.passes.autodiff.joint import Joint
from graphtf.passes.fusion.cost import cost_of_repeating, elements, is_simple
from graphtf.passes.rebuild import content

INFINITE = float("inf")
Cost = Callable[[Value], float]


def save_all(j: Joint) -> list[Value]:
    """Everything needed but inputs and what follows from attributes alone: for one program, which keeps it anyway."""
    free = _from_attributes(j)
    return [v for v in j.needed if v not in free and v in j.maker]


def _from_attributes(j: Joint) -> set[Value]:
    found: set[Value] = set()
    for n in j.nodes:
        if is_elementary(n) and all(v in found for v in n.inputs):
            found.update(n.outputs)
    return found


def economical(
    j: Joint, input_cost: Cost = lambda v: 0.0, output_cost: Cost | None = None, inside: bool = False
) -> set[Value]:
    """The values to save at the least cost, inputs of positive cost among them. What an output already is costs
    `output_cost`. `inside` a loop or branch, values whose sizes are made known in there cannot be saved."""
    return Choice(j, input_cost, output_cost, inside).run()


def is_elementary(n: Node) -> bool:
    """Is each element a few instructions or a function call, so that computing it twice may pay?"""
    return n.op.pure and not n.regions and (
        isinstance(n.op.lowering, (Scalar, Body, Element)) or bool(n.op.traits & (Trait.GENERATOR | Trait.VIEW))
    )


def is_repeatable(n: Node) -> bool:
    """Does the node nothing but compute, so that it may be computed twice where it must?"""
    return n.op.pure or (n.op.effect is Effect.REGIONS and all(map(is_pure, n.regions.values())))


def is_pure(region: Graph) -> bool:
    """Does the region nothing but compute?"""
    return all(n.op.pure or n.op.effect is Effect.REGIONS for n in region.walk())


def cost_of_saving(v: Value) -> float:
    """Bytes written and read."""
    return 2.0 * float(content(v.type).dtype.size) * elements(v) + 1  # so that fewer values win among equal ones


class Choice:
    """The state of one decision."""

    def __init__(self, j: Joint, input_cost: Cost, output_cost: Cost | None, inside: bool) -> None:
        self.j = j
        self.input_cost = input_cost
        self.output_cost = output_cost
        self.inside = inside
        self.outputs = set(j.outputs)
        self.inputs = set(j.inputs)
        self.saved: set[Value] = set()
        self.followed: dict[Value, bool] = {}

    def run(self) -> set[Value]:
        """Values that must be saved come first; what follows from them and from free inputs is computed again."""
        self.saved = {v for v in self.j.needed if self.is_source(v) and not self.is_free(v)}
        for v in self.saved:
            if self.cost(v) == INFINITE:
                raise UnkeptGradient(self.refusal(v))
        rest = [v for v in self.j.needed if v not in self.saved and not self.follows(v)]
        for network in self.networks(rest):
            self.saved |= self.cut(network, rest)
        return self.saved

    def refusal(self, v: Value) -> str:
        n = self.j.maker.get(v)
        what = "an operand" if n is None else n.op.name
        return f"{self.j.name}: {what} gives {v.type} in a loop or branch, which a gradient can neither keep nor repeat"

    # ---- what values are ---------------------------------------------------------------------------------------------

    def is_free(self, v: Value) -> bool:
        return v in self.inputs and self.input_cost(v) == 0

    def is_source(self, v: Value) -> bool:
        """Not to be computed again."""
        n = self.j.maker.get(v)
        return n is None or not (is_elementary(n) or (self.cost(v) == INFINITE and is_repeatable(n)))

    def cost(self, v: Value) -> float:
        if v in self.inputs:
            cost = self.input_cost(v)
            return INFINITE if cost and not self.is_storable(v) else cost
        if v in self.outputs and self.output_cost is not None:
            return self.output_cost(v)
        return cost_of_saving(v) if self.is_storable(v) else INFINITE

    def is_storable(self, v: Value) -> bool:
        """Has it a size that is known outside, so that there can be a place for it?"""
        return not self.inside or not (content(v.type).shape is None or self.j.is_born_inside(v))

    def origins(self, v: Value) -> Iterable[Value]:
        """What computing a value again takes."""
        n = self.j.maker[v]
        return [*n.inputs, *self.j.sizes_of(n)]

    def follows(self, v: Value) -> bool:
        """Can it be computed from what is saved and free, with next to no arithmetic?"""
        found, stack = self.followed, [v]
        while stack:
            x = stack[-1]
            if x in found:
                stack.pop()
            elif x in self.saved or self.is_free(x):
                found[x] = True
            elif self.is_source(x) or not is_simple(self.j.maker[x]):
                found[x] = False
            else:
                origins = self.origins(x)
                missing = [o for o in origins if o not in found]
                if missing:
                    stack += missing
                else:
                    found[x] = all(found[o] for o in origins)
        return found[v]

    # ---- the network -------------------------------------------------------------------------------------------------

    def networks(self, needed: list[Value]) -> list[list[Value]]:
        """What the needed values are computed from, in parts that have nothing in common."""
        beside: dict[Value, list[Value]] = {v: [] for v in needed}
        pending = list(needed)
        while pending:
            v = pending.pop()
            for o in () if self.is_source(v) else self.origins(v):
                if not self.follows(o):
                    if o not in beside:
                        beside[o] = []
                        pending.append(o)
                    beside[v].append(o)
                    beside[o].append(v)
        return components(beside)

    def cut(self, network: list[Value], needed: list[Value]) -> set[Value]:
        import networkx  # only where there is something to decide

        members = {v: k for k, v in enumerate(sorted(network, key=lambda v: v.serial))}
        wanted = members.keys() & set(needed)
        flow: Any = networkx.DiGraph()
        for v, k in members.items():
            cost = self.cost(v)
            flow.add_edge((k, 0), (k, 1), **({} if cost == INFINITE else {"capacity": cost}))
            if self.is_source(v):
                flow.add_edge("source", (k, 0))
            else:
                self.add_repeating(flow, v, members)
            if v in wanted:
                flow.add_edge((k, 1), "sink")
        try:
            _, (near, _far) = networkx.minimum_cut(
                flow, "source", "sink", flow_func=networkx.algorithms.flow.boykov_kolmogorov
            )
        except networkx.NetworkXUnbounded:
            raise UnkeptGradient(self.refusal(next(v for v in members if self.cost(v) == INFINITE))) from None
        return {v for v, k in members.items() if (k, 0) in near and (k, 1) not in near}


    def add_repeating(self, flow: Any, v: Value, members: dict[Value, int]) -> None:
        """Computing v again takes arithmetic, and what it is computed from."""
        effort = cost_of_repeating(self.j.maker[v])
        flow.add_edge("source", (members[v], 0), capacity=effort if effort < INFINITE else 0.0)
        for o in self.origins(v):
            if o in members:
                flow.add_edge((members[o], 1), (members[v], 0))


def components(beside: dict[Value, list[Value]]) -> list[list[Value]]:
    """The connected parts of a graph given by each value's neighbours."""
    seen: set[Value] = set()
    parts = []
    for start in beside:
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for v in part:
            fresh = [o for o in dict.fromkeys(beside[v]) if o not in seen]
            seen.update(fresh)
            part += fresh
        parts.append(part)
    return parts
