"""The gradient of a branch is a branch on the same condition.

Invariant: each side is differentiated by itself; what it saves is a further result of the branch, for which the other
side gives zeros; what has sizes made known inside is computed again. Entry point: `pull_branch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir.binding import active_binder, bind, binding
from graphtf.ir.builder import Builder
from graphtf.ir.graph import Graph
from graphtf.ir.ops.control import if_
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType, Type
from graphtf.passes.autodiff.cut import economical
from graphtf.passes.autodiff.joint import Split, joint
from graphtf.passes.autodiff.record import Applied, Backward
from graphtf.passes.autodiff.widen import NewSize, fitted, operand_types, result_types, type_of, widened, zeros
from graphtf.passes.reads import only_read, valued
from graphtf.passes.rebuild import content, refit

SIDES = ("then", "orelse")


def pull_branch(r: Applied, cts: Sequence[Any], wanted: Sequence[bool], backward: Backward) -> list[Any]:
    """The cotangents of a branch's operands, of which the condition is the first."""
    types = operand_types(r)[1:]
    regions = {k: refit(r.attrs[k], types) for k in SIDES}
    reads = only_read(regions.values())
    regions = {k: valued(g, reads) for k, g in regions.items()}
    given = [k for k, ct in enumerate(cts) if ct is not None]
    wants = [k for k, want in enumerate(wanted[1:]) if want]
    parts: dict[str, Split] = {}
    changing = [k for k, t in enumerate(result_types(r)) if t.shape is None]
    for side, g in regions.items():
        j = joint(g, wants, given, backward, changing)
        parts[side] = j.split(sorted(economical(j, inside=True), key=lambda v: v.serial))
    found = sorted({k for s in parts.values() for k in s.found})
    if not found:
        return [None] * len(r.operands)

    def make(xs: Sequence[Any], new_size: NewSize) -> tuple[Sequence[Any], Sequence[Any]]:
        operands = [p.read(x) if k in reads else x for k, x in enumerate(xs[1:])]
        out = bind(if_, xs[0], *operands, **_forward_regions(parts))
        return out, [*out[len(r.outputs) :], *operands]

    return _pulled(r, cts, parts, found, make)


def _pulled(r: Applied, cts: Sequence[Any], parts: dict[str, Split], found: list[int], make: Any) -> list[Any]:
    extra = widened(r, make)
    count = sum(len(s.saved) for s in parts.values())
    saved, operands = extra[:count], extra[count:]
    shapeless = {k for k in found if content(type_of(operands[k])).shape is None}
    taken = sorted({k for s in parts.values() for k in s.taken} | shapeless)
    given = [cts[k] for k in parts["then"].given]
    takes = [*(operands[k] for k in taken), *saved, *given]
    regions = _backward_regions(parts, taken, found, [type_of(operands[k]) for k in found], [x.ir_type for x in given])
    out = dict(zip(found, bind(if_, r.operands[0], *takes, **regions)))
    return [None, *(out.get(k) for k in range(len(r.operands) - 1))]


def _within() -> Builder | None:
    here = active_binder()
    return here if isinstance(here, Builder) else None


def _forward_regions(parts: dict[str, Split]) -> dict[str, Graph]:
    """Each side gives its results, then what both sides save: its own values in their places, else zeros."""
    regions = {}
    for side, s in parts.items():
        b = Builder(s.forward.name, within=_within())
        inputs = [b.input(v.type, v.hint) for v in s.forward.inputs]
        b.guards += s.forward.guards
        own = len(s.forward.outputs) - len(s.saved)
        with binding(b):
            outs = b.inline(s.forward, inputs)
            saved = [outs[own:] if k == side else [zeros(v.type) for v in t.saved] for k, t in parts.items()]
        regions[side] = b.finish([*outs[:own], *saved[0], *saved[1]])
    return regions


def _backward_regions(
    parts: dict[str, Split], taken: list[int], found: list[int], types: list[Type], given: list[TensorType]
) -> dict[str, Graph]:
    """Each side takes the operands `taken`, what both sides saved, and the cotangents."""
    regions = {}
    for side, s in parts.items():
        b = Builder(s.backward.name, within=_within())
        b.guards += s.backward.guards
        operand = {k: b.input(_input_type(parts, k)) for k in taken}
        saved = {k: [b.input(v.type) for v in t.saved] for k, t in parts.items()}
        cts = [b.input(t) for t in given]
        with binding(b):
            cts = [fitted(ct, v.ir_type) for ct, v in zip(cts, s.backward.inputs[len(s.taken) + len(s.saved) :])]
            outs = dict(zip(s.found, b.inline(s.backward, [*(operand[k] for k in s.taken), *saved[side], *cts])))
            results = [outs[k] if k in outs else zeros(t, operand.get(k)) for k, t in zip(found, types)]
        regions[side] = b.finish(results)
    return regions


def _input_type(parts: dict[str, Split], k: int) -> Type:
    """The type both sides take operand k with."""
    return next(s.forward.inputs[k].type for s in parts.values())
