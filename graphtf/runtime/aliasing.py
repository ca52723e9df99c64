"""When a new value may take the place of an old one: variables updated in place, loop state carried in place.

Invariant: a kernel overwrites an old value only if nothing reads that value later, and the kernel itself reads element
i of it only to compute element i. Entry point: `Flow(nodes, outputs).may_overwrite(old, new)`.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphtf.ir.graph import Node, Value
from graphtf.ir.op import Trait
from graphtf.ir.types import RefType
from graphtf.passes.lower.in_place import overwritable
from graphtf.passes.lower.select import host_reason, recipe


class Flow:
    """Who makes and who reads each value in a list of nodes, renamings of the same memory looked through."""

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[Value]) -> None:
        self.root: dict[Value, Value] = {}
        self.maker: dict[Value, tuple[int, Node]] = {}
        self.readers: dict[Value, list[tuple[int, Node]]] = {}
        for i, n in enumerate(nodes):
            if Trait.SAME_ORDER in n.op.traits and host_reason(n) is None:
                self.root[n.out] = self.origin(n.inputs[0])
                continue
            for v in n.outputs:
                self.maker[v] = (i, n)
            for v in dict.fromkeys(self.origin(x) for x in n.inputs if not isinstance(x.type, RefType)):
                self.readers.setdefault(v, []).append((i, n))
        self.leaving = {self.origin(v) for v in outputs}

    def origin(self, v: Value) -> Value:
        """The value whose memory `v` is."""
        return self.root.get(v, v)

    def read_after(self, v: Value, position: int) -> bool:
        """Is `v` read, or returned, after the node at that position?"""
        v = self.origin(v)
        return v in self.leaving or any(i > position for i, _ in self.readers.get(v, ()))

    def may_overwrite(self, old: Value, new: Value) -> bool:
        """May the kernel that computes `new` write it over `old`?"""
        old, new = self.origin(old), self.origin(new)
        if new not in self.maker or old in self.leaving:
            return False
        if old.ir_type.dtype is not new.ir_type.dtype or old.ir_type.size != new.ir_type.size:
            return False
        at, maker = self.maker[new]
        if recipe(maker) is None:
            return False
        return all(i < at or (i == at and self.reads_in_place(n, old)) for i, n in self.readers.get(old, ()))

    def reads_in_place(self, maker: Node, old: Value) -> bool:
        made = recipe(maker)
        assert made is not None
        where = [k for k, v in enumerate(maker.inputs) if self.origin(v) is old]
        if made.updates:
            return where == [0]
        may = overwritable(maker)
        return all(k in may for k in where)
