"""`tf.saved_model.save`: objects, their functions and the values of their variables, in a folder.

    saved_model.graphtf   objects, functions (as text) and signatures, in JSON
    variables/            the values of variables, and of tensors that functions refer to, as a checkpoint

Invariant: a function is saved as its traces; calls of host functions that have a name (strings, tables) are saved by
it, what calls other Python has no portable form and is refused. Entry point: `save`.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.checkpoint.bundle import write_bundle
from graphtf.checkpoint.object_graph import children_of
from graphtf.export.portable import text_of
from graphtf.functions.concrete import ConcreteFunction, Outputs
from graphtf.functions.function import Function
from graphtf.functions.signature import Open
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.state import Cell
from graphtf.ir.types import TensorType
from graphtf.saved_model_format.hosts import hosts_of
from graphtf.saved_model_format.structure import Data, described, parameters_of
from graphtf.tensor import EagerTensor
from graphtf.tracking import AutoTrackable, Trackable
from graphtf.variable import Variable

FILE, FORMAT, VERSION = "saved_model.graphtf", "graphtf-saved-model", 1
Array = np.ndarray[Any, Any]


def save(obj: Any, export_dir: Any, signatures: Any = None, options: Any = None) -> None:
    """Write an object: its variables, what it holds, and its `tf.function`s that have been called or declare a
    signature.

    `signatures` names functions for serving: one, or a dictionary of them. Raises ValueError for an object that is not
    trackable, InvalidArgumentError for functions that have no portable form. Follows
    https://www.tensorflow.org/api_docs/python/tf/saved_model/save.
    """
    if not isinstance(obj, Trackable):
        raise ValueError(f"Expected an object of type `Trackable`, such as `tf.Module`, for export, got {obj!r}")
    named = _signatures(_default_signature(obj) if signatures is None else signatures)
    saving = _Saving()
    root = saving.node(obj)
    assert root == 0
    saving.everything()
    content = {
        "format": FORMAT, "version": VERSION, "signatures": {k: saving.signature(f) for k, f in named.items()},
        "aliases": {k: saving.node(f) for k, f in getattr(options, "function_aliases", {}).items()},
    }  # fmt: skip
    saving.everything()
    content |= {"nodes": saving.nodes, "functions": saving.functions}
    folder = os.fspath(export_dir)
    os.makedirs(os.path.join(folder, "variables"), exist_ok=True)
    os.makedirs(os.path.join(folder, "assets"), exist_ok=True)
    write_bundle(os.path.join(folder, "variables", "variables"), saving.arrays)
    path = os.path.join(folder, FILE)
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(f"{path}.part", path)


def _default_signature(obj: Any) -> Any:
    """What an object offers for serving by itself, if it can be traced."""
    offered = getattr(obj, "_default_save_signature", None)
    try:
        return _for_signature(offered) if isinstance(offered, Function) else offered
    except (TypeError, ValueError):
        return None


def _signatures(given: Any) -> dict[str, Any]:
    """Functions by the names of their signatures. Raises ValueError for what is no function."""
    if given is None:
        return {}
    named = dict(given) if isinstance(given, Mapping) else {"serving_default": given}
    for name, function in named.items():
        if not isinstance(function, (Function, ConcreteFunction)):
            raise ValueError(
                f"Expected a TensorFlow function for which to generate a signature, but got {function} for {name}"
            )
    return named


class _Saving:
    """The objects found so far, by identity."""

    def __init__(self) -> None:
        self.nodes: list[Data] = []
        self.functions: list[Data] = []
        self.arrays: dict[str, Array] = {}
        self._numbers: dict[int, int] = {}
        self._targets: list[Any] = []  # of nodes; they keep their identities
        self._traces: dict[int, int] = {}
        self._done = 0

    def everything(self) -> None:
        """Describe all nodes that have been numbered."""
        while self._done < len(self._targets):
            k = self._done
            self._done += 1
            self.nodes[k] = self._described(self._targets[k])

    def node(self, x: Any) -> int:
        """The number of an object."""
        variable = _variable_of(x)
        target = x if variable is None else variable
        found = self._numbers.get(id(target))
        if found is None:
            found = self._numbers[id(target)] = len(self._targets)
            self._targets.append(target)
            self.nodes.append({})
        return found

    def _described(self, x: Any) -> Data:
        if isinstance(x, Variable):
            return self._variable(x)
        if isinstance(x, Function):
            traces = [self.trace(c, x) for c in _traces_of(x)]
            return {
                "kind": "function",
                "name": x._name,
                "traces": traces,
                "parameters": parameters_of(x._parameters.signature),
                "declared": x.input_signature is not None,
            }
        if isinstance(x, ConcreteFunction):
            return {"kind": "function", "name": x.name, "traces": [self.trace(x, None)], "parameters": None}
        if isinstance(x, EagerTensor):
            key = f"tensor/{len(self.arrays)}"
            self.arrays[key] = x._array
            return {"kind": "tensor", "key": key}
        held = {name: self.node(child) for name, child in _held_by(x).items()}
        if isinstance(x, dict):
            return {"kind": "dict", "children": held}
        if isinstance(x, (list, tuple)):
            return {"kind": "tuple" if isinstance(x, tuple) else "list", "children": held}
        return {"kind": "object", "class": type(x).__name__, "children": held}

    def _variable(self, v: Variable) -> Data:
        key = f"variable/{self.node(v)}"
        self.arrays[key] = v.cell.array
        return {
            "kind": "variable", "key": key, "name": v._shared_name, "trainable": v.trainable, "dtype": v.dtype.name,
            "shape": v.shape.as_list() if v.shape.rank is not None else None,
        }  # fmt: skip

    # ---- functions ---------------------------------------------------------------------------------------------------

    def trace(self, concrete: ConcreteFunction, owner: Function | None) -> int:
        """The number of a trace."""
        found = self._traces.get(id(concrete))
        if found is None:
            found = self._traces[id(concrete)] = len(self.functions)
            self.functions.append({})
            self.functions[found] = self._trace(concrete)
        return found

    def _trace(self, concrete: ConcreteFunction) -> Data:
        hosts = hosts_of(concrete.ir)
        try:
            text = text_of(concrete.ir, hosts)
        except InvalidArgumentError as error:
            message = f"tf.saved_model.save: the function {concrete.name} has no portable form: {error.message}"
            raise InvalidArgumentError(None, None, message) from None
        types = [
            {"dtype": leaf.dtype.name, "shape": None if leaf.sizes is None else list(leaf.sizes)}
            for leaf in concrete.signature.leaves
        ]
        return {
            "name": concrete.name, "graph": text, "hosts": {str(k): v for k, v in hosts.items()}, "types": types,
            "arguments": described(concrete._inputs_structure),
            "captures": [self._capture(concrete, x) for x in concrete.outside], "result": _result(concrete),
        }  # fmt: skip

    def _capture(self, concrete: ConcreteFunction, x: Any) -> Data:
        if isinstance(x, Cell):
            variable = concrete._variable(x)
            if not isinstance(variable, Variable):
                raise InvalidArgumentError(None, None, f"{concrete.name} refers to a state that is no variable")
            return {"variable": self.node(variable)}
        if not isinstance(x, EagerTensor):
            raise TypeError(f"{concrete.name} refers to {x!r} of an enclosing function, which a file cannot hold")
        key = f"capture/{len(self.arrays)}"
        self.arrays[key] = x._array
        return {"array": key}

    def signature(self, function: Any) -> Data:
        """A function for serving: a trace, and names for its tensors."""
        concrete = function if isinstance(function, ConcreteFunction) else _for_signature(function)
        return {"trace": self.trace(concrete, None), "inputs": _input_names(concrete, function)}


def _variable_of(x: Any) -> Variable | None:
    """The variable that x is, or stands for (as those of Keras do)."""
    if isinstance(x, Variable):
        return x._root
    if isinstance(x, Trackable) and not isinstance(x, AutoTrackable):
        inner = getattr(x, "value", None)
        if isinstance(inner, Variable):
            return inner._root
    return None


def _held_by(x: Any) -> dict[str, Any]:
    """What an object holds: trackable things, functions, and tensors in attributes."""
    if isinstance(x, dict):
        return {str(k): v for k, v in x.items() if _is_saved(v)}
    if isinstance(x, (list, tuple)):
        return {str(k): v for k, v in enumerate(x) if _is_saved(v)}
    found = children_of(x)
    if isinstance(x, AutoTrackable):
        found.update(_functions_of(x))
        found.update({k: v for k, v in vars(x).items() if isinstance(v, EagerTensor)})
    return found


def _is_saved(x: Any) -> bool:
    return isinstance(x, (Trackable, Function, ConcreteFunction, EagerTensor)) or type(x) in (list, tuple, dict)


def _functions_of(x: Any) -> dict[str, Any]:
    """The `tf.function`s among attributes and methods."""
    found: dict[str, Any] = {}
    for name in dir(type(x)):
        if isinstance(inspect.getattr_static(type(x), name, None), Function):
            found[name] = getattr(x, name)
    found.update({k: v for k, v in vars(x).items() if isinstance(v, (Function, ConcreteFunction))})
    return found


def _traces_of(function: Function) -> list[ConcreteFunction]:
    if function.input_signature is not None and not function._traces:
        function.get_concrete_function()
    return list(function._traces.values())


def _for_signature(function: Function) -> ConcreteFunction:
    if function.input_signature is not None:
        return function.get_concrete_function()
    traces = _traces_of(function)
    if len(traces) != 1:
        raise ValueError(
            f"The function {function._name} has {len(traces)} traces: give `signatures` one with an "
            f"input_signature, or "
            "what its get_concrete_function(...) returns"
        )
    return traces[0]


def _result(concrete: ConcreteFunction) -> Data:
    """What a trace returns, as data: tensors by the numbers of outputs."""
    structure = concrete._outputs_structure
    if structure is None:
        return {"value": None} if concrete._single is None else {"tensor": concrete._single}
    return described(_with_places(structure))


def _with_places(structure: Outputs) -> Any:
    from graphtf.functions.signature import _Composite
    from graphtf.nest import CompositeTensor, flatten, map_structure

    numbers = iter(structure.numbers)

    def place(x: Any) -> Any:
        if isinstance(x, CompositeTensor):
            count = len(flatten(x, expand_composites=True))
            return _Composite(x, [Open(next(numbers)) for _ in range(count)])  # type: ignore[arg-type]
        k = next(numbers)
        return None if k is None else Open(k)

    return map_structure(place, structure.template)


def _input_names(concrete: ConcreteFunction, function: Any) -> list[str]:
    """A name for each tensor of the arguments."""
    count = len(concrete.signature.leaves)
    hints = [v.hint for v in concrete.ir.inputs[:count] if isinstance(v.type, TensorType)]
    specs = getattr(function, "input_signature", None) or ()
    from graphtf.nest import flatten

    given = [getattr(s, "name", None) for s in flatten(list(specs))]
    base = [(given[k] if k < len(given) else None) or (hints[k] if k < len(hints) else "") for k in range(count)]
    fallback = _parameter_names(concrete, count)
    names: list[str] = []
    for k in range(count):
        name, number = base[k] or fallback[k], 0
        while (f"{name}_{number}" if number else name) in names:
            number += 1
        names.append(f"{name}_{number}" if number else name)
    return names


def _parameter_names(concrete: ConcreteFunction, count: int) -> list[str]:
    args, kwargs = concrete._inputs_structure
    names = [f"args_{k}" for k in range(len(args))]
    out = [""] * count
    for name, part in (*zip(names, args), *kwargs.items()):
        for number in _numbers(described(part)):
            out[number] = name
    return out


def _numbers(data: Data) -> list[int]:
    if "tensor" in data:
        return [data["tensor"]]
    inner = data.get("parts") or data.get("list") or data.get("tuple") or list(data.get("dict", {}).values())
    return [n for part in inner for n in _numbers(part)]
