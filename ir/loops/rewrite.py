"""Rebuilding statements: the one traversal that changes of loop programs are written with.

Invariant: statements that do not change are shared. Entry point: `map_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphtf.ir.loops.stmt import Check, For, If, LoopFunc, Stmt, While


def map_checks(func: LoopFunc, change: Callable[[Check], Check]) -> LoopFunc:
    """The function with every Check replaced."""
    return replace(func, body=_each(func.body, change))


def _each(body: tuple[Stmt, ...], change: Callable[[Check], Check]) -> tuple[Stmt, ...]:
    return tuple(_one(s, change) for s in body)


def _one(s: Stmt, change: Callable[[Check], Check]) -> Stmt:
    if isinstance(s, Check):
        return change(s)
    if isinstance(s, For):
        return replace(s, body=_each(s.body, change))
    if isinstance(s, While):
        return replace(s, body=_each(s.body, change), before=_each(s.before, change))
    if isinstance(s, If):
        return replace(s, then=_each(s.then, change), orelse=_each(s.orelse, change))
    return s
