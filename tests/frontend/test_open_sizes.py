"""Functions whose signature leaves open what decides on the trace: they are traced for the sizes that come."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import graphtf as tf
from graphtf.flags import flags
from graphtf.ir.parse import parse

ANY = tf.TensorSpec(None, tf.float32)
MATRIX = tf.TensorSpec([None, None], tf.float32)
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def twice(spec, body, *arrays):
    """The results of one function for several arrays, checked against the eager ones."""
    f = tf.function(body, input_signature=[spec])
    for a in arrays:
        expected, found = body(tf.constant(a)), f(tf.constant(a))
        tf.nest.map_structure(lambda x, y: np.testing.assert_array_equal(x, y), expected, found)
    return f


@pytest.mark.parametrize(
    "body",
    [
        tf.linalg.matrix_transpose, tf.sort, tf.math.top_k, lambda x: tf.tile(x, [1] * len(x.shape)),
        lambda x: tf.map_fn(lambda row: 2 * row, x), lambda x: tf.scan(lambda a, row: a + row, x), lambda x: x[0],
        lambda x: tf.norm(x, axis=-1), lambda x: tf.argmax(x, axis=-1), lambda x: tf.bitcast(x, tf.uint8),
    ],
)  # fmt: skip
def test_of_unknown_rank(body):
    twice(ANY, body, X, X[0][None, None], X.T)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: tf.slice(x, [0, 1], [2, 1]), lambda x: tf.unstack(x, num=2), lambda x: tf.repeat(x, [1, 2], axis=0),
        tf.linalg.trace, tf.math.is_non_decreasing, lambda x: tf.linalg.diag_part(x, k=(-1, 1)),
        lambda x: tf.foldl(tf.add, x),
    ],
)  # fmt: skip
def test_of_open_sizes(body):
    twice(MATRIX, body, X, X[:, :2], np.ones((2, 7), np.float32))


def alternate(x, depth):
    return x if not depth else tf.concat([x[:1], alternate(x[1::2] + 1.0, depth - 1), x[-1:]], 0)


def halves(x, depth):
    half = tf.shape(x)[0] // 2
    return x if not depth else tf.concat([x[:half], halves(x[half:] * 2.0, depth - 1)], 0)


def overlapping(x, depth):
    high = tf.maximum(tf.shape(x)[0] // 2, 1)
    low = tf.minimum(tf.shape(x)[0] - 1, high)
    return x if not depth else overlapping(tf.concat([x[:low], x[high:] + 1.0], 0), depth - 1)


@pytest.mark.parametrize("body", [alternate, halves, overlapping])
def test_recursions_whose_sizes_grow_with_their_depth(body):
    for depth in (3, 20):
        arrays = (np.arange(k, dtype=np.float32) for k in (1, 2, 9, 40))
        f = twice(tf.TensorSpec([None], tf.float32), functools.partial(body, depth=depth), *arrays)
        graph = f.get_concrete_function().ir
        assert str(parse(str(graph))) == str(graph)
        assert len(str(graph)) < depth * 20_000


def test_known_sizes_are_traced_once_each():
    f = twice(ANY, tf.sort, X, X + 1, X[0])
    assert f.experimental_get_tracing_count() == 2


def test_an_open_trace_stays_one():
    f = twice(MATRIX, lambda x: tf.reduce_sum(x, axis=0), X, X.T, X[:1])
    assert f.experimental_get_tracing_count() == 1


def test_sizes_that_do_not_fit_are_found_when_it_runs():
    f = tf.function(lambda x: tf.slice(x, [0, 1], [2, 2]), input_signature=[MATRIX])
    with pytest.raises(tf.errors.InvalidArgumentError, match="slice"):
        f(tf.ones([2, 2]))
    np.testing.assert_array_equal(f(tf.constant(X)), X[:, 1:])


def test_what_cannot_fit_is_refused_while_it_is_traced():
    f = tf.function(lambda x: tf.matmul(x, tf.ones([4, 1])), input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    with pytest.raises(ValueError, match="matmul"):
        f(tf.constant(X))


def test_gradients_through_a_trace_for_known_sizes():
    f = tf.function(lambda x: tf.norm(tf.linalg.matrix_transpose(x)), input_signature=[ANY])
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    np.testing.assert_allclose(tape.gradient(y, x), X / np.linalg.norm(X), rtol=1e-6)


def test_in_a_function_that_is_being_traced():
    inner = tf.function(tf.linalg.matrix_transpose, input_signature=[ANY])
    outer = tf.function(lambda x: inner(x) * 2, input_signature=[MATRIX])
    np.testing.assert_array_equal(outer(tf.constant(X)), X.T * 2)


# ---- sizes that meet -------------------------------------------------------------------------------------------------


def sum_if_alike(x, y):
    return tf.cond(tf.shape(x)[0] == tf.shape(y)[0], lambda: tf.reduce_sum(x * y), lambda: tf.reduce_sum(x) - 1.0)


def positive(x):
    return tf.boolean_mask(x, x > 0)


@pytest.mark.parametrize("first", [tf.identity, positive])
@pytest.mark.parametrize("interpreted", [False, True])
def test_a_branch_that_does_not_run_asks_nothing_of_sizes(first, interpreted, monkeypatch):
    monkeypatch.setattr(flags, "interpret", interpreted)
    body = lambda x, y: sum_if_alike(first(x), first(y))  # noqa: E731
    f = tf.function(body, input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    for a, b in [(3, 3), (2, 3), (3, 2), (1, 1), (5, 5)]:
        x, y = tf.range(1.0, a + 1.0), tf.range(1.0, b + 1.0)
        assert f(x, y) == body(x, y)


@pytest.mark.parametrize("interpreted", [False, True])
def test_a_branch_that_runs_does(interpreted, monkeypatch):
    monkeypatch.setattr(flags, "interpret", interpreted)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    def f(x, y):
        a, b = positive(x), positive(y)
        return tf.cond(tf.size(a) > 1, lambda: tf.reduce_sum(tf.concat([a, a], 0) * b), lambda: 0.0)

    assert f(tf.ones([1]), tf.ones([7])) == 0 and f(tf.ones([2]), tf.ones([4])) == 4
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be equal, got (14 and 4|4 and 14)"):
        f(tf.ones([7]), tf.ones([4]))


@pytest.mark.parametrize("interpreted", [False, True])
def test_sizes_found_while_it_runs_are_checked_before_they_are_relied_on(interpreted, monkeypatch):
    monkeypatch.setattr(flags, "interpret", interpreted)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    def f(x, y):
        a, b = positive(x), positive(y)
        return tf.concat([a, a], 0) + tf.concat([b, b, b], 0)

    np.testing.assert_array_equal(f(tf.ones([3]), tf.ones([2])), np.full(6, 2.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"the sizes .* must be equal, got 16000000 and 6"):
        f(tf.ones([8_000_000]), tf.ones([2]))


def test_a_loop_whose_branch_assumes_sizes():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def f(x):
        total = tf.zeros([])
        for k in tf.range(3):
            kept = tf.boolean_mask(x, x > tf.cast(k, tf.float32))
            if tf.size(kept) == 2:
                total += tf.reduce_sum(tf.concat([kept, kept], 0) * positive(x))
        return total

    assert f(tf.constant([1.0, 2.0, 3.0, 1.0])) == 2 + 6 + 6 + 3
    assert f(tf.constant([1.0, 1.0, 1.0])) == 0


def test_gradients_of_a_branch_that_assumes_sizes():
    f = tf.function(sum_if_alike, input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    for sizes, expected in [((2, 2), [1.0, 2.0]), ((3, 2), [1.0] * 3)]:
        x, y = (tf.range(1.0, k + 1.0) for k in sizes)
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = f(x, y)
        np.testing.assert_array_equal(tape.gradient(out, x), expected)


def test_gradients_of_a_loop_that_takes_the_sizes_of_its_state_to_be_those_of_its_steps():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 2], tf.float32), tf.TensorSpec([None, 2], tf.float32)])
    def f(x, state):
        with tf.GradientTape() as tape:
            tape.watch(state)
            end = tf.scan(lambda s, step: tf.tanh(s * step), tf.transpose(x, [1, 0, 2]), initializer=state)
            loss = tf.reduce_sum(end)
        return tape.gradient(loss, state)

    x, state = tf.reshape(tf.range(12.0), [2, 3, 2]) / 6, tf.ones([2, 2])
    expected = []
    for row in x:
        with tf.GradientTape() as tape:
            tape.watch(state)
            s, loss = state[0], 0.0
            for step in row:
                s = tf.tanh(s * step)
                loss += tf.reduce_sum(s)
        expected.append(tape.gradient(loss, state)[0])
    np.testing.assert_allclose(f(x, state), tf.stack(expected), rtol=1e-6)


def test_branches_give_slices_with_indices_of_either_kind():
    @tf.function
    def f(take_first):
        zeros = lambda: tf.IndexedSlices(tf.zeros([1, 2]), tf.constant([0]), tf.constant([4, 2]))  # noqa: E731
        ones = lambda: tf.IndexedSlices(tf.ones([2, 2]), tf.constant([1, 2], tf.int64), tf.constant([4, 2]))  # noqa: E731
        return tf.cond(take_first, zeros, ones), tf.cond(take_first, ones, zeros)

    for flag in (True, False):
        found = f(tf.constant(flag))
        assert [x.indices.dtype for x in found] == [tf.int64, tf.int64]
        a, b = (tf.convert_to_tensor(x).numpy() for x in (found if flag else found[::-1]))
        np.testing.assert_array_equal(a, np.zeros([4, 2]))
        np.testing.assert_array_equal(b[:, 0], [0, 1, 1, 0])
