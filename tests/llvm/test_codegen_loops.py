"""Loops of every kind: all remainders, reductions in their fixed order, what is read and when, checks, memory."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.dtypes import DType
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, cast, iadd, idiv, imod, imul, isub, lit, prim, size
from graphtf.ir.loops.stmt import Alloc, Carry, Check, Copy, For, If, Invoke, Let, LoopFunc, Module, Store, While
from graphtf.llvm import threads
from graphtf.llvm.call import Gil
from graphtf.llvm.emit import PART, emit_module
from graphtf.llvm.target import host

from .loop_eval import evaluate
from .native import VECTOR_BYTES, Native, assert_same, program, run

F, I64, U8 = dt.float32, dt.int64, dt.uint8
N, M = sym("n"), sym("m")
Array = np.ndarray[Any, Any]


def agree(
    module: Module, arrays: list[Array], sizes: dict[str, int] | None = None, native: Native | None = None
) -> None:
    """Native code changes the arrays, and leaves the status, as the evaluation does."""
    wanted = [a.copy() for a in arrays]
    status = evaluate(module, wanted, sizes or {}, VECTOR_BYTES)
    assert (native or Native(module)).run(arrays, sizes) == status
    for k, (got, want) in enumerate(zip(arrays, wanted)):
        assert_same(got, want, f"buffer {module.main.params[k]} with sizes {sizes}")


def draw(d: DType, count: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    if d.kind == "f":
        return (rng.standard_normal(count) * 3).astype(d.np)
    return rng.integers(0, 2 if d.is_bool else 100, count).astype(d.np)


# ---- vectors and remainders ------------------------------------------------------------------------------------------


def mapping(count: Any, d: DType, unroll: int) -> LoopFunc:
    """out[i] = x[i] * x[i] + i"""
    x, out, i = Buffer("x", d, count), Buffer("out", d, count), Var("i")
    square = prim("mul", Load(x, i), Load(x, i))
    value = prim("add", square, cast(i, d)) if d.is_numeric else square
    loop = For(i, lit(0), size(count), (Store(out, i, value),), "vector", unroll=unroll)
    return LoopFunc("k", (x, out), (), (loop,)) if isinstance(count, int) else LoopFunc("k", (x, out), ("n",), (loop,))


def reduction(count: Any, d: DType, combine: str, unroll: int, lanes: int) -> LoopFunc:
    """out[0] = x[0] ∘ x[1] ∘ …, and the square of each element besides"""
    x, out, i, acc = Buffer("x", d, count), Buffer("out", d, 1), Var("i"), Var("acc", d)
    start = Lit({"mul": 1, "and": 1}.get(combine, 0), d)
    carry = Carry(acc, start, Load(x, i), combine)
    loop = For(i, lit(0), size(count), (), "vector", carries=(carry,), lanes=lanes, unroll=unroll)
    return LoopFunc("k", (x, out), () if isinstance(count, int) else ("n",), (loop, Store(out, lit(0), acc)))


@pytest.mark.parametrize("d", (F, dt.float64, U8, dt.bfloat16, dt.bool_), ids=lambda d: d.short)
def test_every_remainder_of_known_and_unknown_ranges(d: DType) -> None:
    counts = range(41)
    kernels = [LoopFunc(f"k{n}", *(k := mapping(n, d, 1 + n % 3)).params and (k.params, (), k.body)) for n in counts]
    arrays = [a for n in counts for a in (draw(d, n), np.zeros(n, d.np))]
    agree(program(*kernels), arrays)
    for unroll in (1, 2, 4):
        module = program(mapping(N, d, unroll))
        native = Native(module)
        for n in counts:
            agree(module, [draw(d, n), np.zeros(n, d.np)], {"n": n}, native)


COMBINED = [
    (F, "add"), (F, "mul"), (F, "max"), (F, "min"), (dt.float64, "add"), (I64, "add"), (U8, "max"), (dt.int16, "min"),
    (dt.bool_, "and"), (dt.bool_, "or"), (dt.int32, "or"), (dt.bfloat16, "add"), (dt.float16, "max"),
]  # fmt: skip


@pytest.mark.parametrize(("d", "combine"), COMBINED, ids=lambda x: getattr(x, "short", x))
def test_reductions_join_in_a_fixed_order(d: DType, combine: str) -> None:
    for lanes, unroll in ((0, 1), (4, 2), (8, 4), (2, 3)):
        module = program(reduction(N, d, combine, unroll, lanes))
        native = Native(module)
        for n in (*range(41), 100, 257):
            agree(module, [draw(d, n, n), np.zeros(1, d.np)], {"n": n}, native)
    counts = (*range(41), 100, 257)
    kernels = [reduction(n, d, combine, 1 + n % 4, (0, 4, 8)[n % 3]) for n in counts]
    named = [LoopFunc(f"k{i}", k.params, k.sizes, k.body) for i, k in enumerate(kernels)]
    agree(program(*named), [a for n in counts for a in (draw(d, n, n), np.zeros(1, d.np))])


def test_a_known_range_adds_up_as_an_unknown_one() -> None:
    for n in (16, 17, 31, 64, 100, 257, 1000):
        known, unknown = (np.zeros(1, F.np) for _ in range(2))
        run(program(reduction(n, F, "add", 4, 8)), [draw(F, n), known])
        run(program(reduction(N, F, "add", 4, 8)), [draw(F, n), unknown], {"n": n})
        assert_same(known, unknown)


def test_zeros_keep_their_sign_and_nan_comes_through() -> None:
    for values in ([-0.0] * 37, [1.0] * 20 + [np.nan] + [2.0] * 16, [np.inf, -np.inf] * 18):
        for combine in ("add", "max", "min"):
            agree(
                program(reduction(N, F, combine, 2, 8)), [np.array(values, F.np), np.zeros(1, F.np)], {"n": len(values)}
            )


@pytest.mark.parametrize("stride", (-2, -1, 0, 1, 2, 3, "m"), ids=str)
def test_strides(stride: Any) -> None:
    """x[a + i s] and out[a' + i s], with s known or a run-time size"""
    n = 37
    step: Expr = size(M) if stride == "m" else lit(stride)
    m = 5 if stride == "m" else abs(stride)
    base = lit((n - 1) * m if stride != "m" and stride < 0 else 0)
    x, out, i = Buffer("x", F, N), Buffer("out", F, N), Var("i")
    at = iadd(base, prim("mul", i, step))
    stores = (Store(out, at if m else i, prim("add", Load(x, at), Lit(1.0, F))),)
    module = program(LoopFunc("k", (x, out), ("m", "n"), (For(i, lit(0), lit(n), stores, "vector", unroll=2),)))
    length = max(n, (n - 1) * m + 1)
    agree(module, [draw(F, length), np.zeros(length, F.np)], {"n": length, "m": m})


def test_indices_that_no_stride_describes() -> None:
    """Gather and scatter: through an index buffer, quotients and remainders of the lane"""
    n = 41
    x, at, out, i = Buffer("x", F, n), Buffer("at", dt.int32, n), Buffer("out", F, n), Var("i")
    gathered = Load(x, cast(Load(at, i), I64))
    folded = Load(x, iadd(imul(imod(i, 5), lit(8)), imod(idiv(i, 5), 5)))
    scattered = Store(out, cast(Load(at, i), I64), prim("sub", gathered, folded))
    module = program(LoopFunc("k", (x, at, out), (), (For(i, lit(0), lit(n), (scattered,), "vector"),)))
    order = np.random.default_rng(3).permutation(n).astype(np.int32)
    agree(module, [draw(F, n), order, np.zeros(n, F.np)])


@pytest.mark.parametrize("start", (0, 16, 5))
@pytest.mark.parametrize("factor", (1, 2, 3))
@pytest.mark.parametrize("divisor", (4, 16, 32, 48, 64, 96))
def test_quotients_and_remainders_of_an_index(divisor: int, factor: int, start: int) -> None:
    """Loads side by side where all lanes have the same quotient, whatever the vectors' width"""
    rows, stop = 12, 4 * 96 + 7
    x, out, i, outer = Buffer("x", F, 8192), Buffer("out", F, N), Var("i"), Var("outer")
    at = iadd(imul(outer, divisor * 2), imul(i, factor))
    moved = iadd(imul(imod(at, divisor), rows), idiv(at, divisor))
    folded = iadd(imul(idiv(at, divisor), divisor * 4), imod(at, divisor))
    total = prim("add", Load(x, imod(moved, 8192)), Load(x, imod(folded, 8192)))
    body = For(i, lit(start), lit(stop), (Store(out, iadd(imul(outer, stop), i), total),), "vector", unroll=2)
    module = program(LoopFunc("k", (x, out), ("n",), (For(outer, lit(0), lit(2), (body,)),)))
    agree(module, [draw(F, 8192), np.zeros(2 * stop, F.np)], {"n": 2 * stop})


def test_a_copy_of_blocks_needs_no_gather() -> None:
    x, out, i = Buffer("x", F, 4096), Buffer("out", F, 1024), Var("i")
    value = Load(x, iadd(imul(idiv(i, 32), lit(128)), imod(i, 32)))
    module = program(LoopFunc("k", (x, out), (), (For(i, lit(0), lit(1024), (Store(out, i, value),), "vector"),)))
    assert "insertelement" not in "".join(emit_module(module, host()))


@pytest.mark.parametrize("kind", ("serial", "vector"))
def test_a_loop_inside_a_vector_carries_vectors(kind: str) -> None:
    """out[j] = Σ_i x[i, j] y[i], its partial products also stored"""
    x, y, out, all_ = Buffer("x", F, N * M), Buffer("y", F, N), Buffer("out", F, M), Buffer("all", F, N * M)
    i, j, acc, named = Var("i"), Var("j"), Var("acc", F), Var("named", F)
    at = iadd(imul(i, size(M)), j)
    body = (Let(named, prim("mul", Load(x, at), Load(y, i))), Store(all_, at, named))
    inner = For(i, lit(0), size(N), body, kind, carries=(Carry(acc, Lit(0.5, F), named, "add"),))
    outer = For(j, lit(0), size(M), (inner, Store(out, j, acc)), "vector", unroll=2)
    module = program(LoopFunc("k", (x, y, out, all_), ("m", "n"), (outer,)))
    native = Native(module)
    for n, m in ((0, 20), (1, 3), (5, 16), (7, 37), (3, 0)):
        arrays = [draw(F, n * m), draw(F, n), np.ones(m, F.np), np.zeros(n * m, F.np)]
        agree(module, arrays, {"n": n, "m": m}, native)


# ---- what is read, and when ------------------------------------------------------------------------------------------


def test_nothing_is_read_by_a_loop_that_does_not_run() -> None:
    """x has no memory at all; what its loops do not change is read before them, but only if they run."""
    x, out, i, j = Buffer("x", F, N), Buffer("out", F, 4), Var("i"), Var("j")
    for kind in ("serial", "vector"):
        inner = For(j, lit(0), size(M), (Store(out, imod(j, 4), Load(x, lit(0))),), kind)
        flag = If(prim("gt", size(N), lit(0)), (Store(out, lit(0), Load(x, lit(0))),))
        for body in ((inner,), (For(i, lit(0), lit(3), (inner,)),), (For(i, lit(0), lit(3), (flag,)),)):
            module = program(LoopFunc("k", (x, out), ("m", "n"), body))
            native = Native(module)
            nowhere: Any = SimpleNamespace(ctypes=SimpleNamespace(data=8))
            assert native.run([nowhere, np.zeros(4, F.np)], {"n": 0, "m": 0}) == (0, 0)


def test_what_was_loaded_is_forgotten_once_it_may_be_old() -> None:
    x, out, i, k = Buffer("x", I64, 8), Buffer("out", I64, 8), Var("i"), Var("k")
    first = Load(x, lit(0))
    double = prim("mul", first, lit(2))
    add_one = Store(x, lit(0), prim("add", first, lit(1)))
    body = (
        Store(out, lit(0), double),
        For(i, lit(0), lit(3), (Store(out, lit(1), double), add_one, Store(out, lit(2), double))),
        Store(out, lit(3), double),
        If(prim("gt", first, lit(1)), (add_one,), (Store(x, lit(0), lit(-7)),)),
        Store(out, lit(4), double),
        Copy(x, lit(0), out, lit(1), lit(1)),
        Store(out, lit(5), double),
        For(k, lit(0), lit(1), (Store(x, k, lit(11)),), "parallel"),
        Store(out, lit(6), double),
        For(k, lit(0), lit(2), (Store(x, lit(0), prim("add", first, double)),), "unroll"),
        Store(out, lit(7), double),
    )
    agree(program(LoopFunc("k", (x, out), (), body)), [draw(I64, 8), np.zeros(8, np.int64)])


def test_results_over_operands() -> None:
    """One buffer as operand and result: every element is read before it is written."""
    x, y, out, i = Buffer("x", F, N), Buffer("y", F, N), Buffer("out", F, N), Var("i")
    value = prim("sub", Load(x, i), prim("mul", Load(y, i), Lit(0.5, F)))
    k = LoopFunc("k", (x, y, out), ("n",), (For(i, lit(0), size(N), (Store(out, i, value),), "vector", unroll=2),))
    a, b = Buffer("a", F, N), Buffer("b", F, N)
    main = LoopFunc("main", (a, b), ("n",), (Invoke("k", (a, b, a)), Invoke("k", (b, a, a)), Invoke("k", (b, b, b))))
    agree(Module("m", (k,), main), [draw(F, 53), draw(F, 53, 1)], {"n": 53})


# ---- parallel --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[None]:
    before = threads.num_threads()
    yield
    threads.set_num_threads(before)


def test_parallel_loops_do_not_depend_on_threads(pool: None) -> None:
    """Row sums in tasks of `block` rows, with values from around the loop, nested in a serial loop and in an If."""
    x, out, total = Buffer("x", F, N * M), Buffer("out", F, N), Buffer("total", F, 1)
    t, r, c, turn, acc, sum_ = Var("t"), Var("r"), Var("c"), Var("turn"), Var("acc", F), Var("sum", F)
    scale, flag = Var("scale", F), Var("flag", dt.bool_)
    row = For(
        c, lit(0), size(M), (), "vector", carries=(Carry(acc, Lit(0, F), Load(x, iadd(imul(r, size(M)), c)), "add"),)
    )
    keep = Store(out, r, prim("select", flag, prim("mul", acc, scale), Load(out, r)))
    stop = prim("min", iadd(t, lit(3)), size(N))
    tasks = For(t, lit(0), size(N), (For(r, t, stop, (row, keep)),), "parallel", step=lit(3))
    join = For(
        r2 := Var("r2"), lit(0), size(N), (), carries=(Carry(sum_, Lit(0, F), prim("add", sum_, Load(out, r2))),)
    )
    body = (
        Let(flag, prim("ne", size(N), lit(0))),
        For(turn, lit(1), lit(4), (Let(scale, cast(turn, F)), If(flag, (tasks,)))),
        join, Store(total, lit(0), sum_),
    )  # fmt: skip
    module = program(LoopFunc("k", (x, out, total), ("m", "n"), body))
    native = Native(module)
    for n, m in ((0, 5), (1, 9), (3, 4), (50, 33)):
        for count in (1, 2, 7):
            threads.set_num_threads(count)
            agree(module, [draw(F, n * m), np.zeros(n, F.np), np.zeros(1, F.np)], {"n": n, "m": m}, native)


def test_several_steps_of_a_parallel_loop(pool: None) -> None:
    threads.set_num_threads(3)
    out, t = Buffer("out", I64, 100), Var("t")
    body = (For(t, lit(7), lit(90), (Store(out, t, t),), "parallel", step=lit(4)),)
    agree(program(LoopFunc("k", (out,), (), body)), [np.zeros(100, np.int64)])


# ---- checks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ("serial", "vector", "unroll"))
@pytest.mark.parametrize("bad", (None, 0, 5, 17, 36))
def test_the_first_check_to_fail_stands(kind: str, bad: int | None) -> None:
    x, out, i = Buffer("x", I64, 37), Buffer("out", I64, 37), Var("i")
    value = Load(x, i)
    body = (Check(prim("ge", value, lit(0)), 4, imul(value, i)), Store(out, i, prim("max", value, lit(0))))
    after = Check(prim("lt", Load(x, lit(0)), lit(1000)), 9, lit(1))
    module = program(LoopFunc("k", (x, out), (), (For(i, lit(0), lit(37), body, kind), after)))
    data = draw(I64, 37)
    if bad is not None:
        data[bad:] *= -1
        data[bad] = -3
    agree(module, [data, np.zeros(37, np.int64)])
    data[0] = 5000
    agree(module, [data, np.zeros(37, np.int64)])


def test_a_check_in_a_task_and_a_uniform_one_in_a_vector(pool: None) -> None:
    threads.set_num_threads(2)
    x, t, i = Buffer("x", I64, 64), Var("t"), Var("i")
    uniform = Check(prim("ne", t, lit(6)), 2, imul(t, lit(10)))
    inner = For(i, lit(0), lit(32), (uniform, Store(x, imod(i, 8), lit(1))), "vector")
    module = program(LoopFunc("k", (x,), (), (For(t, lit(0), lit(8), (inner,), "parallel"),)))
    native = Native(module)
    for _ in range(3):
        assert native.run([np.zeros(64, np.int64)]) == (3, 60)


# ---- loops of unknown length -----------------------------------------------------------------------------------------


def test_while_carries_values_and_stops_for_a_failed_check() -> None:
    """Collatz: how many steps; and a loop that would never end but for the check in it."""
    x, steps, t, n = Buffer("x", I64, 1), Buffer("steps", I64, 1), Var("t"), Var("n")
    odd = prim("eq", prim("floormod", n, lit(2)), lit(1))
    following = prim("select", odd, iadd(imul(n, lit(3)), lit(1)), prim("floordiv", n, lit(2)))
    loop = While(prim("gt", n, lit(1)), (Store(steps, lit(0), iadd(t, lit(1))),), carries=(
        Carry(n, Load(x, lit(0)), following), Carry(t, lit(0), iadd(t, lit(1)))))  # fmt: skip
    end = Store(x, lit(0), iadd(imul(t, lit(1000)), n))
    module = program(LoopFunc("k", (x, steps), (), (loop, end)))
    for value in (1, 6, 27, 97):
        agree(module, [np.array([value]), np.zeros(1, np.int64)])
    count = Var("count")
    check = Check(prim("lt", count, lit(5)), 1, count)
    endless = While(Lit(True, dt.bool_), (check,), carries=(Carry(count, lit(0), iadd(count, lit(1))),))
    assert run(
        program(LoopFunc("k", (x,), (), (endless, Store(x, lit(0), count)))), [out := np.zeros(1, np.int64)]
    ) == (2, 5)
    assert out[0] == 6


def test_main_loops_over_kernels() -> None:
    """while x[0] < 100: x += step, with the condition computed by a kernel into a flag; then one branch of two"""
    x, step, flag, i = Buffer("x", I64, 16), Buffer("step", I64, 1), Buffer("flag", dt.bool_, 1), Var("i")
    grow = LoopFunc(
        "grow",
        (x, step),
        (),
        (For(i, lit(0), lit(16), (Store(x, i, iadd(Load(x, i), Load(step, lit(0)))),), "vector"),),
    )
    less = LoopFunc("less", (x, flag), (), (Store(flag, lit(0), prim("lt", Load(x, lit(0)), lit(100))),))
    a, b, c = Buffer("a", I64, 16), Buffer("b", I64, 1), Buffer("c", dt.bool_, 1)
    body = (
        While(Load(c, lit(0)), (Invoke("grow", (a, b)),), (Invoke("less", (a, c)),)),
        If(Load(c, lit(0)), (Copy(a, lit(0), None, None, lit(16)),),
           (Copy(a, lit(8), a, lit(0), lit(4)), Invoke("grow", (a, b)))),
    )  # fmt: skip
    module = Module("m", (grow, less), LoopFunc("main", (a, b, c), (), body))
    agree(module, [np.arange(16), np.array([7]), np.zeros(1, bool)])


@pytest.mark.parametrize("statements", (1, 300))
def test_an_interrupt_ends_an_endless_loop_and_all_that_follows(statements: int) -> None:
    x, flag = Buffer("x", I64, 1), Buffer("flag", dt.bool_, 1)
    count = LoopFunc("count", (x,), (), (Store(x, lit(0), iadd(Load(x, lit(0)), lit(1))),))
    after = LoopFunc("after", (x,), (), (Store(x, lit(0), lit(-1)),))
    endless = While(Load(flag, lit(0)), (Invoke("count", (x,)),))
    body = (endless, *[Invoke("after", (x,))] * statements)
    native = Native(Module("m", (count, after), LoopFunc("main", (x, flag), (), body)))
    data = np.zeros(1, np.int64)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            native.run([data, np.ones(1, bool)], gil=Gil.INTERRUPTIBLE)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert data[0] > 0


def test_a_long_main_is_cut_into_functions() -> None:
    x, i = Buffer("x", I64, N), Var("i")
    k = LoopFunc("k", (x,), ("n",), (For(i, lit(0), size(N), (Store(x, i, iadd(Load(x, i), lit(1))),), "vector"),))
    a, b = Buffer("a", I64, N), Buffer("b", I64, N)
    main = LoopFunc("main", (a, b), ("n",), (Invoke("k", (a,)), Invoke("k", (b,))) * 700)
    arrays = [np.zeros(5, np.int64), np.ones(5, np.int64)]
    assert run(Module("m", (k,), main), arrays, {"n": 5}) == (0, 0)
    assert (arrays[0] == 700).all() and (arrays[1] == 701).all()


# ---- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", (1, 37, 5000, 300_000, M), ids=str)
def test_local_buffers_of_any_size(count: Any) -> None:
    """Reverse through a local buffer: on the stack where it is small, else from the heap, in tasks too."""
    x, local, t, i, j = Buffer("x", F, count), Buffer("local", F, count, "stack"), Var("t"), Var("i"), Var("j")
    copy = For(i, lit(0), size(count), (Store(local, i, Load(x, i)),), "vector")
    back = For(j, lit(0), size(count), (Store(x, j, Load(local, isub(count - 1, j))),), "vector")
    task = For(t, lit(0), lit(1), (Alloc(local), copy, back), "parallel")
    module = program(LoopFunc("k", (x,), () if isinstance(count, int) else ("m",), (task, task)))
    for m in (0, 1, 1000, 70_000) if count is M else (count,):
        data = draw(F, m)
        got = data.copy()
        assert run(module, [got], {"m": m}) == (0, 0)
        assert_same(got, data)


def test_memory_that_cannot_be_had_is_a_status() -> None:
    x, local = Buffer("x", F, 1), Buffer("local", F, M * M, "stack")
    body = (Alloc(local), Store(local, lit(0), Lit(1.0, F)), Store(x, lit(0), Load(local, lit(0))))
    module = program(LoopFunc("k", (x,), ("m",), body))
    data = np.zeros(1, F.np)
    assert run(module, [data], {"m": 1 << 29})[0] == -2
    assert data[0] == 0


@pytest.mark.parametrize(("rows", "columns"), [(1, 8), (6, 16), (4, 24), (3, 13), (8, 64)])
def test_a_register_tile_is_memory_whose_indices_are_constants(rows: int, columns: int) -> None:
    """c = aᵀ b by rank-one updates of a tile"""
    a, b, c = Buffer("a", F, N * rows), Buffer("b", F, N * columns), Buffer("c", F, rows * columns)
    tile = Buffer("tile", F, rows * columns, "register")

    def each(body: Any) -> For:
        i, j = Var("i"), Var("j")
        inner = For(j, lit(0), lit(columns), (body(i, j, iadd(imul(i, lit(columns)), j)),), "vector")
        return For(i, lit(0), lit(rows), (inner,), "unroll")

    p = Var("p")
    clear = each(lambda i, j, at: Store(tile, at, Lit(0, F)))
    update = each(lambda i, j, at: Store(tile, at, prim(
        "fma", Load(a, iadd(imul(p, rows), i)), Load(b, iadd(imul(p, columns), j)), Load(tile, at))))  # fmt: skip
    out = each(lambda i, j, at: Store(c, at, Load(tile, at)))
    k = LoopFunc("k", (a, b, c), ("n",), (Alloc(tile), clear, For(p, lit(0), size(N), (update,)), out))
    native = Native(program(k))
    for n in (0, 1, 9):
        agree(program(k), [draw(F, n * rows), draw(F, n * columns), np.ones(rows * columns, F.np)], {"n": n}, native)


def test_expressions_may_be_deep() -> None:
    x, out, i = Buffer("x", F, 40), Buffer("out", F, 40), Var("i")
    value: Expr = Load(x, i)
    for k in range(3000):
        value = prim("add", prim("mul", value, Lit(0.5, F)), Lit(float(k % 7), F))
    data = draw(F, 40)
    want = data.copy()
    for k in range(3000):
        want = want * F.np.type(0.5) + F.np.type(k % 7)
    got = np.zeros(40, F.np)
    run(
        program(LoopFunc("k", (x, out), (), (For(i, lit(0), lit(40), (Store(out, i, value),), "vector"),))), [data, got]
    )
    assert_same(got, want)


def test_equal_modules_have_equal_texts_of_bounded_size() -> None:
    kernels = [mapping(900 + k, F, 2) for k in range(60)]
    named = [LoopFunc(f"k{i}", k.params, k.sizes, k.body) for i, k in enumerate(kernels)]
    texts = emit_module(program(*named), host())
    assert texts == emit_module(program(*named), host())
    assert len(texts) > 2 and max(map(len, texts)) < 3 * PART
