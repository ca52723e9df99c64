"""Signatures: what of a call's arguments decides which trace serves it.

Invariant: two calls with equal keys may share a trace. Tensors count by dtype and shape, variables by identity, Python
numbers by value, other Python values by type and value (or identity), structures by their shape. Entry points:
`Parameters.bind`, `canonical`, `Signature`.
"""

from __future__ import annotations

import enum
import functools
import inspect
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.ir.dims import Dim, sym
from graphtf.ir.dtypes import DType
from graphtf.ir.types import TensorType
from graphtf.nest import CompositeTensor
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor, static_sizes
from graphtf.tensor_shape import TensorShape
from graphtf.variable import Variable

_BY_VALUE = (
    bool, int, float, complex, str, bytes, type(None), type, DType, TensorShape, TypeSpec, enum.Enum, FunctionType,
    BuiltinFunctionType, ModuleType, np.dtype, slice, range, frozenset, type(Ellipsis),
)  # fmt: skip
_NUMBERS = (bool, int, float, complex)  # those that Python takes to be equal share a trace, as in TensorFlow
Sizes = tuple[int | None, ...] | None


class Identity:
    """A key for an object without value semantics: equal only for the object itself, while it lives."""

    __slots__ = ("_hash", "_ref")

    def __init__(self, x: Any) -> None:
        self._hash = id(x)
        try:
            self._ref: Callable[[], Any] = weakref.ref(x)
        except TypeError:
            self._ref = lambda: x  # kept alive: its id must stay its own

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identity) or self._hash != other._hash:
            return False
        mine = self._ref()
        return mine is not None and mine is other._ref()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor argument: dtype, sizes (None: any), and a name for messages."""

    dtype: DType
    sizes: Sizes
    pattern: tuple[int, ...] = ()  # which open sizes are known to be the same: equal numbers

    def generalised(self, other: Leaf) -> Leaf:
        """The most specific leaf that describes both."""
        shape = TensorShape.of(self.sizes).most_specific_compatible_shape(TensorShape.of(other.sizes))
        return Leaf(self.dtype, shape.as_tuple())

    def describes(self, other: Leaf) -> bool:
        """Does a tensor of the other leaf fit?"""
        if self.dtype is not other.dtype or (self.pattern and self.pattern != other.pattern):
            return False
        return TensorShape.of(other.sizes).is_subtype_of(TensorShape.of(self.sizes))

    def __str__(self) -> str:
        return f"{self.dtype.name}{'[*]' if self.sizes is None else list(self.sizes)}".replace("None", "?")


@dataclass(frozen=True, slots=True)
class Signature:
    """What decides on a trace: the structure with its Python values, and its tensors."""

    structure: Any
    leaves: tuple[Leaf, ...]

    def describes(self, other: Signature) -> bool:
        return (
            self.structure == other.structure and len(self.leaves) == len(other.leaves)
            and all(a.describes(b) for a, b in zip(self.leaves, other.leaves))
        )  # fmt: skip

    def generalised(self, other: Signature) -> Signature | None:
        """The signature that serves both calls, if sizes are all that differs."""
        if self.structure != other.structure or len(self.leaves) != len(other.leaves):
            return None
        if any(a.dtype is not b.dtype for a, b in zip(self.leaves, other.leaves)):
            return None
        return Signature(self.structure, tuple(a.generalised(b) for a, b in zip(self.leaves, other.leaves)))

    def types(self) -> list[TensorType]:
        """The types to trace with: open sizes get names, n0, n1, …"""
        names: dict[int, Dim] = {}
        count = 0
        out = []
        for leaf in self.leaves:
            if leaf.sizes is None:
                out.append(TensorType(leaf.dtype, None))
                continue
            pattern = iter(leaf.pattern)
            dims: list[Dim] = []
            for d in leaf.sizes:
                if d is not None:
                    dims.append(d)
                    continue
                number = next(pattern, -1)
                if number < 0 or number not in names:
                    fresh = sym(f"n{count}")
                    count += 1
                    if number >= 0:
                        names[number] = fresh
                    dims.append(fresh)
                else:
                    dims.append(names[number])
            out.append(TensorType(leaf.dtype, tuple(dims)))
        return out


class Open:
    """Stands for a tensor in a structure whose tensors have been taken out."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass
