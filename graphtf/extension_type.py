"""`ExtensionType`: classes of the user's own, made of tensors, that pass through functions, loops and structures.

Invariant: fields are those annotated, checked against their annotations (graphtf/extension_fields.py) when an object is
made, and never changed after. An object is the composite of the tensors in its fields; what else it holds belongs to
its spec. Follows https://www.tensorflow.org/api_docs/python/tf/experimental/ExtensionType. Entry points:
`ExtensionType`, `ExtensionTypeSpec`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from graphtf.api.compare import equal
from graphtf.api.reduce import reduce_all
from graphtf.convert import convert_to_tensor
from graphtf.extension_fields import converted, open_fields, rebuilt, spec_field, without_tensors
from graphtf.internal.type_specs import register
from graphtf.nest import Composed, CompositeTensor
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import Tensor

_RESERVED = frozenset({"_components", "_from_components", "_type_spec", "Spec", "self"})
_REQUIRED = inspect.Parameter.empty


class ExtensionType(CompositeTensor):
    """A base for classes that hold tensors in annotated fields.

    A constructor is made from the fields; `__validate__` may refuse what was given. Objects are immutable.

    >>> class Pair(ExtensionType):
    ...     first: Tensor
    ...     second: Tensor
    ...     def swapped(self):
    ...         return Pair(self.second, self.first)
    >>> Pair([1], 2.0).swapped().first
    <tf.Tensor: shape=(), dtype=float32, numpy=2.0>
    """

    _fields: ClassVar[dict[str, inspect.Parameter]] = {}
    _made = False  # of an object: is it complete?
    Spec: ClassVar[type]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._fields = {**cls._fields, **_declared(cls)}
        own = cls.__dict__.get("__init__")
        if own is not None:
            cls.__init__ = _completing(cls, own)  # type: ignore[method-assign]
        elif cls.__init__ is ExtensionType.__init__ or inspect.get_annotations(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
        written = cls.__dict__.get("Spec")
        bases = (ExtensionTypeSpec,) if written is None else (written, ExtensionTypeSpec)
        names = {"_of": cls, "__qualname__": f"{cls.__qualname__}.Spec", "__module__": cls.__module__}
        cls.Spec = type("Spec", bases, names)
        if "__name__" in cls.__dict__:
            register(f"{cls.__dict__['__name__']}.Spec")(cls.Spec)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("ExtensionType is a base class: derive from it")

    def __validate__(self) -> None:
        """Raise an error for values that do not go together."""

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made:
            raise AttributeError(
                f"Cannot mutate attribute `{name}` outside the custom constructor of ExtensionType."
                if name in self._fields else f"Cannot set attribute `{name}` of an ExtensionType: it is immutable."
            )  # fmt: skip
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if self._made:
            raise AttributeError(f"Cannot mutate attribute `{name}` outside the custom constructor of ExtensionType.")
        object.__delattr__(self, name)

    def __eq__(self, other: object) -> Any:
        """Whether types, other values and shapes are the same and so are all elements: a bool, or a bool tensor."""
        if type(self) is not type(other) or self._type_spec != other._type_spec:  # type: ignore[attr-defined]
            return False
        pairs = zip(self._components(), other._components())  # type: ignore[attr-defined]
        return reduce_all([reduce_all(equal(a, b)) for a, b in pairs] or [True])

    def __ne__(self, other: object) -> Any:
        same = self.__eq__(other)
        return not same if isinstance(same, bool) else equal(same, convert_to_tensor(False))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({inside})"

    # ---- as a composite of tensors -----------------------------------------------------------------------------------

    @property
    def _type_spec(self) -> ExtensionTypeSpec:
        return self.Spec.from_value(self)  # type: ignore[attr-defined,no-any-return]

    def _components(self) -> tuple[Tensor, ...]:
        found: list[Any] = []
        for name in self._fields:
            open_fields(getattr(self, name), found)
        return tuple(found)

    def _from_components(self, components: Sequence[Any]) -> Any:
        parts: Iterator[Any] = iter(components)
        return _object(type(self), {name: rebuilt(getattr(self, name), parts) for name in self._fields})


def as_dict(value: ExtensionType) -> dict[str, Any]:
    """The fields of an object by name.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/extension_type/as_dict.
    """
    return {name: getattr(value, name) for name in value._fields}


class ExtensionTypeSpec(TypeSpec, Composed):
    """The spec of an `ExtensionType`: a spec of each tensor in its fields, and the other values themselves."""

    _of: type[ExtensionType]
    _made = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = _signature(self._of, specs=True).bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            annotation = self._of._fields[name].annotation
            object.__setattr__(self, name, converted(value, annotation, name, specs=True))
        object.__setattr__(self, "_made", True)

    @classmethod
    def from_value(cls, value: Any) -> Any:
        """The spec of an object."""
        if not isinstance(value, cls._of):
            raise TypeError(f"expected a {cls._of.__name__}, got {value!r}")
        made = cls.__new__(cls)
        for name in cls._of._fields:
            object.__setattr__(made, name, spec_field(getattr(value, name)))
        object.__setattr__(made, "_made", True)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made:
            raise AttributeError(f"Cannot mutate attribute `{name}` of a spec: it is immutable.")
        object.__setattr__(self, name, value)

    @property
    def value_type(self) -> type:
        return self._of

    def _key(self) -> tuple[Any, ...]:
        return tuple(_frozen(getattr(self, name)) for name in self._of._fields)

    @property
    def component_specs(self) -> tuple[Any, ...]:
        """The specs of the tensors."""
        found: list[Any] = []
        for name in self._of._fields:
            open_fields(getattr(self, name), found)
        return tuple(found)

    _component_specs = component_specs

    def _components(self) -> tuple[Any, ...]:
        return self.component_specs

    def _serialize(self) -> tuple[tuple[str, Any], ...]:
        return tuple((name, getattr(self, name)) for name in self._of._fields)

    @classmethod
    def _deserialize(cls, serialization: Any) -> Any:
        made = cls.__new__(cls)
        for name, value in serialization:
            object.__setattr__(made, name, converted(value, cls._of._fields[name].annotation, name, specs=True))
        object.__setattr__(made, "_made", True)
        return made

    def _to_components(self, value: Any) -> list[Any]:
        return list(value._components())

    def from_components(self, components: Sequence[Any]) -> Any:
        """The object of such tensors."""
        parts = iter(components)
        return _object(self._of, {name: rebuilt(getattr(self, name), parts) for name in self._of._fields})

    _from_components = from_components

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Could an object fit both? Takes a spec or an object."""
        other = spec_or_value if isinstance(spec_or_value, TypeSpec) else getattr(spec_or_value, "_type_spec", None)
        if type(other) is not type(self) or self._other_values() != other._other_values():
            return False
        return all(a.is_compatible_with(b) for a, b in zip(self.component_specs, other.component_specs))

    def _other_values(self) -> tuple[Any, ...]:
        return tuple(_frozen(without_tensors(getattr(self, name))) for name in self._of._fields)

    def is_subtype_of(self, other: Any) -> bool:
        return self.most_specific_common_supertype([other]) == other

    def most_specific_common_supertype(self, others: Any) -> Any:
        specs: list[Any] = list(self.component_specs)
        for other in others:
            if type(other) is not type(self) or self._other_values() != other._other_values():
                return None
            specs = [None if a is None else a.most_specific_common_supertype([b])
                     for a, b in zip(specs, other.component_specs)]  # fmt: skip
        return None if None in specs else self._with_specs(specs)

    def _with_specs(self, specs: Sequence[Any]) -> Any:
        made, parts = type(self).__new__(type(self)), iter(specs)
        for name in self._of._fields:
            object.__setattr__(made, name, rebuilt(getattr(self, name), parts))
        object.__setattr__(made, "_made", True)
        return made

    def _batch(self, batch_size: int | None) -> Any:
        """The spec of so many stacked."""
        return self._with_specs([_batched(s, batch_size) for s in self.component_specs])

    def _unbatch(self) -> Any:
        """The spec of one of those stacked."""
        return self._with_specs([_row(s) for s in self.component_specs])

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._of._fields)
        return f"{self._of.__qualname__}.Spec({inside})"


