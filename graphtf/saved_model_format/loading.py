"""`tf.saved_model.load`: what `save` wrote, as objects with variables and functions.

Invariant: loading runs nothing: text is parsed against the closed set of operations and verified, values are read by
names from a checkpoint whose sizes are proven. Loaded functions can be traced and differentiated. Entry point: `load`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from graphtf.checkpoint.bundle import Bundle
from graphtf.export.portable import refuse_reaching_out
from graphtf.functions.concrete import renamed
from graphtf.functions.function import Function
from graphtf.functions.trace import active_trace
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import DataLossError, NotFoundError, OpError, ParseError, VerifyError
from graphtf.ir.graph import Graph
from graphtf.ir.ops.prims import p
from graphtf.ir.parse import parse
from graphtf.saved_model_format.hosts import with_hosts
from graphtf.saved_model_format.saving import FILE, FORMAT, VERSION
from graphtf.saved_model_format.structure import Data, matched, rebuilt, signature_of
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tracking import AutoTrackable
from graphtf.variable import Variable

_MOST = 1 << 30
_UNREADABLE = (
    ParseError, VerifyError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError,
)  # fmt: skip


def contains_saved_model(export_dir: Any) -> bool:
    """Does a folder hold a saved model?

    Follows https://www.tensorflow.org/api_docs/python/tf/saved_model/contains_saved_model.

    >>> contains_saved_model("/no/such/folder")
    False
    """
    return os.path.isfile(os.path.join(os.fspath(export_dir), FILE))


def load(export_dir: Any, tags: Any = None, options: Any = None) -> Any:
    """The object that `tf.saved_model.save` wrote.

    Raises NotFoundError if there is none, DataLossError if it is damaged. Follows
    https://www.tensorflow.org/api_docs/python/tf/saved_model/load.
    """
    folder = os.fspath(export_dir)
    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        other = os.path.join(folder, "saved_model.pb")
        why = (
            "it was written by TensorFlow, whose format GraphTF does not read"
            if os.path.isfile(other)
            else "there is none"
        )
        raise NotFoundError(None, None, f"SavedModel file does not exist at: {folder}: {why}")
    try:
        if os.path.getsize(path) > _MOST:
            raise ValueError("it is too large")
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"it is not a saved model of version {VERSION}")
        return _Loading(content, Bundle(os.path.join(folder, "variables", "variables"))).root(options)
    except OpError:
        raise
    except _UNREADABLE as error:
        message = f"the saved model at {folder} cannot be read: {error or type(error).__name__}"
        raise DataLossError(None, None, message) from None


class LoadedObject(AutoTrackable):
    """An object of a saved model."""

    def __repr__(self) -> str:
        return f"<object of a saved model with {', '.join(k for k in vars(self) if not k.startswith('_'))}>"


class CallableObject(LoadedObject):
    """An object of a saved model with a saved `__call__`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["_self_call"](*args, **kwargs)


