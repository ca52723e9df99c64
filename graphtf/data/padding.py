"""A stage that fills up a dataset to a number of elements. Entry point: `PadTo`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphtf.data.node import Node
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves, Structure, flatten
from graphtf.ir import dtypes as dt
from graphtf.spec import TensorSpec


class PadTo(Node):
    """Elements, each with a flag that it is real, and zeros after them up to a number. Raises ValueError for sizes that
    are not known."""

    def __init__(self, before: Node, count: int, key: str) -> None:
        self.inputs, self.count = (before,), count
        flag = TensorSpec([], dt.bool_)
        self.structure = Structure({**before.structure.template, key: flag})
        self.place = next(k for k, spec in enumerate(flatten(self.structure.template)) if spec is flag)
        for spec in before.structure.specs:
            if not isinstance(spec, TensorSpec) or not spec.shape.is_fully_defined():
                raise ValueError(f"`pad_to_cardinality` needs elements of known shapes, got {spec}")

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        seen = 0
        while (element := inner.next()) is not None:
            seen += 1
            yield self._flagged(list(element), True)
        zeros = [_zeros(spec) for spec in self.input.structure.specs]
        for _ in range(self.count - seen):
            yield self._flagged(list(zeros), False)

    def _flagged(self, leaves: list[Any], real: bool) -> Leaves:
        leaves.insert(self.place, np.array(real))
        return leaves

    def cardinality(self) -> int:
        have = self.input.cardinality()
        return have if have < 0 else max(have, self.count)


def _zeros(spec: Any) -> np.ndarray[Any, Any]:
    shape = tuple(spec.shape.as_list())
    return np.full(shape, b"", object) if spec.dtype is dt.string else np.zeros(shape, spec.dtype.np)
