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
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Shape
from graphtf.ir.graph import Graph, Value
from graphtf.ir.match import Guard, guard_names
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType
from graphtf.passes.sizes import names_in
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
        flat = nest.flatten(result, expand_composites=True)
        leaves = [None if x is None else as_local(trace, convert_to_tensor(x)) for x in flat]
        structure = nest.pack_sequence_as(result, leaves, expand_composites=True)
    return Region(trace, arguments, structure, [x for x in leaves if x is not None])


def as_local(trace: Trace, x: Any) -> SymbolicTensor:
    """A tensor of this trace for a tensor from anywhere."""
    if isinstance(x, SymbolicTensor) and x._trace() is trace:
        return x
    return trace.wrapped(trace.value_of(x), "captured", getattr(x, "known", None))


def forget_shape(region: Region, k: int) -> None:
    """Give output k unknown rank: what it is joined with has another shape."""
    out = region.outputs[k]
    dims = out.ir_type.shape
    if dims is not None:
        with tracing(region.trace):
            region.outputs[k] = p.reshape_to(out, p.dims(dims=dims, dtype=dt.int64), shape=None)


def close_regions(
    parent: Trace, regions: Sequence[Region], branches: bool = False
) -> tuple[list[Any], list[Graph]]:
    """The operands that all regions take beyond their arguments, and the closed graphs, whose inputs match them.

    What regions assume of sizes is assumed outside; what `branches` do, only as far as arguments can tell.
    """
    shared: dict[int, Any] = {}
    for region in regions:
        for x, _ in region.trace.outside():
            shared.setdefault(id(x), x)
        assumed = region.trace.guards if not branches else _of_arguments(parent.root, region.trace.guards)
        parent.guards += [g for g in assumed if g not in parent.guards]
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


def _of_arguments(root: Trace, guards: Sequence[Guard]) -> list[Guard]:
    """The guards about sizes that the function's arguments make known."""
    known = {s for v in root.inputs for s in names_in(v)}
    return [g for g in guards if guard_names(g) <= known]


def common_sizes(a: Shape | None, b: Shape | None) -> tuple[int | None, ...] | None:
    """The sizes that two shapes of one rank share; None for those they do not, and if ranks differ."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(d if d == e and isinstance(d, int) else None for d, e in zip(a, b))
