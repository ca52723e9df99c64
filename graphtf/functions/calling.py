"""Calls of one trace: arguments bound to the parameters it was traced for, or given flat; and its type as text.

Invariant: what binds has the structure, the Python values and the tensor types of the trace; a tensor given flat need
only have the dtype. Follows https://www.tensorflow.org/guide/function#obtaining_concrete_functions. Entry points:
`bound`, `flat`, `typed`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.functions.signature import Canonical, Leaf, Open, Parameters, _Composite, tensors_in
from graphtf.ir.dtypes import resource
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor
from graphtf.variable import Variable

# ---- binding ---------------------------------------------------------------------------------------------------------


def by_parameter(parameters: Parameters | None, args: Any, kwargs: Any, partial: bool = False) -> dict[str, Any]:
    """Arguments by the names of parameters. Raises TypeError for those that there are not."""
    if parameters is None or parameters.signature is None:
        return {**{f"args_{k}": x for k, x in enumerate(args)}, **kwargs}
    bind = parameters.signature.bind_partial if partial else parameters.signature.bind
    found = dict(bind(*args, **kwargs).arguments)
    for q in parameters.signature.parameters.values():
        if q.kind is inspect.Parameter.VAR_KEYWORD:
            found.update(found.pop(q.name, {}))
    return found


def bound(call: Canonical, parameters: Parameters | None, args: Any, kwargs: Any) -> list[Tensor]:
    """The tensors of a call that fits a trace, in order. Raises TypeError for one that does not."""
    traced = by_parameter(parameters, *call.structure)
    given = by_parameter(parameters, args, kwargs, partial=True)
    found: dict[int, Tensor] = {}
    for name, value in traced.items():
        if name in given:
            _match(value, given[name], call.signature.leaves, found)
        elif next(tensors_in(value), None) is not None:
            raise TypeError(f"missing a required argument: '{name}'")
    extra = sorted(set(given) - set(traced))
    if extra:
        raise TypeError(f"got an unexpected keyword argument '{extra[0]}'")
    return [found[k] for k in range(len(call.signature.leaves))]


def _match(traced: Any, given: Any, leaves: Sequence[Leaf], found: dict[int, Tensor]) -> None:
    if isinstance(traced, Open):
        found[traced.number] = _tensor(given, leaves[traced.number])
        return
    if isinstance(traced, _Composite):
        if not isinstance(given, nest.CompositeTensor):
            raise TypeError(f"Can not cast {given!r} to {traced.original!r}")
        pairs = zip(traced.parts, given._as_argument()._components(), strict=True)
    elif isinstance(traced, Mapping) and isinstance(given, Mapping) and set(traced) == set(given):
        pairs = ((traced[k], given[k]) for k in traced)  # type: ignore[assignment]
    elif isinstance(traced, (list, tuple)) and isinstance(given, (list, tuple)) and len(traced) == len(given):
        pairs = zip(traced, given, strict=True)
    else:
        return _literal(traced, given)
    for a, b in pairs:
        _match(a, b, leaves, found)
    return None


def _tensor(given: Any, leaf: Leaf) -> Tensor:
    wanted = TensorSpec(leaf.sizes, leaf.dtype)
    if isinstance(given, TensorSpec) or not (is_tensor_like(given) or nest.is_nested(given) or not callable(given)):
        raise TypeError(f"Can not cast {given!r} to {wanted}")
    try:
        x = convert_to_tensor(given) if is_tensor_like(given) else convert_to_tensor(given, leaf.dtype)
    except (ValueError, TypeError):
        raise TypeError(f"Can not cast {given!r} to {wanted}") from None
    if not wanted.is_compatible_with(x):
        raise TypeError(f"Can not cast {TensorSpec(x.shape, x.dtype)} to {wanted}")
    return x


def _literal(traced: Any, given: Any) -> None:
    if isinstance(traced, Variable):
        same = isinstance(given, Variable) and given._root is traced._root
    else:
        same = given is traced or (type(given) is type(traced) and not is_tensor_like(given) and bool(given == traced))
    if not same:
        raise TypeError(f"Can not cast {given!r} to Literal[{traced!r}]")


def flat(call: Canonical, names: Sequence[str], args: Any, kwargs: Any) -> list[Tensor] | None:
    """The tensors of a call that gives nothing but tensors, in order or by their names; None for another call."""
    leaves = call.signature.leaves
    given = dict(zip(names, args))
    if len(args) > len(leaves) or set(given) & set(kwargs):
        return None
    given.update(kwargs)
    if set(given) != set(names) or not all(is_tensor_like(x) or isinstance(x, (int, float)) for x in given.values()):
        return None
    wanted = [(given[name], leaf.dtype) for name, leaf in zip(names, leaves)]
    return [convert_to_tensor(x, None if is_tensor_like(x) else dtype) for x, dtype in wanted]


def leaf_names(call: Canonical, parameters: Parameters | None, given: Sequence[str | None]) -> list[str]:
    """A name for each tensor of a call: that of its spec, else its parameter's, with its place in what holds it."""
    found: dict[int, str] = {}
    for name, value in by_parameter(parameters, *call.structure).items():
        for path, leaf in nest.flatten_with_paths(value):
            numbers = list(tensors_in(leaf))
            for k in numbers:
                place = [*path, numbers.index(k)] if len(numbers) > 1 else list(path)
                found[k] = given[k] or "_".join(map(str, [name, *place]))
    return [found[k] for k in range(len(call.signature.leaves))]


