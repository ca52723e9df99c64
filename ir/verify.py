"""The verifier: is a graph well formed, and does every node have the types its rule gives?

Invariant: a graph that passes can be interpreted, compiled and printed without a check of its structure. Linear.
Entry point: `verify(graph)`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir.dims import Dim, SymDim, collecting_guards, substitute, symbols
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import OpError, VerifyError
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import infer_types
from graphtf.ir.text import graph_lines, has_text
from graphtf.ir.types import TensorType, Type

_CONTEXT = 3  # lines shown around an offender


def verify(g: Graph) -> None:
    """Raises VerifyError, with the lines around the offender, if `g` is not well formed."""
    _verify(g, g, set())


def _verify(g: Graph, whole: Graph, seen: set[int]) -> None:
    defined: set[Value] = set()

    def define(v: Value, n: Node | None) -> None:
        if v in defined or id(v) in seen:
            raise _error(whole, n, f"a value of type {v.type} is defined twice")
        defined.add(v)
        seen.add(id(v))

    for v in g.inputs:
        define(v, None)
    for n in g.nodes:
        for k, v in enumerate(n.inputs):
            if v not in defined:
                raise _error(whole, n, f"{n.op.name}: operand {k} is not defined before it, in the same region")
        _check_form(n, whole)
        _check_types(n, whole, g)
        for v in n.outputs:
            define(v, n)
        for region in n.regions.values():
            _verify(region, whole, seen)
    for k, v in enumerate(g.outputs):
        if v not in defined:
            raise _error(whole, None, f"output {k} is not defined in the graph")


def _check_form(n: Node, whole: Graph) -> None:
    op = n.op
    if op.arity is not None and len(n.inputs) != op.arity:
        raise _error(whole, n, f"{op.name}: {len(n.inputs)} operands, expected {op.arity}")
    unknown = set(n.attrs) - set(op.attrs)
    if unknown:
        raise _error(whole, n, f"{op.name}: unknown attributes {sorted(unknown)}, expected some of {list(op.attrs)}")
    for k, a in n.attrs.items():
        if not has_text(a):
            raise _error(whole, n, f"{op.name}: attribute {k} is a {type(a).__name__}, which a graph cannot hold")
    if set(n.regions) != set(op.regions):
        raise _error(whole, n, f"{op.name}: regions {sorted(n.regions)}, expected {sorted(op.regions)}")


def _check_types(n: Node, whole: Graph, g: Graph) -> None:
    try:
        with collecting_guards([*g.guards, *whole.guards]):
            types = infer_types(n.op, tuple(v.type for v in n.inputs), n.all_attrs())
    except OpError as e:
        raise _error(whole, n, str(e)) from None
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError) as e:
        raise _error(whole, n, f"{n.op.name}: its attributes or operands do not fit ({e})") from None
    for t in types:
        if not isinstance(t.dtype, DType):
            raise _error(whole, n, f"{n.op.name}: {t.dtype!r} among its attributes is not a dtype")
    have = tuple(v.type for v in n.outputs)
    equal = [*g.guards, *whole.guards]
    if len(types) != len(have) or not all(agrees(a, b, equal) for a, b in zip(types, have)):
        raise _error(whole, n, f"{n.op.name}: has types {_shown(have)}, its rule gives {_shown(types)}")


def agrees(inferred: Type, have: Type, guards: Sequence[tuple[Dim, Dim]]) -> bool:
    """Are two types equal, sizes being so under the guards?"""
    if inferred == have:
        return True
    if not isinstance(inferred, TensorType) or not isinstance(have, TensorType) or inferred.dtype is not have.dtype:
        return False
    if inferred.shape is None or have.shape is None or len(inferred.shape) != len(have.shape):
        return False
    pairs = [(a, b) for a, b in zip(inferred.shape, have.shape) if a != b]
    names = _renamed(guards)
    return all((a, b) in guards or (b, a) in guards or _reduced(a, names) == _reduced(b, names) for a, b in pairs)


def _renamed(guards: Sequence[tuple[Dim, Dim]]) -> dict[str, Dim]:
    """What the guards say that names stand for."""
    names: dict[str, Dim] = {}
    for pair in guards:
        a, b = (_reduced(d, names) for d in pair)
        for name, other in ((a, b), (b, a)):
            if isinstance(name, SymDim) and name.is_symbol and str(name) not in set(symbols(other)):
                names = {k: substitute(d, {str(name): other}) for k, d in names.items()} | {str(name): other}
                break
    return names


def _reduced(d: Dim, names: dict[str, Dim]) -> Dim:
    return substitute(d, names) if names else d


def _shown(types: tuple[Type, ...]) -> str:
    return "(" + ", ".join(map(str, types)) + ")"


def _error(g: Graph, n: Node | None, message: str) -> VerifyError:
    if n is None:
        return VerifyError(f"graph {g.name}: {message}")
    where = f" (from {n.source})" if n.source else ""
    return VerifyError(f"graph {g.name}: {message}{where}\n{_around(g, n)}")


def _around(g: Graph, n: Node) -> str:
    """The lines of the text near the node."""
    try:
        lines = graph_lines(g)
    except TypeError:  # an attribute has no text
        return "  (the graph has no text form)"
    at = lines.of[n]
    shown = range(max(0, at - _CONTEXT), min(len(lines), at + _CONTEXT + 1))
    return "\n".join(("> " if i == at else "  ") + lines[i] for i in shown)
