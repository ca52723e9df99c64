"""The state of random ops: the global seed, op seeds, and how far each op's stream has been used.

Invariant: eagerly, ops of one kind with one pair of seeds share a stream; in a traced function every op has its own,
kept in a hidden variable. `set_seed` starts all streams anew. Entry points: `set_seed`, `op_seeds`, `next_counter`.
"""

from __future__ import annotations

import random
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import Trace, active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.state import Cell
from graphtf.ir.types import tensor
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor

T = TypeVar("T")
DEFAULT_GRAPH_SEED = 87654321
_SEEDED = "seeded_random_state"
_MOST = 2**31 - 1
_MASK = 2**64 - 1


class _Streams:
    """Process-wide: TensorFlow's global seed is too."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seed: int | None = None
        self.draw = random.Random()
        self.used: dict[Any, int] = {}  # blocks used by each eager stream
        self.kernels: dict[Any, Any] = {}  # what else kernels keep from one eager call to the next
        self.cells: weakref.WeakSet[Cell] = weakref.WeakSet()  # streams of traced functions
        self.fresh = random.SystemRandom()


_streams = _Streams()
_trace_seeds: weakref.WeakKeyDictionary[Trace, int] = weakref.WeakKeyDictionary()


def set_seed(seed: Any) -> None:
    """Set the global seed; every stream of random numbers starts anew.

    Follows https://www.tensorflow.org/api_docs/python/tf/random/set_seed.

    >>> set_seed(5)
    """
    with _streams.lock:
        _streams.seed = int(seed)
        _streams.draw = random.Random(int(seed))
        _streams.used.clear()
        _streams.kernels.clear()
        for cell in _streams.cells:
            cell.array = np.zeros(1, np.uint64)


def global_seed() -> int | None:
    """The seed that `set_seed` set, or None."""
    return _streams.seed


class KernelSeeds(NamedTuple):
    """The pair of seeds that a kernel is given, which stands for itself; two zeros: none."""

    first: int
    second: int


def op_seeds(op_seed: Any) -> tuple[int, int] | None:
    """The pair of seeds of a random op, or None where the numbers are to be different every time."""
    if isinstance(op_seed, KernelSeeds):
        return tuple(op_seed) if any(op_seed) else None
    trace = active_trace()
    seed = _streams.seed
    if seed is None:
        return None if op_seed is None else _apart(DEFAULT_GRAPH_SEED, int(op_seed) % _MOST)
    if op_seed is None:
        op_seed = _drawn() if trace is None else _counted(trace.root)
    return _apart(seed % _MOST, int(op_seed) % _MOST)


def _apart(a: int, b: int) -> tuple[int, int]:
    return (0, _MOST) if (a, b) == (0, 0) else (a, b)


def _drawn() -> int:
    with _streams.lock:
        return _streams.draw.randint(0, _MOST)


def _counted(trace: Trace) -> int:
    """In a traced function, ops without a seed count from 0."""
    count = _trace_seeds.get(trace, 0)
    _trace_seeds[trace] = count + 1
    return count


def stream(kind: str, op_seed: Any, blocks: Dim) -> tuple[Tensor, Tensor]:
    """Key and counter of the next `blocks` blocks of a random op's stream."""
    seeds = op_seeds(op_seed)
    if seeds is None:
        seeds = _streams.fresh.getrandbits(64), _streams.fresh.getrandbits(64)
        kind = f"{kind}, unseeded"
    first, second = seeds
    key = convert_to_tensor(np.array([first & _MASK], np.uint64))
    trace = active_trace()
    if trace is None:
        return key, convert_to_tensor(np.array([_advance((kind, seeds), int(blocks)), second & _MASK], np.uint64))
    used = _traced(trace, blocks, "unseeded" not in kind)
    return key, p.concat(used, convert_to_tensor(np.array([second & _MASK], np.uint64)), axis=0)


def _advance(name: Any, blocks: int) -> int:
    with _streams.lock:
        used = _streams.used.get(name, 0)
        if "unseeded" not in name[0]:
            _streams.used[name] = used + blocks
    return used


def kernel_state(kind: str, op_seed: Any, make: Callable[[], T]) -> T:
    """What an op keeps from one call to the next: eagerly ops of one kind with one pair of seeds share it; each op of a
    traced function has its own."""
    if active_trace() is not None:
        return make()
    key = kind, op_seeds(op_seed)
    with _streams.lock:
        if key not in _streams.kernels:
            _streams.kernels[key] = make()
        return _streams.kernels[key]  # type: ignore[no-any-return]


def restart(cells: Iterable[Any]) -> None:
    """Start the streams among the cells anew whose seeds are known: those of a dataset do with every iterator."""
    for cell in cells:
        if isinstance(cell, Cell) and cell.name == _SEEDED:
            cell.array = np.zeros(1, np.uint64)


def _traced(trace: Trace, blocks: Dim, seeded: bool) -> Tensor:
    """How many blocks an op of a traced function has used before; it will have used more."""
    cell = Cell(np.zeros(1, np.uint64), tensor("uint64", 1), _SEEDED if seeded else "random_state")
    _streams.cells.add(cell)
    used = p.read(cell)
    by = (
        scalar_like(used, blocks)
        if isinstance(blocks, int)
        else p.cast(shape_vector((blocks,), dt.int64), dtype=dt.uint64)
    )
    p.assign(cell, p.add(used, by))
    return used
