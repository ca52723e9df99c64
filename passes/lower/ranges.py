"""Loops cut where a test on their variable changes: what joins or pads arrays reads each of them in a loop of its own.

Invariant: an expression is replaced only by one that has the same value all over the range. Entry points: `cut`,
`expressions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from graphtf.ir import dims
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import bool_
from graphtf.ir.loops.expr import Expr, Lit, Load, Prim, Var, children
from graphtf.ir.loops.stmt import Check, Let, Stmt, Store
from graphtf.passes.lower.affine import as_size

MOST = 4  # places at which a loop is cut: code grows with them
_TESTS = ("lt", "ge", "le", "gt")


def offset_of(e: Expr, var: Var) -> Dim | None:
    """d, if e is var + d."""
    if e is var:
        return 0
    if isinstance(e, Prim) and e.name in ("add", "sub"):
        a, b = e.args
        inner, d = offset_of(a, var), as_size(b)
        if inner is not None and d is not None:
            return inner + d if e.name == "add" else inner - d
        inner, d = offset_of(b, var), as_size(a)
        if e.name == "add" and inner is not None and d is not None:
            return inner + d
    return None


def cut(var: Var, count: Dim, body: Sequence[Stmt]) -> list[tuple[Dim, Dim, list[Stmt]]]:
    """Ranges that make up 0 … count - 1, each with the statements as they are there; one range if cutting is no use."""
    places = {p for e in expressions(body) if (p := _place(e, var)) is not None and p not in (0, count)}
    numbers = [p for p in places if isinstance(p, int)]
    if not 0 < len(places) <= MOST or (len(numbers) < len(places) and len(places) > 1):
        return [(0, count, list(body))]
    edges: list[Dim] = [0, *(sorted(numbers) if numbers else places), count]
    if isinstance(count, int):
        edges = [e for e in edges if isinstance(e, int) and 0 <= e <= count] if numbers else edges
    return [(low, high, Narrowed(var, low, high).statements(body)) for low, high in pairwise(edges)]


def expressions(body: Sequence[Stmt]) -> list[Expr]:
    """Every expression that the statements of a loop's body hold."""
    found: dict[int, Expr] = {}
    pending = [e for s in body for e in _held(s)]
    while pending:
        e = pending.pop()
        if id(e) not in found:
            found[id(e)] = e
            pending += children(e)
    return list(found.values())


def _held(s: Stmt) -> tuple[Expr, ...]:
    if isinstance(s, Store):
        return s.index, s.value
    if isinstance(s, Check):
        return s.condition, s.value
    return (s.value,) if isinstance(s, Let) else ()


def _place(e: Expr, var: Var) -> Dim | None:
    """The value of the variable from which on a test has another outcome."""
    if not isinstance(e, Prim) or e.name not in ("lt", "ge"):
        return None
    offset, limit = offset_of(e.args[0], var), as_size(e.args[1])
    return None if offset is None or limit is None else limit - offset


class Narrowed:
    """Statements for low <= var < high."""

    def __init__(self, var: Var, low: Dim, high: Dim) -> None:
        self.var, self.low, self.high = var, low, high
        self.memo: dict[int, Expr] = {}
        self.alive: list[Expr] = []

    def statements(self, body: Sequence[Stmt]) -> list[Stmt]:
        out: list[Stmt] = []
        for s in body:
            if isinstance(s, Store):
                s = replace(s, index=self.of(s.index), value=self.of(s.value))
            elif isinstance(s, Check):
                s = replace(s, condition=self.of(s.condition), value=self.of(s.value))
            elif isinstance(s, Let):
                s = replace(s, value=self.of(s.value))
            out.append(s)
        return out

    def of(self, e: Expr) -> Expr:
        """The expression, tests decided; without recursion, since expressions may be deep."""
        pending = [e]
        while pending:
            x = pending[-1]
            missing = [y for y in children(x) if id(y) not in self.memo]
            if id(x) in self.memo or not missing:
                pending.pop()
                if id(x) not in self.memo:
                    self.alive.append(x)
                    self.memo[id(x)] = self.made(x)
            else:
                pending += missing
        return self.memo[id(e)]

    def made(self, e: Expr) -> Expr:
        if isinstance(e, Load):
            index = self.memo[id(e.index)]
            return e if index is e.index else Load(e.buffer, index)
        if not isinstance(e, Prim):
            return e
        args = tuple(self.memo[id(a)] for a in e.args)
        return self.simplified(e.name, args) or (e if args == e.args else Prim(e.name, args, e.dtype))

    def simplified(self, name: str, args: tuple[Expr, ...]) -> Expr | None:
        if name == "select" and isinstance(args[0], Lit):
            return args[1] if args[0].value else args[2]
        if name in ("and", "or") and args[0].dtype is bool_:
            return _logic(name, *args)
        if name in _TESTS:
            return self.test(name, args[0], args[1])
        if name in ("min", "max"):
            x, y = args
            for order, less, more in (("le", x, y), ("ge", y, x)):
                outcome = self.test(order, x, y)
                if isinstance(outcome, Lit) and outcome.value:
                    return less if name == "min" else more
        return None

    def test(self, name: str, x: Expr, y: Expr) -> Expr | None:
        """The outcome, if it is the same all over the range."""
        offset, limit = offset_of(x, self.var), as_size(y)
        if offset is None or limit is None:
            return None
        if name in ("le", "gt"):
            limit = limit + 1
        under = name in ("lt", "le")
        if dims.nonnegative(limit - offset - self.high):
            return Lit(under, bool_)
        return Lit(not under, bool_) if dims.nonnegative(self.low + offset - limit) else None


def _logic(name: str, x: Expr, y: Expr) -> Expr | None:
    for a, b in ((x, y), (y, x)):
        if isinstance(a, Lit):
            return b if bool(a.value) == (name == "and") else a
    return None
