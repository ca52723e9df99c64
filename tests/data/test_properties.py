"""What holds of every pipeline: laws between stages, and blocks against single elements."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphtf as tf
from tests.data import plain

Dataset = tf.data.Dataset


def elements(dataset: Any) -> list[Any]:
    return [plain.value(x) for x in dataset.as_numpy_iterator()]


def opaque(dataset: Any) -> Any:
    """The same elements, but not by position: every stage after it reads them one by one."""
    return dataset.filter(lambda *_: True)


def _source(n: int) -> Any:
    x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    return Dataset.from_tensor_slices({"x": x, "k": np.arange(n)})


counts = st.integers(0, 12)
sizes = st.integers(1, 7)


@given(counts, sizes, st.booleans())
@settings(deadline=None, max_examples=40)
def test_batches_of_blocks_and_of_single_elements(n: int, size: int, drop: bool) -> None:
    assert elements(_source(n).batch(size, drop)) == elements(opaque(_source(n)).batch(size, drop))


@given(counts, sizes, st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_batches_over_repeats(n: int, size: int, times: int) -> None:
    rows = elements(_source(n)) * times
    found = elements(_source(n).repeat(times).batch(size).unbatch())
    assert found == rows
    assert elements(opaque(_source(n)).repeat(times).batch(size).unbatch()) == rows


@given(counts, sizes, st.integers(0, 2**40))
@settings(deadline=None, max_examples=40)
def test_shuffle_by_position_and_by_element(n: int, size: int, seed: int) -> None:
    by_position, by_element = _source(n).shuffle(size, seed=seed), opaque(_source(n)).shuffle(size, seed=seed)
    first = elements(by_position)
    assert first == elements(by_element)
    assert elements(by_position.batch(3)) == elements(by_element.batch(3))  # the second pass
    key = str
    assert sorted(first, key=key) == sorted(elements(_source(n)), key=key)


@given(counts, st.integers(-1, 14), st.integers(-1, 14), sizes)
@settings(deadline=None, max_examples=60)
def test_take_and_skip(n: int, take: int, skip: int, size: int) -> None:
    rows = elements(_source(n))
    want = (rows if take < 0 else rows[:take])[(len(rows) if skip < 0 else skip) :]
    for data in (_source(n), opaque(_source(n))):
        part = data.take(take).skip(skip)
        assert elements(part) == want
        assert elements(part.batch(size).unbatch()) == want


@given(counts, st.integers(1, 4), st.data())
@settings(deadline=None, max_examples=40)
def test_shards_are_a_partition(n: int, shards: int, data: Any) -> None:
    rows = elements(_source(n))
    index = data.draw(st.integers(0, shards - 1))
    assert elements(_source(n).shard(shards, index)) == rows[index::shards]
    assert elements(opaque(_source(n)).shard(shards, index)) == rows[index::shards]


@given(counts, counts)
@settings(deadline=None, max_examples=30)
def test_cardinality_is_the_number_of_elements(n: int, m: int) -> None:
    a, b = Dataset.range(n), Dataset.range(m)
    made = [
        a.concatenate(b), Dataset.zip(a, b), a.repeat(2), a.take(m), a.skip(m), a.batch(m + 1), a.enumerate(),
        a.batch(m + 1, drop_remainder=True), a.shuffle(3), a.window(m + 1, shift=2), a.map(lambda x: x),
        a.window(m + 1, 1, 2, True), a.cache(), a.prefetch(1), a.padded_batch(m + 1),
    ]  # fmt: skip
    for data in made:
        assert len(data) == len(list(data)), data


def test_every_pass_shuffles_anew_unless_told_not_to() -> None:
    anew, same = Dataset.range(50).shuffle(50), Dataset.range(50).shuffle(50, reshuffle_each_iteration=False)
    assert elements(anew) != elements(anew)
    assert elements(same) == elements(same)


def test_views_are_not_written_to() -> None:
    source = np.zeros((4, 2), np.float32)
    data = Dataset.from_tensor_slices(source)
    source[:] = 7
    assert next(iter(data)).numpy().tolist() == [0, 0]
    got = next(data.as_numpy_iterator())
    got[:] = 5
    assert next(data.as_numpy_iterator()).tolist() == [0, 0]


def test_cache_runs_the_stages_before_it_once() -> None:
    calls: list[int] = []

    def seen(x: Any) -> Any:
        calls.append(int(x))
        return x

    data = Dataset.range(4).map(lambda x: tf.py_function(seen, [x], tf.int64)).cache()
    assert len(list(data.take(2))) == 2  # left early: nothing is kept
    calls.clear()
    assert elements(data) == elements(data) == elements(Dataset.range(4))
    assert calls == [0, 1, 2, 3]
    assert [int(x) for x in data.batch(3).unbatch()] == [0, 1, 2, 3]
    assert calls == [0, 1, 2, 3]


def test_map_is_traced_once() -> None:
    traces: list[Any] = []

    def f(x: Any) -> Any:
        traces.append(x)
        return x + 1

    data = Dataset.range(5).map(f)
    assert elements(data) == elements(Dataset.range(1, 6))
    assert elements(data) == elements(Dataset.range(1, 6))
    assert len(traces) == 1


def test_map_sees_variables_as_they_are() -> None:
    v = tf.Variable(1, dtype=tf.int64)
    data = Dataset.range(3).map(lambda x: x * v)
    assert [int(x) for x in data] == [0, 1, 2]
    v.assign(10)
    assert [int(x) for x in data] == [0, 10, 20]


def test_map_changes_variables() -> None:
    v = tf.Variable(0, dtype=tf.int64)

    def f(x: Any) -> Any:
        v.assign_add(x)
        return v.read_value()

    assert [int(x) for x in Dataset.range(4).map(f)] == [0, 1, 3, 6]


def test_generators_are_closed_when_an_iterator_is_dropped() -> None:
    closed: list[bool] = []

    def endless() -> Any:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    it = iter(Dataset.from_generator(endless, output_types=tf.int32).map(lambda x: x).batch(2).prefetch(1))
    next(it)
    del it
    gc.collect()
    assert closed == [True]


def test_a_generators_error_names_its_line() -> None:
    def bad() -> Any:
        yield 1
        raise KeyError("lost")

    it = iter(Dataset.from_generator(bad, output_types=tf.int32))
    assert int(next(it)) == 1
    with pytest.raises(tf.errors.UnknownError, match=r"KeyError: 'lost'.*test_properties\.py:\d+") as raised:
        next(it)
    assert isinstance(raised.value.__cause__, KeyError)


def test_errors_in_functions_name_their_line() -> None:
    data = Dataset.range(3).map(lambda x: tf.gather([1, 2], x))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"test_properties\.py"):
        list(data)


def test_an_iterator_serves_several_threads() -> None:
    it = iter(Dataset.range(2000).map(lambda x: x + 1).batch(1))
    found: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        for x in it:
            with lock:
                found.append(int(x[0]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(found) == list(range(1, 2001))


def test_order_follows_the_global_seed() -> None:
    def orders() -> list[Any]:
        tf.random.set_seed(5)
        return [elements(Dataset.range(8).shuffle(8)) for _ in range(2)]

    try:
        first = orders()
        assert first == orders() and first[0] != first[1]
        assert first[0] == [{"int64": x} for x in [1, 5, 2, 0, 3, 6, 4, 7]]  # TensorFlow's
    finally:
        from graphtf.api import random_state

        random_state._streams.seed = None


def test_resampling_changes_the_distribution() -> None:
    data = Dataset.range(4000).map(lambda x: tf.cast(x % 4 == 0, tf.int32))
    again = data.rejection_resample(lambda x: x, [0.5, 0.5], seed=1)
    classes = [int(k) for k, _ in again]
    assert 0.45 < np.mean(classes) < 0.55 and len(classes) > 1500


def test_what_fit_does_with_arrays() -> None:
    """Indices made, shuffled, cut into batches, and rows gathered: as Keras does it."""
    n, size = 50, 8
    x, y = np.random.default_rng(0).random((n, 3), np.float32), np.arange(n)
    whole = n // size * size

    def batches_of(indices: Any) -> Any:
        full = Dataset.from_tensor_slices(tf.reshape(tf.slice(indices, [0], [whole]), [n // size, size]))
        return full.concatenate(Dataset.from_tensors(tf.slice(indices, [whole], [n - whole])))

    indices = Dataset.range(1).map(lambda _: tf.random.shuffle(tf.range(n, dtype=tf.int64))).prefetch(1)
    data = Dataset.zip((indices.flat_map(batches_of), Dataset.from_tensors((x, y)).repeat()))
    data = data.map(lambda i, arrays: tuple(tf.gather(a, i, axis=0) for a in arrays), num_parallel_calls=2)
    assert data.element_spec == (tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([None], tf.int64))
    passes = []
    for _ in range(2):
        got = list(data.as_numpy_iterator())
        assert [len(b) for _, b in got] == [8] * 6 + [2]
        order = np.concatenate([b for _, b in got])
        np.testing.assert_array_equal(np.concatenate([a for a, _ in got]), x[order])
        assert sorted(order.tolist()) == list(range(n))
        passes.append(order.tolist())
    assert passes[0] != passes[1]


# ---- prefetch --------------------------------------------------------------------------------------------------------


def slowly(values: Any, log: list[Any] | None = None) -> Any:
    def generate() -> Any:
        try:
            for x in values:
                time.sleep(0.004)
                if log is not None:
                    log.append((x, threading.current_thread().name))
                if x == "fail":
                    raise ValueError("on purpose")
                yield x
        finally:
            if log is not None:
                log.append("closed")

    return Dataset.from_generator(generate, output_types=tf.int32)


def test_slow_stages_run_ahead_in_a_thread() -> None:
    log: list[Any] = []
    data = slowly(range(12), log).prefetch(3)
    assert [int(x) for x in data] == list(range(12))
    assert len({name for _, name in log[:-1]}) == 2 and log[-1] == "closed"


def test_quick_stages_do_not() -> None:
    before = threading.active_count()
    it = iter(Dataset.range(100).map(lambda x: x).filter(lambda x: x >= 0).prefetch(tf.data.AUTOTUNE))
    for _ in range(10):
        next(it)
    assert threading.active_count() == before


def test_errors_come_where_their_elements_would() -> None:
    it = iter(slowly([0, 1, 2, 3, 4, 5, "fail"]).prefetch(2))
    assert [int(next(it)) for _ in range(6)] == list(range(6))
    with pytest.raises(tf.errors.InvalidArgumentError, match="on purpose"):
        next(it)


def test_a_dropped_iterator_ends_its_thread() -> None:
    log: list[Any] = []
    it = iter(slowly(range(10_000), log).prefetch(2).map(lambda x: x + 1).batch(2).prefetch(1))
    for _ in range(4):
        next(it)
    del it
    gc.collect()
    for _ in range(200):
        if "closed" in log:
            break
        time.sleep(0.02)
    assert "closed" in log


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def test_iterators_are_restored(tmp_path: Any) -> None:
    data = Dataset.range(20).shuffle(20, seed=3, reshuffle_each_iteration=False).batch(3)
    want = elements(data)
    it = iter(data)
    for _ in range(4):
        next(it)
    path = tf.train.Checkpoint(it=it).save(str(tmp_path / "c"))
    assert plain.value(next(it)) == want[4]
    for other in (iter(data), it):  # one that begins, and one that is past the place
        tf.train.Checkpoint(it=other).restore(path)
        assert [plain.value(x) for x in other] == want[4:]


def test_a_generators_tuple_is_the_rows_of_a_single_tensor() -> None:
    spec = tf.TensorSpec([None], tf.int64)
    dataset = Dataset.from_generator(lambda: iter([(1, 2), [3], (4,)]), output_signature=spec)
    assert [x.numpy().tolist() for x in dataset] == [[1, 2], [3], [4]]


def test_an_iterator_has_a_method_next() -> None:
    it = iter(Dataset.range(1))
    assert int(it.next()) == 0 and Dataset.range(1).as_numpy_iterator().next() == 0
    with pytest.raises(StopIteration):
        it.next()


def _odd_refused(x: Any) -> Any:
    tf.debugging.assert_equal(x % 2, tf.constant(0, tf.int64))
    return x


@pytest.mark.parametrize(
    ("stage", "want"),
    [
        (lambda d, _: d, "0 ! 2 ! 4 !"),
        (lambda d, _: d.filter(lambda x: x != 2), "0 ! ! 4 !"),
        (lambda _, r: r.filter(lambda x: _odd_refused(x) >= 0), "0 ! 2 ! 4 !"),
        (lambda d, _: d.take_while(lambda x: x < 4), "0 ! 2 !"),
        (lambda d, _: d.take(2), "0 ! 2"),
        (lambda d, _: d.shuffle(1), "0 ! 2 ! 4 !"),
        (lambda d, _: d.cache(), "0 ! 2 ! 4 !"),
        (lambda d, _: d.scan(tf.constant(0, tf.int64), lambda s, x: (s + x, s + x)), "0 ! 2 ! 6 !"),
        (lambda d, r: Dataset.zip((d, r)).map(lambda x, y: x * 10 + y), "0 ! 22 ! 44 !"),
    ],
)
def test_a_pass_goes_on_after_an_error(stage: Any, want: str) -> None:
    plain = Dataset.range(6)
    it, found = iter(stage(plain.map(_odd_refused), plain)), []
    for _ in range(12):
        try:
            found.append(str(int(next(it))))
        except tf.errors.InvalidArgumentError:
            found.append("!")
        except StopIteration:
            break
    assert " ".join(found) == want
