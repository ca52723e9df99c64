"""Functions of tensors against NumPy, on any shapes, dtypes and indices: eager, traced on the reference, and native.

Invariant: what NumPy gives is what must come, with its shape and in the operands' dtype; the two traced ways give the
same, bit by bit where elements are only moved, compared or counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

import graphtf as tf
from graphtf.flags import flags

FLOATS = ("float32", "float64", "float16")
INTEGERS = ("int32", "int64", "uint8", "int16")
ANY = (*FLOATS, *INTEGERS, "bool", "complex64")
PRODUCTS = ("float32", "float64", "int32")
RELATIVE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-14, "complex64": 4e-6}
Array = np.ndarray[Any, Any]


def examples(count: int) -> Callable[..., Any]:
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def values(dtype: str, shape: tuple[int, ...], seed: int, least: float = -8, most: float = 8) -> Array:
    """Values of a dtype, some of them equal; NumPy draws them, so that examples stay small."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind in "iu":
        low = max(least, np.iinfo(dtype).min)
        return rng.integers(int(low), int(most), shape, endpoint=True).astype(dtype)
    drawn = np.round(rng.uniform(least, most, shape) * 4) / 4
    return (drawn + 1j * drawn[..., ::-1] if np.ndim(drawn) and dtype == "complex64" else drawn).astype(dtype)


def shapes(least: int = 0, rank: int = 4, lowest_rank: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    return hn.array_shapes(min_dims=lowest_rank, max_dims=rank, min_side=least, max_side=5)


def broadcastable(count: int, rank: int) -> st.SearchStrategy[Any]:
    return hn.mutually_broadcastable_shapes(num_shapes=count, max_dims=rank, max_side=4)


def axes_of(rank: int) -> st.SearchStrategy[list[int] | None]:
    """None, or some of the axes, each counted from either end."""
    if not rank:
        return st.none()
    return st.none() | st.lists(st.integers(-rank, rank - 1), unique_by=lambda k: k % rank, max_size=rank)


SIZES = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
SEEDS = st.integers(0, 2**32 - 1)


# ---- how it is compared ----------------------------------------------------------------------------------------------


def agree(got: Any, want: Array, terms: int = 0) -> None:
    """The same dtype, shape and values: exactly, or up to the rounding of so many terms."""
    assert got.dtype.name == want.dtype.name, (got.dtype.name, want.dtype.name)
    assert tuple(got.shape) == want.shape, (got.shape, want.shape)
    if terms and want.dtype.name in RELATIVE:
        largest = float(np.max(np.abs(want), initial=1.0, where=np.isfinite(want)))
        error = RELATIVE[want.dtype.name] * terms
        np.testing.assert_allclose(got, want, rtol=error, atol=error * largest)
    else:
        np.testing.assert_array_equal(got, want)


def hold(function: Callable[..., Any], arrays: Sequence[Array], want: Array, terms: int = 0) -> None:
    """The function of tensors gives what NumPy gave, whichever way it is run."""
    tensors = [tf.constant(a) for a in arrays]
    agree(function(*tensors), want, terms)
    found = []
    for interpret in (True, False):
        before, flags.interpret = flags.interpret, interpret
        try:
            found.append(tf.function(function, autograph=False)(*tensors))
        finally:
            flags.interpret = before
        agree(found[-1], want, terms)
    agree(found[1], found[0].numpy() if want.shape else np.asarray(found[0].numpy()), terms)


# ---- elementwise -----------------------------------------------------------------------------------------------------

BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...]]] = {
    "add": (tf.add, np.add, (*FLOATS, *INTEGERS, "complex64")),
    "subtract": (tf.subtract, np.subtract, (*FLOATS, *INTEGERS, "complex64")),
    "multiply": (tf.multiply, np.multiply, (*FLOATS, *INTEGERS)),
    "maximum": (tf.maximum, np.maximum, (*FLOATS, *INTEGERS)),
    "minimum": (tf.minimum, np.minimum, (*FLOATS, *INTEGERS)),
    "squared difference": (tf.math.squared_difference, lambda x, y: (x - y) * (x - y), FLOATS),
    "less": (tf.less, np.less, (*FLOATS, *INTEGERS)),
    "greater equal": (tf.greater_equal, np.greater_equal, (*FLOATS, *INTEGERS)),
    "equal": (tf.equal, np.equal, ANY),
    "not equal": (tf.not_equal, np.not_equal, ANY),
    "and": (tf.logical_and, np.logical_and, ("bool",)),
    "xor": (tf.math.logical_xor, np.logical_xor, ("bool",)),
    "bits": (tf.bitwise.bitwise_xor, np.bitwise_xor, INTEGERS),
}


