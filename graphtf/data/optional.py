"""`Optional`: a value that may not be there.

Invariant: eagerly it holds the value; in a traced function a value that is known to be there stays plain tensors, so
that a function which returns one costs nothing more, and any other is one tensor of dtype variant. Follows
https://www.tensorflow.org/api_docs/python/tf/experimental/Optional. Entry points: `Optional`, `OptionalSpec`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.data.handles import Handle, boxed, on_host, unboxed
from graphtf.data.mapped import component_specs, from_components, to_components
from graphtf.data.structure import Structure, as_leaf, map_leaves, stored, structure_of
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.io import register
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor

_ABSENT = object()
_VARIANT = TensorSpec([], dt.variant)
_FLAG = TensorSpec([], dt.bool_)


class OptionalSpec(TypeSpec):
    """The spec of an `Optional` whose value has `element_spec`.

    Follows https://www.tensorflow.org/api_docs/python/tf/OptionalSpec.

    >>> OptionalSpec(TensorSpec([], "int32"))
    OptionalSpec(TensorSpec(shape=(), dtype=tf.int32, name=None), TensorShape([]))
    """

    __slots__ = ("_element_spec",)

    def __init__(self, element_spec: Any) -> None:
        self._element_spec = element_spec

    @property
    def value_type(self) -> type:
        return Optional

    @property
    def _component_specs(self) -> list[TensorSpec]:
        return [_VARIANT]

    def _to_components(self, value: Optional) -> list[Tensor]:
        return [value._tensor()]

    def _from_components(self, parts: Sequence[Any]) -> Optional:
        return _from_tensor(parts[0], self._element_spec)

    def is_compatible_with(self, other: Any) -> bool:
        """Could a value fit both? Takes a spec or an Optional."""
        if isinstance(other, OptionalSpec):
            return Structure(self._element_spec) == Structure(other._element_spec)
        return isinstance(other, Optional)

    def _key(self) -> tuple[Any, ...]:
        return (Structure(self._element_spec),)

    def __repr__(self) -> str:
        return f"OptionalSpec({self._element_spec!r}, TensorShape([]))"


class Optional(nest.CompositeTensor):
    """A value that may be missing: made by `Optional.from_value` and `Optional.empty`.

    >>> Optional.from_value(convert_to_tensor(42)).get_value()
    <tf.Tensor: shape=(), dtype=int32, numpy=42>
    >>> bool(Optional.empty(TensorSpec([], "int32")).has_value())
    False
    """

    _element_spec_given: Any = _ABSENT

    def __init__(self) -> None:
        raise TypeError("optionals are made by tf.experimental.Optional.from_value and .empty")

    @classmethod
    def _made(cls, value: Any, element_spec: Any, tensor: Any = None) -> Optional:
        out = object.__new__(cls)
        out._value, out._element_spec_given, out._variant = value, element_spec, tensor
        return out

    @staticmethod
    def from_value(value: Any) -> Optional:
        """One with a value: a structure of what can be tensors."""
        return Optional._made(map_leaves(as_leaf, value), _ABSENT)

    @staticmethod
    def empty(element_spec: Any) -> Optional:
        """One without a value."""
        return Optional._made(_ABSENT, element_spec)

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the value."""
        if self._element_spec_given is _ABSENT:
            self._element_spec_given = structure_of(self._value)[0].template
        return self._element_spec_given

    @property
    def _element_spec(self) -> Any:
        return self.element_spec

    @_element_spec.setter
    def _element_spec(self, spec: Any) -> None:
        self._element_spec_given = spec

    @property
    def _type_spec(self) -> OptionalSpec:
        return OptionalSpec(self.element_spec)

    def has_value(self, name: str | None = None) -> Tensor:
        """Is there a value? A bool scalar."""
        if self._variant is None:
            return convert_to_tensor(self._value is not _ABSENT)
        return on_host(_HAS_VALUE, [self._variant], [_FLAG])[0]

    def get_value(self, name: str | None = None) -> Any:
        """The value. Raises InvalidArgumentError if there is none."""
        if self._variant is None:
            if self._value is _ABSENT:
                raise InvalidArgumentError(None, None, "The given optional does not have a value.")
            return self._value
        structure = Structure(self.element_spec)
        specs = [part for spec in structure.specs for part in component_specs(spec)]
        parts = iter(on_host(_GET_VALUE, [self._variant], specs))
        leaves = iter([from_components(spec, parts) for spec in structure.specs])
        return map_leaves(lambda _: next(leaves), structure.template)

    def _tensor(self) -> Tensor:
        """The one tensor that stands for it."""
        if self._variant is not None:
            return self._variant  # type: ignore[no-any-return]
        if self._value is _ABSENT:
            return Handle(boxed(_ABSENT), dt.variant)
        structure, values = structure_of(self._value)
        if active_trace() is None or not any(isinstance(x, SymbolicTensor) for x in nest.flatten(values, True)):
            return Handle(boxed([stored(x) for x in values]), dt.variant)
        parts = [part for x, spec in zip(values, structure.specs) for part in to_components(spec, x)]
        return on_host(_FROM_PARTS, parts, [_VARIANT])[0]

    def _components(self) -> tuple[Any, ...]:
        return (self._tensor(),)

    def _from_components(self, components: Sequence[Any]) -> Optional:
        return _from_tensor(components[0], self._element_spec_given)

    def _as_result(self) -> Any:
        return self if self._variant is not None or self._value is _ABSENT else _Present(self._value)

    def __repr__(self) -> str:
        if self._variant is not None:
            return f"tf.experimental.Optional(spec={self._element_spec_given!r})"
        return f"tf.experimental.Optional{'.empty()' if self._value is _ABSENT else f'({self._value!r})'}"


class _Present(nest.CompositeTensor):
    """An optional that surely has a value, as a traced function returns it: the tensors of the value."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._pack = nest.packer(value, expand_composites=True)

    def _components(self) -> tuple[Any, ...]:
        return tuple(nest.flatten(self._value, expand_composites=True))

    def _from_components(self, components: Sequence[Any]) -> Optional:
        return Optional._made(self._pack(iter(components)), _ABSENT)


def _from_tensor(tensor: Any, element_spec: Any) -> Optional:
    """The optional that a tensor stands for."""
    if not isinstance(tensor, EagerTensor):
        return Optional._made(_ABSENT, element_spec, tensor)
    leaves = unboxed(tensor._array)
    if leaves is _ABSENT:
        return Optional._made(_ABSENT, element_spec)
    return Optional._made(Structure(element_spec).pack(leaves), element_spec)


# ---- on the host -----------------------------------------------------------------------------------------------------


def _has(array: Any) -> list[Any]:
    return [unboxed(array) is not _ABSENT]


def _parts(array: Any) -> list[Any]:
    leaves = unboxed(array)
    if leaves is _ABSENT:
        raise InvalidArgumentError(None, None, "The given optional does not have a value.")
    return [a for x in leaves if x is not None for a in part_arrays(x)]


def part_arrays(leaf: Any) -> list[Any]:
    """The arrays that make up a leaf."""
    return [stored(x) for x in nest.flatten(leaf, expand_composites=True)]


def _from_parts(*arrays: Any) -> list[Any]:
    return [boxed(list(arrays))]


def of_leaves(leaves: Any, element_spec: Any) -> Optional:
    """The optional of an element, or of none."""
    if leaves is None:
        return Optional.empty(element_spec)
    return Optional._made(Structure(element_spec).pack(leaves), element_spec)


_HAS_VALUE, _GET_VALUE, _FROM_PARTS = register(_has), register(_parts), register(_from_parts)
ABSENT = _ABSENT
