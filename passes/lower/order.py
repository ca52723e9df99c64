"""Elements in order along an axis, and where they come from: a merge sort of lines, and the first few of a line.

Invariant: elements are compared as whole numbers that order as the elements do, NaN last, and equal ones by where they
come from, so the order is the reference's however the work is cut. Entry points: `lower_order`, `lower_top_k`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Node
from graphtf.ir.loops.expr import (
    Buffer,
    Expr,
    Lit,
    Load,
    Var,
    bitcast,
    cast,
    iadd,
    idiv,
    imax,
    imin,
    imul,
    isub,
    lit,
    prim,
    select,
    size,
)
from graphtf.ir.loops.stmt import Alloc, Carry, For, If, LoopFunc, Stmt, Store
from graphtf.passes.lower.caps import Caps
from graphtf.passes.lower.kernel import Frame, finish
from graphtf.passes.lower.loop import TASK, blocked
from graphtf.passes.lower.offsets import split_index
from graphtf.passes.lower.operands import known
from graphtf.passes.lower.product import named
from graphtf.passes.lower.walk import Lines

RUN = 16  # elements whose order is found by counting which come before each
FEW = 64  # so few first elements are kept in order while the line is read
LEVELS = 40  # merges of runs that double in length: enough for any line
MERGE = 8  # cost of merging an element
SHARED_LINES = 4  # fewer lines are shared out among threads themselves


def key_of(x: Expr, descending: bool) -> Expr:
    """A whole number that orders as x: one of 64 bits, or of 32 where x has no more."""
    d = x.dtype
    if d.is_floating:
        wide = x if d.size > 2 else cast(x, dt.float32)
        integer = dt.int64 if wide.dtype.size == 8 else dt.int32
        bits = bitcast(prim("add", wide, Lit(0.0, wide.dtype)), integer)  # both zeros are one
        most = Lit(int(integer.max), integer)
        mirrored = prim("xor", bits, prim("and", prim("shr", bits, Lit(integer.size * 8 - 1, integer)), most))
        ordered = prim("not", mirrored) if descending else mirrored
        return cast(select(prim("isnan", wide), most, ordered), dt.int64)
    if d is dt.uint64:
        key = prim("xor", bitcast(x, dt.int64), Lit(int(dt.int64.min), dt.int64))
    elif d is dt.uint32:
        key = isub(cast(x, dt.int64), 1 << 31)
    else:
        key = cast(x, dt.int64)
    return prim("not", key) if descending else key


@dataclass(frozen=True)
class Entries:
    """What is sorted: keys and positions, in one word each where a key has 32 bits, else in two. `length`: a half of
    each buffer; runs are merged from one half into the other."""

    buffers: tuple[Buffer, ...]
    length: Dim

    @staticmethod
    def of(dtype: DType, length: Dim, halves: int, space: str) -> Entries:
        count = 1 if dtype.size <= 4 else 2
        return Entries(tuple(Buffer(f"order{k}", dt.int64, halves * length, space) for k in range(count)), length)

    def make(self, key: Expr, position: Expr) -> list[Expr]:
        if len(self.buffers) == 1:
            return [prim("or", prim("shl", key, lit(32)), position)]
        return [key, position]

    def load(self, at: Expr) -> list[Expr]:
        return [Load(b, at) for b in self.buffers]

    def store(self, at: Expr, values: list[Expr]) -> list[Stmt]:
        return [Store(b, at, x) for b, x in zip(self.buffers, values)]

    def position(self, at: Expr) -> Expr:
        """Where the entry comes from."""
        if len(self.buffers) == 1:
            return prim("and", Load(self.buffers[0], at), lit((1 << 32) - 1))
        return Load(self.buffers[1], at)


# ---- whole lines -----------------------------------------------------------------------------------------------------


def lower_order(node: Node, caps: Caps, name: str, positions: bool) -> LoopFunc:
    """The elements along an axis in order, or their positions."""
    frame = Frame.of(node, name)
    source, target = frame.params
    lines = Lines.along(node, node.attrs["axis"])
    sorting = Sorting(frame, lines, source, bool(node.attrs["descending"]))

    def put(o: Expr, k: Expr, i: Expr, position: Expr) -> list[Stmt]:
        value = cast(position, target.dtype) if positions else Load(source, lines.at(o, position, i))
        return [Store(target, lines.at(o, k, i), value)]

    return finish(frame, sorting.emit(put, lines.length))


Put = Callable[[Expr, Expr, Expr, Expr], list[Stmt]]  # (line o, place in the order, line i, position)


class Sorting:
    """Sorts lines, and hands on the first of each."""

    def __init__(self, frame: Frame, lines: Lines, source: Buffer, descending: bool) -> None:
        self.lines, self.source, self.descending = lines, source, descending
        count = lines.outer * lines.inner
        self.alone = isinstance(count, int) and count < SHARED_LINES
        self.entries = Entries.of(source.dtype, lines.length, 2, "arg" if self.alone else "stack")
        if self.alone:
            frame.temps += self.entries.buffers
        self.count = count

    def emit(self, put: Put, wanted: Dim) -> list[Stmt]:
        """Lines in parallel; the parts of a line, where there are few."""
        n = known(self.lines.length)

        def line(t: Expr) -> list[Stmt]:
            (o, let_o), (i, let_i) = (named("o", x) for x in split_index(t, (self.lines.outer, self.lines.inner)))
            return [let_o, let_i, *self.line(o, i, put, wanted)]

        if self.alone:
            t = Var("line")
            return [For(t, lit(0), size(self.count), tuple(line(t)))]
        space = tuple(Alloc(b) for b in self.entries.buffers)
        block = max(1, TASK // max(1, MERGE * n * max(1, n.bit_length())))
        return blocked(self.count, block, "line", lambda t: [*space, *line(t)])

    def line(self, o: Expr, i: Expr, put: Put, wanted: Dim) -> list[Stmt]:
        """One line: short runs, then runs of twice the length, until one is left."""
        n, entries = self.lines.length, self.entries
        level, side = Var("level"), Var("side")
        length, let_length = named("length", prim("shl", lit(RUN), level))
        more, let_more = named("more", prim("lt", length, size(n)))
        source, let_source = named("source", imul(side, n))
        target, let_target = named("target", isub(size(n), source))
        merges = If(more, tuple(self.merges(source, target, length)))
        other = select(more, isub(1, side), side)
        levels = LEVELS if not isinstance(n, int) else max(0, -(-n // RUN) - 1).bit_length()
        doubling = For(level, lit(0), lit(levels), (let_length, let_more, let_source, let_target, merges),
                       carries=(Carry(side, lit(0), other),))  # fmt: skip
        first, let_first = named("first", imul(side, n))

        def done(k: Expr) -> list[Stmt]:
            return put(o, k, i, entries.position(iadd(first, k)))

        return [*self.runs(o, i), doubling, let_first, *self.shared(size(wanted), lit(TASK // MERGE), "k", done)]

    def shared(self, count: Expr, block: Expr, name: str, body: Callable[[Expr], list[Stmt]]) -> list[Stmt]:
        """for name in range(count): by all threads, `block` iterations to a task, where lines are few."""
        r, t = Var(name), Var("task")
        if not self.alone:
            return [For(r, lit(0), count, tuple(body(r)))]
        start, let = named("start", imul(t, block))
        loop = For(r, start, imin(iadd(start, block), count), tuple(body(r)))
        return [For(t, lit(0), idiv(iadd(count, isub(block, 1)), block), (let, loop), "parallel")]

    def runs(self, o: Expr, i: Expr) -> list[Stmt]:
        """Runs of a few elements, each element put where the number of those before it says."""
        n, entries = self.lines.length, self.entries

        def run(r: Expr) -> list[Stmt]:
            low, let_low = named("low", imul(r, RUN))
            high, let_high = named("high", imin(iadd(low, RUN), n))
            k = Var("k")
            keys = entries.make(key_of(Load(self.source, self.lines.at(o, k, i)), self.descending), k)
            second = size(n)  # the half that the first merge writes holds the entries until then
            fill = For(k, low, high, tuple(entries.store(iadd(second, k), keys)), "vector")
            a, b, rank = Var("a"), Var("b"), Var("rank", dt.int64)
            mine, other = entries.load(iadd(second, a)), entries.load(iadd(second, b))
            before = prim("lt", other[0], mine[0])
            if len(mine) == 2:
                tie = prim("and", prim("eq", other[0], mine[0]), prim("lt", b, a))
                before = prim("or", before, tie)
            count = For(b, low, high, (), carries=(Carry(rank, lit(0), iadd(rank, cast(before, dt.int64))),))
            place = For(a, low, high, (count, *entries.store(iadd(low, rank), mine)), "vector")
            return [let_low, let_high, fill, place]

        return self.shared(size(ceildiv(n, RUN)), lit(TASK // (RUN * RUN)), "run", run)

    def merges(self, source: Expr, target: Expr, length: Expr) -> list[Stmt]:
        """Pairs of neighbouring runs of a length, merged from one half into the other."""
        n = self.lines.length
        double, let_double = named("double", imul(length, 2))
        pairs = idiv(iadd(size(n), isub(double, 1)), double)
        block, let_block = named("block", imax(idiv(lit(TASK // MERGE), double), 1))

        def pair(p: Expr) -> list[Stmt]:
            low, let_low = named("low", imul(p, double))
            middle, let_middle = named("middle", imin(iadd(low, length), n))
            high, let_high = named("high", imin(iadd(middle, length), n))
            even = prim("eq", isub(high, middle), length)
            runs = If(even, (self.from_both_ends(source, target, low, length),),
                      (self.from_the_front(source, target, low, middle, high),))  # fmt: skip
            return [let_low, let_middle, let_high, runs]

        return [let_double, let_block, *self.shared(pairs, block, "pair", pair)]


    def from_both_ends(self, source: Expr, target: Expr, low: Expr, length: Expr) -> Stmt:
        """Two runs of equal length: neither end of the result comes to the far end of a run before the other is done,
        and nothing is tested but which of two entries is first."""
        entries, k = self.entries, Var("k")
        i, j, i2, j2 = (Var(x) for x in ("i", "j", "i", "j"))
        start = iadd(source, low)
        a, b, a2, b2 = (entries.load(x) for x in (i, j, i2, j2))
        left, right = prim("le", a[0], b[0]), prim("le", a2[0], b2[0])
        forward, back = cast(left, dt.int64), cast(right, dt.int64)
        front = entries.store(iadd(iadd(target, low), k), [select(left, x, y) for x, y in zip(a, b)])
        rear = isub(iadd(iadd(target, low), isub(imul(length, 2), 1)), k)
        end = entries.store(rear, [select(right, y, x) for x, y in zip(a2, b2)])
        carries = (
            Carry(i, start, iadd(i, forward)), Carry(j, iadd(start, length), iadd(j, isub(1, forward))),
            Carry(i2, isub(iadd(start, length), 1), isub(i2, isub(1, back))),
            Carry(j2, isub(iadd(start, imul(length, 2)), 1), isub(j2, back)),
        )  # fmt: skip
        return For(k, lit(0), length, (*front, *end), carries=carries)

    def from_the_front(self, source: Expr, target: Expr, low: Expr, middle: Expr, high: Expr) -> Stmt:
        """Two runs of any lengths."""
        n, entries = self.lines.length, self.entries
        i, j, k = Var("i"), Var("j"), Var("k")
        left, right = (entries.load(iadd(source, imin(x, n - 1))) for x in (i, j))
        first = prim("or", prim("ge", j, high), prim("le", left[0], right[0]))
        takes = prim("and", prim("lt", i, middle), first)
        step = cast(takes, dt.int64)
        stores = entries.store(iadd(target, k), [select(takes, x, y) for x, y in zip(left, right)])
        carries = (Carry(i, low, iadd(i, step)), Carry(j, middle, iadd(j, isub(1, step))))
        return For(k, low, high, tuple(stores), carries=carries)


# ---- the first few ---------------------------------------------------------------------------------------------------


def lower_top_k(node: Node, caps: Caps, name: str) -> LoopFunc:
    """The k largest elements of the last axis, and where they are."""
    frame = Frame.of(node, name)
    source, values, positions = frame.params
    lines = Lines.along(node, -1)
    k: Dim = node.outputs[0].ir_type.dims[-1]

    def put(o: Expr, place: Expr, i: Expr, position: Expr) -> list[Stmt]:
        at = iadd(imul(o, k), place)
        value = Load(source, lines.at(o, position, lit(0)))
        return [Store(values, at, value), Store(positions, at, cast(position, dt.int32))]

    if isinstance(k, int) and k <= FEW and not (isinstance(lines.length, int) and lines.length <= 2 * k):
        return finish(frame, first_few(lines, source, k, put))
    return finish(frame, Sorting(frame, lines, source, True).emit(put, k))


def first_few(lines: Lines, source: Buffer, k: int, put: Put) -> list[Stmt]:
    """Lines in parallel; the best so far of each in order."""
    best = Entries.of(source.dtype, max(1, k), 1, "stack")

    def line(o: Expr) -> list[Stmt]:
        n, m = Var("n"), Var("m")
        entry = best.make(key_of(Load(source, lines.at(o, n, lit(0))), True), n)
        mine = [named("entry", x) for x in entry]
        key = mine[0][0]
        at, let_at = named("at", isub(k - 1, m))  # from the last place up; places from n on are empty yet
        above = [named("above", x) for x in best.load(imax(isub(at, 1), 0))]
        here = best.load(at)
        empty, before = prim("lt", n, at), prim("lt", key, above[0][0])
        moves = prim("and", prim("gt", at, lit(0)), prim("or", empty, before))
        stays = prim("and", prim("lt", at, n), prim("le", here[0], key))
        pushed = [select(moves, x, y) for (x, _), (y, _) in zip(above, mine)]
        kept = [named("kept", select(stays, x, y)) for x, y in zip(here, pushed)]
        moved = (let_at, *(let for _, let in (*above, *kept)), *best.store(at, [var for var, _ in kept]))
        insert = For(m, lit(0), lit(k), moved)
        better = prim("or", prim("lt", n, lit(k)), prim("lt", key, best.load(lit(k - 1))[0]))
        read = For(n, lit(0), size(lines.length), (*(let for _, let in mine), If(better, (insert,))))
        out = Var("out")
        done = For(out, lit(0), lit(k), tuple(put(o, out, lit(0), best.position(out))))
        return [*(Alloc(b) for b in best.buffers), read, done] if k else []

    per = 4 * known(lines.length)
    return blocked(lines.outer, max(1, TASK // max(1, per)), "line", line)
