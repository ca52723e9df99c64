"""Loops one iteration after the other, and the two pieces that every loop is made of: `guarded` and `rounds`.

Invariant: a loop is entered past a test that it runs at all, so what it does not change, loads included, is computed
once before it. Entry point: `emit_serial`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from graphtf.ir.loops.expr import Buffer, Prim
from graphtf.ir.loops.stmt import Carry, For
from graphtf.llvm.codegen.fold import is_number
from graphtf.llvm.codegen.function import FunctionWriter
from graphtf.llvm.codegen.names import register_type, vector
from graphtf.llvm.codegen.scopes import Stream
from graphtf.llvm.codegen.shapes import stored

Typed = tuple[str, str]  # an LLVM type and a value of it
Iteration = Callable[[str, list[str]], list[str]]  # (index, carried values) -> what they are next


@dataclass
class Phi:
    """A value that a loop's first block joins; its line is filled in when the loop's end is known."""

    w: FunctionWriter
    name: str
    type: str
    line: int
    first: str
    origin: str  # the block before the loop

    @staticmethod
    def open(w: FunctionWriter, typed: Typed, origin: str) -> Phi:
        w.lines.append("")
        return Phi(w, w.fresh("phi"), typed[0], len(w.lines) - 1, typed[1], origin)

    def close(self, last: str) -> None:
        text = f"  {self.name} = phi {self.type} [ {self.first}, {self.origin} ], [ {last}, {self.w.block} ]"
        self.w.lines[self.line] = text


def joined(w: FunctionWriter, one: Sequence[Typed], origin: str, other: Sequence[str], end: str) -> list[str]:
    """At the start of a block that is reached from two: the values that come along."""
    return [w.ins(f"phi {t} [ {x}, {origin} ], [ {y}, {end} ]") for (t, x), y in zip(one, other)]


def decided(start: str, stop: str) -> bool | None:
    """Is start < stop, where that is known now?"""
    return int(start) < int(stop) if is_number(start) and is_number(stop) else None


def guarded(
    w: FunctionWriter, start: str, stop: str, carried: Sequence[Typed], inner: Callable[[], list[str]]
) -> list[str]:
    """What `inner` writes, if start < stop; it returns the carried values, which stay as they are otherwise.

    Before it is the place for what the loops in it do not change."""
    runs = decided(start, stop)
    if runs is False:
        return [x for _, x in carried]
    origin = w.block
    enter, after = w.labels("enter", "past")
    if runs is None:
        w.branch(w.ins(f"icmp slt i64 {start}, {stop}"), enter, after)
        w.start(enter)
    before: Stream = []
    w.lines.append(before)
    w.scopes.open_before(before, sure=runs is True)
    lasts = inner()
    w.scopes.close()
    if runs:
        return lasts
    end = w.block
    w.jump(after)
    w.start(after)
    return joined(w, carried, origin, lasts, end)


def rounds(
    w: FunctionWriter, start: str, stop: str, step: str, carried: Sequence[Typed], writes: Iterable[Buffer],
    iteration: Iteration, sure: bool = False,
) -> list[str]:  # fmt: skip
    """for index in range(start, stop, step): iteration; `sure`: there is one. Returns the carried values at the end."""
    runs = decided(start, stop)
    if runs is False:
        return [x for _, x in carried]
    sure = sure or runs is True
    origin = w.block
    loop, after = w.labels("loop", "done")
    if sure:
        w.jump(loop)
    else:
        w.branch(w.ins(f"icmp slt i64 {start}, {stop}"), loop, after)
    w.start(loop)
    index = Phi.open(w, ("i64", start), origin)
    phis = [Phi.open(w, typed, origin) for typed in carried]
    w.scopes.open_body(writes)
    lasts = iteration(index.name, [p.name for p in phis])
    w.scopes.close()
    following = w.module.counted(w, w.ins(f"add nsw i64 {index.name}, {step}"))
    for phi, last in zip([index, *phis], [following, *lasts]):
        phi.close(last)
    w.branch(w.ins(f"icmp slt i64 {following}, {stop}"), loop, after)
    end = w.block
    w.start(after)
    return lasts if sure else joined(w, carried, origin, lasts, end)


def carry_type(w: FunctionWriter, c: Carry) -> str:
    return vector(register_type(c.var.dtype), w.lanes.count if w.lanes is not None else 1)


def next_value(w: FunctionWriter, c: Carry) -> str:
    return w.vec(Prim(c.combine, (c.var, c.next), c.var.dtype) if c.combine else c.next)


def name_carried(w: FunctionWriter, s: For, values: Sequence[str]) -> None:
    """The carried variables have these values from here on."""
    for c, x in zip(s.carries, values):
        w.name(c.var, x, wide=w.lanes is not None)


def iterate(w: FunctionWriter, s: For) -> Iteration:
    """One iteration."""

    def iteration(index: str, values: list[str]) -> list[str]:
        w.name(s.var, index)
        name_carried(w, s, values)
        w.run(s.body)
        return [next_value(w, c) for c in s.carries]

    return iteration


def straight(w: FunctionWriter, s: For, index: str, values: list[str]) -> list[str]:
    """One iteration, not as a loop."""
    w.scopes.open_step()
    lasts = iterate(w, s)(index, values)
    w.scopes.close()
    return lasts


def emit_serial(w: FunctionWriter, s: For) -> None:
    """for var in range(start, stop, step), in order."""
    start, stop, step = w.scalar(s.start), w.scalar(s.stop), w.scalar(s.step)
    values = [w.vec(c.init) for c in s.carries]
    if all(map(is_number, (start, stop, step))) and int(start) < int(stop) <= int(start) + int(step):
        name_carried(w, s, straight(w, s, start, values))
        return
    carried = [(carry_type(w, c), x) for c, x in zip(s.carries, values)]
    writes = stored(s.body)
    body = iterate(w, s)
    lasts = guarded(
        w, start, stop, carried, lambda: rounds(w, start, stop, step, carried, writes, body, sure=True)
    )  # fmt: skip
    name_carried(w, s, lasts)
