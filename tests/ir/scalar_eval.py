"""Scalar expressions of the loop IR over arrays of indices: what Scalar, Body and Element lowerings mean.

Invariant: a load outside its buffer, an integer division by 0 or by -1, and a shift beyond the width fail the test:
code generation relies on lowerings never to ask for them. Entry point: `lowered`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dims
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.loops import expr as s
from graphtf.ir.op import Body, Element, Op, Scalar
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Sizes = Mapping[str, int]

_SIMPLE = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "abs": np.abs,
    "sign": np.sign, "min": np.minimum, "max": np.maximum, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
_OF_INTEGERS = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert}


def _divide(name: str, x: Array, y: Array) -> Array:
    if x.dtype.kind in "iu":
        assert (y != 0).all() and (x.dtype.kind == "u" or (y != -1).all()), f"{name} by 0 or -1"
        return np.asarray(OPS[name].ref(x, y))
    assert name == "truncmod", f"{name} of floats is for lowerings to spell out"
    return np.fmod(x, y)


def _shift(name: str, x: Array, y: Array) -> Array:
    assert ((y >= 0) & (y < 8 * x.dtype.itemsize)).all(), "shift beyond the width"
    return np.left_shift(x, y) if name == "shl" else np.right_shift(x, y)


def _mulhi(x: Array, y: Array) -> Array:
    bits = 8 * x.dtype.itemsize
    wide = [int(a) * int(b) >> bits for a, b in np.broadcast(x, y)]
    return np.array(wide, x.dtype).reshape(np.broadcast_shapes(x.shape, y.shape))


def _apply(name: str, args: Sequence[Array], dtype: DType) -> Any:
    if name in _SIMPLE:
        return _SIMPLE[name](*args)
    if name in _OF_INTEGERS:
        return _OF_INTEGERS[name](*args)
    if name in ("floordiv", "floormod", "truncdiv", "truncmod"):
        return _divide(name, *args)
    if name in ("shl", "shr"):
        return _shift(name, *args)
    if name == "mulhi":
        return _mulhi(*args)
    if name == "popcount":
        return OPS["popcount"].ref(*args)
    if name == "select":
        return np.where(*args)
    if name in ("cast", "bitcast"):
        return OPS[name].ref(*args, dtype=dtype)
    assert name in s.TRANSCENDENTAL or name in s.ROUNDING or name in ("pow", "isnan", "isinf", "isfinite")
    return OPS[name].ref(*args)


class Evaluator:
    """Evaluates expressions; each object once."""

    def __init__(self, buffers: Mapping[s.Buffer, Array], variables: Mapping[s.Var, Array], sizes: Sizes) -> None:
        self.buffers, self.variables, self.sizes = buffers, variables, sizes
        self.known: dict[int, tuple[s.Expr, Array]] = {}

    def __call__(self, x: s.Expr) -> Array:
        if id(x) not in self.known:
            with np.errstate(all="ignore"):
                value = np.asarray(self._value(x))
            self.known[id(x)] = x, value.astype(x.dtype.np, copy=False)
        return self.known[id(x)][1]

    def _value(self, x: s.Expr) -> Any:
        if isinstance(x, s.Lit):
            assert as_dtype(x.dtype.np) is x.dtype
            return np.array(x.value, x.dtype.np)
        if isinstance(x, s.Size):
            return dims.evaluate(x.dim, self.sizes)
        if isinstance(x, s.Var):
            return self.variables[x]
        if isinstance(x, s.Load):
            index, data = self(x.index), self.buffers[x.buffer]
            assert ((index >= 0) & (index < max(data.size, 1))).all(), f"load outside {x.buffer}"
            return data[index] if data.size else np.zeros(index.shape, data.dtype)
        return _apply(x.name, [self(a) for a in x.args], x.dtype)


def lowered(
    op: Op, arrays: Sequence[Array], attrs: Mapping[str, Any], types: Sequence[TensorType], out: TensorType,
    sizes: Sizes,
) -> Array:  # fmt: skip
    """The op by its lowering. `types` and `out` may have symbolic sizes, whose values are `sizes`."""
    shape = tuple(dims.evaluate(d, sizes) for d in out.dims)
    buffers = [s.Buffer(f"b{k}", t.dtype, t.size) for k, t in enumerate(types)]
    index = [s.Var(f"i{k}") for k in range(len(shape))]
    expression = _expression(op, buffers, index, attrs, types, out)
    assert expression.dtype is out.dtype
    variables = dict(zip(index, np.indices(shape)))
    data = {b: np.ascontiguousarray(a).reshape(-1) for b, a in zip(buffers, arrays)}
    return np.broadcast_to(Evaluator(data, variables, sizes)(expression), shape)


def _expression(
    op: Op, buffers: Sequence[s.Buffer], index: Sequence[s.Var], attrs: Mapping[str, Any], types: Sequence[TensorType],
    out: TensorType,
) -> s.Expr:  # fmt: skip
    def read(k: int, at: Sequence[s.Expr]) -> s.Expr:
        assert len(at) == types[k].rank
        offset: s.Expr = s.lit(0)
        for i, d in zip(at, types[k].dims):
            offset = s.iadd(s.imul(offset, d), i)
        return s.Load(buffers[k], offset)

    if isinstance(op.lowering, Element):
        result: s.Expr = op.lowering.fn(tuple(index), read, out, tuple(types), **attrs)
        return result
    elements = [read(k, _stretched(index, t)) for k, t in enumerate(types)]
    if isinstance(op.lowering, Scalar):
        return s.prim(op.lowering.prim, *elements)
    assert isinstance(op.lowering, Body)
    result = op.lowering.fn(*elements, **attrs)
    return result


def _stretched(index: Sequence[s.Var], t: TensorType) -> list[s.Expr]:
    return [s.lit(0) if d == 1 else i for i, d in zip(index[len(index) - t.rank :], t.dims)]
