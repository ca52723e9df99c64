"""What an epilogue reads besides the sums is fetched before they are summed: it arrives while they are.

Invariant: no value depends on it. Entry points: `fetches`; `loads_of`, for others that fetch ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphtf.ir.loops.expr import Expr, Load, Var, children, lit
from graphtf.ir.loops.stmt import For, Let, Prefetch, Stmt, Store
from graphtf.passes.lower.affine import depends
from graphtf.passes.lower.tile import Out, Tile

LINE = 64  # bytes that are fetched together
LEAST = 64  # terms of a sum that take as long as fetching


def fetches(tile: Tile, out: Out) -> list[Stmt]:
    """Fetch what `out` reads of arrays that have rows as the tile has."""
    i, value = Var("i"), Var("value", tile.dtype)
    found = {}
    for column in range(0, tile.columns, LINE // tile.dtype.size):
        for x in _loads(out(i, lit(column), value)):
            if depends(x.index, i) and not any(loads_of(x.index)):
                found[x.buffer, column] = Prefetch(x.buffer, x.index, near=True)
    return [For(i, lit(0), lit(tile.rows), tuple(found.values()))] if found else []


def _loads(body: Iterable[Stmt]) -> Iterator[Load]:
    for s in body:
        if isinstance(s, (Let, Store)):
            yield from loads_of(s.value)


def loads_of(x: Expr) -> Iterator[Load]:
    """What an expression reads."""
    pending, seen = [x], set[int]()
    while pending:
        y = pending.pop()
        if id(y) in seen:
            continue
        seen.add(id(y))
        if isinstance(y, Load):
            yield y
        pending += children(y)
