"""The portable file: a graph as text with the values it refers to, in one zip archive that any machine can read.

    graph.ir            the program, in the text form
    arrays/0.npy …      the value of each variable, and of each tensor the function referred to, in order
    manifest.json       format version, names and types of inputs and outputs, and which inputs the arrays stand for

Invariant: loading runs no code and reads no more than the file holds: the text is parsed against the closed op set and
verified, arrays are stored uncompressed, their size proven against the declared type, nothing is unpacked to disk, and
a program that would call Python or write to a file is refused.
Entry points: `save`, `save_function`, `load`.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphtf.functions.concrete import ConcreteFunction, Runner, compiled
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import DataLossError, InvalidArgumentError, NotFoundError, OpError, ParseError, VerifyError
from graphtf.ir.graph import Graph, Node, map_regions
from graphtf.ir.op import Effect
from graphtf.ir.ops.io import STREAMS, host_call, print_
from graphtf.ir.parse import parse
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType

Array = np.ndarray[Any, Any]

VERSION = 1
SUFFIX = ".gtf"
_MOST_TEXT = 1 << 28
_MOST_MANIFEST = 1 << 24
_DATE = (1980, 1, 1, 0, 0, 0)  # equal programs make equal files
_UNREADABLE = (
    OpError, ParseError, VerifyError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    EOFError, OSError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass
class Loaded:
    """A program from a file: the graph, and what each of its inputs stands for: a Cell for a variable, an array for a
    tensor the function referred to, None for an argument."""

    graph: Graph
    bound: list[Cell | Array | None]
    runner: Runner | None = field(default=None, repr=False)

    @property
    def arguments(self) -> list[str]:
        """The type of each argument, with its name where it has one."""
        free = [v for v, b in zip(self.graph.inputs, self.bound) if b is None]
        return [f"{v.hint}: {v.type}" if v.hint else str(v.type) for v in free]

    def filled(self, tensors: Sequence[Any]) -> list[Any]:
        """The graph's inputs for arrays in the place of arguments. Raises InvalidArgumentError for another number."""
        wanted = self.arguments
        if len(tensors) != len(wanted):
            message = f"{self.graph.name} takes {len(wanted)} arrays ({'; '.join(wanted)}), got {len(tensors)}"
            raise InvalidArgumentError(None, None, message)
        rest = iter(tensors)
        return [np.asarray(next(rest)) if b is None else b for b in self.bound]

    def __call__(self, *tensors: Any) -> list[Array]:
        """The outputs for arrays; variables keep what the program assigns to them until the next call."""
        if self.runner is None:
            self.runner = compiled(self.graph)
        return self.runner(self.filled(tensors))


# ---- writing ---------------------------------------------------------------------------------------------------------


def save_function(function: Any, path: str | os.PathLike[str], *specs: Any) -> None:
    """Write what `tf.function` made of a Python function: its trace for `specs`, with the values of its variables.

    Raises InvalidArgumentError for a program that calls Python, which no file can hold.
    """
    concrete = function if isinstance(function, ConcreteFunction) else function.get_concrete_function(*specs)
    save(concrete.ir, bound_inputs(concrete), path)


def bound_inputs(concrete: ConcreteFunction) -> list[Cell | Array | None]:
    """What each input of a trace stands for, as `save` takes it. Raises TypeError within another trace."""
    outside: list[Any] = []
    for x in concrete.outside:
        if not isinstance(x, Cell) and not hasattr(x, "_array"):
            raise TypeError(f"{concrete.name} refers to {x!r} of an enclosing function, which a file cannot hold")
        outside.append(x if isinstance(x, Cell) else x._array)
    return [None] * (len(concrete.ir.inputs) - len(outside)) + outside


def save(graph: Graph, bound: Sequence[Cell | Array | None], path: str | os.PathLike[str]) -> None:
    """Write `graph` to `path`; `bound` holds, for each input, its Cell, its array, or None for an argument.

    The file appears whole or not at all. Raises InvalidArgumentError for a graph that has no text form.
    """
    text = text_of(graph)
    if len(bound) != len(graph.inputs):
        raise InvalidArgumentError(None, None, f"save: {len(bound)} bindings for {len(graph.inputs)} inputs")
    manifest = {
        "format": "graphtf", "version": VERSION,
        "inputs": [{"name": v.hint, "type": str(v.type), "array": b is not None} for v, b in zip(graph.inputs, bound)],
        "outputs": [{"type": str(v.type)} for v in graph.outputs],
    }  # fmt: skip
    arrays = [b.array if isinstance(b, Cell) else b for b in bound if b is not None]
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with zipfile.ZipFile(partial, "w") as z:
            _write(z, "manifest.json", json.dumps(manifest, indent=1).encode(), zipfile.ZIP_DEFLATED)
            _write(z, "graph.ir", text.encode(), zipfile.ZIP_DEFLATED)
            for k, array in enumerate(arrays):
                _write(z, f"arrays/{k}.npy", _npy(array), zipfile.ZIP_STORED)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _write(z: zipfile.ZipFile, name: str, content: bytes, how: int) -> None:
    z.writestr(zipfile.ZipInfo(name, _DATE), content, how)


