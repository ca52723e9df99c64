"""Reverse mode in a few lines, to differentiate what vjp rules are made of. Entry points: `Tape`, `Tape.gradient`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir.binding import binding, evaluate
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType, type_of


class Box:
    """An array with an identity."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)

    @property
    def ir_type(self) -> TensorType:
        return type_of(self.array)


class Tape:
    """A binder that evaluates ops and remembers them."""

    def __init__(self) -> None:
        self.entries: list[tuple[Op, tuple[Box, ...], dict[str, Any], tuple[Box, ...]]] = []

    def __call__(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        ins = tuple(x if isinstance(x, Box) else Box(x) for x in operands)
        out = evaluate(op, tuple(x.array for x in ins), attrs)
        outs = tuple(map(Box, out)) if isinstance(out, tuple) else (Box(out),)
        self.entries.append((op, ins, attrs, outs))
        return outs if isinstance(out, tuple) else outs[0]

    def apply(self, op: Op, operands: Sequence[Box], attrs: dict[str, Any]) -> tuple[Box, ...]:
        with binding(self):
            out = op(*operands, **attrs)
        return out if isinstance(out, tuple) else (out,)

    def gradient(self, outs: Sequence[Box], cts: Sequence[Box | None], wrt: Sequence[Box]) -> list[Box | None]:
        """Cotangents of `wrt`, by ops that are remembered too."""
        found = {id(o): c for o, c in zip(outs, cts, strict=True) if c is not None}
        with binding(self):
            for op, ins, attrs, results in reversed(list(self.entries)):
                some = [found.get(id(r)) for r in results]
                if all(c is None for c in some) or op.traits & Trait.ZERO_GRADIENT or op.vjp is None:
                    continue
                if not callable(op.vjp):
                    raise NotImplementedError(op.vjp.why)
                single = op.results == 1
                parts = op.vjp(some[0] if single else tuple(some), results[0] if single else results, *ins, **attrs)
                for x, c in zip(ins, parts, strict=True):
                    if c is not None and x.ir_type.dtype.is_inexact:
                        found[id(x)] = OPS["add"](found[id(x)], c) if id(x) in found else c
        return [found.get(id(x)) for x in wrt]
