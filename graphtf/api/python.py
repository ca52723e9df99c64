"""Calls of Python functions from a program: py_function, numpy_function.

Invariant: eagerly the function is called at once; in a trace, on the host whenever the program runs, in program order.
What it raises ends the program with an error of TensorFlow's kinds. Entry points: the `tf` functions below.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.deferred import deferred
from graphtf.functions.trace import active_trace
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError, OpError, UnimplementedError, UnknownError
from graphtf.ir.ops.io import host_call, register
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor


def py_function(func: Any = None, inp: Any = None, Tout: Any = None, name: str | None = None) -> Any:
    """What a Python function of eager tensors gives when the program runs. Gradients flow through it.

    Without a function it is a decorator. Follows https://www.tensorflow.org/api_docs/python/tf/py_function.

    >>> py_function(lambda x: x + 1, [convert_to_tensor(1)], as_dtype("int32"))
    <tf.Tensor: shape=(), dtype=int32, numpy=2>
    """
    if func is None:
        return lambda inner: functools.wraps(inner)(lambda *inp: py_function(inner, inp, Tout, name))
    operands = [convert_to_tensor(x) for x in inp or ()]
    specs = _specs(Tout)

    def run(*tensors: Tensor) -> list[Tensor]:
        made = _listed(_guarded(func, tensors))
        if len(made) != len(specs):
            raise InvalidArgumentError(None, None, f"py_function: {len(made)} results, expected {len(specs)}")
        return [_as_declared(k, x, d) for k, (x, (d, _)) in enumerate(zip(made, specs))]

    if active_trace() is None:
        outs = run(*operands)
    else:
        outs = deferred(run, operands, [d for d, _ in specs], [s for _, s in specs])
    return _like(Tout, outs)


def numpy_function(
    func: Any = None, inp: Any = None, Tout: Any = None, stateful: bool = True, name: str | None = None
) -> Any:
    """What a Python function of NumPy arrays gives when the program runs. No gradient flows through it.

    Without a function it is a decorator. Follows https://www.tensorflow.org/api_docs/python/tf/numpy_function.

    >>> import numpy as np
    >>> numpy_function(np.sinh, [convert_to_tensor(0.)], as_dtype("float32"))
    <tf.Tensor: shape=(), dtype=float32, numpy=0.0>
    """
    if func is None:
        return lambda inner: functools.wraps(inner)(lambda *inp: numpy_function(inner, inp, Tout, stateful, name))
    operands = [convert_to_tensor(x) for x in inp or ()]
    trace = active_trace()
    if trace is None:
        made = [None if x is None else convert_to_tensor(x) for x in nest.flatten(func(*(x.numpy() for x in operands)))]
        return made[0] if len(made) == 1 else made
    specs = _specs(Tout)

    def run(*arrays: np.ndarray[Any, Any]) -> list[Any]:
        return [np.asarray(x) for x in _listed(_guarded(func, [_shown(a) for a in arrays]))]

    found = host_call(
        *operands, function=register(run, trace.root), dtypes=tuple(d for d, _ in specs),
        shapes=tuple(_open(s) for _, s in specs), gradient=None,
    )  # fmt: skip
    return _like(Tout, list(found))


def _shown(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array that a function may keep."""
    return np.array(a)


def _open(shape: Any) -> Any:
    from graphtf.run_time import stated

    return stated(shape)


def _specs(tout: Any) -> list[tuple[DType, Any]]:
    """The dtype and shape (None: unknown) of each result that `Tout` announces."""
    found: list[tuple[DType, Any]] = []
    for t in nest.flatten([] if tout is None else tout):
        if isinstance(t, TensorSpec):
            found.append((t.dtype, None if t.shape.rank is None else tuple(t.shape.as_list())))
        else:
            found.append((as_dtype(t), None))
    return found


def _listed(made: Any) -> list[Any]:
    if made is None:
        return []
    return list(made) if isinstance(made, (list, tuple)) else [made]


def _as_declared(k: int, x: Any, dtype: DType) -> Tensor:
    """A result as a tensor of its dtype. Raises InvalidArgumentError if it has another."""
    if not isinstance(x, Tensor):
        try:
            return convert_to_tensor(x, dtype)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(None, None, str(error)) from error
    if x.dtype is not dtype:
        message = f"py_function: result {k} has dtype {x.dtype.name}, expected {dtype.name}"
        raise InvalidArgumentError(None, None, message)
    return x


def _like(tout: Any, outs: Sequence[Any]) -> Any:
    """One tensor for a single dtype, else as many as were announced."""
    if tout is None or isinstance(tout, (list, tuple)):
        return list(outs)
    return outs[0]


def _guarded(func: Callable[..., Any], args: Sequence[Any]) -> Any:
    try:
        return func(*args)
    except OpError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the function raises becomes the program's error
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    """The error of the program for what its function raised."""
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, (TypeError, ValueError)):
        kind: type[OpError] = InvalidArgumentError
    elif isinstance(error, StopIteration):
        from graphtf.ir.errors import OutOfRangeError as kind
    elif isinstance(error, MemoryError):
        from graphtf.ir.errors import ResourceExhaustedError as kind
    else:
        kind = UnimplementedError if isinstance(error, NotImplementedError) else UnknownError
    raise kind(None, None, message) from error
