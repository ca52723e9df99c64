"""Operands of a wanted type: a value there is, one made of others, or a new argument.

Invariant: what `adapted` gives has exactly the type asked for. Entry points: `adapted`, `broadcastable`, `clamped`.
"""

from __future__ import annotations

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape
from graphtf.ir.dtypes import DType
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType

from .domain import Domain
from .generator import Generator, Item, Made


def adapted(g: Generator, t: TensorType, domain: Domain | None = None, always: bool = False) -> Item:
    """A value of exactly this type: one there is, one made of others, or a new argument; in a domain, if one is given,
    for the base sizes or `always`."""
    exact = g.items(lambda x: x.type == t)
    if exact and g.chance(0.8):
        found = g.pick(exact)
    elif g.chance(0.35) or not (near := g.some(lambda x: convertible(x.dtype, t.dtype))):
        return g.input(t, domain)
    else:
        found = reshaped(g, recast(g, near, t.dtype), t)
    return clamped(g, found, domain, always) if domain else found


def convertible(a: DType, b: DType) -> bool:
    return a is b or (dt.string not in (a, b) and not (a.is_complex and not b.is_complex))


def recast(g: Generator, x: Item, d: DType) -> Item:
    return x if x.dtype is d else only(g.emit(OPS["cast"], [x], dtype=d)) or g.input(TensorType(d, ()))


def only(made: Made) -> Item | None:
    return made[0] if made else None


def reshaped(g: Generator, x: Item, t: TensorType) -> Item:
    """x, cut or padded to the elements of t; one of its elements repeated where a size is known only at run time."""
    if x.shape == t.dims:
        return x
    if not (x.type.is_static and t.is_static):
        scalar = reshaped(g, x, t.with_shape(())) if x.type.is_static else g.input(t.with_shape(()))
        return only(g.emit(OPS["broadcast"], [scalar], shape=t.dims)) or g.input(t)
    have, want = int(np.prod(x.shape, dtype=int)), int(np.prod(t.dims, dtype=int))
    flat = only(g.emit(OPS["reshape"], [x], shape=(have,)))
    if flat and have > want:
        at = int(g.rng.integers(have - want + 1))
        flat = only(g.emit(OPS["slice"], [flat], starts=(at,), limits=(at + want,), strides=(1,)))
    elif flat and have < want and t.dtype is not dt.string:
        zero = g.constant(np.ones((), t.dtype.np))
        flat = only(g.emit(OPS["pad"], [flat, zero], low=(0,), high=(want - have,)))
    shaped = flat and only(g.emit(OPS["reshape"], [flat], shape=t.dims))
    return shaped if shaped and shaped.type == t else g.input(t)


def clamped(g: Generator, x: Item, domain: Domain, always: bool = False) -> Item:
    """x with its elements moved into the range of the domain, where they are not; NaN stays."""
    low, high = domain.low, domain.high
    if x.dtype not in dt.REAL or domain.kind != "plain":
        return x
    wide = x.array.astype(np.float64)
    inside = x.array.size == 0 or (np.nanmin(wide, initial=low) >= low and np.nanmax(wide, initial=high) <= high)
    if inside and not always:
        return x
    edges = [np.ceil(low), np.floor(high)] if x.dtype.is_integer else [low, high]
    if x.dtype.is_unsigned:
        edges[0] = max(edges[0], 0)
    for op, edge in zip(("maximum", "minimum"), edges):
        x = only(g.emit(OPS[op], [x, g.constant(np.array(edge, x.dtype.np))])) or x
    return x


def scalar(g: Generator, d: DType, domain: Domain | None = None) -> Item:
    return adapted(g, TensorType(d, ()), domain)


# ---- operands that broadcast -----------------------------------------------------------------------------------------


def broadcastable(g: Generator, x: Item, d: DType) -> Item:
    """A value of a dtype whose shape broadcasts with that of x."""
    same = g.items(lambda y: y.dtype is d and compatible(x.shape, y.shape))
    if same and g.chance(0.75):
        return g.pick(same)
    shape: list[Dim] = [1 if g.chance(0.2) else k for k in x.shape]
    if g.chance(0.3):
        shape = shape[int(g.rng.integers(len(shape) + 1)) :]
    elif g.chance(0.1) and len(shape) < 4:
        shape = [g.pick((1, 2, 3)), *shape]
    return adapted(g, TensorType(d, tuple(shape)))


def compatible(a: Shape, b: Shape) -> bool:
    return all(d == e or 1 in (d, e) for d, e in zip(reversed(a), reversed(b)))
