"""Stages of a pipeline: what a `Dataset` holds.

Invariant: a node never changes, except for state that passes share on purpose (the seeds of a shuffle, a cache).
`held` are the tensors it was made from; inside a traced function these may be traced ones, and `filled` gives the node
for their values. Entry point: `Node`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.data import INFINITE_CARDINALITY as INFINITE
from graphtf.data import UNKNOWN_CARDINALITY as UNKNOWN
from graphtf.data.reader import Reader, RowReader, Rows
from graphtf.data.structure import Structure
from graphtf.ir import dtypes as dt
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor


class Node:
    """A stage: its elements' structure, the stages before it, and the tensors it was made from."""

    structure: Structure
    shown = ""  # TensorFlow's name of such a dataset, where it is not `_<the class>Dataset`
    inputs: tuple[Node, ...] = ()
    held: tuple[Any, ...] = ()

    # ---- passes ------------------------------------------------------------------------------------------------------

    def open(self) -> Reader:
        """A new pass over the elements."""
        rows = self.rows()
        if rows is None:
            raise NotImplementedError(type(self).__name__)
        return RowReader(rows)

    def rows(self) -> Rows | None:
        """The elements by position, where that costs no pass over them."""
        return None

    def cardinality(self) -> int:
        """The number of elements as far as it is known without a pass: INFINITE and UNKNOWN are negative."""
        return UNKNOWN

    # ---- tensors of a function being traced --------------------------------------------------------------------------

    def symbolic(self) -> list[SymbolicTensor]:
        """The traced tensors that this and earlier stages hold."""
        own = [x for x in nest.flatten(list(self.held), expand_composites=True) if isinstance(x, SymbolicTensor)]
        return own + [x for node in self.inputs for x in node.symbolic()]

    def all_held(self) -> Iterator[Any]:
        """What this and earlier stages hold."""
        yield from self.held
        for node in self.inputs:
            yield from node.all_held()

    def filled(self, values: Iterator[Any]) -> Node:
        """The stage with values for its traced tensors, in the order of `symbolic`."""
        held = tuple(_filled(x, values) for x in self.held)
        inputs = tuple(node.filled(values) for node in self.inputs)
        if all(a is b for a, b in zip((*held, *inputs), (*self.held, *self.inputs))):
            return self
        made = copy.copy(self)
        made.held, made.inputs = held, inputs
        made.renew()
        return made

    def renew(self) -> None:
        """Called on a copy made by `filled`: state that passes share starts anew."""

    # ---- what subclasses ask -----------------------------------------------------------------------------------------

    @property
    def input(self) -> Node:
        """The only stage before this one."""
        return self.inputs[0]

    def number(self, k: int) -> int:
        """The integer in held tensor k."""
        return int(self.array(k))

    def array(self, k: int) -> Any:
        """The array of held tensor k. Raises TypeError for a traced one."""
        found = self.held[k]
        if not isinstance(found, EagerTensor):
            raise TypeError(
                f"a dataset that was made inside a tf.function of {found!r} can be iterated over only there, or where "
                "the function's result is"
            )
        return found._array

    def known(self, k: int) -> int | None:
        """The integer in held tensor k, None if it is a traced one."""
        found = self.held[k]
        return int(found._array) if isinstance(found, EagerTensor) else None


def _filled(x: Any, values: Iterator[Any]) -> Any:
    if isinstance(x, Tensor):
        return next(values) if isinstance(x, SymbolicTensor) else x
    parts = nest.flatten([x], expand_composites=True)
    if not any(isinstance(part, SymbolicTensor) for part in parts):
        return x
    new = [next(values) if isinstance(part, SymbolicTensor) else part for part in parts]
    return nest.pack_sequence_as([x], new, expand_composites=True)[0]


def integer(x: Any, name: str) -> Any:
    """A scalar int64 tensor. Raises TypeError, ValueError for what is none."""
    if hasattr(x, "dtype") and not isinstance(x, (int, EagerTensor, SymbolicTensor)):
        x = convert_to_tensor(x)
    if isinstance(x, (EagerTensor, SymbolicTensor)):
        if not x.dtype.is_integer:
            raise TypeError(f"{name} must be an integer, got dtype {x.dtype.name}")
        made = x
    else:
        made = convert_to_tensor(x, dt.int64)
    if made.shape.rank not in (0, None):
        raise ValueError(f"{name} must be a scalar, got shape {made.shape}")
    return made


def counted(counts: Sequence[int]) -> int | None:
    """INFINITE or UNKNOWN if one of the counts is, the former first; else None."""
    return INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else None
