"""How many iterations a loop takes, where that follows from its form: a counter, a step and a limit.

Invariant: a number given is never too small. Entry point: `known_trips`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir.binding import active_binder
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, ceildiv, maximum
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Trait
from graphtf.ir.types import TensorType
from graphtf.passes.rules.pattern import Apply, Match, matches_node, parse_pattern

ROOMY = 4096  # a bound on iterations that may be far from their number is allocated for up to here

Maker = Callable[[Value], Node | None]


def known_trips(cond: Graph, body: Graph, carried: int, operands: Sequence[Any], promised: Dim | None) -> Dim | None:
    """A number of iterations the loop never exceeds, close enough to be worth allocating for."""
    bound, exact = Counter(cond, body, carried, operands).find()
    if exact:
        return bound
    bounds = [b for b in (bound, promised) if b is not None and (not isinstance(b, int) or b <= ROOMY)]
    return bounds[0] if bounds else None


_COMPARISONS = {"lt(i, n)": 0, "gt(n, i)": 0, "le(i, n)": 1, "ge(n, i)": 1}  # the number of iterations beyond n - i
TESTS = tuple((parse_pattern(text), more) for text, more in _COMPARISONS.items())
BOTH = parse_pattern("logical_and(a, b)")
STEP = parse_pattern("add(i, c)")
PART = parse_pattern("slice{starts=s, limits=l, strides=t}(x)")
CAST = parse_pattern("cast{dtype=d}(x)")


def _match(pattern: Apply, n: Node, maker: Maker) -> Match | None:
    m = Match()
    return m if matches_node(pattern, n, maker, m) else None


@dataclass
class Counter:
    """The search for a counter that a loop's condition tests."""

    cond: Graph
    body: Graph
    carried: int
    operands: Sequence[Any]

    def find(self) -> tuple[Dim | None, bool]:
        """The bound from a test `i < n`, alone or among others that must hold too; and is it the very number?"""
        maker = self.cond.producers().get
        tests = [self.cond.outputs[0]]
        alone = True
        while tests:
            n = maker(tests.pop())
            both = None if n is None else _match(BOTH, n, maker)
            if both is not None:
                tests += [both.values["a"], both.values["b"]]
                alone = False
            elif n is not None:
                bound = self.bound(n, maker)
                if bound is not None:
                    return bound, alone
        return None, False

    def bound(self, n: Node, maker: Maker) -> Dim | None:
        """What a test says of the number of iterations."""
        for pattern, more in TESTS:
            m = _match(pattern, n, maker)
            i = None if m is None else self.counter(m.values["i"])
            if m is None or i is None:
                continue
            step, first, limit = self.step(i), size_of(self.operands[i]), self.limit(m.values["n"], maker)
            if step is None or first is None or limit is None:
                continue
            most = int(m.values["i"].ir_type.dtype.max) - step
            if not isinstance(limit, int) or limit <= most:  # else the counter would wrap around
                return maximum(0, ceildiv(limit - first + more, step))
        return None

    def counter(self, v: Value) -> int | None:
        inputs = self.cond.inputs[: self.carried]
        return inputs.index(v) if v in inputs and v.ir_type.dtype.is_integer else None

    def step(self, i: int) -> int | None:
        """The positive constant that the body adds to carried value i."""
        maker = self.body.producers().get
        n = maker(self.body.outputs[i])
        m = Match(values={"i": self.body.inputs[i]})
        if n is None or not matches_node(STEP, n, maker, m):
            return None
        found = content_of(m.values["c"], maker)
        return found if isinstance(found, int) and found > 0 else None

    def limit(self, v: Value, maker: Maker) -> Dim | None:
        """What a value of the condition is, if it stays the same throughout."""
        if v not in self.cond.inputs:
            return content_of(v, maker)
        k = self.cond.inputs.index(v)
        stays = k >= self.carried or self.body.outputs[k] is self.body.inputs[k]
        return size_of(self.operands[k]) if stays else None


# ---- integers known before the program runs --------------------------------------------------------------------------


def size_of(x: Any) -> Dim | None:
    """The integer that an operand is known to be: a number, or a size."""
    binder = active_binder()
    if not isinstance(x, Value):
        array = getattr(x, "_array", None)
        return int(array) if isinstance(array, np.ndarray) and array.ndim == 0 and array.dtype.kind in "iu" else None
    scope = binder if isinstance(binder, Builder) else None
    while scope is not None:
        if scope.maker(x) is not None:
            return content_of(x, scope.maker)
        scope = scope.within
    return None


def content_of(v: Value, maker: Maker) -> Dim | None:
    """Look through changes of shape and type to a constant or to a size."""
    index = 0
    while True:
        n = maker(v)
        if n is None or not isinstance(v.type, TensorType):
            return None
        if Trait.GENERATOR in n.op.traits:
            return _element(n, index)
        part = _match(PART, n, maker)
        if part is not None:
            start, stride = part.attrs["s"], part.attrs["t"]
            if len(start) != 1 or not isinstance(start[0], int):
                return None
            index = start[0] + index * stride[0]
        elif Trait.SAME_ORDER not in n.op.traits and not _keeps(n, maker):
            return None
        v = n.inputs[0]


def _element(n: Node, index: int) -> Dim | None:
    """Element `index` of a constant or of sizes."""
    if "dims" in n.attrs:
        return n.attrs["dims"][index]  # type: ignore[no-any-return]
    flat = np.asarray(n.attrs.get("value", ())).reshape(-1)
    return int(flat[index]) if flat.dtype.kind in "iu" and index < flat.size else None


def _keeps(n: Node, maker: Maker) -> bool:
    """Is it a cast between integers that keeps any size?"""
    m = _match(CAST, n, maker)
    if m is None or not m.values["x"].ir_type.dtype.is_integer:
        return False
    return bool(m.attrs["d"].is_integer and m.attrs["d"].size >= 4)
