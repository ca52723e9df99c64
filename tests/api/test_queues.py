"""`tf.queue`, serialized sparse tensors, quantised tensors, JPEG quality."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import graphtf as tf


def test_first_in_first_out() -> None:
    q = tf.queue.FIFOQueue(10, [tf.int32, tf.float32], shapes=[[], [2]])
    q.enqueue((1, [1.0, 2.0]))
    q.enqueue_many(([2, 3], [[3.0, 4.0], [5.0, 6.0]]))
    number, pair = q.dequeue()
    assert int(number) == 1 and pair.numpy().tolist() == [1.0, 2.0]
    numbers, pairs = q.dequeue_many(2)
    assert numbers.numpy().tolist() == [2, 3] and pairs.shape == [2, 2]


def test_a_closed_queue_gives_what_it_holds() -> None:
    q = tf.queue.FIFOQueue(5, tf.int32, [[]])
    q.enqueue_many([[1, 2]])
    q.close()
    assert q.is_closed()
    assert q.dequeue_up_to(5).numpy().tolist() == [1, 2]
    with pytest.raises(tf.errors.OutOfRangeError):
        q.dequeue()
    with pytest.raises(tf.errors.CancelledError):
        q.enqueue(1)


def test_elements_of_any_size_are_filled_up() -> None:
    q = tf.queue.PaddingFIFOQueue(5, tf.int32, [[None]])
    q.enqueue([[1]])
    q.enqueue([[1, 2, 3]])
    assert q.dequeue_many(2).numpy().tolist() == [[1, 0, 0], [1, 2, 3]]


def test_priorities_and_shuffling() -> None:
    q = tf.queue.PriorityQueue(5, [tf.string], [[]])
    for priority, text in ((5, "a"), (1, "b"), (3, "c")):
        q.enqueue((priority, text))
    assert q.dequeue_many(3)[1].numpy().tolist() == [b"b", b"c", b"a"]
    shuffled = tf.queue.RandomShuffleQueue(5, 0, tf.int32, [[]], seed=1)
    shuffled.enqueue_many([[1, 2, 3]])
    assert sorted(shuffled.dequeue_many(3).numpy().tolist()) == [1, 2, 3]


def test_a_queue_in_a_function() -> None:
    q = tf.queue.FIFOQueue(5, tf.int32)

    @tf.function
    def step(x: tf.Tensor) -> tf.Tensor:
        q.enqueue(x)
        q.enqueue(x + 1)
        return q.dequeue()

    assert [int(step(tf.constant(k))) for k in (4, 8)] == [4, 5]
    assert int(q.size()) == 2


def test_threads_wait_for_each_other() -> None:
    q = tf.queue.FIFOQueue(1, tf.int32, [[]])

    def put() -> None:
        for k in range(5):
            q.enqueue(k)
        q.close()

    thread = threading.Thread(target=put)
    thread.start()
    taken = []
    with pytest.raises(tf.errors.OutOfRangeError):
        while True:
            taken.append(int(q.dequeue()))
    thread.join()
    assert taken == [0, 1, 2, 3, 4]


def test_sparse_tensors_as_strings() -> None:
    x = tf.sparse.from_dense([[1.0, 0.0], [0.0, 2.0]])
    rows = tf.io.serialize_many_sparse(x)
    assert rows.shape == [2, 3]
    again = tf.io.deserialize_many_sparse(rows, tf.float32)
    assert tf.sparse.to_dense(again).numpy().tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert tf.io.serialize_sparse(x)[1].numpy() == tf.io.serialize_tensor(x.values).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.deserialize_many_sparse(rows, tf.int32)


@pytest.mark.parametrize("mode", ["MIN_COMBINED", "MIN_FIRST", "SCALED"])
@pytest.mark.parametrize("dtype", [tf.qint8, tf.quint8, tf.qint16, tf.quint16])
def test_quantised_tensors_come_back(mode: str, dtype: tf.DType) -> None:
    x = tf.constant([-1.5, -0.3, 0.0, 0.4, 1.2])
    unsigned = mode == "SCALED" and dtype.name.startswith("qu")
    wanted = tf.nn.relu(x) if unsigned else x
    found = tf.quantization.quantize(x, -2.0, 2.5, dtype, mode=mode)
    assert found.output.dtype == dtype
    back = tf.quantization.dequantize(found.output, found.output_min, found.output_max, mode=mode)
    assert np.abs(back.numpy() - wanted.numpy()).max() < 0.02


def test_jpeg_quality_keeps_dtype_and_shape() -> None:
    image = tf.constant((np.arange(192) % 255).reshape(8, 8, 3).astype(np.uint8))
    assert tf.image.adjust_jpeg_quality(image, 50).dtype == tf.uint8
    assert tf.image.adjust_jpeg_quality(tf.image.convert_image_dtype(image, tf.float32), 75).dtype == tf.float32
    assert tf.image.random_jpeg_quality(image, 75, 95).shape == [8, 8, 3]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.image.adjust_jpeg_quality(image, 101)
    with pytest.raises(ValueError, match="less than"):
        tf.image.random_jpeg_quality(image, 95, 75)


def test_gradients_are_registered_once() -> None:
    tf.RegisterGradient("TestOfTheRegistry")(lambda op, grad: grad)
    with pytest.raises(KeyError):
        tf.no_gradient("TestOfTheRegistry")
    with pytest.raises(TypeError):
        tf.RegisterGradient(3)
