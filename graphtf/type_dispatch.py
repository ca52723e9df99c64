"""Functions of the API that do something else for classes of the user's: `tf.experimental.dispatch_for_api` and kin.

Invariant: a function costs nothing more until something is registered for it; then the public name, and the modules
that hold it, get a function that looks at the arguments first, and what is registered runs only if one of them is an
object of the user's. Follows
https://www.tensorflow.org/api_docs/python/tf/experimental/dispatch_for_api. Entry points: the functions below.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphtf.names import INDEX, resolve
from graphtf.nest import CompositeTensor
from graphtf.tensor import Tensor
from graphtf.variable import Variable

Api = Callable[..., Any]

_UNARY = (
    "zeros_like ones_like debugging.check_numerics math.abs math.softplus math.sign math.real math.imag math.angle "
    "math.round cast dtypes.saturate_cast math.sigmoid math.log_sigmoid math.conj math.reciprocal_no_nan math.erfinv "
    "math.ndtri math.erfcinv math.ceil math.sqrt math.exp math.rsqrt math.acos math.floor bitwise.invert math.acosh "
    "math.asin math.asinh math.atan math.atanh math.cos math.cosh math.digamma math.erf math.erfc math.expm1 "
    "math.is_finite math.is_inf math.is_nan math.lgamma math.log math.log1p math.logical_not math.negative "
    "math.nextafter math.reciprocal math.rint math.sin math.sinh math.square math.tan math.tanh nn.relu6 nn.leaky_relu "
    "nn.gelu nn.log_softmax nn.elu nn.relu nn.selu nn.softsign nn.silu clip_by_value math.special.dawsn "
    "math.special.expint math.special.fresnel_cos math.special.fresnel_sin math.special.spence math.bessel_i0 "
    "math.bessel_i0e math.bessel_i1 math.bessel_i1e math.special.bessel_k0 math.special.bessel_k0e "
    "math.special.bessel_k1 math.special.bessel_k1e math.special.bessel_j0 math.special.bessel_j1 "
    "math.special.bessel_y0 math.special.bessel_y1 strings.as_string strings.length strings.lower strings.upper "
    "strings.strip strings.regex_full_match strings.regex_replace strings.substr strings.to_number"
)
_BINARY = (
    "math.divide math.multiply math.subtract math.scalar_mul math.pow dtypes.complex math.truediv math.divide_no_nan "
    "math.multiply_no_nan math.floordiv math.logical_xor math.equal math.not_equal math.add math.xdivy math.xlog1py "
    "bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor bitwise.left_shift bitwise.right_shift math.atan2 "
    "math.floormod math.greater math.greater_equal math.less math.less_equal math.logical_and math.logical_or "
    "math.maximum math.minimum realdiv math.squared_difference truncatediv truncatemod math.xlogy math.zeta "
    "nn.sigmoid_cross_entropy_with_logits"
)
_ASSERTIONS = (
    "debugging.assert_equal debugging.assert_none_equal debugging.assert_near debugging.assert_less "
    "debugging.assert_less_equal debugging.assert_greater debugging.assert_greater_equal"
)


@dataclass
class Entry:
    """What runs in place of a function where the arguments match."""

    matches: Callable[[tuple[Any, ...], dict[str, Any]], bool]
    run: Callable[..., Any]
    target: Any  # what the user registered


@dataclass
class Dispatched:
    """A function that has entries; `usual` is what it is to programs, which may take sparse and ragged tensors too."""

    original: Api
    usual: Api
    entries: list[Entry] = field(default_factory=list)


_dispatched: dict[Any, Dispatched] = {}  # by the original function


# ---- registering -----------------------------------------------------------------------------------------------------


def dispatch_for_api(api: Api, *signatures: Mapping[Any, Any]) -> Callable[[Api], Api]:
    """Decorate a function that overrides `api` for arguments that match one of the signatures.

    A signature maps names (or positions) of parameters to types; without one, the decorated function's annotations are
    it. Raises ValueError for a parameter that `api` does not have, or for an empty signature.

    >>> from graphtf import math
    >>> from graphtf.extension_type import ExtensionType
    >>> class Count(ExtensionType):
    ...     value: int
    >>> @dispatch_for_api(math.negative, {"x": Count})
    ... def negative_count(x, name=None):
    ...     return Count(-x.value)
    >>> math.negative(Count(2)).value
    -2
    >>> unregister_dispatch_for(negative_count)
    """

    def decorate(target: Api) -> Api:
        given = signatures or (_annotations(target),)
        checked = [_checked(api, s) for s in given]
        parameters = inspect.signature(_original(api))

        def matches(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
            try:
                call = parameters.bind(*args, **kwargs)
            except TypeError:
                return False
            call.apply_defaults()
            bound = call.arguments
            return any(_hold([bound.get(k, _ABSENT) for k in s], s.values()) for s in checked)

        _add(api, Entry(matches, target, target))
        return target

    return decorate


def dispatch_for_unary_elementwise_apis(x_type: Any) -> Callable[[Api], Api]:
    """Decorate a handler `(api, x)` of every elementwise function of one argument, for a type of argument.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dispatch_for_unary_elementwise_apis.
    """
    return _for_all(_UNARY, 1, (x_type,))


def dispatch_for_binary_elementwise_apis(x_type: Any, y_type: Any) -> Callable[[Api], Api]:
    """Decorate a handler `(api, x, y)` of every elementwise function of two arguments, for types of arguments.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dispatch_for_binary_elementwise_apis.
    """
    return _for_all(_BINARY, 2, (x_type, y_type))


def dispatch_for_binary_elementwise_assert_apis(x_type: Any, y_type: Any) -> Callable[[Api], Api]:
    """Decorate a handler `(api, x, y)` of every assertion about two arguments, for types of arguments.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dispatch_for_binary_elementwise_assert_apis.
    """
    return _for_all(_ASSERTIONS, 2, (x_type, y_type))


def unregister_dispatch_for(dispatch_target: Any) -> None:
    """Forget what was registered with a function. Raises ValueError if nothing was.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/unregister_dispatch_for.
    """
    found = False
    for d in _dispatched.values():
        kept = [e for e in d.entries if e.target is not dispatch_target]
        found |= len(kept) < len(d.entries)
        d.entries[:] = kept
    if not found:
        raise ValueError(f"Function {dispatch_target} was not registered with a `dispatch_for` decorator")


def _for_all(names: str, count: int, wanted: tuple[Any, ...]) -> Callable[[Api], Api]:
    def decorate(handler: Api) -> Api:
        for api in _functions(names):
            parameters = list(inspect.signature(_original(api)).parameters)[:count]
            _add(api, _elementwise(api, handler, parameters, wanted))
        return handler

    return decorate


def _elementwise(api: Api, handler: Api, parameters: list[str], wanted: tuple[Any, ...]) -> Entry:
    def taken(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
        found = []
        for k, name in enumerate(parameters):
            if k < len(args):
                found.append(args[k])
            elif name in kwargs:
                found.append(kwargs[name])
            else:
                return None
        return found

    def matches(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        operands = taken(args, kwargs)
        return operands is not None and _hold(operands, wanted)

    def run(*args: Any, **kwargs: Any) -> Any:
        rest = args[len(parameters) :]
        more = {k: v for k, v in kwargs.items() if k not in parameters and k != "name"}
        operands = taken(args, kwargs) or []
        return handler(functools.partial(_with_rest, api, len(operands), rest, more), *operands) if rest or more else (
            handler(_public(api), *operands)
        )  # fmt: skip

    return Entry(matches, run, handler)


def _with_rest(api: Api, count: int, rest: tuple[Any, ...], more: dict[str, Any], *operands: Any) -> Any:
    """The function with the arguments that are no operands as they came."""
    return _public(api)(*operands[:count], *rest, **more)


# ---- putting it in place ---------------------------------------------------------------------------------------------


def _functions(names: str) -> Iterator[Api]:
    seen = set()
    for name in names.split():
        if name in INDEX:
            api = resolve(name)
            if _original(api) not in seen:
                seen.add(_original(api))
                yield api


def _original(api: Api) -> Api:
    return inspect.unwrap(api)


def _public(api: Api) -> Api:
    """The function that looks at arguments first, if there is one."""
    home = sys.modules[api.__module__]
    return getattr(home, api.__name__, api)  # type: ignore[no-any-return]


def _add(api: Api, entry: Entry) -> None:
    original = _original(api)
    if original not in _dispatched:
        _dispatched[original] = Dispatched(original, api)
        _install(original, api, _looking(_dispatched[original]))
    _dispatched[original].entries.append(entry)


def _looking(d: Dispatched) -> Api:
    @functools.wraps(d.original)
    def run(*args: Any, **kwargs: Any) -> Any:
        found = [entry for entry in d.entries if entry.matches(args, kwargs)]
        if len(found) > 1:
            raise ValueError(
                f"Multiple dispatch targets that were registered with tf.dispatch_for ({found[0].target} and "
                f"{found[1].target}) match the arguments to {d.original.__name__}"
            )
        return found[0].run(*args, **kwargs) if found else d.usual(*args, **kwargs)

    return run


def _install(original: Api, usual: Api, looking: Api) -> None:
    """Put a function in place of another wherever a module of ours, or a namespace, holds it. Raises ValueError."""
    home = sys.modules.get(getattr(original, "__module__", ""))
    if home is None or not home.__name__.startswith("graphtf"):
        raise ValueError(f"{original!r} is not a function of the API, so it cannot be dispatched")
    for name, module in list(sys.modules.items()):
        if name == "graphtf" or name.startswith("graphtf."):
            held = [k for k, v in vars(module).items() if v is original or v is usual]
            for k in held:
                setattr(module, k, looking)


# ---- do arguments match? ---------------------------------------------------------------------------------------------


def _annotations(target: Api) -> dict[str, Any]:
    found = {k: t for k, t in typing.get_type_hints(target).items() if k != "return"}
    if not found:
        raise ValueError("must provide at least one type annotation or signature")
    return found


def _checked(api: Api, signature: Mapping[Any, Any]) -> dict[str, Any]:
    names = list(inspect.signature(_original(api)).parameters)
    found = {}
    for key, wanted in signature.items():
        name = names[key] if isinstance(key, int) and key < len(names) else key
        if name not in names:
            raise ValueError(f"{api.__name__} has no parameter {key!r}, which a dispatch signature names")
        found[name] = wanted
    if not found:
        raise ValueError("must provide at least one type annotation")
    return found


_ABSENT = object()


def _hold(operands: Iterable[Any], wanted: Iterable[Any]) -> bool:
    """Do the arguments fit their types, and is one of them, or in one of them, an object of the user's?"""
    given = list(operands)
    return all(map(fits, given, wanted)) and any(map(_dispatchable, given))


def _dispatchable(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_dispatchable, x))
    if isinstance(x, Mapping):
        return any(map(_dispatchable, x.values()))
    if isinstance(x, CompositeTensor):
        return True
    if x is _ABSENT or isinstance(x, (Tensor, Variable)):
        return False
    return type(x).__module__.partition(".")[0] not in ("builtins", "numpy", "graphtf", "tensorflow", "ml_dtypes")


def fits(x: Any, wanted: Any) -> bool:
    """Is x of a type, one of several (a union), or a sequence or mapping of such?

    >>> fits([1, 2], list[int]), fits([1, "a"], list[int]), fits(1, typing.Union[int, str])
    (True, False, True)
    """
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(x, t) for t in inner)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return isinstance(x, tuple) and all(fits(y, inner[0]) for y in x)
        return isinstance(x, tuple) and len(x) == len(inner) and all(map(fits, x, inner))
    if origin in (list, collections.abc.Sequence):
        return isinstance(x, (list, tuple)) and bool(x) and all(fits(y, inner[0]) for y in x)
    if origin in (dict, collections.abc.Mapping):
        return isinstance(x, Mapping) and all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in x.items())
    return isinstance(x, origin or wanted)
