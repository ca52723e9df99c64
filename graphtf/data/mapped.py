"""The functions that users give to `map` and its kin: traced once on the structure of the elements, then run on arrays.

Invariant: control flow of the function is converted by AutoGraph; results are what `tf.function` gives. A graph that
only moves values, or computes them in few exact operations, runs node by node on NumPy, which costs less than compiling
it and gives the same bits. Entry point: `Mapped`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.data.composites import is_array_spec
from graphtf.data.structure import Leaves, Structure, as_leaf, flatten, leaf_spec, rebuilt, spread
from graphtf.data.untraced import described, with_rank
from graphtf.flags import flags
from graphtf.functions.concrete import ConcreteFunction
from graphtf.functions.function import Function
from graphtf.ir.dtypes import NATIVE
from graphtf.ir.errors import InvalidArgumentError, OnlyEager, OpenSize, TraceShapeError
from graphtf.ir.graph import Graph, Node
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Effect, Element, Host, Scalar, Trait
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor import EagerTensor

Run = Callable[[Leaves], list[Any]]

_EXACT = frozenset({"add", "sub", "mul", "div", "neg", "abs", "max", "min", "eq", "ne", "lt", "le", "gt", "ge"})
_FEW = 12  # nodes: beyond, compiling pays


class _Mode:
    """Process-wide: `enable_debug_mode`."""

    eager = False


mode = _Mode()


class Mapped:
    """A user's function of elements. `structures` describe its arguments: one element each."""

    def __init__(self, function: Any, structures: Sequence[Structure], what: str) -> None:
        if not callable(function):
            raise ValueError(
                f"Argument `func` of {what} must be a callable. Received func={function!r} (of type {type(function)})"
            )
        self._function, self._structures, self._what = function, list(structures), what
        self._specs = [spec for s in structures for spec in s.specs]
        self._values: list[Any] = []  # the leaves of the result, as they were when it was traced
        self._template: Any = None
        self._by_ranks: dict[tuple[int | None, ...], Run] = {}
        self._plain = all(isinstance(s, TensorSpec) for s in self._specs)
        self.concrete: ConcreteFunction | None = None
        self.held: tuple[Any, ...] = ()
        try:
            self.concrete, self.structure = self._trace(self._specs)
        except (OpenSize, TraceShapeError, OnlyEager) as refused:
            self.structure = described(self._specs, self._types, refused)
            return
        self._packers = [_packer(x, spec) for x, spec in zip(self._values, self.structure.specs)]
        self.held = tuple(self.concrete.outside)
        if runs_on_numpy(self.concrete.ir):
            graph = self.concrete.ir
            self.concrete._runner = lambda arrays: interpret(graph, arrays)

    # ---- tracing -----------------------------------------------------------------------------------------------------

    def _trace(self, specs: Sequence[TypeSpec], types_only: bool = False) -> tuple[ConcreteFunction, Structure]:
        """The trace for arguments of these specs, and the structure of its results."""
        name = getattr(self._function, "__name__", type(self._function).__name__)
        self._traced_specs = list(specs)
        traced = Function(self._traced, name.strip("<>"), autograph=False)
        traced._types_only = types_only
        concrete = traced.get_concrete_function(*(part for spec in specs for part in component_specs(spec)))
        return concrete, Structure(rebuilt(self._template, iter([leaf_spec(x) for x in self._values])))

    def _types(self, specs: Sequence[TypeSpec], types_only: bool) -> tuple[Structure, Sequence[Any]]:
        concrete, structure = self._trace(specs, types_only)
        return structure, concrete.outside

    def _traced(self, *parts: Any) -> list[Any]:
        """What is traced: from the components of the arguments to those of the result."""
        rest = iter(parts)
        leaves = iter([from_components(spec, rest) for spec in self._traced_specs])
        elements = [rebuilt(s.template, leaves) for s in self._structures]
        result = self._called(elements)
        result = tuple(result) if type(result) is list else result
        self._template = result
        self._values = [as_leaf(x) for x in flatten(result)]
        return [part for x in self._values if x is not None for part in nest.flatten(x, expand_composites=True)]

    def _called(self, elements: Sequence[Any]) -> Any:
        from graphtf.autograph.convert import converted_callee  # parses source

        args = spread(elements[0]) if len(elements) == 1 else elements
        return converted_callee(self._function)(*args)

    # ---- running -----------------------------------------------------------------------------------------------------

    def bound(self, held: Sequence[Any]) -> Run:
        """The function for what it refers to from outside, `held`: from leaves to leaves."""
        if mode.eager:
            return self._eagerly
        concrete = self.concrete
        if concrete is None:
            ranks = [s.shape.rank for s in self._specs if isinstance(s, TensorSpec)]
            return self._for_ranks if None in ranks else self._eagerly
        tail = [x._array if isinstance(x, EagerTensor) else x for x in held]
        run = _runner(concrete, tail)
        if self._plain and self.structure.dense:
            return run
        return lambda leaves: self._leaves(run(self._arrays(leaves)))

    def _for_ranks(self, leaves: Leaves) -> list[Any]:
        """What the function gives for leaves, some of which have an unknown rank: it may have a trace for each."""
        key = tuple([x.ndim if isinstance(x, np.ndarray) else None for x in leaves])
        run = self._by_ranks.get(key)
        if run is None:
            run = self._by_ranks[key] = self._for_rank(key)
        return run(leaves)

    def _for_rank(self, ranks: Sequence[int | None]) -> Run:
        rest = iter([spec if n is None else with_rank(spec, n) for spec, n in zip(self._specs, ranks)])
        structures = [Structure(rebuilt(s.template, rest)) for s in self._structures]
        known = Mapped(self._function, structures, self._what)
        return self._eagerly if known.concrete is None else known.bound(known.held)

    def _eagerly(self, leaves: Leaves) -> list[Any]:
        rest, elements = list(leaves), []
        for s in self._structures:
            elements.append(s.pack(rest[: len(s.specs)]))
            del rest[: len(s.specs)]
        args = spread(elements[0]) if len(elements) == 1 else elements
        result = self._function(*args)
        return self.structure.leaves(tuple(result) if type(result) is list else result, self._what)

    def _arrays(self, leaves: Leaves) -> list[Any]:
        out: list[Any] = []
        for x, spec in zip(leaves, self._specs):
            out += [x] if isinstance(x, np.ndarray) else [part._array for part in to_components(spec, x)]
        return out

    def _leaves(self, outs: Sequence[Any]) -> list[Any]:
        rest = iter(outs)
        tensors = map(EagerTensor, rest)  # of the same arrays
        return [next(rest) if pack is None else pack(tensors) for pack in self._packers]


