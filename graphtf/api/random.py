"""Random numbers: stateless ones from a seed, and those whose stream goes on from call to call.

Invariant: the same seeds give TensorFlow's numbers. Entry points: the `tf.random` functions below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api import random_bits as bits
from graphtf.api.random_large import Draw, moved
from graphtf.api.random_state import stream
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, ceildiv, product
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid
from graphtf.run_time import named_size
from graphtf.sizes import as_sizes, shape_vector
from graphtf.tensor import Tensor

_FLOATS = (dt.float16, dt.bfloat16, dt.float32, dt.float64)
_INTEGERS = (dt.int32, dt.int64)
_ALGORITHMS = {"philox": 1, "threefry": 2, "auto_select": 3}


def sizes(shape: Any, name: str) -> tuple[Dim, ...]:
    """The shape asked for; run-time sizes get names. Raises for a negative one: stateless ops at run time."""
    found = as_sizes(shape, name)
    if found is None:
        found = _named(convert_to_tensor(shape), name)
    if any(isinstance(d, int) and d < 0 for d in found):
        refusal = failed if name.startswith("stateless") else invalid
        raise refusal(name, f"Dimension {min(d for d in found if isinstance(d, int))} must be >= 0")
    return found


def _named(shape: Tensor, name: str) -> tuple[Dim, ...]:
    """The sizes in a vector of run time. Raises ValueError if not even their number is known."""
    count = shape.ir_type.dims[0] if shape.shape.rank == 1 else None
    if not isinstance(count, int):
        raise UnknownShapeError(f"{name}: the rank must be known while the function is traced, got the shape {shape!r}")
    each = (p.slice(shape, starts=(k,), limits=(k + 1,), strides=(1,)) for k in range(count))
    return tuple(named_size(p.reshape(x, shape=())) for x in each)


def algorithm(alg: Any) -> int:
    """The number of an algorithm; only Philox is there, as on TensorFlow's CPU: ThreeFry is an InvalidArgumentError.

    Raises ValueError for what is no algorithm.
    """
    number = _ALGORITHMS.get(alg, alg) if isinstance(alg, str) else getattr(alg, "value", alg)
    if number == _ALGORITHMS["threefry"]:
        raise failed("random", "the ThreeFry algorithm is not there on this device")
    if number not in (1, 3):
        raise ValueError(f"Unsupported algorithm id: {alg!r}; supported are 'philox' and 'auto_select'")
    return int(number)


def scaled(draw: Draw, key: Tensor, counter: Tensor, dims: tuple[Dim, ...], d: DType, low: Any, high: Any) -> Tensor:
    """Uniform numbers of [0, 1) drawn, moved to [low, high)."""
    a, b = convert_to_tensor(low, d), convert_to_tensor(high, d)
    return _moved(draw, key, counter, dims, d, p.sub(b, a), a)


def shifted(
    draw: Draw, key: Tensor, counter: Tensor, dims: tuple[Dim, ...], d: DType, mean: Any, stddev: Any
) -> Tensor:
    """Standard normal numbers drawn, moved to a mean and a standard deviation."""
    return _moved(draw, key, counter, dims, d, convert_to_tensor(stddev, d), convert_to_tensor(mean, d))


def _moved(
    draw: Draw, key: Tensor, counter: Tensor, dims: tuple[Dim, ...], d: DType, scale: Tensor, offset: Tensor
) -> Tensor:
    if scale.ir_type.shape == () and offset.ir_type.shape == ():
        return draw(key, counter, dims, d, scale, offset)
    return moved(draw(key, counter, dims, d), scale, offset)


def _allowed(dtype: Any, allowed: Any, name: str) -> DType:
    d = as_dtype(dtype)
    if d not in allowed:
        raise ValueError(f"{name}: dtype must be one of {[a.name for a in allowed]}, got {d.name}")
    return d


# ---- stateless -------------------------------------------------------------------------------------------------------


def stateless_uniform(
    shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dt.float32, name: str | None = None,
    alg: Any = "auto_select",
) -> Tensor:  # fmt: skip
    """Uniform in [minval, maxval), the same for the same seed (two integers). For integers without bounds, all of them.

    Raises ValueError for dtypes or bounds that do not go together.
    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_uniform.

    >>> stateless_uniform([2], [1, 2], 0, 10, "int32")
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([0, 9], dtype=int32)>
    """
    d = _allowed(dtype, (*_FLOATS, *_INTEGERS, dt.uint32, dt.uint64), "stateless_uniform")
    algorithm(alg)
    if d.is_integer and (minval is None) != (maxval is None):
        raise ValueError(
            f"For integer `dtype` argument {d}, argument `minval` and `maxval` must be both None or not None. Got "
            f"`minval`={minval} and `maxval`={maxval}."
        )
    dims = sizes(shape, "stateless_uniform")
    key, counter = bits.key_and_counter(seed)
    if not d.is_integer:
        return scaled(bits.unit, key, counter, dims, d, minval, 1 if maxval is None else maxval)
    if minval is None:
        return bits.full_integers(key, counter, dims, d)
    if d not in _INTEGERS:
        raise ValueError(f"Invalid dtype for stateless uniform: {d}. Bounds need int32 or int64")
    return bits.integers(key, counter, dims, convert_to_tensor(minval, d), convert_to_tensor(maxval, d))


def stateless_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, name: str | None = None,
    alg: Any = "auto_select",
) -> Tensor:  # fmt: skip
    """Normal, the same for the same seed. Follows
    https://www.tensorflow.org/api_docs/python/tf/random/stateless_normal.

    >>> stateless_normal([2], [1, 2]).shape
    TensorShape([2])
    """
    algorithm(alg)
    d, dims = as_dtype(dtype), sizes(shape, "stateless_normal")
    if d not in _FLOATS:
        raise invalid("stateless_normal", f"dtype must be floating, got {d.name}")
    return shifted(bits.normal, *bits.key_and_counter(seed), dims, d, mean, stddev)


def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, name: str | None = None,
    alg: Any = "auto_select",
) -> Tensor:  # fmt: skip
    """Normal within two standard deviations, the same for the same seed.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/stateless_truncated_normal.

    >>> stateless_truncated_normal([2], [1, 2]).shape
    TensorShape([2])
    """
    algorithm(alg)
    d, dims = as_dtype(dtype), sizes(shape, "stateless_truncated_normal")
    if d not in _FLOATS:
        raise invalid("stateless_truncated_normal", f"dtype must be floating, got {d.name}")
    return shifted(bits.truncated_normal, *bits.key_and_counter(seed), dims, d, mean, stddev)


def split(seed: Any, num: int = 2, alg: Any = "auto_select") -> Tensor:
    """`num` new seeds from one. Follows https://www.tensorflow.org/api_docs/python/tf/random/split.

    >>> split([1, 2], 1)
    <tf.Tensor: shape=(1, 2), dtype=int32, numpy=array([[1105988140, 1738052849]], dtype=int32)>
    """
    s = convert_to_tensor(seed)
    return stateless_uniform([num, 2], s, None, None, s.dtype, alg=alg)


def fold_in(seed: Any, data: Any, alg: Any = "auto_select") -> Tensor:
    """A new seed from a seed and an integer. Follows https://www.tensorflow.org/api_docs/python/tf/random/fold_in.

    >>> fold_in([1, 2], 3)
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1105988140,          3], dtype=int32)>
    """
    s, d = convert_to_tensor(seed), convert_to_tensor(data)
    first = stateless_uniform([1], s, None, None, s.dtype, alg=alg)
    return p.concat(first, p.reshape(p.cast(d, dtype=s.dtype), shape=(1,)), axis=0)


# ---- with a state ----------------------------------------------------------------------------------------------------


def _blocks(dims: tuple[Dim, ...]) -> Dim:
    return product(dims) * bits.BLOCKS_FOR_EACH


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dt.float32, seed: Any = None, name: str | None = None
) -> Tensor:
    """Uniform in [minval, maxval). Raises ValueError for integers without maxval.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/uniform.

    >>> uniform([2]).shape
    TensorShape([2])
    """
    d = _allowed(dtype, (*_FLOATS, *_INTEGERS), "uniform")
    if maxval is None:
        if d.is_integer:
            raise ValueError(f"Must specify maxval for integer dtype {d!r}")
        maxval = 1
    dims = sizes(shape, "random_uniform")
    key, counter = stream(f"uniform {d.name} {d.is_integer}", seed, _blocks(dims))
    if d.is_integer:
        return bits.integers(key, counter, dims, convert_to_tensor(minval, d), convert_to_tensor(maxval, d))
    return scaled(bits.unit, key, counter, dims, d, minval, maxval)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, seed: Any = None, name: str | None = None
) -> Tensor:
    """Normal. Follows https://www.tensorflow.org/api_docs/python/tf/random/normal.

    >>> normal([2]).shape
    TensorShape([2])
    """
    d, dims = as_dtype(dtype), sizes(shape, "random_normal")
    if d not in _FLOATS:
        raise invalid("random_normal", f"dtype must be floating, got {d.name}")
    return shifted(bits.normal, *stream(f"normal {d.name}", seed, _blocks(dims)), dims, d, mean, stddev)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, seed: Any = None, name: str | None = None
) -> Tensor:
    """Normal within two standard deviations. Follows
    https://www.tensorflow.org/api_docs/python/tf/random/truncated_normal.

    >>> truncated_normal([2]).shape
    TensorShape([2])
    """
    d, dims = as_dtype(dtype), sizes(shape, "truncated_normal")
    if d not in _FLOATS:
        raise invalid("truncated_normal", f"dtype must be floating, got {d.name}")
    key, counter = stream(f"truncated {d.name}", seed, _blocks(dims))
    return shifted(bits.truncated_normal, key, counter, dims, d, mean, stddev)


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """The rows in random order. Follows https://www.tensorflow.org/api_docs/python/tf/random/shuffle.

    >>> shuffle([1, 2, 3]).shape
    TensorShape([3])
    """
    x = convert_to_tensor(value)
    if not x.ir_type.dims:
        return x
    rows = x.ir_type.dims[0]
    key, counter = stream("shuffle", seed, ceildiv(rows, 4))
    words = p.philox(key, counter, shape=(rows,), dtype=dt.uint32)
    return p.gather(x, p.fisher_yates(words), axis=0, batch_dims=0)


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Tensor:
    """x with a share `rate` of its elements 0 and the rest scaled up. Raises ValueError for a rate not in [0, 1).

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/dropout.

    >>> dropout([1., 2.], 0.)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    return _dropped(x, rate, noise_shape, lambda dims, d: uniform(dims, seed=seed, dtype=d))


