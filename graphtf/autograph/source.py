"""The syntax tree of a function, from its source.

Invariant: the tree's line numbers are those of the file. Entry points: `parsed`, `NoSource`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class NoSource(Exception):
    """A function's source cannot be had, or told from others."""


def parsed(f: types.FunctionType) -> Any:
    """A fresh tree of a function. Raises NoSource."""
    code = f.__code__
    found = _candidates(_module(code), code)
    if not found:
        raise NoSource("its source does not hold it where its code says")
    if len(found) > 1:
        found = [t for t in found if _same_names(t, code)]
    if len(found) != 1:
        raise NoSource("there are several functions like it on its line: put each on a line of its own")
    return _copied(found[0])


def _module(code: types.CodeType) -> ast.Module:
    lines = linecache.getlines(code.co_filename)
    if not lines:
        try:
            lines = inspect.findsource(code)[0]
        except (OSError, TypeError):
            raise NoSource("its source is not available, so AutoGraph cannot convert its control flow") from None
    try:
        return _tree(code.co_filename, "".join(lines))
    except SyntaxError as e:
        raise NoSource(f"its source cannot be parsed: {e}") from None


@functools.lru_cache(maxsize=64)
def _tree(filename: str, text: str) -> ast.Module:
    return ast.parse(text, filename)


def _first_line(t: Any) -> int:
    """The line that code names as the first: that of the first decorator."""
    lines = [t.lineno, *(d.lineno for d in getattr(t, "decorator_list", []))]
    return min(lines)


def _candidates(module: ast.Module, code: types.CodeType) -> list[Any]:
    is_lambda = code.co_name == "<lambda>"
    kinds: tuple[type, ...] = (ast.Lambda,) if is_lambda else (ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for node in _around(module, code.co_firstlineno):
        if not isinstance(node, kinds) or _first_line(node) != code.co_firstlineno:
            continue
        if is_lambda or node.name == code.co_name:  # type: ignore[attr-defined]
            found.append(node)
    return found


def _around(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """The nodes inside that reach over a line, outermost first: few of a long file's."""
    pending = deque([tree])
    while pending:
        for node in ast.iter_child_nodes(pending.popleft()):
            end = getattr(node, "end_lineno", None)
            if end is None or _first_line(node) <= line <= end:
                yield node
                pending.append(node)


def _same_names(t: Any, code: types.CodeType) -> bool:
    """Does a lambda have the parameters, and read the names, that the code does?"""
    args = t.args
    count = code.co_argcount + code.co_kwonlyargcount
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    if tuple(names) != code.co_varnames[:count]:
        return False
    used = {n.id for n in ast.walk(t.body) if isinstance(n, ast.Name)} if isinstance(t, ast.Lambda) else None
    if used is None:
        return True
    attributes = {n.attr for n in ast.walk(t.body) if isinstance(n, ast.Attribute)}
    known = {*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars}
    constants = {
        n.value for n in ast.walk(t.body) if isinstance(n, ast.Constant) and isinstance(n.value, (int, float, str))
    }
    plain = {c for c in code.co_consts if isinstance(c, (int, float, str)) and "<lambda>" not in str(c)}
    return used | attributes >= known - set(names) - {"__class__"} and used <= known | set(names) | _inner(code) and (
        plain <= constants or bool(_folded(t))
    )


def _inner(code: types.CodeType) -> set[str]:
    return {n for c in code.co_consts if isinstance(c, types.CodeType) for n in (*c.co_varnames, *c.co_names)}


def _folded(t: Any) -> bool:
    """May the compiler have computed constants that the source does not name?"""
    return any(isinstance(n, (ast.BinOp, ast.UnaryOp, ast.Tuple)) for n in ast.walk(t))


def _copied(t: Any) -> Any:
    import copy

    return copy.deepcopy(t)
