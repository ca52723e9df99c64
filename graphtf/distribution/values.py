"""Values of which each replica has one, and structures of them: put together from replicas, and taken apart for them.

Invariant: what is the same object for all replicas is never wrapped, and what replicas hold of one distributed variable
is that variable. Entry points: `DistributedValues`, `PerReplica`, `Mirrored`, `regroup`, `select`, `local_results`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor, register_tensor_conversion_function
from graphtf.nest import Composed, CompositeTensor
from graphtf.scopes import scopes
from graphtf.spec import TypeSpec, spec_of
from graphtf.variable import Variable


class DistributedValues:
    """Values of which each replica has one, in order.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/DistributedValues.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> made = MirroredStrategy(["CPU:0", "CPU:1"]).experimental_distribute_values_from_function(
    ...     lambda context: context.replica_id_in_sync_group * 10)
    >>> isinstance(made, DistributedValues), made.values
    (True, (0, 10))
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = tuple(values)

    @property
    def values(self) -> tuple[Any, ...]:
        """The value of each replica, in order."""
        return self._values

    def _here(self) -> Any:
        """The value of the replica that runs, or on whose behalf a variable is updated; the first one's elsewhere."""
        return self._values[number_here() or 0]

    def _shown(self, text: Callable[[Any], str]) -> str:
        lines = ",\n".join(f"  {k}: {text(x)}" for k, x in enumerate(self.values))
        return f"{type(self).__name__}:{{\n{lines}\n}}"

    def __repr__(self) -> str:
        return DistributedValues._shown(self, repr)

    def __str__(self) -> str:
        return DistributedValues._shown(self, str)


def number_here() -> int | None:
    """The number of the replica that this thread works as or for; None where it works for all."""
    place = scopes.place
    if place is None:
        return None
    return place.replica if place.replica is not None else place.updating


class PerReplicaSpec(TypeSpec, Composed):
    """The spec of a `PerReplica`: one for the value of each replica."""

    __slots__ = ("_value_specs",)

    def __init__(self, *value_specs: Any) -> None:
        self._value_specs = value_specs

    @property
    def value_type(self) -> type:
        return PerReplica

    @property
    def _component_specs(self) -> list[Any]:
        return [part for spec in self._value_specs for part in _parts(spec)]

    def _components(self) -> tuple[Any, ...]:
        return self._value_specs

    def _to_components(self, value: Any) -> list[Any]:
        return nest.flatten(value, expand_composites=True)

    def _from_components(self, components: Sequence[Any]) -> PerReplica:
        rest = list(components)
        made = []
        for spec in self._value_specs:
            count = len(_parts(spec))
            own, rest = rest[:count], rest[count:]
            made.append(spec._from_components(own) if hasattr(spec, "_component_specs") else own[0])
        return PerReplica(made)

    @classmethod
    def from_value(cls, value: PerReplica) -> Any:
        """The spec of a value."""
        return value._type_spec

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Could a value fit both? Takes a spec or a value."""
        own = self._value_specs
        other = getattr(spec_or_value, "_type_spec", spec_or_value)
        if not isinstance(other, PerReplicaSpec) or len(other._value_specs) != len(own):
            return False
        return all(a.is_compatible_with(b) for a, b in zip(own, other._value_specs))

    def most_specific_common_supertype(self, others: Any) -> PerReplicaSpec | None:
        kin = [x._value_specs for x in others if isinstance(x, PerReplicaSpec)]
        if len(kin) != len(others) or any(len(x) != len(self._value_specs) for x in kin):
            return None
        found = [a.most_specific_common_supertype(b) for a, *b in zip(self._value_specs, *kin)]
        return None if None in found else PerReplicaSpec(*found)

    def _key(self) -> tuple[Any, ...]:
        return self._value_specs

    def __repr__(self) -> str:
        return f"PerReplicaSpec({', '.join(map(repr, self._value_specs))})"


def _parts(spec: Any) -> list[Any]:
    return list(spec._component_specs) if hasattr(spec, "_component_specs") else [spec]


class PerReplica(DistributedValues, CompositeTensor):
    """Values that may differ. Functions being traced take them and return them.

    Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/distributed/PerReplica.

    >>> PerReplica([1, 2])
    PerReplica:{
      0: 1,
      1: 2
    }
    """

    @property
    def _type_spec(self) -> PerReplicaSpec:
        return PerReplicaSpec(*map(spec_of, self._values))

    @property
    def _static_key(self) -> Any:
        return len(self._values)

    def _components(self) -> tuple[Any, ...]:
        return self._values

    def _from_components(self, components: Sequence[Any]) -> PerReplica:
        return PerReplica(components)

    def _stand_in(self) -> PerReplica:
        return PerReplica([x._stand_in() if isinstance(x, CompositeTensor) else None for x in self._values])


def _to_tensor(value: PerReplica, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    if number_here() is None:
        raise ValueError(
            "It looks like you are using a PerReplica object while not inside a replica context, which is not "
            "supported. Try running your op or function inside a replica context by using `strategy.run`"
        )
    return convert_to_tensor(value._here(), dtype)


register_tensor_conversion_function(PerReplica, _to_tensor)


class Mirrored(DistributedValues):
    """Values that are equal. They may be used as the one of the replica that runs, or outside of any as the first.

    Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/distributed/Mirrored.

    >>> Mirrored([convert_to_tensor(2.0)] * 2) + 1
    <tf.Tensor: shape=(), dtype=float32, numpy=3.0>
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_values":
            raise AttributeError(name)
        return getattr(self._here(), name)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return convert_to_tensor(self._here(), dtype)


