"""Sorting, positions in order and the largest few: the reference's order, bit for bit, ties, zeros and NaN included."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from graphtf.ir.dims import sym
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor

from .native import compiling_for, program, results_of_threads, targets

N, B = sym("n"), sym("b")
DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
          "uint64", "bool")  # fmt: skip


def values(shape: Any, dtype: str, seed: int = 0) -> Any:
    """Numbers with ties, the extremes, both zeros, infinities and NaN."""
    rng = np.random.default_rng(seed)
    np_type = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np_type.kind in "iu":
        info = np.iinfo(np_type)
        x = rng.integers(info.min, info.max, shape, np_type, endpoint=True)
        return np.where(rng.random(shape) < 0.5, x, rng.choice(np.array([info.min, info.max, 0, 1], np_type), shape))
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1.0, -1.0, 2.5])
    x = np.where(rng.random(shape) < 0.6, rng.standard_normal(shape) * 100, rng.choice(special, shape))
    with np.errstate(all="ignore"):
        return x.astype(np_type)


def bits(a: Any) -> Any:
    return a.view(f"u{a.dtype.itemsize}") if a.dtype.kind not in "biu" else a


def agree(made: Any, x: Any) -> None:
    for got, want in zip(made.run([x]), interpret(made.graph, [x]), strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(bits(got), bits(want))


def everything(axis: int) -> Any:
    """Both orders, and where their elements come from."""
    return lambda x: [
        f(x, axis=axis, descending=d, **more)
        for d in (False, True) for f, more in ((p.sort, {}), (p.argsort, {"stable": True}))
    ]  # fmt: skip


LINES = [
    *(((n,), 0) for n in (0, 1, 2, 15, 16, 17, 33, 1000, 5000)),
    ((3, 40), 1), ((40, 3), 0), ((7, 50, 3), 1), ((20, 70), 1), ((0, 4), 0), ((3, 0), 1), ((2, 0, 3), 1),
]  # fmt: skip


@pytest.mark.parametrize("shape,axis", LINES, ids=str)
def test_lines_of_every_length(shape: Any, axis: int) -> None:
    for dtype in ("float32", "int64"):
        agree(program([tensor(dtype, *shape)], everything(axis)), values(shape, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str) -> None:
    for shape, axis in (((300,), 0), ((9, 70), 1)):
        agree(program([tensor(dtype, *shape)], everything(axis)), values(shape, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [0, 1, 5, 40, 70])
def test_largest_few(dtype: str, k: int) -> None:
    for shape in ((200,), (5, 101), (3, 2, 70)):
        agree(program([tensor(dtype, *shape)], lambda x: p.top_k(x, k=k, sorted=True)), values(shape, dtype))


def test_sizes_known_at_run_time() -> None:
    for dtype in ("float32", "float64"):
        sort, few = (program([tensor(dtype, B, N)], f) for f in (everything(1), lambda x: p.top_k(x, k=3, sorted=True)))
        for b, n in ((1, 3), (2, 16), (5, 17), (1, 700), (3, 129), (0, 5)):
            agree(sort, values((b, n), dtype))
            agree(few, values((b, n), dtype))
        column = program([tensor(dtype, N, B)], everything(0))
        for n, b in ((0, 3), (50, 1), (200, 4)):
            agree(column, values((n, b), dtype))


@pytest.mark.parametrize("target", targets())
def test_narrower_targets(target: str) -> None:
    with compiling_for(target):
        for dtype in ("float32", "int64"):
            agree(program([tensor(dtype, 400)], everything(0)), values((400,), dtype))


def test_same_on_any_number_of_threads() -> None:
    made = program([tensor("float32", 60000)], everything(0))
    one, two = results_of_threads(made, [values((60000,), "float32")])
    for a, b in zip(one, two):
        np.testing.assert_array_equal(bits(a), bits(b))
