"""Compiling a graph: optimise, fuse, assemble, emit, load. Entry point: `compile(graph)`.

Invariant: whatever the graph holds, the program runs it; what has no native form runs on the host, and says why.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphtf.flags import flags
from graphtf.ir.graph import Graph
from graphtf.ir.loops.stmt import Stmt, While
from graphtf.llvm.codegen.shapes import walk
from graphtf.llvm.engine import engine
from graphtf.llvm.load import load_modules
from graphtf.llvm.target import Target, usable_cores
from graphtf.passes.lower.bounds import checked
from graphtf.passes.lower.caps import Caps
from graphtf.passes.pipeline import Pipeline
from graphtf.runtime.assemble import assemble
from graphtf.runtime.program import Native, Program, native
from graphtf.runtime.steps import Assembly, NativeStep


def caps_of(target: Target) -> Caps:
    """What lowerings may ask of a target."""
    sizes = target.caches
    return Caps(target.vector_bits // 8, target.vector_registers, sizes.l1, sizes.l2, sizes.l3, usable_cores())


@functools.cache
def host_caps() -> Caps:
    """The capabilities of this machine."""
    return caps_of(engine().target)


def compile(graph: Graph, pipeline: Pipeline | None = None, debug: bool = False) -> Program:
    """The program that runs `graph` on this machine. `debug`: every load and store is checked against its buffer."""
    pipeline = pipeline or Pipeline()
    return build(pipeline(graph), pipeline, debug)


def build(
    graph: Graph, pipeline: Pipeline | None = None, debug: bool = False, known: Iterable[str] = ()
) -> Program:
    """The program of a graph that has been through the pipeline already. `known` names sizes that `run` is given."""
    assembly = assemble(graph, host_caps(), known)
    if debug or flags.debug:
        assembly = with_checks(assembly)
    natives = load([step for step in assembly.steps if isinstance(step, NativeStep)])
    reports = pipeline.reports if pipeline is not None else ()
    return Program.of(assembly, natives, functools.partial(build, debug=debug), reports)


def with_checks(assembly: Assembly) -> Assembly:
    """The same steps, every access of native code to memory checked."""
    steps, sites = list(assembly.steps), assembly.sites
    for k, step in enumerate(steps):
        if isinstance(step, NativeStep):
            module, found = checked(step.module, len(sites))
            steps[k], sites = NativeStep(module, step.nodes), sites + found
    return replace(assembly, steps=steps, sites=sites)


def load(steps: Sequence[NativeStep]) -> list[Native]:
    """Machine code for native steps."""
    loaded = load_modules(engine(), [step.module for step in steps])
    return [
        native(code, step.module.main.sizes, any(map(has_loop, step.module.main.body)), step)
        for step, code in zip(steps, loaded)
    ]


def has_loop(s: Stmt) -> bool:
    """Does the statement hold a loop whose end only its data decides?"""
    return any(isinstance(x, While) for x in walk((s,)))
