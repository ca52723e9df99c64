"""Debug mode: every load, store and copy checks its index, says what it would have touched, and stays inside.

Invariant: a program whose indices are right computes the same bits as without checks; one whose indices are wrong
touches no memory but its own. Register tiles are left alone: their indices are numbers, which code generation looks at.
Entry point: `checked`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphtf.ir.dims import Dim, maximum
from graphtf.ir.loops import expr as e
from graphtf.ir.loops.expr import Buffer, Expr, Load, Prim, children, lit, prim
from graphtf.ir.loops.stmt import Carry, Check, Copy, For, If, Let, LoopFunc, Module, Prefetch, Site, Stmt, Store, While


def checked(module: Module, first: int = 0) -> tuple[Module, tuple[Site, ...]]:
    """The module with its accesses checked, and what its new checks, numbered from `first`, are about."""
    sites: list[Site] = []
    kernels = tuple(Bounds(k, first, sites).func() for k in module.kernels)
    main = Bounds(module.main, first, sites).func()
    return Module(module.name, kernels, main), tuple(sites)


class Bounds:
    """The checks of one function."""

    def __init__(self, func: LoopFunc, first: int, sites: list[Site]) -> None:
        self.before, self.first, self.sites = func, first, sites
        self.numbers: dict[tuple[Buffer, str], int] = {}
        self.safe: dict[Expr, Expr] = {}  # each expression with the indices of its loads kept inside

    def func(self) -> LoopFunc:
        return replace(self.before, body=self.body(self.before.body))

    # ---- expressions ------------------------------------------------------------------------------------------------

    def new(self, whole: Expr) -> Expr:
        """The expression that stays inside its buffers. Parts before the whole, without recursion."""
        pending = [whole]
        while pending:
            x = pending[-1]
            missing = [y for y in children(x) if y not in self.safe]
            if missing:
                pending += missing
                continue
            pending.pop()
            if x not in self.safe:
                self.safe[x] = self.rebuilt(x)
        return self.safe[whole]

    def rebuilt(self, x: Expr) -> Expr:
        if isinstance(x, Load):
            return Load(x.buffer, self.inside(x.buffer, self.safe[x.index]))
        if isinstance(x, Prim):
            args = tuple(self.safe[a] for a in x.args)
            return x if all(a is b for a, b in zip(args, x.args)) else Prim(x.name, args, x.dtype)
        return x

    def inside(self, b: Buffer, index: Expr) -> Expr:
        return index if b.space == "register" else e.imax(e.imin(index, b.size - 1), 0)

    # ---- checks -----------------------------------------------------------------------------------------------------

    def site(self, b: Buffer, verb: str) -> int:
        key = b, verb
        if key not in self.numbers:
            self.numbers[key] = self.first + len(self.sites)
            message = f"kernel {self.before.name} {verb} element {{value}} of {b.name}, which has {b.size}"
            self.sites.append(Site("bounds", message))
        return self.numbers[key]

    def access(self, b: Buffer, index: Expr, verb: str) -> list[Stmt]:
        """The check that an index is inside. Element 0 of an empty buffer may be read where its value is not wanted."""
        if b.space == "register":
            return []
        count: Dim = maximum(b.size, 1) if verb == "reads" else b.size
        ok = prim("and", prim("ge", index, lit(0)), prim("lt", index, e.size(count)))
        return [Check(ok, self.site(b, verb), index)]

    def reads(self, *roots: Expr) -> list[Stmt]:
        """Checks of all loads in the expressions, those that others' indices depend on first."""
        found: list[Stmt] = []
        seen: set[Expr] = set()
        pending = list(reversed(roots))
        while pending:
            x = pending[-1]
            missing = [y for y in children(x) if y not in seen]
            if missing:
                pending += missing
                continue
            pending.pop()
            if x not in seen and isinstance(x, Load):
                found += self.access(x.buffer, self.new(x.index), "reads")
            seen.add(x)
        return found

    # ---- statements -------------------------------------------------------------------------------------------------

    def body(self, stmts: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return tuple(y for x in stmts for y in self.stmt(x))

    def stmt(self, s: Stmt) -> list[Stmt]:
        new = self.new
        if isinstance(s, Let):
            return [*self.reads(s.value), Let(s.var, new(s.value))]
        if isinstance(s, Store):
            at = new(s.index)
            checks = self.reads(s.index, s.value) + self.access(s.buffer, at, "writes")
            return [*checks, Store(s.buffer, self.inside(s.buffer, at), new(s.value))]
        if isinstance(s, If):
            return [*self.reads(s.condition), If(new(s.condition), self.body(s.then), self.body(s.orelse))]
        if isinstance(s, Check):
            return [*self.reads(s.condition, s.value), Check(new(s.condition), s.site, new(s.value))]
        if isinstance(s, Prefetch):
            return [*self.reads(s.index), replace(s, index=new(s.index))]
        if isinstance(s, Copy):
            return self.copy(s)
        return self.loop(s) if isinstance(s, (For, While)) else [s]

    def carries(self, carries: tuple[Carry, ...]) -> tuple[Carry, ...]:
        return tuple(Carry(c.var, self.new(c.init), self.new(c.next), c.combine) for c in carries)

    def loop(self, s: For | While) -> list[Stmt]:
        first = self.reads(*(c.init for c in s.carries))
        body = (*self.body(s.body), *self.reads(*(c.next for c in s.carries)))
        carries = self.carries(s.carries)
        if isinstance(s, For):
            start, stop, step = self.new(s.start), self.new(s.stop), self.new(s.step)
            loop = replace(s, start=start, stop=stop, step=step, body=body, carries=carries)
            return [*self.reads(s.start, s.stop, s.step), *first, loop]
        before = (*self.body(s.before), *self.reads(s.condition))
        return [*first, While(self.new(s.condition), body, before, carries)]

    def copy(self, s: Copy) -> list[Stmt]:
        """The whole range is inside, or nothing is copied; the value noted is the index after the last."""
        ranges = [(s.target, s.target_index, "writes")]
        if s.source is not None and s.source_index is not None:
            ranges.append((s.source, s.source_index, "reads"))
        checks = self.reads(s.count, *(i for _, i, _ in ranges))
        count, fits = self.new(s.count), prim("ge", self.new(s.count), lit(0))
        for b, index, verb in ranges:
            start = self.new(index)
            end = e.iadd(start, count)
            ok = prim("and", prim("ge", start, lit(0)), prim("le", end, e.size(b.size)))
            checks.append(Check(prim("and", ok, fits), self.site(b, verb), e.isub(end, 1)))
            fits = prim("and", fits, ok)
        origin = None if s.source_index is None else self.new(s.source_index)
        kept = e.select(fits, count, lit(0))
        return [*checks, Copy(s.target, self.new(s.target_index), s.source, origin, kept)]
