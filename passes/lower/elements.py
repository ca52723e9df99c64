"""From a region to scalar expressions: one element of any value, in terms of the kernel's buffers.

Invariant: an element asked for twice at the same index is one expression, so what nodes share is computed once.
Entry point: `Elements(region, buffers).element(value, index)`; `override` puts something else in a value's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphtf.ir.dims import Shape
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Size, lit, prim
from graphtf.ir.loops.stmt import Check, Site, Stmt
from graphtf.ir.op import Body, Element, ElementCheck, IndexCheck, Scalar
from graphtf.ir.ops.generate import uniform
from graphtf.passes.fusion.classify import is_literal
from graphtf.passes.lower.offsets import flat_offset

Index = tuple[Expr, ...]


class Elements:
    """Elements of a region's values. `sites` collects what the checks of the kernel are about."""

    def __init__(self, region: Graph, buffers: Mapping[Value, Buffer], sites: list[Site] | None = None) -> None:
        self.buffers = buffers
        self.producer = region.producers()
        self.sites = sites if sites is not None else []
        self.overridden: dict[Value, Expr] = {}
        self.memo: dict[Any, tuple[Index, Expr]] = {}
        self.pending: list[Stmt] = []

    def override(self, v: Value, e: Expr) -> None:
        """Wherever `v` is read, at any index, read `e`: an accumulator, a row's statistic, a stored value."""
        self.overridden[v] = e

    def checks(self) -> list[Stmt]:
        """The checks that the elements asked for so far need, to be placed before their use."""
        found, self.pending = self.pending, []
        return found

    def element(self, v: Value, index: Sequence[Expr]) -> Expr:
        """The element of `v` at `index`, one int64 expression for each axis."""
        if v in self.overridden:
            return self.overridden[v]
        index = tuple(index)
        key = (v, tuple(map(_identity, index)))
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = (index, self.compute(v, index))
        return found[1]

    def compute(self, v: Value, index: Index) -> Expr:
        buffer = self.buffers.get(v)
        if buffer is not None and v not in self.producer:
            return Load(buffer, flat_offset(index, v.ir_type.dims))
        n = self.producer[v]
        lowering = n.op.lowering
        if is_literal(n):
            literal = uniform(n.attrs["value"])
            assert literal is not None  # fusion keeps other constants in memory
            return literal
        if isinstance(lowering, Element):
            return self.from_element(n, lowering, index)
        shape = v.ir_type.dims
        operands = [self.element(x, broadcast_index(index, shape, x.ir_type.dims)) for x in n.inputs]
        if isinstance(n.op.check, ElementCheck):
            self.note(n, n.op.check.fn(*operands, **n.attrs), n.op.check.message)
        if isinstance(lowering, Scalar):
            return prim(lowering.prim, *operands)
        if isinstance(lowering, Body):
            out: Expr = lowering.fn(*operands, **n.attrs)
            return out
        raise TypeError(f"{n.op.name} is not computed element by element")

    def from_element(self, n: Node, lowering: Element, index: Index) -> Expr:
        types = [x.ir_type for x in n.inputs]

        def read(k: int, at: Index) -> Expr:
            return self.element(n.inputs[k], at)

        if isinstance(n.op.check, IndexCheck):
            refused = n.op.check.fn(index, read, n.out.ir_type, types, **n.attrs)
            if refused is not None:
                condition, value, message = refused
                self.note(n, condition, message, value)
        out: Expr = lowering.fn(index, read, n.out.ir_type, types, **n.attrs)
        return out

    def note(self, n: Node, condition: Expr | None, message: str, value: Expr | None = None) -> None:
        """The kernel refuses elements for which `condition` does not hold."""
        if condition is None:
            return
        self.sites.append(Site(n.op.name, message, str(n.source) if n.source else ""))
        self.pending.append(Check(condition, len(self.sites) - 1, value if value is not None else lit(0)))


def broadcast_index(index: Index, shape: Shape, operand: Shape) -> Index:
    """The operand's index for an element of a broadcast result."""
    shift = len(shape) - len(operand)
    return tuple(lit(0) if d == 1 and shape[i + shift] != 1 else index[i + shift] for i, d in enumerate(operand))


def _identity(e: Expr) -> Any:
    """Equal for index expressions that are surely the same."""
    if isinstance(e, Lit):
        return "literal", e.value
    return ("size", e.dim) if isinstance(e, Size) else id(e)
