"""Makers of control flow, variables, and what a program says to the outside.

Invariant: a region's results are made of its own parameters, and both branches of an `if`, like each turn of a `while`,
give the same types. Entry point: `MAKERS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.graph import Graph
from graphtf.ir.op import Op
from graphtf.ir.ops import OPS
from graphtf.ir.ops.io import register
from graphtf.ir.types import TensorType

from .domain import Domain
from .generator import Generator, Item, Made, Maker
from .operands import adapted, only
from .program import RUN_TIME_SIZES

_DEEPEST = 2
_MOST_TRIPS = 4


# ---- regions ---------------------------------------------------------------------------------------------------------


def _operands(g: Generator, least: int = 1) -> list[Item]:
    """Tensors, and perhaps variables, for a region to take."""
    found = [x for x in (g.some(_plain) for _ in range(int(g.rng.integers(least, 4)))) if x]
    return found + [g.pick(g.cells)] if g.cells and g.chance(0.25) else found


def _plain(x: Item) -> bool:
    """Are its sizes known outside any region?"""
    return all(isinstance(d, int) or str(d) in RUN_TIME_SIZES for d in x.shape)


def _enter(g: Generator, name: str, operands: Sequence[Item]) -> Generator:
    inner = g.region(name)
    for x in operands:
        inner.parameter(x)
    return inner


def _grow(inner: Generator) -> None:
    for _ in range(int(inner.rng.integers(1, 4))):
        inner.grow(inner)


def _leave(inner: Generator, results: Sequence[Item]) -> Graph:
    return inner.builder.finish([x.value for x in results])


def _results(inner: Generator) -> list[Item]:
    """One to three values of the region whose sizes are known outside it."""
    found = inner.items(_plain)
    return [found[-1 - int(inner.rng.integers(min(len(found), 4)))] for _ in range(int(inner.rng.integers(1, 4)))]


def _if(g: Generator, op: Op) -> Made:
    if g.depth >= _DEEPEST:
        return None
    condition = adapted(g, TensorType(dt.bool_, ()))
    operands = _operands(g)
    then, orelse = (_enter(g, name, operands) for name in ("then", "orelse"))
    _grow(then)
    if not then.items(_plain):
        return None
    wanted = _results(then)
    _grow(orelse)
    others = [adapted(orelse, x.type) for x in wanted]
    return _taken(g, (then, orelse), g.emit(
        op, [condition, *operands], then=_leave(then, wanted), orelse=_leave(orelse, others)
    ))  # fmt: skip


def _taken(g: Generator, inner: Sequence[Generator], made: Made) -> Made:
    """Note the ops of the regions, if they are now part of the graph."""
    if made is not None:
        g.ops.update(*(x.ops for x in inner))
    return made


def _while(g: Generator, op: Op) -> Made:
    """Count up to a limit, given or computed, changing one or two values on the way."""
    if g.depth >= _DEEPEST:
        return None
    counter = g.constant(np.zeros((), np.int32))
    limit = adapted(g, TensorType(dt.int32, ()), Domain("plain", 0, _MOST_TRIPS), always=True)
    if int(limit.array) > _MOST_TRIPS:
        return None
    state = [x for x in (g.some(_plain) for _ in range(int(g.rng.integers(1, 3)))) if x]
    captured = _operands(g, 0)
    operands = [counter, *state, limit, *captured]
    cond = _enter(g, "cond", operands)
    go_on = cond.emit(OPS["lt"], [cond.pool[0], cond.pool[1 + len(state)]])
    assert go_on is not None
    if g.chance(0.2):
        extra = adapted(cond, TensorType(dt.bool_, ()))
        go_on = cond.emit(OPS["logical_and"], [go_on[0], extra]) or go_on
    body = _enter(g, "body", operands)
    one = body.constant(np.ones((), np.int32))
    following = body.emit(OPS["add"], [body.pool[0], one])
    assert following is not None
    _grow(body)
    results = [following[0], *(adapted(body, x.type) for x in state)]
    bound = {"max_trips": _MOST_TRIPS} if g.chance(0.3) else {}
    return _taken(g, (cond, body), g.emit(
        op, operands, cond=_leave(cond, go_on), body=_leave(body, results), carried=1 + len(state), **bound
    ))  # fmt: skip


def _call(g: Generator, op: Op) -> Made:
    if g.depth >= _DEEPEST:
        return None
    operands = _operands(g)
    body = _enter(g, "body", operands)
    _grow(body)
    if not body.items(_plain):
        return None
    return _taken(g, (body,), g.emit(op, operands, body=_leave(body, _results(body))))


def _custom_gradient(g: Generator, op: Op) -> Made:
    """Its gradient is any function of what it takes."""
    if g.depth >= _DEEPEST:
        return None
    operands = [x for x in (g.some(_plain) for _ in range(2)) if x]
    body = _enter(g, "body", operands)
    _grow(body)
    if not body.items(_plain):
        return None
    results = _results(body)
    vjp = _enter(g, "vjp", [*operands, *results, *(x for x in results if x.dtype.is_inexact)])
    _grow(vjp)
    cotangents = [adapted(vjp, x.type) for x in operands if x.dtype.is_inexact]
    return _taken(
        g, (body, vjp), g.emit(op, operands, body=_leave(body, results), vjp=_leave(vjp, cotangents))
    )


# ---- variables -------------------------------------------------------------------------------------------------------


def _cell(g: Generator) -> Item | None:
    if not g.depth and (not g.cells or (g.chance(0.3) and len(g.cells) < 3)):
        t = TensorType(g.dtype(), g.shape())
        return g.variable(t)
    return g.pick(g.cells) if g.cells else None


def _read(g: Generator, op: Op) -> Made:
    cell = _cell(g)
    return g.emit(op, [cell]) if cell else None


def _assign(g: Generator, op: Op) -> Made:
    cell = _cell(g)
    return g.emit(op, [cell, adapted(g, cell.value.type.content)]) if cell else None  # type: ignore[union-attr]


# ---- outside ---------------------------------------------------------------------------------------------------------


def _assert(g: Generator, op: Op) -> Made:
    """Of something that holds; of anything, where the program may fail."""
    condition = adapted(g, TensorType(dt.bool_, g.shape(int(g.rng.integers(0, 2)))))
    if not np.all(condition.array) and not g.may_fail:
        condition = only(g.emit(OPS["logical_or"], [condition, g.constant(np.array(True))])) or condition
    data = [x for x in (g.some(lambda x: x.dtype is not dt.string) for _ in range(int(g.rng.integers(3)))) if x]
    return g.emit(op, [condition, *data], message=g.pick(("", "no", "a; b\n\"c\"")))


def _print(g: Generator, op: Op) -> Made:
    few = [g.some(lambda x: x.dtype.is_integer and x.array.size < 30) for _ in range(int(g.rng.integers(1, 3)))]
    shown = [x for x in few if x]
    return g.emit(op, shown, template=" ".join(["λ {}"] * len(shown)), stream="stdout")


def _doubled(*arrays: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return [np.asarray(a + a, a.dtype) for a in arrays]


_DOUBLED = register(_doubled)


def _host_call(g: Generator, op: Op) -> Made:
    found = [x for x in (g.some(lambda x: x.dtype.is_floating) for _ in range(int(g.rng.integers(1, 3)))) if x]
    return g.emit(
        op, found, function=_DOUBLED, dtypes=tuple(x.dtype for x in found), shapes=tuple(x.shape for x in found)
    )


MAKERS: Mapping[str, Maker] = {
    "if": _if, "while": _while, "call": _call, "custom_gradient": _custom_gradient, "read": _read, "assign": _assign,
    "assert": _assert, "print": _print, "host_call": _host_call,
}  # fmt: skip