class Canonical:
    """A call's arguments: key, tensors in order, and how to put them back."""

    signature: Signature
    tensors: list[Tensor]
    structure: Any  # (args, kwargs) with `Open` in place of tensors

    def exact(self) -> Canonical:
        """The same for the sizes of its tensors, where the signature leaves them open."""
        walk = _Walk()
        leaves = tuple(walk.exact(x, leaf) for x, leaf in zip(self.tensors, self.signature.leaves))
        return Canonical(Signature(self.signature.structure, leaves), self.tensors, self.structure)

    def at(self, place: Any) -> Canonical:
        """The same for calls in a part of a strategy's work, which have traces of their own; None: in no strategy's."""
        if place is None:
            return self
        placed = Signature((place, self.signature.structure), self.signature.leaves)
        return Canonical(placed, self.tensors, self.structure)

    def without_values(self) -> Canonical:
        """The same without tensors that have a value: what a trace keeps must not keep a call's arguments alive."""
        kept = [None if isinstance(x, EagerTensor) else x for x in self.tensors]
        return Canonical(self.signature, kept, self.structure)  # type: ignore[arg-type]


def canonical(args: Any, kwargs: Any) -> Canonical:
    """Take the tensors out of arguments. NumPy arrays count as tensors."""
    walk = _Walk()
    key, structure = walk.visit((tuple(args), dict(kwargs)))
    leaves = tuple(walk.leaves)
    return Canonical(Signature(key, leaves), walk.tensors, structure)


class _Walk:
    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.leaves: list[Leaf] = []
        self.seen: dict[Dim, int] = {}
        self.variables: dict[int, int] = {}

    def visit(self, x: Any) -> tuple[Any, Any]:
        """The key of a value, and the value without its tensors."""
        kind = type(x)
        if isinstance(x, EagerTensor):
            return self.tensor(x, Leaf(x.dtype, x._array.shape))
        if isinstance(x, SymbolicTensor):
            return self.tensor(x, self.symbolic(x))
        if isinstance(x, Variable):
            return ("variable", Identity(x._root)), x
        if isinstance(x, TensorSpec):
            return self.tensor(x, Leaf(x.dtype, x.shape.as_tuple()))
        if isinstance(x, CompositeTensor) or hasattr(kind, "_component_specs"):
            return self.composite(x)
        if isinstance(x, (list, tuple, Mapping)) or nest.is_nested(x):
            return self.nested(x)
        if kind in _NUMBERS:
            return ("number", x if x == x else "nan"), x
        if isinstance(x, _BY_VALUE) and not isinstance(x, MethodType):
            return (kind, repr(x) if isinstance(x, float) else x), x
        if hasattr(x, "__array__") and not isinstance(x, np.str_):
            return self.visit(convert_to_tensor(x))
        if hasattr(kind, "__tf_tensor__"):
            return ("object", Identity(x)), x
        return self.nested_partial(x) if isinstance(x, functools.partial) else self.other(x)

    def tensor(self, x: Any, leaf: Leaf) -> tuple[Any, Any]:
        self.tensors.append(x)
        self.leaves.append(leaf)
        return Tensor, Open(len(self.tensors) - 1)

    def symbolic(self, x: SymbolicTensor) -> Leaf:
        dims = x.value.ir_type.shape
        pattern = tuple(self.seen.setdefault(d, len(self.seen)) for d in dims or () if not isinstance(d, int))
        return Leaf(x.dtype, static_sizes(dims), pattern)

    def exact(self, x: Any, leaf: Leaf) -> Leaf:
        """The leaf for a tensor as it is; the one declared for what has no value."""
        if isinstance(x, EagerTensor):
            return Leaf(x.dtype, x._array.shape)
        return self.symbolic(x) if isinstance(x, SymbolicTensor) else leaf

    def composite(self, x: Any) -> tuple[Any, Any]:
        """A composite tensor, or the spec of one."""
        if isinstance(x, CompositeTensor):
            x = x._as_argument()
            static, components = x._static_key, x._components()
        else:
            static, components = x, x._component_specs
        parts = [self.visit(c) for c in components]
        kept = x._stand_in() if isinstance(x, CompositeTensor) else x
        return (type(x), static, tuple(k for k, _ in parts)), _Composite(kept, [s for _, s in parts])

    def nested(self, x: Any) -> tuple[Any, Any]:
        if isinstance(x, Mapping):
            names = sorted(x, key=str)
            parts = [self.visit(x[k]) for k in names]
            rebuilt = nest._mapping_like(x, {k: s for k, (_, s) in zip(names, parts)})
            return (type(x), tuple(names), tuple(k for k, _ in parts)), rebuilt
        items = nest._items(x, False) or []
        parts = [self.visit(child) for _, child in items]
        return (type(x), tuple(k for k, _ in parts)), nest._rebuilt(x, [s for _, s in parts])

    def nested_partial(self, x: Any) -> tuple[Any, Any]:
        key, _ = self.visit((x.func, x.args, x.keywords))
        return ("partial", key), x

    def other(self, x: Any) -> tuple[Any, Any]:
        if isinstance(x, MethodType):
            return (MethodType, x.__func__, Identity(x.__self__)), x
        own = getattr(type(x), "__tf_tracing_type__", None)
        if own is not None:
            return ("tracing type", own(x, None)), x
        if type(x).__hash__ is object.__hash__ or type(x).__hash__ is None:
            return ("object", Identity(x)), x
        try:
            hash(x)
        except TypeError:
            return ("object", Identity(x)), x
        return (type(x), x), x


