"""How an index grows with a loop variable, so that a kernel walks memory with strides instead of recomputing offsets.

Invariant: an answer is exact; what is not a sum of multiples of the variable has none. Entry point: `stride_of`.
"""

from __future__ import annotations

from graphtf.ir.dims import Dim
from graphtf.ir.loops.expr import Expr, Lit, Prim, Size, Var, children


def depends(e: Expr, var: Var) -> bool:
    """Does the expression mention the variable?"""
    pending, seen = [e], set()
    while pending:
        x = pending.pop()
        if x is var:
            return True
        if id(x) not in seen:
            seen.add(id(x))
            pending += children(x)
    return False


def stride_of(e: Expr, var: Var) -> Dim | None:
    """What is added to index `e` when `var` grows by one: a size, or None if that is not the same everywhere."""
    if e is var:
        return 1
    if not depends(e, var):
        return 0
    if not isinstance(e, Prim) or e.name not in ("add", "sub", "mul"):
        return None
    a, b = e.args
    if e.name == "mul":
        return _scaled(a, b, var) if depends(a, var) else _scaled(b, a, var)
    x, y = stride_of(a, var), stride_of(b, var)
    if x is None or y is None:
        return None
    return x + y if e.name == "add" else x - y


def _scaled(e: Expr, factor: Expr, var: Var) -> Dim | None:
    stride, times = stride_of(e, var), as_size(factor)
    return None if stride is None or times is None else stride * times


def as_size(e: Expr) -> Dim | None:
    """The size that an index expression is, if it is one."""
    if isinstance(e, Lit):
        return int(e.value)
    return e.dim if isinstance(e, Size) else None
