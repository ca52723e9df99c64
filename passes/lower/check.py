"""Checks on values: assertions, and whether numbers are finite. The message that shows the values is made where it is
raised.

Invariant: the first element that fails is the one reported; a check with no elements holds. Entry points:
`lower_assert`, `lower_finite`.
"""

from __future__ import annotations

from graphtf.ir import dtypes as dt
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, lit, prim, size
from graphtf.ir.loops.stmt import Carry, Check, For, LoopFunc, Site, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import Nest


def _site(node: Node, message: str) -> Site:
    return Site(node.op.name, message, str(node.source) if node.source else "")


def lower_assert(node: Node, caps: Caps, name: str) -> LoopFunc:
    """Every element of operand 0 must be true; the other operands are for the message."""
    condition = node.inputs[0]
    buffer = Buffer("in0", dt.bool_, condition.ir_type.size)
    frame = Frame(name, {condition: buffer}, {}, (buffer,), doc=node.op.name)
    frame.sites.append(_site(node, str(node.attrs.get("message") or "assertion failed")))
    if buffer.size == 1:
        return finish(frame, [Check(Load(buffer, lit(0)), 0, lit(0))])
    k, all_true = Var("k"), Var("all", dt.bool_)
    carry = Carry(all_true, Lit(True, dt.bool_), Load(buffer, k), "and")
    loop = For(k, lit(0), size(buffer.size), (), "vector", carries=(carry,))
    return finish(frame, [loop, Check(all_true, 0, lit(0))])


def lower_finite(node: Node, caps: Caps, name: str) -> LoopFunc:
    """A copy of the operand, each element of which must be finite."""
    frame = Frame.of(node, name)
    source, target = frame.params
    frame.sites.append(_site(node, f"{node.attrs.get('message', '')} : Tensor had Inf or NaN values"))

    def body(index: tuple[Expr, ...]) -> list[Stmt]:
        (i,) = index
        x = Load(source, i)
        return [Check(prim("isfinite", x), 0, i), Store(target, i, x)]

    return finish(frame, Nest((node.out.ir_type.size,), 1).emit(body))
