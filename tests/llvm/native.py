"""Loop programs run natively: compiled without the disk cache, called as the runtime calls them.

Entry points: `program`, `run`, `assert_same`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir.loops.expr import Buffer
from graphtf.ir.loops.stmt import Invoke, LoopFunc, Module
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.call import Gil, make_caller
from graphtf.llvm.engine import Engine
from graphtf.llvm.load import load_module
from graphtf.llvm.target import host

Array = np.ndarray[Any, Any]
ENGINE = Engine(host(), ObjectCache(None))
VECTOR_BYTES = host().vector_bits // 8


def program(*kernels: LoopFunc) -> Module:
    """Run the kernels one after the other, each on buffers of its own."""
    calls, buffers = [], []
    for k in kernels:
        own = tuple(Buffer(f"{k.name}_{b.name}", b.dtype, b.size) for b in (*k.params, *k.temps))
        buffers += own
        calls.append(Invoke(k.name, own))
    sizes = sorted({s for k in kernels for s in k.sizes})
    return Module("test", kernels, LoopFunc("main", tuple(buffers), tuple(sizes), tuple(calls)))


def run(
    module: Module, arrays: Sequence[Array], sizes: Mapping[str, int] | None = None, gil: Gil = Gil.HELD
) -> tuple[int, int]:
    """Compile the module and run it on the arrays; the status it leaves."""
    return Native(module).run(arrays, sizes, gil)


class Native:
    """A compiled module."""

    def __init__(self, module: Module, engine: Engine = ENGINE) -> None:
        self.module = module
        self.loaded = load_module(engine, module)

    def run(
        self, arrays: Sequence[Array], sizes: Mapping[str, int] | None = None, gil: Gil = Gil.HELD
    ) -> tuple[int, int]:
        table = np.array([a.ctypes.data for a in arrays] or [0], np.uint64)
        lengths = np.array([(sizes or {})[n] for n in self.module.main.sizes] or [0], np.int64)
        status = np.full(2, 7, np.int64)  # the program sets it to 0 first
        block = np.array([a.ctypes.data for a in (table, lengths, status)], np.uint64)
        failed = make_caller(self.loaded, gil=gil)(block.ctypes.data)
        assert bool(failed) == bool(status[0])
        return int(status[0]), int(status[1]) if status[0] else 0


def assert_same(got: Array, want: Array, what: str = "") -> None:
    """Equal bit for bit, all NaN being one."""
    assert got.dtype == want.dtype and got.shape == want.shape
    if got.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want, what)
        return
    a, b = got.astype(np.float64), want.astype(np.float64)
    np.testing.assert_array_equal(a, b, what)
    np.testing.assert_array_equal(np.signbit(a) & ~np.isnan(a), np.signbit(b) & ~np.isnan(b), what)
