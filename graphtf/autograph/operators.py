"""What rewritten code calls: statements and operators that decide, when they run, between Python and the graph.

Invariant: on Python values they do what Python does; on tensors of a function being traced they make control-flow
nodes. Entry points: the functions below, which rewritten code knows as `ag__.name`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.api import control
from graphtf.autograph.builtins import overload
from graphtf.autograph.convert import converted_callee
from graphtf.autograph.loops import for_stmt, while_stmt
from graphtf.autograph.parts import part, put_attribute, put_item, settled_parts
from graphtf.autograph.state import Get, Set, Undefined, joined, ld
from graphtf.functions.region import trace_region
from graphtf.functions.trace import Trace, active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p
from graphtf.tensor import SymbolicTensor, Tensor
from graphtf.variable import Variable

__all__ = [
    "Undefined", "and_", "assert_stmt", "callee", "for_stmt", "if_exp", "if_stmt", "ld", "not_", "or_", "part",
    "put_attribute", "put_item", "while_stmt",
]  # fmt: skip


def _staged(x: Any) -> Trace | None:
    """The trace that must decide on a condition; None if Python can."""
    if isinstance(x, SymbolicTensor) or (isinstance(x, Variable) and active_trace() is not None):
        return active_trace()
    return active_trace() if isinstance(x, Tensor) else None


def if_stmt(
    test: Any, then: Callable[[], None], orelse: Callable[[], None], get: Get, put: Set, names: tuple[str, ...]
) -> None:
    """`if test: then() else: orelse()`, which set the variables."""
    trace = _staged(test)
    if trace is None:
        if test:
            then()
        else:
            orelse()
        return
    condition = control.predicate(test, "if")
    before = get()
    after: list[tuple[Any, ...]] = []

    def ran(body: Callable[[], None]) -> Callable[[Any], None]:
        def run(_: Any) -> None:
            put(before)
            body()
            after.append(get())

        return run

    regions = [trace_region(name, trace, (), ran(body)) for name, body in (("if_true", then), ("if_false", orelse))]
    put(settled_parts(names, joined(trace, condition, regions, after, names), before, after))


def if_exp(test: Any, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
    """`then() if test else orelse()`"""
    trace = _staged(test)
    if trace is None:
        return then() if test else orelse()
    return control.branch(trace, control.predicate(test, "conditional expression"), then, orelse, "if_exp")


def and_(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """`first() and second()`"""
    a = first()
    trace = _staged(a)
    if trace is None:
        return a and second()
    return control.branch(trace, control.predicate(a, "and"), lambda: _truth(second()), lambda: a, "and")


def or_(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """`first() or second()`"""
    a = first()
    trace = _staged(a)
    if trace is None:
        return a or second()
    return control.branch(trace, control.predicate(a, "or"), lambda: a, lambda: _truth(second()), "or")


def _truth(x: Any) -> Any:
    return x if isinstance(x, Tensor) else bool(x)


def not_(x: Any) -> Any:
    """`not x`"""
    if _staged(x) is None:
        return not x
    t = x.value() if isinstance(x, Variable) else x
    return p.logical_not(t if t.dtype is dt.bool_ else p.cast(t, dtype=dt.bool_))


def assert_stmt(test: Any, message: Callable[[], Any]) -> None:
    """`assert test, message()`"""
    if _staged(test) is None:
        text = None if test else message()
        assert test, text
        return
    text = message()
    data = [] if text is None else [text] if isinstance(text, (str, Tensor)) else [str(text)]
    shown = text if isinstance(text, str) else ""
    tensors = [x for x in data if isinstance(x, Tensor)]
    assert_(test, *tensors, message=f"assertion failed: [{shown}]" if shown else "")


def callee(f: Any) -> Any:
    """What is called for a call of f: a builtin that knows tensors, f rewritten, or f itself."""
    return overload(f) or converted_callee(f)

