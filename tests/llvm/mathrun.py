"""The functions of mathlib, compiled as loops over arrays. Entry point: `compiled(names, bits, lanes, fused)`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable

import numpy as np

from graphtf.llvm import mathlib
from graphtf.llvm.engine import engine

_FLOAT = {32: "float", 64: "double"}


def compiled(
    names: Iterable[str], bits: int, lanes: int, fused: bool, opt: str = "default"
) -> dict[str, Callable[..., np.ndarray]]:
    """For each name a function of one or two equal arrays of floats, `lanes` at a time; sizes must be their
    multiple."""
    functions = {name: mathlib.define(name, bits, lanes, fused) for name in names}
    definitions: dict[str, str] = {}
    declares: dict[str, str] = {}
    for function in functions.values():
        definitions |= function.definitions
        declares |= function.declares
    loops = [_loop(f.symbol, mathlib.arity(name), _FLOAT[bits], lanes) for name, f in functions.items()]
    loaded = engine().compile("\n".join([*declares.values(), *definitions.values(), *loops]), opt)
    return {
        name: _caller(loaded, f"run_{f.symbol}", mathlib.arity(name), np.dtype(f"f{bits // 8}"), lanes)
        for name, f in functions.items()
    }


def _loop(symbol: str, arity: int, element: str, lanes: int) -> str:
    t = element if lanes == 1 else f"<{lanes} x {element}>"
    pointers = "".join(f", ptr %a{i}" for i in range(arity))
    loads = "\n".join(
        f"  %p{i} = getelementptr {element}, ptr %a{i}, i64 %n\n  %x{i} = load {t}, ptr %p{i}, align 4"
        for i in range(arity)
    )
    args = ", ".join(f"{t} %x{i}" for i in range(arity))
    return f"""
define void @run_{symbol}(ptr %out{pointers}, i64 %count) nounwind {{
entry:
  br label %loop
loop:
  %n = phi i64 [ 0, %entry ], [ %n.next, %loop ]
{loads}
  %y = call {t} @{symbol}({args})
  %to = getelementptr {element}, ptr %out, i64 %n
  store {t} %y, ptr %to, align 4
  %n.next = add i64 %n, {lanes}
  %more = icmp slt i64 %n.next, %count
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""


def _caller(loaded: object, symbol: str, arity: int, dtype: np.dtype, lanes: int) -> Callable[..., np.ndarray]:
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)
    native = prototype(loaded.address(symbol))

    def call(*arrays: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        ready = [np.ascontiguousarray(a, dtype) for a in arrays]
        assert len(ready) == arity and ready[0].size % lanes == 0 and ready[0].size
        result = np.empty_like(ready[0]) if out is None else out
        native(result.ctypes.data, *(a.ctypes.data for a in ready), result.size)
        return result

    call.loaded = loaded
    return call
