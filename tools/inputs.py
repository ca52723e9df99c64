"""The arrays a portable program is run on: `.npy` and `.npz` files in the order of its arguments, or made up.

Invariant: files are read without running anything in them. Entry points: `add_arguments`, `read`.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from graphtf.export.portable import Loaded
from graphtf.ir.dims import evaluate, symbols
from graphtf.ir.types import TensorType
from graphtf.tools.usage import UsageError

Array = np.ndarray[Any, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUT, --random and --size."""
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="a .npy file for each argument, or one .npz")
    parser.add_argument("--random", type=int, metavar="SEED", help="make up the arguments from a seed")
    parser.add_argument(
        "--size", action="append", default=[], metavar="NAME=N", help="with --random, an open size (else 8)"
    )


def read(program: Loaded, options: argparse.Namespace) -> list[Array]:
    """The arguments of a program. Raises UsageError if they are too few or cannot be read."""
    free = [v for v, b in zip(program.graph.inputs, program.bound) if b is None]
    if options.random is not None:
        return made_up([v.ir_type for v in free], options.random, _sizes(options.size))
    found = [a for path in options.inputs for a in arrays_in(path, [v.hint for v in free])]
    if len(found) != len(free):
        wanted = "; ".join(program.arguments)
        raise UsageError(f"the program takes {len(free)} arrays ({wanted}), got {len(found)}; or use --random SEED")
    return [fitted(a, v.ir_type) for a, v in zip(found, free)]


def arrays_in(path: str, names: list[str]) -> Iterator[Array]:
    """The array of a .npy file; of a .npz those called as the arguments are, if all are there, else in order."""
    if not Path(path).is_file():
        raise UsageError(f"no file {path!r}")
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            yield content
            return
        wanted = names if names and all(n in content.files for n in names) else content.files
        yield from [content[n] for n in wanted]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} holds no arrays: {error}") from None


def fitted(a: Array, t: TensorType) -> Array:
    """The array; numbers that lose nothing take the program's dtype, as those of a .npy made by hand should."""
    if a.dtype == t.dtype.np or not np.can_cast(a.dtype, t.dtype.np, "same_kind"):
        return a
    return a.astype(t.dtype.np)


def _sizes(texts: list[str]) -> dict[str, int]:
    found = {}
    for text in texts:
        name, equals, size = text.partition("=")
        if not equals or not size.isdecimal():
            raise UsageError(f"--size {text!r}: expected NAME=NUMBER")
        found[name.strip()] = int(size)
    return found


def made_up(types: list[TensorType], seed: int, sizes: dict[str, int]) -> list[Array]:
    """Arrays of the types: normal floats, small integers."""
    rng = np.random.default_rng(seed)
    env = {s: sizes.get(s, 8) for t in types for d in t.dims_or_none for s in symbols(d)}
    arrays = []
    for t in types:
        shape = tuple(evaluate(d, env) for d in t.dims)
        if t.dtype.kind == "b":
            arrays.append(rng.random(shape) < 0.5)
        elif t.dtype.is_integer:
            arrays.append(rng.integers(0, 10, shape).astype(t.dtype.np))
        elif t.dtype.is_inexact:
            arrays.append(rng.standard_normal(shape).astype(t.dtype.np))
        else:
            raise UsageError(f"arguments of type {t} cannot be made up")
    return arrays
