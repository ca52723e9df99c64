"""Random choices: of orders, of candidates.

Invariant: each draw takes TensorFlow's words of the stream, so that the choices are the same. Entry points: the
`tf.random` functions below.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from graphtf.api import random_bits as bits
from graphtf.api.random import algorithm
from graphtf.api.random_state import kernel_state, stream
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.prims import p
from graphtf.ir.ops.random import philox
from graphtf.refusal import failed, invalid
from graphtf.tensor import EagerTensor, Tensor

Array = np.ndarray[Any, Any]

# ---- orders ----------------------------------------------------------------------------------------------------------


def stateless_shuffle(value: Any, seed: Any, alg: Any = "auto_select", name: str | None = None) -> Tensor:
    """The rows in a random order, the same for the same seed.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/experimental/stateless_shuffle.

    >>> stateless_shuffle([0, 1, 2, 3, 4, 5], [1, 2]).numpy().tolist()
    [4, 5, 0, 3, 1, 2]
    """
    algorithm(alg)
    x = convert_to_tensor(value)
    if not x.ir_type.dims:
        return x
    key, counter = bits.key_and_counter(seed)
    words = p.philox(key, counter, shape=(x.ir_type.dims[0],), dtype=dt.uint32)
    return p.gather(x, p.fisher_yates(words), axis=0, batch_dims=0)


_PAD = 498247692  # the first of the three words of a shuffle's key
_LEAST_BLOCK = 16  # bits
_ROUNDS = 4
_SIMON_C, _SIMON_Z = 0xFFFFFFFC, 0x7369F885192C0EF5  # constants of the cipher's key schedule


def random_index_shuffle(index: Any, seed: Any, max_index: Any, rounds: int = 4, name: str | None = None) -> Tensor:
    """`index_shuffle` by a seed of three integers and `rounds` rounds of its cipher.

    Raises InvalidArgumentError (tracing: ValueError) for an odd number of rounds or less than four.
    Follows https://www.tensorflow.org/api_docs/python/tf/random_index_shuffle.

    >>> sorted(int(random_index_shuffle(i, [1, 2, 3], 3)) for i in range(4))
    [0, 1, 2, 3]
    """
    if rounds < _ROUNDS or rounds % 2:
        raise invalid("random_index_shuffle", f"rounds must be even and at least {_ROUNDS}, got {rounds}")
    s = convert_to_tensor(seed)
    if s.shape.rank not in (1, 2, None) or (s.shape.rank and s.shape[-1] not in (3, None)):
        raise invalid("random_index_shuffle", f"seed must be of shape [3] or [n, 3], got {s.shape}")
    return _shuffled_on_host(index, s, max_index, lambda words: words, rounds)


def index_shuffle(index: Any, seed: Any, max_index: Any) -> Tensor:
    """Where a random permutation of 0 … max_index, the same for the same seed, puts an index. Arguments broadcast.

    Raises InvalidArgumentError if an index is greater than max_index.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/experimental/index_shuffle.

    >>> [int(index_shuffle(i, [1, 2], 3)) for i in range(4)]
    [2, 0, 1, 3]
    """

    def padded(words: Array) -> Array:
        return np.concatenate([np.full((*words.shape[:-1], 1), _PAD, words.dtype), words], -1)

    return _shuffled_on_host(index, convert_to_tensor(seed), max_index, padded, _ROUNDS)


def _shuffled_on_host(index: Any, s: Tensor, max_index: Any, key: Callable[[Array], Array], rounds: int) -> Tensor:
    x = convert_to_tensor(index)
    most = convert_to_tensor(max_index, x.dtype)
    lengths = [t.ir_type.dims[0] for t in (x, most) if t.ir_type.dims] + [d for d in s.ir_type.dims[:-1]]
    shape = tuple(lengths[:1])

    def run(index: Array, seed: Array, most: Array) -> list[Array]:
        if (index > most).any():
            raise InvalidArgumentError(None, None, f"index_shuffle: max_index must be >= index, but {most} < {index}")
        words = key(seed.astype(np.uint32))
        parts = np.broadcast_arrays(index, *(words[..., k] for k in range(3)), most)
        rows = zip(*(a.reshape(-1).tolist() for a in parts))
        flat = [_placed(at, (a, b, c), limit, rounds) for at, a, b, c, limit in rows]
        return [np.array(flat, index.dtype).reshape(parts[0].shape)]

    (out,) = on_host(run, [x, s, most], [x.dtype], [shape])
    return out


def _placed(index: int, key: tuple[int, ...], most: int, rounds: int) -> int:
    """Encrypt in the least even number of bits that holds `most`, until the result is not greater than it."""
    if most == 0:
        return 0
    size = math.ceil(math.log2(most))
    width = max(size + size % 2, _LEAST_BLOCK) // 2
    keys = _schedule(key, width, rounds)
    while True:
        index = _encrypted(index, keys, width)
        if index <= most:
            return index


def _schedule(key: tuple[int, ...], width: int, rounds: int) -> list[int]:
    """Simon's round keys for words of so many bits."""
    mask = (1 << width) - 1
    keys = [k & mask for k in key]
    for i in range(3, rounds):
        last = keys[i - 1]
        turned = _left(last, width - 3, width) ^ _left(last, width - 4, width)
        keys.append((_SIMON_C & mask) ^ (_SIMON_Z >> (i - 3) & 1) ^ keys[i - 3] ^ turned)
    return keys


