"""Sums and means of segments of rows that are picked by number: `tf.sparse.segment_sum` and its kin.

Invariant: all is made of gathers and segment sums, whose gradients are theirs. Entry points: the `tf.sparse` functions
below. Rows that are picked twice count twice.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import segments
from graphtf.api.shaping import identity
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid
from graphtf.tensor import Tensor


def _picked(data: Any, indices: Any, segment_ids: Any, num_segments: Any, name: str) -> tuple[Tensor, Tensor, Any]:
    """The rows at `indices`, their segments, which do not decrease, and how many there are."""
    at, ids = convert_to_tensor(indices), convert_to_tensor(segment_ids)
    if not at.shape.is_compatible_with(ids.shape):
        raise invalid(name, f"segment_ids and indices should have same size, got {ids.shape} and {at.shape}")
    rows = p.gather(identity(data), at, axis=0, batch_dims=0)
    rows, ids, count = segments.sorted_rows(rows, ids, name)
    if num_segments is not None:
        return rows, ids, num_segments
    return rows, ids, count if isinstance(count, int) else p.reshape(p.dims(dims=(count,), dtype=dt.int64), shape=())


def segment_sum(data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None) -> Tensor:
    """The sums of segments of the rows of data at `indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_sum.

    >>> segment_sum([[1], [2], [3]], [0, 2], [0, 0]).numpy().tolist()
    [[4]]
    """
    return segments.unsorted_segment_sum(*_picked(data, indices, segment_ids, num_segments, "segment_sum"))


def segment_mean(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Tensor:
    """The means of segments of the rows of data at `indices`.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_mean.

    >>> segment_mean([[1.], [2.], [3.]], [0, 2], [0, 0]).numpy().tolist()
    [[2.0]]
    """
    return segments.unsorted_segment_mean(*_picked(data, indices, segment_ids, num_segments, "segment_mean"))


def segment_sqrt_n(
    data: Any, indices: Any, segment_ids: Any, num_segments: Any = None, name: str | None = None
) -> Tensor:
    """The sums of segments of the rows of data at `indices`, each over the root of its number of rows.

    Follows https://www.tensorflow.org/api_docs/python/tf/sparse/segment_sqrt_n.

    >>> segment_sqrt_n([[1.], [2.], [3.]], [0, 2, 0, 2], [0, 0, 0, 0]).numpy().tolist()
    [[4.0]]
    """
    return segments.unsorted_segment_sqrt_n(*_picked(data, indices, segment_ids, num_segments, "segment_sqrt_n"))
