"""Symbolic sizes: arithmetic, canonical form, bounds, guards."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphtf.ir import dims as d
from graphtf.ir.dims import (
    SymDim,
    at_most,
    ceildiv,
    collecting_guards,
    evaluate,
    extent,
    floordiv,
    lower_bound,
    maximum,
    minimum,
    nonnegative,
    product,
    same,
    substitute,
    sym,
    symbols,
)

from .graphs import sizes

n, m = sym("n"), sym("m")
ENVIRONMENTS = st.fixed_dictionaries({k: st.integers(0, 40) for k in ("n", "m", "batch.size", "_0")})
COMPUTE = settings(max_examples=300, deadline=None)


# ---- arithmetic is that of the numbers -------------------------------------------------------------------------------


@COMPUTE
@given(sizes(), sizes(), ENVIRONMENTS)
def test_operations_are_those_of_numbers(a: Any, b: Any, env: dict[str, int]) -> None:
    x, y = evaluate(a, env), evaluate(b, env)
    assert evaluate(a + b, env) == x + y and evaluate(a - b, env) == x - y and evaluate(a * b, env) == x * y
    assert evaluate(maximum(a, b), env) == max(x, y) and evaluate(minimum(a, b), env) == min(x, y)
    assert evaluate(-a, env) == -x
    if y > 0 and not (isinstance(b, int) and b <= 0):
        quotient = floordiv(a, b)
        assert evaluate(quotient, env) == x // y
        assert evaluate(a % b, env) == x % y


@COMPUTE
@given(sizes(), st.integers(1, 9), ENVIRONMENTS)
def test_division_rounds_as_it_says(a: Any, k: int, env: dict[str, int]) -> None:
    assert evaluate(floordiv(a, k), env) == evaluate(a, env) // k
    assert evaluate(ceildiv(a, k), env) == -(-evaluate(a, env) // k)


@COMPUTE
@example(floordiv(n - m, 2) * n, {"n": 9, "m": 40, "batch.size": 0, "_0": 0})
@given(sizes(), ENVIRONMENTS)
def test_bounds_hold(a: Any, env: dict[str, int]) -> None:
    assert lower_bound(a) <= evaluate(a, env)


@COMPUTE
@given(sizes(), sizes(), ENVIRONMENTS)
def test_comparisons_hold(a: Any, b: Any, env: dict[str, int]) -> None:
    if at_most(a, b):
        assert evaluate(a, env) <= evaluate(b, env)


@COMPUTE
@given(sizes(), ENVIRONMENTS, st.integers(0, 5))
def test_substitution_then_evaluation_is_evaluation(a: Any, env: dict[str, int], k: int) -> None:
    assert evaluate(substitute(a, {"n": m + k}), env) == evaluate(a, {**env, "n": env["m"] + k})
    assert substitute(a, env) == evaluate(a, env)
    assert set(symbols(a)) <= set(env)


# ---- canonical form --------------------------------------------------------------------------------------------------


@COMPUTE
@given(sizes(), sizes(), sizes())
def test_equal_expressions_are_one(a: Any, b: Any, c: Any) -> None:
    pairs = [(a + b, b + a), (a * b, b * a), ((a + b) + c, a + (b + c)), (a * (b + c), a * b + a * c), (a - a, 0)]
    for x, y in pairs:
        assert x == y and hash(x) == hash(y) and str(x) == str(y)


@COMPUTE
@given(sizes(), sizes())
def test_equal_expressions_are_the_same_object(a: Any, b: Any) -> None:
    x = a + b
    if isinstance(x, SymDim):
        assert b + a is x is copy.deepcopy(x) is SymDim(x.terms)


def test_what_a_recursion_over_halves_makes_stays_as_long_as_it_is_deep() -> None:
    flat, deep = n, n
    for _ in range(60):
        flat, deep = floordiv(flat - 1, 2), floordiv(maximum(3 * deep - 1, 0), 2)
    assert flat.weight == 6 and str(flat) == f"(n - {2**60 - 1})//{2**60}"
    assert deep.weight < 60 * 12 and len(str(deep)) < 60 * 30
    assert evaluate(deep, {"n": 2}) == evaluate(substitute(deep, {"n": m + 1}), {"m": 1}) > 0


def test_proofs_take_what_is_given() -> None:
    size = n - 3
    start = minimum(size, 2)
    assert not nonnegative(start) and nonnegative(start, given=size) and at_most(start, size, given=size)
    assert not nonnegative(size - 3, given=size) and not at_most(size, start, given=size)


@COMPUTE
@given(sizes(), sizes(), ENVIRONMENTS)
def test_proofs_hold(a: Any, b: Any, env: dict[str, int]) -> None:
    if nonnegative(a, given=b) and evaluate(b, env) >= 0:
        assert evaluate(a, env) >= 0


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (n, "n"), (2 * n + 1, "2*n + 1"), (n - 1, "n - 1"), (1 - n, "-n + 1"), (n * m - n, "m*n - n"),
        (floordiv(n + 1, 2), "(n + 1)//2"), (2 * floordiv(n, 2), "2*(n//2)"), (n * floordiv(n, 2), "n*(n//2)"),
        (floordiv(n, 2) * sym("z"), "n//2*z"), (maximum(n - 3, 0), "max(0, n - 3)"), (minimum(n, m), "min(m, n)"),
        (-floordiv(n, 2), "-n//2"), (floordiv(-3, n), "(-3)//n"), (floordiv(n, m), "n//m"),
    ],
)  # fmt: skip
def test_text(x: Any, text: str) -> None:
    assert str(x) == text == repr(x)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (floordiv(4 * n + 2, 2), 2 * n + 1), (floordiv(n * m, n), m), (floordiv(n * m, m * n), 1), (floordiv(n, 1), n),
        (floordiv(n + m, n + m), 1), (floordiv(2 * n + 5, 2), n + 2), (floordiv(7, 2), 3), (floordiv(n - n, 5), 0),
        (maximum(n, 0), n), (maximum(n + 1, n), n + 1), (minimum(n, n + m), n), (minimum(n - 1, n), n - 1),
        (floordiv(floordiv(n, 2), 3), floordiv(n, 6)), (floordiv(floordiv(n + 1, 2) - 1, 3), floordiv(n - 1, 6)),
        (floordiv(m + floordiv(n, 2) + 4, 2), floordiv(2 * m + n, 4) + 2), (maximum(minimum(1, n), n), n),
        (minimum(maximum(m, n), n), n), (product([2, n, 3]), 6 * n), (product([]), 1),
        (n - n + 3, 3), (0 * n, 0), (ceildiv(2 * n, 2), n),
    ],
)  # fmt: skip
def test_what_can_be_decided_is(x: Any, expected: Any) -> None:
    assert x == expected and type(x) is type(expected)


def test_symbols_are_told_from_expressions() -> None:
    assert n.is_symbol and not any(isinstance(x, SymDim) and x.is_symbol for x in (2 * n, n + 1, n * m, maximum(n, m)))
    assert list(symbols(n * m + floordiv(sym("k"), 2))) in ([*"mnk"], [*"nmk"], [*"kmn"])
    assert extent(3) == (1, 0, 3) and extent(0) == (0, 0, 0) and extent(4 * n * m - 9 * n) == (2, 2, 9)


def test_sizes_cannot_decide_a_branch_or_be_a_number() -> None:
    with pytest.raises(TypeError, match="the size n is known only at run time and cannot decide a branch"):
        bool(n)
    with pytest.raises(TypeError, match=r"the size n \+ 1 is known only at run time; use tf.shape"):
        int(n + 1)
    with pytest.raises(TypeError):
        [1, 2, 3][n]
    with pytest.raises(TypeError):
        n + 1.5  # type: ignore[operator]
    with pytest.raises(ValueError, match="a size cannot be divided by 0"):
        floordiv(n, 0)
    with pytest.raises(KeyError):
        evaluate(n + m, {"n": 1})


def test_numpy_integers_are_no_reason_for_another_form() -> None:
    import numpy as np

    assert evaluate(n * 3, {"n": np.int64(2)}) == 6


# ---- guards ----------------------------------------------------------------------------------------------------------


def test_sizes_are_assumed_equal_only_where_guards_are_collected() -> None:
    assert same(n, n) and same(3, 3) and not same(3, 4) and not same(n, m)
    found: list[Any] = []
    with collecting_guards(found):
        assert same(n, m) and same(m, n) and same(n, 4) and not same(n, n + 1) and not same(3, 4) and same(n * m, m * n)
    assert found == [(n, m), (n, 4)]
    assert not same(n, m)


def test_guards_are_collected_innermost() -> None:
    outer: list[Any] = []
    inner: list[Any] = []
    with collecting_guards(outer):
        with collecting_guards(inner):
            same(n, 2)
        same(m, 3)
    assert (outer, inner) == ([(m, 3)], [(n, 2)])
    with pytest.raises(ZeroDivisionError), collecting_guards(inner):
        1 / 0  # noqa: B018
    assert d._guards.collector is None
