"""`tf.gradients` and `tf.hessians`: derivatives within a function, without a tape.

Invariant: they differentiate what the trace and those around it hold, by the engine that tapes use. Entry points:
`gradients`, `hessians`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor, stack_rows
from graphtf.functions.trace import Trace, active_trace
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir.dims import product
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.graph import Value
from graphtf.ir.ops.prims import full_like, p
from graphtf.passes.autodiff import backward
from graphtf.recording import Record
from graphtf.tape import UnconnectedGradients, as_slices
from graphtf.tensor import SymbolicTensor
from graphtf.variable import Variable


class AggregationMethod:
    """How gradients that flow together are added: a hint, and all ways give the same sums here.

    Follows https://www.tensorflow.org/api_docs/python/tf/AggregationMethod.
    """

    ADD_N = 0
    DEFAULT = ADD_N
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


def gradients(
    ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients", gate_gradients: bool = False,
    aggregation_method: int | None = None, stop_gradients: Any = None,
    unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
) -> list[Any]:  # fmt: skip
    """The gradients of the sum of `ys` with respect to each of `xs`, in a function; `grad_ys` weigh their elements.

    Raises RuntimeError outside a function. Follows https://www.tensorflow.org/api_docs/python/tf/gradients.
    """
    trace = active_trace()
    if trace is None:
        raise RuntimeError(
            "tf.gradients is not supported when eager execution is enabled. Use tf.GradientTape instead."
        )
    seen = _Seen(trace)
    targets = [seen.known(convert_to_tensor(y)) for y in nest.flatten(ys)]
    sources = [seen.known(x) for x in nest.flatten(xs)]
    seeds = [None] * len(targets) if grad_ys is None else nest.flatten(grad_ys)
    stopped = {id(seen.known(x)) for x in nest.flatten([] if stop_gradients is None else stop_gradients)}
    records = [r for r in seen.records() if not any(id(y) in stopped for y in r.outputs)]
    pairs = [(y, ct) for y, ct in zip(targets, seeds) if y.dtype.is_inexact]
    cts = [full_like(y, 1) if ct is None else convert_to_tensor(ct, y.dtype) for y, ct in pairs]
    found = as_slices(backward(records, [y for y, _ in pairs], sources, cts, rows=True))
    zero = UnconnectedGradients(unconnected_gradients) is UnconnectedGradients.ZERO
    return [full_like(x, 0) if g is None and zero else g for g, x in zip(found, sources)]


class _Seen:
    """What a trace and those around it hold, as tapes would have recorded it."""

    def __init__(self, trace: Trace) -> None:
        self.traces: list[Trace] = []
        at: Trace | None = trace
        while at is not None:
            self.traces.insert(0, at)
            at = at.parent
        self.tensors: dict[Value, Any] = {}
        for t in self.traces:
            for x, v in t.captured.values():
                self.tensors[v] = self.known(x)

    def known(self, x: Any) -> Any:
        """The one object that stands for a tensor or a variable."""
        if isinstance(x, Variable):
            return x._root
        if isinstance(x, IndexedSlices):
            return self.known(x.values)
        if isinstance(x, SymbolicTensor):
            return self.tensors.setdefault(x.value, x)
        cells = (v for t in self.traces for v in t.variables.values())
        return next((v for v in cells if v.cell is x), x)

    def of(self, v: Value, trace: Trace) -> Any:
        found = self.tensors.get(v)
        if found is None:
            found = self.tensors[v] = trace.wrapped(v, "value")
        return found

    def records(self) -> list[Record]:
        """The nodes, outermost trace first."""
        return [
            Record(
                n.op, tuple(self.of(v, t) for v in n.inputs), n.all_attrs(), tuple(self.of(v, t) for v in n.outputs)
            )
            for t in self.traces
            for n in t.nodes
        ]


def hessians(
    ys: Any, xs: Any, gate_gradients: bool = False, aggregation_method: int | None = None, name: str = "hessians"
) -> list[Any]:
    """The second derivatives of the sum of `ys` by each of `xs`: shape x.shape + x.shape. Sizes of `xs` must be known.

    Raises RuntimeError outside a function, ValueError for open sizes.
    Follows https://www.tensorflow.org/api_docs/python/tf/hessians.
    """
    sources = nest.flatten(xs)
    found = gradients(ys, sources)
    return [_jacobian(g, x) for g, x in zip(found, sources)]


def _jacobian(gradient: Any, x: Any) -> Any:
    dims: Sequence[Any] = convert_to_tensor(x).ir_type.dims
    count = product(dims)
    if not isinstance(count, int):
        raise UnknownShapeError(f"hessians: the sizes of {x!r} must be known when the function is traced")
    if gradient is None:
        return None
    flat = p.reshape(convert_to_tensor(gradient), shape=(count,))
    rows = [gradients(p.slice(flat, starts=(k,), limits=(k + 1,), strides=(1,)), [x])[0] for k in range(count)]
    parts = [full_like(convert_to_tensor(x), 0) if r is None else r for r in rows]
    return p.reshape(stack_rows(parts), shape=(*dims, *dims))
