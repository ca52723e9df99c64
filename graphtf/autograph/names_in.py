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


def parts_set(nodes: Iterable[ast.AST]) -> list[ast.Attribute | ast.Subscript]:
    """Parts of objects that are set in this scope, each once: `x.y`, `x["y"]`, `x[i].y` …, of what is bound before."""
    nodes = list(nodes)
    own, found = set(assigned(nodes)), {}
    for part in (p for node in nodes for p in _parts(node)):
        names = _names_of_part(part)
        if names is not None and own.isdisjoint(names):
            found.setdefault(ast.unparse(part), part)
    return list(found.values())


def _parts(node: ast.AST) -> Iterator[ast.Attribute | ast.Subscript]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)):
        return
    if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _parts(child)


def _names_of_part(node: ast.expr) -> set[str] | None:
    """The names that a part is reached by; None where it takes more than names, constants and parts."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Constant):
        return set()
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return set()
    if isinstance(node, ast.Attribute):
        return _names_of_part(node.value)
    if isinstance(node, ast.Subscript):
        of, by = _names_of_part(node.value), _names_of_part(node.slice)
        return None if of is None or by is None else of | by
    return None


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
