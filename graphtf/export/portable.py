"""The portable file: a graph as text with its variables' values, in one zip archive that any machine can read.

    graph.ir            the program, in the text form
    variables/0.npy …   the value of each variable input, in order
    manifest.json       format version, names and types of inputs and outputs

Invariant: loading runs no code: the text is parsed against the closed op set and verified, arrays are plain `.npy` whose
size is proven against the declared type before anything is read, and no other member is looked at.
Entry points: `save`, `load`.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graphtf.ir.errors import DataLossError, InvalidArgumentError, ParseError, VerifyError
from graphtf.ir.graph import Graph
from graphtf.ir.parse import parse
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType

VERSION = 1
_MAX_TEXT = 1 << 30
_HEADER = 1 << 16  # more than any .npy header


@dataclass
class Loaded:
    """A program from a file: the graph, and a Cell for each of its variable inputs (None for tensors)."""

    graph: Graph
    cells: list[Cell | None]
    program: Any = field(default=None, repr=False)

    def __call__(self, *tensors: Any) -> list[np.ndarray[Any, Any]]:
        """Run it on arrays for the tensor inputs, in order."""
        from graphtf.runtime import compile

        rest = iter(tensors)
        args = [c if c is not None else np.asarray(next(rest)) for c in self.cells]
        if self.program is None:
            self.program = compile(self.graph)
        out: list[np.ndarray[Any, Any]] = self.program.run(args)
        return out


def save(graph: Graph, args: Sequence[Any], path: str | os.PathLike[str]) -> None:
    """Write `graph` to `path`. `args` holds a Cell at the position of each variable input.

    Raises InvalidArgumentError for a graph that calls Python, which no file can hold.
    """
    text = _text(graph)
    variables = [(i, v) for i, v in enumerate(graph.inputs) if isinstance(v.type, RefType)]
    manifest = {
        "format": "graphtf", "version": VERSION,
        "inputs": [{"name": v.hint, "type": str(v.type)} for v in graph.inputs],
        "outputs": [{"type": str(v.type)} for v in graph.outputs],
    }  # fmt: skip
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("manifest.json", json.dumps(manifest, indent=1))
        z.writestr("graph.ir", text)
        for k, (i, _) in enumerate(variables):
            buffer = io.BytesIO()
            np.save(buffer, args[i].array, allow_pickle=False)
            z.writestr(f"variables/{k}.npy", buffer.getvalue())
    os.replace(partial, target)


def _text(graph: Graph) -> str:
    text = str(graph)
    try:
        parse(text)
    except (ParseError, VerifyError) as e:
        raise InvalidArgumentError(None, None, f"save: the graph has no portable form: {e}") from None
    return text


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a program. Raises DataLossError for a file that is not one, or is damaged."""
    try:
        with zipfile.ZipFile(path) as z:
            manifest = json.loads(_member(z, "manifest.json"))
            if manifest.get("format") != "graphtf" or manifest.get("version") != VERSION:
                raise DataLossError(None, None, f"load: {path} is not a graphtf file of version {VERSION}")
            graph = parse(_member(z, "graph.ir").decode())
            cells: list[Cell | None] = []
            for v in graph.inputs:
                if isinstance(v.type, RefType):
                    array = _array(z, f"variables/{sum(c is not None for c in cells)}.npy", v.type)
                    cells.append(Cell(array, v.type.content, v.hint))
                else:
                    cells.append(None)
            return Loaded(graph, cells)
    except (zipfile.BadZipFile, ParseError, VerifyError, ValueError, KeyError, EOFError, AttributeError) as e:
        raise DataLossError(None, None, f"load: {path} cannot be read: {e}") from None


def _member(z: zipfile.ZipFile, name: str) -> bytes:
    if z.getinfo(name).file_size > _MAX_TEXT:
        raise ValueError(f"{name} is too large")
    return z.read(name)


def _array(z: zipfile.ZipFile, name: str, t: RefType) -> np.ndarray[Any, Any]:
    """A variable's value, its size proven before it is read."""
    size = z.getinfo(name).file_size
    if t.content.is_static:
        expected = int(t.content.size) * t.dtype.size  # type: ignore[call-overload]
        if not expected <= size <= expected + _HEADER:
            raise ValueError(f"{name} has {size} bytes, its type {t.content} needs {expected}")
    array = np.load(io.BytesIO(z.read(name)), allow_pickle=False)
    if array.dtype.kind == "V":  # bfloat16 and its like are stored as raw bytes
        array = array.view(t.dtype.np)
    if array.dtype != t.dtype.np or (t.content.is_static and array.shape != t.content.dims):
        raise ValueError(f"{name} is {array.dtype}{list(array.shape)}, expected {t.content}")
    return np.ascontiguousarray(array)
