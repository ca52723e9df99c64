"""The eager binder: runs an op's NumPy reference now and tells the active tapes.

Invariant: what it returns are EagerTensors of arrays nobody else writes to. Types are checked once for each signature:
dtypes suffice for elementwise ops, since NumPy itself refuses shapes that do not broadcast. Entry point: `eager`
(installed here).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.convert import to_array
from graphtf.eager_native import native_for
from graphtf.ir.binding import default_binder, set_default_binder
from graphtf.ir.errors import InvalidArgumentError, ResourceExhaustedError
from graphtf.ir.op import Effect, Op, Trait
from graphtf.ir.ops import OPS
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, type_of
from graphtf.placement import mark, on_first_use
from graphtf.recording import active, record
from graphtf.scopes import scopes
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor

_ELEMENTWISE = frozenset(op for op in OPS.values() if Trait.ELEMENTWISE in op.traits)
_BINARY = frozenset(op for op in _ELEMENTWISE if op.arity == 2 and not op.attrs and op.results == 1)
_UNARY = frozenset(op for op in OPS.values() if op.arity == 1 and op.pure and op.results == 1)
_STATEFUL = frozenset(op for op in OPS.values() if op.effect in (Effect.READ, Effect.WRITE))
_MOST_SIGNATURES = 8192
_TOO_LARGE = ("too large", "array is too big", "Maximum allowed dimension exceeded")  # NumPy's words
_checked: dict[Any, Callable[..., Any]] = {}  # signatures whose types have been checked, and what runs them


class _Quiet(threading.local):
    """A context of each thread in which NumPy does not warn: cheaper to enter than `np.errstate`."""

    def __init__(self) -> None:
        context = contextvars.copy_context()
        context.run(np.seterr, all="ignore")
        self.run = context.run


_quiet = _Quiet()


def eager(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Apply `op` now. Raises what its type rule or its reference raises."""
    if op in _BINARY:  # most of what programs do one by one: the same as below, in less time
        x, y = operands
        try:
            a, b = x._array, y._array
            result = _quiet.run(_checked[op, a.dtype, b.dtype], a, b)
        except (AttributeError, KeyError, ValueError, MemoryError):
            pass  # for what follows to lift, to check or to explain
        else:
            out = EagerTensor(result if type(result) is np.ndarray else np.asarray(result))
            if active.tapes:
                record(op, operands, attrs, (out,))
            return out
    elif op in _UNARY:
        (x,) = operands
        try:
            a = x._array
            shape = () if op in _ELEMENTWISE else (a.shape,)
            result = _quiet.run(_checked[op, a.dtype, *shape, *attrs.values()], a, **attrs)
        except (AttributeError, KeyError, TypeError, ValueError, MemoryError):
            pass
        else:
            out = EagerTensor(result if type(result) is np.ndarray else np.asarray(result))
            if active.tapes:
                record(op, operands, attrs, (out,))
            return out
    elif op in _STATEFUL:
        return _stateful(op, operands, attrs)
    return _checked_first(op, operands, attrs)


def _checked_first(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Apply an op once the types of its operands are known to be good."""
    try:
        arrays = [x._array for x in operands]
    except AttributeError:
        operands = lift(op, operands)
        arrays = [x._array for x in operands]
    if not arrays:  # arrays among the attributes are known by their types
        key: Any = (op, *[(a.dtype, a.shape) if type(a) is np.ndarray else a for a in attrs.values()])
    elif op not in _ELEMENTWISE:
        key = (op, *[of for a in arrays for of in (a.dtype, a.shape)], *attrs.values())
    else:
        key = (op, *[a.dtype for a in arrays], *attrs.values())
    try:
        run = _checked.get(key) or _check(op, arrays, attrs, key)
    except TypeError:  # an attribute that cannot be hashed
        op.infer(*map(type_of, arrays), **attrs)
        run = op.ref
    try:
        result = _quiet.run(run, *arrays, **attrs)
    except ValueError as e:
        op.infer(*map(type_of, arrays), **attrs)  # says what is wrong in the op's terms
        if any(text in str(e) for text in _TOO_LARGE):
            text = f"{op.name}: the result would have too many elements ({e})"
            raise InvalidArgumentError(None, None, text) from None
        raise
    except MemoryError as e:
        raise ResourceExhaustedError(None, None, f"{op.name}: {e}") from None
    if op.results == 1:
        out = EagerTensor(result if type(result) is np.ndarray else np.asarray(result))
        if active.tapes:
            record(op, operands, attrs, (out,))
        return out
    outs = () if result is None else tuple([EagerTensor(np.asarray(x)) for x in result])
    if active.tapes:
        record(op, operands, attrs, outs)
    return outs


def _check(op: Op, arrays: list[Any], attrs: dict[str, Any], key: tuple[Any, ...]) -> Callable[..., Any]:
    """Check the types; what runs this signature:

    the bare function inside the reference if that gives the right dtype.
    """
    operands = [type_of(a) for a in arrays]
    types = op.infer(*operands, **attrs)
    run, bare = op.ref, getattr(op.ref, "__wrapped__", None)
    if bare is not None and np.asarray(_quiet.run(bare, *arrays, **attrs)).dtype == types.dtype.np:
        run = bare
    elif op.results == 1:
        run = native_for(op, operands, types, attrs) or run
    if len(_checked) >= _MOST_SIGNATURES:
        _checked.clear()
    _checked[key] = run
    return run


def lift(op: Op, operands: tuple[Any, ...]) -> tuple[EagerTensor, ...]:
    """Operands as eager tensors: Python scalars and arrays take the dtype of the first tensor."""
    dtype = next((x.dtype for x in operands if isinstance(x, Tensor)), None)
    return tuple(_lifted(op, x, dtype) for x in operands)


def _lifted(op: Op, x: Any, dtype: Any) -> EagerTensor:
    if type(x) is EagerTensor:
        return x
    if isinstance(x, SymbolicTensor):
        raise TypeError(
            f"{x!r} is out of scope and cannot be used here: it belongs to a function being traced, and {op.name} runs "
            "outside of it. Return it from the function, or store it in a tf.Variable."
        )
    own = getattr(type(x), "__tf_tensor__", None)
    if own is not None:
        return own(x)  # type: ignore[no-any-return]
    if isinstance(x, np.ndarray):
        return EagerTensor(to_array(x))
    return EagerTensor(to_array(x, dtype))


def _stateful(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Operand 0 is a variable."""
    variable, *rest = operands
    cell: Cell = variable if isinstance(variable, Cell) else variable.cell
    values = lift(op, tuple(rest))
    arrays = [x._array for x in values]
    op.infer(RefType(cell.type), *map(type_of, arrays), **attrs)
    result = op.ref(cell, *arrays, **attrs)
    outs = () if result is None else tuple(map(EagerTensor, result if isinstance(result, tuple) else (result,)))
    if active.tapes:
        record(op, (variable, *values), attrs, outs)
    return outs[0] if op.results == 1 else outs


def _say_devices() -> None:
    """From now on, results of ops say on which device they were made."""
    inner = default_binder()

    def placed(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        result = inner(op, operands, attrs)
        if scopes.device:
            for x in result if isinstance(result, tuple) else (result,):
                if x is not None:
                    mark(x, scopes.device)
        return result

    set_default_binder(placed)


set_default_binder(eager)
on_first_use(_say_devices)
