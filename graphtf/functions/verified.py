"""`verify=True`: a function runs as native code and on the reference, and what they give is compared.

Invariant: arguments and variables are as one native run leaves them; a function that writes or calls Python runs
natively alone, since that must not happen twice. Entry point: `Verified`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphtf.ir.errors import InternalError, OpError
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Effect
from graphtf.ir.state import Cell
from graphtf.llvm.threads import subnormals_kept
from graphtf.passes.pipeline import bisect

Array = np.ndarray[Any, Any]
Run = Callable[[Sequence[Any]], list[Array]]

_TOLERANCE = {2: 2e-2, 4: 2e-4, 8: 1e-8}  # by the bytes of a floating number, relative to the largest of an array


class Verified:
    """Runs a graph both ways. Raises InternalError where they differ, naming the node and what introduced it."""

    def __init__(self, graph: Graph, compiled: Callable[[Graph], Run]) -> None:
        self.graph, self.compiled = graph, lambda g: _exact(compiled(g))
        self.native = self.compiled(graph)
        self.twice = not any(n.op.effect is Effect.IO for n in graph.walk())

    def __call__(self, args: Sequence[Any]) -> list[Array]:
        if not self.twice:
            return self.native(args)
        given = _copied(args)
        outs = self.native(args)
        found = [*outs, *_contents(args)]
        other = _copied(given)
        wanted = [*interpret(self.graph, other), *_contents(other)]
        wrong = next((k for k, (a, b) in enumerate(zip(found, wanted)) if not agree(a, b)), None)
        if wrong is not None:
            raise InternalError(None, None, self._explained(given, wrong, found[wrong], wanted[wrong]))
        return outs

    def _explained(self, args: Sequence[Any], k: int, found: Array, wanted: Array) -> str:
        """What differs, where it starts, and what introduced it."""
        count = len(self.graph.outputs)
        what = f"result {k}" if k < count else "a variable it assigns"
        parts = [f"{self.graph.name}: native code and the reference differ in {what}{_where(found, wanted)}"]
        node = _Search(self.graph, self.compiled, args).first(self.graph.outputs[k]) if k < count else None
        if node is not None:
            at = f", at {node.source}" if node.source else ""
            parts.append(f"the first node that differs is {node.op.name}{at}")

        def is_good(graph: Graph) -> bool:
            other = _copied(args)
            try:
                mine = [*interpret(graph, other), *_contents(other)]
            except OpError:
                return False
            return agree(mine[k], wanted)

        name = bisect(self.graph, is_good)
        parts.append("the code generator introduced it" if name is None else f"pass {name!r} introduced it")
        return "; ".join(parts)


def _exact(run: Run) -> Run:
    """Native code that keeps subnormal numbers, as the reference does."""

    def exact(args: Sequence[Any]) -> list[Array]:
        with subnormals_kept():
            return run(args)

    return exact


class _Search:
    """Looks for the first node whose native results differ."""

    def __init__(self, graph: Graph, compiled: Callable[[Graph], Run], args: Sequence[Any]) -> None:
        self.graph, self.compiled, self.args = graph, compiled, args
        self.maker = graph.producers()
        self.values: dict[Value, Array] = {}
        own = set(graph.nodes)

        def note(n: Node, inputs: Sequence[Any], outputs: Sequence[Array]) -> None:
            if n in own:
                self.values.update(zip(n.outputs, (np.array(a) for a in outputs)))

        interpret(graph, _copied(args), on_node=note)
        self._known: dict[Node, bool] = {}

    def first(self, v: Value) -> Node | None:
        """A node whose operands agree and whose result does not, on the way to `v`; None if no node alone differs."""
        at = self.maker.get(v)
        if at is None or not self.differs(at):
            return None
        while True:
            before = [self.maker[x] for x in at.inputs if x in self.maker]
            worse = next((n for n in before if self.differs(n)), None)
            if worse is None:
                return at
            at = worse

    def differs(self, n: Node) -> bool:
        """Is a result of the node another one natively?"""
        if n not in self._known:
            self._known[n] = self._compare(n)
        return self._known[n]

    def _compare(self, n: Node) -> bool:
        outputs = tuple(v for v in n.outputs if v in self.values)
        try:
            found = self.compiled(replace(self.graph, outputs=outputs))(_copied(self.args))
        except OpError:
            return True
        return not all(agree(a, self.values[v]) for a, v in zip(found, outputs))


def agree(found: Array, wanted: Array) -> bool:
    """Are two results the same, up to the rounding of floating numbers?"""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if wanted.dtype.kind in "OSU" or wanted.size == 0:
        return bool(np.array_equal(found, wanted))
    if wanted.dtype.kind in "biu":
        return bool((found == wanted).all())
    return bool(_close(found, wanted).all())


def _close(found: Array, wanted: Array) -> Array:
    part = wanted.dtype.itemsize // (2 if wanted.dtype.kind == "c" else 1)
    wide = np.complex128 if wanted.dtype.kind == "c" else np.float64
    a, b = found.astype(wide), wanted.astype(wide)
    finite = np.abs(b[np.isfinite(b)])
    tolerance = _TOLERANCE.get(part, 0.3)
    scale = tolerance * float(finite.max()) if finite.size else 0.0
    with np.errstate(all="ignore"):
        return np.isclose(a, b, rtol=tolerance, atol=scale, equal_nan=True)


def _where(found: Array, wanted: Array) -> str:
    """The first element that differs."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return f": {found.dtype}{list(found.shape)} and {wanted.dtype}{list(wanted.shape)}"
    equal = _close(found, wanted) if wanted.dtype.kind not in "biuOSU" else found == wanted
    index = tuple(np.argwhere(~equal)[0].tolist())
    at = f" at {list(index)}" if index else ""
    return f"{at}: {found[index]} and {wanted[index]}"


def _copied(args: Sequence[Any]) -> list[Any]:
    return [Cell(a.array, a.type, a.name) if isinstance(a, Cell) else a for a in args]


def _contents(args: Sequence[Any]) -> list[Array]:
    return [a.array for a in args if isinstance(a, Cell)]
