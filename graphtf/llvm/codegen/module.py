"""One LLVM module: the functions written so far, and what they need declared or defined beside them, each once.

Invariant: a module can be compiled alone, and says nothing of a processor. Entry point: `ModuleWriter`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graphtf.ir.dtypes import DType
from graphtf.ir.loops.stmt import Invoke, LoopFunc
from graphtf.llvm import mathlib
from graphtf.llvm.codegen.names import register_type, vector
from graphtf.llvm.target import Target

if TYPE_CHECKING:
    from graphtf.llvm.codegen.function import FunctionWriter

ATTRIBUTES = "attributes #0 = { nounwind }"


class ModuleWriter:
    """The text of a module as it grows."""

    def __init__(self, target: Target, kernels: Mapping[str, LoopFunc]) -> None:
        self.target = target
        self.kernels = kernels
        self.vector_bytes = max(1, target.vector_bits // 8)
        self.parts: list[str] = []
        self.length = 0  # characters in them
        self.declared: dict[str, str] = {}
        self.defined: set[str] = set()
        self.numbers: dict[str, int] = {}

    def unique(self, prefix: str) -> str:
        """A name that no other function of the module has."""
        self.numbers[prefix] = number = self.numbers.get(prefix, -1) + 1
        return f"{prefix}.{number}"

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def declare(self, name: str, result: str, types: Sequence[str]) -> None:
        if name not in self.declared:
            self.declared[name] = f"declare {result} @{name}({', '.join(types)})"

    def math_call(self, name: str, dtype: DType, lanes: int, args: Sequence[str]) -> str:
        """The call of a mathematical function, which is defined in the module once it is used."""
        t = vector(register_type(dtype), lanes)
        function = mathlib.define(name, dtype.size * 8, lanes, self.target.supports("fma"))
        for symbol, line in function.declares.items():
            self.declared.setdefault(symbol, line)
        for symbol, text in function.definitions.items():
            self.take(symbol, text)
        return f"call {t} @{function.symbol}({', '.join(f'{t} {a}' for a in args)})"

    def take(self, symbol: str, text: str) -> None:
        """Add the definition of `symbol`, once."""
        if symbol not in self.defined:
            self.defined.add(symbol)
            self.parts.append(text)

    def invocation(self, s: Invoke, pointers: Sequence[str], sizes: Mapping[str, str]) -> str:
        """The call of a kernel."""
        kernel = self.kernels[s.function]
        args = [f"ptr {p}" for p in pointers] + [f"i64 {sizes[x]}" for x in kernel.sizes] + ["ptr %status"]
        types = ["ptr"] * len(pointers) + ["i64"] * len(kernel.sizes) + ["ptr"]
        self.declare(s.function, "void", types)
        return f"call void @{s.function}({', '.join(args)})"

    def counted(self, w: FunctionWriter, index: str) -> str:
        """A loop's index after another round.

        LLVM's search for cheaper ways to count takes as long as all else it does, and finds none where one memory
        operand holds a base, a scaled index and an offset: there it is not let to look.
        """
        return w.ins(f'call i64 asm "", "=r,0"(i64 {index})') if self.target.supports("indexed") else index

    def poll(self, w: FunctionWriter) -> str:
        """Whether a loop of unknown length may go on, an i1: no check has failed, and the user has not interrupted."""
        self.declared.setdefault("gtf_interrupt_flag", "@gtf_interrupt_flag = external global i32")
        self.declare("gtf_poll_interrupt", "i32", [])
        ask, after = w.labels("ask", "asked")
        flag = w.ins("load atomic i32, ptr @gtf_interrupt_flag monotonic, align 4")
        w.branch(w.ins(f"icmp ne i32 {flag}, 0"), ask, after)
        w.start(ask)
        stop = w.ins("call i32 @gtf_poll_interrupt()")
        wide = w.ins(f"sext i32 {stop} to i64")
        w.ins(f"cmpxchg ptr %status, i64 0, i64 {wide} seq_cst seq_cst")
        w.jump(after)
        w.start(after)
        status = w.ins("load atomic i64, ptr %status monotonic, align 8")
        return w.ins(f"icmp eq i64 {status}, 0")

    def text(self) -> str:
        """The whole module; empty for one without functions."""
        if not self.parts:
            return ""
        defined = {name: line for name, line in self.declared.items() if name not in self.defined}
        return "\n".join([*defined.values(), *self.parts, ATTRIBUTES, ""])