def _left(x: int, by: int, width: int) -> int:
    return ((x << by) | (x >> (width - by))) & ((1 << width) - 1)


def _encrypted(value: int, keys: list[int], width: int) -> int:
    left, right = value >> width, value & ((1 << width) - 1)
    for key in keys:
        mixed = _left(right, 1, width) & _left(right, 8, width) ^ _left(right, 2, width)
        left, right = right, left ^ mixed ^ key
    return left << width | right


# ---- candidates ------------------------------------------------------------------------------------------------------


_FIELDS = "sampled_candidates true_expected_count sampled_expected_count"
UniformCandidateSampler = namedtuple("UniformCandidateSampler", _FIELDS)
LogUniformCandidateSampler = namedtuple("LogUniformCandidateSampler", _FIELDS)
AllCandidateSampler = namedtuple("AllCandidateSampler", _FIELDS)
FixedUnigramCandidateSampler = namedtuple("FixedUnigramCandidateSampler", _FIELDS)
LearnedUnigramCandidateSampler = namedtuple("LearnedUnigramCandidateSampler", _FIELDS)
_OF_KIND = {
    "uniform": UniformCandidateSampler, "log_uniform": LogUniformCandidateSampler,
    "fixed_unigram": FixedUnigramCandidateSampler, "learned_unigram": LearnedUnigramCandidateSampler,
}  # fmt: skip


def uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: Any = None,
    name: str | None = None,
) -> UniformCandidateSampler:  # fmt: skip
    """Classes drawn uniformly from 0 … range_max - 1, and how often each true and drawn class is to be expected.

    Raises InvalidArgumentError for more distinct classes than there are.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/uniform_candidate_sampler.

    >>> uniform_candidate_sampler([[0]], 1, 3, True, 6).sampled_candidates.shape
    TensorShape([3])
    """

    def draw(words: Iterator[int]) -> int:
        return _below(range_max, words)

    return _candidates(
        "uniform", true_classes, num_true, num_sampled, unique, range_max, seed, draw,
        lambda c: np.full(c.shape, 1 / range_max),
    )  # fmt: skip


def log_uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: Any = None,
    name: str | None = None,
) -> LogUniformCandidateSampler:  # fmt: skip
    """Classes drawn with Zipf's probability log((c + 2) / (c + 1)) / log(range_max + 1), and expected counts.

    Raises InvalidArgumentError for more distinct classes than there are.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/log_uniform_candidate_sampler.

    >>> log_uniform_candidate_sampler([[0]], 1, 3, True, 6).sampled_candidates.shape
    TensorShape([3])
    """
    whole = math.log1p(range_max)

    def draw(words: Iterator[int]) -> int:
        first, second = next(words), next(words)
        share = ((first & 0xFFFFF) << 32 | second) / 2**52
        return (int(math.exp(share * whole)) - 1) % range_max

    return _candidates(
        "log_uniform", true_classes, num_true, num_sampled, unique, range_max, seed, draw,
        lambda c: np.log((c + 2.0) / (c + 1.0)) / whole,
    )  # fmt: skip


