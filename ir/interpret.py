"""The interpreter: runs a graph node by node on the NumPy references, and so defines what a program means.

Invariant: every value an op sees has the type the graph states; values are released after their last use; an error
keeps its class and names the user's line once. Entry points: `interpret(graph, args)`, `run_node`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir.dims import SymDim, symbols
from graphtf.ir.errors import OpError, ResourceExhaustedError
from graphtf.ir.graph import Graph, Node, Source, Value, substitute_attr
from graphtf.ir.match import Env, bind_result, check_known, guard_names, match_arguments
from graphtf.ir.state import Cell
from graphtf.ir.types import TensorType, type_of

Array = np.ndarray[Any, Any]
OnNode = Callable[[Node, Sequence[Any], Sequence[Array]], None]  # (node, inputs, outputs), after the node has run


def interpret(
    graph: Graph, args: Sequence[Any], env: Env | None = None, on_node: OnNode | None = None
) -> list[Array]:
    """The graph's outputs for arrays, and Cells for its references. `env` holds sizes known already.

    Raises InvalidArgumentError for arguments that do not fit, and whatever the nodes raise.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> interpret(build([tensor("float32", 2)], lambda x: add(x, x)), [np.float32([1, 2])])
    [array([2., 4.], dtype=float32)]
    """
    plan = _plan(graph)
    sizes = {**(env or {}), **plan.match(args)}
    natives = [a if isinstance(a, Cell) or a.dtype.isnative else a.astype(a.dtype.newbyteorder("=")) for a in args]
    with np.errstate(all="ignore"):
        return _run(plan, natives, sizes, on_node)


def run_node(node: Node, operands: Sequence[Any], env: Env, on_node: OnNode | None = None) -> list[Array]:
    """The outputs of one node, for sizes that are known."""
    return node_runner(node, on_node)(operands, env)


def node_runner(node: Node, on_node: OnNode | None = None) -> Callable[[Sequence[Any], Env], list[Array]]:
    """The function of operands and known sizes that gives a node's outputs: for a node that runs many times."""
    step = _Step(node)

    def run(operands: Sequence[Any], env: Env) -> list[Array]:
        try:
            with np.errstate(all="ignore"):
                return _apply(step, operands, env, on_node)
        except Exception as error:
            locate(error, node.source)
            raise

    return run


# ---- plans: what is worked out once for each graph -------------------------------------------------------------------


class _Step:
    """A node, with the places of its operands and results."""

    __slots__ = ("attrs", "binds", "drop", "node", "operands", "results", "symbolic")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.attrs = dict(node.attrs)
        self.symbolic = {k: names for k, a in node.attrs.items() if (names := _symbols_of(a))}
        self.operands: tuple[int, ...] = ()
        self.results: tuple[int, ...] = ()
        self.drop: list[int] = []  # places that nothing reads any more
        self.binds = False  # do its results make sizes known?


class _Plan:
    """A graph, prepared to be run. It does not refer to the graph, so that it ends with it."""

    def __init__(self, graph: Graph) -> None:
        place: dict[Value, int] = {v: k for k, v in enumerate(graph.inputs)}
        known = {s for v in graph.inputs for s in _sizes_in(v)}
        self.inputs = len(graph.inputs)
        self.steps: list[_Step] = []
        last: dict[int, int] = {k: 0 for k in range(self.inputs)}
        for i, n in enumerate(graph.nodes):
            step = _Step(n)
            step.operands = tuple(place[v] for v in n.inputs)
            last.update(dict.fromkeys(step.operands, i))
            for v in n.outputs:
                place[v] = len(place)
                last[place[v]] = i
                fresh = set(_sizes_in(v)) - known
                step.binds |= bool(fresh)
                known |= fresh
            step.results = tuple(place[v] for v in n.outputs)
            self.steps.append(step)
        self.outputs = tuple(place[v] for v in graph.outputs)
        for at in self.outputs:
            last.pop(at, None)
        for at, i in last.items():
            if self.steps:
                self.steps[i].drop.append(at)
        self.size = len(place)
        self.name = graph.name
        self.match = match_arguments(graph)
        self.late = [g for g in graph.guards if not guard_names(g) <= self.match.names]


def _sizes_in(v: Value) -> list[str]:
    t = v.type if isinstance(v.type, TensorType) else v.type.content
    return [s for d in t.dims_or_none for s in symbols(d)]


def _symbols_of(attr: Any) -> set[str]:
    """Names of the sizes in an attribute."""
    if isinstance(attr, tuple):
        return set[str]().union(*map(_symbols_of, attr))
    return set(symbols(attr)) if isinstance(attr, SymDim) else set()


_plans: weakref.WeakKeyDictionary[Graph, _Plan] = weakref.WeakKeyDictionary()


def _plan(graph: Graph) -> _Plan:
    found = _plans.get(graph)
    if found is None:
        found = _plans[graph] = _Plan(graph)
    return found


# ---- running ---------------------------------------------------------------------------------------------------------


def _run(plan: _Plan, args: Sequence[Any], env: Env, on_node: OnNode | None) -> list[Array]:
    values: list[Any] = [None] * plan.size
    values[: plan.inputs] = args
    step = None
    try:
        for step in plan.steps:
            operands = [values[k] for k in step.operands]
            outs = _apply(step, operands, env, on_node)
            if step.binds:
                _note_sizes(plan, step.node, outs, env)
            for k, out in zip(step.results, outs):
                values[k] = out
            for k in step.drop:
                values[k] = None
    except Exception as error:
        locate(error, step.node.source if step else None)
        raise
    return [values[k] for k in plan.outputs]


def _run_region(graph: Graph, args: Sequence[Any], env: Env, on_node: OnNode | None) -> list[Array]:
    check_known(graph.guards, env, graph.name)
    return _run(_plan(graph), args, dict(env), on_node)


def _apply(step: _Step, operands: Sequence[Any], env: Env, on_node: OnNode | None) -> list[Array]:
    node = step.node
    op = node.op
    attrs = step.attrs
    if step.symbolic:
        known = {k: substitute_attr(attrs[k], env) for k, names in step.symbolic.items() if not names.isdisjoint(env)}
        attrs = {**attrs, **known} if known else attrs
    if node.regions:
        result = op.ref(*operands, run=lambda g, xs: _run_region(g, xs, env, on_node), **node.regions, **attrs)
    else:
        try:
            result = op.ref(*operands, **attrs)
        except MemoryError as error:
            raise ResourceExhaustedError(None, None, f"{op.name}: no memory for its result ({error})") from None
        except ValueError:
            if op.pure:
                op.infer(*map(type_of, operands), **attrs)  # says what is wrong in the op's terms
            raise
    if op.results == 1:
        outs = [result if type(result) is np.ndarray else np.asarray(result)]
    else:
        outs = [np.asarray(x) for x in result] if result is not None else []
    if on_node is not None:
        on_node(node, operands, outs)
    return outs


def _note_sizes(plan: _Plan, node: Node, outs: Sequence[Array], env: Env) -> None:
    """Sizes that results make known, and what was assumed of them."""
    for v, out in zip(node.outputs, outs):
        bind_result(v.ir_type, out, env, f"{node.op.name}: its result")
    check_known(plan.late, env, plan.name)


def locate(error: Exception, source: Source | None) -> None:
    """Add the user's line to an error's text, unless it has one."""
    if source is None or getattr(error, "__graphtf_located__", False):
        return
    if isinstance(error, OpError):
        error.message = f"{error.message} (defined at {source})"
        error.args = (error.message,)
    else:
        error.add_note(f"defined at {source}")
    error.__graphtf_located__ = True  # type: ignore[attr-defined]
