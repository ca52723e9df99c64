"""Sums and means of segments of rows that are picked by number: `tf.sparse.segment_sum` and its kin.

Invariant: all is made of gathers and segment sums, whose gradients are theirs. Entry points: the `tf.sparse` functions
below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api import segments
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor


def _picked(data: Any, indices: Any) -> Tensor:
    return p.gather(convert_to_tensor(data), convert_to_tensor(indices), axis=0, batch_dims=0)


def segment_sum(data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None) -> Tensor:
    """The sums of segments of the rows of data at `indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_sum.

    >>> segment_sum([[1], [2], [3]], [0, 2], [0, 0]).numpy().tolist()
    [[4]]
    """
    if num_segments is not None:
        return segments.unsorted_segment_sum(_picked(data, indices), segment_ids, num_segments)
    return segments.segment_sum(_picked(data, indices), segment_ids)


def segment_mean(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Tensor:
    """The means of segments of the rows of data at `indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_mean.

    >>> segment_mean([[1.], [2.], [3.]], [0, 2], [0, 0]).numpy().tolist()
    [[2.0]]
    """
    if num_segments is not None:
        return segments.unsorted_segment_mean(_picked(data, indices), segment_ids, num_segments)
    return segments.segment_mean(_picked(data, indices), segment_ids)


def segment_sqrt_n(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Tensor:
    """The sums of segments of the rows of data at `indices`, each over the root of its number of rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_sqrt_n.

    >>> segment_sqrt_n([[1.], [2.], [3.]], [0, 2, 0, 2], [0, 0, 0, 0]).numpy().tolist()
    [[4.0]]
    """
    ids = convert_to_tensor(segment_ids)
    if num_segments is None:
        (count,) = on_host(lambda s: [np.array(s.max(initial=-1) + 1, np.int64)], [ids], [dt.int64], [()])
        num_segments = count
    return segments.unsorted_segment_sqrt_n(_picked(data, indices), ids, num_segments)
