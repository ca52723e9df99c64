"""Cases of ragged tensors."""

from __future__ import annotations

from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("ragged")
_add = FAMILY.add
VALUES, SPLITS = [1, 2, 3, 4, 5, 6], [0, 2, 3, 3, 6]
FLOATS = [1.0, 2.5, -3.0, 4.0, 0.5, 6.0]


def rows(tf: Any, values: Any, splits: Any) -> Any:
    return tf.RaggedTensor.from_row_splits(values, splits)


def deep(tf: Any, values: Any, splits: Any) -> Any:
    """[[[…], […]], [], [[…], […]]]"""
    return tf.RaggedTensor.from_row_splits(rows(tf, values, splits), [0, 2, 2, 4])


def _rows(name: str, run: Any, **options: Any) -> None:
    _add(name, lambda tf, v, s: run(tf, rows(tf, v, s)), FLOATS if options.get("grad") else VALUES, SPLITS, **options)


def _deep(name: str, run: Any, **options: Any) -> None:
    _add(name, lambda tf, v, s: run(tf, deep(tf, v, s)), FLOATS if options.get("grad") else VALUES, SPLITS, **options)


_add("from_row_lengths", lambda tf, v, n: tf.RaggedTensor.from_row_lengths(v, n), VALUES, [2, 0, 4])
_add("from_value_rowids", lambda tf, v, i: tf.RaggedTensor.from_value_rowids(v, i, nrows=5), VALUES, [0, 0, 2, 2, 2, 3])
_add("from_row_starts", lambda tf, v, i: tf.RaggedTensor.from_row_starts(v, i), VALUES, [0, 2, 2])
_add("from_row_limits", lambda tf, v, i: tf.RaggedTensor.from_row_limits(v, i), VALUES, [1, 1, 6])
_add("from_uniform_row_length", lambda tf, v: tf.RaggedTensor.from_uniform_row_length(v, 3), VALUES)
_add("from_tensor", lambda tf, x: tf.RaggedTensor.from_tensor(x), [[1, 2, 0], [3, 0, 0]])
_add("from_tensor with padding", lambda tf, x: tf.RaggedTensor.from_tensor(x, padding=0), [[1, 2, 0], [3, 0, 0]])
_add("from_tensor with lengths", lambda tf, x: tf.RaggedTensor.from_tensor(x, lengths=[1, 2]), [[1, 2, 0], [3, 0, 0]])
_add("from_tensor deep", lambda tf, x: tf.RaggedTensor.from_tensor(x, ragged_rank=2), [[[1, 2], [3, 4]]])
_add(
    "from_tensor deep with padding",
    lambda tf, x: tf.RaggedTensor.from_tensor(x, padding=0, ragged_rank=2),
    [[[1, 0], [0, 4]]],
)
_add(
    "from_tensor with lengths of lengths",
    lambda tf, x: tf.RaggedTensor.from_tensor(x, lengths=([1, 0], [2])),
    [[[1, 2]], [[3, 4]]],
)
_add("bad splits", lambda tf, v: rows(tf, v, [0, 3, 2, 6]), VALUES, staged=False)
_add("constant", lambda tf: [tf.ragged.constant(x) for x in ([[1, 2], []], [[[1]], [[2, 3], []]], [["a"], []])])
_add("constant of inner rows", lambda tf: tf.ragged.constant([[[1, 2], [3, 4]], [[5, 6]]], ragged_rank=1))
_add("constant of uneven depth", lambda tf: tf.ragged.constant([[1], 2]))
_add("range", lambda tf, a, b: [tf.ragged.range(a, b), tf.ragged.range(b), tf.ragged.range(a, b, 2)], [0, 5], [3, 8])

