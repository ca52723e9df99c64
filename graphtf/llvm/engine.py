"""Modules of LLVM IR become callable: compile (or take from the disk cache), link with the runtime, load.

Invariant: what `compile` returns owns its code; programs share nothing but the runtime. Thread-safe, and long
compilations block no other thread. Entry point: `engine().compile(ir_texts)`.
"""
from __future__ import annotations

import functools
from collections.abc import Sequence

from graphtf.llvm import link
from graphtf.llvm.cache import ObjectCache, default_cache
from graphtf.llvm.link import Loaded
from graphtf.llvm.objects import cached_objects
from graphtf.llvm.target import Target, host
from graphtf.llvm.threads import runtime


class Engine:
    """A target and a cache of object code. `target` must be one this process can run."""

    def __init__(self, target: Target, cache: ObjectCache) -> None:
        here = host()
        if target.triple != here.triple or target.vector_bits > here.vector_bits:
            raise ValueError(f"Engine: argument 'target' is {target.name!r} ({target.triple}), expected one that runs "
                             f"on this host ({here.triple}, {here.vector_bits}-bit vectors)")
        self.target = target
        self.cache = cache

    def compile(self, ir_texts: str | Sequence[str], opt: str = "default") -> Loaded:
        """Machine code for one module, or for several that are compiled in parallel and linked with each other.

        Modules may declare the runtime's symbols (`runtime_ir.GENERATED_CODE_SYMBOLS`) and a few of the C library
        (`link.ALLOWED_LIBRARY_SYMBOLS`). Raises CompileError for IR that LLVM refuses, LinkError for other names.
        """
        texts = [ir_texts] if isinstance(ir_texts, str) else list(ir_texts)
        return self.load(cached_objects(texts, self.target, opt, self.cache))

    def load(self, objects: Sequence[bytes]) -> Loaded:
        """Object files made earlier for this engine's target, linked with each other and the runtime."""
        return link.load(objects, runtime().externals())


@functools.cache
def engine() -> Engine:
    """The process' engine: for the host, with the default cache."""
    return Engine(host(), default_cache())
