"""Gathers and scatters: indices out of range, duplicates, batches, and what their lowerings read and check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.loops import expr as s
from graphtf.ir.loops.index_map import bounds, is_inside
from graphtf.ir.op import Element, IndexCheck, infer_types
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType, tensor, type_of

from .scalar_eval import Evaluator, lowered
from .tape import Box, Tape

GATHER, GATHER_ND, SCATTER = OPS["gather"], OPS["gather_nd"], OPS["scatter"]


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "indices", "axis", "batch_dims", "message"),
    [
        ((2, 3), [0, 5], 0, 0, "indices[1] = 5 is not in [0, 2)"),
        ((2, 3), [[0, -1]], 1, 0, "indices[0,1] = -1 is not in [0, 3)"),
        ((2, 3), [[0, 1], [5, 0]], 1, 1, "indices[1,0] = 5 is not in [0, 3)"),
        ((0, 3), [0], 0, 0, "indices[0] = 0 is not in [0, 0)"),
        ((4,), 4, 0, 0, "indices = 4 is not in [0, 4)"),
        ((4,), -(2**31), 0, 0, "indices = -2147483648 is not in [0, 4)"),
    ],
)
def test_gather_refuses_as_tensorflow_does(shape: Any, indices: Any, axis: int, batch_dims: int, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        GATHER.ref(np.zeros(shape), np.array(indices, np.int32), axis=axis, batch_dims=batch_dims)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("shape", "indices", "message"),
    [
        ((2, 3), [[0, 0], [1, 3]], "indices[1] = [1, 3] does not index into param shape [2,3]"),
        ((2, 3), [[0, -1]], "indices[0] = [0, -1] does not index into param shape [2,3]"),
        ((2, 3), [[[0], [2]]], "indices[0,1] = [2] does not index into param shape [2,3]"),
        ((0, 3), [[0]], "indices[0] = [0] does not index into param shape [0,3]"),
    ],
)
def test_gather_nd_refuses_as_tensorflow_does(shape: Any, indices: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        GATHER_ND.ref(np.zeros(shape), np.array(indices), batch_dims=0)
    assert str(caught.value) == message


@pytest.mark.parametrize("combine", ["update", "add", "max"])
@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([[2, 0]], "indices[0] = [2, 0] does not index into shape [2,3]"),
        ([[0, 0], [1, -1]], "indices[1] = [1, -1] does not index into shape [2,3]"),
    ],
)
def test_scatter_refuses_and_leaves_its_operand(combine: str, indices: Any, message: str) -> None:
    x = np.zeros((2, 3))
    with pytest.raises(InvalidArgumentError) as caught:
        SCATTER.ref(x, np.array(indices), np.ones(len(indices)), combine=combine)
    assert str(caught.value) == message and not x.any()


# ---- values, against the plainest loops ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_gather_is_what_it_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 4, rng.integers(1, 5)).tolist())
    axis = int(rng.integers(0, len(shape)))
    batch = int(rng.integers(0, axis + 1))
    extra = tuple(rng.integers(0, 4, rng.integers(0, 3)).tolist())
    x, indices = rng.normal(size=shape), rng.integers(0, shape[axis], (*shape[:batch], *extra))
    out = GATHER.ref(x, indices, axis=axis, batch_dims=batch)
    assert out.shape == (*shape[:axis], *extra, *shape[axis + 1 :])
    for at in np.ndindex(out.shape):
        place = indices[(*at[:batch], *at[axis : axis + len(extra)])]
        assert out[at] == x[(*at[:axis], place, *at[axis + len(extra) :])]


@pytest.mark.parametrize("combine", ["update", "add", "sub", "mul", "max", "min"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("dtype", [dt.float32, dt.bfloat16, dt.int32], ids=lambda d: d.short)
def test_scatter_applies_updates_in_order(combine: str, depth: int, dtype: dt.DType) -> None:
    rng = np.random.default_rng(depth)
    x = rng.integers(-4, 5, (2, 3, 2)).astype(dtype.np)
    indices = np.stack([rng.integers(0, d, (4, 2)) for d in x.shape[:depth]], -1) if depth else np.zeros((4, 2, 0), int)
    updates = rng.integers(-4, 5, (4, 2, *x.shape[depth:])).astype(dtype.np)
    expected = x.copy()
    apply = {"update": lambda a, b: b, "add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum,
             "min": np.minimum}[combine]  # fmt: skip
    for at in np.ndindex(4, 2):
        place = tuple(indices[at])
        expected[place] = apply(expected[place], updates[at])
    np.testing.assert_array_equal(SCATTER.ref(x, indices, updates, combine=combine), expected)


def test_strings_and_flags_are_gathered_and_scattered() -> None:
    x = np.array([b"a", b"b", b"c"], object)
    assert GATHER.ref(x, np.array([2, 0]), axis=0, batch_dims=0).tolist() == [b"c", b"a"]
    assert SCATTER.ref(x, np.array([[1]]), np.array([b"z"], object), combine="update").tolist() == [b"a", b"z", b"c"]
    flags = np.array([True, False])
    assert SCATTER.ref(flags, np.array([[1]]), np.array([True]), combine="update").tolist() == [True, True]


# ---- lowerings -------------------------------------------------------------------------------------------------------


def refused(op: Any, arrays: list[Any], attrs: dict[str, Any], types: list[TensorType], sizes: Any = None) -> Any:
    """For each element, the value the kernel reports, or None where it accepts; or None if it checks nothing."""
    (out,) = infer_types(op, tuple(types), attrs)
    shape = tuple(sizes[str(d)] if not isinstance(d, int) else d for d in out.dims)
    buffers = [s.Buffer(f"b{k}", t.dtype, t.size) for k, t in enumerate(types)]
    index = [s.Var(f"i{k}") for k in range(len(shape))]

    def read(k: int, at: Any) -> s.Expr:
        offset: s.Expr = s.lit(0)
        for i, d in zip(at, types[k].dims):
            offset = s.iadd(s.imul(offset, d), i)
        return s.Load(buffers[k], offset)

    assert isinstance(op.check, IndexCheck)
    found = op.check.fn(tuple(index), read, out, types, **attrs)
    if found is None:
        return None
    condition, value, message = found
    data = {b: np.ascontiguousarray(a).reshape(-1) for b, a in zip(buffers, arrays)}
    run = Evaluator(data, dict(zip(index, np.indices(shape))), sizes or {})
    holds, values = np.broadcast_to(run(condition), shape), np.broadcast_to(run(value), shape)
    assert "{value}" in message and condition.dtype is dt.bool_ and value.dtype is dt.int64
    return [None if h else int(v) for h, v in zip(holds.flat, values.flat)]


def test_gather_checks_each_index_and_reads_inside() -> None:
    x, indices = np.arange(3.0), np.array([0, 3, -1, 2], np.int32)
    attrs = {"axis": 0, "batch_dims": 0}
    types = [type_of(x), type_of(indices)]
    assert refused(GATHER, [x, indices], attrs, types) == [None, 3, -1, None]
    (out,) = infer_types(GATHER, tuple(types), attrs)
    got = lowered(GATHER, [x, indices], attrs, types, out, {})  # fails where it reads outside
    assert got.tolist() == [0, 2, 0, 2]


def test_gather_nd_reports_the_row() -> None:
    x, indices = np.arange(6.0).reshape(2, 3), np.array([[[0, 1]], [[1, 3]], [[2, 0]]])
    types = [type_of(x), type_of(indices)]
    assert refused(GATHER_ND, [x, indices], {"batch_dims": 0}, types) == [None, 1, 2]
    (out,) = infer_types(GATHER_ND, tuple(types), {"batch_dims": 0})
    assert lowered(GATHER_ND, [x, indices], {"batch_dims": 0}, types, out, {})[0, 0] == 1


def test_sizes_known_at_run_time_are_checked_against() -> None:
    x, indices = np.arange(8.0).reshape(4, 2), np.array([3, 4])
    types = [tensor("float64", sym("n"), 2), type_of(indices)]
    attrs = {"axis": 0, "batch_dims": 0}
    assert refused(GATHER, [x, indices], attrs, types, {"n": 4}) == [None, None, 4, 4]


def test_an_empty_operand_is_never_read() -> None:
    x, indices = np.zeros((0, 3)), np.array([0, 1])
    types = [type_of(x), type_of(indices)]
    attrs = {"axis": 0, "batch_dims": 0}
    assert isinstance(GATHER.lowering, Element)

    def read(k: int, at: Any) -> s.Expr:
        assert k == 1
        return s.Load(s.Buffer("b", dt.int64, 2), at[0])

    out = tensor("float64", 2, 3)
    assert isinstance(GATHER.lowering.fn((s.Var("i"), s.Var("j")), read, out, types, **attrs), s.Lit)
    assert refused(GATHER, [x, indices], attrs, types) == [0, 0, 0, 1, 1, 1]


def i32(x: int) -> s.Expr:
    return s.lit(x, dt.int32)


I = s.Var("i")


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (s.lit(3), (3, 3)), (s.size(sym("n")), (sym("n"), sym("n"))), (s.prim("floormod", I, s.lit(5)), (0, 4)),
        (I, None),
        (s.prim("floormod", I, s.size(sym("n") + 1)), (0, sym("n"))), (s.prim("floormod", I, s.size(sym("n"))), None),
        (s.select(s.prim("lt", I, s.lit(0)), s.lit(2), s.lit(7)), (2, 7)), (s.cast(i32(4), dt.int64), (4, 4)),
        (s.select(s.prim("lt", I, s.lit(0)), s.lit(2), I), None), (s.cast(s.lit(4), dt.int32), None),
        (s.prim("add", I, s.lit(1)), None), (s.cast(s.lit(2.5, dt.float32), dt.int64), None),
        (s.prim("floormod", I, s.select(s.prim("eq", I, s.lit(0)), s.lit(1), s.lit(5))), (0, 4)),
        (s.prim("floormod", I, s.select(s.prim("eq", I, s.lit(0)), s.lit(-1), s.lit(5))), None),
    ],
)  # fmt: skip
def test_bounds_of_indices(e: s.Expr, expected: Any) -> None:
    assert bounds(e) == expected


def test_indices_that_are_surely_inside_are_not_checked() -> None:
    five, n = s.prim("floormod", I, s.lit(5)), sym("n")
    assert is_inside(five, 5) and is_inside(five, n + 5) and not is_inside(five, 4) and not is_inside(five, n)
    types = [tensor("float32", 5), tensor("int32", 3)]
    assert isinstance(GATHER.check, IndexCheck)
    attrs = {"axis": 0, "batch_dims": 0}

    def read(k: int, at: Any) -> s.Expr:
        return s.prim("floormod", s.cast(at[0], dt.int32), i32(5))

    assert GATHER.check.fn((I,), read, tensor("float32", 3), types, **attrs) is None


# ---- gradients -------------------------------------------------------------------------------------------------------


def gradients(combine: str, x: Any, indices: Any, updates: Any) -> list[Any]:
    tape, boxes = Tape(), [Box(np.array(x, float)), Box(np.array(indices)), Box(np.array(updates, float))]
    (out,) = tape.apply(SCATTER, boxes, {"combine": combine})
    found = tape.gradient([out], [Box(np.arange(1.0, len(x) + 1))], [boxes[0], boxes[2]])
    return [g.array.tolist() for g in found if g is not None]


def test_extremes_that_tie_share_their_gradient() -> None:
    assert gradients("max", [5, 2], [[0], [0], [1]], [5, 5, 1]) == [[1 / 3, 2], [1 / 3, 1 / 3, 0]]
    assert gradients("min", [5, 2], [[0], [1]], [4, 2]) == [[0, 1], [1, 1]]


def test_products_have_gradients_at_zeros() -> None:
    assert gradients("mul", [2, 3], [[0], [1], [0]], [0, 4, 5]) == [[0, 8], [10, 6, 0]]
    assert gradients("mul", [2, 3], [[0], [1], [0]], [0, 0, 0]) == [[0, 0], [0, 6, 0]]


def test_repeated_places_add_their_gradients_in_gather() -> None:
    tape, x = Tape(), Box(np.arange(3.0))
    (out,) = tape.apply(GATHER, [x, Box(np.array([1, 1, 2]))], {"axis": 0, "batch_dims": 0})
    (g,) = tape.gradient([out], [Box(np.array([1.0, 2, 4]))], [x])
    assert g is not None and g.array.tolist() == [0, 3, 4]


# ---- types -----------------------------------------------------------------------------------------------------------


def test_types_with_unknown_sizes_and_ranks() -> None:
    n, m = sym("n"), sym("m")
    unknown = TensorType(dt.float32, None)
    x, at = tensor("float32", n, 4, m), tensor("int64", n, 7)
    assert GATHER.infer(x, at, axis=1, batch_dims=1) == tensor("float32", n, 7, m)
    assert GATHER.infer(x, tensor("int32"), axis=2, batch_dims=0) == tensor("float32", n, 4)
    assert GATHER.infer(unknown, at, axis=1, batch_dims=0) == unknown
    assert GATHER_ND.infer(x, tensor("int32", m, 2), batch_dims=0) == tensor("float32", m, m)
    assert SCATTER.infer(x, tensor("int32", 5, 1), tensor("float32", 5, 4, m), combine="add") == x
    assert SCATTER.infer(unknown, at, unknown, combine="add") == unknown
