"""The laws. Each is exact, bit for bit (any NaN equals any NaN), unless `needs` names what it gives up.

How to write one: both sides in the notation of pattern.py; `where` lists guards on the left side's variables; a rule
whose right side has another type than the left is not applied, so broadcasting needs no guard. `needs` uses LLVM's
names: nsz (the sign of zero), nnan, ninf, reassoc, arcp. Every rule tests itself (tests/passes/test_rules.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Value
from graphtf.passes.rules.pattern import Apply, Match, Pattern, parse_rule

Guard = Callable[[Match], bool]


@dataclass(frozen=True)
class Rule:
    """A named law."""

    name: str
    text: str
    where: tuple[Guard, ...] = ()
    needs: frozenset[str] = frozenset()

    @property
    def sides(self) -> tuple[Apply, Pattern]:
        return parse_rule(self.text)


def rule(name: str, text: str, *where: Guard, needs: str = "") -> Rule:
    return Rule(name, text, where, frozenset(needs.split()))


def dtype_of(v: Value) -> DType:
    return v.ir_type.dtype


def integer(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).is_integer


def real(name: str) -> Guard:
    return lambda m: dtype_of(m.values[name]).kind in "iuf"


def widens(x: str, to: str, back: str) -> Guard:
    """The cast of x to `to` loses nothing, and `back` is x's type or `to` is on the way to a wider one."""

    def holds(m: Match) -> bool:
        a, b, c = dtype_of(m.values[x]), m.attrs[to], m.attrs[back]
        return lossless(a, b) and (c is a or lossless(b, c))

    return holds


def lossless(a: DType, b: DType) -> bool:
    """Does every value of `a` exist in `b`?"""
    if a is b:
        return True
    if a.kind == "b":
        return b.kind in "iuf"
    if a.kind == "f":
        return b.kind == "f" and _PRECISION.get(a.name, 99) <= _PRECISION.get(b.name, 0) and not (
            {a.name, b.name} == {"float16", "bfloat16"}
        )
    if a.kind in "iu" and b.kind in "iu":
        return b.size > a.size and (b.kind == "i" or a.kind == "u")
    return a.kind in "iu" and b.kind == "f" and a.size * 8 <= _PRECISION.get(b.name, 0)


_PRECISION = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}  # bits of the significand


def same_shape(x: str, attr: str) -> Guard:
    return lambda m: m.values[x].ir_type.shape == m.attrs[attr]


def sorted_axes(attr: str) -> Guard:
    return lambda m: tuple(m.attrs[attr]) == tuple(range(len(m.attrs[attr])))


def empty(attr: str) -> Guard:
    return lambda m: len(m.attrs[attr]) == 0


def whole(x: str) -> Guard:
    """The slice s..l by t takes everything of x."""

    def holds(m: Match) -> bool:
        shape = m.values[x].ir_type.shape
        return shape is not None and all(a == 0 for a in m.attrs["s"]) and tuple(m.attrs["l"]) == shape and all(
            t == 1 for t in m.attrs["t"]
        )

    return holds


def last_two(attr: str) -> Guard:
    """The permutation swaps the last two axes and keeps the others."""

    def holds(m: Match) -> bool:
        perm = tuple(m.attrs[attr])
        r = len(perm)
        return r >= 2 and perm == (*range(r - 2), r - 1, r - 2)

    return holds


def all_zero(*attrs: str) -> Guard:
    return lambda m: all(d == 0 for a in attrs for d in m.attrs[a])


# Functions of attributes that right sides may call.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "compose": lambda q, p: tuple(q[i] for i in p),
    "flip": lambda flag: not flag,
}

