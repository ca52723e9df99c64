"""Random choices among datasets, with weights.

Invariant: draws come from TensorFlow's Philox stream for the stage's seeds; a dataset that has ended is drawn no more.
Entry point: `Sampled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.data.node import INFINITE, UNKNOWN, Node, counted
from graphtf.data.random import Words, known_pair
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves
from graphtf.ir import dtypes as dt

_FLOATS = (dt.float32, dt.float64)


class Sampled(Node):
    """The next element of a stage drawn at random. The last input gives the weights, if those are a dataset."""

    def __init__(self, nodes: Sequence[Node], weights: Any, seeds: tuple[int, int], stop_on_empty: bool) -> None:
        self.count, self.seeds, self.stop = len(nodes), seeds, stop_on_empty
        by_element = getattr(weights, "_node", None)
        self.inputs = (*nodes,) if by_element is None else (*nodes, by_element)
        if by_element is None:
            self.held = (_checked(weights, self.count),)
        structure = nodes[0].structure
        for node in nodes[1:]:
            structure = structure.merged(node.structure, "datasets to sample from")
        self.structure = structure

    def open(self) -> Reader:
        inner = [node.open() for node in self.inputs]
        return Generated(self._elements(inner[: self.count], inner[self.count :]), *inner)

    def _elements(self, inner: Sequence[Reader], weights: Sequence[Reader]) -> Iterator[Leaves]:
        words = Words(*known_pair(self.seeds))
        left: list[Reader | None] = list(inner)
        fixed = None if weights else np.asarray(self.array(0), np.float64)
        while any(left):
            chances = fixed
            if chances is None:
                found = weights[0].next()
                if found is None:
                    return
                chances = np.asarray(found[0], np.float64)
            k = _draw(chances, left, words)
            if k is None:
                return
            element = left[k].next()  # type: ignore[union-attr]
            if element is not None:
                yield element
            elif self.stop:
                return
            else:
                left[k] = None

    def cardinality(self) -> int:
        counts = [node.cardinality() for node in self.inputs[: self.count]]
        special = counted(counts)
        if len(self.inputs) > self.count or (self.stop and special != INFINITE):
            return UNKNOWN
        return sum(counts) if special is None else special


def _draw(chances: np.ndarray[Any, Any], left: Sequence[Reader | None], words: Words) -> int | None:
    """The number of a stage that has not ended; None if all that are left have no chance."""
    open_chances = np.where([r is not None for r in left], chances, 0.0)
    total = open_chances.sum()
    if not total > 0:
        return None
    place = words.next() / 2**32 * total
    return int(np.searchsorted(np.cumsum(open_chances), place, side="right").clip(0, len(left) - 1))


def _checked(weights: Any, count: int) -> Any:
    """The weights as a vector tensor. Raises TypeError, ValueError."""
    if weights is None:
        return convert_to_tensor(np.full(count, 1 / count))
    made = convert_to_tensor(weights, dtype_hint=dt.float64)
    if made.dtype not in _FLOATS:
        raise TypeError(f"Invalid `weights`. Their type must be either `tf.float32` or `tf.float64`, not {made.dtype}.")
    if made.shape.rank is not None and made.shape.as_list() != [count]:
        raise ValueError(
            f"Invalid `weights`. The shape should be compatible with `[len(datasets)]` but is {made.shape}."
        )
    return made
