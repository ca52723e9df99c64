"""Operations of ragged tensors, eagerly and in functions, against the values that TensorFlow gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import graphtf as tf

ROWS = tf.ragged.constant([[1.0, 2.0], [3.0]])
DEEP = tf.ragged.constant([[[1.0, 2.0], [3.0]], [[4.0]]])
PAIRS = tf.ragged.constant([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]], ragged_rank=1)
COUNTS = tf.ragged.constant([[1, 2], [3]])

CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "softmax": (lambda: tf.nn.softmax(ROWS - ROWS), [[0.5, 0.5], [1.0]]),
    "cumsum within rows": (lambda: tf.cumsum(ROWS, 1), [[1.0, 3.0], [3.0]]),
    "cumsum in reverse": (lambda: tf.cumsum(ROWS, 1, exclusive=True, reverse=True), [[2.0, 0.0], [0.0]]),
    "cumsum of rows": (lambda: tf.cumsum(DEEP, 0), [[[1.0, 2.0], [3.0]], [[5.0]]]),
    "reshape": (lambda: tf.reshape(PAIRS, [2, -1]), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "reshape to rows": (
        lambda: tf.reshape(tf.range(5), tf.experimental.DynamicRaggedShape.from_lengths([2, (3, 2)])),
        [[0, 1, 2], [3, 4]],
    ),
    "split": (lambda: tf.split(DEEP, [1, 1])[0], [[[1.0, 2.0], [3.0]]]),
    "split inside": (lambda: tf.split(PAIRS, 2, -1)[1], [[[2.0], [4.0]], [[6.0]]]),
    "add_n": (lambda: tf.add_n([ROWS, ROWS, ROWS]), [[3.0, 6.0], [9.0]]),
    "gather_nd of rows": (lambda: tf.gather_nd(DEEP, [[0, 0], [1, 0]]), [[1.0, 2.0], [4.0]]),
    "gather_nd of elements": (lambda: tf.gather_nd(PAIRS, [[0, 1, 0], [1, 0, 1]]), [3.0, 6.0]),
    "dynamic_partition": (lambda: tf.dynamic_partition(DEEP, COUNTS - 1, 3)[1], [[3.0]]),
    "matmul": (lambda: tf.matmul(PAIRS, PAIRS, transpose_b=True), [[[5.0, 11.0], [11.0, 25.0]], [[61.0]]]),
    "logsumexp": (lambda: tf.reduce_logsumexp(ROWS * 0, 1) - tf.math.log([2.0, 1.0]), [0.0, 0.0]),
    "moments": (lambda: tf.nn.moments(ROWS, 1)[1], [0.25, 0.0]),
    "segments": (lambda: tf.math.unsorted_segment_sum(DEEP, [0, 0], 2), [[[5.0, 2.0], [3.0]], []]),
    "segments of elements": (lambda: tf.math.unsorted_segment_max(ROWS, COUNTS - 1, 3), [1.0, 2.0, 3.0]),
    "fill": (lambda: tf.fill(tf.shape(ROWS), 5), [[5, 5], [5]]),
    "map to rows": (
        lambda: tf.map_fn(tf.range, tf.constant([1, 2]), fn_output_signature=tf.RaggedTensorSpec([None], "int32")),
        [[0], [0, 1]],
    ),
    "map over rows of rows": (lambda: tf.map_fn(lambda x: x * 2.0, DEEP), [[[2.0, 4.0], [6.0]], [[8.0]]]),
    "map to numbers": (lambda: tf.map_fn(tf.reduce_sum, ROWS, fn_output_signature=tf.float32), [3.0, 3.0]),
    "embedding": (
        lambda: tf.nn.embedding_lookup_sparse(tf.ones([4, 2]), COUNTS, None, combiner="sum"),
        [[2.0, 2.0], [1.0, 1.0]],
    ),
    "join columns": (
        lambda: tf.strings.reduce_join(tf.ragged.constant([["a", "b"], ["c"]]), axis=0, separator="-"),
        [b"a-c", b"b"],
    ),
}  # fmt: skip


def _plain(x: Any) -> Any:
    return x.to_list() if isinstance(x, tf.RaggedTensor) else x.numpy().tolist()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("traced", [False, True])
def test_ragged_operation(name: str, traced: bool) -> None:
    run, want = CASES[name]
    got = tf.function(run, autograph=False)() if traced else run()
    assert _plain(got) == want


@pytest.mark.parametrize(
    ("run", "error"),
    [
        (lambda: tf.nn.softmax(ROWS, axis=0), tf.errors.InvalidArgumentError),
        (lambda: tf.split(ROWS, 2, 1), ValueError),
        (lambda: tf.split(ROWS, 3), tf.errors.InvalidArgumentError),
        (lambda: tf.gather_nd(ROWS, [[0, 2]]), tf.errors.InvalidArgumentError),
        (lambda: tf.matmul(DEEP, DEEP), tf.errors.InvalidArgumentError),
        (lambda: tf.add_n([ROWS, tf.ragged.constant([[1.0], [2.0, 3.0]])]), tf.errors.InvalidArgumentError),
        (lambda: tf.math.log(tf.sparse.from_dense([1.0])), ValueError),
    ],
)
def test_ragged_operation_refuses(run: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        run()


def test_gradients_reach_ragged_values() -> None:
    with tf.GradientTape() as tape:
        tape.watch(ROWS)
        y = tf.reduce_sum(tf.cumsum(ROWS, 1) * tf.nn.softmax(ROWS))
    found = tape.gradient(y, ROWS)
    assert isinstance(found, tf.RaggedTensor)
    assert found.row_splits.numpy().tolist() == [0, 2, 3]


def test_ragged_tensors_print_as_arrays() -> None:
    assert repr(tf.ragged.constant([[0.1, 2.0], [3.0]])) == "<tf.RaggedTensor [[0.1, 2.0], [3.0]]>"
    assert repr(PAIRS) == "<tf.RaggedTensor [[[1.0, 2.0],\n  [3.0, 4.0]], [[5.0, 6.0]]]>"


def test_rows_of_one_length_are_one_array() -> None:
    rows = tf.RaggedTensor.from_uniform_row_length(tf.ragged.constant([[1, 2], [], [3], [4]]), 2)
    assert rows.numpy().shape == (2, 2) and str(rows) == "<tf.RaggedTensor [[[1, 2], []],\n [[3], [4]]]>"
    assert tf.RaggedTensor.from_row_lengths(tf.zeros([0]), tf.zeros([0], tf.int64)).numpy().dtype == "float32"
