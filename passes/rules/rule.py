"""What a rule is, and the guards that rules are made with.

A rule holds bit for bit (any NaN equals any NaN; which zero the larger of two zeros is, is nobody's business), unless
`needs` names what it gives up, in LLVM's words: nsz (the sign of zero), nnan, ninf (no NaN, no infinity comes up), arcp
(a product with the reciprocal), reassoc (sums and products in another order), afn (another function of the same value).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphtf.ir.dims import Shape, at_most, nonnegative
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Value
from graphtf.passes.rules.pattern import Apply, Match, Pattern, parse_rule

Guard = Callable[[Match], bool]
FLAGS = frozenset({"nsz", "nnan", "ninf", "arcp", "reassoc", "afn"})


@dataclass(frozen=True)
class Rule:
    """A named law."""

    name: str
    text: str
    where: tuple[Guard, ...] = ()
    needs: frozenset[str] = frozenset()

    @functools.cached_property
    def sides(self) -> tuple[Apply, Pattern]:
        return parse_rule(self.text)


def rule(name: str, text: str, *where: Guard, needs: str = "") -> Rule:
    """A rule for the variables of its left side that pass the guards. Raises ValueError for a flag there is not."""
    flags = frozenset(needs.split())
    if not flags <= FLAGS:
        raise ValueError(f"rule {name}: needs {needs}, expected some of {', '.join(sorted(FLAGS))}")
    return Rule(name, text, where, flags)


# ---- guards on dtypes ------------------------------------------------------------------------------------------------


def dtype_of(v: Value) -> DType:
    return v.ir_type.dtype


def integer(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).is_integer


def real(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).kind in "iuf"


def signed(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).kind in "if"


def floating(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).is_floating


def exact(name: str) -> Guard:
    """Integers or truth values: equal numbers are the same, and there is no NaN."""
    return lambda m: dtype_of(m.values[name]).kind in "iub"


def has_dtype(x: str, attr: str) -> Guard:
    return lambda m: dtype_of(m.values[x]) is m.attrs[attr]


def widens(x: str, to: str, back: str) -> Guard:
    """The cast of x to `to` loses nothing, and `back` is x's type or `to` is on the way to a wider one."""

    def holds(m: Match) -> bool:
        a, b, c = dtype_of(m.values[x]), m.attrs[to], m.attrs[back]
        return lossless(a, b) and (c is a or lossless(b, c))

    return holds


def wraps(x: str, to: str, back: str) -> Guard:
    """Integers, of which the second cast keeps no more bits than the first did."""

    def holds(m: Match) -> bool:
        a, b, c = dtype_of(m.values[x]), m.attrs[to], m.attrs[back]
        return bool(a.is_integer and b.is_integer and c.is_integer and c.size <= b.size)

    return holds


def lossless(a: DType, b: DType) -> bool:
    """Does every value of `a` exist in `b`?"""
    if a is b:
        return True
    if a.kind == "b":
        return b.kind in "iuf"
    if a.kind == "f":
        narrow = {a.name, b.name} == {"float16", "bfloat16"}
        return b.kind == "f" and not narrow and _PRECISION.get(a.name, 99) <= _PRECISION.get(b.name, 0)
    if a.kind in "iu" and b.kind in "iu":
        return b.size > a.size and (b.kind == "i" or a.kind == "u")
    return a.kind in "iu" and b.kind == "f" and a.size * 8 <= _PRECISION.get(b.name, 0)


_PRECISION = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}  # bits of the significand


# ---- guards on numbers -----------------------------------------------------------------------------------------------


def power_of_two(name: str) -> Guard:
    """A float whose reciprocal is exact, and neither it nor the reciprocal is subnormal."""

    def holds(m: Match) -> bool:
        c = m.numbers[name]
        x = abs(float(c)) if c.dtype.kind not in "biuc" else 0.0
        least = _LEAST_EXPONENT.get(c.dtype.name, 0)
        return 0 < x < math.inf and math.frexp(x)[0] == 0.5 and abs(math.frexp(x)[1]) < least

    return holds


