"""Functions that bring their own gradient: custom_gradient, recompute_grad, grad_pass_through.

Invariant: eagerly a call is one record whose rule is the function's own; in a trace it is one `custom_gradient` node.
In both, what the rule computes has gradients of its own, to any order. Entry points: the `tf` functions below.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import Region, trace_region
from graphtf.functions.trace import Trace, active_trace, tracing
from graphtf.ir.graph import Graph, Value, copy_graph
from graphtf.ir.op import Effect, Op, Unsupported
from graphtf.ir.ops.control import custom_gradient as custom_op
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.types import RefType
from graphtf.recording import Record, active, record, recording_to, touch
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor
from graphtf.variable import Variable

Rule = Callable[..., Any]


def custom_gradient(f: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """`f` returns (results, rule); `rule(*cotangents)` gives the cotangents of the arguments, for gradients of `f`.

    Where `f` uses variables, the rule must take `variables=` and return (cotangents, cotangents of these variables).
    Raises TypeError if it does not, ValueError for another number of cotangents. Follows
    https://www.tensorflow.org/api_docs/python/tf/custom_gradient.

    >>> @custom_gradient
    ... def bounded(x):
    ...     return x * 2, lambda ct: ct * 10
    >>> bounded(convert_to_tensor(3.))
    <tf.Tensor: shape=(), dtype=float32, numpy=6.0>
    """
    if f is None:
        return custom_gradient

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        flat = [convert_to_tensor(x) for x in nest.flatten(args)]

        def call(tensors: Sequence[Tensor]) -> Any:
            return f(*nest.pack_sequence_as(args, list(tensors)), **kwargs)

        trace = active_trace()
        return _eager(call, flat, args) if trace is None else _staged(trace, call, flat, args)

    return decorated


class _Watcher:
    """A recorder that only notes which trainable variables are used."""

    def __init__(self) -> None:
        self.variables: dict[int, Variable] = {}

    def record(self, entry: Record) -> None:
        """Ops do not matter."""

    def touch(self, variable: Variable) -> None:
        if variable.trainable:
            self.variables.setdefault(id(variable), variable)

    def follows(self, x: Any) -> bool:
        return False


def _eager(call: Callable[[Sequence[Tensor]], Any], flat: list[Tensor], args: Any) -> Any:
    watcher = _Watcher()
    with recording_to((*active.tapes, watcher)):
        result, rule = call(flat)
    variables = list(watcher.variables.values())
    _check_rule(rule, variables)
    ends = [convert_to_tensor(y) for y in nest.flatten(result)]
    outs = [EagerTensor(y._array) for y in ends]  # type: ignore[attr-defined]
    if active.tapes:
        for v in variables:
            touch(v)
        record(_applied(rule, len(flat), variables, args), (*flat, *variables), {}, tuple(outs))
    return nest.pack_sequence_as(result, outs) if nest.is_nested(result) else outs[0]


def _applied(rule: Rule, count: int, variables: list[Variable], args: Any) -> Op:
    """An op whose gradient is the rule."""

    def vjp(cts: Sequence[Any], outs: Sequence[Any], *operands: Any) -> list[Any]:
        given = [full_like(y, 0) if ct is None else ct for ct, y in zip(cts, outs)]
        return _cotangents(rule, given, count, variables)

    return Op(
        "custom_gradient", "a function with its own gradient", _only_recorded, _only_recorded, vjp,
        Unsupported("it is computed already"), arity=None, results=None,
    )  # fmt: skip


def _only_recorded(*args: Any, **attrs: Any) -> Any:
    raise TypeError("a function with its own gradient is recorded as an op, but is not one to be applied")


def _takes_variables(rule: Rule) -> bool:
    try:
        parameters = inspect.signature(rule).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(q.kind is q.VAR_KEYWORD or q.name == "variables" for q in parameters)


def _check_rule(rule: Rule, variables: Sequence[Variable]) -> None:
    if variables and not _takes_variables(rule):
        raise TypeError(
            "If using @custom_gradient with a function that uses variables, then grad_fn must accept a 'variables' "
            "keyword argument."
        )


def _cotangents(rule: Rule, given: Sequence[Any], count: int, variables: list[Variable]) -> list[Any]:
    """What the rule gives: a cotangent or None for each argument, then for each variable."""
    if variables:
        found, of_variables = rule(*given, variables=variables)
    else:
        found, of_variables = rule(*given), []
    flat = [None if g is None else convert_to_tensor(g) for g in nest.flatten(found)]
    if len(flat) != count:
        raise ValueError(
            f"custom_gradient function expected to return {count} gradients, but returned {len(flat)} instead."
        )
    rest = [None if g is None else convert_to_tensor(g) for g in nest.flatten(of_variables)]
    if len(rest) != len(variables):
        raise ValueError("Must return gradient for each variable from @custom_gradient grad_fn.")
    return [*flat, *rest]


# ---- in a trace ------------------------------------------------------------------------------------------------------


def _staged(trace: Trace, call: Callable[[Sequence[Tensor]], Any], flat: list[Tensor], args: Any) -> Any:
    rules: list[Rule] = []

    def forward(tensors: list[SymbolicTensor]) -> Any:
        result, rule = call(tensors)
        rules.append(rule)
        return result

    body = trace_region("custom_body", trace, [x.ir_type for x in flat], forward)
    variables = [v for v in body.trace.variables.values() if v.trainable]
    if active.tapes:
        for v in variables:
            touch(v)
    _check_rule(rules[0], variables)
    back = Trace("custom_vjp", body.trace, region=True)
    types = [y.ir_type for y in body.outputs]
    cts = [back.input(t) for t in types if t.dtype.is_inexact]
    with tracing(back):
        each = iter([back.wrapped(v, "cotangent") for v in cts])
        given = [next(each) if t.dtype.is_inexact else full_like(y, 0) for t, y in zip(types, body.outputs)]
        found = _cotangents(rules[0], given, len(flat), variables)
        operands, ends = _operands(trace, body, back, found, variables)
    graphs = _graphs(body, back, [v for v, _, _ in operands], cts, ends)
    extra = [x for _, x, _ in operands[len(flat) :]]
    outs = list(custom_op(*flat, *extra, body=graphs[0], vjp=graphs[1]))
    each_out = iter(outs)
    kept = [None if x is None else next(each_out) for x in nest.flatten(body.structure, expand_composites=True)]
    return nest.pack_sequence_as(body.structure, kept, expand_composites=True)


Operand = tuple[Value, Any, Any]  # the input of the body, what is passed for it, and the rule's cotangent of it


def _operands(
    trace: Trace, body: Region, back: Trace, found: Sequence[Any], variables: Sequence[Variable]
) -> tuple[list[Operand], list[Value]]:
    """The operands, arguments first, and the cotangents of the inexact ones: zeros where the rule gives none."""
    by_cell = {id(v.cell): g for v, g in zip(variables, found[len(body.arguments) :])}
    operands: list[Operand] = [(v, None, g) for v, g in zip(body.arguments, found)]
    seen = {id(x): x for x, _ in body.trace.outside()}
    for x, _ in back.outside():
        owner = x._trace() if isinstance(x, SymbolicTensor) else None
        if owner is not body.trace:
            seen.setdefault(id(x), x)
    for region in (body.trace, back):
        trace.guards += [g for g in region.guards if g not in trace.guards]
        for key, variable in region.variables.items():
            trace.variables.setdefault(key, variable)
    cells = {id(v.cell): v for v in trace.variables.values()}
    for key, x in seen.items():
        operands.append((body.trace.value_of(x), cells.get(key, x), by_cell.get(key)))
    ends = []
    for v, _, g in operands:
        content = v.type.content if isinstance(v.type, RefType) else v.type
        if content.dtype.is_inexact:
            g = _zero(body.trace, v) if g is None else g
            ends.append(back.value_of(convert_to_tensor(g, content.dtype)))
    return operands, ends


def _zero(trace: Trace, v: Value) -> Any:
    """Zeros like an operand of the body, in the trace of the rule."""
    with tracing(trace):
        x = p.read(v) if isinstance(v.type, RefType) else trace.wrapped(v, "operand")
    return full_like(x, 0)


def _graphs(
    body: Region, back: Trace, inputs: Sequence[Value], cts: Sequence[Value], ends: Sequence[Value]
) -> tuple[Graph, Graph]:
    """The closed graphs of the function and of its gradient. The latter computes again what the rule refers to."""
    own = body.trace
    outputs = tuple(t.value for t in body.outputs)
    forward = Graph(tuple(inputs), tuple(own.nodes), outputs, own.name, tuple(own.guards))
    stand_in = {v: own.value_of(x) for x, v in back.outside()}
    nodes = [replace(n, inputs=tuple(stand_in.get(v, v) for v in n.inputs)) for n in back.nodes]
    last = tuple(stand_in.get(v, v) for v in ends)
    results = tuple(Value(v.type, v.hint) for v in outputs)
    gradient = Graph(
        (*inputs, *results, *cts), (*_needed(own, nodes, last), *nodes), last, back.name, tuple(back.guards)
    )  # fmt: skip
    return copy_graph(forward)[0], copy_graph(gradient)[0]


def _needed(own: Trace, nodes: Sequence[Any], last: Sequence[Value]) -> list[Any]:
    """The nodes of the function that its gradient reads from. Effects are not had twice."""
    live = {v for n in nodes for v in n.inputs} | set(last)
    kept = []
    for n in reversed(own.nodes):
        if any(v in live for v in n.outputs) or (n.outputs and n.op.effect is Effect.NONE and not n.inputs):
            kept.append(n)
            live.update(n.inputs)
    return kept[::-1]


# ---- functions made with it ------------------------------------------------------------------------------------------


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, whose gradient computes `f` again instead of keeping what it computed.

    Follows https://www.tensorflow.org/api_docs/python/tf/recompute_grad.
    """

    @functools.wraps(f)
    def inner(*args: Any, **kwargs: Any) -> Any:
        from graphtf.tape import GradientTape, UnconnectedGradients  # differentiates what this module records

        def rule(*cts: Any, variables: Sequence[Variable] = ()) -> Any:
            flat = [_fresh(convert_to_tensor(x)) for x in nest.flatten(args)]
            with GradientTape() as tape:
                inexact = [x for x in flat if x.dtype.is_inexact]
                tape.watch([*inexact, *variables])
                again = nest.flatten(f(*nest.pack_sequence_as(args, flat), **kwargs))
            found = tape.gradient(again, [*inexact, *variables], list(cts), UnconnectedGradients.ZERO)
            each = iter(found)
            of_args = [next(each) if x.dtype.is_inexact else None for x in flat]
            return (of_args, list(each)) if variables else of_args

        with recording_to(tuple(t for t in active.tapes if isinstance(t, _Watcher))):
            result = f(*args, **kwargs)
        return result, rule

    return custom_gradient(inner)


def _fresh(x: Tensor) -> Tensor:
    """The same value as a tensor of its own, which a tape can watch."""
    out: Tensor = p.cast(x, dtype=x.dtype) if x.ir_type.shape is None else p.reshape(x, shape=x.ir_type.dims)
    return out


def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, with the gradient of the identity.

    Follows https://www.tensorflow.org/api_docs/python/tf/grad_pass_through.
    """

    @functools.wraps(f)
    def inner(*args: Any, **kwargs: Any) -> Any:
        def rule(*cts: Any, variables: Sequence[Variable] = ()) -> Any:
            return (cts, [None] * len(variables)) if variables else cts

        return f(*args, **kwargs), rule

    return custom_gradient(inner)