@given(case=st.sampled_from(sorted(BINARY)), sizes=broadcastable(2, 4), data=st.data(), seed=SEEDS)
@examples(50)
def test_operands_broadcast(case: str, sizes: Any, data: Any, seed: int) -> None:
    function, reference, dtypes = BINARY[case]
    dtype = data.draw(st.sampled_from(dtypes))
    x, y = (values(dtype, shape, seed + k) for k, shape in enumerate(sizes.input_shapes))
    hold(function, [x, y], np.asarray(reference(x, y)))


UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...], int]] = {
    "negative": (tf.negative, np.negative, (*FLOATS, "int32", "int64"), 0),
    "abs": (tf.abs, np.abs, (*FLOATS, "int32", "int64"), 0),
    "sign": (tf.sign, np.sign, (*FLOATS, "int32"), 0),
    "square": (tf.square, np.square, (*FLOATS, "int32"), 0),
    "floor": (tf.floor, np.floor, FLOATS, 0),
    "ceil": (tf.math.ceil, np.ceil, FLOATS, 0),
    "round": (tf.round, np.round, FLOATS, 0),
    "exp": (tf.exp, np.exp, ("float32", "float64"), 4),
    "tanh": (tf.tanh, np.tanh, ("float32", "float64"), 4),
    "sin": (tf.sin, np.sin, ("float32", "float64"), 4),
    "sqrt of squares": (lambda x: tf.sqrt(x * x), lambda x: np.sqrt(x * x), ("float32", "float64"), 0),
    "not": (tf.logical_not, np.logical_not, ("bool",), 0),
    "is nan": (tf.math.is_nan, np.isnan, FLOATS, 0),
    "as int": (lambda x: tf.cast(x, tf.int32), lambda x: x.astype(np.int32), (*FLOATS, "bool", "uint8"), 0),
    "as float": (lambda x: tf.cast(x, tf.float32), lambda x: x.astype(np.float32), (*INTEGERS, "bool", "float64"), 0),
}


@given(case=st.sampled_from(sorted(UNARY)), shape=shapes(), data=st.data(), seed=SEEDS)
@examples(40)
def test_elements(case: str, shape: tuple[int, ...], data: Any, seed: int) -> None:
    function, reference, dtypes, terms = UNARY[case]
    x = values(data.draw(st.sampled_from(dtypes)), shape, seed)
    hold(function, [x], np.asarray(reference(x)), terms)


@given(sizes=broadcastable(3, 3), dtype=st.sampled_from(ANY), seed=SEEDS)
@examples(20)
def test_where_broadcasts(sizes: Any, dtype: str, seed: int) -> None:
    c, x, y = (values(d, s, seed + k) for k, (d, s) in enumerate(zip(("bool", dtype, dtype), sizes.input_shapes)))
    hold(tf.where, [c, x, y], np.where(c, x, y))


# ---- slices ----------------------------------------------------------------------------------------------------------


@given(shape=shapes(), dtype=st.sampled_from(ANY), data=st.data(), seed=SEEDS)
@examples(60)
def test_indexing(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    """Integers, slices with steps of either sign, an ellipsis, new axes."""
    key = data.draw(hn.basic_indices(shape, max_dims=7, allow_newaxis=True, allow_ellipsis=True))
    x = values(dtype, shape, seed)
    hold(lambda t: t[key], [x], np.asarray(x[key]))


@given(shape=shapes(lowest_rank=1), dtype=st.sampled_from(ANY), data=st.data(), seed=SEEDS)
@examples(25)
def test_masks(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    rank = data.draw(st.integers(1, len(shape)))
    x, mask = values(dtype, shape, seed), values("bool", shape[:rank], seed + 1)
    hold(lambda t, m: tf.boolean_mask(t, m), [x, mask], x[mask])
    agree(tf.constant(x)[mask], x[mask])


# ---- reductions ------------------------------------------------------------------------------------------------------

REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...], bool]] = {
    "sum": (tf.reduce_sum, np.sum, ("float32", "float64", "int32", "int64"), True),
    "mean": (tf.reduce_mean, np.mean, ("float32", "float64"), False),
    "prod": (tf.reduce_prod, np.prod, ("float64", "int32", "int64"), True),
    "max": (tf.reduce_max, np.max, (*FLOATS, *INTEGERS), False),
    "min": (tf.reduce_min, np.min, (*FLOATS, *INTEGERS), False),
    "any": (tf.reduce_any, np.any, ("bool",), True),
    "all": (tf.reduce_all, np.all, ("bool",), True),
    "variance": (tf.math.reduce_variance, np.var, ("float32", "float64"), False),
}