def stateless_dropout(
    x: Any, rate: Any, seed: Any, rng_alg: Any = "auto_select", noise_shape: Any = None, name: str | None = None
) -> Tensor:
    """`dropout`, the same for the same seed.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/experimental/stateless_dropout.

    >>> stateless_dropout([1., 2.], 0., [1, 2])
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)>
    """
    return _dropped(
        x, rate, noise_shape, lambda dims, d: stateless_uniform(dims, seed, dtype=d, alg=rng_alg or "auto_select")
    )


def general_dropout(
    x: Any, rate: Any, uniform_sampler: Any, noise_shape: Any = None, name: str | None = None
) -> Tensor:
    """`dropout` by the numbers in [0, 1) that `uniform_sampler` gives for a shape and a dtype.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/experimental/general_dropout.

    >>> general_dropout([1., 2.], 0.5, lambda shape, dtype: convert_to_tensor([0.4, 0.6], dtype))
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0., 4.], dtype=float32)>
    """
    return _dropped(x, rate, noise_shape, lambda dims, d: uniform_sampler(shape=shape_vector(dims), dtype=d))


def _dropped(x: Any, rate: Any, noise_shape: Any, draw: Any) -> Tensor:
    t = convert_to_tensor(x)
    if not t.dtype.is_floating:
        raise ValueError(
            f"`x.dtype` must be a floating point tensor as `x` will be scaled. Received: x_dtype={t.dtype}"
        )
    if isinstance(rate, (int, float)) and not 0 <= rate < 1:
        raise ValueError(f"`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate={rate}")
    if isinstance(rate, (int, float)) and rate == 0:
        from graphtf.api.shaping import identity

        return identity(t)
    share = convert_to_tensor(rate, t.dtype)
    dims = _noise_dims(t, noise_shape)
    keep = p.ge(draw(dims, t.dtype), share)
    scaled = p.mul(t, p.div(scalar_like(t, 1), p.sub(scalar_like(t, 1), share)))
    return p.select(keep, scaled, scalar_like(t, 0))


def _noise_dims(x: Tensor, noise_shape: Any) -> tuple[Dim, ...]:
    if noise_shape is None:
        return x.ir_type.dims
    if isinstance(noise_shape, (list, tuple)) and None in noise_shape:
        noise_shape = [d if n is None else n for n, d in zip(noise_shape, x.ir_type.dims)]
    return sizes(noise_shape, "dropout")


