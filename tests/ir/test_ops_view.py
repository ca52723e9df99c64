"""Index maps stay affine where shapes allow it, and views of symbolic sizes are proved to fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dims as d
from graphtf.ir.builder import build
from graphtf.ir.dims import at_most, maximum, minimum, nonnegative, sym
from graphtf.ir.errors import Violation
from graphtf.ir.loops import expr as s
from graphtf.ir.loops.index_map import groups, regroup
from graphtf.ir.ops import OPS
from graphtf.ir.types import tensor

from .tape import Box, Tape

n, m = sym("n"), sym("m")


# ---- reshape as an index map -----------------------------------------------------------------------------------------


def divisions(index: tuple[s.Expr, ...]) -> int:
    """How many divisions an index takes."""
    found, stack, seen = 0, list(index), set()
    while stack:
        x = stack.pop()
        if id(x) not in seen:
            seen.add(id(x))
            found += isinstance(x, s.Prim) and x.name in ("floordiv", "floormod")
            stack.extend(s.children(x))
    return found


@pytest.mark.parametrize(
    ("out", "into", "expected"),
    [
        ((n, 784), (n, 28, 28, 1), 2),  # splitting an axis divides once and takes one remainder
        ((n, 28, 28, 1), (n, 784), 0),  # merging axes never does
        ((n, 1, 5), (n, 5), 0),
        ((n, 5), (1, n, 1, 5), 0),
        ((2, 3, 4), (6, 4), 0),
        ((6, 4), (2, 3, 4), 2),
        ((n * m, 4), (n, m, 4), 2),
        ((n, m, 4), (n * m, 4), 0),
        ((3, 4), (2, 6), 2),
        ((), (1, 1), 0),
    ],
)
def test_reshape_divides_only_where_an_axis_is_split(out: Any, into: Any, expected: int) -> None:
    index = tuple(s.Var(f"i{k}") for k in range(len(out)))
    assert divisions(regroup(index, out, into)) == expected


def test_groups_are_found_from_the_back_where_a_guard_equates_the_front() -> None:
    k = sym("k")
    assert groups((k, 4), (n, m, 4)) == [(range(0, 1), range(0, 2)), (range(1, 2), range(2, 3))]


COMPUTE = {"add": np.add, "mul": np.multiply, "floordiv": np.floor_divide, "floormod": np.remainder}


@pytest.mark.parametrize("seed", range(40))
def test_reshape_of_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.choice([1, 1, 2, 3, 5], 6).tolist()

    def shape() -> tuple[int, ...]:
        cuts = sorted(rng.choice(7, rng.integers(0, 5)).tolist())
        order = list(factors)
        rng.shuffle(order)
        return tuple(int(np.prod(order[a:b])) for a, b in zip([0, *cuts], [*cuts, 6]))

    a, b = shape(), shape()
    total = int(np.prod(a))
    x = np.arange(total).reshape(b)
    env = {f"i{k}": i for k, i in enumerate(np.indices(a))}

    def value(e: s.Expr) -> Any:
        if isinstance(e, s.Prim):
            u, v = map(value, e.args)
            return COMPUTE[e.name](u, v)
        return env[e.name] if isinstance(e, s.Var) else e.value

    index = regroup(tuple(s.Var(f"i{k}") for k in range(len(a))), a, b)
    np.testing.assert_array_equal(x[tuple(np.broadcast_to(value(i), a) for i in index)], np.arange(total).reshape(a))


# ---- sizes known at run time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "limit"),
    [
        (0, n), (minimum(n, 2), n), (0, minimum(n, 5)), (maximum(n - 3, 0), n),
        (minimum(n, 2), maximum(n - 1, minimum(n, 2))), (0, d.floordiv(n, 2)), (d.floordiv(n, 2), n),
    ],
)  # fmt: skip
def test_slice_takes_bounds_that_always_hold(start: Any, limit: Any) -> None:
    out = OPS["slice"].infer(tensor("float32", n), starts=(start,), limits=(limit,), strides=(1,))
    assert out.shape == (limit - start,)


@pytest.mark.parametrize(("start", "limit"), [(0, 5), (1, n), (0, n - 1), (0, 2 * n), (0, m)])
def test_slice_refuses_bounds_that_may_not_hold(start: Any, limit: Any) -> None:
    with pytest.raises(Violation, match="expected 0 ≤ start ≤ limit ≤ n"):
        OPS["slice"].infer(tensor("float32", n), starts=(start,), limits=(limit,), strides=(1,))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_gradient_of_a_slice_of_unknown_size_has_the_size_of_its_operand(stride: int) -> None:
    attrs = {"starts": (minimum(n, 1),), "limits": (n,), "strides": (stride,)}

    def gradient(x: Any, ct: Any) -> Any:
        return OPS["slice"].vjp(ct, None, x, **attrs)[0]

    x = tensor("float32", n)
    g = build([x, OPS["slice"].infer(x, **attrs)], gradient)
    assert g.outputs[0].type == x


def test_two_unknown_sizes_that_meet_are_assumed_equal_under_a_guard() -> None:
    g = build([tensor("float32", n, 4), tensor("float32", m, 4)], lambda x, y: OPS["concat"](x, y, axis=1))
    assert g.guards == ((m, n),) and g.outputs[0].type == tensor("float32", n, 8)


def test_concat_along_an_unknown_axis_adds_sizes() -> None:
    assert OPS["concat"].infer(tensor("int32", n), tensor("int32", 3), tensor("int32", m), axis=0) == tensor(
        "int32", n + m + 3
    )


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (n, True), (n - 1, False), (n * m, True), (n - minimum(n, 5), True), (maximum(n, m) - m, True),
        (n + m - maximum(n, m), True), (2 * d.floordiv(n + 1, 2) - n, True), (2 * d.floordiv(n, 2) - n, False),
        (n - 3 * d.floordiv(n, 3), True), (minimum(n, m) - minimum(m, n), True), (minimum(n, 4) - n, False),
    ],
)  # fmt: skip
def test_nonnegative_is_shown_or_not(x: Any, expected: bool) -> None:
    assert nonnegative(x) is expected


def test_at_most_never_claims_what_some_sizes_deny() -> None:
    halves = [d.floordiv(n + 1, 2), d.floordiv(m, 3)]
    forms = [0, 1, n, m, n - 1, 2 * n, minimum(n, m), maximum(n - 2, 0), minimum(n, 5), *halves]
    sizes = [{"n": a, "m": b} for a in range(8) for b in range(8)]
    proved = [(a, b) for a in forms for b in forms if at_most(a, b)]
    assert len(proved) > len(forms)
    assert all(d.evaluate(a, e) <= d.evaluate(b, e) for a, b in proved for e in sizes)


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [-3, 0, 2, 9])
def test_dynamic_slices_are_moved_inside(start: int) -> None:
    x, at = np.arange(5), np.array([start], np.int32)
    inside = min(max(start, 0), 3)
    assert OPS["dynamic_slice"].ref(x, at, sizes=(2,)).tolist() == [inside, inside + 1]
    updated = OPS["dynamic_update_slice"].ref(x, np.array([-1, -1]), at)
    assert updated.tolist() == [*range(inside), -1, -1, *range(inside + 2, 5)]


def test_pad_passes_gradients_to_its_value() -> None:
    tape, x, value = Tape(), Box(np.ones(2)), Box(np.array(5.0))
    (out,) = tape.apply(OPS["pad"], [x, value], {"low": (1,), "high": (2,)})
    gx, gv = tape.gradient([out], [Box(np.arange(5.0))], [x, value])
    assert gx is not None and gv is not None
    assert gx.array.tolist() == [1, 2] and gv.array == 0 + 3 + 4


def test_strings_are_viewed_as_other_elements_are() -> None:
    x = np.array([b"a", b"bc", b"", b"d"], object)
    assert OPS["reshape"].ref(x, shape=(2, 2)).tolist() == [[b"a", b"bc"], [b"", b"d"]]
    assert OPS["pad"].ref(x, np.array(b"", object), low=(1,), high=(0,)).tolist() == [b"", b"a", b"bc", b"", b"d"]
    assert OPS["concat"].ref(x, x[:1], axis=0).tolist() == [b"a", b"bc", b"", b"d", b"a"]
