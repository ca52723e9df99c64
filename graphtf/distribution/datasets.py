"""Datasets whose elements are shared out between replicas, and their iterators.

Invariant: below is an ordinary dataset whose elements have a `PerReplica` where the user's have a tensor, so that
loops, optionals and traced functions treat it as any other. Follows
https://www.tensorflow.org/tutorials/distribute/input. Entry points: `distributed_dataset`, `dataset_in_turns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.data.composites import count_of, is_ragged
from graphtf.data.dataset import Dataset
from graphtf.data.iterator import Iterator as PlainIterator
from graphtf.data.node import Node, counted
from graphtf.data.optional import Optional
from graphtf.data.reader import Generated, Reader
from graphtf.data.structure import Leaves, NoneTensorSpec
from graphtf.distribution.values import PerReplica, PerReplicaSpec
from graphtf.nest import CompositeTensor
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor
from graphtf.tensor_shape import TensorShape


class _Wrapping(CompositeTensor):
    """What is an ordinary object for functions being traced, and another class for users."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the elements: of several replicas `PerReplicaSpec`s."""
        return self._inner.element_spec

    @property
    def _type_spec(self) -> Any:
        return self._inner._type_spec

    @property
    def _static_key(self) -> Any:
        return type(self), self._inner._static_key

    def _as_argument(self) -> Any:
        return type(self)(self._inner._as_argument())

    def _stand_in(self) -> Any:
        return type(self)(self._inner._stand_in())

    def _components(self) -> Sequence[Any]:
        return self._inner._components()  # type: ignore[no-any-return]

    def _from_components(self, components: Sequence[Any]) -> Any:
        return type(self)(self._inner._from_components(components))


class DistributedDataset(_Wrapping):
    """A dataset of a strategy: `for` loops, in Python or a traced function, give each replica's part of each element.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedDataset.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> strategy = MirroredStrategy(["CPU:0", "CPU:1"])
    >>> for x in strategy.experimental_distribute_dataset(Dataset.range(6).batch(4)):
    ...     print([part.numpy().tolist() for part in x.values])
    [[0, 1], [2, 3]]
    [[4], [5]]
    """

    def __iter__(self) -> DistributedIterator:
        return DistributedIterator(iter(self._inner))

    def __bool__(self) -> bool:
        return True

    @property
    def cardinality(self) -> int:
        """The number of elements, or INFINITE_CARDINALITY or UNKNOWN_CARDINALITY."""
        return int(self._inner.cardinality())

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any]) -> Any:
        """`reduce_func(state, element)` over the elements, as `tf.data.Dataset.reduce`."""
        state = nest.map_structure(convert_to_tensor, initial_state)
        for element in self:
            state = reduce_func(state, element)
        return state

    def __tf_for__(self, *loop: Any) -> None:
        self._inner.__tf_for__(*loop)


class DistributedIterator(_Wrapping):
    """A pass over a `DistributedDataset`.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedIterator.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> strategy = MirroredStrategy(["CPU:0", "CPU:1"])
    >>> iterator = iter(strategy.experimental_distribute_dataset(Dataset.range(2).batch(2)))
    >>> iterator.get_next()
    PerReplica:{
      0: <tf.Tensor: shape=(1,), dtype=int64, numpy=array([0])>,
      1: <tf.Tensor: shape=(1,), dtype=int64, numpy=array([1])>
    }
    >>> iterator.get_next_as_optional().has_value()
    <tf.Tensor: shape=(), dtype=bool, numpy=False>
    """

    _inner: PlainIterator

    def __iter__(self) -> DistributedIterator:
        return self

    def __next__(self) -> Any:
        return next(self._inner)

    def next(self) -> Any:
        """The next element, as `next(iterator)` gives it."""
        return next(self._inner)

    def get_next(self) -> Any:
        """The next element. Raises OutOfRangeError at the end."""
        return self._inner.get_next()

    def get_next_as_optional(self) -> Optional:
        """The next element as an `Optional`, which is empty at the end."""
        return self._inner.get_next_as_optional()

    @property
    def _handed(self) -> Any:
        found = self._inner._handed
        return None if found is None else (("distributed", found[0]), found[1])

    def __tf_for__(self, *loop: Any) -> None:
        self._inner.__tf_for__(*loop)


def distributed_dataset(dataset: Any, replicas: int) -> DistributedDataset:
    """A dataset whose elements, batches, are split between replicas. Raises IndexError for elements without an axis to
    split, AttributeError for what is no dataset."""
    node = dataset._node
    return DistributedDataset(dataset if replicas == 1 else Dataset(Split(node, replicas), dataset.options()))


