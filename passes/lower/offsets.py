"""Where an element lies: the row-major offset of an index, kept affine where axes were merged into one loop.

Invariant: `flat_offset(split_index(f, shape), shape)` is `f` itself, not a sum of quotients and remainders, so a loop
over merged axes, or a reshape, reads memory with stride one. Entry points: `split_index`, `flat_offset`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir.dims import Dim, Shape, product
from graphtf.ir.loops.expr import Expr, Lit, Prim, Size, iadd, idiv, imod, imul, lit


def split_index(flat: Expr, shape: Shape) -> tuple[Expr, ...]:
    """The index tuple of element number `flat` of an array of that shape, flat < its size."""
    if 0 in shape:
        return (lit(0),) * len(shape)  # it has no elements: any index will do
    out: list[Expr] = []
    for i in range(len(shape)):
        inner = product(shape[i + 1 :])
        quotient = idiv(flat, inner)
        out.append(quotient if i == 0 else imod(quotient, shape[i]))
    return tuple(out)


def flat_offset(index: Sequence[Expr], shape: Shape) -> Expr:
    """The row-major offset of `index` in an array of that shape."""
    pending: list[tuple[Expr, Dim]] = []  # (index, stride), innermost last
    stride: Dim = 1
    for i, d in zip(reversed(index), reversed(shape)):
        pending.insert(0, (i, stride))
        stride = stride * d
    terms: list[tuple[Expr, Dim]] = []
    for term in reversed(pending):
        if is_zero(term[0]):
            continue
        joined = join(term, terms[0]) if terms else None
        if joined is not None:
            terms[0] = joined
        else:
            terms.insert(0, term)
    total: Expr = lit(0)
    for i, s in terms:
        total = iadd(total, imul(i, s))
    return total


def reindex(index: Sequence[Expr], space: Shape, shape: Shape) -> tuple[Expr, ...]:
    """The index of the same element in `shape`, which differs from `space` in axes of size 1 only."""
    moving = iter([i for i, d in zip(index, space) if d != 1])
    return tuple(lit(0) if d == 1 else next(moving) for d in shape)


def is_zero(e: Expr) -> bool:
    return isinstance(e, Lit) and e.value == 0


def join(outer: tuple[Expr, Dim], inner: tuple[Expr, Dim]) -> tuple[Expr, Dim] | None:
    """Two terms of an offset as one: (g//D, D*s) and (g%D, s) are (g, s); ((g//D)%E, D*s) and (g%D, s) are
    (g%(D*E), s)."""
    low = parts(inner[0], "floormod")
    if low is None or outer[1] != low[1] * inner[1]:
        return None
    g, d = low
    if same_quotient(outer[0], g, d):
        return g, inner[1]
    high = parts(outer[0], "floormod")
    if high is not None and same_quotient(high[0], g, d):
        return imod(g, d * high[1]), inner[1]
    return None


def parts(e: Expr, name: str) -> tuple[Expr, Dim] | None:
    """The operands of `name(g, D)` where D is a size."""
    if not isinstance(e, Prim) or e.name != name:
        return None
    d = e.args[1]
    if isinstance(d, Lit):
        return e.args[0], d.value
    return (e.args[0], d.dim) if isinstance(d, Size) else None


def same_quotient(e: Expr, g: Expr, d: Dim) -> bool:
    """Is e the quotient g // d, or a nested quotient of the same g?"""
    found, divided = parts(e, "floordiv"), parts(g, "floordiv")
    if found is None:
        return False
    if divided is None:
        return same(found[0], g) and found[1] == d
    return same(found[0], divided[0]) and found[1] == d * divided[1]


def same(a: Expr, b: Expr) -> bool:
    """Are two index expressions the same computation?"""
    if a is b:
        return True
    if isinstance(a, Prim) and isinstance(b, Prim):
        return a.name == b.name and all(same(x, y) for x, y in zip(a.args, b.args))
    if isinstance(a, Lit) and isinstance(b, Lit):
        return bool(a.value == b.value)
    return isinstance(a, Size) and isinstance(b, Size) and a.dim == b.dim
