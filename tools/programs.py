"""What commands take as PROGRAM: a portable file, a graph as text (`-` is standard input), or a Python function.

    model.gtf           written by `graphtf export`
    step.ir             text as `print(graph)` writes it
    train.py:step       a `tf.function` in a file, or `package.module:step`, with --spec for each tensor it takes

Invariant: only the third form runs code, and it runs what the user names. Entry points: `add_argument`, `read`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from graphtf.export.portable import SUFFIX, Loaded, bound_inputs, load
from graphtf.ir.dtypes import BY_SHORT, DType, as_dtype
from graphtf.ir.parse import parse
from graphtf.ir.types import RefType
from graphtf.spec import TensorSpec
from graphtf.tools.usage import UsageError

_SPEC = re.compile(r"(\w+)\s*(?:\[(.*)\])?")
_MOST_TEXT = 1 << 30


def add_argument(parser: argparse.ArgumentParser) -> None:
    """PROGRAM and --spec."""
    parser.add_argument("program", metavar="PROGRAM", help="FILE.gtf, FILE.ir, -, or FILE.py:FUNCTION, MODULE:FUNCTION")
    parser.add_argument(
        "--spec", action="append", default=[], metavar="TYPE",
        help="the type of an argument of FUNCTION, such as 'f32[?, 784]'; one for each tensor it takes",
    )  # fmt: skip


def read(program: str, specs: list[str] | None = None) -> Loaded:
    """The program of that name. Raises UsageError if there is none, and what reading it raises."""
    if program.endswith(SUFFIX):
        return load(program)
    module, colon, function = program.rpartition(":")
    if colon and function.isidentifier():
        return traced(module, function, [spec(s) for s in specs or []])
    if program != "-" and not Path(program).is_file():
        raise UsageError(f"no file {program!r}; a program is FILE.gtf, FILE.ir, -, FILE.py:FUNCTION or MODULE:FUNCTION")
    text = sys.stdin.read(_MOST_TEXT) if program == "-" else Path(program).read_text(errors="replace")
    graph = parse(text)
    return Loaded(graph, [None] * len(graph.inputs))


def spec(text: str) -> TensorSpec:
    """A type as written on the command line; `?` and `None` are open sizes, `*` an open rank.

    >>> spec("f32[?, 784]")
    TensorSpec(shape=(None, 784), dtype=tf.float32, name=None)
    """
    found = _SPEC.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--spec {text!r} is not a type; expected for example 'f32[?, 784]' or 'int32[]'")
    dtype = _dtype(found[1])
    inside = (found[2] or "").strip()
    if inside == "*":
        return TensorSpec(None, dtype)
    return TensorSpec([_size(s.strip(), text) for s in inside.split(",")] if inside else [], dtype)


def _dtype(name: str) -> DType:
    try:
        return BY_SHORT.get(name) or as_dtype(name)
    except TypeError:
        raise UsageError(f"{name!r} is not an element type; there are {', '.join(BY_SHORT)}") from None


def _size(text: str, where: str) -> int | None:
    if text in ("?", "None", "-1"):
        return None
    if not text.isdecimal():
        raise UsageError(f"--spec {where!r}: {text!r} is not a size")
    return int(text)


def traced(module: str, name: str, specs: list[TensorSpec]) -> Loaded:
    """The trace of a function of a module or file for specs (or its input_signature, or the one trace it has)."""
    found = getattr(imported(module), name, None)
    if found is None:
        raise UsageError(f"{module} has no {name!r}")
    concrete = _concrete(found, f"{module}:{name}", specs)
    return Loaded(concrete.ir, bound_inputs(concrete))


def imported(module: str) -> Any:
    """The module of that name, or the Python file, imported under the name of its stem."""
    if module.endswith(".py"):
        path = Path(module)
        if not path.is_file():
            raise UsageError(f"no file {module!r}")
        made = importlib.util.spec_from_file_location(path.stem, path)
        assert made is not None and made.loader is not None
        loaded = importlib.util.module_from_spec(made)
        sys.modules.setdefault(path.stem, loaded)
        sys.path.insert(0, str(path.resolve().parent))
        made.loader.exec_module(loaded)
        return loaded
    sys.path.insert(0, "")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(f"cannot import {module!r}: {error}") from None


def _concrete(found: Any, name: str, specs: list[TensorSpec]) -> Any:
    from graphtf.functions.concrete import ConcreteFunction
    from graphtf.functions.function import Function, function

    if isinstance(found, ConcreteFunction):
        return found
    if not callable(found):
        raise UsageError(f"{name} is not a function")
    made = found if isinstance(found, Function) else function(found)
    if not specs and made.input_signature is None:
        traces = list(made._traces.values())
        if len(traces) == 1:
            return traces[0]
        if len(traces) > 1:
            raise UsageError(f"{name} has {len(traces)} traces; choose one with --spec TYPE for each tensor it takes")
    try:
        return made.get_concrete_function(*specs)
    except TypeError as error:
        raise UsageError(f"{name} does not take {', '.join(map(str, specs)) or 'no arguments'}: {error}") from None


def variables(program: Loaded) -> int:
    """How many variables a program has."""
    return sum(isinstance(v.type, RefType) for v in program.graph.inputs)
