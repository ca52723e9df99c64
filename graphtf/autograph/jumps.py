"""`break`, `continue` and `return` inside control flow become flags, so that bodies can be functions.

Invariant: what comes after a statement that may jump is guarded by the flag; returns at the end of a function only set
its result. Entry point: `without_jumps(function)`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphtf.autograph.names_in import contains

RESULT, RETURNED = "ag__result", "ag__returned"
_LOOPS = (ast.While, ast.For)
_CONTROL = (ast.If, *_LOOPS)
Block = list[ast.stmt]


@dataclass
class _Loop:
    """The flags of a loop, and whether they are used."""

    left: str
    skipped: str
    uses_left: bool = False
    uses_skipped: bool = False


def without_jumps(function: ast.FunctionDef) -> None:
    """Rewrite the body of a function in place."""
    if not any(
        contains(_parts(s), (ast.Return, ast.Break, ast.Continue)) for s in ast.walk(function) if _is_control(s)
    ):
        return
    function.body = _Jumps().function(_tail(function.body))


def _is_control(node: ast.AST) -> bool:
    return isinstance(node, _CONTROL)


def _parts(node: ast.AST) -> list[ast.AST]:
    return list(ast.iter_child_nodes(node))


def always_returns(block: Sequence[ast.stmt]) -> bool:
    """Does every path through a block end in `return` or `raise`?"""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return True
    if isinstance(last, ast.If):
        return always_returns(last.body) and always_returns(last.orelse)
    return isinstance(last, ast.With) and always_returns(last.body)


def _tail(block: Block) -> Block:
    """A block at the end of a function, in which what follows an `if` that returns is in its other branch."""
    for k, s in enumerate(block):
        rest = block[k + 1 :]
        if not isinstance(s, ast.If) or not contains([s], (ast.Return,)):
            continue
        if rest and always_returns(s.body):
            s.body, s.orelse = _tail(s.body), _tail([*s.orelse, *rest])
            return [*block[:k], s]
        if rest and s.orelse and always_returns(s.orelse):
            s.body, s.orelse = _tail([*s.body, *rest]), _tail(s.orelse)
            return [*block[:k], s]
        if not rest:
            s.body, s.orelse = _ended(_tail(s.body), s), _ended(_tail(s.orelse), s)
    return block


def _ended(block: Block, like: ast.stmt) -> Block:
    """A branch at the end of a function that says so where it returns nothing."""
    if always_returns(block) or (block and contains(block[-1:], (ast.Return,))):
        return block
    return [*block, placed(ast.Return(placed(ast.Constant(None), like)), like)]


def placed(new: Any, like: Any) -> Any:
    """A node at the beginning of another: one line, so that calls are on it too."""
    new.lineno = new.end_lineno = like.lineno
    new.col_offset = new.end_col_offset = like.col_offset
    return new


def name_of(name: str, like: ast.AST, store: bool = False) -> ast.Name:
    return placed(ast.Name(name, ast.Store() if store else ast.Load()), like)


def _set(name: str, value: ast.expr | bool, like: ast.AST) -> ast.stmt:
    given = value if isinstance(value, ast.AST) else placed(ast.Constant(value), like)
    return placed(ast.Assign([name_of(name, like, True)], given), like)


def _none_of(flags: Sequence[str], like: ast.AST) -> ast.expr:
    """`not a and not b`"""
    tests = [placed(ast.UnaryOp(ast.Not(), name_of(f, like)), like) for f in flags]
    return tests[0] if len(tests) == 1 else placed(ast.BoolOp(ast.And(), tests), like)


class _Jumps:
    def __init__(self) -> None:
        self.count = 0
        self.returned = False  # is the flag for it needed?
        self.result = False  # is a result set anywhere?

    def function(self, body: Block) -> Block:
        out, _ = self.block(body, None, True, False)
        if not self.result:
            return out
        like = body[0]
        head = [_set(RETURNED, False, like)] if self.returned else []
        return [_set(RESULT, ast.Constant(None), like), *head, *out, self.give(body[-1])]

    def give(self, like: ast.stmt) -> ast.stmt:
        return placed(ast.Return(name_of(RESULT, like)), like)

    def block(self, block: Block, loop: _Loop | None, tail: bool, inside: bool) -> tuple[Block, list[str]]:
        """The block without jumps, and the flags that it may set. `inside` control flow, returns are lowered."""
        out: Block = []
        for k, s in enumerate(block):
            last = k == len(block) - 1
            new, flags = self.statement(s, loop, tail and last, inside)
            out += new
            if isinstance(s, (ast.Break, ast.Continue)) or (isinstance(s, ast.Return) and inside):
                return out, flags  # the rest is never reached
            if flags and not last:
                rest, more = self.block(block[k + 1 :], loop, tail, True)
                guard = ast.If(_none_of(flags, block[k + 1]), rest, [])
                return [*out, placed(guard, block[k + 1])], [*dict.fromkeys([*flags, *more])]
            if flags:
                return out, flags
        return out, []

    def statement(self, s: ast.stmt, loop: _Loop | None, tail: bool, inside: bool) -> tuple[Block, list[str]]:
        if isinstance(s, ast.Return):
            return self.return_(s, tail, inside)
        if isinstance(s, ast.Break) and loop is not None:
            loop.uses_left = True
            return [_set(loop.left, True, s)], [loop.left]
        if isinstance(s, ast.Continue) and loop is not None:
            loop.uses_skipped = True
            return [_set(loop.skipped, True, s)], [loop.skipped]
        if isinstance(s, ast.If):
            s.body, first = self.block(s.body, loop, tail, True)
            s.orelse, second = self.block(s.orelse, loop, tail, True)
            s.body = s.body or [placed(ast.Pass(), s)]
            return [s], [*dict.fromkeys([*first, *second])]
        if isinstance(s, _LOOPS):
            return self.loop(s)
        if isinstance(s, (ast.With, ast.Try)):
            return self.other(s, loop, inside)
        return [s], []

    def return_(self, s: ast.Return, tail: bool, inside: bool) -> tuple[Block, list[str]]:
        if not inside:
            return [s], []
        self.result = True
        value = s.value if s.value is not None else placed(ast.Constant(None), s)
        if tail:
            return [_set(RESULT, value, s)], []
        self.returned = True
        return [_set(RESULT, value, s), _set(RETURNED, True, s)], [RETURNED]

    def loop(self, s: ast.While | ast.For) -> tuple[Block, list[str]]:
        """A loop whose body sets flags; its test looks at them (`ag_left` says which)."""
        self.count += 1
        loop = _Loop(f"ag__left_{self.count}", f"ag__skipped_{self.count}")
        body, flags = self.block(s.body, loop, False, True)
        returns = RETURNED in flags
        if loop.uses_skipped:
            body = [_set(loop.skipped, False, s), *body]
        s.body = body
        leaving = [loop.left] * loop.uses_left + [RETURNED] * returns
        s.ag_left = leaving  # type: ignore[union-attr]  # read when the loop is converted
        out: Block = [*([_set(loop.left, False, s)] if loop.uses_left else []), s]
        if loop.uses_skipped:  # known before the loop, as loops carry it
            out.insert(0, _set(loop.skipped, False, s))
        if s.orelse:
            after, more = self.block(s.orelse, None, False, True)
            s.orelse = []
            out += after if not leaving else [placed(ast.If(_none_of(leaving, s), after, []), s)]
            returns = returns or RETURNED in more
        return out, [RETURNED] if returns else []

    def other(self, s: ast.With | ast.Try, loop: _Loop | None, inside: bool) -> tuple[Block, list[str]]:
        flags: list[str] = []
        for field in ("body", "orelse", "finalbody"):
            block = getattr(s, field, None)
            if block:
                new, found = self.block(block, loop, False, inside)
                setattr(s, field, new)
                flags += found
        for handler in getattr(s, "handlers", []):
            handler.body, found = self.block(handler.body, loop, False, inside)
            flags += found
        return [s], [*dict.fromkeys(flags)]
