"""Vector loops: several iterations at once, then those that fill no vector one by one.

A range whose length is known ends in narrower vectors. Invariant: every iteration computes the same bits whichever
way it runs; partial results of a reduction are joined in an order that only the loop's bounds decide: vectors pairwise,
lanes by halves, then what came in, then the remainder in order. Entry point: `emit_vector`.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphtf.ir.loops.expr import Prim, Var
from graphtf.ir.loops.stmt import Carry, For
from graphtf.llvm.codegen.fold import is_number
from graphtf.llvm.codegen.function import FunctionWriter, Lanes
from graphtf.llvm.codegen.names import literal, register_type, splat, vector
from graphtf.llvm.codegen.serial import (
    Typed,
    emit_serial,
    guarded,
    iterate,
    name_carried,
    next_value,
    rounds,
    straight,
)
from graphtf.llvm.codegen.shapes import Varying, length, scalarises, stored, uses_registers, widest

STRAIGHT = 4  # vectors of a constant range that are written one after the other instead of as a loop,
LONGEST = 96  # if they take no more instructions than this; nor does a round, where its vectors share no results
MOST_LANES = 32


def emit_vector(w: FunctionWriter, s: For) -> None:
    """Rounds of several vectors, single vectors, the rest."""
    varying = Varying(s)
    lanes = s.lanes or min(MOST_LANES, max(1, w.module.vector_bytes // widest(s)))
    start, stop = w.scalar(s.start), w.scalar(s.stop)
    if is_number(start) and is_number(stop):
        lanes = fitting(lanes, int(stop) - int(start))
    if lanes == 1 or any(c.combine is None for c in s.carries) or scalarises(s, varying):
        emit_serial(w, s)
        return
    varying.aligned = lanes if is_number(start) and int(start) % lanes == 0 else 0
    inits: list[Typed] = [(register_type(c.var.dtype), w.scalar(c.init)) for c in s.carries]
    v = Vectors(w, s, lanes, varying, [x for _, x in inits])
    inner = v.constant if is_number(start) and is_number(stop) else v.ranged
    name_carried(w, s, guarded(w, start, stop, inits, lambda: inner(start, stop)))


def fitting(lanes: int, count: int) -> int:
    """Lanes of which a short range fills at least one vector."""
    while lanes > max(1, count):
        lanes //= 2
    return lanes


class Vectors:
    """One vector loop. `values`: the partial results, for each carried variable one vector for each of a round's."""

    def __init__(self, w: FunctionWriter, s: For, lanes: int, varying: Varying, inits: list[str]) -> None:
        self.w, self.s, self.lanes, self.varying, self.inits = w, s, lanes, varying, inits
        self.length = max(1, length(s))
        self.width = max(1, s.unroll if s.carries else min(s.unroll, LONGEST // self.length))
        self.types = [vector(register_type(c.var.dtype), lanes) for c in s.carries]
        self.writes = stored(s.body)
        self.values: list[list[str]] = []

    def open(self, width: int) -> None:
        self.width = width
        self.values = [[neutral(c, self.lanes)] * width for c in self.s.carries]

    def constant(self, start: str, stop: str) -> list[str]:
        """A range known now: no test is made that is decided already."""
        first, count = int(start), int(stop) - int(start)
        whole = count // self.lanes
        rounded = whole - whole % self.width
        registers = uses_registers(self.s)
        self.open(self.width if rounded else 1)
        if whole > 1 and not registers and (whole > STRAIGHT or whole * self.length > LONGEST):
            self.loop(start, str(first + rounded * self.lanes), self.width)
            written = rounded
        else:
            written = 0
        for k in range(written, whole):
            self.step(str(first + k * self.lanes), k % self.width if k < rounded else 0)
        totals = self.join()
        left = first + whole * self.lanes
        if not registers and not self.s.carries:
            left = self.narrower(left, int(stop))
        if registers or int(stop) - left == 1:
            for i in range(left, int(stop)):
                totals = straight(self.w, self.s, str(i), totals)
            return totals
        return self.rest(str(left), stop, totals)

    def ranged(self, start: str, stop: str) -> list[str]:
        """A range known at run time."""
        w = self.w
        self.open(self.width)
        count = w.index("sub", [stop, start])
        at = start
        for width in dict.fromkeys((self.width, 1)):
            per = width * self.lanes
            spare = w.ins(f"and i64 {count}, {per - 1}" if per & (per - 1) == 0 else f"urem i64 {count}, {per}")
            until = w.index("sub", [stop, spare])
            self.loop(at, until, width)
            at = until
        return self.rest(at, stop, self.join())

    def narrower(self, start: int, stop: int) -> int:
        """Iterations that fill a vector of half the lanes, or of half of those, and so on; where the others begin."""
        lanes = self.lanes // 2
        while lanes > 1 and start < stop:
            if stop - start >= lanes:
                varying = Varying(self.s)
                varying.aligned = lanes if self.varying.aligned else 0
                Vectors(self.w, self.s, lanes, varying, []).step(str(start), 0)
                start += lanes
            lanes //= 2
        return start

    def rest(self, start: str, stop: str, totals: list[str]) -> list[str]:
        """The iterations that fill no vector."""
        carried = [(register_type(c.var.dtype), x) for c, x in zip(self.s.carries, totals)]
        return rounds(self.w, start, stop, "1", carried, self.writes, iterate(self.w, self.s))

    def loop(self, start: str, stop: str, width: int) -> None:
        """Rounds of `width` vectors from start to stop, a multiple of the round apart."""
        kept = [values[:width] for values in self.values]
        carried = [(t, x) for t, values in zip(self.types, kept) for x in values]

        def round(index: str, values: list[str]) -> list[str]:
            self.values = [values[k * width : (k + 1) * width] for k in range(len(self.types))]
            for k in range(width):
                self.step(self.w.index("add", [index, str(k * self.lanes)]), k)
            return [x for row in self.values for x in row]

        before = self.values
        lasts = rounds(self.w, start, stop, str(width * self.lanes), carried, self.writes, round)
        self.values = [lasts[k * width : (k + 1) * width] + old[width:] for k, old in enumerate(before)]

    def step(self, first: str, slot: int) -> None:
        """One vector of iterations from `first`, its carried values in the slot."""
        w, s = self.w, self.s
        w.scopes.open_step()
        w.lanes = Lanes(s.var, self.lanes, self.varying)
        w.name(s.var, first)
        for c, values in zip(s.carries, self.values):
            w.name(c.var, values[slot], wide=True)
        w.run(s.body)
        lasts = [next_value(w, c) for c in s.carries]
        w.lanes = None
        w.scopes.close()
        for values, last in zip(self.values, lasts):
            values[slot] = last

    def join(self) -> list[str]:
        """The carried values as scalars."""
        out = []
        for c, values, init in zip(self.s.carries, self.values, self.inits):
            combine = Combine(self.w, c)
            while len(values) > 1:
                pairs = [combine(a, b, self.lanes) for a, b in zip(values[::2], values[1::2])]
                values = pairs + values[len(pairs) * 2 :]
            out.append(combine(init, combine.across(values[0], self.lanes), 1))
        return out


@dataclass
class Combine:
    """A carry's combining primitive on values already computed."""

    w: FunctionWriter
    carry: Carry

    def __call__(self, a: str, b: str, lanes: int) -> str:
        assert self.carry.combine is not None
        x, y = Var("a", self.carry.var.dtype), Var("b", self.carry.var.dtype)
        return self.w.apply(Prim(self.carry.combine, (x, y), self.carry.var.dtype), [a, b], lanes)

    def across(self, x: str, lanes: int) -> str:
        """All lanes of a vector combined, halves first."""
        t = register_type(self.carry.var.dtype)
        while lanes > 2 and lanes % 2 == 0:
            half = lanes // 2
            x = self(self.half(x, t, lanes, 0), self.half(x, t, lanes, half), half)
            lanes = half
        parts = [self.w.ins(f"extractelement {vector(t, lanes)} {x}, i64 {k}") for k in range(lanes)]
        total = parts[0]
        for p in parts[1:]:
            total = self(total, p, 1)
        return total

    def half(self, x: str, t: str, lanes: int, base: int) -> str:
        order = ", ".join(f"i32 {base + k}" for k in range(lanes // 2))
        v = vector(t, lanes)
        return self.w.ins(f"shufflevector {v} {x}, {v} poison, <{lanes // 2} x i32> <{order}>")


def neutral(c: Carry, lanes: int) -> str:
    """What leaves a value unchanged under the carry's combine, in every lane."""
    return splat(literal(_neutral_value(c), c.var.dtype), register_type(c.var.dtype), lanes)


def _neutral_value(c: Carry) -> float | int | bool:
    d = c.var.dtype
    if c.combine in ("add", "or", "xor"):
        return False if d.is_bool else -0.0 if d.is_floating else 0
    if c.combine == "mul":
        return True if d.is_bool else 1
    if c.combine == "and":
        return True if d.is_bool else -1
    if c.combine not in ("min", "max"):
        raise ValueError(f"a carried value is combined by {c.combine}, which has no neutral element")
    if d.is_bool:
        return c.combine == "min"
    if d.is_floating:
        return float("-inf") if c.combine == "max" else float("inf")
    return int(d.min if c.combine == "max" else d.max)
