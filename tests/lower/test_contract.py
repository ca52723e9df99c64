"""Products of matrices: exact on whole numbers in all shapes and layouts, within k·ε on others, for any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.loops.text import print_module
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType, tensor

from .native import agree_exactly, draw, program, results_of_threads

M, N, K, B = sym("m"), sym("n"), sym("k"), sym("b")
SIZES = (
    (1, 1, 1), (2, 3, 4), (5, 7, 3), (1, 17, 40), (17, 1, 40), (3, 100, 64), (8, 8, 8), (16, 16, 16), (13, 9, 31),
    (31, 33, 65), (64, 64, 64), (100, 10, 300), (10, 300, 100), (129, 70, 33), (1, 300, 784), (784, 1, 300),
    (4, 4, 3000), (200, 64, 2100), (2, 600, 1000), (0, 3, 4), (3, 0, 4), (3, 4, 0), (40, 50, 0), (250, 256, 512),
    (1, 3000, 901), (5000, 1, 517),
)  # fmt: skip


def operands(
    m: Any, n: Any, k: Any, ta: bool, tb: bool, batch: Any = ((), ()), dtype: str = "float32"
) -> list[TensorType]:
    a, b = ((k, m) if ta else (m, k)), ((n, k) if tb else (k, n))
    return [tensor(dtype, *batch[0], *a), tensor(dtype, *batch[1], *b)]


def matmul(ta: bool, tb: bool, dtype: Any = None) -> Any:
    return lambda a, b: p.matmul(a, b, transpose_a=ta, transpose_b=tb, dtype=dtype)


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_whole_numbers_are_exact(size: Any, ta: bool, tb: bool) -> None:
    made = program(operands(*size, ta, tb), matmul(ta, tb))
    agree_exactly(made, draw(made.graph, {}, whole=True))


BATCHES = [((2,), (2,)), ((3,), ()), ((), (3,)), ((2, 1), (1, 3)), ((4, 5), (5,)), ((0,), (1,))]


@pytest.mark.parametrize("batch", BATCHES, ids=str)
@pytest.mark.parametrize("ta,tb", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", [(3, 5, 4), (33, 20, 17), (1, 40, 33), (40, 1, 33), (128, 64, 32)], ids=str)
def test_batches_broadcast(size: Any, ta: bool, tb: bool, batch: Any) -> None:
    made = program(operands(*size, ta, tb, batch), matmul(ta, tb))
    agree_exactly(made, draw(made.graph, {}, whole=True))


NATIVE = ("float64", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", NATIVE)
@pytest.mark.parametrize("ta,tb", [(False, False), (True, True)])
def test_every_dtype(dtype: str, ta: bool, tb: bool) -> None:
    for size in ((3, 5, 7), (33, 35, 40), (1, 20, 50)):
        made = program(operands(*size, ta, tb, dtype=dtype), matmul(ta, tb))
        agree_exactly(made, draw(made.graph, {}, whole=True))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint64"])
def test_integers_wrap_around(dtype: str) -> None:
    made = program(operands(9, 21, 30, False, False, dtype=dtype), matmul(False, False))
    info, rng = np.iinfo(dtype), np.random.default_rng(1)
    args = [rng.integers(info.min, info.max, shape, dtype, endpoint=True) for shape in ((9, 30), (30, 21))]
    agree_exactly(made, args)


WIDER = [("int8", dt.int32), ("uint8", dt.int32), ("int32", dt.int64), ("bfloat16", dt.float32),
         ("float16", dt.float32), ("float32", dt.float64)]  # fmt: skip


@pytest.mark.parametrize("own,wide", WIDER)
def test_accumulates_in_a_wider_type(own: str, wide: Any) -> None:
    made = program(operands(9, 21, 30, False, True, dtype=own), matmul(False, True, wide))
    agree_exactly(made, draw(made.graph, {}, whole=True))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("size", [(64, 64, 64), (100, 300, 784), (1, 300, 784), (32, 32, 20000)], ids=str)
def test_error_stays_within_k_epsilon(size: Any, dtype: str) -> None:
    made = program(operands(*size, False, False, dtype=dtype), matmul(False, False))
    a, b = args = draw(made.graph, {}, seed=3)
    (got,) = made.run(args)
    a, b = a.astype(np.longdouble), b.astype(np.longdouble)
    summed = np.finfo(np.float64 if dtype == "float64" else np.float32).eps / 2
    rounded = dt.as_dtype(dtype).np.type(1) * 0 + {"float16": 2**-11, "bfloat16": 2**-8}.get(dtype, 0.0)
    bound = size[2] * summed * (np.abs(a) @ np.abs(b)) + float(rounded) * np.abs(a @ b)
    assert np.all(np.abs(got.astype(np.longdouble) - a @ b) <= bound)


# ---- sizes known at run time -----------------------------------------------------------------------------------------

AT_RUN_TIME = [
    ((M, 30, 40), [{"m": m} for m in (0, 1, 2, 7, 8, 13, 32, 97, 200)]),
    ((30, N, 40), [{"n": n} for n in (0, 1, 5, 16, 31, 33, 100)]),
    ((30, 40, K), [{"k": k} for k in (0, 1, 7, 600, 1030)]),
    ((M, N, K), [{"m": m, "n": n, "k": k} for m, n, k in ((1, 1, 1), (5, 3, 2), (64, 64, 64), (3, 100, 9), (0, 0, 0))]),
    ((M, 300, 784), [{"m": m} for m in (1, 7, 32, 130)]),
    ((784, 300, K), [{"k": k} for k in (1, 32, 700)]),
    ((M, M, 16), [{"m": m} for m in (1, 20, 70)]),
]  # fmt: skip


@pytest.mark.parametrize("ta,tb", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("size,runs", AT_RUN_TIME, ids=[str(s) for s, _ in AT_RUN_TIME])
def test_one_kernel_serves_all_sizes(size: Any, runs: Any, ta: bool, tb: bool) -> None:
    made = program(operands(*size, ta, tb), matmul(ta, tb))
    for sizes in runs:
        agree_exactly(made, draw(made.graph, sizes, whole=True))


@pytest.mark.parametrize("batch", [((B,), (B,)), ((B,), ()), ((B, 2), (1, 2)), ((1,), (B,))], ids=str)
def test_batches_of_a_size_known_at_run_time(batch: Any) -> None:
    made = program(operands(33, 20, 17, False, False, batch), matmul(False, False))
    for b in (0, 1, 3):
        agree_exactly(made, draw(made.graph, {"b": b}, whole=True))


# ---- what is computed with it ----------------------------------------------------------------------------------------


def test_epilogues_are_part_of_the_kernel() -> None:
    def layer(x: Any, w: Any, b: Any, r: Any) -> Any:
        before = p.add(p.matmul(x, w), p.broadcast(b, shape=(33, 50)))
        return before, p.add(p.maximum(before, np.float32(0)), r)

    made = program([tensor("float32", *s) for s in ((33, 70), (70, 50), (50,), (33, 50))], layer)
    assert [n.attrs.get("kind") for n in made.graph.nodes] == ["contract"]
    agree_exactly(made, draw(made.graph, {}, whole=True))


@pytest.mark.parametrize("size", [(33, 50, 70), (33, 50, 20), (400, 500, 3000)], ids=str)
def test_what_an_epilogue_reads_is_fetched(size: Any) -> None:
    """Before sums that take long; not a bias, which stays in cache."""
    m, n, k = size
    shapes = ((m, k), (k, n), (n,), (m, n))
    made = program(
        [tensor("float32", *s) for s in shapes],
        lambda x, w, b, r: p.mul(p.add(p.matmul(x, w), p.broadcast(b, shape=(m, n))), r),
    )
    text = "".join(print_module(step.step.module) for step in made.steps)
    assert ("prefetch near %in3" in text) == (k >= 64) and "near %in2" not in text
    agree_exactly(made, draw(made.graph, {}, whole=True))


def test_long_epilogues() -> None:
    def layer(x: Any, w: Any) -> Any:
        y = p.matmul(x, w)
        return p.mul(p.tanh(y), p.sigmoid(p.add(y, y)))

    made = program([tensor("float32", 33, 70), tensor("float32", 70, 50)], layer)
    args = draw(made.graph, {}, whole=True)
    x, w = args
    y = (x @ w).astype(np.float64)
    np.testing.assert_allclose(made.run(args)[0], np.tanh(y) / (1 + np.exp(-2 * y)), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("size", [(33, 50, 70), (200, 40, 3000), (4, 60, 33)], ids=str)
def test_operands_through_views(size: Any) -> None:
    m, n, k = size

    def f(x: Any, w: Any) -> Any:
        heads = p.transpose(x, perm=(1, 0, 2))
        return p.matmul(heads, p.reverse(w, axes=(0,)))

    made = program([tensor("float32", m, 2, k), tensor("float32", k, n)], f)
    agree_exactly(made, draw(made.graph, {}, whole=True))


def test_residual_of_the_same_operand() -> None:
    made = program([tensor("float32", 48, 48)], lambda x: p.add(p.matmul(x, x), x))
    agree_exactly(made, draw(made.graph, {}, whole=True))


# ---- threads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(300, 200, 100), (33, 35, 20000), (1, 3000, 400), (512, 300, 1000)], ids=str)
@pytest.mark.parametrize("tb", [False, True])
def test_same_bits_on_any_number_of_threads(size: Any, tb: bool) -> None:
    made = program(operands(*size, False, tb), matmul(False, tb))
    one, two = results_of_threads(made, draw(made.graph, {}, seed=5))
    np.testing.assert_array_equal(one[0], two[0])
