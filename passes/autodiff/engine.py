"""The engine of reverse mode: cotangents flow back through a list of applied ops, by their rules, run through `bind`.

Invariant: what it computes are ops like any other, so it works eagerly, while tracing, in a graph being built and under
other tapes, to any order; only what lies between the sources and the targets is touched. Entry point: `backward`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

from graphtf.ir.binding import active_binder
from graphtf.ir.builder import Builder
from graphtf.ir.errors import MissingGradient, UnkeptGradient
from graphtf.ir.op import Effect, Partials, RowRule, Unsupported
from graphtf.passes.autodiff.branch import pull_branch
from graphtf.passes.autodiff.call import pull_call, pull_custom
from graphtf.passes.autodiff.loop import pull_loop
from graphtf.passes.autodiff.record import Applied, dtype_of
from graphtf.passes.autodiff.rows import Rows, summed
from graphtf.passes.autodiff.widen import Widened, since, type_of, zeros


def backward(
    records: Sequence[Applied], targets: Sequence[Any], sources: Sequence[Any], cotangents: Sequence[Any],
    rows: bool = False, reached: Set[int] | None = None,
) -> list[Any]:  # fmt: skip
    """The cotangent of each source, or None where no target depends on it, from a cotangent of each target.

    With `rows`, those of sources of which some rows are read may be `Rows`. `reached` are the ids of what depends on a
    source, if they are known already. Raises MissingGradient for an op on the way that has no rule.

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
    kept = {id(s) for s in sources}
    if reached is None:
        reached = reached_from(records, sources)
    found: dict[int, Any] = {}  # the cotangents, by the id of what they belong to
    for t, ct in zip(targets, cotangents, strict=True):
        key = id(t)
        if key in reached:
            found[key] = summed(found[key], ct) if key in found else ct
    some_rows = False
    for r in reversed(records):
        cts, some = [], False
        for y in r.outputs:
            key = id(y)
            ct = found.get(key) if key in kept else found.pop(key, None)
            some = some or ct is not None
            cts.append(ct)
        if not some:
            continue
        operands = r.operands
        wanted = [id(x) in reached for x in operands]
        if True not in wanted:
            continue
        if some_rows and r.op.effect is not Effect.READ:
            cts = [ct.dense() if type(ct) is Rows else ct for ct in cts]
        for x, ct, want in zip(operands, pull(r, cts, wanted, rows), wanted, strict=True):
            if want and ct is not None:
                key = id(x)
                found[key] = summed(found[key], ct) if key in found else ct
                some_rows = some_rows or type(ct) is Rows
    return [found.get(id(s)) for s in sources]


def reached_from(records: Iterable[Applied], sources: Iterable[Any]) -> set[int]:
    """The ids of what gradients flow to: the sources, and what depends on them."""
    reached = {id(s) for s in sources if dtype_of(s).is_inexact}
    for r in records:
        for x in r.operands:
            if id(x) in reached:
                reached.update([id(y) for y in r.outputs if y.dtype.is_inexact])
                break
    return reached


def pull(r: Applied, cts: Sequence[Any], wanted: Sequence[bool], rows: bool = False) -> Sequence[Any]:
    """The cotangents of an op's operands (those wanted, at least) from those of its results."""
    op, vjp, attrs = r.op, r.op.vjp, r.attrs
    if type(vjp) is Partials:
        ct, out, operands = cts[0], r.outputs[0], r.operands
        return [part(ct, out, *operands, **attrs) if want else None for part, want in zip(vjp.parts, wanted)]
    if rows and type(vjp) is RowRule:
        piece = vjp.rows(cts[0], *r.operands, **attrs)
        if piece is not None:
            return [Rows(r.operands[0], (piece,)), *[None] * (len(r.operands) - 1)]
    if op.effect is Effect.REGIONS:
        return pull_regions(r, cts, wanted)
    if vjp is None:
        return [None] * len(r.operands)
    if isinstance(vjp, Unsupported):
        raise MissingGradient(f"{op.name} has no gradient: {vjp.why}")
    if op.results == 1:
        return vjp(cts[0], r.outputs[0], *r.operands, **attrs)  # type: ignore[no-any-return]
    return vjp(tuple(cts), tuple(r.outputs), *r.operands, **attrs)  # type: ignore[no-any-return]


def pull_regions(r: Applied, cts: Sequence[Any], wanted: Sequence[bool]) -> Sequence[Any]:
    """As `pull`, of an op whose regions say what it does."""
    try:
        return _pulled_regions(r, cts, wanted)
    except UnkeptGradient:
        here = active_binder()
        if not (isinstance(here, Builder) and here.types_only):
            raise
        return [zeros(type_of(x), x) if want else None for x, want in zip(r.operands, wanted)]


def _pulled_regions(r: Applied, cts: Sequence[Any], wanted: Sequence[bool]) -> Sequence[Any]:
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
