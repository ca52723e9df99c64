"""Arguments that do not fit: a readable error of the right kind, or the right answer; never a wrong one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf

SIGNATURE = [tf.TensorSpec([None, 3], tf.float32)]


@tf.function(input_signature=SIGNATURE)
def doubled(x: Any) -> Any:
    return x + x


def test_another_rank_or_dtype() -> None:
    for wrong in (tf.zeros([3]), tf.zeros([2, 4]), tf.zeros([2, 3], tf.float64), tf.zeros([1, 2, 3])):
        with pytest.raises((TypeError, ValueError), match="float32"):
            doubled(wrong)
    concrete = tf.function(lambda x: x + x).get_concrete_function(tf.TensorSpec([2], tf.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a float tensor but is a int32"):
        concrete(tf.constant([1, 2]))
    assert concrete(tf.zeros([3])).shape == (3,)  # only the dtype of what is given flat must fit
    with pytest.raises(TypeError):
        concrete(tf.zeros([2]), tf.zeros([2]))


def strided(a: Any) -> Any:
    return np.ascontiguousarray(np.repeat(a, 2, axis=0))[::2]


def reversed_twice(a: Any) -> Any:
    return np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1]


def swapped(a: Any) -> Any:
    return a.astype(a.dtype.newbyteorder())


def read_only(a: Any) -> Any:
    b = a.copy()
    b.flags.writeable = False
    return b


def misaligned(a: Any) -> Any:
    raw = np.zeros(a.nbytes + 1, np.uint8)
    b = raw[1:].view(a.dtype).reshape(a.shape)
    b[...] = a
    return b


@pytest.mark.parametrize("lay", [strided, reversed_twice, swapped, read_only, misaligned, np.asfortranarray])
def test_however_an_array_lies(lay: Callable[[Any], Any]) -> None:
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    b = lay(a)
    assert doubled(b).numpy().tolist() == (a + a).tolist()
    assert tf.matmul(b, a.T).numpy().tolist() == (a @ a.T).tolist()
    assert tf.function(lambda x: tf.reduce_sum(x, 0))(b).numpy().tolist() == a.sum(0).tolist()
    np.testing.assert_array_equal(b, a)


def test_arrays_may_change_afterwards() -> None:
    a = np.ones(3, np.float32)
    t = tf.constant(a)
    y = tf.function(lambda x: x)(t)
    a[0] = 5
    assert t.numpy().tolist() == y.numpy().tolist() == [1, 1, 1]


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0)])
def test_empty_and_scalar(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    f = tf.function(lambda x: (x + 1, tf.reduce_sum(x), tf.exp(x) * x, tf.reduce_max(x)))
    a, total, c, most = f(x)
    assert a.shape == c.shape == shape
    assert float(total) == 0
    assert float(most) == (0 if shape == () else -np.inf)


@pytest.mark.parametrize("staged", [lambda f: f, tf.function])
def test_indices_out_of_range(staged: Any) -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    errors = (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, IndexError)
    with pytest.raises(errors):
        staged(lambda i: tf.gather(x, i))(tf.constant([0, 2]))
    with pytest.raises(errors):
        staged(lambda i: tf.gather(x, i))(tf.constant([-1]))
    with pytest.raises(errors):
        staged(lambda i: tf.gather_nd(x, i))(tf.constant([[0, 5]]))
    with pytest.raises(errors):
        staged(lambda i: tf.scatter_nd(i, tf.constant([1.0]), [2]))(tf.constant([[2]]))
    with pytest.raises(errors):
        staged(lambda i: tf.tensor_scatter_nd_update(x, i, tf.constant([[0.0, 0.0]])))(tf.constant([[7]]))
    with pytest.raises(errors):
        staged(lambda i: tf.slice(x, i, [1, 1]))(tf.constant([2, 0]))
    with pytest.raises((*errors, ValueError)):
        staged(lambda x: x[2])(x)
    assert staged(lambda x: x[5:])(x).shape == (0, 2)


@pytest.mark.parametrize("staged", [lambda f: f, tf.function])
def test_sizes_past_all_memory(staged: Any) -> None:
    kinds = (tf.errors.OpError, ValueError, MemoryError, OverflowError)
    with pytest.raises(kinds):
        staged(lambda n: tf.zeros([n, n]))(tf.constant(2**31 - 1))
    with pytest.raises(kinds):
        staged(lambda n: tf.range(n))(tf.constant(2**62, tf.int64))
    with pytest.raises(kinds):
        staged(lambda n: tf.fill([n], 1.0))(tf.constant(-1))
    with pytest.raises(kinds):
        staged(lambda x, n: tf.reshape(x, [n, 3]))(tf.zeros([4]), tf.constant(2))


def test_threads_call_one_function_first() -> None:
    traced = []

    @tf.function
    def f(x: Any) -> Any:
        traced.append(1)
        return tf.tanh(x) @ x + tf.reduce_sum(x)

    x = np.arange(16, dtype=np.float32).reshape(4, 4) / 16
    wanted = np.tanh(x) @ x + x.sum()
    found: list[Any] = [None] * 16
    start = threading.Barrier(16)

    def call(k: int) -> None:
        start.wait()
        found[k] = f(x + 0 * k).numpy()

    threads = [threading.Thread(target=call, args=(k,)) for k in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(traced) == 1
    for y in found:
        np.testing.assert_allclose(y, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tf.one_hot(tf.constant([1.5]), 3), lambda: tf.math.segment_sum([1, 2], [0.0, 1.0]),
        lambda: tf.math.unsorted_segment_max([1, 2], [0.0, 1.0], 2), lambda: tf.sparse.segment_mean([1.0], [0], [0.0]),
    ],
)  # fmt: skip
def test_numbers_of_rows_are_integers(call: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        call()
    with pytest.raises(TypeError):
        tf.function(call)()


@pytest.mark.parametrize("value", [1e40, -1e40, [1.0, 1e40], [1e40, float("nan")]])
def test_numbers_that_float32_does_not_hold(value: Any) -> None:
    for make in (tf.constant, tf.convert_to_tensor, tf.Variable):
        with pytest.raises(ValueError, match="out of range"):
            make(value)
    assert np.isinf(tf.constant(value, tf.float32)).any() and np.isinf(tf.function(lambda: tf.constant(value))()).any()
    assert np.isinf(tf.constant([1.0, float("inf")])).any()
