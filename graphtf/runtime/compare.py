"""Native code held to the reference: run both, and where they differ name the pass or the node that is to blame.

Invariant: the arguments are left as they were (variables are copied for every run). Entry points: `compare`, `blame`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphtf.ir.dtypes import as_dtype
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Trait
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType
from graphtf.passes.pipeline import PIPELINE

Array = np.ndarray[Any, Any]

# Of the largest element: sums may be reassociated, and transcendental functions are a few ULP off.
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float16": 2e-2, "bfloat16": 1e-1}
_USUAL = 1e-4


@dataclass(frozen=True)
class Outcome:
    """What a run gave: its outputs and then the variables' new values, or the error it raised."""

    values: tuple[Array, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True)
class Difference:
    """How far one result is from the reference."""

    what: str
    largest: float  # absolute; inf where NaN, an infinity or the shape differs
    relative: float  # of the largest finite element
    allowed: float

    @property
    def matters(self) -> bool:
        return not self.relative <= self.allowed

    def __str__(self) -> str:
        return f"{self.what}: largest difference {self.largest:.3g} ({self.relative:.2g} of the largest element)"


def compare(graph: Graph, args: Sequence[Any]) -> list[Difference]:
    """Native code against the interpreter, result by result. Raises what the reference raises.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> g = build([tensor("float32", 2)], lambda x: add(x, x))
    >>> [d.largest for d in compare(g, [np.float32([1, 2])])]
    [0.0]
    """
    from graphtf.runtime import compile

    wanted = outcome(functools.partial(interpret, graph), args)
    if wanted.error is not None:
        raise wanted.error
    return differences(graph, wanted, outcome(compile(graph).run, args))


def outcome(run: Callable[[list[Any]], list[Array]], args: Sequence[Any]) -> Outcome:
    """What `run` gives for copies of the arguments."""
    copies = [Cell(a.array.copy(), a.type, a.name) if isinstance(a, Cell) else a for a in args]
    try:
        outs = [np.array(x) for x in run(copies)]
    except Exception as error:  # noqa: BLE001 - any error is a result to be compared
        return Outcome(error=error)
    return Outcome((*outs, *(a.array for a in copies if isinstance(a, Cell))))


def differences(graph: Graph, wanted: Outcome, got: Outcome) -> list[Difference]:
    """Result by result. Raises the error of a run that should not have failed."""
    if got.error is not None:
        raise got.error
    names = [f"output {k}" for k in range(len(graph.outputs))]
    names += [f"variable {v.hint or k}" for k, v in enumerate(graph.inputs) if isinstance(v.type, RefType)]
    return [difference(name, a, b) for name, a, b in zip(names, wanted.values, got.values, strict=True)]


def difference(what: str, wanted: Array, got: Array) -> Difference:
    """How far `got` is from `wanted`."""
    if wanted.dtype != got.dtype or wanted.shape != got.shape:
        return Difference(what, np.inf, np.inf, 0.0)
    dtype = as_dtype(wanted.dtype)
    if not dtype.is_inexact:
        same = np.array_equal(wanted, got)
        return Difference(what, 0.0 if same else np.inf, 0.0 if same else np.inf, 0.0)
    kind = np.complex128 if dtype.is_complex else np.float64
    a, b = wanted.astype(kind), got.astype(kind)
    allowed = TOLERANCE.get(dtype.name, _USUAL)
    finite = np.isfinite(a)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
        return Difference(what, np.inf, np.inf, allowed)
    largest = float(np.abs(a[finite] - b[finite]).max(initial=0.0))
    scale = float(np.abs(a[finite]).max(initial=0.0))
    return Difference(what, largest, largest / scale if scale else largest, allowed)


# ---- who is to blame -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blame:
    """Where results began to differ: after which pass, or in the native code of which node."""

    stage: str  # the name of a pass, or "native code"
    node: Node | None
    difference: str

    def __str__(self) -> str:
        where = f", in {self.node.op.name} at {self.node.source}" if self.node is not None else ""
        return f"{self.stage}{where}: {self.difference}"


def blame(graph: Graph, args: Sequence[Any]) -> Blame | None:
    """The first pass whose result no longer means the same, else the first node whose native code differs; None if all
    is well."""
    wanted = outcome(functools.partial(interpret, graph), args)
    if wanted.error is not None:
        raise wanted.error
    for step in PIPELINE:
        graph = step.run(graph)
        found = _judge(graph, wanted, outcome(functools.partial(interpret, graph), args))
        if found is not None:
            return Blame(f"pass {step.name!r}", None, found)
    return _blame_node(graph, args, wanted)


def _judge(graph: Graph, wanted: Outcome, got: Outcome) -> str | None:
    """What is wrong with a run, in words."""
    if got.error is not None:
        return f"{type(got.error).__name__}: {got.error}"
    return next((str(d) for d in differences(graph, wanted, got) if d.matters), None)


def _blame_node(graph: Graph, args: Sequence[Any], wanted: Outcome) -> Blame | None:
    """The first node of an optimised graph whose native code differs, all results of nodes made visible."""
    from graphtf.runtime import build

    seen = [v for n in graph.nodes for v in n.outputs if _is_visible(n, v)]
    exposed = replace(graph, outputs=tuple(seen))
    made = graph.producers()
    reference = outcome(functools.partial(interpret, exposed), args)
    native = outcome(build(exposed).run, args)
    if native.error is None and reference.error is None:
        for v, a, b in zip(seen, reference.values, native.values):
            d = difference(f"{made[v].op.name} computes {v.type}", a, b)
            if d.matters:
                return Blame("native code", made[v], str(d))
    found = _judge(graph, wanted, outcome(build(graph).run, args))
    return None if found is None else Blame("native code", None, found)


def _is_visible(n: Node, v: Value) -> bool:
    return not isinstance(v.type, RefType) and Trait.GENERATOR not in n.op.traits
