"""Datasets of databases and of examples in files, tables of datasets."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphtf as tf

experimental = tf.data.experimental


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = str(tmp_path / "a ?b.db")
    with sqlite3.connect(path) as database:
        database.execute("create table people(name text, age int, height real)")
        database.execute("insert into people values('a', 3, 1.5), ('b', null, 2)")
    database.close()
    return path


QUERY = "select * from people"


@pytest.mark.parametrize(
    ("types", "rows"),
    [
        ((tf.string, tf.int32, tf.float64), [(b"a", 3, 1.5), (b"b", 0, 2.0)]),
        ((tf.string, tf.int64, tf.string), [(b"a", 3, b"1.5"), (b"b", 0, b"2.0")]),
        ((tf.string, tf.bool, tf.float64), [(b"a", True, 1.5), (b"b", False, 2.0)]),
    ],
)
def test_rows_of_a_query(people: str, types: Any, rows: Any) -> None:
    dataset = experimental.SqlDataset("sqlite", people, QUERY, types)
    assert dataset.element_spec == tuple(tf.TensorSpec([], d) for d in types)
    assert list(dataset.as_numpy_iterator()) == rows
    assert list(dataset.as_numpy_iterator()) == rows


def test_queries_that_are_refused(people: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be one of"):
        experimental.SqlDataset("sqlite", people, QUERY, (tf.string, tf.int32, tf.float32))
    for arguments, message in (
        (("sqlite", people, QUERY, (tf.string,)), r"columns in query \(3\)"),
        (("sqlite", people, "select nothing", (tf.string,)), "failed"),
        (("other", people, QUERY, (tf.string,)), "not supported"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            list(experimental.SqlDataset(*arguments))
    with pytest.raises(tf.errors.UnimplementedError, match="Failed to open"):
        list(experimental.SqlDataset("sqlite", people + "x", QUERY, (tf.string,)))


def example(age: int, words: list[str]) -> bytes:
    feature = {
        "age": tf.train.Feature(int64_list=tf.train.Int64List(value=[age])),
        "words": tf.train.Feature(bytes_list=tf.train.BytesList(value=[w.encode() for w in words])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()  # type: ignore[no-any-return]


FEATURES = {"age": tf.io.FixedLenFeature([], tf.int64), "words": tf.io.VarLenFeature(tf.string)}


def test_examples_in_files(tmp_path: Path) -> None:
    records = tf.data.Dataset.from_tensor_slices([example(k, ["x"] * k) for k in range(5)])
    for part in range(2):
        writer = experimental.TFRecordWriter(str(tmp_path / f"part{part}"), "GZIP")
        writer.write(records.shard(2, part))
    read = tf.data.TFRecordDataset([str(tmp_path / "part0"), str(tmp_path / "part1")], "GZIP")
    parsed = next(iter(read.batch(5).apply(experimental.parse_example_dataset(FEATURES))))
    assert parsed["age"].numpy().tolist() == [0, 2, 4, 1, 3]
    batches = experimental.make_batched_features_dataset(
        str(tmp_path / "part*"), 2, FEATURES, label_key="age", reader_args=["GZIP"], num_epochs=1, shuffle=False
    )
    found = [(x["words"].dense_shape.numpy().tolist(), y.numpy().tolist()) for x, y in batches]
    assert found == [([2, 2], [0, 2]), ([2, 4], [4, 1]), ([1, 3], [3])]
    forever = experimental.make_batched_features_dataset(str(tmp_path / "part*"), 2, FEATURES, reader_args=["GZIP"])
    ages = [int(a) for x in forever.take(5) for a in x["age"]]
    assert len(ages) == 10 and set(ages) <= set(range(5))


def test_what_cannot_be_written(tmp_path: Path) -> None:
    writer = experimental.TFRecordWriter(str(tmp_path / "x"))
    with pytest.raises(TypeError, match="scalar"):
        writer.write(tf.data.Dataset.range(3))
    with pytest.raises(TypeError, match="Expected a"):
        writer.write([b"a"])
    with pytest.raises(ValueError, match="label_key"):
        experimental.make_batched_features_dataset(str(tmp_path / "x"), 2, FEATURES, label_key="none")


def test_tables_of_datasets() -> None:
    numbers = tf.data.Dataset.range(5)
    table = experimental.table_from_dataset(
        tf.data.Dataset.zip((numbers, numbers.map(lambda x: 2 * x))), default_value=-1, key_dtype=tf.int64
    )
    assert table.lookup(tf.constant([1, 9], tf.int64)).numpy().tolist() == [2, -1] and int(table.size()) == 5
    words = tf.data.Dataset.from_tensor_slices(["a", "b", "c"])
    places = experimental.index_table_from_dataset(words, num_oov_buckets=3)
    assert places.lookup(tf.constant(["b", "z", "y"])).numpy().tolist() == [1, 4, 5]
    few = experimental.index_table_from_dataset(words, vocab_size=2)
    assert few.lookup(tf.constant(["b", "c"])).numpy().tolist() == [1, -1]
    for options, error in (
        ({"num_oov_buckets": -1}, ValueError), ({"vocab_size": 0}, ValueError), ({"key_dtype": tf.float32}, TypeError),
    ):  # fmt: skip
        with pytest.raises(error):
            experimental.index_table_from_dataset(words, **options)
    with pytest.raises(ValueError, match="pairs"):
        experimental.table_from_dataset(words)


def test_state_of_python_objects(tmp_path: Path) -> None:
    class Count(tf.train.experimental.PythonState):  # type: ignore[misc]
        def __init__(self, count: int) -> None:
            self.count = count

        def serialize(self) -> str:
            return str(self.count)

        def deserialize(self, string_value: bytes) -> None:
            self.count = int(string_value)

    checkpoint = tf.train.Checkpoint(count=Count(3), v=tf.Variable(1.0))
    path = checkpoint.save(str(tmp_path / "c"))
    assert "count/.ATTRIBUTES/py_state" in dict(tf.train.list_variables(path))
    checkpoint.count.count = 7
    checkpoint.restore(path).assert_consumed()
    assert checkpoint.count.count == 3
    assert list(tf.train.checkpoints_iterator(tmp_path, timeout=0)) == [path]
    later = []
    for found in tf.train.checkpoints_iterator(tmp_path, timeout=0.2, timeout_fn=lambda: len(later) == 2):
        later.append(found)
        if len(later) < 2:
            checkpoint.save(str(tmp_path / "c"))
    assert later == [path, path[:-1] + "2"]


def test_coordinator() -> None:
    import threading

    coordinator, seen = tf.train.Coordinator(), []

    def work(k: int) -> None:
        with coordinator.stop_on_exception():
            while not coordinator.should_stop():
                if k == 1:
                    raise ValueError("of a thread")
                coordinator.wait_for_stop(0.01)
            seen.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    with pytest.raises(ValueError, match="of a thread"):
        coordinator.join(threads)
    assert sorted(seen) == [0, 2] and coordinator.joined and coordinator.should_stop()
    coordinator.clear_stop()
    assert not coordinator.should_stop() and not coordinator.joined
    coordinator.request_stop(tf.errors.OutOfRangeError(None, None, "the end"))
    coordinator.join()
    stuck = threading.Event()
    thread = threading.Thread(target=stuck.wait)
    coordinator.clear_stop()
    thread.start()
    coordinator.request_stop()
    with pytest.raises(RuntimeError, match="still running"):
        coordinator.join([thread], stop_grace_period_secs=0.05)
    stuck.set()
    thread.join()


def test_none_has_a_spec() -> None:
    dataset = tf.data.Dataset.range(2).map(lambda x: (x, None))
    assert dataset.element_spec == (tf.TensorSpec([], tf.int64), tf.NoneTensorSpec())
    assert np.array_equal([x for x, none in dataset if none is None], [0, 1])


def test_a_scalar_key() -> None:
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    assert int(table.lookup(tf.constant("b"))) == 2 and int(table[tf.constant("c")]) == -1
    with pytest.raises(TypeError, match=r"must be <dtype: 'string'>, received: <dtype: 'int32'>"):
        table.lookup(tf.constant([1]))


def test_messages_as_text() -> None:
    values = [1.0, 0.1, 1e10, 1e-7, np.inf, -0.0, 16777216.0, 123456.789, 1 / 3]
    text = str(tf.train.FloatList(value=values)).replace("value: ", "").split()
    assert text == ["1", "0.1", "1e+10", "1e-07", "inf", "-0", "16777216", "123456.789", "0.333333343"]
    assert tf.train.FloatList(value=[0.1]).value[0] == float(np.float32(0.1))
    assert str(tf.train.BytesList(value=[b"a\"'\\\n\x00\xff"])) == 'value: "a\\"\\\'\\\\\\n\\000\\377"\n'


class Pair(tf.experimental.BatchableExtensionType):  # type: ignore[misc]
    numbers: tf.Tensor
    words: tf.RaggedTensor


def test_objects_made_of_tensors_are_taken_apart_and_stacked() -> None:
    pair = Pair(tf.constant([1, 2, 3]), tf.ragged.constant([["a"], ["b", "c"], []]))
    rows = tf.data.Dataset.from_tensor_slices(pair)
    assert [(int(x.numbers), x.words.numpy().tolist()) for x in rows] == [(1, [b"a"]), (2, [b"b", b"c"]), (3, [])]
    whole = next(iter(rows.batch(3)))
    assert whole.numbers.numpy().tolist() == [1, 2, 3] and whole.words.to_list() == [[b"a"], [b"b", b"c"], []]
    assert isinstance(whole, Pair) and rows.batch(2).element_spec.numbers == tf.TensorSpec([None], tf.int32)
    assert [x.words.shape[0] for x in rows.batch(2).unbatch()] == [1, 2, 0]
    more = rows.map(lambda x: (x, tf.size(x.words) + x.numbers))
    assert [(int(x.numbers), int(n)) for x, n in more] == [(1, 2), (2, 4), (3, 3)]
