"""Gradients of random programs, taken by reverse mode over the graph made so far.

Invariant: an op without a gradient rule leaves the program as it was. Entry point: `differentiate(g)`.
"""

from __future__ import annotations

from typing import Any

from graphtf.ir.binding import binding
from graphtf.ir.errors import MissingGradient
from graphtf.ir.graph import Value
from graphtf.ir.ops.prims import full_like
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.record import Entry

from .generator import Generator, Item

_MOST_TARGETS = 3
_MOST_SOURCES = 4
_MOST_NODES = 400  # of a program that is differentiated again


def differentiate(g: Generator) -> bool:
    """Append the gradients of a few values with respect to others; they are outputs. False if there are none."""
    floats = g.items(lambda x: x.dtype.is_floating and x.dtype.size > 1)
    made = {v for n in g.builder.nodes for v in n.outputs}
    targets = [x for x in floats if x.value in made]
    if not targets:
        return False
    ends = [g.pick(targets[-6:]) for _ in range(int(g.rng.integers(1, _MOST_TARGETS + 1)))]
    starts = [g.pick(floats[: len(floats) // 2 + 1]) for _ in range(int(g.rng.integers(1, _MOST_SOURCES + 1)))]
    nodes = list(g.builder.nodes)
    g.builder.size_names.update(g.sizes)
    try:
        with binding(g.builder):
            cotangents = [_cotangent(g, x) for x in ends]
            records = [Entry.of(n) for n in g.builder.nodes]
            found = backward(records, [x.value for x in ends], [x.value for x in starts], cotangents)
    except MissingGradient:
        g.builder.nodes[:] = nodes
        return False
    g.gradients += [ct for ct in found if isinstance(ct, Value)]
    g.ops.update(n.op.name for n in g.builder.nodes)
    return bool(g.gradients)


def again(g: Generator) -> bool:
    """Gradients of gradients."""
    if len(g.builder.nodes) > _MOST_NODES or not g.gradients:
        return False
    g.pool += [Item(v, None) for v in g.gradients]
    return differentiate(g)


def _cotangent(g: Generator, x: Item) -> Any:
    alike = g.items(lambda y: y.type == x.type and y is not x)
    return g.pick(alike).value if alike and g.chance(0.3) else full_like(x.value, g.pick((1, 1, 0.5, -2)))
