"""Fractional pools: windows whose sizes vary at random, so that an axis shrinks by any ratio.

Invariant: with a seed the windows are TensorFlow's, at every call; the values are made of gathers and reductions, whose
gradients are theirs. Entry points: `fractional_max_pool`, `fractional_avg_pool`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from graphtf.api.random_state import op_seeds, stream
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import ceildiv
from graphtf.ir.ops.prims import p
from graphtf.ir.ops.random import fisher_yates, philox
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


class FractionalPool(NamedTuple):
    """What fractional pools give: the pooled tensor, and the borders of the windows along rows and columns."""

    output: Tensor
    row_pooling_sequence: Tensor
    col_pooling_sequence: Tensor


def fractional_max_pool(
    value: Any, pooling_ratio: Any, pseudo_random: bool = False, overlapping: bool = False, seed: int = 0,
    name: str | None = None,
) -> FractionalPool:  # fmt: skip
    """The largest elements of windows whose sizes vary at random, so that an axis shrinks by a ratio ≥ 1.

    Raises ValueError for a ratio below 1, or one that is not 1 along batch and channels.
    Follows https://www.tensorflow.org/api_docs/python/tf/nn/fractional_max_pool.

    >>> fractional_max_pool([[[[1.], [5.]], [[2.], [3.]]]], 2.0, seed=1).output.numpy().item()
    5.0
    """
    x, rows, columns, windows = _fractional("max", value, pooling_ratio, pseudo_random, overlapping, seed)
    return FractionalPool(p.reduce_max(windows.gathered(x), axes=(2, 4)), rows, columns)


def fractional_avg_pool(
    value: Any, pooling_ratio: Any, pseudo_random: bool = False, overlapping: bool = False, seed: int = 0,
    name: str | None = None,
) -> FractionalPool:  # fmt: skip
    """The means of windows whose sizes vary at random: see `fractional_max_pool`.

    Follows https://www.tensorflow.org/api_docs/python/tf/nn/fractional_avg_pool.

    >>> fractional_avg_pool([[[[1.], [5.]], [[2.], [4.]]]], 2.0, seed=1).output.numpy().item()
    3.0
    """
    x, rows, columns, windows = _fractional("avg", value, pooling_ratio, pseudo_random, overlapping, seed)
    inside = p.cast(windows.inside(), dtype=x.dtype)
    total = p.reduce_sum(p.mul(windows.gathered(x), inside), axes=(2, 4))
    return FractionalPool(p.div(total, p.reduce_sum(inside, axes=(2, 4))), rows, columns)


class _Windows(NamedTuple):
    """For rows and columns, the places in each window [windows, most] and which of them belong to it."""

    places: tuple[Tensor, Tensor]
    belong: tuple[Tensor, Tensor]

    def gathered(self, x: Tensor) -> Tensor:
        """[batch, rows, most, columns, most, channels]; places that do not belong repeat the last that does."""
        tall = p.gather(x, self.places[0], axis=1, batch_dims=0)
        return p.gather(tall, self.places[1], axis=3, batch_dims=0)

    def inside(self) -> Tensor:
        (a, b), (c, d) = (t.ir_type.dims for t in self.belong)
        rows = p.reshape(self.belong[0], shape=(1, a, b, 1, 1, 1))
        return p.logical_and(rows, p.reshape(self.belong[1], shape=(1, 1, 1, c, d, 1)))


def _ratios(ratio: Any) -> tuple[float, ...]:
    given = tuple(ratio) if isinstance(ratio, (list, tuple)) else (ratio,)
    if not given or not all(isinstance(r, (int, float)) for r in given):
        raise ValueError(f"`pooling_ratio` should be an int or a list of ints. Received: pooling_ratio={ratio}")
    if any(r < 1 for r in given):
        raise ValueError(f"`pooling_ratio` elements should be >= 1.0. Received: pooling_ratio={ratio}")
    if len(given) == 4 and (given[0] != 1 or given[-1] != 1):
        raise ValueError(
            f"`pooling_ratio` should have first and last elements with value 1.0. Received: pooling_ratio={ratio}"
        )
    if len(given) not in (1, 2, 4):
        raise ValueError(f"pooling_ratio should be of length 1, 2 or 4 but was {len(given)}")
    return given * 2 if len(given) == 1 else given if len(given) == 2 else given[1:-1]


def _fractional(
    kind: str, value: Any, ratio: Any, pseudo_random: bool, overlapping: bool, seed: int
) -> tuple[Tensor, Tensor, Tensor, _Windows]:
    x, ratios = convert_to_tensor(value), _ratios(ratio)
    name = f"fractional_{kind}_pool"
    if len(x.ir_type.dims) != 4 or not all(isinstance(d, int) for d in x.ir_type.dims[1:3]):
        raise invalid(name, f"tensor_in must have 4 axes, of known height and width, got {x.shape}")
    have = tuple(int(d) for d in x.ir_type.dims[1:3])
    made = tuple(math.floor(n / r) for n, r in zip(have, ratios))
    if 0 in made:
        raise invalid(name, f"pooling_ratio {list(ratios)} is larger than the size {list(have)}")
    blocks = [1 if pseudo_random else ceildiv(n, 4) for n in made]
    key, counter = _start(seed, name, sum(blocks))

    def run(key: Array, counter: Array) -> list[Array]:
        words = philox.ref(key, counter, shape=(4 * sum(blocks),), dtype=dt.uint32)
        parts = words[: 4 * blocks[0]], words[4 * blocks[0] :]
        borders = [_borders(n, m, part, pseudo_random) for n, m, part in zip(have, made, parts)]
        windows = [_window(b, n, m, overlapping) for b, n, m in zip(borders, have, made)]
        return [*borders, *(w for w, _ in windows), *(i for _, i in windows)]

    shapes = [(m, n // m + 1 + overlapping) for n, m in zip(have, made)]
    found = on_host(
        run, [key, counter], [dt.int64] * 4 + [dt.bool_] * 2, [*((m + 1,) for m in made), *shapes, *shapes]
    )
    rows, columns, *windows = found
    return x, rows, columns, _Windows((windows[0], windows[1]), (windows[2], windows[3]))


def _start(seed: int, name: str, blocks: int) -> tuple[Tensor, Tensor]:
    """Key and counter: with a seed, the same at every call."""
    seeds = op_seeds(seed) if seed else None
    if seeds is None:
        return stream(name, None, blocks)
    first, second = (np.uint64(k % 2**64) for k in seeds)
    return convert_to_tensor(np.array([first])), convert_to_tensor(np.array([np.uint64(0), second]))


def _borders(size: int, windows: int, words: Array, pseudo_random: bool) -> Array:
    """Where windows begin, and the end: their sizes differ by one at most."""
    if pseudo_random:
        return _regular(size, windows, words)
    steps = np.full(windows, size // windows)
    steps[: size % windows] += 1
    order = fisher_yates.ref(words[:windows])
    return np.concatenate([[0], np.cumsum(steps[order])])


def _regular(size: int, windows: int, words: Array) -> Array:
    """Borders at ⌈α (i + u)⌉ for a random u that keeps every window ⌊α⌋ or ⌊α⌋ + 1 wide, α the ratio of the sizes."""
    alpha, least = size / windows, size // windows
    most = min((least + 2) / alpha - 1, (size + 1 - least) / alpha - (windows - 1))
    u = ((int(words[0]) & 0xFFFFF) << 32 | int(words[1])) / 2**52 * most
    inner = [math.ceil(alpha * (i + u)) - 1 for i in range(1, windows)]
    return np.array([0, *inner, size])


def _window(borders: Array, size: int, windows: int, overlapping: bool) -> tuple[Array, Array]:
    """The places of each window, and which of them belong to it; overlapping windows share their borders."""
    ends = np.minimum(borders[1:] - (0 if overlapping else 1), size - 1)[:, None]
    places = borders[:-1, None] + np.arange(size // windows + 1 + overlapping)
    return np.minimum(places, ends), places <= ends
