"""What part each value of a loop has when the loop runs on some of the rows at a time.

A value is sliced (it has the rows along one axis), partial (a sum over rows, of which each run has its share), or whole
(the same in every run). Invariant: what is partial only ever becomes part of a sum that the loop carries, and whether
the loop goes on depends on what is whole. Entry point: `roles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Scalar, Trait
from graphtf.passes.partition.axes import Axes, Axis

_SUM = Scalar("add")


@dataclass(frozen=True)
class Roles:
    """The parts of the values of a loop's body, for one class of axes."""

    rows: int
    sliced: dict[Value, int]  # the axis
    partial: frozenset[int]  # the carried values that are sums over rows


def loop_axes(n: Node) -> Axes:
    """The classes of axes of a loop's regions, what it carries included."""
    cond, body = n.regions["cond"], n.regions["body"]
    axes = Axes()
    axes.region(cond)
    axes.region(body)
    for a, b in zip(cond.inputs, body.inputs):
        axes.join_values(a, b)
    for a, b in zip(body.inputs, body.outputs):
        axes.join_values(a, b)
    return axes


def roles(n: Node, axes: Axes, members: Sequence[Axis]) -> Roles | None:
    """The parts of values where the loop runs on some of the rows of a class; None where it cannot."""
    cond, body = n.regions["cond"], n.regions["body"]
    sliced: dict[Value, int] = {}
    for v, k in members:
        if v in sliced:
            return None  # a table of rows by rows
        sliced[v] = k
    sizes = {v.ir_type.dims[k] for v, k in members}
    rows = sizes.pop()
    if sizes or not isinstance(rows, int):
        return None
    root = axes.root(members[0])
    sums = {m for a, m in axes.sums if axes.root(a) == root}
    partial = _partial(body, sums, sliced, len(n.outputs))
    if partial is None:
        return None
    if any(v in sliced for m in cond.nodes for v in m.inputs) or cond.outputs[0] in sliced:
        return None
    tested = {v for m in cond.nodes for v in m.inputs}
    return None if any(cond.inputs[k] in tested for k in partial) else Roles(rows, sliced, partial)


def _partial(body: Graph, sums: set[Node], sliced: dict[Value, int], carried: int) -> frozenset[int] | None:
    """The carried values that are sums over rows; None where a sum is used for anything else."""
    found: frozenset[int] = frozenset()
    while True:
        shares = {body.inputs[k] for k in found}
        more = set(found)
        for n in body.nodes:
            missing = _shares(n, sums, shares)
            if missing is None:
                return None
            more.update(k for k, v in enumerate(body.inputs[:carried]) if v in missing)
            if any(v not in body.inputs[:carried] for v in missing):
                return None
        if shares & sliced.keys():
            return None
        if more == found:
            gives = {k for k, v in enumerate(body.outputs) if v in shares}
            return found if gives == found else None
        found = frozenset(more)


def _shares(n: Node, sums: set[Node], shares: set[Value]) -> set[Value] | None:
    """Note whether the node's result is partial. What it adds to that which ought to be partial too; None where it
    makes something else of it."""
    given = [v for v in n.inputs if v in shares]
    if n in sums:
        if given:
            return None
        shares.update(n.outputs)
        return set()
    if not given:
        return set()
    if Trait.VIEW in n.op.traits and len(n.inputs) == 1:
        shares.update(n.outputs)
        return set()
    if n.op.lowering != _SUM:
        return None
    shares.update(n.outputs)
    return set(n.inputs) - set(given)
