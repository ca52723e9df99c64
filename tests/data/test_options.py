"""Options of datasets."""

from __future__ import annotations

import pytest

import graphtf as tf


def test_settings_have_types() -> None:
    options = tf.data.Options()
    assert options.deterministic is None
    options.deterministic = True
    options.threading.private_threadpool_size = 3
    options.experimental_threading.max_intra_op_parallelism = 1
    assert options.experimental_deterministic is True
    assert options.threading.private_threadpool_size == 3 and options.threading.max_intra_op_parallelism == 1
    with pytest.raises(TypeError, match="must be of type"):
        options.deterministic = 1
    with pytest.raises(AttributeError, match="Cannot set the property"):
        options.no_such_thing = 1
    with pytest.raises(AttributeError):
        _ = options.no_such_thing


def test_options_merge() -> None:
    first, second = tf.data.Options(), tf.data.Options()
    first.experimental_optimization.map_fusion = True
    first.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    second.experimental_optimization.noop_elimination = False
    data = tf.data.Dataset.range(3).with_options(first).map(lambda x: x).with_options(second).batch(2)
    found = data.options()
    assert found.experimental_optimization.map_fusion is True
    assert found.experimental_optimization.noop_elimination is False
    assert found.experimental_distribute.auto_shard_policy is tf.data.experimental.AutoShardPolicy.DATA
    assert first.experimental_optimization.noop_elimination is None  # unchanged
    assert tf.data.Options() == tf.data.Options() and first != second
    with pytest.raises(TypeError):
        data.with_options(3)


def test_names() -> None:
    assert (tf.data.AUTOTUNE, tf.data.INFINITE_CARDINALITY, tf.data.UNKNOWN_CARDINALITY) == (-1, -1, -2)
    assert tf.data.experimental.AUTOTUNE == -1
    import graphtf.data.experimental as by_path

    assert by_path.cardinality is tf.data.experimental.cardinality


def test_datasets_show_tensorflows_names() -> None:
    numbers = tf.data.Dataset.range(4)
    shown = [
        numbers, numbers.cache(), numbers.enumerate(), numbers.batch(2), tf.data.Dataset.from_tensors(1),
        tf.data.Dataset.from_tensor_slices([1]), tf.data.TFRecordDataset("a"), tf.data.TextLineDataset("a").take(1),
    ]  # fmt: skip
    assert [repr(d).split()[0] for d in shown] == [
        "<_RangeDataset", "<CacheDataset", "<_ZipDataset", "<_BatchDataset", "<_TensorDataset",
        "<_TensorSliceDataset", "<TFRecordDatasetV2", "<_TakeDataset",
    ]  # fmt: skip
