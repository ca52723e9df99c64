"""The notation rules are written in, the same on both sides, and how it matches.

    add(x, neg(y)) => sub(x, y)
    reshape{shape=s}(reshape{shape=t}(x)) => reshape{shape=s}(x)
    div(x, #c) => mul(x, #reciprocal(c))

Words in operand position are variables (the same word, the same value). Numbers, inf, true and false match constants
all of whose elements they are (-0.0 is not 0); `#c` matches any constant whose elements are all one number, and on the
right is such a number, or a function of some. Words in braces name attributes, or on the right call a function of
attributes; there `out` is the shape of the result. Invariant: a match never looks deeper than the pattern.
Entry points: `parse_rule`, `parse_pattern`, `matches_node`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops import OPS

_TOKEN = re.compile(r"\s*(=>|-?inf\b|-?\d+(?:\.\d*)?|[A-Za-z_][A-Za-z0-9_]*|[(){},=#])")
_LITERALS = {"inf": float("inf"), "-inf": float("-inf"), "true": True, "false": False}


@dataclass(frozen=True)
class Hole:
    """A variable."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant all of whose elements are this number or truth value; on the right, of the root's type."""

    value: float | bool


@dataclass(frozen=True)
class Splat:
    """`#c`: a constant all of whose elements are the same; on the right, `fn(*names)` of such numbers as a scalar."""

    names: tuple[str, ...]
    fn: str = ""


@dataclass(frozen=True)
class Apply:
    """An op applied. `attrs`: attribute -> name of an attribute variable, or (function, names) on the right."""

    op: Op
    operands: tuple[Pattern, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


Pattern = Hole | Number | Splat | Apply


@dataclass
class Match:
    """What a pattern's variables stand for."""

    values: dict[str, Value] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)


# ---- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """A cursor over a rule's text."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise ValueError(f"a rule that cannot be read: {text}")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self, expected: str = "") -> str:
        token = self.peek()
        if expected and token != expected:
            raise ValueError(f"rule: found {token!r}, expected {expected!r}")
        self.at += 1
        return token

    def listed(self, close: str, item: Callable[[], Any]) -> list[Any]:
        """Items separated by commas, up to the closing bracket."""
        found = []
        while self.peek() != close:
            found.append(item())
            if self.peek() == ",":
                self.next()
        self.next(close)
        return found

    def pattern(self) -> Pattern:
        token = self.next()
        if token == "#":
            return self.splat()
        if token in _LITERALS:
            return Number(_LITERALS[token])
        if token[:1].isdigit() or token[:1] == "-":
            return Number(float(token))
        if not token.isidentifier():
            raise ValueError(f"rule: found {token!r}, expected an op, a variable or a number")
        if self.peek() not in ("(", "{"):
            return Hole(token)
        attrs = self.attrs() if self.peek() == "{" else {}
        self.next("(")
        return Apply(OPS[token], tuple(self.listed(")", self.pattern)), attrs)

    def splat(self) -> Splat:
        name = self.next()
        if self.peek() != "(":
            return Splat((name,))
        self.next("(")
        return Splat(tuple(self.listed(")", self.next)), name)

    def attrs(self) -> dict[str, Any]:
        self.next("{")
        return dict(self.listed("}", self.attr))

    def attr(self) -> tuple[str, Any]:
        key = self.next()
        self.next("=")
        name = self.next()
        if self.peek() != "(":
            return key, name
        self.next("(")
        return key, (name, tuple(self.listed(")", self.next)))


def parse_rule(text: str) -> tuple[Apply, Pattern]:
    """The two sides. Raises ValueError for text that is not a rule."""
    r = Reader(text)
    left = r.pattern()
    r.next("=>")
    right = r.pattern()
    if not isinstance(left, Apply) or r.peek():
        raise ValueError(f"rule: the left side must apply an op, and nothing follow the right: {text}")
    return left, right


def parse_pattern(text: str) -> Apply:
    """One side, for passes that look for a form. Raises ValueError for text that applies no op."""
    r = Reader(text)
    found = r.pattern()
    if not isinstance(found, Apply) or r.peek():
        raise ValueError(f"pattern: it must apply an op: {text}")
    return found


# ---- matching --------------------------------------------------------------------------------------------------------

Producer = Callable[[Value], Node | None]
_MOST = 64  # elements of a constant that are compared with each other


def splat(v: Value, producer: Producer) -> Any:
    """The one value of all elements of a constant (stretched or not), or None."""
    n = producer(v)
    while n is not None and Trait.STRETCH in n.op.traits:
        n = producer(n.inputs[0])
    if n is None or Trait.GENERATOR not in n.op.traits or "value" not in n.attrs:
        return None
    a = n.attrs["value"]
    if a.size == 0 or a.dtype.kind == "O" or a.size > _MOST:
        return None
    first = a.flat[0]
    return first if a.size == 1 or a.tobytes() == first.tobytes() * a.size else None


def is_number(v: Value, wanted: float | bool, producer: Producer) -> bool:
    """Is `v` a constant of that number, the sign of zero included?"""
    found = splat(v, producer)
    if found is None or found.dtype.kind == "c" or (found.dtype.kind == "b") != isinstance(wanted, bool):
        return False
    return bool(found == wanted) and (bool(wanted) or bool(np.signbit(float(found))) == bool(np.signbit(wanted)))


def matches(p: Pattern, v: Value, producer: Producer, m: Match) -> bool:
    """Does `v` match? Fills `m`."""
    if isinstance(p, Hole):
        return m.values.setdefault(p.name, v) is v
    if isinstance(p, Number):
        return is_number(v, p.value, producer)
    if isinstance(p, Splat):
        found = splat(v, producer)
        return found is not None and m.numbers.setdefault(p.names[0], found) is found
    n = producer(v)
    return n is not None and n.op is p.op and matches_node(p, n, producer, m)


def matches_node(p: Apply, n: Node, producer: Producer, m: Match) -> bool:
    """Does the node match, in either order of operands where the op is commutative?"""
    if n.op is not p.op or len(n.inputs) != len(p.operands):
        return False
    for operands in orders(p):
        trial = Match(dict(m.values), dict(m.attrs), dict(m.numbers))
        if match_attrs(p, n, trial) and all(matches(q, v, producer, trial) for q, v in zip(operands, n.inputs)):
            m.values, m.attrs, m.numbers = trial.values, trial.attrs, trial.numbers
            return True
    return False


def orders(p: Apply) -> tuple[tuple[Pattern, ...], ...]:
    """The orders of operands in which the pattern may be found."""
    if len(p.operands) == 2 and Trait.COMMUTATIVE in p.op.traits:
        return p.operands, p.operands[::-1]
    return (p.operands,)


def match_attrs(p: Apply, n: Node, m: Match) -> bool:
    for key, name in p.attrs.items():
        have = n.attrs.get(key)
        if m.attrs.setdefault(name, have) != have:
            return False
    return True
