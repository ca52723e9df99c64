"""Debug mode: right programs compute the same, wrong ones are told what they touched and touch nothing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.loops.expr import Buffer, Lit, Load, Var, iadd, lit, prim, size
from graphtf.ir.loops.stmt import Alloc, Carry, Check, Copy, For, If, LoopFunc, Module, Site, Stmt, Store, While
from graphtf.passes.lower.bounds import checked

from .loop_eval import evaluate
from .loop_gen import Gen
from .native import VECTOR_BYTES, assert_same, program, run

F, I64, N = dt.float32, dt.int64, sym("n")
COUNT = 23


def run_checked(
    module: Module, arrays: list[Any], sizes: dict[str, int] | None = None, first: int = 0
) -> tuple[str, int]:
    """The message and the value of the first check to fail; an empty message if none does."""
    debug, sites = checked(module, first)
    number, value = run(debug, arrays, sizes)
    assert number == 0 or first < number <= first + len(sites)
    return (sites[number - 1 - first].message if number else ""), value


@pytest.mark.parametrize("seed", range(25))
def test_right_programs_compute_the_same_bits(seed: int) -> None:
    gen = Gen(random.Random(seed))
    kernel, arrays = gen.program()
    module = program(kernel)
    wanted = [a.copy() for a in arrays]
    status = evaluate(module, wanted, gen.sizes, VECTOR_BYTES)
    debug, sites = checked(module, 100)
    found = run(debug, arrays, gen.sizes)
    assert bool(found[0]) == bool(status[0]) and found[0] <= 100, sites
    for b, got, want in zip(kernel.params, arrays, wanted):
        assert_same(got, want, str(b))


def kernel(kind: str, read: int = 0, write: int = 0) -> LoopFunc:
    """y[i + write] = x[i + read]"""
    x, y, i = Buffer("x", F, N), Buffer("y", F, COUNT), Var("i")
    body = (Store(y, iadd(i, lit(write)), Load(x, iadd(i, lit(read)))),)
    if kind == "nested":
        body = (If(prim("ge", i, lit(0)), body),)
    return LoopFunc("k", (x, y), ("n",), (For(i, lit(0), lit(COUNT), body, "serial" if kind == "nested" else kind),))


@pytest.mark.parametrize("kind", ("serial", "vector", "parallel", "unroll", "nested"))
@pytest.mark.parametrize(
    ("read", "write", "message", "value"),
    [
        (0, 0, "", 0), (5, 0, "kernel k reads element {value} of x, which has n", COUNT),
        (-3, 0, "kernel k reads element {value} of x, which has n", -3),
        (0, 4, f"kernel k writes element {{value}} of y, which has {COUNT}", COUNT),
        (0, 10**9, f"kernel k writes element {{value}} of y, which has {COUNT}", 10**9),
        (-(10**12), 0, "kernel k reads element {value} of x, which has n", -(10**12)),
    ],
)  # fmt: skip
def test_wrong_indices_are_named_and_touch_nothing(kind: str, read: int, write: int, message: str, value: int) -> None:
    x, y = np.arange(COUNT, dtype=np.float32), np.zeros(COUNT + 64, np.float32)
    found = run_checked(program(kernel(kind, read, write)), [x, y], {"n": COUNT}, first=7)
    assert found[0] == message
    if kind != "parallel":  # where another task may be the first
        assert found[1] == value
    assert (y[COUNT:] == 0).all()
    if not message:
        assert (y[:COUNT] == x).all()


def one(*body: Stmt) -> str:
    """The message for a kernel on x: i64[4] = 9, 1, 2, 3 and a local buffer of 2."""
    return run_checked(program(LoopFunc("k", (X,), (), (Alloc(LOCAL), *body))), [np.array([9, 1, 2, 3])])[0]


X, LOCAL = Buffer("x", I64, 4), Buffer("local", I64, 2, "stack")
READS, WRITES = "kernel k reads element {value} of x, which has 4", "kernel k writes element {value} of x, which has 4"


def test_every_place_an_access_can_stand_in() -> None:
    i, v = Var("i"), Var("v")
    outside, inner = Load(X, lit(4)), Load(X, Load(X, lit(0)))
    nothing = Store(X, lit(1), lit(0))
    assert one(nothing) == ""
    assert one(Store(X, lit(0), outside)) == READS
    assert one(Store(X, lit(0), inner)) == READS
    assert one(Store(X, Load(X, lit(0)), lit(1))) == WRITES
    assert one(If(prim("eq", outside, lit(0)), (nothing,))) == READS
    assert one(If(Lit(False, dt.bool_), (Store(X, lit(9), lit(1)),))) == ""
    assert one(Check(prim("eq", outside, outside), 0, lit(1))) == READS
    assert one(For(i, outside, lit(2), (nothing,))) == READS
    assert one(For(i, lit(0), lit(2), (), carries=(Carry(v, outside, v),))) == READS
    assert one(For(i, lit(0), lit(2), (), carries=(Carry(v, lit(0), outside),))) == READS
    assert one(For(i, lit(0), lit(0), (), carries=(Carry(v, lit(0), outside),))) == ""
    assert one(While(prim("lt", v, outside), (), carries=(Carry(v, lit(0), iadd(v, lit(1))),))) == READS
    assert one(Store(LOCAL, lit(2), lit(0))) == "kernel k writes element {value} of local, which has 2"


def test_copies_are_whole_or_not_at_all() -> None:
    y = Buffer("y", I64, 3)
    for args, message in (
        ((X, lit(1), y, lit(0), lit(3)), ""),
        ((X, lit(1), y, lit(0), lit(4)), "writes element {value} of x, which has 4"),
        ((X, lit(0), y, lit(0), lit(4)), "reads element {value} of y, which has 3"),
        ((X, lit(0), y, lit(-1), lit(2)), "reads element {value} of y, which has 3"),
        ((X, lit(0), y, lit(0), lit(-1)), "writes element {value} of x, which has 4"),
        ((X, lit(4), None, None, lit(1)), "writes element {value} of x, which has 4"),
        ((X, lit(4), None, None, lit(0)), ""),
    ):  # fmt: skip
        x = np.array([9, 8, 7, 6])
        found = run_checked(program(LoopFunc("k", (X, y), (), (Copy(*args),))), [x, np.array([1, 2, 3])])[0]
        assert found == (f"kernel k {message}" if message else "")
        assert not message or x.tolist() == [9, 8, 7, 6]


def test_a_kernels_own_checks_keep_their_numbers() -> None:
    k = LoopFunc(
        "k", (X,), (), (Check(Lit(False, dt.bool_), 3, lit(5)), Store(X, lit(8), lit(1))), sites=(Site("a", "b"),)
    )
    debug, sites = checked(program(k), 50)
    assert run(debug, [np.zeros(4, np.int64)]) == (4, 5)
    assert [s.message for s in sites] == [WRITES]


def test_vectors_stay_vectors() -> None:
    """Sums of floats have the bits they have without checks: partial results are joined in the same order."""
    x, out, i, acc = Buffer("x", F, N), Buffer("out", F, 1), Var("i"), Var("acc", F)
    loop = For(i, lit(0), size(N), (), "vector", carries=(Carry(acc, Lit(0, F), Load(x, i), "add"),), unroll=4)
    module = program(LoopFunc("k", (x, out), ("n",), (loop, Store(out, lit(0), acc))))
    data = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    plain, debug = np.zeros(1, np.float32), np.zeros(1, np.float32)
    run(module, [data, plain], {"n": 1000})
    assert run_checked(module, [data, debug], {"n": 1000}) == ("", 0)
    assert_same(plain, debug)
