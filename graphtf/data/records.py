"""Datasets and `tf.Example` records: writing them, and reading them as batches of features.

Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental. Entry points: `TFRecordWriter`,
`parse_example_dataset`, `make_batched_features_dataset`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphtf.data import AUTOTUNE
from graphtf.data.dataset import Dataset
from graphtf.data.files import TFRecordDataset
from graphtf.files.parsing import parse_example
from graphtf.files.records import TFRecordOptions
from graphtf.files.records import TFRecordWriter as RecordWriter
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import OnlyEager
from graphtf.spec import TensorSpec

_SHUFFLED = 10000


class TFRecordWriter:
    """Writes the elements of a dataset, which are scalar strings, to a TFRecord file.

    Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/TFRecordWriter.
    """

    def __init__(self, filename: Any, compression_type: str | None = None) -> None:
        self._filename, self._options = filename, TFRecordOptions(compression_type or "")

    def write(self, dataset: Any) -> None:
        """Write every element. Raises TypeError for what is no dataset, or whose elements are no scalar strings."""
        if not isinstance(dataset, Dataset):
            raise TypeError(f"Invalid `dataset.` Expected a `tf.data.Dataset` object but got {type(dataset)}.")
        spec = dataset.element_spec
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.string or spec.shape.rank not in (0, None):
            raise TypeError(f"Invalid `dataset`. Expected a dataset of scalar `tf.string` elements but got {spec}.")
        if active_trace() is not None:
            raise OnlyEager("it writes a dataset to a TFRecord file")
        name = self._filename.numpy().decode() if hasattr(self._filename, "numpy") else self._filename
        with RecordWriter(name, self._options) as writer:
            for record in dataset.as_numpy_iterator():
                writer.write(record)


def parse_example_dataset(
    features: Mapping[str, Any], num_parallel_calls: Any = 1, deterministic: bool | None = None
) -> Callable[[Any], Any]:
    """To `Dataset.apply`: batches of serialized examples as dictionaries of features. Raises ValueError without any.

    Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/parse_example_dataset.
    """
    if features is None:
        raise ValueError("Argument `features` is required, but not specified.")

    def apply(dataset: Any) -> Any:
        return dataset.map(lambda records: parse_example(records, features), num_parallel_calls=num_parallel_calls)

    return apply


def make_batched_features_dataset(
    file_pattern: Any, batch_size: int, features: Mapping[str, Any], reader: Any = None, label_key: str | None = None,
    reader_args: Any = None, num_epochs: int | None = None, shuffle: bool = True,
    shuffle_buffer_size: int = _SHUFFLED, shuffle_seed: int | None = None, prefetch_buffer_size: Any = None,
    reader_num_threads: int | None = None, parser_num_threads: int | None = None, sloppy_ordering: bool = False,
    drop_final_batch: bool = False,
) -> Any:  # fmt: skip
    """Batches of the examples in files as dictionaries of features, or with `label_key` pairs of those and the label.

    Without `num_epochs` they repeat without end, and every batch is full. Raises ValueError for a label that is no
    feature, TypeError for a reader that is none. Follows
    https://www.tensorflow.org/api_docs/python/tf/data/experimental/make_batched_features_dataset.
    """
    if reader is not None and not callable(reader):
        raise TypeError(f"`reader` must be a function of file names that gives a dataset, got {reader!r}")
    if label_key is not None and label_key not in features:
        raise ValueError(f"The `label_key` provided ({label_key!r}) must be one of the `features` keys.")
    names = Dataset.list_files(file_pattern, shuffle=shuffle, seed=shuffle_seed)
    read = reader or TFRecordDataset
    records = names.interleave(
        lambda name: read(name, *(reader_args or ())), cycle_length=reader_num_threads or 1,
        deterministic=not sloppy_ordering,
    )  # fmt: skip
    if isinstance(records.element_spec, tuple):  # a reader of keys and records
        records = records.map(lambda _, record: record)
    if shuffle:
        records = records.shuffle(shuffle_buffer_size, shuffle_seed)
    if num_epochs != 1:
        records = records.repeat(num_epochs)
    batches = records.batch(batch_size, drop_remainder=drop_final_batch or num_epochs is None)
    parsed = batches.apply(parse_example_dataset(features, num_parallel_calls=parser_num_threads or 2))
    if label_key is not None:
        parsed = parsed.map(lambda found: ({k: v for k, v in found.items() if k != label_key}, found[label_key]))
    return parsed.prefetch(AUTOTUNE if prefetch_buffer_size is None else prefetch_buffer_size)
