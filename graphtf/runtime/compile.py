"""Compiling a graph: optimise, fuse, assemble, emit, load. Entry point: `compile(graph)`.

Invariant: whatever the graph holds, the program runs it; what has no native form runs on the host, and says why.
"""

from __future__ import annotations

from dataclasses import replace

from graphtf.ir.graph import Graph
from graphtf.ir.loops.stmt import Module
from graphtf.llvm.call import Gil, make_caller
from graphtf.llvm.emit import emit_module
from graphtf.llvm.engine import engine
from graphtf.llvm.target import usable_cores
from graphtf.passes.lower.caps import Caps
from graphtf.passes.pipeline import optimise
from graphtf.runtime.assemble import NativeStep, assemble
from graphtf.runtime.program import Native, Program


def host_caps() -> Caps:
    """The capabilities of this machine."""
    target = engine().target
    sizes = target.caches
    return Caps(target.vector_bits // 8, target.vector_registers, sizes.l1, sizes.l2, sizes.l3, usable_cores())


def compile(graph: Graph) -> Program:
    """The program that runs `graph` on this machine."""
    assembly = assemble(optimise(graph), host_caps())
    natives = [load(step) for step in assembly.steps if isinstance(step, NativeStep)]
    return Program(replace(assembly, graph=assembly.graph), natives)


def load(step: NativeStep) -> Native:
    """Machine code for one native step."""
    module: Module = step.module
    loaded = engine().compile(emit_module(module, host_caps()))
    return Native(make_caller(loaded, gil=Gil.RELEASED), module.main.sizes, step)
