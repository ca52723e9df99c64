"""Losses over a sample of classes, against what TensorFlow gave, and the samplers' expectations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

RNG = np.random.default_rng(0)
WEIGHTS, BIASES, INPUTS = (RNG.normal(size=s).astype("f") for s in ((7, 3), (7,), (2, 3)))
LABELS = np.array([[1, 3], [5, 2]])
SAMPLED = (np.array([1, 4, 2]), np.float32([[0.3, 0.2], [0.1, 0.5]]), np.float32([0.3, 0.4, 0.2]))
RECORDED = {
    ("nce_loss", False): ([8.60089, 5.50452], [0.0, 1.19335, 1.72805, 0.44849, 1.66605, 0.33587, 0.0]),
    ("nce_loss", True): ([7.90386, 4.07429], [0.0, 0.69142, 0.9673, 0.44849, 1.66605, 0.33587, 0.0]),
    ("sampled_softmax_loss", False): ([2.58131, 1.7136], [0.0, -0.30737, -0.01251, -0.17652, 0.63577, -0.13937, 0.0]),
    ("sampled_softmax_loss", True): ([2.56345, 1.45851], [0.0, -0.27907, -0.20839, -0.17069, 0.69273, -0.03459, 0.0]),
}  # fmt: skip


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(("name", "without_hits"), list(RECORDED))
def test_losses(name: str, without_hits: bool, staged: bool) -> None:
    def loss(weights: Any, biases: Any, inputs: Any) -> Any:
        return getattr(tf.nn, name)(
            weights, biases, LABELS, inputs, 3, 7, 2, sampled_values=tuple(map(tf.constant, SAMPLED)),
            remove_accidental_hits=without_hits,
        )  # fmt: skip

    given = [tf.constant(x) for x in (WEIGHTS, BIASES, INPUTS)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = (tf.function(loss) if staged else loss)(*given)
    of_biases = tf.convert_to_tensor(tape.gradient(y, given)[1])
    np.testing.assert_allclose(y, RECORDED[name, without_hits][0], rtol=1e-4)
    np.testing.assert_allclose(of_biases, RECORDED[name, without_hits][1], atol=1e-4)


def test_weights_may_come_in_parts() -> None:
    whole = tf.nn.sampled_softmax_loss(WEIGHTS, BIASES, LABELS, INPUTS, 3, 7, 2, seed=1)
    assert whole.shape == (2,) and np.isfinite(whole).all()


def test_unigrams_are_drawn_as_often_as_they_weigh() -> None:
    tf.random.set_seed(0)
    weights = [1.0, 0.0, 3.0, 4.0]
    drawn = tf.random.fixed_unigram_candidate_sampler([[0]], 1, 8000, False, 4, unigrams=weights)
    shares = np.bincount(drawn.sampled_candidates, minlength=4) / 8000
    np.testing.assert_allclose(shares, np.array(weights) / 8, atol=0.02)
    np.testing.assert_allclose(drawn.true_expected_count, [[1000.0]])


def test_unigrams_from_a_file(tmp_path: Any) -> None:
    file = tmp_path / "vocabulary"
    file.write_text("a,1\nb,3\n")
    drawn = tf.random.fixed_unigram_candidate_sampler([[2]], 1, 2, True, 3, vocab_file=str(file), num_reserved_ids=1)
    assert sorted(drawn.sampled_candidates.numpy()) == [1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.random.fixed_unigram_candidate_sampler([[0]], 1, 2, True, 3)