def _delegated(name: str) -> Any:
    apply = getattr(operator, name)

    def forward(self: Any, other: Any) -> Any:
        return apply(self._here(), other)

    def reflected(self: Any, other: Any) -> Any:
        return apply(other, self._here())

    return forward, reflected


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    for _prefix, _method in zip(("__", "__r"), _delegated(_name)):
        setattr(Mirrored, f"{_prefix}{_name}__", _method)


# ---- structures ------------------------------------------------------------------------------------------------------


def container_of(x: Any) -> Any:
    """The distributed variable that a variable is a copy of; None for what is no copy."""
    return x.__dict__.get("_distributed_container", _none)() if type(x) is Variable else None


def _none() -> None:
    return None


def container_or_self(x: Any) -> Any:
    """The distributed variable that a variable is a copy of; what is no copy, itself."""
    found = container_of(x)
    return x if found is None else found


def regroup(values: Sequence[Any], wrap: Callable[[tuple[Any, ...]], Any] = PerReplica) -> Any:
    """The results of replicas, in order, as one structure with what differs wrapped. Raises TypeError for structures
    that differ."""
    first = values[0]
    inner = [nest._items(x, False) for x in values]
    if inner[0] is not None:
        shapes = [(type(x), [k for k, _ in part or ()]) for x, part in zip(values, inner)]
        if any(shape != shapes[0] for shape in shapes):
            raise TypeError(f"replicas return structures that differ: {values!r}")
        children = [[child for _, child in part or ()] for part in inner]
        return nest._rebuilt(first, [regroup(of_all, wrap) for of_all in zip(*children)])
    if all(x is first for x in values):
        return container_or_self(first)
    containers = [container_of(x) for x in values]
    if containers[0] is not None and all(c is containers[0] for c in containers):
        return containers[0]
    return wrap(tuple(values))


def select(number: int, structure: Any) -> Any:
    """A structure as one replica gets it: distributed variables stay, which know by themselves."""
    return nest.map_structure(lambda x: of_replica(number, x), structure)


def of_replica(number: int, x: Any) -> Any:
    """The value that a replica has of something."""
    return x.values[number] if isinstance(x, DistributedValues) and not isinstance(x, Variable) else x


def local_results(value: Any, count: int) -> tuple[Any, ...]:
    """The values, or structures of values, of all replicas; what is not distributed counts once."""
    if isinstance(value, DistributedValues):
        return value.values
    if not nest.is_nested(value):
        return (value,)
    own = [lambda x, k=k: x.values[k] if isinstance(x, DistributedValues) else x for k in range(count)]
    return tuple(nest.map_structure(get, value) for get in own)