def _npy(array: Array) -> bytes:
    """An array in NumPy's own format, little-endian; types NumPy does not know as their raw bytes."""
    if array.dtype.hasobject:
        raise InvalidArgumentError(None, None, "save: strings referred to from outside have no portable form yet")
    plain = np.ascontiguousarray(array).reshape(array.shape)
    little = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    buffer = io.BytesIO()
    known = little.dtype.kind != "V"
    np.save(buffer, little if known else little.view(f"V{little.dtype.itemsize}"), allow_pickle=False)
    return buffer.getvalue()


def text_of(graph: Graph, hosts: Container[int] = ()) -> str:
    """A graph as text that parses again; `hosts` are the keys of functions that it may call.

    Raises InvalidArgumentError for a graph that has no such form.
    """
    try:
        refuse_reaching_out(graph, hosts)
        text = str(_without_folders(graph))
        parse(text)
    except (ParseError, VerifyError, TypeError, ValueError) as e:
        raise InvalidArgumentError(None, None, f"save: the graph has no portable form: {e}") from None
    return text


def refuse_reaching_out(graph: Graph, hosts: Container[int] = ()) -> None:
    """Raise ValueError if the graph calls Python or writes to files: nothing that comes in a file may do that.

    It may call functions whose keys are among `hosts`.
    """
    for n in graph.walk():
        prints = n.op is print_ and n.attrs.get("stream", "stderr") in STREAMS
        known = n.op is host_call and n.attrs["function"] in hosts and n.attrs.get("gradient") is None
        if n.op.effect is Effect.IO and not prints and not known:
            where = f", at {n.source}" if n.source else ""
            raise ValueError(f"{n.op.name} reaches out of the program{where}")


def _without_folders(graph: Graph) -> Graph:
    """The graph with the user's files named without their folders, which are nobody else's business."""

    def shortened(n: Node) -> Node:
        source = n.source and replace(n.source, file=os.path.basename(n.source.file))
        return replace(map_regions(n, _without_folders), source=source)

    return graph.with_nodes(shortened(n) for n in graph.nodes)


# ---- reading ---------------------------------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a program. Raises NotFoundError if there is no such file, DataLossError if it is damaged or foreign."""
    try:
        with zipfile.ZipFile(path) as z:
            return _read(z, os.stat(path).st_size)
    except FileNotFoundError:
        raise NotFoundError(None, None, f"load: there is no file {os.fspath(path)}") from None
    except _UNREADABLE as e:
        raise DataLossError(None, None, f"load: {os.fspath(path)} cannot be read: {e or type(e).__name__}") from None


def _read(z: zipfile.ZipFile, size: int) -> Loaded:
    manifest = json.loads(_member(z, "manifest.json", _MOST_MANIFEST))
    if manifest["format"] != "graphtf" or manifest["version"] != VERSION:
        raise ValueError(f"it is not a graphtf file of version {VERSION}")
    graph = parse(_member(z, "graph.ir", _MOST_TEXT).decode())
    refuse_reaching_out(graph)
    is_array = [entry["array"] for entry in manifest["inputs"]]
    if len(is_array) != len(graph.inputs):
        raise ValueError(f"the manifest lists {len(is_array)} inputs, the graph has {len(graph.inputs)}")
    bound: list[Cell | Array | None] = []
    budget = size
    for v, wanted in zip(graph.inputs, is_array):
        t = v.type.content if isinstance(v.type, RefType) else v.type
        if wanted is not True and isinstance(v.type, RefType):
            raise ValueError(f"the variable {v.hint} has no value")
        if wanted is not True:
            bound.append(None)
            continue
        content = _stored(z, f"arrays/{sum(b is not None for b in bound)}.npy", budget)
        budget -= len(content)  # members that overlap would otherwise multiply
        array = _array(content, t, v.hint)
        bound.append(Cell(array, t, v.hint) if isinstance(v.type, RefType) else array)
    return Loaded(graph, bound)


def _member(z: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = z.getinfo(name)
    if info.file_size > most or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is too large, or packed in an unknown way")
    return z.read(info)


def _stored(z: zipfile.ZipFile, name: str, budget: int) -> bytes:
    """A member that is not compressed, and so cannot be larger than the file."""
    info = z.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.file_size > budget:
        raise ValueError(f"{name} is compressed, or larger than the file")
    return z.read(info)


def _array(content: bytes, t: TensorType, name: str) -> Array:
    """The array in `.npy` content, which must be of the type. Nothing is allocated before sizes agree."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"the value of {name} is not in version 1.0 of the npy format")
    shape, fortran, stored = np.lib.format.read_array_header_1_0(stream)
    raw = content[stream.tell() :]
    expected = t.dtype.np.newbyteorder("<")
    size = t.dtype.size
    for d in shape:
        size *= d
    kind = expected if stored.kind != "V" else np.dtype(f"V{t.dtype.size}")
    fits = len(shape) == t.rank and all(d == n for d, n in zip(t.dims, shape) if isinstance(d, int))
    if fortran or stored != kind or size != len(raw) or not fits or t.dtype.kind == "s":
        raise ValueError(f"the value of {name} is {stored}{list(shape)} in {len(raw)} bytes, expected {t}")
    return np.frombuffer(raw, expected).astype(as_dtype(t.dtype).np, copy=True).reshape(shape)
