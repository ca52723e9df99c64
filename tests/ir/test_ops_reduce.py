"""Reductions of nothing, of NaN, of narrow types, and what their gradients do with ties and zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops import OPS

from .tape import Box, Tape

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("reduce_sum", dt.float32, 0), ("reduce_prod", dt.int32, 1), ("reduce_max", dt.float32, -INF),
        ("reduce_min", dt.float64, INF), ("reduce_max", dt.bfloat16, -INF), ("reduce_max", dt.int32, -(2**31)),
        ("reduce_min", dt.int8, 127), ("reduce_max", dt.uint8, 0), ("reduce_any", dt.bool_, False),
        ("reduce_all", dt.bool_, True), ("reduce_sum", dt.complex64, 0),
    ],
)  # fmt: skip
def test_reducing_nothing_gives_the_identity(name: str, dtype: dt.DType, expected: Any) -> None:
    got = OPS[name].ref(np.zeros((0, 2), dtype.np), axes=(0,))
    assert got.dtype == dtype.np and got.tolist() == [expected] * 2


def test_integers_wrap_around() -> None:
    assert OPS["reduce_sum"].ref(np.array([100, 100], np.int8), axes=(0,)) == -56
    assert OPS["reduce_prod"].ref(np.array([16, 16], np.uint8), axes=(0,)) == 0


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16], ids=lambda d: d.short)
def test_narrow_floats_accumulate_in_single_precision(dtype: dt.DType) -> None:
    x = np.full(4096, 1.0078125, dtype.np)
    assert OPS["reduce_sum"].ref(x, axes=(0,)) == np.array(4128, np.float32).astype(dtype.np)


@pytest.mark.parametrize("name", ["reduce_max", "reduce_min"])
@pytest.mark.parametrize("dtype", dt.FLOATS, ids=lambda d: d.short)
def test_nan_comes_through_extremes(name: str, dtype: dt.DType) -> None:
    x = np.array([1, NAN, *[3] * 40]).astype(dtype.np)
    assert np.isnan(OPS[name].ref(x, axes=(0,)).astype(np.float64))


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("argmax", [1, NAN, 3, 3], 2), ("argmax", [NAN, NAN], 0), ("argmin", [NAN, 1, 0, 0], 2),
        ("argmax", [-INF, -INF], 0), ("argmin", [NAN, INF], 0), ("argmax", [NAN] * 9 + [5, 7], 10),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", dt.FLOATS, ids=lambda d: d.short)
def test_positions_pass_over_nan(name: str, x: list[float], expected: int, dtype: dt.DType) -> None:
    assert OPS[name].ref(np.array(x).astype(dtype.np), axis=0, dtype=dt.int64) == expected


def test_position_in_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Reduction axis 0 is empty in shape \[0, 3\]"):
        OPS["argmax"].ref(np.zeros((0, 3)), axis=0, dtype=dt.int64)


def gradient(name: str, x: list[Any], dtype: Any = np.float64) -> Any:
    tape, box = Tape(), Box(np.array(x, dtype))
    (out,) = tape.apply(OPS[name], [box], {"axes": (0,)})
    (found,) = tape.gradient([out], [Box(np.ones_like(out.array))], [box])
    assert found is not None
    return found.array.tolist()


def test_extremes_share_their_gradient_evenly() -> None:
    assert gradient("reduce_max", [1, 2, 2]) == [0, 0.5, 0.5]
    assert gradient("reduce_min", [1, 2, 1, 1, 1]) == [0.25, 0, 0.25, 0.25, 0.25]
    assert np.isnan(gradient("reduce_max", [1, NAN, 2])).all()


def test_product_has_gradients_at_zeros() -> None:
    assert gradient("reduce_prod", [0, 2, 3]) == [6, 0, 0]
    assert gradient("reduce_prod", [0, 2, 0]) == [0, 0, 0]
    assert gradient("reduce_prod", [1 + 2j, 2 - 1j, 0], np.complex128) == [0, 0, 4 - 3j]
