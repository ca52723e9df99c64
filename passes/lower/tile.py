"""Register tiles: the innermost loops of matrix products and convolutions.

Invariant: a tile is `rows` × `columns` sums kept in registers while the summed index runs, in order, each term one
fused multiplication and addition; it never reaches outside, since tiles at the end of an axis are moved back to overlap
their neighbours. Entry points: `choose`, `Tile`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, as_index, iadd, imin, imod, imul, isub, lit, prim
from graphtf.ir.loops.stmt import Alloc, Carry, For, If, Stmt, Store
from graphtf.passes.lower.caps import Caps

LATENCY = 5.0  # cycles from a multiplication and addition to the next that needs it, and a little more
PER_CYCLE = 2.0  # of them, and of loads, that start in one cycle
REFILL = 2.0  # cycles to bring a vector of columns from the second cache
TURN = 0.75  # cycles that a term costs beside
MOST_ROWS = 16  # code grows with the rows
LIGHT = 4  # weight of an epilogue that is written out for every row of a tile
SHORT = 16  # multiplications for a term, up to which two terms are written for each turn of the loop

Terms = tuple[Var, ...]  # the variables of the loops over terms, outermost first
Left = Callable[[int, Terms, int], Expr]  # the factor for a row, so many terms further along the innermost loop
Right = Callable[[Var, Terms, int], Expr]  # and for a column
Start = Callable[[int, Var], Expr]  # the first value of sum (row, column)
End = Callable[[list[Expr], Var], list[Stmt]]  # what becomes of the sums of a column
Out = Callable[[Expr, Expr, Expr], list[Stmt]]  # what becomes of element (row, column), its value
Beside = Callable[[Terms, int], list[Stmt]]  # what runs before so many terms


@dataclass(frozen=True)
class Done:
    """How many rows and columns of a tile another one has stored; `columns` is zero or, if that is known, `most`."""

    rows: Expr
    columns: Expr
    most: int | None = None


@dataclass(frozen=True)
class Span:
    """A loop over terms: its variable, where it starts and stops, whether it is written out."""

    var: Var
    start: Expr
    stop: Expr
    kind: str = "serial"

    def rounds(self, terms: int) -> list[tuple[Span, int]]:
        """The span as one of turns of so many terms each, and one of the terms that are left."""
        if terms == 1 or self.kind != "serial":
            return [(self, 1)]
        spare = imod(isub(self.stop, self.start), terms)
        if isinstance(spare, Lit) and spare.value == 0:
            return [(self, terms)]
        middle = isub(self.stop, spare)
        return [(replace(self, stop=middle), terms), (Span(Var(self.var.name), middle, self.stop), 1)]


@dataclass(frozen=True)
class Tile:
    """`rows` × `columns` sums of a dtype, `vectors` of columns side by side."""

    rows: int
    columns: int
    dtype: DType
    vectors: int = 1

    @property
    def turn(self) -> int:
        """Terms for a turn of the loop."""
        return 2 if self.rows * self.vectors <= SHORT else 1

    def sum(
        self, spans: Sequence[Span], left: Left, right: Right, start: Start | None, end: End,
        beside: Beside | None = None,
    ) -> Stmt:  # fmt: skip
        """sums[i, j] = start(i, j) + Σ left(i) * right(j) over the variables of `spans`; then `end(sums, j)`.

        j, the column, is a vector. `beside` runs before the terms of a turn.
        """
        j = Var("j")
        zero = Lit(0, self.dtype)
        first: list[Expr] = [start(i, j) if start else zero for i in range(self.rows)]

        def step(sums: Sequence[Expr], terms: Terms, ahead: int) -> list[Expr]:
            factor = right(j, terms, ahead)
            return [prim("fma", left(i, terms, ahead), factor, x) for i, x in enumerate(sums)]

        nest, sums = accumulate(spans, (), first, step, self.turn, beside)
        return For(j, lit(0), lit(self.columns), (*nest, *end(sums, j)), "vector", lanes=self.columns)

    def finished(
        self, spans: Sequence[Span], left: Left, right: Right, out: Out, weight: int, beside: Beside | None = None,
        done: Done | None = None,
    ) -> list[Stmt]:  # fmt: skip
        """The tile, its elements handed to `out`: from registers, or, where that is much code, from memory. The rows
        and columns that are `done` are left out."""
        if weight <= LIGHT and done is None:
            def at_once(sums: list[Expr], j: Var) -> list[Stmt]:
                return [s for i, x in enumerate(sums) for s in out(lit(i), j, x)]

            return [self.sum(spans, left, right, None, at_once, beside)]
        kept = Buffer("sums", self.dtype, self.rows * self.columns, "stack")

        def keep(sums: list[Expr], j: Var) -> list[Stmt]:
            return [Store(kept, iadd(lit(i * self.columns), j), x) for i, x in enumerate(sums)]

        return [Alloc(kept), self.sum(spans, left, right, None, keep, beside), self.hand_out(kept, lit(0), out, done)]

    def hand_out(self, kept: Buffer, first: Expr, out: Out, done: Done | None = None) -> Stmt:
        """Hand the sums at kept[first …] to `out`, but for the rows and columns that are `done`."""

        def rest(rows: Expr, columns: Expr) -> Stmt:
            i, j = Var("i"), Var("j")
            value = Load(kept, iadd(iadd(first, imul(i, self.columns)), j))
            row = For(j, columns, lit(self.columns), tuple(out(i, j, value)), "vector")
            return For(i, rows, lit(self.rows), (row,))

        if done is None:
            return rest(lit(0), lit(0))
        if done.most is None:
            none = prim("eq", iadd(done.rows, done.columns), lit(0))
            return If(none, (rest(lit(0), lit(0)),), (rest(done.rows, done.columns),))
        if done.most == 0:
            return rest(done.rows, lit(0))
        return If(prim("eq", done.columns, lit(0)), (rest(done.rows, lit(0)),), (rest(done.rows, lit(done.most)),))


Step = Callable[[Sequence[Expr], Terms, int], list[Expr]]


def accumulate(
    spans: Sequence[Span], outer: Terms, first: list[Expr], step: Step, turn: int, beside: Beside | None
) -> tuple[list[Stmt], list[Expr]]:
    """Nested loops that carry values from `first` through `step`; and the values at the end."""
    span, inner = spans[0], spans[1:]
    loops: list[Stmt] = []
    values = first
    for part, terms in span.rounds(turn if not inner else 1):
        own = [Var(f"sum{i}", x.dtype) for i, x in enumerate(values)]
        here = (*outer, part.var)
        body, following = [] if beside is None or inner else beside(here, terms), list[Expr](own)
        if inner:
            body, following = accumulate(inner, here, following, step, turn, beside)
        else:
            for ahead in range(terms):
                following = step(following, here, ahead)
        carries = tuple(Carry(a, x, y) for a, x, y in zip(own, values, following))
        loops.append(For(part.var, part.start, part.stop, tuple(body), part.kind, lit(terms), carries))
        values = list(own)
    return loops, values


def moved_back(at: Expr, total: Dim | Expr, length: int) -> Expr:
    """Where a piece of `length` begins: at `at`, or earlier, if it would end after `total`."""
    total = as_index(total)
    if isinstance(total, Lit) and total.value % length == 0:
        return at
    return imin(at, isub(total, length))


def choose(m: Dim, n: Dim, dtype: DType, caps: Caps) -> Tile:
    """The tile with which an m × n result takes the fewest cycles, one size of the sum at a time.

    A size known only at run time counts as large; where it turns out smaller than the tile, another way is needed.
    """
    lanes = caps.lanes(dtype.size)
    best, least = Tile(1, 1, dtype), float("inf")
    for columns in widths(n, lanes):
        vectors = -(-columns // lanes)
        for rows in range(1, MOST_ROWS + 1):
            if not fits(rows, vectors, caps.registers) or (isinstance(m, int) and rows > max(1, m)):
                break
            cycles = pieces(m, rows) * pieces(n, columns) * cycles_of(rows, vectors)
            if cycles <= least:  # of equals the higher: it walks the columns less often
                best, least = Tile(rows, columns, dtype, vectors), cycles
    return best


def widths(n: Dim, lanes: int) -> list[int]:
    """Columns a tile may have: one vector or more, or all there are where they do not fill one."""
    if isinstance(n, int) and n < lanes:
        return [max(1, n)]
    return [k * lanes for k in (1, 2, 4, 8) if not isinstance(n, int) or k * lanes <= n]


def fits(rows: int, vectors: int, registers: int) -> bool:
    """Do the sums, a vector of columns and one broadcast element have room?"""
    return rows * vectors + (vectors if rows > 1 else 0) + 1 <= registers


def pieces(size: Dim, piece: int) -> float:
    """How many tiles an axis takes; without rounding up where its size is not known."""
    return -(-size // piece) if isinstance(size, int) else 64 / piece


def cycles_of(rows: int, vectors: int) -> float:
    """Cycles for one value of the summed index: bound by arithmetic, by loads, by what the second cache gives, or by
    latency. A narrow tile keeps its panel nearer."""
    loads = rows + vectors
    bound = max(rows * vectors / PER_CYCLE, loads / PER_CYCLE + 1.5, vectors * REFILL, LATENCY)
    return (bound + TURN) * (1 + vectors / 100)
