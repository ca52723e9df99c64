"""Arguments and results of functions as plain data, and calls matched against them.

Invariant: what comes back is made of tensors, of Python values that JSON holds, and of lists, tuples and dictionaries;
nothing else is read. Entry points: `described`, `matched`, `rebuilt`, `parameters_of`, `signature_of`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from graphtf.composite_spec import RaggedTensorSpec, SparseTensorSpec
from graphtf.convert import convert_to_tensor
from graphtf.functions.signature import Open, _Composite
from graphtf.ir.dtypes import as_dtype
from graphtf.nest import CompositeTensor
from graphtf.spec import TypeSpec
from graphtf.tensor import Tensor

Data = dict[str, Any]
_PLAIN = (bool, int, float, str, type(None))


class Opaque:
    """A Python value that a file cannot hold: equal to nothing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


# ---- to data ---------------------------------------------------------------------------------------------------------


def described(x: Any) -> Data:
    """A structure whose tensors are `Open` places, as data."""
    if isinstance(x, Open):
        return {"tensor": x.number}
    if isinstance(x, _Composite):
        spec = x.original if isinstance(x.original, TypeSpec) else x.original._type_spec
        return {"composite": composite_data(spec), "parts": [described(part) for part in x.parts]}
    if isinstance(x, _PLAIN):
        return {"value": x}
    if isinstance(x, Mapping):
        return {"dict": {str(k): described(v) for k, v in x.items()}}
    if isinstance(x, (list, tuple)):
        return {"tuple" if isinstance(x, tuple) else "list": [described(v) for v in x]}
    return {"opaque": repr(x)[:200]}


def composite_data(spec: Any) -> Data:
    """The spec of a composite tensor as data. Raises TypeError for another class."""
    shape = spec.shape.as_list() if spec.shape.rank is not None else None
    if isinstance(spec, SparseTensorSpec):
        return {"kind": "sparse", "shape": shape, "dtype": spec.dtype.name}
    if isinstance(spec, RaggedTensorSpec):
        return {
            "kind": "ragged", "shape": shape, "dtype": spec.dtype.name, "ragged_rank": spec.ragged_rank,
            "splits": spec.row_splits_dtype.name,
        }  # fmt: skip
    raise TypeError(f"a {type(spec).__name__} cannot be saved in a signature")


def composite_spec(data: Data) -> Any:
    """The spec of data."""
    if data["kind"] == "sparse":
        return SparseTensorSpec(data["shape"], as_dtype(data["dtype"]))
    return RaggedTensorSpec(data["shape"], as_dtype(data["dtype"]), int(data["ragged_rank"]), as_dtype(data["splits"]))


def parameters_of(signature: inspect.Signature | None) -> list[Data] | None:
    """The parameters of a Python function as data."""
    if signature is None:
        return None
    out = []
    for q in signature.parameters.values():
        entry: Data = {"name": q.name, "kind": q.kind.name}
        if q.default is not inspect.Parameter.empty:
            entry["default"] = described(q.default)
        out.append(entry)
    return out


# ---- from data -------------------------------------------------------------------------------------------------------


def signature_of(parameters: Sequence[Data] | None) -> inspect.Signature | None:
    """The signature that data describes."""
    if parameters is None:
        return None
    kinds = {kind.name: kind for kind in inspect._ParameterKind}
    made = []
    for entry in parameters:
        default = rebuilt(entry["default"], ()) if "default" in entry else inspect.Parameter.empty
        made.append(inspect.Parameter(entry["name"], kinds[entry["kind"]], default=default))
    return inspect.Signature(made)


def rebuilt(data: Data, tensors: Sequence[Any]) -> Any:
    """The structure of data with tensors in its places."""
    if "tensor" in data:
        return tensors[data["tensor"]]
    if "value" in data:
        return data["value"]
    if "dict" in data:
        return {k: rebuilt(v, tensors) for k, v in data["dict"].items()}
    if "list" in data or "tuple" in data:
        items = [rebuilt(v, tensors) for v in data.get("list", data.get("tuple"))]
        return items if "list" in data else tuple(items)
    if "composite" in data:
        flat: list[Any] = []
        _gather(data, tensors, flat)
        return composite_spec(data["composite"])._from_components(flat)
    return Opaque(data["opaque"])


def _gather(data: Data, tensors: Sequence[Any], into: list[Any]) -> None:
    """The tensors of a composite, flat."""
    for part in data["parts"]:
        if "parts" in part:
            _gather(part, tensors, into)
        else:
            into.append(rebuilt(part, tensors))


def matched(data: Data, x: Any, types: Sequence[Data], into: dict[int, Tensor]) -> bool:
    """Does a value fit what data describes? Its tensors are put into `into` by their numbers."""
    if "tensor" in data:
        return _tensor(data["tensor"], x, types, into)
    if "value" in data:
        return type(x) is type(data["value"]) and x == data["value"]
    if "dict" in data:
        wanted = data["dict"]
        fits = isinstance(x, Mapping) and set(x) == set(wanted)
        return fits and all(matched(v, x[k], types, into) for k, v in wanted.items())
    if "list" in data or "tuple" in data:
        items = data.get("list", data.get("tuple"))
        fits = isinstance(x, (list, tuple)) and len(x) == len(items)
        return fits and all(matched(d, v, types, into) for d, v in zip(items, x))
    if "composite" in data:
        spec = composite_spec(data["composite"])
        if not isinstance(x, CompositeTensor) or not spec.is_compatible_with(x):
            return False
        numbers: list[Any] = []
        _gather(data, range(len(types)), numbers)
        into.update(zip(numbers, spec._to_components(x)))
        return True
    return isinstance(x, Opaque) and repr(x) == data["opaque"]


def _tensor(number: int, x: Any, types: Sequence[Data], into: dict[int, Tensor]) -> bool:
    dtype, shape = as_dtype(types[number]["dtype"]), types[number]["shape"]
    if x is None or (isinstance(x, (str, CompositeTensor)) and not (isinstance(x, str) and dtype.kind == "s")):
        return False
    try:
        tensor = x if isinstance(x, Tensor) else convert_to_tensor(x, dtype)
    except (TypeError, ValueError):
        return False
    if tensor.dtype is not dtype or not tensor.shape.is_compatible_with(shape):
        return False
    into[number] = tensor
    return True
