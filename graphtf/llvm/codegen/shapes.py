"""What the emitter asks of loop programs before it writes them: what varies along a vector loop, how an index moves
with it, what a body stores to, and which sizes of element are about.

Invariant: answers are conservative; "unknown" is always allowed. Entry points: `stride_along`, `Varying`, `widest`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from graphtf.ir.dims import Atom, Dim
from graphtf.ir.loops.expr import TRANSCENDENTAL, Buffer, Expr, Lit, Load, Prim, Size, Var, children
from graphtf.ir.loops.stmt import Alloc, Check, Copy, For, If, Invoke, Let, Prefetch, Stmt, Store, While

T = TypeVar("T")

_FUNCTION = 20  # instructions of a transcendental function


def expressions(s: Stmt) -> tuple[Expr, ...]:
    """The expressions a statement holds itself."""
    if isinstance(s, Let):
        return (s.value,)
    if isinstance(s, Store):
        return (s.index, s.value)
    if isinstance(s, Check):
        return (s.condition, s.value)
    if isinstance(s, Copy):
        return tuple(e for e in (s.target_index, s.source_index, s.count) if e is not None)
    if isinstance(s, Prefetch):
        return (s.index,)
    if isinstance(s, For):
        return (s.start, s.stop, s.step, *(e for c in s.carries for e in (c.init, c.next)))
    if isinstance(s, While):
        return (s.condition, *(e for c in s.carries for e in (c.init, c.next)))
    return (s.condition,) if isinstance(s, If) else ()


def nested(s: Stmt) -> tuple[Stmt, ...]:
    """The statements inside a statement."""
    if isinstance(s, For):
        return s.body
    if isinstance(s, While):
        return (*s.before, *s.body)
    return (*s.then, *s.orelse) if isinstance(s, If) else ()


def walk(body: Iterable[Stmt]) -> Iterator[Stmt]:
    """Statements and all inside them."""
    for s in body:
        yield s
        yield from walk(nested(s))


def all_expressions(body: Iterable[Stmt]) -> Iterator[Expr]:
    """Every expression below the statements, each object once."""
    seen: set[int] = set()
    stack = [e for s in walk(body) for e in expressions(s)]
    while stack:
        e = stack.pop()
        if id(e) not in seen:
            seen.add(id(e))
            yield e
            stack.extend(children(e))


@functools.lru_cache(maxsize=64)
def expressions_of(loop: For) -> tuple[Expr, ...]:
    """Every expression of a loop and below it: asked for several times while the loop is written."""
    return tuple(all_expressions((loop,)))


def stored(body: Iterable[Stmt]) -> frozenset[Buffer]:
    """The buffers that the statements may write to."""
    found: set[Buffer] = set()
    for s in walk(body):
        if isinstance(s, Store):
            found.add(s.buffer)
        elif isinstance(s, Copy):
            found.add(s.target)
        elif isinstance(s, Invoke):
            found.update(s.buffers)
    return frozenset(found)


def mutable(body: Iterable[Stmt]) -> frozenset[Buffer]:
    """The buffers that the statements both write to and load from."""
    body = tuple(body)
    written = stored(body)
    return written & {e.buffer for e in all_expressions(body) if isinstance(e, Load)} if written else written


def buffers(loop: For) -> list[Buffer]:
    """The buffers that the loop uses, but for those it allocates, in the order met."""
    body = loop.body
    found: dict[Buffer, None] = {}
    for s in walk(body):
        if isinstance(s, Store):
            found[s.buffer] = None
        elif isinstance(s, Copy):
            found.update({b: None for b in (s.target, s.source) if b is not None})
        elif isinstance(s, Prefetch):
            found[s.buffer] = None
        elif isinstance(s, Invoke):
            found.update(dict.fromkeys(s.buffers))
    found.update({e.buffer: None for e in expressions_of(loop) if isinstance(e, Load)})
    for s in walk(body):
        if isinstance(s, Alloc):
            found.pop(s.buffer, None)
    return list(found)


def uses_registers(loop: For) -> bool:
    """Does the loop touch a register tile, whose indices must be constants?"""
    if any(isinstance(s, Store) and s.buffer.space == "register" for s in walk(loop.body)):
        return True
    return any(isinstance(e, Load) and e.buffer.space == "register" for e in expressions_of(loop))


def length(loop: For) -> int:
    """About how many instructions one iteration is written as."""
    prims = [e.name for e in expressions_of(loop) if isinstance(e, Prim)]
    total = sum(_FUNCTION if name in TRANSCENDENTAL else 1 for name in prims) + len(loop.carries)
    for s in walk(loop.body):
        total += isinstance(s, (Store, Check))
        if isinstance(s, For) and s.kind == "unroll" and isinstance(s.stop, Lit):
            total += length(s) * (int(s.stop.value) - 1)
    return total


def widest(loop: For) -> int:
    """Bytes of the largest element that the loop loads, stores or carries; 4 if none."""
    sizes = [c.var.dtype.size for c in loop.carries]
    sizes += [s.buffer.dtype.size for s in walk(loop.body) if isinstance(s, Store)]
    carries = (c for s in walk(loop.body) if isinstance(s, For) for c in s.carries)
    sizes += [c.var.dtype.size for c in carries]
    sizes += [e.dtype.size for e in expressions_of(loop) if isinstance(e, Load) and e.dtype.kind == "f"]
    return max(sizes, default=4)


class Varying:
    """Which expressions differ from lane to lane in a vector loop. `aligned`: what the loop's variable is a multiple of
    in the first lane; as many as there are lanes, or nothing is known."""

    def __init__(self, loop: For) -> None:
        self.vars: set[int] = {id(loop.var), *(id(c.var) for c in loop.carries)}
        self.memo: dict[int, bool] = {}
        self.strides: dict[int, dict[int, Stride]] = {}  # by variable, then expression
        self.alive: list[Expr] = []
        self.aligned = 0
        self.define(loop.body)

    def define(self, body: Iterable[Stmt]) -> None:
        """The variables of the body that vary; those carried round inner loops are taken to."""
        for s in body:
            if isinstance(s, Let):
                if self(s.value):
                    self.vars.add(id(s.var))
            elif isinstance(s, For):
                self.vars.update(id(c.var) for c in s.carries)
            self.define(nested(s))

    def __call__(self, e: Expr) -> bool:
        memo = self.memo
        found = memo.get(id(e))
        if found is not None:
            return found
        pending = [e]
        while pending:
            x = pending[-1]
            parts = children(x)
            missing = [y for y in parts if id(y) not in memo]
            if missing:
                pending += missing
                continue
            pending.pop()
            memo[id(x)] = id(x) in self.vars if isinstance(x, Var) else any(memo[id(y)] for y in parts)
            self.alive.append(x)  # ids stay unique while the memo lives
        return memo[id(e)]


Stride = int | Expr | None


def stride_along(e: Expr, var: Var, varying: Varying) -> Stride:
    """How much index `e` grows from lane to lane: a number, a uniform expression, or None if not evenly."""

    def follow(x: Expr) -> tuple[Expr, ...]:
        linear = isinstance(x, Prim) and x.name in _EVEN and varying(x)
        return children(x) if linear else ()

    def stride(x: Expr, parts: Sequence[Stride]) -> Stride:
        if not varying(x):
            return 0
        if x is var:
            return 1
        if not isinstance(x, Prim) or not parts:
            return None
        return _combined(x, *parts) if x.name in _LINEAR else _of_digits(x, *parts, var, varying.aligned)

    return bottom_up(e, follow, stride, varying.strides.setdefault(id(var), {}))


def bottom_up(
    e: Expr, follow: Callable[[Expr], tuple[Expr, ...]], of: Callable[[Expr, Sequence[T]], T], memo: dict[int, T]
) -> T:
    """`of(x, values of follow(x))` for e: each shared part once, and no deeper in Python's stack for a longer chain."""
    pending = [e]
    while pending:
        x = pending[-1]
        parts = () if id(x) in memo else follow(x)
        missing = [y for y in parts if id(y) not in memo]
        if missing:
            pending += missing
            continue
        pending.pop()
        if id(x) not in memo:
            memo[id(x)] = of(x, [memo[id(y)] for y in parts])
    return memo[id(e)]


