"""`Iterator`: a pass over a dataset, eagerly or as an argument of a traced function, where each `next` is a host step.

Invariant: one pass serves any number of threads, one at a time. A traced function that takes an iterator serves every
iterator over elements of the same structure. Follows https://www.tensorflow.org/api_docs/python/tf/data/Iterator.
Entry points: `Iterator`, `IteratorSpec`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.data.handles import Handle, boxed, on_host, unboxed
from graphtf.data.mapped import component_specs, from_components
from graphtf.data.optional import ABSENT, Optional, of_leaves, part_arrays
from graphtf.data.reader import Reader
from graphtf.data.structure import Leaves, Structure, map_leaves
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import FailedPreconditionError, OutOfRangeError
from graphtf.ir.ops.io import register
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor, OperatorNotAllowedInGraphError, Tensor
from graphtf.tracking import Trackable

_RESOURCE = TensorSpec([], dt.resource)
_VARIANT = TensorSpec([], dt.variant)
_FLAG = TensorSpec([], dt.bool_)
_numbers = itertools.count()


_MOST_UNROLLED = 1000  # of a dataset whose number of elements is not known
_ENDLESS = (
    "Iterating over a symbolic `tf.data.Dataset` in Python is not allowed: Python cannot see its end, and has taken "
    "{} elements while the function is traced. AutoGraph did not convert this function, so that its loop over the "
    "dataset would never end: convert it with `tf.autograph.to_graph`, or take a number "
    "of elements with `next()`."
)


class IteratorSpec(TypeSpec):
    """The spec of an `Iterator`. Follows https://www.tensorflow.org/api_docs/python/tf/data/IteratorSpec."""

    __slots__ = ("_element_spec", "_structure")

    def __init__(self, element_spec: Any) -> None:
        self._element_spec = element_spec
        self._structure = Structure(element_spec)

    @property
    def value_type(self) -> type:
        return Iterator

    @property
    def element_spec(self) -> Any:
        return self._element_spec

    @property
    def _component_specs(self) -> list[TensorSpec]:
        return [_RESOURCE]

    def _to_components(self, value: Iterator) -> list[Tensor]:
        return [value._handle]

    def _from_components(self, parts: Sequence[Any]) -> Iterator:
        return _behind(parts[0], self._structure)

    def is_compatible_with(self, other: Any) -> bool:
        """Could a value fit both? Takes a spec or an iterator."""
        return isinstance(other, (IteratorSpec, Iterator)) and other._structure == self._structure

    def _key(self) -> tuple[Any, ...]:
        return (self._structure,)

    def __repr__(self) -> str:
        return f"IteratorSpec({self._element_spec!r})"