class ExtensionTypeBatchEncoder:
    """How objects are stacked: field by field, unless overridden.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/ExtensionTypeBatchEncoder.
    """

    def batch(self, spec: ExtensionTypeSpec, batch_size: int | None) -> Any:
        """The spec of so many stacked."""
        return spec._batch(batch_size)

    def unbatch(self, spec: ExtensionTypeSpec) -> Any:
        """The spec of one of those stacked."""
        return spec._unbatch()

    def encode(self, spec: ExtensionTypeSpec, value: Any, minimum_rank: int = 0) -> list[Any]:
        """The tensors of an object."""
        return list(value._components())

    def decode(self, spec: ExtensionTypeSpec, encoded_value: Sequence[Any]) -> Any:
        """The object of tensors."""
        return spec.from_components(encoded_value)

    def encoding_specs(self, spec: ExtensionTypeSpec) -> tuple[Any, ...]:
        """The specs of the tensors that `encode` gives."""
        return spec.component_specs


# ---- making classes and objects --------------------------------------------------------------------------------------


def _declared(cls: type) -> dict[str, inspect.Parameter]:
    """The fields that a class annotates, with their defaults. Raises ValueError for a name that is taken."""
    found = {}
    for name, annotation in typing.get_type_hints(cls).items():
        if name not in inspect.get_annotations(cls):
            continue
        if name in _RESERVED or name.startswith("__"):
            raise ValueError(f"The field annotations for {cls.__name__} are invalid. Field '{name}' is reserved.")
        default = cls.__dict__.get(name, _REQUIRED)
        if default is not _REQUIRED:
            default = converted(default, annotation, name)
            delattr(cls, name)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        found[name] = inspect.Parameter(name, kind, default=default, annotation=annotation)
    return found