_LEAST_EXPONENT = {"float16": 14, "bfloat16": 125, "float32": 125, "float64": 1021}


def number_is(name: str, holds: Callable[[Any], bool]) -> Guard:
    return lambda m: holds(m.numbers[name])


# ---- guards on shapes and axes ---------------------------------------------------------------------------------------


def shape_of(m: Match, x: str) -> Shape | None:
    return m.values[x].ir_type.shape


def same_shape(x: str, attr: str) -> Guard:
    return lambda m: shape_of(m, x) == m.attrs[attr]


def scalar(x: str) -> Guard:
    """A tensor of one element."""
    return lambda m: m.values[x].ir_type.is_static and m.values[x].ir_type.size == 1


def sorted_axes(attr: str) -> Guard:
    return lambda m: tuple(m.attrs[attr]) == tuple(range(len(m.attrs[attr])))


def empty(attr: str) -> Guard:
    return lambda m: len(m.attrs[attr]) == 0


def all_are(value: int, *attrs: str) -> Guard:
    return lambda m: all(d == value for a in attrs for d in m.attrs[a])


def whole(x: str) -> Guard:
    """The slice s..l by t takes everything of x."""

    def holds(m: Match) -> bool:
        shape = shape_of(m, x)
        starts, limits, strides = m.attrs["s"], m.attrs["l"], m.attrs["t"]
        return shape is not None and all(a == 0 for a in starts) and tuple(limits) == shape and all(
            t == 1 for t in strides
        )

    return holds


def last_two(attr: str) -> Guard:
    """The permutation swaps the last two axes and keeps the others."""

    def holds(m: Match) -> bool:
        perm = tuple(m.attrs[attr])
        r = len(perm)
        return r >= 2 and perm == (*range(r - 2), r - 1, r - 2)

    return holds


def keeps_order(x: str, perm: str) -> Guard:
    """The permutation moves no axis past another but those of size 1."""

    def holds(m: Match) -> bool:
        shape = shape_of(m, x)
        moved = [k for k in m.attrs[perm] if shape is not None and shape[k] != 1]
        return shape is not None and moved == sorted(moved)

    return holds


def leading_ones(x: str, attr: str) -> Guard:
    """The shape is that of x with axes of size 1 in front."""

    def holds(m: Match) -> bool:
        shape, to = shape_of(m, x), m.attrs[attr]
        extra = len(to) - len(shape) if shape is not None else -1
        return extra >= 0 and all(d == 1 for d in to[:extra]) and to[extra:] == shape

    return holds


def size_one(x: str, axes: str) -> Guard:
    """The axes of x have size 1."""

    def holds(m: Match) -> bool:
        shape = shape_of(m, x)
        return shape is not None and all(shape[k] == 1 for k in m.attrs[axes])

    return holds


def only_stretched(x: str, shape: str, axes: str) -> Guard:
    """The axes of the shape that are reduced are ones along which x is stretched, or that it lacks; none is empty, and
    x has no others of size 1 that are stretched."""

    def holds(m: Match) -> bool:
        own, to, reduced = shape_of(m, x), m.attrs[shape], m.attrs[axes]
        if own is None:
            return False
        extra = len(to) - len(own)
        spread = {k for k, d in enumerate(to) if k < extra or (own[k - extra] == 1 and d != 1)}
        return spread == set(reduced) and all(isinstance(to[k], int) and to[k] > 0 for k in reduced)

    return holds


def inside(x: str) -> Guard:
    """The slice s..l by t of x padded by `a` in front takes nothing of the padding."""

    def holds(m: Match) -> bool:
        shape = shape_of(m, x)
        if shape is None:
            return False
        each = zip(m.attrs["s"], m.attrs["l"], m.attrs["a"], shape)
        return all(nonnegative(s - a) and at_most(b - a, d) for s, b, a, d in each)

    return holds
