"""`ForwardAccumulator`: derivatives along a direction, while the function is computed.

Invariant: the tangent of an op is the gradient of its gradient, which is linear in the cotangents: so every op that
tapes know has one, and its tangents are ops like any other. Entry point: `ForwardAccumulator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.ir.ops.prims import full_like
from graphtf.passes.autodiff import backward
from graphtf.recording import Record, active, recording_to
from graphtf.tape import UnconnectedGradients
from graphtf.tensor import Tensor
from graphtf.variable import Variable


class ForwardAccumulator:
    """Computes, beside every op within it, how its results change as `primals` move along `tangents`.

    Raises ValueError where the two differ in structure or shape, or when it is entered twice.
    Follows https://www.tensorflow.org/api_docs/python/tf/autodiff/ForwardAccumulator.

    >>> x = convert_to_tensor(3.)
    >>> with ForwardAccumulator(x, convert_to_tensor(1.)) as acc:
    ...     y = x * x
    >>> acc.jvp(y)
    <tf.Tensor: shape=(), dtype=float32, numpy=6.0>
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        self._recording = False
        self._tangents: dict[int, Any] = {}
        self._kept: list[Any] = []  # what has tangents: their ids must stay theirs
        nest.assert_same_structure(primals, tangents)
        for x, t in zip(nest.flatten(primals), nest.flatten(tangents)):
            self._watch(x, t)

    def _watch(self, primal: Any, tangent: Any) -> None:
        primal = primal._root if isinstance(primal, Variable) else primal
        if not isinstance(primal, (Tensor, Variable)):
            kind = type(primal).__name__
            raise ValueError(f"Passed in object {primal!r} of type {kind!r}, not tf.Tensor or tf.Variable")
        tangent = convert_to_tensor(tangent, primal.dtype)
        if not tangent.shape.is_compatible_with(primal.shape):
            raise ValueError(f"the tangent has shape {tangent.shape}, the primal {primal.shape}")
        before = self._tangents.get(id(primal))
        self._note(primal, tangent if before is None else before + tangent)

    def _note(self, x: Any, tangent: Any) -> None:
        self._tangents[id(x)] = tangent
        self._kept.append(x)

    def __enter__(self) -> ForwardAccumulator:
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        active.tapes = (*active.tapes, self)
        return self

    def __exit__(self, *exc: Any) -> None:
        self._recording = False
        active.tapes = tuple(t for t in active.tapes if t is not self)

    def jvp(
        self, primals: Any, unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE
    ) -> Any:
        """The tangents of tensors (a tensor or a structure):

        None, or zeros, for those that do not depend on the primals.
        """
        unconnected = UnconnectedGradients(unconnected_gradients)

        def tangent_of(x: Any) -> Any:
            x = x._root if isinstance(x, Variable) else x
            found = self._tangents.get(id(x))
            if found is None and unconnected is UnconnectedGradients.ZERO:
                return full_like(convert_to_tensor(x), 0)
            return found

        return nest.map_structure(tangent_of, primals)

    # ---- recording ---------------------------------------------------------------------------------------------------

    def record(self, entry: Record) -> None:
        """Compute the tangents of an op's results (called by the binders)."""
        if not any(id(x) in self._tangents for x in entry.operands):
            return
        outputs = [y for y in entry.outputs if y.dtype.is_inexact]
        if not outputs:
            return
        with recording_to(self._outer()):
            for y, tangent in zip(outputs, self._pushed(entry, outputs)):
                if tangent is not None:
                    self._note(y, tangent)

    def _outer(self) -> tuple[Any, ...]:
        """The tapes that see the tangents: all but this accumulator and those within it."""
        place = next((k for k, t in enumerate(active.tapes) if t is self), len(active.tapes))
        inner = active.tapes[place + 1 :]
        return (*active.tapes[:place], *(t for t in inner if not isinstance(t, ForwardAccumulator)))

    def _pushed(self, entry: Record, outputs: Sequence[Any]) -> list[Any]:
        """The tangents of the results: the gradient, by the cotangents, of the operands' cotangents."""
        moved = {id(x): x for x in entry.operands if id(x) in self._tangents}
        units = [full_like(y, 0) for y in outputs]
        notes = _Notes()
        with recording_to((*active.tapes, notes)):
            pulled = backward([entry], list(outputs), list(moved.values()), units)
        ends = [(g, self._tangents[key]) for key, g in zip(moved, pulled) if g is not None]
        return list(backward(notes.records, [g for g, _ in ends], units, [t for _, t in ends]))

    def touch(self, variable: Variable) -> None:
        """Variables are not followed unless they are primals."""

    def follows(self, x: Any) -> bool:
        """Has a tensor or variable a tangent?"""
        return id(x) in self._tangents


class _Notes:
    """Records everything."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, entry: Record) -> None:
        self.records.append(entry)

    def touch(self, variable: Any) -> None:
        """Variables do not matter."""

    def follows(self, x: Any) -> bool:
        return True
