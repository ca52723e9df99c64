"""Stages that put elements together and take them apart: batch, padded_batch, ragged_batch, unbatch, window.

Invariant: a batch is new memory or a view of rows that lie together; it is read from the stage before in one block.
Entry points: the nodes below.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.composites import (
    batch_of,
    count_of,
    ragged_batch_spec,
    rows_of,
    sparse_batch,
    sparse_batch_spec,
)
from graphtf.data.node import INFINITE, UNKNOWN, Node
from graphtf.data.order import by_element
from graphtf.data.reader import ArrayRows, Block, Generated, Reader, RowReader, joined, stacked_leaf
from graphtf.data.structure import Leaves, Structure, batched, children, common_rows, unbatched
from graphtf.ir.errors import DataLossError, InvalidArgumentError
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor
from graphtf.tensor_shape import TensorShape, as_shape

Array = np.ndarray[Any, Any]


def batches(have: int, size: int | None, drop: bool) -> int:
    """The number of batches of so many elements."""
    if have < 0 or size is None or size < 1:
        return have if have == INFINITE and size else UNKNOWN
    return have // size if drop else -(-have // size)


# ---- batch -----------------------------------------------------------------------------------------------------------


class _Batching(Reader):
    def __init__(self, inner: Reader, size: int, drop: bool) -> None:
        self._inner, self._size, self._drop = inner, size, drop

    def next(self) -> Leaves | None:
        block = self._inner.read(self._size)
        if block is None or (self._drop and _count(block) < self._size):
            return None
        return block

    def skip(self, count: int) -> int:
        return -(-self._inner.skip(count * self._size) // self._size)

    def close(self) -> None:
        self._inner.close()


def _count(block: Block) -> int:
    """The number of elements in a block."""
    for x in block:
        if x is not None:
            return count_of(x)
    return 0


class _Sized(Node):
    """A stage of batches; `held` starts with their size."""

    drop: bool

    def check(self) -> None:
        """Raises InvalidArgumentError for a size below 1, if it is known."""
        size = self.known(0)
        if size is not None and size < 1:
            raise InvalidArgumentError(None, None, f"Batch size must be greater than zero, got {size}.")

    def size(self) -> int:
        self.check()
        return self.number(0)

    def cardinality(self) -> int:
        return batches(self.input.cardinality(), self.known(0), self.drop)


class _Stacked(_Sized):
    """A stage that stacks elements as its structure says."""

    def one_by_one(self, inner: Reader) -> Iterator[Leaves]:
        """Batches of elements that are not all arrays of one shape."""
        size = self.size()
        while rows := taken(inner, size):
            if self.drop and len(rows) < size:
                return
            yield [self._leaf(k, column) for k, column in enumerate(zip(*rows))]

    def _leaf(self, k: int, values: Sequence[Any]) -> Any:
        if values[0] is None:
            return None
        found = batch_of(values, self.structure.specs[k])
        return stacked_leaf(values, k) if found is None else found


class Batch(_Stacked):
    """`size` elements at a time, stacked."""

    def __init__(self, before: Node, size: Any, drop: bool) -> None:
        self.inputs, self.held, self.drop = (before,), (size,), drop
        self.check()
        fixed = self.known(0) if drop else None
        self.structure = before.structure.mapped(lambda spec: batched(spec, fixed))

    def open(self) -> Reader:
        inner = self.input.open()
        if self.input.structure.dense:
            return _Batching(inner, self.size(), self.drop)
        return Generated(self.one_by_one(inner), inner)


# ---- padded and ragged batches ---------------------------------------------------------------------------------------


class PaddedBatch(_Sized):
    """`size` elements at a time, filled up to one shape: the largest in the batch, or the one asked for."""

    def __init__(
        self, before: Node, size: Any, shapes: Sequence[TensorShape], values: Sequence[Any], drop: bool
    ) -> None:
        self.inputs, self.held, self.drop = (before,), (size, *values), drop
        self.check()
        self.shapes = list(shapes)
        fixed = self.known(0) if drop else None
        wanted = iter(self.shapes)
        self.structure = before.structure.mapped(lambda s: batched(TensorSpec(next(wanted), s.dtype), fixed))  # type: ignore[attr-defined]

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        size = self.size()
        while rows := taken(inner, size):
            if self.drop and len(rows) < size:
                return
            yield [self._padded(k, column) for k, column in enumerate(zip(*rows))]

    def _padded(self, k: int, values: Sequence[Array]) -> Array:
        shape = self.shapes[k]
        ranks = {x.ndim for x in values}
        if len(ranks) > 1 or (shape.rank is not None and shape.rank not in ranks):
            raise InvalidArgumentError(
                None, None,
                f"All elements in a batch must have the same rank as the padded shape for component{k}: expected rank "
                f"{shape.rank if shape.rank is not None else min(ranks)} but got elements of ranks {sorted(ranks)}",
            )  # fmt: skip
        most = [max(sizes) for sizes in zip(*(x.shape for x in values))]
        dims = shape.as_tuple() or (None,) * len(most)
        for axis, (wanted, found) in enumerate(zip(dims, most)):
            if wanted is not None and found > wanted:
                message = f"Attempted to pad to a smaller size than the input element. Axis {axis} of component {k}"
                raise DataLossError(None, None, f"{message} has size {found}, padded size {wanted}.")
        whole = tuple(found if wanted is None else wanted for wanted, found in zip(dims, most))
        out = np.empty((len(values), *whole), values[0].dtype)
        out[...] = self.array(1 + k)
        for row, x in enumerate(values):
            out[(row, *map(slice, x.shape))] = x
        return out


def taken(inner: Reader, count: int) -> list[Leaves]:
    """The next elements, as many as there are up to `count`."""
    rows: list[Leaves] = []
    while len(rows) < count and (element := inner.next()) is not None:
        rows.append(element)
    return rows


class RaggedBatch(_Stacked):
    """`size` elements at a time as ragged tensors, where their shapes may differ."""

    shown = "_BatchDataset"

    def __init__(self, before: Node, size: Any, drop: bool, splits_dtype: Any) -> None:
        self.inputs, self.held, self.drop = (before,), (size,), drop
        self.check()
        fixed = self.known(0) if drop else None
        self.structure = before.structure.mapped(lambda spec: ragged_batch_spec(spec, fixed, splits_dtype))

    def open(self) -> Reader:
        return Generated(self.one_by_one(inner := self.input.open()), inner)


class SparseBatch(_Sized):
    """`size` elements at a time as one sparse tensor, each inside `shape` (None: as large as the largest)."""

    def __init__(self, before: Node, size: Any, shape: TensorShape) -> None:
        self.inputs, self.held, self.drop, self.shape = (before,), (size,), False, shape
        self.check()
        (spec,) = before.structure.specs
        self.structure = Structure(sparse_batch_spec(spec, shape))

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        size, wanted = self.size(), self.shape.as_list()
        while rows := taken(inner, size):
            yield [sparse_batch([x for (x,) in rows], wanted)]


# ---- taken apart -----------------------------------------------------------------------------------------------------


class _Apart(Reader):
    """Batches one after the other, as rows of their own."""

    def __init__(self, inner: Reader, rows_of: Callable[[Leaves], Reader]) -> None:
        self._inner, self._rows_of = inner, rows_of
        self._rows: Reader | None = None

    def next(self) -> Leaves | None:
        while True:
            found = self._rows.next() if self._rows is not None else None
            if found is not None:
                return found
            batch = self._inner.next()
            if batch is None:
                return None
            self._rows = self._rows_of(batch)

    def read(self, count: int) -> Block | None:
        parts: list[Block] = []
        while count:
            block = self._rows.read(count) if self._rows is not None else None
            if block is None:
                batch = self._inner.next()
                if batch is None:
                    break
                self._rows = self._rows_of(batch)
                continue
            parts.append(block)
            count -= _count(block)
        return joined(parts) if parts else None

    def close(self) -> None:
        self._inner.close()


class Unbatch(Node):
    """The rows of every element."""

    def __init__(self, before: Node) -> None:
        self.inputs = (before,)
        self.structure = before.structure.mapped(unbatched)
        common_rows(before.structure.specs, before.structure.specs)

    def open(self) -> Reader:
        return by_element(self, _Apart(self.input.open(), self._rows))

    def _rows(self, batch: Leaves) -> Reader:
        counts = {_count([x]) for x in batch if x is not None}
        if len(counts) > 1:
            message = f"Input shape mismatch: the parts of an element to unbatch have {sorted(counts)} rows"
            raise InvalidArgumentError(None, None, message)
        if self.structure.dense:
            return RowReader(ArrayRows(batch, counts.pop()))
        return Generated(zip(*(itertools.repeat(None) if x is None else rows_of(x) for x in batch)))

    def cardinality(self) -> int:
        have = self.input.cardinality()
        if have == INFINITE or have == 0:
            return have
        known = common_rows(self.input.structure.specs, self.input.structure.specs)
        return UNKNOWN if have < 0 or known is None else have * known


class Rebatch(Unbatch):
    """The rows of every element in batches of other sizes, which take turns."""

    def __init__(self, before: Node, sizes: Any, drop: bool) -> None:
        super().__init__(before)
        self.held, self.drop = (sizes,), drop
        counts = set(self.array(0).tolist()) if isinstance(sizes, EagerTensor) else set()
        if any(n < 1 for n in counts):
            raise InvalidArgumentError(None, None, "Batch size must be greater than zero.")
        fixed = counts.pop() if drop and len(counts) == 1 else None
        self.structure = before.structure.mapped(lambda spec: batched(unbatched(spec), fixed))

    def open(self) -> Reader:
        rows = super().open()
        return Generated(self._elements(rows), rows)

    def _elements(self, rows: Reader) -> Iterator[Leaves]:
        for size in itertools.cycle(self.array(0).tolist()):
            block = rows.read(size)
            if block is None or (self.drop and _count(block) < size):
                return
            yield block

    def cardinality(self) -> int:
        return UNKNOWN


# ---- windows ---------------------------------------------------------------------------------------------------------


class Elements(Node):
    """Elements that are there already."""

    def __init__(self, elements: Sequence[Leaves], structure: Structure) -> None:
        self.elements, self.structure = elements, structure

    def open(self) -> Reader:
        return Generated(iter(self.elements))

    def cardinality(self) -> int:
        return len(self.elements)


class Window(Node):
    """Datasets of `size` elements, each `stride` apart, that start `shift` apart. `held`: size, shift, stride."""

    def __init__(self, before: Node, held: Sequence[Any], drop: bool, wrap: Callable[[Node], Any], spec: Any) -> None:
        self.inputs, self.held, self.drop, self.wrap, self.spec = (before,), tuple(held), drop, wrap, spec
        self.structure = before.structure.mapped(spec)

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        size, shift, stride = (self.number(k) for k in range(3))
        for name, value in (("Window size", size), ("Window shift", shift), ("Window stride", stride)):
            if value < 1:
                raise InvalidArgumentError(None, None, f"{name} must be greater than zero.")
        span = (size - 1) * stride + 1
        buffer: list[Leaves] = []
        ended = False
        while True:
            while not ended and len(buffer) < max(span, shift):
                element = inner.next()
                ended = element is None
                if element is not None:
                    buffer.append(element)
                if len(buffer) == span:
                    break
            if not buffer or (self.drop and len(buffer) < span):
                return
            yield self._window(buffer[:span:stride])
            missing = shift - len(buffer)
            del buffer[:shift]
            if missing > 0 and not ended:
                ended = inner.skip(missing) < missing

    def _window(self, elements: Sequence[Leaves]) -> Leaves:
        columns = list(zip(*elements))
        specs = self.input.structure.specs
        return [
            self.wrap(Elements([[x] for x in column], Structure(spec))) for column, spec in zip(columns, specs)
        ]  # fmt: skip

    def cardinality(self) -> int:
        have = self.input.cardinality()
        size, shift, stride = (self.known(k) for k in range(3))
        if have < 0 or size is None or shift is None or stride is None:
            return have if have < 0 else UNKNOWN
        if not self.drop:
            return -(-have // shift)
        span = (size - 1) * stride + 1
        return 0 if have < span else (have - span) // shift + 1


def padded_shapes(structure: Structure, given: Any) -> list[TensorShape]:
    """The shape to fill each leaf up to. Raises ValueError for one that a leaf cannot have."""
    if given is None:
        shapes = [s.shape for s in structure.specs]  # type: ignore[attr-defined]
        if any(s.rank is None for s in shapes):
            raise ValueError(
                "You must provide `padded_shapes` argument because component has unknown rank and so cannot be padded"
            )
        return shapes
    found = [as_shape(x) for x in _shape_leaves(structure.template, given)]
    for k, (shape, spec) in enumerate(zip(found, structure.specs)):
        own = spec.shape  # type: ignore[attr-defined]
        if own.rank is not None and shape.rank is not None and own.rank != shape.rank:
            raise ValueError(
                f"The padded shape {shape} is not compatible with the shape {own} of the corresponding input "
                f"component {k}."
            )
    return found


def _shape_leaves(template: Any, given: Any) -> list[Any]:
    """The shapes in a structure; a tuple or list of sizes is one shape where the structure has a leaf."""
    parts = children(template)
    if parts is None:
        return [given]
    if isinstance(template, dict):
        return [x for k in sorted(template) for x in _shape_leaves(template[k], given[k])]
    if len(given) != len(parts):
        raise ValueError(f"padded_shapes has {len(given)} parts, expected {len(parts)}")
    return [x for t, g in zip(parts, given) for x in _shape_leaves(t, g)]
