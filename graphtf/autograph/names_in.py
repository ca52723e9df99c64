"""Which names a piece of Python binds and reads.

Invariant: scopes of their own (functions, lambdas, comprehensions, classes) count for what they read from outside, and
for the name they bind. Entry points: `assigned`, `loaded`, `parameters`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parameters(args: ast.arguments) -> list[str]:
    """The names of a function's parameters."""
    found = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return found + [a.arg for a in (args.vararg, args.kwarg) if a is not None]


def assigned(nodes: Iterable[ast.AST]) -> list[str]:
    """Names bound in this scope, in order of appearance."""
    return list(dict.fromkeys(name for node in nodes for name in _bound(node)))


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id
    elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
        return
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
        yield from (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        return
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def loaded(nodes: Iterable[ast.AST]) -> set[str]:
    """Names read anywhere inside, those of inner scopes included."""
    found: set[str] = set()
    for n in (n for node in nodes for n in ast.walk(node)):
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
            found.add(n.id)
        elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            found.add(n.target.id)
    return found


def declared(nodes: Iterable[ast.AST], kind: type) -> set[str]:
    """Names declared `global` or `nonlocal` in this scope."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, kind):
            found.update(node.names)  # type: ignore[attr-defined]
        found |= declared(ast.iter_child_nodes(node), kind)
    return found


def contains(nodes: Iterable[ast.AST], kinds: tuple[type, ...]) -> bool:
    """Is there a node of some kinds in this scope?"""
    for node in nodes:
        if isinstance(node, kinds):
            return True
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)) and contains(
            ast.iter_child_nodes(node), kinds
        ):
            return True
    return False
