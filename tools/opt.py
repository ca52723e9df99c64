"""Show a program after every pass, with node counts and times; or what it becomes: loops, LLVM IR, assembly."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphtf.ir.graph import Graph
from graphtf.passes.pipeline import PIPELINE, Pipeline, Report, Step
from graphtf.tools import programs
from graphtf.tools.terminal import Terminal, count, duration
from graphtf.tools.usage import UsageError

if TYPE_CHECKING:
    from graphtf.ir.loops.stmt import Module
    from graphtf.llvm.target import Target

_ALL = ", ".join(s.name for s in PIPELINE)


def arguments(parser: argparse.ArgumentParser) -> None:
    programs.add_argument(parser)
    passes = parser.add_argument_group("which passes")
    passes.add_argument(
        "--pass", dest="only", action="append", default=[], metavar="NAME",
        help=f"only this pass (may be repeated): {_ALL}",
    )  # fmt: skip
    passes.add_argument("--until", metavar="NAME", help="stop after this pass")
    passes.add_argument("--verify", action="store_true", help="verify the graph after every pass")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--stats", action="store_true", help="print only the table of passes, node counts and times")
    what.add_argument("--final", action="store_true", help="print only the graph after the last pass")
    what.add_argument("--lower", action="store_true", help="print the loops the program becomes")
    what.add_argument("--llvm", action="store_true", help="print the LLVM IR, before LLVM's own passes")
    what.add_argument("--asm", action="store_true", help="print the assembly")
    parser.add_argument("--target", default="host", metavar="NAME", help="the processor, with --lower, --llvm, --asm")


def main(options: argparse.Namespace) -> int:
    terminal = Terminal()
    graph = programs.read(options.program, options.spec).graph
    steps = chosen(options.only, options.until)
    quiet = options.stats or options.final or options.lower or options.llvm or options.asm
    pipeline = Pipeline(steps, verify_each=options.verify)
    if not quiet:
        shown = Shown(terminal, graph, pipeline)
        pipeline.on_step = shown.step
        shown.start()
    result = pipeline(graph)
    if options.stats:
        terminal.table(table(pipeline.reports), "<>>>", head=True)
    elif options.final:
        terminal.write(str(result))
    elif options.lower or options.llvm or options.asm:
        terminal.write(lowered(result, options))
    return 0


def chosen(only: Sequence[str], until: str | None) -> tuple[Step, ...]:
    """The steps that are run. Raises UsageError for a pass that does not exist."""
    known = {s.name: s for s in PIPELINE}
    for name in [*only, *([until] if until else [])]:
        if name not in known:
            raise UsageError(f"no pass is called {name!r}; there are {_ALL}")
    steps = tuple(known[n] for n in only) if only else PIPELINE
    if until is None:
        return steps
    names = [s.name for s in steps]
    if until not in names:
        raise UsageError(f"--until {until!r} is not among the passes chosen")
    return steps[: names.index(until) + 1]


@dataclass
class Shown:
    """Prints the graph whenever a pass has changed it."""

    terminal: Terminal
    last: Graph
    pipeline: Pipeline

    def start(self) -> None:
        self.terminal.write(f"{self.title('as written', self.last)}\n{self.last}")

    def title(self, what: str, graph: Graph, time: str = "") -> str:
        return self.terminal.style(f"; ---- {what}: {count(len(graph.nodes), 'node')}{time}", "bold")

    def step(self, name: str, graph: Graph) -> None:
        time = f", {duration(self.pipeline.reports[-1].seconds)}"
        if graph is self.last or str(graph) == str(self.last):
            self.terminal.write(self.terminal.style(f"; ---- {name}: no change{time}", "dim"))
        else:
            self.terminal.write(f"{self.title(name, graph, time)}\n{graph}")
        self.last = graph


def table(reports: Sequence[Report]) -> list[list[str]]:
    """Passes, nodes and times as rows."""
    rows = [["pass", "nodes", "change", "time"]]
    for r in reports:
        change = r.nodes_after - r.nodes_before
        rows.append([r.name, str(r.nodes_after), f"{change:+d}" if change else "", duration(r.seconds)])
    rows.append(["all", str(reports[-1].nodes_after) if reports else "", "", duration(sum(r.seconds for r in reports))])
    return rows


def lowered(graph: Graph, options: argparse.Namespace) -> str:
    """The native parts of an optimised graph as text: loops, LLVM IR or assembly; host steps as comments."""
    from graphtf.llvm.target import named
    from graphtf.runtime.assemble import HostStep, assemble
    from graphtf.runtime.compiler import caps_of

    try:
        target = named(options.target)
    except ValueError as error:
        raise UsageError(str(error)) from None
    parts = []
    for step in assemble(graph, caps_of(target)).steps:
        if isinstance(step, HostStep):
            parts.append(f"; on the host: {step.node.op.name} ({step.why})")
        elif options.lower:
            parts.append(str(step.module))
        else:
            parts += native_texts(step.module, target, assembly=options.asm)
    return "\n\n".join(parts)


def native_texts(module: Module, target: Target, *, assembly: bool) -> list[str]:
    """LLVM IR, or the assembly that LLVM makes of it."""
    from graphtf.llvm import toolchain
    from graphtf.llvm.emit import emit_module

    texts = emit_module(module, target)
    if not assembly:
        return texts
    return [toolchain.assembly(t, target.machine, toolchain.pipeline("default")) for t in texts]
