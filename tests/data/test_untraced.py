"""Functions of elements that have no trace for elements of unknown sizes: they run for those that come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphtf as tf


def pictures() -> Iterator[Any]:
    for k in range(3):
        yield np.full((8 + k, 9 + 2 * k, 3), k / 4, np.float32)


def of_shape(*shape: int | None) -> Any:
    return tf.data.Dataset.from_generator(pictures, output_signature=tf.TensorSpec(list(shape) or None, tf.float32))


def rows() -> Any:
    spec = tf.TensorSpec([None], tf.int64)
    return tf.data.Dataset.from_generator(lambda: (np.arange(k + 2) for k in range(3)), output_signature=spec)


def stairs(x: Any) -> Any:
    array = tf.TensorArray(tf.int64, size=0, dynamic_size=True, infer_shape=False, element_shape=[None])
    for i in tf.range(tf.size(x)):
        array = array.write(i, tf.fill([i + 1], x[i]))
    return array.concat()


def test_elements_of_a_growing_array_with_other_sizes() -> None:
    dataset = rows().map(stairs)
    assert dataset.element_spec == tf.TensorSpec([None], tf.int64)
    assert [x.numpy().tolist() for x in dataset] == [[0, 1, 1], [0, 1, 1, 2, 2, 2], [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]]


def test_pieces_of_lengths_that_run_time_knows() -> None:
    def last(x: Any) -> Any:
        return tf.TensorArray(tf.int64, size=2, infer_shape=False).split(x, [1, tf.size(x) - 1]).read(1)

    dataset = rows().map(last)
    assert dataset.element_spec == tf.TensorSpec([None], tf.int64)
    assert [x.numpy().tolist() for x in dataset] == [[1], [1, 2], [1, 2, 3]]


def test_a_gradient_that_no_graph_keeps() -> None:
    def slope(x: Any) -> Any:
        y = tf.cast(x[:2], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(y)
            array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, clear_after_read=False).write(0, y)
            for i in tf.range(1, tf.size(x)):
                array = array.write(i, tf.reduce_sum(array.stack() ** 2, 0))
            z = tf.reduce_sum(array.stack())
        return tape.gradient(z, y)

    dataset = rows().map(slope)
    assert dataset.element_spec == tf.TensorSpec([None], tf.float32)
    assert [x.numpy().tolist() for x in dataset] == [[1.0, 3.0], [1.0, 9.0], [1.0, 39.0]]


def test_filters_and_states() -> None:
    many = rows().filter(lambda x: tf.size(stairs(x)) > 3)
    assert [len(x) for x in many] == [3, 4]
    total = rows().reduce(np.int64(0), lambda s, x: s + tf.reduce_sum(stairs(x)))
    assert int(total) == 2 + 8 + 20


Shape = tuple[int | None, ...] | None
CASES: list[tuple[Callable[[Any], Any], Shape, list[tuple[int, ...]]]] = [
    (lambda x: tf.image.resize_with_crop_or_pad(x, 9, 9), (9, 9, 3), [(9, 9, 3)] * 3),
    (lambda x: tf.image.crop_to_bounding_box(x, 1, 1, 4, 5), (4, 5, 3), [(4, 5, 3)] * 3),
    (
        lambda x: tf.image.extract_patches(x[None], [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID")[0],
        (None, None, 27), [(3, 4, 27), (4, 5, 27), (4, 6, 27)],
    ),
    (lambda x: tf.scan(lambda a, b: a + b, x), (None, None, 3), [(8, 9, 3), (9, 11, 3), (10, 13, 3)]),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(CASES)))
def test_sizes_left_open_need_one_trace(k: int) -> None:
    function, spec, shapes = CASES[k]
    dataset = of_shape(None, None, 3).map(function)
    assert dataset.element_spec == tf.TensorSpec(spec)
    assert [x.shape for x in dataset] == shapes
    f = tf.function(function, input_signature=[tf.TensorSpec([None, None, 3])])
    for x in pictures():
        np.testing.assert_array_equal(f(x), function(x))
    assert f.experimental_get_tracing_count() == 1


RANKED: list[tuple[Callable[[Any], Any], Shape, tuple[int, ...]]] = [
    (lambda x: tf.tile(x, [2, 1, 1]), (None, None, None), (16, 9, 3)),
    (lambda x: tf.image.stateless_random_crop(x, [4, 4, 3], (1, 2)), (4, 4, 3), (4, 4, 3)),
    (lambda x: tf.image.rgb_to_grayscale(x)[..., 0], None, (8, 9)),
]


@pytest.mark.parametrize("k", range(3))
def test_elements_of_unknown_rank(k: int) -> None:
    function, spec, shape = RANKED[k]
    dataset = of_shape().map(function)
    assert dataset.element_spec == tf.TensorSpec(spec)
    first = next(iter(dataset))
    assert first.shape == shape
    np.testing.assert_allclose(first, function(next(pictures())), rtol=1e-6)


def test_what_no_sizes_suit_is_refused_as_before() -> None:
    with pytest.raises(ValueError, match="Number of mask dimensions"):
        of_shape().map(lambda x: tf.boolean_mask(x, tf.ensure_shape(x > 0, None)))


def test_in_a_function_that_is_traced() -> None:
    @tf.function
    def f(n: Any) -> Any:
        total = tf.constant(0, tf.int64)
        for x in rows().map(lambda x: stairs(x) * n):
            total += tf.reduce_sum(x)
        return total

    assert int(f(tf.constant(2, tf.int64))) == 60
