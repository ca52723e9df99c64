"""`ConcreteFunction`: one trace, compiled when it is first called.

Invariant: its graph takes the call's tensors, then what the function referred to from outside; results are put back
into the structure the Python function returned. Entry points: `ConcreteFunction`, `run_graph`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphtf import nest
from graphtf.flags import flags
from graphtf.functions.calling import bound, captured, flat, leaf_names, parameter_lines, typed
from graphtf.functions.exact import exact, exact_for_types
from graphtf.functions.function_type import FunctionType
from graphtf.functions.graphs import FuncGraph
from graphtf.functions.signature import Canonical, Parameters, Signature, filled
from graphtf.functions.trace import Trace, active_trace
from graphtf.ir.dims import Dim, SymDim
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.graph import Graph, copy_graph
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType
from graphtf.placement import mark, marking
from graphtf.recording import active, touch
from graphtf.scopes import scopes
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor
from graphtf.variable import Variable

Runner = Callable[[Sequence[Any]], list[Any]]


def compiled(graph: Graph, verify: bool = False) -> Runner:
    """What runs a graph on arrays and cells: native code, or with GRAPHTF_INTERPRET the reference, or both in turn."""
    if flags.interpret:
        return lambda args: interpret(graph, list(args))
    if verify or flags.verify:
        from graphtf.functions.verified import Verified  # loads the passes too

        return Verified(graph, _native)
    return _native(graph)


def _native(graph: Graph) -> Runner:
    from graphtf.runtime import compile  # loads the compiler, which not every program needs

    return compile(graph).run


class ConcreteFunction:
    """A traced function for one signature.

    Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/ConcreteFunction.
    """

    def __init__(self, name: str, trace: Trace, graph: Graph, call: Canonical, structure: Outputs | int | None) -> None:
        self._name = name
        self._trace = trace
        self.ir = graph
        self.signature: Signature = call.signature
        self._call = call
        self._parameters: Parameters | None = None  # of the Python function
        self._spec_names = [x.name if isinstance(x, TensorSpec) else None for x in call.tensors]
        self._inputs_structure = call.structure
        self._outputs_structure = structure if isinstance(structure, Outputs) else None
        self.outside = [x for x, _ in trace.outside()]
        self._single = structure if isinstance(structure, int) else None
        self._tail: list[Any] | None = None
        if not any(isinstance(x, SymbolicTensor) for x in self.outside):
            self._tail = [x._array if isinstance(x, EagerTensor) else x for x in self.outside]
        self._runner: Runner | None = None
        self._differentiable: Any = None  # what runs it under tapes, once it has
        self._exact: dict[Any, ConcreteFunction] = {}  # for sizes that break what the trace assumes
        self._retrace: Callable[[Sequence[Any]], ConcreteFunction] | None = None  # for shapes of its tensors
        self._variables = tuple(trace.variables.values())
        self._verify = False
        self._graph: FuncGraph | None = None
        self.why = ""
        self.lacks = ""  # why it has no gradient

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._name

    @property
    def graph(self) -> FuncGraph:
        """The graph, under TensorFlow's names; `ir` is the graph itself."""
        if self._graph is None:
            self._graph = FuncGraph(self)
        return self._graph

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The tensors of the trace that stand for arguments and for what is referred to from outside."""
        return [self.graph.tensor(v) for v in self.ir.inputs if isinstance(v.type, TensorType)]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The tensors of the trace that are returned, flat."""
        return [self.graph.tensor(v) for v in self.ir.outputs]

    @property
    def captured_inputs(self) -> list[Any]:
        """What is referred to from outside: tensors and variables' cells."""
        return list(self.outside)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables it uses."""
        return self._variables

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those of them that tapes watch."""
        return tuple(v for v in self._variables if v.trainable)

    @property
    def structured_input_signature(self) -> Any:
        """(args, kwargs) with specs in place of tensors."""
        specs = [TensorSpec(leaf.sizes, leaf.dtype, name) for leaf, name in zip(self.signature.leaves, self._names())]
        return filled(self._inputs_structure, specs)

    @property
    def structured_outputs(self) -> Any:
        """What it returns, with traced tensors in place of values."""
        return self._packed(self.outputs)

    @property
    def output_shapes(self) -> Any:
        return nest.map_structure(lambda x: None if x is None else x.shape, self.structured_outputs)

    @property
    def output_dtypes(self) -> Any:
        return nest.map_structure(lambda x: None if x is None else x.dtype, self.structured_outputs)

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """The types of parameters, results and what is referred to from outside, in lines; or, briefly, in one."""
        lines = parameter_lines(self._call, self._parameters)
        result = typed(self.structured_outputs)
        if not verbose:
            return f"({', '.join(f'{name}: {kind}' for name, _, kind in lines)}) -> {result}"
        taken = [f"  {name} ({how}): {kind}" for name, how, kind in lines]
        outside = [f"  {id(x)}: {captured(x)}" for x in self.outside] or ["  None"]
        return "\n".join(["Input Parameters:", *taken, "Output Type:", f"  {result}", "Captures:", *outside])

    @property
    def function_type(self) -> FunctionType:
        """The types of its parameters and results."""
        lines = parameter_lines(self._call, self._parameters)
        return FunctionType({n: kind for n, _, kind in lines}, self.structured_outputs, self.pretty_printed_signature)

    @property
    def inference_fn(self) -> ConcreteFunction:
        """What runs when no gradients are asked for: itself."""
        return self

    def __repr__(self) -> str:
        return f"<ConcreteFunction {self.pretty_printed_signature(verbose=False)} at 0x{id(self):X}>"

    def __str__(self) -> str:
        return f"ConcreteFunction {self.pretty_printed_signature()}"

    # ---- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call with arguments as the trace was made for, or with its tensors alone, in order or by name.

        Raises TypeError for others, InvalidArgumentError for a tensor of another dtype.
        """
        try:
            tensors = bound(self._call, self._parameters, args, kwargs)
        except TypeError as e:
            given = flat(self._call, self._names(), args, kwargs)
            if given is None:
                shown = self.pretty_printed_signature(verbose=False)
                raise TypeError(
                    f"Binding inputs to tf.function failed due to `{e}`. Received args: {args} and kwargs: {kwargs} "
                    f"for signature: {shown}."
                ) from None
            return self._call_any(given)
        return self.call_flat(tensors)

    def _call_any(self, tensors: Sequence[Tensor]) -> Any:
        """Call with tensors of any shape: for those the trace is not for, it is made anew."""
        leaves = self.signature.leaves
        for k, (x, leaf) in enumerate(zip(tensors, leaves)):
            if x.dtype is not leaf.dtype:
                raise InvalidArgumentError(
                    None, None, f"cannot compute {self._name} as input #{k}(zero-based) was expected to be a "
                    f"{leaf.dtype.spoken} tensor but is a {x.dtype.spoken} tensor",
                )  # fmt: skip
        shapes = [x.shape.as_tuple() for x in tensors]
        fit = all(x.shape.is_compatible_with(leaf.sizes) for x, leaf in zip(tensors, leaves))
        return (self if fit or self._retrace is None else self._retrace(shapes)).call_flat(tensors)

    def _names(self) -> list[str]:
        return leaf_names(self._call, self._parameters, self._spec_names)

    def call_flat(self, tensors: Sequence[Tensor]) -> Any:
        """Call with the tensors of the signature, in order."""
        trace = active_trace()
        if trace is not None:
            fit = exact_for_types(self, [x.ir_type for x in tensors])
            return fit._packed(fit._staged(trace, tensors))
        if active.tapes:
            for v in self._variables:
                touch(v)
            try:
                outs = self._taped(tensors)
            except InvalidArgumentError:
                other = exact(self, [x._array for x in tensors])  # type: ignore[attr-defined]
                if other is None:
                    raise
                return other.call_flat(tensors)
            return self._packed(outs)
        return self.run([x._array for x in tensors])  # type: ignore[attr-defined]

    def run(self, arrays: list[Any]) -> Any:
        """Call eagerly with arrays, seen by no tape."""
        runner = self._runner
        if runner is None:
            runner = self._runner = compiled(self.ir, self._verify)
        if self._tail is None:
            raise TypeError(f"{self._name} refers to tensors of an enclosing function, and is called outside of it")
        try:
            outs = runner(arrays + self._tail)
        except InvalidArgumentError:
            other = exact(self, arrays)
            if other is None:
                raise
            return other.run(arrays)
        if marking.on and scopes.device:
            return self._packed([mark(EagerTensor(a), scopes.device) for a in outs])
        if self._single is not None:
            return EagerTensor(outs[0])
        return self._packed([EagerTensor(a) for a in outs])

    def _packed(self, outs: Sequence[Any]) -> Any:
        if self._single is not None:
            return outs[self._single]
        return None if self._outputs_structure is None else self._outputs_structure.filled(outs)

    def _staged(self, trace: Trace, tensors: Sequence[Tensor]) -> Sequence[Any]:
        """Call while tracing another function."""
        operands = [*tensors, *(self._variable(x) for x in self.outside)]
        body = renamed(self.ir, [trace.value_of(x).type for x in operands], trace)
        for v in self._variables:
            if active.tapes:
                touch(v)
        outs = p.call(*operands, body=body)
        return outs if isinstance(outs, tuple) else (outs,)

    def _variable(self, x: Any) -> Any:
        return next((v for v in self._variables if v.cell is x), x) if isinstance(x, Cell) else x

    def _taped(self, tensors: Sequence[Tensor]) -> Sequence[Any]:
        """Call eagerly under tapes: one record with a compiled forward and backward."""
        from graphtf.functions.differentiable import call_with_gradient

        operands = [*tensors, *(self._variable(x) for x in self.outside)]
        return call_with_gradient(self, operands)


@dataclass(frozen=True)
class Outputs:
    """The structure returned: its shape, and for each leaf the number of an output, or None."""

    template: Any
    numbers: tuple[int | None, ...]

    @functools.cached_property
    def _pack(self) -> Callable[..., Any]:
        return nest.packer(self.template, expand_composites=True)

    def filled(self, outs: Sequence[Any]) -> Any:
        """The structure with the outputs in place."""
        return self._pack(iter([None if k is None else outs[k] for k in self.numbers]))


def renamed(graph: Graph, types: Sequence[Any], trace: Trace) -> Graph:
    """A copy of a traced graph for operands of the given types: its sizes under the names they have in `trace`."""
    env: dict[str, Dim] = {}
    for v, t in zip(graph.inputs, types):
        own, given = (x.content if isinstance(x, RefType) else x for x in (v.type, t))
        for a, b in zip(own.shape or (), given.shape or ()):
            if isinstance(a, SymDim) and a.is_symbol:
                env.setdefault(str(a), b)
    for name in _names_of(graph):
        if name not in env:
            env[name] = trace.new_size()
    return copy_graph(graph, env)[0] if env else graph


def _names_of(graph: Graph) -> list[str]:
    from graphtf.ir.dims import symbols

    found: dict[str, None] = {}
    for n in graph.walk():
        for v in n.outputs:
            if isinstance(v.type, TensorType):
                for d in v.type.shape or ():
                    found.update(dict.fromkeys(symbols(d)))
    return list(found)
