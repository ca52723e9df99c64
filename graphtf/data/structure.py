"""Structures of elements: tuples, named tuples, mappings and attrs classes of specs; a list counts as one tensor.

Invariant: an element travels through a pipeline as its leaves in order: a NumPy array for each tensor, the value itself
for whatever else a spec describes (composite tensors, datasets, optionals, None). Entry points: `Structure`,
`structure_of(value)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.data.composites import batched_spec, is_array_spec, row_spec
from graphtf.ir.errors import InvalidArgumentError
from graphtf.sparse_tensor import SparseTensor
from graphtf.spec import TensorSpec, TypeSpec, spec_of
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tensor_shape import TensorShape

Leaves = Sequence[Any]


class NoneTensorSpec(TypeSpec):
    """The spec of None, which may be a part of an element."""

    __slots__ = ()

    @property
    def value_type(self) -> type:
        return type(None)

    def is_compatible_with(self, other: Any) -> bool:
        return other is None or isinstance(other, NoneTensorSpec)

    @property
    def _component_specs(self) -> list[TypeSpec]:
        return []

    def _to_components(self, value: None) -> list[Tensor]:
        return []

    def _from_components(self, parts: Sequence[Any]) -> None:
        return None

    def _key(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        return "NoneTensorSpec()"


# ---- walking ---------------------------------------------------------------------------------------------------------


def children(x: Any) -> list[Any] | None:
    """The parts of a structure in order; None for a leaf."""
    if isinstance(x, tuple):
        return list(x)
    if isinstance(x, (list, str, bytes, nest.CompositeTensor, TypeSpec, Tensor)):
        return None
    if isinstance(x, Mapping):
        return [x[k] for k in nest._sorted(x)]
    fields = nest._attrs_fields(x)
    return None if fields is None else [getattr(x, f) for f in fields]


def flatten(x: Any) -> list[Any]:
    """The leaves in order.

    >>> flatten(({"b": 1, "a": [2, 3]}, 4))
    [[2, 3], 1, 4]
    """
    inner = children(x)
    return [x] if inner is None else [leaf for child in inner for leaf in flatten(child)]


def rebuilt(template: Any, leaves: Any) -> Any:
    """The structure of `template` with the leaves that an iterator gives."""
    inner = children(template)
    if inner is None:
        return next(leaves)
    return nest._rebuilt(template, [rebuilt(child, leaves) for child in inner])


def map_leaves(function: Callable[[Any], Any], x: Any) -> Any:
    """The structure of `x` with a function of each leaf in its place."""
    return rebuilt(x, iter([function(leaf) for leaf in flatten(x)]))


def same_shape(a: Any, b: Any) -> bool:
    """Have two structures their leaves in the same places?"""
    left, right = children(a), children(b)
    if left is None or right is None:
        return left is right
    if isinstance(a, Mapping) != isinstance(b, Mapping) or len(left) != len(right):
        return False
    if isinstance(a, Mapping) and nest._sorted(a) != nest._sorted(b):
        return False
    return all(map(same_shape, left, right))


# ---- values ----------------------------------------------------------------------------------------------------------


def as_leaf(x: Any) -> Any:
    """A leaf of a user's structure as a value that a spec describes: what can be a tensor becomes one."""
    if x is None or isinstance(x, (Tensor, nest.CompositeTensor)):
        return x
    return convert_to_tensor(x)


def leaf_spec(x: Any) -> TypeSpec:
    """The spec of a value that `as_leaf` gave. Raises TypeError for a composite without one."""
    if x is None:
        return NoneTensorSpec()
    found = spec_of(x)
    if found is None:
        raise TypeError(f"a {type(x).__name__} cannot be part of an element of a dataset")
    return found


def spread(element: Any) -> tuple[Any, ...]:
    """The arguments of a function of an element: a plain tuple is several."""
    return element if type(element) is tuple else (element,)


def structure_of(value: Any) -> tuple[Structure, list[Any]]:
    """The structure of a value and its leaves as tensors, composites or None."""
    values = [as_leaf(x) for x in flatten(value)]
    return Structure(rebuilt(value, iter([leaf_spec(x) for x in values]))), values


def stored(x: Any) -> Any:
    """A leaf as it travels: the array of a tensor, or the value itself."""
    return x._array if isinstance(x, EagerTensor) else x


