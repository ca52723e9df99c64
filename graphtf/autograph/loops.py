"""`while` and `for` of rewritten code: Python's, or one `while` node for conditions and iterables that are tensors.

Invariant: of the variables that the body sets, those are carried that a graph can carry; the others must be the same
objects after every iteration. Entry points: `while_stmt`, `for_stmt`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api.control import branch, predicate
from graphtf.api.loops import staged_loop
from graphtf.autograph.builtins import TensorRange
from graphtf.autograph.jumps import RESULT
from graphtf.autograph.options import take_options
from graphtf.autograph.state import Get, Set, Undefined, is_staged
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import trace_region
from graphtf.functions.trace import Trace, active_trace
from graphtf.ir.dims import Dim, nonnegative
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.run_time import named_size
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor
from graphtf.tensor_array import TensorArray
from graphtf.variable import Variable

Names = tuple[str, ...]


# ---- while -----------------------------------------------------------------------------------------------------------


def while_stmt(
    test: Callable[[], Any], body: Callable[[], None], get: Get, put: Set, names: Names, live: Names
) -> None:
    """`while test(): body()`, which set the variables; `live` names those that are read afterwards."""
    trace = active_trace()
    if trace is None:
        while test():
            body()
        return
    held = test()  # staged once, in vain where the loop is staged
    while not _is_tensor(held):
        if not held:
            return
        body()
        held = test()
    _Staged(trace, test, lambda: body(), get, put, names, live).run()


def _is_tensor(x: Any) -> bool:
    return isinstance(x, (Tensor, Variable))


# ---- for -------------------------------------------------------------------------------------------------------------


def for_stmt(
    iterated: Any, test: Callable[[], Any] | None, body: Callable[[Any], None], get: Get, put: Set, names: Names,
    live: Names,
) -> None:  # fmt: skip
    """`for item in iterated: if not test(): break; body(item)`, which set the variables."""
    trace = active_trace()
    if trace is not None and isinstance(iterated, (Tensor, Variable, TensorRange)):
        _staged_for(trace, iterated, test, body, get, put, names, live)
        return
    walk = getattr(iterated, "__tf_for__", None)
    if trace is not None and walk is not None:  # datasets, which know how to be walked in a graph
        walk(test, body, get, put, names, live)
        return
    _python_for(trace, iterated, test, body, get, put, names, live)


def _python_for(
    trace: Trace | None, iterated: Any, test: Callable[[], Any] | None, body: Callable[[Any], None], get: Get, put: Set,
    names: Names, live: Names,
) -> None:  # fmt: skip
    if test is None:
        for item in iterated:
            body(item)
        return
    for item in iterated:
        going = test()
        if not _is_tensor(going) or trace is None:
            if not going:
                return
            body(item)
            continue
        _guarded(going, item, body, get, put, names)  # left by a condition on a tensor: the rest may do nothing


def _guarded(going: Any, item: Any, body: Callable[[Any], None], get: Get, put: Set, names: Names) -> None:
    from graphtf.autograph.operators import if_stmt  # it builds on this module

    if_stmt(going, lambda: body(item), lambda: None, get, put, names)


def _staged_for(
    trace: Trace, iterated: Any, test: Callable[[], Any] | None, body: Callable[[Any], None], get: Get, put: Set,
    names: Names, live: Names,
) -> None:  # fmt: skip
    if isinstance(iterated, TensorRange):
        count, item_at, most = iterated.count(), iterated.item, None
    else:
        rows = convert_to_tensor(iterated)
        dims = rows.ir_type.shape
        if dims == ():
            raise TypeError("iteration over a 0-d tensor")
        if dims is None:
            raise ValueError("iteration over a tensor of unknown rank: give it a shape with tf.ensure_shape")
        count, most = p.reshape(shape_vector(dims[:1]), shape=()), dims[0]
        item_at = lambda k: p.gather(rows, k, axis=0, batch_dims=0)  # noqa: E731 - one of two ways

    def held(k: Tensor) -> Any:
        inside = p.lt(k, count)
        return inside if test is None else p.logical_and(inside, predicate(test(), "for"))

    loop = _Staged(trace, held, lambda k: body(item_at(k)), get, put, names, live, counted=True)
    loop.max_trips = most if most is not None and nonnegative(most) else None
    loop.run()


def staged_walk(
    more: Callable[[], Tensor], item: Callable[[], Any], test: Callable[[], Any] | None, body: Callable[[Any], None],
    get: Get, put: Set, names: Names, live: Names,
) -> None:  # fmt: skip
    """As `for_stmt`, for what only the host knows: in a trace, `more()` asks for another item, and `item()` is it."""
    trace = active_trace()
    assert trace is not None, "only a function being traced walks so"

    def held() -> Any:
        if test is None:
            return more()
        going = test()
        if not _is_tensor(going):
            return more() if going else convert_to_tensor(False)
        inner = active_trace()
        return branch(inner, predicate(going, "for"), more, lambda: convert_to_tensor(False), "for")  # type: ignore[arg-type]

    _Staged(trace, held, lambda: body(item()), get, put, names, live).run()


# ---- the node --------------------------------------------------------------------------------------------------------


class _Reassigned(Exception):
    """What names variables before a loop names tensors after an iteration: the numbers of these names."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        self.numbers = numbers


