"""The text form of a graph: one line per node, with its type and the user's line.

Invariant: `parse(print_graph(g))` (ir/parse.py) is the same graph, bit for bit. Entry point: `print_graph`.

    graph @step(%x: f32[n, 784], %w: ref f32[784, 10]) {
      %0 = read(%w) : f32[784, 10]  ; train.py:12
      %1 = matmul(%x, %0) {transpose_a = false} : f32[n, 10]  ; train.py:12
      return %1
    }
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.ir.dims import SymDim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.graph import Graph, Node, Source, Value

INLINE_ELEMENTS = 16  # constants up to this size are written out, larger ones as base64
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_PLAIN_FILE = re.compile(r"[\w./+\-]+")


class Names:
    """Names given to the values of one text: a value's hint where it is free, else a number."""

    def __init__(self) -> None:
        self.given: dict[Value, str] = {}
        self.taken: set[str] = set()

    def of(self, v: Value) -> str:
        """The name, `%` included."""
        found = self.given.get(v)
        if found is None:
            hint = v.hint if _WORD.fullmatch(v.hint) else ""
            found = hint or str(len(self.given))
            if found in self.taken:
                found = f"{hint}.{len(self.given)}"
            self.taken.add(found)
            self.given[v] = found
        return f"%{found}"


class Lines(list[str]):
    """The lines of a text, and at which of them each node begins."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[Node, int] = {}


def print_graph(g: Graph) -> str:
    """The text of a graph."""
    return "\n".join(graph_lines(g))


def graph_lines(g: Graph) -> Lines:
    """The lines of a graph's text."""
    lines = Lines()
    _print_into(lines, f"graph @{_name(g.name)}", g, "", Names())
    return lines


def print_node(n: Node, names: Names | None = None) -> str:
    """The text of one node (its regions included); values get names as they come."""
    lines = Lines()
    _node_lines(lines, n, names or Names(), "")
    return "\n".join(lines)


def _name(text: str) -> str:
    return text if _WORD.fullmatch(text) else json.dumps(text)


def _print_into(lines: Lines, head: str, g: Graph, indent: str, names: Names) -> None:
    inputs = ", ".join(f"{names.of(v)}: {v.type}" for v in g.inputs)
    guards = " guards(" + ", ".join(f"{a} == {b}" for a, b in g.guards) + ")" if g.guards else ""
    lines.append(f"{indent}{head}({inputs}){guards} {{")
    for n in g.nodes:
        _node_lines(lines, n, names, indent + "  ")
    outputs = " " + ", ".join(names.of(v) for v in g.outputs) if g.outputs else ""
    lines.append(f"{indent}  return{outputs}")
    lines.append(f"{indent}}}")


def _node_lines(lines: Lines, n: Node, names: Names, indent: str) -> None:
    lines.of[n] = len(lines)
    inputs = ", ".join(names.of(v) for v in n.inputs)
    attrs = " {" + ", ".join(f"{k} = {attr_text(a)}" for k, a in n.attrs.items()) + "}" if n.attrs else ""
    left = ", ".join(names.of(v) for v in n.outputs)
    types = " : " + ", ".join(str(v.type) for v in n.outputs) if n.outputs else ""
    source = f"  ; {source_text(n.source)}" if n.source else ""
    head = f"{left} = " if left else ""
    opening = " {" if n.regions else ""
    lines.append(f"{indent}{head}{n.op.name}({inputs}){attrs}{types}{opening}{source}")
    for key, region in n.regions.items():
        _print_into(lines, f"{key} @{_name(region.name)}", region, indent + "  ", names)
    if n.regions:
        lines.append(f"{indent}}}")


def source_text(s: Source) -> str:
    file = s.file if _PLAIN_FILE.fullmatch(s.file) else json.dumps(s.file)
    return f"{file}:{s.line}" + (f" {json.dumps(s.function)}" if s.function else "")


_PLAIN = (type(None), bool, np.bool_, int, np.integer, SymDim, float, np.floating, str, DType, np.ndarray)


def has_text(x: Any) -> bool:
    """Is the value one that `attr_text` writes?"""
    if isinstance(x, (tuple, list)):
        return all(map(has_text, x))
    if isinstance(x, Mapping):
        return all(isinstance(k, str) and has_text(v) for k, v in x.items())
    return isinstance(x, _PLAIN)


def attr_text(x: Any) -> str:
    """An attribute's text. Raises TypeError for a value that has none."""
    if x is None or isinstance(x, (bool, np.bool_)):
        return {None: "none", True: "true", False: "false"}[x if x is None else bool(x)]
    if isinstance(x, (int, np.integer)):
        return str(int(x))
    if isinstance(x, SymDim):
        return f"[{x}]"
    if isinstance(x, (float, np.floating)):
        return float_text(float(x))
    if isinstance(x, str):
        return json.dumps(x)
    if isinstance(x, DType):
        return x.short
    if isinstance(x, (tuple, list)):
        return "(" + ", ".join(map(attr_text, x)) + ("," if len(x) == 1 else "") + ")"
    if isinstance(x, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)}: {attr_text(v)}" for k, v in x.items()) + "}"
    if isinstance(x, np.ndarray):
        return array_text(x)
    raise TypeError(f"an attribute of type {type(x).__name__} has no text form")


def float_text(x: float) -> str:
    """Shortest decimals that give the same float64 back; always recognisable as a float."""
    if x != x:
        return "nan"
    if x in (float("inf"), float("-inf")):
        return "inf" if x > 0 else "-inf"
    text = repr(x)
    return text if any(c in text for c in ".e") else text + ".0"


def array_text(a: np.ndarray[Any, Any]) -> str:
    """`dense<f32[2], (1.0, 2.0)>`, or with the bytes in base64 where it is large or its floats are not plain."""
    dtype = as_dtype(a.dtype)
    kind = f"{dtype.short}[{', '.join(map(str, a.shape))}]"
    if dtype.kind == "s":
        items = [base64.b64encode(x if isinstance(x, bytes) else str(x).encode()).decode() for x in a.flat]
        return f"dense<{kind}, {attr_text(tuple(items))}>"
    if a.size <= INLINE_ELEMENTS and dtype.kind in "biu":
        return f"dense<{kind}, {attr_text(tuple(x.item() for x in a.flat))}>"
    if a.size <= INLINE_ELEMENTS and dtype.name in ("float32", "float64") and not np.isnan(a).any():
        return f"dense<{kind}, {attr_text(tuple(x.item() for x in a.flat))}>"
    raw = np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<"), copy=False).tobytes()
    return f'dense<{kind}, "{base64.b64encode(raw).decode()}">'
