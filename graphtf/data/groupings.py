"""The methods of `Dataset` that put elements into groups and batches of other kinds, or leave some out.

Invariant: as in graphtf/data/transformations.py. Entry point: `Groupings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.data.batching import RaggedBatch, Rebatch, SparseBatch, padded_shapes
from graphtf.data.grouping import Buckets, GroupByWindow, Resampled, Unique
from graphtf.data.node import Node, integer
from graphtf.data.random import seed_pair
from graphtf.data.transformations import padding_tensors
from graphtf.ir import dtypes as dt
from graphtf.tensor_shape import as_shape


class Groupings:
    """Groups of elements."""

    _of: Callable[..., Any]
    _then: Callable[[Node], Any]
    _spec_of: Callable[[Any], Any]
    _node: Node

    def group_by_window(
        self, key_func: Any, reduce_func: Any, window_size: Any = None, window_size_func: Any = None,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """What `reduce_func(key, dataset)` makes of each `window_size` elements of one key (int64).

        Raises ValueError unless exactly one of `window_size` and `window_size_func` (of the key) is given, or for keys
        that are no integers; TypeError if `reduce_func` gives no dataset.

        >>> from graphtf.data.dataset import Dataset
        >>> pairs = Dataset.range(5).group_by_window(lambda x: x % 2, lambda key, group: group.batch(2), window_size=2)
        >>> [x.tolist() for x in pairs.as_numpy_iterator()]
        [[0, 2], [1, 3], [4]]
        """
        if (window_size is None) == (window_size_func is None):
            raise ValueError("Either the `window_size` argument or the `window_size_func` argument must be specified.")
        window = window_size if window_size_func is None else window_size_func
        return self._then(GroupByWindow(self._node, key_func, reduce_func, window, self._of, self._spec_of))

    def bucket_by_sequence_length(
        self, element_length_func: Any, bucket_boundaries: Sequence[int], bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None, padding_values: Any = None, pad_to_bucket_boundary: bool = False,
        no_padding: bool = False, drop_remainder: bool = False, name: str | None = None,
    ) -> Any:  # fmt: skip
        """Padded batches of elements of like lengths: one more batch size than there are boundaries of lengths.

        Raises ValueError for another number of sizes. While iterating: InvalidArgumentError for an element that is too
        long, with `pad_to_bucket_boundary`.

        >>> from graphtf import shape
        >>> from graphtf.data.dataset import Dataset
        >>> rows = Dataset.range(1, 5).map(lambda n: convert_to_tensor([0, 0, 0, 0])[:n])
        >>> batches = rows.bucket_by_sequence_length(lambda x: shape(x)[0], [3], [2, 2])
        >>> [x.shape for x in batches.as_numpy_iterator()]
        [(2, 2), (2, 4)]
        """
        if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
            raise ValueError(
                "`len(bucket_batch_sizes)` must equal `len(bucket_boundaries) + 1` but `len(bucket_batch_sizes)="
                f"{len(bucket_batch_sizes)}` and `len(bucket_boundaries)={len(bucket_boundaries)}`."
            )
        structure = self._node.structure
        shapes = None if no_padding else _shapes(structure, padded_shapes)
        values = [] if no_padding else padding_tensors(structure, padding_values)
        sizes = list(bucket_boundaries), list(bucket_batch_sizes)
        kinds = pad_to_bucket_boundary, drop_remainder
        return self._then(Buckets(self._node, element_length_func, *sizes, shapes, values, *kinds))

    def ragged_batch(
        self, batch_size: Any, drop_remainder: bool = False, row_splits_dtype: Any = dt.int64, name: str | None = None
    ) -> Any:
        """`batch_size` elements of shapes that may differ, as ragged tensors; as tensors where shapes are known."""
        size = integer(batch_size, "batch_size")
        return self._then(RaggedBatch(self._node, size, bool(drop_remainder), dt.as_dtype(row_splits_dtype)))

    def sparse_batch(self, batch_size: Any, row_shape: Any, name: str | None = None) -> Any:
        """`batch_size` elements, tensors of shapes that may differ, as one sparse tensor.

        `row_shape` is the shape of a row, with None for the largest size in the batch. Raises TypeError for elements
        that are no single tensor, ValueError for another rank; while iterating DataLossError for larger elements.

        >>> from graphtf import fill
        >>> from graphtf.data.dataset import Dataset
        >>> rows = Dataset.range(1, 3).map(lambda n: fill([n], n)).sparse_batch(2, row_shape=[4])
        >>> [x.dense_shape.numpy().tolist() for x in rows]
        [[2, 4]]
        """
        if len(self._node.structure.specs) != 1:
            raise TypeError(f"sparse_batch needs elements that are a single tensor, got {self._node.structure}")
        return self._then(SparseBatch(self._node, integer(batch_size, "batch_size"), as_shape(row_shape)))

    def rebatch(self, batch_size: Any, drop_remainder: bool = False, name: str | None = None) -> Any:
        """The rows of batches in batches of another size, or of several that take turns.

        >>> from graphtf.data.dataset import Dataset
        >>> [x.tolist() for x in Dataset.range(6).batch(4).rebatch([2, 1]).as_numpy_iterator()]
        [[0, 1], [2], [3, 4], [5]]
        """
        sizes = convert_to_tensor(np.atleast_1d(np.asarray(batch_size, np.int64)))
        return self._then(Rebatch(self._node, sizes, bool(drop_remainder)))

    def unique(self, name: str | None = None) -> Any:
        """Each element once, where it first comes. Raises TypeError unless elements are int32, int64 or string tensors.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.from_tensor_slices([1, 37, 2, 37, 2, 1]).unique()]
        [1, 37, 2]
        """
        return self._then(Unique(self._node))

    def rejection_resample(
        self, class_func: Any, target_dist: Any, initial_dist: Any = None, seed: Any = None, name: str | None = None
    ) -> Any:
        """(class, element) for elements drawn so that classes (of `class_func`) come as `target_dist` says.

        `initial_dist` says how they come before; it is estimated if it is not given.
        """
        target = convert_to_tensor(target_dist, dtype_hint=dt.float32)
        initial = None if initial_dist is None else convert_to_tensor(initial_dist, dtype_hint=dt.float32)
        return self._then(Resampled(self._node, class_func, target, initial, seed_pair(seed)))


def _shapes(structure: Any, given: Any) -> Any:
    return padded_shapes(structure, given)
