"""The engine of reverse mode: cotangents flow back through a list of applied ops, by their rules, run through `bind`.

Invariant: what it computes are ops like any other, so it works eagerly, while tracing, in a graph being built and under
other tapes, to any order; only what lies between the sources and the targets is touched. Entry point: `backward`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from graphtf.ir.dtypes import DType
from graphtf.ir.errors import MissingGradient
from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops.prims import p


class Applied(Protocol):
    """An op that was applied: a tape's record, or a node."""

    @property
    def op(self) -> Op: ...
    @property
    def operands(self) -> Sequence[Any]: ...
    @property
    def attrs(self) -> Mapping[str, Any]: ...  # regions among them
    @property
    def outputs(self) -> Sequence[Any]: ...


class Entry(NamedTuple):
    """A node as an op that was applied."""

    op: Op
    operands: tuple[Value, ...]
    attrs: Mapping[str, Any]
    outputs: tuple[Value, ...]


def entry(n: Node) -> Entry:
    return Entry(n.op, n.inputs, n.all_attrs(), n.outputs)


def backward(
    records: Sequence[Applied], targets: Sequence[Any], sources: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """The cotangent of each source, or None where no target depends on it, from a cotangent of each target.

    Raises MissingGradient for an op on the way that has no rule.

    >>> from graphtf.ir.builder import Builder
    >>> from graphtf.ir.binding import binding
    >>> from graphtf.ir.types import tensor
    >>> b = Builder()
    >>> x, ct = b.input(tensor("float32", 3)), b.input(tensor("float32", 3))
    >>> with binding(b):
    ...     y = p.mul(x, x)
    ...     (found,) = backward([entry(b.nodes[0])], [y], [x], [ct])
    >>> found.type
    TensorType(dtype=float32, shape=(3,))
    """
    reached = reached_from(records, sources)
    flow = Cotangents({id(s) for s in sources})
    for t, ct in zip(targets, cotangents, strict=True):
        if id(t) in reached:
            flow.add(t, ct)
    for r in reversed(records):
        cts = [flow.take(y) for y in r.outputs]
        if all(ct is None for ct in cts):
            continue
        wanted = [id(x) in reached and dtype_of(x).is_inexact for x in r.operands]
        if any(wanted):
            for x, ct, want in zip(r.operands, pull(r, cts, wanted), wanted, strict=True):
                if want and ct is not None:
                    flow.add(x, ct)
    return [flow.of(s) for s in sources]


def dtype_of(x: Any) -> DType:
    """The element type of a value, a tensor, or what a variable holds."""
    return x.type.dtype if isinstance(x, Value) else x.dtype  # type: ignore[no-any-return]


def reached_from(records: Iterable[Applied], sources: Iterable[Any]) -> set[int]:
    """The ids of what depends on a source."""
    reached = {id(s) for s in sources}
    for r in records:
        if any(id(x) in reached for x in r.operands):
            reached.update(map(id, r.outputs))
    return reached


class Cotangents:
    """Those found so far, by the id of what they belong to. Those that are `kept` outlive their use."""

    def __init__(self, kept: set[int]) -> None:
        self.kept = kept
        self.found: dict[int, Any] = {}

    def add(self, x: Any, ct: Any) -> None:
        before = self.found.get(id(x))
        self.found[id(x)] = ct if before is None else p.add(before, ct)

    def take(self, x: Any) -> Any:
        return self.found.get(id(x)) if id(x) in self.kept else self.found.pop(id(x), None)

    def of(self, x: Any) -> Any:
        return self.found.get(id(x))


def pull(r: Applied, cts: list[Any], wanted: Sequence[bool]) -> Sequence[Any]:
    """The cotangents of an op's operands (those wanted, at least) from those of its results."""
    op = r.op
    if op.vjp is None or Trait.ZERO_GRADIENT in op.traits:
        return [None] * len(r.operands)
    if callable(op.vjp):
        if op.results == 1:
            return op.vjp(cts[0], r.outputs[0], *r.operands, **r.attrs)  # type: ignore[no-any-return]
        return op.vjp(tuple(cts), tuple(r.outputs), *r.operands, **r.attrs)  # type: ignore[no-any-return]
    raise MissingGradient(f"{op.name} has no gradient: {op.vjp.why}")
