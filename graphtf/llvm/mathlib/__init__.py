"""Mathematical functions as LLVM IR, for float and double at any number of lanes.

Invariant: a scalar gives the bits that each lane of a vector gives; errors stay within `accuracy.ULP`; edge cases are
those of C, NumPy and TensorFlow. Nothing here knows a processor, only whether it has a fused multiply-add.
Entry point: `define(name, bits, lanes, fused)`, for the names in `NAMES`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from graphtf.llvm.mathlib import error, exp_log, gamma, hyperbolic, inverse, power, remainder, trig
from graphtf.llvm.mathlib.lanes import Body, Lanes, Real

# Longer functions are called, shorter ones inlined into the loop that uses them.
_INLINE_LIMIT = 100

_FUNCTIONS: dict[str, tuple[int, Callable[..., Real]]] = {
    "exp": (1, exp_log.exp), "exp2": (1, exp_log.exp2), "expm1": (1, exp_log.expm1), "log": (1, exp_log.log),
    "log2": (1, exp_log.log2), "log10": (1, exp_log.log10), "log1p": (1, exp_log.log1p),
    "sigmoid": (1, exp_log.sigmoid), "tanh": (1, exp_log.tanh), "softplus": (1, exp_log.softplus),
    "sin": (1, trig.sin), "cos": (1, trig.cos), "tan": (1, trig.tan),
    "asin": (1, inverse.asin), "acos": (1, inverse.acos), "atan": (1, inverse.atan), "atan2": (2, inverse.atan2),
    "sinh": (1, hyperbolic.sinh), "cosh": (1, hyperbolic.cosh), "asinh": (1, hyperbolic.asinh),
    "acosh": (1, hyperbolic.acosh), "atanh": (1, hyperbolic.atanh),
    "erf": (1, error.erf), "erfc": (1, error.erfc), "erfinv": (1, error.erfinv), "ndtri": (1, error.ndtri),
    "lgamma": (1, gamma.lgamma), "digamma": (1, gamma.digamma),
    "fmod": (2, remainder.fmod), "pow": (2, power.pow), "cbrt": (1, power.cbrt),
}  # fmt: skip
NAMES = frozenset(_FUNCTIONS)


def arity(name: str) -> int:
    """How many operands the function takes."""
    return _FUNCTIONS[name][0]


@dataclass(frozen=True, slots=True)
class MathFunction:
    """The function `symbol`: `definitions` maps each symbol that must be defined, itself last, to its text; `declares`
    maps each intrinsic to its declaration. The same symbol always has the same text, so that a module takes each once.
    """

    symbol: str
    definitions: dict[str, str]
    declares: dict[str, str]


@functools.cache
def define(name: str, bits: int, lanes: int, fused: bool) -> MathFunction:
    """The function `name` for floats of `bits` bits, `lanes` at a time. Raises ValueError for what is not there."""
    if name not in _FUNCTIONS or bits not in (32, 64) or lanes < 1:
        raise ValueError(f"mathlib.define: no function {name!r} of {lanes} floats of {bits} bits")
    arity, write = _FUNCTIONS[name]
    body = Body()
    k = Lanes(body, bits, lanes, fused)
    result = write(k, *(Real(k, f"%x{i}") for i in range(arity)))
    symbol = f"gtf_{name}_{k.suffix}"
    text = _function(symbol, k.type, [f"{k.type} %x{i}" for i in range(arity)], body, result.name)
    return MathFunction(symbol, {**body.definitions, symbol: text}, body.declares)


def _function(symbol: str, type: str, parameters: list[str], body: Body, result: str) -> str:
    inline = "alwaysinline" if len(body.lines) <= _INLINE_LIMIT else "noinline"
    head = f"define internal {type} @{symbol}({', '.join(parameters)}) {inline} nounwind willreturn memory(none) {{"
    return "\n".join([head, "entry:", *body.lines, f"  ret {type} {result}", "}", ""])
