"""`while_loop`: repeat a function of tensors as long as a condition holds.

Invariant: eagerly it is a Python loop; while tracing it is one `while` node, whose carried values keep dtype and shape
but where `shape_invariants` leave sizes open. Entry points: `while_loop`, and `staged_loop` for AutoGraph and the maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphtf import nest
from graphtf.api.control import packed, predicate
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import Region, close_regions, trace_region
from graphtf.functions.trace import Trace, active_trace
from graphtf.ir.dims import Dim, Shape, nonnegative, symbols
from graphtf.ir.graph import Value
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ir.types import TensorType
from graphtf.ir.verify import agrees
from graphtf.sizes import as_size
from graphtf.spec import TypeSpec
from graphtf.tensor import SymbolicTensor, Tensor, static_sizes
from graphtf.tensor_array import TensorArray, refuse_sizes
from graphtf.tensor_shape import TensorShape, as_shape

Sizes = tuple[int | None, ...] | None


def while_loop(
    cond: Any, body: Any, loop_vars: Any, shape_invariants: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, maximum_iterations: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """`loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)`, at most `maximum_iterations` times.

    `shape_invariants` (of TensorShape or TensorSpec, in the structure of loop_vars) leaves sizes open that change.
    Raises TypeError for functions that cannot be called or results of another dtype, ValueError for no loop_vars or for
    another shape. Follows https://www.tensorflow.org/api_docs/python/tf/while_loop.

    >>> while_loop(lambda i: i < 5, lambda i: [i + 1], [convert_to_tensor(0)])
    [<tf.Tensor: shape=(), dtype=int32, numpy=5>]
    """
    if not callable(cond):
        raise TypeError("'cond' must be callable.")
    if not callable(body):
        raise TypeError("'body' must be callable.")
    if not nest.flatten(loop_vars):
        raise ValueError("'loop_vars' must be provided.")
    trace = active_trace()
    if trace is None:
        return _eager_loop(cond, body, loop_vars, maximum_iterations)
    return staged_loop(trace, cond, body, loop_vars, shape_invariants, maximum_iterations)


def _eager_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum: Any) -> Any:
    count, like = 0, list(loop_vars)
    while (maximum is None or count < int(maximum)) and cond(*loop_vars):
        loop_vars = body(*loop_vars)
        nest.assert_same_structure(like, list(loop_vars))
        count += 1
    return nest.map_structure(_as_tensor, loop_vars)


def _as_tensor(x: Any) -> Any:
    return x if isinstance(x, nest.CompositeTensor) else convert_to_tensor(x)


# ---- in a trace ------------------------------------------------------------------------------------------------------


def staged_loop(
    trace: Trace, cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, shape_invariants: Any = None,
    maximum: Any = None, max_trips: Dim | None = None,
) -> Any:  # fmt: skip
    """A `while` node; the structure of loop_vars with their last values. `max_trips` bounds the iterations."""
    start = nest.map_structure(_as_tensor, loop_vars)
    if maximum is None:
        return _Loop(trace, cond, body, start, shape_invariants, max_trips).run()
    count = convert_to_tensor(maximum)
    bound = as_size(maximum, "maximum_iterations")

    def counted_cond(i: Tensor, inner: Any) -> Any:
        return p.logical_and(p.lt(i, count), predicate(cond(*inner), "while_loop"))

    def counted_body(i: Tensor, inner: Any) -> Any:
        return p.add(i, scalar_like(i, 1)), _repacked(start, body(*inner))

    invariants = None if shape_invariants is None else (TensorShape([]), shape_invariants)
    limit = bound if bound is not None and nonnegative(bound) else None
    return _Loop(trace, counted_cond, counted_body, (scalar_like(count, 0), start), invariants, limit).run()[1]


def _repacked(start: Any, result: Any) -> Any:
    """What a body returned, in the structure that it was given.

    Raises ValueError or TypeError if it has another one.
    """
    result = list(result) if isinstance(result, (list, tuple)) else [result]
    nest.assert_same_structure(list(start), result)
    return nest.pack_sequence_as(start, nest.flatten(result))


def _arrays(structure: Any) -> dict[int, TensorArray]:
    """The TensorArrays of a structure, by the number of the leaf."""
    return {j: x for j, x in enumerate(nest.flatten(structure)) if isinstance(x, TensorArray)}


@dataclass
class _Carried:
    """A tensor that the loop carries: its type, and the sizes known of it in every iteration if not all are. `may`: the
    shapes it may take, where they are said; its sizes are opened only if the body does change them."""

    type: TensorType
    known: Sizes = None
    may: TensorShape | None = None


@dataclass
class _Late:
    """The rows of a TensorArray to which nothing was written before the loop: carried too, once the body shows how."""

    argument: Value
    rows: SymbolicTensor
    dims: Shape  # of an element
    known: Sizes


class _Loop:
    """A loop being traced: twice if the first time shows that sizes of carried values change, or asks for the size of a
    TensorArray before it shows what its elements are."""

    def __init__(
        self, trace: Trace, cond: Any, body: Any, start: Any, invariants: Any, max_trips: Dim | None
    ) -> None:
        self.trace, self.cond, self.body, self.start, self.max_trips = trace, cond, body, start, max_trips
        self.initial: list[Any] = nest.flatten(start, expand_composites=True)
        self.carried = [_Carried(trace.value_of(x).ir_type) for x in self.initial]
        self.late: dict[int, _Late] = {}  # by the number of the leaf
        self.asked: set[int] = set()  # the arrays whose size was asked for while their rows were not known
        self.settled: dict[int, Shape] = {}  # the shapes of elements, for arrays whose rows are there from the start
        self.sizes_before = 0  # how many sizes had been found before the body was traced
        if invariants is not None:
            self._open_sizes(invariants)
        self._open_growing()

    # ---- what changes from one iteration to the next -----------------------------------------------------------------

    def _open_sizes(self, invariants: Any) -> None:
        """Let sizes vary that shape invariants leave open."""
        at = 0
        nest.assert_same_structure(list(self.start), list(invariants), check_types=False)
        for x, given in zip(nest.flatten(self.start), nest.flatten(invariants)):
            if isinstance(x, Tensor) and given is not None:
                shape = given.shape if isinstance(given, TypeSpec) else given  # type: ignore[attr-defined]
                self._open(at, as_shape(shape), x)
            at += len(nest.flatten(x, expand_composites=True))

    def _open(self, k: int, shape: TensorShape, x: Tensor) -> None:
        if not x.shape.is_subtype_of(shape):
            raise ValueError(
                f"The shape invariant specified for loop variable {k} is not compatible with its initial shape: it "
                f"enters the loop with shape {x.shape}, but the specified shape invariant is {shape}."
            )
        if not shape.is_fully_defined():
            self.carried[k].may = shape

    def _open_growing(self) -> None:
        """A TensorArray of dynamic size has ever more rows."""
        at = 0
        for x in nest.flatten(self.start):
            if isinstance(x, TensorArray) and x.dynamic_size and not x._pending:
                t = self.carried[at].type
                self.carried[at] = _Carried(t.with_shape(None), (None, *(static_sizes(t.dims[1:]) or ())))
            at += len(nest.flatten(x, expand_composites=True))

    def _changes(self, body: Region) -> bool:
        """Open the sizes that differ after an iteration and are known only at run time, but for those that the body
        takes to be equal. Raises for other changes."""
        found, equal = False, [*body.trace.guards, *self.trace.guards]
        for k, (x, c) in enumerate(zip(body.outputs, self.carried)):
            if x.dtype is not c.type.dtype:
                raise TypeError(
                    f"while_loop: loop variable {k} has dtype {c.type.dtype.name} before the loop, but dtype "
                    f"{x.dtype.name} after one iteration. The dtype of a loop variable must stay."
                )
            may = c.may
            if may is None:
                may = TensorShape.of(c.known if c.type.shape is None else static_sizes(c.type.shape))
            if not x.shape.is_subtype_of(may):
                raise ValueError(
                    f"while_loop: loop variable {k} enters the loop with shape {may}, but has shape "
                    f"{x.shape} after one iteration. To let it vary, say so with `shape_invariants`."
                )
            if c.type.shape is not None and not agrees(x.ir_type, c.type, equal):
                self.carried[k] = _Carried(c.type.with_shape(None), may.as_tuple())
                found = True
        return found

    # ---- tracing -----------------------------------------------------------------------------------------------------

    def run(self) -> Any:
        """Trace the regions and append the node; the loop variables after it."""
        body = self._traced_body()
        self.settled = {j: late.dims for j, late in self.late.items() if j in self.asked}
        if self._changes(body) or self.settled:
            body = self._traced_body()
        types = [v.ir_type for v in body.arguments]
        condition = trace_region("while_cond", self.trace, types, self._condition)
        extra, (body_graph, cond_graph) = close_regions(self.trace, [body, condition])
        arrays = _arrays(self.start)
        rows = [arrays[j]._settled(late.dims) for j, late in self.late.items()]
        operands = [*self.initial, *rows, *extra]
        outs = while_(*operands, cond=cond_graph, body=body_graph, carried=len(types), max_trips=self.max_trips)
        return self._arguments(outs)

    def own_sizes(self) -> set[str]:
        """Names of the sizes that the body has found so far."""
        return set(self.trace.root.new_sizes[self.sizes_before :])

    def _traced_body(self) -> Region:
        self.late.clear()
        self.sizes_before = len(self.trace.root.new_sizes)
        region = trace_region("while_body", self.trace, [c.type for c in self.carried], self._iterate)
        region.arguments += [late.argument for late in self.late.values()]
        return region

    def _iterate(self, xs: Sequence[SymbolicTensor]) -> list[Any]:
        """One iteration: the carried tensors after it, and then the rows of arrays that it made."""
        inner, trace = self._arguments(xs), active_trace()
        before = _arrays(inner)
        for j, array in before.items():
            if array._pending:
                array._make = partial(self._late_rows, trace, j, array)
                array._told = partial(self._asked, j, array._told)
                if j in self.settled:
                    array._rows = array._settled(self.settled[j])
        result = _repacked(self.start, self.body(*inner))
        after = _arrays(result)
        for j, array in before.items():
            made = after[j]._rows
            if array._pending and made is not None:
                array._settled(made.ir_type.dims[1:])
        out: list[Any] = []
        for j, x in enumerate(nest.flatten(result)):
            out += [] if j in self.late else nest.flatten(x, expand_composites=True)
        return [*out, *(after[j]._settled(late.dims) for j, late in self.late.items())]

    def _asked(self, j: int, further: Callable[[], None] | None) -> None:
        """The size of array j was asked for, and its rows are not known yet."""
        self.asked.add(j)
        if further is not None:
            further()

    def _late_rows(self, trace: Trace, j: int, array: TensorArray, dims: Shape) -> Tensor:
        """The argument for the rows of array j, made when the shape of its elements is known."""
        if j not in self.late:
            differs = any(name in self.own_sizes() for d in dims for name in symbols(d))
            if differs:
                refuse_sizes()
            known = (None, *(static_sizes(dims) or ())) if differs or array.dynamic_size else None
            shape = (array._size, *dims) if known is None else None
            v = trace.input(TensorType(array.dtype, shape), "rows")
            rows = trace.wrapped(v, "rows")
            trace.refine(rows, known)
            self.late[j] = _Late(v, rows, dims, known)
        return self.late[j].rows

    def _arguments(self, xs: Sequence[SymbolicTensor]) -> Any:
        """The loop variables, from tensors."""
        for x, c in zip(xs, self.carried):
            x.trace.refine(x, c.known)
        inner = packed(self.start, xs[: len(self.carried)])
        arrays = _arrays(inner)
        for (j, late), rows in zip(self.late.items(), xs[len(self.carried) :]):
            rows.trace.refine(rows, late.known)
            arrays[j]._rows = rows
        return inner

    def _condition(self, xs: Sequence[SymbolicTensor]) -> Tensor:
        return predicate(self.cond(*self._arguments(xs)), "while_loop")
