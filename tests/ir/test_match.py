"""Arguments against inputs: sizes found, misfits named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.dims import Dim, floordiv, sym
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.graph import Graph, Value
from graphtf.ir.match import bind_result, match_arguments
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, Type, tensor

N, M = sym("n"), sym("m")


def graph(*types: Type, guards: tuple[tuple[Dim, Dim], ...] = ()) -> Graph:
    return Graph(tuple(Value(t, f"x{k}") for k, t in enumerate(types)), (), (), "f", guards)


def f32(*dims: Dim) -> Any:
    return tensor("float32", *dims)


def zeros(*shape: int) -> np.ndarray[Any, Any]:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("types", "shapes", "expected"),
    [
        ([f32(3, 4)], [(3, 4)], {}),
        ([f32(N, 4)], [(0, 4)], {"n": 0}),
        ([f32(N, N)], [(5, 5)], {"n": 5}),
        ([f32(N + 1), f32(N, 2 * M)], [(4,), (3, 8)], {"n": 3, "m": 4}),
        ([f32(N * M, M + 1), f32(N)], [(12, 4), (4,)], {"n": 4, "m": 3}),
        ([f32(floordiv(N, 2)), f32(N)], [(2,), (5,)], {"n": 5}),
        ([tensor("float32")], [()], {}),
    ],
)  # fmt: skip
def test_sizes_are_found(types: list[Type], shapes: list[tuple[int, ...]], expected: dict[str, int]) -> None:
    assert match_arguments(graph(*types))([zeros(*s) for s in shapes]) == expected


def test_names_come_in_the_order_of_the_inputs() -> None:
    match = match_arguments(graph(f32(M + 1), f32(N), f32(N, M + 2)))
    assert list(match([zeros(3), zeros(4), zeros(4, 4)])) == ["n", "m"]


@pytest.mark.parametrize(
    ("types", "args", "message"),
    [
        ([f32(3)], [zeros(4)], "f: argument 0 (x0) has shape [4], expected f32[3]"),
        ([f32(3)], [zeros(3, 1)], "f: argument 0 (x0) has shape [3, 1], expected f32[3]"),
        ([f32(3)], [np.zeros(3)], "f: argument 0 (x0) has dtype float64, expected f32[3]"),
        ([f32(N), f32(N)], [zeros(3), zeros(4)], "f: argument 1 (x1) has shape [4], expected f32[n] with n = 3"),
        ([f32(2 * N)], [zeros(3)], "f: argument 0 (x0) has shape [3], expected f32[2*n]"),
        ([f32(N + 4)], [zeros(3)], "f: argument 0 (x0) has shape [3], expected f32[n + 4]"),
        ([f32(N)], [zeros(3, 3)], "f: argument 0 (x0) has shape [3, 3], expected f32[n]"),
        ([f32(3)], [[1.0, 2.0, 3.0]], "f: argument 0 (x0) is a list, expected a NumPy array for f32[3]"),
        ([f32(3)], [], "f: 0 arguments, expected 1"),
        ([RefType(f32(3))], [zeros(3)], "f: argument 0 (x0) is a ndarray, expected the cell of a variable for f32[3]"),
        ([f32(3)], [Cell(zeros(3), f32(3))], "f: argument 0 (x0) is a Cell, expected a NumPy array for f32[3]"),
    ],
)  # fmt: skip
def test_misfits_are_named(types: list[Type], args: list[Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        match_arguments(graph(*types))(args)
    assert str(caught.value) == message


def test_guards_are_checked() -> None:
    match = match_arguments(graph(f32(N), f32(M), guards=((N, M),)))
    assert match([zeros(2), zeros(2)]) == {"n": 2, "m": 2}
    with pytest.raises(InvalidArgumentError, match="the sizes n and m must be equal, got 2 and 3"):
        match([zeros(2), zeros(3)])


def test_byte_order_does_not_matter() -> None:
    assert match_arguments(graph(f32(N)))([np.zeros(3, ">f4")]) == {"n": 3}


def test_cells_are_matched_by_what_they_hold() -> None:
    match = match_arguments(graph(RefType(f32(2, 3))))
    good, bad = Cell(zeros(2, 3), f32(2, 3)), Cell(zeros(3, 2), f32(3, 2))
    for _ in range(2):  # a type that was seen is not looked at again
        assert match([good]) == {}
        with pytest.raises(InvalidArgumentError):
            match([bad])
    with pytest.raises(InvalidArgumentError, match="dtype"):
        match([Cell(np.zeros((2, 3)), tensor("float64", 2, 3))])


def test_results_make_sizes_known() -> None:
    env = {"n": 4}
    bind_result(f32(M, N, 2), zeros(3, 4, 2), env)
    assert env == {"n": 4, "m": 3}
    bind_result(f32(2 * sym("k") + 1), zeros(7), env)
    assert env["k"] == 3
    with pytest.raises(InvalidArgumentError, match="its size has shape"):
        bind_result(f32(M), zeros(5), env, "its size")
