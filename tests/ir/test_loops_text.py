"""The text of kernels: complete, canonical, linear."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.loops.expr import Buffer, Expr, Lit, Load, Var, bitcast, cast, iadd, imul, isub, lit, prim, select, size
from graphtf.ir.loops.stmt import (
    Alloc,
    Carry,
    Check,
    Copy,
    For,
    If,
    Invoke,
    Let,
    LoopFunc,
    Module,
    Prefetch,
    Site,
    Stmt,
    Store,
    While,
)
from graphtf.ir.loops.text import literal_text, print_func, print_module

n = sym("n")
F, B = dt.float32, dt.bool_


def f32(x: float) -> Lit:
    return Lit(x, F)


def kernel(**changes: Any) -> LoopFunc:
    """A kernel with every kind of statement. `changes` replace its parts, or are names of what to vary."""
    get: Callable[..., Any] = changes.get
    source, target = Buffer("in0", F, n), Buffer("out0", get("dtype", F), get("size", n))
    temp = Buffer("part0", F, 4)
    local = Buffer(get("local", "row"), F, 8, get("space", "stack"))
    i, j, acc, x = (Var(get(k, k)) for k in ("i", "j", "acc", "x"))
    acc, x = Var(acc.name, F), Var(x.name, F)
    element = Load(source, i)
    square = prim("mul", element, prim("add", element, f32(get("literal", 1.5))))
    sum_loop = For(
        i, lit(get("start", 0)), size(n), (Store(local, i, square),), get("kind", "vector"), step=lit(get("step", 1)),
        carries=(Carry(acc, f32(0), square, get("combine", "add")),), lanes=get("lanes", 8), unroll=get("unroll", 2),
    )  # fmt: skip
    limit = prim("lt", acc, f32(9))
    body: list[Stmt] = [
        Alloc(local), sum_loop, Let(x, cast(acc, F)), Check(limit, get("site", 3), lit(get("noted", 7))),
        If(limit, (Store(target, lit(0), cast(x, target.dtype)),), (Copy(temp, lit(0), None, None, lit(4)),)),
        Copy(temp, lit(1), source, isub(size(n), 1), lit(1)), Prefetch(source, lit(9), get("near", False)),
        While(
            prim(get("test", "lt"), j, size(n)), (Store(temp, lit(2), f32(2)),), (Store(temp, lit(3), f32(3)),),
            (Carry(j, lit(0), iadd(j, 1)),),
        ),
    ]  # fmt: skip
    sites = (Site("gather", "index {value}", get("line", "a.py:1")),)
    return LoopFunc(get("name", "k"), (source, target), ("n",), tuple(body), (temp,), get("doc", "mul add"), sites)


def test_a_kernel_as_it_is_shown() -> None:
    assert print_func(kernel()).splitlines() == [
        "kernel @k(%in0: f32[n], %out0: f32[n]) temps(%part0: f32[4]) sizes(n) {",
        "  alloc %stack0: f32[8] stack",
        "  vector i0 in 0 .. [n] lanes 8 unroll 2 carry(c0: f32 = 0.0:f32) {",
        "    t0 := %in0[i0]",
        "    t1 := t0 * (t0 + 1.5:f32)",
        "    %stack0[i0] = t1",
        "    next c0 = add c0, t1",
        "  }",
        "  let x0: f32 = c0",
        "  t2 := c0 < 9.0:f32",
        "  check t2, 7, site 3",
        "  if t2 {",
        "    %out0[0] = x0",
        "  } else {",
        "    clear %part0[0], 4",
        "  }",
        "  copy %part0[1], %in0[[n - 1]], 1",
        "  prefetch %in0[9]",
        "  loop carry(c1: i64 = 0) {",
        "    %part0[3] = 3.0:f32",
        "    while c1 < [n]",
        "    %part0[2] = 2.0:f32",
        "    next c1 = c1 + 1",
        "  }",
        "}",
        "; gather: index {value}  (a.py:1)",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": dt.float64}, {"size": 5}, {"space": "register"}, {"literal": 1.25}, {"literal": float("nan")},
        {"literal": -1.5}, {"start": 1}, {"kind": "serial"}, {"step": 2}, {"combine": "max"}, {"combine": None},
        {"lanes": 4}, {"unroll": 1}, {"site": 4}, {"noted": 8}, {"test": "le"}, {"name": "other"}, {"line": "a.py:2"},
        {"near": True},
    ],
)  # fmt: skip
def test_whatever_decides_the_code_shows(changes: Any) -> None:
    assert print_func(kernel(**changes)) != print_func(kernel())


@pytest.mark.parametrize(
    "changes", [{"i": "row", "j": "k", "acc": "total", "x": "s"}, {"local": "kept"}, {"doc": "else"}]
)
def test_names_of_variables_do_not_show(changes: Any) -> None:
    assert print_func(kernel(**changes)) == print_func(kernel())


def test_sharing_shows() -> None:
    a, b = Buffer("in0", F, 4), Buffer("out0", F, 4)

    def func(value: Expr) -> str:
        return print_func(LoopFunc("k", (a, b), (), (Store(b, lit(0), value),)))

    one = Load(a, lit(0))
    assert func(prim("add", one, one)) != func(prim("add", one, Load(a, lit(0))))


def test_a_name_stands_for_the_same_expression_in_later_blocks() -> None:
    a, b = Buffer("in0", F, 4), Buffer("out0", F, 4)
    x = prim("exp", Load(a, lit(0)))
    then, orelse = (If(Lit(True, B), (Store(b, lit(k), x),)) for k in range(2))
    lines = print_func(LoopFunc("k", (a, b), (), (then, orelse))).splitlines()
    found = [line.strip() for line in lines if re.search(r"\bt0\b", line)]
    assert found == ["t0 := exp(%in0[0])", "%out0[0] = t0", "%out0[1] = t0"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x, y: prim("sub", x, prim("sub", y, x)), "p - (q - p)"),
        (lambda x, y: prim("sub", prim("sub", x, y), x), "p - q - p"),
        (lambda x, y: prim("mul", prim("add", x, y), x), "(p + q) * p"),
        (lambda x, y: prim("add", prim("mul", x, y), x), "p * q + p"),
        (lambda x, y: prim("div", x, prim("mul", y, x)), "p / (q * p)"),
        (lambda x, y: prim("lt", prim("add", x, y), x), "p + q < p"),
        (lambda x, y: prim("and", prim("lt", x, y), prim("not", prim("eq", x, y))), "p < q and not(p == q)"),
        (lambda x, y: select(prim("gt", x, y), x, y), "select(p > q, p, q)"),
        (lambda x, y: prim("max", prim("neg", x), y), "max(neg(p), q)"),
        (lambda x, y: cast(prim("add", x, y), dt.int32), "cast<i32>(p + q)"),
        (lambda x, y: bitcast(x, dt.uint32), "bitcast<u32>(p)"),
        (lambda x, y: prim("fma", x, y, x), "fma(p, q, p)"),
    ],
)
def test_brackets_only_where_they_decide(make: Any, text: str) -> None:
    p, q = Var("p", F), Var("q", F)
    e = make(p, q)
    body = (Let(p, f32(0)), Let(q, f32(0)), Let(Var("r", e.dtype), e))
    last = print_func(LoopFunc("k", (), (), body)).splitlines()[-2]
    assert last.split(" = ", 1)[1] == re.sub(r"\bq\b", "x1", re.sub(r"\bp\b", "x0", text))


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (3, dt.int64, "3"), (3, dt.int32, "3:i32"), (np.uint8(3), dt.uint8, "3:u8"), (True, B, "true"), (0, B, "false"),
        (0.1, F, "0.1:f32"), (-0.0, F, "-0.0:f32"), (1, F, "1.0:f32"), (np.inf, dt.float64, "inf:f64"),
        (float("nan"), F, "0x7fc00000:f32"), (np.float32(-np.nan), F, "0xffc00000:f32"), (1.5, dt.bfloat16, "1.5:bf16"),
    ],
)  # fmt: skip
def test_literals(value: Any, dtype: dt.DType, text: str) -> None:
    assert literal_text(value, dtype) == text


def test_parameters_of_one_name_are_told_apart() -> None:
    a, b = Buffer("x", F, 1), Buffer("x", F, 2)
    text = print_func(LoopFunc("k", (a, b), (), (Store(a, lit(0), Load(b, lit(1))),)))
    assert text.splitlines()[:2] == ["kernel @k(%x: f32[1], %x.0: f32[2]) {", "  %x[0] = %x.0[1]"]


def test_modules_say_what_kernels_compute() -> None:
    f = replace(kernel(), sites=())
    main = LoopFunc("main", f.params, ("n",), (Invoke("k", f.params),))
    text = print_module(Module("program", (f,), main))
    assert text == str(Module("program", (f,), main))
    assert text.startswith("; mul add\nkernel @k(") and text.endswith("  invoke @k(%in0, %out0)\n}")


@pytest.mark.parametrize("step", [lambda e: prim("add", e, e), lambda e: prim("neg", e)], ids=["shared", "deep"])
def test_text_is_linear_in_the_expression(step: Callable[[Expr], Expr]) -> None:
    def length(count: int) -> int:
        a, e = Buffer("in0", F, 1), Load(Buffer("in0", F, 1), lit(0))
        x: Expr = e
        for _ in range(count):
            x = step(x)
        return len(print_func(LoopFunc("k", (a, e.buffer), (), (Store(a, lit(0), x),))))

    assert length(40_000) < 2.5 * length(20_000)


def test_index_arithmetic_is_folded_before_it_is_shown() -> None:
    a, i = Buffer("in0", F, n * 4), Var("i")
    body = For(i, lit(0), size(n), (Store(a, iadd(imul(i, 4), iadd(lit(1), 2)), f32(0)),))
    assert "%in0[i0 * 4 + 3] = 0.0:f32" in print_func(LoopFunc("k", (a,), ("n",), (body,)))
