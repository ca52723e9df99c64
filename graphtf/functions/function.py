"""`function`: calls a Python function through traces of it, one for each signature.

Invariant: at most one thread traces a function at a time; a call whose tensors have been seen takes no walk over
structures. Follows https://www.tensorflow.org/api_docs/python/tf/function. Entry point: `function`.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from graphtf import nest
from graphtf.autograph.options import named
from graphtf.convert import convert_to_tensor
from graphtf.flags import flags
from graphtf.functions.concrete import ConcreteFunction, Outputs
from graphtf.functions.explain import explanation, reason
from graphtf.functions.signature import Canonical, Leaf, Parameters, Signature, canonical, filled, tensors_in
from graphtf.functions.trace import Trace, active_trace, tracing
from graphtf.ir.binding import active_binder
from graphtf.ir.errors import InvalidArgumentError, MissingGradient, OnlyEager, OpenSize, TraceShapeError
from graphtf.ir.graph import Graph
from graphtf.recording import active
from graphtf.scopes import scopes
from graphtf.spec import TensorSpec
from graphtf.tensor import SymbolicTensor, Tensor
from graphtf.variable import Variable

observers: list[Callable[[ConcreteFunction], Any]] = []  # told of every new trace
_RELAXED_AFTER = 1  # traces that differ in sizes alone, before `reduce_retracing` opens those sizes


class Function:
    """What `tf.function` makes of a Python function."""

    def __init__(
        self, python_function: Callable[..., Any], name: str | None = None, input_signature: Any = None,
        autograph: bool = True, jit_compile: bool | None = None, reduce_retracing: bool = False,
        verify: bool | None = None, features: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.python_function = python_function
        self._name = name or getattr(python_function, "__name__", type(python_function).__name__)
        self._parameters = Parameters(python_function)
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._autograph = autograph
        self._jit_compile = jit_compile
        self._reduce_retracing = reduce_retracing
        self._verify = verify
        self._features = features  # the conversions asked of AutoGraph, by name
        self._lock = threading.RLock()
        self._traces: dict[Signature, ConcreteFunction] = {}
        self._fast: dict[Any, ConcreteFunction] = {}
        self._refused: set[Signature] = set()  # open signatures that cannot be traced: their sizes decide
        self._eager: dict[Signature, str] = {}  # what cannot be traced and runs op by op, and why
        self._types_only = False  # are its traces made to learn types, and never run?
        self._called = False  # variables may be created until it has been traced once
        self._bound: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        functools.update_wrapper(self, python_function, updated=())

    # ---- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs and not active.tapes and scopes.place is None and active_binder() is None:
            try:
                arrays = [x._array for x in args]
            except AttributeError:
                key, arrays = _handed(args)
            else:
                key = tuple([(a.dtype, a.shape) for a in arrays])
            found = self._fast.get(key)
            if found is not None and not flags.run_eagerly:
                return found.run(arrays)
        return self._call(args, kwargs)

    def _call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if flags.run_eagerly:
            return self.python_function(*args, **kwargs)
        call = self._canonical(args, kwargs)
        nested = active_binder() is not None
        if call.signature in self._eager and not nested:
            return self._op_by_op(call)
        try:
            concrete = self._trace_for(call)
        except OnlyEager as error:
            if nested:
                raise
            while len(self._eager) >= flags.traces:
                self._eager.pop(next(iter(self._eager)), None)
            self._eager[call.signature] = str(error)
            return self._op_by_op(call)
        if nested:
            return concrete.call_flat(call.tensors)
        if not kwargs and scopes.place is None:
            self._remember(args, concrete)
        if not active.tapes:
            return concrete.call_flat(call.tensors)
        return self._taped(concrete, call)

    def _taped(self, concrete: ConcreteFunction, call: Canonical) -> Any:
        """A call that tapes see: where the trace has no gradient, the function runs op by op, and they see each op."""
        if not concrete.lacks:
            try:
                return concrete.call_flat(call.tensors)
            except MissingGradient as error:  # found before anything has run
                concrete.lacks = str(error)
        return self._op_by_op(call)

    def _op_by_op(self, call: Canonical) -> Any:
        """What the Python function gives for the tensors of a call: tensors, as from a trace."""
        args, kwargs = filled(call.structure, call.tensors)
        return nest.map_structure(_as_tensor, self.python_function(*args, **kwargs))

    def _remember(self, args: Sequence[Any], concrete: ConcreteFunction) -> None:
        """Let calls with such tensors go straight to their trace."""
        if concrete._tail is None:
            return
        key, _ = _handed(args)
        if key is None and all(hasattr(x, "_array") for x in args):
            key = tuple([(x._array.dtype, x._array.shape) for x in args])
        if key is not None:
            if len(self._fast) >= flags.traces:
                self._fast.clear()
            self._fast[key] = concrete

    def _canonical(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Canonical:
        bound, keywords = self._parameters.bind(args, kwargs)
        if self.input_signature is not None:
            return self._declared(bound, keywords).at(scopes.place)
        return canonical(bound, keywords).at(scopes.place)

    def _declared(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Canonical:
        """Arguments as `input_signature` declares them. Raises TypeError if they do not fit."""
        specs = self.input_signature or ()
        given = list(args[: len(specs)])
        if len(args) < len(specs):
            raise TypeError(f"{self._name}: input_signature has {len(specs)} entries, got {len(args)} arguments")
        tensors = [t for x, spec in _pairs(self._name, given, specs) for t in _fitted(self._name, x, spec)]
        rest = canonical((*specs, *args[len(specs) :]), kwargs)
        extra = rest.tensors[len(tensors) :]
        return Canonical(rest.signature, [*tensors, *extra], rest.structure)

    # ---- traces ------------------------------------------------------------------------------------------------------

    def _trace_for(self, call: Canonical) -> ConcreteFunction:
        """The trace that serves a call; made now if there is none."""
        if call.signature in self._refused:
            call = call.exact()
        found = self._find(call.signature)
        if found is not None:
            return found
        with self._lock:
            found = self._find(call.signature)
            return found if found is not None else self._new_trace(call)

    def _find(self, signature: Signature) -> ConcreteFunction | None:
        found = self._traces.get(signature)
        if found is None and (self._reduce_retracing or self.input_signature is not None):
            found = next((c for s, c in reversed(self._traces.items()) if s.describes(signature)), None)
        return found if found is None or _reachable(found) else None

    def _new_trace(self, call: Canonical) -> ConcreteFunction:
        kin = [s for s in self._traces if s.generalised(call.signature) is not None]
        if self._reduce_retracing and len(kin) >= _RELAXED_AFTER:
            wide = functools.reduce(lambda a, b: a.generalised(b) or a, kin, call.signature)
            call = Canonical(wide, call.tensors, call.structure)
        call, concrete = self._traced_open(call)
        if concrete._trace.types_only:
            return concrete
        concrete.why = reason(call, [c._call for c in self._traces.values()], self._parameters.names)
        while len(self._traces) >= flags.traces:
            self._traces.pop(next(iter(self._traces)), None)
        self._traces[call.signature] = concrete
        for observe in observers:
            observe(concrete)
        return concrete

    def _traced_open(self, call: Canonical) -> tuple[Canonical, ConcreteFunction]:
        """The trace for a call, with its sizes if those left open decide what it does; and the call so traced.

        Raises InvalidArgumentError where run time finds that the sizes do not fit.
        """
        try:
            return call, self._traced(call)
        except (OpenSize, TraceShapeError) as e:
            refused: Exception = e
        exact = call.exact()
        if exact.signature == call.signature:
            raise refused
        try:
            found = exact, self._traced(exact)
        except (ValueError, TypeError) as e:
            raise InvalidArgumentError(None, None, str(e)) if isinstance(refused, OpenSize) else refused from None
        self._refused.add(call.signature)
        return found

    def _traced(self, call: Canonical) -> ConcreteFunction:
        first = not self._called
        trace, graph, structure = self._run_trace(call, may_create=first)
        if trace.created:
            self._called = True
            trace, graph, structure = self._run_trace(call, may_create=False)
        self._called = True
        call = call.without_values()
        concrete = ConcreteFunction(self._name, trace, graph, call, structure)
        concrete._parameters = self._parameters
        concrete._verify = bool(self._verify)
        concrete._retrace = functools.partial(self._traced_for, call)
        return concrete

    def _traced_for(self, call: Canonical, shapes: Sequence[Any]) -> ConcreteFunction:
        """A trace like another, for the shapes of its tensors."""
        leaves = tuple(Leaf(leaf.dtype, shape) for leaf, shape in zip(call.signature.leaves, shapes))
        with self._lock:
            return self._traced(Canonical(Signature(call.signature.structure, leaves), call.tensors, call.structure))

    def _run_trace(self, call: Canonical, may_create: bool) -> tuple[Trace, Graph, Any]:
        trace = Trace(self._name, active_trace())
        trace.may_create = may_create
        trace.features = self._features
        trace.types_only |= self._types_only
        trace.jit |= bool(self._jit_compile)
        tensors: list[Any] = []
        names = self._argument_names(call)
        for k, t in enumerate(call.signature.types()):
            name = names.get(k, "args")
            tensors.append(trace.wrapped(trace.input(t, name), name))
        args, kwargs = filled(call.structure, tensors)
        before, scopes.names = scopes.names, ""
        try:
            with tracing(trace):
                result = self._converted()(*args, **kwargs)
                outputs, structure = _results(trace, result)
        finally:
            scopes.names = before
        trace.inputs[len(tensors) :] = [v for _, v in trace.outside()]
        return trace, trace.finish(outputs), structure

    def around(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Function:
        """The like function whose Python function is `wrap` of this one's, its control flow rewritten."""

        def outer(*args: Any, **kwargs: Any) -> Any:
            inner = self.python_function if flags.run_eagerly else self._converted()
            return wrap(inner)(*args, **kwargs)

        outer.__name__, outer.__signature__ = self._name, self._parameters.signature  # type: ignore[attr-defined]
        return Function(outer, self._name, None, False, self._jit_compile, self._reduce_retracing, self._verify)

    def _argument_names(self, call: Canonical) -> dict[int, str]:
        """The parameter that each tensor of a call belongs to, by the tensor's number."""
        args, kwargs = call.structure
        named = (*zip(self._parameters.names, args), *kwargs.items())
        return {k: name for name, x in named for k in tensors_in(x)}

    def _converted(self) -> Callable[..., Any]:
        """The Python function, its control flow rewritten."""
        if not self._autograph:
            return self.python_function
        from graphtf.autograph.convert import asked_for  # parses source, which a program that only calls need not

        inner = self.python_function
        return inner.rewritten(asked_for) if isinstance(inner, _Method) else asked_for(inner)  # type: ignore[no-any-return]

    # ---- what users ask of it ----------------------------------------------------------------------------------------

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The trace for arguments, which may be `tf.TensorSpec`s; with `input_signature`, none need be given."""
        if self.input_signature is not None and not args and not kwargs:
            args = self.input_signature
        bound, keywords = self._parameters.bind(args, kwargs)
        if self.input_signature is not None:
            bound = (*self.input_signature, *bound[len(self.input_signature) :])
        return self._trace_for(canonical(bound, keywords).at(scopes.place))

    @property
    def function_spec(self) -> Any:
        return self._parameters.signature

    def _list_all_concrete_functions(self) -> list[ConcreteFunction]:
        """All traces there are."""
        return list(self._traces.values())

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        """Traces by name, as exporters look at them."""
        return {f"trace_{k}": c for k, c in enumerate(self._traces.values())}

    def experimental_get_tracing_count(self) -> int:
        """How many traces there are."""
        return len(self._traces)

    def pretty_printed_concrete_signatures(self, verbose: bool = True) -> str:
        """The signatures of all traces."""
        return "\n\n".join(c.pretty_printed_signature(verbose) for c in self._traces.values())

    def experimental_get_compiler_ir(self, *args: Any, **kwargs: Any) -> Callable[..., str]:
        """A function of `stage` that gives the compiled form for arguments as text."""
        concrete = self.get_concrete_function(*args, **kwargs)
        return lambda stage="hlo", device_name=None: str(concrete.ir)

    def explain(self) -> None:
        """Print each trace: the argument that caused it, what of it ran natively, what on the host, and why."""
        print(explanation(self._name, list(self._traces.values()), self._parameters.names, self._eager.values()))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: one `Function` for each instance, which does not keep it alive."""
        if instance is None:
            return self
        try:
            found = self._bound.get(instance)
        except TypeError:
            return functools.partial(self.__call__, instance)
        if found is None:
            found = self._bound[instance] = Function(
                _Method(self.python_function, instance), self._name, self.input_signature, self._autograph,
                self._jit_compile, self._reduce_retracing, self._verify, self._features,
            )  # fmt: skip
        return found

    def __repr__(self) -> str:
        return f"<tf.function {self._name}>"


