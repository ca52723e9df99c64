"""Loops over rows in several: which may be parted, that the results stay, and that they run at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.ir.builder import build
from graphtf.ir.dtypes import int32
from graphtf.ir.graph import Graph, Node
from graphtf.ir.interpret import interpret
from graphtf.ir.loops.stmt import For, While
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType, tensor
from graphtf.ir.verify import verify
from graphtf.llvm.codegen.shapes import walk
from graphtf.passes.partition import gather, partition
from graphtf.passes.partition.loops import FEW, MOST, ROWS
from graphtf.passes.structure import is_loop
from graphtf.runtime import compile

WIDTH, STEPS = 64, 6
COUNTER = TensorType(int32, ())


def loop(rows: int, step: Any, *more: TensorType, test: Any = None, trips: int | None = STEPS) -> Graph:
    """A loop that carries a counter, a state [rows, WIDTH], a matrix sum [WIDTH, WIDTH], and takes weights besides."""
    state, square = tensor("float32", rows, WIDTH), tensor("float32", WIDTH, WIDTH)
    types = [COUNTER, state, square, square, *more]

    def one(value: int) -> Any:
        return p.constant(value=np.array(value, np.int32))

    def go(*xs: Any) -> Any:
        return p.lt(xs[0], one(STEPS)) if test is None else test(*xs)

    cond = build(types, lambda *xs: [go(*xs)])
    body = build(types, lambda *xs: [p.add(xs[0], one(1)), *step(*xs[1:])])
    attrs = {} if trips is None else {"max_trips": trips}
    return build(types, lambda *xs: list(while_(*xs, cond=cond, body=body, carried=3, **attrs)))


def recurrent(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    """What a recurrent layer and the gradient of its weights do."""
    y = p.tanh(p.matmul(x, w, transpose_a=False, transpose_b=False))
    return [y, p.add(total, p.matmul(x, y, transpose_a=True, transpose_b=False))]


def arguments(g: Graph) -> list[Any]:
    rng = np.random.default_rng(0)
    found: list[Any] = [np.array(0, np.int32)]
    for v in g.inputs[1:]:
        found.append((rng.standard_normal(v.ir_type.dims) / 8).astype(np.float32))
    return found


def loops_of(g: Graph) -> list[Node]:
    return [n for n in g.nodes if is_loop(n)]


@pytest.mark.parametrize("rows", [16, 32, 48, 64, 40, 33, 256])
def test_the_parts_give_what_the_loop_gives(rows: int) -> None:
    g = loop(rows, recurrent)
    parted = partition(g)
    verify(parted)
    count = len(loops_of(parted))
    assert 2 <= count <= MOST
    sizes = {n.inputs[1].ir_type.dims[0] for n in loops_of(parted)}
    assert len(sizes) == 1 and sizes.pop() * count == rows
    xs = arguments(g)
    for a, b in zip(interpret(parted, xs), interpret(g, xs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    native = compile(g).run(xs)
    for a, b in zip(native, interpret(g, xs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    again = compile(g).run(xs)
    assert all(np.array_equal(a, b) for a, b in zip(native, again))


def test_how_many_parts_follows_from_the_rows() -> None:
    assert len(loops_of(partition(loop(2 * ROWS, recurrent)))) == 2
    assert len(loops_of(partition(loop(2 * FEW, recurrent)))) == 2
    assert len(loops_of(partition(loop(2 * FEW - 1, recurrent)))) == 1
    assert len(loops_of(partition(loop(31, recurrent)))) == 1  # a prime number of rows


def mean_of_rows(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, total = recurrent(x, total, w)
    mean = p.reduce_sum(y, axes=(0,))
    return [p.sub(y, p.reshape(mean, shape=(1, WIDTH))), total]


def reversed_rows(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, total = recurrent(x, total, w)
    return [p.reverse(y, axes=(0,)), total]


def decaying_sum(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, total = recurrent(x, total, w)
    return [y, p.mul(total, p.constant(value=np.array(0.5, np.float32)))]


def sum_that_is_read(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, after = recurrent(x, total, w)
    return [p.add(y, p.slice(total, starts=(0, 0), limits=(1, WIDTH), strides=(1, 1))), after]


def numbered_rows(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, total = recurrent(x, total, w)
    numbers = p.cast(p.iota(shape=y.ir_type.dims, axis=0, dtype=int32), dtype=y.ir_type.dtype)
    return [p.add(y, numbers), total]


def sorted_rows(x: Any, total: Any, w: Any, *_: Any) -> list[Any]:
    y, total = recurrent(x, total, w)
    return [p.sort(y, axis=0, descending=False), total]


@pytest.mark.parametrize(
    "step", [mean_of_rows, reversed_rows, decaying_sum, sum_that_is_read, numbered_rows, sorted_rows]
)
def test_rows_that_meet_stay_together(step: Any) -> None:
    g = loop(32, step)
    assert partition(g) is g


def test_a_loop_whose_rows_decide_when_it_ends_stays() -> None:
    def test(i: Any, x: Any, *_: Any) -> Any:
        largest = p.reduce_max(x, axes=(0, 1))
        return p.logical_and(p.lt(i, p.constant(value=np.array(STEPS, np.int32))), p.isfinite(largest))

    g = loop(32, recurrent, test=test)
    assert partition(g) is g


def test_loops_of_unknown_length_or_with_large_weights_stay() -> None:
    g = loop(32, recurrent, trips=None)
    assert partition(g) is g
    square = tensor("float32", 1024, 1024)

    def step(x: Any, total: Any, w: Any, big: Any) -> list[Any]:
        y, total = recurrent(x, total, w)
        wide = p.concat(*[y] * 16, axis=1)
        back = p.matmul(wide, big, transpose_a=False, transpose_b=False)
        return [p.slice(back, starts=(0, 0), limits=(32, WIDTH), strides=(1, 1)), total]

    g = loop(32, step, square)
    assert partition(g) is g


def test_what_has_no_native_code_stays() -> None:
    state, square = tensor("complex64", 32, WIDTH), tensor("complex64", WIDTH, WIDTH)
    types = [COUNTER, state, square, square]
    cond = build(types, lambda *xs: [p.lt(xs[0], p.constant(value=np.array(STEPS, np.int32)))])
    body = build(types, lambda *xs: [xs[0], *recurrent(*xs[1:])])
    run = {"cond": cond, "body": body, "carried": 3, "max_trips": STEPS}
    g = build(types, lambda *xs: list(while_(*xs, **run)))
    assert partition(g) is g


def test_values_that_broadcast_against_rows_are_whole() -> None:
    def step(x: Any, total: Any, w: Any, bias: Any, scale: Any) -> list[Any]:
        y, total = recurrent(x, total, w)
        return [p.mul(p.add(y, bias), scale), total]

    g = loop(32, step, tensor("float32", WIDTH), tensor("float32", 32, 1))
    parted = partition(g)
    assert [n.inputs[-1].ir_type.dims for n in loops_of(parted)] == [(16, 1)] * 2
    xs = arguments(g)
    for a, b in zip(interpret(parted, xs), interpret(g, xs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def chains(g: Graph) -> Sequence[For]:
    """The statements of the program that run loops at once."""
    steps = compile(g).assembly.steps
    found = [s for step in steps for s in walk(step.module.main.body)]  # type: ignore[union-attr]
    return [s for s in found if isinstance(s, For) and any(isinstance(x, While) for x in walk(s.body))]


def test_the_parts_run_at_once() -> None:
    (chain,) = chains(loop(32, recurrent))
    assert chain.kind == "parallel"


def test_loops_that_do_not_need_each_other_come_together() -> None:
    inner = loop(7, recurrent)
    (node,) = loops_of(inner)
    cond, body = node.regions["cond"], node.regions["body"]
    types = [v.type for v in inner.inputs]

    def both(*xs: Any) -> list[Any]:
        run = {"cond": cond, "body": body, "carried": 3, "max_trips": STEPS}
        first = while_(*xs, **run)
        shifted = p.add(xs[1], xs[1])
        second = while_(xs[0], shifted, *xs[2:], **run)
        third = while_(xs[0], second[1], *xs[2:], **run)
        return [first[1], second[1], third[1]]

    g = build(types, both)
    order = [is_loop(n) for n in gather(g).nodes if n.op.pure or is_loop(n)]
    assert order[-3:] == [True] * 3 and gather(g).nodes[-1] is loops_of(g)[-1]
    assert len(chains(g)) == 1
    xs = arguments(g)
    for a, b in zip(compile(g).run(xs), interpret(g, xs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_training_a_recurrent_layer_is_what_it_is_in_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, w, u = (tf.constant((rng.standard_normal(s) / 4).astype("f")) for s in ((9, 32, 5), (5, 24), (24, 24)))

    def loss(x: Any, w: Any, u: Any) -> Any:
        h = tf.zeros((32, 24))
        for t in tf.range(9):
            h = tf.tanh(x[t] @ w + h @ u)
        return tf.reduce_sum(h * h)

    def gradients(x: Any, w: Any, u: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, w, u])
            y = loss(x, w, u)
        return tape.gradient(y, [x, w, u])

    native = tf.function(gradients)(x, w, u)
    for a, b in zip(native, gradients(x, w, u)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