class LoadedTrace:
    """A trace of a saved function: its graph, and what stands for its inputs."""

    def __init__(self, data: Data, captures: Sequence[Any]) -> None:
        self.data, self.captures = data, list(captures)
        self.name: str = data["name"]
        self.types: list[Data] = data["types"]
        hosts = data.get("hosts", {})
        read = parse(data["graph"])
        refuse_reaching_out(read, {int(key) for key in hosts})
        self.graph: Graph = with_hosts(read, hosts)
        if len(self.graph.inputs) != len(self.types) + len(self.captures):
            raise ValueError(f"{self.name} has {len(self.graph.inputs)} inputs, but not so many are described")
        specs = [TensorSpec(t["shape"], as_dtype(t["dtype"])) for t in self.types]
        self.function = Function(self._staged, self.name, specs, autograph=False)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(v for v in self.captures if isinstance(v, Variable))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        return tuple(v for v in self.variables if v.trainable)

    def _staged(self, *tensors: Tensor) -> list[Any]:
        """Its graph as part of the one being traced."""
        trace = active_trace()
        assert trace is not None
        operands = [*tensors, *self.captures]
        body = renamed(self.graph, [trace.value_of(x).type for x in operands], trace)
        outs = p.call(*operands, body=body)
        return list(outs) if isinstance(outs, tuple) else [outs]

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """What it returns for tensors."""
        return rebuilt(self.data["result"], self.function(*tensors))

    def structured_input_signature(self) -> Any:
        specs = [TensorSpec(t["shape"], as_dtype(t["dtype"])) for t in self.types]
        return rebuilt(self.data["arguments"], specs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = self.fitted(args, kwargs)
        if found is None:
            raise ValueError(f"{self.name} takes {self.structured_input_signature()}, got {args} and {kwargs}")
        return self.run(found)

    def fitted(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor] | None:
        """The tensors of arguments in canonical form, or None if they do not fit."""
        into: dict[int, Tensor] = {}
        if not matched(self.data["arguments"], (tuple(args), kwargs), self.types, into):
            return None
        return [into[k] for k in range(len(self.types))]


class LoadedFunction:
    """A saved `tf.function`: its traces, of which a call takes the first that fits."""

    def __init__(self, name: str, traces: Sequence[LoadedTrace], parameters: Any, declared: bool = False) -> None:
        self._name, self.concrete_functions = name, list(traces)
        self._declared = declared  # had it an `input_signature`, which arguments must fit?
        self._signature = signature_of(parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as the Python function was. Raises ValueError if no trace fits, TypeError for bad arguments."""
        trace, tensors = self._find(args, kwargs)
        return trace.run(tensors)

    def _find(self, args: Any, kwargs: Any) -> tuple[LoadedTrace, list[Tensor]]:
        bound, keywords = tuple(args), dict(kwargs)
        if self._signature is not None:
            given = self._signature.bind(*args, **kwargs)
            given.apply_defaults()
            bound, keywords = given.args, given.kwargs
        if not self.concrete_functions:
            raise ValueError(f"Found zero restored functions for caller function {self._name}.")
        for trace in self.concrete_functions:
            tensors = trace.fitted(bound, keywords)
            if tensors is not None:
                return trace, tensors
        if self._declared:
            expected = self.concrete_functions[0].structured_input_signature()
            raise TypeError(f"Binding inputs to tf.function failed: {self._name} got {bound}, expected {expected}")
        options = "\n".join(f"  {t.structured_input_signature()}" for t in self.concrete_functions)
        raise ValueError(
            f"Could not find matching concrete function to call loaded from the SavedModel. Got:\n  {bound}, "
            f"{keywords}\n"
            f"Expected one of:\n{options}"
        )

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> LoadedTrace:
        """The trace that a call with such arguments takes; the only one, without arguments."""
        if not args and not kwargs and len(self.concrete_functions) == 1:
            return self.concrete_functions[0]
        return self._find(args, kwargs)[0]

    def __repr__(self) -> str:
        return f"<saved function {self._name} with {len(self.concrete_functions)} trace(s)>"


class SignatureFunction:
    """A function for serving: tensors by name to a dictionary of tensors."""

    def __init__(self, trace: LoadedTrace, names: Sequence[str]) -> None:
        self._trace, self._names = trace, list(names)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self._trace.variables

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        return self._trace.trainable_variables

    @property
    def structured_input_signature(self) -> Any:
        types = zip(self._names, self._trace.types)
        return (), {n: TensorSpec(t["shape"], as_dtype(t["dtype"]), name=n) for n, t in types}

    @property
    def structured_outputs(self) -> dict[str, TensorSpec]:
        """The specs of its results."""
        outs = [
            TensorSpec(v.ir_type.shape and [d if isinstance(d, int) else None for d in v.ir_type.shape], v.type.dtype)
            for v in self._trace.graph.outputs
        ]
        found = _named(rebuilt(self._trace.data["result"], outs))
        return {k: TensorSpec(x.shape, x.dtype, k) if isinstance(x, TensorSpec) else x for k, x in found.items()}

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Raises TypeError for other names."""
        if args and len(self._names) == 1 and len(args) == 1 and not kwargs:
            kwargs = {self._names[0]: args[0]}
        elif args:
            raise TypeError(f"signature functions take keyword arguments, {self._names}")
        if set(kwargs) != set(self._names):
            raise TypeError(f"expected the arguments {self._names}, got {sorted(kwargs)}")
        into: dict[int, Tensor] = {}
        for k, name in enumerate(self._names):
            if not matched({"tensor": k}, kwargs[name], self._trace.types, into):
                raise ValueError(f"argument {name} is {kwargs[name]!r}, expected {self._trace.types[k]}")
        return _named(self._trace.run([into[k] for k in range(len(self._names))]))


def _named(result: Any) -> dict[str, Any]:
    """Results by name: those of a dictionary, or output_0, output_1, …"""
    if isinstance(result, dict):
        return result
    items = result if isinstance(result, (list, tuple)) else [] if result is None else [result]
    return {f"output_{k}": x for k, x in enumerate(items)}


class _Loading:
    """The nodes of a file, made when they are first needed."""

    def __init__(self, content: Data, bundle: Bundle) -> None:
        self.content, self.bundle = content, bundle
        self.made: dict[int, Any] = {}
        self.traces: dict[int, LoadedTrace] = {}

    def root(self, options: Any) -> Any:
        root = self.node(0)
        signatures = {
            name: SignatureFunction(self.trace(entry["trace"]), entry["inputs"])
            for name, entry in self.content["signatures"].items()
        }
        root.__dict__["signatures"] = signatures
        if getattr(options, "experimental_load_function_aliases", False):
            root.__dict__["function_aliases"] = {k: self.node(n) for k, n in self.content["aliases"].items()}
        root.__dict__.setdefault("tensorflow_version", "2.21.0")
        return root

    def node(self, number: int) -> Any:
        """An object. Lists and tuples are made after what they hold, so a tuple cannot hold itself."""
        if number in self.made:
            return self.made[number]
        data = self.content["nodes"][number]
        kind = data["kind"]
        if kind == "variable":
            made: Any = self._variable(data)
        elif kind == "function":
            traces, declared = [self.trace(t) for t in data["traces"]], bool(data.get("declared"))
            made = LoadedFunction(data["name"], traces, data["parameters"], declared)
        elif kind == "tensor":
            made = EagerTensor(self.bundle.get(data["key"]))
        else:
            return self._container(number, kind, data["children"])
        self.made[number] = made
        return made

    def _container(self, number: int, kind: str, children: dict[str, int]) -> Any:
        if kind == "tuple":
            made: Any = tuple(self.node(n) for n in children.values())
            self.made[number] = made
        elif kind in ("list", "dict"):
            made = self.made[number] = [] if kind == "list" else {}
            for name, n in children.items():
                made.append(self.node(n)) if kind == "list" else made.update({name: self.node(n)})
        elif kind == "object":
            made = self.made[number] = CallableObject() if "__call__" in children else LoadedObject()
            for name, n in children.items():
                if name == "__call__":
                    made.__dict__["_self_call"] = self.node(n)
                elif not name.startswith("__"):
                    setattr(made, name, self.node(n))
        else:
            raise ValueError(f"a node is of kind {kind!r}")
        return made

    def _variable(self, data: Data) -> Variable:
        array = self.bundle.get(data["key"])
        dtype = as_dtype(data["dtype"])
        if as_dtype(array.dtype) is not dtype:
            raise ValueError(f"the value of {data['name']} is of {array.dtype}, expected {dtype.name}")
        made = Variable(EagerTensor(array), trainable=bool(data["trainable"]), shape=data["shape"], dtype=dtype)
        made._name = data["name"]
        return made

    def trace(self, number: int) -> LoadedTrace:
        if number not in self.traces:
            data = self.content["functions"][number]
            self.traces[number] = LoadedTrace(data, [self._capture(c) for c in data["captures"]])
        return self.traces[number]

    def _capture(self, data: Data) -> Any:
        if "variable" in data:
            found = self.node(data["variable"])
            if not isinstance(found, Variable):
                raise ValueError("a function refers to a variable that is none")
            return found
        return EagerTensor(self.bundle.get(data["array"]))
