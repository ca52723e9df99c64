"""Random loop programs: every statement, every primitive, every dtype, in nests of every kind of loop.

Invariant: what is generated keeps the rules of the loop IR: indices are inside their buffers, iterations of vector and
parallel loops are independent. Entry point: `Gen(random).program()`.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, evaluate, sym
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import (
    Buffer,
    Expr,
    Lit,
    Load,
    Var,
    cast,
    iadd,
    imax,
    imin,
    imod,
    imul,
    isub,
    lit,
    prim,
    size,
)
from graphtf.ir.loops.stmt import Alloc, Carry, Check, Copy, For, If, Let, LoopFunc, Stmt, Store, While

from .loop_eval import BOOLEAN, COMPARISON, FLOATING, INTEGER, TESTS

DTYPES = (*dt.REAL, dt.bool_)
KINDS = ("serial", "serial", "vector", "vector", "vector", "parallel", "unroll")
COMBINES = {"f": ("add", "mul", "min", "max"), "b": ("and", "or")}
Array = np.ndarray[Any, Any]


class Gen:
    """One program. `scope`: the variables that an expression may use here, by dtype."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self.sizes = {"n": random.choice((0, 1, 2, 5, 9, 17, 21)), "m": random.choice((1, 3, 8, 19))}
        self.ins: list[Buffer] = []
        self.outs: list[Buffer] = []
        self.scope: list[Var] = []
        self.readable: list[Buffer] = []
        self.count = 0
        self.checks = 0
        self.in_vector = False

    # ---- parts ------------------------------------------------------------------------------------------------------

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def dtype(self) -> DType:
        return self.r.choice((dt.float32, dt.int64, self.r.choice(DTYPES)))

    def extent(self) -> Dim:
        return self.r.choice((1, 2, 3, 4, 7, 16, 20, sym("n"), sym("n"), sym("m")))

    def literal(self, d: DType) -> Expr:
        if d.is_bool:
            return Lit(self.r.random() < 0.5, d)
        if d.kind == "f":
            return Lit(float(np.array(self.r.choice((0.0, -0.0, 1.0, 0.5, -3.25, 1e4, float("inf"))), d.np)), d)
        low = 0 if d.kind == "u" else -3
        return Lit(self.r.choice((low, 1, 2, 5, int(d.max), int(d.min))), d)

    def index(self, b: Buffer) -> Expr:
        """Some index inside the buffer, which has an element."""
        whole = [v for v in self.scope if v.dtype is dt.int64]
        at: Expr = lit(self.r.randrange(3))
        for v in self.r.sample(whole, min(len(whole), self.r.randrange(3))):
            at = iadd(at, imul(v, lit(self.r.choice((1, 1, 2, -1, 3)))))
        if self.r.random() < 0.3:
            return imod(at, b.size)
        return imax(imin(at, b.size - 1), 0)

    def expr(self, d: DType, depth: int) -> Expr:
        names = [v for v in self.scope if v.dtype is d]
        places = [b for b in self.readable if b.dtype is d]
        if depth == 0 or self.r.random() < 0.15:
            kind = self.r.randrange(4)
            if names and kind == 0:
                return self.r.choice(names)
            if places and kind < 3:
                b = self.r.choice(places)
                return Load(b, self.index(b))
            return self.literal(d)
        if self.r.random() < 0.15:
            return cast(self.expr(self.dtype(), depth - 1), d)
        if self.r.random() < 0.15:
            return prim("select", self.expr(dt.bool_, depth - 1), self.expr(d, depth - 1), self.expr(d, depth - 1))
        if d.is_bool and self.r.random() < 0.7:
            of, name = self.dtype(), self.r.choice((*COMPARISON, *TESTS))
            return prim(name, *(self.expr(of, depth - 1) for _ in range(2 if name in COMPARISON else 1)))
        own = {"f": FLOATING, "b": BOOLEAN}.get(d.kind, INTEGER)
        name = self.r.choice(sorted(own))
        arity = own[name].__code__.co_argcount - (own is INTEGER) if hasattr(own[name], "__code__") else own[name].nin
        return prim(name, *(self.expr(d, depth - 1) for _ in range(arity)))

    # ---- statements -------------------------------------------------------------------------------------------------

    def innermost(self, at: Expr) -> list[Stmt]:
        """What one iteration does: some of everything, its results at index `at` of the outputs."""
        found: list[Stmt] = []
        kept = len(self.scope)
        for _ in range(self.r.randrange(1, 4)):
            found += self.one(at)
        del self.scope[kept:]
        return found

    def one(self, at: Expr) -> list[Stmt]:
        kind = self.r.randrange(10)
        out = self.r.choice(self.outs)
        if kind < 3:
            return [Store(out, at, self.expr(out.dtype, 3))]
        if kind == 3:
            return [Store(out, at, prim("select", self.expr(dt.bool_, 1), Load(out, at), self.expr(out.dtype, 2)))]
        if kind == 4:
            v = Var(self.name("v"), self.dtype())
            made = Let(v, self.expr(v.dtype, 2))
            self.scope.append(v)
            return [made, Store(out, at, self.expr(out.dtype, 2))]
        if kind == 5:
            return [self.branch(at)]
        if kind == 6:
            return self.inner_loop(at, out)
        if kind == 7 and self.checks == 0:
            self.checks += 1
            return [Check(self.expr(dt.bool_, 2), self.r.randrange(5), self.expr(dt.int64, 1))]
        if kind == 8 and not self.in_vector:
            return [self.while_loop(out, at)]
        return [Store(out, at, self.expr(out.dtype, 2))]

    def branch(self, at: Expr) -> Stmt:
        """Inside a vector its condition is the same for all lanes, so that partial sums stay in their order."""
        kept, self.scope = self.scope, self.scope if not self.in_vector else []
        condition = self.expr(dt.bool_, 2)
        self.scope = list(kept)
        return If(condition, tuple(self.innermost(at)), tuple(self.innermost(at)) if self.r.random() < 0.5 else ())

    def inner_loop(self, at: Expr, out: Buffer) -> list[Stmt]:
        k, acc = Var(self.name("k")), Var(self.name("acc"), out.dtype)
        kept = list(self.scope)
        start = self.expr(out.dtype, 1)
        self.scope = [*kept, k]
        combine = self.r.choice((None, *COMBINES.get(out.dtype.kind, ("add", "mul", "min", "max", "and", "or"))))
        if combine is None:
            self.scope.append(acc)
        carry = Carry(acc, start, self.expr(out.dtype, 2), combine)
        self.scope = [*kept, acc]
        kind = self.r.choice(("serial", "vector", "vector", "unroll"))
        limit = lit(self.r.choice((0, 1, 3, 5))) if kind == "unroll" else size(self.extent())
        loop = For(
            k,
            lit(0),
            limit,
            (),
            kind,
            carries=(carry,),
            lanes=self.r.choice((0, 2, 4)),
            unroll=self.r.choice((1, 2, 4)),
        )
        return [loop, Store(out, at, self.expr(out.dtype, 1))]

    def while_loop(self, out: Buffer, at: Expr) -> Stmt:
        t = Var(self.name("t"))
        stop = self.r.randrange(6)
        return While(prim("lt", t, lit(stop)), (Store(out, at, self.expr(out.dtype, 2)),),
                     carries=(Carry(t, lit(0), iadd(t, lit(1))),))  # fmt: skip

    def nest(self, extents: list[Dim], at: Expr, scale: Dim) -> list[Stmt]:
        """Loops over the extents, outermost first; `at` is the index of what lies outside, in units of all inside."""
        if not extents:
            return self.innermost(at)
        d, *rest = extents
        kind = self.r.choice(KINDS)
        if kind == "unroll" and (not isinstance(d, int) or d > 4):
            kind = "serial"
        v = Var(self.name("i"))
        kept, was = list(self.scope), self.in_vector
        self.scope.append(v)
        self.in_vector = was or kind == "vector"
        body = self.nest(rest, iadd(imul(at, d), v), scale)
        if not rest and not self.in_vector and self.r.random() < 0.4:
            body = [*self.scratch(d, v), *body]
        self.scope, self.in_vector = kept, was
        return [
            For(
                v,
                lit(0),
                size(d),
                tuple(body),
                kind,
                lanes=self.r.choice((0, 0, 2, 4, 8)),
                unroll=self.r.choice((1, 2, 3)),
            )
        ]

    def scratch(self, d: Dim, v: Var) -> list[Stmt]:
        """A local buffer, filled by a loop or cleared, or both."""
        b, j = Buffer(self.name("local"), self.dtype(), sym("m"), "stack"), Var(self.name("j"))
        self.scope.append(j)
        value = self.expr(b.dtype, 2)
        self.scope.pop()
        fill = For(j, lit(0), size(b.size), (Store(b, j, value),), self.r.choice(("serial", "vector")))
        back = Store(b, isub(b.size - 1, lit(0)), self.literal(b.dtype))
        return [Alloc(b), Copy(b, lit(0), None, None, size(b.size)), fill, back]

    def program(self) -> tuple[LoopFunc, list[Array]]:
        """A kernel, and arrays for its buffers."""
        extents = [self.extent() for _ in range(self.r.randrange(1, 4))]
        total: Dim = 1
        for d in extents:
            total = total * d
        self.ins = [Buffer(f"x{k}", self.dtype(), self.r.choice((1, 7, sym("m"), 40))) for k in range(3)]
        self.outs = [Buffer(f"out{k}", self.dtype(), total) for k in range(2)]
        self.readable = list(self.ins)
        body = self.nest(extents, lit(0), total)
        if self.r.random() < 0.5:
            body += self.nest(extents, lit(0), total)
        k = LoopFunc("k", (*self.ins, *self.outs), ("m", "n"), tuple(body))
        return k, [self.array(b) for b in k.params]

    def array(self, b: Buffer) -> Array:
        values = np.random.default_rng(self.r.randrange(1 << 30))
        count = evaluate(b.size, self.sizes)
        if b.dtype.kind == "f":
            with np.errstate(all="ignore"):
                found = (values.standard_normal(count) * 10.0 ** values.integers(-3, 5, count)).astype(b.dtype.np)
            found[values.random(count) < 0.05] = values.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
            return found
        raw = values.integers(0, 256, count * b.dtype.size, np.uint8)
        return raw.view(b.dtype.np) if not b.dtype.is_bool else raw % 2 == 1