def _below(count: int, words: Iterator[int]) -> int:
    """Uniform in [0, count), of 64 bits: those that would favour small numbers are passed over."""
    least = 0 if count & (count - 1) == 0 else (2**64 - 1) % count + 1
    while (word := next(words) | next(words) << 32) < least:
        continue
    return word % count


def _words(key: Array, counter: Array) -> Iterator[int]:
    """The words of a stream from a counter on."""
    at, most = int(counter[0]) | int(counter[1]) << 64, 64
    while True:
        halves = np.array([at & (2**64 - 1), at >> 64 & (2**64 - 1)], np.uint64)
        yield from philox.ref(key, halves, shape=(4 * most,), dtype=dt.uint32).tolist()
        at += most


def _candidates(
    kind: str, true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: Any,
    draw: Callable[[Iterator[int]], int], probability: Callable[[Array], Array],
    learn: Callable[[Array], None] = lambda classes: None,
) -> Any:  # fmt: skip
    if unique and num_sampled > range_max:
        raise invalid(f"{kind}_candidate_sampler", f"{num_sampled} distinct classes of {range_max} were asked for")
    truth = convert_to_tensor(true_classes, None if isinstance(true_classes, Tensor) else dt.int64)
    if len(truth.ir_type.dims) != 2 or truth.ir_type.dims[1] != num_true:
        raise invalid(f"{kind}_candidate_sampler", f"true_classes must be [rows, {num_true}], got {truth.shape}")
    key, counter = stream(f"{kind} candidates {range_max} {num_sampled} {unique}", seed, 512 * num_sampled)

    def run(key: Array, counter: Array, truth: Array) -> list[Array]:
        words, found, tries = _words(key, counter), [], 0
        seen: set[int] = set()
        while len(found) < num_sampled:
            candidate, tries = draw(words), tries + 1
            if not unique or candidate not in seen:
                seen.add(candidate)
                found.append(candidate)
        sampled = np.array(found, np.int64)
        expected = [_expected(probability(c), num_sampled, tries) for c in (truth, sampled)]
        learn(truth)
        return [sampled, *expected]

    shapes = [(num_sampled,), truth.ir_type.dims, (num_sampled,)]
    return _OF_KIND[kind](*on_host(run, [key, counter, truth], [dt.int64, dt.float32, dt.float32], shapes))


def _expected(probability: Array, drawn: int, tries: int) -> Array:
    """How often, or for rejection of repeats how probably, a class is drawn."""
    made = probability * drawn if tries == drawn else -np.expm1(tries * np.log1p(-probability))
    return made.astype(np.float32)


def all_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, seed: Any = None, name: str | None = None
) -> AllCandidateSampler:
    """All of the classes 0 … num_sampled - 1, each expected once.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/all_candidate_sampler.

    >>> all_candidate_sampler([[0]], 1, 3, True).sampled_candidates.numpy().tolist()
    [0, 1, 2]
    """
    truth = convert_to_tensor(true_classes, None if isinstance(true_classes, Tensor) else dt.int64)
    if isinstance(truth, EagerTensor) and not ((truth._array >= 0) & (truth._array < num_sampled)).all():
        raise invalid("all_candidate_sampler", f"true_classes must lie in [0, {num_sampled})")
    sampled = p.iota(shape=(num_sampled,), axis=0, dtype=dt.int64)
    one = convert_to_tensor(1.0)
    counts = (p.broadcast(one, shape=t.ir_type.dims) for t in (truth, sampled))
    return AllCandidateSampler(sampled, *counts)


