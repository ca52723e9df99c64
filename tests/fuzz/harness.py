"""One program, held against itself: text and back, before and after the passes, interpreter and native code.

Invariant: a failure says which of these it was, so that a smaller program that fails differently is not taken for it.
Entry points: `compiled`, `problem`, `examine`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphtf.ir.graph import Graph
from graphtf.ir.parse import parse
from graphtf.ir.text import print_graph
from graphtf.ir.verify import verify
from graphtf.llvm.threads import subnormals_kept
from graphtf.passes.pipeline import PIPELINE, Pipeline, bisect
from graphtf.runtime import compiler
from graphtf.runtime.assemble import NativeStep, assemble
from graphtf.runtime.program import Program as Compiled

from .compare import Arguments, Expected, observe, reference
from .guard import overruns
from .program import Program

_SHOWN = 1500  # characters of a traceback


@dataclass(frozen=True)
class Problem:
    """kind: text, passes, compile, memory, native, or python, for an error that is not the program's own."""

    kind: str
    message: str


@dataclass(frozen=True)
class Failure:
    """A program that failed, for `n` rows."""

    seed: int
    n: int
    problem: Problem


def optimised(graph: Graph) -> Graph:
    """The graph after the passes, each of which left a valid one."""
    return Pipeline(verify_each=True)(graph)


def compiled(graphs: Sequence[Graph], debug: bool = False) -> list[Compiled]:
    """Programs of graphs that have been through the passes, their code made together. `debug`: accesses are checked."""
    assemblies = [assemble(g, compiler.host_caps()) for g in graphs]
    if debug:
        assemblies = [compiler.with_checks(a) for a in assemblies]
    steps = [[s for s in a.steps if isinstance(s, NativeStep)] for a in assemblies]
    natives = iter(compiler.load([s for own in steps for s in own]))
    return [Compiled.of(a, [next(natives) for _ in own], compiler.build) for a, own in zip(assemblies, steps)]


# ---- what may be wrong -----------------------------------------------------------------------------------------------


def text_problem(graph: Graph) -> Problem | None:
    """Is the graph well formed, and the same once written and read?"""
    try:
        verify(graph)
        text = print_graph(graph)
        read = print_graph(parse(text))
    except Exception:  # noqa: BLE001  # whatever is raised is the finding
        return Problem("text", traceback.format_exc()[-_SHOWN:])
    return None if read == text else Problem("text", f"reads back as\n{read}")


def run_problem(kind: str, expected: Expected, run: Callable[[Sequence[Any]], Any], args: list[Any]) -> Problem | None:
    """Does a run give what is expected?"""
    try:
        found = expected.differences(observe(run, args))
    except Exception:  # noqa: BLE001
        return Problem("python", traceback.format_exc()[-_SHOWN:])
    return Problem(kind, "; ".join(found[:3])) if found else None


def problem(graph: Graph, arguments: Arguments, opt: Graph | None = None, native: Compiled | None = None,
            debug: bool = False) -> Problem | None:  # fmt: skip
    """What is wrong with a graph for some arguments; None if nothing is. What is made already may be given."""
    found = text_problem(graph)
    if found:
        return found
    try:
        opt = opt or optimised(graph)
        expected = Expected(graph, arguments, opt)
    except Exception:  # noqa: BLE001
        return Problem("passes", traceback.format_exc()[-_SHOWN:])
    found = run_problem("passes", expected, reference(opt), arguments())
    if found:
        return replace(found, message=f"after {culprit(graph, expected, arguments)}: {found.message}")
    try:
        native = native or compiled([opt], debug)[0]
    except Exception:  # noqa: BLE001
        return Problem("compile", traceback.format_exc()[-_SHOWN:])
    beyond = overruns(native, arguments())
    if beyond:  # before it can do harm
        return Problem("memory", "; ".join(beyond))
    with subnormals_kept():  # as the reference does
        return run_problem("native", expected, native.run, arguments())


def culprit(graph: Graph, expected: Expected, arguments: Arguments) -> str | None:
    """The pass after which the graph gives something else."""

    def is_good(g: Graph) -> bool:
        return run_problem("", expected, reference(g), arguments()) is None

    return bisect(graph, is_good, PIPELINE)


def examine(program: Program, opt: Graph | None = None, native: Compiled | None = None) -> Failure | None:
    """Run a program with each of its sizes."""
    for n in program.batches():
        found = problem(program.graph, lambda n=n: program.arguments(n), opt, native)
        if found:
            return Failure(program.seed, n, found)
    return None


def prepared(programs: Sequence[Program], debug: bool = False) -> list[tuple[Graph | None, Compiled | None]]:
    """Each program after the passes, and compiled; None where that fails, for `examine` to find out why."""
    graphs: list[Graph | None] = [_or_none(optimised, p.graph) for p in programs]
    good = [g for g in graphs if g is not None]
    natives: Sequence[Compiled | None] = _or_none(compiled, good, debug) or [None] * len(good)
    ready = iter(natives)
    return [(g, None if g is None else next(ready)) for g in graphs]


def _or_none(make: Callable[..., Any], *args: Any) -> Any:
    try:
        return make(*args)
    except Exception:  # noqa: BLE001
        return None
