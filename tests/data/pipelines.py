"""Pipelines that TensorFlow was asked about: each is a function of the module that stands for `tensorflow`.

`record.py` runs them on TensorFlow and writes recorded.json; test_recorded.py runs them here and compares elements,
structure, number of elements, or the class of the error.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

Pair = namedtuple("Pair", "first second")
Pipeline = Callable[[Any], Any]


def _datasets(tf: Any) -> Any:
    return tf.data.Dataset


def _ones(tf: Any) -> Any:
    return lambda x: tf.data.Dataset.from_tensors(x).repeat(x)


def _sequences(tf: Any) -> Any:
    rows = [[0], [1, 2, 3, 4], [5, 6, 7], [7, 8, 9, 10, 11], [13, 14, 15, 16, 19, 20], [21, 22]]
    return tf.data.Dataset.from_generator(lambda: iter(rows), tf.int64, output_shapes=[None])


def _branching(tf: Any) -> Any:
    def f(x: Any) -> Any:
        if x % 2 == 0:
            return x * 10
        for _ in tf.range(2):
            x += 1
        return x

    return tf.data.Dataset.range(5).map(f)


PIPELINES: dict[str, Pipeline] = {
    # where elements come from
    "from_tensors": lambda tf: _datasets(tf).from_tensors(([1, 2], {"a": 1.5, "b": "x"})),
    "from_tensor_slices": lambda tf: _datasets(tf).from_tensor_slices({"b": [[1, 2], [3, 4]], "a": ["x", "y"]}),
    "from_tensor_slices of a named tuple": lambda tf: _datasets(tf).from_tensor_slices(Pair([1, 2], ([1.0, 2.0],))),
    "from_tensor_slices of nothing": lambda tf: _datasets(tf).from_tensor_slices([]),
    "range": lambda tf: _datasets(tf).range(2, 11, 3),
    "range downwards": lambda tf: _datasets(tf).range(5, 0, -2),
    "range of int32": lambda tf: _datasets(tf).range(3, output_type=tf.int32),
    "range of float32": lambda tf: _datasets(tf).range(3, output_type=tf.float32),
    "random": lambda tf: _datasets(tf).random(seed=4).take(5),
    "random again": lambda tf: _datasets(tf).random(seed=4, rerandomize_each_iteration=True).take(3),
    "counter": lambda tf: _datasets(tf).counter(3, 2).take(3),
    "generator of scalars": lambda tf: _datasets(tf).from_generator(lambda: iter([1, 2]), output_types=tf.int32),
    "generator of pairs": lambda tf: _datasets(tf).from_generator(
        lambda: iter([(1, [1.0, 2.0]), (2, [3.0])]),
        output_signature=(tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.float32)),
    ),
    "generator with arguments": lambda tf: _datasets(tf).from_generator(
        lambda n, x: iter([x] * n), args=(3, 1.5), output_signature=tf.TensorSpec([], tf.float32)
    ),
    "from_list": lambda tf: tf.data.experimental.from_list([(1, "a"), (2, "b")]),
    # functions of elements
    "map": lambda tf: _datasets(tf).range(4).map(lambda x: x * x + 1),
    "map of pairs": lambda tf: _datasets(tf).from_tensor_slices(([1, 2], [3, 4])).map(lambda x, y: {"sum": x + y}),
    "map to a list": lambda tf: _datasets(tf).range(2).map(lambda x: [x, -x]),
    "map to nested lists": lambda tf: _datasets(tf).range(2).map(lambda x: (x, [x, [x, x][0]])),
    "map of a named tuple": lambda tf: _datasets(tf).from_tensor_slices(Pair([1, 2], [3, 4])).map(
        lambda pair: pair.first - pair.second
    ),
    "map with branches and loops": _branching,
    "map of strings": lambda tf: _datasets(tf).from_tensor_slices(["b", "a"]).map(lambda s: (s, s == "a")),
    "map of shapes that vary": lambda tf: _datasets(tf).range(1, 4).map(lambda n: tf.fill([n], n)),
    "filter": lambda tf: _datasets(tf).range(7).filter(lambda x: x % 3 != 0),
    "filter of pairs": lambda tf: _datasets(tf).range(5).map(lambda x: (x, x * x)).filter(lambda x, y: y > 3),
    "take_while": lambda tf: _datasets(tf).range(9).take_while(lambda x: x < 4),
    "scan": lambda tf: _datasets(tf).range(5).scan(tf.constant(1, tf.int64), lambda s, x: (s + x, s * 10)),
    "scan with a state of parts": lambda tf: _datasets(tf).range(4).scan(
        (tf.constant(0, tf.int64), tf.constant(1.0)), lambda s, x: ((s[0] + x, s[1] * 2.0), (s[0], s[1]))
    ),
    "flat_map": lambda tf: _datasets(tf).range(4).flat_map(lambda x: _datasets(tf).range(x)),
    "flat_map of a captured number": lambda tf: _datasets(tf).range(1, 4).flat_map(
        lambda n: _datasets(tf).range(n).map(lambda x: x * n)
    ),
    "flat_map of rows": lambda tf: _datasets(tf).from_tensor_slices([[1, 2], [3, 4]]).flat_map(
        _datasets(tf).from_tensor_slices
    ),
    "interleave 2 2": lambda tf: _datasets(tf).range(1, 6).interleave(_ones(tf), cycle_length=2, block_length=2),
    "interleave 3 1": lambda tf: _datasets(tf).range(1, 6).interleave(_ones(tf), cycle_length=3),
    "interleave in parallel": lambda tf: _datasets(tf).range(1, 6).interleave(
        _ones(tf), cycle_length=2, block_length=1, num_parallel_calls=2
    ),
    # which and when
    "take": lambda tf: _datasets(tf).range(5).take(2),
    "take all": lambda tf: _datasets(tf).range(3).take(-1),
    "skip": lambda tf: _datasets(tf).range(5).skip(3),
    "skip all": lambda tf: _datasets(tf).range(5).skip(-1),
    "skip too many": lambda tf: _datasets(tf).range(5).skip(9),
    "shard": lambda tf: _datasets(tf).range(10).shard(3, 2),
    "shard of filtered": lambda tf: _datasets(tf).range(10).filter(lambda x: x > 1).shard(3, 1),
    "repeat": lambda tf: _datasets(tf).range(3).repeat(2),
    "repeat without end": lambda tf: _datasets(tf).range(3).repeat().take(7),
    "repeat nothing": lambda tf: _datasets(tf).range(0).repeat(),
    "repeat no times": lambda tf: _datasets(tf).range(3).repeat(0),
    "concatenate": lambda tf: _datasets(tf).range(2).concatenate(_datasets(tf).range(5, 7)),
    "concatenate of shapes": lambda tf: _datasets(tf).from_tensors([1, 2]).concatenate(
        _datasets(tf).from_tensors([3])
    ),
    "enumerate": lambda tf: _datasets(tf).from_tensor_slices(["a", "b"]).enumerate(start=5),
    "zip": lambda tf: _datasets(tf).zip(_datasets(tf).range(3), _datasets(tf).range(5, 10)),
    "zip of a structure": lambda tf: _datasets(tf).zip(
        {"a": _datasets(tf).range(2), "b": (_datasets(tf).range(4, 6), _datasets(tf).range(7))}
    ),
    "shuffle 4": lambda tf: _datasets(tf).range(10).shuffle(4, seed=1),
    "shuffle 100": lambda tf: _datasets(tf).range(10).shuffle(100, seed=7),
    "shuffle mapped": lambda tf: _datasets(tf).range(10).map(lambda x: x + 1).shuffle(3, seed=5),
    "shuffle repeat": lambda tf: _datasets(tf).range(6).shuffle(3, seed=3).repeat(3),
    "shuffle the same again": lambda tf: _datasets(tf).range(6).shuffle(
        6, seed=3, reshuffle_each_iteration=False
    ).repeat(2),
    "shuffle batch": lambda tf: _datasets(tf).range(10).shuffle(10, seed=2).batch(4),
    "repeat shuffle": lambda tf: _datasets(tf).range(4).repeat(3).shuffle(5, seed=9),
    "prefetch": lambda tf: _datasets(tf).range(3).prefetch(tf.data.AUTOTUNE),
    "cache": lambda tf: _datasets(tf).range(3).map(lambda x: x + 1).cache().repeat(2),
    "unique": lambda tf: _datasets(tf).from_tensor_slices([1, 37, 2, 37, 2, 1]).unique(),
    "ignore_errors": lambda tf: _datasets(tf).from_tensor_slices([1.0, 2.0, 0.0, 4.0]).map(
        lambda x: tf.debugging.check_numerics(1.0 / x, "error")
    ).ignore_errors(),
    "assert_cardinality": lambda tf: _datasets(tf).range(6).filter(lambda x: x % 2 == 0).apply(
        tf.data.experimental.assert_cardinality(3)
    ),
    # batches
    "batch": lambda tf: _datasets(tf).range(5).batch(2),
    "batch without the rest": lambda tf: _datasets(tf).range(5).batch(2, drop_remainder=True),
    "batch of structures": lambda tf: _datasets(tf).from_tensor_slices(([1, 2, 3], {"a": ["x", "y", "z"]})).batch(2),
    "batch of batches": lambda tf: _datasets(tf).range(8).batch(2).batch(3),
    "batch over a repeat": lambda tf: _datasets(tf).range(3).repeat(3).batch(4),
    "batch of filtered": lambda tf: _datasets(tf).range(9).filter(lambda x: x != 4).batch(3),
    "unbatch": lambda tf: _datasets(tf).range(5).batch(2).unbatch(),
    "unbatch of known sizes": lambda tf: _datasets(tf).range(6).batch(2, drop_remainder=True).unbatch(),
    "unbatch of pairs": lambda tf: _datasets(tf).from_tensor_slices(([[1, 2], [3, 4]], [[5, 6], [7, 8]])).unbatch(),
    "rebatch": lambda tf: _datasets(tf).range(10).batch(4).rebatch(3),
    "rebatch in turns": lambda tf: _datasets(tf).range(8).batch(4).rebatch([2, 1, 1]),
    "padded_batch": lambda tf: _datasets(tf).range(1, 5).map(lambda n: tf.fill([n], n)).padded_batch(2),
    "padded_batch to a shape": lambda tf: _datasets(tf).range(1, 4).map(lambda n: tf.fill([n], n)).padded_batch(
        2, padded_shapes=[5], padding_values=tf.constant(-1, tf.int64)
    ),
    "padded_batch of parts": lambda tf: _sequences(tf).map(lambda x: (x, tf.strings.as_string(x))).padded_batch(
        3, padded_shapes=([None], [None]), padding_values=(tf.constant(9, tf.int64), "-")
    ),
    "padded_batch without the rest": lambda tf: _sequences(tf).padded_batch(4, drop_remainder=True),
    "window": lambda tf: _datasets(tf).range(7).window(3).flat_map(lambda w: w.batch(3)),
    "window shift stride": lambda tf: _datasets(tf).range(10).window(3, shift=2, stride=2).flat_map(
        lambda w: w.batch(3)
    ),
    "window without the rest": lambda tf: _datasets(tf).range(10).window(
        3, shift=1, stride=3, drop_remainder=True
    ).flat_map(lambda w: w.batch(3)),
    "window with gaps": lambda tf: _datasets(tf).range(10).window(2, shift=4).flat_map(lambda w: w.batch(2)),
    "window of pairs": lambda tf: _datasets(tf).range(5).map(lambda x: (x, -x)).window(2).flat_map(
        lambda x, y: _datasets(tf).zip((x, y.map(lambda v: v * 2)))
    ),
    "group_by_window": lambda tf: _datasets(tf).range(10).group_by_window(
        key_func=lambda x: x % 2, reduce_func=lambda key, group: group.batch(3).map(lambda b: (key, b)), window_size=3
    ),
    "group_by_window of sizes": lambda tf: _datasets(tf).range(10).group_by_window(
        key_func=lambda x: x % 3, reduce_func=lambda key, group: group.batch(9), window_size_func=lambda key: key + 1
    ),
    "bucket_by_sequence_length": lambda tf: _sequences(tf).bucket_by_sequence_length(
        element_length_func=lambda x: tf.shape(x)[0], bucket_boundaries=[3, 5], bucket_batch_sizes=[2, 2, 2]
    ),
    "bucket to the boundary": lambda tf: _sequences(tf).bucket_by_sequence_length(
        element_length_func=lambda x: tf.shape(x)[0], bucket_boundaries=[4, 8], bucket_batch_sizes=[2, 3, 4],
        pad_to_bucket_boundary=True,
    ),
    # several
    "choose_from_datasets": lambda tf: _datasets(tf).choose_from_datasets(
        [_datasets(tf).range(3), _datasets(tf).range(10, 12)],
        _datasets(tf).from_tensor_slices([0, 1, 0, 1, 0]).map(lambda x: tf.cast(x, tf.int64)),
    ),
    "choose until empty": lambda tf: _datasets(tf).choose_from_datasets(
        [_datasets(tf).range(2), _datasets(tf).range(10, 15)], _datasets(tf).range(2).repeat()
    ),
    "choose from what is left": lambda tf: _datasets(tf).choose_from_datasets(
        [_datasets(tf).range(2), _datasets(tf).range(10, 14)], _datasets(tf).range(2).repeat(),
        stop_on_empty_dataset=False,
    ),
    "sample_from_datasets": lambda tf: _datasets(tf).sample_from_datasets(
        [_datasets(tf).range(10), _datasets(tf).range(10, 20)], weights=[0.2, 0.8], seed=3
    ),
    "sample until empty": lambda tf: _datasets(tf).sample_from_datasets(
        [_datasets(tf).range(10), _datasets(tf).range(10, 20)], seed=6, stop_on_empty_dataset=True
    ),
    # ragged and sparse tensors
    "rows of a ragged tensor": lambda tf: _datasets(tf).from_tensor_slices(tf.ragged.constant([[1, 2], [], [3]])),
    "rows of a deep one": lambda tf: _datasets(tf).from_tensor_slices(
        tf.ragged.constant([[[1], [2, 3]], [[4]], [], [[], [5]]])
    ).batch(3),
    "rows of rows": lambda tf: _datasets(tf).from_tensor_slices(
        tf.ragged.constant([[[1], [2, 3]], [[4]], [], [[], [5]]])
    ).unbatch(),
    "batch of ragged rows": lambda tf: _datasets(tf).from_tensor_slices(
        (tf.ragged.constant([["a", "b"], [], ["c"]]), [1, 2, 3])
    ).shuffle(3, seed=2).batch(2),
    "map of a ragged tensor": lambda tf: _datasets(tf).from_tensors(tf.ragged.constant([[1, 2], [], [3]])).map(
        lambda r: (tf.reduce_sum(r, axis=1), r * 2)
    ),
    "ragged_batch": lambda tf: _datasets(tf).range(1, 5).map(lambda n: tf.fill([n], n)).ragged_batch(3),
    "ragged_batch of known shapes": lambda tf: _datasets(tf).range(3).map(lambda n: [n, n]).ragged_batch(2),
    "ragged_batch of matrices": lambda tf: _datasets(tf).range(1, 6).map(
        lambda n: tf.reshape(tf.range(2 * n), [-1, 2])
    ).ragged_batch(2, drop_remainder=True),
    "sparse_batch": lambda tf: _datasets(tf).range(1, 6).map(lambda n: tf.fill([n], n)).sparse_batch(2, row_shape=[6]),
    "sparse_batch of open shapes": lambda tf: _datasets(tf).range(1, 5).map(
        lambda n: tf.fill([n, 2], n)
    ).sparse_batch(3, row_shape=[None, 4]),
    "unbatch of a ragged batch": lambda tf: _datasets(tf).range(1, 4).map(
        lambda n: tf.fill([n], n)
    ).ragged_batch(2).unbatch(),
    "rows of a sparse tensor": lambda tf: _datasets(tf).from_tensor_slices(
        tf.sparse.from_dense([[1, 0, 2], [0, 0, 0], [0, 3, 0]])
    ),
    "batch of sparse rows": lambda tf: _datasets(tf).from_tensor_slices(
        tf.sparse.from_dense([[1, 0, 2], [0, 0, 0], [0, 3, 0]])
    ).batch(2),
    "unbatch of a sparse batch": lambda tf: _datasets(tf).from_tensor_slices(
        tf.sparse.from_dense([[1, 0, 2], [0, 0, 0], [0, 3, 0]])
    ).batch(2).unbatch(),
    "elements with None": lambda tf: _datasets(tf).range(2).map(lambda x: (x, None)).map(lambda x, y: (x + 1, y)),
    "pad_to_cardinality": lambda tf: _datasets(tf).from_tensor_slices({"z": [1, 2], "a": ["x", "y"]}).apply(
        tf.data.experimental.pad_to_cardinality(3)
    ),
}

# The class of the error that making or iterating over a pipeline raises.
ERRORS: dict[str, Pipeline] = {
    "batch of no elements": lambda tf: _datasets(tf).range(3).batch(0),
    "batch of shapes that differ": lambda tf: _datasets(tf).range(1, 4).map(lambda n: tf.fill([n], n)).batch(2),
    "map of no function": lambda tf: _datasets(tf).range(3).map(1),
    "filter of no bool": lambda tf: _datasets(tf).range(3).filter(lambda x: x),
    "slices of a scalar": lambda tf: _datasets(tf).from_tensor_slices(3),
    "slices of different lengths": lambda tf: _datasets(tf).from_tensor_slices(([1, 2], [1, 2, 3])),
    "concatenate of dtypes": lambda tf: _datasets(tf).range(3).concatenate(_datasets(tf).from_tensors(1.0)),
    "shuffle without a buffer": lambda tf: _datasets(tf).range(3).shuffle(0),
    "shard of none": lambda tf: _datasets(tf).range(3).shard(0, 0),
    "shard out of range": lambda tf: _datasets(tf).range(3).shard(2, 3),
    "unbatch of scalars": lambda tf: _datasets(tf).range(3).unbatch(),
    "range without a step": lambda tf: _datasets(tf).range(0, 3, 0),
    "generator that raises": lambda tf: _datasets(tf).from_generator(lambda: iter([1, 1 // 0]), output_types=tf.int32),
    "generator of another dtype": lambda tf: _datasets(tf).from_generator(lambda: iter(["a"]), output_types=tf.int32),
    "generator of another shape": lambda tf: _datasets(tf).from_generator(
        lambda: iter([[1, 2]]), output_signature=tf.TensorSpec([3], tf.int32)
    ),
    "generator that is none": lambda tf: _datasets(tf).from_generator([1, 2], output_types=tf.int32),
    "generator without types": lambda tf: _datasets(tf).from_generator(lambda: iter([1])),
    "zip of a list": lambda tf: _datasets(tf).zip([_datasets(tf).range(3)]),
    "zip of no dataset": lambda tf: _datasets(tf).zip((_datasets(tf).range(3), 3)),
    "too many elements": lambda tf: _datasets(tf).range(3).apply(tf.data.experimental.assert_cardinality(2)),
    "too few elements": lambda tf: _datasets(tf).range(3).apply(tf.data.experimental.assert_cardinality(5)),
    "scan without a pair": lambda tf: _datasets(tf).range(3).scan(tf.constant(0), lambda s, x: s),
    "scan of another dtype": lambda tf: _datasets(tf).range(3).scan(tf.constant(0), lambda s, x: (x, x)),
    "choices of another dtype": lambda tf: _datasets(tf).choose_from_datasets(
        [_datasets(tf).range(3)], _datasets(tf).from_tensors(1)
    ),
    "choices out of range": lambda tf: _datasets(tf).choose_from_datasets(
        [_datasets(tf).range(3)], _datasets(tf).range(2)
    ),
    "weights of another number": lambda tf: _datasets(tf).sample_from_datasets([_datasets(tf).range(3)], [0.1, 0.2]),
    "padded shapes of another rank": lambda tf: _datasets(tf).range(3).padded_batch(2, padded_shapes=[None]),
    "padding to too small a shape": lambda tf: _sequences(tf).padded_batch(2, padded_shapes=[2]),
    "padding of another dtype": lambda tf: _sequences(tf).padded_batch(2, padding_values=tf.constant(1.5)),
    "check in a function": lambda tf: _datasets(tf).range(3).map(
        lambda x: tf.debugging.check_numerics(1.0 / tf.cast(x, tf.float32), "error")
    ),
    "sparse_batch of rows that are too long": lambda tf: _datasets(tf).range(1, 6).map(
        lambda n: tf.fill([n], n)
    ).sparse_batch(2, row_shape=[3]),
    "window of none": lambda tf: _datasets(tf).range(3).window(0),
    "unique of floats": lambda tf: _datasets(tf).from_tensor_slices([1.0]).unique(),
    "no such file": lambda tf: tf.data.TFRecordDataset("/no/such/file"),
    "no such files": lambda tf: _datasets(tf).list_files("/no/such/files*"),
    "names that are no strings": lambda tf: tf.data.TextLineDataset(3),
}
