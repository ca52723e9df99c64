"""More results for an op that was applied before: a gradient needs what the op computed on the way.

Invariant: in a graph being built the op's node is replaced where it stands, so that nothing is computed, printed or
assigned twice; its old results keep their identity. Eagerly the op runs again. Entry point: `widened`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphtf.ir.binding import active_binder, binding
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import int64
from graphtf.ir.errors import UnkeptGradient
from graphtf.ir.graph import Node, Value
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.types import RefType, TensorType, Type
from graphtf.passes.autodiff.record import Applied, Entry
from graphtf.passes.rebuild import content

# Applies the op anew to its operands: gives its results, the old ones first, and what is wanted besides.
Make = Callable[[Sequence[Any], "NewSize"], tuple[Sequence[Any], Sequence[Any]]]
NewSize = Callable[[], Dim]


def widened(r: Applied, make: Make) -> list[Any]:
    """What `make` gives besides the op's results."""
    binder = active_binder()
    place = standing(r)
    if place is None:
        naming = binder if isinstance(binder, Builder) else Builder()
        return list(make(r.operands, naming.new_size)[1])
    home, old = place
    scratch = Builder(source=old.source, within=home)
    scratch.guards = home.guards
    with binding(scratch):
        results, extra = make(old.inputs, scratch.new_size)
    main = scratch.maker(results[0])
    assert main is not None
    same: dict[Value, Value] = dict(zip(main.outputs, old.outputs))
    nodes = [_renamed(n, main, same) for n in scratch.nodes]
    home.replace(old, nodes)
    w = _Widening(home, old, nodes, nodes[scratch.nodes.index(main)])
    values: Sequence[Value] = extra
    return w.announce(r, [same.get(v, v) for v in values])


def standing(r: Applied) -> tuple[Builder, Node] | None:
    """The node of an op in the graph being built that holds it, and that graph; None where there is none."""
    binder = active_binder()
    place = binder.home(r.outputs[0]) if isinstance(binder, Builder) else None
    return None if place is None else (place[0], _maker(*place, r))


@dataclass
class Widened:
    """What stands in place of an op, as a tape would have recorded it; `main` is among the entries."""

    entries: list[Entry]
    main: Entry


def since(r: Applied) -> Widened | None:
    """What stands in place of the op since it was widened; None if it was not."""
    place = standing(r)
    if place is None:
        return None
    home, node = place
    if all(region is r.attrs[k] for k, region in node.regions.items()):
        return None
    found: Widened = home.widened[node.outputs[0]]
    return found


def _maker(home: Builder, value: Value, r: Applied) -> Node:
    """The node of the op; a traced tensor may since have been given a more precise shape by a view."""
    node = home.maker(value)
    while node is not None and node.op is not r.op:
        node = home.maker(node.inputs[0])
    assert node is not None
    return node


def _renamed(n: Node, main: Node, same: dict[Value, Value]) -> Node:
    """The node, defining the old results if it takes the old node's place."""
    n = n.with_inputs(tuple(same.get(v, v) for v in n.inputs))
    return replace(n, outputs=tuple(same.get(v, v) for v in n.outputs)) if n.outputs == main.outputs else n


@dataclass
class _Widening:
    """Nodes, `main` among them, in the place of an old one."""

    home: Builder
    old: Node
    nodes: list[Node]
    main: Node

    def announce(self, r: Applied, extra: Sequence[Value]) -> list[Any]:
        """Tell other tapes what was applied, keep it for the next gradient, and show values as tensors."""
        shown = dict(zip(self.old.inputs, r.operands))

        def show(v: Value) -> Any:
            if v not in shown:
                shown[v] = self.home.shown(v)
            return shown[v]

        key = self.main.outputs[0]
        before: Widened | None = self.home.widened.get(key)
        own = dict(zip(self.old.outputs, r.outputs if before is None else before.main.outputs))
        entries = []
        for n in self.nodes:
            ins, outs = tuple(map(show, n.inputs)), tuple(map(show, n.outputs))
            self.home.note(n.op, ins, n.all_attrs(), outs)
            entries.append(Entry(n.op, ins, n.all_attrs(), tuple(own.get(v, x) for v, x in zip(n.outputs, outs))))
        head, tail = ([], []) if before is None else _around(before)
        main = entries[self.nodes.index(self.main)]
        self.home.widened[key] = Widened([*head, *entries, *tail], main)
        return [show(v) for v in extra]


def _around(w: Widened) -> tuple[list[Entry], list[Entry]]:
    """The entries before and after the main one."""
    at = next(k for k, e in enumerate(w.entries) if e is w.main)
    return w.entries[:at], w.entries[at + 1 :]


# ---- operands --------------------------------------------------------------------------------------------------------


def operand_types(r: Applied) -> list[Type]:
    """The types of an op's operands, as the graph that holds it names their sizes."""
    place = standing(r)
    return [type_of(x) for x in r.operands] if place is None else [v.type for v in place[1].inputs]


def result_types(r: Applied) -> list[TensorType]:
    """The types of an op's results as it gives them: tensors may since have been given more precise ones."""
    place = standing(r)
    return [y.ir_type for y in (r.outputs if place is None else place[1].outputs)]


def type_of(x: Any) -> Type:
    """The type of an operand of a region's node, references included."""
    if isinstance(x, Value):
        return x.type
    return RefType(x.ir_type) if hasattr(x, "cell") else x.ir_type  # type: ignore[no-any-return]


def zeros(t: Type, like: Any = None) -> Any:
    """A tensor of zeros, of a type or of what a reference of a type refers to; of the shape of `like` where the type
    knows none. Raises UnkeptGradient where there is no telling."""
    c = content(t)
    if c.shape is None and like is None:
        raise UnkeptGradient("a loop or branch makes a tensor whose shape changes, and its gradient has none to follow")
    if c.shape is None:
        return full_like(like, 0)
    scalar = p.constant(value=np.zeros((), c.dtype.np))
    return p.broadcast(scalar, shape=c.dims)


def fitted(x: Any, t: TensorType) -> Any:
    """x, whose rank may be unknown, as a value of the type."""
    if t.shape is None or x.ir_type.shape is not None:
        return x
    return p.reshape_to(x, p.shape_of(x, shape=(len(t.shape),), dtype=int64), shape=t.shape)