@given(case=st.sampled_from(sorted(REDUCTIONS)), data=st.data(), keepdims=st.booleans(), seed=SEEDS)
@examples(50)
def test_reductions(case: str, data: Any, keepdims: bool, seed: int) -> None:
    function, reference, dtypes, of_nothing = REDUCTIONS[case]
    shape = data.draw(shapes(least=0 if of_nothing else 1))
    axes = data.draw(axes_of(len(shape)))
    x = values(data.draw(st.sampled_from(dtypes)), shape, seed, -2, 2)
    want = reference(x, axis=None if axes is None else tuple(axes), keepdims=keepdims)
    reduced = functools.partial(function, axis=axes, keepdims=keepdims)
    hold(reduced, [x], np.asarray(want, x.dtype), terms=max(4, x.size))


@given(shape=shapes(least=1, lowest_rank=1), dtype=st.sampled_from((*FLOATS, *INTEGERS)), data=st.data(), seed=SEEDS)
@examples(30)
def test_positions_and_running_sums(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = values(dtype, shape, seed, -3, 3)
    hold(lambda t: tf.argmax(t, axis), [x], np.argmax(x, axis))
    hold(lambda t: tf.sort(t, axis), [x], np.sort(x, axis))
    hold(lambda t: tf.cumsum(t, axis), [x], np.cumsum(x, axis, dtype=dtype), terms=len(x.ravel()))


# ---- moving elements -------------------------------------------------------------------------------------------------


@given(shape=shapes(), dtype=st.sampled_from(ANY), data=st.data(), seed=SEEDS)
@examples(30)
def test_shapes_change(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    x = values(dtype, shape, seed)
    target = list(data.draw(st.permutations(shape)))
    if x.size and target and data.draw(st.booleans()):
        target[data.draw(st.integers(0, len(target) - 1))] = -1
    hold(lambda t: tf.reshape(t, target), [x], x.reshape(target))
    perm = data.draw(st.permutations(range(len(shape))))
    hold(lambda t: tf.transpose(t, perm), [x], x.transpose(perm))
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    hold(lambda t: tf.expand_dims(t, axis), [x], np.expand_dims(x, axis))


@given(shape=shapes(lowest_rank=1), dtype=st.sampled_from(ANY), data=st.data(), seed=SEEDS)
@examples(25)
def test_elements_move(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    x, rank = values(dtype, shape, seed), len(shape)
    axis, shift = data.draw(st.integers(0, rank - 1)), data.draw(st.integers(-7, 7))
    hold(lambda t: tf.roll(t, shift, axis), [x], np.roll(x, shift, axis))
    hold(lambda t: tf.reverse(t, [axis]), [x], np.flip(x, axis))
    widths = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=rank, max_size=rank))
    hold(lambda t: tf.pad(t, widths), [x], np.pad(x, widths))
    times = data.draw(st.lists(st.integers(0, 3), min_size=rank, max_size=rank))
    hold(lambda t: tf.tile(t, times), [x], np.tile(x, times))


@given(shape=shapes(lowest_rank=1), dtype=st.sampled_from(ANY), data=st.data(), seed=SEEDS)
@examples(30)
def test_joining(shape: tuple[int, ...], dtype: str, data: Any, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    parts = []
    for k, n in enumerate(lengths):
        sizes = list(shape)
        sizes[axis] = n
        parts.append(values(dtype, tuple(sizes), seed + k))
    whole = np.concatenate(parts, axis)
    hold(lambda *t: tf.concat(t, axis), parts, whole)
    for k, part in enumerate(parts):
        hold(lambda t, k=k: tf.split(t, lengths, axis)[k], [whole], part)


@given(shape=shapes(lowest_rank=1), dtype=st.sampled_from(ANY), wide=st.booleans(), data=st.data(), seed=SEEDS)
@examples(30)
def test_gathering(shape: tuple[int, ...], dtype: str, wide: bool, data: Any, seed: int) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    places = data.draw(hn.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4))
    if not shape[axis]:
        places = (0,)
    rng, kind = np.random.default_rng(seed), np.int64 if wide else np.int32
    x = values(dtype, shape, seed)
    at = rng.integers(0, max(shape[axis], 1), places).astype(kind)
    hold(lambda t, i: tf.gather(t, i, axis=axis), [x, at], np.take(x, at, axis))
    rows = np.stack([rng.integers(0, max(d, 1), 0 if 0 in shape else 5) for d in shape], -1).astype(kind)
    hold(tf.gather_nd, [x, rows], x[tuple(np.moveaxis(rows, -1, 0))])


@given(batch=broadcastable(2, 2), sizes=SIZES, dtype=st.sampled_from(PRODUCTS), seed=SEEDS)
@examples(25)
def test_products_of_matrices(batch: Any, sizes: tuple[int, int, int], dtype: str, seed: int) -> None:
    m, k, n = sizes
    first, second = batch.input_shapes
    x, y = values(dtype, (*first, m, k), seed), values(dtype, (*second, k, n), seed + 1)
    hold(tf.matmul, [x, y], np.matmul(x, y), terms=max(4, k))
