"""Stages that call a user's function: map, filter, flat_map, interleave, take_while, scan.

Invariant: what the function refers to from outside is held by the node, so one that is made inside a traced function
can be filled with values. Entry points: the nodes below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphtf.data.mapped import Mapped, Run
from graphtf.data.node import UNKNOWN, Node, integer
from graphtf.data.reader import Following, Generated, Reader
from graphtf.data.state import settled_state
from graphtf.data.structure import Leaves, Structure
from graphtf.data.turns import turns
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.spec import TensorSpec


class Calling(Node):
    """A stage with one function; `held` starts with `own` tensors that are not the function's."""

    own = 0
    mapped: Mapped

    def take_function(self, mapped: Mapped, *own: Any) -> None:
        self.mapped, self.own, self.held = mapped, len(own), (*own, *mapped.held)

    def run(self) -> Run:
        """The function, for what the node holds."""
        return self.mapped.bound(self.held[self.own :])


# ---- map -------------------------------------------------------------------------------------------------------------


class _Mapping(Reader):
    def __init__(self, inner: Reader, run: Run) -> None:
        self._inner, self._run, self._next = inner, run, inner.next

    def next(self) -> Leaves | None:
        element = self._next()
        return None if element is None else self._run(element)

    def close(self) -> None:
        self._inner.close()


class Map(Calling):
    """A function of each element."""

    def __init__(self, before: Node, function: Any, what: str = "map") -> None:
        self.inputs = (before,)
        self.take_function(Mapped(function, [before.structure], what))
        self.structure = self.mapped.structure

    def open(self) -> Reader:
        return _Mapping(self.input.open(), self.run())

    def cardinality(self) -> int:
        return self.input.cardinality()


# ---- filter ----------------------------------------------------------------------------------------------------------


class _Test(Calling):
    """A stage whose function decides: it gives a bool scalar."""

    def __init__(self, before: Node, function: Any, what: str) -> None:
        self.inputs, self.structure = (before,), before.structure
        self.take_function(Mapped(function, [before.structure], what))
        specs = self.mapped.structure.specs
        spec = specs[0] if len(specs) == 1 else None
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.bool_ or spec.shape.rank not in (0, None):
            raise ValueError(
                f"Invalid `predicate`. `predicate` must return a `tf.bool` scalar tensor, but its return type is "
                f"{self.mapped.structure}."
            )


class Filter(_Test):
    """The elements for which a function holds."""

    def open(self) -> Reader:
        run = self.run()

        def step(inner: Reader) -> Leaves | None:
            while (element := inner.next()) is not None:
                if run(element)[0]:
                    return element
            return None

        return Following(self.input.open(), step)


class TakeWhile(_Test):
    """The elements up to the first for which a function does not hold."""

    def open(self) -> Reader:
        run, ended = self.run(), False

        def step(inner: Reader) -> Leaves | None:
            nonlocal ended
            element = None if ended else inner.next()
            ended = element is None or not run(element)[0]
            return None if ended else element

        return Following(self.input.open(), step)


# ---- datasets of elements --------------------------------------------------------------------------------------------


class _Opening(Calling):
    """A stage whose function gives a dataset for each element."""

    def take_dataset_function(self, before: Node, function: Any, what: str, *own: Any) -> None:
        self.inputs = (before,)
        self.take_function(Mapped(function, [before.structure], what), *own)
        specs = self.mapped.structure.specs
        found = getattr(specs[0], "_structure", None) if len(specs) == 1 else None
        if found is None:
            raise TypeError(
                f"Invalid `map_func` of {what}: it must return a `tf.data.Dataset` object, got {self.mapped.structure}"
            )
        self.structure: Structure = found

    def opened(self, run: Run, element: Leaves) -> Reader:
        """A pass over the dataset of an element."""
        node: Node = run(element)[0]._node
        return node.open()


