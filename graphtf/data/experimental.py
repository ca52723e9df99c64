"""tf.data.experimental: functions to `Dataset.apply`, and names kept from earlier versions.

Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental. Entry points: the functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.autograph.convert import converted_callee
from graphtf.data import AUTOTUNE
from graphtf.data.batching import Elements
from graphtf.data.dataset import Dataset
from graphtf.data.mapped import mode
from graphtf.data.padding import PadTo
from graphtf.data.structure import map_leaves, spread, stored, structure_of
from graphtf.ir.errors import OutOfRangeError
from graphtf.names import names_in, resolve

Apply = Callable[[Any], Any]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'graphtf.data.experimental' has no attribute {name!r}")
    found = globals()[name] = resolve(f"data.experimental.{name}")
    return found


def __dir__() -> list[str]:
    return names_in("data.experimental")


def cardinality(dataset: Any) -> Any:
    """The number of elements (int64), or INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

    >>> int(cardinality(Dataset.range(3).repeat()))
    -1
    """
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: Any) -> Apply:
    """Promise a number of elements.

    >>> evens = Dataset.range(8).filter(lambda x: x % 2 == 0)
    >>> len(evens.apply(assert_cardinality(4)))
    4
    """
    return lambda dataset: dataset.assert_cardinality(expected_cardinality)


def enable_debug_mode() -> None:
    """Call the functions of pipelines made from now on eagerly, element by element, so that a debugger sees them."""
    mode.eager = True


def get_structure(dataset_or_iterator: Any) -> Any:
    """The structure of specs of the elements. Raises TypeError for what is no dataset or iterator."""
    try:
        return dataset_or_iterator.element_spec
    except AttributeError:
        raise TypeError(
            f"Invalid `dataset_or_iterator`. It must be a dataset or iterator, got {type(dataset_or_iterator)}."
        ) from None


def get_next_as_optional(iterator: Any) -> Any:
    """The next element as an `Optional`, which is empty at the end."""
    return iterator.get_next_as_optional()


def get_single_element(dataset: Any) -> Any:
    """The only element. Raises InvalidArgumentError unless there is exactly one."""
    return dataset.get_single_element()


def at(dataset: Any, index: Any) -> Any:
    """The element at a position. Raises OutOfRangeError for one that there is not.

    >>> int(at(Dataset.range(5), 2))
    2
    """
    k = int(index)
    rows = dataset._node.rows()
    if rows is not None and 0 <= k < rows.count:
        return dataset._structure.pack(rows.at(k))
    reader = dataset._node.open()
    element = reader.next() if k >= 0 and reader.skip(k) == k else None
    if element is None:
        raise OutOfRangeError(None, None, f"Index out of range [0, {dataset.cardinality()}): {k}")
    return dataset._structure.pack(element)


def from_list(elements: Sequence[Any], name: str | None = None) -> Any:
    """The elements of a list, which have one structure. Raises ValueError for an empty list.

    >>> list(from_list([(1, "a"), (2, "b")]).as_numpy_iterator())
    [(np.int32(1), b'a'), (np.int32(2), b'b')]
    """
    if not elements:
        raise ValueError("Invalid `elements`. `elements` should not be empty.")
    structure, _ = structure_of(elements[0])
    for x in elements[1:]:
        structure = structure.merged(structure_of(x)[0], "from_list")
    return Dataset(Elements([[stored(v) for v in structure_of(x)[1]] for x in elements], structure))


def Counter(start: Any = 0, step: Any = 1, dtype: Any = "int64") -> Any:
    """start, start + step, … without end: as `Dataset.counter`."""
    return Dataset.counter(start, step, dtype)


def RandomDataset(seed: Any = None, rerandomize_each_iteration: bool | None = None, name: str | None = None) -> Any:
    """Random int64 without end: as `Dataset.random`."""
    return Dataset.random(seed, rerandomize_each_iteration)


# ---- earlier names of methods ----------------------------------------------------------------------------------------


def _method(name: str) -> Callable[..., Apply]:
    def made(*args: Any, **kwargs: Any) -> Apply:
        return lambda dataset: getattr(dataset, name)(*args, **kwargs)

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"A function to `Dataset.apply` that calls the method `{name}` with these arguments."
    return made


bucket_by_sequence_length = _method("bucket_by_sequence_length")
dense_to_ragged_batch = _method("ragged_batch")
dense_to_sparse_batch = _method("sparse_batch")
enumerate_dataset = _method("enumerate")
group_by_window = _method("group_by_window")
ignore_errors = _method("ignore_errors")
rejection_resample = _method("rejection_resample")
scan = _method("scan")
snapshot = _method("snapshot")
take_while = _method("take_while")
unbatch = _method("unbatch")
unique = _method("unique")


def choose_from_datasets(datasets: Any, choice_dataset: Any, stop_on_empty_dataset: bool = False) -> Any:
    """As `Dataset.choose_from_datasets`."""
    return Dataset.choose_from_datasets(datasets, choice_dataset, stop_on_empty_dataset)


def sample_from_datasets(
    datasets: Any, weights: Any = None, seed: Any = None, stop_on_empty_dataset: bool = False
) -> Any:
    """As `Dataset.sample_from_datasets`."""
    return Dataset.sample_from_datasets(datasets, weights, seed, stop_on_empty_dataset)


def load(path: str, element_spec: Any = None, compression: str | None = None, reader_func: Any = None) -> Any:
    """As `Dataset.load`."""
    return Dataset.load(path, element_spec, compression, reader_func)


def save(
    dataset: Any, path: str, compression: str | None = None, shard_func: Any = None, checkpoint_args: Any = None
) -> None:
    """As `Dataset.save`."""
    dataset.save(path, compression, shard_func, checkpoint_args)


def map_and_batch(
    map_func: Any, batch_size: Any, num_parallel_batches: Any = None, drop_remainder: bool = False,
    num_parallel_calls: Any = None,
) -> Apply:  # fmt: skip
    """`map`, then `batch`."""
    return lambda dataset: dataset.map(map_func).batch(batch_size, drop_remainder)


def shuffle_and_repeat(buffer_size: Any, count: Any = None, seed: Any = None) -> Apply:
    """`shuffle`, then `repeat`."""
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


def parallel_interleave(
    map_func: Any, cycle_length: Any, block_length: Any = 1, sloppy: Any = False, buffer_output_elements: Any = None,
    prefetch_input_elements: Any = None,
) -> Apply:  # fmt: skip
    """`interleave`."""
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length)


def prefetch_to_device(device: str, buffer_size: Any = None) -> Apply:
    """The same elements: there is one device."""
    return lambda dataset: dataset.prefetch(AUTOTUNE if buffer_size is None else buffer_size)


def copy_to_device(target_device: str, source_device: str = "/cpu:0") -> Apply:
    """The same elements: there is one device."""
    return lambda dataset: dataset


def pad_to_cardinality(cardinality: Any, mask_key: str = "valid") -> Apply:
    """Elements, dictionaries, filled up to a number with zeros; `mask_key` says which were there.

    Raises ValueError for elements that are no dictionaries, or have the key already.

    >>> padded = Dataset.from_tensor_slices({"a": [1]}).apply(pad_to_cardinality(2))
    >>> list(padded.as_numpy_iterator())
    [{'a': np.int32(1), 'valid': np.True_}, {'a': np.int32(0), 'valid': np.False_}]
    """

    def apply(dataset: Any) -> Any:
        if not isinstance(dataset.element_spec, dict):
            raise ValueError("`pad_to_cardinality` requires its input dataset to be a dictionary.")
        if mask_key in dataset.element_spec:
            raise ValueError(f"`mask_key` {mask_key!r} already exists in the elements of the dataset.")
        return Dataset(PadTo(dataset._node, int(cardinality), mask_key))

    return apply


class Reducer:
    """Three functions that fold elements: `init_func(key)` gives a state, `reduce_func(state, element)` the next, and
    `finalize_func(state)` what comes of the last."""

    def __init__(self, init_func: Any, reduce_func: Any, finalize_func: Any) -> None:
        self.init_func, self.reduce_func, self.finalize_func = init_func, reduce_func, finalize_func


def group_by_reducer(key_func: Any, reducer: Reducer) -> Apply:
    """What a `Reducer` makes of the elements of each key (int64), by key.

    >>> count = Reducer(lambda _: np.int64(0), lambda n, _: n + 1, lambda n: n)
    >>> [int(x) for x in Dataset.range(5).apply(group_by_reducer(lambda x: x % 2, count))]
    [3, 2]
    """

    def fold(key: Any, group: Any) -> Any:
        start = converted_callee(reducer.init_func)(key)
        state = group.reduce(_as_tensors(start), reducer.reduce_func)
        return Dataset.from_tensors(converted_callee(reducer.finalize_func)(*spread(state)))

    return lambda dataset: dataset.group_by_window(key_func, fold, window_size=np.iinfo(np.int64).max)


def _as_tensors(value: Any) -> Any:
    structure, values = structure_of(value)
    rest = iter(values)
    return map_leaves(lambda _: next(rest), structure.template)
