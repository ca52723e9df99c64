"""A trace: the binder under which a Python function runs once and leaves a graph.

Invariant: within a trace every op is staged, whatever its operands are. What the function refers to from outside
becomes an input of the graph: a variable as a reference, a tensor by its value when the function is called. Entry
point: `Trace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphtf.convert import to_array
from graphtf.functions.contents import Known, contents
from graphtf.functions.source import user_source
from graphtf.ir import dtypes as dt
from graphtf.ir.binding import active_binder, binding
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, SymDim, sym
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import Violation
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Effect, Op
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType
from graphtf.placement import mark
from graphtf.recording import active, record, recording_to
from graphtf.refusal import traced_error
from graphtf.scopes import scopes
from graphtf.tensor import EagerTensor, SymbolicTensor, Tensor

_HEAVIEST = 48  # names and numbers of a size: a heavier one gets a name, as what is computed from it would double it
_BAKED = 16  # elements: smaller captured tensors become constants of the graph, which can be folded


class Trace(Builder):
    """The graph being made, and what it refers to from outside."""

    def __init__(self, name: str, parent: Trace | None = None, region: bool = False) -> None:
        super().__init__(name)
        self.parent = parent
        self.root: Trace = parent.root if region and parent is not None else self
        self.captured: dict[int, tuple[Any, Value]] = {}  # by id: what is referred to, and the input that stands for it
        self.constants: dict[Value, np.ndarray[Any, Any]] = {}
        self.contents: dict[Value, np.ndarray[Any, Any]] = {}  # of small tensors of integers and sizes
        self.makers: dict[Value, Node] = {}
        self.new_sizes: list[str] = []
        self.variables: dict[int, Any] = {}
        self.may_create = False
        self.features: frozenset[str] = frozenset()
        self.types_only = parent is not None and parent.types_only
        self.jit = parent is not None and parent.jit  # is it made for, or inside, a function with jit_compile=True?
        self.created: list[Any] = []
        self.view: Any = None  # the `Graph` that shows it
        self._names: dict[str, int] = {}
        self._reads: dict[int, Any] = {}

    # ---- binding -----------------------------------------------------------------------------------------------------

    def __call__(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        refs = self.ref_operands(op)
        dtype = next((x.dtype for x in operands if isinstance(x, Tensor)), None)
        operands = tuple(self.operand(x, dtype, k < refs) for k, x in enumerate(operands))
        values = [self.value_of(x) for x in operands]
        source = user_source()
        try:
            node = self.append(op, values, attrs, source)
        except Violation as violation:
            error = traced_error(violation)
            if source is not None:
                error.add_note(f"while tracing {self.root.name}, at {source}")
            raise error from None
        for v in node.outputs:
            self.makers[v] = node
        outs = tuple([self.wrapped(v, op.name, self._contents(op, operands, attrs, v)) for v in node.outputs])
        if active.tapes:
            record(op, operands, attrs, outs)
        if any(_heavy(v) for v in node.outputs):
            outs = tuple([self.named(x) if _heavy(v) else x for x, v in zip(outs, node.outputs)])
        if active.hook is not None:
            outs = active.hook(op, outs)
        return outs[0] if op.results == 1 else outs

    def ref_operands(self, op: Op) -> int:
        """How many of the first operands may be variables themselves rather than their values."""
        if op.effect in (Effect.READ, Effect.WRITE):
            return 1
        return 1 << 30 if op.effect is Effect.REGIONS or op.regions else 0

    def operand(self, x: Any, dtype: DType | None, as_ref: bool = False) -> Any:
        """What is recorded as the operand: a tensor, a raw graph value, or, where references go, a variable."""
        if isinstance(x, (Tensor, Value)):
            return x
        if as_ref and (isinstance(x, Cell) or hasattr(x, "cell")):
            return x
        own = getattr(type(x), "__tf_tensor__", None)
        if own is not None:
            return own(x)
        plain = isinstance(x, (np.ndarray, np.generic))
        return self.constant_tensor(to_array(x, None if plain else dtype))

    def value_of(self, x: Any) -> Value:
        """The value in this graph that stands for an operand."""
        if isinstance(x, Value):
            return x
        if isinstance(x, SymbolicTensor):
            return x.value if x._trace() is self else self.capture_symbolic(x)
        if isinstance(x, EagerTensor):
            return self.capture_eager(x)
        return self.capture_variable(x)

    def wrapped(self, v: Value, name: str, known: Known = None) -> SymbolicTensor:
        """The tensor that users see for a value."""
        if known is not None:
            self.contents[v] = known
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        made = SymbolicTensor(v, self, f"{name}_{count}:0" if count else f"{name}:0", known)
        return mark(made, scopes.device_spec.to_string()) if scopes.device else made  # type: ignore[no-any-return]

    def named(self, x: SymbolicTensor) -> Any:
        """The tensor with names, known at run time, for sizes that are long expressions."""
        shape = tuple(self.new_size() if _is_heavy(d) else d for d in x.ir_type.dims)
        return p.reshape_to(x, p.shape_of(x, shape=(len(shape),), dtype=dt.int64), shape=shape)

    def _contents(self, op: Op, operands: Sequence[Any], attrs: dict[str, Any], v: Value) -> Known:
        if isinstance(v.type, RefType):
            return None
        if op.name == "constant":
            self.constants[v] = attrs["value"]
        return contents(op, [known_contents(x) for x in operands], attrs, v.type)

    # ---- what is referred to from outside ----------------------------------------------------------------------------

    def constant_tensor(self, array: np.ndarray[Any, Any]) -> Any:
        """A constant of this graph."""
        return self(p.constant, (), {"value": array})

    def capture_eager(self, x: EagerTensor) -> Value:
        """The value of an eager tensor: a constant if it is small, else an input."""
        found = self.captured.get(id(x))
        if found is not None:
            return found[1]
        if x._array.size > _BAKED or x.dtype.kind == "r":
            v = self.input(x.ir_type, "captured")
        else:
            v = self.append(p.constant, (), {"value": x._array}, user_source()).out
            self.constants[v] = x._array
        self.captured[id(x)] = x, v
        return v

    def capture_symbolic(self, x: SymbolicTensor) -> Value:
        """The input that stands for a tensor of an enclosing trace. Raises TypeError if it is of another one."""
        owner, trace = x._trace(), self.parent
        while trace is not None and trace is not owner:
            trace = trace.parent
        if owner is None or trace is None:
            raise TypeError(
                f"{x!r} is out of scope and cannot be used here: it belongs to another function, and its value "
                "ends with "
                "that. Return it from there, or store it in a tf.Variable."
            )
        found = self.captured.get(id(x))
        if found is None:
            found = self.captured[id(x)] = x, self.input(x.value.type, "captured")
        return found[1]

    def capture_variable(self, x: Any) -> Value:
        """The reference input that stands for a variable (or for its cell)."""
        cell: Cell = x if isinstance(x, Cell) else x.cell
        found = self.captured.get(id(cell))
        if found is None:
            within = self.root is not self and self.parent is not None
            type = self.parent.capture_variable(x).type if within else RefType(self.sized(cell.type))  # type: ignore[union-attr]
            found = self.captured[id(cell)] = cell, self.input(type, cell.name.split("/")[-1])
            if not isinstance(x, Cell):
                self.variables[id(cell)] = x._root
        return found[1]

    def sized(self, t: TensorType) -> TensorType:
        """A type whose symbolic sizes have names of this program."""
        if t.shape is None or t.is_static:
            return t
        return t.with_shape(tuple(self.new_size() if isinstance(d, SymDim) else d for d in t.shape))

    def new_size(self) -> Dim:
        """A size that only run time knows, under a name of its own."""
        name = f"u{len(self.root.new_sizes)}"
        self.root.new_sizes.append(name)
        return sym(name)

    def home(self, x: Any) -> tuple[Builder, Value] | None:
        """The trace that holds a traced tensor, and its value there."""
        owner = x._trace() if isinstance(x, SymbolicTensor) else None
        return (owner, x.value) if owner is not None else super().home(x)

    def shown(self, v: Value) -> Any:
        """A value of this trace as a tensor."""
        return self.wrapped(v, "value")

    def note(self, op: Op, operands: Sequence[Any], attrs: Mapping[str, Any], outputs: Sequence[Any]) -> None:
        """Tell the active tapes."""
        if active.tapes:
            record(op, tuple(operands), attrs, tuple(outputs))

    def replace(self, old: Node, nodes: Sequence[Node]) -> None:
        """Put nodes in the place of one."""
        super().replace(old, nodes)
        self.makers.update((v, n) for n in nodes for v in n.outputs)

    def outside(self) -> list[tuple[Any, Value]]:
        """What the graph's inputs beyond the arguments stand for, in order."""
        at = {v: k for k, v in enumerate(self.inputs)}
        return sorted(((x, v) for x, v in self.captured.values() if v in at), key=lambda pair: at[pair[1]])

    # ---- what users ask of a traced tensor ---------------------------------------------------------------------------

    def constant_of(self, x: SymbolicTensor) -> np.ndarray[Any, Any] | None:
        """The value of a traced tensor, if it is known."""
        found = self.constants.get(x.value)
        if found is None and x.known is not None and all(isinstance(d, int) for d in x.known.reshape(-1).tolist()):
            found = x.known.astype(x.dtype.np)
        return found

    def refine(self, x: SymbolicTensor, dims: tuple[int | None, ...] | None) -> None:
        """Note that a tensor has the known sizes among `dims`."""
        have = x.value.ir_type.shape
        if dims is None or (have is not None and all(d is None or d == h for d, h in zip(dims, have))):
            return
        v, source = self.value_of(x), user_source()
        if have is None:
            sizes = self.append(p.shape_of, (v,), {"shape": (len(dims),), "dtype": dt.int64}, source).out
            shape = tuple(self.new_size() if d is None else d for d in dims)
            node = self.append(p.reshape_to, (v, sizes), {"shape": shape}, source)
        else:
            shape = tuple(h if d is None or isinstance(h, int) else d for d, h in zip(dims, have))
            node = self.append(p.reshape, (v,), {"shape": shape}, source)
        self.makers[node.out] = node
        x.value = node.out

    def as_graph(self) -> Any:
        """What `tensor.graph` is: the operations under TensorFlow's names."""
        from graphtf.functions.graphs import view_of  # which shows traces

        return view_of(self)

    def operation(self, x: SymbolicTensor) -> Any:
        """The node that computes a tensor, as `tensor.op`."""
        return self.as_graph().maker(x.value)

    # ---- variables ---------------------------------------------------------------------------------------------------

    def creating_variable(self) -> None:
        """Raises ValueError unless variables may be created now."""
        if not self.root.may_create:
            raise ValueError(
                "tf.function only supports singleton tf.Variables created on the first call. Make sure the "
                "tf.Variable is "
                "only created once or created outside tf.function."
            )

    def created_variable(self, variable: Any) -> None:
        """A variable was created while tracing."""
        self.root.created.append(variable)

    def initial_array(self, value: Any, dtype: DType | None) -> np.ndarray[Any, Any]:
        """The initial value of a variable created while tracing, computed now."""
        if callable(value):
            with binding(None), recording_to(()):
                value = value()
        tensor = self.operand(value, dtype)
        if isinstance(tensor, EagerTensor):
            return np.array(tensor._array, order="C")
        if dtype is not None and tensor.dtype is not dtype:
            raise ValueError(f"initial_value: expected dtype {dtype.name}, got {tensor.dtype.name}: {tensor!r}")
        return self.evaluate(tensor)

    def evaluate(self, x: SymbolicTensor) -> np.ndarray[Any, Any]:
        """The value of a traced tensor that depends on no argument. Raises ValueError if it does."""
        needed: dict[Node, None] = {}
        given: dict[Value, np.ndarray[Any, Any]] = {}
        stack = [self.value_of(x)]
        while stack:
            v = stack.pop()
            found = self._array_of(v)
            if found is not None:
                given[v] = found
                continue
            node = self.makers.get(v)
            if node is None:
                raise ValueError(
                    "Tensor-typed variable initializers must either be wrapped in an init_scope or callable (e.g., "
                    "`tf.Variable(lambda : tf.truncated_normal([10, 40]))`) when building functions."
                )
            if node not in needed:
                needed[node] = None
                stack += node.inputs
        nodes = tuple(n for n in self.nodes if n in needed)
        (out,) = interpret(Graph(tuple(given), nodes, (self.value_of(x),), "initial_value"), list(given.values()))
        return np.array(out, order="C")

    def _array_of(self, v: Value) -> np.ndarray[Any, Any] | None:
        """The array that a value is known to hold, or None."""
        known = self.contents.get(v)
        if v in self.constants or known is None:
            return self.constants.get(v)
        if not all(isinstance(d, int) for d in known.reshape(-1).tolist()):
            return None
        return known.astype(v.ir_type.dtype.np)


def _heavy(v: Value) -> bool:
    t = v.type
    return isinstance(t, TensorType) and t.shape is not None and any(map(_is_heavy, t.shape))


def _is_heavy(d: Dim) -> bool:
    return isinstance(d, SymDim) and d.weight > _HEAVIEST


def known_contents(x: Any) -> Known:
    """The contents of an operand, if they are known."""
    if isinstance(x, SymbolicTensor):
        return x.known
    if isinstance(x, EagerTensor) and x._array.size <= _BAKED and x._array.dtype.kind in "iu":
        return x._array.astype(object)
    return None


def active_trace() -> Trace | None:
    """The innermost trace of this thread, or None in eager mode."""
    binder = active_binder()
    return binder if isinstance(binder, Trace) else None


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Within, ops go to `trace`, and tapes from outside see nothing."""
    with binding(trace), recording_to(()):
        yield trace


@contextmanager
def init_scope() -> Iterator[None]:
    """Within, ops run eagerly even while a function is traced, and no tape sees them.

    Follows https://www.tensorflow.org/api_docs/python/tf/init_scope.

    >>> with init_scope():
    ...     pass
    """
    with binding(None), recording_to(()):
        yield


