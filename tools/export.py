"""Write a function as a portable file (.gtf), which the other commands read, as text, or as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphtf.export.portable import SUFFIX, save
from graphtf.tools import programs
from graphtf.tools.terminal import Terminal, count
from graphtf.tools.usage import UsageError
from graphtf.tools.view import drawn

_PICTURES = {".svg": "svg", ".dot": "dot", ".ir": "text", ".txt": "text"}


def arguments(parser: argparse.ArgumentParser) -> None:
    programs.add_argument(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="FILE.gtf, FILE.ir, FILE.svg or FILE.dot")


def main(options: argparse.Namespace) -> int:
    suffix = Path(options.output).suffix
    if suffix != SUFFIX and suffix not in _PICTURES:
        raise UsageError(f"{options.output}: expected a file that ends in {SUFFIX} {' '.join(_PICTURES)}")
    program = programs.read(options.program, options.spec)
    if suffix == SUFFIX:
        save(program.graph, program.bound, options.output)
    else:
        Path(options.output).write_text(drawn(program.graph, _PICTURES[suffix]))
    nodes, held = count(len(program.graph.nodes), "node"), count(programs.variables(program), "variable")
    size = Path(options.output).stat().st_size
    Terminal().write(f"{options.output}: {nodes}, {held}, {size:,} bytes")
    return 0
