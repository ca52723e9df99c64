"""A program segment in the loop IR becomes callable: its code is in the cache under the text of the loops, or is made.

Invariant: what the text of a module, the target, the emitter and the toolchain do not tell does not change the code.
Entry points: `load_module`, `load_modules`.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from graphtf.ir.loops.stmt import Module
from graphtf.llvm import toolchain
from graphtf.llvm.cache import ObjectCache, cache_key
from graphtf.llvm.engine import Engine
from graphtf.llvm.link import Loaded
from graphtf.llvm.objects import compile_objects, pack, unpack
from graphtf.llvm.target import Target


def load_module(engine: Engine, module: Module) -> Loaded:
    """Machine code for a module: from the cache, where it lies under the text of the loops, or compiled."""
    return load_modules(engine, [module])[0]


def load_modules(engine: Engine, modules: Sequence[Module]) -> list[Loaded]:
    """As `load_module` for each; those not in the cache are written and compiled together."""
    keys = [module_key(m, engine.target) for m in modules]
    found = [cached_objects_of(engine.cache, key) for key in keys]
    missing = [k for k, objects in enumerate(found) if objects is None]
    for k, objects in zip(missing, _compiled(engine, [modules[k] for k in missing])):
        engine.cache.put(keys[k], pack(objects))
        found[k] = objects
    return [engine.load(objects) for objects in found if objects is not None]


def _compiled(engine: Engine, modules: Sequence[Module]) -> list[list[bytes]]:
    if not modules:
        return []
    from graphtf.llvm.emit import emit_parts  # what writes code is not loaded where code is found

    counts = [0] * len(modules)

    def texts() -> Iterator[str]:
        for k, module in enumerate(modules):
            for text in emit_parts(module, engine.target):
                counts[k] += 1
                yield text

    objects = iter(compile_objects(texts(), engine.target))
    return [list(itertools.islice(objects, count)) for count in counts]


def cached_objects_of(cache: ObjectCache, key: str) -> list[bytes] | None:
    """The code under a module's key, if the cache has it."""
    found = cache.get(key)
    try:
        return None if found is None else unpack(found)
    except ValueError:
        return None


def module_key(module: Module, target: Target) -> str:
    """The cache key of a module's code. Making it takes a fraction of what writing the LLVM IR takes."""
    texts = module.texts or map(str, module.kernels)
    code = [line for text in (*texts, str(module.main)) for line in text.splitlines() if not line.startswith(";")]
    names = " ".join(k.name for k in module.kernels)
    made_by = (toolchain.fingerprint(), toolchain.pipeline("default").key, emitter_version())
    made_for = (target.key, str(target.vector_bits), *sorted(target.capabilities))
    return cache_key("module", *made_by, *made_for, names, "\n".join(code))


@functools.cache
def emitter_version() -> str:
    """A hash of the code that turns loops into LLVM IR."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), *here.glob("codegen/*.py"), *here.glob("mathlib/*.py")])
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
