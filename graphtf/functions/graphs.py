"""Graphs as TensorFlow shows them: operations with names and types, tensors that can be asked for by name.

Invariant: a view of what was traced: operations come in program order, arguments first, as `Placeholder`; names are
those of TensorFlow's operations, numbered. Entry points: `Graph`, `FuncGraph`, `Operation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphtf.functions.op_types import type_of
from graphtf.functions.trace import Trace, active_trace, tracing
from graphtf.ir.graph import Node, Value
from graphtf.tensor import SymbolicTensor, Tensor

_PLAIN = {"AddV2": "add", "Sub": "sub", "Mul": "mul", "RealDiv": "truediv"}  # what operators are named


class Operation:
    """A node of a graph. Follows https://www.tensorflow.org/api_docs/python/tf/Operation."""

    def __init__(self, graph: Graph, name: str, node: Node | None, values: tuple[Value, ...]) -> None:
        self._graph, self._name, self._node, self._values = graph, name, node, values

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self._graph

    @property
    def name(self) -> str:
        """Its name, which no other operation of the graph has."""
        return self._name

    @property
    def type(self) -> str:
        """The name of the kind of operation, such as "MatMul"."""
        return "Placeholder" if self._node is None else type_of(self._node.op.name)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors it computes from."""
        return () if self._node is None else tuple(map(self._graph.tensor, self._node.inputs))

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors it computes."""
        return [self._graph.tensor(v) for v in self._values]

    @property
    def control_inputs(self) -> list[Operation]:
        """None: operations with effects run in the order of the program."""
        return []

    @property
    def device(self) -> str:
        return ""

    @property
    def node(self) -> Node | None:
        """The node of the IR; None for an argument."""
        return self._node

    @property
    def node_def(self) -> Any:
        """Its message in `as_graph_def`."""
        return next(x for x in self._graph.as_graph_def().node if x.name == self._name)

    def values(self) -> tuple[Tensor, ...]:
        """The tensors it computes."""
        return tuple(self.outputs)

    def get_attr(self, name: str) -> Any:
        """An attribute of the node. Raises ValueError if it has none of that name."""
        if self._node is None or name not in self._node.attrs:
            raise ValueError(f"Operation {self._name!r} has no attr named {name!r}.")
        return self._node.attrs[name]

    def __repr__(self) -> str:
        return f"<tf.Operation '{self._name}' type={self.type}>"


