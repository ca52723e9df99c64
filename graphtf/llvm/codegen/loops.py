"""Loops of the loop IR as LLVM text: which way each kind is written.

Invariant: a loop's results are those of its iterations in order, but for the joining of partial results, whose order is
fixed. Entry points: `emit_for`, `emit_while`.
"""

from __future__ import annotations

from graphtf.ir.loops.expr import Lit
from graphtf.ir.loops.stmt import For, While
from graphtf.llvm.codegen.function import FunctionWriter
from graphtf.llvm.codegen.names import register_type
from graphtf.llvm.codegen.parallel import emit_parallel
from graphtf.llvm.codegen.scopes import Stream
from graphtf.llvm.codegen.serial import Phi, emit_serial, name_carried, straight
from graphtf.llvm.codegen.shapes import is_nonnegative, stored
from graphtf.llvm.codegen.vectors import emit_vector


def emit_for(w: FunctionWriter, s: For) -> None:
    """Write a loop."""
    if is_nonnegative(s.start, w.nonnegative):
        w.nonnegative.add(id(s.var))
    if s.kind == "parallel":
        emit_parallel(w, s)
    elif s.kind == "unroll":
        emit_unrolled(w, s)
    elif s.kind == "vector" and w.lanes is None:
        emit_vector(w, s)
    else:
        emit_serial(w, s)


def emit_unrolled(w: FunctionWriter, s: For) -> None:
    """The body, repeated for every value of a constant range."""
    if not (isinstance(s.start, Lit) and isinstance(s.stop, Lit) and isinstance(s.step, Lit)):
        raise ValueError(f"the unrolled loop over {s.var.name} has no constant range")
    values = [w.vec(c.init) for c in s.carries]
    for i in range(s.start.value, s.stop.value, s.step.value):
        values = straight(w, s, str(i), values)
    name_carried(w, s, values)


def emit_while(w: FunctionWriter, s: While) -> None:
    """Leaves early when a check has failed, and leaves the function when the user interrupts."""
    before: Stream = []
    carried = [(register_type(c.var.dtype), w.scalar(c.init)) for c in s.carries]
    w.lines.append(before)
    w.scopes.open_before(before, sure=True)
    loop, body, after = w.labels("while", "do", "ended")
    origin = w.block
    w.jump(loop)
    w.start(loop)
    phis = [Phi.open(w, typed, origin) for typed in carried]
    w.scopes.open_body(stored((s,)))
    for c, phi in zip(s.carries, phis):
        w.name(c.var, phi.name)
    w.run(s.before)
    go = w.scalar(s.condition)
    w.branch(w.ins(f"and i1 {go}, {w.module.poll(w)}"), body, after)
    w.start(body)
    w.scopes.open_block()
    w.run(s.body)
    for phi, last in zip(phis, [w.scalar(c.next) for c in s.carries]):
        phi.close(last)
    w.jump(loop)
    for _ in range(3):
        w.scopes.close()
    w.start(after)
    w.leave_if_interrupted()
    for c, phi in zip(s.carries, phis):
        w.name(c.var, phi.name)
