"""Nodes made from the samples that ops are declared with, their sizes, dtypes and attributes changed.

Invariant: any op with a sample can be made this way, so no op is left out for want of a maker. Entry points:
`by_sample`, `elementwise`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Value
from graphtf.ir.op import Host, Op, Sample
from graphtf.ir.types import TensorType

from .domain import PLAIN, Domain
from .generator import Generator, Item, Made
from .operands import adapted, broadcastable, clamped

_TYPE = re.compile(r"(ref )?(\w+)\[([^\]]*)\]")
_NAMED_SIZE = 3  # what a named size in a sample stands for

# ---- attributes ------------------------------------------------------------------------------------------------------


def _axes(g: Generator, rank: int, old: Any) -> tuple[int, ...]:
    chosen = [k for k in range(rank) if g.chance(0.5)]
    if g.chance(0.15):
        g.rng.shuffle(chosen)
    return tuple(chosen)


def _dtype(g: Generator, rank: int, old: Any) -> Any:
    if old in (dt.int32, dt.int64) and g.chance(0.8):
        return g.pick((dt.int32, dt.int64))
    return g.dtype()


# By name: (generator, rank of operand 0, value in the sample) -> another value, to be tried.
ATTRIBUTES: Mapping[str, Callable[[Generator, int, Any], Any]] = {
    "axis": lambda g, rank, old: int(g.rng.integers(max(rank, 1))),
    "axes": _axes,
    "perm": lambda g, rank, old: tuple(int(k) for k in g.rng.permutation(rank)),
    "dtype": _dtype,
    "message": lambda g, rank, old: g.pick(("", "no", 'a "quoted" ; word', "λ\n")),
}


def attribute(g: Generator, name: str, rank: int, old: Any) -> Any:
    """Another value for an attribute; the same where none is known."""
    if name in ATTRIBUTES:
        return ATTRIBUTES[name](g, rank, old)
    return bool(g.chance(0.5)) if isinstance(old, bool) else old


# ---- from samples ----------------------------------------------------------------------------------------------------


def sample_types(sample: Sample) -> list[TensorType]:
    """The types of a sample's operands; named sizes become numbers."""
    found = []
    for _, short, dims in _TYPE.findall(sample.operands):
        sizes = tuple(int(d) if d.isdigit() else _NAMED_SIZE for d in re.split(r",\s*", dims) if d)
        found.append(TensorType(dt.BY_SHORT[short], sizes))
    return found


def by_sample(g: Generator, op: Op) -> Made:
    """Any op: one of its samples, with its sizes, dtypes and attributes changed as far as the op accepts them."""
    sample = g.pick(op.samples)
    types, attrs = sample_types(sample), dict(sample.attrs)
    if sample.values is not None and g.chance(0.7):
        operands = [g.input(t, Domain("given", values=v)) for t, v in zip(types, sample.values)]
        return g.emit(op, operands, **stated(g, op, operands, attrs))
    types, attrs = varied(g, op, types, attrs)
    domain = Domain("plain", sample.low, sample.high)
    sizes = isinstance(op.lowering, Host)  # what it makes may depend on values
    free = (sample.low, sample.high) == (PLAIN.low, PLAIN.high) and g.chance(0.8) and not sizes
    operands = [adapted(g, t, None if free else domain, always=sizes) for t in types]
    return g.emit(op, operands, **stated(g, op, operands, attrs))


def varied(
    g: Generator, op: Op, types: list[TensorType], attrs: dict[str, Any]
) -> tuple[list[TensorType], dict[str, Any]]:
    """A call like the sample's; changes are kept one by one where the type rule takes them."""
    for change in (resized, resized, retyped, reattributed):
        if g.chance(0.6):
            new_types, new_attrs = change(g, types, attrs)
            probe = [Item(Value(t), None) for t in new_types]
            if g.types(op, probe, new_attrs) is not None:
                types, attrs = new_types, new_attrs
    return types, attrs


def resized(g: Generator, types: list[TensorType], attrs: dict[str, Any]) -> Any:
    """One size replaced, wherever it occurs."""
    sizes = sorted({d for t in types for d in t.dims if isinstance(d, int) and d > 1})
    if not sizes:
        return types, attrs
    old = g.pick(sizes)
    new = sym("n") if g.symbols and g.chance(0.5) else g.size()
    both = g.chance(0.5)

    def swap(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(swap, x))
        return new if type(x) is int and x == old else x

    return [t.with_shape(swap(t.dims)) for t in types], {k: swap(a) if both else a for k, a in attrs.items()}


def retyped(g: Generator, types: list[TensorType], attrs: dict[str, Any]) -> Any:
    """One dtype replaced, wherever it occurs."""
    if not types:
        return types, attrs
    old, new = g.pick(types).dtype, g.dtype()
    return (
        [t.with_dtype(new) if t.dtype is old else t for t in types],
        {k: new if a is old and g.chance(0.5) else a for k, a in attrs.items()},
    )


def reattributed(g: Generator, types: list[TensorType], attrs: dict[str, Any]) -> Any:
    rank = types[0].rank if types else len(attrs.get("shape") or ())
    return types, {k: attribute(g, k, rank, a) if g.chance(0.6) else a for k, a in attrs.items()}


def stated(g: Generator, op: Op, operands: Sequence[Item], attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that state a shape known only when the op has run: left open, or with a name for each size."""
    out = dict(attrs)
    for name in ("shape", "size"):
        if out.get(name, ()) is None and g.chance(0.7):
            rank = _rank_of_result(op, operands, out)
            if rank is not None:
                out[name] = g.fresh_size() if name == "size" else tuple(g.fresh_size() for _ in range(rank))
    return out


def _rank_of_result(op: Op, operands: Sequence[Item], attrs: Mapping[str, Any]) -> int | None:
    try:
        out = op.ref(*(x.array for x in operands), **attrs)
    except Exception:  # noqa: BLE001  # whatever it is, the node itself will raise it
        return None
    return int(np.ndim(out[0] if isinstance(out, tuple) else out))


# ---- elementwise -----------------------------------------------------------------------------------------------------


def elementwise(g: Generator, op: Op) -> Made:
    """Operands of the dtypes of some sample, one dtype of it replaced, whose shapes broadcast."""
    sample = g.pick(op.samples)
    types = sample_types(sample)
    first = g.some(lambda x: _takes(g, op, types, x.dtype, sample.attrs))
    first = first or g.input(TensorType(types[-1].dtype, g.shape()))
    base = types[-1].dtype
    wanted = [first.dtype if t.dtype is base else t.dtype for t in types]
    operands: list[Item] = []
    for d in wanted:
        if d is first.dtype and not operands:
            operands.append(first)
        else:
            operands.append(broadcastable(g, (operands or [first])[0], d))
    if g.chance(0.3):
        operands.reverse()
    if len(operands) == 3 and operands[0].dtype is not dt.bool_ and wanted[0] is dt.bool_:
        operands.reverse()
    if (sample.low, sample.high) != (PLAIN.low, PLAIN.high) and g.chance(0.8):
        domain = Domain("plain", sample.low, sample.high)
        operands = [clamped(g, x, domain) for x in operands]
    attrs = {k: attribute(g, k, first.rank, a) for k, a in sample.attrs.items()}
    return g.emit(op, operands, **attrs)


def _takes(g: Generator, op: Op, types: list[TensorType], d: DType, attrs: Mapping[str, Any]) -> bool:
    base = types[-1].dtype
    probe = [Item(Value(t.with_dtype(d) if t.dtype is base else t), None) for t in types]
    return g.types(op, probe, attrs) is not None
