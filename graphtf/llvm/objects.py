"""Object code for a module of LLVM IR: from the disk cache, or compiled and put there.

Invariant: equal text, target, pipeline and toolchain give equal bytes, and the cache is asked before LLVM is loaded.
Entry points: `compile_object`, `compile_objects` (always compile; several in parallel), `cached_object`,
`cached_objects`, and `pack` and `unpack` for several objects as one entry.
"""
from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from graphtf.llvm import toolchain
from graphtf.llvm.cache import ObjectCache, cache_key
from graphtf.llvm.target import Target, usable_cores


def compile_object(ir_text: str, target: Target, opt: str = "default") -> bytes:
    """The object file LLVM makes of `ir_text` for `target` with the pipeline `opt` ("cheap", "default", "full").

    Raises ValueError for an unknown pipeline and CompileError for IR that LLVM refuses.
    """
    return toolchain.compile_ir(ir_text, target.machine, toolchain.pipeline(opt))


def object_key(ir_text: str, target: Target, opt: str) -> str:
    """The cache key of the object `compile_object` would make."""
    return cache_key("object", toolchain.fingerprint(), target.key, toolchain.pipeline(opt).key, ir_text)


def cached_object(ir_text: str, target: Target, opt: str, cache: ObjectCache) -> bytes:
    """As `compile_object`, by way of `cache`."""
    key = object_key(ir_text, target, opt)
    found = cache.get(key)
    if found is None:
        found = compile_object(ir_text, target, opt)
        cache.put(key, found)
    return found


def cached_objects(ir_texts: Sequence[str], target: Target, opt: str, cache: ObjectCache) -> list[bytes]:
    """As `cached_object` for each text; those not in the cache compile at the same time, a core each."""
    keys = [object_key(text, target, opt) for text in ir_texts]
    found = {key: cache.get(key) for key in keys}
    missing = {key: text for key, text in zip(keys, ir_texts) if found[key] is None}
    for key, made in zip(missing, compile_objects(missing.values(), target, opt)):
        cache.put(key, made)
        found[key] = made
    return [content for content in map(found.get, keys) if content is not None]


def compile_objects(ir_texts: Iterable[str], target: Target, opt: str = "default") -> list[bytes]:
    """As `compile_object` for each text, a core each; the next text is asked for while those before it compile."""
    if usable_cores() == 1:
        return [compile_object(text, target, opt) for text in ir_texts]
    executor = _COMPILERS.executor()
    return [made.result() for made in [executor.submit(compile_object, text, target, opt) for text in ir_texts]]


def pack(objects: Sequence[bytes]) -> bytes:
    """Objects as one sequence of bytes."""
    lengths = [len(objects), *map(len, objects)]
    return b"".join([struct.pack(f"<{len(lengths)}Q", *lengths), *objects])


def unpack(packed: bytes) -> list[bytes]:
    """The objects that `pack` put together. Raises ValueError for other bytes."""
    try:
        (count,) = struct.unpack_from("<Q", packed)
        lengths = struct.unpack_from(f"<{count}Q", packed, 8)
    except (struct.error, OverflowError, MemoryError):
        raise ValueError("these bytes are not packed objects") from None
    ends = list(itertools.accumulate(lengths, initial=8 * (count + 1)))
    if ends[-1] != len(packed):
        raise ValueError("these bytes are not packed objects")
    return [packed[start:end] for start, end in itertools.pairwise(ends)]


class _Compilers:
    """The threads that compile, made when first needed, and again in a forked child, which has none of them."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        os.register_at_fork(after_in_child=self._forget)

    def executor(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(usable_cores(), thread_name_prefix="graphtf-compile")
        return self._executor

    def _forget(self) -> None:
        self._executor = None


_COMPILERS = _Compilers()
