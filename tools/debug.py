"""Run a program node by node on the reference: what each value is, where the first NaN or infinity comes from, whether
native code gives the same, and which pass or kernel is to blame if not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import InternalError
from graphtf.ir.graph import Graph, Node
from graphtf.ir.interpret import interpret
from graphtf.ir.state import Cell
from graphtf.ir.text import Names, print_node
from graphtf.ir.types import type_of
from graphtf.tools import inputs, programs
from graphtf.tools.compare import compare, copied
from graphtf.tools.terminal import Terminal, digits, shown

Array = np.ndarray[Any, Any]


def arguments(parser: argparse.ArgumentParser) -> None:
    programs.add_argument(parser)
    inputs.add_arguments(parser)
    parser.add_argument("--values", action="store_true", help="print the values themselves too")
    parser.add_argument("--nan", action="store_true", help="print only where the first NaN or infinity comes from")
    parser.add_argument("--compare", action="store_true", help="run native code too and compare the results")
    parser.add_argument("--bisect", action="store_true", help="as --compare, and name the pass or node to blame")


def main(options: argparse.Namespace) -> int:
    terminal = Terminal()
    program = programs.read(options.program, options.spec)
    args = program.filled(inputs.read(program, options))
    if options.compare or options.bisect:
        return compared(terminal, program.graph, args, options.bisect)
    watch = Watch(terminal, program.graph, quiet=options.nan, values=options.values)
    try:
        interpret(program.graph, copied(args), on_node=watch)
    finally:
        watch.finish()
    return 1 if watch.culprit is not None else 0


def compared(terminal: Terminal, graph: Graph, args: Sequence[Any], bisect: bool) -> int:
    """Print how far native results are from the reference. The exit status says whether it matters."""
    found = compare(graph, args)
    for d in found:
        verdict = terminal.style("DIFFERS", "red", "bold") if d.matters else terminal.style("ok", "green")
        terminal.write(f"  {verdict}  {d}")
    if bisect:
        terminal.write(f"  {blame(graph, args)}")
    return 1 if any(d.matters for d in found) else 0


def blame(graph: Graph, args: Sequence[Any]) -> str:
    """Which node differs first, and which pass, or the code generator, is to blame."""
    from graphtf.functions.verified import Verified
    from graphtf.runtime.compiler import compile

    try:
        Verified(graph, lambda g: compile(g).run)(copied(args))
    except InternalError as error:
        return str(error)
    return "every pass and kernel gives the reference's values"


@dataclass
class Watch:
    """Sees every node as it runs: a line for each, and the first that makes NaN or infinity out of finite numbers."""

    terminal: Terminal
    graph: Graph
    quiet: bool
    values: bool
    names: Names = field(default_factory=Names)
    culprit: tuple[Node, Sequence[Any], Sequence[Array]] | None = None

    def __post_init__(self) -> None:
        name_values(self.graph, self.names)

    def __call__(self, node: Node, operands: Sequence[Any], results: Sequence[Array]) -> None:
        bad = any(not_finite(x) for x in results) and not any(not_finite(x) for x in operands)
        if bad and self.culprit is None and node.op.name != "constant":
            self.culprit = node, operands, results
        if not self.quiet:
            for v, x in zip(node.outputs, results):
                self.line(self.names.of(v), node, x, bad)

    def line(self, name: str, node: Node, x: Array, bad: bool) -> None:
        t = self.terminal
        where = t.style(f"  {node.source.file.rsplit('/', 1)[-1]}:{node.source.line}", "dim") if node.source else ""
        text = f"{name:>8} = {node.op.name:14} {type_of(x)!s:20} {summary(x)}"
        t.write((t.style(text, "red") if bad else text) + where)
        if self.values:
            t.write(np.array2string(x, threshold=100, prefix=" " * 11, max_line_width=t.width))

    def finish(self) -> None:
        if self.culprit is None:
            self.terminal.write("every value is finite" if self.quiet else "\nevery value is finite")
            return
        node, operands, results = self.culprit
        self.terminal.write(f"\nthe first NaN or infinity: {shown(print_node(node, self.names), 100)}")
        for k, x in enumerate(operands):
            if not isinstance(x, Cell):
                self.terminal.write(f"  operand {k}: {type_of(x)!s:16} {summary(x)}")
        for x in results:
            self.terminal.write(f"  result:    {type_of(x)!s:16} {summary(x)}")


def name_values(graph: Graph, names: Names) -> None:
    """Give values the names that the printed graph gives them."""
    for v in graph.inputs:
        names.of(v)
    for n in graph.nodes:
        for v in n.outputs:
            names.of(v)
        for region in n.regions.values():
            name_values(region, names)


def not_finite(x: Any) -> bool:
    """Does an array (or a variable's) hold NaN or an infinity?"""
    a = x.array if isinstance(x, Cell) else x
    return bool(as_dtype(a.dtype).is_inexact and not np.isfinite(a).all())


def summary(x: Array) -> str:
    """An array in a few numbers."""
    dtype = as_dtype(x.dtype)
    if x.size == 0:
        return "empty"
    if x.size <= 4 or dtype.kind in "sbc":
        return shown(np.array2string(x.reshape(-1), threshold=4, precision=4, separator=" "), 44)
    a = x.astype(np.float64).reshape(-1)
    finite = a[np.isfinite(a)]
    parts = []
    if finite.size:
        parts = [f"min {digits(finite.min())}", f"mean {digits(finite.mean())}", f"max {digits(finite.max())}"]
    nan, inf = int(np.isnan(a).sum()), int(np.isinf(a).sum())
    return "  ".join([*parts, *([f"NaN {nan}"] if nan else []), *([f"inf {inf}"] if inf else [])])