class Iterator(nest.CompositeTensor, Trackable):
    """A pass over a dataset: `next(iterator)`, `get_next()`, or a loop.

    A checkpoint keeps how many elements it has given; restoring passes over as many. A shuffle without a seed has
    another order then.

    >>> from graphtf.data.dataset import Dataset
    >>> it = iter(Dataset.range(2))
    >>> next(it), it.get_next()
    (<tf.Tensor: shape=(), dtype=int64, numpy=0>, <tf.Tensor: shape=(), dtype=int64, numpy=1>)
    """

    def __init__(
        self, reader: Reader | None, structure: Structure, handle: Any = None, again: Callable[[], Reader] | None = None
    ) -> None:
        self._reader, self._structure, self._traced, self._again = reader, structure, handle, again
        self._next = None if reader is None else reader.next
        self._given = 0
        self._unrolled, self.most_unrolled = 0, _MOST_UNROLLED  # elements that Python takes while a function is traced
        self._lock = threading.Lock()
        self._pending: Leaves | None = None  # of a loop in a traced function: what it takes next
        self._key: tuple[str, int] | None = None
        self._spec: IteratorSpec | None = None

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the elements."""
        return self._structure.template

    @property
    def _type_spec(self) -> IteratorSpec:
        if self._spec is None:
            self._spec = IteratorSpec(self.element_spec)
        return self._spec

    # ---- elements ----------------------------------------------------------------------------------------------------

    def advance(self) -> Leaves | None:
        """The next element's leaves; None at the end."""
        with self._lock:
            leaves = self._next()  # type: ignore[misc]
            self._given += leaves is not None
            return leaves

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if self._traced is not None or active_trace() is not None:
            self._unrolled += 1
            if self._unrolled > self.most_unrolled:
                raise OperatorNotAllowedInGraphError(_ENDLESS.format(self.most_unrolled))
            return self.get_next()
        leaves = self.advance()
        if leaves is None:
            raise StopIteration
        return self._structure.pack(leaves)

    def next(self) -> Any:
        """The next element, as `next(iterator)` gives it."""
        return self.__next__()

    def get_next(self) -> Any:
        """The next element. Raises OutOfRangeError at the end."""
        if active_trace() is None:
            return self._structure.pack(_existing(self.advance()))
        return self._staged(_NEXT)

    def get_next_as_optional(self) -> Optional:
        """The next element as an `Optional`, which is empty at the end."""
        if active_trace() is None:
            return of_leaves(self.advance(), self.element_spec)
        (tensor,) = on_host(_NEXT_OPTIONAL, [self._handle], [_VARIANT])
        return Optional._made(ABSENT, self.element_spec, tensor)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def _serialize_to_tensors(self) -> dict[str, Any]:
        return {"GIVEN": convert_to_tensor(np.int64(self._given))}

    def _restore_from_tensors(self, restored_tensors: dict[str, Any]) -> None:
        """Go to the place that a checkpoint names. Raises FailedPreconditionError for one that is past, if the pass
        cannot be begun again."""
        wanted = int(restored_tensors["GIVEN"])
        with self._lock:
            if self._reader is None or (wanted < self._given and self._again is None):
                raise FailedPreconditionError(None, None, f"{self!r} cannot go to element {wanted}")
            if wanted < self._given:
                self._reader.close()
                self._reader, self._given = self._again(), 0  # type: ignore[misc]
                self._next = self._reader.next
            self._given += self._reader.skip(wanted - self._given)

    # ---- in a traced function ----------------------------------------------------------------------------------------

    @property
    def _handle(self) -> Tensor:
        """The tensor that stands for it: not kept, so that an iterator ends when it is dropped."""
        return Handle(boxed(self), dt.resource) if self._traced is None else self._traced

    @property
    def _handed(self) -> tuple[Any, list[Any]] | None:
        """For calls of functions: a key of the structure, and the array that stands for the iterator."""
        if self._traced is not None:
            return None
        if self._key is None:
            self._key = _key_of(self._structure)
        return self._key, [boxed(self)]

    def _stand_in(self) -> IteratorSpec:
        return self._type_spec

    def _staged(self, key: int) -> Any:
        """The element that a host function gives for the iterator."""
        specs = [part for spec in self._structure.specs for part in component_specs(spec)]
        parts = iter(on_host(key, [self._handle], specs))
        leaves = iter([from_components(spec, parts) for spec in self._structure.specs])
        return map_leaves(lambda _: next(leaves), self._structure.template)

    def _more(self) -> Tensor:
        """In a trace: is there another element? `_item` gives it."""
        return on_host(_MORE, [self._handle], [_FLAG])[0]

    def _item(self) -> Any:
        return self._staged(_ITEM)

    def __tf_for__(self, test: Any, body: Any, get: Any, put: Any, names: Any, live: Any) -> None:
        from graphtf.autograph.loops import staged_walk  # rewritten code has loaded it

        staged_walk(self._more, self._item, test, body, get, put, names, live)

    def _components(self) -> tuple[Any, ...]:
        return (self._handle,)

    def _from_components(self, components: Sequence[Any]) -> Iterator:
        return _behind(components[0], self._structure)

    def __repr__(self) -> str:
        return f"<tf.data.Iterator element_spec={self.element_spec!r}>"


_keys: dict[Structure, tuple[str, int]] = {}
_MOST_KEYS = 4096


def _key_of(structure: Structure) -> tuple[str, int]:
    """A short key, the same for equal structures."""
    if len(_keys) >= _MOST_KEYS:
        _keys.clear()
    return _keys.setdefault(structure, ("iterator", next(_numbers)))


def _behind(tensor: Any, structure: Structure) -> Iterator:
    """The iterator that a tensor stands for."""
    if isinstance(tensor, EagerTensor):
        return unboxed(tensor._array)  # type: ignore[no-any-return]
    return Iterator(None, structure, tensor)


def _existing(leaves: Leaves | None) -> Leaves:
    if leaves is None:
        raise OutOfRangeError(None, None, "End of sequence")
    return leaves


class NumpyIterator:
    """A pass over a dataset that gives NumPy arrays: what `Dataset.as_numpy_iterator` returns."""

    def __init__(self, iterator: Iterator) -> None:
        self._iterator = iterator

    def __iter__(self) -> NumpyIterator:
        return self

    def __next__(self) -> Any:
        leaves = self._iterator.advance()
        if leaves is None:
            raise StopIteration
        return self._iterator._structure.numpy(leaves)

    def next(self) -> Any:
        """The next element, as `next(iterator)` gives it."""
        return self.__next__()


# ---- on the host -----------------------------------------------------------------------------------------------------


def _arrays(structure: Structure, leaves: Leaves) -> list[Any]:
    if structure.dense:
        return list(leaves)
    return [a for x in leaves if x is not None for a in part_arrays(x)]


def _next_arrays(handle: Any) -> list[Any]:
    iterator: Iterator = unboxed(handle)
    return _arrays(iterator._structure, _existing(iterator.advance()))


def _next_optional(handle: Any) -> list[Any]:
    leaves = unboxed(handle).advance()
    return [boxed(ABSENT if leaves is None else leaves)]


def _look_ahead(handle: Any) -> list[Any]:
    iterator: Iterator = unboxed(handle)
    iterator._pending = iterator.advance()
    return [iterator._pending is not None]


def _pending_arrays(handle: Any) -> list[Any]:
    iterator: Iterator = unboxed(handle)
    leaves, iterator._pending = iterator._pending, None
    return _arrays(iterator._structure, _existing(leaves))


_NEXT, _NEXT_OPTIONAL = register(_next_arrays), register(_next_optional)
_MORE, _ITEM = register(_look_ahead), register(_pending_arrays)
