"""Equal expressions as one object, so that what is written twice is computed once.

Invariant: two expressions get the same object only if they are the same computation; a load is the same as another only
of the same buffer at the same index (whether a store came between them is the asker's business).
Entry point: `Canon`.
"""

from __future__ import annotations

from typing import Any

from graphtf.ir.dtypes import int64
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Size, Var, children
from graphtf.llvm.codegen.names import literal

_NOTHING: frozenset[Buffer] = frozenset()


class Canon:
    """The canonical expressions of one function, and what they read of the buffers it also stores to."""

    def __init__(self, mutable: frozenset[Buffer]) -> None:
        self.mutable = mutable
        self.found: dict[int, Expr] = {}
        self.table: dict[Any, Expr] = {}
        self.texts: dict[int, str] = {}  # of literals
        self.reads: dict[int, frozenset[Buffer]] = {}  # where there are any
        self.alive: list[Expr] = []  # ids are keys only as long as nothing else can have them

    def __call__(self, e: Expr) -> Expr:
        """The object that stands for all expressions equal to e. Parts before the whole, without recursion."""
        done = self.found.get(id(e))
        if done is not None:
            return done
        pending = [e]
        while pending:
            x = pending[-1]
            if id(x) in self.found:
                pending.pop()
                continue
            missing = [y for y in children(x) if id(y) not in self.found]
            if missing:
                pending += missing
                continue
            pending.pop()
            self.alive.append(x)
            self.found[id(x)] = made = self.unique(x)
            self.found[id(made)] = made
        return self.found[id(e)]

    def unique(self, x: Expr) -> Expr:
        """For an expression whose parts have theirs."""
        if isinstance(x, Var):
            return x
        if isinstance(x, Lit):
            text = literal(x.value, x.dtype)
            made = self.table.setdefault((text, x.dtype), x)
            self.texts[id(made)] = text
            return made
        if isinstance(x, Size):
            return self.unique(Lit(x.dim, int64)) if isinstance(x.dim, int) else self.table.setdefault(x.dim, x)
        parts = [self.found[id(y)] for y in children(x)]
        key = (x.buffer if isinstance(x, Load) else x.name, x.dtype, *map(id, parts))
        made = self.table.get(key)
        if made is None:
            made = self.table[key] = self.with_parts(x, parts)
            self.note_reads(made, parts)
        return made

    def with_parts(self, x: Load | Prim, parts: list[Expr]) -> Expr:
        if all(p is y for p, y in zip(parts, children(x))):
            return x
        return Load(x.buffer, parts[0]) if isinstance(x, Load) else Prim(x.name, tuple(parts), x.dtype)

    def note_reads(self, x: Expr, parts: list[Expr]) -> None:
        if not self.mutable:
            return
        read = _NOTHING.union(*(self.reads.get(id(p), _NOTHING) for p in parts))
        if isinstance(x, Load) and x.buffer in self.mutable:
            read |= {x.buffer}
        if read:
            self.reads[id(x)] = read
