"""Connectionist temporal classification against sums over all paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphtf as tf

RNG = np.random.default_rng(3)
FRAMES = RNG.normal(size=(4, 2, 3)).astype(np.float32)


def spelled(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def probabilities(frames: np.ndarray, blank: int) -> dict[tuple[int, ...], float]:
    share = np.exp(frames) / np.exp(frames).sum(axis=1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        chance = float(np.prod([share[t, c] for t, c in enumerate(path)]))
        found[spelled(path, blank)] = found.get(spelled(path, blank), 0) + chance
    return found


@pytest.mark.parametrize("staged", [False, True])
def test_loss_sums_over_all_paths(staged: bool) -> None:
    labels, ends, lengths = [[1, 2], [2, 0]], [2, 1], [4, 3]

    def loss(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.ctc_loss(labels, x, ends, lengths, blank_index=0)

    got = (tf.function(loss) if staged else loss)(tf.constant(FRAMES))
    want = [
        -np.log(probabilities(FRAMES[:n, b], 0)[tuple(labels[b][:k])])
        for b, (k, n) in enumerate(zip(ends, lengths))
    ]
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_sparse_labels_have_their_lengths() -> None:
    dense = tf.nn.ctc_loss([[1, 2], [2, 0]], FRAMES, [2, 1], [4, 4], blank_index=0)
    sparse = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 2, 2], [2, 2])
    np.testing.assert_allclose(tf.nn.ctc_loss(sparse, FRAMES, None, [4, 4], blank_index=0), dense, rtol=1e-6)


def test_wide_beams_find_the_likeliest_labels() -> None:
    paths, scores = tf.nn.ctc_beam_search_decoder(FRAMES, [4, 4], beam_width=200, top_paths=3)
    for b in range(2):
        want = sorted(probabilities(FRAMES[:, b], 2).items(), key=lambda item: -item[1])[:3]
        for k, (labels, chance) in enumerate(want):
            rows = paths[k].indices.numpy()[:, 0] == b
            assert tuple(paths[k].values.numpy()[rows]) == labels
            np.testing.assert_allclose(scores[b, k], np.log(chance), rtol=1e-4)


def test_greedy_decoding_needs_enough_frames() -> None:
    with pytest.raises(tf.errors.FailedPreconditionError):
        tf.nn.ctc_greedy_decoder(FRAMES, [5, 4])