class _Staged:
    """A loop being staged: with `counted`, test and body take the number of the iteration."""

    def __init__(
        self, trace: Trace, test: Callable[..., Any], body: Callable[..., None], get: Get, put: Set, names: Names,
        live: Names, counted: bool = False,
    ) -> None:  # fmt: skip
        self.trace, self.test, self.body, self.get, self.put = trace, test, body, get, put
        self.names, self.live, self.counted = names, live, counted
        self.max_trips: Dim | None = None
        self.start = list(get())

    def run(self) -> None:
        options = take_options()
        self._define_late()
        try:
            self._stage(options)
        except _Reassigned as found:  # variables whose names the body gives to tensors: they begin with their values
            for k in found.numbers:
                self.start[k] = convert_to_tensor(self.start[k])
            self._stage(options)

    def _stage(self, options: Any) -> None:
        carried = [k for k, x in enumerate(self.start) if is_staged(x) and not isinstance(x, Variable)]
        first = tuple(self.start[k] for k in carried)
        counter = (convert_to_tensor(0),) if self.counted else ()
        invariants = self._invariants(options, carried, counter)

        def test(*values: Any) -> Any:
            self._place(carried, values[len(counter) :])
            return self.test(*values[: len(counter)])

        def body(*values: Any) -> Any:
            self._place(carried, values[len(counter) :])
            self.body(*values[: len(counter)])
            after = self.get()
            self._check(after, carried)
            following = tuple(p.add(k, scalar_like(k, 1)) for k in values[: len(counter)])
            return (*following, *(self._result(k, after[k]) for k in carried))

        try:
            out = staged_loop(
                self.trace, test, body, (*counter, *first), invariants, options.maximum_iterations, self.max_trips
            )
        except (ValueError, TypeError) as e:
            raise self._named(e, carried, len(counter)) from None
        self._place(carried, out[len(counter) :])

    def _named(self, error: Exception, carried: Sequence[int], counters: int) -> Exception:
        """The error with the variable's name for its number."""
        text = str(error)
        flat = [self.names[k] for k in carried for _ in nest.flatten(self.start[k], expand_composites=True)]
        for k, name in enumerate(flat):
            text = text.replace(f"loop variable {k + counters} ", f"'{name}' ")
        text = text.replace("say so with `shape_invariants`", "use tf.autograph.experimental.set_loop_options")
        return type(error)(text) if text != str(error) else error

    def _place(self, carried: Sequence[int], values: Sequence[Any]) -> None:
        state = list(self.start)
        for k, value in zip(carried, values):
            state[k] = value
        self.put(tuple(state))

    def _result(self, k: int, value: Any) -> Any:
        """A variable after an iteration: Python numbers take the dtype that it has."""
        before = self.start[k]
        if isinstance(value, (Tensor, TensorArray, nest.CompositeTensor)) or nest.is_nested(value):
            return value
        kind = convert_to_tensor(before).dtype if not nest.is_nested(before) else None
        return convert_to_tensor(value, dtype_hint=kind)

    def _check(self, after: tuple[Any, ...], carried: Sequence[int]) -> None:
        """Raise unless the variables that are not carried are what they were, or are not read afterwards."""
        changed = [k for k, (x, y) in enumerate(zip(self.start, after)) if isinstance(x, Variable) and _is_tensor(y)]
        if changed:
            raise _Reassigned(changed)
        for k, (name, x, y) in enumerate(zip(self.names, self.start, after)):
            if k in carried:
                if isinstance(y, Undefined) or y is None:
                    raise TypeError(f"'{name}' must have a value at the end of the loop's body, got {y!r}")
                continue
            if x is y or isinstance(x, Undefined) or name not in self.live:
                continue
            if x is None:
                raise TypeError(f"'{name}' is None before the loop, and is set to a value in it")
            raise TypeError(
                f"'{name}' is a {type(x).__name__}, which a loop over tensors cannot change: its value must be a "
                "tensor, a "
                "number, or a structure of such"
            )

    def _define_late(self) -> None:
        """Give variables that only the body defines, and that are read afterwards, zeros to begin with."""
        wanted = [
            k for k, (name, x) in enumerate(zip(self.names, self.start))
            if name in self.live and (isinstance(x, Undefined) or (name == RESULT and x is None))
        ]  # fmt: skip
        if not wanted:
            return
        found: list[Any] = []
        counters = [convert_to_tensor(0).ir_type] if self.counted else []
        numbers = [k for k, x in enumerate(self.start) if type(x) in (bool, int, float)]  # which the loop makes tensors
        types = [*counters, *(convert_to_tensor(self.start[k]).ir_type for k in numbers)]

        def probe(xs: Sequence[Any]) -> None:
            self._place(numbers, xs[len(counters) :])
            self.body(*xs[: len(counters)])
            found.extend(self.get())

        trace_region("probe", self.trace, types, probe)
        for k in wanted:
            if is_staged(found[k]):
                self.start[k] = nest.map_structure(_zeros, found[k])
        self.put(tuple(self.start))

    def _invariants(self, options: Any, carried: Sequence[int], counter: tuple[Any, ...]) -> Any:
        """Shape invariants that the user set for values of the variables."""
        if not options.shape_invariants:
            return None
        given = [(value, shape) for value, shape in options.shape_invariants]
        out: list[Any] = [None] * len(counter)
        for k in carried:
            shape = next((s for value, s in given if value is self.start[k]), None)
            out.append(nest.map_structure(lambda x: None, self.start[k]) if shape is None else shape)
        return tuple(out)


def _zeros(x: Any) -> Any:
    if isinstance(x, (bool, int, float, np.generic)) and not isinstance(x, Tensor):
        return type(x)(0)
    dims = x.ir_type.shape or ()
    zero = convert_to_tensor(b"" if x.dtype.kind == "s" else False if x.dtype.is_bool else 0, x.dtype)
    # Where a size is not fixed, none that only run time knows: the loop, and those inside, are to let it vary.
    return p.broadcast(zero, shape=tuple(d if isinstance(d, int) else named_size(convert_to_tensor(0)) for d in dims))
