"""Gradients of control flow: against differences, to the second order, through all passes; and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import sym
from graphtf.ir.errors import MissingGradient
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.interpret import interpret
from graphtf.ir.ops import OPS
from graphtf.ir.ops.control import call, custom_gradient, if_, while_
from graphtf.ir.ops.io import print_, register
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType, tensor
from graphtf.ir.verify import verify
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.joint import joint
from graphtf.passes.autodiff.record import Entry
from graphtf.passes.autodiff.sums import added
from graphtf.passes.autodiff.trips import known_trips
from graphtf.passes.dce import dce as pruned

from .gradients import check, with_gradient

X = np.array([0.1, -0.4, 0.7])
W = np.array([1.2, 0.3, -0.8])
VEC = tensor("float64", 3)
INT = tensor("int32")
BOOL = tensor("bool")


def int32(value: int) -> Any:
    return p.constant(value=np.array(value, np.int32))


def repeat(test: Any, step: Any, state: list[Any], constant: list[Any], **attrs: Any) -> Any:
    """A while node on a counter from 0, a state and constants; gives the state. `test` and `step` take all of them."""
    types = [INT, *(x.type for x in (*state, *constant))]
    cond = build(types, test, "cond")
    body = build(types, lambda i, *xs: [p.add(i, int32(1)), *step(i, *xs)], "body")
    return while_(int32(0), *state, *constant, cond=cond, body=body, carried=1 + len(state), **attrs)[1:]


def waves(x: Any, w: Any) -> Any:
    return p.add(p.mul(p.sin(x), w), x)


def entry_of(xs: Any, i: Any) -> Any:
    """Row i of a matrix."""
    at = p.concat(p.reshape(i, shape=(1,)), p.constant(value=np.zeros(1, np.int32)), axis=0)
    columns = xs.ir_type.dims[1]
    return p.reshape(p.dynamic_slice(xs, at, sizes=(1, columns)), shape=(columns,))


def loops(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if "cond" in n.regions]


def stacks(graph: Graph) -> list[tuple[Any, ...]]:
    """The shapes of what the forward loop keeps of each iteration."""
    return [v.ir_type.dims for v in loops(graph)[-2].outputs if len(v.ir_type.dims_or_none) > 1]


# ---- loops -----------------------------------------------------------------------------------------------------------


def test_a_constant_number_of_iterations_is_allocated_for_at_once() -> None:
    made = check(build([VEC, VEC], lambda x, w: repeat(
        lambda i, x, w: p.lt(i, int32(4)), lambda i, x, w: [waves(x, w)], [x], [w])), [X, W], [0, 1])  # fmt: skip
    assert [n.attrs["max_trips"] for n in loops(made)] == [4, 4]
    assert set(stacks(made)) == {(4, 3)}


def scan(x: Any, xs: Any, w: Any) -> Any:
    rows = xs.ir_type.dims[0]
    return repeat(
        lambda i, *_: p.lt(i, p.reshape(p.dims(dims=(rows,), dtype=INT.dtype), shape=())),
        lambda i, x, xs, w: [p.tanh(p.add(p.mul(x, w), entry_of(xs, i)))], [x], [xs, w],
    )  # fmt: skip


def test_the_gradient_of_rows_is_put_together_row_by_row() -> None:
    xs = np.linspace(-1, 1, 15).reshape(5, 3)
    made = check(build([VEC, tensor("float64", 5, 3), VEC], scan), [X, xs, W], [0, 1, 2])
    body = loops(made)[-1].regions["body"]
    assert not any(n.op is OPS["add"] and n.out.ir_type.shape == (5, 3) for n in body.nodes)
    assert any(n.op is OPS["dynamic_update_slice"] and n.out.ir_type.shape == (5, 3) for n in body.nodes)


def test_a_number_of_iterations_that_is_a_size_is_the_size_of_the_stacks() -> None:
    n = sym("n")
    g = build([VEC, tensor("float64", n, 3), VEC], lambda x, xs, w: repeat(
        lambda i, x, w, m: p.lt(i, m), lambda i, x, w, m: [waves(x, w)], [x],
        [w, p.reshape(p.dims(dims=(n,), dtype=INT.dtype), shape=())]))  # fmt: skip
    made = check(g, [X, np.ones((3, 3)), W], [0, 2])
    assert all(str(d[0]) == "max(1, n)" for d in stacks(made))
    none, _ = with_gradient(g, [0])
    ct = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(interpret(none, [X, np.ones((0, 3)), W, ct])[-1], ct)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_number_of_iterations_that_is_data_is_counted_first(n: int) -> None:
    g = build([VEC, VEC, INT], lambda x, w, n: repeat(
        lambda i, x, w, n: p.lt(i, n), lambda i, x, w, n: [waves(x, w)], [x], [w, n]))  # fmt: skip
    made = check(g, [X, W, np.int32(n)], [0, 1])
    count = loops(made)[0]
    assert [v.ir_type.dtype.name for v in count.outputs] == ["int32", "int32"]  # only what the condition needs


def test_a_condition_on_data_is_counted_with_the_data() -> None:
    limit = p.constant
    g = build([VEC, VEC], lambda x, w: repeat(
        lambda i, x, w: p.lt(p.reduce_sum(x, axes=(0,)), limit(value=np.array(2.0))),
        lambda i, x, w: [p.add(x, p.mul(w, w))], [x], [w]))  # fmt: skip
    check(g, [X, W], [0, 1])


def test_a_promised_bound_is_allocated_for() -> None:
    def test(i: Any, x: Any, w: Any) -> Any:
        below = p.lt(p.reduce_sum(x, axes=(0,)), p.constant(value=np.array(1.0)))
        return p.logical_and(below, p.lt(i, int32(50)))

    g = build([VEC, VEC], lambda x, w: repeat(test, lambda i, x, w: [waves(x, p.mul(w, w))], [x], [w]))
    made = check(g, [X, W], [0, 1])
    assert set(stacks(made)) == {(50, 3)}


def test_a_condition_that_calls_python_is_not_run_twice_and_the_stacks_grow() -> None:
    asked: list[int] = []

    def more(i: Any) -> list[Any]:
        asked.append(int(i))
        return [np.array(i < 3)]

    key = register(more)

    def test(i: Any, x: Any, w: Any) -> Any:
        return p.host_call(i, function=key, dtypes=(BOOL.dtype,), shapes=((),), gradient=None)[0]

    g = build([VEC, VEC], lambda x, w: repeat(test, lambda i, x, w: [waves(x, w)], [x], [w]))
    made, _ = with_gradient(g, [0, 1])
    verify(made)
    interpret(made, [X, W, np.ones(3)])
    assert asked == [0, 1, 2, 3]
    check(g, [X, W], [0, 1], orders=1)


def test_loops_in_loops() -> None:
    def outer(i: Any, x: Any, w: Any) -> Any:
        return repeat(lambda k, x, w, i: p.le(k, i), lambda k, x, w, i: [p.mul(p.sin(x), w)], [x], [w, i])

    g = build([VEC, VEC], lambda x, w: repeat(lambda i, x, w: p.lt(i, int32(3)), outer, [x], [w]))
    check(g, [X, W], [0, 1])


def test_only_the_state_that_matters_has_a_cotangent() -> None:
    g = build([VEC, VEC], lambda x, w: repeat(
        lambda i, *_: p.lt(i, int32(3)), lambda i, x, y, w: [p.mul(x, w), p.exp(y)], [x, w], [w])[0])  # fmt: skip
    made = check(g, [X, W], [0, 1])
    assert len(loops(made)[-1].outputs) == 3  # the count, that of x, the sum for w


def test_a_state_of_changing_shape_has_no_gradient() -> None:
    wide = TensorType(VEC.dtype, None)
    cond = build([INT, wide], lambda i, x: p.lt(i, int32(2)), "cond")
    body = build([INT, wide], lambda i, x: [p.add(i, int32(1)), p.concat(x, x, axis=0)], "body")
    g = build([VEC], lambda x: while_(int32(0), x, cond=cond, body=body, carried=2)[1])
    with pytest.raises(MissingGradient, match="while"):
        joint(g, [0], [0], backward)


# ---- branches and calls ----------------------------------------------------------------------------------------------


def choose(c: Any, then: Callable[..., Any], orelse: Callable[..., Any], *xs: Any) -> Any:
    types = [x.type for x in xs]
    return if_(c, *xs, then=build(types, then, "then"), orelse=build(types, orelse, "orelse"))


@pytest.mark.parametrize("c", [True, False])
def test_branches_keep_what_is_dear_and_compute_the_rest_again(c: bool) -> None:
    def left(x: Any, w: Any) -> Any:
        y = p.mul(p.sin(x), w)
        return p.mul(y, p.exp(p.reduce_sum(y, axes=(0,))))

    g = build([BOOL, VEC, VEC], lambda c, x, w: choose(c, left, lambda x, w: p.mul(x, x), x, w)[0])
    made = check(g, [np.array(c), X, W], [1, 2])
    kept = made.nodes[0].outputs[1:]
    assert all(v.ir_type.shape == () for v in kept)  # the sum or its exponential, none of the vectors


@pytest.mark.parametrize("c", [True, False])
def test_a_branch_whose_sizes_are_made_known_inside(c: bool) -> None:
    u = sym("u")

    def left(x: Any) -> Any:
        where = p.nonzero(p.gt(x, p.constant(value=np.array(0.0))), shape=(u, 1))
        some = p.gather(x, p.reshape(where, shape=(u,)), axis=0, batch_dims=0)
        return p.reduce_sum(p.mul(some, some), axes=(0,))

    g = build([BOOL, VEC], lambda c, x: choose(c, left, lambda x: p.reduce_sum(x, axes=(0,)), x)[0])
    check(g, [np.array(c), X], [1])


def test_what_a_branch_can_neither_keep_nor_repeat_has_no_gradient() -> None:
    key = register(lambda x: [np.ones(2)])

    def left(x: Any) -> Any:
        found = p.host_call(x, function=key, dtypes=(VEC.dtype,), shapes=((sym("u"),),), gradient=None)[0]
        return p.reduce_sum(p.mul(found, p.reduce_sum(x, axes=(0,))), axes=(0,))

    g = build([BOOL, VEC], lambda c, x: choose(c, left, lambda x: p.reduce_sum(x, axes=(0,)), x)[0])
    with pytest.raises(MissingGradient, match=r"host_call gives f64\[u\]"):
        joint(g, [1], [0], backward)


def test_branches_in_loops_in_branches() -> None:
    def step(i: Any, x: Any, w: Any) -> Any:
        odd = p.eq(i, int32(1))
        return [choose(odd, lambda x, w: p.mul(x, w), lambda x, w: p.sin(x), x, w)[0]]

    def left(x: Any, w: Any) -> Any:
        return repeat(lambda i, x, w: p.lt(i, int32(3)), step, [x], [w])

    g = build([BOOL, VEC, VEC], lambda c, x, w: choose(c, left, lambda x, w: [x], x, w))
    for c in (True, False):
        check(g, [np.array(c), X, W], [1, 2])


def test_calls_and_custom_gradients_in_loops() -> None:
    body = build([VEC], lambda x: p.mul(x, x), "square")
    vjp = build([VEC, VEC, VEC], lambda x, y, ct: p.mul(ct, p.add(x, x)), "vjp")

    def step(i: Any, x: Any, w: Any) -> Any:
        y = call(x, w, body=build([VEC, VEC], waves, "waves"))[0]
        return [custom_gradient(y, body=body, vjp=vjp)[0]]

    g = build([VEC, VEC], lambda x, w: repeat(lambda i, x, w: p.lt(i, int32(2)), step, [x], [w]))
    check(g, [X, W], [0, 1])


def test_a_custom_gradient_is_the_one_that_is_used() -> None:
    body = build([VEC], lambda x: p.mul(x, x), "square")
    vjp = build([VEC, VEC, VEC], lambda x, y, ct: p.neg(ct), "vjp")
    made, _ = with_gradient(build([VEC], lambda x: custom_gradient(x, body=body, vjp=vjp)), [0])
    np.testing.assert_array_equal(interpret(made, [X, W])[-1], -W)


# ---- variables and effects -------------------------------------------------------------------------------------------


def test_a_variable_that_a_loop_reads_is_kept_once() -> None:
    ref = RefType(VEC)
    g = build([VEC, ref], lambda x, v: repeat(
        lambda i, *_: p.lt(i, int32(3)), lambda i, x, v: [p.mul(p.sin(x), p.read(v))], [x], [v]))  # fmt: skip
    made, found = with_gradient(g, [0, 1])
    assert found == [0, 1] and len(stacks(made)) <= 2
    ct = np.array([1.0, 0.5, 2.0])
    got = interpret(made, [X, Cell(W, VEC), ct])[1:]
    plain, _ = with_gradient(build([VEC, VEC], lambda x, w: repeat(
        lambda i, *_: p.lt(i, int32(3)), lambda i, x, w: [p.mul(p.sin(x), w)], [x], [w])), [0, 1])  # fmt: skip
    for a, b in zip(got, interpret(plain, [X, W, ct])[1:]):
        np.testing.assert_array_equal(a, b)


def test_reads_of_a_variable_that_the_loop_assigns_flow_to_the_variable() -> None:
    def step(i: Any, x: Any, v: Any) -> Any:
        value = p.read(v)
        p.assign(v, p.add(value, p.constant(value=np.ones(3))))
        return [p.mul(x, value)]

    g = build([VEC, RefType(VEC)], lambda x, v: repeat(lambda i, *_: p.lt(i, int32(3)), step, [x], [v]))
    made, _ = with_gradient(g, [0, 1])
    cell = Cell(W.copy(), VEC)
    y, dx, dv = interpret(made, [X, cell, np.ones(3)])
    a, b, c = W, W + 1, W + 2
    np.testing.assert_allclose(y, X * a * b * c)
    np.testing.assert_allclose(dx, a * b * c)
    np.testing.assert_allclose(dv, X * (b * c + a * c + a * b))
    np.testing.assert_array_equal(cell.array, W + 3)  # assigned once an iteration


def test_what_a_loop_prints_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    def step(i: Any, x: Any, w: Any) -> Any:
        print_(i, template="{}", stream="stdout")
        return [waves(x, w)]

    g = build([VEC, VEC, INT], lambda x, w, n: repeat(lambda i, x, w, n: p.lt(i, n), lambda i, x, w, n: step(i, x, w),
                                                     [x], [w, n]))  # fmt: skip
    made, _ = with_gradient(g, [0, 1])
    interpret(made, [X, W, np.int32(3), np.ones(3)])
    assert capsys.readouterr().out == "0\n1\n2\n"


def test_two_gradients_of_one_loop_share_the_loop() -> None:
    b = Builder("twice")
    x, w = b.input(VEC), b.input(VEC)
    with binding(b):
        (y,) = repeat(lambda i, x, w: p.lt(i, int32(3)), lambda i, x, w: [waves(x, w)], [x], [w])
        records = [Entry.of(n) for n in b.nodes]
        one = p.constant(value=np.ones(3))
        first = backward(records, [y], [x, w], [one])
        second = backward(records, [y], [x, w], [p.add(one, one)])
    g = b.finish([y, *first, *second])
    verify(g)
    assert len(loops(g)) == 3  # one forward, two backward
    out = interpret(g, [X, W])
    np.testing.assert_array_equal(2 * out[1], out[3])
    np.testing.assert_array_equal(2 * out[2], out[4])


def test_an_op_without_a_rule_is_named() -> None:
    with pytest.raises(MissingGradient, match="fusion"):
        body = build([VEC], lambda x: p.exp(x), "loop")
        joint(build([VEC], lambda x: p.fusion(x, kind="loop", body=body)[0]), [0], [0], backward)


def test_what_is_not_connected_has_no_cotangent() -> None:
    j = joint(build([VEC, VEC], lambda x, w: p.floor(p.mul(x, w))), [0, 1], [0], backward)
    assert j.found == {}
    j = joint(build([VEC, VEC], lambda x, w: p.add(p.stop_gradient(x), w)), [0, 1], [0], backward)
    assert list(j.found) == [1]


# ---- parts -----------------------------------------------------------------------------------------------------------


def test_a_piece_among_zeros_is_added_in_its_place() -> None:
    big = tensor("float64", 100, 3)

    def run(whole: Value, piece: Value, at: Value) -> Any:
        zero = p.broadcast(p.constant(value=np.array(0.0)), shape=(100, 3))
        return added(whole, p.dynamic_update_slice(zero, piece, at))

    g = build([big, tensor("float64", 2, 3), tensor("int32", 2)], run)
    assert not any(n.op is OPS["add"] and n.out.ir_type.shape == (100, 3) for n in g.nodes)
    whole, piece = np.arange(300.0).reshape(100, 3), np.ones((2, 3))
    (got,) = interpret(g, [whole, piece, np.array([7, 0], np.int32)])
    whole[7:9] += 1
    np.testing.assert_array_equal(got, whole)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
@pytest.mark.parametrize("borders", [(0, 0), (2, 1)])
def test_neighbours_among_zeros_are_joined(order: tuple[int, ...], borders: tuple[int, int]) -> None:
    """Gradients of a split, in the order in which they come."""
    widths, (first, last) = (2, 1, 3), borders
    starts = [first, first + 2, first + 3]

    def run(*parts: Value) -> Any:
        zero = p.constant(value=np.array(0.0))
        ends = [6 + first + last - at - n for at, n in zip(starts, widths)]
        wide = [p.pad(x, zero, low=(0, at), high=(0, end)) for x, at, end in zip(parts, starts, ends)]
        one, two, three = (wide[k] for k in order)
        return added(added(one, two), three)

    g = build([tensor("float64", 4, n) for n in widths], run)
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal((4, n)) for n in widths]
    (got,) = interpret(g, parts)
    np.testing.assert_array_equal(got, np.pad(np.concatenate(parts, 1), ((0, 0), borders)))
    assert not any(n.op is OPS["add"] for n in pruned(g).nodes)


def test_what_does_not_touch_is_added() -> None:
    def run(x: Value, y: Value) -> Any:
        zero = p.constant(value=np.array(0.0))
        return added(p.pad(x, zero, low=(0,), high=(4,)), p.pad(y, zero, low=(2,), high=(2,)))

    g = build([tensor("float64", 3), tensor("float64", 3)], run)
    (got,) = interpret(g, [np.ones(3), np.ones(3)])
    np.testing.assert_array_equal(got, [1, 1, 2, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("test", "start", "step", "trips"),
    [
        (lambda i, n: p.lt(i, n), 0, 1, 10), (lambda i, n: p.le(i, n), 0, 1, 11), (lambda i, n: p.gt(n, i), 0, 3, 4),
        (lambda i, n: p.ge(n, i), 2, 3, 3), (lambda i, n: p.lt(i, n), 12, 1, 0), (lambda i, n: p.lt(n, i), 0, 1, None),
        (lambda i, n: p.lt(i, n), 0, -1, None), (lambda i, n: p.ne(i, n), 0, 1, None),
    ],
)  # fmt: skip
def test_trips_follow_from_counter_step_and_limit(test: Any, start: int, step: int, trips: int | None) -> None:
    cond = build([INT, INT], lambda i, n: test(i, n))
    body = build([INT, INT], lambda i, n: p.add(i, int32(step)))
    b = Builder()
    with binding(b):
        operands = [int32(start), int32(10)]
        assert known_trips(cond, body, 1, operands, None) == trips


def test_trips_of_a_counter_that_would_wrap_around_are_not_known() -> None:
    cond = build([INT, INT], lambda i, n: p.lt(i, n))
    body = build([INT, INT], lambda i, n: p.add(i, int32(2)))
    with binding(Builder()):
        assert known_trips(cond, body, 1, [int32(0), int32(2**31 - 1)], None) is None