def _handed(args: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The key and array of the only argument, if that is an object handed over as a tensor; else None and nothing."""
    own = getattr(args[0], "_handed", None) if len(args) == 1 else None
    return (None, []) if own is None else own


class _Method:
    """A Python function bound to an instance that may die."""

    def __init__(self, function: Callable[..., Any], instance: Any) -> None:
        self._function, self._instance = function, weakref.ref(instance)
        functools.update_wrapper(self, function, updated=())
        self.__signature__ = _without_self(function)

    def _alive(self) -> Any:
        instance = self._instance()
        if instance is None:
            raise ReferenceError(f"the object whose method {self._function.__name__} is called no longer exists")
        return instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._alive(), *args, **kwargs)

    def rewritten(self, convert: Callable[..., Any]) -> Callable[..., Any]:
        """The method with its function converted."""
        return functools.partial(convert(self._function), self._alive())


def _without_self(function: Callable[..., Any]) -> Any:
    import inspect

    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _reachable(concrete: ConcreteFunction) -> bool:
    """Are the enclosing functions that a trace refers to being traced right now?"""
    owners = {id(x._trace()) for x in concrete.outside if isinstance(x, SymbolicTensor)}
    trace = active_trace()
    while trace is not None and owners:
        owners.discard(id(trace))
        trace = trace.parent
    return not owners


def _as_tensor(x: Any) -> Any:
    return x if x is None or isinstance(x, (Tensor, nest.CompositeTensor)) else convert_to_tensor(x)


def _results(trace: Trace, result: Any) -> tuple[list[Any], Any]:
    """The graph's outputs, and the structure returned with their numbers as leaves (None stays None)."""
    result = nest.map_structure(lambda x: x._as_result() if isinstance(x, nest.CompositeTensor) else x, result)
    flat = nest.flatten(result, expand_composites=True)
    outputs: list[Any] = []
    numbers: list[int | None] = []
    for x in flat:
        if x is None:
            numbers.append(None)
            continue
        try:
            tensor = convert_to_tensor(x)
        except (ValueError, TypeError) as e:
            raise TypeError(
                "To be compatible with tf.function, Python functions must return zero or more Tensors or "
                "ExtensionTypes or "
                f"None values; in compilation of {trace.name}, found return value of type {type(x).__name__}, "
                "which is not a "
                f"Tensor or ExtensionType. ({e})"
            ) from None
        numbers.append(len(outputs))
        outputs.append(trace.value_of(tensor))
    if len(flat) == 1 and flat[0] is result:
        return outputs, numbers[0]
    return outputs, Outputs(_template(result), tuple(numbers))


def _template(result: Any) -> Any:
    """The structure returned without its tensors; composite ones stay, to be made like."""
    return nest.map_structure(lambda x: x if isinstance(x, nest.CompositeTensor) else None, result)


def _pairs(name: str, args: list[Any], specs: Any) -> list[tuple[Any, Any]]:
    """Each spec with the argument, or the part of one, that stands where it does."""
    try:
        return list(zip(nest.flatten_up_to(list(specs), args), nest.flatten(list(specs))))
    except (ValueError, TypeError) as e:
        raise TypeError(f"{name}: arguments do not have the structure of input_signature: {e}") from None


def _fitted(name: str, x: Any, spec: Any) -> list[Any]:
    """The tensors of an argument as its spec wants it."""
    if hasattr(spec, "_component_specs"):
        if not spec.is_compatible_with(x):
            raise TypeError(f"Binding inputs to tf.function `{name}` failed: got {x!r}, expected {spec}")
        return list(spec._to_components(x))
    if not isinstance(spec, TensorSpec):
        return [x]
    if isinstance(x, Variable):
        x = x.value()
    try:
        tensor = x if isinstance(x, Tensor) else convert_to_tensor(x, spec.dtype)
    except (ValueError, TypeError) as e:
        raise TypeError(f"Binding inputs to tf.function `{name}` failed: cannot convert {x!r} to {spec}: {e}") from None
    if not spec.is_compatible_with(tensor):
        raise TypeError(
            f"Binding inputs to tf.function `{name}` failed: got {TensorSpec.from_tensor(tensor)}, expected {spec}"
        )
    return [tensor]


def function(
    func: Callable[..., Any] | None = None, input_signature: Any = None, autograph: bool = True,
    jit_compile: bool | None = None, reduce_retracing: bool = False, experimental_implements: Any = None,
    experimental_autograph_options: Any = None, experimental_attributes: Any = None,
    experimental_relax_shapes: bool | None = None, experimental_compile: bool | None = None,
    experimental_follow_type_hints: bool | None = None, verify: bool | None = None,
) -> Any:  # fmt: skip
    """Compile a function of tensors: it is traced once for each signature and runs as native code.

    `input_signature` declares the tensors it takes (`tf.TensorSpec`, None for open sizes); `reduce_retracing` opens
    sizes that vary; `experimental_autograph_options` names further conversions (`tf.autograph.experimental.Feature`).
    Raises TypeError for arguments that do not fit, and what the Python function raises when it is
    traced. Follows https://www.tensorflow.org/api_docs/python/tf/function.

    >>> from graphtf import constant
    >>> @function
    ... def square(x):
    ...     return x * x
    >>> square(constant(3.))
    <tf.Tensor: shape=(), dtype=float32, numpy=9.0>
    """

    def decorate(inner: Callable[..., Any]) -> Function:
        if not callable(inner):
            raise TypeError(f"tf.function takes a callable, got {inner!r}")
        if isinstance(inner, Function):
            inner = inner.python_function
        relaxed = reduce_retracing if experimental_relax_shapes is None else experimental_relax_shapes
        features = named(experimental_autograph_options)
        return Function(inner, None, input_signature, autograph, jit_compile, bool(relaxed), verify, features)

    return decorate if func is None else decorate(func)


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Make every `tf.function` call its Python function itself, or no longer.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/run_functions_eagerly.

    >>> run_functions_eagerly(False)
    """
    flags.run_eagerly = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """Whether `run_functions_eagerly` is in force.

    >>> functions_run_eagerly()
    False
    """
    return flags.run_eagerly

