"""A program segment in the loop IR as LLVM IR texts, ready to be compiled in parallel and linked with each other.

Invariant: equal modules give equal texts. The symbol `program` is `i32 program(ptr args)`: args points at three
addresses, of the table of buffers, of the run-time sizes, and of the status: site + 1 and value of the first check that
failed.
Entry points: `emit_module`, `load_module`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphtf.ir.loops.stmt import LoopFunc, Module
from graphtf.llvm.codegen.function import FunctionWriter
from graphtf.llvm.codegen.module import ModuleWriter
from graphtf.llvm.engine import Engine
from graphtf.llvm.link import Loaded
from graphtf.llvm.target import Target, usable_cores

ENTRY = "program"


def emit_module(module: Module, target: Target, parts: int = 1) -> list[str]:
    """LLVM IR texts, at most `parts` of them with kernels, for `engine().compile`."""
    kernels = {k.name: k for k in module.kernels}
    texts = []
    for chunk in _shares(module.kernels, parts):
        w = ModuleWriter(target, kernels)
        for k in chunk:
            emit_kernel(w, k)
        texts.append(w.text())
    w = ModuleWriter(target, kernels)
    emit_main(w, module.main)
    return [*texts, w.text()]


def load_module(engine: Engine, module: Module, debug: bool = False) -> Loaded:
    """Machine code for a module."""
    return engine.compile(emit_module(module, engine.target, usable_cores()))


def _shares(kernels: Sequence[LoopFunc], parts: int) -> list[Sequence[LoopFunc]]:
    return [share for i in range(parts) if (share := kernels[i::parts])]


def emit_kernel(w: ModuleWriter, k: LoopFunc) -> None:
    """`void k(ptr each buffer, i64 each size, ptr status)`"""
    f = FunctionWriter(w, k.sizes)
    params = []
    for i, b in enumerate((*k.params, *k.temps)):
        f.buffers[b] = f"%p{i}"
        params.append(f"ptr %p{i}")
    params += [f"i64 {x}" for x in f.sizes.values()] + ["ptr %status"]
    f.run(k.body)
    f.put("ret void")
    w.defined.add(k.name)
    w.add(_define(f"void @{k.name}({', '.join(params)})", f))


def emit_main(w: ModuleWriter, main: LoopFunc) -> None:
    """The entry: addresses and sizes are read from the argument block."""
    f = MainWriter(w, main)
    f.run(main.body)
    failed = f.ins("load i64, ptr %status, align 8")
    flag = f.ins(f"icmp ne i64 {failed}, 0")
    f.put(f"ret i32 {f.ins(f'zext i1 {flag} to i32')}")
    w.add(_define(f"i32 @{ENTRY}(ptr %args)", f))


class MainWriter(FunctionWriter):
    """`main`, whose buffers lie behind a table."""

    def __init__(self, module: ModuleWriter, main: LoopFunc) -> None:
        super().__init__(module, main.sizes)
        self.entry += [
            "  %table = load ptr, ptr %args, align 8",
            "  %sizes.at = getelementptr i64, ptr %args, i64 1",
            "  %sizes = load ptr, ptr %sizes.at, align 8",
            "  %status.at = getelementptr i64, ptr %args, i64 2",
            "  %status = load ptr, ptr %status.at, align 8",
            "  store i64 0, ptr %status, align 8",
        ]
        for k, x in enumerate(self.sizes.values()):
            self.entry.append(f"  {x}.at = getelementptr i64, ptr %sizes, i64 {k}")
            self.entry.append(f"  {x} = load i64, ptr {x}.at, align 8")
        self.buffers = Table(self, main)


class Table(Mapping):  # type: ignore[type-arg]
    """Addresses of buffers, read from the table where they are used."""

    def __init__(self, w: FunctionWriter, main: LoopFunc) -> None:
        self.w = w
        self.number = {b: k for k, b in enumerate(main.params)}

    def __getitem__(self, b: object) -> str:
        at = self.w.ins(f"getelementptr i64, ptr %table, i64 {self.number[b]}")  # type: ignore[index]
        return self.w.ins(f"load ptr, ptr {at}, align 8")

    def __iter__(self) -> object:  # type: ignore[override]
        return iter(self.number)

    def __len__(self) -> int:
        return len(self.number)


def _define(signature: str, f: FunctionWriter) -> str:
    return "\n".join([f"define {signature} #0 {{", "entry:", *f.entry, *f.lines, "}"])