def dataset_in_turns(dataset: Any, replicas: int) -> DistributedDataset:
    """A dataset whose elements go to the replicas in turn. Raises AttributeError for what is no dataset."""
    node = dataset._node
    return DistributedDataset(dataset if replicas == 1 else Dataset(InTurns(node, replicas), dataset.options()))


# ---- stages ----------------------------------------------------------------------------------------------------------


class Split(Node):
    """Each element in as many parts as there are replicas, of one size as far as it goes: 5 rows are 3 and 2."""

    def __init__(self, before: Node, replicas: int) -> None:
        self.inputs, self._replicas = (before,), replicas
        self.structure = before.structure.mapped(lambda spec: self._spec(spec))

    def _spec(self, spec: TypeSpec) -> TypeSpec:
        if isinstance(spec, NoneTensorSpec):
            return spec
        shape = getattr(spec, "shape", TensorShape(None))
        if shape.rank == 0:
            raise IndexError(f"elements of a distributed dataset must be batches, got {spec!r}: call dataset.batch()")
        return PerReplicaSpec(*[_of_rows(spec, self._share(shape))] * self._replicas)

    def _share(self, shape: TensorShape) -> int | None:
        """The rows in each part, if that is known and the same for all."""
        rows = None if shape.rank is None else shape[0]
        return None if rows is None or rows % self._replicas else rows // self._replicas

    def cardinality(self) -> int:
        return self.input.cardinality()

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        while (leaves := inner.next()) is not None:
            yield [None if x is None else self._parts(x) for x in leaves]

    def _parts(self, x: Any) -> PerReplica:
        rows = count_of(x)
        share = -(-rows // self._replicas)
        ends = [min(k * share, rows) for k in range(self._replicas + 1)]
        return PerReplica([_rows(x, begin, end) for begin, end in pairwise(ends)])


class InTurns(Node):
    """As many elements as there are replicas at a time. Where they run out, the rest of the replicas get elements
    without rows, or if sizes are fixed, none gets any."""

    def __init__(self, before: Node, replicas: int) -> None:
        self.inputs, self._replicas = (before,), replicas
        specs = before.structure.specs
        self._fixed = all(isinstance(s, TensorSpec) and s.shape.is_fully_defined() for s in specs)
        self.structure = before.structure.mapped(
            lambda s: s if isinstance(s, NoneTensorSpec) else PerReplicaSpec(*[s] * replicas)
        )

    def cardinality(self) -> int:
        have = self.input.cardinality()
        if counted([have]) is not None:
            return have
        return have // self._replicas if self._fixed else -(-have // self._replicas)

    def open(self) -> Reader:
        return Generated(self._elements(inner := self.input.open()), inner)

    def _elements(self, inner: Reader) -> Iterator[Leaves]:
        while True:
            taken = [x for x in (inner.next() for _ in range(self._replicas)) if x is not None]
            if not taken or (self._fixed and len(taken) < self._replicas):
                return
            while len(taken) < self._replicas:
                taken.append([None if x is None else _none_of(x) for x in taken[0]])
            yield [None if column[0] is None else PerReplica(list(map(_value, column))) for column in zip(*taken)]


def _of_rows(spec: Any, rows: int | None) -> Any:
    """A spec with another number of rows."""
    shape = TensorShape(None) if spec.shape.rank is None else TensorShape([rows]).concatenate(spec.shape[1:])
    if isinstance(spec, TensorSpec):
        return TensorSpec(shape, spec.dtype)
    if hasattr(spec, "ragged_rank"):
        return type(spec)(shape, spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    return type(spec)(shape, spec.dtype)


def _value(x: Any) -> Any:
    return EagerTensor(x) if isinstance(x, np.ndarray) else x


def _rows(x: Any, begin: int, end: int) -> Any:
    """Rows begin … end - 1 of a leaf, as a value."""
    if isinstance(x, np.ndarray):
        return EagerTensor(x[begin:end])
    if is_ragged(x):
        return x[begin:end]
    from graphtf.api.sparse import slice as sparse_slice

    rest = x.dense_shape.numpy().tolist()[1:]
    return sparse_slice(x, [begin, *[0] * len(rest)], [end - begin, *rest])


def _none_of(x: Any) -> Any:
    """A leaf like another without rows."""
    return _rows(x, 0, 0)._array if isinstance(x, np.ndarray) else _rows(x, 0, 0)
