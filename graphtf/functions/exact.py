"""Traces for the very sizes of a call, where those break what an open trace assumed of them.

Invariant: whatever runs eagerly runs traced: two open sizes that meet are taken to be equal (DESIGN §4), and where they
are not, the trace is specialised for the sizes that came, or else made again. Entry points: `exact`, `exact_for_types`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphtf.ir.dims import evaluate, substitute
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.match import Guard, guard_names, match_arguments
from graphtf.passes.rebuild import size_names
from graphtf.passes.specialise import specialise, with_own_guards

if TYPE_CHECKING:
    from graphtf.functions.concrete import ConcreteFunction

MOST = 16  # traces kept for exact sizes, of one open trace


def exact(concrete: ConcreteFunction, arrays: list[Any]) -> ConcreteFunction | None:
    """The function for arguments that the trace refused, if it was for its assumptions; None if for another reason.

    Raises InvalidArgumentError for sizes that do not go together at all.
    """
    ir = concrete.ir
    if not ir.guards or concrete._tail is None:
        return None
    try:
        sizes = match_arguments(replace(ir, guards=()))([*arrays, *concrete._tail])
    except InvalidArgumentError:
        return None
    if _hold(ir.guards, sizes):
        return None
    return _made(concrete, sizes, [a.shape for a in arrays])


def exact_for_types(concrete: ConcreteFunction, types: Sequence[Any]) -> ConcreteFunction:
    """The function for operands of these types: itself, or another if known sizes break its assumptions."""
    env = size_names((v.type for v in concrete.ir.inputs), types)
    pairs = [(substitute(a, env), substitute(b, env)) for a, b in concrete.ir.guards]
    if not any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
        return concrete
    sizes = {name: d for name, d in env.items() if isinstance(d, int)}
    return _made(concrete, sizes, [_known(t.shape) for t in types[: len(concrete.signature.leaves)]])


def _hold(guards: Sequence[Guard], sizes: Mapping[str, int]) -> bool:
    """Are sizes as assumed, as far as they are known?"""
    known = (g for g in guards if guard_names(g) <= sizes.keys())
    return all(evaluate(a, sizes) == evaluate(b, sizes) for a, b in known)


def _known(shape: Any) -> Any:
    return None if shape is None else tuple(d if isinstance(d, int) else None for d in shape)


def _made(concrete: ConcreteFunction, sizes: dict[str, int], shapes: Sequence[Any]) -> ConcreteFunction:
    key = tuple(shapes)
    found = concrete._exact.get(key)
    if found is not None:
        return found
    graph = specialise(concrete.ir, sizes)
    found = _with_graph(concrete, graph) if graph is not None else _again(concrete, sizes, shapes)
    while len(concrete._exact) >= MOST:
        concrete._exact.pop(next(iter(concrete._exact)), None)
    concrete._exact[key] = found
    return found


def _with_graph(concrete: ConcreteFunction, graph: Any) -> ConcreteFunction:
    made = copy.copy(concrete)
    made.ir, made._runner, made._differentiable, made._exact = graph, None, None, {}
    return made


def _again(concrete: ConcreteFunction, sizes: dict[str, int], shapes: Sequence[Any]) -> ConcreteFunction:
    """A trace for the very sizes; where those do not go together in a branch, which may not run, the open one, whose
    branches find out."""
    if concrete._retrace is None:
        shown = ", ".join(str(list(s)) for s in shapes)
        raise InvalidArgumentError(None, None, f"{concrete.name}: shapes {shown} break what it assumes of sizes")
    try:
        return concrete._retrace(shapes)  # type: ignore[no-any-return]
    except (ValueError, TypeError) as e:
        graph = with_own_guards(concrete.ir)
        if graph.guards != concrete.ir.guards and _hold(graph.guards, sizes):
            return _with_graph(concrete, graph)
        raise InvalidArgumentError(None, None, f"{concrete.name}: {e}") from None
