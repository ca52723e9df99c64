"""A program segment in the loop IR as LLVM IR texts, ready to be compiled in parallel and linked with each other.

Invariant: equal modules give equal texts. The symbol `program` is `i32 program(ptr args)`: args points at three
addresses, of the table of buffers, of the run-time sizes, and of the status: site + 1 and value of the first check that
failed. Entry point: `emit_module`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphtf.ir.loops.expr import Buffer
from graphtf.ir.loops.stmt import Invoke, LoopFunc, Module, Stmt, While
from graphtf.llvm.codegen.module import ModuleWriter
from graphtf.llvm.codegen.shapes import mutable, stored, walk
from graphtf.llvm.codegen.statements import BodyWriter
from graphtf.llvm.target import Target

ENTRY = "program"
PART = 40_000  # characters of kernels in one text: enough to outweigh what every module takes
MAIN_LENGTH = 400  # characters that a statement of `main` takes, about
MAIN_STATEMENTS = 256  # in one function: what LLVM does grows faster than the function


def emit_module(module: Module, target: Target) -> list[str]:
    """LLVM IR texts, for `engine().compile`."""
    return list(emit_parts(module, target))


def emit_parts(module: Module, target: Target) -> Iterator[str]:
    """The texts one after the other, so that one compiles while the next is written; each holds a few kernels."""
    kernels = {k.name: k for k in module.kernels}
    shared = shared_params(module)
    w = ModuleWriter(target, kernels)
    for k in module.kernels:
        emit_kernel(w, k, shared.get(k.name, frozenset()))
        if w.length >= PART:
            yield w.text()
            w = ModuleWriter(target, kernels)
    if w.parts and w.length + MAIN_LENGTH * len(module.main.body) >= PART:
        yield w.text()
        w = ModuleWriter(target, kernels)
    emit_main(w, module.main)
    yield w.text()


# ---- kernels ---------------------------------------------------------------------------------------------------------


def shared_params(module: Module) -> dict[str, frozenset[int]]:
    """For each kernel, the positions of parameters that some call gives the same buffer as another."""
    found: dict[str, set[int]] = {}
    for s in walk(module.main.body):
        if isinstance(s, Invoke) and len(set(s.buffers)) < len(s.buffers):
            first: dict[Buffer, int] = {}
            for i, b in enumerate(s.buffers):
                j = first.setdefault(b, i)
                if j != i:
                    found.setdefault(s.function, set()).update((i, j))
    return {name: frozenset(positions) for name, positions in found.items()}


def emit_kernel(w: ModuleWriter, k: LoopFunc, shared: frozenset[int]) -> None:
    """`void k(ptr each buffer, i64 each size, ptr status)`"""
    f = BodyWriter(w, k.sizes, mutable(k.body), k.name)
    params = []
    for i, b in enumerate((*k.params, *k.temps)):
        f.buffers[b] = f"%p{i}"
        params.append(f"ptr {'' if i in shared else 'noalias '}%p{i}")
    params += [f"i64 {x}" for x in f.sizes.values()] + ["ptr noalias %status"]
    f.run(k.body)
    w.defined.add(k.name)
    w.add(f.text(f"void @{k.name}({', '.join(params)}) #0"))


# ---- main ------------------------------------------------------------------------------------------------------------


def emit_main(w: ModuleWriter, main: LoopFunc) -> None:
    """The entry: addresses and sizes are read from the argument block."""
    f = MainWriter(w, main, ENTRY)
    f.entry += [
        "  %table = load ptr, ptr %args, align 8",
        "  %sizes.at = getelementptr i64, ptr %args, i64 1",
        "  %sizes = load ptr, ptr %sizes.at, align 8",
        "  %status.at = getelementptr i64, ptr %args, i64 2",
        "  %status = load ptr, ptr %status.at, align 8",
        "  store i64 0, ptr %status, align 8",
    ]
    f.read_sizes()
    f.run(main.body)
    f.exit += ["  %outcome = load i64, ptr %status, align 8", "  %failed = icmp ne i64 %outcome, 0"]
    f.exit.append("  %result = zext i1 %failed to i32")
    f.returns = "ret i32 %result"
    w.add(f.text(f"i32 @{ENTRY}(ptr %args) #0"))


class MainWriter(BodyWriter):
    """`main`, whose buffers lie behind a table; a long sequence of statements becomes several functions."""

    def __init__(self, module: ModuleWriter, main: LoopFunc, name: str) -> None:
        super().__init__(module, main.sizes, mutable(main.body), name)
        self.main = main
        self.number = {b: k for k, b in enumerate(main.params)}

    def base(self, b: Buffer) -> str:
        at = self.ins(f"getelementptr i64, ptr %table, i64 {self.number[b]}")
        return self.ins(f"load ptr, ptr {at}, align 8")

    def read_sizes(self) -> None:
        for k, x in enumerate(self.sizes.values()):
            self.entry.append(f"  {x}.at = getelementptr i64, ptr %sizes, i64 {k}")
            self.entry.append(f"  {x} = load i64, ptr {x}.at, align 8")

    def run(self, body: Sequence[Stmt]) -> None:
        if len(body) <= MAIN_STATEMENTS:
            super().run(body)
            return
        for at in range(0, len(body), MAIN_STATEMENTS):
            self.part(body[at : at + MAIN_STATEMENTS])

    def part(self, body: Sequence[Stmt]) -> None:
        """Statements as a function of their own."""
        name = self.module.unique(f"{ENTRY}.part")
        f = MainWriter(self.module, self.main, name)
        f.read_sizes()
        f.run(body)
        self.module.add(f.text(f"internal void @{name}(ptr %table, ptr %sizes, ptr %status) #0"))
        self.put(f"call void @{name}(ptr %table, ptr %sizes, ptr %status)")
        if any(isinstance(s, While) for s in walk(body)):
            self.leave_if_interrupted()
        for b in stored(body):
            self.scopes.forget(b)
