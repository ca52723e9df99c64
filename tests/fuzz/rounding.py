"""Where native results may differ from the reference, and by how much: the rounding of each node.

Invariant: everything is exact, bit for bit, but transcendental functions, whose ULP are stated here, and floating sums
and products, whose order is free: of those the rounding is a share of the sum of magnitudes.
Entry points: `rounding(node, operands, outputs)`, `inexact_values(graph)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.graph import Graph, Node, Value, substitute_attr
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Decompose, Effect, Kernel, Op, Reduce, Scalar
from graphtf.ir.types import RefType, TensorType

Array = np.ndarray[Any, Any]

ULP = 8.0  # of a transcendental function, against NumPy's or SciPy's, whose own error counts too
ULP_OF = {"sqrt": 0.0, "rsqrt": 2.0, "pow": 16.0, "digamma": 64.0, "lgamma": 64.0, "erfinv": 64.0, "ndtri": 64.0}
SUM_ULP = 2.0  # times the square root of the number of terms, of the sum of magnitudes
ORDER_MATTERS = frozenset({
    "add", "mul", "logaddexp", "contract", "convolve", "convolve_grad_input", "convolve_grad_filter", "scan", "scatter",
    "window_sum", "window_sum_grad", "max_pool_grad", "recurrence",
})  # fmt: skip
NEAR_ZEROS = frozenset({"digamma", "lgamma"})  # near a zero their error is absolute: that of a result of size 1
CHOOSES = frozenset({"max_pool_grad"})  # by the values of all operands but the last


# ---- ops -------------------------------------------------------------------------------------------------------------


def ulp_of(op: Op, dtype: DType, attrs: dict[str, Any]) -> float:
    """ULP by which an elementwise op may differ: the sum over the functions in its body; 0 if it is exact."""
    if not dtype.is_floating:
        return 0.0
    if isinstance(op.lowering, Scalar):
        return _ulp_of_prim(op.lowering.prim)
    if isinstance(op.lowering, Body):
        body = op.lowering.fn(*(s.Var(f"x{k}", dtype) for k in range(op.arity or 0)), **attrs)
        return sum(map(_ulp_of_prim, _prims(body)))
    return 0.0


def _ulp_of_prim(name: str) -> float:
    return ULP_OF.get(name, ULP if name in s.TRANSCENDENTAL else 0.0)


def _prims(x: s.Expr) -> Iterable[str]:
    if isinstance(x, s.Prim):
        yield x.name
    for y in s.children(x):
        yield from _prims(y)


def accumulates(node: Node) -> bool:
    """Does it add or multiply floating numbers in an order of its own?"""
    if not any(_inexact_dtype(v) for v in node.outputs) or node.attrs.get("combine", "add") not in ORDER_MATTERS:
        return False
    return _kind(node) in ORDER_MATTERS


def _kind(node: Node) -> str:
    lowering = node.op.lowering
    if isinstance(lowering, Reduce):
        return lowering.combine
    return lowering.kind if isinstance(lowering, Kernel) else ""


def _inexact_dtype(v: Value) -> bool:
    return isinstance(v.type, TensorType) and v.type.dtype.is_inexact


def is_exact(node: Node) -> bool:
    """Given the same operands, are the results the reference's, bit for bit?"""
    if isinstance(node.op.lowering, Decompose):
        return not any(_inexact_dtype(v) for v in node.outputs)
    if not isinstance(node.op.lowering, (Scalar, Body)):
        return not accumulates(node)
    first = next((v for v in node.inputs if isinstance(v.type, TensorType)), None)
    return first is None or ulp_of(node.op, _arithmetic_dtype(node), dict(node.attrs)) == 0


def _arithmetic_dtype(node: Node) -> DType:
    """The floating dtype among operands, else that of the first one."""
    dtypes = [v.type.dtype for v in node.inputs]
    return next((d for d in dtypes if d.is_floating), dtypes[0])


# ---- amounts ---------------------------------------------------------------------------------------------------------


def epsilon(dtype: np.dtype[Any]) -> float:
    """The distance from 1 to the next number."""
    real = as_dtype(dtype).real_dtype.np
    return float(ml_dtypes.finfo(real).eps)


def tiniest(dtype: np.dtype[Any]) -> float:
    """The least positive number, subnormal ones included."""
    return float(ml_dtypes.finfo(as_dtype(dtype).real_dtype.np).smallest_subnormal)


def rounding(node: Node, operands: Sequence[Any], outs: Sequence[Array]) -> list[Array | None]:
    """For each output, by how much each element may be off: None where all are exact, infinite where order decides."""
    found: list[Array | None] = [None] * len(outs)
    if is_exact(node):
        return found
    with np.errstate(all="ignore"):
        if node.attrs.get("combine") == "logaddexp":  # each step rounds as a function of numbers of this size
            most = max((float(np.nanmax(np.abs(a[np.isfinite(a)]), initial=1)) for a in operands), default=1.0)
            sizes, ulp = [np.abs(_wide(a)) + most for a in outs], ULP * np.sqrt(_terms(operands, outs))
        elif accumulates(node):
            sizes, ulp = magnitudes(node, operands, outs), SUM_ULP * np.sqrt(_terms(operands, outs))
        else:
            sizes = [np.abs(_wide(a)) + (node.op.name in NEAR_ZEROS) for a in outs]
            ulp = max(ulp_of(node.op, _arithmetic_dtype(node), dict(node.attrs)), ULP)
        for k, (out, size) in enumerate(zip(outs, sizes)):
            if out.dtype.kind not in "biuO":
                found[k] = _amount(out, size, ulp)
    return found


