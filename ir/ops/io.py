"""What a program says to the outside: printing, assertions, calls of Python functions.

Invariant: these keep program order with everything effectful. A Python function is named by its key in a table of this
process (`register`), which is never written to a file: a graph read elsewhere finds no function and says so when run.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import bind, ir_type
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InternalError, InvalidArgumentError, NotFoundError
from graphtf.ir.op import Effect, Host, Kernel, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.summary import fill, places, summarise
from graphtf.ir.types import TensorType, Type

Array = np.ndarray[Any, Any]

STREAMS = ("stderr", "stdout")
_FILE = "file://"


def _check_tensors(op: Op, types: Sequence[Type], constraint: int) -> None:
    for k, t in enumerate(types):
        if not isinstance(t, TensorType):
            raise op.violated(constraint, f"operand {k} is {t}, expected a tensor", "dtype")


# ---- print -----------------------------------------------------------------------------------------------------------


def _print_infer(*types: Type, template: str, summarize: int = 3, stream: str = "stderr", end: str = "\n") -> tuple[()]:
    _check_tensors(print_, types, 1)
    if places(template) != len(types):
        raise print_.violated(2, f"{places(template)} places in {template!r} for {len(types)} operands", "value")
    if stream not in STREAMS and not stream.startswith(_FILE):
        raise print_.violated(3, f"attribute stream is {stream!r}, expected stdout, stderr or file://PATH", "value")
    return ()


def _print_ref(*arrays: Array, template: str, summarize: int = 3, stream: str = "stderr", end: str = "\n") -> None:
    text = fill(template, arrays, summarize) + end
    if stream.startswith(_FILE):
        with open(stream.removeprefix(_FILE), "a", encoding="utf-8") as file:
            file.write(text)
        return
    target = sys.stdout if stream == "stdout" else sys.stderr
    target.write(text)
    target.flush()


print_ = Op(
    "print", "write a line: `template` with each {} replaced by an operand, as tf.print does", _print_infer, _print_ref,
    None, Host("it prints"), arity=None, attrs=("template", "summarize", "stream", "end"),
    constraints=("operands are tensors", "one place for each operand", "the stream is stdout, stderr or a file"),
    effect=Effect.IO, results=0, traits=Trait.ZERO_GRADIENT, samples=(Sample("f32[3]", {"template": "x = {}"}),),
)  # fmt: skip


# ---- assert ----------------------------------------------------------------------------------------------------------


def _assert_infer(condition: Type, *data: Type, message: str = "", summarize: int = 3) -> tuple[()]:
    _check_tensors(assert_, (condition, *data), 1)
    check_dtype(assert_, condition.dtype, (dt.bool_,), 2)
    return ()


def _assert_ref(condition: Array, *data: Array, message: str = "", summarize: int = 3) -> tuple[()]:
    if not condition.all():
        shown = " ".join(f"[{_datum(x, summarize)}]" for x in data)
        raise InvalidArgumentError(None, None, " ".join(x for x in (message or "assertion failed:", shown) if x))
    return ()


def _datum(x: Array, summarize: int) -> str:
    """A scalar string stands for itself, anything else is written as its elements."""
    if x.dtype == object and x.ndim == 0:
        return x[()].decode(errors="replace") if isinstance(x[()], bytes) else str(x[()])
    return summarise(x.reshape(-1), summarize)[1:-1]


assert_ = Op(
    "assert", "stop the program with InvalidArgumentError, showing the data, unless every element of operand 0 is true",
    _assert_infer, _assert_ref, None, Kernel("assert"), arity=None, attrs=("message", "summarize"),
    constraints=("operands are tensors", "the condition is bool"), effect=Effect.CHECK, results=0,
    traits=Trait.ZERO_GRADIENT,
    samples=(Sample("bool[3] f32[2]", {"message": "no"}, values=([True] * 3, [1.0, 2.0])), Sample("bool[0]")),
)  # fmt: skip


# ---- check_numerics --------------------------------------------------------------------------------------------------

_IN_GRADIENT = "Not a number (NaN) or infinity (Inf) values detected in gradient."


def _check_numerics_infer(x: Type, message: str = "") -> Type:
    _check_tensors(check_numerics, (x,), 1)
    check_dtype(check_numerics, x.dtype, dt.INEXACT, 2)
    return x


def _check_numerics_ref(x: Array, message: str = "") -> Array:
    found = [name for name, test in (("Inf", np.isinf), ("NaN", np.isnan)) if test(x).any()]
    if found:
        raise InvalidArgumentError(None, None, f"{message} : Tensor had {' and '.join(found)} values")
    return x


def _check_numerics_vjp(ct: Any, out: Any, x: Any, message: str = "") -> tuple[Any]:
    return (p.check_numerics(ct, message=f"{_IN_GRADIENT} {message}"),)


check_numerics = Op(
    "check_numerics", "x; stops the program with InvalidArgumentError where it has a NaN or an infinity",
    _check_numerics_infer, _check_numerics_ref, _check_numerics_vjp, Kernel("check_numerics"), attrs=("message",),
    constraints=("the operand is a tensor", "the dtype is floating or complex"), effect=Effect.CHECK,
    samples=(Sample("f32[3, 4]", {"message": "loss"}), Sample("f32[0]"), Sample("c64[2]")),
)  # fmt: skip


# ---- host_call -------------------------------------------------------------------------------------------------------

HostFunction = Callable[..., Any]  # (*arrays) -> one array-like for each result, in a sequence

_functions: dict[int, HostFunction] = {}
_keys = itertools.count(1)


def register(function: HostFunction, owner: object | None = None) -> int:
    """The key under which `host_call` finds a Python function; with an owner, only as long as that lives."""
    key = next(_keys)
    _functions[key] = function
    if owner is not None:
        weakref.finalize(owner, _functions.pop, key, None)
    return key


def registered(key: int) -> HostFunction | None:
    """The function of a key, if it is still there."""
    return _functions.get(key)


def _host_infer(
    *types: Type, function: int, dtypes: tuple[DType, ...], shapes: tuple[Any, ...], gradient: int | None = None
) -> tuple[TensorType, ...]:
    if len(dtypes) != len(shapes):
        raise host_call.violated(1, f"{len(dtypes)} dtypes and {len(shapes)} shapes", "value")
    return tuple(TensorType(d, s) for d, s in zip(dtypes, shapes))


def _host_ref(
    *args: Any, function: int, dtypes: tuple[DType, ...], shapes: tuple[Any, ...], gradient: int | None = None
) -> tuple[Array, ...]:
    run = _functions.get(function)
    if run is None:
        raise NotFoundError(None, None, f"host_call: this process has no Python function under key {function}")
    made = list(run(*args))
    if len(made) != len(dtypes):
        raise InvalidArgumentError(None, None, f"host_call: {len(made)} results, expected {len(dtypes)}")
    return tuple(_result(k, x, d, s) for k, (x, d, s) in enumerate(zip(made, dtypes, shapes)))


def _result(k: int, x: Any, dtype: DType, shape: tuple[Dim, ...] | None) -> Array:
    """A result as declared; a size that is still a symbol becomes known by it."""
    a = np.asarray(x)
    boxed = dtype.kind == "r" and a.dtype == object
    if not boxed and as_dtype(a.dtype) is not dtype:
        message = f"host_call: result {k} has dtype {as_dtype(a.dtype).name}, expected {dtype.name}"
        raise InvalidArgumentError(None, None, message)
    fits = shape is None or (
        len(shape) == a.ndim and all(have == want for have, want in zip(a.shape, shape) if isinstance(want, int))
    )
    if not fits:
        raise InvalidArgumentError(None, None, f"host_call: result {k} has shape {list(a.shape)}, expected {shape}")
    return a if a.dtype == dtype.np else a.astype(dtype.np)


def _derivative(key: int) -> int | None:
    """The key of the gradient of a registered function, if it has a method `gradient_key` that gives it."""
    found = getattr(_functions.get(key), "gradient_key", None)
    return None if found is None else found()


def _host_vjp(cts: Any, outs: Any, *operands: Any, **attrs: Any) -> tuple[Any, ...]:
    """With a function for it: gradient(*operands, *cts) gives a cotangent for each floating or complex operand."""
    if attrs.get("gradient") is None:
        return (None,) * len(operands)
    given = [full_like(out, 0) if ct is None else ct for ct, out in zip(cts, outs) if ir_type(out).dtype.is_inexact]
    wanted = [k for k, x in enumerate(operands) if ir_type(x).dtype.is_inexact]
    types = [ir_type(operands[k]) for k in wanted]
    found = bind(
        host_call, *operands, *given, function=attrs["gradient"], dtypes=tuple(t.dtype for t in types),
        shapes=tuple(t.shape for t in types), gradient=_derivative(attrs["gradient"]),
    )  # fmt: skip
    if len(found) != len(wanted):
        raise InternalError(None, None, "host_call: its gradient has another number of results")
    by_operand = dict(zip(wanted, found))
    return tuple(by_operand.get(k) for k in range(len(operands)))


host_call = Op(
    "host_call", "call a Python function of this process with arrays; it may do anything", _host_infer, _host_ref,
    _host_vjp, Host("it calls Python"), arity=None, attrs=("function", "dtypes", "shapes", "gradient"),
    constraints=("one shape for each dtype",), effect=Effect.IO, results=None,
    samples=(Sample("f32[3]", {"function": 0, "dtypes": (dt.float32,), "shapes": ((3,),)}),),
)  # fmt: skip
