"""Run a Python script as a TensorFlow program, GraphTF standing for TensorFlow; or a portable file (or graph as text)
on arrays."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import numpy as np

from graphtf.flags import flags
from graphtf.posing import install_as_tensorflow
from graphtf.tools import inputs, programs
from graphtf.tools.terminal import Terminal
from graphtf.tools.usage import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", metavar="PROGRAM", help="SCRIPT.py, FILE.gtf or FILE.ir")
    parser.add_argument(
        "rest", nargs=argparse.REMAINDER, metavar="…",
        help="the script's arguments; or INPUT.npy … [--random SEED] [--size NAME=N] [--times N] [-o OUT.npz]",
    )  # fmt: skip
    parser.add_argument("--interpret", action="store_true", help="run on the reference instead of native code")
    parser.add_argument("--eager", action="store_true", help="run tf.function's Python functions themselves")


def main(options: argparse.Namespace) -> int:
    flags.interpret |= options.interpret
    flags.run_eagerly |= options.eager
    if options.program.endswith(".py"):
        return script(options.program, options.rest)
    return portable(options.program, options.rest)


def script(path: str, rest: list[str]) -> int:
    """Run a Python file as `python FILE ARGS` does; its `import tensorflow` and `import keras` get GraphTF."""
    if not Path(path).is_file():
        raise UsageError(f"no file {path!r}")
    install_as_tensorflow()
    before = sys.argv, sys.path[:]
    sys.argv = [path, *rest]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    finally:
        sys.argv, sys.path[:] = before
    return 0


def portable(path: str, rest: list[str]) -> int:
    """Run a program on arrays, and print or store what it computes."""
    parser = argparse.ArgumentParser(prog=f"graphtf run {path}")
    inputs.add_arguments(parser)
    parser.add_argument("-o", "--output", metavar="OUT.npz", help="store the outputs instead of printing them")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="run it N times; variables keep their values")
    options = parser.parse_args(rest)
    program = programs.read(path)
    arrays = inputs.read(program, options)
    outs = program(*arrays)
    for _ in range(options.times - 1):
        outs = program(*arrays)
    if options.output:
        np.savez(options.output, *outs)
        return 0
    terminal = Terminal()
    for k, out in enumerate(outs):
        text = np.array2string(out, threshold=40, edgeitems=3, max_line_width=terminal.width - 4)
        terminal.write(f"output {k}: {out.dtype}{list(out.shape)}\n{text}")
    return 0