class Graph:
    """Operations that are staged within `as_default()`, or that a function was traced to.

    Follows https://www.tensorflow.org/api_docs/python/tf/Graph.

    >>> g = Graph()
    >>> with g.as_default():
    ...     y = tf.constant([1.0, 2.0]) * 3.0
    >>> [op.type for op in g.get_operations()]
    ['Const', 'Const', 'Mul']
    """

    building_function = False

    def __init__(self) -> None:
        self._trace = Trace("graph")
        self._trace.may_create = True
        self._trace.view = self
        self._collections: dict[Any, list[Any]] = {}
        self._finalized = False
        self._start()

    def _start(self) -> None:
        self._named: list[tuple[str, Node | None, tuple[Value, ...]]] = []
        self._names: dict[Value, str] = {}
        self._taken: dict[str, int] = {}
        self._tensors: dict[Value, SymbolicTensor] = {}
        self._seen: set[int] = set()

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Within, operations are staged in this graph. Raises RuntimeError if it is finalized."""
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        with tracing(self._trace):
            yield self

    def finalize(self) -> None:
        """Refuse further operations."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        return self._finalized

    @property
    def version(self) -> int:
        """The number of operations so far."""
        return len(self.get_operations())

    # ---- what there is -----------------------------------------------------------------------------------------------

    def _parts(self) -> tuple[list[Value], list[Node]]:
        """The arguments and nodes so far."""
        return self._trace.inputs, self._trace.nodes

    def _update(self) -> None:
        arguments, nodes = self._parts()
        for k, v in enumerate(arguments):
            if id(v) not in self._seen:
                self._add(self._argument(k, v), None, (v,), id(v))
        for node in nodes:
            if id(node) not in self._seen:
                kind = type_of(node.op.name)
                self._add(_PLAIN.get(kind, kind), node, node.outputs, id(node))

    def _argument(self, k: int, v: Value) -> str:
        return getattr(v, "hint", None) or "Placeholder"

    def _add(self, name: str, node: Node | None, values: tuple[Value, ...], seen: int) -> None:
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        own = f"{name}_{count}" if count else name
        self._seen.add(seen)
        self._named.append((own, node, values))
        for k, v in enumerate(values):
            self._names[v] = f"{own}:{k}"

    def tensor(self, v: Value) -> SymbolicTensor:
        """The tensor that users see for a value."""
        if v not in self._tensors:
            self._update()
            self._tensors[v] = SymbolicTensor(v, self._trace, self._names[v])
        return self._tensors[v]

    def maker(self, v: Value) -> Operation:
        """The operation that computes a value."""
        self._update()
        return Operation(self, *next(entry for entry in reversed(self._named) if v in entry[2]))

    def get_operations(self) -> list[Operation]:
        """The operations, in program order."""
        self._update()
        return [Operation(self, *entry) for entry in self._named]

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of a name. Raises KeyError if there is none, TypeError for what is no string."""
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        for x in self.get_operations():
            if x.name == name:
                return x
        raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor "operation:number". Raises ValueError for another form, KeyError if there is none."""
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        own, found, number = name.partition(":")
        if not found or not number.isdigit():
            raise ValueError(
                f"The name {name!r} looks like an (invalid) Tensor name. Tensor names must be of the form "
                '"<op_name>:<output_index>".'
            )
        outputs = self.get_operation_by_name(own).outputs
        if int(number) >= len(outputs):
            raise KeyError(f"The name {name!r} refers to a Tensor which does not exist: {own!r} has {len(outputs)}.")
        return outputs[int(number)]

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """The tensor or operation of a name; those of this graph as they are.

        Raises TypeError for other things, ValueError for what belongs to another graph.
        """
        if isinstance(obj, str):
            return self.get_tensor_by_name(obj) if ":" in obj else self.get_operation_by_name(obj)
        if not isinstance(obj, (SymbolicTensor, Operation)):
            raise TypeError(f"Can not convert a {type(obj).__name__} into a Tensor or Operation.")
        if obj.graph is not self:
            raise ValueError(f"{obj!r} is not an element of this graph.")
        return obj

    def is_feedable(self, tensor: Any) -> bool:
        return True

    # ---- collections -------------------------------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        """Keep a value under a name."""
        self._collections.setdefault(name, []).append(value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """What was kept under a name."""
        return list(self._collections.get(name, []))

    def get_collection_ref(self, name: Any) -> list[Any]:
        """The list of what was kept under a name."""
        return self._collections.setdefault(name, [])

    def get_all_collection_keys(self) -> list[Any]:
        return list(self._collections)

    # ---- other forms -------------------------------------------------------------------------------------------------

    @property
    def ir(self) -> Any:
        """The graph itself."""
        return self._trace.finish([])

    def as_graph_def(self, from_version: Any = None, add_shapes: bool = False) -> Any:
        """The graph as a `GraphDef`: a node for each argument, operation and result."""
        from graphtf.files.graph_def import described  # loads messages, which few programs need

        return described(self.ir)

    @contextmanager
    def name_scope(self, name: Any) -> Iterator[str]:
        """`tf.name_scope`."""
        from graphtf.scopes import name_scope

        with name_scope(name) as scope:
            yield scope

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Nothing: there is one device."""
        yield

    @contextmanager
    def control_dependencies(self, control_inputs: Any) -> Iterator[None]:
        """Nothing: operations with effects run in the order of the program."""
        yield


class FuncGraph(Graph):
    """The graph of a concrete function."""

    building_function = True

    def __init__(self, function: Any) -> None:
        self._function = function
        self._trace = function._trace
        self._collections, self._finalized = {}, True
        self.name: str = function.name
        self._start()

    @property
    def ir(self) -> Any:
        return self._function.ir

    def _parts(self) -> tuple[list[Value], list[Node]]:
        return self.ir.inputs, self.ir.nodes

    def _argument(self, k: int, v: Value) -> str:
        names = self._function._names()
        return names[k] if k < len(names) else super()._argument(k, v)

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables the function uses."""
        return self._function.variables  # type: ignore[no-any-return]

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        return self._function.trainable_variables  # type: ignore[no-any-return]

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The tensors that stand for arguments and for what is referred to from outside."""
        return self._function.inputs  # type: ignore[no-any-return]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The tensors that are returned, flat."""
        return self._function.outputs  # type: ignore[no-any-return]

    @property
    def captures(self) -> list[Any]:
        """What is referred to from outside."""
        return self._function.captured_inputs  # type: ignore[no-any-return]

    @property
    def structured_outputs(self) -> Any:
        return self._function.structured_outputs

    @property
    def structured_input_signature(self) -> Any:
        return self._function.structured_input_signature

    def __str__(self) -> str:
        return str(self.ir)


_default: list[Graph] = []


def get_default_graph() -> Graph:
    """The graph that operations are staged in now; where they run eagerly, one that stays empty."""
    trace = active_trace()
    if trace is not None:
        return view_of(trace)
    if not _default:
        _default.append(Graph())
    return _default[0]


def view_of(trace: Trace) -> Graph:
    """The graph of a trace, as `tensor.graph` gives it."""
    if trace.view is None:
        made = Graph.__new__(Graph)
        made._trace, made._collections, made._finalized = trace, {}, False
        made._start()
        trace.view = made
    return trace.view  # type: ignore[no-any-return]
