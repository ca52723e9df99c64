"""Datasets, iterators and optionals inside traced functions."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import graphtf as tf

Dataset = tf.data.Dataset


def test_loop_over_an_argument() -> None:
    @tf.function
    def total(dataset: Any) -> Any:
        s = tf.constant(0, tf.int64)
        for x in dataset:
            s += x
        return s

    assert int(total(Dataset.range(10))) == 45
    assert int(total(Dataset.range(4).map(lambda x: x * 2))) == 12
    assert total.experimental_get_tracing_count() == 1  # one trace for datasets of one structure
    assert int(total(Dataset.range(0))) == 0


def test_loop_with_break_and_continue() -> None:
    @tf.function
    def f(dataset: Any) -> Any:
        s = tf.constant(0, tf.int64)
        for x in dataset:
            if x == 2:
                continue
            if x == 5:
                break
            s += x
        return s

    assert int(f(Dataset.range(100))) == 0 + 1 + 3 + 4


def test_break_leaves_the_rest_to_the_iterator() -> None:
    @tf.function
    def first_over(it: Any, limit: Any) -> Any:
        found = tf.constant(-1, tf.int64)
        for x in it:
            if x > limit:
                found = x
                break
        return found

    it = iter(Dataset.range(10))
    assert int(first_over(it, tf.constant(3, tf.int64))) == 4
    assert int(next(it)) == 5


def test_loop_over_batches_of_open_size() -> None:
    data = Dataset.range(10).map(lambda x: tf.cast(x, tf.float32)).batch(4)

    @tf.function
    def f() -> Any:
        count, s = tf.constant(0), tf.constant(0.0)
        for batch in data:
            count += tf.shape(batch)[0]
            s += tf.reduce_sum(batch)
        return count, s

    count, s = f()
    assert (int(count), float(s)) == (10, 45.0)


def test_loop_that_trains() -> None:
    x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    data = Dataset.from_tensor_slices((x, 3 * x + 1)).batch(5)
    w, b = tf.Variable([[0.0]]), tf.Variable(0.0)

    @tf.function
    def epoch() -> None:
        for xs, ys in data:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.matmul(xs, w) + b - ys) ** 2)
            dw, db = tape.gradient(loss, [w, b])
            w.assign_sub(0.3 * dw)
            b.assign_sub(0.3 * db)

    for _ in range(20):
        epoch()
    np.testing.assert_allclose([w.numpy()[0, 0], b.numpy()], [3, 1], atol=1e-3)


def test_enumerate_zip_map_filter() -> None:
    a, b = Dataset.range(4), Dataset.range(10, 14)

    @tf.function
    def f() -> Any:
        s = tf.constant(0, tf.int64)
        for k, (x, y) in enumerate(zip(a, b)):
            s += k * (x + y)
        for x in map(lambda v: v + 1, filter(lambda v: v > 1, a)):
            s += 1000 * x
        return s

    assert int(f()) == sum(k * (k + 10 + k) for k in range(4)) + 1000 * (3 + 4)


def test_reduce() -> None:
    @tf.function
    def f(n: Any, m: Any) -> Any:
        return Dataset.range(n).reduce((np.int64(0), 1.0), lambda s, x: (s[0] + x * m, s[1] * 2.0))

    total, power = f(tf.constant(5, tf.int64), tf.constant(3, tf.int64))
    assert (int(total), float(power)) == (30, 32.0)


def test_reduce_of_a_state_that_grows() -> None:
    found = Dataset.range(3).reduce(tf.constant([], tf.int64), lambda s, x: tf.concat([s, [x]], 0))
    assert found.numpy().tolist() == [0, 1, 2]


def test_dataset_made_inside_and_returned() -> None:
    @tf.function
    def make(n: Any) -> Any:
        return Dataset.range(n).map(lambda x: x * n).batch(2)

    assert [x.tolist() for x in make(tf.constant(3, tf.int64)).as_numpy_iterator()] == [[0, 3], [6]]
    assert [x.tolist() for x in make(tf.constant(1, tf.int64)).as_numpy_iterator()] == [[0]]


def test_dataset_captured_twice() -> None:
    inner = Dataset.range(2)
    pairs = Dataset.range(2).flat_map(lambda i: Dataset.zip((inner, inner.map(lambda x: x + 10 * i))))
    assert list(pairs.as_numpy_iterator()) == [(0, 0), (1, 1), (0, 10), (1, 11)]


def test_iterator_as_argument() -> None:
    step = tf.function(lambda it: it.get_next() * 2)
    first, second = iter(Dataset.range(5).batch(2)), iter(Dataset.range(7).batch(3))
    assert step(first).numpy().tolist() == [0, 2]
    assert step(second).numpy().tolist() == [0, 2, 4]
    assert step(first).numpy().tolist() == [4, 6]
    assert step(first).numpy().tolist() == [8]
    assert step.experimental_get_tracing_count() == 1
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        step(first)
    assert step(iter(Dataset.range(2))).numpy() == 0
    assert step.experimental_get_tracing_count() == 2  # of another structure


def test_several_steps_in_one_call() -> None:
    @tf.function
    def three(it: Any) -> Any:
        s = tf.constant(0, tf.int64)
        for _ in tf.range(3):
            s += next(it)
        return s

    it = iter(Dataset.range(6))
    assert [int(three(it)), int(three(it))] == [3, 12]


def test_iterator_of_structures() -> None:
    data = Dataset.from_tensor_slices({"x": [[1.0, 2.0]] * 3, "s": ["a", "b", "c"]}).batch(2)

    @tf.function
    def f(it: Any) -> Any:
        batch = it.get_next()
        return tf.reduce_sum(batch["x"]), batch["s"]

    it = iter(data)
    total, names = f(it)
    assert (float(total), names.numpy().tolist()) == (6.0, [b"a", b"b"])
    assert float(f(it)[0]) == 3.0


def test_optional_eagerly() -> None:
    it = iter(Dataset.range(1))
    one, none = it.get_next_as_optional(), it.get_next_as_optional()
    assert one.has_value() and int(one.get_value()) == 0
    assert not none.has_value()
    assert none.element_spec == tf.TensorSpec([], tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError):
        none.get_value()


def test_optional_in_a_function() -> None:
    @tf.function
    def f(it: Any) -> Any:
        found = it.get_next_as_optional()
        if found.has_value():
            return found.get_value()
        return tf.constant(-1, tf.int64)

    it = iter(Dataset.range(2))
    assert [int(f(it)) for _ in range(4)] == [0, 1, -1, -1]


def test_optional_returned() -> None:
    @tf.function
    def f(it: Any) -> Any:
        return tf.experimental.Optional.from_value({"twice": it.get_next() * 2, "name": "n"})

    found = f(iter(Dataset.range(3, 5)))
    assert found.has_value() and int(found.get_value()["twice"]) == 6
    assert found.get_value()["name"].numpy() == b"n"


def test_optional_carried_by_a_loop() -> None:
    @tf.function
    def f(it: Any) -> Any:
        def more(k: Any, _: Any, following: Any) -> Any:
            return tf.logical_and(k < 5, following.has_value())

        def body(k: Any, last: Any, following: Any) -> Any:
            return k + 1, tf.experimental.Optional.from_value(following.get_value() * 10), it.get_next_as_optional()

        start = tf.experimental.Optional.empty(tf.TensorSpec([], tf.int64))
        count, last, _ = tf.while_loop(more, body, [tf.constant(0), start, it.get_next_as_optional()])
        return count, last

    count, last = f(iter(Dataset.range(3)))
    assert int(count) == 3 and int(last.get_value()) == 20
    count, last = f(iter(Dataset.range(0)))
    assert int(count) == 0 and not last.has_value()


def test_optional_as_element() -> None:
    spec = (tf.TensorSpec([], tf.int32), tf.OptionalSpec(None))
    data = Dataset.from_generator(lambda: iter([(1, tf.experimental.Optional.empty(None))]), output_signature=spec)
    ((x, missing),) = list(data)
    assert int(x) == 1 and isinstance(missing, tf.experimental.Optional) and not missing.has_value()


def test_specs() -> None:
    data = Dataset.range(3)
    assert tf.data.DatasetSpec.from_value(data) == tf.data.DatasetSpec(tf.TensorSpec([], tf.int64))
    assert iter(data)._type_spec == tf.data.IteratorSpec(tf.TensorSpec([], tf.int64))
    assert hash(tf.OptionalSpec(tf.TensorSpec([], tf.int32))) == hash(tf.OptionalSpec(tf.TensorSpec([], tf.int32)))
    assert data.window(2).element_spec == tf.data.DatasetSpec(tf.TensorSpec([], tf.int64))


def test_dataset_of_a_function_cannot_leak() -> None:
    leaked: list[Any] = []

    @tf.function
    def f(n: Any) -> Any:
        leaked.append(Dataset.range(n))
        return n

    f(tf.constant(3, tf.int64))
    with pytest.raises(TypeError, match=r"inside a tf\.function"):
        list(leaked[0])


def test_sizes_of_an_iteration_stay_in_it() -> None:
    """What depends on a size that only the next batch tells is not computed before the loop."""
    data = Dataset.range(7).map(lambda x: tf.cast(x, tf.float32)).batch(5)

    @tf.function
    def f() -> Any:
        s = tf.constant(0.0)
        for x in data:
            s += tf.reduce_mean(x)
        return s

    assert float(f()) == np.float32(2.0) + np.float32(5.5)


def test_concrete_functions_take_datasets_and_iterators() -> None:
    def total(dataset: Any) -> Any:
        return dataset.reduce(np.int64(0), lambda s, x: s + x)

    concrete = tf.function(total).get_concrete_function(tf.data.DatasetSpec(tf.TensorSpec([], tf.int64)))
    assert int(concrete(Dataset.range(5))) == 10
    following = tf.function(lambda it: it.get_next()).get_concrete_function(iter(Dataset.range(1)))
    it = iter(Dataset.range(7, 9))
    assert [int(following(it)), int(following(it))] == [7, 8]


def test_functions_do_not_keep_what_they_are_called_with() -> None:
    closed: list[bool] = []

    def endless() -> Any:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    following = tf.function(lambda it: it.get_next())
    gc.disable()
    try:
        for k in range(3):
            it = iter(Dataset.from_generator(endless, output_types=tf.int32))
            following(it), following(it), next(it)
            del it
            assert len(closed) == k + 1  # without waiting for the collector
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "dataset", [Dataset.range(3), Dataset.range(3).repeat(), Dataset.range(9).filter(lambda x: x > 3)]
)
def test_a_python_loop_over_a_dataset_ends_with_an_error(dataset: Any) -> None:
    taken = []

    @tf.function(autograph=False)
    def total() -> Any:
        for x in dataset:
            taken.append(x)
        return taken[-1]

    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError, match="AutoGraph did not convert"):
        total()
    assert len(taken) == (3 if len(taken) < 1000 else 1000)


def test_python_may_take_a_number_of_elements() -> None:
    @tf.function(autograph=False)
    def pairs() -> Any:
        return [x + k for k, x in zip(range(3), Dataset.range(3))]

    assert [int(x) for x in pairs()] == [0, 2, 4]
