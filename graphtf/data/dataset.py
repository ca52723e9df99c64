"""`tf.data.Dataset`: a pipeline of stages (graphtf/data/node.py) under TensorFlow's names.

Invariant: a dataset never changes; each method gives a new one. Inside a traced function it is a composite of the
traced tensors its stages hold, so functions may return datasets, take them, and loop over them.
Follows https://www.tensorflow.org/api_docs/python/tf/data/Dataset. Entry points: `Dataset`, `DatasetSpec`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api.random_state import restart
from graphtf.convert import convert_to_tensor
from graphtf.data.constructors import Constructors
from graphtf.data.groupings import Groupings
from graphtf.data.handles import Handle, boxed, on_host, registered, unboxed
from graphtf.data.iterator import Iterator, NumpyIterator, _existing
from graphtf.data.keeping import Keeping
from graphtf.data.node import INFINITE, UNKNOWN, Node
from graphtf.data.options import Options
from graphtf.data.reader import Generated
from graphtf.data.sources import Handed
from graphtf.data.state import reduced, settled_state
from graphtf.data.structure import Structure, as_leaf, flatten, map_leaves, rebuilt
from graphtf.data.transformations import Transformations
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tensor_shape import TensorShape

_RESOURCE = TensorSpec([], dt.resource)
_COUNT = TensorSpec([], dt.int64)


class DatasetSpec(TypeSpec):
    """The spec of a dataset with elements of `element_spec`.

    Follows https://www.tensorflow.org/api_docs/python/tf/data/DatasetSpec.

    >>> DatasetSpec(TensorSpec([], "int64"))
    DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), TensorShape([]))
    """

    __slots__ = ("_dataset_shape", "_structure")

    def __init__(self, element_spec: Any, dataset_shape: Any = ()) -> None:
        self._structure = Structure(element_spec)
        self._dataset_shape = TensorShape(dataset_shape)

    @classmethod
    def from_value(cls, value: Dataset) -> DatasetSpec:
        """The spec of a dataset."""
        return cls(value.element_spec)

    @property
    def value_type(self) -> type:
        return Dataset

    @property
    def element_spec(self) -> Any:
        return self._structure.template

    @property
    def _component_specs(self) -> list[TensorSpec]:
        return [_RESOURCE]

    def _to_components(self, value: Dataset) -> list[Tensor]:
        return [value._handle()]

    def _from_components(self, parts: Sequence[Any]) -> Dataset:
        return _behind(parts[0], self._structure)

    def is_compatible_with(self, other: Any) -> bool:
        """Could a value fit both? Takes a spec or a dataset."""
        return isinstance(other, (DatasetSpec, Dataset)) and other._structure == self._structure

    def _key(self) -> tuple[Any, ...]:
        return self._structure, self._dataset_shape.as_tuple()

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec!r}, {self._dataset_shape!r})"


class DatasetV2:
    """TensorFlow's own name of the class, by which libraries know a dataset without importing TensorFlow."""

    __module__ = "tensorflow.python.data.ops.dataset_ops"


