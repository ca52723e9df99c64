"""The thread pool that parallel loops of generated code run on, and the other native support they may call.

Invariant: `gtf_parallel_for(task, context, count)` calls `task(context, i)` once for each i and returns when all are
done; nested calls, and calls while another thread uses the pool, run on the calling thread alone. Workers start with
the first parallel loop, block when idle, and a forked child starts its own.
Entry points: `runtime()`, `set_num_threads`, `num_threads`.
"""
from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from graphtf.flags import flags
from graphtf.llvm import link, runtime_ir
from graphtf.llvm.cache import default_cache
from graphtf.llvm.objects import cached_object
from graphtf.llvm.target import host, usable_cores

_MOST_THREADS = 1024
_LOADING = threading.Lock()


class Runtime:
    """The native support module in memory. One per process, never unloaded: its workers wait inside its code."""

    def __init__(self) -> None:
        target = host()
        code = cached_object(runtime_ir.text(target), target, "cheap", default_cache())
        self._loaded = link.load([code], _process_symbols())
        self._reset = ctypes.CFUNCTYPE(None)(self.address("gtf_pool_reset"))
        self._set_main_thread = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.address("gtf_set_main_thread"))
        self._set_threads = ctypes.CFUNCTYPE(None, ctypes.c_int32)(self.address("gtf_set_num_threads"))
        self._keep_subnormals = ctypes.CFUNCTYPE(None, ctypes.c_int32)(self.address("gtf_keep_subnormals"))
        self._start()
        self._set_threads(usable_cores())
        self.keep_subnormals(flags.subnormals)
        os.register_at_fork(after_in_child=self._start)

    def address(self, symbol: str) -> int:
        """The address of one of the runtime's symbols."""
        return self._loaded.address(symbol)

    def externals(self) -> dict[str, int]:
        """What generated modules may declare, with addresses."""
        return {name: self.address(name) for name in runtime_ir.GENERATED_CODE_SYMBOLS}

    def set_num_threads(self, count: int) -> None:
        """As the function of this name."""
        self._set_threads(count)

    def keep_subnormals(self, keep: bool) -> None:
        """As the function of this name."""
        self._keep_subnormals(int(keep))

    def read(self, counter: str) -> int:
        """`gtf_num_threads` asked for, `gtf_workers_alive` started, or `gtf_workers_asleep` blocked."""
        return int(ctypes.CFUNCTYPE(ctypes.c_int32)(self.address(counter))())

    def _start(self) -> None:
        self._reset()
        self._set_main_thread(threading.main_thread().ident)


def runtime() -> Runtime:
    """The process' native support, compiled or taken from the cache at the first call."""
    with _LOADING:
        return _runtime()


@functools.cache
def _runtime() -> Runtime:
    return Runtime()


def num_threads() -> int:
    """Threads a parallel loop uses, the caller's among them: the usable cores, unless set otherwise."""
    return runtime().read("gtf_num_threads")


def set_num_threads(count: int) -> None:
    """Use `count` threads, the caller's among them, from the next parallel loop on. Raises ValueError below 1."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_THREADS:
        raise ValueError(f"set_num_threads: argument 'count' is {count!r}, expected an integer of 1 to {_MOST_THREADS}")
    runtime().set_num_threads(count)


def keep_subnormals(keep: bool = True) -> None:
    """Whether native code computes with subnormal numbers, as the reference does, from the next call on. Unless told
    to, it takes them for zero, as TensorFlow does: processors are a hundred times slower with them."""
    flags.subnormals = keep
    runtime().keep_subnormals(keep)


@contextmanager
def subnormals_kept() -> Iterator[None]:
    """Native code computes with subnormal numbers inside; in all threads."""
    before = flags.subnormals
    keep_subnormals(True)
    try:
        yield
    finally:
        keep_subnormals(before)


def _process_symbols() -> dict[str, int]:
    found = {name: link.library_symbol(name) for name in runtime_ir.C_SYMBOLS}
    for name in runtime_ir.PYTHON_SYMBOLS:
        found[name] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    return found
