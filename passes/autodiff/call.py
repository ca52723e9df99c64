"""Gradients of calls, and of functions that bring their own gradient.

Invariant: a call and its gradient are of one program, which inlines both, so everything the gradient needs is a result
of the call. Entry points: `pull_call`, `pull_custom`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.ir.binding import bind
from graphtf.ir.graph import Graph, copy_graph
from graphtf.ir.ops.control import call
from graphtf.ir.ops.prims import full_like
from graphtf.passes.autodiff.cut import save_all
from graphtf.passes.autodiff.joint import joint
from graphtf.passes.autodiff.record import Applied, Backward, dtype_of
from graphtf.passes.autodiff.widen import NewSize, operand_types, widened
from graphtf.passes.rebuild import refit


def pull_call(r: Applied, cts: Sequence[Any], wanted: Sequence[bool], backward: Backward) -> list[Any]:
    """The cotangents of a call's operands."""
    body = refit(r.attrs["body"], operand_types(r))
    given = [k for k, ct in enumerate(cts) if ct is not None]
    j = joint(body, [k for k, want in enumerate(wanted) if want], given, backward)
    parts = j.split(save_all(j))

    def make(xs: Sequence[Any], new_size: NewSize) -> tuple[Sequence[Any], Sequence[Any]]:
        out = bind(call, *xs, body=parts.forward)
        return out, out[len(r.outputs) :]

    saved = widened(r, make) if parts.saved else []
    taken = [r.operands[k] for k in parts.taken]
    found = bind(call, *taken, *saved, *(cts[k] for k in parts.given), body=parts.backward) if parts.found else ()
    by_operand = dict(zip(parts.found, found))
    return [by_operand.get(k) for k in range(len(r.operands))]


def pull_custom(r: Applied, cts: Sequence[Any]) -> list[Any]:
    """By the function's own region: it takes operands, results and cotangents."""
    given = [full_like(y, 0) if ct is None else ct for y, ct in zip(r.outputs, cts) if dtype_of(y).is_inexact]
    found = bind(call, *r.operands, *r.outputs, *given, body=_own(r.attrs["vjp"]))
    by_operand = dict(zip((k for k, x in enumerate(r.operands) if dtype_of(x).is_inexact), found))
    return [by_operand.get(k) for k in range(len(r.operands))]


def _own(region: Graph) -> Graph:
    """A copy: a region has its place in one node."""
    return copy_graph(region)[0]
