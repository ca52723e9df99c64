"""Graphs that hypothesis makes: every op's samples, chained where types allow, with names, lines and guards.

Invariant: what comes out passes the verifier. Entry points: `graphs()`, `attributes()`, `same_graph`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphtf.ir import dtypes as dt
from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import SymDim, floordiv, maximum, minimum, sym
from graphtf.ir.graph import Graph, Node, Source, Value
from graphtf.ir.op import Op, Sample
from graphtf.ir.ops import OPS
from graphtf.ir.types import RefType, TensorType, tensor

from .op_samples import cases, operand_types

CASES = [(op, sample) for _, op, sample in cases()]
HINTS = st.sampled_from(["", "x", "0", "7", "a b", "x.1", "_", "loss", "%", "é", "return", "ref"])
FILES = st.sampled_from(["train.py", "/a b/c.py", 'we"ird\\.py', "<stdin>", "ü.py", "a:b.py", "line\nbreak.py", ";.py"])
SOURCES = st.none() | st.builds(
    Source, FILES, st.integers(0, 10**9 - 1), st.sampled_from(["", "step", "<lambda>", 'q"'])
)


def sizes() -> st.SearchStrategy[Any]:
    """Sizes, symbolic and plain."""
    names = st.sampled_from(["n", "m", "batch.size", "_0"]).map(sym)

    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            pair.map(lambda p: p[0] + p[1]), pair.map(lambda p: p[0] - p[1]), pair.map(lambda p: p[0] * p[1]),
            st.tuples(inner, st.integers(1, 9)).map(lambda p: floordiv(*p)),
            pair.map(lambda p: maximum(*p)), pair.map(lambda p: minimum(*p)),
        )  # fmt: skip

    return st.recursive(names | st.integers(-9, 1000), grow, max_leaves=5)


def arrays() -> st.SearchStrategy[Any]:
    """Arrays of every dtype, their bytes arbitrary."""

    @st.composite
    def make(draw: Any) -> Any:
        d = draw(st.sampled_from(dt.ALL))
        shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
        count = int(np.prod(shape))
        if d is dt.string:
            out = np.empty(count, object)
            out[:] = draw(st.lists(st.binary(max_size=4), min_size=count, max_size=count))
            return out.reshape(shape)
        if d is dt.bool_:
            return np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool).reshape(shape)
        raw = draw(st.binary(min_size=count * d.size, max_size=count * d.size))
        return np.frombuffer(raw, d.np).reshape(shape)

    return make()


def attributes() -> st.SearchStrategy[Any]:
    """Values of every kind that an attribute may have."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-(10**19), 10**19), st.floats(), st.text(max_size=5),
        st.sampled_from(dt.ALL), sizes(), arrays(),
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=6,
    )


def _regions(b: Builder, draw: Any) -> None:
    """A branch, a loop or a call."""
    t = tensor("float32", 2)
    x = b.append(OPS["constant"], (), {"value": np.float32([1, 2])}).out
    flag = b.append(OPS["constant"], (), {"value": np.array(True)}).out
    inner = build([t], lambda v: OPS["mul"](v, v), draw(st.sampled_from(["body", "a b", "γ"])))
    always = build([t], lambda v: OPS["constant"](value=np.array(False)), "test")
    kind = draw(st.sampled_from(["if", "while", "call"]))
    if kind == "if":
        b.append(OPS["if"], (flag, x), {"then": inner, "orelse": inner_copy(inner)})
    elif kind == "while":
        b.append(OPS["while"], (x,), {"cond": always, "body": inner, "carried": 1})
    else:
        b.append(OPS["call"], (x,), {"body": inner})


def inner_copy(g: Graph) -> Graph:
    from graphtf.ir.graph import copy_graph

    return copy_graph(g)[0]


def _apply(b: Builder, op: Op, sample: Sample, draw: Any, pool: list[Value]) -> None:
    """One op, its operands values there are already or new inputs."""
    operands = []
    for t in operand_types(sample):
        fitting = [v for v in pool if v.type == t]
        if fitting and draw(st.booleans()):
            operands.append(draw(st.sampled_from(fitting)))
        else:
            operands.append(b.input(t, draw(HINTS)))
            pool.append(operands[-1])
    node = b.append(op, operands, dict(sample.attrs), draw(SOURCES))
    pool += [v for v in node.outputs if isinstance(v.type, TensorType)]


@st.composite
def graphs(draw: Any, most: int = 6) -> Graph:
    """A graph of a few nodes."""
    b = Builder(draw(st.sampled_from(["graph", "step", "a b", "1"])))
    pool: list[Value] = []
    for op, sample in draw(st.lists(st.sampled_from(CASES), max_size=most)):
        _apply(b, op, sample, draw, pool)
    if draw(st.booleans()):
        _regions(b, draw)
    if draw(st.booleans()):
        n, m = sym("n"), sym("m")
        x, y = b.input(tensor("float32", n, 2), draw(HINTS)), b.input(RefType(tensor("float32", m, 2)), draw(HINTS))
        read = b.append(OPS["read"], (y,), {}).out
        pool.append(b.append(OPS["add"], (x, read), {}, draw(SOURCES)).out)  # under the guard n == m
    outputs = draw(st.lists(st.sampled_from(pool), max_size=3)) if pool else []
    return b.finish(outputs)


# ---- equality --------------------------------------------------------------------------------------------------------


def same_attr(a: Any, b: Any) -> bool:
    """Equal, bit for bit, and of one kind."""
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        return bool((a == b).all()) if a.dtype == object else a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same_attr, a, b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and list(a) == list(b) and all(same_attr(a[k], b[k]) for k in a)
    if isinstance(a, float):
        same_bits = isinstance(b, float) and np.float64(a).tobytes() == np.float64(b).tobytes()
        return same_bits or (a != a and b != b)
    if isinstance(a, SymDim):
        return a == b
    return type(a) is type(b) and a == b


def same_graph(a: Graph, b: Graph) -> bool:
    """The same structure, types, attributes, lines and guards."""
    number: dict[Value, Value] = {}

    def values(xs: tuple[Value, ...], ys: tuple[Value, ...]) -> bool:
        number.update(zip(xs, ys))
        return len(xs) == len(ys) and all(x.type == y.type for x, y in zip(xs, ys))

    def uses(xs: tuple[Value, ...], ys: tuple[Value, ...]) -> bool:
        return len(xs) == len(ys) and all(number[x] is y for x, y in zip(xs, ys))

    def nodes(n: Node, m: Node) -> bool:
        attrs = list(n.attrs) == list(m.attrs) and all(same_attr(n.attrs[k], m.attrs[k]) for k in n.attrs)
        regions = list(n.regions) == list(m.regions) and all(
            same_graph(n.regions[k], m.regions[k]) for k in n.regions
        )
        named = n.op is m.op and n.source == m.source and attrs and regions
        return named and uses(n.inputs, m.inputs) and values(n.outputs, m.outputs)

    head = a.name == b.name and a.guards == b.guards and len(a.nodes) == len(b.nodes) and values(a.inputs, b.inputs)
    return head and all(nodes(n, m) for n, m in zip(a.nodes, b.nodes)) and uses(a.outputs, b.outputs)
