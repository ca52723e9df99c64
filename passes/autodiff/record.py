"""An op as it was applied, which is what gradients are taken of: a tape's record or a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from graphtf.ir.dtypes import DType
from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Op


class Applied(Protocol):
    """An op that was applied: operands and results are tensors, values, or variables; regions are among `attrs`."""

    @property
    def op(self) -> Op: ...
    @property
    def operands(self) -> Sequence[Any]: ...
    @property
    def attrs(self) -> Mapping[str, Any]: ...
    @property
    def outputs(self) -> Sequence[Any]: ...


class Entry(NamedTuple):
    """A node as an op that was applied."""

    op: Op
    operands: tuple[Value, ...]
    attrs: Mapping[str, Any]
    outputs: tuple[Value, ...]

    @classmethod
    def of(cls, n: Node) -> Entry:
        return cls(n.op, n.inputs, n.all_attrs(), n.outputs)


# (records, targets, sources, cotangents of the targets) -> cotangents of the sources; see engine.backward
Backward = Callable[[Sequence[Applied], Sequence[Any], Sequence[Any], Sequence[Any]], list[Any]]


def dtype_of(x: Any) -> DType:
    """The element type of a value, a tensor, or what a variable holds."""
    return x.dtype  # type: ignore[no-any-return]
