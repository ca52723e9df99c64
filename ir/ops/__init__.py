"""The op set: one table, assembled from the family files, in their order.

Invariant: `OPS` maps each op's name to the op, and nothing adds to it later. Entry points: `OPS`, and every op as an
attribute of this package.
"""

from graphtf.ir.op import Op
from graphtf.ir.ops import (
    bits,
    compare,
    composite,
    contract,
    control,
    conv,
    convert,
    data_dependent,
    dynamic,
    elementwise,
    factor,
    fft,
    generate,
    index,
    io,
    linalg,
    normal,
    random,
    reduce,
    scan,
    sort,
    special,
    state,
    transcendental,
    view,
    window,
)

_FAMILIES = (
    elementwise, compare, transcendental, bits, convert, generate, special, view, dynamic, index, reduce, contract,
    conv, window, scan, sort, fft, linalg, factor, random, normal, data_dependent, state, control, io, composite,
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for family in _FAMILIES for op in vars(family).values() if isinstance(op, Op)}


def __getattr__(name: str) -> Op:
    try:
        return OPS[name]
    except KeyError:
        raise AttributeError(f"there is no op called {name!r}") from None
