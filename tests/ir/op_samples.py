"""Operands drawn from the samples that ops are declared with. Entry points: `cases()`, `draw(sample, rng)`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Effect, Op, Sample
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]

_TYPE = re.compile(r"(ref )?(\w+)\[([^\]]*)\]")
_SIZE_OF_SYMBOL = 3
WORDS = np.array([b"", b"a", b"bc", b"\xff"], object)

# Differences are taken in double precision.
WIDE: Mapping[DType, DType] = {
    dt.float16: dt.float64, dt.bfloat16: dt.float64, dt.float32: dt.float64, dt.complex64: dt.complex128,
}  # fmt: skip


def operand_types(sample: Sample, retype: Mapping[DType, DType] | None = None) -> list[TensorType]:
    """The types a sample states; named sizes become numbers."""
    found = []
    for _, short, dims in _TYPE.findall(sample.operands):
        dtype = dt.BY_SHORT[short]
        sizes = tuple(int(d) if d.isdigit() else _SIZE_OF_SYMBOL for d in re.split(r",\s*", dims) if d)
        found.append(TensorType((retype or {}).get(dtype, dtype), sizes))
    return found


def attributes(sample: Sample, retype: Mapping[DType, DType] | None = None) -> dict[str, Any]:
    """The attributes of a sample, dtypes among them replaced as operands' are."""
    return {k: (retype or {}).get(a, a) if isinstance(a, DType) else a for k, a in sample.attrs.items()}


def values(t: TensorType, rng: np.random.Generator, low: float, high: float) -> Array:
    """Random elements between low and high, as far as the dtype has them."""
    shape, d = t.dims, t.dtype
    if d is dt.string:
        return np.asarray(rng.choice(WORDS, shape), object)
    if d is dt.bool_:
        return np.asarray(rng.integers(0, 2, shape), bool)
    if d.is_integer:
        least, most = max(int(d.min), int(np.ceil(low))), min(int(d.max), int(np.floor(high)))
        return np.asarray(rng.integers(least, max(least, most), shape, d.np, endpoint=True), d.np)
    real = rng.uniform(low, high, shape)
    return np.asarray(real + 1j * rng.uniform(low, high, shape) if d.is_complex else real).astype(d.np)


def draw(sample: Sample, rng: np.random.Generator, retype: Mapping[DType, DType] | None = None) -> list[Array]:
    """Operands for a sample."""
    types = operand_types(sample, retype)
    if sample.values is None:
        return [values(t, rng, sample.low, sample.high) for t in types]
    with np.errstate(all="ignore"):
        return [np.asarray(np.array(v).reshape(t.dims), t.dtype.np) for v, t in zip(sample.values, types, strict=True)]


def runs_on_arrays(op: Op) -> bool:
    """Can the op be called with arrays and nothing else?"""
    return op.effect in (Effect.NONE, Effect.CHECK) and not op.regions


def cases(ops: Mapping[str, Op] = OPS) -> Iterator[tuple[str, Op, Sample]]:
    """Each sample of each op that runs on arrays, with an identifier."""
    for op in ops.values():
        if runs_on_arrays(op):
            for k, sample in enumerate(op.samples):
                yield f"{op.name}-{k}", op, sample


def rng_for(name: str) -> np.random.Generator:
    """A generator that depends on the name alone."""
    return np.random.default_rng(list(name.encode()))