def fixed_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, vocab_file: str = "",
    distortion: float = 1.0, num_reserved_ids: int = 0, num_shards: int = 1, shard: int = 0, unigrams: Any = (),
    seed: Any = None, name: str | None = None,
) -> FixedUnigramCandidateSampler:  # fmt: skip
    """Classes drawn with given weights, raised to the power `distortion`; reserved ones, the first, are not drawn.

    The weights are `unigrams`, or the last column of the comma-separated lines of `vocab_file`. Raises
    InvalidArgumentError for neither or both, and for more distinct classes than there are.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/fixed_unigram_candidate_sampler.

    >>> fixed_unigram_candidate_sampler([[0]], 1, 2, True, 3, unigrams=[1.0, 0.0, 1.0]).sampled_candidates.shape
    TensorShape([2])
    """
    weights = _weights(vocab_file, distortion, num_reserved_ids, unigrams)
    if len(weights) != range_max:
        raise invalid("fixed_unigram_candidate_sampler", f"{len(weights)} classes have weights, expected {range_max}")
    own = np.where(np.arange(range_max) % num_shards == shard, weights, np.float32(0))
    places = np.arange(shard, range_max, num_shards)
    accept, other = _aliases(weights[places])
    share = own / own.sum()

    def draw(words: Iterator[int]) -> int:
        level = np.uint32(next(words) & 0x7FFFFF | 0x3F800000).view(np.float32) - np.float32(1)
        bucket = _below_32(len(places), words)
        return int(places[bucket if level < accept[bucket] else other[bucket]])

    return _candidates(
        "fixed_unigram", true_classes, num_true, num_sampled, unique, range_max, seed, draw, lambda c: share[c]
    )


def learned_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: Any = None,
    name: str | None = None,
) -> LearnedUnigramCandidateSampler:  # fmt: skip
    """Classes drawn as often as they have been true ones, and once: every call adds to their weights.

    Raises InvalidArgumentError for more distinct classes than there are, and for true classes that are none.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/learned_unigram_candidate_sampler.

    >>> learned_unigram_candidate_sampler([[0]], 1, 3, True, 6).sampled_candidates.shape
    TensorShape([3])
    """
    kind = f"learned unigram {range_max} {num_true} {num_sampled} {unique}"
    weights = kernel_state(kind, seed, lambda: np.ones(range_max, np.int64))

    def draw(words: Iterator[int]) -> int:
        ends = np.cumsum(weights)
        return int(np.searchsorted(ends, _below_32(int(ends[-1]), words), side="right"))

    def probability(classes: Array) -> Array:
        if not ((classes >= 0) & (classes < range_max)).all():
            raise failed("learned_unigram_candidate_sampler", f"true_classes must lie in [0, {range_max})")
        return (weights[classes] / weights.sum()).astype(np.float32)

    def learn(classes: Array) -> None:
        np.add.at(weights, classes.reshape(-1), 1)

    return _candidates(
        "learned_unigram", true_classes, num_true, num_sampled, unique, range_max, seed, draw, probability, learn
    )


def _weights(vocab_file: str, distortion: float, reserved: int, unigrams: Any) -> Array:
    if bool(vocab_file) == bool(len(unigrams)):
        raise invalid("fixed_unigram_candidate_sampler", "give either vocab_file or unigrams")
    given = list(unigrams)
    if vocab_file:
        with open(vocab_file, encoding="utf-8") as lines:
            given = [float(line.rsplit(",", 1)[-1]) for line in lines if line.strip()]
    return np.concatenate([np.zeros(reserved), np.power(np.array(given, np.float32), distortion)]).astype(np.float32)


def _below_32(count: int, words: Iterator[int]) -> int:
    """As `_below`, of 32 bits."""
    least = 0 if count & (count - 1) == 0 else (2**32 - 1) % count + 1
    while (word := next(words)) < least:
        continue
    return word % count


def _aliases(weights: Array) -> tuple[Array, Array]:
    """Vose's table: bucket k is itself with probability accept[k], else other[k]."""
    share = weights.astype(np.float64) * len(weights) / weights.astype(np.float64).sum()
    other = np.arange(len(weights))
    low, high = [k for k, w in enumerate(share) if w < 1], [k for k, w in enumerate(share) if w >= 1]
    while low and high:
        short, tall = low.pop(), high.pop()
        other[short] = tall
        share[tall] -= 1 - share[short]
        (low if share[tall] < 1 else high).append(tall)
    share[[*low, *high]] = 1
    return share.astype(np.float32), other