def _combined(e: Prim, a: Stride, b: Stride) -> Stride:
    if a is None or b is None:
        return None
    if e.name == "mul":
        return _scaled(a, e.args[1]) if b == 0 else _scaled(b, e.args[0]) if a == 0 else None
    if isinstance(a, int) and isinstance(b, int):
        return a + b if e.name == "add" else a - b
    if b == 0:
        return a
    return b if a == 0 and e.name == "add" else None


_LINEAR = frozenset({"add", "sub", "mul"})
_DIGITS = frozenset({"floordiv", "floormod"})
_EVEN = _LINEAR | _DIGITS


def _of_digits(e: Prim, a: Stride, b: Stride, var: Var, lanes: int) -> Stride:
    """Of a quotient or remainder: all lanes have the same quotient where the divisor is a multiple of what a vector
    spans, and the first lane starts at a multiple of that too."""
    divisor = e.args[1]
    if not isinstance(a, int) or a <= 0 or not lanes or not isinstance(divisor, Lit):
        return 0 if a == 0 and b == 0 else None
    span = a * lanes
    if divisor.value <= 0 or divisor.value % span or not _is_multiple(e.args[0], span, var, lanes):
        return None
    return 0 if e.name == "floordiv" else a


def _is_multiple(e: Expr, of: int, var: Var, lanes: int) -> bool:
    """Is an index surely a multiple of a number, where `var` is one of `lanes`?"""
    if of == 1:
        return True
    if e is var:
        return lanes % of == 0
    if isinstance(e, Lit):
        return bool(e.value % of == 0)
    if not isinstance(e, Prim) or e.name not in _LINEAR:
        return False
    x, y = e.args
    if e.name != "mul":
        return _is_multiple(x, of, var, lanes) and _is_multiple(y, of, var, lanes)
    if isinstance(x, Lit):
        x, y = y, x
    return isinstance(y, Lit) and _is_multiple(x, of // math.gcd(of, int(y.value)), var, lanes)


def _scaled(stride: Stride, factor: Expr) -> Stride:
    if isinstance(stride, int) and isinstance(factor, Lit):
        return stride * int(factor.value)
    return factor if stride == 1 else None


def is_nonnegative(e: Expr, at_least_zero: set[int]) -> bool:
    """Is the integer surely ≥ 0? `at_least_zero`: ids of variables that are."""

    def follow(x: Expr) -> tuple[Expr, ...]:
        return x.args if isinstance(x, Prim) and x.name in _KEEP_SIGN else ()

    def holds(x: Expr, tests: Sequence[bool]) -> bool:
        if isinstance(x, Lit):
            return bool(x.value >= 0)
        if isinstance(x, Size):
            return _is_nonnegative_size(x.dim)
        if isinstance(x, Prim) and tests:
            return any(tests) if x.name == "max" else tests[1] if x.name == "floormod" else all(tests)
        return isinstance(x, Var) and id(x) in at_least_zero

    return bottom_up(e, follow, holds, {})


_KEEP_SIGN = frozenset({"add", "mul", "floordiv", "floormod", "min", "max"})


def _is_nonnegative_size(d: Dim) -> bool:
    if isinstance(d, int):
        return d >= 0
    return all(c >= 0 and all(map(_is_nonnegative_atom, m)) for m, c in d.terms)


def _is_nonnegative_atom(a: Atom) -> bool:
    if a.kind == "sym":
        return True
    tests = [_is_nonnegative_size(x) for x in a.args]
    return any(tests) if a.kind == "max" else all(tests)


def scalarises(loop: For, varying: Varying) -> bool:
    """Must the loop run one by one: does a branch inside depend on the lane, or is there something without vectors?"""
    for s in walk(loop.body):
        if isinstance(s, If) and varying(s.condition):
            return True
        if isinstance(s, (While, Copy, Alloc, Invoke)):
            return True
        if isinstance(s, For) and (s.kind == "parallel" or any(varying(e) for e in (s.start, s.stop, s.step))):
            return True
    return False
