"""`tf.random.Generator`: a stream of random numbers whose state is a variable.

Invariant: the state is int64 [counter, counter, key], and every number sets aside the same count of blocks, so a state
gives TensorFlow's numbers. Entry points: `Generator`, `get_global_generator`, `create_rng_state`.
"""

from __future__ import annotations

import enum
import random
from typing import Any

import numpy as np

from graphtf.api import random_bits as bits
from graphtf.api.random import scaled, shifted, sizes
from graphtf.api.random_rejection import drawn_binomial, fits, trials
from graphtf.convert import convert_to_tensor, stack_rows
from graphtf.functions.trace import init_scope
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, floordiv, product
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import UnimplementedError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor
from graphtf.tracking import AutoTrackable
from graphtf.variable import Variable

_WORDS = {1: 3, 2: 2}  # int64 in a state, by algorithm
_ALL = 2**64


class Algorithm(enum.Enum):
    """The algorithms of generators; numbers are made with Philox only.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/Algorithm.
    """

    PHILOX = 1
    THREEFRY = 2
    AUTO_SELECT = 3


def _number(alg: Any) -> int:
    """The number of an algorithm. Raises ValueError for another."""
    names = {"philox": 1, "threefry": 2, "auto_select": 1}
    found = names.get(alg) if isinstance(alg, str) else getattr(alg, "value", alg)
    if found is None or int(found) not in (1, 2, 3):
        raise ValueError(
            f"Argument `alg` got unsupported value {alg}. Supported values are philox for the Philox algorithm, "
            "threefry for the ThreeFry algorithm, and auto_select for auto-selection."
        )
    return 1 if int(found) == 3 else int(found)


