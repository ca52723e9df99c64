"""What `map` and its kin know of a function that has no trace for elements of unknown sizes.

Some sizes decide what a function does, and some of what it does has no form in a graph. Its results are described by
traces for sizes made up, which are never run: what they have in common is known, the rest is left open. The function
itself runs for the elements that come. Entry point: `described`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from graphtf.data.structure import Structure, same_shape
from graphtf.ir.errors import OnlyEager
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import SymbolicTensor

Trace = Callable[[Sequence[TypeSpec], bool], tuple[Structure, Sequence[Any]]]  # to the result and what it refers to

RANKS = (3, 1, 2, 0, 4, 5)
SIZES = (24, 36, 1)  # divisible by much, and hardly by anything; a function of two unknown sizes wants them equal
CHANNELS = 3


def described(specs: Sequence[TypeSpec], trace: Trace, refused: Exception) -> Structure:
    """The structure of the results of a function of elements of these specs. Raises `refused` if nothing tells it,
    OnlyEager if the function refers to tensors of a function that is being traced."""
    found = _described_by(specs, trace)
    if found is not None:
        return found
    for one in _ranked(specs):
        made = [_described_by(sizes, trace) for sizes in _sized(one, None)]
        if not any(made):
            made = [_described_by(sizes, trace) for sizes in _sized(one, CHANNELS)]
        for structure in (s for s in made if s is not None):
            if found is not None and not same_shape(found.template, structure.template):
                raise refused
            found = structure if found is None else found.merged(structure, "results")
    if found is None:
        raise refused
    return found


def _described_by(specs: Sequence[TypeSpec], trace: Trace) -> Structure | None:
    """The structure of the results for these specs; None where the function refuses them."""
    try:
        structure, outside = trace(specs, True)
    except Exception:  # noqa: BLE001 — whatever the user's function raises for sizes made up
        return None
    if any(isinstance(x, SymbolicTensor) for x in outside):
        raise OnlyEager("it makes a dataset of a function that refers to what is traced, and has no trace itself")
    return structure


def is_open(spec: TypeSpec) -> bool:
    """Is it a tensor of which a size or the rank is unknown?"""
    return isinstance(spec, TensorSpec) and not spec.shape.is_fully_defined()


def _ranked(specs: Sequence[TypeSpec]) -> Iterator[list[TypeSpec]]:
    """The specs, with each rank in turn for those of unknown rank."""
    if not any(isinstance(s, TensorSpec) and s.shape.rank is None for s in specs):
        yield list(specs)
        return
    for rank in RANKS:
        yield [with_rank(s, rank) for s in specs]


def with_rank(spec: TypeSpec, rank: int) -> TypeSpec:
    """The spec, of a rank if it has none."""
    if not isinstance(spec, TensorSpec) or spec.shape.rank is not None:
        return spec
    return TensorSpec([None] * rank, spec.dtype)


def _sized(specs: Sequence[TypeSpec], channels: int | None) -> Iterator[list[TypeSpec]]:
    """The specs, with sizes for the unknown ones; images have so many channels."""
    for size in SIZES if any(map(is_open, specs)) else SIZES[:1]:
        yield [_with_sizes(s, size, channels) for s in specs]


def _with_sizes(spec: TypeSpec, size: int, channels: int | None) -> TypeSpec:
    if not is_open(spec):
        return spec
    dims = spec.shape.as_list()  # type: ignore[attr-defined]
    if channels is not None and len(dims) > 2 and dims[-1] is None:
        dims[-1] = channels
    return TensorSpec([size if d is None else d for d in dims], spec.dtype)  # type: ignore[attr-defined]
