"""The text of the loop IR: kernels as loops with braces, one statement a line.

Invariant: the text is complete and canonical: kernels with equal texts are the same code, and kernels that differ only
in the names of variables and local buffers have equal texts. It grows linearly with the kernel.
Entry points: `print_func`, `print_module`.

    kernel @k(%in0: f32[n], %out0: f32[n]) sizes(n) {
      vector i0 in 0 .. [n] unroll 2 {
        t0 := %in0[i0]
        %out0[i0] = t0 * t0
      }
    }

An expression that is used twice, or is long, is named where it first occurs (`t0 := …`); the name stands for that very
expression wherever it occurs later, in other blocks too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.ir.dtypes import DType, int64
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Size, Var, children
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
    Stmt,
    Store,
    While,
)

LONG = 100  # characters; a longer expression is cut into named parts
_INDENT = "  "
_ATOM = 9
_INFIX = {
    "mul": ("*", 5), "div": ("/", 5), "floordiv": ("//", 5), "floormod": ("mod", 5), "add": ("+", 4), "sub": ("-", 4),
    "shl": ("<<", 3), "shr": (">>", 3), "eq": ("==", 2), "ne": ("!=", 2), "lt": ("<", 2), "le": ("<=", 2),
    "gt": (">", 2), "ge": (">=", 2), "and": ("and", 1), "xor": ("xor", 1), "or": ("or", 1),
}  # fmt: skip


def print_func(func: LoopFunc) -> str:
    """The text of a kernel."""
    return "\n".join(_Printer(func).text())


def print_module(module: Module) -> str:
    """The texts of all kernels and of `main`, each under a line that says what it computes."""
    texts = [(f"; {f.doc}\n" if f.doc else "") + print_func(f) for f in (*module.kernels, module.main)]
    return "\n\n".join(texts)


class _Printer:
    """The state of one text: names given so far, lines, the depth of the block."""

    def __init__(self, func: LoopFunc) -> None:
        self.func = func
        self.lines: list[str] = []
        self.indent = ""
        self.names: dict[Var | Buffer, str] = {}
        self.counts: dict[str, int] = {}
        self.taken: set[str] = set()
        self.texts: dict[Expr, tuple[str, int]] = {}  # with how tightly it binds
        self.uses = _uses(func.body)

    def text(self) -> list[str]:
        f = self.func
        params = ", ".join(self.declared(b) for b in f.params)
        temps = f" temps({', '.join(self.declared(b) for b in f.temps)})" if f.temps else ""
        sizes = f" sizes({', '.join(f.sizes)})" if f.sizes else ""
        self.put(f"kernel @{f.name}({params}){temps}{sizes} {{")
        self.block(f.body)
        self.put("}")
        for s in f.sites:
            self.put(f"; {s.op}: {s.message}" + (f"  ({s.source})" if s.source else ""))
        return self.lines

    def put(self, line: str) -> None:
        self.lines.append(self.indent + line)

    def block(self, body: Sequence[Stmt], carries: Sequence[Carry] = ()) -> None:
        """The statements of a block, and what its loop carries on."""
        self.indent += _INDENT
        for s in body:
            _STATEMENTS[type(s)](self, s)
        nexts = [(self.var(c.var), self.expr(c.next), c.combine) for c in carries]
        for name, value, combine in nexts:
            self.put(f"next {name} = {f'{combine} {name}, ' if combine else ''}{value}")
        self.indent = self.indent[: -len(_INDENT)]

    # ---- names ------------------------------------------------------------------------------------------------------

    def declared(self, b: Buffer) -> str:
        """A parameter keeps its own name, where no other has it."""
        name = f"%{b.name}"
        if name in self.taken:
            name = self.unused(f"{name}.")
        self.taken.add(name)
        self.names[b] = name
        return self.typed(b)

    def typed(self, b: Buffer) -> str:
        space = "" if b.space == "arg" else f" {b.space}"
        return f"{self.names[b]}: {b.dtype.short}[{b.size}]{space}"

    def numbered(self, prefix: str) -> str:
        n = self.counts.get(prefix, 0)
        self.counts[prefix] = n + 1
        return f"{prefix}{n}"

    def unused(self, prefix: str) -> str:
        name = self.numbered(prefix)
        while name in self.taken:
            name = self.numbered(prefix)
        return name

    def buffer(self, b: Buffer) -> str:
        found = self.names.get(b)
        if found is None:  # local
            found = self.names[b] = self.unused(f"%{b.space}")
        return found

    def var(self, v: Var, prefix: str = "x") -> str:
        found = self.names.get(v)
        if found is None:
            found = self.names[v] = self.numbered(prefix)
        return found

    # ---- expressions ------------------------------------------------------------------------------------------------

    def expr(self, e: Expr) -> str:
        """The text of an expression; the lines that name its parts are written first."""
        return self.known(e)[0]

    def at(self, b: Buffer, index: Expr) -> str:
        return f"{self.buffer(b)}[{self.expr(index)}]"

    def known(self, e: Expr) -> tuple[str, int]:
        """Parts before the whole, without recursion: expressions may be deep."""
        pending = [e]
        while pending:
            x = pending[-1]
            if x in self.texts:
                pending.pop()
                continue
            parts = [y for y in children(x) if y not in self.texts]
            if parts:
                pending += reversed(parts)
                continue
            pending.pop()
            self.texts[x] = self.composed(x)
        return self.texts[e]

    def composed(self, x: Expr) -> tuple[str, int]:
        """The text of an expression whose parts have theirs."""
        text, tightness = self.written(x)
        if isinstance(x, (Prim, Load)) and (self.uses[x] > 1 or len(text) > LONG):
            name = self.numbered("t")
            self.put(f"{name} := {text}")
            return name, _ATOM
        return text, tightness

    def written(self, x: Expr) -> tuple[str, int]:
        if isinstance(x, Lit):
            return literal_text(x.value, x.dtype), _ATOM
        if isinstance(x, Size):
            return f"[{x.dim}]", _ATOM
        if isinstance(x, Var):
            return self.var(x), _ATOM
        if isinstance(x, Load):
            return f"{self.buffer(x.buffer)}[{self.texts[x.index][0]}]", _ATOM
        parts = [self.texts[a] for a in x.args]
        if x.name in _INFIX:
            sign, own = _INFIX[x.name]
            (a, left), (b, right) = parts
            return f"{a if left >= own else f'({a})'} {sign} {b if right > own else f'({b})'}", own
        kind = f"<{x.dtype.short}>" if x.name in ("cast", "bitcast") else ""
        return f"{x.name}{kind}({', '.join(t for t, _ in parts)})", _ATOM

    # ---- statements -------------------------------------------------------------------------------------------------

    def let(self, s: Let) -> None:
        value = self.expr(s.value)
        self.put(f"let {self.var(s.var, 'x')}: {s.var.dtype.short} = {value}")

    def store(self, s: Store) -> None:
        value = self.expr(s.value)
        self.put(f"{self.at(s.buffer, s.index)} = {value}")

    def copy(self, s: Copy) -> None:
        target, count = self.at(s.target, s.target_index), self.expr(s.count)
        if s.source is None or s.source_index is None:
            self.put(f"clear {target}, {count}")
        else:
            self.put(f"copy {target}, {self.at(s.source, s.source_index)}, {count}")

    def alloc(self, s: Alloc) -> None:
        self.buffer(s.buffer)
        self.put(f"alloc {self.typed(s.buffer)}")

    def prefetch(self, s: Prefetch) -> None:
        how = f"{'near ' if s.near else ''}{'to write ' if s.write else ''}"
        self.put(f"prefetch {how}{self.at(s.buffer, s.index)}")

    def check(self, s: Check) -> None:
        condition, value = self.expr(s.condition), self.expr(s.value)
        self.put(f"check {condition}, {value}, site {s.site}")

    def invoke(self, s: Invoke) -> None:
        self.put(f"invoke @{s.function}({', '.join(self.buffer(b) for b in s.buffers)})")

    def carried(self, carries: Sequence[Carry]) -> str:
        """The carried variables and what they are first."""
        if not carries:
            return ""
        inits = [self.expr(c.init) for c in carries]
        names = [f"{self.var(c.var, 'c')}: {c.var.dtype.short} = {x}" for c, x in zip(carries, inits)]
        return f" carry({', '.join(names)})"

    def loop(self, s: For) -> None:
        limits = f"{self.expr(s.start)} .. {self.expr(s.stop)}"
        step = self.expr(s.step)
        limits += "" if step == "1" else f" step {step}"
        carried = self.carried(s.carries)
        index = self.var(s.var, "i") + ("" if s.var.dtype is int64 else f": {s.var.dtype.short}")
        lanes = f" lanes {s.lanes}" if s.lanes else ""
        unroll = f" unroll {s.unroll}" if s.unroll != 1 else ""
        self.put(f"{s.kind} {index} in {limits}{lanes}{unroll}{carried} {{")
        self.block(s.body, s.carries)
        self.put("}")

    def repeat(self, s: While) -> None:
        self.put(f"loop{self.carried(s.carries)} {{")
        self.block(s.before)
        self.indent += _INDENT
        self.put(f"while {self.expr(s.condition)}")
        self.indent = self.indent[: -len(_INDENT)]
        self.block(s.body, s.carries)
        self.put("}")

    def branch(self, s: If) -> None:
        self.put(f"if {self.expr(s.condition)} {{")
        self.block(s.then)
        if s.orelse:
            self.put("} else {")
            self.block(s.orelse)
        self.put("}")


_STATEMENTS: dict[type, Any] = {
    Let: _Printer.let, Store: _Printer.store, Copy: _Printer.copy, Alloc: _Printer.alloc, Check: _Printer.check,
    Prefetch: _Printer.prefetch, Invoke: _Printer.invoke, For: _Printer.loop, While: _Printer.repeat,
    If: _Printer.branch,
}  # fmt: skip


def literal_text(value: Any, dtype: DType) -> str:
    """A literal, exact to the bit: plain for int64 and bool, with its type behind a colon otherwise."""
    if dtype is int64:
        return str(int(value))
    if dtype.is_bool:
        return "true" if value else "false"
    if dtype.is_integer:
        return f"{int(value)}:{dtype.short}"
    if value != value or dtype.is_complex:
        return f"0x{np.asarray(value, dtype.np).tobytes()[::-1].hex()}:{dtype.short}"
    return f"{float(value)!r}:{dtype.short}"


def _uses(body: Sequence[Stmt]) -> dict[Expr, int]:
    """How often each expression is an operand or a root."""
    found: dict[Expr, int] = {}
    pending = list(_roots(body))
    while pending:
        e = pending.pop()
        found[e] = found.get(e, 0) + 1
        if found[e] == 1:
            pending.extend(children(e))
    return found


def _roots(body: Sequence[Stmt]) -> Iterator[Expr]:
    for s in body:
        if isinstance(s, Let):
            yield s.value
        elif isinstance(s, Store):
            yield from (s.index, s.value)
        elif isinstance(s, Copy):
            yield from (e for e in (s.target_index, s.source_index, s.count) if e is not None)
        elif isinstance(s, Prefetch):
            yield s.index
        elif isinstance(s, Check):
            yield from (s.condition, s.value)
        elif isinstance(s, For):
            yield from (s.start, s.stop, s.step)
            yield from _carried(s.carries)
            yield from _roots(s.body)
        elif isinstance(s, While):
            yield s.condition
            yield from _carried(s.carries)
            yield from _roots((*s.before, *s.body))
        elif isinstance(s, If):
            yield s.condition
            yield from _roots((*s.then, *s.orelse))


def _carried(carries: Sequence[Carry]) -> Iterator[Expr]:
    for c in carries:
        yield from (c.init, c.next)
