"""Linking object code with LLVM's own linker, for hosts whose object format `link` does not read.

Invariant: what `link` returns keeps the code in memory as long as it is referenced. Entry point: `link`.
"""
from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphtf.llvm import toolchain
from graphtf.llvm.elf import LinkError

_SERIAL = itertools.count()


@functools.cache
def _session() -> Any:
    return toolchain.llvm_binding().create_lljit_compiler(use_jit_link=True, suppress_errors=True)


def link(objects: Sequence[bytes], imports: Mapping[str, int]) -> Callable[[str], int | None]:
    """Load `objects` as one library whose undefined names are in `imports`. Returns the look-up of its symbols.

    Linking is finished when the first symbol is looked up. Both raise LinkError with LLVM's message.
    """
    name = f"graphtf-{next(_SERIAL)}"
    builder = toolchain.llvm_binding().JITLibraryBuilder()
    for data in objects:
        builder.add_object_img(data)
    for symbol, address in imports.items():
        builder.import_symbol(symbol, address)
    try:
        library = builder.link(_session(), name)
    except RuntimeError as error:
        raise LinkError(f"LLVM cannot link the object code: {error}") from error
    kept = [library]

    @functools.cache
    def find(symbol: str) -> int | None:
        try:
            tracker = _session().lookup(name, symbol)
        except RuntimeError as error:
            if str(error).startswith("Symbols not found"):
                return None
            raise LinkError(f"the code uses a name that is not defined, or too far away: {error}") from error
        kept.append(tracker)
        return int(tracker[symbol])

    return find
