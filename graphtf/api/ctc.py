"""Connectionist temporal classification: the loss of label sequences given frames, and decoders of frames.

Invariant: repeats of a label without a blank between are one label. The loss is made of other ops, whose gradients are
theirs; decoders run on the host. Entry points: the `tf.nn.ctc_*` functions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphtf.api.activation import log_softmax
from graphtf.api.reduce import reduce_logsumexp
from graphtf.api.segments import unsorted_segment_sum
from graphtf.api.selection import gather, scatter_nd
from graphtf.composite import SparseTensor
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import FailedPreconditionError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_NEVER = -1.0e30  # the logarithm of what cannot be: finite, so that gradients are


# ---- loss ------------------------------------------------------------------------------------------------------------


def ctc_loss(
    labels: Any, logits: Any, label_length: Any, logit_length: Any, logits_time_major: bool = True, unique: Any = None,
    blank_index: int | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """-log of the probability that frames spell labels, for each of a batch: [batch].

    `logits` is [frames, batch, classes] (or batch first), `labels` [batch, labels] or a `SparseTensor`, which has its
    lengths in it. Raises ValueError for sparse labels without `blank_index`.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/ctc_loss.

    >>> ctc_loss([[1]], [[[0., 0.]]], [1], [1], blank_index=0)
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.6931472], dtype=float32)>
    """
    x = convert_to_tensor(logits)
    if isinstance(labels, SparseTensor):
        if blank_index is None:
            raise ValueError("Argument `blank_index` must be provided when `labels` is a `SparseTensor`.")
        at, ends = _dense(labels)
    else:
        at, ends = p.cast(convert_to_tensor(labels), dtype=dt.int32), convert_to_tensor(label_length)
    if len(x.ir_type.dims) != 3 or len(at.ir_type.dims) != 2:
        raise invalid("ctc_loss", f"logits must have 3 axes and labels 2, got {x.shape} and {at.shape}")
    batch_first = p.transpose(x, perm=(1, 0, 2)) if logits_time_major else x
    frames, classes = batch_first.ir_type.dims[1:]
    if not isinstance(frames, int) or not isinstance(at.ir_type.dims[1], int) or not isinstance(classes, int):
        raise invalid("ctc_loss", "the numbers of frames, labels and classes must be known while tracing")
    blank = 0 if blank_index is None else blank_index
    states = _states(at, blank + classes if blank < 0 else blank)
    spoken = gather(log_softmax(batch_first), states, axis=2, batch_dims=1)
    return _loss(spoken, states, p.cast(ends, dtype=dt.int32), p.cast(convert_to_tensor(logit_length), dtype=dt.int32))


def _dense(labels: SparseTensor) -> tuple[Tensor, Tensor]:
    """Labels as a matrix, and how many each row has."""
    values = p.cast(labels.values, dtype=dt.int32)
    matrix = scatter_nd(labels.indices, values, labels.dense_shape)
    count = labels.indices.ir_type.dims[0]
    rows = p.reshape(p.slice(labels.indices, starts=(0, 0), limits=(count, 1), strides=(1, 1)), shape=(count,))
    one = p.broadcast(scalar_like(values, 1), shape=(count,))
    return matrix, unsorted_segment_sum(one, rows, matrix.ir_type.dims[0])


def _states(labels: Tensor, blank: int) -> Tensor:
    """Blanks between, before and after the labels: [batch, 2 labels + 1]."""
    batch, count = labels.ir_type.dims
    column = p.reshape(labels, shape=(batch, count, 1))
    blanks = p.broadcast(scalar_like(labels, blank), shape=(batch, count, 1))
    pairs = p.reshape(p.concat(blanks, column, axis=2), shape=(batch, 2 * count))
    return p.concat(pairs, p.broadcast(scalar_like(labels, blank), shape=(batch, 1)), axis=1)


def _later(x: Tensor, by: int, fill: Any) -> Tensor:
    """Each row moved on by some places."""
    batch, size = x.ir_type.dims
    moved = p.pad(x, scalar_like(x, fill), low=(0, by), high=(0, 0))
    return p.slice(moved, starts=(0, 0), limits=(batch, size), strides=(1, 1))


def _loss(spoken: Tensor, states: Tensor, label_length: Tensor, logit_length: Tensor) -> Tensor:
    """The forward recursion over frames, in logarithms; `spoken` is [batch, frames, states]."""
    batch, frames, size = spoken.ir_type.dims
    place = p.iota(shape=(batch, size), axis=1, dtype=dt.int32)
    odd = p.eq(p.floormod(place, scalar_like(place, 2)), scalar_like(place, 1))
    skips = p.logical_and(odd, p.ne(states, _later(states, 2, -1)))
    never = convert_to_tensor(_NEVER, spoken.dtype)
    start = p.lt(place, scalar_like(place, 2))

    def frame(t: int) -> Tensor:
        one = p.slice(spoken, starts=(0, t, 0), limits=(batch, t + 1, size), strides=(1, 1, 1))
        return p.reshape(one, shape=(batch, size))

    alpha = p.select(start, frame(0), never)
    for t in range(1, frames):
        two = p.select(skips, _later(alpha, 2, _NEVER), never)
        ways = (p.reshape(w, shape=(batch, size, 1)) for w in (alpha, _later(alpha, 1, _NEVER), two))
        moved = p.add(reduce_logsumexp(p.concat(*ways, axis=2), axis=2), frame(t))
        live = p.gt(p.reshape(logit_length, shape=(batch, 1)), scalar_like(logit_length, t))
        alpha = p.select(p.broadcast(live, shape=(batch, size)), moved, alpha)
    last = p.reshape(p.mul(label_length, scalar_like(label_length, 2)), shape=(batch, 1))
    ends = p.logical_or(p.eq(place, last), p.eq(place, p.sub(last, scalar_like(last, 1))))
    return p.neg(reduce_logsumexp(p.select(ends, alpha, never), axis=1))


# ---- decoders --------------------------------------------------------------------------------------------------------


def _frames(inputs: Any, sequence_length: Any, name: str) -> tuple[Tensor, Tensor]:
    x, lengths = convert_to_tensor(inputs), convert_to_tensor(sequence_length)
    if len(x.ir_type.dims) != 3 or len(lengths.ir_type.dims) != 1:
        raise invalid(name, f"inputs must have 3 axes and sequence_length 1, got {x.shape} and {lengths.shape}")
    return x, lengths


def _check_lengths(lengths: Array, frames: int) -> None:
    for k, n in enumerate(lengths.tolist()):
        if n > frames:
            raise FailedPreconditionError(None, None, f"sequence_length({k}) <= {frames}")


def _sparse(rows: list[list[int]]) -> list[Array]:
    """Indices, values and dense shape of rows of labels."""
    places = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    return [
        np.array(places, np.int64).reshape(-1, 2), np.array([x for row in rows for x in row], np.int64),
        np.array([len(rows), max(map(len, rows), default=0)], np.int64),
    ]  # fmt: skip


def ctc_greedy_decoder(
    inputs: Any, sequence_length: Any, merge_repeated: bool = True, blank_index: int | None = None
) -> tuple[list[SparseTensor], Tensor]:
    """The likeliest class of every frame [frames, batch, classes], less blanks; and minus the sum of their logits.

    Raises FailedPreconditionError for lengths greater than the number of frames.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/ctc_greedy_decoder.

    >>> ctc_greedy_decoder([[[1., 0.]], [[2., 0.]]], [2])[0][0].values
    <tf.Tensor: shape=(1,), dtype=int64, numpy=array([0])>
    """
    x, lengths = _frames(inputs, sequence_length, "ctc_greedy_decoder")

    def run(x: Array, lengths: Array) -> list[Array]:
        frames, batch, classes = x.shape
        _check_lengths(lengths, frames)
        blank = classes - 1 if blank_index is None else blank_index % classes
        best = x.argmax(axis=2)
        rows = []
        for b in range(batch):
            path = best[: lengths[b], b].tolist()
            kept = [c for t, c in enumerate(path) if not (merge_repeated and t and path[t - 1] == c)]
            rows.append([c for c in kept if c != blank])
        live = np.arange(frames)[:, None] < lengths
        score = -np.where(live, x.max(axis=2), 0).sum(axis=0, dtype=x.dtype)
        return [*_sparse(rows), score[:, None]]

    shapes: list[Any] = [(None, 2), (None,), (2,), (x.ir_type.dims[1], 1)]
    found = on_host(run, [x, lengths], [dt.int64, dt.int64, dt.int64, x.dtype], shapes)
    return [SparseTensor(*found[:3])], found[3]


def ctc_beam_search_decoder(
    inputs: Any, sequence_length: Any, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[SparseTensor], Tensor]:
    """The likeliest label sequences for frames [frames, batch, classes] (the last class is blank), and their log
    probabilities [batch, top_paths].

    Raises InvalidArgumentError for more paths than the beam is wide, FailedPreconditionError for lengths too great.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/ctc_beam_search_decoder.

    >>> ctc_beam_search_decoder([[[9., 0.]], [[9., 0.]]], [2])[0][0].values
    <tf.Tensor: shape=(1,), dtype=int64, numpy=array([0])>
    """
    if top_paths > beam_width:
        raise failed("ctc_beam_search_decoder", "requested more paths than the beam width.")
    x, lengths = _frames(inputs, sequence_length, "ctc_beam_search_decoder")

    def run(x: Array, lengths: Array) -> list[Array]:
        _check_lengths(lengths, x.shape[0])
        found = [_beams(x[:n, b].astype(np.float64), beam_width)[:top_paths] for b, n in enumerate(lengths.tolist())]
        found = [row + [((), -math.inf)] * (top_paths - len(row)) for row in found]
        paths = [part for k in range(top_paths) for part in _sparse([list(row[k][0]) for row in found])]
        return [*paths, np.array([[score for _, score in row] for row in found], x.dtype).reshape(-1, top_paths)]

    shapes: list[Any] = [(None, 2), (None,), (2,)] * top_paths + [(x.ir_type.dims[1], top_paths)]
    found = on_host(run, [x, lengths], [dt.int64] * (3 * top_paths) + [x.dtype], shapes)
    return [SparseTensor(*found[3 * k : 3 * k + 3]) for k in range(top_paths)], found[-1]


def _beams(x: Array, width: int) -> list[tuple[tuple[int, ...], float]]:
    """Label sequences with their log probabilities, likeliest first: each has that of ending in a blank or a label."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    blank = x.shape[1] - 1
    for row in x - np.logaddexp.reduce(x, axis=1, keepdims=True):
        grown: dict[tuple[int, ...], tuple[float, float]] = {}

        def add(path: tuple[int, ...], in_blank: float, in_label: float, grown: Any = grown) -> None:
            old = grown.get(path, (-math.inf, -math.inf))
            grown[path] = (float(np.logaddexp(old[0], in_blank)), float(np.logaddexp(old[1], in_label)))

        for path, (in_blank, in_label) in beams.items():
            total = float(np.logaddexp(in_blank, in_label))
            add(path, total + row[blank], in_label + row[path[-1]] if path else -math.inf)
            for c in range(blank):
                add((*path, c), -math.inf, (in_blank if path and path[-1] == c else total) + row[c])
        best = sorted(grown.items(), key=lambda item: -np.logaddexp(*item[1]))
        beams = dict(best[:width])
    return [(path, float(np.logaddexp(*ends))) for path, ends in beams.items()]


def ctc_unique_labels(labels: Any, name: str | None = None) -> list[Tensor]:
    """For each row, its distinct labels in order of appearance (then zeros), and which of them each label is.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/ctc_unique_labels.

    >>> [t.numpy().tolist() for t in ctc_unique_labels([[7, 7, 2]])]
    [[[7, 2, 0]], [[0, 0, 1]]]
    """
    x = convert_to_tensor(labels)

    def run(x: Array) -> list[Array]:
        found, index = np.zeros(x.shape, np.int64), np.zeros(x.shape, np.int32)
        for row, out, places in zip(x.tolist(), found, index):
            distinct = list(dict.fromkeys(row))
            out[: len(distinct)] = distinct
            places[:] = [distinct.index(v) for v in row]
        return [found, index]

    return on_host(run, [x], [dt.int64, dt.int32], [x.ir_type.dims] * 2)