def _packer(value: Any, spec: TypeSpec) -> Callable[..., Any] | None:
    """What makes a leaf from an iterator over its tensors; None for an array, which is taken as it is."""
    if is_array_spec(spec):
        return None
    return (lambda _: None) if value is None else nest.packer(value, expand_composites=True)


def _runner(concrete: ConcreteFunction, tail: list[Any]) -> Callable[[Sequence[Any]], list[Any]]:
    from graphtf.functions.concrete import compiled
    from graphtf.functions.exact import exact

    if concrete._runner is None:
        concrete._runner = compiled(concrete.ir, concrete._verify)
    first = concrete._runner

    def run(arrays: Sequence[Any]) -> list[Any]:
        given = list(arrays)
        try:
            return first(given + tail)
        except InvalidArgumentError:
            other = exact(concrete, given)
            if other is None:
                raise
            return _runner(other, tail)(given)

    return run


# ---- composite parts of elements -------------------------------------------------------------------------------------


def component_specs(spec: TypeSpec) -> list[TensorSpec]:
    """The specs of the tensors that make up a value of a spec."""
    return [spec] if isinstance(spec, TensorSpec) else list(spec._component_specs)  # type: ignore[attr-defined]


def to_components(spec: TypeSpec, value: Any) -> list[Any]:
    """Those tensors of a value."""
    return [value] if isinstance(spec, TensorSpec) else list(spec._to_components(value))  # type: ignore[attr-defined]


def from_components(spec: TypeSpec, parts: Any) -> Any:
    """The value of a spec from an iterator over its tensors."""
    if isinstance(spec, TensorSpec):
        return next(parts)
    return spec._from_components([next(parts) for _ in spec._component_specs])  # type: ignore[attr-defined]


# ---- what need not be compiled ---------------------------------------------------------------------------------------


def runs_on_numpy(graph: Graph) -> bool:
    """Is the graph short, and does each node give on NumPy the very bits that native code would?"""
    made = [n for n in graph.nodes if Trait.GENERATOR not in n.op.traits]
    return not flags.verify and len(made) <= _FEW and all(map(_exact, made))


def _exact(n: Node) -> bool:
    if n.regions or n.op.effect is Effect.REGIONS:
        return False
    if n.op.effect in (Effect.READ, Effect.WRITE) or Trait.VIEW in n.op.traits:
        return True
    lowering = n.op.lowering
    if isinstance(lowering, Scalar):
        return lowering.prim in _EXACT and all(v.ir_type.dtype in NATIVE for v in n.outputs)
    return isinstance(lowering, (Element, Host)) or all(v.ir_type.dtype.kind in "iub" for v in (*n.inputs, *n.outputs))
