"""Compiled functions under eager tapes: one record with a compiled gradient.

Invariant: a call computes what it computes without tapes, and its effects happen once. What its gradient needs, as a
minimum cut decides, are further results of the call; the gradient is a compiled function too and is called the same
way, so that it has a gradient of its own. Entry points: `call_with_gradient`, `Differentiable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.functions.concrete import ConcreteFunction, Runner, compiled, renamed
from graphtf.functions.trace import active_trace
from graphtf.ir.errors import MissingGradient
from graphtf.ir.graph import Graph
from graphtf.ir.op import Op, Unsupported
from graphtf.ir.ops.prims import full_like, p
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.cut import is_pure
from graphtf.passes.autodiff.pair import Pair, pair, prepared
from graphtf.recording import Record, active, record, recording_to
from graphtf.tensor import EagerTensor
from graphtf.variable import Variable


def call_with_gradient(concrete: ConcreteFunction, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of a call that active tapes see, for tensors and variables in the order of the graph's inputs.

    Raises TypeError for a function that refers to tensors of an enclosing one.
    """
    if concrete._tail is None:
        raise TypeError(f"{concrete.name} refers to tensors of an enclosing function, and is called outside of it")
    if concrete._differentiable is None:
        concrete._differentiable = Differentiable(concrete.ir)
    return concrete._differentiable(operands)  # type: ignore[no-any-return]


class Differentiable:
    """A graph that is called eagerly and whose calls tapes record; compiled when first needed."""

    def __init__(self, graph: Graph) -> None:
        made = prepared(graph)
        self.graph, self.valued = made.graph, made.valued
        self._parted: dict[tuple[tuple[int, ...], int], Parted] = {}

    @cached_property
    def runner(self) -> Runner:
        return compiled(self.graph)

    def __call__(self, operands: Sequence[Any]) -> Sequence[Any]:
        """The results for operands: eagerly, or staged in the function being traced."""
        operands = [_read(x) if k in self.valued else x for k, x in enumerate(operands)]
        trace = active_trace()
        if trace is not None:
            body = renamed(self.graph, [trace.value_of(x).type for x in operands], trace)
            return tuple(p.call(*operands, body=body))
        wanted = self.wanted(operands)
        if not wanted:
            return [EagerTensor(a) for a in self.runner(_arguments(operands))]
        depth = 1 if is_pure(self.graph) else len(active.tapes)
        found = self._parted.get((wanted, depth))
        if found is None:
            found = self._parted[wanted, depth] = Parted(self.graph, wanted, depth)
        return found(operands)

    def runs(self, what: str = "") -> Iterator[tuple[str, Runner]]:
        """What has been compiled, and for what: without a gradient, forward, backward."""
        if "runner" in self.__dict__:
            yield what or "under tapes that do not follow it", self.runner
        for part in self._parted.values():
            yield f"{what} forward".lstrip(), part.forward
            for gradient in part.backward.values():
                yield from gradient.runs(f"{what} backward".lstrip())

    def wanted(self, operands: Sequence[Any]) -> tuple[int, ...]:
        """The operands that some tape follows."""
        inexact = (k for k, v in enumerate(self.graph.inputs) if v.type.dtype.is_inexact)
        return tuple(k for k in inexact if any(tape.follows(operands[k]) for tape in active.tapes))


def _read(x: Any) -> Any:
    """The value of a variable, of a random generator's state, or of what is a value already."""
    if isinstance(x, Variable):
        return x.value()
    return EagerTensor(x.array) if hasattr(x, "array") else x


def _arguments(operands: Sequence[Any]) -> list[Any]:
    """Arrays, and the cells of variables that are assigned."""
    return [x._array if isinstance(x, EagerTensor) else getattr(x, "cell", x) for x in operands]


class Parted:
    """A graph parted into forward and backward, for some of its inputs.

    A graph with effects cannot run again for a further gradient, so its forward graph is parted once more for each
    further tape that is active: level k gives the gradient of the graph's results and of all that levels below k save.
    """

    def __init__(self, graph: Graph, wanted: tuple[int, ...], depth: int) -> None:
        self.own = len(graph.outputs)
        self.levels: list[Pair] = []
        for _ in range(depth):
            self.levels.append(pair(graph, wanted))
            graph = self.levels[-1].forward
        self.graph = graph
        self.counts = [self.own, *(len(level.forward.outputs) for level in self.levels)]
        self.forward = compiled(graph)
        self.backward: dict[int, Differentiable] = {}
        self.op = Op(
            graph.name, "a compiled function", _only_recorded, _only_recorded, self.vjp,
            Unsupported("it is compiled already"), arity=None, results=None,
        )  # fmt: skip

    def __call__(self, operands: Sequence[Any]) -> Sequence[Any]:
        results = tuple([EagerTensor(a) for a in self.forward(_arguments(operands))])
        record(self.op, tuple(operands), {}, results)
        return results[: self.own]

    def vjp(self, cts: Sequence[Any], outs: Sequence[Any], *operands: Any) -> Sequence[Any]:
        """The cotangents of the operands, from those of the graph's results and perhaps of what it saved."""
        last = max(k for k, ct in enumerate(cts) if ct is not None)
        k = next(k for k, count in enumerate(self.counts) if last < count)
        if k == len(self.levels):
            return self.again(cts, outs, *operands)
        level = self.levels[k]
        given = [full_like(outs[i], 0) if cts[i] is None else convert_to_tensor(cts[i]) for i in level.given]
        takes = [*(operands[i] for i in level.taken), *(outs[i] for i in level.saved), *given]
        if k not in self.backward:
            self.backward[k] = Differentiable(level.backward)
        results = self.backward[k](takes)
        if active.hook is not None:
            active.hook(self.op, tuple(results), gradient=True)
        found = dict(zip(level.found, results))
        return [found.get(i) for i in range(len(operands))]

    def again(self, cts: Sequence[Any], outs: Sequence[Any], *operands: Any) -> Sequence[Any]:
        """The gradient of what the last level saved: the forward graph runs again, and is differentiated as it does."""
        if not is_pure(self.graph):
            raise MissingGradient(
                f"{self.graph.name} has effects, so it cannot run again for a gradient of its gradient: have as many "
                "tapes active when it is called as gradients are to be taken"
            )
        notes = _Notes(operands)
        with recording_to((*active.tapes, notes)):
            results = self.whole(operands)
        given = [(y, ct) for y, ct in zip(results, cts) if ct is not None]
        return backward(notes.records, [y for y, _ in given], operands, [ct for _, ct in given])

    @cached_property
    def whole(self) -> Differentiable:
        """The forward graph as a function."""
        return Differentiable(self.graph)


class _Notes:
    """Records whatever follows from some tensors."""

    def __init__(self, sources: Sequence[Any]) -> None:
        self.records: list[Record] = []
        self.known = set(map(id, sources))

    def record(self, entry: Record) -> None:
        self.records.append(entry)
        self.known.update(map(id, entry.outputs))

    def touch(self, variable: Any) -> None:
        """Variables are sources already."""

    def follows(self, x: Any) -> bool:
        return id(x) in self.known


def _only_recorded(*args: Any, **attrs: Any) -> Any:
    raise TypeError("a compiled function is recorded as an op, but is not one to be applied")
