"""Loops over elements: cut where joined or padded arrays meet, in blocks where memory is walked crosswise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Prim, Var, imax, imin, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import Store
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.passes.lower.ranges import cut, expressions

from .native import agree_exactly, draw, program, results_of_threads

N = sym("n")


def agree(types: Any, fn: Any, *sizes: dict[str, int]) -> None:
    made = program(types, fn)
    for env in sizes or ({},):
        agree_exactly(made, draw(made.graph, env))


# ---- crosswise -------------------------------------------------------------------------------------------------------

PERMUTED = [
    ((130, 90), (1, 0)), ((64, 64), (1, 0)), ((33, 200), (1, 0)), ((5, 70, 40), (0, 2, 1)), ((40, 7, 70), (2, 1, 0)),
    ((2, 20, 30, 16), (0, 3, 1, 2)), ((2, 16, 20, 30), (0, 2, 3, 1)), ((3, 50, 8, 9), (1, 0, 3, 2)),
    ((1, 300, 20), (2, 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize("shape,perm", PERMUTED, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
def test_transposes(shape: Any, perm: Any, dtype: str) -> None:
    made = program([tensor(dtype, *shape)], lambda x: p.transpose(x, perm=perm))
    (x,) = draw(made.graph, {})
    x = np.arange(x.size).reshape(shape).astype(x.dtype)
    np.testing.assert_array_equal(made.run([x])[0], x.transpose(perm))


def test_transposed_beside_straight() -> None:
    types = [tensor("float32", 90, 130), tensor("float32", 130, 90), tensor("float32", 90)]

    def f(a: Any, b: Any, c: Any) -> Any:
        return p.add(p.mul(p.transpose(a, perm=(1, 0)), b), p.broadcast(c, shape=(130, 90)))

    agree(types, f)
    made = program(types, f)
    one, two = results_of_threads(made, draw(made.graph, {}))
    np.testing.assert_array_equal(one[0], two[0])


def test_transposes_of_sizes_known_at_run_time() -> None:
    agree([tensor("float32", N, 70)], lambda x: p.transpose(x, perm=(1, 0)), {"n": 0}, {"n": 1}, {"n": 100})


# ---- joined and padded -----------------------------------------------------------------------------------------------


WIDTHS = [(1, 1), (3, 40), (16, 16, 16), (7, 0, 33), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6, 7)]
PADS = [((0, 3), (0, 5)), ((2, 0), (1, 0)), ((1, 20), (2, 0)), ((0, 0), (0, 33)), ((40, 1), (0, 1))]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_joined(widths: Any, axis: int) -> None:
    shapes = [[6, 5, 4] for _ in widths]
    for shape, width in zip(shapes, widths):
        shape[axis] = width
    agree([tensor("float32", *s) for s in shapes], lambda *xs: p.concat(*xs, axis=axis))


@pytest.mark.parametrize("low,high", PADS)
def test_padded(low: Any, high: Any) -> None:
    agree([tensor("float32", 9, 50)], lambda x: p.add(p.pad(x, np.float32(7), low=low, high=high), np.float32(1)))
    agree([tensor("int16", 2000)], lambda x: p.pad(x, np.int16(7), low=low[1:], high=high[1:]))


def test_sizes_known_at_run_time() -> None:
    runs = [{"n": n} for n in (0, 1, 40, 20000)]
    agree([tensor("float32", N), tensor("float32", 30)], lambda a, b: p.concat(a, b, axis=0), *runs)
    agree([tensor("float32", 3, 30), tensor("float32", 3, N)], lambda a, b: p.concat(a, b, axis=1), *runs)
    agree([tensor("float32", N), tensor("float32", N)], lambda a, b: p.concat(a, b, a, axis=0), *runs)
    agree([tensor("float32", N)], lambda x: p.pad(x, np.float32(7), low=(5,), high=(6,)), *runs)
    width = [tensor("float32", 3, 8), tensor("float32", N)]
    agree(width, lambda x, y: (p.pad(x, np.float32(7), low=(0, 0), high=(0, N)), p.add(y, y)), *runs)


def joined() -> tuple[Var, list[Any]]:
    """for i: out[i] = a[i] if i < 10 else b[i - 10], with both indices kept inside."""
    i, a, b, out = Var("i"), Buffer("a", dt.float32, 10), Buffer("b", dt.float32, 22), Buffer("out", dt.float32, 32)
    first = Load(a, imax(imin(i, 9), 0))
    second = Load(b, imax(imin(isub(i, 10), 21), 0))
    return i, [Store(out, i, select(prim("lt", i, lit(10)), first, second))]


def test_a_loop_is_cut_where_its_test_changes() -> None:
    i, body = joined()
    ranges = cut(i, 32, body)
    assert [(low, high) for low, high, _ in ranges] == [(0, 10), (10, 32)]
    for _, _, stmts in ranges:
        names = {e.name for e in expressions(stmts) if isinstance(e, Prim)}
        assert names <= {"sub"}  # no test, no clamp is left
    loads = [[e.buffer.name for e in expressions(stmts) if isinstance(e, Load)] for _, _, stmts in ranges]
    assert loads == [["a"], ["b"]]


def test_what_cannot_be_decided_stays() -> None:
    i, x = Var("i"), Buffer("x", dt.float32, 100)
    other = Var("k")
    bodies: list[Expr] = [
        select(prim("lt", other, lit(3)), Load(x, i), Lit(0, dt.float32)),
        select(prim("lt", Prim("mul", (i, lit(2)), dt.int64), lit(9)), Load(x, i), Lit(0, dt.float32)),
    ]
    for value in bodies:
        ((low, high, stmts),) = cut(i, 20, [Store(x, i, value)])
        assert (low, high) == (0, 20) and stmts[0].value is value
    many = [Store(x, i, select(prim("lt", i, lit(k)), Load(x, i), Lit(0, dt.float32))) for k in range(1, 9)]
    assert len(cut(i, 20, many)) == 1
    unordered = [Store(x, i, select(prim("lt", i, size(d)), Load(x, i), Lit(0, dt.float32))) for d in (N, 2 * N)]
    assert len(cut(i, 20, unordered)) == 1