# ---- as text ---------------------------------------------------------------------------------------------------------


def typed(x: Any, leaves: Sequence[Leaf] = ()) -> str:
    """The type of an argument or result: of tensors, structures of them, and Python values."""
    if isinstance(x, Open):
        leaf = leaves[x.number]
        return repr(TensorSpec(leaf.sizes, leaf.dtype))
    if isinstance(x, Tensor):
        return repr(TensorSpec(x.shape, x.dtype))
    if isinstance(x, _Composite):
        return repr(getattr(x.original, "_type_spec", None) or x.original)
    if isinstance(x, nest.CompositeTensor):
        return repr(getattr(x, "_type_spec", None) or type(x).__name__)
    if isinstance(x, Mapping):
        return f"Dict[{', '.join(f'[{k!r}, {typed(v, leaves)}]' for k, v in x.items())}]"
    if isinstance(x, (list, tuple)):
        inside = ", ".join(typed(y, leaves) for y in x)
        return f"{'List' if isinstance(x, list) else 'Tuple'}[{inside}]"
    return f"Literal[{x!r}]"


def parameter_lines(call: Canonical, parameters: Parameters | None) -> list[tuple[str, str, str]]:
    """The name, kind and type of each argument of a trace."""
    args, kwargs = call.structure
    kinds = [] if parameters is None or parameters.signature is None else list(parameters.signature.parameters.values())
    variadic = any(q.kind is inspect.Parameter.VAR_POSITIONAL for q in kinds)
    positional = [q.name for q in kinds if q.kind in (q.POSITIONAL_ONLY, q.POSITIONAL_OR_KEYWORD)]
    only = variadic or any(q.kind is q.POSITIONAL_ONLY for q in kinds)
    star = next((q.name for q in kinds if q.kind is inspect.Parameter.VAR_POSITIONAL), "args")
    names = [*positional[: len(args)], *(f"{star}_{k}" for k in range(len(args) - len(positional)))]
    lead = "POSITIONAL_ONLY" if only else "POSITIONAL_OR_KEYWORD"
    leaves = call.signature.leaves
    return [
        *((n, lead, typed(x, leaves)) for n, x in zip(names, args)),
        *((n, "KEYWORD_ONLY", typed(x, leaves)) for n, x in kwargs.items()),
    ]


def captured(x: Any) -> str:
    """The type of what a trace refers to: a tensor, or a variable's storage."""
    if isinstance(x, Tensor):
        return repr(TensorSpec(x.shape, x.dtype))
    return repr(TensorSpec((), resource))
