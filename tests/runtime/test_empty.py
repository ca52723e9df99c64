"""Arrays of no elements whose other axes are long: an index moved inside an axis of size 0 reads what may be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.errors import InvalidArgumentError, ResourceExhaustedError
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.io import host_call, register
from graphtf.ir.ops.prims import p
from graphtf.ir.types import RefType, tensor
from graphtf.runtime import compile
from graphtf.runtime.arrays import blank, reachable

N, W = sym("n"), sym("w")
LONG = 100_000_000  # elements of a row: 400 MB, of which nothing is there
ROWS, AT = tensor("float32", N, W), tensor("int32", sym("m"))


def total_of_rows(x: Any, at: Any) -> Any:
    return p.reduce_sum(p.gather(x, at, axis=0, batch_dims=0), axes=(1,))


def empty(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def test_an_empty_argument() -> None:
    program = compile(build([ROWS, AT], total_of_rows))
    with pytest.raises(InvalidArgumentError, match=r"indices hold 0, which is not in \[0, n\)"):
        program.run([empty(0, LONG), np.zeros(1, np.int32)])
    assert program.run([empty(0, LONG), np.zeros(0, np.int32)])[0].shape == (0,)
    assert program.run([np.ones((2, 3), np.float32), np.array([1], np.int32)])[0].tolist() == [3]


def test_an_empty_variable() -> None:
    from graphtf.ir.state import Cell

    program = compile(build([RefType(ROWS), AT], lambda v, at: total_of_rows(p.read(v), at)))
    cell = Cell(empty(0, LONG), ROWS)
    with pytest.raises(InvalidArgumentError, match="indices hold 0"):
        program.run([cell, np.zeros(1, np.int32)])


def test_an_empty_result_of_a_host_step() -> None:
    rows = register(lambda x: [x])

    def f(x: Any, at: Any) -> Any:
        (y,) = host_call(x, function=rows, dtypes=(ROWS.dtype,), shapes=((sym("u"), sym("v")),))
        return total_of_rows(y, at)

    program = compile(build([ROWS, AT], f))
    with pytest.raises(InvalidArgumentError, match="indices hold 0"):
        program.run([empty(0, LONG), np.zeros(1, np.int32)])


def test_an_empty_value_in_between_and_an_empty_output() -> None:
    """Running totals are no part of another kernel, so they lie in memory of their own."""

    def f(x: Any, at: Any) -> Any:
        kept = p.cumulate(x, axis=0, combine="add", exclusive=False, reverse=False)
        return total_of_rows(kept, at), kept

    g = build([ROWS, AT], f)
    with pytest.raises(InvalidArgumentError, match="indices hold 0"):
        compile(g).run([empty(0, LONG), np.zeros(1, np.int32)])
    found = compile(g).run([empty(0, 3), np.zeros(0, np.int32)])
    assert [a.shape for a in found] == [a.shape for a in interpret(g, [empty(0, 3), np.zeros(0, np.int32)])]


def test_padding_of_nothing() -> None:
    g = build([ROWS, tensor("float32")], lambda x, v: p.pad(x, v, low=(1, 0), high=(0, 0)))
    assert compile(g).run([empty(0, 5), np.array(2, np.float32)])[0].tolist() == [[2] * 5]


def test_memory_in_place_of_an_empty_array() -> None:
    full, hollow = empty(2, 3), empty(2, 0, 7)
    assert reachable(full) == full.ctypes.data
    assert reachable(hollow) == blank(14 * 4) == blank(1)
    with pytest.raises(ResourceExhaustedError, match="in place of an empty array"):
        blank(1 << 62)


def test_a_result_without_elements_has_a_size_that_a_host_step_finds() -> None:
    f = tf.function(tf.boolean_mask, autograph=False)
    assert f(tf.zeros([3, 0]), tf.constant([True, False, True])).shape == (2, 0)