def _amount(out: Array, size: Array, ulp: float) -> Array:
    """The share of the magnitudes that may be off."""
    if out.dtype.itemsize == 2:  # computed in float32 and rounded once
        ulp = max(2.0, ulp * epsilon(np.dtype(np.float32)) / epsilon(out.dtype))
    off = np.where(size != 0, size * (ulp * epsilon(out.dtype)) + tiniest(out.dtype), 0.0)
    overflows = np.isfinite(out) & ~np.isfinite(size) | (np.abs(size) > float(as_dtype(out.dtype).real_dtype.max))
    return np.where(overflows, np.inf, np.where(np.isfinite(_wide(out)), off, 0.0))


def _terms(operands: Sequence[Any], outs: Sequence[Array]) -> float:
    return float(max([1, *(a.size for a in operands if isinstance(a, np.ndarray)), *(a.size for a in outs)]))


def _wide(a: Array) -> Array:
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def magnitudes(node: Node, operands: Sequence[Any], outs: Sequence[Array]) -> list[Array]:
    """What the terms of each sum amount to, infinities among them left out. Infinite where some order of multiplying
    overflows, or underflows, on the way."""
    known = _sizes(node, operands, outs)
    if _multiplies(node):
        most, least = (_absolute(node, operands, known, clip) for clip in (_at_least_one, _at_most_one))
        outs = _absolute(node, operands, known, lambda a: a)
        return [np.where(low < _TINY, np.inf, np.where(high > _HUGE, high, size))
                for high, low, size in zip(most, least, outs)]  # fmt: skip
    return _absolute(node, operands, known, lambda a: a)


_TINY, _HUGE = 1e-37, 1e37
_at_least_one: Callable[[Array], Array] = lambda a: np.maximum(a, 1)  # noqa: E731
_at_most_one: Callable[[Array], Array] = lambda a: np.where(a == 0, 1, np.minimum(a, 1))  # noqa: E731


def _multiplies(node: Node) -> bool:
    return "mul" in (getattr(node.op.lowering, "combine", None), node.attrs.get("combine"))


def _absolute(
    node: Node, operands: Sequence[Any], known: dict[str, Any], clip: Callable[[Array], Array]
) -> list[Array]:
    """The node's outputs for the absolute values of its floating operands."""
    linear = operands[-1:] if _kind(node) in CHOOSES else operands
    positive = [*operands[: -len(linear)], *(_magnitude(a, clip) if isinstance(a, np.ndarray) else a for a in linear)]
    attrs = {k: substitute_attr(a, known) for k, a in node.all_attrs().items()}
    out = node.op.ref(*positive, **attrs)
    return [np.abs(_wide(np.asarray(a))) for a in (out if isinstance(out, tuple) else (out,))]


def _sizes(node: Node, operands: Sequence[Any], outs: Sequence[Array]) -> dict[str, Any]:
    """The sizes that the shapes of operands and results make known."""
    values = zip((*node.inputs, *node.outputs), (*operands, *outs))
    pairs = [(v.ir_type, a) for v, a in values if isinstance(a, np.ndarray)]
    return {str(d): k for t, a in pairs for d, k in zip(t.dims_or_none, a.shape)}


def _magnitude(a: Array, clip: Callable[[Array], Array]) -> Array:
    if not as_dtype(a.dtype).is_inexact:
        return a
    wide = np.abs(_wide(a))
    return clip(np.where(np.isfinite(wide), wide, 0.0))


# ---- graphs ----------------------------------------------------------------------------------------------------------


def inexact_values(graph: Graph, inexact_inputs: Iterable[Value] = ()) -> set[Value]:
    """Values that may differ: made by a node that rounds, or from such values. For a reference: what it may hold."""
    found = set(inexact_inputs)
    while True:
        before = len(found)
        for n in graph.nodes:
            _spread(n, found)
        if len(found) == before:
            return found


def _spread(n: Node, found: set[Value]) -> None:
    tainted = [v for v in n.inputs if v in found]
    if n.op.effect is Effect.WRITE:
        if n.inputs[1] in found:
            found.add(n.inputs[0])
        return
    if not n.regions:
        if tainted or not is_exact(n) or _shows_nan(n) or picks_a_zero(n):
            found.update(n.outputs)
        return
    for r in n.regions.values():
        if _region_rounds(n, r, found):
            found.update(n.outputs)
            found.update(v for v in n.inputs if isinstance(v.type, RefType) and _writes(r))


def _shows_nan(n: Node) -> bool:
    """Does it show bits of floating numbers? Any NaN is as good as another, but not its bits."""
    return n.op.name == "bitcast" and _inexact_dtype(n.inputs[0])


def picks_a_zero(n: Node) -> bool:
    """Is it the greatest or least of several floating numbers? Of zeros of both signs that is either."""
    combine = n.op.lowering.combine if isinstance(n.op.lowering, Reduce) else n.attrs.get("combine")
    return combine in ("max", "min") and _inexact_dtype(n.outputs[0])


def _region_rounds(n: Node, region: Graph, found: set[Value]) -> bool:
    outer = n.inputs[len(n.inputs) - len(region.inputs) :] if len(region.inputs) <= len(n.inputs) else ()
    inside = inexact_values(region, (a for a, b in zip(region.inputs, outer) if b in found))
    return bool(inside) or any(v in found for v in n.inputs)


def _writes(region: Graph) -> bool:
    return any(n.op.effect is Effect.WRITE for n in region.walk())
