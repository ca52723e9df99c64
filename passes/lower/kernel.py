"""What all kernels share: buffers for a node's operands and results, and the finished `LoopFunc`.

Invariant: a kernel's params are the node's inputs in order, then its outputs; `sizes` are the symbols its body uses.
Entry points: `Frame.of`, `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from graphtf.ir import dims
from graphtf.ir.graph import Node, Value
from graphtf.ir.loops.expr import Buffer, Expr, Size, children, size
from graphtf.ir.loops.stmt import Alloc, Check, Copy, For, If, Let, LoopFunc, Prefetch, Site, Stmt, Store, While


@dataclass
class Frame:
    """The buffers of one kernel. Keys are the region's values for a fusion node, the node's own otherwise."""

    name: str
    operands: dict[Value, Buffer]
    results: dict[Value, Buffer]
    params: tuple[Buffer, ...]
    temps: list[Buffer] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    doc: str = ""

    @staticmethod
    def of(node: Node, name: str) -> Frame:
        """Buffers in%d and out%d for the node's operands and results."""
        region = node.regions.get("body")
        inner = region.inputs if region is not None else node.inputs
        left = region.outputs if region is not None else node.outputs
        ins = [Buffer(f"in{i}", v.ir_type.dtype, v.ir_type.size) for i, v in enumerate(inner)]
        outs = [Buffer(f"out{i}", v.ir_type.dtype, v.ir_type.size) for i, v in enumerate(left)]
        doc = " ".join(n.op.name for n in region.nodes) if region is not None else node.op.name
        return Frame(name, dict(zip(inner, ins)), dict(zip(left, outs)), (*ins, *outs), doc=doc[:200])


def finish(frame: Frame, body: Iterable[Stmt]) -> LoopFunc:
    """The kernel with that body."""
    body = tuple(body)
    names: set[str] = set()
    for b in (*frame.params, *frame.temps):
        names.update(dims.symbols(b.size))
    for s in body:
        names.update(_symbols(s))
    sizes, temps = tuple(sorted(names)), tuple(frame.temps)
    return LoopFunc(frame.name, frame.params, sizes, body, temps, frame.doc, tuple(frame.sites))


def _symbols(s: Stmt) -> Iterator[str]:
    seen: set[int] = set()
    for e in _expressions(s):
        yield from _expr_symbols(e, seen)


def _expr_symbols(e: Expr, seen: set[int]) -> Iterator[str]:
    stack = [e]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Size):
            yield from dims.symbols(x.dim)
        stack.extend(children(x))


def _expressions(s: Stmt) -> Iterator[Expr]:
    """Every expression a statement holds, those of nested statements included."""
    if isinstance(s, Let):
        yield s.value
    elif isinstance(s, Store):
        yield from (s.index, s.value)
    elif isinstance(s, Check):
        yield from (s.condition, s.value)
    elif isinstance(s, Prefetch):
        yield s.index
    elif isinstance(s, Copy):
        yield from (e for e in (s.target_index, s.source_index, s.count) if e is not None)
    elif isinstance(s, For):
        yield from (s.start, s.stop, s.step)
        yield from (e for c in s.carries for e in (c.init, c.next))
    elif isinstance(s, While):
        yield s.condition
        yield from (e for c in s.carries for e in (c.init, c.next))
    elif isinstance(s, If):
        yield s.condition
    elif isinstance(s, Alloc):
        yield size(s.buffer.size)
    for inner in _nested(s):
        yield from _expressions(inner)


def _nested(s: Stmt) -> tuple[Stmt, ...]:
    if isinstance(s, For):
        return s.body
    if isinstance(s, While):
        return (*s.before, *s.body)
    return (*s.then, *s.orelse) if isinstance(s, If) else ()
