"""The engine of reverse mode: cotangents flow back through a list of applied ops, by their rules, run through `bind`.

Invariant: what it computes are ops like any other, so it works eagerly, while tracing, in a graph being built and under
other tapes, to any order; only what lies between the sources and the targets is touched. Entry point: `backward`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphtf.ir.errors import MissingGradient
from graphtf.ir.op import Effect, Trait
from graphtf.passes.autodiff.branch import pull_branch
from graphtf.passes.autodiff.call import pull_call, pull_custom
from graphtf.passes.autodiff.loop import pull_loop
from graphtf.passes.autodiff.record import Applied, dtype_of
from graphtf.passes.autodiff.sums import added
from graphtf.passes.autodiff.widen import Widened, since


def backward(
    records: Sequence[Applied], targets: Sequence[Any], sources: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """The cotangent of each source, or None where no target depends on it, from a cotangent of each target.

    Raises MissingGradient for an op on the way that has no rule.

    >>> from graphtf.ir.builder import Builder
    >>> from graphtf.ir.binding import binding
    >>> from graphtf.ir.ops import mul
    >>> from graphtf.ir.types import tensor
    >>> from graphtf.passes.autodiff.record import Entry
    >>> b = Builder()
    >>> x, ct = b.input(tensor("float32", 3)), b.input(tensor("float32", 3))
    >>> with binding(b):
    ...     y = mul(x, x)
    ...     (found,) = backward([Entry.of(b.nodes[0])], [y], [x], [ct])
    >>> str(found.type)
    'f32[3]'
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
        self.found[id(x)] = ct if before is None else added(before, ct)

    def take(self, x: Any) -> Any:
        return self.found.get(id(x)) if id(x) in self.kept else self.found.pop(id(x), None)

    def of(self, x: Any) -> Any:
        return self.found.get(id(x))


def pull(r: Applied, cts: Sequence[Any], wanted: Sequence[bool]) -> Sequence[Any]:
    """The cotangents of an op's operands (those wanted, at least) from those of its results."""
    op = r.op
    if op.effect is Effect.REGIONS:
        return pull_regions(r, cts, wanted)
    if op.vjp is None or Trait.ZERO_GRADIENT in op.traits:
        return [None] * len(r.operands)
    if not callable(op.vjp):
        raise MissingGradient(f"{op.name} has no gradient: {op.vjp.why}")
    if op.results == 1:
        return op.vjp(cts[0], r.outputs[0], *r.operands, **r.attrs)  # type: ignore[no-any-return]
    return op.vjp(tuple(cts), tuple(r.outputs), *r.operands, **r.attrs)  # type: ignore[no-any-return]


def pull_regions(r: Applied, cts: Sequence[Any], wanted: Sequence[bool]) -> Sequence[Any]:
    """As `pull`, of an op whose regions say what it does."""
    anew = since(r)
    if anew is not None:
        return _pull_anew(r, cts, anew)
    if "vjp" in r.attrs:
        return pull_custom(r, cts)
    if "cond" in r.attrs:
        return pull_loop(r, cts, wanted, backward)
    if "then" in r.attrs:
        return pull_branch(r, cts, wanted, backward)
    return pull_call(r, cts, wanted, backward)


def _pull_anew(r: Applied, cts: Sequence[Any], anew: Widened) -> list[Any]:
    """By what stands in place of an op since another gradient was taken of it."""
    given = [(y, ct) for y, ct in zip(anew.main.outputs, cts) if ct is not None]
    sources = {id(x): x for x in r.operands}
    found = backward(anew.entries, [y for y, _ in given], list(sources.values()), [ct for _, ct in given])
    by_source = dict(zip(sources, found))
    return [by_source.pop(id(x), None) for x in r.operands]
