"""tf.data: pipelines of elements, for training and preprocessing.

Invariant: what it publishes is `tf.data`. Follows https://www.tensorflow.org/api_docs/python/tf/data. Entry points:
`Dataset`, `Iterator`, `Options`, `experimental`.
"""

from __future__ import annotations

from graphtf.data import experimental
from graphtf.data.dataset import Dataset, DatasetSpec
from graphtf.data.files import FixedLengthRecordDataset, TextLineDataset, TFRecordDataset
from graphtf.data.iterator import Iterator, IteratorSpec, NumpyIterator
from graphtf.data.node import INFINITE as INFINITE_CARDINALITY
from graphtf.data.node import UNKNOWN as UNKNOWN_CARDINALITY
from graphtf.data.options import Options, ThreadingOptions
from graphtf.data.transformations import AUTOTUNE

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "DatasetSpec",
    "FixedLengthRecordDataset", "Iterator", "IteratorSpec", "NumpyIterator", "Options", "TFRecordDataset",
    "TextLineDataset", "ThreadingOptions", "experimental",
]  # fmt: skip
