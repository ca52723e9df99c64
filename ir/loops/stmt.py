"""Statements, functions and modules of the loop IR.

Invariant: a variable is defined once, before its uses; a loop marked parallel or vector has independent iterations but
for its `Carry`s with a `combine`. Entry points: `LoopFunc` (one kernel), `Module` (a program's kernels and `main`).
"""

from __future__ import annotations

from dataclasses import dataclass

from graphtf.ir.dtypes import int64
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Var

_ONE = Lit(1, int64)


@dataclass(frozen=True, slots=True, eq=False)
class Let:
    """Name a value."""

    var: Var
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """buffer[index] = value"""

    buffer: Buffer
    index: Expr
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """A value carried round a loop: `var` is `init` first and `next` after each iteration; after the loop it is the
    last. With `combine` (a commutative scalar primitive: add, mul, min, max, and, or), next is combine(var, `next`)
    and a vector loop may keep several partial results, joined at the end in a fixed order."""

    var: Var
    init: Expr
    next: Expr
    combine: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class For:
    """for var in range(start, stop, step). kind:

    serial    in order.
    parallel  iterations run on any thread (each iteration is one task: lowerings block the range first).
    vector    iterations are independent; the emitter runs `lanes` at once (and `unroll` such vectors per round), the
              rest one by one. Step is 1. lanes 0: the emitter chooses for the widest dtype in the body.
    unroll    constant bounds; the body is repeated.
    """

    var: Var
    start: Expr
    stop: Expr
    body: tuple[Stmt, ...]
    kind: str = "serial"
    step: Expr = _ONE
    carries: tuple[Carry, ...] = ()
    lanes: int = 0
    unroll: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class While:
    """While `condition` (over the carried variables, evaluated after `before`) holds, run the body.

    `before` and body may hold `Invoke`s; the condition is often a Load of a buffer they wrote. Polls for an interrupt.
    """

    condition: Expr
    body: tuple[Stmt, ...]
    before: tuple[Stmt, ...] = ()
    carries: tuple[Carry, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """Run one of two bodies."""

    condition: Expr
    then: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Alloc:
    """Reserve a stack or register buffer for this function (contents undefined)."""

    buffer: Buffer


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """memcpy of `count` elements between buffers that do not overlap; or memset to zero where `source` is None."""

    target: Buffer
    target_index: Expr
    source: Buffer | None
    source_index: Expr | None
    count: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Prefetch:
    """A hint that the cache line of buffer[index] is wanted soon: in the first cache if `near`, else in the second; to
    be written, if `write`. No value depends on it, and the index may lie outside."""

    buffer: Buffer
    index: Expr
    near: bool = False
    write: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """If `condition` is false, note error number `site` with an int64 `value` (the first to fail stands) and go on:
    what follows must be safe all the same (clamp the index). The program returns the status at its end."""

    condition: Expr
    site: int
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Invoke:
    """Run a kernel of the module on buffers (its params, then its temps). Only in `main`."""

    function: str
    buffers: tuple[Buffer, ...]


Stmt = Let | Store | For | While | If | Alloc | Copy | Prefetch | Check | Invoke


@dataclass(frozen=True, slots=True)
class Site:
    """What a Check is about: the op, the message (`{value}` stands for the value noted), the user's line."""

    op: str
    message: str
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LoopFunc:
    """One kernel: buffers it is given, buffers it wants as temporary memory, the names of run-time sizes it uses."""

    name: str
    params: tuple[Buffer, ...]
    sizes: tuple[str, ...]
    body: tuple[Stmt, ...]
    temps: tuple[Buffer, ...] = ()
    doc: str = ""
    sites: tuple[Site, ...] = ()  # what its Checks' numbers mean

    def __str__(self) -> str:
        from graphtf.ir.loops.text import print_func  # the printer imports this module

        return print_func(self)


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A program segment: kernels, and `main`, whose params are all the segment's buffers in table order."""

    name: str
    kernels: tuple[LoopFunc, ...]
    main: LoopFunc
    texts: tuple[str, ...] = ()  # of the kernels, under any name, if whoever made them has them

    def __str__(self) -> str:
        from graphtf.ir.loops.text import print_module

        return print_module(self)

