"""`tf.debugging.enable_check_numerics`: the first NaN or infinity stops the program, naming the op and the line.

Invariant: it holds for the thread that asks. Eagerly each result is looked at; a function traced meanwhile has the
checks in its program, forward and in what is derived from it, and one traced before has none. Ops that only move
elements are not checked: what they move was. Entry points: `enable_check_numerics`, `disable_check_numerics`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.functions.source import user_source
from graphtf.ir import dtypes as dt
from graphtf.ir.binding import Binder, default_binder, set_default_binder
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.op import Effect, Op, Trait
from graphtf.ir.ops.prims import p
from graphtf.recording import active, recording_to
from graphtf.tensor import EagerTensor

_MOVERS = frozenset({
    p.bitcast, p.broadcast_to, p.check_numerics, p.concat, p.dynamic_slice, p.dynamic_update_slice, p.gather,
    p.gather_nd, p.maximum, p.minimum, p.pad, p.rebits, p.reduce_max, p.reduce_min, p.reshape_to, p.select, p.sort,
    p.strided_slice, p.strided_spread, p.tile, p.top_k, p.window_max,
})  # fmt: skip
_MOST_SHOWN = 30  # elements of an operand
_inner: list[Binder] = []  # the eager binder whose results are looked at, once anybody has asked for that


def enable_check_numerics(stack_height_limit: int = 30, path_length_limit: int = 50) -> None:
    """From now on, raise InvalidArgumentError where an op gives a NaN or an infinity, until disabled.

    The message names the op, the line of the program, and what is wrong with which tensor; the limits are for longer
    stacks than the one line that it shows. Follows
    https://www.tensorflow.org/api_docs/python/tf/debugging/enable_check_numerics.

    >>> from graphtf import constant
    >>> from graphtf.api.unary import log
    >>> enable_check_numerics()
    >>> try:
    ...     log(constant([0.0]))
    ... except InvalidArgumentError as e:
    ...     print(str(e).splitlines()[0][:59])
    ... finally:
    ...     disable_check_numerics()
    Detected Infinity or NaN in output 0 of eagerly-executing o
    """
    active.hook = _checked_results
    if not _inner:
        _inner.append(default_binder())
        set_default_binder(_checked_eager)


def disable_check_numerics() -> None:
    """Undo `enable_check_numerics`. Functions traced meanwhile keep their checks.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/disable_check_numerics.

    >>> disable_check_numerics()
    """
    active.hook = None


def _may_spoil(op: Op) -> bool:
    """Can finite operands give what is not?"""
    moves = op in _MOVERS or bool(op.traits & (Trait.VIEW | Trait.GENERATOR))
    return not (moves or op.regions or op.effect in (Effect.READ, Effect.WRITE, Effect.REGIONS))


# ---- eager -----------------------------------------------------------------------------------------------------------


def _checked_eager(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """The eager binder, looking at what it gives."""
    result = _inner[0](op, operands, attrs)
    if active.hook is not None and _may_spoil(op):
        for k, out in enumerate(result if isinstance(result, tuple) else (result,)):
            if out is not None and out.dtype.is_inexact and not _finite(out):
                raise InvalidArgumentError(None, None, _eager_report(op, operands, k, out))
    return result


def _finite(out: Any) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.isfinite(out._array).all())


def _eager_report(op: Op, operands: tuple[Any, ...], k: int, out: Any) -> str:
    lines = [
        f"Detected Infinity or NaN in output {k} of eagerly-executing op {op.name!r} (# of outputs: {op.results}), at "
        f"{user_source()}",
        _described(out),
    ]
    with recording_to(()):
        lines += [f"  Input {i}: {_shown(x)}" for i, x in enumerate(operands)]
    return "\n".join(lines)


def _described(out: Any) -> str:
    """Its type, and how many of its elements are what."""
    array = out._array
    lines = [f"  dtype: {out.dtype.name}", f"  shape: {out.shape}"]
    real = array.real if array.dtype.kind != "c" else np.stack([array.real, array.imag])
    with np.errstate(all="ignore"):
        found = {"-Inf": np.isneginf(real), "+Inf": np.isposinf(real), "NaN": np.isnan(real)}
    lines += [f"  # of {name} elements: {int(at.sum())}" for name, at in found.items() if at.any()]
    return "\n".join(lines)


def _shown(x: Any) -> str:
    array = np.asarray(x)
    text = np.array2string(array, threshold=_MOST_SHOWN)
    return f"{text} shape={array.shape} dtype={dt.as_dtype(array.dtype).name}"


# ---- traced ----------------------------------------------------------------------------------------------------------


def _checked_results(op: Op, outs: tuple[Any, ...], gradient: bool = False) -> tuple[Any, ...]:
    """Traced results, with a check behind each that may not be finite; a compiled gradient's are looked at now."""
    source = user_source()
    if gradient:
        for k, out in enumerate(outs):
            if isinstance(out, EagerTensor) and out.dtype.is_inexact and not _finite(out):
                raise InvalidArgumentError(
                    None, None,
                    f"Detected Infinity or NaN in gradient {k} of function {op.name!r}, at {source}\n"
                    f"{_described(out)}",
                )  # fmt: skip
        return outs
    if not _may_spoil(op):
        return outs
    return tuple(_checked(op, k, out, source) if out.dtype.is_inexact else out for k, out in enumerate(outs))


def _checked(op: Op, k: int, out: Any, source: Any) -> Any:
    text = f"Detected Infinity or NaN in output {k} of graph op {op.name!r} (# of outputs: {op.results}), at {source}"
    return p.check_numerics(out, message=f"{text}\n  dtype: {out.dtype.name}\n  shape: {out.shape}")
