"""Draws by rejection, candidates and shuffles: TensorFlow's numbers, eagerly and in traced functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from tests.golden.replay import class_of

DRAWS: dict[str, tuple[Callable[[], Any], Any]] = {
    "binomial": (
        lambda: tf.random.stateless_binomial([3, 2], [9, 8], [40.0, 100.0], [0.4, 0.9]),
        [[12, 87], [20, 89], [17, 85]],
    ),
    "poisson": (
        lambda: tf.random.stateless_poisson([2, 3], [1, 9], [0.5, 12.0, 800.0], tf.int64),
        [[0, 7, 818], [0, 8, 825]],
    ),
    "gamma": (
        lambda: tf.random.stateless_gamma([2, 3], [5, 9], [0.3, 1.0, 12.0], [2.0, 1.0, 0.5]),
        [[0.0776, 0.6599, 28.7189], [0.0565, 0.8554, 22.1794]],
    ),
    "shuffle": (
        lambda: tf.random.experimental.stateless_shuffle(list(range(12)), [2, 8]),
        [7, 9, 10, 1, 0, 4, 2, 11, 6, 8, 5, 3],
    ),
    "index_shuffle": (
        lambda: tf.random.experimental.index_shuffle([0, 5, 99999], [5, 6], 100000),
        [41984, 4253, 83745],
    ),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("staged", [False, True])
def test_the_same_seed_gives_tensorflows_numbers(name: str, staged: bool) -> None:
    draw, want = DRAWS[name]
    got = tf.function(draw)() if staged else draw()
    np.testing.assert_allclose(got.numpy(), want, atol=1e-4 if got.dtype.is_floating else 0)


def test_streams_go_on_from_call_to_call() -> None:
    tf.random.set_seed(7)
    first, second = (tf.random.poisson([4], 3.0, seed=4) for _ in range(2))
    tf.random.set_seed(7)
    assert first.numpy().tolist() == tf.random.poisson([4], 3.0, seed=4).numpy().tolist()
    assert first.numpy().tolist() != second.numpy().tolist()


def test_an_index_shuffle_is_a_permutation() -> None:
    places = tf.random.experimental.index_shuffle(list(range(20)), [1, 2], 19)
    assert sorted(places.numpy().tolist()) == list(range(20))


def test_distinct_candidates_are_all_there_are() -> None:
    found = tf.random.uniform_candidate_sampler([[1]], 1, 8, True, 8, seed=3)
    assert sorted(found.sampled_candidates.numpy().tolist()) == list(range(8))


@pytest.mark.parametrize(
    ("bad", "want"),
    [
        (lambda: tf.random.stateless_gamma([2], [1, 2], [1.0, 2.0, 3.0]), "tf.errors.InvalidArgumentError"),
        (lambda: tf.random.experimental.index_shuffle(4, [1, 2], 3), "tf.errors.InvalidArgumentError"),
        (lambda: tf.random.uniform_candidate_sampler([[0]], 1, 5, True, 4), "tf.errors.InvalidArgumentError"),
        (lambda: tf.random.stateless_uniform([2], [1, 2], alg="threefry"), "tf.errors.InvalidArgumentError"),
    ],
)
def test_refusals(bad: Callable[[], Any], want: str) -> None:
    with pytest.raises(Exception) as caught:
        bad()
    assert class_of(caught.value) == want


@pytest.mark.parametrize("draw", [tf.random.stateless_uniform, tf.random.stateless_normal])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16])
def test_large_draws_are_the_same_numbers(draw: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = [3, 5, 7]
    want = draw(shape, [1, 2], dtype=dtype)
    monkeypatch.setattr("graphtf.api.random_large._LARGE", 4)
    found = draw(shape, [1, 2], dtype=dtype)
    assert found.dtype == dtype and found.shape == shape
    np.testing.assert_allclose(found, want, rtol=1e-3 if dtype == tf.float16 else 1e-5, atol=1e-6)


def test_a_large_truncated_draw_is_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    want = tf.random.stateless_truncated_normal([101], [3, 4])
    monkeypatch.setattr("graphtf.api.random_large._LARGE", 40)  # in three parts
    np.testing.assert_allclose(tf.random.stateless_truncated_normal([101], [3, 4]), want, rtol=1e-5, atol=1e-6)


def test_large_draws_are_moved_as_small_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    want = [tf.random.stateless_uniform([99], [3, 4], -2.0, 5.0), tf.random.stateless_normal([99], [3, 4], 3.0, 0.5)]
    monkeypatch.setattr("graphtf.api.random_large._LARGE", 10)
    np.testing.assert_array_equal(tf.random.stateless_uniform([99], [3, 4], -2.0, 5.0), want[0])
    np.testing.assert_allclose(tf.random.stateless_normal([99], [3, 4], 3.0, 0.5), want[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "counts", "probs", "numbers", "state"), [
    ([6, 2], [3.0, 100.0], [0.4, 0.6], [[2, 63], [1, 56], [1, 60], [1, 59], [2, 57], [1, 49]], 230404),
    ([8], 10.0, 0.7, [6, 5, 8, 7, 5, 9, 7, 8], 140804),
])  # fmt: skip
def test_a_generator_counts_successes(shape: Any, counts: Any, probs: Any, numbers: Any, state: int) -> None:
    generator = tf.random.Generator.from_seed(4)
    np.testing.assert_array_equal(generator.binomial(shape, counts, probs), numbers)
    np.testing.assert_array_equal(generator.state, [state, 0, 0])


def test_a_generator_refuses_a_shape_that_does_not_end_with_that_of_the_trials() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="must end with broadcasted shape"):
        tf.random.Generator.from_seed(4).binomial([3, 2], [[3.0, 4.0]], [[0.4, 0.6]])


def test_draws_of_many_numbers_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are drawn some at a time; each reads its own stretch of the stream."""
    draws = (
        lambda: tf.random.stateless_gamma([50, 3], [1, 2], [0.5, 1.0, 7.0]),
        lambda: tf.random.stateless_poisson([50, 3], [1, 2], [0.5, 9.0, 70.0]),
        lambda: tf.random.stateless_binomial([50, 3], [1, 2], [4.0, 40.0, 400.0], [0.5, 0.9, 0.2]),
    )
    want = [draw() for draw in draws]
    monkeypatch.setattr("graphtf.api.random_rejection._AT_A_TIME", 7)
    for draw, numbers in zip(draws, want):
        np.testing.assert_array_equal(draw(), numbers)
