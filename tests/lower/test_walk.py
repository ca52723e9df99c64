"""Positions of extremes: the first of equals, NaN passed over, for every dtype and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.dims import sym
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor

from .native import agree_exactly, compiling_for, draw, program, targets
from .test_order import DTYPES, values

SHAPES = [((1,), 0), ((100,), 0), ((1000,), 0), ((5, 33), 1), ((33, 5), 0), ((3, 40, 2), 1), ((2, 17), 1)]


def both(axis: int) -> Any:
    return lambda x: [f(x, axis=axis, dtype=tensor(d).dtype) for f in (p.argmax, p.argmin) for d in ("int32", "int64")]


@pytest.mark.parametrize("shape,axis", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_positions(shape: Any, axis: int, dtype: str) -> None:
    made = program([tensor(dtype, *shape)], both(axis))
    for seed in range(3):
        agree_exactly(made, [values(shape, dtype, seed)])


def test_lines_of_one_value() -> None:
    made = program([tensor("float32", 4, 40)], both(1))
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        x = np.full((4, 40), value, np.float32)
        x[1, 7] = np.nan
        agree_exactly(made, [x])


def test_lengths_known_at_run_time() -> None:
    made = program([tensor("float32", 3, sym("n"))], both(1))
    for n in (1, 15, 16, 100):
        agree_exactly(made, draw(made.graph, {"n": n}))


@pytest.mark.parametrize("target", targets())
def test_narrower_targets(target: str) -> None:
    with compiling_for(target):
        for dtype in ("float32", "float64", "int8", "uint16"):
            agree_exactly(program([tensor(dtype, 5, 70)], both(1)), [values((5, 70), dtype)])