class Structure:
    """What the elements of a dataset look like: a nested structure of specs."""

    __slots__ = ("dense", "pack", "specs", "template")

    def __init__(self, template: Any) -> None:
        self.template = template = map_leaves(lambda s: NoneTensorSpec() if s is None else s, template)
        self.specs: tuple[TypeSpec, ...] = tuple(flatten(template))
        for spec in self.specs:
            if not isinstance(spec, TypeSpec):
                raise TypeError(f"the structure of a dataset's elements holds {spec!r}, expected tf.TypeSpec objects")
        self.dense = all(isinstance(s, TensorSpec) for s in self.specs)
        self.pack: Callable[[Leaves], Any] = self._packer()

    def _packer(self) -> Callable[[Leaves], Any]:
        """The function from leaves to the value that users see."""
        if self.dense and children(self.template) is None:
            return lambda leaves: EagerTensor(leaves[0])
        flat = type(self.template) is tuple and len(self.template) == len(self.specs)
        if self.dense and flat and all(children(x) is None for x in self.template):
            return lambda leaves: tuple(map(EagerTensor, leaves))
        wrap = [is_array_spec(s) for s in self.specs]
        template = self.template
        return lambda leaves: rebuilt(template, iter([EagerTensor(x) if w else x for x, w in zip(leaves, wrap)]))

    def numpy(self, leaves: Leaves) -> Any:
        """The element as `as_numpy_iterator` gives it."""
        return rebuilt(self.template, iter([_as_numpy(x) for x in leaves]))

    def leaves(self, value: Any, what: str = "an element") -> list[Any]:
        """The leaves of a value of this structure. Raises TypeError for another structure or dtype, ValueError for a
        shape that does not fit."""
        if not same_shape(self.template, value):
            raise TypeError(f"{what} has the structure of {value!r}, expected that of {self.template!r}")
        return [_fitted(x, spec, what) for x, spec in zip(flatten(value), self.specs)]

    def mapped(self, function: Callable[[TypeSpec], TypeSpec]) -> Structure:
        """The same structure with a function of each spec."""
        return Structure(map_leaves(function, self.template))

    def merged(self, other: Structure, what: str) -> Structure:
        """The most specific structure of what either describes. Raises TypeError if there is none."""
        if not same_shape(self.template, other.template):
            raise TypeError(f"{what}: the structures {self.template!r} and {other.template!r} differ")
        pairs = [(a, b, a.most_specific_common_supertype([b])) for a, b in zip(self.specs, other.specs)]
        for a, b, found in pairs:
            if found is None:
                raise TypeError(f"{what}: {a!r} and {b!r} have no common type")
        return Structure(rebuilt(self.template, iter([found for _, _, found in pairs])))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and same_shape(self.template, other.template) and self.specs == other.specs

    def __hash__(self) -> int:
        return hash(self.specs)

    def __repr__(self) -> str:
        return repr(self.template)


def _as_numpy(x: Any) -> Any:
    if hasattr(x, "as_numpy_iterator"):
        return x.as_numpy_iterator()
    if isinstance(x, SparseTensor):
        return x._as_arrays()
    if not hasattr(x, "flags"):
        return x.numpy() if hasattr(x, "numpy") else x
    return x.copy() if x.ndim else x[()]


def _fitted(x: Any, spec: TypeSpec, what: str) -> Any:
    if not is_array_spec(spec):
        return _fitted_composite(x, spec, what)
    try:
        tensor = x if isinstance(x, EagerTensor) else convert_to_tensor(x, spec.dtype)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} cannot be converted to {spec}: {error}") from None
    dtype, shape = spec.dtype, spec.shape  # type: ignore[attr-defined]
    if tensor.dtype is not dtype:
        raise TypeError(f"{what} has dtype {tensor.dtype.name}, expected {dtype.name}")
    if not shape.is_compatible_with(tensor.shape):
        raise ValueError(f"{what} has shape {tensor.shape}, expected {shape}")
    return tensor._array


def _fitted_composite(x: Any, spec: TypeSpec, what: str) -> Any:
    if spec.is_compatible_with(x):  # type: ignore[attr-defined]
        return x
    raise TypeError(f"{what} holds {x!r}, expected {spec!r}")


# ---- shapes of many elements -----------------------------------------------------------------------------------------


def batched(spec: TypeSpec, size: int | None) -> TypeSpec:
    """The spec of `size` (None: any number of) elements, stacked."""
    if isinstance(spec, TensorSpec):
        return TensorSpec(TensorShape([size]).concatenate(spec.shape), spec.dtype)
    return spec if isinstance(spec, NoneTensorSpec) else batched_spec(spec, size)


def unbatched(spec: TypeSpec) -> TypeSpec:
    """The spec of one row. Raises ValueError for a scalar."""
    if isinstance(spec, TensorSpec):
        if spec.shape.rank == 0:
            raise ValueError("Cannot unbatch an input with scalar components: it is only supported for rank >= 1")
        return TensorSpec(None if spec.shape.rank is None else spec.shape[1:], spec.dtype)
    return spec if isinstance(spec, NoneTensorSpec) else row_spec(spec)


def common_rows(values: Sequence[Any], specs: Sequence[TypeSpec]) -> int | None:
    """The number of rows that all leaves have; None if no shape says. Raises ValueError where they differ or a leaf has
    no rows."""
    found: int | None = None
    for x, spec in zip(values, specs):
        shape = getattr(spec, "shape", TensorShape(None))
        if shape.rank == 0:
            raise ValueError(f"slicing needs leaves of rank 1 or more, got the scalar {x!r}")
        rows = None if shape.rank is None else shape[0]
        if found is not None and rows is not None and rows != found:
            raise ValueError(f"Dimensions {found} and {rows} are not compatible: leaves differ in their number of rows")
        found = rows if found is None else found
    return found


def stack_error(k: int, component: int, first: tuple[int, ...], other: tuple[int, ...]) -> InvalidArgumentError:
    """The error for an element that does not fit into a batch."""
    return InvalidArgumentError(
        None, None,
        f"Cannot batch tensors with different shapes in component {component}. First element had shape "
        f"{list(first)} and element {k} had shape {list(other)}.",
    )  # fmt: skip