ALGEBRA: tuple[Rule, ...] = (
    # neutral elements
    rule("add-zero-integer", "add(x, 0) => x", integer("x")),
    rule("add-negative-zero", "add(x, -0.0) => x", real("x")),
    rule("add-zero", "add(x, 0) => x", needs="nsz"),
    rule("sub-zero", "sub(x, 0) => x", real("x")),
    rule("mul-one", "mul(x, 1) => x"),
    rule("div-one", "div(x, 1) => x"),
    rule("pow-one", "pow(x, 1) => x", real("x")),
    rule("mul-zero-integer", "mul(x, 0) => sub(x, x)", integer("x")),
    rule("sub-self-integer", "add(sub(x, y), y) => x", integer("x")),
    # signs
    rule("neg-neg", "neg(neg(x)) => x"),
    rule("add-neg", "add(x, neg(y)) => sub(x, y)"),
    rule("sub-neg", "sub(x, neg(y)) => add(x, y)"),
    rule("mul-minus-one", "mul(x, -1) => neg(x)", real("x")),
    rule("mul-neg-neg", "mul(neg(x), neg(y)) => mul(x, y)", real("x")),
    rule("div-neg-neg", "div(neg(x), neg(y)) => div(x, y)", real("x")),
    rule("abs-neg", "abs(neg(x)) => abs(x)", real("x")),
    rule("abs-abs", "abs(abs(x)) => abs(x)", real("x")),
    rule("square-neg", "mul(neg(x), neg(x)) => mul(x, x)"),
    # powers
    rule("pow-two", "pow(x, 2) => mul(x, x)", real("x")),
    # order
    rule("max-self", "maximum(x, x) => x"),
    rule("min-self", "minimum(x, x) => x"),
    rule("max-max", "maximum(maximum(x, y), y) => maximum(x, y)"),
    rule("min-min", "minimum(minimum(x, y), y) => minimum(x, y)"),
    # choice and logic
    rule("select-same", "select(c, x, x) => x"),
    rule("select-not", "select(logical_not(c), x, y) => select(c, y, x)"),
    rule("not-not", "logical_not(logical_not(x)) => x"),
    rule("not-eq", "logical_not(eq(x, y)) => ne(x, y)"),
    rule("not-ne", "logical_not(ne(x, y)) => eq(x, y)"),
    rule("not-lt-integer", "logical_not(lt(x, y)) => ge(x, y)", integer("x")),
    rule("not-ge-integer", "logical_not(ge(x, y)) => lt(x, y)", integer("x")),
    rule("and-self", "logical_and(x, x) => x"),
    rule("or-self", "logical_or(x, x) => x"),
    # casts
    rule("cast-cast", "cast{dtype=b}(cast{dtype=a}(x)) => cast{dtype=b}(x)", widens("x", "a", "b")),
    # shape
    rule("reshape-reshape", "reshape{shape=s}(reshape{shape=t}(x)) => reshape{shape=s}(x)"),
    rule("reshape-same", "reshape{shape=s}(x) => x", same_shape("x", "s")),
    rule("broadcast-same", "broadcast{shape=s}(x) => x", same_shape("x", "s")),
    rule("broadcast-broadcast", "broadcast{shape=s}(broadcast{shape=t}(x)) => broadcast{shape=s}(x)"),
    rule("transpose-transpose", "transpose{perm=p}(transpose{perm=q}(x)) => transpose{perm=compose(q, p)}(x)"),
    rule("transpose-nothing", "transpose{perm=p}(x) => x", sorted_axes("p")),
    rule("slice-whole", "slice{starts=s, limits=l, strides=t}(x) => x", whole("x")),
    rule("pad-nothing", "pad{low=l, high=h}(x, v) => x", all_zero("l", "h")),
    rule("reverse-reverse", "reverse{axes=a}(reverse{axes=a}(x)) => x"),
    rule("reverse-nothing", "reverse{axes=a}(x) => x", empty("a")),
    rule("sum-nothing", "reduce_sum{axes=a}(x) => x", empty("a")),
    rule("prod-nothing", "reduce_prod{axes=a}(x) => x", empty("a")),
    rule("any-nothing", "reduce_any{axes=a}(x) => x", empty("a")),
    rule("all-nothing", "reduce_all{axes=a}(x) => x", empty("a")),
    rule("max-nothing", "reduce_max{axes=a}(x) => x", empty("a")),
    rule("min-nothing", "reduce_min{axes=a}(x) => x", empty("a")),
    # contractions read transposed operands as they are
    rule("matmul-transpose-left",
         "matmul{transpose_a=f, transpose_b=g, dtype=d}(transpose{perm=p}(x), y)"
         " => matmul{transpose_a=flip(f), transpose_b=g, dtype=d}(x, y)", last_two("p")),
    rule("matmul-transpose-right",
         "matmul{transpose_a=f, transpose_b=g, dtype=d}(x, transpose{perm=p}(y))"
         " => matmul{transpose_a=f, transpose_b=flip(g), dtype=d}(x, y)", last_two("p")),
    rule("stop-gradient", "stop_gradient(x) => x"),
)  # fmt: skip
