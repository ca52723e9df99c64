"""Large draws that are made eagerly: by one compiled program for each distribution and dtype, whatever the size.

Invariant: which draws are large depends on their size alone, so the same program gives the same numbers every time.
Entry points: `compiled_if_large`, `compiled_by_parts`, `moved`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.flags import flags
from graphtf.functions.function import function
from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder
from graphtf.ir.dims import Dim, product
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.prims import p
from graphtf.ir.ops.random import counters
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor

Draw = Callable[..., Tensor]  # of key, counter, shape and dtype; it may be moved by a scale and an offset
_LARGE = 1 << 18  # numbers: ten milliseconds of the reference


def compiled_if_large(draw: Draw) -> Draw:
    """The function of key, counter, shape and dtype, and of `scale` and `offset` if its numbers are to be moved by such
    scalars; run as native code where it draws many numbers eagerly."""
    return _compiled(draw, _whole)


def compiled_by_parts(blocks: int) -> Callable[[Draw], Draw]:
    """The same for draws that take much memory beside their result. Each number takes so many blocks of the stream."""
    return lambda draw: _compiled(draw, functools.partial(_by_parts, blocks))


def _compiled(draw: Draw, run_program: Callable[..., Tensor]) -> Draw:
    programs: dict[tuple[DType, bool], Any] = {}

    @functools.wraps(draw)
    def run(key: Tensor, counter: Tensor, shape: tuple[Dim, ...], dtype: DType, *by: Tensor) -> Tensor:
        count: Any = product(shape)
        if active_binder() is not None or flags.interpret or flags.run_eagerly or count < _LARGE:
            return moved(draw(key, counter, shape, dtype), *by)
        program = programs.get((dtype, bool(by)))
        if program is None:
            program = programs[dtype, bool(by)] = _program(draw, dtype, len(by))
        return p.reshape(run_program(program, key, counter, count, *by), shape=shape)  # type: ignore[no-any-return]

    return run


def _whole(program: Any, key: Tensor, counter: Tensor, count: int, *by: Tensor) -> Tensor:
    extent = convert_to_tensor(np.empty((count, 0), bool))
    return program(key, counter, extent, *by)  # type: ignore[no-any-return]


def _by_parts(blocks: int, program: Any, key: Tensor, counter: Tensor, count: int, *by: Tensor) -> Tensor:
    made = []
    for start in range(0, count, _LARGE):
        low, high = counters(counter._array, np.uint64([start * blocks]))  # type: ignore[attr-defined]
        at = convert_to_tensor(np.concatenate([low, high]))
        made.append(_whole(program, key, at, min(_LARGE, count - start), *by))
    return p.concat(*made, axis=0) if len(made) > 1 else made[0]  # type: ignore[no-any-return]


def moved(x: Tensor, scale: Tensor | None = None, offset: Tensor | None = None) -> Tensor:
    """x·scale + offset, in that order."""
    x = x if scale is None else p.mul(x, scale)
    return x if offset is None else p.add(x, offset)


def _program(draw: Draw, dtype: DType, moving: int) -> Any:
    """A function of key, counter, an array without elements that says by its shape how many numbers to draw, and
    scalars that move them."""
    words, rows = (TensorSpec([n], dt.uint64) for n in (1, 2)), TensorSpec([None, 0], dt.bool_)

    @function(input_signature=[*words, rows, *[TensorSpec([], dtype)] * moving], autograph=False)
    def drawn(key: Any, counter: Any, extent: Any, *by: Any) -> Any:
        return moved(draw(key, counter, (extent.ir_type.dims[0],), dtype), *by)

    return drawn
