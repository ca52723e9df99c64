"""Matching arguments against a graph's inputs: checks dtypes and shapes, and finds the sizes known only at run time.

Invariant: what passes has the types the graph states under the sizes returned, which come in a fixed order, and its
guards hold. Entry points: `match_arguments(graph) -> Matcher`, to be called with arguments; `bind_result`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from graphtf.ir.dims import Dim, SymDim, evaluate, substitute, symbols
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.graph import Graph, Value
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType

Array = np.ndarray[Any, Any]
Env = dict[str, int]
Guard = tuple[Dim, Dim]

_UNKNOWN = -1  # stands for any size in a pattern of sizes


def match_arguments(graph: Graph) -> Matcher:
    """What finds the sizes of a call from its arguments.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.dims import sym
    >>> from graphtf.ir.ops import neg
    >>> from graphtf.ir.types import tensor
    >>> match = match_arguments(build([tensor("float32", sym("n"), 2)], lambda x: neg(x)))
    >>> match([np.zeros((5, 2), np.float32)])
    {'n': 5}
    """
    return Matcher(graph)


class _Input:
    """What is expected of one argument, prepared."""

    __slots__ = ("content", "dtype", "first", "is_ref", "label", "later", "rest", "seen")

    def __init__(self, k: int, v: Value, known: set[str]) -> None:
        self.is_ref = isinstance(v.type, RefType)
        self.content: TensorType = v.type.content if isinstance(v.type, RefType) else v.type
        self.dtype = self.content.dtype.np
        self.label = f"argument {k} ({v.hint})" if v.hint else f"argument {k}"
        self.first: list[tuple[int, str]] = []  # axes whose size is a name met here for the first time
        others: list[tuple[int, Dim]] = []
        for axis, d in enumerate(self.content.shape or ()):
            if isinstance(d, SymDim) and d.is_symbol and str(d) not in known:
                known.add(str(d))
                self.first.append((axis, str(d)))
            else:
                others.append((axis, d))
        self.rest = [(axis, d) for axis, d in others if known.issuperset(symbols(d))]  # checked at once
        self.later = [(axis, d) for axis, d in others if not known.issuperset(symbols(d))]
        self.seen: Any = None  # the type of the last cell that fitted: what a cell holds has the cell's type

    def quick(self) -> tuple[Any, ...]:
        """Dtype, exact shape or None, rank, names to bind by axis, other sizes by axis."""
        shape = self.content.shape
        exact = shape if self.content.is_static else None
        rest = tuple((axis, str(d) if isinstance(d, SymDim) and d.is_symbol else d) for axis, d in self.rest)
        return self.dtype, exact, _UNKNOWN if shape is None else len(shape), tuple(self.first), rest


class Matcher:
    """Called with a graph's arguments, gives the sizes by name; made once for each graph."""

    __slots__ = ("_count", "_guards", "_inputs", "_late", "_name", "_quick", "_solved", "names")

    def __init__(self, graph: Graph) -> None:
        known: set[str] = set()
        self._name = graph.name
        self._inputs = [_Input(k, v, known) for k, v in enumerate(graph.inputs)]
        self._quick = [(x if x.is_ref else None, *x.quick()) for x in self._inputs]
        self._count = len(self._inputs)
        self._solved: list[tuple[int, int, str, Dim]] = []  # input, axis, name, the size as an expression of the name
        self._late: list[tuple[int, int, Dim]] = []  # input, axis, an expression of known names to be checked
        self._plan(known)
        self._guards = [g for g in graph.guards if guard_names(g) <= known]
        self.names = frozenset(known)

    def _plan(self, known: set[str]) -> None:
        """Sizes that hold a name not met before them: solved for the name where they are linear in it, else checked."""
        pending = [(k, axis, d) for k, x in enumerate(self._inputs) for axis, d in x.later]
        found = True
        while found:
            found = False
            for k, axis, d in pending:
                unknown = set(symbols(d)) - known
                if len(unknown) != 1:
                    continue
                (name,) = unknown
                if _is_linear(d, name):
                    known.add(name)
                    self._solved.append((k, axis, name, d))
                    found = True
        solved = {(k, axis) for k, axis, _, _ in self._solved}
        self._late = [x for x in pending if x[:2] not in solved and known.issuperset(symbols(x[2]))]

    def __call__(self, args: Sequence[Any]) -> Env:
        """The sizes. Raises InvalidArgumentError naming the argument that does not fit."""
        try:
            env = self._swift(args)
        except AttributeError:
            env = None
        if env is None:
            return self._careful(args)
        if self._solved or self._late:
            self._solve(args, env)
        if self._guards:
            check_guards(self._guards, env, self._name)
        return env

    def _swift(self, args: Sequence[Any]) -> Env | None:
        """The sizes, but for those that are solved for; None, or an AttributeError, if an argument may not fit."""
        if len(args) != self._count:
            return None
        env: Env = {}
        for a, (cell, dtype, exact, rank, first, rest) in zip(args, self._quick):
            declared = None
            if cell is not None:
                declared = a.type
                if declared is cell.seen:
                    continue
                a = a.array
            if a.dtype is not dtype:
                return None
            if exact is None:
                if (len(a.shape) != rank and rank >= 0) or not _sizes_fit(a.shape, first, rest, env):
                    return None
            elif a.shape != exact:
                return None
            elif declared is not None and declared.is_static:
                cell.seen = declared
        return env

    def _careful(self, args: Sequence[Any]) -> Env:
        """As a call, input by input, with a message for whatever is wrong."""
        if len(args) != self._count:
            raise InvalidArgumentError(None, None, f"{self._name}: {len(args)} arguments, expected {self._count}")
        env: Env = {}
        for x, a in zip(self._inputs, args):
            if not isinstance(a, Cell if x.is_ref else np.ndarray):
                self._refuse_kind(x, a)
            shape = self._checked(x, _array(a)).shape
            if x.content.shape is not None and len(shape) != len(x.content.shape):
                self._refuse_shape(x, shape, env)
            for axis, name in x.first:
                env[name] = shape[axis]
            for axis, d in x.rest:
                if shape[axis] != evaluate(d, env):
                    self._refuse_shape(x, shape, env)
        self._solve(args, env)
        check_guards(self._guards, env, self._name)
        return env

    def _checked(self, x: _Input, a: Array) -> Array:
        """The array, whose dtype may be the one expected in another byte order."""
        own = a.dtype if a.dtype.isnative else a.dtype.newbyteorder("=")
        if own != x.dtype:
            message = f"{self._name}: {x.label} has dtype {own.name}, expected {x.content}"
            raise InvalidArgumentError(None, None, message)
        return a

    def _solve(self, args: Sequence[Any], env: Env) -> None:
        for k, axis, name, d in self._solved:
            x = self._inputs[k]
            shape = _array(args[k]).shape
            value = solve(d, name, shape[axis], env)
            if value is None:
                self._refuse_shape(x, shape, env)
            env[name] = value
        for k, axis, d in self._late:
            shape = _array(args[k]).shape
            if shape[axis] != evaluate(d, env):
                self._refuse_shape(self._inputs[k], shape, env)

    def _refuse_kind(self, x: _Input, a: Any) -> NoReturn:
        wanted = "the cell of a variable" if x.is_ref else "a NumPy array"
        message = f"{self._name}: {x.label} is a {type(a).__name__}, expected {wanted} for {x.content}"
        raise InvalidArgumentError(None, None, message)

    def _refuse_shape(self, x: _Input, shape: tuple[int, ...], env: Env) -> NoReturn:
        found = {n: v for n, v in env.items() if n in {s for d in x.content.dims_or_none for s in symbols(d)}}
        where = " with " + ", ".join(f"{n} = {v}" for n, v in found.items()) if found else ""
        message = f"{self._name}: {x.label} has shape {list(shape)}, expected {x.content}{where}"
        raise InvalidArgumentError(None, None, message)


