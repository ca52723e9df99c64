"""Functions whose Python arguments only run time knows (an axis given as a tensor): run eagerly, on the host, in a
trace.

Invariant: the eager function defines the result and, through tapes, its gradients of every order. Entry points:
`deferred(function, operands, dtypes, shapes)`, `deferred_like`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import active_trace
from graphtf.ir.binding import binding
from graphtf.ir.dtypes import DType
from graphtf.ir.ops.io import host_call, register
from graphtf.ir.ops.prims import full_like
from graphtf.recording import recording_to
from graphtf.run_time import stated
from graphtf.tensor import EagerTensor, Tensor

Function = Callable[..., Any]  # of eager tensors; gives one or a list of them


class Deferred:
    """An eager function of `arity` tensors as a function of arrays; so many of its operands and results are inexact."""

    def __init__(self, function: Function, arity: int, inexact: int, results: int, owner: weakref.ref[Any]) -> None:
        self.function, self.arity, self.inexact, self.results, self.owner = function, arity, inexact, results, owner
        self._gradient_key: int | None = None

    def __call__(self, *arrays: Any) -> list[np.ndarray[Any, Any]]:
        with binding(None), recording_to(()):
            return [np.asarray(x) for x in _listed(self.function(*map(EagerTensor, arrays)))]

    def gradient_key(self) -> int:
        """The key of the function of operands and cotangents (of inexact results) that gives those of the operands."""
        if self._gradient_key is None:
            arity, inexact = self.arity + self.results, self.inexact + self.results
            gradient = Deferred(self._cotangents, arity, inexact, self.inexact, self.owner)
            self._gradient_key = register(gradient, self.owner())
        return self._gradient_key

    def _cotangents(self, *given: EagerTensor) -> list[Tensor]:
        from graphtf.tape import GradientTape  # differentiates what this module helps to stage

        operands, cts = given[: self.arity], given[self.arity :]
        inexact = [x for x in operands if x.dtype.is_inexact]
        with GradientTape() as tape:
            tape.watch(inexact)
            outs = [y for y in _listed(self.function(*operands)) if y.dtype.is_inexact]
        found = tape.gradient(outs, inexact, list(cts))
        return [full_like(x, 0) if g is None else convert_to_tensor(g) for x, g in zip(inexact, found)]


def _listed(found: Any) -> Sequence[Any]:
    return found if isinstance(found, (list, tuple)) else [found]


def deferred(
    function: Function, operands: Sequence[Tensor], dtypes: Sequence[DType], shapes: Sequence[Any]
) -> list[Tensor]:
    """The results of an eager function when the program runs: of these dtypes, and shapes with None for open sizes."""
    trace = active_trace()
    assert trace is not None, "eagerly there is nothing to put off"
    inexact = sum(x.dtype.is_inexact for x in operands)
    results = sum(d.is_inexact for d in dtypes)
    made = Deferred(function, len(operands), inexact, results, weakref.ref(trace.root))
    found = host_call(
        *operands, function=register(made, trace.root), dtypes=tuple(dtypes), shapes=tuple(map(stated, shapes)),
        gradient=made.gradient_key(),
    )  # fmt: skip
    return list(found)


def deferred_like(function: Function, operands: Sequence[Tensor], like: Tensor, shape: Any) -> Tensor:
    """One result, of the dtype of `like`."""
    (out,) = deferred(function, operands, [like.dtype], [shape])
    return out


def on_host(
    function: Callable[..., Any], operands: Sequence[Tensor], dtypes: Sequence[DType], shapes: Sequence[Any]
) -> list[Tensor]:
    """The results of a function of arrays: called now, or on the host when the program runs. It has no gradient."""
    trace = active_trace()
    if trace is None:
        with np.errstate(all="ignore"):
            found = function(*(x._array for x in operands))  # type: ignore[attr-defined]
        return [EagerTensor(np.asarray(a, d.np)) for a, d in zip(found, dtypes)]
    key, wanted = register(function, trace.root), tuple(map(stated, shapes))
    return list(host_call(*operands, function=key, dtypes=tuple(dtypes), shapes=wanted, gradient=None))
