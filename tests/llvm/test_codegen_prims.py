"""Every scalar primitive on every dtype, and every cast, on values at the edges: native code gives NumPy's bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.loops import expr as e
from graphtf.ir.loops.stmt import For, LoopFunc, Store
from graphtf.ir.ops import OPS

from .loop_eval import BOOLEAN, COMPARISON, FLOATING, INTEGER, TESTS, apply
from .native import assert_same, program, run

DTYPES = (*dt.REAL, dt.bool_)
Array = np.ndarray[Any, Any]


def edges(d: DType) -> Array:
    """Values at which implementations go wrong."""
    if d is dt.bool_:
        return np.array([False, True])
    if d.kind == "f":
        info = ml_dtypes.finfo(d.np)
        small = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 1 / 3, 7.0, 127.5, 255.0, 32768.0, float(info.eps), 1 + float(info.eps)]
        large = [float(info.max), float(info.tiny), float(info.smallest_subnormal), 2.0**31, 2.0**63, np.inf, np.nan]
        with np.errstate(all="ignore"):
            both = np.array(small + large, np.float64).astype(d.np)
        return np.concatenate([both, -both])
    low, high = int(d.min), int(d.max)
    found = {low, low + 1, high, high - 1, high // 2, 0, 1, 2, 3, 5, 7, 8 * d.size - 1, 8 * d.size}
    return np.array(sorted(found | {-x for x in found if low <= -x <= high}), d.np)


def pairs(d: DType, arity: int) -> list[Array]:
    """Every value with every other, three at a time for few; an odd number, so that some fill no vector."""
    values = edges(d)
    if arity == 3:
        rng = np.random.default_rng(0)
        return [rng.choice(values, 601) for _ in range(3)]
    grid = np.meshgrid(*[values] * arity)
    found = [g.reshape(-1) for g in grid]
    return [np.concatenate([g, g[:1], g[-2:]]) for g in found]


def kernel(name: str, prim: str, operands: tuple[DType, ...], result: DType, count: int) -> LoopFunc:
    ins = [e.Buffer(f"x{k}", d, count) for k, d in enumerate(operands)]
    out = e.Buffer("out", result, count)
    i = e.Var("i")
    value = e.prim(prim, *(e.Load(b, i) for b in ins), dtype=result if prim in ("cast", "bitcast") else None)
    loop = For(i, e.lit(0), e.lit(count), (Store(out, i, value),), "vector", unroll=2)
    return LoopFunc(name, (*ins, out), (), (loop,))


def check(cases: list[tuple[str, tuple[DType, ...], DType, list[Array]]]) -> None:
    """Compile all cases as one program, and compare."""
    kernels, arrays, wanted = [], [], []
    for k, (prim, operands, result, inputs) in enumerate(cases):
        kernels.append(kernel(f"k{k}", prim, operands, result, inputs[0].size))
        out = np.zeros(inputs[0].size, result.np)
        arrays += [*inputs, out]
        wanted.append((out, apply(prim, inputs, result), f"{prim} of {', '.join(d.name for d in operands)}"))
    assert run(program(*kernels), arrays) == (0, 0)
    for got, want, what in wanted:
        assert_same(got, np.asarray(want, got.dtype), what)


def primitives(d: DType) -> list[str]:
    own = {"f": FLOATING, "b": BOOLEAN}.get(d.kind, INTEGER)
    return [*own, *COMPARISON, *TESTS]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.short)
def test_primitives(dtype: DType) -> None:
    cases = []
    for name in primitives(dtype):
        arity = e.PRIMS[name]
        result = dt.bool_ if name in e.COMPARISON else dtype
        cases.append((name, (dtype,) * arity, result, pairs(dtype, arity)))
    values = pairs(dtype, 2)
    flags = np.arange(values[0].size) % 3 == 0
    cases.append(("select", (dt.bool_, dtype, dtype), dtype, [flags, *values]))
    check(cases)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.short)
def test_casts(dtype: DType) -> None:
    values = pairs(dtype, 1)
    check([("cast", (dtype,), to, values) for to in DTYPES])


@pytest.mark.parametrize("to", (dt.float16, dt.bfloat16), ids=lambda d: d.short)
@pytest.mark.parametrize("source", (dt.float32, dt.float64), ids=lambda d: d.short)
def test_rounding_to_halves(source: DType, to: DType) -> None:
    """Ties, neighbours of ties, and subnormals, over all exponents."""
    rng = np.random.default_rng(1)
    every = np.arange(1 << 16, dtype=np.uint16).view(to.np)
    exact = every[np.isfinite(every.astype(np.float32))].astype(source.np)
    with np.errstate(all="ignore"):
        middle = exact + np.abs(exact - np.nextafter(exact, np.inf).astype(to.np).astype(source.np)) / 2
        ties = (exact[:-1] + exact[1:]) / 2
        near = [np.nextafter(ties, source.np.type(s * np.inf)) for s in (1, -1)]
        values = np.concatenate([exact, middle, ties, *near, rng.standard_normal(1001).astype(source.np) * 1e-5])
    check([("cast", (source,), to, [values.astype(source.np)])])


def test_bits_stay_under_bitcast() -> None:
    cases = []
    for d in dt.REAL:
        raw = np.random.default_rng(2).integers(0, 256, 77 * d.size, np.uint8).view(d.np)
        cases += [("bitcast", (d,), to, [raw]) for to in dt.REAL if to.size == d.size and "f" not in (d.kind, to.kind)]
        cases += [("bitcast", (d,), to, [raw]) for to in dt.INTEGERS if to.size == d.size and d.kind == "f"]
    check(cases)


@pytest.mark.parametrize("dtype", dt.FLOATS, ids=lambda d: d.short)
def test_functions_are_the_same_in_vectors_and_one_by_one(dtype: DType) -> None:
    """And near the reference; how near they are is mathlib's own business."""
    kernels, arrays, results = [], [], []
    rng = np.random.default_rng(4)
    for name in sorted({*e.TRANSCENDENTAL, "pow"}):
        inputs = [rng.uniform(0.05, 0.95, 37).astype(dtype.np) + (name == "acosh") for _ in range(e.PRIMS[name])]
        wide = [x.astype(np.float64) for x in inputs]
        want = OPS[name].ref(*wide) if name in OPS else getattr(np, name)(*wide)
        outs = [np.zeros(37, dtype.np) for _ in range(2)]
        for kind, out in zip(("vector", "serial"), outs):
            k = kernel(f"{name}_{kind}", name, (dtype,) * len(inputs), dtype, 37)
            kernels.append(replace(k, body=(replace(k.body[0], kind=kind),)))
            arrays += [*inputs, out]
        results.append((name, outs, want))
    assert run(program(*kernels), arrays) == (0, 0)
    for name, (vectors, singles), want in results:
        assert_same(vectors, singles, name)
        near = {2: 2e-2, 4: 2e-6, 8: 1e-13}[dtype.size]
        np.testing.assert_allclose(vectors.astype(np.float64), want, rtol=near, atol=near, err_msg=name)
