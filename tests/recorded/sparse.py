"""Cases of sparse tensors, and of sets."""

from __future__ import annotations

from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("sparse")
MATRIX = [[0, 1, 2], [0, 0, 3], [0, 0, 0]]


def _add(name: str, run: Any, dtype: Any = int, **options: Any) -> None:
    """A case of two sparse matrices, the second of which overlaps the first in one place."""

    def both(tf: Any, x: Any, v: Any) -> Any:
        return run(tf, tf.sparse.from_dense(x), tf.SparseTensor([[0, 0], [1, 2]], v, [3, 3]))

    numbers = [[dtype(x) for x in row] for row in MATRIX]
    FAMILY.add(name, both, numbers, [dtype(5), dtype(-1)], **options)


_add("to_dense", lambda tf, a, b: [tf.sparse.to_dense(a), tf.sparse.to_dense(b, -7)])
_add("to_dense out of order", lambda tf, a, b: tf.sparse.to_dense(tf.SparseTensor([[1, 0], [0, 0]], [1, 2], [2, 2])))
_add("add", lambda tf, a, b: [tf.sparse.add(a, b), tf.sparse.add(a, tf.ones([3, 3], tf.int32))])
_add("add with threshold", lambda tf, a, b: tf.sparse.add(a, b, threshold=3))
_add("extremes", lambda tf, a, b: [tf.sparse.maximum(a, b), tf.sparse.minimum(a, b)])
_add("matmul", lambda tf, a, b: tf.sparse.sparse_dense_matmul(a, tf.reshape(tf.range(6.0), [3, 2])), float, grad=True)
_add(
    "matmul of adjoints",
    lambda tf, a, b: tf.sparse.sparse_dense_matmul(a, tf.reshape(tf.range(6.0), [2, 3]), True, True),
    float, grad=True,
)  # fmt: skip
_add(
    "matmul with sparse last",
    lambda tf, a, b: tf.sparse.sparse_dense_matmul(tf.reshape(tf.range(6.0), [2, 3]), a),
    float,
)
_add("matmul that does not fit", lambda tf, a, b: tf.sparse.sparse_dense_matmul(a, tf.ones([2, 2])), float)
_add(
    "reduce_sum",
    lambda tf, a, b: [tf.sparse.reduce_sum(a, **k) for k in ({}, {"axis": 0}, {"axis": 1, "keepdims": True})],
)
_add("reduce_sum to sparse", lambda tf, a, b: tf.sparse.reduce_sum(a, -1, output_is_sparse=True))
_add("reduce_max", lambda tf, a, b: [tf.sparse.reduce_max(b), tf.sparse.reduce_max(b, 0), tf.sparse.reduce_max(b, 1)])
_add("transpose", lambda tf, a, b: [tf.sparse.transpose(a), tf.sparse.transpose(a, [0, 1])])
_add("reshape", lambda tf, a, b: [tf.sparse.reshape(a, [9]), tf.sparse.reshape(a, [-1, 1, 3])])
_add("reshape that does not fit", lambda tf, a, b: tf.sparse.reshape(a, [8]))
_add("concat", lambda tf, a, b: [tf.sparse.concat(0, [a, b]), tf.sparse.concat(-1, [a, b])])
_add("slice", lambda tf, a, b: tf.sparse.slice(a, [0, 1], [2, 5]))
_add("split", lambda tf, a, b: tf.sparse.split(a, num_split=2, axis=1))
_add(
    "expand_dims", lambda tf, a, b: [tf.sparse.expand_dims(a), tf.sparse.expand_dims(a, 0), tf.sparse.expand_dims(a, 1)]
)
_add("fill_empty_rows", lambda tf, a, b: tf.sparse.fill_empty_rows(a, 42))
_add("retain", lambda tf, a, b: tf.sparse.retain(a, [True, False, True]))
_add("reset_shape", lambda tf, a, b: [tf.sparse.reset_shape(a), tf.sparse.reset_shape(a, [4, 5])])
_add("softmax", lambda tf, a, b: tf.sparse.softmax(a), float, grad=True)
_add("map_values", lambda tf, a, b: tf.sparse.map_values(tf.add, a, 5))
_add("eye", lambda tf, a, b: tf.sparse.eye(2, 3))
_add("to_indicator", lambda tf, a, b: tf.sparse.to_indicator(a, 5))
_add("times dense", lambda tf, a, b: [a * tf.constant([[1, 2, 3]]), a / tf.constant([[1, 2, 3]]), a * 3])
_add("bincount", lambda tf, a, b: [
    tf.sparse.bincount([[1, 1], [2, 0]], axis=-1), tf.sparse.bincount([1, 1, 5]),
    tf.sparse.bincount([1, 1, 5], minlength=8), tf.sparse.bincount([1, 1, 5], maxlength=3),
    tf.sparse.bincount([[1, 1], [2, 0]], axis=-1, binary_output=True), tf.sparse.bincount(a, axis=-1),
    tf.sparse.bincount([1, 1, 5], weights=[0.5, 1.0, 2.0]),
])  # fmt: skip
_add("segments", lambda tf, a, b: [
    tf.sparse.segment_sum([[1.0], [2.0], [3.0]], [0, 2, 1], [0, 0, 1]),
    tf.sparse.segment_mean([[1.0], [2.0], [3.0]], [0, 2, 1], [0, 0, 1]),
    tf.sparse.segment_sqrt_n([[1.0], [2.0], [3.0]], [0, 2, 1], [0, 0, 1], num_segments=3),
])  # fmt: skip
_add("cross", lambda tf, a, b: tf.sparse.cross([tf.constant([["a"], ["b"]]), tf.constant([["x", "y"], ["z", "z"]])]))
_add(
    "cross of numbers",
    lambda tf, a, b: tf.sparse.cross([tf.constant([[1], [2]]), tf.constant([["x"], ["z"]])], separator="+"),
)
_add("cross_hashed", lambda tf, a, b: [
    tf.sparse.cross_hashed([tf.constant([["a"], ["b"]]), tf.constant([["x", "y"], ["z", "z"]])]),
    tf.sparse.cross_hashed([tf.constant([["a"], ["b"]]), tf.constant([[1], [7]])], num_buckets=100),
    tf.sparse.cross_hashed([tf.constant([["a"], ["b"]]), tf.constant([[1], [7]])], num_buckets=100, hash_key=3),
    tf.sparse.cross_hashed([a, b, tf.constant([["k"], ["l"], ["m"]])], 1000),
])  # fmt: skip
_add("ragged cross", lambda tf, a, b: [
    tf.ragged.cross([tf.ragged.constant([["a"], ["b", "c"]]), tf.ragged.constant([["d"], ["e"]])]),
    tf.ragged.cross_hashed([tf.ragged.constant([["a"], ["b", "c"]]), tf.constant([["d"], ["e"]])], num_buckets=100),
])  # fmt: skip
_X, _Y = [[1, 2, 2], [3, 4, 9]], [[2, 5, 1], [4, 4, 3]]
_add("sets", lambda tf, a, b: [
    tf.sets.intersection(tf.constant(_X), tf.constant(_Y)), tf.sets.union(tf.constant(_X), tf.constant(_Y)),
    tf.sets.difference(tf.constant(_X), tf.constant(_Y)), tf.sets.difference(tf.constant(_X), tf.constant(_Y), False),
    tf.sets.size(tf.sets.union(tf.constant(_X), tf.constant(_Y))),
])  # fmt: skip
_add("sets of strings", lambda tf, a, b: tf.sets.union(tf.constant([["b", "a"]]), tf.constant([["c", "a"]])))
_add("sets of sparse tensors", lambda tf, a, b: [tf.sets.intersection(a, b), tf.sets.union(a, b), tf.sets.size(a)])