def _sizes_fit(shape: tuple[int, ...], first: tuple[Any, ...], rest: tuple[Any, ...], env: Env) -> bool:
    for axis, name in first:
        env[name] = shape[axis]
    for axis, d in rest:
        kind = type(d)
        if shape[axis] != (d if kind is int else env[d] if kind is str else evaluate(d, env)):
            return False
    return True


def _array(arg: Any) -> Array:
    return arg.array if isinstance(arg, Cell) else arg  # type: ignore[no-any-return]


def guard_names(guard: Guard) -> set[str]:
    """Names of the sizes that a guard is about."""
    return {*symbols(guard[0]), *symbols(guard[1])}


def check_guards(guards: Iterable[Guard], env: Mapping[str, int], name: str) -> None:
    """Raise InvalidArgumentError unless sizes assumed equal are."""
    for a, b in guards:
        if evaluate(a, env) != evaluate(b, env):
            message = f"{name}: the sizes {a} and {b} must be equal, got {evaluate(a, env)} and {evaluate(b, env)}"
            raise InvalidArgumentError(None, None, message)


def check_known(guards: Iterable[Guard], env: Mapping[str, int], name: str) -> None:
    """As check_guards, for those about sizes that are known so far."""
    if guards:
        check_guards([g for g in guards if guard_names(g) <= env.keys()], env, name)


# ---- expressions -----------------------------------------------------------------------------------------------------


def _is_linear(d: Dim, name: str) -> bool:
    """Is d = a·name + b, where a and b do not hold the name?"""
    if isinstance(d, int):
        return True
    for monomial, _ in d.terms:
        bare = sum(1 for atom in monomial if atom.kind == "sym" and atom.name == name)
        hidden = any(name in symbols(x) for atom in monomial for x in atom.args)
        if hidden or bare > 1:
            return False
    return True


def solve(d: Dim, name: str, size: int, env: Mapping[str, int]) -> int | None:
    """The value ≥ 0 of `name` for which d, linear in it, is `size`; None if there is none."""
    zero, one = (evaluate(substitute(d, {name: value}), env) for value in (0, 1))
    slope = one - zero
    if slope == 0 or (size - zero) % slope or (size - zero) // slope < 0:
        return None
    return (size - zero) // slope


def bind_result(t: TensorType, array: Array, env: Env, what: str = "a result") -> None:
    """Note in `env` the sizes of type `t` that an array makes known. Raises InvalidArgumentError if it does not fit."""
    if t.shape is None:
        return
    if len(t.shape) != array.ndim:
        raise _misfit(t, array, what)
    pending: list[tuple[Dim, int]] = []
    for d, size in zip(t.shape, array.shape):
        if isinstance(d, int):
            if d != size:
                raise _misfit(t, array, what)
        elif d.is_symbol:
            if env.setdefault(d.terms[0][0][0].name, size) != size:
                raise _misfit(t, array, what)
        else:
            pending.append((d, size))
    for d, size in pending:
        unknown = set(symbols(d)) - env.keys()
        if len(unknown) == 1 and _is_linear(d, *unknown):
            (name,) = unknown
            value = solve(d, name, size, env)
            if value is None:
                raise _misfit(t, array, what)
            env[name] = value
        elif not unknown and evaluate(d, env) != size:
            raise _misfit(t, array, what)


def _misfit(t: TensorType, array: Array, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, f"{what} has shape {list(array.shape)}, expected {t}")
