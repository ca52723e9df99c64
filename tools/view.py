"""Draw a program: as text, as SVG, or in Graphviz' language; as it was written, or after any pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphtf.export.svg import dot, svg
from graphtf.ir.graph import Graph
from graphtf.passes.pipeline import PIPELINE, Pipeline
from graphtf.tools import programs
from graphtf.tools.opt import chosen
from graphtf.tools.terminal import Terminal
from graphtf.tools.usage import UsageError

_FORMATS = ("text", "svg", "dot")
_BY_SUFFIX = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".ir": "text", ".txt": "text"}


def arguments(parser: argparse.ArgumentParser) -> None:
    programs.add_argument(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE.svg, FILE.dot or FILE.ir")
    parser.add_argument("--format", choices=_FORMATS, help="the format, where no suffix gives it")
    parser.add_argument("--compiled", action="store_true", help="draw the program after all passes, kernels fused")
    parser.add_argument("--until", metavar="NAME", help="draw it after this pass")


def main(options: argparse.Namespace) -> int:
    form = options.format or (_BY_SUFFIX.get(Path(options.output).suffix) if options.output else "text")
    if form is None:
        raise UsageError(f"{options.output}: expected a file that ends in {' '.join(_BY_SUFFIX)}, or --format")
    graph = programs.read(options.program, options.spec).graph
    if options.compiled or options.until:
        graph = Pipeline(chosen((), options.until) if options.until else PIPELINE)(graph)
    text = drawn(graph, form)
    if options.output:
        Path(options.output).write_text(text)
        Terminal().write(f"{options.output}: {len(graph.nodes)} nodes")
    else:
        Terminal().write(text)
    return 0


def drawn(graph: Graph, form: str) -> str:
    """The picture in a format."""
    return {"text": lambda g: f"{g}\n", "svg": svg, "dot": dot}[form](graph)
