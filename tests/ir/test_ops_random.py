"""Philox gives TensorFlow's numbers, and any part of them by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType, tensor

from .scalar_eval import lowered

# tf.raw_ops.StatelessRandomUniformFullIntV2(alg=1) of TensorFlow 2.21
RECORDED = [
    (1, (0, 0), dt.uint32, [3823634032, 3842641596, 2515673792, 3054873127, 2886210587]),
    (1, (0, 0), dt.uint64, [16504019988892878448, 13120580176409928384, 16124519160171992091]),
    (
        2**64 - 1, (2**64 - 2, 5), dt.uint32,
        [1320646447, 2103581255, 1631398213, 1383926024, 3756897722, 320205060, 1219844447, 1739776068, 3290855531],
    ),
    (
        0x123456789ABCDEF0, (2**64 - 1, 2**64 - 1), dt.uint64,
        [
            15702161721092281308, 12757622874794553877, 8662757171406871364, 3115335208484438206, 6961708604090849690,
            11074754849943894784, 3554317913366829079,
        ],
    ),
]  # fmt: skip


def operands(key: int, counter: tuple[int, int]) -> list[Any]:
    return [np.array([key], np.uint64), np.array(counter, np.uint64)]


@pytest.mark.parametrize(("key", "counter", "dtype", "expected"), RECORDED)
def test_numbers_are_those_of_tensorflow(key: int, counter: tuple[int, int], dtype: dt.DType, expected: Any) -> None:
    attrs = {"shape": (len(expected),), "dtype": dtype}
    arrays = operands(key, counter)
    assert OPS["philox"].ref(*arrays, **attrs).tolist() == expected
    types = [tensor("uint64", 1), tensor("uint64", 2)]
    assert lowered(OPS["philox"], arrays, attrs, types, TensorType(dtype, (len(expected),)), {}).tolist() == expected


def test_a_later_counter_continues_the_stream() -> None:
    whole = OPS["philox"].ref(*operands(7, (3, 0)), shape=(4, 4), dtype=dt.uint32)
    rest = OPS["philox"].ref(*operands(7, (5, 0)), shape=(8,), dtype=dt.uint32)
    assert whole.reshape(-1)[8:].tolist() == rest.tolist()
