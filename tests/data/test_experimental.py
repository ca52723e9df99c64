"""tf.data.experimental, and what methods of datasets refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

Dataset, experimental = tf.data.Dataset, tf.data.experimental


def numbers(dataset: Any) -> list[int]:
    return [int(x) for x in dataset]


def test_debug_mode_calls_functions_for_every_element(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphtf.data import mapped

    monkeypatch.setattr(mapped.mode, "eager", False)
    experimental.enable_debug_mode()
    seen: list[Any] = []

    def f(x: Any, y: Any) -> Any:
        seen.append(x)
        return {"sum": x + y}

    data = Dataset.range(3).map(lambda x: (x, x)).map(f)
    assert [int(e["sum"]) for e in data] == [0, 2, 4]
    assert [int(x) for x in seen[1:]] == [0, 1, 2]  # the first is traced, for the structure


def test_elements_by_position() -> None:
    rows, generated = Dataset.range(5), Dataset.range(5).filter(lambda x: x != 1)
    assert int(experimental.at(rows, 2)) == 2 and int(experimental.at(generated, 2)) == 3
    for data, k in ((rows, 5), (rows, -1), (generated, 4)):
        with pytest.raises(tf.errors.OutOfRangeError):
            experimental.at(data, k)


def test_earlier_names() -> None:
    data = Dataset.range(6)
    assert [x.tolist() for x in data.apply(experimental.map_and_batch(lambda x: x + 1, 4)).as_numpy_iterator()] == [
        [1, 2, 3, 4], [5, 6]
    ]  # fmt: skip
    assert sorted(numbers(data.apply(experimental.shuffle_and_repeat(3, 2)))) == sorted([*range(6), *range(6)])
    assert numbers(data.batch(2).apply(experimental.unbatch())) == list(range(6))
    assert numbers(data.apply(experimental.take_while(lambda x: x < 2))) == [0, 1]
    assert numbers(data.apply(experimental.scan(np.int64(0), lambda s, x: (s + x, s)))) == [0, 0, 1, 3, 6, 10]
    assert numbers(experimental.Counter(2, 3).take(2)) == [2, 5]
    assert experimental.get_structure(iter(data)) == tf.TensorSpec([], tf.int64)
    with pytest.raises(TypeError):
        experimental.get_structure(3)
    with pytest.raises(ValueError):
        experimental.from_list([])


def test_reducers() -> None:
    total = experimental.Reducer(lambda key: (key, np.int64(0)), lambda s, x: (s[0], s[1] + x), lambda k, s: (k, s))
    found = Dataset.range(6).apply(experimental.group_by_reducer(lambda x: x % 3, total))
    assert [(int(k), int(s)) for k, s in found] == [(0, 3), (1, 5), (2, 7)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dataset.range(3).apply(lambda d: 3),
        lambda: Dataset.zip(),
        lambda: Dataset.range(1, 2, 3, 4),
        lambda: Dataset.range(3).group_by_window(lambda x: x, lambda k, d: d),
        lambda: Dataset.range(3).group_by_window(lambda x: x, lambda k, d: k, window_size=2),
        lambda: Dataset.range(3).bucket_by_sequence_length(lambda x: x, [1], [1]),
        lambda: Dataset.range(3).flat_map(lambda x: x),
        lambda: Dataset.range(3).sparse_batch(2, [None]),
        lambda: Dataset.range(3).apply(experimental.pad_to_cardinality(4)),
        lambda: Dataset.from_generator(lambda: iter([]), output_signature=3),
        lambda: Dataset(3),
        lambda: Dataset.range(3).take(1.5),
        lambda: len(Dataset.range(3).repeat()),
    ],
)
def test_bad_arguments(make: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        make()


def test_elements_are_the_callers_to_keep() -> None:
    first, second = list(Dataset.from_tensor_slices([[1, 2], [3, 4]]).as_numpy_iterator())
    first += 10
    assert second.tolist() == [3, 4]
    batch = next(Dataset.range(4).batch(4).as_numpy_iterator())
    batch[:] = 0
    assert next(iter(Dataset.range(4).batch(4))).numpy().tolist() == [0, 1, 2, 3]
