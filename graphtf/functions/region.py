"""Regions: Python functions traced into the bodies of `if`, `while` and the like.

Invariant: a region is closed; what it refers to from outside are its trailing inputs, in one order for all regions of a
node. Entry points: `trace_region`, `close_regions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import Trace, tracing
from graphtf.ir.graph import Graph, Value
from graphtf.ir.types import TensorType
from graphtf.recording import active, touch
from graphtf.tensor import SymbolicTensor


@dataclass
class Region:
    """A traced region, not yet closed."""

    trace: Trace
    arguments: list[Value]
    structure: Any  # what the function returned, leaves being tensors, or None
    outputs: list[SymbolicTensor]


def trace_region(
    name: str, parent: Trace, types: Sequence[TensorType], call: Callable[[list[SymbolicTensor]], Any]
) -> Region:
    """Trace `call` on tensors of the types. Its result's leaves become the region's outputs; None stays None."""
    trace = Trace(name, parent, region=True)
    arguments = [trace.input(t) for t in types]
    tensors = [trace.wrapped(v, f"{name}_arg") for v in arguments]
    with tracing(trace):
        result = call(tensors)
        leaves = [None if x is None else convert_to_tensor(x) for x in nest.flatten(result, expand_composites=True)]
        outputs = [x if isinstance(x, SymbolicTensor) and x._trace() is trace else _local(trace, x) for x in leaves if x is not None]
    structure = nest.pack_sequence_as(result, leaves, expand_composites=True) if nest.is_nested(result) else leaves[0]
    return Region(trace, arguments, structure, outputs)


def _local(trace: Trace, x: Any) -> SymbolicTensor:
    return trace.wrapped(trace.value_of(x), "captured", getattr(x, "known", None))


def close_regions(parent: Trace, regions: Sequence[Region]) -> tuple[list[Any], list[Graph]]:
    """The operands that all regions take beyond their arguments, and the closed graphs, whose inputs match them."""
    shared: dict[int, Any] = {}
    for region in regions:
        for x, _ in region.trace.outside():
            shared.setdefault(id(x), x)
        parent.guards += [g for g in region.trace.guards if g not in parent.guards]
        for key, variable in region.trace.variables.items():
            parent.variables.setdefault(key, variable)
            if active.tapes:
                touch(variable)
    graphs = []
    for region in regions:
        own = {id(x): v for x, v in region.trace.outside()}
        extra = [own.get(key) or Value(parent.value_of(x).type) for key, x in shared.items()]
        outputs = tuple(t.value for t in region.outputs)
        inputs = (*region.arguments, *extra)
        graphs.append(Graph(inputs, tuple(region.trace.nodes), outputs, region.trace.name, tuple(region.trace.guards)))
    variables = {id(v.cell): v for region in regions for v in region.trace.variables.values()}
    return [variables.get(key, x) for key, x in shared.items()], graphs
