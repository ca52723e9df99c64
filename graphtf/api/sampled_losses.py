"""Losses over many classes that look at a few of them: `nce_loss`, `sampled_softmax_loss`; accidental hits.

Invariant: the classes looked at are the true ones, then those sampled; logits are corrected by the logarithm of how
often a class was to be expected. Entry points: the `tf.nn` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.linalg import matmul
from graphtf.api.lookup import embedding_lookup
from graphtf.api.losses import sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits
from graphtf.api.random_discrete import log_uniform_candidate_sampler
from graphtf.api.reduce import reduce_any, reduce_sum
from graphtf.api.selection import where
from graphtf.api.shaping import concat, expand_dims, reshape, stop_gradient
from graphtf.api.unary import log
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_LOWEST = float(np.finfo(np.float32).min)


def compute_accidental_hits(
    true_classes: Any, sampled_candidates: Any, num_true: int, seed: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Where a sampled class is a true one: rows, positions among those sampled, and the least float for each.

    Raises InvalidArgumentError (tracing: ValueError) unless true_classes is [rows, num_true].
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/compute_accidental_hits.

    >>> [x.numpy().tolist() for x in compute_accidental_hits([[1], [2]], [2, 0, 2], 1)[:2]]
    [[1, 1], [0, 2]]
    """
    truth, drawn = _ids(true_classes), _ids(sampled_candidates)
    if truth.shape.rank != 2 or not truth.shape[1:].is_compatible_with([num_true]):
        raise invalid("compute_accidental_hits", f"true_classes must be [rows, {num_true}], got {truth.shape}")

    def found(truth: Array, drawn: Array) -> list[Array]:
        row, _, at = np.nonzero(truth[:, :, None] == drawn)
        return [row.astype(np.int32), at.astype(np.int64), np.full(len(row), _LOWEST, np.float32)]

    rows, at, weights = on_host(found, [truth, drawn], [dt.int32, dt.int64, dt.float32], [(None,)] * 3)
    return rows, at, weights


def _ids(x: Any) -> Tensor:
    t = convert_to_tensor(x, None if isinstance(x, Tensor) else dt.int64)
    return t if t.dtype is dt.int64 else p.cast(t, dtype=dt.int64)


def _sampled_logits(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int,
    sampled_values: Any, subtract_log_q: bool, remove_accidental_hits: bool, seed: Any,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Logits of the true classes and of those sampled, and labels like them: shares of 1 for the true ones."""
    x, truth = convert_to_tensor(inputs), _ids(labels)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(truth, num_true, num_sampled, True, num_classes, seed)
    drawn, true_counts, drawn_counts = (stop_gradient(v) for v in sampled_values)
    drawn = _ids(drawn)
    tables = list(weights) if isinstance(weights, (list, tuple)) else weights
    flat = reshape(truth, [-1])
    chosen = concat([flat, drawn], 0)
    w, b = embedding_lookup(tables, chosen), embedding_lookup(biases, chosen)
    count = flat.ir_type.dims[0]
    width = x.ir_type.dims[-1]
    of_true = reshape(w[:count], [-1, num_true, width])
    true_logits = reduce_sum(expand_dims(x, 1) * of_true, -1) + reshape(b[:count], [-1, num_true])
    drawn_logits = matmul(x, w[count:], transpose_b=True) + b[count:]
    if remove_accidental_hits:
        hit = reduce_any(p.eq(expand_dims(truth, 2), drawn), 1)
        drawn_logits = drawn_logits + where(hit, scalar_like(drawn_logits, _LOWEST), scalar_like(drawn_logits, 0))
    if subtract_log_q:
        true_logits = true_logits - log(p.cast(true_counts, dtype=x.dtype))
        drawn_logits = drawn_logits - log(p.cast(drawn_counts, dtype=x.dtype))
    shares = p.div(full_like(true_logits, 1), scalar_like(true_logits, num_true))
    return concat([true_logits, drawn_logits], 1), concat([shares, full_like(drawn_logits, 0)], 1)


def nce_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int = 1,
    sampled_values: Any = None, remove_accidental_hits: bool = False, name: str = "nce_loss",
) -> Tensor:  # fmt: skip
    """The noise-contrastive loss of each row of inputs [rows, width]: true classes told from sampled ones.

    `weights` is [classes, width] (or parts of it), `labels` int64 [rows, num_true]. Raises InvalidArgumentError for
    shapes that do not fit. Follows https://www.tensorflow.org/api_docs/python/tf/nn/nce_loss.

    >>> from graphtf import ones, zeros
    >>> nce_loss(ones([5, 2]), zeros([5]), [[1], [2]], ones([2, 2]), 3, 5).shape
    TensorShape([2])
    """
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, True,
        remove_accidental_hits, None,
    )  # fmt: skip
    return reduce_sum(sigmoid_cross_entropy_with_logits(labels=targets, logits=logits), 1)


def sampled_softmax_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int = 1,
    sampled_values: Any = None, remove_accidental_hits: bool = True, seed: Any = None,
    name: str = "sampled_softmax_loss",
) -> Tensor:  # fmt: skip
    """The softmax cross-entropy of each row of inputs over the true classes and a sample of the others.

    Arguments and errors as `nce_loss`. Follows https://www.tensorflow.org/api_docs/python/tf/nn/sampled_softmax_loss.

    >>> from graphtf import ones, zeros
    >>> sampled_softmax_loss(ones([5, 2]), zeros([5]), [[1], [2]], ones([2, 2]), 3, 5).shape
    TensorShape([2])
    """
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, True,
        remove_accidental_hits, seed,
    )  # fmt: skip
    return softmax_cross_entropy_with_logits(labels=stop_gradient(targets), logits=logits)
