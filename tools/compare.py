"""Native code beside the reference, result by result, in numbers.

Invariant: the arguments are left as they were: variables are copied for every run. Entry point: `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.functions.verified import agree
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Difference:
    """How far one result is from the reference: the largest distance of two elements (inf where one is not finite, or
    shapes differ), and whether that is more than rounding explains."""

    what: str
    largest: float
    matters: bool

    def __str__(self) -> str:
        return f"{self.what}: largest difference {self.largest:.3g}"


def compare(graph: Graph, args: Sequence[Any]) -> list[Difference]:
    """Native code against the interpreter: outputs, then variables. Raises what either raises.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> g = build([tensor("float32", 2)], lambda x: add(x, x))
    >>> [str(d) for d in compare(g, [np.float32([1, 2])])]
    ['output 0: largest difference 0']
    """
    from graphtf.runtime.compiler import compile

    wanted, found = run(lambda a: interpret(graph, a), args), run(compile(graph).run, args)
    names = [f"output {k}" for k in range(len(graph.outputs))]
    names += [f"variable {v.hint or k}" for k, v in enumerate(graph.inputs) if isinstance(v.type, RefType)]
    return [Difference(name, distance(a, b), not agree(b, a)) for name, a, b in zip(names, wanted, found, strict=True)]


def copied(args: Sequence[Any]) -> list[Any]:
    """The arguments, with variables of their own."""
    return [Cell(a.array.copy(), a.type, a.name) if isinstance(a, Cell) else a for a in args]


def run(program: Callable[[list[Any]], list[Array]], args: Sequence[Any]) -> list[Array]:
    """What a program gives for copies of the arguments: its outputs, then the variables' values."""
    own = copied(args)
    return [*map(np.array, program(own)), *(a.array for a in own if isinstance(a, Cell))]


def distance(a: Array, b: Array) -> float:
    """The largest distance of two elements in one place."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return np.inf
    dtype = as_dtype(a.dtype)
    if not dtype.is_inexact:
        return 0.0 if np.array_equal(a, b) else np.inf
    wide = np.complex128 if dtype.is_complex else np.float64
    x, y = a.astype(wide), b.astype(wide)
    apart = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    with np.errstate(all="ignore"):
        found = np.abs(x[apart] - y[apart]).max(initial=0.0)
    return float(found) if np.isfinite(found) else np.inf
