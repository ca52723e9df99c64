"""Sorting and running totals: ties, NaN, exclusive and reversed totals, gradients at zeros and infinities."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.builder import build
from graphtf.ir.dims import minimum, sym
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops import OPS
from graphtf.ir.types import tensor

from .tape import Box, Tape

INF, NAN = np.inf, np.nan
SORT, ARGSORT, TOP_K, CUMULATE = OPS["sort"], OPS["argsort"], OPS["top_k"], OPS["cumulate"]
KINDS = pytest.mark.parametrize("dtype", (*dt.REAL, dt.bool_), ids=lambda d: d.short)


# ---- order -----------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("descending", [False, True])
def test_equal_elements_keep_their_order(dtype: dt.DType, descending: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2 if dtype.is_bool else 4, (3, 50)).astype(dtype.np)
    order = ARGSORT.ref(x, axis=1, descending=descending, stable=False)
    for row, found in zip(x.astype(np.float64), order):
        expected = sorted(range(50), key=lambda k: (-row[k] if descending else row[k], k))
        assert found.tolist() == expected
    np.testing.assert_array_equal(SORT.ref(x, axis=1, descending=descending), np.take_along_axis(x, order, 1))


@pytest.mark.parametrize("dtype", dt.FLOATS, ids=lambda d: d.short)
def test_nan_comes_last_either_way(dtype: dt.DType) -> None:
    x = np.array([2, NAN, -1, INF, NAN, -INF]).astype(dtype.np)
    assert ARGSORT.ref(x, axis=0, descending=False, stable=True).tolist() == [5, 2, 0, 3, 1, 4]
    assert ARGSORT.ref(x, axis=0, descending=True, stable=True).tolist() == [3, 0, 2, 5, 1, 4]
    assert TOP_K.ref(x, k=5, sorted=True)[1].tolist() == [3, 0, 2, 5, 1]


@pytest.mark.parametrize(
    ("dtype", "x"), [(dt.int8, [-128, 127, 0]), (dt.uint8, [0, 255, 1]), (dt.int64, [-(2**63), 0])]
)
def test_the_least_integer_sorts_as_the_least(dtype: dt.DType, x: list[int]) -> None:
    a = np.array(x, dtype.np)
    assert SORT.ref(a, axis=0, descending=True).tolist() == sorted(x, reverse=True)
    assert SORT.ref(a, axis=0, descending=False).tolist() == sorted(x)


def test_top_k_takes_the_first_of_equals() -> None:
    values, indices = TOP_K.ref(np.array([1.0, 1, 2, 2, 2]), k=3, sorted=True)
    assert values.tolist() == [2, 2, 2] and indices.tolist() == [2, 3, 4] and indices.dtype == np.int32


def test_top_k_of_too_few_is_refused_when_the_size_is_known() -> None:
    n = sym("n")
    g = build([tensor("float32", n)], lambda x: TOP_K(x, k=3, sorted=True))
    assert g.guards in (((minimum(3, n), 3),), ((3, minimum(3, n)),))
    assert TOP_K.infer(tensor("float32", n), k=n, sorted=True)[0] == tensor("float32", n)
    with pytest.raises(InvalidArgumentError, match=r"at least k columns\. Had 2, needed 3"):
        TOP_K.ref(np.zeros(2), k=3, sorted=True)


# ---- running totals --------------------------------------------------------------------------------------------------

APPLY: dict[str, Any] = {
    "add": operator.add, "mul": operator.mul, "max": max, "min": min, "logaddexp": np.logaddexp,
}  # fmt: skip
IDENTITY = {"add": 0.0, "mul": 1.0, "max": -INF, "min": INF, "logaddexp": -INF}


@pytest.mark.parametrize("combine", APPLY)
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_totals_are_what_they_say(combine: str, exclusive: bool, reverse: bool) -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    got = CUMULATE.ref(x, axis=1, combine=combine, exclusive=exclusive, reverse=reverse)
    for at in np.ndindex(2, 5, 3):
        line = x[at[0], :, at[2]]
        seen = line[at[1] + exclusive :][::-1] if reverse else line[: at[1] + 1 - exclusive]
        expected = functools.reduce(APPLY[combine], seen, IDENTITY[combine])
        np.testing.assert_allclose(got[at], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16], ids=lambda d: d.short)
def test_narrow_floats_accumulate_in_single_precision(dtype: dt.DType) -> None:
    x = np.full(4096, 1.0078125, dtype.np)
    total = CUMULATE.ref(x, axis=0, combine="add", exclusive=False, reverse=False)[-1]
    assert total == np.array(4128, np.float32).astype(dtype.np)


def test_integers_wrap_around_and_start_at_their_least() -> None:
    x = np.array([100, 100, -5], np.int8)
    run = {"axis": 0, "reverse": False}
    assert CUMULATE.ref(x, combine="add", exclusive=False, **run).tolist() == [100, -56, -61]
    assert CUMULATE.ref(x, combine="max", exclusive=True, **run).tolist() == [-128, 100, 100]
    assert CUMULATE.ref(x, combine="min", exclusive=True, **run).tolist() == [127, 100, 100]


def test_logarithms_of_nothing() -> None:
    run = {"axis": 0, "combine": "logaddexp", "reverse": False}
    assert CUMULATE.ref(np.array([-INF, -INF, 0.0]), exclusive=False, **run).tolist() == [-INF, -INF, 0]
    assert CUMULATE.ref(np.array([1.0]), exclusive=True, **run).tolist() == [-INF]
    assert CUMULATE.ref(np.array([INF, 1.0]), exclusive=False, **run).tolist() == [INF, INF]


def gradient(x: Any, weights: Any, **attrs: Any) -> Any:
    tape, box = Tape(), Box(np.array(x, float))
    (out,) = tape.apply(CUMULATE, [box], attrs)
    (g,) = tape.gradient([out], [Box(np.array(weights, float))], [box])
    assert g is not None
    return g.array


def test_products_have_gradients_at_zeros() -> None:
    run = {"axis": 0, "combine": "mul", "reverse": False}
    assert gradient([0, 2, 3], [1, 1, 1], exclusive=False, **run).tolist() == [9, 0, 0]
    assert gradient([2, 0, 0, 5], [1, 1, 1, 1], exclusive=False, **run).tolist() == [1, 2, 0, 0]
    assert gradient([2, 0, 3], [1, 1, 1], exclusive=True, **run).tolist() == [1, 2, 0]


@pytest.mark.parametrize("combine", ["max", "min", "logaddexp", "mul"])
@pytest.mark.parametrize("reverse", [False, True])
def test_an_exclusive_gradient_is_that_of_the_elements_before(combine: str, reverse: bool) -> None:
    rng = np.random.default_rng(4)
    x, weights = rng.normal(size=6), rng.normal(size=6)
    run = {"axis": 0, "combine": combine, "reverse": reverse}
    cut = slice(1, None) if reverse else slice(None, -1)
    shifted = weights[:-1] if reverse else weights[1:]
    expected = np.zeros(6)
    expected[cut] = gradient(x[cut], shifted, exclusive=False, **run)
    np.testing.assert_allclose(gradient(x, weights, exclusive=True, **run), expected, rtol=1e-12, atol=1e-12)


def test_only_records_have_a_gradient() -> None:
    run = {"axis": 0, "exclusive": False, "reverse": False}
    assert gradient([1, 3, 2, 3, 5], [1, 1, 1, 1, 1], combine="max", **run).tolist() == [1, 3, 0, 0, 1]
    assert gradient([1, 3, 2, 0, 0], [1, 1, 1, 1, 1], combine="min", **run).tolist() == [3, 0, 0, 2, 0]


def test_gradients_of_logarithms_stay_finite() -> None:
    run = {"axis": 0, "combine": "logaddexp", "exclusive": False, "reverse": False}
    found = gradient([1000.0, 0.0, 1000.0], [1, 1, 1], **run)
    np.testing.assert_allclose(found, [2.5, 0, 0.5], atol=1e-12)
    assert gradient([-INF, 0.0], [0, 1], **run).tolist() == [0, 1]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_recurrence_is_what_it_says(reverse: bool) -> None:
    a, b = np.random.default_rng(5).normal(size=(2, 3, 4))
    got = OPS["recurrence"].ref(a, b, axis=1, reverse=reverse)
    y = np.zeros(3)
    for k in range(4)[:: -1 if reverse else 1]:
        y = a[:, k] * y + b[:, k]
        np.testing.assert_array_equal(got[:, k], y)