class _Composite:
    """A composite tensor without its tensors, or the spec of one."""

    def __init__(self, original: Any, parts: list[Any]) -> None:
        self.original, self.parts = original, parts


def filled(structure: Any, tensors: Sequence[Any]) -> Any:
    """A structure with tensors back in place of `Open`."""
    if isinstance(structure, Open):
        return tensors[structure.number]
    if isinstance(structure, _Composite):
        parts = [filled(x, tensors) for x in structure.parts]
        return structure.original._from_components(parts)
    if isinstance(structure, Mapping):
        return nest._mapping_like(structure, {k: filled(v, tensors) for k, v in structure.items()})
    items = None if isinstance(structure, CompositeTensor) else nest._items(structure, False)
    if items is None:
        return structure
    return nest._rebuilt(structure, [filled(child, tensors) for _, child in items])


def tensors_in(structure: Any) -> Iterator[int]:
    """The numbers of the tensors that belong into a structure."""
    if isinstance(structure, Open):
        yield structure.number
    elif isinstance(structure, _Composite):
        yield from (k for x in structure.parts for k in tensors_in(x))
    elif not isinstance(structure, CompositeTensor):
        yield from (k for _, x in nest._items(structure, False) or () for k in tensors_in(x))


class Parameters:
    """The parameters of a Python function, and how calls bind to them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            self.signature: inspect.Signature | None = inspect.signature(function)
        except (ValueError, TypeError):
            self.signature = None  # a builtin that does not say: arguments are passed on as they are
        kinds = [] if self.signature is None else [q.kind for q in self.signature.parameters.values()]
        self.plain = all(k is inspect.Parameter.POSITIONAL_OR_KEYWORD for k in kinds)
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        named = () if self.signature is None else self.signature.parameters.values()
        self.names = [q.name for q in named if q.kind in positional]

    def bind(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], defaults: bool = True
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments in canonical form: positional where they can be, defaults filled in. Raises TypeError."""
        if self.signature is None:
            return tuple(args), dict(kwargs)
        bound = self.signature.bind(*args, **kwargs)
        if defaults:
            bound.apply_defaults()
        return bound.args, bound.kwargs