class _Flat(Reader):
    def __init__(self, stage: FlatMap) -> None:
        self._stage, self._outer, self._run = stage, stage.input.open(), stage.run()
        self._inner: Reader | None = None

    def next(self) -> Leaves | None:
        while True:
            if self._inner is not None:
                element = self._inner.next()
                if element is not None:
                    return element
                self._ended()
            outer = self._outer.next()
            if outer is None:
                return None
            self._inner = self._stage.opened(self._run, outer)

    def _ended(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()

    def close(self) -> None:
        self._ended()
        self._outer.close()


class FlatMap(_Opening):
    """The elements of the datasets that a function gives, one after the other."""

    def __init__(self, before: Node, function: Any) -> None:
        self.take_dataset_function(before, function, "flat_map")

    def open(self) -> Reader:
        return _Flat(self)

    def cardinality(self) -> int:
        return UNKNOWN


class Interleave(_Opening):
    """`block_length` elements at a time of `cycle_length` datasets in turn."""

    def __init__(self, before: Node, function: Any, cycle_length: Any, block_length: Any) -> None:
        own = integer(cycle_length, "cycle_length"), integer(block_length, "block_length")
        self.take_dataset_function(before, function, "interleave", *own)

    def open(self) -> Reader:
        cycle, block = self.number(0), self.number(1)
        for name, value in (("cycle_length", cycle), ("block_length", block)):
            if value < 1:
                raise InvalidArgumentError(None, None, f"`{name}` must be > 0, got {value}")
        return Generated(self._elements(outer := self.input.open(), cycle, block), outer)

    def _elements(self, outer: Reader, cycle: int, block: int) -> Iterator[Leaves]:
        run = self.run()
        return turns((iter(self.opened(run, x).next, None) for x in iter(outer.next, None)), cycle, block)  # type: ignore[arg-type, union-attr]

    def cardinality(self) -> int:
        return UNKNOWN


# ---- state -----------------------------------------------------------------------------------------------------------


class Scan(Calling):
    """A function of a state and each element gives the next state and what comes out."""

    def __init__(self, before: Node, initial: Any, function: Any) -> None:
        state, values, mapped = settled_state(initial, before.structure, function, "scan", outputs=True)
        self.inputs, self.count = (before,), len(values)
        self.take_function(mapped, *values)
        self.structure = Structure(mapped.structure.template[1])
        self.state = state

    def open(self) -> Reader:
        run = self.run()
        state: Sequence[Any] = [self.array(k) for k in range(self.count)]

        def step(inner: Reader) -> Leaves | None:
            nonlocal state
            element = inner.next()
            if element is None:
                return None
            found = run([*state, *element])
            state = found[: self.count]
            return found[self.count :]  # type: ignore[no-any-return]

        return Following(self.input.open(), step)

    def cardinality(self) -> int:
        return self.input.cardinality()


# ---- several at a time -----------------------------------------------------------------------------------------------


class ChooseFrom(Node):
    """Elements of several datasets: of which, the elements of the first input say."""

    shown = "_DirectedInterleaveDataset"

    def __init__(self, choices: Node, nodes: Sequence[Node], stop_on_empty: bool) -> None:
        self.inputs, self.stop = (choices, *nodes), stop_on_empty
        structure = nodes[0].structure
        for node in nodes[1:]:
            structure = structure.merged(node.structure, "datasets to choose from")
        self.structure = structure

    def open(self) -> Reader:
        inner = [node.open() for node in self.inputs]
        return Generated(self._elements(inner[0], inner[1:]), *inner)

    def _elements(self, choices: Reader, inner: list[Reader]) -> Iterator[Leaves]:
        left: list[Reader | None] = list(inner)
        while any(left) and (choice := choices.next()) is not None:
            k = int(choice[0])
            if not 0 <= k < len(left):
                message = f"Selector index out of range: {k} >= {len(left)}"
                raise InvalidArgumentError(None, None, message)
            reader = left[k]
            element = None if reader is None else reader.next()
            if element is not None:
                yield element
            elif self.stop:
                return
            else:
                left[k] = None
