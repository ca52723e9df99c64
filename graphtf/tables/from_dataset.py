"""Tables of what a dataset holds: `tf.data.experimental.table_from_dataset` and `index_table_from_dataset`.

Invariant: the dataset is read once, when the table is made. Entry points: the two functions.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.data.dataset import Dataset
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.spec import TensorSpec
from graphtf.tables.initializers import KeyValueTensorInitializer
from graphtf.tables.table import StaticHashTable, StaticVocabularyTable


class HasherSpec(NamedTuple):
    """How words outside of a vocabulary are hashed into buckets."""

    hasher: str
    key: Any


FastHashSpec = HasherSpec("fasthash", None)


def _checked(num_oov_buckets: int, vocab_size: int | None, key_dtype: Any, hasher_spec: Any) -> dt.DType:
    if num_oov_buckets < 0:
        raise ValueError(f"`num_oov_buckets` must be greater than or equal to 0, got {num_oov_buckets}.")
    if vocab_size is not None and vocab_size < 1:
        raise ValueError(f"`vocab_size` must be greater than 0, got {vocab_size}.")
    found = as_dtype(key_dtype)
    if not (found.is_integer or found is dt.string):
        raise TypeError(f"`key_dtype` must be either an integer or string type, but got {found!r}")
    if getattr(hasher_spec, "hasher", None) != "fasthash":
        raise ValueError(f"`hasher_spec`: words are hashed by 'fasthash' alone, got {hasher_spec!r}")
    return found


def table_from_dataset(
    dataset: Any = None, num_oov_buckets: int = 0, vocab_size: int | None = None, default_value: Any = None,
    hasher_spec: Any = FastHashSpec, key_dtype: Any = dt.string, name: str | None = None,
) -> Any:  # fmt: skip
    """The table of a dataset of pairs of a key and a value; other keys get one of the buckets, or the default value.

    Raises ValueError for elements that are no pairs, TypeError for keys that are neither strings nor integers. Follows
    https://www.tensorflow.org/api_docs/python/tf/data/experimental/table_from_dataset.

    >>> pairs = Dataset.from_tensor_slices((["a", "b"], [5, 6]))
    >>> table_from_dataset(pairs, default_value=-1).lookup(convert_to_tensor(["b", "x"])).numpy().tolist()
    [6, -1]
    """
    keys = _checked(num_oov_buckets, vocab_size, key_dtype, hasher_spec)
    specs = dataset.element_spec
    if not isinstance(specs, tuple) or len(specs) != 2 or not all(isinstance(s, TensorSpec) for s in specs):
        raise ValueError(f"`dataset` must hold pairs of a key and a value, but its elements are {specs}")
    if not keys.is_integer and specs[0].dtype.is_integer:
        raise TypeError(f"`key_dtype` is {keys.name}, but the keys are {specs[0].dtype.name}")
    pairs = list(itertools.islice(dataset.as_numpy_iterator(), vocab_size))
    first, second = (_column([pair[k] for pair in pairs], spec.dtype) for k, spec in enumerate(specs))
    initializer = KeyValueTensorInitializer(first, second)
    if num_oov_buckets:
        return StaticVocabularyTable(initializer, num_oov_buckets, name=name)
    default = ("" if specs[1].dtype is dt.string else -1) if default_value is None else default_value
    return StaticHashTable(initializer, default, name)


def index_table_from_dataset(
    dataset: Any = None, num_oov_buckets: int = 0, vocab_size: int | None = None, default_value: Any = -1,
    hasher_spec: Any = FastHashSpec, key_dtype: Any = dt.string, name: str | None = None,
) -> Any:  # fmt: skip
    """The table of the places (int64) that keys have in a dataset. As `table_from_dataset` otherwise.

    Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/index_table_from_dataset.

    >>> words = Dataset.from_tensor_slices(["a", "b"])
    >>> index_table_from_dataset(words, num_oov_buckets=1).lookup(convert_to_tensor(["b", "x"])).numpy().tolist()
    [1, 2]
    """
    _checked(num_oov_buckets, vocab_size, key_dtype, hasher_spec)
    spec = dataset.element_spec
    if not isinstance(spec, TensorSpec):
        raise ValueError(f"`dataset` must hold keys, but its elements are {spec}")
    pairs = Dataset.zip((dataset, Dataset.range(np.iinfo(np.int64).max)))
    kinds = spec.dtype
    return table_from_dataset(pairs, num_oov_buckets, vocab_size, default_value, hasher_spec, kinds, name)


def _column(values: list[Any], dtype: dt.DType) -> Any:
    array = np.empty(len(values), dtype.np)
    array[:] = values
    return convert_to_tensor(array, dtype)
