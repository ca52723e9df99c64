"""The loop IR: what a kernel does, as loop nests over buffers with scalar bodies; nothing here knows a target."""

from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Size, Var
from graphtf.ir.loops.stmt import (
    Alloc,
    Carry,
    Check,
    Copy,
    For,
    If,
    Invoke,
    Let,
    LoopFunc,
    Module,
    Prefetch,
    Site,
    Stmt,
    Store,
    While,
)

__all__ = [
    "Alloc", "Buffer", "Carry", "Check", "Copy", "Expr", "For", "If", "Invoke", "Let", "Lit", "Load", "LoopFunc",
    "Module", "Prefetch", "Prim", "Site", "Size", "Stmt", "Store", "Var", "While",
]  # fmt: skip
