"""The verifier: every way in which a graph can be wrong, and what the message shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import sym
from graphtf.ir.errors import VerifyError
from graphtf.ir.graph import Graph, Node, Source, Value
from graphtf.ir.ops import OPS
from graphtf.ir.ops.prims import p
from graphtf.ir.types import TensorType, tensor
from graphtf.ir.verify import verify

F2 = tensor("float32", 2)


def chain(count: int = 10) -> Graph:
    """sin of sin of …, each on a line of its own."""
    b = Builder("chain")
    x = b.input(F2, "x")
    for k in range(count):
        x = b.append(OPS["sin"], (x,), {}, Source("chain.py", k + 1)).out
    return b.finish([x])


def with_node(g: Graph, k: int, **changes: Any) -> Graph:
    """g with node k changed."""
    nodes = list(g.nodes)
    nodes[k] = replace(nodes[k], **changes)
    return replace(g, nodes=tuple(nodes))


def refused(g: Graph) -> str:
    with pytest.raises(VerifyError) as caught:
        verify(g)
    return str(caught.value)


def test_what_builders_make_is_right() -> None:
    verify(chain())
    n = sym("n")
    verify(build([tensor("float32", n, 2), tensor("float32", sym("m"), 2)], lambda x, y: p.add(x, y)))


def test_a_wrong_type_is_shown_among_its_lines() -> None:
    g = chain()
    out = Value(tensor("float32", 3))
    text = refused(with_node(with_node(g, 5, outputs=(out,)), 6, inputs=(out,)))
    assert text.splitlines() == [
        "graph chain: sin: has types (f32[3]), its rule gives (f32[2]) (from chain.py:6)",
        "    %3 = sin(%2) : f32[2]  ; chain.py:3",
        "    %4 = sin(%3) : f32[2]  ; chain.py:4",
        "    %5 = sin(%4) : f32[2]  ; chain.py:5",
        ">   %6 = sin(%5) : f32[3]  ; chain.py:6",
        "    %7 = sin(%6) : f32[2]  ; chain.py:7",
        "    %8 = sin(%7) : f32[2]  ; chain.py:8",
        "    %9 = sin(%8) : f32[2]  ; chain.py:9",
    ]


def test_an_operand_must_be_defined_before() -> None:
    g = chain()
    later = with_node(g, 2, inputs=(g.nodes[5].out,))
    assert "sin: operand 0 is not defined before it, in the same region (from chain.py:3)" in refused(later)
    assert "operand 0 is not defined before it" in refused(with_node(g, 2, inputs=(Value(F2),)))


def test_a_region_sees_its_own_inputs_only() -> None:
    outer = chain(1)
    inner = Graph((Value(F2),), (), (outer.inputs[0],), "inner")
    node = Node(OPS["call"], outer.inputs, {}, (Value(F2),), {"body": inner})
    assert "output 0 is not defined in the graph" in refused(outer.with_nodes((node,), node.outputs))
    reaching = Node(OPS["sin"], outer.inputs, {}, (Value(F2),))
    inner = Graph((Value(F2),), (reaching,), reaching.outputs, "inner")
    node = replace(node, regions={"body": inner})
    text = refused(outer.with_nodes((node,), node.outputs))
    assert "sin: operand 0 is not defined before it" in text and ">       %3 = sin(%x)" in text


def test_a_value_is_defined_once() -> None:
    g = chain(3)
    assert "a value of type f32[2] is defined twice" in refused(with_node(g, 2, outputs=g.nodes[0].outputs))
    assert "a value of type f32[2] is defined twice" in refused(replace(g, inputs=g.inputs * 2))
    inner = build([F2], lambda x: p.sin(x))
    b = Builder()
    x = b.input(F2)
    for _ in range(2):
        b.append(OPS["call"], (x,), {"body": inner})
    assert "is defined twice" in refused(b.finish([x]))


def test_outputs_are_defined() -> None:
    g = chain(2)
    assert refused(replace(g, outputs=(g.outputs[0], Value(F2)))) == "graph chain: output 1 is not defined in the graph"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": ()}, "sin: 0 operands, expected 1"),
        ({"attrs": {"axis": 1}}, "sin: unknown attributes ['axis'], expected some of []"),
        ({"op": OPS["reduce_sum"]}, "reduce_sum: its attributes or operands do not fit"),
        ({"op": OPS["reduce_sum"], "attrs": {"axes": (5,)}}, "[C1: axes are distinct axes of the operand]"),
        ({"op": OPS["cast"], "attrs": {"dtype": "float32"}}, "cast: 'float32' among its attributes is not a dtype"),
        ({"regions": {"body": chain(1)}}, "sin: regions ['body'], expected []"),
        ({"outputs": ()}, "sin: has types (), its rule gives (f32[2])"),
        ({"outputs": (Value(tensor("float64", 2)),)}, "sin: has types (f64[2]), its rule gives (f32[2])"),
        ({"outputs": (Value(TensorType(F2.dtype, None)),)}, "sin: has types (f32[*]), its rule gives (f32[2])"),
    ],
)
def test_forms(changes: Any, message: str) -> None:
    assert message in refused(with_node(chain(1), 0, **changes))


@pytest.mark.parametrize("value", [object(), {1: 2}, (1, {"a": set()}), len, b"bytes"])
def test_attributes_are_data(value: Any) -> None:
    g = with_node(chain(1), 0, op=OPS["constant"], inputs=(), attrs={"value": value})
    assert f"constant: attribute value is a {type(value).__name__}, which a graph cannot hold" in refused(g)


N, M, K = sym("n"), sym("m"), sym("k")


def shaped(*sizes: Any, guards: Any = ()) -> Graph:
    """The sum of two vectors of n and m elements, said to have those sizes."""
    b = Builder()
    x, y = b.input(tensor("float32", N)), b.input(tensor("float32", M))
    b.append(OPS["add"], (x, y), {})
    g = b.finish([])
    return replace(with_node(g, 0, outputs=(Value(tensor("float32", *sizes)),)), guards=guards or g.guards)


@pytest.mark.parametrize(
    ("size", "guards"),
    [
        (N, ()), (M, ()), (4, ((N, M), (M, 4))), (K + 1, ((N, M), (M, K + 1))), (K, ((2 * N, 2 * M), (K, M), (N, K))),
    ],
)  # fmt: skip
def test_sizes_that_guards_equate_are_one(size: Any, guards: Any) -> None:
    verify(shaped(size, guards=guards))


@pytest.mark.parametrize("size", [N + 1, 4, K, 2 * N])
def test_sizes_that_nothing_equates_are_not(size: Any) -> None:
    assert "add: has types" in refused(shaped(size))


def test_constants_hold_what_they_say() -> None:
    b = Builder()
    node = b.append(OPS["constant"], (), {"value": np.float32([1, 2])})
    g = b.finish(node.outputs)
    wrong = with_node(g, 0, attrs={"value": np.float32([1, 2, 3])})
    assert "constant: has types (f32[2]), its rule gives (f32[3])" in refused(wrong)


def test_a_long_graph_is_verified_in_one_go() -> None:
    verify(chain(5000))