class Dataset(Constructors, Transformations, Groupings, Keeping, nest.CompositeTensor, DatasetV2):
    """A sequence of elements, each a nested structure of tensors.

    >>> for x in Dataset.range(10).filter(lambda x: x % 2 == 0).map(lambda x: x * x).batch(3):
    ...     print(x.numpy())
    [ 0  4 16]
    [36 64]
    """

    _shown = ""  # TensorFlow's name of the class, for those that have one

    def __init__(self, node: Node, options: Options | None = None) -> None:
        if not isinstance(node, Node):
            raise TypeError("datasets are made by tf.data.Dataset.from_tensor_slices and the like")
        self._node, self._options = node, options or Options()

    @classmethod
    def _of(cls, node: Node, options: Options | None = None) -> Dataset:
        return Dataset(node, options)

    @property
    def _structure(self) -> Structure:
        return self._node.structure

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the elements.

        >>> Dataset.from_tensor_slices([1, 2]).element_spec
        TensorSpec(shape=(), dtype=tf.int32, name=None)
        """
        return self._node.structure.template

    @property
    def _type_spec(self) -> DatasetSpec:
        return DatasetSpec(self.element_spec)

    def options(self) -> Options:
        """The settings made by `with_options`, together."""
        return self._options

    def with_options(self, options: Options, name: str | None = None) -> Dataset:
        """The same elements under more settings. Raises TypeError for what are no options."""
        if not isinstance(options, Options):
            raise TypeError(f"options must be tf.data.Options, got {options!r}")
        return Dataset(self._node, self._options.merge(options))

    # ---- elements ----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator:
        if active_trace() is None:
            restart(self._node.all_held())
            return Iterator(self._node.open(), self._structure, None, self._node.open)
        node, holder = self._node, registered(lambda *arrays: [boxed(_opened(self, arrays))])
        (handle,) = on_host(holder, node.symbolic(), [_RESOURCE])
        made = Iterator(None, self._structure, handle)
        count = self.cardinality_if_known()
        if count is not None:
            made.most_unrolled = count
        return made

    def __tf_for__(self, test: Any, body: Any, get: Any, put: Any, names: Any, live: Any) -> None:
        iter(self).__tf_for__(test, body, get, put, names, live)

    def __bool__(self) -> bool:
        return True

    def cardinality_if_known(self) -> int | None:
        """The number of elements, if it is finite and known without running anything."""
        count = self._node.cardinality()
        return count if count >= 0 else None

    def __len__(self) -> int:
        """The number of elements. Raises TypeError if it is infinite or not known."""
        count = self._node.cardinality()
        if count == INFINITE:
            raise TypeError("The dataset is infinite.")
        if count == UNKNOWN:
            raise TypeError("The dataset length is unknown.")
        return convert_to_tensor(count, dt.int64)  # type: ignore[return-value]  # as TensorFlow: `len` asks its __index__

    def cardinality(self, name: str | None = None) -> Tensor:
        """The number of elements (int64), or INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

        >>> int(Dataset.range(42).cardinality())
        42
        """
        if active_trace() is not None and self._node.symbolic():
            node = self._node
            key = registered(lambda *xs: [np.int64(_filled_node(node, xs).cardinality())])
            return on_host(key, node.symbolic(), [_COUNT])[0]
        return convert_to_tensor(np.int64(self._node.cardinality()))

    def as_numpy_iterator(self) -> NumpyIterator:
        """An iterator that gives NumPy arrays. Raises TypeError where an element holds what NumPy does not know,
        RuntimeError inside a traced function.

        >>> list(Dataset.range(3).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(2)]
        """
        if active_trace() is not None:
            raise RuntimeError("`tf.data.Dataset.as_numpy_iterator()` is only supported in eager mode.")
        for spec in self._structure.specs:
            if not isinstance(spec, TensorSpec) and not getattr(spec, "_as_numpy", True):
                what = "tf.data.Dataset.as_numpy_iterator() is not supported for datasets that produce"
                raise TypeError(f"{what} {spec.value_type}")
        return NumpyIterator(iter(self))

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element. Raises InvalidArgumentError unless there is exactly one.

        >>> Dataset.from_tensors(7).get_single_element()
        <tf.Tensor: shape=(), dtype=int32, numpy=7>
        """
        if active_trace() is not None:
            iterator = iter(self)
            key = registered(_alone)
            (handle,) = on_host(key, [iterator._handle], [_RESOURCE])
            return Iterator(None, self._structure, handle).get_next()
        (checked,) = _alone(boxed(iter(self)))
        return self._structure.pack(_existing(unboxed(checked).advance()))

    def reduce(self, initial_state: Any, reduce_func: Any, name: str | None = None) -> Any:
        """The state after `state = reduce_func(state, element)` for every element.

        Raises TypeError where the state's structure or dtypes change.

        >>> Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x)
        <tf.Tensor: shape=(), dtype=int64, numpy=10>
        """
        if active_trace() is None:
            return reduced(self._node, initial_state, reduce_func)
        return self._staged_reduce(initial_state, reduce_func)

    def _staged_reduce(self, initial: Any, function: Any) -> Any:
        from graphtf.api.loops import staged_loop
        from graphtf.autograph.convert import converted_callee

        state, values, _ = settled_state(initial, self._structure, function, "reduce")
        iterator, call = iter(self), converted_callee(function)

        def body(*leaves: Any) -> list[Any]:
            found = call(rebuilt(state.template, iter(leaves)), iterator._item())
            return [as_leaf(x) for x in flatten(found)]

        invariants = [getattr(s, "shape", None) for s in state.specs]
        trace = active_trace()
        assert trace is not None
        out = staged_loop(trace, lambda *_: iterator._more(), body, values, invariants)
        rest = iter(out)
        return map_leaves(lambda _: next(rest), state.template)

    # ---- as tensors --------------------------------------------------------------------------------------------------

    def _handle(self) -> Tensor:
        """The tensor that stands for it."""
        node = self._node
        operands = node.symbolic()
        if isinstance(node, Handed) and operands:
            return node.held[0]  # type: ignore[no-any-return]
        if not operands:
            return Handle(boxed(node), dt.resource)
        key = registered(lambda *arrays: [boxed(_filled_node(node, arrays))])
        return on_host(key, operands, [_RESOURCE])[0]

    def _as_argument(self) -> Any:
        return _Argument(self)

    def _components(self) -> tuple[Any, ...]:
        return tuple(self._node.symbolic())

    def _from_components(self, components: Sequence[Any]) -> Dataset:
        return Dataset(self._node.filled(iter(components)), self._options)

    def __repr__(self) -> str:
        name = self._shown or self._node.shown or f"_{type(self._node).__name__}Dataset"
        return f"<{name} element_spec={self.element_spec!r}>"


class _Argument(nest.CompositeTensor):
    """A dataset as an argument of a traced function: the tensor that stands for it."""

    def __init__(self, dataset: Dataset) -> None:
        self._type_spec = dataset._type_spec
        self._dataset = dataset

    def _components(self) -> tuple[Any, ...]:
        return (self._dataset._handle(),)

    def _stand_in(self) -> DatasetSpec:
        return self._type_spec

    def _from_components(self, components: Sequence[Any]) -> Dataset:
        return _behind(components[0], self._type_spec._structure)


def _behind(tensor: Any, structure: Structure) -> Dataset:
    """The dataset that a tensor stands for."""
    if isinstance(tensor, EagerTensor):
        return Dataset(unboxed(tensor._array))
    return Dataset(Handed(tensor, structure))


# ---- on the host -----------------------------------------------------------------------------------------------------


def _filled_node(node: Node, arrays: Sequence[Any]) -> Node:
    return node.filled(iter(map(EagerTensor, arrays)))


def _opened(dataset: Dataset, arrays: Sequence[Any]) -> Iterator:
    node = _filled_node(dataset._node, arrays)
    return Iterator(node.open(), dataset._structure, None, node.open)


def _alone(handle: Any) -> list[Any]:
    """An iterator over the only element of another."""
    inner: Iterator = unboxed(handle)
    first = inner.advance()
    if first is None:
        raise InvalidArgumentError(None, None, "Dataset was empty.")
    if inner.advance() is not None:
        raise InvalidArgumentError(None, None, "Dataset had more than one element.")
    return [boxed(Iterator(Generated(iter([first])), inner._structure))]
