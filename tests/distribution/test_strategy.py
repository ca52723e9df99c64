"""Strategies with two replicas, against what TensorFlow gave for the same calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import graphtf as tf
from graphtf.devices import forget_devices

SYNC, BY = tf.VariableSynchronization, tf.VariableAggregation


@pytest.fixture
def strategy() -> Iterator[Any]:
    forget_devices()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    yield tf.distribute.MirroredStrategy()
    forget_devices()


def number() -> Any:
    return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)


def parts(strategy: Any, x: Any) -> list[Any]:
    return [y.numpy().tolist() for y in strategy.experimental_local_results(x)]


# what a variable holds after replicas assign 2 and 3, add 1 and 2, subtract 1 and 2; and what it is read as at last
RECORDED = [
    (SYNC.AUTO, BY.NONE, [[2, 3], [3, 5], [2, 3]], 2),
    (SYNC.AUTO, BY.SUM, [[5, 5], [8, 8], [5, 5]], 5),
    (SYNC.ON_WRITE, BY.MEAN, [[2.5, 2.5], [4, 4], [2.5, 2.5]], 2.5),
    (SYNC.ON_WRITE, BY.ONLY_FIRST_REPLICA, [[2, 2], [3, 3], [2, 2]], 2),
    (SYNC.ON_READ, BY.SUM, [[2, 3], [3, 5], [2, 3]], 5),
    (SYNC.ON_READ, BY.MEAN, [[2, 3], [3, 5], [2, 3]], 2.5),
    (SYNC.ON_READ, BY.ONLY_FIRST_REPLICA, [[2, 3], [3, 5], [2, 3]], 2),
]


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(("synchronization", "aggregation", "copies", "whole"), RECORDED)
def test_replicas_assign(
    strategy: Any, synchronization: Any, aggregation: Any, copies: Any, whole: float, staged: bool
) -> None:
    with strategy.scope():
        v = tf.Variable(1.0, synchronization=synchronization, aggregation=aggregation)
    steps = (
        lambda: v.assign(number() + 2), lambda: v.assign_add(number() + 1), lambda: v.assign_sub(number() + 1),
    )  # fmt: skip
    for step, wanted in zip(steps, copies):
        strategy.run(tf.function(step) if staged else step)
        assert parts(strategy, v) == wanted
    assert v.numpy() == whole


@pytest.mark.parametrize("staged", [False, True])
def test_sums_of_replicas_and_their_gradients(strategy: Any, staged: bool) -> None:
    def step() -> Any:
        with tf.GradientTape() as tape:
            x = tf.constant(2.0) * (number() + 1)
            tape.watch(x)
            y = tf.distribute.get_replica_context().all_reduce("SUM", x * x)
        return y, tape.gradient(y, x)

    y, gradient = strategy.run(tf.function(step) if staged else step)
    assert (parts(strategy, y), parts(strategy, gradient)) == ([20, 20], [8, 16])
    assert float(strategy.reduce("MEAN", gradient, axis=None)) == 12


def test_meeting(strategy: Any) -> None:
    def meet(_: Any, x: Any, same: int) -> Any:
        return strategy.reduce("SUM", x, axis=None), tf.distribute.in_cross_replica_context(), same

    total, across, same = strategy.run(
        lambda: tf.distribute.get_replica_context().merge_call(meet, args=(number() + 1, 5))
    )
    assert (float(total), across, same) == (3, True, 5)
    reduced = tf.function(lambda: tf.distribute.get_replica_context().all_reduce("SUM", number()))
    with pytest.raises(RuntimeError, match="called while defining a new graph"):
        strategy.run(lambda: reduced())
    with pytest.raises(RuntimeError, match="different number"):
        strategy.run(lambda: reduced.python_function() if int(number()) == 0 else 2.0)
    with pytest.raises(ZeroDivisionError):
        strategy.run(lambda: 1 // (1 - int(number())))
    with pytest.raises(RuntimeError, match="requires being in cross-replica context"):
        strategy.run(lambda: strategy.run(lambda: 1))


DATA = [
    (10, 4, False, [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8], [9]]]),
    (5, 4, False, [[[0, 1], [2, 3]], [[4], []]]),
    (9, 5, False, [[[0, 1, 2], [3, 4]], [[5, 6], [7, 8]]]),
    (10, 4, True, [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
]


@pytest.mark.parametrize(("count", "batch", "drop", "wanted"), DATA)
def test_batches_are_split(strategy: Any, count: int, batch: int, drop: bool, wanted: Any) -> None:
    plain = tf.data.Dataset.range(count).batch(batch, drop_remainder=drop)
    shared = strategy.experimental_distribute_dataset(plain)
    assert [parts(strategy, x) for x in shared] == wanted

    @tf.function
    def total(dataset: Any) -> Any:
        found = tf.constant(0, tf.int64)
        for x in dataset:
            found += strategy.reduce("SUM", strategy.run(tf.reduce_sum, args=(x,)), axis=None)
        return found

    assert int(total(shared)) == sum(k for batch_ in wanted for part in batch_ for k in part)


def test_datasets_in_turns(strategy: Any) -> None:
    made = strategy.distribute_datasets_from_function(lambda _: tf.data.Dataset.range(6).batch(2))
    assert [parts(strategy, x) for x in made] == [[[0, 1], [2, 3]], [[4, 5], []]]
    scalars = strategy.distribute_datasets_from_function(lambda _: tf.data.Dataset.range(4))
    assert [parts(strategy, x) for x in scalars] == [[0, 1], [2, 3]]


def test_checkpoints(strategy: Any, tmp_path: Any) -> None:
    with strategy.scope():
        v, r = tf.Variable(1.0), tf.Variable(1.0, synchronization=SYNC.ON_READ, aggregation=BY.SUM)
    r.values[0].assign(3.0)
    path = tf.train.Checkpoint(v=v, r=r).save(str(tmp_path / "ck"))
    v.assign(9.0)
    r.values[0].assign(100.0)
    tf.train.Checkpoint(v=v, r=r).restore(path)
    assert (parts(strategy, v), parts(strategy, r)) == ([1, 1], [2, 2])
    alone, summed = tf.Variable(0.0), tf.Variable(0.0)
    tf.train.Checkpoint(v=alone, r=summed).restore(path)
    assert (alone.numpy(), summed.numpy()) == (1, 4)
