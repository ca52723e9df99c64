"""Where elements come from: tensors, their rows, numbers, Python generators, a dataset handed to a traced function.

Invariant: the rows of tensors are views of them; nothing is copied until elements are batched. Entry points: the nodes
below.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.composites import rows_of
from graphtf.data.node import INFINITE, UNKNOWN, Node
from graphtf.data.random import Words, seed_pair
from graphtf.data.reader import ArrayRows, Generated, Numbers, Reader, Rows
from graphtf.data.structure import Leaves, Structure, common_rows, stored, structure_of, unbatched
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError, OpError, UnknownError
from graphtf.nest import CompositeTensor
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor


class One(Node):
    """A single element."""

    shown = "_TensorDataset"

    def __init__(self, value: Any) -> None:
        self.structure, values = structure_of(value)
        self.held = tuple(values)

    def open(self) -> Reader:
        return Generated(iter([self.leaves()]))

    def leaves(self) -> Leaves:
        return [x if x is None or isinstance(x, CompositeTensor) else self.array(k) for k, x in enumerate(self.held)]

    def cardinality(self) -> int:
        return 1


class Slices(Node):
    """The rows of tensors."""

    shown = "_TensorSliceDataset"

    def __init__(self, value: Any) -> None:
        whole, values = structure_of(value)
        if not values:
            raise ValueError("Invalid `tensors`. `tensors` should not be empty.")
        self.held = tuple(values)
        self.count = common_rows(values, whole.specs)
        self.structure = whole.mapped(unbatched)

    def rows(self) -> Rows | None:
        if not self.structure.dense:
            return None
        arrays = [self.array(k) for k in range(len(self.held))]
        found = len(arrays[0])
        for a in arrays:
            if len(a) != found:
                message = f"from_tensor_slices: leaves have {found} and {len(a)} rows"
                raise InvalidArgumentError(None, None, message)
        return ArrayRows(arrays, found)

    def open(self) -> Reader:
        return super().open() if self.structure.dense else Generated(self._elements())

    def _elements(self) -> Iterator[Leaves]:
        columns = [itertools.repeat(None) if x is None else rows_of(stored(x)) for x in self.held]
        yield from zip(*columns)

    def cardinality(self) -> int:
        return UNKNOWN if self.count is None else self.count


class Range(Node):
    """start, start + step, … up to, not including, stop."""

    def __init__(self, bounds: Sequence[Any], dtype: Any) -> None:
        self.held = tuple(bounds)  # start, stop, step
        self.dtype = dt.as_dtype(dtype)
        self.structure = Structure(TensorSpec([], self.dtype))
        self.cardinality()  # raises for a step of 0

    def _numbers(self, bounds: Sequence[int]) -> range:
        start, stop, step = bounds
        if step == 0:
            raise InvalidArgumentError(None, None, "step must be a non-zero integer.")
        return range(start, stop, step)

    def rows(self) -> Rows:
        numbers = self._numbers([self.number(k) for k in range(3)])
        return Numbers(numbers.start, numbers.step, len(numbers), self.dtype.np)

    def cardinality(self) -> int:
        bounds = [self.known(k) for k in range(3)]
        return UNKNOWN if None in bounds else len(self._numbers(bounds))  # type: ignore[arg-type]


class Random(Node):
    """Random int64 from 0 to 2³² - 1, without end."""

    def __init__(self, seed: Any, again: bool) -> None:
        self.structure = Structure(TensorSpec([], dt.int64))
        self.seeds = seed_pair(seed)
        self.passes = Words(*self.seeds) if again else None  # seeds of the passes, where each differs

    def open(self) -> Reader:
        seeds = self.seeds if self.passes is None else (self.passes.next(), self.passes.next())
        words = Words(*seeds)
        return Generated([np.array(words.next(), np.int64)] for _ in itertools.count())

    def cardinality(self) -> int:
        return INFINITE


class FromGenerator(Node):
    """What a Python generator gives, called anew with `args` for every pass."""

    shown = "_FlatMapDataset"

    def __init__(self, generator: Callable[..., Iterable[Any]], structure: Structure, args: Sequence[Any]) -> None:
        self.generator, self.structure, self.held = generator, structure, tuple(args)

    def open(self) -> Reader:
        args = [self.array(k) for k in range(len(self.held))]
        return Generated(self._elements([a.copy() if a.ndim else a[()] for a in args]))

    def _elements(self, args: Sequence[Any]) -> Iterator[Leaves]:
        made = None
        try:
            made = iter(self._guarded(self.generator, *args))
            while True:
                value = self._guarded(next, made, self)
                if value is self:
                    return
                yield self._leaves(value)
        finally:
            stop = getattr(made, "close", None)
            if stop is not None:
                stop()

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        """Raises what the generator raised as an error of TensorFlow's kinds."""
        try:
            return function(*args)
        except OpError:
            raise
        except Exception as error:
            kind = InvalidArgumentError if isinstance(error, (TypeError, ValueError)) else UnknownError
            raise kind(None, None, f"{type(error).__name__}: {error}{_where(error)}") from error

    def _leaves(self, value: Any) -> Leaves:
        template = self.structure.template
        try:
            return self.structure.leaves(_shaped_like(template, value), "`generator`: the element it yielded")
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                None, None, f"{type(error).__name__}: `generator` yielded {_short(value)}; {error}"
            ) from error


def _where(error: BaseException) -> str:
    """The line where it was raised."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "" if last is None else f" (at {last.tb_frame.f_code.co_filename}:{last.tb_lineno})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def _shaped_like(template: Any, value: Any) -> Any:
    """A list where the structure has a tuple is that tuple; a tuple where it has one tensor is that tensor's rows."""
    if isinstance(template, TensorSpec) and type(value) is tuple:
        return list(value)
    if isinstance(template, tuple) and isinstance(value, (list, tuple)) and len(value) == len(template):
        parts = [_shaped_like(t, v) for t, v in zip(template, value)]
        return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)
    if isinstance(template, dict) and isinstance(value, dict) and template.keys() == value.keys():
        return {k: _shaped_like(template[k], value[k]) for k in template}
    return value


class Handed(Node):
    """The dataset behind a handle: an argument of a traced function."""

    def __init__(self, handle: Any, structure: Structure) -> None:
        self.held, self.structure = (handle,), structure

    @property
    def target(self) -> Node:
        """The node that was handed over."""
        found: Node = self.array(0)[()].value
        return found

    def open(self) -> Reader:
        return self.target.open()

    def rows(self) -> Rows | None:
        return self.target.rows()

    def cardinality(self) -> int:
        return self.target.cardinality() if isinstance(self.held[0], EagerTensor) else UNKNOWN
