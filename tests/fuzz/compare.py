"""Are two runs of a program the same, as far as they must be?

A value that no rounding reaches must be the reference's bit for bit (any NaN is any NaN). For the others, the reference
is run again a few times, every node that rounds giving a result off by as much as it may be: how far that moves a
result is how far a native one may lie. An element that such a run turns over (a comparison, a position, a NaN) says
nothing and is passed over.

Invariant: the policy follows from the graph alone. Entry points: `observe`, `Expected`.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.errors import OpError
from graphtf.ir.graph import Graph, Node
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Effect
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType

from .rounding import epsilon, inexact_values, picks_a_zero, rounding, tiniest

Array = np.ndarray[Any, Any]
Run = Callable[[Sequence[Any]], Sequence[Array]]
Arguments = Callable[[], list[Any]]

_RUNS = 9  # with perturbed results: all up; all down; so that any two of eight nodes part once; then at random
_SPREAD = 8.0  # times the largest difference seen
_SLACK = 4.0  # ULP more


@dataclass
class Outcome:
    """What a run gave: outputs, what its variables hold, text printed; or the error it raised."""

    outputs: list[Array] = field(default_factory=list)
    variables: list[Array] = field(default_factory=list)
    printed: str = ""
    error: BaseException | None = None
    written: list[int] = field(default_factory=list)  # arguments that were changed, though they are not variables

    @property
    def values(self) -> list[Array]:
        return [*self.outputs, *self.variables]

    @property
    def failure(self) -> str:
        return type(self.error).__name__ if self.error else ""


def observe(run: Run, args: Sequence[Any]) -> Outcome:
    """Run on fresh arguments. An error that is not the program's own (an OpError) is not caught."""
    before = [a.tobytes() if isinstance(a, np.ndarray) and a.dtype != object else b"" for a in args]
    out, text = Outcome(), io.StringIO()
    try:
        with redirect_stdout(text):
            out.outputs = [np.asarray(a) for a in run(args)]
    except OpError as e:
        out.error = e
    out.printed = text.getvalue()
    out.variables = [a.array for a in args if isinstance(a, Cell)]
    out.written = [
        k for k, (a, b) in enumerate(zip(args, before)) if isinstance(a, np.ndarray) and b and a.tobytes() != b
    ]
    return out


def reference(graph: Graph) -> Run:
    """The graph, run by the interpreter."""
    return lambda args: interpret(graph, args)


class Expected:
    """What a graph must give for arguments. `rounded` is the graph whose nodes' rounding counts, where that is another
    (the optimised one, for what is compiled from it)."""

    def __init__(self, graph: Graph, arguments: Arguments, rounded: Graph | None = None) -> None:
        self.graph = graph
        self.arguments = arguments
        self.outcome = observe(reference(graph), arguments())
        self.rounded = rounded = rounded or graph
        inexact = inexact_values(rounded)
        refs = [v for v in rounded.inputs if isinstance(v.type, RefType)]
        self.inexact = [v in inexact for v in (*rounded.outputs, *refs)]
        self.others: list[Outcome] = []
        if inexact:
            self.others = [observe(_perturbed(rounded, k), arguments()) for k in range(_RUNS)]

    @property
    def may_turn(self) -> bool:
        """Does rounding decide whether it fails?"""
        return any(o.failure != self.outcome.failure for o in self.others)

    def differences(self, got: Outcome) -> list[str]:
        """What is wrong with another run, in words; nothing if it is as it must be."""
        if got.written:
            return [f"arguments {got.written} were written to"]
        want = self.outcome
        if self.may_turn:
            return []
        if want.failure and not got.failure and self.may_succeed():
            return []
        if want.failure != got.failure:
            return [f"raises {got.error!r}, expected {want.error!r}"]
        if want.error:
            return []
        found = [] if want.printed == got.printed else [f"prints {got.printed!r}, expected {want.printed!r}"]
        if len(want.values) != len(got.values):
            return [f"{len(got.values)} results, expected {len(want.values)}"]
        for k, value in enumerate(got.values):
            problem = self.difference(k, value)
            if problem:
                outputs = len(want.outputs)
                found.append(f"{f'output {k}' if k < outputs else f'variable {k - outputs}'} {problem}")
        return found

    def may_succeed(self) -> bool:
        """Was what failed a pure node that nothing needs? Then it may be dropped, but no check may."""
        kept = checks(self.rounded) >= checks(self.graph)
        return kept and not observe(reference(self.rounded), self.arguments()).failure

    def difference(self, k: int, got: Array) -> str:
        """What is wrong with result k."""
        want = self.outcome.values[k]
        others = [o.values[k] for o in self.others if o.error is None]
        if self.inexact[k] and any(a.shape != want.shape for a in others):
            return ""  # rounding decides the shape
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"is {got.dtype}{list(got.shape)}, expected {want.dtype}{list(want.shape)}"
        wrong = ~same_elements(want, got)
        if self.inexact[k] and wrong.any():
            wrong &= ~self.close(k, got, others)
        return _shown(want, got, wrong) if wrong.any() else ""

    def close(self, k: int, got: Array, others: Sequence[Array]) -> Array:
        """Which elements lie within what rounding explains."""
        want = self.outcome.values[k]
        turned = np.zeros(want.shape, bool)
        if want.dtype.kind in "biuO":
            return np.logical_or.reduce([turned, *(~same_elements(want, a) for a in others)])
        with np.errstate(all="ignore"):
            base = wide(want)
            spread = np.zeros(want.shape)
            for a in others:
                turned |= ~(np.isfinite(wide(a)) & np.isfinite(base)) & ~same_elements(want, a)
                spread = np.fmax(spread, np.abs(wide(a) - base))
            slack = _SLACK * (epsilon(want.dtype) * np.abs(base) + tiniest(want.dtype))
            near = np.abs(wide(got) - base) <= _SPREAD * spread + slack
        return turned | near