_rows(
    "to_tensor", lambda tf, x: [x.to_tensor(), x.to_tensor(-1), x.to_tensor(shape=[None, 2]), x.to_tensor(shape=[5, 4])]
)
_rows("to_tensor gradient", lambda tf, x: x.to_tensor(), grad=True)
_deep("to_tensor deep", lambda tf, x: [x.to_tensor(), x.to_tensor(shape=[None, 1, 2])])
_rows("to_sparse", lambda tf, x: x.to_sparse())
_deep("parts", lambda tf, x: [x.row_lengths(), x.row_lengths(axis=2), x.nrows(), x.value_rowids(), x.bounding_shape()])
_rows("starts and limits", lambda tf, x: [x.row_starts(), x.row_limits(), *x.nested_row_lengths()])
_deep("merge_dims", lambda tf, x: [x.merge_dims(0, 1), x.merge_dims(1, 2), x.merge_dims(0, 2)])
_rows("rows", lambda tf, x: [x[0], x[-1], x[1:], x[::2], x[1:3]])
_rows("within rows", lambda tf, x: [x[:, 1:], x[:, :1], x[:, ::-1], x[0, 1], x[:, tf.newaxis], x[..., -1:]])
_deep("within rows of rows", lambda tf, x: [x[0], x[:, 1:], x[:, :, :1], x[0, 1], x[-1, 1, :1]])
_rows("an element of each row", lambda tf, x: x[:, 1])
_rows(
    "arithmetic",
    lambda tf, x: [x + 1, 2 * x, x * x, -x, x - 3, x // 2, x % 2, x > 2, tf.abs(x), tf.cast(x, tf.float32) / 2],
)
_rows("broadcasting a column", lambda tf, x: x + [[10], [20], [30], [40]])
_deep("broadcasting rows", lambda tf, x: x * tf.constant([[[1]], [[2]], [[3]]]))
_rows("broadcasting what does not fit", lambda tf, x: x + [[1, 2], [3, 4]])
_rows("gradient of arithmetic", lambda tf, x: x * x + tf.constant([[1.0], [2.0], [3.0], [4.0]]), grad=True)
_rows("where", lambda tf, x: [tf.where(x > 2, x, -x), tf.where(x > 2)])
_rows("equality", lambda tf, x: [tf.equal(x, 3), tf.not_equal(x, x), x == 2])
for _axis in (None, 0, 1):
    _rows(
        f"sums along {_axis}", lambda tf, x, a=_axis: [tf.reduce_sum(x, a), tf.reduce_max(x, a), tf.reduce_prod(x, a)]
    )
    _rows(f"means along {_axis}", lambda tf, x, a=_axis: tf.reduce_mean(x[:2], a), grad=True)
for _axis in (0, 1, 2, [0, 1], [1, 2], [0, 2], [0, 1, 2]):
    _deep(f"deep sums along {_axis}", lambda tf, x, a=_axis: tf.reduce_sum(x, a))
_rows("sums that keep axes", lambda tf, x: [tf.reduce_sum(x, 1, keepdims=True), tf.reduce_sum(x, 0, keepdims=True)])
_rows("logic", lambda tf, x: [tf.reduce_any(x > 2, 1), tf.reduce_all(x > 2, 1), tf.reduce_all(x > 0)])
_rows("spread", lambda tf, x: [tf.math.reduce_variance(x[:1], 1), tf.math.reduce_std(x[:1], 1)], grad=True)
_rows("concat", lambda tf, x: [tf.concat([x, x], 0), tf.concat([x, x], 1), tf.concat([x, [[9]]], 0)])
_deep("concat deep", lambda tf, x: [tf.concat([x, x], 1), tf.concat([x, x], 2)])
_rows("stack", lambda tf, x: [tf.stack([x, x]), tf.stack([x, x], 1), tf.ragged.stack([[1, 2], [3]])])
_rows("expand_dims", lambda tf, x: [tf.expand_dims(x, k) for k in (0, 1, 2, -1)])
_rows("squeeze", lambda tf, x: [tf.squeeze(tf.expand_dims(x, 0), 0), tf.squeeze(tf.expand_dims(x, 1), 1)])
_rows("gather", lambda tf, x: [tf.gather(x, [3, 0]), tf.gather(x, [[3], [0]]), tf.gather(x, 0)])
_rows("gather from a vector", lambda tf, x: tf.gather(tf.range(10) * 10, x))
_rows("gather outside", lambda tf, x: tf.gather(x, [4]))
_rows(
    "gather in each row",
    lambda tf, x: tf.gather(x[:2], tf.ragged.constant([[1, 0], [0]], row_splits_dtype=tf.int32), batch_dims=1),
)
_rows(
    "boolean_mask",
    lambda tf, x: [tf.ragged.boolean_mask(x, x > 2), tf.ragged.boolean_mask(x, [True, False, True, True])],
)
_rows("tile", lambda tf, x: [tf.tile(x, [1, 2]), tf.tile(x, [2, 1])])
_rows("reverse", lambda tf, x: [tf.reverse(x, [0]), tf.reverse(x, [1]), tf.reverse(x, [0, 1])])
_rows("size", lambda tf, x: [tf.size(x), tf.rank(x), tf.shape(x)[0]])
_rows("likeness", lambda tf, x: [tf.zeros_like(x), tf.ones_like(x), tf.identity(x), tf.cast(x, tf.int64)])
_rows("map_flat_values", lambda tf, x: tf.ragged.map_flat_values(tf.one_hot, x, 7))
_rows("map_flat_values of two", lambda tf, x: tf.ragged.map_flat_values(tf.add, x, x))
_add("stack_dynamic_partitions", lambda tf, v: tf.ragged.stack_dynamic_partitions(v, [2, 0, 2, 1, 0, 0], 4), VALUES)
_add(
    "segment ids",
    lambda tf, s: [tf.ragged.row_splits_to_segment_ids(s), tf.ragged.segment_ids_to_row_splits([0, 0, 2])],
    SPLITS,
)
_rows("embedding", lambda tf, x: tf.nn.embedding_lookup(tf.reshape(tf.range(14.0), [7, 2]), x))
_rows("from_sparse", lambda tf, x: tf.RaggedTensor.from_sparse(x.to_sparse()))
