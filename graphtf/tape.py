"""`GradientTape`: records what is computed and differentiates it. Follows
https://www.tensorflow.org/api_docs/python/tf/GradientTape.

Invariant: a tape notes an op only if an operand is watched, or comes from what is; the derivative rules are the ops'
own, run through `bind`, so they are staged while tracing and recorded by other active tapes. Entry point:
`GradientTape`.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from graphtf import nest
from graphtf.convert import array_tensor, convert_to_tensor, stack_rows
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir.dims import product
from graphtf.ir.dtypes import int32 as _INT
from graphtf.ir.ops.prims import full_like, p, whole
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.rows import Rows
from graphtf.recording import Record, active
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor
from graphtf.variable import Variable
from graphtf.with_values import Composite

_log = logging.getLogger("graphtf")


class UnconnectedGradients(enum.Enum):
    """What the gradient of an unconnected source is: None, or zeros."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Records ops on watched tensors and variables, for `gradient`.

    Trainable variables are watched when they are used, unless `watch_accessed_variables` is False. Unless `persistent`,
    one set of gradients can be had.

    >>> from graphtf import constant
    >>> x = constant(3.)
    >>> with GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> tape.gradient(y, x)
    <tf.Tensor: shape=(), dtype=float32, numpy=6.0>
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_accessed = watch_accessed_variables
        self._recording = False
        self._used = True  # there is nothing to differentiate: nothing was recorded yet, or it was used up
        self._clear()

    def _clear(self) -> None:
        self._records: list[Record] = []
        self._tracked: set[int] = set()
        self._kept: list[Any] = []  # watched objects: their ids must stay theirs
        self._variables: dict[int, Variable] = {}

    # ---- recording ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> GradientTape:
        self._push()
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._recording:
            self._pop()

    def _push(self) -> None:
        if self._recording:
            raise ValueError("Tape is still recording, This can happen if you try to re-enter an already-active tape.")
        self._recording, self._used = True, False
        active.tapes = (*active.tapes, self)

    def _pop(self) -> None:
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._recording = False
        tapes = active.tapes
        active.tapes = tapes[:-1] if tapes and tapes[-1] is self else tuple(t for t in tapes if t is not self)

    def record(self, entry: Record) -> None:
        """Note an op if an operand is tracked (called by the binders)."""
        tracked = self._tracked
        for x in entry.operands:
            if id(x) in tracked:
                break
        else:
            return
        inexact = False
        for y in entry.outputs:
            if y.dtype.is_inexact:
                tracked.add(id(y))
                inexact = True
        if inexact:
            self._records.append(entry)

    def touch(self, variable: Variable) -> None:
        """A variable is used (called by the variable)."""
        if id(variable) not in self._variables and self._watch_accessed and variable.trainable:
            self._watch_variable(variable)

    def follows(self, x: Any) -> bool:
        """Is a tensor or variable watched, or does it come from what is?"""
        return id(x) in self._tracked

    def _watch_variable(self, variable: Variable) -> None:
        self._variables[id(variable)] = variable
        self._tracked.add(id(variable))

    def watch(self, tensor: Any) -> None:
        """Make sure that ops on a tensor (or a structure of tensors) are recorded.

        Raises ValueError for other things, AttributeError before anything is recorded.
        """
        if self._used:
            raise AttributeError("GradientTape.watch: nothing has been recorded yet; use it within `with`")
        for x in nest.flatten(_leaves(tensor), expand_composites=True):
            if isinstance(x, Variable):
                self._watch_variable(x._root)
                continue
            inner = getattr(x, "value", None)
            if not isinstance(x, Tensor) and isinstance(inner, Variable):
                self._watch_variable(inner._root)
                continue
            if not isinstance(x, Tensor):
                raise ValueError(f"Passed in object {x!r} of type {type(x).__name__!r}, not tf.Tensor or tf.Variable")
            if not x.dtype.is_inexact:
                _log.warning("The dtype of the watched tensor must be floating (e.g. tf.float32), got %r", x.dtype)
                continue
            self._tracked.add(id(x))
            self._kept.append(x)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Within, nothing is recorded. Raises ValueError if the tape is not recording, RuntimeError if it has not been
        or is used up."""
        if self._used:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        self._pop()
        try:
            yield
        finally:
            self._push()

    def reset(self) -> None:
        """Forget everything recorded. Raises ValueError if the tape is not recording."""
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._clear()

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables watched so far, in order; for the copies of a distributed variable, that."""
        found = [v.__dict__.get("_distributed_container", lambda v=v: v)() for v in self._variables.values()]
        return tuple({id(v): v for v in found}.values())

    # ---- differentiating ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._used:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians)"
            )
        if not self._persistent:
            if self._recording:
                self._pop()
            self._used = True

    def _finish(self) -> None:
        if not self._persistent:
            self._records, self._tracked, self._kept = [], set(), []  # `watched_variables` stay

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:  # fmt: skip
        """The gradient of the sum of `target` (a tensor or a structure) with respect to each source, in their
        structure.

        `output_gradients` weigh the elements of the targets. Raises RuntimeError if the tape is used up, ValueError for
        another kind of `unconnected_gradients`.
        """
        unconnected = unconnected_gradients
        if type(unconnected) is not UnconnectedGradients:
            unconnected = UnconnectedGradients(unconnected)
        self._start()
        targets = [target] if isinstance(target, Tensor) else _leaves(target)
        single = isinstance(sources, (Tensor, Variable))
        given = [sources] if single else nest.flatten(sources)
        flat = given if single else list(map(_differentiable, given))
        try:
            found = self._backward(targets, flat, _seeds(len(targets), output_gradients), rows=True)
        finally:
            self._finish()
        found = as_slices(found)
        if unconnected is UnconnectedGradients.ZERO:
            found = [full_like(_end(s), 0) if g is None else g for g, s in zip(found, flat)]
        if single:
            return found[0]
        if any(isinstance(x, Composite) for x in given):
            found = [_in_place(g, x) for g, x in zip(found, given)]
        return nest.pack_sequence_as(sources, found) if nest.is_nested(sources) else found[0]

    def _backward(self, targets: list[Any], sources: list[Any], seeds: list[Any], rows: bool = False) -> list[Any]:
        ends, cts = [], []
        for t, seed in zip(targets, seeds):
            if isinstance(t, (Tensor, Variable)) and t.dtype.is_inexact:
                end = _end(t)
                ends.append(end)
                cts.append(_one_like(end) if seed is None else convert_to_tensor(seed, end.dtype))
        starts = list(map(_end, sources))
        watched = {*self._variables, *map(id, self._kept)}
        reached = self._tracked if watched == {*map(id, starts)} else None
        return backward(self._records, ends, starts, cts, rows, reached)

    def jacobian(
        self, target: Any, sources: Any, unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: Any = None, experimental_use_pfor: bool = True,
    ) -> Any:  # fmt: skip
        """The derivative of each element of `target` with respect to each source: shape target.shape + source.shape."""
        unconnected = UnconnectedGradients(unconnected_gradients)
        y, flat = convert_to_tensor(target), _leaves(sources)
        shape = y.ir_type.dims
        self._start()
        try:
            rows = [self._backward([y], flat, [row]) for row in _unit_rows(y, int(product(shape)))]
        finally:
            self._finish()
        out = [_stacked([r[k] for r in rows], x, shape, unconnected) for k, x in enumerate(flat)]
        return nest.pack_sequence_as(sources, out) if nest.is_nested(sources) else out[0]

    def batch_jacobian(
        self, target: Any, source: Any, unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: Any = None, experimental_use_pfor: bool = True,
    ) -> Any:  # fmt: skip
        """The Jacobian of each row of `target` by the same row of `source`: [batch, target row…, source row…].

        Raises ValueError if the first sizes differ.
        """
        unconnected = UnconnectedGradients(unconnected_gradients)
        y, x = convert_to_tensor(target), source
        (batch, *row), (batch_x, *_) = y.ir_type.dims, _end(x).ir_type.dims
        if batch != batch_x:
            raise ValueError(f"Need first dimension of target shape ({y.shape}) and source shape ({x.shape}) to match.")
        self._start()
        try:
            units = _unit_rows(y, int(product(row)), batch)
            found = [self._backward([y], [x], [unit])[0] for unit in units]
        finally:
            self._finish()
        if not found or all(g is None for g in found):
            if unconnected is UnconnectedGradients.NONE:
                return None
            zero = convert_to_tensor(0, y.dtype)
            return p.broadcast(zero, shape=(batch, *row, *_end(x).ir_type.dims[1:]))
        parts = [full_like(_end(x), 0) if g is None else g for g in found]
        rows = [p.reshape(g, shape=(batch, 1, *g.ir_type.dims[1:])) for g in parts]
        joined = p.concat(*rows, axis=1)
        return p.reshape(joined, shape=(batch, *row, *joined.ir_type.dims[2:]))