def has_nan(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind not in "biuO" and bool(np.isnan(a).any())


def wide(a: Array) -> Array:
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def same_elements(a: Array, b: Array) -> Array:
    """Which elements have the same bits, or are both NaN."""
    if a.dtype.kind in "biuO":
        return np.asarray(a == b, bool)
    if a.dtype.kind == "c":
        return same_elements(a.real, b.real) & same_elements(a.imag, b.imag)
    x, y = wide(a), wide(b)
    return np.asarray(((x == y) & (np.signbit(x) == np.signbit(y))) | (np.isnan(x) & np.isnan(y)))


def _shown(want: Array, got: Array, wrong: Array) -> str:
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(at)}" if at else ""
    return f"is {got[at]!r}{where}, expected {want[at]!r} ({int(wrong.sum())} of {wrong.size} elements of {want.dtype})"


def checks(graph: Graph) -> int:
    """How many nodes there are to check something, and nothing else."""
    return sum(n.op.effect is Effect.CHECK for n in graph.walk())


# ---- perturbed runs --------------------------------------------------------------------------------------------------


def _perturbed(graph: Graph, number: int) -> Run:
    """The graph, run by the interpreter, with every node that rounds off by as much as it may be, up or down; every
    other run has the other sign on each NaN, and on a zero that is the greatest or least of several."""
    unknown = _UNKNOWN[number % len(_UNKNOWN)]
    rng = np.random.default_rng(number)
    turn = itertools.count()

    def signs(shape: tuple[int, ...]) -> Array:
        if number > 4:
            return rng.uniform(-1.0, 1.0, shape)
        return np.full(shape, -1.0 if number == 1 or (number > 1 and next(turn) >> (number - 2) & 1) else 1.0)

    def on_node(node: Node, operands: Sequence[Any], outs: Any) -> None:  # the interpreter goes on with what is in outs
        for k, off in enumerate(rounding(node, operands, outs)):
            if off is not None:
                outs[k] = _moved(outs[k], off, signs(off.shape), unknown)
            if number % 2 and has_nan(outs[k]):
                outs[k] = np.asarray(np.where(np.isnan(outs[k]), -outs[k], outs[k]))
            if number % 2 and picks_a_zero(node):
                outs[k] = np.asarray(np.where(outs[k] == 0, -outs[k], outs[k]))

    def run(args: Sequence[Any]) -> Sequence[Array]:
        with np.errstate(all="ignore"):
            return interpret(graph, args, on_node=on_node)

    return run


_UNKNOWN = (np.nan, 0.0, np.inf, -np.inf)  # what may come of numbers too large on the way


def _moved(a: Array, off: Array, sign: Array, unknown: float) -> Array:
    moved = np.where(np.isinf(off), unknown, wide(a) + np.where(np.isinf(off), 0.0, off) * sign)
    return np.asarray(np.where(off == 0, wide(a), moved)).astype(a.dtype)
