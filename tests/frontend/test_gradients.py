"""Gradients that functions bring, gradients within functions, directions, and Python functions in programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.flags import flags


@pytest.fixture(params=["eager", "native", "reference"])
def way(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """How a function is run: as it is, or as `tf.function` on either back end."""
    before, flags.interpret = flags.interpret, request.param == "reference"
    yield (lambda f: f) if request.param == "eager" else tf.function
    flags.interpret = before


@tf.custom_gradient
def log1pexp(x: Any) -> Any:
    e = tf.exp(x)
    return tf.math.log(1 + e), lambda ct: ct * (1 - 1 / (1 + e))


def twice(f: Callable[..., Any], x: Any) -> Any:
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        g = inner.gradient(y, x)
    return g, outer.gradient(g, x)


def test_custom_gradient_is_used_and_has_a_gradient(way: Any) -> None:
    x = tf.constant([1.0, 100.0])
    first, second = way(lambda x: twice(log1pexp, x))(x)
    s = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(first, [s, 1.0], rtol=1e-6)
    np.testing.assert_allclose(second[0], s * (1 - s), rtol=1e-5)


def test_custom_gradient_within_a_compiled_function(way: Any) -> None:
    f = way(log1pexp)
    first, _ = twice(f, tf.constant([100.0]))
    assert first.numpy().tolist() == [1.0]


def test_custom_gradient_of_variables(way: Any) -> None:
    v = tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x: Any) -> Any:
        return x * v, lambda ct, variables: (ct * 5, [ct * 7])

    def gradients(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = scaled(x)
        return tape.gradient(y, [x, v])

    assert [float(g) for g in way(gradients)(tf.constant(2.0))] == [5.0, 7.0]
    f = way(scaled)
    with tf.GradientTape() as tape:
        y = f(v * 1.0)
    assert float(tape.gradient(y, v)) == 12.0


def test_rules_are_checked() -> None:
    v = tf.Variable(1.0)
    with pytest.raises(TypeError, match="must accept a 'variables' keyword"):
        tf.custom_gradient(lambda x: (x * v, lambda ct: ct))(tf.constant(1.0))
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.custom_gradient(lambda x: (x, lambda ct: (ct, ct)))(x)
    with pytest.raises(ValueError, match="expected to return 1 gradients, but returned 2"):
        tape.gradient(y, x)


def test_gradients_in_a_function() -> None:
    v = tf.Variable(2.0)

    @tf.function
    def f(x: Any) -> Any:
        y = tf.reduce_sum(x * x * x) * v
        double = 2 * x
        parts = tf.gradients(x + double, [x, double], stop_gradients=double)
        return tf.gradients(y, [x, v]), tf.hessians(y, [x]), parts

    (gx, gv), (h,), parts = f(tf.constant([1.0, 2.0]))
    assert gx.numpy().tolist() == [6.0, 24.0]
    assert float(gv) == 9.0
    assert h.numpy().tolist() == [[12.0, 0.0], [0.0, 24.0]]
    assert [g.numpy().tolist() for g in parts] == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(RuntimeError, match="not supported when eager"):
        tf.gradients(v * v, v)


def test_recompute_and_pass_through(way: Any) -> None:
    v = tf.Variable(3.0)
    again = tf.recompute_grad(lambda x: x * x * v)
    straight = tf.grad_pass_through(tf.round)

    def gradients(x: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y, z = again(x), straight(x) * x
        return tape.gradient(y, [x, v]), tape.gradient(z, x)

    (gx, gv), gz = way(gradients)(tf.constant(2.25))
    assert (float(gx), float(gv), float(gz)) == (13.5, 5.0625, 4.25)


def test_directions(way: Any) -> None:
    def push(x: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 10.0])) as acc:
            y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), (0, x))[1]
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(x * x * x)
            g = tape.gradient(loss, x)
        return acc.jvp([y, g])

    y, g = way(push)(tf.constant([1.0, 2.0]))
    assert y.numpy().tolist() == [4.0, 320.0]
    assert g.numpy().tolist() == [6.0, 120.0]


def test_directions_of_directions() -> None:
    x, one = tf.constant(3.0), tf.constant(1.0)
    with tf.autodiff.ForwardAccumulator(x, one) as outer, tf.autodiff.ForwardAccumulator(x, one) as inner:
        y = x * x * x
        assert float(inner.jvp(y)) == 27.0
        assert float(outer.jvp(inner.jvp(y))) == 18.0
    assert outer.jvp(tf.constant(1.0)) is None


def test_python_functions(way: Any) -> None:
    def f(x: Any) -> Any:
        a = tf.py_function(lambda t: float(t[0]) * t, [x], tf.float32)
        (b,) = tf.py_function(lambda t: [t * t], [x], [tf.float32])
        return a, b, tf.numpy_function(lambda a: np.flip(a), [x], tf.float32)

    a, b, c = way(f)(tf.constant([2.0, 3.0]))
    assert (a.numpy().tolist(), b.numpy().tolist(), c.numpy().tolist()) == ([4.0, 6.0], [4.0, 9.0], [3.0, 2.0])
    x = tf.constant([2.0, 3.0])
    g = way(lambda x: tf.py_function(lambda t: t * t, [x], tf.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = g(x)
    assert tape.gradient(y, x).numpy().tolist() == [4.0, 6.0]


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(ValueError, "InvalidArgumentError"), (KeyError, "UnknownError"), (NotImplementedError, "UnimplementedError")],
)
def test_python_functions_that_fail(way: Any, raised: type[Exception], seen: str) -> None:
    def fail(x: Any) -> Any:
        raise raised("no")

    with pytest.raises(getattr(tf.errors, seen), match="no"):
        way(lambda x: tf.py_function(fail, [x], tf.float32))(tf.constant(1.0))


def test_python_functions_by_decoration(way: Any) -> None:
    @tf.py_function(Tout=tf.float32)
    def logs(x: Any) -> Any:
        return tf.math.log(x) * 2.0

    @tf.numpy_function(Tout=tf.float32)
    def sinh(x: Any) -> Any:
        return np.sinh(x)

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = logs(x)
        return tape.gradient(y, x), sinh(x)

    found, other = way(gradient)(tf.constant(4.0))
    assert found.numpy() == 0.5 and abs(other.numpy() - np.sinh(4.0)) < 1e-4


def test_gradients_of_look_ups_are_slices(way: Any) -> None:
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    def gradients() -> list[Any]:
        with tf.GradientTape(persistent=True) as tape:
            first = tf.reduce_sum(tf.gather(table, [0, 2, 0]) * 2.0)
            both = first + tf.reduce_sum(tf.nn.embedding_lookup(table, tf.constant([[1]], tf.int64)))
            dense = both + tf.reduce_sum(table)
            squared = tf.reduce_sum(tf.gather(table * table, [1]))
        return [tape.gradient(y, table) for y in (first, both, dense, squared)]

    first, both, dense, squared = way(gradients)()
    assert isinstance(first, tf.IndexedSlices) and first.dense_shape.numpy().tolist() == [3, 2]
    assert first.indices.numpy().tolist() == [0, 2, 0] and first.values.numpy().tolist() == [[2.0, 2.0]] * 3
    assert isinstance(both, tf.IndexedSlices)
    assert tf.convert_to_tensor(both).numpy().tolist() == [[4.0, 4.0], [1.0, 1.0], [2.0, 2.0]]
    assert isinstance(dense, tf.Tensor) and dense.numpy().tolist() == [[5.0, 5.0], [2.0, 2.0], [3.0, 3.0]]
    assert squared.numpy().tolist() == [[0.0, 0.0], [6.0, 8.0], [0.0, 0.0]]


def test_slices_update_the_rows_of_a_variable_where_a_function_is_traced(way: Any) -> None:
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    def step(ids: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.gather(table, ids) ** 2)
        (g,), norm = tf.clip_by_global_norm([tape.gradient(y, table)], 1e6)
        table.scatter_sub(tf.IndexedSlices(g.values * 0.25, g.indices))
        return norm

    assert way(step)(tf.constant([2, 2])).numpy() == np.float32(np.sqrt(2 * (10.0**2 + 12.0**2)))
    assert table.numpy().tolist() == [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]


def test_gradients_of_what_a_function_is_given_are_slices_of_look_ups() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int32)])
    def slices(table: Any, ids: Any) -> Any:
        return tf.gradients(tf.reduce_sum(tf.gather(table, ids) ** 2), [table, ids])[0]

    g = slices([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [2, 2])
    assert isinstance(g, tf.IndexedSlices) and g.values.numpy().tolist() == [[10.0, 12.0]] * 2
    assert tf.convert_to_tensor(g).numpy().tolist() == [[0.0, 0.0], [0.0, 0.0], [20.0, 24.0]]


def test_second_derivatives_through_look_ups() -> None:
    table = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(tf.gather(table, [1, 1]) ** 3)
        g = inner.gradient(y, table)
        total = tf.reduce_sum(g.values)
    assert tf.convert_to_tensor(outer.gradient(total, table)).numpy().tolist() == [0.0, 24.0, 0.0]


def test_watched_variables_stay_known() -> None:
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    assert tape.watched_variables() == (v,)


def test_a_growing_tensor_array_in_a_loop_has_a_gradient() -> None:
    """Its trace has none, so the function runs op by op under tapes, and says so."""
    steps = tf.Variable(0)

    @tf.function
    def squares(x: tf.Tensor) -> tf.Tensor:
        steps.assign_add(1)
        array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, clear_after_read=False)
        for i in tf.range(3):
            array = array.write(i, x[i] ** 2)
        return tf.reduce_sum(array.stack() * array.read(1))

    x = tf.constant([1.0, 2.0, 3.0])
    for count in (1, 2):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = squares(x)
        assert float(y) == 56.0
        assert tape.gradient(y, x).numpy().tolist() == [8.0, 72.0, 24.0]
        assert int(steps) == count
    assert float(squares(x)) == 56.0


def test_what_runs_op_by_op_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    @tf.function
    def doubled(x: tf.Tensor) -> tf.Tensor:
        array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, clear_after_read=False).write(0, x)
        for i in tf.range(1, 3):
            array = array.write(i, x * tf.reduce_sum(array.stack() ** 2))
        return tf.reduce_sum(array.stack())

    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        doubled(x)
    doubled.explain()
    assert "op by op, because while_body: an operand gives f32[*]" in capsys.readouterr().out


def test_a_tape_that_never_recorded_has_no_gradient() -> None:
    x = tf.Variable(1.0)
    for persistent in (True, False):
        tape = tf.GradientTape(persistent)
        with pytest.raises(RuntimeError, match="can only be used to compute one set of gradients"):
            tape.gradient(x * x, x)
        with pytest.raises(RuntimeError, match="not recording"), tape.stop_recording():
            pass
        with pytest.raises(ValueError, match="not recording"):
            tape.reset()
        with pytest.raises(AttributeError, match="nothing has been recorded"):
            tape.watch(x)
        assert tape.watched_variables() == ()
        with tape:
            y = x * x
        assert float(tape.gradient(y, x)) == 2.0


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("rows", [False, True])
def test_only_what_reads_rows_gives_slices(traced: bool, rows: bool) -> None:
    v = tf.Variable(np.arange(6.0).reshape(3, 2))
    sparse = tf.sparse.SparseTensor([[0, 1]], np.ones(1), [2, 3])

    def slope() -> Any:
        with tf.GradientTape() as tape:
            picked = tf.gather(v, [1]) if rows else tf.sparse.sparse_dense_matmul(sparse, v)
            y = tf.reduce_sum(picked) + (0.0 if rows else tf.reduce_sum(tf.sparse.segment_sum(v, [2], [0])))
        return tape.gradient(y, v)

    found = (tf.function(slope) if traced else slope)()
    assert isinstance(found, tf.IndexedSlices) is rows
    np.testing.assert_array_equal(tf.convert_to_tensor(found), [[0, 0], [1, 1], [0, 0] if rows else [1, 1]])
