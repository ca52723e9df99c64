"""Stages that sort elements into groups or leave some out: group_by_window, bucket_by_sequence_length, unique,
rejection_resample.

Invariant: a group is given on as soon as it is full; at the end what is left of the groups comes by key. Entry points:
the nodes below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.data.batching import Batch, Elements, PaddedBatch
from graphtf.data.mapped import Mapped, Run
from graphtf.data.node import Node, integer
from graphtf.data.order import Same
from graphtf.data.random import Words, known_pair
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves, Structure, batched
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.spec import TensorSpec
from graphtf.tensor_shape import TensorShape

_KEY = Structure(TensorSpec([], dt.int64))


class _Functions(Node):
    """A stage of several functions: `held` are what they refer to, one after the other, after `own` tensors."""

    def take_functions(self, functions: Sequence[Mapped], *own: Any) -> None:
        self.functions = list(functions)
        self.held = (*own, *(x for f in functions for x in f.held))
        self._start = len(own)

    def runs(self) -> list[Run]:
        """The functions, for what the node holds."""
        at, found = self._start, []
        for f in self.functions:
            found.append(f.bound(self.held[at : at + len(f.held)]))
            at += len(f.held)
        return found


def _of_integers(mapped: Mapped, what: str) -> Mapped:
    """The function. Raises ValueError unless it gives an integer scalar."""
    specs = mapped.structure.specs
    spec = specs[0] if len(specs) == 1 else None
    if not isinstance(spec, TensorSpec) or not spec.dtype.is_integer or spec.shape.rank not in (0, None):
        raise ValueError(
            f"Invalid `{what}`. `{what}` must return a single integer scalar, but gives {mapped.structure}."
        )
    return mapped


class GroupByWindow(_Functions):
    """Elements of one key, `window size` of them, become a dataset of which a function makes another."""

    def __init__(
        self, before: Node, key_func: Any, reduce_func: Any, window: Any, wrap: Callable[[Node], Any], spec: Any
    ) -> None:
        self.inputs, self.wrap = (before,), wrap
        key = _of_integers(Mapped(key_func, [before.structure], "group_by_window"), "key_func")
        group = Structure(spec(before.structure.template))
        reduce = Mapped(reduce_func, [_KEY, group], "group_by_window")
        found = getattr(reduce.structure.specs[0], "_structure", None) if len(reduce.structure.specs) == 1 else None
        if found is None:
            raise TypeError(f"Invalid `reduce_func`. It must return a `tf.data.Dataset`, but gives {reduce.structure}.")
        self.structure: Structure = found
        sizes = (
            [_of_integers(Mapped(window, [_KEY], "group_by_window"), "window_size_func")] if callable(window) else []
        )
        own = () if callable(window) else (integer(window, "window_size"),)
        self.take_functions([key, reduce, *sizes], *own)

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        key_of, reduce, *sizes = self.runs()
        groups: dict[int, list[Leaves]] = {}
        wanted: dict[int, int] = {}
        while (element := inner.next()) is not None:
            key = int(key_of(element)[0])
            if key not in wanted:
                wanted[key] = self._size(sizes, key)
            group = groups.setdefault(key, [])
            group.append(element)
            if len(group) >= wanted[key]:
                yield from self._given_on(reduce, key, groups.pop(key))
        for key in sorted(groups):
            yield from self._given_on(reduce, key, groups[key])

    def _size(self, sizes: Sequence[Run], key: int) -> int:
        size = int(sizes[0]([np.array(key, np.int64)])[0]) if sizes else self.number(0)
        if size < 1:
            raise InvalidArgumentError(None, None, f"Window size must be greater than zero, but got {size}.")
        return size

    def _given_on(self, reduce: Run, key: int, group: list[Leaves]) -> Iterator[Leaves]:
        dataset = self.wrap(Elements(group, self.input.structure))
        reader = reduce([np.array(key, np.int64), dataset])[0]._node.open()
        while (element := reader.next()) is not None:
            yield element


class Buckets(_Functions):
    """Batches of elements of like lengths: bucket k holds lengths from boundary k - 1 to the next."""

    shown = "_GroupByWindowDataset"

    def __init__(
        self, before: Node, length_func: Any, boundaries: Sequence[int], sizes: Sequence[int],
        shapes: Sequence[TensorShape] | None, values: Sequence[Any], to_boundary: bool, drop: bool,
    ) -> None:  # fmt: skip
        self.inputs, self.boundaries, self.sizes = (before,), list(boundaries), list(sizes)
        self.shapes, self.to_boundary, self.drop, self.count = shapes, to_boundary, drop, len(values)
        self.take_functions([_of_integers(Mapped(length_func, [before.structure], "length"), "length_func")], *values)
        wanted = None if shapes is None else iter(shapes)
        self.structure = before.structure.mapped(
            lambda s: batched(s if wanted is None else TensorSpec(next(wanted), s.dtype), None)  # type: ignore[attr-defined]
        )

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        (length_of,) = self.runs()
        groups: dict[int, list[Leaves]] = {}
        while (element := inner.next()) is not None:
            k = int(np.searchsorted(self.boundaries, int(length_of(element)[0]), side="right"))
            group = groups.setdefault(k, [])
            group.append(element)
            if len(group) >= self.sizes[k]:
                yield from self._batch(k, groups.pop(k))
        for k in sorted(groups):
            yield from self._batch(k, groups[k])

    def _batch(self, k: int, group: list[Leaves]) -> Iterator[Leaves]:
        elements = Elements(group, self.input.structure)
        size = integer(self.sizes[k], "bucket_batch_sizes")
        stage: Node = Batch(elements, size, self.drop)
        if self.shapes is not None:
            stage = PaddedBatch(elements, size, self._shapes(k), self.held[: self.count], self.drop)
        reader = stage.open()
        while (element := reader.next()) is not None:
            yield element

    def _shapes(self, k: int) -> Sequence[TensorShape]:
        assert self.shapes is not None
        if not self.to_boundary:
            return self.shapes
        if k >= len(self.boundaries):
            message = "When pad_to_bucket_boundary=True, elements must have length < max(bucket_boundaries)."
            raise InvalidArgumentError(None, None, message)
        filler = self.boundaries[k] - 1
        return [TensorShape([filler if d is None else d for d in s.as_list()]) for s in self.shapes]


# ---- leaving some out ------------------------------------------------------------------------------------------------


class Unique(Same):
    """Each element once. Elements are tensors of int32, int64 or string."""

    def __init__(self, before: Node) -> None:
        super().__init__(before)
        specs = before.structure.specs
        if len(specs) != 1 or not isinstance(specs[0], TensorSpec) or specs[0].dtype not in _UNIQUE:
            raise TypeError(
                "`tf.data.Dataset.unique` only supports inputs with a single `tf.int32`, `tf.int64`, or `tf.string` "
                f"component, got {before.structure}."
            )

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        seen: set[Any] = set()
        while (element := inner.next()) is not None:
            (x,) = element
            key = (x.shape, tuple(x.ravel().tolist()) if x.dtype == object else x.tobytes())
            if key not in seen:
                seen.add(key)
                yield element


_UNIQUE = (dt.int32, dt.int64, dt.string)
_SMOOTHING = 10  # elements of each class taken as seen, where the initial distribution is estimated


class Resampled(_Functions):
    """(class, element) for elements drawn so that classes come with the probabilities asked for."""

    def __init__(self, before: Node, class_func: Any, target: Any, initial: Any, seeds: tuple[int, int]) -> None:
        self.inputs, self.seeds = (before,), seeds
        classes = _of_integers(Mapped(class_func, [before.structure], "rejection_resample"), "class_func")
        self.take_functions([classes], target, *(() if initial is None else (initial,)))
        self.structure = Structure((classes.structure.template, before.structure.template))

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        (class_of,) = self.runs()
        words = Words(*known_pair(self.seeds))
        target = np.asarray(self.array(0), np.float64)
        counts = np.full(len(target), float(_SMOOTHING))
        fixed = np.asarray(self.array(1), np.float64) if self._start == 2 else None
        while (element := inner.next()) is not None:
            found = class_of(element)
            k = int(found[0])
            if not 0 <= k < len(target):
                message = f"rejection_resample: class {k} is not one of {len(target)}"
                raise InvalidArgumentError(None, None, message)
            counts[k] += 1
            initial = fixed if fixed is not None else counts / counts.sum()
            ratio = np.divide(target, initial, out=np.zeros_like(target), where=initial > 0)
            if words.next() / 2**32 * ratio.max() < ratio[k]:
                yield [*found, *element]
