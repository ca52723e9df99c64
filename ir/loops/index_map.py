"""Index arithmetic that views and indexing share: clamping, range tests, and the index map of a reshape.

Invariant: indices are int64 expressions; maps stay affine wherever the shapes allow it. Entry points: `regroup`,
`is_inside`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir.dims import Dim, Shape, at_most, lower_bound, maximum, minimum, nonnegative
from graphtf.ir.loops import expr as s

Group = tuple[range, range]


def clamp(i: s.Expr, size: Dim) -> s.Expr:
    """i, moved into 0 … size - 1; 0 if size is 0."""
    return s.imax(s.imin(i, size - 1), 0)


def bounds(e: s.Expr) -> tuple[Dim, Dim] | None:
    """Sizes between which an integer expression surely lies, both included; None where none are known.

    >>> bounds(s.prim("floormod", s.Var("i"), s.lit(5)))
    (0, 4)
    """
    if isinstance(e, (s.Lit, s.Size)):
        at = e.value if isinstance(e, s.Lit) else e.dim
        return at, at
    if not isinstance(e, s.Prim):
        return None
    if e.name == "cast":
        kept = e.args[0].dtype.is_integer and e.dtype.size > e.args[0].dtype.size and not e.dtype.is_unsigned
        return bounds(e.args[0]) if kept else None
    found = [bounds(a) for a in e.args]
    if e.name == "floormod" and found[1] is not None and lower_bound(found[1][0]) >= 1:
        return 0, found[1][1] - 1
    if e.name == "select" and found[1] is not None and found[2] is not None:
        (a, b), (c, d) = found[1], found[2]
        return minimum(a, c), maximum(b, d)
    return None


def is_inside(i: s.Expr, size: Dim) -> bool:
    """Is an index within 0 … size - 1, surely?"""
    found = bounds(i)
    return found is not None and nonnegative(found[0]) and at_most(found[1], size - 1)


def inside(indices: Sequence[tuple[s.Expr, Dim]]) -> s.Expr | None:
    """Is each index within 0 … size - 1? None for no indices."""
    tests = [t for i, d in indices for t in (s.prim("ge", i, s.lit(0)), s.prim("lt", i, s.size(d)))]
    if not tests:
        return None
    value = tests[0]
    for t in tests[1:]:
        value = s.prim("and", value, t)
    return value


def linear(index: Sequence[s.Expr], shape: Sequence[Dim]) -> s.Expr:
    """The row-major offset of an index."""
    offset: s.Expr = s.lit(0)
    for i, d in zip(index, shape):
        offset = offset if d == 1 else s.iadd(s.imul(offset, d), i)
    return offset


def unlinear(offset: s.Expr, shape: Sequence[Dim]) -> list[s.Expr]:
    """The index at a row-major offset."""
    index: list[s.Expr] = [s.lit(0)] * len(shape)
    axes = [k for k, d in enumerate(shape) if d != 1]
    for k in reversed(axes[1:]):
        index[k] = s.imod(offset, shape[k])
        offset = s.idiv(offset, shape[k])
    if axes:
        index[axes[0]] = offset
    return index


def groups(a: Shape, b: Shape) -> list[Group]:
    """Runs of axes of two shapes of equal size that hold the same elements, found from the front and, where sizes are
    known only at run time, from the back.

    >>> groups((2, 28, 28), (2, 784))
    [(range(0, 1), range(0, 1)), (range(1, 3), range(1, 2))]
    """
    found, i, j = _groups_in_order(a, b)
    back, i_back, j_back = _groups_in_order(a[i:][::-1], b[j:][::-1])
    n, m = len(a), len(b)
    if i + i_back < n or j + j_back < m:
        found.append((range(i, n - i_back), range(j, m - j_back)))
    return found + [(range(n - u.stop, n - u.start), range(m - v.stop, m - v.start)) for u, v in reversed(back)]


def _groups_in_order(a: Shape, b: Shape) -> tuple[list[Group], int, int]:
    """Shortest groups from the front while products meet; and where the rest begins."""
    found: list[Group] = []
    i = j = 0
    while i < len(a) and j < len(b):
        group = _first_group(a, b, i, j)
        if group is None:
            break
        found.append(group)
        i, j = group[0].stop, group[1].stop
    if found and (i == len(a)) != (j == len(b)) and all(d == 1 for d in (*a[i:], *b[j:])):
        u, v = found[-1]
        found[-1] = range(u.start, len(a)), range(v.start, len(b))
        i, j = len(a), len(b)
    return found, i, j


def _first_group(a: Shape, b: Shape, i: int, j: int) -> Group | None:
    products: dict[Dim, int] = {}
    size: Dim = 1
    for m in range(j, len(b)):
        size = size * b[m]
        products.setdefault(size, m + 1)
    size = 1
    for n in range(i, len(a)):
        size = size * a[n]
        if size in products:
            return range(i, n + 1), range(j, products[size])
    return None


def regroup(index: Sequence[s.Expr], out: Shape, into: Shape) -> tuple[s.Expr, ...]:
    """The index into shape `into` of the element at `index` of shape `out`, both row-major and of equal size."""
    result: list[s.Expr] = [s.lit(0)] * len(into)
    for a, b in groups(out, into):
        offset = linear(index[a.start : a.stop], out[a.start : a.stop])
        result[b.start : b.stop] = unlinear(offset, into[b.start : b.stop])
    return tuple(result)
