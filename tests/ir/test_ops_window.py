"""Convolutions and windows against the plainest loops, and at the edges: nothing to slide over, NaN, ties, types."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import floordiv, sym
from graphtf.ir.errors import Violation
from graphtf.ir.ops import OPS
from graphtf.ir.ops.window import counts
from graphtf.ir.types import TensorType, tensor

from .tape import Box, Tape

CONV, BY_INPUT, BY_FILTER = OPS["conv"], OPS["conv_grad_input"], OPS["conv_grad_filter"]
SUM, MAX, MAX_GRAD = OPS["window_sum"], OPS["window_max"], OPS["max_pool_grad"]


# ---- convolution -----------------------------------------------------------------------------------------------------


def plain_conv(x: Any, w: Any, strides: Any, padding: Any, dilations: Any, groups: int) -> Any:
    """Each product by itself."""
    window, spatial = w.shape[:-2], x.ndim - 2
    found = counts(x.shape[1:-1], window, strides, padding, dilations)
    out = np.zeros((x.shape[0], *found, w.shape[-1]), np.float64)
    per = w.shape[-1] // groups
    for b, o in itertools.product(range(x.shape[0]), range(w.shape[-1])):
        for at, k in itertools.product(np.ndindex(*found), np.ndindex(*window)):
            place = tuple(at[i] * strides[i] + k[i] * dilations[i] - padding[i][0] for i in range(spatial))
            if all(0 <= p < d for p, d in zip(place, x.shape[1:-1])):
                first = (o // per) * w.shape[-2]
                out[(b, *at, o)] += x[(b, *place)][first : first + w.shape[-2]] @ w[(*k, slice(None), o)]
    return out


def random_conv(seed: int) -> tuple[Any, Any, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    spatial = int(rng.integers(1, 4 if seed % 4 == 0 else 3))
    window = tuple(rng.integers(1, 4, spatial).tolist())
    dilations = tuple(rng.integers(1, 3, spatial).tolist())
    strides = tuple(rng.integers(1, 4, spatial).tolist())
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (spatial, 2)))
    sizes = tuple(
        max(1, (k - 1) * d + int(rng.integers(1, 5)) - a - b) for k, d, (a, b) in zip(window, dilations, padding)
    )
    groups, per, filters = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(1, 3))
    x = rng.normal(size=(int(rng.integers(1, 3)), *sizes, groups * per))
    w = rng.normal(size=(*window, per, filters * groups))
    return x, w, {"strides": strides, "padding": padding, "dilations": dilations, "groups": groups}


@pytest.mark.parametrize("seed", range(24))
def test_conv_is_what_it_says(seed: int) -> None:
    x, w, attrs = random_conv(seed)
    np.testing.assert_allclose(CONV.ref(x, w, **attrs), plain_conv(x, w, **attrs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(24))
def test_the_three_sides_are_one_form(seed: int) -> None:
    """⟨conv(x, w), c⟩ = ⟨x, by_input(c, w)⟩ = ⟨w, by_filter(x, c)⟩, up to rounding."""
    x, w, attrs = random_conv(seed)
    y = CONV.ref(x, w, **attrs)
    c = np.random.default_rng(seed + 1).normal(size=y.shape)
    by_input = BY_INPUT.ref(c, w, input_shape=x.shape, **attrs)
    by_filter = BY_FILTER.ref(x, c, filter_shape=w.shape, **attrs)
    assert by_input.shape == x.shape and by_filter.shape == w.shape
    np.testing.assert_allclose([np.sum(x * by_input), np.sum(w * by_filter)], np.sum(y * c), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16], ids=lambda d: d.short)
def test_narrow_floats_accumulate_in_single_precision(dtype: dt.DType) -> None:
    x, w = np.full((1, 1, 4096), 1.0078125, dtype.np), np.ones((1, 4096, 1), dtype.np)
    attrs = {"strides": (1,), "padding": ((0, 0),), "dilations": (1,), "groups": 1}
    assert CONV.ref(x, w, **attrs)[0, 0, 0] == np.array(4128, np.float32).astype(dtype.np)
    rows = np.full((1, 4096, 1), 1.0078125, dtype.np)
    assert BY_FILTER.ref(rows, np.ones_like(rows), filter_shape=(1, 1, 1), **attrs) == np.float32(4128).astype(dtype.np)


def test_integers_wrap_around() -> None:
    attrs = {"strides": (1,), "padding": ((0, 0),), "dilations": (1,), "groups": 1}
    x, w = np.full((1, 2, 1), 100, np.int8), np.full((2, 1, 1), 2, np.int8)
    assert CONV.ref(x, w, **attrs).tolist() == [[[-112]]]


def test_types_of_convolutions() -> None:
    n, h = sym("n"), sym("h")
    attrs = {"strides": (2, 1), "padding": ((1, 0), (0, 0)), "dilations": (1, 2), "groups": 2}
    x, w = tensor("float32", n, h, 9, 4), tensor("float32", 3, 3, 2, 6)
    out = tensor("float32", n, floordiv(h - 2, 2) + 1, 5, 6)
    assert CONV.infer(x, w, **attrs) == out
    assert BY_INPUT.infer(out, w, input_shape=x.shape, **attrs) == x
    assert BY_FILTER.infer(x, out, filter_shape=w.shape, **attrs) == w
    assert CONV.infer(TensorType(dt.float32, None), w, **attrs) == TensorType(dt.float32, None)


def test_a_window_may_fit_no_times_but_not_fewer() -> None:
    attrs = {"strides": (1,), "padding": ((0, 0),), "dilations": (1,), "groups": 1}
    w = tensor("float32", 3, 1, 1)
    assert CONV.infer(tensor("float32", 1, 2, 1), w, **attrs) == tensor("float32", 1, 0, 1)
    with pytest.raises(Violation, match=r"a window of 3 is too large for 1 elements \(axis 0\)"):
        CONV.infer(tensor("float32", 1, 1, 1), w, **attrs)


# ---- sums and maxima -------------------------------------------------------------------------------------------------


def random_windows(seed: int) -> tuple[Any, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    window, strides, dilations = (tuple(rng.integers(1, k, rank).tolist()) for k in (4, 3, 3))
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (rank, 2)))
    sizes = tuple(
        max(1, (k - 1) * d + int(rng.integers(1, 5)) - a - b) for k, d, (a, b) in zip(window, dilations, padding)
    )
    x = rng.permutation(int(np.prod(sizes))).reshape(sizes).astype(np.float64)
    return x, {"window": window, "strides": strides, "padding": padding, "dilations": dilations}


def elements(x: Any, at: Any, window: Any, strides: Any, padding: Any, dilations: Any) -> list[tuple[Any, Any]]:
    """The places and values that window `at` covers, in order."""
    found = []
    for k in np.ndindex(*window):
        place = tuple(i * s + j * d - a for i, s, j, d, (a, _) in zip(at, strides, k, dilations, padding))
        if all(0 <= p < n for p, n in zip(place, x.shape)):
            found.append((place, x[place]))
    return found


@pytest.mark.parametrize("seed", range(24))
def test_windows_are_what_they_say(seed: int) -> None:
    x, attrs = random_windows(seed)
    sums, tops = SUM.ref(x, **attrs), MAX.ref(x, **attrs)
    values = np.random.default_rng(seed).normal(size=tops.shape)
    handed = np.zeros(x.shape)
    for at in np.ndindex(sums.shape):
        inside = elements(x, at, **attrs)
        assert sums[at] == sum(v for _, v in inside)
        assert tops[at] == max((v for _, v in inside), default=-np.inf)
        if inside:
            handed[max(inside, key=lambda e: e[1])[0]] += values[at]
    np.testing.assert_allclose(MAX_GRAD.ref(x, tops, values, **attrs), handed, rtol=1e-12, atol=1e-12)


def test_the_first_of_equal_maxima_has_the_gradient() -> None:
    attrs = {"window": (3,), "strides": (3,), "padding": ((0, 0),)}
    x = np.array([2.0, 2, 1, 5, 7, 7])
    y = MAX.ref(x, **attrs)
    assert MAX_GRAD.ref(x, y, np.array([1.0, 2]), **attrs).tolist() == [1, 0, 0, 0, 2, 0]
    assert OPS["max_pool_pick"].ref(x, y, np.arange(6.0), **attrs).tolist() == [0, 4]


def test_nan_comes_through_maxima_and_takes_no_gradient() -> None:
    attrs = {"window": (2,), "strides": (2,), "padding": ((0, 0),)}
    x = np.array([1, np.nan, 3, 2])
    y = MAX.ref(x, **attrs)
    assert np.isnan(y[0]) and y[1] == 3
    assert MAX_GRAD.ref(x, y, np.ones(2), **attrs).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("dtype", "lowest"), [(dt.float32, -np.inf), (dt.int32, -(2**31)), (dt.uint8, 0), (dt.bfloat16, -np.inf)]
)
def test_a_window_over_nothing_gives_the_identity(dtype: dt.DType, lowest: float) -> None:
    attrs = {"window": (1,), "strides": (1,), "padding": ((1, 1),)}
    x = np.array([3], dtype.np)
    assert MAX.ref(x, **attrs).tolist() == [lowest, 3, lowest]
    assert SUM.ref(x, **attrs).tolist() == [0, 3, 0]


def test_gradients_of_max_pools_reach_the_second_order() -> None:
    attrs = {"window": (2,), "strides": (2,), "padding": ((0, 0),)}
    tape, x, c = Tape(), Box(np.array([1.0, 3, 5, 4])), Box(np.array([2.0, 7]))
    (y,) = tape.apply(MAX, [x], attrs)
    (g,) = tape.gradient([y], [c], [x])
    assert g is not None and g.array.tolist() == [0, 2, 7, 0]
    by_x, by_c = tape.gradient([g], [Box(np.array([1.0, 10, 100, 1000]))], [x, c])
    assert by_x is not None and not by_x.array.any()
    assert by_c is not None and by_c.array.tolist() == [10, 100]


def test_types_of_windows() -> None:
    n = sym("n")
    attrs = {"window": (1, 2), "strides": (1, 2), "padding": ((0, 0), (0, 1))}
    x = tensor("float32", n, n)
    y = tensor("float32", n, floordiv(n - 1, 2) + 1)
    assert MAX.infer(x, **attrs) == SUM.infer(x, **attrs) == y
    assert OPS["window_sum_grad"].infer(y, shape=x.shape, **attrs) == x
    assert MAX_GRAD.infer(x, y, y, **attrs) == x and OPS["max_pool_pick"].infer(x, y, x, **attrs) == y
    unknown = TensorType(dt.float32, None)
    assert MAX.infer(unknown, **attrs) == unknown


def test_products_of_a_broadcast_infinity_are_made_one_by_one() -> None:
    """inf·0 is NaN, also where one number in memory stands for all filters (np.einsum would sum the factors first)."""
    ct, w = np.array([[[[3.0, 0.0]]]], np.float32), np.broadcast_to(np.float32(np.inf), (1, 1, 1, 2))
    attrs = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilations": (1, 1), "groups": 1}
    assert np.isnan(BY_INPUT.ref(ct, w, input_shape=(1, 1, 1, 1), **attrs)).all()