def _signature(cls: type[ExtensionType], specs: bool = False) -> inspect.Signature:
    """The constructor's: fields without a default first, as classes that derive may add some."""
    fields = cls._fields.values()
    if specs:
        fields = [f.replace(default=spec_field(f.default)) if f.default is not _REQUIRED else f for f in fields]  # type: ignore[assignment]
    return inspect.Signature(sorted(fields, key=lambda f: f.default is not _REQUIRED))


def _constructor(cls: type[ExtensionType]) -> Any:
    signature = _signature(cls)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as e:
            raise TypeError(f"{cls.__name__}: {e}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            object.__setattr__(self, name, value)
        _complete(self)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def _completing(cls: type, own: Any) -> Any:
    """A constructor of the user's, after which the object is complete."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        own(self, *args, **kwargs)
        if type(self).__init__ is __init__:
            _complete(self)

    __init__.__wrapped__ = own  # type: ignore[attr-defined]
    return __init__


def _complete(x: ExtensionType) -> None:
    """Check and convert the fields, and let the class look at them. Raises TypeError, AttributeError."""
    for name, field in x._fields.items():
        if name not in x.__dict__:
            if field.default is _REQUIRED:
                raise AttributeError(f"{type(x).__name__}: field `{name}` was not set by the constructor")
            object.__setattr__(x, name, field.default)
        object.__setattr__(x, name, converted(getattr(x, name), field.annotation, name))
    extra = sorted(set(x.__dict__) - set(x._fields))
    if extra:
        raise ValueError(f"The field(s) {extra} of {type(x).__name__} are not declared")
    x.__validate__()
    object.__setattr__(x, "_made", True)


def _object(cls: type[ExtensionType], fields: dict[str, Any]) -> Any:
    """An object without its constructor, from what was checked before."""
    made = cls.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    object.__setattr__(made, "_made", True)
    return made


def _frozen(x: Any) -> Any:
    """Something hashable in place of a value that is not."""
    if isinstance(x, dict):
        return tuple((k, _frozen(v)) for k, v in sorted(x.items()))
    return tuple(map(_frozen, x)) if isinstance(x, (list, tuple)) else x


def _row(spec: Any) -> Any:
    from graphtf.data.composites import row_spec  # of sparse and ragged tensors, which few objects hold

    return TensorSpec(spec.shape[1:], spec.dtype) if isinstance(spec, TensorSpec) else row_spec(spec)


def _batched(spec: Any, size: int | None) -> Any:
    if not isinstance(spec, TensorSpec):
        from graphtf.data.composites import batched_spec  # as above

        return batched_spec(spec, size)
    return TensorSpec([size, *spec.shape.as_list()] if spec.shape.rank is not None else None, spec.dtype)


class BatchableExtensionType(ExtensionType):
    """An `ExtensionType` that datasets and `map_fn` can stack and take apart.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/BatchableExtensionType.
    """

    _batchable = True