def create_rng_state(seed: Any, alg: Any) -> Tensor:
    """The state for a seed: an integer, or up to as many integers as the state has.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/create_rng_state.

    >>> create_rng_state(1, "philox")
    <tf.Tensor: shape=(3,), dtype=int64, numpy=array([1, 0, 0])>
    """
    words = _WORDS[_number(alg)]
    values = seed.numpy().tolist() if isinstance(seed, Tensor) else np.asarray(seed, object).tolist()
    if not isinstance(values, list):
        values = [values % _ALL, *([values // _ALL % _ALL] if words > 2 else []), 0][:words]
        values += [0] * (words - len(values))
    if len(values) > words:
        raise ValueError(f"the seed has {len(values)} integers, the state only {words}")
    padded = [0] * (words - len(values)) + [int(v) % _ALL for v in values]
    return convert_to_tensor(np.array(padded, np.uint64).view(np.int64))


class Generator(AutoTrackable):
    """Random numbers from a state that each call moves on, in functions too.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/Generator.

    >>> Generator.from_seed(3).state.numpy().tolist()
    [3, 0, 0]
    """

    def __init__(self, copy_from: Generator | None = None, state: Any = None, alg: Any = None) -> None:
        if copy_from is not None:
            state, alg = copy_from.state.value(), copy_from.algorithm
        if state is None or alg is None:
            raise ValueError("Generator: give both `state` and `alg`, or `copy_from`")
        self._algorithm = _number(alg)
        self._state_var = Variable(convert_to_tensor(state, dt.int64), trainable=False, name="StateVar")

    @classmethod
    def from_state(cls, state: Any, alg: Any) -> Generator:
        """A generator in a state."""
        return cls(state=state, alg=alg)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        """A generator whose state a seed gives."""
        number = _number("auto_select" if alg is None else alg)
        return cls(state=create_rng_state(seed, number), alg=number)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that no other is like."""
        fresh = random.SystemRandom()
        with init_scope():
            return cls.from_seed([fresh.getrandbits(64) for _ in range(2)], alg)

    @classmethod
    def from_key_counter(cls, key: Any, counter: Any, alg: Any) -> Generator:
        """A generator with a key (one integer) and a counter (two)."""
        return cls(state=_joined(key, counter), alg=alg)

    def reset(self, state: Any) -> None:
        """Take another state."""
        self._state_var.assign(convert_to_tensor(state, dt.int64))

    def reset_from_seed(self, seed: Any) -> None:
        """Take the state that a seed gives."""
        self.reset(create_rng_state(seed, self._algorithm))

    def reset_from_key_counter(self, key: Any, counter: Any) -> None:
        """Take another key and counter."""
        self.reset(_joined(key, counter))

    @property
    def state(self) -> Variable:
        """The variable that holds the state."""
        return self._state_var

    @property
    def algorithm(self) -> int:
        """The number of the algorithm."""
        return self._algorithm

    @property
    def key(self) -> Tensor:
        """The key, an integer."""
        found: Tensor = self._state_var.value()[-1]
        return found

    def skip(self, delta: Any) -> Tensor:
        """Set aside the blocks of `delta` numbers; the state before."""
        if self._algorithm != 1:
            raise UnimplementedError(None, None, "Generator: numbers are made with the Philox algorithm only")
        state = self._state_var.value()
        words = p.bitcast(state, dtype=dt.uint64)
        low, high, key = (p.slice(words, starts=(k,), limits=(k + 1,), strides=(1,)) for k in range(3))
        count = p.reshape(p.cast(convert_to_tensor(delta), dtype=dt.uint64), shape=(1,))
        moved = p.add(low, p.mul(count, scalar_like(count, bits.BLOCKS_FOR_EACH)))
        carried = p.add(high, p.cast(p.lt(moved, low), dtype=dt.uint64))
        self._state_var.assign(p.bitcast(p.concat(moved, carried, key, axis=0), dtype=dt.int64))
        return state

    def _stream(self, dims: tuple[Dim, ...]) -> tuple[Tensor, Tensor]:
        """Key and counter for so many numbers."""
        return _key_and_counter(p.bitcast(self.skip(self._delta(product(dims))), dtype=dt.uint64))

    def _delta(self, count: Dim) -> Any:
        return count if isinstance(count, int) else p.reshape(shape_vector((count,), dt.int64), shape=())

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, name: str | None = None
    ) -> Tensor:
        """Normal numbers."""
        d, dims = as_dtype(dtype), sizes(shape, "normal")
        return shifted(bits.normal, *self._stream(dims), dims, d, mean, stddev)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dt.float32, name: str | None = None
    ) -> Tensor:
        """Normal numbers within two standard deviations."""
        d, dims = as_dtype(dtype), sizes(shape, "truncated_normal")
        return shifted(bits.truncated_normal, *self._stream(dims), dims, d, mean, stddev)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dt.float32, name: str | None = None
    ) -> Tensor:
        """Uniform numbers in [minval, maxval). Raises ValueError for integers with one bound only."""
        d, dims = as_dtype(dtype), sizes(shape, "uniform")
        if d.is_integer and (minval is None) != (maxval is None):
            raise ValueError(
                f"For integer dtype {d!r}, minval and maxval must be both `None` or both non-`None`; got "
                f"minval={minval}"
                f" and maxval={maxval}"
            )
        if d.is_integer and minval is None:
            return bits.full_integers(*self._stream(dims), dims, d)
        high = 1 if maxval is None else maxval
        if d.is_integer:
            return bits.integers(*self._stream(dims), dims, convert_to_tensor(minval, d), convert_to_tensor(high, d))
        return scaled(bits.unit, *self._stream(dims), dims, d, minval, high)

    def binomial(
        self, shape: Any, counts: Any, probs: Any, dtype: Any = dt.int32, name: str | None = None
    ) -> Tensor:
        """How many of `counts` trials succeed with chance `probs`; `shape` ends with the shape of both together.

        Raises InvalidArgumentError if it does not.
        """
        d, dims = as_dtype(dtype), sizes(shape, "binomial")
        n, q = trials(counts, probs)
        fits(dims, n, "binomial")
        batches = product(q.ir_type.dims)
        each = product(dims[: len(dims) - len(q.ir_type.dims)])
        words = p.bitcast(self.skip(self._delta(floordiv(batches * 200 * (each + 3), 4))), dtype=dt.uint64)
        return drawn_binomial(*_key_and_counter(words), dims, n, q, d)

    def uniform_full_int(self, shape: Any, dtype: Any = dt.uint64, name: str | None = None) -> Tensor:
        """Uniform integers, all of the dtype."""
        d, dims = as_dtype(dtype), sizes(shape, "uniform_full_int")
        return bits.full_integers(*self._stream(dims), dims, _integer(d))

    def make_seeds(self, count: int = 1) -> Tensor:
        """Seeds for stateless functions: shape [2, count]."""
        keys = self.uniform_full_int([count], dt.int64)
        return stack_rows([keys, p.broadcast(scalar_like(keys, 0), shape=keys.ir_type.dims)])

    def split(self, count: int = 1) -> list[Generator]:
        """Generators that give numbers of their own."""
        keys = self.uniform_full_int([count], dt.int64)
        return [Generator.from_key_counter(keys[k], [0, 0], self._algorithm) for k in range(count)]


def _key_and_counter(words: Tensor) -> tuple[Tensor, Tensor]:
    return (
        p.slice(words, starts=(2,), limits=(3,), strides=(1,)),
        p.slice(words, starts=(0,), limits=(2,), strides=(1,)),
    )


def _joined(key: Any, counter: Any) -> Tensor:
    whole = p.reshape(convert_to_tensor(counter, dt.int64), shape=(2,))
    out: Tensor = p.concat(whole, p.reshape(convert_to_tensor(key, dt.int64), shape=(1,)), axis=0)
    return out


def _integer(d: DType) -> DType:
    if d not in (dt.int32, dt.int64, dt.uint32, dt.uint64):
        raise ValueError(f"uniform_full_int: dtype must be int32, int64, uint32 or uint64, got {d.name}")
    return d


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """The generator of this process, in a state of its own until one is set.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/get_global_generator.
    """
    if not _global:
        with init_scope():
            _global.append(Generator.from_non_deterministic_state())
    return _global[0]


def set_global_generator(generator: Generator) -> None:
    """Set the generator of this process.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/set_global_generator.
    """
    _global[:] = [generator]
