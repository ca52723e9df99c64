"""Large draws that are made eagerly: by one compiled program for each distribution and dtype, whatever the size.

Invariant: which draws are large depends on their size alone, so the same program gives the same numbers every time.
Entry point: `compiled_if_large`.
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
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor

Draw = Callable[[Tensor, Tensor, tuple[Dim, ...], DType], Tensor]
_LARGE = 1 << 20  # numbers: a tenth of a second of the reference


def compiled_if_large(draw: Draw) -> Draw:
    """The function of key, counter, shape and dtype, run as native code where it draws many numbers eagerly."""
    programs: dict[DType, Any] = {}

    @functools.wraps(draw)
    def run(key: Tensor, counter: Tensor, shape: tuple[Dim, ...], dtype: DType) -> Tensor:
        if active_binder() is not None or flags.interpret or flags.run_eagerly:
            return draw(key, counter, shape, dtype)
        count: Any = product(shape)
        if count < _LARGE:
            return draw(key, counter, shape, dtype)
        if dtype not in programs:
            programs[dtype] = _program(draw, dtype)
        row = programs[dtype](key, counter, convert_to_tensor(np.empty((count, 0), bool)))
        return p.reshape(row, shape=shape)  # type: ignore[no-any-return]

    return run


def _program(draw: Draw, dtype: DType) -> Any:
    """A function of key, counter, and an array without elements that says by its shape how many numbers to draw."""
    words, rows = (TensorSpec([n], dt.uint64) for n in (1, 2)), TensorSpec([None, 0], dt.bool_)

    @function(input_signature=[*words, rows], autograph=False)
    def drawn(key: Any, counter: Any, extent: Any) -> Any:
        return draw(key, counter, (extent.ir_type.dims[0],), dtype)

    return drawn
