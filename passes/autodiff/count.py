"""Counting a loop's iterations before it runs.

Invariant: the count repeats no effect; where the condition depends on one there is no count. Entry point: `count_loop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder, bind, binding
from graphtf.ir.builder import Builder
from graphtf.ir.graph import Graph, Value, copy_graph
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType
from graphtf.passes.autodiff.cut import is_pure
from graphtf.passes.sizes import births, names_in_node
from graphtf.passes.structure import influence


def count_loop(cond: Graph, body: Graph, carried: int, operands: Sequence[Any]) -> Any:
    """The number of iterations, counted by a loop that computes what the condition needs; None if that has effects."""
    needed = _closure(cond, body, carried)
    test, step = _slice(cond, [0]), _slice(body, needed)
    if not (is_pure(test) and is_pure(step)):
        return None
    zero = p.constant(value=np.array(0, np.int32))
    out = bind(
        while_, *(operands[k] for k in needed), zero, *operands[carried:], cond=_region(test, needed, carried, False),
        body=_region(step, needed, carried, True), carried=len(needed) + 1,
    )  # fmt: skip
    return out[-1]


def _region(g: Graph, needed: list[int], carried: int, counts: bool) -> Graph:
    """The region on the carried values needed, a count, and the constant ones."""
    here = active_binder()
    b = Builder(g.name, within=here if isinstance(here, Builder) else None)
    b.guards += g.guards
    inputs = {k: b.input(g.inputs[k].type, g.inputs[k].hint) for k in needed}
    count = b.input(TensorType(dt.int32, ()))
    inputs |= {k: b.input(g.inputs[k].type, g.inputs[k].hint) for k in range(carried, len(g.inputs))}
    unused = [Value(v.type) for v in g.inputs]
    with binding(b):
        outs = b.inline(g, [inputs.get(k, unused[k]) for k in range(len(g.inputs))])
        after = [p.add(count, p.constant(value=np.array(1, np.int32)))] if counts else []
    return b.finish([*outs, *after])


def _closure(cond: Graph, body: Graph, carried: int) -> list[int]:
    """The carried values that the condition depends on, by way of any number of iterations."""
    masks = influence(body)
    needed, seen = influence(cond)[0], -1
    while seen != needed:
        seen = needed
        for k, m in enumerate(masks):
            if needed >> k & 1:
                needed |= m
    return [k for k in range(carried) if needed >> k & 1]


def _slice(region: Graph, outputs: Sequence[int]) -> Graph:
    """A copy of what these outputs need of a region, what makes sizes known included."""
    wanted = tuple(region.outputs[k] for k in outputs)
    made = births(region.inputs, region.nodes)
    live, nodes = set(wanted), []
    for n in reversed(region.nodes):
        if not live.isdisjoint(n.outputs):
            live.update(n.inputs)
            live |= {made[s] for s in names_in_node(n) if s in made} - set(n.outputs)
            nodes.append(n)
    return copy_graph(Graph(region.inputs, tuple(reversed(nodes)), wanted, region.name, region.guards))[0]
