"""The notation rules are written in, the same on both sides, and how it matches and builds.

    add(x, neg(y)) => sub(x, y)
    reshape{shape=s}(reshape{shape=t}(x)) => reshape{shape=s}(x)

Words in operand position are variables (the same word, the same value); numbers match constants whose elements all equal
them (-0.0 is not 0); words in braces name attributes, or on the right call a function of attributes. Entry point:
`parse_rule`. Invariant: a match never looks deeper than the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops import OPS

_TOKEN = re.compile(r"\s*(=>|-?\d+(?:\.\d*)?|[A-Za-z_][A-Za-z0-9_]*|[(){},=])")


@dataclass(frozen=True)
class Hole:
    """A variable."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant all of whose elements are this number; on the right, a scalar of the root's dtype."""

    value: float


@dataclass(frozen=True)
class Apply:
    """An op applied. `attrs`: attribute -> name of an attribute variable, or (function, names) on the right."""

    op: Op
    operands: tuple[Pattern, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


Pattern = Union[Hole, Number, Apply]


@dataclass
class Match:
    """What a pattern's variables stand for."""

    values: dict[str, Value] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


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

    def pattern(self) -> Pattern:
        token = self.next()
        if token[0].isdigit() or token[0] == "-":
            return Number(float(token))
        if self.peek() not in ("(", "{"):
            return Hole(token)
        attrs = self.attrs() if self.peek() == "{" else {}
        self.next("(")
        operands: list[Pattern] = []
        while self.peek() != ")":
            operands.append(self.pattern())
            if self.peek() == ",":
                self.next()
        self.next(")")
        return Apply(OPS[token], tuple(operands), attrs)

    def attrs(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.next("{")
        while self.peek() != "}":
            key = self.next()
            self.next("=")
            name = self.next()
            if self.peek() == "(":
                names = []
                self.next("(")
                while self.peek() != ")":
                    names.append(self.next())
                    if self.peek() == ",":
                        self.next()
                self.next(")")
                found[key] = (name, tuple(names))
            else:
                found[key] = name
            if self.peek() == ",":
                self.next()
        self.next("}")
        return found


def parse_rule(text: str) -> tuple[Apply, Pattern]:
    """The two sides. Raises ValueError for text that is not a rule."""
    r = Reader(text)
    left = r.pattern()
    r.next("=>")
    right = r.pattern()
    if not isinstance(left, Apply) or r.peek():
        raise ValueError(f"rule: the left side must apply an op, and nothing follow the right: {text}")
    return left, right


Producer = Callable[[Value], Node | None]


def splat(v: Value, producer: Producer) -> Any:
    """The one value of all elements of a constant (stretched or not), or None."""
    n = producer(v)
    while n is not None and Trait.STRETCH in n.op.traits:
        n = producer(n.inputs[0])
    if n is None or Trait.GENERATOR not in n.op.traits or "value" not in n.attrs:
        return None
    a = n.attrs["value"]
    if a.size == 0 or a.dtype.kind == "O" or a.size > 64:
        return None
    first = a.flat[0]
    return first if a.tobytes() == first.tobytes() * a.size else None


def is_number(v: Value, wanted: float, producer: Producer) -> bool:
    """Is `v` a constant of that number, the sign of zero included?"""
    found = splat(v, producer)
    if found is None or found.dtype.kind in "bc":
        return False
    return bool(found == wanted) and (wanted != 0 or bool(np.signbit(float(found))) == bool(np.signbit(wanted)))


def matches(p: Pattern, v: Value, producer: Producer, m: Match) -> bool:
    """Does `v` match? Fills `m`."""
    if isinstance(p, Hole):
        return m.values.setdefault(p.name, v) is v
    if isinstance(p, Number):
        return is_number(v, p.value, producer)
    n = producer(v)
    return n is not None and matches_node(p, n, producer, m)


def matches_node(p: Apply, n: Node, producer: Producer, m: Match) -> bool:
    """Does the node match, in either order of operands where the op is commutative?"""
    if n.op is not p.op or len(n.inputs) != len(p.operands):
        return False
    orders = [p.operands]
    if Trait.COMMUTATIVE in p.op.traits and len(p.operands) == 2:
        orders.append(p.operands[::-1])
    for operands in orders:
        trial = Match(dict(m.values), dict(m.attrs))
        if match_attrs(p, n, trial) and all(matches(q, v, producer, trial) for q, v in zip(operands, n.inputs)):
            m.values, m.attrs = trial.values, trial.attrs
            return True
    return False


def match_attrs(p: Apply, n: Node, m: Match) -> bool:
    for key, name in p.attrs.items():
        have = n.attrs.get(key)
        if m.attrs.setdefault(name, have) != have:
            return False
    return True
