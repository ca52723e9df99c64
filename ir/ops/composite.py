"""Kernels as the fusion pass makes them: a region of ops that is computed in one go.

Invariant: only the fusion pass makes these nodes, and their regions hold pure ops; `kind` names the class of lowering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir.graph import Graph
from graphtf.ir.op import Kernel, Op, Sample, Unsupported
from graphtf.ir.ops.control import Run, in_interpreter, region_fits
from graphtf.ir.types import TensorType, Type

KINDS = ("loop", "reduce", "rows", "contract", "single")


def _fusion_infer(*types: Type, kind: str, body: Graph) -> tuple[TensorType, ...]:
    if kind not in KINDS:
        raise fusion.violated(1, f"attribute kind is {kind!r}, expected one of {', '.join(KINDS)}", "value")
    region_fits(fusion, 2, "body", body, types)
    impure = [n for n in body.nodes if not n.op.pure]
    if impure:
        raise fusion.violated(3, f"region body holds {impure[0].op.name}", "value")
    return tuple(v.ir_type for v in body.outputs)


def _fusion_ref(*operands: Any, kind: str, body: Graph, run: Run = in_interpreter) -> tuple[Any, ...]:
    found: Sequence[Any] = run(body, operands)
    return tuple(found)


fusion = Op(
    "fusion", "the results of region `body`, computed by one kernel of a kind", _fusion_infer, _fusion_ref,
    Unsupported("kernels are made after gradients"), Kernel("fusion"), arity=None, attrs=("kind",), regions=("body",),
    constraints=("the kind is one there is", "the region takes the operands", "the region is pure"), results=None,
    samples=(Sample("f32[3]", {"kind": "loop"}),),
)  # fmt: skip