def _leaves(structure: Any) -> list[Any]:
    return list(map(_differentiable, nest.flatten(structure)))


def _differentiable(x: Any) -> Any:
    """The values of a sparse or ragged tensor; anything else as it is."""
    return _differentiable(x.values) if isinstance(x, Composite) else x


def _in_place(gradient: Any, source: Any) -> Any:
    """The gradient of a sparse or ragged tensor: its values where those of the tensor are."""
    if gradient is None or not isinstance(source, Composite):
        return gradient
    inner = source.values
    values = _in_place(gradient, inner) if isinstance(inner, Composite) else convert_to_tensor(gradient)
    return source.with_values(values)


def _end(x: Any) -> Any:
    """The object that records name: a variable for what its `assign` returned, a tensor for what can be one."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Variable):
        return x._root
    inner = getattr(x, "value", None)
    if isinstance(inner, Variable):
        return inner._root
    return x if not isinstance(x, IndexedSlices) else x.values


def as_slices(found: list[Any]) -> list[Any]:
    """Cotangents as users get them: those of some rows are `IndexedSlices`."""
    return [_slices(g) if type(g) is Rows else g for g in found] if Rows in map(type, found) else found


def _slices(rows: Rows) -> IndexedSlices:
    values, numbers = rows.joined()
    return IndexedSlices(values, numbers, shape_vector(rows.like.ir_type.dims))


def _one_like(x: Any) -> Any:
    """Ones of the shape and dtype of x."""
    shape = x.ir_shape
    return array_tensor(whole(1, x.dtype.np)) if shape == () else full_like(x, 1)


def _seeds(count: int, output_gradients: Any) -> list[Any]:
    if output_gradients is None:
        return [None] * count
    seeds = [None if g is None else convert_to_tensor(g) for g in nest.flatten(output_gradients)]
    if len(seeds) != count:
        raise ValueError(f"output_gradients has {len(seeds)} entries, expected {count} as there are targets")
    return seeds


def _unit_rows(y: Tensor, count: int, batch: Any = None) -> Iterator[Tensor]:
    """Tensors like y that are 1 in one place (of each row of the batch) and 0 elsewhere."""
    for i in range(count):
        lead = () if batch is None else (batch,)
        at = p.iota(shape=(*lead, count), axis=len(lead), dtype=_INT)
        unit = p.cast(p.eq(at, convert_to_tensor(i, _INT)), dtype=y.dtype)
        yield p.reshape(unit, shape=y.ir_type.dims)


def _stacked(rows: Sequence[Any], source: Any, shape: Any, unconnected: UnconnectedGradients) -> Any:
    dims = _end(source).ir_type.dims
    if all(r is None for r in rows):
        if unconnected is UnconnectedGradients.NONE:
            return None
        return p.broadcast(convert_to_tensor(0, source.dtype), shape=(*shape, *dims))
    parts = [full_like(_end(source), 0) if r is None else convert_to_tensor(r) for r in rows]
    return p.reshape(stack_rows(parts), shape=(*shape, *dims))

