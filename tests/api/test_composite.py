"""Sparse and ragged tensors, and the functions that take them."""

from __future__ import annotations

import numpy as np
import pytest

import graphtf as tf


def test_rows_of_rows() -> None:
    x = tf.RaggedTensor.from_nested_row_splits([1, 2, 3, 4], [[0, 2, 3], [0, 1, 3, 4]])
    assert x.to_list() == [[[1], [2, 3]], [[4]]]
    assert x.ragged_rank == 2
    assert x.shape.as_list() == [2, None, None]
    assert x.row_lengths().numpy().tolist() == [2, 1]
    assert int(x.nrows()) == 2
    assert x.with_flat_values(x.flat_values * 2).to_list() == [[[2], [4, 6]], [[8]]]


def test_row_lengths_make_rows() -> None:
    assert tf.RaggedTensor.from_row_lengths([1, 2, 3], [0, 3]).to_list() == [[], [1, 2, 3]]


@pytest.mark.parametrize("splits", [[1, 3], [0, 2, 1, 3], [0, 2]])
def test_splits_out_of_order_are_refused(splits: list[int]) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="row_splits"):
        tf.RaggedTensor.from_row_splits([1, 2, 3], splits)


def test_parts_of_a_sparse_tensor_must_fit() -> None:
    with pytest.raises(ValueError, match="indices"):
        tf.SparseTensor([[0, 1]], [1, 2], [2, 2])


def test_composites_are_nests_of_their_parts() -> None:
    x = tf.SparseTensor([[0, 1]], [5.0], [2, 2])
    parts = tf.nest.flatten(x, expand_composites=True)
    assert [t.shape.as_list() for t in parts] == [[1, 2], [1], [2]]
    assert isinstance(tf.nest.pack_sequence_as(x, parts, expand_composites=True), tf.SparseTensor)
    assert tf.cast(x, tf.int32).values.dtype is tf.int32


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(
    ("combiner", "want"), [("sum", [[9.0], [3.0]]), ("mean", [[3.0], [3.0]]), ("sqrtn", [[9 / 5**0.5], [3.0]])]
)
def test_weighted_rows(combiner: str, want: list[list[float]], staged: bool) -> None:
    ids = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [0, 1, 1], [2, 2])
    weights = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1.0, 2.0, 1.0], [2, 2])

    def found(table: tf.Tensor) -> tf.Tensor:
        return tf.nn.embedding_lookup_sparse(table, ids, weights, combiner)

    got = (tf.function(found) if staged else found)(tf.constant([[3.0], [3.0]]))
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_rows_without_ids() -> None:
    ids = tf.SparseTensor([[0, 0], [1, 0]], [1, -1], [3, 1])
    table = [[1.0], [2.0]]
    assert tf.nn.safe_embedding_lookup_sparse(table, ids).numpy().tolist() == [[2.0], [0.0], [0.0]]
    assert tf.nn.safe_embedding_lookup_sparse(table, ids, default_id=0).numpy().tolist() == [[2.0], [1.0], [1.0]]


def test_means_of_ragged_integers_are_float64() -> None:
    x = tf.ragged.constant([[1, 2], [], [3]])
    rows = tf.reduce_mean(x, axis=1)
    assert rows.dtype == tf.float64
    np.testing.assert_array_equal(rows, [1.5, np.nan, 3.0])
    assert tf.reduce_mean(tf.ragged.constant([[1, 2], [3]], tf.int64)).dtype == tf.float64


@pytest.mark.parametrize("staged", [False, True])
def test_numbers_of_ragged_and_sparse_rows_are_counted(staged: bool) -> None:
    rows = tf.ragged.constant([[1, 1, 3], [], [2]])
    count = tf.function(tf.math.bincount) if staged else tf.math.bincount
    want = [[0, 2, 0, 1, 0], [0] * 5, [0, 0, 1, 0, 0]]
    for x in (rows, tf.cast(rows, tf.int64), rows.to_sparse()):
        assert count(x, axis=-1, minlength=5, maxlength=5).numpy().tolist() == want
        assert count(x, axis=-1, binary_output=True).numpy().tolist() == [[0, 1, 0, 1], [0] * 4, [0, 0, 1, 0]]
        assert count(x).numpy().tolist() == [0, 2, 1, 1]
    weights = rows.with_values(tf.constant([1.0, 2.0, 3.0, 4.0]))
    assert count(rows, weights, axis=-1).numpy().tolist() == [[0, 3, 0, 3], [0] * 4, [0, 0, 4, 0]]
